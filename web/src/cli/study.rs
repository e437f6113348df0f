//! Studies: what a researcher fixes before asking.

use std::path::PathBuf;

use circuits::id::{Digest, StudyId};
use clap::Subcommand;
use market::{
    ledger::{act, next_nonce},
    wallet::Role,
};
use node::{
    state::StateRead,
    transaction::{Action, StudyRegistration},
};
use sha2::{Digest as _, Sha256};

use super::{Home, Output};
use crate::Error;

/// Register and show studies.
#[derive(Debug, Subcommand)]
pub enum Study {
    /// Register a study. Its protocol document is hashed, not uploaded.
    Register {
        /// Title shown to people.
        title: String,
        /// The protocol document; SHA-256 of its bytes is registered.
        #[arg(long, value_name = "FILE")]
        protocol: PathBuf,
        /// Reference of the ethics committee's approval.
        #[arg(long)]
        ethics: String,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Show a study.
    Show {
        /// The study's id.
        study: StudyId,
    },
}

impl Study {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        match self {
            Self::Register { title, protocol, ethics, key } => {
                let key = home.key(&key, Role::Researcher)?;
                let document = std::fs::read(&protocol).map_err(|error| Error::Input {
                    what: "protocol document",
                    why: format!("{}: {error}", protocol.display()),
                })?;
                let protocol = Digest::from_bytes(Sha256::digest(document).into());
                let registration = StudyRegistration { title, protocol, ethics };
                let nonce = next_nonce(ledger, &key.signing_key())?;
                let id = registration.id(&ledger.chain(), &key.account(), nonce)?;
                act(ledger, &key.signing_key(), Action::RegisterStudy(registration))?;
                output.result(&serde_json::json!({ "study": id }), |_| format!("study {id}"))
            }
            Self::Show { study: id } => {
                let study = ledger.study(id)?.ok_or_else(|| Error::NotFound { what: "study", id: id.to_string() })?;
                output.result(&study, |study| {
                    let registration = &study.registration;
                    format!(
                        "{}\n  researcher  {}\n  protocol    {}\n  ethics      {}",
                        registration.title, study.researcher, registration.protocol, registration.ethics
                    )
                })
            }
        }
    }
}
