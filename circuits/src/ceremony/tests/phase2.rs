use ark_bn254::{Bn254, Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ark_groth16::{Groth16, r1cs_to_qap::LibsnarkReduction};
use ark_serialize::CanonicalSerialize;

use super::{
    circuit::{assignment, relation},
    *,
};
use crate::{
    Error,
    ceremony::contribution::Factor,
    groth16::{PreparedKey, ProvingPoints, Statement, VerifyingPoints, commit, prove},
};

fn powers() -> Powers {
    Powers::new(6).unwrap().contribute(name("first of phase 1"), &mut rng()).unwrap()
}

/// A key of two contributors, `a` and `b`.
fn contributed(committed: usize) -> CircuitKey {
    let rng = &mut rng();
    let key = CircuitKey::start(&powers(), &relation(committed)).unwrap();
    key.contribute(name("a"), rng).unwrap().contribute(name("b"), rng).unwrap()
}

fn verify(bytes: &[u8], committed: usize) -> Result<CircuitKey, Error> {
    UnverifiedCircuitKey::from_bytes(bytes)?.verify(&powers(), &relation(committed), &mut rng())
}

fn reason(bytes: &[u8]) -> String {
    verify(bytes, 2).unwrap_err().to_string()
}

fn points(committed: usize) -> ProvingPoints {
    contributed(committed).finalize().unwrap().into_points(&relation(committed)).unwrap()
}

/// A proof for the start of the chain given, with its public input.
fn proven(points: &ProvingPoints, start: [u64; 2]) -> Statement {
    let (rng, wires) = (&mut rng(), assignment(start));
    let commitment = commit(points, &wires[2..4], rng).unwrap();
    let proof = prove(points, &relation(2), &commitment, &wires, rng).unwrap();
    let [one, input] = points.verifying.input_query[..] else { panic!("one public input") };
    Statement { inputs: input * wires[1] + one, proof }
}

fn as_ark_has_it(points: ProvingPoints) -> ark_groth16::ProvingKey<Bn254> {
    assert!(points.commit_query.is_empty(), "plain Groth16 commits to nothing");
    let VerifyingPoints { alpha_g1, beta_g2, gamma_g2, delta_g2, input_query, .. } = points.verifying;
    ark_groth16::ProvingKey {
        vk: ark_groth16::VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1: input_query },
        beta_g1: points.beta_g1,
        delta_g1: points.delta_g1,
        a_query: points.a_query,
        b_g1_query: points.b_g1_query,
        b_g2_query: points.b_g2_query,
        h_query: points.h_query,
        l_query: points.witness_query,
    }
}

#[test]
fn a_key_for_a_plain_circuit_proves_and_verifies_with_ark_groth16() {
    let (relation, wires) = (relation(0), assignment([3, 4]));
    let key = as_ark_has_it(points(0));
    let proof = Groth16::<Bn254, LibsnarkReduction>::create_proof_with_reduction_and_matrices(
        &key,
        Fr::from(9),
        Fr::from(10),
        relation.matrices(),
        2,
        relation.constraints(),
        &wires,
    );
    let prepared = ark_groth16::prepare_verifying_key(&key.vk);
    let proof = proof.unwrap();
    assert!(Groth16::<Bn254>::verify_proof(&prepared, &proof, &wires[1..2]).unwrap());
    assert!(!Groth16::<Bn254>::verify_proof(&prepared, &proof, &[wires[1] + Fr::from(1)]).unwrap());
}

#[test]
fn a_key_with_committed_witnesses_proves_and_verifies() {
    let points = points(2);
    let statement = proven(&points, [3, 4]);
    let key = PreparedKey::new(points.verifying.clone(), 1).unwrap();
    key.verify(&statement).unwrap();
    let other = Statement { inputs: statement.inputs + points.verifying.input_query[1], ..statement };
    assert!(key.verify(&other).is_err());
}

#[test]
fn a_chain_of_two_people_and_a_beacon_verifies_as_read() {
    let key = contributed(2).beacon(Beacon::new(b"block 2".to_vec(), 3).unwrap()).unwrap();
    let bytes = key.to_bytes().unwrap();
    let read = verify(&bytes, 2).unwrap();
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(read.digest().unwrap(), key.digest().unwrap());
    assert_eq!(read.contributors().count(), 3);
    assert!(read.contribute(name("late"), &mut rng()).is_err());
}

#[test]
fn one_contributors_unknown_secret_changes_delta_and_kappa_and_nothing_of_the_circuit() {
    let mut before = contributed(2);
    let mut after = before.clone().contribute(name("c"), &mut rng()).unwrap();
    let (before, after) = (before.points_mut(), after.points_mut());
    let divided = |points: &ProvingPoints| {
        [&points.h_query, &points.commit_query, &points.witness_query, &vec![points.delta_g1, points.kappa_g1]]
            .map(Vec::clone)
            .concat()
    };
    let pairs = divided(before).into_iter().zip(divided(after));
    assert!(pairs.filter(|(before, _)| !before.is_zero()).all(|(before, after)| before != after));
    assert_ne!(before.verifying.delta_g2, after.verifying.delta_g2);
    assert_ne!(before.verifying.kappa_g2, after.verifying.kappa_g2);
    assert_eq!((&before.a_query, &before.b_g2_query), (&after.a_query, &after.b_g2_query));
    assert_eq!(before.verifying.input_query, after.verifying.input_query);
}

#[test]
fn kappa_must_take_part_since_whoever_knows_it_proves_another_public_input() {
    let mut key = CircuitKey::start(&powers(), &relation(2)).unwrap();
    let kappa = Fr::from(41);
    key = key.extend(Contributor::Person(name("a")), &[77u64.into(), kappa].map(Factor::chosen)).unwrap();
    let points = key.finalize().unwrap().into_points(&relation(2)).unwrap();
    let mut forged = proven(&points, [3, 4]);
    let shift = points.verifying.input_query[1] * Fr::from(1_000);
    forged.inputs += shift;
    forged.proof.d = (forged.proof.d - shift * kappa.inverse().unwrap()).into_affine();
    PreparedKey::new(points.verifying, 1).unwrap().verify(&forged).unwrap();
}

/// What the refusal names, and the change.
type Twin<'a> = (&'a str, &'a dyn Fn(&mut ProvingPoints));

#[test]
fn a_key_changed_in_one_trapdoor_or_query_is_refused() {
    let two = Fr::from(2);
    let double = |point: &mut G1Affine| *point = (*point * two).into_affine();
    let double_all = |query: &mut Vec<G1Affine>| query.iter_mut().for_each(double);
    let twins: [Twin<'_>; 13] = [
        ("delta", &|points| points.delta_g1 = (points.delta_g1 * two).into_affine()),
        ("delta", &|points| points.verifying.delta_g2 = (points.verifying.delta_g2 * two).into_affine()),
        ("kappa", &|points| points.kappa_g1 = (points.kappa_g1 * two).into_affine()),
        ("kappa", &|points| points.verifying.kappa_g2 = (points.verifying.kappa_g2 * two).into_affine()),
        ("alpha", &|points| double(&mut points.verifying.alpha_g1)),
        ("beta", &|points| double(&mut points.beta_g1)),
        ("beta", &|points| points.verifying.beta_g2 = (points.verifying.beta_g2 * two).into_affine()),
        ("A query", &|points| double(&mut points.a_query[3])),
        ("second group", &|points| points.b_g2_query[3] = (points.b_g2_query[3] * two).into_affine()),
        ("input query", &|points| double(&mut points.verifying.input_query[1])),
        ("commitment query", &|points| double_all(&mut points.commit_query)),
        ("witness query", &|points| double_all(&mut points.witness_query)),
        ("H query", &|points| double_all(&mut points.h_query)),
    ];
    for (what, change) in twins {
        let mut key = contributed(2);
        change(key.points_mut());
        let error = reason(&key.to_bytes().unwrap());
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn a_contributor_who_leaves_kappa_out_is_refused() {
    let before = contributed(2);
    let mut key = before.clone().contribute(name("c"), &mut rng()).unwrap();
    key.points_mut().commit_query = before.clone().points_mut().commit_query.clone();
    assert!(reason(&key.to_bytes().unwrap()).contains("commitment query"));

    let mut unscaled = before.clone().contribute(name("c"), &mut rng()).unwrap();
    unscaled.points_mut().kappa_g1 = before.clone().points_mut().kappa_g1;
    unscaled.points_mut().verifying.kappa_g2 = before.clone().points_mut().verifying.kappa_g2;
    unscaled.points_mut().commit_query = before.clone().points_mut().commit_query.clone();
    assert!(reason(&unscaled.to_bytes().unwrap()).contains("kappa"));
}

#[test]
fn every_point_takes_part_in_the_check() {
    let (bytes, relation) = (contributed(2).to_bytes().unwrap(), relation(2));
    let (g1, g2, wires) = (64, 128, relation.wires());
    let tail = (63 + 2 + (wires - 4)) * g1;
    let b_g2 = bytes.len() - tail - wires * g2;
    let first = b_g2 - (2 * wires + 2) * g1;
    let (powers, rng) = (powers(), &mut rng());
    for place in (first..b_g2).chain(bytes.len() - tail..bytes.len()).step_by(g1) {
        let changed = moved::<G1Affine>(&bytes, place);
        let refused = UnverifiedCircuitKey::from_bytes(&changed).unwrap().verify(&powers, &relation, rng);
        assert!(refused.is_err(), "byte {place}");
    }
}

/// Bytes of a file before the chain, and of one contribution of a contributor with a name of one letter.
const BEFORE_CHAIN: usize = "locus/v1/ceremony-key".len() + 64;
const ONE: usize = 1 + 4 + 1 + 2 * 128;

/// A file with another chain, made of the places given of the chain of `a` and `b`.
fn with_chain(places: &[usize]) -> Vec<u8> {
    let bytes = contributed(2).to_bytes().unwrap();
    let (before, rest) = bytes.split_at(BEFORE_CHAIN);
    let (chain, after) = rest[4..].split_at(2 * ONE);
    let count = u32::try_from(places.len()).unwrap().to_le_bytes();
    let chain: Vec<u8> = places.iter().flat_map(|place| &chain[place * ONE..][..ONE]).copied().collect();
    [before, &count, &chain, after].concat()
}

#[test]
fn a_chain_reordered_shortened_or_replayed_is_refused() {
    assert!(verify(&with_chain(&[0, 1]), 2).is_ok());
    for (places, what) in [
        (&[1, 0][..], "contribution 0"),
        (&[1], "contribution 0"),
        (&[0], "last"),
        (&[0, 0, 1], "contribution 1"),
        (&[0, 1, 1], "contribution 2"),
        (&[], "last"),
    ] {
        let error = reason(&with_chain(places));
        assert!(error.contains(what), "{places:?}: {error}");
    }
}

#[test]
fn another_contributors_name_does_not_fit_the_proof_of_knowledge() {
    let mut bytes = with_chain(&[0, 1]);
    assert_eq!(bytes[BEFORE_CHAIN + 4 + 1 + 4], b'a');
    bytes[BEFORE_CHAIN + 4 + 1 + 4] = b'x';
    assert!(reason(&bytes).contains("contribution 0"));
}

#[test]
fn a_flipped_bit_before_the_points_is_refused() {
    let bytes = with_chain(&[0, 1]);
    let (powers, relation) = (powers(), relation(2));
    for place in (0..BEFORE_CHAIN + 4 + 2 * ONE + 13).step_by(5) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let refused =
            UnverifiedCircuitKey::from_bytes(&changed).and_then(|key| key.verify(&powers, &relation, &mut rng()));
        assert!(refused.is_err(), "byte {place}");
    }
}

#[test]
fn a_forged_beacon_is_refused() {
    let beacon = Beacon::new(b"block 2".to_vec(), 3).unwrap();
    let factors = [3u64, 4].map(|factor| Factor::chosen(factor.into()));
    let key = contributed(2).extend(Contributor::Beacon(beacon), &factors).unwrap();
    assert!(reason(&key.to_bytes().unwrap()).contains("beacon"));
}

#[test]
fn a_zero_factor_is_refused() {
    for factors in [[0u64, 1], [1, 0]] {
        let factors = factors.map(|factor| Factor::chosen(factor.into()));
        assert!(contributed(2).extend(Contributor::Person(name("zero")), &factors).is_err());
    }
    let mut infinity = with_chain(&[0, 1]);
    let compressed = [vec![0; 31], vec![0x40]].concat();
    infinity[BEFORE_CHAIN + 4 + ONE - 256..][..32].copy_from_slice(&compressed);
    assert!(reason(&infinity).contains("infinity"));
}

#[test]
fn another_circuit_or_other_powers_are_refused() {
    let bytes = contributed(2).to_bytes().unwrap();
    assert!(verify(&bytes, 1).unwrap_err().to_string().contains("another circuit"));
    let other = powers().contribute(name("second of phase 1"), &mut rng()).unwrap();
    let read = UnverifiedCircuitKey::from_bytes(&bytes).unwrap();
    assert!(read.verify(&other, &relation(2), &mut rng()).unwrap_err().to_string().contains("other powers"));
    assert!(contributed(2).finalize().unwrap().into_points(&relation(1)).is_err());
}

#[test]
fn repro_powers_to_which_nobody_contributed_are_refused_by_whoever_verifies_and_not_by_who_starts_alone() {
    let read = UnverifiedCircuitKey::from_bytes(&contributed(2).to_bytes().unwrap()).unwrap();
    let why = read.verify(&Powers::new(6).unwrap(), &relation(2), &mut rng()).unwrap_err().to_string();
    assert!(why.contains("nobody has contributed to them yet"), "{why}");
}

#[test]
fn a_point_outside_the_subgroup_is_refused() {
    let bytes = contributed(2).to_bytes().unwrap();
    let tail = (63 + 2 + (relation(2).wires() - 4)) * 64;
    let mut changed = bytes.clone();
    let place = bytes.len() - tail - 128;
    outside_the_subgroup().serialize_uncompressed(&mut changed[place..place + 128]).unwrap();
    assert!(UnverifiedCircuitKey::from_bytes(&changed).is_err());
}

#[test]
fn a_truncated_or_longer_file_is_refused() {
    let bytes = contributed(2).to_bytes().unwrap();
    for length in [0, 20, 60, 400, bytes.len() - 1] {
        assert!(UnverifiedCircuitKey::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(UnverifiedCircuitKey::from_bytes(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn a_key_or_powers_without_a_secret_are_of_no_use() {
    let beacon = || Beacon::new(b"block 1".to_vec(), 1).unwrap();
    assert!(CircuitKey::start(&Powers::new(6).unwrap().beacon(beacon()).unwrap(), &relation(2)).is_err());
    let key = CircuitKey::start(&powers(), &relation(2)).unwrap();
    assert!(key.clone().finalize().is_err());
    assert!(key.beacon(beacon()).unwrap().finalize().is_err());
}

#[test]
fn a_circuit_larger_than_the_powers_is_refused_and_larger_powers_serve() {
    let small = Powers::new(5).unwrap().contribute(name("a"), &mut rng()).unwrap();
    assert!(CircuitKey::start(&small, &relation(2)).unwrap_err().to_string().contains("rows"));
    let large = Powers::new(7).unwrap().contribute(name("a"), &mut rng()).unwrap();
    let bytes = CircuitKey::start(&large, &relation(2)).unwrap().to_bytes().unwrap();
    UnverifiedCircuitKey::from_bytes(&bytes).unwrap().verify(&large, &relation(2), &mut rng()).unwrap();
}
