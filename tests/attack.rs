//! `locus demo --attack`: every attack is carried out, each is refused by the party that must, and the honest result
//! stands.

use std::{
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    Command::new(env!("CARGO_BIN_EXE_locus"))
        .args([&["--data-dir", dir, "demo", "--people", "2"], arguments].concat())
        .output()
        .unwrap()
}

/// One demo in which one attack follows the other.
fn all() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| {
        let output = demo(&["--attack", "all", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// Attack, who refuses an attempt, and a part of the refusal's text; every attempt in order.
const REFUSALS: [(&str, &str, &str); 33] = [
    ("poison", "committee", "c0 is"),
    ("poison", "ledger", "availability receipt: the signature"),
    ("replace-ciphertext", "committee", "c0 is"),
    ("replace-ciphertext", "committee", "c0 is"),
    ("wrong-opening", "committee", "the contribution proof does not verify"),
    ("replay", "ledger", "availability receipt: the signature"),
    ("replay", "committee", "c0 is"),
    ("replay", "committee", "the contribution proof does not verify"),
    ("twice", "ledger", "a record contributes once"),
    ("outside", "proof_system", "Criteria"),
    ("outside", "committee", "the contribution proof does not verify"),
    ("other-query", "committee", "the contribution proof does not verify"),
    ("other-window", "committee", "the contribution proof does not verify"),
    ("other-layout", "committee", "the contribution proof does not verify"),
    ("other-chain", "committee", "the contribution proof does not verify"),
    ("wrong-record", "committee", "c0 is"),
    ("wrong-record", "committee", "the contribution proof does not verify"),
    ("wrong-cell", "committee", "c0 is"),
    ("wrong-cell", "committee", "the contribution proof does not verify"),
    ("double", "committee", "c0 is"),
    ("double", "committee", "the contribution proof does not verify"),
    ("long-error", "committee", "c0 is"),
    ("long-error", "committee", "the contribution proof does not verify"),
    ("wide-randomness", "committee", "c0 is"),
    ("wide-randomness", "committee", "the contribution proof does not verify"),
    ("not-matching", "proof_system", "not the encryption of this plaintext"),
    ("not-matching", "committee", "c0 is"),
    ("not-matching", "committee", "the contribution proof does not verify"),
    ("not-matching", "committee", "the contribution proof does not verify"),
    ("other-key", "committee", "the contribution proof does not verify"),
    ("own-nullifier", "committee", "the contribution proof does not verify"),
    ("revoked", "ledger", "the latest epoch root"),
    ("revoked", "committee", "the contribution proof does not verify"),
];

#[test]
fn every_attack_is_refused_by_the_party_that_must_and_says_why() {
    let attempts = all()["attack"]["attempts"].as_array().unwrap();
    for (attempt, (attack, refuser, text)) in attempts.iter().zip(REFUSALS) {
        assert_eq!((&attempt["attack"], &attempt["refused_by"]), (&attack.into(), &refuser.into()), "{attempt}");
        assert!(attempt["error"].as_str().unwrap().contains(text), "{attempt}");
    }
    assert_eq!(attempts.len(), REFUSALS.len());
}

#[test]
fn the_honest_result_stands_whatever_was_tried() {
    let report = all();
    assert_eq!((&report["admitted"], &report["matches"]), (&2.into(), &true.into()));
    assert_eq!(report["agreement"]["different"], 0);
    assert!(report["agreement"]["sums"].as_u64().unwrap() > 3_000);
}

#[test]
fn one_attack_is_told_in_words() {
    let output = demo(&["--attack", "replay"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for expected in ["attack replay", "refused by the ledger", "refused by the committee", "equals the truth"] {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
}

#[test]
fn an_attack_nobody_knows_is_refused_with_those_known() {
    let message = String::from_utf8(demo(&["--attack", "bribe"]).stderr).unwrap();
    for attack in REFUSALS.map(|(attack, ..)| attack) {
        assert!(message.contains(attack), "{attack} is not listed: {message}");
    }
}
