//! How a node is doing.

use market::so_many;
use node::{calendar::utc, consensus::Peer, state::StateRead, validator::ValidatorSet};
use serde::Serialize;

use crate::{
    Error,
    api::Health,
    cli::{Home, Output},
    client::Remote,
};

/// What is shown.
#[derive(Debug, Serialize)]
struct Status {
    /// The chain.
    chain: circuits::id::ChainId,
    /// The latest block.
    tip: node::state::Tip,
    /// The protocol's version, and the next.
    protocol: Option<node::state::Protocol>,
    /// Who validates, observers included.
    validators: Option<ValidatorSet>,
    /// What the node says of itself, when it is asked over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    /// Whom it is connected to, when it is asked over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<Peer>>,
}

pub(super) fn show(home: &Home, output: &Output) -> Result<(), Error> {
    let connection = home.connect_reading()?;
    let ledger = &*connection.ledger;
    let remote = home.url().map(Remote::new).transpose()?;
    let status = Status {
        chain: ledger.chain(),
        tip: market::ledger::tip(ledger)?,
        protocol: ledger.protocol()?,
        validators: ledger.validators()?,
        health: remote.as_ref().map(|remote| remote.json("/health")).transpose()?.flatten(),
        peers: remote.as_ref().map(|remote| remote.json("/v1/peers")).transpose()?.flatten(),
    };
    output.result(&status, text)
}

/// Shows whom the node at --url is connected to.
pub(super) fn show_peers(home: &Home, output: &Output) -> Result<(), Error> {
    let unasked =
        || Error::Input { what: "address", why: "a node that runs is asked: give its address with --url".into() };
    let remote = Remote::new(home.url().ok_or_else(unasked)?)?;
    let unknown = || Error::NotFound { what: "peers", id: "of this server".into() };
    let peers: Vec<Peer> = remote.json("/v1/peers")?.ok_or_else(unknown)?;
    output.result(&peers, |peers| {
        if peers.is_empty() {
            return "connected to no other node".into();
        }
        let line = |Peer { id, address, validator }: &Peer| {
            format!(
                "{}  {address}  {id}",
                validator.as_deref().unwrap_or("no validator proved this link to be its own")
            )
        };
        peers.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn text(status: &Status) -> String {
    let tip = &status.tip;
    let mut lines = vec![format!("height     {}\nepoch      {}\ntime       {}", tip.height, tip.epoch, utc(tip.time))];
    lines.push(format!("chain      {}", status.chain));
    if let Some(health) = &status.health {
        let waiting = so_many(health.waiting, "transaction", "transactions");
        lines.push(format!("version    {}\nwaiting    {waiting}", health.version));
        let behind = match health.height.get().saturating_sub(health.index.get()) {
            0 => String::new(),
            1 => ", 1 block behind the ledger: listings may lack the latest rows".into(),
            blocks => format!(", {blocks} blocks behind the ledger: listings may lack the latest rows"),
        };
        lines.push(format!("index      block {}{behind}", health.index));
        if !health.listings {
            let why = "the node lacks blocks that they are made from, or its index is far behind";
            lines.push(format!("listings   missing: {why}"));
        }
        if let Some(votes) = &health.consensus {
            let can = match (votes.reached, votes.are_enough()) {
                (true, _) => "enough to make blocks",
                (false, true) => "and others may reach enough to make blocks",
                (false, false) => "too few: no block is made until more are",
            };
            lines.push(format!("reached    {} of {} votes, {can}", votes.connected, votes.total));
            if !votes.votes {
                lines.push("this node  has no vote: it is an observer, or was taken off the network".into());
            }
        }
    }
    if let Some(protocol) = &status.protocol {
        let next = protocol.upgrade.map(|next| format!(", {} from block {} on", next.version, next.height));
        lines.push(format!("protocol   {}{}", protocol.version, next.unwrap_or_default()));
    }
    let connected = |account: &str| {
        if status.health.as_ref()?.validator.is_some_and(|own| own.to_string() == account) {
            return Some("this node".into());
        }
        let peers = status.peers.as_ref()?;
        let peer = peers.iter().find(|peer| peer.validator.as_deref() == Some(account));
        Some(peer.map_or_else(|| "not connected to this node".into(), |peer| format!("connected at {}", peer.address)))
    };
    for validator in status.validators.iter().flat_map(ValidatorSet::iter) {
        let account = validator.account.to_string();
        let role = if validator.power == 0 { "observer ".into() } else { format!("{:>3} votes", validator.power) };
        lines.push(format!("{role}  {account}  {}  {}", validator.address, connected(&account).unwrap_or_default()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use node::{
        state::Tip,
        units::{Epoch, Height, Timestamp},
    };

    use super::*;

    #[test]
    fn the_height_of_the_index_is_said_and_how_far_it_is_behind() {
        let chain = circuits::id::ChainId::from_bytes([1; 32]);
        let told = |index: u64, listings: bool| {
            let health = Health {
                version: "1".into(),
                chain,
                height: Height::new(9),
                index: Height::new(index),
                listings,
                waiting: 0,
                validator: None,
                consensus: None,
            };
            let tip = Tip { height: health.height, time: Timestamp::new(0), epoch: Epoch::new(0) };
            text(&Status { chain, tip, protocol: None, validators: None, health: Some(health), peers: None })
        };
        let lines = |text: String| text.lines().skip(6).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(told(9, true)), ["index      block 9"]);
        assert_eq!(
            lines(told(7, true)),
            ["index      block 7, 2 blocks behind the ledger: listings may lack the latest rows"]
        );
        assert!(told(0, false).contains("listings   missing: the node lacks blocks"));
    }
}
