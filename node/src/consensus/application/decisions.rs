//! Blocks that are final: committed, served to nodes that catch up, and taken from nodes that are ahead.

use arc_malachitebft_app_channel::app::{
    engine::host::SyncedValueOutcome,
    types::{
        ProposedValue,
        core::{CommitCertificate, ExtendedCommitCertificate, ExtendedCommitSignature, Round, Validity},
        sync::RawDecidedValue,
    },
};
use bytes::Bytes;

use super::{Application, proposals::decode_announced};
use crate::{
    Error,
    block::{Certificate, ValidatorSignature},
    consensus::{
        context::{Address, Chain, number},
        part::{Announcement, ProposedBlock},
    },
    signature::Signature,
    units::Height,
};

/// Bytes of final blocks that one answer to a node that catches up carries.
const HISTORY_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Application {
    pub(super) fn commit(&mut self, certificate: &CommitCertificate<Chain>) -> Result<(), Error> {
        let CommitCertificate { height, round, value_id, commit_signatures } = certificate;
        if !self.judged.contains_key(value_id) {
            let missing =
                || Error::Corrupt { what: "undecided blocks", why: format!("block {height} is decided and absent") };
            let kept = self.ledger.undecided(*height, value_id.0)?.ok_or_else(missing)?;
            let block = decode_announced(*value_id, *height, &kept.block).ok_or_else(missing)?;
            let time = block.header.time;
            self.execute(*value_id, block, time.max(self.now()))?;
        }
        let Some(proposal) = self.judged.remove(value_id) else { return Ok(()) };
        let mut signatures: Vec<_> = commit_signatures
            .iter()
            .map(|signed| ValidatorSignature { validator: signed.address.0, signature: signed.signature })
            .collect();
        signatures.sort_by_key(|signed| signed.validator);
        let block = self.ledger.commit(proposal, Certificate { round: number(*round), signatures })?;
        tracing::debug!(%height, transactions = block.header.transaction_count, "block committed");
        self.judged.clear();
        self.sound.clear();
        self.assembly.prune(*height);
        for (id, error) in self.parts.mempool.settle(self.now())? {
            tracing::warn!(transaction = %id, %error, "a waiting transaction was refused");
        }
        Ok(())
    }

    pub(super) fn history(&self, first: Height, last: Height) -> Result<Vec<RawDecidedValue<Chain>>, Error> {
        let (snapshot, mut values, mut bytes, mut height) = (self.ledger.snapshot()?, vec![], 0, first);
        while height <= last && bytes < HISTORY_BYTES_MAX {
            let Some(block) = snapshot.block(height)? else { break };
            let proposed = ProposedBlock { header: block.header, transactions: block.transactions };
            let (id, encoded) = (proposed.id()?, proposed.to_bytes()?);
            bytes += encoded.len();
            let signature = |signed: &ValidatorSignature| {
                ExtendedCommitSignature::new(Address(signed.validator), signed.signature, None)
            };
            let certificate = ExtendedCommitCertificate {
                height,
                round: Round::new(block.certificate.round),
                value_id: id,
                commit_signatures: block.certificate.signatures.iter().map(signature).collect(),
            };
            values.push(RawDecidedValue::new(Bytes::from(encoded), certificate));
            height = height.next();
        }
        Ok(values)
    }

    /// Judges a final block from a peer. Its certificate is the engine's to verify; its time is not held against this
    /// node's clock, which may be what was wrong.
    pub(super) fn judge_synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        bytes: &Bytes,
    ) -> Result<SyncedValueOutcome<Chain>, Error> {
        let Ok(id) = ProposedBlock::from_bytes(bytes).and_then(|block| block.id()) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        let Some(block) = decode_announced(id, height, bytes) else { return Ok(SyncedValueOutcome::PeerFault) };
        if height != self.tip()?.height.next() {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let time = block.header.time;
        match self.execute(id, block, self.now().max(time)) {
            Ok(()) => {
                let (valid_round, validity) = (Round::Nil, Validity::Valid);
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let signature = Signature::from_bytes([0; 64]);
                let announced = Announcement { height, round, valid_round, proposer, block: id, length, signature };
                // Without a signature: nobody streams it on.
                if !self.keep(&announced, None, bytes)? {
                    return Ok(SyncedValueOutcome::LocalTransientError);
                }
                let value = ProposedValue { height, round, valid_round, proposer, value: id, validity };
                Ok(SyncedValueOutcome::Verdict(value))
            }
            Err(error @ Error::Version { .. }) => Err(error),
            Err(error) if error.is_refusal() => {
                // Its bytes may be another block's than its certificate is for, and this node's own state may be what is
                // wrong: then no peer is to blame, and nothing more is built on it.
                self.check_state_once()?;
                tracing::warn!(%error, %height, "a peer's final block is refused");
                Ok(SyncedValueOutcome::PeerFault)
            }
            Err(error) => Err(error),
        }
    }

    /// Checks this node's own state, once at each height: any peer can send bytes that are refused, and between two blocks
    /// the state does not change.
    fn check_state_once(&mut self) -> Result<(), Error> {
        let height = self.tip()?.height;
        if self.checked != Some(height) {
            self.ledger.check_state()?;
            self.checked = Some(height);
        }
        Ok(())
    }
}
