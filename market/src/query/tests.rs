use std::{
    fs,
    path::{Path, PathBuf},
};

use circuits::{
    consent::{Day, Purposes, Regions},
    layout::{Axis, Layout, Statistic, Subject},
    schema::{Attribute, Schema, Variant, VariantPanel},
};
use node::query::{CohortQuery, DataUse, PrivacyMode, SealingKey};
use proptest::prelude::*;

use super::{named::variant_name, *};
use crate::{
    data_use::{DeclaredUse, DiseaseCode},
    import::{ImportOptions, import_variants},
};

pub(super) fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The schema and the panel of the demo.
pub(super) fn demo() -> (Schema, VariantPanel) {
    let genomes = fs::read(file("tests/data/demo/genomes.vcf")).unwrap();
    let options = ImportOptions { build: Some("GRCh37".into()) };
    let (imported, _) = import_variants("genomes", genomes.as_slice(), &options).unwrap();
    let attributes: Vec<Attribute> =
        serde_json::from_slice(&fs::read(file("tests/data/demo/attributes.json")).unwrap()).unwrap();
    let panel = imported.panel;
    (Schema { name: "demo".into(), attributes, panel: panel.reference().unwrap() }, panel)
}

fn resolve(query: &QueryFile) -> Result<CohortQuery, Error> {
    let (schema, panel) = demo();
    query.resolve(&schema, Some(&panel), Day(20_000), SealingKey::new(vec![1]))
}

pub(super) fn example(name: &str) -> QueryFile {
    QueryFile::open(&file("docs/queries").join(name).with_extension("toml")).unwrap()
}

#[test]
fn every_example_means_a_query_that_the_ledger_could_take() {
    let mut names = vec![];
    for entry in fs::read_dir(file("docs/queries")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let query = resolve(&QueryFile::open(&path).unwrap()).unwrap();
        query.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        node::query::check_against_schema(&query, &demo().0, true).unwrap();
        names.push(name);
    }
    assert!(names.len() >= 11, "{names:?}");
}

#[test]
fn names_become_indices_and_units_become_stored_values() {
    let query = resolve(&example("funnel")).unwrap();
    let clauses: Vec<_> = query.matching.groups.iter().flatten().collect();
    assert_eq!((clauses[1].subject, clauses[1].lo, clauses[1].hi), (Subject::Attribute(3), 400, 650));
    let Subject::Dosage(place) = clauses[2].subject else { panic!("a variant") };
    assert_eq!(variant_name(&demo().1.variants[usize::from(place)]), "22:16050822 G>A");
    assert_eq!(query.parts[0].statistic, Statistic::Funnel { groups: 3 });
    assert!(matches!(query.privacy, PrivacyMode::Private { epsilon_milli } if epsilon_milli.milli() == 1_000));

    let query = resolve(&example("survival")).unwrap();
    let [Axis::Thresholds { .. }, Axis::Bins { lo: 0, width: 60, count: 62, .. }, Axis::Thresholds { .. }] =
        query.parts[0].axes.as_slice()
    else {
        panic!("groups, time, event: {:?}", query.parts[0].axes)
    };
}

#[test]
fn repro_people_followed_past_the_last_bin_vanished_without_a_word() {
    let (schema, panel) = demo();
    let names = super::named::Names { schema: &schema, panel: Some(&panel) };
    let warnings = example("survival").measures[0].warnings(names).unwrap();
    assert!(warnings[0].contains("end at 3720") && warnings[0].contains("go to 36500"), "{warnings:?}");
    let time = NamedAxis::Bins { attribute: "follow_up".into(), lo: 0.0, width: 1_000.0, count: 37 };
    let event = NamedAxis::Cuts { attribute: "death".into(), cuts: vec![1.0] };
    assert!(Measure::Survival { time, event, groups: None, horizon: None }.warnings(names).unwrap().is_empty());
}

#[test]
fn a_panel_takes_as_many_parts_as_its_cells_leave_room() {
    let variants = VariantRange { first: 992, ..VariantRange::default() };
    let ask = |measure| resolve(&QueryFile { measures: vec![measure], ..example("frequencies") });
    let windows = ask(Measure::AlleleFrequencies { variants, by: vec![] }).unwrap().parts;
    let ranges: Vec<_> = windows.iter().map(|part| (part.window, part.statistic.clone())).collect();
    let of = |first, length| Statistic::Genotypes { first, length };
    assert_eq!(ranges, [(0, of(992, 32)), (1, of(0, 160))], "1,172 variants, the last block reaching past the panel");
    let cases = NamedAxis::Cuts { attribute: "death".into(), cuts: vec![1.0] };
    let halves = ask(Measure::Association { variants: VariantRange::default(), cases }).unwrap().parts;
    assert_eq!(halves.iter().map(|part| part.slots_used()).collect::<Vec<_>>(), [4_032, 2_112, 960]);
}

#[test]
fn a_query_of_the_ledger_gives_a_file_that_asks_the_same_again() {
    let (schema, panel) = demo();
    let by_death = || vec![NamedAxis::Cuts { attribute: "death".into(), cuts: vec![1.0] }];
    let by_variant = |place: usize| vec![NamedAxis::Variant { variant: variant_name(&panel.variants[place]) }];
    let range = |first, count| VariantRange { first, count: Some(count), region: None };
    let frequencies = |first, count, by| Measure::AlleleFrequencies { variants: range(first, count), by };
    let of_two = vec![frequencies(0, 64, vec![]), frequencies(64, 64, vec![])];
    let of_all = vec![frequencies(0, 1_172, by_death()), frequencies(0, 1_172, vec![])];
    // The same place of another window is another variant.
    let across = vec![frequencies(992, 32, by_variant(5)), frequencies(1_024, 32, by_variant(1_029))];
    let names = fs::read_dir(file("docs/queries")).unwrap().map(|entry| entry.unwrap().path());
    let examples = names.map(|path| QueryFile::open(&path).unwrap());
    let by_hand = [of_two, of_all, across].map(|measures| QueryFile { measures, ..example("frequencies") });
    let mut asked = 0;
    for file in examples.chain(by_hand) {
        let query = resolve(&file).unwrap();
        let Again { file: again, remarks } = Again::of(&query, &schema, Some(&panel));
        assert_eq!(resolve(&again).unwrap().parts, query.parts);
        match (file.data_use, remarks.as_slice()) {
            (None, []) => assert_eq!(resolve(&again).unwrap(), query),
            (Some(_), [promised]) => assert!(promised.contains("promised publication"), "{promised}"),
            (_, remarks) => panic!("{remarks:?}"),
        }
        asked += 1;
    }
    assert_eq!(asked, 14);
    let without_panel = Again::of(&resolve(&example("funnel")).unwrap(), &schema, None);
    assert!(without_panel.remarks[0].contains("panel is not at hand"), "{:?}", without_panel.remarks);
}

#[test]
fn what_a_file_cannot_say_of_a_query_is_remarked() {
    let (schema, panel) = demo();
    let query = resolve(&example("count")).unwrap();
    let unnamed = Purposes(query.data_use.purposes.0 | 1 << 20);
    let strange = CohortQuery { data_use: DataUse { purposes: unnamed, ..query.data_use }, ..query.clone() };
    let remarks = Again::of(&strange, &schema, Some(&panel)).remarks;
    assert!(matches!(remarks.as_slice(), [one] if one.contains("demands less")), "{remarks:?}");
    let mut uncut = query;
    uncut.parts[0].axes = vec![Axis::Thresholds { attribute: 0, cuts: vec![] }];
    let remarks = Again::of(&uncut, &schema, Some(&panel)).remarks;
    assert!(remarks[0].contains("does not open as it is") && remarks[0].contains("must increase"), "{remarks:?}");
}

#[test]
fn a_region_means_the_blocks_of_the_panel_that_hold_it() {
    let (_, panel) = demo();
    let region = |text: &str| VariantRange { region: Some(text.into()), ..VariantRange::default() };
    let (third, last) = (&panel.variants[70], &panel.variants[99]);
    let numbers = region(&format!("{}:{}-{}", third.chrom, third.pos, last.pos)).numbers(&panel).unwrap();
    assert_eq!(numbers, 64..128, "70 to 99, widened on both sides");
    assert_eq!(region("22").numbers(&panel).unwrap(), 0..1_172);
    let one = region(&format!("22:{0}-{0}", third.pos)).numbers(&panel).unwrap();
    assert_eq!(one, 64..96, "both ends belong to it");
    let measure = Measure::AlleleFrequencies { variants: region("22"), by: vec![] };
    let all = Measure::AlleleFrequencies { variants: VariantRange::default(), by: vec![] };
    let parts = |measure| resolve(&QueryFile { measures: vec![measure], ..example("frequencies") }).unwrap().parts;
    assert_eq!(parts(measure), parts(all));
    for (text, said) in [
        ("chr22:1-2", "no variant in chr22:1-2; its chromosomes are 22"),
        ("22:1-2", "no variant in 22:1-2"),
        ("22:x", "no region such as"),
        ("", "no region such as"),
        ("22:16050822", "one place is its own end"),
        ("22:", "no region such as"),
        ("22:20-10", "ends before it begins"),
    ] {
        let refused = region(text).numbers(&panel).unwrap_err().to_string();
        assert!(refused.contains(said), "{text:?}: {refused}");
    }
    let mixed = VariantPanel {
        variants: [
            &panel.variants[9],
            &Variant { chrom: "21".into(), ..panel.variants[9].clone() },
            &panel.variants[10],
        ]
        .map(Clone::clone)
        .into(),
        ..panel.clone()
    };
    assert!(region("22").numbers(&mixed).unwrap_err().to_string().contains("in no order"));
    let both = VariantRange { count: Some(32), ..region("22") };
    assert!(both.numbers(&panel).unwrap_err().to_string().contains("leave one out"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let sex = || NamedAxis::Cuts { attribute: "sex".into(), cuts: vec![2.0] };
    let bins = |count| NamedAxis::Bins { attribute: "age".into(), lo: 0.0, width: 1.0, count };
    let variant = |name: &str| NamedAxis::Variant { variant: name.into() };
    let follow_up = |lo, horizon| {
        let time = NamedAxis::Bins { attribute: "follow_up".into(), lo, width: 60.0, count: 5 };
        Measure::Survival { time, event: sex(), groups: None, horizon }
    };
    let cases = [
        ("no attribute \"shoe size\"", Measure::Moments { attributes: vec!["shoe size".into()], by: vec![] }),
        ("40.05 for age: its values are multiples of 1/10 from 0 to 120", {
            Measure::Count { by: vec![NamedAxis::Cuts { attribute: "age".into(), cuts: vec![40.05] }] }
        }),
        ("age: cuts [60.0, 40.0] must increase", {
            Measure::Count { by: vec![NamedAxis::Cuts { attribute: "age".into(), cuts: vec![60.0, 40.0] }] }
        }),
        ("no variant \"22:1 A>C\"", Measure::Count { by: vec![variant("22:1 A>C")] }),
        ("cases has 3 cells", Measure::Association { variants: VariantRange::default(), cases: bins(3) }),
        ("event has other cells", Measure::Survival { time: bins(3), event: bins(3), groups: None, horizon: None }),
        ("time needs bins", Measure::Survival { time: sex(), event: sex(), groups: None, horizon: None }),
        ("a horizon of 300 must be above 0 and before 300", follow_up(0.0, Some(300.0))),
        ("a horizon of -1 must", follow_up(0.0, Some(-1.0))),
        ("let lo be 0", follow_up(60.0, None)),
        ("two rows and two columns, and this has 3 and 2", {
            Measure::Contingency { rows: bins(3), columns: sex(), strata: Some(sex()) }
        }),
        ("at least two rows", Measure::Contingency { rows: bins(1), columns: sex(), strata: None }),
        ("at least two cells", Measure::Comparison { attribute: "age".into(), groups: bins(1) }),
        ("multiple of 32", {
            Measure::AlleleFrequencies { variants: VariantRange { first: 5, ..VariantRange::default() }, by: vec![] }
        }),
        ("leave no room", Measure::AlleleFrequencies { variants: VariantRange::default(), by: vec![bins(100)] }),
        ("take 10 parts", Measure::AlleleFrequencies { variants: VariantRange::default(), by: vec![bins(10)] }),
    ];
    for (text, measure) in cases {
        let query = QueryFile { measures: vec![measure], ..example("count") };
        let said = resolve(&query).unwrap_err().to_string();
        assert!(said.contains(text), "{said} lacks {text}");
    }
    for (text, epsilon) in [("above 0", 0.0), ("multiple of 0.001", 0.0005), ("multiple of 0.001", f64::NAN)] {
        let said =
            resolve(&QueryFile { privacy: Privacy::Epsilon(epsilon), ..example("count") }).unwrap_err().to_string();
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn a_public_criterion_on_a_variant_and_an_empty_interval_are_refused() {
    let clause = |attribute: Option<&str>, variant: Option<&str>, lo, hi| NamedClause {
        attribute: attribute.map(Into::into),
        variant: variant.map(Into::into),
        lo,
        hi,
        negated: false,
    };
    let cases = [
        ("told by attributes alone", clause(None, Some("22:16050822 G>A"), 1.0, 2.0)),
        ("0, 1 or 2 copies", clause(None, Some("22:16050822 G>A"), 1.0, 3.0)),
        ("either an attribute or a variant", clause(Some("age"), Some("22:16050822 G>A"), 1.0, 2.0)),
        ("holds no value", clause(Some("age"), None, 50.0, 40.0)),
        ("outside the schema's", clause(Some("sex"), None, 3.0, 4.0)),
    ];
    for (text, clause) in cases {
        let said = resolve(&QueryFile { criteria: vec![vec![clause]], ..example("count") }).unwrap_err().to_string();
        assert!(said.contains(text), "{said} lacks {text}");
    }
}

#[test]
fn json_and_toml_say_the_same_and_a_mistyped_field_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["funnel", "survival", "association"] {
        let query = example(name);
        assert!(name != "survival" || matches!(query.measures[0], Measure::Survival { horizon: Some(720.0), .. }));
        let path = folder.path().join("query.json");
        fs::write(&path, serde_json::to_string(&query).unwrap()).unwrap();
        assert_eq!(QueryFile::open(&path).unwrap(), query);
    }
    let text = fs::read_to_string(file("docs/queries/count.toml")).unwrap();
    let path = folder.path().join("mistyped.toml");
    fs::write(&path, text.replace("price", "prize")).unwrap();
    let said = QueryFile::open(&path).unwrap_err().to_string();
    assert!(said.contains("mistyped.toml") && said.contains("prize"), "{said}");
}

#[test]
fn the_schema_of_files_knows_every_field_and_statistic() {
    let schema = serde_json::to_string(&schemars::schema_for!(QueryFile)).unwrap();
    for name in ["criteria", "matching", "epsilon", "allele_frequencies", "survival", "contributions_max", "cuts"] {
        assert!(schema.contains(name), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_query_file_or_is_refused(text in ".{0,200}", ending in prop_oneof![Just("json"), Just("toml")]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("query").with_extension(ending);
        fs::write(&path, text).unwrap();
        prop_assert!(QueryFile::open(&path).is_err());
    }
}

#[test]
fn a_clause_reads_as_people_say_it() {
    let clause = |attribute: Option<&str>, lo, hi, negated| {
        let variant = attribute.is_none().then(|| "22:1 A>C".to_owned());
        NamedClause { attribute: attribute.map(Into::into), variant, lo, hi, negated }.to_string()
    };
    assert_eq!(clause(Some("age"), 40.0, 65.5, false), "age 40 to 65.5");
    assert_eq!(clause(Some("sex"), 2.0, 2.0, true), "sex not 2");
    assert_eq!(clause(None, 1.0, 2.0, false), "1 to 2 copies of 22:1 A>C");
    assert_eq!(clause(None, 1.0, 1.0, false), "1 copy of 22:1 A>C");
    assert_eq!(clause(None, 0.0, 0.0, true), "not 0 copies of 22:1 A>C");
}

#[test]
fn repro_a_file_of_many_names_is_refused_before_a_panel_is_searched_for_them() {
    let variant = || NamedAxis::Variant { variant: "22:1 A>C".into() };
    let clause = NamedClause { attribute: None, variant: Some("22:1 A>C".into()), lo: 1.0, hi: 2.0, negated: false };
    let count = |by| Measure::Count { by };
    let files = [
        ("10000 measures", QueryFile { measures: vec![count(vec![variant()]); 10_000], ..example("count") }),
        ("10000 axes", QueryFile { measures: vec![count(vec![variant(); 10_000])], ..example("count") }),
        ("10000 clauses of matching", QueryFile { matching: vec![vec![clause.clone(); 10_000]], ..example("count") }),
        ("10000 clauses of criteria", QueryFile { criteria: vec![vec![clause; 10_000]], ..example("count") }),
    ];
    for (text, file) in files {
        let said = resolve(&file).unwrap_err().to_string();
        assert!(said.contains(text), "{said} lacks {text}");
    }
}

fn declared() -> DeclaredUse {
    toml::from_str(
        "purpose = \"disease-specific\"\ndisease = \"ICD10:E11.9\"\nasks_under = \"ICD10:E11\"\nmethods = false\n\
         for_profit = false\ncommercial = false\ngenetic = false\nethics_approval = \"REC-1\"\npublishes = true\n",
    )
    .unwrap()
}

#[test]
fn a_file_that_promises_nothing_demands_that_nobody_requires_anything() {
    let demanded = |name| resolve(&example(name)).unwrap().data_use.purposes;
    let silent = Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED);
    assert_eq!(demanded("count"), silent);
    let genetic = silent.without(Purposes::WITHOUT_GENOTYPES);
    assert_eq!((demanded("frequencies"), demanded("funnel")), (genetic, genetic));
    let nothing = QueryFile { purposes: vec![], ..example("count") };
    assert!(resolve(&nothing).unwrap_err().to_string().contains("names no purpose"));
}

#[test]
fn an_example_in_json_is_the_same_query_as_in_toml() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries");
    let [json, toml] = ["json", "toml"].map(|ending| QueryFile::open(&folder.join("survival").with_extension(ending)));
    assert_eq!(json.unwrap(), toml.unwrap());
}

#[test]
fn a_declared_use_demands_what_it_says_and_what_it_does_not_promise() {
    let file = QueryFile { purposes: vec![], data_use: Some(declared()), ..example("count") };
    let demanded = resolve(&file).unwrap().data_use;
    let unpromised = [Purposes::WITHOUT_COLLABORATION, Purposes::WITHOUT_RETURN, Purposes::WITHOUT_GENOTYPES];
    let expected = unpromised.into_iter().fold(Purposes::DISEASE_SPECIFIC, Purposes::union);
    assert_eq!(demanded.purposes, expected);
    assert_eq!(demanded.disease, "ICD10:E11".parse::<DiseaseCode>().unwrap().number());
    assert_eq!(demanded.regions, Regions::ALL, "it names no country");
    let table = "CH\nAT DE".parse().unwrap();
    let file = QueryFile { region_table: table, ..file };
    let text = serde_json::to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<QueryFile>(&text).unwrap(), file);
    assert_eq!(QueryFile::from_toml("q.toml", &file.to_toml().unwrap()).unwrap(), file);
}

#[test]
fn a_declared_use_that_the_measures_or_another_list_contradict_is_refused() {
    let refused = |file: QueryFile| resolve(&file).unwrap_err().to_string();
    let file = QueryFile { purposes: vec![], data_use: Some(declared()), ..example("count") };
    assert!(refused(QueryFile { purposes: vec!["methods".into()], ..file.clone() }).contains("keep one of the two"));
    assert!(refused(QueryFile { disease: 7, ..file.clone() }).contains("keep one of the two"));
    let genetic = DeclaredUse { genetic: true, ..declared() };
    assert!(refused(QueryFile { data_use: Some(genetic), ..file.clone() }).contains("reads some genotypes"));
    let frequencies = QueryFile { purposes: vec![], data_use: Some(declared()), ..example("frequencies") };
    assert!(refused(frequencies).contains("reads no genotypes"));
    let nameless = DeclaredUse { disease: None, asks_under: None, ..declared() };
    assert!(refused(QueryFile { data_use: Some(nameless), ..file }).contains("names its disease"));
}

#[test]
fn repro_a_block_that_reaches_past_the_panel_was_announced_whole() {
    let of = |first, length| Layout { window: 0, axes: vec![], statistic: Statistic::Genotypes { first, length } };
    let words = |layout: &Layout, panel| VariantBlock::of(layout, panel).unwrap().to_string();
    assert_eq!(words(&of(0, 64), 60), "60 variants of the panel, from number 0 on; room for 4 more stays empty");
    assert_eq!(words(&of(32, 32), 64), "32 variants of the panel, from number 32 on");
    let second = Layout { window: 1, ..of(0, 32) };
    assert_eq!(words(&second, 1_025), "1 variants of the panel, from number 1024 on; room for 31 more stays empty");
    assert!(VariantBlock::of(&Layout { statistic: Statistic::Count, ..of(0, 32) }, 60).is_none());
}
