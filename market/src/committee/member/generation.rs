//! A member's duties in key generation: commit, reveal once all are committed, check, confirm or complain.

use circuits::quorum::MemberIndex;
use node::{
    state::{CommitteeStage, CommitteeState, StateRead},
    transaction::{Action, CommitteeCommit, CommitteeComplain, CommitteeConfirm, CommitteeReveal, CommitteeShare},
    units::CommitteeEpoch,
};
use rand::CryptoRng;

use super::{Duty, Member};
use crate::{
    Error,
    committee::{
        Dealer, KeyGenerationOutcome, Receiver, ShareReveal,
        key::{commitments, reveals, session},
    },
    ledger::{LedgerAccess, act, act_all, tip},
    objects::{BlobAccess, BlobKind, offer},
    sealing::SealingSecretKey,
};

impl Member {
    /// The next step of the key in the making, if one is this member's to take.
    pub(super) fn generate(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Option<Duty>, Error> {
        let epoch = ledger.committee_epoch()?.unwrap_or_default();
        if let Some(earlier) = epoch.get().checked_sub(1) {
            // That attempt was abandoned or its key retired; what was dealt for it serves nobody.
            self.store.forget_dealer(CommitteeEpoch::new(earlier))?;
        }
        let Some(index) = self.index(ledger, epoch)? else { return Ok(None) };
        let state = ledger.committee(epoch)?.unwrap_or_default();
        let step = match state.stage {
            CommitteeStage::Committing => self.commit(ledger, (epoch, index), &state, rng),
            CommitteeStage::Confirming => self.confirm(ledger, blobs, (epoch, index), &state, rng),
            _ => self.store.forget_dealer(epoch).map(|()| None),
        };
        if matches!(step, Ok(Some(_))) || !self.is_overdue(ledger, epoch, &state)? {
            return step;
        }
        act(ledger, &self.key.signing_key(), Action::CommitteeExpire(epoch))?;
        Ok(Some(Duty::Expired { epoch }))
    }

    fn dealer(
        &self,
        ledger: &dyn LedgerAccess,
        (epoch, index): (CommitteeEpoch, MemberIndex),
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Dealer, Error> {
        if let Some(dealer) = self.store.dealer(epoch)? {
            return Ok(dealer);
        }
        let session = session(ledger.chain(), epoch, &*self.committee(ledger, epoch)?)?;
        let (dealer, _) = Dealer::begin(session, index, rng)?;
        self.store.save_dealer(epoch, &dealer)?;
        Ok(dealer)
    }

    fn commit(
        &self,
        ledger: &dyn LedgerAccess,
        (epoch, index): (CommitteeEpoch, MemberIndex),
        state: &CommitteeState,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Option<Duty>, Error> {
        let mine = self.dealer(ledger, (epoch, index), rng)?.commitments();
        let due = mine.into_iter().filter(|commitment| !state.shares.contains_key(&commitment.subset));
        let action = due.map(|commitment| {
            let share = CommitteeShare { public: commitment.public_share, prf: commitment.prf_key };
            Action::CommitteeCommit(CommitteeCommit { epoch, subset: commitment.subset, share })
        });
        let actions: Vec<_> = action.collect();
        if actions.is_empty() {
            return Ok(None);
        }
        act_all(ledger, &self.key.signing_key(), actions)?;
        Ok(Some(Duty::Committed { epoch }))
    }

    /// Reveals the member's own shares; once everybody's are there, checks them and confirms.
    fn confirm(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        (epoch, index): (CommitteeEpoch, MemberIndex),
        state: &CommitteeState,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Option<Duty>, Error> {
        let session = session(ledger.chain(), epoch, &*self.committee(ledger, epoch)?)?;
        if state.confirmations.contains_key(&index) {
            // Others may still wait for its messages.
            return self.offer_again(blobs, (epoch, index), &session, state).map(|()| None);
        }
        let dealer = self.dealer(ledger, (epoch, index), rng)?;
        let (receiver, messages) = dealer.reveal(commitments(&session, state)?, rng)?;
        let (mut actions, mut offered) = (vec![], vec![]);
        for reveal in messages.into_iter().filter(|reveal| !state.reveals.contains_key(&reveal.subset)) {
            let bytes = borsh::to_vec(&reveal).map_err(|error| Error::KeyGeneration { why: error.to_string() })?;
            self.keep_message(epoch, bytes.clone())?;
            let blob = offer(blobs, BlobKind::KeyGeneration, bytes);
            let (subset, message) = (reveal.subset, blob.digest());
            actions.push(Action::CommitteeReveal(CommitteeReveal { epoch, subset, message }));
            offered.push(blob);
        }
        if !actions.is_empty() {
            act_all(ledger, &self.key.signing_key(), actions)?;
            // A store without room takes them now that the ledger names them.
            offered.into_iter().try_for_each(|blob| blob.settle(blobs))?;
            return Ok(Some(Duty::Revealed { epoch }));
        }
        self.offer_again(blobs, (epoch, index), &session, state)?;
        let revealed = reveals(blobs, &session, state)?;
        self.tell_missing(epoch, &session, &revealed);
        if let Some(leader) = revealed.malformed.first() {
            return self.complain(ledger, epoch, *leader, "its revealed message is no share".into()).map(Some);
        }
        let withheld =
            state.reveals.keys().find(|subset| !revealed.shares.iter().any(|reveal| reveal.subset == **subset));
        if let Some(leader) = withheld.and_then(|subset| session.quorum().leader(*subset)) {
            // Until the deadline an announced message may still be on its way.
            return if self.is_overdue(ledger, epoch, state)? {
                self.complain(ledger, epoch, leader, "its announced message is nowhere".into()).map(Some)
            } else {
                Ok(None)
            };
        }
        if revealed.shares.len() < session.quorum().subset_count() {
            return Ok(None);
        }
        self.check_shares(ledger, epoch, &revealed.shares, &receiver).map(Some)
    }

    fn complain(
        &self,
        ledger: &dyn LedgerAccess,
        epoch: CommitteeEpoch,
        accused: MemberIndex,
        reason: String,
    ) -> Result<Duty, Error> {
        let complaint = CommitteeComplain { epoch, accused, reason };
        act(ledger, &self.key.signing_key(), Action::CommitteeComplain(complaint))?;
        Ok(Duty::Complained { epoch })
    }

    fn check_shares(
        &self,
        ledger: &dyn LedgerAccess,
        epoch: CommitteeEpoch,
        shares: &[ShareReveal],
        receiver: &Receiver,
    ) -> Result<Duty, Error> {
        let secret = SealingSecretKey::from_bytes(self.key.sealing_seed().as_bytes());
        let key = &self.key.signing_key();
        match receiver.finish(shares, &secret)? {
            KeyGenerationOutcome::Finished { key: shares, public_key } => {
                self.store.save_shares(epoch, &shares)?;
                let confirm = CommitteeConfirm { epoch, polynomial: public_key.b().clone() };
                act(ledger, key, Action::CommitteeConfirm(confirm))?;
                Ok(Duty::Confirmed { epoch })
            }
            KeyGenerationOutcome::Failed(complaints) => {
                let Some(first) = complaints.first() else {
                    return self.refused("generate a key", "shares were refused without a complaint");
                };
                let reason = format!("share of subset {}: {:?}", first.subset, first.reason);
                self.complain(ledger, epoch, first.leader, reason)
            }
        }
    }

    /// Whether the next block is past the deadline of the generation's present step.
    fn is_overdue(
        &self,
        ledger: &dyn LedgerAccess,
        epoch: CommitteeEpoch,
        state: &CommitteeState,
    ) -> Result<bool, Error> {
        let deadline = state.since.after(ledger.genesis().parameters.key_step_blocks_max);
        let awaited = state.awaited(&self.committee(ledger, epoch)?.quorum);
        Ok(!awaited.is_empty() && tip(ledger)?.height >= deadline)
    }
}
