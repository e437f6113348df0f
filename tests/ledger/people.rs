//! Records, consent, studies, schemas, accreditation and transfers.

use circuits::{
    id::{ConsentCommitment, Leaf},
    merkle::{LeafTree, leaf},
    quorum::Quorum,
};
use node::{
    Error,
    signature::account_of,
    state::{Account, StateRead},
    transaction::{Action, ChangeConsent, Governance, RegisterRecord, StudyRegistration, Transaction, Transfer},
    units::{Amount, LeafIndex},
};

use crate::world::{ENDOWMENT, World, account, digest, element, key, owner_name, record, refused, schema};

fn leaves(world: &World) -> Vec<Leaf> {
    world.ledger().snapshot().unwrap().leaves().unwrap()
}

#[test]
fn a_record_enters_the_tree_at_the_end_of_its_epoch() {
    let mut world = World::ready(Quorum::DEFAULT);
    let before = world.root();
    world.act("issuer 1", Action::RegisterRecord(record(7))).unwrap();
    world.block();
    assert_eq!((world.root(), leaves(&world).len()), (before, 4));
    let epoch = world.epoch();
    world.pass_epoch();
    let expected = leaf(record(7).body, &account("issuer 1"), record(7).consent, epoch);
    assert_eq!(leaves(&world)[4], expected);
    assert_eq!(LeafTree::from_leaves(leaves(&world)).root(), world.root());
    assert_eq!(world.ledger().leaf_tree().root(), world.root());
}

#[test]
fn only_an_accredited_issuer_certifies_a_record_and_each_body_once() {
    let mut world = World::ready(Quorum::DEFAULT);
    refused(world.act("researcher", Action::RegisterRecord(record(9))), "no accredited issuer");
    refused(world.act("issuer 0", Action::RegisterRecord(record(0))), "already on this ledger");
    world.act("governor", Action::Govern(Governance::SuspendIssuer(account("issuer 0")))).unwrap();
    refused(world.act("issuer 0", Action::RegisterRecord(record(9))), "no accredited issuer");
}

#[test]
fn a_changed_consent_keeps_the_registration_epoch() {
    let mut world = World::ready(Quorum::DEFAULT);
    let consent = ConsentCommitment::from_bytes(&element(77)).unwrap();
    let change = ChangeConsent { record: LeafIndex::new(1), consent };
    refused(world.act(&owner_name(2), Action::ChangeConsent(change)), "owner key");
    world.act(&owner_name(1), Action::ChangeConsent(change)).unwrap();
    world.pass_epoch();
    assert_eq!(leaves(&world)[1], leaf(record(1).body, &account("issuer 0"), consent, 0));
}

#[test]
fn repro_the_last_of_many_changes_of_a_record_counts_and_waits_alone() {
    let mut world = World::ready(Quorum::DEFAULT);
    let consent = |number| ConsentCommitment::from_bytes(&element(number)).unwrap();
    let change = |record, number| {
        Action::ChangeConsent(ChangeConsent { record: LeafIndex::new(record), consent: consent(number) })
    };
    let waiting = |world: &World| world.ledger().snapshot().unwrap().leaf_change_count().unwrap();
    for round in 0..2 {
        for number in 0..5 {
            world.act(&owner_name(1), change(1, 100 * round + number)).unwrap();
        }
        world.act(&owner_name(2), change(2, 100 * round + 50)).unwrap();
        world.act(&owner_name(1), change(1, 100 * round + 9)).unwrap();
        world.block();
        assert_eq!(waiting(&world), Some(2));
        world.pass_epoch();
        let expected = [(1, 9), (2, 50)].map(|(record_number, number)| {
            leaf(record(record_number).body, &account("issuer 0"), consent(100 * round + number), 0)
        });
        assert_eq!(leaves(&world)[1..3], expected);
        assert_eq!(LeafTree::from_leaves(leaves(&world)).root(), world.root());
    }
}

#[test]
fn a_revoked_record_is_zero_from_the_next_epoch_and_stays_so() {
    let mut world = World::ready(Quorum::DEFAULT);
    let index = LeafIndex::new(2);
    refused(world.act("issuer 0", Action::RevokeConsent(index)), "owner key");
    world.act(&owner_name(2), Action::RevokeConsent(index)).unwrap();
    world.block();
    assert_ne!(leaves(&world)[2].to_bytes(), [0; 32]);
    world.pass_epoch();
    assert_eq!(leaves(&world)[2].to_bytes(), [0; 32]);
    let change = ChangeConsent { record: index, consent: record(2).consent };
    refused(world.act(&owner_name(2), Action::ChangeConsent(change)), "revoked for ever");
    refused(world.act(&owner_name(2), Action::RevokeConsent(index)), "revoked for ever");
}

#[test]
fn a_rotated_record_replaces_the_earlier_one_of_the_same_issuer() {
    let mut world = World::ready(Quorum::DEFAULT);
    let rotated = RegisterRecord { replaces: Some(LeafIndex::new(0)), owner: record(0).owner, ..record(50) };
    refused(world.act("issuer 1", Action::RegisterRecord(rotated.clone())), "the issuer that certified it");
    world.act("issuer 0", Action::RegisterRecord(rotated)).unwrap();
    let epoch = world.epoch();
    world.pass_epoch();
    assert_eq!(leaves(&world)[0].to_bytes(), [0; 32]);
    assert_eq!(leaves(&world)[4], leaf(record(50).body, &account("issuer 0"), record(50).consent, epoch));
}

#[test]
fn a_record_replaces_no_other_owners_record() {
    let mut world = World::ready(Quorum::DEFAULT);
    let before = leaves(&world);
    let stolen = RegisterRecord { replaces: Some(LeafIndex::new(0)), ..record(50) };
    refused(world.act("issuer 0", Action::RegisterRecord(stolen.clone())), "is not one of owner");
    let nobody = RegisterRecord { replaces: Some(LeafIndex::new(9)), ..stolen };
    refused(world.act("issuer 0", Action::RegisterRecord(nobody)), "record 9");
    world.pass_epoch();
    assert_eq!(leaves(&world), before);
}

#[test]
fn only_the_governor_accredits() {
    let mut world = World::ready(Quorum::DEFAULT);
    let accredit = Governance::AccreditIssuer { account: account("friend"), name: "Friend".into() };
    refused(world.act("friend", Action::Govern(accredit)), "the governor of the genesis");
    let suspend = Action::Govern(Governance::SuspendResearcher(account("friend")));
    refused(world.act("governor", suspend), "not on this ledger");
}

#[test]
fn studies_and_schemas_are_registered_once_by_accredited_parties() {
    let mut world = World::ready(Quorum::DEFAULT);
    refused(world.act("friend", Action::RegisterSchema(schema())), "register a schema");
    refused(world.act("issuer 0", Action::RegisterSchema(schema())), "already on this ledger");
    let mut unsound = schema();
    unsound.attributes[0].scale = 0;
    refused(world.act("issuer 0", Action::RegisterSchema(unsound)), "scale");
    let study = StudyRegistration { title: "Mine".into(), protocol: digest("p"), ethics: "EC".into() };
    refused(world.act("friend", Action::RegisterStudy(study.clone())), "no accredited researcher");
    let untitled = StudyRegistration { title: String::new(), ..study };
    refused(world.act("researcher", Action::RegisterStudy(untitled)), "title");
}

#[test]
fn a_transfer_moves_money_that_is_there() {
    let mut world = World::ready(Quorum::DEFAULT);
    let transfer = |amount| Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(amount) });
    world.act("friend", transfer(30)).unwrap();
    refused(world.act("friend", transfer(ENDOWMENT)), "holds 999970 and needs 1000000");
    refused(world.act("friend", transfer(0)), "it moves nothing");
    let to_self = Action::Transfer(Transfer { to: account("friend"), amount: Amount::new(5) });
    world.act("friend", to_self).unwrap();
    world.block();
    assert_eq!((world.balance("friend"), world.balance("heir")), (ENDOWMENT - 30, 30));
}

#[test]
fn a_signed_action_is_accepted_once_on_its_chain_from_its_sender() {
    let mut world = World::ready(Quorum::DEFAULT);
    let chain = world.ledger().chain();
    let action = Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(1) });
    let transaction = Transaction::sign(chain, &key("friend"), 0, action.clone()).unwrap();
    let now = world.now;
    world.sequencer.mempool().submit(transaction.clone(), now).unwrap();
    refused(world.sequencer.mempool().submit(transaction.clone(), now), "already on this ledger");
    world.block();
    refused(world.sequencer.mempool().submit(transaction, now), "already on this ledger");

    let again = Transaction::sign(chain, &key("friend"), 0, action.clone()).unwrap();
    let Transaction::Signed(mut signed) = again else { panic!() };
    signed.action = Action::Transfer(Transfer { to: account("thief"), amount: Amount::new(9) });
    refused(world.sequencer.mempool().submit(Transaction::Signed(signed.clone()), now), "does not verify");
    signed.action = action.clone();
    signed.sender = account("sponsor");
    refused(world.sequencer.mempool().submit(Transaction::Signed(signed), now), "does not verify");

    let skipping = Transaction::sign(chain, &key("friend"), 5, action.clone()).unwrap();
    let expected = Error::Nonce { account: account_of(&key("friend")), found: 5, expected: 1 };
    assert_eq!(world.sequencer.mempool().submit(skipping, now), Err(expected));
    let foreign = circuits::id::ChainId::from_bytes([1; 32]);
    let elsewhere = Transaction::sign(foreign, &key("friend"), 1, action).unwrap();
    refused(world.sequencer.mempool().submit(elsewhere, now), "make it for this chain");
    let friend = world.ledger().snapshot().unwrap().account(account("friend")).unwrap();
    assert_eq!(friend, Some(Account { balance: Amount::new(ENDOWMENT - 1), nonce: 1 }));
}
