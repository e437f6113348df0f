//! The node of Locus.
