//! What governs the network: votes of its validators, fees, and the parameters that its genesis fixed.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use askama::Template;
use node::{fees::FeeRate, state::Protocol, validator::Validator};

use crate::{
    Error,
    api::{self, Service, Vote, blocking},
    consortium::{fee_in_words, in_words, protocol_in_words, votes_in_words},
    pages::{
        parts,
        shell::{Section, Shell, page},
    },
};

#[derive(Template)]
#[template(path = "governance.html")]
struct Governance {
    shell: Shell,
    now: api::Governance,
}

impl Governance {
    fn says(&self, vote: &Vote) -> String {
        in_words(&vote.approvals.change)
    }

    fn votes(&self, validator: &Validator) -> String {
        votes_in_words(validator.power)
    }

    fn version(&self, protocol: &Protocol) -> String {
        protocol_in_words(protocol)
    }

    fn rate(&self, fee: &FeeRate) -> String {
        fee_in_words(*fee)
    }

    fn allowed(&self, is_allowed: &bool) -> &'static str {
        if *is_allowed { "allowed" } else { "not allowed" }
    }

    /// Votes of all validators, of which a change needs more than two thirds.
    fn total(&self) -> u64 {
        self.now.validators.total_power()
    }
}

/// Who decides what, what is decided now, and what is in force.
#[get("/explorer/governance")]
pub(super) async fn governance(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Governance");
    let shown = blocking(move || {
        let now = api::Governance::of(&service.chain.snapshot()?, service.chain.ledger().genesis())?;
        Ok(Governance { shell, now })
    });
    page(&shown.await?)
}
