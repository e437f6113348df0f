//! Parties that fail: a ledger that loses what is sent, or loses its answer, and a committee with members away.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use circuits::{
    contribution::{Opening, UnverifiedContribution},
    eligibility::EligibilityInstance,
    groth16::{PROOF_BYTES, ProofBytes},
    id::{AccountId, ChainId, Digest, EpochRoot, Evaluation, Leaf, Nullifier, QueryId, ScopeNullifier, ScreeningId},
};
use market::{
    Error,
    committee::access::{CommitteeAccess, KeepCiphertext, Patience, SignAggregate},
    ledger::{LedgerAccess, TransactionStatus},
    wallet::PartyKey,
};
use node::{
    StateProof,
    block::{Block, SignedHeader},
    genesis::{Committee, Genesis},
    light::Handover,
    signature::Signature,
    state::{StateKey, StateRead, StateView},
    transaction::{MemberSignature, Receipt, Transaction, TransactionId},
    units::Height,
};

/// What goes wrong with the next transactions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing can be read of its state.
    Away,
    /// They never reach the ledger.
    LostOnTheWay,
    /// They reach it, but the sender is told otherwise.
    AnswerLost,
    /// They reach it, but the sender is told that they were refused.
    AnswerRefused,
    /// The same, and what became of them is not told at all.
    RefusedUntold,
    /// They never reach the ledger, and the sender is told that they were refused.
    Refused,
    /// What became of them is not told.
    StatusRefused,
    /// Reading the block at a height fails instead.
    BlockUnread(Height),
    /// Contributions in blocks are shown without the committee's receipts.
    ReceiptsStripped,
    /// Blocks from a height on are said not to be there; header and state are the latest.
    BlocksHidden(Height),
    /// Blocks before a height are not kept, and the queries of the state are listed or left out.
    BlocksPruned { first: Height, lists: bool },
    /// Blocks before a height are said not to be kept, as long as there are faults left, and the list of queries has one
    /// that is made up and each other one twice.
    ListMadeUp(Height),
    /// Before each contribution in a block somebody else's with the same payout account.
    PayoutsCopied,
}

/// A ledger whose first `faults` submissions go wrong.
pub struct FaultyLedger<'a> {
    inner: &'a dyn LedgerAccess,
    fault: Fault,
    faults: AtomicUsize,
}

impl<'a> FaultyLedger<'a> {
    pub fn new(inner: &'a dyn LedgerAccess, fault: Fault, faults: usize) -> Self {
        Self { inner, fault, faults: AtomicUsize::new(faults) }
    }

    fn left(&self) -> bool {
        self.faults.load(Ordering::SeqCst) > 0
    }

    fn fails(&self) -> bool {
        self.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// The block as whoever orders transactions might show it.
fn without_receipts(mut block: Block) -> Block {
    for transaction in &mut block.transactions {
        if let Transaction::Contribute(contribution) = transaction {
            contribution.parts.iter_mut().for_each(|part| part.receipts.clear());
        }
    }
    block
}

/// The block as if others, with records of their own, had named its payout accounts.
fn with_copied_payouts(mut block: Block) -> Block {
    block.transactions = block.transactions.into_iter().flat_map(copied).collect();
    block
}

fn copied(transaction: Transaction) -> Vec<Transaction> {
    let Transaction::Contribute(own) = &transaction else { return vec![transaction] };
    let mut other = own.clone();
    other.parts.iter_mut().for_each(|part| part.nullifier = Nullifier::from_bytes(&[7; 32]).unwrap());
    vec![Transaction::Contribute(other), transaction]
}

fn refused() -> Error {
    node::Error::Remote { url: "http://node".into(), why: "it says no".into() }.into()
}

fn broken() -> Error {
    node::Error::Storage { what: "reach the node", why: "the connection broke".into() }.into()
}

impl StateView for FaultyLedger<'_> {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        if self.fault == Fault::Away {
            return Err(node::Error::Unreachable { url: "http://node".into(), why: "no answer".into() });
        }
        self.inner.bytes(key)
    }
}

impl LedgerAccess for FaultyLedger<'_> {
    fn genesis(&self) -> &Genesis {
        self.inner.genesis()
    }

    fn chain(&self) -> ChainId {
        self.inner.chain()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        let is_lost = matches!(self.fault, Fault::LostOnTheWay | Fault::Refused);
        let is_heard = matches!(self.fault, Fault::AnswerLost | Fault::AnswerRefused | Fault::RefusedUntold);
        let strikes = is_lost || is_heard;
        if !strikes || !self.fails() {
            return self.inner.submit(transaction);
        }
        if !is_lost {
            let id = self.inner.submit(transaction)?;
            // Its block is made although nobody hears of it.
            self.inner.status(id)?;
        }
        let is_refused = matches!(self.fault, Fault::AnswerRefused | Fault::Refused | Fault::RefusedUntold);
        Err(if is_refused { refused() } else { broken() })
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error> {
        if self.fault == Fault::RefusedUntold || self.fault == Fault::StatusRefused && self.fails() {
            return Err(refused());
        }
        self.inner.status(transaction)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        match self.fault {
            Fault::BlockUnread(unread) if unread == height && self.fails() => Err(broken()),
            Fault::BlocksHidden(first) if first <= height => Ok(None),
            Fault::BlocksPruned { first, .. } if height < first => Ok(None),
            Fault::ListMadeUp(first) if height < first && self.left() => Ok(None),
            Fault::PayoutsCopied => Ok(self.inner.block(height)?.map(with_copied_payouts)),
            Fault::ReceiptsStripped => Ok(self.inner.block(height)?.map(without_receipts)),
            _ => self.inner.block(height),
        }
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        self.inner.header(height)
    }

    fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error> {
        self.inner.handovers(after)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error> {
        self.inner.prove(height, key)
    }

    fn queries(&self) -> Result<Vec<QueryId>, Error> {
        let all = self.inner.queries()?.into_iter();
        if matches!(self.fault, Fault::ListMadeUp(_)) {
            self.fails();
            return Ok(all.flat_map(|id| [QueryId::from_bytes([7; 32]), id, id]).collect());
        }
        let is_hidden = |id: &QueryId| match self.fault {
            Fault::BlocksHidden(first) => self.inner.query(*id).unwrap().unwrap().opened >= first,
            Fault::BlocksPruned { lists, .. } => !lists,
            _ => false,
        };
        Ok(all.filter(|id| !is_hidden(id)).collect())
    }

    /// It has a list of these, and looks at no block for them.
    fn screenings(&self) -> Result<Vec<ScreeningId>, Error> {
        self.inner.screenings()
    }

    fn leaves(&self, count: u32) -> Result<Vec<Leaf>, Error> {
        self.inner.leaves(count)
    }
}

/// A committee of which only the members with these keys answer.
pub struct PartialCommittee<'a> {
    pub inner: &'a dyn CommitteeAccess,
    pub present: &'a [PartyKey],
}

impl PartialCommittee<'_> {
    fn check(&self, member: AccountId, action: &'static str) -> Result<(), Error> {
        if self.present.iter().any(|key| key.account() == member) {
            return Ok(());
        }
        Err(Error::Refused { who: format!("committee member {member}"), action, why: "it does not answer".into() })
    }
}

impl CommitteeAccess for PartialCommittee<'_> {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error> {
        self.check(member, "keep a ciphertext")?;
        self.inner.keep(member, request)
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error> {
        self.check(member, "sign an aggregate")?;
        self.inner.sign(member, request)
    }
}

/// A committee of which nobody told the agent.
pub struct UnknownCommittee;

impl CommitteeAccess for UnknownCommittee {
    fn require(&self, _: &Committee) -> Result<(), Error> {
        let why = "none of its members is known".into();
        Err(Error::Refused { who: "the committee".into(), action: "attest ciphertexts", why })
    }

    fn keep(&self, _: AccountId, _: &KeepCiphertext) -> Result<Receipt, Error> {
        panic!("a stranger is asked")
    }

    fn sign(&self, _: AccountId, _: &SignAggregate) -> Result<MemberSignature, Error> {
        panic!("a stranger is asked")
    }
}

/// A committee whose members with these keys sign with nothing.
pub struct ForgingCommittee<'a> {
    pub inner: &'a dyn CommitteeAccess,
    pub forgers: &'a [PartyKey],
}

impl CommitteeAccess for ForgingCommittee<'_> {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error> {
        let sound = self.inner.keep(member, request)?;
        let forged = Receipt { signature: Signature::from_bytes([1; 64]), ..sound };
        Ok(if self.forgers.iter().any(|key| key.account() == member) { forged } else { sound })
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error> {
        let sound = self.inner.sign(member, request)?;
        let forged = MemberSignature { signature: Signature::from_bytes([1; 64]), ..sound };
        Ok(if self.forgers.iter().any(|key| key.account() == member) { forged } else { sound })
    }
}

/// A committee of which one member answers only once nobody waits for it any more.
pub struct HangingCommittee<'a> {
    pub inner: &'a dyn CommitteeAccess,
    pub hanging: AccountId,
}

impl CommitteeAccess for HangingCommittee<'_> {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error> {
        self.inner.keep(member, request)
    }

    fn keep_within(&self, member: AccountId, request: &KeepCiphertext, patience: &Patience) -> Result<Receipt, Error> {
        if member != self.hanging {
            return self.inner.keep(member, request);
        }
        while !patience.is_over() {
            thread::yield_now();
        }
        let who = format!("committee member {member}");
        Err(Error::Refused { who, action: "keep a ciphertext", why: "nobody waits".into() })
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error> {
        self.inner.sign(member, request)
    }
}

/// A committee that notes what its members are asked to keep.
pub struct RecordingCommittee<'a> {
    pub inner: &'a dyn CommitteeAccess,
    pub asked: Mutex<Vec<KeepCiphertext>>,
}

impl CommitteeAccess for RecordingCommittee<'_> {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error> {
        self.asked.lock().unwrap().push(request.clone());
        self.inner.keep(member, request)
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error> {
        self.inner.sign(member, request)
    }
}

/// Asks to keep no bytes at all, with a proof that is none.
pub fn keep_nothing(query: QueryId) -> KeepCiphertext {
    let zero = [0; 32];
    KeepCiphertext {
        query,
        part: 0,
        instance: EligibilityInstance {
            root: EpochRoot::from_bytes(&zero).unwrap(),
            nullifier: Nullifier::from_bytes(&zero).unwrap(),
            scope_nullifier: ScopeNullifier::from_bytes(&zero).unwrap(),
            binding: Digest::from_bytes(zero),
        },
        contribution: UnverifiedContribution {
            proof: ProofBytes::new([0; PROOF_BYTES]),
            opening: Opening { c0: Evaluation::from_bytes(&zero).unwrap(), c1: Evaluation::from_bytes(&zero).unwrap() },
        },
        ciphertext: vec![],
    }
}
