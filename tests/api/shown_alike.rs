//! What a page shows is what its endpoint says and what its command prints: studies, what governs the network, accounts, the
//! committee.

use std::process::Command;

use circuits::{
    id::{Evaluation, QueryId},
    privacy::Epsilon,
    quorum::Quorum,
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
};
use node::{
    Ledger, analysis,
    fees::{FeeRate, FeeSchedule, Treasury},
    genesis::{Committee, Member},
    query::{CohortQuery, PrivacyMode, SealingKey},
    state::QueryStatus,
    transaction::{
        Action, AmendStudy, Attestation, ConsortiumChange, FalseReceipt, Governance, PostOutcome, Site,
        StoredCiphertext, StudyDesign,
    },
    units::{Amount, CommitteeEpoch},
    validator::ValidatorSet,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{Server, id};
use crate::{
    life::opening,
    world::{DigestInsteadOfPairing, ENDOWMENT, World, account, digest, element, genesis, key, member_name, validator},
};

/// A chain as pages, programs and commands see it.
pub struct Seen {
    pub server: Server,
    folder: TempDir,
}

impl Seen {
    fn of(server: Server) -> Self {
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    pub fn over(world: World) -> Self {
        let nothing = QueryId::from_bytes([0; 32]);
        Self::of(Server::over(world.sequencer, nothing, nothing))
    }

    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let answer = self.server.get(path);
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{path}: {text}");
        text
    }

    #[track_caller]
    pub fn said(&self, path: &str) -> Value {
        let answer = self.server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// Every row of a listing, the latest first.
    pub fn rows(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut after) = (vec![], String::new());
        loop {
            let page = self.said(&format!("{path}{after}"));
            rows.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = format!("?after={next}"),
                None => return rows,
            }
        }
    }

    /// What a command prints for people.
    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        command.args(["--url", &self.server.running.url(), "--data-dir", self.folder.path().to_str().unwrap()]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it prints with --json.
    #[track_caller]
    pub fn printed(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[&["--json"], arguments].concat())).unwrap()
    }
}

#[track_caller]
pub fn says_all(text: &str, says: &[&str]) {
    for says in says {
        assert!(text.contains(says), "{says}: {text}");
    }
}

/// A question of today.
pub fn question(world: &World, privacy: PrivacyMode) -> CohortQuery {
    let opening = world.now.day();
    let closing = circuits::consent::Day(opening.0 + 10);
    CohortQuery { opening, closing, privacy, ..world.query() }
}

fn design(planned: Vec<circuits::id::Digest>) -> StudyDesign {
    let site = Site { name: "Basel".into(), region: circuits::consent::Regions(1 << 3) };
    StudyDesign { sites: vec![site], sponsor: Some(account("sponsor")), planned }
}

fn amend(world: &mut World, number: u32, planned: Vec<circuits::id::Digest>) {
    let amendment = AmendStudy {
        study: world.study,
        protocol: digest(&format!("protocol {number}")),
        ethics: format!("EC-{number}"),
        reason: format!("Reason of version {number}."),
        design: design(planned),
    };
    world.act("researcher", Action::AmendStudy(amendment)).unwrap();
    world.block();
}

/// Has a private query asked, answered and released.
pub fn released(world: &mut World) -> QueryId {
    let private = PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(500) };
    let released = world.aggregated(question(world, private), 0..3);
    for member in 0..3 {
        world.act(&member_name(member), world.components(released, member, false)).unwrap();
    }
    world.block();
    assert!(matches!(world.state(released).status, QueryStatus::Released { .. }));
    released
}

/// A study with 27 versions, a private release, an outcome, a query without a plan and one that deviated; and the latter.
fn studied() -> (World, QueryId) {
    let mut world = World::ready(Quorum::DEFAULT);
    let sponsor = Governance::AccreditResearcher { account: account("sponsor"), name: "Acme".into() };
    world.act("governor", Action::Govern(sponsor)).unwrap();
    world.block();
    let released = released(&mut world);
    let outcome = PostOutcome {
        study: world.study,
        document: digest("outcome"),
        summary: "The allele is common.".into(),
        queries: vec![released],
    };
    world.act("researcher", Action::PostOutcome(outcome)).unwrap();
    amend(&mut world, 2, vec![digest("another question")]);
    let deviating = world.open(question(&world, PrivacyMode::Exact)).unwrap();
    let asks = analysis(&world.state(deviating).query).unwrap();
    for number in 3..=27 {
        amend(&mut world, number, vec![asks, digest("another question")]);
    }
    (world, deviating)
}

#[test]
fn a_study_is_the_same_on_its_page_at_its_endpoints_and_by_its_command() {
    let (world, deviating) = studied();
    let study = world.study.to_string();
    let seen = Seen::over(world);
    let record = seen.said(&format!("/v1/studies/{study}"));
    let [mut versions, mut outcomes] =
        ["versions", "outcomes"].map(|part| seen.rows(&format!("/v1/studies/{study}/{part}")));
    assert_eq!((versions.len(), outcomes.len()), (27, 1));
    assert_eq!((&record["researcher_name"], &versions[0]["sponsor_name"]), (&json!("Dr R"), &json!("Acme")));
    let spent = Epsilon::from_milli(500).rho().epsilon();
    assert_eq!((&record["spent"]["releases"], &record["spent_epsilon_milli"]), (&json!(1), &json!(spent.milli())));
    let spent = format!("ε = {spent}");
    let planned = &versions[0]["design"]["planned"];
    assert_eq!(
        record["asked"],
        json!({
            "planned": [{ "question": planned[0], "query": deviating }, { "question": planned[1], "query": null }],
            "compared": 2, "earlier": false, "deviating": 1, "unplanned": 1
        })
    );

    let page = seen.page(&format!("/studies/{study}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parts = [&versions[0]["protocol"], &versions[0]["ethics"], &outcomes[0]["summary"], &outcomes[0]["document"]];
    let shown = parts.map(text).into_iter().chain(versions[..25].iter().map(|version| text(&version["reason"])));
    for says in shown {
        assert!(page.contains(&says), "{says}: {page}");
    }
    assert!(!page.contains("Reason of version 2.") && page.contains("Earlier versions are in"), "{page}");
    let (asked, another) = (format!("href=\"/queries/{deviating}\""), text(&planned[1]));
    let day = node::calendar::date(circuits::consent::Day(record["registered"].as_u64().unwrap() as u32));
    let counted = [
        "A study",
        "Dr R",
        "Acme",
        "Basel",
        "region 4",
        "2 questions",
        "not so far",
        &asked,
        &another,
        &day,
        &format!("{spent} in 1 private release,"),
        "One query was not as planned.",
        "One query was asked when the study had",
    ];
    says_all(&page, &counted);

    let told = seen.told(&["study", "show", &study]);
    let counts = "asked 2 queries: 1 not as planned, 1 when nothing was planned";
    let asked = format!("asked by {deviating}");
    says_all(
        &told,
        &["Dr R", &format!("{spent} spent in 1 private"), counts, &asked, &another, "not asked so far", "Acme", &day],
    );
    says_all(&told, &["version 2 since", "Reason of version 2.", "Reason of version 27.", "The allele is common."]);
    let mut whole = record;
    versions.reverse();
    outcomes.reverse();
    (whole["versions"], whole["posted"]) = (versions.into(), outcomes.into());
    assert_eq!(seen.printed(&["study", "show", &study]), whole);
}

#[test]
fn repro_no_name_of_a_printed_study_stands_for_two_things() {
    let (world, _) = studied();
    let study = world.study.to_string();
    let printed = Seen::over(world).told(&["--json", "study", "show", &study]);
    assert_eq!(printed.matches("\"outcomes\":").count(), 1, "{printed}");
}

/// A chain of two validators, of whom one wants the other gone, with fees that are not the genesis's.
fn governed() -> World {
    let mut two = genesis(Quorum::DEFAULT);
    two.validators = ValidatorSet::new(vec![validator("validator", 1), validator("second", 1)]).unwrap();
    let ledger = Ledger::in_memory(two, Box::new(DigestInsteadOfPairing)).unwrap();
    let mut world = World::with_keys(ledger, vec![key("validator"), key("second")]);
    let fees = FeeSchedule {
        committee: FeeRate::BasisPoints(250),
        validators: FeeRate::Units(Amount::new(1_200)),
        treasury: Some(Treasury { account: account("friend"), rate: FeeRate::Units(Amount::new(7)) }),
    };
    world.act("governor", Action::Govern(Governance::SetFees(fees))).unwrap();
    let change = ConsortiumChange::RemoveValidator(account("second"));
    world.act("validator", Action::ApproveChange(change)).unwrap();
    world.block();
    world
}

#[test]
fn what_governs_the_network_is_the_same_on_its_page_at_its_endpoint_and_by_its_command() {
    let seen = Seen::over(governed());
    let said = seen.said("/v1/governance");
    assert_eq!(seen.printed(&["govern", "show"]), said);
    assert_eq!(seen.printed(&["node", "changes"]), said["votes"]);
    let vote = &said["votes"][0];
    assert_eq!((&vote["validators"], &vote["waiting"]), (&json!([id("validator")]), &json!([id("second")])));
    assert_eq!((&vote["power"], &vote["total"], said["votes"].as_array().unwrap().len()), (&json!(1), &json!(2), 1));
    assert_eq!(said["fees"]["committee"], json!({ "basis_points": 250 }));
    assert_eq!((&said["governor"], &said["network"]), (&json!(id("governor")), &json!("test")));
    assert_eq!(said["supply"], 3 * ENDOWMENT);
    assert_ne!(said["parameters"]["fees"], said["fees"], "the genesis had other fees");
    let version = &said["protocol"]["version"];

    let (page, told) = (seen.page("/explorer/governance"), seen.told(&["govern", "show"]));
    let [governor, one, other, friend] = ["governor", "validator", "second", "friend"].map(id);
    let both = [
        vote["digest"].as_str().unwrap(),
        &governor,
        &one,
        &other,
        &friend,
        "leaves the network",
        "1 of 2 votes",
        "2.5 % of the price",
        "1,200 for each paid contribution",
        "a test network",
    ];
    says_all(&page, &both);
    says_all(&told, &both);
    let shown = [
        format!("Version of the protocol</dt><dd>{version}"),
        "All the money there is</dt><dd>3,000,000".into(),
        format!("Blocks of an epoch</dt><dd>{}", said["parameters"]["epoch_blocks"]),
        format!("For opening a query or a screening</dt><dd>{}", said["parameters"]["opening_fee"]),
    ];
    says_all(&page, &shown.each_ref().map(String::as_str));
    let line = format!("protocol   version {version}");
    says_all(&told, &[&line, "all the money there is: 3000000", "epoch_blocks: 4", "query_days_max: 365"]);
}

#[test]
fn epochs_are_the_same_on_their_page_at_their_endpoint_and_by_their_command() {
    let mut world = governed();
    for _ in 0..110 {
        world.block();
    }
    let seen = Seen::over(world);
    let said = seen.said("/v1/epochs");
    assert_eq!(seen.printed(&["ledger", "epochs"]), said);
    let (items, next) = (said["items"].as_array().unwrap(), said["next"].as_u64().unwrap().to_string());
    assert_eq!((items.len(), &items[0]["epoch"], &said["epoch_blocks"]), (25, &said["current"], &json!(4)));
    assert_eq!(seen.said("/v1/epochs?before=0")["items"], json!([]), "nothing is before the first");
    let older = seen.said(&format!("/v1/epochs?before={next}"));
    assert_eq!(seen.printed(&["ledger", "epochs", "--before", &next]), older);
    assert_eq!(
        (&older["next"], &older["items"].as_array().unwrap().last().unwrap()["epoch"]),
        (&Value::Null, &json!(0))
    );
    for (page, told, said) in [
        (seen.page("/epochs"), seen.told(&["ledger", "epochs"]), &said),
        (seen.page(&format!("/epochs?before={next}")), seen.told(&["ledger", "epochs", "--before", &next]), &older),
    ] {
        for one in said["items"].as_array().unwrap() {
            let root = one["root"].as_str().unwrap();
            says_all(&page, &[root, &format!("<th scope=\"row\">{}</th>", one["epoch"])]);
            says_all(&told, &[root]);
        }
    }
}

#[test]
fn what_an_account_is_is_the_same_on_its_page_at_its_endpoint_and_by_its_command() {
    let seen = Seen::of(Server::start());
    let mut balances = vec![];
    for (name, is) in [
        ("governor", "governor of the network"),
        ("researcher", "Dr R, accredited researcher"),
        ("issuer 0", "issuer 0, accredited issuer"),
        ("validator", "validator with 1 vote"),
        ("member 0", "member 0 of the decryption committee"),
        ("custodian", "custodian of the datasets at this node"),
        ("friend", ""),
    ] {
        let said = seen.said(&format!("/v1/accounts/{}", id(name)));
        let roles: Vec<&str> = if is.is_empty() { vec![] } else { vec![is] };
        assert_eq!(said["roles"], json!(roles), "{name}");
        assert_eq!(seen.printed(&["account", "show", &id(name)]), said);
        let page = seen.page(&format!("/accounts/{}", id(name)));
        assert_eq!(page.contains("None that the ledger knows"), is.is_empty(), "{name}: {page}");
        says_all(&page, &[is]);
        says_all(&seen.told(&["account", "show", &id(name)]), &["next nonce", is]);
        balances.push(said["balance"].clone());
    }
    assert!(balances.iter().any(|balance| *balance == ENDOWMENT), "{balances:?}");
}

#[test]
fn repro_whoever_sits_since_a_handover_is_a_member_and_whoever_left_is_none() {
    let mut world = World::ready(Quorum::DEFAULT);
    let seat =
        |(place, name): (u8, &str)| Member { account: account(name), sealing: SealingKey::new(vec![100 + place; 32]) };
    let members = (0..).zip(["heir 0", "heir 1", "member 0"]).map(seat).collect();
    let seats = Committee { quorum: Quorum::new(2, 3).unwrap(), members };
    world.act("validator", Action::ApproveChange(ConsortiumChange::SeatCommittee(seats))).unwrap();
    world.block();
    let seen = Seen::over(world);
    for (name, seat) in [("heir 0", Some(0)), ("heir 1", Some(1)), ("member 0", Some(2)), ("member 1", None)] {
        let roles = seat.map(|seat| format!("member {seat} of the decryption committee"));
        let said = seen.said(&format!("/v1/accounts/{}", id(name)));
        assert_eq!(said["roles"], json!(Vec::from_iter(roles)), "{name}");
        assert_eq!(seen.printed(&["account", "show", &id(name)]), said);
    }
}

/// Has a member suspended for what it attested of a ciphertext that is none of it.
fn suspend(world: &mut World, member: u8) {
    let bytes = vec![0; CIPHERTEXT_BYTES];
    let attestation = Attestation {
        committee: CommitteeEpoch::new(0),
        query: QueryId::from_bytes([7; 32]),
        part: 3,
        ciphertext: Ciphertext::digest_of_packed(&bytes),
        gamma: Evaluation::from_bytes(&element(11)).unwrap(),
        opening: opening(5),
    };
    let evidence = FalseReceipt {
        committee: attestation.committee,
        query: attestation.query,
        part: attestation.part,
        ciphertext: StoredCiphertext::new(bytes).unwrap(),
        gamma: attestation.gamma,
        opening: attestation.opening,
        receipt: world.receipt(member, &attestation),
    };
    world.act("friend", Action::FalseReceipt(Box::new(evidence))).unwrap();
    world.block();
}

#[test]
fn who_of_the_committee_is_suspended_is_the_same_on_its_page_at_its_endpoint_and_by_its_command() {
    let mut world = World::ready(Quorum::DEFAULT);
    suspend(&mut world, 1);
    let seen = Seen::over(world);
    let said = seen.said("/v1/committee");
    let suspended = said["suspended"].as_object().unwrap();
    assert_eq!(suspended.keys().collect::<Vec<_>>(), [&id("member 1")]);
    let height = &suspended[&id("member 1")]["height"];
    assert_eq!(seen.said("/v1/committee/0"), said);
    let printed = seen.printed(&["committee", "show"]);
    for (of_command, of_endpoint) in [("suspended", "suspended"), ("committee", "state"), ("seats", "committee")] {
        assert_eq!(printed[of_command], said[of_endpoint], "{of_command}");
    }
    let (page, told) = (seen.page("/committee"), seen.told(&["committee", "show"]));
    let members = said["committee"]["members"].as_array().unwrap();
    for member in members {
        let account = member["account"].as_str().unwrap();
        let row = page.split("<tr>").find(|row| row.contains(account)).unwrap();
        let line = told.lines().find(|line| line.contains(account)).unwrap();
        let is_suspended = suspended.contains_key(account);
        assert_eq!(row.contains(&format!("Suspended in block {height}")), is_suspended, "{row}");
        assert_eq!(row.contains("Not suspended"), !is_suspended, "{row}");
        assert_eq!(line.contains(&format!("suspended in block {height}")), is_suspended, "{line}");
    }
    assert!(members.len() > 2);
}

#[test]
fn how_far_a_node_is_is_the_same_on_its_page_at_its_endpoint_and_by_its_command() {
    let seen = Seen::of(Server::start());
    seen.server.index.follow(seen.server.chain.ledger()).unwrap();
    let said = seen.said("/health");
    let index = &said["index"];
    assert_eq!(index, &said["height"]);
    assert_eq!(seen.printed(&["node", "status"])["health"], said);
    says_all(&seen.page("/explorer/health"), &[&format!("<dt>Index</dt><dd>block {index}</dd>")]);
    says_all(&seen.told(&["node", "status"]), &[&format!("\nindex      block {index}\n")]);
}
