//! The number that stands for an illness on the ledger, in words.

use std::{collections::BTreeMap, sync::Arc};

use market::{
    consent::Terms,
    data_use::{DiseaseCode, DiseaseNames},
};

/// What comes before the number of an illness of which nothing else is known.
const BY_NUMBER: &str = "the illness with the number ";

/// Whether a text speaks of an illness by its number.
pub(super) fn has_illness_by_number(text: &str) -> bool {
    text.contains(BY_NUMBER)
}

/// The illnesses whose names the agent was given.
#[derive(Clone, Default)]
pub(crate) struct Illnesses(Option<Arc<DiseaseNames>>);

impl From<Option<Arc<DiseaseNames>>> for Illnesses {
    fn from(names: Option<Arc<DiseaseNames>>) -> Self {
        Self(names)
    }
}

impl Illnesses {
    /// An illness by its name, or by its number where that is all there is.
    pub(super) fn numbered(&self, number: &u32) -> String {
        let name = self.0.as_ref().and_then(|names| names.numbered(*number));
        name.map_or_else(|| format!("{BY_NUMBER}{number}"), |(_, name)| name.to_owned())
    }

    /// The names of numbers, where they are known.
    pub(super) fn named(&self, numbers: impl Iterator<Item = u32>) -> BTreeMap<u32, String> {
        let Some(names) = &self.0 else { return BTreeMap::new() };
        numbers.filter_map(|number| Some((number, names.numbered(number)?.1.to_owned()))).collect()
    }

    /// The one illness that rules allow: by its name, where it is known, by its code, where the rules were written with it,
    /// and else by its number.
    pub(super) fn only(&self, terms: &Terms) -> Option<String> {
        let number = terms.only_disease?;
        let entries = terms.data_use.iter().flat_map(|document| &document.duo_data_use);
        let codes = entries.flat_map(|entry| &entry.modifiers).filter_map(|code| code.id.parse::<DiseaseCode>().ok());
        let Some(code) = codes.into_iter().find(|code| code.number() == number) else {
            return Some(self.numbered(&number));
        };
        let name = self.0.as_ref().and_then(|names| names.name(&code));
        Some(name.map_or_else(|| format!("the illness with the code {code}"), str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use circuits::consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions};
    use market::data_use::DuoDocument;

    use super::*;

    fn terms(flags: ConsentFlags, codes: &str) -> Terms {
        let number = "MONDO:0005148".parse::<DiseaseCode>().unwrap().number();
        let consent = ConsentTerms {
            salt: [0; 31],
            purposes: Purposes::DISEASE_SPECIFIC,
            disease: number,
            regions: Regions::ALL,
            expiry: Day(30_000),
            price_min: 1,
            epsilon_milli_max: 0,
            cohort_min: 2,
            flags,
        };
        let document = format!(r#"{{"duoDataUse":[{{"id":"DUO:0000007","modifiers":[{codes}]}}]}}"#);
        let data_use = serde_json::from_str::<DuoDocument>(&document).unwrap();
        Terms { data_use: (!codes.is_empty()).then_some(data_use), ..Terms::of(&consent, None) }
    }

    #[test]
    fn an_illness_is_named_by_its_code_where_the_rules_have_it_and_else_by_its_number() {
        let only = ConsentFlags::ONLY_THIS_DISEASE;
        let code = r#"{"id":"ICD10:E11"},{"id":"MONDO:0005148"}"#;
        let only_illness = |terms: &Terms| Illnesses::default().only(terms);
        assert_eq!(only_illness(&terms(only, code)).unwrap(), "the illness with the code MONDO:0005148");
        let number = terms(only, "").only_disease.unwrap();
        for unknown in ["", r#"{"id":"ICD10:E11"},{"id":"no code"}"#] {
            assert_eq!(only_illness(&terms(only, unknown)).unwrap(), format!("the illness with the number {number}"));
        }
        assert_eq!(only_illness(&terms(ConsentFlags::EXACT, code)), None);
    }

    #[test]
    fn an_illness_is_called_by_its_name_where_the_agent_knows_it() {
        let obo = "[Term]\nid: MONDO:0005148\nname: type 2 diabetes mellitus\n";
        let names = DiseaseNames::from_obo("mondo.obo", obo.as_bytes()).unwrap();
        let illnesses = Illnesses::from(Some(Arc::new(names)));
        let only = ConsentFlags::ONLY_THIS_DISEASE;
        for written in ["", r#"{"id":"MONDO:0005148"}"#] {
            assert_eq!(illnesses.only(&terms(only, written)).unwrap(), "type 2 diabetes mellitus", "{written}");
        }
        let unknown = illnesses.numbered(&7);
        assert_eq!(unknown, "the illness with the number 7");
        assert!(has_illness_by_number(&unknown) && !has_illness_by_number("type 2 diabetes mellitus"));
    }
}
