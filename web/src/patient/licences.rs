//! Licences of raw data that a wallet's owner offered. A node's index says which there are, the ledger how each stands.

use std::{collections::BTreeMap, sync::Mutex};

use circuits::{
    consent::Day,
    id::{AccountId, DatasetId, LicenceId},
};
use market::{
    index::{DatasetRow, LicenceRow, Page, Sequence},
    ledger::LedgerAccess,
    licence::{require_dataset, require_licence},
};
use node::{
    query::DataUse,
    state::{Access, Dataset, LicenceState, LicenceStatus, StateRead as _},
    units::{AccessIndex, Height},
};
use serde::Serialize;

use super::{PatientPages, Reach, lock, shown::PAGE_TIME_MAX};
use crate::{Error, client::within};

/// Receipts of one licence that are shown: the latest.
const RECEIPTS_MAX: u32 = 100;
/// Blocks whose days are kept.
const DAYS_MAX: usize = 65_536;
/// Licences of one dataset on one page.
const LICENCES_PAGE: usize = 25;

/// Which licences of each dataset.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// A page of each, the newest first: of one dataset the page behind a place, of the others the first.
    Page(Option<(DatasetId, Sequence)>),
}

impl Which {
    /// Behind which place the page of a dataset begins.
    fn after(self, dataset: DatasetId) -> Option<Sequence> {
        match self {
            Self::Page(Some((of, after))) if of == dataset => Some(after),
            _ => None,
        }
    }
}

/// A dataset that the owner offers, with who asked for it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Offered {
    /// The dataset.
    pub(crate) id: DatasetId,
    /// How it stands.
    pub(crate) dataset: Dataset,
    /// Requests and licences, the newest first.
    pub(crate) licences: Vec<Requested>,
    /// Where older ones begin; nothing where there are none.
    #[serde(skip)]
    pub(crate) older: Option<Sequence>,
    /// Whether newer ones are left out.
    #[serde(skip)]
    pub(crate) is_further_on: bool,
}

/// A licence that somebody asked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Requested {
    /// The licence.
    pub(crate) id: LicenceId,
    /// Who asked, as governance knows them; empty when it does not.
    pub(crate) name: String,
    /// How it stands.
    pub(crate) state: LicenceState,
    /// Who had access, and when.
    pub(crate) receipts: Vec<Access>,
    /// The days of the blocks that have them.
    #[serde(skip)]
    pub(crate) days: BTreeMap<Height, Day>,
}

impl Requested {
    /// How many had access before those that are shown.
    pub(crate) fn earlier(&self) -> u32 {
        self.state.accesses.saturating_sub(RECEIPTS_MAX)
    }

    /// What for.
    pub(crate) const fn data_use(&self) -> &DataUse {
        &self.state.request.data_use
    }

    /// Whether the owner is to answer.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.state.status, LicenceStatus::Requested)
    }

    /// Whether it gives access, or will.
    pub(crate) const fn is_granted(&self) -> bool {
        matches!(self.state.status, LicenceStatus::Granted { .. })
    }
}

/// What can be said of an owner's licences.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Licences {
    /// These.
    Known(Vec<Offered>),
    /// Nothing, and why.
    Unknown(String),
}

/// The days of blocks that were looked up.
#[derive(Debug, Default)]
pub(crate) struct Days(Mutex<BTreeMap<Height, Day>>);

impl Days {
    /// The days of blocks, each of which the ledger is asked for once.
    fn of(
        &self,
        ledger: &dyn LedgerAccess,
        heights: impl Iterator<Item = Height>,
    ) -> Result<BTreeMap<Height, Day>, Error> {
        let mut found = BTreeMap::new();
        for height in heights {
            let known = lock(&self.0).get(&height).copied();
            let day = match known {
                Some(day) => Some(day),
                None => ledger.header(height)?.map(|header| header.header.time.day()),
            };
            if let Some(day) = day {
                found.insert(height, day);
            }
        }
        let mut all = lock(&self.0);
        if all.len() + found.len() > DAYS_MAX {
            all.clear();
        }
        all.extend(&found);
        drop(all);
        Ok(found)
    }
}

impl Reach {
    /// What an owner offered and who asked for it.
    pub(crate) fn licences(&self, owner: AccountId, which: Which, days: &Days) -> Licences {
        match self.offered(owner, which, days) {
            Ok(offered) => Licences::Known(offered),
            Err(error) => Licences::Unknown(error.to_string()),
        }
    }

    fn offered(&self, owner: AccountId, which: Which, days: &Days) -> Result<Vec<Offered>, Error> {
        let Some(node) = &self.node else {
            let why = "give the --url of a node: its index lists what is offered".into();
            return Err(Error::Input { what: "address", why });
        };
        let mut offered = vec![];
        for row in node.rows::<DatasetRow>(&format!("/v1/datasets?owner={owner}&"))? {
            let dataset = require_dataset(&*self.ledger, row.id)?;
            // A listing that is wrong shows nobody another's data.
            if dataset.owner != owner {
                continue;
            }
            let (listed, after) = (format!("/v1/licences?dataset={}&order=newest&", row.id), which.after(row.id));
            let Page { items, next } = match which {
                Which::All => Page { items: node.rows::<LicenceRow>(&listed)?, next: None },
                Which::Page(_) => {
                    let behind = after.map(|after| format!("&after={}", after.get())).unwrap_or_default();
                    let page = node.json(&format!("{listed}limit={LICENCES_PAGE}{behind}"))?;
                    page.unwrap_or(Page { items: vec![], next: None })
                }
            };
            let requested = items.iter().map(|licence| self.requested(licence.id, days));
            let mut licences = requested.collect::<Result<Vec<_>, _>>()?;
            licences.retain(|licence| licence.state.request.dataset == row.id);
            offered.push(Offered { id: row.id, dataset, licences, older: next, is_further_on: after.is_some() });
        }
        Ok(offered)
    }

    /// A licence, with who asked for it.
    ///
    /// # Errors
    /// [`Error::Market`] for one that the ledger does not have.
    fn requested(&self, id: LicenceId, days: &Days) -> Result<Requested, Error> {
        let ledger = &*self.ledger;
        let state = require_licence(ledger, id)?;
        let name = ledger.researcher(state.licensee)?.map_or_else(String::new, |party| party.name);
        let latest = state.accesses.saturating_sub(RECEIPTS_MAX)..state.accesses;
        let mut receipts = vec![];
        for index in latest.rev().map(AccessIndex::new) {
            receipts.extend(ledger.access(id, index)?);
        }
        let days = days.of(ledger, receipts.iter().map(|receipt| receipt.height))?;
        Ok(Requested { id, name, state, receipts, days })
    }
}

impl PatientPages {
    /// What an owner offered and who asked for it.
    pub(crate) fn licences(&self, owner: AccountId, which: Which) -> Licences {
        within(PAGE_TIME_MAX, || self.reach.licences(owner, which, &self.days))
    }

    /// A licence of a dataset that an owner offered; nothing for anybody else's.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is not this owner's, [`Error::Market`] when the ledger cannot be reached.
    pub(crate) fn own_licence(&self, owner: AccountId, id: LicenceId) -> Result<Requested, Error> {
        within(PAGE_TIME_MAX, || self.read_own_licence(owner, id))
    }

    fn read_own_licence(&self, owner: AccountId, id: LicenceId) -> Result<Requested, Error> {
        let missing = || Error::NotFound { what: "licence", id: id.to_string() };
        let requested = self.reach.requested(id, &self.days).map_err(|error| absent(error, missing()))?;
        let dataset = require_dataset(self.ledger(), requested.state.request.dataset)?;
        if dataset.owner == owner { Ok(requested) } else { Err(missing()) }
    }

    /// A dataset that an owner offered; nothing for anybody else's.
    ///
    /// # Errors
    /// As [`PatientPages::own_licence`].
    pub(crate) fn own_dataset(&self, owner: AccountId, id: DatasetId) -> Result<Dataset, Error> {
        let missing = || Error::NotFound { what: "dataset", id: id.to_string() };
        let found = within(PAGE_TIME_MAX, || require_dataset(self.ledger(), id));
        let dataset = found.map_err(|error| absent(error.into(), missing()))?;
        if dataset.owner == owner { Ok(dataset) } else { Err(missing()) }
    }
}

/// What the ledger does not have is missing; other errors stay what they are.
fn absent(error: Error, missing: Error) -> Error {
    match error {
        Error::Market(market::Error::Ledger(node::Error::Unknown { .. })) => missing,
        error => error,
    }
}
