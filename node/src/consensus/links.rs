//! The links that a node has to others.

use arc_malachitebft_app_channel::NetworkRequest;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::settings::peer_key;
use crate::{
    Error,
    validator::{Validator, ValidatorSet},
};

/// A peer that is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its network id.
    pub id: String,
    /// Where it is connected from or to.
    pub address: String,
    /// The validator that proved the link to be its own, if one did.
    pub validator: Option<String>,
}

/// The peers that are connected, each with what a set lists it as. The network knows a stranger too, for as long as it takes
/// to cut its link: nobody may be shown it as a peer, or count it towards a quorum.
pub(super) async fn listed<'a>(
    requests: &Sender<NetworkRequest>,
    validators: &'a ValidatorSet,
) -> Result<Vec<(Peer, &'a Validator)>, Error> {
    let ended = || Error::Consensus { why: "its engine ended".into() };
    let state = NetworkRequest::dump_state(requests).await.map_err(|_| ended())?.ok_or_else(ended)?;
    let peers = state.peers.into_iter().filter_map(|(id, peer)| {
        let (id, address) = (id.to_string(), peer.address.to_string());
        let key = peer_key(&id).ok()?;
        let validator = validators.iter().find(|validator| validator.peer == key)?;
        Some((Peer { id, address, validator: peer.consensus_address }, validator))
    });
    Ok(peers.collect())
}
