//! Founding a network.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use circuits::{contribution, eligibility, groth16::KeyOrigin, id::AccountId, privacy::Epsilon, quorum::Quorum};
use clap::{Args, Subcommand};
use market::wallet::{PartyKey, Role};
use node::{
    genesis::{Committee, Genesis, Member, Network, Parameters},
    units::Amount,
    validator::{Validator, ValidatorSet},
};
use serde::Serialize;

use super::{
    Home, Output,
    demo::parse_quorum,
    keys::member,
    session::{read_json, write_file, write_json},
};
use crate::{Error, chain::now, node::validator};

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
    Init(Box<Init>),
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
    /// Epochs of a period in which a record enters one exact release of a measure, and only if it was registered before the
    /// period began. With one epoch it is the agents that keep a record out of a second release.
    #[arg(long, default_value_t = 1, value_name = "EPOCHS")]
    exact_period_epochs: u32,
    /// Let exact queries measure genotypes in a consortium: allele counts of a small cohort tell whether somebody whose genome
    /// is known is in it. Networks that are no consortium allow it.
    #[arg(long)]
    exact_genotypes: bool,
    /// Let exact queries sum more than counts in groups, each of which may hold a single person, and products of attributes.
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
    /// A validator's file from `locus node init`; repeat for each organisation. Without any, one validator is made here.
    #[arg(long = "validator", value_name = "FILE")]
    validators: Vec<PathBuf>,
    /// A committee member's file from `locus keys member`; repeat for each, as many as --committee says. Without any, the
    /// members' keys are made here.
    #[arg(long = "member", value_name = "FILE")]
    members: Vec<PathBuf>,
    /// The account that accredits issuers and researchers. Without it, the governor's key is made here.
    #[arg(long, value_name = "ACCOUNT")]
    governor: Option<AccountId>,
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
    /// The proving key of screening proofs, from the same ceremony; without it nobody here responds to screenings.
    #[arg(long, value_name = "FILE", requires = "eligibility_key")]
    eligibility_proving_key: Option<PathBuf>,
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
                "{} ({:?})\nchain      {}\ngovernor   {}\nvalidators {}\ncommittee  {} at first; `locus committee show` says who sits now\nkey        {}",
                founded.genesis.name,
                founded.genesis.network,
                founded.chain,
                founded.genesis.governor,
                list(founded.genesis.validators.iter().map(|validator| validator.account)),
                committee.quorum,
                founded.genesis.contribution.id()
            )
        })
    }
}

fn list(accounts: impl Iterator<Item = AccountId>) -> String {
    accounts.map(|account| account.to_string()).collect::<Vec<_>>().join("\n           ")
}

/// The keys that a network proves and verifies with.
struct NetworkKeys {
    proving: contribution::ProvingKey,
    eligibility: eligibility::VerifyingKey,
    /// Proves eligibility; a ceremony's may be elsewhere.
    screening: Option<eligibility::ProvingKey>,
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
            let eligibility = screening.verifying_key().clone();
            return Ok(NetworkKeys { proving, eligibility, screening: Some(screening) });
        };
        let contribution: contribution::VerifyingKey = read_json("contribution key", contribution)?;
        let eligibility: eligibility::VerifyingKey = read_json("eligibility key", eligibility)?;
        for (what, origin) in [("contribution key", contribution.origin()), ("eligibility key", eligibility.origin())] {
            if origin != KeyOrigin::Ceremony {
                let why = "it comes from a seed; give the file that `locus ceremony phase2 finalize` wrote".into();
                return Err(Error::Input { what, why });
            }
        }
        let proving = contribution::ProvingKey::from_bytes(&read_key(proving)?, &contribution)?;
        let screening = self.eligibility_proving_key.as_ref();
        let screening =
            screening.map(|path| Ok::<_, Error>(eligibility::ProvingKey::from_bytes(&read_key(path)?, &eligibility)?));
        Ok(NetworkKeys { proving, screening: screening.transpose()?, eligibility })
    }
}

fn read_key(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::Input { what: "proving key", why: format!("{}: {error}", path.display()) })
}

impl Init {
    fn found(self, home: &Home, output: &Output) -> Result<Genesis, Error> {
        if home.genesis_path().exists() {
            let why = format!("{} exists; choose another --data-dir", home.genesis_path().display());
            return Err(Error::Input { what: "genesis", why });
        }
        let protection = home.new_protection("the new keys")?;
        let fresh = |role| PartyKey::random(role, &mut rand::rng());
        let governor_key = fresh(Role::Governor);
        let governor = self.governor.unwrap_or_else(|| governor_key.account());
        let governor_key = (governor == governor_key.account()).then_some(governor_key);
        let (validator, validators) = self.validators(fresh(Role::Validator))?;
        let made = if self.members.is_empty() { self.committee.members() } else { 0 };
        let member_keys: Vec<_> = (0..made).map(|_| fresh(Role::Member)).collect();
        let members = match self.members.as_slice() {
            [] => member_keys.iter().map(member).collect(),
            files => files.iter().map(|path| read_json("member", path)).collect::<Result<Vec<Member>, _>>()?,
        };
        let keys = self.ceremony.keys(output)?;
        let genesis = self.genesis(governor, validators, members, &keys);
        // Checked before the first file is written, so that a refused network leaves nothing behind.
        genesis.check()?;
        let members = (0..).zip(&member_keys).map(|(index, key): (u8, _)| (format!("member-{index}"), key));
        let own = [("governor".into(), governor_key.as_ref()), ("validator".into(), validator.as_ref())];
        let own = own.into_iter().filter_map(|(name, key): (String, _)| Some((name, key?)));
        for (name, key) in own.chain(members) {
            let path = home.keys_path().join(format!("{name}.key"));
            key.create(&path, &protection)?;
            output.say(format!("made {}", path.display()));
        }
        write_file("proving key", &home.proving_key_path(), &keys.proving.to_bytes()?)?;
        if let Some(key) = &keys.screening {
            write_file("proving key of screenings", &home.eligibility_key_path(), &key.to_bytes()?)?;
        }
        write_json("genesis", &home.genesis_path(), &genesis)?;
        Ok(genesis)
    }

    /// The validators of the files given, or one whose key is made here.
    fn validators(&self, fresh: PartyKey) -> Result<(Option<PartyKey>, ValidatorSet), Error> {
        if self.validators.is_empty() {
            let alone = ValidatorSet::new(vec![validator(&fresh, String::new(), 1)])?;
            return Ok((Some(fresh), alone));
        }
        let listed = self.validators.iter().map(|path| read_json::<Validator>("validator", path));
        Ok((None, ValidatorSet::new(listed.collect::<Result<_, _>>()?)?))
    }

    fn genesis(
        self,
        governor: AccountId,
        validators: ValidatorSet,
        members: Vec<Member>,
        keys: &NetworkKeys,
    ) -> Genesis {
        Genesis {
            network: if self.ceremony.consortium { Network::Consortium } else { Network::Test },
            name: self.name,
            time: now(),
            parameters: Parameters {
                epoch_blocks: self.epoch_blocks,
                exact_period_epochs: self.exact_period_epochs,
                exact_floor: self.exact_floor,
                exact_issuers_min: 2,
                exact_genotypes_allowed: self.exact_genotypes || !self.ceremony.consortium,
                exact_groups_allowed: self.exact_groups,
                epsilon_milli_max: Epsilon::from_milli(self.epsilon_milli_max),
                opening_fee: Amount::new(self.opening_fee),
                query_days_max: 365,
                early_sealing_allowed: self.early_sealing,
                block_seconds_min: self.block_seconds,
                drift_seconds_max: 60,
                key_step_blocks_max: KEY_STEP_BLOCKS_MAX,
                key_retention_blocks: KEY_RETENTION_BLOCKS,
                fees: node::fees::FeeSchedule::default(),
            },
            balances: self
                .balances
                .into_iter()
                .map(|(account, amount)| (account, Amount::new(amount)))
                .collect::<BTreeMap<_, _>>(),
            governor,
            validators,
            committee: Committee { quorum: self.committee, members },
            contribution: keys.proving.verifying_key().clone(),
            eligibility: keys.eligibility.clone(),
        }
    }
}
