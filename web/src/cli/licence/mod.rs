//! Licences of raw data: offered, asked for, granted, fetched, revoked, withdrawn.

mod answer;
mod ask;
mod fetch;
mod list;
mod offer;

use std::path::{Path, PathBuf};

use circuits::consent::{Day, Purposes, Regions};
use clap::{Args, Subcommand};
use market::{
    data_use::{DeclaredUse, DuoDocument, RegionTable, StatedUse},
    licence::offered_use,
};
use node::{query::DataUse, transaction::AllowedUse};

use super::{
    Home, Output,
    ontology::Ontology,
    session::{read_json, read_text},
};
use crate::Error;

/// Let researchers have an encrypted genome, for a use, a time and a price; or ask for one.
///
/// The ledger keeps terms, digests and receipts of access. The file lies with a custodian, a node that was started with
/// --custodian-key. What somebody fetched and can decrypt, nothing takes back.
#[derive(Debug, Subcommand)]
pub enum Licence {
    /// Offer an encrypted file (its owner): store it with the custodian and register its terms.
    Offer(offer::Offer),
    /// List the requests that an owner's datasets have, with use, price and deadline.
    Requests(list::Requests),
    /// Ask for a licence (a researcher), which locks its price.
    Request(ask::Request),
    /// Grant a request (the owner): make a header for the licensee's key, and be paid.
    Grant(answer::Grant),
    /// Decline a request (the owner): the price goes back.
    Decline(answer::Decline),
    /// Revoke a granted licence (the owner). Copies are not recalled.
    Revoke(answer::Revoke),
    /// Withdraw an offered dataset (its owner): nobody can ask for it any more. Licences granted before run on.
    Withdraw(answer::Withdraw),
    /// Take back the price of a request that nobody answered in time (the licensee).
    Reclaim(ask::Reclaim),
    /// Fetch the file under a licence (the licensee), check it against the ledger, and decrypt it.
    Fetch(fetch::Fetch),
    /// List datasets on offer.
    List(list::List),
    /// Show who had access under a licence, and when.
    Accesses(list::Accesses),
}

impl Licence {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Offer(offer) => offer.run(home, output),
            Self::Requests(requests) => requests.run(home, output),
            Self::Request(request) => request.run(home, output),
            Self::Grant(grant) => grant.run(home, output),
            Self::Decline(decline) => decline.run(home, output),
            Self::Revoke(revoke) => revoke.run(home, output),
            Self::Withdraw(withdraw) => withdraw.run(home, output),
            Self::Reclaim(reclaim) => reclaim.run(home, output),
            Self::Fetch(fetch) => fetch.run(home, output),
            Self::List(list) => list.run(home, output),
            Self::Accesses(accesses) => accesses.run(home, output),
        }
    }
}

/// A use, as options say it.
#[derive(Debug, Args)]
struct UseOptions {
    /// A purpose, such as general-research, health-research, disease-specific, ancestry or methods; repeat it for more.
    #[arg(long = "purpose", value_name = "NAME", required_unless_present = "declared", conflicts_with = "declared")]
    purposes: Vec<String>,
    /// The use in terms of the Data Use Ontology, in place of --purpose, --disease and --regions: what an owner offers as
    /// `duoDataUse` in JSON, what a researcher asks as the `data_use` table of a query file, in TOML.
    #[arg(id = "declared", long = "data-use", value_name = "FILE", conflicts_with_all = ["disease", "regions"])]
    declared: Option<PathBuf>,
    /// The network's regions, a JSON list of lists of countries. A --data-use that names countries needs it.
    #[arg(long, value_name = "FILE", requires = "declared", conflicts_with = "purposes")]
    region_table: Option<PathBuf>,
    /// Number of the one disease, made from an ontology's code (`locus --json query disease`); 0 names none.
    #[arg(long, default_value_t = 0, value_name = "CODE")]
    disease: u32,
    /// Bits of the regions, as the network numbers them; all without it.
    #[arg(long, default_value_t = u32::MAX, value_name = "BITS")]
    regions: u32,
}

impl UseOptions {
    fn table(&self) -> Result<RegionTable, Error> {
        self.region_table
            .as_deref()
            .map_or_else(|| Ok(RegionTable::default()), |path| read_json("table of regions", path))
    }

    /// What an owner allows, and the embargo that the terms set. Purposes alone require nothing besides.
    fn allowed(&self, today: Day) -> Result<(AllowedUse, Day), Error> {
        if let Some(path) = &self.declared {
            let document: DuoDocument = read_json("data use terms", path)?;
            return Ok(offered_use(&document.terms(today)?, &self.table()?)?);
        }
        let purposes = Purposes::from_names(&self.purposes)?.union(Purposes::NOTHING_REQUIRED);
        Ok((AllowedUse { purposes, disease: self.disease, regions: Regions(self.regions) }, Day(0)))
    }

    /// What a researcher asks for. All regions are asked for by default; where the owner allows fewer, those.
    fn asked(&self, allowed: &AllowedUse, ontology: &Ontology) -> Result<DataUse, Error> {
        let declared = self.declared.as_deref().map(declared_use).transpose()?;
        ontology.check(declared.as_ref())?;
        let everywhere = Regions(u32::MAX);
        let stated = StatedUse {
            purposes: &self.purposes,
            disease: self.disease,
            regions: Regions(self.regions),
            regions_unsaid: everywhere,
            declared: declared.as_ref(),
            region_table: &self.table()?,
        };
        let asked = stated.demand(None)?;
        let unsaid = declared.is_none() && asked.regions == everywhere;
        Ok(if unsaid { DataUse { regions: allowed.regions, ..asked } } else { asked })
    }
}

fn declared_use(path: &Path) -> Result<DeclaredUse, Error> {
    Ok(DeclaredUse::from_toml(&path.display().to_string(), &read_text("data use", path)?)?)
}
