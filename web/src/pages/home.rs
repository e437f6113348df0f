//! The first page: what Locus is for its kinds of readers, with this network's numbers.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use askama::Template;
use market::index::{Order, Paging, QueryFilter, QueryRow, Stage};
use node::state::{Conformance, Tip};

use super::{
    parts,
    queries::{Listed, listed},
    shell::{Section, Shell, page},
    words,
};
use crate::{
    Error,
    api::{Service, Totals, blocking, records},
};

/// Queries that the page shows.
const LATEST: Paging = Paging { after: None, limit: 4, order: Order::Newest };

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    shell: Shell,
    tip: Tip,
    records: u32,
    /// None where the node cannot list.
    totals: Option<Totals>,
    queries: Vec<Listed>,
    lack: Option<String>,
}

impl Home {
    fn studies(&self) -> Option<u64> {
        Some(self.totals?.studies)
    }

    fn queries_all(&self) -> Option<u64> {
        Some(self.totals?.queries)
    }

    fn released(&self) -> Option<u64> {
        Some(self.totals?.released)
    }
}

/// The home page.
#[get("/")]
pub(super) async fn home(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Elsewhere, "Research on records that nobody sees");
    let home = blocking(move || {
        let snapshot = service.chain.snapshot()?;
        let (lack, index) = (service.listings_lack()?, &service.index);
        let latest = match lack {
            None => index.queries(&QueryFilter::default(), &LATEST)?.items,
            Some(_) => vec![],
        };
        let queries = latest
            .into_iter()
            .filter_map(|row: QueryRow| listed(&snapshot, row).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Home {
            shell,
            tip: snapshot.latest()?,
            records: records(&snapshot)?,
            totals: lack.is_none().then(|| Totals::of(&snapshot, index)).transpose()?,
            queries,
            lack,
        })
    });
    page(&home.await?)
}
