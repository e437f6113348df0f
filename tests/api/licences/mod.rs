//! Licences of raw data over HTTP: offered, asked for, granted, fetched, revoked; and what nobody else gets.

mod drs;
mod flow;
mod requests;
mod town;

pub use self::{
    drs::refused as drs_refused,
    town::{EMBARGO, Town},
};

use circuits::{
    consent::{Day, Purposes, Regions},
    id::{DatasetId, LicenceId},
};
use ed25519_dalek::SigningKey;
use market::{
    crypt4gh::PublicKey,
    ledger::LedgerAccess,
    licence::{PreparedRequest, UnverifiedReaderKey},
};
use node::{
    query::DataUse,
    transaction::{Action, AllowedUse, OfferDataset, RequestLicence},
    units::{Amount, LeafIndex},
};

use crate::world::{World, account, digest, owner_name};

/// Uses that the owner allows.
pub fn allowed() -> AllowedUse {
    AllowedUse { purposes: Purposes::HEALTH_RESEARCH.union(Purposes::METHODS), disease: 0, regions: Regions::ALL }
}

pub fn request(dataset: DatasetId, embargo: Day) -> RequestLicence {
    RequestLicence {
        dataset,
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        term_days: 10,
        price: Amount::new(500),
        embargo,
        answer_blocks_max: 1_000,
    }
}

/// Asks for a licence: its id, and the document for the owner.
pub fn ask(
    ledger: &dyn LedgerAccess,
    licensee: &SigningKey,
    request: RequestLicence,
    reader: &PublicKey,
) -> (LicenceId, UnverifiedReaderKey) {
    let prepared = PreparedRequest::sign(ledger, licensee, request, reader).unwrap();
    let asked = (prepared.id(), prepared.reader_key().clone());
    prepared.send(ledger).unwrap();
    asked
}

/// A dataset and a request for it, for the index's tables.
pub fn offer_and_request(world: &mut World) {
    let offer = OfferDataset {
        body: digest("body"),
        body_bytes: 65_564,
        plaintext_bytes: 65_536,
        header: digest("header"),
        record: Some(LeafIndex::new(0)),
        allowed: allowed(),
        price_min: Amount::new(500),
        term_days_max: 30,
        embargo: Day(0),
        custodian: account("custodian"),
    };
    let owner = owner_name(0);
    let nonce = world.sequencer.mempool().next_nonce(account(&owner)).unwrap();
    let id = offer.id(&world.ledger().chain(), &account(&owner), nonce).unwrap();
    world.act(&owner, Action::OfferDataset(Box::new(offer))).unwrap();
    world.block();
    world.act("researcher", Action::RequestLicence(request(id, Day(0)))).unwrap();
    world.block();
}
