//! Wires that must be bits, and the power of `γ` that the bits of a slot select.
//!
//! In each test all constraints but those of one paragraph hold, with an encryption of what the forged wires imply.

use super::*;

/// `2^24 − 1`: a slot that decrypts as −1.
const MINUS_ONE: u32 = (1 << 24) - 1;

/// The quotients where a slot's plaintext is −1 and not 2^24 − 1: less by one at that place, as `Δ·2^24 = q`.
pub(super) fn quotient_of_minus_one(statement: &Sound, slot: usize) -> (usize, Fr) {
    let [k0, _] = statement.witness.quotients.by_modulus();
    (RANDOMNESS + 3 * RING_DEGREE + slot, Fr::from(k0[slot] - 1))
}

#[test]
fn a_dosage_of_two_low_bits_is_refused_by_its_bits_alone() {
    // Variant 2 is homozygous, in bits 0 and 1. As 2 and 0 it is the same dosage and counts as two heterozygous ones.
    let honest = sound(Layout::genotypes(0, 0, 32), MatchCriteria::default());
    let mut slots = plaintext(&honest).slots().to_vec();
    assert_eq!(slots[6..9], [0, 1, 1]);
    slots[6..9].copy_from_slice(&[2, 0, 1]);
    let poisoned = poisoned(honest, slots);
    let forged = [(uncommitted(LOW_BITS + 2), Fr::from(2u64)), (uncommitted(HIGH_BITS + 2), Fr::zero())];
    assert_eq!(failing_paragraphs(&replaced(poisoned.assigned([]), forged)), only("bits"));
}

#[test]
fn a_side_that_is_no_bit_would_let_any_leaf_into_the_tree_and_is_refused_by_its_bits_alone() {
    let registered = rich();
    let mut attributes = *registered.witness.leaf.attributes.values();
    attributes[20] = 3;
    let mut stranger = sound_under(&Attributes::new(attributes), registered.terms.clone());
    stranger.instance.root = registered.instance.root;
    assert_eq!(stranger.native(), Err(Error::Refuted { clause: Clause::Membership }));
    assert_eq!(stranger.failing(), only("membership"));
    // The registered leaf L and its sibling R have a parent under the root. With the stranger's leaf c, the sibling
    // d = L + R − c and the side (L − c)/(d − c), the children are L and R.
    let [left, child] = [&registered, &stranger].map(|statement| statement.witness.leaf.leaf().element());
    let right = registered.witness.leaf.path.siblings()[0];
    let sibling = left + right - child;
    let side = (left - child) / (sibling - child);
    let forged = [(uncommitted(SIDES), side), (uncommitted(SIBLINGS), sibling)];
    assert_eq!(failing_paragraphs(&replaced(stranger.assigned([]), forged)), only("bits"));
}

fn thresholds() -> Sound {
    let axes = vec![Axis::Thresholds { attribute: 0, cuts: vec![30, 40, 50] }];
    let statement = sound(Layout { window: 0, axes, statistic: Statistic::Count }, MatchCriteria::default());
    assert_eq!(plaintext(&statement).slots(), [0, 0, 1]);
    statement
}

#[test]
fn verdicts_of_comparisons_that_are_no_bits_are_refused_by_the_cell_alone() {
    // 44 reaches two cuts of 30, 40 and 50. Verdicts of 1 + (44 − cut − digits)/2^32 for digits of 12, 0 and 0 add up to
    // three.
    let poisoned = poisoned(thresholds(), vec![0, 0, 0, 1]);
    let digits = [12u64, 0, 0];
    let choices = digits.iter().enumerate().flat_map(|(cut, digit)| {
        let digits = [*digit, 0, 0, 0].map(Fr::from);
        (0..).zip(digits).map(move |(place, digit)| (CUTS + cut * COMPARISON + 1 + place, digit))
    });
    let verdicts = [30i64, 40, 50]
        .iter()
        .zip(digits)
        .map(|(cut, digits)| Fr::one() + Fr::from(44 - cut - digits as i64) / Fr::from(1u64 << 32));
    let verdicts = bits_of_paragraph("cell").into_iter().zip(verdicts);
    // The lowest bit of slot 3.
    let slot = (bits_of_paragraph("plaintext")[0], Fr::one());
    let assignment = replaced(poisoned.assigned(choices), verdicts.chain([slot]));
    assert_eq!(failing_paragraphs(&assignment), only("cell"));
}

#[test]
fn another_power_than_the_cells_first_slot_is_refused_by_the_plaintext_alone() {
    // The record's slot is 2, in bits 0, 1, 0…; with the lowest bit set it is 3.
    let bits = bits_of_paragraph("plaintext");
    assert_eq!(bits.len(), 12, "those of the slot");
    let poisoned = poisoned(thresholds(), vec![0, 0, 0, 1]);
    let assignment = replaced(poisoned.assigned([]), [(bits[0], Fr::one())]);
    assert_eq!(failing_paragraphs(&assignment), only("plaintext"));
}

#[test]
fn bits_of_the_slot_that_are_none_are_refused_by_the_plaintext_alone() {
    // As bits 2, 0, 0… slot 2 selects 1 + 2·(γ − 1) = −1 + 2γ.
    let bits = bits_of_paragraph("plaintext");
    let poisoned = poisoned(thresholds(), vec![MINUS_ONE, 2]);
    let choice = quotient_of_minus_one(&poisoned, 0);
    let assignment = replaced(poisoned.assigned([choice]), [(bits[0], Fr::from(2u64)), (bits[1], Fr::zero())]);
    assert_eq!(failing_paragraphs(&assignment), only("plaintext"));
}
