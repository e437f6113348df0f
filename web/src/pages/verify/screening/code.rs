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

    /// What a camera reads where the path is drawn, some points to a module.
    fn read(code: &Code) -> String {
        const POINTS: usize = 5;
        let mut dark = vec![false; code.side * code.side];
        for run in code.path.split_terminator('z') {
            let numbers = run.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty());
            let [x, y, long, high, back] =
                numbers.map(|number| number.parse::<usize>().unwrap()).collect::<Vec<_>>()[..]
            else {
                panic!("{run} is no run");
            };
            assert_eq!((high, back), (1, long), "{run}");
            dark[y * code.side + x..][..long].fill(true);
        }
        let light = |x: usize, y: usize| if dark[y / POINTS * code.side + x / POINTS] { 0 } else { 255 };
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(code.side * POINTS, code.side * POINTS, light);
        let grids = seen.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_the_address_that_the_code_was_made_of() {
        let id = "0123456789abcdef".repeat(4);
        let addresses = [
            "http://localhost:8480/".to_owned(),
            format!("https://locus.example.org/screenings/{id}/verify"),
            format!("https://locus.example.org:8443/screenings/{id}/verify?criteria={}#checks", "x".repeat(300)),
        ];
        for address in &addresses {
            assert_eq!(read(&Code::of(address).unwrap()), *address);
        }
    }
}
