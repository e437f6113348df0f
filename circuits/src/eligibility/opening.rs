//! What both statements say of a registered leaf: its opening, membership, nullifiers, issuer, epoch and consent.
//!
//! Wires are allocated in one fixed order; each function is one titled paragraph of a statement.

use ark_bn254::Fr;
use ark_ff::{One, Zero};
use ark_r1cs_std::{
    alloc::{AllocVar, AllocationMode},
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::statement::{EligibilityInstance, EligibilityTerms, EligibilityWitness, ISSUERS_MAX};
use crate::{
    consent::{ConsentFlags, FLAG_BITS, MASK_BITS},
    domain::FieldTag,
    merkle::{TREE_DEPTH, root_var},
    nullifier::{measure_element, query_element},
    poseidon::hash_var,
    record::{ATTRIBUTES, ATTRIBUTES_PER_ELEMENT, issuer_element, schema_element},
};

/// Hands out variables of one kind in a fixed order, with values while proving and without in set-up.
pub(crate) struct Allocator<'a> {
    system: &'a ConstraintSystemRef<Fr>,
    mode: AllocationMode,
    values: Option<std::vec::IntoIter<Fr>>,
}

impl<'a> Allocator<'a> {
    pub(crate) fn new(system: &'a ConstraintSystemRef<Fr>, mode: AllocationMode, values: Option<Vec<Fr>>) -> Self {
        Self { system, mode, values: values.map(Vec::into_iter) }
    }

    fn value(&mut self) -> Result<Fr, SynthesisError> {
        self.values.as_mut().and_then(Iterator::next).ok_or(SynthesisError::AssignmentMissing)
    }

    pub(crate) fn one(&mut self) -> Result<FpVar<Fr>, SynthesisError> {
        let value = self.value();
        FpVar::new_variable(self.system.clone(), || value, self.mode)
    }

    pub(crate) fn many(&mut self, count: usize) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
        (0..count).map(|_| self.one()).collect()
    }

    pub(crate) fn bits(&mut self, count: usize) -> Result<Vec<Boolean<Fr>>, SynthesisError> {
        let bit = |_| {
            let value = self.value().map(|value| value.is_one());
            Boolean::new_variable(self.system.clone(), || value, self.mode)
        };
        (0..count).map(bit).collect()
    }
}

/// What the terms ask of the leaf, as public inputs.
pub(crate) struct LeafTerms {
    query: FpVar<Fr>,
    part: FpVar<Fr>,
    schema: FpVar<Fr>,
    registered_before: FpVar<Fr>,
    exact: FpVar<Fr>,
    period: FpVar<Fr>,
    measure: FpVar<Fr>,
    any_issuer: FpVar<Fr>,
    issuers: Vec<FpVar<Fr>>,
    purposes: Vec<FpVar<Fr>>,
    regions: Vec<FpVar<Fr>>,
    flags: Vec<FpVar<Fr>>,
    disease: FpVar<Fr>,
    closing: FpVar<Fr>,
    price: FpVar<Fr>,
    epsilon: FpVar<Fr>,
    cohort: FpVar<Fr>,
}

/// How many public inputs [`LeafTerms`] takes.
pub(crate) const LEAF_TERMS_INPUTS: usize = 8 + ISSUERS_MAX + 2 * MASK_BITS + FLAG_BITS + 5;

/// The values of [`LeafTerms`], in order.
pub(crate) fn leaf_terms_inputs(terms: &EligibilityTerms) -> Vec<Fr> {
    let scope = terms.exact.as_ref();
    let mut inputs = vec![
        query_element(&terms.query),
        Fr::from(terms.part),
        schema_element(&terms.schema),
        Fr::from(terms.registered_before),
        Fr::from(scope.is_some()),
        scope.map_or(Fr::zero(), |scope| Fr::from(scope.period)),
        scope.map_or(Fr::zero(), |scope| measure_element(&scope.measure)),
        Fr::from(terms.issuers.is_empty()),
    ];
    let first = terms.issuers.first().map_or(Fr::zero(), issuer_element);
    let issuers = terms.issuers.iter().map(issuer_element).chain(std::iter::repeat(first));
    inputs.extend(issuers.take(ISSUERS_MAX));

    let demand = &terms.demand;
    inputs.extend(bits_of(demand.purposes.0, MASK_BITS));
    inputs.extend(bits_of(demand.regions.0, MASK_BITS));
    inputs.extend(bits_of(demand.flags.0.into(), FLAG_BITS));
    inputs.extend([
        demand.disease.into(),
        demand.closing.0.into(),
        demand.price.into(),
        demand.epsilon_milli.into(),
        Fr::from(demand.cohort_min),
    ]);
    inputs
}

/// The lowest bits of a value as field elements.
pub(crate) fn bits_of(value: u32, count: usize) -> impl Iterator<Item = Fr> {
    (0..count).map(move |bit| Fr::from(value >> bit & 1))
}

impl LeafTerms {
    /// Fields are allocated in the order they are written here.
    pub(crate) fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            query: next.one()?,
            part: next.one()?,
            schema: next.one()?,
            registered_before: next.one()?,
            exact: next.one()?,
            period: next.one()?,
            measure: next.one()?,
            any_issuer: next.one()?,
            issuers: next.many(ISSUERS_MAX)?,
            purposes: next.many(MASK_BITS)?,
            regions: next.many(MASK_BITS)?,
            flags: next.many(FLAG_BITS)?,
            disease: next.one()?,
            closing: next.one()?,
            price: next.one()?,
            epsilon: next.one()?,
            cohort: next.one()?,
        })
    }
}

/// The leaf's public instance: root and nullifiers.
pub(crate) struct LeafInstance {
    root: FpVar<Fr>,
    nullifier: FpVar<Fr>,
    scope_nullifier: FpVar<Fr>,
}

/// The values of [`LeafInstance`], in order.
pub(crate) fn leaf_instance_inputs(instance: &EligibilityInstance) -> [Fr; 3] {
    [instance.root.element(), instance.nullifier.element(), instance.scope_nullifier.element()]
}

impl LeafInstance {
    pub(crate) fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self { root: next.one()?, nullifier: next.one()?, scope_nullifier: next.one()? })
    }
}

/// The consent's committed fields as variables, in the order of `ConsentTerms::elements`.
struct ConsentVars {
    salt: FpVar<Fr>,
    purposes: FpVar<Fr>,
    disease: FpVar<Fr>,
    regions: FpVar<Fr>,
    expiry: FpVar<Fr>,
    price_min: FpVar<Fr>,
    epsilon_max: FpVar<Fr>,
    cohort_min: FpVar<Fr>,
    flags: FpVar<Fr>,
}

/// The opening of a leaf, in the order of [`opening_values`].
pub(crate) struct OpeningVars {
    schema: FpVar<Fr>,
    issuer: FpVar<Fr>,
    /// Attribute values, range-checked by the statement's criteria.
    pub(crate) attributes: Vec<FpVar<Fr>>,
    /// The genotype root.
    pub(crate) genotypes: FpVar<Fr>,
    nullifier_key: FpVar<Fr>,
    consent: ConsentVars,
    registration_epoch: FpVar<Fr>,
    sides: Vec<Boolean<Fr>>,
    siblings: Vec<FpVar<Fr>>,
}

pub(crate) fn opening_values(witness: &EligibilityWitness) -> Vec<Fr> {
    let mut values = vec![schema_element(&witness.schema), issuer_element(&witness.issuer)];
    values.extend(witness.attributes.values().map(Fr::from));
    values.extend([witness.genotypes.element(), witness.nullifier_key.element()]);
    values.extend(witness.consent.elements());
    values.push(Fr::from(witness.registration_epoch));
    values.extend(witness.path.sides().map(Fr::from));
    values.extend(witness.path.siblings());
    values
}

impl OpeningVars {
    pub(crate) fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            schema: next.one()?,
            issuer: next.one()?,
            attributes: next.many(ATTRIBUTES)?,
            genotypes: next.one()?,
            nullifier_key: next.one()?,
            consent: ConsentVars {
                salt: next.one()?,
                purposes: next.one()?,
                disease: next.one()?,
                regions: next.one()?,
                expiry: next.one()?,
                price_min: next.one()?,
                epsilon_max: next.one()?,
                cohort_min: next.one()?,
                flags: next.one()?,
            },
            registration_epoch: next.one()?,
            sides: next.bits(TREE_DEPTH)?,
            siblings: next.many(TREE_DEPTH)?,
        })
    }

    /// Record opening: body = H(BODY, schema, issuer, H(attributes), genotype root, H(NK, nk)), the constraint form of
    /// `record::body_commitment`.
    pub(crate) fn body(&self) -> Result<FpVar<Fr>, SynthesisError> {
        let shift = Fr::from(1u64 << 32);
        let packed: Vec<_> = self
            .attributes
            .chunks(ATTRIBUTES_PER_ELEMENT)
            .map(|chunk| chunk.iter().rev().fold(FpVar::zero(), |sum, value| sum * shift + value))
            .collect();
        let attributes = hash_var(FieldTag::Attributes, &packed)?;
        let key = hash_var(FieldTag::NullifierKey, std::slice::from_ref(&self.nullifier_key))?;
        let inputs = [self.schema.clone(), self.issuer.clone(), attributes, self.genotypes.clone(), key];
        hash_var(FieldTag::Body, &inputs)
    }

    /// Consent opening: H(CONSENT, salt, …), the constraint form of `ConsentTerms::commitment`.
    pub(crate) fn consent(&self) -> Result<FpVar<Fr>, SynthesisError> {
        let ConsentVars { salt, purposes, disease, regions, expiry, price_min, epsilon_max, cohort_min, flags } =
            &self.consent;
        let fields = [salt, purposes, disease, regions, expiry, price_min, epsilon_max, cohort_min, flags];
        hash_var(FieldTag::Consent, &fields.map(Clone::clone))
    }

    /// Membership: H(LEAF, body, issuer, consent, registration epoch) lies under the root.
    pub(crate) fn enforce_membership(
        &self,
        body: FpVar<Fr>,
        consent: FpVar<Fr>,
        instance: &LeafInstance,
    ) -> Result<(), SynthesisError> {
        let opening = [body, self.issuer.clone(), consent, self.registration_epoch.clone()];
        let leaf = hash_var(FieldTag::Leaf, &opening)?;
        root_var(leaf, &self.sides, &self.siblings)?.enforce_equal(&instance.root)
    }

    /// Nullifiers: H(tag, nk, query, part), and H(NULL-EXACT, nk, period, measure) times the exact bit.
    pub(crate) fn enforce_nullifiers(
        &self,
        tag: FieldTag,
        terms: &LeafTerms,
        instance: &LeafInstance,
    ) -> Result<(), SynthesisError> {
        let key = &self.nullifier_key;
        hash_var(tag, &[key.clone(), terms.query.clone(), terms.part.clone()])?.enforce_equal(&instance.nullifier)?;
        let scope = [key.clone(), terms.period.clone(), terms.measure.clone()];
        hash_var(FieldTag::ScopeNullifier, &scope)?.mul_equals(&terms.exact, &instance.scope_nullifier)
    }

    /// Schema: the record is of the query's schema.
    pub(crate) fn enforce_schema(&self, terms: &LeafTerms) -> Result<(), SynthesisError> {
        self.schema.enforce_equal(&terms.schema)
    }

    /// Issuer: any, or Π (issuer − allowedᵢ) = 0.
    pub(crate) fn enforce_issuer(&self, terms: &LeafTerms) -> Result<(), SynthesisError> {
        let any = FpVar::one() - &terms.any_issuer;
        let product = terms
            .issuers
            .iter()
            .try_fold(any, |product, issuer| Ok::<_, SynthesisError>(product * (&self.issuer - issuer)))?;
        product.enforce_equal(&FpVar::zero())
    }

    /// Registration epoch: before the bound.
    pub(crate) fn enforce_registration_epoch(&self, terms: &LeafTerms) -> Result<(), SynthesisError> {
        enforce_non_negative(&(&terms.registered_before - &self.registration_epoch - FpVar::one()), 32)
    }

    /// Consent: purposes, regions and flags contain what is demanded; disease, expiry, price, ε and cohort suit.
    pub(crate) fn enforce_consent(&self, terms: &LeafTerms) -> Result<(), SynthesisError> {
        let consent = &self.consent;
        enforce_contains(&consent.purposes, &terms.purposes)?;
        enforce_contains(&consent.regions, &terms.regions)?;
        let flags = enforce_contains(&consent.flags, &terms.flags)?;
        let only_this_disease = flags.get(ONLY_THIS_DISEASE_BIT).ok_or(SynthesisError::AssignmentMissing)?;
        FpVar::from(only_this_disease.clone()).mul_equals(&(&consent.disease - &terms.disease), &FpVar::zero())?;
        enforce_non_negative(&(&consent.expiry - &terms.closing), 32)?;
        enforce_non_negative(&(&terms.price - &consent.price_min), 64)?;
        enforce_non_negative(&(&consent.epsilon_max - &terms.epsilon), 32)?;
        enforce_non_negative(&(&terms.cohort - &consent.cohort_min), 32)
    }
}

/// Index of [`ConsentFlags::ONLY_THIS_DISEASE`] in the flags.
const ONLY_THIS_DISEASE_BIT: usize = ConsentFlags::ONLY_THIS_DISEASE.0.trailing_zeros() as usize;

/// `0 ≤ value < 2^bits`.
pub(super) fn enforce_non_negative(value: &FpVar<Fr>, bits: usize) -> Result<(), SynthesisError> {
    value.to_bits_le_with_top_bits_zero(bits).map(drop)
}

/// Every demanded bit is set in the mask; returns the mask's bits.
fn enforce_contains(mask: &FpVar<Fr>, demanded: &[FpVar<Fr>]) -> Result<Vec<Boolean<Fr>>, SynthesisError> {
    let (bits, _) = mask.to_bits_le_with_top_bits_zero(demanded.len())?;
    let missing = |(bit, demanded): (&Boolean<Fr>, &FpVar<Fr>)| demanded * (FpVar::one() - FpVar::from(bit.clone()));
    let count: FpVar<Fr> = bits.iter().zip(demanded).map(missing).sum();
    count.enforce_equal(&FpVar::zero())?;
    Ok(bits)
}
