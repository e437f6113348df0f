//! Noise in sums over bins, `Σ f(events, at risk)`: the logarithm of a survival curve, a cumulative hazard.

use super::life_table::Step;

/// The slopes of one bin's term in its events and in those at risk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slopes {
    pub(super) events: f64,
    pub(super) at_risk: f64,
}

/// The variance that noise adds to the sum of terms up to each bin.
///
/// Whoever leaves in bin j is at risk in all bins up to j. So the sum up to k has the slope `A(min(j, k))` in the
/// censored of bin j, where `A` sums the terms' slopes in those at risk, and in the events of a bin j ≤ k that and the
/// term's own slope. Bins after k share one slope, so all k are found in one pass. It is the delta method, as
/// [`noise::variance`](crate::statistics::noise::variance) has it with secants.
pub(super) fn noise_variances(steps: &[Step], slopes: &[Slopes]) -> Vec<f64> {
    let mut at_risk_slope = 0.0;
    let mut of_bins = 0.0;
    let variance = |(step, slopes): (&Step, &Slopes)| {
        let (events, censored) = (step.events.noise_variance, step.censored.noise_variance);
        at_risk_slope += slopes.at_risk;
        of_bins += censored * at_risk_slope * at_risk_slope + events * (at_risk_slope + slopes.events).powi(2);
        let later = (step.at_risk.noise_variance - events - censored).max(0.0);
        of_bins + later * at_risk_slope * at_risk_slope
    };
    steps.iter().zip(slopes).map(variance).collect()
}
