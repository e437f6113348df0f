//! What of the ledger the overviews of all wallets need.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use circuits::{
    consent::Day,
    id::{AccountId, QueryId, SchemaId, ScreeningId, StudyId},
    schema::Schema,
};
use node::{
    state::{QueryState, QueryStatus, ScreeningState, StateRead, Tip},
    units::{Epoch, Timestamp},
};

use crate::{
    Error,
    ledger::{LedgerAccess, QueryWatch, SyncedTree, require_query, require_screening, sync_tree, tip},
    wallet::Wallet,
};

/// Queries, and screenings, that are kept: the newest.
pub const ASKED_MAX: usize = 200;

/// Queries, screenings and leaves as the ledger had them when it last answered, with the names that go with them. The same
/// is fetched whatever wallets there are.
#[derive(Debug, Clone, Default)]
pub struct LedgerView {
    watch: QueryWatch,
    /// Those that the watch told of since the last whole call.
    opened: Vec<QueryId>,
    tip: Option<Tip>,
    /// Shared with copies: it is the largest part.
    tree: Option<Arc<SyncedTree>>,
    /// Seconds that the latest whole epoch took.
    epoch_seconds: Option<u64>,
    /// In the order of their opening.
    queries: Vec<(QueryId, QueryState)>,
    screenings: Vec<(ScreeningId, ScreeningState)>,
    studies: BTreeMap<StudyId, String>,
    researchers: BTreeMap<AccountId, String>,
    issuers: BTreeMap<AccountId, String>,
    schemas: BTreeMap<SchemaId, Schema>,
    epochs: BTreeMap<Epoch, Timestamp>,
    version: u64,
}

/// Whether nothing more happens to a query.
const fn is_final(state: &QueryState) -> bool {
    matches!(state.status, QueryStatus::Released { .. } | QueryStatus::Refunded { .. })
}

impl LedgerView {
    /// Fetches what changed since the last call.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached; what is held then is older, and whole as before. The next call
    /// looks at no block again that this one looked at, so that a slow ledger is caught up with.
    pub fn refresh(&mut self, ledger: &dyn LedgerAccess) -> Result<(), Error> {
        let latest = tip(ledger)?;
        if self.tip.is_some_and(|known| known.height == latest.height) {
            return Ok(());
        }
        self.watch.follow(ledger, &mut self.opened)?;
        let queries = self.current_queries(ledger)?;
        let screenings = self.current_screenings(ledger)?;
        let tree = match &self.tree {
            Some(tree) if tree.epoch == latest.epoch => None,
            _ => Some(Arc::new(sync_tree(ledger)?)),
        };
        self.learn_names(ledger, &queries, &screenings)?;
        let epoch_seconds = if tree.is_some() { epoch_seconds(ledger, latest.epoch)? } else { self.epoch_seconds };
        let day = |tip: &Tip| tip.time.day();
        let is_new = tree.is_some()
            || self.tip.as_ref().map(day) != Some(day(&latest))
            || (&self.queries, &self.screenings) != (&queries, &screenings);
        self.version += u64::from(is_new);
        (self.queries, self.screenings, self.tip) = (queries, screenings, Some(latest));
        self.opened.clear();
        self.tree = tree.or_else(|| self.tree.take());
        self.epoch_seconds = epoch_seconds;
        Ok(())
    }

    /// The newest of those known and those that opened, each as it is now. A watch may tell of one again, or of older ones
    /// late.
    fn current_queries(&self, ledger: &dyn LedgerAccess) -> Result<Vec<(QueryId, QueryState)>, Error> {
        let mut told: BTreeSet<QueryId> = self.queries.iter().map(|(id, _)| *id).collect();
        let mut opened: Vec<QueryId> = self.opened.iter().copied().filter(|id| told.insert(*id)).collect();
        let new = opened.split_off(opened.len().saturating_sub(ASKED_MAX));
        let known = self.queries.iter().map(|(id, state)| (*id, Some(state)));
        let all = known.chain(new.into_iter().map(|id| (id, None))).map(|(id, known)| match known {
            Some(state) if is_final(state) => Ok((id, state.clone())),
            _ => Ok((id, require_query(ledger, id)?)),
        });
        let mut queries = all.collect::<Result<Vec<_>, Error>>()?;
        queries.sort_by_key(|(_, state)| state.opened);
        Ok(queries.split_off(queries.len().saturating_sub(ASKED_MAX)))
    }

    fn current_screenings(&self, ledger: &dyn LedgerAccess) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
        let listed =
            ledger.latest_screenings(ASKED_MAX)?.into_iter().map(|id| Ok((id, require_screening(ledger, id)?)));
        let mut screenings: Vec<(ScreeningId, ScreeningState)> = listed.collect::<Result<_, Error>>()?;
        screenings.sort_by_key(|(_, state)| state.opened);
        Ok(screenings.split_off(screenings.len().saturating_sub(ASKED_MAX)))
    }

    /// Titles and names do not change while a study or an account is what it is, and are asked for once.
    fn learn_names(
        &mut self,
        ledger: &dyn LedgerAccess,
        queries: &[(QueryId, QueryState)],
        screenings: &[(ScreeningId, ScreeningState)],
    ) -> Result<(), Error> {
        let asked = queries.iter().map(|(_, state)| (state.query.study, state.researcher));
        let screened = screenings.iter().map(|(_, state)| (state.screening.study, state.sponsor));
        for (study, researcher) in asked.chain(screened) {
            if let Entry::Vacant(unknown) = self.studies.entry(study) {
                unknown.insert(ledger.study(study)?.map_or_else(String::new, |study| study.registration.title));
            }
            if let Entry::Vacant(unknown) = self.researchers.entry(researcher) {
                unknown.insert(ledger.researcher(researcher)?.map_or_else(String::new, |party| party.name));
            }
        }
        Ok(())
    }

    /// Fetches what a wallet's records are described by, once: their schemas, their issuers' names and when their epochs
    /// began. Many records share each of these; none is asked about by itself.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn learn(&mut self, ledger: &dyn LedgerAccess, wallet: &Wallet) -> Result<(), Error> {
        for holding in wallet.holdings() {
            let (schema, issuer, epoch) = (holding.record.schema, holding.record.issuer, holding.registration_epoch);
            if !self.schemas.contains_key(&schema)
                && let Some(found) = ledger.schema(schema)?
            {
                self.schemas.insert(schema, found);
            }
            if !self.issuers.contains_key(&issuer)
                && let Some(party) = ledger.issuer(issuer)?
            {
                self.issuers.insert(issuer, party.name);
            }
            if !self.epochs.contains_key(&epoch)
                && let Some(begun) = epoch_begin(ledger, epoch)?
            {
                self.epochs.insert(epoch, begun);
            }
        }
        Ok(())
    }

    /// Where the chain stood; the beginning before the first answer.
    #[must_use]
    pub fn tip(&self) -> Tip {
        let beginning = Tip { height: Default::default(), time: Timestamp::new(0), epoch: Epoch::default() };
        self.tip.unwrap_or(beginning)
    }

    /// The day of the latest block.
    #[must_use]
    pub fn today(&self) -> Day {
        self.tip().time.day()
    }

    /// Grows whenever something changed that an overview shows.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Who asked in a study's name: its title, and the researcher's name. Empty where the ledger knows none.
    #[must_use]
    pub fn names(&self, study: StudyId, researcher: AccountId) -> (String, String) {
        let title = self.studies.get(&study).cloned().unwrap_or_default();
        (title, self.researchers.get(&researcher).cloned().unwrap_or_default())
    }

    /// Seconds that the latest whole epoch took: about so long it takes until a change counts. Nothing in the first one.
    pub(super) const fn epoch_seconds(&self) -> Option<u64> {
        self.epoch_seconds
    }

    pub(super) fn tree(&self) -> Option<&SyncedTree> {
        self.tree.as_deref()
    }

    pub(super) fn schema(&self, id: SchemaId) -> Option<&Schema> {
        self.schemas.get(&id)
    }

    pub(super) fn issuer(&self, account: AccountId) -> String {
        self.issuers.get(&account).cloned().unwrap_or_default()
    }

    pub(super) fn epoch_begin(&self, epoch: Epoch) -> Option<Timestamp> {
        self.epochs.get(&epoch).copied()
    }

    /// The newest first.
    pub(super) fn queries(&self) -> impl Iterator<Item = &(QueryId, QueryState)> {
        self.queries.iter().rev()
    }

    /// The newest first.
    pub(super) fn screenings(&self) -> impl Iterator<Item = &(ScreeningId, ScreeningState)> {
        self.screenings.iter().rev()
    }
}

/// How long the epoch before this one took.
fn epoch_seconds(ledger: &dyn LedgerAccess, epoch: Epoch) -> Result<Option<u64>, Error> {
    let Some(before) = epoch.get().checked_sub(1) else { return Ok(None) };
    let (begun, ended) = (epoch_begin(ledger, Epoch::new(before))?, epoch_begin(ledger, epoch)?);
    Ok(begun.zip(ended).map(|(begun, ended)| ended.get().saturating_sub(begun.get())))
}

/// When an epoch began: the time of the block at whose end its snapshot was taken.
fn epoch_begin(ledger: &dyn LedgerAccess, epoch: Epoch) -> Result<Option<Timestamp>, Error> {
    let Some(snapshot) = ledger.epoch_snapshot(epoch)? else { return Ok(None) };
    if snapshot.height.get() == 0 {
        return Ok(Some(ledger.genesis().time));
    }
    Ok(ledger.header(snapshot.height)?.map(|header| header.header.time))
}
