//! Files made of a result.

use actix_web::{HttpResponse, http::header};
use market::statistics::{analysis::Analysis, export, figure::Figure};
use serde::Serialize;

use crate::Error;

/// Pixels of a PNG to each unit of its SVG.
const PNG_SCALE: u8 = 2;

/// A file on its way out.
pub(super) struct Made {
    name: String,
    media: &'static str,
    bytes: Vec<u8>,
}

impl Made {
    /// The answer that a browser saves.
    pub(super) fn answer(self) -> HttpResponse {
        let disposition = format!("attachment; filename=\"{}\"", self.name);
        HttpResponse::Ok()
            .content_type(self.media)
            .insert_header((header::CONTENT_DISPOSITION, disposition))
            .body(self.bytes)
    }
}

/// Analyses with what is said of them.
#[derive(Serialize)]
struct Analyses<'a> {
    analyses: &'a [Analysis],
    notes: &'a [String],
}

/// The file with this name: `csv`, `json`, or a figure as `svg:0-survival` or `png:0-survival`.
///
/// # Errors
/// [`Error::NotFound`] for another name.
pub(super) fn made(what: &str, analyses: &[Analysis], notes: &[String]) -> Result<Made, Error> {
    let unknown = || Error::NotFound { what: "file", id: what.into() };
    match what.split_once(':') {
        None if what == "csv" => {
            let rows: Vec<_> = analyses.iter().flat_map(Analysis::rows).collect();
            let bytes = export::csv(&rows)?.into_bytes();
            Ok(Made { name: "result.csv".into(), media: "text/csv; charset=utf-8", bytes })
        }
        None if what == "json" => {
            let failed = |error: serde_json::Error| Error::Internal { action: "write JSON", why: error.to_string() };
            let bytes = serde_json::to_vec_pretty(&Analyses { analyses, notes }).map_err(failed)?;
            Ok(Made { name: "result.json".into(), media: "application/json", bytes })
        }
        Some((form @ ("svg" | "png"), place)) => {
            let figure = figure(place, analyses, notes).ok_or_else(unknown)?;
            let (media, bytes) = match form {
                "svg" => ("image/svg+xml", figure.svg().into_bytes()),
                _ => ("image/png", figure.png(PNG_SCALE)?),
            };
            Ok(Made { name: format!("{place}.{form}"), media, bytes })
        }
        _ => Err(unknown()),
    }
}

/// The figure under a name, which begins with its measure's number.
fn figure(place: &str, analyses: &[Analysis], notes: &[String]) -> Option<Figure> {
    let (number, name) = place.split_once('-')?;
    let analysis = analyses.get(number.parse::<usize>().ok()?)?;
    analysis.figures(notes).drawn.into_iter().find(|(own, _)| own == name).map(|(_, figure)| figure)
}
