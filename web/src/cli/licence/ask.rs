//! What a researcher asks for, and takes back.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use circuits::{
    consent::Day,
    id::{DatasetId, LicenceId},
};
use clap::Args;
use market::{
    crypt4gh::PublicKey,
    ledger::act,
    licence::{PreparedRequest, require_dataset, use_in_words},
    objects::{BlobKind, put},
    wallet::Role,
};
use node::{
    transaction::{Action, RequestLicence},
    units::Amount,
};

use super::UseOptions;
use crate::{
    Error,
    cli::{
        Home, Output,
        ontology::Ontology,
        session::{read_text, write_file},
    },
};

/// Ask for a licence. Its price is locked until the owner answers.
///
/// Beside the request goes a small document in which your account signs the key that the data will be read with. Send the
/// owner the licence's id with the document's file, or with its digest: it is stored as a blob too.
#[derive(Debug, Args)]
pub struct Request {
    /// The dataset.
    dataset: DatasetId,
    #[command(flatten)]
    data_use: UseOptions,
    #[command(flatten)]
    ontology: Ontology,
    /// Days from the grant on.
    #[arg(long, value_name = "DAYS")]
    days: u32,
    /// What you pay; the dataset's least price by default.
    #[arg(long, value_name = "AMOUNT")]
    price: Option<u64>,
    /// Your Crypt4GH public key, from `locus genome keygen`: the header is made for it.
    #[arg(long, value_name = "KEY.pub")]
    reader: PathBuf,
    /// Blocks within which the owner may answer.
    #[arg(long, default_value_t = 100_000, value_name = "BLOCKS")]
    answer_blocks: u32,
    /// Your key file.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Where to write the document; LICENCE.reader.json by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Ask without being asked.
    #[arg(long)]
    yes: bool,
}

impl Request {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let reader = PublicKey::from_file(&self.reader, &read_text("public key", &self.reader)?)?;
        let key = home.key(&self.key, Role::Researcher)?.signing_key();
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let offer = require_dataset(ledger, self.dataset)?.offer;
        let request = RequestLicence {
            dataset: self.dataset,
            data_use: self.data_use.asked(&offer.allowed, &self.ontology)?,
            term_days: self.days,
            price: self.price.map_or(offer.price_min, Amount::new),
            embargo: Day(offer.embargo.0),
            answer_blocks_max: self.answer_blocks,
        };
        let words = use_in_words(&request.data_use);
        let question = format!("Lock {} for {} days of dataset {}: {words}?", request.price, self.days, self.dataset);
        output.confirm(self.yes, &question)?;
        let prepared = PreparedRequest::sign(ledger, &key, request, &reader)?;
        let (id, text) = (prepared.id(), prepared.reader_key().to_text()?);
        let out = self.out.clone().unwrap_or_else(|| format!("{id}.reader.json").into());
        keep(&out, &text)?;
        let digest = put(&*connection.blobs, BlobKind::Blob, text.into_bytes())?.digest;
        // From here on money can be locked without an answer: who knows the id can look it up, be granted it and reclaim it.
        output.say(format!("asking for licence {id}, with {} (document {digest})", out.display()));
        let inclusion = prepared.send(ledger)?;
        let asked = serde_json::json!({
            "licence": id, "height": inclusion.height, "reader_document": digest, "file": out.display().to_string(),
        });
        output.result(&asked, |_| {
            format!(
                "licence {id}, asked for in block {}\nsend the owner that id with {}, or with the document's digest {digest}",
                inclusion.height,
                out.display()
            )
        })
    }
}

/// Writes the document, unless another one is there: it may be that of a request whose price is locked.
fn keep(out: &Path, text: &str) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Input { what: "reader key", why: format!("{} {why}", out.display()) });
    match fs::read(out) {
        Ok(found) if found == text.as_bytes() => Ok(()),
        Ok(_) => refused("is there, and may be the document of another request; give another --out".into()),
        Err(error) if error.kind() == ErrorKind::NotFound => write_file("reader key", out, text.as_bytes()),
        Err(error) => refused(format!("cannot be read: {error}; give another --out")),
    }
}

/// Take back the price of a request that nobody answered in time.
#[derive(Debug, Args)]
pub struct Reclaim {
    /// The licence.
    licence: LicenceId,
    /// Your key file.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
}

impl Reclaim {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?.signing_key();
        let connection = home.connect()?;
        let inclusion = act(&*connection.ledger, &key, Action::ReclaimLicence(self.licence))?;
        output.result(&inclusion, |inclusion| format!("the price is back since block {}", inclusion.height))
    }
}
