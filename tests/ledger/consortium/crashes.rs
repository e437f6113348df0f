//! SIGKILL at any moment: no fork, nothing lost that a quorum had, nothing twice.

use std::{
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::town::{Town, name};
use crate::{
    skipped::{REQUIRE_ROOT, nothing_checked},
    world::{ENDOWMENT, account},
};

/// Kills of one validator while the others work; `LOCUS_KILLS` asks for more (200 in the long tier).
fn kills() -> u64 {
    std::env::var("LOCUS_KILLS").map_or(20, |text| text.parse().unwrap())
}

/// What catching up with a block or two may take on a busy machine, at the median and at most: it takes a fortieth of that.
const CATCH_UP_SECONDS_MAX: (f64, f64) = (5.0, 60.0);

/// `LOCUS_SEED`, or another one each time, which is printed.
pub fn seed() -> u64 {
    let seed = std::env::var("LOCUS_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("LOCUS_SEED={seed}");
    seed
}

#[test]
fn a_validator_killed_at_any_moment_comes_back_and_nothing_is_lost_or_doubled() {
    let mut rng = StdRng::seed_from_u64(seed());
    let mut town = Town::running();
    let (mut spent, mut caught_up) = (0, vec![]);
    for nonce in 0..kills() {
        let victim = rng.random_range(0..4);
        let amount = rng.random_range(1..10);
        let transaction = town.transfer("researcher", nonce, amount);
        // Sent to one that lives, a moment before or after the kill.
        let asked = (victim + rng.random_range(1..4)) % 4;
        assert_eq!(town.node(asked).submit(&transaction), "taken");
        thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
        town.kill(victim);
        town.settle(&transaction);
        let back = Instant::now();
        town.start(victim);
        town.settle_at(&[victim], &transaction);
        caught_up.push(back.elapsed().as_secs_f64());
        spent += amount;
    }
    caught_up.sort_by(f64::total_cmp);
    let (median, longest) = (caught_up[caught_up.len() / 2], caught_up[caught_up.len() - 1]);
    println!("seconds from a start to having caught up: median {median:.2}, longest {longest:.2}");
    let (median_max, longest_max) = CATCH_UP_SECONDS_MAX;
    assert!(median < median_max && longest < longest_max, "a restarted validator catches up in seconds");
    let last = town.transfer("researcher", kills(), 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle(&last);
    for number in 0..4 {
        assert_eq!(town.account(number, "researcher"), (ENDOWMENT - spent - 1, kills() + 1));
        assert_eq!(town.account(number, "friend").0, ENDOWMENT + spent + 1);
    }
    town.agree();
}

#[test]
fn all_four_killed_at_once_go_on_where_a_quorum_was() {
    let mut rng = StdRng::seed_from_u64(seed());
    let mut town = Town::running();
    for nonce in 0..kills() {
        let transaction = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(rng.random_range(0..4)).submit(&transaction), "taken");
        thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
        let committed = (0..4).any(|number| town.node(number).has(&transaction));
        (0..4).for_each(|number| town.kill(number));
        (0..4).for_each(|number| town.start(number));
        // What one of them had in a block is nobody's to lose. What only waited may be forgotten: it is sent again.
        if !committed {
            let heard = town.node(0).submit(&transaction);
            let known = heard.contains("already on this ledger") || heard.contains("next nonce");
            assert!(heard == "taken" || known, "{heard}");
        }
        town.settle(&transaction);
    }
    assert_eq!(town.account(3, "friend").0, ENDOWMENT + kills());
    town.agree();
}

#[test]
fn two_of_four_halt_and_resume() {
    let mut town = Town::running();
    let before = town.transfer("researcher", 0, 1);
    assert_eq!(town.node(0).submit(&before), "taken");
    town.settle(&before);
    town.kill(2);
    town.kill(3);
    let during = town.transfer("researcher", 1, 1);
    assert_eq!(town.node(0).submit(&during), "taken");
    thread::sleep(Duration::from_secs(2));
    assert!(!town.node(0).has(&during) && !town.node(1).has(&during));
    town.start(2);
    town.settle(&during);
    town.start(3);
    town.settle(&during);
    town.agree();
}

#[test]
fn a_paused_validator_is_waited_for_by_nobody_and_catches_up() {
    let mut town = Town::running();
    for nonce in 0..3 {
        let paused = nonce as usize;
        let transaction = town.transfer("sponsor", nonce, 1);
        town.node(paused).signal("-STOP");
        let others: Vec<_> = (0..4).filter(|number| *number != paused).collect();
        assert_eq!(town.node(3).submit(&transaction), "taken");
        town.settle_at(&others, &transaction);
        town.node(paused).signal("-CONT");
        town.settle(&transaction);
    }
    town.agree();
}

#[test]
fn a_validator_whose_files_are_gone_catches_up_from_the_others() {
    let mut town = Town::running();
    for nonce in 0..40 {
        let transaction = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(0).submit(&transaction), "taken");
        town.settle(&transaction);
    }
    town.kill(1);
    town.wipe(1);
    town.start(1);
    let last = town.transfer("researcher", 40, 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle(&last);
    town.agree();
    assert_eq!(town.account(1, "friend").0, ENDOWMENT + 41);
}

#[test]
fn a_validator_restored_from_an_old_copy_catches_up_before_it_votes_and_contradicts_nobody() {
    let mut town = Town::running();
    let send = |town: &mut Town, nonce: u64| {
        let transaction = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(0).submit(&transaction), "taken");
        town.settle(&transaction);
    };
    (0..4).for_each(|nonce| send(&mut town, nonce));
    town.kill(2);
    let copy = town.folder.path().join("copy.redb");
    std::fs::copy(town.ledger_path(2), &copy).unwrap();
    town.start(2);
    (4..10).for_each(|nonce| send(&mut town, nonce));
    town.kill(2);
    town.wipe(2);
    std::fs::copy(&copy, town.ledger_path(2)).unwrap();
    town.start(2);
    (10..16).for_each(|nonce| send(&mut town, nonce));
    // It votes again: without it two of four are no quorum.
    town.kill(3);
    let last = town.transfer("researcher", 16, 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle(&last);
    town.agree();
    for number in 0..3 {
        let said = town.node(number).ask(&format!("equivocated {}", account(&name(2)))).unwrap();
        assert_eq!(said, "false");
    }
}

#[test]
fn a_validator_whose_store_is_damaged_says_so_and_stops_and_goes_on_from_a_copy() {
    let mut town = Town::running();
    let transaction = town.transfer("researcher", 0, 1);
    assert_eq!(town.node(0).submit(&transaction), "taken");
    town.settle(&transaction);
    town.kill(2);
    let path = town.ledger_path(2);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4_096..middle].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let said = super::process::NodeProcess::start(&town.plans[2], &[]).err().unwrap();
    assert!(said.contains("database"), "{said}");
    let next = town.transfer("researcher", 1, 1);
    assert_eq!(town.node(0).submit(&next), "taken");
    town.settle(&next);

    // From another's copy, while the others go on; its log is of the store that is gone.
    let copy = town.folder.path().join("copy.redb");
    town.node(1).ask(&format!("copy {} 1", copy.display())).unwrap();
    node::archive::restore(&copy, &town.genesis).unwrap();
    let during = town.transfer("researcher", 2, 1);
    assert_eq!(town.node(0).submit(&during), "taken");
    town.settle(&during);
    std::fs::rename(&copy, &path).unwrap();
    std::fs::remove_file(town.plans[2].directory.join("consensus.wal")).unwrap();
    town.start(2);
    town.settle(&during);
    // Its vote counts: without it two of four are left.
    town.kill(3);
    town.pay(2, "researcher", 3);
    assert_eq!(town.account(2, "friend").0, ENDOWMENT + 4);
    town.agree();
}

#[test]
fn a_clock_an_hour_ahead_makes_no_block_that_others_take() {
    let mut town = Town::found();
    town.plans[0].ahead = 3_600;
    (0..4).for_each(|number| town.start(number));
    for nonce in 0..4 {
        let transaction = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(1).submit(&transaction), "taken");
        town.settle(&transaction);
    }
    town.agree();
    assert_eq!(town.account(0, "friend").0, ENDOWMENT + 4, "the node with the wrong clock follows the others");
}

/// Sends transfers to the others until validator 2 ends, and returns what it said last.
fn work_until_the_disk_is_full(town: &mut Town, mut nonce: u64) -> (String, u64) {
    const TRANSFERS_MAX: u64 = 4_000;
    while !town.node(2).ended() {
        assert!(nonce < TRANSFERS_MAX, "the limit was never met");
        let transaction = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(0).submit(&transaction), "taken");
        town.settle_at(&[0, 1, 3], &transaction);
        nonce += 1;
    }
    let said = town.node(2).heard().unwrap();
    town.nodes[2] = None;
    (said, nonce)
}

#[test]
fn a_validator_whose_files_may_grow_no_more_stops_with_the_reason_and_comes_back() {
    let mut town = Town::running();
    let first = town.transfer("researcher", 0, 1);
    assert_eq!(town.node(0).submit(&first), "taken");
    town.settle(&first);
    town.kill(2);
    let blocks = std::fs::metadata(town.ledger_path(2)).unwrap().len() / 512;
    // The limit is ignored as a signal, so that it is met as a failed write.
    let limited = format!("ulimit -f {}; trap '' XFSZ; exec \"$0\" \"$@\"", blocks + 8);
    town.through[2] = ["sh", "-c", &limited].map(String::from).to_vec();
    town.start(2);
    let (said, nonce) = work_until_the_disk_is_full(&mut town, 1);
    assert!(said.contains("failed") && said.contains("File too large"), "{said}");
    town.through[2].clear();
    town.start(2);
    let last = town.transfer("researcher", nonce, 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle(&last);
    town.agree();
    assert_eq!(town.account(2, "friend").0, ENDOWMENT + nonce + 1);
}

#[test]
fn a_validator_whose_disk_is_full_stops_with_the_reason_and_comes_back_with_room() {
    let mut town = Town::running();
    let first = town.transfer("researcher", 0, 1);
    assert_eq!(town.node(0).submit(&first), "taken");
    town.settle(&first);
    town.kill(2);
    let directory = town.plans[2].directory.display().to_string();
    let files = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let room = files.sum::<u64>() / 1024 + 256;
    // A small file system with the node's files, which is gone with the process: what it held is kept beside it.
    let kept = format!("{directory}.kept");
    let small = format!(
        "cp -a {directory} {kept} && mount -t tmpfs -o size={room}k none {directory} && cp -a {kept}/. {directory}/ && \
         \"$0\" \"$@\"; code=$?; cp -a {directory}/. {kept}/; exit $code"
    );
    let through = ["unshare", "--mount", "sh", "-c", &small];
    let probe = std::process::Command::new(through[0]).args(&through[1..]).arg("true").status();
    let _ = std::fs::remove_dir_all(&kept);
    if !probe.is_ok_and(|status| status.success()) {
        return nothing_checked(REQUIRE_ROOT, "a full disk", "mounting a small file system takes root");
    }
    town.through[2] = through.map(String::from).to_vec();
    town.start(2);
    let (said, nonce) = work_until_the_disk_is_full(&mut town, 1);
    assert!(said.contains("failed") && said.contains("No space left"), "{said}");
    // With room again, it goes on from the very files that the full disk left.
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::rename(&kept, &directory).unwrap();
    town.through[2].clear();
    town.start(2);
    let last = town.transfer("researcher", nonce, 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle(&last);
    town.agree();
}
