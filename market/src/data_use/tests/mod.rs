//! Data use under test: the ontology's own list, the decision against a second statement of it and against the proof,
//! and the formats in and out.

mod decision;
mod exchange;
mod terms;

use std::{collections::BTreeSet, fs, path::PathBuf};

use circuits::consent::{ConsentFlags, Day};
use proptest::{collection::btree_set, prelude::*, sample::select};

use super::*;

/// A file that others published, as it lies in the repository.
fn data(path: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(path)).unwrap()
}

fn countries(codes: &[&str]) -> BTreeSet<Country> {
    codes.iter().map(|code| code.parse().unwrap()).collect()
}

fn names(texts: &[&str]) -> BTreeSet<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Switzerland, Germany with Austria, Great Britain.
fn regions() -> RegionTable {
    RegionTable::new(vec![countries(&["CH"]), countries(&["DE", "AT"]), countries(&["GB"])]).unwrap()
}

fn offer() -> Offer {
    let flags = ConsentFlags::EXACT;
    Offer { last_day: Day(30_000), price_min: 0, epsilon_milli_max: 0, cohort_min: 0, flags }
}

const DISEASES: [&str; 4] = ["ICD10:E11", "ICD10:E11.9", "ICD10:C50", "MONDO:0005148"];
const PLAIN: [Modifier; 11] = [
    Modifier::NoMethods,
    Modifier::GeneticOnly,
    Modifier::NonProfitOrganisations,
    Modifier::NonCommercialUse,
    Modifier::NonProfitNonCommercial,
    Modifier::Publication,
    Modifier::Collaboration,
    Modifier::EthicsApproval,
    Modifier::ReturnOfResults,
    Modifier::ClinicalCare,
    Modifier::NoAncestry,
];

fn disease() -> impl Strategy<Value = DiseaseCode> {
    select(&DISEASES[..]).prop_map(|code| code.parse().unwrap())
}

fn permission() -> impl Strategy<Value = Permission> {
    prop_oneof![
        Just(Permission::NoRestriction),
        Just(Permission::GeneralResearch),
        Just(Permission::HealthResearch),
        Just(Permission::Ancestry),
        disease().prop_map(Permission::DiseaseSpecific),
    ]
}

fn some_countries(least: usize) -> impl Strategy<Value = BTreeSet<Country>> {
    btree_set(select(&["CH", "DE", "AT", "GB", "US"][..]).prop_map(|code| code.parse().unwrap()), least..4)
}

fn some_names(least: usize) -> impl Strategy<Value = BTreeSet<Name>> {
    btree_set(
        select(&["account:aa", "study:bb", "uni.example", "oncology"][..]).prop_map(|name| name.parse().unwrap()),
        least..3,
    )
}

/// Any terms; each condition is there in a fifth of the cases, so that some uses are allowed.
fn any_terms() -> impl Strategy<Value = DataUseTerms> {
    let flags = proptest::array::uniform11(proptest::bool::weighted(0.2));
    let day = || (19_990u32..20_010).prop_map(Day);
    let listed = proptest::array::uniform4(proptest::option::weighted(0.2, some_names(1)));
    let days = (proptest::option::weighted(0.2, day()), proptest::option::weighted(0.2, day()));
    (permission(), flags, proptest::option::weighted(0.2, some_countries(1)), days, listed).prop_filter_map(
        "ancestry research alone and prohibited",
        |(permission, flags, places, (until, moratorium), [users, projects, institutions, kinds])| {
            let plain = PLAIN.into_iter().zip(flags).filter(|(_, set)| *set).map(|(modifier, _)| modifier);
            let more = [
                places.map(Modifier::Countries),
                until.map(Modifier::Until),
                moratorium.map(Modifier::PublicationFrom),
                users.map(Modifier::Users),
                projects.map(Modifier::Projects),
                institutions.map(Modifier::Institutions),
                kinds.map(Modifier::ResearchKinds),
            ];
            DataUseTerms::new(permission, plain.chain(more.into_iter().flatten())).ok()
        },
    )
}

fn any_declared() -> impl Strategy<Value = DeclaredUse> {
    let purposes = [
        Purpose::DiseaseSpecific,
        Purpose::HealthResearch,
        Purpose::Ancestry,
        Purpose::GeneralResearch,
        Purpose::ClinicalCare,
        Purpose::AnyUse,
    ];
    let diseases = (proptest::option::of(disease()), proptest::option::of(disease()));
    let approval = proptest::option::of(select(&["REC-2026-17", " "][..]).prop_map(str::to_owned));
    let flags = proptest::array::uniform7(any::<bool>());
    (select(purposes.to_vec()), diseases, flags, approval, some_countries(0)).prop_map(
        |(purpose, (disease, asks_under), flags, ethics_approval, countries)| {
            let [methods, for_profit, commercial, genetic, publishes, collaborates, returns_results] = flags;
            DeclaredUse {
                purpose,
                disease,
                asks_under,
                methods,
                for_profit,
                commercial,
                genetic,
                ethics_approval,
                publishes,
                publishes_from: None,
                collaborates,
                returns_results,
                countries,
                research_kinds: BTreeSet::new(),
                institutions: BTreeSet::new(),
            }
        },
    )
}

fn any_requester() -> impl Strategy<Value = Requester> {
    let day = proptest::option::of((19_990u32..20_010).prop_map(Day));
    let project = proptest::option::of(Just("study:bb".parse::<Name>().unwrap()));
    let approval = select(vec![Approval::NotAsked, Approval::Shown, Approval::Lacking("a visa".into())]);
    (some_names(0), some_names(0), some_names(0), project, day, approval).prop_map(
        |(users, institutions, research_kinds, project, publishes_from, approval)| Requester {
            users,
            institutions,
            project,
            research_kinds,
            publishes_from,
            approval,
        },
    )
}
