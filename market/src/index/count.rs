//! How much there is of everything.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::{
    page::{Role, Stage},
    schema::{parties, queries, studies, transactions},
    store::Index,
};
use crate::Error;

/// Rows of the listings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Transactions in blocks.
    pub transactions: u64,
    /// Issuers accredited now.
    pub issuers: u64,
    /// Researchers accredited now.
    pub researchers: u64,
    /// Registered studies.
    pub studies: u64,
    /// Queries in each stage, in the order of [`Stage::ALL`].
    pub queries: Vec<(Stage, u64)>,
}

impl Counts {
    /// Queries in a stage.
    #[must_use]
    pub fn queries_in(&self, stage: Stage) -> u64 {
        self.queries.iter().filter(|(other, _)| *other == stage).map(|(_, count)| count).sum()
    }
}

impl Index {
    /// Counts the rows of the listings.
    ///
    /// # Errors
    /// [`Error::Index`] when the database fails.
    pub fn counts(&self) -> Result<Counts, Error> {
        let unsigned = |count: i64| u64::try_from(count).unwrap_or_default();
        self.read(|connection| {
            let mut accredited = |role: Role| {
                let of_role = parties::table.filter(parties::role.eq(role.name())).filter(parties::accredited.eq(true));
                of_role.count().get_result(connection).map(unsigned)
            };
            let (issuers, researchers) = (accredited(Role::Issuer)?, accredited(Role::Researcher)?);
            let mut queries_in = vec![];
            for stage in Stage::ALL {
                let in_stage = queries::table.filter(queries::stage.eq(stage.name()));
                queries_in.push((*stage, unsigned(in_stage.count().get_result(connection)?)));
            }
            Ok(Counts {
                transactions: unsigned(transactions::table.count().get_result(connection)?),
                issuers,
                researchers,
                studies: unsigned(studies::table.count().get_result(connection)?),
                queries: queries_in,
            })
        })
    }
}
