//! GA4GH Beacon v2 over published releases, and GA4GH service-info of the node.
//!
//! The base is `/beacon/v2`, so that other versions can stand beside it. Errors there are the framework's
//! `beaconErrorResponse`. A node without `--beacon` has none and says so.

mod answer;
mod describe;
mod entry;
mod identity;
mod query_string;
mod request;
mod served;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _, get, post,
    web::{Data, Payload},
};
use serde_json::{Value, json};

use self::{
    describe::About,
    entry::Entry,
    request::{Asked, Granularity, REQUEST_BYTES_MAX},
};
pub use self::{
    identity::{Identity, Publishing},
    served::ServedBeacon,
};
use super::{Service, blobs::receive_media, blocking, bounds::is_below};
use crate::{Error, problem::Problem};

/// Where the Beacon is.
pub(super) const ROOT: &str = "/beacon/v2";
/// The version of the specification that is spoken.
const API_VERSION: &str = "v2.0.0";
/// Where the specification's schemas are published.
const SPECIFICATION: &str = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/main";
/// The longest message of an error: it may quote a request.
const MESSAGE_LETTERS_MAX: usize = 500;
/// Media type of requests.
const JSON: &str = "application/json";

/// An error as the framework writes it, with the status and words that the API's problems have.
pub(super) fn refusal(error: &Error, identity: &Identity) -> HttpResponse {
    let status = error.error_response().status();
    let problem = Problem::from(error);
    let meta = answer::meta(&identity.beacon, None, &Asked::default(), Granularity::Boolean);
    let message: String = problem.detail.chars().take(MESSAGE_LETTERS_MAX).collect();
    let error = json!({ "errorCode": problem.status, "errorMessage": message });
    HttpResponse::build(status).json(json!({ "meta": meta, "error": error }))
}

/// The answer to an unknown path or method below the root; `None` for a path elsewhere.
pub(super) fn no_endpoint(request: &HttpRequest, error: &Error) -> Option<HttpResponse> {
    let service = request.app_data::<Data<Service>>().filter(|_| is_below(request.path(), ROOT))?;
    Some(refusal(error, &service.publishing.identity))
}

/// What a function makes of the beacon, off the workers: a beacon may hold many variants.
async fn answered(
    service: Data<Service>,
    asked: Result<Asked, Error>,
    make: impl FnOnce(&About<'_>, &Asked) -> Result<Value, Error> + Send + 'static,
) -> HttpResponse {
    let identity = service.publishing.identity.clone();
    let made = match asked {
        Err(error) => Err(error),
        Ok(asked) => {
            blocking(move || {
                let beacon = service.publishing.beacon.as_ref().ok_or(Error::NoBeacon)?.now();
                let genesis = service.chain.ledger().genesis();
                make(&About { identity: &service.publishing.identity, genesis, beacon: &beacon }, &asked)
            })
            .await
        }
    };
    match made {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => refusal(&error, &identity),
    }
}

async fn of_body(request: &HttpRequest, payload: Payload) -> Result<Asked, Error> {
    Asked::of_body(&receive_media(request, payload, JSON, REQUEST_BYTES_MAX).await?)
}

fn individuals(about: &About<'_>, asked: &Asked) -> Result<Value, Error> {
    answer::individuals(about.beacon, &about.identity.beacon, asked)
}

fn variants(about: &About<'_>, asked: &Asked) -> Result<Value, Error> {
    answer::variants(about.beacon, &about.identity.beacon, asked)
}

/// Releases are not filtered: they are few, and filters are on people.
fn datasets(about: &About<'_>, asked: &Asked) -> Result<Value, Error> {
    if !asked.filters.is_empty() || asked.question.variants.is_some() {
        let why = "datasets takes neither filters nor variants; ask individuals or g_variants".into();
        return Err(Error::Request { what: "Beacon request", why });
    }
    Ok(about.datasets(asked))
}

/// What this node is, as GA4GH service-info 1.0.0.
#[utoipa::path(tag = "operation", responses((status = 200, description = "GA4GH service-info", body = Value)))]
#[get("/service-info")]
pub(super) async fn read_node_service_info(service: Data<Service>) -> HttpResponse {
    let genesis = service.chain.ledger().genesis();
    HttpResponse::Ok().json(describe::node_service_info(&service.publishing.identity, genesis))
}

/// What the Beacon is: the same as `/info`.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "beaconInfoResponse", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/")]
pub(super) async fn read_root(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.info())).await
}

/// What the Beacon is, and who runs it.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "beaconInfoResponse", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/info")]
pub(super) async fn read_info(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.info())).await
}

/// What the Beacon is, as GA4GH service-info 1.0.0.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "GA4GH service-info", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/service-info")]
pub(super) async fn read_service_info(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.service_info())).await
}

/// Maturity, security and entry types of the Beacon.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "beaconConfigurationResponse", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/configuration")]
pub(super) async fn read_configuration(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.configuration())).await
}

/// The entry types of the Beacon.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "beaconEntryTypesResponse", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/entry_types")]
pub(super) async fn read_entry_types(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.entry_types())).await
}

/// The endpoints of the Beacon.
#[utoipa::path(tag = "beacon", responses((status = 200, description = "beaconMapResponse", body = Value), (status = 404, description = "beaconErrorResponse", body = Value)))]
#[get("/beacon/v2/map")]
pub(super) async fn read_map(service: Data<Service>) -> HttpResponse {
    answered(service, Ok(Asked::default()), |about, _| Ok(about.map())).await
}

/// What filters can name.
#[utoipa::path(
    tag = "beacon",
    params(
        ("skip" = Option<u64>, Query, description = "pages to skip"),
        ("limit" = Option<u64>, Query, description = "entries of a page, 10 by default, at most 100"),
    ),
    responses((status = 200, description = "beaconFilteringTermsResponse", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[get("/beacon/v2/filtering_terms")]
pub(super) async fn list_filtering_terms(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let asked = Asked::of_query_string(request.query_string());
    answered(service, asked, |about, asked| Ok(about.filtering_terms(asked))).await
}

/// The published releases.
#[utoipa::path(
    tag = "beacon",
    params(
        ("skip" = Option<u64>, Query, description = "pages to skip"),
        ("limit" = Option<u64>, Query, description = "entries of a page, 10 by default, at most 100"),
        ("requestedGranularity" = Option<String>, Query, description = "boolean, count or record, the default"),
    ),
    responses((status = 200, description = "beaconCollectionsResponse", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[get("/beacon/v2/datasets")]
pub(super) async fn list_datasets(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    answered(service, Asked::of_query_string(request.query_string()), datasets).await
}

/// The published releases, asked by a body.
#[utoipa::path(
    tag = "beacon",
    request_body(content = Value, content_type = "application/json", description = "beaconRequestBody, 64 KiB at most"),
    responses((status = 200, description = "beaconCollectionsResponse", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[post("/beacon/v2/datasets")]
pub(super) async fn query_datasets(request: HttpRequest, service: Data<Service>, payload: Payload) -> HttpResponse {
    answered(service, of_body(&request, payload).await, datasets).await
}

/// How many people meet the filters and carry the variant, where a released sum counts exactly them.
#[utoipa::path(
    tag = "beacon",
    params(
        ("filters" = Option<String>, Query, description = "joined by AND, separated by commas: `age>=40,sex=female`"),
        ("referenceName" = Option<String>, Query, description = "chromosome of the variant carried: 22, chr22 or refseq:NC_000022.11"),
        ("assemblyId" = Option<String>, Query, description = "its assembly, GRCh38"),
        ("start" = Option<String>, Query, description = "its 0-based position"),
        ("referenceBases" = Option<String>, Query, description = "its reference bases; N for any"),
        ("alternateBases" = Option<String>, Query, description = "its alternate bases; N for any"),
        ("requestedGranularity" = Option<String>, Query, description = "boolean or count, the default; records are answered as counts"),
        ("includeResultsetResponses" = Option<String>, Query, description = "HIT, the default, MISS, ALL or NONE"),
    ),
    responses((status = 200, description = "beaconCountResponse or beaconBooleanResponse, with result sets", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[get("/beacon/v2/individuals")]
pub(super) async fn count_individuals(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    answered(service, Asked::of_query_string(request.query_string()), individuals).await
}

/// How many people meet the filters and carry the variant, asked by a body.
#[utoipa::path(
    tag = "beacon",
    request_body(content = Value, content_type = "application/json", description = "beaconRequestBody, 64 KiB at most"),
    responses((status = 200, description = "beaconCountResponse or beaconBooleanResponse, with result sets", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[post("/beacon/v2/individuals")]
pub(super) async fn query_individuals(request: HttpRequest, service: Data<Service>, payload: Payload) -> HttpResponse {
    answered(service, of_body(&request, payload).await, individuals).await
}

/// Which variants enough people carry: by allele, by range, or by a bracket of starts and ends.
#[utoipa::path(
    tag = "beacon",
    params(
        ("referenceName" = Option<String>, Query, description = "chromosome: 22, chr22 or refseq:NC_000022.11"),
        ("assemblyId" = Option<String>, Query, description = "assembly, GRCh38; needed with positions unless the RefSeq id implies it"),
        ("start" = Option<String>, Query, description = "0-based: one of an allele or a range, two of a bracket, separated by a comma"),
        ("end" = Option<String>, Query, description = "0-based, not included: one of a range, two of a bracket"),
        ("referenceBases" = Option<String>, Query, description = "N for any"),
        ("alternateBases" = Option<String>, Query, description = "N for any"),
        ("filters" = Option<String>, Query, description = "whose variants: `age>=40,sex=female`"),
        ("requestedGranularity" = Option<String>, Query, description = "boolean or count, the default; records are answered as counts"),
        ("includeResultsetResponses" = Option<String>, Query, description = "HIT, the default, MISS, ALL or NONE"),
        ("skip" = Option<u64>, Query, description = "pages of variants to skip"),
        ("limit" = Option<u64>, Query, description = "variants of a page, 10 by default, at most 100"),
    ),
    responses((status = 200, description = "beaconCountResponse or beaconBooleanResponse, with result sets", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[get("/beacon/v2/g_variants")]
pub(super) async fn find_variants(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    answered(service, Asked::of_query_string(request.query_string()), variants).await
}

/// Which variants enough people carry, asked by a body.
#[utoipa::path(
    tag = "beacon",
    request_body(content = Value, content_type = "application/json", description = "beaconRequestBody, 64 KiB at most"),
    responses((status = 200, description = "beaconCountResponse or beaconBooleanResponse, with result sets", body = Value), (status = "4XX", description = "beaconErrorResponse", body = Value))
)]
#[post("/beacon/v2/g_variants")]
pub(super) async fn query_variants(request: HttpRequest, service: Data<Service>, payload: Payload) -> HttpResponse {
    answered(service, of_body(&request, payload).await, variants).await
}

/// Sets a member of a JSON object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.into(), value);
    }
}

/// The same, of an object that is a member itself.
fn put_in(object: &mut Value, place: &str, name: &str, value: Value) {
    if let Some(place) = object.get_mut(place) {
        put(place, name, value);
    }
}
