//! A cohort query: what a researcher asks, of whom, for which purpose and at which price.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::{ConsentDemand, ConsentFlags, Day, Purposes, Regions},
    contribution::ContributionTerms,
    criteria::{Criteria, MatchCriteria},
    domain::{ByteTag, hash},
    eligibility::EligibilityTerms,
    id::{AccountId, ChainId, QueryId, SchemaId, StudyId},
    layout::{Layout, Statistic, Subject},
    nullifier::ExactScope,
    privacy::{EPSILON_MILLI_MAX, Epsilon, Rho, SlotNoise},
    rlwe::params::{CONTRIBUTIONS_EXACT_MAX, CONTRIBUTIONS_NOISY_MAX},
    schema::{Schema, Sensitivity},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
    measure::measure,
    units::{Amount, Epoch},
};

/// Parts of a query, each one ciphertext of every contribution.
pub const PARTS_MAX: usize = 8;
/// Releases under one committee key, one for each part of a query: what they reveal of the key adds up, and the
/// parameters are counted for this many (`docs/adr/0004-parameters.md`).
pub const RELEASES_PER_KEY_MAX: u32 = 1 << 10;
/// The longest deadline, in blocks.
pub const DEADLINE_BLOCKS_MAX: u32 = 1 << 24;
/// The longest sealing key; an X-Wing public key (X25519 and ML-KEM-768) takes 1,216 bytes.
pub const SEALING_KEY_BYTES_MAX: usize = 2_048;

const _: () = assert!(PARTS_MAX <= RELEASES_PER_KEY_MAX as usize);

/// The public key that messages to a party are sealed to; opaque to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingKey(#[serde(with = "hex::serde")] Vec<u8>);

impl SealingKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Checks the length; whether it is a key is for those who seal to it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 2,048 bytes, [`Error::Malformed`] when empty.
    pub fn check(&self) -> Result<(), Error> {
        check_length("sealing key in bytes", self.0.len(), SEALING_KEY_BYTES_MAX)?;
        if self.0.is_empty() {
            return Err(Error::Malformed {
                what: "sealing key",
                why: "it is empty; give the public key's bytes".into(),
            });
        }
        Ok(())
    }
}

/// What the data is used for, in the terms of the Data Use Ontology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DataUse {
    /// Purposes; a consent must allow every one.
    pub purposes: Purposes,
    /// The disease studied; 0 when none is named.
    pub disease: u32,
    /// Regions where the data is used; a consent must allow every one.
    pub regions: Regions,
}

impl DataUse {
    /// Refuses a use that says nothing: a consent is held against the purposes and regions that are named, so every one
    /// would allow it. Whether it is commercial says not yet what it is for.
    ///
    /// # Errors
    /// [`Error::Refused`] then.
    pub(crate) fn check(&self, what: &'static str) -> Result<(), Error> {
        let beside = Purposes::NOTHING_REQUIRED.union(Purposes::COMMERCIAL).union(Purposes::COMMERCIAL_USE);
        if self.purposes.without(beside) == Purposes::default() || self.regions == Regions::default() {
            let why = "name at least one purpose, beside whether it is commercial, and one region".into();
            return Err(Error::Refused { what, why });
        }
        Ok(())
    }
}

/// How the release protects contributors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyMode {
    /// No noise: public criteria only, a high floor, several issuers, and one release per record, period and measure.
    Exact,
    /// Differential privacy: every component carries noise, and what anybody's record says is hidden.
    Private {
        /// Privacy loss ε of the whole query, all parts together, in thousandths.
        epsilon_milli: Epsilon,
    },
}

/// A query as a researcher signs it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CohortQuery {
    /// The registered study that asks.
    pub study: StudyId,
    /// The schema of the records asked.
    pub schema: SchemaId,
    /// Criteria over the schema's public attributes; contributions arriving show that they hold.
    pub criteria: Criteria,
    /// Criteria that are evaluated inside the proof: whoever does not match contributes an encryption of zero.
    #[serde(default)]
    pub matching: MatchCriteria,
    /// Issuers whose records are asked, at most eight; empty asks those of every accredited issuer.
    pub issuers: Vec<AccountId>,
    /// What is measured: one ciphertext of a contribution for each.
    pub parts: Vec<Layout>,
    /// What the data is used for.
    pub data_use: DataUse,
    /// Price of one contribution, for all its parts.
    pub price: Amount,
    /// Contributions below which the query is refunded.
    pub contributions_min: u32,
    /// Contributions above which none is admitted; the escrow pays this many.
    pub contributions_max: u32,
    /// How the release protects contributors.
    pub privacy: PrivacyMode,
    /// First day on which contributions are admitted.
    pub opening: Day,
    /// Last day on which contributions are admitted.
    pub closing: Day,
    /// Blocks from sealing within which the aggregate must be signed, else the escrow may be refunded.
    pub aggregate_blocks_max: u32,
    /// Blocks from the aggregate within which every component must be accepted, else the escrow may be refunded.
    pub release_blocks_max: u32,
    /// The researcher's key that components are sealed to.
    pub sealing: SealingKey,
}

impl CohortQuery {
    /// The query's id.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn id(&self, chain: &ChainId, researcher: &AccountId, nonce: u64) -> Result<QueryId, Error> {
        let bytes = encode("query", self)?;
        let digest = hash(ByteTag::Query, &[chain.as_bytes(), researcher.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(QueryId::from_bytes(digest.to_bytes()))
    }

    /// What the query may pay its contributors: price × maximum contributions. Its escrow adds the fees in force, as
    /// [`FeeSchedule::escrow`](crate::fees::FeeSchedule::escrow) says.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn escrow(&self) -> Result<Amount, Error> {
        self.price.times(self.contributions_max)
    }

    /// Checks everything that needs no state.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::TooLarge`] or [`Error::Statement`] that names the field.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |what, why: &str| Err(Error::Refused { what, why: why.into() });
        if self.parts.is_empty() {
            return refuse("query parts", "a query measures at least one layout");
        }
        check_length("query parts", self.parts.len(), PARTS_MAX)?;
        check_length("query issuers", self.issuers.len(), circuits::eligibility::ISSUERS_MAX)?;
        if self.issuers.iter().collect::<BTreeSet<_>>().len() != self.issuers.len() {
            return refuse("query issuers", "an issuer is listed twice, which would count as two; list each once");
        }
        self.data_use.check("query data use")?;
        self.sealing.check()?;
        self.criteria.check()?;
        for layout in &self.parts {
            layout.check_with(&self.matching)?;
        }
        self.check_matching()?;
        if self.contributions_min == 0 || self.contributions_min > self.contributions_max {
            return refuse("query contributions", "the minimum must be at least 1 and at most the maximum");
        }
        self.check_privacy()?;
        if self.opening > self.closing {
            return refuse("query days", "the closing day is before the opening day");
        }
        for blocks in [self.aggregate_blocks_max, self.release_blocks_max] {
            if blocks == 0 || blocks > DEADLINE_BLOCKS_MAX {
                return refuse("query deadlines", "give 1 to 16777216 blocks for the aggregate and for the release");
            }
        }
        self.escrow().map(|_| ())
    }

    /// Bounds that the mode sets: room for noise takes room from contributions.
    fn check_privacy(&self) -> Result<(), Error> {
        let most = match self.privacy {
            PrivacyMode::Exact => CONTRIBUTIONS_EXACT_MAX,
            PrivacyMode::Private { epsilon_milli } if (1..=EPSILON_MILLI_MAX).contains(&epsilon_milli.milli()) => {
                CONTRIBUTIONS_NOISY_MAX
            }
            PrivacyMode::Private { epsilon_milli } => {
                let why = format!("ε = {epsilon_milli} must be above 0 and at most {}", EPSILON_MILLI_MAX / 1_000);
                return Err(Error::Refused { what: "query privacy", why });
            }
        };
        check_length("query contributions", self.contributions_max as usize, most as usize)
    }

    /// What a release of the query costs each contributor; nothing that adds up for an exact one.
    #[must_use]
    pub const fn rho(&self) -> Option<Rho> {
        match self.privacy {
            PrivacyMode::Exact => None,
            PrivacyMode::Private { epsilon_milli } => Some(epsilon_milli.rho()),
        }
    }

    /// The noise that each of a committee's `subsets` components adds to a part; none for an exact query.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a part that the query lacks, [`Error::Statement`] when the noise would not fit the slots.
    pub fn noise(&self, part: u8, subsets: usize) -> Result<Option<SlotNoise>, Error> {
        let unknown = || Error::Unknown { what: "query part", id: part.to_string() };
        let layout = self.parts.get(usize::from(part)).ok_or_else(unknown)?;
        let noise = |rho| SlotNoise::new(layout, rho, self.parts.len(), subsets);
        Ok(self.rho().map(noise).transpose()?)
    }

    /// Match criteria need a mode that hides who matches, and name variants of one window.
    fn check_matching(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "match criteria", why: why.into() });
        if self.privacy == PrivacyMode::Exact && !self.matching.groups.is_empty() {
            return refuse("an exact query has public criteria only; remove them, or ask in private mode");
        }
        let windows: BTreeSet<u32> = self.parts.iter().map(|layout| layout.window).collect();
        if self.matching.reads_dosages() && windows.len() > 1 {
            return refuse("they read dosages of a part's window; give every part the same window");
        }
        Ok(())
    }

    /// What the query demands of each contributor's consent.
    #[must_use]
    pub fn demand(&self) -> ConsentDemand {
        let (epsilon_milli, flags) = match self.privacy {
            PrivacyMode::Exact => (0, ConsentFlags::EXACT),
            PrivacyMode::Private { epsilon_milli } => (epsilon_milli.milli(), ConsentFlags::default()),
        };
        ConsentDemand {
            purposes: self.data_use.purposes,
            disease: self.data_use.disease,
            regions: self.data_use.regions,
            closing: self.closing,
            price: self.price.get(),
            epsilon_milli,
            cohort_min: self.contributions_min,
            flags,
        }
    }
}

/// When a query opened, in epochs: it decides which records may answer and in which scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OpeningEpoch {
    /// The epoch of the block that opened the query.
    pub epoch: Epoch,
    /// Epochs of an `Exact` period on this chain.
    pub exact_period_epochs: u32,
}

impl OpeningEpoch {
    /// Number of the `Exact` period that the epoch lies in.
    #[must_use]
    pub fn period(&self) -> u32 {
        self.epoch.get() / self.exact_period_epochs.max(1)
    }

    /// Records registered before this epoch may answer. In `Exact` that is the period's first epoch: a record whose key
    /// rotates within a period has two nullifiers but only one of them is old enough.
    #[must_use]
    pub fn registered_before(&self, privacy: PrivacyMode) -> u32 {
        match privacy {
            PrivacyMode::Exact => self.period() * self.exact_period_epochs.max(1),
            PrivacyMode::Private { .. } => self.epoch.get(),
        }
    }
}

/// What every contribution to one part must prove.
///
/// # Errors
/// [`Error::Unknown`] for a part that the query lacks.
pub fn contribution_terms(
    id: QueryId,
    query: &CohortQuery,
    opening: OpeningEpoch,
    part: u8,
) -> Result<ContributionTerms, Error> {
    let unknown = || Error::Unknown { what: "query part", id: part.to_string() };
    let layout = query.parts.get(usize::from(part)).ok_or_else(unknown)?.clone();
    let measure = measure(&query.schema, &query.parts, part)?;
    let exact = match query.privacy {
        PrivacyMode::Exact => Some(ExactScope { period: opening.period(), measure }),
        PrivacyMode::Private { .. } => None,
    };
    let eligibility = EligibilityTerms {
        query: id,
        // One nullifier for all parts: they are of one record.
        part: 0,
        schema: query.schema,
        criteria: query.criteria.clone(),
        issuers: query.issuers.clone(),
        demand: query.demand(),
        registered_before: opening.registered_before(query.privacy),
        exact,
    };
    Ok(ContributionTerms { eligibility, matching: query.matching.clone(), layout })
}

/// Checks that the parts and all criteria fit the schema, and unless the chain allows exact groups, that an exact query
/// groups by public attributes and sums nothing but counts in groups.
///
/// # Errors
/// [`Error::Statement`] for a sensitive or absent attribute and for a layout beyond the panel, [`Error::Refused`] for a
/// grouping axis that an exact query may not have.
pub fn check_against_schema(query: &CohortQuery, schema: &Schema, exact_groups_allowed: bool) -> Result<(), Error> {
    query.criteria.check_public(schema)?;
    for (part, layout) in query.parts.iter().enumerate() {
        layout.check_against(schema)?;
        query.matching.check_against(schema, layout.window)?;
        if query.privacy == PrivacyMode::Exact && !exact_groups_allowed {
            check_public_axes(part, layout, schema)?;
            check_groups(part, layout)?;
        }
    }
    if query.privacy == PrivacyMode::Exact && !exact_groups_allowed { check_moments(query) } else { Ok(()) }
}

/// Products group: where one person alone has a disease, the sums of its products with other attributes are that person's
/// values. And moments are over people who have every attribute, so that those of two sets subtract to whoever lacks one.
fn check_moments(query: &CohortQuery) -> Result<(), Error> {
    let attributes: usize = query
        .parts
        .iter()
        .map(|layout| match &layout.statistic {
            Statistic::Moments { attributes } => attributes.len(),
            _ => 0,
        })
        .sum();
    if attributes <= 1 {
        return Ok(());
    }
    let why = "it sums products of attributes, which are one person's values where one person has one of them; ask for the \
               moments of one attribute, or in private mode";
    Err(Error::Refused { what: "exact query", why: why.into() })
}

/// A cell may hold one person, and then the sum of anything but a count is that person's value, without noise.
fn check_groups(part: usize, layout: &Layout) -> Result<(), Error> {
    if layout.axes.is_empty() || layout.statistic == Statistic::Count {
        return Ok(());
    }
    let why = format!(
        "part {part} sums in cells, and a cell may hold a single person; count them, drop the axes, or ask in private mode"
    );
    Err(Error::Refused { what: "grouping axis", why })
}

/// A cell's count is released without noise, so cells must be public.
fn check_public_axes(part: usize, layout: &Layout, schema: &Schema) -> Result<(), Error> {
    for (number, axis) in layout.axes.iter().enumerate() {
        let what = match axis.subject() {
            Subject::Dosage(variant) => format!("the dosage of variant {variant}"),
            Subject::Attribute(index) => match schema.attributes.get(usize::from(index)) {
                Some(attribute) if attribute.sensitivity == Sensitivity::Public => continue,
                Some(attribute) => format!("{:?}, which is sensitive", attribute.name),
                None => format!("attribute {index}, which the schema lacks"),
            },
        };
        let why = format!(
            "axis {number} of part {part} groups by {what}; exact queries group by public attributes here: ask with differential \
             privacy, or on a network that was founded with exact groups"
        );
        return Err(Error::Refused { what: "grouping axis", why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use circuits::privacy::Epsilon;

    use super::*;

    #[test]
    fn an_exact_query_asks_records_of_before_its_period_and_a_private_one_of_before_its_epoch() {
        let opening = |epoch| OpeningEpoch { epoch: Epoch::new(epoch), exact_period_epochs: 10 };
        let private = PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(1) };
        for (epoch, period, exact) in [(0, 0, 0), (9, 0, 0), (10, 1, 10), (29, 2, 20)] {
            let opening = opening(epoch);
            assert_eq!(opening.period(), period);
            assert_eq!(opening.registered_before(PrivacyMode::Exact), exact);
            assert_eq!(opening.registered_before(private), epoch);
        }
    }
}
