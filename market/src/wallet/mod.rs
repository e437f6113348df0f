//! What people keep: wallets with their records and secrets, and the key files of the other parties.
//!
//! Everything is encrypted at rest in the `age` format and written whole: a crash leaves the old file or the new one.
//! A plaintext record leaves this module only towards the agent's proof and encryption.

mod answer;
mod file;
mod keys;
mod protection;
mod response;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use age::secrecy::SecretString;
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::ConsentTerms,
    domain::ByteTag,
    id::{AccountId, ChainId, Digest, QueryId, ScreeningId, field_to_bytes},
    privacy::Epsilon,
    record::{NullifierKey, Record},
};
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    units::{Epoch, LeafIndex},
};
use rand::CryptoRng;

pub(crate) use self::file::{load as load_file, save as save_file};
pub use self::{
    answer::{Answer, AnswerStage, Settlement},
    file::FILE_BYTES_MAX,
    keys::{PartyKey, Role, SecretSeed},
    protection::{Protection, StorageKey},
    response::{InvitationReply, Response, ResponseStage},
};
use crate::{Error, data_use::DataUseTerms, issuer::Enrolment};

/// Records that one wallet holds at most.
pub const RECORDS_MAX: usize = 64;
/// Queries that one wallet remembers answering at most.
pub const ANSWERS_MAX: usize = 1 << 16;
/// Screenings that one wallet remembers responding to at most.
pub const RESPONSES_MAX: usize = 1 << 16;

/// The privacy loss ε that a new wallet allows to all private queries together.
pub const DEFAULT_BUDGET: Epsilon = Epsilon::from_milli(10_000);

const FILE_KIND: &str = "locus/v4/wallet";

/// A passphrase in memory that is wiped and never printed.
pub type Passphrase = SecretString;

/// A record with the terms its owner set and its place on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Holding {
    /// The plaintext record.
    pub record: Record,
    /// The terms as last set. A change counts from the ledger's next epoch.
    pub consent: ConsentTerms,
    /// The record's leaf.
    pub leaf: LeafIndex,
    /// The epoch in which it was registered. Kept here, since asking the ledger for it would name the record.
    pub registration_epoch: Epoch,
}

/// What a wallet keeps of an enrolment until the certificate comes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pending {
    /// The secret that the enrolment commits to.
    pub nullifier_key: NullifierKey,
    /// The terms that it commits to.
    pub consent: ConsentTerms,
    replaces: Option<LeafIndex>,
}

/// What is in the file.
#[derive(BorshSerialize, BorshDeserialize)]
struct Contents {
    chain: ChainId,
    label: String,
    owner: SecretSeed,
    pending: Vec<Pending>,
    holdings: Vec<Holding>,
    /// The privacy loss that the owner allows to all private queries together.
    budget: Epsilon,
    answers: BTreeMap<QueryId, Answer>,
    responses: BTreeMap<ScreeningId, Response>,
    /// The data use terms behind consents, by the consents' commitments: what no proof enforces, the agent decides by
    /// them.
    data_use: BTreeMap<[u8; 32], DataUseTerms>,
}

/// A person's wallet, open and locked against other processes. Each change is on disk before its call returns.
pub struct Wallet {
    path: PathBuf,
    protection: Protection,
    contents: Contents,
    _lock: file::FileLock,
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet")
            .field("path", &self.path)
            .field("owner", &self.owner())
            .field("records", &self.contents.holdings.len())
            .field("answers", &self.contents.answers.len())
            .finish_non_exhaustive()
    }
}

impl Wallet {
    /// A new wallet with a fresh owner key, for one chain. The label is for people and stays in the file.
    ///
    /// # Errors
    /// [`Error::FileExists`] or [`Error::File`].
    pub fn create(
        path: &Path,
        protection: Protection,
        chain: ChainId,
        label: impl Into<String>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        file::refuse_existing(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
        let folder =
            made.map_err(|source| Error::File { path: folder.into(), action: "make the directory", source })?;
        let path = &folder.join(path.file_name().unwrap_or_default());
        let lock = file::FileLock::take(path)?;
        let contents = Contents {
            chain,
            label: label.into(),
            owner: SecretSeed::random(rng),
            pending: vec![],
            holdings: vec![],
            budget: DEFAULT_BUDGET,
            answers: BTreeMap::new(),
            responses: BTreeMap::new(),
            data_use: BTreeMap::new(),
        };
        file::create(path, FILE_KIND, &contents, &protection)?;
        Ok(Self { path: path.into(), protection, contents, _lock: lock })
    }

    /// Opens a wallet.
    ///
    /// # Errors
    /// [`Error::File`] when it is absent, [`Error::FileInUse`] when it is open elsewhere, [`Error::WrongPassphrase`],
    /// [`Error::FileKind`] or [`Error::FileDamaged`].
    pub fn open(path: &Path, protection: Protection) -> Result<Self, Error> {
        // Taking the lock makes a file; a mistyped path must not leave one behind.
        file::require(path)?;
        // Of one file there is one path, so that a link leads to the same lock.
        let path = path.canonicalize().map_err(|source| Error::File { path: path.into(), action: "find", source })?;
        let lock = file::FileLock::take(&path)?;
        let contents = file::load(&path, FILE_KIND, &protection)?;
        Ok(Self { path, protection, contents, _lock: lock })
    }

    /// Copies the encrypted file to a new place. The copy opens with the same passphrase or key.
    ///
    /// # Errors
    /// [`Error::FileExists`] or [`Error::File`].
    pub fn back_up(&self, to: &Path) -> Result<(), Error> {
        file::copy(&self.path, to)
    }

    /// Restores a backup to a place where no wallet is, after checking that it opens and is whole.
    ///
    /// # Errors
    /// [`Error::FileExists`], [`Error::WrongPassphrase`], [`Error::FileDamaged`] or [`Error::File`]; nothing is
    /// written then.
    pub fn recover(backup: &Path, to: &Path, protection: Protection) -> Result<Self, Error> {
        file::refuse_existing(to)?;
        let _: Contents = file::load(backup, FILE_KIND, &protection)?;
        file::copy(backup, to)?;
        Self::open(to, protection)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The chain whose registrations and answers the wallet holds.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.contents.chain
    }

    /// The name its owner gave it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.contents.label
    }

    /// The owner's pseudonymous account.
    #[must_use]
    pub fn owner(&self) -> AccountId {
        account_of(&self.owner_key())
    }

    /// The key that changes and revokes consent.
    #[must_use]
    pub fn owner_key(&self) -> SigningKey {
        self.contents.owner.signing_key()
    }

    /// The seed of a one-time key with which a record answers a query or a screening. It follows from the owner's secret, so
    /// that copies of the wallet and older backups have the keys of all its answers, and nobody else can link two of them.
    /// Each record has keys of its own: were two copies to answer with different ones, equal keys would say whose they are.
    ///
    /// # Errors
    /// As [`SecretSeed::derive`].
    pub(crate) fn one_time_seed(
        &self,
        purpose: ByteTag,
        asked: &[u8; 32],
        record: &Record,
    ) -> Result<SecretSeed, Error> {
        let record = field_to_bytes(&record.nullifier_key.commitment());
        self.contents.owner.derive(purpose, &[self.contents.chain.as_bytes(), asked, &record])
    }

    /// The records held.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.contents.holdings
    }

    /// The answers given, by query.
    #[must_use]
    pub const fn answers(&self) -> &BTreeMap<QueryId, Answer> {
        &self.contents.answers
    }

    /// The responses given, by screening.
    #[must_use]
    pub const fn responses(&self) -> &BTreeMap<ScreeningId, Response> {
        &self.contents.responses
    }

    /// The privacy loss ε that the owner allows to all private queries together.
    #[must_use]
    pub const fn budget(&self) -> Epsilon {
        self.contents.budget
    }

    /// Sets the privacy loss ε that the owner allows to all private queries together, and saves.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn set_budget(&mut self, budget: Epsilon) -> Result<(), Error> {
        self.contents.budget = budget;
        self.save()
    }

    /// Makes a nullifier key for a new record under these terms, saves it, and returns what its issuer needs.
    ///
    /// # Errors
    /// [`Error::Refused`] beyond [`RECORDS_MAX`] records, [`Error::File`] when the disk refuses.
    pub fn enrol(
        &mut self,
        consent: ConsentTerms,
        replaces: Option<LeafIndex>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Enrolment, Error> {
        if self.contents.holdings.len() + self.contents.pending.len() >= RECORDS_MAX {
            return Err(refused("hold another record", format!("it holds {RECORDS_MAX} already; use another wallet")));
        }
        let pending = Pending { nullifier_key: NullifierKey::random(rng), consent, replaces };
        let enrolment = self.enrolment(&pending);
        self.contents.pending.push(pending);
        self.save()?;
        Ok(enrolment)
    }

    /// The data use terms that a consent commits to, if it was made from such.
    #[must_use]
    pub fn data_use(&self, consent: &ConsentTerms) -> Option<&DataUseTerms> {
        self.contents.data_use.get(&consent.commitment().to_bytes())
    }

    /// Notes the data use terms that a consent was made from, and saves. To be called before the consent is used: what
    /// no proof enforces, only these terms say. Those of consents that the wallet has no more are dropped.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn note_data_use(&mut self, consent: &ConsentTerms, terms: DataUseTerms) -> Result<(), Error> {
        let Contents { holdings, pending, data_use, .. } = &mut self.contents;
        let consents = holdings.iter().map(|held| &held.consent).chain(pending.iter().map(|pending| &pending.consent));
        let current: BTreeSet<_> = consents.map(|consent| consent.commitment().to_bytes()).collect();
        data_use.retain(|commitment, _| current.contains(commitment));
        data_use.insert(consent.commitment().to_bytes(), terms);
        self.save()
    }

    /// The enrolments whose certificate did not come yet, the latest first, each with the terms that it commits to.
    pub fn begun(&self) -> impl Iterator<Item = (Enrolment, &ConsentTerms)> {
        self.contents.pending.iter().rev().map(|pending| (self.enrolment(pending), &pending.consent))
    }

    /// What the wallet keeps of an enrolment it made.
    #[must_use]
    pub fn pending(&self, enrolment: &Enrolment) -> Option<&Pending> {
        self.contents.pending.iter().find(|pending| self.enrolment(pending) == *enrolment)
    }

    fn enrolment(&self, pending: &Pending) -> Enrolment {
        Enrolment {
            owner: self.owner(),
            consent: pending.consent.commitment(),
            nullifier_key: Digest::from_bytes(field_to_bytes(&pending.nullifier_key.commitment())),
            replaces: pending.replaces,
        }
    }

    /// Turns an enrolment into a held record and saves; `issuer::receive` checks it against the ledger first.
    pub(crate) fn complete(
        &mut self,
        enrolment: &Enrolment,
        record: Record,
        leaf: LeafIndex,
        registration_epoch: Epoch,
    ) -> Result<(), Error> {
        let place = self.contents.pending.iter().position(|pending| self.enrolment(pending) == *enrolment);
        let Some(place) = place else { return Err(refused("take a record", "it made no such enrolment".into())) };
        let consent = self.contents.pending.remove(place).consent;
        self.contents.holdings.push(Holding { record, consent, leaf, registration_epoch });
        self.save()
    }

    /// Puts new terms on a record, saves, and returns the earlier ones.
    pub(crate) fn replace_consent(&mut self, record: usize, consent: ConsentTerms) -> Result<ConsentTerms, Error> {
        let missing = || refused("change a record's consent", format!("it has no record {record}"));
        let held = self.contents.holdings.get_mut(record).ok_or_else(missing)?;
        let earlier = std::mem::replace(&mut held.consent, consent);
        self.save()?;
        Ok(earlier)
    }

    /// Notes how far an answer is and saves.
    ///
    /// # Errors
    /// [`Error::Refused`] beyond [`ANSWERS_MAX`], else as [`Wallet::open`].
    pub fn note_answer(&mut self, query: QueryId, answer: Answer) -> Result<(), Error> {
        if self.contents.answers.len() >= ANSWERS_MAX && !self.contents.answers.contains_key(&query) {
            let why = format!("it remembers {ANSWERS_MAX} answers; use another wallet");
            return Err(refused("answer another query", why));
        }
        self.contents.answers.insert(query, answer);
        self.save()
    }

    /// Notes how far a response is and saves.
    ///
    /// # Errors
    /// [`Error::Refused`] beyond [`RESPONSES_MAX`], else as [`Wallet::open`].
    pub fn note_response(&mut self, screening: ScreeningId, response: Response) -> Result<(), Error> {
        if self.contents.responses.len() >= RESPONSES_MAX && !self.contents.responses.contains_key(&screening) {
            let why = format!("it remembers {RESPONSES_MAX} responses; use another wallet");
            return Err(refused("respond to another screening", why));
        }
        self.contents.responses.insert(screening, response);
        self.save()
    }

    fn save(&self) -> Result<(), Error> {
        file::save(&self.path, FILE_KIND, &self.contents, &self.protection)
    }
}

fn refused(action: &'static str, why: String) -> Error {
    Error::Refused { who: "the wallet".into(), action, why }
}
