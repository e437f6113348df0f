//! What the parts of an overview say.

use super::*;

#[test]
fn what_is_spent_never_reads_as_nothing_nor_as_more_than_all() {
    let rho = |milli| Epsilon::from_milli(milli).rho();
    for (spent, limit, expected) in [(0, 1_000, 0), (1, 10_000, 1), (1_000, 1_000, 100), (9_000, 1_000, 100)] {
        assert_eq!(percent(rho(spent), rho(limit)), expected, "{spent} of {limit}");
    }
    assert_eq!(percent(rho(1), Rho::default()), 100, "of nothing, anything is all");
}
