//! What surrounds every page: its head, navigation and footer, the theme, and the headers of the answer.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    middleware::Next,
    post,
    web::{Data, Form},
};
use askama::Template;
use flate2::Compression;
use node::genesis::Network;
use serde::Deserialize;

use super::{assets, gzip};
use crate::{
    Error,
    api::Service,
    sign_in::{SignedIn, identify},
};

/// What a page may load and do: files of this server.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Nothing of a machine is asked for but to write a copied id to the clipboard.
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-read=()";
/// The cookie that keeps the theme.
const THEME_COOKIE: &str = "theme";
/// How it is kept: for a year, for this server's pages alone, and out of reach of scripts.
const THEME_COOKIE_TERMS: &str = "Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly";

/// Which colours a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Theme {
    /// Those of the system.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(in crate::pages) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn of(request: &HttpRequest) -> Self {
        let cookie = cookie(request, THEME_COOKIE);
        let chosen = |theme: &Self| cookie == Some(theme.name());
        Self::ALL.into_iter().find(chosen).unwrap_or_default()
    }
}

/// The value of a cookie.
pub(super) fn cookie<'r>(request: &'r HttpRequest, wanted: &str) -> Option<&'r str> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// A site of pages: its parts, and the network that it is of.
pub(super) trait Part: Copy + PartialEq + 'static {
    /// The parts as the navigation lists them: where, and their name.
    const LISTED: &'static [(Self, &'static str, &'static str)];

    /// The network, when the server says which.
    fn network(request: &HttpRequest) -> Option<(Network, String)>;

    /// Whether it is about the own account of a node.
    fn is_account(self) -> bool {
        false
    }
}

/// The parts of a node's site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// None of the list.
    Elsewhere,
    /// Studies.
    Studies,
    /// Queries.
    Queries,
    /// Screenings.
    Screenings,
    /// The query builder.
    Builder,
    /// Results of a researcher.
    Results,
    /// Checking receipts.
    Verify,
    /// The ledger.
    Explorer,
    /// Signing in, and the own account; beside the list.
    SignIn,
}

impl Part for Section {
    const LISTED: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Studies, "/studies", "Studies"),
        (Self::Queries, "/queries", "Queries"),
        (Self::Screenings, "/screenings", "Screenings"),
        (Self::Builder, "/builder", "Build a query"),
        (Self::Results, "/results", "Results"),
        (Self::Verify, "/verify", "Verify"),
        (Self::Explorer, "/explorer", "Explorer"),
    ];

    fn network(request: &HttpRequest) -> Option<(Network, String)> {
        let genesis = request.app_data::<Data<Service>>()?.chain.ledger().genesis();
        Some((genesis.network, genesis.name.clone()))
    }

    fn is_account(self) -> bool {
        self == Self::SignIn
    }
}

/// The frame of a page.
pub(super) struct Shell {
    pub(in crate::pages) title: String,
    navigation: Vec<(bool, &'static str, &'static str)>,
    is_account: bool,
    pub(in crate::pages) theme: Theme,
    pub(in crate::pages) back: String,
    pub(in crate::pages) network: Option<(Network, String)>,
    /// Who is signed in.
    pub(in crate::pages) signed_in: Option<SignedIn>,
}

impl Shell {
    /// The frame of the page with a title, in a part of its site.
    pub(super) fn of<P: Part>(request: &HttpRequest, part: P, title: impl Into<String>) -> Self {
        let listed = P::LISTED.iter().map(|(listed, href, name)| (*listed == part, *href, *name));
        let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
        Self {
            title: title.into(),
            navigation: listed.collect(),
            is_account: part.is_account(),
            theme: Theme::of(request),
            back: address.into(),
            network: P::network(request),
            signed_in: request.extensions().get::<SignedIn>().cloned(),
        }
    }

    /// The same frame without a way to other pages.
    pub(super) fn alone(self) -> Self {
        Self { navigation: vec![], back: "/".into(), ..self }
    }

    /// The same frame under the title that is known later.
    pub(super) fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Whether the page is about the own account.
    pub(in crate::pages) fn is_account(&self) -> bool {
        self.is_account
    }

    pub(in crate::pages) fn stylesheet(&self) -> String {
        assets::href("locus.css")
    }

    pub(in crate::pages) fn script(&self) -> String {
        assets::href("locus.js")
    }

    pub(in crate::pages) fn htmx(&self) -> String {
        assets::href("htmx.min.js")
    }

    pub(in crate::pages) fn icon(&self) -> String {
        assets::href("icon.svg")
    }

    pub(in crate::pages) fn navigation(&self) -> impl Iterator<Item = (bool, &'static str, &'static str)> + '_ {
        self.navigation.iter().copied()
    }

    pub(in crate::pages) fn themes(&self) -> impl Iterator<Item = (bool, &'static str)> + use<> {
        let chosen = self.theme;
        Theme::ALL.into_iter().map(move |theme| (theme == chosen, theme.name()))
    }

    /// Whether one machine plays all parties.
    pub(in crate::pages) fn is_demo(&self) -> bool {
        self.network.as_ref().is_some_and(|(network, _)| *network == Network::Demo)
    }

    /// What a reader must know of the network before believing anything on the page.
    pub(in crate::pages) fn warning(&self) -> Option<&'static str> {
        match self.network.as_ref()?.0 {
            Network::Demo => Some("A demonstration: one machine plays all parties, with keys that protect nobody."),
            Network::Test => Some("A test network: its keys protect nobody."),
            Network::Consortium => None,
        }
    }
}

/// Notes who is signed in, for the frame of every page.
pub(super) async fn note_reader(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let service = request.app_data::<Data<Service>>().cloned();
    let is_page = !request.path().starts_with("/assets/");
    if let Some(service) = service.filter(|_| is_page) {
        let (inner, payload) = request.into_parts();
        let reader = identify(&inner, &service).await;
        // A page that anybody may read is shown all the same, as to somebody who is not signed in.
        match reader {
            Ok(Some(reader)) => drop(inner.extensions_mut().insert(reader)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "who is signed in cannot be read"),
        }
        request = ServiceRequest::from_parts(inner, payload);
    }
    next.call(request).await
}

/// A page as an answer.
///
/// # Errors
/// [`Error::Internal`] when it cannot be rendered.
pub(super) fn page(template: &impl Template) -> Result<HttpResponse, Error> {
    page_with(StatusCode::OK, template)
}

/// A page as an answer of this status.
///
/// # Errors
/// As [`page`].
pub(super) fn page_with(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    Ok(answer(status, rendered(template)?))
}

/// A page that carries what its reader sent as an answer, compressed where that is taken and tells nobody anything.
///
/// # Errors
/// As [`page`].
pub(super) fn large_page(request: &HttpRequest, template: &impl Template) -> Result<HttpResponse, Error> {
    let text = rendered(template)?;
    let is_compressed = gzip::may_compress(request);
    let mut answer = with_headers(StatusCode::OK);
    gzip::note(&mut answer, is_compressed);
    Ok(if is_compressed {
        answer.body(gzip::whole(text.as_bytes(), Compression::default())?)
    } else {
        answer.body(text)
    })
}

/// The text of a page as an answer of this status.
pub(super) fn answer(status: StatusCode, text: String) -> HttpResponse {
    with_headers(status).body(text)
}

/// The text of a page.
///
/// # Errors
/// As [`page`].
pub(super) fn rendered(template: &impl Template) -> Result<String, Error> {
    template.render().map_err(|error| Error::Internal { action: "render a page", why: error.to_string() })
}

/// The answer of a page that is sent while it is made, and that may be compressed.
pub(super) fn answered(is_compressed: bool) -> HttpResponseBuilder {
    let mut answer = with_headers(StatusCode::OK);
    gzip::note(&mut answer, is_compressed);
    // Proxies that gather answers would hold its parts back.
    answer.insert_header((HeaderName::from_static("x-accel-buffering"), "no"));
    answer
}

fn with_headers(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::PERMISSIONS_POLICY, PERMISSIONS))
        .insert_header((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .insert_header((header::VARY, "cookie"));
    answer
}

/// Which theme, and where the reader was.
#[derive(Deserialize)]
pub(super) struct Choice {
    theme: Theme,
    back: String,
}

/// A path of this server: one that no browser takes for another host's. Browsers leave tabs and line ends out of an
/// address, and take a backslash for a slash (URL Standard §4.4), so nothing but visible ASCII is taken.
fn own_path(path: &str) -> &str {
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let own = path.starts_with('/') && !path.starts_with("//") && visible;
    if own { path } else { "/" }
}

/// Keeps the theme in a cookie, which tells nobody apart, and leads back.
#[post("/theme")]
pub(super) async fn choose_theme(choice: Form<Choice>) -> HttpResponse {
    let Choice { theme, back } = choice.into_inner();
    let cookie = format!("{THEME_COOKIE}={}; {THEME_COOKIE_TERMS}", theme.name());
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, cookie))
        .insert_header((header::LOCATION, own_path(&back)))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_form_leads_to_no_other_host() {
        for own in ["/", "/queries?stage=released", "/blocks/3"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nset-cookie: b=c"] {
            assert_eq!(own_path(foreign), "/");
        }
    }

    #[test]
    fn repro_what_browsers_leave_out_of_an_address_leads_to_no_other_host() {
        for foreign in ["/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/ /evil.example", "/é", "/a\0b"] {
            assert_eq!(own_path(foreign), "/", "{foreign:?}");
        }
        assert_eq!(own_path("/\\/evil.example"), "/");
    }
}
