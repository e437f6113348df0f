"""What the ledger and the binary answer, as frozen dataclasses.

Ids, accounts and digests are text of hex digits. Money is in the network's minor units, times are seconds since
1970-01-01T00:00:00Z, days are whole days since then. Fields that a later node adds are ignored.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, Union

from .errors import ReplyError

Json = dict[str, Any]
"""An object whose form this package does not fix: the node's ``/openapi.json`` describes it."""


class Stage(str, Enum):
    """The stage of a query's life. Each step is taken once."""

    COLLECTING = "collecting"
    """Contributions are admitted, up to the closing day."""
    SEALED = "sealed"
    """The set of contributions is frozen."""
    AGGREGATED = "aggregated"
    """The committee signed the sum."""
    RELEASED = "released"
    """The researcher can decrypt the sum; contributors are paid."""
    REFUNDED = "refunded"
    """A deadline or the minimum was missed; the escrow went back."""

    def __str__(self) -> str:
        """The word that the ledger uses."""
        return self.value


@dataclasses.dataclass(frozen=True)
class Head:
    """Where the chain stands: the latest block's height and time, and the next block's epoch."""

    height: int
    time: int
    epoch: int


@dataclasses.dataclass(frozen=True)
class Health:
    """That a node works: its release, its chain, its latest block, and the latest block in its listings."""

    version: str
    chain: str
    height: int
    index: int
    waiting: int


@dataclasses.dataclass(frozen=True)
class Account:
    """An account's balance in minor units, and the nonce of its next action."""

    balance: int
    nonce: int


@dataclasses.dataclass(frozen=True)
class Block:
    """A block in a listing: its place, its header's hash, its time and epoch, and how many transactions it holds."""

    sequence: int
    header: str
    time: int
    epoch: int
    transactions: int


@dataclasses.dataclass(frozen=True)
class Schema:
    """What records mean, in a listing."""

    sequence: int
    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class Study:
    """A registered study, in a listing. The researcher is an account."""

    sequence: int
    id: str
    researcher: str
    title: str


@dataclasses.dataclass(frozen=True)
class Party:
    """An issuer or a researcher that governance accredited; a suspended one is not accredited any more."""

    sequence: int
    role: str
    account: str
    name: str
    accredited: bool


@dataclasses.dataclass(frozen=True)
class ListedQuery:
    """A query in a listing: how far it is, and how many contributions were ever admitted and still stand."""

    sequence: int
    id: str
    study: str
    researcher: str
    stage: Stage
    admitted: int
    surviving: int


@dataclasses.dataclass(frozen=True)
class QueryStatus:
    """A query on the ledger, and how far it is.

    Attributes:
        query: Criteria, parts, data use, price and deadlines, as the ledger holds them.
        researcher: The account that opened it.
        nonce: That account's nonce then, which enters the query's id.
        opened: The block that opened it.
        status: The stage with its data, such as its block and, once refunded, the reason.
        escrow: Money still locked, in minor units.
        admitted: Contributions ever admitted.
        surviving: Contributions not withdrawn.
    """

    query: Json
    researcher: str
    nonce: int
    opened: int
    status: Json
    escrow: int
    admitted: int
    surviving: int

    @property
    def stage(self) -> Stage:
        """The stage.

        Raises:
            ReplyError: For a stage that this release does not know.
        """
        try:
            return Stage(self.status.get("stage"))
        except ValueError as error:
            raise ReplyError(f"a query is in an unknown stage ({error}); a later release may know it") from error


@dataclasses.dataclass(frozen=True)
class Privacy:
    """What a private query spends.

    Attributes:
        epsilon_milli: ε of the query, in thousandths.
        delta: δ of every query.
        count_deviation: Standard deviation of the noise in a count of the noisiest part, in people.
        study_epsilon_milli: ε that the study will have spent with this query, in thousandths.
        researcher_epsilon_milli: The same of the researcher, over all studies.
        tight: ε of ``query``, ``study`` and ``researcher`` as opendp accounts for them at the same δ; none where unbounded.
    """

    epsilon_milli: int
    delta: float
    count_deviation: float
    study_epsilon_milli: int
    researcher_epsilon_milli: int
    tight: dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class Expectation:
    """How precise a measure would be.

    Attributes:
        measure: The measure's place in the file, from 0.
        what: What is estimated.
        people: People that it is of.
        sampling_error: Standard error from sampling alone; none for a count of the cohort itself.
        noise_error: Standard error from privacy noise alone; 0 for an exact query.
    """

    measure: int
    what: str
    people: float
    sampling_error: float | None
    noise_error: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a query would take and give. Making a plan opens and spends nothing.

    Attributes:
        parts: Ciphertexts, and proofs, of each contributor.
        proofs: Proofs of all contributors together, at most: parts times the maximum of contributions.
        slots: Slots that each part uses, of 4,032.
        escrow: What opening locks, in minor units: price times the maximum of contributions.
        fee: What opening costs, in minor units; not refunded.
        closing: The closing day, as a date.
        privacy: What privacy is spent; none for an exact query.
        expectations: How precise the measures would be over the supposed cohort.
        warnings: What is allowed and may still not be meant.
        refusal: Why the ledger would refuse it now; none if it would not.
        query: The query itself, as the ledger would hold it.
    """

    parts: int
    proofs: int
    slots: tuple[int, ...]
    escrow: int
    fee: int
    closing: str
    privacy: Privacy | None
    expectations: tuple[Expectation, ...]
    warnings: tuple[str, ...]
    refusal: str | None
    query: Json


@dataclasses.dataclass(frozen=True)
class Check:
    """A rule of the receipt's page (docs/protocol/receipt.md), and what it found."""

    rule: str
    says: str


@dataclasses.dataclass(frozen=True)
class VerifiedReceipt:
    """What a receipt proves. There is no such value for a receipt that does not verify.

    Attributes:
        chain: The chain id. Anyone can found a chain: compare it with the one that your consortium published.
        network: ``demo``, ``test`` or ``consortium``.
        proving_key: ``insecure_seed`` when whoever knows the seed forges proofs, ``ceremony`` otherwise.
        query: The query's id.
        records: Distinct certified records that contributed.
        checks: Each rule that was checked.
    """

    chain: str
    network: str
    proving_key: str
    query: str
    records: int
    checks: tuple[Check, ...]


@dataclasses.dataclass(frozen=True)
class VerifiedScreeningReceipt:
    """What a screening's receipt proves. There is no such value for a receipt that does not verify.

    Attributes:
        chain: The chain id. Anyone can found a chain: compare it with the one that your consortium published.
        network: ``demo``, ``test`` or ``consortium``.
        proving_key: ``insecure_seed`` when whoever knows the seed forges proofs, ``ceremony`` otherwise.
        screening: The screening's id.
        height: The block that the count is of. Later ones may hold more.
        time: That block's time.
        records: Distinct certified records that meet the criteria, and whose holders allow to be asked.
        criteria: The criteria in words, one for each group; all of them hold.
        checks: Each rule of docs/protocol/screening-receipt.md that was checked.
    """

    chain: str
    network: str
    proving_key: str
    screening: str
    height: int
    time: int
    records: int
    criteria: tuple[str, ...]
    checks: tuple[Check, ...]


Model = TypeVar("Model")


def decode(model: type[Model], value: object, where: str) -> Model:
    """A dataclass of this module from decoded JSON.

    Raises:
        ReplyError: When a field is absent or of another type; it names the place.
    """
    if not isinstance(value, Mapping):
        raise ReplyError(f"{where} is no object; is this a Locus node of a release that this package knows?")
    hints = typing.get_type_hints(model)
    fields = dataclasses.fields(model)  # type: ignore[arg-type]
    names = [field.name for field in fields]
    return model(**{name: _field(hints[name], value.get(name), f"{where}.{name}") for name in names})


def _field(hint: Any, value: object, where: str) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _field(arguments[0], value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_field(arguments[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return decode(typing.cast(type[Any], hint), value, where)
    if isinstance(hint, type) and issubclass(hint, Stage) and value in [stage.value for stage in Stage]:
        return Stage(value)
    if hint is float and type(value) in (int, float):
        return float(typing.cast(float, value))
    if (hint in (int, str, bool) and type(value) is hint) or (origin is dict and isinstance(value, dict)):
        return value
    raise ReplyError(f"{where} is not as documented; is this a Locus node of a release that this package knows?")
