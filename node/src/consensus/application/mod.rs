//! The application below the engine: makes and judges blocks, keeps what is undecided, commits what is decided, and says
//! when the next height begins.

mod decisions;
mod evidence;
mod pace;
mod peers;
mod proposals;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use arc_malachitebft_app_channel::{
    AppMsg, Channels,
    app::{events::RxEvent, net::Multiaddr, types::core::HeightParams},
};
use tokio::{
    select,
    sync::{Notify, mpsc, watch},
    task::block_in_place,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use self::pace::{Begin, Idle, Seen};
use super::{
    Pace, Votes,
    assembly::{Assembled, Assembly},
    context::{BlockId, Chain, Voters},
    links::Links,
    publisher::Publisher,
    settings::Settings,
    signing::ChainSigner,
};
use crate::{
    Error,
    ledger::{Ledger, Proposal, check_version},
    mempool::Mempool,
    state::Tip,
    transaction::{Transaction, TransactionId, require_validators},
    units::{Height, Timestamp},
    validator::ValidatorSet,
};

/// How often a node tells where it stands and passes on again what waits too long.
const TICK: Duration = Duration::from_secs(1);
/// Batches of peers' transactions that wait to be checked; more are dropped, and passed on again later.
const INBOUND_MAX: usize = 64;

/// What the application is made of.
pub(super) struct Parts {
    pub(super) mempool: Arc<Mempool>,
    pub(super) signer: ChainSigner,
    /// The block to catch up with before this node takes part again.
    pub(super) follow: Option<Height>,
    pub(super) clock: fn() -> Timestamp,
    pub(super) pace: Pace,
    pub(super) wanted: Arc<Notify>,
}

/// How a session ended.
pub(super) enum End {
    /// It was told to.
    Stopped,
    /// The node has the block that it had to catch up with.
    CaughtUp,
}

/// The application of one node.
pub(super) struct Application {
    parts: Parts,
    ledger: Arc<Ledger>,
    publisher: Publisher,
    links: Links,
    settings: Settings,
    /// Who may connect, as the ledger has it.
    peers: Vec<Multiaddr>,
    /// Whose votes are connected, as it was said last.
    connected: Option<Votes>,
    assembly: Assembly,
    /// Executed blocks of the next height, ready to be committed.
    judged: BTreeMap<BlockId, Proposal>,
    /// Blocks of the next height that are kept and that this process executed.
    sound: BTreeSet<BlockId>,
    /// The height at which this node's own state was last checked.
    checked: Option<Height>,
    /// Whole blocks of later heights.
    ahead: Vec<Assembled>,
    seen: Seen,
    /// The height to come, while nobody needs it yet.
    idle: Option<Idle>,
    /// Whether somebody asked for a block that nothing waits for.
    requested: bool,
    inbound: mpsc::Sender<Vec<Transaction>>,
    /// The oldest waiting transaction at the last tick: with how many ticks it waited since: it is passed on again.
    stuck: Option<(TransactionId, u32)>,
}

impl Application {
    pub(super) fn new(
        parts: Parts,
        settings: Settings,
        peers: Vec<Multiaddr>,
        links: Links,
        channels: &Channels<Chain>,
    ) -> Self {
        let ledger = Arc::clone(parts.mempool.ledger());
        let (inbound, waiting) = mpsc::channel(INBOUND_MAX);
        admit_in_background(Arc::clone(&parts.mempool), parts.clock, waiting);
        Self {
            publisher: Publisher::new(ledger.chain(), parts.signer.clone(), channels.network.clone()),
            settings,
            peers,
            connected: None,
            links,
            assembly: Assembly::new(ledger.chain()),
            judged: BTreeMap::new(),
            sound: BTreeSet::new(),
            checked: None,
            ahead: vec![],
            seen: Seen::default(),
            idle: None,
            requested: false,
            inbound,
            stuck: None,
            ledger,
            parts,
        }
    }

    /// Serves the engine until told to stop.
    ///
    /// # Errors
    /// What makes going on unsafe: the disk failed or the engine is gone. Nothing half-done is left.
    pub(super) async fn run(
        &mut self,
        mut messages: mpsc::Receiver<AppMsg<Chain>>,
        mut events: RxEvent<Chain>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<End, Error> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mempool = Arc::clone(&self.parts.mempool);
        let wanted = Arc::clone(&self.parts.wanted);
        loop {
            let tip = self.tip()?.height;
            if self.parts.follow.is_some_and(|follow| tip >= follow) {
                return Ok(End::CaughtUp);
            }
            let start = self.start_time()?;
            select! {
                message = messages.recv() => match message {
                    Some(message) => self.handle(message).await?,
                    None => return Err(self.ended()),
                },
                () = sleep_until(start.unwrap_or_else(Instant::now)), if start.is_some() => self.start_height()?,
                () = mempool.arrived() => {
                    if mempool.waiting() > 0 {
                        self.note_work();
                    }
                    self.publisher.transactions(&mempool.take_fresh()).await?;
                }
                () = wanted.notified() => {
                    self.requested = true;
                    self.note_work();
                }
                Ok(event) = events.recv() => self.notice(&event)?,
                _ = tick.tick() => self.tick().await?,
                () = stopped(&mut stop) => return Ok(End::Stopped),
            }
        }
    }

    async fn handle(&mut self, message: AppMsg<Chain>) -> Result<(), Error> {
        match message {
            AppMsg::ConsensusReady { reply } if self.is_alone()? => self.rest(Begin::First(reply)),
            AppMsg::ConsensusReady { reply } => {
                self.wait_for_peers().await?;
                let _ = reply.send(self.next_height()?);
            }
            AppMsg::StartedRound { height, reply_value, .. } => {
                let _ = reply_value.send(block_in_place(|| self.known_values(height))?);
            }
            AppMsg::GetValue { height, round, reply, .. } => self.propose(height, round, reply).await?,
            AppMsg::ExtendVote { reply, .. } => drop(reply.send(None)),
            AppMsg::VerifyVoteExtensions { reply, .. } => drop(reply.send(vec![])),
            AppMsg::RestreamProposal { height, round, valid_round, value_id, .. } => {
                self.restream(height, round, valid_round, value_id).await?;
            }
            AppMsg::GetHistoryMinHeight { reply } => drop(reply.send(self.ledger.first_block()?)),
            AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
                let value = block_in_place(|| self.receive(published_by.unwrap_or(from), part))?;
                let _ = reply.send(value);
            }
            AppMsg::Decided { certificate, reply, .. } => {
                block_in_place(|| self.commit(&certificate))?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { evidence, reply, .. } => {
                block_in_place(|| self.report(&evidence));
                self.follow_peers().await?;
                self.rest(Begin::Next(reply));
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let _ = reply.send(block_in_place(|| self.history(*range.start(), *range.end()))?);
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let _ = reply.send(block_in_place(|| self.judge_synced(height, round, proposer, &value_bytes))?);
            }
        }
        Ok(())
    }

    /// The engine is gone: because the key did not sign, or as its log says.
    fn ended(&self) -> Error {
        let why = match self.parts.signer.failure() {
            Some(failure) => format!("its engine ended: {failure}"),
            None => "its engine ended; see the log above".into(),
        };
        Error::Consensus { why }
    }

    /// Why it failed: the parts of an engine that ends go in any order, and the key that did not sign is why they do.
    pub(super) fn because(&self, error: Error) -> Error {
        match error {
            Error::Consensus { .. } if self.parts.signer.failure().is_some() => self.ended(),
            other => other,
        }
    }

    fn now(&self) -> Timestamp {
        (self.parts.clock)()
    }

    fn tip(&self) -> Result<Tip, Error> {
        self.ledger.snapshot()?.latest()
    }

    fn validators(&self) -> Result<ValidatorSet, Error> {
        require_validators(&self.ledger.snapshot()?)
    }

    fn next_height(&self) -> Result<(Height, HeightParams<Chain>), Error> {
        let snapshot = self.ledger.snapshot()?;
        let height = snapshot.latest()?.height.next();
        check_version(&snapshot, height)?;
        let voters = Voters::from(&require_validators(&snapshot)?);
        Ok((height, HeightParams::new(voters, self.settings.timeouts, None)))
    }
}

/// Returns once a stop is asked for, or once nobody can ask any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Checks peers' transactions on a thread of its own: proofs take longer than the engine may wait.
fn admit_in_background(mempool: Arc<Mempool>, clock: fn() -> Timestamp, mut inbound: mpsc::Receiver<Vec<Transaction>>) {
    tokio::task::spawn_blocking(move || {
        while let Some(transactions) = inbound.blocking_recv() {
            for outcome in mempool.submit_from_peer(transactions, clock()) {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a peer's transaction is not admitted");
                }
            }
        }
    });
}
