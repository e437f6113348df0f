//! Running a node: its consensus engine and its HTTP API, until interrupted.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use circuits::id::AccountId;
use clap::Args;
use futures::executor::block_on;
use market::{
    database::Database,
    index::Index,
    jobs::{AggregateDuty, Duty, StepDuty},
    ledger::{LedgerAccess, LocalLedger},
    objects::{BlobKind, Objects},
    wallet::Role,
};
use node::{
    Ledger, Mempool,
    consensus::{Engine, EngineHandle, Pace},
    state::StateRead,
    units::Height,
};

use super::{
    copy::{forget_copies, write_copy},
    publish::Publish,
};
use crate::{
    Error,
    api::{Custody, Metrics, OtherNodes, Publishing, Service, StoredBytes, UploadQuota, is_document},
    chain::{Chain, now},
    cli::{
        Home, Output,
        committee::{Members, end_with_standard_input},
        database::DatabaseOption,
        patience::patiently,
    },
    node::{NO_PEERS, engine_options},
    serve::{Running, StopOn, serve_with_duties},
    sign_in::{SignIn, read_institutions},
    signed_request::Replay,
};

/// Bytes of blobs that uploads over the API may take on this machine's disk.
const UPLOAD_BYTES_MAX: u64 = 64 << 30;

/// Seconds without a transaction before an empty block.
const HEARTBEAT_SECONDS: u64 = 5;
/// Blocks from one copy of the chain to the next.
const COPY_BLOCKS: u64 = 10_000;
/// Copies that stay: one that is damaged, and one written over what damaged it, leave another.
const COPIES_KEPT: u64 = 3;

/// Run the node, its HTTP API and its pages until interrupted.
#[derive(Debug, Args)]
pub struct Run {
    /// Address of the HTTP API. The default is reachable from this machine only.
    #[arg(long, default_value = "127.0.0.1:8480", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Address to listen on for other nodes, as /ip4/0.0.0.0/tcp/26656. By default every interface, at the port of the
    /// address that the ledger lists for this node.
    #[arg(long, value_name = "MULTIADDRESS")]
    p2p: Option<String>,
    /// Seconds without a transaction after which an empty block moves time, deadlines and epochs on.
    #[arg(long, default_value_t = HEARTBEAT_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    heartbeat: u64,
    /// Addresses of other nodes' HTTP APIs, as http://HOST:PORT, 16 at most. Blobs that are not here are fetched from them: a
    /// blob lies at the node that it was uploaded to. Name every other node of the consortium, unless all keep their blobs in
    /// one store (--objects).
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    blobs_from: Vec<String>,
    /// End when standard input closes, as it does when the process that started this one ends.
    #[arg(long)]
    attached: bool,
    /// A folder for copies of the chain that are written while the node runs, named by their last block. Give it to nothing
    /// else, best on another disk: each copy takes as much as the ledger.
    #[arg(long, value_name = "DIR")]
    copies: Option<PathBuf>,
    /// Blocks from one copy to the next.
    #[arg(long, default_value_t = COPY_BLOCKS, value_name = "BLOCKS", requires = "copies", value_parser = clap::value_parser!(u64).range(1..))]
    copy_every: u64,
    /// Copies that stay; older ones are removed once a newer one is whole.
    #[arg(long, default_value_t = COPIES_KEPT, value_name = "COUNT", requires = "copies", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    keep_copies: u64,
    #[command(flatten)]
    database: DatabaseOption,
    #[command(flatten)]
    stewardship: Stewardship,
    /// Key file of a custodian (`locus keys new custodian`). With it this node serves the datasets that name its account, to
    /// those whom the ledger entitles, and signs a receipt of each access of a licensee first.
    #[arg(long, value_name = "FILE")]
    custodian_key: Option<PathBuf>,
    #[command(flatten)]
    publish: Publish,
    /// File of institutions whose OpenID providers let people in to the pages (docs/guide/sign-in.md has an example).
    #[arg(long, value_name = "FILE")]
    institutions: Option<PathBuf>,
}

/// What a node does for queries, in everybody's place.
#[derive(Debug, Default, Args)]
struct Stewardship {
    /// Key file, of any role, with which this node does for every query what the ledger lets anybody do: it seals queries
    /// that are full or past their last day, adds up sealed ones and sends their sums, and returns the money of those that
    /// missed a deadline. It needs --members or --members-file. Without it somebody runs `locus query seal`, `locus
    /// aggregate` and `locus query refund`.
    #[arg(long, value_name = "FILE")]
    aggregator_key: Option<PathBuf>,
    #[command(flatten)]
    members: Members,
}

impl Stewardship {
    /// The duties, where the operator gave a key.
    fn duties(&self, home: &Home, service: &Service) -> Result<Vec<Arc<dyn Duty>>, Error> {
        let Some(path) = &self.aggregator_key else {
            let why = "they are for --aggregator-key, which is not given".into();
            return if self.members.is_empty() { Ok(vec![]) } else { Err(Error::Input { what: "members", why }) };
        };
        let sender = home.any_key(path)?.signing_key();
        let ledger: Arc<dyn LedgerAccess> = Arc::new(LocalLedger::new(Arc::clone(service.chain.mempool()), now));
        Ok(vec![
            Arc::new(StepDuty::sealing(Arc::clone(&ledger), sender.clone())),
            Arc::new(StepDuty::refunding(Arc::clone(&ledger), sender.clone())),
            Arc::new(AggregateDuty {
                ledger,
                blobs: Arc::new(service.fetching_for_duties()),
                committee: Arc::new(self.members.directory()?),
                sender,
            }),
        ])
    }
}

impl Run {
    /// A node that serves its API at an address, with everything else as it is unless told otherwise.
    pub(in crate::cli) fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            p2p: None,
            heartbeat: HEARTBEAT_SECONDS,
            blobs_from: vec![],
            attached: false,
            copies: None,
            copy_every: COPY_BLOCKS,
            keep_copies: COPIES_KEPT,
            database: DatabaseOption::default(),
            stewardship: Stewardship::default(),
            publish: Publish::default(),
            custodian_key: None,
            institutions: None,
        }
    }

    /// Knows diseases by the names that an ontology gives them.
    pub(in crate::cli) fn naming(self, ontology: PathBuf) -> Self {
        Self { publish: self.publish.naming(ontology), ..self }
    }

    pub(in crate::cli) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let attached = self.attached;
        let node = self.start(home, output)?;
        output.result(&serde_json::json!({ "url": node.url(), "p2p": node.p2p }), |_| {
            format!("serving on {}; open it in a browser; stop with Ctrl-C", node.url())
        })?;
        if attached {
            thread::spawn(end_with_standard_input);
        }
        node.wait()
    }

    /// Starts the node, which then listens.
    pub(in crate::cli) fn start(self, home: &Home, output: &Output) -> Result<RunningNode, Error> {
        if let Some(url) = &home.url() {
            let why = format!("the node runs on the ledger in --data-dir; leave out --url (and LOCUS_URL), here {url}");
            return Err(Error::Input { what: "address", why });
        }
        let ledger = home.open_checked_ledger()?;
        let key = home.key(&home.validator_path(), Role::Validator)?;
        let mempool = Arc::new(Mempool::new(Arc::new(ledger)));
        let database = patiently(|| self.database.open(home))?;
        let objects = home.objects()?;
        let others = Arc::new(OtherNodes::at(&self.blobs_from)?);
        let custody = self.custodian_key.as_deref().map(|path| home.key(path, Role::Custodian)).transpose()?;
        let custody = custody.map(|key| Custody::new(key.signing_key()));
        let p2p = match self.p2p {
            Some(address) => address,
            None => listening_address(&mempool, key.account(), output)?,
        };
        check_free(&p2p)?;
        let pace = Pace { heartbeat: Duration::from_secs(self.heartbeat), ..Pace::default() };
        let engine = Engine::start(Arc::clone(&mempool), engine_options(&key, home.dir(), &p2p, pace)?)?;
        if let Some(folder) = self.copies {
            copy_in_background(Arc::clone(mempool.ledger()), folder, (self.copy_every, self.keep_copies))?;
        }
        let chain = Arc::new(Chain::new(mempool));
        let mut service = service(chain, Some(engine.handle().clone()), objects, database)?;
        service.others = others;
        // Panels are sought by what the index names, which lacks everything after its tables changed.
        service.index.follow(service.chain.ledger())?;
        service.publishing = self.publish.open(&service, self.listen, output)?;
        service.custody = custody;
        let duties = self.stewardship.duties(home, &service)?;
        if let Some(path) = &self.institutions {
            service.sign_in.institutions = read_institutions(path)?;
        }
        let server = serve_with_duties(service, duties, &self.listen.to_string(), StopOn::Signals)?;
        Ok(RunningNode { server, engine, p2p })
    }
}

/// A node that runs: its server, which ends first, and its engine.
pub(in crate::cli) struct RunningNode {
    server: Running,
    engine: Engine,
    /// Where it listens for other nodes.
    p2p: String,
}

impl RunningNode {
    /// The address of its API and pages.
    pub(in crate::cli) fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until a signal ends it.
    ///
    /// # Errors
    /// [`Error::Internal`] when it ended with a failure.
    pub(in crate::cli) fn wait(self) -> Result<(), Error> {
        self.server.wait()?;
        Ok(self.engine.stop()?)
    }
}

/// Writes copies as blocks are made, until the process ends.
fn copy_in_background(ledger: Arc<Ledger>, folder: PathBuf, (every, kept): (u64, u64)) -> Result<(), Error> {
    fs::create_dir_all(&folder)
        .map_err(|error| Error::Input { what: "folder of copies", why: format!("{}: {error}", folder.display()) })?;
    let started = thread::Builder::new().name("locus-copies".into()).spawn(move || {
        let mut heights = ledger.watch();
        let mut copied = heights.borrow().get();
        while block_on(heights.changed()).is_ok() {
            let height = heights.borrow_and_update().get();
            if height / every == copied / every {
                continue;
            }
            copied = height;
            let path = folder.join(format!("{height}.redb"));
            let written = write_copy(&ledger, &path, |_| Height::new(1));
            match written.and_then(|tip| forget_copies(&folder, &path, kept as usize).map(|()| tip)) {
                Ok(tip) => tracing::info!(height = %tip.height, path = %path.display(), "copy written"),
                Err(error) => tracing::error!(%error, "the copies are not as they should be"),
            }
        }
    });
    started.map(drop).map_err(|error| Error::Internal { action: "start a thread", why: error.to_string() })
}

/// Where this node listens for others: on every interface, at the port of the address that the ledger lists for it. A
/// node that this ledger does not list yet connects to the others all the same, and follows until it is.
fn listening_address(mempool: &Mempool, account: AccountId, output: &Output) -> Result<String, Error> {
    let validators = mempool.ledger().snapshot()?.validators()?;
    let listed = validators.as_ref().and_then(|validators| validators.get(account));
    let Some(listed) = listed else {
        output.say(format!(
            "the ledger here does not list {account}: this node follows once the validators have approved it \
             (`locus node approve set-validator`)"
        ));
        return Ok(NO_PEERS.into());
    };
    let port = listed.address.split("/tcp/").nth(1).and_then(|rest| rest.split('/').next());
    Ok(match port {
        Some(_) if listed.address.starts_with("/ip4/127.") => listed.address.clone(),
        Some(port) => format!("/ip4/0.0.0.0/tcp/{port}"),
        None => NO_PEERS.into(),
    })
}

/// Takes the port for a moment: the network below reports one that is taken only in its log.
fn check_free(listen: &str) -> Result<(), Error> {
    let mut parts = listen.trim_start_matches('/').split('/');
    if let (Some("ip4" | "ip6"), Some(host), Some("tcp"), Some(port)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        TcpListener::bind(&address).map(drop).map_err(|source| Error::Listen { address, source })?;
    }
    Ok(())
}

/// What the API serves, from a chain, its blobs and the database of its index.
///
/// # Errors
/// [`Error::Market`] when the blobs or the index cannot be opened.
pub(crate) fn service(
    chain: Arc<Chain>,
    engine: Option<EngineHandle>,
    objects: Objects,
    database: Database,
) -> Result<Service, Error> {
    let (documents, protocol): (Vec<_>, Vec<_>) = BlobKind::ALL.into_iter().partition(|kind| is_document(*kind));
    let stored =
        StoredBytes { protocol: objects.stored_bytes(&protocol)?, documents: objects.stored_bytes(&documents)? };
    Ok(Service {
        publishing: Publishing::nothing(chain.ledger().chain()),
        quota: Arc::new(UploadQuota::new(UPLOAD_BYTES_MAX, stored)),
        blobs: Arc::new(objects),
        others: Arc::default(),
        index: Arc::new(Index::open(database, chain.ledger().chain())?),
        chain,
        metrics: Metrics::default(),
        engine,
        custody: None,
        replay: Replay::new(now()),
        sign_in: SignIn::default(),
    })
}
