//! What a test that cannot check anything here says, and where it may not say it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Write as _;

/// Set where Python and a package registry have to be there, as in the long tier.
pub(crate) const REQUIRE_PYTHON: &str = "LOCUS_REQUIRE_PYTHON";
/// Set where a test has to be able to make hosts and file systems of its own, as in the long tier.
pub(crate) const REQUIRE_ROOT: &str = "LOCUS_REQUIRE_ROOT";

/// Set where the data has to be there that lies beside the repository and may not be copied into it.
pub(crate) const REQUIRE_DATA: &str = "LOCUS_REQUIRE_DATA";

/// Says that a test checks nothing, past the capture of what passing tests print.
///
/// # Panics
/// Where `required`, one of the variables above, is set to something but 0.
pub(crate) fn nothing_checked(required: &str, test: &str, why: &str) {
    let is_required = std::env::var(required).is_ok_and(|value| !["", "0"].contains(&value.as_str()));
    assert!(!is_required, "{required} is set, and {test} cannot run: {why}");
    let said = format!("\nSKIPPED, NOTHING WAS CHECKED: {test}: {why}\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}
