//! How precise measures would be over a supposed cohort, and where noise would leave little of them.

use circuits::{
    layout::{Layout, Statistic},
    privacy::{Rho, SlotNoise},
    schema::{Attribute, Schema},
};
use serde::Serialize;

use super::Measure;
use crate::{
    Error,
    statistics::{
        MomentSums, PartSums, Sum,
        survival::{RestrictedMean, first_restricted_mean},
    },
};

/// The precision of one measure over a supposed cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// The measure's place in the file.
    pub measure: usize,
    /// What is estimated.
    pub what: String,
    /// People that it is of, if they spread evenly over the cells: of a count those in a cell, of a share everyone in its
    /// table, of a difference or a ratio everyone compared.
    pub people: f64,
    /// Standard error from sampling alone; none for a count of the cohort itself.
    pub sampling_error: Option<f64>,
    /// Standard error from privacy noise alone; 0 for an exact query.
    pub noise_error: f64,
}

/// A cohort that spreads evenly over every cell. Values are supposed to be uniform over their range and to have nothing to
/// do with each other, and variants to have an allele frequency of a quarter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Supposed<'s> {
    pub(super) schema: &'s Schema,
    pub(super) people: u32,
    /// What the query spends; none for an exact one.
    pub(super) rho: Option<Rho>,
    /// Parts of the query, which share it.
    pub(super) parts: usize,
    /// Subsets of the committee, each of which adds noise.
    pub(super) subsets: usize,
}

impl Supposed<'_> {
    /// How precise each measure would be, and a warning for each that noise would drown.
    ///
    /// # Errors
    /// [`Error::Statistics`] for a layout without slots.
    pub(super) fn foresee(
        &self,
        measures: &[Measure],
        parts: &[Vec<Layout>],
    ) -> Result<(Vec<Expectation>, Vec<String>), Error> {
        let (mut expectations, mut warnings) = (vec![], vec![]);
        for (place, (measure, layouts)) in measures.iter().zip(parts).enumerate() {
            // Parts of one measure may differ in their cells' room, and so in noise: the worst is what to expect.
            let noise = |layout: &Layout| self.variance(layout)(0);
            let Some(layout) = layouts.iter().max_by(|one, other| noise(one).total_cmp(&noise(other))) else {
                continue;
            };
            let precisions = self.expected(measure, layout)?;
            let unheard = || precisions.iter().find(|precision| precision.is_unheard()).map(Precision::unheard);
            let why = self.drowned(measure, layout).or_else(unheard);
            warnings.extend(why.map(|why| format!("measure {}: {why}", place + 1)));
            expectations.extend(precisions.into_iter().filter_map(|precision| precision.of_measure(place)));
        }
        Ok((expectations, warnings))
    }

    /// The variance of the noise in each slot.
    fn variance(&self, layout: &Layout) -> impl Fn(usize) -> f64 + use<> {
        let noise = self.rho.and_then(|rho| SlotNoise::new(layout, rho, self.parts, self.subsets).ok());
        let subsets = self.subsets;
        move |slot| noise.as_ref().map_or(0.0, |noise| noise.variance(slot, subsets))
    }

    fn expected(&self, measure: &Measure, layout: &Layout) -> Result<Vec<Precision>, Error> {
        let (cohort, cells) = (f64::from(self.people), f64::from(layout.cells().max(1)));
        let (people, variance) = (cohort / cells, self.variance(layout)(0));
        Ok(match &layout.statistic {
            Statistic::Count | Statistic::Funnel { .. } => {
                let count = Precision { what: "people in a cell".into(), people, sampling: None, noise: variance };
                let others = [
                    share(measure, layout, cohort, variance),
                    odds_ratio(measure, layout, cohort, variance),
                    self.restricted_mean(measure, layout)?,
                ];
                std::iter::once(count).chain(others.into_iter().flatten()).collect()
            }
            Statistic::Moments { .. } => self.of_moments(measure, layout, people)?,
            Statistic::Genotypes { .. } => of_alleles(measure, people, variance),
        })
    }

    /// The restricted mean of a group whose people have the event, or leave, evenly over the bins; none where noise leaves
    /// nobody to follow so far.
    fn restricted_mean(&self, measure: &Measure, layout: &Layout) -> Result<Option<Precision>, Error> {
        let Measure::Survival { horizon, .. } = measure else { return Ok(None) };
        let (cells, people) = (i64::from(layout.cells().max(1)), i64::from(self.people));
        let mean = |horizon: Option<f64>, variance: &dyn Fn(usize) -> f64| -> Result<Option<RestrictedMean>, Error> {
            let spread = |cell| people * (cell + 1) / cells - people * cell / cells;
            let sums: Vec<Sum> =
                (0..cells).zip(0..).map(|(cell, slot)| Sum::noisy(spread(cell), variance(slot))).collect();
            let PartSums::Counts(cells) = PartSums::of_slots(layout, self.schema, &sums)? else { return Ok(None) };
            Ok(first_restricted_mean(&cells, horizon).ok())
        };
        let Some(noisy) = mean(*horizon, &self.variance(layout))? else { return Ok(None) };
        let Some(exact) = mean(Some(noisy.horizon), &|_| 0.0)? else { return Ok(None) };
        let [noisy_variance, sampling] = [&noisy, &exact].map(|of| of.mean.standard_error.powi(2));
        Ok(Some(Precision {
            what: format!("restricted mean up to {} in a group", noisy.horizon),
            people: f64::from(self.people) / groups(measure, layout),
            sampling: Some(sampling),
            noise: (noisy_variance - sampling).max(0.0),
        }))
    }

    fn of_moments(&self, measure: &Measure, layout: &Layout, people: f64) -> Result<Vec<Precision>, Error> {
        let variance = self.variance(layout);
        let slots: Vec<Sum> = (0..usize::from(layout.slots_used())).map(|slot| Sum::noisy(0, variance(slot))).collect();
        let (PartSums::Moments(cells), Statistic::Moments { attributes }) =
            (PartSums::of_slots(layout, self.schema, &slots)?, &layout.statistic)
        else {
            return Ok(vec![]);
        };
        let Some(noise) = cells.values.first() else { return Ok(vec![]) };
        let described = attributes.iter().enumerate().filter_map(|(place, moment)| {
            let attribute = self.schema.attributes.get(usize::from(moment.attribute))?;
            Some(Measured { attribute, place, range: f64::from(moment.hi - moment.lo), noise, people })
        });
        let measured: Vec<Measured<'_>> = described.collect();
        Ok(match (measure, measured.as_slice()) {
            (Measure::Regression { .. }, [outcome, predictors @ ..]) => {
                predictors.iter().map(|predictor| predictor.slope_of(outcome)).collect()
            }
            (Measure::Comparison { .. }, [measured, ..]) => vec![measured.mean(), measured.difference()],
            (_, measured) => {
                let pairs = measured.iter().enumerate().flat_map(|(place, second)| {
                    measured.iter().take(place).map(|first| second.correlation_with(first))
                });
                measured.iter().map(Measured::mean).chain(pairs).collect()
            }
        })
    }

    /// Why noise would leave little: estimates refuse what is within two deviations of nobody, so a cell of two deviations is
    /// refused half of the time, and one of four hardly ever.
    fn drowned(&self, measure: &Measure, layout: &Layout) -> Option<String> {
        let cells = f64::from(layout.cells().max(1));
        let (place, groups, noise) = match measure {
            // Everybody in a group is at risk at first, in all of its cells together.
            Measure::Survival { .. } => ("group", groups(measure, layout), cells / groups(measure, layout)),
            _ => ("cell", cells, 1.0),
        };
        let deviation = (noise * self.variance(layout)(0)).sqrt();
        let (people, needed) = (f64::from(self.people) / groups, (4.0 * deviation * groups).ceil());
        (deviation > people / 2.0).then(|| {
            format!(
                "noise of standard deviation {deviation:.0} is more than half of the {people:.0} people in a {place}: \
                 estimates would be refused as noise or say little; ask {needed} people or more, spend a larger ε, or \
                 measure less at once"
            )
        })
    }
}

/// How precise an estimate would be, in variances.
struct Precision {
    what: String,
    people: f64,
    sampling: Option<f64>,
    noise: f64,
}

impl Precision {
    /// Whether noise alone makes it as uncertain as one person's values would be.
    fn is_unheard(&self) -> bool {
        self.sampling.is_some_and(|sampling| self.noise > sampling * self.people)
    }

    fn unheard(&self) -> String {
        let Self { what, noise, .. } = self;
        format!(
            "noise of standard deviation {:.3} in {what} is more than people differ: ask more people, spend a larger ε, or \
             measure less at once",
            noise.sqrt()
        )
    }

    /// None where there is nothing to estimate: an attribute of one value has no slope.
    fn of_measure(self, measure: usize) -> Option<Expectation> {
        let Self { what, people, sampling, noise } = self;
        let finite = sampling.unwrap_or_default().is_finite() && noise.is_finite();
        let [sampling_error, noise_error] = [sampling, Some(noise)].map(|variance| variance.map(f64::sqrt));
        finite.then(|| Expectation { measure, what, people, sampling_error, noise_error: noise_error.unwrap_or(0.0) })
    }
}

/// Groups of a measure's first axis; 1 without.
fn groups(measure: &Measure, layout: &Layout) -> f64 {
    let Measure::Survival { groups: Some(_), .. } = measure else { return 1.0 };
    layout.axes.first().map_or(1.0, |axis| f64::from(axis.cells()))
}

/// The noise's variance in a share `p = s/(s + r)` of so many people, where `s` is one cell and `r` the other cells of its
/// table, each with noise of this variance: `V·((1 − p)² + p²·(cells − 1))/people²`.
fn share_noise(variance: f64, share: f64, cells: f64, people: f64) -> f64 {
    variance * ((1.0 - share).powi(2) + share * share * (cells - 1.0)) / (people * people)
}

/// A share of a half of those it is a share of: of a table, of a group's curve, of the step before.
fn share(measure: &Measure, layout: &Layout, cohort: f64, variance: f64) -> Option<Precision> {
    const HALF: f64 = 0.5;
    let cells = f64::from(layout.cells().max(1));
    let (what, people, noise) = match measure {
        Measure::Funnel { .. } => {
            // Two sums beside one another, each counted on its own: (V + p²V)/n².
            let before = cohort / cells;
            ("a share of a half of those before", before, variance * (1.0 + HALF * HALF) / (before * before))
        }
        Measure::Survival { .. } => {
            // A curve at a half has half of its group's cells before it and half after, and as much noise as one of them.
            let groups = groups(measure, layout);
            let (people, cells) = (cohort / groups, cells / groups);
            ("survival of a half in a group", people, share_noise(variance, HALF, cells, people))
        }
        // Tables over strata are summed: a cell then has the noise of several, and at a half the whole's is the same.
        _ if cells > 1.0 => ("a share of a half of everyone", cohort, share_noise(variance, HALF, cells, cohort)),
        _ => return None,
    };
    Some(Precision { what: what.into(), people, sampling: Some(HALF * HALF / people), noise })
}

/// The logarithm of the odds ratio of two rows and two columns, all strata together, of four cells alike: `Σ 1/cell`, and
/// `Σ V/cell²`.
fn odds_ratio(measure: &Measure, layout: &Layout, cohort: f64, variance: f64) -> Option<Precision> {
    let Measure::Contingency { .. } = measure else { return None };
    let strata = match *layout.axes.iter().map(|axis| axis.cells()).collect::<Vec<_>>() {
        [2, 2] => 1,
        [strata, 2, 2] => strata,
        _ => return None,
    };
    let cell = cohort / 4.0;
    let noise = 4.0 * f64::from(strata) * variance / (cell * cell);
    Some(Precision { what: LOG_ODDS_RATIO.into(), people: cohort, sampling: Some(4.0 / cell), noise })
}

const LOG_ODDS_RATIO: &str = "logarithm of an odds ratio of 1";

/// A frequency of a quarter in a cell; of cases and controls also their odds ratio.
fn of_alleles(measure: &Measure, people: f64, variance: f64) -> Vec<Precision> {
    let frequency = 0.25;
    let spread = frequency * (1.0 - frequency);
    // Of (het + 2·hom)/2n with noise in all three.
    let noise = (5.0 + 4.0 * frequency * frequency) * variance / (4.0 * people * people);
    let sampling = spread / (2.0 * people);
    let of_cell = Precision { what: "an allele frequency of 0.25".into(), people, sampling: Some(sampling), noise };
    // The slope of a frequency's log odds is 1/spread, and there are two groups.
    let [sampling, noise] = [sampling, noise].map(|variance| 2.0 * variance / (spread * spread));
    let ratio = Precision { what: LOG_ODDS_RATIO.into(), people: 2.0 * people, sampling: Some(sampling), noise };
    let compared = matches!(measure, Measure::Association { .. });
    std::iter::once(of_cell).chain(compared.then_some(ratio)).collect()
}

/// A measured attribute of a cell's people: uniform over its range, in stored steps.
struct Measured<'m> {
    attribute: &'m Attribute,
    place: usize,
    range: f64,
    /// The cell's sums, of which the noise counts.
    noise: &'m MomentSums,
    people: f64,
}

impl Measured<'_> {
    fn scale(&self) -> f64 {
        f64::from(self.attribute.scale.max(1))
    }

    fn mean(&self) -> Precision {
        let sum = self.noise.values.get(self.place).map_or(0.0, |sum| sum.noise_variance);
        // A mean of half the range: noise in the count moves it too.
        let noise = sum + self.range * self.range / 4.0 * self.noise.count.noise_variance;
        let unit = self.people * self.scale();
        Precision {
            what: format!("mean of {}", self.attribute.name),
            people: self.people,
            sampling: Some(self.range * self.range / 12.0 * self.people / (unit * unit)),
            noise: noise / (unit * unit),
        }
    }

    fn difference(&self) -> Precision {
        let mean = self.mean();
        Precision {
            what: format!("difference of two groups in {}", mean.what),
            people: 2.0 * mean.people,
            sampling: mean.sampling.map(|variance| 2.0 * variance),
            noise: 2.0 * mean.noise,
        }
    }

    /// Of `Σxy − ΣxΣy/n`: of the product, of each sum times the other's mean, of the count times both means.
    fn product_noise(&self, other: &Self) -> f64 {
        let (row, column) = (self.place.max(other.place), self.place.min(other.place));
        let product = self.noise.products.get(row).and_then(|row| row.get(column));
        let value = |measured: &Self| self.noise.values.get(measured.place).map_or(0.0, |sum| sum.noise_variance);
        let [mine, others] = [self, other].map(|measured| measured.range * measured.range / 4.0);
        product.map_or(0.0, |sum| sum.noise_variance)
            + others * value(self)
            + mine * value(other)
            + mine * others * self.noise.count.noise_variance
    }

    /// Of an outcome that it has nothing to do with, so that noise in its own squares does not count.
    fn slope_of(&self, outcome: &Self) -> Precision {
        let squares = self.people * self.range * self.range / 12.0;
        let unit = self.scale() / outcome.scale();
        Precision {
            what: format!("slope of {} on {}, if there is none", outcome.attribute.name, self.attribute.name),
            people: self.people,
            sampling: Some((unit * outcome.range / self.range).powi(2) / self.people),
            noise: unit * unit * self.product_noise(outcome) / (squares * squares),
        }
    }

    fn correlation_with(&self, other: &Self) -> Precision {
        let squares = self.people * self.range * other.range / 12.0;
        Precision {
            what: format!("correlation of {} and {}, if there is none", other.attribute.name, self.attribute.name),
            people: self.people,
            sampling: Some(self.people.recip()),
            noise: self.product_noise(other) / (squares * squares),
        }
    }
}

#[cfg(test)]
mod tests;
