//! The consensus engine: Tendermint by `arc-malachitebft`, behind one seam. One validator or many, the same code runs.
//!
//! [`Engine::start`] joins a mempool and its ledger to the network. Validators propose what waits, execute each other's
//! proposals in full before they vote, and commit what more than two thirds of the power precommitted. Blocks are made
//! when there is work, and now and then when there is none. Why this engine and how it is used: `docs/adr/0007-consensus.md`.

mod application;
mod assembly;
mod codec;
mod context;
mod guard;
mod links;
mod part;
mod publisher;
mod settings;
mod signing;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_malachitebft_app_channel::{
    Channels, ConsensusContext, EngineHandle as EngineHandles, NetworkContext, NetworkIdentity, RequestContext,
    Signer as _, SyncContext, WalContext,
    app::types::{Keypair, codec::Codec as _},
    start_engine,
};
use circuits::id::AccountId;
use tokio::{
    runtime::Builder,
    sync::{Notify, watch},
};

use self::{
    application::{Application, End, Parts},
    codec::{Borsh, Noting},
    context::{Address, Chain},
    guard::PastBallot,
    links::Links,
    settings::Settings,
    signing::{ChainSigner, ChainVerifier},
};
pub use self::{
    guard::Guarded,
    links::{Peer, Votes},
    settings::{Pace, Timeouts, check_address, peer_key},
    signing::ConsensusSigner,
};
use crate::{
    Error, Ledger, Mempool,
    ledger::check_version,
    signature::Signature,
    transaction::require_validators,
    units::{Height, Timestamp},
    validator::PeerKey,
};

/// Threads of the engine: its own work is small, proofs are verified where they are submitted.
const THREADS: usize = 2;
/// Requests to the engine that wait.
const REQUESTS_MAX: usize = 16;
/// How long a stop waits for the engine's threads.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// How a node takes part.
pub struct EngineOptions {
    /// The folder of the write-ahead log.
    pub directory: PathBuf,
    /// Where peers reach this node, as a multiaddress; port 0 takes any.
    pub listen: String,
    /// The secret of the node's network links.
    pub peer: PeerSecret,
    /// The validator's key. Without votes on the ledger the node is an observer.
    pub signer: Arc<Guarded>,
    /// When blocks are made.
    pub pace: Pace,
    /// How long a round waits for messages.
    pub timeouts: Timeouts,
    /// This machine's clock.
    pub clock: fn() -> Timestamp,
}

/// The Ed25519 secret of a node's network links.
#[derive(Clone)]
pub struct PeerSecret(zeroize::Zeroizing<[u8; 32]>);

impl PeerSecret {
    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// The key that the ledger lists.
    #[must_use]
    pub fn peer_key(&self) -> PeerKey {
        PeerKey::from_bytes(ed25519_dalek::SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }

    fn keypair(&self) -> Result<Keypair, Error> {
        Keypair::ed25519_from_bytes(self.0.to_vec())
            .map_err(|error| Error::Consensus { why: format!("the network key is none: {error}") })
    }
}

/// A running engine, in threads of its own. Dropping it stops it.
pub struct Engine {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    handle: EngineHandle,
}

/// A way to ask a running engine, which outlives it.
#[derive(Clone)]
pub struct EngineHandle {
    account: AccountId,
    /// Who may be connected.
    ledger: Arc<Ledger>,
    /// Whether the engine ended, and why if it was not told to.
    ended: watch::Receiver<Option<Result<(), Error>>>,
    wanted: Arc<Notify>,
    links: LatestLinks,
}

impl Engine {
    /// Joins the network.
    ///
    /// # Errors
    /// [`Error::Consensus`] when the address cannot be taken or is none, or the key is not the ledger's.
    pub fn start(mempool: Arc<Mempool>, options: EngineOptions) -> Result<Self, Error> {
        let failed = |error| Error::Consensus { why: format!("its thread does not start: {error}") };
        let (wanted, account) = (Arc::new(Notify::new()), options.signer.account());
        let ((stop, stopped), (end, ended)) = (watch::channel(false), watch::channel(None));
        let (tell, told) = sync_channel(1);
        let ledger = Arc::clone(mempool.ledger());
        let node = Node { mempool, options, wanted: Arc::clone(&wanted), stop: stopped };
        let thread = thread::Builder::new().name("locus-consensus".into()).spawn(move || node.run(&tell, &end));
        let thread = Some(thread.map_err(failed)?);
        let ended_early = || Error::Consensus { why: "it ended while it started".into() };
        let links = told.recv().map_err(|_| ended_early())??;
        Ok(Self { stop, thread, handle: EngineHandle { account, ledger, ended, wanted, links } })
    }

    /// A way to ask this engine.
    #[must_use]
    pub const fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Leaves the network; a block being committed is committed.
    ///
    /// # Errors
    /// Why it had ended before, if it was not told to.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end();
        self.handle.outcome().unwrap_or_else(|| Err(panicked()))
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported when it happened, and shows as an end without an outcome.
            drop(thread.join());
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

impl EngineHandle {
    /// The validator whose node this is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Asks for a block although nothing waits: time, deadlines and epochs move on with it.
    pub fn request_block(&self) {
        self.wanted.notify_one();
    }

    /// Who is connected now, of those whom the ledger lists.
    ///
    /// # Errors
    /// [`Error::Consensus`] when the engine ended; the ledger's.
    pub async fn peers(&self) -> Result<Vec<Peer>, Error> {
        let validators = require_validators(&self.ledger.snapshot()?)?;
        let links = self.links.borrow().clone();
        Ok(links.listed(&validators).await?.into_iter().map(|(peer, _)| peer).collect())
    }

    /// Whose votes this node reaches now.
    ///
    /// # Errors
    /// [`Error::Consensus`] when the engine ended; the ledger's.
    pub async fn votes(&self) -> Result<Votes, Error> {
        let validators = require_validators(&self.ledger.snapshot()?)?;
        let links = self.links.borrow().clone();
        links.votes(&validators).await
    }

    /// How the engine ended, if it did.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<(), Error>> {
        // Nothing is told any more once nobody is there to tell it.
        let is_over = self.ended.has_changed().is_err();
        let told = self.ended.borrow().clone();
        told.or_else(|| is_over.then(|| Err(panicked())))
    }

    /// Returns when the engine ended, whoever ended it.
    pub async fn ended(&self) {
        drop(self.ended.clone().wait_for(Option::is_some).await);
    }
}

fn panicked() -> Error {
    Error::Consensus { why: "its thread panicked; see the log above".into() }
}

/// What a node's sessions are made of.
struct Node {
    mempool: Arc<Mempool>,
    options: EngineOptions,
    wanted: Arc<Notify>,
    stop: watch::Receiver<bool>,
}

/// Each session's links in turn.
type LatestLinks = watch::Receiver<Links>;

impl Node {
    /// Runs sessions until a stop, each with threads and connections of its own: the first one of a node whose key signed
    /// later blocks than its ledger has only follows.
    fn run(self, tell: &SyncSender<Result<LatestLinks, Error>>, end: &watch::Sender<Option<Result<(), Error>>>) {
        let mut links: Option<watch::Sender<_>> = None;
        let outcome = loop {
            let session = self.session(|begun| match &links {
                Some(links) => drop(links.send_replace(begun)),
                None => {
                    let (first, receiver) = watch::channel(begun);
                    links = Some(first);
                    // Whoever started the engine waits for this.
                    let _ = tell.send(Ok(receiver));
                }
            });
            match session {
                Ok(End::CaughtUp) => {}
                Ok(End::Stopped) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, "the node stops");
            if links.is_none() {
                let _ = tell.send(Err(error.clone()));
            }
        }
        end.send_replace(Some(outcome));
    }

    fn session(&self, begun: impl FnOnce(Links)) -> Result<End, Error> {
        let failed = |error| Error::Consensus { why: format!("its threads do not start: {error}") };
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("locus-consensus")
            .enable_all()
            .build()
            .map_err(failed)?;
        let outcome = runtime.block_on(async {
            let session = Session::begin(&self.mempool, &self.options, &self.wanted).await?;
            begun(session.links.clone());
            session.run(self.stop.clone()).await
        });
        // With the threads go the connections, so that peers see a new session as a new node.
        runtime.shutdown_timeout(STOP_TIME_MAX);
        outcome
    }
}

/// The engine's actors with the application below them, from a start to an end.
struct Session {
    application: Application,
    channels: Channels<Chain>,
    actors: EngineHandles,
    links: Links,
}

/// What this node must have caught up with before it signs: a ledger that ends before what its key signed was restored
/// from an older copy, or its write-ahead log was. After a crash the log has the last ballot, or nobody has it.
fn must_follow(mempool: &Mempool, options: &EngineOptions) -> Result<Option<Height>, Error> {
    let snapshot = mempool.ledger().snapshot()?;
    let next = snapshot.latest()?.height.next();
    let Some(past) = options.signer.past() else { return Ok(None) };
    let is_known = |ballot: &PastBallot| -> Result<bool, Error> {
        Ok(ballot.height < next || ballot.height == next && log_holds(&log_path(options), &ballot.signature)?)
    };
    if is_known(&past.last)? {
        return Ok(None);
    }
    let height = past.last.height;
    let before_is_known = past.before.as_ref().map_or(Ok(true), is_known)?;
    if height == next && !past.is_sent && before_is_known {
        // A crash between memory and log: everything before is there, and nobody has this one.
        tracing::warn!(%height, "the validator's last ballot is not in its log, and went to nobody: it is forgotten");
        options.signer.forget_last()?;
        return Ok(None);
    }
    if require_validators(&snapshot)?.iter().count() > 1 {
        tracing::warn!(%height, "this node follows the others up to the block that its key signed, before it votes again");
        return Ok(Some(height));
    }
    if height > next {
        let why = format!("its key signed block {height}, and its ledger lacks it: restore a newer copy");
        return Err(Error::Consensus { why });
    }
    if past.is_sent {
        // Alone, its ballots are the certificate: somebody may have the block. The same ones are signed again, no others.
        tracing::warn!(%height, "the validator's last ballot is not in its log: if it signs no more, restore a newer copy");
        return Ok(None);
    }
    // Nobody else could make that block final.
    tracing::warn!(%height, "the validator's last ballot is not in its log, and counts nowhere: it is forgotten");
    options.signer.forget_height()?;
    Ok(None)
}

fn log_path(options: &EngineOptions) -> PathBuf {
    options.directory.join("consensus.wal")
}

/// Whether a log has a ballot with this signature. It has them as they were sent, without compression.
fn log_holds(path: &Path, signature: &Signature) -> Result<bool, Error> {
    match std::fs::read(path) {
        Ok(log) => Ok(memchr::memmem::find(&log, &signature.to_bytes()).is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::Storage { what: "read the log of ballots", why: error.to_string() }),
    }
}

impl Session {
    async fn begin(mempool: &Arc<Mempool>, options: &EngineOptions, wanted: &Arc<Notify>) -> Result<Self, Error> {
        let (chain, snapshot) = (mempool.ledger().chain(), mempool.ledger().snapshot()?);
        let failed = |error: &dyn std::fmt::Display| Error::Consensus { why: error.to_string() };
        check_version(&snapshot, snapshot.latest()?.height.next())?;
        let validators = require_validators(&snapshot)?;
        drop(snapshot);
        let settings = Settings::new(&options.listen, &options.peer.peer_key(), &validators, options.timeouts)?;
        let follow = must_follow(mempool, options)?;
        // Who only follows leaves the log of its own ballots as it is.
        let log = if follow.is_some() { options.directory.join("follow.wal") } else { log_path(options) };
        let account = options.signer.account();
        let signer = ChainSigner::new(chain, Arc::clone(&options.signer) as _);
        let keypair = options.peer.keypair()?;
        let peer_id = keypair.public().to_peer_id().to_bytes();
        let proof = signer.sign_validator_proof(account.to_bytes().to_vec(), peer_id).await;
        let proof = Borsh.encode(&proof.map_err(|error| failed(&error))?)?;
        let verifier = Box::new(ChainVerifier(chain));
        let consensus = match follow {
            None => ConsensusContext::new_validator(Address(account), verifier, Box::new(signer.clone())),
            // Under no validator's account: the engine asks nothing of it.
            Some(_) => ConsensusContext::new_full_node(Address(AccountId::from_bytes([0; 32])), verifier),
        };
        let identity = NetworkIdentity::new_validator(moniker(account), keypair, account.to_string(), proof);
        let (channels, actors) = start_engine(
            Chain,
            settings.clone(),
            WalContext::new(log, Borsh),
            NetworkContext::new(identity, Noting(Arc::clone(&options.signer))),
            consensus,
            SyncContext::new(Borsh),
            RequestContext::new(REQUESTS_MAX),
        )
        .await
        .map_err(|error| failed(&format!("{error:#}")))?;
        let peers = settings.peers(&validators);
        let parts = Parts {
            mempool: Arc::clone(mempool),
            signer,
            follow,
            clock: options.clock,
            pace: options.pace,
            wanted: Arc::clone(wanted),
        };
        let links = Links { requests: channels.net_requests.clone(), account, follows: follow.is_some() };
        let application = Application::new(parts, settings, peers, links.clone(), &channels);
        Ok(Self { application, links, channels, actors })
    }

    async fn run(self, stop: watch::Receiver<bool>) -> Result<End, Error> {
        let Self { mut application, channels, actors, .. } = self;
        let events = channels.events.subscribe();
        let outcome = application.run(channels.consensus, events, stop).await;
        let outcome = outcome.map_err(|error| application.because(error));
        actors.actor.stop(None);
        let _ = actors.handle.await;
        // Not before: the engine would take its unanswered questions for failures.
        drop(application);
        outcome
    }
}

/// How logs name a validator's node.
fn moniker(account: AccountId) -> String {
    account.to_string().chars().take(8).collect()
}
