//! Named bounds of every loop and buffer over untrusted input.

use circuits::record::{GENOTYPE_DEPTH, WINDOW_VARIANTS};

/// Longest text line, in bytes: 100,000 samples at 160 bytes each.
pub const LINE_BYTES_MAX: usize = 16 << 20;
/// Longest header, in bytes.
pub const HEADER_BYTES_MAX: usize = 64 << 20;
/// Most people in one file.
pub const SAMPLES_MAX: usize = 1 << 17;
/// Most variants of one import: what a record's windows hold.
pub const VARIANTS_MAX: usize = WINDOW_VARIANTS << GENOTYPE_DEPTH;
/// Most records read, used or not.
pub const SITES_MAX: u64 = 1 << 28;
/// Most dosages held, one byte each.
pub const DOSAGES_MAX: usize = 1 << 32;
/// Most alternate alleles of one record.
pub const ALTERNATES_MAX: usize = 4096;
/// Longest allele, in bases.
pub const ALLELE_BYTES_MAX: usize = 1 << 16;
/// Longest name of a chromosome or a sample, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest BCF record part, in bytes.
pub const BCF_PART_BYTES_MAX: usize = 64 << 20;
/// Most rows of an attributes table.
pub const ATTRIBUTE_ROWS_MAX: usize = 1 << 20;
/// Most bytes of an attributes table.
pub const ATTRIBUTE_BYTES_MAX: u64 = 256 << 20;

const _: () = assert!(usize::BITS >= 64, "DOSAGES_MAX needs a 64-bit address space");
const _: () = assert!(ALTERNATES_MAX < u16::MAX as usize);
