//! Who reads what: contacts are the sponsor's alone, and whose invitation is read shows nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use circuits::{domain::ByteTag, quorum::Quorum};
use market::{
    ledger::{LedgerAccess, act, open_screenings},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
    recruitment::{Contact, ScreeningAgent, Sponsor},
    sealing::{SealingContext, SealingSecretKey, open},
    wallet::{PartyKey, Role, Wallet},
};
use node::{
    screening::ScreeningQuery,
    state::{ResponseStatus, StateRead},
    transaction::{Action, Governance, Transfer},
    units::Amount,
};

use super::{CONTACT, Recorded, invitation, invited, places, refused, rng, screening};
use crate::{
    fault::{Fault, FaultyLedger},
    world::{FEE, PRICE, World, four_people, sealing_key},
};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_sponsor_reads_the_contact_of_who_accepts_and_learns_nothing_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 3);
    let agent = world.people_agent();
    let mailbox = agent.mailbox(id, &wallets).unwrap();
    for wallet in &wallets {
        let received = mailbox.open(wallet).unwrap();
        assert_eq!(received.invitation, Some(invitation()));
        assert!(matches!(received.status, ResponseStatus::Invited { .. }));
    }
    let contact = Contact::new(CONTACT).unwrap();
    let status = agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    assert!(matches!(status, ResponseStatus::Accepted { .. }));
    assert!(matches!(agent.decline(&mut wallets[1], id).unwrap(), ResponseStatus::Declined { .. }));
    let answers = world.sponsor().answers(id).unwrap();
    let contacts: Vec<_> = answers.iter().map(|answered| answered.contact.as_ref().map(Contact::text)).collect();
    assert_eq!(contacts, [Some(CONTACT), None, None]);
    assert!(answers.iter().all(|answered| answered.problem.is_none()));
    assert!(matches!(answers[1].status, ResponseStatus::Declined { .. }));
    assert!(matches!(answers[2].status, ResponseStatus::Invited { .. }));
    let state = world.screening_state(id);
    assert_eq!((state.eligible, state.invited, state.accepted, state.declined), (3, 3, 1, 1));
    for wallet in &wallets {
        let paid = world.ledger().account(wallet.responses()[&id].reply_account()).unwrap().unwrap();
        assert_eq!(paid.balance.get(), PRICE);
    }
    // Of whoever said nothing, the ledger has one-time keys that are in no other place of it.
    let own = &wallets[2].responses()[&id];
    assert_ne!(own.reply_account(), wallets[2].owner());
    assert!(world.ledger().account(wallets[2].owner()).unwrap().is_none_or(|account| account.balance.get() == 0));
}

#[test]
fn no_file_of_the_node_holds_a_contact_or_an_invitation_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let contact = Contact::new(CONTACT).unwrap();
    world.people_agent().accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    assert_eq!(format!("{:?}", wallets[0].responses()[&id]).matches(CONTACT).count(), 0);
    let sent = invitation();
    let secrets = [CONTACT.as_bytes(), sent.title.as_bytes()];
    let mut found = 0;
    for path in files(folder.path()) {
        let bytes = fs::read(&path).unwrap();
        found += bytes.len();
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{} tells", path.display());
        }
    }
    assert!(found > 10_000, "the ledger and the blobs were looked at");
    for kind in [BlobKind::Invitation, BlobKind::Contact] {
        assert_eq!(world.blobs.list(kind).unwrap().len(), 1);
    }
}

/// An accredited researcher with money and no part in the screening.
fn another_sponsor(world: &World) -> PartyKey {
    let key = PartyKey::random(Role::Researcher, &mut rng());
    let accredit = Governance::AccreditResearcher { account: key.account(), name: "Other".into() };
    act(world.ledger(), &world.keys.governor.signing_key(), Action::Govern(accredit)).unwrap();
    let transfer = Transfer { to: key.account(), amount: Amount::new(1_000) };
    act(world.ledger(), &world.keys.researcher.signing_key(), Action::Transfer(transfer)).unwrap();
    key
}

#[test]
fn another_sponsor_reads_no_contact_invites_nobody_and_closes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    world.people_agent().accept(&mut wallets[0], id, &Contact::new(CONTACT).unwrap(), &mut rng()).unwrap();
    let key = another_sponsor(&world);
    let other = Sponsor { key: &key, ..world.sponsor() };
    refused(other.answers(id), "only their key invites and reads contacts");
    refused(other.invite(id, &places(&[0]), &invitation()), "only their key invites");
    refused(other.close(id), "before, its sponsor closes it");
    // Nor does the blob open with the other's key, which anybody may fetch.
    let answered = world.sponsor().answers(id).unwrap().remove(0);
    let ResponseStatus::Accepted { invitation, contact, .. } = answered.status else { panic!("{answered:?}") };
    let sealed = get(world.blobs.as_ref(), BlobAddress { kind: BlobKind::Contact, digest: contact }, 4_096).unwrap();
    let parts: [&[u8]; 3] = [id.as_bytes(), &0u32.to_le_bytes(), invitation.as_bytes()];
    let context = SealingContext::new(ByteTag::Contact, &world.ledger().chain(), &parts);
    let secret = |key: &PartyKey| SealingSecretKey::from_bytes(key.sealing_seed().as_bytes());
    assert!(open(&secret(&key), &context, &sealed).is_err());
    let opened = open(&secret(&world.keys.researcher), &context, &sealed).unwrap();
    assert!(opened.windows(CONTACT.len()).any(|window| window == CONTACT.as_bytes()));
}

#[test]
fn a_screening_whose_contacts_nobody_could_read_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    world.people(&four_people()[..1]);
    let foreign = ScreeningQuery { sealing: sealing_key(&world.keys.issuers[0]), ..screening(&world) };
    refused(world.sponsor().open(foreign), "sealed to another key than the sponsor's");
    assert!(open_screenings(world.ledger()).unwrap().is_empty());
    let before = world.ledger().account(world.keys.researcher.account()).unwrap().unwrap().balance.get();
    let (id, state) = world.sponsor().open(screening(&world)).unwrap();
    assert_eq!(open_screenings(world.ledger()).unwrap(), [(id, state)]);
    let faulty = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 0);
    assert_eq!(faulty.screenings().unwrap(), [id], "the blocks say the same as the list");
    world.sponsor().close(id).unwrap();
    assert!(open_screenings(world.ledger()).unwrap().is_empty());
    let after = world.ledger().account(world.keys.researcher.account()).unwrap().unwrap().balance.get();
    assert_eq!(after, before - FEE);
}

#[test]
fn whose_invitation_is_read_does_not_show_in_what_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let (world, wallets, id) = invited(folder.path(), 3);
    let fetched = |wallet: &Wallet| {
        let store = Recorded { inner: world.blobs.as_ref(), full: false, read: Mutex::default() };
        let agent = ScreeningAgent { blobs: &store, ..world.people_agent() };
        assert!(agent.mailbox(id, [wallet]).unwrap().open(wallet).is_some());
        store.read.into_inner().unwrap()
    };
    let first = fetched(&wallets[0]);
    assert_eq!(first.len(), 3, "every invitation is fetched");
    assert!(wallets.iter().all(|wallet| fetched(wallet) == first));
}
