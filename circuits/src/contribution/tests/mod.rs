//! Each clause, violated alone, makes the proof impossible: natively, in constraints, and for the verifier.

mod agreement;
mod bits;
mod cells;
mod encryption;
mod forger;
mod forgeries;
mod keys;
mod moments;
mod proofs;
mod refutations;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use ark_bn254::Fr;
use ark_ff::{Field, MontFp, One, Zero};
use ark_relations::gr1cs::{ConstraintSystem, SynthesisMode};
use rand::{SeedableRng, rngs::StdRng};

use self::forger::*;
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
    merkle::{LeafTree, TREE_DEPTH},
    nullifier::ExactScope,
    record::{
        ATTRIBUTES, Attributes, Dosage, GENOTYPE_DEPTH, Genotypes, MISSING, NullifierKey, Record, WINDOW_VARIANTS,
    },
    rlwe::{
        Ciphertext, Coefficient, EncryptionWitness, ErrorPolynomial, KeyEpoch, Plaintext, PublicKey, Quotients,
        RingElement, Ternary, Xof, encrypt, encrypt_with,
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
                flags: ConsentFlags::EXACT,
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
    let mut terms = terms(layout, matching);
    if attributes.values()[0] != 44 {
        terms.eligibility.criteria.groups.clear();
    }
    sound_under(attributes, terms)
}

fn sound_under(attributes: &Attributes, terms: ContributionTerms) -> Sound {
    let mut rng = StdRng::seed_from_u64(7);
    let record = Record { attributes: attributes.clone(), ..record(&mut rng) };
    let key = committee_key();
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(&mut rng),
        purposes: Purposes::HEALTH_RESEARCH,
        disease: 77,
        regions: Regions(0b110),
        expiry: Day(20_000),
        price_min: 500,
        epsilon_milli_max: 1_000,
        cohort_min: 12,
        flags: ConsentFlags::EXACT.union(ConsentFlags::ONLY_THIS_DISEASE),
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
    let instance = witness.instance(&terms, bound(&terms, &key, &ciphertext));
    Sound { terms, key, instance, ciphertext, witness }
}

fn bound(terms: &ContributionTerms, key: &PublicKey, ciphertext: &Ciphertext) -> Digest {
    let payout = AccountId::from_bytes([6; 32]);
    binding(key.chain(), &terms.eligibility.query, terms.eligibility.part, &payout, &ciphertext.digest())
}

impl Sound {
    fn statement(&self) -> ContributionStatement<'_> {
        ContributionStatement { terms: &self.terms, key: &self.key, instance: &self.instance }
    }

    fn native(&self) -> Result<(), Error> {
        check(&self.statement(), &self.ciphertext, &self.witness)
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

/// An axis, moments of several attributes, and match criteria that hold.
fn rich() -> Sound {
    let (layout, matching) = layouts().remove(5);
    sound(layout, matching)
}

/// The statement with this plaintext encrypted under chosen randomness.
fn encrypted(mut statement: Sound, plaintext: &Plaintext, encryption: EncryptionWitness) -> Sound {
    statement.ciphertext = encrypt_with(&statement.key, plaintext, &encryption);
    statement.witness.quotients =
        Quotients::new(&statement.key, plaintext, &encryption, &statement.ciphertext).unwrap();
    statement.witness.encryption = encryption;
    statement.instance.binding = bound(&statement.terms, &statement.key, &statement.ciphertext);
    statement
}

/// The statement with other slots encrypted under the same randomness, which its native form refutes.
fn poisoned(statement: Sound, slots: Vec<u32>) -> Sound {
    assert_ne!(plaintext(&statement).slots(), slots);
    let encryption = statement.witness.encryption.clone();
    let poisoned = encrypted(statement, &Plaintext::new(slots).unwrap(), encryption);
    assert_eq!(poisoned.native(), Err(Error::Refuted { clause: Clause::Ciphertext }));
    poisoned
}

fn plaintext(statement: &Sound) -> Plaintext {
    statement.plaintext_under(&statement.terms.matching)
}

impl Sound {
    /// What the record contributes under these match criteria.
    fn plaintext_under(&self, matching: &MatchCriteria) -> Plaintext {
        self.terms.layout.plaintext(matching, &self.witness.leaf.attributes, &self.witness.genotypes).unwrap()
    }

    /// What the record would contribute if it matched; a funnel's slots are those of its criteria in any case.
    fn plaintext_if_matching(&self) -> Plaintext {
        match self.terms.layout.statistic {
            Statistic::Funnel { .. } => plaintext(self),
            _ => self.plaintext_under(&MatchCriteria::default()),
        }
    }
}

fn randomness() -> (Ternary, ErrorPolynomial, ErrorPolynomial) {
    let mut rng = StdRng::seed_from_u64(3);
    (Ternary::random(&mut rng), ErrorPolynomial::random(&mut rng), ErrorPolynomial::random(&mut rng))
}

/// One key for all tests that prove.
fn key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| insecure_proving_key_from_seed([0; 32]).unwrap())
}

fn proven(statement: &Sound, seed: u64) -> UnverifiedContribution {
    let mut rng = StdRng::seed_from_u64(seed);
    prove(key(), &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng).unwrap()
}

/// One proof of the rich statement for all tests that need no other.
fn proven_once() -> UnverifiedContribution {
    static PROOF: OnceLock<UnverifiedContribution> = OnceLock::new();
    *PROOF.get_or_init(|| proven(&rich(), 1))
}

fn verifier(statement: &Sound) -> ContributionVerifier {
    ContributionVerifier::new(key().verifying_key(), &statement.terms, &statement.key).unwrap()
}
