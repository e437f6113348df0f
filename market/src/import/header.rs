//! The header, parsed by noodles and checked against the rules it leaves open.

use std::collections::{HashMap, HashSet};

use noodles::vcf::header::{
    FileFormat, Parser, StringMaps,
    parser::{Entry, FileFormatOption},
    record::value::map::{format, info},
};

use super::{
    limits::{HEADER_BYTES_MAX, NAME_BYTES_MAX, SAMPLES_MAX},
    meta::{self, Meta, Minor},
    refusal::{Checked, invalid, shown, unsupported},
    reserved::{self, Definition, Kind, Number},
};

const REMEDY: &str = "correct the header line, for instance with `bcftools reheader`";

/// What the records are read against.
pub(super) struct Header {
    /// Minor version of VCF 4.
    pub(super) minor: Minor,
    /// The reference genome, as far as the header tells.
    pub(super) build: Option<String>,
    /// The people, in column order.
    pub(super) samples: Vec<String>,
    /// BCF's dictionaries.
    pub(super) strings: StringMaps,
    infos: HashMap<String, Definition>,
    formats: HashMap<String, Definition>,
}

impl Header {
    /// The definition of an INFO key: the header's, else the reserved one.
    pub(super) fn info(&self, key: &str) -> Option<Definition> {
        self.infos.get(key).copied().or_else(|| reserved::info(key, self.minor))
    }

    /// The definition of a FORMAT key: the header's, else the reserved one.
    pub(super) fn format(&self, key: &str) -> Option<Definition> {
        self.formats.get(key).copied().or_else(|| reserved::format(key, self.minor))
    }
}

/// Collects header lines up to `#CHROM`.
pub(super) struct HeaderLines {
    parser: Parser,
    strings: StringMaps,
    minor: Option<Minor>,
    build: Option<String>,
    infos: HashMap<String, Definition>,
    formats: HashMap<String, Definition>,
    contigs: HashSet<String>,
    bytes: usize,
}

impl HeaderLines {
    pub(super) fn new() -> Self {
        Self {
            // Reserved keys are checked here: noodles also fixes those that files in use define otherwise.
            parser: Parser::builder()
                .set_file_format_option(FileFormatOption::FileFormat(FileFormat::new(4, 2)))
                .build(),
            strings: StringMaps::default(),
            minor: None,
            build: None,
            infos: HashMap::new(),
            formats: HashMap::new(),
            contigs: HashSet::new(),
            bytes: 0,
        }
    }

    /// Takes one line; gives the header at the `#CHROM` line.
    pub(super) fn take(&mut self, line: &[u8]) -> Checked<Option<Header>> {
        self.bytes = self.bytes.saturating_add(line.len());
        if self.bytes > HEADER_BYTES_MAX {
            return invalid(format!("the header is longer than {HEADER_BYTES_MAX} bytes"), "check that this is VCF");
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return invalid(format!("the header line {} is not UTF-8", shown(line)), "convert it with `iconv`");
        };
        let Some(minor) = self.minor else {
            self.minor = Some(version(text)?);
            return self.parse(line).map(|()| None);
        };
        if text.starts_with("#CHROM") {
            self.parse(line)?;
            return self.finish(text, minor).map(Some);
        }
        let meta = meta::split(text)?;
        meta::check(&meta, minor)?;
        self.note_build(&meta);
        match meta.key {
            "fileformat" | "INFO" | "FORMAT" | "FILTER" | "ALT" => self.parse(line)?,
            // As in htslib, a repeated contig line adds nothing.
            "contig" if self.contigs.insert(contig_name(&meta)?) => self.parse(line)?,
            _ => {}
        }
        self.check_reserved(&meta, minor).map(|()| None)
    }

    /// Lets noodles read a line that later steps depend on.
    fn parse(&mut self, line: &[u8]) -> Checked<()> {
        let entry = match self.parser.parse_partial(line) {
            Ok(entry) => entry,
            Err(error) => return invalid(format!("the header line {}: {}", shown(line), chain(&error)), REMEDY),
        };
        match &entry {
            Entry::Info(id, map) => {
                self.infos.insert((*id).into(), Definition { number: map.number().into(), kind: map.ty().into() });
            }
            Entry::Format(id, map) => {
                self.formats.insert((*id).into(), Definition { number: map.number().into(), kind: map.ty().into() });
            }
            _ => {}
        }
        match self.strings.insert_entry(&entry) {
            Ok(()) => Ok(()),
            Err(error) => invalid(format!("the header line {}: {}", shown(line), chain(&error)), REMEDY),
        }
    }

    fn check_reserved(&self, meta: &Meta<'_>, minor: Minor) -> Checked<()> {
        let definitions = match meta.key {
            "INFO" => &self.infos,
            "FORMAT" => &self.formats,
            _ => return Ok(()),
        };
        let fields = meta::fields(meta.value)?;
        let Some(id) = fields.first().map(|field| field.value) else { return Ok(()) };
        let reserved = if meta.key == "INFO" { reserved::info(id, minor) } else { reserved::format(id, minor) };
        match (reserved, definitions.get(id)) {
            (Some(reserved), Some(given)) if !reserved::admits(id, reserved, *given, minor) => {
                let (number, kind) = (reserved.number, reserved.kind);
                let why = format!("{} {id} is reserved with Number {number:?} and Type {kind:?}", meta.key);
                invalid(why, REMEDY)
            }
            _ => Ok(()),
        }
    }

    fn note_build(&mut self, meta: &Meta<'_>) {
        if self.build.is_none() && matches!(meta.key, "reference" | "contig" | "assembly") {
            self.build = known_build(meta);
        }
    }

    fn finish(&mut self, columns: &str, minor: Minor) -> Checked<Header> {
        let parsed = match std::mem::take(&mut self.parser).finish() {
            Ok(parsed) => parsed,
            Err(error) => return invalid(format!("the header is incomplete: {}", chain(&error)), REMEDY),
        };
        let samples: Vec<String> = parsed.sample_names().iter().cloned().collect();
        check_samples(columns, &samples)?;
        Ok(Header {
            minor,
            build: self.build.take(),
            samples,
            strings: std::mem::take(&mut self.strings),
            infos: std::mem::take(&mut self.infos),
            formats: std::mem::take(&mut self.formats),
        })
    }
}

fn check_samples(columns: &str, samples: &[String]) -> Checked<()> {
    if columns.split('\t').count() == 8 {
        return unsupported("a sites-only file without genotypes", "choose a file with a FORMAT column and samples");
    }
    if samples.is_empty() {
        return invalid("there is a FORMAT column but no sample", "add the samples' columns or drop FORMAT");
    }
    if samples.len() > SAMPLES_MAX {
        return unsupported(format!("{} samples, above {SAMPLES_MAX},", samples.len()), "split the file by samples");
    }
    let unusable =
        |name: &&String| name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control);
    match samples.iter().find(unusable) {
        Some(name) => invalid(
            format!("the sample name {} is empty, too long or has a control character", shown(name.as_bytes())),
            REMEDY,
        ),
        None => Ok(()),
    }
}

fn version(line: &str) -> Checked<Minor> {
    let Some(version) = line.strip_prefix("##fileformat=") else {
        let why = format!("the first line is {} and not ##fileformat=VCFv4.x", shown(line.as_bytes()));
        return invalid(why, "choose a VCF or BCF file with its header");
    };
    let minor = version.strip_prefix("VCFv4.").and_then(|minor| minor.parse().ok());
    match minor {
        Some(minor @ 0..=5) => Ok(minor),
        _ if version.starts_with("VCF") && !version.contains(char::is_whitespace) => {
            unsupported(format!("the format version {}", shown(version.as_bytes())), "convert it to VCF 4.0 to 4.5")
        }
        _ => invalid(format!("the file format {} is not VCFv4.x", shown(version.as_bytes())), REMEDY),
    }
}

/// Length of chromosome 1, 20, 21 and 22 in the builds (Genome Reference Consortium).
const LENGTHS: [(&str, &str); 8] = [
    ("249250621", "GRCh37"),
    ("63025520", "GRCh37"),
    ("48129895", "GRCh37"),
    ("51304566", "GRCh37"),
    ("248956422", "GRCh38"),
    ("64444167", "GRCh38"),
    ("46709983", "GRCh38"),
    ("50818468", "GRCh38"),
];

fn known_build(meta: &Meta<'_>) -> Option<String> {
    let text = meta.value.to_ascii_lowercase();
    let names = [("GRCh37", ["grch37", "hg19", "b37", "hs37"]), ("GRCh38", ["grch38", "hg38", "b38", "hs38"])];
    let named = names.into_iter().find(|(_, names)| names.iter().any(|name| text.contains(name)));
    if let Some((build, _)) = named {
        return Some(build.to_owned());
    }
    let fields = if meta.key == "contig" { meta::fields(meta.value).ok()? } else { return None };
    let length = fields.iter().find(|field| field.name == "length")?.value;
    LENGTHS.iter().find(|(known, _)| *known == length).map(|(_, build)| (*build).to_owned())
}

fn contig_name(meta: &Meta<'_>) -> Checked<String> {
    let fields = meta::fields(meta.value)?;
    Ok(fields.iter().find(|field| field.name == "ID").map_or("", |field| field.value).to_owned())
}

/// An error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl From<info::Number> for Number {
    fn from(number: info::Number) -> Self {
        match number {
            info::Number::Count(count) => Self::Count(count),
            info::Number::AlternateBases => Self::Alternates,
            info::Number::ReferenceAlternateBases => Self::Alleles,
            // The specification leaves open which genotypes an INFO field counts.
            info::Number::Samples | info::Number::Unknown => Self::Any,
        }
    }
}

impl From<format::Number> for Number {
    fn from(number: format::Number) -> Self {
        match number {
            format::Number::Count(count) => Self::Count(count),
            format::Number::AlternateBases => Self::Alternates,
            format::Number::ReferenceAlternateBases => Self::Alleles,
            format::Number::Samples => Self::Genotypes,
            _ => Self::Any,
        }
    }
}

impl From<info::Type> for Kind {
    fn from(kind: info::Type) -> Self {
        match kind {
            info::Type::Integer => Self::Integer,
            info::Type::Float => Self::Float,
            info::Type::Flag => Self::Flag,
            info::Type::Character => Self::Character,
            info::Type::String => Self::Text,
        }
    }
}

impl From<format::Type> for Kind {
    fn from(kind: format::Type) -> Self {
        match kind {
            format::Type::Integer => Self::Integer,
            format::Type::Float => Self::Float,
            format::Type::Character => Self::Character,
            format::Type::String => Self::Text,
        }
    }
}
