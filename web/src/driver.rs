//! The background driver: makes a block when transactions wait, and one now and then when none do, no sooner than the
//! genesis lets blocks follow each other.

use std::{sync::Arc, time::Duration};

use market::index::Index;
use tokio::{select, sync::watch, task, time};

use crate::{Error, chain::Chain};

/// How often blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long the driver gathers transactions after the first, so that they share a block's disk write.
    pub gather: Duration,
    /// How long no transaction waits before an empty block is made, which moves time, deadlines and epochs on.
    pub heartbeat: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { gather: Duration::from_millis(20), heartbeat: Duration::from_secs(5) }
    }
}

/// How often the driver looks whether the interval between blocks has passed.
const DUE_POLL_TIME: Duration = Duration::from_millis(20);

/// Makes blocks and follows them in the index until told to stop. A failure is logged and tried again with the next
/// block: nothing is lost, since the ledger stores each block whole.
pub(crate) async fn drive(chain: Arc<Chain>, index: Arc<Index>, pace: Pace, mut stop: watch::Receiver<bool>) {
    loop {
        select! {
            () = chain.work.notified() => time::sleep(pace.gather).await,
            () = time::sleep(pace.heartbeat) => {}
            () = stopped(&mut stop) => return,
        }
        select! {
            () = until_due(&chain) => {}
            () = stopped(&mut stop) => return,
        }
        let (chain_now, index_now) = (Arc::clone(&chain), Arc::clone(&index));
        match task::spawn_blocking(move || step(&chain_now, &index_now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "no block was made"),
            Err(error) => tracing::error!(%error, "the block driver stumbled"),
        }
        if chain.waiting() > 0 {
            chain.work.notify_one();
        }
    }
}

/// Returns once the next block may be made, or after the whole interval: a clock that is behind then shows as an error.
async fn until_due(chain: &Chain) {
    let interval = chain.ledger().genesis().parameters.block_seconds_min;
    let patience = time::Instant::now() + Duration::from_secs(u64::from(interval) + 1);
    while !chain.is_due() && time::Instant::now() < patience {
        time::sleep(DUE_POLL_TIME).await;
    }
}

fn step(chain: &Chain, index: &Index) -> Result<(), Error> {
    let produced = chain.produce()?;
    let header = &produced.block.header;
    tracing::debug!(height = %header.height, transactions = header.transaction_count, "block made");
    index.follow(chain.ledger())?;
    Ok(())
}

/// Returns once a stop is asked for, or once nobody can ask any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stopped| *stopped).await);
}
