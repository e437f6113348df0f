//! The demo's stages, in the order of a query's life.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    consent::ConsentTerms,
    groth16::side_by_side,
    id::{Digest, QueryId, SchemaId},
    record::Genotypes,
};
use market::{
    agent::{Agent, OpenQuery, Outcome},
    aggregator::aggregate,
    committee::access::CommitteeAccess,
    issuer::{Measurements, certify, receive},
    ledger::{act, next_nonce, require_query, tip},
    objects::{BlobKind, put},
    query::QueryFile,
    receipt::{self, Receipt},
    researcher::decrypt,
    so_many,
    wallet::{Protection, Wallet},
};
use node::transaction::{Action, StudyRegistration};
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest as _, Sha256};

use super::{
    DemoOptions, DemoReport, ONTOLOGY,
    attack::{Attack, AttackReport, Roles, carry_out},
    committee::DemoCommittee,
    folder::Unfinished,
    people::{PRICE, Part, Person, Sources, consent, plaintext},
    question::Question,
    recruit::recruit,
    report::{Agreement, Declined, ResultReport, Stage},
    town::Town,
};
use crate::{
    Error,
    cli::{AnalysisOptions, Output, sealing_key, undrawn, write_file, write_private_file},
    reading::Reading,
};

/// Diseases of the Human Disease Ontology by their names; see `tests/data/README.md`.
const DISEASES: &[u8] = include_bytes!("../../../tests/data/demo/doid.obo");

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

/// Plays the demo, in a folder beside the one of the options. An earlier demo's folder is replaced once the result is
/// known.
///
/// # Errors
/// The first stage that fails; its files stay beside. A result that differs from the truth is no error here: the report
/// says so.
pub fn run(options: &DemoOptions, output: &Output) -> Result<DemoReport, Error> {
    let (cast, mut board) = invite(options, output)?;
    let unfinished = Unfinished::begin(&options.dir)?;
    let played = play(&DemoOptions { dir: unfinished.path().into(), ..options.clone() }, cast, &mut board)?;
    let report = played.moved(|file| unfinished.finished(file));
    unfinished.finish()?;
    Ok(report)
}

/// Reads the sources and finds people who can answer the question, before anything is made.
fn invite<'a>(options: &DemoOptions, output: &'a Output) -> Result<(Cast, Stageboard<'a>), Error> {
    let mut board = Stageboard { output, started: Instant::now(), seconds: vec![] };
    let attackers = usize::from(options.attack.is_some());
    let sources = Sources::import(options.vcf.as_deref())?;
    sources.check_number(options.people, attackers)?;
    let question = Question::new(&options.asked, options.epsilon, options.people, &sources)?;
    let people = sources.cast(&question.criteria, options.people, attackers)?;
    let cast = Cast { sources, question, people };
    board.done(
        "import",
        format!("{} people, {} variants ({})", cast.people.len(), cast.sources.panel.variants.len(), cast.sources.name),
    );
    Ok((cast, board))
}

fn play(options: &DemoOptions, cast: Cast, board: &mut Stageboard<'_>) -> Result<DemoReport, Error> {
    let output = board.output;
    let rng = &mut StdRng::from_rng(&mut rand::rng());
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

    let mut wallets = register(options, &town, &cast, rng)?;
    board.done("certify", format!("{} registered by two issuers", so_many(wallets.len(), "record", "records")));

    let query = ask(&town, &cast)?;
    board.done("open query", format!("{query}: {}; asks {}", cast.question.title, cast.question.cohort));

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
    let query_file = options.dir.join("query.toml");
    write_file("query file", &query_file, cast.question.file.to_toml()?.as_bytes())?;
    write_file("ontology", &options.dir.join(ONTOLOGY), DISEASES)?;
    let verified = receipt::verify(&Receipt::open(&path)?, None)?;
    board.done("verify", "the receipt was read back and checked");

    let result = read(options, &town, &cast, query, opened.slots())?;
    board.done("statistics", format!("estimates, tests and {} figures", result.figures.len()));
    let screening = if options.screening { Some(recruit(&town, &cast, &mut wallets, rng)?) } else { None };
    if let Some(recruited) = &screening {
        board.done("recruit", recruited.in_words());
    }
    let truth = plaintext(options.vcf.as_deref()).sums(&cast.question.file, &contributors(&cast))?;
    let agreement = Agreement::of(&result.sums, &truth);
    Ok(DemoReport {
        chain: town.ledger.chain(),
        query,
        title: cast.question.title,
        source: cast.sources.name,
        criteria: cast.question.cohort,
        people: options.people,
        admitted,
        declined,
        proof_seconds,
        attack,
        matches: agreement.holds(),
        agreement,
        result,
        truth,
        paid_each: PRICE,
        screening,
        receipt: path,
        query_file,
        checks: verified.checks().to_vec(),
        timings: board.seconds.clone(),
    })
}

/// Who plays, and what is asked of them.
pub(super) struct Cast {
    pub(super) sources: Sources,
    question: Question,
    pub(super) people: Vec<Person>,
}

/// Reads the sums: statistics, a table and figures.
fn read(
    options: &DemoOptions,
    town: &Town,
    cast: &Cast,
    query: QueryId,
    slots: &[Vec<i32>],
) -> Result<ResultReport, Error> {
    let Sources { schema, panel, .. } = &cast.sources;
    let state = require_query(&*town.ledger, query)?;
    let reading = Reading { id: query, state: &state, quorum: &options.quorum, schema, panel: Some(panel) };
    let file = &cast.question.file;
    let parts = file.parts(schema, Some(panel))?;
    let measures: Vec<_> = file.measures.iter().cloned().zip(parts).collect();
    let analyses = reading.analyze(&measures, slots)?;
    let notes: Vec<_> = reading.notes().into_iter().chain(cast.sources.note.map(str::to_owned)).collect();
    let table = options.dir.join("result.csv");
    let mut written = AnalysisOptions::to(table.clone(), options.dir.join("figures")).write(&analyses, &notes)?;
    written.retain(|path| *path != table);
    let sums = reading.sums(&measures, slots)?;
    let left_out = undrawn(&analyses);
    Ok(ResultReport { slots: slots.to_vec(), analyses, notes, table, figures: written, left_out, sums })
}

/// Registers schema, panel and everybody's record, people alternating between the two hospitals.
fn register(options: &DemoOptions, town: &Town, cast: &Cast, rng: &mut StdRng) -> Result<Vec<Wallet>, Error> {
    let ledger = &*town.ledger;
    let panel = borsh::to_vec(&cast.sources.panel).map_err(|error| Error::Output { why: error.to_string() })?;
    put(&*town.blobs, BlobKind::Panel, panel)?;
    let schema = cast.sources.schema.id()?;
    let [first, ..] = town.parties.issuers.as_slice() else { return Err(no_issuer()) };
    act(ledger, &first.signing_key(), Action::RegisterSchema(cast.sources.schema.clone()))?;

    let today = tip(ledger)?.time.day();
    let protection = Protection::StorageKey(town.parties.custodian.storage_key());
    let mut wallets = vec![];
    let mut enrolled: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for (number, person) in cast.people.iter().enumerate() {
        let path = options.dir.join("wallets").join(format!("{number}.wallet"));
        let mut wallet = Wallet::create(&path, protection.clone(), ledger.chain(), person.name.clone(), rng)?;
        let cohort = u32::try_from(options.people).unwrap_or(u32::MAX);
        let terms = consent(person.part, today, cohort, options.screening, ConsentTerms::random_salt(rng));
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
    Ok(wallets)
}

fn no_issuer() -> Error {
    Error::Input { what: "demo", why: "it has no issuer".into() }
}

fn measure(schema: SchemaId, person: &Person) -> Result<Measurements, Error> {
    let genotypes = Genotypes::new(&person.dosages)?;
    Ok(Measurements { schema, attributes: person.attributes.clone(), genotypes })
}

/// Registers a study and opens its query.
fn ask(town: &Town, cast: &Cast) -> Result<QueryId, Error> {
    let ledger = &*town.ledger;
    let researcher = &town.parties.researcher;
    let key = researcher.signing_key();
    let Question { file, title, .. } = &cast.question;
    let registration = StudyRegistration {
        title: title.clone(),
        protocol: Digest::from_bytes(Sha256::digest(title).into()),
        ethics: "demo, no approval needed: public data".into(),
    };
    let study = registration.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::RegisterStudy(registration))?;
    let Sources { schema, panel, .. } = &cast.sources;
    let file = QueryFile { study, ..file.clone() };
    let query = file.resolve(schema, Some(panel), tip(ledger)?.time.day(), sealing_key(researcher))?;
    let id = query.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::OpenQuery(Box::new(query)))?;
    Ok(id)
}

/// What came of asking everybody.
struct Answered {
    declined: Vec<Declined>,
    /// The wall time of every proof, as many side by side as there are cores.
    proof_seconds: Vec<f64>,
}

fn contributed(admitted: u32, declined: usize, proof_seconds: &[f64]) -> String {
    let count = u32::try_from(proof_seconds.len().max(1)).unwrap_or(u32::MAX);
    let mean = proof_seconds.iter().sum::<f64>() / f64::from(count);
    let admitted = so_many(admitted, "certified contribution", "certified contributions");
    format!(
        "{admitted} admitted ({mean:.2} s a proof: the ciphertext encrypts exactly what the \
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
    let opened = OpenQuery::fetch(agent.ledger, query)?;
    let asked = wallets.iter_mut().zip(&cast.people).filter(|(_, person)| person.part != Part::Attacks);
    let jobs: Vec<_> = asked.map(|(wallet, person)| (wallet, person, StdRng::from_rng(&mut *rng))).collect();
    let progress = output.progress("proving and encrypting", jobs.len());
    let work = |(wallet, person, mut rng): (&mut Wallet, &Person, StdRng)| {
        let outcome = agent.answer_opened(wallet, &opened, &mut rng)?;
        progress.inc(1);
        Ok((person.name.clone(), outcome))
    };
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let answered = side_by_side(jobs, cores, work).map_err(market::Error::from)?;
    let answered = answered.into_iter().collect::<Result<Vec<_>, market::Error>>()?;
    let (mut declined, mut proof_seconds) = (vec![], vec![]);
    for (name, outcome) in answered {
        match outcome {
            Outcome::Declined { reasons } => declined
                .push(Declined { person: name.clone(), reasons: reasons.iter().map(ToString::to_string).collect() }),
            Outcome::Admitted { proof_millis, .. } => {
                proof_seconds
                    .extend(proof_millis.into_iter().map(|millis| Duration::from_millis(millis).as_secs_f64()));
            }
            // Nobody answered before the demo asked.
            Outcome::AlreadyAdmitted { .. } => {}
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

fn contributors(cast: &Cast) -> Vec<String> {
    let contributing = cast.people.iter().filter(|person| person.part == Part::Contributes);
    contributing.map(|person| person.name.clone()).collect()
}
