//! The queue of proofs in front of the mempool: bounded, with a clear answer, and nothing in it is verified in vain.

use std::{
    num::NonZero,
    sync::{Arc, Condvar, Mutex, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

use circuits::{eligibility::EligibilityInstance, groth16::ProofBytes, id::Evaluation, quorum::Quorum};
use node::{
    Claim, Error, Ledger, ProofVerifier, QueryPart,
    screening::{ResponseClaim, ScreeningStatement},
    transaction::Transaction,
};

use crate::world::{DigestInsteadOfPairing, World, genesis, refused};

/// How many proofs may wait, as `node` has it.
const PROOFS_MAX: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what is verified, and holds it up while it is shut.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, usize)>,
    moved: Condvar,
}

impl Gate {
    fn set(&self, shut: bool) {
        self.state.lock().unwrap().0 = shut;
        self.moved.notify_all();
    }

    fn verified(&self) -> usize {
        self.state.lock().unwrap().1
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        drop(self.moved.wait_while(state, |(shut, _)| *shut).unwrap());
    }
}

struct Watched(Arc<Gate>);

impl ProofVerifier for Watched {
    fn challenge(
        &self,
        part: &QueryPart<'_>,
        instance: &EligibilityInstance,
        proof: &ProofBytes,
    ) -> Result<Evaluation, Error> {
        DigestInsteadOfPairing.challenge(part, instance, proof)
    }

    fn verify(&self, part: &QueryPart<'_>, claim: &Claim) -> Result<(), Error> {
        self.0.pass();
        DigestInsteadOfPairing.verify(part, claim)
    }

    fn verify_response(&self, statement: &ScreeningStatement<'_>, claim: &ResponseClaim) -> Result<(), Error> {
        self.0.pass();
        DigestInsteadOfPairing.verify_response(statement, claim)
    }
}

/// A world behind a gate, which is open, with a query that collects.
fn gated() -> (World, Arc<Gate>, circuits::id::QueryId) {
    let gate = Arc::new(Gate::default());
    let proofs = Box::new(Watched(Arc::clone(&gate)));
    let mut world = World::over(Ledger::in_memory(genesis(Quorum::DEFAULT), proofs).unwrap());
    world.prepare();
    let id = world.open(world.query()).unwrap();
    (world, gate, id)
}

#[test]
fn a_node_whose_proofs_queue_is_full_says_so_at_once_and_takes_them_when_it_moves() {
    let (mut world, gate, id) = gated();
    let contribution = Transaction::Contribute(world.contribution(id, 0));
    let (mempool, now) = (Arc::clone(world.sequencer.mempool()), world.now);
    let (tell, outcomes) = channel();
    let submit = || {
        let (mempool, transaction, tell) = (Arc::clone(&mempool), contribution.clone(), tell.clone());
        let sender = move || tell.send(mempool.submit(transaction, now)).unwrap();
        thread::Builder::new().stack_size(256 * 1024).spawn(sender).unwrap()
    };
    gate.set(true);
    // Each thread that verifies has one proof and is held up; then so many wait, and one more finds no room.
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut senders = vec![];
    for busy in 1..=threads {
        senders.push(submit());
        let began = Instant::now();
        while gate.verified() < busy {
            assert!(began.elapsed() < PATIENCE, "thread {busy} verifies nothing");
            thread::sleep(Duration::from_millis(1));
        }
    }
    senders.extend((0..=PROOFS_MAX).map(|_| submit()));
    let busy = outcomes.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(busy, Err(Error::Busy { limit: PROOFS_MAX, .. })), "{busy:?}");
    refused(busy, "1024 transactions for verification wait already: send this one again after the next block");
    assert!(outcomes.try_recv().is_err(), "the others wait");

    gate.set(false);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    drop(tell);
    let outcomes: Vec<_> = outcomes.iter().collect();
    assert_eq!(outcomes.len(), threads + PROOFS_MAX);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "the same one waits once");
    let known = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Duplicate { .. }))).count();
    assert_eq!(known, outcomes.len() - 1);
    // The one that is admitted is tried once more, against what waits; a real verifier remembers it.
    assert_eq!(gate.verified(), threads + 1, "who finds it admitted verifies nothing");
    world.contribute(world.contribution(id, 1)).unwrap();
    assert_eq!(world.block().block.transactions.len(), 2);
}

#[test]
fn a_contribution_that_is_offered_again_is_not_verified_again() {
    let (mut world, gate, id) = gated();
    let contribution = world.contribution(id, 0);
    let before = gate.verified();
    world.contribute(contribution.clone()).unwrap();
    let once = gate.verified();
    assert_eq!(
        once - before,
        2,
        "before the mempool is locked, and against what waits in it, which a real one remembers"
    );
    for _ in 0..3 {
        refused(world.contribute(contribution.clone()), "it need not be sent again");
    }
    assert_eq!(gate.verified(), once);
    world.block();
    let committed = gate.verified();
    refused(world.contribute(contribution), "it need not be sent again");
    assert_eq!(gate.verified(), committed);
}

#[test]
fn repro_a_block_of_more_proofs_than_a_round_verifies_is_refused_whoever_makes_it() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open(world.query()).unwrap();
    let mut contribution = world.contribution(id, 0);
    contribution.parts = vec![contribution.parts[0].clone(); 8];
    let many = vec![Transaction::Contribute(contribution); 65];
    refused(world.ledger().propose(many, world.now).map(drop), "proofs of a block is 520; the limit is 512");
}
