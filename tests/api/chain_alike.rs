//! What a page shows of the chain is what its endpoint says and what its command prints, at a node and where the chain lies:
//! what blocks and transactions did, an account's transactions, the totals, and lists of some queries and screenings.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use circuits::{
    consent::Day,
    id::{QueryId, ScreeningId},
    quorum::Quorum,
};
use node::{
    query::PrivacyMode,
    screening::ScreeningQuery,
    transaction::{Action, TransactionId, Transfer},
    units::{Amount, Height},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    server::{id, index_at},
    shown_alike::{Seen, question, released, says_all},
};
use crate::world::{World, account, genesis};

/// A chain in a data directory, as a node leaves it there.
struct Kept {
    folder: TempDir,
    world: World,
}

/// What is said of what a node tells, where the ledger itself needs no proof.
const CAUTION: &str = "\nwhat happened is the node's word, which no proof covers";

/// What a node's client printed, as it is printed where the chain lies.
fn as_here(told: &str) -> String {
    told.replace(CAUTION, "").replace(r#""events_told_by":"node""#, r#""events_told_by":"ledger""#)
}

/// A command about the chain in a data directory.
fn locally(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    for variable in ["LOCUS_URL", "LOCUS_DATABASE_URL", "LOCUS_OBJECTS"] {
        command.env_remove(variable);
    }
    command.args(["--data-dir", folder.to_str().unwrap()]).args(arguments).output().unwrap()
}

#[track_caller]
fn printed_locally(folder: &Path, arguments: &[&str]) -> String {
    let output = locally(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Kept {
    fn new() -> Self {
        let (folder, genesis) = (tempfile::tempdir().unwrap(), genesis(Quorum::DEFAULT));
        fs::write(folder.path().join("genesis.json"), serde_json::to_vec(&genesis).unwrap()).unwrap();
        let mut world = World::on_disk(&folder.path().join("ledger.redb"), genesis);
        world.prepare();
        Self { folder, world }
    }

    /// The chain at a node, once each command printed the same where the chain lies as it does of the node.
    #[track_caller]
    fn served(self, commands: &[Vec<&str>]) -> (TempDir, Seen) {
        let Self { folder, world } = self;
        let genesis = world.ledger().genesis().clone();
        let index = index_at(&folder.path().join("locus.sqlite"), world.ledger().chain());
        index.follow(world.ledger()).unwrap();
        drop((index, world));
        let ways = commands.iter().flat_map(|arguments| [arguments.clone(), [&["--json"], &arguments[..]].concat()]);
        let asked: Vec<Vec<&str>> = ways.collect();
        let here: Vec<String> = asked.iter().map(|arguments| printed_locally(folder.path(), arguments)).collect();
        let seen = Seen::over(World::on_disk(&folder.path().join("ledger.redb"), genesis));
        for (arguments, here) in asked.iter().zip(here) {
            assert!(!here.contains(CAUTION), "{here}");
            assert_eq!(here, as_here(&seen.told(arguments)), "{arguments:?}");
        }
        (folder, seen)
    }
}

/// What the lists of happenings on a page say, without tags.
fn happenings(page: &str) -> Vec<String> {
    let words = |html: &str| {
        let parts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words));
        parts.collect::<String>().replace("&#39;", "'")
    };
    let lists = page.split("<ul class=\"happenings\">").skip(1).filter_map(|rest| rest.split("</ul>").next());
    lists.flat_map(|list| list.split("<li>").skip(1)).map(|item| words(item).trim().to_owned()).collect()
}

/// The lines of a text that are set in by so much.
fn set_in(text: &str, by: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix(by)).map(str::to_owned).collect()
}

fn transfer(world: &mut World, from: &str, to: &str, amount: u64) -> TransactionId {
    let transfer = Transfer { to: account(to), amount: Amount::new(amount) };
    let id = world.act(from, Action::Transfer(transfer)).unwrap();
    world.block();
    id
}

/// Moves money in each block until one ends an epoch: that block, and its transaction.
fn move_until_an_epoch_ends(world: &mut World) -> (Height, TransactionId) {
    for _ in 0..world.ledger().genesis().parameters.epoch_blocks {
        let id = transfer(world, "friend", "visitor", 1_234);
        let snapshot = world.ledger().snapshot().unwrap();
        let height = snapshot.latest().unwrap().height;
        if !snapshot.events(height).unwrap().unwrap().end.is_empty() {
            return (height, id);
        }
    }
    panic!("no block ended an epoch");
}

#[test]
fn what_a_block_and_its_end_did_is_the_same_on_its_page_at_its_endpoint_and_by_its_command() {
    let mut kept = Kept::new();
    let (height, transaction) = move_until_an_epoch_ends(&mut kept.world);
    let (height, transaction) = (height.to_string(), transaction.to_string());
    let command = vec!["ledger", "block", &height];
    let (_folder, seen) = kept.served(std::slice::from_ref(&command));
    let mut said = seen.said(&format!("/v1/blocks/{height}"));
    let events = seen.said(&format!("/v1/blocks/{height}/events"));
    assert_eq!(events["transactions"][0][0]["event"], "transferred");
    assert_eq!(events["end"][0]["event"], "epoch_closed");
    (said["events"], said["events_told_by"]) = (events.clone(), json!("node"));
    assert_eq!(seen.printed(&command), said);

    let (page, told) = (seen.page(&format!("/blocks/{height}")), seen.told(&command));
    let shown = happenings(&page);
    assert_eq!(shown[0], format!("1,234 moved to an account {}", id("visitor")));
    let records = events["end"][0]["leaves"].as_u64().unwrap();
    let ended = format!("Epoch {} ended with {records} certified records", events["end"][0]["epoch"]);
    assert!(records > 0 && shown.contains(&ended), "{shown:?}");
    assert_eq!(set_in(&told, "    "), shown);
    says_all(&page, &[&transaction, "Transfer", "At its end"]);
    says_all(&told, &[&format!("  {transaction}  Transfer by {}", id("friend")), "  at its end", CAUTION]);
}

#[test]
fn what_a_transaction_did_is_the_same_on_its_page_at_its_endpoints_and_by_its_command() {
    let mut kept = Kept::new();
    let asked = kept.world.query();
    let transaction = kept.world.act("researcher", Action::OpenQuery(Box::new(asked))).unwrap().to_string();
    kept.world.block();
    let command = vec!["ledger", "transaction", &transaction];
    let (_folder, seen) = kept.served(std::slice::from_ref(&command));
    let status = seen.said(&format!("/v1/transactions/{transaction}"));
    let (height, place) = (&status["height"], status["index"].as_u64().unwrap() as usize);
    let events = &seen.said(&format!("/v1/blocks/{height}/events"))["transactions"][place];
    assert_eq!((&events[0]["event"], &events[1]["event"]), (&json!("query_opened"), &json!("query_compared")));
    let printed = seen.printed(&command);
    assert_eq!((&printed["events"], &printed["events_told_by"]), (events, &json!("node")));
    assert_eq!((&printed["status"], &printed["height"]), (&json!("included"), height));

    let (page, told) = (seen.page(&format!("/transactions/{transaction}")), seen.told(&command));
    let shown = happenings(&page);
    let query = events[0]["query"].as_str().unwrap();
    assert_eq!(shown[0], format!("A query opened and locked 500 {query}"));
    assert_eq!(shown[1], format!("The query's study had registered no plan {query}"));
    assert_eq!(set_in(&told, "  "), shown);
    says_all(&page, &["<h1>Open query</h1>"]);
    says_all(&told, &[&format!("in block {height}: Open query by {}", id("researcher")), CAUTION]);
    let unknown = seen.printed(&["ledger", "transaction", &"77".repeat(32)]);
    assert_eq!((&unknown["status"], &unknown["events"]), (&json!("unknown"), &Value::Null));
}

#[test]
fn an_accounts_transactions_are_the_same_on_its_page_at_their_endpoint_and_by_their_command() {
    let mut kept = Kept::new();
    let received = transfer(&mut kept.world, "friend", "visitor", 1_234);
    let sent = transfer(&mut kept.world, "visitor", "sponsor", 5);
    let (visitor, nobody) = (id("visitor"), id("nobody"));
    let all = vec!["account", "transactions", &visitor];
    let one = [&all[..], &["--limit", "1"]].concat();
    let none = vec!["account", "transactions", &nobody];
    let (_folder, seen) = kept.served(&[all.clone(), one.clone(), none.clone()]);
    let path = format!("/v1/accounts/{visitor}/transactions?order=newest");
    let said = seen.said(&path);
    assert_eq!(seen.printed(&all), said);
    let rows = said["items"].as_array().unwrap();
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [sent.to_string(), received.to_string()]);

    let first = seen.printed(&one);
    assert_eq!(first, seen.said(&format!("{path}&limit=1")));
    let next = first["next"].as_u64().unwrap().to_string();
    let rest = seen.printed(&[&one[..], &["--after", &next]].concat());
    assert_eq!(rest, seen.said(&format!("{path}&limit=1&after={next}")));
    assert_eq!((&first["items"][0], &rest["items"][0], &rest["next"]), (&rows[0], &rows[1], &Value::Null));
    says_all(&seen.told(&one), &[&format!("older ones follow: --after {next}")]);

    let (page, told) = (seen.page(&format!("/accounts/{visitor}")), seen.told(&all));
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), rows.len());
    for (row, line) in rows.iter().zip(lines) {
        let (id, height) = (row["id"].as_str().unwrap(), row["sequence"].as_u64().unwrap() / 4_096);
        assert_eq!(line, format!("block {height:>8}  {id}  Transfer"));
        let shown = page.split("<tr>").find(|shown| shown.contains(&format!("/transactions/{id}"))).unwrap();
        says_all(shown, &["<td>Transfer</td>", &format!("/blocks/{height}")]);
    }
    assert_eq!(seen.printed(&none), json!({ "items": [], "next": null }));
    assert_eq!(seen.told(&none), "none\n");
}

#[test]
fn the_totals_are_the_same_on_the_first_pages_at_their_endpoint_and_by_their_command() {
    let mut kept = Kept::new();
    released(&mut kept.world);
    let asked = question(&kept.world, PrivacyMode::Exact);
    kept.world.open(asked).unwrap();
    let command = vec!["ledger", "counts"];
    let (_folder, seen) = kept.served(std::slice::from_ref(&command));
    let said = seen.said("/v1/counts");
    assert_eq!(seen.printed(&command), said);
    let blocks = seen.rows("/v1/blocks");
    let transactions: u64 = blocks.iter().map(|block| block["transactions"].as_u64().unwrap()).sum();
    let expected = json!({
        "records": 4, "studies": 1, "queries": 2, "released": 1,
        "transactions": transactions, "issuers": 2, "researchers": 1,
    });
    assert_eq!(said, expected);

    let figure = |name: &str, value: &str| format!("<dt>{name}</dt><dd>{value}</dd>");
    let (records, transactions) = (figure("Certified records", "4"), transactions.to_string());
    let asked = [figure("Studies", "1"), figure("Queries asked", "2"), figure("Results released", "1")];
    says_all(&seen.page("/"), &[&records, &asked[0], &asked[1], &asked[2]]);
    let explorer = [figure("Transactions", &transactions), figure("Studies", "<a href=\"/studies\">1</a>")];
    let parties = ["<p>2 hospitals and laboratories", "<p>1 who may register studies"];
    says_all(&seen.page("/explorer"), &[&records, &explorer[0], &explorer[1], parties[0], parties[1]]);
    let told = seen.told(&command);
    let told: Vec<Vec<&str>> = told.lines().map(|line| line.rsplitn(2, "  ").collect()).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|line| (line[1].trim(), line[0].trim())).collect();
    let expected = [
        ("certified records", "4"),
        ("studies", "1"),
        ("queries asked", "2"),
        ("results released", "1"),
        ("transactions", &transactions),
        ("issuers", "2"),
        ("researchers", "1"),
    ];
    assert_eq!(told, expected);
}

/// Opens a screening of the world's study that admits responses today.
fn open_screening(world: &mut World) -> ScreeningId {
    let today = world.now.day();
    let screening = ScreeningQuery { opening: today, closing: Day(today.0 + 10), ..world.screening() };
    world.open_screening("researcher", screening).unwrap()
}

/// Two studies of one researcher: a released query and a closed screening of the first, and of the second a query that
/// collects and an open screening.
struct Two {
    kept: Kept,
    studies: [String; 2],
    queries: [QueryId; 2],
    screenings: [ScreeningId; 2],
}

fn two_studies() -> Two {
    let mut kept = Kept::new();
    let world = &mut kept.world;
    let first = (world.study.to_string(), released(world), open_screening(world));
    world.act("researcher", Action::CloseScreening(first.2)).unwrap();
    world.block();
    world.register_study();
    world.block();
    let asked = question(world, PrivacyMode::Exact);
    let second = (world.study.to_string(), world.open(asked).unwrap(), open_screening(world));
    Two { kept, studies: [first.0, second.0], queries: [first.1, second.1], screenings: [first.2, second.2] }
}

#[test]
fn queries_of_a_stage_a_study_or_a_researcher_are_the_same_at_their_endpoint_and_by_their_command() {
    let Two { kept, studies: [first, second], queries: [released, collecting], .. } = two_studies();
    let (researcher, friend) = (id("researcher"), id("friend"));
    let cases: [(&[&str], String, &[QueryId]); 6] = [
        (&["--stage", "released"], "stage=released".into(), &[released]),
        (&["--study", &second], format!("study={second}"), &[collecting]),
        (&["--study", &first, "--stage", "collecting"], format!("study={first}&stage=collecting"), &[]),
        (&["--researcher", &researcher], format!("researcher={researcher}"), &[collecting, released]),
        (
            &["--researcher", &researcher, "--stage", "collecting"],
            format!("researcher={researcher}&stage=collecting"),
            &[collecting],
        ),
        (&["--researcher", &friend], format!("researcher={friend}"), &[]),
    ];
    let commands: Vec<Vec<&str>> =
        cases.iter().map(|(filter, ..)| [&["ledger", "list", "queries"], *filter].concat()).collect();
    let (_folder, seen) = kept.served(&commands);
    for ((_, address, expected), command) in cases.iter().zip(&commands) {
        let said = seen.said(&format!("/v1/queries?{address}&order=newest"));
        let ids: Vec<&Value> = said["items"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(json!(ids), json!(expected), "{address}");
        assert_eq!(&seen.printed(command), &said, "{command:?}");
        if !address.contains("study") {
            let page = seen.page(&format!("/queries?{address}"));
            for query in [released, collecting] {
                let is_shown = page.contains(&format!("href=\"/queries/{query}\""));
                assert_eq!(is_shown, expected.contains(&query), "{address}: {page}");
            }
        }
    }
}

#[test]
fn screenings_of_a_study_or_a_sponsor_are_the_same_at_their_endpoint_and_by_their_command() {
    let Two { kept, studies: [first, second], screenings: [closed, open], .. } = two_studies();
    let (researcher, friend) = (id("researcher"), id("friend"));
    let cases: [(&[&str], String, &[ScreeningId]); 6] = [
        (&["--study", &first], format!("study={first}&open=true"), &[]),
        (&["--study", &first, "--all"], format!("study={first}"), &[closed]),
        (&["--study", &second], format!("study={second}&open=true"), &[open]),
        (&["--sponsor", &researcher], format!("sponsor={researcher}&open=true"), &[open]),
        (&["--sponsor", &researcher, "--all"], format!("sponsor={researcher}"), &[closed, open]),
        (&["--sponsor", &friend, "--all"], format!("sponsor={friend}"), &[]),
    ];
    let commands: Vec<Vec<&str>> =
        cases.iter().map(|(filter, ..)| [&["screening", "list"], *filter].concat()).collect();
    let (_folder, seen) = kept.served(&commands);
    for ((_, address, expected), command) in cases.iter().zip(&commands) {
        let said = seen.said(&format!("/v1/screenings?{address}"));
        let by_id = |rows: &Value| {
            let mut rows = rows.as_array().unwrap().clone();
            rows.sort_by_key(|row| row["id"].to_string());
            rows
        };
        assert_eq!(by_id(&seen.printed(command)["screenings"]), by_id(&said["items"]), "{command:?}");
        let ids: Vec<&Value> = said["items"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(json!(ids), json!(expected), "{address}");
        if !address.contains("open") {
            let page = seen.page(&format!("/screenings?{address}"));
            for screening in [closed, open] {
                let is_shown = page.contains(&format!("href=\"/screenings/{screening}\""));
                assert_eq!(is_shown, expected.contains(&screening), "{address}: {page}");
            }
        }
    }
}

#[test]
fn filters_of_other_lists_and_two_at_once_are_refused_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let (study, researcher) = ("11".repeat(32), id("researcher"));
    let cases: [(&[&str], &str); 6] = [
        (&["ledger", "list", "studies", "--stage", "released"], "--stage and --study are for queries"),
        (&["ledger", "list", "blocks", "--study", &study], "--stage and --study are for queries"),
        (&["ledger", "list", "schemas", "--researcher", &researcher], "--researcher is for studies and queries"),
        (&["ledger", "list", "queries", "--study", &study, "--researcher", &researcher], "cannot be used with"),
        (&["ledger", "list", "queries", "--stage", "lost"], "collecting, sealed, aggregated, released, refunded"),
        (&["screening", "list", "--study", &study, "--sponsor", &researcher], "cannot be used with"),
    ];
    for (arguments, why) in cases {
        let output = locally(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn repro_an_index_far_behind_its_ledger_is_refused_and_not_listed_from() {
    let Kept { folder, mut world } = Kept::new();
    index_at(&folder.path().join("locus.sqlite"), world.ledger().chain()).follow(world.ledger()).unwrap();
    // More than any list takes from the blocks behind an index.
    (0..65).for_each(|_| drop(world.block()));
    drop(world);
    for arguments in
        [vec!["ledger", "counts"], vec!["ledger", "list", "queries"], vec!["account", "transactions", &id("visitor")]]
    {
        let output = locally(folder.path(), &arguments);
        let why = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && why.contains("has not indexed blocks") && output.stdout.is_empty(),
            "{arguments:?}: {why}"
        );
    }
}
