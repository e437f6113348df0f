//! Offering a file.

use std::{
    io::{BufReader, Seek as _, SeekFrom},
    path::PathBuf,
};

use circuits::{consent::Day, id::AccountId};
use clap::Args;
use market::{
    ledger::{act, next_nonce},
    licence::{OfferTerms, allowed_in_words, prepare},
    objects::{BlobAddress, BlobKind, put},
};
use node::{
    transaction::Action,
    units::{Amount, LeafIndex},
};

use super::UseOptions;
use crate::{
    Error,
    chain::now,
    cli::{
        Home, Output,
        genome::{about, open, required_manifest},
    },
    client::{Remote, RemoteBlobs},
};

/// Offer an encrypted file: store it with the custodian and register its terms.
///
/// The file and its manifest are those of `locus genome encrypt`. Header and body are uploaded to the node at --url, which
/// is the custodian's; without --url they go into this machine's object store.
#[derive(Debug, Args)]
pub struct Offer {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Its manifest; FILE.manifest.json by default.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Your key file: an accredited issuer's.
    #[arg(long, value_name = "KEY", required_unless_present = "wallet", conflicts_with = "wallet")]
    key: Option<PathBuf>,
    /// Your wallet, whose key owns the record that --record names.
    #[arg(long, value_name = "WALLET", requires = "record")]
    wallet: Option<PathBuf>,
    /// The key file of the custodian that protects the wallet; otherwise the passphrase opens it.
    #[arg(long, value_name = "FILE", requires = "wallet")]
    wallet_custodian: Option<PathBuf>,
    /// Number on the ledger of your record that the data is about. Everybody sees then that the two belong together.
    #[arg(long, value_name = "NUMBER")]
    record: Option<u32>,
    /// The account of who serves the file, from the custodian (`locus keys show`).
    #[arg(long, value_name = "ACCOUNT")]
    custodian: AccountId,
    #[command(flatten)]
    allowed: UseOptions,
    /// Least price of a licence, in minor units.
    #[arg(long, value_name = "AMOUNT")]
    price: u64,
    /// Longest term of a licence.
    #[arg(long, value_name = "DAYS")]
    days: u32,
    /// First day on which a licensee may publish, in days since 1970-01-01; none by default.
    #[arg(long, default_value_t = 0, value_name = "DAY")]
    embargo: u32,
    /// Offer without asking.
    #[arg(long)]
    yes: bool,
}

impl Offer {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let about = about(&self.path);
        let manifest = required_manifest(self.manifest.as_deref(), &self.path)?;
        let (allowed, embargo) = self.allowed.allowed(now().day())?;
        let terms = OfferTerms {
            record: self.record.map(LeafIndex::new),
            allowed,
            price_min: Amount::new(self.price),
            term_days_max: self.days,
            embargo: embargo.max(Day(self.embargo)),
            custodian: self.custodian,
        };
        let prepared = prepare(BufReader::new(open(&self.path)?), &manifest, &terms).map_err(&about)?;
        let key = match (&self.key, &self.wallet) {
            (Some(path), _) => home.any_key(path)?.signing_key(),
            (None, Some(path)) => home.wallet(path, self.wallet_custodian.as_deref())?.owner_key(),
            (None, None) => return Err(Error::Input { what: "key", why: "give --key or --wallet".into() }),
        };
        let question = format!(
            "Offer {} to licensees: {}; from {} on, for up to {} days? What they fetch cannot be taken back.",
            self.path.display(),
            allowed_in_words(&allowed),
            self.price,
            self.days
        );
        output.confirm(self.yes, &question)?;
        let connection = home.connect()?;
        put(&*connection.blobs, BlobKind::GenomeHeader, prepared.header.clone())?;
        self.store_body(home, &prepared, output)?;
        let ledger = &*connection.ledger;
        let account = node::signature::account_of(&key);
        let id = prepared.offer.id(&ledger.chain(), &account, next_nonce(ledger, &key)?)?;
        let inclusion = act(ledger, &key, Action::OfferDataset(Box::new(prepared.offer)))?;
        let offered = serde_json::json!({ "dataset": id, "height": inclusion.height, "body": manifest.body_sha256() });
        output.result(&offered, |_| format!("dataset {id}, offered in block {}", inclusion.height))
    }

    /// Stores the body where the custodian finds it; an upload that broke off goes on.
    fn store_body(&self, home: &Home, prepared: &market::licence::PreparedOffer, output: &Output) -> Result<(), Error> {
        let offer = &prepared.offer;
        let address = BlobAddress { kind: BlobKind::Genome, digest: offer.body };
        let start = prepared.header.len() as u64;
        let failed = |error| Error::Input { what: "genome", why: format!("{}: {error}", self.path.display()) };
        let mut file = open(&self.path)?;
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let Some(url) = home.url() else {
            home.objects()?.write_stream(address, offer.body_bytes, BufReader::new(file))?;
            return Ok(());
        };
        let bar = output.progress("bytes uploaded", usize::try_from(offer.body_bytes).unwrap_or(usize::MAX));
        let blobs = RemoteBlobs::new(Remote::new(url)?);
        let mut body = Behind { file, start };
        blobs.upload(address, offer.body_bytes, &mut body, |progress| bar.set_position(progress.received_bytes))?;
        bar.finish_and_clear();
        Ok(())
    }
}

/// What follows a file's header, counted from there.
struct Behind {
    file: std::fs::File,
    start: u64,
}

impl std::io::Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

impl std::io::Seek for Behind {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => SeekFrom::Start(self.start.saturating_add(offset)),
            other => other,
        };
        Ok(self.file.seek(to)?.saturating_sub(self.start))
    }
}
