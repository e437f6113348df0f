use base64::{Engine as _, engine::general_purpose::STANDARD};
use circuits::id::ChainId;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use node::{signature::account_of, units::Timestamp};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{base::signature_base, *};
use crate::Error;

const NOW: Timestamp = Timestamp::new(1_700_000_000);
const CHAIN: ChainId = ChainId::from_bytes([7; 32]);

/// Of a server that began long ago.
fn replay_of_long_ago() -> Replay {
    Replay::new(Timestamp::new(0))
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn request() -> Covered<'static> {
    let content_digest = Some("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    Covered { method: "POST", authority: "node.example:8480", path: "/v1/things", query: "a=1", content_digest }
}

fn signed(covered: &Covered<'_>) -> SignedHeaders {
    sign(covered, &key(), &CHAIN, NOW, &mut StdRng::seed_from_u64(1)).unwrap()
}

fn verified(headers: &SignedHeaders, covered: &Covered<'_>) -> Result<Caller, Error> {
    verified_at(headers, covered, NOW, &replay_of_long_ago())
}

fn verified_at(
    headers: &SignedHeaders,
    covered: &Covered<'_>,
    now: Timestamp,
    replay: &Replay,
) -> Result<Caller, Error> {
    UnverifiedRequest::read(&headers.input, &headers.signature)?.verify(covered, &CHAIN, now, replay)
}

#[track_caller]
fn refused(outcome: Result<Caller, Error>, why: &str) {
    match outcome {
        Err(Error::Unsigned { why: found }) => assert!(found.contains(why), "{found}"),
        other => panic!("{other:?}"),
    }
}

/// RFC 9421, appendix B.2.6, with the key of B.1.4.
#[test]
fn the_base_and_signature_of_the_rfc_are_ours() {
    let public = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";
    let parameters = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                      ;created=1618884473;keyid=\"test-key-ed25519\"";
    let signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
    let value = |component: &str| {
        Some(String::from(match component {
            "date" => "Tue, 20 Apr 2021 02:07:55 GMT",
            "@method" => "POST",
            "@path" => "/foo",
            "@authority" => "example.com",
            "content-type" => "application/json",
            "content-length" => "18",
            _ => return None,
        }))
    };
    let components = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
    let base = signature_base(components, value, parameters).unwrap();
    let key = VerifyingKey::from_bytes(&hex::decode(public).unwrap().try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&STANDARD.decode(signature).unwrap()).unwrap();
    key.verify_strict(base.as_bytes(), &signature).unwrap();
    assert!(key.verify_strict(base.replace("/foo", "/bar").as_bytes(), &signature).is_err());
}

#[test]
fn a_signed_request_names_its_account_once() {
    let (headers, replay) = (signed(&request()), replay_of_long_ago());
    let caller = verified_at(&headers, &request(), NOW, &replay).unwrap();
    assert_eq!(caller.account(), account_of(&key()));
    refused(verified_at(&headers, &request(), NOW, &replay), "taken before");
}

#[test]
fn a_request_is_forgotten_only_when_it_is_too_old_to_be_replayed() {
    let (headers, replay) = (signed(&request()), replay_of_long_ago());
    verified_at(&headers, &request(), NOW, &replay).unwrap();
    for later in [1, CLOCK_SECONDS_MAX] {
        refused(verified_at(&headers, &request(), NOW.after(later as u32), &replay), "taken before");
    }
    let too_late = NOW.after(CLOCK_SECONDS_MAX as u32 + 1);
    refused(verified_at(&headers, &request(), too_late, &replay), "more than 60 s before");
    let early = |seconds: u64| Timestamp::new(NOW.get() - seconds);
    refused(
        verified_at(&headers, &request(), early(AHEAD_SECONDS_MAX + 1), &replay_of_long_ago()),
        "more than 5 s after",
    );
    verified_at(&headers, &request(), early(AHEAD_SECONDS_MAX), &replay_of_long_ago()).unwrap();
}

#[test]
fn a_time_that_is_refused_is_told_beside_the_servers_own() {
    let (headers, replay) = (signed(&request()), replay_of_long_ago());
    let behind = verified_at(&headers, &request(), NOW.after(100), &replay);
    refused(behind, "1700000100: sign when sending, and set that machine's clock if it is 100 s behind");
    let ahead = verified_at(&headers, &request(), Timestamp::new(NOW.get() - 30), &replay);
    refused(ahead, "set that machine's clock, which is 30 s ahead of this one");
}

/// A recorded request counted once more after the server was killed and began again.
#[test]
fn repro_what_a_server_took_counts_no_more_once_it_began_anew() {
    let headers = signed(&request());
    // At each second at which the one before may have taken it, also by a clock that is behind the client's.
    for taken in (NOW.get() - AHEAD_SECONDS_MAX)..=(NOW.get() + CLOCK_SECONDS_MAX) {
        let taken = Timestamp::new(taken);
        verified_at(&headers, &request(), taken, &replay_of_long_ago()).unwrap();
        for began in [taken, taken.after(1), taken.after(30)] {
            let anew = Replay::new(began);
            for later in 0..=CLOCK_SECONDS_MAX {
                let again = verified_at(&headers, &request(), began.after(later as u32), &anew);
                assert!(matches!(again, Err(Error::Unsigned { .. })), "taken {taken}, began {began}, {later} s later");
            }
        }
    }
    let began = Replay::new(NOW);
    refused(
        verified_at(&headers, &request(), NOW.after(1), &began),
        "sign again, after 1700000005; its time is 1700000001",
    );
    let wait = AHEAD_SECONDS_MAX as u32 + 1;
    let again = sign(&request(), &key(), &CHAIN, NOW.after(wait), &mut StdRng::seed_from_u64(1)).unwrap();
    verified_at(&again, &request(), NOW.after(wait), &began).unwrap();
}

#[test]
fn nothing_that_is_covered_may_change() {
    let headers = signed(&request());
    let alterations: [fn(&mut Covered<'_>); 5] = [
        |request| request.method = "PUT",
        |request| request.authority = "other.example",
        |request| request.path = "/v1/other",
        |request| request.query = "a=2",
        |request| request.content_digest = Some("sha-256=:AAAA:"),
    ];
    for alter in alterations {
        let mut other = request();
        alter(&mut other);
        refused(verified(&headers, &other), "not of this request");
    }
    let bodiless = Covered { content_digest: None, ..request() };
    refused(verified(&headers, &bodiless), "covers what the request does not have");
    refused(verified(&signed(&bodiless), &request()), "does not cover content-digest");
}

#[test]
fn a_signature_for_another_chain_or_by_another_key_counts_for_nothing() {
    let other = sign(&request(), &key(), &ChainId::from_bytes([8; 32]), NOW, &mut StdRng::seed_from_u64(1)).unwrap();
    refused(verified(&other, &request()), "names this chain");
    let mine = signed(&request());
    let stranger = account_of(&SigningKey::from_bytes(&[4; 32])).to_string();
    let claimed = mine.input.replace(&account_of(&key()).to_string(), &stranger);
    refused(verified(&SignedHeaders { input: claimed, ..mine }, &request()), "not of this request");
}

#[test]
fn fields_of_another_profile_are_refused_by_name() {
    let good = signed(&request());
    let rejected = [
        ("alg=\"ed25519\"", "alg=\"hmac-sha256\"", "alg must be ed25519"),
        (";alg=\"ed25519\"", "", "alg is absent"),
        (";created=", ";expires=", "expires is none of"),
        ("created=1700000000", "created=-1", "created is absent"),
        ("keyid=\"", "keyid=\"xx", "keyid must be an account"),
        ("\"@path\"", "\"@path\";req", "plain components"),
        ("\"@path\" ", "", "does not cover @path"),
        ("\"@path\"", "\"x-other\"", "does not cover @path"),
        ("locus=(", "other=(", "has no list locus"),
        ("locus=(", "locus=((", "no dictionary"),
    ];
    for (from, to, why) in rejected {
        let input = good.input.replace(from, to);
        assert_ne!(input, good.input, "{from}");
        refused(verified(&SignedHeaders { input, signature: good.signature.clone() }, &request()), why);
    }
    let long = "x".repeat(SIGNATURE_BYTES_MAX + 1);
    refused(verified(&SignedHeaders { input: long.clone(), ..good.clone() }, &request()), "longer than");
    refused(verified(&SignedHeaders { signature: long, ..good.clone() }, &request()), "longer than");
    refused(verified(&SignedHeaders { signature: "locus=:AAAA:".into(), ..good }, &request()), "64 bytes");
}

#[test]
fn a_body_has_one_digest() {
    // RFC 9530, appendix B.1... of an empty body: the SHA-256 of nothing.
    assert_eq!(content_digest(b""), request().content_digest.unwrap());
    assert!(is_body_of(&content_digest(b"body"), b"body"));
    assert!(!is_body_of(&content_digest(b"body"), b"other"));
}

proptest! {
    #[test]
    fn any_fields_are_read_or_refused_without_a_panic(input in ".{0,200}", signature in ".{0,200}") {
        let _ = UnverifiedRequest::read(&input, &signature);
    }

    #[test]
    fn any_request_that_is_signed_verifies(path in "/[a-z0-9/%]{0,40}", query in "[a-z0-9=&]{0,40}", seed: u64) {
        let covered = Covered { path: &path, query: &query, ..request() };
        let headers = sign(&covered, &key(), &CHAIN, NOW, &mut StdRng::seed_from_u64(seed)).unwrap();
        prop_assert!(verified(&headers, &covered).is_ok());
    }
}
