//! Which database a command works on.

use std::{convert::Infallible, fmt, str::FromStr};

use clap::Args;
use market::database::{Database, DatabaseUrl};
use zeroize::Zeroizing;

use super::Home;
use crate::Error;

/// The database's address.
#[derive(Debug, Default, Args)]
pub struct DatabaseOption {
    /// Database of the index, the jobs and the service's accounts: sqlite://PATH, or postgres://USER@HOST/NAME. By default
    /// a file in the data directory. Keep a password in the variable or in a file that PGPASSFILE names: others on this
    /// machine can read a command's options.
    #[arg(long = "database", env = "LOCUS_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    given: Option<Given>,
}

/// An address as it was given. It is taken apart after the options, whose errors repeat what they refuse.
#[derive(Clone)]
struct Given(Zeroizing<String>);

impl FromStr for Given {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.into())))
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(***)")
    }
}

impl DatabaseOption {
    /// Opens the database, and runs the migrations that it lacks.
    ///
    /// # Errors
    /// [`Error::Market`] for an address that is none, or a database that cannot be used.
    pub(crate) fn open(&self, home: &Home) -> Result<Database, Error> {
        // An empty variable is how a shell says that it is not set.
        let url = match self.given.as_ref().filter(|given| !given.0.is_empty()) {
            Some(given) => given.0.parse()?,
            None => DatabaseUrl::file(&home.database_path())?,
        };
        Ok(Database::open(&url)?)
    }
}
