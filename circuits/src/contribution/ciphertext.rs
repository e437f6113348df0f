//! The encryption's identity: the ciphertext encrypts this plaintext under this randomness.

use ark_bn254::Fr;
use ark_r1cs_std::{
    boolean::Boolean,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::SynthesisError;

use super::{committed::Committer, inputs::ProofInputs, statement::ContributionWitness};
use crate::rlwe::params::{DELTA_BITS, IDENTITY_SHIFT, MODULUS_BITS, QUOTIENT_BOUND, RING_DEGREE};

/// The randomness of an encryption and the quotients of its identities, committed and looked up.
pub(super) struct EncryptionVars {
    u: Vec<FpVar<Fr>>,
    /// `e0 + 2^108·e1 − q·(k0 + 2^108·k1)`, coefficient by coefficient.
    rest: Vec<FpVar<Fr>>,
    /// `r0 + 2^108·r1`.
    r: Vec<FpVar<Fr>>,
}

impl EncryptionVars {
    pub(super) fn commit(
        committer: &mut Committer<'_>,
        witness: Option<&ContributionWitness>,
    ) -> Result<Self, SynthesisError> {
        let encryption = witness.map(|witness| &witness.encryption);
        let quotients = witness.map(|witness| witness.quotients.by_modulus());
        let u = commit_short(committer, encryption.map(|encryption| encryption.u().coefficients()))?;
        let e0 = commit_short(committer, encryption.map(|encryption| encryption.e0().coefficients()))?;
        let e1 = commit_short(committer, encryption.map(|encryption| encryption.e1().coefficients()))?;
        let k0 = commit_short(committer, quotients.map(|[k0, _]| k0))?;
        let k1 = commit_short(committer, quotients.map(|[_, k1]| k1))?;
        let r: Option<Vec<Fr>> = witness.map(|witness| witness.quotients.by_cyclotomic().collect());
        let r = (0..RING_DEGREE - 1)
            .map(|place| {
                let value = r.as_ref().and_then(|r| r.get(place)).copied();
                committer.commit(value.ok_or(SynthesisError::AssignmentMissing))
            })
            .collect::<Result<_, _>>()?;

        let looked_up = &mut committer.looked_up;
        looked_up.ternary.extend(u.iter().cloned());
        looked_up.errors.extend(e0.iter().chain(&e1).cloned());
        let offset = Fr::from(QUOTIENT_BOUND);
        looked_up.bytes.extend(k0.iter().chain(&k1).map(|k| k + offset));

        let (shift, modulus) = (Fr::from(1u128 << IDENTITY_SHIFT), Fr::from(1u128 << MODULUS_BITS));
        let second = |(e, k): (&FpVar<Fr>, &FpVar<Fr>)| e - k * modulus;
        let rest = e0.iter().zip(&k0).map(second).zip(e1.iter().zip(&k1).map(second));
        Ok(Self { u, rest: rest.map(|(first, second)| first + second * shift).collect(), r })
    }

    /// Ciphertext: with `s = 2^108`, `(b + s·a)·u + e0 + s·e1 + Δ·m = c0 + s·c1 + q·(k0 + s·k1) + (X^N + 1)·r` at `γ`.
    pub(super) fn enforce_encrypts(
        &self,
        inputs: &ProofInputs,
        powers: &Powers,
        plaintext: &FpVar<Fr>,
    ) -> Result<(), SynthesisError> {
        let shift = Fr::from(1u128 << IDENTITY_SHIFT);
        let key = &inputs.b + &inputs.a * shift;
        let ciphertext = &inputs.c0 + &inputs.c1 * shift;
        let [u, rest, r] = [&self.u, &self.rest, &self.r].map(|coefficients| powers.evaluate(coefficients));
        let left = u * key + rest + plaintext * Fr::from(1u128 << DELTA_BITS);
        let cyclotomic = &powers.degree + FpVar::one();
        cyclotomic.mul_equals(&r, &(left - ciphertext))
    }
}

fn commit_short<C: Copy + Into<i32>>(
    committer: &mut Committer<'_>,
    coefficients: Option<&[C]>,
) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let value = |place: usize| {
        let coefficient = coefficients.and_then(|coefficients| coefficients.get(place));
        coefficient
            .map(|coefficient| Fr::from(Into::<i32>::into(*coefficient)))
            .ok_or(SynthesisError::AssignmentMissing)
    };
    (0..RING_DEGREE).map(|place| committer.commit(value(place))).collect()
}

/// A polynomial's value, from the constant term: one product to a coefficient.
pub(super) fn horner(coefficients: &[FpVar<Fr>], point: &FpVar<Fr>) -> FpVar<Fr> {
    coefficients.iter().rev().fold(FpVar::zero(), |sum, coefficient| sum * point + coefficient)
}

/// Coefficients that share the powers of one block.
const BLOCK: usize = 64;

/// Powers of `γ`.
pub(super) struct Powers {
    /// Those whose exponents are powers of two, below the ring's degree.
    squares: Vec<FpVar<Fr>>,
    /// The first 64.
    block: Vec<FpVar<Fr>>,
    /// `γ^64`.
    block_step: FpVar<Fr>,
    /// `γ^4096`.
    degree: FpVar<Fr>,
}

impl Powers {
    pub(super) fn new(gamma: &FpVar<Fr>) -> Result<Self, SynthesisError> {
        let mut squares = vec![];
        let mut power = gamma.clone();
        for _ in 0..RING_DEGREE.ilog2() {
            let square = power.square()?;
            squares.push(std::mem::replace(&mut power, square));
        }
        let mut block = vec![FpVar::one()];
        let mut block_step = gamma.clone();
        while block.len() < BLOCK {
            let next = &block_step * gamma;
            block.push(std::mem::replace(&mut block_step, next));
        }
        Ok(Self { squares, block, block_step, degree: power })
    }

    /// `γ^slot` for a slot below 4,096.
    pub(super) fn raise(&self, slot: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
        let (bits, _) = slot.to_bits_le_with_top_bits_zero(self.squares.len())?;
        Ok(self.squares.iter().zip(bits).fold(FpVar::one(), |power, (square, bit): (_, Boolean<Fr>)| {
            power * (FpVar::one() + FpVar::from(bit) * (square - FpVar::one()))
        }))
    }

    /// A long polynomial's value: one product to a coefficient, as with [`horner`], but of the coefficient with a shared
    /// power. Where coefficients are small, so are the scalars that the prover's products take; Horner's partial sums
    /// never are.
    fn evaluate(&self, coefficients: &[FpVar<Fr>]) -> FpVar<Fr> {
        let block = |block: &[FpVar<Fr>]| -> FpVar<Fr> {
            block.iter().zip(&self.block).map(|(coefficient, power)| coefficient * power).sum()
        };
        let blocks: Vec<FpVar<Fr>> = coefficients.chunks(BLOCK).map(block).collect();
        horner(&blocks, &self.block_step)
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;
    use ark_r1cs_std::{GR1CSVar, alloc::AllocVar};
    use ark_relations::gr1cs::ConstraintSystem;

    use super::*;

    /// `γ^slot` as the constraints compute it, if they hold.
    fn raised(gamma: Fr, slot: u64) -> Option<Fr> {
        let system = ConstraintSystem::new_ref();
        let gamma = FpVar::new_input(system.clone(), || Ok(gamma)).unwrap();
        let slot = FpVar::new_witness(system.clone(), || Ok(Fr::from(slot))).unwrap();
        let power = Powers::new(&gamma).unwrap().raise(&slot).unwrap();
        system.is_satisfied().unwrap().then(|| power.value().unwrap())
    }

    #[test]
    fn a_slot_selects_its_power_and_no_other() {
        let gamma = Fr::from(7u64);
        for slot in [0u64, 1, 2, 63, 64, 2048, 4031, 4095] {
            let power = raised(gamma, slot);
            assert_eq!(power, Some(gamma.pow([slot])), "slot {slot}");
            assert_ne!(power, Some(gamma.pow([slot + 1])), "slot {slot}");
        }
        for slot in [4096, 4097, u64::MAX] {
            assert_eq!(raised(gamma, slot), None, "there is no slot {slot}");
        }
    }
}
