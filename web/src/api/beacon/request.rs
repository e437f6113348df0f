//! Beacon requests: what was asked, and the JSON body of a POST.

use circuits::id::QueryId;
use market::beacon::{Filter, Operator, Question, VariantParameters, VariantQuery};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::API_VERSION;
use crate::Error;

/// The longest body or query string, in bytes.
pub(super) const REQUEST_BYTES_MAX: usize = 64 << 10;
/// Filters of one request.
pub(super) const FILTERS_MAX: usize = 16;
/// The longest text in a request that is echoed, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 256;
/// Datasets that one request names.
const DATASETS_MAX: usize = 64;
/// Schemas that one request names.
pub(super) const SCHEMAS_MAX: usize = 16;
/// Entries of a page when the request names no limit (`Limit` of the framework).
const LIMIT_DEFAULT: u64 = 10;
/// The largest page.
const LIMIT_MAX: u64 = 100;
/// Pages that can be skipped.
const SKIP_MAX: u64 = 1 << 20;

/// How much an answer tells. Records are never told: who asks for them gets counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Granularity {
    Boolean,
    Count,
    Record,
}

impl Granularity {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Count => "count",
            Self::Record => "record",
        }
    }
}

/// Which datasets an answer lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Include {
    All,
    Hit,
    Miss,
    None,
}

impl Include {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::None => "NONE",
        }
    }
}

/// Which page of a list, in pages of so many entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) skip: u64,
    pub(super) limit: u64,
}

impl Page {
    pub(super) fn new(skip: Option<u64>, limit: Option<u64>) -> Result<Self, Error> {
        let (skip, limit) = (skip.unwrap_or(0), limit.unwrap_or(LIMIT_DEFAULT));
        if skip > SKIP_MAX {
            return refused(format!("skip counts pages, and at most {SKIP_MAX} can be skipped"));
        }
        // 0 asks for as many as there may be.
        Ok(Self { skip, limit: if limit == 0 { LIMIT_MAX } else { limit.min(LIMIT_MAX) } })
    }

    /// The page of a list.
    pub(super) fn of<T>(self, entries: impl Iterator<Item = T>) -> Vec<T> {
        let [first, limit] = [self.skip * self.limit, self.limit].map(|count| usize::try_from(count).unwrap_or(0));
        entries.skip(first).take(limit).collect()
    }
}

/// A request as it was understood.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) granularity: Option<Granularity>,
    pub(super) include: Include,
    pub(super) page: Page,
    pub(super) test_mode: bool,
    /// The datasets asked; all without any.
    pub(super) datasets: Vec<String>,
    /// What the answer repeats: the filters, the parameters of variants and the schemas.
    pub(super) filters: Vec<String>,
    pub(super) parameters: Map<String, Value>,
    pub(super) schemas: Vec<Value>,
}

pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::Request { what: "Beacon request", why: why.into() })
}

/// The framework's `beaconRequestBody`.
#[derive(Debug, Deserialize)]
struct Body {
    meta: BodyMeta,
    #[serde(default)]
    query: BodyQuery,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BodyMeta {
    api_version: String,
    #[serde(default)]
    requested_schemas: Vec<SchemaOfEntity>,
}

/// A schema that an answer is wanted in; only its names are kept, so that nothing else is echoed.
#[derive(Debug, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct SchemaOfEntity {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entity_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BodyQuery {
    #[serde(default)]
    filters: Vec<BodyFilter>,
    include_resultset_responses: Option<Include>,
    #[serde(default)]
    pagination: BodyPage,
    #[serde(default)]
    request_parameters: Map<String, Value>,
    requested_granularity: Option<Granularity>,
    #[serde(default)]
    test_mode: bool,
}

#[derive(Debug, Default, Deserialize)]
struct BodyPage {
    skip: Option<u64>,
    limit: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct BodyFilter {
    id: String,
    operator: Option<String>,
    value: Option<Value>,
    scope: Option<String>,
    similarity: Option<String>,
}

/// The parameters of variants that are understood. Any other one would narrow the answer, so leaving it out would widen
/// it: it is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    assembly_id: Option<String>,
    reference_name: Option<String>,
    #[serde(default)]
    start: Vec<u64>,
    #[serde(default)]
    end: Vec<u64>,
    reference_bases: Option<String>,
    alternate_bases: Option<String>,
}

impl From<Parameters> for VariantParameters {
    fn from(parameters: Parameters) -> Self {
        let Parameters { assembly_id, reference_name, start, end, reference_bases, alternate_bases } = parameters;
        Self { assembly: assembly_id, reference_name, start, end, reference_bases, alternate_bases }
    }
}

impl Asked {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// [`Error::Request`] for what is no request of this version or exceeds a bound; [`Error::Market`] for parameters
    /// that mean no variants.
    pub(super) fn of_body(bytes: &[u8]) -> Result<Self, Error> {
        let body: Body = serde_json::from_slice(bytes)
            .map_err(|error| Error::Request { what: "Beacon request", why: error.to_string() })?;
        check_version(&body.meta.api_version)?;
        check_count("requestedSchemas", body.meta.requested_schemas.len(), SCHEMAS_MAX)?;
        let schemas = body.meta.requested_schemas.iter().map(|schema| {
            [&schema.entity_type, &schema.schema].into_iter().flatten().try_for_each(|name| check_text(name))?;
            serde_json::to_value(schema)
                .map_err(|error| Error::Request { what: "Beacon request", why: error.to_string() })
        });
        let query = body.query;
        check_count("filters", query.filters.len(), FILTERS_MAX)?;
        let filters = query.filters.into_iter().map(BodyFilter::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            granularity: query.requested_granularity,
            include: query.include_resultset_responses.unwrap_or(Include::Hit),
            page: Page::new(query.pagination.skip, query.pagination.limit)?,
            test_mode: query.test_mode,
            schemas: schemas.collect::<Result<_, _>>()?,
            ..Self::of(filters, of_body_parameters(query.request_parameters)?)?
        })
    }

    /// A question with its echo, and the defaults of everything else.
    pub(super) fn of(
        filters: Vec<(Filter, String)>,
        (variants, datasets): (Map<String, Value>, Vec<String>),
    ) -> Result<Self, Error> {
        check_count("datasets", datasets.len(), DATASETS_MAX)?;
        datasets.iter().try_for_each(|id| check_text(id))?;
        let mut parameters = Map::new();
        let mut asked = None;
        if !variants.is_empty() {
            let read: Parameters = serde_json::from_value(Value::Object(variants.clone()))
                .map_err(|error| Error::Request { what: "request parameters", why: error.to_string() })?;
            asked = Some(VariantQuery::new(read.into())?);
            parameters.insert("g_variant".into(), Value::Object(variants));
        }
        if !datasets.is_empty() {
            parameters.insert("datasets".into(), serde_json::json!({ "datasetIds": datasets }));
        }
        let (filters, echoed) = filters.into_iter().unzip();
        let question = Question { filters, variants: asked };
        Ok(Self { question, datasets, filters: echoed, parameters, ..Self::default() })
    }

    /// Whether a dataset is among those asked.
    pub(super) fn asks(&self, dataset: QueryId) -> bool {
        self.datasets.is_empty() || self.datasets.contains(&dataset.to_string())
    }
}

impl Default for Asked {
    /// What is told of a request that could not be read.
    fn default() -> Self {
        Self {
            question: Question::default(),
            granularity: None,
            include: Include::Hit,
            page: Page { skip: 0, limit: LIMIT_DEFAULT },
            test_mode: false,
            datasets: vec![],
            filters: vec![],
            parameters: Map::new(),
            schemas: vec![],
        }
    }
}

/// A value that is one of a type's words.
pub(super) fn word<T: serde::de::DeserializeOwned>(name: &str, value: impl Into<Value>) -> Result<T, Error> {
    serde_json::from_value(value.into()).or_else(|error| refused(format!("{name}: {error}")))
}

pub(super) fn check_text(text: &str) -> Result<(), Error> {
    if text.len() > TEXT_BYTES_MAX { refused(format!("a text is longer than {TEXT_BYTES_MAX} bytes")) } else { Ok(()) }
}

pub(super) fn check_count(what: &'static str, found: usize, most: usize) -> Result<(), Error> {
    if found > most { refused(format!("{found} {what}; at most {most} can be")) } else { Ok(()) }
}

/// Only version 2 is spoken here.
pub(super) fn check_version(version: &str) -> Result<(), Error> {
    let number = version.trim().trim_start_matches(['v', 'V']);
    if number.split('.').next() == Some("2") {
        return Ok(());
    }
    refused(format!("apiVersion {:?} is not {API_VERSION}", version.chars().take(20).collect::<String>()))
}

/// The parameters of variants in a body, under `g_variant` as the default model has them, or directly; and the ids of
/// datasets under `datasets`.
fn of_body_parameters(mut parameters: Map<String, Value>) -> Result<(Map<String, Value>, Vec<String>), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Datasets {
        dataset_ids: Vec<String>,
    }
    parameters.remove("$schema");
    let datasets = match parameters.remove("datasets") {
        None => vec![],
        Some(datasets) => word::<Datasets>("datasets", datasets)?.dataset_ids,
    };
    match parameters.remove("g_variant") {
        None => Ok((parameters, datasets)),
        Some(Value::Object(variants)) if parameters.is_empty() => Ok((variants, datasets)),
        Some(_) => refused("g_variant is an object, and no other parameter of variants stands beside it"),
    }
}

impl BodyFilter {
    fn read(self) -> Result<(Filter, String), Error> {
        if self.scope.is_some_and(|scope| !matches!(scope.as_str(), "individual" | "individuals")) {
            return refused("filters here are on individuals; leave out another scope");
        }
        if self.similarity.is_some_and(|similarity| similarity != "exact") {
            return refused("terms are compared exactly; leave out another similarity");
        }
        let value = match self.value {
            Some(Value::String(text)) => Some(text),
            Some(Value::Number(number)) => Some(number.to_string()),
            None => None,
            Some(_) => return refused("a filter's value is a text or a number"),
        };
        let operator = self.operator.unwrap_or_else(|| "=".into());
        filter(&self.id, value.as_ref().map(|value| (operator.as_str(), value.as_str())))
    }
}

/// A filter and its text.
pub(super) fn filter(id: &str, operator: Option<(&str, &str)>) -> Result<(Filter, String), Error> {
    let (id, Some((sign, value))) = (id.trim(), operator) else {
        return refused(
            "a filter is an attribute with an operator and a value, as age>=40; filtering_terms lists them",
        );
    };
    let Some((_, operator)) = Operator::ALL.into_iter().find(|(known, _)| *known == sign) else {
        return refused("an operator is one of =, !, <, >, <= and >=");
    };
    check_text(id)?;
    check_text(value)?;
    let value = value.trim();
    Ok((Filter { id: id.into(), operator, value: value.into() }, format!("{id}{sign}{value}")))
}
