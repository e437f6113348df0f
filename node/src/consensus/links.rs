//! The links that a node has to others, and whether they are enough.

use arc_malachitebft_app_channel::NetworkRequest;
use circuits::id::AccountId;
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

/// The votes of the nodes that a node reaches, its own included unless it only follows, and of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// How many other nodes are connected, observers among them.
    pub nodes: u64,
    /// Votes of those connected.
    pub connected: u64,
    /// Votes of all.
    pub total: u64,
    /// Whether those connected are enough to make blocks.
    pub reached: bool,
    /// Whether this node's own account has a vote now.
    pub votes: bool,
}

impl Votes {
    /// Whether this node can go on: who has no vote needs one link, whatever the others have among themselves.
    #[must_use]
    pub const fn are_enough(&self) -> bool {
        self.reached || !self.votes && self.nodes > 0
    }
}

/// The way to ask the network of one of an engine's sessions.
#[derive(Clone)]
pub(super) struct Links {
    pub(super) requests: Sender<NetworkRequest>,
    /// Whose node this is.
    pub(super) account: AccountId,
    /// Whether it only follows, whatever votes its account has.
    pub(super) follows: bool,
}

impl Links {
    /// The peers that are connected, each with what a set lists it as. The network knows a stranger too, for as long as it
    /// takes to cut its link: nobody may be shown it as a peer, or count it towards a quorum.
    pub(super) async fn listed<'a>(&self, validators: &'a ValidatorSet) -> Result<Vec<(Peer, &'a Validator)>, Error> {
        let ended = || Error::Consensus { why: "its engine ended".into() };
        let state = NetworkRequest::dump_state(&self.requests).await.map_err(|_| ended())?.ok_or_else(ended)?;
        let peers = state.peers.into_iter().filter_map(|(id, peer)| {
            let (id, address) = (id.to_string(), peer.address.to_string());
            let key = peer_key(&id).ok()?;
            let validator = validators.iter().find(|validator| validator.peer == key)?;
            Some((Peer { id, address, validator: peer.consensus_address }, validator))
        });
        Ok(peers.collect())
    }

    /// Whose votes are connected now.
    pub(super) async fn votes(&self, validators: &ValidatorSet) -> Result<Votes, Error> {
        let peers = self.listed(validators).await?;
        let own = validators.power(self.account);
        let others = peers.iter().map(|(_, validator)| u64::from(validator.power)).sum::<u64>();
        let connected = others + if self.follows { 0 } else { own };
        Ok(Votes {
            nodes: peers.len() as u64,
            connected,
            total: validators.total_power(),
            reached: validators.is_quorum(connected),
            votes: own > 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_vote_needs_a_quorum_and_who_has_none_needs_one_link() {
        let are_enough = |nodes, reached, votes| {
            Votes { nodes, connected: nodes + u64::from(votes), total: 4, reached, votes }.are_enough()
        };
        assert!(are_enough(2, true, true) && are_enough(3, true, false) && are_enough(1, false, false));
        assert!(!are_enough(1, false, true) && !are_enough(0, false, true) && !are_enough(0, false, false));
    }
}
