//! Blocks and transactions.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use market::index::BlockRow;
use node::{
    block::{Block, Header},
    transaction::{Transaction, TransactionId},
    units::Height,
};

use crate::{
    Error,
    api::{Service, blocking, found, parse},
    event::{self, Happening, kind},
    pages::{
        parts::{self, From, Listing, asked},
        shell::{Section, Shell, page},
    },
};

/// Bytes of a transaction's JSON that its page shows; the API has all.
const SHOWN_BYTES_MAX: usize = 12 << 10;
/// Transactions that a block's page lists; the API has all.
const LISTED_MAX: usize = 80;

#[derive(Template)]
#[template(path = "blocks.html")]
struct Blocks {
    shell: Shell,
    listing: Listing<BlockRow>,
}

/// Blocks, the newest first.
#[get("/blocks")]
pub(super) async fn list(
    request: HttpRequest,
    service: Data<Service>,
    from: Result<Query<From>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (shell, from) = (Shell::of(&request, Section::Explorer, "Blocks"), asked(from)?);
    let rows = blocking(move || Ok(service.listings()?.blocks(&from.paging())?)).await?;
    page(&Blocks { shell, listing: Listing::new(rows, from, "/blocks", "") })
}

/// A transaction of a block, with what it did.
struct Done {
    id: TransactionId,
    kind: String,
    happenings: Vec<Happening>,
}

#[derive(Template)]
#[template(path = "block.html")]
struct OneBlock {
    shell: Shell,
    header: Header,
    hash: String,
    block: Block,
    done: Vec<Done>,
    left_out: usize,
    closing: Vec<Happening>,
    last: bool,
}

/// One block: its header, what its transactions did, and who signed it.
#[get("/blocks/{height}")]
pub(super) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    height: Path<String>,
) -> Result<HttpResponse, Error> {
    let height = Height::new(parse("block height", &height)?);
    let shell = Shell::of(&request, Section::Explorer, format!("Block {height}"));
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let block = found("block", height, snapshot.block(height)?)?;
        let events = found("block", height, snapshot.events(height)?)?;
        let mut done = vec![];
        for (transaction, events) in block.transactions.iter().zip(&events.transactions).take(LISTED_MAX) {
            let happenings = events.iter().map(event::in_words).collect();
            done.push(Done { id: transaction.id()?, kind: kind(transaction)?, happenings });
        }
        Ok(OneBlock {
            shell,
            header: block.header,
            hash: block.header.hash()?.to_string(),
            left_out: block.transactions.len().saturating_sub(LISTED_MAX),
            last: snapshot.latest()?.height == height,
            closing: events.end.iter().map(event::in_words).collect(),
            block,
            done,
        })
    });
    page(&shown.await?)
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct OneTransaction {
    shell: Shell,
    id: TransactionId,
    kind: String,
    header: Header,
    transaction: Transaction,
    happenings: Vec<Happening>,
    bytes: usize,
    json: String,
    cut: bool,
}

/// One transaction: who sent it, what it did, and its content.
#[get("/transactions/{id}")]
pub(super) async fn show_transaction(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: TransactionId = parse("transaction id", &id)?;
    let shell = Shell::of(&request, Section::Explorer, "Transaction");
    let shown = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let located = found("transaction", id, snapshot.transaction(id)?)?;
        let height = located.header.height;
        let place = snapshot.location(id)?.map_or(0, |(_, place)| place as usize);
        let events = snapshot.events(height)?;
        let own = events.as_ref().and_then(|events| events.transactions.get(place));
        let failed =
            |error: serde_json::Error| Error::Internal { action: "show a transaction", why: error.to_string() };
        let whole = serde_json::to_string_pretty(&located.transaction).map_err(failed)?;
        let shown: String = whole.chars().take(SHOWN_BYTES_MAX).collect();
        Ok(OneTransaction {
            shell,
            id,
            kind: kind(&located.transaction)?,
            header: located.header,
            happenings: own.map_or(vec![], |events| events.iter().map(event::in_words).collect()),
            bytes: located.transaction.to_bytes()?.len(),
            cut: shown.len() < whole.len(),
            json: shown,
            transaction: located.transaction,
        })
    });
    page(&shown.await?)
}
