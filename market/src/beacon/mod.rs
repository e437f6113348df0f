//! A GA4GH Beacon over published releases: it answers from sums that were released and handed over for publication, and
//! from nothing else.
//!
//! A dataset is one release whose receipt verified. Sums were paid for in privacy when they were released, and whatever
//! is computed from them costs no more: answers need no account of their own, and the same question always gets the
//! same answer. Decisions: `docs/adr/0015-beacon.md`.

mod exact;
mod filter;
mod population;
mod publication;
mod release;
#[cfg(test)]
mod tests;
mod variant;

use std::collections::BTreeMap;

use circuits::{
    id::QueryId,
    schema::{Attribute, Variant},
};

pub use self::{
    filter::{Filter, Operator},
    publication::{ENTRIES_MAX, RECEIPTS_BYTES_MAX, RECEIPTS_MAX, RefusedReceipt, Trusted},
    release::Release,
    variant::{Assembly, BASES_MAX, REFERENCE_NAME_BYTES_MAX, VariantParameters, VariantQuery},
};
use crate::{Error, statistics::Sum};

/// Below this many people a count is not shown, unless the operator chose another bound: the cell size that US Medicare
/// suppresses (CMS Cell Size Suppression Policy, 2020: 1 to 10).
pub const COUNT_MIN: u32 = 11;
/// Standard deviations of its noise below which a count is not shown: noise alone exceeds them once in 30,000 counts.
pub const DEVIATIONS_MIN: f64 = 4.0;

/// What is shown and what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors {
    /// The fewest people of a count that is shown, noise included.
    pub count_min: u32,
    /// Whether exact releases are shown at all.
    pub exact: bool,
}

impl Default for Floors {
    fn default() -> Self {
        Self { count_min: COUNT_MIN, exact: false }
    }
}

impl Floors {
    /// The least value that is shown of a sum: the operator's bound, or more where noise is wide.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and noise is far below")]
    pub fn least(&self, sum: Sum) -> i64 {
        let of_noise = (DEVIATIONS_MIN * sum.noise_variance.sqrt()).ceil() as i64;
        of_noise.max(self.count_min.into()).max(1)
    }

    /// The count as it is shown; `None` below the least value, where few and none look the same.
    #[must_use]
    pub fn shown(&self, sum: Sum) -> Option<Count> {
        let least = self.least(sum);
        let count = u64::try_from(sum.value).ok().filter(|_| sum.value >= least)?;
        Some(Count { count, noise_deviation: sum.noise_variance.sqrt(), least })
    }
}

/// A count that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// The released sum, noise included.
    pub count: u64,
    /// Standard deviation of its noise; 0 for an exact sum.
    pub noise_deviation: f64,
    /// The least value that would be shown.
    pub least: i64,
}

/// A variant whose carriers are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'b> {
    /// The variant.
    pub variant: &'b Variant,
    /// People with one copy of its alternate allele or two.
    pub carriers: Count,
    /// Copies of the alternate allele and of either allele among people with a call, noise included; none of exact
    /// sums.
    pub alleles: Option<[Sum; 2]>,
}

/// What is asked: filters that all hold, and variants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// Filters on attributes, joined by AND.
    pub filters: Vec<Filter>,
    /// The variants asked for, if any are.
    pub variants: Option<VariantQuery>,
}

/// The published releases of a node.
#[derive(Debug, Clone, Default)]
pub struct Beacon {
    floors: Floors,
    releases: BTreeMap<QueryId, Release>,
}

impl Beacon {
    /// A beacon of no release.
    #[must_use]
    pub const fn empty(floors: Floors) -> Self {
        Self { floors, releases: BTreeMap::new() }
    }

    /// What is shown and what is not.
    #[must_use]
    pub const fn floors(&self) -> Floors {
        self.floors
    }

    /// The releases, by query.
    pub fn releases(&self) -> impl ExactSizeIterator<Item = &Release> {
        self.releases.values()
    }

    /// Attributes that filters can name, each with the release that has it.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.releases().flat_map(Release::attributes)
    }

    /// For each release the number of people asked for, where a sum counts exactly them and is shown.
    ///
    /// # Errors
    /// [`Error::BeaconRequest`] for a filter that no release has.
    pub fn individuals(&self, question: &Question) -> Result<Vec<(&Release, Option<Count>)>, Error> {
        self.check(question)?;
        let count = |release: &Release| {
            let sum = release.individuals(&question.filters, question.variants.as_ref())?;
            self.floors.shown(sum)
        };
        Ok(self.releases().map(|release| (release, count(release))).collect())
    }

    /// For each release the variants asked for whose carriers are shown, in the panel's order.
    ///
    /// # Errors
    /// As [`Self::individuals`].
    pub fn variants(&self, question: &Question) -> Result<Vec<(&Release, Vec<Found<'_>>)>, Error> {
        self.check(question)?;
        let every = VariantQuery::new(VariantParameters::default())?;
        let asked = question.variants.as_ref().unwrap_or(&every);
        let found = |release| {
            let carriers = Release::carriers(release, &question.filters, asked).into_iter();
            let shown = carriers.filter_map(|(_, variant, carriers)| {
                Some(Found { variant, carriers: self.floors.shown(carriers.people)?, alleles: carriers.alleles })
            });
            (release, shown.collect())
        };
        Ok(self.releases().map(found).collect())
    }

    fn check(&self, question: &Question) -> Result<(), Error> {
        let unknown = |filter: &&Filter| !self.releases().any(|release| release.knows(filter));
        match question.filters.iter().find(unknown) {
            None => Ok(()),
            Some(filter) => {
                let why = format!("no dataset has {:?} to filter by; filtering_terms lists what there is", filter.id);
                Err(Error::BeaconRequest { why })
            }
        }
    }
}
