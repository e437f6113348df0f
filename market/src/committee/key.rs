//! The key in the making, put together from the ledger and the object store by members.

use circuits::{
    id::ChainId,
    quorum::{MemberIndex, SubsetIndex},
    rlwe::params::POLYNOMIAL_BYTES,
};
use node::{genesis::Committee, state::CommitteeState, units::CommitteeEpoch};

use super::{Commitments, Session, ShareCommitment, ShareReveal};
use crate::{
    Error,
    objects::{BLOB_BYTES_MAX, BlobAccess, BlobAddress, BlobKind, get},
    sealing::SealingPublicKey,
};

/// The largest reveal: a polynomial, and for each of nine members a sealed secret of about 2.3 KB.
pub const REVEAL_BYTES_MAX: usize = POLYNOMIAL_BYTES + 64 * 1024;

/// The session in which a committee key is made: chain, number, and its committee's quorum and sealing keys.
/// A complaint ends a number; the next attempt has its own.
///
/// # Errors
/// [`Error::Sealing`] for a member whose sealing key is none, [`Error::KeyGeneration`] when two share one.
pub fn session(chain: ChainId, epoch: CommitteeEpoch, committee: &Committee) -> Result<Session, Error> {
    let keys = committee.members.iter().map(|member| SealingPublicKey::from_bytes(member.sealing.as_bytes()));
    Session::new(chain, epoch.into(), committee.quorum, keys.collect::<Result<_, _>>()?)
}

/// The leaders' commitments that the ledger holds for a key.
///
/// # Errors
/// [`Error::KeyGeneration`] while one is missing.
pub fn commitments(session: &Session, state: &CommitteeState) -> Result<Commitments, Error> {
    let posted = state.shares.iter().filter_map(|(subset, share)| {
        let commitment = ShareCommitment { subset: *subset, public_share: share.public, prf_key: share.prf };
        Some((session.quorum().leader(*subset)?, commitment))
    });
    Commitments::new(session, posted)
}

/// What the leaders of a key in the making revealed so far.
#[derive(Debug, Clone, Default)]
pub struct Revealed {
    /// The shares, one at most of each subset.
    pub shares: Vec<ShareReveal>,
    /// Leaders whose announced message is there and is none: the digest shows that they sent it so.
    pub malformed: Vec<MemberIndex>,
}

/// Fetches the shares that the leaders announced on the ledger; those not uploaded yet are left out. A message is read
/// whole, however long: only its digest shows that the leader, and not the store, made it what it is. One that cannot be
/// fetched at the moment keeps none of the others.
///
/// # Errors
/// [`Error::BlobStore`] when the store fails.
pub fn reveals(blobs: &dyn BlobAccess, session: &Session, state: &CommitteeState) -> Result<Revealed, Error> {
    let mut revealed = Revealed::default();
    for (subset, digest) in &state.reveals {
        let address = BlobAddress { kind: BlobKind::KeyGeneration, digest: *digest };
        match get(blobs, address, BLOB_BYTES_MAX) {
            Ok(bytes) => match share(&bytes, *subset) {
                Some(share) => revealed.shares.push(share),
                None => revealed.malformed.extend(session.quorum().leader(*subset)),
            },
            Err(Error::BlobMissing { .. } | Error::BlobBusy { .. } | Error::BlobDamaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(revealed)
}

/// The share of a subset that a message reveals, if it is one.
fn share(bytes: &[u8], subset: SubsetIndex) -> Option<ShareReveal> {
    if bytes.len() > REVEAL_BYTES_MAX {
        return None;
    }
    borsh::from_slice::<ShareReveal>(bytes).ok().filter(|share| share.subset == subset)
}
