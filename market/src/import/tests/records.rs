//! Hand-written records with known dosages, each with refused twins.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn refusal(text: &str) -> String {
    import(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn phased_unphased_missing_and_half_missing_calls_become_dosages() {
    let text = vcf(&["1 10 A C GT 0|0 0/1 1|1", "1 11 A G GT 1|0 ./. ./1", "1 12 A T GT . .|. 1/1"]);
    let (panel, report) = import(text.as_bytes()).unwrap();
    assert_eq!(digits(&panel), ["013", "133", "232"]);
    assert_eq!(panel.samples.iter().map(|sample| sample.name.as_str()).collect::<Vec<_>>(), ["ann", "bob", "eve"]);
    assert_eq!((report.variants, report.dosages_missing), (3, 4));
}

#[test]
fn each_alternate_of_a_site_becomes_a_variant_of_its_own() {
    let (panel, report) = import(vcf(&["1 10 A C,G,* GT 1/2 0/2 3/3"]).as_bytes()).unwrap();
    assert_eq!(digits(&panel), ["11", "01", "00"]);
    let alternates: Vec<_> = panel.panel.variants.iter().map(|variant| variant.alternate.as_str()).collect();
    assert_eq!(alternates, ["C", "G"]);
    assert_eq!(report.skipped, [Skipped { reason: SkipReason::SpanningDeletion, count: 1, first: 8 }]);
}

#[test]
fn a_haploid_call_counts_as_homozygous() {
    let (panel, report) = import(vcf(&["X 10 A C,G GT 0 1 2"]).as_bytes()).unwrap();
    assert_eq!(digits(&panel), ["00", "20", "02"]);
    assert_eq!(report.dosages_haploid, 6);
}

#[test]
fn what_has_no_sequence_is_left_out_and_listed() {
    let records = [
        "1 10 A . GT:PL 0/0:0 0/1:0,3,9 0/0:.",
        "1 11 A <DEL> GT 0/1 0/0 0/0",
        "1 12 A A[2:5[ GT 0/1 0/0 0/0",
        "1 13 A C DP 3 3 3",
        "1 14 A G GT 0/1 0/0 0/0",
        "1 15 A A,T GT 0/2 0/1 0/0",
    ];
    let (panel, report) = import(vcf(&records).as_bytes()).unwrap();
    assert_eq!(digits(&panel), ["11", "00", "00"]);
    let skipped: Vec<_> = report.skipped.iter().map(|skip| (skip.reason, skip.count, skip.first)).collect();
    let expected = [
        (SkipReason::NoAlternate, 1, 8),
        (SkipReason::Symbolic, 1, 9),
        (SkipReason::Breakend, 1, 10),
        (SkipReason::SameAsReference, 1, 13),
        (SkipReason::NoGenotype, 1, 11),
    ];
    assert_eq!(skipped, expected);
    assert!(report.lines().iter().any(|line| line.contains("breakends, first at line 10")));
}

#[test]
fn malformed_records_are_refused_with_line_and_remedy() {
    let sound = "1 10 A C GT 0/0 0/1 1/1";
    assert!(import(vcf(&[sound]).as_bytes()).is_ok());
    for (record, why) in [
        ("1 x A C GT 0/0 0/1 1/1", "POS"),
        ("1 -3 A C GT 0/0 0/1 1/1", "POS"),
        ("1 99999999999 A C GT 0/0 0/1 1/1", "POS"),
        ("1 10 Z C GT 0/0 0/1 1/1", "reference"),
        ("1 10 A Z GT 0/0 0/1 1/1", "alternate"),
        ("1 10 A C,,G GT 0/0 0/1 1/1", "alternate"),
        ("1 10 A C GT 0/0 0/1 1/2", "names allele 2"),
        ("1 10 A C GT 0/0 0/1 1/", "malformed"),
        ("1 10 A C GT 0/0 0/1 /|1", "malformed"),
        ("1 10 A C GT 0/0 0/1 1/1:3", "more fields"),
        ("1 10 A C GT 0/0 0/1", "2 samples"),
        ("1 10 A C GT 0/0 0/1 1/1 1/1", "more than 3 samples"),
        ("1 10 A C GT:GT 0/0 0/1 1/1", "repeats"),
        ("1 10 A C DP:GT 3:0/0 3:0/1 3:1/1", "GT first"),
        ("1 10 A C GT:DP 0/0:x 0/1:3 1/1:3", "Integer"),
        ("1 10 A C GT:DP 0/0:1,2 0/1:3 1/1:3", "2 values"),
        ("1 10 A C,c GT 0/0 0/1 1/1", "appears twice"),
    ] {
        let message = refusal(&vcf(&[record]));
        assert!(message.contains(why) && message.starts_with("test.vcf, line 8:"), "{record}: {message}");
    }
}

#[test]
fn a_refused_last_record_refuses_the_whole_file() {
    let message = refusal(&vcf(&["1 10 A C GT 0/0 0/1 1/1", "1 11 A C GT 0/0 0/1 7/1"]));
    assert!(message.contains("line 9"), "{message}");
}

#[test]
fn triploid_calls_are_declined_by_name() {
    let error = import(vcf(&["1 10 A C GT 0/0 0/0/1 1/1"]).as_bytes()).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedInput { feature, .. } if feature.contains("ploidy 3")), "{error}");
}

#[test]
fn unsorted_and_scattered_records_are_refused() {
    let record = |place: &str| format!("{place} A C GT 0/0 0/1 1/1");
    let file = |places: &[&str]| {
        let records: Vec<String> = places.iter().map(|place| record(place)).collect();
        vcf(&records.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(import(file(&["1 10", "1 20", "2 5"]).as_bytes()).is_ok());
    assert!(refusal(&file(&["1 20", "1 10"])).contains("bcftools sort"));
    assert!(refusal(&file(&["1 10", "2 5", "1 20"])).contains("appears again"));
}

#[test]
fn one_variant_in_two_spellings_is_refused() {
    let plain = "1 12 A G GT 0/0 0/1 1/1";
    assert!(import(vcf(&["1 11 TAT TCT GT 0/0 0/1 1/1", plain]).as_bytes()).is_ok());
    assert!(refusal(&vcf(&["1 11 TAT TGT GT 0/0 0/1 1/1", plain])).contains("appears twice"));
    assert!(refusal(&vcf(&[plain, plain])).contains("appears twice"));
}

#[test]
fn broken_headers_are_refused() {
    let sound = vcf(&["1 10 A C GT 0/0 0/1 1/1"]);
    for (from, to, why) in [
        ("VCFv4.2", "VCFv9.9", "format version"),
        ("##fileformat=VCFv4.2\n", "", "##fileformat"),
        ("ann\tbob\teve", "ann\tbob\tann", "duplicate sample name"),
        ("ann\tbob\teve", "ann\t\teve", "empty"),
        ("\tFORMAT\tann\tbob\teve", "", "sites-only"),
        ("\tann\tbob\teve", "", "no sample"),
        ("#CHROM\tPOS", "#CHROM\tPLACE", "header"),
        ("##contig=<ID=1>", "##contig=<ID=1", "closed"),
        ("Number=1,Type=String", "Number=2,Type=String", "GT is reserved"),
        ("Number=1,Type=String", "Number=1,Type=Integer", "GT is reserved"),
        ("Description=\"Depth\"", "Description=Depth", "double quotes"),
    ] {
        assert!(sound.contains(from), "{from}");
        let message = refusal(&sound.replacen(from, to, 1));
        assert!(message.contains(why), "{to}: {message}");
    }
    assert!(refusal("").contains("empty"));
    assert!(refusal(sound.split("#CHROM").next().unwrap()).contains("no #CHROM line"));
}

#[test]
fn a_text_cut_short_is_refused() {
    let sound = vcf(&["1 10 A C GT 0/0 0/1 1/1"]);
    assert!(refusal(sound.trim_end()).contains("cut short"));
}

#[test]
fn an_endless_line_is_refused_at_its_bound() {
    let header = vcf(&[]);
    let endless = header.as_bytes().chain(std::io::repeat(b'A'));
    let message = import_variants("big.vcf", endless, &ImportOptions::default()).unwrap_err().to_string();
    assert!(message.contains("line 8") && message.contains("longer than"), "{message}");
}

fn bgzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = noodles::bgzf::io::Writer::new(Vec::new());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn compression_is_told_by_the_first_bytes() {
    let plain = vcf(&["1 10 A C GT 0/0 0/1 1/1"]).into_bytes();
    let expected = import(&plain).unwrap();
    assert_eq!(import(&bgzip(&plain)).unwrap(), expected);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(import(&gzip).unwrap(), expected);
    assert!(import(&gzip[..gzip.len() - 1]).is_err());
}

#[test]
fn a_compressed_file_without_its_end_block_is_refused() {
    let compressed = bgzip(vcf(&["1 10 A C GT 0/0 0/1 1/1"]).as_bytes());
    assert!(import(&compressed).is_ok());
    for kept in 0..compressed.len() {
        assert!(import(&compressed[..kept]).is_err(), "{kept} bytes");
    }
}

#[test]
fn the_build_is_the_callers_else_the_headers() {
    let text = vcf(&["1 10 A C GT 0/0 0/1 1/1"]);
    let build = |text: &str, build: Option<&str>| {
        let options = ImportOptions { build: build.map(str::to_owned) };
        import_variants("test.vcf", text.as_bytes(), &options).unwrap().0.panel.build
    };
    assert_eq!(build(&text, None), BUILD_UNKNOWN);
    assert_eq!(build(&text.replace("<ID=1>", "<ID=1,length=248956422>"), None), "GRCh38");
    assert_eq!(build(&text, Some("GRCh37")), "GRCh37");
}

proptest! {
    #[test]
    fn dosages_count_the_copies_of_each_alternate(
        calls in prop::collection::vec((prop::option::of(0u8..4), prop::option::of(0u8..4)), 3),
        phased in any::<bool>(),
    ) {
        let allele = |allele: &Option<u8>| allele.map_or(".".to_owned(), |allele| allele.to_string());
        let join = if phased { "|" } else { "/" };
        let texts: Vec<String> = calls.iter().map(|(a, b)| format!("{}{join}{}", allele(a), allele(b))).collect();
        let text = vcf(&[&format!("1 10 A C,G,T GT {}", texts.join(" "))]);
        let (panel, _) = import(text.as_bytes()).unwrap();
        for (sample, (first, second)) in panel.samples.iter().zip(&calls) {
            for (number, dosage) in (1u8..).zip(&sample.dosages) {
                let copies = first.zip(*second).map(|(a, b)| u8::from(a == number) + u8::from(b == number));
                prop_assert_eq!(*dosage as u8, copies.unwrap_or(3));
            }
        }
    }
}
