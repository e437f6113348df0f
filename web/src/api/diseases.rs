//! Diseases by name, for whoever writes a query: in the ontology that the node was given.

use actix_web::{
    HttpResponse, get,
    web::{Data, Query},
};
use market::data_use::DiseaseNames;
use serde::{Deserialize, Serialize};

use super::{Service, blocking, schemas};
use crate::{Error, problem::Problem};

/// Diseases that one search finds at most.
const DISEASES_MAX: usize = 20;
/// The longest text that is looked for, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A disease that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDisease {
    /// The ontology's code, which consents and declared uses name.
    pub code: String,
    /// What the ontology calls it.
    pub name: String,
    /// What stands for it on the ledger and in the field `disease` of a query file.
    pub number: u32,
}

/// What a search for a name found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDiseases {
    /// The best first, 20 at most.
    pub diseases: Vec<NamedDisease>,
}

impl FoundDiseases {
    /// The diseases in whose names, synonyms or code each word of a text occurs. Beyond [`NAME_BYTES_MAX`] the text is passed
    /// over.
    #[must_use]
    pub fn by_name(known: &DiseaseNames, text: &str) -> Self {
        let text = text.trim();
        let text = text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
        let named = known.find(text, DISEASES_MAX).into_iter().map(|(code, name)| NamedDisease {
            code: code.to_string(),
            name: name.to_owned(),
            number: code.number(),
        });
        Self { diseases: named.collect() }
    }

    /// The disease whose code alone makes a number.
    #[must_use]
    pub fn by_number(known: &DiseaseNames, number: u32) -> Self {
        let named = known.numbered(number);
        let named = named.map(|(code, name)| NamedDisease { code: code.to_string(), name: name.to_owned(), number });
        Self { diseases: named.into_iter().collect() }
    }
}

/// What is looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    name: Option<String>,
    number: Option<u32>,
}

/// Diseases by their names, or the one that makes a number, in the ontology that this node was given: for the field `disease`
/// of a query file and for declared uses, and for what queries, screenings and consents have on the ledger.
#[utoipa::path(
    tag = "queries",
    params(
        ("name" = Option<String>, Query, description = "words of a name, a synonym or a code; 200 bytes at most"),
        ("number" = Option<u32>, Query, description = "instead of a name, the number that the ledger has; nothing is found where several codes make it"),
    ),
    responses(
        (status = 200, description = "the diseases in which each word occurs, the best first, 20 at most", body = schemas::FoundDiseases),
        (status = 404, description = "this node was given no ontology", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "neither name nor number, both, or too long a name", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/diseases")]
pub(super) async fn find_diseases(
    service: Data<Service>,
    wanted: Result<Query<Wanted>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let wanted = wanted.map_err(|error| Error::Request { what: "query string", why: error.to_string() })?;
    let wanted = wanted.into_inner();
    if wanted.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return Err(Error::TooLarge { what: "a name in bytes", limit: NAME_BYTES_MAX });
    }
    let found = blocking(move || {
        let known = || service.publishing.diseases.as_deref().ok_or(Error::NoOntology);
        match (wanted.name, wanted.number) {
            (Some(name), None) => Ok(FoundDiseases::by_name(known()?, &name)),
            (None, Some(number)) => Ok(FoundDiseases::by_number(known()?, number)),
            _ => Err(Error::Request { what: "query string", why: "give either name or number".into() }),
        }
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

#[cfg(test)]
mod tests {
    use market::data_use::DiseaseCode;

    use super::*;

    #[test]
    fn what_is_looked_for_is_cut_where_a_letter_ends_and_so_many_are_found_at_most() {
        // The last byte looked for would be the first of a letter's two.
        let name = format!("a{}", "é".repeat(100));
        let terms = |number: usize| format!("[Term]\nid: MONDO:{number:07}\nname: {name} {number}\n\n");
        let text: String = (1..=30).map(terms).collect();
        let known = DiseaseNames::from_obo("odd.obo", text.as_bytes()).unwrap();
        let found = FoundDiseases::by_name(&known, &format!("  {name}nowhere"));
        assert_eq!(found.diseases.len(), DISEASES_MAX);
        let first = &found.diseases[0];
        assert_eq!((first.code.as_str(), first.name.as_str()), ("MONDO:0000001", format!("{name} 1").as_str()));
        assert_eq!(first.number, first.code.parse::<DiseaseCode>().unwrap().number());
        for nothing in ["", " ", &format!("b{name}")] {
            assert!(FoundDiseases::by_name(&known, nothing).diseases.is_empty(), "{nothing}");
        }
    }
}
