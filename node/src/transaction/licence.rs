//! Licences of raw data: a researcher asks and locks the price; the owner grants and is paid, or declines; what nobody
//! answers goes back. A granted licence ends with its term, or before when the owner revokes it.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Day,
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, DatasetId, Digest, LicenceId},
};
use serde::{Deserialize, Serialize};

use super::dataset::{require_dataset, require_offered};
use crate::{
    Error,
    calendar::date,
    codec::encode,
    event::Event,
    execute::{Context, credit, debit, require_researcher},
    query::{DEADLINE_BLOCKS_MAX, DataUse},
    state::{Draft, LicenceState, LicenceStatus, StateRead},
    units::Amount,
};

/// The longest term, in days: a hundred years.
pub const TERM_DAYS_MAX: u32 = 36_500;

/// A licence as its licensee asks for it. The owner grants it as it is, or not.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RequestLicence {
    /// The dataset.
    pub dataset: DatasetId,
    /// What the data will be used for.
    pub data_use: DataUse,
    /// Days from the grant on, the day of the grant included.
    pub term_days: u32,
    /// What is locked now and paid at the grant.
    pub price: Amount,
    /// The licensee publishes nothing before this day; not before the dataset's.
    pub embargo: Day,
    /// Blocks within which the owner may grant; then the price may be taken back.
    pub answer_blocks_max: u32,
}

impl RequestLicence {
    /// The licence's id.
    ///
    /// # Errors
    /// Never in practice: every field has a fixed length.
    pub fn id(&self, chain: &ChainId, licensee: &AccountId, nonce: u64) -> Result<LicenceId, Error> {
        let bytes = encode("licence", self)?;
        let digest = hash(ByteTag::Licence, &[chain.as_bytes(), licensee.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(LicenceId::from_bytes(digest.to_bytes()))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "licence", why: why.into() });
        self.data_use.check("licence")?;
        if self.term_days == 0 || self.term_days > TERM_DAYS_MAX {
            return refuse("its term must be 1 to 36500 days");
        }
        if self.answer_blocks_max == 0 || self.answer_blocks_max > DEADLINE_BLOCKS_MAX {
            return refuse("give the owner 1 to 16777216 blocks to answer");
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        nonce: u64,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        require_researcher(draft, sender, "license a dataset")?;
        let dataset = require_dataset(self.dataset, draft)?;
        require_offered(self.dataset, &dataset)?;
        let offer = &dataset.offer;
        offer.allowed.check(&self.data_use)?;
        let refuse = |why: String| Err(Error::Refused { what: "licence", why });
        if self.price < offer.price_min {
            return refuse(format!("its price is {}; the owner asks at least {}", self.price, offer.price_min));
        }
        if self.term_days > offer.term_days_max {
            return refuse(format!("its term is {} days; the owner allows {}", self.term_days, offer.term_days_max));
        }
        if self.embargo < offer.embargo {
            return refuse(format!("the owner embargoes publication until {}", date(offer.embargo)));
        }
        debit(draft, sender, self.price)?;
        let id = self.id(&context.chain, &sender, nonce)?;
        let state = LicenceState {
            request: self.clone(),
            licensee: sender,
            nonce,
            deadline: context.height.after(self.answer_blocks_max),
            status: LicenceStatus::Requested,
            escrow: self.price,
            accesses: 0,
        };
        draft.put_licence(id, &state)?;
        let (dataset, price) = (self.dataset, self.price);
        Ok(vec![Event::LicenceRequested { licence: id, dataset, licensee: sender, price }])
    }
}

/// The owner's grant: from now on the licensee's header is among those that open the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct GrantLicence {
    /// The licence.
    pub licence: LicenceId,
    /// SHA-256 of the header made for the licensee's key.
    pub header: Digest,
}

impl GrantLicence {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_requested(self.licence, draft)?;
        require_owner(&state, sender, "grant this licence", draft)?;
        require_offered(state.request.dataset, &require_dataset(state.request.dataset, draft)?)?;
        require_researcher(draft, state.licensee, "be granted a licence")?;
        if context.height > state.deadline {
            return Err(refused(self.licence, format!("it was to be answered until block {}", state.deadline)));
        }
        let from = context.time.day();
        let until = Day(from.0.saturating_add(state.request.term_days.saturating_sub(1)));
        let paid = std::mem::take(&mut state.escrow);
        credit(draft, sender, paid)?;
        state.status = LicenceStatus::Granted { height: context.height, header: self.header, from, until };
        draft.put_licence(self.licence, &state)?;
        Ok(vec![Event::LicenceGranted { licence: self.licence, header: self.header, until, paid }])
    }
}

/// The owner declines: the price goes back.
pub(super) fn decline(
    id: LicenceId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_requested(id, draft)?;
    require_owner(&state, sender, "decline this licence", draft)?;
    state.status = LicenceStatus::Declined { height: context.height };
    let returned = give_back(id, state, draft)?;
    Ok(vec![Event::LicenceDeclined { licence: id, returned }])
}

/// The licensee takes the price of a request back that nobody answered in time.
pub(super) fn reclaim(
    id: LicenceId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_requested(id, draft)?;
    if state.licensee != sender {
        let remedy = "the licensee who asked for it does";
        return Err(Error::Unauthorized { account: sender, action: "reclaim this licence's price", remedy });
    }
    if context.height <= state.deadline {
        let why = format!("the owner has until block {} to answer; this is block {}", state.deadline, context.height);
        return Err(refused(id, why));
    }
    state.status = LicenceStatus::Unanswered { height: context.height };
    let returned = give_back(id, state, draft)?;
    Ok(vec![Event::LicenceReclaimed { licence: id, returned }])
}

/// The owner revokes: no further access is receipted, and so none given. Copies made before are not recalled, and the price
/// is not returned.
pub(super) fn revoke(
    id: LicenceId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_licence(id, draft)?;
    require_owner(&state, sender, "revoke this licence", draft)?;
    let LicenceStatus::Granted { header, .. } = state.status else {
        return Err(refused(id, format!("it is {}; a granted one is revoked", state.status)));
    };
    state.status = LicenceStatus::Revoked { height: context.height, header };
    draft.put_licence(id, &state)?;
    Ok(vec![Event::LicenceRevoked { licence: id }])
}

fn give_back(id: LicenceId, mut state: LicenceState, draft: &mut Draft<'_>) -> Result<Amount, Error> {
    let amount = std::mem::take(&mut state.escrow);
    credit(draft, state.licensee, amount)?;
    draft.put_licence(id, &state)?;
    Ok(amount)
}

pub(super) fn refused(id: LicenceId, why: impl Into<String>) -> Error {
    Error::Refused { what: "licence", why: format!("{id}: {}", why.into()) }
}

/// The licence, which must exist.
pub(super) fn require_licence(id: LicenceId, draft: &Draft<'_>) -> Result<LicenceState, Error> {
    draft.licence(id)?.ok_or_else(|| Error::Unknown { what: "licence", id: id.to_string() })
}

fn require_requested(id: LicenceId, draft: &Draft<'_>) -> Result<LicenceState, Error> {
    let state = require_licence(id, draft)?;
    match state.status {
        LicenceStatus::Requested => Ok(state),
        status => Err(refused(id, format!("it was answered already: it is {status}"))),
    }
}

fn require_owner(
    state: &LicenceState,
    sender: AccountId,
    action: &'static str,
    draft: &Draft<'_>,
) -> Result<(), Error> {
    if require_dataset(state.request.dataset, draft)?.owner == sender {
        return Ok(());
    }
    let remedy = "the owner of the dataset does";
    Err(Error::Unauthorized { account: sender, action, remedy })
}
