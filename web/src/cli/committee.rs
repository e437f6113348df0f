//! Committee members.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use circuits::quorum::MemberIndex;
use clap::{Args, Subcommand};
use market::{
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    ledger::tip,
    wallet::{PartyKey, Role},
};
use node::state::{CommitteeStage, StateRead};

use super::{Connection, Home, Output};
use crate::{
    Error,
    client::{Remote, RemoteCommittee},
    member::MemberService,
    serve::{StopOn, serve_member},
};

/// How often a member looks at the ledger for duties.
const POLL_TIME: Duration = Duration::from_millis(100);

/// The longest pause between tries of a duty that fails.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a member or a watching agent waits for its node to start.
const NODE_TIME_MAX: Duration = Duration::from_secs(60);

/// Run a member, or show the committee.
#[derive(Debug, Subcommand)]
pub enum Committee {
    /// Run one member until interrupted: it takes part in key generation, keeps ciphertexts, signs sums it added up
    /// itself, and computes components of releases that the ledger allows.
    Serve(ServeMember),
    /// Show how far the committee's key is.
    Show,
}

/// Which member, where.
#[derive(Debug, Args)]
pub struct ServeMember {
    /// The member's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Folder for the member's own store: shares, ciphertexts, records of what it released.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Address to listen on for agents and aggregators.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// End when standard input closes, as it does when the process that started this one ends.
    #[arg(long)]
    attached: bool,
}

impl Committee {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Serve(member) => {
                if home.url().is_none() {
                    let why = "a member works on a node that `locus serve` runs; give its --url".into();
                    return Err(Error::Input { what: "address", why });
                }
                let key = home.key(&member.key, Role::Member)?;
                member.run(key, &connect_patiently(home, output)?, output)
            }
            Self::Show => {
                let connection = home.connect()?;
                let ledger = &*connection.ledger;
                let epoch = ledger.committee_epoch()?.unwrap_or_default();
                let state = ledger.committee(epoch)?.unwrap_or_default();
                let height = tip(ledger)?.height;
                let value = serde_json::json!({ "epoch": epoch, "committee": state, "height": height });
                output.result(&value, |_| format!("committee key {epoch}: {}", describe(&state.stage)))
            }
        }
    }
}

impl ServeMember {
    /// Serves receipts and signatures, and does the member's duties, until a signal ends it.
    fn run(&self, key: PartyKey, connection: &Connection, output: &Output) -> Result<(), Error> {
        let member = Member::open(&self.store, key, &*connection.ledger)?;
        let index = member.index();
        let (ledger, blobs) = (Arc::clone(&connection.ledger), Arc::clone(&connection.blobs));
        let committee = Arc::new(LocalCommittee::new(vec![member], ledger, blobs));
        let service = MemberService { member: index, committee: Arc::clone(&committee) as Arc<dyn CommitteeAccess> };
        let running = serve_member(service, &self.listen.to_string(), StopOn::Signals)?;
        output.result(&serde_json::json!({ "member": index, "url": running.url() }), |_| {
            format!("committee member {index} at {}", running.url())
        })?;
        if self.attached {
            thread::spawn(end_with_standard_input);
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let duties = {
            let stopping = Arc::clone(&stopping);
            thread::spawn(move || do_duties(&committee, &stopping))
        };
        let ended = running.wait();
        stopping.store(true, Ordering::Release);
        // The thread only ends by returning; a panic in it was reported when it happened.
        drop(duties.join());
        ended
    }
}

fn describe(stage: &CommitteeStage) -> String {
    match stage {
        CommitteeStage::Committing => "committing: waiting for each subset's leader to commit to its share".into(),
        CommitteeStage::Confirming => "confirming: waiting for members to check and confirm".into(),
        CommitteeStage::Active { key } => format!("active, key {key}"),
        CommitteeStage::Abandoned { by, accused } => {
            format!("abandoned: member {by} complained about member {accused}")
        }
        CommitteeStage::Expired { absent } => {
            format!("expired: members {} did not do their step in time, or confirmed another key", list(absent))
        }
        CommitteeStage::Retired { key } => format!("retired, key {key}"),
        CommitteeStage::Replaced => "given up: governance seated another committee".into(),
        CommitteeStage::Disputed { outside } if outside.is_empty() => {
            "disputed: the members confirmed different keys, and too few the same".into()
        }
        CommitteeStage::Disputed { outside } => {
            format!("disputed: members {} confirmed another key than the rest", list(outside))
        }
    }
}

fn list(members: &BTreeSet<MemberIndex>) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Reaches the node, which may start at the same time as who works on it.
pub(super) fn connect_patiently(home: &Home, output: &Output) -> Result<Connection, Error> {
    let started = Instant::now();
    let mut said = false;
    loop {
        match home.connect() {
            Err(Error::Unreachable { url, .. }) if started.elapsed() < NODE_TIME_MAX => {
                if !said {
                    output.say(format!("waiting for the node at {url}"));
                    said = true;
                }
                thread::sleep(POLL_TIME);
            }
            connected => return connected,
        }
    }
}

/// Ends this process once nobody holds the other end of standard input. A member may end at any instant: each of its
/// files is written at once.
pub(super) fn end_with_standard_input() {
    // A failure to read is the end of it too.
    drop(std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()));
    std::process::exit(0);
}

fn do_duties(committee: &LocalCommittee, stopping: &AtomicBool) {
    let mut pause = POLL_TIME;
    let mut last_failure = String::new();
    while !stopping.load(Ordering::Acquire) {
        match committee.step(&mut rand::rng()) {
            Ok(duties) => {
                if !duties.is_empty() {
                    tracing::info!(?duties, "duties done");
                }
                pause = POLL_TIME;
                last_failure.clear();
            }
            Err(error) => {
                // Once may be chance: another member was faster by a block. What stays is told, but not each time.
                let failure = error.to_string();
                if pause == POLL_TIME * 2 || (pause > POLL_TIME && failure != last_failure) {
                    tracing::warn!(%error, "a duty fails and is tried again");
                }
                last_failure = failure;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        thread::sleep(pause);
    }
}

/// Committee members at these addresses, in the genesis' order.
///
/// # Errors
/// [`Error::Input`] for an address that is none.
pub(super) fn remote_committee(urls: &[String]) -> Result<RemoteCommittee, Error> {
    let members = (0u8..).zip(urls).map(|(index, url)| Ok((MemberIndex::new(index), Remote::new(url)?)));
    Ok(RemoteCommittee::new(members.collect::<Result<_, Error>>()?))
}
