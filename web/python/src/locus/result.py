"""A released result: its statistics as rows, a data frame or figures, and the receipt that proves it."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .command import Locus, verify_receipt
from .errors import InputError, ReplyError
from .models import Json, VerifiedReceipt, decode

if TYPE_CHECKING:
    import pandas

NUMBERS = ("value", "standard_error", "ci_lo", "ci_hi", "p_value", "adjusted_p", "noise_sd")
"""Columns of a table that hold numbers or nothing."""


@dataclasses.dataclass(frozen=True)
class Row:
    """An estimate, a test, or why there is none: a row of the table that ``locus result --csv`` writes.

    Attributes:
        family: The family of statistics, such as ``genotypes``.
        statistic: What is estimated or tested, such as ``allele_frequency``.
        group: The group or cell, in words.
        variant: The variant, such as ``22:16050822 G>A``; empty where it is of none.
        method: How the estimate, its interval or the test was made.
        value: The estimate in its own unit, or a test's statistic; none when undefined.
        standard_error: Its standard error, in the same unit, sampling and privacy noise together.
        ci_lo: Lower end of the 95% interval, in the same unit; noise is counted in.
        ci_hi: Upper end.
        degrees_of_freedom: Of a test.
        p_value: Of a test; noise is counted in.
        adjusted_p: The same, adjusted for many tests.
        people: People that it rests on, as released: with noise, so that it may be below zero.
        noise_sd: Standard deviation of the privacy noise in that number, in people; 0 for an exact query.
        undefined: Why a number is missing; empty where none is.
        unit: The unit of value, standard error and interval, in words; empty where they have none.
    """

    family: str
    statistic: str
    group: str
    variant: str
    method: str
    value: float | None
    standard_error: float | None
    ci_lo: float | None
    ci_hi: float | None
    degrees_of_freedom: tuple[float, ...]
    p_value: float | None
    adjusted_p: float | None
    people: int | None
    noise_sd: float | None
    undefined: str
    unit: str


@dataclasses.dataclass(frozen=True)
class Spent:
    """What a private query spent.

    Attributes:
        epsilon_milli: ε of the query, in thousandths.
        delta: δ.
        rho_billionths: The same in zero-concentrated differential privacy, in billionths.
        epsilon_tight: The least ε at δ that this ρ keeps.
        study: What the study has spent with it.
        researcher: What the researcher has spent with it, over all studies.
    """

    epsilon_milli: int
    delta: float
    rho_billionths: int
    epsilon_tight: float | None
    study: Json
    researcher: Json


@dataclasses.dataclass(frozen=True)
class Figures:
    """Figures that were drawn, as SVG and PNG files, and those that there are none of, with why."""

    drawn: tuple[Path, ...]
    left_out: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Decrypted:
    """What ``locus result --json`` prints, beside the table: see :class:`Result`."""

    query: str
    analyses: tuple[Json, ...]
    notes: tuple[str, ...]
    privacy: Spent | None
    slots: tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True)
class Result:
    """A decrypted result.

    Attributes:
        query: The query's id.
        analyses: The statistics of each measure, as ``locus result --json`` prints them.
        notes: What protects the cohort, in words.
        privacy: What the query spent; none for an exact one.
        slots: The sums themselves, for each part, with noise where the query is private.
        receipt: The receipt's file, which :func:`locus.verify_receipt` checks. Who has it has the result.
        table: The table's file, in CSV.
    """

    query: str
    analyses: tuple[Json, ...]
    notes: tuple[str, ...]
    privacy: Spent | None
    slots: tuple[tuple[int, ...], ...]
    receipt: Path
    table: Path
    _reading: Reading = dataclasses.field(repr=False)
    _weights: Path | None = dataclasses.field(default=None, repr=False)

    def rows(self) -> Iterator[Row]:
        """The rows of the table.

        Raises:
            ReplyError: When the table is not as this release knows it.
        """
        with self.table.open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                try:
                    yield _row(line)
                except (KeyError, ValueError) as error:
                    raise ReplyError(f"{self.table} is not as this release knows it: {error!r}") from error

    def to_dataframe(self) -> pandas.DataFrame:
        """The table as a data frame, one row for each estimate or test, in the columns of :class:`Row`.

        Columns are named as in the CSV: ``value`` is the estimate, ``ci_lo`` and ``ci_hi`` its 95% interval, ``n`` the
        people, ``noise_sd`` the standard deviation of the privacy noise in their number, ``df`` degrees of freedom as
        text, since a test may have two. Numbers are float64 and equal the table's to the last bit, ``n`` is Int64, the
        rest is text.

        Raises:
            ImportError: Without pandas: install ``locus-client[dataframe]``.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a data frame takes pandas: pip install 'locus-client[dataframe]'") from error
        # A group may be named NA: text is never missing. Numbers are read by Python, to the last bit.
        frame = pandas.read_csv(self.table, dtype=str, keep_default_na=False)
        numbers = {name: [float(text or "nan") for text in frame[name]] for name in NUMBERS}
        people = pandas.array([int(text) if text else None for text in frame["n"]], dtype="Int64")
        return frame.assign(**numbers, n=people)

    def figures(self, folder: str | Path) -> Figures:
        """Draws every figure, as SVG and PNG, into a folder.

        Raises:
            CommandError: When a file cannot be written.
        """
        path = Path(folder).absolute()
        answer = self._reading.run(self.query, f"--figures={path}", table=self.table, weights=self._weights)
        written = [Path(name) for name in answer.get("written", [])]
        return Figures(
            tuple(file for file in written if file.suffix in (".svg", ".png")), tuple(answer.get("undrawn", []))
        )

    def verify(self, chain: str | None = None) -> VerifiedReceipt:
        """Checks the receipt offline: :func:`locus.verify_receipt`.

        Raises:
            ReceiptRefusedError: When it does not verify.
        """
        return verify_receipt(self.receipt, chain=chain)


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a result is decrypted and read: with which key, into which folder, and as which query file means it."""

    locus: Locus
    folder: Path

    def result(self, query: str, weights: Path | None = None) -> Result:
        """Decrypts a released query's result; the same each time.

        Raises:
            CommandError: When it is not released, or is sealed to another key, or the weights are refused.
            InputError: When the weights cannot be read.
        """
        table = self._file("table.csv" if weights is None else f"table-{_digest(weights)}.csv")
        decrypted = decode(Decrypted, self.run(query, table=table, weights=weights), "result")
        fields = {field.name: getattr(decrypted, field.name) for field in dataclasses.fields(Decrypted)}
        return Result(
            **fields, receipt=self._file("receipt.json"), table=table, _reading=self, _weights=weights
        )

    def run(self, query: str, *options: str, table: Path, weights: Path | None) -> Json:
        """What ``locus result`` prints; receipt and table are written anew."""
        arguments = [f"--receipt={self._file('receipt.json')}", f"--csv={table}", *options]
        if weights is not None:
            arguments.append(f"--weights={weights}")
        if self._file("query.json").exists():
            arguments.append(f"--query-file={self._file('query.json')}")
        answer = self.locus.signed("result", *arguments, query)
        if not isinstance(answer, dict):
            raise ReplyError("locus result printed no object")
        return answer

    def _file(self, name: str) -> Path:
        return self.folder / name


def _digest(weights: Path) -> str:
    """Names a table by its weights, so that one result's table is not another's."""
    try:
        return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(f"{weights}: {error.strerror}") from error


def _row(line: dict[str, str]) -> Row:
    def number(name: str) -> float | None:
        value = float(line[name]) if line[name] else None
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
        return value

    return Row(
        family=line["family"],
        statistic=line["statistic"],
        group=line["group"],
        variant=line["variant"],
        method=line["method"],
        value=number("value"),
        standard_error=number("standard_error"),
        ci_lo=number("ci_lo"),
        ci_hi=number("ci_hi"),
        degrees_of_freedom=tuple(float(part) for part in line["df"].split("; ") if part),
        p_value=number("p_value"),
        adjusted_p=number("adjusted_p"),
        people=int(line["n"]) if line["n"] else None,
        noise_sd=number("noise_sd"),
        undefined=line["undefined"],
        unit=line.get("unit", ""),
    )
