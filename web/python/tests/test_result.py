"""The demo's result, as this package reads it, against the demo's own table; and receipts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from conftest import PEOPLE, Town

import locus


@pytest.fixture(scope="module")
def result(town: Town) -> locus.Result:
    return town.client().query(town.released).run()


def test_the_data_frame_is_the_demos_own_table(town: Town, result: locus.Result) -> None:
    frame = result.to_dataframe()
    # Read by other means: as text alone.
    table = pandas.read_csv(town.folder / "result.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns) == list(table.columns)
    assert len(frame) == len(table) > 1000
    for name in ("family", "statistic", "group", "variant", "method", "df", "undefined"):
        assert frame[name].tolist() == table[name].tolist()
    for name in ("value", "standard_error", "ci_lo", "ci_hi", "p_value", "adjusted_p", "noise_sd", "n"):
        read = [None if pandas.isna(value) else float(value) for value in frame[name]]
        assert read == [float(text) if text else None for text in table[name]], name


def test_estimates_lie_in_their_intervals_and_an_exact_query_has_no_noise(result: locus.Result) -> None:
    frame = result.to_dataframe()
    estimated = frame[frame["ci_lo"].notna() & frame["value"].notna()]
    assert len(estimated) > 500
    # Up to rounding in the last bit, at a frequency of 0 or 1.
    assert (estimated["ci_lo"] - 1e-9 <= estimated["value"]).all()
    assert (estimated["value"] <= estimated["ci_hi"] + 1e-9).all()
    assert (frame["noise_sd"].dropna() == 0).all()
    assert result.privacy is None and "Exact sums." in result.notes


def test_rows_say_the_same_without_pandas(town: Town, result: locus.Result) -> None:
    frequencies = [row for row in result.rows() if row.statistic == "allele_frequency"]
    variants = town.report["result"]["analyses"][0]["groups"][0]["variants"]
    assert [row.variant for row in frequencies] == [variant["name"] for variant in variants]
    for row, variant in zip(frequencies, variants, strict=True):
        assert row.value == variant["frequency"].get("value")
        assert row.people == variant["called"]["value"]
        assert (row.value is None) == (row.undefined != "")
    assert list(result.slots) == [tuple(part) for part in town.report["result"]["slots"]]


def test_weights_give_a_score_of_the_released_frequencies_and_a_table_of_its_own(
    town: Town, result: locus.Result, tmp_path: Path
) -> None:
    released = [row for row in result.rows() if row.statistic == "allele_frequency" and row.value]
    variant = released[0].variant
    place, alleles = variant.split(" ")
    (chrom, pos), (reference, alternate) = place.split(":"), alleles.split(">")
    weights = tmp_path / "weights.txt"
    weights.write_text(
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        f"{chrom}\t{pos}\t{alternate}\t{reference}\t0.25\n"
    )
    query = town.client().query(town.released)
    with pytest.raises(locus.CommandError, match="genome_build"):
        query.result(weights)
    weights.write_text("#genome_build=GRCh37\n" + weights.read_text())
    scored = query.result(weights)
    (score,) = [row for row in scored.rows() if row.statistic == "mean_score"]
    assert score.value == pytest.approx(0.25 * 2 * float(released[0].value or 0))
    scored.figures(tmp_path / "figures")
    assert "mean_score" in {row.statistic for row in scored.rows()}
    assert "mean_score" not in {row.statistic for row in result.rows()}
    with pytest.raises(locus.InputError, match=r"nowhere\.txt"):
        query.result(tmp_path / "nowhere.txt")


def test_figures_are_drawn_as_svg_and_png(result: locus.Result, tmp_path: Path) -> None:
    figures = result.figures(tmp_path / "figures")
    assert sorted(path.name for path in figures.drawn) == [
        "frequencies.png",
        "frequencies.svg",
        "hardy-weinberg.png",
        "hardy-weinberg.svg",
    ]
    for path in figures.drawn:
        start = path.read_bytes()[:8]
        assert start.startswith(b"<svg") or start.startswith(b"<?xml") or start == b"\x89PNG\r\n\x1a\n"


def test_results_are_for_their_owner_alone(result: locus.Result) -> None:
    assert result.receipt.stat().st_mode & 0o077 == 0
    assert result.receipt.parent.stat().st_mode & 0o077 == 0


def test_the_receipt_verifies_offline(town: Town, result: locus.Result) -> None:
    for path in (town.receipt, result.receipt):
        verified = locus.verify_receipt(path, chain=town.report["chain"])
        assert (verified.query, verified.records, verified.network) == (town.released, PEOPLE, "demo")
        assert [check.rule for check in verified.checks] == ["R1", "R2", "R3", "R4", "R5", "R6", "R7"]
    assert result.verify().proving_key == "insecure_seed"


def raise_a_count(receipt: dict[str, Any]) -> None:
    receipt["result"][0][2] += 1


def drop_a_contribution(receipt: dict[str, Any]) -> None:
    receipt["contributions"].pop()


def drop_the_header(receipt: dict[str, Any]) -> None:
    del receipt["header"]


@pytest.mark.parametrize("alter", [raise_a_count, drop_a_contribution, drop_the_header])
def test_a_receipt_that_somebody_altered_is_refused(
    town: Town, tmp_path: Path, alter: Callable[[dict[str, Any]], None]
) -> None:
    receipt = json.loads(town.receipt.read_text())
    alter(receipt)
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(receipt))
    with pytest.raises(locus.ReceiptRefusedError) as refused:
        locus.verify_receipt(altered)
    assert refused.value.exit_code != 0 and len(refused.value.why) > 20


def test_a_receipt_of_another_chain_is_refused(town: Town) -> None:
    with pytest.raises(locus.ReceiptRefusedError, match="not of"):
        locus.verify_receipt(town.receipt, chain="00" * 32)


def test_a_result_needs_the_researchers_own_key(town: Town) -> None:
    other = locus.Client(town.url, data_dir=town.folder, key=town.folder / "keys/governor.key")
    with pytest.raises(locus.CommandError, match="role") as refused:
        other.query(town.released).result()
    assert refused.value.command == "result"
    with pytest.raises(locus.InputError, match="key"):
        locus.Client(town.url, data_dir=town.folder).query(town.released).result()
