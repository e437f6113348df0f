//! Alignment to a schema's panel.

use super::*;

const RECORDS: [&str; 3] = ["1 10 A C,G GT 0/1 1/2 2/2", "1 12 T C GT 1/1 ./. 0/0", "2 5 G A GT 0/1 0/1 0/0"];

fn imported() -> ImportedPanel {
    import(vcf(&RECORDS).as_bytes()).unwrap().0
}

#[test]
fn a_panel_in_another_order_and_naming_takes_each_dosage_to_its_place() {
    let imported = imported();
    let mut panel = imported.panel.clone();
    panel.variants.reverse();
    panel.variants.iter_mut().for_each(|variant| variant.chrom.insert_str(0, "chr"));
    let (samples, alignment) = align_to_panel("test.vcf", &imported, &panel).unwrap();
    for (aligned, sample) in samples.iter().zip(&imported.samples) {
        assert!(aligned.dosages.iter().eq(sample.dosages.iter().rev()));
    }
    assert_eq!(alignment, Alignment { variants_found: 4, variants_absent: 0, variants_unused: 0 });
}

#[test]
fn what_the_file_lacks_is_missing_and_what_the_panel_lacks_is_unused() {
    let imported = imported();
    let mut panel = imported.panel.clone();
    panel.variants.truncate(2);
    panel.variants[1].alternate = "T".into();
    let (samples, alignment) = align_to_panel("test.vcf", &imported, &panel).unwrap();
    assert_eq!(digits(&ImportedPanel { panel, samples }), ["13", "13", "03"]);
    assert_eq!(alignment, Alignment { variants_found: 1, variants_absent: 1, variants_unused: 3 });
}

#[test]
fn another_build_and_a_panel_without_a_match_are_refused() {
    let mut imported = imported();
    let mut panel = imported.panel.clone();
    imported.panel.build = "GRCh37".into();
    assert!(align_to_panel("test.vcf", &imported, &panel).is_ok());
    panel.build = "GRCh38".into();
    let message = align_to_panel("test.vcf", &imported, &panel).unwrap_err().to_string();
    assert!(message.contains("GRCh37") && message.contains("GRCh38"), "{message}");
    panel.build = "grch37".into();
    panel.variants.iter_mut().for_each(|variant| variant.pos += 1000);
    assert!(align_to_panel("test.vcf", &imported, &panel).is_err());
}
