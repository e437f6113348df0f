//! Filters on attributes, as a Beacon request writes them.

use circuits::{
    criteria::MatchClause,
    layout::Subject,
    record::MISSING,
    schema::{Attribute, Schema},
};

/// How a value stands to the filter's (`AlphanumericFilter` of the Beacon framework).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!`
    Not,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    LessOrEqual,
    /// `>=`
    GreaterOrEqual,
}

impl Operator {
    /// Every operator as requests write it; one that begins another comes after it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
        ("!", Self::Not),
    ];
}

/// A filter: `age >= 40`, `sex = female`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The attribute's name in a schema, or the code of its vocabulary (`LOINC:30525-0`).
    pub id: String,
    /// How the value stands to the filter's.
    pub operator: Operator,
    /// A number in the attribute's unit, or the word that the attribute's coding gives a code.
    pub value: String,
}

impl Filter {
    /// The attribute that it names in a schema.
    pub(super) fn attribute<'s>(&self, schema: &'s Schema) -> Option<(u8, &'s Attribute)> {
        let named = |attribute: &Attribute| attribute.name == self.id || attribute.coding == self.id;
        let index = schema.attributes.iter().position(named)?;
        Some((u8::try_from(index).ok()?, schema.attributes.get(index)?))
    }

    /// What it asks of a record under a schema; `None` when the schema lacks the attribute or the value, so that the
    /// filter holds for nobody there.
    pub(super) fn clause(&self, schema: &Schema) -> Option<MatchClause> {
        let (index, attribute) = self.attribute(schema)?;
        let value = stored(attribute, &self.value)?;
        let (lo, hi) = match self.operator {
            Operator::Equal | Operator::Not => (whole(value)?, whole(value)?),
            Operator::Less => (0, below(value.ceil() - 1.0)?),
            Operator::LessOrEqual => (0, below(value.floor())?),
            Operator::Greater => (above(value.floor() + 1.0)?, MISSING - 1),
            Operator::GreaterOrEqual => (above(value.ceil())?, MISSING - 1),
        };
        let negated = self.operator == Operator::Not;
        Some(MatchClause { subject: Subject::Attribute(index), lo, hi, negated })
    }
}

/// The words that an attribute's coding gives its codes: `1 = male, 2 = female`.
pub(super) fn words(attribute: &Attribute) -> impl Iterator<Item = (u32, &str)> {
    let meanings = attribute.coding.split(',').filter_map(|meaning| meaning.split_once('='));
    meanings.filter_map(|(code, word)| Some((code.trim().parse().ok()?, word.trim())))
}

/// A value as records hold it, times the scale, and maybe between two of theirs. Decimal fractions such as 54.3 are not
/// exact in binary; what is within a thousandth of a whole number is that number.
fn stored(attribute: &Attribute, value: &str) -> Option<f64> {
    if let Some((code, _)) = words(attribute).find(|(_, word)| word.eq_ignore_ascii_case(value.trim())) {
        return Some(code.into());
    }
    let product = value.trim().parse::<f64>().ok()? * f64::from(attribute.scale);
    let rounded = if (product - product.round()).abs() <= 1e-3 { product.round() } else { product };
    rounded.is_finite().then_some(rounded)
}

/// A value that records can hold.
fn whole(value: f64) -> Option<u32> {
    if value.fract() == 0.0 { below(value).filter(|stored| f64::from(*stored) == value) } else { None }
}

/// The greatest stored value up to a whole number; none below 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked")]
fn below(value: f64) -> Option<u32> {
    if value < 0.0 { None } else { Some(value.min(f64::from(MISSING - 1)) as u32) }
}

/// The least stored value from a whole number on; none beyond the greatest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked")]
fn above(value: f64) -> Option<u32> {
    if value > f64::from(MISSING - 1) { None } else { Some(value.max(0.0) as u32) }
}

#[cfg(test)]
mod tests {
    use circuits::{
        id::Digest,
        schema::{PanelReference, Sensitivity},
    };
    use proptest::prelude::*;

    use super::*;

    fn schema() -> Schema {
        let attribute = |name: &str, coding: &str, scale, hi| Attribute {
            name: name.into(),
            unit: String::new(),
            coding: coding.into(),
            scale,
            lo: 0,
            hi,
            digits: 4,
            sensitivity: Sensitivity::Public,
        };
        let panel = PanelReference { build: "GRCh37".into(), variants: 0, digest: Digest::from_bytes([0; 32]) };
        let sex = attribute("sex", "1 = male, 2 = female", 1, 2);
        Schema { name: "tests".into(), attributes: vec![sex, attribute("age", "LOINC:30525-0", 10, 1_200)], panel }
    }

    fn asked(id: &str, operator: Operator, value: &str) -> Option<(u32, u32, bool)> {
        let filter = Filter { id: id.into(), operator, value: value.into() };
        filter.clause(&schema()).map(|clause| (clause.lo, clause.hi, clause.negated))
    }

    #[test]
    fn values_are_read_in_the_attributes_unit_or_by_the_word_of_their_code() {
        let last = MISSING - 1;
        assert_eq!(asked("age", Operator::Equal, "54.3"), Some((543, 543, false)));
        assert_eq!(asked("LOINC:30525-0", Operator::GreaterOrEqual, "40"), Some((400, last, false)));
        assert_eq!(asked("age", Operator::Greater, "40"), Some((401, last, false)));
        assert_eq!(asked("age", Operator::Greater, "40.05"), Some((401, last, false)));
        assert_eq!(asked("age", Operator::Less, "40"), Some((0, 399, false)));
        assert_eq!(asked("age", Operator::LessOrEqual, "40.05"), Some((0, 400, false)));
        assert_eq!(asked("sex", Operator::Equal, "Female"), Some((2, 2, false)));
        assert_eq!(asked("sex", Operator::Not, "1"), Some((1, 1, true)));
    }

    #[test]
    fn what_no_record_can_hold_is_asked_of_nobody() {
        for (id, operator, value) in [
            ("age", Operator::Equal, "40.05"),
            ("age", Operator::Less, "0"),
            ("age", Operator::Equal, "-1"),
            ("age", Operator::Equal, "NaN"),
            ("age", Operator::Greater, "1e300"),
            ("age", Operator::Equal, "inf"),
            ("age", Operator::Equal, "%"),
            ("shoe size", Operator::Equal, "44"),
            ("sex", Operator::Equal, "mal"),
        ] {
            assert_eq!(asked(id, operator, value), None, "{id} {operator:?} {value}");
        }
    }

    proptest! {
        #[test]
        fn a_filter_holds_for_exactly_the_stored_values_that_it_says(value in 0..1_300_u32, bound in 0..1_300_u32) {
            for (operator, holds) in [
                (Operator::Equal, value == bound),
                (Operator::Not, value != bound),
                (Operator::Less, value < bound),
                (Operator::LessOrEqual, value <= bound),
                (Operator::Greater, value > bound),
                (Operator::GreaterOrEqual, value >= bound),
            ] {
                let text = format!("{}", f64::from(bound) / 10.0);
                let clause = asked("age", operator, &text);
                let found = clause.is_some_and(|(lo, hi, negated)| (lo..=hi).contains(&value) != negated);
                prop_assert_eq!(found, holds, "{} {:?} {}", value, operator, text);
            }
        }

        #[test]
        fn any_text_is_a_value_or_is_none(id in "age|sex|.{0,20}", value in ".{0,40}") {
            for (_, operator) in Operator::ALL {
                let clause = asked(&id, operator, &value);
                prop_assert!(clause.is_none_or(|(lo, hi, _)| lo <= hi && hi < MISSING));
            }
        }
    }
}
