//! Reading: one consistent view of state and blocks at the latest height.

use std::ops::Bound;

use borsh::BorshDeserialize;
use circuits::{
    id::{AccountId, DatasetId, Digest, Leaf, LicenceId, QueryId, SchemaId, ScreeningId, StudyId},
    schema::Schema,
};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};

use crate::{
    Error,
    authenticated::{NodeStore, StateProof, prove},
    block::{Block, Header, SignedHeader},
    block_execution::BlockEvents,
    inclusion::{TransactionProof, prove_transaction},
    light::Handover,
    state::{
        ContributionState, Dataset, LicenceState, Party, QueryState, ScreeningState, Settlement, StateChange, StateKey,
        StateRead, StateView, Study, Tip,
    },
    store::{EVENTS, HEADERS, NODES, STATE, block, failed, handovers, location, row, stored, value_at},
    transaction::{Transaction, TransactionId},
    units::{ContributionIndex, Height, LeafIndex},
};

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The chain at one height, unmoved by blocks that follow. Cheap to make; state is read through [`StateRead`].
pub struct Snapshot {
    read: ReadTransaction,
    state: Table,
    nodes: Table,
}

/// A transaction with its place in the chain and the proof that it is there.
#[derive(Debug, Clone)]
pub struct LocatedTransaction {
    /// The block's header.
    pub header: Header,
    /// The transaction.
    pub transaction: Transaction,
    /// Its inclusion under the header's transaction root.
    pub proof: TransactionProof,
}

impl Snapshot {
    pub(crate) fn new(read: ReadTransaction) -> Result<Self, Error> {
        let state = read.open_table(STATE).map_err(failed("open the state"))?;
        let nodes = read.open_table(NODES).map_err(failed("open the state nodes"))?;
        Ok(Self { read, state, nodes })
    }

    /// Where the chain stands.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when genesis wrote none.
    pub fn latest(&self) -> Result<Tip, Error> {
        self.tip()?.ok_or(Error::Corrupt { what: "state", why: "there is no tip".into() })
    }

    /// A header with its certificate; `None` beyond the tip and for genesis.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        row(&self.read, HEADERS, "header", height)
    }

    /// A block; `None` beyond the tip and for genesis.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        block(&self.read, height)
    }

    /// What a block did.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn events(&self, height: Height) -> Result<Option<BlockEvents>, Error> {
        row(&self.read, EVENTS, "events", height)
    }

    /// The blocks after a height that handed over to other validators, in order, up to
    /// [`HANDOVERS_MAX`](crate::light::HANDOVERS_MAX).
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error> {
        handovers(&self.read, after)
    }

    /// Where a transaction lies: the block and the place in it.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn location(&self, id: TransactionId) -> Result<Option<(Height, u32)>, Error> {
        location(&self.read, &id.digest())
    }

    /// A transaction with the proof that its block holds it.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn transaction(&self, id: TransactionId) -> Result<Option<LocatedTransaction>, Error> {
        let Some((height, index)) = self.location(id)? else { return Ok(None) };
        let missing = || Error::Corrupt { what: "blocks", why: format!("no transaction {index} in block {height}") };
        let block = self.block(height)?.ok_or_else(missing)?;
        let proof = prove_transaction(&block.transactions, index)?;
        let transaction = block.transactions.into_iter().nth(index as usize).ok_or_else(missing)?;
        Ok(Some(LocatedTransaction { header: block.header, transaction, proof }))
    }

    /// Proves what a key holds, or that it holds nothing, after the block at `height`.
    ///
    /// # Errors
    /// [`Error::Unknown`] beyond the tip.
    pub fn prove(&self, key: StateKey, height: Height) -> Result<StateProof, Error> {
        if height > self.latest()?.height {
            return Err(Error::Unknown { what: "block", id: height.to_string() });
        }
        prove(self, height, key)
    }

    /// Every leaf of the latest epoch's snapshot, in order: what agents sync, so that nobody asks for one path.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn leaves(&self) -> Result<Vec<Leaf>, Error> {
        let epoch = self.latest()?.epoch;
        let missing = || Error::Corrupt { what: "epochs", why: format!("no snapshot for epoch {epoch}") };
        let count = self.epoch_snapshot(epoch)?.ok_or_else(missing)?.leaves;
        let gap = |index: LeafIndex| Error::Corrupt { what: "leaves", why: format!("leaf {index} is absent") };
        (0..count).map(LeafIndex::new).map(|index| self.leaf(index)?.ok_or_else(|| gap(index))).collect()
    }

    /// The whole state, by encoded key.
    pub(crate) fn whole_state(&self) -> Result<StateChange, Error> {
        let mut state = StateChange::default();
        for row in self.state.iter().map_err(failed("read the state"))? {
            let (key, value) = row.map_err(failed("read the state"))?;
            state.insert(key.value().to_vec(), value.value().to_vec());
        }
        Ok(state)
    }

    /// The contributions of a query in the order of admission, withdrawn ones included.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a query that is not on the ledger.
    pub fn contributions(&self, id: QueryId) -> Result<Vec<ContributionState>, Error> {
        let unknown = || Error::Unknown { what: "query", id: id.to_string() };
        let gap = || Error::Corrupt { what: "contributions", why: format!("query {id} lacks one") };
        let admitted = self.query(id)?.ok_or_else(unknown)?.admitted;
        (0..admitted).map(ContributionIndex::new).map(|index| self.contribution(id, index)?.ok_or_else(gap)).collect()
    }

    /// All queries, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn queries(&self) -> Result<Vec<(QueryId, QueryState)>, Error> {
        self.scan(StateKey::Query(QueryId::from_bytes([0; 32])), |key| match key {
            StateKey::Query(id) => Some(id),
            _ => None,
        })
    }

    /// Ids of queries in order, those after one of them, up to `count`. Reads no query.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn query_ids(&self, after: Option<QueryId>, count: usize) -> Result<Vec<QueryId>, Error> {
        let from = StateKey::Query(after.unwrap_or(QueryId::from_bytes([0; 32]))).encode()?;
        let end = [from.first().copied().unwrap_or_default().saturating_add(1)];
        let start = if after.is_some() { Bound::Excluded(from.as_slice()) } else { Bound::Included(from.as_slice()) };
        let rows = self.state.range::<&[u8]>((start, Bound::Excluded(&end[..]))).map_err(failed("list state"))?;
        let mut ids = vec![];
        for row in rows.take(count) {
            let (key, _) = row.map_err(failed("list state"))?;
            if let StateKey::Query(id) = stored("state key", key.value())? {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// All studies, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn studies(&self) -> Result<Vec<(StudyId, Study)>, Error> {
        self.scan(StateKey::Study(StudyId::from_bytes([0; 32])), |key| match key {
            StateKey::Study(id) => Some(id),
            _ => None,
        })
    }

    /// All schemas, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn schemas(&self) -> Result<Vec<(SchemaId, Schema)>, Error> {
        self.scan(StateKey::Schema(SchemaId::from_bytes([0; 32])), |key| match key {
            StateKey::Schema(id) => Some(id),
            _ => None,
        })
    }

    /// All issuers, suspended ones included, by account.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn issuers(&self) -> Result<Vec<(AccountId, Party)>, Error> {
        self.scan(StateKey::Issuer(AccountId::from_bytes([0; 32])), |key| match key {
            StateKey::Issuer(account) => Some(account),
            _ => None,
        })
    }

    /// All researchers, suspended ones included, by account.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn researchers(&self) -> Result<Vec<(AccountId, Party)>, Error> {
        self.scan(StateKey::Researcher(AccountId::from_bytes([0; 32])), |key| match key {
            StateKey::Researcher(account) => Some(account),
            _ => None,
        })
    }

    /// All accounts that ever held money or signed, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn accounts(&self) -> Result<Vec<(AccountId, crate::state::Account)>, Error> {
        self.scan(StateKey::Account(AccountId::from_bytes([0; 32])), |key| match key {
            StateKey::Account(account) => Some(account),
            _ => None,
        })
    }

    /// All datasets, withdrawn ones included, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn datasets(&self) -> Result<Vec<(DatasetId, Dataset)>, Error> {
        self.scan(StateKey::Dataset(DatasetId::from_bytes([0; 32])), |key| match key {
            StateKey::Dataset(id) => Some(id),
            _ => None,
        })
    }

    /// All licences, whatever became of them, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn licences(&self) -> Result<Vec<(LicenceId, LicenceState)>, Error> {
        self.scan(StateKey::Licence(LicenceId::from_bytes([0; 32])), |key| match key {
            StateKey::Licence(id) => Some(id),
            _ => None,
        })
    }

    /// All screenings, closed ones included, by id.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn screenings(&self) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
        self.scan(StateKey::Screening(ScreeningId::from_bytes([0; 32])), |key| match key {
            StateKey::Screening(id) => Some(id),
            _ => None,
        })
    }

    /// All settlement institutions, suspended ones included, by account.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn settlements(&self) -> Result<Vec<(AccountId, Settlement)>, Error> {
        self.scan(StateKey::Settlement(AccountId::from_bytes([0; 32])), |key| match key {
            StateKey::Settlement(id) => Some(id),
            _ => None,
        })
    }

    /// At most so many screenings, closed ones included, by id, behind one or from the first on.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Corrupt`].
    pub fn screenings_after(
        &self,
        after: Option<ScreeningId>,
        most: usize,
    ) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
        let first = StateKey::Screening(after.unwrap_or(ScreeningId::from_bytes([0; 32])));
        let rows = self.rows(first, |key| match key {
            StateKey::Screening(id) => Some(id),
            _ => None,
        })?;
        let is_behind = |row: &Result<(ScreeningId, _), Error>| !row.as_ref().is_ok_and(|(id, _)| Some(*id) == after);
        rows.filter(is_behind).take(most).collect()
    }

    /// All entries of the kind of `first`, its smallest key.
    fn scan<K, T: BorshDeserialize>(
        &self,
        first: StateKey,
        id: impl Fn(StateKey) -> Option<K>,
    ) -> Result<Vec<(K, T)>, Error> {
        self.rows(first, id)?.collect()
    }

    /// The entries from `first` on that are of its kind; the first byte of a key is its kind.
    fn rows<K, T: BorshDeserialize>(
        &self,
        first: StateKey,
        id: impl Fn(StateKey) -> Option<K>,
    ) -> Result<impl Iterator<Item = Result<(K, T), Error>>, Error> {
        let start = first.encode()?;
        let kind = start.first().copied().unwrap_or_default();
        let end = [kind.saturating_add(1)];
        let range = (Bound::Included(start.as_slice()), Bound::Excluded(&end[..]));
        let rows = self.state.range::<&[u8]>(range).map_err(failed("list state"))?;
        Ok(rows.filter_map(move |row| {
            let read = || {
                let (key, value) = row.map_err(failed("list state"))?;
                let Some(id) = id(stored("state key", key.value())?) else { return Ok(None) };
                Ok(Some((id, stored("state value", value.value())?)))
            };
            read().transpose()
        }))
    }
}

impl StateView for Snapshot {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.state.get(key).map_err(failed("read state"))?;
        Ok(value.map(|value| value.value().to_vec()))
    }
}

impl NodeStore for Snapshot {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let node = self.nodes.get(key).map_err(failed("read a state node"))?;
        Ok(node.map(|node| node.value().to_vec()))
    }

    fn value(&self, position: &Digest, at: Height) -> Result<Option<Vec<u8>>, Error> {
        value_at(&self.read, position, at)
    }
}
