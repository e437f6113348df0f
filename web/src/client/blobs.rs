//! Blobs across the network, behind the market's seam.

use circuits::id::Digest;
use market::objects::{BlobAccess, BlobAddress, BlobKind, LISTING_MAX};

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
}

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
        self.remote.bytes(&path(address), bytes_max).map_err(failed("read a blob"))
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
