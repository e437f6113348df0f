//! A PostgreSQL of the tests' own: one cluster for a test binary, one database for a test. A test that kills the server has
//! a cluster for itself.
//!
//! The cluster listens on a Unix socket in its folder alone and ends with this process, however that ends: a shell holds
//! it, and stops it and deletes the folder when its standard input closes. On that the shell also hears whom to kill and
//! to start again, and it says when that is done. A postmaster refuses to be root, so that under
//! root all of it runs as the user `postgres`. Where no PostgreSQL is installed, root installs Debian's package.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use market::database::{Database, DatabaseUrl};

/// How long the cluster may take to answer.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// The superuser's password. Tests look for it where none may be.
pub const PASSWORD: &str = "sesame-0pen";

/// Makes the cluster, says where it is, and ends it when nobody holds the other end of standard input.
const HOLD: &str = r#"
set -eu
folder=$(mktemp -d "${TMPDIR:-/tmp}/locus-postgres.XXXXXX")
server=
stop() {
    trap - EXIT INT TERM HUP
    if [ -n "$server" ]; then kill -INT "$server" 2>/dev/null || true; wait "$server" || true; fi
    rm -rf "$folder"
}
trap stop EXIT INT TERM HUP
printf '%s\n' "$PASSWORD" > "$folder/password"
"$BIN/initdb" -D "$folder/data" -U locus --auth=scram-sha-256 --pwfile="$folder/password" --no-sync \
    --encoding=UTF8 --locale=C > "$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
start() {
    "$BIN/postgres" -D "$folder/data" -k "$folder" -c listen_addresses='' -c fsync=off -c max_connections=300 \
        -c shared_buffers=32MB >> "$folder/log" 2>&1 < /dev/null &
    server=$!
}
# The postmaster, and whoever works for it: what none of them had written is gone.
kill_all() {
    workers=$(cat "/proc/$server/task/$server/children" 2>/dev/null || true)
    kill -KILL "$server" $workers 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}
# Whether the lock file is this postmaster's and says that it takes connections.
is_ready() {
    lock="$folder/data/postmaster.pid"
    [ "$(head -n 1 "$lock" 2>/dev/null)" = "$server" ] && grep -qs '^ready' "$lock"
}
start
echo "$folder"
while read -r asked; do
    case "$asked" in
        kill) kill_all ;;
        start)
            # While one that was killed is not gone altogether, no other starts.
            for try in 1 2 3 4 5 6 7 8 9 10; do
                start
                while [ -e "/proc/$server/exe" ] && ! is_ready; do sleep 0.1; done
                if [ -e "/proc/$server/exe" ]; then break; fi
                wait "$server" || true
                sleep 0.3
            done ;;
    esac
    echo "$asked"
done
"#;

/// A running server with its databases.
pub struct Cluster {
    folder: PathBuf,
    /// Its standard input keeps the cluster alive, and says what to do with it.
    holder: Mutex<(Child, BufReader<ChildStdout>)>,
}

/// The folder of the programs, which are not always in PATH.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    // What PATH has may be a link to a program that looks for its siblings beside itself.
    folders.extend(debian.into_iter().rev());
    let found = folders.into_iter().filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok());
    found.filter_map(|postgres| Some(postgres.parent()?.to_owned())).find(|bin| bin.join("initdb").exists())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id -u` runs");
    id.stdout.trim_ascii() == b"0"
}

/// Installs Debian's package, as root alone may.
fn install() -> PathBuf {
    assert!(
        is_root() && Path::new("/usr/bin/apt-get").exists(),
        "these tests need PostgreSQL's server programs (initdb and postgres, in PATH or /usr/lib/postgresql/*/bin): \
         install your system's package, Debian's is `postgresql`"
    );
    let apt = |arguments: &[&str]| {
        let run = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output().unwrap();
        assert!(run.status.success(), "apt-get {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    };
    apt(&["update", "--quiet"]);
    apt(&["install", "--yes", "--quiet", "--no-install-recommends", "postgresql"]);
    programs().expect("Debian's package `postgresql` brings initdb and postgres")
}

/// A shell, of another user where this one is root.
fn shell(bin: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", HOLD]).env("BIN", bin).env("PASSWORD", PASSWORD).current_dir("/");
    command
}

fn start() -> Cluster {
    let bin = programs().unwrap_or_else(install);
    let mut holder =
        shell(&bin).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell runs");
    let mut folder = String::new();
    let mut said = BufReader::new(holder.stdout.take().unwrap());
    said.read_line(&mut folder).unwrap();
    if folder.is_empty() {
        let output = holder.wait_with_output().unwrap();
        panic!("no PostgreSQL cluster: {}", String::from_utf8_lossy(&output.stderr));
    }
    let cluster = Cluster { folder: folder.trim().into(), holder: Mutex::new((holder, said)) };
    cluster.wait();
    cluster
}

impl Cluster {
    pub fn start() -> Self {
        start()
    }

    /// Nothing but [`Cluster::kill`] ends it.
    pub fn assert_answers(&self) {
        drop(PgConnection::establish(&self.url("postgres")).unwrap());
    }

    /// SIGKILL for the postmaster and all that work for it.
    pub fn kill(&self) {
        self.ask("kill");
    }

    /// The server again, with what it kept.
    pub fn restart(&self) {
        self.ask("start");
        self.wait();
    }

    /// What the server logged, its own statements that failed among it.
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.folder.join("log")).unwrap()
    }

    /// Has the shell do something, and waits until it is done.
    fn ask(&self, what: &str) {
        let mut holder = self.holder.lock().unwrap();
        let (child, said) = &mut *holder;
        writeln!(child.stdin.as_mut().unwrap(), "{what}").unwrap();
        let mut done = String::new();
        said.read_line(&mut done).unwrap();
        assert_eq!(done.trim(), what, "the shell that holds PostgreSQL is gone");
    }

    /// Waits until the server answers.
    fn wait(&self) {
        let started = Instant::now();
        while let Err(error) = PgConnection::establish(&self.url("postgres")) {
            assert!(started.elapsed() < START_TIME_MAX, "PostgreSQL does not answer: {error}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A new database, by its address.
    pub fn new_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static MAKING: Mutex<()> = Mutex::new(());
        let mut name = "test_".to_owned();
        write!(name, "{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)).unwrap();
        // Two at once would wait for each other's copy of the template, and one may give up.
        let _making = MAKING.lock().unwrap();
        let mut administrator = PgConnection::establish(&self.url("postgres")).unwrap();
        administrator.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).unwrap();
        self.url(&name)
    }

    fn url(&self, name: &str) -> String {
        let host = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://locus:{PASSWORD}@/{name}?host={host}")
    }
}

/// A new database of the PostgreSQL that tests share, by its address.
pub fn new_database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start).new_database()
}

/// What a test of both kinds of database runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A new database; a file of it is in a folder of its own.
pub struct TestDatabase {
    _folder: tempfile::TempDir,
    pub address: String,
}

impl Backend {
    pub const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub fn database(self) -> TestDatabase {
        let folder = tempfile::tempdir().unwrap();
        let address = match self {
            Self::Sqlite => format!("sqlite://{}", folder.path().join("locus.sqlite").display()),
            Self::Postgres => new_database(),
        };
        TestDatabase { _folder: folder, address }
    }
}

impl TestDatabase {
    pub fn url(&self) -> DatabaseUrl {
        self.address.parse().unwrap()
    }

    pub fn open(&self) -> Database {
        Database::open(&self.url()).unwrap()
    }
}

/// Writes a test for each kind of database.
macro_rules! on_both {
    ($(fn $name:ident($backend:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, reason = "what the body names")]
            use super::*;

            fn check($backend: crate::postgres::Backend) $body

            #[test]
            fn on_sqlite() {
                check(crate::postgres::Backend::Sqlite);
            }

            #[test]
            fn on_postgres() {
                check(crate::postgres::Backend::Postgres);
            }
        })*
    };
}

pub(crate) use on_both;
