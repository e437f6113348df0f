//! Every endpoint of the document for every role, toward what is its own and what is not. An endpoint that is in neither
//! list below is one that nobody decided about: the test fails, and the answer to whoever asks is meant to be no.

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
    server::{Answer, BYTES, agent, answer, clock, id},
};
use crate::world::{account, key, owner_name};

/// What is not for everybody. Its own is what the table in `web::access` says.
const PROTECTED: [(&str, &str, Operation); 4] = [
    ("get", "/ga4gh/drs/v1/objects/{object_id}", Operation::DescribeObject),
    ("get", "/ga4gh/drs/v1/objects/{object_id}/access/{access_id}", Operation::LocateObject),
    ("get", "/v1/datasets/{id}/header", Operation::ReadHeader),
    ("get", "/v1/datasets/{id}/body", Operation::ReadBody),
];

/// What an account of the service is for alone: whoever has its session, however many keys they sign with.
const OWN_ACCOUNT: [(&str, &str, Operation); 8] = [
    ("get", "/v1/me", Operation::ReadAccount),
    ("patch", "/v1/me", Operation::ChangeAccount),
    ("delete", "/v1/me/ledger-account", Operation::ChangeAccount),
    ("post", "/v1/me/passkeys", Operation::ChangeAccount),
    ("delete", "/v1/me/passkeys/{id}", Operation::ChangeAccount),
    ("post", "/v1/me/passkeys/options", Operation::ChangeAccount),
    ("delete", "/v1/me/sessions", Operation::ChangeAccount),
    ("delete", "/v1/me/sessions/{id}", Operation::ChangeAccount),
];

/// Where somebody signs in. `tests/api/sign_in.rs` has what each takes; nothing else gets further than a refusal.
const SIGN_IN: [(&str, &str); 6] = [
    ("post", "/v1/sign-in/challenges"),
    ("post", "/v1/sign-in/links"),
    ("post", "/v1/sign-in/passkey"),
    ("post", "/v1/sign-in/passkey/options"),
    ("post", "/v1/sign-up"),
    ("post", "/v1/sign-up/options"),
];

/// What is for everybody: public facts, and what proves itself, such as a signed transaction or a blob by its digest.
const PUBLIC: [(&str, &str); 65] = [
    ("get", "/beacon/v2/"),
    ("get", "/beacon/v2/configuration"),
    ("get", "/beacon/v2/datasets"),
    ("post", "/beacon/v2/datasets"),
    ("get", "/beacon/v2/entry_types"),
    ("get", "/beacon/v2/filtering_terms"),
    ("get", "/beacon/v2/g_variants"),
    ("post", "/beacon/v2/g_variants"),
    ("get", "/beacon/v2/individuals"),
    ("post", "/beacon/v2/individuals"),
    ("get", "/beacon/v2/info"),
    ("get", "/beacon/v2/map"),
    ("get", "/beacon/v2/service-info"),
    ("get", "/ga4gh/drs/v1/service-info"),
    ("get", "/service-info"),
    ("get", "/health"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/v1/accounts/{id}"),
    ("get", "/v1/accounts/{id}/next-nonce"),
    ("get", "/v1/accounts/{id}/postings"),
    ("get", "/v1/accounts/{id}/transactions"),
    ("get", "/v1/blobs/{kind}"),
    ("get", "/v1/blobs/{kind}/{digest}"),
    ("put", "/v1/blobs/{kind}/{digest}"),
    ("get", "/v1/blocks"),
    ("get", "/v1/blocks/{height}"),
    ("get", "/v1/blocks/{height}/events"),
    ("get", "/v1/blocks/{height}/header"),
    ("get", "/v1/changes"),
    ("get", "/v1/committee"),
    ("get", "/v1/committee/{epoch}"),
    ("get", "/v1/datasets"),
    ("get", "/v1/epoch"),
    ("get", "/v1/genesis"),
    ("get", "/v1/head"),
    ("get", "/v1/issuers"),
    ("get", "/v1/handovers"),
    ("get", "/v1/jobs"),
    ("get", "/v1/leaves"),
    ("get", "/v1/licences"),
    ("get", "/v1/peers"),
    ("post", "/v1/plans"),
    ("get", "/v1/queries"),
    ("get", "/v1/queries/{id}"),
    ("get", "/v1/queries/{id}/contributions"),
    ("get", "/v1/query-ids"),
    ("get", "/v1/query-schema"),
    ("get", "/v1/researchers"),
    ("get", "/v1/schemas"),
    ("get", "/v1/schemas/{id}"),
    ("get", "/v1/screenings"),
    ("get", "/v1/screenings/{id}"),
    ("get", "/v1/screenings/{id}/response-proofs"),
    ("get", "/v1/screenings/{id}/responses"),
    ("get", "/v1/state-proofs/{key}"),
    ("get", "/v1/state/{key}"),
    ("get", "/v1/studies"),
    ("get", "/v1/studies/{id}"),
    ("get", "/v1/uploads/{kind}/{digest}"),
    ("patch", "/v1/uploads/{kind}/{digest}"),
    ("get", "/v1/validators"),
    ("post", "/v1/transactions"),
    ("get", "/v1/transactions/{id}"),
    ("get", "/v1/transactions/{id}/proof"),
];

/// A role, who has it, and two datasets: toward the second the role is about another one.
struct Holder {
    role: Role,
    name: String,
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

fn holders(town: &Town) -> Vec<Holder> {
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
        holder(Role::Issuer, "issuer 0", of_another),
        holder(Role::CommitteeMember, "member 0", of_another),
        holder(Role::Validator, "validator", of_another),
        holder(Role::Governor, "governor", of_another),
    ]
}

/// A path with its parameters filled in: the dataset's id, or an account's where it is for accounts.
fn filled(path: &str, dataset: DatasetId, account: &str) -> String {
    let is_object = path.contains("{object_id}/access");
    let subject = if path.starts_with("/v1/accounts") { account.to_owned() } else { dataset.to_string() };
    let object = if is_object { format!("{dataset}.body") } else { dataset.to_string() };
    let fixed = [("{object_id}", object), ("{access_id}", "https".into()), ("{id}", subject), ("{height}", "1".into())];
    let more = [("{epoch}", "0"), ("{kind}", "blob"), ("{key}", "00")].map(|(name, value)| (name, value.to_owned()));
    let digest = ("{digest}", "00".repeat(32));
    let all = fixed.into_iter().chain(more).chain([digest]);
    let path = all.fold(path.to_owned(), |path, (name, value)| path.replace(name, &value));
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

#[test]
fn every_role_gets_what_the_table_says_of_its_own_and_of_what_is_foreign() {
    let town = Town::new();
    let holders = holders(&town);
    assert_eq!(holders.iter().map(|holder| holder.role).collect::<Vec<_>>(), Role::ALL);
    for (method, path, operation) in PROTECTED {
        for Holder { role, name, own, foreign } in &holders {
            for (whose, dataset) in [(Whose::Own, own), (Whose::Foreign, foreign)] {
                let path = filled(path, *dataset, "");
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
fn no_signature_of_any_role_opens_an_account_or_signs_in() {
    let town = Town::new();
    let holders = holders(&town);
    for (method, template, _) in OWN_ACCOUNT {
        // Of those that take a body or an id, what is malformed may be refused first.
        let takes_more = template.contains('{') || method == "patch" || template.ends_with("/passkeys");
        for Holder { role, name, own, .. } in &holders {
            let path = filled(template, *own, "");
            let given = send(&town, method, &path, Some(&signature(&town, name, method, &path))).status;
            let refused = if takes_more { (400..500).contains(&given) } else { [401, 403].contains(&given) };
            assert!(refused, "{role:?} {method} {path}: {given}");
        }
    }
    for (method, path) in SIGN_IN {
        let given = send(&town, method, path, Some(&signature(&town, "governor", method, path))).status;
        assert!((400..500).contains(&given), "{method} {path}: {given}");
    }
}

#[test]
fn what_is_for_everybody_is_the_same_for_every_role() {
    let town = Town::new();
    let holders = holders(&town);
    for (method, path) in PUBLIC {
        for Holder { role, name, own, foreign } in &holders {
            for (dataset, subject) in [(own, id(name)), (foreign, id("payout 0"))] {
                let path = filled(path, *dataset, &subject);
                let unsigned = send(&town, method, &path, None).status;
                let signed = send(&town, method, &path, Some(&signature(&town, name, method, &path))).status;
                assert_eq!(signed, unsigned, "{role:?} {method} {path}");
                assert!(![401, 403].contains(&unsigned) && unsigned < 500, "{method} {path}: {unsigned}");
                // What changes something takes nothing but what proves itself.
                assert!(method == "get" || (400..500).contains(&unsigned), "{method} {path}: {unsigned}");
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
        let path = filled(path, town.dataset, "");
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
        let other = filled(first.1, town.dataset, "");
        if other != path {
            assert_eq!(send(&town, method, &other, Some(&good)).status, 401, "{path}'s signature at {other}");
        }
    }
}
