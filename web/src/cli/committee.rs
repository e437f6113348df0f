//! Committee members.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use circuits::{id::AccountId, quorum::MemberIndex};
use clap::{Args, Subcommand};
use market::{
    committee::{
        access::CommitteeAccess,
        local::LocalCommittee,
        member::{Duty, Member},
    },
    ledger::{LedgerAccess, tip},
    wallet::{PartyKey, Role},
};
use node::{
    genesis::Committee as Seats,
    state::{CommitteeStage, StateRead, Suspension, committee_of},
    units::{CommitteeEpoch, Height},
};

use super::{Home, Output, patience::patiently, session::read_text};
use crate::{
    Error,
    api::suspended,
    client::CommitteeDirectory,
    member::MemberService,
    serve::{StopOn, serve_member},
};

/// How often a member looks whether the ledger grew, and goes on with what is under way.
const POLL_TIME: Duration = Duration::from_millis(200);
/// How long a member goes without looking for duties while the ledger does not grow.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// The longest pause between tries of a duty that fails.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Run a member, or show the committee.
#[derive(Debug, Subcommand)]
pub enum Committee {
    /// Run one member until interrupted: it takes part in key generation, keeps ciphertexts, signs sums it added up
    /// itself, and computes components of releases that the ledger allows.
    ///
    /// It serves every key whose committee lists it. A new member starts it once the validators seated the committee; a former
    /// one keeps it running until it says that no key is left.
    Serve(ServeMember),
    /// Show how far the committee's key is, and who sits in that committee, in the members' order, with who is suspended.
    Show {
        /// The key's number, as `query show` names it; the latest without it.
        #[arg(long, value_name = "NUMBER")]
        key: Option<u32>,
    },
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
                member.run(key, home, output)
            }
            Self::Show { key } => {
                let connection = home.connect()?;
                let ledger = &*connection.ledger;
                let epoch = key.map_or_else(|| latest_key(ledger), |key| Ok(CommitteeEpoch::new(key)))?;
                let seats = committee_of(ledger, epoch)?;
                let state = ledger.committee(epoch)?.unwrap_or_default();
                let suspended = suspended(ledger, &seats)?;
                let height = tip(ledger)?.height;
                let value = serde_json::json!({
                    "epoch": epoch, "committee": state, "seats": seats, "suspended": suspended, "height": height
                });
                output.result(&value, |_| {
                    let (stage, places) = (describe(&state.stage), places(&seats, &suspended));
                    format!("committee key {epoch}: {stage}\n{} of these members:\n{places}", seats.quorum)
                })
            }
        }
    }
}

impl ServeMember {
    /// The member, and the latest key with its place in that key's committee, if it has one.
    fn begin(
        &self,
        key: &PartyKey,
        ledger: &dyn LedgerAccess,
    ) -> Result<(Member, (CommitteeEpoch, Option<MemberIndex>)), Error> {
        let member = Member::open(&self.store, key.clone(), ledger)?;
        let epoch = latest_key(ledger)?;
        let seat = committee_of(ledger, epoch)?.index_of(member.account());
        Ok((member, (epoch, seat)))
    }

    /// Serves receipts and signatures, and does the member's duties, until a signal ends it.
    fn run(&self, key: PartyKey, home: &Home, output: &Output) -> Result<(), Error> {
        let account = key.account();
        // The node may start at the same time, or go away and start again.
        let (connection, member, (epoch, seat)) = patiently(|| {
            let connection = home.connect()?;
            let begun = self.begin(&key, &*connection.ledger).or_else(|_| {
                home.connect()?;
                self.begin(&key, &*connection.ledger)
            });
            begun.map(|(member, seat)| (connection, member, seat))
        })?;
        match seat {
            Some(index) => output.say(format!("member {index} of the committee of key {epoch}")),
            None => output.say(format!("others sit in the committee of key {epoch}; this finishes earlier queries")),
        }
        let (ledger, blobs) = (Arc::clone(&connection.ledger), Arc::clone(&connection.blobs));
        let committee = Arc::new(LocalCommittee::new(vec![member], Arc::clone(&ledger), blobs));
        let service = MemberService { member: account, committee: Arc::clone(&committee) as Arc<dyn CommitteeAccess> };
        let running = serve_member(service, &self.listen.to_string(), StopOn::Signals)?;
        output.result(&serde_json::json!({ "member": account, "url": running.url() }), |_| {
            format!("committee member {account} at {}", running.url())
        })?;
        if self.attached {
            thread::spawn(end_with_standard_input);
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let duties = {
            let (stopping, output) = (Arc::clone(&stopping), output.clone());
            thread::spawn(move || do_duties(&committee, &*ledger, &stopping, &output))
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
        CommitteeStage::Replaced => "given up: the validators seated another committee".into(),
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

/// Ends this process once nobody holds the other end of standard input. A member may end at any instant: each of its
/// files is written at once.
pub(super) fn end_with_standard_input() {
    // A failure to read is the end of it too.
    drop(std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()));
    std::process::exit(0);
}

fn do_duties(committee: &LocalCommittee, ledger: &dyn LedgerAccess, stopping: &AtomicBool, output: &Output) {
    let mut pause = POLL_TIME;
    let mut last_failure = String::new();
    let mut idle: Option<Idle> = None;
    while !stopping.load(Ordering::Acquire) {
        if idle.as_ref().is_some_and(|idle| idle.lasts(ledger)) {
            thread::sleep(POLL_TIME);
            continue;
        }
        let height = tip(ledger).map(|tip| tip.height);
        match committee.step(&mut rand::rng()) {
            Ok(duties) => {
                if !duties.is_empty() {
                    tracing::info!(?duties, "duties done");
                }
                if duties.iter().any(|(_, duty)| *duty == Duty::Left) {
                    output.say("others sit in the committee and no key is left here; this may stop");
                }
                idle = if duties.is_empty() { Idle::since(height, ledger) } else { None };
                pause = POLL_TIME;
                last_failure.clear();
            }
            Err(error) => {
                idle = None;
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

/// That the ledger called for nothing at a height.
struct Idle {
    height: Height,
    since: Instant,
}

impl Idle {
    /// Nothing was to do at a height; none while a key is in the making, whose messages come without a block.
    fn since(height: Result<Height, market::Error>, ledger: &dyn LedgerAccess) -> Option<Self> {
        let state = latest_key(ledger).and_then(|key| Ok(ledger.committee(key)?)).ok()?.unwrap_or_default();
        let making = matches!(state.stage, CommitteeStage::Committing | CommitteeStage::Confirming);
        if making { None } else { Some(Self { height: height.ok()?, since: Instant::now() }) }
    }

    /// Whether nothing is to do still: the ledger did not grow, and the member looked a moment ago.
    fn lasts(&self, ledger: &dyn LedgerAccess) -> bool {
        self.since.elapsed() < IDLE_TIME && tip(ledger).is_ok_and(|tip| tip.height == self.height)
    }
}

/// The number of the latest committee key: the active one, or the one in the making.
pub(super) fn latest_key(ledger: &dyn LedgerAccess) -> Result<CommitteeEpoch, Error> {
    Ok(ledger.committee_epoch()?.unwrap_or_default())
}

fn places(seats: &Seats, suspended: &BTreeMap<AccountId, Suspension>) -> String {
    let place = |(index, member): (u8, &node::genesis::Member)| {
        let suspension = suspended.get(&member.account);
        let suspension = suspension.map_or_else(String::new, |one| format!("  suspended in block {}", one.height));
        format!("{index}  {}{suspension}", member.account)
    };
    (0..).zip(&seats.members).map(place).collect::<Vec<_>>().join("\n")
}

/// Where committee members are.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Members {
    /// Addresses of committee members' endpoints, in any order. Each says whose it is; those of members to come may be
    /// among them. `ACCOUNT=URL` takes your word for whose it is, and nobody else's.
    #[arg(long, value_delimiter = ',', value_name = "URL", conflicts_with = "members_file")]
    members: Vec<String>,
    /// File of such addresses, one on each line. It is read again when a member is not found, so after a handover write the
    /// new members' into it; what runs goes on.
    #[arg(long, value_name = "FILE")]
    members_file: Option<PathBuf>,
}

impl Members {
    /// Whether none were given.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.members_file.is_none()
    }

    /// The members, found at their addresses as these are given by the time somebody is asked.
    ///
    /// # Errors
    /// [`Error::Input`] without any; else as [`CommitteeDirectory::new`].
    pub(super) fn directory(&self) -> Result<CommitteeDirectory, Error> {
        if self.is_empty() {
            let why = "give the addresses of the committee's members with --members or --members-file".into();
            return Err(Error::Input { what: "members", why });
        }
        let (members, file) = (self.members.clone(), self.members_file.clone());
        CommitteeDirectory::new(Box::new(move || {
            let Some(file) = &file else { return Ok(members.clone()) };
            let text = read_text("members file", file)?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            Ok(lines.map(str::to_owned).collect())
        }))
    }
}
