//! Where a network's files are, how its keys are unlocked, and how a command reaches the ledger.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use market::{
    ledger::{LedgerAccess, LocalLedger},
    objects::{BlobAccess, Objects, S3Settings},
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{
    Ledger, Mempool,
    consensus::{Engine, Pace},
    genesis::{Genesis, Network},
};
use zeroize::Zeroizing;

use super::output::warn;
use crate::{
    Error,
    chain::now,
    client::{Remote, RemoteBlobs, RemoteLedger},
    node::{NO_PEERS, engine_options},
};

/// How the node of a single command makes blocks: for what the command sends, and for nothing else.
const ON_DEMAND: Pace = Pace { gather: Duration::ZERO, heartbeat: Duration::from_secs(24 * 3_600) };
/// Environment variable that holds the passphrase.
const PASSPHRASE_VARIABLE: &str = "LOCUS_PASSPHRASE";

/// The files of a network on this machine, and how its secrets are unlocked.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
    url: Option<String>,
    passphrase_file: Option<PathBuf>,
    objects: Option<String>,
}

/// A ledger and a store of blobs, here or across a network.
pub struct Connection {
    /// The ledger.
    pub ledger: Arc<dyn LedgerAccess>,
    /// The blobs.
    pub blobs: Arc<dyn BlobAccess>,
    /// The engine that makes blocks, when this process runs the network's only node.
    pub engine: Option<Engine>,
}

impl Home {
    /// The files under `dir`, or the node at `url`.
    #[must_use]
    pub fn new(dir: PathBuf, url: Option<String>, passphrase_file: Option<PathBuf>) -> Self {
        // An empty variable is how a shell says that it is not set.
        Self { dir, url: url.filter(|url| !url.is_empty()), passphrase_file, objects: None }
    }

    /// The same with its blobs elsewhere: a path, or a bucket's URL.
    #[must_use]
    pub fn with_objects(self, location: Option<String>) -> Self {
        Self { objects: location.filter(|location| !location.is_empty()), ..self }
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The node's address, when one is given.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The genesis in JSON.
    #[must_use]
    pub fn genesis_path(&self) -> PathBuf {
        self.dir.join("genesis.json")
    }

    /// The proving key of contributions.
    #[must_use]
    pub fn proving_key_path(&self) -> PathBuf {
        self.dir.join("proving.key")
    }

    /// The proving key of eligibility, which responses to screenings are made with.
    #[must_use]
    pub fn eligibility_key_path(&self) -> PathBuf {
        self.dir.join("eligibility.key")
    }

    /// Blocks and state.
    #[must_use]
    pub fn ledger_path(&self) -> PathBuf {
        self.dir.join("ledger.redb")
    }

    /// The ledger that a restored one replaced.
    #[must_use]
    pub fn replaced_ledger_path(&self) -> PathBuf {
        self.dir.join("ledger.redb.replaced")
    }

    /// Blocks and state, opened.
    ///
    /// # Errors
    /// As [`Ledger::open`]; [`Error::Input`] where a restore was interrupted.
    pub fn open_ledger(&self) -> Result<Ledger, Error> {
        self.check_replaced()?;
        Ok(Ledger::open(&self.ledger_path(), self.genesis()?)?)
    }

    /// The ledger of the node whose data directory this is, opened; never a new one.
    ///
    /// # Errors
    /// [`Error::Input`] where there is none, else as [`Home::open_ledger`].
    pub fn open_own_ledger(&self) -> Result<Ledger, Error> {
        if !self.ledger_path().exists() && !self.replaced_ledger_path().exists() {
            let url = if self.url.is_some() {
                " and without --url (or LOCUS_URL): it works on the node's own files"
            } else {
                ""
            };
            let why = format!(
                "there is none at {}; do this where the node runs, or give its folder with --data-dir{url}",
                self.ledger_path().display()
            );
            return Err(Error::Input { what: "ledger", why });
        }
        self.open_ledger()
    }

    /// Blocks and state, opened and checked for a node that signs what it finds there.
    ///
    /// # Errors
    /// As [`Ledger::open_checked`]; [`Error::Input`] where a restore was interrupted.
    pub fn open_checked_ledger(&self) -> Result<Ledger, Error> {
        self.check_replaced()?;
        Ok(Ledger::open_checked(&self.ledger_path(), self.genesis()?)?)
    }

    /// A ledger that was moved aside for one that never came: an empty one in its place would begin at the genesis.
    fn check_replaced(&self) -> Result<(), Error> {
        let replaced = self.replaced_ledger_path();
        if self.ledger_path().exists() || !replaced.exists() {
            return Ok(());
        }
        let why = format!(
            "a restore was interrupted: run it again, or rename {} to ledger.redb; to begin without either, move it away",
            replaced.display()
        );
        Err(Error::Input { what: "ledger", why })
    }

    /// The store of blobs: where the options say, or a folder of the data directory.
    ///
    /// # Errors
    /// [`Error::Market`] when it cannot be opened.
    pub fn objects(&self) -> Result<Objects, Error> {
        match &self.objects {
            Some(location) => Ok(Objects::open(&location.parse()?, &S3Settings::default())?),
            None => Ok(Objects::directory(&self.dir.join("objects"))?),
        }
    }

    /// The database of the index, jobs and accounts, unless another one is given.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        self.dir.join("locus.sqlite")
    }

    /// Key files.
    #[must_use]
    pub fn keys_path(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// The validator's key file.
    #[must_use]
    pub fn validator_path(&self) -> PathBuf {
        self.keys_path().join("validator.key")
    }

    /// The genesis of this network, from the file or from the node.
    ///
    /// # Errors
    /// [`Error::Input`] when there is none.
    pub fn genesis(&self) -> Result<Genesis, Error> {
        match &self.url {
            Some(url) => Ok(self.remote_ledger(url)?.genesis().clone()),
            None => self.own_genesis()?.ok_or_else(|| Error::Input {
                what: "genesis",
                why: format!(
                    "{} is not there; copy it from who founded the network, found one with `locus network init`, or give --url or \
                     --data-dir",
                    self.genesis_path().display()
                ),
            }),
        }
    }

    /// The genesis in the data directory, if it has one.
    fn own_genesis(&self) -> Result<Option<Genesis>, Error> {
        let path = self.genesis_path();
        if path.exists() { read_json("genesis", &path).map(Some) } else { Ok(None) }
    }

    /// The ledger of the node at an address. The genesis in the data directory decides which chain it must hold. Where
    /// there is none, the chain of the first contact is kept and shown, so that people can compare it; the node's
    /// genesis is not kept, since it would decide how this folder's files are protected.
    fn remote_ledger(&self, url: &str) -> Result<RemoteLedger, Error> {
        let (remote, path) = (Remote::new(url)?, self.dir.join("chain.json"));
        if let Some(genesis) = self.own_genesis()? {
            return RemoteLedger::connect_to(remote, genesis.chain_id()?);
        }
        if path.exists() {
            let known = RemoteLedger::connect_to(remote, read_json("chain id", &path)?);
            return known.map_err(|error| other_chain(url, &path, error));
        }
        let ledger = RemoteLedger::connect(remote)?;
        write_json("chain id", &path, &ledger.chain())?;
        warn(format!("first contact: {url} holds chain {}; compare this id with what others see", ledger.chain()));
        Ok(ledger)
    }

    /// Reaches the network: the node at --url, or the ledger in the data directory, which this process then runs.
    ///
    /// # Errors
    /// [`Error`] when neither can be opened.
    pub fn connect(&self) -> Result<Connection, Error> {
        if let Some(url) = &self.url {
            let ledger = self.remote_ledger(url)?;
            let blobs = Arc::new(RemoteBlobs::new(ledger.remote().clone()));
            return Ok(Connection { ledger: Arc::new(ledger), blobs, engine: None });
        }
        let mempool = Arc::new(Mempool::new(Arc::new(self.open_ledger()?)));
        let validator = self.key(&self.validator_path(), Role::Validator)?;
        let blobs = Arc::new(self.objects()?);
        let engine = Engine::start(Arc::clone(&mempool), engine_options(&validator, &self.dir, NO_PEERS, ON_DEMAND)?)?;
        Ok(Connection { ledger: Arc::new(LocalLedger::new(mempool, now)), blobs, engine: Some(engine) })
    }

    /// Reaches the network to read alone: nothing is signed, and no node is started for it.
    ///
    /// # Errors
    /// [`Error`] when neither node nor ledger can be opened.
    pub fn connect_reading(&self) -> Result<Connection, Error> {
        if self.url.is_some() {
            return self.connect();
        }
        let mempool = Arc::new(Mempool::new(Arc::new(self.open_ledger()?)));
        let blobs = Arc::new(self.objects()?);
        Ok(Connection { ledger: Arc::new(LocalLedger::new(mempool, now)), blobs, engine: None })
    }

    /// How this network's files are encrypted: not at all when the data directory is a demo network's, else by the
    /// passphrase, asked for by what it protects. What a node at --url says never changes it.
    fn protection(&self, of: &str, asked: Asked) -> Result<Protection, Error> {
        if self.own_genesis()?.is_some_and(|genesis| genesis.network == Network::Demo) {
            return Ok(Protection::DemoUnencrypted);
        }
        Ok(Protection::passphrase(self.passphrase(of, asked)?.as_str())?)
    }

    /// How new files of secrets are encrypted. A passphrase that is typed is asked for twice: a slip would lock the
    /// files for ever.
    ///
    /// # Errors
    /// [`Error::Input`] when no passphrase can be had.
    pub fn new_protection(&self, of: &str) -> Result<Protection, Error> {
        self.protection(of, Asked::Twice)
    }

    /// What opens a folder of wallets: a custodian's storage key, or the passphrase.
    ///
    /// # Errors
    /// As [`Home::key`].
    pub fn wallet_protection(&self, custodian: Option<&Path>) -> Result<Protection, Error> {
        match custodian {
            Some(path) => Ok(Protection::StorageKey(self.key(path, Role::Custodian)?.storage_key())),
            None => self.protection("the wallets", Asked::Once),
        }
    }

    /// Opens a key file.
    ///
    /// # Errors
    /// [`Error::Market`] when it is absent, of another role, or the passphrase is wrong.
    pub fn key(&self, path: &Path, role: Role) -> Result<PartyKey, Error> {
        Ok(PartyKey::open(path, role, &self.key_protection(path)?)?)
    }

    /// Opens a key file of any role.
    ///
    /// # Errors
    /// As [`Home::key`].
    pub fn any_key(&self, path: &Path) -> Result<PartyKey, Error> {
        Ok(PartyKey::open_any(path, &self.key_protection(path)?)?)
    }

    /// Looks for the file before anybody types its passphrase.
    fn key_protection(&self, path: &Path) -> Result<Protection, Error> {
        let name = path.display();
        let found = fs::metadata(path);
        found.map_err(|error| Error::Input {
            what: "key file",
            why: format!("{name}: {error}; `locus keys new` makes one, `locus node init` a validator's"),
        })?;
        self.protection(&name.to_string(), Asked::Once)
    }

    /// Opens a wallet, which a custodian's key file or the passphrase protects.
    ///
    /// # Errors
    /// [`Error::Market`] when it is absent or the passphrase or the custodian is another.
    pub fn wallet(&self, path: &Path, custodian: Option<&Path>) -> Result<Wallet, Error> {
        Wallet::open(path, self.wallet_protection(custodian)?).map_err(|error| match error {
            market::Error::WrongPassphrase { path } if custodian.is_none() => Error::Input {
                what: "wallet",
                why: format!(
                    "the passphrase does not open {}; try the one it was written with, or give --custodian if a \
                     custodian's key protects it",
                    path.display()
                ),
            },
            error => error.into(),
        })
    }

    /// A passphrase, from where the options say or from the terminal.
    ///
    /// # Errors
    /// [`Error::Input`] when none can be had.
    pub(crate) fn passphrase(&self, of: &str, asked: Asked) -> Result<Zeroizing<String>, Error> {
        if let Some(path) = &self.passphrase_file {
            let text = Zeroizing::new(read_text("passphrase file", path)?);
            return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
        }
        if let Ok(text) = std::env::var(PASSPHRASE_VARIABLE) {
            return Ok(Zeroizing::new(text));
        }
        let typed = prompt(&format!("Passphrase of {of}: "))?;
        if asked == Asked::Twice && *prompt("The same again: ")? != *typed {
            let why = "the two differ, nothing was written; try again".into();
            return Err(Error::Input { what: "passphrase", why });
        }
        Ok(typed)
    }
}

/// How often a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To open what exists.
    Once,
    /// To protect what is new.
    Twice,
}

fn prompt(question: &str) -> Result<Zeroizing<String>, Error> {
    rpassword::prompt_password(question).map(Zeroizing::new).map_err(|error| Error::Input {
        what: "passphrase",
        why: format!("there is no terminal to ask on ({error}); give --passphrase-file or set {PASSPHRASE_VARIABLE}"),
    })
}

/// Reads a text file.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(crate) fn read_text(what: &'static str, path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::Input { what, why: format!("{}: {error}", path.display()) })
}

/// Reads a JSON file.
///
/// # Errors
/// [`Error::Input`] that names the file and the place.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(what: &'static str, path: &Path) -> Result<T, Error> {
    serde_json::from_str(&read_text(what, path)?)
        .map_err(|error| Error::Input { what, why: format!("{}: {error}", path.display()) })
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Its owner: a result is the researcher's until they pass its receipt on.
    Owner,
    /// Everybody, as far as the process's umask allows.
    Everybody,
}

/// Writes a public file whole.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(crate) fn write_file(what: &'static str, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_whole(what, path, bytes, Readers::Everybody)
}

/// Writes a file whole that its owner alone may read.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(crate) fn write_private_file(what: &'static str, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_whole(what, path, bytes, Readers::Owner)
}

/// Into a temporary beside it, then renamed.
fn write_whole(what: &'static str, path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Input { what, why: format!("{}: {error}", path.display()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if readers == Readers::Everybody {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = builder.prefix(".unfinished-").tempfile_in(folder).map_err(|error| failed(&error))?;
    std::io::Write::write_all(&mut file, bytes).map_err(|error| failed(&error))?;
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    file.persist(path).map(drop).map_err(|error| failed(&error))
}

/// Writes a public JSON file whole.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(crate) fn write_json(what: &'static str, path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Input { what, why: error.to_string() })?;
    write_file(what, path, text.as_bytes())
}

/// A node of another chain than the one that a folder first met.
fn other_chain(url: &str, kept: &Path, error: Error) -> Error {
    let Error::Ledger(node::Error::ForeignChain { found, expected, .. }) = error else { return error };
    let why = format!(
        "{url} holds chain {found}, and the one that this folder first met is {expected}. If the network was founded anew, \
         delete {}; otherwise do not trust this node",
        kept.display()
    );
    Error::Input { what: "node", why }
}
