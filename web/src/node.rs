//! A node in this process: a ledger, its mempool and the consensus engine that joins them to the others.

use std::{path::Path, sync::Arc};

use market::wallet::PartyKey;
use node::{
    consensus::{EngineOptions, Guarded, Pace, PeerSecret, Timeouts},
    validator::Validator,
};

use crate::{Error, chain::now};

/// Where a node listens that has no peers: this machine alone reaches it, at any free port.
pub const NO_PEERS: &str = "/ip4/127.0.0.1/tcp/0";

/// What the ledger lists of a validator with this key.
#[must_use]
pub fn validator(key: &PartyKey, address: String, power: u32) -> Validator {
    Validator { account: key.account(), peer: peer_secret(key).peer_key(), address, power }
}

/// A validator's key file holds the secret of its node's links too; it receives no sealed messages.
fn peer_secret(key: &PartyKey) -> PeerSecret {
    PeerSecret::from_bytes(*key.sealing_seed().as_bytes())
}

/// How a validator's node takes part, with its write-ahead log and the memory of its key in a folder.
///
/// # Errors
/// [`Error::Ledger`] when the memory of what the key signed cannot be read.
pub fn engine_options(key: &PartyKey, directory: &Path, listen: &str, pace: Pace) -> Result<EngineOptions, Error> {
    let signer = Guarded::open(Arc::new(key.signing_key()), &directory.join("validator.signed"))?;
    Ok(EngineOptions {
        directory: directory.into(),
        listen: listen.into(),
        peer: peer_secret(key),
        signer: Arc::new(signer),
        pace,
        timeouts: Timeouts::default(),
        clock: now,
    })
}
