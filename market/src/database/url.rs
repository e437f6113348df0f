//! Where a database is. A password in it shows nowhere: not in errors, logs or `Debug`.

use std::{fmt, net::Ipv4Addr, path::Path, str::FromStr};

use zeroize::Zeroizing;

use crate::Error;

/// How long PostgreSQL may take to answer at all, in seconds.
const CONNECT_SECONDS_MAX: u32 = 10;
/// What stands in the place of a password.
const REDACTED: &str = "***";

/// A database's address: `sqlite://PATH` or a path for a file, `postgres://USER@HOST/NAME` for a server.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    kind: Kind,
    /// The address for people.
    shown: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Sqlite(String),
    Postgres { text: Zeroizing<String>, secrets: Vec<Zeroizing<String>>, local: bool },
}

/// What to connect to.
pub(super) enum Target<'a> {
    /// A file.
    Sqlite(&'a str),
    /// A connection URI of libpq.
    Postgres(&'a str),
}

fn refused(why: impl Into<String>) -> Error {
    Error::DatabaseUrl { why: why.into() }
}

impl DatabaseUrl {
    /// A file of SQLite.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] for a path that is not UTF-8.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let path =
            path.to_str().ok_or_else(|| refused(format!("{} is not UTF-8; choose another path", path.display())))?;
        Self::sqlite(path)
    }

    fn sqlite(path: &str) -> Result<Self, Error> {
        if path.is_empty() {
            return Err(refused("it names no file; write sqlite://PATH"));
        }
        if path.starts_with(":memory:") || path.starts_with("file:") {
            return Err(refused("databases in memory and SQLite's own URIs are not supported; give a path"));
        }
        Ok(Self { kind: Kind::Sqlite(path.into()), shown: path.into() })
    }

    /// Takes a URI of libpq apart as far as its password goes. What could hide a part of a password is refused.
    fn postgres(text: &str, rest: &str) -> Result<Self, Error> {
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(authority_end);
        if after.contains('@') || authority.matches('@').count() > 1 {
            return Err(refused(
                "its password holds a character that a URL reserves; write it percent-encoded: @ as %40, : as %3A, \
                 / as %2F, ? as %3F, # as %23, % as %25",
            ));
        }
        let parameters = after.split_once('?').map_or("", |(_, parameters)| parameters);
        let names = |wanted: &str| parameters.split('&').any(|one| one.split('=').next() == Some(wanted));
        if names("password") || names("sslpassword") {
            return Err(refused("write the password behind the user's name, or in a file that PGPASSFILE names"));
        }
        let encrypted = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"];
        if parameters.split('&').any(|one| encrypted.contains(&one)) {
            return Err(refused(
                "this program speaks no TLS to a database; use a Unix socket, the same machine, or an encrypted tunnel \
                 to it, and leave out sslmode",
            ));
        }
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (name, password) = user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
        let shown_user = match password {
            Some(_) => format!("{name}:{REDACTED}@"),
            None if user.is_empty() => String::new(),
            None => format!("{name}@"),
        };
        let mut full = text.to_owned();
        for (parameter, value) in
            [("connect_timeout", CONNECT_SECONDS_MAX.to_string()), ("application_name", "locus".into())]
        {
            if !names(parameter) {
                let separator = if full.contains('?') { '&' } else { '?' };
                full.push_str(&format!("{separator}{parameter}={value}"));
            }
        }
        let secrets = password.into_iter().flat_map(|password| [password.to_owned(), percent_decoded(password)]);
        let secrets = secrets.filter(|secret| !secret.is_empty()).map(Zeroizing::new).collect();
        let local = is_local(host, parameters);
        let kind = Kind::Postgres { text: full.into(), secrets, local };
        Ok(Self { kind, shown: format!("postgres://{shown_user}{host}{after}") })
    }

    pub(super) fn target(&self) -> Target<'_> {
        match &self.kind {
            Kind::Sqlite(path) => Target::Sqlite(path),
            Kind::Postgres { text, .. } => Target::Postgres(text),
        }
    }

    /// Whether it is a server that several processes may share.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// What a library said, without the password that it may have repeated.
    pub(super) fn without_secrets(&self, said: &str) -> String {
        match &self.kind {
            Kind::Sqlite(_) => said.into(),
            Kind::Postgres { text, secrets, .. } => {
                let said = said.replace(text.as_str(), &self.shown);
                secrets.iter().fold(said, |said, secret| said.replace(secret.as_str(), REDACTED))
            }
        }
    }

    pub(super) fn warn_if_unencrypted(&self) {
        if let Kind::Postgres { local: false, .. } = self.kind {
            tracing::warn!(database = %self, "the connection to this host is not encrypted; use an encrypted tunnel");
        }
    }
}

/// Whether what is sent stays on this machine: a Unix socket or loopback.
fn is_local(host: &str, parameters: &str) -> bool {
    let by_parameter = |name: &str| parameters.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
    let host = by_parameter("hostaddr").or_else(|| by_parameter("host")).unwrap_or(host);
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.contains(']') { host } else { name });
    let socket = name.is_empty() || name.starts_with('/') || name.starts_with("%2F") || name.starts_with("%2f");
    socket
        || name == "localhost"
        || name.parse::<Ipv4Addr>().is_ok_and(|host| host.is_loopback())
        || name == "[::1]"
        || host == "::1"
}

/// A text whose %XX are bytes. What is none of them stays.
fn percent_decoded(text: &str) -> String {
    let mut decoded = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match byte.as_deref() {
            Some([byte]) => {
                decoded.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains('\0') {
            return Err(refused("it holds a NUL character"));
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => Self::postgres(text, rest),
            Some(("sqlite", path)) => Self::sqlite(path),
            Some((scheme, _)) if scheme.chars().all(|letter| letter.is_ascii_alphanumeric()) => {
                Err(refused(format!("{scheme} is not supported; write sqlite://PATH or postgres://USER@HOST/NAME")))
            }
            _ => Self::sqlite(text),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn files_and_servers_are_told_apart() {
        for (text, path) in [("sqlite://a/b.db", "a/b.db"), ("sqlite:///a.db", "/a.db"), ("b.sqlite", "b.sqlite")] {
            assert!(matches!(url(text).target(), Target::Sqlite(found) if found == path), "{text}");
            assert!(!url(text).is_shared());
        }
        for text in ["postgres://locus@db/locus", "postgresql:///locus?host=/run/postgresql"] {
            assert!(matches!(url(text).target(), Target::Postgres(found) if found.starts_with(text)), "{text}");
            assert!(url(text).is_shared());
        }
    }

    #[test]
    fn what_is_no_database_is_refused_with_the_remedy_and_never_repeated() {
        let cases = [
            ("", "sqlite://PATH"),
            ("sqlite://", "sqlite://PATH"),
            (":memory:", "give a path"),
            ("file:x?mode=ro", "give a path"),
            ("mysql://user:sesame@host/db", "postgres://USER@HOST/NAME"),
            ("postgres://user:ses@me@host/db", "%40"),
            ("postgres://user:sesame/x@host/db", "%2F"),
            ("postgres://user:sesame?x@host/db", "%3F"),
            ("postgres://user@host/db?password=sesame", "PGPASSFILE"),
            ("postgres://user@host/db?sslmode=verify-full", "tunnel"),
            ("postgres://user@host/db\0sesame", "NUL"),
        ];
        for (text, remedy) in cases {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(remedy), "{text}: {error}");
            assert!(!error.contains("sesame") && !error.contains("ses@"), "{text}: {error}");
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        for text in
            ["postgres:///db", "postgres://u@localhost/db", "postgres://u@127.0.0.1:5433/db", "postgres://[::1]:5/d"]
        {
            assert!(matches!(url(text).kind, Kind::Postgres { local: true, .. }), "{text}");
        }
        for text in ["postgres://u@%2Frun%2Fpostgresql/db", "postgres:///db?host=/tmp/x", "postgres://db?host=%2Ftmp"] {
            assert!(matches!(url(text).kind, Kind::Postgres { local: true, .. }), "{text}");
        }
        for text in ["postgres://u@db.example.org/db", "postgres:///db?host=10.0.0.1", "postgres://[2001:db8::1]:5/d"] {
            assert!(matches!(url(text).kind, Kind::Postgres { local: false, .. }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_password_shows_in_any_form(password in "[a-zA-Z0-9!$&'()*+,;=._~-]{6,24}", encoded in any::<bool>()) {
            let written = if encoded {
                password.bytes().map(|byte| format!("%{byte:02X}")).collect()
            } else {
                password.clone()
            };
            let url = url(&format!("postgres://locus:{written}@db.example.org/market"));
            let said = url.without_secrets(&format!("no route to {}: {password} {written}", match url.target() {
                Target::Postgres(text) | Target::Sqlite(text) => text,
            }));
            for text in [format!("{url}"), format!("{url:?}"), said] {
                prop_assert!(!text.contains(&password) && !text.contains(&written), "{}", text);
                prop_assert!(text.contains("db.example.org"));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}", scheme in "(postgres://|sqlite://|)") {
            drop(format!("{scheme}{text}").parse::<DatabaseUrl>());
        }
    }
}
