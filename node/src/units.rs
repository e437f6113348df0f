//! Numbers that must not be mixed up: money, heights, epochs, times and places in lists.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{consent::Day, rlwe::KeyEpoch};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Seconds of a day.
pub const SECONDS_PER_DAY: u64 = 86_400;

macro_rules! number {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// The number with this value.
            #[must_use]
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The value.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Money in minor units of the ledger's one currency.
    Amount(u64)
);
number!(
    /// Place of a block in the chain; the first block is 1, genesis is 0.
    Height(u64)
);
number!(
    /// Number of an epoch of the registration tree, from 0.
    Epoch(u32)
);
number!(
    /// Number of a committee key, from 0. Each attempt to generate a key has its own.
    CommitteeEpoch(u32)
);
number!(
    /// Place of a record's leaf in the registration tree.
    LeafIndex(u32)
);
number!(
    /// Place of a contribution in its query, in the order of admission.
    ContributionIndex(u32)
);
number!(
    /// Version of a study's protocol, counted by the ledger; 1 is as registered.
    StudyVersion(u32)
);
number!(
    /// Place of an outcome in its study, in the order of posting.
    OutcomeIndex(u32)
);
number!(
    /// Place of a receipt of access in its licence.
    AccessIndex(u32)
);
number!(
    /// Place of a response in its screening, in the order of admission.
    ResponseIndex(u32)
);
number!(
    /// Seconds since 1970-01-01T00:00:00Z.
    Timestamp(u64)
);

impl Amount {
    /// The sum.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1. The supply of a genesis fits, so this shows a fault in the ledger.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        self.0.checked_add(other.0).map(Self).ok_or(Error::Overflow { what: "sum of amounts" })
    }

    /// The difference.
    ///
    /// # Errors
    /// [`Error::Overflow`] below zero; callers that spend check the balance first and say so better.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.0.checked_sub(other.0).map(Self).ok_or(Error::Overflow { what: "difference of amounts" })
    }

    /// This amount for each of `count`.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn times(self, count: u32) -> Result<Self, Error> {
        self.0.checked_mul(u64::from(count)).map(Self).ok_or(Error::Overflow { what: "price times contributions" })
    }
}

impl Height {
    /// The next height; saturates, which no chain reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// This height and `blocks` more.
    #[must_use]
    pub const fn after(self, blocks: u32) -> Self {
        Self(self.0.saturating_add(blocks as u64))
    }
}

impl Epoch {
    /// The epoch that the block at this height belongs to; block 1 begins epoch 0.
    #[must_use]
    pub fn of(height: Height, epoch_blocks: u32) -> Self {
        let epoch = height.0.saturating_sub(1) / u64::from(epoch_blocks.max(1));
        Self(u32::try_from(epoch).unwrap_or(u32::MAX))
    }

    /// The next epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl From<CommitteeEpoch> for KeyEpoch {
    /// The number under which the key's polynomials and components are derived.
    fn from(epoch: CommitteeEpoch) -> Self {
        Self::new(epoch.0.into())
    }
}

impl StudyVersion {
    /// A study as registered.
    pub const FIRST: Self = Self(1);

    /// The next version; saturates, which no study reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl CommitteeEpoch {
    /// The next committee epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Timestamp {
    /// This second and `seconds` more; saturates.
    #[must_use]
    pub const fn after(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds as u64))
    }

    /// The day this second falls on.
    #[must_use]
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0 / SECONDS_PER_DAY).unwrap_or(u32::MAX))
    }
}
