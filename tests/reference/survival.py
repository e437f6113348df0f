# Python 3.11.7, numpy 2.4.6, pandas 2.3.3, lifelines 0.30.3, statsmodels 0.15.0 made tests/data/statistics/survival.json
"""Reference values of market/src/statistics/survival: run `python tests/reference/survival.py`.

Times are the last value of each person's bin, so that with bins one wide they are the times themselves."""

import numpy as np
from lifelines import KaplanMeierFitter, NelsonAalenFitter
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import qth_survival_time, restricted_mean_survival_time
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from cases import LIFELINES, cells, read, stored, table, write

Z = 1.959963984540054
QUANTILES = [0.75, 0.5, 0.25]
ROSSI, LUNG, GBSG2, LARYNX = (LIFELINES + name for name in ("rossi.csv", "lung.csv", "gbsg2.csv", "larynx.csv"))
WALTONS, GEHAN = LIFELINES + "waltons_dataset.csv", LIFELINES + "gehan.dat"


def axis(column, cuts=(1,), **more):
    return {"column": column, "cuts": list(cuts), **more}


def bins(column, least, width, count, **more):
    return {"column": column, "bins": [least, width, count], **more}


FLIES = axis("group", codes={"control": 0, "miR-137": 1})
STAGE = {"column": "stage", "dummies": ["Stage_II", "Stage_III", "Stage_IV"], "cuts": [1, 2, 3]}
AGE = axis("age", [20, 23, 27, 32])
HORMONE = axis("horTh", codes={"no": 0, "yes": 1})
# name, file, axes, and the horizon of the restricted mean.
CASES = [
    ("fruit flies", WALTONS, [FLIES, bins("T", 0, 1, 80), axis("E")], 50),
    ("fruit flies in bins of 10", WALTONS, [FLIES, bins("T", 0, 10, 8), axis("E")], 49),
    ("arrest by aid", ROSSI, [axis("fin"), bins("week", 0, 1, 53), axis("arrest")], 52),
    ("arrest by age", ROSSI, [AGE, bins("week", 0, 1, 53), axis("arrest")], 40),
    ("arrest in months", ROSSI, [axis("fin"), bins("week", 1, 4, 13), axis("arrest")], 52),
    ("leukemia", GEHAN, [axis("0", [2]), bins("1", 0, 1, 40), axis("2")], 20),
    ("larynx by stage", LARYNX, [STAGE, bins("time", 0, 1, 110, scale=10), axis("death")], 4),
    ("larynx in years", LARYNX, [STAGE, bins("time", 0, 10, 11, scale=10), axis("death")], 3.9),
    ("lung", LUNG, [bins("time", 0, 1, 1023), axis("status")], 500),
    ("lung by sex in weeks", LUNG, [axis("sex", [2]), bins("time", 0, 7, 147), axis("status")], 692),
    ("relapse in weeks", GBSG2, [HORMONE, bins("time", 0, 7, 380), axis("cens")], 1399),
]
# Strata, then the axes of each stratum's table.
STRATIFIED = [
    ("arrest by aid in races", ROSSI, axis("race"), [axis("fin"), bins("week", 0, 1, 53), axis("arrest")]),
    ("arrest by age in marriage", ROSSI, axis("mar"), [AGE, bins("week", 0, 1, 53), axis("arrest")]),
    ("larynx by stage in ages", LARYNX, axis("age", [65]), [STAGE, bins("time", 0, 1, 110, scale=10), axis("death")]),
]


def people(file, axes):
    """Group, binned time and event of everyone in a cell, in the time's unit."""
    frame = read(file)
    *groups, time, event = axes
    least, width, _ = time["bins"]
    bin = cells(stored(frame, time).to_numpy(float), time)
    since = (least + bin * width) / time.get("scale", 1)
    until = (least + (bin + 1) * width - 1) / time.get("scale", 1)
    group = cells(stored(frame, groups[0]).to_numpy(float), groups[0]) if groups else np.zeros(len(frame))
    died = cells(stored(frame, event).to_numpy(float), event)
    used = ~np.isnan([bin, group, died]).any(axis=0)
    return group[used].astype(int), since[used], until[used], died[used].astype(int)


def restricted_mean(fitter, horizon):
    """The mean, and its standard error by Klein and Moeschberger (2003), 4.5: from lifelines' curve and table."""
    curve, events = fitter.survival_function_.iloc[:, 0], fitter.event_table
    times = np.append(curve.index[curve.index < horizon], horizon)
    steps = curve.to_numpy()[: len(times) - 1] * np.diff(times)
    variance = 0.0
    for time, row in events[(events.observed > 0) & (events.index < horizon)].iterrows():
        if row.at_risk > row.observed:
            area = steps[times[:-1] >= time].sum()
            variance += area**2 * row.observed / (row.at_risk * (row.at_risk - row.observed))
    return float(restricted_mean_survival_time(fitter, horizon)), float(np.sqrt(variance))


def fitted(times, events):
    return KaplanMeierFitter().fit(times, events)


def least(since, until, events):
    """The curve if the censorings of a wide bin come before its events, and these at its start; a unit of time later."""
    wide = (since != until).any()
    return fitted(since + 1 - np.where(wide & (events == 0), 0.01, 0), events)


def group(since, until, events, horizon):
    kaplan_meier, lower = fitted(until, events), least(since, until, events)
    starts = dict(zip(until, since))
    nelson_aalen = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(until, events)
    survival = kaplan_meier.survival_function_.iloc[:, 0]
    limits = kaplan_meier.confidence_interval_
    errors = SurvfuncRight(until, events)
    error = dict(zip(errors.surv_times, errors.surv_prob_se))
    hazard, hazard_limits = nelson_aalen.cumulative_hazard_.iloc[:, 0], nelson_aalen.confidence_interval_
    points, last_error = [], 0.0
    for time, row in kaplan_meier.event_table.iterrows():
        last_error = error.get(time, last_error)
        if row.removed == 0:
            continue
        value = float(survival[time])
        point = {"time": float(time), "at_risk": int(row.at_risk), "events": int(row.observed),
                 "censored": int(row.censored), "survival": value, "least": float(lower.predict(starts[time] + 1)),
                 "hazard": float(hazard[time]),
                 "hazard_limits": [float(limit) for limit in hazard_limits.loc[time]]}
        # At 0 Greenwood's variance divides by zero, and lifelines fills the limits with 1.
        if value > 1e-12:
            point |= {"standard_error": float(last_error), "log_log": [float(limit) for limit in limits.loc[time]],
                      "plain": [max(0.0, value - Z * last_error), min(1.0, value + Z * last_error)]}
        points.append(point)
    inside = limits[survival > 1e-12]
    # With wide bins: if everyone leaves at their bin's middle; the least and the most that may be.
    mean, error_of_mean = restricted_mean(fitted((since + until) / 2, events), horizon)
    most = restricted_mean_survival_time(kaplan_meier, horizon)
    bounds = [restricted_mean_survival_time(lower, horizon + 1) - 1, most]
    found = {"points": points, "quantiles": []}
    for share in QUANTILES:
        # A curve at exactly a share may have rounded to a little more, which lifelines takes as not reached.
        curves = [curve.round(12) for curve in (survival, inside.iloc[:, 0], inside.iloc[:, 1])]
        times = [qth_survival_time(share, curve) for curve in curves]
        found["quantiles"].append([None if np.isinf(time) else float(time) for time in times])
    bounds = [float(bound) for bound in bounds]
    return found | {"restricted_mean": {"value": mean, "standard_error": error_of_mean, "bounds": bounds}}


def log_rank(groups, until, events):
    test = multivariate_logrank_test(until, groups, events)
    other = survdiff(until, events, groups)
    assert abs(test.test_statistic / other[0] - 1) < 1e-9, "lifelines and statsmodels agree"
    return {"statistic": float(test.test_statistic), "p_value": float(test.p_value)}


def cases():
    for name, file, axes, horizon in CASES:
        groups, since, until, events = people(file, axes)
        case = {"family": "survival", "name": name, "file": file, "axes": axes, "horizon": horizon,
                "table": table(file, axes).ravel().tolist(), "groups": []}
        for number in np.unique(groups):
            own = groups == number
            case["groups"].append(group(since[own], until[own], events[own], horizon))
        if len(axes) == 3:
            case["log_rank"] = log_rank(groups, until, events)
        yield case
    for name, file, stratum, axes in STRATIFIED:
        groups, _, until, events = people(file, axes)
        strata = cells(stored(read(file), stratum).to_numpy(float), stratum).astype(int)
        assert len(strata) == len(groups), "nobody is missing"
        statistic, p_value = survdiff(until, events, groups, strata=strata)
        yield {"family": "stratified", "name": name, "file": file, "stratum": stratum, "axes": axes,
               "strata": len(np.unique(strata)), "log_rank": {"statistic": float(statistic), "p_value": float(p_value)}}


write("survival", list(cases()))
