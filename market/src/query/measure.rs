//! What a query measures, as researchers name it, and the parts that measure it.

use std::{collections::BTreeSet, fmt, ops::Range};

use circuits::{
    layout::{Axis, GENOTYPE_BLOCK, Layout, Moment, SLOTS_PER_VARIANT, Statistic},
    record::WINDOW_VARIANTS,
    rlwe::params::LAYOUT_SLOTS,
    schema::{Variant, VariantPanel},
};
use noodles::core::{Position, Region};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    NamedAxis, NamedClause,
    named::{Names, refused},
};
use crate::Error;

/// Parts that one measure is laid out in at most, so that the refusal of too many can tell how many.
const MEASURE_PARTS_MAX: usize = 64;
/// Chromosomes that a refusal names at most.
const CHROMOSOMES_NAMED_MAX: usize = 32;

/// One thing that a query measures. Most take one part, one ciphertext and proof of each contributor; panels of many
/// variants take several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "statistic", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// How many people there are, in each cell.
    Count {
        /// Up to three axes; none counts everybody.
        #[serde(default)]
        by: Vec<NamedAxis>,
    },
    /// How many people are left after each group of the match criteria.
    Funnel {
        /// Up to three axes.
        #[serde(default)]
        by: Vec<NamedAxis>,
    },
    /// How an attribute is distributed.
    Histogram {
        /// Its cells.
        of: NamedAxis,
    },
    /// A contingency table with its tests, over strata if one is named.
    Contingency {
        /// Rows.
        rows: NamedAxis,
        /// Columns.
        columns: NamedAxis,
        /// Strata, each with a table of two rows and two columns (Cochran–Mantel–Haenszel).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strata: Option<NamedAxis>,
    },
    /// Means, variances and correlations of attributes, over people who have all of them.
    Moments {
        /// Up to 16 attributes.
        attributes: Vec<String>,
        /// Up to three axes.
        #[serde(default)]
        by: Vec<NamedAxis>,
    },
    /// Whether the mean of an attribute differs between groups: t-test, analysis of variance.
    Comparison {
        /// The attribute.
        attribute: String,
        /// The groups.
        groups: NamedAxis,
    },
    /// Ordinary least squares of an outcome on predictors.
    Regression {
        /// The outcome.
        outcome: String,
        /// Up to 15 predictors.
        predictors: Vec<String>,
    },
    /// Allele frequencies, missingness and Hardy–Weinberg tests of variants.
    AlleleFrequencies {
        /// Which variants; all of the panel without it.
        #[serde(default)]
        variants: VariantRange,
        /// Up to three axes.
        #[serde(default)]
        by: Vec<NamedAxis>,
    },
    /// Association of variants with being a case.
    Association {
        /// Which variants; all of the panel without it.
        #[serde(default)]
        variants: VariantRange,
        /// An axis of two cells: controls, then cases.
        cases: NamedAxis,
    },
    /// Kaplan–Meier curves with a log-rank test over groups, and restricted means.
    Survival {
        /// Bins of the time until the event or the end of observation, no cuts: from the least time on, up to the longest
        /// follow-up. Whoever is followed longer is in no bin and left out.
        time: NamedAxis,
        /// Cut at 1: below it the person was censored, from it on they had the event.
        event: NamedAxis,
        /// Groups to compare.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        groups: Option<NamedAxis>,
        /// Until when restricted means are taken, in the unit of time, as a protocol fixes it beforehand; without it as far
        /// as every group is followed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        horizon: Option<f64>,
    },
}

/// A range of the panel's variants, in its order: by number, or those of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct VariantRange {
    /// Number of the first variant in the panel, a multiple of 32.
    #[serde(default)]
    pub first: u32,
    /// How many variants; up to the panel's end without it. Rounded up to a multiple of 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// A region in place of numbers: a chromosome as `22`, or a stretch of it as `22:16050000-17000000`, both ends
    /// included. Widened on both sides to multiples of 32 variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl VariantRange {
    /// The numbers of the variants in a panel, from a multiple of 32 on.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for numbers outside of the panel, text that is no region, a region that the panel has no
    /// variant of, and a region beside numbers.
    pub fn numbers(&self, panel: &VariantPanel) -> Result<Range<u32>, Error> {
        let (variants, block) = (u32::try_from(panel.variants.len()).unwrap_or(u32::MAX), GENOTYPE_BLOCK as u32);
        let Self { first, count, region } = self;
        let (first, end) = match region {
            Some(_) if *first != 0 || count.is_some() => {
                return Err(refused("variants are given by region and by number; leave one out".into()));
            }
            Some(region) => {
                let within = numbers_within(panel, region)?;
                (within.start / block * block, within.end.next_multiple_of(block).min(variants))
            }
            None => (*first, first.saturating_add(count.unwrap_or(variants.saturating_sub(*first)))),
        };
        if first % block != 0 || first >= variants || end > variants || end == first {
            let why = format!(
                "variants {first} to {end} must begin at a multiple of {block} and lie in the panel's {variants}"
            );
            return Err(refused(why));
        }
        Ok(first..end)
    }
}

/// The variants of a region, by their numbers in the panel.
fn numbers_within(panel: &VariantPanel, text: &str) -> Result<Range<u32>, Error> {
    let region = region(text)?;
    let is_within = |variant: &Variant| {
        let position = usize::try_from(variant.pos).ok().and_then(Position::new);
        **region.name() == *variant.chrom.as_bytes()
            && position.is_some_and(|position| region.interval().contains(position))
    };
    let mut places =
        panel.variants.iter().zip(0u32..).filter(|(variant, _)| is_within(variant)).map(|(_, place)| place);
    let Some(first) = places.next() else {
        let chromosomes: BTreeSet<&str> = panel.variants.iter().map(|variant| variant.chrom.as_str()).collect();
        let named = chromosomes.into_iter().take(CHROMOSOMES_NAMED_MAX).collect::<Vec<_>>().join(", ");
        let build = &panel.build;
        return Err(refused(format!("the panel ({build}) has no variant in {text}; its chromosomes are {named}")));
    };
    let mut end = first.saturating_add(1);
    for place in places {
        if place != end {
            return Err(refused(format!("the panel is in no order: variants of {text} lie apart in it; give numbers")));
        }
        end = end.saturating_add(1);
    }
    Ok(first..end)
}

/// A chromosome, or a stretch of it with both its ends.
fn region(text: &str) -> Result<Region, Error> {
    let why = |what: String| refused(format!("{text:?} is no region such as 22 or 22:16050000-17000000: {what}"));
    let region: Region = text.parse().map_err(|error| why(format!("{error}")))?;
    match (region.interval().start(), region.interval().end()) {
        (Some(_), None) => Err(why("it has no end; one place is its own end".into())),
        (None, None) if text.contains(':') => Err(why("nothing follows the colon".into())),
        (start, Some(end)) if start.is_some_and(|start| start > end) => Err(why("it ends before it begins".into())),
        _ => Ok(region),
    }
}

impl Measure {
    /// The axes of its parts, the slowest first.
    #[must_use]
    pub fn axes(&self) -> Vec<&NamedAxis> {
        match self {
            Self::Count { by }
            | Self::Funnel { by }
            | Self::Moments { by, .. }
            | Self::AlleleFrequencies { by, .. } => by.iter().collect(),
            Self::Histogram { of } => vec![of],
            Self::Contingency { rows, columns, strata } => strata.iter().chain([rows, columns]).collect(),
            Self::Comparison { groups, .. } => vec![groups],
            Self::Regression { .. } => vec![],
            Self::Association { cases, .. } => vec![cases],
            Self::Survival { time, event, groups, .. } => groups.iter().chain([time, event]).collect(),
        }
    }

    /// The parts that measure it, under the match criteria of its query.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for a name that the schema or the panel lacks, or cells that a test cannot use.
    pub(super) fn parts(&self, names: Names<'_>, matching: &[Vec<NamedClause>]) -> Result<Vec<Layout>, Error> {
        let named = self.axes();
        let axes: Vec<Axis> = named.iter().map(|axis| names.axis(axis)).collect::<Result<_, _>>()?;
        self.check_axes(names, &axes)?;
        let clauses: Vec<&NamedClause> = matching.iter().flatten().collect();
        let window = names.window(&named, &clauses)?;
        let one = |statistic| Ok(vec![Layout { window: window.unwrap_or_default(), axes: axes.clone(), statistic }]);
        match self {
            Self::Count { .. } | Self::Histogram { .. } | Self::Contingency { .. } | Self::Survival { .. } => {
                one(Statistic::Count)
            }
            Self::Funnel { .. } => one(Statistic::Funnel { groups: u8::try_from(matching.len()).unwrap_or(u8::MAX) }),
            Self::Moments { attributes, .. } => one(moments(names, attributes.iter())?),
            Self::Comparison { attribute, .. } => one(moments(names, std::iter::once(attribute))?),
            Self::Regression { outcome, predictors } => {
                one(moments(names, std::iter::once(outcome).chain(predictors))?)
            }
            Self::AlleleFrequencies { variants, .. } | Self::Association { variants, .. } => {
                genotypes(names, variants, &axes, window)
            }
        }
    }

    /// What is allowed and may still not be meant.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub(super) fn warnings(&self, names: Names<'_>) -> Result<Vec<String>, Error> {
        let Self::Survival { time: NamedAxis::Bins { attribute, lo, width, count }, .. } = self else {
            return Ok(vec![]);
        };
        let (_, described) = names.attribute(attribute)?;
        let greatest = f64::from(described.hi) / f64::from(described.scale.max(1));
        let end = width.mul_add(f64::from(*count), *lo);
        let beyond = format!(
            "the bins of {attribute} end at {end}, and the schema's times go to {greatest}: whoever is followed until \
             {end} or longer is in no bin and left out, not censored; let the bins reach the longest follow-up"
        );
        Ok(if end <= greatest { vec![beyond] } else { vec![] })
    }

    /// What a test needs of its axes beyond what a layout does.
    fn check_axes(&self, names: Names<'_>, axes: &[Axis]) -> Result<(), Error> {
        let cells = |place: usize| axes.get(place).map_or(0, Axis::cells);
        match self {
            Self::Association { .. } if cells(0) != 2 => {
                Err(refused(format!("cases has {} cells; give controls and cases one each", cells(0))))
            }
            Self::Survival { event, .. } if cells(axes.len().saturating_sub(1)) != 2 => {
                Err(refused(format!("event has other cells than two: {event:?}; cut it at 1")))
            }
            Self::Survival { time, horizon, .. } => check_time(names, time, *horizon),
            Self::Contingency { strata: Some(_), .. } if axes.iter().skip(1).any(|axis| axis.cells() != 2) => {
                let [rows, columns] = [cells(1), cells(2)];
                let why = format!(
                    "tables within strata need two rows and two columns, and this has {rows} and {columns}; cut rows \
                     and columns once each, or leave strata out"
                );
                Err(refused(why))
            }
            Self::Contingency { .. } if axes.iter().rev().take(2).any(|axis| axis.cells() < 2) => {
                Err(refused("a table needs at least two rows and two columns".into()))
            }
            Self::Comparison { .. } if cells(0) < 2 => Err(refused("groups need at least two cells".into())),
            _ => Ok(()),
        }
    }
}

/// Refuses times that a life table cannot use: open cells, bins that begin after people have begun to leave, and a horizon
/// beyond them.
fn check_time(names: Names<'_>, time: &NamedAxis, horizon: Option<f64>) -> Result<(), Error> {
    let NamedAxis::Bins { attribute, lo, width, count } = time else {
        let why = "time needs bins, { attribute, lo, width, count }: in the open cells of cuts nobody's time is known";
        return Err(refused(why.into()));
    };
    let (_, described) = names.attribute(attribute)?;
    let least = f64::from(described.lo) / f64::from(described.scale.max(1));
    if *lo > least {
        let why = format!(
            "the bins of {attribute} begin at {lo}, and times begin at {least}: whoever leaves before would be in no \
             bin and not counted as at risk; let lo be {least}"
        );
        return Err(refused(why));
    }
    let end = width.mul_add(f64::from(*count), *lo);
    match horizon {
        Some(horizon) if !(horizon > 0.0 && horizon < end) => Err(refused(format!(
            "a horizon of {horizon} must be above 0 and before {end}, where the bins of {attribute} end"
        ))),
        _ => Ok(()),
    }
}

fn moments<'n>(names: Names<'_>, attributes: impl Iterator<Item = &'n String>) -> Result<Statistic, Error> {
    let moment = |name: &String| {
        let (index, attribute) = names.attribute(name)?;
        Ok(Moment { attribute: index, lo: attribute.lo, hi: attribute.hi })
    };
    Ok(Statistic::Moments { attributes: attributes.map(moment).collect::<Result<_, Error>>()? })
}

/// The variants that one part has room for, in whole blocks, when people fall into so many cells.
pub(super) fn part_variants_max(cells: u32) -> u32 {
    let block = GENOTYPE_BLOCK as u32;
    LAYOUT_SLOTS as u32 / u32::from(SLOTS_PER_VARIANT) / cells.max(1) / block * block
}

/// Parts for a range of variants: each within one window, of whole blocks, with all cells in the slots.
fn genotypes(names: Names<'_>, range: &VariantRange, axes: &[Axis], window: Option<u32>) -> Result<Vec<Layout>, Error> {
    let Range { start: first, end } = range.numbers(names.panel()?)?;
    let block = GENOTYPE_BLOCK as u32;
    let cells = axes.iter().fold(1u32, |cells, axis| cells.saturating_mul(axis.cells()));
    let room = part_variants_max(cells);
    if room == 0 {
        return Err(refused(format!("{cells} cells leave no room for {block} variants; group by fewer")));
    }
    let mut parts = vec![];
    let mut next = first;
    while next < end {
        let (of_window, place) = (next / WINDOW_VARIANTS as u32, next % WINDOW_VARIANTS as u32);
        let length = (end - next).next_multiple_of(block).min(room).min(WINDOW_VARIANTS as u32 - place);
        if window.is_some_and(|window| window != of_window) {
            return Err(refused("a grouping or matching variant lies in another window than one measured".into()));
        }
        let [place, length16] = [place, length].map(|value| u16::try_from(value).unwrap_or(u16::MAX));
        let statistic = Statistic::Genotypes { first: place, length: length16 };
        if parts.len() >= MEASURE_PARTS_MAX {
            return Err(refused(format!(
                "variants {first} to {end} take more than {MEASURE_PARTS_MAX} parts; ask fewer"
            )));
        }
        parts.push(Layout { window: of_window, axes: axes.to_vec(), statistic });
        next += length;
    }
    Ok(parts)
}

/// The variants that a part of genotypes counts. Blocks are whole, so that the last may reach past the panel's end, where
/// slots stay empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantBlock {
    first: usize,
    held: usize,
    unused: usize,
}

impl VariantBlock {
    /// Those of a part, over a panel of so many variants; none where the part counts something else.
    #[must_use]
    pub fn of(layout: &Layout, panel_variants: u32) -> Option<Self> {
        let Statistic::Genotypes { first, length } = layout.statistic else { return None };
        let first = layout.window as usize * WINDOW_VARIANTS + usize::from(first);
        let held = (panel_variants as usize).saturating_sub(first).min(usize::from(length));
        Some(Self { first, held, unused: usize::from(length) - held })
    }
}

impl fmt::Display for VariantBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} variants of the panel, from number {} on", self.held, self.first)?;
        if self.unused > 0 { write!(f, "; room for {} more stays empty", self.unused) } else { Ok(()) }
    }
}
