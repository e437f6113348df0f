//! Each clause, violated alone, makes the proof impossible: natively, in constraints, and for the verifier.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use ark_bn254::Fr;
use ark_ff::{Field, MontFp, One, Zero};
use ark_relations::gr1cs::{ConstraintSystem, SynthesisMode};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    circuit::{ContributionCircuit, Round},
    inputs::{INSTANCE_INPUTS, instance_inputs},
    proof::Shape,
    *,
};
use crate::{
    Error,
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause as Criterion, Criteria, MATCH_CLAUSES_MAX, MatchClause, MatchCriteria},
    eligibility::{Clause, EligibilityInstance, EligibilityTerms, binding},
    groth16::{self, ProofBytes},
    id::{AccountId, ChainId, Digest, EpochRoot, Evaluation, Leaf, Nullifier, QueryId, SchemaId, ScopeNullifier},
    layout::{AXES_MAX, Axis, CUTS_MAX, Layout, MOMENT_ATTRIBUTES_MAX, MOMENT_SLOTS_MAX, Moment, Statistic, Subject},
    merkle::LeafTree,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey, Record},
    rlwe::{
        Ciphertext, EncryptionWitness, ErrorPolynomial, KeyEpoch, Plaintext, PublicKey, Quotients, RingElement,
        Ternary, Xof, encrypt, encrypt_with,
        params::{MODULUS_BITS, RING_DEGREE},
    },
};

/// A statement that holds.
struct Sound {
    terms: ContributionTerms,
    key: PublicKey,
    instance: EligibilityInstance,
    ciphertext: Ciphertext,
    witness: ContributionWitness,
}

fn committee_key() -> PublicKey {
    let mut stream = Xof::new(crate::domain::ByteTag::CommonPolynomial, &[b"test key"]);
    PublicKey::new(ChainId::from_bytes([5; 32]), KeyEpoch::new(1), RingElement::from_xof(&mut stream))
}

fn record(rng: &mut StdRng) -> Record {
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = 44;
    attributes[1] = 777;
    attributes[31] = 1;
    let dosages: Vec<Dosage> =
        (0..1500).map(|i| [Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing][i % 7 % 4]).collect();
    Record {
        schema: SchemaId::from_bytes([1; 32]),
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&dosages).unwrap(),
        nullifier_key: NullifierKey::random(rng),
    }
}

fn terms(layout: Layout, matching: MatchCriteria) -> ContributionTerms {
    ContributionTerms {
        eligibility: EligibilityTerms {
            query: QueryId::from_bytes([3; 32]),
            part: 1,
            schema: SchemaId::from_bytes([1; 32]),
            criteria: Criteria {
                groups: vec![vec![
                    Criterion { attribute: 5, lo: 0, hi: 9, negated: true },
                    Criterion { attribute: 0, lo: 44, hi: 44, negated: false },
                ]],
            },
            issuers: vec![AccountId::from_bytes([2; 32])],
            demand: ConsentDemand {
                purposes: Purposes::HEALTH_RESEARCH,
                disease: 77,
                regions: Regions(0b010),
                closing: Day(20_000),
                price: 500,
                epsilon_milli: 1_000,
                cohort_min: 12,
                flags: ConsentFlags::default(),
            },
            registered_before: 5,
            exact: None,
        },
        matching,
        layout,
    }
}

fn sound(layout: Layout, matching: MatchCriteria) -> Sound {
    let attributes = record(&mut StdRng::seed_from_u64(7)).attributes;
    sound_with(&attributes, layout, matching)
}

fn sound_with(attributes: &Attributes, layout: Layout, matching: MatchCriteria) -> Sound {
    let mut rng = StdRng::seed_from_u64(7);
    let record = Record { attributes: attributes.clone(), ..record(&mut rng) };
    let (mut terms, key) = (terms(layout, matching), committee_key());
    if attributes.values()[0] != 44 {
        terms.eligibility.criteria.groups.clear();
    }
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(&mut rng),
        purposes: Purposes::HEALTH_RESEARCH,
        disease: 77,
        regions: Regions(0b110),
        expiry: Day(20_000),
        price_min: 500,
        epsilon_milli_max: 1_000,
        cohort_min: 12,
        flags: ConsentFlags::default(),
    };
    let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes).unwrap();
    let (ciphertext, encryption) = encrypt(&key, &plaintext, &mut rng);
    let mut tree = LeafTree::from_leaves([11u64, 12].map(|leaf| Leaf::from_element(Fr::from(leaf))));
    tree.set(2, Leaf::from_element(Fr::zero())).unwrap();
    let witness = |tree: &LeafTree| {
        let encrypted = (&key, &ciphertext, encryption.clone());
        ContributionWitness::new(&terms, &record, consent.clone(), 4, tree.path(2).unwrap(), encrypted).unwrap()
    };
    let leaf = witness(&tree).leaf.leaf();
    tree.set(2, leaf).unwrap();
    let witness = witness(&tree);
    let eligibility = &terms.eligibility;
    let payout = AccountId::from_bytes([6; 32]);
    let binding = binding(key.chain(), &eligibility.query, eligibility.part, &payout, &ciphertext.digest());
    let instance = witness.instance(&terms, binding);
    Sound { terms, key, instance, ciphertext, witness }
}

impl Sound {
    fn statement(&self) -> ContributionStatement<'_> {
        ContributionStatement { terms: &self.terms, key: &self.key, instance: &self.instance }
    }

    fn native(&self) -> Result<(), Error> {
        check(&self.statement(), &self.ciphertext, &self.witness)
    }

    fn committee(&self, gamma: Fr) -> [Fr; 2] {
        [self.key.a(), self.key.b()].map(|element| element.evaluate(gamma))
    }

    fn opening(&self) -> Opening {
        Opening::of(&self.ciphertext, CHALLENGES.gamma)
    }

    /// The paragraphs that have a constraint which does not hold, at some fixed challenges.
    fn failing(&self) -> BTreeSet<&'static str> {
        self.failing_with(BTreeMap::new(), self.opening())
    }

    fn failing_with(&self, altered: BTreeMap<usize, Fr>, opening: Opening) -> BTreeSet<&'static str> {
        let inputs = instance_inputs(&self.instance, &CHALLENGES, self.committee(CHALLENGES.gamma), &opening);
        failing_paragraphs(&assignment(&self.terms, inputs, &self.witness, altered))
    }
}

fn failing_paragraphs(assignment: &[Fr]) -> BTreeSet<&'static str> {
    let [a, b, c] = shape().relation.matrices();
    let value = |row: &[(Fr, usize)]| row.iter().map(|(factor, wire)| *factor * assignment[*wire]).sum::<Fr>();
    let rows = a.iter().zip(b).zip(c).map(|((a, b), c)| value(a) * value(b) == value(c));
    let names = CONSTRAINTS.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
    names.zip(rows).filter(|(_, holds)| !holds).map(|(name, _)| name).collect()
}

const CHALLENGES: Challenges = Challenges {
    gamma: MontFp!("12345678901234567890123456789012345678901234567890"),
    alpha: MontFp!("98765432109876543210987654321098765432109876543210"),
};

/// The circuit, synthesized once for all tests.
fn shape() -> &'static Shape {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    SHAPE.get_or_init(|| Shape::synthesize().unwrap())
}

/// A whole assignment, some of the prover's choices replaced.
fn assignment(
    terms: &ContributionTerms,
    inputs: [Fr; INSTANCE_INPUTS],
    witness: &ContributionWitness,
    altered: BTreeMap<usize, Fr>,
) -> Vec<Fr> {
    assignment_of(&ContributionCircuit { altered, ..ContributionCircuit::assigned(terms, inputs, witness) })
}

fn assignment_of(circuit: &ContributionCircuit<'_>) -> Vec<Fr> {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    circuit.synthesize(&system, Round::Prove).unwrap();
    let (inputs, witnesses) = (system.instance_assignment().unwrap(), system.witness_assignment().unwrap());
    shape().relation.ordered(&inputs, &witnesses).unwrap()
}

fn layouts() -> Vec<(Layout, MatchCriteria)> {
    let any = MatchCriteria::default;
    let clause = |subject, lo, hi, negated| MatchClause { subject, lo, hi, negated };
    let matching = || MatchCriteria {
        groups: vec![
            vec![clause(Subject::Dosage(5), 0, 0, false), clause(Subject::Attribute(1), 700, 800, false)],
            vec![clause(Subject::Attribute(0), 50, 60, true)],
        ],
    };
    let nobody = MatchCriteria { groups: vec![vec![clause(Subject::Attribute(9), 0, 5, true)]] };
    let axes = vec![
        Axis::Thresholds { attribute: 0, cuts: vec![30, 40, 50] },
        Axis::Bins { attribute: 1, lo: 700, width: 10, count: 9 },
        Axis::Dosage { variant: 8 },
    ];
    let moments = |attributes: &[u8]| Statistic::Moments {
        attributes: attributes.iter().map(|attribute| Moment { attribute: *attribute, lo: 20, hi: 60_000 }).collect(),
    };
    let with = |axes: &[Axis], statistic| Layout { window: 0, axes: axes.to_vec(), statistic };
    vec![
        (Layout::count(), any()),
        (Layout::genotypes(0, 0, 1024), any()),
        (Layout::genotypes(1, 32, 480), matching()),
        (Layout::genotypes(9, 0, 32), any()),
        (with(&axes, Statistic::Count), matching()),
        (with(&axes[..1], moments(&[0, 1, 0])), matching()),
        (with(&[], moments(&[0; 16])), any()),
        (with(&[], moments(&[0, 7])), any()),
        (with(&axes[1..2], Statistic::Funnel { groups: 2 }), matching()),
        (with(&axes[..2], Statistic::Genotypes { first: 64, length: 32 }), nobody.clone()),
        (with(&[Axis::Bins { attribute: 1, lo: 0, width: 10, count: 9 }], Statistic::Count), any()),
        (with(&[Axis::Thresholds { attribute: 9, cuts: vec![1] }], Statistic::Count), any()),
        (with(&[], Statistic::Funnel { groups: 1 }), nobody),
    ]
}

#[test]
fn the_circuit_has_the_pinned_number_of_constraints() {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Setup);
    let synthesized = ContributionCircuit::shape().synthesize(&system, Round::Prove).unwrap();
    let counts: Vec<usize> = synthesized.counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(counts, CONSTRAINTS.map(|(_, count)| count));
    assert_eq!(system.num_instance_variables(), PUBLIC_INPUTS + 1);
    assert!(system.num_constraints() + PUBLIC_INPUTS < 1 << 16, "the domain would double");
    assert_eq!(synthesized.committed.len(), 27_172, "wires committed before the challenge");
}

#[test]
fn every_layout_of_the_algebra_satisfies_both_forms() {
    for (layout, matching) in layouts() {
        let sound = sound(layout.clone(), matching);
        assert_eq!(sound.native(), Ok(()), "{layout:?}");
        assert_eq!(sound.failing(), BTreeSet::new(), "{layout:?}");
    }
}

/// A layout that uses everything: an axis of each kind, moments, and match criteria that hold.
fn rich() -> Sound {
    let (layout, matching) = layouts().remove(5);
    sound(layout, matching)
}

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

/// The statement with its plaintext encrypted under chosen randomness.
fn encrypted(mut statement: Sound, plaintext: &Plaintext, encryption: EncryptionWitness) -> Sound {
    statement.ciphertext = encrypt_with(&statement.key, plaintext, &encryption);
    statement.witness.quotients =
        Quotients::new(&statement.key, plaintext, &encryption, &statement.ciphertext).unwrap();
    statement.witness.encryption = encryption;
    statement
}

fn plaintext(statement: &Sound) -> Plaintext {
    let witness = &statement.witness;
    statement.terms.layout.plaintext(&statement.terms.matching, &witness.leaf.attributes, &witness.genotypes).unwrap()
}

fn randomness() -> (Ternary, ErrorPolynomial, ErrorPolynomial) {
    let mut rng = StdRng::seed_from_u64(3);
    (Ternary::random(&mut rng), ErrorPolynomial::random(&mut rng), ErrorPolynomial::random(&mut rng))
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

/// The prover's choices begin with the attributes' digits; then come the clauses' values and comparisons, the axes', the
/// moments', and the randomness.
const CLAUSE_VALUES: usize = 4 * ATTRIBUTES;
const COMPARISONS: usize = CLAUSE_VALUES + MATCH_CLAUSES_MAX;
/// A comparison's verdict and four digits, twice for each clause.
const AXIS_VALUES: usize = COMPARISONS + MATCH_CLAUSES_MAX * 2 * 5;
/// Of each axis: its cuts, both ends of its bins, a bin of two digits, the rest and the rest's bound.
const AXIS_CHOICES: usize = CUTS_MAX * 5 + 2 * 5 + 2 + 4 + 4;
const BIN: usize = AXIS_VALUES + AXES_MAX + CUTS_MAX * 5 + 2 * 5;
const MOMENT_VALUES: usize = AXIS_VALUES + AXES_MAX * (1 + AXIS_CHOICES);
/// Of each attribute: two comparisons, and digits.
const MOMENT_DIGITS: usize = MOMENT_VALUES + MOMENT_ATTRIBUTES_MAX + 2 * 5;
const RANDOMNESS: usize = MOMENT_VALUES + MOMENT_ATTRIBUTES_MAX * (1 + 2 * 5) + MOMENT_SLOTS_MAX - 1;
const QUOTIENT_R: usize = RANDOMNESS + 5 * RING_DEGREE;

impl Sound {
    fn failing_opening(
        &self,
        altered_opening: BTreeMap<usize, Fr>,
        invented_window: Option<Dosage>,
    ) -> BTreeSet<&'static str> {
        let inputs = instance_inputs(&self.instance, &CHALLENGES, self.committee(CHALLENGES.gamma), &self.opening());
        let circuit = ContributionCircuit {
            altered_opening,
            invented_window,
            ..ContributionCircuit::assigned(&self.terms, inputs, &self.witness)
        };
        failing_paragraphs(&assignment_of(&circuit))
    }

    fn failing_after(&self, altered: impl IntoIterator<Item = (usize, Fr)>) -> BTreeSet<&'static str> {
        self.failing_with(altered.into_iter().collect(), self.opening())
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
fn terms_out_of_bounds_have_no_verifier() {
    let clause = Criterion { attribute: 0, lo: 0, hi: 1, negated: false };
    let alterations: [fn(&mut ContributionTerms, Criterion); 3] = [
        |terms, clause| {
            terms.eligibility.criteria.groups = vec![vec![clause]; 16];
            terms.matching.groups = vec![vec![clause.into()]; 5];
        },
        |terms, _| {
            let bins = Axis::Bins { attribute: 0, lo: 1, width: u32::MAX, count: u16::MAX };
            terms.layout = Layout { axes: vec![bins; 3], ..Layout::count() };
        },
        |terms, _| terms.layout = Layout { statistic: Statistic::Funnel { groups: 3 }, ..Layout::count() },
    ];
    for alter in alterations {
        let mut terms = rich().terms;
        alter(&mut terms, clause);
        assert!(ContributionVerifier::new(key().verifying_key(), &terms, &committee_key()).is_err());
    }
}

#[test]
fn every_part_of_the_transcript_moves_both_challenges() {
    let statement = rich();
    let (id, point) = (key().verifying_key().id(), key().points().delta_g1);
    let draw = |terms: &ContributionTerms, key: &PublicKey, instance: &EligibilityInstance, point| {
        Transcript::new(&id, key, terms).unwrap().challenges(instance, point).unwrap()
    };
    let first = draw(&statement.terms, &statement.key, &statement.instance, &point);
    let mut others = vec![draw(&statement.terms, &statement.key, &statement.instance, &key().points().kappa_g1)];
    let other_key = groth16::VerifyingKeyId::new(groth16::KeyOrigin::Ceremony, &[]);
    let transcript = Transcript::new(&other_key, &statement.key, &statement.terms).unwrap();
    others.push(transcript.challenges(&statement.instance, &point).unwrap());
    let terms = ContributionTerms { layout: Layout::count(), ..statement.terms.clone() };
    others.push(draw(&terms, &statement.key, &statement.instance, &point));
    for (chain, epoch, b) in [([6; 32], 1, None), ([5; 32], 2, None), ([5; 32], 1, Some(RingElement::zero()))] {
        let b = b.unwrap_or_else(|| statement.key.b().clone());
        let committee = PublicKey::new(ChainId::from_bytes(chain), KeyEpoch::new(epoch), b);
        others.push(draw(&statement.terms, &committee, &statement.instance, &point));
    }
    let instance = statement.instance;
    for instance in [
        EligibilityInstance { root: EpochRoot::from_element(Fr::one()), ..instance },
        EligibilityInstance { nullifier: Nullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { scope_nullifier: ScopeNullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { binding: Digest::from_bytes([1; 32]), ..instance },
    ] {
        others.push(draw(&statement.terms, &statement.key, &instance, &point));
    }
    assert_eq!(others.len(), 10);
    for other in others {
        assert!(other.gamma != first.gamma && other.alpha != first.alpha);
    }
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

/// One key for all tests that prove.
fn key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| insecure_proving_key_from_seed([0; 32]).unwrap())
}

#[test]
fn the_demo_key_is_the_pinned_one() {
    assert_eq!(
        key().verifying_key().id().to_string(),
        "73949b8938bc5aa819caf146ea058342939053fc31a54d312d627493c75499b8"
    );
}

fn proven(statement: &Sound, seed: u64) -> UnverifiedContribution {
    let mut rng = StdRng::seed_from_u64(seed);
    prove(key(), &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng).unwrap()
}

fn verifier(statement: &Sound) -> ContributionVerifier {
    ContributionVerifier::new(key().verifying_key(), &statement.terms, &statement.key).unwrap()
}

#[test]
fn a_proof_verifies_for_its_statement_and_no_other() {
    let statement = rich();
    let (verifier, proof) = (verifier(&statement), proven(&statement, 1));
    let instance = statement.instance;
    let verified = verifier.verify(&instance, &proof).unwrap();
    assert_eq!((verified.instance(), verified.opening()), (&instance, &proof.opening));
    let gamma = verifier.challenges(&instance, &proof.proof).unwrap().gamma;
    assert_eq!(Opening::of(&statement.ciphertext, gamma), proof.opening);

    // Root, nullifiers, and the binding: chain, query, part, payout key, ciphertext digest.
    let altered = [
        EligibilityInstance { root: EpochRoot::from_element(Fr::zero()), ..instance },
        EligibilityInstance { nullifier: Nullifier::from_element(Fr::zero()), ..instance },
        EligibilityInstance { scope_nullifier: ScopeNullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { binding: Digest::from_bytes([0; 32]), ..instance },
    ];
    for other in altered {
        assert!(verifier.verify(&other, &proof).is_err(), "{other:?}");
    }
    // The opening claimed.
    for other in [
        Opening { c0: proof.opening.c1, ..proof.opening },
        Opening { c1: Evaluation::from_element(proof.opening.c1.element() + Fr::one()), ..proof.opening },
    ] {
        assert!(verifier.verify(&instance, &UnverifiedContribution { opening: other, ..proof }).is_err());
    }
    // The terms, and the committee's key.
    let alterations: [fn(&mut ContributionTerms); 6] = [
        |terms| terms.eligibility.query = QueryId::from_bytes([0; 32]),
        |terms| terms.eligibility.part = 0,
        |terms| terms.eligibility.demand.price += 1,
        |terms| terms.matching.groups.truncate(1),
        |terms| terms.layout.axes.clear(),
        |terms| terms.layout.window = 1,
    ];
    for alter in alterations {
        let mut terms = statement.terms.clone();
        alter(&mut terms);
        let other = ContributionVerifier::new(key().verifying_key(), &terms, &statement.key).unwrap();
        assert!(other.verify(&instance, &proof).is_err(), "{terms:?}");
    }
    for (chain, epoch) in [([6; 32], 1), ([5; 32], 2)] {
        let committee = PublicKey::new(ChainId::from_bytes(chain), KeyEpoch::new(epoch), statement.key.b().clone());
        let other = ContributionVerifier::new(key().verifying_key(), &statement.terms, &committee).unwrap();
        assert!(other.verify(&instance, &proof).is_err(), "another committee key");
    }
}

#[test]
fn an_altered_proof_is_refused_and_two_proofs_share_no_element() {
    let statement = rich();
    let (verifier, proof, other) = (verifier(&statement), proven(&statement, 1), proven(&statement, 2));
    let (points, others) = (proof.proof.decode().unwrap(), other.proof.decode().unwrap());
    assert!(points.a != others.a && points.b != others.b && points.c != others.c && points.d != others.d);
    assert!(verifier.verify(&statement.instance, &other).is_ok());
    let refused = [
        groth16::Proof { a: others.a, ..points },
        groth16::Proof { b: others.b, ..points },
        groth16::Proof { c: others.c, ..points },
        groth16::Proof { d: others.d, ..points },
        groth16::Proof { a: -points.a, ..points },
        groth16::Proof { c: points.d, d: points.c, ..points },
    ];
    for points in refused {
        let altered = UnverifiedContribution { proof: points.encode().unwrap(), ..proof };
        assert!(verifier.verify(&statement.instance, &altered).is_err());
    }
    // A second spelling of the point at infinity, and a point of the twist outside the subgroup.
    for (range, infinity) in [(0..32, true), (32..96, false)] {
        let mut bytes = *proof.proof.as_bytes();
        bytes[range.clone()].fill(0);
        bytes[range.start] = 1;
        if infinity {
            bytes[range.end - 1] = 0x40;
        }
        assert!(ProofBytes::new(bytes).decode().is_err());
    }
    for place in [0, 31, 40, 100, 127, 159] {
        let mut bytes = *proof.proof.as_bytes();
        bytes[place] ^= 1;
        let altered = UnverifiedContribution { proof: ProofBytes::new(bytes), ..proof };
        assert!(verifier.verify(&statement.instance, &altered).is_err(), "byte {place}");
    }
}

#[test]
fn a_batch_verifies_when_every_contribution_does() {
    let statement = rich();
    let verifier = verifier(&statement);
    let good: Vec<_> = (1..4).map(|seed| (statement.instance, proven(&statement, seed))).collect();
    assert_eq!(verifier.verify_batch(&good).unwrap().len(), 3);
    assert!(verifier.verify_batch(&[]).unwrap().is_empty());
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place].1.opening.c0 = Evaluation::from_element(Fr::from(5u64));
        assert!(verifier.verify_batch(&bad).is_err());
        let mut swapped = good.clone();
        swapped[place].1.proof = good[(place + 1) % good.len()].1.proof;
        assert!(verifier.verify_batch(&swapped).is_err());
    }
    // Two wrong proofs whose errors cancel in a sum without factors: their thirds swapped.
    let [first, second] = [0, 1].map(|place| good[place].1.proof.decode().unwrap());
    let crossed = [groth16::Proof { c: second.c, ..first }, groth16::Proof { c: first.c, ..second }];
    let crossed: Vec<_> = crossed
        .iter()
        .zip(&good)
        .map(|(points, (instance, honest))| {
            (*instance, UnverifiedContribution { proof: points.encode().unwrap(), ..*honest })
        })
        .collect();
    assert!(verifier.verify_batch(&crossed).is_err());
}

#[test]
fn what_is_chosen_after_the_challenge_does_not_fit_the_commitment() {
    let mut rng = StdRng::seed_from_u64(5);
    let relation = &shape().relation;
    let id = key().verifying_key().id();
    // An error of nine, and the multiplicity that would make up for it.
    let (u, e0, e1) = randomness();
    let plaintext = plaintext(&rich());
    let long = EncryptionWitness::from_parts(u, e0.with_coefficient(0, 9), e1);
    let statement = encrypted(rich(), &plaintext, long);
    let first = assignment(&statement.terms, [Fr::zero(); INSTANCE_INPUTS], &statement.witness, BTreeMap::new());
    let wires = &first[relation.inputs()..relation.inputs() + relation.committed()];
    let commitment = groth16::commit(key().points(), wires, &mut rng).unwrap();
    let transcript = Transcript::new(&id, &statement.key, &statement.terms).unwrap();
    let challenges = transcript.challenges(&statement.instance, &commitment.point()).unwrap();
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    let inputs = instance_inputs(&statement.instance, &challenges, statement.committee(challenges.gamma), &opening);
    let zero_errors = QUOTIENT_R + RING_DEGREE - 1 + 3 + 8;
    let e = [statement.witness.encryption.e0(), statement.witness.encryption.e1()];
    let zeros = e.iter().flat_map(|e| e.coefficients()).filter(|e| **e == 0).count() as u64;
    let made_up = Fr::from(zeros) + challenges.alpha / (challenges.alpha - Fr::from(9u64));
    let whole = assignment(&statement.terms, inputs, &statement.witness, [(zero_errors, made_up)].into());
    assert_eq!(failing_paragraphs(&whole), BTreeSet::new(), "the adaptive forgery satisfies every constraint");
    let proof = groth16::prove(key().points(), relation, &commitment, &whole, &mut rng).unwrap().encode().unwrap();
    let forged = UnverifiedContribution { proof, opening };
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

#[test]
fn a_commitment_to_another_records_wires_proves_nothing() {
    let statement = rich();
    let (layout, matching) = layouts().remove(5);
    let other = sound_with(&Attributes::new([44; ATTRIBUTES]), layout, matching);
    let mut rng = StdRng::seed_from_u64(4);
    let honest = prove_with_commitment_of(key(), &statement, &statement.witness, &mut rng);
    assert!(verifier(&statement).verify(&statement.instance, &honest).is_ok());
    let forged = prove_with_commitment_of(key(), &statement, &other.witness, &mut rng);
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

/// A proof whose first round commits to the wires of `committed`.
fn prove_with_commitment_of(
    key: &ProvingKey,
    statement: &Sound,
    committed: &ContributionWitness,
    rng: &mut StdRng,
) -> UnverifiedContribution {
    let relation = &shape().relation;
    let first = assignment(&statement.terms, [Fr::zero(); INSTANCE_INPUTS], committed, BTreeMap::new());
    let wires = &first[relation.inputs()..relation.inputs() + relation.committed()];
    let commitment = groth16::commit(key.points(), wires, rng).unwrap();
    let id = key.verifying_key().id();
    let transcript = Transcript::new(&id, &statement.key, &statement.terms).unwrap();
    let challenges = transcript.challenges(&statement.instance, &commitment.point()).unwrap();
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    let inputs = instance_inputs(&statement.instance, &challenges, statement.committee(challenges.gamma), &opening);
    let whole = assignment(&statement.terms, inputs, &statement.witness, BTreeMap::new());
    let proof = groth16::prove(key.points(), relation, &commitment, &whole, rng).unwrap();
    UnverifiedContribution { proof: proof.encode().unwrap(), opening }
}

#[test]
fn a_statement_that_does_not_hold_is_not_proven() {
    let mut statement = rich();
    statement.terms.eligibility.demand.price = 499;
    let mut rng = StdRng::seed_from_u64(1);
    let refused = prove(key(), &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng);
    assert_eq!(refused, Err(Error::Refuted { clause: Clause::Price }));
}

#[test]
fn keys_survive_their_files_and_only_their_own() {
    let bytes = key().to_bytes().unwrap();
    let read = ProvingKey::from_bytes(&bytes, key().verifying_key()).unwrap();
    assert_eq!(read.verifying_key(), key().verifying_key());
    let statement = rich();
    let mut rng = StdRng::seed_from_u64(1);
    let proof = prove(&read, &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng).unwrap();
    assert!(verifier(&statement).verify(&statement.instance, &proof).is_ok());
    assert!(ProvingKey::from_bytes(&bytes[..bytes.len() - 1], key().verifying_key()).is_err());
    let encoded = borsh::to_vec(key().verifying_key()).unwrap();
    assert_eq!(&borsh::from_slice::<VerifyingKey>(&encoded).unwrap(), key().verifying_key());
    let mut altered = encoded.clone();
    altered[40] ^= 1;
    assert!(borsh::from_slice::<VerifyingKey>(&altered).is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let statement = rich();
    let text = format!("{:?} {:?}", statement.witness, statement.witness.quotients);
    assert_eq!(text, "ContributionWitness(redacted) Quotients(redacted)");
}
