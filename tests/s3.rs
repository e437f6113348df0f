//! An S3 server: `s3s-fs` behind real HTTP on a free port, with its objects in a folder.

use std::{net::SocketAddr, path::Path, sync::mpsc, thread};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use market::objects::{Objects, ObjectsLocation, S3Settings};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

const BUCKET: &str = "locus";
pub const KEY: &str = "a-key";
pub const SECRET: &str = "a-secret";

/// A running server. Its thread ends with the process.
pub struct S3Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl S3Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let (tell, told) = mpsc::channel();
        let root = folder.path().to_owned();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(serve(&root, &tell));
        });
        Self { address: told.recv().unwrap(), folder }
    }

    /// How to reach it.
    pub fn settings(&self) -> S3Settings {
        settings(&format!("http://{}", self.address))
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn location(prefix: &str) -> ObjectsLocation {
        format!("s3://{BUCKET}/{prefix}").parse().unwrap()
    }

    pub fn open(&self, prefix: &str) -> Objects {
        Objects::open(&Self::location(prefix), &self.settings()).unwrap()
    }

    /// The folder with everything that it keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the server keeps an object.
    pub fn file(&self, place: &str) -> std::path::PathBuf {
        self.folder.path().join(BUCKET).join(place)
    }
}

pub fn settings(endpoint: &str) -> S3Settings {
    S3Settings {
        endpoint: Some(endpoint.into()),
        region: Some("us-east-1".into()),
        access_key_id: Some(KEY.into()),
        secret_access_key: Some(SECRET.to_owned().into()),
    }
}

async fn serve(root: &Path, tell: &mpsc::Sender<SocketAddr>) {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell.send(listener.local_addr().unwrap()).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
            // A client that goes away in the middle is what some tests are about.
            drop(served.await);
        });
    }
}
