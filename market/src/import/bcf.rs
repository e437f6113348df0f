//! BCF 2 records.
//!
//! noodles reads the container, the header and its dictionaries. Records are decoded here: its record types assert
//! what they expect of the bytes (a truncated or unusual series panics), and these bytes are not trusted.

use std::io::{self, BufRead, BufReader, Read};

use noodles::bcf;

use super::{
    genotype::{self, Call, Genotype},
    header::{Header, HeaderLines},
    limits::{BCF_PART_BYTES_MAX, HEADER_BYTES_MAX},
    panel::PanelBuilder,
    refusal::{Checked, invalid, unsupported},
    site::Site,
    source::{Stream, check_complete},
    typed::{Cursor, Typed},
};

const REMEDY: &str = "rewrite the file with `bcftools view -Ob`";

/// Reads a whole file; `record` follows along for error messages, 0 within the header.
pub(super) fn read<R: Read>(reader: BufReader<Stream<R>>, record: &mut u64) -> Checked<(Header, PanelBuilder)> {
    let mut reader = bcf::io::Reader::from(reader);
    let header = read_header(&mut reader)?;
    let mut panel = PanelBuilder::new(&header.samples);
    let mut parts = (Vec::new(), Vec::new());
    while read_parts(reader.get_mut(), &mut parts)? {
        *record = record.saturating_add(1);
        read_record(&parts.0, &parts.1, &header, &mut panel, *record)?;
    }
    check_complete(reader.get_ref().get_ref())?;
    Ok((header, panel))
}

fn read_header<R: Read>(reader: &mut bcf::io::Reader<R>) -> Checked<Header> {
    let mut header_reader = reader.header_reader();
    header_reader.read_magic_number()?;
    let version = header_reader.read_format_version()?;
    if version.0 != 2 {
        return unsupported(format!("BCF version {}.{}", version.0, version.1), REMEDY);
    }
    let mut text = Vec::new();
    let mut text_reader = header_reader.raw_vcf_header_reader()?;
    text_reader.by_ref().take(HEADER_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > HEADER_BYTES_MAX {
        return invalid(format!("the header is longer than {HEADER_BYTES_MAX} bytes"), REMEDY);
    }
    text_reader.discard_to_end()?;
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut lines = HeaderLines::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Some(header) = lines.take(line.strip_suffix(b"\r").unwrap_or(line))? {
            return Ok(header);
        }
    }
    invalid("the header has no #CHROM line", REMEDY)
}

/// The site part and the samples part of the next record.
fn read_parts(reader: &mut impl BufRead, parts: &mut (Vec<u8>, Vec<u8>)) -> Checked<bool> {
    if reader.fill_buf()?.is_empty() {
        return Ok(false);
    }
    let mut lengths = [0; 8];
    reader.read_exact(&mut lengths)?;
    let [s0, s1, s2, s3, i0, i1, i2, i3] = lengths;
    read_part(reader, u32::from_le_bytes([s0, s1, s2, s3]), &mut parts.0)?;
    read_part(reader, u32::from_le_bytes([i0, i1, i2, i3]), &mut parts.1)?;
    Ok(true)
}

fn read_part(reader: &mut impl BufRead, length: u32, part: &mut Vec<u8>) -> Checked<()> {
    if length as usize > BCF_PART_BYTES_MAX {
        return invalid(format!("a record part of {length} bytes exceeds {BCF_PART_BYTES_MAX}"), REMEDY);
    }
    part.clear();
    // Grows with what is there, not with what the length claims.
    reader.take(u64::from(length)).read_to_end(part)?;
    if part.len() < length as usize {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(())
}

/// Fixed fields at the start of the site part (VCF 4.3, section 6.3.1).
struct Counts {
    chrom: usize,
    pos: u32,
    infos: u16,
    alleles: u16,
    samples: usize,
    formats: u8,
}

fn read_counts(site: &mut Cursor<'_>) -> Checked<Counts> {
    let chrom = site.u32()?;
    let pos = site.u32()?;
    site.skip(8)?; // rlen and QUAL
    let (infos, alleles) = (site.u16()?, site.u16()?);
    let last = site.u32()?;
    Ok(Counts {
        chrom: chrom as usize,
        pos: pos.wrapping_add(1), // stored from 0, with -1 for the telomere
        infos,
        alleles,
        samples: (last & 0x00ff_ffff) as usize,
        formats: (last >> 24) as u8,
    })
}

fn read_record(site: &[u8], samples: &[u8], header: &Header, panel: &mut PanelBuilder, place: u64) -> Checked<()> {
    let mut cursor = Cursor::new(site);
    let counts = read_counts(&mut cursor)?;
    if counts.samples != header.samples.len() {
        let why = format!("the record has {} samples, the header {}", counts.samples, header.samples.len());
        return invalid(why, REMEDY);
    }
    let Some(chrom) = header.strings.contigs().get_index(counts.chrom) else {
        return invalid(format!("contig number {} is not in the header", counts.chrom), REMEDY);
    };
    if counts.pos > i32::MAX as u32 {
        return invalid("the position is negative", REMEDY);
    }
    cursor.typed()?.text()?; // ID
    let Some(alternates) = counts.alleles.checked_sub(1) else { return invalid("the record has no reference", REMEDY) };
    let reference = cursor.typed()?.text()?;
    let alleles = (0..alternates).map(|_| cursor.typed()?.text()).collect::<Checked<Vec<_>>>()?;
    cursor.typed()?.integers()?.check_all(|filter| header.strings.strings().get_index(filter).is_some())?;
    for _ in 0..counts.infos {
        named(&mut cursor, header)?;
        cursor.typed()?;
    }
    cursor.finish()?;
    let alleles = alleles.into_iter().filter(|allele| *allele != "." || alternates > 1);
    let site = Site::new(chrom, counts.pos, reference, alleles)?;
    let calls = read_calls(samples, header, counts.formats, usize::from(alternates))?;
    panel.push(&site, calls.as_deref(), place)
}

fn named<'h>(cursor: &mut Cursor<'_>, header: &'h Header) -> Checked<&'h str> {
    let index = cursor.typed()?.integer()?;
    match usize::try_from(index).ok().and_then(|index| header.strings.strings().get_index(index)) {
        Some(name) => Ok(name),
        None => invalid(format!("field number {index} is not in the header"), REMEDY),
    }
}

fn read_calls(samples: &[u8], header: &Header, formats: u8, alternates: usize) -> Checked<Option<Vec<Call>>> {
    let mut cursor = Cursor::new(samples);
    let mut calls = None;
    for _ in 0..formats {
        let name = named(&mut cursor, header)?;
        let series = cursor.series(header.samples.len())?;
        if name != "GT" {
            continue;
        }
        if calls.is_some() {
            return invalid("the record has GT twice", REMEDY);
        }
        calls = Some(read_genotypes(&series, header.samples.len(), alternates)?);
    }
    cursor.finish()?;
    Ok(calls)
}

fn read_genotypes(series: &Typed<'_>, samples: usize, alternates: usize) -> Checked<Vec<Call>> {
    let integers = series.integers()?;
    if series.count() == 0 {
        return Ok(vec![Call::Missing; samples]);
    }
    let mut alleles = Vec::with_capacity(series.count());
    let mut calls = Vec::with_capacity(samples);
    let mut values = integers.values();
    for _ in 0..samples {
        alleles.clear();
        let mut ended = false;
        for value in values.by_ref().take(series.count()) {
            match value {
                None => ended = true,
                Some(_) if ended => return invalid("a genotype goes on after its end", REMEDY),
                Some(value) => alleles.push(allele(value, alternates)?),
            }
        }
        let genotype = match alleles.as_slice() {
            [] => Genotype { call: Call::Missing, ploidy: 0 },
            alleles => genotype::from_alleles(alleles)?,
        };
        calls.push(genotype.call);
    }
    Ok(calls)
}

/// `(allele + 1) << 1 | phased`, where 0 or 1 is a missing allele (VCF 4.3, section 6.3.3).
fn allele(value: i32, alternates: usize) -> Checked<Option<u16>> {
    let number = u32::try_from(value).map(|value| value >> 1).ok();
    match number {
        Some(0) => Ok(None),
        Some(number) if number as usize <= alternates + 1 => Ok(u16::try_from(number - 1).ok()),
        _ => invalid(format!("a genotype names an allele that is not among {alternates} alternates"), REMEDY),
    }
}
