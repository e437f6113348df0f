//! Encryption for readers.

use std::{io::BufReader, path::PathBuf};

use clap::Args;
use market::crypt4gh::{self, BodyManifest};
use serde::Serialize;

use super::{
    ENCRYPTED_SUFFIX, MANIFEST_SUFFIX, about, length, open, public_keys,
    staged::{Readers, Staged, Target, check_free, write_short},
    with_suffix,
};
use crate::{Error, cli::Output};

/// Encrypt a file, such as a VCF or BCF, for one or more readers.
#[derive(Debug, Args)]
pub struct Encrypt {
    /// The file to encrypt. It stays as it is.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// A reader's public key file; repeat it for more readers. Add your own to read the file yourself.
    #[arg(long = "to", value_name = "KEY.pub", required = true)]
    recipients: Vec<PathBuf>,
    /// Where to write the encrypted file; FILE.c4gh by default. Its manifest is written beside it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Encrypted {
    file: String,
    manifest_file: String,
    manifest: BodyManifest,
    readers: Vec<String>,
}

impl Encrypt {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let out = self.out.clone().unwrap_or_else(|| with_suffix(&self.path, ENCRYPTED_SUFFIX));
        let manifest_path = with_suffix(&out, MANIFEST_SUFFIX);
        check_free(&manifest_path, self.force)?;
        let recipients = public_keys(&self.recipients)?;
        let source = open(&self.path)?;
        let target = |path, readers| Target { path, readers, force: self.force };
        let mut staged = Staged::create(target(&out, Readers::Everybody))?;
        let bar = output.progress("bytes encrypted", length(&source));
        let source = bar.wrap_read(BufReader::new(source));
        let manifest =
            crypt4gh::encrypt(&recipients, source, &mut staged, &mut rand::rng()).map_err(about(&self.path))?;
        bar.finish_and_clear();
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Output { why: error.to_string() })?;
        // The manifest first: a file without one would have to be taken on trust.
        write_short(target(&manifest_path, Readers::Everybody), &text)?;
        staged.publish()?;
        let encrypted = Encrypted {
            file: out.display().to_string(),
            manifest_file: manifest_path.display().to_string(),
            manifest,
            readers: recipients.iter().map(ToString::to_string).collect(),
        };
        output.result(&encrypted, |encrypted| {
            let bytes = encrypted.manifest.plaintext_bytes();
            format!("{bytes} bytes encrypted for {} reader(s) in {}", encrypted.readers.len(), encrypted.file)
        })
    }
}
