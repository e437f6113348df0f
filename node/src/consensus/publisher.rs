//! Streaming to peers.

use arc_malachitebft_app_channel::{
    NetworkMsg,
    app::{
        streaming::{StreamContent, StreamId, StreamMessage},
        types::core::Round,
    },
};
use bytes::Bytes;
use circuits::id::ChainId;
use tokio::sync::mpsc;

use super::{
    context::{Address, BlockId, Chain},
    part::{Announcement, GOSSIP_BYTES_MAX, PART_BYTES_MAX, Part},
    signing::ChainSigner,
};
use crate::{Error, signature::Signature, transaction::Transaction, units::Height};

/// One node's streams.
pub(super) struct Publisher {
    chain: ChainId,
    signer: ChainSigner,
    network: mpsc::Sender<NetworkMsg<Chain>>,
    /// Streams that were published since the start, and a number that tells this start from others.
    streams: (u64, u64),
}

impl Publisher {
    pub(super) fn new(chain: ChainId, signer: ChainSigner, network: mpsc::Sender<NetworkMsg<Chain>>) -> Self {
        Self { chain, signer, network, streams: (0, rand::random()) }
    }

    /// The validator that publishes.
    pub(super) fn address(&self) -> Address {
        Address(self.signer.signer.account())
    }

    /// Announces a block as one's own.
    ///
    /// # Errors
    /// [`Error::Refused`] when the key does not sign.
    pub(super) fn announcement(
        &self,
        height: Height,
        round: Round,
        valid_round: Round,
        block: BlockId,
        bytes: &[u8],
    ) -> Result<Announcement, Error> {
        let mut announcement = Announcement {
            height,
            round,
            valid_round,
            proposer: self.address(),
            block,
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            signature: Signature::from_bytes([0; 64]),
        };
        announcement.signature = self.signer.signer.sign(announcement.message(self.chain)?.as_bytes())?;
        Ok(announcement)
    }

    /// Streams a block as one's own.
    ///
    /// # Errors
    /// [`Error::Consensus`] when the engine is gone, and as [`Publisher::announcement`].
    pub(super) async fn block(
        &mut self,
        height: Height,
        round: Round,
        valid_round: Round,
        block: BlockId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.announced(self.announcement(height, round, valid_round, block, bytes)?, bytes).await
    }

    /// Streams a block as it was announced.
    ///
    /// # Errors
    /// [`Error::Consensus`] when the engine is gone.
    pub(super) async fn announced(&mut self, announcement: Announcement, bytes: &[u8]) -> Result<(), Error> {
        let mut parts = vec![Part::Announcement(announcement)];
        parts.extend(bytes.chunks(PART_BYTES_MAX).map(|chunk| Part::Bytes(chunk.to_vec())));
        self.stream(parts).await
    }

    /// Passes transactions on, in messages of at most [`GOSSIP_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`Publisher::block`].
    pub(super) async fn transactions(&mut self, transactions: &[Transaction]) -> Result<(), Error> {
        let (mut batch, mut bytes) = (vec![], 0);
        for transaction in transactions {
            let length = transaction.to_bytes()?.len();
            if bytes + length > GOSSIP_BYTES_MAX && !batch.is_empty() {
                self.stream(vec![Part::Transactions(std::mem::take(&mut batch))]).await?;
                bytes = 0;
            }
            bytes += length;
            batch.push(transaction.clone());
        }
        if batch.is_empty() { Ok(()) } else { self.stream(vec![Part::Transactions(batch)]).await }
    }

    /// Tells the latest block.
    ///
    /// # Errors
    /// As [`Publisher::block`].
    pub(super) async fn tip(&mut self, height: Height) -> Result<(), Error> {
        self.stream(vec![Part::Tip(height)]).await
    }

    async fn stream(&mut self, parts: Vec<Part>) -> Result<(), Error> {
        let (count, start) = &mut self.streams;
        *count += 1;
        let id = StreamId::new(Bytes::from([start.to_le_bytes(), count.to_le_bytes()].concat()));
        for (sequence, part) in (0..).zip(parts) {
            let message = StreamMessage::new(id.clone(), sequence, StreamContent::Data(part));
            let sent = self.network.send(NetworkMsg::PublishProposalPart(message)).await;
            sent.map_err(|_| Error::Consensus { why: "its network ended; see the log above".into() })?;
        }
        Ok(())
    }
}
