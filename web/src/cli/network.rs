//! Founding and running a network.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use circuits::{contribution, eligibility, groth16::KeyOrigin, id::AccountId, privacy::Epsilon, quorum::Quorum};
use clap::{Args, Subcommand};
use market::{
    index::Index,
    objects::{BlobKind, Objects},
    wallet::{PartyKey, Role},
};
use node::{
    Ledger, Sequencer,
    genesis::{Committee, Genesis, Member, Network, Parameters},
    units::Amount,
};
use serde::Serialize;

use super::{
    Home, Output,
    demo::parse_quorum,
    keys::sealing_key,
    session::{read_json, write_file, write_json},
};
use crate::{
    Error, Pace,
    api::{Metrics, Service, StoredBytes, UploadQuota, is_document},
    chain::{Chain, now},
    serve::{StopOn, serve},
};

/// Bytes of blobs that uploads over the API may take on this machine's disk.
const UPLOAD_BYTES_MAX: u64 = 64 << 30;

/// A day of blocks at the default heartbeat. Transactions make blocks up to `block_seconds_min` of the genesis apart.
const KEY_STEP_BLOCKS_MAX: u32 = 17_280;
/// A month of them.
const KEY_RETENTION_BLOCKS: u32 = 30 * KEY_STEP_BLOCKS_MAX;

/// Found a network.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Make the keys of governor, validator and committee, and the genesis.
    ///
    /// Without the three files of a ceremony the network is a test network, whose insecure proving keys come from a public
    /// seed: anyone could forge proofs. With them and --consortium it is one for real records.
    Init(Init),
    /// Show the genesis and its chain id.
    Show,
}

/// What the new network is like.
#[derive(Debug, Args)]
pub struct Init {
    /// The network's name.
    name: String,
    /// Committee: how many members can decrypt, of how many.
    #[arg(long, default_value = "2/4", value_name = "T/N", value_parser = parse_quorum)]
    committee: Quorum,
    /// An account that starts with money, as ACCOUNT=AMOUNT; repeat for more.
    #[arg(long = "balance", value_name = "ACCOUNT=AMOUNT", value_parser = parse_balance)]
    balances: Vec<(AccountId, u64)>,
    /// Blocks of an epoch, at whose end registrations and consent changes count.
    #[arg(long, default_value_t = 32, value_name = "BLOCKS")]
    epoch_blocks: u32,
    /// Seconds from a block to the next, at least, so that nobody hurries epochs and deadlines, which count blocks. 0
    /// makes a block at once for each transaction; a consortium's genesis takes 1 or more.
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    block_seconds: u32,
    /// Contributions that exact statistics need for each cell.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    exact_floor: u32,
    /// Let exact queries sum more than counts in groups, each of which may hold a single person.
    #[arg(long)]
    exact_groups: bool,
    /// The largest privacy loss ε of one private query, in thousandths.
    #[arg(long, default_value_t = 1_000, value_name = "MILLI")]
    epsilon_milli_max: u32,
    /// What opening a query costs, in minor units.
    #[arg(long, default_value_t = 100, value_name = "AMOUNT")]
    opening_fee: u64,
    /// Let researchers seal a query before its closing day once its minimum is reached.
    #[arg(long)]
    early_sealing: bool,
    #[command(flatten)]
    ceremony: CeremonyKeys,
}

/// The keys that `locus ceremony phase2 finalize` wrote.
#[derive(Debug, Args)]
struct CeremonyKeys {
    /// The proving key of contributions, from a ceremony.
    #[arg(long, value_name = "FILE", requires = "contribution_key", requires = "eligibility_key")]
    proving_key: Option<PathBuf>,
    /// The verifying key of contributions, from the same ceremony.
    #[arg(long, value_name = "FILE", requires = "proving_key")]
    contribution_key: Option<PathBuf>,
    /// The verifying key of screening proofs, from a ceremony.
    #[arg(long, value_name = "FILE", requires = "proving_key")]
    eligibility_key: Option<PathBuf>,
    /// Found a network for real records, with stricter limits.
    #[arg(long, requires = "proving_key")]
    consortium: bool,
}

fn parse_balance(text: &str) -> Result<(AccountId, u64), String> {
    let parsed = text.split_once('=').map(|(account, amount)| (account.parse(), amount.parse()));
    match parsed {
        Some((Ok(account), Ok(amount))) => Ok((account, amount)),
        _ => Err("expected ACCOUNT=AMOUNT with 64 hex digits and an integer".into()),
    }
}

/// A genesis with its chain id.
#[derive(Debug, Serialize)]
struct Founded {
    chain: String,
    genesis: Genesis,
}

impl NetworkCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let genesis = match self {
            Self::Init(init) => init.found(home, output)?,
            Self::Show => home.genesis()?,
        };
        let founded = Founded { chain: genesis.chain_id()?.to_string(), genesis };
        output.result(&founded, |founded| {
            let committee = &founded.genesis.committee;
            format!(
                "{} ({:?})\nchain      {}\ngovernor   {}\ncommittee  {}\nkey        {}",
                founded.genesis.name,
                founded.genesis.network,
                founded.chain,
                founded.genesis.governor,
                committee.quorum,
                founded.genesis.contribution.id()
            )
        })
    }
}

/// The keys that a network proves and verifies with.
struct NetworkKeys {
    proving: contribution::ProvingKey,
    eligibility: eligibility::VerifyingKey,
}

impl CeremonyKeys {
    /// The ceremony's keys, or insecure ones from a public seed when none are given.
    fn keys(&self, output: &Output) -> Result<NetworkKeys, Error> {
        let (Some(proving), Some(contribution), Some(eligibility)) =
            (&self.proving_key, &self.contribution_key, &self.eligibility_key)
        else {
            output.say("making the insecure seeded keys of both proofs, which takes some seconds");
            let screening = eligibility::insecure_proving_key_from_seed([0; 32])?;
            let proving = contribution::insecure_proving_key_from_seed([0; 32])?;
            return Ok(NetworkKeys { proving, eligibility: screening.verifying_key().clone() });
        };
        let contribution: contribution::VerifyingKey = read_json("contribution key", contribution)?;
        let eligibility: eligibility::VerifyingKey = read_json("eligibility key", eligibility)?;
        for (what, origin) in [("contribution key", contribution.origin()), ("eligibility key", eligibility.origin())] {
            if origin != KeyOrigin::Ceremony {
                let why = "it comes from a seed; give the file that `locus ceremony phase2 finalize` wrote".into();
                return Err(Error::Input { what, why });
            }
        }
        let bytes = std::fs::read(proving)
            .map_err(|error| Error::Input { what: "proving key", why: format!("{}: {error}", proving.display()) })?;
        Ok(NetworkKeys { proving: contribution::ProvingKey::from_bytes(&bytes, &contribution)?, eligibility })
    }
}

impl Init {
    fn found(self, home: &Home, output: &Output) -> Result<Genesis, Error> {
        if home.genesis_path().exists() {
            let why = format!("{} exists; choose another --data-dir", home.genesis_path().display());
            return Err(Error::Input { what: "genesis", why });
        }
        let protection = home.new_protection("the new keys")?;
        let fresh = |role| PartyKey::random(role, &mut rand::rng());
        let (governor, validator) = (fresh(Role::Governor), fresh(Role::Validator));
        let members: Vec<_> = (0..self.committee.members()).map(|_| fresh(Role::Member)).collect();
        let keys = self.ceremony.keys(output)?;
        let genesis = self.genesis(&governor, &validator, &members, &keys);
        // Checked before the first file is written, so that a refused network leaves nothing behind.
        genesis.check()?;
        let members = (0..).zip(&members).map(|(index, key): (u8, _)| (format!("member-{index}"), key));
        for (name, key) in [("governor".into(), &governor), ("validator".into(), &validator)].into_iter().chain(members)
        {
            let path = home.keys_path().join(format!("{name}.key"));
            key.create(&path, &protection)?;
            output.say(format!("made {}", path.display()));
        }
        write_file("proving key", &home.proving_key_path(), &keys.proving.to_bytes()?)?;
        write_json("genesis", &home.genesis_path(), &genesis)?;
        Ok(genesis)
    }

    fn genesis(self, governor: &PartyKey, validator: &PartyKey, members: &[PartyKey], keys: &NetworkKeys) -> Genesis {
        let member = |key: &PartyKey| Member { account: key.account(), sealing: sealing_key(key) };
        Genesis {
            network: if self.ceremony.consortium { Network::Consortium } else { Network::Test },
            name: self.name,
            time: now(),
            parameters: Parameters {
                epoch_blocks: self.epoch_blocks,
                exact_period_epochs: 1,
                exact_floor: self.exact_floor,
                exact_issuers_min: 2,
                exact_genotypes_allowed: true,
                exact_groups_allowed: self.exact_groups,
                epsilon_milli_max: Epsilon::from_milli(self.epsilon_milli_max),
                opening_fee: Amount::new(self.opening_fee),
                query_days_max: 365,
                early_sealing_allowed: self.early_sealing,
                block_seconds_min: self.block_seconds,
                drift_seconds_max: 60,
                key_step_blocks_max: KEY_STEP_BLOCKS_MAX,
                key_retention_blocks: KEY_RETENTION_BLOCKS,
            },
            balances: self
                .balances
                .into_iter()
                .map(|(account, amount)| (account, Amount::new(amount)))
                .collect::<BTreeMap<_, _>>(),
            governor: governor.account(),
            validators: vec![validator.account()],
            committee: Committee { quorum: self.committee, members: members.iter().map(member).collect() },
            contribution: keys.proving.verifying_key().clone(),
            eligibility: keys.eligibility.clone(),
        }
    }
}

/// Run the node and its HTTP API until interrupted.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on. The default is reachable from this machine only.
    #[arg(long, default_value = "127.0.0.1:8480", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Seconds without a transaction after which an empty block moves time, deadlines and epochs on.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    heartbeat: u64,
}

impl Serve {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        if let Some(url) = &home.url() {
            let why = format!("the node serves the ledger in --data-dir; leave out --url (and LOCUS_URL), here {url}");
            return Err(Error::Input { what: "address", why });
        }
        let genesis = home.genesis()?;
        let validator = home.key(&home.validator_path(), Role::Validator)?;
        let ledger = Arc::new(Ledger::open(&home.ledger_path(), genesis)?);
        let chain = Arc::new(Chain::new(Arc::new(Sequencer::new(ledger, validator.signing_key())?)));
        let service = service(chain, &home.objects_path(), &home.index_path())?;
        let pace = Pace { heartbeat: Duration::from_secs(self.heartbeat), ..Pace::default() };
        let running = serve(service, &self.listen.to_string(), pace, StopOn::Signals)?;
        output.result(&serde_json::json!({ "url": running.url() }), |_| {
            format!("serving on {}; stop with Ctrl-C", running.url())
        })?;
        running.wait()
    }
}

/// What the API serves, from a chain and the folders of its blobs and index.
///
/// # Errors
/// [`Error::Market`] when the blobs or the index cannot be opened.
pub(crate) fn service(chain: Arc<Chain>, objects: &Path, index: &Path) -> Result<Service, Error> {
    let objects = Objects::directory(objects)?;
    let (documents, protocol): (Vec<_>, Vec<_>) = BlobKind::ALL.into_iter().partition(|kind| is_document(*kind));
    let stored =
        StoredBytes { protocol: objects.stored_bytes(&protocol)?, documents: objects.stored_bytes(&documents)? };
    Ok(Service {
        quota: UploadQuota::new(UPLOAD_BYTES_MAX, stored),
        blobs: Arc::new(objects),
        index: Arc::new(Index::open(index, chain.ledger().chain())?),
        chain,
        metrics: Metrics::default(),
    })
}
