//! The ledger as auditors and operators look at it: blocks, transactions, accounts, parties, the network.

mod accounts;
mod blocks;
mod governance;
mod jobs;
mod network;
mod schemas;
mod search;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, ServiceConfig},
};
use askama::Template;
use market::index::{BlockRow, Order, Paging};
use node::{
    consensus::{EngineHandle, Peer, Votes},
    genesis::Genesis,
    state::Tip,
    units::Height,
};

use super::{
    parts,
    shell::{Section, Shell, page},
};
use crate::{
    Error,
    api::{Service, Totals, blocking, records, votes},
};

/// Blocks that the overview shows.
const LATEST: Paging = Paging { after: None, limit: 8, order: Order::Newest };

/// Adds the explorer's pages.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(overview)
        .service(health)
        .service(governance::governance)
        .service(jobs::jobs)
        .service(search::search)
        .service(blocks::list)
        .service(blocks::show)
        .service(blocks::show_transaction)
        .service(accounts::show)
        .service(accounts::issuers)
        .service(accounts::researchers)
        .service(network::validators)
        .service(network::committee)
        .service(network::epochs)
        .service(schemas::list)
        .service(schemas::show);
}

#[derive(Template)]
#[template(path = "explorer.html")]
struct Overview {
    shell: Shell,
    tip: Tip,
    genesis: Genesis,
    chain: String,
    records: u32,
    /// None where the node cannot list.
    totals: Option<Totals>,
    blocks: Vec<BlockRow>,
    lack: Option<String>,
}

impl Overview {
    fn transactions(&self) -> Option<u64> {
        Some(self.totals?.transactions)
    }

    fn studies(&self) -> Option<u64> {
        Some(self.totals?.studies)
    }

    fn issuers(&self) -> Option<u64> {
        Some(self.totals?.issuers)
    }

    fn researchers(&self) -> Option<u64> {
        Some(self.totals?.researchers)
    }
}

/// Where the chain stands, and the ways into it.
#[get("/explorer")]
async fn overview(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Explorer");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let (lack, index) = (service.listings_lack()?, &service.index);
        let blocks = match lack {
            None => index.blocks(&LATEST)?.items,
            Some(_) => vec![],
        };
        Ok(Overview {
            shell,
            tip: snapshot.latest()?,
            genesis: service.chain.ledger().genesis().clone(),
            chain: service.chain.ledger().chain().to_string(),
            records: records(&snapshot)?,
            totals: lack.is_none().then(|| Totals::of(&snapshot, index)).transpose()?,
            blocks,
            lack,
        })
    });
    page(&shown.await?)
}

#[derive(Template)]
#[template(path = "health.html")]
struct Health {
    shell: Shell,
    version: &'static str,
    chain: String,
    tip: Tip,
    index: Height,
    waiting: usize,
    validator: Option<String>,
    peers: Vec<Peer>,
    /// Whom this node reaches of those who make blocks.
    consensus: Option<Votes>,
    lack: Option<String>,
}

/// How this node is: what `/health` and `/v1/peers` say.
#[get("/explorer/health")]
async fn health(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Health of this node");
    let peers = match &service.engine {
        Some(engine) => engine.peers().await?,
        None => vec![],
    };
    let consensus = votes(&service).await?;
    let shown = blocking(move || {
        Ok(Health {
            shell,
            version: env!("CARGO_PKG_VERSION"),
            chain: service.chain.ledger().chain().to_string(),
            tip: service.chain.snapshot()?.latest()?,
            index: service.index.position()?.height,
            waiting: service.chain.waiting(),
            validator: service.engine.as_ref().map(EngineHandle::account).map(|account| account.to_string()),
            peers,
            consensus,
            lack: service.listings_lack()?,
        })
    });
    page(&shown.await?)
}
