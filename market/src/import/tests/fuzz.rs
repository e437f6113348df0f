//! Whatever the bytes, import returns: it never panics, and what it returns is whole.

use std::time::Duration;

use super::{binary::to_bcf, *};

const RUN: Duration = Duration::from_secs(2);

fn seed() -> String {
    vcf(&["1 10 A C GT:DP 0|0:3 0/1:4 1|1:5", "1 11 AT A,<DEL>,* GT 0/1 ./. 2|3", "X 14 C G GT 0 1 0/1"])
}

fn assert_whole_or_refused(bytes: &[u8]) {
    match import(bytes) {
        Ok((panel, report)) => {
            assert_eq!(report.variants, panel.panel.variants.len() as u64);
            assert!(panel.samples.iter().all(|sample| sample.dosages.len() == panel.panel.variants.len()));
        }
        Err(error) => assert!(error.to_string().starts_with("test.vcf, "), "{error}"),
    }
}

/// Overwrites, drops, repeats and cuts, as the edits say.
fn mutate(seed: &[u8], edits: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, kind, value) in edits {
        let at = usize::from(*at) % bytes.len().max(1);
        match kind % 5 {
            0 if at < bytes.len() => bytes[at] = *value,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, *value),
            3 => bytes.extend_from_within(at..(at + usize::from(*value)).min(bytes.len())),
            4 if value % 16 == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

fn fuzz_mutations(seed: Vec<u8>) {
    bolero::check!()
        .with_type::<Vec<(u16, u8, u8)>>()
        .with_test_time(RUN)
        .for_each(|edits| assert_whole_or_refused(&mutate(&seed, edits)));
}

#[test]
fn any_bytes_are_imported_or_refused() {
    bolero::check!().with_test_time(RUN).for_each(assert_whole_or_refused);
}

#[test]
fn any_change_to_a_vcf_file_is_imported_or_refused() {
    fuzz_mutations(seed().into_bytes());
}

#[test]
fn any_change_to_uncompressed_bcf_is_imported_or_refused() {
    let mut plain = Vec::new();
    noodles::bgzf::io::Reader::new(&to_bcf(seed().as_bytes())[..]).read_to_end(&mut plain).unwrap();
    fuzz_mutations(plain);
}

#[test]
fn any_change_to_compressed_bcf_is_imported_or_refused() {
    fuzz_mutations(to_bcf(seed().as_bytes()));
}

#[test]
fn any_change_to_an_htslib_file_is_imported_or_refused() {
    let compressed = std::fs::read(data("vcf_edge/htslib/vcf_file.bcf")).unwrap();
    let mut plain = Vec::new();
    noodles::bgzf::io::Reader::new(&compressed[..]).read_to_end(&mut plain).unwrap();
    fuzz_mutations(plain);
}
