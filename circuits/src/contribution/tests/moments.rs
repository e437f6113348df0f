//! Moments of the prover's choice, with an encryption of exactly those.

use super::{bits::quotient_of_minus_one, *};

fn measured(attributes: &[u8]) -> Sound {
    let moment = |attribute: &u8| Moment { attribute: *attribute, lo: 20, hi: 60_000 };
    let statistic = Statistic::Moments { attributes: attributes.iter().map(moment).collect() };
    sound(Layout { window: 0, axes: vec![], statistic }, MatchCriteria::default())
}

/// The slots of one attribute's moments.
fn slots(x: u32) -> Vec<u32> {
    let digits = |value: u32, count| value.to_le_bytes().into_iter().take(count).map(u32::from);
    std::iter::once(1).chain(digits(x, 2)).chain(digits(x * x, 4)).collect()
}

#[test]
fn moments_of_the_provers_choice_are_refused_by_the_moments_alone() {
    // Attribute 0 is 44: x = 24 and x·x = 576.
    let honest = || measured(&[0]);
    assert_eq!(plaintext(&honest()).slots(), slots(24));
    let with = |slot: usize, digit| {
        let mut slots = slots(24);
        slots[slot] = digit;
        slots
    };
    for (poison, choice, digit) in [
        (with(1, 25), MOMENT_DIGITS, 25u64),
        (with(3, 65), MOMENT_DIGITS + 2, 65),
        // As if 44 were below 20, and as if it were above 60,000.
        (vec![1], CLIPS, 0),
        (slots(59_980), CLIPS + COMPARISON, 1),
    ] {
        let poisoned = poisoned(honest(), poison);
        assert_eq!(poisoned.failing(), only("ciphertext"));
        assert_eq!(poisoned.failing_after([(choice, Fr::from(digit))]), only("moments"), "choice {choice}");
    }
    let poisoned = poisoned(honest(), slots(25));
    assert_eq!(poisoned.failing_after([(MOMENT_VALUES, Fr::from(45u64))]), only("record values"));
}

#[test]
fn who_lacks_a_measured_attribute_can_only_encrypt_zero() {
    // Attribute 7 is missing; at its lower bound its moments are zero.
    let honest = measured(&[0, 7]);
    assert!(plaintext(&honest).slots().is_empty());
    let poisoned = poisoned(honest, slots(24));
    assert_eq!(poisoned.failing(), only("ciphertext"));
    assert_eq!(poisoned.failing_after([(MOMENT_VALUES + 1, Fr::from(20u64))]), only("record values"));
}

#[test]
fn digits_of_moments_that_are_none_are_refused_by_the_lookup_alone() {
    // x = 24 in the digits 280 and −1.
    let honest = measured(&[0]);
    let mut slots = slots(24);
    slots[1..3].copy_from_slice(&[280, (1 << 24) - 1]);
    let poisoned = poisoned(honest, slots);
    let quotient = quotient_of_minus_one(&poisoned, 2);
    let forged = [(MOMENT_DIGITS, Fr::from(280u64)), (MOMENT_DIGITS + 1, -Fr::one()), quotient];
    assert_eq!(poisoned.failing_after(forged), only("digits and quotients"));
}
