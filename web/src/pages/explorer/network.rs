//! Who runs the network: validators and the decryption committee; and the epochs of the registration tree.

use std::ops::RangeInclusive;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Query},
};
use askama::Template;
use circuits::quorum::{MemberIndex, Quorum};
use node::{
    consensus::Peer,
    genesis::Member,
    query::RELEASES_PER_KEY_MAX,
    state::{CommitteeStage, CommitteeState, StateRead, Suspension, Tip, committee_of},
    units::{CommitteeEpoch, Epoch},
    validator::{Validator, ValidatorSet},
};
use serde::Deserialize;

use crate::{
    Error,
    api::{EpochPage, ListedEpoch, Service, blocking, found, suspended},
    pages::{
        parts::{self, Listing, asked},
        shell::{Section, Shell, page},
    },
};

/// Epochs and committee keys that one page lists, the newest first.
const LISTED_MAX: u32 = 25;

/// Where a page of numbers begins: before one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Before {
    before: Option<u32>,
}

impl Before {
    /// The numbers of the page, of those up to the latest.
    fn run(&self, latest: u32) -> RangeInclusive<u32> {
        let last = self.before.map_or(latest, |before| before.saturating_sub(1).min(latest));
        last.saturating_sub(LISTED_MAX - 1)..=last
    }

    /// The rows with the ways on, where `more` says whether there is one before the page's first.
    fn listing<T>(&self, address: &str, rows: Vec<T>, first: u32, more: bool) -> Listing<T> {
        let older = (more && first > 0).then(|| format!("{address}?before={first}"));
        Listing { rows, older, newest: self.before.map(|_| address.into()) }
    }
}

#[derive(Template)]
#[template(path = "validators.html")]
struct Validators {
    shell: Shell,
    validators: ValidatorSet,
    peers: Vec<Peer>,
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
    /// Attempts at a key, each with the quorum of its members.
    listing: Listing<(CommitteeEpoch, CommitteeState, Quorum)>,
    releases_max: u32,
}

impl Committee {
    /// How far a key is, in words.
    fn stage(state: &CommitteeState, quorum: &Quorum) -> String {
        let members = quorum.members();
        match &state.stage {
            CommitteeStage::Committing => {
                format!("leaders commit: {} of {} shares", state.shares.len(), quorum.subset_count())
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
pub(super) async fn committee(
    request: HttpRequest,
    service: Data<Service>,
    before: Result<Query<Before>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let before = asked(before)?;
    let shell = Shell::of(&request, Section::Explorer, "Decryption committee");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let latest = snapshot.committee_epoch()?.unwrap_or_default().get();
        let mut keys = vec![];
        let run = before.run(latest);
        for epoch in run.clone().rev().map(CommitteeEpoch::new) {
            let Some(state) = snapshot.committee(epoch)? else { continue };
            keys.push((epoch, state, committee_of(&snapshot, epoch)?.quorum));
        }
        let more = snapshot.committee(CommitteeEpoch::new(run.start().saturating_sub(1)))?.is_some();
        let listing = before.listing("/committee", keys, *run.start(), more);
        let committee = committee_of(&snapshot, CommitteeEpoch::new(latest))?;
        let suspended = suspended(&snapshot, &committee)?;
        let seat = |(index, member): (MemberIndex, &Member)| Seat {
            index,
            account: member.account,
            suspension: suspended.get(&member.account).copied(),
        };
        let seats = (0u8..).map(MemberIndex::new).zip(&committee.members).map(seat).collect();
        let releases_max = RELEASES_PER_KEY_MAX;
        Ok(Committee { shell, quorum: committee.quorum, seats, listing, releases_max })
    });
    page(&shown.await?)
}

#[derive(Template)]
#[template(path = "epochs.html")]
struct Epochs {
    shell: Shell,
    tip: Tip,
    epoch_blocks: u32,
    listing: Listing<ListedEpoch>,
    waiting: u32,
}

/// Epochs, the newest first, each with the root that proofs are made against.
#[get("/epochs")]
pub(super) async fn epochs(
    request: HttpRequest,
    service: Data<Service>,
    before: Result<Query<Before>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let before = asked(before)?;
    let shell = Shell::of(&request, Section::Explorer, "Epochs");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let (tip, genesis) = (snapshot.latest()?, service.chain.ledger().genesis());
        let EpochPage { items, next, waiting, epoch_blocks, .. } =
            EpochPage::of(&snapshot, genesis, tip.epoch, before.before.map(Epoch::new))?;
        let first = next.map_or(0, Epoch::get);
        let listing = before.listing("/epochs", items, first, next.is_some());
        Ok(Epochs { shell, tip, epoch_blocks, listing, waiting })
    });
    page(&shown.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_a_page_at_a_time_down_to_the_first() {
        let of = |before| Before { before };
        assert_eq!(of(None).run(60), 36..=60);
        assert_eq!(of(Some(36)).run(60), 11..=35);
        assert_eq!(of(Some(11)).run(60), 0..=10);
        assert_eq!(of(Some(9_000)).run(3), 0..=3);
        let listing = of(None).listing("/epochs", vec![()], 36, true);
        assert_eq!((listing.older.as_deref(), listing.newest), (Some("/epochs?before=36"), None));
        let last = of(Some(11)).listing("/epochs", vec![()], 0, true);
        assert_eq!((last.older, last.newest.as_deref()), (None, Some("/epochs")));
    }
}
