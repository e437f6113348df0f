//! Making a receipt of a screening from a ledger; it takes no key.

use std::collections::BTreeSet;

use circuits::id::ScreeningId;
use node::{
    state::{ResponseState, ScreeningState, StateKey, StateRead},
    transaction::{ScreeningResponse, Transaction, TransactionId},
    units::{Epoch, Height, ResponseIndex},
};

use super::{FORMAT, ResponseEvidence, ScreeningReceipt};
use crate::{
    Error,
    ledger::{LedgerAccess, handovers, tip},
};

/// How far the collecting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collected {
    /// Responses collected.
    pub responses: u32,
    /// Of so many.
    pub of: u32,
}

/// Collects everything that supports the count of a screening's eligible people, as of the latest block.
///
/// # Errors
/// [`Error::Ledger`] when the ledger does not know the screening, or shows no evidence of a response.
pub fn collect(ledger: &dyn LedgerAccess, id: ScreeningId) -> Result<ScreeningReceipt, Error> {
    collect_watched(ledger, id, &mut |_| ())
}

/// The same for who wants to see how far it is.
///
/// # Errors
/// As [`collect`].
pub fn collect_watched(
    ledger: &dyn LedgerAccess,
    id: ScreeningId,
    watch: &mut dyn FnMut(Collected),
) -> Result<ScreeningReceipt, Error> {
    let height = tip(ledger)?.height;
    let missing = |what, id: String| node::Error::Unknown { what, id };
    let header = ledger.header(height)?.ok_or_else(|| missing("block", height.to_string()))?;
    let screening_state = ledger.prove(height, StateKey::Screening(id))?;
    if screening_state.value.is_none() {
        return Err(missing("screening", id.to_string()).into());
    }
    let state: ScreeningState = screening_state.decode()?;
    let schema = state.screening.schema;
    let mut blocks = Blocks { ledger, latest: None };
    let mut epochs = BTreeSet::new();
    let mut responses = vec![];
    for number in 0..state.eligible {
        watch(Collected { responses: number, of: state.eligible });
        let proven = ledger.prove(height, StateKey::Response(id, ResponseIndex::new(number)))?;
        let admitted: ResponseState = proven.decode()?;
        epochs.insert(Epoch::of(admitted.height, ledger.genesis().parameters.epoch_blocks));
        let ScreeningResponse { root, proof, .. } = blocks.response(&admitted)?;
        responses.push(ResponseEvidence { state: proven, root, proof });
    }
    let epochs = epochs.into_iter().map(|epoch| ledger.prove(height, StateKey::EpochSnapshot(epoch)));
    Ok(ScreeningReceipt {
        format: FORMAT.into(),
        genesis: ledger.genesis().clone(),
        handovers: handovers(ledger, height)?,
        screening: id,
        screening_state,
        schema: ledger.schema(schema)?.ok_or_else(|| missing("schema", schema.to_string()))?,
        epochs: epochs.collect::<Result<_, _>>()?,
        responses,
        header,
    })
}

/// The responses of one block at a time. Responses come in ledger order, so each block is read once.
struct Blocks<'a> {
    ledger: &'a dyn LedgerAccess,
    latest: Option<(Height, Vec<(TransactionId, ScreeningResponse)>)>,
}

impl Blocks<'_> {
    /// A response as its agent sent it.
    fn response(&mut self, admitted: &ResponseState) -> Result<ScreeningResponse, Error> {
        let height = admitted.height;
        if self.latest.as_ref().is_none_or(|(latest, _)| *latest != height) {
            self.latest = Some((height, self.read(height)?));
        }
        let missing =
            || node::Error::Unknown { what: "transaction of response", id: admitted.transaction.digest().to_string() };
        let (_, sent) = self.latest.as_ref().ok_or_else(missing)?;
        let found = sent.iter().find(|(id, _)| *id == admitted.transaction);
        Ok(found.ok_or_else(missing)?.1.clone())
    }

    fn read(&self, height: Height) -> Result<Vec<(TransactionId, ScreeningResponse)>, Error> {
        let missing = || node::Error::Unknown { what: "block", id: height.to_string() };
        let mut sent = vec![];
        for transaction in self.ledger.block(height)?.ok_or_else(missing)?.transactions {
            let id = transaction.id()?;
            if let Transaction::Respond(response) = transaction {
                sent.push((id, response));
            }
        }
        Ok(sent)
    }
}
