//! The sponsor's screening: patients' agents respond, the sponsor invites, one accepts and leaves a contact.

use std::fs;

use circuits::eligibility::EligibilityVerifier;
use node::{
    block::Block,
    genesis::Genesis,
    state::ScreeningState,
    transaction::{ScreeningResponse, Transaction},
};
use serde_json::{Value, json};

use super::{
    people::OLDER,
    stage::{Stage, key_file},
    town::{patience, text},
};
use crate::api::agent;

const WALLETS: [&str; 4] = ["--wallets", "wallets", "--custodian", "custodian.key"];
pub const PRICE: u64 = 200;
pub const FEE: u64 = 100;
/// What the patient who accepts tells the sponsor alone.
pub const CONTACT: &str = "zephyrine.0000@quillon.example, after six";
/// What the sponsor tells those who responded alone.
pub const INVITATION: &str = "We measure the sextant twice, three grackles apart.";

/// What the chain holds of the responses, kept by somebody who wants to check them later.
pub struct Responses {
    state: ScreeningState,
    sent: Vec<ScreeningResponse>,
}

/// Plays the screening to its end, each command given again where it fails. What the sponsor is shown then.
pub fn recruit(stage: &Stage, schema: &str, people: usize) -> Value {
    let sponsor = &stage.sponsor;
    let study = stage.study(sponsor, "A trial");
    let file = json!({
        "study": study, "schema": schema, "purposes": ["health-research"],
        "criteria": [[{ "attribute": "age", "lo": OLDER, "hi": 120 }]],
        "price": PRICE, "responses_max": people + 1, "days": 30
    });
    sponsor.write("screening.json", file.to_string());
    sponsor.sign_once("researcher.key", &signed(&["screening", "open", "screening.json", "--yes"]));
    let id =
        text(&sponsor.until(&["screening", "list"], |all| all["screenings"][0].is_object())["screenings"][0]["id"]);
    for hospital in &stage.hospitals {
        let respond = [&["screening", "respond", &id, "--yes"][..], &WALLETS].concat();
        hospital.until_within(patience(people), &respond, |_| true);
    }
    invite(stage, &id, people);
    accept(stage, &id);
    let told = sponsor.until(&signed(&["screening", "contacts", &id]), |told| contacts(told) == [CONTACT]);
    assert_eq!(told["responses"].as_array().unwrap().len(), people);
    sponsor.sign_once("researcher.key", &signed(&["screening", "close", &id, "--yes"]));
    let closed = sponsor.until(&["screening", "show", &id], |shown| !shown["state"]["closed"].is_null());
    assert_eq!((&closed["state"]["eligible"], &closed["state"]["escrow"]), (&json!(people), &json!(0)));
    closed
}

/// A command with the sponsor's key.
fn signed<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &key_file("researcher")].concat()
}

/// Invites everybody by number: given again, that stores what an interruption kept from being stored.
fn invite(stage: &Stage, id: &str, people: usize) {
    let invitation = json!({ "title": "A trial", "about": INVITATION, "answering": "Write." });
    stage.sponsor.write("invitation.json", invitation.to_string());
    let everybody = (0..people).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let invite = ["screening", "invite", id, "invitation.json", "--response", &everybody, "--yes"];
    let invited = stage.sponsor.until(&signed(&invite), |_| true);
    let outcomes: Vec<_> = invited["invitations"].as_array().unwrap().iter().map(|one| text(&one["outcome"])).collect();
    let are_invited = outcomes.iter().all(|outcome| ["invited", "already_invited"].contains(&outcome.as_str()));
    assert!(outcomes.len() == people && are_invited, "{invited}");
}

/// One patient reads the invitation and leaves a contact.
fn accept(stage: &Stage, id: &str) {
    let first = &stage.hospitals[0];
    first.until(&[&["screening", "invitations", id][..], &WALLETS].concat(), |read| {
        read["invitations"][0]["invitation"]["about"] == INVITATION
    });
    first.write("contact.txt", CONTACT);
    let wallet = "wallets/Quillon-Zephyrine-0000.wallet";
    let accept = ["screening", "accept", id, wallet, "--custodian", "custodian.key", "--contact", "contact.txt"];
    first.until(&[&accept[..], &["--yes"]].concat(), |_| true);
}

/// The contacts that a sponsor is told.
fn contacts(told: &Value) -> Vec<&str> {
    told["responses"].as_array().unwrap().iter().filter_map(|one| one["contact"].as_str()).collect()
}

/// Every response in the blocks that the node hands out.
fn responses(stage: &Stage) -> Vec<ScreeningResponse> {
    let head = stage.sponsor.until(&["ledger", "head"], |_| true)["height"].as_u64().unwrap();
    let block = |height: u64| -> Block {
        let request = agent().get(format!("{}/v1/blocks/{height}", stage.url()));
        let mut answer = request.header("accept", "application/octet-stream").call().unwrap();
        borsh::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap()
    };
    let transactions = (1..=head).flat_map(|height| block(height).transactions);
    let responses = transactions.filter_map(|transaction| match transaction {
        Transaction::Respond(response) => Some(response),
        _ => None,
    });
    responses.collect()
}

impl Responses {
    /// Reads them from a node that nobody kills meanwhile.
    pub fn read(stage: &Stage, screening: &Value, people: usize) -> Self {
        let sent = responses(stage);
        assert_eq!(sent.len(), people);
        Self { state: serde_json::from_value(screening["state"].clone()).unwrap(), sent }
    }

    /// Each eligibility proof verifies with nothing but the genesis and the screening; one that is carried over to another
    /// key does not.
    pub fn holds_for_somebody_else(&self, stage: &Stage) {
        let genesis: Genesis =
            serde_json::from_slice(&fs::read(stage.sponsor.path(".locus/genesis.json")).unwrap()).unwrap();
        let chain = genesis.chain_id().unwrap();
        for (place, response) in self.sent.iter().enumerate() {
            let terms = self.state.terms(response.screening);
            let verifier = EligibilityVerifier::new(&genesis.eligibility, &terms).unwrap();
            verifier.verify(&response.instance(&chain).unwrap(), &response.proof).unwrap();
            let mut stolen = response.clone();
            stolen.reply = self.sent[(place + 1) % self.sent.len()].reply;
            assert!(verifier.verify(&stolen.instance(&chain).unwrap(), &response.proof).is_err());
        }
        let nullifiers: std::collections::BTreeSet<_> =
            self.sent.iter().map(|response| response.nullifier.to_bytes()).collect();
        assert_eq!(nullifiers.len(), self.sent.len(), "each record responded once");
    }
}
