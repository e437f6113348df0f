//! The committed wires, and which table each is looked up in.
//!
//! Everything that is looked up, every multiplicity, and the quotient `r` is committed before the challenge: a prover who
//! chose any of them afterwards could forge.

use std::ops::RangeInclusive;

use ark_bn254::Fr;
use ark_ff::{BigInteger, One, PrimeField};
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use crate::rlwe::params::ERROR_BOUND;

/// Coefficients of the ephemeral `u`.
pub(super) const TERNARY_TABLE: RangeInclusive<i64> = -1..=1;
/// Coefficients of errors.
pub(super) const ERROR_TABLE: RangeInclusive<i64> = -(ERROR_BOUND as i64)..=ERROR_BOUND as i64;
/// Base-256 digits.
pub(super) const BYTE_TABLE: RangeInclusive<i64> = 0..=255;
/// Every constant table lies in here.
pub(super) const SMALL_TABLE: RangeInclusive<i64> = -(ERROR_BOUND as i64)..=255;

/// Wires that are looked up in a table of constants, or of pairs of a record's subject and value.
#[derive(Default)]
pub(super) struct LookedUp {
    pub(super) ternary: Vec<FpVar<Fr>>,
    pub(super) errors: Vec<FpVar<Fr>>,
    pub(super) bytes: Vec<FpVar<Fr>>,
    pub(super) subjects: Vec<(FpVar<Fr>, FpVar<Fr>)>,
}

/// Allocates committed wires and remembers where they are.
pub(super) struct Committer<'s> {
    system: &'s ConstraintSystemRef<Fr>,
    /// The committed witnesses, numbered as allocated.
    pub(super) places: Vec<usize>,
    pub(super) looked_up: LookedUp,
    /// Choices of the prover that tests replace, by number.
    #[cfg(test)]
    pub(super) altered: std::collections::BTreeMap<usize, Fr>,
    #[cfg(test)]
    pub(super) choices: usize,
}

impl<'s> Committer<'s> {
    pub(super) fn new(system: &'s ConstraintSystemRef<Fr>) -> Self {
        Self {
            system,
            places: vec![],
            looked_up: LookedUp::default(),
            #[cfg(test)]
            altered: std::collections::BTreeMap::new(),
            #[cfg(test)]
            choices: 0,
        }
    }

    /// The prover's choice for a wire that no constraint computes.
    #[cfg(not(test))]
    fn choice(&mut self, value: Result<Fr, SynthesisError>) -> Result<Fr, SynthesisError> {
        value
    }

    /// The prover's choice for a wire that no constraint computes, or what a test says instead.
    #[cfg(test)]
    fn choice(&mut self, value: Result<Fr, SynthesisError>) -> Result<Fr, SynthesisError> {
        self.choices += 1;
        self.altered.get(&(self.choices - 1)).copied().map_or(value, Ok)
    }

    /// A committed wire.
    pub(super) fn commit(&mut self, value: Result<Fr, SynthesisError>) -> Result<FpVar<Fr>, SynthesisError> {
        self.places.push(self.system.num_witness_variables());
        let value = self.choice(value);
        FpVar::new_witness(self.system.clone(), || value)
    }

    /// Committed base-256 digits of a value, the lowest first. Digits of a value that does not fit are those of its
    /// remainder, which no equation with the value then accepts.
    pub(super) fn digits(
        &mut self,
        value: &Result<Fr, SynthesisError>,
        count: usize,
    ) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
        let bytes = value.as_ref().map(|value| value.into_bigint().to_bytes_le());
        let digit = |place: usize| match &bytes {
            Ok(bytes) => bytes.get(place).copied().map(Fr::from).ok_or(SynthesisError::AssignmentMissing),
            Err(_) => Err(SynthesisError::AssignmentMissing),
        };
        let digits = (0..count).map(|place| self.commit(digit(place))).collect::<Result<Vec<_>, _>>()?;
        self.looked_up.bytes.extend(digits.iter().cloned());
        Ok(digits)
    }

    /// `0 ≤ value < 256^count`.
    pub(super) fn enforce_range(&mut self, value: &FpVar<Fr>, count: usize) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
        let digits = self.digits(&value.value(), count)?;
        number(&digits).enforce_equal(value)?;
        Ok(digits)
    }

    /// One if `left ≥ right`, else zero, for values of 32 bits: `left − right`, plus 2^32 if it is negative, has 32 bits.
    pub(super) fn at_least(&mut self, left: &FpVar<Fr>, right: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
        let difference = left - right;
        let fits = |difference: Fr| Fr::from(difference.into_bigint().num_bits() <= 32);
        let holds = self.choice(difference.value().map(fits));
        let holds = FpVar::from(Boolean::new_witness(self.system.clone(), || holds.map(|holds| holds.is_one()))?);
        self.enforce_range(&(difference + (FpVar::one() - &holds) * Fr::from(1u64 << 32)), 4)?;
        Ok(holds)
    }

    /// The value of a record's subject, looked up under its key.
    pub(super) fn subject(
        &mut self,
        key: &FpVar<Fr>,
        value: Result<Fr, SynthesisError>,
    ) -> Result<FpVar<Fr>, SynthesisError> {
        let value = self.commit(value)?;
        self.looked_up.subjects.push((key.clone(), value.clone()));
        Ok(value)
    }
}

/// `Σ digitsᵢ · 256^i`.
pub(super) fn number(digits: &[FpVar<Fr>]) -> FpVar<Fr> {
    let base = Fr::from(256u64);
    digits.iter().rev().fold(FpVar::zero(), |sum, digit| sum * base + digit)
}
