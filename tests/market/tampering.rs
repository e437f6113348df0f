//! Every altered, missing or lying piece is refused by whoever meets it, and named.

use std::{fs, path::PathBuf, sync::Mutex, thread};

use circuits::{
    consent::Purposes,
    contribution::Opening,
    groth16::{PROOF_BYTES, ProofBytes},
    id::{Digest, EpochRoot, QueryId},
    quorum::{Quorum, SubsetIndex},
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
};
use market::{
    Error,
    aggregator::aggregate,
    committee::{
        access::{CommitteeAccess, KeepCiphertext, SignAggregate},
        key::REVEAL_BYTES_MAX,
        member::Member,
    },
    issuer::change_consent,
    ledger::{LedgerAccess, act, surviving},
    objects::{BlobAddress, BlobKind, get, put},
    researcher::decrypt,
    wallet::Wallet,
};
use node::{
    QueryPart,
    state::{CommitteeStage, QueryStatus, RefundReason, StateRead},
    transaction::{Action, Aggregate, CommitteeReveal, ComponentDigests, SubmitComponents},
    units::CommitteeEpoch,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::{Fault, FaultyLedger, ForgingCommittee, PartialCommittee, RecordingCommittee},
    world::{FOUR_PEOPLE_SUMS, World, copy_folder, four_people, member, member_folder, protection, terms, wallet_path},
};

/// Rounds in which a key generation must end.
const STEPS_MAX: u64 = 12;

/// A query that four people answered and that is sealed.
fn sealed(folder: &std::path::Path, quorum: Quorum) -> (World, QueryId) {
    let mut world = World::ready(folder, quorum);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    (world, query)
}

fn first_ciphertext(world: &World, query: QueryId) -> BlobAddress {
    let set = surviving(world.ledger(), query, &world.state(query)).unwrap();
    BlobAddress { kind: BlobKind::Ciphertext, digest: set[0].1.parts[0].ciphertext }
}

fn blob_file(world: &World, address: BlobAddress) -> PathBuf {
    let digest = address.digest.to_string();
    world.root.join("blobs").join(address.kind.name()).join(&digest[..2]).join(digest)
}

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

#[test]
fn a_missing_or_altered_ciphertext_is_named_and_a_members_copy_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, query) = sealed(folder.path(), Quorum::DEFAULT);
    let address = first_ciphertext(&world, query);
    let file = blob_file(&world, address);
    let sound = fs::read(&file).unwrap();

    fs::remove_file(&file).unwrap();
    assert!(matches!(world.aggregate(query), Err(Error::BlobMissing { address: named }) if named == address));
    let mut altered = sound.clone();
    altered[17] ^= 1;
    fs::write(&file, altered).unwrap();
    assert!(matches!(world.aggregate(query), Err(Error::BlobDamaged { address: named, .. }) if named == address));

    let kept = member_folder(&world.root, 2)
        .join("epochs/0/ciphertexts")
        .join(file.strip_prefix(world.root.join("blobs")).unwrap());
    fs::copy(kept, &file).unwrap();
    assert_eq!(get(world.blobs.as_ref(), address, CIPHERTEXT_BYTES).unwrap(), sound);
    world.aggregate(query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots()[1], FOUR_PEOPLE_SUMS);
}

/// One alteration of what an honest agent asks a member to keep.
type Alteration = fn(&mut KeepCiphertext);

#[test]
fn members_attest_only_a_canonical_ciphertext_with_the_opening_proven() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..2]);
    let query = world.query(2, 10);
    let recording = RecordingCommittee { inner: &world.committee, asked: Mutex::default() };
    let mut rng = StdRng::seed_from_u64(5);
    for wallet in &mut wallets {
        world.agent_through(world.ledger(), &recording).answer(wallet, query, &mut rng).unwrap();
    }
    let asked = recording.asked.into_inner().unwrap();
    let (sound, other) = (&asked[0], asked.last().unwrap());
    let first = world.committee.keep(world.account(0), sound).unwrap();
    assert_eq!(world.committee.keep(world.account(0), sound).unwrap(), first, "asking again gives the same receipt");

    let alterations: [(Alteration, &str); 12] = [
        (|asked| asked.ciphertext[11] |= 0x80, "spare bits"),
        (|asked| asked.ciphertext.truncate(CIPHERTEXT_BYTES - 1), "98304 expected"),
        (|asked| asked.ciphertext.push(0), "98304 expected"),
        (|asked| asked.ciphertext[0] ^= 1, "c0 is"),
        (|asked| asked.ciphertext[CIPHERTEXT_BYTES / 2] ^= 1, "c1 is"),
        (|asked| asked.contribution.opening.c0 = asked.contribution.opening.c1, "c0 is"),
        (|asked| asked.contribution.opening.c1 = asked.contribution.opening.c0, "c1 is"),
        (|asked| asked.contribution.proof = ProofBytes::new([0xff; PROOF_BYTES]), "not four points"),
        (|asked| asked.instance.binding = digest(1), "c0 is"),
        (|asked| asked.part = 1, "c0 is"),
        (|asked| asked.part = 9, "collects no part 9"),
        (|asked| asked.query = QueryId::from_bytes([1; 32]), "query"),
    ];
    for (alter, says) in alterations {
        let mut altered = sound.clone();
        alter(&mut altered);
        let error = world.committee.keep(world.account(0), &altered).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
    // The nullifier, the proof with its D, and the ciphertext of another person each move the challenge.
    let mut mixed = [sound.clone(), sound.clone(), sound.clone()];
    mixed[0].instance.nullifier = other.instance.nullifier;
    mixed[1].contribution.proof = other.contribution.proof;
    mixed[2].ciphertext.clone_from(&other.ciphertext);
    for altered in mixed {
        assert!(world.committee.keep(world.account(0), &altered).unwrap_err().to_string().contains("c0 is"));
    }
}

#[test]
fn members_who_are_asked_by_many_at_once_answer_each_as_if_it_came_alone() {
    const D: usize = PROOF_BYTES - 32;
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(4, 10);
    let recording = RecordingCommittee { inner: &world.committee, asked: Mutex::default() };
    let mut rng = StdRng::seed_from_u64(6);
    for wallet in &mut wallets {
        world.agent_through(world.ledger(), &recording).answer(wallet, query, &mut rng).unwrap();
    }
    let asked = recording.asked.into_inner().unwrap();
    let sound: Vec<_> = asked.iter().filter(|asked| asked.part == 0).collect();
    // Another person's A, B and C beside its own D: the challenge and the openings are right, the pairing is not.
    let mut forged = sound[0].clone();
    let other = sound.iter().find(|other| other.instance.nullifier != forged.instance.nullifier).unwrap();
    let mut proof = *other.contribution.proof.as_bytes();
    proof[D..].copy_from_slice(&forged.contribution.proof.as_bytes()[D..]);
    forged.contribution.proof = ProofBytes::new(proof);

    let keep = |request: &KeepCiphertext| world.committee.keep(world.account(0), request);
    let (receipts, refusals) = thread::scope(|scope| {
        let receipts: Vec<_> = sound.iter().map(|request| (*request, scope.spawn(|| keep(request)))).collect();
        let refusals: Vec<_> = (0..4).map(|_| scope.spawn(|| keep(&forged))).collect();
        let receipts: Vec<_> = receipts.into_iter().map(|(asked, kept)| (asked, kept.join().unwrap())).collect();
        (receipts, refusals.into_iter().map(|refused| refused.join().unwrap()).collect::<Vec<_>>())
    });
    for (asked, receipt) in receipts {
        assert_eq!(receipt.unwrap(), keep(asked).unwrap());
    }
    for refusal in refusals {
        assert!(refusal.unwrap_err().to_string().contains("the contribution proof does not verify"));
    }
}

/// An alteration that takes a part of another request.
type Altering<'a> = &'a dyn Fn(&mut KeepCiphertext);

/// Claims what the ciphertext is at the challenge, so that a member finds nothing wrong with the opening.
fn claim_true_opening(world: &World, asked: &mut KeepCiphertext) {
    let state = world.state(asked.query);
    let part = QueryPart::new(world.ledger(), world.ledger.chain(), asked.query, &state, asked.part);
    let verifier = part.verifier(&world.ledger().genesis().contribution).unwrap();
    let challenges = verifier.challenges(&asked.instance, &asked.contribution.proof).unwrap();
    let ciphertext = Ciphertext::from_packed_bytes(&asked.ciphertext).unwrap();
    asked.contribution.opening = Opening::of(&ciphertext, challenges.gamma);
}

/// Files of all members' folders.
fn files(folder: &std::path::Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn repro_nothing_is_kept_for_a_sender_without_the_proof_of_a_registered_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..2]);
    let query = world.query(2, 10);
    let recording = RecordingCommittee { inner: &world.committee, asked: Mutex::default() };
    let mut rng = StdRng::seed_from_u64(5);
    for wallet in &mut wallets {
        world.agent_through(world.ledger(), &recording).answer(wallet, query, &mut rng).unwrap();
    }
    let asked = recording.asked.into_inner().unwrap();
    let sound = asked.iter().find(|asked| asked.part == 0).unwrap();
    let other = asked.iter().find(|asked| asked.part == 0 && asked.instance != sound.instance).unwrap();
    let root = member_folder(&world.root, 0);
    let before = files(&root);
    let alterations: [(Altering<'_>, &str); 5] = [
        (&|asked| asked.contribution.proof = other.contribution.proof, "the contribution proof does not verify"),
        (&|asked| asked.instance.nullifier = other.instance.nullifier, "the contribution proof does not verify"),
        (&|asked| asked.instance.binding = digest(1), "the contribution proof does not verify"),
        (&|asked| asked.ciphertext.clone_from(&other.ciphertext), "the contribution proof does not verify"),
        (&|asked| asked.instance.root = EpochRoot::from_bytes(&[5; 32]).unwrap(), "which neither epoch"),
    ];
    for (alter, says) in alterations {
        let mut altered = sound.clone();
        alter(&mut altered);
        claim_true_opening(&world, &mut altered);
        let error = world.committee.keep(world.account(0), &altered).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
    world.committee.keep(world.account(0), sound).unwrap();
    assert_eq!(files(&root), before, "nothing new is kept");
    // The epoch before the latest has its root too; the one before that counts no longer.
    let another_root = |wallet: &mut Wallet, rng: &mut StdRng| {
        change_consent(world.ledger(), wallet, 0, terms(Purposes::HEALTH_RESEARCH, rng)).unwrap();
        world.pass_epoch();
    };
    another_root(&mut wallets[1], &mut rng);
    world.committee.keep(world.account(0), sound).unwrap();
    another_root(&mut wallets[1], &mut rng);
    assert!(world.committee.keep(world.account(0), sound).unwrap_err().to_string().contains("which neither epoch"));
}

#[test]
fn a_member_signs_only_the_sum_it_computed_itself_over_the_frozen_set() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = sealed(folder.path(), Quorum::DEFAULT);
    let QueryStatus::Sealed { set, .. } = world.state(query).status else { panic!() };
    let wrong_sum = SignAggregate { query, set, parts: vec![digest(1), digest(2)] };
    let error = world.committee.sign(world.account(0), &wrong_sum).unwrap_err();
    assert!(error.to_string().contains("its own sums of the frozen set are others"), "{error}");
    let wrong_set = SignAggregate { set: digest(3), ..wrong_sum };
    let error = world.committee.sign(world.account(0), &wrong_set).unwrap_err();
    assert!(error.to_string().contains("not sealed over this set"), "{error}");
}

#[test]
fn an_aggregate_without_enough_signatures_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = sealed(folder.path(), Quorum::DEFAULT);
    let QueryStatus::Sealed { set, .. } = world.state(query).status else { panic!() };
    let forged = Aggregate { query, set, parts: vec![digest(1), digest(2)], signatures: vec![] };
    let error = act(world.ledger(), &world.keys.researcher.signing_key(), Action::Aggregate(forged)).unwrap_err();
    assert!(error.to_string().contains("0 distinct members in standing signed"), "{error}");
}

#[test]
fn a_member_that_signs_an_aggregate_with_nothing_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = sealed(folder.path(), Quorum::DEFAULT);
    let sender = world.keys.researcher.signing_key();
    let through = |forgers: usize| {
        let forgers = &world.keys.members[..forgers];
        let committee = ForgingCommittee { inner: &world.committee, forgers };
        aggregate(world.ledger(), world.blobs.as_ref(), &committee, &sender, query)
    };
    assert!(through(3).unwrap_err().to_string().contains("1 member signed, 2 must"));
    through(2).unwrap();
}

/// Reports components for a member that are not those of its shares.
fn lie(world: &World, query: QueryId, liar: usize) {
    let quorum = world.ledger().genesis().committee.quorum;
    let held = quorum.subsets_of(member(liar as u8)).count();
    let lies = vec![vec![ComponentDigests { sealed: digest(8), opened: digest(9) }; held]; 2];
    let components = Action::SubmitComponents(SubmitComponents { query, parts: lies });
    act(world.ledger(), &world.keys.members[liar].signing_key(), components).unwrap();
}

#[test]
fn a_lying_member_of_four_is_outvoted_and_named_and_the_result_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, query) = sealed(folder.path(), Quorum::DEFAULT);
    world.aggregate(query).unwrap();
    lie(&world, query, 1);
    world.work();
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    assert_eq!(world.state(query).liars, [member(1)]);
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);
}

#[test]
fn a_lying_member_of_three_ends_in_a_refund_and_no_second_aggregate() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, query) = sealed(folder.path(), Quorum::new(2, 3).unwrap());
    world.aggregate(query).unwrap();
    lie(&world, query, 0);
    world.work();
    assert!(matches!(
        world.state(query).status,
        QueryStatus::Refunded { reason: RefundReason::ComponentsDisputed, .. }
    ));
    assert!(world.aggregate(query).is_err());
    assert!(decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).is_err());
}

#[test]
fn an_altered_component_is_refused_by_the_researcher() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, query) = sealed(folder.path(), Quorum::DEFAULT);
    world.aggregate(query).unwrap();
    world.work();
    let QueryStatus::Released { components, .. } = world.state(query).status else { panic!() };
    let address = BlobAddress { kind: BlobKind::SealedComponent, digest: components[0][0].sealed };
    let file = blob_file(&world, address);
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_200] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap_err();
    assert!(matches!(error, Error::BlobDamaged { address: named, .. } if named == address));
}

#[test]
fn a_member_releases_no_second_sum_of_a_query_even_on_a_forked_chain() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let mut world = World::ready(&first, Quorum::DEFAULT);
    drop(world.people(&four_people()));
    let query = world.query(2, 10);
    drop(world);
    copy_folder(&first, &second);

    // The same query on two chains of one genesis, answered by all four people on one and without the last on the other.
    let answer = |root: &PathBuf, count: usize| {
        let mut world = World::open(root, Quorum::DEFAULT);
        let open = |number| Wallet::open(&wallet_path(root, number), protection()).unwrap();
        let mut wallets: Vec<_> = (0..count).map(open).collect();
        world.answer_all(&mut wallets, query);
        world.seal(query);
        world.aggregate(query).unwrap();
        world
    };
    answer(&first, 4).work();
    fs::remove_dir_all(member_folder(&second, 0)).unwrap();
    copy_folder(&member_folder(&first, 0), &member_folder(&second, 0));
    let forked = answer(&second, 3);
    let error = forked.committee.step(&mut StdRng::seed_from_u64(3)).unwrap_err();
    assert!(error.to_string().contains("release of another sum"), "{error}");
    let reported = forked.ledger().component_vote(query, member(0)).unwrap();
    assert!(reported.is_none());
}

#[test]
fn members_release_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = sealed(folder.path(), Quorum::DEFAULT);
    world.aggregate(query).unwrap();
    drop(world);
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);
}

#[test]
fn a_key_generation_interrupted_after_every_step_still_ends_in_one_key() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..STEPS_MAX {
        let world = World::open(folder.path(), Quorum::DEFAULT);
        if world.committee.step(&mut StdRng::seed_from_u64(seed)).unwrap().is_empty() {
            let epoch = world.ledger().committee_epoch().unwrap().unwrap();
            assert_eq!(epoch.get(), 0, "no attempt was abandoned");
            assert!(world.ledger().committee(epoch).unwrap().unwrap().active_key().is_some());
            return;
        }
    }
    panic!("the key generation did not end in {STEPS_MAX} steps");
}

#[test]
fn a_leader_who_reveals_no_share_is_named_and_the_next_attempt_makes_the_key() {
    named_for_revealing(b"no share".to_vec());
}

#[test]
fn repro_a_leader_whose_message_is_too_long_is_named_like_any_other() {
    named_for_revealing(vec![0; REVEAL_BYTES_MAX + 1]);
}

fn named_for_revealing(bytes: Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    world.committee.step(&mut StdRng::seed_from_u64(1)).unwrap();
    // Member 1 leads the subset that excludes member 0.
    let message = put(world.blobs.as_ref(), BlobKind::KeyGeneration, bytes).unwrap().digest;
    let epoch = CommitteeEpoch::new(0);
    let reveal = CommitteeReveal { epoch, subset: SubsetIndex::new(0), message };
    act(world.ledger(), &world.keys.members[1].signing_key(), Action::CommitteeReveal(reveal)).unwrap();
    world.work();
    let abandoned = world.ledger().committee(epoch).unwrap().unwrap().stage;
    assert!(matches!(abandoned, CommitteeStage::Abandoned { accused, .. } if accused == member(1)), "{abandoned:?}");
    assert!(world.ledger().committee(epoch.next()).unwrap().unwrap().active_key().is_some());
}

#[test]
fn repro_a_member_adds_up_only_what_it_or_enough_others_attested() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    let without_last = PartialCommittee { inner: &world.committee, present: &world.keys.members[..3] };
    let mut rng = StdRng::seed_from_u64(1);
    for wallet in &mut wallets[..2] {
        world.agent_through(world.ledger(), &without_last).answer(wallet, query, &mut rng).unwrap();
    }
    world.seal(query);
    let QueryStatus::Sealed { set, .. } = world.state(query).status else { panic!("not sealed") };
    let asked = SignAggregate { query, set, parts: vec![] };
    let stripped = FaultyLedger::new(world.ledger(), Fault::ReceiptsStripped, 0);
    let sign = |member: usize, ledger: &dyn LedgerAccess| {
        let key = world.keys.members[member].clone();
        // A member of its own, since the committee's holds the folder.
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&member_folder(&world.root, member), copy.path());
        let member = Member::open(copy.path(), key, world.ledger()).unwrap();
        member.sign(ledger, world.blobs.as_ref(), &asked).unwrap_err().to_string()
    };
    assert!(sign(0, &stripped).contains("sums"), "it attested them itself");
    assert!(sign(3, &stripped).contains("transaction of contribution"), "the ledger's state names what its agent sent");
    assert!(sign(3, world.ledger()).contains("its own sums of the frozen set are others"), "three receipts will do");
    world.aggregate(query).unwrap();
    world.work();
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
}
