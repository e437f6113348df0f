//! The queue of the queue: bounded in number and for each sender, with room for those who run the chain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use circuits::{id::AccountId, quorum::MEMBERS_MAX};

use crate::{
    Error,
    block::{BLOCK_BYTES_MAX, BLOCK_PROOFS_MAX, BLOCK_TRANSACTIONS_MAX},
    state::StateChange,
    transaction::{Transaction, TransactionId},
};

/// Transactions that wait for a block.
pub const MEMPOOL_MAX: usize = 16_384;
/// Transactions of one sender that wait for a block.
pub const SENDER_WAITING_MAX: usize = 128;
/// Of [`MEMPOOL_MAX`], those that only committee members, the governor and validators may add: nobody crowds a key's
/// generation, a release, a suspension or a change of the consortium out.
const RESERVED: usize = 2_048;

const _: () = assert!((MEMBERS_MAX as usize + 1) * SENDER_WAITING_MAX <= RESERVED && RESERVED < MEMPOOL_MAX);

/// The waiting transactions, in order of arrival.
#[derive(Default)]
pub(crate) struct Queue {
    queue: VecDeque<Transaction>,
    ids: BTreeSet<TransactionId>,
    /// How many of each sender wait. A contribution or response has no sender: its proof costs a record's nullifier.
    senders: BTreeMap<AccountId, usize>,
    /// What the queue does to the latest state, so that a sender's next nonce counts what waits.
    pub(crate) change: StateChange,
}

const fn sender(transaction: &Transaction) -> Option<AccountId> {
    match transaction {
        Transaction::Signed(signed) => Some(signed.sender),
        Transaction::Contribute(_) | Transaction::Respond(_) => None,
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn oldest(&self) -> Option<TransactionId> {
        self.queue.front().and_then(|transaction| transaction.id().ok())
    }

    pub(crate) fn contains(&self, id: &TransactionId) -> bool {
        self.ids.contains(id)
    }

    /// Whether there is room for this transaction; `runs_the_chain` says for which senders some is reserved.
    ///
    /// # Errors
    /// [`Error::Busy`] when all room, or its sender's, is taken.
    pub(crate) fn check_room(
        &self,
        transaction: &Transaction,
        runs_the_chain: impl Fn(AccountId) -> bool,
    ) -> Result<(), Error> {
        let sender = sender(transaction);
        let waiting = sender.and_then(|account| self.senders.get(&account)).copied().unwrap_or_default();
        if waiting >= SENDER_WAITING_MAX {
            return Err(Error::Busy { whose: "of this sender", limit: SENDER_WAITING_MAX });
        }
        let reserved = if sender.is_some_and(runs_the_chain) { 0 } else { RESERVED };
        if self.queue.len() >= MEMPOOL_MAX - reserved {
            return Err(Error::Busy { whose: "of all senders", limit: MEMPOOL_MAX - reserved });
        }
        Ok(())
    }

    /// Lets a transaction wait that [`Queue::check_room`] has room for.
    pub(crate) fn push(&mut self, id: TransactionId, transaction: Transaction) {
        if let Some(account) = sender(&transaction) {
            *self.senders.entry(account).or_default() += 1;
        }
        self.ids.insert(id);
        self.queue.push_back(transaction);
    }

    /// The longest front of the queue that fits a block. A contribution or response whose proofs find no room waits, and
    /// what is behind it does not.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a transaction does not encode.
    pub(crate) fn first_fitting(&self) -> Result<Vec<Transaction>, Error> {
        let (mut bytes, mut proofs) = (0, 0);
        let mut taken = vec![];
        for transaction in &self.queue {
            if proofs + transaction.proof_count() > BLOCK_PROOFS_MAX {
                continue;
            }
            proofs += transaction.proof_count();
            bytes += transaction.to_bytes()?.len();
            if bytes > BLOCK_BYTES_MAX || taken.len() == BLOCK_TRANSACTIONS_MAX {
                break;
            }
            taken.push(transaction.clone());
        }
        Ok(taken)
    }

    /// Forgets everything and returns what waited, in order.
    pub(crate) fn take_all(&mut self) -> VecDeque<Transaction> {
        std::mem::take(self).queue
    }
}

#[cfg(test)]
mod tests {
    use borsh::BorshDeserialize as _;
    use circuits::id::{ChainId, QueryId};

    use super::*;
    use crate::{
        signature::Signature,
        transaction::{Action, Contribution, ContributionPart, SignedAction, Transfer},
        units::Amount,
    };

    fn account(number: usize) -> AccountId {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        AccountId::from_bytes(bytes)
    }

    /// Unsigned: whoever lets it wait checked the signature.
    fn transfer(sender: usize, nonce: u64) -> Transaction {
        let action = Action::Transfer(Transfer { to: account(0), amount: Amount::new(1) });
        let (chain, signature) = (ChainId::from_bytes([1; 32]), Signature::from_bytes([0; 64]));
        Transaction::Signed(SignedAction { chain, sender: account(sender), nonce, action, signature })
    }

    fn push(queue: &mut Queue, transaction: Transaction) {
        queue.push(transaction.id().unwrap(), transaction);
    }

    fn nobody(_: AccountId) -> bool {
        false
    }

    #[test]
    fn a_sender_waits_with_so_many_and_others_still_find_room() {
        let mut queue = Queue::default();
        for nonce in 0..SENDER_WAITING_MAX as u64 {
            queue.check_room(&transfer(1, nonce), nobody).unwrap();
            push(&mut queue, transfer(1, nonce));
        }
        for runs_the_chain in [false, true] {
            let refused = queue.check_room(&transfer(1, 1_000), |_| runs_the_chain).unwrap_err();
            assert!(refused.to_string().contains("128 transactions of this sender wait already"), "{refused}");
        }
        queue.check_room(&transfer(2, 0), nobody).unwrap();
    }

    #[test]
    fn strangers_leave_room_for_those_who_run_the_chain() {
        let mut queue = Queue::default();
        for number in 0..MEMPOOL_MAX - RESERVED {
            push(&mut queue, transfer(number, 0));
        }
        let member = account(MEMPOOL_MAX);
        let refused = queue.check_room(&transfer(MEMPOOL_MAX + 1, 0), |account| account == member).unwrap_err();
        assert!(refused.to_string().contains("14336 transactions of all senders"), "{refused}");
        for number in 0..RESERVED {
            queue.check_room(&transfer(MEMPOOL_MAX, 0), |account| account == member).unwrap();
            push(&mut queue, transfer(MEMPOOL_MAX + 1 + number, 0));
        }
        assert!(queue.check_room(&transfer(MEMPOOL_MAX, 0), |account| account == member).is_err());
    }

    #[test]
    fn repro_a_block_takes_so_many_proofs_however_many_contributions_bring_them() {
        const PARTS: usize = 8;
        let part = ContributionPart::deserialize_reader(&mut std::io::repeat(0)).unwrap();
        let query = QueryId::from_bytes([1; 32]);
        let mut queue = Queue::default();
        for number in 0..BLOCK_PROOFS_MAX / PARTS + 9 {
            let contribution = Contribution { query, payout: account(number), parts: vec![part.clone(); PARTS] };
            push(&mut queue, Transaction::Contribute(contribution));
        }
        push(&mut queue, transfer(1, 0));
        let taken = queue.first_fitting().unwrap();
        assert_eq!(taken.iter().map(Transaction::proof_count).sum::<usize>(), BLOCK_PROOFS_MAX);
        assert_eq!(taken.len(), BLOCK_PROOFS_MAX / PARTS + 1, "what is behind them does not wait");
    }

    #[test]
    fn what_is_taken_back_counts_no_longer() {
        let mut queue = Queue::default();
        for nonce in 0..3 {
            push(&mut queue, transfer(1, nonce));
        }
        assert_eq!((queue.len(), queue.senders.values().sum::<usize>()), (3, 3));
        assert_eq!(queue.take_all().len(), 3);
        assert_eq!((queue.len(), queue.senders.len(), queue.ids.len()), (0, 0, 0));
    }
}
