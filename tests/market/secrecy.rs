//! What t − 1 members and the researcher have on disk, opened as a thief would: with age, borsh and arithmetic.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use borsh::BorshDeserialize;
use circuits::{
    id::QueryId,
    quorum::{Quorum, SubsetIndex},
    rlwe::{Accumulator, Aggregate, Coefficient, KeyEpoch, decode_slot, params::LAYOUT_SLOTS},
};
use market::{
    committee::{Component, MemberKey, ReleaseContext, SumBounds, combine, component},
    objects::{BlobAccess, BlobKind, get},
    researcher::decrypt,
    wallet::{PartyKey, Protection, Role},
};

use crate::world::{World, four_people, member_folder, protection};

/// Two people contributed to a query that is aggregated but not released; then only files are left.
fn aggregated(folder: &Path, quorum: Quorum) -> (World, QueryId) {
    let mut world = World::ready(folder, quorum);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    world.aggregate(query).unwrap();
    for (index, key) in world.keys.members.iter().take(quorum.threshold().into()).enumerate() {
        key.create(&member_folder(folder, index).join("member.key"), &protection()).unwrap();
    }
    world.keys.researcher.create(&folder.join("researcher").join("researcher.key"), &protection()).unwrap();
    (world, query)
}

fn age_open(path: &Path, passphrase: String) -> Option<Vec<u8>> {
    age::decrypt(&age::scrypt::Identity::new(passphrase.into()), &fs::read(path).unwrap()).ok()
}

/// The shares of a member from its folder and its passphrase alone.
fn stolen_shares(folder: &Path, index: usize) -> MemberKey {
    let folder = member_folder(folder, index);
    let key = PartyKey::open(&folder.join("member.key"), Role::Member, &protection()).unwrap();
    let passphrase = hex::encode(key.storage_key().as_bytes());
    let plaintext = age_open(&folder.join("epochs").join("0").join("shares"), passphrase).unwrap();
    let mut rest = plaintext.as_slice();
    String::deserialize(&mut rest).unwrap();
    MemberKey::deserialize(&mut rest).unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The components of a sum that stolen shares give.
fn components(
    quorum: Quorum,
    thieves: &[MemberKey],
    sum: &Aggregate,
    context: &ReleaseContext,
) -> BTreeMap<SubsetIndex, Component> {
    let all = quorum.subsets().flat_map(|subset| thieves.iter().map(move |key| (subset, key)));
    all.filter_map(|(subset, key)| Some((subset, component(key, sum, context, subset).ok()?))).collect()
}

/// How many of the 64 control slots, which are zero in every plaintext, decrypt to zero.
fn control_zeros(sum: &Aggregate, components: &BTreeMap<SubsetIndex, Component>) -> usize {
    let control = sum.c0().skip(LAYOUT_SLOTS).enumerate();
    let opened = control.map(|(place, c0)| {
        let slot = |component: &Component| component.coefficients()[component.coefficients().len() - 64 + place];
        components.values().map(slot).fold(c0, Coefficient::plus)
    });
    opened.filter(|coefficient| decode_slot(*coefficient).value == 0).count()
}

/// Every single ciphertext and the sum, each with a context under which shares can be applied to it.
fn targets(world: &World, query: QueryId) -> Vec<(Aggregate, ReleaseContext)> {
    let kinds = [BlobKind::Ciphertext, BlobKind::Aggregate];
    let addresses = kinds.into_iter().flat_map(|kind| world.blobs.list(kind).unwrap());
    let target = |address| {
        let bytes = get(world.blobs.as_ref(), address, 1 << 20).unwrap();
        let mut sum = Accumulator::default();
        sum.add_packed(&bytes).unwrap();
        let sum = sum.finish();
        let scope = (world.ledger().chain(), KeyEpoch::new(0));
        let context = ReleaseContext::new(scope, (query, 0), sum.digest(), 1).unwrap();
        (sum, context)
    };
    addresses.map(target).collect()
}

/// Steals the folders of the first t − 1 members and tries; then one more.
fn steal(quorum: Quorum) {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = aggregated(folder.path(), quorum);
    let thieves: Vec<_> =
        (0..usize::from(quorum.threshold())).map(|index| stolen_shares(folder.path(), index)).collect();
    let (_, few) = thieves.split_last().unwrap();
    let bounds = SumBounds { contributions: 4, slot_max_each: 1 };
    let targets = targets(&world, query);
    assert_eq!(targets.len(), 4 * 2 + 2);
    for (sum, context) in &targets {
        let missing = components(quorum, few, sum, context);
        assert_eq!(missing.len(), quorum.subsets().count() - 1);
        assert!(combine(&quorum, sum, context, &missing, bounds).is_err());
        assert_eq!(control_zeros(sum, &missing), 0);
        // The same arithmetic with one more folder opens everything: so the attack is sound, and t − 1 is the bound.
        let together = components(quorum, &thieves, sum, context);
        assert_eq!(control_zeros(sum, &together), 64);
        assert!(combine(&quorum, sum, context, &together, bounds).is_ok());
    }
}

#[test]
fn one_members_folder_and_the_researchers_decrypt_nothing_and_two_members_would() {
    steal(Quorum::DEFAULT);
}

#[test]
fn two_folders_of_a_committee_of_three_of_five_decrypt_nothing_and_three_would() {
    steal(Quorum::new(3, 5).unwrap());
}

#[test]
fn one_members_key_opens_no_file_of_another_and_the_researchers_none_of_a_member() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = aggregated(folder.path(), Quorum::DEFAULT);
    let researcher = folder.path().join("researcher").join("researcher.key");
    let researcher = PartyKey::open(&researcher, Role::Researcher, &protection()).unwrap();
    for key in [&world.keys.members[0], &researcher] {
        let passphrase = hex::encode(key.storage_key().as_bytes());
        for other in [1, 2, 3] {
            let secret: Vec<_> = files(&member_folder(folder.path(), other))
                .into_iter()
                .filter(|path| path.ends_with("epochs/0/shares"))
                .collect();
            assert_eq!(secret.len(), 1);
            assert!(age_open(&secret[0], passphrase.clone()).is_none());
        }
    }
    let key = folder.path().join("member-1").join("member.key");
    let guessed = Protection::passphrase("guess").unwrap();
    assert!(matches!(PartyKey::open(&key, Role::Member, &guessed), Err(market::Error::WrongPassphrase { .. })));
    assert!(decrypt(world.ledger(), world.blobs.as_ref(), &researcher, query).is_err());
}

#[test]
fn what_the_committee_published_before_the_release_opens_for_the_researcher_in_no_slot() {
    let folder = tempfile::tempdir().unwrap();
    let (world, query) = aggregated(folder.path(), Quorum::DEFAULT);
    let listed = world.blobs.list(BlobKind::SealedComponent).unwrap();
    assert!(listed.is_empty(), "no component leaves a member before the aggregate is on the ledger");
    let error = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap_err();
    assert!(error.to_string().contains("not released"), "{error}");
}

#[test]
fn no_party_file_and_no_blob_holds_a_secret_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = aggregated(folder.path(), Quorum::DEFAULT);
    let secrets: Vec<[u8; 32]> = world
        .keys
        .members
        .iter()
        .chain([&world.keys.researcher])
        .flat_map(|key| {
            let (signing, storage) = (key.signing_key().to_bytes(), *key.storage_key().as_bytes());
            [signing, storage, *key.sealing_seed().as_bytes()]
        })
        .collect();
    for path in files(folder.path()) {
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(32).any(|window| secrets.iter().any(|secret| window == secret));
        assert!(!found, "{} holds a secret", path.display());
    }
}
