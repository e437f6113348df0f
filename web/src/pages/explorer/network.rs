//! Who runs the network: validators and the decryption committee; and the epochs of the registration tree.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use askama::Template;
use circuits::quorum::{MemberIndex, Quorum};
use node::{
    query::RELEASES_PER_KEY_MAX,
    state::{CommitteeStage, CommitteeState, EpochSnapshot, StateRead, Suspension, Tip, committee_of},
    units::{CommitteeEpoch, Epoch},
    validator::{Validator, ValidatorSet},
};

use crate::{
    Error,
    api::{Service, blocking, found},
    pages::{
        parts,
        shell::{Section, Shell, page},
    },
};

/// Epochs and committee keys that their pages list, the newest first.
const LISTED_MAX: u32 = 25;

#[derive(Template)]
#[template(path = "validators.html")]
struct Validators {
    shell: Shell,
    validators: ValidatorSet,
    peers: Vec<node::consensus::Peer>,
}

impl Validators {
    fn share(&self, validator: &Validator) -> String {
        let total = self.validators.total_power();
        format!("{:.1} %", 100.0 * f64::from(validator.power) / (total as f64).max(1.0))
    }
}

/// The validators of the next block, and the nodes that this one is connected to.
#[get("/validators")]
pub(super) async fn validators(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Validators and peers");
    let peers = match &service.engine {
        Some(engine) => engine.peers().await?,
        None => vec![],
    };
    let validators = blocking(move || found("validators", "now", service.chain.snapshot()?.validators()?)).await?;
    page(&Validators { shell, validators, peers })
}

/// A member of the committee.
struct Seat {
    index: MemberIndex,
    account: circuits::id::AccountId,
    suspension: Option<Suspension>,
}

#[derive(Template)]
#[template(path = "committee.html")]
struct Committee {
    shell: Shell,
    quorum: Quorum,
    seats: Vec<Seat>,
    keys: Vec<(CommitteeEpoch, CommitteeState)>,
    releases_max: u32,
}

impl Committee {
    /// How far a key is, in words.
    fn stage(&self, state: &CommitteeState) -> String {
        let members = self.quorum.members();
        match &state.stage {
            CommitteeStage::Committing => {
                format!("leaders commit: {} of {} shares", state.shares.len(), self.quorum.subset_count())
            }
            CommitteeStage::Confirming => format!("members confirm: {} of {members}", state.confirmations.len()),
            CommitteeStage::Active { .. } => "active: queries may open under it".into(),
            CommitteeStage::Abandoned { by, accused } => {
                format!("abandoned: member {by} complained of member {accused}")
            }
            CommitteeStage::Expired { .. } => "expired: a step was not done in time".into(),
            CommitteeStage::Retired { .. } => "retired: queries opened under it finish".into(),
            CommitteeStage::Replaced => "replaced: other members make the keys that follow".into(),
            CommitteeStage::Disputed { .. } => "disputed: members confirmed different keys".into(),
        }
    }
}

/// The decryption committee: its members and its keys.
#[get("/committee")]
pub(super) async fn committee(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Decryption committee");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let latest = snapshot.committee_epoch()?.unwrap_or_default().get();
        let mut keys = vec![];
        for epoch in (latest.saturating_sub(LISTED_MAX - 1)..=latest).rev().map(CommitteeEpoch::new) {
            keys.extend(snapshot.committee(epoch)?.map(|state| (epoch, state)));
        }
        let mut seats = vec![];
        let committee = committee_of(&snapshot, CommitteeEpoch::new(latest))?;
        for (index, member) in (0u8..).map(MemberIndex::new).zip(&committee.members) {
            seats.push(Seat { index, account: member.account, suspension: snapshot.suspension(member.account)? });
        }
        let releases_max = RELEASES_PER_KEY_MAX;
        Ok(Committee { shell, quorum: committee.quorum, seats, keys, releases_max })
    });
    page(&shown.await?)
}

#[derive(Template)]
#[template(path = "epochs.html")]
struct Epochs {
    shell: Shell,
    tip: Tip,
    epoch_blocks: u32,
    epochs: Vec<(Epoch, EpochSnapshot)>,
    waiting: u32,
}

/// The latest epochs, each with the root that proofs are made against.
#[get("/epochs")]
pub(super) async fn epochs(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Epochs");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let tip = snapshot.latest()?;
        let mut epochs = vec![];
        for epoch in (tip.epoch.get().saturating_sub(LISTED_MAX - 1)..=tip.epoch.get()).rev().map(Epoch::new) {
            epochs.extend(snapshot.epoch_snapshot(epoch)?.map(|snapshot| (epoch, snapshot)));
        }
        let epoch_blocks = service.chain.ledger().genesis().parameters.epoch_blocks;
        let waiting = snapshot.leaf_change_count()?.unwrap_or_default();
        Ok(Epochs { shell, tip, epoch_blocks, epochs, waiting })
    });
    page(&shown.await?)
}
