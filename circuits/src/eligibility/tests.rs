//! Each clause, violated alone, makes the proof impossible: natively, in constraints, and for the verifier.

use ark_bn254::{Fr, G1Affine};
use ark_ec::AffineRepr;
use ark_ff::Zero;
use ark_relations::gr1cs::ConstraintSystem;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::{circuit::EligibilityCircuit, *};
use crate::{
    Error,
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{CLAUSES_MAX, Clause as Criterion, Criteria},
    groth16::ProvingPoints,
    id::{AccountId, ChainId, Digest, EpochRoot, Leaf, Nullifier, QueryId, SchemaId, ScopeNullifier},
    merkle::{LeafTree, leaf},
    nullifier::ExactScope,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey, Record, body_commitment},
};

/// A statement that holds, with every clause close to its limit.
pub(super) struct Sound {
    pub(super) terms: EligibilityTerms,
    pub(super) instance: EligibilityInstance,
    pub(super) witness: EligibilityWitness,
}

pub(super) fn sound() -> Sound {
    let mut rng = StdRng::seed_from_u64(7);
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = 44;
    attributes[31] = 1;
    let record = Record {
        schema: SchemaId::from_bytes([1; 32]),
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&[Dosage::Het; 10]).unwrap(),
        nullifier_key: NullifierKey::random(&mut rng),
    };
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(&mut rng),
        purposes: Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH),
        disease: 77,
        regions: Regions(0b110),
        expiry: Day(20_000),
        price_min: 500,
        epsilon_milli_max: 1_000,
        cohort_min: 12,
        flags: ConsentFlags::EXACT.union(ConsentFlags::ONLY_THIS_DISEASE),
    };
    let terms = EligibilityTerms {
        query: QueryId::from_bytes([3; 32]),
        part: 1,
        schema: record.schema,
        criteria: Criteria {
            groups: vec![
                vec![
                    Criterion { attribute: 5, lo: 0, hi: 9, negated: true },
                    Criterion { attribute: 0, lo: 44, hi: 44, negated: false },
                ],
                vec![Criterion { attribute: 31, lo: 2, hi: 9, negated: true }],
            ],
        },
        issuers: vec![AccountId::from_bytes([9; 32]), record.issuer],
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
        exact: Some(ExactScope { period: 2, measure: Digest::from_bytes([4; 32]) }),
    };
    rebuild(terms, &record, consent, 4)
}

fn rebuild(terms: EligibilityTerms, record: &Record, consent: ConsentTerms, epoch: u32) -> Sound {
    let mut tree = LeafTree::from_leaves([11u64, 12, 13].map(|leaf| Leaf::from_element(Fr::from(leaf))));
    tree.set(3, Leaf::from_element(Fr::zero())).unwrap();
    let leaf = EligibilityWitness::new(record, consent.clone(), epoch, tree.path(3).unwrap()).leaf();
    tree.set(3, leaf).unwrap();
    let witness = EligibilityWitness::new(record, consent, epoch, tree.path(3).unwrap());
    let binding = binding(
        &ChainId::from_bytes([5; 32]),
        &terms.query,
        terms.part,
        &AccountId::from_bytes([6; 32]),
        &Digest::from_bytes([8; 32]),
    );
    let instance = witness.instance(&terms, binding);
    Sound { terms, instance, witness }
}

impl Sound {
    fn satisfies_circuit(&self) -> bool {
        let system = ConstraintSystem::new_ref();
        let assignment = Some((&self.terms, &self.instance, &self.witness));
        EligibilityCircuit { assignment }.synthesize(&system).unwrap();
        system.is_satisfied().unwrap()
    }

    fn native(&self) -> Result<(), Error> {
        check(&self.terms, &self.instance, &self.witness)
    }
}

#[test]
fn the_circuit_has_the_pinned_number_of_constraints() {
    let system = ConstraintSystem::new_ref();
    let counts = EligibilityCircuit { assignment: None }.synthesize(&{
        system.set_mode(ark_relations::gr1cs::SynthesisMode::Setup);
        system.clone()
    });
    let counts: Vec<usize> = counts.unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(counts, CONSTRAINTS.map(|(_, count)| count));
    assert_eq!(system.num_instance_variables(), PUBLIC_INPUTS + 1);
    assert!(system.num_constraints() + PUBLIC_INPUTS < 1 << 14, "the domain would double");
}

#[test]
fn a_sound_statement_satisfies_both_forms() {
    let sound = sound();
    assert_eq!(sound.native(), Ok(()));
    assert!(sound.satisfies_circuit());
}

type Violation = fn(&mut Sound);

/// For each clause an alteration that violates it and nothing else.
const VIOLATIONS: [(Clause, Violation); 15] = [
    (Clause::Membership, |s| s.instance.root = EpochRoot::from_element(Fr::from(1u64))),
    (Clause::Nullifier, |s| s.instance.nullifier = Nullifier::from_element(Fr::from(1u64))),
    (Clause::ScopeNullifier, |s| s.instance.scope_nullifier = ScopeNullifier::from_element(Fr::zero())),
    (Clause::Schema, |s| s.terms.schema = SchemaId::from_bytes([0; 32])),
    (Clause::Issuer, |s| s.terms.issuers.truncate(1)),
    (Clause::RegistrationEpoch, |s| s.terms.registered_before = 4),
    (Clause::Criteria, |s| s.terms.criteria.groups[0][1].hi = 43),
    (Clause::Purpose, |s| s.terms.demand.purposes = Purposes::HEALTH_RESEARCH.union(Purposes::ANCESTRY)),
    (Clause::Region, |s| s.terms.demand.regions = Regions(0b011)),
    (Clause::Disease, |s| s.terms.demand.disease = 78),
    (Clause::Flags, |s| s.terms.demand.flags = ConsentFlags::SCREENING),
    (Clause::Expiry, |s| s.terms.demand.closing = Day(20_001)),
    (Clause::Price, |s| s.terms.demand.price = 499),
    (Clause::Epsilon, |s| s.terms.demand.epsilon_milli = 1_001),
    (Clause::Cohort, |s| s.terms.demand.cohort_min = 11),
];

#[test]
fn each_clause_violated_alone_is_refuted_natively_and_in_constraints() {
    for (clause, violate) in VIOLATIONS {
        let mut statement = sound();
        violate(&mut statement);
        if clause == Clause::Criteria {
            statement.terms.criteria.groups[0][1].lo = 0;
        }
        assert_eq!(statement.native(), Err(Error::Refuted { clause }));
        assert!(!statement.satisfies_circuit(), "{clause:?} is not enforced");
    }
}

#[test]
fn a_scope_nullifier_outside_exact_queries_must_be_zero() {
    let mut statement = sound();
    statement.terms.exact = None;
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::ScopeNullifier }));
    assert!(!statement.satisfies_circuit());
    statement.instance.scope_nullifier = ScopeNullifier::from_element(Fr::zero());
    assert_eq!(statement.native(), Ok(()));
    assert!(statement.satisfies_circuit());
}

#[test]
fn a_missing_attribute_satisfies_no_criterion_in_constraints_negated_or_not() {
    for negated in [false, true] {
        let mut statement = sound();
        let criterion = Criterion { attribute: 7, lo: 0, hi: MISSING - 1, negated };
        statement.terms.criteria = Criteria { groups: vec![vec![criterion]] };
        assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Criteria }));
        assert!(!statement.satisfies_circuit());
    }
}

#[test]
fn a_record_certified_in_another_issuers_name_has_a_leaf_that_no_proof_opens() {
    let Sound { terms, mut instance, witness } = sound();
    let stranger = AccountId::from_bytes([9; 32]);
    let body = body_commitment(
        &witness.schema,
        &witness.issuer,
        witness.attributes.commitment(),
        witness.genotypes,
        witness.nullifier_key.commitment(),
    );
    let registered = leaf(body, &stranger, witness.consent.commitment(), witness.registration_epoch);
    assert_ne!(registered, witness.leaf());
    instance.root = witness.path.root(registered);
    let statement = Sound { terms, instance, witness };
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Membership }));
    assert!(!statement.satisfies_circuit());
}

#[test]
fn an_empty_allow_list_asks_records_of_any_issuer() {
    let mut statement = sound();
    statement.terms.issuers.clear();
    assert_eq!(statement.native(), Ok(()));
    assert!(statement.satisfies_circuit());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn circuit_and_native_check_agree_on_random_criteria(
        values in prop::collection::vec(prop_oneof![0u32..4, Just(MISSING), Just(MISSING - 1)], ATTRIBUTES),
        groups in prop::collection::vec(prop::collection::vec((0u8..32, 0u32..4, 0u32..4, any::<bool>()), 1..4), 0..5),
    ) {
        let criterion = |(attribute, lo, width, negated): (u8, u32, u32, bool)| {
            Criterion { attribute, lo, hi: lo + width, negated }
        };
        let groups: Vec<Vec<_>> = groups.into_iter().map(|group| group.into_iter().map(criterion).collect()).collect();
        prop_assume!(groups.iter().map(Vec::len).sum::<usize>() <= CLAUSES_MAX);
        let base = sound();
        let record = Record {
            schema: base.witness.schema,
            issuer: base.witness.issuer,
            attributes: Attributes::new(values.try_into().unwrap()),
            genotypes: Genotypes::new(&[]).unwrap(),
            nullifier_key: base.witness.nullifier_key.clone(),
        };
        let terms = EligibilityTerms { criteria: Criteria { groups }, ..base.terms };
        let statement = rebuild(terms, &record, base.witness.consent, 0);
        prop_assert_eq!(statement.native().is_ok(), statement.satisfies_circuit());
    }
}

/// One key for all tests that prove.
pub(super) fn key() -> &'static ProvingKey {
    static KEY: std::sync::OnceLock<ProvingKey> = std::sync::OnceLock::new();
    KEY.get_or_init(|| insecure_proving_key_from_seed([0; 32]).unwrap())
}

#[test]
fn a_proof_verifies_for_its_statement_and_no_other() {
    let Sound { terms, instance, witness } = sound();
    let mut rng = StdRng::seed_from_u64(1);
    let proof = prove(key(), &terms, &instance, &witness, &mut rng).unwrap();
    let verifier = EligibilityVerifier::new(key().verifying_key(), &terms).unwrap();
    assert_eq!(verifier.verify(&instance, &proof).unwrap().instance(), &instance);

    let altered = [
        EligibilityInstance { root: EpochRoot::from_element(Fr::zero()), ..instance },
        EligibilityInstance { nullifier: Nullifier::from_element(Fr::zero()), ..instance },
        EligibilityInstance { scope_nullifier: ScopeNullifier::from_element(Fr::zero()), ..instance },
        EligibilityInstance { binding: Digest::from_bytes([0; 32]), ..instance },
    ];
    for other in altered {
        assert!(verifier.verify(&other, &proof).is_err(), "{other:?}");
    }
    let alterations: [fn(&mut EligibilityTerms); 4] = [
        |terms| terms.query = QueryId::from_bytes([0; 32]),
        |terms| terms.part = 0,
        |terms| terms.criteria.groups.truncate(1),
        |terms| terms.demand.price += 1,
    ];
    for alter in alterations {
        let mut other = terms.clone();
        alter(&mut other);
        let verifier = EligibilityVerifier::new(key().verifying_key(), &other).unwrap();
        assert!(verifier.verify(&instance, &proof).is_err());
    }
}

#[test]
fn proofs_verify_together_and_one_that_is_wrong_spoils_the_batch() {
    let Sound { terms, instance, witness } = sound();
    let mut rng = StdRng::seed_from_u64(4);
    let claim = |byte: u8, rng: &mut StdRng| {
        let instance = EligibilityInstance { binding: Digest::from_bytes([byte; 32]), ..instance };
        (instance, prove(key(), &terms, &instance, &witness, rng).unwrap())
    };
    let claims = [claim(1, &mut rng), claim(2, &mut rng), claim(3, &mut rng)];
    let verifier = EligibilityVerifier::new(key().verifying_key(), &terms).unwrap();
    let verified = verifier.verify_batch(&claims).unwrap();
    assert_eq!(verified.iter().map(|one| *one.instance()).collect::<Vec<_>>(), claims.map(|(instance, _)| instance));
    assert_eq!(verifier.verify_batch(&[]).unwrap(), []);
    let mut swapped = claims;
    (swapped[0].1, swapped[1].1) = (swapped[1].1, swapped[0].1);
    assert!(verifier.verify_batch(&swapped).is_err());
    // Errors that cancel in a sum without factors: the thirds swapped.
    let [first, second] = [0, 1].map(|place| claims[place].1.decode().unwrap());
    let thirds = [ark_groth16::Proof { c: second.c, ..first.clone() }, ark_groth16::Proof { c: first.c, ..second }];
    let crossed = thirds.map(|proof| EligibilityProof::encode(&proof).unwrap());
    let crossed: Vec<_> = claims.iter().zip(crossed).map(|((instance, _), proof)| (*instance, proof)).collect();
    assert!(verifier.verify_batch(&crossed).is_err());
    let other = EligibilityTerms { part: 0, ..terms.clone() };
    assert!(EligibilityVerifier::new(key().verifying_key(), &other).unwrap().verify_batch(&claims).is_err());
}

#[test]
fn two_proofs_of_one_statement_share_no_element() {
    let Sound { terms, instance, witness } = sound();
    let mut rng = StdRng::seed_from_u64(2);
    let [first, second] = [0; 2].map(|_| prove(key(), &terms, &instance, &witness, &mut rng).unwrap());
    for element in [0..32, 32..96, 96..128] {
        assert_ne!(first.as_bytes()[element.clone()], second.as_bytes()[element]);
    }
}

#[test]
fn a_changed_or_non_canonical_proof_is_refused() {
    let Sound { terms, instance, witness } = sound();
    let proof = prove(key(), &terms, &instance, &witness, &mut StdRng::seed_from_u64(3)).unwrap();
    let verifier = EligibilityVerifier::new(key().verifying_key(), &terms).unwrap();
    for position in [0, 31, 32, 95, 96, 127] {
        let mut bytes = *proof.as_bytes();
        bytes[position] ^= 1;
        assert!(verifier.verify(&instance, &EligibilityProof::from_bytes(bytes)).is_err(), "byte {position}");
    }
    let infinity = EligibilityProof::from_bytes([0x40; 128]);
    assert!(matches!(verifier.verify(&instance, &infinity), Err(Error::ProofRefused { .. })));
}

#[test]
fn proving_a_false_statement_names_the_clause() {
    let Sound { terms, mut instance, witness } = sound();
    instance.root = EpochRoot::from_element(Fr::zero());
    let result = prove(key(), &terms, &instance, &witness, &mut StdRng::seed_from_u64(4));
    assert_eq!(result, Err(Error::Refuted { clause: Clause::Membership }));
}

#[test]
fn repro_a_key_with_altered_points_makes_no_proof_from_which_its_maker_could_read_the_witness() {
    let bytes = key().to_bytes().unwrap();
    let mut points = ProvingPoints::deserialize_uncompressed(bytes.as_slice()).unwrap();
    points.witness_query.iter_mut().for_each(|point| *point = (*point + G1Affine::generator()).into());
    let mut bytes = vec![];
    points.serialize_uncompressed(&mut bytes).unwrap();
    let altered = ProvingKey::from_bytes(&bytes, key().verifying_key()).unwrap();
    let Sound { terms, instance, witness } = sound();
    let made = prove(&altered, &terms, &instance, &witness, &mut StdRng::seed_from_u64(1));
    assert!(matches!(made, Err(Error::Proving { why }) if why.contains("was altered")));
}

#[test]
fn keys_round_trip_and_refuse_truncation_and_strangers() {
    let verifying = key().verifying_key();
    let bytes = borsh::to_vec(verifying).unwrap();
    assert_eq!(&borsh::from_slice::<VerifyingKey>(&bytes).unwrap(), verifying);
    assert!(borsh::from_slice::<VerifyingKey>(&bytes[..bytes.len() - 1]).is_err());

    let proving = key().to_bytes().unwrap();
    assert_eq!(ProvingKey::from_bytes(&proving, verifying).unwrap().verifying_key(), verifying);
    assert!(ProvingKey::from_bytes(&proving[..100], verifying).is_err());
    let stranger = insecure_proving_key_from_seed([1; 32]).unwrap();
    assert!(ProvingKey::from_bytes(&proving, stranger.verifying_key()).is_err());
}

#[test]
fn the_demo_key_is_the_pinned_one() {
    assert_eq!(
        key().verifying_key().id().to_string(),
        "8f0a9f4af27c57de981dce011709de563a8899ff60315048509aa348bff719ff"
    );
}
