//! The life of a licence, and what ends it.

use std::sync::atomic::{AtomicU64, Ordering};

use circuits::id::{DatasetId, Digest};
use market::{
    crypt4gh::BodyManifest,
    ledger::act,
    licence::{acknowledge, decline, granted, revoke},
};
use node::{
    state::{AccessParty, StateRead},
    transaction::{AccessKind, Action, Governance},
    units::{AccessIndex, SECONDS_PER_DAY, Timestamp},
};
use sha2::{Digest as _, Sha256};

use super::town::Town;
use crate::{
    api::server::Answer,
    world::{TODAY, account, key, owner_name},
};

fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The answer to whoever may not know of the dataset: as for one that is not there.
#[track_caller]
fn as_if_absent(town: &Town, name: &str) {
    let absent = DatasetId::from_bytes([1; 32]);
    for part in ["header", "body"] {
        let [here, there] = [town.dataset, absent].map(|id| {
            let answer = town.get(name, &format!("/v1/datasets/{id}/{part}"));
            let text = String::from_utf8(answer.body.clone()).unwrap().replace(&id.to_string(), "ID");
            (answer.status, text, header_names(&answer))
        });
        assert_eq!(here.0, 404, "{name} {part}: {}", here.1);
        assert_eq!(here, there, "{name} {part}");
    }
}

fn header_names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_licensed_genome_is_fetched_verified_and_decrypted_and_every_access_is_on_the_ledger() {
    let town = Town::new();
    as_if_absent(&town, "researcher");
    let id = town.licensed("researcher");
    let ledger = town.server.chain.access();
    let (licence, state) = granted(ledger, id).unwrap();
    assert_eq!((state.accesses, licence.manifest()), (0, town.manifest));
    let custodian = town.custodian("researcher");
    let mut rng = rand::rng();

    let header = custodian.header(town.dataset, &mut rng).unwrap().unwrap();
    assert_eq!(town.licence(id).accesses, 1, "the receipt is there when the bytes are");
    let mut body = vec![];
    let bytes = town.manifest.body_bytes();
    assert_eq!(custodian.body(town.dataset, (0, bytes), &mut body, &mut rng, |_| {}).unwrap(), Some(bytes));
    assert_eq!(town.licence(id).accesses, 2);

    let opened = licence.header(&header).unwrap().open(&town.reader).unwrap();
    let text = opened.decrypt(&body[..], vec![]).unwrap().verify(&licence.manifest()).unwrap().into_inner();
    assert_eq!(text, town.plaintext);
    assert!(licence.header(&town.file[..header.len()]).is_err(), "the owner's header is not the licensee's");
    assert!(licence.header(&header).unwrap().open(&town.owner).is_err(), "and was made for the licensee alone");

    acknowledge(ledger, &key("researcher"), &licence).unwrap();
    let receipts: Vec<_> = (0..4).map(|index| ledger.access(id, AccessIndex::new(index)).unwrap().unwrap()).collect();
    let parties = receipts.iter().map(|access| access.party).collect::<Vec<_>>();
    assert_eq!(parties, [AccessParty::Custodian, AccessParty::Custodian, AccessParty::Licensee, AccessParty::Licensee]);
    let kinds = receipts.iter().map(|access| (access.receipt.kind, access.receipt.digest)).collect::<Vec<_>>();
    let (header, body) = ((AccessKind::Header, sha256(&header)), (AccessKind::Body, sha256(&body)));
    assert_eq!(kinds, [header, body, header, body]);
}

#[test]
fn a_revoked_licence_gives_nothing_and_leaves_no_receipt() {
    let town = Town::new();
    let id = town.licensed("researcher");
    assert_eq!(town.get("researcher", &town.header_path()).status, 200);
    revoke(town.server.chain.access(), id, &key(&owner_name(0))).unwrap();
    as_if_absent(&town, "researcher");
    assert_eq!(town.licence(id).accesses, 1);
}

#[test]
fn a_term_that_ended_gives_nothing_and_leaves_no_receipt() {
    static DAY: AtomicU64 = AtomicU64::new(0);
    DAY.store(u64::from(TODAY) + 12, Ordering::SeqCst);
    let town = Town::by_clock(|| Timestamp::new(DAY.load(Ordering::SeqCst) * SECONDS_PER_DAY));
    let id = town.licensed("researcher");
    DAY.fetch_add(9, Ordering::SeqCst);
    assert_eq!(town.get("researcher", &town.header_path()).status, 200, "its last day");
    DAY.fetch_add(1, Ordering::SeqCst);
    as_if_absent(&town, "researcher");
    assert_eq!(town.licence(id).accesses, 1);
}

#[test]
fn nobody_else_learns_that_there_is_a_dataset() {
    let town = Town::new();
    town.licensed("researcher");
    for name in ["sponsor", "friend", "issuer 0", "governor", "validator", "member 0", "owner 1"] {
        as_if_absent(&town, name);
    }
}

#[test]
fn a_suspended_licensee_gets_nothing_until_it_is_accredited_again() {
    let town = Town::new();
    town.licensed("researcher");
    let ledger = town.server.chain.access();
    let suspend = Governance::SuspendResearcher(account("researcher"));
    act(ledger, &key("governor"), Action::Govern(suspend)).unwrap();
    as_if_absent(&town, "researcher");
    let accredit = Governance::AccreditResearcher { account: account("researcher"), name: "Dr R".into() };
    act(ledger, &key("governor"), Action::Govern(accredit)).unwrap();
    assert_eq!(town.get("researcher", &town.header_path()).status, 200);
}

#[test]
fn owner_and_custodian_read_the_owners_file_and_leave_no_receipt() {
    let town = Town::new();
    let id = town.licensed("researcher");
    for name in [owner_name(0), "custodian".into()] {
        let header = town.get(&name, &town.header_path());
        let body = town.get(&name, &town.body_path());
        assert_eq!((header.status, body.status), (200, 200), "{name}");
        assert_eq!([header.body, body.body].concat(), town.file, "{name}");
    }
    assert_eq!(town.licence(id).accesses, 0);
}

#[test]
fn two_licensees_get_headers_of_their_own_and_one_body() {
    let town = Town::new();
    let (first, second) = (town.licensed("researcher"), town.licensed("sponsor"));
    let headers = ["researcher", "sponsor"].map(|name| town.get(name, &town.header_path()).body);
    assert_ne!(headers[0], headers[1]);
    for (id, header) in [first, second].into_iter().zip(&headers) {
        let (licence, _) = granted(town.server.chain.access(), id).unwrap();
        licence.header(header).unwrap();
    }
    let bodies = ["researcher", "sponsor"].map(|name| town.get(name, &town.body_path()).body);
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!((town.licence(first).accesses, town.licence(second).accesses), (2, 2));
}

#[test]
fn a_body_that_was_cut_is_neither_served_nor_believed() {
    let town = Town::new();
    let id = town.licensed("researcher");
    let (licence, _) = granted(town.server.chain.access(), id).unwrap();
    let header = town.get("researcher", &town.header_path()).body;
    let body = town.get("researcher", &town.body_path()).body;
    let cut = &body[..body.len() / 65_564 * 65_564];
    let opened = licence.header(&header).unwrap().open(&town.reader).unwrap();
    let decrypted = opened.decrypt(cut, vec![]).unwrap();
    assert!(matches!(decrypted.verify(&licence.manifest()), Err(market::Error::Crypt4ghBody { .. })));
    assert_ne!(BodyManifest::of(cut).unwrap(), licence.manifest());

    let digest = town.manifest.body_sha256().to_string();
    let file = town.server.directory.path().join("blobs/genome").join(&digest[..2]).join(&digest);
    std::fs::write(&file, cut).unwrap();
    town.get("researcher", &town.body_path()).refused(500, "operator");
    assert_eq!(town.licence(id).accesses, 2, "nothing was given, and no receipt says so");
}

#[test]
fn only_the_owner_answers_and_only_for_the_file_that_was_offered() {
    let town = Town::new();
    let ledger = town.server.chain.access();
    let request = super::request(town.dataset, super::town::EMBARGO);
    let (id, document) = super::ask(ledger, &key("researcher"), request, &town.reader.public_key());
    let licensee = document.verify(&ledger.chain(), id, account("researcher")).unwrap();
    let blobs = town.blobs();
    let header = market::crypt4gh::Header::read(&mut &town.file[..]).unwrap();
    let other =
        header.reencrypt(&town.owner, &[town.owner.public_key()], market::crypt4gh::Others::Drop, &mut rand::rng());
    let (other, owner, stranger) = (other.unwrap(), key(&owner_name(0)), key("friend"));
    for (header, owner, why) in [(&header, &stranger, "belongs to"), (&other, &owner, "header of another file")] {
        let grant = market::licence::Grant { header, reader: &town.owner, licensee, owner };
        let refused = market::licence::grant(ledger, &blobs, &grant, &mut rand::rng()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    decline(ledger, id, &owner).unwrap();
    let said = decline(ledger, id, &owner).unwrap_err().to_string();
    assert!(said.contains("answered already"), "{said}");
    assert!(granted(ledger, id).unwrap_err().to_string().contains("declined"));
}
