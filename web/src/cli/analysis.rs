//! What a result says: its measures' statistics, printed, and written as tables and figures.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use circuits::{
    criteria::MatchClause,
    domain::{ByteTag, hash},
    id::QueryId,
    layout::{Axis, Layout, Statistic, Subject},
    quorum::Quorum,
    schema::{Schema, VariantPanel},
};
use clap::Args;
use market::{
    query::{Measure, NamedClause, QueryFile, VariantRange},
    researcher::sums,
    statistics::{
        PartSums, Sum,
        analysis::{Analysis, Context, analyze},
        export,
        figure::Figure,
    },
};
use node::{query::CohortQuery, state::QueryState};

use super::session::write_file;
use crate::Error;

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
    /// Write every estimate and test as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the figures as SVG and PNG into a folder.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
}

/// A measure with the parts that hold its sums.
pub(crate) type Measured = (Measure, Vec<Layout>);

/// What a query's sums are read with.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'r> {
    pub(crate) id: QueryId,
    pub(crate) state: &'r QueryState,
    pub(crate) quorum: &'r Quorum,
    pub(crate) schema: &'r Schema,
    pub(crate) panel: Option<&'r VariantPanel>,
}

impl Reading<'_> {
    /// The statistics of each measure.
    ///
    /// # Errors
    /// [`Error::Market`] when the sums are not those of the measures.
    pub(crate) fn analyze(&self, measures: &[Measured], slots: &[Vec<i32>]) -> Result<Vec<Analysis>, Error> {
        let seed = hash(ByteTag::Query, &[b"simulations", self.id.as_bytes()]).to_bytes();
        let (contributors, matched) = (Some(self.state.surviving), !self.state.query.matching.groups.is_empty());
        let context = Context { schema: self.schema, panel: self.panel, contributors, matched, seed };
        self.each(measures, slots, |measure, layouts, sums| Ok(analyze(measure, layouts, sums, context)?))
    }

    /// The sums of each measure's parts.
    ///
    /// # Errors
    /// As [`Self::analyze`].
    pub(crate) fn sums(&self, measures: &[Measured], slots: &[Vec<i32>]) -> Result<Vec<Vec<PartSums>>, Error> {
        self.each(measures, slots, |_, layouts, sums| {
            let parts = layouts.iter().zip(sums);
            Ok(parts.map(|(layout, sums)| PartSums::of_slots(layout, self.schema, sums)).collect::<Result<_, _>>()?)
        })
    }

    /// What a function makes of each measure, its layouts and their sums.
    fn each<T>(
        &self,
        measures: &[Measured],
        slots: &[Vec<i32>],
        read: impl Fn(&Measure, &[Layout], &[Vec<Sum>]) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let sums = sums(&self.state.query, self.quorum, slots)?;
        let mut rest = sums.as_slice();
        let mut made = vec![];
        for (measure, layouts) in measures {
            let (own, others) = rest.split_at_checked(layouts.len()).unwrap_or((rest, &[]));
            rest = others;
            made.push(read(measure, layouts, own)?);
        }
        Ok(made)
    }

    /// What every figure says below: the cohort, and what protects it.
    pub(crate) fn notes(&self) -> Vec<String> {
        let people = format!("{} certified contributions.", self.state.surviving);
        let privacy = match self.state.query.rho() {
            None => "Exact sums.".into(),
            Some(rho) => {
                format!(
                    "Differential privacy: ε = {}, δ = 10⁻⁹; noise in each released count has standard deviation {}. \
                     Intervals and tests include it; a count may come out below zero.",
                    rho.epsilon(),
                    self.count_deviations()
                )
            }
        };
        [vec![people, privacy], self.criteria(), self.codings()].concat()
    }

    /// The groups of the match criteria, which funnels number.
    fn criteria(&self) -> Vec<String> {
        let query = &self.state.query;
        let window = query.parts.first().map_or(0, |layout| layout.window);
        let named = |clause: &MatchClause| NamedClause::of(clause, self.schema, self.panel, window).to_string();
        let group = |(number, group): (usize, &Vec<MatchClause>)| {
            format!("Criterion {number}: {}.", group.iter().map(named).collect::<Vec<_>>().join(" or "))
        };
        (1..).zip(&query.matching.groups).map(group).collect()
    }

    /// What the numbers of coded attributes mean that people are grouped or chosen by.
    fn codings(&self) -> Vec<String> {
        let query = &self.state.query;
        let axes = query.parts.iter().flat_map(|layout| &layout.axes).map(Axis::subject);
        let matched = query.matching.groups.iter().flatten().map(|clause| clause.subject);
        let named: BTreeSet<u8> = axes
            .chain(matched)
            .filter_map(|subject| match subject {
                Subject::Attribute(index) => Some(index),
                Subject::Dosage(_) => None,
            })
            .collect();
        let attributes = named.iter().filter_map(|index| self.schema.attributes.get(usize::from(*index)));
        let coded = attributes.filter(|attribute| attribute.coding.contains('='));
        coded.map(|attribute| format!("{}: {}.", attribute.name, attribute.coding)).collect()
    }

    /// The standard deviation of the noise in a count, or from which to which where parts differ: each is released with
    /// its own.
    fn count_deviations(&self) -> String {
        let subsets = self.quorum.subset_count();
        let parts = 0..u8::try_from(self.state.query.parts.len()).unwrap_or(u8::MAX);
        let noise = parts.filter_map(|part| self.state.query.noise(part, subsets).ok().flatten());
        let mut deviations: Vec<f64> = noise.map(|noise| noise.variance(0, subsets).sqrt()).collect();
        deviations.sort_by(f64::total_cmp);
        let [least, greatest] = [deviations.first(), deviations.last()]
            .map(|deviation| format!("{:.1}", deviation.copied().unwrap_or(0.0)));
        if least == greatest { least } else { format!("{least} to {greatest}, by part") }
    }
}

/// The measures of a query that is known by its parts alone.
fn by_layout(query: &CohortQuery) -> Vec<Measured> {
    let mut measures: Vec<Measured> = vec![];
    for layout in &query.parts {
        let measure = match layout.statistic {
            Statistic::Count => Measure::Count { by: vec![] },
            Statistic::Funnel { .. } => Measure::Funnel { by: vec![] },
            Statistic::Moments { .. } => Measure::Moments { attributes: vec![], by: vec![] },
            Statistic::Genotypes { .. } => Measure::AlleleFrequencies { variants: VariantRange::default(), by: vec![] },
        };
        match measures.last_mut() {
            // A panel's parts belong together.
            Some((Measure::AlleleFrequencies { .. }, layouts))
                if matches!(layout.statistic, Statistic::Genotypes { .. })
                    && layouts.first().is_some_and(|first| first.axes == layout.axes) =>
            {
                layouts.push(layout.clone());
            }
            _ => measures.push((measure, vec![layout.clone()])),
        }
    }
    measures
}

impl AnalysisOptions {
    /// A table and figures of what is known by other means than a file.
    pub(crate) const fn to(csv: PathBuf, figures: PathBuf) -> Self {
        Self { query_file: None, csv: Some(csv), figures: Some(figures) }
    }

    /// Whether figures are wanted.
    pub(super) const fn draws(&self) -> bool {
        self.figures.is_some()
    }

    /// The measures of a query, from its file or from its parts.
    ///
    /// # Errors
    /// [`Error::Input`] when the file means other parts than the query's.
    pub(super) fn measures(&self, reading: Reading<'_>) -> Result<Vec<Measured>, Error> {
        let Some(path) = &self.query_file else { return Ok(by_layout(&reading.state.query)) };
        let file = QueryFile::open(path)?;
        let parts = file.parts(reading.schema, reading.panel)?;
        if parts.concat() != reading.state.query.parts {
            let why = format!("{} measures other parts than query {}", path.display(), reading.id);
            return Err(Error::Input { what: "query file", why });
        }
        Ok(file.measures.into_iter().zip(parts).collect())
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
