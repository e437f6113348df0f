//! Named bounds of what clinical files may hold.

/// Most bytes of one clinical file.
pub const CLINICAL_BYTES_MAX: u64 = 256 << 20;
/// Most JSON values of one file: objects, arrays, texts, numbers and the rest together.
pub const JSON_VALUES_MAX: usize = 16 << 20;
/// Most resources of one FHIR file.
pub const RESOURCES_MAX: usize = 1 << 20;
/// Most files of one conversion.
pub const FILES_MAX: usize = 1 << 16;
/// Most people of one conversion.
pub const PEOPLE_MAX: usize = 1 << 17;
/// Most bytes of a mapping file.
pub const MAPPING_BYTES_MAX: u64 = 4 << 20;
/// Most codes of one code set or one rule.
pub const CODES_MAX: usize = 1 << 16;
/// Longest system or code, in bytes.
pub const CODE_BYTES_MAX: usize = 256;
/// Longest unit, in bytes.
pub const UNIT_BYTES_MAX: usize = 64;
/// Longest text of a number, in bytes.
pub const NUMBER_BYTES_MAX: usize = 48;
/// Greatest power of ten of a number, either way.
pub const EXPONENT_MAX: i32 = 40;
/// Greatest number of years, months, weeks or days in a duration.
pub const DURATION_MAX: u32 = 1_000_000;
