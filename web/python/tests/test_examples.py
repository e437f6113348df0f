"""The notebook and the guide do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Town

EXAMPLES = Path(__file__).parents[1] / "examples"
GUIDE = Path(__file__).parents[3] / "docs/guide/python.md"


def runs(town: Town, folder: Path, code: str) -> str:
    """What a program prints that is run in an empty folder, as whoever reads it would run it."""
    environment = {**os.environ, "LOCUS_URL": town.url, "LOCUS_DATA_DIR": str(town.folder)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_notebook_runs_from_top_to_bottom(town: Town, tmp_path: Path) -> None:
    notebook = json.loads((EXAMPLES / "cohort.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5 and all(cell["outputs"] == [] for cell in cells)
    printed = runs(town, tmp_path, "\n".join("".join(cell["source"]) for cell in cells))
    assert "ε = 2.0" in printed and "not of" in printed
    assert (tmp_path / "figures/frequencies.svg").exists()


def test_the_guides_program_runs(town: Town, tmp_path: Path) -> None:
    if not GUIDE.exists():
        pytest.skip("the guide is not beside this package")
    (program,) = re.findall(r"<!-- runs -->\n\n((?: {4}.*\n|\n)+)", GUIDE.read_text())
    printed = runs(town, tmp_path, re.sub(r"^ {4}", "", program, flags=re.MULTILINE))
    assert "allele_frequency" in printed and "R7" in printed
