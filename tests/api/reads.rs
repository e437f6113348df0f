//! Reads: each in JSON, in bytes where promised, and refused for what does not decode or is not there.

use borsh::BorshDeserialize;
use circuits::id::Leaf;
use node::{
    BlockEvents,
    block::{Block, SignedHeader},
    genesis::Genesis,
    light::LightClient,
    state::{Account, QueryState, StateKey, Tip},
    units::{Height, LeafIndex},
};
use web::api::{
    AccountSummary, CommitteeKey, CurrentEpoch, Health, IncludedTransaction, LeafPage, ProvenState, StudyRecord,
};

use super::server::{Server, agent, answer, id};
use crate::world::{ENDOWMENT, account, schema};

/// The value in both encodings, which must agree.
#[track_caller]
fn both<T: BorshDeserialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    server: &Server,
    path: &str,
) -> T {
    let (text, bytes) = (server.get(path), server.get_bytes(path));
    assert_eq!((text.status, bytes.status), (200, 200), "{path}");
    assert_eq!(text.header("content-type"), "application/json");
    assert_eq!(bytes.header("content-type"), "application/octet-stream");
    assert_eq!(text.header("x-content-type-options"), "nosniff");
    let value: T = borsh::from_slice(&bytes.body).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&text.body).unwrap(), value, "{path}");
    value
}

#[test]
fn the_chain_reads_the_same_in_json_and_in_bytes() {
    let server = Server::start();
    let tip: Tip = both(&server, "/v1/head");
    let genesis: Genesis = both(&server, "/v1/genesis");
    assert_eq!(genesis.chain_id().unwrap(), server.chain.ledger().chain());
    let height = tip.height;
    let block: Block = both(&server, &format!("/v1/blocks/{height}"));
    let header: SignedHeader = both(&server, &format!("/v1/blocks/{height}/header"));
    assert_eq!(block.signed_header(), header);
    let client = LightClient::new(&genesis).unwrap();
    client.verify(&header).unwrap();
    let events: BlockEvents = both(&server, &format!("/v1/blocks/{height}/events"));
    assert_eq!(events.transactions.len(), block.transactions.len());
    let health: Health = serde_json::from_slice(&server.get("/health").body).unwrap();
    assert_eq!((health.height, health.index, health.listings), (height, height, true));
}

#[test]
fn state_reads_the_same_in_json_and_in_bytes() {
    let server = Server::start();
    let friend: AccountSummary = both(&server, &format!("/v1/accounts/{}", id("friend")));
    assert_eq!(friend.account.balance.get(), ENDOWMENT);
    let nobody: AccountSummary = both(&server, &format!("/v1/accounts/{}", id("nobody")));
    assert_eq!(nobody, AccountSummary { account: Account::default(), roles: vec![] });
    let query: QueryState = both(&server, &format!("/v1/queries/{}", server.collecting));
    assert_eq!((query.admitted, query.surviving), (3, 2));
    let record: StudyRecord = both(&server, &format!("/v1/studies/{}", query.query.study));
    assert_eq!(record.study.researcher, account("researcher"));
    let found: circuits::schema::Schema = both(&server, &format!("/v1/schemas/{}", query.query.schema));
    assert_eq!(found, schema());
    let key: CommitteeKey = both(&server, "/v1/committee");
    assert_eq!(key, both(&server, "/v1/committee/0"));
    assert_eq!(key.committee, crate::world::genesis(circuits::quorum::Quorum::DEFAULT).committee);
}

#[test]
fn leaves_come_in_pages_that_make_the_epochs_tree() {
    let server = Server::start();
    let current: CurrentEpoch = both(&server, "/v1/epoch");
    let mut leaves: Vec<Leaf> = vec![];
    for first in (0..current.snapshot.leaves).step_by(3) {
        let page: LeafPage = both(&server, &format!("/v1/leaves?first={first}&count=3"));
        assert_eq!((page.epoch, page.first), (current.epoch, LeafIndex::new(first)));
        leaves.extend(page.leaves);
    }
    assert_eq!(leaves.len(), 4);
    assert_eq!(circuits::merkle::LeafTree::from_leaves(leaves).root(), current.snapshot.root);
    let beyond: LeafPage = both(&server, "/v1/leaves?first=1000");
    assert!(beyond.leaves.is_empty());
    server.get("/v1/leaves?count=65537").refused(413, "65536");
    server.get("/v1/leaves?first=-1").refused(400, "query string");
}

#[test]
fn state_proofs_verify_against_the_header_of_their_block() {
    let server = Server::start();
    let tip: Tip = both(&server, "/v1/head");
    for (key, present) in [(account("friend"), true), (account("nobody"), false)] {
        let key = StateKey::Account(key);
        let text = hex::encode(key.encode().unwrap());
        for height in [tip.height.get() - 3, tip.height.get()] {
            let path = format!("/v1/state-proofs/{text}?height={height}");
            let proven: ProvenState = borsh::from_slice(&server.get_bytes(&path).body).unwrap();
            let header: SignedHeader = both(&server, &format!("/v1/blocks/{height}/header"));
            proven.proof.verify(header.header.state).unwrap();
            assert_eq!((proven.proof.value.is_some(), proven.header), (present, Some(header)));
            assert_eq!(server.get(&path).status, 200);
        }
        let value = server.get(&format!("/v1/state/{text}"));
        assert_eq!(value.status, if present { 200 } else { 404 });
    }
    let text = hex::encode(StateKey::Tip().encode().unwrap());
    server.get(&format!("/v1/state-proofs/{text}?height=1000000")).refused(404, "1000000");
    server.get("/v1/state/zz").refused(400, "state key");
    server.get(&format!("/v1/state/{text}00")).refused(400, "state key");
    server.get(&format!("/v1/state/{}", "00".repeat(200))).refused(413, "state key");
}

#[test]
fn an_included_transaction_comes_with_its_proof() {
    let server = Server::start();
    let listed = server.get("/v1/blocks?order=newest&limit=1").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let block: Block = both(&server, "/v1/blocks/1");
    let transaction = block.transactions[2].id().unwrap();
    let included: IncludedTransaction = both(&server, &format!("/v1/transactions/{transaction}/proof"));
    LightClient::new(server.chain.ledger().genesis()).unwrap().verify(&included.header).unwrap();
    included.proof.verify(&included.header.header, transaction).unwrap();
    assert_eq!(included.transaction, block.transactions[2]);
    let status = server.get(&format!("/v1/transactions/{transaction}")).json();
    assert_eq!(status, serde_json::json!({"status": "included", "height": 1, "index": 2}));
    let unknown = "00".repeat(32);
    assert_eq!(server.get(&format!("/v1/transactions/{unknown}")).json()["status"], "unknown");
    server.get(&format!("/v1/transactions/{unknown}/proof")).refused(404, &unknown);
}

#[test]
fn what_is_not_there_and_what_does_not_decode_are_told_apart() {
    let server = Server::start();
    let unknown = "11".repeat(32);
    for page in ["versions", "outcomes"] {
        server.get(&format!("/v1/studies/{unknown}/{page}")).refused(404, &unknown);
        server.get(&format!("/v1/studies/{unknown}/{page}?after=x")).refused(400, "query string");
    }
    for path in ["/v1/schemas/", "/v1/studies/", "/v1/queries/"] {
        server.get(&format!("{path}{unknown}")).refused(404, &unknown);
        server.get(&format!("{path}{}", &unknown[2..])).refused(400, "64 hex digits");
        server.get(&format!("{path}{}", unknown.replace('1', "x"))).refused(400, "64 hex digits");
    }
    server.get("/v1/accounts/me").refused(400, "64 hex digits");
    server.get(&format!("/v1/blocks/{}", Height::default())).refused(404, "block 0");
    server.get("/v1/blocks/1000000").refused(404, "1000000");
    server.get("/v1/blocks/-1").refused(400, "block height");
    server.get("/v1/blocks/18446744073709551616").refused(400, "block height");
    server.get("/v1/committee/9").refused(404, "committee key 9");
    server.get("/v1/committee/x").refused(400, "committee epoch");
    server.get("/v2/head").refused(404, "/openapi.json");
    server.post("/v1/head", "application/octet-stream", b"").refused(405, "POST");
    server.get("/v1/transactions").refused(405, "GET");
}

#[test]
fn head_is_answered_as_get_is_but_without_the_body() {
    let (server, agent) = (Server::start(), agent());
    let url = |path: &str| format!("{}{path}", server.running.url());
    // One connection for all: a byte of a body would be read as the next answer.
    for path in ["/v1/genesis", "/openapi.json", "/help", "/assets/locus.css", "/v2/head", "/no/such/page"] {
        let (head, get) = (answer(agent.head(url(path)).call()), answer(agent.get(url(path)).call()));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert!(!get.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "content-encoding", "content-security-policy", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    // What is sent for as long as somebody reads ends with its head.
    let followed = answer(agent.head(url(&format!("/v1/queries/{}/progress", server.collecting))).call());
    assert_eq!((followed.status, followed.header("content-type")), (200, "text/event-stream"));
    assert_eq!(answer(agent.head(url("/v1/transactions")).call()).status, 405);
}
