//! Keys: of this circuit, of their origin, and with no other's proofs.

use ark_bn254::G1Affine;
use ark_ec::AffineRepr;
use ark_serialize::CanonicalSerialize;

use super::*;
use crate::groth16::{KeyOrigin, VerifyingPoints, insecure_points_from_seed};

#[test]
fn the_demo_key_is_the_pinned_one() {
    assert_eq!(
        key().verifying_key().id().to_string(),
        "73949b8938bc5aa819caf146ea058342939053fc31a54d312d627493c75499b8"
    );
}

#[test]
fn keys_survive_their_files_and_only_their_own() {
    let bytes = key().to_bytes().unwrap();
    let read = ProvingKey::from_bytes(&bytes, key().verifying_key()).unwrap();
    assert_eq!(read.verifying_key(), key().verifying_key());
    let statement = rich();
    let mut rng = StdRng::seed_from_u64(1);
    let proof = prove(&read, &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng).unwrap();
    assert!(verifier(&statement).verify(&statement.instance, &proof).is_ok());
    assert!(ProvingKey::from_bytes(&bytes[..bytes.len() - 1], key().verifying_key()).is_err());
    let encoded = borsh::to_vec(key().verifying_key()).unwrap();
    assert_eq!(&borsh::from_slice::<VerifyingKey>(&encoded).unwrap(), key().verifying_key());
    let mut altered = encoded.clone();
    altered[40] ^= 1;
    assert!(borsh::from_slice::<VerifyingKey>(&altered).is_err());
}

#[test]
fn repro_a_key_with_altered_points_makes_no_proof_from_which_its_maker_could_read_the_witness() {
    let mut points = key().points().clone();
    points.witness_query.iter_mut().for_each(|point| *point = (*point + G1Affine::generator()).into());
    let mut bytes = vec![];
    points.serialize_uncompressed(&mut bytes).unwrap();
    let altered = ProvingKey::from_bytes(&bytes, key().verifying_key()).unwrap();
    let statement = rich();
    let mut rng = StdRng::seed_from_u64(1);
    let made = prove(&altered, &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng);
    assert!(matches!(made, Err(Error::Proving { why }) if why.contains("was altered")));
}

#[test]
fn a_verifying_key_has_an_element_for_each_public_input_and_no_more() {
    let points = &key().points().verifying;
    let with =
        |input_query| VerifyingKey::new(KeyOrigin::InsecureSeed, &VerifyingPoints { input_query, ..points.clone() });
    let elements = &points.input_query;
    assert_eq!(&with(elements.clone()).unwrap(), key().verifying_key());
    for elements in [&elements[..PUBLIC_INPUTS], &[elements.as_slice(), &elements[..1]].concat()] {
        assert!(matches!(with(elements.to_vec()), Err(Error::Malformed { .. })), "{} elements", elements.len());
    }
}

#[test]
fn a_verifier_under_another_key_refuses_the_proof() {
    let statement = rich();
    let points = &key().points().verifying;
    let stranger = insecure_points_from_seed(&shape().relation, [1; 32]).unwrap().verifying;
    let verified = |origin, points: &VerifyingPoints| {
        let key = VerifyingKey::new(origin, points).unwrap();
        let verifier = ContributionVerifier::new(&key, &statement.terms, &statement.key).unwrap();
        verifier.verify(&statement.instance, &proven_once()).map(drop)
    };
    assert_eq!(verified(KeyOrigin::InsecureSeed, points), Ok(()));
    let refused = Err(Error::ProofRefused { why: "the pairing equation does not hold for this statement" });
    assert_eq!(verified(KeyOrigin::InsecureSeed, &stranger), refused, "another seed's key");
    assert_eq!(verified(KeyOrigin::Ceremony, points), refused, "the same points, said to be a ceremony's");
    let bytes = key().to_bytes().unwrap();
    let expected = VerifyingKey::new(KeyOrigin::InsecureSeed, &stranger).unwrap();
    assert!(ProvingKey::from_bytes(&bytes, &expected).is_err(), "a file of another key");
}
