//! A ledger across the network, behind the market's seam.

use circuits::id::{AccountId, ChainId, Leaf};
use market::ledger::{LedgerAccess, TransactionStatus};
use node::{
    StateProof,
    block::{BLOCK_BYTES_MAX, Block, SignedHeader},
    codec::encode,
    genesis::{Genesis, VALIDATORS_MAX},
    state::{StateKey, StateView, VALUE_BYTES_MAX},
    transaction::{Transaction, TransactionId},
    units::Height,
};

use super::Remote;
use crate::{
    Error,
    api::{Accepted, LEAVES_PAGE_MAX, LeafPage},
};

/// The largest genesis: 65,536 balances of 40 bytes, keys and validators.
const GENESIS_BYTES_MAX: usize = 8 << 20;
/// The largest header with its certificate.
const HEADER_BYTES_MAX: usize = 1_024 + VALIDATORS_MAX * 128;
/// The largest block with its certificate.
const BLOCK_REPLY_BYTES_MAX: usize = BLOCK_BYTES_MAX + HEADER_BYTES_MAX;
/// The largest state proof: a value, and 256 siblings of a few dozen bytes.
const PROOF_BYTES_MAX: usize = VALUE_BYTES_MAX + (64 << 10);
/// The largest page of leaves.
const LEAVES_BYTES_MAX: usize = 64 + LEAVES_PAGE_MAX as usize * 32;

/// A ledger that a server holds.
#[derive(Debug, Clone)]
pub struct RemoteLedger {
    remote: Remote,
    genesis: Genesis,
    chain: ChainId,
}

impl RemoteLedger {
    /// Connects and takes the chain's genesis from the server. Use this where the server is the caller's own.
    ///
    /// # Errors
    /// [`Error::Unreachable`], or [`Error::Reply`] for a genesis that is unsound.
    pub fn connect(remote: Remote) -> Result<Self, Error> {
        let genesis: Option<Genesis> = remote.value("/v1/genesis", GENESIS_BYTES_MAX)?;
        let genesis = genesis.ok_or_else(|| remote.unusable("it has no genesis"))?;
        let chain = genesis.chain_id()?;
        Ok(Self { remote, genesis, chain })
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

    fn page_of_leaves(&self, first: u32, count: u32) -> Result<LeafPage, Error> {
        let path = format!("/v1/leaves?first={first}&count={count}");
        let page: Option<LeafPage> = self.remote.value(&path, LEAVES_BYTES_MAX)?;
        page.ok_or_else(|| self.remote.unusable("it has no leaves"))
    }
}

/// A failure to reach or use the server, as the ledger's users see it.
fn failed(error: Error) -> node::Error {
    match error {
        Error::Ledger(error) => error,
        Error::Remote { url, problem } => node::Error::Remote { url, why: problem.detail },
        Error::Reply { url, why } => node::Error::Remote { url, why: format!("unusable answer: {why}") },
        Error::Unreachable { url, why } => {
            node::Error::Remote { url, why: format!("no answer ({why}); check that the server runs") }
        }
        other => node::Error::Malformed { what: "request to the server", why: other.to_string() },
    }
}

impl StateView for RemoteLedger {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        self.remote.bytes(&format!("/v1/state/{}", hex::encode(key)), VALUE_BYTES_MAX).map_err(failed)
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
        let accepted: Accepted = self.remote.post("/v1/transactions", &transaction.to_bytes()?).map_err(failed)?;
        if accepted.transaction != sent {
            return Err(failed(self.remote.unusable("it names another transaction than was sent")).into());
        }
        Ok(sent)
    }

    fn next_nonce(&self, account: AccountId) -> Result<u64, market::Error> {
        let nonce = self.remote.value(&format!("/v1/accounts/{account}/next-nonce"), 8).map_err(failed)?;
        Ok(nonce.ok_or_else(|| failed(self.remote.unusable("it knows no nonces")))?)
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, market::Error> {
        let status = self.remote.json(&format!("/v1/transactions/{transaction}")).map_err(failed)?;
        Ok(status.unwrap_or(TransactionStatus::Unknown))
    }

    fn block(&self, height: Height) -> Result<Option<Block>, market::Error> {
        let bytes = self.remote.bytes(&format!("/v1/blocks/{height}"), BLOCK_REPLY_BYTES_MAX).map_err(failed)?;
        Ok(bytes.map(|bytes| Block::from_bytes(&bytes)).transpose()?)
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, market::Error> {
        Ok(self.remote.value(&format!("/v1/blocks/{height}/header"), HEADER_BYTES_MAX).map_err(failed)?)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, market::Error> {
        let key = hex::encode(encode("state key", &key)?);
        let path = format!("/v1/state-proofs/{key}?height={height}");
        let proof = self.remote.value(&path, PROOF_BYTES_MAX).map_err(failed)?;
        Ok(proof.ok_or(node::Error::Unknown { what: "block", id: height.to_string() })?)
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
