"""What a node shows: listings, pages, plans, and refusals as types."""

from __future__ import annotations

import pandas
import pytest
from conftest import PEOPLE, Town

import locus


def test_studies_schemas_and_parties_are_listed(town: Town) -> None:
    client = town.client()
    study = next(client.studies())
    researcher = client.account()
    assert study.title == "Allele frequencies"
    assert [party.account for party in client.researchers()] == [study.researcher]
    assert len(list(client.issuers())) == 2
    assert researcher.balance < 1_000_000_000 and researcher.nonce >= 3
    schema = client.schema(next(client.schemas()).id)
    assert "age" in [attribute["name"] for attribute in schema["attributes"]]


def test_a_listing_is_the_same_whatever_its_pages_are(town: Town) -> None:
    client = town.client()
    study = town.study("Pages")
    for number in range(2):
        client.open(town.question(study), label=f"page {number}")
    assert len(set(town.listed(study, 2))) == 2
    whole = list(client.queries())
    assert len(whole) >= 3
    assert list(client.queries(page=1)) == whole
    assert list(client.queries(page=2, newest_first=True)) == whole[::-1]


def test_queries_are_listed_by_stage_and_fit_a_data_frame(town: Town) -> None:
    released = list(town.client().queries(stage=locus.Stage.RELEASED))
    assert town.released in [query.id for query in released]
    frame = pandas.DataFrame(released)
    assert frame["surviving"].tolist()[0] == PEOPLE
    with pytest.raises(locus.MalformedError, match="stage") as refused:
        list(town.client().queries(stage="nonsense"))
    assert (refused.value.status, refused.value.kind) == (400, "/problems/malformed")


def test_blocks_follow_one_another(town: Town) -> None:
    client = town.client()
    newest = next(client.blocks(newest_first=True))
    assert client.head().time >= newest.time
    block = client.block(1)
    assert block["header"]["parent"] == client.health().chain == town.report["chain"]
    with pytest.raises(locus.UnknownError):
        client.block(1_000_000_000)


def test_a_plan_says_what_a_query_costs_and_opens_nothing(town: Town) -> None:
    client = town.client()
    question = town.question(next(client.studies()).id)
    before = (client.account(), len(list(client.queries())))
    plan = client.plan(question, cohort=100)
    assert (plan.escrow, plan.fee, plan.parts, plan.proofs, plan.refusal) == (500 * PEOPLE, 100, 1, PEOPLE, None)
    assert plan.privacy is not None and plan.privacy.epsilon_milli == 2000 and plan.privacy.count_deviation > 0
    assert plan.expectations[0].noise_error > 0
    assert client.plan({**question, "study": "00" * 32}).refusal is not None
    assert (client.account(), len(list(client.queries()))) == before


def test_a_file_that_means_no_query_is_refused_by_name(town: Town) -> None:
    client = town.client()
    question = town.question(next(client.studies()).id)
    with pytest.raises(locus.MalformedError, match="weight"):
        client.plan({**question, "criteria": [[{"attribute": "weight", "lo": 1, "hi": 2}]]})
    with pytest.raises(locus.InputError, match="JSON"):
        client.plan({**question, "price": float("nan")})
    with pytest.raises(locus.InputError, match="no query file"):
        client.plan("absent.json")


def test_an_id_is_checked_before_it_is_sent(town: Town) -> None:
    for text in ("--help", "../genesis", "aa", town.released.upper()):
        with pytest.raises(locus.InputError, match="64 hex digits"):
            town.client().query(text)
    with pytest.raises(locus.UnknownError):
        town.client().query("00" * 32).status()
