//! Cohorts at the edge of what one can be, and sums that no cohort gives: every measure states results or refuses with a
//! reason, in JSON, in its table, in words and in its figures.

use rand::{RngExt as _, rngs::StdRng};

use super::{super::Analysis, *};
use crate::statistics::figure::tests::blemishes;

/// Cohorts of the town's people that leave a statistic little to say, each with whom it keeps.
fn cohorts(town: &Town) -> Vec<(&'static str, Vec<(Attributes, Genotypes)>)> {
    let place = |name: &str| town.schema.attribute_index(name).unwrap();
    let (sex, death, follow_up) = (place("sex"), place("death"), place("follow_up"));
    let known: Vec<_> = town.people.iter().filter(|(it, _)| it.values()[follow_up] != MISSING).cloned().collect();
    let of = |attribute: usize, value: u32| -> Vec<_> {
        known.iter().filter(|(it, _)| it.values()[attribute] == value).cloned().collect()
    };
    let unmeasured =
        |(_, genotypes): &(Attributes, Genotypes)| (Attributes::new([MISSING; ATTRIBUTES]), genotypes.clone());
    vec![
        ("nobody", vec![]),
        ("one person", known[..1].to_vec()),
        ("two people", known[..2].to_vec()),
        ("one person many times", vec![known[0].clone(); 9]),
        ("nobody measured", known.iter().map(unmeasured).collect()),
        ("men alone", of(sex, 1)),
        ("all censored", of(death, 0)),
        ("all died", of(death, 1)),
    ]
}

/// Sums that people cannot add up to, or hardly.
fn sums(slots: usize, rng: &mut StdRng) -> Vec<(&'static str, Vec<i64>)> {
    let few = [0, 0, 0, 1, 2, 50, -3];
    let every = |step: usize, value: i64| (0..slots).map(|slot| if slot % step == 0 { value } else { 0 }).collect();
    vec![
        ("ones", vec![1; slots]),
        ("less than nobody", vec![-1; slots]),
        ("as many as a slot holds", vec![i64::from(i32::MAX); slots]),
        ("as few as a slot holds", vec![i64::from(i32::MIN); slots]),
        ("the first slot alone", every(slots, 7)),
        ("every other slot", every(2, 7)),
        ("every third slot", every(3, 7)),
        ("a few", (0..slots).map(|_| few[rng.random_range(0..few.len())]).collect()),
    ]
}

/// That an analysis says something everywhere, and no number is none.
fn says(what: &str, analysis: &Analysis) {
    let json = serde_json::to_string(analysis).unwrap();
    assert!(!json.contains("null"), "{what}: {json}");
    let rows = analysis.rows();
    let table = export::csv(&rows).unwrap();
    assert!(!rows.is_empty() && !table.contains("NaN") && !table.contains("inf,"), "{what}: {table}");
    for row in &rows {
        let words = row.in_words();
        assert!(words.chars().skip(48).any(|letter| !letter.is_whitespace()), "{what}: {words:?} says nothing");
    }
    let figures = analysis.figures(&[]);
    assert!(!figures.drawn.is_empty() || !figures.left_out.is_empty(), "{what}: no figure, and no reason");
    assert!(figures.left_out.iter().all(|why| !why.trim_end().ends_with(':')), "{what}: {:?}", figures.left_out);
    for (name, figure) in &figures.drawn {
        let svg = figure.svg();
        assert!(!svg.contains("NaN") && !svg.contains(">inf"), "{what}: {name}");
        assert_eq!(blemishes(&svg), Vec::<String>::new(), "{what}: {name}");
    }
}

#[test]
fn cohorts_at_the_edge_have_a_stated_result_or_a_reason_in_every_measure() {
    let whole = town();
    for (cohort, people) in cohorts(&whole) {
        let town = Town { people, schema: whole.schema.clone(), panel: whole.panel.clone() };
        for name in EXAMPLES {
            for variance in [0.0, 9.0] {
                for analysis in town.ask(&example(name), (1, variance)) {
                    says(&format!("{name} of {cohort}, noise {variance}"), &analysis);
                }
            }
        }
    }
}

#[test]
fn sums_that_no_cohort_gives_have_a_reason_and_no_false_number() {
    let town = town();
    let mut rng = testing::rng(11);
    for name in EXAMPLES {
        let query = example(name);
        let parts = query.parts(&town.schema, Some(&town.panel)).unwrap();
        for (measure, layouts) in query.measures.iter().zip(&parts) {
            let slots = layouts.iter().map(|layout| usize::from(layout.slots_used())).max().unwrap();
            for (pattern, sums) in sums(slots, &mut rng) {
                for variance in [0.0, 1.0, 1e6] {
                    let sums: Vec<Sum> = sums.iter().map(|sum| Sum::noisy(*sum, variance)).collect();
                    let sums = vec![sums; layouts.len()];
                    let analysis = analyze(measure, layouts, &sums, town.context()).unwrap();
                    says(&format!("{name} of {pattern}, noise {variance}"), &analysis);
                }
            }
        }
    }
}

#[test]
fn where_there_are_no_controls_an_association_says_so() {
    let whole = town();
    let (_, people) = cohorts(&whole).into_iter().find(|(name, _)| *name == "all died").unwrap();
    let town = Town { people, schema: whole.schema.clone(), panel: whole.panel.clone() };
    let analysis = town.ask(&example("association"), (1, 0.0)).remove(0);
    let words: Vec<String> = analysis.rows().iter().map(export::Row::in_words).collect();
    assert!(words.iter().any(|row| row.contains("nobody in the group has a call of this variant")));
    assert!(words.iter().any(|row| row.contains("nobody among the cases, or nobody among the controls")));
    assert!(words[0].contains("no variant could be tested"), "{}", words[0]);
    assert!(!words.concat().contains("every value is missing"));
}
