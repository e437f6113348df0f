//! A validator's links in other hands: they carry garbage on every channel, and what the others sent, altered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_malachitebft_app_channel::app::metrics::SharedRegistry;
use arc_malachitebft_network::{
    Bytes, Channel, ChannelNames, Config, DiscoveryConfig, Event, GossipSubConfig, Keypair, NetworkIdentity, PeerId,
    ProtocolNames, PubSubMaxSizePerTopic, PubSubProtocol, TransportProtocol, handle::CtrlHandle, spawn,
};
use arc_malachitebft_sync::RawMessage;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::process::links;
use crate::world::key;

/// More than honest nodes let through.
const OVERSIZED: usize = 20 << 20;
/// One message in so many is oversized: each costs the others a connection.
const OVERSIZED_RARITY: u32 = 2_000;
/// What it remembers of each kind that it heard.
const HEARD_MAX: usize = 64;

/// What links carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Consensus,
    Parts,
    Liveness,
    Status,
    Request,
    Response,
}

const KINDS: [Kind; 6] = [Kind::Consensus, Kind::Parts, Kind::Liveness, Kind::Status, Kind::Request, Kind::Response];

/// A running vandal.
pub struct Vandal {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Vandal {
    /// Takes the links of a validator, at the address that the ledger lists, to the addresses of the others.
    pub fn at(name: &str, listen: &str, others: Vec<String>, seed: u64) -> Self {
        let (name, listen) = (name.to_owned(), listen.to_owned());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(vandalize(&name, &listen, &others, seed, &stopped))
        });
        Self { stop, thread }
    }

    /// Ends it, and returns how many messages it sent.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn config(listen: &str, others: &[String]) -> Config {
    Config {
        listen_addr: listen.parse().unwrap(),
        persistent_peers: others.iter().map(|address| address.parse().unwrap()).collect(),
        persistent_peers_only: false,
        discovery: DiscoveryConfig {
            enabled: false,
            max_connections_per_ip: 64,
            ip_throttle_duration: Duration::ZERO,
            ..DiscoveryConfig::default()
        },
        idle_connection_timeout: Duration::from_secs(60),
        transport: TransportProtocol::Tcp,
        gossipsub: GossipSubConfig::default(),
        pubsub_protocol: PubSubProtocol::GossipSub,
        channel_names: ChannelNames::default(),
        rpc_max_size: 2 * OVERSIZED,
        pubsub_max_size: 2 * OVERSIZED,
        pubsub_max_size_per_topic: PubSubMaxSizePerTopic::default(),
        sync_request_timeout: Duration::from_secs(2),
        sync_max_request_size: 2 * OVERSIZED,
        sync_parallel_requests: 16,
        enable_consensus: true,
        enable_sync: true,
        protocol_names: ProtocolNames::default(),
    }
}

async fn vandalize(name: &str, listen: &str, others: &[String], seed: u64, stop: &AtomicBool) -> usize {
    let mut secret = key(&format!("links of {name}")).to_bytes();
    let keypair = Keypair::ed25519_from_bytes(&mut secret).unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let proof = garbage(&mut rng, 200);
    let identity = NetworkIdentity::new_validator("vandal".into(), keypair, links(name).peer_key().to_string(), proof);
    let handle = spawn(identity, config(listen, others), SharedRegistry::new(Default::default(), None)).await.unwrap();
    let (mut heard, links) = handle.split();
    let mut vandal = State { rng, own: links.peer_id(), links, peers: vec![], heard: BTreeMap::new(), sent: 0 };
    while !stop.load(Ordering::SeqCst) {
        match tokio::time::timeout(Duration::from_millis(1), heard.recv()).await {
            Ok(event) => vandal.hear(event.unwrap()).await,
            Err(_) => vandal.send().await,
        }
    }
    vandal.links.wait_shutdown().await.unwrap();
    vandal.sent
}

fn garbage(rng: &mut StdRng, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes.into()
}

struct State {
    rng: StdRng,
    own: PeerId,
    links: CtrlHandle,
    peers: Vec<PeerId>,
    /// The latest of each kind, with who sent it.
    heard: BTreeMap<Kind, Vec<(PeerId, Bytes)>>,
    sent: usize,
}

impl State {
    async fn hear(&mut self, event: Event) {
        match event {
            Event::PeerConnected(peer) => self.peers.push(peer),
            Event::PeerDisconnected(peer) => self.peers.retain(|other| *other != peer),
            Event::ConsensusMessage(Channel::Consensus, from, _, bytes) => {
                // At once, before its height is over, with another signature: the last bytes are the signature's.
                let mut forged = bytes.to_vec();
                if let Some(byte) = forged.last_mut() {
                    *byte ^= 1;
                }
                self.note(Kind::Consensus, from, bytes);
                self.links.publish(Channel::Consensus, forged.into()).await.unwrap();
                self.sent += 1;
            }
            Event::ConsensusMessage(Channel::ProposalParts, from, _, bytes) => self.note(Kind::Parts, from, bytes),
            Event::ConsensusMessage(Channel::Sync, from, _, bytes) => self.note(Kind::Status, from, bytes),
            Event::LivenessMessage(_, from, bytes) => self.note(Kind::Liveness, from, bytes),
            Event::Sync(RawMessage::Request { request_id, peer, body }) => {
                self.note(Kind::Request, peer, body);
                let answer = self.message(Kind::Response);
                self.links.sync_reply(request_id, answer).await.unwrap();
                self.sent += 1;
            }
            Event::Sync(RawMessage::Response { peer, body, .. }) => self.note(Kind::Response, peer, body),
            _ => {}
        }
    }

    fn note(&mut self, kind: Kind, from: PeerId, bytes: Bytes) {
        let heard = self.heard.entry(kind).or_default();
        if heard.len() == HEARD_MAX {
            let place = self.rng.random_range(0..HEARD_MAX);
            heard.swap_remove(place);
        }
        heard.push((from, bytes));
    }

    async fn send(&mut self) {
        let kind = *KINDS.choose(&mut self.rng).unwrap();
        let message = self.message(kind);
        let links = &self.links;
        match kind {
            Kind::Consensus => links.publish(Channel::Consensus, message).await.unwrap(),
            Kind::Parts => links.publish(Channel::ProposalParts, message).await.unwrap(),
            Kind::Liveness => links.publish(Channel::Liveness, message).await.unwrap(),
            Kind::Status => links.broadcast(Channel::Sync, message).await.unwrap(),
            Kind::Request => {
                let Some(peer) = self.peers.choose(&mut self.rng) else { return };
                let _ = links.sync_request(*peer, message).await.unwrap();
            }
            Kind::Response => return,
        }
        self.sent += 1;
    }

    /// Garbage, or something heard: as it was, of another kind, with bits flipped, cut, or with more at its end.
    fn message(&mut self, kind: Kind) -> Bytes {
        let rng = &mut self.rng;
        if rng.random_ratio(1, OVERSIZED_RARITY) {
            return garbage(rng, OVERSIZED);
        }
        let of = if rng.random_ratio(1, 8) { *KINDS.choose(rng).unwrap() } else { kind };
        let Some((from, found)) = self.heard.get(&of).and_then(|heard| heard.choose(rng)) else {
            let length = rng.random_range(0..4_096);
            return garbage(rng, length);
        };
        let mut bytes = found.to_vec();
        if of == Kind::Status {
            self.pretend(&from.to_bytes(), &mut bytes);
        }
        let rng = &mut self.rng;
        match rng.random_range(0..5) {
            0 => {
                let length = rng.random_range(0..4_096);
                return garbage(rng, length);
            }
            1 if !bytes.is_empty() => bytes.truncate(rng.random_range(0..bytes.len())),
            2 => bytes.extend(garbage(rng, 8)),
            3 if !bytes.is_empty() => {
                for _ in 0..rng.random_range(1..4) {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] ^= 1 << rng.random_range(0..8);
                }
            }
            _ => {}
        }
        bytes.into()
    }

    /// Another's status as this one's own, of a chain that is some blocks longer: the others ask for them.
    fn pretend(&mut self, theirs: &[u8], bytes: &mut [u8]) {
        let Some(place) = bytes.windows(theirs.len()).position(|window| window == theirs) else { return };
        let end = place + theirs.len();
        bytes[place..end].copy_from_slice(&self.own.to_bytes());
        if let Some(height) = bytes.get_mut(end) {
            *height = height.wrapping_add(self.rng.random_range(1..9));
        }
    }
}
