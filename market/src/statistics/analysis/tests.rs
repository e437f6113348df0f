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
    statistics::{export, noise::draw, testing},
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

#[test]
fn the_same_sums_give_the_same_analysis() {
    let town = town();
    for name in ["contingency", "comparison", "association"] {
        assert_eq!(town.analyses(name, 4.0), town.analyses(name, 4.0), "{name}");
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
        ("curve", Measure::Survival { time: age.clone(), event: death, groups: None }, counted(&[4, 5])),
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
    let variants = VariantRange { first: 0, count: Some(32) };
    let by = |by| town.measure(Measure::AlleleFrequencies { variants, by }, (1, 0.0));
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
