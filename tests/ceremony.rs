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
