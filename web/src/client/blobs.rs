//! Blobs across the network, behind the market's seam.

use std::io::{self, Read, Seek, SeekFrom};

use circuits::id::Digest;
use market::objects::{BlobAccess, BlobAddress, BlobKind, LISTING_MAX, UploadProgress};
use ureq::http::StatusCode;

use super::Remote;
use crate::{Error, api::BlobPage};

/// Blobs that a server keeps. Readers check digests as for any store.
#[derive(Debug, Clone)]
pub struct RemoteBlobs {
    remote: Remote,
}

impl RemoteBlobs {
    /// The blobs of a server.
    #[must_use]
    pub const fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Uploads a blob of a length in chunks, from where an earlier try came to. `each` hears how far it is.
    ///
    /// # Errors
    /// [`Error::Remote`] with the refusal, [`Error::Unreachable`]; the same call goes on later. [`Error::Input`] when
    /// the source ends early.
    pub fn upload(
        &self,
        address: BlobAddress,
        bytes: u64,
        source: &mut (impl Read + Seek),
        mut each: impl FnMut(&UploadProgress),
    ) -> Result<(), Error> {
        let path = format!("/v1/uploads/{}/{}?bytes={bytes}", address.kind.name(), address.digest);
        let progress: Option<UploadProgress> = self.remote.json(&path)?;
        let mut progress = progress.ok_or_else(|| self.remote.unusable("it takes no uploads"))?;
        let unread = |error: io::Error| Error::Input { what: "file to upload", why: error.to_string() };
        while !progress.stored {
            each(&progress);
            let offset = progress.received_bytes;
            source.seek(SeekFrom::Start(offset)).map_err(unread)?;
            let length = bytes.saturating_sub(offset).min(UPLOAD_CHUNK_BYTES);
            let mut chunk = vec![];
            source.by_ref().take(length).read_to_end(&mut chunk).map_err(unread)?;
            if (chunk.len() as u64) < length {
                return Err(unread(io::ErrorKind::UnexpectedEof.into()));
            }
            progress = self.remote.patch(&format!("{path}&offset={offset}"), &chunk)?;
            if progress.received_bytes <= offset && !progress.stored {
                return Err(self.remote.unusable("its upload does not advance"));
            }
        }
        each(&progress);
        Ok(())
    }
}

/// Bytes that are sent at once.
const UPLOAD_CHUNK_BYTES: u64 = 8 << 20;

const _: () = assert!(UPLOAD_CHUNK_BYTES <= market::objects::CHUNK_BYTES_MAX as u64);

fn path(address: BlobAddress) -> String {
    format!("/v1/blobs/{}/{}", address.kind.name(), address.digest)
}

fn failed(action: &'static str) -> impl Fn(Error) -> market::Error {
    move |error| market::Error::BlobStore { action, why: error.to_string() }
}

impl BlobAccess for RemoteBlobs {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), market::Error> {
        self.remote.put(&path(address), &bytes).map_err(failed("store a blob"))
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, market::Error> {
        self.remote.bytes(&path(address), bytes_max).map_err(|error| match &error {
            Error::Remote { problem, .. } if problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() => {
                market::Error::BlobBusy { address, why: error.to_string() }
            }
            _ => failed("read a blob")(error),
        })
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, market::Error> {
        let failed = failed("list blobs");
        let (mut all, mut after): (Vec<BlobAddress>, Option<Digest>) = (vec![], None);
        while all.len() < LISTING_MAX {
            let behind = after.map(|digest| format!("?after={digest}")).unwrap_or_default();
            let page: Option<BlobPage> =
                self.remote.json(&format!("/v1/blobs/{}{behind}", kind.name())).map_err(&failed)?;
            let page = page.ok_or_else(|| failed(self.remote.unusable("it lists no blobs")))?;
            all.extend(page.digests.into_iter().map(|digest| BlobAddress { kind, digest }));
            match page.next {
                Some(next) if after < Some(next) => after = Some(next),
                Some(_) => return Err(failed(self.remote.unusable("its listing does not advance"))),
                None => break,
            }
        }
        all.truncate(LISTING_MAX);
        Ok(all)
    }
}
