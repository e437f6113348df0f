//! What a browser shows to be let in again.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use circuits::{
    domain::{ByteTag, hash},
    id::Digest,
};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::Error;

/// Bytes of a session's id, which finds its row.
const ID_BYTES: usize = 16;
/// Bytes of a session's secret, which proves it.
const SECRET_BYTES: usize = 32;

/// Which session a token is of. It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; ID_BYTES]);

impl SessionId {
    pub(super) const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for SessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; ID_BYTES];
        let refused = |_| Error::Account { why: "its session's id is malformed; it has 32 hex digits".into() };
        hex::decode_to_slice(text, &mut bytes).map_err(refused)?;
        Ok(Self(bytes))
    }
}

/// A session's id and secret, as a cookie holds them: 64 characters of base64url. The service keeps a digest of the
/// secret alone, so that who reads its database cannot sign in.
pub struct SessionToken {
    id: SessionId,
    secret: [u8; SECRET_BYTES],
}

impl SessionToken {
    /// A new token.
    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut token = Self { id: SessionId([0; ID_BYTES]), secret: [0; SECRET_BYTES] };
        rng.fill_bytes(&mut token.id.0);
        rng.fill_bytes(&mut token.secret);
        token
    }

    /// Which session it is of.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The cookie's text. Whoever has it is let in.
    #[must_use]
    pub fn to_cookie(&self) -> zeroize::Zeroizing<String> {
        let mut bytes = zeroize::Zeroizing::new(self.id.0.to_vec());
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(&*bytes).into()
    }

    /// What a form carries to show that a page of this session made it. Other sites cannot read it, and it is not the
    /// token.
    #[must_use]
    pub fn form_token(&self) -> Digest {
        hash(ByteTag::FormToken, &[&self.id.0, &self.secret])
    }

    /// What the service keeps of the secret.
    pub(super) fn secret_digest(&self) -> Digest {
        hash(ByteTag::Session, &[&self.id.0, &self.secret])
    }

    /// Whether this is the token that a digest was kept of, in a time that does not depend on either.
    pub(super) fn proves(&self, kept: &[u8; 32]) -> bool {
        self.secret_digest().as_bytes().ct_eq(kept).into()
    }
}

impl FromStr for SessionToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Account { why: "its session is malformed; sign in again".into() };
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
        let (id, secret) = bytes.split_at(ID_BYTES);
        let token = match (written, id.try_into(), secret.try_into()) {
            (Ok(length), Ok(id), Ok(secret)) if length == bytes.len() => Ok(Self { id: SessionId(id), secret }),
            _ => Err(refused()),
        };
        bytes.zeroize();
        token
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for SessionToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Digest of what a browser calls itself: enough to see that a session moved to another one, and no list of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserAgentDigest([u8; 32]);

impl UserAgentDigest {
    /// The digest of a header's text.
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        Self(*hash(ByteTag::UserAgent, &[user_agent.as_bytes()]).as_bytes())
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn a_token_survives_its_cookie_and_no_other_proves_it(seed in any::<u64>(), place in 0usize..64) {
            let token = SessionToken::random(&mut StdRng::seed_from_u64(seed));
            let cookie = token.to_cookie();
            prop_assert_eq!(cookie.len(), 64);
            let kept = *token.secret_digest().as_bytes();
            prop_assert!(cookie.parse::<SessionToken>().unwrap().proves(&kept));
            let mut altered = cookie.as_bytes().to_vec();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap().parse::<SessionToken>().unwrap();
            prop_assert!(!altered.proves(&kept));
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in "\\PC{0,80}") {
            if let Ok(token) = text.parse::<SessionToken>() {
                prop_assert_eq!(&*token.to_cookie(), &text);
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = SessionToken { id: SessionId([1; 16]), secret: [0xab; 32] };
        let shown = format!("{token:?}");
        assert!(!shown.contains("171") && !shown.contains("ab, "), "{shown}");
    }
}
