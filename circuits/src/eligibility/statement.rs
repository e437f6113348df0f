//! The eligibility statement in the clear: its public side, its witness, and the native check.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    consent::{ConsentDemand, ConsentFlags, ConsentTerms},
    criteria::Criteria,
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest, EpochRoot, GenotypeRoot, Leaf, Nullifier, QueryId, SchemaId, ScopeNullifier},
    merkle::{MerklePath, leaf},
    nullifier::{ExactScope, scope_nullifier, screening_nullifier},
    record::{Attributes, NullifierKey, Record, body_commitment},
};

/// Issuers that an allow-list may name.
pub const ISSUERS_MAX: usize = 8;

/// What every contribution to one part of one query must prove; public and fixed when the query opens.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct EligibilityTerms {
    /// The query.
    pub query: QueryId,
    /// Which of the record's nullifiers for the query. The ledger asks number 0 for every part, so that all parts of a
    /// contribution are of one record.
    pub part: u8,
    /// The schema a record must be of.
    pub schema: SchemaId,
    /// Public criteria that the attributes must satisfy.
    pub criteria: Criteria,
    /// Issuers whose records are asked, at most eight; empty asks those of any accredited issuer.
    pub issuers: Vec<AccountId>,
    /// What the consent must allow.
    pub demand: ConsentDemand,
    /// The record's registration epoch must be below this one, so that a rotated key cannot count twice.
    pub registered_before: u32,
    /// The scope of an `Exact` release.
    pub exact: Option<ExactScope>,
}

impl EligibilityTerms {
    /// Checks the bounds of the criteria and of the allow-list.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] that names the bound.
    pub fn check(&self) -> Result<(), Error> {
        self.criteria.check()?;
        if self.issuers.len() > ISSUERS_MAX {
            let value = self.issuers.len() as u64;
            return Err(Error::OutOfRange { what: "issuer allow-list length", value, limit: ISSUERS_MAX as u64 });
        }
        Ok(())
    }
}

/// The public side of one proof beyond the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct EligibilityInstance {
    /// Root of the registration tree that the proof was made against.
    pub root: EpochRoot,
    /// `H(NULL, nk, query, part)` of a contribution, `H(NULL-SCREENING, …)` of a screening proof.
    pub nullifier: Nullifier,
    /// `H(NULL-EXACT, nk, period, measure)`, or zero.
    pub scope_nullifier: ScopeNullifier,
    /// [`binding`] of what the proof travels with.
    pub binding: Digest,
}

/// Binds a proof to what it travels with: chain, query, part, payout key and ciphertext.
#[must_use]
pub fn binding(chain: &ChainId, query: &QueryId, part: u8, payout: &AccountId, ciphertext: &Digest) -> Digest {
    let parts: [&[u8]; 5] = [chain.as_bytes(), query.as_bytes(), &[part], payout.as_bytes(), ciphertext.as_bytes()];
    hash(ByteTag::Binding, &parts)
}

/// What the prover knows: a record's opening, its consent and its place in the tree.
#[derive(Clone)]
pub struct EligibilityWitness {
    pub(crate) schema: SchemaId,
    pub(crate) issuer: AccountId,
    pub(crate) attributes: Attributes,
    pub(crate) genotypes: GenotypeRoot,
    pub(crate) nullifier_key: NullifierKey,
    pub(crate) consent: ConsentTerms,
    pub(crate) registration_epoch: u32,
    pub(crate) path: MerklePath,
}

impl fmt::Debug for EligibilityWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EligibilityWitness(redacted)")
    }
}

impl EligibilityWitness {
    /// The witness of a record registered in `registration_epoch` under `consent`, at the end of `path`.
    #[must_use]
    pub fn new(record: &Record, consent: ConsentTerms, registration_epoch: u32, path: MerklePath) -> Self {
        Self {
            schema: record.schema,
            issuer: record.issuer,
            attributes: record.attributes.clone(),
            genotypes: record.genotypes.root(),
            nullifier_key: record.nullifier_key.clone(),
            consent,
            registration_epoch,
            path,
        }
    }

    /// The leaf that the opening implies.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        let attributes = self.attributes.commitment();
        let key = self.nullifier_key.commitment();
        let body = body_commitment(&self.schema, &self.issuer, attributes, self.genotypes, key);
        leaf(body, &self.issuer, self.consent.commitment(), self.registration_epoch)
    }

    /// The instance that this witness proves under the terms.
    #[must_use]
    pub fn instance(&self, terms: &EligibilityTerms, binding: Digest) -> EligibilityInstance {
        EligibilityInstance {
            root: self.path.root(self.leaf()),
            nullifier: screening_nullifier(&self.nullifier_key, &terms.query, terms.part),
            scope_nullifier: scope_nullifier(&self.nullifier_key, terms.exact.as_ref()),
            binding,
        }
    }
}

/// The clauses of the statement, in the order of the circuit's paragraphs. Each can be violated alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Clause {
    /// The leaf lies under the root.
    Membership,
    /// The nullifier is the record's for this query and part.
    Nullifier,
    /// The scope nullifier is the record's for this scope, or zero.
    ScopeNullifier,
    /// The record is of the query's schema.
    Schema,
    /// An allowed issuer certified the record.
    Issuer,
    /// The record was registered before the bound.
    RegistrationEpoch,
    /// The attributes satisfy the public criteria.
    Criteria,
    /// The consent allows every purpose.
    Purpose,
    /// The consent allows every region.
    Region,
    /// The consent is not restricted to another disease.
    Disease,
    /// Every demanded flag is set.
    Flags,
    /// The consent lasts until the query closes.
    Expiry,
    /// The price is high enough.
    Price,
    /// The privacy loss is low enough.
    Epsilon,
    /// The cohort is large enough.
    Cohort,
    /// The opened window lies under the record's genotype root.
    Window,
    /// The encryption's randomness is short.
    Randomness,
    /// The ciphertext encrypts what the record and the layout imply.
    Ciphertext,
}

/// Checks the statement natively, clause by clause; what the circuit enforces, and nothing more.
///
/// # Errors
/// [`Error::Refuted`] with the first clause that does not hold.
pub fn check(
    terms: &EligibilityTerms,
    instance: &EligibilityInstance,
    witness: &EligibilityWitness,
) -> Result<(), Error> {
    terms.check()?;
    check_implied(terms, instance, witness, &witness.instance(terms, instance.binding))
}

/// The clauses, with the instance that the witness implies for the statement at hand.
pub(crate) fn check_implied(
    terms: &EligibilityTerms,
    instance: &EligibilityInstance,
    witness: &EligibilityWitness,
    implied: &EligibilityInstance,
) -> Result<(), Error> {
    let (consent, demand) = (&witness.consent, &terms.demand);
    let only_this_disease = consent.flags.contains(ConsentFlags::ONLY_THIS_DISEASE);
    let clauses = [
        (Clause::Membership, implied.root == instance.root),
        (Clause::Nullifier, implied.nullifier == instance.nullifier),
        (Clause::ScopeNullifier, implied.scope_nullifier == instance.scope_nullifier),
        (Clause::Schema, witness.schema == terms.schema),
        (Clause::Issuer, terms.issuers.is_empty() || terms.issuers.contains(&witness.issuer)),
        (Clause::RegistrationEpoch, witness.registration_epoch < terms.registered_before),
        (Clause::Criteria, terms.criteria.hold(&witness.attributes)),
        (Clause::Purpose, consent.purposes.contains(demand.purposes)),
        (Clause::Region, consent.regions.contains(demand.regions)),
        (Clause::Disease, !only_this_disease || consent.disease == demand.disease),
        (Clause::Flags, consent.flags.contains(demand.flags)),
        (Clause::Expiry, demand.closing <= consent.expiry),
        (Clause::Price, consent.price_min <= demand.price),
        (Clause::Epsilon, demand.epsilon_milli <= consent.epsilon_milli_max),
        (Clause::Cohort, consent.cohort_min <= demand.cohort_min),
    ];
    match clauses.into_iter().find(|(_, holds)| !holds) {
        Some((clause, _)) => Err(Error::Refuted { clause }),
        None => Ok(()),
    }
}
