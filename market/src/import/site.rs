//! The fixed columns of a record.

use super::{
    limits::{ALLELE_BYTES_MAX, ALTERNATES_MAX, NAME_BYTES_MAX},
    refusal::{Checked, invalid, shown, unsupported},
    report::SkipReason,
};

const REMEDY: &str = "correct the record; `bcftools view` or a VCF validator shows what is expected";

/// Where a record lies and what it compares.
pub(super) struct Site<'a> {
    pub(super) chrom: &'a str,
    /// 1-based; 0 is the telomere.
    pub(super) pos: u32,
    pub(super) reference: &'a str,
    /// One entry to each ALT allele.
    pub(super) alternates: Vec<Alternate<'a>>,
}

/// An ALT allele.
#[derive(Clone, Copy)]
pub(super) enum Alternate<'a> {
    /// A sequence that differs from the reference.
    Bases(&'a str),
    /// Something a dosage does not count.
    Skipped(SkipReason),
}

impl<'a> Site<'a> {
    /// Checks CHROM, POS, REF and ALT.
    pub(super) fn new<'b: 'a>(
        chrom: &'b str,
        pos: u32,
        reference: &'b str,
        alternates: impl Iterator<Item = &'b str>,
    ) -> Checked<Self> {
        check_chromosome(chrom)?;
        if !is_bases(reference) {
            let why = format!("the reference {} is not made of A, C, G, T and N", shown(reference.as_bytes()));
            return invalid(why, REMEDY);
        }
        let alternates = alternates.map(|text| alternate(text, reference)).collect::<Checked<Vec<_>>>()?;
        if alternates.len() > ALTERNATES_MAX {
            return unsupported(format!("{} alternate alleles, above {ALTERNATES_MAX},", alternates.len()), REMEDY);
        }
        Ok(Self { chrom, pos, reference, alternates })
    }
}

/// A contig name, or one in `<…>` from an assembly file (VCF 4.3, sections 1.4.7 and 1.6.1).
pub(super) fn check_chromosome(name: &str) -> Checked<()> {
    let inner = name.strip_prefix('<').and_then(|name| name.strip_suffix('>'));
    let text = inner.unwrap_or(name);
    let allowed = |c: char| {
        c.is_ascii_graphic()
            && !matches!(c, ',' | '<' | '>' | '[' | ']' | '(' | ')' | '{' | '}' | '"' | '\'' | '`' | '\\')
    };
    let starts = inner.is_some() || !text.starts_with(['*', '=']);
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && starts && text.chars().all(allowed) {
        return Ok(());
    }
    invalid(format!("{} is not the name of a chromosome or contig", shown(name.as_bytes())), REMEDY)
}

fn is_bases(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|base| matches!(base.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'N'))
}

fn alternate<'a>(text: &'a str, reference: &str) -> Checked<Alternate<'a>> {
    if is_bases(text) {
        if text.len() > ALLELE_BYTES_MAX || reference.len() > ALLELE_BYTES_MAX {
            return Ok(Alternate::Skipped(SkipReason::LongAllele));
        }
        let same = text.eq_ignore_ascii_case(reference);
        return Ok(if same { Alternate::Skipped(SkipReason::SameAsReference) } else { Alternate::Bases(text) });
    }
    let symbolic = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic() && !b"<>,".contains(&c));
    if text == "*" {
        return Ok(Alternate::Skipped(SkipReason::SpanningDeletion));
    }
    if text == "." {
        return Ok(Alternate::Skipped(SkipReason::NoAlternate));
    }
    if text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).is_some_and(symbolic) {
        return Ok(Alternate::Skipped(SkipReason::Symbolic));
    }
    if is_breakend(text) {
        return Ok(Alternate::Skipped(SkipReason::Breakend));
    }
    invalid(
        format!("the alternate {} is neither bases nor a symbolic allele nor a breakend", shown(text.as_bytes())),
        REMEDY,
    )
}

/// `t[p[`, `t]p]`, `]p]t`, `[p[t`, `.t` or `t.` (VCF 4.3, section 5.4).
fn is_breakend(text: &str) -> bool {
    let single = text.strip_prefix('.').or_else(|| text.strip_suffix('.'));
    if single.is_some_and(is_bases) {
        return true;
    }
    let parts: Vec<&str> = text.split(['[', ']']).collect();
    let [before, mate, after] = parts.as_slice() else { return false };
    let same = text.matches('[').count() == 2 || text.matches(']').count() == 2;
    let one_side = (is_bases(before) && after.is_empty()) || (before.is_empty() && is_bases(after));
    let place = mate.rsplit_once(':').is_some_and(|(contig, pos)| !contig.is_empty() && pos.parse::<u32>().is_ok());
    same && one_side && place
}

/// QUAL: `.` or a number that is not negative.
pub(super) fn check_quality(text: &str) -> Checked<()> {
    let sound = text == "." || text.parse::<f64>().is_ok_and(|quality| quality.is_nan() || quality >= 0.0);
    if sound {
        return Ok(());
    }
    invalid(format!("QUAL {} is neither . nor a number of at least 0", shown(text.as_bytes())), REMEDY)
}

/// ID: `.` or distinct identifiers.
pub(super) fn check_ids(text: &str, minor: u32) -> Checked<()> {
    check_list("ID", text, minor, |_| true)
}

/// FILTER: `.`, `PASS` or the filters that failed.
pub(super) fn check_filters(text: &str, minor: u32) -> Checked<()> {
    check_list("FILTER", text, minor, |entry| entry != "0")
}

fn check_list(column: &str, text: &str, minor: u32, allowed: impl Fn(&str) -> bool) -> Checked<()> {
    if text == "." {
        return Ok(());
    }
    let entries: Vec<&str> = text.split(';').collect();
    let sound =
        |entry: &&str| !entry.is_empty() && *entry != "." && !entry.contains(char::is_whitespace) && allowed(entry);
    let distinct = minor < 3 || entries.iter().collect::<std::collections::BTreeSet<_>>().len() == entries.len();
    if distinct && entries.iter().all(sound) {
        return Ok(());
    }
    invalid(format!("{column} {} has an empty, missing, repeated or reserved entry", shown(text.as_bytes())), REMEDY)
}

/// POS: digits.
pub(super) fn parse_position(text: &str) -> Checked<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(pos) if digits => Ok(pos),
        _ => invalid(format!("POS {} is not a position", shown(text.as_bytes())), REMEDY),
    }
}
