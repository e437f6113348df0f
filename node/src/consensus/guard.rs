//! A signer that never contradicts what it signed before, even when the node's files were restored from an older copy.
//!
//! The write-ahead log keeps a node from contradicting itself after a crash. It is lost with the node's files, and then
//! only a memory beside the key helps: the last ballot signed. Nothing before it is ever signed again.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, Digest},
};

use super::ConsensusSigner;
use crate::{
    Error,
    codec::encode,
    signature::Signature,
    units::Height,
    vote::{Ballot, Statement, VoteKind},
};

/// The last ballot that was signed, in order of time: height, round, step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
struct Moment {
    height: Height,
    round: u32,
    step: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Signed {
    moment: Moment,
    message: Digest,
    signature: Signature,
}

/// The last ballot that a key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastBallot {
    pub(crate) height: Height,
    pub(crate) signature: Signature,
}

/// What the file holds. A torn write does not match its digest, and then nothing is signed.
#[derive(BorshSerialize, BorshDeserialize)]
struct Record {
    signed: Signed,
    check: Digest,
}

impl Record {
    fn of(signed: Signed) -> Result<Self, Error> {
        let check = hash(ByteTag::Ballot, &[b"guard", &encode("signed ballot", &signed)?]);
        Ok(Self { signed, check })
    }
}

struct Memory {
    file: File,
    last: Option<Signed>,
}

/// A key with a memory on disk.
pub struct Guarded {
    key: Arc<dyn ConsensusSigner>,
    path: PathBuf,
    memory: Mutex<Memory>,
}

const fn step(statement: &Statement) -> u8 {
    match statement {
        Statement::Proposal { .. } => 0,
        Statement::Vote { kind: VoteKind::Prevote, .. } => 1,
        Statement::Vote { kind: VoteKind::Precommit, .. } => 2,
    }
}

impl Guarded {
    /// Guards a key with the memory in a file, which must stay with the key and out of copies of the ledger.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file cannot be opened, [`Error::Corrupt`] when it is damaged.
    pub fn open(key: Arc<dyn ConsensusSigner>, path: &Path) -> Result<Self, Error> {
        let failed = |what| move |error: std::io::Error| Error::Storage { what, why: error.to_string() };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("open the memory of the validator's key"))?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).map_err(failed("read the memory of the validator's key"))?;
        let last = if bytes.is_empty() { None } else { Some(read(&bytes, path)?) };
        Ok(Self { key, path: path.into(), memory: Mutex::new(Memory { file, last }) })
    }

    /// The last ballot signed; none before the first.
    pub(crate) fn last(&self) -> Option<LastBallot> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.last.map(|signed| LastBallot { height: signed.moment.height, signature: signed.signature })
    }

    /// Forgets what was signed. Only for a ballot that can count nowhere.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn forget(&self) -> Result<(), Error> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: std::io::Error| Error::Storage { what: "forget what was signed", why: error.to_string() };
        memory.file.set_len(0).map_err(failed)?;
        memory.file.sync_data().map_err(failed)?;
        memory.last = None;
        Ok(())
    }
}

fn read(bytes: &[u8], path: &Path) -> Result<Signed, Error> {
    let damaged = || Error::Corrupt {
        what: "memory of the validator's key",
        why: format!("{}: remove it only if this key surely signed nothing that the ledger lacks", path.display()),
    };
    let record: Record = borsh::from_slice(bytes).map_err(|_| damaged())?;
    if Record::of(record.signed)?.check == record.check { Ok(record.signed) } else { Err(damaged()) }
}

impl ConsensusSigner for Guarded {
    fn account(&self) -> AccountId {
        self.key.account()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        self.key.sign(message)
    }

    fn sign_ballot(&self, ballot: &Ballot) -> Result<Signature, Error> {
        let moment = Moment { height: ballot.height, round: ballot.round, step: step(&ballot.statement) };
        let message = ballot.message()?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = memory.last.filter(|last| moment <= last.moment) {
            if (moment, message) == (last.moment, last.message) {
                return Ok(last.signature);
            }
            let why = format!(
                "this key signed for block {} already ({}); it signs nothing before that again",
                last.moment.height,
                self.path.display()
            );
            return Err(Error::Refused { what: "ballot", why });
        }
        let next = Signed { moment, message, signature: self.key.sign_ballot(ballot)? };
        let bytes = encode("signed ballot", &Record::of(next)?)?;
        let failed =
            |error: std::io::Error| Error::Storage { what: "remember what was signed", why: error.to_string() };
        memory.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        memory.file.write_all(&bytes).map_err(failed)?;
        memory.file.sync_data().map_err(failed)?;
        memory.last = Some(next);
        Ok(next.signature)
    }
}

#[cfg(test)]
mod tests {
    use circuits::id::ChainId;
    use ed25519_dalek::SigningKey;

    use super::*;

    fn ballot(height: u64, round: u32, statement: Statement) -> Ballot {
        Ballot { chain: ChainId::from_bytes([1; 32]), height: Height::new(height), round, statement }
    }

    fn vote(kind: VoteKind, block: u8) -> Statement {
        Statement::Vote { kind, block: Some(Digest::from_bytes([block; 32])) }
    }

    fn guard(path: &Path) -> Guarded {
        Guarded::open(Arc::new(SigningKey::from_bytes(&[7; 32])), path).unwrap()
    }

    #[test]
    fn nothing_before_the_last_ballot_is_signed_again_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        let first = ballot(5, 1, vote(VoteKind::Prevote, 1));
        let signature = guard(&path).sign_ballot(&first).unwrap();
        let guard = guard(&path);
        assert_eq!(guard.last(), Some(LastBallot { height: Height::new(5), signature }));
        assert_eq!(guard.sign_ballot(&first).unwrap(), signature, "the same ballot may be sent again");
        let contradictions = [
            ballot(5, 1, vote(VoteKind::Prevote, 2)),
            ballot(5, 1, Statement::Proposal { block: Digest::from_bytes([1; 32]), pol_round: None }),
            ballot(5, 0, vote(VoteKind::Precommit, 1)),
            ballot(4, 9, vote(VoteKind::Precommit, 1)),
        ];
        for contradiction in contradictions {
            let refused = guard.sign_ballot(&contradiction).unwrap_err().to_string();
            assert!(refused.contains("signed for block 5 already"), "{refused}");
        }
        guard.sign_ballot(&ballot(5, 1, vote(VoteKind::Precommit, 1))).unwrap();
        guard.sign_ballot(&ballot(6, 0, vote(VoteKind::Prevote, 1))).unwrap();
    }

    #[test]
    fn a_damaged_memory_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        guard(&path).sign_ballot(&ballot(5, 1, vote(VoteKind::Prevote, 1))).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let refused = Guarded::open(Arc::new(SigningKey::from_bytes(&[7; 32])), &path).err().unwrap();
        assert!(refused.to_string().contains("memory of the validator's key"), "{refused}");
    }
}
