//! Lengths of text, from the font that pictures are drawn with.
//!
//! Arimo has the widths of Arial and Helvetica, so an SVG that names them takes the same room wherever it is shown. The
//! font's parts here are cut to Latin, Greek and Cyrillic letters and signs: `market/assets/README.md`.

use skrifa::{
    FontRef, MetadataProvider,
    instance::{LocationRef, Size},
};

use super::palette::{INK, MUTED};

/// The fonts that figures are measured and drawn with, regular and bold, as TrueType files: Arimo 1.33, SIL Open Font License
/// 1.1. Where an SVG is shown together with them, it looks as its PNG does.
pub const FONTS: [&[u8]; 2] =
    [include_bytes!("../../../../assets/Arimo-Regular.ttf"), include_bytes!("../../../../assets/Arimo-Bold.ttf")];

/// The size, weight and colour of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Face {
    /// Size, in the page's units.
    pub(in super::super) size: f64,
    /// Whether it is bold.
    pub(in super::super) bold: bool,
    /// Its colour.
    pub(in super::super) colour: &'static str,
}

impl Face {
    pub(in super::super) const TITLE: Self = Self { size: 16.0, bold: true, colour: INK };
    pub(in super::super) const LABEL: Self = Self { size: 13.0, bold: false, colour: INK };
    pub(in super::super) const HEAD: Self = Self { size: 12.0, bold: true, colour: INK };
    pub(in super::super) const TICK: Self = Self { size: 12.0, bold: false, colour: INK };
    pub(in super::super) const SMALL: Self = Self { size: 11.0, bold: false, colour: INK };
    pub(in super::super) const NOTE: Self = Self { size: 11.0, bold: false, colour: MUTED };

    /// The length of a line. Kerning, which only shortens it, is left out.
    pub(in super::super) fn width(&self, text: &str) -> f64 {
        let [regular, bold] = FONTS;
        // A letter that the font lacks comes from another, and is hardly wider than high.
        let Ok(font) = FontRef::new(if self.bold { bold } else { regular }) else {
            return self.size * super::super::data::real(text.chars().count());
        };
        let (letters, metrics) = (font.charmap(), font.glyph_metrics(Size::unscaled(), LocationRef::default()));
        let advance = |letter: char| letters.map(letter).and_then(|glyph| metrics.advance_width(glyph));
        let units: f64 = text.chars().map(|letter| advance(letter).map_or(UNITS, f64::from)).sum();
        units * self.size / UNITS
    }

    /// Lines that are no longer than this; what is left after so many is cut off with an ellipsis.
    pub(in super::super) fn wrap(&self, text: &str, width: f64, lines: usize) -> Vec<String> {
        let mut done: Vec<String> = vec![];
        let mut line = String::new();
        let mut words = text.split_whitespace().map(str::to_owned).collect::<std::collections::VecDeque<_>>();
        while let Some(word) = words.pop_front() {
            let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if self.width(&longer) <= width {
                line = longer;
            } else if done.len() + 1 >= lines {
                line = self.fit(&format!("{longer} {}", words.make_contiguous().join(" ")), width);
                break;
            } else if line.is_empty() {
                let (head, tail) = self.split(&word, width);
                done.push(head);
                words.push_front(tail);
            } else {
                done.push(std::mem::take(&mut line));
                words.push_front(word);
            }
        }
        if !line.is_empty() {
            done.push(line);
        }
        done
    }

    /// The line, cut off with an ellipsis if it is longer than this.
    pub(in super::super) fn fit(&self, text: &str, width: f64) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.width(&text) <= width {
            return text;
        }
        let (head, _) = self.split(&text, width - self.width("…"));
        format!("{}…", head.trim_end())
    }

    /// A word too long for a line, cut where the line ends; at least a letter goes before the cut.
    fn split(&self, word: &str, width: f64) -> (String, String) {
        let mut length = 0.0;
        let (mut head, mut tail) = (String::new(), String::new());
        for letter in word.chars() {
            length += self.width(letter.encode_utf8(&mut [0; 4]));
            let side = if (length <= width || head.is_empty()) && tail.is_empty() { &mut head } else { &mut tail };
            side.push(letter);
        }
        (head, tail)
    }

    /// Whether the text goes on so many lines of this width, no word of it broken.
    pub(in super::super) fn goes_in(&self, text: &str, width: f64, lines: usize) -> bool {
        let unbroken = text.split_whitespace().all(|word| self.width(word) <= width);
        unbroken && self.wrap(text, width, lines + 1).len() <= lines
    }
}

/// Units to the height of the letters' square, in both fonts.
const UNITS: f64 = 2_048.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_have_the_letters_that_figures_write() {
        for font in FONTS {
            let font = FontRef::new(font).unwrap();
            assert_eq!(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em, 2_048);
            for letter in "Aé0–−×≤≥±⁰¹²³⁴⁵⁶⁷⁸⁹⁻…αβγχλσμΩЖ·°µ".chars() {
                assert!(font.charmap().map(letter).is_some(), "{letter}");
            }
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // Arimo's digits are 1,139 units of 2,048 wide, as Arial's are.
        assert!((Face::TICK.width("0123456789") - 10.0 * 12.0 * 1_139.0 / 2_048.0).abs() < 1e-9);
        assert!(Face { bold: true, ..Face::TICK }.width("illi") > Face::TICK.width("illi"));
    }

    #[test]
    fn text_is_wrapped_between_words_and_cut_only_when_it_must_be() {
        let face = Face::TICK;
        let lines = face.wrap("overall survival after transplantation", 100.0, 3);
        assert_eq!(lines, ["overall survival", "after", "transplantation"]);
        assert!(face.wrap("transplantation", 40.0, 9).iter().all(|line| face.width(line) <= 40.0));
        let cut = face.wrap("overall survival after transplantation", 100.0, 2);
        assert_eq!(cut, ["overall survival", "after transplanta…"]);
        assert_eq!(face.wrap("  ", 100.0, 2), Vec::<String>::new());
    }
}
