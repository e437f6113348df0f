//! What blocks name and nobody needs: of refunded queries, withdrawn contributions, datasets that were withdrawn, and, where it
//! is asked for, of old releases.

use std::collections::BTreeSet;

use circuits::{
    consent::{Day, Purposes, Regions},
    id::{AccountId, DatasetId, Digest, LicenceId, QueryId},
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
    query::DataUse,
    state::{QueryStatus, StateRead as _},
    transaction::{Action, AllowedUse, GrantLicence, OfferDataset, RequestLicence},
    units::{Amount, ContributionIndex, Height},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::world::{World, four_people, pass_days};

const DEFAULT: Retention = Retention { days: 30, released_days: None };
const NO_RESULTS: Retention = Retention { days: 30, released_days: Some(30) };

/// What is over on the ledger, of all that is stored and of these blobs.
fn ended(world: &World, more: &[BlobAddress], retention: &Retention) -> BTreeSet<BlobAddress> {
    let mut named = Named::default();
    for height in 1..=tip(world.ledger()).unwrap().height.get() {
        named.note(world.ledger(), &world.ledger().block(Height::new(height)).unwrap().unwrap()).unwrap();
    }
    let kinds = [BlobKind::Ciphertext, BlobKind::Aggregate, BlobKind::SealedComponent, BlobKind::Panel];
    let stored = kinds.iter().flat_map(|kind| world.blobs.list(*kind).unwrap());
    let wanted = stored.chain(more.iter().copied()).collect();
    named.ended(world.ledger(), &wanted, retention).unwrap()
}

/// The ciphertexts of a contribution.
fn ciphertexts(world: &World, query: QueryId, index: u32) -> Vec<BlobAddress> {
    let state = world.ledger().contribution(query, ContributionIndex::new(index)).unwrap().unwrap();
    let address = |digest| BlobAddress { kind: BlobKind::Ciphertext, digest };
    state.parts.iter().map(|part| address(part.ciphertext)).collect()
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
    let counted: Vec<_> = (0..3).flat_map(|index| ciphertexts(&world, released, index)).collect();
    let with_results = ended(&world, &[], &NO_RESULTS);
    assert_eq!(with_results, over.iter().chain(&counted).copied().collect());

    for address in over {
        world.blobs.remove(address).unwrap();
    }
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, released).unwrap();
    let receipt = || collect(world.ledger(), world.blobs.as_ref(), released, result.components(), result.slots());
    assert_eq!(verify(&receipt().unwrap(), None).unwrap().records(), 3);
    for address in counted {
        world.blobs.remove(address).unwrap();
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

/// A blob whose digest is one byte 32 times.
fn blob(kind: BlobKind, byte: u8) -> BlobAddress {
    BlobAddress { kind, digest: Digest::from_bytes([byte; 32]) }
}

/// Puts an issuer's offer on the ledger.
fn put(world: &World, offer: OfferDataset) -> DatasetId {
    let issuer = &world.keys.issuers[0];
    let nonce = world.ledger().next_nonce(issuer.account()).unwrap();
    let id = offer.id(&world.ledger().chain(), &issuer.account(), nonce).unwrap();
    act(world.ledger(), &issuer.signing_key(), Action::OfferDataset(Box::new(offer))).unwrap();
    id
}

/// Withdraws an offer, and lets the days pass for which its files are kept.
fn withdraw_offer(world: &World, dataset: DatasetId) {
    act(world.ledger(), &world.keys.issuers[0].signing_key(), Action::WithdrawDataset(dataset)).unwrap();
    assert_eq!(ended(world, &[blob(BlobKind::Genome, 1)], &DEFAULT), BTreeSet::new());
    pass_days(31);
    world.pass_blocks(1);
}

#[test]
fn a_genome_goes_once_no_dataset_that_names_it_is_offered_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    let (first, second) = (put(&world, offer(1, 2)), put(&world, offer(1, 3)));
    let body = blob(BlobKind::Genome, 1);
    let [one_header, other_header] = [2, 3].map(|byte| blob(BlobKind::GenomeHeader, byte));
    let over = || ended(&world, &[body, one_header, other_header], &DEFAULT);
    withdraw_offer(&world, first);
    assert_eq!(over(), BTreeSet::from([one_header]), "another dataset offers the same genome");
    withdraw_offer(&world, second);
    assert_eq!(over(), BTreeSet::from([body, one_header, other_header]));
}

/// A licence of a dataset, granted for so many days with a header of this byte.
fn granted(world: &World, dataset: DatasetId, term_days: u32, header: u8) -> LicenceId {
    let (researcher, issuer) = (&world.keys.researcher, &world.keys.issuers[0]);
    let request = RequestLicence {
        dataset,
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        term_days,
        price: Amount::new(1),
        embargo: Day(0),
        answer_blocks_max: 3,
    };
    let nonce = world.ledger().next_nonce(researcher.account()).unwrap();
    let licence = request.id(&world.ledger().chain(), &researcher.account(), nonce).unwrap();
    act(world.ledger(), &researcher.signing_key(), Action::RequestLicence(request)).unwrap();
    let grant = GrantLicence { licence, header: blob(BlobKind::GenomeHeader, header).digest };
    act(world.ledger(), &issuer.signing_key(), Action::GrantLicence(grant)).unwrap();
    licence
}

#[test]
fn a_licensees_header_goes_when_the_licence_is_over_and_the_genome_not_before_the_last_licence() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    let dataset = put(&world, offer(1, 2));
    let revoked = granted(&world, dataset, 30, 3);
    granted(&world, dataset, 1, 4);
    granted(&world, dataset, 30, 5);
    act(world.ledger(), &world.keys.issuers[0].signing_key(), Action::RevokeLicence(revoked)).unwrap();
    let genome = blob(BlobKind::Genome, 1);
    let [owner, first, second, third] = [2, 3, 4, 5].map(|byte| blob(BlobKind::GenomeHeader, byte));
    let over = || ended(&world, &[genome, owner, first, second, third], &DEFAULT);
    withdraw_offer(&world, dataset);
    assert_eq!(over(), BTreeSet::from([first, second]), "one licence lasts, and so does what it is read with");
    pass_days(29);
    world.pass_blocks(1);
    assert_eq!(over(), BTreeSet::from([genome, owner, first, second, third]));
}

#[test]
fn repro_a_withdrawn_dataset_that_names_a_panel_or_a_members_message_takes_neither_along() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    let others = [BlobKind::Panel, BlobKind::KeyGeneration, BlobKind::Ciphertext, BlobKind::Aggregate];
    let stored = others.map(|kind| [blob(kind, 1), blob(kind, 2)]).concat();
    let dataset = put(&world, offer(1, 2));
    withdraw_offer(&world, dataset);
    assert_eq!(ended(&world, &stored, &DEFAULT), BTreeSet::new());
    let own = [blob(BlobKind::Genome, 1), blob(BlobKind::GenomeHeader, 2)];
    let all = [&stored[..], &own, &[blob(BlobKind::Genome, 2), blob(BlobKind::GenomeHeader, 1)]].concat();
    assert_eq!(ended(&world, &all, &DEFAULT), BTreeSet::from(own));
}
