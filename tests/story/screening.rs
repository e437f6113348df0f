//! The sponsor's screening: patients' agents respond, the sponsor invites, one accepts and leaves a contact.

use std::fs;

use circuits::eligibility::EligibilityVerifier;
use node::{
    block::Block,
    genesis::Genesis,
    state::ScreeningState,
    transaction::{ScreeningResponse, Transaction},
};
use serde_json::json;

use super::{
    people::OLDER,
    stage::{Stage, key_file},
    town::text,
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

/// Plays the screening to its end.
pub fn recruit(stage: &Stage, schema: &str, people: usize) -> Responses {
    let sponsor = &stage.sponsor;
    let study = stage.study(sponsor, "A trial");
    let file = json!({
        "study": study, "schema": schema, "purposes": ["health-research"],
        "criteria": [[{ "attribute": "age", "lo": OLDER, "hi": 120 }]],
        "price": PRICE, "responses_max": people + 1, "days": 30
    });
    sponsor.write("screening.json", file.to_string());
    let signed = |arguments: &[&str]| sponsor.run(&[arguments, &key_file("researcher")].concat());
    let id = text(&signed(&["screening", "open", "screening.json", "--yes"])["id"]);
    for hospital in &stage.hospitals {
        let respond = [&["screening", "respond", &id, "--yes"][..], &WALLETS].concat();
        let responded = hospital.run(&respond);
        assert!(responded["responses"].as_array().unwrap().iter().all(|one| one.get("error").is_none()), "{responded}");
    }
    sponsor.write(
        "invitation.json",
        json!({ "title": "A trial", "about": INVITATION, "answering": "Write." }).to_string(),
    );
    let invited = signed(&["screening", "invite", &id, "invitation.json", "--all", "--yes"]);
    assert_eq!(invited["invitations"].as_array().unwrap().len(), people);
    let first = &stage.hospitals[0];
    let read = first.run(&[&["screening", "invitations", &id][..], &WALLETS].concat());
    assert_eq!(read["invitations"][0]["invitation"]["about"], INVITATION);
    first.write("contact.txt", CONTACT);
    let wallet = "wallets/Quillon-Zephyrine-0000.wallet";
    let accept = ["screening", "accept", &id, wallet, "--custodian", "custodian.key", "--contact", "contact.txt"];
    first.run(&[&accept[..], &["--yes"]].concat());
    let told = signed(&["screening", "contacts", &id]);
    let contacts: Vec<&str> =
        told["responses"].as_array().unwrap().iter().filter_map(|one| one["contact"].as_str()).collect();
    assert_eq!(contacts, [CONTACT]);
    let closed = signed(&["screening", "close", &id, "--yes"]);
    assert_eq!((&closed["state"]["eligible"], &closed["state"]["escrow"]), (&json!(people), &json!(0)));
    let sent = responses(stage);
    assert_eq!(sent.len(), people);
    Responses { state: serde_json::from_value(closed["state"].clone()).unwrap(), sent }
}

/// Every response in the blocks that the node hands out.
fn responses(stage: &Stage) -> Vec<ScreeningResponse> {
    let head = stage.sponsor.run(&["ledger", "head"])["height"].as_u64().unwrap();
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
