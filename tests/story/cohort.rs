//! The researcher's query: opened, answered under fire, added up, decrypted, and verified by somebody else.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    chaos::{Cast, Chaos},
    people::{OLDER, Ward},
    stage::{Stage, key_file},
    town::{Party, patience, text},
};

/// Variants that the query counts.
pub const VARIANTS: usize = 512;
pub const PRICE: u64 = 500;
pub const FEE: u64 = 100;

/// Opens a query for people of fifty and more. Returns its id.
pub fn open(stage: &Stage, schema: &str, people: usize) -> String {
    let query = json!({
        "study": stage.study(&stage.researcher, "Alleles"), "schema": schema, "purposes": ["health-research"],
        "criteria": [[{ "attribute": "age", "lo": OLDER, "hi": 120 }]],
        "privacy": "exact",
        "measures": [{ "statistic": "allele_frequencies", "variants": { "first": 0, "count": VARIANTS } }],
        "price": PRICE, "contributions_min": 2, "contributions_max": people, "days": 7
    });
    stage.researcher.write("query.json", query.to_string());
    let open = [&["query", "open", "query.json", "--yes"][..], &key_file("researcher")].concat();
    stage.researcher.sign_once("researcher.key", &open);
    let listed = stage.researcher.until(&["ledger", "list", "queries"], |listed| listed["items"][0]["id"].is_string());
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    text(&listed["items"][0]["id"])
}

/// Waits until so many contributions are on the ledger and kills meanwhile: the first time before any is there, and then
/// each time that the next share of them is. Returns how many kills are left, where contributions were faster.
pub fn await_contributions(
    stage: &Stage,
    query: &str,
    (people, kills): (usize, usize),
    (chaos, cast): (&mut Chaos, &mut Cast<'_>),
) -> usize {
    let (started, time_max) = (Instant::now(), patience(people));
    let mut struck = 0;
    loop {
        let shown = stage.researcher.try_run(&["query", "show", query]);
        let admitted = shown.as_ref().ok().and_then(|shown| shown["state"]["admitted"].as_u64());
        let admitted = admitted.map(|admitted| usize::try_from(admitted).unwrap());
        if admitted == Some(people) {
            return kills - struck;
        }
        cast.iter_mut().for_each(|mortal| mortal.assert_alive());
        assert!(started.elapsed() < time_max, "{people} were to answer: {shown:?}");
        if struck < kills && admitted.is_some_and(|admitted| admitted * kills >= struck * people) {
            chaos.strike(cast);
            struck += 1;
        } else {
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// Asked once more, every agent says that it had answered, each with a number of its own; and those too young decline.
pub fn everybody_answered_once(stage: &Stage, query: &str, wards: &[Ward; 2]) {
    let mut numbers: Vec<u64> = vec![];
    for (hospital, ward) in stage.hospitals.iter().zip(wards) {
        let run = ["agent", "run", "--wallets", "wallets", "--custodian", "custodian.key", "--query", query];
        // The agent that watches may have a wallet open, and this one says so then.
        let answered = hospital.until(&[&run[..], &["--members", &stage.member_urls()]].concat(), |_| true);
        let answers = answered["answers"].as_array().unwrap();
        assert_eq!(answers.len(), ward.people.len());
        for (person, answer) in ward.people.iter().zip(answers) {
            assert_eq!(answer["wallet"], format!("wallets/{}.wallet", person.name));
            let outcome = if person.is_older { "already_admitted" } else { "declined" };
            assert_eq!(answer["outcome"], outcome, "{answer}");
            numbers.extend(answer["contribution"].as_u64());
        }
    }
    numbers.sort_unstable();
    let people = u64::try_from(wards.iter().map(|ward| ward.older().len()).sum::<usize>()).unwrap();
    assert_eq!(
        numbers,
        (0..people).collect::<Vec<_>>(),
        "each person has a contribution and each contribution a person"
    );
    let shown = stage.researcher.run(&["query", "show", query]);
    assert_eq!((&shown["state"]["admitted"], &shown["state"]["surviving"]), (&json!(people), &json!(people)));
}

/// Waits until the node sealed the full query and added it up by itself and the members released, with so many kills meanwhile.
pub fn add_up(stage: &Stage, query: &str, kills: usize, (chaos, cast): (&mut Chaos, &mut Cast<'_>)) {
    (0..kills).for_each(|_| chaos.strike(cast));
    stage.researcher.until(&["query", "show", query], |shown| shown["state"]["status"]["stage"] == "released");
    for kind in ["seal-query", "aggregate-query"] {
        let is_done =
            |job: &Value| (&job["kind"], &job["state"], &job["count"]) == (&kind.into(), &"done".into(), &1.into());
        stage.researcher.until(&["jobs", "list"], |jobs| jobs["counts"].as_array().unwrap().iter().any(is_done));
    }
}

/// The decrypted sums.
pub fn result(stage: &Stage, query: &str) -> Vec<u64> {
    let result = [&["result", query, "--receipt", "receipt.json"][..], &key_file("researcher")].concat();
    let result = stage.researcher.run(&result);
    let numbers = |part: &Value| part.as_array().unwrap().iter().map(|slot| slot.as_u64().unwrap()).collect::<Vec<_>>();
    result["slots"].as_array().unwrap().iter().flat_map(numbers).collect()
}

/// Somebody in another place verifies the receipt, with no network and no key; an altered one is refused.
pub fn receipt_holds_for_somebody_else(stage: &Stage, people: usize) {
    let auditor = Party::new(stage.folder.path(), "auditor");
    let receipt = std::fs::read_to_string(stage.researcher.path("receipt.json")).unwrap();
    auditor.write("receipt.json", &receipt);
    let verified = auditor.run(&["verify", "receipt.json", "--chain", &stage.chain]);
    assert_eq!(verified["records"], people);
    let other = "00".repeat(32);
    assert!(auditor.try_run(&["verify", "receipt.json", "--chain", &other]).unwrap_err().contains("not of"));
    let mut altered: Value = serde_json::from_str(&receipt).unwrap();
    let slot = altered.pointer_mut("/result/0/0").expect("a receipt holds its sums");
    *slot = json!(slot.as_u64().unwrap() + 1);
    auditor.write("altered.json", altered.to_string());
    auditor.try_run(&["verify", "altered.json", "--chain", &stage.chain]).unwrap_err();
}
