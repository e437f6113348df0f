//! Licences of raw data: who may do what, and when money moves.

use circuits::{
    consent::{Day, Purposes, Regions},
    id::{DatasetId, LicenceId},
    quorum::Quorum,
};
use node::{
    query::DataUse,
    state::{AccessParty, LicenceState, LicenceStatus, StateRead},
    transaction::{
        AccessKind, Action, AllowedUse, DATASETS_OF_RECORD_MAX, Governance, GrantLicence, OfferDataset, RecordAccess,
        RequestLicence,
    },
    units::{AccessIndex, Amount, LeafIndex},
};

use crate::world::{ENDOWMENT, TODAY, World, account, digest, owner_name, refused};

const PRICE: u64 = 500;

pub fn offer() -> OfferDataset {
    OfferDataset {
        body: digest("body"),
        body_bytes: 65_564,
        plaintext_bytes: 65_536,
        header: digest("header of the owner"),
        record: Some(LeafIndex::new(0)),
        allowed: AllowedUse {
            purposes: Purposes::GENERAL_RESEARCH.union(Purposes::DISEASE_SPECIFIC),
            disease: 0,
            regions: Regions(0b11),
        },
        price_min: Amount::new(PRICE),
        term_days_max: 30,
        embargo: Day(TODAY + 5),
        custodian: account("custodian"),
    }
}

pub fn request(dataset: DatasetId) -> RequestLicence {
    RequestLicence {
        dataset,
        data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
        term_days: 10,
        price: Amount::new(PRICE),
        embargo: Day(TODAY + 5),
        answer_blocks_max: 3,
    }
}

impl World {
    pub fn offer(&mut self, offer: OfferDataset) -> DatasetId {
        let owner = owner_name(0);
        let nonce = self.sequencer.mempool().next_nonce(account(&owner)).unwrap();
        let id = offer.id(&self.ledger().chain(), &account(&owner), nonce).unwrap();
        self.act(&owner, Action::OfferDataset(Box::new(offer))).unwrap();
        self.block();
        id
    }

    pub fn request(&mut self, request: RequestLicence) -> LicenceId {
        let nonce = self.sequencer.mempool().next_nonce(account("researcher")).unwrap();
        let id = request.id(&self.ledger().chain(), &account("researcher"), nonce).unwrap();
        self.act("researcher", Action::RequestLicence(request)).unwrap();
        self.block();
        id
    }

    fn grant(&mut self, licence: LicenceId) {
        self.act(&owner_name(0), grant(licence)).unwrap();
        self.block();
    }

    fn licence(&self, id: LicenceId) -> LicenceState {
        self.ledger().snapshot().unwrap().licence(id).unwrap().unwrap()
    }
}

pub fn grant(licence: LicenceId) -> Action {
    Action::GrantLicence(GrantLicence { licence, header: digest("header of the licensee") })
}

pub fn access(licence: LicenceId) -> Action {
    let digest = digest("header of the licensee");
    Action::RecordAccess(RecordAccess { licence, kind: AccessKind::Header, digest })
}

#[test]
fn a_granted_licence_pays_the_owner_and_ends_with_its_term() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let id = world.request(request(dataset));
    assert_eq!((world.balance("researcher"), world.licence(id).escrow.get()), (ENDOWMENT - PRICE, PRICE));
    refused(world.act("custodian", access(id)), "access needs a granted one");
    world.grant(id);
    let header = digest("header of the licensee");
    let LicenceStatus::Granted { header: kept, from, until, .. } = world.licence(id).status else { panic!() };
    assert_eq!((kept, from, until), (header, Day(TODAY), Day(TODAY + 9)));
    assert_eq!((world.balance(&owner_name(0)), world.licence(id).escrow.get()), (PRICE, 0));
    world.pass_days(9);
    world.act("custodian", access(id)).unwrap();
    world.block();
    world.pass_days(1);
    assert!(!world.licence(id).is_active(Day(TODAY + 10)));
    refused(world.act("custodian", access(id)), "its term ended on 2024-10-13");
    refused(world.act("researcher", access(id)), "ask for another licence");
}

#[test]
fn a_dataset_comes_from_an_issuer_or_from_the_owner_of_a_live_record() {
    let mut world = World::ready(Quorum::DEFAULT);
    let offered = |offer| Action::OfferDataset(Box::new(offer));
    let without = OfferDataset { record: None, ..offer() };
    world.act("issuer 0", offered(without.clone())).unwrap();
    refused(world.act("friend", offered(without)), "an accredited issuer does, or the owner of a record");
    refused(world.act(&owner_name(1), offered(offer())), "the owner key named at the record's registration");
    let absent = OfferDataset { record: Some(LeafIndex::new(99)), ..offer() };
    refused(world.act(&owner_name(0), offered(absent)), "record 99 is not on this ledger");
    for _ in 0..DATASETS_OF_RECORD_MAX {
        world.act(&owner_name(0), offered(offer())).unwrap();
    }
    refused(world.act(&owner_name(0), offered(offer())), "has 64 datasets, the most there are");
    let second = OfferDataset { record: Some(LeafIndex::new(1)), ..offer() };
    world.act(&owner_name(1), Action::RevokeConsent(LeafIndex::new(1))).unwrap();
    refused(world.act(&owner_name(1), offered(second)), "was revoked for ever");
    let broken: [(&str, OfferDataset); 5] = [
        ("lengths of body and plaintext", OfferDataset { plaintext_bytes: 65_565, ..offer() }),
        ("lengths of body and plaintext", OfferDataset { plaintext_bytes: 0, ..offer() }),
        ("term_days_max", OfferDataset { term_days_max: 0, ..offer() }),
        ("at least one purpose", with_use(AllowedUse { purposes: Purposes(0), ..offer().allowed })),
        ("one region", with_use(AllowedUse { regions: Regions(0), ..offer().allowed })),
    ];
    for (text, broken) in broken {
        refused(world.act("issuer 0", offered(broken)), text);
    }
}

fn with_use(allowed: AllowedUse) -> OfferDataset {
    OfferDataset { allowed, ..offer() }
}

#[test]
fn a_request_keeps_to_what_the_owner_offers() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(with_use(AllowedUse { disease: 7, ..offer().allowed }));
    let of = |purposes, disease, regions| DataUse { purposes, disease, regions };
    let general = Purposes::GENERAL_RESEARCH;
    let good = RequestLicence { data_use: of(general, 7, Regions(1)), ..request(dataset) };
    let ask = Action::RequestLicence;
    refused(world.act("friend", ask(good.clone())), "no accredited researcher");
    let broken: [(&str, RequestLicence); 12] = [
        (
            "every purpose",
            RequestLicence { data_use: of(general.union(Purposes::COMMERCIAL), 7, Regions(1)), ..good.clone() },
        ),
        ("at least one purpose", RequestLicence { data_use: of(Purposes::COMMERCIAL, 7, Regions(1)), ..good.clone() }),
        ("another disease", RequestLicence { data_use: of(general, 0, Regions(1)), ..good.clone() }),
        ("another disease", RequestLicence { data_use: of(general, 8, Regions(1)), ..good.clone() }),
        ("every region", RequestLicence { data_use: of(general, 7, Regions(4)), ..good.clone() }),
        ("at least one purpose", RequestLicence { data_use: of(Purposes(0), 7, Regions(1)), ..good.clone() }),
        ("asks at least 500", RequestLicence { price: Amount::new(PRICE - 1), ..good.clone() }),
        ("the owner allows 30", RequestLicence { term_days: 31, ..good.clone() }),
        ("1 to 36500 days", RequestLicence { term_days: 0, ..good.clone() }),
        ("embargoes publication until", RequestLicence { embargo: Day(TODAY), ..good.clone() }),
        ("blocks to answer", RequestLicence { answer_blocks_max: 0, ..good.clone() }),
        ("holds 1000000 and needs", RequestLicence { price: Amount::new(ENDOWMENT + 1), ..good.clone() }),
    ];
    for (text, broken) in broken {
        refused(world.act("researcher", ask(broken)), text);
    }
    let unknown = RequestLicence { dataset: DatasetId::from_bytes([3; 32]), ..good.clone() };
    refused(world.act("researcher", ask(unknown)), "not on this ledger");
    world.act("researcher", ask(good)).unwrap();
}

#[test]
fn only_the_owner_grants_or_declines_and_once() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let (first, second) = (world.request(request(dataset)), world.request(request(dataset)));
    for stranger in ["researcher", "custodian", "owner 1"] {
        refused(world.act(stranger, grant(first)), "the owner of the dataset does");
        refused(world.act(stranger, Action::DeclineLicence(first)), "the owner of the dataset does");
    }
    let absent = LicenceId::from_bytes([1; 32]);
    refused(world.act(&owner_name(0), grant(absent)), "not on this ledger");
    world.act(&owner_name(0), Action::DeclineLicence(first)).unwrap();
    world.grant(second);
    assert!(matches!(world.licence(first).status, LicenceStatus::Declined { .. }));
    assert_eq!((world.balance("researcher"), world.balance(&owner_name(0))), (ENDOWMENT - PRICE, PRICE));
    refused(world.act(&owner_name(0), grant(first)), "it is declined");
    refused(world.act(&owner_name(0), grant(second)), "it is granted");
    refused(world.act(&owner_name(0), Action::DeclineLicence(second)), "it is granted");
    refused(world.act("researcher", Action::ReclaimLicence(first)), "it is declined");
}

#[test]
fn a_request_that_nobody_answers_goes_back_to_the_licensee_after_its_deadline() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let id = world.request(request(dataset));
    refused(world.act("researcher", Action::ReclaimLicence(id)), "has until block");
    world.pass_blocks(3);
    refused(world.act(&owner_name(0), grant(id)), "it was to be answered until block");
    refused(world.act("friend", Action::ReclaimLicence(id)), "the licensee who asked for it does");
    world.act("researcher", Action::ReclaimLicence(id)).unwrap();
    refused(world.act("researcher", Action::ReclaimLicence(id)), "it is unanswered");
    world.block();
    assert!(matches!(world.licence(id).status, LicenceStatus::Unanswered { .. }));
    assert_eq!((world.balance("researcher"), world.licence(id).escrow.get()), (ENDOWMENT, 0));
}

#[test]
fn a_withdrawn_dataset_takes_no_request_and_no_grant_but_can_be_declined() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let (granted, waiting) = (world.request(request(dataset)), world.request(request(dataset)));
    world.grant(granted);
    refused(world.act("friend", Action::WithdrawDataset(dataset)), "the owner who offered it does");
    world.act(&owner_name(0), Action::WithdrawDataset(dataset)).unwrap();
    refused(world.act(&owner_name(0), Action::WithdrawDataset(dataset)), "was withdrawn in block");
    refused(world.act("researcher", Action::RequestLicence(request(dataset))), "was withdrawn in block");
    refused(world.act(&owner_name(0), grant(waiting)), "was withdrawn in block");
    world.act(&owner_name(0), Action::DeclineLicence(waiting)).unwrap();
    world.act("custodian", access(granted)).unwrap();
}

#[test]
fn a_revoked_licence_gives_no_access_and_keeps_what_was_paid() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let (id, other) = (world.request(request(dataset)), world.request(request(dataset)));
    world.grant(id);
    world.act("custodian", access(id)).unwrap();
    refused(world.act("researcher", Action::RevokeLicence(id)), "the owner of the dataset does");
    refused(world.act(&owner_name(0), Action::RevokeLicence(other)), "it is requested; a granted one is revoked");
    world.act(&owner_name(0), Action::RevokeLicence(id)).unwrap();
    refused(world.act(&owner_name(0), Action::RevokeLicence(id)), "it is revoked");
    refused(world.act("custodian", access(id)), "access needs a granted one");
    refused(world.act("researcher", access(id)), "access needs a granted one");
    refused(world.act(&owner_name(0), grant(id)), "it is revoked");
    world.block();
    assert_eq!((world.balance(&owner_name(0)), world.licence(id).accesses), (PRICE, 1));
}

#[test]
fn receipts_of_access_come_from_the_custodian_or_the_licensee_and_fit_the_object() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let id = world.request(request(dataset));
    world.grant(id);
    let receipt = |kind, name: &str| Action::RecordAccess(RecordAccess { licence: id, kind, digest: digest(name) });
    for stranger in ["friend", "owner 0", "issuer 0"] {
        refused(world.act(stranger, access(id)), "the custodian that the dataset names does, or the licensee");
    }
    refused(world.act("custodian", receipt(AccessKind::Header, "header of the owner")), "with another header");
    refused(world.act("custodian", receipt(AccessKind::Body, "another body")), "another body");
    for (first, length) in [(65_564, 1), (0, 65_565), (u64::MAX, 2)] {
        refused(world.act("custodian", receipt(AccessKind::Range { first, length }, "x")), "ends beyond");
    }
    refused(world.act("custodian", receipt(AccessKind::Range { first: 3, length: 0 }, "x")), "the range is empty");
    world.act("custodian", receipt(AccessKind::Range { first: 65_536, length: 28 }, "x")).unwrap();
    world.act("researcher", receipt(AccessKind::Body, "body")).unwrap();
    world.block();
    let snapshot = world.ledger().snapshot().unwrap();
    let parties = [0, 1].map(|index| snapshot.access(id, AccessIndex::new(index)).unwrap().unwrap().party);
    assert_eq!(parties, [AccessParty::Custodian, AccessParty::Licensee]);
    assert_eq!(world.licence(id).accesses, 2);
}

#[test]
fn a_suspended_licensee_is_granted_nothing_and_gets_nothing() {
    let mut world = World::ready(Quorum::DEFAULT);
    let dataset = world.offer(offer());
    let (id, waiting) = (world.request(request(dataset)), world.request(request(dataset)));
    world.grant(id);
    world.act("governor", Action::Govern(Governance::SuspendResearcher(account("researcher")))).unwrap();
    refused(world.act("custodian", access(id)), "no accredited researcher");
    refused(world.act(&owner_name(0), grant(waiting)), "no accredited researcher");
    world.block();
    world.pass_blocks(3);
    world.act("researcher", Action::ReclaimLicence(waiting)).unwrap();
}
