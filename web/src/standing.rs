//! What an account is on this network.

use circuits::{id::AccountId, quorum::MemberIndex};
use node::state::{Party, Standing, StateRead, committee_of};

use crate::{Error, api::Service, consortium::votes};

/// What the account is that this node's datasets are kept by. The ledger does not know which node somebody runs.
pub(crate) const CUSTODIAN: &str = "custodian of the datasets at this node";

/// Where an account sits in the committee of the latest key; none for whoever left with a handover.
///
/// # Errors
/// [`Error::Ledger`] when the state cannot be read.
pub(crate) fn seat(state: &(impl StateRead + ?Sized), id: AccountId) -> Result<Option<MemberIndex>, Error> {
    Ok(committee_of(state, state.committee_epoch()?.unwrap_or_default())?.index_of(id))
}

/// What an account is by the ledger, in words.
///
/// # Errors
/// [`Error::Ledger`] when the state cannot be read.
pub(crate) fn standing(
    state: &(impl StateRead + ?Sized),
    governor: AccountId,
    id: AccountId,
) -> Result<Vec<String>, Error> {
    let standing = |party: Party, what: &str| match party.standing {
        Standing::Accredited => format!("{}, accredited {what}", party.name),
        Standing::Suspended => format!("{}, suspended {what}", party.name),
    };
    let issuer = state.issuer(id)?.map(|party| standing(party, "issuer"));
    let researcher = state.researcher(id)?.map(|party| standing(party, "researcher"));
    let validator = state.validators()?.and_then(|validators| validators.get(id).map(|validator| validator.power));
    let validator = validator.map(|power| match power {
        0 => "observer of the consortium, without a vote".into(),
        power => format!("validator with {}", votes(power)),
    });
    let member = seat(state, id)?.map(|member| format!("member {member} of the decryption committee"));
    let governor = (governor == id).then(|| "governor of the network".into());
    Ok([issuer, researcher, validator, member, governor].into_iter().flatten().collect())
}

/// What an account is by the ledger and at this node, in words.
///
/// # Errors
/// [`Error::Ledger`] when the database fails.
pub(crate) fn standing_here(service: &Service, id: AccountId) -> Result<Vec<String>, Error> {
    let mut roles = standing(&service.chain.snapshot()?, service.chain.ledger().genesis().governor, id)?;
    let custodian = service.custody.as_ref().filter(|custody| custody.account() == id);
    roles.extend(custodian.map(|_| CUSTODIAN.into()));
    Ok(roles)
}
