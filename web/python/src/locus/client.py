"""A network as a researcher sees it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from .command import Locus, checked_id
from .errors import InputError, LocusError
from .models import Account, Block, Head, Health, Json, ListedQuery, Party, Plan, Schema, Stage, Study, decode
from .node import Node, Retry
from .opening import Bounds, Opener, Record
from .query import Query
from .result import Reading

Question = Union[Mapping[str, Any], str, "os.PathLike[str]"]
"""A query file's content, or its path, in JSON or, when its name ends in .toml, in TOML."""
QUESTION_BYTES_MAX = 1 << 20
"""The largest query file, as the node has it."""
RUNS = "runs"
"""The folder of the data directory with one folder for each query: its record, its receipt and its table."""


class Client:
    """A network through one of its nodes, and through the ``locus`` binary.

    Listings and plans are what the node says. What is signed, opened or verified is the binary's, which believes no
    node beyond the chain.

    Args:
        url: The node's address, such as ``http://127.0.0.1:8480``.
        data_dir: The network's files on this machine. Copy the network's ``genesis.json`` there: it says which chain to
            believe. Without it, the chain of the first contact is kept.
        key: The researcher's key file, for what is signed or decrypted.
        passphrase_file: File whose first line unlocks it; otherwise ``LOCUS_PASSPHRASE`` does.
        members: Addresses of the committee members, in their order, to add up queries with.
        timeout: Seconds that each connection, and each wait for bytes, may take.
        retry: How reads are tried again. What is no read is sent once.
        sleep: What pauses, in seconds.

    Raises:
        InputError: For an address that is not HTTP.
    """

    def __init__(
        self,
        url: str,
        *,
        data_dir: str | os.PathLike[str] = ".locus",
        key: str | os.PathLike[str] | None = None,
        passphrase_file: str | os.PathLike[str] | None = None,
        members: Sequence[str] = (),
        timeout: float = 30.0,
        retry: Retry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connects to nothing yet."""
        self._sleep = sleep
        self._members = tuple(members)
        self._data_dir = Path(data_dir).absolute()
        self._node = Node(url, timeout, retry, sleep)
        absolute = [None if path is None else Path(path).absolute() for path in (key, passphrase_file)]
        self._locus = Locus(self._node.url, self._data_dir, *absolute)

    def __repr__(self) -> str:
        """The address."""
        return f"<locus.Client {self._node.url}>"

    def health(self) -> Health:
        """That the node works, and how far it is."""
        return decode(Health, self._node.get("/health"), "health")

    def head(self) -> Head:
        """Where the chain stands."""
        return decode(Head, self._node.get("/v1/head"), "head")

    def account(self, account: str | None = None) -> Account:
        """An account's balance and nonce, proven against the chain; of the client's key without an id.

        Raises:
            CommandError: When the node's proof does not hold.
        """
        return self._locus.account(self._locus.own_account() if account is None else account)

    def studies(self, *, researcher: str | None = None, newest_first: bool = False) -> Iterator[Study]:
        """Registered studies, of one researcher's account if given, page by page."""
        return self._node.pages(Study, "/v1/studies", researcher=researcher, order=_order(newest_first))

    def schemas(self, *, newest_first: bool = False) -> Iterator[Schema]:
        """Registered schemas, page by page."""
        return self._node.pages(Schema, "/v1/schemas", order=_order(newest_first))

    def schema(self, schema: str) -> Json:
        """A schema: its attributes with their units, and its panel of variants."""
        found: Json = self._node.get(f"/v1/schemas/{checked_id('schema', schema)}")
        return found

    def queries(
        self, *, stage: Stage | str | None = None, study: str | None = None, newest_first: bool = False, page: int = 500
    ) -> Iterator[ListedQuery]:
        """Queries, in one stage or of one study if given, page by page, ``page`` rows (1 to 500) at a time.

        Raises:
            MalformedError: For a stage that there is none of, as the first row is asked for.
        """
        filters = {"stage": stage, "study": study, "order": _order(newest_first)}
        return self._node.pages(ListedQuery, "/v1/queries", page, **filters)

    def blocks(self, *, newest_first: bool = False) -> Iterator[Block]:
        """Blocks, page by page."""
        return self._node.pages(Block, "/v1/blocks", order=_order(newest_first))

    def block(self, height: int) -> Json:
        """A block with its transactions and certificate, from height 1 on.

        Raises:
            UnknownError: Beyond the head.
        """
        found: Json = self._node.get(f"/v1/blocks/{int(height)}")
        return found

    def issuers(self) -> Iterator[Party]:
        """Issuers that governance ever accredited."""
        return self._node.pages(Party, "/v1/issuers")

    def researchers(self) -> Iterator[Party]:
        """Researchers that governance ever accredited."""
        return self._node.pages(Party, "/v1/researchers")

    def query_schema(self) -> Json:
        """The JSON Schema of query files."""
        found: Json = self._node.get("/v1/query-schema")
        return found

    def plan(self, question: Question, *, cohort: int | None = None) -> Plan:
        """What a query would cost, spend and tell, and why the ledger would refuse it. Opens and spends nothing.

        Args:
            question: The query file.
            cohort: People to suppose in the cohort; the query's minimum without it.

        Raises:
            MalformedError: When the file means no query; it names the place.
        """
        return decode(Plan, self._node.post("/v1/plans", load(question), cohort=cohort), "plan")

    def register_study(self, title: str, *, protocol: str | os.PathLike[str], ethics: str) -> str:
        """Registers a study, a new one each time, and returns its id.

        Args:
            title: Title shown to people.
            protocol: The protocol document's file: its SHA-256 is registered, nothing is uploaded.
            ethics: Reference of the ethics committee's approval.

        Raises:
            CommandError: When the ledger refuses, such as for a researcher who is not accredited.
        """
        options = (f"--protocol={Path(protocol).absolute()}", f"--ethics={ethics}", "--", title)
        return checked_id("study", str(self._locus.signed("study register", *options)["study"]))

    def open(
        self, question: Question, *, escrow_max: int | None = None, epsilon_max: float | None = None, label: str = ""
    ) -> Query:
        """Opens a query, once: the same question again gives the query that it opened, whatever happened in between.

        Opening locks price times maximum contributions and pays a fee that is not refunded. This call is the
        confirmation; ``plan`` says what it costs.

        Args:
            question: The query file.
            escrow_max: Money that it may lock at most, in minor units.
            epsilon_max: ε that it may spend at most; an exact query is refused then.
            label: Tells apart runs of the same question. A new label opens, and spends, anew.

        Raises:
            OpeningRefusedError: When the ledger would refuse it, or it exceeds a bound. Nothing is spent.
            InterruptedOpeningError: When it cannot be told what became of an earlier opening. Nothing is spent.
            MalformedError: When the file means no query.
            CommandError: When the binary fails; call again.
        """
        asked = load(question)
        folder = self._folder(self._run(asked, label))
        opener = Opener(self._node, self._locus, self._sleep)
        bounds = Bounds(escrow_max, epsilon_max)
        return self._query(opener.open(folder, asked, lambda: self.plan(asked), bounds), folder)

    def query(self, query: str) -> Query:
        """A query by its id. One that was opened from this data directory is read as its file means it; the result of
        another has counts, moments and allele frequencies alone.
        """
        checked_id("query", query)
        for path in sorted((self._data_dir / RUNS).glob("*/opening.json")):
            record = Record.load(path)
            if record is not None and record.query == query:
                return self._query(query, path.parent)
        return self._query(query, self._folder(query))

    def _query(self, query: str, folder: Path) -> Query:
        return Query(query, self._node, self._locus, Reading(self._locus, folder), self._members, self._sleep)

    def _run(self, question: Json, label: str) -> str:
        """The name of a run: the digest of chain, account, question and label."""
        terms = [self._locus.chain(), self._locus.own_account(), question, label]
        return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()

    def _folder(self, name: str) -> Path:
        folder = self._data_dir / RUNS / name[:32]
        # Results are the researcher's own until they pass them on.
        (self._data_dir / RUNS).mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def load(question: Question) -> Json:
    """A query file's content, from its path or as given.

    Raises:
        InputError: When it cannot be read, or is no object of JSON or TOML.
    """
    if isinstance(question, Mapping):
        return _plain(question, "the question")
    path = Path(question)
    try:
        with path.open("rb") as file:
            text = file.read(QUESTION_BYTES_MAX + 1)
        if len(text) > QUESTION_BYTES_MAX:
            raise InputError(f"{path} is larger than {QUESTION_BYTES_MAX} bytes")
        return _plain(_toml(text.decode()) if path.suffix == ".toml" else json.loads(text), str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no query file: {error}") from error


def _plain(value: object, what: str) -> Json:
    """The value as JSON reads it back: tuples are lists, and what has no JSON form is refused."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} has no JSON form: {error}") from error
    if not isinstance(plain, dict):
        raise InputError(f"{what} is no object; a query file has fields such as study, schema and measures")
    return plain


def _toml(text: str) -> Json:
    if sys.version_info < (3, 11):
        raise LocusError("query files in TOML take Python 3.11 or later; write this one in JSON")
    import tomllib

    return tomllib.loads(text)


def _order(newest_first: bool) -> str:
    return "newest" if newest_first else "oldest"
