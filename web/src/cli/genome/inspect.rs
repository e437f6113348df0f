//! What an encrypted file shows.

use std::path::PathBuf;

use clap::Args;
use market::crypt4gh::BodyManifest;
use serde::Serialize;

use super::{about, manifest, open_encrypted, secret_key};
use crate::{
    Error,
    cli::{Home, Output},
};

/// Show what can be seen of an encrypted file, and with a key what its header says.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// A private key file: say whether it opens the header, and what its edit list is.
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// The manifest to compare with; FILE.manifest.json by default, if it is there.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Inspected {
    file: String,
    header_bytes: usize,
    packets: usize,
    writers: Vec<String>,
    /// Of the body as it is.
    body: BodyManifest,
    /// Whether the body is the one that the manifest names; absent without a manifest.
    as_manifest: Option<bool>,
    /// Whether the key opens the header; absent without a key.
    opens: Option<bool>,
    /// Counts of bytes to leave out and to keep, in turn.
    edit_list: Option<Vec<u64>>,
}

impl Inspect {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let about = about(&self.path);
        let (header, body) = open_encrypted(&self.path)?;
        let opened = match &self.key {
            Some(key) => match header.open(&secret_key(key, home)?) {
                Ok(opened) => Some(Some(opened)),
                Err(market::Error::Crypt4ghReader { .. }) => Some(None),
                Err(error) => return Err(about(error)),
            },
            None => None,
        };
        let body = BodyManifest::of(body).map_err(&about)?;
        let expected = manifest(self.manifest.as_deref(), &self.path)?;
        let edits = opened.iter().flatten().find_map(|opened| opened.edit_list());
        let inspected = Inspected {
            file: self.path.display().to_string(),
            header_bytes: header.to_bytes().map_err(&about)?.len(),
            packets: header.packet_count(),
            writers: header.writers().iter().map(ToString::to_string).collect(),
            body,
            as_manifest: expected.map(|expected| expected == body),
            opens: opened.as_ref().map(Option::is_some),
            edit_list: edits.map(|edits| edits.lengths().to_vec()),
        };
        output.result(&inspected, describe)
    }
}

fn describe(inspected: &Inspected) -> String {
    let body = &inspected.body;
    let mut lines = vec![
        format!("header     {} packet(s), {} bytes", inspected.packets, inspected.header_bytes),
        format!("body       {} bytes, SHA-256 {}", body.body_bytes(), body.body_sha256()),
        format!("plaintext  {} bytes", body.plaintext_bytes()),
    ];
    lines.push(match inspected.as_manifest {
        Some(true) => "manifest   agrees".into(),
        Some(false) => "manifest   DIFFERS: the file is cut or altered; get it again".into(),
        None => "manifest   none: nobody can say whether the file is whole".into(),
    });
    if let Some(opens) = inspected.opens {
        let said = if opens { "opens the header" } else { "does not open the header: the file is for others" };
        lines.push(format!("key        {said}"));
    }
    if let Some(edits) = &inspected.edit_list {
        lines.push(format!("edit list  leave out and keep, in turn: {edits:?}"));
    }
    lines.join("\n")
}
