//! The demo: all parties in one process, on real genomes.

pub mod truth;
