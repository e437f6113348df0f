//! Governance: who may certify records, who may ask, and when the committee makes a new key.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::Context,
    fees::FeeSchedule,
    genesis::NAME_BYTES_MAX,
    state::{CommitteeStage, Draft, Party, Settlement, Standing, StateRead},
    transaction::committee,
    units::Amount,
};

/// What the governor of the genesis can decide.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Governance {
    /// Lets a laboratory or hospital certify records.
    AccreditIssuer {
        /// Its key.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// Stops an issuer from certifying further records.
    SuspendIssuer(AccountId),
    /// Lets a researcher register studies and open queries.
    AccreditResearcher {
        /// Its key.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// Stops a researcher from opening further queries.
    SuspendResearcher(AccountId),
    /// Retires the active committee key and starts the generation of the next. Queries in flight finish under theirs.
    RekeyCommittee,
    /// Sets the fees of queries that open from now on.
    SetFees(FeeSchedule),
    /// Lets an institution move money to and from the ledger, or gives it another name or cap.
    AccreditSettlement {
        /// Its key.
        account: AccountId,
        /// Its name.
        name: String,
        /// What it may have deposited and not yet settled, at most.
        cap: Amount,
    },
    /// Stops an institution; the governor may then reject the withdrawals that wait for it.
    SuspendSettlement(AccountId),
}

impl Governance {
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::AccreditIssuer { name, .. }
            | Self::AccreditResearcher { name, .. }
            | Self::AccreditSettlement { name, .. } => check_length("name in bytes", name.len(), NAME_BYTES_MAX),
            Self::SetFees(fees) => fees.check(),
            Self::SuspendIssuer(_) | Self::SuspendResearcher(_) | Self::RekeyCommittee | Self::SuspendSettlement(_) => {
                Ok(())
            }
        }
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        if sender != context.genesis.governor {
            return Err(Error::Unauthorized {
                account: sender,
                action: "accredit, suspend, set fees or start a committee key",
                remedy: "the governor of the genesis signs this",
            });
        }
        match self {
            Self::AccreditIssuer { account, name } => accredit_issuer(*account, name, draft),
            Self::SuspendIssuer(account) => suspend_issuer(*account, draft),
            Self::AccreditResearcher { account, name } => {
                draft.put_researcher(*account, &Party { name: name.clone(), standing: Standing::Accredited })?;
                Ok(vec![Event::ResearcherAccredited { account: *account, name: name.clone() }])
            }
            Self::SuspendResearcher(account) => suspend_researcher(*account, draft),
            Self::RekeyCommittee => rekey(draft, context),
            Self::SetFees(fees) => {
                draft.put_fee_schedule(fees)?;
                Ok(vec![Event::FeesSet { fees: *fees }])
            }
            Self::AccreditSettlement { account, name, cap } => accredit_settlement(*account, name, *cap, draft),
            Self::SuspendSettlement(account) => suspend_settlement(*account, draft),
        }
    }
}

fn issuers_now(draft: &Draft<'_>) -> Result<u32, Error> {
    Ok(draft.issuer_count()?.unwrap_or_default())
}

fn accredit_issuer(account: AccountId, name: &str, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let before = draft.issuer(account)?;
    if before.is_none_or(|party| party.standing == Standing::Suspended) {
        let count = issuers_now(draft)?.checked_add(1).ok_or(Error::Overflow { what: "issuer count" })?;
        draft.put_issuer_count(&count)?;
    }
    draft.put_issuer(account, &Party { name: name.into(), standing: Standing::Accredited })?;
    Ok(vec![Event::IssuerAccredited { account, name: name.into() }])
}

fn suspend_issuer(account: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let unknown = || Error::Unknown { what: "accredited issuer", id: account.to_string() };
    let mut party = draft.issuer(account)?.ok_or_else(unknown)?;
    if party.standing == Standing::Suspended {
        return Err(unknown());
    }
    party.standing = Standing::Suspended;
    let count = issuers_now(draft)?.saturating_sub(1);
    draft.put_issuer_count(&count)?;
    draft.put_issuer(account, &party)?;
    Ok(vec![Event::IssuerSuspended { account }])
}

fn suspend_researcher(account: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let unknown = || Error::Unknown { what: "accredited researcher", id: account.to_string() };
    let mut party = draft.researcher(account)?.ok_or_else(unknown)?;
    if party.standing == Standing::Suspended {
        return Err(unknown());
    }
    party.standing = Standing::Suspended;
    draft.put_researcher(account, &party)?;
    Ok(vec![Event::ResearcherSuspended { account }])
}

fn accredit_settlement(
    account: AccountId,
    name: &str,
    cap: Amount,
    draft: &mut Draft<'_>,
) -> Result<Vec<Event>, Error> {
    let party = Party { name: name.into(), standing: Standing::Accredited };
    let (deposited, settled, pending) = match draft.settlement(account)? {
        Some(before) => (before.deposited, before.settled, before.pending),
        None => Default::default(),
    };
    draft.put_settlement(account, &Settlement { party, cap, deposited, settled, pending })?;
    Ok(vec![Event::SettlementAccredited { account, name: name.into(), cap }])
}

fn suspend_settlement(account: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let unknown = || Error::Unknown { what: "accredited settlement institution", id: account.to_string() };
    let mut institution = draft.settlement(account)?.ok_or_else(unknown)?;
    if institution.party.standing == Standing::Suspended {
        return Err(unknown());
    }
    institution.party.standing = Standing::Suspended;
    draft.put_settlement(account, &institution)?;
    Ok(vec![Event::SettlementSuspended { account }])
}

fn rekey(draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
    let epoch = draft.committee_epoch()?.unwrap_or_default();
    let mut committee = draft.committee(epoch)?.unwrap_or_default();
    let CommitteeStage::Active { key } = committee.stage else {
        let why = format!("committee key {epoch} is not active; its generation must finish or be complained of first");
        return Err(Error::Refused { what: "new committee key", why });
    };
    committee.stage = CommitteeStage::Retired { key };
    draft.put_committee(epoch, &committee)?;
    Ok(vec![committee::begin(epoch.next(), committee.seated, draft, context)?])
}
