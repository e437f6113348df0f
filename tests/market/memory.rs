//! The memory that adding up takes: the same for a large cohort as for a small one. Each cohort is added up in a process of its
//! own, whose greatest resident memory the system tells.

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
    ledger::{LedgerAccess, TransactionStatus},
    objects::{BlobKind, Objects, put},
};
use node::{
    StateProof,
    block::Block,
    genesis::Genesis,
    light::Handover,
    state::{AdmittedPart, ContributionState, QueryState, StateKey, StateView},
    transaction::{Transaction, TransactionId},
    units::{ContributionIndex, Height},
};

use crate::world::World;

/// Where the child finds the query and the ciphertexts, and how many contribute.
const FOLDER: &str = "LOCUS_TEST_MEMORY_FOLDER";
const PEOPLE: &str = "LOCUS_TEST_MEMORY_PEOPLE";
/// What adding up may take beside what the process held before, in KiB: a sum of 512 KiB and a ciphertext of 96 KiB at most
/// for each of two parts, and what the allocator keeps.
const GROWTH_MAX_KIB: u64 = 8 << 10;
/// How much more 1,000 contributions may take than 50, in KiB. Their ciphertexts together have 187 MiB more.
const MORE_MAX_KIB: u64 = 2 << 10;
/// Different ciphertexts, which take turns.
const CIPHERTEXTS: usize = 16;

/// A ledger of one query to which as many contributed as it says, made up from a few ciphertexts.
struct Cohort(HashMap<Vec<u8>, u32>, Vec<Digest>, QueryState);

impl Cohort {
    fn new(id: QueryId, people: u32, ciphertexts: Vec<Digest>, state: QueryState) -> Self {
        let key = |number| StateKey::Contribution(id, ContributionIndex::new(number)).encode().unwrap();
        Self(
            (0..people).map(|number| (key(number), number)).collect(),
            ciphertexts,
            QueryState { admitted: people, ..state },
        )
    }

    fn contribution_bytes(&self, number: u32) -> Vec<u8> {
        let part = |part: usize| AdmittedPart {
            root: EpochRoot::from_bytes(&[0; 32]).unwrap(),
            nullifier: Nullifier::from_bytes(&[0; 32]).unwrap(),
            scope_nullifier: ScopeNullifier::from_bytes(&[0; 32]).unwrap(),
            ciphertext: self.1[(number as usize + part) % self.1.len()],
        };
        let state = ContributionState {
            payout: AccountId::from_bytes([1; 32]),
            parts: (0..self.2.query.parts.len()).map(part).collect(),
            transaction: TransactionId::from_digest(Digest::from_bytes([2; 32])),
            height: Height::new(1),
            withdrawn: false,
        };
        borsh::to_vec(&state).unwrap()
    }
}

impl StateView for Cohort {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        Ok(self.0.get(key).map(|number| self.contribution_bytes(*number)))
    }
}

/// Adding up asks for contributions alone.
impl LedgerAccess for Cohort {
    fn genesis(&self) -> &Genesis {
        panic!("the genesis is not asked for")
    }

    fn chain(&self) -> ChainId {
        panic!("the chain is not asked for")
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
    let (Ok(folder), Ok(people)) = (env::var(FOLDER), env::var(PEOPLE)) else { return };
    let folder = Path::new(&folder);
    let state: QueryState = borsh::from_slice(&fs::read(folder.join("query")).unwrap()).unwrap();
    let blobs = Objects::directory(&folder.join("objects")).unwrap();
    let digests = stored(&blobs);
    let id = QueryId::from_bytes([3; 32]);
    let cohort = Cohort::new(id, people.parse().unwrap(), digests, state);
    // Linux sets the peak back to what is resident (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmRSS:");
    let sums = sum(&cohort, &blobs, id, &cohort.2, &mut |_| Ok(())).unwrap();
    let growth = resident("VmHWM:").saturating_sub(before);
    assert_eq!(sums.len(), cohort.2.query.parts.len());
    println!("\ngrowth {growth}");
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
fn growth(folder: &Path, people: u32) -> u64 {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "memory::child_that_adds_up"]);
    command.env(FOLDER, folder).env(PEOPLE, people.to_string()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<u64> = lines.filter_map(|line| line.strip_prefix("growth ")?.parse().ok()).collect();
    assert!(child.wait().unwrap().success());
    println!("{people} contributions: {said:?} KiB");
    said[0]
}

#[test]
fn adding_up_takes_no_more_memory_for_a_thousand_contributions_than_for_fifty() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    world.pass_epoch();
    let state = world.state(world.query(2, 1_000));
    assert_eq!(state.query.parts.len(), 2);
    fs::write(folder.path().join("query"), borsh::to_vec(&state).unwrap()).unwrap();
    let objects = Arc::new(Objects::directory(&folder.path().join("objects")).unwrap());
    stored(&objects);
    let [few, many] = [50, 1_000].map(|people| growth(folder.path(), people));
    assert!(few <= GROWTH_MAX_KIB && many <= GROWTH_MAX_KIB, "{few} KiB for 50, {many} KiB for 1,000");
    assert!(many <= few + MORE_MAX_KIB, "{few} KiB for 50, {many} KiB for 1,000");
}
