//! What a result says: its measures' statistics, printed, and written as tables and figures.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::Args;
use market::{
    query::QueryFile,
    statistics::{analysis::Analysis, export, figure::Figure, genotypes::Weights},
};

use super::session::write_file;
use crate::{Error, reading::Reading};

/// Estimates and tests that the text form lists for each measure.
const LISTED_MAX: usize = 40;
/// Pixels of a PNG to each unit of its SVG.
const PNG_SCALE: u8 = 2;

/// How a result is read and where its tables and figures go.
#[derive(Debug, Args)]
pub(crate) struct AnalysisOptions {
    /// The query file, which says how the sums are read: which axis is the event, which groups are cases. Without it
    /// counts, moments and allele frequencies are given.
    #[arg(long, value_name = "FILE")]
    query_file: Option<PathBuf>,
    /// Also give the mean polygenic scores that released genotypes have under these weights, a scoring file of the PGS
    /// Catalog. It asks nobody and spends nothing.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Write every estimate and test as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the figures as SVG and PNG into a folder.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
}

impl AnalysisOptions {
    /// A table and figures of what is known by other means than a file.
    pub(crate) const fn to(csv: PathBuf, figures: PathBuf) -> Self {
        Self { query_file: None, weights: None, csv: Some(csv), figures: Some(figures) }
    }

    /// Whether figures are wanted.
    pub(super) const fn draws(&self) -> bool {
        self.figures.is_some()
    }

    /// The weights that are given, to be read before anything else is done.
    ///
    /// # Errors
    /// As [`Weights::read`]; [`Error::Input`] when the file cannot be opened.
    pub(super) fn read_weights(&self) -> Result<Option<Weights>, Error> {
        let Some(path) = &self.weights else { return Ok(None) };
        let name = path.display().to_string();
        let failed = |error: std::io::Error| Error::Input { what: "weights", why: format!("{name}: {error}") };
        Ok(Some(Weights::read(&name, File::open(path).map_err(failed)?)?))
    }

    /// The statistics of a query's sums, and the scores that weights give.
    ///
    /// # Errors
    /// As [`Reading::measures`], [`Reading::analyze`] and [`Reading::scores`].
    pub(super) fn analyses(
        &self,
        reading: Reading<'_>,
        slots: &[Vec<i32>],
        weights: Option<&Weights>,
    ) -> Result<Vec<Analysis>, Error> {
        let measures = reading.measures(self.query_file.as_deref().map(QueryFile::open).transpose()?)?;
        let mut analyses = reading.analyze(&measures, slots)?;
        if let Some(weights) = weights {
            analyses.extend(reading.scores(&measures, slots, weights)?);
        }
        Ok(analyses)
    }

    /// Writes what was asked for.
    ///
    /// # Errors
    /// [`Error::Input`] when a file cannot be written.
    pub(crate) fn write(&self, analyses: &[Analysis], notes: &[String]) -> Result<Vec<PathBuf>, Error> {
        let mut written = vec![];
        if let Some(path) = &self.csv {
            let rows: Vec<_> = analyses.iter().flat_map(Analysis::rows).collect();
            write_file("table", path, export::csv(&rows)?.as_bytes())?;
            written.push(path.clone());
        }
        if let Some(folder) = &self.figures {
            written.extend(write_figures(folder, analyses, notes)?);
        }
        Ok(written)
    }
}

/// Writes every figure as SVG and PNG. Names begin with the measure's number where there are several.
///
/// # Errors
/// [`Error::Input`] when a file cannot be written.
fn write_figures(folder: &Path, analyses: &[Analysis], notes: &[String]) -> Result<Vec<PathBuf>, Error> {
    let failed =
        |error: std::io::Error| Error::Input { what: "figures", why: format!("{}: {error}", folder.display()) };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut written = vec![];
    for (place, analysis) in analyses.iter().enumerate() {
        for (name, figure) in analysis.figures(notes).drawn {
            let name = if analyses.len() > 1 { format!("{}-{name}", place + 1) } else { name };
            written.extend(write_figure(&folder.join(name), &figure)?);
        }
    }
    Ok(written)
}

fn write_figure(path: &Path, figure: &Figure) -> Result<[PathBuf; 2], Error> {
    let [svg, png] = ["svg", "png"].map(|ending| path.with_extension(ending));
    write_file("figure", &svg, figure.svg().as_bytes())?;
    write_file("figure", &png, &figure.png(PNG_SCALE)?)?;
    Ok([svg, png])
}

/// What the figures leave out, in words.
pub(crate) fn undrawn(analyses: &[Analysis]) -> Vec<String> {
    analyses.iter().flat_map(|analysis| analysis.figures(&[]).left_out).collect()
}

/// The estimates and tests of each measure in words.
pub(crate) fn describe_analyses(analyses: &[Analysis]) -> Vec<String> {
    let mut lines = vec![];
    for analysis in analyses {
        let rows = analysis.rows();
        lines.extend(rows.iter().take(LISTED_MAX).map(|row| format!("  {}", row.in_words())));
        if rows.len() > LISTED_MAX {
            lines.push(format!("  the first {LISTED_MAX} of {}; --json and --csv give all", rows.len()));
        }
    }
    lines
}
