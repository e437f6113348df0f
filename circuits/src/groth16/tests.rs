//! The two rounds on a small circuit, and what happens when a wire is left out of the commitment.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{Field, One, Zero};
use ark_r1cs_std::{
    alloc::AllocVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef, OptimizationGoal, SynthesisMode};
use ark_serialize::CanonicalSerialize;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    Error,
    domain::{ByteTag, bytes_to_field, hash},
};

/// A lookup of one value in the table {0, 1}: `1/(α − x) = m₀/α + m₁/(α − 1)`, with `x` public as its square.
#[derive(Clone, Copy)]
struct Lookup {
    x: Fr,
    multiplicities: [Fr; 2],
}

/// Which of the wires `x`, `m₀`, `m₁` are committed.
type Committed = &'static [usize];
const ALL: Committed = &[0, 1, 2];
const WITHOUT_MULTIPLICITY: Committed = &[0, 2];
const WITHOUT_VALUE: Committed = &[1, 2];

fn synthesize(system: &ConstraintSystemRef<Fr>, lookup: Lookup, alpha: Fr) {
    let public = |value| FpVar::new_input(system.clone(), || Ok(value)).unwrap();
    let witness = |value| FpVar::new_witness(system.clone(), || Ok(value)).unwrap();
    let (square, alpha_input) = (public(lookup.x * lookup.x), public(alpha));
    let (x, m0, m1) = (witness(lookup.x), witness(lookup.multiplicities[0]), witness(lookup.multiplicities[1]));
    (&x * &x).enforce_equal(&square).unwrap();
    let [f, f0, f1] =
        [(lookup.x, Fr::one()), (Fr::zero(), lookup.multiplicities[0]), (Fr::one(), lookup.multiplicities[1])]
            .map(|(pole, numerator)| witness(numerator * (alpha - pole).inverse().unwrap_or_default()));
    f.mul_equals(&(&alpha_input - &x), &FpVar::Constant(Fr::one())).unwrap();
    f0.mul_equals(&alpha_input, &m0).unwrap();
    f1.mul_equals(&(&alpha_input - FpVar::Constant(Fr::one())), &m1).unwrap();
    f.enforce_equal(&(f0 + f1)).unwrap();
}

fn relation(committed: Committed) -> Relation {
    let system = ConstraintSystem::new_ref();
    system.set_optimization_goal(OptimizationGoal::Constraints);
    system.set_mode(SynthesisMode::Setup);
    synthesize(&system, Lookup { x: Fr::one(), multiplicities: [Fr::zero(), Fr::one()] }, Fr::from(2u64));
    Relation::new(&system, committed).unwrap()
}

fn assignment(relation: &Relation, lookup: Lookup, alpha: Fr) -> Vec<Fr> {
    let system = ConstraintSystem::new_ref();
    synthesize(&system, lookup, alpha);
    relation.ordered(&system.instance_assignment().unwrap(), &system.witness_assignment().unwrap()).unwrap()
}

fn challenge(commitment: &G1Affine) -> Fr {
    let mut bytes = vec![];
    commitment.serialize_compressed(&mut bytes).unwrap();
    bytes_to_field(hash(ByteTag::Challenge, &[&bytes]).as_bytes())
}

/// Commits, draws the challenge, lets the prover adapt what is not committed, and verifies.
fn attempt(committed: Committed, start: Lookup, adapt: fn(Lookup, Fr) -> Lookup) -> Result<(), Error> {
    let mut rng = StdRng::seed_from_u64(9);
    let relation = relation(committed);
    let key = insecure_points_from_seed(&relation, [1; 32]).unwrap();
    let prepared = PreparedKey::new(key.verifying.clone(), 2).unwrap();
    let first = assignment(&relation, start, Fr::from(2u64));
    let wires = &first[relation.inputs()..relation.inputs() + relation.committed()];
    let commitment = commit(&key, wires, &mut rng).unwrap();
    let alpha = challenge(&commitment.point());
    let lookup = adapt(start, alpha);
    let whole = assignment(&relation, lookup, alpha);
    let proof = prove(&key, &relation, &commitment, &whole, &mut rng).unwrap();
    let proof = proof.encode().unwrap().decode().unwrap();
    let [one, square, third] = &prepared.points().input_query[..] else { panic!("two public inputs") };
    let inputs = *square * (lookup.x * lookup.x) + *third * challenge(&proof.d) + one;
    prepared.verify(&Statement { inputs, proof })
}

const fn unchanged(lookup: Lookup, _: Fr) -> Lookup {
    lookup
}

fn lookup(x: u64, multiplicities: [u64; 2]) -> Lookup {
    Lookup { x: Fr::from(x), multiplicities: multiplicities.map(Fr::from) }
}

#[test]
fn values_of_the_table_are_proven_and_others_are_not() {
    assert_eq!(attempt(ALL, lookup(0, [1, 0]), unchanged), Ok(()));
    assert_eq!(attempt(ALL, lookup(1, [0, 1]), unchanged), Ok(()));
    for multiplicities in [[0, 0], [1, 0], [0, 1], [1, 1]] {
        assert!(attempt(ALL, lookup(5, multiplicities), unchanged).is_err());
    }
}

/// The multiplicity that makes the fractions agree at this one challenge: `m₀ = α/(α − x)`.
fn choose_multiplicity(lookup: Lookup, alpha: Fr) -> Lookup {
    Lookup { multiplicities: [alpha * (alpha - lookup.x).inverse().unwrap(), Fr::zero()], ..lookup }
}

#[test]
fn a_multiplicity_left_out_of_the_commitment_lets_any_value_pass() {
    assert_eq!(
        attempt(WITHOUT_MULTIPLICITY, lookup(5, [1, 0]), choose_multiplicity),
        Ok(()),
        "the forgery of a weakened circuit"
    );
    assert!(attempt(ALL, lookup(5, [1, 0]), choose_multiplicity).is_err());
}

/// The value that committed multiplicities of one half each fit at this one challenge.
fn choose_value(lookup: Lookup, alpha: Fr) -> Lookup {
    let [m0, m1] = lookup.multiplicities;
    let fractions = m0 * alpha.inverse().unwrap() + m1 * (alpha - Fr::one()).inverse().unwrap();
    Lookup { x: alpha - fractions.inverse().unwrap(), ..lookup }
}

#[test]
fn a_value_left_out_of_the_commitment_may_be_anything() {
    let start = lookup(1, [3, 4]);
    assert_eq!(attempt(WITHOUT_VALUE, start, choose_value), Ok(()), "the forgery of a weakened circuit");
    assert!(attempt(ALL, start, choose_value).is_err());
}

#[test]
fn the_number_of_public_inputs_is_the_circuits() {
    let relation = relation(ALL);
    let key = insecure_points_from_seed(&relation, [1; 32]).unwrap();
    for inputs in [0, 1, 3] {
        assert!(PreparedKey::new(key.verifying.clone(), inputs).is_err());
    }
}

#[test]
fn keys_with_which_forging_is_easy_are_refused() {
    let relation = relation(ALL);
    let key = insecure_points_from_seed(&relation, [1; 32]).unwrap().verifying;
    let (infinity, one) = (G2Affine::identity(), G2Affine::generator());
    let broken = [
        VerifyingPoints { alpha_g1: G1Affine::identity(), ..key.clone() },
        VerifyingPoints { beta_g2: infinity, ..key.clone() },
        VerifyingPoints { gamma_g2: infinity, ..key.clone() },
        VerifyingPoints { delta_g2: infinity, ..key.clone() },
        VerifyingPoints { kappa_g2: infinity, ..key.clone() },
        VerifyingPoints { kappa_g2: key.gamma_g2, ..key.clone() },
        VerifyingPoints { kappa_g2: key.delta_g2, ..key.clone() },
        VerifyingPoints { delta_g2: key.gamma_g2, ..key.clone() },
        VerifyingPoints { delta_g2: one, ..key.clone() },
        VerifyingPoints { kappa_g2: one, ..key.clone() },
    ];
    for points in broken {
        assert!(PreparedKey::new(points, 2).is_err());
    }
    assert!(PreparedKey::new(VerifyingPoints { gamma_g2: one, ..key }, 2).is_ok(), "γ may be one after a ceremony");
}

#[test]
fn proving_points_that_do_not_blind_are_refused() {
    let relation = relation(ALL);
    let key = insecure_points_from_seed(&relation, [1; 32]).unwrap();
    assert!(key.check_blinding().is_ok());
    let zero = G1Affine::identity();
    for points in [
        ProvingPoints { beta_g1: zero, ..key.clone() },
        ProvingPoints { delta_g1: zero, ..key.clone() },
        ProvingPoints { kappa_g1: zero, ..key.clone() },
    ] {
        assert!(points.check_blinding().is_err());
    }
}

#[test]
fn the_commitment_is_blinded() {
    let relation = relation(ALL);
    let key = insecure_points_from_seed(&relation, [1; 32]).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let wires = [Fr::one(), Fr::zero(), Fr::one()];
    let [first, second] = [(); 2].map(|()| commit(&key, &wires, &mut rng).unwrap());
    assert_ne!(first.point(), second.point());
    assert_eq!(format!("{first:?}"), "Commitment(redacted)");
    assert!(commit(&key, &wires[..2], &mut rng).is_err());
}

#[test]
fn every_factor_of_a_batch_depends_on_every_claim_the_key_and_the_shared_inputs() {
    let generator = G1Affine::generator();
    let key = |byte: u8| VerifyingKeyId::new(KeyOrigin::InsecureSeed, &[byte]);
    let folded = |byte, shared: u64| {
        FoldedInputs::<1>::new(key(byte), &[generator, generator, generator], &[Fr::from(shared)]).unwrap()
    };
    let claims = |inputs: [u64; 2], points: [u64; 2]| -> Vec<([Fr; 1], G1Affine)> {
        inputs
            .iter()
            .zip(points)
            .map(|(input, point)| ([Fr::from(*input)], (generator * Fr::from(point)).into()))
            .collect()
    };
    let first = factors(&folded(1, 1), &claims([1, 2], [3, 4])).unwrap();
    assert_ne!(first[0], first[1]);
    let others = [
        factors(&folded(2, 1), &claims([1, 2], [3, 4])),
        factors(&folded(1, 2), &claims([1, 2], [3, 4])),
        factors(&folded(1, 1), &claims([9, 2], [3, 4])),
        factors(&folded(1, 1), &claims([1, 9], [3, 4])),
        factors(&folded(1, 1), &claims([1, 2], [9, 4])),
        factors(&folded(1, 1), &claims([1, 2], [3, 9])),
    ];
    for (place, other) in others.into_iter().enumerate() {
        assert!(first.iter().zip(other.unwrap()).all(|(one, other)| *one != other), "{place}");
    }
}
