//! What a chain starts from; its digest is the chain id that every signature and proof binds.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    contribution,
    domain::{ByteTag, PROTOCOL_VERSION, hash},
    eligibility,
    groth16::KeyOrigin,
    id::{AccountId, ChainId},
    privacy::Epsilon,
    quorum::{MemberIndex, Quorum},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
    consensus::check_address,
    fees::FeeSchedule,
    query::{DEADLINE_BLOCKS_MAX, SealingKey},
    units::{Amount, Timestamp},
    validator::ValidatorSet,
};

/// The longest name of a network.
pub const NAME_BYTES_MAX: usize = 256;
/// Accounts that a genesis may endow.
pub const BALANCES_MAX: usize = 65_536;
/// The least floor for exact statistics over real records.
const CONSORTIUM_EXACT_FLOOR_MIN: u32 = 20;
/// The fewest issuers from which exact statistics over real records must be able to come.
const CONSORTIUM_ISSUERS_MIN: u8 = 2;
/// The largest ε of one query over real records, in thousandths.
const CONSORTIUM_EPSILON_MILLI_MAX: u32 = 10_000;
/// The longest epoch, in blocks.
pub const EPOCH_BLOCKS_MAX: u32 = 1 << 20;
/// The longest that a chain may make its blocks wait for each other, in seconds.
pub const BLOCK_SECONDS_MAX: u32 = 3_600;
/// The least that blocks over real records wait for each other: epochs, periods and deadlines count blocks, so whoever
/// sends transactions must not be able to hurry them.
const CONSORTIUM_BLOCK_SECONDS_MIN: u32 = 1;

/// How much a network's data and money count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// One machine plays all parties; keys may come from a seed.
    Demo,
    /// For tests; keys may come from a seed.
    Test,
    /// Real records: only keys of a ceremony are accepted.
    Consortium,
}

impl Network {
    /// What it is, for people.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Demo => "a demonstration, played by one machine",
            Self::Test => "a test network",
            Self::Consortium => "a consortium's network",
        }
    }
}

/// What governance fixes for the whole chain.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Parameters {
    /// Blocks of an epoch; at its end leaf changes take effect and a root is taken.
    pub epoch_blocks: u32,
    /// Epochs of a period in which a record enters one `Exact` release per measure.
    pub exact_period_epochs: u32,
    /// Contributions that an `Exact` query must demand for each of its cells.
    pub exact_floor: u32,
    /// Issuers from which an `Exact` query's records must be able to come.
    pub exact_issuers_min: u8,
    /// Whether `Exact` queries may measure genotypes.
    pub exact_genotypes_allowed: bool,
    /// Whether `Exact` queries may group by sensitive values, and sum anything but counts in groups. A group may hold one
    /// person whatever the floor, so only demonstrations should allow it.
    pub exact_groups_allowed: bool,
    /// The largest privacy loss ε of one `Private` query, in thousandths.
    pub epsilon_milli_max: Epsilon,
    /// What opening a query costs; never refunded, so that a refunded query is no free oracle.
    pub opening_fee: Amount,
    /// Days between a query's opening and closing day, at most.
    pub query_days_max: u32,
    /// Whether a researcher may seal before the closing day once the minimum is reached. It lets the researcher choose
    /// the moment, so only demonstrations should allow it.
    pub early_sealing_allowed: bool,
    /// Seconds from a block's time to the next one's, at least; 0 for demonstrations and tests. Epochs, periods, deadlines
    /// and retention count blocks: times this they are the least time that passes.
    pub block_seconds_min: u32,
    /// How far a block's time may be ahead of a validator's clock.
    pub drift_seconds_max: u32,
    /// Blocks that the committee has for each step of a key's generation: commit, reveal, confirm. Past it anyone may end
    /// the attempt, which names the members it waited for.
    pub key_step_blocks_max: u32,
    /// Blocks after a committee key became active for which its members keep what belongs to earlier keys. Queries in
    /// flight under an earlier key keep it longer.
    pub key_retention_blocks: u32,
    /// What queries pay beside their contributors, until the governor changes it.
    #[serde(default)]
    pub fees: FeeSchedule,
}

/// A member of the decryption committee.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Member {
    /// The key that signs receipts, aggregates and transactions.
    pub account: AccountId,
    /// The key that messages to the member are sealed to.
    pub sealing: SealingKey,
}

/// The committee: its quorum and its members, by index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Committee {
    /// `t` of `n`.
    pub quorum: Quorum,
    /// The members; the place in this list is the member's index.
    pub members: Vec<Member>,
}

impl Committee {
    /// The member at an index.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an index beyond the committee.
    pub fn member(&self, index: MemberIndex) -> Result<&Member, Error> {
        let unknown = Error::Unknown { what: "committee member", id: index.to_string() };
        self.members.get(usize::from(index.get())).ok_or(unknown)
    }

    /// Checks that a committee key can be made among the members.
    ///
    /// # Errors
    /// [`Error::Refused`] that says what is wrong; as [`SealingKey::check`] for a member's key.
    pub fn check(&self, network: Network) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "committee", why: why.into() });
        if network == Network::Consortium && self.quorum.threshold() < 2 {
            return refuse("a threshold of 1 lets each member decrypt alone; use at least 2");
        }
        if self.members.len() != usize::from(self.quorum.members()) {
            return refuse("list as many members as the quorum says");
        }
        if self.members.iter().map(|member| member.account).collect::<BTreeSet<_>>().len() != self.members.len() {
            return refuse("a member's account is listed twice");
        }
        let sealing: BTreeSet<_> = self.members.iter().map(|member| member.sealing.as_bytes()).collect();
        if sealing.len() != self.members.len() {
            return refuse("a member's sealing key is listed twice; no committee key could be made");
        }
        self.members.iter().try_for_each(|member| member.sealing.check())
    }

    /// The index of the member with this account, if it is one.
    #[must_use]
    pub fn index_of(&self, account: AccountId) -> Option<MemberIndex> {
        let place = self.members.iter().position(|member| member.account == account)?;
        u8::try_from(place).ok().map(MemberIndex::new)
    }
}

/// The first state of a chain and the rules it keeps.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Genesis {
    /// What kind of network this is.
    pub network: Network,
    /// Its name, which tells two chains of the same parties apart.
    pub name: String,
    /// Time of genesis; the first block is not before it.
    pub time: Timestamp,
    /// Governance's constants.
    pub parameters: Parameters,
    /// The money there is at first. Only an accredited settlement institution mints more, against what it was paid.
    pub balances: BTreeMap<AccountId, Amount>,
    /// The key that accredits and suspends.
    pub governor: AccountId,
    /// The first validators.
    pub validators: ValidatorSet,
    /// The first decryption committee.
    pub committee: Committee,
    /// The key under which eligibility proofs verify: screening, with nothing encrypted.
    pub eligibility: eligibility::VerifyingKey,
    /// The key under which contribution proofs verify.
    pub contribution: contribution::VerifyingKey,
}

impl Genesis {
    /// The chain id: a digest of the canonical genesis and the protocol version.
    ///
    /// # Errors
    /// [`Error::Genesis`] as [`Genesis::check`].
    pub fn chain_id(&self) -> Result<ChainId, Error> {
        self.check()?;
        let bytes = encode("genesis", self)?;
        let digest = hash(ByteTag::Chain, &[&PROTOCOL_VERSION.to_le_bytes(), &bytes]);
        Ok(ChainId::from_bytes(digest.to_bytes()))
    }

    /// All the money there is at first.
    ///
    /// # Errors
    /// [`Error::Overflow`] when the balances exceed 2^64 − 1.
    pub fn supply(&self) -> Result<Amount, Error> {
        self.balances.values().try_fold(Amount::default(), |sum, balance| sum.plus(*balance))
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Genesis`] that names the field.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, why: &str| Err(Error::Genesis { field, why: why.into() });
        check_length("genesis name in bytes", self.name.len(), NAME_BYTES_MAX)?;
        check_length("genesis balances", self.balances.len(), BALANCES_MAX)?;
        for (field, origin) in
            [("eligibility", self.eligibility.origin()), ("contribution", self.contribution.origin())]
        {
            if self.network == Network::Consortium && origin == KeyOrigin::InsecureSeed {
                return refuse(field, "this key comes from a seed, whose holder can forge proofs; use a ceremony's");
            }
        }
        for validator in self.validators.iter().filter(|validator| !validator.address.is_empty()) {
            if let Err(error) = check_address(&validator.address) {
                return refuse("validators", &error.to_string());
            }
        }
        if self.supply().is_err() {
            return refuse("balances", "they add up beyond 2^64 - 1 minor units");
        }
        match self.committee.check(self.network) {
            Err(Error::Refused { why, .. }) => return refuse("committee", &why),
            outcome => outcome?,
        }
        self.parameters.check()?;
        if self.network == Network::Consortium { self.parameters.check_for_real_records() } else { Ok(()) }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Genesis { field: "parameters", why: why.into() });
        if self.epoch_blocks == 0 || self.epoch_blocks > EPOCH_BLOCKS_MAX {
            return refuse("epoch_blocks must be 1 to 1048576");
        }
        if self.block_seconds_min > BLOCK_SECONDS_MAX {
            return refuse("block_seconds_min must be at most 3600");
        }
        if self.exact_period_epochs == 0 {
            return refuse("exact_period_epochs must be at least 1");
        }
        if self.key_step_blocks_max == 0 || self.key_step_blocks_max > DEADLINE_BLOCKS_MAX {
            return refuse("key_step_blocks_max must be 1 to 16777216");
        }
        if self.exact_floor == 0 {
            return refuse("exact_floor must be at least 1");
        }
        if let Err(error) = self.fees.check() {
            return refuse(&error.to_string());
        }
        Ok(())
    }

    /// What a network of real records may not go below.
    fn check_for_real_records(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Genesis { field: "parameters", why: why.into() });
        if self.exact_floor < CONSORTIUM_EXACT_FLOOR_MIN || self.exact_issuers_min < CONSORTIUM_ISSUERS_MIN {
            return refuse("a consortium's exact_floor must be at least 20 and its exact_issuers_min at least 2");
        }
        if self.block_seconds_min < CONSORTIUM_BLOCK_SECONDS_MIN {
            return refuse("a consortium's block_seconds_min must be at least 1, or anyone hurries its epochs");
        }
        if self.early_sealing_allowed {
            return refuse("early_sealing_allowed is for demonstrations; a consortium seals on the closing day");
        }
        if self.exact_groups_allowed {
            return refuse("exact_groups_allowed is for demonstrations; a group may hold a single person");
        }
        if self.epsilon_milli_max.milli() > CONSORTIUM_EPSILON_MILLI_MAX {
            return refuse(
                "epsilon_milli_max must be at most 10000 in a consortium: beyond ε = 10 noise protects little",
            );
        }
        Ok(())
    }
}
