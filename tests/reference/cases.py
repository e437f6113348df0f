# Tables of people for the reference values: cohort.py and survival.py describe a table as the Rust tests read it.
"""An axis is {"column", "cuts"} for thresholds or {"column", "bins": [least, width, count]} in stored values, with
"scale" (stored = measured x scale) and "codes" (text -> stored value) where the column needs them. "dummies" names
columns of which at most one is 1: the stored value is its place among them from 1, or 0."""

import json
import pathlib

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIFELINES = "tests/data/statistics/lifelines/"
CLINICAL = "../shared/data/survival_clinical/clinical/"


def read(file):
    path = ROOT / file
    if path.suffix == ".dat":
        frame = pd.read_csv(path, sep=" ", header=None, dtype=str)
        frame.columns = [str(column) for column in frame.columns]
        return frame
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def stored(frame, axis):
    """The stored values of an axis' column; NaN where one is missing."""
    if "dummies" in axis:
        return sum(place * pd.to_numeric(frame[name]) for place, name in enumerate(axis["dummies"], 1)).astype(float)
    column = frame[axis["column"]]
    if "codes" in axis:
        return column.map(axis["codes"]).astype(float)
    return np.rint(pd.to_numeric(column, errors="coerce") * axis.get("scale", 1))


def cells(values, axis):
    """The cell of each value; NaN where it falls in none."""
    if "cuts" in axis:
        found = np.digitize(values, axis["cuts"]).astype(float)
        return np.where(np.isnan(values), np.nan, found)
    least, width, count = axis["bins"]
    found = np.floor((values - least) / width)
    return np.where((found >= 0) & (found < count), found, np.nan)


def size(axis):
    return len(axis["cuts"]) + 1 if "cuts" in axis else axis["bins"][2]


def table(file, axes):
    """People in each cell, as an array with one dimension to each axis."""
    frame = read(file)
    places = np.array([cells(stored(frame, axis).to_numpy(float), axis) for axis in axes])
    places = places[:, ~np.isnan(places).any(axis=0)].astype(int)
    counts = np.zeros([size(axis) for axis in axes], dtype=int)
    np.add.at(counts, tuple(places), 1)
    return counts


def write(family, cases):
    path = ROOT / "tests/data/statistics" / f"{family}.json"
    # allow_nan=False: a value that is not a number is a mistake here. Python writes floats so that they read back equal.
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")
