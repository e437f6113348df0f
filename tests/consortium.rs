//! The whole demo job on four validators, each a process of its own; and that no genome reaches their ledgers.

use std::{fs, path::Path, process::Command};

use market::wallet::{PartyKey, Protection, Role, Wallet};
use serde_json::Value;

use crate::{
    lan::Lan,
    network::{Place, Server, ask, certify, demo_file, new_key, true_slots},
    ports::free_port,
    skipped::{REQUIRE_ROOT, nothing_checked},
};

fn locus(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.current_dir(folder).args(arguments).env("LOCUS_PASSPHRASE", "three random words");
    let output = command.env_remove("LOCUS_URL").env_remove("LOCUS_DATA_DIR").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The names of all whom the demo takes its people from.
fn samples() -> Vec<String> {
    let genomes = fs::read_to_string(demo_file("genomes.vcf")).unwrap();
    let header = genomes.lines().find(|line| line.starts_with("#CHROM")).unwrap();
    header.split('\t').skip(9).map(str::to_owned).collect()
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
        attributes.windows(12).step_by(4).filter(|run| tells(run)).map(<[u8]>::to_vec).collect();
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

/// Whether three attributes in a row are found where somebody put them and not by chance: three small codes are in every
/// list of small numbers.
fn tells(run: &[u8]) -> bool {
    carried(run) > 3 && run.iter().collect::<std::collections::BTreeSet<_>>().len() > 3
}

#[test]
fn repro_three_small_codes_in_a_row_are_not_sought_and_an_age_beside_them_is() {
    let bytes = |row: [u32; 3]| row.map(u32::to_le_bytes).concat();
    // Sex, population and superpopulation of a person, which the store of a ledger had in a list of places.
    assert!(!tells(&bytes([1, 11, 4])));
    assert!(tells(&bytes([11, 4, 630])) && tells(&bytes([4, 630, 20_081])));
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
    for name in samples() {
        assert!(!ledgers.iter().any(|ledger| holds(ledger, name.as_bytes())), "a ledger holds the name {name}");
    }
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

/// Organisations at these addresses, each with a data directory of its own, as docs/guide/consortium.md founds them.
fn found_at(place: &Place, addresses: &[String], endowed: &str) {
    let file = |organisation| format!("org-{organisation}.json");
    for (organisation, address) in addresses.iter().enumerate() {
        let folder = format!("org-{organisation}");
        place.locus(&["--data-dir", &folder, "node", "init", address, "--out", &file(organisation)]);
    }
    let balance = format!("{endowed}=1000000");
    let mut init = ["network", "init", "hosts", "--balance", &balance, "--epoch-blocks", "8"].to_vec();
    init.extend(["--exact-floor", "2", "--early-sealing"]);
    let files: Vec<_> = (0..addresses.len()).map(file).collect();
    files.iter().for_each(|file| init.extend(["--validator", file]));
    place.locus(&init);
    for organisation in 0..addresses.len() {
        let folder = place.path(&format!("org-{organisation}"));
        fs::copy(place.path(".locus/genesis.json"), folder.join("genesis.json")).unwrap();
    }
}

/// Four of them, each on a host of its own.
fn found(place: &mut Place, lan: &Lan, endowed: &str) -> Vec<Server> {
    let addresses: Vec<_> = (0..4).map(|host| format!("/ip4/{}/tcp/26656", lan.address(host))).collect();
    found_at(place, &addresses, endowed);
    let nodes: Vec<_> = (0..4).map(|host| run(place, lan, host)).collect();
    place.through = lan.through(3);
    // Everybody else works beside the last node and asks the first.
    place.url = Some(nodes[0].url.clone());
    nodes
}

/// One organisation's node on its host.
fn run(place: &mut Place, lan: &Lan, host: usize) -> Server {
    let (folder, listen) = (format!("org-{host}"), format!("{}:8480", lan.address(host)));
    place.through = lan.through(host);
    let asked = place.url.take();
    let node = place.serve(&["--data-dir", &folder, "node", "run", "--listen", &listen, "--heartbeat", "1"]);
    place.url = asked;
    node
}

/// Three organisations give the fourth two votes: the validators of the genesis hand over to others.
fn give_another_vote(place: &Place, organisation: &str) {
    let path = place.path(&format!("{organisation}.json"));
    let mut listed: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    listed["power"] = 2.into();
    place.write("more.json", &listed);
    for voter in ["org-0", "org-1", "org-2"] {
        place.locus(&["--data-dir", voter, "node", "approve", "set-validator", "more.json"]);
    }
}

#[test]
fn a_committee_that_the_validators_seat_makes_the_next_key_and_nobody_else_does() {
    let mut place = Place::new();
    place.locus(&["network", "init", "seats", "--epoch-blocks", "8", "--block-seconds", "0"]);
    let node = place.serve(&["serve", "--listen", "127.0.0.1:0", "--heartbeat", "1"]);
    place.url = Some(node.url.clone());
    let _before: Vec<_> = (0..4).map(|index| place.member(index)).collect();
    let active = |shown: &Value| shown["committee"]["stage"]["stage"] == "active";
    let shown = place.until(&["committee", "show"], active);
    let first = shown["epoch"].as_u64().unwrap();

    let mut accounts: Vec<Value> = ["e", "f"].map(|name| new_key(&place, "member", name).into()).into();
    accounts.push(shown["seats"]["members"][3]["account"].clone());
    for (key, file) in [("e.key", "e.json"), ("f.key", "f.json"), (".locus/keys/member-3.key", "d.json")] {
        place.locus(&["keys", "member", key, "--out", file]);
    }
    let seat = |quorum, members: &[&'static str]| {
        [&["node", "approve", "seat-committee", "--committee", quorum, "--member"], members].concat()
    };
    for (quorum, files) in [("2/4", ["e.json", "f.json", "d.json"]), ("2/3", ["e.json", "f.json", "e.json"])] {
        let refused = place.refused(&seat(quorum, &files));
        assert!(refused.contains("committee") || refused.contains("member"), "{refused}");
    }
    let seated = place.locus(&seat("2/3", &["e.json", "f.json", "d.json"]));
    assert_eq!(seated["approvals"], Value::Null, "the one validator decides alone");
    let shown = place.until(&["committee", "show"], |shown| shown["epoch"].as_u64().unwrap() > first);
    assert!(!active(&shown), "two of the three are not up");
    let names: Vec<_> =
        shown["seats"]["members"].as_array().unwrap().iter().map(|seat| seat["account"].clone()).collect();
    assert_eq!(names, accounts);
    let serve = |name: &str| {
        let (key, store) = (format!("{name}.key"), format!("store-{name}"));
        place.serve(&["committee", "serve", "--key", &key, "--store", &store])
    };
    let _new = ["e", "f"].map(serve);
    place.until(&["committee", "show"], active);
    let nobody = place.refused(&["node", "approve", "remove-validator", accounts[0].as_str().unwrap()]);
    assert!(nobody.contains("it holds already"), "{nobody}");
}

/// Asks another node from now on, once it has what the one before has.
fn ask_at(place: &mut Place, node: &Server) {
    let height = place.locus(&["ledger", "head"])["height"].as_u64().unwrap();
    place.url = Some(node.url.clone());
    place.until(&["ledger", "head"], |head| head["height"].as_u64().unwrap() >= height);
}

#[test]
fn members_agents_and_the_researcher_each_ask_another_node_and_the_result_is_right() {
    let mut place = Place::new();
    let researcher = new_key(&place, "researcher", "researcher");
    let hospitals = ["hospital-a", "hospital-b"].map(|name| new_key(&place, "issuer", name));
    new_key(&place, "custodian", "custodian");
    let (consensus, api) = ([(); 3].map(|()| free_port()), [(); 3].map(|()| free_port()));
    found_at(&place, &consensus.map(|port| format!("/ip4/127.0.0.1/tcp/{port}")), &researcher);
    let nodes: [Server; 3] = std::array::from_fn(|number| {
        let (folder, listen) = (format!("org-{number}"), format!("127.0.0.1:{}", api[number]));
        let others = [1, 2].map(|next| format!("http://127.0.0.1:{}", api[(number + next) % 3])).join(",");
        let run = ["--data-dir", &folder, "node", "run", "--listen", &listen, "--heartbeat", "1"];
        place.serve(&[&run[..], &["--blobs-from", &others]].concat())
    });
    let members: Vec<_> = (0..4)
        .map(|index| {
            place.url = Some(nodes[index % 3].url.clone());
            place.member(index)
        })
        .collect();
    for (hospital, name) in hospitals.iter().zip(["Hospital A", "Hospital B"]) {
        place.locus(&["govern", "accredit-issuer", hospital, "--name", name]);
    }
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Researcher"]);
    place.until(&["committee", "show"], |shown| shown["committee"]["stage"]["stage"] == "active");
    let schema = certify(&place);
    ask_at(&mut place, &nodes[1]);
    let query = ask(&place, &schema);
    ask_at(&mut place, &nodes[2]);
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    place.locus(&["agent", "run", "--wallets", "wallets", "--custodian", "custodian.key", "--members", &urls]);
    ask_at(&mut place, &nodes[0]);
    place.locus(&["query", "seal", &query, "--key", "researcher.key"]);
    place.locus(&["aggregate", &query, "--members", &urls, "--key", "researcher.key"]);
    ask_at(&mut place, &nodes[1]);
    place.until(&["query", "show", &query], |shown| shown["state"]["status"]["stage"] == "released");
    let result = place.locus(&["result", &query, "--key", "researcher.key", "--receipt", "receipt.json"]);
    assert_eq!(result["slots"][0], true_slots());
    place.locus(&["verify", "receipt.json"]);
}

#[test]
fn four_hosts_of_their_own_do_the_whole_job() {
    let Some(lan) = Lan::new() else {
        let test = "the whole job on hosts of their own";
        return nothing_checked(REQUIRE_ROOT, test, "network namespaces take root and iproute2");
    };
    let mut place = Place::new();
    let researcher = new_key(&place, "researcher", "researcher");
    let hospitals = ["hospital-a", "hospital-b"].map(|name| new_key(&place, "issuer", name));
    new_key(&place, "custodian", "custodian");
    let mut nodes = found(&mut place, &lan, &researcher);
    for (hospital, name) in hospitals.iter().zip(["Hospital A", "Hospital B"]) {
        place.locus(&["govern", "accredit-issuer", hospital, "--name", name]);
    }
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Researcher"]);
    let members: Vec<_> = (0..4).map(|index| place.member(index)).collect();
    place.until(&["committee", "show"], |shown| shown["committee"]["stage"]["stage"] == "active");
    let query = ask(&place, &certify(&place));
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let answer = ["agent", "run", "--wallets", "wallets", "--custodian", "custodian.key", "--members", &urls];
    place.locus(&answer);
    give_another_vote(&place, "org-3");
    // One that is killed goes on from its own files while the others work.
    nodes.remove(2).kill();
    place.locus(&["query", "seal", &query, "--key", "researcher.key"]);
    let height = place.locus(&["ledger", "head"])["height"].as_u64().unwrap();
    nodes.insert(2, self::run(&mut place, &lan, 2));
    place.through = lan.through(3);
    let first = place.url.replace(nodes[2].url.clone());
    place.until(&["ledger", "head"], |head| head["height"].as_u64().unwrap() >= height);
    place.url = first;
    place.locus(&["aggregate", &query, "--members", &urls, "--key", "researcher.key"]);
    place.until(&["query", "show", &query], |shown| shown["state"]["status"]["stage"] == "released");
    let result = place.locus(&["result", &query, "--key", "researcher.key", "--receipt", "receipt.json"]);
    assert_eq!(result["slots"][0], true_slots());
    let receipt: Value = serde_json::from_slice(&fs::read(place.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt["handovers"].as_array().unwrap().len(), 1, "others signed its header than the genesis lists");
    let heads = nodes.iter().map(|node| {
        place.url = Some(node.url.clone());
        place.until(&["query", "show", &query], |shown| shown["state"]["status"]["stage"] == "released")["state"]
            .clone()
    });
    let heads: Vec<_> = heads.collect();
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "the four do not agree");
    drop((members, nodes));
    place.url = None;
    assert_eq!(place.locus(&["verify", "receipt.json"])["records"], 2);
    let mut unled = receipt;
    unled["handovers"] = Value::Array(vec![]);
    place.write("unled.json", &unled);
    let refused = place.refused(&["verify", "unled.json"]);
    assert!(refused.contains("not the validators of its height"), "{refused}");
}
