//! Responding to screenings as they open, for owners who asked for it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use circuits::{eligibility::ProvingKey, id::ScreeningId};
use market::{
    ledger::{open_screenings, tip},
    recruitment::{OpenScreening, ScreeningAgent},
    wallet::Wallet,
};
use node::{screening::as_query, units::Epoch};

use super::{Means, Pace, Turn};
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

    /// Responds where it is due, and prints what is new. Looks at wallets only when a screening opens, an epoch begins or
    /// something is left to do.
    pub(super) fn look(&mut self, means: &Means, paths: &[PathBuf], output: &Output, stop: &Stop) -> Result<(), Error> {
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
        let mut is_left = false;
        for path in paths {
            for opened in &open {
                if stop.asked() {
                    return Ok(());
                }
                match self.pace.turn(path, as_query(opened.id()), now.0) {
                    Turn::Waits => {
                        is_left = true;
                        continue;
                    }
                    Turn::Over => continue,
                    Turn::Now => {}
                }
                let what = self.respond(&agent, means, path, opened);
                match what {
                    What::Failed { .. } => is_left = true,
                    _ => self.pace.decided(path, as_query(opened.id()), now.0),
                }
                let line = Line { wallet: path.display().to_string(), screening: opened.id(), what };
                if self.printed.insert(describe_response(&line)) {
                    output.result(&line, describe_response)?;
                }
            }
        }
        self.seen = (!is_left).then_some(now);
        Ok(())
    }

    fn respond(&self, agent: &ScreeningAgent<'_>, means: &Means, path: &Path, opened: &OpenScreening) -> What {
        let responded = Wallet::open(path, means.protection.clone())
            .and_then(|mut wallet| agent.proving(&self.key).respond(&mut wallet, opened, &mut rand::rng()));
        responded.map_or_else(|error| What::Failed { error: error.to_string() }, What::Done)
    }
}
