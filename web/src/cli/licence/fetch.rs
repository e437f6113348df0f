//! Fetching under a licence: header and body, each checked by the ledger's word, and a plaintext that is all of it.

use std::{
    fs::{self, File, OpenOptions},
    io::BufReader,
    path::{Path, PathBuf},
};

use circuits::id::{DatasetId, LicenceId};
use clap::Args;
use market::{
    licence::{GrantedLicence, acknowledge, granted},
    wallet::Role,
};

use crate::{
    Error,
    chain::now,
    cli::{
        Home, Output,
        genome::{
            about, secret_key,
            staged::{Readers, Staged, Target, check_free},
            with_suffix,
        },
    },
    client::{Remote, RemoteCustodian},
};

/// Requests in a row that may bring nothing.
const IDLE_REQUESTS_MAX: u32 = 3;
/// What is added to the name of a body that is not whole yet.
const PART_SUFFIX: &str = ".part";

/// Fetch the file under a licence, check it against the ledger, and decrypt it.
///
/// Each access leaves a receipt on the ledger, and so does your acknowledgement. A fetch that broke off goes on when the
/// same command is given again: what came is in OUT.part until then.
#[derive(Debug, Args)]
pub struct Fetch {
    /// The licence.
    licence: LicenceId,
    /// Your key file, which signs the requests.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Your Crypt4GH private key.
    #[arg(long, value_name = "KEY")]
    reader: PathBuf,
    /// Address of the custodian's node; --url by default.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Where to write the plaintext.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
    /// Do not acknowledge on the ledger what was received.
    #[arg(long)]
    silent: bool,
}

impl Fetch {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        check_free(&self.out, self.force)?;
        let key = home.key(&self.key, Role::Researcher)?.signing_key();
        let reader = secret_key(&self.reader, home)?;
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let (licence, state) = granted(ledger, self.licence)?;
        let dataset = state.request.dataset;
        let custodian = RemoteCustodian::new(self.custodian(home)?, key.clone(), ledger.chain(), now);
        let header = custodian.header(dataset, &mut rand::rng())?.ok_or_else(|| self.nothing(dataset))?;
        let header = licence.header(&header)?.open(&reader)?;
        let part = with_suffix(&self.out, PART_SUFFIX);
        self.body(&custodian, &licence, dataset, &part, output)?;
        let staged = Staged::create(Target { path: &self.out, readers: Readers::Owner, force: self.force })?;
        let body = File::open(&part).map_err(|error| failed(&part, &error))?;
        let verified = header.decrypt(BufReader::new(body), staged).and_then(|text| text.verify(&licence.manifest()));
        if verified.is_err() {
            // The bytes are wrong, so going on behind them would be of no use.
            fs::remove_file(&part).map_err(|error| failed(&part, &error))?;
        }
        verified.map_err(about(&part))?.into_inner().publish()?;
        fs::remove_file(&part).map_err(|error| failed(&part, &error))?;
        let acknowledged = if self.silent { vec![] } else { acknowledge(ledger, &key, &licence)? };
        let fetched = serde_json::json!({
            "licence": self.licence, "file": self.out.display().to_string(),
            "bytes": licence.manifest().plaintext_bytes(), "verified": true, "acknowledged": acknowledged,
        });
        output.result(&fetched, |_| {
            format!(
                "{} bytes decrypted to {}, checked by the ledger",
                licence.manifest().plaintext_bytes(),
                self.out.display()
            )
        })
    }

    fn custodian(&self, home: &Home) -> Result<Remote, Error> {
        let url = self.from.as_deref().or(home.url()).ok_or_else(|| Error::Input {
            what: "address",
            why: "give the custodian's node with --from or --url".into(),
        })?;
        Remote::new(url)
    }

    fn nothing(&self, dataset: DatasetId) -> Error {
        let why = format!(
            "{dataset} is not given to this account there; check that its custodian runs that node, that the licence is not \
             revoked, and that its term has not ended (`locus licence accesses {}`)",
            self.licence
        );
        Error::Input { what: "dataset", why }
    }

    /// Appends to the part until all of the body is there.
    fn body(
        &self,
        custodian: &RemoteCustodian,
        licence: &GrantedLicence,
        dataset: DatasetId,
        part: &Path,
        output: &Output,
    ) -> Result<(), Error> {
        let bytes = licence.manifest().body_bytes();
        let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(|error| failed(part, &error))?;
        let mut at = file.metadata().map_err(|error| failed(part, &error))?.len();
        if at > bytes {
            let why = format!("it is longer than the body's {bytes} bytes; remove it and fetch again");
            return Err(failed(part, &why));
        }
        let bar = output.progress("bytes fetched", usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut idle = 0;
        while at < bytes {
            let rng = &mut rand::rng();
            let came = custodian.body(dataset, (at, bytes), &mut file, rng, |at| bar.set_position(at))?;
            let came = came.ok_or_else(|| self.nothing(dataset))?;
            idle = if came > at { 0 } else { idle + 1 };
            if idle >= IDLE_REQUESTS_MAX {
                let why = format!("the body ends at byte {at} of {bytes}; the same command goes on from there");
                return Err(failed(part, &why));
            }
            at = came;
        }
        bar.finish_and_clear();
        file.sync_all().map_err(|error| failed(part, &error))
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Input { what: "file in the making", why: format!("{}: {error}", path.display()) }
}
