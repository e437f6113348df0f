//! An address as a picture that a camera reads: a QR code (ISO/IEC 18004), drawn as the path of an inline image.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code: fewer, and readers miss it.
const MARGIN: usize = 4;

/// A code, in modules.
pub(super) struct Code {
    /// Modules of a side, the margin included.
    pub(super) side: usize,
    /// The dark modules, as an SVG path: digits and letters alone.
    pub(super) path: String,
}

impl Code {
    /// The code of a text; nothing for one that is too long for any.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let (width, mut path) = (code.width(), String::new());
        for (y, row) in code.to_colors().chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|left, right| left == right) {
                if run.first() == Some(&Color::Dark) {
                    let _ = write!(path, "M{} {}h{}v1h-{}z", x + MARGIN, y + MARGIN, run.len(), run.len());
                }
                x += run.len();
            }
        }
        Some(Self { side: width + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_path_of_runs_and_begins_with_a_finder() {
        let code = Code::of("https://locus.example.org/screenings").unwrap();
        // Version 3 has 29 modules to a side; its upper left corner is a dark run of seven, and so is the right one.
        assert_eq!(code.side, 29 + 2 * MARGIN);
        assert!(code.path.starts_with("M4 4h7v1h-7z"), "{}", code.path);
        assert!(code.path.contains("M26 4h7v1h-7z"), "{}", code.path);
        assert!(code.path.bytes().all(|byte| byte.is_ascii_digit() || b"Mhvz- ".contains(&byte)));
        assert!(Code::of(&"x".repeat(4_000)).is_none());
    }
}
