//! The `locus` command line as people meet it first: what it says when something is amiss.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// Runs a command in a folder, with a passphrase and without any network's variables.
pub fn locus(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env("LOCUS_PASSPHRASE", "three random words");
    for variable in ["LOCUS_URL", "LOCUS_DATA_DIR"] {
        command.env_remove(variable);
    }
    command
}

/// What a command that fails says; with --json the same in one object.
pub fn refusal(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn accepted(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn repro_with_json_a_failure_is_one_object_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let refused: [&[&str]; 3] =
        [&["--json", "network", "show"], &["--json", "keys", "show", "absent.key"], &["verify", "--json"]];
    for arguments in refused {
        let output = locus(folder.path(), arguments);
        let said = refusal(&output);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = object["error"].as_str().unwrap();
        assert!(error.len() > 20 && object.as_object().unwrap().len() == 1, "{arguments:?}: {object}");
        assert!(said.contains(&error[..20]), "{arguments:?}: {said} and {error}");
    }
    let plain = locus(folder.path(), &["network", "show"]);
    assert!(refusal(&plain).contains("locus network init") && plain.stdout.is_empty());
}

#[test]
fn repro_a_key_file_of_the_wrong_role_names_both_roles_and_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    accepted(&locus(folder.path(), &["keys", "new", "issuer", "hospital.key"]));
    accepted(&locus(folder.path(), &["network", "init", "ours"]));
    let zero = "00".repeat(32);
    let said = refusal(&locus(folder.path(), &["govern", "accredit-issuer", &zero, "--key", "hospital.key"]));
    assert!(said.contains("role issuer") && said.contains("role governor") && !said.contains("backup"), "{said}");
    let shown = accepted(&locus(folder.path(), &["keys", "show", "hospital.key"]));
    assert!(shown.starts_with("issuer account"), "{shown}");
}

#[test]
fn a_key_file_is_not_overwritten_and_opens_with_its_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    accepted(&locus(folder.path(), &["keys", "new", "issuer", "hospital.key"]));
    let before = fs::read(folder.path().join("hospital.key")).unwrap();
    let said = refusal(&locus(folder.path(), &["keys", "new", "issuer", "hospital.key"]));
    assert!(said.contains("not overwritten"), "{said}");
    assert_eq!(fs::read(folder.path().join("hospital.key")).unwrap(), before);
    let show = ["keys", "show", "hospital.key"];
    let wrong = command(folder.path(), &show).env("LOCUS_PASSPHRASE", "other words").output().unwrap();
    assert!(refusal(&wrong).contains("the one it was written with"));
    let none = command(folder.path(), &show).env_remove("LOCUS_PASSPHRASE").output().unwrap();
    assert!(refusal(&none).contains("LOCUS_PASSPHRASE"));
}

#[test]
fn repro_an_empty_address_is_none() {
    let folder = tempfile::tempdir().unwrap();
    accepted(&locus(folder.path(), &["network", "init", "ours"]));
    let head = command(folder.path(), &["ledger", "head"]).env("LOCUS_URL", "").output().unwrap();
    assert!(accepted(&head).starts_with("height 0"));
}

#[test]
fn repro_a_refused_network_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let said = refusal(&locus(folder.path(), &["network", "init", "ours", "--exact-floor", "0"]));
    assert!(said.contains("exact_floor"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn repro_what_is_public_may_be_read_by_others_and_keys_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    accepted(&locus(folder.path(), &["network", "init", "ours"]));
    let mode = |name: &str| fs::metadata(folder.path().join(".locus").join(name)).unwrap().permissions().mode();
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let usual = fs::metadata(plain).unwrap().permissions().mode();
    assert_eq!((mode("genesis.json"), mode("proving.key")), (usual, usual));
    assert_eq!(mode("keys/governor.key") & 0o077, 0);
}

#[test]
fn repro_a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    accepted(&locus(folder.path(), &["network", "init", "ours"]));
    let mut process = command(folder.path(), &["network", "show", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(process.wait().unwrap().success(), "{said}");
    assert_eq!(said, "");
}

/// A verifying key's file, as if a ceremony had made the key. Only its origin differs from a seeded key's.
fn as_of_ceremony(path: &Path, key: &impl serde::Serialize) {
    fs::write(path, serde_json::to_string(key).unwrap().replace("insecure_seed", "ceremony")).unwrap();
}

#[test]
fn a_consortium_is_founded_on_the_keys_of_a_ceremony_and_on_nothing_less() {
    use circuits::{contribution, eligibility};
    let folder = tempfile::tempdir().unwrap();
    let proving = contribution::insecure_proving_key_from_seed([1; 32]).unwrap();
    let screening = eligibility::insecure_proving_key_from_seed([1; 32]).unwrap();
    fs::write(folder.path().join("proving.key"), proving.to_bytes().unwrap()).unwrap();
    as_of_ceremony(&folder.path().join("contribution.json"), proving.verifying_key());
    as_of_ceremony(&folder.path().join("eligibility.json"), screening.verifying_key());
    fs::write(folder.path().join("seeded.json"), serde_json::to_string(proving.verifying_key()).unwrap()).unwrap();

    let init = |contribution: &str, more: &[&str]| {
        let keys = ["--proving-key", "proving.key", "--eligibility-key", "eligibility.json", "--contribution-key"];
        locus(folder.path(), &[&["--json", "network", "init", "ours"], &keys[..], &[contribution], more].concat())
    };
    assert!(refusal(&init("seeded.json", &[])).contains("comes from a seed"));
    assert!(refusal(&init("eligibility.json", &[])).contains("contribution key"));
    assert!(refusal(&init("contribution.json", &["--consortium", "--exact-groups"])).contains("exact_groups_allowed"));
    assert!(refusal(&locus(folder.path(), &["network", "init", "ours", "--consortium"])).contains("--proving-key"));
    assert!(!folder.path().join(".locus").join("genesis.json").exists(), "a refused network leaves nothing behind");

    let founded: Value = serde_json::from_str(&accepted(&init("contribution.json", &["--consortium"]))).unwrap();
    assert_eq!(founded["genesis"]["network"], "consortium");
    assert_eq!(founded["genesis"]["contribution"]["origin"], "ceremony");
}

/// The schema, the table and the report of the guide's example (docs/guide/records.md).
#[test]
fn clinical_files_become_a_table_of_attributes_with_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let path = |path: &str| data.join(path).display().to_string();
    let example = accepted(&locus(folder.path(), &["schema", "mapping", "--example"]));
    fs::write(folder.path().join("mapping.toml"), &example).unwrap();
    let described = accepted(&locus(folder.path(), &["--json", "schema", "mapping", "--json-schema"]));
    assert!(serde_json::from_str::<Value>(&described).unwrap()["properties"]["attribute"].is_object());
    let (vcf, bundles) = (path("demo/genomes.vcf"), path("clinical/synthea"));
    let derive = ["schema", "derive", "Clinic", "--vcf", &vcf, "--mapping", "mapping.toml", "--out", "clinic"];
    accepted(&locus(folder.path(), &derive));
    let to = ["--schema", "clinic/schema.json", "--mapping", "mapping.toml", "--out", "attributes.csv"];
    let convert = |more: &[&str]| locus(folder.path(), &[&["record", "convert"], &to[..], more].concat());
    let said = accepted(&convert(&[&bundles, "--on", "2020-01-01", "--report", "report.json"]));
    assert!(said.contains("3 people on 2020-01-01"), "{said}");
    let table = fs::read_to_string(folder.path().join("attributes.csv")).unwrap();
    let header = "sample,age,sex,hypertension,hypertension_onset,seizures,hba1c,cholesterol,systolic,smoking";
    assert_eq!((table.lines().next(), table.lines().count()), (Some(header), 4));
    assert!(table.contains("e4531916-b162-4f4b-90c2-ce37e132b8d4,31,1,0,,,,5,124,0"), "{table}");
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["people"].as_array().unwrap().len(), 3);
    let earlier = accepted(&convert(&[&bundles, "--on", "2015-01-01", "--json"]));
    let earlier: Value = serde_json::from_str(&earlier).unwrap();
    assert_eq!((&earlier["on"], &earlier["totals"]["people"]), (&"2015-01-01".into(), &3.into()));
    fs::write(folder.path().join("cut.json"), "{\"resourceType\":").unwrap();
    let refused = refusal(&convert(&["cut.json", "--report", "none.json"]));
    assert!(refused.contains("cut.json, line 1") && !folder.path().join("none.json").exists(), "{refused}");
    assert!(refusal(&convert(&[&bundles, "--on", "soon"])).contains("YYYY-MM-DD"));
}

#[test]
fn repro_a_wallet_that_a_custodian_protects_is_opened_for_licences_with_the_custodians_key() {
    let folder = tempfile::tempdir().unwrap();
    let (licence, account) = ("00".repeat(32), "11".repeat(32));
    let wallet = ["--wallet", "ada.wallet", "--wallet-custodian", "custodian.key", "--yes"];
    let ways: [&[&str]; 4] = [
        &["licence", "decline", &licence],
        &["licence", "revoke", &licence],
        &["licence", "withdraw", &licence],
        &["account", "transfer", &account, "5"],
    ];
    for way in ways {
        let said = refusal(&locus(folder.path(), &[way, &wallet[..]].concat()));
        assert!(said.contains("custodian.key"), "{said}");
        let alone = refusal(&locus(folder.path(), &[way, &wallet[2..]].concat()));
        assert!(alone.contains("required arguments were not provided"), "{alone}");
    }
}

#[test]
fn repro_records_are_certified_from_a_table_or_from_clinical_files_and_never_from_half_of_either() {
    let folder = tempfile::tempdir().unwrap();
    let schema = "00".repeat(32);
    let certify = ["record", "certify", "--vcf", "a.vcf", "--schema", &schema, "--key", "issuer.key"];
    let certify = [&certify[..], &["--consent", "consent.json", "--wallets", "wallets"]].concat();
    let said = |more: &[&str]| refusal(&locus(folder.path(), &[&certify[..], more].concat()));
    let parsed: [&[&str]; 3] =
        [&[], &["--attributes", "a.csv"], &["--clinical", "a.json", "--mapping", "a.toml", "--on", "2026-01-01"]];
    for more in parsed {
        assert!(said(more).contains("locus network init"), "{}", said(more));
    }
    assert!(said(&["--clinical", "a.json"]).contains("--mapping"));
    assert!(said(&["--attributes", "a.csv", "--on", "2026-01-01"]).contains("--mapping"));
}

#[test]
fn logs_are_objects_for_programs_where_that_is_asked_for() {
    let logged = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_locus"))
            .env("RUST_LOG", "debug")
            .env("LOCUS_LOG_FORMAT", format)
            .args(["node", "status", "--url", "http://127.0.0.1:9"])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let text = logged("json");
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.iter().any(|line| line["level"] == "DEBUG" && line["fields"]["message"].is_string()), "{text}");
    assert!(logged("").contains(" DEBUG ") && !logged("").contains("\"level\""));
}
