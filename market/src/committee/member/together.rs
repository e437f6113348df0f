//! Proofs that come while others are verified wait for them, and are then verified together. Nobody waits for a batch to
//! fill: a proof that comes alone is verified at once.

use std::sync::{
    Mutex, PoisonError,
    mpsc::{SyncSender, TryRecvError, sync_channel},
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

/// Claims that wait, each with where its verdict goes.
#[derive(Debug)]
struct Batches<Claim> {
    waiting: Mutex<Vec<(Claim, SyncSender<Verdict>)>>,
    /// Held by whoever verifies for all that wait.
    turn: Mutex<()>,
}

impl<Claim> Default for Batches<Claim> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: Mutex::default() }
    }
}

impl<Claim> Batches<Claim> {
    /// The claim's verdict: from whoever verified it with others meanwhile, or from this thread, which then verifies
    /// what waits in front of it too.
    fn verdict(&self, claim: Claim, verify_all: impl Fn(&[Claim]) -> Vec<Verdict>) -> Verdict {
        let (tell, told) = sync_channel(1);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((claim, tell));
        loop {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            match told.try_recv() {
                Ok(verdict) => return verdict,
                Err(TryRecvError::Empty) => self.verify_next(&verify_all),
                // Who verified it panicked, which was reported then.
                Err(TryRecvError::Disconnected) => {
                    return Err(Error::ProofRefused { why: "its verification was cut off; send it again" });
                }
            }
        }
    }

    fn verify_next(&self, verify_all: impl Fn(&[Claim]) -> Vec<Verdict>) {
        let (claims, tell): (Vec<_>, Vec<_>) = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let together = waiting.len().min(BATCH_MAX);
            waiting.drain(..together).unzip()
        };
        for (tell, verdict) in tell.iter().zip(verify_all(&claims)) {
            // There is room for one verdict, and it is the only one.
            let _ = tell.send(verdict);
        }
    }
}

/// Verifies the contributions to one part of a query.
#[derive(Debug)]
pub(super) struct PartVerifier {
    verifier: ContributionVerifier,
    batches: Batches<(EligibilityInstance, UnverifiedContribution)>,
}

impl PartVerifier {
    pub(super) fn new(verifier: ContributionVerifier) -> Self {
        Self { verifier, batches: Batches::default() }
    }

    /// The verifier itself, for challenges.
    pub(super) const fn verifier(&self) -> &ContributionVerifier {
        &self.verifier
    }

    /// Verifies a contribution, together with those that other threads bring meanwhile.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when this contribution's encoding or pairing equation fails, whatever the others are.
    pub(super) fn verify(&self, instance: &EligibilityInstance, contribution: &UnverifiedContribution) -> Verdict {
        self.batches.verdict((*instance, *contribution), |claims| {
            if claims.len() > 1 && self.verifier.verify_batch(claims).is_ok() {
                return vec![Ok(()); claims.len()];
            }
            claims
                .iter()
                .map(|(instance, contribution)| self.verifier.verify(instance, contribution).map(drop))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Barrier},
        thread,
    };

    use super::*;

    fn odd(claims: &[usize]) -> Vec<Verdict> {
        let verdict = |claim: &usize| match claim % 2 {
            0 => Err(Error::ProofRefused { why: "it is even" }),
            _ => Ok(()),
        };
        claims.iter().map(verdict).collect()
    }

    #[test]
    fn a_claim_that_comes_alone_is_verified_at_once_and_alone() {
        let batches = Batches::default();
        for claim in 0..4 {
            let verdict = batches.verdict(claim, |claims| {
                assert_eq!(claims, [claim]);
                odd(claims)
            });
            assert_eq!(verdict, odd(&[claim])[0]);
        }
    }

    #[test]
    fn claims_that_come_while_another_is_verified_are_verified_together_and_each_gets_its_own_verdict() {
        const BEHIND: usize = BATCH_MAX + 8;
        let batches = Arc::new(Batches::default());
        let sizes = Arc::new(Mutex::new(vec![]));
        let (begun, all_wait) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let first = {
            let (batches, begun, all_wait) = (Arc::clone(&batches), Arc::clone(&begun), Arc::clone(&all_wait));
            thread::spawn(move || {
                batches.verdict(1, |claims| {
                    begun.wait();
                    all_wait.wait();
                    odd(claims)
                })
            })
        };
        begun.wait();
        let behind: Vec<_> = (2..2 + BEHIND)
            .map(|claim| {
                let (batches, sizes) = (Arc::clone(&batches), Arc::clone(&sizes));
                let verify = move |claims: &[usize]| {
                    sizes.lock().unwrap().push(claims.len());
                    odd(claims)
                };
                (claim, thread::spawn(move || batches.verdict(claim, verify)))
            })
            .collect();
        while batches.waiting.lock().unwrap().len() < BEHIND {
            thread::yield_now();
        }
        all_wait.wait();
        assert_eq!(first.join().unwrap(), Ok(()));
        for (claim, behind) in behind {
            assert_eq!(behind.join().unwrap(), odd(&[claim])[0], "{claim}");
        }
        assert_eq!(*sizes.lock().unwrap(), [BATCH_MAX, BEHIND - BATCH_MAX]);
    }

    #[test]
    fn a_verification_that_panics_stops_nobody_who_comes_later() {
        let batches = Batches::default();
        let panics = AssertUnwindSafe(|| batches.verdict(1, |_| panic!("a test's own")));
        assert!(catch_unwind(panics).is_err());
        assert_eq!(batches.verdict(3, odd), Ok(()));
    }
}
