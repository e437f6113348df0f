//! What a query pays beside its contributors: the committee, the validators, and the consortium's treasury.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use crate::{Error, query::CohortQuery, units::Amount};

/// Basis points of a whole.
pub const BASIS_POINTS: u16 = 10_000;

/// A fee for each contribution that is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeRate {
    /// Minor units, whatever the price.
    Units(Amount),
    /// Basis points of the price, at most 10,000; the fee is rounded down to a minor unit.
    BasisPoints(u16),
}

impl Default for FeeRate {
    fn default() -> Self {
        Self::Units(Amount::default())
    }
}

impl FeeRate {
    fn check(self) -> Result<(), Error> {
        match self {
            Self::BasisPoints(points) if points > BASIS_POINTS => {
                let why = format!("{points} basis points are more than the price; give at most {BASIS_POINTS}");
                Err(Error::Refused { what: "fee", why })
            }
            _ => Ok(()),
        }
    }

    fn of(self, price: Amount) -> Amount {
        match self {
            Self::Units(amount) => amount,
            Self::BasisPoints(points) => {
                let share = u128::from(price.get()) * u128::from(points) / u128::from(BASIS_POINTS);
                // At most the price, since there are at most 10,000 points.
                Amount::new(u64::try_from(share).unwrap_or(u64::MAX))
            }
        }
    }
}

/// The consortium's account and its fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Treasury {
    /// Who is paid.
    pub account: AccountId,
    /// How much.
    pub rate: FeeRate,
}

/// Fees for each contribution that is paid; nothing by default. The genesis sets them and the governor changes them, for
/// queries that open afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default)]
pub struct FeeSchedule {
    /// For the members of the query's committee, split equally.
    pub committee: FeeRate,
    /// For the validators of the block that releases, split equally.
    pub validators: FeeRate,
    /// For the treasury, if there is one.
    pub treasury: Option<Treasury>,
}

/// What a schedule comes to for one contribution at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContributionFees {
    /// For the committee.
    pub committee: Amount,
    /// For the validators.
    pub validators: Amount,
    /// For the treasury.
    pub treasury: Amount,
}

impl FeeSchedule {
    /// Checks the rates.
    ///
    /// # Errors
    /// [`Error::Refused`] for more basis points than the price has.
    pub fn check(&self) -> Result<(), Error> {
        self.committee.check()?;
        self.validators.check()?;
        self.treasury.map_or(Ok(()), |treasury| treasury.rate.check())
    }

    /// The fees of one contribution at this price.
    #[must_use]
    pub fn of(&self, price: Amount) -> ContributionFees {
        ContributionFees {
            committee: self.committee.of(price),
            validators: self.validators.of(price),
            treasury: self.treasury.map(|treasury| treasury.rate.of(price)).unwrap_or_default(),
        }
    }

    /// What a query locks under this schedule: price and fees × maximum contributions.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn escrow(&self, query: &CohortQuery) -> Result<Amount, Error> {
        query.price.plus(self.of(query.price).total()?)?.times(query.contributions_max)
    }
}

impl ContributionFees {
    /// All of them.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn total(&self) -> Result<Amount, Error> {
        self.committee.plus(self.validators)?.plus(self.treasury)
    }

    /// These fees for each of `count` contributions.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn times(&self, count: u32) -> Result<Self, Error> {
        Ok(Self {
            committee: self.committee.times(count)?,
            validators: self.validators.times(count)?,
            treasury: self.treasury.times(count)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn basis_points_round_down_and_never_exceed_the_price(price: u64, points in 0..=BASIS_POINTS) {
            let fee = FeeRate::BasisPoints(points).of(Amount::new(price)).get();
            prop_assert!(fee <= price);
            prop_assert_eq!(u128::from(fee), u128::from(price) * u128::from(points) / 10_000);
        }
    }

    #[test]
    fn more_basis_points_than_the_price_are_refused() {
        let schedule = |committee| FeeSchedule { committee, ..FeeSchedule::default() };
        assert!(schedule(FeeRate::BasisPoints(10_000)).check().is_ok());
        assert!(schedule(FeeRate::BasisPoints(10_001)).check().is_err());
        assert!(schedule(FeeRate::Units(Amount::new(u64::MAX))).check().is_ok());
    }
}
