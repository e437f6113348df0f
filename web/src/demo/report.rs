//! What the demo prints: the result beside the truth, a plot in the terminal, and timings.

use std::path::PathBuf;

use circuits::id::{ChainId, QueryId};
use serde::Serialize;

use super::{
    attack::{self, AttackReport},
    truth::VariantTruth,
};
use crate::counts::VariantCounts;

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
    /// For each contribution, the wall time of one of its proofs with its encryption and receipts, in seconds.
    pub proof_seconds: Vec<f64>,
    /// What a dishonest person tried, and who refused it; null if nobody was to.
    pub attack: Option<AttackReport>,
    /// The decrypted sums.
    pub result: ResultReport,
    /// The same counts from the plaintext, by independent code.
    pub truth: Vec<VariantCounts>,
    /// Whether every count equals the truth.
    pub matches: bool,
    /// Paid to each contributor, in minor units.
    pub paid_each: u64,
    /// The receipt file.
    pub receipt: PathBuf,
    /// What `locus verify` checked in it.
    pub checks: Vec<market::receipt::Check>,
    /// Wall time by stage.
    pub timings: Vec<Stage>,
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
    /// For each variant its counts.
    pub variants: Vec<VariantCounts>,
}

/// A stage with its wall time.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: &'static str,
    /// Wall time, in seconds.
    pub seconds: f64,
}

/// A count of people, which is far below the range.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl VariantCounts {
    /// The counts of the independent truth.
    pub(super) fn of_truth(truth: &VariantTruth) -> Self {
        Self {
            chrom: truth.chrom.clone(),
            pos: truth.pos,
            reference: truth.reference.clone(),
            alternate: truth.alternate.clone(),
            het: signed(truth.het),
            hom_alt: signed(truth.hom_alt),
            called: signed(truth.called),
            allele_frequency: truth.allele_frequency(),
        }
    }
}

/// The text form.
#[must_use]
pub fn describe(report: &DemoReport) -> String {
    let mut lines = vec![
        String::new(),
        format!("Allele frequencies of {} people ({}; {})", report.admitted, report.source, report.criteria),
        String::new(),
        format!("  {:<22} {:>5} {:>5} {:>7} {:>9} {:>9}", "variant", "het", "hom", "called", "frequency", "truth"),
    ];
    let rows = report.result.variants.iter().zip(&report.truth);
    let common = rows.filter(|(counts, _)| counts.allele_frequency.is_some_and(|frequency| frequency > 0.05));
    lines.extend(common.take(LISTED_MAX).map(|(counts, truth)| row(counts, truth)));
    let total = report.result.variants.len();
    lines.push(format!("  the first {LISTED_MAX} above 5 % of {total} variants; --json prints all"));
    lines.push(String::new());
    lines.extend(plot(&report.result.variants));
    lines.push(String::new());
    lines.extend(
        report
            .declined
            .iter()
            .map(|declined| format!("  {} declined: {}", declined.person, declined.reasons.join("; "))),
    );
    lines.push(format!("  paid {} to each of {} contributors", report.paid_each, report.admitted));
    lines.push(String::new());
    lines.extend(report.checks.iter().map(|check| format!("  ✓ {} {}", check.rule, check.says)));
    let verdict = if report.matches { "equals the truth in every count" } else { "DIFFERS from the truth" };
    lines.push(format!("  {} the result {verdict}", if report.matches { "✓" } else { "✗" }));
    lines.extend(report.attack.iter().flat_map(attack::describe));
    lines.push(String::new());
    let stages: Vec<_> = report.timings.iter().map(|stage| format!("{} {:.1}", stage.stage, stage.seconds)).collect();
    lines.push(format!("  seconds: {}", stages.join(", ")));
    lines.push(format!("  receipt: {}", report.receipt.display()));
    lines.push(format!("  check it anywhere: locus verify {}", report.receipt.display()));
    lines.join("\n")
}

fn row(counts: &VariantCounts, truth: &VariantCounts) -> String {
    format!(
        "  {:<22} {:>5} {:>5} {:>7} {:>9} {:>9}",
        counts.name(),
        counts.het,
        counts.hom_alt,
        counts.called,
        counts.frequency(),
        truth.frequency()
    )
}

/// A histogram of allele frequencies: how many variants fall in each bin.
fn plot(variants: &[VariantCounts]) -> Vec<String> {
    let mut bins = [0usize; PLOT_BINS];
    for frequency in variants.iter().filter_map(|counts| counts.allele_frequency) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a frequency lies in 0..=1")]
        let bin = ((frequency * PLOT_BINS as f64) as usize).min(PLOT_BINS - 1);
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
