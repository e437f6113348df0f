//! What a node publishes: releases whose receipts were handed to its operator.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::Args;
use market::{
    beacon::{Beacon, COUNT_MIN, Floors, Trusted},
    so_many,
};

use crate::{
    Error,
    api::{FetchingBlobs, Identity, Publishing, ServedBeacon, Service},
    chain::Chain,
    cli::{Output, ontology},
};

/// How soon a receipt is checked again that could not be checked when the node started; then twice as late each time.
const RECHECK_TIME: Duration = Duration::from_secs(30);
/// The longest that is waited in between.
const RECHECK_TIME_MAX: Duration = Duration::from_secs(3_600);
/// The heading of these options.
const PUBLISHING: &str = "Publishing to GA4GH clients";

/// Options of publishing.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// An ontology in OBO format, such as mondo.obo: the query builder finds diseases by the names that it gives them.
    #[arg(long, value_name = "FILE")]
    ontology: Option<PathBuf>,
    /// Serve a GA4GH Beacon of released results from this folder of receipts, read once at the start. Put a receipt
    /// there only if whoever holds the result wants it public.
    #[arg(long, value_name = "DIR", help_heading = PUBLISHING)]
    beacon: Option<PathBuf>,
    /// The fewest people of a count that the Beacon shows; more where privacy noise is wide.
    #[arg(long, default_value_t = COUNT_MIN, value_name = "COUNT", requires = "beacon", help_heading = PUBLISHING, value_parser = clap::value_parser!(u32).range(1..))]
    beacon_count_min: u32,
    /// Show releases without privacy noise too, above the chain's floor for exact sums.
    #[arg(long, requires = "beacon", help_heading = PUBLISHING)]
    beacon_exact: bool,
    /// Address at which others reach this API; the one listened on without it.
    #[arg(long, value_name = "URL", help_heading = PUBLISHING)]
    public_url: Option<String>,
    /// Name that no other service has, in reverse domain order: org.example.locus. By default made of the chain's id.
    #[arg(long, value_name = "ID", help_heading = PUBLISHING)]
    service_id: Option<String>,
    /// The organisation that runs this node; the network's name without it.
    #[arg(long, value_name = "NAME", help_heading = PUBLISHING)]
    organization: Option<String>,
    /// The organisation's page; the public address without it.
    #[arg(long, value_name = "URL", help_heading = PUBLISHING)]
    organization_url: Option<String>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            ontology: None,
            beacon: None,
            beacon_count_min: COUNT_MIN,
            beacon_exact: false,
            public_url: None,
            service_id: None,
            organization: None,
            organization_url: None,
        }
    }
}

impl Publish {
    /// Knows diseases by the names that an ontology gives them.
    pub(super) fn naming(self, ontology: PathBuf) -> Self {
        Self { ontology: Some(ontology), ..self }
    }

    /// Reads the ontology, verifies the receipts and says which are served.
    ///
    /// # Errors
    /// [`Error::Input`] for an address that is none or an ontology that cannot be opened, [`Error::Market`] when the folder cannot be read. A receipt that
    /// is refused is told, and the others serve; one that could not be checked is checked again while the node runs.
    pub(super) fn open(self, service: &Service, listen: SocketAddr, output: &Output) -> Result<Publishing, Error> {
        let ledger = service.chain.ledger();
        let genesis = ledger.genesis();
        let public_url = self.public_url.unwrap_or_else(|| format!("http://{listen}"));
        let organization = self.organization.unwrap_or_else(|| genesis.name.clone());
        let organization_url = self.organization_url.as_deref();
        let identity = Identity::new(ledger.chain(), self.service_id, organization, organization_url, &public_url)?;
        let diseases = ontology::names_at(self.ontology.as_deref())?;
        if let Some(diseases) = &diseases {
            output.say(format!("the query builder finds {} diseases by name", diseases.len()));
        }
        let Some(folder) = self.beacon else { return Ok(Publishing { identity, beacon: None, diseases }) };
        let view = service.chain.snapshot()?;
        let blobs = service.fetching_for_duties();
        let trusted = Trusted { view: &view, genesis, blobs: &blobs };
        let floors = Floors { count_min: self.beacon_count_min, exact: self.beacon_exact };
        let (beacon, refused) = Beacon::open(&folder, trusted, floors, |path| {
            output.say(format!("verifying {}", path.display()));
        })?;
        for refused in &refused {
            let path = refused.path.display();
            if let Some(what) = refused.error.unread() {
                tracing::warn!(%path, error = %refused.error, "a receipt could not be checked");
                output.say(format!("not served yet: {path}: it could not be checked now: {what}; it is checked again"));
            } else {
                tracing::warn!(%path, error = %refused.error, "a receipt is not served");
                output.say(format!("not served: {path}: {}", refused.error));
            }
        }
        let releases = so_many(beacon.releases().len(), "release", "releases");
        output.say(format!("the Beacon serves {releases} at {public_url}/beacon/v2"));
        let beacon = ServedBeacon::from(beacon);
        let unread = refused.into_iter().filter(|refused| refused.error.unread().is_some());
        let unread: Vec<PathBuf> = unread.map(|refused| refused.path).collect();
        if !unread.is_empty() {
            check_in_background(beacon.clone(), unread, (Arc::clone(&service.chain), blobs))?;
        }
        Ok(Publishing { identity, beacon: Some(beacon), diseases })
    }
}

/// Checks receipts again, less and less often, until each is served or refused or the process ends.
fn check_in_background(
    beacon: ServedBeacon,
    mut unread: Vec<PathBuf>,
    (chain, blobs): (Arc<Chain>, FetchingBlobs),
) -> Result<(), Error> {
    let started = thread::Builder::new().name("locus-receipts".into()).spawn(move || {
        let mut pause = RECHECK_TIME;
        while !unread.is_empty() {
            thread::sleep(pause);
            pause = (pause * 2).min(RECHECK_TIME_MAX);
            unread.retain(|path| match check_again(&beacon, path, (&chain, &blobs)) {
                Ok(()) => {
                    tracing::info!(path = %path.display(), "a receipt is served now");
                    false
                }
                Err(Error::Market(error)) if error.unread().is_none() => {
                    tracing::warn!(path = %path.display(), %error, "a receipt is not served");
                    false
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a receipt could not be checked");
                    true
                }
            });
        }
    });
    let failed = |error: io::Error| Error::Internal { action: "check receipts again", why: error.to_string() };
    started.map(drop).map_err(failed)
}

fn check_again(beacon: &ServedBeacon, path: &Path, (chain, blobs): (&Chain, &FetchingBlobs)) -> Result<(), Error> {
    let view = chain.snapshot()?;
    beacon.add(path, Trusted { view: &view, genesis: chain.ledger().genesis(), blobs })
}
