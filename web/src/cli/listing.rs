//! Lists of what a ledger holds, from the index of a node or of this data directory.

use circuits::id::{AccountId, StudyId};
use clap::{Args, ValueEnum};
use market::index::{
    BlockRow, Index, Order, PAGE_ROWS_DEFAULT, Page, Paging, PartyRow, QueryFilter, QueryRow, Role, SchemaRow,
    Sequence, Stage, StudyRow, TransactionRow, Whose,
};
use node::{Ledger, calendar::utc, units::Height};
use serde::{Serialize, de::DeserializeOwned};

use super::{Home, Output, database::DatabaseOption};
use crate::{
    Error,
    api::{BLOCKS_BEHIND_MAX, Totals},
    client::Remote,
    pages::{number, words},
};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Blocks.
    Blocks,
    /// Queries, with their stages.
    Queries,
    /// Studies.
    Studies,
    /// Schemas of records.
    Schemas,
    /// Issuers that were ever accredited.
    Issuers,
    /// Researchers that were ever accredited.
    Researchers,
}

/// A list, and which part of it.
#[derive(Debug, Args)]
pub struct List {
    /// What to list.
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    part: Part,
    /// Only what this account registered or opened: for studies and queries.
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "study")]
    researcher: Option<AccountId>,
    /// Only queries of this study.
    #[arg(long, value_name = "STUDY")]
    study: Option<StudyId>,
    /// Only queries in this stage: collecting, sealed, aggregated, released or refunded.
    #[arg(long, value_name = "STAGE")]
    stage: Option<Stage>,
}

/// Which part of a list, and the database of the index that has it.
#[derive(Debug, Args)]
pub struct Part {
    /// Rows at most, the newest first; 500 are the most.
    #[arg(long, value_name = "ROWS", default_value_t = PAGE_ROWS_DEFAULT)]
    limit: usize,
    /// Go on behind this row: `next` of the part before.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    #[command(flatten)]
    database: DatabaseOption,
}

impl Part {
    /// The page of the list.
    fn paging(&self) -> Result<Paging, Error> {
        let paging = Paging { after: self.after.map(Sequence::new), limit: self.limit, order: Order::Newest };
        paging.check()?;
        Ok(paging)
    }
}

/// Where rows come from.
enum Source {
    Node(Remote),
    Own(Index),
}

impl Source {
    fn of(home: &Home, part: &Part) -> Result<Self, Error> {
        match home.url() {
            Some(url) => Ok(Self::Node(Remote::new(url)?)),
            None => Ok(Self::Own(own_index(home, &part.database, "list")?)),
        }
    }

    /// A part of a list: at the node's path for it, which ends in `?` or `&`, or as the index here has it.
    fn page<T: DeserializeOwned>(
        &self,
        (path, paging): (&str, &Paging),
        own: impl FnOnce(&Index, &Paging) -> Result<Page<T>, market::Error>,
    ) -> Result<Page<T>, Error> {
        match self {
            Self::Own(index) => Ok(own(index, paging)?),
            Self::Node(remote) => {
                let after = paging.after.map(|after| format!("&after={}", after.get())).unwrap_or_default();
                let path = format!("/v1/{path}order=newest&limit={}{after}", paging.limit);
                remote.json(&path)?.ok_or_else(|| Error::NotFound { what: "list", id: path })
            }
        }
    }
}

/// The index of this data directory, if it is in step with the ledger there: one that is far behind would list what was long
/// ago, and an empty one nothing.
///
/// # Errors
/// [`Error::Input`] where there is no ledger, a node runs on it, or the index holds no block yet or lacks more than
/// [`BLOCKS_BEHIND_MAX`], and [`Error::Market`] where the ledger lacks those.
pub(super) fn own_index(home: &Home, database: &DatabaseOption, what: &'static str) -> Result<Index, Error> {
    Ok(own_index_and_ledger(home, database, what)?.0)
}

/// The same with the ledger that it follows.
fn own_index_and_ledger(home: &Home, database: &DatabaseOption, what: &'static str) -> Result<(Index, Ledger), Error> {
    let refused = |why: String| Error::Input { what, why };
    let path = home.ledger_path();
    if !path.exists() {
        let why = format!("{} is not there to compare the index with; ask a node with --url", path.display());
        return Err(refused(why));
    }
    let genesis = home.genesis()?;
    let index = Index::open(database.open(home)?, genesis.chain_id()?)?;
    let ledger = Ledger::open(&path, genesis).map_err(|error| {
        refused(format!("{error}; where a node runs on this data directory, give its address with --url"))
    })?;
    let lacking = |what: String| {
        let remedy = "run the node once (`locus node run`), or make the index anew (`locus index rebuild`)";
        refused(format!("the index here {what}; {remedy}"))
    };
    match index.check_near(&ledger, BLOCKS_BEHIND_MAX) {
        Ok(()) if index.position()?.height == Height::default() => Err(lacking("holds no block".into())),
        Err(market::Error::IndexBehind { missing, latest }) => {
            Err(lacking(format!("has not indexed blocks {missing} to {latest}")))
        }
        checked => Ok(checked.map(|()| (index, ledger))?),
    }
}

/// Prints how much there is of everything: what a node counts, or the index and the ledger of this data directory.
pub(super) fn count(home: &Home, database: &DatabaseOption, output: &Output) -> Result<(), Error> {
    let totals = match home.url() {
        Some(url) => {
            let counted = Remote::new(url)?.json("/v1/counts")?;
            counted.ok_or_else(|| Error::NotFound { what: "counts", id: url.into() })?
        }
        None => {
            let (index, ledger) = own_index_and_ledger(home, database, "counts")?;
            Totals::of(&ledger.snapshot()?, &index)?
        }
    };
    output.result(&totals, |totals| {
        [
            format!("certified records  {}", number(totals.records)),
            format!("studies            {}", number(totals.studies)),
            format!("queries asked      {}", number(totals.queries)),
            format!("results released   {}", number(totals.released)),
            format!("transactions       {}", number(totals.transactions)),
            format!("issuers            {}", number(totals.issuers)),
            format!("researchers        {}", number(totals.researchers)),
        ]
        .join("\n")
    })
}

/// Prints a part of the transactions that an account sent, or that paid or named it.
pub(super) fn list_transactions(home: &Home, output: &Output, account: AccountId, part: &Part) -> Result<(), Error> {
    let paging = part.paging()?;
    let own = |index: &Index, paging: &Paging| index.account_transactions(account, paging);
    let page = Source::of(home, part)?.page((&format!("accounts/{account}/transactions?"), &paging), own)?;
    print(output, &page, |row: &TransactionRow| {
        format!("block {:>8}  {}  {}", row.sequence.height(), row.id, words::action(&row.action))
    })
}

/// Prints a part of a list, and in words where it goes on.
fn print<T: Serialize>(output: &Output, page: &Page<T>, line: impl Fn(&T) -> String) -> Result<(), Error> {
    output.result(page, |page| {
        let mut lines: Vec<_> = page.items.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("none".into());
        }
        lines.extend(page.next.map(|next| format!("older ones follow: --after {}", next.get())));
        lines.join("\n")
    })
}

impl List {
    /// Refuses a filter of other lists than the one asked for.
    fn check(&self) -> Result<(), Error> {
        let refused = |why: &str| Err(Error::Input { what: "list", why: why.into() });
        if self.researcher.is_some() && !matches!(self.kind, Kind::Queries | Kind::Studies) {
            return refused("--researcher is for studies and queries; leave it out, or list those");
        }
        if (self.stage.is_some() || self.study.is_some()) && self.kind != Kind::Queries {
            return refused("--stage and --study are for queries; leave them out, or list those");
        }
        Ok(())
    }

    /// The filters as addresses say them: nothing, or each with `&` behind it.
    fn address(&self) -> String {
        let researcher = self.researcher.map(|account| format!("researcher={account}&"));
        let study = self.study.map(|study| format!("study={study}&"));
        let stage = self.stage.map(|stage| format!("stage={stage}&"));
        researcher.into_iter().chain(study).chain(stage).collect()
    }

    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let paging = self.part.paging()?;
        self.check()?;
        let (source, asked) = (Source::of(home, &self.part)?, self.address());
        let party = |row: &PartyRow| {
            let suspended = if row.accredited { "" } else { "  suspended" };
            format!("{}  {}{suspended}", row.account, row.name)
        };
        match self.kind {
            Kind::Blocks => {
                let page = source.page(("blocks?", &paging), Index::blocks)?;
                let line = |row: &BlockRow| format!("block {:>8}  {}", row.sequence.height(), utc(row.time));
                print(output, &page, line)
            }
            Kind::Queries => {
                let of = self.study.map(Whose::Study).or(self.researcher.map(Whose::Account));
                let filter = QueryFilter { stage: self.stage, of };
                let own = |index: &Index, paging: &Paging| index.queries(&filter, paging);
                let page = source.page((&format!("queries?{asked}"), &paging), own)?;
                print(output, &page, |row: &QueryRow| {
                    format!("{}  {:<10}  study {}", row.id, row.stage.name(), row.study)
                })
            }
            Kind::Studies => {
                let own = |index: &Index, paging: &Paging| index.studies(self.researcher, paging);
                let page = source.page((&format!("studies?{asked}"), &paging), own)?;
                print(output, &page, |row: &StudyRow| format!("{}  {}", row.id, row.title))
            }
            Kind::Schemas => {
                let page = source.page(("schemas?", &paging), Index::schemas)?;
                print(output, &page, |row: &SchemaRow| format!("{}  {}", row.id, row.name))
            }
            Kind::Issuers => {
                let page = source.page(("issuers?", &paging), |index, paging| index.parties(Role::Issuer, paging))?;
                print(output, &page, party)
            }
            Kind::Researchers => {
                let page =
                    source.page(("researchers?", &paging), |index, paging| index.parties(Role::Researcher, paging))?;
                print(output, &page, party)
            }
        }
    }
}
