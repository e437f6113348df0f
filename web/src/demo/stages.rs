//! The demo's stages, in the order of a query's life.

use std::{collections::BTreeMap, fs, num::NonZeroUsize, path::Path, thread, time::Instant};

use circuits::{
    consent::{ConsentTerms, Purposes, Regions},
    criteria::MatchCriteria,
    groth16::side_by_side,
    id::{Digest, QueryId, SchemaId, StudyId},
    layout::{GENOTYPE_BLOCK, Layout},
    record::{Genotypes, WINDOW_VARIANTS},
};
use market::{
    agent::{Agent, Outcome},
    aggregator::aggregate,
    committee::access::CommitteeAccess,
    issuer::{Measurements, certify, receive},
    ledger::{act, next_nonce, require_query, tip},
    objects::{BlobKind, put},
    receipt::{self, Receipt},
    researcher::decrypt,
    wallet::{Protection, Wallet},
};
use node::{
    query::{CohortQuery, DataUse, PARTS_MAX, PrivacyMode},
    transaction::{Action, StudyRegistration},
    units::Amount,
};
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest as _, Sha256};

use super::{
    DemoOptions, DemoReport,
    attack::{Attack, AttackReport, Roles, carry_out},
    committee::DemoCommittee,
    people::{Cast, PRICE, Part, Person, cast, consent, count_truth},
    report::{Declined, ResultReport, Stage},
    town::Town,
};
use crate::{
    Error,
    cli::{Output, sealing_key, write_private_file},
    counts::{PartCounts, VariantCounts, counts},
};

/// Blocks that the demo's query allows for its aggregate and for its release.
const DEADLINE_BLOCKS: u32 = 10_000;
/// Days the demo's query stays open.
const QUERY_DAYS: u32 = 7;
/// The file that marks a folder as a demo's, which may be made anew.
const MARKER: &str = "locus-demo";

/// Everything the stages share.
struct Stageboard<'a> {
    output: &'a Output,
    started: Instant,
    seconds: Vec<Stage>,
}

impl Stageboard<'_> {
    fn done(&mut self, stage: &'static str, says: impl AsRef<str>) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.output.say(format!("✓ {:<14} {:>5.1} s  {}", stage, seconds, says.as_ref()));
        self.seconds.push(Stage { stage, seconds });
        self.started = Instant::now();
    }
}

/// Plays the demo.
///
/// # Errors
/// The first stage that fails. A result that differs from the truth is no error here: the report says so.
pub fn run(options: &DemoOptions, output: &Output) -> Result<DemoReport, Error> {
    let rng = &mut StdRng::from_rng(&mut rand::rng());
    let mut board = Stageboard { output, started: Instant::now(), seconds: vec![] };
    let cast = cast(options.vcf.as_deref(), options.people, usize::from(options.attack.is_some()))?;
    make_folder(&options.dir)?;
    board.done(
        "import",
        format!("{} people, {} variants ({})", cast.people.len(), cast.panel.variants.len(), cast.source),
    );

    let town = Town::found(options, rng)?;
    board.done("found network", format!("chain {}", town.ledger.chain()));

    let committee = DemoCommittee::start(options, &town, output)?;
    committee.generate_key()?;
    board.done(
        "committee key",
        format!(
            "{} members{} made a key that {} can use",
            options.quorum.members(),
            if options.processes { ", each a process," } else { "" },
            options.quorum.threshold()
        ),
    );

    let (schema, mut wallets) = register(options, &town, &cast, rng)?;
    board.done("certify", format!("{} records registered by two issuers", wallets.len()));

    let query = ask(options, &town, &cast, schema)?;
    board.done("open query", format!("{query}: {}", cast.criteria_text));

    let Answered { declined, proof_seconds } = answer(&town, &*committee, &cast, &mut wallets, query, rng, output)?;
    let admitted = require_query(&*town.ledger, query)?.surviving;
    board.done("contribute", contributed(admitted, declined.len(), &proof_seconds));

    let attack = attack(options.attack, &town, &*committee, &cast, &wallets, query, rng)?;
    if let Some(report) = &attack {
        board.done("attack", if report.refused() { "refused" } else { "ADMITTED" });
    }

    let researcher = town.parties.researcher.signing_key();
    act(&*town.ledger, &researcher, Action::Seal(query))?;
    aggregate(&*town.ledger, &*town.blobs, &*committee, &researcher, query)?;
    board.done("aggregate", "an aggregator without any key added the ciphertexts");

    committee.release(query)?;
    board.done("components", "members agreed on every component; contributors are paid");

    let opened = decrypt(&*town.ledger, &*town.blobs, &town.parties.researcher, query)?;
    board.done("decrypt", "the researcher combined the components");

    let receipt = receipt::collect(&*town.ledger, &*town.blobs, query, opened.components(), opened.slots())?;
    let path = options.dir.join("receipt.json");
    write_private_file("receipt", &path, receipt.to_json()?.as_bytes())?;
    let verified = receipt::verify(&Receipt::open(&path)?, None)?;
    board.done("verify", "the receipt was read back and checked");

    let variants = variant_counts(&cast, &options_parts(&cast), opened.slots());
    let measured = cast.panel.variants.len().min(PARTS_MAX * WINDOW_VARIANTS);
    let names: Vec<String> = contributors(&cast).map(|person| person.name.clone()).collect();
    let truth: Vec<_> =
        count_truth(options.vcf.as_deref(), &names)?.iter().take(variants.len()).map(VariantCounts::of_truth).collect();
    Ok(DemoReport {
        chain: town.ledger.chain(),
        query,
        source: cast.source.clone(),
        criteria: cast.criteria_text.clone(),
        people: options.people,
        admitted,
        declined,
        proof_seconds,
        attack,
        matches: variants.len() == measured && variants == truth,
        result: ResultReport { slots: opened.slots().to_vec(), variants },
        truth,
        paid_each: PRICE,
        receipt: path,
        checks: verified.checks().to_vec(),
        timings: board.seconds,
    })
}

/// Makes the demo's folder anew. A folder that no demo made is left alone.
fn make_folder(dir: &Path) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::Input { what: "data directory", why: format!("{}: {error}", dir.display()) };
    if dir.exists() && !dir.join(MARKER).exists() && fs::read_dir(dir).map_err(failed)?.next().is_some() {
        let why = format!("{} holds something else; give --data-dir an empty or new folder", dir.display());
        return Err(Error::Input { what: "data directory", why });
    }
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(failed)?;
    }
    fs::create_dir_all(dir).map_err(failed)?;
    fs::write(dir.join(MARKER), "Made by `locus demo`, which makes this folder anew each time.\n").map_err(failed)
}

/// Registers schema, panel and everybody's record, people alternating between the two hospitals.
fn register(
    options: &DemoOptions,
    town: &Town,
    cast: &Cast,
    rng: &mut StdRng,
) -> Result<(SchemaId, Vec<Wallet>), Error> {
    let ledger = &*town.ledger;
    let panel = borsh::to_vec(&cast.panel).map_err(|error| Error::Output { why: error.to_string() })?;
    put(&*town.blobs, BlobKind::Panel, panel)?;
    let schema = cast.schema.id()?;
    let [first, ..] = town.parties.issuers.as_slice() else { return Err(no_issuer()) };
    act(ledger, &first.signing_key(), Action::RegisterSchema(cast.schema.clone()))?;

    let today = tip(ledger)?.time.day();
    let protection = Protection::StorageKey(town.parties.custodian.storage_key());
    let mut wallets = vec![];
    let mut enrolled: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for (number, person) in cast.people.iter().enumerate() {
        let path = options.dir.join("wallets").join(format!("{number}.wallet"));
        let mut wallet = Wallet::create(&path, protection.clone(), ledger.chain(), person.name.clone(), rng)?;
        let cohort = u32::try_from(options.people).unwrap_or(u32::MAX);
        let terms = consent(person.part, today, cohort, ConsentTerms::random_salt(rng));
        let enrolment = wallet.enrol(terms, None, rng)?;
        enrolled.entry(number % town.parties.issuers.len()).or_default().push((
            number,
            measure(schema, person)?,
            enrolment,
        ));
        wallets.push(wallet);
    }
    for (issuer, people) in town.parties.issuers.iter().zip(enrolled.into_values()) {
        let requests: Vec<_> = people.iter().map(|(_, measured, enrolment)| (measured.clone(), *enrolment)).collect();
        let certificates = certify(ledger, issuer, &requests)?;
        for ((number, measured, enrolment), certificate) in people.into_iter().zip(certificates) {
            let wallet = wallets.get_mut(number).ok_or_else(no_issuer)?;
            receive(ledger, wallet, &enrolment, measured, &certificate)?;
        }
    }
    town.end_epoch()?;
    Ok((schema, wallets))
}

fn no_issuer() -> Error {
    Error::Input { what: "demo", why: "it has no issuer".into() }
}

fn measure(schema: SchemaId, person: &Person) -> Result<Measurements, Error> {
    let genotypes = Genotypes::new(&person.dosages)?;
    Ok(Measurements { schema, attributes: person.attributes.clone(), genotypes })
}

/// One part for each window of the panel, in whole blocks, as many as a query may have.
fn options_parts(cast: &Cast) -> Vec<Layout> {
    let windows = cast.panel.variants.chunks(WINDOW_VARIANTS).take(PARTS_MAX);
    let blocks = |variants: &[_]| variants.len().next_multiple_of(GENOTYPE_BLOCK);
    let part = |(window, variants): (u32, &[_])| {
        Layout::genotypes(window, 0, u16::try_from(blocks(variants)).unwrap_or(u16::MAX))
    };
    (0..).zip(windows).map(part).collect()
}

/// Registers a study and opens its query.
fn ask(options: &DemoOptions, town: &Town, cast: &Cast, schema: SchemaId) -> Result<QueryId, Error> {
    let ledger = &*town.ledger;
    let researcher = &town.parties.researcher;
    let key = researcher.signing_key();
    let registration = StudyRegistration {
        title: "Allele frequencies on chromosome 22".into(),
        protocol: Digest::from_bytes(Sha256::digest(b"Count alleles.").into()),
        ethics: "demo, no approval needed: public data".into(),
    };
    let study: StudyId = registration.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::RegisterStudy(registration))?;
    let today = tip(ledger)?.time.day();
    let people = u32::try_from(options.people).unwrap_or(u32::MAX);
    let query = CohortQuery {
        study,
        schema,
        criteria: cast.criteria.clone(),
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts: options_parts(cast),
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        contributions_min: people,
        contributions_max: people.saturating_add(1),
        privacy: PrivacyMode::Exact,
        opening: today,
        closing: circuits::consent::Day(today.0.saturating_add(QUERY_DAYS)),
        aggregate_blocks_max: DEADLINE_BLOCKS,
        release_blocks_max: DEADLINE_BLOCKS,
        sealing: sealing_key(researcher),
    };
    let id = query.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::OpenQuery(Box::new(query)))?;
    Ok(id)
}

/// What came of asking everybody.
struct Answered {
    declined: Vec<Declined>,
    /// For each contribution, the wall time of one of its proofs, with the encryption and the members' receipts.
    proof_seconds: Vec<f64>,
}

fn contributed(admitted: u32, declined: usize, proof_seconds: &[f64]) -> String {
    let count = u32::try_from(proof_seconds.len().max(1)).unwrap_or(u32::MAX);
    let mean = proof_seconds.iter().sum::<f64>() / f64::from(count);
    format!(
        "{admitted} certified contributions admitted ({mean:.2} s a proof: the ciphertext encrypts exactly what the \
         certified record implies), {declined} declined"
    )
}

/// Every person's agent answers, or says why not.
fn answer(
    town: &Town,
    committee: &dyn CommitteeAccess,
    cast: &Cast,
    wallets: &mut [Wallet],
    query: QueryId,
    rng: &mut StdRng,
    output: &Output,
) -> Result<Answered, Error> {
    let agent = Agent { ledger: &*town.ledger, blobs: &*town.blobs, committee, proving: &town.proving };
    let opened = agent.open(query)?;
    let asked = wallets.iter_mut().zip(&cast.people).filter(|(_, person)| person.part != Part::Attacks);
    let jobs: Vec<_> = asked.map(|(wallet, person)| (wallet, person, StdRng::from_rng(&mut *rng))).collect();
    let progress = output.progress("proving and encrypting", jobs.len());
    let work = |(wallet, person, mut rng): (&mut Wallet, &Person, StdRng)| {
        let started = Instant::now();
        let outcome = agent.answer_opened(wallet, &opened, &mut rng)?;
        progress.inc(1);
        Ok((person.name.clone(), outcome, started.elapsed()))
    };
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let answered = side_by_side(jobs, cores, work).map_err(market::Error::from)?;
    let answered = answered.into_iter().collect::<Result<Vec<_>, market::Error>>()?;
    let parts = u32::try_from(options_parts(cast).len()).unwrap_or(u32::MAX);
    let (mut declined, mut proof_seconds) = (vec![], vec![]);
    for (name, outcome, elapsed) in answered {
        match outcome {
            Outcome::Declined { reasons } => declined
                .push(Declined { person: name.clone(), reasons: reasons.iter().map(ToString::to_string).collect() }),
            Outcome::Admitted { .. } | Outcome::AlreadyAdmitted { .. } => {
                proof_seconds.push(elapsed.checked_div(parts).unwrap_or_default().as_secs_f64());
            }
        }
    }
    progress.finish_and_clear();
    Ok(Answered { declined, proof_seconds })
}

/// A dishonest person tries to get something false in after the honest ones.
fn attack(
    attack: Option<Attack>,
    town: &Town,
    committee: &dyn CommitteeAccess,
    cast: &Cast,
    wallets: &[Wallet],
    query: QueryId,
    rng: &mut StdRng,
) -> Result<Option<AttackReport>, Error> {
    let Some(attack) = attack else { return Ok(None) };
    let first =
        |part| wallets.iter().zip(&cast.people).find(|(_, person)| person.part == part).map(|(wallet, _)| wallet);
    let (attacker, contributor) = (first(Part::Attacks), first(Part::Contributes));
    let roles = Roles { town, committee, query, attacker, contributor, outsider: first(Part::OutsideCriteria) };
    carry_out(attack, &roles, rng).map(Some)
}

fn contributors(cast: &Cast) -> impl Iterator<Item = &Person> {
    cast.people.iter().filter(|person| person.part == Part::Contributes)
}

/// The counts of each variant measured, from the slots of its part.
fn variant_counts(cast: &Cast, parts: &[Layout], slots: &[Vec<i32>]) -> Vec<VariantCounts> {
    let parts = counts(Some(&cast.panel), parts, slots).unwrap_or_default();
    let variants = parts.into_iter().map(|part| match part {
        PartCounts::Variants(variants) => variants,
        PartCounts::Slots(_) => vec![],
    });
    variants.flatten().collect()
}
