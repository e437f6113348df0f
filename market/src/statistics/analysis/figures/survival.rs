//! Survival curves.

use super::{Figures, named, spoken};
use crate::{
    Error,
    statistics::{
        Stated,
        analysis::why,
        figure::{Axis, Curve, Figure, Forest, ForestRow, Kind, Mark, Step, Steps, p_value, unit_in_words, whole},
        survival::{GroupSurvival, Survival, SurvivalPoint},
    },
};

/// Curves that one figure tells apart.
const CURVES_MAX: usize = 7;
/// Rows of one forest plot.
const ROWS_MAX: usize = 40;
/// Times at which numbers at risk are given, at most.
const TIMES_MAX: usize = 8;

pub(super) fn survival(figures: &mut Figures, curves: &Stated<Survival>) {
    let survival = match curves {
        Stated::Value(survival) => survival,
        Stated::Undefined { undefined } => return figures.leave_out("survival", &undefined.to_string()),
    };
    let drawn: Vec<(&GroupSurvival, &[SurvivalPoint])> =
        survival.groups.iter().filter_map(|group| Some((group, group.curve.value()?.as_slice()))).collect();
    if drawn.is_empty() {
        let why = survival.groups.first().and_then(|group| why(&group.curve));
        return figures.leave_out("survival", &why.map_or_else(String::new, ToString::to_string));
    }
    figures.add("survival", figure(survival, &drawn));
    if survival.groups.len() > 1 {
        figures.add("restricted-means", restricted_means(survival));
    }
}

/// The restricted mean of each group, side by side.
fn restricted_means(survival: &Survival) -> Result<Figure, Error> {
    let rows = survival.groups.iter().take(ROWS_MAX).map(|group| ForestRow {
        name: named(&spoken(&group.group), "everyone"),
        detail: whole(group.people.to_f64()),
        mark: match &group.restricted_mean {
            Stated::Value(mean) => Stated::Value(Mark::from(mean.mean)),
            Stated::Undefined { undefined } => Stated::Undefined { undefined: undefined.clone() },
        },
        pooled: false,
    });
    let rows: Vec<ForestRow> = rows.collect();
    let Some(horizon) = survival.groups.iter().find_map(|group| Some(group.restricted_mean.value()?.horizon)) else {
        let why = rows.first().and_then(|row| why(&row.mark)).map_or_else(String::new, ToString::to_string);
        return Err(Error::Statistics { what: "figure", why });
    };
    let by = survival.by.as_ref().map_or_else(String::new, |by| format!(" by {}", spoken(by)));
    let unit = unit_in_words(&survival.time.unit);
    let title = format!("Restricted mean survival until {}{by}, up to {horizon} {unit}", spoken(&survival.event));
    let kind = Kind::Forest(Forest { rows, reference: None, detail: "people".into() });
    let figure = Figure::new(title.trim_end(), Axis::linear("mean", &survival.time.unit), Axis::names(""), kind)?;
    let groups = survival.groups.len();
    let cut = (groups > ROWS_MAX).then(|| format!("The first {ROWS_MAX} of {groups} groups; the table has all."));
    let wide = (!survival.time.exact_times)
        .then(|| "Events are taken at the middle of their bins; the table has the least and greatest means.".into());
    Ok(figure.with_notes(cut.into_iter().chain(wide)))
}

fn figure(survival: &Survival, drawn: &[(&GroupSurvival, &[SurvivalPoint])]) -> Result<Figure, Error> {
    let shown = || drawn.iter().take(CURVES_MAX);
    let end = shown().filter_map(|(_, points)| Some(points.last()?.time)).fold(0.0, f64::max);
    let times = times(&survival.time.starts, end);
    let curves = shown().map(|(group, points)| curve(group, points, &times)).collect();
    let x = Axis::linear(&spoken(&survival.time.name), &survival.time.unit);
    let y = Axis::share("survival").within(0.0, 1.0);
    let by = survival.by.as_ref().map_or_else(String::new, |by| format!(" by {}", spoken(by)));
    let title = format!("Survival until {}{by}", spoken(&survival.event));
    let figure = Figure::new(&title, x, y, Kind::Steps(Steps { curves, times }))?;
    Ok(figure.with_notes(notes(survival, drawn.len())))
}

/// The curve of a group. Under noise no sum tells whether anybody was censored, and past the curve's end none tells how
/// many are at risk.
fn curve(group: &GroupSurvival, points: &[SurvivalPoint], times: &[f64]) -> Curve {
    let noisy = group.people.is_noisy();
    let at_risk = |time: &f64| {
        // Whoever is at risk where a bin begins leaves in it or later. Bins in which nobody leaves have no point.
        let point = points.iter().find(|point| point.since >= *time);
        point.map(|point| point.at_risk.value).or((!noisy).then_some(0))
    };
    let steps = points.iter().map(|point| Step {
        time: point.time,
        value: point.survival,
        interval: point.interval.value().copied(),
    });
    // The first point may itself be at time 0.
    let starts = points.first().is_none_or(|point| point.time > 0.0);
    let start = starts.then_some(Step { time: 0.0, value: 1.0, interval: None });
    let censored = points.iter().filter(|point| !noisy && point.censored.value > 0).map(|point| point.time);
    Curve {
        name: named(&spoken(&group.group), "everyone"),
        steps: start.into_iter().chain(steps).collect(),
        end: points.last().map_or(0.0, |point| point.time),
        censored: censored.collect(),
        at_risk: times.iter().map(at_risk).collect(),
    }
}

/// Some of the times at which bins begin, evenly apart: there those at risk are known, within a bin they are not.
fn times(starts: &[f64], end: f64) -> Vec<f64> {
    let within = starts.iter().filter(|start| **start <= end).count();
    let tens = (0..9).map(|power| 10usize.pow(power));
    let stride = tens.flat_map(|ten| [ten, 2 * ten, 5 * ten]).find(|stride| within.div_ceil(*stride) <= TIMES_MAX);
    starts.iter().take(within).step_by(stride.unwrap_or(1)).copied().collect()
}

fn notes(survival: &Survival, drawn: usize) -> Vec<String> {
    let mut notes = vec![];
    if let Some(test) = survival.log_rank.as_ref().and_then(Stated::value) {
        notes.push(format!("Log-rank test: p = {}.", p_value(test.p_value)));
    }
    if drawn > CURVES_MAX {
        notes.push(format!("The first {CURVES_MAX} of {drawn} curves; the table has all."));
    }
    let noise = survival.groups.iter().map(|group| group.people.noise_variance.sqrt()).fold(0.0, f64::max);
    if noise > 0.0 {
        // Each is the sum of its bin and all later ones.
        notes.push(format!("Numbers at risk carry noise of standard deviation up to {noise:.1}."));
    }
    for group in &survival.groups {
        notes.extend(
            why(&group.curve).map(|why| format!("No curve of {}: {why}.", named(&spoken(&group.group), "everyone"))),
        );
    }
    let censored = survival.groups.iter().any(|group| group.censored.value > 0);
    if noise == 0.0 && censored && !survival.time.exact_times {
        notes.push("Ticks stand where a bin ends in which somebody was censored.".into());
    }
    let mut within: Vec<char> = survival.within_bins.chars().collect();
    within.iter_mut().take(1).for_each(|first| first.make_ascii_uppercase());
    notes.push(within.into_iter().chain(['.']).collect());
    notes
}
