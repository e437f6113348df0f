//! What is chosen after the challenge: it satisfies every constraint, and does not fit the commitment.

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{AffineRepr, VariableBaseMSM};

use super::{
    super::inputs::{SUBJECTS, terms_inputs},
    *,
};
use crate::groth16::{Commitment, PreparedKey};

fn transcript(statement: &Sound) -> Transcript {
    Transcript::new(&key().verifying_key().id(), &statement.key, &statement.terms).unwrap()
}

/// The first round, over the committed wires of an assignment.
fn commit_to(assignment: &[Fr], rng: &mut StdRng) -> Commitment {
    let relation = &shape().relation;
    let wires = &assignment[relation.inputs()..relation.inputs() + relation.committed()];
    groth16::commit(key().points(), wires, rng).unwrap()
}

/// An assignment at these challenges, with choices that may depend on them.
fn assigned_at(statement: &Sound, challenges: &Challenges, choices: BTreeMap<usize, Fr>) -> Vec<Fr> {
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    let inputs = instance_inputs(&statement.instance, challenges, statement.committee(challenges.gamma), &opening);
    assignment(&statement.terms, inputs, &statement.witness, choices)
}

/// The second round.
fn prove_over(
    statement: &Sound,
    challenges: &Challenges,
    commitment: &Commitment,
    assignment: &[Fr],
    rng: &mut StdRng,
) -> UnverifiedContribution {
    let proof = groth16::prove(key().points(), &shape().relation, commitment, assignment, rng).unwrap();
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    UnverifiedContribution { proof: proof.encode().unwrap(), opening }
}

/// Both rounds: commits to the wires of `committed`, draws the challenges, and proves with choices that depend on them.
fn prove_adaptively(
    statement: &Sound,
    committed: &ContributionWitness,
    choose: impl FnOnce(&Challenges) -> BTreeMap<usize, Fr>,
) -> (Vec<Fr>, UnverifiedContribution) {
    let mut rng = StdRng::seed_from_u64(5);
    let first = assignment(&statement.terms, [Fr::zero(); INSTANCE_INPUTS], committed, BTreeMap::new());
    let commitment = commit_to(&first, &mut rng);
    let challenges = transcript(statement).challenges(&statement.instance, &commitment.point()).unwrap();
    let whole = assigned_at(statement, &challenges, choose(&challenges));
    let proof = prove_over(statement, &challenges, &commitment, &whole, &mut rng);
    (whole, proof)
}

#[test]
fn a_multiplicity_chosen_after_the_challenge_does_not_fit_the_commitment() {
    // An error of nine, and the multiplicity of zero that would make up for it.
    let (u, e0, e1) = randomness();
    let long = EncryptionWitness::from_parts(u, e0.with_coefficient(0, 9), e1);
    let statement = encrypted(rich(), &plaintext(&rich()), long);
    let zero_errors = MULTIPLICITIES + 3 + 8;
    let e = [statement.witness.encryption.e0(), statement.witness.encryption.e1()];
    let zeros = e.iter().flat_map(|e| e.coefficients()).filter(|e| **e == 0).count() as u64;
    let (whole, forged) = prove_adaptively(&statement, &statement.witness, |Challenges { alpha, .. }| {
        [(zero_errors, Fr::from(zeros) + *alpha / (*alpha - Fr::from(9u64)))].into()
    });
    assert_eq!(failing_paragraphs(&whole), BTreeSet::new(), "the adaptive forgery satisfies every constraint");
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

#[test]
fn a_commitment_to_another_records_wires_proves_nothing() {
    let statement = rich();
    let (layout, matching) = layouts().remove(5);
    let other = sound_with(&Attributes::new([44; ATTRIBUTES]), layout, matching);
    let (_, honest) = prove_adaptively(&statement, &statement.witness, |_| BTreeMap::new());
    assert!(verifier(&statement).verify(&statement.instance, &honest).is_ok());
    let (whole, forged) = prove_adaptively(&statement, &other.witness, |_| BTreeMap::new());
    assert_eq!(failing_paragraphs(&whole), BTreeSet::new());
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

/// A ciphertext that encrypts 2^20 in slot 0, with the witness of the rich statement, which encrypts other slots.
fn poisoned_ciphertext() -> Sound {
    let mut forged = rich();
    forged.ciphertext = encrypt_with(&forged.key, &Plaintext::new(vec![1 << 20]).unwrap(), &forged.witness.encryption);
    forged.instance.binding = bound(&forged.terms, &forged.key, &forged.ciphertext);
    assert_eq!(forged.native(), Err(Error::Refuted { clause: Clause::Ciphertext }));
    forged
}

/// The first coefficient of `r` that makes up, at this `γ`, for a ciphertext which is not the witness's.
fn quotient_that_fits(forged: &Sound, gamma: Fr) -> BTreeMap<usize, Fr> {
    let [claimed, honest] = [&forged.ciphertext, &rich().ciphertext].map(|ciphertext| ciphertext.evaluate(gamma));
    let difference = claimed[0] - honest[0] + (claimed[1] - honest[1]) * Fr::from(1u128 << 108);
    let first = forged.witness.quotients.by_cyclotomic().next().unwrap();
    [(QUOTIENT_R, first - difference / (gamma.pow([RING_DEGREE as u64]) + Fr::one()))].into()
}

#[test]
fn a_quotient_chosen_after_the_challenge_satisfies_every_constraint_and_does_not_fit_the_commitment() {
    let forged = poisoned_ciphertext();
    let (whole, proof) =
        prove_adaptively(&forged, &forged.witness, |challenges| quotient_that_fits(&forged, challenges.gamma));
    assert_eq!(failing_paragraphs(&whole), BTreeSet::new(), "the adaptive forgery satisfies every constraint");
    assert!(verifier(&forged).verify(&forged.instance, &proof).is_err());
    // The same quotient at another challenge fits nothing.
    let elsewhere =
        assigned_at(&forged, &CHALLENGES, [(QUOTIENT_R, whole[committed_places(&[QUOTIENT_R])[0][0]])].into());
    assert_eq!(failing_paragraphs(&elsewhere), only("ciphertext"));
}

/// What a verifier checks that takes its challenges from elsewhere than the commitment.
fn weakened(statement: &Sound, challenges: &Challenges, contribution: &UnverifiedContribution) -> Result<(), Error> {
    let points = &key().points().verifying;
    let committee = statement.committee(challenges.gamma);
    let mut inputs = vec![Fr::one()];
    inputs.extend(terms_inputs(&statement.terms));
    inputs.extend(instance_inputs(&statement.instance, challenges, committee, &contribution.opening));
    let inputs = G1Projective::msm(&points.input_query, &inputs).unwrap();
    let proof = contribution.proof.decode().unwrap();
    PreparedKey::new(points.clone(), PUBLIC_INPUTS).unwrap().verify(&groth16::Statement { inputs, proof })
}

#[test]
fn a_verifier_whose_challenge_is_known_before_the_commitment_accepts_a_forgery() {
    let forged = poisoned_ciphertext();
    // The challenges are drawn from everything but the commitment, so the prover knows them first.
    let known = transcript(&forged).challenges(&forged.instance, &G1Affine::generator()).unwrap();
    let whole = assigned_at(&forged, &known, quotient_that_fits(&forged, known.gamma));
    let mut rng = StdRng::seed_from_u64(6);
    let proof = prove_over(&forged, &known, &commit_to(&whole, &mut rng), &whole, &mut rng);
    assert_eq!(weakened(&forged, &known, &proof), Ok(()), "the forgery of a weakened verifier");
    assert!(verifier(&forged).verify(&forged.instance, &proof).is_err());
    // At the challenges of its commitment the weakened verifier is the real one.
    let honest = rich();
    let drawn = verifier(&honest).challenges(&honest.instance, &proven_once().proof).unwrap();
    assert_eq!(weakened(&honest, &drawn, &proven_once()), Ok(()));
}

/// Where choices of the prover are in an assignment: the committed wires that take values which nothing else has.
fn committed_places(choices: &[usize]) -> Vec<Vec<usize>> {
    let marker = |choice: &usize| Fr::from((1u64 << 50) + *choice as u64);
    let relation = &shape().relation;
    let committed = relation.inputs()..relation.inputs() + relation.committed();
    let marked = rich().assigned(choices.iter().map(|choice| (*choice, marker(choice))));
    choices.iter().map(|choice| committed.clone().filter(|place| marked[*place] == marker(choice)).collect()).collect()
}

#[test]
fn every_class_of_wires_that_the_prover_chooses_is_in_the_commitment() {
    let classes = [
        ("a digit of an attribute", 0),
        ("a clause's value", CLAUSE_VALUES),
        ("a digit of a clause's comparison", comparison(0, false) + 1),
        ("an axis' value", AXIS_VALUES),
        ("a digit of an axis' comparison", CUTS + 1),
        ("a digit of a bin", BIN),
        ("a digit of a bin's rest", BIN + 2),
        ("a digit of the rest's bound", BIN + 2 + 4),
        ("a moment's value", MOMENT_VALUES),
        ("a digit of a clip's comparison", CLIPS + 1),
        ("a digit of a moment", MOMENT_DIGITS),
        ("a digit of a product", MOMENT_DIGITS + 2),
        ("u", RANDOMNESS),
        ("e0", RANDOMNESS + RING_DEGREE),
        ("e1", RANDOMNESS + 2 * RING_DEGREE),
        ("k0", RANDOMNESS + 3 * RING_DEGREE),
        ("k1", RANDOMNESS + 4 * RING_DEGREE),
        ("r", QUOTIENT_R),
        ("the multiplicity of a ternary coefficient", MULTIPLICITIES),
        ("the multiplicity of an error", MULTIPLICITIES + 3),
        ("the multiplicity of a byte", MULTIPLICITIES + 3 + 17),
        ("the multiplicity of a subject", MULTIPLICITIES + 3 + 17 + 256),
    ];
    let places = committed_places(&classes.map(|(_, choice)| choice));
    for ((class, _), places) in classes.iter().zip(&places) {
        assert_eq!(places.len(), 1, "{class} is committed");
    }
    assert!(places.is_sorted(), "in the order of the choices");
    // All choices are committed but the verdicts of comparisons, which their digits imply.
    let verdicts = MATCH_CLAUSES_MAX * 2 + AXES_MAX * (CUTS_MAX + 2) + MOMENT_ATTRIBUTES_MAX * 2;
    let choices = MULTIPLICITIES + 3 + 17 + 256 + SUBJECTS;
    assert_eq!(shape().relation.committed(), choices - verdicts);
}
