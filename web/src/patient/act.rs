//! What a person can do from the pages: the same steps as the command line's, and nothing of their own.

use circuits::{
    consent::{ConsentTerms, Day},
    id::{AccountId, DatasetId, LicenceId, QueryId, ScreeningId},
    privacy::Epsilon,
};
use market::{
    agent::{pay_out, withdraw},
    consent::{ConsentFile, Terms},
    issuer::{change_consent, revoke},
    licence::{self, ReaderKey},
    recruitment::{Contact, ScreeningAgent},
    wallet::Wallet,
};
use node::{
    state::ResponseStatus,
    units::{Amount, Height},
};

use super::Reach;
use crate::Error;

/// A change that somebody confirmed.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Set new rules for a record, in place of those before. Their days count from the day on which they were looked at.
    ChangeConsent { record: usize, before: Box<Terms>, terms: ConsentFile, from: Day },
    /// End all use of a record, for ever.
    Withdraw { record: usize },
    /// Take an answer back before its query is sealed.
    TakeBack { query: QueryId },
    /// Send what an answer earned to another account.
    PayOut { query: QueryId, to: AccountId },
    /// Accept an invitation and leave a contact.
    Accept { screening: ScreeningId, contact: Contact },
    /// Decline an invitation.
    Decline { screening: ScreeningId },
    /// Send once more, as it is, the answer to an invitation that the wallet keeps.
    Finish { screening: ScreeningId },
    /// Allow so much privacy loss to all private answers together.
    SetBudget { limit: Epsilon },
    /// Grant a request for a licence to the key that its licensee signed for.
    GrantLicence { licence: LicenceId, licensee: ReaderKey },
    /// Decline a request for a licence.
    DeclineLicence { licence: LicenceId },
    /// End a granted licence.
    RevokeLicence { licence: LicenceId },
    /// Take the offer of a dataset back.
    WithdrawDataset { dataset: DatasetId },
}

/// What was done: the block that has it, unless it concerns the wallet alone, and the money that moved, if any did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) height: Option<Height>,
    pub(crate) paid: Option<Amount>,
}

impl Act {
    /// What it is done to. Two changes of one thing are not under way at once.
    pub(super) fn target(&self) -> String {
        match self {
            Self::ChangeConsent { record, .. } | Self::Withdraw { record } => format!("record {record}"),
            Self::TakeBack { query } | Self::PayOut { query, .. } => format!("answer {query}"),
            Self::Accept { screening, .. } | Self::Decline { screening } | Self::Finish { screening } => {
                format!("invitation {screening}")
            }
            Self::GrantLicence { licence, .. } | Self::DeclineLicence { licence } | Self::RevokeLicence { licence } => {
                format!("licence {licence}")
            }
            Self::WithdrawDataset { dataset } => format!("dataset {dataset}"),
            Self::SetBudget { .. } => "budget".into(),
        }
    }

    /// Does it, and returns once a block has it.
    ///
    /// # Errors
    /// The step's own, with the ledger's refusal where it refuses.
    pub(super) fn perform(&self, reach: &Reach, wallet: &mut Wallet) -> Result<Done, Error> {
        let ledger = &*reach.ledger;
        let agent = ScreeningAgent { ledger, blobs: &*reach.blobs };
        let rng = &mut rand::rng();
        let inclusion = match self {
            Self::ChangeConsent { record, terms, from, .. } => {
                let (terms, data_use) = terms.resolve(*from, ConsentTerms::random_salt(rng))?;
                if let Some(data_use) = data_use {
                    wallet.note_data_use(&terms, data_use)?;
                }
                change_consent(ledger, wallet, *record, terms)?
            }
            Self::Withdraw { record } => revoke(ledger, wallet, *record)?,
            Self::TakeBack { query } => withdraw(ledger, wallet, *query)?,
            Self::PayOut { query, to } => {
                let (amount, inclusion) = pay_out(ledger, wallet, *query, *to, None)?;
                return Ok(Done { height: Some(inclusion.height), paid: Some(amount) });
            }
            Self::Accept { screening, contact } => {
                return Ok(answered(agent.accept(wallet, *screening, contact, rng)?));
            }
            Self::Decline { screening } => return Ok(answered(agent.decline(wallet, *screening)?)),
            Self::Finish { screening } => return Ok(answered(agent.finish(wallet, *screening)?)),
            Self::SetBudget { limit } => {
                wallet.set_budget(*limit)?;
                return Ok(Done { height: None, paid: None });
            }
            Self::GrantLicence { licensee, .. } => return reach.grant(wallet, *licensee),
            Self::DeclineLicence { licence } => licence::decline(ledger, *licence, &wallet.owner_key())?,
            Self::RevokeLicence { licence } => licence::revoke(ledger, *licence, &wallet.owner_key())?,
            Self::WithdrawDataset { dataset } => licence::withdraw(ledger, *dataset, &wallet.owner_key())?,
        };
        Ok(Done { height: Some(inclusion.height), paid: None })
    }
}

const fn answered(status: ResponseStatus) -> Done {
    let height = match status {
        ResponseStatus::Eligible => None,
        ResponseStatus::Invited { height, .. }
        | ResponseStatus::Accepted { height, .. }
        | ResponseStatus::Declined { height, .. } => Some(height),
    };
    Done { height, paid: None }
}
