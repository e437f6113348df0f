//! Blocks that may be the next: made, received, executed in full, and kept until one is decided.

use arc_malachitebft_app_channel::app::{
    streaming::{StreamContent, StreamMessage},
    types::{
        LocallyProposedValue, PeerId, ProposedValue,
        core::{Round, Validity},
    },
};
use tokio::{sync::oneshot, task::block_in_place};

use super::Application;
use crate::{
    Error,
    consensus::{
        assembly::Assembled,
        context::{Address, BlockId, Chain, number},
        part::{Part, ProposedBlock},
    },
    store::Undecided,
    units::{Height, Timestamp},
};

/// Whole blocks of heights after the next that are kept until their turn.
const AHEAD_MAX: usize = 8;

impl Application {
    /// Makes a block, or takes the one that was made before a crash, and streams it. Without an answer the round passes.
    pub(super) async fn propose(
        &mut self,
        height: Height,
        round: Round,
        reply: oneshot::Sender<LocallyProposedValue<Chain>>,
    ) -> Result<(), Error> {
        let proposed = block_in_place(|| self.own_block(height, round));
        let (id, bytes) = match proposed {
            Ok(proposed) => proposed,
            Err(error) if error.is_refusal() => {
                tracing::warn!(%error, %height, %round, "no block is proposed in this round");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let _ = reply.send(LocallyProposedValue::new(height, round, id));
        self.publisher.block(height, round, Round::Nil, id, &bytes).await
    }

    pub(super) fn own_block(&mut self, height: Height, round: Round) -> Result<(BlockId, Vec<u8>), Error> {
        let me = self.publisher.address();
        let made = self.ledger.undecided_of_round(height, number(round))?;
        if let Some((id, made)) = made.into_iter().find(|(_, undecided)| undecided.proposer == me.0) {
            return Ok((BlockId(id), made.block));
        }
        let proposal = self.ledger.propose(self.parts.mempool.candidates()?, self.now())?;
        let block = ProposedBlock { header: *proposal.header(), transactions: proposal.transactions().to_vec() };
        let (id, bytes) = (block.id()?, block.to_bytes()?);
        self.keep(height, round, Round::Nil, me, id, &bytes)?;
        self.judged.insert(id, proposal);
        Ok((id, bytes))
    }

    /// On disk before anybody hears of it, so that a vote for it survives a crash with the block.
    pub(super) fn keep(
        &self,
        height: Height,
        round: Round,
        valid_round: Round,
        proposer: Address,
        id: BlockId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let undecided = Undecided {
            round: number(round),
            valid_round: valid_round.as_u32(),
            proposer: proposer.0,
            block: bytes.to_vec(),
        };
        self.ledger.keep_undecided(height, id.0, &undecided)
    }

    /// The blocks of a round that were judged sound before: after a crash, or before the round began.
    pub(super) fn known_values(&mut self, height: Height, round: Round) -> Result<Vec<ProposedValue<Chain>>, Error> {
        let (now, later) = std::mem::take(&mut self.ahead)
            .into_iter()
            .partition(|assembled: &Assembled| assembled.announcement.height <= height);
        self.ahead = later;
        let mut values = vec![];
        for assembled in now {
            values.extend(self.judge(&assembled)?);
        }
        values.retain(|value| value.height == height && value.round == round);
        for (id, undecided) in self.ledger.undecided_of_round(height, number(round))? {
            if !values.iter().any(|value| value.value == BlockId(id)) {
                values.push(ProposedValue {
                    height,
                    round,
                    valid_round: undecided.valid_round.into(),
                    proposer: Address(undecided.proposer),
                    value: BlockId(id),
                    validity: Validity::Valid,
                });
            }
        }
        Ok(values)
    }

    pub(super) fn receive(
        &mut self,
        publisher: PeerId,
        message: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Chain>>, Error> {
        let message = match message.content {
            StreamContent::Data(Part::Transactions(transactions)) => {
                // What finds no room is passed on again.
                let _ = self.inbound.try_send(transactions);
                return Ok(None);
            }
            StreamContent::Data(Part::Tip(height)) => {
                self.seen = self.seen.max(height);
                return Ok(None);
            }
            content => StreamMessage { content, ..message },
        };
        let tip = self.tip()?.height;
        match self.assembly.take(publisher, message, tip, &self.validators()?) {
            Ok(Some(assembled)) if assembled.announcement.height == tip.next() => self.judge(&assembled),
            Ok(Some(assembled)) => {
                self.ahead.push(assembled);
                let surplus = self.ahead.len().saturating_sub(AHEAD_MAX);
                self.ahead.drain(..surplus);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::warn!(%error, %publisher, "a part of a block is refused");
                Ok(None)
            }
        }
    }

    /// Executes a block of the next height in full.
    pub(super) fn judge(&mut self, assembled: &Assembled) -> Result<Option<ProposedValue<Chain>>, Error> {
        let Assembled { announcement, bytes } = assembled;
        let value = |validity| ProposedValue {
            height: announcement.height,
            round: announcement.round,
            valid_round: announcement.valid_round,
            proposer: announcement.proposer,
            value: announcement.block,
            validity,
        };
        let judged = self.execute(announcement.block, announcement.height, bytes, self.now());
        match judged {
            Ok(()) => {
                let Assembled { announcement: a, bytes } = assembled;
                self.keep(a.height, a.round, a.valid_round, a.proposer, a.block, bytes)?;
                Ok(Some(value(Validity::Valid)))
            }
            Err(error) if error.is_refusal() => {
                let proposer = announcement.proposer;
                tracing::warn!(%error, %proposer, height = %announcement.height, "a proposed block is refused");
                Ok(Some(value(Validity::Invalid)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn execute(&mut self, id: BlockId, height: Height, bytes: &[u8], now: Timestamp) -> Result<(), Error> {
        if self.judged.contains_key(&id) {
            return Ok(());
        }
        let ProposedBlock { header, transactions } = ProposedBlock::from_bytes(bytes)?;
        if header.hash()? != id.0 || header.height != height {
            return Err(Error::Block { height, field: "header", why: "it is not the one announced".into() });
        }
        let proposal = self.ledger.check(header, transactions, now)?;
        self.judged.insert(id, proposal);
        Ok(())
    }
}
