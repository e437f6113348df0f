//! Files of snarkjs read, written back, verified and refused.

use ark_bn254::{Fq, G2Affine};
use ark_ff::PrimeField;
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::*;
use crate::eligibility::{
    prove,
    tests::{Sound, key, sound},
};

const KEY: &str = include_str!("../../../../tests/data/groth16/mycircuit/verification_key.json");
const OTHER_KEY: &str = include_str!("../../../../tests/data/groth16/rapidsnark_verification_key.json");
const CASES: &str = include_str!("../../../../tests/data/groth16/mycircuit/snarkjs_proof_cases.json");

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    proof: Value,
    public_signals: Value,
    expect: bool,
    #[serde(rename = "solidity_calldata")]
    calldata: Option<String>,
}

fn read<File: DeserializeOwned, Checked>(file: &Value) -> Result<Checked, String>
where
    for<'a> Checked: TryFrom<&'a File, Error = Error>,
{
    let file = File::deserialize(file).map_err(|error| error.to_string())?;
    Checked::try_from(&file).map_err(|error| error.to_string())
}

fn read_key(file: &Value) -> Result<Groth16Key, String> {
    read::<SnarkjsKey, _>(file)
}

fn read_proof(file: &Value) -> Result<Groth16Proof, String> {
    read::<SnarkjsProof, _>(file)
}

fn read_signals(file: &Value) -> Result<PublicSignals, String> {
    read::<SnarkjsSignals, _>(file)
}

/// What [`Groth16Key::verify`] says of files.
fn verify(key: &Value, proof: &Value, signals: &Value) -> Result<VerifiedSignals, String> {
    read_key(key)?.verify(read_signals(signals)?, &read_proof(proof)?).map_err(|error| error.to_string())
}

fn parse(file: &str) -> Value {
    serde_json::from_str(file).unwrap()
}

/// The first foreign proof, which holds, with its public inputs.
fn foreign() -> (Value, Value) {
    let Cases { cases } = serde_json::from_str(CASES).unwrap();
    let first = cases.into_iter().next().unwrap();
    (first.proof, first.public_signals)
}

/// The key, proof and public inputs of this project's own statement.
pub(super) fn exported(seed: u64) -> (Groth16Key, Groth16Proof, PublicSignals) {
    let Sound { terms, instance, witness } = sound();
    let proof = prove(key(), &terms, &instance, &witness, &mut StdRng::seed_from_u64(seed)).unwrap();
    let signals = PublicSignals::new(&terms, &instance).unwrap();
    (key().verifying_key().into(), Groth16Proof::try_from(&proof).unwrap(), signals)
}

/// A point of the twist outside the subgroup that proofs use.
pub(super) fn outside_subgroup() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(x.into(), false))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

#[test]
fn foreign_proofs_verify_or_are_refused_as_snarkjs_said() {
    let Cases { cases } = serde_json::from_str(CASES).unwrap();
    for case in &cases {
        let outcome = verify(&parse(KEY), &case.proof, &case.public_signals);
        assert_eq!(outcome.is_ok(), case.expect, "{outcome:?}");
    }
    assert_eq!(cases.iter().filter(|case| case.expect).count(), 3);
    assert_eq!(cases.iter().filter(|case| !case.expect).count(), 6);
}

#[test]
fn foreign_files_are_written_back_as_they_were_read() {
    for file in [KEY, OTHER_KEY].map(parse) {
        let key = read_key(&file).unwrap();
        assert_eq!(serde_json::to_value(SnarkjsKey::from(&key)).unwrap(), file);
    }
    let (proof, signals) = foreign();
    assert_eq!(serde_json::to_value(SnarkjsProof::from(&read_proof(&proof).unwrap())).unwrap(), proof);
    assert_eq!(serde_json::to_value(SnarkjsSignals::from(&read_signals(&signals).unwrap())).unwrap(), signals);
}

#[test]
fn calldata_agrees_with_that_of_snarkjs() {
    let Cases { cases } = serde_json::from_str(CASES).unwrap();
    let with_calldata: Vec<_> = cases.iter().filter_map(|case| Some((case, case.calldata.as_ref()?))).collect();
    assert_eq!(with_calldata.len(), 3);
    for (case, text) in with_calldata {
        let words: String = text.split("0x").skip(1).map(|word| &word[..64]).collect();
        let ours = calldata(&read_proof(&case.proof).unwrap(), &read_signals(&case.public_signals).unwrap());
        assert_eq!(hex::encode(&ours[4..]), words);
        // The selector of verifyProof with one public input, as compilers compute it.
        assert_eq!(ours[..4], [0x43, 0x75, 0x3b, 0x4d]);
    }
}

#[test]
fn the_exported_key_proof_and_inputs_verify_when_read_back() {
    let (key, proof, signals) = exported(1);
    let files = [
        serde_json::to_value(SnarkjsKey::from(&key)).unwrap(),
        serde_json::to_value(SnarkjsProof::from(&proof)).unwrap(),
        serde_json::to_value(SnarkjsSignals::from(&signals)).unwrap(),
    ];
    let [key, proof, inputs] = &files;
    assert_eq!(verify(key, proof, inputs).unwrap().signals(), &signals);

    let altered = Value::from_iter(inputs.as_array().unwrap().iter().rev().cloned());
    assert!(verify(key, proof, &altered).is_err());
}

#[test]
fn a_list_of_inputs_that_is_too_short_or_too_long_is_refused() {
    let Cases { cases } = serde_json::from_str(CASES).unwrap();
    let of_zero = cases.into_iter().find(|case| case.expect && case.public_signals == json!(["0"])).unwrap();
    // The library below takes a longer list, and a shorter one when what is missing is zero.
    for signals in [json!([]), json!(["0", "0"]), json!(["0", "33"])] {
        let refused = verify(&parse(KEY), &of_zero.proof, &signals).unwrap_err();
        assert!(refused.contains("the key takes 1"), "{refused}");
    }
}

#[test]
fn a_number_has_one_spelling() {
    let modulus = Fr::MODULUS.to_string();
    let long = "0".repeat(1 << 20);
    for text in ["", "-33", "+33", "033", "3_3", "0x21", " 33", "33 ", "3e1", &modulus, &long] {
        assert!(read_signals(&json!([text])).is_err(), "{text:?}");
    }
    for text in ["0", "33", &(-Fr::from(1)).to_string()] {
        assert!(read_signals(&json!([text])).is_ok(), "{text:?}");
    }
    assert!(read_signals(&json!([33])).is_err(), "snarkjs writes text");
    assert!(read_signals(&json!(vec!["0"; FOREIGN_INPUTS_MAX + 1])).is_err());
}

#[test]
fn points_off_the_curve_outside_the_subgroup_or_not_normalized_are_refused() {
    let (proof, _) = foreign();
    let base_modulus = Fq::MODULUS.to_string();
    let stranger = outside_subgroup();
    let stranger_file = SnarkjsProof::from(&Groth16Proof(Proof { b: stranger, ..read_proof(&proof).unwrap().0 }));
    let alterations = [
        ("/pi_a/0", json!("1")),
        ("/pi_a/0", json!(base_modulus)),
        ("/pi_a/2", json!("2")),
        ("/pi_a/2", json!("0")),
        ("/pi_a", json!(["1", "2"])),
        ("/pi_b/0/0", json!("1")),
        ("/pi_b/2", json!(["0", "1"])),
        ("/pi_b", serde_json::to_value(stranger_file).unwrap()["pi_b"].clone()),
        ("/pi_c/1", json!("1")),
        ("/protocol", json!("plonk")),
        ("/curve", json!("bls12381")),
    ];
    for (place, value) in alterations {
        let mut altered = proof.clone();
        *altered.pointer_mut(place).unwrap() = value;
        assert!(read_proof(&altered).is_err(), "{place}");
    }
    let infinity = SnarkjsProof::from(&Groth16Proof(Proof::default()));
    assert_eq!(read_proof(&serde_json::to_value(&infinity).unwrap()), Ok(Groth16Proof(Proof::default())));
}

#[test]
fn a_key_that_contradicts_itself_is_refused() {
    let file = parse(KEY);
    let element = file["IC"][1].clone();
    let alterations = [
        ("/nPublic", json!(0)),
        ("/nPublic", json!(2)),
        ("/nPublic", json!(u64::MAX)),
        ("/IC", json!([])),
        ("/IC", json!([element.clone()])),
        ("/IC", json!([element.clone(), element.clone(), element])),
        ("/IC/1/0", json!("1")),
        ("/vk_alpha_1", json!(["0", "1", "0"])),
        ("/vk_delta_2", json!([["0", "0"], ["1", "0"], ["0", "0"]])),
        ("/vk_gamma_2/1/1", json!("0")),
        ("/vk_alphabeta_12/0/0/0", json!("1")),
        ("/curve", json!("bls12381")),
    ];
    for (place, value) in alterations {
        let mut altered = file.clone();
        *altered.pointer_mut(place).unwrap() = value;
        assert!(read_key(&altered).is_err(), "{place}");
    }
    let mut unknown = file;
    unknown["vk_epsilon"] = json!(1);
    assert!(read_key(&unknown).is_err());
}

/// Writes what `tests/export/run` gives to other programs: `verification_key.json`, `proof.json`, `public.json`, and the
/// contract with a call. Run by that script alone, with the folder in `LOCUS_EXPORT_DIR`.
#[test]
#[ignore = "writes files for tests/export/run"]
fn write_the_files_for_other_verifiers() {
    let folder = std::path::PathBuf::from(std::env::var("LOCUS_EXPORT_DIR").expect("LOCUS_EXPORT_DIR names a folder"));
    let (groth16, proof, signals) = exported(3);
    let files = [
        ("verification_key.json", serde_json::to_string_pretty(&SnarkjsKey::from(&groth16)).unwrap()),
        ("proof.json", serde_json::to_string_pretty(&SnarkjsProof::from(&proof)).unwrap()),
        ("public.json", serde_json::to_string_pretty(&SnarkjsSignals::from(&signals)).unwrap()),
        ("EligibilityVerifier.sol", solidity_verifier(key().verifying_key())),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    assert!(groth16.verify(signals, &proof).is_ok());
}
