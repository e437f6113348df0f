//! The listings: one page each, in ledger order.

use circuits::id::{AccountId, DatasetId, QueryId, ScreeningId, StudyId};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::{
    page::{
        BlockRow, ContributionRow, DatasetRow, LicenceRow, Order, Page, Paging, PartyRow, PostingRow, QueryRow, Role,
        SchemaRow, ScreeningRow, Sequence, Stage, StudyRow, TransactionRow,
    },
    schema::{
        account_transactions, blocks, contributions, datasets, licences, parties, postings, queries, schemas,
        screenings, studies, transactions,
    },
    store::Index,
};
use crate::{Error, database::signed};

/// Whose queries or screenings to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Those of this study.
    Study(StudyId),
    /// Those that this account opened: a query's researcher, a screening's sponsor.
    Account(AccountId),
}

/// Which queries to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryFilter {
    /// Only those in this stage.
    pub stage: Option<Stage>,
    /// Only those of a study or a researcher.
    pub of: Option<Whose>,
}

/// Which screenings to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ScreeningFilter {
    /// Only those of a study or a sponsor.
    pub of: Option<Whose>,
    /// Only those that are neither closed nor full.
    pub open: bool,
}

/// Which licences to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LicenceFilter {
    /// Only those of this dataset.
    pub dataset: Option<DatasetId>,
    /// Only those that this account asked for.
    pub licensee: Option<AccountId>,
}

/// Turns a boxed query into one page: behind the cursor, in order, and one row more to see whether there is a next.
macro_rules! page {
    ($index:expr, $paging:expr, $column:expr, $query:expr) => {{
        let paging: &Paging = $paging;
        paging.check()?;
        let mut query = $query;
        if let Some(after) = paging.after {
            let after = signed(after.get());
            query = match paging.order {
                Order::Oldest => query.filter($column.gt(after)),
                Order::Newest => query.filter($column.lt(after)),
            };
        }
        query = match paging.order {
            Order::Oldest => query.order($column.asc()),
            Order::Newest => query.order($column.desc()),
        };
        let rows = $index.read(|connection| query.limit(signed(paging.limit as u64 + 1)).load(connection))?;
        Ok(Page::cut(rows, paging, |row| row.sequence))
    }};
}

impl Index {
    /// Blocks.
    ///
    /// # Errors
    /// [`Error::Page`] for an unsound page, [`Error::Database`] when the database fails.
    pub fn blocks(&self, paging: &Paging) -> Result<Page<BlockRow>, Error> {
        page!(self, paging, blocks::sequence, blocks::table.into_boxed())
    }

    /// Transactions that an account sent, or that paid or named it.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn account_transactions(&self, account: AccountId, paging: &Paging) -> Result<Page<TransactionRow>, Error> {
        let of_account = account_transactions::table
            .inner_join(transactions::table)
            .filter(account_transactions::account.eq(account.as_bytes().to_vec()))
            .select((transactions::sequence, transactions::id, transactions::action))
            .into_boxed();
        page!(self, paging, account_transactions::sequence, of_account)
    }

    /// Issuers or researchers, suspended ones included.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn parties(&self, role: Role, paging: &Paging) -> Result<Page<PartyRow>, Error> {
        let of_role = parties::table.filter(parties::role.eq(role.name())).into_boxed();
        page!(self, paging, parties::sequence, of_role)
    }

    /// Schemas.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn schemas(&self, paging: &Paging) -> Result<Page<SchemaRow>, Error> {
        page!(self, paging, schemas::sequence, schemas::table.into_boxed())
    }

    /// Studies, of one researcher when named.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn studies(&self, researcher: Option<AccountId>, paging: &Paging) -> Result<Page<StudyRow>, Error> {
        let mut all = studies::table.into_boxed();
        if let Some(researcher) = researcher {
            all = all.filter(studies::researcher.eq(researcher.as_bytes().to_vec()));
        }
        page!(self, paging, studies::sequence, all)
    }

    /// Queries.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn queries(&self, filter: &QueryFilter, paging: &Paging) -> Result<Page<QueryRow>, Error> {
        let mut all = queries::table.into_boxed();
        if let Some(stage) = filter.stage {
            all = all.filter(queries::stage.eq(stage.name()));
        }
        all = match filter.of {
            None => all,
            Some(Whose::Study(study)) => all.filter(queries::study.eq(study.as_bytes().to_vec())),
            Some(Whose::Account(account)) => all.filter(queries::researcher.eq(account.as_bytes().to_vec())),
        };
        page!(self, paging, queries::sequence, all)
    }

    /// What an account's money did, one side of each entry.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn postings(&self, account: AccountId, paging: &Paging) -> Result<Page<PostingRow>, Error> {
        let of_account = postings::table
            .filter(postings::account.eq(account.to_string()))
            .select((postings::place, postings::counterpart, postings::credit, postings::amount, postings::reason))
            .into_boxed();
        page!(self, paging, postings::place, of_account)
    }

    /// Contributions of a query, withdrawn ones included.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn contributions(&self, query: QueryId, paging: &Paging) -> Result<Page<ContributionRow>, Error> {
        let of_query = contributions::table.filter(contributions::query.eq(query.as_bytes().to_vec())).into_boxed();
        page!(self, paging, contributions::sequence, of_query)
    }

    /// Datasets, of one owner when named, withdrawn ones included.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn datasets(&self, owner: Option<AccountId>, paging: &Paging) -> Result<Page<DatasetRow>, Error> {
        let mut all = datasets::table.into_boxed();
        if let Some(owner) = owner {
            all = all.filter(datasets::owner.eq(owner.as_bytes().to_vec()));
        }
        page!(self, paging, datasets::sequence, all)
    }

    /// Licences in every stage.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn licences(&self, filter: &LicenceFilter, paging: &Paging) -> Result<Page<LicenceRow>, Error> {
        let mut all = licences::table.into_boxed();
        if let Some(dataset) = filter.dataset {
            all = all.filter(licences::dataset.eq(dataset.as_bytes().to_vec()));
        }
        if let Some(licensee) = filter.licensee {
            all = all.filter(licences::licensee.eq(licensee.as_bytes().to_vec()));
        }
        page!(self, paging, licences::sequence, all)
    }

    /// Screenings.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn screenings(&self, filter: &ScreeningFilter, paging: &Paging) -> Result<Page<ScreeningRow>, Error> {
        let mut all = screenings::table.into_boxed();
        if filter.open {
            all = all.filter(screenings::open.eq(true));
        }
        all = match filter.of {
            None => all,
            Some(Whose::Study(study)) => all.filter(screenings::study.eq(study.as_bytes().to_vec())),
            Some(Whose::Account(account)) => all.filter(screenings::sponsor.eq(account.as_bytes().to_vec())),
        };
        page!(self, paging, screenings::sequence, all)
    }

    /// Screenings that invited somebody.
    ///
    /// # Errors
    /// As [`Index::blocks`].
    pub fn inviting_screenings(&self, paging: &Paging) -> Result<Page<ScreeningRow>, Error> {
        page!(self, paging, screenings::sequence, screenings::table.filter(screenings::invited.eq(true)).into_boxed())
    }

    /// Where a screening opened: the place behind which a page begins for whoever names the last one by its id. `None` for one
    /// that the index does not have.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn screening_place(&self, id: ScreeningId) -> Result<Option<Sequence>, Error> {
        let place = self.read(|connection| {
            let one = screenings::table.filter(screenings::id.eq(id.as_bytes().to_vec()));
            one.select(screenings::sequence).first::<i64>(connection).optional()
        })?;
        Ok(place.map(|place| Sequence::new(place.cast_unsigned())))
    }
}
