"""Opening a query once, however often it is tried.

Opening locks money and spends privacy. Before the binary is asked to open anything, the run's folder gets a record with
the nonce that the opening will carry. The ledger takes each nonce of an account once. So whoever finds a record without
an id, after a crash at any point, can tell what happened:

- The account's proven nonce is still the recorded one: nothing arrived. Opening again carries the same nonce, so that
  at most one of the two is ever taken.
- The nonce has moved on: the query is on the ledger, and is found by its researcher, its nonce and its content.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .command import Locus, checked_id
from .errors import InputError, InterruptedOpeningError, OpeningRefusedError, ReplyError, RunInProgressError
from .models import Head, Health, Json, ListedQuery, Plan, QueryStatus, decode
from .node import Node

RECORD_FORMAT = 1
"""The form of the record; another is refused."""
LOCK_SECONDS_MAX = 120.0
"""How long to wait for another process of the same run: longer than the binary waits for a block."""
PENDING_SECONDS_MAX = 120.0
"""How long to wait until the ledger and the node's listings show what became of an interrupted opening."""
POLL_SECONDS = 0.5
"""How often to look."""
QUERIES_SOUGHT_MAX = 10_000
"""Queries of a study that are looked through, newest first."""
VOLATILE = ("opening", "closing", "sealing")
"""What a plan cannot know of the query on the ledger: its days, and the key that its result is sealed to."""


@dataclasses.dataclass(frozen=True)
class Record:
    """What a run's folder says of its opening.

    Attributes:
        chain: The chain's id.
        researcher: The account that opens.
        study: The study's id.
        nonce: The account's nonce when the opening began; the query's own is this, or a later one.
        question: The query as planned, without what changes from day to day.
        query: The query's id, once the binary has said it.
    """

    chain: str
    researcher: str
    study: str
    nonce: int
    question: Json
    query: str | None = None

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """The record in a file; none where there is no file.

        Raises:
            InputError: When it does not decode. Whether the query was opened is then not known, and nothing is.
        """
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        try:
            value = json.loads(text)
            if value["format"] != RECORD_FORMAT:
                raise ValueError(f"its format is {value['format']!r}")
            return decode(cls, value, "record")
        except (ValueError, KeyError, TypeError, ReplyError) as error:
            remedy = "see whether its query is open, then move it away"
            raise InputError(f"{path} is no record of a run ({error}); {remedy}") from error

    def save(self, path: Path) -> None:
        """Writes it whole, and on the disk before this returns."""
        write_whole(path, json.dumps({"format": RECORD_FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file of this researcher alone, whole and durably or not at all."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def locked(folder: Path, sleep: Callable[[float], None]) -> Iterator[int]:
    """Keeps other processes off a run. The descriptor given is the lock: a child that inherits it holds the lock too,
    so that an opening which outlives its Python is waited for.

    Raises:
        RunInProgressError: When another holds it for :data:`LOCK_SECONDS_MAX`.
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS_MAX
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunInProgressError(f"another process works on {folder}; wait for it") from None
                sleep(POLL_SECONDS)
        yield lock
    finally:
        os.close(lock)


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What an opening may cost at most; none for no bound.

    Attributes:
        escrow_max: Money locked, in minor units.
        epsilon_max: ε of the query. A query without differential privacy, an exact one, exceeds every ε.
    """

    escrow_max: int | None = None
    epsilon_max: float | None = None

    def reasons(self, plan: Plan) -> list[str]:
        """Why a plan is not to be opened."""
        reasons = [] if plan.refusal is None else [f"the ledger would refuse it: {plan.refusal}"]
        if self.escrow_max is not None and plan.escrow > self.escrow_max:
            reasons.append(f"it locks {plan.escrow}, more than {self.escrow_max}")
        if self.epsilon_max is not None:
            if plan.privacy is None:
                reasons.append("it is exact, which no epsilon bounds")
            elif plan.privacy.epsilon_milli > self.epsilon_max * 1000:
                reasons.append(f"it spends ε = {plan.privacy.epsilon_milli / 1000}, more than {self.epsilon_max}")
        return reasons


@dataclasses.dataclass(frozen=True)
class Opener:
    """What opens a run's query: the node that plans, the binary that signs, and what pauses."""

    node: Node
    locus: Locus
    sleep: Callable[[float], None]

    def open(self, folder: Path, question: Json, plan: Callable[[], Plan], bounds: Bounds) -> str:
        """The id of the run's query, opened now or earlier.

        Raises:
            OpeningRefusedError: When the ledger would refuse it, or it exceeds the bounds. Nothing is spent.
            InterruptedOpeningError: When it cannot be told what became of an earlier opening. Nothing is spent.
            CommandError: When the binary fails; try again, the record keeps a second opening from counting.
        """
        path = folder / "opening.json"
        with locked(folder, self.sleep) as lock:
            record = Record.load(path)
            if record is not None:
                found = record.query or self._find(record)
                if found is not None:
                    dataclasses.replace(record, query=found).save(path)
                    return found
            planned = plan()
            reasons = bounds.reasons(planned)
            if reasons:
                raise OpeningRefusedError(reasons)
            file = folder / "query.json"
            write_whole(file, json.dumps(question, indent=1) + "\n")
            record = self._record(question, planned)
            record.save(path)
            opened = self.locus.signed("query open", "--yes", f"--nonce={record.nonce}", file, keep_open=[lock])
            query = checked_id("query", str(opened["id"]))
            dataclasses.replace(record, query=query).save(path)
            return query

    def _record(self, question: Json, plan: Plan) -> Record:
        researcher = self.locus.own_account()
        nonce = self.locus.account(researcher).nonce
        return Record(self.locus.chain(), researcher, str(question.get("study")), nonce, steady(plan.query))

    def _find(self, record: Record) -> str | None:
        """The query that an interrupted opening left on the ledger; none when it never arrived."""
        deadline = time.monotonic() + PENDING_SECONDS_MAX
        while True:
            nonce = self.locus.account(record.researcher).nonce
            waiting = self.node.get(f"/v1/accounts/{record.researcher}/next-nonce")
            if nonce == record.nonce and waiting == record.nonce:
                return None
            if nonce > record.nonce:
                head = decode(Head, self.node.get("/v1/head"), "head")
                found = self._listed(record)
                if found is not None:
                    return found
                if decode(Health, self.node.get("/health"), "health").index >= head.height:
                    raise InterruptedOpeningError(
                        f"account {record.researcher} has acted since the opening was interrupted, and none of the "
                        f"queries listed under study {record.study} is this one; if it did something else meanwhile, "
                        "give the question another label to ask it"
                    )
            if time.monotonic() > deadline:
                raise InterruptedOpeningError("the interrupted opening still waits for a block; try again later")
            self.sleep(POLL_SECONDS)

    def _listed(self, record: Record) -> str | None:
        """The recorded query among those of its study, proven by the binary."""
        rows = self.node.pages(ListedQuery, "/v1/queries", study=record.study, order="newest")
        for row in itertools.islice(rows, QUERIES_SOUGHT_MAX):
            if row.researcher == record.researcher and is_recorded(record, self.locus.query(row.id)):
                return row.id
        return None


def steady(query: Json) -> dict[str, Any]:
    """A query without what changes from day to day."""
    return {name: value for name, value in query.items() if name not in VOLATILE}


def is_recorded(record: Record, state: QueryStatus) -> bool:
    """Whether a query on the ledger is the one that a record began to open."""
    same = state.researcher == record.researcher and steady(state.query) == record.question
    return same and state.nonce >= record.nonce
