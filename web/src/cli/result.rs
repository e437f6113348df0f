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
    Connection, Home, Output,
    analysis::{self, AnalysisOptions},
    session::{read_json, write_private_file},
};
use crate::{
    Error,
    reading::{Reading, ResultFile},
};

/// How long to wait for the components of a released query.
const COMPONENTS_TIME_MAX: Duration = Duration::from_secs(60);
/// How often to look for them.
const POLL_TIME: Duration = Duration::from_millis(200);

/// Decrypt a released query's result with the researcher's key, and write its receipt; or read one that is decrypted, from its
/// file, without a key.
#[derive(Debug, Args)]
pub struct ResultCommand {
    /// The query's id.
    #[arg(required_unless_present = "from")]
    query: Option<QueryId>,
    /// The researcher's key file.
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    key: Option<PathBuf>,
    /// Where to write the receipt.
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    receipt: Option<PathBuf>,
    /// Take the sums from a receipt, or from what `locus result --json` printed, and read them as the page /results does. It
    /// does not check them: `locus verify` checks a receipt.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "key", "receipt"])]
    from: Option<PathBuf>,
    #[command(flatten)]
    analysis: AnalysisOptions,
}

/// What is not known of sums that a file brought.
const UNCHECKED: &str = "These are the numbers of the file. Whether they are true, its receipt shows: locus verify";

/// The sums and what they say.
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
    /// What nobody checked of sums that came from a file; none of what was decrypted here.
    unchecked: Option<&'static str>,
    /// The receipt that was written; none where the sums came from a file.
    receipt: Option<PathBuf>,
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
        let weights = self.analysis.read_weights()?;
        let (connection, sums) = match &self.from {
            Some(path) => (home.connect_reading()?, read_json("result", path)?),
            None => self.decrypted(home, output)?,
        };
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        let state = sums.released(ledger).map_err(as_input)?;
        let (schema, panel) = schema_and_panel(ledger, blobs, state.query.schema)?;
        if panel.is_none() {
            output.say("nobody has stored the schema's panel; variants cannot be named or analysed");
        }
        let quorum = &committee_of(ledger, state.committee)?.quorum;
        let reading = Reading { id: sums.query, state: &state, quorum, schema: &schema, panel: panel.as_ref() };
        let analyses = self.analysis.analyses(reading, &sums.slots, weights.as_ref())?;
        let notes = reading.notes();
        let undrawn = if self.analysis.draws() { analysis::undrawn(&analyses) } else { vec![] };
        let written = self.analysis.write(&analyses, &notes)?;
        let decrypted = Decrypted {
            query: sums.query,
            analyses,
            notes,
            privacy: spent(ledger, &state)?,
            slots: sums.slots,
            written,
            undrawn,
            unchecked: self.from.as_ref().map(|_| UNCHECKED),
            receipt: self.receipt,
        };
        output.result(&decrypted, describe)
    }

    /// The sums, decrypted with the researcher's key; their receipt is written.
    fn decrypted(&self, home: &Home, output: &Output) -> Result<(Connection, ResultFile), Error> {
        let (Some(query), Some(key), Some(path)) = (self.query, &self.key, &self.receipt) else {
            let why = "give the query's id, --key and --receipt; or --from with a receipt or a result's file".into();
            return Err(Error::Input { what: "result", why });
        };
        let key = home.key(key, Role::Researcher)?;
        let connection = home.connect()?;
        let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
        await_components(ledger, blobs, query, output)?;
        let result = decrypt(ledger, blobs, &key, query)?;
        let receipt = receipt::collect(ledger, blobs, query, result.components(), result.slots())?;
        write_private_file("receipt", path, receipt.to_json()?.as_bytes())?;
        Ok((connection, ResultFile { query, slots: result.slots().to_vec() }))
    }
}

/// What is wrong with a file, to whoever has it.
fn as_input(error: Error) -> Error {
    match error {
        Error::Request { what, why } => Error::Input { what, why },
        error => error,
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
    lines.extend(decrypted.unchecked.map(str::to_owned));
    lines.extend(decrypted.written.iter().map(|path| format!("wrote {}", path.display())));
    lines.extend(decrypted.receipt.iter().map(|path| format!("receipt: {}", path.display())));
    lines.join("\n")
}
