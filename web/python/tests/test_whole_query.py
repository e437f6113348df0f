"""A private query from its opening to its result, with real agents and a real committee."""

from __future__ import annotations

import pytest
from conftest import PEOPLE, Town, run

import locus


def test_a_query_that_agents_answer_is_sealed_added_up_and_read_with_its_noise(town: Town) -> None:
    # Networks whose keys come from the public seed have one proving key.
    run("--data-dir", town.folder.parent / "twin", "network", "init", "twin")
    (town.folder.parent / "twin/proving.key").rename(town.folder / "proving.key")
    members = town.members()
    client = town.client(members=members)
    before = client.account().balance
    question = town.question(town.study("Sex"))
    query = client.open(question, epsilon_max=2.0)
    answered = run(
        *("--url", town.url, "--data-dir", town.folder, "agent", "run", "--query", query.id),
        *("--members", ",".join(members)),
        *("--wallets", town.folder / "wallets", "--custodian", town.folder / "keys/custodian.key"),
    )
    assert answered
    result = query.run(timeout=300)
    assert query.status().stage is locus.Stage.RELEASED

    counts = [row for row in result.rows() if row.statistic == "count"]
    assert len(counts) >= 2
    assert all(row.noise_sd is not None and row.noise_sd > 0 for row in counts)
    assert any("ε = 2" in note for note in result.notes)
    assert result.privacy is not None and result.privacy.epsilon_milli == 2000
    assert result.verify(chain=client.health().chain).records == PEOPLE

    again = client.open(question).run()
    assert again.to_dataframe().equals(result.to_dataframe())
    assert before - client.account().balance == 500 * PEOPLE + 100
    with pytest.raises(locus.CommandError):
        query.refund()
