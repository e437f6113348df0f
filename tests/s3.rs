//! An S3 server: `s3s-fs` behind real HTTP in a process of its own, which can be killed and comes back at its address, with
//! its objects in a folder. The process is this test binary, run once more for [`child_that_serves_objects`] alone.

use std::{
    env,
    io::{self, Read as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use market::objects::{Objects, ObjectsLocation, S3Settings};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::ports::free_port;

const BUCKET: &str = "locus";
pub const KEY: &str = "a-key";
pub const SECRET: &str = "a-secret";
/// What the child process serves, and where.
const FOLDER: &str = "LOCUS_TEST_S3_FOLDER";
const ADDRESS: &str = "LOCUS_TEST_S3_ADDRESS";
/// How long the process may take to answer on a loaded machine.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// What the child process runs; alone, it does nothing. It ends when nobody holds the other end of its standard input.
#[test]
fn child_that_serves_objects() {
    let (Ok(folder), Ok(address)) = (env::var(FOLDER), env::var(ADDRESS)) else { return };
    thread::spawn(|| {
        drop(io::stdin().read_to_end(&mut vec![]));
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(serve(Path::new(&folder), address.parse().unwrap()));
}

/// A running server. Its process ends with this one, however that ends.
pub struct S3Server {
    address: String,
    folder: tempfile::TempDir,
    process: Mutex<Child>,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl S3Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        loop {
            let address = format!("127.0.0.1:{}", free_port());
            let mut process = launch(folder.path(), &address);
            // Another process may have taken the port meanwhile.
            if answers(&address, &mut process) {
                return Self { address, folder, process: Mutex::new(process) };
            }
        }
    }

    /// Nothing but [`S3Server::kill`] ends it.
    pub fn assert_alive(&self) {
        let ended = self.process.lock().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "the S3 server ended by itself: {ended:?}");
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// The server again, at the same address and with what it kept.
    pub fn restart(&self) {
        let mut process = launch(self.folder.path(), &self.address);
        assert!(answers(&self.address, &mut process), "the S3 server does not come back to {}", self.address);
        *self.process.lock().unwrap() = process;
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

fn launch(folder: &Path, address: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "s3::child_that_serves_objects"]);
    command.env(FOLDER, folder).env(ADDRESS, address).stdin(Stdio::piped()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// Whether a process answers at its address before it ends.
fn answers(address: &str, process: &mut Child) -> bool {
    let started = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        assert!(started.elapsed() < START_TIME_MAX, "the S3 server does not answer at {address}");
        thread::sleep(Duration::from_millis(10));
    }
    false
}

async fn serve(root: &Path, address: SocketAddr) {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind(address).await.unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
            // A client that goes away in the middle is what some tests are about.
            drop(served.await);
        });
    }
}
