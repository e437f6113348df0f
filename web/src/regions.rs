//! Regions of use by their numbers: 1 stands for the lowest bit of a consent's, and so on up to 32.

use std::borrow::Borrow;

use circuits::consent::Regions;

/// The numbers of a set's regions, from 1 on.
pub(crate) fn numbers(regions: Regions) -> impl Iterator<Item = u32> {
    (1..=u32::BITS).filter(move |number| regions.0 >> (number - 1) & 1 == 1)
}

/// The region with a number; none for a number that no region has.
pub(crate) fn numbered(number: u32) -> Option<Regions> {
    let bit = number.checked_sub(1)?;
    Some(Regions(1u32.checked_shl(bit)?))
}

/// The numbers with commas between.
pub(crate) fn listed(regions: impl Borrow<Regions>) -> String {
    numbers(*regions.borrow()).map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_one_and_stand_for_the_bits_of_a_consent() {
        for (regions, said) in [(0, ""), (1, "1"), (0b101, "1, 3"), (1 << 31, "32")] {
            assert_eq!(listed(Regions(regions)), said);
            let all = numbers(Regions(regions)).fold(0, |all, number| all | numbered(number).unwrap().0);
            assert_eq!(all, regions);
        }
        assert_eq!([0, 33, u32::MAX].map(numbered), [None; 3]);
    }
}
