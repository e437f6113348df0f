//! Files made of a result, for the pages and for programs.

use actix_web::{HttpResponse, http::header};
use market::statistics::{analysis::Analysis, export, figure::Figure};
use serde::Serialize;

use crate::Error;

/// Pixels of a PNG to each unit of its SVG.
const PNG_SCALE: u8 = 2;

/// A file on its way out.
pub(crate) struct Download {
    name: String,
    media: &'static str,
    bytes: Vec<u8>,
}

impl Download {
    /// The file with this name: `csv`, `json`, or a figure as `svg:0-survival` or `png:0-survival`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another name.
    pub(crate) fn of(what: &str, analyses: &[Analysis], notes: &[String]) -> Result<Self, Error> {
        let unknown = || Error::NotFound { what: "file", id: what.into() };
        match what.split_once(':') {
            None if what == "csv" => {
                let rows: Vec<_> = analyses.iter().flat_map(Analysis::rows).collect();
                let bytes = export::csv(&rows)?.into_bytes();
                Ok(Self { name: "result.csv".into(), media: "text/csv; charset=utf-8", bytes })
            }
            None if what == "json" => {
                let failed =
                    |error: serde_json::Error| Error::Internal { action: "write JSON", why: error.to_string() };
                let bytes = serde_json::to_vec_pretty(&Analyses::of(analyses, notes)).map_err(failed)?;
                Ok(Self { name: "result.json".into(), media: "application/json", bytes })
            }
            Some((form @ ("svg" | "png"), name)) => {
                let figure = figure(name, analyses, notes).ok_or_else(unknown)?;
                let (media, bytes) = match form {
                    "svg" => ("image/svg+xml", figure.svg().into_bytes()),
                    _ => ("image/png", figure.png(PNG_SCALE)?),
                };
                Ok(Self { name: format!("{name}.{form}"), media, bytes })
            }
            _ => Err(unknown()),
        }
    }

    /// The answer that a browser saves.
    pub(crate) fn answer(self) -> HttpResponse {
        let disposition = format!("attachment; filename=\"{}\"", self.name);
        HttpResponse::Ok()
            .content_type(self.media)
            .insert_header((header::CONTENT_DISPOSITION, disposition))
            .body(self.bytes)
    }
}

/// What the sums say, and what can be drawn of it.
#[derive(Serialize)]
struct Analyses<'a> {
    analyses: &'a [Analysis],
    notes: &'a [String],
    figures: Vec<NamedFigure>,
    /// Figures that there are none of, and why.
    undrawn: Vec<String>,
}

/// A figure that can be asked for.
#[derive(Serialize)]
struct NamedFigure {
    name: String,
    title: String,
}

impl<'a> Analyses<'a> {
    fn of(analyses: &'a [Analysis], notes: &'a [String]) -> Self {
        let (mut figures, mut undrawn) = (vec![], vec![]);
        for (place, analysis) in analyses.iter().enumerate() {
            let made = analysis.figures(notes);
            let named = |(name, figure): &(String, Figure)| NamedFigure {
                name: figure_name(place, name),
                title: figure.title().into(),
            };
            figures.extend(made.drawn.iter().map(named));
            undrawn.extend(made.left_out);
        }
        Self { analyses, notes, figures, undrawn }
    }
}

/// The name of a figure among those of all measures, from the place of its own.
pub(crate) fn figure_name(place: usize, name: &str) -> String {
    format!("{place}-{name}")
}

/// The figure under a name, which begins with its measure's place.
fn figure(name: &str, analyses: &[Analysis], notes: &[String]) -> Option<Figure> {
    let (place, name) = name.split_once('-')?;
    let analysis = analyses.get(place.parse::<usize>().ok()?)?;
    analysis.figures(notes).drawn.into_iter().find(|(own, _)| own == name).map(|(_, figure)| figure)
}
