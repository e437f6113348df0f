mod hostile;

use std::{fs, path::PathBuf};

use circuits::{
    criteria::MatchCriteria,
    layout::Moment,
    record::{ATTRIBUTES, Attributes, Genotypes, MISSING},
    schema::{Attribute, Schema, VariantPanel},
};

use super::*;
use crate::{
    import::{ImportOptions, import_attributes, import_variants},
    query::{NamedAxis, QueryFile, VariantRange},
    statistics::{export, noise::draw, people, testing},
};

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The people of the demo.
pub(super) struct Town {
    schema: Schema,
    panel: VariantPanel,
    people: Vec<(Attributes, Genotypes)>,
}

pub(super) fn town() -> Town {
    let genomes = fs::read(file("tests/data/demo/genomes.vcf")).unwrap();
    let (imported, _) =
        import_variants("genomes", genomes.as_slice(), &ImportOptions { build: Some("GRCh37".into()) }).unwrap();
    let attributes: Vec<Attribute> =
        serde_json::from_slice(&fs::read(file("tests/data/demo/attributes.json")).unwrap()).unwrap();
    let schema = Schema { name: "demo".into(), attributes, panel: imported.panel.reference().unwrap() };
    let table = fs::read(file("tests/data/demo/attributes.csv")).unwrap();
    let rows = import_attributes("table", table.as_slice(), &schema).unwrap();
    let people = imported.samples.iter().map(|sample| {
        let row = rows.iter().find(|row| row.sample == sample.name);
        let attributes = row.map_or_else(|| Attributes::new([MISSING; ATTRIBUTES]), |row| row.attributes.clone());
        (attributes, Genotypes::new(&sample.dosages).unwrap())
    });
    Town { people: people.collect(), panel: imported.panel, schema }
}

impl Town {
    /// What everybody's contributions to a layout add up to, as if so many towns were alike, with noise of a variance.
    fn sums(&self, layout: &Layout, matching: &MatchCriteria, (towns, variance): (i64, f64)) -> Vec<Sum> {
        let mut slots = vec![Sum::noisy(0, variance); layout.slots_used().into()];
        for (attributes, genotypes) in &self.people {
            let plaintext = layout.plaintext(matching, attributes, genotypes).unwrap();
            for (slot, value) in slots.iter_mut().zip(plaintext.slots()) {
                slot.value += towns * i64::from(*value);
            }
        }
        let mut rng = testing::rng(1);
        slots.iter().map(|slot| Sum::of_real(slot.to_f64() + draw(variance, &mut rng).unwrap(), variance)).collect()
    }

    fn context(&self) -> Context<'_> {
        Context {
            schema: &self.schema,
            panel: Some(&self.panel),
            contributors: Some(100),
            matched: false,
            seed: [7; 32],
        }
    }

    fn analyses(&self, name: &str, variance: f64) -> Vec<Analysis> {
        self.ask(&example(name), (1, variance))
    }

    /// What a query's measures say of so many towns, under noise of a variance.
    pub(super) fn ask(&self, query: &QueryFile, scale: (i64, f64)) -> Vec<Analysis> {
        let resolved = query
            .resolve(&self.schema, Some(&self.panel), circuits::consent::Day(1), node::query::SealingKey::new(vec![1]))
            .unwrap();
        let parts = query.parts(&self.schema, Some(&self.panel)).unwrap();
        let analysis = |(measure, layouts): (&Measure, &Vec<Layout>)| {
            let sums: Vec<_> = layouts.iter().map(|layout| self.sums(layout, &resolved.matching, scale)).collect();
            analyze(measure, layouts, &sums, self.context()).unwrap()
        };
        query.measures.iter().zip(&parts).map(analysis).collect()
    }

    /// Days of follow-up of everyone who has them.
    pub(super) fn follow_up(&self) -> Vec<u32> {
        let place = self.schema.attribute_index("follow_up").unwrap();
        let days = self.people.iter().map(|(attributes, _)| attributes.values()[place]);
        days.filter(|days| *days != MISSING).collect()
    }

    /// What a measure says.
    pub(super) fn measure(&self, measure: Measure, scale: (i64, f64)) -> Analysis {
        let file = QueryFile { measures: vec![measure], ..example("funnel") };
        let file = QueryFile {
            matching: if matches!(file.measures[0], Measure::Funnel { .. }) { file.matching } else { vec![] },
            ..file
        };
        self.ask(&file, scale).remove(0)
    }
}

pub(super) fn example(name: &str) -> QueryFile {
    QueryFile::open(&file("docs/queries").join(name).with_extension("toml")).unwrap()
}

pub(super) const EXAMPLES: [&str; 10] = [
    "count",
    "funnel",
    "histogram",
    "contingency",
    "moments",
    "comparison",
    "regression",
    "frequencies",
    "association",
    "survival",
];

#[test]
fn every_example_gives_numbers_figures_and_a_table_with_and_without_noise() {
    let town = town();
    for name in EXAMPLES {
        for variance in [0.0, 9.0] {
            for analysis in town.analyses(name, variance) {
                let rows = analysis.rows();
                assert!(!rows.is_empty(), "{name}");
                if variance > 0.0 {
                    rows.iter().for_each(states_its_noise);
                }
                let csv = crate::statistics::export::csv(&rows).unwrap();
                assert!(!csv.contains("NaN") && !csv.contains("inf"), "{name}: {csv}");
                let json = serde_json::to_string(&analysis).unwrap();
                assert!(!json.contains("null"), "{name}: {json}");
                let figures = analysis.figures(&["69 people".into()]);
                assert!(!figures.drawn.is_empty() || !figures.left_out.is_empty(), "{name} has no figure");
                assert!(variance > 0.0 || figures.left_out.is_empty(), "{name}: {:?}", figures.left_out);
            }
        }
    }
}

/// Every number of a private result says of how many people it is, and how wide the noise in their number is. Everybody who
/// contributed is known exactly, and an inflation is of variants.
fn states_its_noise(row: &export::Row) {
    let cells = row.cells().unwrap();
    let [statistic, value, p_value, people, noise] = [1, 5, 10, 12, 13].map(|column| cells[column].as_str());
    if (!value.is_empty() || !p_value.is_empty()) && statistic != "lambda_gc" && people != "100" {
        assert!(noise.parse::<f64>().is_ok_and(|deviation| deviation > 0.0), "{cells:?}");
    }
}

#[test]
fn a_noisy_number_without_an_interval_says_so_in_the_table() {
    let town = town();
    let without = ["cramers_v", "eta_squared", "omega_squared", "r_squared", "adjusted_r_squared"];
    let without = without.iter().chain(&["residual_standard_error", "lambda_gc"]);
    let mut said = std::collections::BTreeSet::new();
    for name in ["contingency", "comparison", "regression", "association"] {
        for variance in [0.0, 0.1] {
            for row in town.ask(&example(name), (200, variance)).iter().flat_map(Analysis::rows) {
                let cells = row.cells().unwrap();
                let of = without.clone().find(|statistic| cells[1] == **statistic);
                let Some(statistic) = of.filter(|_| !cells[5].is_empty()) else { continue };
                assert_eq!(cells[4].ends_with("no interval under noise"), variance > 0.0, "{cells:?}");
                said.extend((variance > 0.0).then_some(*statistic));
            }
        }
    }
    assert_eq!(said.len(), without.count(), "{said:?}");
}

#[test]
fn counts_of_alleles_and_events_and_what_bins_cost_are_rows() {
    let town = town();
    let statistics = |name: &str| -> Vec<String> {
        let rows = town.analyses(name, 0.0).remove(0).rows();
        rows.iter().map(|row| row.cells().unwrap()[1].split('(').next().unwrap().to_owned()).collect()
    };
    let survival = ["people", "events", "censored", "cumulative_hazard", "survival_least", "restricted_mean_least"];
    let rows = town.analyses("survival", 0.0).remove(0).rows();
    let prespecified = rows.iter().filter(|row| row.in_words().starts_with("restricted mean up to 720 days"));
    assert_eq!(prespecified.count(), 2, "each group's, at the file's horizon");
    let genotypes = ["allele_count", "heterozygous", "homozygous_alternate"];
    for (name, wanted) in [("survival", &survival[..]), ("frequencies", &genotypes)] {
        let found = statistics(name);
        assert!(wanted.iter().all(|wanted| found.iter().any(|found| found == wanted)), "{name}: {found:?}");
    }
}

#[test]
fn released_genotypes_give_the_mean_of_peoples_scores() {
    let (town, expected) = (town(), &people::reference("genotypes")["demo"]);
    let by = vec![NamedAxis::Cuts { attribute: "sex".into(), cuts: vec![2.0] }];
    let measure = Measure::AlleleFrequencies { variants: VariantRange::default(), by };
    let file = QueryFile { measures: vec![measure], ..example("frequencies") };
    let layouts = file.parts(&town.schema, Some(&town.panel)).unwrap().remove(0);
    let sums = |variance| -> Vec<_> {
        layouts.iter().map(|layout| town.sums(layout, &MatchCriteria::default(), (1, variance))).collect()
    };
    let weights = |build: &str| Weights {
        build: Some(build.into()),
        weights: serde_json::from_value(expected["weights"].clone()).unwrap(),
    };
    let analysis = score(&layouts, &sums(0.0), town.context(), &weights("hg19")).unwrap();
    let Analysis::Score(found) = &analysis else { panic!("{analysis:?}") };
    people::agrees(&found.groups, &expected["score"], 1e-9);
    let figures = analysis.figures(&[]);
    assert_eq!((analysis.rows().len(), figures.drawn.len(), figures.left_out.len()), (2 + 5, 1, 0));

    let noisy = score(&layouts, &sums(1.0), town.context(), &weights("GRCh37")).unwrap();
    noisy.rows().iter().take(2).for_each(states_its_noise);
    let refused = |context, weights: &Weights| score(&layouts, &sums(0.0), context, weights).unwrap_err().to_string();
    assert!(refused(town.context(), &weights("GRCh38")).contains("harmonized to GRCh37"));
    assert!(refused(Context { panel: None, ..town.context() }, &weights("GRCh37")).contains("panel"));
    assert!(score(&[Layout::count()], &[vec![Sum::exact(3)]], town.context(), &weights("GRCh37")).is_err());
}

#[test]
fn the_same_sums_give_the_same_bytes() {
    let town = town();
    for name in ["contingency", "comparison", "association"] {
        let made = || {
            let analysis = town.analyses(name, 4.0).remove(0);
            let drawn = analysis.figures(&[]).drawn;
            let pictures: Vec<_> = drawn.iter().map(|(_, figure)| (figure.svg(), figure.png(1).unwrap())).collect();
            (export::csv(&analysis.rows()).unwrap(), export::json(&analysis).unwrap(), pictures)
        };
        let (once, again) = (made(), made());
        assert!(once == again && !once.2.is_empty(), "{name}: table, JSON and pictures byte for byte");
    }
}

#[test]
fn a_stratified_table_sums_its_strata() {
    let town = town();
    let [Analysis::Contingency { counts, stratified: Some(Stated::Value(_)), trend: Some(_), .. }] =
        &town.analyses("contingency", 0.0)[..]
    else {
        panic!("a stratified table")
    };
    let people: f64 = counts.cells.values.iter().filter_map(|cell| Some(cell.count.value()?.value)).sum();
    assert_eq!(people, 69.0, "everyone with age, sex and outcome");
}

#[test]
fn sums_of_another_measure_are_refused() {
    let town = town();
    let measure = Measure::Moments { attributes: vec!["age".into()], by: vec![] };
    assert!(analyze(&measure, &[Layout::count()], &[], town.context()).is_err());
    let genotypes = Layout::genotypes(0, 0, 32);
    let sums = [town.sums(&genotypes, &MatchCriteria::default(), (1, 0.0))];
    assert!(analyze(&measure, std::slice::from_ref(&genotypes), &sums, town.context()).is_err());
    let frequencies = Measure::AlleleFrequencies { variants: crate::query::VariantRange::default(), by: vec![] };
    let counts = [vec![Sum::exact(3)]];
    assert!(analyze(&frequencies, &[Layout::count()], &counts, town.context()).is_err());
    assert!(analyze(&frequencies, &[genotypes], &sums, Context { panel: None, ..town.context() }).is_err());
}

/// Nobody in any cell.
fn of_nobody(measure: &Measure, layout: Layout) -> Vec<String> {
    let town = town();
    let sums = vec![vec![Sum::exact(0); layout.slots_used().into()]];
    let rows = analyze(measure, &[layout], &sums, town.context()).unwrap().rows();
    rows.iter().map(export::Row::in_words).collect()
}

#[test]
fn repro_what_was_refused_vanished_from_the_table() {
    let bins = |attribute| circuits::layout::Axis::Bins { attribute, lo: 0, width: 1, count: 2 };
    let [age, sex, death] =
        ["age", "sex", "death"].map(|name| NamedAxis::Cuts { attribute: name.into(), cuts: vec![1.0] });
    let table = Measure::Contingency { rows: sex.clone(), columns: death.clone(), strata: Some(age.clone()) };
    let measured = |statistic| Layout { statistic, ..Layout::count() };
    let moments = |attributes: &[u8]| Statistic::Moments {
        attributes: attributes.iter().map(|attribute| Moment { attribute: *attribute, lo: 0, hi: 9 }).collect(),
    };
    let counted = |axes: &[u8]| Layout { axes: axes.iter().map(|axis| bins(*axis)).collect(), ..Layout::count() };
    let cases = [
        ("table", table.clone(), counted(&[3, 0, 5])),
        ("strata", table, counted(&[3, 0, 5])),
        ("curve", Measure::Survival { time: age.clone(), event: death, groups: None, horizon: None }, counted(&[4, 5])),
        (
            "model",
            Measure::Regression { outcome: "age".into(), predictors: vec!["sex".into()] },
            measured(moments(&[3, 0])),
        ),
        (
            "difference_holm",
            Measure::Comparison { attribute: "age".into(), groups: sex },
            Layout { axes: vec![bins(0)], ..measured(moments(&[3])) },
        ),
        ("quantile_0.5", Measure::Histogram { of: age }, counted(&[3])),
    ];
    for (statistic, measure, layout) in cases {
        let rows = of_nobody(&measure, layout);
        let found = rows.iter().find(|row| row.starts_with(&format!("{statistic} ")));
        assert!(found.is_some_and(|row| row.len() > 50), "{statistic}: {rows:#?}");
    }
}

#[test]
fn missing_calls_are_counted_among_the_contributors_where_all_are_known() {
    let town = town();
    let variants = || VariantRange { count: Some(32), ..VariantRange::default() };
    let by = |by| town.measure(Measure::AlleleFrequencies { variants: variants(), by }, (1, 0.0));
    let Analysis::AlleleFrequencies { groups } = by(vec![]) else { panic!("frequencies") };
    assert!(groups[0].variants.iter().all(|variant| variant.missingness.is_some()));
    let sex = NamedAxis::Cuts { attribute: "sex".into(), cuts: vec![2.0] };
    let Analysis::AlleleFrequencies { groups } = by(vec![sex]) else { panic!("frequencies") };
    assert!(groups[0].variants.iter().all(|variant| variant.missingness.is_none()));
}

#[test]
fn an_axis_of_a_variant_has_its_name() {
    let by = vec![NamedAxis::Variant { variant: "22:16050822 G>A".into() }];
    let Analysis::Count(counts) = town().measure(Measure::Count { by }, (1, 0.0)) else { panic!("counts") };
    assert_eq!(counts.cells.values[1].cell, "22:16050822 G>A 1 copy");
}
