//! Reserved INFO and FORMAT keys: their number, type and range (VCF 4.2 and 4.3, sections 1.4 and 1.6).

/// How many values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// Exactly so many.
    Count(usize),
    /// One to each alternate allele.
    Alternates,
    /// One to each allele, the reference first.
    Alleles,
    /// One to each possible genotype.
    Genotypes,
    /// Any.
    Any,
}

/// The type of each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Float,
    Flag,
    Character,
    Text,
}

/// What a header or the specification says of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) number: Number,
    pub(super) kind: Kind,
}

const fn define(number: Number, kind: Kind) -> Option<Definition> {
    Some(Definition { number, kind })
}

/// The definition of a reserved INFO key.
pub(super) fn info(key: &str, minor: u32) -> Option<Definition> {
    match key {
        "AA" => define(Number::Count(1), Kind::Text),
        "AC" => define(Number::Alternates, Kind::Integer),
        "AD" | "ADF" | "ADR" if minor >= 3 => define(Number::Alleles, Kind::Integer),
        "AF" => define(Number::Alternates, Kind::Float),
        "BQ" | "MQ" => define(Number::Count(1), Kind::Float),
        "CIGAR" => define(Number::Alternates, Kind::Text),
        "AN" | "DP" | "END" | "MQ0" | "NS" => define(Number::Count(1), Kind::Integer),
        "DB" | "H2" | "H3" | "SOMATIC" | "VALIDATED" | "1000G" => define(Number::Count(0), Kind::Flag),
        _ => None,
    }
}

/// The definition of a reserved FORMAT key.
pub(super) fn format(key: &str, minor: u32) -> Option<Definition> {
    match key {
        "GT" | "FT" => define(Number::Count(1), Kind::Text),
        "AD" | "ADF" | "ADR" if minor >= 3 => define(Number::Alleles, Kind::Integer),
        "DP" | "GQ" | "MQ" | "PQ" | "PS" => define(Number::Count(1), Kind::Integer),
        "EC" => define(Number::Alternates, Kind::Integer),
        "GL" | "GP" => define(Number::Genotypes, Kind::Float),
        "HQ" => define(Number::Count(2), Kind::Integer),
        "PL" => define(Number::Genotypes, Kind::Integer),
        _ => None,
    }
}

/// Whether a header may define a reserved key so. From 4.3 the specification fixes it; before, tools in wide use wrote
/// `.` or 1 where it says A or G, and took mapping and genotype qualities for either integers or floats.
pub(super) fn admits(key: &str, reserved: Definition, given: Definition, minor: u32) -> bool {
    let numeric = matches!(given.kind, Kind::Integer | Kind::Float);
    let kind = given.kind == reserved.kind || (minor < 3 && numeric && matches!(key, "GQ" | "MQ"));
    let loose = given.number == Number::Any || (given.number == Number::Count(1) && matches!(key, "AC" | "AF"));
    let number = given.number == reserved.number || (minor < 3 && loose);
    kind && number
}

/// Whether a reserved INFO value lies in its range: counts and frequencies are not negative, a CIGAR is lengths and
/// operations.
pub(super) fn in_range(key: &str, value: &str) -> bool {
    match key {
        "AC" | "AF" | "AN" | "DP" | "END" | "MQ0" | "NS" => !value.starts_with('-'),
        "CIGAR" => is_cigar(value),
        _ => true,
    }
}

fn is_cigar(value: &str) -> bool {
    let mut digits = 0usize;
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'M' | b'I' | b'D' | b'N' | b'S' | b'H' | b'P' | b'=' | b'X' if digits > 0 => digits = 0,
            _ => return false,
        }
    }
    digits == 0 && !value.is_empty()
}
