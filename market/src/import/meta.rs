//! The rules of header lines that noodles leaves to its user.

use super::refusal::{Checked, invalid, shown};

/// Greatest `IDX` of a BCF dictionary entry: dictionaries are arrays, and a huge index would exhaust memory.
const IDX_MAX: usize = 1 << 20;
const REMEDY: &str = "correct the header line, for instance with `bcftools reheader`";
/// First-level types of symbolic alleles (VCF 4.3, section 1.4.5).
const SYMBOLIC_TYPES: [&str; 5] = ["DEL", "INS", "DUP", "INV", "CNV"];

/// Minor version of VCF 4.
pub(super) type Minor = u32;

/// `##key=value`.
pub(super) struct Meta<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

/// One `name=value` inside `<…>`.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) quoted: bool,
}

/// Splits a header line into key and value.
pub(super) fn split(line: &str) -> Checked<Meta<'_>> {
    let Some((key, value)) = line.strip_prefix("##").and_then(|rest| rest.split_once('=')) else {
        return invalid(format!("the header line {} is not ##key=value", shown(line.as_bytes())), REMEDY);
    };
    if key.is_empty() || key.contains(char::is_whitespace) || value.trim().is_empty() {
        return invalid(format!("the header line {} lacks a key or a value", shown(line.as_bytes())), REMEDY);
    }
    Ok(Meta { key, value })
}

/// Checks one header line, with the rules of its kind.
pub(super) fn check(meta: &Meta<'_>, minor: Minor) -> Checked<()> {
    match meta.key {
        "assembly" => check_url(meta.value),
        "pedigreeDB" => match meta.value.strip_prefix('<').and_then(|value| value.strip_suffix('>')) {
            Some(url) => check_url(url),
            None => invalid("pedigreeDB is not <URL>", REMEDY),
        },
        "INFO" | "FORMAT" => ordered(meta, &["ID", "Number", "Type", "Description"]).and_then(|f| check_typed(&f)),
        "FILTER" => ordered(meta, &["ID", "Description"]).and_then(|fields| check_indexed(&fields)),
        "ALT" => ordered(meta, &["ID", "Description"]).and_then(|fields| check_alternate(&fields)),
        "META" => ordered(meta, &["ID", "Number", "Type", "Values"]).and_then(|fields| check_values(&fields)),
        "contig" => fields(meta.value).and_then(|fields| check_contig(&fields)),
        "SAMPLE" => ordered(meta, &["ID"]).and_then(|fields| check_words(fields.get(..1).unwrap_or_default())),
        "PEDIGREE" if minor >= 3 => ordered(meta, &["ID"]).and_then(|fields| check_words(&fields)),
        "PEDIGREE" => fields(meta.value).and_then(|fields| check_words(&fields)),
        _ => Ok(()),
    }
}

/// The fields of `<name=value,…>`; a value may be quoted, with `\"` and `\\` inside, or bracketed.
pub(super) fn fields(value: &str) -> Checked<Vec<Field<'_>>> {
    let Some(mut rest) = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')) else {
        return invalid("a structured header line is not closed between < and >", REMEDY);
    };
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return invalid(format!("{} is not name=value", shown(rest.as_bytes())), REMEDY);
        };
        let length = value_length(after)?;
        let (text, remaining) = after.split_at_checked(length).unwrap_or((after, ""));
        let quoted = text.starts_with('"');
        let text = if quoted { text.get(1..text.len() - 1).unwrap_or_default() } else { text };
        if name.is_empty()
            || (!quoted
                && (text.is_empty() || text.contains(['<', '>', '"']) && name != "ID" && !text.starts_with('<')))
        {
            return invalid(format!("the field {} has no proper name or value", shown(name.as_bytes())), REMEDY);
        }
        fields.push(Field { name, value: text, quoted });
        rest = match remaining.strip_prefix(',') {
            Some(next) if !next.is_empty() => next,
            None if remaining.is_empty() => "",
            _ => return invalid(format!("text follows the value of {}", shown(name.as_bytes())), REMEDY),
        };
    }
    Ok(fields)
}

fn value_length(text: &str) -> Checked<usize> {
    let bytes = text.as_bytes();
    // A list, or the nested fields that TCGA files have.
    for (open, close) in [('[', ']'), ('<', '>')] {
        if text.starts_with(open) {
            return Ok(text.find(close).map_or(text.len(), |end| end + 1));
        }
    }
    if bytes.first() != Some(&b'"') {
        return Ok(text.find(',').unwrap_or(text.len()));
    }
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok(index + 1),
            _ => {}
        }
    }
    invalid("a quoted value is not closed", REMEDY)
}

fn ordered<'a>(meta: &Meta<'a>, names: &[&str]) -> Checked<Vec<Field<'a>>> {
    let fields = fields(meta.value)?;
    let given: Vec<&str> = fields.iter().map(|field| field.name).collect();
    if !given.starts_with(names) {
        let expected = names.join(", ");
        return invalid(format!("a {} line has the fields {given:?} where {expected} come first", meta.key), REMEDY);
    }
    for field in &fields {
        if field.name == "Description" && !field.quoted {
            return invalid(format!("the Description of a {} line is not in double quotes", meta.key), REMEDY);
        }
    }
    Ok(fields)
}

fn first<'a>(fields: &[Field<'a>]) -> &'a str {
    fields.first().map_or("", |field| field.value)
}

fn check_typed(fields: &[Field<'_>]) -> Checked<()> {
    let id = first(fields);
    if id.is_empty() || id.contains(|c: char| c.is_whitespace() || c == ';' || c == '=') {
        return invalid(format!("{} is not an INFO or FORMAT key", shown(id.as_bytes())), REMEDY);
    }
    check_indexed(fields)
}

fn check_indexed(fields: &[Field<'_>]) -> Checked<()> {
    match fields.iter().find(|field| field.name == "IDX").map(|field| field.value.parse::<usize>()) {
        None | Some(Ok(0..=IDX_MAX)) => Ok(()),
        Some(_) => invalid(format!("an IDX is not a number up to {IDX_MAX}"), REMEDY),
    }
}

fn check_alternate(fields: &[Field<'_>]) -> Checked<()> {
    let id = first(fields);
    if id.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',')) {
        return invalid(format!("the ALT identifier {} has a character that ends it", shown(id.as_bytes())), REMEDY);
    }
    match id.split_once(':') {
        Some((kind, _)) if !SYMBOLIC_TYPES.contains(&kind) => {
            let why = format!("the ALT identifier {} has no type among {SYMBOLIC_TYPES:?}", shown(id.as_bytes()));
            invalid(why, REMEDY)
        }
        _ => Ok(()),
    }
}

fn check_values(fields: &[Field<'_>]) -> Checked<()> {
    let value = |index: usize| fields.get(index).map_or("", |field| field.value);
    let number = matches!(value(1), "." | "A" | "R" | "G") || value(1).parse::<u32>().is_ok();
    let kind = matches!(value(2), "Integer" | "Float" | "Flag" | "Character" | "String");
    if number && kind && value(3).starts_with('[') && value(3).ends_with(']') {
        return Ok(());
    }
    invalid("a META line has a wrong Number or Type, or Values that are not [a, b, …]", REMEDY)
}

fn check_contig(fields: &[Field<'_>]) -> Checked<()> {
    check_indexed(fields)?;
    match fields.iter().find(|field| field.name == "ID") {
        Some(id) => super::site::check_chromosome(id.value),
        None => invalid("a contig line has no ID", REMEDY),
    }
}

fn check_words(fields: &[Field<'_>]) -> Checked<()> {
    let word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    match fields.iter().find(|field| !word(field.value)) {
        Some(field) => invalid(format!("{} = {} is not one word", field.name, shown(field.value.as_bytes())), REMEDY),
        None => Ok(()),
    }
}

/// Only what says itself to be a URL is checked as one; files also put plain names here.
fn check_url(value: &str) -> Checked<()> {
    let Some((scheme, rest)) = value.split_once("://") else {
        return if value.is_empty() { invalid("a URL is empty", REMEDY) } else { Ok(()) };
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let named = host.contains(|c: char| c.is_alphabetic()) || host.parse::<std::net::Ipv4Addr>().is_ok();
    if scheme.chars().all(|c| c.is_ascii_alphanumeric()) && (named || scheme == "file") {
        return Ok(());
    }
    invalid(format!("{} is not a URL with a host", shown(value.as_bytes())), REMEDY)
}
