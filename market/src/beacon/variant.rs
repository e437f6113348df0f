//! Which variants a Beacon request asks for: sequence, range and bracket queries.
//!
//! Beacon positions are 0-based and half-open; a panel's are those of VCF, 1-based. A variant that VCF anchors by the
//! base before it begins at that base here too.

use circuits::schema::Variant;

use crate::Error;

/// The longest allele asked for, in bases.
pub const BASES_MAX: usize = 1_000;
/// The longest name of an assembly or a sequence, in bytes.
pub const REFERENCE_NAME_BYTES_MAX: usize = 64;

/// RefSeq versions of the chromosomes 1 to 22, X and Y in GRCh38; those in GRCh37 are one lower (NCBI Assembly
/// GCF_000001405.26 and GCF_000001405.13).
const GRCH38_VERSIONS: [u32; 24] =
    [11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10];

/// A reference genome. Names of one assembly are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assembly {
    /// GRCh37, hg19.
    Grch37,
    /// GRCh38, hg38.
    Grch38,
    /// Another one, by its name in lower case.
    Other(String),
}

impl Assembly {
    /// The assembly of a name or an accession, patches aside: they leave the chromosomes as they are.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let lower = name.trim().to_ascii_lowercase();
        let base = lower.split(".p").next().unwrap_or_default();
        let accession = base.strip_prefix("gcf_000001405.").and_then(|version| version.parse::<u32>().ok());
        match (base, accession) {
            ("grch37" | "hg19" | "b37" | "hs37d5", _) | (_, Some(13..=25)) => Self::Grch37,
            ("grch38" | "hg38", _) | (_, Some(26..)) => Self::Grch38,
            _ => Self::Other(lower),
        }
    }
}

/// Where variants lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// They begin here.
    Start(u64),
    /// They overlap this, the end not included.
    Overlapping(u64, u64),
    /// They begin in the first and end in the second interval, whose ends are not included.
    Bracket([u64; 2], [u64; 2]),
}

/// The parameters of a request for variants (`g_variant` of the Beacon default model).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantParameters {
    /// The reference genome, `GRCh38`.
    pub assembly: Option<String>,
    /// The chromosome, `22` or `chr22`, or its RefSeq id, `refseq:NC_000022.11`.
    pub reference_name: Option<String>,
    /// One or two positions, 0-based.
    pub start: Vec<u64>,
    /// One or two positions, 0-based, not included.
    pub end: Vec<u64>,
    /// Reference bases; N stands for any.
    pub reference_bases: Option<String>,
    /// Alternate bases; N stands for any.
    pub alternate_bases: Option<String>,
}

/// Which variants are asked for; every one when nothing narrows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantQuery {
    assembly: Option<Assembly>,
    chromosome: Option<String>,
    place: Option<Place>,
    reference: Option<String>,
    alternate: Option<String>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::BeaconRequest { why: why.into() })
}

impl VariantQuery {
    /// Reads a request's parameters.
    ///
    /// # Errors
    /// [`Error::BeaconRequest`] for positions without a chromosome and an assembly, for bases other than A, C, G, T and
    /// N, and for positions that are no sequence, range or bracket query.
    pub fn new(parameters: VariantParameters) -> Result<Self, Error> {
        let VariantParameters { assembly, reference_name, start, end, reference_bases, alternate_bases } = parameters;
        for (what, name) in [("assemblyId", &assembly), ("referenceName", &reference_name)] {
            if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > REFERENCE_NAME_BYTES_MAX) {
                return refused(format!("{what} has 1 to {REFERENCE_NAME_BYTES_MAX} bytes"));
            }
        }
        let (chromosome, implied) = match reference_name.as_deref().map(chromosome_of).transpose()? {
            Some((chromosome, implied)) => (Some(chromosome), implied),
            None => (None, None),
        };
        let named = assembly.as_deref().map(Assembly::named);
        if let (Some(named), Some(implied)) = (&named, &implied)
            && named != implied
        {
            return refused("referenceName is of another assembly than assemblyId; leave one out");
        }
        let query = Self {
            assembly: named.or(implied),
            chromosome,
            place: place(&start, &end, alternate_bases.is_some())?,
            reference: reference_bases.map(bases).transpose()?,
            alternate: alternate_bases.map(bases).transpose()?,
        };
        if query.place.is_some() && (query.chromosome.is_none() || query.assembly.is_none()) {
            return refused("positions mean nothing without referenceName and assemblyId; name both");
        }
        Ok(query)
    }

    /// Whether one variant in one place is asked for.
    pub(super) fn is_of_one_allele(&self) -> bool {
        matches!(self.place, Some(Place::Start(_))) && self.alternate.is_some()
    }

    /// Whether it asks for variants of this assembly.
    pub(super) fn is_on(&self, assembly: &Assembly) -> bool {
        self.assembly.as_ref().is_none_or(|asked| asked == assembly)
    }

    /// Whether it asks for a variant, whose assembly was looked at.
    pub(super) fn asks_for(&self, variant: &Variant) -> bool {
        let start = u64::from(variant.pos).saturating_sub(1);
        let end = start + variant.reference.len() as u64;
        let in_place = match self.place {
            None => true,
            Some(Place::Start(asked)) => start == asked,
            Some(Place::Overlapping(from, to)) => start < to && end > from,
            Some(Place::Bracket(first, last)) => {
                (first[0]..first[1]).contains(&start) && (last[0]..last[1]).contains(&end)
            }
        };
        in_place
            && self.chromosome.as_ref().is_none_or(|asked| *asked == plain_chromosome(&variant.chrom))
            && self.reference.as_ref().is_none_or(|asked| allele_is(asked, &variant.reference))
            && self.alternate.as_ref().is_none_or(|asked| allele_is(asked, &variant.alternate))
    }
}

/// A chromosome's name without prefix: `22` of `chr22`, `MT` of `M`.
pub(super) fn plain_chromosome(name: &str) -> String {
    let upper = name.trim().to_ascii_uppercase();
    let plain = upper.strip_prefix("CHR").unwrap_or(&upper);
    if plain == "M" { "MT".into() } else { plain.into() }
}

/// The chromosome of a name, and the assembly that a RefSeq id implies.
fn chromosome_of(name: &str) -> Result<(String, Option<Assembly>), Error> {
    let upper = name.trim().to_ascii_uppercase();
    let accession = upper.strip_prefix("REFSEQ:").unwrap_or(&upper);
    let Some(number) = accession.strip_prefix("NC_") else { return Ok((plain_chromosome(name), None)) };
    let unknown = || refused(format!("{name:?} is no human chromosome of GRCh37 or GRCh38; write 22 or NC_000022.11"));
    let Some((number, version)) = number.split_once('.') else { return unknown() };
    let (Ok(number), Ok(version)) = (number.parse::<usize>(), version.parse::<u32>()) else { return unknown() };
    let chromosome = match number {
        1..=22 => number.to_string(),
        23 => "X".into(),
        24 => "Y".into(),
        _ => return unknown(),
    };
    match GRCH38_VERSIONS.get(number - 1) {
        Some(latest) if version == *latest => Ok((chromosome, Some(Assembly::Grch38))),
        Some(latest) if version.checked_add(1) == Some(*latest) => Ok((chromosome, Some(Assembly::Grch37))),
        _ => unknown(),
    }
}

fn place(start: &[u64], end: &[u64], alternate: bool) -> Result<Option<Place>, Error> {
    match (start, end) {
        ([], []) => Ok(None),
        ([start], []) if alternate => Ok(Some(Place::Start(*start))),
        ([_], []) => refused("start without end asks for a sequence; name alternateBases, or an end"),
        ([start], [end]) if start < end => Ok(Some(Place::Overlapping(*start, *end))),
        ([a, b], [c, d]) if a < b && c < d => Ok(Some(Place::Bracket([*a, *b], [*c, *d]))),
        _ => refused(
            "give start alone, one start below one end, or two of each in order; positions are 0-based, ends not \
             included",
        ),
    }
}

fn bases(text: String) -> Result<String, Error> {
    let upper = text.to_ascii_uppercase();
    if upper.is_empty() || upper.len() > BASES_MAX || !upper.bytes().all(|base| b"ACGTN".contains(&base)) {
        return refused(format!("bases are 1 to {BASES_MAX} of A, C, G, T, and N for any"));
    }
    Ok(upper)
}

fn allele_is(asked: &str, allele: &str) -> bool {
    let same = |(asked, base): (u8, u8)| asked == b'N' || asked == base.to_ascii_uppercase();
    asked.len() == allele.len() && asked.bytes().zip(allele.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variant(chrom: &str, pos: u32, reference: &str, alternate: &str) -> Variant {
        Variant { chrom: chrom.into(), pos, reference: reference.into(), alternate: alternate.into() }
    }

    fn asks(change: impl FnOnce(&mut VariantParameters)) -> Result<VariantQuery, Error> {
        let mut parameters = VariantParameters {
            assembly: Some("GRCh37".into()),
            reference_name: Some("22".into()),
            ..VariantParameters::default()
        };
        change(&mut parameters);
        VariantQuery::new(parameters)
    }

    #[test]
    fn positions_are_one_below_those_of_vcf() {
        let snv = variant("chr22", 16_050_612, "C", "G");
        let at = |start| asks(|asked| (asked.start, asked.alternate_bases) = (vec![start], Some("g".into()))).unwrap();
        assert!(at(16_050_611).asks_for(&snv));
        assert!(!at(16_050_612).asks_for(&snv));
        let range = |start, end| asks(|asked| (asked.start, asked.end) = (vec![start], vec![end])).unwrap();
        assert!(range(16_050_611, 16_050_612).asks_for(&snv));
        assert!(!range(16_050_610, 16_050_611).asks_for(&snv));
        assert!(!range(16_050_612, 16_050_620).asks_for(&snv));
        let deletion = variant("22", 101, "ACG", "A");
        assert!(range(102, 103).asks_for(&deletion), "it covers 100 to 103");
        assert!(!range(103, 104).asks_for(&deletion));
        let bracket = |start: [u64; 2], end: [u64; 2]| {
            asks(|asked| (asked.start, asked.end) = (start.into(), end.into())).unwrap()
        };
        assert!(bracket([100, 101], [103, 104]).asks_for(&deletion), "precise on both sides");
        assert!(!bracket([101, 110], [103, 104]).asks_for(&deletion));
        assert!(!bracket([90, 101], [102, 103]).asks_for(&deletion));
    }

    #[test]
    fn bases_and_chromosomes_are_compared_by_what_they_mean() {
        let query = |reference: &str, alternate: &str| {
            asks(|asked| {
                (asked.reference_bases, asked.alternate_bases) = (Some(reference.into()), Some(alternate.into()));
            })
            .unwrap()
        };
        assert!(query("NCN", "A").asks_for(&variant("22", 101, "ACG", "A")));
        assert!(!query("NC", "A").asks_for(&variant("22", 101, "ACG", "A")));
        assert!(!query("N", "N").asks_for(&variant("21", 5, "A", "G")));
        let mitochondrial = asks(|asked| asked.reference_name = Some("chrM".into())).unwrap();
        assert!(mitochondrial.asks_for(&variant("MT", 5, "A", "G")));
    }

    #[test]
    fn names_of_one_assembly_are_one() {
        for (name, other) in [("GRCh37", "hg19"), ("GRCh38", "hg38"), ("GRCh38", "GCF_000001405.39")] {
            assert_eq!(Assembly::named(name), Assembly::named(other));
        }
        assert_eq!(Assembly::named("GRCh37.p13"), Assembly::Grch37);
        assert_ne!(Assembly::named("GRCh37"), Assembly::named("GRCh38"));
        assert_ne!(Assembly::named("T2T-CHM13"), Assembly::Grch38);
        let implied = |name: &str| asks(|asked| (asked.assembly, asked.reference_name) = (None, Some(name.into())));
        assert!(implied("refseq:NC_000022.11").unwrap().is_on(&Assembly::Grch38));
        assert!(implied("NC_000022.10").unwrap().is_on(&Assembly::Grch37));
        assert!(!implied("NC_000022.10").unwrap().is_on(&Assembly::Grch38));
        for wrong in ["NC_000022.9", "NC_000099.1", "NC_", "NC_000000.1", "refseq:NC_000022"] {
            assert!(implied(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused_with_the_remedy() {
        type Change = fn(&mut VariantParameters);
        let cases: [(&str, Change); 9] = [
            ("name alternateBases", |asked| asked.start = vec![5]),
            ("positions are 0-based", |asked| asked.end = vec![5]),
            ("one start below one end", |asked| (asked.start, asked.end) = (vec![9], vec![9])),
            ("two of each", |asked| (asked.start, asked.end) = (vec![1, 2], vec![5])),
            ("two of each", |asked| (asked.start, asked.end) = (vec![1; 9], vec![5; 9])),
            ("A, C, G, T", |asked| asked.alternate_bases = Some("<DEL>".into())),
            ("A, C, G, T", |asked| asked.reference_bases = Some("A".repeat(BASES_MAX + 1))),
            ("name both", |asked| (asked.start, asked.end, asked.assembly) = (vec![1], vec![5], None)),
            ("another assembly", |asked| asked.reference_name = Some("NC_000022.11".into())),
        ];
        for (says, change) in cases {
            let error = asks(change).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} does not say {says:?}");
        }
        assert!(asks(|asked| asked.reference_name = Some("x".repeat(65))).is_err());
    }

    proptest! {
        #[test]
        fn any_parameters_are_a_query_or_are_refused(
            assembly in proptest::option::of(".{0,80}"), name in proptest::option::of("(refseq:)?NC_0000[0-9]{2}\\.[0-9]{1,12}|.{0,80}"),
            start in proptest::collection::vec(any::<u64>(), 0..4), end in proptest::collection::vec(any::<u64>(), 0..4),
            bases in proptest::option::of("[ACGTNacgtn<>*é]{0,10}"), pos in any::<u32>()
        ) {
            let parameters = VariantParameters {
                assembly, reference_name: name, start, end, reference_bases: bases.clone(), alternate_bases: bases
            };
            if let Ok(query) = VariantQuery::new(parameters) {
                query.asks_for(&variant("22", pos, "A", "é"));
            }
        }
    }
}
