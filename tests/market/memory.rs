//! The memory that adding up takes: the same for a large cohort as for a small one, for whoever aggregates and for a member of
//! the committee. Each cohort is added up in a process of its own, whose greatest resident memory the system tells.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use circuits::{
    id::{AccountId, ChainId, Digest, EpochRoot, Nullifier, QueryId, ScopeNullifier},
    quorum::Quorum,
    rlwe::params::CIPHERTEXT_BYTES,
};
use market::{
    Error,
    aggregator::sum,
    committee::{access::SignAggregate, member::Member},
    ledger::{LedgerAccess, TransactionStatus},
    objects::{BlobKind, Objects, put},
    wallet::{PartyKey, Role},
};
use node::{
    StateProof,
    block::Block,
    genesis::Genesis,
    light::Handover,
    state::{AdmittedPart, ContributionState, QueryState, QueryStatus, StateKey, StateView},
    transaction::{ContributionSetHasher, Transaction, TransactionId},
    units::{ContributionIndex, Height},
};

use crate::world::{World, protection};

/// Where the child finds the query and the ciphertexts, who adds up, and how many contribute.
const FOLDER: &str = "LOCUS_TEST_MEMORY_FOLDER";
const WHO: &str = "LOCUS_TEST_MEMORY_WHO";
const PEOPLE: &str = "LOCUS_TEST_MEMORY_PEOPLE";
const AGGREGATOR: &str = "aggregator";
const MEMBER: &str = "member";
/// What adding up may take beside what the process held before, in KiB: a sum of 512 KiB and a ciphertext of 96 KiB at most
/// for each of two parts, and what the allocator keeps.
const GROWTH_MAX_KIB: u64 = 8 << 10;
/// How much more 1,000 contributions may take than 50, in KiB. Their ciphertexts together have 187 MiB more; what a member
/// knows of each are its nullifier and its own notes, some 200 bytes.
const MORE_MAX_KIB: u64 = 2 << 10;
/// Different ciphertexts, which take turns.
const CIPHERTEXTS: usize = 16;

/// A ledger of one query to which as many contributed as it says, made up from a few ciphertexts.
struct Cohort {
    genesis: Genesis,
    chain: ChainId,
    id: QueryId,
    state: QueryState,
    ciphertexts: Vec<Digest>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Cohort {
    /// Of the query and the genesis in a folder, sealed.
    fn open(folder: &Path, people: u32, ciphertexts: Vec<Digest>) -> Self {
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        let genesis: Genesis = borsh::from_slice(&read("genesis")).unwrap();
        let (id, state): (QueryId, QueryState) = borsh::from_slice(&read("query")).unwrap();
        let key = |number| StateKey::Contribution(id, ContributionIndex::new(number)).encode().unwrap();
        let numbers = (0..people).map(|number| (key(number), number)).collect();
        let state = QueryState { admitted: people, surviving: people, ..state };
        let mut cohort = Self { chain: genesis.chain_id().unwrap(), genesis, id, state, ciphertexts, numbers };
        let mut set = ContributionSetHasher::new(&id, people, cohort.state.query.parts.len());
        (0..people).for_each(|number| set.add(ContributionIndex::new(number), &cohort.contribution(number)));
        cohort.state.status = QueryStatus::Sealed { height: Height::new(1), set: set.finish().unwrap() };
        cohort
    }

    fn set(&self) -> Digest {
        let QueryStatus::Sealed { set, .. } = self.state.status else { panic!("{:?}", self.state.status) };
        set
    }

    fn contribution(&self, number: u32) -> ContributionState {
        let mut nullifier = [0; 32];
        nullifier[..4].copy_from_slice(&number.to_le_bytes());
        let part = |part: usize| AdmittedPart {
            root: EpochRoot::from_bytes(&[0; 32]).unwrap(),
            nullifier: Nullifier::from_bytes(&nullifier).unwrap(),
            scope_nullifier: ScopeNullifier::from_bytes(&[0; 32]).unwrap(),
            ciphertext: self.ciphertexts[(number as usize + part) % self.ciphertexts.len()],
        };
        ContributionState {
            payout: AccountId::from_bytes([1; 32]),
            parts: (0..self.state.query.parts.len()).map(part).collect(),
            transaction: TransactionId::from_digest(Digest::from_bytes([2; 32])),
            height: Height::new(1),
            withdrawn: false,
        }
    }
}

impl StateView for Cohort {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        if key == StateKey::Query(self.id).encode()? {
            return Ok(Some(borsh::to_vec(&self.state).unwrap()));
        }
        Ok(self.numbers.get(key).map(|number| borsh::to_vec(&self.contribution(*number)).unwrap()))
    }
}

/// Adding up asks for the query and its contributions alone.
impl LedgerAccess for Cohort {
    fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    fn chain(&self) -> ChainId {
        self.chain
    }

    fn submit(&self, _: Transaction) -> Result<TransactionId, Error> {
        panic!("nothing is sent")
    }

    fn status(&self, _: TransactionId) -> Result<TransactionStatus, Error> {
        panic!("nothing was sent")
    }

    fn block(&self, _: Height) -> Result<Option<Block>, Error> {
        panic!("no block is asked for")
    }

    fn handovers(&self, _: Height) -> Result<Vec<Handover>, Error> {
        panic!("no handover is asked for")
    }

    fn prove(&self, _: Height, _: StateKey) -> Result<StateProof, Error> {
        panic!("no proof is asked for")
    }

    fn queries(&self) -> Result<Vec<QueryId>, Error> {
        panic!("no list is asked for")
    }
}

/// Memory of this process, in KiB.
fn resident(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What the child process runs; alone, it does nothing.
#[test]
fn child_that_adds_up() {
    let (Ok(folder), Ok(who), Ok(people)) = (env::var(FOLDER), env::var(WHO), env::var(PEOPLE)) else { return };
    let folder = Path::new(&folder);
    let blobs = Objects::directory(&folder.join("objects")).unwrap();
    let cohort = Cohort::open(folder, people.parse().unwrap(), stored(&blobs));
    let member = (who == MEMBER).then(|| member(folder, &cohort));
    // Linux sets the peak back to what is resident (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmRSS:");
    match &member {
        None => {
            let sums = sum(&cohort, &blobs, cohort.id, &cohort.state, &mut |_| Ok(())).unwrap();
            assert_eq!(sums.len(), cohort.state.query.parts.len());
        }
        // Asked to sign none, it says once it has its own sums that they are others.
        Some(member) => {
            let request = SignAggregate { query: cohort.id, set: cohort.set(), parts: vec![] };
            let refused = member.sign(&cohort, &blobs, &request).unwrap_err().to_string();
            assert!(refused.contains("its own sums of the frozen set are others"), "{refused}");
        }
    }
    let growth = resident("VmHWM:").saturating_sub(before);
    println!("\ngrowth {growth}");
}

/// A member that attested every ciphertext of the cohort: its folder notes each, by part, nullifier and digest.
fn member(folder: &Path, cohort: &Cohort) -> Member {
    let key = PartyKey::open(&folder.join("member.key"), Role::Member, &protection()).unwrap();
    let store = folder.join("member");
    let uploads = store.join(format!("epochs/{}/uploads", cohort.state.committee));
    fs::create_dir_all(&uploads).unwrap();
    let mut notes = vec![];
    for number in 0..cohort.state.admitted {
        for (part, admitted) in (0u8..).zip(&cohort.contribution(number).parts) {
            borsh::to_writer(&mut notes, &(part, admitted.nullifier, admitted.ciphertext)).unwrap();
        }
    }
    fs::write(uploads.join(cohort.id.to_string()), notes).unwrap();
    Member::open(&store, key, cohort).unwrap()
}

/// A few ciphertexts that nobody encrypted: their numbers are small, and so canonical.
fn stored(blobs: &Objects) -> Vec<Digest> {
    let ciphertext = |number: usize| {
        let mut bytes = vec![0; CIPHERTEXT_BYTES];
        bytes[0] = u8::try_from(number).unwrap();
        put(blobs, BlobKind::Ciphertext, bytes).unwrap()
    };
    (0..CIPHERTEXTS).map(|number| ciphertext(number).digest).collect()
}

/// By how much adding up so many contributions makes a process grow, in KiB.
fn growth(folder: &Path, who: &str, people: u32) -> u64 {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "memory::child_that_adds_up"]);
    command.env(FOLDER, folder).env(WHO, who).env(PEOPLE, people.to_string()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<u64> = lines.filter_map(|line| line.strip_prefix("growth ")?.parse().ok()).collect();
    assert!(child.wait().unwrap().success());
    println!("{who}, {people} contributions: {said:?} KiB");
    said[0]
}

#[test]
fn adding_up_takes_no_more_memory_for_a_thousand_contributions_than_for_fifty() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    world.pass_epoch();
    let id = world.query(2, 1_000);
    let state = world.state(id);
    assert_eq!(state.query.parts.len(), 2);
    fs::write(folder.path().join("query"), borsh::to_vec(&(id, state)).unwrap()).unwrap();
    fs::write(folder.path().join("genesis"), borsh::to_vec(world.ledger().genesis()).unwrap()).unwrap();
    world.keys.members[0].create(&folder.path().join("member.key"), &protection()).unwrap();
    let objects = Arc::new(Objects::directory(&folder.path().join("objects")).unwrap());
    stored(&objects);
    for who in [AGGREGATOR, MEMBER] {
        let [few, many] = [50, 1_000].map(|people| growth(folder.path(), who, people));
        assert!(few <= GROWTH_MAX_KIB && many <= GROWTH_MAX_KIB, "{who}: {few} KiB for 50, {many} KiB for 1,000");
        assert!(many <= few + MORE_MAX_KIB, "{who}: {few} KiB for 50, {many} KiB for 1,000");
    }
}
