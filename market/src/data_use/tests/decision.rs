use std::sync::LazyLock;

use circuits::{
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Purposes, Regions},
    criteria::Criteria,
    eligibility::{Clause, EligibilityTerms, EligibilityWitness, check},
    id::{AccountId, Digest, QueryId, SchemaId},
    merkle::{LeafTree, MerklePath},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
};
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

static RECORD: LazyLock<(Record, MerklePath)> = LazyLock::new(|| {
    let record = Record {
        schema: SchemaId::from_bytes([1; 32]),
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new([40; ATTRIBUTES]),
        genotypes: Genotypes::new(&[Dosage::Het; 8]).unwrap(),
        nullifier_key: NullifierKey::random(&mut StdRng::seed_from_u64(1)),
    };
    let empty = LeafTree::from_leaves([circuits::id::Leaf::from_element(0u64.into())]);
    (record, empty.path(0).unwrap())
});

/// What the statement of every proof says of these committed terms and this demand; none when it holds.
fn refuted(consent: ConsentTerms, demand: ConsentDemand) -> Option<Clause> {
    let (record, path) = &*RECORD;
    let terms = EligibilityTerms {
        query: QueryId::from_bytes([3; 32]),
        part: 0,
        schema: record.schema,
        criteria: Criteria { groups: vec![] },
        issuers: vec![],
        demand,
        registered_before: 5,
        exact: None,
    };
    let witness = EligibilityWitness::new(record, consent, 0, path.clone());
    let instance = witness.instance(&terms, Digest::from_bytes([7; 32]));
    match check(&terms, &instance, &witness) {
        Ok(()) => None,
        Err(circuits::Error::Refuted { clause }) => Some(clause),
        Err(error) => panic!("{error}"),
    }
}

fn demand(declared: &DeclaredUse, closing: Day) -> ConsentDemand {
    let asked = declared.demand(&regions());
    ConsentDemand {
        purposes: asked.purposes,
        disease: asked.disease,
        regions: asked.regions,
        closing,
        price: 0,
        epsilon_milli: 0,
        cohort_min: 0,
        flags: ConsentFlags::default(),
    }
}

/// The ontology's definitions stated a second time, term by term, without masks: the terms that a use violates.
fn violated(terms: &DataUseTerms, declared: &DeclaredUse, requester: &Requester, closing: Day) -> BTreeSet<DuoTerm> {
    use Purpose::{Ancestry, AnyUse, ClinicalCare, DiseaseSpecific, GeneralResearch, HealthResearch};
    let mut found = BTreeSet::new();
    let has = |modifier: &Modifier| terms.modifiers().any(|other| other == modifier);
    let covered = match (terms.permission(), declared.purpose) {
        (Permission::NoRestriction, _)
        | (Permission::GeneralResearch, GeneralResearch | HealthResearch | DiseaseSpecific | Ancestry)
        | (Permission::HealthResearch, HealthResearch | DiseaseSpecific)
        | (Permission::DiseaseSpecific(_), DiseaseSpecific)
        | (Permission::Ancestry, Ancestry) => true,
        (_, ClinicalCare) => has(&Modifier::ClinicalCare),
        (_, AnyUse | GeneralResearch | HealthResearch | DiseaseSpecific | Ancestry) => false,
    };
    if !covered {
        found.insert(terms.permission().term());
    }
    if let Permission::DiseaseSpecific(allowed) = terms.permission() {
        let studied = declared.disease.as_ref().map(DiseaseCode::as_str);
        let within = match allowed.as_str() {
            "ICD10:E11" => matches!(studied, Some("ICD10:E11" | "ICD10:E11.9")),
            other => studied == Some(other),
        };
        let asked = declared.asks_under.as_ref().or(declared.disease.as_ref());
        if !within || asked != Some(allowed) {
            found.insert(DuoTerm::Ds);
        }
    }
    let approved = declared.ethics_approval.as_deref().is_some_and(|text| text.contains("REC"));
    let two_sided = |term: DuoTerm, kept: bool| (!kept).then_some(term);
    found.extend(terms.modifiers().filter_map(|modifier| match modifier {
        Modifier::NoMethods => two_sided(DuoTerm::Nmds, !declared.methods),
        Modifier::GeneticOnly => two_sided(DuoTerm::Gso, declared.genetic),
        Modifier::NonProfitOrganisations => two_sided(DuoTerm::Npu, !declared.for_profit),
        Modifier::NonCommercialUse => two_sided(DuoTerm::Ncu, !declared.commercial),
        Modifier::NonProfitNonCommercial => two_sided(DuoTerm::Npuncu, !declared.for_profit && !declared.commercial),
        Modifier::Publication => two_sided(DuoTerm::Pub, declared.publishes),
        Modifier::Collaboration => two_sided(DuoTerm::Col, declared.collaborates),
        Modifier::EthicsApproval => {
            two_sided(DuoTerm::Irb, approved && !matches!(requester.approval, Approval::Lacking(_)))
        }
        Modifier::ReturnOfResults => two_sided(DuoTerm::Rtn, declared.returns_results),
        Modifier::ClinicalCare => None,
        Modifier::NoAncestry => two_sided(DuoTerm::Npoa, declared.purpose != Ancestry),
        Modifier::Countries(allowed) => two_sided(DuoTerm::Gs, stays_within(&declared.countries, allowed)),
        Modifier::Until(day) => two_sided(DuoTerm::Ts, closing <= *day),
        Modifier::PublicationFrom(day) => two_sided(DuoTerm::Mor, requester.publishes_from >= Some(*day)),
        Modifier::Users(allowed) => two_sided(DuoTerm::Us, requester.users.intersection(allowed).count() > 0),
        Modifier::Projects(allowed) => {
            two_sided(DuoTerm::Ps, requester.project.as_ref().is_some_and(|project| allowed.contains(project)))
        }
        Modifier::Institutions(allowed) => {
            two_sided(DuoTerm::Is, requester.institutions.intersection(allowed).count() > 0)
        }
        Modifier::ResearchKinds(allowed) => {
            let kinds = &requester.research_kinds;
            two_sided(DuoTerm::Rs, !kinds.is_empty() && kinds.difference(allowed).count() == 0)
        }
    }));
    found
}

/// Named countries, each in a region of the table that is allowed as a whole: Germany counts only with Austria, and
/// what the table lacks never does.
fn stays_within(used: &BTreeSet<Country>, allowed: &BTreeSet<Country>) -> bool {
    let allows = |code: &str| allowed.iter().any(|country| country.to_string() == code);
    !used.is_empty()
        && used.iter().all(|country| match country.to_string().as_str() {
            "DE" | "AT" => allows("DE") && allows("AT"),
            "US" => false,
            other => allows(other),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_decision_is_what_the_ontologys_definitions_say(
        terms in any_terms(),
        declared in any_declared(),
        requester in any_requester(),
        closing in (19_990u32..20_010).prop_map(Day),
    ) {
        let (hierarchy, regions) = (DiseaseHierarchy::default(), regions());
        let circumstances = Circumstances { closing, hierarchy: &hierarchy, regions: &regions };
        let refusals = decide(&terms, &declared, &requester, &circumstances);
        let found: BTreeSet<_> = refusals.iter().map(|refusal| refusal.term).collect();
        prop_assert_eq!(found, violated(&terms, &declared, &requester, closing));
        for refusal in &refusals {
            prop_assert!(refusal.why.starts_with("You ") && refusal.remedy.ends_with('.'), "{}", refusal);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_decision_allows_what_the_proof_allows_and_nothing_else_of_what_a_proof_enforces(
        terms in any_terms(),
        declared in any_declared(),
        closing in (19_990u32..20_010).prop_map(Day),
    ) {
        let (hierarchy, regions) = (DiseaseHierarchy::default(), regions());
        let circumstances = Circumstances { closing, hierarchy: &hierarchy, regions: &regions };
        let refusals = decide(&terms, &declared, &Requester::default(), &circumstances);
        let proof: Vec<_> = refusals.iter().filter(|refusal| refusal.enforced_by == Enforcement::Proof).collect();
        match terms.commit(&offer(), &regions, [5; 31]) {
            Ok(committed) => {
                prop_assert_eq!(refusals_of_masks(&committed, &declared), committed_allows(&committed, &declared));
                let clause = refuted(committed, demand(&declared, closing));
                prop_assert_eq!(clause.is_some(), !proof.is_empty(), "{:?} against {:?}", clause, proof);
            }
            // Countries of no whole region cannot be committed to, and the decision refuses every use under them.
            Err(error) => {
                prop_assert!(error.to_string().contains("no region"), "{}", error);
                prop_assert!(proof.iter().any(|refusal| refusal.term == DuoTerm::Gs));
            }
        }
    }
}

fn committed_allows(committed: &ConsentTerms, declared: &DeclaredUse) -> bool {
    committed.purposes.contains(declared.purposes())
}

fn refusals_of_masks(committed: &ConsentTerms, declared: &DeclaredUse) -> bool {
    refused_purposes(committed.purposes, declared.purposes()).is_empty()
}

/// A study of type 2 diabetes that keeps to everything.
fn exemplary() -> DeclaredUse {
    DeclaredUse {
        purpose: Purpose::DiseaseSpecific,
        disease: Some("ICD10:E11.9".parse().unwrap()),
        asks_under: Some("ICD10:E11".parse().unwrap()),
        methods: false,
        for_profit: false,
        commercial: false,
        genetic: true,
        ethics_approval: Some("REC-2026-17".into()),
        publishes: true,
        publishes_from: Some("2027-01-31".into()),
        collaborates: true,
        returns_results: true,
        countries: countries(&["CH"]),
        research_kinds: names(&["oncology"]),
        institutions: BTreeSet::new(),
    }
}

/// Every condition at once, all kept by [`exemplary`].
fn strict() -> DataUseTerms {
    let more = [
        Modifier::Countries(countries(&["CH", "GB"])),
        Modifier::Until(Day(20_000)),
        Modifier::PublicationFrom(Day(20_000)),
        Modifier::Users(names(&["account:aa"])),
        Modifier::Projects(names(&["study:bb"])),
        Modifier::Institutions(names(&["uni.example"])),
        Modifier::ResearchKinds(names(&["oncology"])),
    ];
    DataUseTerms::new(Permission::DiseaseSpecific("ICD10:E11".parse().unwrap()), PLAIN.into_iter().chain(more)).unwrap()
}

fn known() -> Requester {
    Requester {
        users: names(&["account:aa"]),
        institutions: names(&["uni.example"]),
        project: Some("study:bb".parse().unwrap()),
        ..Requester::default()
    }
}

#[test]
fn each_condition_refuses_alone_and_all_are_told_together() {
    let (hierarchy, regions) = (DiseaseHierarchy::default(), regions());
    let at = |closing| Circumstances { closing, hierarchy: &hierarchy, regions: &regions };
    let requester = known().with_declared(&exemplary()).unwrap();
    assert_eq!(decide(&strict(), &exemplary(), &requester, &at(Day(20_000))), vec![]);
    let committed = strict().commit(&offer(), &regions, [5; 31]).unwrap();
    assert_eq!(refuted(committed.clone(), demand(&exemplary(), Day(20_000))), None);
    assert_eq!(refuted(committed, demand(&exemplary(), Day(20_001))), Some(Clause::Expiry));
    type Twin = (fn(&mut DeclaredUse), DuoTerm, &'static str);
    let twins: [Twin; 10] = [
        (|used| used.methods = true, DuoTerm::Nmds, "methods or software"),
        (|used| used.genetic = false, DuoTerm::Gso, "reads no genotype"),
        (|used| used.ethics_approval = None, DuoTerm::Irb, "names no approval"),
        (|used| used.publishes = false, DuoTerm::Pub, "made available to others"),
        (|used| used.collaborates = false, DuoTerm::Col, "take part"),
        (|used| used.returns_results = false, DuoTerm::Rtn, "comes back"),
        (|used| used.countries = countries(&["CH", "DE"]), DuoTerm::Gs, "uses the data in DE"),
        (|used| used.disease = Some("ICD10:C50".parse().unwrap()), DuoTerm::Ds, "alone, and the disease of this study"),
        (|used| used.asks_under = None, DuoTerm::Ds, "asks under another code"),
        (|used| used.purpose = Purpose::HealthResearch, DuoTerm::Ds, "health research"),
    ];
    for (alter, term, words) in twins {
        let mut altered = exemplary();
        alter(&mut altered);
        let refusals = decide(&strict(), &altered, &requester, &at(Day(20_000)));
        let [refusal] = refusals.as_slice() else { panic!("{term}: {refusals:?}") };
        assert_eq!(refusal.term, term);
        assert!(refusal.why.contains(words), "{refusal}");
    }
    let late = decide(&strict(), &exemplary(), &requester, &at(Day(20_001)));
    assert_eq!(late.iter().map(|refusal| refusal.term).collect::<Vec<_>>(), [DuoTerm::Ts]);
    let stranger: BTreeSet<_> =
        decide(&strict(), &exemplary(), &Requester::default(), &at(Day(20_000))).iter().map(|one| one.term).collect();
    assert_eq!(stranger, strict().left_to_the_agent().collect());
}

#[test]
fn an_approval_that_is_asked_to_be_shown_is_the_agents_to_refuse() {
    let (hierarchy, regions) = (DiseaseHierarchy::default(), regions());
    let at = Circumstances { closing: Day(20_000), hierarchy: &hierarchy, regions: &regions };
    let requester = |approval| Requester { approval, ..known().with_declared(&exemplary()).unwrap() };
    let refused = |terms: &DataUseTerms, approval| decide(terms, &exemplary(), &requester(approval), &at);
    let lacking = || Approval::Lacking("no visa of it was accepted".into());
    for enough in [Approval::NotAsked, Approval::Shown] {
        assert_eq!(refused(&strict(), enough), vec![]);
    }
    let refusals = refused(&strict(), lacking());
    let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert_eq!((refusal.term, refusal.enforced_by), (DuoTerm::Irb, Enforcement::Agent));
    assert!(refusal.why.contains("is not shown: no visa of it was accepted"), "{refusal}");
    // Who does not require an approval asks to see none.
    let lenient = DataUseTerms::new(Permission::GeneralResearch, [Modifier::NoMethods]).unwrap();
    assert_eq!(refused(&lenient, lacking()), vec![]);
}

#[test]
fn a_wide_region_does_not_widen_a_narrow_wish() {
    let narrow = DataUseTerms::new(Permission::GeneralResearch, [Modifier::Countries(countries(&["DE"]))]).unwrap();
    assert!(narrow.commit(&offer(), &regions(), [0; 31]).unwrap_err().to_string().contains("table"));
    let both = DataUseTerms::new(Permission::GeneralResearch, [Modifier::Countries(countries(&["DE", "AT"]))]).unwrap();
    assert_eq!(both.commit(&offer(), &regions(), [0; 31]).unwrap().regions, Regions(0b10));
    assert_eq!(regions().touched_by(&countries(&["CH", "US"])), Regions(1 | 1 << 31));
    assert_eq!(regions().touched_by(&BTreeSet::new()), Regions::ALL);
}

#[test]
fn what_a_query_demands_is_said_bit_by_bit() {
    let words = demanded_in_words(exemplary().purposes());
    assert_eq!(words, ["only owners who allow disease-specific (DUO:0000007)"]);
    let careless = DeclaredUse { ethics_approval: None, for_profit: true, ..exemplary() };
    let words = demanded_in_words(careless.purposes()).join("; ");
    assert!(
        words.contains("commercial (DUO:0000045)") && words.contains("requires ethics-approval (DUO:0000021)"),
        "{words}"
    );
    let every = Purposes(0b11_1111_1111_1111);
    assert_eq!(refused_purposes(Purposes::default(), every).len(), 14);
    assert_eq!(demanded_in_words(every).len(), 14);
}

#[test]
fn repro_nobody_is_told_of_the_one_disease_that_they_allow_who_allows_none() {
    let said = |allowed| refused_purposes(allowed, Purposes::HEALTH_RESEARCH).remove(0).remedy;
    assert_eq!(said(Purposes::ANCESTRY), "Only a change of your consent would allow it.");
    assert_eq!(said(Purposes::DISEASE_SPECIFIC), "The researcher can ask for the one disease that you allow.");
}
