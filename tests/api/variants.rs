//! The variants of a schema's panel: what is refused, and what is said of a panel that nobody stored.

use circuits::quorum::Quorum;
use serde_json::json;

use super::{server::Server, shown_alike::Seen};
use crate::world::{World, schema};

#[test]
fn a_wrong_id_place_or_filter_and_a_name_beyond_its_bound_are_refused() {
    let server = Server::start();
    let path = format!("/v1/schemas/{}/variants", schema().id().unwrap());
    server.get("/v1/schemas/x/variants").refused(400, "schema id");
    for wrong in ["after=x", "after=-1", "after=4294967296"] {
        server.get(&format!("{path}?{wrong}")).refused(400, "query string");
    }
    server.get(&format!("{path}?limit=5")).refused(400, "limit");
    let named = |name: &str| server.get(&format!("{path}?name={name}"));
    assert_eq!(named(&"x".repeat(200)).status, 200);
    named(&"x".repeat(201)).refused(413, "200");
    // Bytes count, and not letters.
    assert_eq!(named(&"%C3%A9".repeat(100)).status, 200);
    named(&"%C3%A9".repeat(101)).refused(413, "200");
    server.get(&format!("/v1/schemas/{}/variants", "77".repeat(32))).refused(404, "schema");
}

#[test]
fn a_panel_that_nobody_stored_is_said_to_be_missing_by_program_and_by_command() {
    let id = schema().id().unwrap().to_string();
    let seen = Seen::over(World::ready(Quorum::DEFAULT));
    let missing = json!({ "at_hand": false, "items": [], "next": null });
    assert_eq!(seen.said(&format!("/v1/schemas/{id}/variants")), missing);
    assert_eq!(seen.printed(&["schema", "variants", &id]), missing);
    assert_eq!(seen.told(&["schema", "variants", &id]), "nobody has stored the panel\n");
}
