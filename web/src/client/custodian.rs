//! The custodian of a dataset across the network: its file, asked for with signed requests.

use std::io::{Read as _, Write};

use circuits::id::{ChainId, DatasetId};
use ed25519_dalek::SigningKey;
use market::crypt4gh::HEADER_BYTES_MAX;
use node::units::Timestamp;
use rand::CryptoRng;
use ureq::http::{Uri, header};

use super::Remote;
use crate::{
    Error,
    signed_request::{Covered, SignedHeaders, sign},
};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 1 << 16;

/// A custodian's server, as an account that may read there.
pub struct RemoteCustodian {
    remote: Remote,
    account: SigningKey,
    chain: ChainId,
    clock: fn() -> Timestamp,
}

impl std::fmt::Debug for RemoteCustodian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RemoteCustodian").field(&self.remote).finish()
    }
}

impl RemoteCustodian {
    /// The custodian at a server, asked by the account with this key.
    #[must_use]
    pub const fn new(remote: Remote, account: SigningKey, chain: ChainId, clock: fn() -> Timestamp) -> Self {
        Self { remote, account, chain, clock }
    }

    /// The caller's own header of a dataset's file, unchecked; `None` when there is nothing for this account.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Remote`] with the refusal, [`Error::Reply`] for a header that is too long.
    pub fn header(&self, dataset: DatasetId, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Option<Vec<u8>>, Error> {
        let path = format!("/v1/datasets/{dataset}/header");
        self.remote.signed_bytes(&path, &self.sign(&path, rng)?, HEADER_BYTES_MAX)
    }

    /// Appends what follows byte `from` of a dataset's body, of which `bytes` are expected in all, and returns where the
    /// body then is: a custodian may give less at once. `None` when there is nothing for this account. `each` hears of
    /// every piece. Nothing is checked but that there is no more than expected.
    ///
    /// # Errors
    /// As [`RemoteCustodian::header`]; [`Error::Input`] when the sink fails. What was written before stays, and the next
    /// call goes on behind it.
    pub fn body(
        &self,
        dataset: DatasetId,
        (from, bytes): (u64, u64),
        sink: &mut impl Write,
        rng: &mut (impl CryptoRng + ?Sized),
        mut each: impl FnMut(u64),
    ) -> Result<Option<u64>, Error> {
        let path = format!("/v1/datasets/{dataset}/body");
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let signed = self.sign(&path, rng)?;
        let Some(mut response) = self.remote.signed_get(&path, &signed, range.as_deref())? else { return Ok(None) };
        if from > 0 {
            let begins = format!("bytes {from}-");
            let told = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
            if !told.is_some_and(|told| told.starts_with(&begins)) {
                return Err(self.remote.unusable(format!("it did not give the body from byte {from} on")));
            }
        }
        let (mut at, mut piece) = (from, vec![0; PIECE_BYTES]);
        let mut reader = response.body_mut().as_reader();
        loop {
            let read = match reader.read(&mut piece) {
                Ok(0) => return Ok(Some(at)),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                // What came counts; the caller goes on from there, or sees that nothing came.
                Err(_) if at > from => return Ok(Some(at)),
                Err(error) => {
                    return Err(Error::Unreachable { url: self.remote.url().into(), why: error.to_string() });
                }
            };
            at = at.saturating_add(read as u64);
            if at > bytes {
                return Err(self.remote.unusable(format!("its body is longer than {bytes} bytes")));
            }
            let written = sink.write_all(piece.get(..read).unwrap_or_default());
            written.map_err(|error| Error::Input { what: "output file", why: error.to_string() })?;
            each(at);
        }
    }

    fn sign(&self, path: &str, rng: &mut (impl CryptoRng + ?Sized)) -> Result<SignedHeaders, Error> {
        let malformed = |_| Error::Input { what: "server address", why: self.remote.url().into() };
        let uri: Uri = format!("{}{path}", self.remote.url()).parse().map_err(malformed)?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let authority = authority.strip_suffix(":80").unwrap_or(&authority);
        let covered = Covered {
            method: "GET",
            authority,
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            content_digest: None,
        };
        sign(&covered, &self.account, &self.chain, (self.clock)(), rng)
    }
}
