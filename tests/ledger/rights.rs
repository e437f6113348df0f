//! Who may send which action: one table, and every name tries every action on one state.
//!
//! The chain has each party twice: what one may do with its own objects, its counterpart may with its own, and neither
//! with the other's. Nothing that is tried is committed, so everybody tries on the same state.

mod scenes;

use std::collections::BTreeSet;

use node::{
    Context, Error, apply,
    state::StateRead,
    transaction::{Action, Governance, Transaction},
    units::Epoch,
};

use crate::world::{DigestInsteadOfPairing, World, account, key};

/// Each party and its counterpart.
const PAIRS: [[&str; 2]; 9] = [
    ["issuer 0", "issuer 1"],
    ["researcher", "other researcher"],
    ["sponsor", "other sponsor"],
    ["owner 0", "owner 4"],
    ["custodian", "other custodian"],
    ["licensee", "other licensee"],
    ["bank", "other bank"],
    ["payout 0", "payout 1"],
    ["reply 0", "reply 1"],
];
const GOVERNOR: &[&str] = &["governor"];
const ISSUERS: &[&str] = &["issuer 0", "issuer 1"];
/// Who is accredited to research. Without that, a sponsor opens no screening and nobody licenses.
const RESEARCHERS: &[&str] =
    &["researcher", "other researcher", "sponsor", "other sponsor", "licensee", "other licensee"];
const ACCREDITED: &[&str] = &[
    "governor",
    "issuer 0",
    "issuer 1",
    "researcher",
    "other researcher",
    "sponsor",
    "other sponsor",
    "licensee",
    "other licensee",
];
const MEMBERS: &[&str] = &["member 0", "member 1", "member 2", "member 3"];
const VALIDATORS: &[&str] = &["validator", "second validator"];
const BANKS: &[&str] = &["bank", "other bank"];
/// Every name. The observer is a validator without a vote; friend and auditor are nobody special.
const ANYBODY: &[&str] = &[
    "governor",
    "issuer 0",
    "issuer 1",
    "researcher",
    "other researcher",
    "sponsor",
    "other sponsor",
    "member 0",
    "member 1",
    "member 2",
    "member 3",
    "validator",
    "second validator",
    "observer",
    "owner 0",
    "owner 4",
    "custodian",
    "other custodian",
    "licensee",
    "other licensee",
    "bank",
    "other bank",
    "payout 0",
    "payout 1",
    "reply 0",
    "reply 1",
    "friend",
    "auditor",
];

/// Who may send an action, toward the first party's objects. There is no wildcard: a new action does not compile here
/// before somebody decided about it.
fn may(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Govern(
            Governance::AccreditIssuer { .. }
            | Governance::SuspendIssuer(_)
            | Governance::AccreditResearcher { .. }
            | Governance::SuspendResearcher(_)
            | Governance::RekeyCommittee
            | Governance::SetFees(_)
            | Governance::AccreditSettlement { .. }
            | Governance::SuspendSettlement(_),
        ) => GOVERNOR,
        Action::RegisterSchema(_) => ACCREDITED,
        Action::RegisterStudy(_) | Action::RequestLicence(_) => RESEARCHERS,
        Action::RegisterRecord(record) if record.replaces.is_some() => &["issuer 0"],
        Action::RegisterRecord(_) => ISSUERS,
        Action::OfferDataset(offer) if offer.record.is_none() => ISSUERS,
        Action::ChangeConsent(_)
        | Action::RevokeConsent(_)
        | Action::OfferDataset(_)
        | Action::WithdrawDataset(_)
        | Action::GrantLicence(_)
        | Action::DeclineLicence(_)
        | Action::RevokeLicence(_) => &["owner 0"],
        Action::ReclaimLicence(_) => &["licensee"],
        Action::RecordAccess(_) => &["custodian", "licensee"],
        Action::OpenQuery(_)
        | Action::DesignStudy(_)
        | Action::AmendStudy(_)
        | Action::PostOutcome(_)
        | Action::CloseStudy(_) => &["researcher"],
        Action::OpenScreening(_) => &["researcher", "sponsor"],
        Action::Invite(_) => &["sponsor"],
        Action::AnswerInvitation(_) => &["reply 0"],
        Action::Withdraw(_) => &["payout 0"],
        // What is decided already, or proves itself.
        Action::Seal(_)
        | Action::Aggregate(_)
        | Action::Refund(_)
        | Action::CloseScreening(_)
        | Action::CommitteeExpire(_)
        | Action::FalseReceipt(_)
        | Action::Equivocation(_) => ANYBODY,
        // One's own money.
        Action::Transfer(_) | Action::RequestWithdrawal(_) => ANYBODY,
        Action::SubmitComponents(_) | Action::CommitteeConfirm(_) | Action::CommitteeComplain(_) => MEMBERS,
        // The leader of the subset.
        Action::CommitteeCommit(_) | Action::CommitteeReveal(_) => &["member 0"],
        Action::ApproveChange(_) => VALIDATORS,
        // Whoever approved it.
        Action::WithdrawApproval(_) => &["validator"],
        Action::Deposit(_) => BANKS,
        Action::SettleWithdrawal(_) | Action::RejectWithdrawal(_) => &["bank"],
    }
}

/// Whose part a name plays toward the other party's objects.
fn mirrored(name: &str) -> &str {
    let other = |[one, other]: &[&'static str; 2]| match name {
        _ if name == *one => Some(*other),
        _ if name == *other => Some(*one),
        _ => None,
    };
    PAIRS.iter().find_map(other).unwrap_or(name)
}

/// Whether a refusal is for who asks, and says who may.
fn says_who_may(action: &Action, error: &Error) -> bool {
    let words = match action {
        Action::CommitteeCommit(_) | Action::CommitteeReveal(_) => "only the subset's leader",
        Action::WithdrawApproval(_) => "approval of this validator",
        Action::CloseScreening(_) => "before, its sponsor closes it",
        // Before the closing day only the researcher seals, where the chain allows it.
        Action::Seal(_) => "it collects until the end of",
        _ => return matches!(error, Error::Unauthorized { .. }),
    };
    matches!(error, Error::Unauthorized { .. }) || error.to_string().contains(words)
}

/// A chain, and what was tried on it.
struct Rights {
    world: World,
    tried: BTreeSet<Vec<u8>>,
}

impl Rights {
    /// Everybody tries an action toward the first party's object, or toward none.
    #[track_caller]
    fn own(&mut self, action: &Action) {
        self.everybody(action, |name| may(action).contains(&name));
    }

    /// Everybody tries an action toward the other party's object.
    #[track_caller]
    fn foreign(&mut self, action: &Action) {
        self.everybody(action, |name| may(action).contains(&mirrored(name)));
    }

    /// Everybody tries an action in a state in which others than the table says may send it.
    #[track_caller]
    fn only(&mut self, action: &Action, allowed: &[&str]) {
        self.everybody(action, |name| allowed.contains(&name));
    }

    #[track_caller]
    fn everybody(&mut self, action: &Action, allowed: impl Fn(&str) -> bool) {
        self.tried.insert(tag(action));
        let ledger = self.world.ledger();
        let (snapshot, genesis, chain) = (ledger.snapshot().unwrap(), ledger.genesis(), ledger.chain());
        let height = snapshot.latest().unwrap().height.next();
        let epoch = Epoch::of(height, genesis.parameters.epoch_blocks);
        let context = Context { chain, genesis, height, time: self.world.now, epoch, proofs: &DigestInsteadOfPairing };
        for name in ANYBODY {
            let nonce = snapshot.account(account(name)).unwrap().unwrap_or_default().nonce;
            let transaction = Transaction::sign(chain, &key(name), nonce, action.clone()).unwrap();
            match apply(&snapshot, &transaction, &context) {
                Ok(_) => assert!(allowed(name), "{name} was let: {action:?}"),
                Err(error) => {
                    assert!(!allowed(name), "{name} may, and was told {error}: {action:?}");
                    assert!(says_who_may(action, &error), "{name} was refused for something else, {error}: {action:?}");
                }
            }
        }
    }
}

/// Which action it is, and of governance which one: the first bytes of its encoding.
fn tag(action: &Action) -> Vec<u8> {
    let mut bytes = borsh::to_vec(action).unwrap();
    bytes.truncate(if matches!(action, Action::Govern(_)) { 2 } else { 1 });
    bytes
}

/// Every action that there is, as [`tag`] has it.
fn every_tag() -> BTreeSet<Vec<u8>> {
    let following = |before: &[u8]| -> BTreeSet<Vec<u8>> {
        let longer = (0..=u8::MAX).map(|next| [before, &[next]].concat());
        let decodes = |bytes: &Vec<u8>| match borsh::from_slice::<Action>(bytes) {
            Err(error) => !error.to_string().contains("variant tag"),
            Ok(_) => true,
        };
        longer.filter(decodes).collect()
    };
    let (mut actions, governance) = (following(&[]), following(&[0]));
    actions.remove(&vec![0]);
    assert!(actions.len() > 40 && governance.len() >= 8, "{actions:?} {governance:?}");
    actions.into_iter().chain(governance).collect()
}
