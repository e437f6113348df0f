//! The HTTP API over real sockets on loopback: every endpoint, with its rejected twins.

mod aggregator;
pub mod authenticator;
mod authorization;
mod beacon;
mod beacon_node;
mod beacon_schemas;
mod blobs;
mod bounds;
mod builder;
mod chain_alike;
mod clients;
mod fetching;
mod forms;
mod help;
mod incomplete;
pub mod index;
mod index_crash;
pub mod institutions;
mod introductions;
pub mod licences;
pub mod line;
mod lying_node;
mod member;
mod openapi;
mod own_account;
pub mod parity;
mod patient_pages;
mod plans;
pub mod progress;
pub mod provider;
mod public;
mod reads;
mod routes;
mod same_as_pages;
mod screening_terms;
pub mod screenings;
pub mod server;
mod shown_alike;
mod sign_in;
mod sponsor_pages;
mod stages;
mod uploads;
mod variants;
mod ways_in;
mod whole_query;
mod writes;

pub use self::{
    server::{agent, index_at},
    whole_query::sealing_key,
};
