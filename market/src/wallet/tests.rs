//! A wallet loses nothing, opens to nobody else, and says plainly what is wrong.

use circuits::{
    consent::{ConsentFlags, Day, Purposes, Regions},
    id::SchemaId,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey},
};
use rand::{SeedableRng, rngs::StdRng};

use super::*;

fn terms(rng: &mut StdRng) -> ConsentTerms {
    ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: Purposes::GENERAL_RESEARCH,
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(20_000),
        price_min: 1,
        epsilon_milli_max: 0,
        cohort_min: 1,
        flags: ConsentFlags::EXACT,
    }
}

fn record(nullifier_key: NullifierKey) -> Record {
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = 123_454_321;
    Record {
        schema: SchemaId::from_bytes([1; 32]),
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&[Dosage::HomAlt; 40]).unwrap(),
        nullifier_key,
    }
}

fn wallet(path: &Path, protection: &Protection) -> (Wallet, Holding) {
    let mut rng = StdRng::seed_from_u64(5);
    let chain = ChainId::from_bytes([7; 32]);
    let mut wallet = Wallet::create(path, protection.clone(), chain, "Ada", &mut rng).unwrap();
    let enrolment = wallet.enrol(terms(&mut rng), None, &mut rng).unwrap();
    let record = record(wallet.pending(&enrolment).unwrap().nullifier_key.clone());
    wallet.complete(&enrolment, record, LeafIndex::new(3), Epoch::new(1)).unwrap();
    let holding = wallet.holdings()[0].clone();
    (wallet, holding)
}

fn protections() -> [Protection; 3] {
    [
        Protection::passphrase("correct horse").unwrap(),
        Protection::StorageKey(StorageKey::from_bytes([3; 32])),
        Protection::DemoUnencrypted,
    ]
}

#[test]
fn a_wallet_opens_with_what_it_was_written_with_and_holds_the_same() {
    for protection in protections() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ada.wallet");
        let (wallet, holding) = wallet(&path, &protection);
        let owner = wallet.owner();
        drop(wallet);
        let again = Wallet::open(&path, protection).unwrap();
        assert_eq!(again.holdings(), [holding]);
        assert_eq!((again.owner(), again.label()), (owner, "Ada"));
    }
}

#[test]
fn a_wrong_passphrase_is_told_from_a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    drop(wallet(&path, &protections()[0]));
    let wrong = Protection::passphrase("battery staple").unwrap();
    assert!(matches!(Wallet::open(&path, wrong), Err(Error::WrongPassphrase { .. })));
    assert!(matches!(Wallet::open(&path, protections()[1].clone()), Err(Error::WrongPassphrase { .. })));
    assert!(matches!(Wallet::open(&path, Protection::DemoUnencrypted), Err(Error::FileDamaged { .. })));
    assert!(Protection::passphrase("").is_err());
}

#[test]
fn no_truncation_and_no_flipped_byte_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    let protection = protections()[1].clone();
    drop(wallet(&path, &protection));
    let sound = std::fs::read(&path).unwrap();
    for length in (0..sound.len()).step_by(7) {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(Wallet::open(&path, protection.clone()).is_err(), "opened at {length} bytes");
    }
    for place in (0..sound.len()).step_by(11) {
        let mut altered = sound.clone();
        altered[place] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert!(Wallet::open(&path, protection.clone()).is_err(), "opened with byte {place} flipped");
    }
    std::fs::write(&path, &sound).unwrap();
    assert!(Wallet::open(&path, protection).is_ok());
}

#[test]
fn a_truncated_demo_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    drop(wallet(&path, &Protection::DemoUnencrypted));
    let sound = std::fs::read(&path).unwrap();
    for bytes in [&sound[..sound.len() - 1], &[&sound[..], b"x"].concat()] {
        std::fs::write(&path, bytes).unwrap();
        let opened = Wallet::open(&path, Protection::DemoUnencrypted);
        assert!(matches!(opened, Err(Error::FileDamaged { .. })));
    }
}

#[test]
fn repro_a_key_file_of_another_role_says_both_roles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hospital.key");
    let key = PartyKey::random(Role::Issuer, &mut StdRng::seed_from_u64(1));
    key.create(&path, &Protection::DemoUnencrypted).unwrap();
    let refused = PartyKey::open(&path, Role::Researcher, &Protection::DemoUnencrypted).unwrap_err().to_string();
    assert!(refused.contains("role issuer") && refused.contains("role researcher"), "{refused}");
    assert_eq!(PartyKey::open_any(&path, &Protection::DemoUnencrypted).unwrap().role(), Role::Issuer);
    let path = folder.path().join("ada.wallet");
    drop(wallet(&path, &Protection::DemoUnencrypted));
    let refused = PartyKey::open_any(&path, &Protection::DemoUnencrypted);
    assert!(matches!(refused, Err(Error::FileKind { .. })), "{refused:?}");
}

#[test]
fn repro_opening_a_wallet_that_is_absent_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Wallet::open(&folder.path().join("ada.wallet"), Protection::DemoUnencrypted).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn secrets_are_neither_on_disk_nor_in_debug_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    let (wallet, holding) = wallet(&path, &protections()[0]);
    let bytes = std::fs::read(&path).unwrap();
    let secret = borsh::to_vec(&holding.record.nullifier_key).unwrap();
    assert!(!bytes.windows(32).any(|window| window == secret));
    let key = PartyKey::random(Role::Member, &mut StdRng::seed_from_u64(1));
    let printed = format!("{wallet:?} {holding:?} {key:?} {:?} {:?}", protections(), key.storage_key());
    for told in [
        hex::encode(&secret),
        "123454321".into(),
        "correct horse".into(),
        hex::encode(key.storage_key().as_bytes()),
        hex::encode(key.signing_key().to_bytes()),
    ] {
        assert!(!printed.contains(&told), "{told} in {printed}");
    }
}

#[test]
fn a_backup_restores_the_wallet_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [path, backup, restored] = ["ada.wallet", "ada.backup", "restored.wallet"].map(|name| folder.path().join(name));
    let protection = protections()[1].clone();
    let (wallet, holding) = wallet(&path, &protection);
    wallet.back_up(&backup).unwrap();
    assert!(matches!(wallet.back_up(&backup), Err(Error::FileExists { .. })));
    assert!(matches!(Wallet::recover(&backup, &path, protection.clone()), Err(Error::FileExists { .. })));
    let wrong = Protection::StorageKey(StorageKey::from_bytes([4; 32]));
    assert!(matches!(Wallet::recover(&backup, &restored, wrong), Err(Error::WrongPassphrase { .. })));
    assert!(!restored.exists());
    let recovered = Wallet::recover(&backup, &restored, protection).unwrap();
    assert_eq!(recovered.holdings(), [holding]);
}

#[test]
fn a_wallet_open_elsewhere_is_not_opened_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    let protection = protections()[1].clone();
    let (open, _) = wallet(&path, &protection);
    assert!(matches!(Wallet::open(&path, protection.clone()), Err(Error::FileInUse { .. })));
    drop(open);
    assert!(Wallet::open(&path, protection).is_ok());
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.wallet");
    let protection = protections()[1].clone();
    let (wallet, holding) = wallet(&path, &protection);
    drop(wallet);
    std::fs::write(folder.path().join(".unfinished-1"), b"half of a new wallet").unwrap();
    assert_eq!(Wallet::open(&path, protection).unwrap().holdings(), [holding]);
}

#[test]
fn a_key_file_opens_only_as_its_role_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let protection = protections()[1].clone();
    let key = PartyKey::random(Role::Issuer, &mut StdRng::seed_from_u64(2));
    key.create(&path, &protection).unwrap();
    assert_eq!(PartyKey::open(&path, Role::Issuer, &protection).unwrap(), key);
    let refused = PartyKey::open(&path, Role::Member, &protection).unwrap_err().to_string();
    assert!(refused.contains("issuer") && refused.contains("member"), "{refused}");
    assert!(matches!(key.create(&path, &protection), Err(Error::FileExists { .. })));
}

#[cfg(unix)]
#[test]
fn repro_a_link_to_an_open_wallet_is_the_same_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("a.wallet"), folder.path().join("b.wallet"));
    let (opened, _) = wallet(&path, &Protection::DemoUnencrypted);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let refused = Wallet::open(&link, Protection::DemoUnencrypted);
    assert!(matches!(refused, Err(Error::FileInUse { .. })), "{refused:?}");
    drop(opened);
    let mut through = Wallet::open(&link, Protection::DemoUnencrypted).unwrap();
    through.set_budget(Epsilon::from_milli(5)).unwrap();
    drop(through);
    assert!(link.is_symlink());
    assert_eq!(Wallet::open(&path, Protection::DemoUnencrypted).unwrap().budget(), Epsilon::from_milli(5));
}

/// Computed by another implementation of RFC 5869. A change here makes every backup's keys other ones.
#[test]
fn one_time_seeds_are_those_of_the_known_vectors_and_differ_in_every_part() {
    let seed: SecretSeed = borsh::from_slice(&[7; 32]).unwrap();
    let derived = |purpose, names: [u8; 3]| {
        let [chain, asked, record] = names.map(|byte| [byte; 32]);
        hex::encode(seed.derive(purpose, &[&chain, &asked, &record]).unwrap().as_bytes())
    };
    for (purpose, expected) in [
        (ByteTag::PayoutSeed, "6aec9a621d7b5113e9941a8244ade02bc8e57551b4366eb2c3b739e5592093bf"),
        (ByteTag::ReplySeed, "c29b320e38f32e669cd69e4cbb2edf573f3f421642d47cad6ebe738344bce79f"),
        (ByteTag::InvitationSeed, "b5e873cddcf08af1749bb39c05771c055a088a382fb4b82a78dd2f923ec16096"),
    ] {
        assert_eq!(derived(purpose, [1, 2, 3]), expected);
        for other in [[9, 2, 3], [1, 9, 3], [1, 2, 9]] {
            assert_ne!(derived(purpose, other), expected);
        }
    }
}

#[test]
fn repro_two_records_of_a_wallet_had_one_payout_key_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let (wallet, holding) = wallet(&folder.path().join("ada"), &Protection::DemoUnencrypted);
    let other = record(NullifierKey::random(&mut StdRng::seed_from_u64(6)));
    let seeds = [&holding.record, &other]
        .map(|record| wallet.one_time_seed(ByteTag::PayoutSeed, &[1; 32], record).unwrap().as_bytes().to_owned());
    assert_ne!(seeds[0], seeds[1]);
}
