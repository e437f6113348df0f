//! A rebuildable index of the ledger in SQL, for listings.
//!
//! The ledger is the truth: every row follows from its blocks, in order. A block is indexed in one SQL transaction
//! together with the position, so a crash leaves the index at some block, whole. Several processes may follow their
//! ledgers into one database: whoever writes holds the position's row, and a block that is there already changes nothing.

mod append;
mod books;
mod count;
mod list;
mod page;
mod reconcile;
mod schema;
mod store;

pub use count::Counts;
pub use list::{LicenceFilter, QueryFilter, ScreeningFilter, Whose};
pub use page::{
    BlockRow, ContributionRow, DatasetRow, LicenceRow, Order, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, Page, Paging, PartyRow,
    PostingRow, QueryRow, Role, SchemaRow, ScreeningRow, Sequence, Stage, StudyRow, TransactionRow,
};
pub use reconcile::{Difference, Reconciliation};
pub use schema::TABLES;
pub use store::{Index, IndexPosition};
