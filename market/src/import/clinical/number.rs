//! Decimal numbers without rounding, and the one rounding at the end.

use dashu::{
    base::{Signed as _, UnsignedAbs as _},
    integer::{IBig, UBig},
    rational::RBig,
};

use super::limits::{EXPONENT_MAX, NUMBER_BYTES_MAX};

/// Parts of a step at which a result is taken for exact. Unit factors carry 28 significant digits, so that what should
/// be a half of a step may come out 10^-18 of a step beside it.
const PARTS_OF_A_STEP: u64 = 1_000_000_000_000;

/// The exact value of a decimal text such as `-12.50` or `1e-7`; none for any other text, or beyond 10^40.
pub(super) fn decimal(text: &str) -> Option<RBig> {
    if text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let (body, exponent) = match text.split_once(['e', 'E']) {
        Some((body, exponent)) => (body, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, body) = body.strip_prefix('-').map_or((false, body), |body| (true, body));
    let (whole, fraction) = body.split_once('.').unwrap_or((body, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let magnitude: IBig = format!("{whole}{fraction}").parse().ok()?;
    if exponent.abs() > EXPONENT_MAX {
        return magnitude.is_zero().then_some(RBig::ZERO);
    }
    Some(RBig::from(if negative { -magnitude } else { magnitude }) * power_of_ten(exponent))
}

/// `10^exponent`; callers bound the exponent.
pub(super) fn power_of_ten(exponent: i32) -> RBig {
    let power = UBig::from(10u8).pow(exponent.unsigned_abs() as usize);
    if exponent < 0 { RBig::from_parts(IBig::ONE, power) } else { RBig::from(power) }
}

/// `numerator / denominator` of whole numbers.
pub(super) fn ratio(numerator: i64, denominator: u32) -> RBig {
    RBig::from_parts(numerator.into(), UBig::from(denominator.max(1)))
}

/// The nearest whole number; halves go away from zero. Results within 10^-12 of a half count as the half.
pub(super) fn nearest(value: &RBig) -> IBig {
    let parts = (value * RBig::from(PARTS_OF_A_STEP)).round();
    let negative = parts.is_negative();
    let doubled = parts.unsigned_abs() * UBig::from(2u8) + UBig::from(PARTS_OF_A_STEP);
    let magnitude = IBig::from(doubled / UBig::from(2 * PARTS_OF_A_STEP));
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest_of(text: &str) -> IBig {
        nearest(&decimal(text).unwrap())
    }

    #[test]
    fn decimals_are_read_exactly_and_anything_else_is_no_number() {
        assert_eq!(decimal("-12.50"), Some(RBig::from_parts((-25).into(), 2u8.into())));
        assert_eq!(decimal("1e-7"), Some(RBig::from_parts(1.into(), 10_000_000u32.into())));
        assert_eq!(decimal("2.5E+3"), Some(RBig::from(2500)));
        for text in ["", "-", ".5", "5.", "1,5", "+1", "0x10", "NaN", "inf", "1e", "1e400", "1e-400", "١", "1 "] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(decimal(&"9".repeat(NUMBER_BYTES_MAX + 1)), None);
    }

    #[test]
    fn halves_go_away_from_zero_and_what_is_almost_a_half_counts_as_one() {
        for (text, expected) in [
            ("0.5", 1),
            ("-0.5", -1),
            ("1.4999999", 1),
            ("2.5", 3),
            ("2.4999999999999999", 3),
            ("2.5000000000000001", 3),
            ("-2.49", -2),
            ("0", 0),
        ] {
            assert_eq!(nearest_of(text), IBig::from(expected), "{text}");
        }
    }
}
