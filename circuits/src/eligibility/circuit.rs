//! The eligibility statement as constraints, a titled paragraph for each clause.

use ark_bn254::Fr;
use ark_ff::{One, Zero};
use ark_r1cs_std::{
    alloc::{AllocVar, AllocationMode},
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

use super::statement::{EligibilityInstance, EligibilityTerms, EligibilityWitness, ISSUERS_MAX};
use crate::{
    consent::{ConsentFlags, FLAG_BITS, MASK_BITS},
    criteria::{CLAUSES_MAX, Clause},
    domain::FieldTag,
    merkle::{TREE_DEPTH, root_var},
    nullifier::{measure_element, query_element},
    poseidon::hash_var,
    record::{ATTRIBUTES, ATTRIBUTES_PER_ELEMENT, MISSING, issuer_element, schema_element},
};

/// Bits of an attribute's index.
const INDEX_BITS: usize = 5;
const _: () = assert!(1 << INDEX_BITS == ATTRIBUTES);

/// Public inputs that a query and part fix: see [`terms_inputs`].
const TERMS_INPUTS: usize = 8 + ISSUERS_MAX + CLAUSES_MAX * (INDEX_BITS + 4) + 2 * MASK_BITS + FLAG_BITS + 5;
/// Public inputs of one proof: root, nullifier, scope nullifier, binding.
pub(super) const INSTANCE_INPUTS: usize = 4;
/// Public inputs in all, without the constant one.
pub const PUBLIC_INPUTS: usize = TERMS_INPUTS + INSTANCE_INPUTS;

/// Constraints by paragraph, pinned: a change of the circuit shows here, and changes every key.
pub const CONSTRAINTS: [(&str, usize); 10] = [
    ("record opening", 939),
    ("consent opening", 456),
    ("membership", 8_607),
    ("nullifiers", 590),
    ("schema", 1),
    ("issuer", 9),
    ("registration epoch", 33),
    ("criteria", 2_767),
    ("consent", 315),
    ("binding", 1),
];

/// The public inputs that the terms fix, in order.
pub(super) fn terms_inputs(terms: &EligibilityTerms) -> Vec<Fr> {
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

    let unused = (Clause { attribute: 0, lo: 0, hi: 0, negated: false }, false);
    let clauses = terms
        .criteria
        .groups
        .iter()
        .flat_map(|group| group.iter().enumerate().map(|(index, clause)| (*clause, index + 1 == group.len())));
    for (clause, ends_group) in clauses.chain(std::iter::repeat(unused)).take(CLAUSES_MAX) {
        inputs.extend(bits_of(clause.attribute.into(), INDEX_BITS));
        inputs.extend([clause.lo.into(), clause.hi.into(), clause.negated.into(), Fr::from(ends_group)]);
    }

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

/// The public inputs of one proof, in order.
pub(super) fn instance_inputs(instance: &EligibilityInstance) -> [Fr; INSTANCE_INPUTS] {
    [
        instance.root.element(),
        instance.nullifier.element(),
        instance.scope_nullifier.element(),
        crate::domain::bytes_to_field(instance.binding.as_bytes()),
    ]
}

fn bits_of(value: u32, count: usize) -> impl Iterator<Item = Fr> {
    (0..count).map(move |bit| Fr::from(value >> bit & 1))
}

/// The circuit: without an assignment for set-up, with one for proving.
#[derive(Clone, Copy)]
pub(super) struct EligibilityCircuit<'a> {
    pub(super) assignment: Option<(&'a EligibilityTerms, &'a EligibilityInstance, &'a EligibilityWitness)>,
}

/// One clause of the criteria as public inputs.
struct ClauseInputs {
    index: Vec<FpVar<Fr>>,
    lo: FpVar<Fr>,
    hi: FpVar<Fr>,
    negated: FpVar<Fr>,
    ends_group: FpVar<Fr>,
}

/// The public inputs as variables, in the order of [`terms_inputs`] and [`instance_inputs`].
struct PublicInputs {
    query: FpVar<Fr>,
    part: FpVar<Fr>,
    schema: FpVar<Fr>,
    registered_before: FpVar<Fr>,
    exact: FpVar<Fr>,
    period: FpVar<Fr>,
    measure: FpVar<Fr>,
    any_issuer: FpVar<Fr>,
    issuers: Vec<FpVar<Fr>>,
    clauses: Vec<ClauseInputs>,
    purposes: Vec<FpVar<Fr>>,
    regions: Vec<FpVar<Fr>>,
    flags: Vec<FpVar<Fr>>,
    disease: FpVar<Fr>,
    closing: FpVar<Fr>,
    price: FpVar<Fr>,
    epsilon: FpVar<Fr>,
    cohort: FpVar<Fr>,
    root: FpVar<Fr>,
    nullifier: FpVar<Fr>,
    scope_nullifier: FpVar<Fr>,
    binding: FpVar<Fr>,
}

/// Hands out variables of one kind in a fixed order, with values while proving and without in set-up.
struct Allocator<'a> {
    system: &'a ConstraintSystemRef<Fr>,
    mode: AllocationMode,
    values: Option<std::vec::IntoIter<Fr>>,
}

impl<'a> Allocator<'a> {
    fn new(system: &'a ConstraintSystemRef<Fr>, mode: AllocationMode, values: Option<Vec<Fr>>) -> Self {
        Self { system, mode, values: values.map(Vec::into_iter) }
    }

    fn value(&mut self) -> Result<Fr, SynthesisError> {
        self.values.as_mut().and_then(Iterator::next).ok_or(SynthesisError::AssignmentMissing)
    }

    fn one(&mut self) -> Result<FpVar<Fr>, SynthesisError> {
        let value = self.value();
        FpVar::new_variable(self.system.clone(), || value, self.mode)
    }

    fn many(&mut self, count: usize) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
        (0..count).map(|_| self.one()).collect()
    }

    fn bits(&mut self, count: usize) -> Result<Vec<Boolean<Fr>>, SynthesisError> {
        let bit = |_| {
            let value = self.value().map(|value| value.is_one());
            Boolean::new_variable(self.system.clone(), || value, self.mode)
        };
        (0..count).map(bit).collect()
    }
}

impl PublicInputs {
    /// Fields are allocated in the order they are written here.
    fn allocate(mut next: Allocator<'_>) -> Result<Self, SynthesisError> {
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
            clauses: (0..CLAUSES_MAX).map(|_| ClauseInputs::allocate(&mut next)).collect::<Result<_, _>>()?,
            purposes: next.many(MASK_BITS)?,
            regions: next.many(MASK_BITS)?,
            flags: next.many(FLAG_BITS)?,
            disease: next.one()?,
            closing: next.one()?,
            price: next.one()?,
            epsilon: next.one()?,
            cohort: next.one()?,
            root: next.one()?,
            nullifier: next.one()?,
            scope_nullifier: next.one()?,
            binding: next.one()?,
        })
    }
}

impl ClauseInputs {
    fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            index: next.many(INDEX_BITS)?,
            lo: next.one()?,
            hi: next.one()?,
            negated: next.one()?,
            ends_group: next.one()?,
        })
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

/// The witness as variables, in the order of [`witness_values`].
struct WitnessVars {
    schema: FpVar<Fr>,
    issuer: FpVar<Fr>,
    attributes: Vec<FpVar<Fr>>,
    genotypes: FpVar<Fr>,
    nullifier_key: FpVar<Fr>,
    consent: ConsentVars,
    registration_epoch: FpVar<Fr>,
    sides: Vec<Boolean<Fr>>,
    siblings: Vec<FpVar<Fr>>,
}

fn witness_values(witness: &EligibilityWitness) -> Vec<Fr> {
    let mut values = vec![schema_element(&witness.schema), issuer_element(&witness.issuer)];
    values.extend(witness.attributes.values().map(Fr::from));
    values.extend([witness.genotypes.element(), witness.nullifier_key.element()]);
    values.extend(witness.consent.elements());
    values.push(Fr::from(witness.registration_epoch));
    values.extend(witness.path.sides().map(Fr::from));
    values.extend(witness.path.siblings());
    values
}

impl WitnessVars {
    fn allocate(mut next: Allocator<'_>) -> Result<Self, SynthesisError> {
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
}

impl ConstraintSynthesizer<Fr> for EligibilityCircuit<'_> {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        self.synthesize(&system).map(drop)
    }
}

impl EligibilityCircuit<'_> {
    /// Adds every constraint and returns how many there are after each paragraph.
    pub(super) fn synthesize(self, system: &ConstraintSystemRef<Fr>) -> Result<Vec<usize>, SynthesisError> {
        let inputs = self
            .assignment
            .map(|(terms, instance, _)| terms_inputs(terms).into_iter().chain(instance_inputs(instance)).collect());
        let witness = self.assignment.map(|(_, _, witness)| witness_values(witness));
        let public = PublicInputs::allocate(Allocator::new(system, AllocationMode::Input, inputs))?;
        let secret = WitnessVars::allocate(Allocator::new(system, AllocationMode::Witness, witness))?;
        let mut counts = vec![system.num_constraints()];
        let mut paragraph_ends = || counts.push(system.num_constraints());

        // Record opening: body = H(BODY, schema, issuer, H(attributes), genotype root, H(NK, nk)).
        let body = body_var(&secret)?;
        paragraph_ends();

        // Consent opening: consent = H(CONSENT, salt, …).
        let consent = consent_var(&secret.consent)?;
        paragraph_ends();

        // Membership: H(LEAF, body, issuer, consent, registration epoch) lies under the root.
        let opening = [body, secret.issuer.clone(), consent, secret.registration_epoch.clone()];
        let leaf = hash_var(FieldTag::Leaf, &opening)?;
        root_var(leaf, &secret.sides, &secret.siblings)?.enforce_equal(&public.root)?;
        paragraph_ends();

        // Nullifiers: H(NULL, nk, query, part), and H(NULL-EXACT, nk, period, measure) times the exact bit.
        let key = &secret.nullifier_key;
        hash_var(FieldTag::Nullifier, &[key.clone(), public.query, public.part])?.enforce_equal(&public.nullifier)?;
        let scope = hash_var(FieldTag::ScopeNullifier, &[key.clone(), public.period, public.measure])?;
        scope.mul_equals(&public.exact, &public.scope_nullifier)?;
        paragraph_ends();

        // Schema: the record is of the query's schema.
        secret.schema.enforce_equal(&public.schema)?;
        paragraph_ends();

        // Issuer: any, or Π (issuer − allowedᵢ) = 0.
        let any = FpVar::one() - &public.any_issuer;
        let product = public
            .issuers
            .iter()
            .try_fold(any, |product, issuer| Ok::<_, SynthesisError>(product * (&secret.issuer - issuer)))?;
        product.enforce_equal(&FpVar::zero())?;
        paragraph_ends();

        // Registration epoch: before the bound.
        enforce_non_negative(&(&public.registered_before - &secret.registration_epoch - FpVar::one()), 32)?;
        paragraph_ends();

        // Criteria: the conjunctive normal form over range-checked attributes holds.
        enforce_criteria(&secret.attributes, &public.clauses)?;
        paragraph_ends();

        // Consent: purposes, regions and flags contain what is demanded; disease, expiry, price, ε and cohort suit.
        let consent = &secret.consent;
        enforce_contains(&consent.purposes, &public.purposes)?;
        enforce_contains(&consent.regions, &public.regions)?;
        let flags = enforce_contains(&consent.flags, &public.flags)?;
        let only_this_disease = flags.get(ONLY_THIS_DISEASE_BIT).ok_or(SynthesisError::AssignmentMissing)?;
        FpVar::from(only_this_disease.clone()).mul_equals(&(&consent.disease - &public.disease), &FpVar::zero())?;
        enforce_non_negative(&(&consent.expiry - &public.closing), 32)?;
        enforce_non_negative(&(&public.price - &consent.price_min), 64)?;
        enforce_non_negative(&(&consent.epsilon_max - &public.epsilon), 32)?;
        enforce_non_negative(&(&public.cohort - &consent.cohort_min), 32)?;
        paragraph_ends();

        // Binding: squared, so that no proof fits another binding.
        let _ = public.binding.square()?;
        paragraph_ends();
        Ok(counts)
    }
}

/// Index of [`crate::consent::ConsentFlags::ONLY_THIS_DISEASE`] in the flags.
const ONLY_THIS_DISEASE_BIT: usize = ConsentFlags::ONLY_THIS_DISEASE.0.trailing_zeros() as usize;

/// The constraint form of `record::body_commitment`. Attributes are range-checked with the criteria.
fn body_var(secret: &WitnessVars) -> Result<FpVar<Fr>, SynthesisError> {
    let shift = Fr::from(1u64 << 32);
    let packed: Vec<_> = secret
        .attributes
        .chunks(ATTRIBUTES_PER_ELEMENT)
        .map(|chunk| chunk.iter().rev().fold(FpVar::zero(), |sum, value| sum * shift + value))
        .collect();
    let attributes = hash_var(FieldTag::Attributes, &packed)?;
    let key = hash_var(FieldTag::NullifierKey, std::slice::from_ref(&secret.nullifier_key))?;
    let inputs = [secret.schema.clone(), secret.issuer.clone(), attributes, secret.genotypes.clone(), key];
    hash_var(FieldTag::Body, &inputs)
}

/// The constraint form of `ConsentTerms::commitment`.
fn consent_var(consent: &ConsentVars) -> Result<FpVar<Fr>, SynthesisError> {
    let ConsentVars { salt, purposes, disease, regions, expiry, price_min, epsilon_max, cohort_min, flags } = consent;
    let fields = [salt, purposes, disease, regions, expiry, price_min, epsilon_max, cohort_min, flags];
    hash_var(FieldTag::Consent, &fields.map(Clone::clone))
}

/// `0 ≤ value < 2^bits`.
fn enforce_non_negative(value: &FpVar<Fr>, bits: usize) -> Result<(), SynthesisError> {
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

/// Each attribute fits 32 bits; every group that ends has a clause that holds. Clauses after the last group's end are
/// unused and bind nothing.
fn enforce_criteria(attributes: &[FpVar<Fr>], clauses: &[ClauseInputs]) -> Result<(), SynthesisError> {
    for attribute in attributes {
        enforce_non_negative(attribute, 32)?;
    }
    let one = FpVar::one();
    let mut group_holds = FpVar::zero();
    for clause in clauses {
        let holds = clause_holds(attributes, clause)?;
        group_holds = &group_holds + &holds - &group_holds * &holds;
        clause.ends_group.mul_equals(&(&one - &group_holds), &FpVar::zero())?;
        group_holds *= &one - &clause.ends_group;
    }
    Ok(())
}

/// The constraint form of `criteria::Clause::holds`: one or zero.
fn clause_holds(attributes: &[FpVar<Fr>], clause: &ClauseInputs) -> Result<FpVar<Fr>, SynthesisError> {
    let value = select(attributes, &clause.index)?;
    let inside = at_least(&value, &clause.lo)? * at_least(&clause.hi, &value)?;
    let differs = &inside + &clause.negated - (&inside * &clause.negated).double()?;
    let missing = FpVar::from(value.is_eq(&FpVar::constant(Fr::from(MISSING)))?);
    Ok(differs * (FpVar::one() - missing))
}

/// The attribute at an index given in bits, the lowest first: 31 products.
fn select(attributes: &[FpVar<Fr>], index: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    let selected = index.iter().fold(attributes.to_vec(), |values, bit| {
        let pair = |pair: &[FpVar<Fr>]| match pair {
            [low, high] => low + bit * (high - low),
            rest => rest.iter().cloned().sum(),
        };
        values.chunks(2).map(pair).collect()
    });
    selected.into_iter().next().ok_or(SynthesisError::AssignmentMissing)
}

/// One if `left ≥ right`, else zero, for values of 32 bits: bit 32 of `left − right + 2^32`.
fn at_least(left: &FpVar<Fr>, right: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let shifted = left - right + FpVar::constant(Fr::from(1u64 << 32));
    let (bits, _) = shifted.to_bits_le_with_top_bits_zero(33)?;
    bits.into_iter().last().map(FpVar::from).ok_or(SynthesisError::AssignmentMissing)
}
