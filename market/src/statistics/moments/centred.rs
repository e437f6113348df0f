//! Sums of some attributes in one cell, and their exact centring.

use nalgebra::{DMatrix, DVector};

use super::{Measure, MomentTable};
use crate::statistics::{Sum, Undefined, noise};

/// The sums of some attributes of one cell, in the order of a layout that measures them alone: the count, and for each
/// attribute in turn its sum and its products with those up to itself.
#[derive(Debug, Clone)]
pub(super) struct Sample<'t> {
    pub(super) measures: Vec<&'t Measure>,
    pub(super) sums: Vec<Sum>,
}

impl<'t> Sample<'t> {
    /// Some attributes of a cell.
    ///
    /// # Errors
    /// [`Undefined::AllMissing`] for a cell or an attribute that the table lacks.
    pub(super) fn new(table: &'t MomentTable, cell: usize, attributes: &[usize]) -> Result<Self, Undefined> {
        let cell = table.cells.values.get(cell).ok_or(Undefined::AllMissing)?;
        let measures = attributes.iter().map(|attribute| table.measure(*attribute)).collect::<Result<_, _>>()?;
        let mut sums = vec![cell.count];
        for (row, &i) in attributes.iter().enumerate() {
            sums.push(*cell.values.get(i).ok_or(Undefined::AllMissing)?);
            for &j in attributes.iter().take(row + 1) {
                let product = cell.products.get(i.max(j)).and_then(|products| products.get(i.min(j)));
                sums.push(*product.ok_or(Undefined::AllMissing)?);
            }
        }
        Ok(Self { measures, sums })
    }

    /// The people of several cells together; none for no cells.
    pub(super) fn pooled(samples: &[Self]) -> Option<Self> {
        let (first, rest) = samples.split_first()?;
        let add = |mut all: Self, sample: &Self| {
            all.sums.iter_mut().zip(&sample.sums).for_each(|(sum, more)| *sum = *sum + *more);
            all
        };
        Some(rest.iter().fold(first.clone(), add))
    }

    pub(super) fn is_noisy(&self) -> bool {
        self.sums.iter().any(Sum::is_noisy)
    }

    /// The centred sums in stored steps, exact before the one division by the count.
    ///
    /// # Errors
    /// [`Undefined::Nobody`] without people; [`Undefined::Contradiction`] for a negative sum of squares; for noisy sums
    /// [`Undefined::Noise`] in place of both.
    pub(super) fn stored(&self) -> Result<Centred, Undefined> {
        let at = |place: usize| self.sums.get(place).map(|sum| i128::from(sum.value)).ok_or(Undefined::AllMissing);
        let count = at(0)?;
        if count <= 0 {
            return Err(self.refusal(Undefined::Nobody));
        }
        let attributes = self.measures.len();
        let entry = |i: usize, j: usize| {
            let product = count.checked_mul(at(product_place(i, j))?);
            let apart = at(value_place(i))?.checked_mul(at(value_place(j))?);
            let centred = product.zip(apart).and_then(|(product, apart)| product.checked_sub(apart));
            Ok(to_f64(centred.ok_or(Undefined::OutOfRange)?) / to_f64(count))
        };
        let means =
            (0..attributes).map(|i| Ok(to_f64(at(value_place(i))?) / to_f64(count))).collect::<Result<_, _>>()?;
        let centred =
            Centred { count: to_f64(count), means: DVector::from_vec(means), scatter: matrix(attributes, entry)? };
        if centred.scatter.diagonal().iter().any(|square| *square < 0.0) {
            return Err(self.refusal(Undefined::Contradiction));
        }
        Ok(centred)
    }

    /// The centred sums in the attributes' units.
    ///
    /// # Errors
    /// As [`Sample::stored`].
    pub(super) fn centred(&self) -> Result<Centred, Undefined> {
        Ok(self.stored()?.natural(&self.measures))
    }

    /// What a degenerate table is with noise: what noise made of one.
    pub(super) fn refusal(&self, why: Undefined) -> Undefined {
        if self.is_noisy() { Undefined::Noise } else { why }
    }
}

/// An estimate, and the variance that the sums' noise gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noisy {
    pub(super) value: f64,
    pub(super) noise: f64,
}

/// Estimates of samples, each with the variance that noise gives it.
///
/// # Errors
/// What the estimates refuse, with noise [`Undefined::Noise`].
pub(super) fn estimates(
    samples: &[Sample<'_>],
    f: impl Fn(&[Centred]) -> Result<Vec<f64>, Undefined>,
) -> Result<Vec<Noisy>, Undefined> {
    let noisy = samples.iter().any(Sample::is_noisy);
    let refusal = |why| if noisy { Undefined::Noise } else { why };
    let exact: Vec<Centred> = samples.iter().map(Sample::centred).collect::<Result<_, _>>()?;
    let values = f(&exact).map_err(refusal)?;
    let sums: Vec<Sum> = samples.iter().flat_map(|sample| sample.sums.iter().copied()).collect();
    let noise = noise::variances(&sums, values.len(), |values| {
        let mut rest = values;
        let mut take = |sample: &Sample<'_>| {
            let (own, others) = rest.split_at_checked(sample.sums.len()).ok_or(Undefined::AllMissing)?;
            rest = others;
            Ok(Centred::approximate(own, sample.measures.len())?.natural(&sample.measures))
        };
        f(&samples.iter().map(&mut take).collect::<Result<Vec<_>, _>>()?)
    })?;
    Ok(values.into_iter().zip(noise).map(|(value, noise)| Noisy { value, noise }).collect())
}

/// People, means, and sums of squares and products about the means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Centred {
    pub(super) count: f64,
    pub(super) means: DVector<f64>,
    pub(super) scatter: DMatrix<f64>,
}

impl Centred {
    /// Of sums that are no whole numbers: beside the sums given, or drawn.
    ///
    /// # Errors
    /// [`Undefined::Nobody`] for a count of zero or less, [`Undefined::NoVariance`] for a negative sum of squares.
    pub(super) fn approximate(sums: &[f64], attributes: usize) -> Result<Self, Undefined> {
        let at = |place: usize| sums.get(place).copied().ok_or(Undefined::AllMissing);
        let count = at(0)?;
        if count <= 0.0 {
            return Err(Undefined::Nobody);
        }
        let means = (0..attributes).map(|i| Ok(at(value_place(i))? / count)).collect::<Result<_, _>>()?;
        let entry =
            |i: usize, j: usize| Ok(at(product_place(i, j))? - at(value_place(i))? * at(value_place(j))? / count);
        let centred = Self { count, means: DVector::from_vec(means), scatter: matrix(attributes, entry)? };
        if centred.scatter.diagonal().iter().any(|square| *square < 0.0) {
            return Err(Undefined::NoVariance);
        }
        Ok(centred)
    }

    /// The sums that these are the centred ones of.
    pub(super) fn raw(&self) -> Vec<f64> {
        let mut sums = vec![self.count];
        for (i, mean) in self.means.iter().enumerate() {
            sums.push(self.count * mean);
            let product = |(j, other): (usize, &f64)| self.entry(i, j) + self.count * mean * other;
            sums.extend(self.means.iter().enumerate().take(i + 1).map(product));
        }
        sums
    }

    pub(super) fn mean(&self, attribute: usize) -> f64 {
        self.means.get(attribute).copied().unwrap_or(0.0)
    }

    /// An entry of the scatter.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.scatter.get((i, j)).copied().unwrap_or(0.0)
    }

    /// Sample variance, with `n − 1`.
    ///
    /// # Errors
    /// [`Undefined::TooFew`] for one person.
    pub(super) fn variance(&self, attribute: usize) -> Result<f64, Undefined> {
        self.covariance(attribute, attribute)
    }

    /// Sample covariance, with `n − 1`.
    ///
    /// # Errors
    /// [`Undefined::TooFew`] for one person.
    pub(super) fn covariance(&self, i: usize, j: usize) -> Result<f64, Undefined> {
        self.at_least(2)?;
        Ok(self.entry(i, j) / (self.count - 1.0))
    }

    /// Pearson's correlation.
    ///
    /// # Errors
    /// [`Undefined::NoVariance`] when one of the attributes is constant, [`Undefined::Contradiction`] beyond ±1.
    pub(super) fn correlation(&self, i: usize, j: usize) -> Result<f64, Undefined> {
        let squares = self.entry(i, i) * self.entry(j, j);
        if squares <= 0.0 {
            return Err(Undefined::NoVariance);
        }
        let correlation = self.entry(i, j) / squares.sqrt();
        // Rounding of the root alone may pass 1.
        if correlation.abs() > 1.0 + 4.0 * f64::EPSILON {
            return Err(Undefined::Contradiction);
        }
        Ok(correlation.clamp(-1.0, 1.0))
    }

    /// Refuses fewer people than this.
    ///
    /// # Errors
    /// [`Undefined::TooFew`].
    pub(super) fn at_least(&self, needed: u64) -> Result<(), Undefined> {
        if self.count < needed as f64 {
            return Err(Undefined::TooFew { found: self.count.max(0.0) as u64, needed });
        }
        Ok(())
    }

    fn natural(mut self, measures: &[&Measure]) -> Self {
        let steps = DVector::from_iterator(measures.len(), measures.iter().map(|measure| measure.steps()));
        self.scatter.component_div_assign(&(&steps * steps.transpose()));
        self.means.iter_mut().zip(measures).for_each(|(mean, measure)| *mean = measure.natural(*mean));
        self
    }
}

/// A symmetric matrix from its lower triangle.
fn matrix(size: usize, entry: impl Fn(usize, usize) -> Result<f64, Undefined>) -> Result<DMatrix<f64>, Undefined> {
    let place = |k: usize| entry((k / size).max(k % size), (k / size).min(k % size));
    let entries = (0..size * size).map(place).collect::<Result<Vec<f64>, _>>()?;
    Ok(DMatrix::from_vec(size, size, entries))
}

const fn value_place(i: usize) -> usize {
    1 + i * (i + 3) / 2
}

/// The place of `Σ xᵢxⱼ`, `j ≤ i`.
const fn product_place(i: usize, j: usize) -> usize {
    value_place(i) + 1 + j
}

/// The nearest double.
#[allow(clippy::cast_precision_loss, reason = "centred sums may pass 2^53; one rounding, before any subtraction")]
const fn to_f64(whole: i128) -> f64 {
    whole as f64
}
