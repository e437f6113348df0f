//! The number that stands for an illness on the ledger, in words. Which illness it is, only a code says.

use market::{consent::Terms, data_use::DiseaseCode};

/// What comes before the number of an illness of which nothing else is known.
pub(super) const ILLNESS_BY_NUMBER: &str = "the illness with the number ";

/// An illness of which nothing is known but its number.
pub(super) fn illness(number: &u32) -> String {
    format!("{ILLNESS_BY_NUMBER}{number}")
}

/// The one illness that rules allow: by its code, where the rules were written with it, and else by its number.
pub(super) fn only_illness(terms: &Terms) -> Option<String> {
    let number = terms.only_disease?;
    let entries = terms.data_use.iter().flat_map(|document| &document.duo_data_use);
    let codes = entries.flat_map(|entry| &entry.modifiers).filter_map(|code| code.id.parse::<DiseaseCode>().ok());
    let code = codes.into_iter().find(|code| code.number() == number);
    Some(code.map_or_else(|| illness(&number), |code| format!("the illness with the code {code}")))
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
        assert_eq!(only_illness(&terms(only, code)).unwrap(), "the illness with the code MONDO:0005148");
        let number = terms(only, "").only_disease.unwrap();
        for unknown in ["", r#"{"id":"ICD10:E11"},{"id":"no code"}"#] {
            assert_eq!(only_illness(&terms(only, unknown)).unwrap(), format!("the illness with the number {number}"));
        }
        assert_eq!(only_illness(&terms(ConsentFlags::EXACT, code)), None);
    }
}
