//! Validators that keep from the others what they owe them: their blocks, or their votes. Their turns pass.

use super::town::{Town, name};
use crate::world::ENDOWMENT;

/// Sends transfers until each validator had its turn twice, and asserts that those of validator 3 passed to others.
fn work_while_its_turns_pass(town: &mut Town) {
    let others = [0, 1, 2];
    for nonce in 0..8 {
        let transfer = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(nonce as usize % 3).submit(&transfer), "taken");
        town.settle_at(&others, &transfer);
    }
    let tip = others.map(|number| town.node(number).height()).into_iter().min().unwrap();
    let turns: Vec<_> = (1..=tip).filter(|height| town.proposer(*height) == 3).collect();
    assert!(turns.len() >= 2, "{tip} blocks");
    for height in turns {
        let round: u32 = town.node(0).ask(&format!("round {height}")).unwrap().parse().unwrap();
        assert!(round > 0, "block {height} is one that nobody could have");
    }
    for number in others {
        assert_eq!(town.account(number, "researcher"), (ENDOWMENT - 8, 8));
    }
    town.agree();
}

#[test]
fn a_validator_that_proposes_and_gives_nobody_its_blocks_loses_its_turns() {
    let mut town = Town::found();
    town.plans[3].withholding = true;
    (0..4).for_each(|number| town.start(number));
    work_while_its_turns_pass(&mut town);
    assert!(town.log(0).contains("a part of a block is refused"));
    // It follows the others all the same, and is one of them once it is honest.
    town.kill(3);
    town.plans[3].withholding = false;
    town.start(3);
    town.kill(0);
    town.pay(1, "researcher", 8);
    town.agree();
}

#[test]
fn a_validator_that_follows_and_never_proposes_or_votes_holds_nobody_up() {
    let mut town = Town::found();
    // Its links are the validator's, and its voice is nobody's.
    let nobody = town.folder.path().join("nobody.signed");
    let memory = std::mem::replace(&mut town.plans[3].memory, nobody);
    town.plans[3].name = "nobody".into();
    (0..4).for_each(|number| town.start(number));
    work_while_its_turns_pass(&mut town);
    assert_eq!(town.rest(), town.node(3).height(), "it has what the others decided");
    // With a second one that fails there is no quorum until it votes.
    town.kill(0);
    let last = town.transfer("researcher", 8, 1);
    assert_eq!(town.node(1).submit(&last), "taken");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(!town.node(1).has(&last) && !town.node(2).has(&last));
    town.kill(3);
    (town.plans[3].name, town.plans[3].memory) = (name(3), memory);
    town.start(3);
    town.settle(&last);
    town.agree();
}
