//! Who sent a request that must be signed.

use actix_web::{HttpRequest, http::header};

use super::Service;
use crate::{
    Error,
    signed_request::{Caller, Covered, UnverifiedRequest},
};

/// The account that signed a request without a body, for this server and chain, now, once.
///
/// # Errors
/// [`Error::Unsigned`] that says what is wrong with the signature.
pub(super) fn caller(request: &HttpRequest, service: &Service) -> Result<Caller, Error> {
    let [input, signature] = [field(request, "signature-input")?, field(request, "signature")?];
    let authority = own_authority(request, service)?;
    let (method, path) = (request.method().as_str(), request.uri().path());
    let covered = Covered { method, authority, path, query: request.query_string(), content_digest: None };
    let chain = service.chain.ledger().chain();
    UnverifiedRequest::read(input, signature)?.verify(&covered, &chain, service.chain.now(), &service.replay)
}

fn refused(why: impl Into<String>) -> Error {
    Error::Unsigned { why: why.into() }
}

/// A field that is there once.
fn field<'r>(request: &'r HttpRequest, name: &str) -> Result<&'r str, Error> {
    let mut all = request.headers().get_all(name);
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().map_err(|_| refused(format!("its field {name} is not ASCII"))),
        (None, _) => Err(refused(format!("it has no field {name}"))),
        (Some(_), Some(_)) => Err(refused(format!("it has the field {name} twice"))),
    }
}

/// The host that the request names, if it is this server. Otherwise another server that got a signed request could pass it
/// on to this one.
fn own_authority<'r>(request: &'r HttpRequest, service: &Service) -> Result<&'r str, Error> {
    let asked = field(request, header::HOST.as_str())?;
    let own = service.publishing.identity.authority();
    let local = request.app_config().local_addr();
    let here =
        if local.ip().is_loopback() { vec![local.to_string(), format!("localhost:{}", local.port())] } else { vec![] };
    if here.iter().map(String::as_str).chain([own]).any(|name| name.eq_ignore_ascii_case(asked)) {
        return Ok(asked);
    }
    Err(refused(format!("it is for {asked}, and this server is {own}; its operator names it with --public-url")))
}
