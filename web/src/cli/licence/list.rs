//! Listings: which there are says the node's index, and how each stands is proven by the ledger.

use circuits::id::{AccountId, DatasetId, LicenceId};
use clap::{ArgGroup, Args};
use market::{
    index::{DatasetRow, LicenceRow},
    ledger::LedgerAccess,
    licence::{allowed_in_words, require_dataset, require_licence, use_in_words},
};
use node::{
    calendar::date,
    state::{Access, LicenceStatus, StateRead},
    units::AccessIndex,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    cli::{Home, Output},
    client::Remote,
};

/// Every row of a listing that a node's index has.
fn rows<T: DeserializeOwned>(home: &Home, path: &str) -> Result<Vec<T>, Error> {
    let url = home.url().ok_or_else(|| Error::Input {
        what: "address",
        why: "give the --url of a node: its index lists these".into(),
    })?;
    Remote::new(url)?.rows(path)
}

/// List datasets on offer.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this account.
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<AccountId>,
    /// Withdrawn ones too.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Offered {
    dataset: DatasetId,
    owner: AccountId,
    allowed: String,
    price_min: u64,
    term_days_max: u32,
    /// First day on which a licensee may publish; none where the owner sets none.
    embargo: Option<String>,
    plaintext_bytes: u64,
    custodian: AccountId,
    withdrawn: bool,
}

impl List {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let ledger = home.connect()?.ledger;
        let of_owner = self.owner.map(|owner| format!("owner={owner}&")).unwrap_or_default();
        let mut offered = vec![];
        for row in rows::<DatasetRow>(home, &format!("/v1/datasets?{of_owner}"))? {
            let dataset = require_dataset(&*ledger, row.id)?;
            if self.all || dataset.withdrawn.is_none() {
                let offer = dataset.offer;
                offered.push(Offered {
                    dataset: row.id,
                    owner: dataset.owner,
                    allowed: allowed_in_words(&offer.allowed),
                    price_min: offer.price_min.get(),
                    term_days_max: offer.term_days_max,
                    embargo: (offer.embargo.0 > 0).then(|| date(offer.embargo)),
                    plaintext_bytes: offer.plaintext_bytes,
                    custodian: offer.custodian,
                    withdrawn: dataset.withdrawn.is_some(),
                });
            }
        }
        output.result(&offered, |offered| {
            let lines = offered.iter().map(|one| {
                let Offered { dataset, allowed, price_min, term_days_max, plaintext_bytes, .. } = one;
                let embargo = one.embargo.as_ref().map(|day| format!(", publish from {day}")).unwrap_or_default();
                let withdrawn = if one.withdrawn { ", withdrawn" } else { "" };
                format!(
                    "{dataset}\n  {allowed}\n  {plaintext_bytes} bytes, from {price_min}, up to {term_days_max} days\
                     {embargo}{withdrawn}"
                )
            });
            or_none(lines.collect(), "no dataset is on offer")
        })
    }
}

/// List the requests that an owner's datasets have, or those of a licensee.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["owner", "licensee"])))]
pub struct Requests {
    /// The owner's account.
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<AccountId>,
    /// The account that asked, instead of the owner's.
    #[arg(long, value_name = "ACCOUNT")]
    licensee: Option<AccountId>,
    /// Answered ones too.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Requested {
    licence: LicenceId,
    dataset: DatasetId,
    owner: AccountId,
    licensee: AccountId,
    /// As governance knows the licensee.
    name: Option<String>,
    /// What for.
    data_use: String,
    /// Whether that is within what the owner allows, or why not.
    allowed: String,
    price: u64,
    term_days: u32,
    /// The last block in which it can be granted.
    deadline: u64,
    status: String,
}

impl Requests {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let ledger = home.connect()?.ledger;
        let mut licences = vec![];
        if let Some(licensee) = self.licensee {
            licences.extend(rows::<LicenceRow>(home, &format!("/v1/licences?licensee={licensee}&"))?);
        }
        if let Some(owner) = self.owner {
            for dataset in rows::<DatasetRow>(home, &format!("/v1/datasets?owner={owner}&"))? {
                licences.extend(rows::<LicenceRow>(home, &format!("/v1/licences?dataset={}&", dataset.id))?);
            }
        }
        let mut requested = vec![];
        for row in licences {
            let one = requested_of(&*ledger, row.id)?;
            // A listing that is wrong passes nobody's licence off as another's.
            let is_whose = self.licensee.is_none_or(|licensee| licensee == one.licensee)
                && self.owner.is_none_or(|owner| owner == one.owner);
            if is_whose && (self.all || one.status == LicenceStatus::Requested.to_string()) {
                requested.push(one);
            }
        }
        output.result(&requested, |requested| {
            let lines = requested.iter().map(|one| {
                format!(
                    "{}\n  of data {}\n  {} ({})\n  for {}: {}\n  pays {} for {} days; answer until block {}; {}",
                    one.licence,
                    one.dataset,
                    one.name.as_deref().unwrap_or("unnamed"),
                    one.licensee,
                    one.data_use,
                    one.allowed,
                    one.price,
                    one.term_days,
                    one.deadline,
                    one.status
                )
            });
            or_none(lines.collect(), "no request for a licence")
        })
    }
}

fn requested_of(ledger: &dyn LedgerAccess, id: LicenceId) -> Result<Requested, Error> {
    let state = require_licence(ledger, id)?;
    let dataset = require_dataset(ledger, state.request.dataset)?;
    let allowed = match dataset.offer.allowed.check(&state.request.data_use) {
        Ok(()) => "within what the owner allows".into(),
        Err(error) => error.to_string(),
    };
    Ok(Requested {
        licence: id,
        dataset: state.request.dataset,
        owner: dataset.owner,
        licensee: state.licensee,
        name: ledger.researcher(state.licensee)?.map(|party| party.name).filter(|name| !name.is_empty()),
        data_use: use_in_words(&state.request.data_use),
        allowed,
        price: state.request.price.get(),
        term_days: state.request.term_days,
        deadline: state.deadline.get(),
        status: state.status.to_string(),
    })
}

/// Show who had access under a licence, and when.
#[derive(Debug, Args)]
pub struct Accesses {
    /// The licence.
    licence: LicenceId,
}

#[derive(Debug, Serialize)]
struct Shown {
    licence: LicenceId,
    licensee: AccountId,
    status: String,
    receipts: Vec<Access>,
}

impl Accesses {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let ledger = home.connect_reading()?.ledger;
        let state = require_licence(&*ledger, self.licence)?;
        let mut receipts = vec![];
        for index in (0..state.accesses).map(AccessIndex::new) {
            let missing = || Error::NotFound { what: "receipt of access", id: format!("{}/{index}", self.licence) };
            receipts.push(ledger.access(self.licence, index)?.ok_or_else(missing)?);
        }
        let status = state.status.to_string();
        let shown = Shown { licence: self.licence, licensee: state.licensee, status, receipts };
        output.result(&shown, |shown| {
            let head = format!("licence {} of {}, {}", shown.licence, shown.licensee, shown.status);
            let lines = shown.receipts.iter().map(|access| {
                let receipt = &access.receipt;
                format!("  block {}: {:?} says {:?} {}", access.height, access.party, receipt.kind, receipt.digest)
            });
            std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
        })
    }
}

fn or_none(lines: Vec<String>, none: &str) -> String {
    if lines.is_empty() { none.into() } else { lines.join("\n") }
}
