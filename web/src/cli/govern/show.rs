//! What governs the network, as its page shows it.

use node::{
    genesis::Parameters,
    validator::{Validator, ValidatorSet},
};
use serde_json::Value;

use crate::{
    Error,
    api::Governance,
    cli::{Home, Output, node::describe_votes},
    consortium::{fee_in_words, protocol_in_words, votes_in_words},
};

pub(super) fn show(home: &Home, output: &Output) -> Result<(), Error> {
    let connection = home.connect_reading()?;
    let ledger = &*connection.ledger;
    output.result(&Governance::of(ledger, ledger.genesis())?, describe)
}

fn describe(now: &Governance) -> String {
    let treasury = now.fees.treasury.map_or_else(
        || "nothing".into(),
        |treasury| format!("{}, to {}", fee_in_words(treasury.rate), treasury.account),
    );
    let mut lines = vec![
        format!("network    {}", now.network.in_words()),
        format!("governor   {}", now.governor),
        format!("validators {}", validators(&now.validators)),
    ];
    lines.extend(now.protocol.map(|protocol| format!("protocol   version {}", protocol_in_words(&protocol))));
    lines.extend([
        format!("open votes\n{}", describe_votes(&now.votes)),
        "fees in force, for queries that open now".into(),
        format!("  opening    {}, never refunded", now.parameters.opening_fee),
        format!("  committee  {}", fee_in_words(now.fees.committee)),
        format!("  validators {}", fee_in_words(now.fees.validators)),
        format!("  treasury   {treasury}"),
    ]);
    lines.extend(now.supply.map(|supply| format!("all the money there is: {supply}")));
    lines.push("fixed by the genesis".into());
    lines.extend(parameters(&now.parameters));
    lines.push(format!("  first committee: {}", now.first_quorum));
    lines.join("\n")
}

fn validators(validators: &ValidatorSet) -> String {
    let line = |one: &Validator| format!("{}  {}", one.account, votes_in_words(one.power));
    validators.iter().map(line).collect::<Vec<_>>().join("\n           ")
}

/// Each parameter by its name in the genesis; fees can change and are told as they are now.
fn parameters(parameters: &Parameters) -> Vec<String> {
    let Ok(Value::Object(named)) = serde_json::to_value(parameters) else { return vec![] };
    let named = named.iter().filter(|(name, _)| !["fees", "opening_fee"].contains(&name.as_str()));
    named.map(|(name, value)| format!("  {name}: {value}")).collect()
}
