//! When the next height begins: at once for work or because others began it, else with the heartbeat.

use std::time::Duration;

use arc_malachitebft_app_channel::app::{
    engine::{host::Next, util::events::Event},
    types::core::HeightParams,
};
use tokio::{sync::oneshot, time::Instant};

use super::Application;
use crate::{Error, consensus::context::Chain, units::Height};

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
        if self.seen > tip.height {
            return Ok(Some(Instant::now()));
        }
        let wanted = work.map_or(since + self.parts.pace.heartbeat, |work| work + self.parts.pace.gather);
        let wait = self.ledger.due(&tip).get().saturating_sub(self.now().get());
        Ok(Some(wanted.max(Instant::now() + Duration::from_secs(wait))))
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

    /// A vote or proposal of another height than this node is at means that others began it.
    pub(super) fn notice(&mut self, event: &Event<Chain>) {
        if let Event::Received(message) = event {
            self.seen = self.seen.max(message.height());
        }
    }

    pub(super) async fn tick(&mut self) -> Result<(), Error> {
        self.publisher.tip(self.tip()?.height).await?;
        let oldest = self.parts.mempool.oldest();
        if oldest.is_some() && oldest == self.stuck {
            self.publisher.transactions(&self.parts.mempool.candidates()?).await?;
        }
        self.stuck = oldest;
        Ok(())
    }
}
