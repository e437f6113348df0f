//! Clauses and axes by name, with values in the attribute's unit.

use std::fmt;

use circuits::{
    criteria::MatchClause,
    layout::{Axis, CUTS_MAX, Subject},
    record::WINDOW_VARIANTS,
    schema::{Attribute, Schema, Variant, VariantPanel},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// `lo ≤ value ≤ hi` of an attribute, in its unit, or of the copies of a variant's alternate allele.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedClause {
    /// The attribute's name in the schema; leave out for a variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The variant as `22:16050612 C>G`; only match criteria may name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Least value, in the attribute's unit, such as 30 or 54.3.
    pub lo: f64,
    /// Greatest value, in the attribute's unit.
    pub hi: f64,
    /// Whether values outside the interval are meant. A missing value satisfies neither.
    #[serde(default)]
    pub negated: bool,
}

impl NamedClause {
    /// A clause of the ledger, under a schema and the panel that a window of it names; an attribute or variant that is not
    /// at hand is named by its number.
    #[must_use]
    pub fn of(clause: &MatchClause, schema: &Schema, panel: Option<&VariantPanel>, window: u32) -> Self {
        let MatchClause { subject, lo, hi, negated } = *clause;
        let mut named = Self { attribute: None, variant: None, lo: lo.into(), hi: hi.into(), negated };
        match subject {
            Subject::Attribute(index) => {
                let (name, scale) = name_and_scale(schema, index);
                (named.lo, named.hi) = (named.lo / scale, named.hi / scale);
                named.attribute = Some(name);
            }
            Subject::Dosage(place) => named.variant = Some(name_of_variant(panel, window, place)),
        }
        named
    }
}

/// An attribute's name and scale, or its number where the schema lacks it.
pub(super) fn name_and_scale(schema: &Schema, index: u8) -> (String, f64) {
    let attribute = schema.attributes.get(usize::from(index));
    let scale = f64::from(attribute.map_or(1, |attribute| attribute.scale.max(1)));
    (attribute.map_or_else(|| format!("attribute {index}"), |attribute| attribute.name.clone()), scale)
}

/// The name of a window's variant, or its number where no panel is at hand.
fn name_of_variant(panel: Option<&VariantPanel>, window: u32, place: u16) -> String {
    let place = window as usize * WINDOW_VARIANTS + usize::from(place);
    let variant = panel.and_then(|panel| panel.variants.get(place));
    variant.map_or_else(|| format!("variant {place}"), variant_name)
}

impl fmt::Display for NamedClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, variant, lo, hi, negated } = self;
        let not = if *negated { "not " } else { "" };
        let values = if lo == hi { format!("{not}{lo}") } else { format!("{not}{lo} to {hi}") };
        match (attribute, variant) {
            (None, Some(variant)) => {
                let copies = if lo == hi && *lo == 1.0 { "copy" } else { "copies" };
                write!(f, "{values} {copies} of {variant}")
            }
            (attribute, _) => write!(f, "{} {values}", attribute.as_deref().unwrap_or("?")),
        }
    }
}

/// How people are grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum NamedAxis {
    /// Cells between lower bounds: `{ "attribute": "age", "cuts": [40, 60] }` gives three.
    Cuts {
        /// The attribute's name.
        attribute: String,
        /// Increasing lower bounds of the second and later cells, in the attribute's unit; at most 15.
        cuts: Vec<f64>,
    },
    /// Equal cells: `{ "attribute": "age", "lo": 0, "width": 10, "count": 12 }`. Values outside fall in none.
    Bins {
        /// The attribute's name.
        attribute: String,
        /// Least value of the first cell, in the attribute's unit.
        lo: f64,
        /// Width of each, in the attribute's unit.
        width: f64,
        /// How many.
        count: u16,
    },
    /// Cells for 0, 1 and 2 copies of a variant's alternate allele: `{ "variant": "22:16050612 C>G" }`.
    Variant {
        /// The variant.
        variant: String,
    },
}

impl NamedAxis {
    /// An axis of the ledger, by names as [`NamedClause::of`] has them.
    pub(super) fn of(axis: &Axis, schema: &Schema, panel: Option<&VariantPanel>, window: u32) -> Self {
        match axis {
            Axis::Thresholds { attribute, cuts } => {
                let (attribute, scale) = name_and_scale(schema, *attribute);
                Self::Cuts { attribute, cuts: cuts.iter().map(|cut| f64::from(*cut) / scale).collect() }
            }
            Axis::Bins { attribute, lo, width, count } => {
                let (attribute, scale) = name_and_scale(schema, *attribute);
                let [lo, width] = [*lo, *width].map(|value| f64::from(value) / scale);
                Self::Bins { attribute, lo, width, count: *count }
            }
            Axis::Dosage { variant } => Self::Variant { variant: name_of_variant(panel, window, *variant) },
        }
    }
}

/// What names are resolved against.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) panel: Option<&'a VariantPanel>,
}

pub(super) fn refused(why: String) -> Error {
    Error::QueryFile { why }
}

impl<'a> Names<'a> {
    /// An attribute's index and description.
    pub(super) fn attribute(&self, name: &str) -> Result<(u8, &'a Attribute), Error> {
        let index = self.schema.attribute_index(name);
        index.and_then(|index| Some((u8::try_from(index).ok()?, self.schema.attributes.get(index)?))).ok_or_else(|| {
            let known: Vec<_> = self.schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            refused(format!("the schema has no attribute {name:?}; it has {}", known.join(", ")))
        })
    }

    /// The panel; needed once a variant is named.
    pub(super) fn panel(&self) -> Result<&'a VariantPanel, Error> {
        let why = "it names variants and the schema's panel is not at hand; nobody has stored it";
        self.panel.ok_or_else(|| refused(why.into()))
    }

    /// A variant's place in the panel.
    fn variant(&self, name: &str) -> Result<usize, Error> {
        let place = self.panel()?.variants.iter().position(|variant| variant_name(variant) == name);
        place.ok_or_else(|| refused(format!("the panel has no variant {name:?}; write it as 22:16050612 C>G")))
    }

    /// The window that holds every variant named in axes and clauses, if any is named.
    pub(super) fn window(&self, axes: &[&NamedAxis], clauses: &[&NamedClause]) -> Result<Option<u32>, Error> {
        let of_axes = axes.iter().filter_map(|axis| match axis {
            NamedAxis::Variant { variant } => Some(variant),
            NamedAxis::Cuts { .. } | NamedAxis::Bins { .. } => None,
        });
        let mut window = None;
        for name in of_axes.chain(clauses.iter().filter_map(|clause| clause.variant.as_ref())) {
            let found = u32::try_from(self.variant(name)? / WINDOW_VARIANTS).unwrap_or(u32::MAX);
            if window.is_some_and(|window| window != found) {
                let why = format!("{name} lies in another window of {WINDOW_VARIANTS} variants than one named before");
                return Err(refused(why));
            }
            window = Some(found);
        }
        Ok(window)
    }

    fn dosage(&self, name: &str) -> Result<u16, Error> {
        let place = self.variant(name)? % WINDOW_VARIANTS;
        Ok(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// A clause over what it names.
    pub(super) fn clause(&self, named: &NamedClause) -> Result<MatchClause, Error> {
        let NamedClause { lo, hi, negated, .. } = named;
        match (&named.attribute, &named.variant) {
            (Some(name), None) => {
                let (index, attribute) = self.attribute(name)?;
                let (lo, hi) = (stored(attribute, *lo)?, stored(attribute, *hi)?);
                check_range(named, attribute, lo, hi)?;
                Ok(MatchClause { subject: Subject::Attribute(index), lo, hi, negated: *negated })
            }
            (None, Some(name)) => {
                let copies = |value: f64| [0u32, 1, 2].into_iter().find(|copies| f64::from(*copies) == value);
                let (Some(least), Some(most)) = (copies(*lo), copies(*hi)) else {
                    return Err(refused(format!("{name} from {lo} to {hi}: people have 0, 1 or 2 copies")));
                };
                let subject = Subject::Dosage(self.dosage(name)?);
                Ok(MatchClause { subject, lo: least, hi: most, negated: *negated })
            }
            _ => Err(refused("a clause names either an attribute or a variant".into())),
        }
    }

    /// An axis over what it names.
    pub(super) fn axis(&self, named: &NamedAxis) -> Result<Axis, Error> {
        match named {
            NamedAxis::Cuts { attribute, cuts } => {
                let (index, described) = self.attribute(attribute)?;
                if cuts.is_empty() || cuts.len() > CUTS_MAX || !cuts.is_sorted_by(|one, other| one < other) {
                    return Err(refused(format!("{attribute}: cuts {cuts:?} must increase, 1 to {CUTS_MAX} of them")));
                }
                let cuts = cuts.iter().map(|cut| stored(described, *cut)).collect::<Result<_, _>>()?;
                Ok(Axis::Thresholds { attribute: index, cuts })
            }
            NamedAxis::Bins { attribute, lo, width, count } => {
                let (index, described) = self.attribute(attribute)?;
                let (lo, width) = (stored(described, *lo)?, stored(described, *width)?);
                Ok(Axis::Bins { attribute: index, lo, width, count: *count })
            }
            NamedAxis::Variant { variant } => Ok(Axis::Dosage { variant: self.dosage(variant)? }),
        }
    }
}

/// The name of a variant in files: chromosome, position and alleles.
#[must_use]
pub fn variant_name(variant: &Variant) -> String {
    format!("{}:{} {}>{}", variant.chrom, variant.pos, variant.reference, variant.alternate)
}

/// Refuses an interval that is empty or holds no value that a record can have: its query would cost and find nobody.
fn check_range(named: &NamedClause, attribute: &Attribute, lo: u32, hi: u32) -> Result<(), Error> {
    let name = &attribute.name;
    if lo > hi {
        return Err(refused(format!("{name} from {} to {} holds no value; the least comes first", named.lo, named.hi)));
    }
    if lo > attribute.hi || hi < attribute.lo {
        let value = |stored: u32| f64::from(stored) / f64::from(attribute.scale.max(1));
        let (least, greatest) = (value(attribute.lo), value(attribute.hi));
        let why = format!("{name} from {} to {} is outside the schema's {least} to {greatest}", named.lo, named.hi);
        return Err(refused(why));
    }
    Ok(())
}

/// A value in an attribute's unit as the integer that records hold: the value times the attribute's scale.
fn stored(attribute: &Attribute, value: f64) -> Result<u32, Error> {
    let product = value * f64::from(attribute.scale);
    // Decimal fractions such as 54.3 are not exact in binary; what is a thousandth off is another value.
    if !(0.0..=f64::from(u32::MAX)).contains(&product) || (product - product.round()).abs() > 1e-3 {
        let (name, scale) = (&attribute.name, attribute.scale.max(1));
        let steps = if scale == 1 { "whole numbers".into() } else { format!("multiples of 1/{scale}") };
        let [least, most] = [attribute.lo, attribute.hi].map(|bound| f64::from(bound) / f64::from(scale));
        return Err(refused(format!("{value} for {name}: its values are {steps} from {least} to {most}")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0..=u32::MAX")]
    Ok(product.round() as u32)
}
/// Groups of clauses in words: alternatives joined by "or", groups by "and".
#[must_use]
pub fn groups_in_words(groups: &[Vec<NamedClause>]) -> String {
    let group = |group: &Vec<NamedClause>| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    groups.iter().map(group).collect::<Vec<_>>().join(", and ")
}
