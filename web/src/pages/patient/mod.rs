//! A person's pages, served by their own agent or by a hospital's: records, rules, who asked, money and privacy.
//!
//! Written to be read at twelve. Words of the trade are behind a tap, and other words lead to the help. A session sees one wallet; each change is
//! confirmed on a page that says what it does and what it cannot undo, and is followed until its block.

mod alerts;
mod asked;
mod changes;
mod confirm;
mod consent;
mod difference;
mod download;
mod enter;
mod everything;
mod explained;
mod guard;
mod help;
mod home;
mod illness;
mod in_words;
mod invitations;
mod licence_words;
mod licences;
mod money;
mod privacy;
mod records;
mod trouble;
mod visit;
mod words;

use actix_web::{
    HttpRequest,
    middleware::from_fn,
    web::{self, Data, FormConfig, ServiceConfig},
};
use node::genesis::Network;

pub(crate) use self::{everything::Everything, illness::Illnesses};
use super::{assets, shell};
use crate::{api::no_endpoint, patient::PatientPages};

/// The longest form, in bytes: a contact and a few numbers, many times over.
const FORM_BYTES_MAX: usize = 32 << 10;

/// The parts of a person's site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Elsewhere,
    Home,
    Records,
    Consent,
    Asked,
    Invitations,
    Licences,
    Money,
    Privacy,
}

impl shell::Part for Part {
    const LISTED: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Home, "/", "Home"),
        (Self::Records, "/records", "My records"),
        (Self::Consent, "/use", "What it may be used for"),
        (Self::Asked, "/asked", "Who asked"),
        (Self::Invitations, "/invitations", "Invitations"),
        (Self::Licences, "/licences", "Licences"),
        (Self::Money, "/money", "Money"),
        (Self::Privacy, "/privacy", "Privacy"),
    ];

    fn network(request: &HttpRequest) -> Option<(Network, String)> {
        let genesis = request.app_data::<Data<PatientPages>>()?.ledger().genesis();
        Some((genesis.network, genesis.name.clone()))
    }
}

/// Adds every page.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let pages = web::scope("")
        .wrap(from_fn(guard::as_page))
        .wrap(from_fn(guard::same_origin))
        .app_data(FormConfig::default().limit(FORM_BYTES_MAX))
        .service(shell::choose_theme)
        .service(assets::serve_asset)
        .configure(enter::configure)
        .service(home::home)
        .service(help::help)
        .service(records::records)
        .configure(consent::configure)
        .configure(asked::configure)
        .configure(invitations::configure)
        .configure(licences::configure)
        .configure(money::configure)
        .configure(privacy::configure)
        .service(download::download)
        .service(confirm::follow)
        .default_service(web::to(no_endpoint));
    config.service(pages);
}
