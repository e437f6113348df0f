//! Which addresses this server has: what forms may come from, and what passkeys and signed challenges are made for.

use std::{fmt, net::SocketAddr, str::FromStr};

use actix_web::http::Uri;
use webauthn_rp::request::{AsciiDomain, RpId};

use crate::{Error, api::Service};

/// An origin (RFC 6454 §6.2): scheme, host and port, in lower case, without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of a URL, whatever its path.
    ///
    /// # Errors
    /// [`Error::Input`] for what is no address of a web server.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        let refused = || Error::Input { what: "origin", why: format!("{url:?} is not like https://locus.example.org") };
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(refused()) };
        let own_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(refused()),
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(refused());
        }
        let host = authority.host().to_ascii_lowercase();
        let port = authority.port_u16().filter(|port| *port != own_port);
        Ok(Self(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without its port.
    fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// Host and port, as the `Host` field has them.
    pub(crate) fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Whether nobody on the way can read what is sent.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let origin = Self::of_url(text)?;
        if origin.0 == text { Ok(origin) } else { Self::of_url("") }
    }
}

/// What passkeys are made for (WebAuthn §5.4.2).
#[derive(Debug)]
pub(crate) struct RelyingParty {
    /// A domain: passkeys made for it work at no other.
    pub(super) id: RpId,
    /// Where the ceremonies run.
    pub(crate) origin: Origin,
}

/// The addresses of this server.
#[derive(Debug)]
pub(crate) struct Site {
    public: Origin,
    local: Vec<Origin>,
}

impl Site {
    /// The addresses of a service that listens somewhere.
    ///
    /// # Errors
    /// [`Error::Input`] when its public address is none.
    pub(crate) fn of(service: &Service, listens: SocketAddr) -> Result<Self, Error> {
        Self::new(service.publishing.identity.public_url(), listens)
    }

    fn new(public_url: &str, listens: SocketAddr) -> Result<Self, Error> {
        // What listens to this machine alone has its names too; a proxy beside it may have another.
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        let local = if listens.ip().is_loopback() { hosts.as_slice() } else { &[] };
        let local = local.iter().map(|host| Origin::of_url(&format!("http://{host}:{}", listens.port())));
        Ok(Self { public: Origin::of_url(public_url)?, local: local.collect::<Result<_, _>>()? })
    }

    /// Whether an origin is this server.
    pub(crate) fn owns(&self, origin: &str) -> bool {
        self.local.iter().chain([&self.public]).any(|own| own.as_str() == origin)
    }

    /// Where people sign in: where passkeys work, or else the public address.
    pub(crate) fn home(&self) -> Origin {
        self.relying_party().map_or_else(|| self.public.clone(), |party| party.origin)
    }

    /// Whether cookies go over encrypted connections alone.
    pub(super) fn secure_cookies(&self) -> bool {
        self.public.is_secure()
    }

    /// What passkeys are made for: the public address where it has a name, else this machine. Nothing where neither has;
    /// an address of digits cannot have passkeys.
    pub(crate) fn relying_party(&self) -> Option<RelyingParty> {
        let named = self.public.is_secure() || self.public.host() == "localhost";
        let origin = if named && is_domain(self.public.host()) { &self.public } else { self.local.first()? };
        let id = RpId::Domain(AsciiDomain::try_from(origin.host().to_owned()).ok()?);
        Some(RelyingParty { id, origin: origin.clone() })
    }
}

fn is_domain(host: &str) -> bool {
    !host.starts_with('[') && host.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
impl Site {
    pub(super) fn for_tests(public_url: &str) -> Self {
        Self::new(public_url, SocketAddr::from(([127, 0, 0, 1], 8_480))).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(public: &str, listens: &str) -> Site {
        Site::new(public, listens.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_origin_has_no_path_and_no_port_of_its_scheme() {
        for (url, origin) in [
            ("https://Locus.Example.org:443/a?b#c", "https://locus.example.org"),
            ("http://localhost:8480", "http://localhost:8480"),
            ("http://[::1]:80/", "http://[::1]"),
            ("https://a.org:8443", "https://a.org:8443"),
        ] {
            assert_eq!(Origin::of_url(url).unwrap().as_str(), origin);
        }
        for url in ["", "a.org", "ftp://a.org", "//a.org", "https://a@b.org", "https://", "javascript:alert(1)", "null"]
        {
            assert!(Origin::of_url(url).is_err(), "{url}");
        }
        for text in ["https://a.org/", "https://A.org", "https://a.org:443"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_owns_its_public_address_and_what_it_listens_to_on_this_machine() {
        let own = site("https://locus.example.org", "127.0.0.1:8480");
        for origin in ["https://locus.example.org", "http://localhost:8480", "http://127.0.0.1:8480"] {
            assert!(own.owns(origin), "{origin}");
        }
        for origin in
            ["http://locus.example.org", "https://locus.example.org.evil", "http://localhost:8481", "null", ""]
        {
            assert!(!own.owns(origin), "{origin}");
        }
        assert!(!site("https://locus.example.org", "10.0.0.1:8480").owns("http://localhost:8480"));
    }

    #[test]
    fn passkeys_are_for_the_public_name_or_this_machine() {
        let of = |public, listens| site(public, listens).relying_party().map(|party| party.origin.to_string());
        assert_eq!(of("https://locus.example.org", "127.0.0.1:1").as_deref(), Some("https://locus.example.org"));
        assert_eq!(of("http://127.0.0.1:8480", "127.0.0.1:8480").as_deref(), Some("http://localhost:8480"));
        assert_eq!(of("http://localhost:9", "127.0.0.1:8480").as_deref(), Some("http://localhost:9"));
        assert_eq!(of("https://10.0.0.1", "10.0.0.1:443"), None);
        assert_eq!(of("http://locus.example.org", "10.0.0.1:80"), None);
    }
}
