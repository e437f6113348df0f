//! A ledger across the network, behind the market's seam.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use circuits::id::{ChainId, Digest, Leaf, QueryId, ScreeningId};
use market::{
    index::ScreeningFilter,
    ledger::{LedgerAccess, TransactionStatus},
};
use node::{
    BlockEvents, StateProof,
    block::{BLOCK_BYTES_MAX, Block, SignedHeader},
    codec::decode,
    genesis::Genesis,
    light::{HANDOVERS_MAX, Handover, LightClient},
    state::{ResponseState, StateKey, StateView, VALUE_BYTES_MAX},
    transaction::{EVIDENCE_BYTES_MAX, Transaction, TransactionId},
    units::{Height, ResponseIndex},
    validator::{ADDRESS_BYTES_MAX, VALIDATORS_MAX},
};

use super::Remote;
use crate::{
    Error,
    api::{Accepted, IncludedTransaction, KEY_BYTES_MAX, LEAVES_PAGE_MAX, LeafPage, ProvenState},
};

/// The largest genesis: 65,536 balances of 40 bytes, keys and validators.
const GENESIS_BYTES_MAX: usize = 8 << 20;
/// The largest header with its certificate.
pub(super) const HEADER_BYTES_MAX: usize = 1_024 + VALIDATORS_MAX * 128;
/// The largest block with its certificate.
const BLOCK_REPLY_BYTES_MAX: usize = BLOCK_BYTES_MAX + HEADER_BYTES_MAX;
/// The most that a block did, as ledgers keep it.
const EVENTS_BYTES_MAX: usize = 4 * BLOCK_BYTES_MAX;
/// The largest state proof: a value, and 256 siblings of a few dozen bytes.
const PROOF_BYTES_MAX: usize = VALUE_BYTES_MAX + HEADER_BYTES_MAX + (64 << 10);
/// The largest transaction with its header and proof.
const INCLUDED_BYTES_MAX: usize = EVIDENCE_BYTES_MAX + HEADER_BYTES_MAX + 4_096;
/// The largest page of leaves.
const LEAVES_BYTES_MAX: usize = 64 + LEAVES_PAGE_MAX as usize * 32;

/// The largest page of handovers: headers, and proofs of who validates.
const HANDOVERS_BYTES_MAX: usize =
    HANDOVERS_MAX * (HEADER_BYTES_MAX + VALIDATORS_MAX * (ADDRESS_BYTES_MAX + 128) + (64 << 10));

/// A ledger that a server holds. The server is not believed: every value read is proven under a header that the
/// validators of its height signed, whom a light client follows from the genesis, and the chain never goes back. What remains is that it may withhold the latest blocks.
#[derive(Debug, Clone)]
pub struct RemoteLedger {
    remote: Remote,
    genesis: Genesis,
    chain: ChainId,
    /// The highest block that a verified header showed.
    seen: Arc<AtomicU64>,
    validators: Arc<Mutex<LightClient>>,
}

impl RemoteLedger {
    /// Connects and takes the chain's genesis from the server: trust on first use. Keep [`LedgerAccess::chain`] and
    /// insist on it afterwards with [`RemoteLedger::connect_to`].
    ///
    /// # Errors
    /// [`Error::Unreachable`], or [`Error::Reply`] for a genesis that is unsound.
    pub fn connect(remote: Remote) -> Result<Self, Error> {
        let genesis: Option<Genesis> = remote.value("/v1/genesis", GENESIS_BYTES_MAX)?;
        let genesis = genesis.ok_or_else(|| remote.unusable("it has no genesis"))?;
        let chain = genesis.chain_id()?;
        let validators = Arc::new(Mutex::new(LightClient::new(&genesis)?));
        Ok(Self { remote, genesis, chain, seen: Arc::default(), validators })
    }

    /// Connects and insists on a chain, as anyone must who does not run the server.
    ///
    /// # Errors
    /// As [`RemoteLedger::connect`], and [`Error::Ledger`] when the server holds another chain.
    pub fn connect_to(remote: Remote, expected: ChainId) -> Result<Self, Error> {
        let ledger = Self::connect(remote)?;
        if ledger.chain != expected {
            return Err(node::Error::ForeignChain { what: "server", found: ledger.chain, expected }.into());
        }
        Ok(ledger)
    }

    /// The server.
    #[must_use]
    pub const fn remote(&self) -> &Remote {
        &self.remote
    }

    /// A header that the validators of its height signed, at the height asked for. A header by unknown validators is
    /// believed once the server proved the handovers to them.
    pub(super) fn verified(&self, header: SignedHeader, height: Option<Height>) -> Result<SignedHeader, node::Error> {
        // Asked for with nothing locked: who else verifies does not wait for this server.
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = validators.verify(&header) {
            if !matches!(error, node::Error::Block { field: "validators", .. }) {
                return Err(error);
            }
            for handover in self.handovers_after(validators.since())? {
                validators.follow(&handover)?;
            }
            validators.verify(&header)?;
            let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
            if known.since() < validators.since() {
                *known = validators;
            }
        }
        let found = header.header.height;
        if height.is_some_and(|asked| asked != found) {
            return Err(self.disbelieved(format!("it sent block {found}, not the one asked for")));
        }
        self.seen.fetch_max(found.get(), Ordering::Relaxed);
        Ok(header)
    }

    /// The value of a key after a block, or after the latest, with its proof checked.
    fn proven(&self, key: StateKey, height: Option<Height>) -> Result<Option<StateProof>, node::Error> {
        let seen = self.seen();
        let at = height.map(|height| format!("?height={height}")).unwrap_or_default();
        let path = format!("/v1/state-proofs/{}{at}", hex::encode(key.encode()?));
        let proven: Option<ProvenState> = self.remote.value(&path, PROOF_BYTES_MAX).map_err(failed)?;
        let Some(ProvenState { header, proof }) = proven else { return Ok(None) };
        if proof.key != key {
            return Err(self.disbelieved("it proved another key than was asked for"));
        }
        let (found, root) = match header {
            Some(header) => {
                let header = self.verified(header, height)?.header;
                (header.height, header.state)
            }
            None => (Height::default(), self.genesis_root()?),
        };
        if height.is_none() {
            self.check_advances(seen, found)?;
        }
        proof.verify(root)?;
        Ok(Some(proof))
    }

    /// The highest block that a verified header showed.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Refuses a latest state that is older than one seen before it was asked for.
    pub(super) fn check_advances(&self, seen: u64, found: Height) -> Result<(), node::Error> {
        if found.get() < seen {
            return Err(self.disbelieved(format!("it went back from block {seen} to block {found}")));
        }
        Ok(())
    }

    /// The root of the state that the genesis gives: no header carries it.
    fn genesis_root(&self) -> Result<Digest, node::Error> {
        node::genesis_root(&self.genesis)
    }

    /// Checks that a block holds a transaction where the server says.
    fn check_included(&self, id: TransactionId, height: Height, index: u32) -> Result<(), node::Error> {
        let path = format!("/v1/transactions/{id}/proof");
        let included: Option<IncludedTransaction> = self.remote.value(&path, INCLUDED_BYTES_MAX).map_err(failed)?;
        let included = included.ok_or_else(|| self.disbelieved("it cannot prove that a block holds a transaction"))?;
        let header = self.verified(included.header, Some(height))?.header;
        if included.proof.index != index || included.transaction.id()? != id {
            return Err(self.disbelieved("it proved another transaction than was asked for"));
        }
        included.proof.verify(&header, id)
    }

    fn handovers_after(&self, after: Height) -> Result<Vec<Handover>, node::Error> {
        let found: Option<Vec<Handover>> =
            self.remote.value(&format!("/v1/handovers?after={after}"), HANDOVERS_BYTES_MAX).map_err(failed)?;
        found.ok_or_else(|| self.disbelieved("it has no handovers"))
    }

    pub(super) fn disbelieved(&self, why: impl Into<String>) -> node::Error {
        failed(self.remote.unusable(why))
    }

    fn page_of_leaves(&self, first: u32, count: u32) -> Result<LeafPage, Error> {
        let path = format!("/v1/leaves?first={first}&count={count}");
        let page: Option<LeafPage> = self.remote.value(&path, LEAVES_BYTES_MAX)?;
        page.ok_or_else(|| self.remote.unusable("it has no leaves"))
    }
}

/// A failure to reach or use the server, as the ledger's users see it.
pub(super) fn failed(error: Error) -> node::Error {
    match error {
        Error::Ledger(error) => error,
        Error::Remote { url, problem } => node::Error::Unreachable { url, why: problem.detail },
        Error::Reply { url, why } => {
            node::Error::Unreachable { url, why: format!("unusable answer: {why}; use another node") }
        }
        Error::Unreachable { url, why } => {
            node::Error::Unreachable { url, why: format!("no answer ({why}); check that the server runs") }
        }
        other => node::Error::Malformed { what: "request to the server", why: other.to_string() },
    }
}

/// A failure to submit: a refusal in the server's words, when it is one for certain.
fn refused(error: Error) -> node::Error {
    match error {
        Error::Remote { url, problem } if (400..500).contains(&problem.status) => {
            node::Error::Remote { url, why: problem.detail }
        }
        other => failed(other),
    }
}

impl StateView for RemoteLedger {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        let key = decode("state key", key, KEY_BYTES_MAX)?;
        let unanswered = || self.disbelieved("it has no state");
        Ok(self.proven(key, None)?.ok_or_else(unanswered)?.value)
    }
}

impl LedgerAccess for RemoteLedger {
    fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    fn chain(&self) -> ChainId {
        self.chain
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, market::Error> {
        let sent = transaction.id()?;
        let accepted: Accepted = self.remote.post("/v1/transactions", &transaction.to_bytes()?).map_err(refused)?;
        if accepted.transaction != sent {
            return Err(failed(self.remote.unusable("it names another transaction than was sent")).into());
        }
        Ok(sent)
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, market::Error> {
        let status = self.remote.json(&format!("/v1/transactions/{transaction}")).map_err(failed)?;
        let status = status.unwrap_or(TransactionStatus::Unknown);
        if let TransactionStatus::Included { height, index } = status {
            self.check_included(transaction, height, index)?;
        }
        Ok(status)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, market::Error> {
        let bytes = self.remote.bytes(&format!("/v1/blocks/{height}"), BLOCK_REPLY_BYTES_MAX).map_err(failed)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let block = Block::from_bytes(&bytes)?;
        self.verified(block.signed_header(), Some(height))?;
        block.check_transactions()?;
        Ok(Some(block))
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, market::Error> {
        let header = self.remote.value(&format!("/v1/blocks/{height}/header"), HEADER_BYTES_MAX).map_err(failed)?;
        Ok(header.map(|header| self.verified(header, Some(height))).transpose()?)
    }

    fn events(&self, height: Height) -> Result<Option<BlockEvents>, market::Error> {
        let Some(SignedHeader { header, .. }) = self.header(height)? else { return Ok(None) };
        let path = format!("/v1/blocks/{height}/events");
        let events: Option<BlockEvents> = self.remote.value(&path, EVENTS_BYTES_MAX).map_err(failed)?;
        match events {
            Some(events) if events.transactions.len() != header.transaction_count as usize => {
                Err(self.disbelieved("it tells what another number of transactions did than the block has").into())
            }
            events => Ok(events),
        }
    }

    fn handovers(&self, after: Height) -> Result<Vec<Handover>, market::Error> {
        Ok(self.handovers_after(after)?)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, market::Error> {
        let proof = self.proven(key, Some(height))?;
        Ok(proof.ok_or(node::Error::Unknown { what: "block", id: height.to_string() })?)
    }

    fn screenings(&self) -> Result<Vec<ScreeningId>, market::Error> {
        Ok(self.listed_screenings()?)
    }

    fn open_screening_ids(&self) -> Result<Vec<ScreeningId>, market::Error> {
        Ok(self.listed_open_screenings()?)
    }

    fn filtered_screening_ids(&self, filter: &ScreeningFilter) -> Result<Vec<ScreeningId>, market::Error> {
        Ok(self.filtered_listed_screenings(filter)?)
    }

    fn latest_screenings(&self, wanted: usize) -> Result<Vec<ScreeningId>, market::Error> {
        Ok(self.latest_listed_screenings(wanted)?)
    }

    fn queries(&self) -> Result<Vec<QueryId>, market::Error> {
        Ok(self.listed_queries()?)
    }

    fn responses(
        &self,
        id: ScreeningId,
        first: ResponseIndex,
        count: u32,
    ) -> Result<Vec<ResponseState>, market::Error> {
        Ok(self.proven_responses(id, first, count)?)
    }

    fn leaves(&self, count: u32) -> Result<Vec<Leaf>, market::Error> {
        let mut leaves: Vec<Leaf> = vec![];
        loop {
            let first = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
            let wanted = count.saturating_sub(first).min(LEAVES_PAGE_MAX);
            if wanted == 0 {
                return Ok(leaves);
            }
            let page = self.page_of_leaves(first, wanted).map_err(failed)?;
            if page.leaves.is_empty() || page.leaves.len() > wanted as usize || page.first.get() != first {
                return Err(failed(self.remote.unusable("it sent other leaves than were asked for")).into());
            }
            leaves.extend(page.leaves);
        }
    }
}
