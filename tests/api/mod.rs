//! The HTTP API over real sockets on loopback: every endpoint, with its rejected twins.

mod blobs;
mod bounds;
mod clients;
mod index;
mod index_crash;
mod lying_node;
mod member;
mod openapi;
mod plans;
mod reads;
mod screenings;
mod server;
mod whole_query;
mod writes;
