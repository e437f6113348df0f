//! The set-up ceremony through the `locus` binary: contributors hand files on, and everybody verifies them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// The folder that the contributors share.
struct Ceremony(tempfile::TempDir);

impl Ceremony {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        let arguments = arguments.split_whitespace();
        command.current_dir(self.0.path()).args(["--json", "ceremony"]).args(arguments);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// A command that succeeds and prints one JSON object.
    fn done(&self, arguments: &str) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that fails says.
    fn refused(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn powers_pass_from_hand_to_hand_and_verify_at_the_end() {
    let ceremony = Ceremony::new();
    let new = ceremony.done("powers new --log2-size 4 --out 0.powers");
    assert_eq!((&new["has_secret"], &new["log2_size"]), (&Value::Bool(false), &Value::from(4)));
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    let second = ceremony.done("powers contribute 1.powers --name Bob --out 2.powers");
    let last = ceremony.done("powers beacon 2.powers --value 00ff --log2-iterations 3 --out 3.powers");
    assert_ne!(second["digest"], last["digest"]);
    let verified = ceremony.done("powers verify 3.powers");
    assert_eq!(verified, last);
    assert_eq!(verified["contributors"][1]["person"], "Bob");
    assert_eq!(verified["has_secret"], true);
    assert!(ceremony.refused("powers contribute 3.powers --name Late --out 4.powers").contains("beacon"));
}

#[test]
fn a_file_changed_on_the_way_is_refused_and_nothing_is_overwritten() {
    let ceremony = Ceremony::new();
    ceremony.done("powers new --log2-size 3 --out 0.powers");
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    let before = fs::read(ceremony.path("1.powers")).unwrap();
    let said = ceremony.refused("powers contribute 0.powers --name Mallory --out 1.powers");
    assert!(said.contains("exists"), "{said}");
    assert_eq!(fs::read(ceremony.path("1.powers")).unwrap(), before);

    for place in [3, 60, before.len() / 2, before.len() - 1] {
        let mut changed = before.clone();
        changed[place] ^= 1;
        fs::write(ceremony.path("changed"), changed).unwrap();
        ceremony.refused("powers verify changed");
        ceremony.refused("powers contribute changed --name Bob --out 2.powers");
    }
    assert!(!ceremony.path("2.powers").exists());
    assert!(ceremony.refused("powers verify absent").contains("absent"));
}

#[test]
fn a_snarkjs_file_is_imported_and_carried_on() {
    let ceremony = Ceremony::new();
    let ptau = include_bytes!("data/ptau/bn128_7.ptau");
    fs::write(ceremony.path("snarkjs.ptau"), ptau).unwrap();
    let imported = ceremony.done("powers import snarkjs.ptau --log2-size 5 --out 0.powers");
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(ptau));
    assert_eq!(imported["base"]["imported"], digest);
    assert_eq!(imported["has_secret"], true);
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    assert_eq!(ceremony.done("powers verify 1.powers")["base"]["imported"], digest);
    fs::write(ceremony.path("short.ptau"), &ptau[..ptau.len() / 2]).unwrap();
    assert!(ceremony.refused("powers import short.ptau --log2-size 5 --out 2.powers").contains(".ptau"));
}

#[test]
fn a_key_needs_enough_powers_with_a_secret_in_them() {
    let ceremony = Ceremony::new();
    ceremony.done("powers new --log2-size 4 --out 0.powers");
    let start = "phase2 start eligibility --out 0.key --powers";
    assert!(ceremony.refused(&format!("{start} 0.powers")).contains("nobody has contributed"));
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    assert!(ceremony.refused(&format!("{start} 1.powers")).contains("16384"));
    assert!(!ceremony.path("0.key").exists());
    fs::write(ceremony.path("no.key"), "no key").unwrap();
    let said = ceremony.refused("phase2 verify eligibility no.key --powers 1.powers");
    assert!(said.contains("ceremony key is malformed"), "{said}");
}

#[test]
#[ignore = "minutes at full size: cargo test --release -p web --test integration -- --ignored whole_ceremony"]
fn a_whole_ceremony_makes_a_key_of_origin_ceremony() {
    let ceremony = Ceremony::new();
    ceremony.done("powers new --log2-size 14 --out 0.powers");
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    let started = ceremony.done("phase2 start eligibility --powers 1.powers --out 0.key");
    assert_eq!(started["has_secret"], false);
    let finalize = "phase2 finalize eligibility --powers 1.powers --out proving.key --verifying-key verifying.json";
    assert!(ceremony.refused(&format!("{finalize} 0.key")).contains("nobody has contributed"));
    ceremony.done("phase2 contribute eligibility 0.key --powers 1.powers --name Bob --out 1.key");
    let last = ceremony.done("phase2 beacon eligibility 1.key --powers 1.powers --value 00ff --out 2.key");
    assert_eq!(ceremony.done("phase2 verify eligibility 2.key --powers 1.powers"), last);
    let finished = ceremony.done(&format!("{finalize} 2.key"));

    let verifying = fs::read(ceremony.path("verifying.json")).unwrap();
    let verifying: circuits::eligibility::VerifyingKey = serde_json::from_slice(&verifying).unwrap();
    assert_eq!(verifying.origin(), circuits::groth16::KeyOrigin::Ceremony);
    assert_eq!(finished["verifying_key"], verifying.id().to_string());
    let proving = fs::read(ceremony.path("proving.key")).unwrap();
    let proving = circuits::eligibility::ProvingKey::from_bytes(&proving, &verifying).unwrap();
    assert_eq!(proving.verifying_key(), &verifying);
}
