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
    /// Commercial use, by whomever (the opposite of DUO:0000018 and DUO:0000046, which forbid it).
    pub const COMMERCIAL_USE: Self = Self(1 << 6);
    /// Clinical use and care (DUO:0000043).
    pub const CLINICAL_CARE: Self = Self(1 << 7);
    /// Any use at all, research or not (DUO:0000004).
    pub const ANY_USE: Self = Self(1 << 8);
    /// Studies that read no genotype (the opposite of DUO:0000016, which forbids them).
    pub const WITHOUT_GENOTYPES: Self = Self(1 << 9);
    /// Studies without an ethics committee's approval (the opposite of DUO:0000021, which forbids them).
    pub const WITHOUT_ETHICS_APPROVAL: Self = Self(1 << 10);
    /// Studies whose results nobody promises to publish (the opposite of DUO:0000019, which forbids them).
    pub const WITHOUT_PUBLICATION: Self = Self(1 << 11);
    /// Studies without collaboration with the primary investigators (the opposite of DUO:0000020, which forbids them).
    pub const WITHOUT_COLLABORATION: Self = Self(1 << 12);
    /// Studies that return nothing to the resource (the opposite of DUO:0000029, which forbids them).
    pub const WITHOUT_RETURN: Self = Self(1 << 13);

    /// The names of uses that query files and consent files list, with their bits.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("general-research", Self::GENERAL_RESEARCH),
        ("health-research", Self::HEALTH_RESEARCH),
        ("disease-specific", Self::DISEASE_SPECIFIC),
        ("ancestry", Self::ANCESTRY),
        ("methods", Self::METHODS),
        ("commercial", Self::COMMERCIAL),
        ("commercial-use", Self::COMMERCIAL_USE),
        ("clinical-care", Self::CLINICAL_CARE),
        ("any-use", Self::ANY_USE),
    ];

    /// What an owner can require of a study, with the bit that a study without it demands. A consent that requires
    /// nothing has all of these bits.
    pub const REQUIREMENTS: [(&'static str, Self); 5] = [
        ("genotypes", Self::WITHOUT_GENOTYPES),
        ("ethics-approval", Self::WITHOUT_ETHICS_APPROVAL),
        ("publication", Self::WITHOUT_PUBLICATION),
        ("collaboration", Self::WITHOUT_COLLABORATION),
        ("return-of-results", Self::WITHOUT_RETURN),
    ];

    /// The bits of a consent that requires nothing: all of [`Purposes::REQUIREMENTS`].
    pub const NOTHING_REQUIRED: Self = Self(0b1_1111 << 9);

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

    /// This set without the purposes of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
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
    fn no_two_names_share_a_bit_and_what_requires_nothing_has_every_requirements_bit() {
        let names = Purposes::NAMED.into_iter().chain(Purposes::REQUIREMENTS);
        let all = names.clone().fold(Purposes::default(), |set, (_, bit)| set.union(bit));
        assert_eq!(all.0.count_ones() as usize, names.count());
        let required = Purposes::REQUIREMENTS.into_iter().fold(Purposes::default(), |set, (_, bit)| set.union(bit));
        assert_eq!(required, Purposes::NOTHING_REQUIRED);
        assert_eq!(all.without(required), Purposes(0b1_1111_1111));
    }

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
