#!/usr/bin/env python3
# Made tests/data/statistics/moments.json with Python 3.11, numpy 2.4.6, scipy 1.17.1, pandas 3.1.1, statsmodels 0.15.0.
"""Means, comparisons and regressions of real people's values, by numpy, scipy and statsmodels.

Run from the root of the repository. Values are quantized as a schema's scale would: floor(value·scale + ½)/scale.
"""

import json
import pathlib
from itertools import combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

HERE = pathlib.Path("tests/data/statistics")
SHARED = pathlib.Path("../shared/data")


def number(text):
    return pd.to_numeric(text, errors="coerce")


def table(path, columns, separator=","):
    """The columns, each given as (name, scale, reader), stored and read back."""
    raw = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    stored = {name: np.floor(read(raw[name]) * scale + 0.5) / scale for name, scale, read in columns}
    return pd.DataFrame(stored)


def estimate(value, error, lo, hi):
    return {"value": float(value), "standard_error": float(error), "interval": {"lo": float(lo), "hi": float(hi)}}


def test(statistic, degrees, p):
    degrees = [float(d) for d in degrees]
    return {"statistic": float(statistic), "degrees_of_freedom": degrees, "p_value": float(p)}


def describe_attribute(name, x):
    n, variance = len(x), np.var(x, ddof=1)
    mean = stats.t.interval(0.95, n - 1, loc=np.mean(x), scale=stats.sem(x))
    spread = (n - 1) * variance / stats.chi2.ppf([0.975, 0.025], n - 1)
    error = variance * np.sqrt(2 / (n - 1))
    deviation = np.sqrt(variance)
    return {
        "attribute": name,
        "mean": estimate(np.mean(x), stats.sem(x), *mean),
        "variance": estimate(variance, error, *spread),
        "standard_deviation": estimate(deviation, error / (2 * deviation), *np.sqrt(spread)),
    }


def describe_pair(names, x, y):
    n, covariance = len(x), np.cov(x, y)
    error = np.sqrt((covariance[0, 0] * covariance[1, 1] + covariance[0, 1] ** 2) / (n - 1))
    half = stats.norm.ppf(0.975) * error
    correlation = stats.pearsonr(x, y)
    r, interval = correlation.statistic, correlation.confidence_interval(0.95)
    slope = sm.OLS(y, sm.add_constant(x)).fit()
    return {
        "first": names[0],
        "second": names[1],
        "covariance": estimate(covariance[0, 1], error, covariance[0, 1] - half, covariance[0, 1] + half),
        "correlation": estimate(r, (1 - r**2) / np.sqrt(n - 3), interval.low, interval.high),
        "test": test(slope.tvalues[1], [n - 2], correlation.pvalue),
    }


def describe(data, names):
    pairs = [(names[j], names[i]) for i in range(len(names)) for j in range(i)]
    return {
        "count": {"value": len(data)},
        "attributes": [describe_attribute(name, data[name].to_numpy()) for name in names],
        "pairs": [describe_pair(pair, data[pair[0]].to_numpy(), data[pair[1]].to_numpy()) for pair in pairs],
    }


def t_test(x, y, equal):
    result = stats.ttest_ind(x, y, equal_var=equal)
    interval = result.confidence_interval(0.95)
    difference = np.mean(x) - np.mean(y)
    return (
        estimate(difference, difference / result.statistic, interval.low, interval.high),
        test(result.statistic, [result.df], result.pvalue),
    )


def compare(x, y):
    n, m = len(x), len(y)
    pooled = np.sqrt(((n - 1) * np.var(x, ddof=1) + (m - 1) * np.var(y, ddof=1)) / (n + m - 2))
    d = (np.mean(x) - np.mean(y)) / pooled
    error = np.sqrt((n + m) / (n * m) + d**2 / (2 * (n + m)))
    half = stats.norm.ppf(0.975) * error
    welch, student = t_test(x, y, False), t_test(x, y, True)
    return {
        "difference": welch[0],
        "welch_test": welch[1],
        "pooled_difference": student[0],
        "pooled_test": student[1],
        "cohens_d": estimate(d, error, d - half, d + half),
        "paired_test": {"undefined": {"reason": "needs_records"}},
    }


def anova(groups):
    k, n = len(groups), sum(map(len, groups))
    f, bartlett = stats.f_oneway(*groups), stats.bartlett(*groups)
    values = np.concatenate(groups)
    labels = np.repeat(np.arange(k), [len(group) for group in groups])
    dummies = sm.add_constant((labels[:, None] == np.arange(1, k)).astype(float))
    fit = sm.OLS(values, dummies).fit()
    between, within = fit.ess, fit.ssr
    pairs = list(combinations(range(k), 2))
    welch = [t_test(groups[i], groups[j], False) for i, j in pairs]
    adjusted = multipletests([result[1]["p_value"] for result in welch], method="holm")[1]
    return {
        "test": test(f.statistic, [k - 1, n - k], f.pvalue),
        "eta_squared": float(between / (between + within)),
        "omega_squared": float((between - (k - 1) * within / (n - k)) / (between + within + within / (n - k))),
        "bartlett_test": test(bartlett.statistic, [k - 1], bartlett.pvalue),
        "levene_test": {"undefined": {"reason": "needs_records"}},
        "pairwise": [
            {"difference": difference, "test": result, "adjusted_p_value": float(p)}
            for (difference, result), p in zip(welch, adjusted)
        ],
    }


def prediction(fit, row, at):
    frame = fit.get_prediction(np.array([row])).summary_frame(alpha=0.05).iloc[0]
    return {
        "at": [float(value) for value in at],
        "mean": estimate(frame["mean"], frame["mean_se"], frame["mean_ci_lower"], frame["mean_ci_upper"]),
        "individual": {"lo": float(frame["obs_ci_lower"]), "hi": float(frame["obs_ci_upper"])},
    }


def regress(data, response, predictors, cell, cells, per_cell):
    dummies = [(cell == other).astype(float) for other in range(1, cells)] if per_cell else []
    x = np.column_stack([np.ones(len(data)), *dummies, *[data[name] for name in predictors]])
    y = data[response].to_numpy()
    fit = sm.OLS(y, x).fit()
    intervals = fit.conf_int()
    coefficients = [
        {
            "estimate": estimate(fit.params[i], fit.bse[i], *intervals[i]),
            "test": test(fit.tvalues[i], [fit.df_resid], fit.pvalues[i]),
        }
        for i in range(x.shape[1])
    ]
    at = [data[name].mean() + 1 for name in predictors]
    last = [1.0] * (cells > 1)
    row = [1.0, *([0.0] * max(cells - 2, 0) + last if per_cell else []), *at]
    result = {
        "response": response,
        "count": {"value": len(data)},
        "coefficients": coefficients,
        "residual_degrees_of_freedom": float(fit.df_resid),
        "residual_standard_error": float(np.sqrt(fit.scale)),
        "r_squared": float(fit.rsquared),
        "adjusted_r_squared": float(fit.rsquared_adj),
        "model_test": test(fit.fvalue, [fit.df_model, fit.df_resid], fit.f_pvalue),
    }
    if per_cell and cells > 1:
        common = sm.OLS(y, np.delete(x, list(range(1, cells)), axis=1)).fit()
        f, p, more = fit.compare_f_test(common)
        result["intercepts_test"] = test(f, [more, fit.df_resid], p)
    return {"regression": result, "prediction": prediction(fit, row, at)}


def study(data, names, axes):
    """`axes` gives, for each grouping column, the cuts of its cells; the first axis is the slowest."""
    data = data.dropna(subset=list(names) + [name for name, _ in axes])
    cell, cells = np.zeros(len(data), dtype=int), 1
    for name, cuts in axes:
        cell = cell * (len(cuts) + 1) + np.searchsorted(cuts, data[name], side="right")
        cells *= len(cuts) + 1
    groups = [data[cell == index] for index in range(cells)]
    response, predictors = names[-1], names[:-1]
    result = {
        "describe": [describe(group, names) for group in groups],
        "common": regress(data, response, predictors, cell, cells, False),
    }
    if cells > 1:
        result["compare"] = [compare(groups[0][name].to_numpy(), groups[1][name].to_numpy()) for name in names]
        result["anova"] = [anova([group[name].to_numpy() for group in groups]) for name in names]
        result["per_cell"] = regress(data, response, predictors, cell, cells, True)
    return result


def main():
    lifelines, clinical = HERE / "lifelines", SHARED / "survival_clinical/clinical"
    shifted = lambda by: lambda text: number(text) + by
    grade = lambda text: text.map({"I": 1, "II": 2, "III": 3})
    yes = lambda text: text.map({"No": 0, "Yes": 1})
    plain = lambda *names: [(name, 1, number) for name in names]
    lung = table(lifelines / "lung.csv", plain("age", "ph.karno", "time", "sex") + [("wt.loss", 1, shifted(50))])
    names = ["age", "tsize", "pnodes", "progrec", "time"]
    gbsg2 = table(lifelines / "gbsg2.csv", plain(*names) + [("tgrade", 1, grade)])
    rossi = table(lifelines / "rossi.csv", plain("age", "prio", "week", "fin", "race"))
    traits = table(HERE / "regenie/phenotype.txt", [("Y1", 1000, shifted(10))], " ")
    covariates = [(name, 1000, shifted(10)) for name in ("V1", "V2", "V3")]
    traits = table(HERE / "regenie/covariates.txt", covariates, " ").join(traits)
    clinical_columns = plain("glu", "bp", "age") + [("bmi", 10, number), ("ped", 1000, number), ("type", 1, yes)]
    pima = table(clinical / "Pima.te.csv", clinical_columns)
    heart = table(clinical / "heartdisease_tbl_df.csv", plain("Age", "BP", "Cholesterol", "MaximumHR") + [("HeartDisease", 1, yes)])
    values = {
        "lung": study(lung, ["age", "ph.karno", "wt.loss", "time"], [("sex", [2])]),
        "gbsg2": study(gbsg2, names, [("tgrade", [2, 3])]),
        "rossi": study(rossi, ["age", "prio", "week"], [("fin", [1]), ("race", [1])]),
        "regenie": study(traits, ["V1", "V2", "V3", "Y1"], []),
        "pima": study(pima, ["glu", "bp", "ped", "age", "bmi"], [("type", [1])]),
        "heart": study(heart, ["Age", "BP", "Cholesterol", "MaximumHR"], [("HeartDisease", [1])]),
    }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    (HERE / "moments.json").write_text(f"{{\n{lines}\n}}\n")


main()
