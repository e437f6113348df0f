//! Ceremonies: what was begun to let somebody in, and waits for its second half. Each ends once, or by itself soon.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use circuits::{
    domain::{ByteTag, hash},
    id::Digest,
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into};
use node::units::Timestamp;
use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{Accounts, schema::ceremonies};
use crate::{
    Error,
    database::{names, signed},
};

/// Ceremonies that wait at a time; more are refused until older ones ended.
pub const CEREMONIES_MAX: usize = 16_384;
/// How long a ceremony waits at most, in seconds.
pub const CEREMONY_SECONDS_MAX: u32 = 600;
/// The longest state of a ceremony, in bytes.
pub const CEREMONY_BYTES_MAX: usize = 2_048;
/// Ceremonies over that are forgotten whenever one begins.
const FORGOTTEN_MAX: i64 = 256;
/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

names! {
    /// What is begun.
    CeremonyKind {
        /// A passkey is being made.
        Registration = "registration",
        /// A passkey is being asked for.
        Authentication = "authentication",
        /// A key of the ledger is to sign a challenge.
        Challenge = "challenge",
        /// A key of the ledger signed; its owner opens the link.
        Link = "link",
        /// An institution is asked who somebody is.
        Institution = "institution",
    }
}

/// Proves who began a ceremony: 32 random bytes, as 43 characters of base64url. The service keeps a digest alone.
pub struct CeremonyToken([u8; TOKEN_BYTES]);

impl CeremonyToken {
    fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut token = Self([0; TOKEN_BYTES]);
        rng.fill_bytes(&mut token.0);
        token
    }

    /// The token's text. Whoever has it can end the ceremony.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        URL_SAFE_NO_PAD.encode(self.0).into()
    }

    /// What the service keeps.
    fn digest(&self) -> Digest {
        self.derive("kept")
    }

    /// A value that only who has the token can compute, one for each purpose, so that nothing secret has to be kept.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Digest {
        hash(ByteTag::Ceremony, &[purpose.as_bytes(), &self.0])
    }
}

impl FromStr for CeremonyToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut token = Self([0; TOKEN_BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(text, &mut token.0) {
            Ok(TOKEN_BYTES) => Ok(token),
            _ => Err(Error::Account { why: "its code is malformed; begin again".into() }),
        }
    }
}

impl fmt::Debug for CeremonyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CeremonyToken(***)")
    }
}

impl Drop for CeremonyToken {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Accounts {
    /// Begins a ceremony that waits for `seconds`, and keeps its state.
    ///
    /// # Errors
    /// [`Error::Account`] when too many wait, or for a state or a time beyond its bound; [`Error::Database`] when the
    /// database fails.
    pub fn begin_ceremony(
        &self,
        kind: CeremonyKind,
        state: &[u8],
        seconds: u32,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<CeremonyToken, Error> {
        if state.len() > CEREMONY_BYTES_MAX || seconds == 0 || seconds > CEREMONY_SECONDS_MAX {
            let why = format!("a ceremony has {CEREMONY_BYTES_MAX} bytes and {CEREMONY_SECONDS_MAX} seconds at most");
            return Err(Error::Account { why });
        }
        let token = CeremonyToken::random(rng);
        self.database.write(|connection| {
            let over: Vec<Vec<u8>> = ceremonies::table
                .filter(ceremonies::expires.le(signed(now.get())))
                .order(ceremonies::expires)
                .limit(FORGOTTEN_MAX)
                .select(ceremonies::digest)
                .load(connection)?;
            for digest in over {
                delete(ceremonies::table.find(digest)).execute(connection)?;
            }
            let waiting: i64 = ceremonies::table.count().get_result(connection)?;
            if waiting >= signed(CEREMONIES_MAX as u64) {
                let why = "too many people are signing in at once; try again in a few minutes".into();
                return Err(Error::Account { why });
            }
            insert_into(ceremonies::table)
                .values((
                    ceremonies::digest.eq(token.digest().as_bytes().as_slice()),
                    ceremonies::kind.eq(kind.name()),
                    ceremonies::payload.eq(state),
                    ceremonies::expires.eq(signed(now.after(seconds).get())),
                ))
                .execute(connection)?;
            Ok(())
        })?;
        Ok(token)
    }

    /// The state of a ceremony that waits; `None` when none of this kind has the token, or its time is over.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn ceremony(
        &self,
        kind: CeremonyKind,
        token: &CeremonyToken,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        let waiting = ceremonies::table
            .find(token.digest().as_bytes().to_vec())
            .filter(ceremonies::kind.eq(kind.name()))
            .filter(ceremonies::expires.gt(signed(now.get())))
            .select(ceremonies::payload);
        self.database.read(|connection| waiting.first(connection).optional())
    }

    /// Ends a ceremony and returns its state, once: of several that try, one gets it.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn end_ceremony(
        &self,
        kind: CeremonyKind,
        token: &CeremonyToken,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(state) = self.ceremony(kind, token, now)? else { return Ok(None) };
        let this = ceremonies::table.find(token.digest().as_bytes().to_vec());
        let ended = self.database.write(|connection| Ok(delete(this).execute(connection)?))?;
        Ok((ended == 1).then_some(state))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn a_token_survives_its_text_and_no_text_makes_the_decoder_panic(seed in any::<u64>(), text in "\\PC{0,60}") {
            let token = CeremonyToken::random(&mut StdRng::seed_from_u64(seed));
            let read: CeremonyToken = token.to_text().parse().unwrap();
            prop_assert_eq!(read.digest(), token.digest());
            prop_assert_ne!(token.derive("a"), token.derive("b"));
            if let Ok(read) = text.parse::<CeremonyToken>() {
                prop_assert_eq!(&*read.to_text(), &text);
            }
        }
    }

    #[test]
    fn debug_shows_no_token() {
        assert_eq!(format!("{:?}", CeremonyToken([7; 32])), "CeremonyToken(***)");
    }
}
