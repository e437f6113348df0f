//! One person's alleles at one site.

use super::refusal::{Checked, invalid, shown, unsupported};

const REMEDY: &str = "correct GT; it is allele numbers or `.` joined by / or |";

/// The alleles of a call, 0 for the reference; phase is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Some allele is not known.
    Missing,
    /// One copy of the chromosome.
    Haploid(u16),
    /// Two.
    Diploid(u16, u16),
}

/// A call with the number of alleles it is written with, which the lengths of other fields depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Genotype {
    pub(super) call: Call,
    pub(super) ploidy: usize,
}

/// Reads the text of GT for a site with so many alternate alleles.
pub(super) fn parse(text: &[u8], alternates: usize) -> Checked<Genotype> {
    // The common case, without splitting: one-digit diploid.
    if let [first @ b'0'..=b'9', b'/' | b'|', second @ b'0'..=b'9'] = text {
        let (first, second) = (u16::from(first - b'0'), u16::from(second - b'0'));
        if usize::from(first.max(second)) <= alternates {
            return Ok(Genotype { call: Call::Diploid(first, second), ploidy: 2 });
        }
    }
    // VCF 4.4 may write the phase of the first allele.
    let alleles = text.strip_prefix(b"/").or_else(|| text.strip_prefix(b"|")).unwrap_or(text);
    let alleles = alleles
        .split(|byte| matches!(byte, b'/' | b'|'))
        .map(|allele| parse_allele(allele, alternates, text))
        .collect::<Checked<Vec<_>>>()?;
    from_alleles(&alleles)
}

/// A call of known or missing alleles.
pub(super) fn from_alleles(alleles: &[Option<u16>]) -> Checked<Genotype> {
    let call = match alleles {
        [Some(allele)] => Call::Haploid(*allele),
        [Some(first), Some(second)] => Call::Diploid(*first, *second),
        [_] | [_, _] => Call::Missing,
        _ => {
            let feature = format!("a genotype of ploidy {}", alleles.len());
            return unsupported(feature, "Locus counts 0, 1 or 2 copies: drop these samples or sites");
        }
    };
    Ok(Genotype { call, ploidy: alleles.len() })
}

fn parse_allele(allele: &[u8], alternates: usize, genotype: &[u8]) -> Checked<Option<u16>> {
    if allele == b"." {
        return Ok(None);
    }
    let digits = !allele.is_empty() && allele.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(allele).ok().filter(|_| digits).and_then(|text| text.parse::<u16>().ok());
    match number {
        Some(number) if usize::from(number) <= alternates => Ok(Some(number)),
        Some(number) => {
            let why = format!("GT {} names allele {number} of a site with {alternates} alternates", shown(genotype));
            invalid(why, REMEDY)
        }
        None => invalid(format!("GT {} is malformed", shown(genotype)), REMEDY),
    }
}
