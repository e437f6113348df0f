//! Blocks and transactions, with what they did.

use market::ledger::{LedgerAccess, TransactionStatus};
use node::{
    BlockEvents,
    block::Block,
    calendar::utc,
    event::Event,
    transaction::{Transaction, TransactionId},
    units::Height,
};
use serde::Serialize;

use super::{Home, Output};
use crate::{Error, event};

/// Whose word what happened is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Teller {
    /// The ledger's of this data directory.
    Ledger,
    /// A node's: blocks and transactions are proven, and what they did is not.
    Node,
}

impl Teller {
    pub(super) fn of(home: &Home) -> Self {
        if home.url().is_some() { Self::Node } else { Self::Ledger }
    }

    fn caution(self) -> Option<String> {
        (self == Self::Node).then(|| "what happened is the node's word, which no proof covers".into())
    }
}

/// A block, and what it did.
#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    block: Block,
    /// None where the ledger does not keep it.
    events: Option<BlockEvents>,
    events_told_by: Teller,
}

/// A transaction, and what became of it.
#[derive(Serialize)]
struct Followed {
    id: TransactionId,
    #[serde(flatten)]
    status: TransactionStatus,
    transaction: Option<Transaction>,
    /// What it did; none where no block holds it, or the ledger does not keep it.
    events: Option<Vec<Event>>,
    events_told_by: Teller,
}

pub(super) fn show_block(
    ledger: &dyn LedgerAccess,
    events_told_by: Teller,
    output: &Output,
    height: u64,
) -> Result<(), Error> {
    let missing = || Error::Input {
        what: "block",
        why: format!(
            "there is no block {height}; blocks are numbered from 1, and `locus ledger head` says up to which"
        ),
    };
    let height = Height::new(height);
    let block = ledger.block(height)?.ok_or_else(missing)?;
    let done = Done { block, events: ledger.events(height)?, events_told_by };
    let text = describe_block(&done)?;
    output.result(&done, |_| text)
}

fn describe_block(Done { block, events, events_told_by }: &Done) -> Result<String, Error> {
    let header = &block.header;
    let mut lines = vec![format!("block {} at {}, state {}", header.height, utc(header.time), header.state)];
    for (place, transaction) in block.transactions.iter().enumerate() {
        lines.push(format!("  {}  {}", transaction.id()?, kind(transaction)?));
        let own = events.iter().filter_map(|events| events.transactions.get(place));
        lines.extend(own.flatten().map(|event| format!("    {}", event::in_words(event).line())));
    }
    match events {
        Some(BlockEvents { end, .. }) if end.is_empty() => {}
        Some(BlockEvents { end, .. }) => {
            lines.push("  at its end".into());
            lines.extend(end.iter().map(|event| format!("    {}", event::in_words(event).line())));
        }
        None => lines.push("  what it did is not kept here".into()),
    }
    lines.extend(events_told_by.caution().filter(|_| events.is_some()));
    Ok(lines.join("\n"))
}

pub(super) fn show_transaction(
    ledger: &dyn LedgerAccess,
    events_told_by: Teller,
    output: &Output,
    id: TransactionId,
) -> Result<(), Error> {
    let status = ledger.status(id)?;
    let (block, events) = match status {
        TransactionStatus::Included { height, index } => {
            let own = |events: BlockEvents| events.transactions.into_iter().nth(index as usize);
            (ledger.block(height)?, ledger.events(height)?.and_then(own))
        }
        _ => (None, None),
    };
    let mut transaction = None;
    for one in block.into_iter().flat_map(|block| block.transactions) {
        if one.id()? == id {
            transaction = Some(one);
        }
    }
    let followed = Followed { id, status, transaction, events, events_told_by };
    let text = describe_transaction(&followed)?;
    output.result(&followed, |_| text)
}

fn describe_transaction(followed: &Followed) -> Result<String, Error> {
    let mut lines = vec![match (&followed.status, &followed.transaction) {
        (TransactionStatus::Included { height, .. }, Some(one)) => format!("in block {height}: {}", kind(one)?),
        (TransactionStatus::Included { height, .. }, None) => format!("in block {height}, which is not kept here"),
        (TransactionStatus::Pending, _) => "waits for a block".into(),
        (TransactionStatus::Refused { why }, _) => format!("refused: {why}"),
        (TransactionStatus::Unknown, _) => {
            "not known here: never sent, or dropped before a block took it, or the id of something else, which `locus \
             ledger find` says"
                .into()
        }
    }];
    let events = followed.events.iter().flatten();
    lines.extend(events.map(|event| format!("  {}", event::in_words(event).line())));
    lines.extend(followed.events_told_by.caution().filter(|_| followed.events.is_some()));
    Ok(lines.join("\n"))
}

/// What a transaction does, and by whom or to what.
fn kind(transaction: &Transaction) -> Result<String, Error> {
    let of = match transaction {
        Transaction::Contribute(contribution) => format!("to query {}", contribution.query),
        Transaction::Respond(response) => response.screening.to_string(),
        Transaction::Signed(signed) => format!("by {}", signed.sender),
    };
    Ok(format!("{} {of}", event::kind(transaction)?))
}
