//! What an owner allows: shown, changed, revoked.

use std::path::{Path, PathBuf};

use circuits::consent::{ConsentFlags, ConsentTerms};
use clap::{Args, Subcommand};
use market::{
    consent::{ConsentFile, Terms},
    data_use::{DuoDataUse, regions_in_words},
    issuer::{change_consent, revoke},
    ledger::tip,
    wallet::Wallet,
};

use super::{Home, Output, consent_exchange, session::read_json};
use crate::Error;

/// Show, change or revoke consent, and exchange it in the field's formats.
#[derive(Debug, Subcommand)]
pub enum Consent {
    /// Make a consent file from data use terms: Beacon's duoDataUse in JSON, or a FHIR R4 Consent.
    Import(consent_exchange::Import),
    /// Write the data use terms of a consent file as Beacon's duoDataUse or as a FHIR R4 Consent.
    Export(consent_exchange::Export),
    /// Show the terms of a record in words.
    Show(Which),
    /// Set new terms from a file. They count from the ledger's next epoch.
    Change {
        /// The record.
        #[command(flatten)]
        which: Which,
        /// The consent file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// End all use of a record, for ever. Results already released cannot be recalled.
    Revoke {
        /// The record.
        #[command(flatten)]
        which: Which,
        /// Revoke without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// A record of a wallet.
#[derive(Debug, Args)]
pub struct Which {
    /// The wallet file.
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The record's number in the wallet.
    #[arg(long, default_value_t = 0)]
    record: usize,
    /// The custodian's key file, when it protects the wallet; otherwise the passphrase opens it.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
}

impl Which {
    fn open(&self, home: &Home) -> Result<Wallet, Error> {
        home.wallet(&self.wallet, self.custodian.as_deref())
    }
}

/// Reads a consent file.
///
/// # Errors
/// [`Error::Input`] that names the file and the place.
pub(super) fn read(path: &Path) -> Result<ConsentFile, Error> {
    read_json("consent file", path)
}

impl Consent {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Import(import) => import.run(output),
            Self::Export(export) => export.run(output),
            Self::Show(which) => {
                let wallet = which.open(home)?;
                let missing = || Error::Input {
                    what: "record",
                    why: format!(
                        "the wallet has no record {}; it has {}, from 0 on",
                        which.record,
                        wallet.holdings().len()
                    ),
                };
                let holding = wallet.holdings().get(which.record).ok_or_else(missing)?;
                output.result(&Terms::of(&holding.consent, wallet.data_use(&holding.consent)), describe)
            }
            Self::Change { which, file } => {
                let connection = home.connect()?;
                let mut wallet = which.open(home)?;
                let today = tip(&*connection.ledger)?.time.day();
                let (terms, data_use) = read(&file)?.resolve(today, ConsentTerms::random_salt(&mut rand::rng()))?;
                if terms.epsilon_milli_max == 0 && !terms.flags.contains(ConsentFlags::EXACT) {
                    output.say(
                        "note: with these terms the agent answers no query at all, neither an exact one (exact) nor one with \
                         noise (epsilon_milli_max)",
                    );
                }
                if let Some(data_use) = data_use {
                    wallet.note_data_use(&terms, data_use)?;
                }
                let inclusion = change_consent(&*connection.ledger, &mut wallet, which.record, terms)?;
                output.result(&inclusion, |inclusion| {
                    format!("new terms in block {}; they count from the next epoch", inclusion.height)
                })
            }
            Self::Revoke { which, yes } => {
                output.confirm(yes, "Revoke this record for ever? Results already released stay.")?;
                let connection = home.connect()?;
                let wallet = which.open(home)?;
                let inclusion = revoke(&*connection.ledger, &wallet, which.record)?;
                output.result(&inclusion, |inclusion| {
                    format!("revoked in block {}; no proof can use it from the next epoch on", inclusion.height)
                })
            }
        }
    }
}

fn describe(terms: &Terms) -> String {
    let yes = |set| if set { "yes" } else { "no" };
    let regions = regions_in_words(terms.regions);
    let listed = |names: &[&str]| if names.is_empty() { "nothing".into() } else { names.join(", ") };
    let entry = |entry: &DuoDataUse| {
        let codes = entry.modifiers.iter().map(|code| code.id.as_str()).collect::<Vec<_>>().join(", ");
        let label = entry.label.as_deref().unwrap_or_default();
        format!("data use          {} {label}{}{codes}", entry.id, if codes.is_empty() { "" } else { ": " })
    };
    let data_use = terms.data_use.iter().flat_map(|document| &document.duo_data_use).map(entry);
    let committed = [
        format!("purposes          {}", terms.purposes.join(", ")),
        format!("requires          {}", listed(&terms.requires)),
        format!(
            "disease           {}",
            terms.only_disease.map_or("any".into(), |number| format!(
                "only number {number}; `locus query disease --number {number}` says which"
            ))
        ),
        format!("regions           {regions}"),
        format!("last day          {}", terms.last_day),
        format!("least price       {}", terms.price_min),
        format!("least cohort      {}", terms.cohort_min),
        format!("greatest ε        {} for one private query", terms.epsilon_max()),
        format!("exact statistics  {}", yes(terms.exact)),
        format!("screening         {}", yes(terms.screening)),
    ];
    committed.into_iter().chain(data_use).collect::<Vec<_>>().join("\n")
}
