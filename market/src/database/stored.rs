//! How ids and numbers lie in a database: bytes, and signed 64-bit integers.

use std::borrow::Cow;

use circuits::id::{AccountId, ChainId, DatasetId, Digest, LicenceId, QueryId, SchemaId, ScreeningId, StudyId};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    sql_types::{BigInt, Binary, Nullable},
};
use node::{
    transaction::TransactionId,
    units::{Amount, ContributionIndex, Epoch, Height, Timestamp},
};

/// Bytes of a column, of a length that their type decides: 32 for ids of the ledger.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct Bytes<const LENGTH: usize = 32>([u8; LENGTH]);

impl<const LENGTH: usize> Bytes<LENGTH> {
    /// The bytes.
    pub(crate) const fn get(self) -> [u8; LENGTH] {
        self.0
    }
}

impl<DB, const LENGTH: usize> FromSql<Binary, DB> for Bytes<LENGTH>
where
    DB: Backend,
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, DB>>::from_sql(raw)?;
        Ok(Self(bytes.try_into().map_err(|_| "an id in the database has another length; restore the database")?))
    }
}

macro_rules! from_bytes {
    ($($id:ty),*) => {
        $(impl From<Bytes> for $id {
            fn from(bytes: Bytes) -> Self {
                Self::from_bytes(bytes.0)
            }
        })*
    };
}

from_bytes!(AccountId, ChainId, DatasetId, Digest, LicenceId, QueryId, SchemaId, ScreeningId, StudyId);

impl From<Bytes> for TransactionId {
    fn from(bytes: Bytes) -> Self {
        Self::from_digest(Digest::from_bytes(bytes.0))
    }
}

/// A number of a column; never negative.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct Number(i64);

impl<DB> FromSql<BigInt, DB> for Number
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, DB>>::from_sql(raw).map(Self)
    }
}

macro_rules! from_number {
    ($($unit:ty),*) => {
        $(impl TryFrom<Number> for $unit {
            type Error = std::num::TryFromIntError;

            fn try_from(number: Number) -> Result<Self, Self::Error> {
                number.0.try_into().map(Self::new)
            }
        })*
    };
}

from_number!(ContributionIndex, Epoch, Height, Timestamp);

impl TryFrom<Number> for u32 {
    type Error = std::num::TryFromIntError;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        number.0.try_into()
    }
}

impl TryFrom<Number> for u64 {
    type Error = std::num::TryFromIntError;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        number.0.try_into()
    }
}

/// An amount of a column, which may have all of its 64 bits.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct Bits(i64);

impl<DB> FromSql<BigInt, DB> for Bits
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, DB>>::from_sql(raw).map(Self)
    }
}

impl From<Bits> for Amount {
    fn from(bits: Bits) -> Self {
        Self::new(bits.0.cast_unsigned())
    }
}

/// The column's form of an amount.
pub(crate) const fn bits(amount: Amount) -> i64 {
    amount.get().cast_signed()
}

/// A time of a column that may have none.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct MaybeTime(Option<i64>);

impl<DB> FromSql<Nullable<BigInt>, DB> for MaybeTime
where
    DB: Backend,
    Option<i64>: FromSql<Nullable<BigInt>, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Option::<i64>::from_sql(raw).map(Self)
    }

    fn from_nullable_sql(raw: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        Option::<i64>::from_nullable_sql(raw).map(Self)
    }
}

impl TryFrom<MaybeTime> for Option<Timestamp> {
    type Error = std::num::TryFromIntError;

    fn try_from(time: MaybeTime) -> Result<Self, Self::Error> {
        time.0.map(|time| time.try_into().map(Timestamp::new)).transpose()
    }
}

/// The column's form of a number. Values beyond 2^63 − 1 do not occur: heights, times and counts are far below.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The column's form of a text that others wrote. PostgreSQL has no NUL in texts: one in a title must not stop the index.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
