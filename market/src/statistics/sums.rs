//! What the slots of a part mean: a table of sums, one entry for each cell that its axes span.

use circuits::{
    layout::{Axis, Layout, Moment, MomentTerm, SLOTS_PER_VARIANT, Statistic, Subject, moment_terms},
    record::WINDOW_VARIANTS,
    schema::{Attribute, Schema, VariantPanel},
};
use serde::Serialize;

use super::{
    estimate::{Undefined, finite},
    genotypes::Named,
};
use crate::{Error, so_many};

/// A whole number that was summed over people, and the variance of the privacy noise in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sum {
    /// The sum, noise included: negative where noise outweighs it.
    pub value: i64,
    /// Variance of the noise; 0 for an exact sum.
    pub noise_variance: f64,
}

impl Sum {
    /// A sum without noise.
    #[must_use]
    pub const fn exact(value: i64) -> Self {
        Self::noisy(value, 0.0)
    }

    /// A sum with noise of this variance.
    #[must_use]
    pub const fn noisy(value: i64, noise_variance: f64) -> Self {
        Self { value, noise_variance }
    }

    /// Whether it carries noise.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.noise_variance > 0.0
    }

    /// The value; sums stay below 2^53, where every whole number is exact.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "65,536 people times 2^32 is below 2^53")]
    pub const fn to_f64(&self) -> f64 {
        self.value as f64
    }

    /// The sum whose value is this whole number.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "whole numbers below 2^53 come back as they were")]
    pub(crate) const fn of_real(value: f64, noise_variance: f64) -> Self {
        Self::noisy(value as i64, noise_variance)
    }

    /// The value, if it can be a number of people.
    ///
    /// # Errors
    /// [`Undefined::NotACount`] for an exact sum below zero; [`Undefined::OutOfRange`] for a variance that is none.
    pub fn people(&self) -> Result<f64, Undefined> {
        if self.value < 0 && !self.is_noisy() {
            return Err(Undefined::NotACount);
        }
        if self.noise_variance >= 0.0 {
            finite(self.noise_variance)?
        } else {
            return Err(Undefined::OutOfRange);
        };
        Ok(self.to_f64())
    }

    /// `Σ digit·256^place` of sums of digits, the lowest first, with independent noise.
    fn of_digits(digits: &[Self]) -> Self {
        digits.iter().rev().fold(Self::exact(0), |sum, digit| Self {
            value: sum.value.saturating_mul(256).saturating_add(digit.value),
            noise_variance: 65_536.0 * sum.noise_variance + digit.noise_variance,
        })
    }
}

impl std::ops::Add for Sum {
    type Output = Self;

    /// Of independent sums.
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value.saturating_add(other.value),
            noise_variance: self.noise_variance + other.noise_variance,
        }
    }
}

impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::exact(0), std::ops::Add::add)
    }
}

/// The longest meaning of a code that names a cell.
const MEANING_LETTERS_MAX: usize = 16;

/// What a cell of an axis holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellLabel {
    /// In words: `30 to 39`, `60 and more`, `1 copy`.
    pub text: String,
    /// The least value, in the attribute's unit; none for the lowest cell of thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lo: Option<f64>,
    /// The least value of the next cell, in the attribute's unit; none for the highest cell of thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
}

/// A grouping axis, in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AxisLabels {
    /// The attribute's name, or the variant's; without a panel its place in the window.
    pub name: String,
    /// The attribute's unit, or empty.
    pub unit: String,
    /// The least difference between two values, in the unit: times in days with a scale of 1 are a day apart.
    pub step: f64,
    /// Its cells in order.
    pub cells: Vec<CellLabel>,
}

impl AxisLabels {
    /// An axis of a layout over a schema; an attribute that the schema lacks is named by its index.
    #[must_use]
    pub fn of(axis: &Axis, schema: &Schema) -> Self {
        match axis.subject() {
            Subject::Attribute(index) => Self::of_attribute(axis, index, schema.attributes.get(usize::from(index))),
            Subject::Dosage(variant) => {
                let cell = |copies: u32| CellLabel {
                    text: so_many(copies, "copy", "copies"),
                    lo: Some(copies.into()),
                    end: Some(f64::from(copies) + 1.0),
                };
                let name = format!("alternate alleles at variant {variant} of the window");
                Self { name, unit: String::new(), step: 1.0, cells: (0..axis.cells()).map(cell).collect() }
            }
        }
    }

    fn of_attribute(axis: &Axis, index: u8, attribute: Option<&Attribute>) -> Self {
        let scale = f64::from(attribute.map_or(1, |attribute| attribute.scale.max(1)));
        let mut cells: Vec<_> =
            stored_bounds(axis).into_iter().map(|(lo, end)| CellLabel::of_bounds(lo, end, scale)).collect();
        if let Some(attribute) = attribute {
            cells.iter_mut().zip(stored_bounds(axis)).for_each(|(cell, bounds)| cell.name_single(bounds, attribute));
        }
        let (name, unit) = attribute.map_or_else(
            || (format!("attribute {index}"), String::new()),
            |attribute| (attribute.name.clone(), attribute.unit.clone()),
        );
        Self { name, unit, step: scale.recip(), cells }
    }
}

/// What a code means: `male` of 1, where the coding says `1 = male, 2 = female`. Long meanings are for notes.
pub(crate) fn meaning(attribute: &Attribute, stored: u32) -> Option<&str> {
    let meanings = attribute.coding.split(',').filter_map(|meaning| meaning.split_once('='));
    let mut of_code = meanings.filter(|(code, _)| code.trim().parse() == Ok(stored)).map(|(_, word)| word.trim());
    of_code.next().filter(|word| attribute.scale == 1 && (1..=MEANING_LETTERS_MAX).contains(&word.len()))
}

impl CellLabel {
    /// Names a cell that the schema's range leaves one value by it, or by what it means: sex male, death no.
    fn name_single(&mut self, (lo, end): (Option<u32>, Option<u32>), attribute: &Attribute) {
        let last = attribute.hi.saturating_add(1);
        let (lo, end) = (lo.unwrap_or(attribute.lo).max(attribute.lo), end.unwrap_or(last).min(last));
        if end == lo.saturating_add(1) {
            let number = || format!("{}", f64::from(lo) / f64::from(attribute.scale.max(1)));
            self.text = meaning(attribute, lo).map_or_else(number, str::to_owned);
        }
    }

    /// The cell of stored values from `lo` up to but without `end`.
    fn of_bounds(lo: Option<u32>, end: Option<u32>, scale: f64) -> Self {
        let value = |stored: u32| f64::from(stored) / scale;
        let text = match (lo, end) {
            (Some(lo), Some(end)) if end == lo + 1 => format!("{}", value(lo)),
            (Some(lo), Some(end)) => format!("{} to {}", value(lo), value(end - 1)),
            (None, Some(end)) => format!("below {}", value(end)),
            (Some(lo), None) => format!("{} and more", value(lo)),
            (None, None) => "all".into(),
        };
        Self { text, lo: lo.map(value), end: end.map(value) }
    }
}

/// Each cell's least stored value and the next cell's.
fn stored_bounds(axis: &Axis) -> Vec<(Option<u32>, Option<u32>)> {
    match axis {
        Axis::Bins { lo, width, count, .. } => {
            let bound = |bin: u32| lo.saturating_add(width.saturating_mul(bin));
            (0..u32::from(*count)).map(|bin| (Some(bound(bin)), Some(bound(bin + 1)))).collect()
        }
        Axis::Thresholds { .. } | Axis::Dosage { .. } => {
            let starts = std::iter::once(None).chain(axis.cuts().iter().copied().map(Some));
            let ends = axis.cuts().iter().copied().map(Some).chain(std::iter::once(None));
            starts.zip(ends).collect()
        }
    }
}

/// One value for each cell that axes span, the first axis the slowest; without axes one value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cells<T> {
    /// The axes.
    pub axes: Vec<AxisLabels>,
    /// The values, in the layout's order.
    pub values: Vec<T>,
}

impl<T> Cells<T> {
    /// The same table of what a function makes of each value.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Cells<U> {
        Cells { axes: self.axes.clone(), values: self.values.iter().map(f).collect() }
    }

    /// Cells of each axis.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.cells.len()).collect()
    }

    /// The cell's name: its place on every axis, in words.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        let mut rest = index;
        let mut words = vec![];
        for axis in self.axes.iter().rev() {
            let cells = axis.cells.len().max(1);
            if let Some(cell) = axis.cells.get(rest % cells) {
                words.push(format!("{} {}", axis.name, cell.text));
            }
            rest /= cells;
        }
        words.reverse();
        words.join(", ")
    }
}

/// The moments of a cell: of people who have every attribute measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MomentSums {
    /// People.
    pub count: Sum,
    /// `Σ xᵢ` for each attribute, where `x` is the stored value, clipped, less the schema's least.
    pub values: Vec<Sum>,
    /// `Σ xᵢxⱼ` for `j ≤ i`: row `i` has `i + 1` entries.
    pub products: Vec<Vec<Sum>>,
}

/// The genotypes of one variant in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GenotypeSums {
    /// Heterozygous people.
    pub het: Sum,
    /// People homozygous for the alternate allele.
    pub hom_alt: Sum,
    /// People with a call.
    pub called: Sum,
}

/// A part's slots as its layout means them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartSums {
    /// People in each cell.
    Counts(Cells<Sum>),
    /// People in each cell that satisfy each prefix of the match criteria's groups.
    Funnel(Cells<Vec<Sum>>),
    /// Moments in each cell.
    Moments(Cells<MomentSums>),
    /// Genotypes of each variant in each cell.
    Genotypes(Cells<Vec<GenotypeSums>>),
}

impl PartSums {
    /// The axes of its cells.
    pub(super) const fn axes_mut(&mut self) -> &mut Vec<AxisLabels> {
        match self {
            Self::Counts(Cells { axes, .. })
            | Self::Funnel(Cells { axes, .. })
            | Self::Moments(Cells { axes, .. })
            | Self::Genotypes(Cells { axes, .. }) => axes,
        }
    }

    /// The same with variants of axes named from the panel: `22:16050612 C>G` for `variant 7 of the window`.
    #[must_use]
    pub fn naming_variants(mut self, layout: &Layout, panel: &VariantPanel) -> Self {
        for (labels, axis) in self.axes_mut().iter_mut().zip(&layout.axes) {
            let Subject::Dosage(place) = axis.subject() else { continue };
            let place = layout.window as usize * WINDOW_VARIANTS + usize::from(place);
            if let Some(variant) = panel.variants.get(place) {
                labels.name = Named(variant).to_string();
            }
        }
        self
    }

    /// Reads a part's slots.
    ///
    /// # Errors
    /// [`Error::Statistics`] when there are fewer slots than the layout uses.
    pub fn of_slots(layout: &Layout, schema: &Schema, slots: &[Sum]) -> Result<Self, Error> {
        let used = usize::from(layout.slots_used());
        if slots.len() < used || used == 0 {
            let why = format!("{} slots where the layout has {used}", slots.len());
            return Err(Error::Statistics { what: "the sums of a part", why });
        }
        let axes = || layout.axes.iter().map(|axis| AxisLabels::of(axis, schema)).collect();
        let cells = || slots.chunks_exact(layout.statistic.slots().into()).take(layout.cells() as usize);
        Ok(match &layout.statistic {
            Statistic::Count => Self::Counts(Cells { axes: axes(), values: cells().flatten().copied().collect() }),
            Statistic::Funnel { .. } => {
                Self::Funnel(Cells { axes: axes(), values: cells().map(<[_]>::to_vec).collect() })
            }
            Statistic::Moments { attributes } => {
                Self::Moments(Cells { axes: axes(), values: cells().map(|cell| moments(attributes, cell)).collect() })
            }
            Statistic::Genotypes { .. } => {
                Self::Genotypes(Cells { axes: axes(), values: cells().map(genotypes).collect() })
            }
        })
    }
}

/// The terms of a cell's moments; digits that a value's range never reaches are zero whatever their noise.
fn moments(attributes: &[Moment], cell: &[Sum]) -> MomentSums {
    let count = cell.first().copied().unwrap_or(Sum::exact(0));
    let mut sums = MomentSums { count, values: vec![], products: vec![] };
    let mut digits = cell.iter().skip(1);
    let range = |index: usize| attributes.get(index).map_or(0, |moment| u64::from(moment.hi - moment.lo));
    for term in moment_terms(attributes.len()) {
        let largest = match term {
            MomentTerm::Value(i) => range(i),
            MomentTerm::Product(i, j) => range(i) * range(j),
        };
        let taken: Vec<Sum> = digits.by_ref().take(term.digits()).copied().collect();
        let reached = (0..taken.len()).take_while(|digit| largest >> (8 * digit) > 0).count();
        let sum = Sum::of_digits(taken.get(..reached).unwrap_or_default());
        match term {
            MomentTerm::Value(_) => {
                sums.values.push(sum);
                sums.products.push(vec![]);
            }
            MomentTerm::Product(..) => sums.products.last_mut().into_iter().for_each(|row| row.push(sum)),
        }
    }
    sums
}

fn genotypes(cell: &[Sum]) -> Vec<GenotypeSums> {
    let variant = |slots: &[Sum]| match *slots {
        [het, hom_alt, called] => Some(GenotypeSums { het, hom_alt, called }),
        _ => None,
    };
    cell.chunks_exact(SLOTS_PER_VARIANT.into()).filter_map(variant).collect()
}

#[cfg(test)]
mod tests {
    use circuits::{criteria::MatchCriteria, record::MISSING};

    use super::{super::testing, *};

    fn schema() -> Schema {
        testing::schema(&[("age", 1, 120), ("glucose", 10, 4_000)])
    }

    fn sum(layout: &Layout, people: &[[u32; 2]]) -> Vec<Sum> {
        let people: Vec<Vec<u32>> = people.iter().map(|person| person.to_vec()).collect();
        testing::slots(layout, &MatchCriteria::default(), &people)
    }

    #[test]
    fn moments_are_sums_of_values_and_products_in_each_cell() {
        let moment = |attribute, hi| Moment { attribute, lo: 0, hi };
        let layout = Layout {
            window: 0,
            axes: vec![Axis::Thresholds { attribute: 0, cuts: vec![50] }],
            statistic: Statistic::Moments { attributes: vec![moment(0, 120), moment(1, 4_000)] },
        };
        let people = [[40, 1_000], [45, 3_999], [70, 2_000], [71, MISSING]];
        let PartSums::Moments(cells) = PartSums::of_slots(&layout, &schema(), &sum(&layout, &people)).unwrap() else {
            panic!("moments")
        };
        let young = &cells.values[0];
        assert_eq!((young.count.value, young.values[0].value, young.values[1].value), (2, 85, 4_999));
        assert_eq!(young.products[0][0].value, 40 * 40 + 45 * 45);
        assert_eq!(young.products[1][0].value, 40 * 1_000 + 45 * 3_999);
        assert_eq!(young.products[1][1].value, 1_000 * 1_000 + 3_999 * 3_999);
        assert_eq!(cells.values[1].count.value, 1, "complete cases");
        assert_eq!((cells.name(0), cells.name(1)), ("age below 50".into(), "age 50 and more".into()));
    }

    #[test]
    fn noise_in_digits_that_a_range_never_reaches_does_not_count() {
        let layout = Layout {
            window: 0,
            axes: vec![],
            statistic: Statistic::Moments { attributes: vec![Moment { attribute: 0, lo: 0, hi: 120 }] },
        };
        let slots: Vec<Sum> = [10, 90, 5, 70, 3, 9, 9].map(|value| Sum::noisy(value, 1.0)).to_vec();
        let PartSums::Moments(cells) = PartSums::of_slots(&layout, &schema(), &slots).unwrap() else {
            panic!("moments")
        };
        // 120 fits one digit and 14,400 two.
        assert_eq!(cells.values[0].values[0], Sum::noisy(90, 1.0));
        assert_eq!(cells.values[0].products[0][0], Sum::noisy(70 + 3 * 256, 65_537.0));
    }

    #[test]
    fn bins_are_named_by_their_values_in_the_attributes_unit() {
        let axis = Axis::Bins { attribute: 1, lo: 0, width: 500, count: 2 };
        let labels = AxisLabels::of(&axis, &schema());
        assert_eq!(labels.cells[1].text, "50 to 99.9");
        assert_eq!((labels.cells[1].lo, labels.cells[1].end), (Some(50.0), Some(100.0)));
    }

    #[test]
    fn too_few_slots_are_refused() {
        let axes = vec![Axis::Bins { attribute: 0, lo: 0, width: 10, count: 3 }];
        let layout = Layout { axes, ..Layout::count() };
        assert!(PartSums::of_slots(&layout, &schema(), &[Sum::exact(1); 2]).is_err());
    }
}
