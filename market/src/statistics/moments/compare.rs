//! Two groups: t-tests and the size of the effect.

use serde::Serialize;

use super::{
    MomentTable,
    centred::{Centred, Noisy, Sample, estimates},
    describe::Spread,
};
use crate::statistics::{
    Estimate, Stated, Test, Undefined,
    student::{Component, StandardError},
};

/// Two cells' means of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The attribute's name.
    pub attribute: String,
    /// Its unit.
    pub unit: String,
    /// The first cell's name.
    pub first: String,
    /// The second cell's name.
    pub second: String,
    /// The first mean less the second, each group with its own variance; interval with Welch's degrees of freedom.
    pub difference: Stated<Estimate>,
    /// That it is zero (Welch, *Biometrika* 34, 1947).
    pub welch_test: Stated<Test>,
    /// The same difference under one variance for both groups.
    pub pooled_difference: Stated<Estimate>,
    /// That it is zero (Student's two-sample test; Casella and Berger, *Statistical Inference*, exercise 8.41).
    pub pooled_test: Stated<Test>,
    /// Cohen's d, the difference in pooled standard deviations; standard error of Hedges and Olkin, *Statistical
    /// Methods for Meta-Analysis* (1985), chapter 5.
    pub cohens_d: Stated<Estimate>,
    /// A paired test needs to know who belongs to whom, which sums do not hold.
    pub paired_test: Stated<Test>,
}

impl MomentTable {
    /// Compares an attribute's mean in two cells.
    #[must_use]
    pub fn compare(&self, attribute: usize, first: usize, second: usize) -> Comparison {
        let samples = || Ok([Sample::new(self, first, &[attribute])?, Sample::new(self, second, &[attribute])?]);
        let pooled = || Pooled::of(&samples()?);
        let measure = self.measures.get(attribute);
        Comparison {
            attribute: measure.map_or_else(String::new, |measure| measure.name.clone()),
            unit: measure.map_or_else(String::new, |measure| measure.unit.clone()),
            first: self.cells.name(first),
            second: self.cells.name(second),
            difference: samples().and_then(|samples| Difference::of(&samples)?.estimate()).into(),
            welch_test: samples().and_then(|samples| Difference::of(&samples)?.test(WELCH)).into(),
            pooled_difference: pooled().and_then(|pooled| pooled.difference().estimate()).into(),
            pooled_test: pooled().and_then(|pooled| pooled.difference().test(STUDENT)).into(),
            cohens_d: pooled().and_then(|pooled| pooled.cohens_d()).into(),
            paired_test: Err(Undefined::NeedsRecords).into(),
        }
    }
}

/// A test's name without noise, and with.
type Names = [&'static str; 2];
pub(super) const WELCH: Names = ["Welch's t-test", "Welch's t-test, noise included"];
const STUDENT: Names = ["Student's t-test", "Student's t-test, noise included"];

/// A difference of means with its error.
pub(super) struct Difference {
    value: f64,
    error: StandardError,
}

impl Difference {
    /// Each group with its own variance.
    ///
    /// # Errors
    /// [`Undefined::Nobody`] or [`Undefined::TooFew`] for a group of none or one; [`Undefined::Noise`].
    pub(super) fn of([first, second]: &[Sample<'_>; 2]) -> Result<Self, Undefined> {
        let (first, second) = (Spread::of(first)?, Spread::of(second)?);
        let components = [first.component(), second.component()];
        let error = StandardError::new(&components, first.mean.noise + second.mean.noise);
        Ok(Self { value: first.mean.value - second.mean.value, error })
    }

    pub(super) fn estimate(&self) -> Result<Estimate, Undefined> {
        self.error.estimate(self.value)
    }

    pub(super) fn test(&self, [exact, noisy]: Names) -> Result<Test, Undefined> {
        self.error.test(exact, noisy, self.value)
    }
}

/// Two groups of one variance.
struct Pooled {
    counts: [f64; 2],
    difference: Noisy,
    variance: Noisy,
    cohens_d: Result<Noisy, Undefined>,
}

impl Pooled {
    fn of(samples: &[Sample<'_>; 2]) -> Result<Self, Undefined> {
        let difference = |centred: &[Centred]| match centred {
            [first, second] => Ok((first.mean(0) - second.mean(0), variance(first, second)?)),
            _ => Err(Undefined::AllMissing),
        };
        let found = estimates(samples, |centred| difference(centred).map(|(d, variance)| vec![d, variance]))?;
        let effect = estimates(samples, |centred| {
            let (difference, variance) = difference(centred)?;
            if variance > 0.0 { Ok(vec![difference / variance.sqrt()]) } else { Err(Undefined::NoVariance) }
        });
        let [first, second] = samples;
        match found.as_slice() {
            [difference, variance] => Ok(Self {
                counts: [first.centred()?.count, second.centred()?.count],
                difference: *difference,
                variance: *variance,
                cohens_d: effect.and_then(|effect| effect.first().copied().ok_or(Undefined::AllMissing)),
            }),
            _ => Err(Undefined::AllMissing),
        }
    }

    /// `1/n₁ + 1/n₂`.
    fn reciprocals(&self) -> f64 {
        self.counts.iter().map(|count| 1.0 / count).sum()
    }

    fn difference(&self) -> Difference {
        let degrees = self.counts.iter().sum::<f64>() - 2.0;
        let component = Component::new(self.variance.value, degrees, self.variance.noise);
        let error = StandardError::new(&[component.scaled(self.reciprocals().sqrt())], self.difference.noise);
        Difference { value: self.difference.value, error }
    }

    fn cohens_d(&self) -> Result<Estimate, Undefined> {
        let d = self.cohens_d.clone()?;
        let sampling = self.reciprocals() + d.value * d.value / (2.0 * self.counts.iter().sum::<f64>());
        Estimate::normal(d.value, (sampling + d.noise).sqrt())
    }
}

/// The pooled variance of the first attribute.
fn variance(first: &Centred, second: &Centred) -> Result<f64, Undefined> {
    let count = first.count + second.count;
    if count < 3.0 {
        return Err(Undefined::TooFew { found: count as u64, needed: 3 });
    }
    Ok((first.entry(0, 0) + second.entry(0, 0)) / (count - 2.0))
}
