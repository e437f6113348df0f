//! The disease that a query studies: by its code, or by a name where the node was given an ontology.

use actix_web::{
    HttpResponse, get,
    web::{Data, Query},
};
use askama::Template;
use market::data_use::{DiseaseCode, DiseaseNames};
use serde::Deserialize;

use super::{
    super::{parts::asked, shell::page},
    draft::Draft,
    file::FieldErrors,
};
use crate::{
    Error,
    api::{FoundDiseases, NamedDisease, Service, blocking},
};

/// Those that an error names.
const NAMED_MAX: usize = 4;

/// The number on the ledger of what stands in the field: nothing for none, a number, or an ontology's code.
///
/// # Errors
/// Why it stands for no disease.
pub(super) fn number(text: &str) -> Result<u32, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| format!("{text} is too large for the number of a disease."));
    }
    let code = text.parse::<DiseaseCode>().map(|code| code.number());
    code.map_err(|_| format!("Give an ontology’s code, such as ICD10:E11.9 or MONDO:0005148; {text:?} is none."))
}

/// A name that one disease has becomes its code, and so does the number that its code alone makes: a query on the ledger has
/// the number only.
pub(super) fn take_code(draft: &mut Draft, known: Option<&DiseaseNames>) {
    let Some(known) = known else { return };
    let numbered = || known.numbered(draft.disease.trim().parse().ok()?).map(|(code, _)| code);
    if let Some(code) = known.called(&draft.disease).or_else(numbered) {
        draft.disease = code.to_string();
    }
}

/// Says beside what stands for no disease which are called something like it.
pub(super) fn suggest(draft: &Draft, known: Option<&DiseaseNames>, errors: &mut FieldErrors) {
    let (Some(known), Some(why)) = (known, errors.get_mut("disease")) else { return };
    let found = FoundDiseases::by_name(known, &draft.disease).diseases;
    let named: Vec<_> =
        found.iter().take(NAMED_MAX).map(|NamedDisease { code, name, .. }| format!("{code} ({name})")).collect();
    if !named.is_empty() {
        *why = format!("{why} Did you mean {}?", named.join(", or "));
    }
}

/// What to write into the field, or what the code in it means.
pub(super) fn hint(draft: &Draft, known: Option<&DiseaseNames>) -> String {
    let Some(known) = known else {
        return "Such as ICD10:E11.9 or MONDO:0005148; nothing when none is named. This node knows no diseases by name: \
                whoever runs it can start it with --ontology and a file such as mondo.obo."
            .into();
    };
    match draft.disease.trim().parse().ok().and_then(|code| known.name(&code)) {
        Some(name) => format!("That is {name}. Consents name the same code."),
        None => {
            "Type a name and choose, or write a code; nothing when none is named. Consents name the same code.".into()
        }
    }
}

/// What is typed into the field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    disease: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% for one in found %}<option value="{{ one.code }}">{{ one.name }}</option>{% endfor %}"#
)]
struct Offered {
    found: Vec<NamedDisease>,
}

/// Diseases whose names hold what is typed.
#[get("/builder/diseases")]
pub(super) async fn offer(
    service: Data<Service>,
    fields: Result<Query<Typed>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let Typed { disease } = asked(fields)?;
    let found = blocking(move || {
        let known = service.publishing.diseases.as_deref();
        Ok(known.map_or_else(Vec::new, |known| FoundDiseases::by_name(known, &disease).diseases))
    });
    page(&Offered { found: found.await? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disease_is_none_a_number_or_a_code() {
        for (text, expected) in [("", 0), (" 0 ", 0), ("17", 17), ("4294967295", u32::MAX)] {
            assert_eq!(number(text), Ok(expected), "{text:?}");
        }
        let code: DiseaseCode = "MONDO:0005148".parse().unwrap();
        assert_eq!(number(" mondo:0005148 "), Ok(code.number()));
        for (text, says) in
            [("4294967296", "too large"), ("diabetes", "diabetes"), ("X:1", "ICD10:E11.9"), ("-1", "-1")]
        {
            assert!(number(text).unwrap_err().contains(says), "{text:?}");
        }
    }

    #[test]
    fn the_number_of_a_disease_that_is_known_becomes_its_code_and_another_stays() {
        let known = DiseaseNames::from_obo("two.obo", &b"[Term]\nid: DOID:2832\nname: one\n"[..]).unwrap();
        let code: DiseaseCode = "DOID:2832".parse().unwrap();
        let taken = |typed: String, known| {
            let mut draft = Draft { disease: typed, ..Draft::new() };
            take_code(&mut draft, known);
            draft.disease
        };
        let (number, other) = (code.number().to_string(), (code.number() ^ 1).to_string());
        for typed in [&number, &format!(" {number} ")] {
            let field = taken(typed.clone(), Some(&known));
            assert_eq!(field, "DOID:2832");
            assert_eq!(super::number(&field), Ok(code.number()), "it asks for the same");
        }
        assert_eq!((taken(number.clone(), None), taken(other.clone(), Some(&known))), (number, other));
        assert_eq!(taken(String::new(), Some(&known)), "");
    }

    #[test]
    fn a_node_without_an_ontology_says_what_to_do() {
        assert!(hint(&Draft::new(), None).contains("--ontology"));
        let mut draft = Draft { disease: "diabetes".into(), ..Draft::new() };
        take_code(&mut draft, None);
        assert_eq!(draft.disease, "diabetes");
    }
}
