//! Signing in to a node's pages with the key of a ledger account.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Home, Output};
use crate::{
    Error,
    client::Remote,
    sign_in::{Challenge, Link, Origin, SignedChallenge},
};

/// Sign in to a node's pages with the key of an account: prints a link for a browser.
///
/// The node at --url gives a one-time code. The key signs it here, together with the node's address and the chain, and the
/// node answers with a link. Open it once, soon, in the browser that is to be signed in. Where somebody is signed in there
/// already, the page offers to link the ledger account to theirs. The key stays here, and nothing goes on the ledger.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  locus sign-in --url http://localhost:8480 --key researcher.key")]
pub struct SignInCommand {
    /// The account's key file, of any role.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The address under which browsers reach the node, where --url is another, as with a proxy that ends TLS. The link
    /// leads there.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
}

/// The link, whole.
#[derive(Serialize)]
struct Opening {
    url: String,
    seconds: u32,
    account: circuits::id::AccountId,
}

impl SignInCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let Some(url) = home.url() else {
            let why = "name the node whose pages you sign in to with --url, as http://localhost:8480".into();
            return Err(Error::Input { what: "address", why });
        };
        let origin = Origin::of_url(self.origin.as_deref().unwrap_or(url))?;
        let remote = Remote::new(url)?;
        let chain = home.genesis()?.chain_id()?;
        let key = home.any_key(&self.key)?;
        let account = key.account();
        let asking = serde_json::json!({ "account": account });
        let challenge: Challenge = remote.post_json("/v1/sign-in/challenges", &asking)?;
        let signed = SignedChallenge::sign(&challenge, &origin, &chain, &key.signing_key());
        let Link { path, seconds } = remote.post_json("/v1/sign-in/links", &signed)?;
        let opening = Opening { url: format!("{origin}{path}"), seconds, account };
        output.result(&opening, |Opening { url, seconds, account }| {
            format!(
                "open this in your browser within {} minutes; it works once:\n\n  {url}\n\nit signs in as {account}",
                seconds / 60
            )
        })
    }
}
