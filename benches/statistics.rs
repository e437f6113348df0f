//! Reading sums: every example of the library, and a thousand variants of cases and controls, with and without noise,
//! up to the finished pictures. Beside a proof of more than a second it should not be felt.

#![allow(clippy::expect_used, missing_docs, reason = "a bench stops at the first failure")]

use std::path::PathBuf;

use circuits::{
    consent::Day,
    layout::Layout,
    record::{ATTRIBUTES, Attributes, Genotypes, MISSING},
    schema::{Attribute, Schema, VariantPanel},
};
use criterion::{Criterion, criterion_group, criterion_main};
use market::{
    import::{ImportOptions, import_attributes, import_variants},
    query::QueryFile,
    statistics::{
        Sum,
        analysis::{Analysis, Context, analyze},
    },
};
use node::query::SealingKey;

/// Variance of the noise of a noisy sum.
const VARIANCE: f64 = 9.0;
/// Pixels of a picture to each unit.
const SCALE: u8 = 2;

/// The demo's people.
struct Town {
    schema: Schema,
    panel: VariantPanel,
    people: Vec<(Attributes, Genotypes)>,
}

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(file(path)).expect("a file of the repository")
}

impl Town {
    fn new() -> Self {
        let options = ImportOptions { build: Some("GRCh37".into()) };
        let genomes = read("tests/data/demo/genomes.vcf");
        let (imported, _) = import_variants("genomes", genomes.as_slice(), &options).expect("sound genomes");
        let attributes: Vec<Attribute> =
            serde_json::from_slice(&read("tests/data/demo/attributes.json")).expect("sound attributes");
        let panel = imported.panel.reference().expect("a panel");
        let schema = Schema { name: "bench".into(), attributes, panel };
        let table = read("tests/data/demo/attributes.csv");
        let rows = import_attributes("table", table.as_slice(), &schema).expect("a sound table");
        let people = imported.samples.iter().map(|sample| {
            let row = rows.iter().find(|row| row.sample == sample.name);
            let attributes = row.map_or_else(|| Attributes::new([MISSING; ATTRIBUTES]), |row| row.attributes.clone());
            (attributes, Genotypes::new(&sample.dosages).expect("dosages of the panel"))
        });
        Self { people: people.collect(), panel: imported.panel, schema }
    }

    /// The query's layouts with the sums over everybody.
    fn sums(&self, query: &QueryFile, variance: f64) -> (Vec<Vec<Layout>>, Vec<Vec<Vec<Sum>>>) {
        let resolved = query.resolve(&self.schema, Some(&self.panel), Day(1), SealingKey::new(vec![1]));
        let matching = resolved.expect("an example of the library").matching;
        let parts = query.parts(&self.schema, Some(&self.panel)).expect("an example of the library");
        let sum = |layout: &Layout| {
            let mut slots = vec![Sum::noisy(0, variance); layout.slots_used().into()];
            for (attributes, genotypes) in &self.people {
                let plaintext = layout.plaintext(&matching, attributes, genotypes).expect("a checked layout");
                slots.iter_mut().zip(plaintext.slots()).for_each(|(slot, value)| slot.value += i64::from(*value));
            }
            slots
        };
        let sums = parts.iter().map(|layouts| layouts.iter().map(sum).collect()).collect();
        (parts, sums)
    }
}

fn statistics(criterion: &mut Criterion) {
    let town = Town::new();
    let examples = ["contingency", "regression", "survival", "association"].map(|name| format!("docs/queries/{name}"));
    for name in examples.into_iter().chain(["benches/association".into()]) {
        let query = QueryFile::open(&file(&format!("{name}.toml"))).expect("a query of the repository");
        for (kind, variance) in [("exact", 0.0), ("noisy", VARIANCE)] {
            let (parts, sums) = town.sums(&query, variance);
            let read = || {
                let measures = query.measures.iter().zip(&parts).zip(&sums);
                let (schema, panel) = (&town.schema, Some(&town.panel));
                let context = Context { schema, panel, contributors: None, matched: false, seed: [7; 32] };
                let analyzed = measures.map(|((measure, layouts), sums)| analyze(measure, layouts, sums, context));
                analyzed.collect::<Result<Vec<_>, _>>().expect("sums of the measures")
            };
            criterion.bench_function(&format!("{name}/{kind}/analyse"), |bench| bench.iter(read));
            let analyses = read();
            criterion.bench_function(&format!("{name}/{kind}/draw"), |bench| bench.iter(|| draw(&analyses)));
        }
    }
}

fn draw(analyses: &[Analysis]) -> usize {
    let figures = analyses.iter().flat_map(|analysis| analysis.figures(&[]).drawn);
    figures.map(|(_, figure)| figure.png(SCALE).expect("a picture").len()).sum()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = statistics
}
criterion_main!(benches);
