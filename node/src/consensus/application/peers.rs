//! Whom this node is connected to: whom the ledger lists.

use std::time::Duration;

use arc_malachitebft_app_channel::NetworkRequest;
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

    /// Lets in whom the ledger lists now, and nobody else.
    pub(super) async fn follow_peers(&mut self) -> Result<(), Error> {
        let listed = self.settings.peers(&self.validators()?)?;
        let gone: Vec<_> = self.peers.iter().filter(|peer| !listed.contains(peer)).cloned().collect();
        let new: Vec<_> = listed.iter().filter(|peer| !self.peers.contains(peer)).cloned().collect();
        for peer in gone {
            let outcome = NetworkRequest::remove_persistent_peer(&self.net_requests, peer.clone()).await;
            tracing::info!(%peer, ?outcome, "peer removed");
        }
        for peer in new {
            let outcome = NetworkRequest::add_persistent_peer(&self.net_requests, peer.clone()).await;
            tracing::info!(%peer, ?outcome, "peer added");
        }
        self.peers = listed;
        Ok(())
    }
}
