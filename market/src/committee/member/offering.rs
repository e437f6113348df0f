//! A member's own messages of the key in the making: kept until the key is made, and offered again where they are not found.

use std::{
    collections::BTreeSet,
    sync::PoisonError,
    time::{Duration, Instant},
};

use circuits::quorum::{MemberIndex, SubsetIndex};
use node::{state::CommitteeState, units::CommitteeEpoch};

use super::Member;
use crate::{
    Error,
    committee::{Session, key::Revealed},
    objects::{BLOB_BYTES_MAX, BlobAccess, BlobAddress, BlobKind, get, put},
};

/// How often a member looks whether its messages are where others find them.
const OFFER_TIME: Duration = Duration::from_secs(10);
/// How often a member says whose messages it waits for.
const TELL_TIME: Duration = Duration::from_secs(60);

impl Member {
    /// Keeps a message before it is announced: sealed anew it would be another one.
    pub(super) fn keep_message(&self, epoch: CommitteeEpoch, bytes: Vec<u8>) -> Result<(), Error> {
        put(&self.store.messages(epoch)?, BlobKind::KeyGeneration, bytes).map(|_| ())
    }

    /// Offers the member's announced messages again where the store lacks them: it may be another node's than the one that
    /// they were given to.
    pub(super) fn offer_again(
        &self,
        blobs: &dyn BlobAccess,
        (epoch, index): (CommitteeEpoch, MemberIndex),
        session: &Session,
        state: &CommitteeState,
    ) -> Result<(), Error> {
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if offered.is_some_and(|at| at.elapsed() < OFFER_TIME) {
            return Ok(());
        }
        *offered = Some(Instant::now());
        let kept = self.store.messages(epoch)?;
        let is_own = |subset: &SubsetIndex| session.quorum().leader(*subset) == Some(index);
        for (_, digest) in state.reveals.iter().filter(|(subset, _)| is_own(subset)) {
            let address = BlobAddress { kind: BlobKind::KeyGeneration, digest: *digest };
            if get(blobs, address, BLOB_BYTES_MAX).is_ok() {
                continue;
            }
            match get(&kept, address, BLOB_BYTES_MAX) {
                Ok(bytes) => match put(blobs, BlobKind::KeyGeneration, bytes) {
                    Ok(_) => tracing::info!(%epoch, "offered a message of the key in the making again"),
                    Err(error) => tracing::warn!(%epoch, %error, "a message of the key in the making is not taken"),
                },
                // Another process of this member announced it, or an earlier version, which kept none.
                Err(Error::BlobMissing { .. } | Error::BlobDamaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says, now and then, whose messages are missing.
    pub(super) fn tell_missing(&self, epoch: CommitteeEpoch, session: &Session, revealed: &Revealed) {
        let is_there = |subset: SubsetIndex| revealed.shares.iter().any(|reveal| reveal.subset == subset);
        let missing = session.quorum().subsets().filter(|subset| !is_there(*subset));
        let missing: BTreeSet<MemberIndex> = missing.filter_map(|subset| session.quorum().leader(subset)).collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.is_empty() {
            *told = None;
        } else if told.get_or_insert_with(Instant::now).elapsed() >= TELL_TIME {
            *told = Some(Instant::now());
            let members = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            tracing::warn!(
                %epoch,
                members,
                "waiting for these members' messages of the key in the making: they have not announced them, or this \
                 member's node neither has them nor fetches them (--blobs-from)"
            );
        }
    }
}
