//! Units by their UCUM codes, and values from one to another.
//!
//! UCUM says that a mole is a number, so that by its rules `%` is `10 mmol/mol` and `mmol/L` is a count per litre. In a
//! laboratory they are different things: here units convert only when they name the same kinds of amount (moles,
//! equivalents, osmoles, enzyme activity) as well as the same dimensions. Mass becomes substance only by a molar mass,
//! and HbA1c changes its standard only by the published equation, both when the mapping says so.

use std::fmt;

use dashu::rational::RBig;
use octofhir_ucum::{Case, Dimension, Number, UnitExpr, analyse, lookup_unit};

use super::{limits::UNIT_BYTES_MAX, number::power_of_ten};

/// Greatest power of ten in a unit's factor, either way.
const FACTOR_EXPONENT_MAX: i32 = 300;
/// The place of mass among UCUM's base units.
const MASS: usize = 2;
/// NGSP in percent = 0.09148 × IFCC in mmol/mol + 2.152 (IFCC-NGSP master equation, ngsp.org/ifcc.asp).
const NGSP_SLOPE: (i32, i32) = (9148, -5);
const NGSP_OFFSET: (i32, i32) = (2152, -3);

/// The steps in which ages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Day,
    Week,
    Month,
    Year,
}

impl Step {
    /// The step of a UCUM code.
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "a" | "a_j" => Some(Self::Year),
            "mo" | "mo_j" => Some(Self::Month),
            "wk" => Some(Self::Week),
            "d" => Some(Self::Day),
            _ => None,
        }
    }
}

/// An amount that UCUM takes for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Amount {
    Moles,
    Equivalents,
    Osmoles,
    Activity,
}

/// A unit as UCUM defines it.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    code: String,
    /// A value `v` of the unit is `factor · v + offset` in base units.
    factor: RBig,
    offset: RBig,
    dimension: Dimension,
    arbitrary: Vec<(&'static str, i32)>,
    /// Amounts above and below the line, each as often as it is named.
    amounts: Vec<(Amount, i32)>,
    /// A logarithm such as `[pH]`, which converts to nothing but itself.
    logarithm: bool,
}

/// Why a value has no counterpart in another unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoConversion {
    /// The units measure different things.
    Incommensurable,
    /// Mass and substance, and the mapping gives no molar mass.
    NeedsMolarMass,
    /// Percent and mmol/mol, and the mapping does not say that it is HbA1c.
    NeedsHba1c,
}

/// What the mapping says of the substance that is measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Substance {
    /// Its molar mass in g/mol.
    pub(super) molar_mass: Option<RBig>,
    /// Whether it is HbA1c, whose percent (NGSP) and mmol/mol (IFCC) are different standards.
    pub(super) hba1c: bool,
}

impl Unit {
    /// A unit by its case-sensitive UCUM code; the empty code is `1`.
    ///
    /// # Errors
    /// What UCUM's reader says of a code that is none.
    pub(super) fn parse(code: &str) -> Result<Self, String> {
        if code.len() > UNIT_BYTES_MAX {
            return Err(format!("it is longer than {UNIT_BYTES_MAX} bytes"));
        }
        let code = if code.is_empty() { "1" } else { code };
        let analysis = analyse(code).map_err(|error| error.message)?;
        let mut amounts = Vec::new();
        collect_amounts(&analysis.parsed_ast, 1, &mut amounts);
        amounts.sort_unstable();
        let bounded = |number| exact(number).ok_or_else(|| format!("it is beyond 10^{FACTOR_EXPONENT_MAX}"));
        let (offset, factor) = (bounded(analysis.offset)?, bounded(analysis.factor)? * bounded(analysis.scale)?);
        if factor.is_zero() {
            return Err("it is zero".into());
        }
        Ok(Self {
            logarithm: analysis.special.is_some() && offset.is_zero(),
            code: code.to_owned(),
            factor,
            offset,
            dimension: analysis.dimension,
            arbitrary: analysis.arbitrary,
            amounts,
        })
    }

    /// Whether values may be averaged: those of a logarithm may not.
    pub(super) const fn is_linear(&self) -> bool {
        !self.logarithm
    }

    /// A value of this unit in another.
    ///
    /// # Errors
    /// [`NoConversion`] when there is none, or the mapping lacks what it needs.
    pub(super) fn convert(&self, value: &RBig, to: &Self, substance: &Substance) -> Result<RBig, NoConversion> {
        if self.code == to.code {
            return Ok(value.clone());
        }
        if self.logarithm || to.logarithm || self.arbitrary != to.arbitrary {
            return Err(NoConversion::Incommensurable);
        }
        if self.dimension == to.dimension && self.amounts == to.amounts {
            return Ok(to.value_of(&self.to_base(value)));
        }
        match (self.is_fraction(), self.is_mole_fraction(), to.is_fraction(), to.is_mole_fraction()) {
            (true, _, _, true) | (_, true, true, _) if !substance.hba1c => Err(NoConversion::NeedsHba1c),
            (true, _, _, true) => Ok(to.value_of(&ifcc_of(&self.to_base(value)))),
            (_, true, true, _) => Ok(to.value_of(&ngsp_of(&self.to_base(value)))),
            _ => self.convert_substance(value, to, substance),
        }
    }

    /// Mass as substance or substance as mass.
    fn convert_substance(&self, value: &RBig, to: &Self, substance: &Substance) -> Result<RBig, NoConversion> {
        let (mass, moles) = match (self.is_mass_of(to), to.is_mass_of(self)) {
            (true, _) => (true, exact_moles()),
            (_, true) => (false, exact_moles()),
            _ => return Err(NoConversion::Incommensurable),
        };
        let molar_mass = substance.molar_mass.as_ref().ok_or(NoConversion::NeedsMolarMass)?;
        let base = self.to_base(value);
        Ok(to.value_of(&if mass { base / molar_mass * moles } else { base / moles * molar_mass }))
    }

    /// Whether this is to mass what `substance` is to moles.
    fn is_mass_of(&self, substance: &Self) -> bool {
        let mut dimension = substance.dimension.0;
        if let Some(mass) = dimension.get_mut(MASS) {
            *mass = mass.saturating_add(1);
        }
        let mut amounts = self.amounts.clone();
        amounts.push((Amount::Moles, 1));
        amounts.sort_unstable();
        self.dimension.0 == dimension && amounts == substance.amounts
    }

    /// A number such as a percentage, of nothing in particular.
    fn is_fraction(&self) -> bool {
        self.is_number() && self.amounts.is_empty()
    }

    fn is_mole_fraction(&self) -> bool {
        self.is_number() && self.amounts == [(Amount::Moles, -1), (Amount::Moles, 1)]
    }

    fn is_number(&self) -> bool {
        self.dimension.is_dimensionless() && self.arbitrary.is_empty()
    }

    fn to_base(&self, value: &RBig) -> RBig {
        value * &self.factor + &self.offset
    }

    fn value_of(&self, value: &RBig) -> RBig {
        (value - &self.offset) / &self.factor
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

/// HbA1c by the NGSP as a fraction of 1 from that of the IFCC as moles to a mole, both pure numbers.
fn ngsp_of(ifcc: &RBig) -> RBig {
    (ifcc * RBig::from(1000) * scaled(NGSP_SLOPE) + scaled(NGSP_OFFSET)) / RBig::from(100)
}

/// The same equation solved for the IFCC's.
fn ifcc_of(ngsp: &RBig) -> RBig {
    (ngsp * RBig::from(100) - scaled(NGSP_OFFSET)) / scaled(NGSP_SLOPE) / RBig::from(1000)
}

fn scaled((digits, exponent): (i32, i32)) -> RBig {
    RBig::from(digits) * power_of_ten(exponent)
}

/// The number of a mole: 6.02214076 × 10^23, exactly (SI, 2019).
fn exact_moles() -> RBig {
    RBig::from(602_214_076) * power_of_ten(15)
}

/// A factor as a fraction; none for one as of `10*99999`, whose digits would fill the memory.
fn exact(number: Number) -> Option<RBig> {
    let (digits, exponent) = number.to_integer_and_exponent();
    (exponent.abs() <= FACTOR_EXPONENT_MAX).then(|| RBig::from(digits) * power_of_ten(exponent))
}

/// Every amount that an expression names, with the sign of its exponent.
fn collect_amounts(expression: &UnitExpr, sign: i32, amounts: &mut Vec<(Amount, i32)>) {
    match expression {
        UnitExpr::Symbol(symbol) => amounts.extend(amount(symbol).map(|amount| (amount, sign))),
        UnitExpr::Power(base, exponent) => {
            for _ in 0..exponent.unsigned_abs().min(UNIT_BYTES_MAX as u32) {
                collect_amounts(base, sign * exponent.signum(), amounts);
            }
        }
        UnitExpr::Annotated(base, _) => collect_amounts(base, sign, amounts),
        UnitExpr::Product(terms) => terms.iter().for_each(|term| collect_amounts(term, sign, amounts)),
        UnitExpr::Quotient(above, below) => {
            collect_amounts(above, sign, amounts);
            collect_amounts(below, -sign, amounts);
        }
        UnitExpr::Reciprocal(below) => collect_amounts(below, -sign, amounts),
        UnitExpr::Numeric(_) | UnitExpr::Annotation(_) => {}
    }
}

fn amount(symbol: &str) -> Option<Amount> {
    match lookup_unit(symbol, Case::Sensitive)?.1.code {
        "mol" => Some(Amount::Moles),
        "eq" => Some(Amount::Equivalents),
        "osm" => Some(Amount::Osmoles),
        "kat" | "U" => Some(Amount::Activity),
        _ => None,
    }
}
