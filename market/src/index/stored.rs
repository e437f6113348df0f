//! How ids and numbers lie in SQLite: 32 bytes, and signed 64-bit integers.

use circuits::id::{AccountId, ChainId, Digest, QueryId, SchemaId, StudyId};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    sql_types::{BigInt, Binary, Text},
    sqlite::Sqlite,
};
use node::{
    transaction::TransactionId,
    units::{ContributionIndex, Epoch, Height, Timestamp},
};

use super::page::{Role, Sequence, Stage};

/// 32 bytes of a column.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct Bytes([u8; 32]);

impl FromSql<Binary, Sqlite> for Bytes {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(bytes)?;
        Ok(Self(bytes.try_into().map_err(|_| "an id in the index is not 32 bytes; rebuild the index")?))
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

from_bytes!(AccountId, ChainId, Digest, QueryId, SchemaId, StudyId);

impl From<Bytes> for TransactionId {
    fn from(bytes: Bytes) -> Self {
        Self::from_digest(Digest::from_bytes(bytes.0))
    }
}

/// A number of a column; never negative.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoders")]
pub struct Number(i64);

impl FromSql<BigInt, Sqlite> for Number {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(bytes).map(Self)
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

from_number!(ContributionIndex, Epoch, Height, Timestamp, Sequence);

impl TryFrom<Number> for u32 {
    type Error = std::num::TryFromIntError;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        number.0.try_into()
    }
}

/// The column's form of a number. Values beyond 2^63 − 1 do not occur: heights, times and counts are far below.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

macro_rules! from_name {
    ($($name:ty),*) => {
        $(impl FromSql<Text, Sqlite> for $name {
            fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(<String as FromSql<Text, Sqlite>>::from_sql(bytes)?.parse::<Self>()?)
            }
        })*
    };
}

from_name!(Role, Stage);
