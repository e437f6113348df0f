//! Where a store is, as people write it.

use std::{fmt, path::PathBuf, str::FromStr};

use zeroize::Zeroizing;

use crate::Error;

/// A directory, or a bucket of S3 or of a server that speaks its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectsLocation {
    /// A directory on this machine.
    Directory(PathBuf),
    /// A bucket, and a folder in it.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The folder; empty for the whole bucket.
        prefix: String,
    },
}

/// A path, `file:///path`, or `s3://bucket/folder`.
impl FromStr for ObjectsLocation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |why: &str| {
            let why = format!("{text:?} {why}; give a path, file:///path, or s3://bucket/folder");
            Err(Error::BlobStore { action: "find its location", why })
        };
        match text.split_once("://") {
            None if text.is_empty() => refused("names no directory"),
            None => Ok(Self::Directory(text.into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Directory(path.into())),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return refused("names no bucket");
                }
                Ok(Self::S3 { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
            }
            Some(_) => refused("is of no kind that is known"),
        }
    }
}

impl fmt::Display for ObjectsLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// How an S3 server is reached. What is `None` is taken from the environment: `AWS_ENDPOINT_URL`, `AWS_REGION`,
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; or the machine's role says it.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// Address of the server, such as `https://s3.example.org`. Without TLS only on this machine, unless
    /// `AWS_ALLOW_HTTP` is `true`.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Name of the access key.
    pub access_key_id: Option<String>,
    /// The access key's secret.
    pub secret_access_key: Option<Zeroizing<String>>,
}

impl S3Settings {
    /// Whether the server is on this machine, so that nobody can listen in.
    pub(super) fn is_on_this_machine(&self) -> bool {
        let said = self.endpoint.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
        let host = said.as_deref().and_then(|url| url.strip_prefix("http://"));
        host.is_some_and(|host| ["127.0.0.1:", "localhost:", "[::1]:"].iter().any(|local| host.starts_with(local)))
    }
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &self.secret_access_key.as_ref().map(|_| "redacted"))
            .finish()
    }
}
