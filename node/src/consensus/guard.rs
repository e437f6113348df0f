//! A signer that never contradicts what it signed before, even when the node's files were restored from an older copy.
//!
//! The write-ahead log keeps a node from contradicting itself after a crash. It is lost with the node's files, and then
//! only a memory beside the key helps: the last ballot signed. Nothing before it is ever signed again.
//!
//! A ballot is signed and remembered, then logged, then sent. The memory says whether the last one was sent: what links
//! carry passes [`Guarded::note_sent`] before it leaves. One that a crash left out of the log and that went to nobody may be
//! forgotten. While the log is read again after a crash, ballots are signed again: those of the height are kept, and the
//! same ballot has the same signature.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, Digest},
};

use super::ConsensusSigner;
use crate::{
    Error,
    codec::{check_length, encode},
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

/// A ballot that a key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastBallot {
    pub(crate) height: Height,
    pub(crate) signature: Signature,
}

impl From<Signed> for PastBallot {
    fn from(signed: Signed) -> Self {
        Self { height: signed.moment.height, signature: signed.signature }
    }
}

/// What a key signed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) last: PastBallot,
    /// Whether it may have left this node.
    pub(crate) is_sent: bool,
    /// The one before it.
    pub(crate) before: Option<PastBallot>,
}

/// That the last ballot was sent, as the file's first byte, which is written without what follows.
const SENT: u8 = 1;
/// Ballots of a height that are kept. What was signed before them is not signed again.
const BALLOTS_MAX: usize = 256;
/// Bytes of the file's beginning, a sector: disks write it whole, so that neither a kill nor a power failure tears it.
const SECTOR_BYTES: usize = 512;
/// Ballots in that sector: the last ones, behind the last one of an earlier height.
const SECTOR_BALLOTS: usize = 4;

/// Ballots with their digest. The file's sector holds one behind that byte, before zeros; if it does not match its digest,
/// nothing is signed. Behind the sector is another one with all ballots that are kept, for a log that is read again. Where
/// that one is torn, what it alone held is not signed again.
#[derive(BorshSerialize, BorshDeserialize)]
struct Record {
    ballots: Vec<Signed>,
    check: Digest,
}

impl Record {
    fn of(ballots: Vec<Signed>) -> Result<Self, Error> {
        let check = hash(ByteTag::Ballot, &[b"guard", &encode("signed ballots", &ballots)?]);
        Ok(Self { ballots, check })
    }
}

struct Memory {
    file: File,
    /// What was signed for the last height, in order, behind the last one before it: forgetting a height's only ballot
    /// does not forget that earlier ones were signed.
    ballots: Vec<Signed>,
    is_sent: bool,
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::Storage { what, why: error.to_string() }
}

impl Memory {
    /// Writes anew what was signed, and believes it once it is on the disk.
    fn remember(&mut self, ballots: Vec<Signed>, is_sent: bool) -> Result<(), Error> {
        let failed = failed("remember what was signed");
        let mut bytes = vec![u8::from(is_sent)];
        bytes.extend(encode("signed ballots", &Record::of(for_sector(&ballots))?)?);
        check_length("memory of the validator's key in bytes", bytes.len(), SECTOR_BYTES)?;
        bytes.resize(SECTOR_BYTES, 0);
        bytes.extend(encode("signed ballots", &Record::of(ballots.clone())?)?);
        self.file.seek(SeekFrom::Start(0)).map_err(&failed)?;
        self.file.write_all(&bytes).map_err(&failed)?;
        self.file.sync_data().map_err(&failed)?;
        (self.ballots, self.is_sent) = (ballots, is_sent);
        Ok(())
    }
}

/// The last ballots, and before them the first that is kept, which is an earlier height's where there is one.
fn for_sector(ballots: &[Signed]) -> Vec<Signed> {
    let later = ballots.get(1..).unwrap_or_default();
    let last = later.iter().skip(later.len().saturating_sub(SECTOR_BALLOTS - 1));
    ballots.iter().take(1).chain(last).copied().collect()
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
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("open the memory of the validator's key"))?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).map_err(failed("read the memory of the validator's key"))?;
        let (ballots, is_sent) = match bytes.split_first() {
            None => (vec![], false),
            Some((sent, record)) => {
                let last = read(record, path)?;
                let kept = bytes.get(SECTOR_BYTES..).and_then(whole).unwrap_or_default();
                (together(last, kept), *sent != 0)
            }
        };
        Ok(Self { key, path: path.into(), memory: Mutex::new(Memory { file, ballots, is_sent }) })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was signed last; none before the first ballot.
    pub(crate) fn past(&self) -> Option<Past> {
        let memory = self.memory();
        let mut latest = memory.ballots.iter().rev().map(|signed| PastBallot::from(*signed));
        latest.next().map(|last| Past { last, is_sent: memory.is_sent, before: latest.next() })
    }

    /// Notes, before a message leaves, that it carries the last ballot, if it does.
    ///
    /// # Errors
    /// [`Error::Storage`]; the message must not leave then.
    pub(crate) fn note_sent(&self, message: &[u8]) -> Result<(), Error> {
        let mut memory = self.memory();
        let carries = |last: &Signed| memchr::memmem::find(message, &last.signature.to_bytes()).is_some();
        if memory.is_sent || !memory.ballots.last().is_some_and(carries) {
            return Ok(());
        }
        let failed = failed("remember what was sent");
        memory.file.seek(SeekFrom::Start(0)).map_err(&failed)?;
        memory.file.write_all(&[SENT]).map_err(&failed)?;
        memory.file.sync_data().map_err(&failed)?;
        memory.is_sent = true;
        Ok(())
    }

    /// Forgets the last ballot, which went to nobody: what was before it is the last one again.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn forget_last(&self) -> Result<(), Error> {
        let mut memory = self.memory();
        let mut ballots = memory.ballots.clone();
        ballots.pop();
        memory.remember(ballots, true)
    }

    /// Forgets what was signed for the last height. Only for ballots that can count nowhere.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn forget_height(&self) -> Result<(), Error> {
        let mut memory = self.memory();
        let mut ballots = memory.ballots.clone();
        let last = ballots.last().map(|last| last.moment.height);
        ballots.retain(|signed| Some(signed.moment.height) != last);
        memory.remember(ballots, true)
    }
}

/// The ballots of a record that matches its digest.
fn whole(mut bytes: &[u8]) -> Option<Vec<Signed>> {
    let Record { ballots, check } = Record::deserialize(&mut bytes).ok()?;
    Record::of(ballots.clone()).is_ok_and(|record| record.check == check).then_some(ballots)
}

fn read(bytes: &[u8], path: &Path) -> Result<Vec<Signed>, Error> {
    whole(bytes).ok_or_else(|| Error::Corrupt {
        what: "memory of the validator's key",
        why: format!("{}: remove it only if this key surely signed nothing that the ledger lacks", path.display()),
    })
}

/// What the sector says, and what else was kept before its last ballot. A kill between the two may have left one of them a
/// step ahead, and the sector is right.
fn together(sector: Vec<Signed>, kept: Vec<Signed>) -> Vec<Signed> {
    let Some(last) = sector.last().map(|last| last.moment) else { return sector };
    let is_new = |old: &Signed| old.moment < last && sector.iter().all(|signed| signed.moment != old.moment);
    let mut ballots: Vec<Signed> = kept.into_iter().filter(is_new).chain(sector.iter().copied()).collect();
    ballots.sort_by_key(|signed| signed.moment);
    ballots
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
        let mut memory = self.memory();
        if let Some(same) = memory.ballots.iter().find(|signed| (signed.moment, signed.message) == (moment, message)) {
            return Ok(same.signature);
        }
        if let Some(last) = memory.ballots.last().filter(|last| moment <= last.moment) {
            let why = format!(
                "this key signed for block {} already ({}); it signs nothing before that again",
                last.moment.height,
                self.path.display()
            );
            return Err(Error::Refused { what: "ballot", why });
        }
        let next = Signed { moment, message, signature: self.key.sign_ballot(ballot)? };
        let (of_height, earlier): (Vec<Signed>, Vec<Signed>) =
            memory.ballots.iter().partition(|signed| signed.moment.height == moment.height);
        let surplus = of_height.len().saturating_sub(BALLOTS_MAX);
        let of_height = of_height.into_iter().skip(surplus);
        let ballots = earlier.last().copied().into_iter().chain(of_height).chain([next]).collect();
        memory.remember(ballots, false)?;
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
        let last = PastBallot { height: Height::new(5), signature };
        assert_eq!(guard.past(), Some(Past { last, is_sent: false, before: None }));
        assert_eq!(guard.sign_ballot(&first).unwrap(), signature, "the same ballot may be sent again");
        guard.sign_ballot(&ballot(5, 1, vote(VoteKind::Precommit, 1))).unwrap();
        assert_eq!(guard.sign_ballot(&first).unwrap(), signature, "after a later one too, while a log is read again");
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
        guard.sign_ballot(&ballot(6, 0, vote(VoteKind::Prevote, 1))).unwrap();
    }

    #[test]
    fn a_ballot_that_went_to_nobody_may_be_forgotten_and_then_another_takes_its_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        let [first, last] = [VoteKind::Prevote, VoteKind::Precommit].map(|kind| ballot(5, 0, vote(kind, 1)));
        let [sent, kept] = [&first, &last].map(|ballot| guard(&path).sign_ballot(ballot).unwrap());
        let message = |signature: &Signature| [&[1; 9][..], &signature.to_bytes(), &[2; 9]].concat();
        guard(&path).note_sent(&message(&sent)).unwrap();
        let past = guard(&path).past().unwrap();
        assert_eq!((past.last.signature, past.is_sent, past.before.unwrap().signature), (kept, false, sent));
        guard(&path).note_sent(&message(&kept)).unwrap();
        assert!(guard(&path).past().unwrap().is_sent);

        guard(&path).forget_last().unwrap();
        let past = guard(&path).past().unwrap();
        assert_eq!((past.last.signature, past.is_sent, past.before), (sent, true, None));
        assert!(guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Prevote, 2))).is_err());
        assert_eq!(guard(&path).sign_ballot(&first).unwrap(), sent);
        guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Precommit, 2))).unwrap();
        guard(&path).sign_ballot(&ballot(6, 0, vote(VoteKind::Prevote, 3))).unwrap();
        guard(&path).forget_last().unwrap();
        assert_eq!(guard(&path).past().unwrap().last.height, Height::new(5));
        let earlier = guard(&path).sign_ballot(&ballot(4, 9, vote(VoteKind::Prevote, 2))).unwrap_err().to_string();
        assert!(earlier.contains("signed for block 5 already"), "{earlier}");
    }

    #[test]
    fn repro_a_memory_that_was_killed_while_it_was_written_read_as_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (path, torn) = (folder.path().join("signed"), folder.path().join("torn"));
        guard(&path).sign_ballot(&ballot(4, 0, vote(VoteKind::Precommit, 1))).unwrap();
        // However many ballots a height takes, the last ones are in the first sector, whatever became of the rest.
        for round in 0..40 {
            for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                guard(&path).sign_ballot(&ballot(5, round, vote(kind, 1))).unwrap();
                let written = std::fs::read(&path).unwrap();
                for length in [SECTOR_BYTES, written.len() - 1] {
                    std::fs::write(&torn, &written[..length]).unwrap();
                    assert_eq!(guard(&torn).past(), guard(&path).past());
                }
            }
        }
        guard(&torn).forget_height().unwrap();
        assert_eq!(guard(&torn).past().unwrap().last.height, Height::new(4));
        let earlier = guard(&torn).sign_ballot(&ballot(3, 0, vote(VoteKind::Prevote, 2)));
        assert!(earlier.unwrap_err().to_string().contains("signed for block 4 already"));
    }

    #[test]
    fn repro_a_ballot_that_a_log_lacked_was_refused_once_four_later_ones_were_signed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        let early = ballot(5, 0, vote(VoteKind::Precommit, 1));
        let signature = guard(&path).sign_ballot(&early).unwrap();
        for round in 1..30 {
            for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                guard(&path).sign_ballot(&ballot(5, round, vote(kind, 2))).unwrap();
            }
        }
        assert_eq!(guard(&path).sign_ballot(&early).unwrap(), signature, "as a log that is read again asks for it");
        assert!(guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Precommit, 2))).is_err());
    }

    #[test]
    fn what_was_forgotten_does_not_come_back_from_behind_the_sector() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Prevote, 1))).unwrap();
        guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Precommit, 1))).unwrap();
        let behind = std::fs::read(&path).unwrap().split_off(SECTOR_BYTES);
        guard(&path).forget_last().unwrap();
        let other = ballot(5, 0, vote(VoteKind::Precommit, 2));
        let signature = guard(&path).sign_ballot(&other).unwrap();
        // The sector reached the disk and what is behind it did not.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(SECTOR_BYTES);
        std::fs::write(&path, [bytes, behind].concat()).unwrap();
        assert_eq!(guard(&path).past().unwrap().last.signature, signature);
        assert!(guard(&path).sign_ballot(&ballot(5, 0, vote(VoteKind::Precommit, 1))).is_err());
    }

    #[test]
    fn a_damaged_memory_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        guard(&path).sign_ballot(&ballot(5, 1, vote(VoteKind::Prevote, 1))).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[1] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let refused = Guarded::open(Arc::new(SigningKey::from_bytes(&[7; 32])), &path).err().unwrap();
        assert!(refused.to_string().contains("memory of the validator's key"), "{refused}");
    }
}
