//! What the receipt of a screening shows.

use askama::Template;
use circuits::{groth16::KeyOrigin, id::ChainId};
use market::receipt::screening::{ScreeningReceipt, VerifiedScreeningReceipt, verify};

use super::{
    super::{parts, shell::Shell},
    rules::{self, Outcome, Rule, SCREENING},
};

#[derive(Template)]
#[template(path = "screened.html")]
pub(super) struct Screened {
    shell: Shell,
    own: ChainId,
    rules: Vec<(&'static Rule, Outcome)>,
    outcome: Result<VerifiedScreeningReceipt, String>,
}

impl Screened {
    /// Checks the receipt on a node that serves the chain `own`.
    pub(super) fn of(shell: Shell, own: ChainId, receipt: &ScreeningReceipt) -> Self {
        match verify(receipt) {
            Ok(verified) => {
                Self { shell, own, rules: rules::held(&SCREENING, verified.checks()), outcome: Ok(verified) }
            }
            Err(error) => {
                Self { shell, own, rules: rules::failed(&SCREENING, &error), outcome: Err(error.to_string()) }
            }
        }
    }
}
