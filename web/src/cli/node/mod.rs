//! A validator's node: its key, running it, watching it, and deciding with the others who takes part.

mod approve;
mod copy;
mod publish;
mod run;
mod standing;
mod status;

use std::path::PathBuf;

use clap::Subcommand;
use market::wallet::{PartyKey, Role};

pub(crate) use self::run::service;
use self::{
    approve::Approve,
    copy::{Keep, Source, Target},
};
pub(super) use self::{approve::describe_votes, run::Run};
use super::{Home, Output, session::write_json};
use crate::{Error, node::validator};

/// A validator's node.
#[derive(Debug, Subcommand)]
pub enum Node {
    /// Make this organisation's validator key, and the file that tells the others about it.
    ///
    /// Send the file to whoever founds the network (`locus network init --validator FILE ...`), or to the validators of
    /// one that runs (`locus node approve set-validator FILE`). The key never leaves this machine.
    Init {
        /// Where other nodes will reach this one, as /dns4/node.example.org/tcp/26656 or /ip4/10.0.0.1/tcp/26656.
        address: String,
        /// Share of the votes; 0 for an observer, which follows the chain without a vote.
        #[arg(long, default_value_t = 1, value_name = "VOTES")]
        power: u32,
        /// The file for the others.
        #[arg(long, default_value = "validator.json", value_name = "FILE")]
        out: PathBuf,
    },
    /// Run the node and its HTTP API until interrupted.
    Run(Box<Run>),
    /// Show how far a node is, whom it is connected to, and who validates.
    Status,
    /// Show whom the node at --url is connected to: where, under which key, and for which validator.
    Peers,
    /// Copy the chain to a file, every block and the state; the node must not run meanwhile (see `run --copies`).
    Backup(Target),
    /// Copy the state and the latest block to a file, from which a new node starts at once; the node must not run meanwhile.
    Snapshot(Target),
    /// Verify a backup or a snapshot, from whomever it comes, and start from it.
    Restore(Source),
    /// Drop old blocks, while the node does not run; receipts made before stay valid, and other nodes keep what they keep.
    Prune(Keep),
    /// Approve a change of the consortium; it holds once validators with more than two thirds of the votes did.
    Approve(Approve),
    /// Show the changes of the consortium that wait for approvals.
    Changes,
}

impl Node {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Init { address, power, out } => init(home, output, address, power, &out),
            Self::Run(run) => run.run(home, output),
            Self::Status => status::show(home, output),
            Self::Peers => status::show_peers(home, output),
            Self::Backup(target) => target.back_up(home, output),
            Self::Snapshot(target) => target.snapshot(home, output),
            Self::Restore(source) => source.restore(home, output),
            Self::Prune(keep) => keep.prune(home, output),
            Self::Approve(approve) => approve.run(home, output),
            Self::Changes => approve::show_changes(home, output),
        }
    }
}

fn init(home: &Home, output: &Output, address: String, power: u32, out: &std::path::Path) -> Result<(), Error> {
    node::consensus::check_address(&address)?;
    if out.exists() {
        let why = format!("{} exists; name another with --out, or move it away", out.display());
        return Err(Error::Input { what: "validator file", why });
    }
    let key = PartyKey::random(Role::Validator, &mut rand::rng());
    key.create(&home.validator_path(), &home.new_protection("the validator's key")?)?;
    let listed = validator(&key, address, power);
    listed.check()?;
    write_json("validator", out, &listed)?;
    output.result(&listed, |listed| {
        format!(
            "made {} (keep it here)\nwrote {} (send it to the others)\naccount {}",
            home.validator_path().display(),
            out.display(),
            listed.account
        )
    })
}
