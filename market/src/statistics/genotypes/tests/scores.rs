//! Mean polygenic scores.

use super::*;
use crate::{
    import::{ImportOptions, import_file},
    statistics::people::{agrees, reference, states_every_number},
};

/// The demo's people by sex, with their genotypes as the product imports them.
pub(super) fn demo() -> (Table, VariantPanel) {
    let demo = data("../demo");
    let (imported, _) = import_file(&demo.join("genomes.vcf"), &ImportOptions::default()).unwrap();
    let columns = [column("sex", 1, 1, 2)];
    let table = Table::of_file(&demo.join("attributes.csv"), b',', &columns);
    let mut names = csv::Reader::from_path(demo.join("attributes.csv")).unwrap();
    let names: Vec<String> = names.records().map(|record| record.unwrap()[0].to_owned()).collect();
    assert!(imported.samples.iter().map(|sample| &sample.name).eq(&names));
    let dosages: Vec<Vec<Dosage>> = imported.samples.iter().map(|sample| sample.dosages.clone()).collect();
    (table.with_genotypes(&dosages), imported.panel)
}

pub(super) fn by_sex() -> [Axis; 1] {
    [Axis::Thresholds { attribute: 0, cuts: vec![2] }]
}

fn weight(pos: u32, other: &str, effect: &str) -> Weight {
    Weight { chrom: "1".into(), pos, effect_allele: effect.into(), other_allele: other.into(), weight: 0.5 }
}

/// Two groups of some people at A>G, A>T, C>AT and G>C.
fn four_variants() -> VariantTable {
    let variants = [variant(1, "A", "G"), variant(2, "A", "T"), variant(3, "C", "AT"), variant(4, "G", "C")];
    let sums = of_counts(&[[5, 3, 2], [4, 4, 2]]).variants[0].groups.clone();
    let counts = |(place, variant): (usize, Variant)| VariantCounts { place, variant, groups: sums.clone() };
    VariantTable {
        groups: vec!["first".into(), "second".into()],
        variants: variants.into_iter().enumerate().map(counts).collect(),
    }
}

#[test]
fn a_mean_score_is_the_mean_of_peoples_scores() {
    let expected = &reference("genotypes")["demo"];
    let (table, panel) = demo();
    let weights: Vec<Weight> = serde_json::from_value(expected["weights"].clone()).unwrap();
    let score = whole(&table, &panel, &by_sex()).score(&weights).unwrap();
    assert_eq!(score.used.len(), weights.len());
    assert!(score.used.iter().any(|used| used.swapped) && score.used.iter().any(|used| used.strand_flipped));
    agrees(&score.groups, &expected["score"], 1e-9);
}

#[test]
fn alleles_are_matched_as_given_swapped_or_on_the_other_strand() {
    let table = four_variants();
    let used = |weight: Weight| {
        let score = table.score(&[weight]).unwrap();
        let used = score.used.first().map(|used| (used.swapped, used.strand_flipped, used.ambiguous));
        used.map(|used| (used, score.groups[0].mean.value().unwrap().value))
    };
    // Ten people with 7 copies of the alternate allele.
    assert_eq!(used(weight(1, "A", "G")), Some(((false, false, false), 0.35)));
    assert_eq!(used(weight(1, "G", "A")), Some(((true, false, false), 0.65)));
    assert_eq!(used(weight(1, "T", "C")), Some(((false, true, false), 0.35)));
    assert_eq!(used(weight(1, "c", "t")), Some(((true, true, false), 0.65)));
    assert_eq!(used(weight(2, "A", "T")), Some(((false, false, true), 0.35)));
    assert_eq!(used(weight(2, "T", "A")), Some(((true, false, true), 0.65)), "taken as given");
    assert_eq!(used(weight(3, "C", "TA")), None, "AT is its own reverse complement");
    assert_eq!(used(weight(3, "AT", "C")), Some(((true, false, false), 0.65)));
    assert_eq!(used(weight(4, "C", "G")), Some(((true, false, true), 0.65)));
    assert_eq!(used(weight(1, "A", "C")), None);
    assert_eq!(used(weight(1, "<DEL>", "G")), None);
}

#[test]
fn weights_that_do_not_count_are_named() {
    let mut table = four_variants();
    table.variants[3].groups[1].called = Sum::exact(0);
    table.variants[3].groups[1].het = Sum::exact(0);
    table.variants[3].groups[1].hom_alt = Sum::exact(0);
    let given =
        [weight(1, "A", "G"), weight(9, "A", "G"), weight(2, "A", "C"), weight(1, "G", "A"), weight(4, "G", "C")];
    let score = table.score(&given).unwrap();
    assert_eq!(score.used.len(), 1);
    assert_eq!(score.missing, [given[1].clone()]);
    assert_eq!(score.mismatched, [given[2].clone()]);
    assert_eq!(score.repeated, [given[3].clone()]);
    assert_eq!(score.unmeasured, [given[4].clone()]);
    let none = table.score(&[weight(9, "A", "G")]).unwrap();
    assert_eq!(none.groups[0].mean, Err(crate::statistics::Undefined::AllMissing).into());
    states_every_number(&(score, none));
}

const CATALOG: &str = "###PGS CATALOG SCORING FILE\n#pgs_id=PGS000001\n#genome_build=GRCh37\nrsID\tchr_name\tchr_position\t\
                       effect_allele\tother_allele\teffect_weight\nrs1\t1\t7\tG\tA\t-0.25\n";

#[test]
fn a_scoring_file_of_the_catalog_is_read_and_harmonized_positions_go_first() {
    let read = |text: &str| Weights::read("weights.txt", text.as_bytes()).unwrap();
    let expected = Weight { weight: -0.25, ..weight(7, "A", "G") };
    assert_eq!(read(CATALOG), Weights { build: Some("GRCh37".into()), weights: vec![expected.clone()] });
    let harmonized = "#genome_build=NR\n#HmPOS_build=GRCh38\neffect_allele\teffect_weight\thm_chr\thm_pos\t\
                      hm_inferOtherAllele\tchr_name\tchr_position\nG\t-0.25\t1\t7\tA\t\t\n";
    assert_eq!(read(harmonized), Weights { build: Some("GRCh38".into()), weights: vec![expected] });
    let unknown = read(&CATALOG.replace("=GRCh37", "=NR"));
    assert_eq!(unknown.build, None);
    assert!(unknown.check_build("GRCh38").unwrap_err().to_string().contains("#genome_build=GRCh38"));
    assert!(unknown.check_build("").is_ok());
}

#[test]
fn repro_a_line_that_was_not_harmonized_took_its_place_in_the_other_genome() {
    let file = |reported: &str| {
        format!(
            "#genome_build={reported}\n#HmPOS_build=GRCh38\nchr_name\tchr_position\thm_chr\thm_pos\teffect_allele\t\
             other_allele\teffect_weight\n1\t7\t\t\tG\tA\t-0.25\n"
        )
    };
    let place = |reported: &str| {
        let read = Weights::read("weights.txt", file(reported).as_bytes()).unwrap();
        (read.weights[0].chrom.clone(), read.weights[0].pos)
    };
    assert_eq!(place("GRCh37"), (String::new(), 0), "it is of no variant");
    assert_eq!(place("GRCh38"), ("1".into(), 7));
}

#[test]
fn repro_ratios_were_added_up_like_their_logarithms() {
    let read = |text: &str| Weights::read("weights.txt", text.as_bytes()).map_err(|error| error.to_string());
    for kind in ["OR", "hr"] {
        let header = CATALOG.replacen("#pgs_id", &format!("#weight_type={kind}\n#pgs_id"), 1);
        let column = CATALOG.replace("rsID", "weight_type").replace("rs1", kind);
        for text in [header, column] {
            assert!(read(&text).unwrap_err().contains("take its logarithm"));
        }
    }
    assert!(read(&CATALOG.replace("rsID", "weight_type").replace("rs1", "log(OR)")).is_ok());
    assert!(read(&CATALOG.replace("rsID", "is_haplotype").replace("rs1", "1")).unwrap_err().contains("haplotype"));
}

#[test]
fn a_scoring_file_that_means_something_else_is_refused_with_its_line() {
    let altered = [
        ("other_allele", "nobody", "line 5: it has no other allele"),
        ("chr_position", "nobody", "line 5: it has no chromosome and position"),
        ("effect_weight", "nobody", "effect_weight"),
        ("-0.25", "much", "line: 5"),
        ("rsID", "is_dominant", ""),
        ("\t-0.25", "", "line: 5"),
    ];
    for (from, to, says) in altered {
        let text = CATALOG.replace(from, to).replace(if to == "is_dominant" { "rs1" } else { "none" }, "True");
        let said = Weights::read("weights.txt", text.as_bytes()).unwrap_err().to_string();
        assert!(said.contains("weights.txt") && said.contains(says), "{to}: {said}");
    }
    assert!(Weights::read("weights.txt", &b"\xff"[..]).is_err());
}

#[test]
fn a_weight_that_is_no_number_is_refused() {
    for wrong in [f64::NAN, f64::INFINITY] {
        assert!(four_variants().score(&[Weight { weight: wrong, ..weight(1, "A", "G") }]).is_err());
    }
}
