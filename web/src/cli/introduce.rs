//! A researcher's introduction for a query, sent to a node.

use std::path::{Path, PathBuf};

use circuits::id::{ChainId, QueryId};
use clap::Args;
use market::{
    data_use::DeclaredUse,
    introduction::Introduction,
    ledger::require_query,
    passport::check_publishable,
    query::QueryFile,
    wallet::{PartyKey, Role},
};
use serde::Serialize;

use super::{Home, Output, passport::read_passport};
use crate::{Error, chain::now, client::Remote};

/// What is said for which query.
#[derive(Debug, Args)]
pub struct Introducing {
    /// The query's id.
    query: QueryId,
    /// The researcher's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A passport or visas in JSON; public from then on. Each must name one audience (aud), that of the agents who decide, so
    /// that nobody else can use it. Present only visas that owners ask for.
    #[arg(long, value_name = "FILE", required_unless_present = "file")]
    passport: Option<PathBuf>,
    /// The query file, whose `data_use` is promised.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// That an introduction was taken.
#[derive(Debug, Serialize)]
struct Introduced {
    query: QueryId,
    declared: bool,
    passport: bool,
}

impl Introducing {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let node = require_node(home)?;
        let declared = match &self.file {
            Some(path) => Some(QueryFile::open(path)?.data_use.ok_or_else(|| Error::Input {
                what: "query file",
                why: format!("{} declares no data_use, so there is nothing to promise", path.display()),
            })?),
            None => None,
        };
        let passport = self.passport.as_deref().map(read_public_passport).transpose()?;
        let key = home.key(&self.key, Role::Researcher)?;
        let ledger = home.connect_reading()?.ledger;
        let (chain, state) = (ledger.chain(), require_query(&*ledger, self.query)?);
        let introduction = write(&chain, self.query, (declared.as_ref(), passport.as_deref()), &key)?;
        // Refused here rather than by everybody who reads it.
        introduction.clone().verify(&chain, self.query, &state)?;
        node.introduce(&introduction)?;
        let said = Introduced { query: self.query, declared: declared.is_some(), passport: passport.is_some() };
        output.result(&said, |said| format!("query {} is introduced at {}", said.query, node.url()))
    }
}

/// A passport that may be public, from a file: it never leaves this machine otherwise.
///
/// # Errors
/// As [`read_passport`] and [`check_publishable`].
pub(super) fn read_public_passport(path: &Path) -> Result<String, Error> {
    let passport = read_passport(path)?;
    check_publishable(&passport)?;
    Ok(passport)
}

/// The node that introductions are sent to.
///
/// # Errors
/// [`Error::Input`] when none is given.
pub(super) fn require_node(home: &Home) -> Result<Remote, Error> {
    let why = "agents find introductions at a node; give its address with --url";
    Remote::new(home.url().ok_or_else(|| Error::Input { what: "introduction", why: why.into() })?)
}

/// An introduction as of now.
///
/// # Errors
/// As [`Introduction::new`].
pub(super) fn write(
    chain: &ChainId,
    query: QueryId,
    (declared, passport): (Option<&DeclaredUse>, Option<&str>),
    key: &PartyKey,
) -> Result<Introduction, Error> {
    Ok(Introduction::new((chain, query), declared, passport, now(), &key.signing_key())?)
}
