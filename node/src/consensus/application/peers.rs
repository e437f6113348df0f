//! Whom this node is connected to: whom the ledger lists.

use std::time::Duration;

use arc_malachitebft_app_channel::{NetworkRequest, app::engine::network::PersistentPeerError};
use tokio::time::{Instant, sleep};

use super::Application;
use crate::Error;

/// How long a node that starts waits for a quorum of peers, so that its first round is no lost one.
const PEERS_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it looks for them.
const PEERS_POLL_TIME: Duration = Duration::from_millis(50);

impl Application {
    /// Waits until as many peers are connected as a quorum needs, and no longer than [`PEERS_TIME_MAX`].
    pub(super) async fn wait_for_peers(&self) -> Result<(), Error> {
        let validators = self.validators()?;
        let deadline = Instant::now() + PEERS_TIME_MAX;
        let needed = (0..=validators.voters().count()).find(|count| count * 3 > validators.voters().count() * 2);
        while Instant::now() < deadline {
            let connected = match NetworkRequest::dump_state(&self.net_requests).await {
                Ok(Some(state)) => state.peers.len(),
                _ => 0,
            };
            if connected + 1 >= needed.unwrap_or_default() {
                break;
            }
            sleep(PEERS_POLL_TIME).await;
        }
        Ok(())
    }

    /// Says once when the number of connected nodes changes, and loudly when they are no quorum.
    pub(super) async fn watch_peers(&mut self) -> Result<(), Error> {
        let connected = match NetworkRequest::dump_state(&self.net_requests).await {
            Ok(Some(state)) => state.peers.len(),
            _ => return Ok(()),
        };
        if self.connected.replace(connected) == Some(connected) {
            return Ok(());
        }
        let (voters, height) = (self.validators()?.voters().count(), self.tip()?.height);
        if (connected + 1) * 3 > voters * 2 {
            tracing::info!(connected, voters, %height, "connected to enough nodes to go on");
        } else {
            tracing::warn!(connected, voters, %height, "connected to too few nodes: no block is made until more are");
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
            let outcome = NetworkRequest::remove_persistent_peer(&self.net_requests, peer.clone()).await;
            if matches!(outcome, Ok(Ok(()) | Err(PersistentPeerError::NotFound))) {
                tracing::info!(%peer, "peer removed");
                self.peers.retain(|other| *other != peer);
            }
        }
        for peer in new {
            let outcome = NetworkRequest::add_persistent_peer(&self.net_requests, peer.clone()).await;
            if matches!(outcome, Ok(Ok(()) | Err(PersistentPeerError::AlreadyExists))) {
                tracing::info!(%peer, "peer added");
                self.peers.push(peer);
            }
        }
        Ok(())
    }
}
