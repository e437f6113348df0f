//! Figures of what people's sums say. `LOCUS_FIGURES=folder cargo test analysis` keeps the pictures.

use super::{
    super::{
        Analysis,
        tests::{EXAMPLES, Town, example, town},
    },
    Figures,
};
use crate::{
    query::{Measure, NamedAxis, VariantRange},
    statistics::{
        Interval, Stated,
        figure::{Kind, Mark, tests::blemishes},
    },
};

fn cuts(attribute: &str, cuts: &[f64]) -> NamedAxis {
    NamedAxis::Cuts { attribute: attribute.into(), cuts: cuts.to_vec() }
}

fn bins(attribute: &str, width: f64, count: u16) -> NamedAxis {
    NamedAxis::Bins { attribute: attribute.into(), lo: 0.0, width, count }
}

/// Keeps the pictures where the folder is named, and refuses what an editor would send back.
fn look(name: &str, figures: &Figures) {
    let kept = std::env::var_os("LOCUS_FIGURES").map(std::path::PathBuf::from);
    for (file, figure) in &figures.drawn {
        let svg = figure.svg();
        if let Some(folder) = &kept {
            std::fs::write(folder.join(format!("{name}.{file}.png")), figure.png(2).unwrap()).unwrap();
        }
        assert_eq!(blemishes(&svg), Vec::<String>::new(), "{name}, {file}");
    }
    if kept.is_some() {
        eprintln!("{name}: {} drawn, {:?}", figures.drawn.len(), figures.left_out);
    }
}

fn sex() -> NamedAxis {
    cuts("sex", &[2.0])
}

fn death() -> NamedAxis {
    cuts("death", &[1.0])
}

fn survival(groups: Option<NamedAxis>) -> Measure {
    Measure::Survival { time: bins("follow_up", 60.0, 31), event: death(), groups, horizon: None }
}

/// Measures beyond the examples, with how many towns are asked and under which noise.
fn measures() -> Vec<(&'static str, Measure, (i64, f64))> {
    let variants = || VariantRange { count: Some(32), ..VariantRange::default() };
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<String>>();
    let moments = |attributes: &[&str], by| Measure::Moments { attributes: names(attributes), by };
    let regression =
        |predictors: &[&str]| Measure::Regression { outcome: "follow_up".into(), predictors: names(predictors) };
    vec![
        ("count-none", Measure::Count { by: vec![] }, (1, 0.0)),
        ("count-turned", Measure::Count { by: vec![sex(), bins("age", 8.0, 10)] }, (20, 25.0)),
        ("count-many", Measure::Count { by: vec![bins("age", 1.0, 90), sex()] }, (20, 25.0)),
        ("count-wide", Measure::Count { by: vec![bins("age", 10.0, 8), bins("population", 1.0, 26)] }, (5, 0.0)),
        ("count-three", Measure::Count { by: vec![sex(), death(), bins("age", 10.0, 8)] }, (5, 9.0)),
        (
            "count-variant",
            Measure::Count { by: vec![NamedAxis::Variant { variant: "22:16050822 G>A".into() }] },
            (5, 9.0),
        ),
        ("funnel-by", Measure::Funnel { by: vec![sex()] }, (20, 16.0)),
        ("histogram-cuts", Measure::Histogram { of: cuts("age", &[20.0, 40.0, 45.0, 50.0, 60.0]) }, (20, 25.0)),
        ("histogram-many", Measure::Histogram { of: bins("follow_up", 5.0, 365) }, (20, 25.0)),
        ("contingency-plain", Measure::Contingency { rows: sex(), columns: death(), strata: None }, (20, 25.0)),
        (
            "contingency-rows",
            Measure::Contingency { rows: cuts("age", &[40.0, 50.0]), columns: death(), strata: None },
            (20, 25.0),
        ),
        ("moments-by", moments(&["age", "follow_up", "death"], vec![sex()]), (200, 0.1)),
        ("moments-one", moments(&["age"], vec![]), (20, 0.0)),
        (
            "comparison-groups",
            Measure::Comparison { attribute: "age".into(), groups: cuts("population", &[8.0, 10.0, 11.0]) },
            (20, 0.0),
        ),
        ("regression-line", regression(&["age"]), (20, 0.0)),
        ("regression-several", regression(&["age", "sex", "death"]), (20, 0.0)),
        ("frequencies-few", Measure::AlleleFrequencies { variants: variants(), by: vec![] }, (20, 9.0)),
        ("frequencies-by", Measure::AlleleFrequencies { variants: variants(), by: vec![sex()] }, (20, 0.0)),
        ("frequencies-all", Measure::AlleleFrequencies { variants: VariantRange::default(), by: vec![] }, (20, 0.0)),
        (
            "association-all",
            Measure::Association { variants: VariantRange::default(), cases: cuts("population", &[11.0]) },
            (20, 0.0),
        ),
        ("survival-one", survival(None), (1, 0.0)),
        ("survival-noisy", survival(Some(sex())), (40, 60.0)),
        ("survival-eight", survival(Some(cuts("age", &[20.0, 30.0, 40.0, 44.0, 47.0, 50.0, 54.0]))), (40, 9.0)),
        ("survival-drowned", survival(Some(sex())), (1, 400.0)),
    ]
}

#[test]
fn every_measure_is_drawn_or_says_why_not_with_no_text_cut_off_or_over_another() {
    let town = town();
    for name in EXAMPLES {
        for scale in [(1, 0.0), (1, 9.0), (40, 36.0)] {
            for analysis in town.ask(&example(name), scale) {
                look(&format!("{name}-{}-{}", scale.0, scale.1), &analysis.figures(&["A note.".into()]));
            }
        }
    }
    for (name, measure, scale) in measures() {
        let figures = town.measure(measure, scale).figures(&["A note.".into()]);
        assert!(!figures.drawn.is_empty() || !figures.left_out.is_empty(), "{name}");
        look(name, &figures);
    }
}

fn figures_of(town: &Town, name: &str) -> Figures {
    let (_, measure, scale) = measures().into_iter().find(|(found, ..)| *found == name).unwrap();
    town.measure(measure, scale).figures(&[])
}

#[test]
fn repro_a_histogram_over_cuts_had_bars_in_false_places() {
    let figures = figures_of(&town(), "histogram-cuts");
    let (_, figure) = &figures.drawn[0];
    let Kind::Bars(bars) = figure.kind() else { panic!("bars: {:?}", figure.kind()) };
    assert_eq!((bars.groups.len(), bars.groups[0].as_str()), (6, "below 20"));
    assert!(figure.svg().contains("age (years)"));
}

#[test]
fn repro_the_interval_of_bins_drawn_as_one_began_at_zero_above_their_count() {
    let (_, figure) = figures_of(&town(), "histogram-many").drawn.remove(0);
    let Kind::Histogram(histogram) = figure.kind() else { panic!("a histogram") };
    let marks: Vec<&Mark> = histogram.counts.iter().filter_map(Stated::value).collect();
    assert!(marks.len() == histogram.counts.len() && marks.iter().any(|mark| mark.value < -10.0), "{marks:?}");
    for Mark { value, interval } in marks {
        let Interval { lo, hi } = interval.unwrap();
        assert!(lo <= *value && *value <= hi, "{value} is outside {lo} to {hi}");
    }
    let notes = figure.notes().concat();
    assert!(notes.contains("noise included, and so is its interval") && !notes.contains("begins at zero"), "{notes}");
}

#[test]
fn repro_a_result_was_lost_with_a_figure_that_could_not_be_drawn() {
    let town = town();
    let drowned = figures_of(&town, "survival-drowned");
    assert_eq!(drowned.left_out, ["no figure of survival: the privacy noise is wider than what is measured"]);
    let eight = figures_of(&town, "survival-eight");
    let Kind::Steps(steps) = eight.drawn[0].1.kind() else { panic!("steps") };
    assert!(steps.curves.len() <= 7 && eight.drawn[0].1.notes().concat().contains("No curve of"));
    for (name, kept) in [("count-many", "The first 30 of 90 groups"), ("histogram-many", "5 bins are drawn as one")] {
        let notes = figures_of(&town, name).drawn[0].1.notes().concat();
        assert!(notes.contains(kept), "{name}: {notes}");
    }
}

#[test]
fn repro_numbers_at_risk_were_those_of_another_time() {
    let town = town();
    let Analysis::Survival { curves } = town.measure(survival(None), (1, 0.0)) else { panic!("survival") };
    let (_, figure) = town.measure(survival(None), (1, 0.0)).figures(&[]).drawn.remove(0);
    let Kind::Steps(steps) = figure.kind() else { panic!("steps") };
    let followed: Vec<u32> = town.follow_up();
    for (time, at_risk) in steps.times.iter().zip(&steps.curves[0].at_risk) {
        let expected = followed.iter().filter(|days| f64::from(**days) >= *time && **days < 1_860).count() as i64;
        assert_eq!(*at_risk, Some(expected), "at {time}");
    }
    assert!(curves.value().is_some() && steps.times.iter().all(|time| time % 60.0 == 0.0), "{:?}", steps.times);
}

#[test]
fn repro_under_noise_nobody_was_at_risk_past_the_curve_and_everybody_was_censored() {
    let (_, figure) = figures_of(&town(), "survival-noisy").drawn.remove(0);
    let Kind::Steps(steps) = figure.kind() else { panic!("steps") };
    assert!(steps.curves.iter().all(|curve| curve.censored.is_empty()));
    let shorter = steps.curves.iter().find(|curve| curve.end < *steps.times.last().unwrap());
    assert!(shorter.is_none_or(|curve| curve.at_risk.last() == Some(&None)));
    assert!(figure.notes().concat().contains("carry noise of standard deviation"));
}

#[test]
fn a_table_of_three_axes_is_drawn_for_each_cell_of_the_first_by_name() {
    let figures = figures_of(&town(), "count-three");
    let titles: Vec<&str> = figures.drawn.iter().map(|(_, figure)| figure.title()).collect();
    assert_eq!(titles, ["People by death and age: sex male", "People by death and age: sex female"]);
    let wide = figures_of(&town(), "count-wide");
    assert_eq!(wide.drawn.len(), 6);
    assert_eq!(wide.left_out, ["no figure of counts: only the first 6 of 8 are drawn"]);
}

#[test]
fn a_single_chromosome_has_an_axis_in_megabases_and_a_line_has_the_units_of_both() {
    let town = town();
    let said = |name: &str| figures_of(&town, name).drawn.remove(0).1.svg();
    assert!(said("association-all").contains("Position on chromosome 22 (Mb)"));
    assert!(said("regression-line").contains("age (years)"));
    assert!(said("regression-several").contains("age (per year)"));
    assert!(!figures_of(&town, "comparison-groups").drawn[0].1.description().contains("No effect"));
}

#[test]
fn equilibrium_has_a_figure_under_noise_too_and_its_title_says_by_which_test() {
    let town = town();
    let variants = || VariantRange { count: Some(64), ..VariantRange::default() };
    let titles = |scale| -> Vec<String> {
        let figures = town.measure(Measure::AlleleFrequencies { variants: variants(), by: vec![] }, scale).figures(&[]);
        assert_eq!(figures.left_out, Vec::<String>::new());
        figures.drawn.iter().map(|(_, figure)| figure.title().to_owned()).collect()
    };
    let (exact, noisy) = (titles((20, 0.0)).concat(), titles((20, 9.0)).concat());
    assert!(exact.contains("(exact mid-p)") && !exact.contains("χ²"), "{exact}");
    assert!(noisy.contains("(χ² with noise)") && !noisy.contains("mid-p"), "{noisy}");
}

#[test]
fn restricted_means_and_differences_of_means_are_drawn_beside_their_numbers() {
    let town = town();
    let forest = |figures: &Figures, name: &str| {
        let (_, figure) = figures.drawn.iter().find(|(found, _)| found == name).unwrap();
        let Kind::Forest(forest) = figure.kind() else { panic!("a forest") };
        (figure.title().to_owned(), forest.clone())
    };
    let (title, means) = forest(&town.measure(survival(Some(sex())), (20, 0.0)).figures(&[]), "restricted-means");
    assert!(title.starts_with("Restricted mean survival until death by sex, up to "), "{title}");
    assert_eq!((means.rows.len(), means.reference), (2, None));
    let groups = cuts("follow_up", &[200.0, 400.0]);
    let compared = town.measure(Measure::Comparison { attribute: "age".into(), groups }, (20, 0.0));
    let (title, pairs) = forest(&compared.figures(&[]), "differences");
    assert_eq!(title, "Differences of mean age by follow up");
    assert_eq!((pairs.rows.len(), pairs.reference, pairs.detail.as_str()), (3, Some(0.0), "adjusted p"));
    let (_, pair) = forest(&town.ask(&example("comparison"), (20, 0.0)).remove(0).figures(&[]), "differences");
    assert_eq!((pair.rows.len(), pair.rows[0].name.as_str()), (1, "sex male less sex female"));
}

#[test]
fn a_funnel_of_several_cells_is_drawn_for_each_by_name() {
    let figures = figures_of(&town(), "funnel-by");
    let titles: Vec<&str> = figures.drawn.iter().map(|(_, figure)| figure.title()).collect();
    assert_eq!(
        titles,
        ["Attrition over the match criteria: sex male", "Attrition over the match criteria: sex female"]
    );
}

#[test]
fn repro_a_common_odds_ratio_stood_as_if_it_pooled_crude_ones() {
    let town = town();
    let figures = town.ask(&example("contingency"), (20, 0.0)).remove(0).figures(&[]);
    let (_, figure) = figures.drawn.iter().find(|(name, _)| name == "effects").unwrap();
    let Kind::Forest(forest) = figure.kind() else { panic!("a forest") };
    assert!(forest.rows.len() == 3 && forest.rows.iter().all(|row| !row.pooled));
    assert_eq!(figure.title(), "Death yes: sex female relative to sex male");
}
