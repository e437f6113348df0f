//! Every endpoint of the document for every role, toward what is its own and what is not. An endpoint that is in no
//! list of `routes` is one that nobody decided about: the test fails, and the answer to whoever asks is meant to be no.
//! `own_account` has the endpoints of an account of the service, and `public` what is for everybody.

use std::collections::BTreeSet;

use circuits::id::DatasetId;
use market::{
    ledger::{act, next_nonce},
    licence::{OfferTerms, prepare},
};
use node::{
    transaction::Action,
    units::{Amount, LeafIndex},
};
use web::{
    access::{Operation, Role, Whose, permit},
    signed_request::{Covered, SignedHeaders, content_digest, sign},
};

use super::{
    licences::{EMBARGO, Town, allowed},
    routes::{OWN_ACCOUNT, PROTECTED, PUBLIC, SIGN_IN, every},
    server::{Answer, BYTES, agent, answer, clock},
};
use crate::{
    tidy::crate_sources,
    world::{account, key, owner_name},
};

/// A role, who has it, and two datasets: toward the second the role is about another one.
pub struct Holder {
    pub role: Role,
    pub name: String,
    own: DatasetId,
    foreign: DatasetId,
}

/// A dataset of another owner, with a custodian of their choice.
fn offer(town: &Town, owner: &str, custodian: &str) -> DatasetId {
    let terms = OfferTerms {
        record: Some(LeafIndex::new(1)),
        allowed: allowed(),
        price_min: Amount::new(500),
        term_days_max: 30,
        embargo: EMBARGO,
        custodian: account(custodian),
    };
    let offer = prepare(&town.file[..], &town.manifest, &terms).unwrap().offer;
    let ledger = town.server.chain.access();
    let nonce = next_nonce(ledger, &key(owner)).unwrap();
    let id = offer.id(&ledger.chain(), &account(owner), nonce).unwrap();
    act(ledger, &key(owner), Action::OfferDataset(Box::new(offer))).unwrap();
    id
}

pub fn holders(town: &Town) -> Vec<Holder> {
    town.licensed("researcher");
    let of_another = offer(town, &owner_name(1), "custodian");
    let kept_elsewhere = offer(town, &owner_name(1), "friend");
    let own = town.dataset;
    let holder = |role, name: &str, foreign| Holder { role, name: name.into(), own, foreign };
    vec![
        holder(Role::Anyone, "friend", of_another),
        holder(Role::Holder, "friend", of_another),
        holder(Role::Owner, &owner_name(0), of_another),
        holder(Role::Custodian, "custodian", kept_elsewhere),
        holder(Role::Licensee, "researcher", of_another),
        holder(Role::Researcher, "sponsor", of_another),
        holder(Role::Sponsor, "sponsor", of_another),
        holder(Role::Issuer, "issuer 0", of_another),
        holder(Role::CommitteeMember, "member 0", of_another),
        holder(Role::Validator, "validator", of_another),
        holder(Role::Governor, "governor", of_another),
        holder(Role::Auditor, "friend", of_another),
    ]
}

/// A path of a dataset with its parameters filled in.
fn filled(path: &str, dataset: DatasetId) -> String {
    let object = if path.ends_with("/access/{access_id}") { format!("{dataset}.body") } else { dataset.to_string() };
    let path = path.replace("{object_id}", &object).replace("{access_id}", "https");
    let path = path.replace("{id}", &dataset.to_string());
    assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
    path
}

fn send(town: &Town, method: &str, path: &str, signed: Option<&SignedHeaders>) -> Answer {
    let url = format!("{}{path}", town.server.running.url());
    let mut request = ureq::http::Request::builder().method(method.to_uppercase().as_str()).uri(url);
    if method != "get" {
        request = request.header("content-type", BYTES);
    }
    if let Some(signed) = signed {
        request = request.header("signature-input", &signed.input).header("signature", &signed.signature);
    }
    if method == "get" {
        return answer(agent().run(request.body(()).unwrap()));
    }
    answer(agent().run(request.body(b"?".as_slice()).unwrap()))
}

/// A signature for a request as it is sent, with what the case changes.
fn signature(town: &Town, name: &str, method: &str, path: &str) -> SignedHeaders {
    let (host, method) = (town.server.running.address().to_string(), method.to_uppercase());
    let digest = (method != "GET").then(|| content_digest(b"?"));
    let covered = Covered { method: &method, authority: &host, path, query: "", content_digest: digest.as_deref() };
    sign(&covered, &key(name), &town.server.chain.ledger().chain(), clock(), &mut rand::rng()).unwrap()
}

#[test]
fn each_endpoint_of_the_document_is_for_everybody_or_in_the_table_of_who_may_do_what() {
    let document = Town::new().server.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let listed: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.as_str(), path.as_str())))
        .collect();
    let protected = PROTECTED.into_iter().chain(OWN_ACCOUNT).map(|(method, path, _)| (method, path));
    let decided: BTreeSet<(&str, &str)> = PUBLIC.into_iter().chain(SIGN_IN).chain(protected).collect();
    assert_eq!(listed.difference(&decided).collect::<Vec<_>>(), [] as [&(&str, &str); 0], "nobody decided about these");
    assert_eq!(decided.difference(&listed).collect::<Vec<_>>(), [] as [&(&str, &str); 0], "these are gone");
    let lists = [PUBLIC.len(), SIGN_IN.len(), PROTECTED.len(), OWN_ACCOUNT.len()];
    assert_eq!(decided.len(), lists.iter().sum::<usize>(), "one is in two lists");
    let operations: BTreeSet<Operation> =
        PROTECTED.into_iter().chain(OWN_ACCOUNT).map(|(.., operation)| operation).collect();
    assert_eq!(operations, Operation::ALL.into());
}

/// What a committee member's own server takes: attestations and signatures, each checked by what it proves, and its health.
const MEMBER: [(&str, &str); 3] = [("get", "/health"), ("post", "/v1/receipts"), ("post", "/v1/signatures")];

/// The handlers that a source file declares, method and path.
fn handlers(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    for method in ["get", "post", "put", "patch", "delete", "head", "options", "trace", "connect", "route"] {
        for declared in text.split(&format!("#[{method}(")).skip(1) {
            let path = declared.split('"').nth(1).unwrap_or_else(|| panic!("{method} with no path: {declared:.40}"));
            found.push((method.to_owned(), path.to_owned()));
        }
    }
    found
}

#[test]
fn each_handler_of_the_source_is_in_one_of_the_lists() {
    let owned = |rows: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        rows.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect()
    };
    let (mut api, mut member) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in crate_sources("web") {
        let file = path.to_str().unwrap().split("/web/src/").nth(1).unwrap();
        let found = handlers(&text);
        // People's pages have forms in place of endpoints, and tests of their own.
        if file.starts_with("api/") {
            api.extend(found);
        } else if file == "member.rs" {
            member.extend(found);
        } else {
            assert!(
                file.starts_with("pages/") || found.is_empty(),
                "{file} has {found:?}, which no list can decide about"
            );
        }
        let by_hand = ["web::resource(", ".route(", "web::get()", "web::post()", "web::put()", "web::delete()"];
        let is_by_hand = by_hand.iter().any(|call| text.contains(call));
        assert!(!is_by_hand || file.starts_with("pages/"), "{file} adds a route that declares no path");
    }
    assert_eq!(api, owned(&every()), "the lists of `routes` and what the source declares");
    assert_eq!(member, owned(&MEMBER));
}

#[test]
fn every_role_gets_what_the_table_says_of_its_own_and_of_what_is_foreign() {
    let town = Town::new();
    let holders = holders(&town);
    assert_eq!(holders.iter().map(|holder| holder.role).collect::<Vec<_>>(), Role::ALL);
    for (method, path, operation) in PROTECTED {
        for Holder { role, name, own, foreign } in &holders {
            for (whose, dataset) in [(Whose::Own, own), (Whose::Foreign, foreign)] {
                let path = filled(path, *dataset);
                let allowed = permit(&[(*role, whose)], operation).is_some();
                let expected = if allowed { 200 } else { 404 };
                let given = send(&town, method, &path, Some(&signature(&town, name, method, &path)));
                assert_eq!(given.status, expected, "{role:?} {whose:?} {path}");
                assert_eq!(send(&town, method, &path, None).status, 401, "unsigned {path}");
            }
        }
    }
}

#[test]
fn a_signature_counts_once_for_one_request_of_one_chain() {
    let town = Town::new();
    let [first, ..] = PROTECTED;
    town.licensed("researcher");
    let (host, here) = (town.server.running.address().to_string(), town.server.chain.ledger().chain());
    for (method, path, _) in PROTECTED {
        let path = filled(path, town.dataset);
        let signed =
            |covered: &Covered<'_>, chain| sign(covered, &key("researcher"), chain, clock(), &mut rand::rng()).unwrap();
        let as_sent = Covered { method: "GET", authority: &host, path: &path, query: "", content_digest: None };
        let digest = content_digest(b"a body");
        let elsewhere = circuits::id::ChainId::from_bytes([9; 32]);
        let upper = path.to_uppercase();
        let cases = [
            ("another method", signed(&Covered { method: "PUT", ..as_sent }, &here)),
            ("another query", signed(&Covered { query: "a=b", ..as_sent }, &here)),
            ("a body", signed(&Covered { content_digest: Some(&digest), ..as_sent }, &here)),
            ("another chain", signed(&as_sent, &elsewhere)),
            ("another port", signed(&Covered { authority: "127.0.0.1:1", ..as_sent }, &here)),
            ("a path in other letters", signed(&Covered { path: &upper, ..as_sent }, &here)),
            ("nothing", SignedHeaders { input: String::new(), signature: String::new() }),
        ];
        for (why, headers) in &cases {
            assert_eq!(send(&town, method, &path, Some(headers)).status, 401, "{path}: signed for {why}");
        }
        let good = signed(&as_sent, &here);
        let forged = signed(&as_sent, &here);
        let mixed = SignedHeaders { signature: forged.signature, input: good.input.clone() };
        assert_eq!(send(&town, method, &path, Some(&mixed)).status, 401, "{path}: another request's signature");
        assert_eq!(send(&town, method, &path, Some(&good)).status, 200, "{path}");
        assert_eq!(send(&town, method, &path, Some(&good)).status, 401, "{path}: taken before");
        let other = filled(first.1, town.dataset);
        if other != path {
            assert_eq!(send(&town, method, &other, Some(&good)).status, 401, "{path}'s signature at {other}");
        }
    }
}
