//! A small statement that several tests verify against, and true proofs of it.

use circuits::{
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    contribution::{self, ContributionStatement, ContributionTerms, ContributionWitness, UnverifiedContribution},
    criteria::{Criteria, MatchCriteria},
    eligibility::{self, EligibilityInstance, EligibilityProof, EligibilityTerms, EligibilityWitness, binding},
    id::{AccountId, ChainId, Digest, EpochRoot, Leaf, Nullifier, QueryId, SchemaId, ScopeNullifier},
    layout::Layout,
    merkle::{LeafTree, MerklePath},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
    rlwe::{KeyEpoch, PublicKey, RingElement, encrypt},
};
use rand::{SeedableRng, rngs::StdRng};

pub(crate) fn terms() -> EligibilityTerms {
    EligibilityTerms {
        query: QueryId::from_bytes([3; 32]),
        part: 0,
        schema: SchemaId::from_bytes([1; 32]),
        criteria: Criteria::default(),
        issuers: vec![],
        demand: ConsentDemand {
            purposes: Purposes::HEALTH_RESEARCH,
            disease: 0,
            regions: Regions(1),
            closing: Day(20_000),
            price: 1,
            epsilon_milli: 0,
            cohort_min: 2,
            flags: ConsentFlags::EXACT,
        },
        registered_before: 1,
        exact: None,
    }
}

pub(crate) fn instance() -> EligibilityInstance {
    EligibilityInstance {
        root: EpochRoot::from_bytes(&[0; 32]).unwrap(),
        nullifier: Nullifier::from_bytes(&[0; 32]).unwrap(),
        scope_nullifier: ScopeNullifier::from_bytes(&[0; 32]).unwrap(),
        binding: Digest::from_bytes([0; 32]),
    }
}

/// A record that the terms ask, with what its owner allows and the path of its leaf.
fn holder(rng: &mut StdRng) -> (Record, ConsentTerms, MerklePath) {
    let record = Record {
        schema: terms().schema,
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new([40; ATTRIBUTES]),
        genotypes: Genotypes::new(&[Dosage::Het]).unwrap(),
        nullifier_key: NullifierKey::random(rng),
    };
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: Purposes::HEALTH_RESEARCH,
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(30_000),
        price_min: 1,
        epsilon_milli_max: 0,
        cohort_min: 2,
        flags: ConsentFlags::EXACT,
    };
    (record, consent, LeafTree::from_leaves([Leaf::from_element(0u64.into())]).path(0).unwrap())
}

/// A true eligibility proof under the key, and what it is of.
pub(crate) fn proven(key: &eligibility::ProvingKey) -> (EligibilityInstance, EligibilityProof) {
    let rng = &mut StdRng::seed_from_u64(1);
    let (record, consent, path) = holder(rng);
    let witness = EligibilityWitness::new(&record, consent, 0, path);
    let instance = witness.instance(&terms(), Digest::from_bytes([7; 32]));
    let proof = eligibility::prove(key, &terms(), &instance, &witness, rng).unwrap();
    (instance, proof)
}

/// What a contribution to a count proves.
pub(crate) fn contribution_terms() -> ContributionTerms {
    ContributionTerms { eligibility: terms(), matching: MatchCriteria::default(), layout: Layout::count() }
}

/// The committee key that contributions are encrypted under.
pub(crate) fn committee() -> PublicKey {
    PublicKey::new(ChainId::from_bytes([1; 32]), KeyEpoch::new(1), RingElement::zero())
}

/// A true contribution under the key, and what it is of.
pub(crate) fn contributed(key: &contribution::ProvingKey) -> (EligibilityInstance, UnverifiedContribution) {
    let rng = &mut StdRng::seed_from_u64(2);
    let ((record, consent, path), terms, committee) = (holder(rng), contribution_terms(), committee());
    let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes).unwrap();
    let (ciphertext, randomness) = encrypt(&committee, &plaintext, rng);
    let encrypted = (&committee, &ciphertext, randomness);
    let witness = ContributionWitness::new(&terms, &record, consent, 0, path, encrypted).unwrap();
    let payout = AccountId::from_bytes([6; 32]);
    let binding = binding(committee.chain(), &terms.eligibility.query, 0, &payout, &ciphertext.digest());
    let instance = witness.instance(&terms, binding);
    let statement = ContributionStatement { terms: &terms, key: &committee, instance: &instance };
    let contribution = contribution::prove(key, &statement, &ciphertext, &witness, rng).unwrap();
    (instance, contribution)
}
