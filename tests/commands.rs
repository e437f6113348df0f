//! Commands that the guides name for what a page shows or does: what each prints, and what follows from it.

use std::fs;

use serde_json::{Value, json};

use crate::network::{Place, Server, ask, certify, consortium, demo_file, new_key, text};

const CUSTODIAN: [&str; 2] = ["--custodian", "custodian.key"];

/// A node, its committee, two hospitals with two people each, and a researcher. Returns the schema.
fn found(place: &mut Place) -> (Server, Vec<Server>, String) {
    let (node, members) = consortium(place, "commands");
    let schema = certify(place);
    (node, members, schema)
}

fn wallet(person: &str) -> String {
    format!("wallets/{person}.wallet")
}

#[track_caller]
fn has_line(said: &str, line: &str) {
    assert!(said.lines().any(|one| one == line), "{line:?} is no line of {said}");
}

/// What the agent would do with the query for a person.
fn foreseen(place: &Place, query: &str, person: &str) -> Value {
    let run = ["agent", "dry-run", "--wallets", "wallets", "--query", query];
    let answers = place.locus(&[&run[..], &CUSTODIAN].concat())["answers"].take();
    answers.as_array().unwrap().iter().find(|answer| answer["wallet"] == wallet(person)).unwrap().clone()
}

fn schema_is_shown_as_it_was_derived(place: &Place, schema: &str) {
    let show = ["schema", "show", schema];
    let derived: Value = serde_json::from_slice(&fs::read(place.path("schema/schema.json")).unwrap()).unwrap();
    assert_eq!(place.locus(&show), json!({ "id": schema, "schema": derived }));
    let said = place.said(&show);
    has_line(&said, &format!("schema {schema} (Genomes)"));
    has_line(&said, &format!("  panel: {} variants, GRCh37", derived["panel"]["variants"]));
    has_line(&said, "  age: 0 to 120 a (LOINC:30525-0)");
    has_line(&said, "  death: 0 to 1 (0 = no, 1 = yes); not in public criteria");
    assert!(place.refused(&["schema", "show", &"77".repeat(32)]).contains("schema"));
}

/// The file that asks again, in each of its forms, is planned as the query that the ledger has.
fn query_is_asked_again(place: &Place, query: &str) {
    let again = ["query", "again", query];
    place.write("again.json", &place.locus(&again));
    fs::write(place.path("again.toml"), place.said(&again)).unwrap();
    // The days begin when it is opened, and the key is of whoever opens it.
    let lasting = |mut query: Value| {
        for field in ["opening", "closing", "sealing"] {
            query.as_object_mut().unwrap().remove(field).unwrap();
        }
        query
    };
    let asked = lasting(place.locus(&["query", "show", query])["state"]["query"].take());
    for file in ["again.json", "again.toml"] {
        assert_eq!(lasting(place.locus(&["query", "plan", file])["query"].take()), asked, "{file}");
    }
    assert_eq!(place.locus(&again)["days"], 7);
}

fn limit_of_privacy_is_shown_and_set(place: &Place) {
    let wallet = wallet("HG00096");
    let budget = [&["wallet", "budget", &wallet][..], &CUSTODIAN].concat();
    let unspent = |limit: u32| json!({ "epsilon_milli_spent": 0, "epsilon_milli_limit": limit, "private_answers": 0 });
    assert_eq!(place.locus(&budget), unspent(10_000));
    assert_eq!(place.locus(&[&budget[..], &["--set", "0.5"]].concat()), unspent(500));
    assert_eq!(place.locus(&budget), unspent(500), "it stays");
    assert_eq!(place.said(&budget), "spent ε = 0 of 0.5 in 0 private answers\n");
}

/// Terms that were changed count from the next epoch, and so does the end of all use.
fn terms_are_changed_and_ended(place: &Place, query: &str) {
    assert_eq!(foreseen(place, query, "HG00099")["outlook"], "answer");
    let dear =
        json!({ "purposes": ["health-research"], "days": 365, "price_min": 600, "cohort_min": 2, "exact": true });
    place.write("dear.json", &dear);
    let wallet = wallet("HG00099");
    let changed = place.locus(&[&["consent", "change", &wallet, "dear.json"][..], &CUSTODIAN].concat());
    assert!(changed["height"].is_u64(), "{changed}");
    let show = [&["consent", "show", &wallet][..], &CUSTODIAN].concat();
    has_line(&place.said(&show), "least price       600");
    place.locus(&["ledger", "next-epoch"]);
    let declined = foreseen(place, query, "HG00099");
    assert_eq!((&declined["outlook"], &declined["reasons"][0]["reason"]), (&json!("decline"), &json!("consent")));
    assert!(declined.to_string().contains("the price is below its minimum"), "{declined}");

    let revoke = [&["consent", "revoke", &wallet][..], &CUSTODIAN].concat();
    assert!(place.refused(&revoke).contains("add --yes"));
    let revoked = place.locus(&[&revoke[..], &["--yes"]].concat());
    assert!(revoked["height"].as_u64() > changed["height"].as_u64(), "{revoked}");
    place.locus(&["ledger", "next-epoch"]);
    assert_eq!(foreseen(place, query, "HG00099")["reasons"], json!([{ "reason": "not_in_tree" }]));
    let change = [&["consent", "change", &wallet, "consent.json"][..], &CUSTODIAN].concat();
    assert!(place.refused(&change).contains("was revoked for ever"));
}

#[test]
fn what_is_shown_and_asked_again_and_what_a_person_changes_takes_back_and_ends() {
    let mut place = Place::new();
    let (_node, members, schema) = found(&mut place);
    schema_is_shown_as_it_was_derived(&place, &schema);
    let query = ask(&place, &schema);
    query_is_asked_again(&place, &query);
    limit_of_privacy_is_shown_and_set(&place);
    terms_are_changed_and_ended(&place, &query);

    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let run = ["agent", "run", "--wallets", "wallets", "--query", &query, "--members", &urls];
    let answered = place.locus(&[&run[..], &CUSTODIAN].concat());
    let outcomes: Vec<String> =
        answered["answers"].as_array().unwrap().iter().map(|answer| text(&answer["outcome"])).collect();
    assert_eq!(outcomes, ["admitted", "declined", "declined", "declined"], "{answered}");
    let surviving = || place.locus(&["query", "show", &query])["state"]["surviving"].take();
    assert_eq!(surviving(), 1);
    let wallet = wallet("HG00096");
    let withdraw = [&["agent", "withdraw", &query, &wallet][..], &CUSTODIAN].concat();
    assert!(place.refused(&withdraw).contains("add --yes"));
    assert_eq!(surviving(), 1, "nothing is withdrawn unasked");
    let withdrawn = place.locus(&[&withdraw[..], &["--yes"]].concat());
    assert!(withdrawn["height"].is_u64(), "{withdrawn}");
    assert_eq!(surviving(), 0);
    assert_eq!(foreseen(&place, &query, "HG00096")["outlook"], "answered", "it cannot answer again");
}

#[test]
fn variants_are_listed_where_the_chain_lies_and_without_their_panel_a_node_is_named() {
    let place = Place::new();
    let hospital = new_key(&place, "issuer", "hospital");
    place.locus(&["network", "init", "variants", "--block-seconds", "0"]);
    place.locus(&["govern", "accredit-issuer", &hospital, "--name", "Hospital"]);
    let derive =
        ["schema", "derive", "Genomes", "--vcf", &demo_file("genomes.vcf"), "--build", "GRCh37", "--out", "schema"];
    let count = place.locus(&derive)["schema"]["panel"]["variants"].as_u64().unwrap();
    let schema = text(&place.locus(&["schema", "register", "schema", "--key", "hospital.key"])["id"]);

    let variants = ["schema", "variants", &schema];
    let first = place.locus(&variants);
    let items = first["items"].as_array().unwrap();
    assert_eq!((items.len(), &first["at_hand"], &first["next"]), (100, &json!(true), &json!(99)));
    let said = place.said(&variants);
    has_line(&said, &format!("       0  {}", items[0]["name"].as_str().unwrap()));
    assert_eq!(said.lines().last(), Some("more follow: --after 99"));
    let last = (count - 1).to_string();
    let none = [&variants[..], &["--after", &last]].concat();
    assert_eq!(place.locus(&none), json!({ "at_hand": true, "items": [], "next": null }));
    assert_eq!(place.said(&none), format!("none behind place {last}\n"));
    let unnamed = [&variants[..], &["23:"]].concat();
    assert_eq!(place.said(&unnamed), "no variant has \"23:\" in its name\n");

    fs::remove_dir_all(place.path(".locus/objects")).unwrap();
    assert_eq!(place.locus(&variants), json!({ "at_hand": false, "items": [], "next": null }));
    assert_eq!(place.said(&variants), "the panel is not stored here; ask a node with --url\n");
    assert!(place.refused(&["schema", "variants", &"77".repeat(32)]).contains("schema"));
}
