//! GA4GH Data Repository Service 1.4 over the datasets that this node's custodian serves.
//!
//! A dataset is a bundle of two blobs, the header made for the caller and the encrypted body: one after the other they are
//! a Crypt4GH file. Every request but that for service-info is signed (`docs/protocol/requests.md`), and what is not for
//! the signer answers as what is not there.

mod object;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _, get,
    web::{Data, Path},
};
use serde_json::{Value, json};

use self::object::{ACCESS_ID, Named, Part};
use super::{
    Service, blocking,
    bounds::is_below,
    caller::caller,
    custody::{custody, entitled, unknown},
};
use crate::{Error, access::Operation, problem::Problem};

/// Where the service is.
const ROOT: &str = "/ga4gh/drs/v1";
/// The version of the specification that is spoken.
const API_VERSION: &str = "1.4.0";
/// Objects of a bulk request: there is no endpoint for more than one.
const BULK_MAX: u32 = 1;

/// An error as the specification writes it, with the status and words of the API's problems.
fn refusal(error: &Error) -> HttpResponse {
    let status = error.error_response().status();
    let problem = Problem::from(error);
    HttpResponse::build(status).json(json!({ "msg": problem.detail, "status_code": problem.status }))
}

/// The answer to an unknown path or method below the root; `None` for a path elsewhere.
pub(super) fn no_endpoint(request: &HttpRequest, error: &Error) -> Option<HttpResponse> {
    let _served = request.app_data::<Data<Service>>().filter(|_| is_below(request.path(), ROOT))?;
    Some(refusal(error))
}

/// The value, or why there is none.
fn answer(made: Result<Value, Error>) -> HttpResponse {
    made.map_or_else(|error| refusal(&error), |value| HttpResponse::Ok().json(value))
}

/// What this data repository is, as GA4GH service-info 1.0.0.
#[utoipa::path(tag = "drs", responses((status = 200, description = "GA4GH service-info with DRS's part", body = Value), (status = 404, description = "this node is no custodian", body = Value)))]
#[get("/ga4gh/drs/v1/service-info")]
pub(super) async fn read_service_info(service: Data<Service>) -> HttpResponse {
    answer(custody(&service).map(|_| service_info(&service)))
}

fn service_info(service: &Service) -> Value {
    let identity = &service.publishing.identity;
    let genesis = service.chain.ledger().genesis();
    json!({
        "id": format!("{}.drs", identity.id()),
        "name": format!("Licensed datasets of {}", genesis.name),
        "type": { "group": "org.ga4gh", "artifact": "drs", "version": API_VERSION },
        "description": "Crypt4GH files for those whom the ledger's licences entitle. Requests are signed (RFC 9421).",
        "organization": { "name": identity.organization, "url": identity.organization_url },
        "version": env!("CARGO_PKG_VERSION"),
        "maxBulkRequestLength": BULK_MAX,
        "drs": { "maxBulkRequestLength": BULK_MAX },
    })
}

/// A dataset as a bundle, or its header or body as a blob.
#[utoipa::path(
    tag = "drs",
    params(("object_id" = String, Path, description = "a dataset's id; with `.header` or `.body` behind it, that part")),
    responses(
        (status = 200, description = "DrsObject", body = Value),
        (status = "4XX", description = "Error: not signed, or not here for the signer", body = Value),
    )
)]
#[get("/ga4gh/drs/v1/objects/{object_id}")]
pub(super) async fn read_object(request: HttpRequest, service: Data<Service>, id: Path<String>) -> HttpResponse {
    answer(object(request, service, id.into_inner()).await)
}

async fn object(request: HttpRequest, service: Data<Service>, id: String) -> Result<Value, Error> {
    custody(&service)?;
    let account = caller(&request, &service)?.account();
    blocking(move || {
        let named = Named::of(&id);
        let entitled = entitled(&service, account, named.dataset, Operation::DescribeObject)?;
        object::describe(&service, &entitled, named.part.ok_or_else(|| unknown(&id))?)
    })
    .await
}

/// Where the bytes of a header or body are. The request there is signed as this one is.
#[utoipa::path(
    tag = "drs",
    params(
        ("object_id" = String, Path, description = "a dataset's id with `.header` or `.body` behind it"),
        ("access_id" = String, Path, description = "the `access_id` of the object's access method"),
    ),
    responses(
        (status = 200, description = "AccessURL", body = Value),
        (status = "4XX", description = "Error: not signed, or not here for the signer", body = Value),
    )
)]
#[get("/ga4gh/drs/v1/objects/{object_id}/access/{access_id}")]
pub(super) async fn read_access(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> HttpResponse {
    let (id, access) = path.into_inner();
    answer(access_url(request, service, id, access).await)
}

async fn access_url(request: HttpRequest, service: Data<Service>, id: String, access: String) -> Result<Value, Error> {
    custody(&service)?;
    let account = caller(&request, &service)?.account();
    blocking(move || {
        let named = Named::of(&id);
        let entitled = entitled(&service, account, named.dataset, Operation::LocateObject)?;
        match named.part {
            Some(part @ (Part::Header | Part::Body)) if access == ACCESS_ID => {
                let url =
                    format!("{}/v1/datasets/{}/{}", service.publishing.identity.public_url, entitled.id, part.name());
                Ok(json!({ "url": url }))
            }
            _ => Err(unknown(&id)),
        }
    })
    .await
}
