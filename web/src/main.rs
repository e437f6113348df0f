//! The `locus` binary.
fn main() {}
