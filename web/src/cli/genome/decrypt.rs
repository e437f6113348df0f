//! Decryption, checked by a manifest.

use std::{
    fs::File,
    io::{BufReader, Write as _},
    ops::Range,
    path::PathBuf,
    str::FromStr,
};

use clap::Args;
use market::crypt4gh::{BodyManifest, OpenHeader};
use serde::Serialize;

use super::{
    ENCRYPTED_SUFFIX, MANIFEST_SUFFIX, about, length, manifest, open_encrypted, secret_key,
    staged::{Readers, Staged, Target},
    with_suffix,
};
use crate::{
    Error,
    cli::{Home, Output},
};

/// Decrypt a file, or a part of it, and check it by its manifest.
///
/// A Crypt4GH file does not say how long it is. Without a manifest a file that was cut between two of its segments
/// looks whole; such a file is decrypted with --unverified alone.
#[derive(Debug, Args)]
pub struct Decrypt {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Your private key file.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The manifest, from whoever encrypted the file; FILE.manifest.json by default.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Decrypt without a manifest.
    #[arg(long, conflicts_with = "manifest")]
    unverified: bool,
    /// Only the bytes from START to before END, counted from zero; to the end without END.
    #[arg(long, value_name = "START-[END]")]
    range: Option<ByteRange>,
    /// Where to write the plaintext; FILE without .c4gh by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
}

/// A range as typed.
#[derive(Debug, Clone)]
struct ByteRange(Range<u64>);

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is no range of bytes such as 0-65536 or 65536-");
        let (start, end) = text.split_once('-').ok_or_else(malformed)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| malformed());
        let range = number(start)?..if end.is_empty() { u64::MAX } else { number(end)? };
        if range.is_empty() { Err(format!("{text:?} is empty; END is behind START")) } else { Ok(Self(range)) }
    }
}

#[derive(Debug, Serialize)]
struct Plaintext {
    file: String,
    bytes: u64,
    verified: bool,
}

impl Decrypt {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let out = self.out()?;
        let manifest = self.trusted_manifest()?;
        let (header, body) = open_encrypted(&self.path)?;
        let header = header.open(&secret_key(&self.key, home)?).map_err(about(&self.path))?;
        let staged = Staged::create(Target { path: &out, readers: Readers::Owner, force: self.force })?;
        let (staged, bytes) = match &self.range {
            Some(ByteRange(range)) => self.part(header, body, manifest.as_ref(), range.clone(), staged)?,
            None => self.whole(&header, body, manifest.as_ref(), staged, output)?,
        };
        staged.publish()?;
        let plaintext = Plaintext { file: out.display().to_string(), bytes, verified: manifest.is_some() };
        output.result(&plaintext, |plaintext| {
            let checked = if plaintext.verified { "checked by its manifest" } else { "NOT checked to be whole" };
            format!("{} bytes decrypted to {}, {checked}", plaintext.bytes, plaintext.file)
        })
    }

    fn whole(
        &self,
        header: &OpenHeader,
        body: File,
        manifest: Option<&BodyManifest>,
        staged: Staged,
        output: &Output,
    ) -> Result<(Staged, u64), Error> {
        let bar = output.progress("bytes decrypted", length(&body));
        let decrypted = header.decrypt(bar.wrap_read(BufReader::new(body)), staged).map_err(about(&self.path))?;
        bar.finish_and_clear();
        let bytes = decrypted.written_bytes();
        let staged = match manifest {
            Some(manifest) => decrypted.verify(manifest).map_err(about(&self.path))?.into_inner(),
            None => decrypted.into_unverified(),
        };
        Ok((staged, bytes))
    }

    fn part(
        &self,
        header: OpenHeader,
        body: File,
        manifest: Option<&BodyManifest>,
        range: Range<u64>,
        mut staged: Staged,
    ) -> Result<(Staged, u64), Error> {
        let about = about(&self.path);
        let mut ranges = header.range_reader(body).map_err(&about)?;
        if let Some(manifest) = manifest {
            ranges = ranges.verify(manifest).map_err(&about)?.into_inner();
        }
        let bytes = ranges.read(range, &mut staged).map_err(&about)?;
        staged.flush().map_err(|error| Error::Input { what: "output file", why: error.to_string() })?;
        Ok((staged, bytes))
    }

    fn out(&self) -> Result<PathBuf, Error> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let name =
            self.path.to_str().and_then(|name| name.strip_suffix(ENCRYPTED_SUFFIX)).filter(|_| self.range.is_none());
        name.map(PathBuf::from).ok_or_else(|| Error::Input {
            what: "output file",
            why: format!("no name follows from {}; give --out FILE", self.path.display()),
        })
    }

    fn trusted_manifest(&self) -> Result<Option<BodyManifest>, Error> {
        if self.unverified {
            return Ok(None);
        }
        let found = manifest(self.manifest.as_deref(), &self.path)?;
        let found = found.ok_or_else(|| Error::Input {
            what: "manifest",
            why: format!(
                "{} is not there, so nobody can say whether the file is whole; give --manifest FILE, or take that risk \
                 with --unverified",
                with_suffix(&self.path, MANIFEST_SUFFIX).display()
            ),
        });
        found.map(Some)
    }
}
