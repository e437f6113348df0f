//! Serving people's pages.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use market::wallet::Protection;
use serde::Serialize;

use crate::{
    Error,
    cli::{Connection, Home, Output, genome::secret_key, ontology, record::wallet_paths},
    client::Remote,
    patient::{Link, Origin, PATIENTS_MAX, PatientPages, Reach},
    serve::{Running, StopOn, serve_patients},
};

/// How often the ledger is looked at while nobody looks at a page, so that the first look is quick.
const LOOK_TIME: Duration = Duration::from_secs(5);

/// Whose pages, and where.
#[derive(Debug, Args)]
pub struct Pages {
    /// The one wallet whose pages are served.
    #[arg(long, value_name = "FILE", required_unless_present = "wallets", conflicts_with = "wallets")]
    wallet: Option<PathBuf>,
    /// Folder of wallets: a hospital's agent serves its patients. Each gets a link of their own, and sees nobody else's.
    #[arg(long, value_name = "DIR")]
    wallets: Option<PathBuf>,
    /// The custodian's key file, when it protects the wallets; otherwise the passphrase opens them.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
    /// A Crypt4GH private key with which licences of offered genomes can be granted on the pages; repeat it for more.
    #[arg(long, value_name = "KEY")]
    reader: Vec<PathBuf>,
    /// An ontology in OBO format, such as mondo.obo: the pages call illnesses by the names that it gives them.
    #[arg(long, value_name = "FILE")]
    ontology: Option<PathBuf>,
    /// Address to listen on. Only this machine reaches the default.
    #[arg(long, default_value = "127.0.0.1:8481", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Where browsers find the pages, when a proxy in front ends TLS: https://HOST. Needed to listen beyond this machine.
    #[arg(long, value_name = "URL")]
    origin: Option<Origin>,
}

/// The links to hand out.
#[derive(Debug, Serialize)]
struct Links {
    listening: String,
    links: Vec<Link>,
}

impl Pages {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let paths = match (&self.wallet, &self.wallets) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(folder)) => wallet_paths(folder)?,
            (None, None) => vec![],
        };
        if paths.is_empty() {
            let why = "there is none to serve; `locus record certify` makes wallets".into();
            return Err(Error::Input { what: "wallets", why });
        }
        if paths.len() > PATIENTS_MAX {
            return Err(Error::TooLarge { what: "wallets of one agent", limit: PATIENTS_MAX });
        }
        let Connection { ledger, blobs, engine } = home.connect()?;
        let node = home.url().map(Remote::new).transpose()?;
        let protection = home.wallet_protection(self.custodian.as_deref())?;
        let genome_keys = self.reader.iter().map(|path| secret_key(path, home)).collect::<Result<_, _>>()?;
        let diseases = ontology::names_at(self.ontology.as_deref())?;
        let reach = Reach { ledger, blobs, node, genome_keys, diseases };
        let people = People { reach, paths, protection, origin: self.origin.clone() };
        let (running, pages) = people.serve(self.listen, StopOn::Signals, output)?;
        let links = Links { listening: running.address().to_string(), links: pages.links() };
        output.result(&links, |links| {
            let head = "each link opens one person's pages, once; Ctrl-C ends this and signs everybody out".to_owned();
            let lines = links.links.iter().map(|link| format!("{}  {}", link.wallet, link.url));
            std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
        })?;
        let ended = running.wait();
        drop(engine);
        ended
    }
}

/// Whose pages an agent serves, and with what.
pub(in crate::cli) struct People {
    pub(in crate::cli) reach: Reach,
    /// Their wallets.
    pub(in crate::cli) paths: Vec<PathBuf>,
    pub(in crate::cli) protection: Protection,
    /// Where browsers find the pages, when that is not the address that they are served on.
    pub(in crate::cli) origin: Option<Origin>,
}

impl People {
    /// Serves their pages, and prints the next link of a wallet whenever one was used.
    ///
    /// # Errors
    /// As [`serve_patients`] and [`PatientPages::open`].
    pub(in crate::cli) fn serve(
        self,
        listen: SocketAddr,
        stop_on: StopOn,
        output: &Output,
    ) -> Result<(Running, Arc<PatientPages>), Error> {
        let told = output.clone();
        let announce = move |link: &Link| {
            // The next link is told again at the next start, should standard output be gone.
            drop(told.result(link, |link| format!("{}  next link  {}", link.wallet, link.url)));
        };
        let bar = output.progress("opening wallets", self.paths.len());
        let (running, pages) = serve_patients(listen, stop_on, |address| {
            let origin = self.origin.map_or_else(|| Origin::of_loopback(address).map(Origin::by_name), Ok)?;
            PatientPages::open(self.reach, &self.paths, self.protection, origin, announce)
        })?;
        bar.finish_and_clear();
        pages.look_ahead(LOOK_TIME);
        Ok((running, pages))
    }
}
