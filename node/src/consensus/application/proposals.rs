//! Blocks that may be the next: made, received, executed in full, and kept until one is decided.

use arc_malachitebft_app_channel::app::{
    streaming::{StreamContent, StreamMessage},
    types::{
        LocallyProposedValue, PeerId, ProposedValue,
        core::{Context as _, Round, Validator as _, Validity},
    },
};
use tokio::{
    sync::{mpsc::error::TrySendError, oneshot},
    task::block_in_place,
};

use super::Application;
use crate::{
    Error,
    consensus::{
        assembly::Assembled,
        context::{Address, BlockId, Chain, Voters, number},
        part::{Announcement, Part, ProposedBlock},
        settings::is_peer,
    },
    ledger::Proposal,
    signature::Signature,
    store::Undecided,
    units::{Height, Timestamp},
};

/// Whole blocks of heights after the next that are kept until their turn.
const AHEAD_MAX: usize = 8;
/// Blocks of one round that are judged: an honest proposer makes one.
const JUDGED_OF_ROUND_MAX: usize = 2;
/// Executed blocks that are held in memory; others are executed again when they are decided.
const JUDGED_MAX: usize = 8;

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
        let mut made = self.ledger.undecided_of(height)?;
        made.retain(|(_, undecided)| undecided.round == number(round) && undecided.proposer == me.0);
        for (id, made) in made {
            if self.is_sound(BlockId(id), height, &made)? {
                return Ok((BlockId(id), made.block));
            }
        }
        let proposal = self.ledger.propose(self.parts.mempool.candidates()?, self.now())?;
        let block = ProposedBlock { header: *proposal.header(), transactions: proposal.transactions().to_vec() };
        let (id, bytes) = (block.id()?, block.to_bytes()?);
        let announcement = self.publisher.announcement(height, round, Round::Nil, id, &bytes)?;
        if !self.keep(&announcement, Some(announcement.signature), &bytes)? {
            return self.any_sound(height);
        }
        self.remember(id, proposal);
        Ok((id, bytes))
    }

    /// A block of a height that is kept and can be the next: where there is room for no other, it is proposed again.
    fn any_sound(&mut self, height: Height) -> Result<(BlockId, Vec<u8>), Error> {
        for (id, kept) in self.ledger.undecided_of(height)? {
            if self.is_sound(BlockId(id), height, &kept)? {
                return Ok((BlockId(id), kept.block));
            }
        }
        Err(Error::Refused { what: "own block", why: "its height has its share of proposed blocks".into() })
    }

    fn remember(&mut self, id: BlockId, proposal: Proposal) {
        if self.judged.len() >= JUDGED_MAX {
            self.judged.clear();
        }
        self.judged.insert(id, proposal);
    }

    /// Streams a block that others lack: in its own round as its proposer, else as its proposer announced it.
    pub(super) async fn restream(
        &mut self,
        height: Height,
        round: Round,
        valid_round: Round,
        id: BlockId,
    ) -> Result<(), Error> {
        let Some(kept) = self.ledger.undecided(height, id.0)? else { return Ok(()) };
        let voters = Voters::from(&self.validators()?);
        if *Chain.select_proposer(&voters, height, round).address() == self.publisher.address() {
            return self.publisher.block(height, round, valid_round, id, &kept.block).await;
        }
        let Some(signature) = kept.signature else { return Ok(()) };
        let announcement = Announcement {
            height,
            round: Round::new(kept.round),
            valid_round: kept.valid_round.into(),
            proposer: Address(kept.proposer),
            block: id,
            length: u32::try_from(kept.block.len()).unwrap_or(u32::MAX),
            signature,
        };
        self.publisher.announced(announcement, &kept.block).await
    }

    /// A block that was executed, on disk before anybody hears of it, so that a vote for it survives a crash with it.
    pub(super) fn keep(
        &mut self,
        announced: &Announcement,
        signature: Option<Signature>,
        bytes: &[u8],
    ) -> Result<bool, Error> {
        let undecided = Undecided {
            round: number(announced.round),
            valid_round: announced.valid_round.as_u32(),
            proposer: announced.proposer.0,
            signature,
            block: bytes.to_vec(),
        };
        let kept = self.ledger.keep_undecided(announced.height, announced.block.0, &undecided)?;
        if kept {
            self.sound.insert(announced.block);
        }
        Ok(kept)
    }

    /// Whether a kept block can be the next. This process executes it once: the file says nothing of who wrote it. One that
    /// cannot be is dropped, so that it takes no other's room.
    fn is_sound(&mut self, id: BlockId, height: Height, kept: &Undecided) -> Result<bool, Error> {
        if self.sound.contains(&id) {
            return Ok(true);
        }
        let Some(block) = decode_announced(id, height, &kept.block) else {
            self.ledger.drop_undecided(height, id.0)?;
            return Ok(false);
        };
        // It was in time when it was kept, whatever the clock says now.
        let now = self.now().max(block.header.time);
        match self.execute(id, block, now) {
            Ok(()) => Ok(self.sound.insert(id)),
            Err(error) if error.is_refusal() => {
                tracing::warn!(%error, %height, "a kept block is not the next");
                self.ledger.drop_undecided(height, id.0)?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The blocks of a height that were judged sound before: after a crash, or before the height began.
    pub(super) fn known_values(&mut self, height: Height) -> Result<Vec<ProposedValue<Chain>>, Error> {
        let (now, later) = std::mem::take(&mut self.ahead)
            .into_iter()
            .partition(|assembled: &Assembled| assembled.announcement.height <= height);
        self.ahead = later;
        let validators = self.validators()?;
        let mut values = vec![];
        for assembled in now {
            // Its turn was judged under the validators of a height before.
            if assembled.announcement.height == height && assembled.announcement.is_in_turn(&validators) {
                values.extend(self.judge(&assembled)?);
            }
        }
        for (id, kept) in self.ledger.undecided_of(height)? {
            if !values.iter().any(|value| value.value == BlockId(id)) && self.is_sound(BlockId(id), height, &kept)? {
                values.push(ProposedValue {
                    height,
                    round: Round::new(kept.round),
                    valid_round: kept.valid_round.into(),
                    proposer: Address(kept.proposer),
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
        let validators = self.validators()?;
        // A link that is not the ledger's carries nothing here, whatever the network lets through.
        if !validators.iter().any(|validator| is_peer(&publisher, &validator.peer)) {
            tracing::debug!(%publisher, "a part from a peer that the ledger does not list");
            return Ok(None);
        }
        let message = match message.content {
            StreamContent::Data(Part::Transactions(transactions)) => {
                return match self.inbound.try_send(transactions) {
                    // What finds no room is passed on again.
                    Ok(()) | Err(TrySendError::Full(_)) => Ok(None),
                    Err(TrySendError::Closed(_)) => {
                        Err(Error::Consensus { why: "nobody admits peers' transactions any more".into() })
                    }
                };
            }
            StreamContent::Data(Part::Tip(height)) => {
                self.note_height(height)?;
                return Ok(None);
            }
            content => StreamMessage { content, ..message },
        };
        let tip = self.tip()?.height;
        match self.assembly.take(publisher, message, tip, &validators) {
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

    /// Executes a block of the next height in full. What is not the block that was announced is dropped without a
    /// verdict: it says nothing about that one.
    pub(super) fn judge(&mut self, assembled: &Assembled) -> Result<Option<ProposedValue<Chain>>, Error> {
        let Assembled { announcement, bytes } = assembled;
        let Announcement { height, round, valid_round, proposer, block: id, .. } = *announcement;
        let value = |validity| Some(ProposedValue { height, round, valid_round, proposer, value: id, validity });
        let Some(block) = decode_announced(id, height, bytes) else {
            tracing::warn!(%proposer, %height, "a proposed block is not the one announced");
            return Ok(None);
        };
        if self.sound.contains(&id) {
            return Ok(value(Validity::Valid));
        }
        let mut kept = self.ledger.undecided_of(height)?;
        kept.retain(|(kept, _)| *kept != id.0 && self.sound.contains(&BlockId(*kept)));
        if kept.iter().filter(|(_, kept)| kept.round == number(round)).count() >= JUDGED_OF_ROUND_MAX {
            tracing::warn!(%proposer, %height, %round, "a round has more blocks than an honest proposer makes");
            return Ok(None);
        }
        match self.execute(id, block, self.now()) {
            Ok(()) if self.keep(announcement, Some(announcement.signature), bytes)? => Ok(value(Validity::Valid)),
            Ok(()) => Ok(None),
            Err(error) if error.is_refusal() => {
                tracing::warn!(%error, %proposer, %height, "a proposed block is refused");
                Ok(value(Validity::Invalid))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn execute(&mut self, id: BlockId, block: ProposedBlock, now: Timestamp) -> Result<(), Error> {
        if !self.judged.contains_key(&id) {
            let proposal = self.ledger.check(block.header, block.transactions, now)?;
            self.remember(id, proposal);
        }
        Ok(())
    }
}

/// The block of these bytes, if it is the one with this header.
pub(super) fn decode_announced(id: BlockId, height: Height, bytes: &[u8]) -> Option<ProposedBlock> {
    let block = ProposedBlock::from_bytes(bytes).ok()?;
    let sound = block.header.height == height && block.id().is_ok_and(|found| found == id) && block.is_whole();
    sound.then_some(block)
}
