//! New readers of a file.

use std::{
    io::{self, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use clap::Args;
use market::crypt4gh::{BodyManifest, Others};
use serde::Serialize;

use super::{
    MANIFEST_SUFFIX, about, manifest, open_encrypted, public_keys, secret_key,
    staged::{Readers, Staged, Target, check_free, write_short},
    with_suffix,
};
use crate::{
    Error,
    cli::{Home, Output},
};

/// Let others read a file that you can read. The encrypted body stays as it is.
///
/// Whoever gets the new header and the body can read the genome for ever: nothing takes that back.
#[derive(Debug, Args)]
pub struct Reencrypt {
    /// The encrypted file. It stays as it is.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Your private key file.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// A new reader's public key file; repeat it for more readers.
    #[arg(long = "to", value_name = "KEY.pub", required = true)]
    recipients: Vec<PathBuf>,
    /// The new readers alone can read the new file, not those who can read the old one.
    #[arg(long)]
    replace: bool,
    /// Write the new header alone, for somebody who has the body or will fetch it.
    #[arg(long)]
    header_only: bool,
    /// Where to write the new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Reencrypted {
    file: String,
    packets: usize,
    readers_added: Vec<String>,
    /// Whether a manifest came along, checked.
    manifest: Option<BodyManifest>,
}

impl Reencrypt {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let about = about(&self.path);
        let manifest_path = with_suffix(&self.out, MANIFEST_SUFFIX);
        let recipients = public_keys(&self.recipients)?;
        let (header, mut body) = open_encrypted(&self.path)?;
        let key = secret_key(&self.key, home)?;
        let others = if self.replace { Others::Drop } else { Others::Keep };
        let header = header.reencrypt(&key, &recipients, others, &mut rand::rng()).map_err(&about)?;
        let target = |path| Target { path, readers: Readers::Everybody, force: self.force };
        let mut staged = Staged::create(target(&self.out))?;
        let failed = |error: io::Error| Error::Input { what: "output file", why: error.to_string() };
        staged.write_all(&header.to_bytes().map_err(&about)?).map_err(failed)?;
        let mut carried = None;
        if !self.header_only {
            carried = manifest(None, &self.path)?;
            if let Some(manifest) = &carried {
                check_free(&manifest_path, self.force)?;
                let start = body.stream_position().map_err(failed)?;
                manifest.check(&BodyManifest::of(&mut body).map_err(&about)?).map_err(&about)?;
                body.seek(SeekFrom::Start(start)).map_err(failed)?;
            }
            io::copy(&mut body, &mut staged).map_err(failed)?;
        }
        if let Some(manifest) = &carried {
            let text = serde_json::to_vec_pretty(manifest).map_err(|error| Error::Output { why: error.to_string() })?;
            write_short(target(&manifest_path), &text)?;
        }
        staged.publish()?;
        let reencrypted = Reencrypted {
            file: self.out.display().to_string(),
            packets: header.packet_count(),
            readers_added: recipients.iter().map(ToString::to_string).collect(),
            manifest: carried,
        };
        output.result(&reencrypted, |done| {
            let what = if self.header_only { "header" } else { "file" };
            format!("{what} for {} new reader(s) in {}", done.readers_added.len(), done.file)
        })
    }
}
