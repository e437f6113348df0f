//! What blocks name and nobody needs: of refunded queries, withdrawn contributions, datasets that were withdrawn, and, where it
//! is asked for, of old releases.

use std::collections::BTreeSet;

use circuits::{
    consent::{Day, Purposes, Regions},
    id::{AccountId, Digest, QueryId},
    quorum::Quorum,
};
use market::{
    agent::{Outcome, withdraw},
    ledger::{act, tip},
    objects::{BlobAccess as _, BlobAddress, BlobKind, Named, Retention},
    receipt::{collect, verify},
    researcher::decrypt,
    wallet::Wallet,
};
use node::{
    state::{QueryStatus, StateRead as _},
    transaction::{Action, AllowedUse, OfferDataset},
    units::{Amount, ContributionIndex, Height},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::world::{World, four_people, pass_days};

const DEFAULT: Retention = Retention { days: 30, released_days: None };
const NO_RESULTS: Retention = Retention { days: 30, released_days: Some(30) };

/// What is over on the ledger, of all that is stored and of these digests.
fn ended(world: &World, more: &[Digest], retention: &Retention) -> BTreeSet<Digest> {
    let mut named = Named::default();
    for height in 1..=tip(world.ledger()).unwrap().height.get() {
        named.note(world.ledger(), &world.ledger().block(Height::new(height)).unwrap().unwrap()).unwrap();
    }
    let kinds = [BlobKind::Ciphertext, BlobKind::Aggregate, BlobKind::SealedComponent, BlobKind::Panel];
    let stored = kinds.iter().flat_map(|kind| world.blobs.list(*kind).unwrap()).map(|address| address.digest);
    let wanted = stored.chain(more.iter().copied()).collect();
    named.ended(world.ledger(), &wanted, retention).unwrap()
}

/// The ciphertexts of a contribution.
fn ciphertexts(world: &World, query: QueryId, index: u32) -> Vec<Digest> {
    let state = world.ledger().contribution(query, ContributionIndex::new(index)).unwrap().unwrap();
    state.parts.iter().map(|part| part.ciphertext).collect()
}

/// Everybody answers, in this thread: the others' clocks know of no days that pass.
fn answer(world: &mut World, wallets: &mut [Wallet], query: QueryId) {
    let mut rng = StdRng::from_rng(&mut world.rng);
    for wallet in wallets {
        let outcome = world.agent().answer(wallet, query, &mut rng).unwrap();
        assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    }
}

#[test]
fn what_a_refund_and_a_withdrawal_left_goes_and_what_a_receipt_needs_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let refunded = world.query(3, 10);
    answer(&mut world, &mut wallets[..2], refunded);
    assert_eq!(ended(&world, &[], &DEFAULT), BTreeSet::new(), "it collects");
    pass_days(31);
    world.seal(refunded);
    assert!(matches!(world.state(refunded).status, QueryStatus::Refunded { .. }));
    let released = world.query(2, 10);
    answer(&mut world, &mut wallets, released);
    withdraw(world.ledger(), &mut wallets[3], released).unwrap();
    world.seal(released);
    world.aggregate(released).unwrap();
    world.work();
    assert!(matches!(world.state(released).status, QueryStatus::Released { .. }));
    let collecting = world.query(2, 10);
    assert_eq!(ended(&world, &[], &NO_RESULTS), BTreeSet::new(), "all of it is over only now");
    pass_days(30);
    world.pass_blocks(1);
    assert_eq!(ended(&world, &[], &NO_RESULTS), BTreeSet::new(), "the last day that it is kept");
    pass_days(1);
    world.pass_blocks(1);
    assert_eq!(world.state(collecting).status, QueryStatus::Collecting);

    let of_refunded = [ciphertexts(&world, refunded, 0), ciphertexts(&world, refunded, 1)].concat();
    let of_withdrawn = ciphertexts(&world, released, 3);
    let over = ended(&world, &[], &DEFAULT);
    assert_eq!(over, of_refunded.iter().chain(&of_withdrawn).copied().collect());
    let counted: Vec<Digest> = (0..3).flat_map(|index| ciphertexts(&world, released, index)).collect();
    let with_results = ended(&world, &[], &NO_RESULTS);
    assert_eq!(with_results, over.iter().chain(&counted).copied().collect());

    for digest in over {
        world.blobs.remove(BlobAddress { kind: BlobKind::Ciphertext, digest }).unwrap();
    }
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, released).unwrap();
    let receipt = || collect(world.ledger(), world.blobs.as_ref(), released, result.components(), result.slots());
    assert_eq!(verify(&receipt().unwrap(), None).unwrap().records(), 3);
    for digest in counted {
        world.blobs.remove(BlobAddress { kind: BlobKind::Ciphertext, digest }).unwrap();
    }
    decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, released).unwrap();
    assert!(receipt().unwrap_err().to_string().contains("ciphertext"));
}

/// An offer by an issuer, who needs no record.
fn offer(body: u8, header: u8) -> OfferDataset {
    OfferDataset {
        body: Digest::from_bytes([body; 32]),
        body_bytes: 2,
        plaintext_bytes: 1,
        header: Digest::from_bytes([header; 32]),
        record: None,
        allowed: AllowedUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions::ALL },
        price_min: Amount::new(1),
        term_days_max: 30,
        embargo: Day(0),
        custodian: AccountId::from_bytes([5; 32]),
    }
}

#[test]
fn a_genome_goes_once_no_dataset_that_names_it_is_offered_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    let key = world.keys.issuers[0].signing_key();
    let put = |offer: OfferDataset| {
        let nonce = world.ledger().next_nonce(world.keys.issuers[0].account()).unwrap();
        let id = offer.id(&world.ledger().chain(), &world.keys.issuers[0].account(), nonce).unwrap();
        act(world.ledger(), &key, Action::OfferDataset(Box::new(offer))).unwrap();
        id
    };
    let (first, second) = (put(offer(1, 2)), put(offer(1, 3)));
    let [body, one_header, other_header] = [1, 2, 3].map(|byte| Digest::from_bytes([byte; 32]));
    let over = |world: &World| ended(world, &[body, one_header, other_header], &DEFAULT);
    act(world.ledger(), &key, Action::WithdrawDataset(first)).unwrap();
    assert_eq!(over(&world), BTreeSet::new());
    pass_days(31);
    world.pass_blocks(1);
    assert_eq!(over(&world), BTreeSet::from([one_header]), "another dataset offers the same genome");
    act(world.ledger(), &key, Action::WithdrawDataset(second)).unwrap();
    assert_eq!(over(&world), BTreeSet::from([one_header]));
    pass_days(31);
    world.pass_blocks(1);
    assert_eq!(over(&world), BTreeSet::from([body, one_header, other_header]));
}
