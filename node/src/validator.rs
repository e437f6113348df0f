//! Validators: the organisations whose signatures make a block final, and how their nodes find each other.

use std::{collections::BTreeSet, fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, Digest},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
};

/// Validators and observers that a chain may have at once.
pub const VALIDATORS_MAX: usize = 128;
/// The largest voting power of one validator.
pub const POWER_MAX: u32 = 1 << 20;
/// The longest network address.
pub const ADDRESS_BYTES_MAX: usize = 256;

/// A node's Ed25519 key of network links; as hex in JSON. It signs no block.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PeerKey(#[serde(with = "hex::serde")] [u8; 32]);

impl PeerKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({self})")
    }
}

/// An organisation's node as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Validator {
    /// The key that signs proposals and votes.
    pub account: AccountId,
    /// The key of its network links: nobody else is let in.
    pub peer: PeerKey,
    /// Where other nodes reach it, as a multiaddress such as `/dns4/node.example.org/tcp/26656`; empty for a chain with
    /// one node.
    pub address: String,
    /// Its share of the votes; 0 for an observer, whose node follows the chain and has no vote.
    pub power: u32,
}

impl Validator {
    /// Checks the bounds of the fields.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn check(&self) -> Result<(), Error> {
        check_length("validator's address in bytes", self.address.len(), ADDRESS_BYTES_MAX)?;
        check_length("validator's power", self.power as usize, POWER_MAX as usize)
    }
}

/// The validators of a height, by account. Decoding checks what [`ValidatorSet::new`] does.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "Vec<Validator>", into = "Vec<Validator>")]
pub struct ValidatorSet(Vec<Validator>);

impl TryFrom<Vec<Validator>> for ValidatorSet {
    type Error = Error;

    fn try_from(validators: Vec<Validator>) -> Result<Self, Error> {
        Self::new(validators)
    }
}

impl From<ValidatorSet> for Vec<Validator> {
    fn from(set: ValidatorSet) -> Self {
        set.0
    }
}

impl BorshDeserialize for ValidatorSet {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let listed = Vec::<Validator>::deserialize_reader(reader)?;
        let set = Self::new(listed.clone()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // One value, one encoding: a header commits to these bytes.
        if set.0 == listed {
            Ok(set)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "validators out of order"))
        }
    }
}

impl ValidatorSet {
    /// The set of these validators.
    ///
    /// # Errors
    /// [`Error::Refused`] when a key is listed twice or nobody has a vote; [`Error::TooLarge`] beyond
    /// [`VALIDATORS_MAX`] or the bounds of a validator.
    pub fn new(mut validators: Vec<Validator>) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "validator set", why: why.into() });
        check_length("validators", validators.len(), VALIDATORS_MAX)?;
        validators.iter().try_for_each(Validator::check)?;
        validators.sort_by_key(|validator| validator.account);
        let accounts: BTreeSet<_> = validators.iter().map(|validator| validator.account).collect();
        let peers: BTreeSet<_> = validators.iter().map(|validator| validator.peer).collect();
        if accounts.len() != validators.len() || peers.len() != validators.len() {
            return refuse("a key is listed twice; each organisation has its own");
        }
        let set = Self(validators);
        if set.total_power() == 0 { refuse("give at least one validator a vote") } else { Ok(set) }
    }

    /// Everybody, observers included, by account.
    pub fn iter(&self) -> impl Iterator<Item = &Validator> {
        self.0.iter()
    }

    /// Those who have a vote, by account.
    pub fn voters(&self) -> impl Iterator<Item = &Validator> {
        self.0.iter().filter(|validator| validator.power > 0)
    }

    /// The validator or observer with this account.
    #[must_use]
    pub fn get(&self, account: AccountId) -> Option<&Validator> {
        let place = self.0.binary_search_by_key(&account, |validator| validator.account).ok()?;
        self.0.get(place)
    }

    /// An account's voting power; 0 for an account that has no vote.
    #[must_use]
    pub fn power(&self, account: AccountId) -> u64 {
        self.get(account).map_or(0, |validator| validator.power.into())
    }

    /// The power of all validators.
    #[must_use]
    pub fn total_power(&self) -> u64 {
        self.0.iter().map(|validator| u64::from(validator.power)).sum()
    }

    /// Whether this much power decides: more than two thirds of all, so that two decisions always share an honest
    /// validator while less than a third is dishonest.
    #[must_use]
    pub fn is_quorum(&self, power: u64) -> bool {
        power * 3 > self.total_power() * 2
    }

    /// The set with a validator added or given other terms.
    ///
    /// # Errors
    /// As [`ValidatorSet::new`].
    pub fn with(&self, validator: Validator) -> Result<Self, Error> {
        let others = self.0.iter().filter(|other| other.account != validator.account).cloned();
        Self::new(others.chain([validator.clone()]).collect())
    }

    /// The set without an account.
    ///
    /// # Errors
    /// [`Error::Unknown`] when it is not in the set; [`Error::Refused`] when nobody would have a vote.
    pub fn without(&self, account: AccountId) -> Result<Self, Error> {
        if self.get(account).is_none() {
            return Err(Error::Unknown { what: "validator", id: account.to_string() });
        }
        Self::new(self.0.iter().filter(|other| other.account != account).cloned().collect())
    }

    /// The digest that headers carry.
    ///
    /// # Errors
    /// Never in practice: a set is bounded.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::ValidatorSet, &[&encode("validator set", self)?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn validator(number: u8, power: u32) -> Validator {
        let (account, peer) = (AccountId::from_bytes([number; 32]), PeerKey::from_bytes([number; 32]));
        Validator { account, peer, address: String::new(), power }
    }

    #[test]
    fn more_than_two_thirds_decide() {
        for (count, needed) in [(1u8, 1), (2, 2), (3, 3), (4, 3), (6, 5), (7, 5), (10, 7)] {
            let set = ValidatorSet::new((0..count).map(|number| validator(number, 1)).collect()).unwrap();
            assert!(set.is_quorum(needed) && !set.is_quorum(needed - 1), "{needed} of {count}");
        }
        let weighted = ValidatorSet::new(vec![validator(0, 5), validator(1, 1), validator(2, 0)]).unwrap();
        assert!(weighted.is_quorum(5) && !weighted.is_quorum(4));
        assert_eq!(weighted.voters().count(), 2);
    }

    #[test]
    fn a_set_names_each_key_once_and_somebody_votes() {
        let twice = vec![validator(1, 1), validator(1, 2)];
        assert!(ValidatorSet::new(twice).unwrap_err().to_string().contains("listed twice"));
        let shared_link = vec![validator(1, 1), Validator { peer: PeerKey::from_bytes([1; 32]), ..validator(2, 1) }];
        assert!(ValidatorSet::new(shared_link).unwrap_err().to_string().contains("listed twice"));
        assert!(ValidatorSet::new(vec![validator(1, 0)]).unwrap_err().to_string().contains("a vote"));
        assert!(ValidatorSet::new(vec![validator(1, POWER_MAX + 1)]).is_err());
        let alone = ValidatorSet::new(vec![validator(1, 1)]).unwrap();
        assert!(alone.without(AccountId::from_bytes([1; 32])).is_err());
        assert!(alone.without(AccountId::from_bytes([2; 32])).is_err());
    }

    #[test]
    fn the_order_of_listing_does_not_matter_and_any_change_shows() {
        let listed = |numbers: &[u8]| ValidatorSet::new(numbers.iter().map(|number| validator(*number, 1)).collect());
        let set = listed(&[1, 2, 3]).unwrap();
        assert_eq!(set, listed(&[3, 1, 2]).unwrap());
        let more = set.with(validator(4, 1)).unwrap();
        let heavier = set.with(validator(3, 2)).unwrap();
        let digests: BTreeSet<_> = [&set, &more, &heavier].map(|set| set.digest().unwrap()).into_iter().collect();
        assert_eq!(digests.len(), 3);
        assert_eq!(more.without(AccountId::from_bytes([4; 32])).unwrap(), set);
    }
}
