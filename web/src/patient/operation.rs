//! Changes under way. A form carries a number that is drawn when its page is made: sent twice, it means one change.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc, thread};

use rand::CryptoRng;

use super::{
    Act, PatientPages,
    act::Done,
    failure::{Cause, Failure, may_be_done},
    lock,
    shown::{BUSY_TIME_OF_CHANGE_MAX, open_patiently},
};
use crate::Error;

/// Changes that are remembered, of all wallets; the oldest that ended go first.
const OPERATIONS_MAX: usize = 4_096;
/// Changes of all wallets that are under way at once.
const RUNNING_MAX: usize = 64;

/// The number that a form carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperationId(u128);

impl OperationId {
    /// A new number.
    pub(crate) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(u128::from_le_bytes(bytes))
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for OperationId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Request { what: "number of the form", why: "it is no number of 32 hex digits".into() };
        if text.len() != 32 {
            return Err(refused());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| refused())
    }
}

/// How far a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The wallet is being opened.
    Opening,
    /// It was sent, or is about to be, and waits for its block.
    Waiting,
    /// A block has it.
    Done(Done),
    /// It was refused, or could not be sent. Nothing was changed.
    Failed(Failure),
    /// Something of it may be in a block, or will be, and nobody knows.
    Unsure(Failure),
}

impl Progress {
    /// Whether it is under way.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self, Self::Opening | Self::Waiting)
    }
}

/// A change with how far it is.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) id: OperationId,
    pub(crate) wallet: usize,
    pub(crate) act: Act,
    pub(crate) progress: Progress,
}

/// All changes.
#[derive(Debug, Default)]
pub(super) struct Operations(VecDeque<Running>);

impl Operations {
    /// Notes a change, unless the same form came before or its target is being changed: then that one.
    fn begin(&mut self, id: OperationId, wallet: usize, act: &Act) -> Result<(OperationId, bool), Error> {
        let of_wallet = || self.0.iter().filter(|running| running.wallet == wallet);
        let same = of_wallet().find(|running| running.id == id);
        let rival =
            || of_wallet().find(|running| running.progress.is_running() && running.act.target() == act.target());
        if let Some(known) = same.or_else(rival) {
            return Ok((known.id, false));
        }
        if self.0.iter().filter(|running| running.progress.is_running()).count() >= RUNNING_MAX {
            return Err(Error::TooLarge { what: "changes under way at once", limit: RUNNING_MAX });
        }
        if self.0.len() >= OPERATIONS_MAX
            && let Some(ended) = self.0.iter().position(|running| !running.progress.is_running())
        {
            self.0.remove(ended);
        }
        self.0.push_back(Running { id, wallet, act: act.clone(), progress: Progress::Opening });
        Ok((id, true))
    }

    fn note(&mut self, id: OperationId, wallet: usize, progress: Progress) {
        let running = self.0.iter_mut().find(|running| running.id == id && running.wallet == wallet);
        if let Some(running) = running {
            running.progress = progress;
        }
    }
}

impl PatientPages {
    /// Begins a change in a thread of its own, and returns the number under which it is followed. Nothing happens twice: the
    /// same form again, or a second change of what is being changed, leads to the first.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when too much is under way, [`Error::Internal`] when there is no thread.
    pub(crate) fn begin(self: &Arc<Self>, id: OperationId, wallet: usize, act: Act) -> Result<OperationId, Error> {
        let (id, is_new) = lock(&self.operations).begin(id, wallet, &act)?;
        if !is_new {
            return Ok(id);
        }
        let pages = Arc::clone(self);
        let work = move || {
            let progress = pages.perform(id, wallet, &act);
            lock(&pages.operations).note(id, wallet, progress);
        };
        match thread::Builder::new().name("locus-change".into()).spawn(work) {
            Ok(_) => Ok(id),
            Err(error) => {
                let failure = Failure { cause: Cause::Full, said: Some(error.to_string()) };
                lock(&self.operations).note(id, wallet, Progress::Failed(failure));
                Err(Error::Internal { action: "start a thread", why: error.to_string() })
            }
        }
    }

    fn perform(&self, id: OperationId, wallet: usize, act: &Act) -> Progress {
        let mut opened = match open_patiently(self, wallet, BUSY_TIME_OF_CHANGE_MAX) {
            Ok(opened) => opened,
            Err(error) => return Progress::Failed(Failure::of(&error)),
        };
        lock(&self.operations).note(id, wallet, Progress::Waiting);
        let performed = act.perform(&self.reach, &mut opened);
        drop(opened);
        self.outdate(wallet);
        match performed {
            Ok(done) => {
                self.note_done(wallet, act, &done);
                Progress::Done(done)
            }
            Err(error) if may_be_done(act, &error) => Progress::Unsure(Failure::of(&error)),
            Err(error) => Progress::Failed(Failure::of(&error)),
        }
    }

    /// How far a change of a wallet is. Another wallet's is not there.
    pub(crate) fn operation(&self, id: OperationId, wallet: usize) -> Option<Running> {
        lock(&self.operations).0.iter().find(|running| running.id == id && running.wallet == wallet).cloned()
    }

    /// The changes of a wallet, the newest first.
    pub(crate) fn operations(&self, wallet: usize) -> Vec<Running> {
        lock(&self.operations).0.iter().rev().filter(|running| running.wallet == wallet).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: OperationId = OperationId(1);
    const OTHER: OperationId = OperationId(2);

    fn failed() -> Progress {
        Progress::Failed(Failure { cause: Cause::Refused, said: None })
    }

    #[test]
    fn a_form_that_is_sent_twice_means_one_change() {
        let mut operations = Operations::default();
        let act = Act::Withdraw { record: 0 };
        assert_eq!(operations.begin(ID, 0, &act).unwrap(), (ID, true));
        assert_eq!(operations.begin(ID, 0, &act).unwrap(), (ID, false));
        operations.note(ID, 0, failed());
        assert_eq!(operations.begin(ID, 0, &act).unwrap(), (ID, false), "the back button does nothing again");
        assert_eq!(operations.begin(OTHER, 0, &act).unwrap(), (OTHER, true), "a new page does");
    }

    #[test]
    fn two_pages_that_change_one_thing_lead_to_one_change_and_other_wallets_are_apart() {
        let mut operations = Operations::default();
        operations.begin(ID, 0, &Act::Withdraw { record: 0 }).unwrap();
        assert_eq!(operations.begin(OTHER, 0, &Act::Withdraw { record: 0 }).unwrap(), (ID, false));
        assert_eq!(operations.begin(OTHER, 0, &Act::Withdraw { record: 1 }).unwrap(), (OTHER, true));
        assert_eq!(operations.begin(ID, 1, &Act::Withdraw { record: 0 }).unwrap(), (ID, true));
    }

    #[test]
    fn changes_are_bounded_and_those_under_way_are_never_forgotten() {
        let mut operations = Operations::default();
        for number in 0..OPERATIONS_MAX {
            let id = OperationId(number as u128);
            operations.begin(id, number, &Act::Withdraw { record: 0 }).unwrap();
            if number > 0 {
                operations.note(id, number, failed());
            }
        }
        operations.begin(OperationId(9_999), 9_999, &Act::Withdraw { record: 0 }).unwrap();
        assert_eq!(operations.0.len(), OPERATIONS_MAX);
        assert!(operations.0.iter().any(|running| running.id == OperationId(0)));
        for number in 0..RUNNING_MAX as u128 - 2 {
            operations.begin(OperationId(20_000 + number), 1, &Act::Withdraw { record: number as usize }).unwrap();
        }
        assert!(operations.begin(OperationId(30_000), 2, &Act::Withdraw { record: 0 }).is_err());
    }

    #[test]
    fn numbers_of_forms_are_read_as_they_are_written_and_nothing_else_is_one() {
        let id = OperationId(0xab);
        assert_eq!(id.to_string().parse::<OperationId>().unwrap(), id);
        for wrong in ["", "ab", &"g".repeat(32), &"0".repeat(33)] {
            assert!(wrong.parse::<OperationId>().is_err(), "{wrong}");
        }
    }
}
