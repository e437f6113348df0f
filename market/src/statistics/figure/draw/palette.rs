//! Colours, dashes, markers and hatches. Each series differs in all of them, so that colour is never the only carrier.
//!
//! The colours are those of Okabe and Ito, *Color Universal Design*, 2008, which people with any common colour vision
//! tell apart; yellow, too pale on white, is left out. The first five have a contrast of 3:1 and more with white
//! (WCAG 2.2, 1.4.11); text is in the two inks, at 4.5:1 and more (1.4.3).

/// Text and outlines; 17:1 on white.
pub(in super::super) const INK: &str = "#1a1a1a";
/// Notes and secondary marks; 7:1 on white.
pub(in super::super) const MUTED: &str = "#555555";
/// Grid lines.
pub(in super::super) const GRID: &str = "#e4e4e4";
/// The ground of every other chromosome.
pub(in super::super) const BAND: &str = "#f3f3f3";

/// The blue of Okabe and Ito, and the low end of a diverging scale.
const LOWEST: (f64, f64, f64) = (0.0, 114.0, 178.0);
/// Their vermillion, and its high end.
const HIGHEST: (f64, f64, f64) = (213.0, 94.0, 0.0);

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Cross,
    Plus,
}

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Style {
    /// Its colour.
    pub(in super::super) colour: &'static str,
    /// Its dashes, as SVG writes them; empty for a solid line.
    pub(in super::super) dash: &'static str,
    /// Its points.
    pub(in super::super) marker: Marker,
    /// The white strokes over a filled area, as a path in a tile of 8 by 8; empty for a plain one.
    pub(in super::super) hatch: &'static str,
}

const STYLES: [Style; super::super::data::SERIES_MAX] = [
    Style { colour: "#0072b2", dash: "", marker: Marker::Circle, hatch: "" },
    Style { colour: "#d55e00", dash: "8 3", marker: Marker::Square, hatch: "M-2 2 2-2M0 8 8 0M6 10 10 6" },
    Style { colour: "#009e73", dash: "2 3", marker: Marker::Triangle, hatch: "M0 2H8M0 6H8" },
    Style { colour: "#000000", dash: "9 3 2 3", marker: Marker::Diamond, hatch: "M-2 6 2 10M0 0 8 8M6-2 10 2" },
    Style { colour: "#cc79a7", dash: "14 4", marker: Marker::TriangleDown, hatch: "M2 0V8M6 0V8" },
    Style { colour: "#e69f00", dash: "5 5", marker: Marker::Cross, hatch: "M0 4H8M4 0V8" },
    Style { colour: "#56b4e9", dash: "10 3 2 3 2 3", marker: Marker::Plus, hatch: "M0 0 8 8M0 8 8 0" },
];

/// The look of the series at this place.
pub(in super::super) fn style(place: usize) -> Style {
    let [first, ..] = STYLES;
    STYLES.get(place % STYLES.len()).copied().unwrap_or(first)
}

/// Two colours that neighbours alternate between.
pub(in super::super) const fn alternate(place: usize) -> &'static str {
    if place.is_multiple_of(2) { "#0072b2" } else { "#555555" }
}

/// A colour between [`LOWEST`] at −1, white at 0 and [`HIGHEST`] at 1, in red, green and blue to 255.
pub(in super::super) fn diverging(value: f64) -> (u8, u8, u8) {
    let (end, share) = if value < 0.0 { (LOWEST, -value) } else { (HIGHEST, value) };
    let share = share.clamp(0.0, 1.0);
    let mix = |end: f64| channel(255.0 + (end - 255.0) * share);
    (mix(end.0), mix(end.1), mix(end.2))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 255 and rounded before")]
const fn channel(value: f64) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

/// Black or white, whichever contrasts more with a ground: always at 4.5:1 and more.
pub(in super::super) fn contrasting(ground: (u8, u8, u8)) -> &'static str {
    let luminance = luminance(ground);
    // Contrast is (L₁ + 0.05)/(L₂ + 0.05) (WCAG 2.2); black and white contrast alike at L = 0.179.
    if luminance > 0.179 { "#000000" } else { "#ffffff" }
}

/// Relative luminance of sRGB (WCAG 2.2).
fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(colour: &str) -> (u8, u8, u8) {
        let part = |at: usize| u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        (part(1), part(3), part(5))
    }

    fn contrast(one: (u8, u8, u8), other: (u8, u8, u8)) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_stands_out_from_its_ground() {
        let white = (255, 255, 255);
        for ink in [INK, MUTED] {
            assert!(contrast(parsed(ink), white) > 4.5);
            assert!(contrast(parsed(ink), parsed(BAND)) > 4.5);
        }
        for step in -100..=100 {
            let ground = diverging(f64::from(step) / 100.0);
            assert!(contrast(parsed(contrasting(ground)), ground) > 4.5, "{ground:?}");
        }
    }

    #[test]
    fn the_first_five_series_stand_out_from_white_and_all_differ_in_every_way() {
        for place in 0..5 {
            assert!(contrast(parsed(style(place).colour), (255, 255, 255)) >= 3.0, "{place}");
        }
        for (one, other) in (0..7).flat_map(|one| (0..one).map(move |other| (style(one), style(other)))) {
            assert!(one.colour != other.colour && one.dash != other.dash);
            assert!(one.marker != other.marker && one.hatch != other.hatch);
        }
    }
}
