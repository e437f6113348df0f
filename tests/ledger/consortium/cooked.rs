//! A validator with cooked books: its store says of an account what no block did. What it makes of them, and only that,
//! is refused by the others.

use std::path::Path;

use circuits::id::{AccountId, Digest};
use node::{
    Ledger,
    block::Header,
    signature::Signature,
    state::{Account, StateKey},
    transaction::Transaction,
    units::{Amount, Timestamp},
};
use redb::{Database, ReadableDatabase as _, TableDefinition};

use super::town::{Town, name, wait};
use crate::{
    books::UNDECIDED_MAX,
    world::{DigestInsteadOfPairing, ENDOWMENT, account, digest},
};

const STATE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("state");
/// Proposed blocks that are not decided, by height and header hash.
pub const UNDECIDED: TableDefinition<'static, (u64, [u8; 32]), &[u8]> = TableDefinition::new("undecided");

/// Puts an empty block that nobody judged among a store's proposed ones, of the first round of its height.
pub fn plant(path: &Path, proposer: AccountId, header: Header) {
    let block = Header { transactions: digest_of_none(), transaction_count: 0, ..header };
    let bytes = borsh::to_vec(&(block, Vec::<Transaction>::new())).unwrap();
    let row = borsh::to_vec(&(0_u32, None::<u32>, proposer, None::<Signature>, bytes)).unwrap();
    let database = Database::create(path).unwrap();
    let (write, key) = (database.begin_write().unwrap(), (block.height.get(), block.hash().unwrap().to_bytes()));
    write.open_table(UNDECIDED).unwrap().insert(key, row.as_slice()).unwrap();
    write.commit().unwrap();
}

/// The root over no transaction.
fn digest_of_none() -> Digest {
    node::inclusion::transactions_root(&[]).unwrap()
}

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
fn repro_a_kept_block_that_cannot_be_the_next_is_neither_proposed_nor_voted_for() {
    let mut town = Town::running();
    town.pay(0, "researcher", 0);
    let next = town.rest() + 1;
    let (proposer, voter) = (town.proposer(next), (town.proposer(next) + 1) % 4);
    for victim in [proposer, voter] {
        town.kill(victim);
        let path = town.ledger_path(victim);
        let ledger = Ledger::open_with(&path, town.genesis.clone(), Box::new(DigestInsteadOfPairing)).unwrap();
        let snapshot = ledger.snapshot().unwrap();
        let tip = snapshot.header(snapshot.latest().unwrap().height).unwrap().unwrap().header;
        drop((snapshot, ledger));
        assert_eq!(tip.height.get() + 1, next);
        // As many as a height has room for: they would be in the way of every other block.
        for number in 0..UNDECIDED_MAX {
            let (parent, time) = (tip.hash().unwrap(), Timestamp::new(tip.time.get() + number));
            let planted = Header { height: tip.height.next(), parent, time, state: digest("nobody's"), ..tip };
            plant(&path, account(&name(proposer)), planted);
        }
    }
    town.start(voter);
    town.start(proposer);
    town.pay(proposer, "researcher", 1);
    let others = (0..4).filter(|number| ![proposer, voter].contains(number));
    for log in others.map(|number| town.log(number)).collect::<Vec<_>>() {
        assert!(!log.contains("a proposed block is refused"), "the planted block was proposed: {log}");
    }
    for victim in [proposer, voter] {
        assert!(town.log(victim).contains("a kept block is not the next"));
    }
    town.agree();
}

/// Sends validator 3 a transfer of the sponsor, of whom its books are cooked, when it is its turn.
fn pay_of_cooked_books(town: &mut Town, nonce: u64) {
    let height = town.node(0).height() + 1;
    // Anybody may send this; only the state after it differs.
    let honest = town.transfer("sponsor", nonce, 1);
    assert_eq!(town.node(3).submit(&honest), "taken");
    town.settle_at(&[0, 1, 2], &honest);
    for number in 0..3 {
        let round: u32 = town.node(number).ask(&format!("round {height}")).unwrap().parse().unwrap();
        assert!(round > 0, "the false block is not the one that was decided");
        assert_eq!(town.account(number, "sponsor"), (ENDOWMENT - 1 - nonce, 1 + nonce));
    }
}

/// Whether each of the others was shown a block that it refused for the state after it.
fn refused_its_state(town: &Town) -> bool {
    let said = ["a proposed block is refused", "state", "execution gives"];
    (0..3).all(|number| town.log(number).lines().any(|line| said.iter().all(|part| line.contains(part))))
}

/// The others go on without validator 3 until it finds its books cooked and ends, and with it once its books are theirs.
/// Returns the next nonce.
fn begin_anew(town: &mut Town, nonce: u64) -> u64 {
    let last = nonce + 4;
    for number in nonce..last {
        let transfer = town.transfer("researcher", number, 1);
        assert_eq!(town.node(1).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2], &transfer);
    }
    wait("the one with cooked books ends", || town.node(3).ended());
    let said = town.node(3).heard().unwrap();
    assert!(said.contains("damaged at state: it is not the one that block"), "{said}");
    drop(town.nodes[3].take());
    town.wipe(3);
    town.start(3);
    town.pay(2, "researcher", last);
    last + 1
}

#[test]
fn a_block_whose_state_root_is_of_cooked_books_is_refused_by_the_others() {
    let mut town = Town::running();
    town.pay(0, "researcher", 0);
    let (mut nonce, mut paid) = (1, 0);
    // On a loaded machine its turn can pass before the others have its block, and it has one turn: then it ends.
    wait("the others are shown a block of cooked books", || {
        cook(&mut town, "sponsor");
        nonce = await_its_turn(&mut town, nonce);
        pay_of_cooked_books(&mut town, paid);
        paid += 1;
        let refused = refused_its_state(&town);
        nonce = begin_anew(&mut town, nonce);
        refused
    });
    assert_eq!(town.account(3, "sponsor"), (ENDOWMENT - paid, paid));
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
