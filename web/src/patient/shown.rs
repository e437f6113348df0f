//! What is shown of a wallet, made anew when the wallet's file or the ledger changed.
//!
//! Opening a wallet with a passphrase takes a second by design, and another process may have it open: the agent that answers.
//! So what was made last is kept, and shown with a word about its age when nothing newer can be had.

use std::{
    fs,
    path::Path,
    sync::{Arc, TryLockError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use market::{
    agent::settle,
    overview::{LedgerView, Overview, invitations},
    recruitment::{ReceivedInvitation, ScreeningAgent},
    wallet::Wallet,
};

use super::{PatientPages, Reach, lock};
use crate::{Error, client::within};

/// How long a page waits for a wallet that another process has open, when there is something older to show.
const BUSY_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a change waits for it.
pub(super) const BUSY_TIME_OF_CHANGE_MAX: Duration = Duration::from_secs(60);
/// How often it is tried again.
const POLL_TIME: Duration = Duration::from_millis(100);
/// The ledger is asked at most this often, whoever looks.
const NEWS_TIME: Duration = Duration::from_secs(1);
/// How long a page waits for the ledger, each time that it asks. What takes longer, the thread that looks ahead fetches.
pub(super) const PAGE_TIME_MAX: Duration = Duration::from_secs(5);
/// After what silence of the ledger pages say that it does not answer, while somebody still waits for it.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(15);

/// The version of a picture that is to be made anew. No view comes to it.
const OUTDATED: u64 = u64::MAX;

/// What the ledger last said, for all wallets. It is copied before anything waits for a server or a wallet.
#[derive(Clone, Default)]
pub(super) struct News {
    view: Arc<LedgerView>,
    asked: Option<Instant>,
    /// When it was last asked and answered.
    answered: Option<Instant>,
    /// Why the ledger did not answer when it was last asked.
    offline: Option<String>,
}

/// A file as far as it matters whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<SystemTime>, u64);

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|file| Self(file.modified().ok(), file.len()))
    }
}

/// What is shown, and what must be said of it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// What.
    pub(crate) overview: Arc<Overview>,
    /// Why the network was not reached, when it was not: this is an older picture then.
    pub(crate) offline: Option<String>,
    /// Whether another process had the wallet open: this is an older picture then.
    pub(crate) is_busy: bool,
    stamp: Option<Stamp>,
    version: u64,
}

impl News {
    fn is_fresh(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < NEWS_TIME) && self.offline.is_none()
    }

    /// Takes what the ledger answered to somebody who had `known` before, or why it did not.
    fn take(&mut self, known: &Self, view: LedgerView, offline: Option<String>) {
        // Of those who asked at once the first good answer stays: all count their versions from the same one.
        if self.answered != known.answered {
            if offline.is_none() {
                (self.asked, self.offline) = (Some(Instant::now()), None);
            }
            return;
        }
        // What was learned of names meanwhile is more than what a half answer brings.
        if offline.is_none() || Arc::ptr_eq(&self.view, &known.view) {
            self.view = Arc::new(view);
        }
        self.asked = Some(Instant::now());
        if offline.is_none() {
            self.answered = self.asked;
        }
        self.offline = offline;
    }

    /// The same while somebody else asks the ledger, and has no answer yet.
    fn awaited(self) -> Self {
        let silent = self.asked.map(|asked| asked.elapsed()).filter(|silent| *silent > SILENCE_TIME_MAX);
        let why = silent.map(|silent| format!("the network has not answered for {} seconds", silent.as_secs()));
        Self { offline: self.offline.clone().or(why), ..self }
    }

    /// Makes the picture of a wallet. A network that stops to answer half-way leaves what is known.
    fn picture(
        &mut self,
        pages: &PatientPages,
        wallet: &mut Wallet,
        before: Option<&Shown>,
    ) -> Result<Overview, Error> {
        let ledger = pages.ledger();
        let mut received = before.map_or_else(Vec::new, |shown| shown.overview.invitations.clone());
        if self.offline.is_none() {
            match pages.learn(self, wallet).and_then(|()| pages.reach.receive(wallet)) {
                Ok(found) => received = found,
                Err(error) => self.offline = Some(error.to_string()),
            }
        }
        Ok(Overview::of(ledger, wallet, &self.view, received)?)
    }
}

impl Reach {
    /// The picture of a wallet as the ledger has it now. Blocks until the ledger answered everything.
    ///
    /// # Errors
    /// [`Error::Market`] when the ledger cannot be reached, or the wallet's file cannot be written.
    pub(crate) fn look(&self, wallet: &mut Wallet) -> Result<Overview, Error> {
        let (ledger, mut view) = (&*self.ledger, LedgerView::default());
        view.refresh(ledger)?;
        view.learn(ledger, wallet)?;
        let received = self.receive(wallet)?;
        Ok(Overview::of(ledger, wallet, &view, received)?)
    }

    /// Settles a wallet's answers, and fetches the invitations to its responses.
    fn receive(&self, wallet: &mut Wallet) -> Result<Vec<ReceivedInvitation>, market::Error> {
        let agent = ScreeningAgent { ledger: &*self.ledger, blobs: &*self.blobs };
        settle(agent.ledger, wallet)?;
        invitations(&agent, wallet)
    }
}

/// Opens a wallet, and waits while another process has it.
pub(super) fn open_patiently(pages: &PatientPages, wallet: usize, patience: Duration) -> Result<Wallet, Error> {
    let started = Instant::now();
    loop {
        match Wallet::open(pages.path(wallet)?, pages.protection.clone()) {
            Err(market::Error::FileInUse { .. }) if started.elapsed() < patience => thread::sleep(POLL_TIME),
            opened => return Ok(opened?),
        }
    }
}

impl PatientPages {
    /// Follows the ledger from a thread of its own, so that pages do not wait for it. The thread ends with the pages.
    pub(crate) fn look_ahead(self: &Arc<Self>, interval: Duration) {
        let pages = Arc::downgrade(self);
        let look = move || {
            while let Some(pages) = pages.upgrade() {
                drop(pages.refreshed());
                drop(pages);
                thread::sleep(interval);
            }
        };
        // Without it, pages look by themselves.
        drop(thread::Builder::new().name("locus-news".into()).spawn(look));
    }

    /// What the ledger says now. One asks it at a time; who comes meanwhile goes on with what was known before, if anything
    /// was.
    fn refreshed(&self) -> News {
        let known = lock(&self.news).clone();
        if known.is_fresh() {
            return known;
        }
        let asking = self.asking.try_lock();
        if matches!(asking, Err(TryLockError::WouldBlock)) && known.asked.is_some() {
            return known.awaited();
        }
        let mut view = LedgerView::clone(&known.view);
        let offline = view.refresh(self.ledger()).err().map(|error| error.to_string());
        let mut news = lock(&self.news);
        news.take(&known, view, offline);
        news.clone()
    }

    /// Learns what a wallet's records are described by, for all.
    fn learn(&self, news: &mut News, wallet: &Wallet) -> Result<(), market::Error> {
        let before = Arc::clone(&news.view);
        let learned = Arc::make_mut(&mut news.view).learn(self.ledger(), wallet);
        let mut all = lock(&self.news);
        // Unless the ledger was asked meanwhile; then it is learned again.
        if Arc::ptr_eq(&all.view, &before) {
            all.view = Arc::clone(&news.view);
        }
        learned
    }

    /// Has the picture of a wallet made anew when it is next shown, though neither its file nor what the ledger is asked about
    /// changed.
    pub(super) fn outdate(&self, wallet: usize) {
        let Ok(patient) = self.patient(wallet) else { return };
        if let Some(shown) = lock(&patient.shown).as_mut() {
            shown.version = OUTDATED;
        }
    }

    /// What is shown of a wallet now. Blocks; the ledger within [`PAGE_TIME_MAX`], and no other wallet's page meanwhile.
    ///
    /// # Errors
    /// [`Error::Market`] for a wallet that does not open and of which nothing was shown before.
    pub(crate) fn show(&self, wallet: usize) -> Result<Shown, Error> {
        let patient = self.patient(wallet)?;
        let mut before = lock(&patient.shown);
        let mut news = within(PAGE_TIME_MAX, || self.refreshed());
        let (stamp, version) = (Stamp::of(&patient.path), news.view.version());
        let is_current = |shown: &Shown| shown.stamp == stamp && shown.version == version && stamp.is_some();
        if let Some(shown) = before.as_ref().filter(|shown| is_current(shown)) {
            return Ok(Shown { offline: news.offline, is_busy: false, ..shown.clone() });
        }
        let mut opened = match (open_patiently(self, wallet, BUSY_TIME_MAX), before.as_ref()) {
            (Err(Error::Market(market::Error::FileInUse { .. })), Some(shown)) => {
                return Ok(Shown { offline: news.offline, is_busy: true, ..shown.clone() });
            }
            (opened, _) => opened?,
        };
        let picture = within(PAGE_TIME_MAX, || news.picture(self, &mut opened, before.as_ref()));
        let overview = Arc::new(picture?);
        // Settling may have written the file.
        let stamp = Stamp::of(&patient.path);
        let version = if news.offline.is_some() { OUTDATED } else { version };
        let shown = Shown { overview, offline: news.offline, is_busy: false, stamp, version };
        *before = Some(shown.clone());
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two know who ask at once, and what is known once the first of them was answered.
    fn first(offline: Option<&str>) -> (News, News) {
        let known = News::default();
        let mut news = known.clone();
        news.take(&known, LedgerView::default(), offline.map(Into::into));
        assert!(news.asked.is_some() && !Arc::ptr_eq(&news.view, &known.view));
        (known, news)
    }

    #[test]
    fn repro_of_good_answers_at_once_no_later_one_replaces_the_first_under_the_same_version() {
        let (known, mut news) = first(None);
        let view = Arc::clone(&news.view);
        news.take(&known, LedgerView::default(), None);
        assert!(Arc::ptr_eq(&news.view, &view));
        // Nor when another look failed in between.
        let mut silent = news.clone();
        silent.view = Arc::new(LedgerView::default());
        news.take(&silent, LedgerView::default(), Some("no answer".into()));
        assert!(news.offline.is_some());
        news.take(&known, LedgerView::default(), None);
        assert!(Arc::ptr_eq(&news.view, &view) && news.offline.is_none());
    }

    #[test]
    fn a_look_that_failed_beside_a_good_one_changes_nothing() {
        let (known, mut news) = first(None);
        let before = news.clone();
        news.take(&known, LedgerView::default(), Some("no answer".into()));
        assert!(Arc::ptr_eq(&news.view, &before.view) && news.offline.is_none());
    }

    #[test]
    fn a_good_look_beside_one_that_failed_replaces_it() {
        let (known, mut news) = first(Some("no answer"));
        let before = news.clone();
        news.take(&known, LedgerView::default(), None);
        assert!(!Arc::ptr_eq(&news.view, &before.view) && news.offline.is_none());
    }

    #[test]
    fn half_an_answer_does_not_replace_names_that_were_learned_meanwhile() {
        let (_, known) = first(None);
        let mut news = known.clone();
        news.view = Arc::new(LedgerView::default());
        let learned = Arc::clone(&news.view);
        news.take(&known, LedgerView::default(), Some("no answer".into()));
        assert!(Arc::ptr_eq(&news.view, &learned) && news.offline.is_some());
    }
}
