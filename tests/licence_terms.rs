//! Licences in terms of the Data Use Ontology through a live node: refused in words, by the program and by the node
//! itself, or granted and fetched.

use std::fs;

use circuits::consent::Day;
use market::{
    data_use::{DeclaredUse, RegionTable},
    ledger::act,
    wallet::{PartyKey, Protection, Role},
};
use node::{
    transaction::{Action, RequestLicence},
    units::Amount,
};
use serde_json::{Value, json};
use web::client::{Remote, RemoteLedger};

use crate::network::{Place, Server, demo_file, new_key, text};

/// What the owner allows: diabetes alone, not for profit, ethics approval and publication required.
fn terms() -> Value {
    json!({ "duoDataUse": [
        { "id": "DUO:0000007", "modifiers": [{ "id": "ICD10:E11" }] },
        { "id": "DUO:0000018" }, { "id": "DUO:0000021" }, { "id": "DUO:0000019" }
    ] })
}

/// What a researcher asks that every term allows.
const FIT: &str = "purpose = \"disease-specific\"\ndisease = \"ICD10:E11\"\nmethods = false\nfor_profit = false\n\
                   commercial = false\ngenetic = true\nethics_approval = \"REC-2026-17\"\npublishes = true\n";

/// What it asks otherwise, and what it is told.
const UNFIT: [(&str, &str, &str, &str); 4] = [
    ("for_profit = false", "for_profit = true", "DUO:0000045 NPU", "does not work for profit can ask"),
    ("ethics_approval = \"REC-2026-17\"\n", "", "DUO:0000021 IRB", "can obtain an approval and name it"),
    ("publishes = true", "publishes = false", "DUO:0000019 PUB", "can promise it with publishes"),
    ("ICD10:E11", "ICD10:C50", "DUO:0000007 DS", "of that disease, or of one within it"),
];

/// A node that keeps files, a hospital with a genome on offer, and a researcher. Returns the dataset.
fn found(place: &mut Place) -> (Server, String) {
    let [hospital, researcher, custodian] =
        ["issuer", "researcher", "custodian"].map(|role| new_key(place, role, role));
    let balance = format!("{researcher}=1000");
    place.locus(&["network", "init", "licences", "--balance", &balance, "--block-seconds", "0"]);
    let node = place.serve(&["serve", "--listen", "127.0.0.1:0", "--custodian-key", "custodian.key"]);
    place.url = Some(node.url.clone());
    place.locus(&["govern", "accredit-issuer", &hospital, "--name", "Hospital"]);
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Dr R"]);
    fs::copy(demo_file("genomes.vcf"), place.path("genomes.vcf")).unwrap();
    for name in ["owner.sec", "reader.sec"] {
        place.locus(&["genome", "keygen", name]);
    }
    place.locus(&["genome", "encrypt", "genomes.vcf", "--to", "owner.sec.pub"]);
    place.write("terms.json", &terms());
    let offer = ["licence", "offer", "genomes.vcf.c4gh", "--key", "issuer.key", "--custodian", &custodian];
    let how = ["--data-use", "terms.json", "--price", "500", "--days", "30", "--yes"];
    let dataset = text(&place.locus(&[&offer[..], &how].concat())["dataset"]);
    (node, dataset)
}

fn listed(node: &Server, path: &str) -> Value {
    let body = ureq::get(format!("{}{path}", node.url)).call().unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str::<Value>(&body).unwrap()["items"].clone()
}

fn balance(place: &Place, name: &str) -> Value {
    let account = text(&place.locus(&["keys", "show", &format!("{name}.key")])["account"]);
    place.locus(&["account", "show", &account])["balance"].clone()
}

/// A request that no program checked, sent to the node as bytes. What the node says.
fn sent_unchecked(place: &Place, node: &Server, dataset: &str, data_use: &str) -> String {
    let ledger = RemoteLedger::connect(Remote::new(&node.url).unwrap()).unwrap();
    let phrase = Protection::passphrase("three random words").unwrap();
    let key = PartyKey::open(&place.path("researcher.key"), Role::Researcher, &phrase).unwrap();
    let request = RequestLicence {
        dataset: dataset.parse().unwrap(),
        data_use: DeclaredUse::from_toml("use.toml", data_use).unwrap().demand(&RegionTable::default()),
        term_days: 10,
        price: Amount::new(500),
        embargo: Day(0),
        answer_blocks_max: 100,
    };
    act(&ledger, &key.signing_key(), Action::RequestLicence(request)).unwrap_err().to_string()
}

/// The owner sees who asks, for what and at which price, in both forms. Returns the command.
fn requested(place: &Place, licence: &str, dataset: &str) -> [String; 4] {
    let account = |name: &str| text(&place.locus(&["keys", "show", &format!("{name}.key")])["account"]);
    let command = ["licence", "requests", "--owner", &account("issuer")].map(str::to_owned);
    let requests = command.each_ref().map(String::as_str);
    // The node lists it a moment after its block.
    place.until(&["keys", "show", "issuer.key"], |_| place.printed(&requests) != json!([]));
    let row = place.printed(&requests)[0].take();
    let named = ["licence", "dataset", "licensee", "name"].map(|field| text(&row[field]));
    assert_eq!(named, [licence, dataset, &account("researcher"), "Dr R"], "{row}");
    assert_eq!((&row["price"], &row["term_days"]), (&json!(500), &json!(10)), "{row}");
    assert_eq!(
        (&row["allowed"], &row["status"]),
        (&json!("within what the owner allows"), &json!("requested")),
        "{row}"
    );
    let said = place.said(&requests);
    let from = format!("  Dr R ({})", account("researcher"));
    let ends = format!("  pays 500 for 10 days; answer until block {}; requested", row["deadline"]);
    for line in [licence, &format!("  of data {dataset}"), &from, &ends] {
        assert!(said.lines().any(|one| one == line), "{line:?} is no line of {said}");
    }
    assert_eq!(place.printed(&["licence", "requests", "--owner", &account("researcher")]), json!([]));
    let own = ["licence", "requests", "--licensee", &account("researcher")];
    assert_eq!(place.printed(&own), json!([row]), "who asks lists the same");
    assert_eq!(place.printed(&["licence", "requests", "--licensee", &account("issuer")]), json!([]));
    command
}

/// Whoever asks sees what the custodian gave and the licensee says to have.
fn accessed(place: &Place, accesses: &[&str]) {
    let shown = place.locus(accesses);
    let of = |receipt: &Value| (text(&receipt["party"]), text(&receipt["receipt"]["kind"]));
    let found: Vec<_> = shown["receipts"].as_array().unwrap().iter().map(of).collect();
    let parties = ["custodian", "licensee"].into_iter();
    let both = parties.flat_map(|party| ["header", "body"].map(|kind| (party.to_owned(), kind.to_owned())));
    assert_eq!(found, both.collect::<Vec<_>>(), "{shown}");
    let said = place.said(accesses);
    let head = format!("licence {} of {}, granted", text(&shown["licence"]), text(&shown["licensee"]));
    assert_eq!(said.lines().next(), Some(head.as_str()));
    let last = shown["receipts"][3]["height"].as_u64().unwrap();
    assert!(said.lines().last().unwrap().starts_with(&format!("  block {last}: Licensee says Body ")), "{said}");
}

#[test]
fn a_licence_in_duo_terms_is_refused_in_words_or_granted_through_a_live_node() {
    let mut place = Place::new();
    let (node, dataset) = found(&mut place);
    let ask = ["licence", "request", &dataset, "--data-use", "use.toml", "--days", "10", "--reader", "reader.sec.pub"];
    let ask = [&ask[..], &["--key", "researcher.key", "--out", "reader.json", "--yes"]].concat();
    for (fit, unfit, term, remedy) in UNFIT {
        let data_use = FIT.replace(fit, unfit);
        fs::write(place.path("use.toml"), &data_use).unwrap();
        let refused = place.refused(&ask);
        assert!(refused.contains(term) && refused.contains(remedy), "{unfit:?}: {refused}");
        let said = sent_unchecked(&place, &node, &dataset, &data_use);
        assert!(said.contains("the owner"), "{unfit:?}: {said}");
    }
    assert_eq!(listed(&node, "/v1/licences"), json!([]), "nothing was asked");
    assert_eq!(balance(&place, "researcher"), 1_000, "and no money is locked");

    fs::write(place.path("use.toml"), FIT).unwrap();
    // No money is locked before the owner's document is there, without which nobody can grant.
    let nowhere = [&ask[..ask.len() - 2], &["use.toml/reader.json", "--yes"]].concat();
    assert!(place.refused(&nowhere).contains("use.toml"));
    assert_eq!(listed(&node, "/v1/licences"), json!([]));
    assert_eq!(balance(&place, "researcher"), 1_000);
    let licence = text(&place.locus(&ask)["licence"]);
    assert_eq!(balance(&place, "researcher"), 500);
    let document = fs::read_to_string(place.path("reader.json")).unwrap();
    assert!(document.contains(&licence), "{document}");
    // Nor is a document lost to another request's.
    assert!(place.refused(&ask).contains("reader.json is there"));
    assert_eq!(balance(&place, "researcher"), 500);
    assert_eq!(fs::read_to_string(place.path("reader.json")).unwrap(), document);
    let requests = requested(&place, &licence, &dataset);
    let requests = requests.each_ref().map(String::as_str);
    let grant = ["licence", "grant", &licence, "--key", "issuer.key", "--file", "genomes.vcf.c4gh"];
    place.locus(&[&grant[..], &["--reader", "owner.sec", "--document", "reader.json", "--yes"]].concat());
    assert_eq!(balance(&place, "issuer"), 500);
    assert_eq!(place.printed(&requests), json!([]), "what was answered waits no more");
    assert_eq!(place.said(&requests), "no request for a licence\n");
    let all = place.printed(&[&requests[..], &["--all"]].concat());
    assert_eq!((&all[0]["licence"], &all[0]["status"]), (&json!(licence), &json!("granted")), "{all}");
    place.until(&["keys", "show", "issuer.key"], |_| listed(&node, "/v1/licences") != json!([]));
    let row = listed(&node, &format!("/v1/licences?dataset={dataset}"))[0].clone();
    assert_eq!((&row["id"], &row["dataset"]), (&json!(licence), &json!(dataset)), "{row}");
    let fetch = ["licence", "fetch", &licence, "--key", "researcher.key", "--reader", "reader.sec"];
    let accesses = ["licence", "accesses", &licence];
    assert_eq!(place.locus(&accesses)["receipts"], json!([]));
    place.locus(&[&fetch[..], &["--out", "licensed.vcf"]].concat());
    accessed(&place, &accesses);
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(read("licensed.vcf"), read("genomes.vcf"));
    // What is withdrawn can be asked for by nobody, and what was granted runs on.
    let withdraw = ["licence", "withdraw", &dataset, "--key"];
    let foreign = place.refused(&[&withdraw[..], &["researcher.key", "--yes"]].concat());
    assert!(foreign.contains("the owner who offered it does"), "{foreign}");
    let withdrawn = place.locus(&[&withdraw[..], &["issuer.key", "--yes"]].concat());
    assert_eq!(withdrawn["copies_recalled"], false, "{withdrawn}");
    assert_eq!(place.printed(&["licence", "list"]), json!([]));
    assert_eq!(place.printed(&["licence", "list", "--all"])[0]["withdrawn"], true);
    for again in [&ask, &[&withdraw[..], &["issuer.key", "--yes"]].concat()] {
        let said = place.refused(again);
        assert!(said.contains("was withdrawn in block"), "{said}");
    }
    place.locus(&[&fetch[..], &["--out", "again.vcf"]].concat());
    assert_eq!(read("again.vcf"), read("genomes.vcf"));
    // Without a signature nobody gets the file.
    let bare = ureq::get(format!("{}/v1/datasets/{dataset}/body", node.url)).call().unwrap_err().to_string();
    assert!(bare.contains("401"), "{bare}");
}
