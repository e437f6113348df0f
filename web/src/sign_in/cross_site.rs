//! Requests that other sites make with a reader's cookies are refused, whatever they ask for.

use actix_web::{
    HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web::Data,
};

use super::{Site, cookie::Cookie};
use crate::{Error, api::Service};

/// Refuses every request that changes something, carries one of our cookies, and does not come from a page of this server.
/// What carries none proves itself otherwise: a transaction by its signature, a blob by its digest.
pub(crate) async fn refuse_cross_site(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Err(error) = checked(&request) {
        // The error goes along, so that whoever reads pages gets one (`pages::cross_site_as_page`).
        let (request, _) = request.into_parts();
        return Ok(ServiceResponse::from_err(error, request));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn checked(request: &ServiceRequest) -> Result<(), Error> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let Some(service) = request.app_data::<Data<Service>>() else { return Ok(()) };
    let site = Site::of(service, request.app_config().local_addr())?;
    let ours = [Cookie::Session, Cookie::Ceremony].into_iter().any(|cookie| cookie.is_in(request.headers(), &site));
    if ours { check(request.headers(), &site) } else { Ok(()) }
}

/// Requires that a page of this server asks, where the answer lets somebody in.
///
/// # Errors
/// [`Error::CrossSite`] when another asks, or it cannot be told.
pub(crate) fn require_same_origin(request: &HttpRequest, site: &Site) -> Result<(), Error> {
    check(request.headers(), site)
}

/// Browsers say where a request comes from in two fields, which no script of a page can set (Fetch Metadata §2.4, Fetch
/// §3.2). `Origin` alone decides for those without the first; it is `null` under our referrer policy, and then the first
/// has to be there.
fn check(headers: &HeaderMap, site: &Site) -> Result<(), Error> {
    let refused = |why: &str| Err(Error::CrossSite { why: why.into() });
    let field = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let (from, origin) = (field(header::HeaderName::from_static("sec-fetch-site")), field(header::ORIGIN));
    match (from, origin) {
        (Some("same-origin"), None | Some("null")) => Ok(()),
        (Some("same-origin") | None, Some(origin)) if site.owns(origin) => Ok(()),
        (None, None | Some("null")) => refused("it does not say which page made it; use a current browser, over https"),
        _ => refused("another site's page made it; open the page at this server's own address"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_pages_of_this_server_may_change_anything() {
        let site = Site::for_tests("https://locus.example.org");
        let own = Some("https://locus.example.org");
        for (from, origin, taken) in [
            (Some("same-origin"), own, true),
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("null"), true),
            (None, own, true),
            (None, Some("http://localhost:8480"), true),
            (None, None, false),
            (None, Some("null"), false),
            (None, Some("https://evil.example"), false),
            (None, Some("http://locus.example.org"), false),
            (Some("same-origin"), Some("https://evil.example"), false),
            (Some("cross-site"), own, false),
            (Some("same-site"), own, false),
            (Some("none"), own, false),
            (Some("cross-site"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", from), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
                }
            }
            assert_eq!(check(&headers, &site).is_ok(), taken, "{from:?} {origin:?}");
        }
    }
}
