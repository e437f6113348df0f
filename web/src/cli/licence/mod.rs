//! Licences of raw data: offered, asked for, granted, fetched, revoked.

mod answer;
mod ask;
mod fetch;
mod list;
mod offer;

use circuits::consent::{Purposes, Regions};
use clap::{Args, Subcommand};

use super::{Home, Output};
use crate::Error;

/// Let researchers have an encrypted genome, for a use, a time and a price; or ask for one.
///
/// The ledger keeps terms, digests and receipts of access. The file lies with a custodian, a node that was started with
/// --custodian-key. What somebody fetched and can decrypt, nothing takes back.
#[derive(Debug, Subcommand)]
pub enum Licence {
    /// Offer an encrypted file (its owner): store it with the custodian and register its terms.
    Offer(offer::Offer),
    /// List the requests that an owner's datasets have, with use, price and deadline.
    Requests(list::Requests),
    /// Ask for a licence (a researcher), which locks its price.
    Request(ask::Request),
    /// Grant a request (the owner): make a header for the licensee's key, and be paid.
    Grant(answer::Grant),
    /// Decline a request (the owner): the price goes back.
    Decline(answer::Decline),
    /// Revoke a granted licence (the owner). Copies are not recalled.
    Revoke(answer::Revoke),
    /// Take back the price of a request that nobody answered in time (the licensee).
    Reclaim(ask::Reclaim),
    /// Fetch the file under a licence (the licensee), check it against the ledger, and decrypt it.
    Fetch(fetch::Fetch),
    /// List datasets on offer.
    List(list::List),
    /// Show who had access under a licence, and when.
    Accesses(list::Accesses),
}

impl Licence {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Offer(offer) => offer.run(home, output),
            Self::Requests(requests) => requests.run(home, output),
            Self::Request(request) => request.run(home, output),
            Self::Grant(grant) => grant.run(home, output),
            Self::Decline(decline) => decline.run(home, output),
            Self::Revoke(revoke) => revoke.run(home, output),
            Self::Reclaim(reclaim) => reclaim.run(home, output),
            Self::Fetch(fetch) => fetch.run(home, output),
            Self::List(list) => list.run(home, output),
            Self::Accesses(accesses) => accesses.run(home, output),
        }
    }
}

/// A use, as options say it.
#[derive(Debug, Args)]
struct UseOptions {
    /// A purpose: general-research, health-research, disease-specific, ancestry, methods or commercial; repeat it for more.
    #[arg(long = "purpose", value_name = "NAME", required = true)]
    purposes: Vec<String>,
    /// Code of the one disease; 0 names none.
    #[arg(long, default_value_t = 0, value_name = "CODE")]
    disease: u32,
    /// Bits of the regions, as the network numbers them; all without it.
    #[arg(long, default_value_t = u32::MAX, value_name = "BITS")]
    regions: u32,
}

impl UseOptions {
    fn purposes(&self) -> Result<Purposes, Error> {
        Ok(Purposes::from_names(&self.purposes)?)
    }

    const fn regions(&self) -> Regions {
        Regions(self.regions)
    }
}
