//! What changes do, in words for everybody.

use crate::patient::Act;

/// A change: its name, what it does once a block has it, and where its result is seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActWords {
    pub(in crate::pages) name: &'static str,
    pub(in crate::pages) done: &'static str,
    pub(in crate::pages) back: &'static str,
    pub(in crate::pages) back_name: &'static str,
}

/// A change in words.
pub(super) const fn act(act: &Act) -> ActWords {
    let (name, done, back, back_name) = match act {
        Act::ChangeConsent { .. } => (
            "Changing your rules",
            "Your new rules are written down. They count as soon as the network takes changes in, which it does from time \
             to time. Until then your agent answers nothing with this record.",
            "/use",
            "What it may be used for",
        ),
        Act::Withdraw { .. } => (
            "Withdrawing your record",
            "Your record is withdrawn for ever. Once the network takes the change in, nothing can use it any more. Results \
             that were out before stay out.",
            "/use",
            "What it may be used for",
        ),
        Act::TakeBack { .. } => (
            "Taking your answer back",
            "Your answer is taken back. It is in no result, it earns nothing, and this question cannot be answered again.",
            "/asked",
            "Who asked",
        ),
        Act::PayOut { .. } => {
            ("Paying out", "The money is on its way to the account that you named.", "/money", "Money")
        }
        Act::Accept { .. } => (
            "Accepting the invitation",
            "Your contact was left for the people who invited you. Only they can read it.",
            "/invitations",
            "Invitations",
        ),
        Act::Decline { .. } => {
            ("Declining the invitation", "You said no. Nobody learned who you are.", "/invitations", "Invitations")
        }
        Act::Finish { .. } => (
            "Sending your answer again",
            "Your answer is where it belongs, as you gave it.",
            "/invitations",
            "Invitations",
        ),
        Act::SetBudget { .. } => (
            "Setting your limit",
            "Your new limit counts from now on. What was told before stays told.",
            "/privacy",
            "Your privacy budget",
        ),
        Act::GrantLicence { .. } => (
            "Granting the licence",
            "They can fetch your data now and read it. You were paid.",
            "/licences",
            "Licences",
        ),
        Act::DeclineLicence { .. } => (
            "Saying no to a request",
            "You said no. Nobody got anything, and the money went back.",
            "/licences",
            "Licences",
        ),
        Act::RevokeLicence { .. } => (
            "Ending a licence",
            "The licence is ended: no more data is handed out under it. Copies that exist stay where they are.",
            "/licences",
            "Licences",
        ),
        Act::WithdrawDataset { .. } => (
            "Taking your offer back",
            "Your data is not offered any more, and nobody can ask for it. Licences that you granted before run on.",
            "/licences",
            "Licences",
        ),
    };
    ActWords { name, done, back, back_name }
}
