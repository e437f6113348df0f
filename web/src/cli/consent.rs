//! What an owner allows: shown, changed, revoked.

use std::path::{Path, PathBuf};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    privacy::Epsilon,
};
use clap::{Args, Subcommand};
use market::{
    data_use::{DataUseTerms, DuoDataUse, DuoDocument, Offer, RegionTable},
    issuer::{change_consent, revoke},
    ledger::tip,
    wallet::Wallet,
};
use node::calendar::date;
use serde::{Deserialize, Serialize};

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

/// Terms as people write them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentFile {
    /// Purposes allowed, such as `health-research`; or `data_use` says them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
    /// What is allowed in the terms of the Data Use Ontology, in place of `purposes`, `only_disease` and `regions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_use: Option<DuoDocument>,
    /// The network's regions, each a list of countries, which `data_use` names its countries by.
    #[serde(default)]
    pub region_table: RegionTable,
    /// The one disease that may be studied; 0 for any.
    #[serde(default)]
    pub only_disease: u32,
    /// Bits of the regions where use is allowed; all without it.
    #[serde(default = "everywhere")]
    pub regions: u32,
    /// Days from today on which queries may still close.
    pub days: u32,
    /// Least price of a contribution, in minor units.
    pub price_min: u64,
    /// Greatest privacy loss ε of a query, in thousandths.
    #[serde(default)]
    pub epsilon_milli_max: u32,
    /// Least cohort a query must demand.
    pub cohort_min: u32,
    /// Whether exact statistics without noise are allowed.
    #[serde(default)]
    pub exact: bool,
    /// Whether screening, which can lead to an invitation, is allowed.
    #[serde(default)]
    pub screening: bool,
}

pub(super) const fn everywhere() -> u32 {
    u32::MAX
}

impl ConsentFile {
    /// The data use terms, if the file has them, with durations from today on.
    ///
    /// # Errors
    /// [`Error::Market`] for terms that cannot be, [`Error::Input`] when they are given in two ways or in none.
    pub(super) fn data_use(&self, today: Day) -> Result<Option<DataUseTerms>, Error> {
        let plain = !self.purposes.is_empty() || self.only_disease != 0 || self.regions != everywhere();
        if self.data_use.is_some() == plain {
            let why = "say what is allowed once: with purposes, only_disease and regions, or with data_use";
            return Err(Error::Input { what: "consent file", why: why.into() });
        }
        Ok(self.data_use.as_ref().map(|document| document.terms(today)).transpose()?)
    }

    /// The terms that this file means from today on, under a salt, and the data use terms behind them. A list of
    /// purposes requires nothing of a study beside them.
    ///
    /// # Errors
    /// [`Error::Statement`] for an unknown purpose, else as [`ConsentFile::data_use`].
    pub(super) fn resolve(&self, today: Day, salt: [u8; 31]) -> Result<(ConsentTerms, Option<DataUseTerms>), Error> {
        let flag = |set: bool, flag: ConsentFlags| if set { flag } else { ConsentFlags::default() };
        let flags = flag(self.exact, ConsentFlags::EXACT)
            .union(flag(self.screening, ConsentFlags::SCREENING))
            .union(flag(self.only_disease != 0, ConsentFlags::ONLY_THIS_DISEASE));
        if let Some(terms) = self.data_use(today)? {
            let offer = Offer {
                last_day: Day(today.0.saturating_add(self.days)),
                price_min: self.price_min,
                epsilon_milli_max: self.epsilon_milli_max,
                cohort_min: self.cohort_min,
                flags,
            };
            return Ok((terms.commit(&offer, &self.region_table, salt)?, Some(terms)));
        }
        let terms = ConsentTerms {
            salt,
            purposes: Purposes::from_names(&self.purposes)?.union(Purposes::NOTHING_REQUIRED),
            disease: self.only_disease,
            regions: Regions(self.regions),
            expiry: Day(today.0.saturating_add(self.days)),
            price_min: self.price_min,
            epsilon_milli_max: self.epsilon_milli_max,
            cohort_min: self.cohort_min,
            flags,
        };
        Ok((terms, None))
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

/// Terms as they are shown. The salt, which hides them in the ledger's commitment, is left out.
#[derive(Debug, Serialize)]
struct Terms {
    purposes: Vec<&'static str>,
    /// What a study must have besides.
    requires: Vec<&'static str>,
    /// The data use terms that the consent was made from.
    data_use: Option<DuoDocument>,
    /// The one disease allowed; none for any.
    only_disease: Option<u32>,
    regions: Regions,
    /// The last day on which a query may close, as a date and as the number of days since 1970-01-01.
    last_day: String,
    expiry: Day,
    price_min: u64,
    epsilon_milli_max: u32,
    cohort_min: u32,
    exact: bool,
    screening: bool,
}

impl Terms {
    fn of(terms: &ConsentTerms, data_use: Option<&DataUseTerms>) -> Self {
        let named = Purposes::NAMED.into_iter().filter(|(_, purpose)| terms.purposes.contains(*purpose));
        let required = Purposes::REQUIREMENTS.into_iter().filter(|(_, without)| !terms.purposes.contains(*without));
        Self {
            purposes: named.map(|(name, _)| name).collect(),
            requires: required.map(|(name, _)| name).collect(),
            data_use: data_use.map(DuoDocument::from),
            only_disease: terms.flags.contains(ConsentFlags::ONLY_THIS_DISEASE).then_some(terms.disease),
            regions: terms.regions,
            last_day: date(terms.expiry),
            expiry: terms.expiry,
            price_min: terms.price_min,
            epsilon_milli_max: terms.epsilon_milli_max,
            cohort_min: terms.cohort_min,
            exact: terms.flags.contains(ConsentFlags::EXACT),
            screening: terms.flags.contains(ConsentFlags::SCREENING),
        }
    }
}

fn describe(terms: &Terms) -> String {
    let yes = |set| if set { "yes" } else { "no" };
    let regions = if terms.regions == Regions::ALL { "all".into() } else { format!("bits {:#b}", terms.regions.0) };
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
        format!("disease           {}", terms.only_disease.map_or("any".into(), |code| format!("only {code}"))),
        format!("regions           {regions}"),
        format!("last day          {}", terms.last_day),
        format!("least price       {}", terms.price_min),
        format!("least cohort      {}", terms.cohort_min),
        format!("greatest ε        {} for one private query", Epsilon::from_milli(terms.epsilon_milli_max)),
        format!("exact statistics  {}", yes(terms.exact)),
        format!("screening         {}", yes(terms.screening)),
    ];
    committed.into_iter().chain(data_use).collect::<Vec<_>>().join("\n")
}
