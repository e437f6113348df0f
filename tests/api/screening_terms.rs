//! Whom a screening asks and what for: its page and its commands say it in the same words.

use circuits::{
    consent::{Day, Purposes},
    criteria::{Clause, Criteria},
    quorum::Quorum,
};
use market::data_use::DiseaseCode;
use node::{query::DataUse, screening::ScreeningQuery};

use super::{
    server::id,
    shown_alike::{Seen, says_all},
};
use crate::world::{World, account};

#[test]
fn whom_a_screening_asks_and_what_for_is_said_by_its_page_and_by_its_commands() {
    let mut world = World::ready(Quorum::DEFAULT);
    let number = "MONDO:0005148".parse::<DiseaseCode>().unwrap().number();
    let age = |lo, hi, negated| Clause { attribute: 0, lo, hi, negated };
    let (today, plain) = (world.now.day(), world.screening());
    let purposes = Purposes::DISEASE_SPECIFIC.union(Purposes::METHODS);
    let asked = ScreeningQuery {
        criteria: Criteria { groups: vec![vec![age(18, 65, false), age(80, 80, false)], vec![age(40, 50, true)]] },
        issuers: vec![account("issuer 0")],
        data_use: DataUse { purposes, disease: number, ..plain.data_use },
        opening: today,
        closing: Day(today.0 + 10),
        ..plain
    };
    let screening = world.open_screening("researcher", asked).unwrap().to_string();
    let seen = Seen::over(world);
    seen.server.index.follow(seen.server.chain.ledger()).unwrap();

    let page = seen.page(&format!("/screenings/{screening}"));
    let criteria = ["age 18 to 65 or age 80", "age not 40 to 50"];
    let owners = ["only owners who allow disease-specific (", "only owners who allow methods ("];
    let purposes = ["Research on one disease", "Methods development"];
    says_all(
        &page,
        &[&criteria[..], &owners, &purposes, &["issuer 0", "type 2 diabetes mellitus (MONDO:0005148)"]].concat(),
    );

    let told = seen.told(&["screening", "show", &screening]);
    for line in [
        format!("asks       {}", criteria[0]),
        format!("           and {}", criteria[1]),
        format!("records    of issuer 0 ({})", id("issuer 0")),
        "purpose    Research on one disease (DUO:0000007)".into(),
        "purpose    Methods development (allowed, against DUO:0000015)".into(),
        format!(
            "disease    number {number}, made from an ontology’s code; `locus query disease --number {number}` says which"
        ),
    ] {
        assert!(told.lines().any(|one| one == line), "{line:?} is no line of {told}");
    }
    says_all(&told, &owners.map(|words| format!("from       {words}")).each_ref().map(String::as_str));
    let named = seen.printed(&["query", "disease", "--number", &number.to_string()]);
    assert_eq!(named["diseases"][0]["code"], "MONDO:0005148");
    assert_eq!(seen.told(&["screening", "list"]), told);
    // Programs have the state that the words are made from, as before.
    assert_eq!(
        seen.printed(&["screening", "show", &screening])["state"],
        seen.said(&format!("/v1/screenings/{screening}"))
    );
}

#[test]
fn a_screening_of_everybody_names_no_criterion_issuer_or_disease() {
    let mut world = World::ready(Quorum::DEFAULT);
    let (today, plain) = (world.now.day(), world.screening());
    let asked = ScreeningQuery { opening: today, closing: Day(today.0 + 10), ..plain };
    let screening = world.open_screening("researcher", asked).unwrap().to_string();
    let told = Seen::over(world).told(&["screening", "show", &screening]);
    for line in [
        "asks       everybody with a certified record",
        "records    of every accredited issuer",
        "purpose    General research use (DUO:0000042)",
    ] {
        assert!(told.lines().any(|one| one == line), "{line:?} is no line of {told}");
    }
    assert!(!told.contains("disease    "), "{told}");
}
