//! The two cookies: the session's, and the one that ties the halves of a ceremony to one browser.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::Site;
use crate::Error;

/// What is kept in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// A session's token.
    Session,
    /// A ceremony's token.
    Ceremony,
}

impl Cookie {
    /// The prefix makes browsers refuse one that another host or an open connection set (RFC 6265bis §4.1.3).
    const fn name(self, site_is_secure: bool) -> &'static str {
        match (self, site_is_secure) {
            (Self::Session, true) => "__Host-locus-session",
            (Self::Session, false) => "locus-session",
            (Self::Ceremony, true) => "__Host-locus-ceremony",
            (Self::Ceremony, false) => "locus-ceremony",
        }
    }

    /// Whether a browser sent it, once or more often.
    pub(super) fn is_in(self, headers: &HeaderMap, site: &Site) -> bool {
        self.all(headers, site).next().is_some()
    }

    fn all<'h>(self, headers: &'h HeaderMap, site: &Site) -> impl Iterator<Item = &'h str> + use<'h> {
        let name = self.name(site.secure_cookies());
        let fields = headers.get_all(header::COOKIE).filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value)
    }

    /// What a browser sent; nothing where it sent two, since then one of them is somebody else's.
    pub(super) fn read(self, headers: &HeaderMap, site: &Site) -> Option<Zeroizing<String>> {
        let mut own = self.all(headers, site).map(|value| Zeroizing::new(value.to_owned()));
        match (own.next(), own.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// The field that keeps a value for so many seconds. Scripts cannot read it, and other sites' forms do not send it.
    ///
    /// # Errors
    /// [`Error::Internal`] for a value that no header holds; tokens are base64url.
    pub(super) fn keep(self, value: &str, seconds: u32, site: &Site) -> Result<HeaderValue, Error> {
        let secure = if site.secure_cookies() { "; Secure" } else { "" };
        let name = self.name(site.secure_cookies());
        let text = Zeroizing::new(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"));
        let failed = |_| Error::Internal { action: "set a cookie", why: "its value is no header text".into() };
        let mut field = HeaderValue::from_str(&text).map_err(failed)?;
        field.set_sensitive(true);
        Ok(field)
    }

    /// The field that forgets it.
    ///
    /// # Errors
    /// As [`Cookie::keep`].
    pub(super) fn forget(self, site: &Site) -> Result<HeaderValue, Error> {
        self.keep("", 0, site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    fn site(public: &str) -> Site {
        Site::for_tests(public)
    }

    #[test]
    fn a_cookie_of_an_encrypted_site_belongs_to_its_host_alone() {
        let site = site("https://locus.example.org");
        let field = Cookie::Session.keep("abc", 60, &site).unwrap();
        assert_eq!(
            field.to_str().unwrap(),
            "__Host-locus-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(field.is_sensitive() && !format!("{field:?}").contains("abc"));
        assert_eq!(Cookie::Session.read(&sent(&["locus-session=abc"]), &site), None);
        let read = Cookie::Session.read(&sent(&["theme=dark; __Host-locus-session=abc"]), &site);
        assert_eq!(read.unwrap().as_str(), "abc");
    }

    #[test]
    fn of_two_sessions_none_counts() {
        let site = site("http://localhost:1");
        for two in [&["locus-session=a; locus-session=b"][..], &["locus-session=a", "locus-session=b"]] {
            assert_eq!(Cookie::Session.read(&sent(two), &site), None);
        }
        assert_eq!(Cookie::Ceremony.read(&sent(&["locus-session=a"]), &site), None);
        assert!(Cookie::Ceremony.forget(&site).unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
