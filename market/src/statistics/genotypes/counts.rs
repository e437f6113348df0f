//! One variant's genotypes in one group.

use crate::statistics::{GenotypeSums, Sum, Undefined, noise};

/// People by their genotype; with noise not whole, and maybe below zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Genotypes {
    pub(super) het: f64,
    pub(super) hom_alt: f64,
    pub(super) called: f64,
}

impl Genotypes {
    /// Of sums that people add up to.
    ///
    /// # Errors
    /// [`Undefined::NoCalls`] without a call; [`Undefined::Contradiction`] for more genotypes than calls, or fewer
    /// than none; [`Undefined::Noise`] for calls within two standard deviations of noise of none.
    pub(super) fn of(sums: &GenotypeSums) -> Result<Self, Undefined> {
        let [het, hom_alt, called] = in_order(sums).map(|sum| sum.to_f64());
        if is_noisy(sums) {
            let drowned = called <= 0.0 || called < 2.0 * sums.called.noise_variance.sqrt();
            return if drowned { Err(Undefined::Noise) } else { Ok(Self { het, hom_alt, called }) };
        }
        if het < 0.0 || hom_alt < 0.0 || het + hom_alt > called {
            return Err(Undefined::Contradiction);
        }
        if called == 0.0 { Err(Undefined::NoCalls) } else { Ok(Self { het, hom_alt, called }) }
    }

    pub(super) fn hom_ref(&self) -> f64 {
        self.called - self.het - self.hom_alt
    }

    /// Copies of the alternate allele.
    pub(super) fn alternate(&self) -> f64 {
        self.het + 2.0 * self.hom_alt
    }

    /// Copies of either allele.
    pub(super) fn alleles(&self) -> f64 {
        2.0 * self.called
    }

    /// Of the alternate allele.
    pub(super) fn frequency(&self) -> f64 {
        self.alternate() / self.alleles()
    }

    /// Copies of the alternate allele for each person.
    pub(super) fn mean_dosage(&self) -> f64 {
        self.alternate() / self.called
    }

    /// Variance of the copies, with `n`.
    pub(super) fn dosage_variance(&self) -> f64 {
        (self.het + 4.0 * self.hom_alt) / self.called - self.mean_dosage().powi(2)
    }

    /// The people of two groups.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self { het: self.het + other.het, hom_alt: self.hom_alt + other.hom_alt, called: self.called + other.called }
    }
}

/// Whether a variant's sums carry noise.
pub(super) fn is_noisy(sums: &GenotypeSums) -> bool {
    in_order(sums).iter().any(Sum::is_noisy)
}

/// The sums in the order of their slots.
pub(super) const fn in_order(sums: &GenotypeSums) -> [Sum; 3] {
    [sums.het, sums.hom_alt, sums.called]
}

/// An estimate of one variant's genotypes in several groups, and the variance that noise gives it.
///
/// # Errors
/// What the estimate refuses; [`Undefined::Noise`] where it does so beside the sums.
pub(super) fn estimate<const GROUPS: usize>(
    groups: [&GenotypeSums; GROUPS],
    f: impl Fn([Genotypes; GROUPS]) -> Result<f64, Undefined>,
) -> Result<(f64, f64), Undefined> {
    let sums: Vec<Sum> = groups.iter().flat_map(|sums| in_order(sums)).collect();
    let at = |values: &[f64]| {
        let mut genotypes = [Genotypes { het: 0.0, hom_alt: 0.0, called: 0.0 }; GROUPS];
        for (slot, values) in genotypes.iter_mut().zip(values.chunks_exact(3)) {
            if let [het, hom_alt, called] = *values {
                *slot = Genotypes { het, hom_alt, called };
            }
            if slot.called <= 0.0 {
                return Err(Undefined::Noise);
            }
        }
        f(genotypes)
    };
    let values: Vec<f64> = sums.iter().map(Sum::to_f64).collect();
    Ok((at(&values)?, noise::variance(&sums, at)?))
}
