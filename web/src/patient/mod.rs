//! What serves a person's pages: their own agent, or a hospital's for its patients.
//!
//! Records, rules and keys are in wallets, and only who runs the agent can open those. So these pages come from the agent's
//! own machine and not from a node. A session sees one wallet. Everything that is kept here is in memory: a restart ends all
//! sessions, and takes nothing else. The pages themselves are in `pages/patient`.

mod act;
mod failure;
mod grant;
mod licences;
mod operation;
mod origin;
mod sent;
mod session;
mod shown;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use market::{
    crypt4gh::SecretKey,
    data_use::DiseaseNames,
    ledger::LedgerAccess,
    objects::BlobAccess,
    wallet::{Protection, Wallet},
};
use serde::Serialize;

pub use self::origin::Origin;
pub(crate) use self::{
    act::Act,
    failure::Cause,
    licences::{Days, Licences, Offered, Requested, Which},
    operation::{OperationId, Progress, Running},
    sent::Sent,
    session::{SESSION_SECONDS_MAX, Visitor},
    shown::Shown,
};
use self::{operation::Operations, sent::AllSent, session::Sessions, shown::News};
use crate::{Error, chain::now, client::Remote, pages::patient::Illnesses};

/// Wallets that one agent serves.
pub const PATIENTS_MAX: usize = 10_000;

/// How the agent reaches the network.
#[derive(Clone)]
pub struct Reach {
    /// The ledger.
    pub ledger: Arc<dyn LedgerAccess>,
    /// The blobs.
    pub blobs: Arc<dyn BlobAccess>,
    /// The node whose index lists datasets and licences; without one none are listed.
    pub node: Option<Remote>,
    /// The Crypt4GH keys with which licences of genomes are granted; without one the pages grant none.
    pub genome_keys: Vec<SecretKey>,
    /// What an ontology calls illnesses; without it the pages speak of them by their numbers.
    pub diseases: Option<Arc<DiseaseNames>>,
}

/// A link that lets one browser see one wallet, once.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// The wallet's label.
    pub wallet: String,
    /// Where to go.
    pub url: String,
}

/// A wallet that is served.
struct Patient {
    path: PathBuf,
    label: String,
    /// What was last shown of it.
    shown: Mutex<Option<Shown>>,
}

/// Everything that the pages work on.
pub struct PatientPages {
    reach: Reach,
    protection: Protection,
    origin: Origin,
    patients: Vec<Patient>,
    news: Mutex<News>,
    /// Locked by whoever asks the ledger for news.
    asking: Mutex<()>,
    sessions: Mutex<Sessions>,
    operations: Mutex<Operations>,
    sent: Mutex<AllSent>,
    days: Days,
    announce: Box<dyn Fn(&Link) + Send + Sync>,
}

impl fmt::Debug for PatientPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientPages").field("origin", &self.origin).field("patients", &self.patients.len()).finish()
    }
}

/// A fault in one request must not end the others' pages: what is behind a lock is whole between two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PatientPages {
    /// Pages for these wallets, at an address. Each wallet is opened once, so that a wrong passphrase shows now. Whoever
    /// runs the agent is told a new link of a wallet whenever one was used.
    ///
    /// # Errors
    /// [`Error::Market`] for a wallet that does not open, [`Error::TooLarge`] beyond [`PATIENTS_MAX`] wallets.
    pub fn open(
        reach: Reach,
        wallets: &[PathBuf],
        protection: Protection,
        origin: Origin,
        announce: impl Fn(&Link) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if wallets.len() > PATIENTS_MAX {
            return Err(Error::TooLarge { what: "wallets of one agent", limit: PATIENTS_MAX });
        }
        let patient = |path: &PathBuf| {
            let wallet = Wallet::open(path, protection.clone())?;
            Ok(Patient { path: path.clone(), label: wallet.label().into(), shown: Mutex::new(None) })
        };
        let patients = wallets.iter().map(patient).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            reach,
            protection,
            origin,
            patients,
            news: Mutex::default(),
            asking: Mutex::default(),
            sessions: Mutex::default(),
            operations: Mutex::default(),
            sent: Mutex::default(),
            days: Days::default(),
            announce: Box::new(announce),
        })
    }

    /// What illnesses are called.
    pub(crate) fn illnesses(&self) -> Illnesses {
        self.reach.diseases.clone().into()
    }

    /// Where browsers find the pages.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A link for every wallet, in their order. Earlier links that were not used end.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        (0..self.patients.len()).filter_map(|wallet| self.link(wallet)).collect()
    }

    fn link(&self, wallet: usize) -> Option<Link> {
        let patient = self.patients.get(wallet)?;
        let token = lock(&self.sessions).link(wallet, &mut rand::rng());
        Some(Link { wallet: patient.label.clone(), url: format!("{}/in/{}", self.origin, token.as_str()) })
    }

    /// Whether a link was not used yet.
    pub(crate) fn has_link(&self, token: &str) -> bool {
        lock(&self.sessions).has_link(token)
    }

    /// Uses a link: the cookie of the session that begins. Whoever runs the agent gets the wallet's next link.
    pub(crate) fn enter(&self, token: &str) -> Option<zeroize::Zeroizing<String>> {
        let (cookie, wallet) = lock(&self.sessions).enter(token, now(), &mut rand::rng())?;
        if let Some(link) = self.link(wallet) {
            (self.announce)(&link);
        }
        Some(cookie)
    }

    /// Whose session a cookie is of.
    pub(crate) fn visitor(&self, cookie: &str) -> Option<Visitor> {
        lock(&self.sessions).visitor(cookie, now())
    }

    /// Ends a session.
    pub(crate) fn leave(&self, cookie: &str) {
        lock(&self.sessions).leave(cookie);
    }

    /// Ends every session of a wallet.
    pub(crate) fn leave_all(&self, wallet: usize) {
        lock(&self.sessions).leave_all(wallet);
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> &dyn LedgerAccess {
        &*self.reach.ledger
    }

    /// Whether these pages can grant licences.
    pub(crate) const fn can_grant(&self) -> bool {
        !self.reach.genome_keys.is_empty()
    }

    fn patient(&self, wallet: usize) -> Result<&Patient, Error> {
        self.patients.get(wallet).ok_or_else(|| Error::NotFound { what: "wallet", id: wallet.to_string() })
    }

    /// Where a wallet lies, which pages never say.
    fn path(&self, wallet: usize) -> Result<&Path, Error> {
        Ok(&self.patient(wallet)?.path)
    }
}
