//! What an account is on this network.

use circuits::id::AccountId;
use node::state::{Party, Standing, StateRead, committee_of};

use crate::{Error, api::Service};

/// What an account is on this network, in words.
///
/// # Errors
/// [`Error::Ledger`] when the database fails.
pub(crate) fn standing(service: &Service, id: AccountId) -> Result<Vec<String>, Error> {
    let (snapshot, genesis) = (service.chain.snapshot()?, service.chain.ledger().genesis());
    let standing = |party: Party, what: &str| match party.standing {
        Standing::Accredited => format!("{}, accredited {what}", party.name),
        Standing::Suspended => format!("{}, suspended {what}", party.name),
    };
    let issuer = snapshot.issuer(id)?.map(|party| standing(party, "issuer"));
    let researcher = snapshot.researcher(id)?.map(|party| standing(party, "researcher"));
    let validator = snapshot.validators()?.and_then(|validators| validators.get(id).map(|validator| validator.power));
    let validator = validator.map(|power| match power {
        0 => "observer of the consortium, without a vote".into(),
        1 => "validator with 1 vote".into(),
        power => format!("validator with {power} votes"),
    });
    let committee = committee_of(&snapshot, snapshot.committee_epoch()?.unwrap_or_default())?;
    let member = committee.index_of(id).map(|member| format!("member {member} of the decryption committee"));
    let governor = (genesis.governor == id).then(|| "governor of the network".into());
    let custodian = service.custody.as_ref().filter(|custody| custody.account() == id);
    let custodian = custodian.map(|_| "custodian of the datasets at this node".into());
    Ok([issuer, researcher, validator, member, governor, custodian].into_iter().flatten().collect())
}
