//! Executing a block: its transactions in order, then the end of the epoch when one is due.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::merkle::LeafTree;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    epoch::close_epoch,
    event::Event,
    execute::{Context, apply_checked},
    state::{Draft, StateChange, StateView, Tip},
    transaction::{Transaction, TransactionId, upgrade},
    units::Epoch,
};

/// What a block did.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct BlockEvents {
    /// The events of each transaction, in order.
    pub transactions: Vec<Vec<Event>>,
    /// Events of the end of the block.
    pub end: Vec<Event>,
}

/// The outcome of a block's execution, before it is stored.
pub(crate) struct Execution {
    pub(crate) change: StateChange,
    pub(crate) events: BlockEvents,
    /// The registration tree after the block, when the block closed an epoch.
    pub(crate) tree: Option<LeafTree>,
}

/// A transaction that did not enter a block, and why.
pub type RefusedTransaction = (TransactionId, Error);

/// Executes the transactions that can be, in order; all passed [`Transaction::check`]; and hands back the others with their errors.
pub(crate) fn execute_possible(
    view: &dyn StateView,
    tree: &LeafTree,
    candidates: Vec<Transaction>,
    context: &Context<'_>,
) -> Result<(Vec<Transaction>, Execution, Vec<RefusedTransaction>), Error> {
    let mut draft = Draft::new(view);
    let (mut events, mut included, mut refused) = (BlockEvents::default(), vec![], vec![]);
    for transaction in candidates {
        match apply_checked(&draft, &transaction, context) {
            Ok((change, caused)) => {
                draft.merge(change);
                events.transactions.push(caused);
                included.push(transaction);
            }
            Err(error @ (Error::Storage { .. } | Error::Corrupt { .. })) => return Err(error),
            Err(error) => refused.push((transaction.id()?, error)),
        }
    }
    Ok((included, end_block(draft, events, tree, context)?, refused))
}

/// Executes every transaction of a block; all passed [`Transaction::check`].
///
/// # Errors
/// [`Error::Block`] with the first transaction that is refused: a proposer includes none.
pub(crate) fn execute_all(
    view: &dyn StateView,
    tree: &LeafTree,
    transactions: &[Transaction],
    context: &Context<'_>,
) -> Result<Execution, Error> {
    let mut draft = Draft::new(view);
    let mut events = BlockEvents::default();
    for (index, transaction) in transactions.iter().enumerate() {
        let (change, caused) = apply_checked(&draft, transaction, context).map_err(|error| match error {
            Error::Storage { .. } | Error::Corrupt { .. } => error,
            error => {
                let why = format!("number {index} is refused: {error}");
                Error::Block { height: context.height, field: "transactions", why }
            }
        })?;
        draft.merge(change);
        events.transactions.push(caused);
    }
    end_block(draft, events, tree, context)
}

fn end_block(
    mut draft: Draft<'_>,
    mut events: BlockEvents,
    tree: &LeafTree,
    context: &Context<'_>,
) -> Result<Execution, Error> {
    let epoch_blocks = context.genesis.parameters.epoch_blocks;
    let next = Epoch::of(context.height.next(), epoch_blocks);
    let tree = if next == context.epoch {
        None
    } else {
        let (tree, event) = close_epoch(tree, &mut draft, context)?;
        events.end.push(event);
        Some(tree)
    };
    events.end.extend(upgrade(&mut draft, context.height.next())?);
    draft.put_tip(&Tip { height: context.height, time: context.time, epoch: next })?;
    Ok(Execution { change: draft.finish(), events, tree })
}
