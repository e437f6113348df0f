//! The engine's configuration: Locus's names for what may be set, and the bounds that may not.

use std::{str::FromStr, time::Duration};

use arc_malachitebft_app_channel::app::{
    config::{
        ConsensusConfig, DiscoveryConfig, GossipSubConfig, NodeConfig, P2pConfig, PubSubProtocol, ValuePayload,
        ValueSyncConfig,
    },
    net::{Multiaddr, PeerId},
    types::core::LinearTimeouts,
};

use crate::{
    Error,
    validator::{PeerKey, Validator, ValidatorSet},
};

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long transactions gather after the first, so that they share a block.
    pub gather: Duration,
    /// How long no transaction waits before an empty block is made, which moves time, deadlines and epochs on.
    pub heartbeat: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { gather: Duration::from_millis(20), heartbeat: Duration::from_secs(5) }
    }
}

/// How long a round waits; each later round of a height waits longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the proposer's block, its full execution included.
    pub propose: Duration,
    /// For the rest of the votes, once more than two thirds came and disagree.
    pub vote: Duration,
    /// Before votes are sent again.
    pub rebroadcast: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { propose: Duration::from_secs(2), vote: Duration::from_millis(500), rebroadcast: Duration::from_secs(2) }
    }
}

/// How much longer each later round waits.
const ROUND_DELTA: Duration = Duration::from_millis(500);
/// The longest that a round waits.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// How often nodes tell each other how far they are.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer to a node that catches up may take.
const SYNC_TIME_MAX: Duration = Duration::from_secs(5);
/// Final blocks that a node that catches up asks for at once.
const SYNC_BLOCKS: usize = 32;
/// Connections from one address: validators of a test share one.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// Identifies this protocol on links.
const PROTOCOL: &str = "/locus/v1";

/// The multihash prefix of an Ed25519 key's peer id: identity, 36 bytes, and the protobuf header of the key
/// (<https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>).
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The network id of a peer's key.
fn peer_id(key: &PeerKey) -> Result<PeerId, Error> {
    PeerId::from_bytes(&[PEER_ID_PREFIX.as_slice(), &key.to_bytes()].concat())
        .map_err(|error| Error::Consensus { why: format!("peer key {key} is none: {error}") })
}

/// The key of a peer's network id, as [`Peer::id`](super::Peer::id) shows it.
///
/// # Errors
/// [`Error::Consensus`] for a text that is no id of an Ed25519 key.
pub fn peer_key(id: &str) -> Result<PeerKey, Error> {
    let refused = || Error::Consensus { why: format!("{id} is no peer id of an Ed25519 key") };
    let bytes = PeerId::from_str(id).map_err(|_| refused())?.to_bytes();
    let key = bytes.strip_prefix(&PEER_ID_PREFIX).ok_or_else(refused)?;
    key.try_into().map(PeerKey::from_bytes).map_err(|_| refused())
}

/// Checks that a text is an address that nodes can be reached at.
///
/// # Errors
/// [`Error::Refused`] with an example.
pub fn check_address(text: &str) -> Result<(), Error> {
    let address = parse_address(text)?.to_string();
    let refuse = |why: &str| {
        let why = format!("{text} {why}; write an address such as /ip4/10.0.0.1/tcp/26656");
        Err(Error::Refused { what: "node's address", why })
    };
    if !address.contains("/tcp/") {
        return refuse("names no TCP port");
    }
    if address.contains("/p2p/") { refuse("names a key, which the ledger does beside it") } else { Ok(()) }
}

fn parse_address(text: &str) -> Result<Multiaddr, Error> {
    let refused = |error| Error::Refused {
        what: "node's address",
        why: format!("{text:?} is none such as /ip4/10.0.0.1/tcp/26656: {error}"),
    };
    Multiaddr::from_str(text).map_err(refused)
}

/// What the engine is started with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    consensus: ConsensusConfig,
    sync: ValueSyncConfig,
    pub(super) timeouts: LinearTimeouts,
    own: PeerKey,
}

impl Settings {
    pub(super) fn new(
        listen: &str,
        own: &PeerKey,
        validators: &ValidatorSet,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        check_address(listen)?;
        let p2p = P2pConfig {
            listen_addr: parse_address(listen)?,
            persistent_peers: peers(own, validators),
            // The ledger says who may connect.
            persistent_peers_only: true,
            discovery: DiscoveryConfig {
                enabled: false,
                max_connections_per_ip: CONNECTIONS_PER_ADDRESS_MAX,
                ip_throttle_duration: Duration::ZERO,
                ..DiscoveryConfig::default()
            },
            protocol: PubSubProtocol::GossipSub(GossipSubConfig::default()),
            ..P2pConfig::default()
        };
        let consensus =
            ConsensusConfig { p2p, value_payload: ValuePayload::ProposalAndParts, ..ConsensusConfig::default() };
        let sync = ValueSyncConfig {
            status_update_interval: STATUS_INTERVAL,
            request_timeout: SYNC_TIME_MAX,
            batch_size: SYNC_BLOCKS,
            ..ValueSyncConfig::default()
        };
        let timeouts = LinearTimeouts {
            propose: timeouts.propose,
            propose_delta: ROUND_DELTA,
            prevote: timeouts.vote,
            prevote_delta: ROUND_DELTA,
            precommit: timeouts.vote,
            precommit_delta: ROUND_DELTA,
            rebroadcast: timeouts.rebroadcast,
            max_timeout: TIMEOUT_MAX,
        };
        Ok(Self { consensus, sync, timeouts, own: *own })
    }

    /// The peers that a validator set lets this node have.
    pub(super) fn peers(&self, validators: &ValidatorSet) -> Vec<Multiaddr> {
        peers(&self.own, validators)
    }
}

/// Where the others of a set are, each address bound to its key: a link to another key is refused. A peer without a
/// usable address may still connect.
fn peers(own: &PeerKey, validators: &ValidatorSet) -> Vec<Multiaddr> {
    let address = |validator: &Validator| {
        let id = peer_id(&validator.peer).ok()?;
        let address = check_address(&validator.address).and_then(|()| parse_address(&validator.address));
        let address = address.unwrap_or_else(|error| {
            tracing::warn!(%error, account = %validator.account, "a validator's address on the ledger is unusable");
            Multiaddr::empty()
        });
        address.with_p2p(id).ok()
    };
    validators.iter().filter(|validator| validator.peer != *own).filter_map(address).collect()
}

/// Whether a network id is of this key.
pub(super) fn is_peer(id: &arc_malachitebft_app_channel::app::types::PeerId, key: &PeerKey) -> bool {
    id.to_bytes().strip_prefix(&PEER_ID_PREFIX).is_some_and(|found| found == key.to_bytes())
}

impl NodeConfig for Settings {
    fn moniker(&self) -> &str {
        PROTOCOL
    }

    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}
