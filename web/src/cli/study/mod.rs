//! `locus study`: registered before anything is asked, amended in the open, closed with its outcomes posted.

mod show;

use std::path::{Path, PathBuf};

use circuits::id::{AccountId, Digest, QueryId, StudyId};
use clap::{Args, Subcommand};
use market::{
    ledger::{LedgerAccess, act, next_nonce},
    query::{QueryFile, plan_of_study},
    wallet::Role,
};
use node::{
    analysis,
    state::{StateRead as _, StateView, StudyProtocol},
    transaction::{Action, AmendStudy, DesignStudy, PostOutcome, Site, StudyDesign, StudyRegistration},
};
use sha2::{Digest as _, Sha256};

use super::{Connection, Home, Output};
use crate::{Error, regions::numbered};

/// Register, change and show studies.
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
    /// Say where a study runs, who pays, and which queries it plans, before it asks the first.
    Design {
        /// The study's id.
        study: StudyId,
        #[command(flatten)]
        design: Design,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Give a study another version of its protocol, with the whole design again. Earlier versions stay readable.
    Amend {
        /// The study's id.
        study: StudyId,
        /// The amended protocol document; SHA-256 of its bytes is registered.
        #[arg(long, value_name = "FILE")]
        protocol: PathBuf,
        /// Reference of the ethics committee's approval of the amendment.
        #[arg(long)]
        ethics: String,
        /// Why it is amended.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        design: Design,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Do not ask where the amendment leaves out a sponsor, sites or a plan that the version in force has.
        #[arg(long)]
        yes: bool,
    },
    /// Say what came out of released queries. It stays for ever.
    Outcome {
        /// The study's id.
        study: StudyId,
        /// The outcome document, such as a paper; SHA-256 of its bytes is posted.
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// The outcome in a few sentences.
        #[arg(long)]
        summary: String,
        /// A released query that it rests on; repeat for more.
        #[arg(long = "query", value_name = "ID", required = true)]
        queries: Vec<QueryId>,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Post without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Close a study: nothing opens for it any more. Outcomes may follow.
    Close {
        /// The study's id.
        study: StudyId,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Close without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Show a study: its versions, what it planned and asked, the privacy it spent, what came out.
    Show {
        /// The study's id.
        study: StudyId,
    },
}

/// Where a study runs, who pays, and what it plans.
#[derive(Debug, Args)]
pub struct Design {
    /// A site as NAME=REGION, with the number of the region as consents and pages have it, from 1 on; repeat for more.
    #[arg(long = "site", value_name = "NAME=REGION", value_parser = parse_site)]
    sites: Vec<Site>,
    /// The account of who pays for the study, if that is another than the researcher. It may recruit for the study.
    #[arg(long, value_name = "ACCOUNT")]
    sponsor: Option<AccountId>,
    /// A query file that the study plans to ask; repeat for more. Only a digest of what it asks is registered.
    #[arg(long = "plan", value_name = "FILE")]
    plan: Vec<PathBuf>,
}

fn parse_site(text: &str) -> Result<Site, String> {
    let wrong = || format!("{text:?} is no site; write it as NAME=REGION with a number from 1 to 32");
    let (name, region) = text.rsplit_once('=').ok_or_else(wrong)?;
    let region = numbered(region.parse().map_err(|_| wrong())?).ok_or_else(wrong)?;
    if name.is_empty() { Err(wrong()) } else { Ok(Site { name: name.into(), region }) }
}

impl Design {
    fn resolve(self, connection: &Connection) -> Result<StudyDesign, Error> {
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        let chain = (ledger as &dyn StateView, ledger.genesis());
        let asked = |path: &PathBuf| {
            let file = QueryFile::open(path)?;
            Ok(analysis(&plan_of_study(chain, blobs, &file, None)?.query)?)
        };
        let planned = self.plan.iter().map(asked).collect::<Result<_, Error>>()?;
        Ok(StudyDesign { sites: self.sites, sponsor: self.sponsor, planned })
    }
}

/// What the version in force says and an amendment would not say any more: it carries the whole design again.
fn left_out(ledger: &dyn LedgerAccess, id: StudyId, design: &Design) -> Result<Vec<&'static str>, Error> {
    let study = ledger.study(id)?.ok_or_else(|| Error::NotFound { what: "study", id: id.to_string() })?;
    let Some(StudyProtocol { design: before, .. }) = ledger.study_protocol(id, study.version)? else {
        return Ok(vec![]);
    };
    let parts = [
        ("a sponsor, who may recruit", before.sponsor.is_some() && design.sponsor.is_none()),
        ("sites", !before.sites.is_empty() && design.sites.is_empty()),
        ("a plan", !before.planned.is_empty() && design.plan.is_empty()),
    ];
    Ok(parts.into_iter().filter(|(_, is_left_out)| *is_left_out).map(|(name, _)| name).collect())
}

/// SHA-256 of a document.
fn digest_of(what: &'static str, path: &Path) -> Result<Digest, Error> {
    let document =
        std::fs::read(path).map_err(|error| Error::Input { what, why: format!("{}: {error}", path.display()) })?;
    Ok(Digest::from_bytes(Sha256::digest(document).into()))
}

impl Study {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect()?;
        match self {
            Self::Register { title, protocol, ethics, key } => {
                let registration =
                    StudyRegistration { title, protocol: digest_of("protocol document", &protocol)?, ethics };
                register(registration, &key, (home, &connection), output)
            }
            Self::Design { study, design, key } => {
                let design = design.resolve(&connection)?;
                let action = Action::DesignStudy(DesignStudy { study, design });
                act_on(action, "designed", &key, (home, &connection), output)
            }
            Self::Amend { study, protocol, ethics, reason, design, key, yes } => {
                let left_out = left_out(&*connection.ledger, study, &design)?;
                if !left_out.is_empty() {
                    let parts = left_out.join(" and ");
                    output.confirm(yes, &format!("The version in force has {parts}, and this one none. Amend?"))?;
                }
                let (design, protocol) = (design.resolve(&connection)?, digest_of("protocol document", &protocol)?);
                let action = Action::AmendStudy(AmendStudy { study, protocol, ethics, reason, design });
                act_on(action, "amended", &key, (home, &connection), output)
            }
            Self::Outcome { study, document, summary, queries, key, yes } => {
                let document = digest_of("outcome document", &document)?;
                output.confirm(yes, "Post this outcome? It stays for ever.")?;
                let action = Action::PostOutcome(PostOutcome { study, document, summary, queries });
                act_on(action, "posted", &key, (home, &connection), output)
            }
            Self::Close { study, key, yes } => {
                output.confirm(yes, "Close the study? Nothing opens for it any more.")?;
                act_on(Action::CloseStudy(study), "closed", &key, (home, &connection), output)
            }
            Self::Show { study } => show::show(study, (home, &*connection.ledger), output),
        }
    }
}

fn register(
    registration: StudyRegistration,
    key: &Path,
    (home, connection): (&Home, &Connection),
    output: &Output,
) -> Result<(), Error> {
    let ledger = &*connection.ledger;
    let key = home.key(key, Role::Researcher)?;
    let nonce = next_nonce(ledger, &key.signing_key())?;
    let id = registration.id(&ledger.chain(), &key.account(), nonce)?;
    act(ledger, &key.signing_key(), Action::RegisterStudy(registration))?;
    output.result(&serde_json::json!({ "study": id }), |_| format!("study {id}"))
}

fn act_on(
    action: Action,
    done: &str,
    key: &Path,
    (home, connection): (&Home, &Connection),
    output: &Output,
) -> Result<(), Error> {
    let key = home.key(key, Role::Researcher)?;
    let inclusion = act(&*connection.ledger, &key.signing_key(), action)?;
    output.result(&inclusion, |inclusion| format!("{done} in block {}", inclusion.height))
}

#[cfg(test)]
mod tests {
    use circuits::consent::Regions;

    use super::*;

    #[test]
    fn a_site_is_a_name_and_the_number_of_a_region() {
        assert_eq!(parse_site("Hospital A=B=3"), Ok(Site { name: "Hospital A=B".into(), region: Regions(4) }));
        for wrong in ["", "Hospital", "=1", "Hospital=0", "Hospital=33", "Hospital=x", "Hospital=-1"] {
            assert!(parse_site(wrong).is_err(), "{wrong}");
        }
    }
}
