//! The contribution statement as constraints, a titled paragraph for each clause.

use ark_bn254::Fr;
use ark_r1cs_std::{
    alloc::AllocationMode,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{
    axes::cell,
    ciphertext::{EncryptionVars, Powers},
    committed::{BYTE_TABLE, Committer, ERROR_TABLE, TERNARY_TABLE},
    criteria::{enforce_criteria, funnel},
    genotypes::{WindowValues, WindowVars},
    inputs::{INSTANCE_INPUTS, ProofInputs, SUBJECTS, TermsInputs, missing_code, terms_inputs},
    lookup::{commit_multiplicities, commit_subject_multiplicities, constants, enforce_looked_up},
    moments::moments,
    statement::{ContributionTerms, ContributionWitness},
};
use crate::{
    criteria::{MATCH_CLAUSES_MAX, MatchClause},
    domain::FieldTag,
    eligibility::opening::{Allocator, OpeningVars, opening_values},
    layout::{AXES_MAX, MOMENT_ATTRIBUTES_MAX, Statistic, Subject},
};

/// Constraints by paragraph, pinned: a change of the circuit shows here, and changes every key.
pub const CONSTRAINTS: [(&str, usize); 19] = [
    ("bits", 2_081),
    ("attribute ranges", 32),
    ("criteria", 278),
    ("cell", 141),
    ("moments", 327),
    ("record opening", 939),
    ("consent opening", 456),
    ("membership", 8_607),
    ("nullifiers", 590),
    ("schema", 1),
    ("issuer", 9),
    ("registration epoch", 33),
    ("consent", 315),
    ("window opening", 4_611),
    ("short randomness", 12_310),
    ("digits and quotients", 9_675),
    ("record values", 2_191),
    ("plaintext", 3_954),
    ("ciphertext", 12_286),
];

/// How far to synthesize: up to the commitment, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// The wires that do not depend on the challenge, as far as they are committed.
    Commit,
    /// Everything.
    Prove,
}

/// The circuit: without an assignment for set-up, with one for proving. Public inputs of the proof that depend on the
/// challenge may be anything in the first round.
pub(super) struct ContributionCircuit<'a> {
    pub(super) assignment: Option<(&'a ContributionTerms, [Fr; INSTANCE_INPUTS], &'a ContributionWitness)>,
    /// Choices of a dishonest prover, by number.
    #[cfg(test)]
    pub(super) altered: std::collections::BTreeMap<usize, Fr>,
    /// Values of the leaf's opening that no record has, by place.
    #[cfg(test)]
    pub(super) altered_opening: std::collections::BTreeMap<usize, Fr>,
    /// Dosages of a window that the record lacks.
    #[cfg(test)]
    pub(super) invented_window: Option<crate::record::Dosage>,
}

impl<'a> ContributionCircuit<'a> {
    /// The circuit without an assignment, for set-up.
    pub(super) fn shape() -> Self {
        Self {
            assignment: None,
            #[cfg(test)]
            altered: std::collections::BTreeMap::new(),
            #[cfg(test)]
            altered_opening: std::collections::BTreeMap::new(),
            #[cfg(test)]
            invented_window: None,
        }
    }

    /// The circuit with an assignment.
    pub(super) fn assigned(
        terms: &'a ContributionTerms,
        inputs: [Fr; INSTANCE_INPUTS],
        witness: &'a ContributionWitness,
    ) -> Self {
        let mut circuit = Self::shape();
        circuit.assignment = Some((terms, inputs, witness));
        circuit
    }
}

/// What synthesis says of itself.
pub(super) struct Synthesized {
    /// Zero, and the constraints after each paragraph.
    pub(super) counts: Vec<usize>,
    /// The committed witnesses, numbered as allocated.
    pub(super) committed: Vec<usize>,
}

impl ContributionCircuit<'_> {
    /// Adds the constraints of the rounds up to `round`.
    pub(super) fn synthesize(
        &self,
        system: &ConstraintSystemRef<Fr>,
        round: Round,
    ) -> Result<Synthesized, SynthesisError> {
        let inputs = self.assignment.as_ref().map(|(terms, instance, _)| {
            let mut inputs = terms_inputs(terms);
            inputs.extend(instance);
            inputs
        });
        let witness = self.assignment.as_ref().map(|(_, _, witness)| *witness);
        let window = self.assignment.as_ref().map(|(terms, _, witness)| (*witness, terms.layout.window));
        let mut inputs = Allocator::new(system, AllocationMode::Input, inputs);
        let terms = TermsInputs::allocate(&mut inputs)?;
        let proof = ProofInputs::allocate(&mut inputs)?;
        let opening = witness.map(|witness| self.opening(witness));
        let leaf = OpeningVars::allocate(&mut Allocator::new(system, AllocationMode::Witness, opening))?;
        let window = WindowVars::allocate(system, window.map(|(witness, window)| self.window(witness, window)))?;
        let mut committer = Committer::new(system);
        #[cfg(test)]
        committer.altered.clone_from(&self.altered);
        let mut counts = vec![0];
        let mut paragraph_ends = || counts.push(system.num_constraints());

        // Bits: the sides of the leaf's path and the dosages of the window, allocated above, are zero or one.
        paragraph_ends();

        // Attribute ranges: each attribute has 32 bits.
        for attribute in &leaf.attributes {
            committer.enforce_range(attribute, 4)?;
        }
        paragraph_ends();

        // Criteria: public groups hold; match groups select. Values are those of the record: see record values.
        let mut subjects = self.subjects().map(Vec::into_iter);
        let mut select = |committer: &mut Committer<'_>, keys: Vec<&FpVar<Fr>>| {
            keys.into_iter()
                .map(|key| {
                    let value = subjects.as_mut().and_then(Iterator::next);
                    committer.subject(key, value.ok_or(SynthesisError::AssignmentMissing))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let values = select(&mut committer, terms.clauses.iter().map(|clause| &clause.key).collect())?;
        let matching = enforce_criteria(&mut committer, &terms.clauses, &values)?;
        paragraph_ends();

        // Cell: what the grouping axes make of the record's values.
        let values = select(&mut committer, terms.axes.iter().map(|axis| &axis.key).collect())?;
        let cell = cell(&mut committer, &terms.axes, &values)?;
        paragraph_ends();

        // Moments: clipped values and products in digits.
        let values = select(&mut committer, terms.moments.iter().map(|moment| &moment.key).collect())?;
        let moments = moments(&mut committer, &terms.moments, &values)?;
        paragraph_ends();

        // The randomness and quotients, and how often every table entry is looked up: the end of the first round.
        let encryption = EncryptionVars::commit(&mut committer, witness)?;
        let multiplicities = Multiplicities::commit(&mut committer)?;
        let Committer { places: committed, looked_up, .. } = committer;
        if round == Round::Commit {
            return Ok(Synthesized { counts, committed });
        }

        // Record opening.
        let body = leaf.body()?;
        paragraph_ends();

        // Consent opening.
        let consent = leaf.consent()?;
        paragraph_ends();

        // Membership.
        leaf.enforce_membership(body, consent, &proof.leaf)?;
        paragraph_ends();

        // Nullifiers.
        leaf.enforce_nullifiers(FieldTag::Nullifier, &terms.leaf, &proof.leaf)?;
        paragraph_ends();

        // Schema.
        leaf.enforce_schema(&terms.leaf)?;
        paragraph_ends();

        // Issuer.
        leaf.enforce_issuer(&terms.leaf)?;
        paragraph_ends();

        // Registration epoch.
        leaf.enforce_registration_epoch(&terms.leaf)?;
        paragraph_ends();

        // Consent.
        leaf.enforce_consent(&terms.leaf)?;
        paragraph_ends();

        // Window opening: the dosages lie under the record's genotype root.
        window.enforce_opening(&terms.window, &leaf.genotypes)?;
        paragraph_ends();

        // Short randomness: u is ternary, e0 and e1 lie in [-8, 8].
        let alpha = &proof.alpha;
        let ternary = constants(TERNARY_TABLE);
        enforce_looked_up(system, alpha, &looked_up.ternary, &ternary, &multiplicities.ternary)?;
        let errors = constants(ERROR_TABLE);
        enforce_looked_up(system, alpha, &looked_up.errors, &errors, &multiplicities.errors)?;
        paragraph_ends();

        // Digits and quotients: each is a byte.
        let bytes = constants(BYTE_TABLE);
        enforce_looked_up(system, alpha, &looked_up.bytes, &bytes, &multiplicities.bytes)?;
        paragraph_ends();

        // Record values: each looked-up pair of a key and a value is the record's, packed as key + γ·value.
        let gamma = &proof.gamma;
        let pack = |key: FpVar<Fr>, value: &FpVar<Fr>| key + gamma * value;
        let looked_up: Vec<FpVar<Fr>> = looked_up.subjects.into_iter().map(|(key, value)| pack(key, &value)).collect();
        let record = leaf.attributes.iter().cloned().chain(window.dosages()).enumerate();
        let record: Vec<FpVar<Fr>> =
            record.map(|(key, value)| pack(FpVar::constant(Fr::from(key as u64)), &value)).collect();
        enforce_looked_up(system, alpha, &looked_up, &record, &multiplicities.subjects)?;
        paragraph_ends();

        // Plaintext: m(γ) = weight · γ^(first slot) · statistic(γ).
        let powers = Powers::new(gamma)?;
        let moments = moments.evaluate(&terms.counts, gamma);
        let genotypes = window.evaluate(&terms.blocks, gamma)?;
        let statistic = moments + genotypes + &terms.funnel * funnel(&matching, gamma);
        let selected = &terms.funnel + (FpVar::one() - &terms.funnel) * &matching.all;
        let weight = selected * &cell.inside;
        let plaintext = weight * powers.raise(&cell.first_slot)? * statistic;
        paragraph_ends();

        // Ciphertext: it encrypts the plaintext with the committed randomness.
        encryption.enforce_encrypts(&proof, &powers, &plaintext)?;
        paragraph_ends();
        Ok(Synthesized { counts, committed })
    }

    /// The leaf's opening.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests replace values")]
    fn opening(&self, witness: &ContributionWitness) -> Vec<Fr> {
        opening_values(&witness.leaf)
    }

    /// The leaf's opening, with what a test replaces.
    #[cfg(test)]
    fn opening(&self, witness: &ContributionWitness) -> Vec<Fr> {
        let mut values = opening_values(&witness.leaf);
        self.altered_opening.iter().for_each(|(place, value)| values[*place] = *value);
        values
    }

    /// The window opened.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests replace values")]
    fn window(&self, witness: &ContributionWitness, window: u32) -> WindowValues {
        WindowValues::of(witness, window)
    }

    /// The window opened, with what a test invents.
    #[cfg(test)]
    fn window(&self, witness: &ContributionWitness, window: u32) -> WindowValues {
        let values = WindowValues::of(witness, window);
        match self.invented_window {
            Some(dosage) => values.invented(dosage),
            None => values,
        }
    }

    /// The record's value of every subject that clauses, axes and moments name, in that order; those that are unused
    /// look at attribute 0.
    fn subjects(&self) -> Option<Vec<Fr>> {
        let (terms, _, witness) = self.assignment.as_ref()?;
        let record = witness.opened(terms);
        let value = |subject| record.value(subject).unwrap_or(missing_code(subject)).into();
        let padded = |subjects: Vec<Subject>, count: usize| {
            subjects.into_iter().chain(std::iter::repeat(Subject::Attribute(0))).take(count).map(value)
        };
        let public = terms.eligibility.criteria.groups.iter().flatten().map(|clause| MatchClause::from(*clause));
        let clauses = public.chain(terms.matching.groups.iter().flatten().copied()).map(|clause| clause.subject);
        let axes = terms.layout.axes.iter().map(|axis| axis.subject()).collect();
        let moments = match &terms.layout.statistic {
            Statistic::Moments { attributes } => {
                attributes.iter().map(|moment| Subject::Attribute(moment.attribute)).collect()
            }
            _ => vec![],
        };
        let clauses = padded(clauses.collect(), MATCH_CLAUSES_MAX);
        Some(clauses.chain(padded(axes, AXES_MAX)).chain(padded(moments, MOMENT_ATTRIBUTES_MAX)).collect())
    }
}

/// How often each table entry is looked up.
struct Multiplicities {
    ternary: Vec<FpVar<Fr>>,
    errors: Vec<FpVar<Fr>>,
    bytes: Vec<FpVar<Fr>>,
    subjects: Vec<FpVar<Fr>>,
}

impl Multiplicities {
    fn commit(committer: &mut Committer<'_>) -> Result<Self, SynthesisError> {
        let [ternary, errors, bytes] = {
            let looked_up = &committer.looked_up;
            [looked_up.ternary.clone(), looked_up.errors.clone(), looked_up.bytes.clone()]
        };
        Ok(Self {
            ternary: commit_multiplicities(committer, &ternary, TERNARY_TABLE)?,
            errors: commit_multiplicities(committer, &errors, ERROR_TABLE)?,
            bytes: commit_multiplicities(committer, &bytes, BYTE_TABLE)?,
            subjects: commit_subject_multiplicities(committer, SUBJECTS)?,
        })
    }
}
