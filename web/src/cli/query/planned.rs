//! A plan, in words.

use circuits::{
    layout::{Layout, Statistic},
    rlwe::params::LAYOUT_SLOTS,
};
use market::query::{Plan, PrivacyPlan, QueryFile, VariantBlock, groups_in_words};

fn part_in_words(layout: &Layout, panel_variants: u32) -> String {
    let measured = match &layout.statistic {
        Statistic::Count => "people".into(),
        Statistic::Funnel { groups } => format!("people who satisfy each prefix of {groups} match groups"),
        Statistic::Moments { attributes } => format!("means and covariances of {} attributes", attributes.len()),
        Statistic::Genotypes { .. } => {
            let block = VariantBlock::of(layout, panel_variants);
            format!("genotype counts of {}", block.map_or_else(String::new, |block| block.to_string()))
        }
    };
    match layout.cells() {
        1 => measured,
        cells => format!("{measured}, in each of {cells} cells"),
    }
}

/// What a query file asks, costs, spends and would tell.
pub(super) fn describe_plan(file: &QueryFile, plan: &Plan) -> String {
    let query = &plan.query;
    let whom = if file.criteria.is_empty() { "everybody".into() } else { groups_in_words(&file.criteria) };
    let mut lines = vec![format!("asks      {whom}")];
    if !file.matching.is_empty() {
        lines.push(format!("counts    those with {}; nobody sees who matches", groups_in_words(&file.matching)));
    }
    lines.extend(plan.data_use.iter().map(|words| format!("from      {words}")));
    lines.push(format!(
        "collects  {} to {} contributions until the end of {}",
        query.contributions_min, query.contributions_max, plan.closing
    ));
    lines.extend(query.parts.iter().zip(&plan.slots).map(|(layout, slots)| {
        let part = part_in_words(layout, plan.panel_variants);
        format!("part      {part}; {slots} of {LAYOUT_SLOTS} slots, one proof from each contributor")
    }));
    lines.push(format!("proofs    {} of all contributors together, at most", plan.proofs));
    lines.push(format!("escrow    {} ({} for each of {})", plan.escrow, query.price, query.contributions_max));
    lines.push(format!("fee       {}, not refunded", plan.fee));
    match &plan.privacy {
        None => {
            lines.push("privacy   exact: no noise, and nobody enters an exact release of this measure twice".into())
        }
        Some(privacy) => lines.extend(describe_privacy(privacy)),
    }
    lines.extend(plan.expectations.iter().map(|expected| {
        let sampling = expected.sampling_error.map_or(String::new(), |error| format!("{error:.4} from sampling, "));
        format!(
            "expect    {}: standard error {sampling}{:.4} from noise, of {:.0} people",
            expected.what, expected.noise_error, expected.people
        )
    }));
    lines.extend(plan.warnings.iter().map(|warning| format!("warning   {warning}")));
    lines.push(match &plan.refusal {
        None => "ledger    would open it now".into(),
        Some(why) => format!("ledger    would refuse it now: {why}"),
    });
    lines.join("\n")
}

/// What a query spends of privacy, beside what was spent before.
pub(super) fn describe_privacy(privacy: &PrivacyPlan) -> [String; 3] {
    let PrivacyPlan { epsilon_milli, delta, count_deviation, study, researcher, tight, .. } = privacy;
    let [query, study_after, researcher_after] = [tight.query, tight.study, tight.researcher].map(few_digits);
    let [of_study, of_researcher] = [study, researcher].map(|odometer| odometer.rho.epsilon());
    [
        format!(
            "privacy   ε = {epsilon_milli}, δ = {delta}; noise of a count has standard deviation {count_deviation:.1} at most"
        ),
        format!(
            "odometer  study ε {of_study} so far, {} after; researcher ε {of_researcher} so far, {} after",
            privacy.study_epsilon_milli, privacy.researcher_epsilon_milli
        ),
        format!(
            "opendp    ε {query} for this query; study {study_after} after, researcher {researcher_after} after, at the \
             same δ: the ledger rounds up"
        ),
    ]
}

fn few_digits(epsilon: Option<f64>) -> String {
    epsilon.map_or_else(|| "unbounded".into(), |epsilon| format!("{epsilon:.3}"))
}
