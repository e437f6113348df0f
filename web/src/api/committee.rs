//! The decryption committee's keys, and who holds them.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use node::{
    genesis::Committee,
    state::{CommitteeState, StateRead, Suspension, committee_of},
    units::CommitteeEpoch,
};
use serde::{Deserialize, Serialize};

use super::{
    Service, blocking,
    reply::{found, parse, reply},
    schemas,
};
use crate::{Error, problem::Problem};

/// A committee key and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CommitteeKey {
    /// The key's number.
    pub epoch: CommitteeEpoch,
    /// Its stage, shares and confirmations.
    pub state: CommitteeState,
    /// The committee whose key it is: its quorum, and its members by index.
    pub committee: Committee,
    /// Its members that are suspended, by account.
    pub suspended: BTreeMap<AccountId, Suspension>,
}

/// The members of a committee that were proven to have lied.
///
/// # Errors
/// [`Error::Ledger`] when the state cannot be read.
pub(crate) fn suspended(
    state: &(impl StateRead + ?Sized),
    committee: &Committee,
) -> Result<BTreeMap<AccountId, Suspension>, Error> {
    let mut suspended = BTreeMap::new();
    for member in &committee.members {
        suspended.extend(state.suspension(member.account)?.map(|suspension| (member.account, suspension)));
    }
    Ok(suspended)
}

/// The latest committee key. JSON or bytes.
#[utoipa::path(tag = "committee", responses((status = 200, description = "the key", content((schemas::CommitteeKey = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/committee")]
pub(super) async fn read_committee(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let key = blocking(move || {
        let latest = service.chain.snapshot()?.committee_epoch()?.unwrap_or_default();
        key(&service, latest)
    })
    .await?;
    reply(&request, &key)
}

/// A committee key by number. JSON or bytes.
#[utoipa::path(
    tag = "committee",
    params(("epoch" = u32, Path, description = "the key's number, from 0")),
    responses(
        (status = 200, description = "the key", content((schemas::CommitteeKey = "application/json"), (schemas::Bytes = "application/octet-stream"))),
        (status = 404, description = "never begun", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/committee/{epoch}")]
pub(super) async fn read_committee_key(
    request: HttpRequest,
    service: Data<Service>,
    epoch: Path<String>,
) -> Result<HttpResponse, Error> {
    let epoch = CommitteeEpoch::new(parse("committee epoch", &epoch)?);
    let key = blocking(move || key(&service, epoch)).await?;
    reply(&request, &key)
}

fn key(service: &Service, epoch: CommitteeEpoch) -> Result<CommitteeKey, Error> {
    let snapshot = service.chain.snapshot()?;
    let state = found("committee key", epoch, snapshot.committee(epoch)?)?;
    let committee = committee_of(&snapshot, epoch)?;
    Ok(CommitteeKey { epoch, state, suspended: suspended(&snapshot, &committee)?, committee })
}
