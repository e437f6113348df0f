//! Rows of alleles: frequencies, association, scores.

use super::{of_number, of_people, of_sum};
use crate::statistics::{
    Stated, Sum,
    analysis::GroupFrequencies,
    export::{ALLELES, Row, WEIGHTS},
    genotypes::{PolygenicScore, Scan, VariantAssociation, VariantSummary},
};

pub(super) fn of_frequencies(group: &GroupFrequencies) -> Vec<Row> {
    let of_variant = |summary: &VariantSummary| {
        let row = |name: &str| {
            Row::new("genotypes", name).of_group(&group.group).of_variant(&summary.name).with_people(summary.called)
        };
        let missingness = summary.missingness.iter().map(|missing| row("missingness").with_estimate(missing));
        let rows = [
            row("allele_frequency").with_estimate(&summary.frequency),
            row("minor_allele_frequency").with_estimate(&summary.minor_allele_frequency),
            row("observed_heterozygosity").with_estimate(&summary.observed_heterozygosity),
            row("expected_heterozygosity").with_estimate(&summary.expected_heterozygosity),
            row("inbreeding").with_estimate(&summary.inbreeding),
            row("hardy_weinberg_exact").with_test(&summary.hardy_weinberg.exact),
            row("hardy_weinberg_mid_p").with_test(&summary.hardy_weinberg.mid_p),
            row("hardy_weinberg_chi_squared").with_test(&summary.hardy_weinberg.chi_squared),
            row("allele_count").in_unit(ALLELES).with_estimate(&of_sum(summary.alternate_alleles)),
            of_people(row("heterozygous"), &of_sum(summary.heterozygous)),
            of_people(row("homozygous_alternate"), &of_sum(summary.homozygous_alternate)),
        ];
        rows.into_iter().chain(missingness).collect::<Vec<_>>()
    };
    group.variants.iter().flat_map(of_variant).collect()
}

pub(super) fn of_scan(scan: &Scan) -> Vec<Row> {
    let of_variant = |variant: &VariantAssociation| {
        let both = variant.cases_called + variant.controls_called;
        let row = |name: &str| Row::new("association", name).of_variant(&variant.name).with_people(both);
        let of_group = |group: &str, called, frequency| {
            row("frequency").of_group(group).with_people(called).with_estimate(frequency)
        };
        [
            of_group(&scan.cases, variant.cases_called, &variant.case_frequency),
            of_group(&scan.controls, variant.controls_called, &variant.control_frequency),
            row("allelic_odds_ratio").with_estimate(&variant.allelic_odds_ratio).with_test(&variant.allelic_test),
            row("trend_chi_squared_bonferroni").with_test(&variant.trend_test).with_adjusted_p(&variant.bonferroni),
            row("trend_chi_squared_benjamini_hochberg")
                .with_test(&variant.trend_test)
                .with_adjusted_p(&variant.benjamini_hochberg),
            row("genotypic_chi_squared").with_test(&variant.genotypic_test),
            row("dominant_odds_ratio").with_estimate(&variant.dominant_odds_ratio),
            row("recessive_odds_ratio").with_estimate(&variant.recessive_odds_ratio),
        ]
    };
    // Of variants, which rest on different people.
    let noisy = scan.variants.iter().map(|variant| variant.cases_called).find(Sum::is_noisy);
    let inflation = Row::new("association", "lambda_gc");
    let inflation = of_number(inflation, noisy.unwrap_or(Sum::exact(0)), &scan.inflation, "");
    std::iter::once(inflation).chain(scan.variants.iter().flat_map(of_variant)).collect()
}

pub(super) fn of_score(score: &PolygenicScore) -> Vec<Row> {
    let means = score.groups.iter().map(|group| {
        let row = Row::new("score", "mean_score").of_group(&group.group).with_people(group.called);
        row.with_method(score.assumption).with_estimate(&group.mean)
    });
    let weights = [
        ("weights_used", score.used.len()),
        ("weights_missing", score.missing.len()),
        ("weights_mismatched", score.mismatched.len()),
        ("weights_repeated", score.repeated.len()),
        ("weights_unmeasured", score.unmeasured.len()),
    ];
    let weights =
        weights.map(|(name, count)| Row::new("score", name).in_unit(WEIGHTS).with_value(&Stated::Value(count as f64)));
    means.chain(weights).collect()
}
