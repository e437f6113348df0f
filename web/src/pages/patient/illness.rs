//! The number that stands for an illness on the ledger, in words.

use std::{collections::BTreeMap, sync::Arc};

use market::{
    consent::Terms,
    data_use::{DiseaseCode, DiseaseNames},
};

/// What comes before whatever an illness is called by.
const ILLNESS: &str = "the illness ";

/// Whether a text speaks of an illness that stands for a number.
pub(super) fn has_illness(text: &str) -> bool {
    text.contains(ILLNESS)
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
    /// An illness by the name and the code that the agent's ontology has for its number, or by the number where that is all
    /// there is. A code of another ontology may make the same number, so the name never stands alone.
    pub(super) fn numbered(&self, number: &u32) -> String {
        self.named(*number).unwrap_or_else(|| format!("{ILLNESS}with the number {number}"))
    }

    fn named(&self, number: u32) -> Option<String> {
        let (code, name) = self.0.as_ref()?.numbered(number)?;
        Some(format!("{ILLNESS}{name} ({code})"))
    }

    /// The same of many, for those that have a name.
    pub(super) fn all_named(&self, numbers: impl Iterator<Item = u32>) -> BTreeMap<u32, String> {
        numbers.filter_map(|number| Some((number, self.named(number)?))).collect()
    }

    /// The one illness that rules allow: by its name, where the ontology has the same code for its number, by its code, where
    /// the rules were written with it, and else by its number.
    pub(super) fn only(&self, terms: &Terms) -> Option<String> {
        let number = terms.only_disease?;
        let entries = terms.data_use.iter().flat_map(|document| &document.duo_data_use);
        let codes = entries.flat_map(|entry| &entry.modifiers).filter_map(|code| code.id.parse::<DiseaseCode>().ok());
        let Some(code) = codes.into_iter().find(|code| code.number() == number) else {
            return Some(self.numbered(&number));
        };
        let known = self.0.as_ref().and_then(|names| names.numbered(number)).filter(|(known, _)| **known == code);
        Some(match known {
            Some((code, name)) => format!("{ILLNESS}{name} ({code})"),
            None => format!("{ILLNESS}with the code {code}"),
        })
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
    fn an_illness_is_called_by_name_and_code_where_the_agent_knows_it() {
        let obo = "[Term]\nid: MONDO:0005148\nname: type 2 diabetes mellitus\n";
        let names = DiseaseNames::from_obo("mondo.obo", obo.as_bytes()).unwrap();
        let illnesses = Illnesses::from(Some(Arc::new(names)));
        let only = ConsentFlags::ONLY_THIS_DISEASE;
        let known = "the illness type 2 diabetes mellitus (MONDO:0005148)";
        for written in ["", r#"{"id":"MONDO:0005148"}"#] {
            assert_eq!(illnesses.only(&terms(only, written)).unwrap(), known, "{written}");
        }
        let number = terms(only, "").only_disease.unwrap();
        assert_eq!(illnesses.all_named([number, 7].into_iter()), BTreeMap::from([(number, known.to_owned())]));
        let unknown = illnesses.numbered(&7);
        assert_eq!(unknown, "the illness with the number 7");
        assert!(has_illness(&unknown) && has_illness(known) && !has_illness("research on one illness"));
    }

    #[test]
    fn repro_rules_that_were_written_with_a_code_are_not_called_by_another_that_makes_the_same_number() {
        // Two codes with one number, by search.
        let [written, known] = ["DOID:2832", "DOID:128654"];
        let obo = format!("[Term]\nid: {known}\nname: another illness\n");
        let names = DiseaseNames::from_obo("doid.obo", obo.as_bytes()).unwrap();
        let illnesses = Illnesses::from(Some(Arc::new(names)));
        let number = written.parse::<DiseaseCode>().unwrap().number();
        let code = format!(r#"{{"id":"{written}"}}"#);
        let terms = Terms { only_disease: Some(number), ..terms(ConsentFlags::ONLY_THIS_DISEASE, &code) };
        assert_eq!(illnesses.only(&terms).unwrap(), "the illness with the code DOID:2832");
        assert_eq!(illnesses.numbered(&number), "the illness another illness (DOID:128654)");
    }
}
