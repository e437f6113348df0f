//! Clocks that jump while a validator runs. The genesis allows a block to be a minute ahead of a validator's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use super::town::{Town, wait};
use crate::world::ENDOWMENT;

const HOUR: i64 = 3_600;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Asserts that block times never go back and that none is ahead of a right clock by more than the drift.
fn check_times(town: &mut Town) {
    let (tip, drift) = (town.node(1).height(), u64::from(town.genesis.parameters.drift_seconds_max));
    let mut before = town.genesis.time.get();
    for height in 1..=tip {
        let time: u64 = town.node(1).ask(&format!("time {height}")).unwrap().parse().unwrap();
        assert!(time >= before && time <= now() + drift, "block {height} is of {time}, after {before}");
        before = time;
    }
}

/// How often a clock that is wrong has shown: what it makes ahead of the others is refused by them, and behind their blocks
/// it makes none.
fn shown(town: &Town, ahead: i64) -> usize {
    if ahead > 0 {
        town.log(1).matches("a proposed block is refused").count()
    } else {
        town.log(0).matches("no block is proposed in this round").count()
    }
}

#[test]
fn a_clock_that_jumps_an_hour_forwards_and_backwards_while_its_node_runs_makes_no_false_time() {
    let mut town = Town::running();
    town.pay(0, "researcher", 0);
    let mut nonce = 1;
    for ahead in [HOUR, -HOUR, HOUR, 0] {
        assert_eq!(town.node(0).ask(&format!("clock {ahead}")).unwrap(), "set");
        let (before, mut turns) = (shown(&town, ahead), 0);
        // Long enough for each validator to be in turn, the one with the wrong clock included, whose turn can pass before
        // the others have its block.
        wait(&format!("a clock that is {ahead} s ahead shows"), || {
            town.pay(nonce as usize % 4, "researcher", nonce);
            (nonce, turns) = (nonce + 1, turns + 1);
            turns >= 5 && (ahead == 0 || shown(&town, ahead) > before)
        });
        check_times(&mut town);
    }
    for number in 0..4 {
        assert_eq!(town.account(number, "friend").0, ENDOWMENT + nonce);
    }
    // With its clock right again its vote counts: two of four would be no quorum.
    town.kill(3);
    town.pay(1, "researcher", nonce);
    check_times(&mut town);
    town.agree();
}
