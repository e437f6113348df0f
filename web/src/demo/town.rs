//! The demo's network, founded anew: its ledger in this process, or served to other processes over HTTP.

use std::{net::TcpListener, sync::Arc, time::Duration};

use circuits::{contribution::ProvingKey, eligibility, id::ChainId};
use market::{
    database::{Database, DatabaseUrl},
    ledger::{LedgerAccess, LocalLedger, act, act_all, tip, wait_for_height},
    objects::{BlobAccess, Objects},
};
use node::{
    Ledger, Mempool,
    consensus::{Engine, Pace},
    transaction::{Action, Governance, Transfer},
    units::Amount,
};
use rand::rngs::StdRng;

use super::{
    DemoOptions,
    network::{Parties, ProofKeys, validator_folder},
    process::Process,
};
use crate::{
    Error,
    chain::{Chain, now},
    cli::{service, write_json},
    client::{Remote, RemoteBlobs, RemoteLedger},
    node::{NO_PEERS, engine_options},
    serve::{Running, StopOn, serve},
};

/// How the demo's node makes blocks: soon, since somebody watches.
const PACE: Pace = Pace { gather: Duration::from_millis(5), heartbeat: Duration::from_secs(5) };
/// How long a block may take.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(60);

/// The founded network, as the demo's parties reach it.
pub(super) struct Town {
    pub(super) ledger: Arc<dyn LedgerAccess>,
    pub(super) blobs: Arc<dyn BlobAccess>,
    pub(super) parties: Parties,
    pub(super) proving: ProvingKey,
    /// What proves that somebody is eligible.
    pub(super) screening: eligibility::ProvingKey,
    node: Node,
}

/// Who makes blocks. Servers end before engines.
enum Node {
    /// This process.
    Here(Engine),
    /// This process, for others too.
    Served { server: Running, engine: Engine },
    /// Validators, each a process of its own; the parties reach the first.
    Consortium { url: String, _kept: Vec<Process> },
}

impl Town {
    /// Makes the keys, the genesis and the ledger, and accredits issuers and researcher.
    ///
    /// # Errors
    /// [`Error`] when a file cannot be written or no port is free.
    pub(super) fn found(options: &DemoOptions, rng: &mut StdRng) -> Result<Self, Error> {
        let addresses = addresses(options.validators)?;
        let parties = Parties::create(&options.dir, options.quorum, addresses, rng)?;
        let keys = ProofKeys::make()?;
        let genesis = parties.genesis(options.quorum, &keys)?;
        for place in 0..parties.validators.len() {
            write_json("genesis", &validator_folder(&options.dir, place).join("genesis.json"), &genesis)?;
        }
        let Reached { ledger, blobs, node } = match &parties.validators[..] {
            [(alone, _)] => {
                let store = Arc::new(Ledger::open(&options.dir.join("ledger.redb"), genesis)?);
                let mempool = Arc::new(Mempool::new(store));
                let engine = Engine::start(Arc::clone(&mempool), engine_options(alone, &options.dir, NO_PEERS, PACE)?)?;
                if options.processes {
                    serve_town(options, mempool, engine)?
                } else {
                    town_here(options, mempool, engine)?
                }
            }
            several => consortium(options, several.len(), genesis.chain_id()?)?,
        };
        let town = Self { ledger, blobs, parties, proving: keys.contribution, screening: keys.eligibility, node };
        town.accredit()?;
        Ok(town)
    }

    /// The node's address, when it is served.
    pub(super) fn url(&self) -> Option<String> {
        match &self.node {
            Node::Here(_) => None,
            Node::Served { server, .. } => Some(server.url()),
            Node::Consortium { url, .. } => Some(url.clone()),
        }
    }

    /// Makes blocks until the next epoch, where registrations count.
    ///
    /// # Errors
    /// [`Error`] when a block cannot be made.
    pub(super) fn end_epoch(&self) -> Result<(), Error> {
        let epoch = tip(&*self.ledger)?.epoch;
        while tip(&*self.ledger)?.epoch == epoch {
            self.pass_block()?;
        }
        Ok(())
    }

    fn pass_block(&self) -> Result<(), Error> {
        let next = tip(&*self.ledger)?.height.next();
        match &self.node {
            Node::Here(engine) | Node::Served { engine, .. } => engine.handle().request_block(),
            // Nobody may ask another's node for a block that nothing waits for; this does for a demo.
            Node::Consortium { .. } => {
                let key = self.parties.researcher.signing_key();
                let coin = Transfer { to: self.parties.researcher.account(), amount: Amount::new(1) };
                act(&*self.ledger, &key, Action::Transfer(coin))?;
            }
        }
        wait_for_height(&*self.ledger, next, BLOCK_TIME_MAX)?;
        Ok(())
    }

    fn accredit(&self) -> Result<(), Error> {
        let issuers = self.parties.issuers.iter().zip(["Hospital A", "Hospital B"]);
        let mut decisions: Vec<_> = issuers
            .map(|(issuer, name)| Governance::AccreditIssuer { account: issuer.account(), name: name.into() })
            .collect();
        let account = self.parties.researcher.account();
        decisions.push(Governance::AccreditResearcher { account, name: "Demo researcher".into() });
        let decisions = decisions.into_iter().map(Action::Govern).collect();
        act_all(&*self.ledger, &self.parties.governor.signing_key(), decisions)?;
        Ok(())
    }
}

/// How the parties reach ledger and blobs.
struct Reached {
    ledger: Arc<dyn LedgerAccess>,
    blobs: Arc<dyn BlobAccess>,
    node: Node,
}

fn town_here(options: &DemoOptions, mempool: Arc<Mempool>, engine: Engine) -> Result<Reached, Error> {
    let blobs = Arc::new(Objects::directory(&options.dir.join("objects"))?);
    Ok(Reached { ledger: Arc::new(LocalLedger::new(mempool, now)), blobs, node: Node::Here(engine) })
}

/// The ledger behind its HTTP API: everybody in the demo uses the address, as the other processes must.
fn serve_town(options: &DemoOptions, mempool: Arc<Mempool>, engine: Engine) -> Result<Reached, Error> {
    let chain = Arc::new(Chain::new(mempool));
    let database = Database::open(&DatabaseUrl::file(&options.dir.join("locus.sqlite"))?)?;
    let objects = Objects::directory(&options.dir.join("objects"))?;
    let id = chain.ledger().chain();
    let service = service(chain, Some(engine.handle().clone()), objects, database)?;
    let server = serve(service, "127.0.0.1:0", StopOn::Request)?;
    let remote = Remote::new(&server.url())?;
    let ledger = Arc::new(RemoteLedger::connect_to(remote.clone(), id)?);
    Ok(Reached { ledger, blobs: Arc::new(RemoteBlobs::new(remote)), node: Node::Served { server, engine } })
}

/// Validators of this machine, each with its own files.
fn consortium(options: &DemoOptions, count: usize, chain: ChainId) -> Result<Reached, Error> {
    let started = (0..count).map(|place| Process::validator(&validator_folder(&options.dir, place)));
    let (validators, remotes): (Vec<_>, Vec<_>) = started.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let nobody = || Error::Internal { action: "start validators", why: "there are none".into() };
    let remote = remotes.into_iter().next().ok_or_else(nobody)?;
    let url = remote.url().to_owned();
    let ledger = Arc::new(RemoteLedger::connect_to(remote.clone(), chain)?);
    Ok(Reached { ledger, blobs: Arc::new(RemoteBlobs::new(remote)), node: Node::Consortium { url, _kept: validators } })
}

/// Where the validators' nodes listen for each other: on free ports of this machine, unless there is one alone.
fn addresses(count: u8) -> Result<Vec<String>, Error> {
    if count == 1 {
        return Ok(vec![String::new()]);
    }
    let failed = |source| Error::Listen { address: "a free port".into(), source };
    // Held until all are found, so that they differ.
    let held = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let ports = held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<Result<Vec<_>, _>>();
    Ok(ports.map_err(failed)?.into_iter().map(|port| format!("/ip4/127.0.0.1/tcp/{port}")).collect())
}
