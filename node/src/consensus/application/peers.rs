//! Whom this node is connected to: whom the ledger lists.

use std::time::Duration;

use arc_malachitebft_app_channel::{NetworkRequest, app::engine::network::PersistentPeerError};
use tokio::time::{Instant, sleep};

use super::Application;
use crate::{Error, consensus::Votes};

/// How long a node that starts waits for a quorum of peers, so that its first round is no lost one.
const PEERS_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it looks for them.
const PEERS_POLL_TIME: Duration = Duration::from_millis(50);

impl Application {
    /// Waits until the votes of a quorum are connected, this node's among them, and no longer than [`PEERS_TIME_MAX`]. Who
    /// has no vote, or only follows, loses no round.
    pub(super) async fn wait_for_peers(&self) -> Result<(), Error> {
        let validators = self.validators()?;
        let deadline = Instant::now() + PEERS_TIME_MAX;
        while Instant::now() < deadline && self.parts.follow.is_none() {
            if self.links.votes(&validators).await.is_ok_and(|votes| votes.reached || !votes.votes) {
                break;
            }
            sleep(PEERS_POLL_TIME).await;
        }
        Ok(())
    }

    /// Says once when it changes how many are connected, or with how many votes, and loudly when they are too few.
    pub(super) async fn watch_peers(&mut self) -> Result<(), Error> {
        let validators = self.validators()?;
        let Ok(votes) = self.links.votes(&validators).await else { return Ok(()) };
        if self.connected.replace(votes) == Some(votes) {
            return Ok(());
        }
        let (height, Votes { nodes, connected, total, .. }) = (self.tip()?.height, votes);
        if votes.are_enough() {
            tracing::info!(nodes, connected, total, %height, "connected to enough nodes to go on");
        } else {
            tracing::warn!(nodes, connected, total, %height, "connected to too few nodes: no block is made until more are");
        }
        Ok(())
    }

    /// Lets in whom the ledger lists now, and nobody else.
    pub(super) async fn follow_peers(&mut self) -> Result<(), Error> {
        let listed = self.settings.peers(&self.validators()?);
        let gone: Vec<_> = self.peers.iter().filter(|peer| !listed.contains(peer)).cloned().collect();
        let new: Vec<_> = listed.iter().filter(|peer| !self.peers.contains(peer)).cloned().collect();
        // One that fails is tried again with the next tick.
        for peer in gone {
            let outcome = NetworkRequest::remove_persistent_peer(&self.links.requests, peer.clone()).await;
            if matches!(outcome, Ok(Ok(()) | Err(PersistentPeerError::NotFound))) {
                tracing::info!(%peer, "peer removed");
                self.peers.retain(|other| *other != peer);
            }
        }
        for peer in new {
            let outcome = NetworkRequest::add_persistent_peer(&self.links.requests, peer.clone()).await;
            if matches!(outcome, Ok(Ok(()) | Err(PersistentPeerError::AlreadyExists))) {
                tracing::info!(%peer, "peer added");
                self.peers.push(peer);
            }
        }
        Ok(())
    }
}
