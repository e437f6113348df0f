//! The demo's committee: members in this process, or each as a process of its own.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use market::{
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    ledger::{LedgerAccess, require_query},
    objects::BlobAccess,
};
use node::state::{CommitteeStage, QueryStatus, StateRead};

use super::{
    DemoOptions,
    network::{Parties, member_folder},
};
use crate::Error;

/// How long the demo waits for the committee.
const PATIENCE: Duration = Duration::from_secs(120);

/// The committee and what drives it.
pub(super) struct DemoCommittee {
    ledger: Arc<dyn LedgerAccess>,
    members: Members,
}

enum Members {
    Here(LocalCommittee),
}

impl Deref for DemoCommittee {
    type Target = dyn CommitteeAccess;

    fn deref(&self) -> &Self::Target {
        match &self.members {
            Members::Here(committee) => committee,
        }
    }
}

impl DemoCommittee {
    /// Starts every member with its own key file and folder.
    ///
    /// # Errors
    /// [`Error::Market`] when a member's folder cannot be opened.
    pub(super) fn start(
        options: &DemoOptions,
        parties: &Parties,
        ledger: &Arc<dyn LedgerAccess>,
        blobs: &Arc<dyn BlobAccess>,
    ) -> Result<Self, Error> {
        let open = |(index, key): (usize, &market::wallet::PartyKey)| {
            Member::open(&member_folder(&options.dir, index), key.clone(), &**ledger)
        };
        let members = parties.members.iter().enumerate().map(open).collect::<Result<_, _>>()?;
        let members = Members::Here(LocalCommittee::new(members, Arc::clone(ledger), Arc::clone(blobs)));
        Ok(Self { ledger: Arc::clone(ledger), members })
    }

    /// Waits until the committee's key is active.
    ///
    /// # Errors
    /// [`Error::Input`] when it takes too long.
    pub(super) fn generate_key(&self) -> Result<(), Error> {
        self.until("make a key", || {
            let epoch = self.ledger.committee_epoch()?.unwrap_or_default();
            let state = self.ledger.committee(epoch)?.unwrap_or_default();
            Ok(matches!(state.stage, CommitteeStage::Active { .. }))
        })
    }

    /// Waits until every component of a query is accepted.
    ///
    /// # Errors
    /// [`Error::Input`] when it takes too long, or the query was refunded.
    pub(super) fn release(&self, query: QueryId) -> Result<(), Error> {
        self.until("release the query", || match require_query(&*self.ledger, query)?.status {
            QueryStatus::Released { .. } => Ok(true),
            QueryStatus::Refunded { reason, .. } => {
                Err(Error::Input { what: "demo query", why: format!("it was refunded: {reason:?}") })
            }
            _ => Ok(false),
        })
    }

    fn until(&self, what: &str, done: impl Fn() -> Result<bool, Error>) -> Result<(), Error> {
        let started = Instant::now();
        while !done()? {
            if started.elapsed() > PATIENCE {
                return Err(Error::Input { what: "committee", why: format!("it did not {what} in time") });
            }
            match &self.members {
                Members::Here(committee) => drop(committee.step(&mut rand::rng())?),
            }
        }
        Ok(())
    }
}
