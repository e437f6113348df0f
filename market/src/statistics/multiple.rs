//! P-values adjusted for the number of tests.

use super::estimate::finite;

/// Bonferroni: `min(1, m·p)` (Dunn, *JASA* 56, 1961). Controls the chance of any false finding.
#[must_use]
pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len() as f64;
    p_values.iter().map(|p| (p * count).min(1.0)).collect()
}

/// Holm's step-down procedure (*Scandinavian Journal of Statistics* 6, 1979). Controls the chance of any false finding,
/// and finds more than Bonferroni.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut largest = 0.0_f64;
    adjusted(p_values, ascending(p_values), |rank, p| {
        largest = largest.max(p * (count - rank) as f64).min(1.0);
        largest
    })
}

/// Benjamini and Hochberg's step-up procedure (*JRSS B* 57, 1995). Controls the share of false findings.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut least = 1.0_f64;
    let descending = ascending(p_values).into_iter().rev().collect();
    adjusted(p_values, descending, |place, p| {
        least = least.min(p * count as f64 / (count - place) as f64);
        least
    })
}

/// The places of the p-values from the least to the greatest.
fn ascending(p_values: &[f64]) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    order
}

/// Walks the p-values in an order and puts what `next` gives back in place.
fn adjusted(p_values: &[f64], order: Vec<(usize, f64)>, mut next: impl FnMut(usize, f64) -> f64) -> Vec<f64> {
    let mut values = vec![1.0; p_values.len()];
    for (rank, (place, p)) in order.into_iter().enumerate() {
        let value = next(rank, p);
        if let Some(slot) = values.get_mut(place) {
            *slot = finite(value).unwrap_or(1.0);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected values: statsmodels 0.15.0, `multipletests` with `bonferroni`, `holm` and `fdr_bh`.
    #[test]
    fn adjusted_p_values_are_those_of_statsmodels() {
        let p_values = [0.01, 0.04, 0.03, 0.005, 0.2];
        let close = |found: Vec<f64>, expected: [f64; 5]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        close(bonferroni(&p_values), [0.05, 0.2, 0.15, 0.025, 1.0]);
        close(holm(&p_values), [0.04, 0.09, 0.09, 0.025, 0.2]);
        close(benjamini_hochberg(&p_values), [0.025, 0.05, 0.05, 0.025, 0.2]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty() && bonferroni(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn adjustment_never_lowers_a_p_value_and_holm_lies_below_bonferroni(
            p_values in prop::collection::vec(0.0_f64..=1.0, 1..40)
        ) {
            let (bonferroni, holm, bh) = (bonferroni(&p_values), holm(&p_values), benjamini_hochberg(&p_values));
            for place in 0..p_values.len() {
                prop_assert!(bonferroni[place] >= holm[place] && holm[place] + 1e-15 >= bh[place]);
                prop_assert!(bh[place] + 1e-15 >= p_values[place] && bonferroni[place] <= 1.0);
            }
        }
    }
}
