//! The demo's committee: members in this process, or each as a process of its own.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use circuits::{id::QueryId, quorum::Quorum};
use market::{
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    ledger::{LedgerAccess, require_query},
    objects::BlobAccess,
    researcher::handed_out,
};
use node::state::{CommitteeStage, QueryStatus, StateRead};

use super::{DemoOptions, network::member_folder, process::Process, town::Town};
use crate::{Error, cli::Output, client::RemoteCommittee};

/// How long the demo waits for the committee.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks what member processes have done.
const POLL_TIME: Duration = Duration::from_millis(50);

/// The committee and what drives it.
pub(super) struct DemoCommittee {
    ledger: Arc<dyn LedgerAccess>,
    blobs: Arc<dyn BlobAccess>,
    quorum: Quorum,
    members: Members,
    output: Output,
}

enum Members {
    Here(LocalCommittee),
    Processes { remote: RemoteCommittee, processes: Mutex<Vec<Process>> },
}

impl Deref for DemoCommittee {
    type Target = dyn CommitteeAccess;

    fn deref(&self) -> &Self::Target {
        match &self.members {
            Members::Here(committee) => committee,
            Members::Processes { remote, .. } => remote,
        }
    }
}

impl DemoCommittee {
    /// Starts every member with its own key file and folder, as a process of its own where the node is served.
    ///
    /// # Errors
    /// [`Error::Market`] when a member's folder cannot be opened, [`Error::Input`] when a process does not start.
    pub(super) fn start(options: &DemoOptions, town: &Town, output: &Output) -> Result<Self, Error> {
        let members = match town.url() {
            None => members_here(options, town)?,
            Some(url) => member_processes(options, &url)?,
        };
        let (ledger, blobs) = (Arc::clone(&town.ledger), Arc::clone(&town.blobs));
        Ok(Self { ledger, blobs, quorum: options.quorum, members, output: output.clone() })
    }

    /// Waits until the committee's key is active, which takes every member.
    ///
    /// # Errors
    /// [`Error::Input`] when it takes too long or a member process ends.
    pub(super) fn generate_key(&self) -> Result<(), Error> {
        self.until("make a key", self.quorum.members(), || {
            let epoch = self.ledger.committee_epoch()?.unwrap_or_default();
            let state = self.ledger.committee(epoch)?.unwrap_or_default();
            let active = matches!(state.stage, CommitteeStage::Active { .. });
            Ok(if active { None } else { Some(state.confirmations.len()) })
        })
    }

    /// Waits until every component of a query is accepted and handed out, which `n − t + 1` members can achieve.
    ///
    /// # Errors
    /// [`Error::Input`] when it takes too long, too few members are left, or the query was refunded.
    pub(super) fn release(&self, query: QueryId) -> Result<(), Error> {
        self.until("release the query", self.quorum.receipts_min(), || {
            match require_query(&*self.ledger, query)?.status {
                QueryStatus::Released { components, .. } => {
                    let all = usize::from(self.quorum.members());
                    return Ok(if handed_out(&*self.blobs, &components)? { None } else { Some(all) });
                }
                QueryStatus::Refunded { reason, .. } => {
                    return Err(Error::Input { what: "demo query", why: format!("it was refunded: {reason:?}") });
                }
                _ => {}
            }
            let mut voted = 0;
            for member in self.quorum.all_members() {
                voted += usize::from(self.ledger.component_vote(query, member)?.is_some());
            }
            Ok(Some(voted))
        })
    }

    /// Waits until `done` counts no more members, but says there is nothing left to do.
    fn until(&self, what: &str, needed: u8, done: impl Fn() -> Result<Option<usize>, Error>) -> Result<(), Error> {
        let started = Instant::now();
        let progress = self.output.progress("waiting for members", self.quorum.members().into());
        while let Some(count) = done()? {
            progress.set_position(count as u64);
            if started.elapsed() > PATIENCE {
                return Err(Error::Input { what: "committee", why: format!("it did not {what} in time") });
            }
            match &self.members {
                Members::Here(committee) => drop(committee.step(&mut rand::rng())?),
                Members::Processes { processes, .. } => {
                    require_running(processes, what, needed)?;
                    thread::sleep(POLL_TIME);
                }
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}

fn members_here(options: &DemoOptions, town: &Town) -> Result<Members, Error> {
    let open = |(index, key): (usize, &market::wallet::PartyKey)| {
        Member::open(&member_folder(&options.dir, index), key.clone(), &*town.ledger)
    };
    let members = town.parties.members.iter().enumerate().map(open).collect::<Result<_, _>>()?;
    Ok(Members::Here(LocalCommittee::new(members, Arc::clone(&town.ledger), Arc::clone(&town.blobs))))
}

fn member_processes(options: &DemoOptions, url: &str) -> Result<Members, Error> {
    let mut addresses = BTreeMap::new();
    let mut processes = vec![];
    for place in 0..usize::from(options.quorum.members()) {
        let (process, member, remote) = Process::member(&options.dir, place, url)?;
        processes.push(process);
        addresses.insert(member, remote);
    }
    Ok(Members::Processes { remote: RemoteCommittee::new(addresses), processes: Mutex::new(processes) })
}

/// That enough member processes still run.
fn require_running(processes: &Mutex<Vec<Process>>, what: &str, needed: u8) -> Result<(), Error> {
    let mut processes = processes.lock().unwrap_or_else(PoisonError::into_inner);
    let ended: Vec<_> = processes
        .iter_mut()
        .filter_map(|process| (!process.runs()).then(|| process.log().display().to_string()))
        .collect();
    let running = processes.len().saturating_sub(ended.len());
    if running >= usize::from(needed) {
        return Ok(());
    }
    let why = format!("{running} member processes run, {needed} are needed to {what}; see {}", ended.join(", "));
    Err(Error::Input { what: "committee", why })
}
