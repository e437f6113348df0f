//! Where objects are kept: a directory, memory, or S3. Calls block.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, executor::block_on};
use object_store::{
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    memory::InMemory,
    path::Path as Place,
    prefix::PrefixStore,
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::{LISTING_MAX, S3Settings};
use crate::Error;

/// Threads that move bytes to and from S3.
const NETWORK_THREADS: usize = 2;
/// How often, and for how long, a request to S3 is repeated.
const RETRIES_MAX: usize = 5;
const RETRY_TIME_MAX: Duration = Duration::from_secs(30);

/// A store of objects by their place in it.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    store: Arc<dyn ObjectStore>,
    /// Drives the network; files need none.
    runtime: Option<Handle>,
    directory: Option<PathBuf>,
}

pub(super) fn failed(action: &'static str) -> impl Fn(object_store::Error) -> Error {
    move |error| Error::BlobStore { action, why: error.to_string() }
}

/// Nothing there is no failure.
fn found<T>(result: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The one runtime of all stores across a network. It is never dropped, which no caller inside a runtime could do.
fn network() -> Result<Handle, Error> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(NETWORK_THREADS).thread_name("locus-objects").enable_all().build()
    });
    let runtime = made.as_ref();
    let why = |error: &io::Error| Error::BlobStore { action: "start its threads", why: error.to_string() };
    runtime.map(|runtime| runtime.handle().clone()).map_err(why)
}

impl Backend {
    /// Files under a directory, created when absent; each write is synced and renamed into place.
    pub(super) fn directory(root: &Path) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(root);
        made.map_err(|source| Error::File { path: root.into(), action: "make the directory", source })?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(failed("open the directory"))?;
        Ok(Self { store: Arc::new(store.with_fsync(true)), runtime: None, directory: Some(root.into()) })
    }

    pub(super) fn memory() -> Self {
        Self { store: Arc::new(InMemory::new()), runtime: None, directory: None }
    }

    /// Objects in a bucket. What the settings leave open, the `AWS_*` environment variables say.
    pub(super) fn s3(bucket: &str, prefix: &str, settings: &S3Settings) -> Result<Self, Error> {
        let retries = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries);
        for (key, value) in [
            (AmazonS3ConfigKey::Endpoint, &settings.endpoint),
            (AmazonS3ConfigKey::Region, &settings.region),
            (AmazonS3ConfigKey::AccessKeyId, &settings.access_key_id),
        ] {
            if let Some(value) = value {
                builder = builder.with_config(key, value);
            }
        }
        if let Some(secret) = &settings.secret_access_key {
            builder = builder.with_secret_access_key(secret.as_str());
        }
        if settings.is_on_this_machine() {
            builder = builder.with_allow_http(true);
        }
        let store = builder.build().map_err(failed("open the bucket"))?;
        let store: Arc<dyn ObjectStore> =
            if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, Place::from(prefix))) };
        Ok(Self { store, runtime: Some(network()?), directory: None })
    }

    /// The directory, when it is one.
    pub(super) fn root(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Waits here for work that goes on elsewhere.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> object_store::Result<T> {
        match &self.runtime {
            Some(runtime) => block_on(runtime.spawn(work))?,
            None => block_on(work),
        }
    }

    /// Writes an object where there is none; whether it did.
    pub(super) fn create(&self, place: &Place, bytes: Bytes) -> object_store::Result<bool> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        let put = async move { store.put_opts(&place, bytes.into(), PutOptions::from(PutMode::Create)).await };
        match self.wait(put) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes an object, whatever is there.
    pub(super) fn replace(&self, place: &Place, bytes: Bytes) -> object_store::Result<()> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        self.wait(async move { store.put(&place, bytes.into()).await.map(drop) })
    }

    /// Size and time of an object.
    pub(super) fn head(&self, place: &Place) -> object_store::Result<Option<ObjectMeta>> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        found(self.wait(async move { store.head(&place).await }))
    }

    /// Bytes of an object from `start` to before `end`, which is not beyond it.
    pub(super) fn range(&self, place: &Place, start: u64, end: u64) -> object_store::Result<Option<Bytes>> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        found(self.wait(async move { store.get_range(&place, start..end).await }))
    }

    /// A whole object, whose size `accept` agrees to.
    pub(super) fn get(
        &self,
        place: &Place,
        accept: impl FnOnce(u64) -> Result<(), Error>,
    ) -> Result<Option<Bytes>, Error> {
        let failed = failed("read a blob");
        let (store, at) = (Arc::clone(&self.store), place.clone());
        let got = found(self.wait(async move { store.get(&at).await })).map_err(&failed)?;
        let Some(got) = got else { return Ok(None) };
        accept(got.meta.size)?;
        self.wait(got.bytes()).map(Some).map_err(failed)
    }

    pub(super) fn delete(&self, place: &Place) -> object_store::Result<()> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        found(self.wait(async move { store.delete(&place).await })).map(drop)
    }

    /// What is in a folder and its folders, at most [`LISTING_MAX`], in no order.
    pub(super) fn list(&self, folder: &Place) -> object_store::Result<Vec<ObjectMeta>> {
        let listed = self.store.list(Some(folder)).take(LISTING_MAX).try_collect();
        self.wait(listed)
    }

    /// Bytes of all objects in a folder and its folders.
    pub(super) fn size(&self, folder: &Place) -> object_store::Result<u64> {
        let sizes = self.store.list(Some(folder));
        self.wait(sizes.try_fold(0_u64, |sum, entry| async move { Ok(sum.saturating_add(entry.size)) }))
    }

    /// The folders in a folder, in order.
    pub(super) fn folders(&self, folder: &Place) -> object_store::Result<Vec<Place>> {
        let (store, folder) = (Arc::clone(&self.store), folder.clone());
        let mut folders = self.wait(async move { store.list_with_delimiter(Some(&folder)).await })?.common_prefixes;
        folders.sort_unstable();
        Ok(folders)
    }

    /// Begins an object that comes in parts. Nobody sees it before it is complete.
    pub(super) fn begin(&self, place: &Place) -> object_store::Result<Parts<'_>> {
        let (store, place) = (Arc::clone(&self.store), place.clone());
        let upload = self.wait(async move { store.put_multipart(&place).await })?;
        Ok(Parts { backend: self, upload: Some(upload) })
    }
}

/// An object that comes in parts. Dropped before it is complete, it leaves nothing where it should have been.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    backend: &'a Backend,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Parts<'_> {
    /// Sends the next part, of 5 MiB at least unless it is the last, and waits until it is there.
    pub(super) fn push(&mut self, bytes: Bytes) -> object_store::Result<()> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let sent = upload.put_part(bytes.into());
        self.backend.wait(sent)
    }

    /// Puts the object in its place.
    pub(super) fn complete(mut self) -> object_store::Result<()> {
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        self.backend.wait(async move { upload.complete().await.map(drop) })
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        if let Some(mut upload) = self.upload.take() {
            // A store that fails here keeps parts that nobody sees; its lifecycle rules remove them.
            let _ = self.backend.wait(async move { upload.abort().await });
        }
    }
}
