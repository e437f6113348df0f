# Python 3.11.7, numpy 2.4.6, pandas 2.3.3, lifelines 0.30.3, statsmodels 0.15.0 made tests/data/statistics/demo.json
"""What lifelines and statsmodels say of the first people of the demo, whom `locus demo --statistic` asks: run
`python tests/reference/demo.py`. Times are those of the last day of each 60-day bin, as the released sums give them."""

import numpy as np
import statsmodels.api as sm
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

from cases import read, write

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


people = first(PEOPLE)
write("demo", [regression(people), survival(people)])
