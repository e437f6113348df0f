//! Certifying people's records.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use circuits::{
    consent::ConsentTerms,
    id::{AccountId, ChainId, SchemaId},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::Schema,
};
use clap::{Args, Subcommand};
use market::{
    consent::ConsentFile,
    import::{AttributeRow, ImportOptions, ImportedPanel, import_attributes, import_file},
    issuer::{Certificate, Enrolment, Measurements, body, certify, receive},
    ledger::{LedgerAccess, tip},
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::state::StateRead;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Home, Output,
    clinical::{Convert, Reading},
    session::read_json,
};
use crate::Error;

/// The ending of a wallet file's name.
const WALLET_ENDING: &str = "wallet";
/// Digits of a name's digest in the name of a wallet file.
const DIGEST_DIGITS: usize = 8;
/// Names that a note lists.
const LISTED_MAX: usize = 8;

/// Convert and certify records.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Certify everybody in a VCF: make or open a wallet for each, register the record, hand it over.
    ///
    /// Safe to repeat: a record that is registered keeps its place and its terms, and finished wallets are left alone.
    Certify(Box<Certify>),
    /// Convert FHIR, phenopackets and tables into a table of attributes, by a mapping; a report says what was used,
    /// what was left out and why. Needs no network.
    Convert(Box<Convert>),
}

/// Whose records, by whom, on which terms.
#[derive(Debug, Args)]
pub struct Certify {
    /// VCF or BCF with the people's genotypes; its sites must be the schema's panel.
    #[arg(long, value_name = "FILE")]
    vcf: PathBuf,
    /// CSV with the people's attributes; all missing without it.
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// FHIR, phenopackets or tables with the people's attributes, instead of a table of attributes; needs --mapping.
    #[arg(long, value_name = "INPUT", num_args = 1.., requires = "mapping", conflicts_with = "attributes")]
    clinical: Vec<PathBuf>,
    #[command(flatten)]
    reading: Option<Reading>,
    /// The registered schema's id.
    #[arg(long, value_name = "ID")]
    schema: SchemaId,
    /// The issuer's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The consent file whose terms every new wallet starts with; owners change theirs later.
    #[arg(long, value_name = "FILE")]
    consent: PathBuf,
    /// The people to certify, by their names in the VCF; everybody without it.
    #[arg(long = "people", value_delimiter = ',', value_name = "NAME")]
    people: Vec<String>,
    /// Folder of wallets, one for each person.
    #[arg(long, value_name = "DIR")]
    wallets: PathBuf,
    /// The custodian's key file that protects the wallets; the passphrase protects them without it.
    #[arg(long, value_name = "FILE")]
    custodian: Option<PathBuf>,
}

/// What was certified.
#[derive(Debug, Serialize)]
struct Certified {
    registered: Vec<Certificate>,
    wallets: PathBuf,
    notes: Vec<String>,
}

/// A person on the way to a certificate.
struct Enrolled {
    wallet: Wallet,
    measured: Measurements,
    enrolment: Enrolment,
    /// Whether an interrupted run began it, under other terms than this one's.
    has_earlier_terms: bool,
}

impl RecordCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let certify = match self {
            Self::Certify(certify) => certify,
            Self::Convert(convert) => return convert.run(output),
        };
        let certified = certify.run(home, output)?;
        output.result(&certified, |certified| {
            let registered =
                format!("records registered: {}; they count from the next epoch", certified.registered.len());
            certified.notes.iter().cloned().chain([registered]).collect::<Vec<_>>().join("\n")
        })
    }
}

impl Certify {
    fn run(&self, home: &Home, output: &Output) -> Result<Certified, Error> {
        let connection = home.connect()?;
        let ledger = &*connection.ledger;
        let missing = || Error::NotFound { what: "schema", id: self.schema.to_string() };
        let schema = ledger.schema(self.schema)?.ok_or_else(missing)?;
        let (imported, report) = import_file(&self.vcf, &ImportOptions { build: Some(schema.panel.build.clone()) })?;
        if imported.panel.reference()? != schema.panel {
            let why = format!("{} has other sites than the schema's panel", self.vcf.display());
            return Err(Error::Input { what: "genotypes", why });
        }
        let mut imported = imported;
        let (attributes, read) = self.read_attributes(&schema)?;
        // Before some are chosen: whoever has genotypes and is not asked for is no surprise.
        let strangers = without_genotypes(&imported, &attributes);
        self.choose(&mut imported)?;
        let issuer = home.key(&self.key, Role::Issuer)?;
        let protection = home.wallet_protection(self.custodian.as_deref())?;
        let mut notes = [report.lines(), read].concat();
        notes.extend(strangers);
        if self.attributes.is_some() || self.reading.is_some() {
            notes.extend(without_attributes(&imported, &attributes));
        }
        let asked = imported.samples.len();
        let people = self.enrol((ledger, &issuer), imported, &attributes, &protection)?;
        if people.len() < asked {
            notes.push(format!("hold a record already and keep it: {}", asked - people.len()));
        }
        let earlier = people.iter().filter(|person| person.has_earlier_terms).count();
        if earlier > 0 {
            let change = "`locus consent change` sets others";
            notes.push(format!("begun by an interrupted run, on the terms that it had: {earlier}; {change}"));
        }
        let progress = output.progress("certifying", people.len());
        let requests: Vec<_> = people.iter().map(|person| (person.measured.clone(), person.enrolment)).collect();
        let registered = certify(ledger, &issuer, &requests)?;
        for (mut person, certificate) in people.into_iter().zip(&registered) {
            receive(ledger, &mut person.wallet, &person.enrolment, person.measured, certificate)?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok(Certified { registered, wallets: self.wallets.clone(), notes })
    }

    /// Leaves the people asked for.
    fn choose(&self, imported: &mut ImportedPanel) -> Result<(), Error> {
        if self.people.is_empty() {
            return Ok(());
        }
        let known = |name: &&String| imported.samples.iter().any(|sample| sample.name == **name);
        if let Some(stranger) = self.people.iter().find(|name| !known(name)) {
            let why = format!("{} has no {stranger}; names are those of its header", self.vcf.display());
            return Err(Error::Input { what: "people", why });
        }
        imported.samples.retain(|sample| self.people.contains(&sample.name));
        Ok(())
    }

    /// People's attributes, and what is to be said of reading them.
    fn read_attributes(&self, schema: &Schema) -> Result<(BTreeMap<String, Attributes>, Vec<String>), Error> {
        let by_name = |rows: Vec<AttributeRow>| rows.into_iter().map(|row| (row.sample, row.attributes)).collect();
        if let Some(reading) = &self.reading {
            if self.clinical.is_empty() {
                return Err(Error::Input { what: "clinical files", why: "--mapping needs --clinical INPUT".into() });
            }
            let converted = reading.convert(&self.clinical, schema)?;
            return Ok((by_name(converted.rows), converted.report.summary()));
        }
        let Some(path) = &self.attributes else { return Ok((BTreeMap::new(), Vec::new())) };
        let name = path.display().to_string();
        let file = std::fs::File::open(path)
            .map_err(|error| Error::Input { what: "attributes", why: format!("{name}: {error}") })?;
        Ok((by_name(import_attributes(&name, file, schema)?), Vec::new()))
    }

    /// A wallet for each person; those that hold a record already are left out, and what an interrupted run began goes on.
    fn enrol(
        &self,
        (ledger, issuer): (&dyn LedgerAccess, &PartyKey),
        imported: ImportedPanel,
        attributes: &BTreeMap<String, Attributes>,
        protection: &Protection,
    ) -> Result<Vec<Enrolled>, Error> {
        let terms: ConsentFile = read_json("consent file", &self.consent)?;
        let today = tip(ledger)?.time.day();
        let rng = &mut rand::rng();
        let mut people = vec![];
        for sample in &imported.samples {
            let mut wallet = self.wallet(&sample.name, &people, ledger.chain(), protection)?;
            if !wallet.holdings().is_empty() {
                continue;
            }
            let attributes = attributes.get(&sample.name);
            let attributes = attributes.cloned().unwrap_or_else(|| Attributes::new([MISSING; ATTRIBUTES]));
            let measured = measure(self.schema, attributes, &sample.dosages)?;
            let begun = begun((ledger, issuer.account()), &wallet, &measured, |consent| {
                let (own, data_use) = terms.resolve(today, consent.salt)?;
                Ok(own == *consent && wallet.data_use(consent) == data_use.as_ref())
            })?;
            let (enrolment, has_earlier_terms) = match begun {
                Some(begun) => begun,
                None => {
                    let (consent, data_use) = terms.resolve(today, ConsentTerms::random_salt(rng))?;
                    if let Some(data_use) = data_use {
                        wallet.note_data_use(&consent, data_use)?;
                    }
                    (wallet.enrol(consent, None, rng)?, false)
                }
            };
            people.push(Enrolled { wallet, measured, enrolment, has_earlier_terms });
        }
        Ok(people)
    }

    /// A person's wallet, made if there is none. An earlier release named it by the letters alone: one that is there under
    /// such a name, and is this person's, goes on; nobody is certified twice.
    fn wallet(
        &self,
        sample: &str,
        open: &[Enrolled],
        chain: ChainId,
        protection: &Protection,
    ) -> Result<Wallet, Error> {
        let at = |name: &str| self.wallets.join(format!("{name}.{WALLET_ENDING}"));
        let (path, earlier) = (at(&file_name(sample)), at(&letters(sample)));
        if path.exists() {
            return own(Wallet::open(&path, protection.clone())?, sample);
        }
        // What this run has open is the wallet of whom it was opened for.
        let is_open = open.iter().any(|other| other.wallet.path().file_name() == earlier.file_name());
        if earlier.exists() && !is_open {
            let wallet = Wallet::open(&earlier, protection.clone())?;
            if wallet.label() == sample {
                return Ok(wallet);
            }
        }
        Ok(Wallet::create(&path, protection.clone(), chain, sample, &mut rand::rng())?)
    }
}

/// The enrolment that an interrupted run left and this one goes on with, and whether its terms are other ones: one that is
/// registered, or else the latest. A second one would be of another key, and if a block still takes the first, the person
/// would be registered twice.
fn begun(
    (ledger, issuer): (&dyn LedgerAccess, AccountId),
    wallet: &Wallet,
    measured: &Measurements,
    is_same: impl Fn(&ConsentTerms) -> Result<bool, Error>,
) -> Result<Option<(Enrolment, bool)>, Error> {
    let mut latest = None;
    for (enrolment, terms) in wallet.begun().filter(|(enrolment, _)| enrolment.replaces.is_none()) {
        let has_other_terms = !is_same(terms)?;
        if ledger.body(body(issuer, measured, &enrolment)?)?.is_some() {
            return Ok(Some((enrolment, has_other_terms)));
        }
        latest = latest.or(Some((enrolment, has_other_terms)));
    }
    Ok(latest)
}

/// The wallet, which must be this person's.
fn own(wallet: Wallet, sample: &str) -> Result<Wallet, Error> {
    if wallet.label() == sample {
        return Ok(wallet);
    }
    let (path, whose) = (wallet.path().display(), wallet.label());
    let why = format!(
        "{path} is the wallet of {whose:?} and not of {sample:?}; give it another name, or take another folder"
    );
    Err(Error::Input { what: "wallet", why })
}

/// Who of those to certify has no row in the table: their attributes are missing, and no criterion holds for them.
fn without_attributes(imported: &ImportedPanel, attributes: &BTreeMap<String, Attributes>) -> Option<String> {
    let absent = imported.samples.iter().filter(|sample| !attributes.contains_key(&sample.name));
    let names: Vec<_> = absent.map(|sample| sample.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("without a row of attributes: {} ({})", names.len(), some_of(&names)))
}

/// Who of the table has no genotypes: nobody can certify them with this file.
fn without_genotypes(imported: &ImportedPanel, attributes: &BTreeMap<String, Attributes>) -> Option<String> {
    let genotyped: BTreeSet<_> = imported.samples.iter().map(|sample| sample.name.as_str()).collect();
    let names: Vec<_> = attributes.keys().map(String::as_str).filter(|name| !genotyped.contains(name)).collect();
    (!names.is_empty()).then(|| format!("no genotypes for: {}; they are not certified", some_of(&names)))
}

/// The first of these names.
fn some_of(names: &[&str]) -> String {
    let listed = names.iter().take(LISTED_MAX).copied().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX { listed + ", …" } else { listed }
}

fn measure(schema: SchemaId, attributes: Attributes, dosages: &[Dosage]) -> Result<Measurements, Error> {
    Ok(Measurements { schema, attributes, genotypes: Genotypes::new(dosages)? })
}

/// A sample's name as a file name: itself, or its letters and a digest when they are not all of it, so that no two names
/// have one file.
fn file_name(sample: &str) -> String {
    let letters = letters(sample);
    if letters == sample {
        return letters;
    }
    let digest = hex::encode(Sha256::digest(sample));
    format!("{letters}-{}", digest.get(..DIGEST_DIGITS).unwrap_or_default())
}

/// A sample's name in which whatever is no letter, digit or dash is an underscore.
fn letters(sample: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    sample.chars().map(safe).collect()
}

/// The wallets of a folder, by name.
///
/// # Errors
/// [`Error::Input`] when the folder cannot be read.
pub(super) fn wallet_paths(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error: std::io::Error| Error::Input {
        what: "folder of wallets",
        why: format!("{}: {error}", folder.display()),
    };
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == WALLET_ENDING) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use circuits::schema::VariantPanel;
    use market::import::SampleGenotypes;

    use super::*;

    #[test]
    fn repro_who_of_a_table_has_no_genotypes_is_named() {
        let samples = ["HG00096", "HG00097"].map(|name| SampleGenotypes { name: name.into(), dosages: vec![] });
        let panel = VariantPanel { build: "GRCh37".into(), variants: vec![] };
        let imported = ImportedPanel { panel, samples: samples.into() };
        let table = |names: &[&str]| -> BTreeMap<String, Attributes> {
            names.iter().map(|name| ((*name).to_owned(), Attributes::new([MISSING; ATTRIBUTES]))).collect()
        };
        let said = without_genotypes(&imported, &table(&["HG00096", "HG99999"])).unwrap();
        assert_eq!(said, "no genotypes for: HG99999; they are not certified");
        assert_eq!(without_genotypes(&imported, &table(&["HG00096", "HG00097"])), None);
        let many: Vec<String> = (0..=LISTED_MAX).map(|number| number.to_string()).collect();
        assert!(some_of(&many.iter().map(String::as_str).collect::<Vec<_>>()).ends_with("7, …"));
    }
}
