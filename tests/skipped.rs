//! What a test that cannot check anything here says, and where it may not say it.

use std::io::Write as _;

/// Set where Python and a package registry have to be there, as in the long tier.
pub const REQUIRE_PYTHON: &str = "LOCUS_REQUIRE_PYTHON";

/// Says that a test checks nothing, past the capture of what passing tests print.
///
/// # Panics
/// Where [`REQUIRE_PYTHON`] is set to something but 0.
pub fn without_python(test: &str, why: &str) {
    let required = std::env::var(REQUIRE_PYTHON).is_ok_and(|value| !["", "0"].contains(&value.as_str()));
    assert!(!required, "{REQUIRE_PYTHON} is set, and {test} cannot run: {why}");
    let said = format!("\nSKIPPED, NOTHING WAS CHECKED: {test}: {why}\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}
