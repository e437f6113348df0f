//! The demo's network, founded anew: its ledger in this process, or served to other processes over HTTP.

use std::{sync::Arc, time::Duration};

use circuits::contribution::ProvingKey;
use market::{
    ledger::{LedgerAccess, LocalLedger, act_all, tip},
    objects::{BlobAccess, Objects},
};
use node::{
    Ledger, Sequencer,
    transaction::{Action, Governance},
};
use rand::rngs::StdRng;

use super::{
    DemoOptions,
    network::{Parties, ProofKeys},
};
use crate::{
    Error, Pace,
    chain::{Chain, now},
    cli::{service, write_json},
    client::{Remote, RemoteBlobs, RemoteLedger},
    serve::{Running, StopOn, serve},
};

/// How the demo's node makes blocks for other processes: soon, since somebody watches.
const PACE: Pace = Pace { gather: Duration::from_millis(5), heartbeat: Duration::from_secs(5) };

/// The founded network, as the demo's parties reach it.
pub(super) struct Town {
    pub(super) ledger: Arc<dyn LedgerAccess>,
    pub(super) blobs: Arc<dyn BlobAccess>,
    pub(super) parties: Parties,
    pub(super) proving: ProvingKey,
    node: Node,
}

/// Who makes blocks.
enum Node {
    /// Whoever waits for a transaction.
    Here(Arc<LocalLedger>),
    /// A server's driver. The parties know only its address.
    Served { chain: Arc<Chain>, server: Running },
}

impl Town {
    /// Makes the keys, the genesis and the ledger, and accredits issuers and researcher.
    ///
    /// # Errors
    /// [`Error`] when a file cannot be written or no port is free.
    pub(super) fn found(options: &DemoOptions, rng: &mut StdRng) -> Result<Self, Error> {
        let parties = Parties::create(&options.dir, options.quorum, rng)?;
        let keys = ProofKeys::make()?;
        let genesis = parties.genesis(options.quorum, &keys);
        let proving = keys.contribution;
        write_json("genesis", &options.dir.join("genesis.json"), &genesis)?;
        let store = Arc::new(Ledger::open(&options.dir.join("ledger.redb"), genesis)?);
        let sequencer = Arc::new(Sequencer::new(store, parties.validator.signing_key())?);
        let town = if options.processes {
            serve_town(options, sequencer, parties, proving)?
        } else {
            town_here(options, sequencer, parties, proving)?
        };
        town.accredit()?;
        Ok(town)
    }

    /// The node's address, when it is served.
    pub(super) fn url(&self) -> Option<String> {
        match &self.node {
            Node::Here(_) => None,
            Node::Served { server, .. } => Some(server.url()),
        }
    }

    /// Makes empty blocks until the next epoch, where registrations count.
    ///
    /// # Errors
    /// [`Error`] when a block cannot be made.
    pub(super) fn end_epoch(&self) -> Result<(), Error> {
        let epoch = tip(&*self.ledger)?.epoch;
        while tip(&*self.ledger)?.epoch == epoch {
            match &self.node {
                Node::Here(ledger) => drop(ledger.produce_block()?),
                Node::Served { chain, .. } => drop(chain.produce()?),
            }
        }
        Ok(())
    }

    fn accredit(&self) -> Result<(), Error> {
        let issuers = self.parties.issuers.iter().zip(["Hospital A", "Hospital B"]);
        let mut decisions: Vec<_> = issuers
            .map(|(issuer, name)| Governance::AccreditIssuer { account: issuer.account(), name: name.into() })
            .collect();
        let account = self.parties.researcher.account();
        decisions.push(Governance::AccreditResearcher { account, name: "Demo researcher".into() });
        let decisions = decisions.into_iter().map(Action::Govern).collect();
        act_all(&*self.ledger, &self.parties.governor.signing_key(), decisions)?;
        Ok(())
    }
}

fn town_here(
    options: &DemoOptions,
    sequencer: Arc<Sequencer>,
    parties: Parties,
    proving: ProvingKey,
) -> Result<Town, Error> {
    let ledger = Arc::new(LocalLedger::on_demand(sequencer, now));
    let blobs = Arc::new(Objects::directory(&options.dir.join("objects"))?);
    Ok(Town { ledger: Arc::clone(&ledger) as Arc<dyn LedgerAccess>, blobs, parties, proving, node: Node::Here(ledger) })
}

/// The ledger behind its HTTP API: everybody in the demo uses the address, as the other processes must.
fn serve_town(
    options: &DemoOptions,
    sequencer: Arc<Sequencer>,
    parties: Parties,
    proving: ProvingKey,
) -> Result<Town, Error> {
    let chain = Arc::new(Chain::new(sequencer));
    let service = service(Arc::clone(&chain), &options.dir.join("objects"), &options.dir.join("index.sqlite"))?;
    let server = serve(service, "127.0.0.1:0", PACE, StopOn::Request)?;
    let remote = Remote::new(&server.url())?;
    let ledger = Arc::new(RemoteLedger::connect_to(remote.clone(), chain.ledger().chain())?);
    let blobs = Arc::new(RemoteBlobs::new(remote));
    Ok(Town { ledger, blobs, parties, proving, node: Node::Served { chain, server } })
}
