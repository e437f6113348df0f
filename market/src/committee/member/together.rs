//! Proofs that come while every core verifies others wait, and are then verified together. Nobody waits for a batch to
//! fill: a proof that finds a core free is verified at once.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use circuits::{
    Error,
    contribution::{ContributionVerifier, UnverifiedContribution},
    eligibility::EligibilityInstance,
};

/// Proofs that are verified together at most; whoever is behind them waits for the next batch.
const BATCH_MAX: usize = 64;

/// Whether one claim holds.
type Verdict = Result<(), Error>;

/// A claim whose thread waits.
#[derive(Debug)]
struct Waiting<Claim> {
    claim: Claim,
    tell: SyncSender<Told<Claim>>,
}

/// What a thread that waits is told.
#[derive(Debug)]
enum Told<Claim> {
    Verdict(Verdict),
    /// It is this thread's turn to verify a batch, in which its own claim is the first.
    Lead(Vec<Waiting<Claim>>),
}

#[derive(Debug)]
struct Queue<Claim> {
    /// Nobody waits while there are fewer leaders than may be.
    waiting: VecDeque<Waiting<Claim>>,
    /// Threads that verify.
    leaders: usize,
}

/// Claims, verified by the threads that bring them: each leads one batch at most, and hands the lead on.
#[derive(Debug)]
struct Batches<Claim> {
    queue: Mutex<Queue<Claim>>,
    leaders_max: NonZeroUsize,
}

/// A thread's lead, which the first that waits gets next, whatever becomes of this thread.
struct Lead<'b, Claim>(&'b Batches<Claim>);

impl<Claim> Drop for Lead<'_, Claim> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let together = queue.waiting.len().min(BATCH_MAX);
        let batch: Vec<_> = queue.waiting.drain(..together).collect();
        let next = batch.first().map(|first| first.tell.clone());
        if next.is_none_or(|next| next.send(Told::Lead(batch)).is_err()) {
            queue.leaders -= 1;
        }
    }
}

impl<Claim> Batches<Claim> {
    const fn new(leaders_max: NonZeroUsize) -> Self {
        Self { queue: Mutex::new(Queue { waiting: VecDeque::new(), leaders: 0 }), leaders_max }
    }

    /// The claim's verdict; none when the thread that verified it panicked, which was reported then.
    fn verdict(&self, claim: Claim, verify_all: impl Fn(&[Claim]) -> Vec<Verdict>) -> Option<Verdict> {
        // There is room for one word, and nobody is told a second before the first is heard.
        let (tell, told) = sync_channel(1);
        if let Some(alone) = self.enter(Waiting { claim, tell }) {
            self.lead(alone, &verify_all);
        }
        loop {
            match told.recv().ok()? {
                Told::Verdict(verdict) => return Some(verdict),
                Told::Lead(batch) => self.lead(batch, &verify_all),
            }
        }
    }

    /// Gives the claim back as a batch of its own if a thread may lead, or lets it wait.
    fn enter(&self, own: Waiting<Claim>) -> Option<Vec<Waiting<Claim>>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.leaders < self.leaders_max.get() {
            queue.leaders += 1;
            return Some(vec![own]);
        }
        queue.waiting.push_back(own);
        None
    }

    fn lead(&self, batch: Vec<Waiting<Claim>>, verify_all: impl Fn(&[Claim]) -> Vec<Verdict>) {
        let _lead = Lead(self);
        let (claims, tell): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.claim, waiting.tell)).unzip();
        for (tell, verdict) in tell.iter().zip(verify_all(&claims)) {
            // Its thread waits for nothing else.
            let _ = tell.send(Told::Verdict(verdict));
        }
    }
}

/// What is proven, and its proof.
type Claim = (EligibilityInstance, UnverifiedContribution);

/// Verifies the contributions to one part of a query.
#[derive(Debug)]
pub(super) struct PartVerifier {
    verifier: ContributionVerifier,
    batches: Batches<Claim>,
}

impl PartVerifier {
    /// As many threads verify at once as there are cores.
    pub(super) fn new(verifier: ContributionVerifier) -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { verifier, batches: Batches::new(cores) }
    }

    /// The verifier itself, for challenges.
    pub(super) const fn verifier(&self) -> &ContributionVerifier {
        &self.verifier
    }

    /// Verifies a contribution, together with those that other threads bring meanwhile. None when the verification was cut
    /// off by a fault that was reported. Blocks: never call it from a thread that others' work waits for.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when this contribution's encoding or pairing equation fails, whatever the others are.
    pub(super) fn verify(&self, instance: &EligibilityInstance, proven: &UnverifiedContribution) -> Option<Verdict> {
        self.batches.verdict((*instance, *proven), |claims| self.verify_all(claims))
    }

    /// Each claim's own verdict. A batch with a false claim is verified one by one.
    fn verify_all(&self, claims: &[Claim]) -> Vec<Verdict> {
        if claims.len() > 1 && self.verifier.verify_batch(claims).is_ok() {
            return vec![Ok(()); claims.len()];
        }
        claims.iter().map(|(instance, contribution)| self.verifier.verify(instance, contribution).map(drop)).collect()
    }
}

#[cfg(test)]
#[path = "../../../../tests/statements.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod statements;

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            Arc, Barrier,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn odd(claims: &[usize]) -> Vec<Verdict> {
        let verdict = |claim: &usize| match claim % 2 {
            0 => Err(Error::ProofRefused { why: "it is even" }),
            _ => Ok(()),
        };
        claims.iter().map(verdict).collect()
    }

    /// What came of claims that waited behind another.
    struct Behind {
        verdicts: Vec<(usize, Option<Verdict>)>,
        /// How many were verified together each time.
        sizes: Vec<usize>,
        /// Whether the first had a verdict.
        first: bool,
    }

    /// Leaves so many claims waiting behind one that is being verified.
    fn behind_one(behind: usize, panics: bool) -> Behind {
        let batches = Arc::new(Batches::new(ONE));
        let sizes = Arc::new(Mutex::new(vec![]));
        let (begun, all_wait) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let first = {
            let (batches, begun, all_wait) = (Arc::clone(&batches), Arc::clone(&begun), Arc::clone(&all_wait));
            let verify = move |claims: &[usize]| {
                begun.wait();
                all_wait.wait();
                assert!(!panics, "a test's own");
                odd(claims)
            };
            thread::spawn(move || batches.verdict(1, verify))
        };
        begun.wait();
        let threads: Vec<_> = (2..2 + behind)
            .map(|claim| {
                let (batches, sizes) = (Arc::clone(&batches), Arc::clone(&sizes));
                let verify = move |claims: &[usize]| {
                    sizes.lock().unwrap().push(claims.len());
                    odd(claims)
                };
                (claim, thread::spawn(move || batches.verdict(claim, verify)))
            })
            .collect();
        while batches.queue.lock().unwrap().waiting.len() < behind {
            thread::yield_now();
        }
        all_wait.wait();
        let first = first.join().is_ok();
        let verdicts = threads.into_iter().map(|(claim, thread)| (claim, thread.join().unwrap())).collect();
        assert_eq!(batches.queue.lock().unwrap().leaders, 0, "a lead was lost");
        let sizes = sizes.lock().unwrap().clone();
        Behind { verdicts, sizes, first }
    }

    #[test]
    fn a_claim_that_comes_alone_is_verified_at_once_and_alone() {
        let batches = Batches::new(ONE);
        for claim in 0..4 {
            let verdict = batches.verdict(claim, |claims| {
                assert_eq!(claims, [claim]);
                odd(claims)
            });
            assert_eq!(verdict.unwrap(), odd(&[claim])[0]);
        }
    }

    #[test]
    fn claims_that_come_while_another_is_verified_are_verified_together_and_each_gets_its_own_verdict() {
        let Behind { verdicts, sizes, first } = behind_one(BATCH_MAX + 8, false);
        assert!(first);
        assert_eq!(sizes, [BATCH_MAX, 8]);
        for (claim, verdict) in verdicts {
            assert_eq!(verdict.unwrap(), odd(&[claim])[0], "{claim}");
        }
    }

    #[test]
    fn a_verification_that_panics_stops_nobody_who_waits_behind_it_or_comes_later() {
        let Behind { verdicts, sizes, first } = behind_one(3, true);
        assert!(!first && sizes == [3]);
        assert!(verdicts.into_iter().all(|(claim, verdict)| verdict.unwrap() == odd(&[claim])[0]));
    }

    #[test]
    fn whoever_is_in_a_batch_that_panics_is_told_that_it_was_cut_off() {
        let batches = Arc::new(Batches::new(ONE));
        let (begun, both_wait) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let first = {
            let (batches, begun, both_wait) = (Arc::clone(&batches), Arc::clone(&begun), Arc::clone(&both_wait));
            let verify = move |claims: &[usize]| {
                begun.wait();
                both_wait.wait();
                odd(claims)
            };
            thread::spawn(move || batches.verdict(1, verify))
        };
        begun.wait();
        let threads = [3, 5].map(|claim| {
            let batches = Arc::clone(&batches);
            let panics = move || batches.verdict(claim, |_: &[usize]| -> Vec<Verdict> { panic!("a test's own") });
            thread::spawn(move || catch_unwind(AssertUnwindSafe(panics)))
        });
        while batches.queue.lock().unwrap().waiting.len() < 2 {
            thread::yield_now();
        }
        both_wait.wait();
        assert_eq!(first.join().unwrap(), Some(Ok(())));
        let outcomes = threads.map(|thread| thread.join().unwrap());
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1, "one led");
        assert!(outcomes.into_iter().flatten().all(|verdict| verdict.is_none()), "the other was cut off");
        assert_eq!(batches.verdict(7, odd), Some(Ok(())), "and nobody else is");
    }

    #[test]
    fn as_many_verify_at_once_as_may() {
        let batches = Batches::new(NonZeroUsize::new(2).unwrap());
        let (met, waits) = (Barrier::new(2), AtomicBool::new(true));
        let verify = |claims: &[usize]| {
            if waits.load(Ordering::SeqCst) {
                met.wait();
            }
            odd(claims)
        };
        thread::scope(|scope| {
            let both = [1, 3].map(|claim| {
                scope.spawn({
                    let batches = &batches;
                    move || batches.verdict(claim, verify)
                })
            });
            assert!(both.into_iter().all(|thread| thread.join().unwrap() == Some(Ok(()))));
        });
        waits.store(false, Ordering::SeqCst);
        assert_eq!(batches.verdict(2, verify), Some(Err(Error::ProofRefused { why: "it is even" })));
    }

    #[test]
    fn true_proofs_hold_together_and_a_false_one_among_them_is_refused_alone() {
        let key = circuits::contribution::insecure_proving_key_from_seed([0; 32]).unwrap();
        let (terms, committee) = (statements::contribution_terms(), statements::committee());
        let verifier = PartVerifier::new(ContributionVerifier::new(key.verifying_key(), &terms, &committee).unwrap());
        let sound = statements::contributed(&key);
        let mut forged = sound;
        forged.1.opening.c0 = forged.1.opening.c1;
        assert!(verifier.verify_all(&[sound; 3]).iter().all(Result::is_ok));
        let verdicts = verifier.verify_all(&[sound, forged, sound]);
        assert!(verdicts[0].is_ok() && verdicts[1].is_err() && verdicts[2].is_ok(), "{verdicts:?}");
        assert!(verifier.verify_all(&[forged])[0].is_err());
        assert_eq!(verifier.verify(&sound.0, &sound.1), Some(Ok(())));
    }
}
