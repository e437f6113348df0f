//! Submitting transactions: admitted ones reach a block, and each broken one is refused for its own reason.

use std::sync::atomic::{AtomicU64, Ordering};

use circuits::{
    id::{ChainId, QueryId},
    quorum::Quorum,
};
use market::ledger::{LedgerAccess, settle};
use node::{
    signature::Signature,
    transaction::{Action, EVIDENCE_BYTES_MAX, Transaction, Transfer},
    units::{Amount, Timestamp},
};
use web::client::RemoteLedger;

use super::server::{BYTES, Server, id};
use crate::world::{ENDOWMENT, World, account, genesis, key};

fn transfer(chain: ChainId, nonce: u64, amount: u64) -> Transaction {
    let transfer = Transfer { to: account("sponsor"), amount: Amount::new(amount) };
    Transaction::sign(chain, &key("friend"), nonce, Action::Transfer(transfer)).unwrap()
}

/// The next nonce of the account that pays in these tests.
fn nonce(server: &Server) -> u64 {
    server.get(&format!("/v1/accounts/{}", id("friend"))).json()["nonce"].as_u64().unwrap()
}

#[test]
fn a_submitted_transaction_reaches_a_block_and_the_listings() {
    let server = Server::start();
    let transaction = transfer(server.chain.ledger().chain(), nonce(&server), 5);
    let accepted = server.post("/v1/transactions", BYTES, &transaction.to_bytes().unwrap());
    assert_eq!(accepted.status, 202);
    let id_text = transaction.id().unwrap().to_string();
    assert_eq!(accepted.json()["transaction"], id_text);
    assert_eq!(accepted.header("location"), format!("/v1/transactions/{id_text}"));
    let ledger = RemoteLedger::connect(server.remote()).unwrap();
    let inclusion = settle(&ledger, transaction.id().unwrap()).unwrap();
    let friend = server.get(&format!("/v1/accounts/{}", id("friend"))).json();
    assert_eq!(friend["balance"], ENDOWMENT - 5);
    server.index.follow(server.chain.ledger()).unwrap();
    for name in ["friend", "sponsor"] {
        let page = server.get(&format!("/v1/accounts/{}/transactions?order=newest&limit=1", id(name))).json();
        assert_eq!(page["items"][0]["id"], id_text);
        assert_eq!(page["items"][0]["action"], "transfer");
        assert_eq!(page["items"][0]["sequence"], inclusion.height.get() * 4_096 + u64::from(inclusion.index));
    }
    let again = server.post("/v1/transactions", BYTES, &transaction.to_bytes().unwrap());
    again.refused(409, &id_text);
}

#[test]
fn broken_transactions_are_refused_each_for_its_own_reason() {
    let server = Server::start();
    let (chain, nonce) = (server.chain.ledger().chain(), nonce(&server));
    let submit = |transaction: &Transaction| server.post("/v1/transactions", BYTES, &transaction.to_bytes().unwrap());
    submit(&transfer(chain, nonce + 1, 5)).refused(409, "next nonce");
    submit(&transfer(chain, nonce, ENDOWMENT + 1)).refused(422, "needs");
    submit(&transfer(ChainId::from_bytes([9; 32]), nonce, 5)).refused(422, "is for chain");
    let Transaction::Signed(mut forged) = transfer(chain, nonce, 5) else { unreachable!() };
    forged.signature = Signature::from_bytes([1; 64]);
    submit(&Transaction::Signed(forged)).refused(403, "signature");
    let transfer = transfer(chain, nonce, 5).to_bytes().unwrap();
    server.post("/v1/transactions", BYTES, &transfer[..transfer.len() - 1]).refused(400, "transaction is malformed");
    let trailing = [transfer.as_slice(), b"x"].concat();
    server.post("/v1/transactions", BYTES, &trailing).refused(400, "transaction is malformed");
    server.post("/v1/transactions", BYTES, b"").refused(400, "transaction is malformed");
    server.post("/v1/transactions", "application/json", &transfer).refused(415, BYTES);
    let oversized = vec![0; EVIDENCE_BYTES_MAX + 1];
    server.post("/v1/transactions", BYTES, &oversized).refused(413, "99328");
    assert_eq!(server.chain.waiting(), 0);
}

#[test]
fn a_refusal_reaches_the_client_in_the_ledgers_words() {
    let server = Server::start();
    let ledger = RemoteLedger::connect(server.remote()).unwrap();
    let error = ledger.submit(transfer(server.chain.ledger().chain(), 77, 5)).unwrap_err().to_string();
    assert!(error.contains("sent nonce 77"), "{error}");
    assert!(error.contains(&server.running.url()), "{error}");
}

/// A clock that the test below alone moves.
static SECONDS: AtomicU64 = AtomicU64::new(0);

fn moved() -> Timestamp {
    Timestamp::new(SECONDS.load(Ordering::SeqCst))
}

#[test]
fn repro_a_block_waits_for_its_interval_and_is_made_once_it_passed() {
    let mut paced = genesis(Quorum::DEFAULT);
    paced.parameters.block_seconds_min = 600;
    let started = paced.time.get();
    let mut world = World::bare(paced);
    world.now = Timestamp::new(started + 600);
    world.block();
    SECONDS.store(started + 1_199, Ordering::SeqCst);
    let nothing = QueryId::from_bytes([0; 32]);
    let server = Server::by_clock(world.sequencer, nothing, nothing, moved);
    let transaction = transfer(server.chain.ledger().chain(), 0, 1);
    assert_eq!(server.post("/v1/transactions", BYTES, &transaction.to_bytes().unwrap()).status, 202);
    // Longer than the engine gathers: with the interval over it would have made the block.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(server.chain.waiting(), 1);
    SECONDS.store(started + 1_200, Ordering::SeqCst);
    let inclusion = settle(&RemoteLedger::connect(server.remote()).unwrap(), transaction.id().unwrap()).unwrap();
    let header = server.chain.snapshot().unwrap().header(inclusion.height).unwrap().unwrap().header;
    assert_eq!((header.height.get(), header.time.get()), (2, started + 1_200));
}
