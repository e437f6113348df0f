//! A rebuildable SQLite index of the ledger, for listings.
//!
//! The ledger is the truth: every row follows from its blocks, in order, so that deleting the file loses nothing. A
//! block is indexed in one SQL transaction together with the position, so a crash leaves the index at some block, whole.

mod append;
mod count;
mod list;
mod page;
mod schema;
mod store;
mod stored;

pub use count::Counts;
pub use list::QueryFilter;
pub use page::{
    BlockRow, ContributionRow, Order, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, Page, Paging, PartyRow, QueryRow, Role,
    SchemaRow, Sequence, Stage, StudyRow, TransactionRow,
};
pub use store::{Index, IndexPosition};
