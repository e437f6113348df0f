//! What `locus demo --serve` serves: the demo's ledger by its node, and its people's own pages by their custodian's agent.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use serde::Serialize;

use super::tour::{Part, describe, tour};
use crate::{
    Error,
    cli::{Home, Output, agent::People, node::Run, ontology, record::wallet_paths},
    client::{Remote, RemoteBlobs, RemoteLedger},
    demo::{DemoReport, ONTOLOGY},
    patient::{Link, Reach},
    serve::StopOn,
};

/// Where both listen, on this machine alone.
#[derive(Debug)]
pub(super) struct Places {
    node: SocketAddr,
    people: SocketAddr,
}

/// What is served, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Served {
    /// The address of the node's API and pages.
    pub(super) url: String,
    /// The address of people's own pages.
    pub(super) people_url: String,
    /// A way in to each wallet's pages, which works once.
    pub(super) links: Vec<Link>,
    /// What to open, by who looks.
    pub(super) tour: Vec<Part>,
}

impl From<u16> for Places {
    /// A port and the next one; free ones where there is none.
    fn from(port: u16) -> Self {
        let next = if port == 0 { 0 } else { port.checked_add(1).unwrap_or_default() };
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { node: at(port), people: at(next) }
    }
}

impl Places {
    /// Nobody wants to hear of a taken port after the demo.
    ///
    /// # Errors
    /// [`Error::Listen`] when one is taken.
    pub(super) fn check(&self) -> Result<(), Error> {
        for place in [self.node, self.people] {
            let failed = |source| Error::Listen { address: place.to_string(), source };
            TcpListener::bind(place).map(drop).map_err(failed)?;
        }
        Ok(())
    }

    /// Serves the demo that lies in a folder until a signal ends it, and says what to open.
    ///
    /// # Errors
    /// [`Error::Listen`] when a port was taken meanwhile, and whatever a node or an agent fails with.
    pub(super) fn serve(self, dir: PathBuf, report: &DemoReport, output: &Output) -> Result<(), Error> {
        let paths = wallet_paths(&dir.join("wallets"))?;
        let custodian = dir.join("keys").join("custodian.key");
        let ontology = dir.join(ONTOLOGY);
        let home = Home::new(dir, None, None);
        let protection = home.wallet_protection(Some(&custodian))?;
        let node = Run::at(self.node).naming(ontology.clone()).start(&home, output)?;
        let remote = Remote::new(&node.url())?;
        let reach = Reach {
            ledger: Arc::new(RemoteLedger::connect_to(remote.clone(), report.chain)?),
            blobs: Arc::new(RemoteBlobs::new(remote.clone())),
            node: Some(remote),
            genome_keys: vec![],
            diseases: ontology::names_at(Some(&ontology))?,
        };
        let people = People { reach, paths, protection, origin: None };
        let (running, pages) = people.serve(self.people, StopOn::Request, output)?;
        // Passkeys are for names, not for numbers, and a browser keeps what it knows of each apart.
        let url = node.url().replace(&Ipv4Addr::LOCALHOST.to_string(), "localhost");
        let (people_url, links) = (pages.origin().to_string(), pages.links());
        let tour = tour(report, &url, &people_url, &links);
        output.result(&Served { url, people_url, links, tour }, describe)?;
        let ended = node.wait();
        running.stop()?;
        ended
    }
}
