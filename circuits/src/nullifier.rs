//! Nullifiers: one per record, query and part, and one per `Exact` release's scope.

use ark_bn254::Fr;
use ark_ff::Zero;

use crate::{
    domain::{FieldTag, bytes_to_field},
    id::{Digest, Nullifier, QueryId, ScopeNullifier},
    poseidon::hash,
    record::NullifierKey,
};

/// The scope in which a record enters at most one `Exact` release, so that overlapping cohorts cannot be subtracted.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct ExactScope {
    /// Number of the period, a fixed count of epochs.
    pub period: u32,
    /// What is measured, computed by the ledger from the schema and the part's layout.
    pub measure: Digest,
}

/// A query's id in the field.
#[must_use]
pub fn query_element(query: &QueryId) -> Fr {
    bytes_to_field(query.as_bytes())
}

/// A measure in the field.
#[must_use]
pub fn measure_element(measure: &Digest) -> Fr {
    bytes_to_field(measure.as_bytes())
}

/// `H(NULL, nk, query, part)`.
#[must_use]
pub fn nullifier(key: &NullifierKey, query: &QueryId, part: u8) -> Nullifier {
    tagged(FieldTag::Nullifier, key, query, part)
}

/// `H(NULL-SCREENING, nk, query, part)`: of a screening proof, under a tag of its own, so that a contact never unmasks a
/// contribution.
#[must_use]
pub fn screening_nullifier(key: &NullifierKey, query: &QueryId, part: u8) -> Nullifier {
    tagged(FieldTag::ScreeningNullifier, key, query, part)
}

fn tagged(tag: FieldTag, key: &NullifierKey, query: &QueryId, part: u8) -> Nullifier {
    Nullifier::from_element(hash(tag, &[key.element(), query_element(query), Fr::from(part)]))
}

/// `H(NULL-EXACT, nk, period, measure)` for an `Exact` query; zero otherwise, so that other queries link nobody.
#[must_use]
pub fn scope_nullifier(key: &NullifierKey, scope: Option<&ExactScope>) -> ScopeNullifier {
    ScopeNullifier::from_element(scope.map_or(Fr::zero(), |scope| {
        hash(FieldTag::ScopeNullifier, &[key.element(), Fr::from(scope.period), measure_element(&scope.measure)])
    }))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn query_part_and_key_each_move_the_nullifier() {
        let mut rng = StdRng::seed_from_u64(1);
        let [key, other] = [0; 2].map(|_| NullifierKey::random(&mut rng));
        let query = QueryId::from_bytes([1; 32]);
        let first = nullifier(&key, &query, 0);
        assert_ne!(first, screening_nullifier(&key, &query, 0));
        assert_ne!(first, nullifier(&key, &query, 1));
        assert_ne!(first, nullifier(&other, &query, 0));
        assert_ne!(first, nullifier(&key, &QueryId::from_bytes([2; 32]), 0));
    }

    #[test]
    fn only_an_exact_query_reveals_a_scope() {
        let key = NullifierKey::random(&mut StdRng::seed_from_u64(2));
        let scope = ExactScope { period: 3, measure: Digest::from_bytes([1; 32]) };
        assert_eq!(scope_nullifier(&key, None).element(), Fr::zero());
        assert_ne!(scope_nullifier(&key, Some(&scope)).element(), Fr::zero());
        assert_ne!(
            scope_nullifier(&key, Some(&scope)),
            scope_nullifier(&key, Some(&ExactScope { period: 4, ..scope }))
        );
    }
}
