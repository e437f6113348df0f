//! Requests that are refused, and ranges.

use circuits::id::{Digest, QueryId};
use circuits::quorum::Quorum;
use node::{
    state::StateRead,
    transaction::AccessKind,
    units::{AccessIndex, Timestamp},
};
use sha2::{Digest as _, Sha256};
use web::signed_request::{CLOCK_SECONDS_MAX, SignedHeaders};

use super::{drs, town::Town};
use crate::{
    api::server::{Answer, Server, clock},
    world::{World, account},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(clock().get().checked_add_signed(seconds).unwrap())
}

/// Asserts that a request is refused for its signature, in the form that what is asked for has.
#[track_caller]
fn unsigned(path: &str, answer: &Answer, why: &str) {
    let says = format!("the request's signature does not count: {why}");
    if path.starts_with("/ga4gh/drs/") { drs::refused(answer, 401, &says) } else { answer.refused(401, &says) }
}

#[test]
fn unsigned_forged_expired_and_replayed_requests_are_refused() {
    let town = Town::new();
    let id = town.licensed("researcher");
    let here = town.server.running.address().to_string();
    let paths = [
        town.header_path(),
        town.body_path(),
        format!("/ga4gh/drs/v1/objects/{}", town.dataset),
        format!("/ga4gh/drs/v1/objects/{}.body/access/https", town.dataset),
    ];
    for path in paths {
        unsigned(&path, &town.server.get(&path), "it has no field signature-input");
        let good = town.signed("researcher", &path);
        let claimed = SignedHeaders {
            input: town
                .signed("friend", &path)
                .input
                .replace(&account("friend").to_string(), &account("researcher").to_string()),
            ..town.signed("friend", &path)
        };
        let late = CLOCK_SECONDS_MAX as i64 + 1;
        let other = "it is not of this request";
        let refused = [
            ("another's key", claimed, other),
            ("another path", town.signed("researcher", "/v1/datasets/x/body"), other),
            ("another host", town.sign("researcher", &path, "other.example", clock()), other),
            ("too old", town.sign("researcher", &path, &here, at(-late)), "it was created at"),
            ("of the future", town.sign("researcher", &path, &here, at(late)), "it was created at"),
        ];
        for (what, signed, why) in refused {
            let answer = town.send(&path, &signed, &[]);
            assert_eq!(answer.status, 401, "{path}: {what}");
            unsigned(&path, &answer, why);
        }
        let twice = [("signature", good.signature.as_str())];
        unsigned(&path, &town.send(&path, &good, &twice), "it has the field signature twice");
        // A server that was sent this request passes it on here, with the host that it is for.
        let foreign = town.sign("researcher", &path, "other.example", clock());
        unsigned(&path, &town.send(&path, &foreign, &[("host", "other.example")]), "it is for other.example");
        assert_eq!(town.licence(id).accesses, 0, "{path}");
        assert_eq!(town.server.chain.access().licence(id).unwrap().unwrap().accesses, 0);
    }
    let path = town.header_path();
    let good = town.signed("researcher", &path);
    assert_eq!(town.send(&path, &good, &[]).status, 200);
    let again = town.send(&path, &good, &[]);
    again.refused(401, "taken before");
    assert_eq!(town.licence(id).accesses, 1);
    let path = format!("/ga4gh/drs/v1/objects/{}", town.dataset);
    let good = town.signed("researcher", &path);
    assert_eq!(town.send(&path, &good, &[]).status, 200);
    unsigned(&path, &town.send(&path, &good, &[]), "it was taken before");
}

#[test]
fn a_range_is_given_and_its_receipt_says_which_bytes() {
    let town = Town::new();
    let id = town.licensed("researcher");
    let path = town.body_path();
    let header = town.file.len() - usize::try_from(town.manifest.body_bytes()).unwrap();
    let body = &town.file[header..];
    let (last, length) = (body.len() - 1, body.len());
    let ranges = [
        ("bytes=0-9", 0..10),
        ("bytes=65564-", 65_564..length),
        ("bytes=-28", length - 28..length),
        ("bytes=7-99999999", 7..length),
    ];
    for (number, (asked, range)) in (0..).zip(ranges) {
        let answer = town.send(&path, &town.signed("researcher", &path), &[("range", asked)]);
        assert_eq!((answer.status, answer.body.as_slice()), (206, &body[range.clone()]), "{asked}");
        assert_eq!(answer.header("content-range"), format!("bytes {}-{}/{length}", range.start, range.end - 1));
        let receipt = town.server.chain.access().access(id, AccessIndex::new(number)).unwrap().unwrap().receipt;
        let (first, length) = (range.start as u64, range.len() as u64);
        assert_eq!(receipt.kind, AccessKind::Range { first, length });
        assert_eq!(receipt.digest, Digest::from_bytes(Sha256::digest(&body[range]).into()));
    }
    let beyond = format!("bytes={}-", last + 1);
    let answer = town.send(&path, &town.signed("researcher", &path), &[("range", &beyond)]);
    answer.refused(416, &length.to_string());
    assert_eq!(town.licence(id).accesses, 4);
    let stranger = town.send(&path, &town.signed("sponsor", &path), &[("range", &beyond)]);
    assert_eq!(stranger.status, 404, "who may not read learns no length");
}

#[test]
fn a_fetch_that_broke_off_goes_on_and_gives_the_same_body() {
    let town = Town::new();
    let id = town.licensed("researcher");
    let custodian = town.custodian("researcher");
    let bytes = town.manifest.body_bytes();
    let header = town.file.len() - usize::try_from(bytes).unwrap();
    let mut body = town.file[header..header + 100_000].to_vec();
    let came = custodian.body(town.dataset, (100_000, bytes), &mut body, &mut rand::rng(), |_| {}).unwrap();
    assert_eq!((came, &body[..]), (Some(bytes), &town.file[header..]));
    assert_eq!(town.licence(id).accesses, 1);
    let too_long = custodian.body(town.dataset, (0, 10), &mut vec![], &mut rand::rng(), |_| {});
    assert!(too_long.unwrap_err().to_string().contains("longer than 10 bytes"));
}

#[test]
fn no_header_or_body_is_among_the_public_blobs() {
    let town = Town::new();
    town.licensed("researcher");
    let (_, state) = market::licence::granted(town.server.chain.access(), town.licensed("sponsor")).unwrap();
    let node::state::LicenceStatus::Granted { header, .. } = state.status else { panic!() };
    for (kind, digest) in [("genome", town.manifest.body_sha256()), ("genome-header", header)] {
        town.server.get(&format!("/v1/blobs/{kind}/{digest}")).refused(404, "not in the object store");
        let listed = town.server.get(&format!("/v1/blobs/{kind}")).json();
        assert_eq!(listed["digests"].as_array().unwrap().len(), 0, "{kind}");
    }
}

#[test]
fn a_node_without_a_custodians_key_says_that_it_is_none() {
    let nothing = QueryId::from_bytes([0; 32]);
    let world = World::ready(Quorum::DEFAULT);
    let server = Server::with_custody(world.sequencer, (nothing, nothing), clock, None);
    for path in ["/v1/datasets/x/header", "/v1/datasets/x/body"] {
        server.get(path).refused(404, "no custodian");
    }
    for path in ["service-info", "objects/x", "objects/x/access/https"] {
        drs::refused(&server.get(&format!("/ga4gh/drs/v1/{path}")), 404, "--custodian-key");
    }
}
