//! Clauses of the leaf and of the window, each violated alone.

use super::*;

pub(super) type Violation = fn(&mut Sound);

/// For each clause an alteration that violates it and nothing else.
pub(super) const VIOLATIONS: [(Clause, &str, Violation); 18] = [
    (Clause::Membership, "membership", |s| s.instance.root = EpochRoot::from_element(Fr::from(1u64))),
    (Clause::Membership, "membership", |s| s.witness.leaf.attributes = other_attributes(&s.witness)),
    (Clause::Nullifier, "nullifiers", |s| s.instance.nullifier = Nullifier::from_element(Fr::from(1u64))),
    (Clause::ScopeNullifier, "nullifiers", |s| {
        s.instance.scope_nullifier = ScopeNullifier::from_element(Fr::from(1u64))
    }),
    (Clause::Schema, "schema", |s| s.terms.eligibility.schema = SchemaId::from_bytes([0; 32])),
    (Clause::Issuer, "issuer", |s| s.terms.eligibility.issuers = vec![AccountId::from_bytes([9; 32])]),
    (Clause::RegistrationEpoch, "registration epoch", |s| s.terms.eligibility.registered_before = 4),
    (Clause::Criteria, "criteria", |s| {
        let sixty = Criterion { attribute: 0, lo: 60, hi: 60, negated: false };
        s.terms.eligibility.criteria.groups.push(vec![sixty]);
    }),
    (Clause::Purpose, "consent", |s| s.terms.eligibility.demand.purposes = Purposes::ANCESTRY),
    (Clause::Region, "consent", |s| s.terms.eligibility.demand.regions = Regions(0b011)),
    (Clause::Disease, "consent", |s| s.terms.eligibility.demand.disease = 78),
    (Clause::Flags, "consent", |s| s.terms.eligibility.demand.flags = ConsentFlags::SCREENING),
    (Clause::Expiry, "consent", |s| s.terms.eligibility.demand.closing = Day(20_001)),
    (Clause::Price, "consent", |s| s.terms.eligibility.demand.price = 499),
    (Clause::Epsilon, "consent", |s| s.terms.eligibility.demand.epsilon_milli = 1_001),
    (Clause::Cohort, "consent", |s| s.terms.eligibility.demand.cohort_min = 11),
    (Clause::Window, "window opening", |s| {
        s.witness.genotypes = Genotypes::new(&[Dosage::Het; 10 * WINDOW_VARIANTS]).unwrap();
    }),
    (Clause::Window, "window opening", |s| s.witness.genotypes = Genotypes::new(&[]).unwrap()),
];

/// The record's attributes with one that nothing looks at changed.
fn other_attributes(witness: &ContributionWitness) -> Attributes {
    let mut values = *witness.leaf.attributes.values();
    values[20] ^= 1;
    Attributes::new(values)
}

#[test]
fn each_clause_of_the_leaf_violated_alone_is_refuted_natively_and_in_constraints() {
    for (place, (clause, paragraph, violate)) in VIOLATIONS.into_iter().enumerate() {
        let mut statement = rich();
        violate(&mut statement);
        assert_eq!(statement.native(), Err(Error::Refuted { clause }), "violation {place}");
        assert_eq!(statement.failing(), only(paragraph), "violation {place} of {clause:?}");
    }
}

#[test]
fn a_leaf_computed_from_another_record_or_consent_is_refused_by_its_opening_alone() {
    let registered = rich().assigned([]);
    let forgeries: [(&str, Violation); 2] = [
        ("record opening", |s| s.witness.leaf.attributes = other_attributes(&s.witness)),
        ("consent opening", |s| {
            s.witness.leaf.consent.price_min = 499;
            s.terms.eligibility.demand.price = 499;
        }),
    ];
    for (paragraph, forge) in forgeries {
        let mut statement = rich();
        forge(&mut statement);
        assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Membership }));
        assert_eq!(statement.failing(), only("membership"));
        // The commitment, as computed from what is registered.
        let forged = with_paragraph_of(statement.assigned([]), paragraph, &registered);
        let forged = with_paragraph_of(forged, "membership", &registered);
        assert_eq!(failing_paragraphs(&forged), only(paragraph));
    }
}

#[test]
fn only_a_consent_to_one_disease_asks_for_that_disease() {
    let mut statement = rich();
    let with = |flags: ConsentFlags| {
        let mut terms = statement.witness.leaf.consent.clone();
        terms.flags = flags;
        terms
    };
    let [restricted, open] =
        [ConsentFlags::EXACT.union(ConsentFlags::ONLY_THIS_DISEASE), ConsentFlags::EXACT].map(with);
    statement.terms.eligibility.demand.disease = 78;
    statement.witness.leaf.consent = open;
    statement.instance = statement.witness.instance(&statement.terms, statement.instance.binding);
    assert_eq!(statement.native(), Ok(()));
    assert_eq!(statement.failing(), BTreeSet::new());
    statement.witness.leaf.consent = restricted;
    statement.instance = statement.witness.instance(&statement.terms, statement.instance.binding);
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Disease }));
    assert_eq!(statement.failing(), only("consent"));
}

#[test]
fn an_exact_query_asks_for_the_scope_nullifier_of_its_scope() {
    let exact = || {
        let scope = ExactScope { period: 2, measure: Digest::from_bytes([4; 32]) };
        let Sound { mut terms, witness, .. } = rich();
        terms.eligibility.exact = Some(scope);
        sound_under(&witness.leaf.attributes, terms)
    };
    assert_ne!(exact().instance.scope_nullifier.element(), Fr::zero());
    assert_eq!(exact().native(), Ok(()));
    assert_eq!(exact().failing(), BTreeSet::new());
    let violations: [Violation; 5] = [
        |s| s.instance.scope_nullifier = ScopeNullifier::from_element(Fr::zero()),
        |s| s.instance.scope_nullifier = ScopeNullifier::from_element(Fr::one()),
        |s| s.terms.eligibility.exact.as_mut().unwrap().period = 3,
        |s| s.terms.eligibility.exact.as_mut().unwrap().measure = Digest::from_bytes([5; 32]),
        |s| s.terms.eligibility.exact = None,
    ];
    for (place, violate) in violations.into_iter().enumerate() {
        let mut statement = exact();
        violate(&mut statement);
        assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::ScopeNullifier }), "violation {place}");
        assert_eq!(statement.failing(), only("nullifiers"), "violation {place}");
    }
}

#[test]
fn another_window_of_the_record_does_not_open_at_this_ones_place() {
    let (_, matching) = layouts().remove(0);
    let mut statement = sound(Layout::genotypes(0, 0, 480), matching.clone());
    let other = sound(Layout::genotypes(1, 0, 480), matching);
    // The dosages of window 1, an encryption of them, and its siblings, claimed to be window 0.
    statement.witness.window_siblings = other.witness.window_siblings;
    let dosages: Vec<Dosage> = other.witness.genotypes.windows()[1].dosages().to_vec();
    statement.witness.genotypes = Genotypes::new(&dosages).unwrap();
    statement.witness.quotients = other.witness.quotients.clone();
    statement.witness.encryption = other.witness.encryption.clone();
    statement.ciphertext = other.ciphertext;
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Window }));
    assert_eq!(statement.failing(), only("window opening"));
}

#[test]
fn attributes_split_otherwise_from_their_packed_element_are_refused_by_their_ranges_alone() {
    // Attributes 15 and 16 are packed next to each other: one more 2^32 in the first is one less in the second.
    let first = 2 + 15;
    let statement = rich();
    let [low, high] = [15, 16].map(|index| Fr::from(statement.witness.leaf.attributes.values()[index]));
    let forged = [(first, low + Fr::from(1u64 << 32)), (first + 1, high - Fr::one())];
    let failing = statement.failing_opening(forged.into(), None);
    assert_eq!(failing, only("attribute ranges"));
}

#[test]
fn dosages_invented_for_a_window_that_the_record_lacks_are_refused() {
    let statement = sound(Layout { window: 9, ..Layout::count() }, MatchCriteria::default());
    assert_eq!(statement.failing_opening(BTreeMap::new(), Some(Dosage::Missing)), BTreeSet::new());
    assert_eq!(statement.failing_opening(BTreeMap::new(), Some(Dosage::HomAlt)), only("window opening"));
}
