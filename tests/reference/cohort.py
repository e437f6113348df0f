# Python 3.11.7, numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0, pandas 2.3.3 made tests/data/statistics/cohort.json.
"""Reference values of market/src/statistics/cohort: run `python tests/reference/cohort.py`."""

import numpy as np
import scipy.stats
from scipy.stats import chi2, norm
from statsmodels.stats.contingency_tables import StratifiedTable, Table, Table2x2
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cases import CLINICAL, LIFELINES, read, stored, table, write

ROSSI, LUNG, GBSG2 = (LIFELINES + name for name in ("rossi.csv", "lung.csv", "gbsg2.csv"))
PIMA, HEART = (CLINICAL + name for name in ("Pima.tr.csv", "heartdisease_tbl_df.csv"))


def yes(column, **more):
    return {"column": column, "cuts": [1], **more}


NO_YES = {"No": 0, "Yes": 1, "no": 0, "yes": 1}
PAIN = {"Typical angina": 0, "Atypical angina": 1, "Non-anginal pain": 2, "Asymptomatic": 3}
GRADE = {"I": 0, "II": 1, "III": 2}
AXES = {
    "fin": yes("fin"), "race": yes("race"), "arrest": yes("arrest"), "married": yes("mar"), "paroled": yes("paro"),
    "rossi age": {"column": "age", "cuts": [20, 23, 27, 32]},
    "convictions": {"column": "prio", "cuts": [1, 3, 6, 11]},
    "sex": {"column": "sex", "cuts": [2]}, "died": yes("status"),
    "ecog": {"column": "ph.ecog", "cuts": [1, 2, 3]},
    "ecog bins": {"column": "ph.ecog", "bins": [0, 1, 4]},
    "hormone": yes("horTh", codes=NO_YES), "relapse": yes("cens"),
    "grade": {"column": "tgrade", "codes": GRADE, "bins": [0, 1, 3]},
    "menopause": yes("menostat", codes={"Pre": 0, "Post": 1}),
    "gbsg2 age": {"column": "age", "bins": [20, 10, 7]},
    "pregnancies": {"column": "npreg", "bins": [0, 1, 18]}, "pregnancy groups": {"column": "npreg", "cuts": [1, 3, 6]},
    "diabetes": yes("type", codes=NO_YES),
    "pain": {"column": "ChestPain", "codes": PAIN, "cuts": [1, 2, 3]},
    "heart disease": yes("HeartDisease", codes=NO_YES), "heart sex": yes("Sex", codes={"Female": 0, "Male": 1}),
    "angina": yes("ExerciseInducedAngina", codes=NO_YES),
}
TABLES = [
    ("arrest by aid", ROSSI, ["fin", "arrest"]),
    ("arrest by marriage", ROSSI, ["married", "arrest"]),
    ("arrest by age", ROSSI, ["rossi age", "arrest"]),
    ("convictions by age", ROSSI, ["rossi age", "convictions"]),
    ("death by sex", LUNG, ["sex", "died"]),
    ("death by ECOG", LUNG, ["ecog", "died"]),
    ("relapse by hormone therapy", GBSG2, ["hormone", "relapse"]),
    ("relapse by grade", GBSG2, ["grade", "relapse"]),
    ("diabetes by pregnancies", PIMA, ["pregnancy groups", "diabetes"]),
    ("heart disease by chest pain", HEART, ["pain", "heart disease"]),
    ("heart disease by angina", HEART, ["angina", "heart disease"]),
]
STRATA = [
    ("arrest by aid in races", ROSSI, ["race", "fin", "arrest"]),
    ("arrest by marriage in ages", ROSSI, ["rossi age", "married", "arrest"]),
    ("death by sex in ECOG", LUNG, ["ecog", "sex", "died"]),
    ("relapse by hormone therapy in grades", GBSG2, ["grade", "hormone", "relapse"]),
    ("heart disease by angina in sexes", HEART, ["heart sex", "angina", "heart disease"]),
]
TRENDS = [
    ("arrest by age", ROSSI, ["rossi age", "arrest"], [0, 1, 2, 3, 4]),
    ("death by ECOG", LUNG, ["ecog bins", "died"], [0, 1, 2, 3]),
    ("relapse by grade", GBSG2, ["grade", "relapse"], [0, 1, 2]),
    ("relapse by age", GBSG2, ["gbsg2 age", "relapse"], [24.5, 34.5, 44.5, 54.5, 64.5, 74.5, 84.5]),
    ("diabetes by pregnancies", PIMA, ["pregnancies", "diabetes"], list(range(18))),
]
HISTOGRAMS = [("age", GBSG2, ["gbsg2 age"]), ("pregnancies", PIMA, ["pregnancies"])]


def test(result):
    return {"statistic": float(result.statistic), "p_value": float(result.pvalue)}


def test_of(statistic, degrees):
    return {"statistic": float(statistic), "p_value": float(chi2.sf(statistic, degrees))}


def estimate(value, interval, standard_error=None):
    found = {"value": float(value), "lo": float(interval[0]), "hi": float(interval[1])}
    return found if standard_error is None else {**found, "standard_error": float(standard_error)}


def case(name, file, axes, counts):
    return {"name": name, "file": file, "axes": [AXES[axis] for axis in axes], "table": counts.ravel().tolist()}


def contingency(counts):
    # scipy refuses a row or column of nobody; Locus leaves it out.
    used = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    pearson = scipy.stats.chi2_contingency(used, correction=False)
    found = {
        "shares": [estimate(k / counts.sum(), proportion_confint(k, counts.sum(), method="wilson"))
                   for k in counts.ravel()],
        "expected": pearson.expected_freq.ravel().tolist(),
        "pearson": test(pearson),
        "g": test(scipy.stats.chi2_contingency(used, correction=False, lambda_="log-likelihood")),
        "cramers_v": float(scipy.stats.contingency.association(used, method="cramer")),
    }
    return found | (two_by_two(used) if used.shape == (2, 2) else monte_carlo(used))


def monte_carlo(counts):
    method = scipy.stats.MonteCarloMethod(n_resamples=99_999, rng=np.random.default_rng(7))
    return {"fisher_simulated": float(scipy.stats.fisher_exact(counts, method=method).pvalue)}


def two_by_two(counts):
    # statsmodels compares the first row with the second for the first column; Locus the second with the first.
    turned = Table2x2(counts[::-1, ::-1], shift_zeros=False)
    odds, risks = turned.oddsratio, turned.riskratio
    (b0, b1), (a0, a1) = counts
    risk1, risk0 = a1 / (a0 + a1), b1 / (b0 + b1)
    error = np.sqrt(risk1 * (1 - risk1) / (a0 + a1) + risk0 * (1 - risk0) / (b0 + b1))
    newcombe = confint_proportions_2indep(a1, a0 + a1, b1, b0 + b1, compare="diff", method="newcomb")
    return {
        "yates": test(scipy.stats.chi2_contingency(counts, correction=True)),
        "fisher": float(scipy.stats.fisher_exact(counts).pvalue),
        "odds_ratio": estimate(odds, turned.oddsratio_confint(0.05), odds * turned.log_oddsratio_se),
        "risk_ratio": estimate(risks, turned.riskratio_confint(0.05), risks * turned.log_riskratio_se),
        "risk_difference": estimate(risk1 - risk0, newcombe, error),
    }


def stratified(counts):
    used = [stratum for stratum in counts if (stratum.sum(axis=0) > 0).all() and (stratum.sum(axis=1) > 0).all()]
    tables = StratifiedTable([stratum.astype(float) for stratum in used])
    ratio = tables.oddsratio_pooled
    found = {
        "strata": len(used),
        "mantel_haenszel": test_of(tables.test_null_odds(False).statistic, 1),
        "mantel_haenszel_corrected": test_of(tables.test_null_odds(True).statistic, 1),
        "common_odds_ratio": estimate(ratio, tables.oddsratio_pooled_confint(), ratio * tables.logodds_pooled_se),
        "breslow_day": test_of(tables.test_equal_odds(False).statistic, len(used) - 1),
        "tarone": test_of(tables.test_equal_odds(True).statistic, len(used) - 1),
    }
    if all((stratum > 0).all() for stratum in used):
        logs = np.array([Table2x2(stratum).log_oddsratio for stratum in used])
        weights = np.array([Table2x2(stratum).log_oddsratio_se for stratum in used]) ** -2
        mean = (weights * logs).sum() / weights.sum()
        found["woolf"] = test_of((weights * (logs - mean) ** 2).sum(), len(used) - 1)
    return found


def trend(counts, scores):
    found = Table(counts, shift_zeros=False).test_ordinal_association(np.array(scores, float), np.array([0.0, 1.0]))
    # statsmodels' variance divides by n - 1, Armitage's (1955) and R's prop.trend.test by n.
    people = counts.sum()
    z = found.zscore * np.sqrt(people / (people - 1))
    return {"scores": scores, "trend": {"statistic": float(z), "p_value": float(2 * norm.sf(abs(z)))}}


def histogram(counts, file, axis):
    least, width, _ = axis["bins"]
    values = stored(read(file), axis).dropna().to_numpy()
    ends = [least + width * bin for bin in range(len(counts) + 1)]
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    return {
        "density": np.histogram(values, ends, density=True)[0].tolist(),
        "quantiles": np.quantile(values, shares, method="inverted_cdf").tolist(),
    }


def cases():
    for name, file, axes in TABLES:
        counts = table(file, [AXES[axis] for axis in axes])
        yield {"family": "contingency", **case(name, file, axes, counts), **contingency(counts)}
    for name, file, axes in STRATA:
        counts = table(file, [AXES[axis] for axis in axes])
        yield {"family": "stratified", **case(name, file, axes, counts), **stratified(counts)}
    for name, file, axes, scores in TRENDS:
        counts = table(file, [AXES[axis] for axis in axes])
        yield {"family": "trend", **case(name, file, axes, counts), **trend(counts, scores)}
    for name, file, axes in HISTOGRAMS:
        counts = table(file, [AXES[axis] for axis in axes])
        yield {"family": "histogram", **case(name, file, axes, counts), **histogram(counts, file, AXES[axes[0]])}


write("cohort", list(cases()))
