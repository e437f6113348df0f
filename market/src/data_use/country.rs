//! Countries by ISO 3166-1, and which bit of a consent's regions stands for which of them.

use std::{collections::BTreeSet, fmt, io, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::consent::{MASK_BITS, Regions};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::refused;
use crate::Error;

/// The two-letter codes officially assigned in ISO 3166-1.
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD \
SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC \
VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Regions that a table tells apart: the last bit stands for everywhere else.
pub const REGIONS_MAX: usize = MASK_BITS - 1;

/// A country by its two-letter code (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let code = text.to_ascii_uppercase();
        let bytes = code.as_bytes().try_into().ok().filter(|_| ASSIGNED.split_whitespace().any(|known| known == code));
        let shown: String = text.chars().take(16).collect();
        bytes.map(Self).ok_or_else(|| {
            refused(format!("{shown:?} is no country; write its two letters of ISO 3166-1, such as CH or GB"))
        })
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl BorshDeserialize for Country {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let code = <[u8; 2]>::deserialize_reader(reader)?;
        String::from_utf8_lossy(&code).parse().map_err(io::Error::other)
    }
}

/// A network's regions: each a set of countries, the first of bit 0. What is in none is everywhere else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct RegionTable(#[schemars(with = "Vec<BTreeSet<String>>")] Vec<BTreeSet<Country>>);

impl RegionTable {
    /// A table.
    ///
    /// # Errors
    /// [`Error::DataUse`] beyond [`REGIONS_MAX`] regions, for an empty one, and for a country in two of them.
    pub fn new(regions: Vec<BTreeSet<Country>>) -> Result<Self, Error> {
        let countries: usize = regions.iter().map(BTreeSet::len).sum();
        if regions.len() > REGIONS_MAX {
            return Err(refused(format!("a table has {} regions; at most {REGIONS_MAX} can be", regions.len())));
        }
        if regions.iter().any(BTreeSet::is_empty)
            || regions.iter().flatten().collect::<BTreeSet<_>>().len() != countries
        {
            return Err(refused("a table names each country in one region, and no region is empty".into()));
        }
        Ok(Self(regions))
    }

    /// The regions that lie wholly within these countries: never wider than what was allowed.
    #[must_use]
    pub fn allowing(&self, allowed: &BTreeSet<Country>) -> Regions {
        self.bits(|region| region.is_subset(allowed))
    }

    /// The regions that a use in these countries touches. A country that the table lacks is everywhere else, and a use
    /// that names no country may be anywhere.
    #[must_use]
    pub fn touched_by(&self, used: &BTreeSet<Country>) -> Regions {
        if used.is_empty() {
            return Regions::ALL;
        }
        let known: BTreeSet<_> = self.0.iter().flatten().collect();
        let elsewhere = used.iter().any(|country| !known.contains(country));
        Regions(self.bits(|region| !region.is_disjoint(used)).0 | (u32::from(elsewhere) << REGIONS_MAX))
    }

    fn bits(&self, includes: impl Fn(&BTreeSet<Country>) -> bool) -> Regions {
        let set = self.0.iter().enumerate().filter(|(_, region)| includes(region));
        Regions(set.take(REGIONS_MAX).fold(0, |mask, (bit, _)| mask | (1 << bit)))
    }
}

impl FromStr for RegionTable {
    type Err = Error;

    /// Reads one region on each line, its countries with spaces or commas between them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let countries = |line: &str| {
            let codes = line.split([' ', '\t', ',']).filter(|code| !code.is_empty());
            codes.map(str::parse).collect::<Result<BTreeSet<Country>, _>>()
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self::new(lines.map(countries).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for RegionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |region: &BTreeSet<Country>| region.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

impl<'de> Deserialize<'de> for RegionTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(<Vec<BTreeSet<Country>> as Deserialize>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
/// Regions by their numbers, from 1 on, as people and pages say them.
#[must_use]
pub fn regions_in_words(regions: Regions) -> String {
    let numbers = (0..u32::BITS).filter(|bit| regions.0 >> bit & 1 == 1);
    let numbers: Vec<_> = numbers.map(|bit| (bit + 1).to_string()).collect();
    match numbers.as_slice() {
        [] => "no region".into(),
        [one] => format!("region {one}"),
        _ if regions == Regions::ALL => "every region".into(),
        several => format!("regions {}", several.join(", ")),
    }
}
