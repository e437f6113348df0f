//! What the demo prints: the result beside the truth, a plot in the terminal, and timings.

use std::path::{Path, PathBuf};

use circuits::id::{ChainId, QueryId};
use market::{
    so_many,
    statistics::{
        PartSums, Sum,
        analysis::{Analysis, GroupFrequencies},
        genotypes::VariantSummary,
    },
};
use serde::Serialize;

use super::{
    Recruited,
    attack::{self, AttackReport},
    tables::Sums,
};
use crate::cli;

/// Variants that the text form lists.
const LISTED_MAX: usize = 12;
/// Bins of the allele frequency plot.
const PLOT_BINS: usize = 20;
/// Columns of the longest bar.
const PLOT_WIDTH: usize = 48;

/// The demo's outcome, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct DemoReport {
    /// The chain founded.
    pub chain: ChainId,
    /// The query asked.
    pub query: QueryId,
    /// What was asked.
    pub title: String,
    /// Where the genotypes are from.
    pub source: String,
    /// Who was asked, in words.
    pub criteria: String,
    /// People who were asked to contribute.
    pub people: usize,
    /// Contributions that the ledger admitted.
    pub admitted: u32,
    /// Whose agents declined, and why.
    pub declined: Vec<Declined>,
    /// The wall time of every proof, as many side by side as there are cores, in seconds.
    pub proof_seconds: Vec<f64>,
    /// What a dishonest person tried, and who refused it; null if nobody was to.
    pub attack: Option<AttackReport>,
    /// The decrypted sums.
    pub result: ResultReport,
    /// The sums of each measure's cells from the plaintext, by independent code.
    pub truth: Vec<Sums>,
    /// Whether every sum equals the truth, up to privacy noise where there is any.
    pub matches: bool,
    /// How far the sums are from the truth.
    pub agreement: Agreement,
    /// Paid to each contributor, in minor units.
    pub paid_each: u64,
    /// A study that recruits among the people; null if none was to.
    pub screening: Option<Recruited>,
    /// The receipt file.
    pub receipt: PathBuf,
    /// The query file, which says how its sums are read.
    pub query_file: PathBuf,
    /// What `locus verify` checked in it.
    pub checks: Vec<market::receipt::Check>,
    /// Wall time by stage.
    pub timings: Vec<Stage>,
}

impl DemoReport {
    /// The same report with its files elsewhere.
    pub(super) fn moved(mut self, place: impl Fn(&Path) -> PathBuf) -> Self {
        self.receipt = place(&self.receipt);
        self.query_file = place(&self.query_file);
        self.result.table = place(&self.result.table);
        self.result.figures.iter_mut().for_each(|figure| *figure = place(figure));
        self
    }
}

/// A person whose agent declined.
#[derive(Debug, Serialize)]
pub struct Declined {
    /// The person.
    pub person: String,
    /// The reasons.
    pub reasons: Vec<String>,
}

/// The decrypted sums: the slots of each part, and what they mean.
#[derive(Debug, Serialize)]
pub struct ResultReport {
    /// For each part, its slots.
    pub slots: Vec<Vec<i32>>,
    /// The statistics of each measure.
    pub analyses: Vec<Analysis>,
    /// The cohort and what protects it, in words.
    pub notes: Vec<String>,
    /// Every estimate and test, as CSV.
    pub table: PathBuf,
    /// The figures, as SVG and PNG.
    pub figures: Vec<PathBuf>,
    /// What was not drawn, and why.
    pub left_out: Vec<String>,
    /// The sums of each measure's parts.
    #[serde(skip)]
    pub(super) sums: Vec<Vec<PartSums>>,
}

/// How far released sums are from the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Sums compared.
    pub sums: usize,
    /// Those without noise that differ, and those that the truth lacks or has beyond the result.
    pub different: usize,
    /// The largest deviation of a noisy sum, in standard deviations of its noise.
    pub furthest: f64,
}

/// A noisy sum this many standard deviations off is no noise: one in 10¹⁴.
const DEVIATIONS_MAX: f64 = 8.0;

impl Agreement {
    /// Compares the sums of each measure with the truth. Slots past the panel's end must be zero.
    pub(super) fn of(released: &[Vec<PartSums>], truth: &[Sums]) -> Self {
        let mut agreement = Self { sums: 0, different: released.len().abs_diff(truth.len()), furthest: 0.0 };
        for (parts, truth) in released.iter().zip(truth) {
            let cells = cells(parts);
            agreement.different += cells.len().abs_diff(truth.len());
            for (cell, truth) in cells.iter().zip(truth) {
                agreement.different += truth.len().saturating_sub(cell.len());
                let expected = truth.iter().chain(std::iter::repeat(&0));
                cell.iter().zip(expected).for_each(|(sum, truth)| agreement.add(*sum, *truth));
            }
        }
        agreement
    }

    fn add(&mut self, sum: Sum, truth: i64) {
        self.sums += 1;
        if sum.is_noisy() {
            let off = Sum::noisy(sum.value - truth, 0.0).to_f64().abs() / sum.noise_variance.sqrt();
            self.furthest = self.furthest.max(off);
        } else {
            self.different += usize::from(sum.value != truth);
        }
    }

    /// Whether the result is the truth.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.sums > 0 && self.different == 0 && self.furthest <= DEVIATIONS_MAX
    }

    fn in_words(&self) -> String {
        match (self.holds(), self.furthest > 0.0) {
            (true, false) => format!("the result equals the truth in every one of {} sums", self.sums),
            (true, true) => {
                format!("each of {} sums is the truth and noise, at most {:.1} σ", self.sums, self.furthest)
            }
            (false, _) => {
                format!("the result DIFFERS from the truth: {} sums, up to {:.1} σ", self.different, self.furthest)
            }
        }
    }
}

/// A measure's sums, cell by cell; variants of several parts one after the other.
fn cells(parts: &[PartSums]) -> Vec<Vec<Sum>> {
    let mut cells: Vec<Vec<Sum>> = vec![];
    for part in parts {
        let listed: Vec<Vec<Sum>> = match part {
            PartSums::Counts(cells) => cells.values.iter().map(|count| vec![*count]).collect(),
            PartSums::Funnel(cells) => cells.values.clone(),
            PartSums::Moments(cells) => {
                let attributes = |sums: &market::statistics::MomentSums| {
                    let pairs = sums.values.iter().zip(sums.products.clone());
                    pairs.flat_map(|(value, products)| std::iter::once(*value).chain(products)).collect::<Vec<_>>()
                };
                cells.values.iter().map(|sums| [vec![sums.count], attributes(sums)].concat()).collect()
            }
            PartSums::Genotypes(cells) => {
                let slots = |variants: &Vec<market::statistics::GenotypeSums>| {
                    variants.iter().flat_map(|sums| [sums.het, sums.hom_alt, sums.called]).collect()
                };
                cells.values.iter().map(slots).collect()
            }
        };
        cells.resize(cells.len().max(listed.len()), vec![]);
        cells.iter_mut().zip(listed).for_each(|(cell, sums)| cell.extend(sums));
    }
    cells
}

/// A stage with its wall time.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: &'static str,
    /// Wall time, in seconds.
    pub seconds: f64,
}

/// The text form.
#[must_use]
pub fn describe(report: &DemoReport) -> String {
    let mut lines = vec![
        String::new(),
        format!("{} ({} people, {}; {})", report.title, report.admitted, report.criteria, report.source),
        String::new(),
    ];
    match (report.result.analyses.as_slice(), report.truth.as_slice()) {
        ([Analysis::AlleleFrequencies { groups }], [truth]) => lines.extend(frequencies(groups, truth)),
        (analyses, _) => lines.extend(cli::describe_analyses(analyses)),
    }
    lines.push(String::new());
    lines.extend(report.result.notes.iter().map(|note| format!("  {note}")));
    lines.extend(
        report
            .declined
            .iter()
            .map(|declined| format!("  {} declined: {}", declined.person, declined.reasons.join("; "))),
    );
    let contributors = so_many(report.admitted, "contributor", "contributors");
    lines.push(format!("  paid {} to each of {contributors}", report.paid_each));
    lines.push(String::new());
    lines.extend(report.checks.iter().map(|check| format!("  ✓ {} {}", check.rule, check.says)));
    lines.push(format!("  {} {}", if report.matches { "✓" } else { "✗" }, report.agreement.in_words()));
    lines.extend(report.attack.iter().flat_map(attack::describe));
    lines.push(String::new());
    let stages: Vec<_> = report.timings.iter().map(|stage| format!("{} {:.1}", stage.stage, stage.seconds)).collect();
    lines.push(format!("  seconds: {}", stages.join(", ")));
    let proofs: Vec<_> = report.proof_seconds.iter().map(|seconds| format!("{seconds:.2}")).collect();
    lines.push(format!("  seconds of each proof: {}", proofs.join(", ")));
    lines.extend(report.result.figures.iter().map(|figure| format!("  figure:  {}", figure.display())));
    lines.extend(report.result.left_out.iter().map(|what| format!("  not drawn: {what}")));
    lines.push(format!("  table:   {}", report.result.table.display()));
    lines.push(format!("  receipt: {}", report.receipt.display()));
    lines.push(format!("  check it anywhere: locus verify {}", report.receipt.display()));
    lines.join("\n")
}

/// The first common variants beside the truth, and the distribution of allele frequencies.
fn frequencies(groups: &[GroupFrequencies], truth: &Sums) -> Vec<String> {
    let mut lines =
        vec![format!("  {:<26} {:>6} {:>9} {:>16} {:>9}", "variant", "called", "frequency", "95 % interval", "truth")];
    for (group, truth) in groups.iter().zip(truth) {
        let rows = group.variants.iter().zip(truth.chunks(3));
        let common =
            rows.filter(|(variant, _)| variant.frequency.value().is_some_and(|estimate| estimate.value > 0.05));
        lines.extend(common.take(LISTED_MAX).map(|(variant, truth)| row(variant, truth)));
        let total = group.variants.len();
        lines.push(format!("  the first {LISTED_MAX} above 5 % of {total} variants; --json and the table have all"));
        lines.push(String::new());
        lines.extend(plot(&group.variants));
    }
    lines
}

fn row(variant: &VariantSummary, truth: &[i64]) -> String {
    let frequency = match *truth {
        [het, hom_alt, called] if called > 0 => {
            format!("{:.4}", Sum::exact(het + 2 * hom_alt).to_f64() / Sum::exact(2 * called).to_f64())
        }
        _ => "-".into(),
    };
    let estimate = variant.frequency.value();
    let value = estimate.map_or("-".into(), |estimate| format!("{:.4}", estimate.value));
    let interval =
        estimate.map_or("-".into(), |estimate| format!("{:.4}–{:.4}", estimate.interval.lo, estimate.interval.hi));
    let name: String = variant.name.chars().take(26).collect();
    format!("  {name:<26} {:>6} {value:>9} {interval:>16} {frequency:>9}", variant.called.value)
}

/// A histogram of allele frequencies: how many variants fall in each bin.
fn plot(variants: &[VariantSummary]) -> Vec<String> {
    let mut bins = [0usize; PLOT_BINS];
    for frequency in variants.iter().filter_map(|variant| variant.frequency.value()) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a frequency lies in 0..=1")]
        let bin = ((frequency.value * PLOT_BINS as f64) as usize).min(PLOT_BINS - 1);
        if let Some(count) = bins.get_mut(bin) {
            *count += 1;
        }
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let line = |(bin, count): (usize, &usize)| {
        let bar = "█".repeat((count * PLOT_WIDTH).div_ceil(most));
        format!("  {:>4.2} │{bar} {count}", bin as f64 / PLOT_BINS as f64)
    };
    let heading = "  allele frequency, number of variants".to_owned();
    std::iter::once(heading).chain(bins.iter().enumerate().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(sums: &[(Sum, i64)]) -> bool {
        let mut agreement = Agreement::of(&[], &[]);
        sums.iter().for_each(|(sum, truth)| agreement.add(*sum, *truth));
        agreement.holds() && !agreement.in_words().contains("DIFFERS")
    }

    #[test]
    fn one_exact_sum_off_by_one_is_a_difference_and_so_is_what_no_noise_explains() {
        let right = (Sum::exact(3), 3);
        assert!(holds(&[right]) && holds(&[right, (Sum::noisy(3, 4.0), 18)]));
        assert!(!holds(&[right, (Sum::exact(3), 4)]));
        assert!(!holds(&[right, (Sum::noisy(3, 4.0), 20)]), "8.5 standard deviations");
    }

    #[test]
    fn nothing_compared_and_a_measure_that_is_missing_are_no_agreement() {
        assert!(!holds(&[]));
        assert_eq!(Agreement::of(&[], &[vec![vec![1]]]).different, 1);
    }
}
