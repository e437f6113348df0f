use std::{fs, path::PathBuf};

use circuits::{
    criteria::MatchCriteria,
    record::{ATTRIBUTES, Attributes, Genotypes, MISSING},
    schema::{Attribute, Schema, VariantPanel},
};

use super::*;
use crate::{
    import::{ImportOptions, import_attributes, import_variants},
    query::QueryFile,
};

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The people of the demo.
struct Town {
    schema: Schema,
    panel: VariantPanel,
    people: Vec<(Attributes, Genotypes)>,
}

fn town() -> Town {
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
    /// What everybody's contributions to a layout add up to, with noise of a variance said to be in each slot.
    fn sums(&self, layout: &Layout, matching: &MatchCriteria, variance: f64) -> Vec<Sum> {
        let mut slots = vec![Sum::noisy(0, variance); layout.slots_used().into()];
        for (attributes, genotypes) in &self.people {
            let plaintext = layout.plaintext(matching, attributes, genotypes).unwrap();
            for (slot, value) in slots.iter_mut().zip(plaintext.slots()) {
                slot.value += i64::from(*value);
            }
        }
        slots
    }

    fn analyses(&self, name: &str, variance: f64) -> Vec<Analysis> {
        let query = QueryFile::open(&file("docs/queries").join(name).with_extension("toml")).unwrap();
        let resolved = query
            .resolve(&self.schema, Some(&self.panel), circuits::consent::Day(1), node::query::SealingKey::new(vec![1]))
            .unwrap();
        let parts = query.parts(&self.schema, Some(&self.panel)).unwrap();
        let analysis = |(measure, layouts): (&Measure, &Vec<Layout>)| {
            let sums: Vec<_> = layouts.iter().map(|layout| self.sums(layout, &resolved.matching, variance)).collect();
            analyze(measure, layouts, &sums, (&self.schema, Some(&self.panel)), [7; 32]).unwrap()
        };
        query.measures.iter().zip(&parts).map(analysis).collect()
    }
}

const EXAMPLES: [&str; 10] = [
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
                let figures = analysis.figures(&["69 people".into()]).unwrap();
                assert!(variance > 0.0 || !figures.is_empty(), "{name} has no figure");
                for (file, figure) in figures {
                    assert!(figure.svg().contains("69 people"), "{name}, {file}");
                }
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
    let names = (&town.schema, Some(&town.panel));
    assert!(analyze(&measure, &[Layout::count()], &[], names, [0; 32]).is_err());
    let genotypes = Layout::genotypes(0, 0, 32);
    let sums = [town.sums(&genotypes, &MatchCriteria::default(), 0.0)];
    assert!(analyze(&measure, std::slice::from_ref(&genotypes), &sums, names, [0; 32]).is_err());
    let frequencies = Measure::AlleleFrequencies { variants: crate::query::VariantRange::default(), by: vec![] };
    let counts = [vec![Sum::exact(3)]];
    assert!(analyze(&frequencies, &[Layout::count()], &counts, names, [0; 32]).is_err());
    assert!(analyze(&frequencies, &[genotypes], &sums, (&town.schema, None), [0; 32]).is_err());
}
