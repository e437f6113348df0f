//! The demo's people, and statistics of them in their plainest form.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::super::Mark;
use crate::statistics::{Estimate, Interval, Stated, Undefined, estimate::normal_quantile};

pub(super) struct Person {
    pub(super) sex: u8,
    pub(super) finnish: bool,
    pub(super) patient: Option<Patient>,
}

#[derive(Clone, Copy)]
pub(super) struct Patient {
    pub(super) age: f64,
    pub(super) days: f64,
    pub(super) died: bool,
}

pub(super) fn people() -> Vec<Person> {
    let text = include_str!("../../../../../tests/data/demo/attributes.csv");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    rows.records()
        .map(|row| {
            let row = row.unwrap();
            let number = |column: usize| row[column].parse::<f64>();
            let patient = number(4).ok().map(|age| Patient { age, days: number(5).unwrap(), died: &row[6] == "1" });
            Person { sex: row[1].parse().unwrap(), finnish: &row[2] == "10", patient }
        })
        .collect()
}

pub(super) fn patients() -> Vec<Patient> {
    people().into_iter().filter_map(|person| person.patient).collect()
}

/// A variant's alternate alleles in each person, or none without a call.
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) position: u64,
    pub(super) dosages: Vec<Option<u8>>,
}

pub(super) fn variants() -> Vec<Variant> {
    let text = include_str!("../../../../../tests/data/demo/genomes.vcf");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let dosage = |field: &&str| {
                let alleles: Vec<&str> = field.split(':').next().unwrap().split(['|', '/']).collect();
                let called = alleles.iter().all(|allele| *allele != ".");
                called.then(|| u8::try_from(alleles.iter().filter(|allele| **allele == "1").count()).unwrap())
            };
            let alternate = fields[4].split(',').next().unwrap();
            Variant {
                name: format!("{}:{} {}>{}", fields[0], fields[1], fields[3], alternate),
                position: fields[1].parse().unwrap(),
                dosages: fields[9..].iter().map(dosage).collect(),
            }
        })
        .collect()
}

/// Alternate and reference alleles among Finns and among the British.
pub(super) fn alleles(variant: &Variant, people: &[Person]) -> [[f64; 2]; 2] {
    let mut table = [[0.0; 2]; 2];
    for (person, dosage) in people.iter().zip(&variant.dosages) {
        if let Some(dosage) = dosage {
            let row = &mut table[usize::from(!person.finnish)];
            row[0] += f64::from(*dosage);
            row[1] += 2.0 - f64::from(*dosage);
        }
    }
    table
}

/// Pearson's test of the alleles in both populations.
pub(super) fn p_value(variant: &Variant, people: &[Person]) -> Option<f64> {
    let [[a, b], [c, d]] = alleles(variant, people);
    let margins = (a + b) * (c + d) * (a + c) * (b + d);
    let statistic = (a + b + c + d) * (a * d - b * c).powi(2) / margins;
    (margins > 0.0).then(|| ChiSquared::new(1.0).unwrap().sf(statistic))
}

/// The odds ratio with Woolf's interval.
pub(super) fn odds_ratio(table: [[f64; 2]; 2]) -> Stated<Mark> {
    let [[a, b], [c, d]] = table;
    if a * b * c * d == 0.0 {
        return Err(Undefined::EmptyCell).into();
    }
    let log = Estimate::normal((a * d / (b * c)).ln(), (1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d).sqrt());
    Stated::from(log.and_then(|log| log.exponentiated())).into()
}

/// A share with Wilson's interval.
pub(super) fn share(count: usize, of: usize) -> Stated<Mark> {
    if of == 0 {
        return Err(Undefined::Nobody).into();
    }
    let (k, n, z) = (count as f64, of as f64, normal_quantile());
    let (p, denominator) = (k / n, 1.0 + z * z / n);
    let (centre, half) =
        ((p + z * z / (2.0 * n)) / denominator, z / denominator * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
    Stated::Value(Mark { value: p, interval: Some(Interval { lo: (centre - half).max(0.0), hi: centre + half }) })
}

pub(super) fn correlation(one: &[f64], other: &[f64]) -> Stated<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(one), mean(other));
    let products = |x: &[f64], y: &[f64], a: f64, b: f64| x.iter().zip(y).map(|(x, y)| (x - a) * (y - b)).sum::<f64>();
    let (xx, yy) = (products(one, one, a, a), products(other, other, b, b));
    if xx * yy == 0.0 {
        Err(Undefined::NoVariance).into()
    } else {
        Stated::Value(products(one, other, a, b) / (xx * yy).sqrt())
    }
}
