//! When the next height begins: at once for work or because others began it, else with the heartbeat.

use std::time::Duration;

use arc_malachitebft_app_channel::app::{
    engine::{host::Next, util::events::Event},
    types::core::HeightParams,
};
use tokio::{sync::oneshot, time::Instant};

use super::Application;
use crate::{Error, consensus::context::Chain, units::Height};

/// Transactions that are passed on again at once when they wait for long.
const REPEATED_MAX: usize = 64;

/// How many blocks one word of a listed peer is worth: it says where it stands, and a node that was away goes on without
/// waiting for the next word. A word may be false and repeated: what it then makes are blocks that nobody needs, and
/// `block_seconds_min` alone bounds how fast.
const BELIEVED_MAX: u32 = 64;

/// The highest block that others showed, as far as it is believed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen(Height);

impl Seen {
    /// Notes that somebody is at a height.
    fn note(&mut self, height: Height, tip: Height) {
        self.0 = self.0.max(height.min(tip.after(BELIEVED_MAX)));
    }

    /// Notes a height that anybody may have named: it is worth one block.
    fn note_unverified(&mut self, height: Height, tip: Height) {
        self.0 = self.0.max(height.min(tip.next()));
    }

    /// Whether others are at the next height or beyond it.
    fn is_beyond(self, tip: Height) -> bool {
        self.0 > tip
    }
}

/// What begins a height.
pub(super) enum Begin {
    /// The first one after a start. A node without peers rests here too: it makes no block for nobody.
    First(oneshot::Sender<(Height, HeightParams<Chain>)>),
    Next(oneshot::Sender<Next<Chain>>),
}

/// A node between two heights.
pub(super) struct Idle {
    begin: Begin,
    since: Instant,
    /// Since when there is work.
    work: Option<Instant>,
}

impl Application {
    pub(super) fn is_alone(&self) -> Result<bool, Error> {
        Ok(self.validators()?.iter().count() == 1)
    }

    pub(super) fn rest(&mut self, begin: Begin) {
        let work = (self.requested || self.parts.mempool.waiting() > 0).then(Instant::now);
        self.idle = Some(Idle { begin, since: Instant::now(), work });
    }

    pub(super) fn note_work(&mut self) {
        if let Some(idle) = &mut self.idle {
            idle.work.get_or_insert_with(Instant::now);
        }
    }

    /// When the next height is to begin, as far as is known now; none while one runs.
    pub(super) fn start_time(&self) -> Result<Option<Instant>, Error> {
        let Some(&Idle { since, work, .. }) = self.idle.as_ref() else { return Ok(None) };
        let tip = self.tip()?;
        let others_began = self.seen.is_beyond(tip.height);
        let wanted = match work {
            _ if others_began => since,
            Some(work) => work + self.parts.pace.gather,
            None => since + self.parts.pace.heartbeat,
        };
        // The interval by this node's clock, and no longer than it takes: a parent that is ahead makes nobody wait more.
        let interval = Duration::from_secs(self.ledger.genesis().parameters.block_seconds_min.into());
        let wait = Duration::from_secs(self.ledger.due(&tip).get().saturating_sub(self.now().get()));
        let due = (Instant::now() + wait).min(since + interval);
        Ok(Some(wanted.max(due)))
    }

    /// Notes where a listed peer says that it is.
    pub(super) fn note_height(&mut self, height: Height) -> Result<(), Error> {
        self.seen.note(height, self.tip()?.height);
        Ok(())
    }

    pub(super) fn start_height(&mut self) -> Result<(), Error> {
        if let Some(idle) = self.idle.take() {
            self.requested = false;
            let (height, parameters) = self.next_height()?;
            match idle.begin {
                Begin::First(reply) => drop(reply.send((height, parameters))),
                Begin::Next(reply) => drop(reply.send(Next::Start(height, parameters))),
            }
        }
        Ok(())
    }

    /// A vote or proposal of the next height means that others began it. The engine tells of it before it looks whose it is
    /// and at its signature, so it counts for that height alone.
    pub(super) fn notice(&mut self, event: &Event<Chain>) -> Result<(), Error> {
        let Event::Received(message) = event else { return Ok(()) };
        self.seen.note_unverified(message.height(), self.tip()?.height);
        Ok(())
    }

    pub(super) async fn tick(&mut self) -> Result<(), Error> {
        self.follow_peers().await?;
        self.watch_peers().await?;
        self.publisher.tip(self.tip()?.height).await?;
        let oldest = self.parts.mempool.oldest();
        self.stuck = match (oldest, self.stuck) {
            (Some(oldest), Some((before, ticks))) if oldest == before => Some((oldest, ticks.saturating_add(1))),
            (oldest, _) => oldest.map(|oldest| (oldest, 0)),
        };
        // Ever more seldom, and only the first few: the others most likely have them.
        if let Some((_, ticks)) = self.stuck
            && ticks.is_power_of_two()
        {
            let mut oldest = self.parts.mempool.candidates()?;
            oldest.truncate(REPEATED_MAX);
            self.publisher.transactions(&oldest).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_a_node_that_was_away_waited_for_a_word_before_each_block_that_it_lacked() {
        let mut seen = Seen::default();
        seen.note(Height::new(1_000), Height::new(10));
        assert!((10..74).all(|tip| seen.is_beyond(Height::new(tip))));
        assert!(!seen.is_beyond(Height::new(74)), "one word is believed for ever");
        seen.note(Height::new(3), Height::new(20));
        assert!(seen.is_beyond(Height::new(73)), "who is behind takes nothing back");
    }

    #[test]
    fn a_vote_that_nobody_looked_at_yet_is_worth_one_block() {
        let mut seen = Seen::default();
        seen.note_unverified(Height::new(u64::MAX), Height::new(10));
        assert!(seen.is_beyond(Height::new(10)) && !seen.is_beyond(Height::new(11)));
    }
}
