//! The owner's answers.

use std::path::{Path, PathBuf};

use circuits::id::{DatasetId, Digest, LicenceId};
use clap::Args;
use ed25519_dalek::SigningKey;
use market::{
    licence::{
        self, READER_KEY_BYTES_MAX, REVOCATION, ReaderKey, UnverifiedReaderKey, WITHDRAWAL, require_licence,
        use_in_words,
    },
    objects::{BlobAddress, BlobKind, get},
};

use crate::{
    Error,
    cli::{
        Connection, Home, Output,
        genome::{about, open_encrypted, secret_key},
        session::read_text,
    },
};

/// Who answers.
#[derive(Debug, Args)]
struct Owner {
    /// Your key file.
    #[arg(long, value_name = "KEY", required_unless_present = "wallet", conflicts_with = "wallet")]
    key: Option<PathBuf>,
    /// Your wallet, if its key offered the dataset.
    #[arg(long, value_name = "WALLET")]
    wallet: Option<PathBuf>,
    /// The key file of the custodian that protects the wallet; otherwise the passphrase opens it.
    #[arg(long, value_name = "FILE", requires = "wallet")]
    wallet_custodian: Option<PathBuf>,
    /// Answer without being asked.
    #[arg(long)]
    yes: bool,
}

impl Owner {
    fn key(&self, home: &Home) -> Result<SigningKey, Error> {
        match (&self.key, &self.wallet) {
            (Some(path), _) => Ok(home.any_key(path)?.signing_key()),
            (None, Some(path)) => Ok(home.wallet(path, self.wallet_custodian.as_deref())?.owner_key()),
            (None, None) => Err(Error::Input { what: "key", why: "give --key or --wallet".into() }),
        }
    }
}

/// Which licence, and whose it is to answer.
#[derive(Debug, Args)]
struct Whose {
    /// The licence.
    licence: LicenceId,
    #[command(flatten)]
    owner: Owner,
}

/// Grant a request: make a header for the licensee's key, store it with the custodian, and be paid.
///
/// The licensee can then decrypt the file for as long as it has header and body, whatever you do later.
#[derive(Debug, Args)]
pub struct Grant {
    #[command(flatten)]
    whose: Whose,
    /// The encrypted file that you offered.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Your Crypt4GH private key, which opens it.
    #[arg(long, value_name = "KEY")]
    reader: PathBuf,
    /// The licensee's document: its file, or its digest.
    #[arg(long, value_name = "FILE|DIGEST")]
    document: String,
}

impl Grant {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let id = self.whose.licence;
        let state = require_licence(ledger, id)?;
        let licensee = self.document(&connection)?.verify(&ledger.chain(), id, state.licensee)?;
        let (header, _) = open_encrypted(&self.file)?;
        let reader = secret_key(&self.reader, home)?;
        let key = self.whose.owner.key(home)?;
        let question = format!(
            "Grant {} {} days for {}: {}? It can decrypt the file from then on; revoking later recalls no copy.",
            state.licensee,
            state.request.term_days,
            state.request.price,
            use_in_words(&state.request.data_use)
        );
        output.confirm(self.whose.owner.yes, &question)?;
        let grant = licence::Grant { header: &header, reader: &reader, licensee, owner: &key };
        let (header, inclusion) =
            licence::grant(ledger, &*connection.blobs, &grant, &mut rand::rng()).map_err(about(&self.file))?;
        let granted = granted(id, header, &licensee, inclusion.height.get());
        output.result(&granted, |_| format!("granted in block {}; you were paid", inclusion.height))
    }

    fn document(&self, connection: &Connection) -> Result<UnverifiedReaderKey, Error> {
        if let Ok(digest) = self.document.parse::<Digest>() {
            let address = BlobAddress { kind: BlobKind::Blob, digest };
            let text = get(&*connection.blobs, address, READER_KEY_BYTES_MAX)?;
            return Ok(UnverifiedReaderKey::from_text(&text)?);
        }
        let text = read_text("reader key", Path::new(&self.document))?;
        Ok(UnverifiedReaderKey::from_text(text.as_bytes())?)
    }
}

fn granted(licence: LicenceId, header: Digest, reader: &ReaderKey, height: u64) -> serde_json::Value {
    serde_json::json!({ "licence": licence, "header": header, "reader": reader.key().to_string(), "height": height })
}

/// Decline a request: the price goes back to who asked.
#[derive(Debug, Args)]
pub struct Decline {
    #[command(flatten)]
    whose: Whose,
}

impl Decline {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = self.whose.owner.key(home)?;
        output.confirm(self.whose.owner.yes, &format!("Decline licence {}?", self.whose.licence))?;
        let connection = home.connect()?;
        let inclusion = licence::decline(&*connection.ledger, self.whose.licence, &key)?;
        output.result(&inclusion, |inclusion| format!("declined in block {}", inclusion.height))
    }
}

/// Revoke a granted licence: the custodian gives nothing more under it. Copies are not recalled.
#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    whose: Whose,
}

impl Revoke {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = self.whose.owner.key(home)?;
        output.say(REVOCATION);
        output.confirm(self.whose.owner.yes, &format!("Revoke licence {}?", self.whose.licence))?;
        let connection = home.connect()?;
        let inclusion = licence::revoke(&*connection.ledger, self.whose.licence, &key)?;
        let revoked = serde_json::json!({ "height": inclusion.height, "copies_recalled": false });
        output.result(&revoked, |_| format!("revoked in block {}; copies made before remain", inclusion.height))
    }
}

/// Withdraw an offered dataset: nobody can ask for it any more. Licences granted before run on; copies are not recalled.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// The dataset.
    dataset: DatasetId,
    #[command(flatten)]
    owner: Owner,
}

impl Withdraw {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = self.owner.key(home)?;
        output.say(WITHDRAWAL);
        output.confirm(self.owner.yes, &format!("Withdraw dataset {}?", self.dataset))?;
        let connection = home.connect()?;
        let inclusion = licence::withdraw(&*connection.ledger, self.dataset, &key)?;
        let withdrawn = serde_json::json!({ "height": inclusion.height, "copies_recalled": false });
        output
            .result(&withdrawn, |_| format!("withdrawn in block {}; licences granted before run on", inclusion.height))
    }
}
