//! What receipts of every kind check of the chain: the header, and the epochs' roots in its state.

use std::collections::BTreeMap;

use circuits::id::{Digest, EpochRoot};
use node::{
    StateProof,
    block::SignedHeader,
    genesis::Genesis,
    light::{Handover, LightClient, VerifiedHeader},
    state::{EpochSnapshot, StateKey},
    units::Epoch,
};

use super::verify::refuse;
use crate::Error;

/// A header that its validators signed. A header is believed by the validators of its height; who they are follows from
/// the genesis and the handovers, so other headers would add nothing.
pub(super) fn check_header(
    check: &'static str,
    genesis: &Genesis,
    handovers: &[Handover],
    header: &SignedHeader,
) -> Result<VerifiedHeader, Error> {
    let verified = || {
        let mut client = LightClient::new(genesis)?;
        handovers.iter().try_for_each(|handover| client.follow(handover))?;
        client.verify(header)
    };
    let altered = |error: node::Error| refuse(check, format!("block, handovers or genesis were altered: {error}"));
    verified().or_else(altered)
}

/// The epoch roots that the ledger's state holds.
pub(super) fn check_epochs(
    check: &'static str,
    epochs: &[StateProof],
    root: Digest,
) -> Result<BTreeMap<Epoch, EpochRoot>, Error> {
    let snapshot = |proof: &StateProof| {
        let StateKey::EpochSnapshot(epoch) = proof.key else {
            return refuse(check, "an epoch's proof is of another key");
        };
        proof.verify(root)?;
        Ok((epoch, proof.decode::<EpochSnapshot>()?.root))
    };
    epochs.iter().map(snapshot).collect()
}
