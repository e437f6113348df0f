//! Screenings over HTTP: listed, read in both encodings, and proven run by run to a client that trusts nobody.

use borsh::BorshDeserialize;
use circuits::{
    consent::{Purposes, Regions},
    criteria::Criteria,
    eligibility::{EligibilityProof, PROOF_BYTES},
    id::{Nullifier, ScreeningId, StudyId},
};
use market::{
    index::PAGE_ROWS_MAX,
    ledger::{LedgerAccess, act, open_screenings, require_screening, settle, sync_tree, tip},
    objects::{BlobAddress, BlobKind},
    receipt::screening::{collect, verify},
};
use node::{
    light::LightClient,
    query::{DataUse, SealingKey},
    screening::ScreeningQuery,
    state::{ResponseState, ScreeningState, StateRead},
    transaction::{Action, Invite, ScreeningResponse, Transaction},
    units::{Amount, ResponseIndex},
};
use web::{
    api::{RESPONSES_PAGE_MAX, ResponsePage, ResponseProofs, ScreeningPage},
    client::RemoteLedger,
};

use super::{
    blobs::{fill, path as blob_path},
    index::execute,
    server::{BYTES, QUOTA, Server, agent, answer, world},
};
use crate::world::{account, double_response, element, key, schema};

fn remote(server: &Server) -> RemoteLedger {
    RemoteLedger::connect(server.remote()).unwrap()
}

/// Opens a screening over HTTP, and lets so many people respond, whose proofs the world's double accepts. The listings have
/// it.
pub fn screened(server: &Server, people: u64) -> ScreeningId {
    let (ledger, id) = (remote(server), opened(server));
    for number in 0..people {
        settle(&ledger, ledger.submit(Transaction::Respond(response(&ledger, id, number))).unwrap()).unwrap();
    }
    server.index.follow(server.chain.ledger()).unwrap();
    id
}

/// Opens a screening over HTTP.
fn opened(server: &Server) -> ScreeningId {
    let ledger = remote(server);
    let today = tip(&ledger).unwrap().time.day();
    let screening = ScreeningQuery {
        study: ledger.query(server.collecting).unwrap().unwrap().query.study,
        schema: schema().id().unwrap(),
        criteria: Criteria::default(),
        issuers: vec![],
        data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(1),
        responses_max: 5,
        opening: today,
        closing: circuits::consent::Day(today.0 + 10),
        sealing: SealingKey::new(vec![8; 32]),
    };
    let nonce = ledger.next_nonce(account("researcher")).unwrap();
    let id = screening.id(&ledger.chain(), &account("researcher"), nonce).unwrap();
    act(&ledger, &key("researcher"), Action::OpenScreening(Box::new(screening))).unwrap();
    id
}

fn response(ledger: &RemoteLedger, id: ScreeningId, number: u64) -> ScreeningResponse {
    let mut response = ScreeningResponse {
        screening: id,
        reply: account(&format!("reply {number}")),
        sealing: SealingKey::new(vec![number as u8; 32]),
        root: sync_tree(ledger).unwrap().root,
        nullifier: Nullifier::from_bytes(&element(90_000 + number)).unwrap(),
        proof: EligibilityProof::from_bytes([0; PROOF_BYTES]),
    };
    let terms = require_screening(ledger, id).unwrap().terms(id);
    response.proof = double_response(&terms, &response.instance(&ledger.chain()).unwrap());
    response
}

/// The value in both encodings, which must agree.
#[track_caller]
fn both<T: BorshDeserialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    server: &Server,
    path: &str,
) -> T {
    let value: T = borsh::from_slice(&server.get_bytes(path).body).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&server.get(path).body).unwrap(), value, "{path}");
    value
}

#[test]
fn screenings_and_responses_read_the_same_in_json_and_in_bytes() {
    let server = Server::start();
    assert!(both::<ScreeningPage>(&server, "/v1/screenings").items.is_empty());
    let id = screened(&server, 3);
    let page: ScreeningPage = both(&server, "/v1/screenings");
    assert_eq!((page.items.len(), page.items[0].id, page.next), (1, id, None));
    let state: ScreeningState = both(&server, &format!("/v1/screenings/{id}"));
    assert_eq!((state.eligible, &page.items[0].state), (3, &state));
    let behind: ScreeningPage = both(&server, &format!("/v1/screenings?after={id}"));
    assert!(behind.items.is_empty());
    let all: ResponsePage = both(&server, &format!("/v1/screenings/{id}/responses"));
    assert_eq!((all.first, all.responses.len()), (ResponseIndex::new(0), 3));
    let run: ResponsePage = both(&server, &format!("/v1/screenings/{id}/responses?first=1&count=1"));
    assert_eq!(run.responses, all.responses[1..2]);
    let beyond: ResponsePage = both(&server, &format!("/v1/screenings/{id}/responses?first=9"));
    assert!(beyond.responses.is_empty());
}

#[test]
fn a_filter_leaves_those_of_a_study_a_sponsor_or_open_in_the_order_of_their_opening() {
    let server = Server::start();
    let (closed, full, open) = (screened(&server, 0), screened(&server, 5), screened(&server, 0));
    act(&remote(&server), &key("researcher"), Action::CloseScreening(closed)).unwrap();
    server.index.follow(server.chain.ledger()).unwrap();
    let listed = |filter: &str| {
        let page: ScreeningPage = both(&server, &format!("/v1/screenings?{filter}"));
        assert_eq!(page.next, None);
        page.items.into_iter().map(|screening| screening.id).collect::<Vec<_>>()
    };
    let study = require_screening(&remote(&server), open).unwrap().screening.study;
    let (of_study, of_sponsor) = (format!("study={study}"), format!("sponsor={}", account("researcher")));
    for of in [&of_study, &of_sponsor] {
        assert_eq!(listed(of), [closed, full, open]);
        assert_eq!(listed(&format!("{of}&after={closed}")), [full, open]);
        assert_eq!(listed(&format!("{of}&open=true")), [open]);
    }
    assert_eq!(listed("open=true"), [open]);
    assert_eq!(listed("open=false").len(), 3);
    assert_eq!(listed("order=newest"), [open, full, closed]);
    assert_eq!(listed(&format!("order=newest&after={full}")), [closed]);
    assert!(listed(&format!("sponsor={}", account("sponsor"))).is_empty());
    assert_eq!(remote(&server).open_screening_ids().unwrap(), [open]);
    // Whoever opened one finds it at once, whether the listings have its block or not.
    let latest = opened(&server);
    assert_eq!(listed("open=true"), [open, latest]);
    assert_eq!(listed(&of_study), [closed, full, open, latest]);
    assert_eq!(listed("order=newest"), [latest, open, full, closed]);
    assert!(remote(&server).latest_screenings(1).unwrap().contains(&latest));
    assert!(!listed(&format!("sponsor={}", account("sponsor"))).contains(&latest));

    server.get(&format!("/v1/screenings?{of_study}&{of_sponsor}")).refused(400, "a study or a sponsor, not both");
    server.get("/v1/screenings?study=x").refused(400, "study id");
    server.get("/v1/screenings?sponsor=x").refused(400, "sponsor");
    server.get("/v1/screenings?order=sideways").refused(400, "query string");
    server.get("/v1/screenings?open=perhaps").refused(400, "query string");
    let unknown = "11".repeat(32);
    server.get(&format!("/v1/screenings?open=true&after={unknown}")).refused(404, &unknown);
}

#[test]
fn what_does_not_decode_or_is_not_there_is_refused() {
    let server = Server::start();
    let id = screened(&server, 0);
    let unknown = "11".repeat(32);
    for ending in ["", "/responses", "/response-proofs"] {
        server.get(&format!("/v1/screenings/{unknown}{ending}")).refused(404, &unknown);
        server.get(&format!("/v1/screenings/x{ending}")).refused(400, "screening id");
    }
    for ending in ["responses", "response-proofs"] {
        let path = format!("/v1/screenings/{id}/{ending}");
        server.get(&format!("{path}?count={}", RESPONSES_PAGE_MAX + 1)).refused(413, "256");
        server.get(&format!("{path}?first=-1")).refused(400, "query string");
        server.get(&format!("{path}?secret=1")).refused(400, "query string");
    }
    server.get("/v1/screenings?after=x").refused(400, "screening id");
    server.post("/v1/screenings", BYTES, b"").refused(405, "POST");
}

#[test]
fn a_remote_ledger_lists_screenings_and_proves_every_response_it_returns() {
    let server = Server::start();
    let id = screened(&server, 3);
    let (ledger, snapshot) = (remote(&server), server.chain.snapshot().unwrap());
    assert_eq!(ledger.screenings().unwrap(), [id]);
    assert_eq!(open_screenings(&ledger).unwrap(), [(id, snapshot.screening(id).unwrap().unwrap())]);
    let held: Vec<ResponseState> =
        (0..3).map(|index| snapshot.response(id, ResponseIndex::new(index)).unwrap().unwrap()).collect();
    let first = ResponseIndex::new(0);
    for count in [3, 4, RESPONSES_PAGE_MAX + 1] {
        assert_eq!(ledger.responses(id, first, count).unwrap(), held);
    }
    assert_eq!(ledger.responses(id, ResponseIndex::new(1), 1).unwrap(), held[1..2]);
    assert!(ledger.responses(id, ResponseIndex::new(3), 9).unwrap().is_empty());
    assert!(ledger.responses(id, first, 0).unwrap().is_empty());
    let unknown = ScreeningId::from_bytes([1; 32]);
    assert!(ledger.responses(unknown, first, 1).unwrap_err().to_string().contains("no such screening"));

    let path = format!("/v1/screenings/{id}/response-proofs");
    let ResponseProofs { header, proofs } = borsh::from_slice(&server.get_bytes(&path).body).unwrap();
    let header = header.unwrap();
    LightClient::new(server.chain.ledger().genesis()).unwrap().verify(&header).unwrap();
    assert_eq!(proofs.len(), 4, "the last proves that there are no more");
    for (proof, expected) in proofs.iter().zip(&held) {
        proof.verify(header.header.state).unwrap();
        assert_eq!(proof.decode::<ResponseState>().unwrap(), *expected);
    }
    proofs[3].verify(header.header.state).unwrap();
    assert_eq!(proofs[3].value, None);
}

/// The ledger's double admits what it was told to; whoever checks the receipt verifies the proofs anew.
#[test]
fn a_receipt_is_collected_over_http_and_shows_a_ledger_that_admitted_what_does_not_verify() {
    let server = Server::start();
    let id = screened(&server, 3);
    let receipt = collect(&remote(&server), id).unwrap();
    assert_eq!(receipt.responses.len(), 3);
    let refused = verify(&receipt).unwrap_err().to_string();
    assert!(refused.contains("S4 proofs") && refused.contains("the proof of response 0"), "{refused}");
}

#[test]
fn a_full_server_takes_the_letter_that_a_response_names_and_no_other() {
    let server = Server::start();
    let id = screened(&server, 1);
    let share = (QUOTA - QUOTA / 16) as usize;
    for number in 0..share.div_ceil(1 << 20) {
        let mut bytes = vec![1; 1 << 20];
        bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let path = blob_path(BlobAddress::of(BlobKind::Ciphertext, &bytes));
        if server.put(&path, BYTES, &bytes).status == 507 {
            break;
        }
    }
    let letter = vec![7; 1 << 20];
    let address = BlobAddress::of(BlobKind::Invitation, &letter);
    server.put(&blob_path(address), BYTES, &letter).refused(507, "no room");
    let invite = Invite { screening: id, response: ResponseIndex::new(0), invitation: address.digest };
    act(&remote(&server), &key("researcher"), Action::Invite(invite)).unwrap();
    assert_eq!(server.put(&blob_path(address), BYTES, &letter).status, 201);
    let contact = BlobAddress::of(BlobKind::Contact, &letter);
    server.put(&blob_path(contact), BYTES, &letter).refused(507, "no room");
}

/// Lists screenings of a study that the ledger does not have, as of later blocks than all others.
fn list_ahead(server: &Server, study: StudyId, count: usize) {
    let sql = format!(
        "WITH RECURSIVE numbered(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbered WHERE n < {count}) \
         INSERT INTO screenings (sequence, id, study, sponsor, places, open, invited) \
         SELECT 4096000000 + n, randomblob(32), x'{study}', zeroblob(32), 1, 1, 0 FROM numbered"
    );
    assert_eq!(execute(&server.index, &sql), count);
}

#[test]
fn repro_a_letter_of_a_screening_before_a_page_of_those_that_invited_nobody_is_named() {
    let server = Server::start();
    let id = screened(&server, 1);
    let letter = vec![7; 1 << 20];
    let address = BlobAddress::of(BlobKind::Invitation, &letter);
    let invite = Invite { screening: id, response: ResponseIndex::new(0), invitation: address.digest };
    act(&remote(&server), &key("researcher"), Action::Invite(invite)).unwrap();
    server.index.follow(server.chain.ledger()).unwrap();
    list_ahead(&server, StudyId::from_bytes([1; 32]), PAGE_ROWS_MAX);
    fill(&server);
    let other = vec![8; 1 << 20];
    server.put(&blob_path(BlobAddress::of(BlobKind::Invitation, &other)), BYTES, &other).refused(507, "no room");
    assert_eq!(server.put(&blob_path(address), BYTES, &letter).status, 201);
}

#[test]
fn repro_a_list_too_far_behind_the_ledger_is_refused_and_not_cut_short() {
    let (mut world, collecting, aggregated) = world();
    world.pass_blocks(65);
    let server = Server::over(world.sequencer, collecting, aggregated);
    let id = screened(&server, 0);
    server.forget_index();
    for filter in ["open=true", "order=newest"] {
        server.get(&format!("/v1/screenings?{filter}")).refused(503, "has not indexed blocks 1 to ");
    }
    assert_eq!(remote(&server).open_screening_ids().unwrap(), [id]);
    server.index.follow(server.chain.ledger()).unwrap();
    assert_eq!(both::<ScreeningPage>(&server, "/v1/screenings?open=true").items.len(), 1);
}

#[test]
fn repro_pages_leave_out_a_listed_screening_that_the_ledger_does_not_have_yet() {
    let server = Server::start();
    let id = screened(&server, 0);
    let study = require_screening(&remote(&server), id).unwrap().screening.study;
    list_ahead(&server, study, 1);
    for path in ["/screenings".into(), format!("/screenings/{id}"), format!("/studies/{study}")] {
        let url = format!("{}{path}", server.running.url());
        let shown = answer(agent().get(url).header("accept", "text/html").call());
        assert_eq!(shown.status, 200, "{path}");
        assert!(String::from_utf8(shown.body).unwrap().contains(&format!("/screenings/{id}")), "{path}");
    }
}
