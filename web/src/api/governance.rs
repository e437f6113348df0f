//! What governs the network: who decides, what they vote on, the fees in force, and what its genesis fixed.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use borsh::BorshSerialize;
use circuits::{
    id::{AccountId, Digest},
    quorum::Quorum,
};
use node::{
    fees::FeeSchedule,
    genesis::{Genesis, Network, Parameters},
    state::{Approvals, Protocol, StateRead},
    transaction::open_votes,
    units::Amount,
    validator::{Validator, ValidatorSet},
};
use serde::Serialize;

use super::{
    Service, blocking,
    reply::{found, reply},
    schemas,
};
use crate::Error;

/// A change of the consortium that validators vote on.
#[derive(Debug, Clone, BorshSerialize, Serialize)]
pub(crate) struct Vote {
    /// What to name it by.
    pub(crate) digest: Digest,
    /// The change, since when, and who approves it.
    #[serde(flatten)]
    pub(crate) approvals: Approvals,
    /// Validators with a vote that do not approve it.
    pub(crate) waiting: Vec<AccountId>,
    /// Votes of those that approve.
    pub(crate) power: u64,
    /// Votes of all; more than two thirds decide.
    pub(crate) total: u64,
}

impl Vote {
    fn of(approvals: Approvals, validators: &ValidatorSet) -> Result<Self, Error> {
        let waits = |one: &&Validator| one.power > 0 && !approvals.validators.contains(&one.account);
        Ok(Self {
            digest: approvals.change.digest()?,
            waiting: validators.iter().filter(waits).map(|one| one.account).collect(),
            power: approvals.validators.iter().map(|account| validators.power(*account)).sum(),
            total: validators.total_power(),
            approvals,
        })
    }

    /// The votes that are open at the latest block.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the state cannot be read.
    pub(crate) fn open(state: &(impl StateRead + ?Sized)) -> Result<Vec<Self>, Error> {
        let validators = found("validators", "now", state.validators()?)?;
        open_votes(state)?.into_iter().map(|approvals| Self::of(approvals, &validators)).collect()
    }
}

/// Who decides what, what is decided now, and what is in force.
#[derive(Debug, Clone, BorshSerialize, Serialize)]
pub(crate) struct Governance {
    /// How much the network's data and money count.
    pub(crate) network: Network,
    /// The account that accredits, suspends and sets fees.
    pub(crate) governor: AccountId,
    /// The validators of the next block, observers included.
    pub(crate) validators: ValidatorSet,
    /// Which rules blocks are executed by.
    pub(crate) protocol: Option<Protocol>,
    /// Changes that wait for approvals.
    pub(crate) votes: Vec<Vote>,
    /// For queries that open now.
    pub(crate) fees: FeeSchedule,
    /// All the money there is, in minor units.
    pub(crate) supply: Option<Amount>,
    /// What the genesis fixed for good, but for its fees, which were the first ones.
    pub(crate) parameters: Parameters,
    /// The quorum of the first committee.
    pub(crate) first_quorum: Quorum,
}

impl Governance {
    /// What a state and its genesis say.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the state cannot be read.
    pub(crate) fn of(state: &(impl StateRead + ?Sized), genesis: &Genesis) -> Result<Self, Error> {
        Ok(Self {
            network: genesis.network,
            governor: genesis.governor,
            validators: found("validators", "now", state.validators()?)?,
            protocol: state.protocol()?,
            votes: Vote::open(state)?,
            fees: state.fee_schedule()?.unwrap_or(genesis.parameters.fees),
            supply: state.supply()?,
            parameters: genesis.parameters.clone(),
            first_quorum: genesis.committee.quorum,
        })
    }
}

/// Who decides, the open votes, the version of the protocol, fees in force, all the money there is, and the parameters. JSON
/// or bytes.
#[utoipa::path(tag = "chain", responses((status = 200, description = "what is in force at the latest block", content((schemas::Governance = "application/json"), (schemas::Bytes = "application/octet-stream")))))]
#[get("/v1/governance")]
pub(super) async fn read_governance(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let now = blocking(move || Governance::of(&service.chain.snapshot()?, service.chain.ledger().genesis())).await?;
    reply(&request, &now)
}
