//! Passports on the command line: explained, presented by an account, and decided on.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use circuits::id::{AccountId, ChainId};
use clap::Args;
use market::passport::{
    CheckedVisa, IdentityRegister, PASSPORT_BYTES_MAX, Presentation, TrustedIssuers, VerifiedVisa, VisaIdentity,
    VisaObject, check_passport,
};
use node::{
    calendar::{parse_date, utc},
    units::{SECONDS_PER_DAY, Timestamp},
};
use serde::Serialize;

use super::{
    Home, Output,
    session::{read_json, read_text},
    write_private_file,
};
use crate::{Error, chain::now};

/// Whom a governor accredited with which passport identities: beside the keys, read by the governor alone.
const REGISTER_FILE: &str = "researchers.json";

/// Explains a passport.
#[derive(Debug, Args)]
pub struct CheckPassport {
    /// The passport: its token, a broker's `ga4gh_passport_v1` object, a list of visas, or one visa.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The trusted issuers and the policy, in TOML.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The date to check it at; now without it.
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
}

/// A visa with what became of it.
#[derive(Debug, Serialize)]
struct VisaReport {
    place: usize,
    issuer: Option<String>,
    /// The visa, if it was accepted.
    accepted: Option<VisaObject>,
    subject: Option<String>,
    expires: Option<String>,
    /// Why it counts for nothing, if it was refused.
    refused: Option<String>,
}

impl VisaReport {
    fn of(checked: &CheckedVisa) -> Self {
        let (visa, refused) = match &checked.outcome {
            Ok(visa) => (Some(visa), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            place: checked.place,
            issuer: checked.claimed_issuer.clone(),
            accepted: visa.map(|visa| visa.object().clone()),
            subject: visa.map(|visa| visa.identity().sub.clone()),
            expires: visa.map(|visa| utc(Timestamp::new(visa.expires()))),
            refused,
        }
    }
}

/// What became of a passport.
#[derive(Debug, Serialize)]
struct PassportReport {
    visas: Vec<VisaReport>,
    /// Whether one person's accepted visas meet the policy.
    meets_policy: bool,
    /// What is lacking.
    lacking: Option<String>,
}

/// A passport's visas, and the person who meets the policy.
fn examine(
    passport: &str,
    trust: &TrustedIssuers,
    at: Timestamp,
) -> Result<(PassportReport, BTreeSet<VisaIdentity>), Error> {
    let checked = check_passport(passport, trust, at)?;
    let accepted: Vec<&VerifiedVisa> = checked.iter().filter_map(|visa| visa.outcome.as_ref().ok()).collect();
    let (person, lacking) = match trust.policy().check(&accepted, (at, None)) {
        Ok(person) => (person, None),
        Err(error) => (BTreeSet::new(), Some(error.to_string())),
    };
    let visas = checked.iter().map(VisaReport::of).collect();
    Ok((PassportReport { visas, meets_policy: lacking.is_none(), lacking }, person))
}

impl CheckPassport {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let at = match &self.at {
            None => now(),
            Some(text) => {
                let why = format!("{text:?} is no date; write it as 2027-01-31");
                let day = parse_date(text).ok_or(Error::Input { what: "date", why })?;
                Timestamp::new(u64::from(day.0) * SECONDS_PER_DAY)
            }
        };
        let trust = TrustedIssuers::open(&self.trust)?;
        let (report, _) = examine(&read_passport(&self.file)?, &trust, at)?;
        output.result(&report, describe)
    }
}

fn describe(report: &PassportReport) -> String {
    let line = |visa: &VisaReport| match (&visa.accepted, &visa.refused) {
        (Some(accepted), _) => {
            let by = accepted.by.map(|by| format!(" by {}", by.name())).unwrap_or_default();
            format!(
                "visa {}  accepted: {} {:?} from {}{by}, of {}, until {}",
                visa.place,
                accepted.kind,
                accepted.value,
                accepted.source,
                visa.subject.as_deref().unwrap_or_default(),
                visa.expires.as_deref().unwrap_or_default()
            )
        }
        (None, refused) => {
            let issuer = visa.issuer.as_deref().unwrap_or("no issuer that can be read");
            format!("visa {}  refused ({issuer}): {}", visa.place, refused.as_deref().unwrap_or_default())
        }
    };
    let policy = report.lacking.as_ref().map_or("policy  met".into(), |lacking| format!("policy  not met: {lacking}"));
    report.visas.iter().map(line).chain([policy]).collect::<Vec<_>>().join("\n")
}

pub(super) fn read_passport(path: &Path) -> Result<String, Error> {
    let text = read_text("passport", path)?;
    if text.len() > PASSPORT_BYTES_MAX {
        let why = format!("{} is longer than {PASSPORT_BYTES_MAX} bytes", path.display());
        return Err(Error::Input { what: "passport", why });
    }
    Ok(text)
}

/// Signs a passport for one account and one network.
#[derive(Debug, Args)]
pub struct PresentPassport {
    /// The passport.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The researcher's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write what the governor takes. It holds the passport: send it to nobody else.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl PresentPassport {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let passport = read_passport(&self.file)?;
        let key = home.key(&self.key, market::wallet::Role::Researcher)?;
        let chain = home.connect_reading()?.ledger.chain();
        let presentation = Presentation::new(&passport, &chain, &key.signing_key())?;
        let text = serde_json::to_vec_pretty(&presentation)
            .map_err(|error| Error::Input { what: "presentation", why: error.to_string() })?;
        write_private_file("presentation", &self.out, &text)?;
        let written = serde_json::json!({ "account": key.account(), "presentation": self.out });
        output.result(&written, |_| format!("account {} presents it in {}", key.account(), self.out.display()))
    }
}

/// A presented passport that decides on an accreditation.
pub(super) struct Presented<'a> {
    pub(super) passport: &'a Path,
    pub(super) trust: &'a Path,
    pub(super) account: AccountId,
}

impl Presented<'_> {
    /// Notes the person in the governor's register, if the account presents a passport whose visas meet the policy, and
    /// they have no other account.
    pub(super) fn check(&self, home: &Home, output: &Output, chain: ChainId) -> Result<(), Error> {
        let trust = TrustedIssuers::open(self.trust)?;
        let presentation: Presentation = read_json("presentation", self.passport)?;
        let presentation = presentation.verify(&chain)?;
        let refused = |why: String| Error::Input { what: "passport", why };
        if presentation.account() != self.account {
            return Err(refused(format!("account {} presents it, not {}", presentation.account(), self.account)));
        }
        let (report, person) = examine(presentation.passport(), &trust, now())?;
        output.say(describe(&report));
        if let Some(lacking) = report.lacking {
            return Err(refused(format!(
                "the account is not accredited: {lacking}; `govern check-passport` explains each visa"
            )));
        }
        let path = home.keys_path().with_file_name(REGISTER_FILE);
        let mut register: IdentityRegister =
            if path.exists() { read_json("register of researchers", &path)? } else { IdentityRegister::default() };
        register.bind(&person, self.account)?;
        let text = serde_json::to_vec_pretty(&register).map_err(|error| refused(error.to_string()))?;
        write_private_file("register of researchers", &path, &text)
    }
}
