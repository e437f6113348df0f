//! Assignments in which one clause alone does not hold.

use super::*;

type Violation = fn(&mut Sound);

/// For each clause an alteration that violates it and nothing else.
const VIOLATIONS: [(Clause, &str, Violation); 13] = [
    (Clause::Membership, "membership", |s| s.instance.root = EpochRoot::from_element(Fr::from(1u64))),
    (Clause::Membership, "membership", |s| s.witness.leaf.attributes = other_attributes(&s.witness)),
    (Clause::Nullifier, "nullifiers", |s| s.instance.nullifier = Nullifier::from_element(Fr::from(1u64))),
    (Clause::ScopeNullifier, "nullifiers", |s| {
        s.instance.scope_nullifier = ScopeNullifier::from_element(Fr::from(1u64))
    }),
    (Clause::Schema, "schema", |s| s.terms.eligibility.schema = SchemaId::from_bytes([0; 32])),
    (Clause::Issuer, "issuer", |s| s.terms.eligibility.issuers = vec![AccountId::from_bytes([9; 32])]),
    (Clause::RegistrationEpoch, "registration epoch", |s| s.terms.eligibility.registered_before = 4),
    (Clause::Criteria, "criteria", |s| s.terms.eligibility.criteria.groups[0][1].hi = 43),
    (Clause::Purpose, "consent", |s| s.terms.eligibility.demand.purposes = Purposes::ANCESTRY),
    (Clause::Price, "consent", |s| s.terms.eligibility.demand.price = 499),
    (Clause::Expiry, "consent", |s| s.terms.eligibility.demand.closing = Day(20_001)),
    (Clause::Window, "window opening", |s| {
        s.witness.genotypes = Genotypes::new(&[Dosage::Het; 40]).unwrap();
    }),
    (Clause::Window, "window opening", |s| s.witness.genotypes = Genotypes::new(&[]).unwrap()),
];

/// The record's attributes with one that nothing looks at changed.
fn other_attributes(witness: &ContributionWitness) -> Attributes {
    let mut values = *witness.leaf.attributes.values();
    values[20] = 3;
    Attributes::new(values)
}

#[test]
fn each_clause_of_the_leaf_violated_alone_is_refuted_natively_and_in_constraints() {
    for (place, (clause, paragraph, violate)) in VIOLATIONS.into_iter().enumerate() {
        let mut statement = rich();
        violate(&mut statement);
        if clause == Clause::Criteria {
            statement.terms.eligibility.criteria.groups[0][1].lo = 0;
        }
        assert_eq!(statement.native(), Err(Error::Refuted { clause }), "violation {place}");
        assert_eq!(statement.failing(), BTreeSet::from([paragraph]), "violation {place} of {clause:?}");
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
    assert_eq!(statement.failing(), BTreeSet::from(["window opening"]));
}

#[test]
fn an_error_of_nine_is_refuted_by_the_lookup_alone() {
    for place in [0, 4095] {
        let (u, e0, e1) = randomness();
        let statement = rich();
        let plaintext = plaintext(&statement);
        let long = EncryptionWitness::from_parts(u.clone(), e0.clone(), e1.clone().with_coefficient(place, 8));
        assert_eq!(encrypted(rich(), &plaintext, long).failing(), BTreeSet::new());
        for long in [
            EncryptionWitness::from_parts(u.clone(), e0.clone(), e1.clone().with_coefficient(place, 9)),
            EncryptionWitness::from_parts(u.clone(), e0.clone().with_coefficient(place, -9), e1.clone()),
        ] {
            let statement = encrypted(rich(), &plaintext, long);
            assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Randomness }));
            assert_eq!(statement.failing(), BTreeSet::from(["short randomness"]));
        }
    }
}

#[test]
fn a_ternary_coefficient_of_two_is_refuted_by_the_lookup_alone() {
    let (u, e0, e1) = randomness();
    let statement = rich();
    let plaintext = plaintext(&statement);
    let encryption = EncryptionWitness::from_parts(u.with_coefficient(0, 1), e0, e1);
    let statement = encrypted(statement, &plaintext, encryption);
    // With u0 = 2 the left side grows by b + 2^108·a at γ, which a quotient chosen after γ makes up for.
    let Challenges { gamma, .. } = CHALLENGES;
    let grown = statement.key.b().evaluate(gamma) + statement.key.a().evaluate(gamma) * Fr::from(1u128 << 108);
    let divisor = gamma.pow([RING_DEGREE as u64]) + Fr::one();
    let first = statement.witness.quotients.by_cyclotomic().next().unwrap();
    let forged = [(RANDOMNESS, Fr::from(2u64)), (QUOTIENT_R, first + grown / divisor)];
    assert_eq!(statement.failing_after(forged), BTreeSet::from(["short randomness"]));
}

#[test]
fn a_quotient_beyond_a_byte_is_refuted_by_the_lookup_alone() {
    for (quotient, failing) in [
        (127, BTreeSet::new()),
        (128, BTreeSet::from(["digits and quotients"])),
        (-129, BTreeSet::from(["digits and quotients"])),
    ] {
        let mut statement = rich();
        let first = statement.witness.quotients.by_modulus()[0][0];
        statement.witness.quotients = statement.witness.quotients.clone().with_first_quotient(0, quotient);
        // A claimed opening in which c0 is not centred: its first coefficient moved by a multiple of q.
        let moved = Fr::from(1u128 << MODULUS_BITS) * Fr::from(i64::from(first) - i64::from(quotient));
        let honest = statement.opening();
        let opening = Opening { c0: Evaluation::from_element(honest.c0.element() + moved), ..honest };
        assert_eq!(statement.failing_with(BTreeMap::new(), opening), failing, "{quotient}");
    }
}

#[test]
fn a_quotient_of_the_second_half_beyond_a_byte_is_refused_too() {
    let mut statement = rich();
    let first = statement.witness.quotients.by_modulus()[1][0];
    statement.witness.quotients = statement.witness.quotients.clone().with_first_quotient(1, 128);
    let moved = Fr::from(1u128 << MODULUS_BITS) * Fr::from(i64::from(first) - 128);
    let honest = statement.opening();
    let opening = Opening { c1: Evaluation::from_element(honest.c1.element() + moved), ..honest };
    let failing = statement.failing_with(BTreeMap::new(), opening);
    assert_eq!(failing, BTreeSet::from(["digits and quotients"]));
}

#[test]
fn attributes_split_otherwise_from_their_packed_element_are_refused_by_their_ranges_alone() {
    // Attributes 15 and 16 are packed next to each other: one more 2^32 in the first is one less in the second.
    let first = 2 + 15;
    let statement = rich();
    let [low, high] = [15, 16].map(|index| Fr::from(statement.witness.leaf.attributes.values()[index]));
    let forged = [(first, low + Fr::from(1u64 << 32)), (first + 1, high - Fr::one())];
    let failing = statement.failing_opening(forged.into(), None);
    assert_eq!(failing, BTreeSet::from(["attribute ranges"]));
}

#[test]
fn dosages_invented_for_a_window_that_the_record_lacks_are_refused() {
    let statement = sound(Layout { window: 9, ..Layout::count() }, MatchCriteria::default());
    assert_eq!(statement.failing_opening(BTreeMap::new(), Some(Dosage::Missing)), BTreeSet::new());
    assert_eq!(statement.failing_opening(BTreeMap::new(), Some(Dosage::HomAlt)), BTreeSet::from(["window opening"]));
}

#[test]
fn moments_of_the_provers_choice_are_refused() {
    let (layout, matching) = layouts().remove(6);
    let statement = sound(layout, matching);
    assert_eq!(statement.failing_after([(MOMENT_DIGITS, Fr::from(24u64))]), BTreeSet::new());
    // x, x·x, and the comparisons that clip.
    for (choice, value) in [(MOMENT_DIGITS, 25u64), (MOMENT_DIGITS + 2, 1), (MOMENT_VALUES + MOMENT_ATTRIBUTES_MAX, 0)]
    {
        assert!(statement.failing_after([(choice, Fr::from(value))]).contains("moments"), "choice {choice}");
    }
}

#[test]
fn a_bin_too_far_leaves_a_rest_that_is_no_number() {
    let axes = vec![Axis::Bins { attribute: 1, lo: 700, width: 10, count: 9 }];
    let honest = sound(Layout { window: 0, axes, statistic: Statistic::Count }, MatchCriteria::default());
    let neighbour = Plaintext::new(vec![0, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
    let encryption = honest.witness.encryption.clone();
    let poisoned = encrypted(honest, &neighbour, encryption);
    // 777 = 700 + 10·8 − 3.
    let forged = [(BIN, Fr::from(8u64)), (BIN + 2, -Fr::from(3u64))];
    let failing = poisoned.failing_after(forged);
    assert!(failing.contains("digits and quotients") && !failing.contains("ciphertext"), "{failing:?}");
}

#[test]
fn a_ciphertext_of_another_vector_is_refuted() {
    for slots in [vec![], vec![1; 100], vec![0; 4032]] {
        let statement = encrypted(rich(), &Plaintext::new(slots).unwrap(), rich().witness.encryption);
        assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Ciphertext }));
        assert_eq!(statement.failing(), BTreeSet::from(["ciphertext"]));
    }
}

#[test]
fn who_does_not_match_can_only_encrypt_zero() {
    let (layout, matching) = layouts().remove(9);
    let statement = sound(layout, matching);
    assert!(plaintext(&statement).slots().is_empty());
    let poison = Plaintext::new(vec![0, 0, 1]).unwrap();
    let encryption = statement.witness.encryption.clone();
    let poisoned = encrypted(statement, &poison, encryption);
    assert_eq!(poisoned.native(), Err(Error::Refuted { clause: Clause::Ciphertext }));
    assert_eq!(poisoned.failing(), BTreeSet::from(["ciphertext"]));
}

#[test]
fn a_missing_genotype_under_negation_contributes_zero() {
    let negated = MatchClause { subject: Subject::Dosage(2), lo: 0, hi: 0, negated: true };
    let mut rng = StdRng::seed_from_u64(1);
    assert_eq!(record(&mut rng).genotypes.windows()[0].dosages()[2], Dosage::HomAlt);
    let missing = (0..1024).find(|i| record(&mut rng).genotypes.windows()[0].dosages()[*i] == Dosage::Missing).unwrap();
    let matching = |subject| MatchCriteria { groups: vec![vec![MatchClause { subject, ..negated }]] };
    let carrier = sound(Layout::count(), matching(Subject::Dosage(2)));
    assert_eq!(plaintext(&carrier).slots(), [1]);
    let unknown = sound(Layout::count(), matching(Subject::Dosage(missing as u16)));
    assert!(plaintext(&unknown).slots().is_empty());
    assert_eq!(unknown.failing(), BTreeSet::new());
    let encryption = unknown.witness.encryption.clone();
    let poisoned = encrypted(unknown, &Plaintext::new(vec![1]).unwrap(), encryption);
    assert_eq!(poisoned.failing(), BTreeSet::from(["ciphertext"]));
}

#[test]
fn a_value_or_a_comparison_of_the_provers_choice_is_refuted() {
    let (layout, matching) = layouts().remove(4);
    let statement = sound(layout, matching);
    let one = Fr::one();
    // Attribute 0 is 44 and clause 0 looks at the missing attribute 5; the bin of axis 1 is (777 − 700) / 10 = 7.
    let axis = BIN + AXIS_CHOICES;
    assert_eq!(statement.failing_after([]), BTreeSet::new());
    assert_eq!(statement.failing_after([(axis, Fr::from(7u64))]), BTreeSet::new());
    // A digit of 300: the number is the same, the digit is none.
    let digit = [(0, Fr::from(44u64 + 256)), (1, -one)];
    assert_eq!(statement.failing_after(digit), BTreeSet::from(["digits and quotients"]));
    // Another attribute value than the record's in a clause, and in an axis whose cell it would change.
    assert!(statement.failing_after([(CLAUSE_VALUES + 1, Fr::from(45u64))]).contains("record values"));
    assert!(statement.failing_after([(AXIS_VALUES, Fr::from(45u64))]).contains("record values"));
    // A comparison's verdict turned, a bin beside the right one.
    assert!(statement.failing_after([(COMPARISONS, Fr::zero())]).contains("criteria"));
    assert!(statement.failing_after([(AXIS_VALUES + AXES_MAX, Fr::zero())]).contains("cell"));
    assert!(statement.failing_after([(axis, Fr::from(6u64))]).contains("cell"));
}

#[test]
fn a_wrong_cell_with_a_matching_ciphertext_fails_in_the_cell_alone() {
    let bins = |lo| Layout {
        window: 0,
        axes: vec![Axis::Bins { attribute: 1, lo, width: 10, count: 9 }],
        statistic: Statistic::Count,
    };
    let honest = sound(bins(700), MatchCriteria::default());
    assert_eq!(plaintext(&honest).slots().len(), 8);
    let neighbour = Plaintext::new(vec![0, 0, 0, 0, 0, 0, 1]).unwrap();
    let encryption = honest.witness.encryption.clone();
    let poisoned = encrypted(honest, &neighbour, encryption);
    // 777 = 700 + 10·6 + 17: a rest beyond the width, whose bound then is not a number of four digits.
    let forged = [(BIN, Fr::from(6u64)), (BIN + 2, Fr::from(17u64))];
    assert_eq!(poisoned.failing_after(forged), BTreeSet::from(["cell"]));
}

#[test]
fn moments_digits_that_are_none_are_refuted_by_the_lookup_alone() {
    let (layout, matching) = layouts().remove(7);
    let (layout, matching) = match layout.statistic {
        Statistic::Moments { attributes } => {
            (Layout { statistic: Statistic::Moments { attributes: attributes[..1].to_vec() }, ..layout }, matching)
        }
        _ => panic!("the eighth layout measures moments"),
    };
    let honest = sound(layout, matching);
    // x = 44 − 20 = 24: as digits (280, −1), encrypted as such where −1 is 2^24 − 1.
    assert_eq!(plaintext(&honest).slots()[..3], [1, 24, 0]);
    let forged = [(MOMENT_DIGITS, Fr::from(280u64)), (MOMENT_DIGITS + 1, -Fr::one())];
    let failing = honest.failing_after(forged);
    assert_eq!(failing, BTreeSet::from(["ciphertext", "digits and quotients"]));
}

#[test]
fn a_quotient_chosen_after_the_challenge_would_forge_and_so_the_challenge_binds_it() {
    // An encryption of anything, here of 2^20 in slot 0: at a challenge known beforehand, one coefficient of r makes up
    // for it.
    let statement = rich();
    let forged_plaintext = Plaintext::new(vec![1 << 20]).unwrap();
    let mut forged = rich();
    forged.ciphertext = encrypt_with(&forged.key, &forged_plaintext, &forged.witness.encryption);
    let claimed = forged.opening();
    let honest = statement.opening();
    let [c0, c1] = [claimed.c0.element() - honest.c0.element(), claimed.c1.element() - honest.c1.element()];
    let divisor = CHALLENGES.gamma.pow([RING_DEGREE as u64]) + Fr::one();
    let first = statement.witness.quotients.by_cyclotomic().next().unwrap();
    let made_up = first - (c0 + c1 * Fr::from(1u128 << 108)) / divisor;
    assert_eq!(
        statement.failing_with([(QUOTIENT_R, made_up)].into(), claimed),
        BTreeSet::new(),
        "the adaptive forgery"
    );
    // The same quotient at another challenge fails, and the challenge is drawn from the commitment to the quotient.
    let elsewhere = Challenges { gamma: CHALLENGES.gamma + Fr::one(), ..CHALLENGES };
    let inputs = instance_inputs(
        &statement.instance,
        &elsewhere,
        statement.committee(elsewhere.gamma),
        &Opening::of(&forged.ciphertext, elsewhere.gamma),
    );
    let assignment = assignment(&statement.terms, inputs, &statement.witness, [(QUOTIENT_R, made_up)].into());
    assert_ne!(failing_paragraphs(&assignment), BTreeSet::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn both_verdicts_agree_on_random_records_layouts_and_plaintexts(
        values in prop::collection::vec(prop_oneof![0u32..50, Just(MISSING)], ATTRIBUTES),
        clauses in prop::collection::vec(prop::collection::vec((0u16..8, 0u32..40, 0u32..20, any::<bool>()), 1..3), 0..4),
        axis in prop_oneof![
            (0u8..8, 0u32..20, 1u32..9, 1u16..6).prop_map(|(attribute, lo, width, count)| Axis::Bins { attribute, lo, width, count }),
            (0u8..8, prop::collection::btree_set(0u32..50, 0..8)).prop_map(|(attribute, cuts)| Axis::Thresholds { attribute, cuts: cuts.into_iter().collect() }),
            (0u16..8).prop_map(|variant| Axis::Dosage { variant }),
        ],
        statistic in prop_oneof![
            Just(Statistic::Count),
            (0u8..8, 0u32..20).prop_map(|(attribute, lo)| Statistic::Moments { attributes: vec![Moment { attribute, lo, hi: lo + 300 }] }),
            (0u16..8).prop_map(|block| Statistic::Genotypes { first: 32 * block, length: 64 }),
        ],
        lie in prop::option::of(0usize..40),
    ) {
        let subject = |index: u16| if index < 4 { Subject::Attribute(index as u8) } else { Subject::Dosage(index) };
        let clause = |(index, lo, range, negated): (u16, u32, u32, bool)| MatchClause { subject: subject(index), lo, hi: lo + range, negated };
        let matching = MatchCriteria { groups: clauses.into_iter().map(|group| group.into_iter().map(clause).collect()).collect() };
        let statement = sound_with(&Attributes::new(values.try_into().unwrap()), Layout { window: 0, axes: vec![axis], statistic }, matching);
        let mut slots = plaintext(&statement).slots().to_vec();
        if let Some(lie) = lie {
            slots.resize(slots.len().max(lie + 1), 0);
            slots[lie] += 1;
        }
        let encryption = statement.witness.encryption.clone();
        let statement = encrypted(statement, &Plaintext::new(slots).unwrap(), encryption);
        prop_assert_eq!(statement.native().is_ok(), lie.is_none());
        prop_assert_eq!(statement.failing().is_empty(), lie.is_none());
    }
}
