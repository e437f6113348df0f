//! The public inputs: those that the terms fix, folded once for each part, and those of one proof.

use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

use super::{
    statement::{ContributionTerms, Opening},
    transcript::Challenges,
};
use crate::{
    criteria::{MATCH_CLAUSES_MAX, MatchClause},
    eligibility::{
        EligibilityInstance,
        opening::{
            Allocator, LEAF_TERMS_INPUTS, LeafInstance, LeafTerms, bits_of, leaf_instance_inputs, leaf_terms_inputs,
        },
    },
    layout::{
        AXES_MAX, Axis, CUTS_MAX, GENOTYPE_BLOCK, MOMENT_ATTRIBUTES_MAX, Moment, Statistic, Subject, WINDOW_BLOCKS,
    },
    record::{ATTRIBUTES, Dosage, GENOTYPE_DEPTH, MISSING, WINDOW_VARIANTS},
};

/// Subjects of a record: its attributes, then the dosages of the opened window.
pub(super) const SUBJECTS: usize = ATTRIBUTES + WINDOW_VARIANTS;

const CLAUSE_INPUTS: usize = 7;
const AXIS_INPUTS: usize = 8 + CUTS_MAX;
const MOMENT_INPUTS: usize = 4;
/// Public inputs that a query and part fix.
pub(super) const TERMS_INPUTS: usize = LEAF_TERMS_INPUTS
    + MATCH_CLAUSES_MAX * CLAUSE_INPUTS
    + AXES_MAX * AXIS_INPUTS
    + MOMENT_ATTRIBUTES_MAX * MOMENT_INPUTS
    + 2
    + GENOTYPE_DEPTH
    + 2 * WINDOW_BLOCKS;
/// Public inputs of one proof: root, nullifiers, challenges, and the polynomials at the challenge.
pub(super) const INSTANCE_INPUTS: usize = 3 + 2 + 4;
/// Public inputs in all, without the constant one.
pub const PUBLIC_INPUTS: usize = TERMS_INPUTS + INSTANCE_INPUTS;

/// Key of a subject in the table of a record's values.
pub(super) fn subject_key(subject: Subject) -> u64 {
    match subject {
        Subject::Attribute(index) => index.into(),
        Subject::Dosage(variant) => ATTRIBUTES as u64 + u64::from(variant),
    }
}

/// The value that stands for a missing one.
pub(super) fn missing_code(subject: Subject) -> u32 {
    match subject {
        Subject::Attribute(_) => MISSING,
        Subject::Dosage(_) => Dosage::Missing as u32,
    }
}

/// Who a group's end concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GroupEnd {
    Within,
    Public,
    Match,
}

/// The public inputs that the terms fix, in the order in which [`TermsInputs`] allocates.
pub(super) fn terms_inputs(terms: &ContributionTerms) -> Vec<Fr> {
    let mut inputs = leaf_terms_inputs(&terms.eligibility);
    let public = terms.eligibility.criteria.groups.iter().map(|group| {
        let clauses: Vec<MatchClause> = group.iter().copied().map(MatchClause::from).collect();
        (clauses, GroupEnd::Public)
    });
    let matching = terms.matching.groups.iter().map(|group| (group.clone(), GroupEnd::Match));
    let clauses = public.chain(matching).flat_map(|(group, end)| {
        let last = group.len().saturating_sub(1);
        group
            .into_iter()
            .enumerate()
            .map(move |(place, clause)| (clause, if place == last { end } else { GroupEnd::Within }))
    });
    let unused = MatchClause { subject: Subject::Attribute(0), lo: 0, hi: 0, negated: false };
    for (clause, end) in clauses.chain(std::iter::repeat((unused, GroupEnd::Within))).take(MATCH_CLAUSES_MAX) {
        inputs.extend([
            subject_key(clause.subject).into(),
            missing_code(clause.subject).into(),
            clause.lo.into(),
            clause.hi.into(),
            clause.negated.into(),
            Fr::from(end == GroupEnd::Public),
            Fr::from(end == GroupEnd::Match),
        ]);
    }
    let layout = &terms.layout;
    let strides = layout.strides();
    for place in 0..AXES_MAX {
        inputs.extend(axis_inputs(layout.axes.get(place), strides.get(place).copied().unwrap_or_default()));
    }
    let moments = match &layout.statistic {
        Statistic::Moments { attributes } => attributes.as_slice(),
        _ => &[],
    };
    for place in 0..MOMENT_ATTRIBUTES_MAX {
        let active = moments.get(place);
        let Moment { attribute, lo, hi } = active.copied().unwrap_or(Moment { attribute: 0, lo: 0, hi: 0 });
        inputs.extend([Fr::from(active.is_some()), attribute.into(), lo.into(), hi.into()]);
    }
    inputs.push(Fr::from(matches!(layout.statistic, Statistic::Count | Statistic::Moments { .. })));
    inputs.push(Fr::from(matches!(layout.statistic, Statistic::Funnel { .. })));
    inputs.extend(bits_of(layout.window, GENOTYPE_DEPTH));
    let blocks = match layout.statistic {
        Statistic::Genotypes { first, length } => {
            let first = usize::from(first) / GENOTYPE_BLOCK;
            first..first + usize::from(length) / GENOTYPE_BLOCK
        }
        _ => 0..0,
    };
    for block in 0..WINDOW_BLOCKS {
        inputs.extend([Fr::from(!blocks.is_empty() && block == blocks.start), Fr::from(blocks.contains(&block))]);
    }
    inputs
}

/// An unused axis looks at attribute 0, asks nothing of it and moves nothing.
fn axis_inputs(axis: Option<&Axis>, stride: u32) -> Vec<Fr> {
    let subject = axis.map_or(Subject::Attribute(0), Axis::subject);
    let (is_bins, lo, width, hi) = match axis {
        Some(Axis::Bins { lo, width, count, .. }) => (true, *lo, *width, lo + width * u32::from(*count) - 1),
        _ => (false, 0, 1, 0),
    };
    let mut inputs = vec![
        Fr::from(axis.is_some()),
        subject_key(subject).into(),
        missing_code(subject).into(),
        Fr::from(is_bins),
        lo.into(),
        width.into(),
        hi.into(),
        stride.into(),
    ];
    let cuts = axis.map_or(&[][..], Axis::cuts).iter().copied().chain(std::iter::repeat(MISSING));
    inputs.extend(cuts.take(CUTS_MAX).map(Fr::from));
    inputs
}

/// The public inputs of one proof, in order; `a` and `b` are the committee key's polynomials at the challenge.
pub(super) fn instance_inputs(
    instance: &EligibilityInstance,
    challenges: &Challenges,
    [a, b]: [Fr; 2],
    opening: &Opening,
) -> [Fr; INSTANCE_INPUTS] {
    let [root, nullifier, scope] = leaf_instance_inputs(instance);
    let Challenges { gamma, alpha } = *challenges;
    [root, nullifier, scope, gamma, alpha, a, b, opening.c0.element(), opening.c1.element()]
}

/// One clause as public inputs.
pub(super) struct ClauseInputs {
    pub(super) key: FpVar<Fr>,
    pub(super) missing: FpVar<Fr>,
    pub(super) lo: FpVar<Fr>,
    pub(super) hi: FpVar<Fr>,
    pub(super) negated: FpVar<Fr>,
    pub(super) ends_public_group: FpVar<Fr>,
    pub(super) ends_match_group: FpVar<Fr>,
}

impl ClauseInputs {
    fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            key: next.one()?,
            missing: next.one()?,
            lo: next.one()?,
            hi: next.one()?,
            negated: next.one()?,
            ends_public_group: next.one()?,
            ends_match_group: next.one()?,
        })
    }
}

/// One grouping axis as public inputs.
pub(super) struct AxisInputs {
    pub(super) active: FpVar<Fr>,
    pub(super) key: FpVar<Fr>,
    pub(super) missing: FpVar<Fr>,
    pub(super) is_bins: FpVar<Fr>,
    pub(super) lo: FpVar<Fr>,
    pub(super) width: FpVar<Fr>,
    pub(super) hi: FpVar<Fr>,
    pub(super) stride: FpVar<Fr>,
    pub(super) cuts: Vec<FpVar<Fr>>,
}

impl AxisInputs {
    fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            active: next.one()?,
            key: next.one()?,
            missing: next.one()?,
            is_bins: next.one()?,
            lo: next.one()?,
            width: next.one()?,
            hi: next.one()?,
            stride: next.one()?,
            cuts: next.many(CUTS_MAX)?,
        })
    }
}

/// One attribute of the moments as public inputs.
pub(super) struct MomentInputs {
    pub(super) active: FpVar<Fr>,
    pub(super) key: FpVar<Fr>,
    pub(super) lo: FpVar<Fr>,
    pub(super) hi: FpVar<Fr>,
}

impl MomentInputs {
    fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self { active: next.one()?, key: next.one()?, lo: next.one()?, hi: next.one()? })
    }
}

/// A block of variants: whether it is the first measured, and whether it is measured.
pub(super) struct BlockInputs {
    pub(super) is_first: FpVar<Fr>,
    pub(super) measured: FpVar<Fr>,
}

/// The public inputs that the terms fix.
pub(super) struct TermsInputs {
    pub(super) leaf: LeafTerms,
    pub(super) clauses: Vec<ClauseInputs>,
    pub(super) axes: Vec<AxisInputs>,
    pub(super) moments: Vec<MomentInputs>,
    /// Whether slot 0 of the cell counts the record.
    pub(super) counts: FpVar<Fr>,
    pub(super) funnel: FpVar<Fr>,
    pub(super) window: Vec<FpVar<Fr>>,
    pub(super) blocks: Vec<BlockInputs>,
}

impl TermsInputs {
    /// Fields are allocated in the order they are written here.
    pub(super) fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            leaf: LeafTerms::allocate(next)?,
            clauses: (0..MATCH_CLAUSES_MAX).map(|_| ClauseInputs::allocate(next)).collect::<Result<_, _>>()?,
            axes: (0..AXES_MAX).map(|_| AxisInputs::allocate(next)).collect::<Result<_, _>>()?,
            moments: (0..MOMENT_ATTRIBUTES_MAX).map(|_| MomentInputs::allocate(next)).collect::<Result<_, _>>()?,
            counts: next.one()?,
            funnel: next.one()?,
            window: next.many(GENOTYPE_DEPTH)?,
            blocks: (0..WINDOW_BLOCKS)
                .map(|_| Ok::<_, SynthesisError>(BlockInputs { is_first: next.one()?, measured: next.one()? }))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The public inputs of one proof.
pub(super) struct ProofInputs {
    pub(super) leaf: LeafInstance,
    pub(super) gamma: FpVar<Fr>,
    pub(super) alpha: FpVar<Fr>,
    pub(super) a: FpVar<Fr>,
    pub(super) b: FpVar<Fr>,
    pub(super) c0: FpVar<Fr>,
    pub(super) c1: FpVar<Fr>,
}

impl ProofInputs {
    pub(super) fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            leaf: LeafInstance::allocate(next)?,
            gamma: next.one()?,
            alpha: next.one()?,
            a: next.one()?,
            b: next.one()?,
            c0: next.one()?,
            c1: next.one()?,
        })
    }
}
