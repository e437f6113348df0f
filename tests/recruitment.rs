//! Recruitment as its two sides do it, each command against a node over HTTP: the story of `docs/guide/recruitment.md`.

use std::fs;

use circuits::eligibility::export::{
    Groth16Key, Groth16Proof, PublicSignals, SnarkjsKey, SnarkjsProof, SnarkjsSignals,
};
use serde_json::{Value, json};

use crate::network::{Place, Server, demo_file, new_key, text};

const WALLETS: [&str; 4] = ["--wallets", "wallets", "--custodian", "custodian.key"];

/// A node, a hospital, a sponsor, and four people of whom three allow screening. Returns the schema and the study.
fn found(place: &mut Place) -> (Server, String, String) {
    let sponsor = new_key(place, "researcher", "sponsor");
    let hospital = new_key(place, "issuer", "hospital");
    new_key(place, "custodian", "custodian");
    let balance = format!("{sponsor}=1000000");
    let init = ["network", "init", "recruiting", "--balance", &balance, "--epoch-blocks", "8", "--block-seconds", "0"];
    place.locus(&init);
    assert!(place.path(".locus/eligibility.key").exists());
    let node = place.serve(&["serve", "--listen", "127.0.0.1:0", "--heartbeat", "1"]);
    place.url = Some(node.url.clone());
    place.locus(&["govern", "accredit-issuer", &hospital, "--name", "Hospital"]);
    place.locus(&["govern", "accredit-researcher", &sponsor, "--name", "Sponsor"]);
    let (genomes, attributes) = (demo_file("genomes.vcf"), demo_file("attributes.json"));
    let derive = ["schema", "derive", "Genomes", "--vcf", &genomes, "--attributes", &attributes];
    place.locus(&[&derive[..], &["--build", "GRCh37", "--out", "schema"]].concat());
    let schema = text(&place.locus(&["schema", "register", "schema", "--key", "hospital.key"])["id"]);
    for (people, allowed) in [("HG00096,HG00097,HG00099", true), ("HG00100", false)] {
        let terms = json!({
            "purposes": ["health-research"], "days": 365, "price_min": 100, "cohort_min": 2, "screening": allowed
        });
        place.write("consent.json", &terms);
        let table = demo_file("attributes.csv");
        let whom = ["--vcf", &genomes, "--attributes", &table, "--people", people, "--schema", &schema];
        let how = ["--key", "hospital.key", "--consent", "consent.json"];
        place.locus(&[&["record", "certify"][..], &whom, &how, &WALLETS].concat());
    }
    place.locus(&["ledger", "next-epoch"]);
    fs::write(place.path("protocol.md"), "A trial of two visits.").unwrap();
    let study = ["study", "register", "A trial", "--protocol", "protocol.md", "--ethics", "2026-2"];
    let study = text(&place.locus(&[&study[..], &["--key", "sponsor.key"]].concat())["study"]);
    (node, schema, study)
}

fn open(place: &Place, schema: &str, study: &str) -> String {
    let file = format!(
        "study = \"{study}\"\nschema = \"{schema}\"\npurposes = [\"health-research\"]\n\
         criteria = [[{{ attribute = \"age\", lo = 18, hi = 120 }}]]\nprice = 200\nresponses_max = 10\ndays = 30\n"
    );
    fs::write(place.path("wrong.toml"), file.replace("\"age\"", "\"shoe size\"")).unwrap();
    fs::write(place.path("screening.toml"), &file).unwrap();
    fs::write(place.path("dear.toml"), file.replace("price = 200", "price = 900000")).unwrap();
    let open = |file: &str| ["screening", "open", file, "--key", "sponsor.key"].map(str::to_owned);
    let refused = |file: &str| {
        let arguments = open(file);
        place.refused(&arguments.each_ref().map(String::as_str))
    };
    assert!(refused("wrong.toml").contains("the screening file is refused: the schema has no attribute \"shoe size\""));
    assert!(refused("dear.toml").contains("it takes 9000100"), "{}", refused("dear.toml"));
    assert!(refused("screening.toml").contains("add --yes"));
    let opened = place.locus(&["screening", "open", "screening.toml", "--key", "sponsor.key", "--yes"]);
    assert_eq!(opened["state"]["escrow"], 2_000);
    text(&opened["id"])
}

fn outcomes(value: &Value, field: &str) -> Vec<String> {
    value["responses"].as_array().unwrap().iter().map(|line| text(&line[field])).collect()
}

/// Everybody whose consent allows it responds once, and the others' agents say why not.
fn respond(place: &Place, screening: &str) {
    let respond = [&["screening", "respond", screening][..], &WALLETS].concat();
    let dry = [&respond[..], &["--dry-run"]].concat();
    let foreseen = place.locus(&dry);
    assert_eq!(outcomes(&foreseen, "outlook"), ["respond", "respond", "respond", "decline"]);
    assert_eq!(place.locus(&["screening", "show", screening])["state"]["eligible"], 0, "a dry run sends nothing");
    assert!(place.refused(&respond).contains("add --yes"));
    let yes = [&respond[..], &["--yes"]].concat();
    let responded = place.locus(&yes);
    assert_eq!(outcomes(&responded, "outcome"), ["admitted", "admitted", "admitted", "declined"]);
    assert!(responded["responses"][3]["reasons"][0]["detail"].as_str().unwrap().contains("does not allow screening"));
    // Nobody is asked again for what was sent before.
    let again = place.locus(&respond);
    let had = ["already_admitted", "already_admitted", "already_admitted", "declined"];
    assert_eq!(outcomes(&again, "outcome"), had);
}

fn wallet(name: &str) -> String {
    format!("wallets/{name}.wallet")
}

#[test]
fn a_sponsor_recruits_over_http_and_knows_who_accepted_alone() {
    let mut place = Place::new();
    let (node, schema, study) = found(&mut place);
    let screening = open(&place, &schema, &study);
    let listed = place.locus(&["screening", "list"]);
    assert_eq!(listed["screenings"][0]["id"], json!(screening));
    let said = place.said(&["screening", "show", &screening]);
    for part in ["asks       age 18 to 120", "purpose    Health, medical or biomedical research (DUO:0000006)"] {
        assert!(said.contains(part), "{said} does not say {part}");
    }
    respond(&place, &screening);
    let read = [&["screening", "invitations", &screening][..], &WALLETS].concat();
    assert_eq!(place.locus(&read), json!({ "invitations": [] }));

    place.write(
        "invitation.json",
        &json!({ "title": "A trial of two visits", "about": "Two visits.", "answering": "Leave an address." }),
    );
    let invite = ["screening", "invite", &screening, "invitation.json", "--key", "sponsor.key"];
    assert!(place.refused(&[&invite[..], &["--all"]].concat()).contains("add --yes"));
    let one = place.locus(&[&invite[..], &["--response", "1", "--yes"]].concat());
    assert_eq!(one, json!({ "invitations": [{ "outcome": "invited", "response": 1 }] }));
    let all = place.locus(&[&invite[..], &["--all", "--yes"]].concat());
    assert_eq!(all["invitations"].as_array().unwrap().len(), 2);
    let received = place.locus(&read)["invitations"].as_array().unwrap().clone();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one["invitation"]["title"] == "A trial of two visits"));

    fs::write(place.path("contact.txt"), "ada@example.org\n").unwrap();
    let (ada, bob) = (wallet("HG00096"), wallet("HG00097"));
    let accept = ["screening", "accept", &screening, &ada, "--custodian", "custodian.key", "--contact", "contact.txt"];
    assert!(place.refused(&accept).contains("add --yes"));
    let accepted = place.locus(&[&accept[..], &["--yes"]].concat());
    assert_eq!(accepted["status"]["stage"], "accepted");
    assert_eq!(place.locus(&[&accept[..], &["--yes"]].concat()), accepted, "a repeated answer changes nothing");
    let decline = ["screening", "decline", &screening, &bob, "--custodian", "custodian.key", "--yes"];
    assert_eq!(place.locus(&decline)["status"]["stage"], "declined");
    let unwilling = wallet("HG00100");
    let stranger = ["screening", "decline", &screening, &unwilling, "--custodian", "custodian.key", "--yes"];
    assert!(place.refused(&stranger).contains("has no response to it"));

    let contacts = ["screening", "contacts", &screening, "--key", "sponsor.key"];
    let told: Vec<Value> = place.locus(&contacts)["responses"].as_array().unwrap().clone();
    let told: Vec<&Value> = told.iter().map(|answered| &answered["contact"]).collect();
    assert_eq!(told, [&json!("ada@example.org"), &Value::Null, &Value::Null]);
    place.locus(&[&contacts[..], &["--csv", "contacts.csv"]].concat());
    let table = fs::read_to_string(place.path("contacts.csv")).unwrap();
    assert!(
        table.starts_with("response,stage,block,contact\n0,accepted,") && table.contains(",ada@example.org\n"),
        "{table}"
    );
    let nobody = ["screening", "invite", &screening, "invitation.json", "--key", "sponsor.key", "--response", "0,3"];
    assert!(place.refused(&nobody).contains("there is none at 3: 3 responded, at 0 to 2"));
    new_key(&place, "researcher", "other");
    let other = ["screening", "contacts", &screening, "--key", "other.key"];
    assert!(place.refused(&other).contains("only their key"));

    counted_offline(&place, &screening);
    let closed = place.locus(&["screening", "close", &screening, "--key", "sponsor.key", "--yes"]);
    let state = &closed["state"];
    let counts = ["eligible", "invited", "accepted", "declined", "escrow"].map(|name| state[name].as_u64().unwrap());
    assert_eq!(counts, [3, 3, 1, 1, 0]);
    assert_eq!(place.locus(&["screening", "list"]), json!({ "screenings": [] }));
    assert_eq!(place.locus(&["screening", "list", "--all"])["screenings"].as_array().unwrap().len(), 1);
    paid_out(&place, &screening, &ada);
    drop(node);
}

/// One file shows anybody how many are eligible, on the chain that the consortium published, and in words too.
fn counted_offline(place: &Place, screening: &str) {
    let written = place.locus(&["screening", "receipt", screening, "--out", "eligible.json"]);
    let chain = text(&written["verified"]["chain"]);
    let verify = ["verify", "eligible.json", "--chain", &chain];
    let verified = place.locus(&verify);
    assert_eq!(verified, written["verified"]);
    assert_eq!((&verified["records"], &verified["screening"]), (&json!(3), &json!(screening)));
    assert_eq!(verified["criteria"], json!(["age 18 to 120"]));
    let said = place.said(&verify);
    for part in ["3 distinct certified records meet the criteria", "criterion: age 18 to 120", "✓ S4 3 eligibility"] {
        assert!(said.contains(part), "{said} does not say {part}");
    }
    exported(place);
    let other = "11".repeat(32);
    assert!(place.refused(&["verify", "eligible.json", "--chain", &other]).contains("it is of chain"));
    let sound = fs::read_to_string(place.path("eligible.json")).unwrap();
    let mut altered: Value = serde_json::from_str(&sound).unwrap();
    altered["responses"].as_array_mut().unwrap().pop();
    place.write("eligible.json", &altered);
    let refused = place.refused(&["verify", "eligible.json"]);
    assert!(refused.contains("2 responses are here, and the ledger counted 3"), "{refused}");
    let page = |receipt: &str| verified_by_page(place.url.as_ref().unwrap(), receipt);
    for part in
        ["The receipt holds", "age 18 to 120", "<strong>3</strong> distinct", "Everybody is proven to be eligible"]
    {
        assert!(page(&sound).contains(part), "{}", page(&sound));
    }
    assert!(page(&altered.to_string()).contains("The receipt does not hold"));
    assert!(page(&altered.to_string()).contains("2 responses are here, and the ledger counted 3"));
    let unknown = place.refused(&["screening", "receipt", &other, "--out", "none.json"]);
    assert!(unknown.contains("is not on this ledger") && !place.path("none.json").exists(), "{unknown}");
}

/// The receipt's proofs verify as files that snarkjs reads, each with its own public inputs alone.
fn exported(place: &Place) {
    let export = ["export", "eligibility", "--receipt", "eligible.json", "--out"];
    assert_eq!(place.locus(&[&export[..], &["js"]].concat())["proofs"], 3);
    let read = |name: &str| fs::read_to_string(place.path(&format!("js/{name}.json"))).unwrap();
    let key: SnarkjsKey = serde_json::from_str(&read("verification_key")).unwrap();
    let key = Groth16Key::try_from(&key).unwrap();
    let of = |inputs: u8, proof: u8| {
        let inputs: SnarkjsSignals = serde_json::from_str(&read(&format!("public-{inputs}"))).unwrap();
        let proof: SnarkjsProof = serde_json::from_str(&read(&format!("proof-{proof}"))).unwrap();
        key.verify(PublicSignals::try_from(&inputs).unwrap(), &Groth16Proof::try_from(&proof).unwrap())
    };
    for number in 0..3 {
        of(number, number).unwrap();
        of(number, (number + 1) % 3).unwrap_err();
    }
    assert_eq!(place.locus(&[&export[..], &["eth", "--format", "solidity"]].concat())["proofs"], 3);
    let call = fs::read_to_string(place.path("eth/calldata-2.hex")).unwrap();
    assert!(call.len() > 1_000 && call.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

/// What the page says of a receipt that is pasted into its form.
fn verified_by_page(url: &str, receipt: &str) -> String {
    let (boundary, field) = ("a-boundary-of-this-test", "content-disposition: form-data; name=\"pasted\"");
    let form = format!("--{boundary}\r\n{field}\r\n\r\n{receipt}\r\n--{boundary}--\r\n");
    let media = format!("multipart/form-data; boundary={boundary}");
    let mut answer = ureq::post(format!("{url}/verify")).content_type(media).send(form).unwrap();
    answer.body_mut().read_to_string().unwrap()
}

/// The one-time key's money goes where the person says.
fn paid_out(place: &Place, screening: &str, wallet: &str) {
    let to = "22".repeat(32);
    place.locus(&["wallet", "pay", wallet, screening, &to, "--custodian", "custodian.key", "--yes"]);
    assert_eq!(place.locus(&["account", "show", &to])["balance"], 200);
}
