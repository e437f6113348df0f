//! Identifiers and commitments as newtypes with private fields and canonical encodings.
//!
//! Byte ids print, parse and serialize as 64 hex digits. Field ids are 32 little-endian bytes on the wire and the same
//! hex as text; an encoding at or above the modulus is refused, because `n` and `n + p` would be two names of one thing.

use std::{fmt, str::FromStr};

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// The canonical 32 little-endian bytes of a field element.
#[must_use]
pub fn field_to_bytes(element: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, source) in bytes.iter_mut().zip(element.into_bigint().to_bytes_le()) {
        *byte = source;
    }
    bytes
}

/// The field element of canonical little-endian bytes.
///
/// # Errors
/// [`Error::NonCanonical`] at or above the modulus.
pub fn field_from_bytes(what: &'static str, bytes: &[u8; 32]) -> Result<Fr, Error> {
    let element = Fr::from_le_bytes_mod_order(bytes);
    if field_to_bytes(&element) == *bytes { Ok(element) } else { Err(Error::NonCanonical { what }) }
}

fn bytes_from_hex(what: &'static str, text: &str) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|error| Error::Malformed { what, why: format!("expected 64 hex digits ({error})") })?;
    Ok(bytes)
}

macro_rules! text_forms {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.to_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl BorshSerialize for $name {
            fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
                writer.write_all(&self.to_bytes())
            }
        }
    };
}

macro_rules! byte_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The 32 bytes, by value.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 32] {
                self.0
            }
        }

        text_forms!($name);

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                bytes_from_hex(stringify!($name), text).map(Self)
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                <[u8; 32]>::deserialize_reader(reader).map(Self)
            }
        }
    };
}

macro_rules! field_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Fr);

        impl $name {
            /// Wraps a field element computed by this crate.
            #[must_use]
            pub const fn from_element(element: Fr) -> Self {
                Self(element)
            }

            /// The value of canonical little-endian bytes.
            ///
            /// # Errors
            /// [`Error::NonCanonical`] at or above the modulus.
            pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
                field_from_bytes(stringify!($name), bytes).map(Self)
            }

            /// The field element.
            #[must_use]
            pub const fn element(&self) -> Fr {
                self.0
            }

            /// Canonical little-endian bytes.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 32] {
                field_to_bytes(&self.0)
            }
        }

        text_forms!($name);

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::from_bytes(&bytes_from_hex(stringify!($name), text)?)
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                let bytes = <[u8; 32]>::deserialize_reader(reader)?;
                Self::from_bytes(&bytes)
                    .map_err(|error| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, error))
            }
        }
    };
}

byte_id!(
    /// A SHA-256 digest.
    Digest
);
byte_id!(
    /// An Ed25519 public key that owns an account, signs transactions or receives a payout.
    AccountId
);
byte_id!(
    /// Digest of a genesis: what every signature and proof binds.
    ChainId
);
byte_id!(
    /// Digest of a schema.
    SchemaId
);
byte_id!(
    /// Digest of a study's registration.
    StudyId
);
byte_id!(
    /// Digest of a query as opened.
    QueryId
);
byte_id!(
    /// Digest of a dataset as offered.
    DatasetId
);
byte_id!(
    /// Digest of a licence as requested.
    LicenceId
);
byte_id!(
    /// Digest of a withdrawal as requested.
    WithdrawalId
);
byte_id!(
    /// Digest of a screening as opened.
    ScreeningId
);
field_id!(
    /// Merkle root over the windows of a record's dosages.
    GenotypeRoot
);
field_id!(
    /// Hiding commitment to a record: `H(BODY, schema, issuer, H(attributes), genotype root, H(NK, nk))`.
    BodyCommitment
);
field_id!(
    /// Salted commitment to consent terms.
    ConsentCommitment
);
field_id!(
    /// `H(LEAF, body, issuer, consent, registration epoch)`; zero is the empty and the revoked leaf.
    Leaf
);
field_id!(
    /// Root of the registration tree at the end of an epoch.
    EpochRoot
);
field_id!(
    /// `H(NULL, nk, query, part)`: marks a record as used in a query's part without naming it.
    Nullifier
);
field_id!(
    /// `H(NULL-EXACT, nk, period, measure)`; zero for a query that is not `Exact`.
    ScopeNullifier
);
field_id!(
    /// The value of a ciphertext's polynomial at a challenge.
    Evaluation
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modulus_itself_is_refused_as_a_second_zero() {
        let mut modulus = [0; 32];
        modulus.copy_from_slice(&Fr::MODULUS.to_bytes_le());
        assert_eq!(Nullifier::from_bytes(&modulus), Err(Error::NonCanonical { what: "Nullifier" }));
        assert!(borsh::from_slice::<Nullifier>(&modulus).is_err());
    }

    #[test]
    fn text_and_wire_forms_round_trip() {
        let nullifier = Nullifier::from_element(Fr::from(7u64));
        assert_eq!(nullifier.to_string().parse::<Nullifier>().unwrap(), nullifier);
        assert_eq!(borsh::from_slice::<Nullifier>(&borsh::to_vec(&nullifier).unwrap()).unwrap(), nullifier);
        assert!("7".parse::<Digest>().is_err());
    }
}
