//! What a study said, version by version, and what came out.

use circuits::id::StudyId;
use market::ledger::LedgerAccess;
use node::{
    state::{Outcome, StateRead, Study, StudyProtocol},
    units::{OutcomeIndex, StudyVersion},
};
use serde::Serialize;

use crate::{Error, cli::Output, regions::listed};

/// A study with everything that the ledger keeps of it.
#[derive(Debug, Serialize)]
struct Whole {
    #[serde(flatten)]
    study: Study,
    /// Its versions, the first first.
    versions: Vec<StudyProtocol>,
    /// What came out, in order.
    outcomes: Vec<Outcome>,
}

pub(super) fn show(id: StudyId, ledger: &dyn LedgerAccess, output: &Output) -> Result<(), Error> {
    let study = ledger.study(id)?.ok_or_else(|| Error::NotFound { what: "study", id: id.to_string() })?;
    let mut versions = vec![];
    let mut version = StudyVersion::default();
    while version <= study.version {
        versions.extend(ledger.study_protocol(id, version)?);
        version = version.next();
    }
    let mut outcomes = vec![];
    for index in (0..study.outcomes).map(OutcomeIndex::new) {
        outcomes.extend(ledger.outcome(id, index)?);
    }
    output.result(&Whole { study, versions, outcomes }, text)
}

fn text(Whole { study, versions, outcomes }: &Whole) -> String {
    let mut lines = vec![study.registration.title.clone(), format!("  researcher  {}", study.researcher)];
    for (number, version) in versions.iter().enumerate() {
        let reason = if version.reason.is_empty() { String::new() } else { format!(": {}", version.reason) };
        lines.push(format!("  version {} since block {}{reason}", number + 1, version.height));
        lines.push(format!("    protocol  {}\n    ethics    {}", version.protocol, version.ethics));
        let design = &version.design;
        lines.extend(design.sponsor.iter().map(|sponsor| format!("    sponsor   {sponsor}")));
        lines.extend(
            design.sites.iter().map(|site| format!("    site      {} (region {})", site.name, listed(site.region))),
        );
        match design.planned.len() {
            0 => lines.push("    plans     nothing: its queries are unplanned".into()),
            count => lines.push(format!("    plans     {count} queries")),
        }
    }
    lines.extend(outcomes.iter().map(|outcome| {
        format!("  outcome in block {} of {} queries: {}", outcome.height, outcome.queries.len(), outcome.summary)
    }));
    lines.extend(study.closed.map(|height| format!("  closed in block {height}")));
    lines.join("\n")
}
