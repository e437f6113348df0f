//! A committee member's endpoint and the client that asks it.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Duration};

use circuits::{
    contribution::CONTRIBUTION_BYTES,
    id::{AccountId, QueryId},
    quorum::MemberIndex,
};
use market::committee::access::{CommitteeAccess, KeepCiphertext, Patience, SignAggregate};
use node::{
    signature::{Signature, sign},
    transaction::{MemberSignature, Receipt},
};
use web::{
    client::{Remote, RemoteCommittee},
    member::MemberService,
    serve::{Running, StopOn, serve_member},
};

use super::server::{BYTES, agent, answer};
use crate::{
    statements::instance,
    world::{account, digest, key},
};

/// A member that signs what it is sent, unless the ciphertext is empty.
struct Willing;

impl CommitteeAccess for Willing {
    fn keep(&self, _: AccountId, request: &KeepCiphertext) -> Result<Receipt, market::Error> {
        if request.ciphertext.is_empty() {
            let why = "the ciphertext is empty; send 98304 bytes".into();
            return Err(market::Error::Refused { who: "member".into(), action: "keep the ciphertext", why });
        }
        let message = circuits::domain::hash(circuits::domain::ByteTag::Ciphertext, &[&request.ciphertext]);
        Ok(Receipt { member: MemberIndex::new(2), signature: sign(&key("member"), &message) })
    }

    fn sign(&self, _: AccountId, _: &SignAggregate) -> Result<MemberSignature, market::Error> {
        Ok(MemberSignature { member: MemberIndex::new(2), signature: Signature::from_bytes([3; 64]) })
    }
}

fn member() -> Running {
    let service = MemberService { member: account("member"), committee: Arc::new(Willing) };
    serve_member(service, "127.0.0.1:0", StopOn::Request).unwrap()
}

fn keep(ciphertext: Vec<u8>) -> KeepCiphertext {
    let contribution = borsh::from_slice(&[0; CONTRIBUTION_BYTES]).unwrap();
    KeepCiphertext { query: QueryId::from_bytes([1; 32]), part: 0, instance: instance(), contribution, ciphertext }
}

#[test]
fn a_member_across_the_network_answers_as_one_in_process() {
    let running = member();
    let remote = Remote::new(&running.url()).unwrap();
    let committee = RemoteCommittee::new(BTreeMap::from([(account("member"), remote)]));
    let request = keep(vec![5; 98_304]);
    let expected = Willing.keep(account("member"), &request).unwrap();
    assert_eq!(committee.keep(account("member"), &request).unwrap(), expected);
    let aggregate = SignAggregate { query: request.query, set: digest("set"), parts: vec![digest("sum")] };
    assert_eq!(committee.sign(account("member"), &aggregate).unwrap().member, MemberIndex::new(2));
    let refused = committee.keep(account("member"), &keep(vec![])).unwrap_err().to_string();
    assert!(refused.contains("send 98304 bytes"), "{refused}");
    let unknown = committee.keep(account("another"), &request).unwrap_err().to_string();
    assert!(unknown.contains(&account("another").to_string()) && unknown.contains("address"), "{unknown}");
}

#[test]
fn broken_requests_to_a_member_are_refused() {
    let running = member();
    let post = |path: &str, media: &str, body: &[u8]| {
        answer(agent().post(format!("{}{path}", running.url())).content_type(media).send(body))
    };
    let request = borsh::to_vec(&keep(vec![5; 10])).unwrap();
    post("/v1/receipts", BYTES, &request[..request.len() - 1]).refused(400, "ciphertext to keep");
    post("/v1/receipts", BYTES, &[request.as_slice(), b"x"].concat()).refused(400, "ciphertext to keep");
    post("/v1/receipts", "application/json", &request).refused(415, BYTES);
    post("/v1/receipts", BYTES, &vec![0; (128 << 10) + 1]).refused(413, "131072");
    post("/v1/signatures", BYTES, b"").refused(400, "aggregate to sign");
    post("/v1/transactions", BYTES, &request).refused(404, "no endpoint");
    let health = answer(agent().get(format!("{}/health", running.url())).call());
    assert_eq!(health.json()["member"], account("member").to_string());
    answer(agent().get(format!("{}/v1/receipts", running.url())).call()).refused(405, "GET");
}

#[test]
fn repro_a_member_that_never_answers_is_given_up_on_once_patience_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = Remote::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let committee = RemoteCommittee::new(BTreeMap::from([(account("member"), remote)]));
    let patience = Patience::default();
    patience.end_in(Duration::ZERO);
    let error = committee.keep_within(account("member"), &keep(vec![5; 98_304]), &patience).unwrap_err();
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    // Whoever answers is heard, however long it took.
    let running = member();
    let remote = Remote::new(&running.url()).unwrap();
    let committee = RemoteCommittee::new(BTreeMap::from([(account("member"), remote)]));
    let request = keep(vec![5; 98_304]);
    let expected = Willing.keep(account("member"), &request).unwrap();
    assert_eq!(committee.keep_within(account("member"), &request, &Patience::default()).unwrap(), expected);
}
