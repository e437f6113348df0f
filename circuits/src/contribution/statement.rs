//! The contribution statement in the clear: its public side, its witness, and the native check.

use std::fmt;

use ark_bn254::Fr;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    consent::ConsentTerms,
    criteria::{MATCH_CLAUSES_MAX, MatchCriteria},
    domain::{ByteTag, hash},
    eligibility::{Clause, EligibilityInstance, EligibilityTerms, EligibilityWitness, check_implied},
    id::{Digest, Evaluation},
    layout::{Layout, OpenedRecord},
    merkle::MerklePath,
    nullifier::nullifier,
    record::{GENOTYPE_DEPTH, Genotypes, Record, root_over},
    rlwe::{Ciphertext, EncryptionWitness, PublicKey, Quotients},
};

/// What every contribution to one part of one query must prove; public and fixed when the query opens.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContributionTerms {
    /// What the leaf must satisfy: schema, public criteria, issuers, consent.
    pub eligibility: EligibilityTerms,
    /// Criteria that select what the ciphertext encrypts.
    pub matching: MatchCriteria,
    /// What it encrypts.
    pub layout: Layout,
}

impl ContributionTerms {
    /// Checks every bound, and that public and match criteria together have at most 20 clauses.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] that names the bound.
    pub fn check(&self) -> Result<(), Error> {
        self.eligibility.check()?;
        self.layout.check_with(&self.matching)?;
        let public = self.eligibility.criteria.groups.iter().map(Vec::len);
        let clauses = public.chain(self.matching.groups.iter().map(Vec::len)).sum::<usize>() as u64;
        let limit = MATCH_CLAUSES_MAX as u64;
        if clauses > limit {
            return Err(Error::OutOfRange { what: "clauses of public and match criteria", value: clauses, limit });
        }
        Ok(())
    }

    /// The digest that challenges bind.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list is longer than its length prefix holds.
    pub fn digest(&self) -> Result<Digest, Error> {
        let bytes = borsh::to_vec(self)
            .map_err(|error| Error::Malformed { what: "contribution terms", why: error.to_string() })?;
        Ok(hash(ByteTag::Challenge, &[b"terms", &bytes]))
    }
}

/// The claimed values of `c0` and `c1` at the challenge: what availability receipts attest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Opening {
    /// `c0(γ)`.
    pub c0: Evaluation,
    /// `c1(γ)`.
    pub c1: Evaluation,
}

impl Opening {
    /// The values of a ciphertext at a challenge.
    #[must_use]
    pub fn of(ciphertext: &Ciphertext, gamma: Fr) -> Self {
        let [c0, c1] = ciphertext.evaluate(gamma).map(Evaluation::from_element);
        Self { c0, c1 }
    }
}

/// What one contribution proves, beside its ciphertext's polynomials.
#[derive(Debug, Clone, Copy)]
pub struct ContributionStatement<'a> {
    /// The terms of the part.
    pub terms: &'a ContributionTerms,
    /// The committee's key.
    pub key: &'a PublicKey,
    /// Root, nullifiers and binding; the binding covers chain, query, part, payout key and ciphertext digest.
    pub instance: &'a EligibilityInstance,
}

/// What the prover knows: a registered record with its window open, and the randomness of an encryption.
#[derive(Clone)]
pub struct ContributionWitness {
    pub(super) leaf: EligibilityWitness,
    pub(super) genotypes: Genotypes,
    pub(super) window_siblings: [Fr; GENOTYPE_DEPTH],
    pub(super) encryption: EncryptionWitness,
    pub(super) quotients: Quotients,
}

impl fmt::Debug for ContributionWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContributionWitness(redacted)")
    }
}

impl ContributionWitness {
    /// The witness of a record registered in `registration_epoch` under `consent`, at the end of `path`, and of the
    /// encryption of what the terms' layout makes of it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for terms out of bounds; [`Error::Proving`] when the ciphertext is not that encryption, or
    /// in one of 10^13 cases must be made again.
    pub fn new(
        terms: &ContributionTerms,
        record: &Record,
        consent: ConsentTerms,
        registration_epoch: u32,
        path: MerklePath,
        encrypted: (&PublicKey, &Ciphertext, EncryptionWitness),
    ) -> Result<Self, Error> {
        let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes)?;
        let (key, ciphertext, encryption) = encrypted;
        Ok(Self {
            leaf: EligibilityWitness::new(record, consent, registration_epoch, path),
            genotypes: record.genotypes.clone(),
            window_siblings: record.genotypes.siblings(terms.layout.window),
            quotients: Quotients::new(key, &plaintext, &encryption, ciphertext)?,
            encryption,
        })
    }

    /// The instance that this witness proves under the terms.
    #[must_use]
    pub fn instance(&self, terms: &ContributionTerms, binding: Digest) -> EligibilityInstance {
        let eligibility = &terms.eligibility;
        let nullifier = nullifier(&self.leaf.nullifier_key, &eligibility.query, eligibility.part);
        EligibilityInstance { nullifier, ..self.leaf.instance(eligibility, binding) }
    }

    /// The record's values as layouts and criteria read them.
    pub(super) fn opened<'r>(&'r self, terms: &ContributionTerms) -> OpenedRecord<'r> {
        OpenedRecord::new(&self.leaf.attributes, &self.genotypes, terms.layout.window)
    }
}

/// Checks the statement natively, clause by clause; what the circuit enforces, and nothing more.
///
/// # Errors
/// [`Error::Refuted`] with the first clause that does not hold.
pub fn check(
    statement: &ContributionStatement<'_>,
    ciphertext: &Ciphertext,
    witness: &ContributionWitness,
) -> Result<(), Error> {
    let ContributionStatement { terms, key, instance } = statement;
    terms.check()?;
    let implied = witness.instance(terms, instance.binding);
    check_implied(&terms.eligibility, instance, &witness.leaf, &implied)?;
    let refuted = |clause| Error::Refuted { clause };
    let place = terms.layout.window;
    let window = witness.genotypes.windows().get(place as usize);
    if root_over(window, place, &witness.window_siblings) != witness.leaf.genotypes {
        return Err(refuted(Clause::Window));
    }
    if !witness.encryption.is_short() {
        return Err(refuted(Clause::Randomness));
    }
    let implied = terms.layout.plaintext(&terms.matching, &witness.leaf.attributes, &witness.genotypes)?;
    let quotients = Quotients::new(key, &implied, &witness.encryption, ciphertext);
    quotients.map(drop).map_err(|_| refuted(Clause::Ciphertext))
}
