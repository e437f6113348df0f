//! The demo's parties, each with its own key file, and the network they found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use circuits::{
    contribution::{self, ProvingKey},
    eligibility,
    privacy::Epsilon,
    quorum::Quorum,
};
use market::wallet::{PartyKey, Protection, Role};
use node::{
    genesis::{Committee, Genesis, Member, Network, Parameters},
    units::Amount,
    validator::ValidatorSet,
};
use rand::CryptoRng;

use crate::{Error, chain::now, cli::sealing_key, node::validator};

/// The public seed of the demo's proving key: anyone can forge proofs on a demo network.
const DEMO_SEED: [u8; 32] = [0; 32];
/// Money the researcher starts with.
const RESEARCHER_BALANCE: u64 = 1_000_000_000;
/// What opening a query costs.
const OPENING_FEE: u64 = 100;
/// Blocks of an epoch.
const EPOCH_BLOCKS: u32 = 32;
/// Blocks for each step of the key generation; the demo's own patience ends before.
const KEY_STEP_BLOCKS_MAX: u32 = 100_000;
/// Blocks for which a past key's secrets stay; the demo has one key.
const KEY_RETENTION_BLOCKS: u32 = 100_000;
/// The demo's floor for exact statistics; a real network's is far higher.
const EXACT_FLOOR: u32 = 2;

/// Everybody who holds a key.
pub(super) struct Parties {
    pub(super) governor: PartyKey,
    /// One for each validator, with where its node listens.
    pub(super) validators: Vec<(PartyKey, String)>,
    pub(super) issuers: Vec<PartyKey>,
    pub(super) researcher: PartyKey,
    pub(super) members: Vec<PartyKey>,
    pub(super) custodian: PartyKey,
}

/// Where a validator's files are: the first one's are the demo's own.
pub(super) fn validator_folder(dir: &Path, place: usize) -> PathBuf {
    if place == 0 { dir.into() } else { dir.join("validators").join(place.to_string()) }
}

/// Where a committee member's files are.
pub(super) fn member_folder(dir: &Path, member: usize) -> PathBuf {
    dir.join("committee").join(member.to_string())
}

/// Where a committee member's key is.
pub(super) fn member_key(dir: &Path, member: usize) -> PathBuf {
    member_folder(dir, member).join("member.key")
}

impl Parties {
    /// Fresh keys for everyone, each in a file of its own, unencrypted: demo secrets protect nobody.
    ///
    /// # Errors
    /// [`Error::Market`] when a file cannot be written.
    pub(super) fn create(
        dir: &Path,
        quorum: Quorum,
        addresses: Vec<String>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let mut create = |role: Role, path: PathBuf| {
            let key = PartyKey::random(role, rng);
            key.create(&path, &Protection::DemoUnencrypted)?;
            Ok::<_, Error>(key)
        };
        let keys = dir.join("keys");
        let issuer_names = ["hospital-a", "hospital-b"];
        let issuers = issuer_names.iter().map(|name| create(Role::Issuer, keys.join(format!("{name}.key"))));
        let issuers = issuers.collect::<Result<_, _>>()?;
        let members = (0..usize::from(quorum.members())).map(|index| create(Role::Member, member_key(dir, index)));
        let members = members.collect::<Result<_, _>>()?;
        let mut validators = vec![];
        for address in addresses {
            let folder = validator_folder(dir, validators.len());
            validators.push((create(Role::Validator, folder.join("keys/validator.key"))?, address));
        }
        Ok(Self {
            governor: create(Role::Governor, keys.join("governor.key"))?,
            validators,
            issuers,
            researcher: create(Role::Researcher, keys.join("researcher.key"))?,
            members,
            custodian: create(Role::Custodian, keys.join("custodian.key"))?,
        })
    }

    /// The genesis of a demo network with these parties.
    ///
    /// # Errors
    /// Never in practice: its validators have keys of their own.
    pub(super) fn genesis(&self, quorum: Quorum, keys: &ProofKeys) -> Result<Genesis, Error> {
        let member = |key: &PartyKey| Member { account: key.account(), sealing: sealing_key(key) };
        let validators = self.validators.iter().map(|(key, address)| validator(key, address.clone(), 1)).collect();
        let validators = ValidatorSet::new(validators)?;
        Ok(Genesis {
            network: Network::Demo,
            name: "locus demo".into(),
            time: now(),
            parameters: Parameters {
                epoch_blocks: EPOCH_BLOCKS,
                exact_period_epochs: 1,
                exact_floor: EXACT_FLOOR,
                exact_issuers_min: 2,
                exact_genotypes_allowed: true,
                exact_groups_allowed: true,
                epsilon_milli_max: Epsilon::from_milli(10_000),
                opening_fee: Amount::new(OPENING_FEE),
                query_days_max: 30,
                early_sealing_allowed: true,
                block_seconds_min: 0,
                drift_seconds_max: 60,
                key_step_blocks_max: KEY_STEP_BLOCKS_MAX,
                key_retention_blocks: KEY_RETENTION_BLOCKS,
                fees: node::fees::FeeSchedule::default(),
            },
            balances: BTreeMap::from([(self.researcher.account(), Amount::new(RESEARCHER_BALANCE))]),
            governor: self.governor.account(),
            validators,
            committee: Committee { quorum, members: self.members.iter().map(member).collect() },
            contribution: keys.contribution.verifying_key().clone(),
            eligibility: keys.eligibility.verifying_key().clone(),
        })
    }
}

/// The demo's keys, from a public seed.
pub(super) struct ProofKeys {
    pub(super) contribution: ProvingKey,
    pub(super) eligibility: eligibility::ProvingKey,
}

impl ProofKeys {
    /// Makes both.
    ///
    /// # Errors
    /// [`Error::Statement`] when set-up fails.
    pub(super) fn make() -> Result<Self, Error> {
        let eligibility = eligibility::insecure_proving_key_from_seed(DEMO_SEED)?;
        Ok(Self { contribution: contribution::insecure_proving_key_from_seed(DEMO_SEED)?, eligibility })
    }
}
