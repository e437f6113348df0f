//! The opened window: its dosages lie under the genotype root, and their counts fill slots.

use ark_bn254::Fr;
use ark_ff::{One, Zero};
use ark_r1cs_std::{
    alloc::{AllocVar, AllocationMode},
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{inputs::BlockInputs, statement::ContributionWitness};
use crate::{
    domain::FieldTag,
    eligibility::opening::Allocator,
    layout::GENOTYPE_BLOCK,
    poseidon::hash_var,
    record::{DOSAGES_PER_ELEMENT, Dosage, GENOTYPE_DEPTH, WINDOW_VARIANTS},
};

/// The window as wires: two bits to a dosage.
pub(super) struct WindowVars {
    low: Vec<FpVar<Fr>>,
    high: Vec<FpVar<Fr>>,
    /// Whether the record has the window; without it every dosage is missing and its leaf is zero.
    present: FpVar<Fr>,
    siblings: Vec<FpVar<Fr>>,
}

/// What the window's wires are assigned.
pub(super) struct WindowValues {
    dosages: Vec<Dosage>,
    present: bool,
    siblings: [Fr; GENOTYPE_DEPTH],
}

impl WindowValues {
    pub(super) fn of(witness: &ContributionWitness, window: u32) -> Self {
        let opened = witness.genotypes.windows().get(window as usize);
        let dosages = opened.map_or_else(|| vec![Dosage::Missing; WINDOW_VARIANTS], |window| window.dosages().to_vec());
        Self { dosages, present: opened.is_some(), siblings: witness.window_siblings }
    }

    /// One dosage everywhere, of a window that still is absent.
    #[cfg(test)]
    pub(super) fn invented(self, dosage: Dosage) -> Self {
        Self { dosages: vec![dosage; WINDOW_VARIANTS], ..self }
    }
}

impl WindowVars {
    pub(super) fn allocate(
        system: &ConstraintSystemRef<Fr>,
        values: Option<WindowValues>,
    ) -> Result<Self, SynthesisError> {
        let bits = |bit: u8| {
            let values = values
                .as_ref()
                .map(|values| values.dosages.iter().map(|dosage| Fr::from(*dosage as u8 >> bit & 1)).collect());
            let bits = Allocator::new(system, AllocationMode::Witness, values).bits(WINDOW_VARIANTS)?;
            Ok::<_, SynthesisError>(bits.into_iter().map(FpVar::from).collect())
        };
        let (low, high) = (bits(0)?, bits(1)?);
        let present = values.as_ref().map(|values| values.present).ok_or(SynthesisError::AssignmentMissing);
        let present = Boolean::new_witness(system.clone(), || present).map(FpVar::from)?;
        let siblings = values.map(|values| values.siblings.to_vec());
        let siblings = Allocator::new(system, AllocationMode::Witness, siblings).many(GENOTYPE_DEPTH)?;
        Ok(Self { low, high, present, siblings })
    }

    /// The dosages, 0 to 3.
    pub(super) fn dosages(&self) -> Vec<FpVar<Fr>> {
        self.low.iter().zip(&self.high).map(|(low, high)| low + high * Fr::from(2u64)).collect()
    }

    /// Window opening: the dosages hash to the leaf at the window's place, whose index is given in bits, under the
    /// genotype root; an absent window is a zero leaf and all its dosages are missing.
    pub(super) fn enforce_opening(&self, window: &[FpVar<Fr>], root: &FpVar<Fr>) -> Result<(), SynthesisError> {
        let shift = Fr::from(4u64);
        let dosages = self.dosages();
        let packed: Vec<FpVar<Fr>> = dosages
            .chunks(DOSAGES_PER_ELEMENT)
            .map(|chunk| chunk.iter().rev().fold(FpVar::zero(), |sum, dosage| sum * shift + dosage))
            .collect();
        let absent = FpVar::one() - &self.present;
        for (element, chunk) in packed.iter().zip(dosages.chunks(DOSAGES_PER_ELEMENT)) {
            let missing = chunk.iter().fold(Fr::zero(), |sum, _| sum * shift + Fr::from(Dosage::Missing as u8));
            absent.mul_equals(&(element - FpVar::constant(missing)), &FpVar::zero())?;
        }
        let leaf = hash_var(FieldTag::Window, &packed)? * &self.present;
        let top = window.iter().zip(&self.siblings).try_fold(leaf, |child, (right, sibling)| {
            let left_child = &child + right * (sibling - &child);
            let right_child = sibling + &child - &left_child;
            hash_var(FieldTag::GenotypeNode, &[left_child, right_child])
        })?;
        top.enforce_equal(root)
    }

    /// `Σ (het + hom·γ + called·γ²)·γ^(3·variant)` over the variants of the measured blocks, counted from the first.
    ///
    /// With the bits `low` and `high` and their product `both`: het = low − both, hom = high − both, called = 1 − both.
    /// Powers within a block are shared by all blocks.
    pub(super) fn evaluate(&self, blocks: &[BlockInputs], gamma: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
        let square = gamma.square()?;
        let step = &square * gamma;
        let mut powers = vec![FpVar::constant(Fr::one())];
        let mut block_step = step.clone();
        for _ in 1..GENOTYPE_BLOCK {
            powers.push(block_step.clone());
            block_step *= &step;
        }
        let all_called: FpVar<Fr> = powers.iter().sum::<FpVar<Fr>>() * &square;
        let all = FpVar::one() + gamma + &square;
        let (mut sum, mut power) = (FpVar::zero(), FpVar::zero());
        let bits = self.low.chunks(GENOTYPE_BLOCK).zip(self.high.chunks(GENOTYPE_BLOCK));
        for (block, (low, high)) in blocks.iter().zip(bits) {
            let [lows, highs, boths] = block_sums(&powers, low, high);
            let counts = lows + highs * gamma + &all_called - boths * &all;
            power = &block.measured * (power * &block_step + &block.is_first);
            sum += &power * counts;
        }
        Ok(sum)
    }
}

/// `Σ powerᵢ·lowᵢ`, `Σ powerᵢ·highᵢ` and `Σ powerᵢ·lowᵢ·highᵢ`: three products to a variant.
fn block_sums(powers: &[FpVar<Fr>], low: &[FpVar<Fr>], high: &[FpVar<Fr>]) -> [FpVar<Fr>; 3] {
    let lows: Vec<FpVar<Fr>> = low.iter().zip(powers).map(|(low, power)| low * power).collect();
    let highs = high.iter().zip(powers).map(|(high, power)| high * power);
    let boths = high.iter().zip(&lows).map(|(high, low)| high * low);
    [lows.iter().sum(), highs.sum(), boths.sum()]
}
