//! Consent: what an owner allows, committed in the leaf and checked inside every proof.

use std::fmt;

use ark_bn254::Fr;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, domain::FieldTag, id::ConsentCommitment, poseidon::hash};

/// Bits of the purposes and regions masks.
pub const MASK_BITS: usize = 32;
/// Bits of the flags.
pub const FLAG_BITS: usize = 8;

/// Days since 1970-01-01, the unit of every expiry and closing date.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    Zeroize,
)]
#[serde(transparent)]
pub struct Day(pub u32);

/// A set of data-use purposes: one bit for each term this protocol knows of the Data Use Ontology.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize,
)]
#[serde(transparent)]
pub struct Purposes(pub u32);

impl Purposes {
    /// General research use (DUO:0000042).
    pub const GENERAL_RESEARCH: Self = Self(1 << 0);
    /// Health, medical or biomedical research (DUO:0000006).
    pub const HEALTH_RESEARCH: Self = Self(1 << 1);
    /// Research on one disease (DUO:0000007); the disease code says which.
    pub const DISEASE_SPECIFIC: Self = Self(1 << 2);
    /// Population origins or ancestry research (DUO:0000011).
    pub const ANCESTRY: Self = Self(1 << 3);
    /// Methods development (the opposite of DUO:0000015, which forbids it).
    pub const METHODS: Self = Self(1 << 4);
    /// Use by for-profit organisations (the opposite of DUO:0000018 and DUO:0000045, which forbid it).
    pub const COMMERCIAL: Self = Self(1 << 5);

    /// The names that query files and consent files use, with their bits.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("general-research", Self::GENERAL_RESEARCH),
        ("health-research", Self::HEALTH_RESEARCH),
        ("disease-specific", Self::DISEASE_SPECIFIC),
        ("ancestry", Self::ANCESTRY),
        ("methods", Self::METHODS),
        ("commercial", Self::COMMERCIAL),
    ];

    /// The set of purposes with these names.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unknown name, with the known ones.
    pub fn from_names(names: &[String]) -> Result<Self, Error> {
        names.iter().try_fold(Self::default(), |set, name| {
            let known = Self::NAMED.iter().find(|(known, _)| known == name);
            let (_, purpose) = known.ok_or_else(|| Error::Malformed {
                what: "purpose",
                why: format!("{name:?} is none of {}", Self::NAMED.map(|(known, _)| known).join(", ")),
            })?;
            Ok(set.union(*purpose))
        })
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every purpose of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A set of regions, one bit each; the schema of a deployment says which bit is which region.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize,
)]
#[serde(transparent)]
pub struct Regions(pub u32);

impl Regions {
    /// Every region.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether every region of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What else an owner allows or restricts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize,
)]
#[serde(transparent)]
pub struct ConsentFlags(pub u8);

impl ConsentFlags {
    /// Exact statistics without noise, over cohorts at or above governance's floor.
    pub const EXACT: Self = Self(1 << 0);
    /// Screening queries, which can lead to an invitation.
    pub const SCREENING: Self = Self(1 << 1);
    /// A restriction: only queries on the consent's own disease code.
    pub const ONLY_THIS_DISEASE: Self = Self(1 << 2);

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An owner's terms, in plaintext, as the owner keeps them.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ConsentTerms {
    /// Blinds the commitment: without it, terms could be guessed.
    pub salt: [u8; 31],
    /// Purposes allowed.
    pub purposes: Purposes,
    /// Code of the one disease that [`ConsentFlags::ONLY_THIS_DISEASE`] restricts to; 0 otherwise.
    pub disease: u32,
    /// Regions where use is allowed.
    pub regions: Regions,
    /// Last day on which a query may close.
    pub expiry: Day,
    /// Least price of a contribution, in minor units.
    pub price_min: u64,
    /// Greatest privacy loss ε of a query, in thousandths.
    pub epsilon_milli_max: u32,
    /// Least cohort a query must demand.
    pub cohort_min: u32,
    /// Further permissions and restrictions.
    pub flags: ConsentFlags,
}

impl ConsentTerms {
    /// A fresh salt: 248 random bits, which fit a field element.
    #[must_use]
    pub fn random_salt(rng: &mut (impl CryptoRng + ?Sized)) -> [u8; 31] {
        let mut salt = [0; 31];
        rng.fill_bytes(&mut salt);
        salt
    }

    /// The committed fields in order, after the tag.
    pub(crate) fn elements(&self) -> [Fr; 9] {
        [
            salt_element(&self.salt),
            Fr::from(self.purposes.0),
            Fr::from(self.disease),
            Fr::from(self.regions.0),
            Fr::from(self.expiry.0),
            Fr::from(self.price_min),
            Fr::from(self.epsilon_milli_max),
            Fr::from(self.cohort_min),
            Fr::from(self.flags.0),
        ]
    }

    /// `H(CONSENT, salt, purposes, disease, regions, expiry, price, ε, cohort, flags)`.
    #[must_use]
    pub fn commitment(&self) -> ConsentCommitment {
        ConsentCommitment::from_element(hash(FieldTag::Consent, &self.elements()))
    }
}

impl fmt::Debug for ConsentTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentTerms(redacted)")
    }
}

fn salt_element(salt: &[u8; 31]) -> Fr {
    use ark_ff::PrimeField;
    Fr::from_le_bytes_mod_order(salt)
}

/// What a query asks of each contributor's consent; public.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ConsentDemand {
    /// Every one of these must be allowed.
    pub purposes: Purposes,
    /// The disease studied; 0 when none is named.
    pub disease: u32,
    /// Every region where the data is used.
    pub regions: Regions,
    /// The query's last day.
    pub closing: Day,
    /// Price paid for each contribution, in minor units.
    pub price: u64,
    /// Privacy loss ε of the query, in thousandths; 0 in an `Exact` query, where the flag decides.
    pub epsilon_milli: u32,
    /// Contributions below which the query is refunded.
    pub cohort_min: u32,
    /// Flags that must be set.
    pub flags: ConsentFlags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_moves_the_commitment() {
        let terms = ConsentTerms {
            salt: [1; 31],
            purposes: Purposes::GENERAL_RESEARCH,
            disease: 0,
            regions: Regions(1),
            expiry: Day(20_000),
            price_min: 5,
            epsilon_milli_max: 1000,
            cohort_min: 10,
            flags: ConsentFlags::default(),
        };
        let alterations: [fn(&mut ConsentTerms); 9] = [
            |terms| terms.salt[30] = 2,
            |terms| terms.purposes = Purposes::ANCESTRY,
            |terms| terms.disease = 1,
            |terms| terms.regions = Regions(2),
            |terms| terms.expiry = Day(20_001),
            |terms| terms.price_min = 6,
            |terms| terms.epsilon_milli_max = 999,
            |terms| terms.cohort_min = 11,
            |terms| terms.flags = ConsentFlags::EXACT,
        ];
        for alter in alterations {
            let mut other = terms.clone();
            alter(&mut other);
            assert_ne!(other.commitment(), terms.commitment());
        }
    }
}
