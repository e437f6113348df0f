//! Genomes in the Crypt4GH format: keys, encryption, decryption that is checked, and new readers.

mod decrypt;
mod encrypt;
mod inspect;
mod keygen;
mod reencrypt;
pub(super) mod staged;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use market::crypt4gh::{BodyManifest, Header, PublicKey, SecretKey};

use super::{
    Home, Output,
    session::{Asked, read_json, read_text},
};
use crate::Error;

/// Encrypt genomes in the Crypt4GH format, decrypt them, and let others read them.
///
/// Files are those of other Crypt4GH programs. Beside an encrypted FILE Locus keeps FILE.manifest.json: lengths and a
/// hash, nothing secret, that tell a whole file from one that was cut or rearranged.
#[derive(Debug, Subcommand)]
pub enum Genome {
    /// Make a key pair: FILE holds the private key, FILE.pub the public one.
    Keygen(keygen::Keygen),
    /// Encrypt a file, such as a VCF or BCF, for one or more readers.
    Encrypt(encrypt::Encrypt),
    /// Decrypt a file, or a part of it, and check it by its manifest.
    Decrypt(decrypt::Decrypt),
    /// Let others read a file that you can read. The encrypted body stays as it is.
    Reencrypt(reencrypt::Reencrypt),
    /// Show what can be seen of an encrypted file, and with a key what its header says.
    Inspect(inspect::Inspect),
}

impl Genome {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Keygen(keygen) => keygen.run(home, output),
            Self::Encrypt(encrypt) => encrypt.run(output),
            Self::Decrypt(decrypt) => decrypt.run(home, output),
            Self::Reencrypt(reencrypt) => reencrypt.run(home, output),
            Self::Inspect(inspect) => inspect.run(home, output),
        }
    }
}

/// What the encryption of a file adds to its name.
const ENCRYPTED_SUFFIX: &str = ".c4gh";
const MANIFEST_SUFFIX: &str = ".manifest.json";

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Names the file in an error about it.
pub(super) fn about(path: &Path) -> impl Fn(market::Error) -> Error {
    move |error| Error::Input { what: "genome", why: format!("{}: {error}", path.display()) }
}

/// Opens an encrypted file and reads its header; the file is then at the first byte of the body.
pub(super) fn open_encrypted(path: &Path) -> Result<(Header, File), Error> {
    let mut file = open(path)?;
    let header = Header::read(&mut file).map_err(about(path))?;
    Ok((header, file))
}

pub(super) fn open(path: &Path) -> Result<File, Error> {
    let failed = |error| Error::Input { what: "genome", why: format!("{}: {error}", path.display()) };
    File::open(path).map_err(failed)
}

/// Bytes of a file, for a progress bar.
fn length(file: &File) -> usize {
    file.metadata().ok().and_then(|metadata| usize::try_from(metadata.len()).ok()).unwrap_or_default()
}

fn public_keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>, Error> {
    let read = |path: &PathBuf| Ok(PublicKey::from_file(path, &read_text("public key", path)?)?);
    paths.iter().map(read).collect()
}

pub(super) fn secret_key(path: &Path, home: &Home) -> Result<SecretKey, Error> {
    let text = zeroize::Zeroizing::new(read_text("private key", path)?);
    SecretKey::from_file(path, &text, || home.passphrase(&path.display().to_string(), Asked::Once))
}

/// The manifest at a path that was given, or the one beside the file if there is one.
fn manifest(given: Option<&Path>, file: &Path) -> Result<Option<BodyManifest>, Error> {
    let beside = with_suffix(file, MANIFEST_SUFFIX);
    match given {
        Some(path) => read_json("manifest", path).map(Some),
        None if beside.exists() => read_json("manifest", &beside).map(Some),
        None => Ok(None),
    }
}

/// The manifest, which has to be there.
pub(super) fn required_manifest(given: Option<&Path>, file: &Path) -> Result<BodyManifest, Error> {
    manifest(given, file)?.ok_or_else(|| Error::Input {
        what: "manifest",
        why: format!("{} is not there; give --manifest FILE", with_suffix(file, MANIFEST_SUFFIX).display()),
    })
}
