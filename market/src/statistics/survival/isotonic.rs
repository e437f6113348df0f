//! Isotonic regression: the nearest sequence that only falls.

/// The sequence without a rise whose weighted squared distance is least, by pooling adjacent violators (Barlow,
/// Bartholomew, Bremner and Brunk, *Statistical Inference under Order Restrictions*, 1972, 1.2).
pub(super) fn falling(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // Blocks of one mean: the mean, its weight, how many values.
    let mut blocks: Vec<(f64, f64, usize)> = vec![];
    for (value, weight) in values.iter().zip(weights) {
        let mut block = (*value, *weight, 1);
        while let Some((mean, before, count)) = blocks.pop_if(|(mean, ..)| *mean < block.0) {
            let weight = before + block.1;
            block = (mean.mul_add(before / weight, block.0 * (block.1 / weight)), weight, count + block.2);
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count)).collect()
}

/// The nearest sequence that only rises.
pub(super) fn rising(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let negated: Vec<f64> = values.iter().map(|value| -value).collect();
    falling(&negated, weights).into_iter().map(|value| -value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_stays_and_rises_are_pooled() {
        assert_eq!(falling(&[3.0, 2.0, 2.0, 1.0], &[1.0; 4]), [3.0, 2.0, 2.0, 1.0]);
        assert_eq!(falling(&[3.0, 1.0, 2.0, 0.0], &[1.0; 4]), [3.0, 1.5, 1.5, 0.0]);
        assert_eq!(falling(&[1.0, 2.0, 6.0], &[1.0, 1.0, 2.0]), [3.75; 3]);
        assert_eq!(rising(&[0.0, 2.0, 1.0], &[1.0; 3]), [0.0, 1.5, 1.5]);
        assert!(falling(&[], &[]).is_empty());
    }
}
