//! `locus result`.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    id::QueryId,
    privacy::{DELTA, Epsilon, Rho},
};
use clap::Args;
use market::{
    ledger::{LedgerAccess, require_query},
    objects::BlobAccess,
    query::schema_and_panel,
    receipt,
    researcher::{decrypt, handed_out},
    statistics::{accounting, analysis::Analysis},
    wallet::Role,
};
use node::state::{Odometer, QueryState, QueryStatus, StateRead, committee_of};
use serde::Serialize;

use super::{
    Home, Output,
    analysis::{self, AnalysisOptions},
    session::write_private_file,
};
use crate::{Error, reading::Reading};

/// How long to wait for the components of a released query.
const COMPONENTS_TIME_MAX: Duration = Duration::from_secs(60);
/// How often to look for them.
const POLL_TIME: Duration = Duration::from_millis(200);

/// Decrypt a released query's result with the researcher's key, and write its receipt.
#[derive(Debug, Args)]
pub struct ResultCommand {
    /// The query's id.
    query: QueryId,
    /// The researcher's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the receipt.
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    #[command(flatten)]
    analysis: AnalysisOptions,
}

/// The decrypted sums and what they say.
#[derive(Debug, Serialize)]
struct Decrypted {
    query: QueryId,
    /// The statistics of each measure.
    analyses: Vec<Analysis>,
    /// What protects the cohort, in words.
    notes: Vec<String>,
    /// What the query spent; none for an exact one.
    privacy: Option<Spent>,
    slots: Vec<Vec<i32>>,
    /// Tables and figures.
    written: Vec<PathBuf>,
    /// Figures that there are none of, and why.
    undrawn: Vec<String>,
    receipt: PathBuf,
}

/// What a private query spent, and what its study and its researcher have spent with it.
#[derive(Debug, Serialize)]
struct Spent {
    epsilon_milli: Epsilon,
    delta: f64,
    rho_billionths: Rho,
    /// The least ε at δ that this ρ keeps, by the tighter conversion of opendp.
    epsilon_tight: Option<f64>,
    study: Odometer,
    researcher: Odometer,
}

fn spent(ledger: &dyn LedgerAccess, state: &QueryState) -> Result<Option<Spent>, Error> {
    let Some(rho) = state.query.rho() else { return Ok(None) };
    Ok(Some(Spent {
        epsilon_milli: rho.epsilon(),
        delta: DELTA,
        rho_billionths: rho,
        epsilon_tight: accounting::tight_epsilon(rho),
        study: ledger.study_odometer(state.query.study)?.unwrap_or_default(),
        researcher: ledger.researcher_odometer(state.researcher)?.unwrap_or_default(),
    }))
}

/// Waits for the components, which members hand out only once they see the release.
fn await_components(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    query: QueryId,
    output: &Output,
) -> Result<(), Error> {
    // Any other status is refused by the decryption, with its reason.
    let QueryStatus::Released { components, .. } = require_query(ledger, query)?.status else { return Ok(()) };
    let started = Instant::now();
    while !handed_out(blobs, &components)? {
        if started.elapsed() > COMPONENTS_TIME_MAX {
            let why = "members have not handed out every component; see that enough of them run, then try again";
            return Err(Error::Input { what: "result", why: why.into() });
        }
        if started.elapsed() < POLL_TIME {
            output.say("waiting for members to hand out their components");
        }
        thread::sleep(POLL_TIME);
    }
    Ok(())
}

impl ResultCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let key = home.key(&self.key, Role::Researcher)?;
        let weights = self.analysis.read_weights()?;
        let connection = home.connect()?;
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        await_components(ledger, blobs, self.query, output)?;
        let result = decrypt(ledger, blobs, &key, self.query)?;
        let receipt = receipt::collect(ledger, blobs, self.query, result.components(), result.slots())?;
        write_private_file("receipt", &self.receipt, receipt.to_json()?.as_bytes())?;
        let state = require_query(ledger, self.query)?;
        let (schema, panel) = schema_and_panel(ledger, blobs, state.query.schema)?;
        if panel.is_none() {
            output.say("nobody has stored the schema's panel; variants cannot be named or analysed");
        }
        let quorum = &committee_of(ledger, state.committee)?.quorum;
        let reading = Reading { id: self.query, state: &state, quorum, schema: &schema, panel: panel.as_ref() };
        let analyses = self.analysis.analyses(reading, result.slots(), weights.as_ref())?;
        let notes = reading.notes();
        let undrawn = if self.analysis.draws() { analysis::undrawn(&analyses) } else { vec![] };
        let written = self.analysis.write(&analyses, &notes)?;
        let decrypted = Decrypted {
            query: self.query,
            analyses,
            notes,
            privacy: spent(ledger, &state)?,
            slots: result.slots().to_vec(),
            written,
            undrawn,
            receipt: self.receipt,
        };
        output.result(&decrypted, describe)
    }
}

fn describe(decrypted: &Decrypted) -> String {
    let mut lines = analysis::describe_analyses(&decrypted.analyses);
    lines.extend(decrypted.notes.iter().cloned());
    if let Some(Spent { study, researcher, .. }) = &decrypted.privacy {
        let [study, researcher] = [study, researcher].map(|odometer| odometer.rho.epsilon());
        lines.push(format!("spent so far: study ε = {study}, researcher ε = {researcher}"));
    }
    lines.extend(decrypted.undrawn.iter().cloned());
    lines.extend(decrypted.written.iter().map(|path| format!("wrote {}", path.display())));
    lines.push(format!("receipt: {}", decrypted.receipt.display()));
    lines.join("\n")
}
