//! UCUM units: conversions that laboratories make, and those that must not be made.

use dashu::rational::RBig;
use proptest::prelude::*;

use crate::import::clinical::{
    number::{decimal, nearest, ratio},
    unit::{NoConversion, Substance, Unit},
};

fn unit(code: &str) -> Unit {
    Unit::parse(code).unwrap_or_else(|why| panic!("{code}: {why}"))
}

fn substance(molar_mass: &str) -> Substance {
    Substance { molar_mass: decimal(molar_mass), hba1c: true }
}

fn convert(value: &str, from: &str, to: &str, molar_mass: &str) -> Result<RBig, NoConversion> {
    unit(from).convert(&decimal(value).unwrap(), &unit(to), &substance(molar_mass))
}

/// Each expected value is in 10^-4 of the unit, rounded: by hand from the definitions of the units.
#[test]
fn laboratory_units_convert() {
    for (value, from, to, molar_mass, expected) in [
        ("100", "mg/dL", "mmol/L", "180.156", 55_507), // glucose: 1000 / 180.156
        ("5.5507", "mmol/L", "mg/dL", "180.156", 999_992), // and back: 5.5507 × 18.0156
        ("200", "mg/dL", "mmol/L", "386.65", 51_726),  // cholesterol: 2000 / 386.65
        ("1.2", "mg/dL", "umol/L", "113.12", 1_060_820), // creatinine: 12000 / 113.12
        ("13.5", "g/dL", "g/L", "1", 1_350_000),
        ("98.6", "[degF]", "Cel", "1", 370_000),
        ("37", "Cel", "[degF]", "1", 986_000),
        ("310.15", "K", "Cel", "1", 370_000),
        ("120", "mm[Hg]", "kPa", "1", 159_986), // × 0.133322
        ("42", "%", "1", "1", 4_200),
        ("7.2", "10*3/uL", "10*9/L", "1", 72_000),
        ("70", "kg", "g", "1", 700_000_000),
        ("72", "[in_i]", "cm", "1", 1_828_800),
        ("154.3", "[lb_av]", "kg", "1", 699_893), // × 0.45359237
        ("60", "U/L", "ukat/L", "1", 10_000),
        ("12", "{score}", "1", "1", 120_000),
        ("7", "%", "mmol/mol", "1", 529_952), // (7 − 2.152) / 0.09148
        ("53", "mmol/mol", "%", "1", 70_004), // 0.09148 × 53 + 2.152
        ("5", "m[iU]/L", "u[iU]/mL", "1", 50_000),
    ] {
        let converted = convert(value, from, to, molar_mass).unwrap_or_else(|none| panic!("{from} to {to}: {none:?}"));
        assert_eq!(nearest(&(converted * RBig::from(10_000))), expected.into(), "{value} {from} to {to}");
    }
}

/// UCUM itself would allow the first four: there a mole is a number.
#[test]
fn units_of_different_things_do_not_convert() {
    for (from, to) in [
        ("%", "mmol/mol"),
        ("mmol/L", "/L"),
        ("mmol/L", "meq/L"),
        ("mosm/L", "mmol/L"),
        ("mg/dL", "mmol/L"),
        ("mg", "mL"),
        ("[iU]/L", "U/L"),
        ("[iU]", "mg"),
        ("[pH]", "mol/L"),
        ("Cel", "mg"),
        ("kg/m2", "kg"),
        ("10*3/uL", "%"),
    ] {
        let none = unit(from).convert(&RBig::ONE, &unit(to), &Substance::default());
        assert!(none.is_err(), "{from} to {to}: {none:?}");
    }
    assert_eq!(convert("1", "g", "mL", "180"), Err(NoConversion::Incommensurable));
    assert_eq!(unit("%").convert(&RBig::ONE, &unit("mmol/mol"), &Substance::default()), Err(NoConversion::NeedsHba1c));
}

#[test]
fn what_is_no_ucum_code_is_refused() {
    for code in [
        "mg/dl ",
        "mg per dL",
        "percent",
        "mmHg",
        "10*999999",
        "((((",
        "mg//",
        "0",
        "0.m",
        "/0",
        "µg",
        &"m.".repeat(60),
    ] {
        assert!(Unit::parse(code).is_err(), "{code}");
    }
}

const PAIRS: [(&str, &str); 10] = [
    ("mg/dL", "mmol/L"),
    ("g/L", "umol/L"),
    ("[degF]", "Cel"),
    ("mm[Hg]", "kPa"),
    ("%", "mmol/mol"),
    ("[lb_av]", "kg"),
    ("mL/min", "L/h"),
    ("ug/L", "nmol/dL"),
    ("a", "d"),
    ("U/L", "nkat/L"),
];

proptest! {
    #[test]
    fn a_value_goes_to_another_unit_and_comes_back(
        hundredths in 0i64..10_000_000,
        mass in 1u32..100_000,
        (from, to) in prop::sample::select(&PAIRS[..]),
    ) {
        let (value, from, to) = (ratio(hundredths, 100), unit(from), unit(to));
        let substance = Substance { molar_mass: Some(ratio(mass.into(), 100)), hba1c: true };
        let back = to.convert(&from.convert(&value, &to, &substance).unwrap(), &from, &substance).unwrap();
        prop_assert_eq!(back, value);
    }

    #[test]
    fn any_text_is_a_unit_or_refused(text in "\\PC{0,80}") {
        if let Ok(unit) = Unit::parse(&text) {
            prop_assert_eq!(unit.convert(&RBig::ONE, &unit, &Substance::default()), Ok(RBig::ONE));
        }
    }
}
