//! Recruitment with real proofs: who responds, who is invited, who is known, and what a crash leaves.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    domain::ByteTag,
    id::{Digest, ScreeningId},
    quorum::Quorum,
};
use market::{
    Error,
    agent::Refusal,
    issuer::{change_consent, revoke},
    ledger::{LedgerAccess, act, open_screenings, require_screening},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
    recruitment::{Answered, Contact, Invitation, Invited, Outcome, Outlook, ScreeningAgent, Sponsor},
    sealing::{SealingContext, SealingSecretKey, open},
    wallet::{PartyKey, ResponseStage, Role, Wallet},
};
use node::{
    query::DataUse,
    screening::ScreeningQuery,
    state::{ResponseStatus, ScreeningState, StateRead},
    transaction::{Action, Governance, Transfer},
    units::{Amount, ResponseIndex},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::{Fault, FaultyLedger},
    world::{
        FEE, PRICE, TODAY, TOO_OLD, World, four_people, pass_days, person, protection, schema, screening_key,
        sealing_key, terms, wallet_path,
    },
};

const CONTACT: &str = "ada@example.org, after six in the evening";

/// Another generator each time: two wallets must not draw the same one-time keys.
fn rng() -> StdRng {
    static DRAWN: AtomicU64 = AtomicU64::new(78);
    StdRng::seed_from_u64(DRAWN.fetch_add(1, Ordering::Relaxed))
}

/// The terms of somebody who allows screening.
pub fn willing() -> ConsentTerms {
    let purposes = Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH);
    let mut terms = terms(purposes, &mut rng());
    terms.flags = ConsentFlags::EXACT.union(ConsentFlags::SCREENING);
    terms
}

fn screening(world: &World) -> ScreeningQuery {
    ScreeningQuery {
        study: world.study(),
        schema: schema().id().unwrap(),
        criteria: Criteria { groups: vec![vec![Clause { attribute: 0, lo: 18, hi: 65, negated: false }]] },
        issuers: vec![],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        responses_max: 4,
        opening: Day(TODAY),
        closing: Day(TODAY + 30),
        sealing: sealing_key(&world.keys.researcher),
    }
}

fn invitation() -> Invitation {
    Invitation {
        title: "A trial of two visits".into(),
        about: "We measure blood pressure.\nWhoever answers tells us that they meet the criteria.".into(),
        answering: "Write an address; we call within a week.".into(),
    }
}

impl World {
    fn sponsor(&self) -> Sponsor<'_> {
        self.sponsor_through(self.ledger())
    }

    fn sponsor_through<'a>(&'a self, ledger: &'a dyn LedgerAccess) -> Sponsor<'a> {
        Sponsor { ledger, blobs: self.blobs.as_ref(), key: &self.keys.researcher }
    }

    pub fn people_agent(&self) -> ScreeningAgent<'_> {
        self.people_agent_through(self.ledger())
    }

    fn people_agent_through<'a>(&'a self, ledger: &'a dyn LedgerAccess) -> ScreeningAgent<'a> {
        ScreeningAgent { ledger, blobs: self.blobs.as_ref() }
    }

    fn respond(&self, wallet: &mut Wallet, id: ScreeningId) -> Result<Outcome, Error> {
        self.respond_through(self.ledger(), wallet, id)
    }

    fn respond_through(
        &self,
        ledger: &dyn LedgerAccess,
        wallet: &mut Wallet,
        id: ScreeningId,
    ) -> Result<Outcome, Error> {
        let agent = self.people_agent_through(ledger);
        agent.proving(screening_key()).respond(wallet, &agent.open(id)?, &mut rng())
    }

    pub fn screening_state(&self, id: ScreeningId) -> ScreeningState {
        require_screening(self.ledger(), id).unwrap()
    }
}

/// People who allow screening, and a screening that looks for them.
pub fn screened(folder: &Path, people: usize) -> (World, Vec<Wallet>, ScreeningId) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..people]);
    for wallet in &mut wallets {
        change_consent(world.ledger(), wallet, 0, willing()).unwrap();
    }
    world.pass_epoch();
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    (world, wallets, id)
}

fn places(all: &[u32]) -> BTreeSet<ResponseIndex> {
    all.iter().copied().map(ResponseIndex::new).collect()
}

/// Everybody responds, in the wallets' order, and is invited.
fn invited(folder: &Path, people: usize) -> (World, Vec<Wallet>, ScreeningId) {
    let (world, mut wallets, id) = screened(folder, people);
    for wallet in &mut wallets {
        assert!(matches!(world.respond(wallet, id).unwrap(), Outcome::Admitted { .. }));
    }
    let all: Vec<u32> = (0..).take(people).collect();
    let outcomes = world.sponsor().invite(id, &places(&all), &invitation()).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Invited::Invited { .. })), "{outcomes:?}");
    (world, wallets, id)
}

/// Closes the first wallet and opens its file again, as after a crash.
fn reopen(world: &World, wallets: &mut Vec<Wallet>) {
    drop(wallets.remove(0));
    wallets.insert(0, Wallet::open(&wallet_path(&world.root, 0), protection()).unwrap());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, text: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(text), "{error} does not say {text}");
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
fn a_person_without_the_flag_for_screening_declines_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..1]);
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    let Outcome::Declined { reasons } = world.respond(&mut wallets[0], id).unwrap() else { panic!() };
    assert!(reasons[0].to_string().contains("it does not allow screening"), "{reasons:?}");
    assert!(wallets[0].responses().is_empty());
    assert_eq!(world.screening_state(id).eligible, 0);
}

#[test]
fn every_other_refusal_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let look = |world: &World, wallet: &Wallet| {
        let agent = world.people_agent();
        match agent.dry_run(wallet, &agent.open(id).unwrap()).unwrap() {
            Outlook::Decline { reasons } => reasons[0].to_string(),
            other => format!("{other:?}"),
        }
    };
    let mut variants: Vec<(ConsentTerms, &str)> = vec![];
    let mut vary = |change: fn(&mut ConsentTerms), reason| {
        let mut changed = willing();
        change(&mut changed);
        variants.push((changed, reason));
    };
    vary(|terms| terms.purposes = Purposes::METHODS, "a purpose of the screening is not among those allowed");
    vary(|terms| terms.price_min = PRICE + 1, "the price is below its minimum");
    vary(|terms| terms.expiry = Day(1), "it expires before the screening closes");
    vary(|terms| terms.regions = Regions(2), "the trial is in a region that is not allowed");
    vary(|terms| terms.flags = terms.flags.union(ConsentFlags::ONLY_THIS_DISEASE), "Respond");
    for (terms, reason) in variants {
        change_consent(world.ledger(), &mut wallets[0], 0, terms).unwrap();
        assert!(look(&world, &wallets[0]).contains("does not hold this record under these terms"));
        world.pass_epoch();
        let said = look(&world, &wallets[0]);
        assert!(said.contains(reason), "{said} does not say {reason}");
    }
    let empty = Wallet::create(&folder.path().join("empty"), protection(), wallets[0].chain(), "", &mut rng()).unwrap();
    assert_eq!(look(&world, &empty), Refusal::NoRecord.to_string());
    revoke(world.ledger(), &wallets[0], 0).unwrap();
    world.pass_epoch();
    assert!(look(&world, &wallets[0]).contains("or revoked"));
    pass_days(31);
    world.pass_blocks(1);
    assert!(look(&world, &wallets[0]).contains("it closed on"), "{}", look(&world, &wallets[0]));
    world.sponsor().close(id).unwrap();
    assert!(look(&world, &wallets[0]).contains("it was closed in block"));
}

#[test]
fn a_person_outside_the_criteria_declines() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&[person(TOO_OLD, [circuits::record::Dosage::Het; 3])]);
    change_consent(world.ledger(), &mut wallets[0], 0, willing()).unwrap();
    world.pass_epoch();
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    let outcome = world.respond(&mut wallets[0], id).unwrap();
    assert_eq!(outcome, Outcome::Declined { reasons: vec![Refusal::OutsideCriteria] });
}

#[test]
fn a_crash_around_sending_leaves_one_response_under_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 2);
    let lost = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.respond_through(&lost, &mut wallets[0], id).is_err());
    assert_eq!(world.screening_state(id).eligible, 0);
    let begun = wallets[0].responses()[&id].clone();
    assert!(matches!(begun.stage, ResponseStage::Proven(_)), "the keys are kept before anything is sent");
    reopen(&world, &mut wallets);
    assert_eq!(wallets[0].responses()[&id], begun);
    // The epoch ends in between: proven anew, for the same keys.
    change_consent(world.ledger(), &mut wallets[1], 0, willing()).unwrap();
    world.pass_epoch();
    let Outcome::Admitted { response, .. } = world.respond(&mut wallets[0], id).unwrap() else { panic!() };
    for _ in 0..2 {
        reopen(&world, &mut wallets);
        assert_eq!(world.respond(&mut wallets[0], id).unwrap(), Outcome::AlreadyAdmitted { response });
    }
    let state = world.ledger().response(id, response).unwrap().unwrap();
    assert_eq!(state.reply, begun.reply_account());
    let told_otherwise = FaultyLedger::new(world.ledger(), Fault::AnswerLost, 1);
    let second = world.respond_through(&told_otherwise, &mut wallets[1], id).unwrap();
    assert_eq!(second, Outcome::AlreadyAdmitted { response: ResponseIndex::new(1) });
    assert_eq!(wallets[1].responses()[&id].place(), Some(ResponseIndex::new(1)));
    assert_eq!(world.screening_state(id).eligible, 2);
}

#[test]
fn a_restored_wallet_that_forgot_its_keys_says_so_and_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let backup = folder.path().join("backup");
    wallets[0].back_up(&backup).unwrap();
    world.respond(&mut wallets[0], id).unwrap();
    let mut restored = Wallet::recover(&backup, &folder.path().join("restored"), protection()).unwrap();
    let response = ResponseIndex::new(0);
    for _ in 0..2 {
        assert_eq!(world.respond(&mut restored, id).unwrap(), Outcome::Forgotten { response });
    }
    assert_eq!(world.screening_state(id).eligible, 1);
    world.sponsor().invite(id, &places(&[0]), &invitation()).unwrap();
    assert!(world.people_agent().mailbox(id, [&restored]).unwrap().open(&restored).is_none());
    refused(world.people_agent().decline(&mut restored, id), "under the wallet's keys");
}

#[test]
fn a_crash_around_an_invitation_sends_the_same_one_and_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let nobody = world.people_agent().mailbox(id, &wallets).unwrap();
    assert!(nobody.open(&wallets[0]).is_none());
    refused(world.sponsor().invite(id, &places(&[0]), &invitation()), "screening response 0");
    world.respond(&mut wallets[0], id).unwrap();
    for fault in [Fault::LostOnTheWay, Fault::AnswerLost] {
        let faulty = FaultyLedger::new(world.ledger(), fault, 1);
        assert!(world.sponsor_through(&faulty).invite(id, &places(&[0]), &invitation()).is_err());
    }
    let response = ResponseIndex::new(0);
    let again = world.sponsor().invite(id, &places(&[0]), &invitation()).unwrap();
    assert_eq!(again, [Invited::AlreadyInvited { response }]);
    let other = Invitation { title: "Another".into(), ..invitation() };
    let other = world.sponsor().invite(id, &places(&[0]), &other).unwrap();
    assert_eq!(other, [Invited::InvitedOtherwise { response }]);
    assert_eq!(world.blobs.list(BlobKind::Invitation).unwrap().len(), 1);
    let received = world.people_agent().mailbox(id, &wallets).unwrap().open(&wallets[0]).unwrap();
    assert_eq!(received.invitation, Some(invitation()));
}

#[test]
fn a_crash_around_accepting_leaves_one_contact_and_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 2);
    let contact = Contact::new(CONTACT).unwrap();
    let lost = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.people_agent_through(&lost).accept(&mut wallets[0], id, &contact, &mut rng()).is_err());
    assert_eq!(world.screening_state(id).accepted, 0);
    reopen(&world, &mut wallets);
    let agent = world.people_agent();
    let other = Contact::new("another address").unwrap();
    refused(agent.accept(&mut wallets[0], id, &other, &mut rng()), "another answer was begun");
    refused(agent.decline(&mut wallets[0], id), "another answer was begun");
    let first = agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    reopen(&world, &mut wallets);
    assert_eq!(agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap(), first);
    assert_eq!(world.blobs.list(BlobKind::Contact).unwrap().len(), 1);
    // The ledger took the second person's answer, and nobody heard.
    let told_otherwise = FaultyLedger::new(world.ledger(), Fault::AnswerLost, 1);
    let status = world.people_agent_through(&told_otherwise).decline(&mut wallets[1], id).unwrap();
    assert!(matches!(status, ResponseStatus::Declined { .. }));
    assert_eq!(agent.decline(&mut wallets[1], id).unwrap(), status);
    let state = world.screening_state(id);
    assert_eq!((state.eligible, state.accepted, state.declined), (2, 1, 1));
}

#[test]
fn nobody_answers_before_an_invitation() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let contact = Contact::new(CONTACT).unwrap();
    let agent = world.people_agent();
    refused(agent.accept(&mut wallets[0], id, &contact, &mut rng()), "has no response to it");
    world.respond(&mut wallets[0], id).unwrap();
    refused(agent.accept(&mut wallets[0], id, &contact, &mut rng()), "no invitation to answer yet");
    refused(agent.decline(&mut wallets[0], id), "no invitation to answer yet");
    assert_eq!(wallets[0].responses()[&id].answer, None);
    assert!(world.blobs.list(BlobKind::Contact).unwrap().is_empty());
}

#[test]
fn a_contact_that_was_never_stored_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let full = Recorded { inner: world.blobs.as_ref(), full: true, read: Mutex::default() };
    let agent = ScreeningAgent { blobs: &full, ..world.people_agent() };
    let contact = Contact::new(CONTACT).unwrap();
    assert!(agent.accept(&mut wallets[0], id, &contact, &mut rng()).is_err());
    let answers = world.sponsor().answers(id).unwrap();
    let [Answered { contact: None, problem: Some(problem), .. }] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(problem.contains("is not in the object store"), "{problem}");
    // Once there is room, the same call mends it.
    world.people_agent().accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    assert_eq!(world.sponsor().answers(id).unwrap()[0].contact, Some(contact));
}

/// A store that notes what is read, and takes nothing when it is full.
struct Recorded<'a> {
    inner: &'a dyn BlobAccess,
    full: bool,
    read: Mutex<BTreeSet<Digest>>,
}

impl BlobAccess for Recorded<'_> {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        if self.full {
            return Err(Error::BlobStore { action: "store a blob", why: "there is no room".into() });
        }
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        self.read.lock().unwrap().insert(address.digest);
        self.inner.read(address, bytes_max)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        self.inner.list(kind)
    }
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

#[test]
fn a_wallet_or_a_key_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let chain = circuits::id::ChainId::from_bytes([1; 32]);
    let mut foreign = Wallet::create(&folder.path().join("f"), protection(), chain, "", &mut rng()).unwrap();
    refused(world.respond(&mut foreign, id), "the wallet is of chain");
    let other = circuits::eligibility::insecure_proving_key_from_seed([8; 32]).unwrap();
    let agent = world.people_agent();
    let opened = agent.open(id).unwrap();
    refused(agent.proving(&other).respond(&mut wallets[0], &opened, &mut rng()), "this chain verifies under");
    assert!(wallets[0].responses().is_empty());
}
