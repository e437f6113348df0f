//! The main job through the `locus` binary: the demo, its receipt, and what is done to a receipt that someone altered.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

use circuits::eligibility::export::{Groth16Key, SnarkjsKey};
use market::wallet::{PartyKey, Protection, Role, Wallet};
use serde_json::Value;

use crate::api::agent;

fn locus(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_locus")).args(arguments).output().unwrap()
}

pub struct Played {
    folder: tempfile::TempDir,
    report: Value,
}

impl Played {
    pub fn receipt(&self) -> PathBuf {
        self.folder.path().join("demo/receipt.json")
    }
}

fn play(arguments: &[&str]) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap().to_owned();
    let output = locus(&[&["--data-dir", &dir, "demo", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Played { report: serde_json::from_slice(&output.stdout).unwrap(), folder }
}

/// One demo that several tests read.
pub fn eight() -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(|| play(&["--people", "8"]))
}

fn verify(receipt: &Path) -> Output {
    locus(&["verify", receipt.to_str().unwrap()])
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn eight_people_give_the_true_allele_frequencies_in_one_json_object() {
    let report = &eight().report;
    assert_eq!((report["people"].as_u64(), report["admitted"].as_u64()), (Some(8), Some(8)));
    assert_eq!(report["matches"], Value::Bool(true));
    let slots: Vec<&Value> =
        report["result"]["slots"].as_array().unwrap().iter().flat_map(|part| part.as_array().unwrap()).collect();
    let truth: Vec<&Value> = report["truth"][0][0].as_array().unwrap().iter().collect();
    assert_eq!(&slots[..truth.len()], truth, "three counts for each variant");
    assert!(truth.len() > 3_000);
    assert!(truth.iter().map(|count| count.as_u64().unwrap()).sum::<u64>() > 1_000, "the counts are not all zero");
    let proofs = report["proof_seconds"].as_array().unwrap();
    assert_eq!(proofs.len(), 16, "one for each of two parts");
    assert!(proofs.iter().all(|seconds| seconds.as_f64().unwrap() > 0.0));
    assert!(report["timings"].as_array().unwrap().iter().any(|stage| stage["stage"] == "contribute"));
    assert!(!report["declined"].as_array().unwrap().is_empty(), "somebody declines");
}

#[test]
fn repro_a_demo_that_was_cut_off_took_the_earlier_result_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, demo) = (folder.path().to_str().unwrap(), folder.path().join("demo"));
    fs::create_dir_all(&demo).unwrap();
    fs::write(demo.join("locus-demo"), "an earlier one").unwrap();
    fs::write(demo.join("receipt.json"), "an earlier result").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.args(["--data-dir", dir, "demo", "--people", "2"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("found network")));
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(fs::read_to_string(demo.join("receipt.json")).unwrap(), "an earlier result");
    assert!(folder.path().join("demo.unfinished/ledger.redb").exists());

    let played = locus(&["--data-dir", dir, "demo", "--people", "2", "--json"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let report: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(report["receipt"], demo.join("receipt.json").to_str().unwrap());
    assert!(Path::new(report["result"]["figures"][0].as_str().unwrap()).starts_with(&demo));
    assert!(verify(&demo.join("receipt.json")).status.success());
    assert!(!folder.path().join("demo.unfinished").exists() && !folder.path().join("demo.replaced").exists());
}

#[test]
fn the_receipt_verifies_in_a_fresh_process_and_says_what_was_checked() {
    let output = verify(&eight().receipt());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("8 distinct certified records"), "{text}");
    for rule in ["R1", "R2", "R3", "R4", "R5", "R6", "R7"] {
        assert!(text.contains(rule), "{rule} is not reported");
    }
}

#[test]
fn repro_a_receipt_of_a_chain_that_anyone_could_found_is_shown_as_such() {
    let receipt = eight().receipt();
    let output = verify(&receipt);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("network: a demonstration") && text.contains("anybody can forge proofs"), "{text}");
    assert!(text.contains("The receipt holds. Anyone can found a chain") && text.contains("--chain"), "{text}");
    let chain = eight().report["chain"].as_str().unwrap();
    let output = locus(&["verify", receipt.to_str().unwrap(), "--chain", chain]);
    assert!(output.status.success() && output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("The receipt holds, and it is of the chain that you named."), "{text}");
    let output = locus(&["verify", receipt.to_str().unwrap(), "--json"]);
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verified["network"], &verified["proving_key"]), (&"demo".into(), &"insecure_seed".into()));
}

/// `locus export eligibility` of the receipt's network, in a form.
fn export(format: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (receipt, out) = (eight().receipt(), folder.path().to_str().unwrap());
    let receipt = receipt.to_str().unwrap();
    let output = locus(&["export", "eligibility", "--format", format, "--receipt", receipt, "--out", out, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

#[test]
fn the_demos_screening_key_leaves_as_snarkjs_reads_it() {
    let folder = export("snarkjs");
    let file = fs::read(folder.path().join("verification_key.json")).unwrap();
    let key = serde_json::from_slice::<SnarkjsKey>(&file).unwrap();
    assert!(Groth16Key::try_from(&key).is_ok());
}

#[test]
fn the_demos_screening_key_leaves_as_the_committed_contract() {
    let folder = export("solidity");
    let contract = fs::read_to_string(folder.path().join("EligibilityVerifier.sol")).unwrap();
    assert!(contract == include_str!("data/solidity/EligibilityVerifier.sol"));
}

#[test]
fn one_altered_count_fails() {
    let folder = tempfile::tempdir().unwrap();
    let mut receipt: Value = serde_json::from_slice(&fs::read(eight().receipt()).unwrap()).unwrap();
    let count = receipt["result"][0][2].as_u64().unwrap();
    receipt["result"][0][2] = (count + 1).into();
    let altered = folder.path().join("altered.json");
    fs::write(&altered, receipt.to_string()).unwrap();
    assert!(refusal(&verify(&altered)).contains("R7"));
}

#[test]
fn a_truncated_receipt_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(eight().receipt()).unwrap();
    let cut = folder.path().join("cut.json");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert!(refusal(&verify(&cut)).contains("it was cut or changed on the way"));
}

#[test]
fn a_receipt_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = play(&["--people", "2"]);
    let mut mixed: Value = serde_json::from_slice(&fs::read(eight().receipt()).unwrap()).unwrap();
    let foreign: Value = serde_json::from_slice(&fs::read(other.receipt()).unwrap()).unwrap();
    mixed["genesis"] = foreign["genesis"].clone();
    let path = folder.path().join("mixed.json");
    fs::write(&path, mixed.to_string()).unwrap();
    assert!(refusal(&verify(&path)).contains("chain"));

    let chain = other.report["chain"].as_str().unwrap();
    let output = locus(&["verify", eight().receipt().to_str().unwrap(), "--chain", chain]);
    assert!(refusal(&output).contains("not of"));
}

type Alteration = fn(&mut Value);

#[test]
fn each_kind_of_evidence_is_needed() {
    let whole: Value = serde_json::from_slice(&fs::read(eight().receipt()).unwrap()).unwrap();
    let alterations: [(&str, Alteration); 6] = [
        ("header", |receipt| drop(receipt.as_object_mut().unwrap().remove("header"))),
        ("contributions", |receipt| drop(receipt["contributions"].as_array_mut().unwrap().pop())),
        ("twice", |receipt| {
            let first = receipt["contributions"][0].clone();
            receipt["contributions"][1] = first;
        }),
        ("ciphertexts", |receipt| {
            receipt["contributions"][0]["ciphertexts"][0] = receipt["contributions"][1]["ciphertexts"][0].clone()
        }),
        ("components", |receipt| receipt["components"][0].as_array_mut().unwrap().swap(0, 1)),
        ("signatures", |receipt| drop(receipt["aggregate"]["signatures"].as_array_mut().unwrap().pop())),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, alter) in alterations {
        let mut receipt = whole.clone();
        alter(&mut receipt);
        let path = folder.path().join(format!("{name}.json"));
        fs::write(&path, receipt.to_string()).unwrap();
        assert!(!verify(&path).status.success(), "{name}");
    }
}

#[test]
fn a_larger_committee_gives_the_same_truth() {
    let report = play(&["--people", "2", "--committee", "3/5"]).report;
    assert_eq!(report["matches"], Value::Bool(true));
}

#[test]
fn a_file_of_ones_own_genomes_is_counted_truly() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().to_str().unwrap(), "../tests/data/demo/genomes.vcf");
    let output = locus(&["--data-dir", dir, "demo", "--vcf", file, "--people", "2", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["admitted"], &report["matches"]), (&2.into(), &true.into()));
    assert!(report["agreement"]["sums"].as_u64().unwrap() > 3_000);
}

#[test]
fn impossible_demos_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let alone = folder.path().join("alone.vcf");
    fs::write(&alone, "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\n22\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\n").unwrap();
    let alone = alone.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["--people", "0"], "--people: 0 asked; people with genomes: 100; ask 2 to 100"),
        (&["--people", "1"], "--people: 1 asked; people with genomes: 100; ask 2 to 100"),
        (&["--people", "101"], "101 asked; people with genomes: 100; ask 2 to 100"),
        (&["--people", "100", "--attack", "poison"], "ask 2 to 99 beside the dishonest one"),
        (&["--people", "99", "--query-file", "../docs/queries/count.toml"], "99 asked; people who meet the criteria: "),
        (
            &["--vcf", alone, "--people", "2"],
            "people with genomes: 1, and the demo takes 2 or more; give genomes of more",
        ),
        (&["--committee", "4/8"], "4"),
        (&["--vcf", "/nowhere.vcf"], "/nowhere.vcf"),
        // Before anything is proven, and not once the truth is wanted.
        (
            &["--vcf", "../tests/data/vcf_edge/htslib/vcf_file.bcf"],
            "vcf_file.bcf: the demo counts the truth from VCF text",
        ),
    ];
    for (arguments, expected) in cases {
        let message = refusal(&locus(&[&["--data-dir", dir, "demo"], arguments].concat()));
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    fs::create_dir_all(folder.path().join("demo")).unwrap();
    fs::write(folder.path().join("demo/precious"), "kept").unwrap();
    assert!(refusal(&locus(&["--data-dir", dir, "demo"])).contains("holds something else"));
    assert_eq!(fs::read_to_string(folder.path().join("demo/precious")).unwrap(), "kept");
}

/// A served demo, which ends with the test whatever becomes of that.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A page or a document: its status and its text.
fn read(url: &str, cookie: &str) -> (u16, String) {
    let asked = agent().get(url).header("accept", "text/html,*/*").header("cookie", cookie);
    let mut answer = asked.call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Uses a way in as a browser does, and returns the session's cookie.
fn enter(people_url: &str, link: &str) -> String {
    let config = ureq::Agent::config_builder().max_redirects(0).proxy(None).build();
    let browser: ureq::Agent = config.into();
    let answer = browser.post(link).header("origin", people_url).send_empty().unwrap();
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn a_served_demo_is_filled_for_everybody_says_what_to_open_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let process = Command::new(env!("CARGO_BIN_EXE_locus"))
        .args(["--json", "--data-dir", dir, "demo", "--people", "2", "--serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut serving = Serving(process);
    let lines = BufReader::new(serving.0.stdout.take().unwrap()).lines();
    let mut objects = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let (report, served) = (objects.next().unwrap(), objects.next().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (url, people_url) = (text(&served["url"]), text(&served["people_url"]));
    assert_ne!(url, people_url);

    // Every address of the tour answers: the node's to everybody, and people's own to nobody without a way in.
    let roles: Vec<&Value> = served["tour"].as_array().unwrap().iter().collect();
    assert_eq!(
        roles.iter().map(|part| part["role"].as_str().unwrap()).collect::<Vec<_>>(),
        ["researcher", "contributor", "sponsor", "auditor"]
    );
    let addresses = roles.iter().flat_map(|part| part["steps"].as_array().unwrap()).map(|step| text(&step["url"]));
    let addresses: Vec<String> = addresses.collect();
    assert!(addresses.len() >= 12, "{addresses:?}");
    for address in &addresses {
        // By the one name that passkeys work under, so that whoever goes from one to the next stays signed in.
        assert!(address.starts_with("http://localhost:"), "{address}");
        let (status, page) = read(address, "");
        let is_closed = address.starts_with(&people_url) && !address.contains("/in/");
        assert_eq!(status, if is_closed { 401 } else { 200 }, "{address}: {page}");
    }

    let screening = text(&report["screening"]["id"]);
    let (_, state) = read(&format!("{url}/v1/screenings/{screening}"), "");
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!((&state["eligible"], &state["invited"]), (&2.into(), &2.into()));
    let (_, page) = read(&format!("{url}/screenings/{screening}/verify"), "");
    assert!(
        page.contains("The receipt holds") && page.contains("<strong>2</strong> distinct certified records"),
        "{page}"
    );

    let links = served["links"].as_array().unwrap();
    let link = |person: &str| text(&links.iter().find(|link| link["wallet"] == person).unwrap()["url"]);
    let invited = text(&report["screening"]["responded"][0]);
    let cookie = enter(&people_url, &link(&invited));
    assert_eq!(objects.next().unwrap()["wallet"], invited.as_str(), "the next way in is printed");
    assert_eq!(read(&link(&invited), "").0, 404, "it works once");
    let (status, page) = read(&format!("{people_url}/invitations"), &cookie);
    assert!(status == 200 && page.contains("A trial of two visits"), "{page}");
    let declined = text(&report["declined"][0]["person"]);
    let cookie = enter(&people_url, &link(&declined));
    let (status, page) = read(&format!("{people_url}/asked"), &cookie);
    assert!(status == 200 && page.contains("Not answered"), "{page}");

    let pid = serving.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(serving.0.wait().unwrap().success(), "it did not end in order");
    for address in [&url, &people_url] {
        assert!(agent().get(address).call().is_err(), "{address} still answers");
    }
}

/// Every way in which a program might print so many bytes: hexadecimal, and as a list of numbers.
fn spellings(bytes: &[u8]) -> [String; 2] {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let list = bytes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    [hex, list]
}

#[test]
fn no_secret_is_logged_however_much_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_locus"))
        .env("RUST_LOG", "trace")
        .args(["--data-dir", folder.path().to_str().unwrap(), "demo", "--people", "2", "--processes"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let demo = folder.path().join("demo");
    let mut logged = [output.stdout, output.stderr].concat();
    for member in 0..4 {
        logged.extend(fs::read(demo.join(format!("committee/{member}/log"))).unwrap());
    }
    let logged = String::from_utf8_lossy(&logged);
    assert!(logged.contains("DEBUG") && logged.contains("TRACE"), "it does log");

    let custodian = PartyKey::open(&demo.join("keys/custodian.key"), Role::Custodian, &Protection::DemoUnencrypted);
    let protection = Protection::StorageKey(custodian.unwrap().storage_key());
    let wallet = Wallet::open(&demo.join("wallets/0.wallet"), protection).unwrap();
    let record = &wallet.holdings()[0].record;
    let element = record.nullifier_key.element();
    assert!(!logged.contains(&element.to_string()), "a nullifier key is logged");
    let payout = wallet.answers().values().next().unwrap().payout_key().to_bytes();
    for secret in [wallet.owner_key().to_bytes(), payout] {
        assert!(!spellings(&secret).iter().any(|spelt| logged.contains(spelt)), "a wallet's key is logged");
    }
    for name in ["governor", "researcher", "hospital-a"] {
        let key = PartyKey::open_any(&demo.join(format!("keys/{name}.key")), &Protection::DemoUnencrypted).unwrap();
        let secret = key.signing_key().to_bytes();
        assert!(!spellings(&secret).iter().any(|spelt| logged.contains(spelt)), "the key of {name} is logged");
    }
}
