//! People drawn under a hypothesis, noise included, for tests whose statistic has no closed distribution under noise.

use rand::{RngExt, rngs::StdRng};
use statrs::distribution::Binomial;

use super::counts::{Genotypes, in_order};
use crate::statistics::{GenotypeSums, Undefined, noise};

/// As many people as a group has, with genotypes of given chances.
pub(super) struct NullGroup {
    people: u64,
    /// Of no, one and two copies.
    chances: [f64; 3],
    noise: [f64; 3],
}

impl NullGroup {
    pub(super) fn new(sums: &GenotypeSums, chances: [f64; 3]) -> Self {
        let chances = chances.map(|chance| chance.max(0.0));
        Self { people: sums.called.value.unsigned_abs(), chances, noise: in_order(sums).map(|sum| sum.noise_variance) }
    }

    /// A multinomial draw, as binomial draws from those who are left, and a draw of each sum's noise.
    ///
    /// # Errors
    /// [`Undefined::Noise`] when noise leaves nobody; [`Undefined::OutOfRange`] for chances that are no numbers.
    pub(super) fn draw(&self, rng: &mut StdRng) -> Result<Genotypes, Undefined> {
        let [hom_ref, het, hom_alt] = self.chances;
        let alternate = binomial(self.people, (het + hom_alt) / (hom_ref + het + hom_alt), rng)?;
        let homozygous = if alternate == 0 { 0 } else { binomial(alternate, hom_alt / (het + hom_alt), rng)? };
        let people = [alternate - homozygous, homozygous, self.people];
        let mut drawn = [0.0; 3];
        for ((slot, people), variance) in drawn.iter_mut().zip(people).zip(self.noise) {
            *slot = people as f64 + noise::draw(variance, rng)?;
        }
        let [het, hom_alt, called] = drawn;
        if called > 0.0 { Ok(Genotypes { het, hom_alt, called }) } else { Err(Undefined::Noise) }
    }
}

fn binomial(people: u64, chance: f64, rng: &mut StdRng) -> Result<u64, Undefined> {
    if people > 1 << 53 {
        return Err(Undefined::OutOfRange);
    }
    Ok(rng.sample(Binomial::new(chance.min(1.0), people).map_err(|_| Undefined::OutOfRange)?))
}
