//! A chain with an issuer pair, a committee, a researcher and people, all in one process, each with its own files.

use std::{
    cell::Cell,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    contribution::{self, ProvingKey},
    criteria::{Clause, Criteria, MatchCriteria},
    eligibility,
    id::{AccountId, Digest, QueryId, StudyId},
    layout::Layout,
    privacy::Epsilon,
    quorum::{MemberIndex, Quorum},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use market::{
    agent::{Agent, OpenQuery, Outcome, Outlook},
    aggregator::aggregate,
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    issuer::{Measurements, certify, receive},
    ledger::{LedgerAccess, LocalLedger, act, next_nonce, require_query, tip},
    objects::Objects,
    sealing::SealingSecretKey,
    wallet::{PartyKey, Protection, Role, StorageKey, Wallet},
};
use node::{
    Ledger, Sequencer,
    genesis::{Committee, Genesis, Member as GenesisMember, Network, Parameters},
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    state::QueryState,
    transaction::{Action, Governance, StudyRegistration},
    units::{Amount, SECONDS_PER_DAY, Timestamp},
    validator::{PeerKey, Validator, ValidatorSet},
};
use rand::{SeedableRng, rngs::StdRng};

pub const TODAY: u32 = 20_000;
pub const PRICE: u64 = 50;
/// Past the attribute's bound that the queries' criteria ask for.
pub const TOO_OLD: u32 = 90;

pub const FEE: u64 = 10;
/// Blocks of each step of a key's generation.
pub const KEY_STEP_BLOCKS_MAX: u32 = 64;
/// Blocks for which members keep what belongs to past keys.
pub const KEY_RETENTION_BLOCKS: u32 = 24;

thread_local! {
    /// How far this test's clock is past [`TODAY`].
    static DAYS_PASSED: Cell<u64> = const { Cell::new(0) };
}

/// Moves the clock of the calling test.
pub fn pass_days(days: u64) {
    DAYS_PASSED.with(|passed| passed.set(passed.get() + days));
}

pub fn today() -> Timestamp {
    Timestamp::new((u64::from(TODAY) + DAYS_PASSED.with(Cell::get)) * SECONDS_PER_DAY)
}

pub fn proving_key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| contribution::insecure_proving_key_from_seed([7; 32]).unwrap())
}

pub fn screening_key() -> &'static eligibility::ProvingKey {
    static KEY: OnceLock<eligibility::ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| eligibility::insecure_proving_key_from_seed([7; 32]).unwrap())
}

pub fn schema() -> Schema {
    let variant = |pos| Variant { chrom: "20".into(), pos, reference: "A".into(), alternate: "G".into() };
    let panel = VariantPanel { build: "GRCh37".into(), variants: [10, 20, 30].map(variant).into() };
    let age = Attribute {
        name: "age".into(),
        unit: "a".into(),
        coding: "LOINC:30525-0".into(),
        scale: 1,
        lo: 0,
        hi: 120,
        digits: 1,
        sensitivity: Sensitivity::Public,
    };
    Schema { name: "tests".into(), attributes: vec![age], panel: panel.reference().unwrap() }
}

/// One person: an age, three dosages, and the purposes consented to.
#[derive(Clone, Copy)]
pub struct Person {
    pub age: u32,
    pub dosages: [Dosage; 3],
    pub purposes: Purposes,
}

pub fn person(age: u32, dosages: [Dosage; 3]) -> Person {
    Person { age, dosages, purposes: Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH) }
}

/// Four people whose sums are known, of ages that the queries ask.
pub fn four_people() -> Vec<Person> {
    use Dosage::{Het, HomAlt, HomRef, Missing};
    [[Het, HomRef, Missing], [Het, HomAlt, HomRef], [HomAlt, HomAlt, Missing], [HomRef, Het, Het]]
        .map(|dosages| person(44, dosages))
        .into()
}

/// Het, homozygous alternate and called of each variant, over [`four_people`].
pub const FOUR_PEOPLE_SUMS: [i32; 96] = three_variants([2, 1, 4, 1, 2, 4, 1, 0, 2]);

/// Sums of a block of 32 variants of which the panel has three.
pub const fn three_variants(sums: [i32; 9]) -> [i32; 96] {
    let mut slots = [0; 96];
    let mut place = 0;
    while place < sums.len() {
        slots[place] = sums[place];
        place += 1;
    }
    slots
}

pub struct World {
    pub root: PathBuf,
    pub ledger: Arc<LocalLedger>,
    pub blobs: Arc<Objects>,
    pub committee: LocalCommittee,
    pub keys: Keys,
    pub rng: StdRng,
}

/// Everybody's keys; the same in every world of one quorum.
#[derive(Clone)]
pub struct Keys {
    pub governor: PartyKey,
    pub validator: PartyKey,
    pub researcher: PartyKey,
    pub issuers: [PartyKey; 2],
    pub members: Vec<PartyKey>,
}

fn keys(quorum: Quorum) -> Keys {
    let mut rng = StdRng::seed_from_u64(1);
    let mut key = |role| PartyKey::random(role, &mut rng);
    Keys {
        governor: key(Role::Governor),
        validator: key(Role::Validator),
        researcher: key(Role::Researcher),
        issuers: [key(Role::Issuer), key(Role::Issuer)],
        members: quorum.all_members().map(|_| key(Role::Member)).collect(),
    }
}

pub fn sealing_key(key: &PartyKey) -> SealingKey {
    SealingKey::new(SealingSecretKey::from_bytes(key.sealing_seed().as_bytes()).public_key().to_bytes())
}

fn genesis(quorum: Quorum, keys: &Keys) -> Genesis {
    let member = |key: &PartyKey| GenesisMember { account: key.account(), sealing: sealing_key(key) };
    Genesis {
        network: Network::Test,
        name: "market tests".into(),
        time: today(),
        parameters: Parameters {
            epoch_blocks: 16,
            exact_period_epochs: 1,
            exact_floor: 2,
            exact_issuers_min: 2,
            exact_genotypes_allowed: true,
            exact_groups_allowed: false,
            epsilon_milli_max: Epsilon::from_milli(10_000),
            opening_fee: Amount::new(FEE),
            query_days_max: 365,
            early_sealing_allowed: true,
            block_seconds_min: 0,
            drift_seconds_max: 60,
            key_step_blocks_max: KEY_STEP_BLOCKS_MAX,
            key_retention_blocks: KEY_RETENTION_BLOCKS,
            fees: node::fees::FeeSchedule::default(),
        },
        balances: [(keys.researcher.account(), Amount::new(1_000_000))].into(),
        governor: keys.governor.account(),
        validators: ValidatorSet::new(vec![validator(keys.validator.account())]).unwrap(),
        committee: Committee { quorum, members: keys.members.iter().map(member).collect() },
        eligibility: screening_key().verifying_key().clone(),
        contribution: proving_key().verifying_key().clone(),
    }
}

/// The terms that every person sets but for the purposes.
pub fn terms(purposes: Purposes, rng: &mut StdRng) -> ConsentTerms {
    ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: purposes.union(Purposes::NOTHING_REQUIRED),
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(TODAY + 400),
        price_min: PRICE,
        epsilon_milli_max: 5_000,
        cohort_min: 2,
        flags: ConsentFlags::EXACT,
    }
}

/// A validator whose node has no peers.
fn validator(account: AccountId) -> Validator {
    Validator { account, peer: PeerKey::from_bytes([1; 32]), address: String::new(), power: 1 }
}

impl World {
    /// Opens or founds the chain and its parties in a folder.
    pub fn open(root: &Path, quorum: Quorum) -> Self {
        Self::open_with(root, quorum, |_| {})
    }

    /// The same under other parameters.
    pub fn open_with(root: &Path, quorum: Quorum, change: fn(&mut Parameters)) -> Self {
        Self::open_by(root, quorum, change, today)
    }

    /// The same by another clock, which is the same in every thread.
    pub fn open_by(root: &Path, quorum: Quorum, change: fn(&mut Parameters), clock: fn() -> Timestamp) -> Self {
        let keys = keys(quorum);
        std::fs::create_dir_all(root).unwrap();
        let mut genesis = genesis(quorum, &keys);
        change(&mut genesis.parameters);
        let ledger = Ledger::open(&root.join("ledger.redb"), genesis).unwrap();
        let sequencer = Sequencer::new(Arc::new(ledger), vec![keys.validator.signing_key()]);
        let ledger = Arc::new(LocalLedger::on_demand(Arc::new(sequencer), clock));
        let blobs = Arc::new(Objects::directory(&root.join("blobs")).unwrap());
        let members = (0..)
            .zip(&keys.members)
            .map(|(index, key)| Member::open(&member_folder(root, index), key.clone(), ledger.as_ref()).unwrap());
        let committee = LocalCommittee::new(members.collect(), Arc::clone(&ledger) as _, Arc::clone(&blobs) as _);
        Self { root: root.into(), ledger, blobs, committee, keys, rng: StdRng::seed_from_u64(2) }
    }

    /// A chain with accredited parties, a schema, and an active committee key.
    pub fn ready(root: &Path, quorum: Quorum) -> Self {
        Self::open(root, quorum).prepared()
    }

    /// Accredits parties, registers the schema and has the committee make its key.
    pub fn prepared(self) -> Self {
        let mut world = self;
        let governor = world.keys.governor.signing_key();
        let accredit =
            |key: &PartyKey, name: &str| Governance::AccreditIssuer { account: key.account(), name: name.into() };
        let researcher = Governance::AccreditResearcher { account: world.keys.researcher.account(), name: "R".into() };
        for governance in [accredit(&world.keys.issuers[0], "A"), accredit(&world.keys.issuers[1], "B"), researcher] {
            act(world.ledger(), &governor, Action::Govern(governance)).unwrap();
        }
        act(world.ledger(), &world.keys.researcher.signing_key(), Action::RegisterSchema(schema())).unwrap();
        world.work();
        world
    }

    /// The account of a member of the genesis.
    pub fn account(&self, index: usize) -> AccountId {
        self.keys.members[index].account()
    }

    pub fn ledger(&self) -> &dyn LedgerAccess {
        self.ledger.as_ref()
    }

    /// Lets the committee do its duties until none is left.
    pub fn work(&mut self) {
        while !self.committee.step(&mut self.rng).unwrap().is_empty() {}
    }

    pub fn pass_blocks(&self, count: u32) {
        (0..count).for_each(|_| drop(self.ledger.produce_block().unwrap()));
    }

    /// Makes empty blocks until the next epoch.
    pub fn pass_epoch(&self) {
        let epoch = tip(self.ledger()).unwrap().epoch;
        while tip(self.ledger()).unwrap().epoch == epoch {
            self.ledger.produce_block().unwrap();
        }
    }

    /// Certified people with wallets, certified by the issuers in turn; their leaves count at once.
    pub fn people(&mut self, people: &[Person]) -> Vec<Wallet> {
        let wallets = (0..).zip(people).map(|(number, person)| self.person(number, *person)).collect();
        self.pass_epoch();
        wallets
    }

    fn person(&mut self, number: usize, person: Person) -> Wallet {
        let (path, chain) = (wallet_path(&self.root, number), self.ledger.chain());
        let mut wallet = Wallet::create(&path, protection(), chain, format!("person {number}"), &mut self.rng).unwrap();
        let enrolment = wallet.enrol(terms(person.purposes, &mut self.rng), None, &mut self.rng).unwrap();
        let mut attributes = [MISSING; ATTRIBUTES];
        attributes[0] = person.age;
        let measured = Measurements {
            schema: schema().id().unwrap(),
            attributes: Attributes::new(attributes),
            genotypes: Genotypes::new(&person.dosages).unwrap(),
        };
        let issuer = &self.keys.issuers[number % 2];
        let certified = certify(self.ledger(), issuer, &[(measured.clone(), enrolment)]).unwrap();
        receive(self.ledger(), &mut wallet, &enrolment, measured, &certified[0]).unwrap();
        wallet
    }

    pub fn study(&self) -> StudyId {
        let key = self.keys.researcher.signing_key();
        let registration = StudyRegistration {
            title: "Allele frequencies".into(),
            protocol: Digest::from_bytes([5; 32]),
            ethics: "EC 2024/1".into(),
        };
        let nonce = next_nonce(self.ledger(), &key).unwrap();
        let id = registration.id(&self.ledger.chain(), &self.keys.researcher.account(), nonce).unwrap();
        act(self.ledger(), &key, Action::RegisterStudy(registration)).unwrap();
        id
    }

    /// Opens a query for a count and for the three variants, among people of 18 to 65.
    pub fn query(&self, contributions_min: u32, contributions_max: u32) -> QueryId {
        self.ask(self.question(contributions_min, contributions_max))
    }

    /// The same with so many blocks for its sum.
    pub fn hurried_query(&self, contributions_min: u32, contributions_max: u32, blocks: u32) -> QueryId {
        let question = self.question(contributions_min, contributions_max);
        self.ask(CohortQuery { aggregate_blocks_max: blocks, ..question })
    }

    /// The same count alone, with this loss of privacy in thousandths of ε.
    pub fn private_query(&self, contributions_min: u32, contributions_max: u32, milli: u32) -> QueryId {
        self.lasting_query(contributions_min, contributions_max, milli, 0)
    }

    /// The same, open for this many days more.
    pub fn lasting_query(&self, contributions_min: u32, contributions_max: u32, milli: u32, days: u32) -> QueryId {
        let privacy = PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(milli) };
        let question = self.question(contributions_min, contributions_max);
        let closing = Day(question.closing.0 + days);
        self.ask(CohortQuery { privacy, parts: vec![Layout::count()], closing, ..question })
    }

    fn question(&self, contributions_min: u32, contributions_max: u32) -> CohortQuery {
        CohortQuery {
            study: self.study(),
            schema: schema().id().unwrap(),
            criteria: Criteria { groups: vec![vec![Clause { attribute: 0, lo: 18, hi: 65, negated: false }]] },
            matching: MatchCriteria::default(),
            issuers: vec![],
            parts: vec![Layout::count(), Layout::genotypes(0, 0, 32)],
            data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
            price: Amount::new(PRICE),
            contributions_min,
            contributions_max,
            privacy: PrivacyMode::Exact,
            opening: Day(TODAY),
            closing: Day(today().day().0 + 30),
            aggregate_blocks_max: 1_000,
            release_blocks_max: 1_000,
            sealing: sealing_key(&self.keys.researcher),
        }
    }

    fn ask(&self, query: CohortQuery) -> QueryId {
        let key = self.keys.researcher.signing_key();
        let nonce = next_nonce(self.ledger(), &key).unwrap();
        let id = query.id(&self.ledger.chain(), &self.keys.researcher.account(), nonce).unwrap();
        act(self.ledger(), &key, Action::OpenQuery(Box::new(query))).unwrap();
        id
    }

    pub fn agent(&self) -> Agent<'_> {
        self.agent_through(self.ledger(), &self.committee)
    }

    pub fn agent_through<'a>(&'a self, ledger: &'a dyn LedgerAccess, committee: &'a dyn CommitteeAccess) -> Agent<'a> {
        Agent { ledger, blobs: self.blobs.as_ref(), committee, proving: proving_key() }
    }

    /// What an agent would do with a query for a wallet, by what the ledger says of who asks.
    pub fn outlook(&self, wallet: &Wallet, query: QueryId) -> Outlook {
        OpenQuery::fetch(self.ledger(), query).unwrap().outlook(self.ledger(), wallet).unwrap()
    }

    pub fn answer_all(&mut self, wallets: &mut [Wallet], query: QueryId) -> Vec<Outcome> {
        let mut rng = StdRng::from_rng(&mut self.rng);
        let outcomes = self.agent().answer_all(wallets, query, NonZeroUsize::new(2).unwrap(), &mut rng).unwrap();
        outcomes.into_iter().map(Result::unwrap).collect()
    }

    /// Retires the committee's key and lets the members make the next.
    pub fn rekey(&mut self) {
        act(self.ledger(), &self.keys.governor.signing_key(), Action::Govern(Governance::RekeyCommittee)).unwrap();
        self.work();
    }

    pub fn seal(&self, query: QueryId) {
        act(self.ledger(), &self.keys.researcher.signing_key(), Action::Seal(query)).unwrap();
    }

    pub fn aggregate(&self, query: QueryId) -> Result<(), market::Error> {
        let sender = self.keys.researcher.signing_key();
        aggregate(self.ledger(), self.blobs.as_ref(), &self.committee, &sender, query).map(|_| ())
    }

    pub fn state(&self, query: QueryId) -> QueryState {
        require_query(self.ledger(), query).unwrap()
    }
}

pub fn protection() -> Protection {
    Protection::StorageKey(StorageKey::from_bytes([9; 32]))
}

pub fn member_folder(root: &Path, index: usize) -> PathBuf {
    root.join(format!("member-{index}"))
}

pub fn wallet_path(root: &Path, number: usize) -> PathBuf {
    root.join("wallets").join(format!("{number}.wallet"))
}

pub fn member(index: u8) -> MemberIndex {
    MemberIndex::new(index)
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
