//! The set-up ceremony through the `locus` binary: contributors hand files on, and everybody verifies them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::network::{Place, ask, certify, new_key, true_slots};

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

/// The whole ceremony of one circuit's key.
fn key(ceremony: &Ceremony, circuit: &str) -> Value {
    let run = |words: &str| ceremony.done(&words.replace("CIRCUIT", circuit));
    let started = run("phase2 start CIRCUIT --powers 1.powers --out 0.key");
    assert_eq!(started["has_secret"], false);
    let finalize = "phase2 finalize CIRCUIT --powers 1.powers --out CIRCUIT.key --verifying-key CIRCUIT.json";
    let finalize = finalize.replace("CIRCUIT", circuit);
    assert!(ceremony.refused(&format!("{finalize} 0.key")).contains("nobody has contributed"));
    run("phase2 contribute CIRCUIT 0.key --powers 1.powers --name Bob --out 1.key");
    let last = run("phase2 beacon CIRCUIT 1.key --powers 1.powers --value 00ff --out 2.key");
    assert_eq!(run("phase2 verify CIRCUIT 2.key --powers 1.powers"), last);
    let finished = ceremony.done(&format!("{finalize} 2.key"));
    let verifying: Value =
        serde_json::from_slice(&fs::read(ceremony.path(&format!("{circuit}.json"))).unwrap()).unwrap();
    assert_eq!(verifying["origin"], "ceremony");
    finished
}

#[test]
#[ignore = "a quarter of an hour at full size: cargo test --release --test integration -- --ignored whole_ceremony"]
fn a_network_on_the_keys_of_a_whole_ceremony_answers_a_query() {
    let ceremony = Ceremony::new();
    ceremony.done("powers new --log2-size 16 --out 0.powers");
    ceremony.done("powers contribute 0.powers --name Alice --out 1.powers");
    let [screening, proving] = ["eligibility", "contribution"].map(|circuit| key(&ceremony, circuit));

    let mut place = Place::new();
    let researcher = new_key(&place, "researcher", "researcher");
    let hospitals = ["hospital-a", "hospital-b"].map(|name| new_key(&place, "issuer", name));
    new_key(&place, "custodian", "custodian");
    let balance = format!("{researcher}=1000000");
    let init = ["network", "init", "after a ceremony", "--balance", &balance, "--epoch-blocks", "8"];
    let quick = ["--exact-floor", "2", "--early-sealing", "--block-seconds", "0"];
    let file = |name: &str| ceremony.path(name).to_str().unwrap().to_owned();
    let [key, verifying, eligibility] = ["contribution.key", "contribution.json", "eligibility.json"].map(file);
    let keys = ["--proving-key", &key, "--contribution-key", &verifying, "--eligibility-key", &eligibility];
    place.locus(&[&init[..], &quick, &keys].concat());
    let node = place.serve(&["serve", "--listen", "127.0.0.1:0", "--heartbeat", "1"]);
    place.url = Some(node.url.clone());
    let members: Vec<_> = (0..4).map(|index| place.member(index)).collect();
    for (hospital, name) in hospitals.iter().zip(["Hospital A", "Hospital B"]) {
        place.locus(&["govern", "accredit-issuer", hospital, "--name", name]);
    }
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Researcher"]);
    place.until(&["committee", "show"], |shown| shown["committee"]["stage"]["stage"] == "active");
    let query = ask(&place, &certify(&place));
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    place.locus(&["agent", "run", "--wallets", "wallets", "--custodian", "custodian.key", "--members", &urls]);
    place.locus(&["query", "seal", &query, "--key", "researcher.key"]);
    place.locus(&["aggregate", &query, "--members", &urls, "--key", "researcher.key"]);
    place.until(&["query", "show", &query], |shown| shown["state"]["status"]["stage"] == "released");
    let result = place.locus(&["result", &query, "--key", "researcher.key", "--receipt", "receipt.json"]);
    assert_eq!(result["slots"][0], true_slots());
    place.url = None;
    let verified = place.locus(&["verify", "receipt.json"]);
    assert_eq!((&verified["records"], &verified["proving_key"]), (&Value::from(2), &Value::from("ceremony")));
    assert!(screening["verifying_key"].is_string() && proving["verifying_key"].is_string());
}
