//! Every route, stated here once more on purpose: a route added or lost must be a decision, and so must be for whom it is.

use web::access::Operation;

/// What is not for everybody. Its own is what the table in `web::access` says.
pub const PROTECTED: [(&str, &str, Operation); 4] = [
    ("get", "/ga4gh/drs/v1/objects/{object_id}", Operation::DescribeObject),
    ("get", "/ga4gh/drs/v1/objects/{object_id}/access/{access_id}", Operation::LocateObject),
    ("get", "/v1/datasets/{id}/header", Operation::ReadHeader),
    ("get", "/v1/datasets/{id}/body", Operation::ReadBody),
];

/// What an account of the service is for alone: whoever has its session, however many keys they sign with.
pub const OWN_ACCOUNT: [(&str, &str, Operation); 10] = [
    ("get", "/v1/me", Operation::ReadAccount),
    ("patch", "/v1/me", Operation::ChangeAccount),
    ("delete", "/v1/me/institutions", Operation::ChangeAccount),
    ("delete", "/v1/me/ledger-account", Operation::ChangeAccount),
    ("post", "/v1/me/passkeys", Operation::ChangeAccount),
    ("delete", "/v1/me/passkeys/{id}", Operation::ChangeAccount),
    ("patch", "/v1/me/passkeys/{id}", Operation::ChangeAccount),
    ("post", "/v1/me/passkeys/options", Operation::ChangeAccount),
    ("delete", "/v1/me/sessions", Operation::ChangeAccount),
    ("delete", "/v1/me/sessions/{id}", Operation::ChangeAccount),
];

/// Where somebody signs in. `tests/api/sign_in.rs` has what each takes; nothing else gets further than a refusal.
pub const SIGN_IN: [(&str, &str); 6] = [
    ("post", "/v1/sign-in/challenges"),
    ("post", "/v1/sign-in/links"),
    ("post", "/v1/sign-in/passkey"),
    ("post", "/v1/sign-in/passkey/options"),
    ("post", "/v1/sign-up"),
    ("post", "/v1/sign-up/options"),
];

/// What is for everybody: public facts, and what proves itself, such as a signed transaction or a blob by its digest.
pub const PUBLIC: [(&str, &str); 83] = [
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
    ("get", "/v1/counts"),
    ("get", "/v1/datasets"),
    ("get", "/v1/diseases"),
    ("get", "/v1/epoch"),
    ("get", "/v1/epochs"),
    ("get", "/v1/genesis"),
    ("get", "/v1/governance"),
    ("get", "/v1/head"),
    ("get", "/v1/institutions"),
    ("get", "/v1/issuers"),
    ("get", "/v1/handovers"),
    ("get", "/v1/jobs"),
    ("get", "/v1/leaves"),
    ("get", "/v1/licences"),
    ("get", "/v1/peers"),
    ("post", "/v1/analyses"),
    ("post", "/v1/plans"),
    ("get", "/v1/queries"),
    ("get", "/v1/queries/{id}"),
    ("get", "/v1/queries/{id}/contributions"),
    ("get", "/v1/queries/{id}/file"),
    ("get", "/v1/queries/{id}/introduction"),
    ("put", "/v1/queries/{id}/introduction"),
    ("get", "/v1/queries/{id}/progress"),
    ("get", "/v1/queries/{id}/stages"),
    ("post", "/v1/query-files"),
    ("get", "/v1/query-ids"),
    ("get", "/v1/query-schema"),
    ("post", "/v1/receipts/verify"),
    ("get", "/v1/researchers"),
    ("get", "/v1/schemas"),
    ("get", "/v1/schemas/{id}"),
    ("get", "/v1/schemas/{id}/variants"),
    ("get", "/v1/screenings"),
    ("get", "/v1/screenings/{id}"),
    ("get", "/v1/screenings/{id}/receipt"),
    ("get", "/v1/screenings/{id}/response-proofs"),
    ("get", "/v1/screenings/{id}/responses"),
    ("get", "/v1/search/{text}"),
    ("get", "/v1/state-proofs/{key}"),
    ("get", "/v1/state/{key}"),
    ("get", "/v1/studies"),
    ("get", "/v1/studies/{id}"),
    ("get", "/v1/studies/{id}/outcomes"),
    ("get", "/v1/studies/{id}/versions"),
    ("get", "/v1/uploads/{kind}/{digest}"),
    ("patch", "/v1/uploads/{kind}/{digest}"),
    ("get", "/v1/validators"),
    ("post", "/v1/transactions"),
    ("get", "/v1/transactions/{id}"),
    ("get", "/v1/transactions/{id}/proof"),
];

/// All of them, method and path.
pub fn every() -> Vec<(&'static str, &'static str)> {
    let operated = PROTECTED.iter().chain(&OWN_ACCOUNT).map(|(method, path, _)| (*method, *path));
    operated.chain(SIGN_IN).chain(PUBLIC).collect()
}
