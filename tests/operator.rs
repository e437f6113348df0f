//! What an operator is told where a node cannot do what it is asked: listings that it lacks blocks for, and approvals
//! while the chain stands.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use market::ledger::{LocalLedger, QueryWatch};
use node::{Ledger, Mempool};
use serde_json::Value;

use crate::{
    api::server::{Answer, agent, answer},
    network::{Place, Server, text},
    ports::free_port,
};

/// A path of a node, as a browser asks for it or as a program.
fn get(node: &Server, path: &str, accept: &str) -> Answer {
    answer(agent().get(format!("{}{path}", node.url)).header("accept", accept).call())
}

fn run(place: &Place) -> Server {
    // No heartbeat: a key that signed more than a copy holds makes no more blocks there.
    place.serve(&["node", "run", "--listen", "127.0.0.1:0", "--heartbeat", "3600"])
}

/// What a command says to people.
fn spoken(place: &Place, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.args(arguments).current_dir(place.path(".")).env_remove("LOCUS_URL").env_remove("LOCUS_DATA_DIR");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn words(page: &Answer) -> String {
    String::from_utf8_lossy(&page.body).into_owned()
}

/// Every listing of the API, an account's among them.
pub fn listings(account: &str) -> Vec<String> {
    let paths = ["blocks", "schemas", "studies", "queries", "issuers", "researchers", "datasets", "licences"];
    let own = ["transactions", "postings"].map(|what| format!("/v1/accounts/{account}/{what}"));
    paths.iter().map(|path| format!("/v1/{path}")).chain(own).collect()
}

/// That every listing, the pages and the command line say what is missing and what helps.
fn refuses_listings(place: &mut Place, account: &str, first: u64) {
    let node = run(place);
    for path in listings(account) {
        let refused = get(&node, &path, "application/json");
        refused.refused(503, "has not indexed block 1,");
        let problem = refused.json();
        assert_eq!(problem["type"], "/problems/incomplete", "{path}");
        let detail = text(&problem["detail"]);
        assert!(detail.contains(&format!("from {first} on")) && detail.contains("locus node restore"), "{detail}");
    }
    let page = get(&node, "/blocks", "text/html");
    assert_eq!(page.status, 503);
    assert!(words(&page).contains("This node does not have the whole listing"), "{}", words(&page));
    for path in ["/", "/explorer", "/explorer/health"] {
        let page = get(&node, path, "text/html");
        assert_eq!(page.status, 200, "{path}");
        assert!(words(&page).contains("Listings are missing here"), "{path}");
    }
    assert!(words(&get(&node, "/", "text/html")).contains("<dt>Queries asked</dt><dd>–</dd>"));
    assert!(words(&get(&node, "/explorer", "text/html")).contains("<dt>Transactions</dt><dd>–</dd>"));
    assert_eq!(get(&node, "/health", "application/json").json()["listings"], false);
    place.url = Some(node.url.clone());
    assert!(place.refused(&["account", "statement", account]).contains("has not indexed block 1,"));
    place.url = None;
    node.stop();
    assert!(place.refused(&["account", "statement", account]).contains("has not indexed block "));
    assert!(place.refused(&["index", "rebuild"]).contains("every block"));
    // Whoever looks for queries there, as agents and committee members do, finds those of the state.
    let genesis = serde_json::from_slice(&fs::read(place.path(".locus/genesis.json")).unwrap()).unwrap();
    let ledger = Ledger::open(&place.path(".locus/ledger.redb"), genesis).unwrap();
    let ledger = LocalLedger::new(Arc::new(Mempool::new(Arc::new(ledger))), web::chain::now);
    assert!(QueryWatch::default().poll(&ledger).unwrap().is_empty());
}

/// That the blocks are listed from the first on.
fn lists_from_the_first(place: &Place, account: &str) {
    let node = run(place);
    for path in listings(account) {
        assert_eq!(get(&node, &path, "application/json").status, 200, "{path}");
    }
    let blocks = get(&node, "/v1/blocks", "application/json").json();
    assert_eq!(blocks["items"][0]["sequence"], 4096, "{blocks}");
    assert!(!words(&get(&node, "/explorer", "text/html")).contains("Listings are missing here"));
    node.stop();
}

#[test]
fn a_node_without_its_first_blocks_refuses_its_listings_and_says_what_helps() {
    let mut place = Place::new();
    place.locus(&["network", "init", "one", "--block-seconds", "0", "--epoch-blocks", "4"]);
    place.locus(&["ledger", "next-epoch"]);
    let tip = place.locus(&["node", "backup", "backup.redb"])["height"].as_u64().unwrap();
    assert!(tip >= 4);
    place.locus(&["node", "snapshot", "snapshot.redb"]);
    let genesis: Value = serde_json::from_slice(&fs::read(place.path(".locus/genesis.json")).unwrap()).unwrap();
    let account = text(&genesis["governor"]);
    let replace = |place: &Place, copy| {
        place.locus(&["node", "restore", copy, "--replace"]);
        fs::remove_file(place.path(".locus/ledger.redb.replaced")).unwrap();
    };

    replace(&place, "snapshot.redb");
    refuses_listings(&mut place, &account, tip);

    replace(&place, "backup.redb");
    lists_from_the_first(&place, &account);

    // What was indexed before a pruning stays listed; an index that is made after it lacks the blocks.
    let tip = place.locus(&["node", "prune", "--blocks", "2"])["height"].as_u64().unwrap();
    lists_from_the_first(&place, &account);

    // A statement says up to which block the index goes; where that one stands still, there is none.
    let statement = ["account", "statement", &account];
    let said = spoken(&place, &statement);
    assert!(said.ends_with(&format!("as of block {tip}\n")), "{said}");
    place.locus(&["ledger", "next-epoch"]);
    let first = place.locus(&["node", "prune", "--blocks", "1"])["height"].as_u64().unwrap();
    assert!(first > tip + 1);
    let refused = place.refused(&statement);
    assert!(refused.contains(&format!("has not indexed block {},", tip + 1)), "{refused}");
    fs::remove_file(place.path(".locus/locus.sqlite")).unwrap();
    refuses_listings(&mut place, &account, first);

    // Blocks that come are no help: those before are still missing.
    place.locus(&["ledger", "next-epoch"]);
    refuses_listings(&mut place, &account, first);
}

/// The blocks that a folder has copies up to.
fn copies(folder: &Path) -> BTreeSet<u64> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "redb");
    paths.map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn repro_copies_that_a_running_node_writes_do_not_fill_the_disk() {
    let place = Place::new();
    place.locus(&["network", "init", "one", "--block-seconds", "0"]);
    let run = ["node", "run", "--listen", "127.0.0.1:0", "--heartbeat", "1", "--copies", "copies", "--copy-every", "1"];
    let node = place.serve(&[&run[..], &["--keep-copies", "2"]].concat());
    let started = Instant::now();
    loop {
        let written = copies(&place.path("copies"));
        assert!(written.len() <= 3, "two stay, beside one that was written now: {written:?}");
        if written.last() > Some(&5) {
            break;
        }
        assert!(started.elapsed().as_secs() < 120, "{written:?}");
        thread::sleep(Duration::from_millis(50));
    }
    node.stop();
    // Until it stopped it wrote more, and removed what was here.
    let last = copies(&place.path("copies")).pop_last().unwrap();
    let restored = place.locus(&["node", "restore", &format!("copies/{last}.redb"), "--replace"]);
    assert!(restored["height"].as_u64() >= Some(last), "{restored}");
}

/// Two organisations of a vote each on this machine, with the genesis in both folders.
fn two(place: &Place) -> [String; 2] {
    let accounts = ["a", "b"].map(|name| {
        let address = format!("/ip4/127.0.0.1/tcp/{}", free_port());
        let file = format!("{name}.json");
        text(&place.locus(&["--data-dir", name, "node", "init", &address, "--out", &file])["account"])
    });
    place.locus(&["network", "init", "two", "--block-seconds", "0", "--validator", "a.json", "--validator", "b.json"]);
    for name in ["a", "b"] {
        fs::copy(place.path(".locus/genesis.json"), place.path(name).join("genesis.json")).unwrap();
    }
    accounts
}

#[test]
fn an_approval_while_the_chain_stands_says_what_it_waits_for_and_goes_in_when_it_moves() {
    let mut place = Place::new();
    let [_, other] = two(&place);
    let serve = |place: &Place, name| {
        place.serve(&["--data-dir", name, "node", "run", "--listen", "127.0.0.1:0", "--heartbeat", "1"])
    };
    let remove = ["node", "approve", "remove-validator", &other];
    let alone = place.refused(&[&["--data-dir", "a"][..], &remove, &["--wait", "1"]].concat());
    assert!(alone.contains("reaches 1 of 2 votes") && alone.contains("give its address with --url"), "{alone}");

    assert!(place.refused(&["node", "peers"]).contains("give its address with --url"));
    let first = serve(&place, "a");
    place.url = Some(first.url.clone());
    let approve = |name| [&["--data-dir", name][..], &remove].concat();
    let started = Instant::now();
    let stands = place.refused(&[&approve("a")[..], &["--wait", "3"]].concat());
    assert!(started.elapsed().as_secs() < 30, "it gives up in the time that was given");
    for said in ["the chain stands at block 0 since", "reaches 1 of 2 votes", &other, "within 3 s", "node status"] {
        assert!(stands.contains(said), "{said}: {stands}");
    }
    // The same command waits for what it sent, and says so.
    let again = place.refused(&[&approve("a")[..], &["--wait", "1"]].concat());
    assert!(again.contains("it was sent before, and no block") && again.contains("within 1 s"), "{again}");

    // What was sent waits in the node, and goes in once there are enough votes.
    place.url = None;
    let second = serve(&place, "b");
    place.url = Some(first.url.clone());
    let started = Instant::now();
    let votes = loop {
        let changes = place.printed(&["node", "changes"]);
        if changes.as_array().is_some_and(|changes| !changes.is_empty()) {
            break changes;
        }
        assert!(started.elapsed().as_secs() < 120, "{changes}");
    };
    assert_eq!((&votes[0]["power"], &votes[0]["total"]), (&1.into(), &2.into()), "{votes}");
    let peers = place.printed(&["node", "peers"]);
    assert_eq!((peers.as_array().unwrap().len(), &peers[0]["validator"]), (1, &Value::from(other.clone())), "{peers}");
    assert!(place.said(&["node", "peers"]).contains(&other));
    let metrics = words(&get(&first, "/metrics", "text/plain"));
    assert!(metrics.contains("locus_votes_connected 2\n") && metrics.contains("locus_votes_total 2\n"), "{metrics}");

    let decided = place.locus(&approve("b"));
    assert_eq!(decided["approvals"], Value::Null, "{decided}");
    // Who was removed is no peer any more.
    let started = Instant::now();
    while place.printed(&["node", "peers"]) != serde_json::json!([]) {
        assert!(started.elapsed().as_secs() < 120, "{}", place.printed(&["node", "peers"]));
    }
    let metrics = words(&get(&first, "/metrics", "text/plain"));
    assert!(metrics.contains("locus_votes_connected 1\n") && metrics.contains("locus_votes_total 1\n"), "{metrics}");
    second.stop();
    first.stop();
}
