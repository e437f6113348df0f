//! A small statement that several tests verify against.

use circuits::{
    consent::{ConsentDemand, ConsentFlags, Day, Purposes, Regions},
    criteria::Criteria,
    eligibility::{EligibilityInstance, EligibilityTerms},
    id::{Digest, EpochRoot, Nullifier, QueryId, SchemaId, ScopeNullifier},
};

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
