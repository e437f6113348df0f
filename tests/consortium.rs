//! The whole demo job on four validators, each a process of its own; and that no genome reaches their ledgers.

use std::{fs, path::Path, process::Command};

use market::wallet::{PartyKey, Protection, Role, Wallet};
use serde_json::Value;

fn locus(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.current_dir(folder).args(arguments).env("LOCUS_PASSPHRASE", "three random words");
    let output = command.env_remove("LOCUS_URL").env_remove("LOCUS_DATA_DIR").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Whether a file holds these bytes anywhere.
fn holds(file: &[u8], bytes: &[u8]) -> bool {
    memchr::memmem::find(file, bytes).is_some()
}

/// Runs of bytes that only somebody's record has: three attributes in a row, and the dosages of 32 variants as bytes and
/// as pairs of bits in either order.
pub fn plaintext(wallet: &Wallet) -> Vec<Vec<u8>> {
    let record = &wallet.holdings()[0].record;
    let attributes: Vec<u8> = record.attributes.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut found: Vec<Vec<u8>> =
        attributes.windows(12).step_by(4).filter(|run| distinct(run) > 3).map(<[u8]>::to_vec).collect();
    let dosages: Vec<u8> = record.genotypes.windows()[0].dosages().map(|dosage| dosage as u8).to_vec();
    found.extend(dosages.chunks(32).filter(|run| carried(run) > 5).map(<[u8]>::to_vec));
    for shifts in [[0, 2, 4, 6], [6, 4, 2, 0]] {
        let pack = |four: &[u8]| four.iter().zip(shifts).fold(0, |byte, (dosage, shift)| byte | dosage << shift);
        let packed: Vec<u8> = dosages.chunks(4).map(pack).collect();
        found.extend(packed.chunks(16).filter(|run| carried(run) > 7).map(<[u8]>::to_vec));
    }
    found.push(wallet.label().as_bytes().to_vec());
    found
}

/// How many bytes of a run are not zero: runs of zeros are everywhere.
fn carried(run: &[u8]) -> usize {
    run.iter().filter(|byte| **byte != 0).count()
}

fn distinct(run: &[u8]) -> usize {
    run.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn four_validators_do_the_whole_job_and_their_ledgers_hold_no_genome() {
    let folder = tempfile::tempdir().unwrap();
    let played = locus(folder.path(), &["--json", "--data-dir", "town", "demo", "--people", "4", "--validators", "4"]);
    let report: Value = serde_json::from_slice(&played).unwrap();
    assert_eq!((report["admitted"].as_u64(), report["matches"].as_bool()), (Some(4), Some(true)));
    let demo = folder.path().join("town/demo");
    locus(folder.path(), &["verify", "town/demo/receipt.json"]);
    let receipt: Value = serde_json::from_slice(&fs::read(demo.join("receipt.json")).unwrap()).unwrap();
    let signatures = receipt["header"]["certificate"]["signatures"].as_array().unwrap();
    assert!(signatures.len() >= 3, "a quorum of four signed");

    let custodian = PartyKey::open(&demo.join("keys/custodian.key"), Role::Custodian, &Protection::DemoUnencrypted);
    let storage = custodian.unwrap();
    let ledgers: Vec<_> =
        ["ledger.redb", "validators/1/ledger.redb", "validators/2/ledger.redb", "validators/3/ledger.redb"]
            .iter()
            .map(|path| fs::read(demo.join(path)).unwrap())
            .collect();
    let mut sought = 0;
    for number in 0..4 {
        let path = demo.join(format!("wallets/{number}.wallet"));
        let wallet = Wallet::open(&path, Protection::StorageKey(storage.storage_key())).unwrap();
        for bytes in plaintext(&wallet) {
            sought += 1;
            assert!(!ledgers.iter().any(|ledger| holds(ledger, &bytes)), "a ledger holds {bytes:02x?} of {path:?}");
        }
        // The search finds what is there: the owner's account is public.
        assert!(holds(&ledgers[0], wallet.owner().as_bytes()));
    }
    assert!(sought > 40, "{sought} runs were sought");
    assert!(!ledgers.iter().any(|ledger| holds(ledger, b"HG00") || holds(ledger, b"HG01")), "a sample's name");
}

#[test]
fn an_operator_backs_up_restores_and_prunes_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| locus(folder.path(), arguments);
    here(&["network", "init", "one", "--block-seconds", "0", "--epoch-blocks", "4"]);
    here(&["ledger", "next-epoch"]);
    let head = here(&["--json", "ledger", "head"]);
    here(&["node", "backup", "backup.redb"]);
    here(&["node", "snapshot", "snapshot.redb"]);
    let refused = Command::new(env!("CARGO_BIN_EXE_locus"))
        .current_dir(folder.path())
        .args(["node", "restore", "backup.redb"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--replace keeps it"));
    for copy in ["backup.redb", "snapshot.redb"] {
        here(&["node", "restore", copy, "--replace"]);
        assert_eq!(here(&["--json", "ledger", "head"]), head);
        fs::remove_file(folder.path().join(".locus/ledger.redb.replaced")).unwrap();
    }
    here(&["node", "restore", "backup.redb", "--replace"]);
    here(&["node", "prune", "--blocks", "2"]);
    assert_eq!(here(&["--json", "ledger", "head"]), head);
    let status: Value = serde_json::from_slice(&here(&["--json", "node", "status"])).unwrap();
    assert_eq!((status["protocol"]["version"].as_u64(), status["validators"].as_array().unwrap().len()), (Some(1), 1));
}
