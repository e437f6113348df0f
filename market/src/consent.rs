//! What an owner allows, as people write it in a file or a form, and as it is shown to them.

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    privacy::Epsilon,
};
use node::calendar::date;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    data_use::{DataUseTerms, DuoDocument, Offer, RegionTable},
};

/// Terms as people write them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentFile {
    /// Purposes allowed, such as `health-research`; or `data_use` says them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
    /// What is allowed in the terms of the Data Use Ontology, in place of `purposes`, `only_disease` and `regions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_use: Option<DuoDocument>,
    /// The network's regions, each a list of countries, which `data_use` names its countries by.
    #[serde(default)]
    pub region_table: RegionTable,
    /// The one disease that may be studied; 0 for any.
    #[serde(default)]
    pub only_disease: u32,
    /// Bits of the regions where use is allowed; all without it.
    #[serde(default = "everywhere")]
    pub regions: u32,
    /// Days from today on which queries may still close.
    pub days: u32,
    /// Least price of a contribution, in minor units.
    pub price_min: u64,
    /// Greatest privacy loss ε of a query, in thousandths.
    #[serde(default)]
    pub epsilon_milli_max: u32,
    /// Least cohort a query must demand.
    pub cohort_min: u32,
    /// Whether exact statistics without noise are allowed.
    #[serde(default)]
    pub exact: bool,
    /// Whether screening, which can lead to an invitation, is allowed.
    #[serde(default)]
    pub screening: bool,
}

/// Every region.
#[must_use]
pub const fn everywhere() -> u32 {
    u32::MAX
}

impl ConsentFile {
    /// The file that means these terms from a day on, for terms that were written as a list of purposes.
    #[must_use]
    pub fn of(terms: &Terms, today: Day) -> Self {
        Self {
            purposes: terms.purposes.iter().map(|name| (*name).to_owned()).collect(),
            data_use: None,
            region_table: RegionTable::default(),
            only_disease: terms.only_disease.unwrap_or_default(),
            regions: terms.regions.0,
            days: terms.expiry.0.saturating_sub(today.0),
            price_min: terms.price_min,
            epsilon_milli_max: terms.epsilon_milli_max,
            cohort_min: terms.cohort_min,
            exact: terms.exact,
            screening: terms.screening,
        }
    }

    /// The data use terms, if the file has them, with durations from today on.
    ///
    /// # Errors
    /// [`Error::DataUse`] for terms that cannot be, or that are given in two ways or in none.
    pub fn data_use(&self, today: Day) -> Result<Option<DataUseTerms>, Error> {
        let plain = !self.purposes.is_empty() || self.only_disease != 0 || self.regions != everywhere();
        if self.data_use.is_some() == plain {
            let why = "say what is allowed once: with purposes, only_disease and regions, or with data_use";
            return Err(Error::DataUse { why: why.into() });
        }
        self.data_use.as_ref().map(|document| document.terms(today)).transpose()
    }

    /// The terms that this file means from today on, under a salt, and the data use terms behind them. A list of
    /// purposes requires nothing of a study beside them.
    ///
    /// # Errors
    /// [`Error::Statement`] for an unknown purpose, else as [`ConsentFile::data_use`].
    pub fn resolve(&self, today: Day, salt: [u8; 31]) -> Result<(ConsentTerms, Option<DataUseTerms>), Error> {
        let flag = |set: bool, flag: ConsentFlags| if set { flag } else { ConsentFlags::default() };
        let flags = flag(self.exact, ConsentFlags::EXACT)
            .union(flag(self.screening, ConsentFlags::SCREENING))
            .union(flag(self.only_disease != 0, ConsentFlags::ONLY_THIS_DISEASE));
        if let Some(terms) = self.data_use(today)? {
            let offer = Offer {
                last_day: Day(today.0.saturating_add(self.days)),
                price_min: self.price_min,
                epsilon_milli_max: self.epsilon_milli_max,
                cohort_min: self.cohort_min,
                flags,
            };
            return Ok((terms.commit(&offer, &self.region_table, salt)?, Some(terms)));
        }
        let terms = ConsentTerms {
            salt,
            purposes: Purposes::from_names(&self.purposes)?.union(Purposes::NOTHING_REQUIRED),
            disease: self.only_disease,
            regions: Regions(self.regions),
            expiry: Day(today.0.saturating_add(self.days)),
            price_min: self.price_min,
            epsilon_milli_max: self.epsilon_milli_max,
            cohort_min: self.cohort_min,
            flags,
        };
        Ok((terms, None))
    }
}

/// Terms as they are shown. The salt, which hides them in the ledger's commitment, is left out.
#[derive(Debug, Clone, Serialize)]
pub struct Terms {
    /// Purposes allowed, by their names in files.
    pub purposes: Vec<&'static str>,
    /// What a study must have besides.
    pub requires: Vec<&'static str>,
    /// The data use terms that the consent was made from.
    pub data_use: Option<DuoDocument>,
    /// The one disease allowed; none for any.
    pub only_disease: Option<u32>,
    /// Regions where use is allowed.
    pub regions: Regions,
    /// The last day on which a query may close, as a date.
    pub last_day: String,
    /// The same as the number of days since 1970-01-01.
    pub expiry: Day,
    /// Least price of a contribution, in minor units.
    pub price_min: u64,
    /// Greatest privacy loss ε of a query, in thousandths.
    pub epsilon_milli_max: u32,
    /// Least cohort a query must demand.
    pub cohort_min: u32,
    /// Whether exact statistics are allowed.
    pub exact: bool,
    /// Whether screening is allowed.
    pub screening: bool,
}

impl Terms {
    /// What of an owner's terms may be shown, with the data use terms that they were made from.
    #[must_use]
    pub fn of(terms: &ConsentTerms, data_use: Option<&DataUseTerms>) -> Self {
        let named = Purposes::NAMED.into_iter().filter(|(_, purpose)| terms.purposes.contains(*purpose));
        let required = Purposes::REQUIREMENTS.into_iter().filter(|(_, without)| !terms.purposes.contains(*without));
        Self {
            purposes: named.map(|(name, _)| name).collect(),
            requires: required.map(|(name, _)| name).collect(),
            data_use: data_use.map(DuoDocument::from),
            only_disease: terms.flags.contains(ConsentFlags::ONLY_THIS_DISEASE).then_some(terms.disease),
            regions: terms.regions,
            last_day: date(terms.expiry),
            expiry: terms.expiry,
            price_min: terms.price_min,
            epsilon_milli_max: terms.epsilon_milli_max,
            cohort_min: terms.cohort_min,
            exact: terms.flags.contains(ConsentFlags::EXACT),
            screening: terms.flags.contains(ConsentFlags::SCREENING),
        }
    }

    /// Greatest privacy loss of one private query.
    #[must_use]
    pub const fn epsilon_max(&self) -> Epsilon {
        Epsilon::from_milli(self.epsilon_milli_max)
    }

    /// Whether a list of purposes says all of what is allowed: nothing is required of a study, and no data use terms are
    /// behind it.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.requires.is_empty() && self.data_use.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_terms() -> impl Strategy<Value = ConsentTerms> {
        let numbers = (0u32..64, any::<u32>(), any::<u32>(), 0u32..4_000, any::<u64>(), any::<u32>(), any::<u32>());
        (numbers, any::<(bool, bool, bool)>(), any::<[u8; 31]>()).prop_map(|(numbers, flags, salt)| {
            let (purposes, disease, regions, days, price_min, epsilon_milli_max, cohort_min) = numbers;
            let (exact, screening, restricted) = flags;
            let file = ConsentFile {
                data_use: None,
                region_table: RegionTable::default(),
                purposes: Terms::of(&blank(purposes | 1), None)
                    .purposes
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
                only_disease: if restricted { disease.max(1) } else { 0 },
                regions,
                days,
                price_min,
                epsilon_milli_max,
                cohort_min,
                exact,
                screening,
            };
            file.resolve(Day(20_000), salt).unwrap().0
        })
    }

    fn blank(purposes: u32) -> ConsentTerms {
        ConsentTerms {
            salt: [0; 31],
            purposes: Purposes(purposes),
            disease: 0,
            regions: Regions::ALL,
            expiry: Day(0),
            price_min: 0,
            epsilon_milli_max: 0,
            cohort_min: 0,
            flags: ConsentFlags::default(),
        }
    }

    proptest! {
        #[test]
        fn a_file_made_of_terms_means_the_same_terms(terms in any_terms()) {
            let again = ConsentFile::of(&Terms::of(&terms, None), Day(20_000)).resolve(Day(20_000), terms.salt).unwrap();
            prop_assert!(again == (terms, None));
        }

        #[test]
        fn what_is_shown_of_terms_has_no_salt(terms in any_terms()) {
            let shown = serde_json::to_string(&Terms::of(&terms, None)).unwrap();
            prop_assert!(!shown.contains("salt"));
        }
    }
}
