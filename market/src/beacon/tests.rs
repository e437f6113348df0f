//! Releases of synthetic sums: what is answered, what is not, and that nothing but sums decides it.

use std::sync::Arc;

use circuits::{
    consent::{Day, Purposes, Regions},
    criteria::{Clause, Criteria, MatchClause, MatchCriteria},
    id::{QueryId, SchemaId, StudyId},
    layout::{Axis, Layout, Statistic, Subject},
    privacy::Epsilon,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use node::{
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    units::Amount,
};
use proptest::prelude::*;

use super::{exact::ExactFloor, release::Published, *};

const AGE: u8 = 0;
const SEX: u8 = 1;
/// Variance of the noise in every slot of these tests: a count is shown from 11 on, carriers from 12, two cells' from
/// 16.
const VARIANCE: f64 = 4.0;

fn panel() -> VariantPanel {
    let variant = |pos| Variant { chrom: "20".into(), pos, reference: "A".into(), alternate: "G".into() };
    VariantPanel { build: "GRCh37".into(), variants: [10, 20, 30].map(variant).into() }
}

fn schema() -> Schema {
    let attribute = |name: &str, coding: &str, hi| Attribute {
        name: name.into(),
        unit: String::new(),
        coding: coding.into(),
        scale: 1,
        lo: 0,
        hi,
        digits: 1,
        sensitivity: Sensitivity::Public,
    };
    let attributes = vec![attribute("age", "LOINC:30525-0", 120), attribute("sex", "1 = male, 2 = female", 2)];
    Schema { name: "tests".into(), attributes, panel: panel().reference().unwrap() }
}

fn query(parts: Vec<Layout>) -> CohortQuery {
    CohortQuery {
        study: StudyId::from_bytes([3; 32]),
        schema: SchemaId::from_bytes([4; 32]),
        criteria: Criteria { groups: vec![vec![Clause { attribute: AGE, lo: 18, hi: 65, negated: false }]] },
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts,
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(1),
        contributions_min: 2,
        contributions_max: 1_000,
        privacy: PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(1_000) },
        opening: Day(1),
        closing: Day(2),
        aggregate_blocks_max: 1,
        release_blocks_max: 1,
        sealing: SealingKey::new(vec![1]),
    }
}

fn release(number: u8, query: &CohortQuery, contributions: u32, sums: &[&[i64]]) -> Release {
    let variance = if query.privacy == PrivacyMode::Exact { 0.0 } else { VARIANCE };
    let noisy = |slots: &&[i64]| slots.iter().map(|value| Sum::noisy(*value, variance)).collect();
    let published = Published {
        id: QueryId::from_bytes([number; 32]),
        query,
        contributions,
        title: format!("Study {number}"),
        sums: sums.iter().map(noisy).collect(),
    };
    Release::new(published, Arc::new(schema()), Some(&panel()), ExactFloor(COUNT_MIN)).unwrap()
}

fn beacon(releases: impl IntoIterator<Item = Release>) -> Beacon {
    let mut beacon = Beacon::empty(Floors::default());
    beacon.releases.extend(releases.into_iter().map(|release| (release.query(), release)));
    beacon
}

fn filters(texts: &[&str]) -> Vec<Filter> {
    let read = |text: &&str| {
        let at = text.find(['<', '>', '=', '!']).unwrap();
        let (id, rest) = text.split_at(at);
        let (sign, operator) = Operator::ALL.into_iter().find(|(sign, _)| rest.starts_with(sign)).unwrap();
        Filter { id: id.into(), operator, value: rest[sign.len()..].into() }
    };
    texts.iter().map(read).collect()
}

/// The first release's count of people who meet the filters.
fn people(beacon: &Beacon, texts: &[&str]) -> Option<u64> {
    carriers(beacon, texts, None)
}

fn carriers(beacon: &Beacon, texts: &[&str], variants: Option<VariantQuery>) -> Option<u64> {
    let question = Question { filters: filters(texts), variants };
    let answers = beacon.individuals(&question).unwrap();
    answers.first().and_then(|(_, count)| count.map(|count| count.count))
}

fn allele(start: u64) -> VariantQuery {
    VariantQuery::new(VariantParameters {
        assembly: Some("hg19".into()),
        reference_name: Some("chr20".into()),
        start: vec![start],
        alternate_bases: Some("G".into()),
        ..VariantParameters::default()
    })
    .unwrap()
}

/// Starts of the variants that the first release shows.
fn found(beacon: &Beacon, texts: &[&str]) -> Vec<(u32, u64)> {
    let question = Question { filters: filters(texts), variants: None };
    let answers = beacon.variants(&question).unwrap();
    answers[0].1.iter().map(|found| (found.variant.pos, found.carriers.count)).collect()
}

fn by_sex() -> Layout {
    Layout { axes: vec![Axis::Thresholds { attribute: SEX, cuts: vec![2] }], ..Layout::count() }
}

/// The slots of three variants in a block of 32.
fn block(sums: [i64; 9]) -> Vec<i64> {
    let mut slots = vec![0; 96];
    slots[..9].copy_from_slice(&sums);
    slots
}

#[test]
fn people_are_counted_where_the_question_is_the_one_released() {
    let beacon = beacon([release(1, &query(vec![by_sex()]), 100, &[&[40, 57]])]);
    assert_eq!(people(&beacon, &[]), Some(100), "everybody in the release");
    assert_eq!(people(&beacon, &["age>=18", "age<=65"]), Some(100), "its own criteria");
    assert_eq!(people(&beacon, &["age>17", "LOINC:30525-0<66"]), Some(100), "in other words");
    assert_eq!(people(&beacon, &["sex=female"]), Some(57));
    assert_eq!(people(&beacon, &["sex=2", "age>=18"]), Some(57));
    assert_eq!(people(&beacon, &["sex>=2"]), Some(57));
    assert_eq!(people(&beacon, &["sex!2"]), Some(40), "below 2 are all others that have a value");
    for other in [&["age>=20"][..], &["sex=female", "age>=20"], &["sex=1"], &["sex>=0"], &["age<18"]] {
        assert_eq!(people(&beacon, other), None, "{other:?} is another question");
    }
}

#[test]
fn few_and_none_look_the_same_and_the_floor_is_on_the_noisy_count() {
    let counts = [-3, 0, 1, 10, 11].map(|count| {
        let beacon = beacon([release(1, &query(vec![by_sex()]), 100, &[&[count, 50]])]);
        people(&beacon, &["sex<2"])
    });
    assert_eq!(counts, [None, None, None, None, Some(11)]);
    let wide = Sum::noisy(39, 100.0);
    assert_eq!(Floors::default().shown(wide), None);
    let shown = Floors::default().shown(Sum::noisy(40, 100.0)).unwrap();
    assert_eq!((shown.count, shown.noise_deviation, shown.least), (40, 10.0, 40));
    assert_eq!(Floors { count_min: 0, exact: true }.shown(Sum::exact(0)), None, "nobody is never shown");
}

#[test]
fn people_who_match_are_known_by_the_sum_alone() {
    let group = vec![MatchClause { subject: Subject::Attribute(AGE), lo: 40, hi: 60, negated: false }];
    let carrying = vec![MatchClause { subject: Subject::Dosage(1), lo: 1, hi: 2, negated: false }];
    let funnel = Layout { statistic: Statistic::Funnel { groups: 2 }, ..Layout::count() };
    let asked = CohortQuery {
        matching: MatchCriteria { groups: vec![group, carrying] },
        ..query(vec![Layout::count(), funnel])
    };
    let beacon = beacon([release(1, &asked, 100, &[&[31], &[99, 60, 32]])]);
    assert_eq!(people(&beacon, &[]), Some(99), "the funnel's first step, which is noisy");
    assert_eq!(people(&beacon, &["age>=40", "age<=60"]), Some(60));
    assert_eq!(carriers(&beacon, &["age>=40", "age<=60"], Some(allele(19))), Some(31));
    assert_eq!(carriers(&beacon, &["age>=40", "age<=60"], Some(allele(9))), None);
    assert_eq!(carriers(&beacon, &[], Some(allele(19))), None, "carriers of any age were not counted");
}

#[test]
fn variants_are_found_by_their_noisy_carriers() {
    let sums = block([30, 5, 90, 6, 3, 95, 12, 0, 92]);
    let beacon = beacon([release(1, &query(vec![Layout::genotypes(0, 0, 32)]), 100, &[&sums])]);
    assert_eq!(found(&beacon, &[]), [(10, 35), (30, 12)], "nine carriers of the second are few");
    assert_eq!(found(&beacon, &["age>=18"]), [(10, 35), (30, 12)]);
    assert_eq!(found(&beacon, &["age>=40"]), []);
    assert_eq!(carriers(&beacon, &[], Some(allele(9))), Some(35));
    assert_eq!(carriers(&beacon, &[], Some(allele(19))), None);
    let question = Question { filters: vec![], variants: Some(allele(9)) };
    let answers = beacon.variants(&question).unwrap();
    let [alternate, called] = answers[0].1[0].alleles.unwrap();
    assert_eq!((alternate.value, called.value), (40, 180));
    assert_eq!((alternate.noise_variance, called.noise_variance), (5.0 * VARIANCE, 4.0 * VARIANCE));
    let elsewhere = VariantParameters { assembly: Some("GRCh38".into()), ..VariantParameters::default() };
    let question = Question { filters: vec![], variants: Some(VariantQuery::new(elsewhere).unwrap()) };
    assert!(beacon.variants(&question).unwrap()[0].1.is_empty());
}

#[test]
fn cases_and_controls_are_told_apart_and_together() {
    let layout = Layout { axes: by_sex().axes, ..Layout::genotypes(0, 0, 32) };
    let sums = [block([20, 0, 40, 1, 0, 40, 8, 0, 40]), block([30, 2, 50, 2, 0, 50, 8, 0, 50])].concat();
    let beacon = beacon([release(1, &query(vec![layout]), 100, &[&sums])]);
    assert_eq!(found(&beacon, &[]), [(10, 52), (30, 16)]);
    assert_eq!(found(&beacon, &["sex=female"]), [(10, 32)]);
    assert_eq!(carriers(&beacon, &["sex=female"], Some(allele(9))), Some(32));
    assert_eq!(carriers(&beacon, &[], Some(allele(9))), None, "who has no sex recorded was not measured");
    let variances: Vec<f64> = beacon.variants(&Question::default()).unwrap()[0]
        .1
        .iter()
        .map(|found| found.carriers.noise_deviation.powi(2))
        .collect();
    assert!(variances.iter().all(|variance| (variance - 4.0 * VARIANCE).abs() < 1e-9), "{variances:?}");
}

#[test]
fn exact_sums_show_no_small_group_and_none_that_follows() {
    let exact = CohortQuery { privacy: PrivacyMode::Exact, ..query(vec![by_sex(), Layout::genotypes(0, 0, 32)]) };
    let sums = block([30, 5, 100, 6, 3, 100, 90, 5, 100]);
    let beacon_of = |counts: &[i64]| beacon([release(1, &exact, 100, &[counts, &sums])]);
    let open = beacon_of(&[40, 60]);
    assert_eq!(people(&open, &["sex=female"]), Some(60));
    assert_eq!(found(&open, &[]), [(10, 35)], "nine carriers are few, and so are five others");
    assert!(open.variants(&Question::default()).unwrap()[0].1[0].alleles.is_none());
    let closed = beacon_of(&[40, 58]);
    assert_eq!(people(&closed, &["sex=female"]), None, "two people have no sex recorded");
    assert_eq!(people(&closed, &[]), Some(100), "which is on the ledger");
}

#[test]
fn a_filter_that_no_dataset_has_is_refused_and_one_of_another_dataset_is_a_miss() {
    let beacon = beacon([release(1, &query(vec![by_sex()]), 100, &[&[40, 57]])]);
    let question = Question { filters: filters(&["HP:0000822=1"]), variants: None };
    let error = beacon.individuals(&question).unwrap_err().to_string();
    assert!(error.contains("HP:0000822") && error.contains("filtering_terms"), "{error}");
    assert!(beacon.variants(&question).is_err());
    let names: Vec<&str> = beacon.attributes().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(names, ["age", "sex"]);
}

#[test]
fn each_dataset_answers_for_itself() {
    let older = CohortQuery {
        criteria: Criteria { groups: vec![vec![Clause { attribute: AGE, lo: 66, hi: 120, negated: false }]] },
        ..query(vec![Layout::count()])
    };
    let releases = [release(2, &older, 70, &[&[71]]), release(1, &query(vec![Layout::count()]), 100, &[&[98]])];
    let beacon = beacon(releases);
    let question = Question { filters: filters(&["age>=18", "age<=65"]), variants: None };
    let counts: Vec<_> = beacon.individuals(&question).unwrap().into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts[0].map(|count| (count.count, count.noise_deviation)), Some((100, 0.0)), "the ledger's number");
    assert_eq!(counts[1], None);
}

#[test]
fn criteria_with_alternatives_are_asked_as_a_whole_only() {
    let either = vec![
        Clause { attribute: AGE, lo: 0, hi: 30, negated: false },
        Clause { attribute: SEX, lo: 1, hi: 1, negated: false },
    ];
    let asked = CohortQuery { criteria: Criteria { groups: vec![either] }, ..query(vec![by_sex()]) };
    let beacon = beacon([release(1, &asked, 100, &[&[40, 57]])]);
    assert_eq!(people(&beacon, &[]), Some(100));
    assert_eq!(people(&beacon, &["sex=female"]), Some(57), "females among those asked");
    assert_eq!(people(&beacon, &["age<=30"]), None);
}

/// A person: age, sex and three dosages.
type Person = (u32, u32, [Dosage; 3]);

fn person() -> impl Strategy<Value = Person> {
    let dosage = prop_oneof![Just(Dosage::HomRef), Just(Dosage::Het), Just(Dosage::HomAlt), Just(Dosage::Missing)];
    let age = prop_oneof![18..66_u32, Just(MISSING)];
    (age, prop_oneof![1..3_u32, Just(MISSING)], proptest::array::uniform3(dosage))
}

fn slots(layout: &Layout, people: &[Person]) -> Vec<i64> {
    let mut slots = vec![0; layout.slots_used().into()];
    for (age, sex, dosages) in people {
        let mut values = [MISSING; ATTRIBUTES];
        (values[usize::from(AGE)], values[usize::from(SEX)]) = (*age, *sex);
        let (attributes, genotypes) = (Attributes::new(values), Genotypes::new(dosages).unwrap());
        let plaintext = layout.plaintext(&MatchCriteria::default(), &attributes, &genotypes).unwrap();
        slots.iter_mut().zip(plaintext.slots()).for_each(|(slot, value)| *slot += i64::from(*value));
    }
    slots
}

/// Everything that a beacon answers to many questions, as text.
fn everything(beacon: &Beacon) -> String {
    let mut asked: Vec<Vec<String>> = vec![vec![], vec!["sex=1".into()], vec!["sex>=2".into()]];
    asked.extend((0..=121).map(|age| vec![format!("age>={age}")]));
    asked.extend((0..=121).map(|age| vec![format!("age<{age}"), "sex<2".into()]));
    let mut answers = String::new();
    for texts in &asked {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for variants in [None, Some(allele(9)), Some(allele(19)), Some(allele(29))] {
            let question = Question { filters: filters(&texts), variants };
            let people: Vec<_> = beacon.individuals(&question).unwrap().into_iter().map(|(_, count)| count).collect();
            let variants: Vec<_> = beacon.variants(&question).unwrap().into_iter().map(|(_, found)| found).collect();
            answers.push_str(&format!("{texts:?} {people:?} {variants:?}\n"));
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Two cohorts with the same sums get the same answers to every question, whoever is in them: ages move within the
    /// cells, dosages swap between people of a cell, and the order changes.
    #[test]
    fn no_answer_depends_on_anything_but_published_sums(
        mut cohort in proptest::collection::vec(person(), 1..60), noise in proptest::collection::vec(-20..20_i64, 200), swap in 0..60_usize
    ) {
        let axes = vec![
            Axis::Thresholds { attribute: AGE, cuts: vec![40] },
            Axis::Thresholds { attribute: SEX, cuts: vec![2] },
        ];
        let parts = vec![Layout { axes, ..Layout::count() }, Layout::genotypes(0, 0, 32)];
        let published = |people: &[Person]| {
            let noisy = |layout: &Layout| -> Vec<i64> {
                slots(layout, people).iter().zip(noise.iter().cycle()).map(|(sum, noise)| sum + noise).collect()
            };
            let sums: Vec<Vec<i64>> = parts.iter().map(noisy).collect();
            let sums: Vec<&[i64]> = sums.iter().map(Vec::as_slice).collect();
            beacon([release(1, &query(parts.clone()), people.len() as u32, &sums)])
        };
        let before = everything(&published(&cohort));
        prop_assert_eq!(&before, &everything(&published(&cohort)), "the same question has the same answer");
        // Within a cell nobody's age, and nobody's genome, is told from another's.
        for (age, ..) in &mut cohort {
            *age = match *age {
                MISSING => MISSING,
                18..40 => 57 - *age,
                _ => 105 - *age,
            };
        }
        let count = cohort.len();
        let (one, other) = (swap % count, (swap * 7 + 3) % count);
        let (first, second) = (cohort[one].2, cohort[other].2);
        (cohort[one].2, cohort[other].2) = (second, first);
        cohort.reverse();
        prop_assert_eq!(&before, &everything(&published(&cohort)));
    }
}
