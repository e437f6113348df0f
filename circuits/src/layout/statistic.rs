//! The statistic of one record, before it is moved to its cell.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{OpenedRecord, Subject};
use crate::{
    Error,
    criteria::{MATCH_CLAUSES_MAX, MatchCriteria},
    record::{ATTRIBUTES, Dosage, WINDOW_VARIANTS},
    rlwe::params::{LAYOUT_SLOTS, SLOT_DIGIT_MAX},
    schema::Schema,
};

/// Slots of one variant: heterozygous, homozygous alternate, called.
pub const SLOTS_PER_VARIANT: u16 = 3;
/// Variants are measured in blocks of this many, so that the circuit masks blocks and not variants.
pub const GENOTYPE_BLOCK: usize = 32;
/// Blocks of a window.
pub const WINDOW_BLOCKS: usize = WINDOW_VARIANTS / GENOTYPE_BLOCK;
/// Attributes whose moments one layout measures.
pub const MOMENT_ATTRIBUTES_MAX: usize = 16;
/// Base-256 digits of a clipped value; a product has twice as many.
pub(crate) const VALUE_DIGITS: usize = 2;
/// The widest range of an attribute in moments: `hi − lo`.
const MOMENT_RANGE_MAX: u32 = (1 << (8 * VALUE_DIGITS)) - 1;
/// Slots of the moments of 16 attributes.
pub const MOMENT_SLOTS_MAX: usize = moment_slots(MOMENT_ATTRIBUTES_MAX);

const _: () = assert!(WINDOW_VARIANTS * SLOTS_PER_VARIANT as usize <= LAYOUT_SLOTS, "a whole window fits");
const _: () = assert!(WINDOW_BLOCKS * GENOTYPE_BLOCK == WINDOW_VARIANTS);
const _: () = assert!(MOMENT_SLOTS_MAX == 577);
const _: () = assert!(SLOT_DIGIT_MAX == 255);

/// `1 + 2k + 4·k(k+1)/2`: the count, the values' digits, the products' digits.
const fn moment_slots(attributes: usize) -> usize {
    1 + VALUE_DIGITS * attributes + VALUE_DIGITS * attributes * (attributes + 1)
}

/// An attribute in moments, with the schema's bounds to which its value is clipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Moment {
    /// Index of the attribute.
    pub attribute: u8,
    /// Values below count as this one; moments are of `x − lo`.
    pub lo: u32,
    /// Values above count as this one; at most `lo + 65,535`.
    pub hi: u32,
}

/// What is summed over the records of a cell.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// One slot: 1 for each record.
    Count,
    /// One slot for each prefix of the match criteria's groups that holds, the empty one first.
    Funnel {
        /// Groups of the match criteria.
        groups: u8,
    },
    /// 1, and for each attribute in turn `xᵢ` and its products `xᵢxⱼ` with those up to itself, in base-256 digits,
    /// the lowest first. Records that lack one of the attributes add nothing.
    Moments {
        /// Up to 16 attributes.
        attributes: Vec<Moment>,
    },
    /// Three slots for each variant of a range within the window: heterozygous, homozygous alternate, called.
    Genotypes {
        /// The first variant within the window, a multiple of 32.
        first: u16,
        /// How many variants, a multiple of 32.
        length: u16,
    },
}

impl Statistic {
    /// Slots of one cell. Saturating for a statistic that `check` refuses.
    #[must_use]
    pub const fn slots(&self) -> u16 {
        match self {
            Self::Count => 1,
            Self::Funnel { groups } => *groups as u16 + 1,
            Self::Moments { attributes } if attributes.len() <= MOMENT_ATTRIBUTES_MAX => {
                moment_slots(attributes.len()) as u16
            }
            Self::Moments { .. } => u16::MAX,
            Self::Genotypes { length, .. } => length.saturating_mul(SLOTS_PER_VARIANT),
        }
    }

    /// The largest value that one record puts into a slot.
    #[must_use]
    pub const fn slot_max_each(&self) -> u32 {
        match self {
            Self::Count | Self::Funnel { .. } | Self::Genotypes { .. } => 1,
            Self::Moments { .. } => SLOT_DIGIT_MAX,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Malformed { what: "statistic", why });
        match self {
            Self::Count => Ok(()),
            Self::Funnel { groups } if (1..=MATCH_CLAUSES_MAX).contains(&usize::from(*groups)) => Ok(()),
            Self::Funnel { groups } => refuse(format!("a funnel of {groups} groups; 1 to {MATCH_CLAUSES_MAX} can be")),
            Self::Moments { attributes } => check_moments(attributes),
            Self::Genotypes { first, length } => {
                let end = usize::from(*first) + usize::from(*length);
                let whole = |value: &u16| usize::from(*value).is_multiple_of(GENOTYPE_BLOCK);
                if *length == 0 || end > WINDOW_VARIANTS || !whole(first) || !whole(length) {
                    return refuse(format!(
                        "variants {first}..{end} must be whole blocks of {GENOTYPE_BLOCK} within 0..{WINDOW_VARIANTS}"
                    ));
                }
                Ok(())
            }
        }
    }

    pub(super) fn check_against(&self, schema: &Schema, window: u32) -> Result<(), Error> {
        match self {
            Self::Count | Self::Funnel { .. } => Ok(()),
            Self::Moments { attributes } => attributes.iter().try_for_each(|moment| {
                schema.check_subject(Subject::Attribute(moment.attribute), window)?;
                match schema.attributes.get(usize::from(moment.attribute)) {
                    Some(attribute) if (attribute.lo, attribute.hi) != (moment.lo, moment.hi) => {
                        let (name, lo, hi) = (&attribute.name, attribute.lo, attribute.hi);
                        let why = format!("moments of {name:?} are clipped to the schema's bounds, {lo}..={hi}");
                        Err(Error::Malformed { what: "statistic", why })
                    }
                    _ => Ok(()),
                }
            }),
            // The last block may reach past the panel, where every dosage is missing.
            Self::Genotypes { first, length } => {
                let last_block = first + length.saturating_sub(GENOTYPE_BLOCK as u16);
                schema.check_subject(Subject::Dosage(last_block), window)
            }
        }
    }

    /// The slots of a record in its cell; none when a measured value is missing.
    pub(super) fn slots_of(&self, matching: &MatchCriteria, record: &OpenedRecord<'_>) -> Vec<u32> {
        match self {
            Self::Count => vec![1],
            Self::Funnel { .. } => {
                let prefix = |holds: &mut bool, group: &Vec<_>| {
                    *holds &= MatchCriteria::group_holds(group, record);
                    Some(u32::from(*holds))
                };
                std::iter::once(1).chain(matching.groups.iter().scan(true, prefix)).collect()
            }
            Self::Moments { attributes } => {
                let value = |moment: &Moment| {
                    let value = record.value(Subject::Attribute(moment.attribute))?;
                    Some(value.clamp(moment.lo, moment.hi) - moment.lo)
                };
                let values: Option<Vec<u32>> = attributes.iter().map(value).collect();
                values.map_or_else(Vec::new, |values| moment_digits(&values))
            }
            Self::Genotypes { first, length } => (*first..first.saturating_add(*length))
                .flat_map(|variant| variant_slots(record.dosage(variant.into())))
                .collect(),
        }
    }
}

fn check_moments(attributes: &[Moment]) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Malformed { what: "statistic", why });
    if attributes.is_empty() || attributes.len() > MOMENT_ATTRIBUTES_MAX {
        return refuse(format!("moments of {} attributes; 1 to {MOMENT_ATTRIBUTES_MAX} can be", attributes.len()));
    }
    for Moment { attribute, lo, hi } in attributes {
        if usize::from(*attribute) >= ATTRIBUTES || lo > hi || hi - lo > MOMENT_RANGE_MAX {
            return refuse(format!(
                "moments of attribute {attribute} within {lo}..={hi}: needs an index below {ATTRIBUTES} and a range of \
                 at most {MOMENT_RANGE_MAX}; give the attribute a coarser scale"
            ));
        }
    }
    Ok(())
}

/// What moments sum, beside the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentTerm {
    /// The value of an attribute, by its place in the layout.
    Value(usize),
    /// The product of two, the later one first.
    Product(usize, usize),
}

impl MomentTerm {
    /// Base-256 digits of its largest value.
    #[must_use]
    pub const fn digits(self) -> usize {
        match self {
            Self::Value(_) => VALUE_DIGITS,
            Self::Product(..) => 2 * VALUE_DIGITS,
        }
    }
}

/// `xᵢ` and then `xᵢxⱼ` for `j ≤ i`, for each `i` in turn, as they follow the count in the slots: a layout of fewer
/// attributes uses a prefix of the slots of one with more.
pub fn moment_terms(attributes: usize) -> impl Iterator<Item = MomentTerm> {
    (0..attributes)
        .flat_map(|i| std::iter::once(MomentTerm::Value(i)).chain((0..=i).map(move |j| MomentTerm::Product(i, j))))
}

/// 1 and the digits of every term, the lowest first.
fn moment_digits(values: &[u32]) -> Vec<u32> {
    let value = |index: usize| values.get(index).copied().unwrap_or_default();
    let digits = moment_terms(values.len()).flat_map(|term| {
        let number = match term {
            MomentTerm::Value(i) => value(i),
            MomentTerm::Product(i, j) => value(i) * value(j),
        };
        number.to_le_bytes().into_iter().take(term.digits()).map(u32::from)
    });
    std::iter::once(1).chain(digits).collect()
}

const fn variant_slots(dosage: Dosage) -> [u32; SLOTS_PER_VARIANT as usize] {
    match dosage {
        Dosage::HomRef => [0, 0, 1],
        Dosage::Het => [1, 0, 1],
        Dosage::HomAlt => [0, 1, 1],
        Dosage::Missing => [0, 0, 0],
    }
}
