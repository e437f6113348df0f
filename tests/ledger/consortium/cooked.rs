//! A validator with cooked books: its store says of an account what no block did. What it makes of them, and only that,
//! is refused by the others.

use std::path::Path;

use node::{
    state::{Account, StateKey},
    units::Amount,
};
use redb::{Database, ReadableDatabase as _, TableDefinition};

use super::town::{Town, name, wait};
use crate::world::{ENDOWMENT, account};

const STATE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("state");

/// Gives an account 1,000 in a store, past its ledger.
pub fn enrich(path: &Path, name: &str) {
    let database = Database::create(path).unwrap();
    let key = StateKey::Account(account(name)).encode().unwrap();
    let read = database.begin_read().unwrap().open_table(STATE).unwrap();
    let stored = read.get(key.as_slice()).unwrap().map(|bytes| borsh::from_slice::<Account>(bytes.value()).unwrap());
    let mut cooked = stored.unwrap_or_default();
    cooked.balance = Amount::new(cooked.balance.get() + 1_000);
    let (write, bytes) = (database.begin_write().unwrap(), borsh::to_vec(&cooked).unwrap());
    write.open_table(STATE).unwrap().insert(key.as_slice(), bytes.as_slice()).unwrap();
    write.commit().unwrap();
}

/// Cooks the books of validator 3.
fn cook(town: &mut Town, name: &str) {
    town.kill(3);
    enrich(&town.ledger_path(3), name);
    town.start(3);
}

/// Pays from an account that no books are cooked of until the next block is validator 3's turn. Returns the next nonce.
fn await_its_turn(town: &mut Town, mut nonce: u64) -> u64 {
    loop {
        let next = town.rest() + 1;
        if town.proposer(next) == 3 {
            return nonce;
        }
        town.pay(0, "researcher", nonce);
        nonce += 1;
    }
}

#[test]
fn a_block_whose_state_root_is_of_cooked_books_is_refused_by_the_others() {
    let mut town = Town::running();
    town.pay(0, "researcher", 0);
    cook(&mut town, "sponsor");
    let mut nonce = await_its_turn(&mut town, 1);
    let height = town.node(0).height() + 1;
    // Anybody may send this; only the state after it differs.
    let honest = town.transfer("sponsor", 0, 1);
    assert_eq!(town.node(3).submit(&honest), "taken");
    town.settle_at(&[0, 1, 2], &honest);
    for number in 0..3 {
        let log = town.log(number);
        let refused = log.lines().find(|line| line.contains("a proposed block is refused"));
        let refused = refused.unwrap_or_else(|| panic!("validator {number} refused nothing"));
        assert!(refused.contains("state") && refused.contains("execution gives"), "{refused}");
        let round: u32 = town.node(number).ask(&format!("round {height}")).unwrap().parse().unwrap();
        assert!(round > 0, "the false block is not the one that was decided");
        assert_eq!(town.account(number, "sponsor"), (ENDOWMENT - 1, 1));
    }
    // The others go on without it, and it with them once its books are theirs.
    for _ in 0..4 {
        let transfer = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(1).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2], &transfer);
        nonce += 1;
    }
    drop(town.nodes[3].take());
    std::fs::remove_dir_all(&town.plans[3].directory).unwrap();
    std::fs::create_dir(&town.plans[3].directory).unwrap();
    town.start(3);
    town.pay(2, "researcher", nonce);
    assert_eq!(town.account(3, "sponsor"), (ENDOWMENT - 1, 1));
    town.agree();
}

#[test]
fn a_block_that_spends_money_of_cooked_books_is_refused_by_the_others() {
    let mut town = Town::running();
    town.pay(0, "researcher", 0);
    cook(&mut town, "pauper");
    let mut nonce = await_its_turn(&mut town, 1);
    let theft = town.transfer("pauper", 0, 500);
    assert!(town.node(0).submit(&theft).starts_with("refused"));
    assert_eq!(town.node(3).submit(&theft), "taken");
    wait("the false block is refused", || {
        (0..3).all(|number| {
            let log = town.log(number);
            log.lines().any(|line| line.contains("a proposed block is refused") && line.contains("transactions"))
        })
    });
    // It proposes it again each time it is its turn.
    for _ in 0..8 {
        let transfer = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(nonce as usize % 3).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2], &transfer);
        nonce += 1;
    }
    for number in 0..3 {
        assert!(!town.node(number).has(&theft));
        assert_eq!(town.account(number, "pauper"), (0, 0));
        assert_eq!(town.account(number, "friend").0, ENDOWMENT + nonce);
    }
    assert_eq!(town.node(0).ask(&format!("equivocated {}", account(&name(3)))).unwrap(), "false");
    town.agree();
}
