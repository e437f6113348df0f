//! Responding to screenings as they open, for owners who asked for it.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use circuits::{eligibility::ProvingKey, groth16::side_by_side, id::ScreeningId};
use market::{
    ledger::{open_screenings, tip},
    recruitment::{OpenScreening, ScreeningAgent},
    wallet::Wallet,
};
use node::{screening::as_query, units::Epoch};

use super::{Means, Pace, Task, Turn, WALLETS_PER_THREAD};
use crate::{
    Error,
    cli::{
        Home, Output,
        screening::{Line, What, describe_response, proving_key},
    },
    stop::Stop,
};

/// What a watching agent remembers of screenings between two looks.
pub(super) struct Screenings {
    key: ProvingKey,
    /// When each response may be sent.
    pace: Pace,
    /// The epoch, and the open screenings there were, when every wallet had responded or declined.
    seen: Option<(Epoch, Vec<ScreeningId>)>,
    /// What was printed, so that nothing is printed twice.
    printed: BTreeSet<String>,
}

impl Screenings {
    /// # Errors
    /// [`Error::Input`] when the proving key is not there.
    pub(super) fn new(home: &Home, means: &Means, delay_max: Duration) -> Result<Self, Error> {
        let key = proving_key(home, means.connection.ledger.genesis())?;
        Ok(Self { key, pace: Pace::new(delay_max), seen: None, printed: BTreeSet::new() })
    }

    /// Responds where it is due, for as many wallets at a time as there are threads, and prints what is new. Looks at wallets
    /// only when a screening opens, an epoch begins or something is left to do.
    pub(super) fn look(
        &mut self,
        means: &Means,
        (paths, threads): (&[PathBuf], NonZeroUsize),
        output: &Output,
        stop: &Stop,
    ) -> Result<(), Error> {
        let (ledger, blobs) = (&*means.connection.ledger, &*means.connection.blobs);
        let now = (tip(ledger)?.epoch, ledger.open_screening_ids()?);
        if self.seen.as_ref() == Some(&now) {
            return Ok(());
        }
        let agent = ScreeningAgent { ledger, blobs };
        let ids: Vec<_> = open_screenings(ledger)?.into_iter().map(|(id, _)| id).collect();
        self.pace.retain(&ids.iter().copied().map(as_query).collect::<Vec<_>>());
        let open = ids
            .into_iter()
            .map(|id| Ok(means.introductions.of_sponsor(agent.open(id)?)))
            .collect::<Result<Vec<_>, market::Error>>()?;
        let (due, mut is_left) = self.due(paths, &open, now.0);
        for batch in due.chunks(threads.get() * WALLETS_PER_THREAD) {
            if stop.asked() {
                return Ok(());
            }
            let respond = |task: Task| respond_all(&self.key, &agent, (means, stop), &task, &open);
            let lines = side_by_side(batch.to_vec(), threads, respond)?;
            for line in lines.into_iter().flatten() {
                match line.what {
                    What::Failed { .. } => is_left = true,
                    _ => self.pace.decided(Path::new(&line.wallet), as_query(line.screening), now.0),
                }
                if self.printed.insert(describe_response(&line)) {
                    output.result(&line, describe_response)?;
                }
            }
        }
        self.seen = (!is_left).then_some(now);
        Ok(())
    }

    /// What to respond to now, and whether anything waits for its moment.
    fn due(&mut self, paths: &[PathBuf], open: &[OpenScreening], epoch: Epoch) -> (Vec<Task>, bool) {
        let (mut due, mut waits) = (vec![], false);
        for path in paths {
            let mut places = vec![];
            for (place, opened) in open.iter().enumerate() {
                match self.pace.turn(path, as_query(opened.id()), epoch) {
                    Turn::Waits => waits = true,
                    Turn::Now => places.push(place),
                    Turn::Over => {}
                }
            }
            if !places.is_empty() {
                due.push(Task { path: path.clone(), queries: places });
            }
        }
        (due, waits)
    }
}

/// What becomes of the screenings that are due for one wallet. A wallet that does not open fails alone.
fn respond_all(
    key: &ProvingKey,
    agent: &ScreeningAgent<'_>,
    (means, stop): (&Means, &Stop),
    task: &Task,
    open: &[OpenScreening],
) -> Vec<Line> {
    let mut wallet = Wallet::open(&task.path, means.protection.clone()).map_err(|error| error.to_string());
    let line = |opened: &OpenScreening| {
        let responded = match &mut wallet {
            Ok(wallet) => {
                agent.proving(key).respond(wallet, opened, &mut rand::rng()).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.clone()),
        };
        let what = responded.map_or_else(|error| What::Failed { error }, What::Done);
        Line { wallet: task.path.display().to_string(), screening: opened.id(), what }
    };
    let asked = task.queries.iter().take_while(|_| !stop.asked());
    asked.filter_map(|place| open.get(*place)).map(line).collect()
}
