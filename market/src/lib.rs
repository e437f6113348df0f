//! The market of Locus.
