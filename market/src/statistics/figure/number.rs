//! Numbers as papers print them: a decimal point, commas from 10,000 on, a true minus, powers of ten raised.

/// With so many decimals; nothing rounds to −0.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let negative = value < 0.0 && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    let (whole, rest) = digits.split_once('.').map_or((digits.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::from(if negative { "−" } else { "" });
    text.push_str(&grouped(whole));
    if let Some(part) = rest {
        text.push('.');
        text.push_str(part);
    }
    text
}

/// Commas between thousands of five digits and more.
fn grouped(whole: &str) -> String {
    if whole.len() < 5 {
        return whole.into();
    }
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number of people.
pub(in crate::statistics) fn whole(value: f64) -> String {
    fixed(value, 0)
}

/// Three significant digits, or all of a whole number; as a power of ten where digits would be many.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return scientific(value, 1);
    }
    if value.fract() == 0.0 {
        return fixed(value, 0);
    }
    fixed(value, decimals_of(size, 3))
}

/// An effect: two decimals for most, fewer for large ones and more for small.
pub(super) fn effect(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return scientific(value, 1);
    }
    fixed(value, if size >= 0.01 || size == 0.0 { decimals_of(size.max(1.0), 3) } else { decimals_of(size, 2) })
}

/// The numbers of one row, with as many decimals as the smallest scale in it asks for.
pub(super) fn alike(value: f64, scale: f64) -> String {
    let decimals = match scale {
        scale if !(1e-4..1e6).contains(&scale) => return scientific(value, 1),
        scale if scale < 0.01 => decimals_of(scale, 2),
        scale => decimals_of(scale.max(1.0), 3),
    };
    if value.abs() < 1e6 { fixed(value, decimals) } else { scientific(value, 1) }
}

/// Decimals that show so many significant digits.
fn decimals_of(size: f64, digits: usize) -> usize {
    let text = format!("{size:.*e}", digits.saturating_sub(1));
    let exponent: i32 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let places = i32::try_from(digits).unwrap_or(1) - 1 - exponent;
    usize::try_from(places).unwrap_or(0).min(12)
}

/// `4.2×10⁻⁸`; a mantissa of 1 stands alone as `10⁻⁸`.
pub(super) fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let minus = if value < 0.0 { "−" } else { "" };
    match mantissa {
        "0" => "0".into(),
        "1" => format!("{minus}10{}", raised(exponent)),
        _ => format!("{minus}{mantissa}×10{}", raised(exponent)),
    }
}

/// Digits as superscripts.
fn raised(exponent: &str) -> String {
    let digit = |letter: char| match letter {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    };
    exponent.chars().map(digit).collect()
}

/// A share as a percentage with a decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", fixed(share * 100.0, 1))
}

/// A p-value in two significant digits: 0.034, 0.00044, 3×10⁻⁹.
pub(in crate::statistics) fn p_value(p: f64) -> String {
    if p < 1e-4 { scientific(p, 1) } else { fixed(p, decimals_of(p, 2)) }
}

/// `0.98–1.55`, or with a word where a minus would meet the dash.
pub(super) fn span(lo: &str, hi: &str) -> String {
    let joint = if lo.contains(['−', '⁻']) || hi.contains(['−', '⁻']) { " to " } else { "–" };
    format!("{lo}{joint}{hi}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_papers_print_them() {
        assert_eq!(fixed(-1_234_567.5, 2), "−1,234,567.50");
        assert_eq!(
            (fixed(-0.001, 2), fixed(9_999.0, 0), fixed(10_000.0, 0)),
            ("0.00".into(), "9999".into(), "10,000".into())
        );
        assert_eq!(
            (scientific(5e-8, 1), scientific(1e-8, 1), scientific(-2.5e12, 1)),
            ("5×10⁻⁸".into(), "10⁻⁸".into(), "−2.5×10¹²".into())
        );
        assert_eq!(
            (short(0.012_345), short(123.456), short(74.0), short(0.0)),
            ("0.0123".into(), "123".into(), "74".into(), "0".into())
        );
        assert_eq!(
            (effect(1.0), effect(0.5), effect(12.34), effect(456.7), effect(0.001_23)),
            ("1.00".into(), "0.50".into(), "12.3".into(), "457".into(), "0.0012".into())
        );
        assert_eq!(
            (alike(0.031, 0.14), alike(170.0, 45.3), alike(1e-16, 0.5), alike(1.2e-5, 1.2e-5)),
            ("0.03".into(), "170.0".into(), "0.00".into(), "1.2×10⁻⁵".into())
        );
        assert_eq!(short(-0.099_999_999_99), "−0.100");
        assert_eq!((percent(0.5), percent(0.123_4), percent(-0.02)), ("50.0%".into(), "12.3%".into(), "−2.0%".into()));
        assert_eq!(
            (p_value(0.034), p_value(0.5), p_value(3e-9), p_value(0.000_44)),
            ("0.034".into(), "0.50".into(), "3×10⁻⁹".into(), "0.00044".into())
        );
        assert_eq!((span("0.98", "1.55"), span("−1", "2")), ("0.98–1.55".into(), "−1 to 2".into()));
    }
}
