//! Why a change was not done, or may not have been: the kind of trouble that somebody can do something about, and what the program says.

use super::Act;
use crate::Error;

/// What went wrong, as far as it matters to whose change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The network does not answer.
    Away,
    /// Another program has the wallet open.
    Busy,
    /// The wallet's file cannot be read or written.
    Wallet,
    /// It has ended, or was answered before.
    Late,
    /// What it is about is not there.
    Gone,
    /// The network or the wallet does not allow it.
    Refused,
    /// Somewhere there is no room for it.
    Full,
    /// It was sent, and no block has it.
    Waits,
    /// An answer to an invitation was refused before anything of it was sent on.
    Unsent,
    /// The agent was started without what it takes.
    Lacks,
    /// Anything else.
    Other,
}

impl Cause {
    fn of(error: &Error) -> Self {
        match error {
            Error::Market(error) => Self::of_market(error),
            Error::Ledger(error) => Self::of_ledger(error),
            Error::Remote { problem, .. } => Self::of_status(problem.status),
            Error::Unreachable { .. } | Error::Reply { .. } | Error::Slow { .. } | Error::Stopping => Self::Away,
            Error::NotFound { .. } => Self::Gone,
            Error::TooLarge { .. } | Error::Quota { .. } | Error::Full { .. } => Self::Full,
            // Of all inputs, a change alone takes the keys and the node that the agent was started with.
            Error::Input { .. } => Self::Lacks,
            _ => Self::Other,
        }
    }

    fn of_market(error: &market::Error) -> Self {
        match error {
            market::Error::Ledger(error) => Self::of_ledger(error),
            market::Error::Unsettled { .. } => Self::Waits,
            market::Error::AnswerRefused { .. } => Self::Unsent,
            market::Error::FileInUse { .. } => Self::Busy,
            market::Error::File { .. }
            | market::Error::FileExists { .. }
            | market::Error::FileKind { .. }
            | market::Error::FileDamaged { .. }
            | market::Error::WrongPassphrase { .. }
            | market::Error::DemoFile { .. } => Self::Wallet,
            market::Error::Screening { .. } => Self::Late,
            market::Error::Query { .. } | market::Error::BlobMissing { .. } => Self::Gone,
            market::Error::Licence { .. } | market::Error::Refused { .. } => Self::Refused,
            market::Error::BlobStore { .. } | market::Error::BlobBusy { .. } => Self::Full,
            _ => Self::Other,
        }
    }

    fn of_ledger(error: &node::Error) -> Self {
        match error {
            node::Error::Unreachable { .. } => Self::Away,
            node::Error::Query { .. } => Self::Late,
            node::Error::Unknown { .. } => Self::Gone,
            node::Error::Busy { .. } => Self::Full,
            node::Error::Remote { .. }
            | node::Error::Refused { .. }
            | node::Error::Unauthorized { .. }
            | node::Error::Duplicate { .. }
            | node::Error::Nonce { .. }
            | node::Error::Insufficient { .. } => Self::Refused,
            _ => Self::Other,
        }
    }

    /// What a server's refusal means, which it gives in its own words.
    const fn of_status(status: u16) -> Self {
        match status {
            404 => Self::Gone,
            413 | 507 => Self::Full,
            400..500 => Self::Refused,
            _ => Self::Away,
        }
    }
}

/// Trouble with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// What the program says, unless that names a file of whoever runs the agent.
    pub(crate) said: Option<String>,
}

impl Failure {
    /// What an error is to whose change it ended.
    pub(super) fn of(error: &Error) -> Self {
        let cause = Cause::of(error);
        let is_of_store = matches!(error, Error::Market(market::Error::BlobStore { .. }));
        let is_of_file = is_of_store || matches!(cause, Cause::Busy | Cause::Wallet);
        if is_of_file {
            tracing::error!(%error, "a change of a wallet failed");
        }
        Self { cause, said: (!is_of_file).then(|| error.to_string()) }
    }
}

/// Whether something may have been changed although an error ended it: nobody knows whether what was sent will be in a block, or
/// it is in one and what comes after that failed.
pub(super) const fn may_be_done(act: &Act, error: &Error) -> bool {
    // The wallet keeps an answer to an invitation before it is sent, and gives no other from then on, unless it forgot it with a
    // refusal of its own kind.
    let is_noted = matches!(act, Act::Accept { .. } | Act::Decline { .. } | Act::Finish { .. });
    match error {
        // A node that proves nothing of what it tells has not refused.
        Error::Ledger(error) | Error::Market(market::Error::Ledger(error)) => {
            let is_unproven = matches!(
                error,
                node::Error::Block { .. }
                    | node::Error::Signature { .. }
                    | node::Error::Inclusion { .. }
                    | node::Error::ForeignChain { .. }
            );
            is_noted || is_unproven || !error.is_refusal()
        }
        Error::Market(market::Error::Unsettled { .. }) => true,
        // The store had no room for a contact before the ledger named it, and has none now.
        Error::Market(market::Error::BlobStore { .. }) => is_noted,
        // A wallet is written before it is sent, and after a block has it; and writing can fail once the file is there.
        Error::Market(market::Error::File { .. }) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use circuits::{
        id::{AccountId, QueryId, ScreeningId},
        privacy::Epsilon,
    };
    use market::recruitment::Contact;
    use node::transaction::TransactionId;

    use super::*;

    fn screening() -> ScreeningId {
        ScreeningId::from_bytes([3; 32])
    }

    fn file() -> Error {
        let source = io::Error::other("the disk is full");
        market::Error::File { path: "/srv/wallets/ada.wallet".into(), action: "write the file", source }.into()
    }

    fn store() -> Error {
        market::Error::BlobStore { action: "store a blob", why: "it is full".into() }.into()
    }

    fn unreachable() -> node::Error {
        node::Error::Unreachable { url: "http://node".into(), why: "no answer".into() }
    }

    fn unsettled() -> Error {
        let transaction: TransactionId = "04".repeat(32).parse().unwrap();
        market::Error::Unsettled { transaction, why: "no block took it in time".into() }.into()
    }

    fn refused() -> node::Error {
        node::Error::Remote { url: "http://node".into(), why: "its set is frozen".into() }
    }

    fn answer_refused() -> Error {
        market::Error::AnswerRefused { screening: screening(), source: refused() }.into()
    }

    #[test]
    fn each_kind_of_error_has_its_cause() {
        let in_use = market::Error::FileInUse { path: "/srv/wallets/ada.wallet".into() };
        let query = QueryId::from_bytes([5; 32]);
        let no_answer = market::Error::Query { query, why: "the wallet knows of no answer to it".into() };
        let ended = node::Error::Query { query, why: "its set is frozen".into() };
        let answered = market::Error::Screening { screening: screening(), why: "an answer is final".into() };
        let unknown = node::Error::Unknown { what: "licence", id: "7".into() };
        let busy = node::Error::Busy { whose: "of this sender", limit: 16 };
        let lacks = Error::Input { what: "key of the data", why: "no key opens it".into() };
        let damaged = node::Error::Corrupt { what: "block", why: "it does not decode".into() };
        for (error, cause) in [
            (unreachable().into(), Cause::Away),
            (market::Error::Ledger(unreachable()).into(), Cause::Away),
            (in_use.into(), Cause::Busy),
            (file(), Cause::Wallet),
            (answered.into(), Cause::Late),
            (market::Error::Ledger(ended).into(), Cause::Late),
            (no_answer.into(), Cause::Gone),
            (market::Error::Ledger(unknown).into(), Cause::Gone),
            (market::Error::Ledger(refused()).into(), Cause::Refused),
            (market::Error::Ledger(busy).into(), Cause::Full),
            (store(), Cause::Full),
            (unsettled(), Cause::Waits),
            (answer_refused(), Cause::Unsent),
            (lacks, Cause::Lacks),
            (market::Error::Ledger(damaged).into(), Cause::Other),
        ] {
            assert_eq!(Failure::of(&error).cause, cause, "{error}");
        }
        assert_eq!([404, 507, 422, 503].map(Cause::of_status), [Cause::Gone, Cause::Full, Cause::Refused, Cause::Away]);
    }

    #[test]
    fn where_a_wallet_lies_is_not_said() {
        let in_use = Error::Market(market::Error::FileInUse { path: "/srv/wallets/ada.wallet".into() });
        assert_eq!([in_use, file(), store()].map(|error| Failure::of(&error).said), [None, None, None]);
        let said = Failure::of(&unsettled()).said;
        assert!(said.is_some_and(|said| said.contains("no block took it in time")));
    }

    #[test]
    fn repro_a_change_that_a_block_has_is_not_said_to_have_changed_nothing() {
        let accept = Act::Accept { screening: screening(), contact: Contact::new("Ada").unwrap() };
        let take_back = Act::TakeBack { query: QueryId::from_bytes([5; 32]) };
        let limit = Act::SetBudget { limit: Epsilon::from_milli(1) };
        let unproven = || node::Error::Signature { what: "header", signer: AccountId::from_bytes([1; 32]) };
        // The contact is stored, and the answer noted in the wallet, once a block has the rest.
        assert!(may_be_done(&accept, &store()) && may_be_done(&take_back, &file()));
        assert!(!may_be_done(&take_back, &store()) && may_be_done(&limit, &file()));
        for act in [&accept, &take_back] {
            assert!(may_be_done(act, &unsettled()) && may_be_done(act, &market::Error::Ledger(unreachable()).into()));
            assert!(may_be_done(act, &market::Error::Ledger(unproven()).into()));
        }
        let refused = market::Error::Ledger(refused()).into();
        assert!(!may_be_done(&take_back, &refused), "it is certain that nothing was changed");
        let (decline, finish) = (Act::Decline { screening: screening() }, Act::Finish { screening: screening() });
        for answer in [&accept, &decline, &finish] {
            assert!(may_be_done(answer, &refused), "the wallet keeps the answer");
        }
        for answer in [&accept, &decline] {
            assert!(!may_be_done(answer, &answer_refused()), "the wallet forgot the answer");
        }
        assert!(may_be_done(&finish, &store()), "a block has the answer");
    }
}
