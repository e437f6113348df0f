//! BCF: the same file in both forms, and damaged forms of it.

use std::fs;

use noodles::{bcf, bgzf, vcf::variant::io::Write as _};

use super::*;

/// A VCF file as BCF, written by noodles.
pub(super) fn to_bcf(text: &[u8]) -> Vec<u8> {
    let mut reader = noodles::vcf::io::Reader::new(text);
    let header = reader.read_header().unwrap();
    let mut writer = bcf::io::Writer::new(Vec::new());
    writer.write_header(&header).unwrap();
    for record in reader.records() {
        writer.write_variant_record(&header, &record.unwrap()).unwrap();
    }
    writer.try_finish().unwrap();
    writer.into_inner().into_inner()
}

#[test]
fn bcf_imports_as_its_text_does() {
    let records = [
        "1 10 A C GT:DP 0|0:3 0/1:4 1|1:5",
        "1 11 A G,T GT 1|2 ./. 2/2",
        "2 12 A . GT 0/0 0/0 0/0",
        "2 13 AT A,<DEL> GT 0/2 0/1 1/1",
        "X 14 C G GT 0 1 0/1",
    ];
    let text = vcf(&records);
    let (panel, report) = import(text.as_bytes()).unwrap();
    let (binary_panel, binary_report) = import(&to_bcf(text.as_bytes())).unwrap();
    assert_eq!(binary_panel, panel);
    assert_eq!((report.format, binary_report.format), (InputFormat::Vcf, InputFormat::Bcf));
    assert_eq!(binary_report.skipped.iter().map(|skip| skip.first).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn the_demo_genomes_import_alike_from_bcf() {
    let declared = fs::read_to_string(data("demo/genomes.vcf")).unwrap();
    // BCF needs the contig declared, and noodles' writer no empty INFO entry.
    let text = declared.replacen("##FORMAT", "##contig=<ID=22>\n##FORMAT", 1).replace(";\t", "\t");
    let binary = import(&to_bcf(text.as_bytes())).unwrap().0;
    assert_eq!(binary, import(text.as_bytes()).unwrap().0);
}

#[test]
fn a_bcf_file_of_htslib_imports() {
    let (panel, report) = import(&fs::read(data("vcf_edge/htslib/vcf_file.bcf")).unwrap()).unwrap();
    assert_eq!(report.format, InputFormat::Bcf);
    assert!(panel.samples.iter().all(|sample| sample.dosages.len() as u64 == report.variants));
    println!("{}", report.lines().join("\n"));
}

#[test]
fn a_truncated_bcf_file_is_refused() {
    let binary = to_bcf(vcf(&["1 10 A C GT 0/0 0/1 1/1", "1 11 A G GT 0/0 0/1 1/1"]).as_bytes());
    let mut plain = Vec::new();
    bgzf::io::Reader::new(&binary[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(import(&plain).unwrap().0, import(&binary).unwrap().0);
    let length = |at: usize| u32::from_le_bytes(plain[at..at + 4].try_into().unwrap()) as usize;
    let first = 9 + length(5);
    let second = first + 8 + length(first) + length(first + 4);
    for kept in 0..plain.len() {
        // Uncompressed BCF cut between two records cannot be told from a file that ends there.
        assert_eq!(import(&plain[..kept]).is_ok(), kept == second, "{kept} bytes");
    }
    for kept in 0..binary.len() {
        assert!(import(&binary[..kept]).is_err(), "{kept} compressed bytes");
    }
}

#[test]
fn lengths_beyond_their_bounds_are_refused_without_allocating() {
    let binary = to_bcf(vcf(&["1 10 A C GT 0/0 0/1 1/1"]).as_bytes());
    let mut plain = Vec::new();
    bgzf::io::Reader::new(&binary[..]).read_to_end(&mut plain).unwrap();
    let header = u32::from_le_bytes(plain[5..9].try_into().unwrap()) as usize + 9;
    for at in [5, header, header + 4] {
        let mut altered = plain.clone();
        altered[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(import(&altered).is_err(), "length at {at}");
    }
}
