# Python 3.11.7, numpy 2.4.6, pandas 2.3.3, lifelines 0.30.3, statsmodels 0.15.0 made tests/data/statistics/demo.json
"""What lifelines and statsmodels say of the first people of the demo, whom `locus demo --statistic` asks: run
`python tests/reference/demo.py`. Times are those of the last day of each 60-day bin, as the released sums give them."""

import numpy as np
import statsmodels.api as sm
from scipy.stats import chi2_contingency, fisher_exact, pearsonr
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

from cases import ROOT, read, write

PEOPLE = 8


def first(count):
    frame = read("tests/data/demo/attributes.csv").head(count)
    return {name: frame[name].to_numpy(float) for name in ("sex", "age", "follow_up", "death")}


def regression(people):
    """Follow-up on age and sex."""
    predictors = sm.add_constant(np.column_stack([people["age"], people["sex"]]))
    fit = sm.OLS(people["follow_up"], predictors).fit()
    return {
        "statistic": "regression",
        "people": len(people["age"]),
        "coefficients": list(fit.params),
        "standard_errors": list(fit.bse),
        "p_values": list(fit.pvalues),
        "r_squared": fit.rsquared,
    }


def survival(people):
    """Kaplan-Meier curves of the sexes, and the log-rank test."""
    times = np.floor(people["follow_up"] / 60) * 60 + 59
    died, women = people["death"] == 1, people["sex"] == 2
    groups = []
    for chosen in (~women, women):
        curve = KaplanMeierFitter().fit(times[chosen], died[chosen])
        groups.append([[time, float(curve.predict(time))] for time in sorted(set(times[chosen & died]))])
    test = logrank_test(times[women], times[~women], died[women], died[~women])
    chi_squared, p_value = float(test.test_statistic), float(test.p_value)
    return {"statistic": "survival", "people": len(times), "groups": groups, "log_rank": [chi_squared, p_value]}


def contingency(people):
    """Death by sex, all ages together."""
    table = np.zeros((2, 2), dtype=int)
    np.add.at(table, ((people["sex"] == 2).astype(int), people["death"].astype(int)), 1)
    pearson = chi2_contingency(table, correction=False)
    return {
        "statistic": "contingency",
        "people": int(table.sum()),
        "pearson": [float(pearson.statistic), float(pearson.pvalue)],
        "fisher": float(fisher_exact(table).pvalue),
    }


def association(people):
    """The Cochran-Armitage trend of the first variants with death: N r^2 of dosage and status, over people with a call."""
    count, variants = len(people["death"]), []
    for line in open(ROOT / "tests/data/demo/genomes.vcf"):
        columns = line.split()
        if line.startswith("#") or "," in columns[4] or len(variants) == 12:
            continue
        calls = [column.split(":")[0].replace("|", "/").split("/") for column in columns[9 : 9 + count]]
        called = np.array(["." not in call for call in calls])
        dosage = np.array([call.count("1") for call in calls], dtype=float)[called]
        status = people["death"][called]
        if len(set(dosage)) > 1 and len(set(status)) > 1:
            name = f"{columns[0]}:{columns[1]} {columns[3]}>{columns[4]}"
            variants.append([name, float(len(dosage) * pearsonr(dosage, status).statistic ** 2)])
    return {"statistic": "association", "people": count, "trends": variants}


people = first(PEOPLE)
write("demo", [regression(people), survival(people), contingency(first(20)), association(first(15))])
