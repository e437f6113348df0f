//! Reading released sums: which measures they are of, their statistics, and the notes that every figure carries.

use std::collections::BTreeSet;

use circuits::{
    criteria::{Clause, MatchClause},
    domain::{ByteTag, hash},
    id::QueryId,
    layout::{Axis, Layout, Statistic, Subject},
    privacy::Epsilon,
    quorum::Quorum,
    schema::{Schema, VariantPanel},
};
use market::{
    query::{Measure, NamedClause, Privacy, QueryFile, VariantRange},
    researcher::sums,
    so_many,
    statistics::{
        PartSums, Sum,
        analysis::{Analysis, Context, analyze, score},
        genotypes::Weights,
    },
};
use node::{
    query::{CohortQuery, PrivacyMode},
    state::{QueryState, QueryStatus, StateRead},
};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What of a result's file is read: `locus result --json` writes it, and so does a receipt under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResultFile {
    pub(crate) query: QueryId,
    #[serde(alias = "result")]
    pub(crate) slots: Vec<Vec<i32>>,
}

impl ResultFile {
    /// The query that it is of, in a ledger's state, which must be released.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a query that is not there, [`Error::Request`] for one that is not released.
    pub(crate) fn released(&self, state: &(impl StateRead + ?Sized)) -> Result<QueryState, Error> {
        let unknown = || Error::NotFound { what: "query", id: self.query.to_string() };
        let query = state.query(self.query)?.ok_or_else(unknown)?;
        if let QueryStatus::Released { .. } = query.status {
            return Ok(query);
        }
        let why = format!("query {} is not released, so nobody can have its sums", self.query);
        Err(Error::Request { what: "result", why })
    }
}

/// An ε as people write it: 0, or a multiple of 0.001.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn epsilon(text: &str) -> Result<Epsilon, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is no number; give ε as 0.5"))?;
    if value == 0.0 {
        return Ok(Epsilon::from_milli(0));
    }
    match Privacy::Epsilon(value).mode().map_err(|error| error.to_string())? {
        PrivacyMode::Private { epsilon_milli } => Ok(epsilon_milli),
        PrivacyMode::Exact => Err("give ε as 0.5".into()),
    }
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
    /// The measures of the query, from its file or else from its parts.
    ///
    /// # Errors
    /// [`Error::Market`] when the file means other parts than the query's.
    pub(crate) fn measures(&self, file: Option<QueryFile>) -> Result<Vec<Measured>, Error> {
        let Some(file) = file else { return Ok(by_layout(&self.state.query)) };
        let parts = file.parts(self.schema, self.panel)?;
        if parts.concat() != self.state.query.parts {
            let why = format!("it measures other parts than query {}", self.id);
            return Err(market::Error::QueryFile { why }.into());
        }
        Ok(file.measures.into_iter().zip(parts).collect())
    }

    /// The statistics of each measure.
    ///
    /// # Errors
    /// [`Error::Market`] when the sums are not those of the measures.
    pub(crate) fn analyze(&self, measures: &[Measured], slots: &[Vec<i32>]) -> Result<Vec<Analysis>, Error> {
        self.each(measures, slots, |measure, layouts, sums| Ok(analyze(measure, layouts, sums, self.context())?))
    }

    /// The mean scores of each measure of genotypes under a table of weights.
    ///
    /// # Errors
    /// As [`Self::analyze`], and [`Error::Input`] when no measure is of genotypes.
    pub(crate) fn scores(
        &self,
        measures: &[Measured],
        slots: &[Vec<i32>],
        weights: &Weights,
    ) -> Result<Vec<Analysis>, Error> {
        let of_genotypes =
            |measure: &Measure| matches!(measure, Measure::AlleleFrequencies { .. } | Measure::Association { .. });
        if !measures.iter().any(|(measure, _)| of_genotypes(measure)) {
            let why = "the query counts no genotypes, which a score needs; ask allele frequencies or an association";
            return Err(Error::Input { what: "weights", why: why.into() });
        }
        let scores = self.each(measures, slots, |measure, layouts, sums| {
            let scored = of_genotypes(measure).then(|| score(layouts, sums, self.context(), weights));
            Ok(scored.transpose()?)
        })?;
        Ok(scores.into_iter().flatten().collect())
    }

    fn context(&self) -> Context<'_> {
        let seed = hash(ByteTag::Query, &[b"simulations", self.id.as_bytes()]).to_bytes();
        let (contributors, matched) = (Some(self.state.surviving), !self.state.query.matching.groups.is_empty());
        Context { schema: self.schema, panel: self.panel, contributors, matched, seed }
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
        let people = so_many(self.state.surviving, "certified contribution.", "certified contributions.");
        let subsets = u8::try_from(self.quorum.subset_count()).unwrap_or(u8::MAX);
        let privacy = match self.state.query.rho() {
            None => "Exact sums.".into(),
            Some(rho) => {
                format!(
                    "Differential privacy: ε = {}, δ = 10⁻⁹; noise in each released count has standard deviation {}, {:.1} \
                     times what one trusted party would add, since each of {subsets} components carries its own. \
                     Intervals and tests include it; a count may come out below zero, and above the number of \
                     contributions.",
                    rho.epsilon(),
                    self.count_deviations(),
                    f64::from(subsets).sqrt()
                )
            }
        };
        [vec![people, privacy], self.asked(), self.criteria(), codings(&self.state.query, self.schema)].concat()
    }

    /// Who was asked, by the public criteria.
    fn asked(&self) -> Vec<String> {
        let named = |clause: &Clause| NamedClause::of(&MatchClause::from(*clause), self.schema, None, 0).to_string();
        let group = |group: &Vec<Clause>| group.iter().map(named).collect::<Vec<_>>().join(" or ");
        let groups: Vec<String> = self.state.query.criteria.groups.iter().map(group).collect();
        if groups.is_empty() { vec![] } else { vec![format!("Asked of people with {}.", groups.join("; "))] }
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

/// What the numbers of coded attributes mean that people are grouped or chosen by, or that are measured.
pub(crate) fn codings(query: &CohortQuery, schema: &Schema) -> Vec<String> {
    let axes = query.parts.iter().flat_map(|layout| &layout.axes).map(Axis::subject);
    let matched = query.matching.groups.iter().flatten().map(|clause| clause.subject);
    let asked = query.criteria.groups.iter().flatten().map(|clause| Subject::Attribute(clause.attribute));
    let measured = query.parts.iter().flat_map(|layout| match &layout.statistic {
        Statistic::Moments { attributes } => attributes.as_slice(),
        _ => &[],
    });
    let measured = measured.map(|moment| Subject::Attribute(moment.attribute));
    let named: BTreeSet<u8> = axes
        .chain(matched)
        .chain(asked)
        .chain(measured)
        .filter_map(|subject| match subject {
            Subject::Attribute(index) => Some(index),
            Subject::Dosage(_) => None,
        })
        .collect();
    let attributes = named.iter().filter_map(|index| schema.attributes.get(usize::from(*index)));
    let coded = attributes.filter(|attribute| attribute.coding.contains('='));
    coded.map(|attribute| format!("{}: {}.", attribute.name, attribute.coding)).collect()
}

/// Whether a query looks at variants by name, beside counting them.
pub(crate) fn names_variants(query: &CohortQuery) -> bool {
    let of_axis = |axis: &Axis| matches!(axis.subject(), Subject::Dosage(_));
    query.matching.reads_dosages() || query.parts.iter().flat_map(|layout| &layout.axes).any(of_axis)
}
