//! Each clause, violated alone, makes the proof impossible: natively, in constraints, and for the verifier.

use ark_bn254::Fr;
use ark_ff::Zero;
use ark_relations::gr1cs::{ConstraintSystem, SynthesisMode};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    circuit::{ContributionCircuit, Round},
    inputs::instance_inputs,
    proof::Shape,
    *,
};
use crate::{
    Error,
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause as Criterion, Criteria, MatchClause, MatchCriteria},
    eligibility::{Clause, EligibilityInstance, EligibilityTerms, binding},
    id::{AccountId, ChainId, Leaf, QueryId, SchemaId},
    layout::{Axis, Layout, Moment, Statistic, Subject},
    merkle::LeafTree,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey, Record},
    rlwe::{Ciphertext, KeyEpoch, PublicKey, RingElement, Xof, encrypt},
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
        (0..1500).map(|i| [Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing][i * i % 7 % 4]).collect();
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
    let mut rng = StdRng::seed_from_u64(7);
    let (record, terms, key) = (record(&mut rng), terms(layout, matching), committee_key());
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

    fn unsatisfied(&self) -> Option<String> {
        let challenges = Challenges {
            gamma: Fr::from(0x1234_5678_9abc_def0u64).pow_seventh(),
            alpha: Fr::from(987_654_321u64).pow_seventh(),
        };
        let opening = Opening::of(&self.ciphertext, challenges.gamma);
        let inputs = instance_inputs(&self.instance, &challenges, &self.key, &opening);
        let system = ConstraintSystem::new_ref();
        let circuit = ContributionCircuit { assignment: Some((&self.terms, inputs, &self.witness)) };
        let counts = circuit.synthesize(&system, Round::Prove).unwrap().counts;
        let failed = system.which_is_unsatisfied().unwrap()?;
        Some(format!("{failed} {counts:?}"))
    }
}

trait Seventh {
    fn pow_seventh(self) -> Self;
}

impl Seventh for Fr {
    fn pow_seventh(self) -> Self {
        let square = self * self;
        square * square * square * self
    }
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
        (with(&axes[..2], Statistic::Genotypes { first: 64, length: 32 }), nobody),
        (with(&[Axis::Bins { attribute: 1, lo: 0, width: 10, count: 9 }], Statistic::Count), any()),
        (with(&[Axis::Thresholds { attribute: 9, cuts: vec![1] }], Statistic::Count), any()),
    ]
}

#[test]
fn the_circuit_has_the_pinned_number_of_constraints() {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Setup);
    let synthesized = ContributionCircuit { assignment: None }.synthesize(&system, Round::Prove).unwrap();
    let counts: Vec<usize> = synthesized.counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        system.num_constraints() + PUBLIC_INPUTS < 1 << 16,
        "{} + {PUBLIC_INPUTS}: the domain would double",
        system.num_constraints()
    );
    assert_eq!(
        counts,
        CONSTRAINTS.map(|(_, count)| count),
        "{} {} {}",
        system.num_constraints(),
        PUBLIC_INPUTS,
        synthesized.committed.len()
    );
    assert_eq!(system.num_instance_variables(), PUBLIC_INPUTS + 1);
}

#[test]
fn every_layout_of_the_algebra_satisfies_both_forms() {
    for (layout, matching) in layouts() {
        let sound = sound(layout.clone(), matching);
        assert_eq!(sound.native(), Ok(()), "{layout:?}");
        assert_eq!(sound.unsatisfied(), None, "{layout:?}");
    }
}

/// One key for all tests that prove.
fn key() -> &'static ProvingKey {
    static KEY: std::sync::OnceLock<ProvingKey> = std::sync::OnceLock::new();
    KEY.get_or_init(|| insecure_proving_key_from_seed([0; 32]).unwrap())
}

#[test]
fn a_proof_verifies_for_its_statement() {
    let start = std::time::Instant::now();
    let key = key();
    eprintln!("setup {:?}", start.elapsed());
    let (layout, matching) = layouts().remove(5);
    let sound = sound(layout, matching);
    let mut rng = StdRng::seed_from_u64(1);
    let start = std::time::Instant::now();
    let proof = prove(key, &sound.statement(), &sound.ciphertext, &sound.witness, &mut rng).unwrap();
    eprintln!("prove {:?}", start.elapsed());
    let verifier = ContributionVerifier::new(key.verifying_key(), &sound.terms, &sound.key).unwrap();
    let start = std::time::Instant::now();
    let verified = verifier.verify(&sound.instance, &proof).unwrap();
    eprintln!("verify {:?}", start.elapsed());
    assert_eq!(verified.instance(), &sound.instance);
    let _ = (Shape::synthesize, Clause::Window);
}
