//! What governs the network: votes of its validators, fees, and the parameters that its genesis fixed.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use askama::Template;
use circuits::id::{AccountId, Digest};
use node::{
    fees::{BASIS_POINTS, FeeRate, FeeSchedule},
    genesis::Genesis,
    state::{Approvals, Protocol, StateRead},
    transaction::open_votes,
    units::{Amount, Height},
    validator::{Validator, ValidatorSet},
};

use crate::{
    Error,
    api::{Service, blocking, found},
    consortium::in_words,
    pages::{
        parts,
        shell::{Section, Shell, page},
    },
};

/// A change that validators vote on.
struct Vote {
    digest: Digest,
    says: String,
    opened: Height,
    approving: Vec<AccountId>,
    waiting: Vec<AccountId>,
    power: u64,
}

impl Vote {
    fn of(approvals: Approvals, validators: &ValidatorSet) -> Result<Self, Error> {
        let Approvals { change, opened, validators: approving } = approvals;
        let waiting =
            validators.iter().filter(|validator| validator.power > 0 && !approving.contains(&validator.account));
        Ok(Self {
            digest: change.digest()?,
            says: in_words(&change),
            opened,
            waiting: waiting.map(|validator: &Validator| validator.account).collect(),
            power: approving.iter().map(|account| validators.power(*account)).sum(),
            approving: approving.into_iter().collect(),
        })
    }
}

/// A fee in words.
fn rate(rate: FeeRate) -> String {
    match rate {
        FeeRate::Units(amount) if amount == Amount::default() => "nothing".into(),
        FeeRate::Units(amount) => format!("{} for each paid contribution", parts::number(amount)),
        FeeRate::BasisPoints(points) => {
            let percent = 100.0 * f64::from(points) / f64::from(BASIS_POINTS);
            format!("{percent} % of the price of each paid contribution")
        }
    }
}

#[derive(Template)]
#[template(path = "governance.html")]
struct Governance {
    shell: Shell,
    genesis: Genesis,
    protocol: Option<Protocol>,
    validators: ValidatorSet,
    votes: Vec<Vote>,
    fees: FeeSchedule,
    supply: Option<Amount>,
}

impl Governance {
    fn rate(&self, fee: &FeeRate) -> String {
        rate(*fee)
    }

    fn allowed(&self, is_allowed: &bool) -> &'static str {
        if *is_allowed { "allowed" } else { "not allowed" }
    }

    /// Votes of all validators, of which a change needs more than two thirds.
    fn total(&self) -> u64 {
        self.validators.total_power()
    }
}

/// Who decides what, what is decided now, and what is in force.
#[get("/explorer/governance")]
pub(super) async fn governance(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Governance");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let genesis = service.chain.ledger().genesis().clone();
        let validators = found("validators", "now", snapshot.validators()?)?;
        let votes = open_votes(&snapshot)?.into_iter().map(|vote| Vote::of(vote, &validators));
        Ok(Governance {
            shell,
            protocol: snapshot.protocol()?,
            votes: votes.collect::<Result<_, _>>()?,
            fees: snapshot.fee_schedule()?.unwrap_or(genesis.parameters.fees),
            supply: snapshot.supply()?,
            genesis,
            validators,
        })
    });
    page(&shown.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_read_as_money_or_as_a_share() {
        assert_eq!(rate(FeeRate::default()), "nothing");
        assert_eq!(rate(FeeRate::Units(Amount::new(1_200))), "1,200 for each paid contribution");
        assert_eq!(rate(FeeRate::BasisPoints(250)), "2.5 % of the price of each paid contribution");
    }
}
