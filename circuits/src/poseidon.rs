//! Poseidon over the BN254 scalar field, compatible with circomlib.
//!
//! Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, *Poseidon*, USENIX Security 2021; parameters as in
//! circomlib: width `t = inputs + 1`, S-box x^5, eight full rounds, partial rounds by width, round constants and MDS
//! matrix from the paper's Grain LFSR. The state starts as `[0, inputs…]` and the hash is its first element after the
//! permutation. Every use begins with a [`FieldTag`] and has a fixed arity, so no two meanings share an input.
//!
//! One generic permutation serves field elements and constraint variables: they cannot drift apart.

use std::{
    ops::{Add, AddAssign, Mul},
    sync::OnceLock,
};

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{PrimeField, Zero};
use ark_r1cs_std::fields::{FieldVar, fp::FpVar};
use ark_relations::gr1cs::SynthesisError;

use crate::domain::FieldTag;

/// The most inputs of one hash, its tag included.
pub const INPUTS_MAX: usize = 16;

const ROUNDS_FULL: usize = 8;
/// Partial rounds for widths 2 to 17 (circomlib's table, from the paper's security script).
const ROUNDS_PARTIAL: [usize; INPUTS_MAX] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

struct Parameters {
    /// `constants[round][lane]`.
    constants: Vec<Vec<Fr>>,
    /// `mds[row][column]`.
    mds: Vec<Vec<Fr>>,
}

fn parameters(inputs: usize) -> &'static Parameters {
    static ALL: [OnceLock<Parameters>; INPUTS_MAX] = [const { OnceLock::new() }; INPUTS_MAX];
    assert!((1..=INPUTS_MAX).contains(&inputs), "Poseidon takes 1 to {INPUTS_MAX} inputs, fixed where it is called");
    let slot = ALL.iter().zip(ROUNDS_PARTIAL).nth(inputs - 1);
    let (cell, partial) = slot.unwrap_or_else(|| unreachable!("the assertion above bounds the index"));
    cell.get_or_init(|| {
        let bits = u64::from(Fr::MODULUS_BIT_SIZE);
        let (constants, mds) = find_poseidon_ark_and_mds(bits, inputs, ROUNDS_FULL as u64, partial as u64, 0);
        Parameters { constants, mds }
    })
}

/// What the permutation needs of a lane: a field element, or a variable that stands for one.
trait Lane: Clone + for<'a> Add<&'a Self, Output = Self> + AddAssign<Fr> + Mul<Fr, Output = Self> {
    fn fifth_power(&self) -> Result<Self, SynthesisError>;
}

impl Lane for Fr {
    fn fifth_power(&self) -> Result<Self, SynthesisError> {
        let square = self * self;
        Ok(square * square * self)
    }
}

impl Lane for FpVar<Fr> {
    /// Three constraints.
    fn fifth_power(&self) -> Result<Self, SynthesisError> {
        let square = self.square()?;
        Ok(square.square()? * self)
    }
}

fn permute<L: Lane>(state: &mut Vec<L>) -> Result<(), SynthesisError> {
    let Parameters { constants, mds } = parameters(state.len() - 1);
    let partial = ROUNDS_FULL / 2..constants.len() - ROUNDS_FULL / 2;
    for (round, constants) in constants.iter().enumerate() {
        for (lane, constant) in state.iter_mut().zip(constants) {
            *lane += *constant;
        }
        let substituted = if partial.contains(&round) { 1 } else { state.len() };
        for lane in state.iter_mut().take(substituted) {
            *lane = lane.fifth_power()?;
        }
        *state = mds.iter().filter_map(|row| dot(row, state)).collect();
    }
    Ok(())
}

fn dot<L: Lane>(row: &[Fr], state: &[L]) -> Option<L> {
    row.iter().zip(state).map(|(factor, lane)| lane.clone() * *factor).reduce(|sum, term| sum + &term)
}

/// Poseidon without a tag, as circomlib computes it: 1 to 16 inputs.
///
/// Only the published vectors and formats that prescribe it use this; everything of ours calls [`hash`].
#[must_use]
pub fn circomlib_hash(inputs: &[Fr]) -> Fr {
    let mut state: Vec<Fr> = std::iter::once(Fr::zero()).chain(inputs.iter().copied()).collect();
    match permute(&mut state) {
        Ok(()) => state.first().copied().unwrap_or_default(),
        Err(_) => unreachable!("arithmetic on field elements synthesizes nothing"),
    }
}

/// `Poseidon(tag, inputs…)`: 1 to 15 inputs after the tag, their number fixed by the tag's use.
#[must_use]
pub fn hash(tag: FieldTag, inputs: &[Fr]) -> Fr {
    let tagged: Vec<Fr> = std::iter::once(tag.element()).chain(inputs.iter().copied()).collect();
    circomlib_hash(&tagged)
}

/// The constraint form of [`hash`].
///
/// # Errors
/// [`SynthesisError`] when a witness value is absent while proving.
pub fn hash_var(tag: FieldTag, inputs: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    let constants = [FpVar::zero(), FpVar::constant(tag.element())];
    let mut state: Vec<FpVar<Fr>> = constants.into_iter().chain(inputs.iter().cloned()).collect();
    permute(&mut state)?;
    state.into_iter().next().ok_or(SynthesisError::AssignmentMissing)
}

#[cfg(test)]
mod tests {
    use ark_r1cs_std::{GR1CSVar, alloc::AllocVar};
    use ark_relations::gr1cs::ConstraintSystem;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Published {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        inputs: Vec<String>,
        hash: String,
    }

    fn check(published: &str, vectors_min: usize) {
        let published: Published = serde_json::from_str(published).unwrap();
        assert!(published.vectors.len() >= vectors_min);
        for vector in published.vectors {
            let inputs: Vec<Fr> = vector.inputs.iter().map(|input| input.parse().unwrap()).collect();
            if inputs.len() <= INPUTS_MAX {
                let hash = vector.hash.parse::<Fr>().unwrap();
                assert_eq!(circomlib_hash(&inputs), hash, "{:?}", vector.inputs);
                let system = ConstraintSystem::new_ref();
                let witness = |input: &Fr| FpVar::new_witness(system.clone(), || Ok(*input)).unwrap();
                let mut state: Vec<_> = std::iter::once(FpVar::zero()).chain(inputs.iter().map(witness)).collect();
                permute(&mut state).unwrap();
                assert_eq!(state[0].value().unwrap(), hash, "in constraints: {:?}", vector.inputs);
                assert!(system.is_satisfied().unwrap());
            }
        }
    }

    #[test]
    fn circomlibjs_vectors_hold() {
        check(include_str!("../../tests/data/poseidon/circomlibjs_poseidon_64.json"), 60);
    }

    #[test]
    fn go_iden3_vectors_hold() {
        check(include_str!("../../tests/data/poseidon/go_iden3_poseidon.json"), 10);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn constraint_form_agrees_with_native(inputs in prop::collection::vec(any::<u64>(), 1..=10)) {
            let inputs: Vec<Fr> = inputs.into_iter().map(Fr::from).collect();
            let system = ConstraintSystem::new_ref();
            let variables: Vec<_> = inputs
                .iter()
                .map(|input| FpVar::new_witness(system.clone(), || Ok(*input)).unwrap())
                .collect();
            let output = hash_var(FieldTag::Leaf, &variables).unwrap();
            prop_assert_eq!(output.value().unwrap(), hash(FieldTag::Leaf, &inputs));
            prop_assert!(system.is_satisfied().unwrap());
        }
    }

    #[test]
    fn a_tag_separates_equal_inputs() {
        assert_ne!(hash(FieldTag::Leaf, &[Fr::from(1u64)]), hash(FieldTag::Node, &[Fr::from(1u64)]));
    }
}
