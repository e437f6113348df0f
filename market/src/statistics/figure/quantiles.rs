//! Observed p-values against those expected under the null hypothesis, with a band.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

use super::{
    Axis, Drawing,
    data::{real, refused},
    draw::{Key, Line, MUTED, Page, Paint, Sample, path_of},
    manhattan::{captioned, check_p, strength},
    number,
};
use crate::{Error, statistics::estimate::LEVEL};

/// The most p-values.
const VALUES_MAX: usize = 1_000_000;
/// The side of the plot.
const SIDE: f64 = 380.0;
/// Ranks at which the band is computed, evenly spread on the logarithmic axis.
const RANKS: usize = 120;
const BLUE: &str = "#0072b2";

/// P-values of tests that are independent under the null hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantiles {
    /// The p-values, in any order, each above 0 and at most 1.
    pub p_values: Vec<f64>,
}

impl Quantiles {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.p_values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// The expected p-value of a rank: its mean, `rank/(n + 1)`.
fn expected(rank: usize, n: usize) -> f64 {
    real(rank) / real(n + 1)
}

/// The interval of the p-value of a rank: the order statistics of n uniform values are Beta(rank, n + 1 − rank)
/// (Casella and Berger, *Statistical Inference*, 2002, example 5.4.5).
fn band(rank: usize, n: usize) -> (f64, f64) {
    let tail = (1.0 - LEVEL) / 2.0;
    Beta::new(real(rank), real(n + 1 - rank))
        .map_or((0.0, 1.0), |beta| (beta.inverse_cdf(tail), beta.inverse_cdf(1.0 - tail)))
}

/// Ranks from 1 to n, evenly spread in their logarithm.
fn ranks(n: usize) -> Vec<usize> {
    let mut ranks: Vec<usize> = vec![];
    for step in 0..=RANKS {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and n, and rounded")]
        let rank = real(n).powf(real(step) / real(RANKS)).round() as usize;
        if ranks.last() != Some(&rank) {
            ranks.push(rank.clamp(1, n));
        }
    }
    ranks
}

impl Drawing for Quantiles {
    fn check(&self, _: &Axis, _: &Axis) -> Result<(), Error> {
        let count = self.p_values.len();
        if count == 0 || count > VALUES_MAX {
            return Err(refused(format!("{count} p-values are shown; a figure holds 1 to {VALUES_MAX}")));
        }
        self.p_values.iter().try_for_each(|p| check_p(*p))
    }

    fn description(&self, _: &Axis, _: &Axis) -> String {
        let sorted = self.sorted();
        let n = sorted.len();
        let least = sorted.first().copied().unwrap_or(1.0);
        let middle = sorted.get(n / 2).copied().unwrap_or(1.0);
        format!(
            "Quantile-quantile plot of {} p-values. The least is {} where {} is expected; the median is {} where 0.50 is \
             expected.",
            number::whole(real(n)),
            number::p_value(least),
            number::p_value(expected(1, n)),
            number::p_value(middle),
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "Band: where 95% of each rank's p-values lie if no hypothesis is false and the tests are independent."
                .into(),
        ]
    }

    fn width(&self) -> f64 {
        SIDE + 110.0
    }

    fn draw(&self, page: &mut Page, x: &Axis, y: &Axis) {
        let diagonal = Line { colour: MUTED, width: 1.4, dash: "6 4" };
        page.keys(&[
            Key::new(Sample::Point(BLUE), "Observed"),
            Key::new(Sample::Reference(diagonal), "Expected"),
            Key::new(Sample::Band(MUTED), "95% band"),
        ]);
        let sorted = self.sorted();
        let n = sorted.len();
        let bands: Vec<(f64, (f64, f64))> =
            ranks(n).into_iter().map(|rank| (strength(expected(rank, n)), band(rank, n))).collect();
        let far = strength(expected(1, n)).max(0.3);
        let observed = sorted.first().map_or(0.0, |p| strength(*p));
        let highest = bands.iter().map(|(_, (lo, _))| strength(lo.max(1e-300))).fold(observed.max(far), f64::max);
        let plain = Axis::linear("", "");
        let x_ticks = plain.ticks((0.0, far), 5);
        let y_ticks = plain.ticks((0.0, highest), 6);
        let x = captioned(x, "Expected −log₁₀ p");
        let y = captioned(y, "Observed −log₁₀ p");
        let frame = page.frame((&x, &x_ticks), (&y, &y_ticks), SIDE);
        let side = |pick: fn(&(f64, f64)) -> f64| {
            bands
                .iter()
                .map(move |(at, ends)| (frame.x.at(*at), frame.y.at(strength(pick(ends).max(1e-300)))))
                .collect::<Vec<_>>()
        };
        let (above, below) = (side(|(lo, _)| *lo), side(|(_, hi)| *hi));
        page.canvas.fill(path_of(above.into_iter().chain(below.into_iter().rev()), true), Paint::Sheer(MUTED, 0.2));
        let corner = x_ticks.domain.1.min(y_ticks.domain.1);
        page.canvas.line((frame.x.at(0.0), frame.y.at(0.0)), (frame.x.at(corner), frame.y.at(corner)), diagonal);
        let points = sorted
            .iter()
            .enumerate()
            .map(|(rank, p)| (frame.x.at(strength(expected(rank + 1, n))), frame.y.at(strength(*p))));
        page.canvas.points(points, BLUE, 4.6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_that_of_the_order_statistics_of_uniform_values() {
        // scipy 1.17.1: beta.ppf([0.025, 0.975], rank, n + 1 - rank)
        let known = [
            (1, 493, (5.135_326_146_596_193e-5, 0.007_454_589_788_476_102)),
            (7, 493, (0.005_727_199_444_336_857, 0.026_300_527_006_996_92)),
            (250, 493, (0.462_024_765_340_462_1, 0.550_074_403_856_241_1)),
            (1, 1, (0.025, 0.975)),
            (1, 100_000, (2.531_780_477_933_314e-7, 3.688_811_415_792_42e-5)),
            (99_999, 100_000, (0.999_944_284_839_652_3, 0.999_997_577_898_037_3)),
        ];
        for (rank, n, (lo, hi)) in known {
            let found = band(rank, n);
            assert!((found.0 / lo - 1.0).abs() < 1e-9 && (found.1 / hi - 1.0).abs() < 1e-9, "{rank} of {n}: {found:?}");
        }
    }

    #[test]
    fn ranks_rise_from_the_first_to_the_last() {
        for n in [1, 2, 7, 493, 1_000_000] {
            let ranks = ranks(n);
            assert_eq!((ranks.first(), ranks.last()), (Some(&1), Some(&n)));
            assert!(ranks.is_sorted_by(|one, next| one < next));
        }
    }
}
