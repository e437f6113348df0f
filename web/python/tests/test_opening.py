"""A query is opened, and paid for, once, whatever interrupts its opening."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PEOPLE, Town

import locus
from locus.command import Locus

COST = 500 * PEOPLE + 100
"""Escrow and fee of the question."""


class Crash(BaseException):
    """What ends this process in the middle of a step; not an Exception, as a signal is none."""


@pytest.fixture
def study(town: Town, request: pytest.FixtureRequest) -> str:
    return town.study(request.node.name)


def open_once(town: Town, study: str) -> tuple[str, int]:
    """Opens the question of a study, and says what has been paid by whoever opened it."""
    client = town.client()
    query = client.open(town.question(study))
    assert town.listed(study, 1) == [query.id]
    return query.id, client.account().balance


def crash(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The next signed command crashes this process, before the binary starts or after it has done its work."""
    original: Callable[..., Any] = Locus.signed

    def signed(self: Locus, command: str, *arguments: str | Path, **options: Any) -> Any:
        if after:
            original(self, command, *arguments, **options)
        raise Crash

    monkeypatch.setattr(Locus, "signed", signed)


@pytest.mark.parametrize("after", [False, True], ids=["before the binary", "after the binary"])
def test_repro_an_interrupted_opening_pays_once(
    town: Town, study: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    before = town.client().account().balance
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash(patch, after=after)
        town.client().open(town.question(study))
    assert len(town.listed(study, int(after))) == int(after)
    first, balance = open_once(town, study)
    second, still = open_once(town, study)
    assert (first, balance) == (second, still)
    assert before - balance == COST


OPEN = """
import json, sys, locus
url, folder, key, question = sys.argv[1:]
print(locus.Client(url, data_dir=folder, key=key).open(json.loads(question)).id)
"""


@pytest.mark.parametrize("seconds", [0.0, 0.15])
def test_a_process_that_is_killed_while_it_opens_leaves_one_query(town: Town, study: str, seconds: float) -> None:
    before = town.client().account().balance
    question = json.dumps(town.question(study))
    arguments = [sys.executable, "-c", OPEN, town.url, str(town.folder), str(town.key), question]
    records = set(town.folder.glob("runs/*/opening.json"))
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    while process.poll() is None and set(town.folder.glob("runs/*/opening.json")) == records:
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, balance = open_once(town, study)
    assert before - balance == COST


def test_nothing_is_opened_when_it_cannot_be_told_what_happened(
    town: Town, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash(patch, after=False)
        town.client().open(town.question(study))
    town.study("Something else with the same key")
    with pytest.raises(locus.InterruptedOpeningError, match="another label"):
        town.client().open(town.question(study))
    assert list(town.client().queries(study=study)) == []
    query = town.client().open(town.question(study), label="again")
    assert town.listed(study, 1) == [query.id]


def test_another_label_asks_anew(town: Town, study: str) -> None:
    client = town.client()
    first = client.open(town.question(study))
    assert client.open(town.question(study), label="second").id != first.id
    assert client.open(town.question(study)).id == first.id


def test_bounds_and_what_the_ledger_refuses_spend_nothing(town: Town, study: str) -> None:
    client = town.client()
    before = client.account()
    question = town.question(study)
    with pytest.raises(locus.OpeningRefusedError, match="more than 1499"):
        client.open(question, escrow_max=500 * PEOPLE - 1)
    with pytest.raises(locus.OpeningRefusedError, match=r"more than 1\.5"):
        client.open(question, epsilon_max=1.5)
    with pytest.raises(locus.OpeningRefusedError, match="exact"):
        client.open({**question, "privacy": "exact"}, epsilon_max=10.0)
    with pytest.raises(locus.OpeningRefusedError, match="would refuse"):
        client.open({**question, "study": "00" * 32})
    assert client.account() == before
    assert client.open(question, escrow_max=500 * PEOPLE, epsilon_max=2.0).status().escrow == 500 * PEOPLE


def test_a_record_that_does_not_decode_opens_nothing(town: Town, study: str) -> None:
    client = town.client()
    records = set(town.folder.glob("runs/*/opening.json"))
    query = client.open(town.question(study))
    (record,) = set(town.folder.glob("runs/*/opening.json")) - records
    whole = record.read_text()
    for broken in ("", "{}", whole.replace('"format": 1', '"format": 2'), whole[: len(whole) // 2]):
        record.write_text(broken)
        with pytest.raises(locus.InputError, match="no record of a run"):
            client.open(town.question(study))
    record.write_text(whole)
    assert client.open(town.question(study)).id == query.id


def test_waiting_ends_in_time_and_goes_on_later(town: Town, study: str) -> None:
    query = town.client().open(town.question(study))
    with pytest.raises(locus.WaitTimeoutError, match="still collecting") as late:
        query.run(timeout=0.2)
    assert isinstance(late.value, TimeoutError)
    assert query.run(wait=False) is None
    assert query.wait(locus.Stage.COLLECTING).surviving == 0
    with pytest.raises(locus.CommandError, match="collects until"):
        query.seal()


def test_a_node_that_lies_has_no_query_sealed_and_none_asked_again(
    town: Town, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = town.client().open(town.question(study))
    honest = query.status()
    for lie in ({"surviving": PEOPLE}, {"status": {"stage": "refunded", "height": 1, "reason": "not_released"}}):
        monkeypatch.setattr(query, "status", lambda lie=lie: dataclasses.replace(honest, **lie))
        assert query.run(wait=False) is None
    monkeypatch.undo()
    assert query.status() == honest
