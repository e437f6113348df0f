//! VCF text, line by line.

use std::io::{BufRead, BufReader, Read};

use super::{
    fields::{self, Format},
    genotype::{self, Call},
    header::{Header, HeaderLines},
    lines::Lines,
    panel::PanelBuilder,
    refusal::{Checked, invalid, shown},
    site::{self, Site},
    source::{Stream, check_complete},
};

const REMEDY: &str = "correct the record; `bcftools view` or a VCF validator shows what is expected";

/// Reads a whole file; `line` follows along for error messages.
pub(super) fn read<R: Read>(reader: BufReader<Stream<R>>, line: &mut u64) -> Checked<(Header, PanelBuilder)> {
    let mut lines = Lines::new(reader);
    let result = read_lines(&mut lines);
    *line = lines.number();
    let read = result?;
    check_complete(lines.get_ref().get_ref())?;
    Ok(read)
}

fn read_lines(lines: &mut Lines<impl BufRead>) -> Checked<(Header, PanelBuilder)> {
    let header = read_header(lines)?;
    let mut panel = PanelBuilder::new(&header.samples);
    let mut records = Records { header: &header, format: None, calls: Vec::new() };
    let mut blank = false;
    loop {
        let number = lines.number().saturating_add(1);
        let Some(line) = lines.next_line()? else { break };
        if blank {
            return invalid("an empty line comes before this one", "remove empty lines between records");
        }
        blank = line.is_empty();
        if !blank {
            records.read(line, number, &mut panel)?;
        }
    }
    drop(records);
    Ok((header, panel))
}

fn read_header(lines: &mut Lines<impl BufRead>) -> Checked<Header> {
    let mut header = HeaderLines::new();
    loop {
        match lines.next_line()? {
            Some(line) => {
                if let Some(header) = header.take(line)? {
                    return Ok(header);
                }
            }
            None => return invalid("there is no #CHROM line", "choose a VCF file with its header"),
        }
    }
}

/// What is kept from one record to the next.
struct Records<'h> {
    header: &'h Header,
    format: Option<Format>,
    calls: Vec<Call>,
}

impl Records<'_> {
    fn read(&mut self, line: &[u8], number: u64, panel: &mut PanelBuilder) -> Checked<()> {
        let Ok(line) = std::str::from_utf8(line) else {
            return invalid("the record is not UTF-8", "convert the file with `iconv`");
        };
        let mut columns = line.splitn(10, '\t');
        let mut column = || columns.next().unwrap_or_default();
        let fixed = [column(), column(), column(), column(), column(), column(), column(), column(), column()];
        let [chrom, pos, id, reference, alternates, quality, filters, info, format] = fixed;
        let samples = column();
        if fixed.iter().any(|text| text.is_empty()) {
            return invalid("the record lacks a column or has an empty one", REMEDY);
        }
        let minor = self.header.minor;
        let site = Site::new(
            chrom,
            site::parse_position(pos)?,
            reference,
            alternates.split(',').filter(|_| alternates != "."),
        )?;
        site::check_ids(id, minor)?;
        site::check_quality(quality)?;
        site::check_filters(filters, minor)?;
        fields::check_info(info, self.header, site.alternates.len())?;
        let calls = self.read_samples(format, samples.as_bytes(), site.alternates.len())?;
        panel.push(&site, calls, number)
    }

    fn read_samples(&mut self, format: &str, samples: &[u8], alternates: usize) -> Checked<Option<&[Call]>> {
        if self.format.as_ref().is_none_or(|known| known.text() != format) {
            self.format = Some(Format::new(format, self.header)?);
        }
        let Some(format) = &self.format else { return Ok(None) };
        self.calls.clear();
        let only_genotype = format.text() == "GT";
        // Where ALT is `.` some tools still number what they saw there; the site is left out in any case.
        let alleles = alternates.max(1);
        for sample in samples.split(|byte| *byte == b'\t') {
            if self.calls.len() >= self.header.samples.len() {
                return invalid(format!("the record has more than {} samples", self.header.samples.len()), REMEDY);
            }
            let end = memchr::memchr(b':', sample).unwrap_or(sample.len());
            let first = sample.get(..end).unwrap_or(sample);
            if sample.is_empty() {
                return invalid("a sample's column is empty", "write . for a missing sample");
            }
            let genotype = match format.has_genotype {
                true => Some(genotype::parse(first, alleles)?),
                false => None,
            };
            if !only_genotype || end < sample.len() {
                format.check(sample, alternates, genotype.map(|genotype| genotype.ploidy))?;
            }
            self.calls.push(genotype.map_or(Call::Missing, |genotype| genotype.call));
        }
        if self.calls.len() != self.header.samples.len() {
            let why = format!("the record has {} samples, the header {}", self.calls.len(), self.header.samples.len());
            return invalid(why, REMEDY);
        }
        if samples.contains(&b' ') {
            return invalid(format!("the record has a space in {}", shown(samples)), REMEDY);
        }
        Ok(format.has_genotype.then_some(&self.calls))
    }
}
