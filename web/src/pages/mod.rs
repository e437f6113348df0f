//! The pages: what the API serves, for people, rendered by the server.
//!
//! Whatever is on the ledger may be read without signing in. Nothing here signs: a page that leads to a transaction ends
//! in a file and the command that signs it. Every page works without script; htmx, served from here, saves reloads.

mod assets;
mod builder;
mod explorer;
mod gzip;
mod help;
mod home;
mod parts;
pub(crate) mod patient;
mod queries;
mod refusal;
mod regions;
mod results;
mod screenings;
mod shell;
mod sign_in;
mod studies;
mod upload;
mod verify;
pub(crate) mod words;
mod you;

use actix_web::{
    middleware::from_fn,
    web::{self, FormConfig, ServiceConfig},
};

pub(crate) use self::{parts::number, refusal::cross_site_as_page, verify::Handed};

/// The longest form without files, in bytes: a query with every clause and measure there can be, many times over.
const FORM_BYTES_MAX: usize = 1 << 20;

/// Adds every page. The API's routes come before, since the scope of pages takes every path that is left.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let pages = web::scope("")
        .wrap(from_fn(refusal::as_page))
        .wrap(from_fn(shell::note_reader))
        .app_data(FormConfig::default().limit(FORM_BYTES_MAX))
        .service(home::home)
        .service(help::help)
        .service(shell::choose_theme)
        .service(assets::serve_asset)
        .configure(explorer::configure)
        .service(studies::list)
        .service(studies::show)
        .service(queries::list)
        .service(queries::show)
        .service(queries::follow)
        .service(screenings::list)
        .service(screenings::show)
        .service(verify::check_screening)
        .service(verify::save_screening)
        .service(verify::ask)
        .service(verify::check_receipt)
        .service(verify::offline)
        .service(results::ask)
        .service(results::show)
        .service(results::save_file)
        .service(sign_in::ask)
        .service(sign_in::ask_institution)
        .service(sign_in::hear_institution)
        .service(sign_in::look_at_link)
        .service(sign_in::open_link)
        .service(you::show)
        .service(you::rename)
        .service(you::rename_passkey)
        .service(you::remove_passkey)
        .service(you::add_institution)
        .service(you::remove_institution)
        .service(you::unlink)
        .service(you::end_session)
        .service(you::sign_out)
        .service(you::sign_out_everywhere)
        .configure(builder::configure);
    config.service(pages);
}
