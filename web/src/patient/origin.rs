//! Where browsers find a patient's pages: the one address whose pages may send forms here.

use std::{fmt, net::SocketAddr, str::FromStr};

use crate::Error;

/// A scheme, a host and a port: an origin of the web (RFC 6454, section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: String,
    /// The same place under another name: `localhost` of a loopback address.
    other: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// The origin of pages that are served on an address of this machine alone, without TLS.
    ///
    /// # Errors
    /// [`Error::Input`] for an address that others reach: passwords, records and money would cross a network in the clear.
    pub fn of_loopback(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            let why = format!(
                "{address} can be reached by others and has no TLS; listen on 127.0.0.1, or put a proxy that ends TLS in \
                 front and name its address with --origin https://HOST"
            );
            return Err(Error::Input { what: "address", why });
        }
        let other = Some(format!("localhost:{}", address.port()));
        Ok(Self { scheme: Scheme::Http, authority: address.to_string(), other })
    }

    /// The same origin, shown under the name of this machine where it has one: passkeys and cookies of the pages around are
    /// for that name.
    #[must_use]
    pub fn by_name(self) -> Self {
        match self.other {
            Some(name) => Self { authority: name, other: Some(self.authority), ..self },
            None => self,
        }
    }

    /// Whether the browser speaks TLS to whatever is in front of the pages.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        matches!(self.scheme, Scheme::Https)
    }

    /// Whether a Host header names this origin. Another name that leads to this machine may be a foreign page's, which
    /// its owner's name server pointed here (DNS rebinding).
    #[must_use]
    pub fn is_host(&self, host: &str) -> bool {
        let is = |known: &str| known.eq_ignore_ascii_case(host);
        is(&self.authority) || self.other.as_deref().is_some_and(is)
    }

    /// Whether an Origin header, which browsers send with every form, names this origin.
    #[must_use]
    pub fn is_origin(&self, origin: &str) -> bool {
        let authority = origin.strip_prefix(self.scheme.name()).and_then(|rest| rest.strip_prefix("://"));
        authority.is_some_and(|authority| self.is_host(authority))
    }

    /// The name of the session's cookie: browsers keep cookies of all ports of a host together.
    #[must_use]
    pub fn cookie(&self) -> String {
        let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let place: String = self.authority.chars().map(safe).collect();
        if self.is_secure() { "__Host-locus".into() } else { format!("locus-{place}") }
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// The public address of pages behind a proxy that ends TLS, such as `https://patients.example`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refused =
            || Error::Input { what: "origin", why: format!("{text}: write it as https://host or https://host:port") };
        let authority = text.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).ok_or_else(refused)?;
        let is_safe = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '[' | ']');
        if authority.is_empty() || !authority.chars().all(is_safe) {
            return Err(refused());
        }
        let authority = authority.strip_suffix(":443").unwrap_or(authority);
        Ok(Self { scheme: Scheme::Https, authority: authority.to_ascii_lowercase(), other: None })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_are_hosts_of_a_loopback_address() {
        let origin = Origin::of_loopback("127.0.0.1:8481".parse().unwrap()).unwrap();
        for own in ["127.0.0.1:8481", "localhost:8481", "LOCALHOST:8481"] {
            assert!(origin.is_host(own) && origin.is_origin(&format!("http://{own}")), "{own}");
        }
        for foreign in
            ["", "evil.example", "evil.example:8481", "127.0.0.1", "127.0.0.1:80", "localhost:8481.evil.example"]
        {
            assert!(!origin.is_host(foreign) && !origin.is_origin(&format!("http://{foreign}")), "{foreign}");
        }
        for foreign in ["null", "https://127.0.0.1:8481", "127.0.0.1:8481", "http//127.0.0.1:8481"] {
            assert!(!origin.is_origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_loopback_address_is_shown_by_name_and_known_by_both() {
        let origin = Origin::of_loopback("127.0.0.1:8481".parse().unwrap()).unwrap().by_name();
        assert_eq!(origin.to_string(), "http://localhost:8481");
        assert!(origin.is_host("127.0.0.1:8481") && origin.is_origin("http://localhost:8481"));
        let public: Origin = "https://patients.example".parse().unwrap();
        assert_eq!(public.clone().by_name(), public);
    }

    #[test]
    fn what_others_reach_needs_tls_in_front() {
        assert!(Origin::of_loopback("0.0.0.0:8481".parse().unwrap()).is_err());
        for wrong in ["http://patients.example", "patients.example", "https://", "https://a/b", "https://a b"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
        let origin: Origin = "https://Patients.example:443/".parse().unwrap();
        assert_eq!((origin.to_string().as_str(), origin.is_secure()), ("https://patients.example", true));
        assert!(origin.is_host("patients.example") && !origin.is_origin("http://patients.example"));
    }
}
