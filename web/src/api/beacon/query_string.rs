//! The query string of a GET.

use actix_web::web::Query;
use market::beacon::{Filter, Operator};
use serde_json::{Map, Value};

use super::request::{
    Asked, FILTERS_MAX, Include, Page, REQUEST_BYTES_MAX, SCHEMAS_MAX, check_count, check_text, check_version, filter,
    refused, word,
};
use crate::Error;

impl Asked {
    /// Reads the query string of a GET. Lists are separated by commas or given again and again.
    ///
    /// # Errors
    /// As [`Self::of_body`]; a name that means nothing is refused too.
    pub(super) fn of_query_string(text: &str) -> Result<Self, Error> {
        if text.len() > REQUEST_BYTES_MAX {
            return Err(Error::TooLarge { what: "the query string in bytes", limit: REQUEST_BYTES_MAX });
        }
        let pairs = Query::<Vec<(String, String)>>::from_query(text)
            .map_err(|error| Error::Request { what: "query string", why: error.to_string() })?
            .into_inner();
        let (mut filters, mut variants, mut datasets) = (vec![], Map::new(), vec![]);
        let (mut granularity, mut include, mut skip, mut limit) = (None, None, None, None);
        let (mut test_mode, mut schemas) = (false, vec![]);
        for (name, value) in pairs {
            match name.as_str() {
                "filters" => {
                    let listed = value.split(',').filter(|text| !text.trim().is_empty());
                    filters.extend(listed.map(|text| filter_of_text(text.trim())).collect::<Result<Vec<_>, _>>()?);
                    check_count("filters", filters.len(), FILTERS_MAX)?;
                }
                "start" | "end" => {
                    let known = variants.entry(name).or_insert_with(|| Value::Array(vec![]));
                    let numbers = value.split(',').map(|number| number.trim().parse::<u64>());
                    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().or_else(|_| {
                        refused(format!("{:?} is no list of positions", value.chars().take(40).collect::<String>()))
                    })?;
                    if let Value::Array(known) = known {
                        check_count("positions", known.len() + numbers.len(), 2)?;
                        known.extend(numbers.into_iter().map(Value::from));
                    }
                }
                "assemblyId" | "referenceName" | "referenceBases" | "alternateBases" => {
                    variants.insert(name, Value::String(value));
                }
                "datasets" => datasets.extend(value.split(',').map(str::to_owned)),
                "requestedGranularity" => granularity = Some(word(&name, value.to_ascii_lowercase())?),
                "includeResultsetResponses" => include = Some(word(&name, value.to_ascii_uppercase())?),
                "skip" => skip = Some(number(&value)?),
                "limit" => limit = Some(number(&value)?),
                "testMode" => {
                    test_mode = value.parse().or_else(|_| refused("testMode is true or false"))?;
                }
                "apiVersion" => check_version(&value)?,
                "requestedSchema" | "requestedSchemas" => {
                    check_text(&value)?;
                    check_count("requestedSchemas", schemas.len() + 1, SCHEMAS_MAX)?;
                    schemas.push(serde_json::json!({ "schema": value }));
                }
                _ => {
                    let name: String = name.chars().take(40).collect();
                    return refused(format!("the parameter {name:?} is not supported; leave it out"));
                }
            }
        }
        let page = Page::new(skip, limit)?;
        let include = include.unwrap_or(Include::Hit);
        Ok(Self { granularity, include, page, test_mode, schemas, ..Self::of(filters, (variants, datasets))? })
    }
}

fn number(text: &str) -> Result<u64, Error> {
    text.trim().parse().or_else(|_| refused("skip and limit are whole numbers"))
}

/// A filter of a query string: `age>=40`.
fn filter_of_text(text: &str) -> Result<(Filter, String), Error> {
    let first = text.find(['<', '>', '=', '!']).unwrap_or(text.len());
    let (id, rest) = text.split_at_checked(first).unwrap_or((text, ""));
    let operator = Operator::ALL.into_iter().find_map(|(sign, _)| rest.strip_prefix(sign).map(|value| (sign, value)));
    filter(id, operator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn body(query: &Value) -> Result<Asked, Error> {
        let body = json!({ "meta": { "apiVersion": "v2.0.0" }, "query": query });
        Asked::of_body(&serde_json::to_vec(&body).unwrap())
    }

    #[test]
    fn lists_are_given_with_commas_or_again_and_again() {
        let once = Asked::of_query_string("referenceName=1&assemblyId=hg38&start=1,5&end=6,9&filters=a>1,b=2").unwrap();
        let again = "referenceName=1&assemblyId=hg38&start=1&start=5&end=6&end=9&filters=a>1&filters=b=2";
        let again = Asked::of_query_string(again).unwrap();
        assert_eq!((&once.question, &once.filters), (&again.question, &again.filters));
        assert_eq!(once.filters, ["a>1", "b=2"]);
    }

    #[test]
    fn pages_are_bounded_whatever_is_asked() {
        let page = |query| Asked::of_query_string(query).unwrap().page;
        assert_eq!(page(""), Page { skip: 0, limit: 10 });
        assert_eq!(page("limit=0&skip=2"), Page { skip: 2, limit: 100 });
        assert_eq!(page("limit=18446744073709551615").limit, 100);
        assert_eq!(page("limit=3&skip=2").of(0..10), [6, 7, 8]);
        assert_eq!(page("limit=3&skip=1048576").of(0..10), [0; 0]);
    }

    #[test]
    fn a_body_asks_with_g_variant_or_with_its_parameters_alone() {
        let parameters = json!({ "referenceName": "1", "assemblyId": "hg38", "start": [4], "alternateBases": "T" });
        let direct = body(&json!({ "requestParameters": parameters })).unwrap();
        let nested = body(&json!({ "requestParameters": { "g_variant": parameters, "$schema": "x" } })).unwrap();
        assert_eq!(direct.question, nested.question);
        assert_eq!(direct.parameters, nested.parameters);
        let string = "referenceName=1&assemblyId=hg38&start=4&alternateBases=T";
        assert_eq!(Asked::of_query_string(string).unwrap().question, direct.question);
    }

    proptest! {
        #[test]
        fn any_text_is_a_request_or_is_refused(
            text in "([a-zA-Z]{0,20}=[^&]{0,20}&?){0,6}|(filters|start|skip)=.{0,40}", bytes in any::<Vec<u8>>()
        ) {
            // Refusals are told by their type; what counts is that none of them panics.
            prop_assert!(Asked::of_query_string(&text).is_ok_and(|asked| asked.page.limit <= 100) || Asked::of_query_string(&text).is_err());
            prop_assert!(Asked::of_body(&bytes).is_err());
        }

        #[test]
        fn any_value_in_any_place_of_a_body_is_read_or_refused(
            place in 0..7_usize, number in any::<i64>(), text in ".{0,30}", kind in 0..5_usize
        ) {
            let value = [json!(number), json!(text), json!([number, text]), json!({ "id": text, "value": number }), Value::Null];
            let names = [
                "filters", "includeResultsetResponses", "pagination", "requestParameters", "requestedGranularity", "testMode", "other",
            ];
            let query = json!({ names[place]: value[kind] });
            if let Ok(asked) = body(&query) {
                prop_assert!(asked.filters.len() <= FILTERS_MAX);
            }
        }
    }
}
