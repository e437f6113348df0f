//! A query of the ledger: how far it is, and what it asks, in the words of its page.

use circuits::{
    id::QueryId,
    layout::Layout,
    rlwe::params::LAYOUT_SLOTS,
    schema::{Schema, VariantPanel},
};
use market::{data_use::demanded_in_words, ledger::require_query, query::schema_and_panel_at_hand};
use node::{
    calendar::{date, utc},
    query::CohortQuery,
    state::{QueryState, QueryStatus, StateRead as _},
};
use serde::Serialize;

use crate::{
    Error,
    api::{QueryStages, ReachedStage, found, stages_among},
    cli::{Home, Output},
    pages::words,
    reading::{codings, names_variants},
};

/// A query with its id.
#[derive(Debug, Serialize)]
pub(super) struct Opened {
    pub(super) id: QueryId,
    pub(super) state: QueryState,
    /// Whether the node took what was said of the query; nothing when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) introduced: Option<bool>,
}

/// Shows how far a query is, what it asks and under which terms.
pub(super) fn show(home: &Home, output: &Output, id: QueryId) -> Result<(), Error> {
    let connection = home.connect()?;
    let ledger = &*connection.ledger;
    let state = require_query(ledger, id)?;
    let (schema, panel) = if names_variants(&state.query) {
        schema_and_panel_at_hand(ledger, &*connection.blobs, state.query.schema)?
    } else {
        (found("schema", state.query.schema, ledger.schema(state.query.schema)?)?, None)
    };
    let opened = Opened { id, state, introduced: None };
    let asked = asked(&opened.state.query, &schema, panel.as_ref());
    output.result(&opened, |opened| format!("{}\n{asked}", describe(opened)))
}

/// Lists the stages that a query went through.
pub(super) fn stages(home: &Home, output: &Output, id: QueryId) -> Result<(), Error> {
    let ledger = home.connect()?.ledger;
    let state = require_query(&*ledger, id)?;
    let header = |height| Ok(ledger.header(height)?);
    let reached = (state.opened, &state.status);
    let stages = stages_among(header, |height| Ok(ledger.events(height)?), id, reached)?;
    output
        .result(&QueryStages { stages }, |reached| reached.stages.iter().map(stage_line).collect::<Vec<_>>().join("\n"))
}

fn stage_line(reached: &ReachedStage) -> String {
    let at = reached.time.map_or_else(|| "at a time that is not kept here".into(), utc);
    format!("{:<10}  block {}, {at}", reached.stage.name(), reached.height)
}

/// How far a query is.
pub(super) fn describe(opened: &Opened) -> String {
    let state = &opened.state;
    let stage = match &state.status {
        QueryStatus::Collecting => "collecting".into(),
        QueryStatus::Sealed { height, .. } => format!("sealed in block {height}"),
        QueryStatus::Aggregated { height, .. } => format!("aggregated in block {height}"),
        QueryStatus::Released { height, .. } => format!("released in block {height}"),
        QueryStatus::Refunded { height, reason } => format!("refunded in block {height}: {reason:?}"),
    };
    format!(
        "query          {}\nstage          {stage}\ncommittee key  {}\nclosing        {}\ncontributions  {} ({} to {})\nescrow         {}",
        opened.id,
        state.committee,
        date(state.query.closing),
        state.surviving,
        state.query.contributions_min,
        state.query.contributions_max,
        state.escrow
    )
}

/// What a query asks, and under which terms.
fn asked(query: &CohortQuery, schema: &Schema, panel: Option<&VariantPanel>) -> String {
    let line = |name: &str, says: String| format!("{name:<13}  {says}");
    let mut lines = vec![line("study", query.study.to_string())];
    let whom = words::criteria(query, schema);
    let whom = if whom.is_empty() { "everybody with a certified record".into() } else { whom.join(", and ") };
    lines.push(line("asks", whom));
    let counted = words::matching(query, schema, panel);
    if !counted.is_empty() {
        lines.push(line("counts", format!("those with {}; nobody sees who matches", counted.join(", and "))));
    }
    if !query.issuers.is_empty() {
        let issuers: Vec<_> = query.issuers.iter().map(ToString::to_string).collect();
        lines.push(line("issuers", issuers.join(", ")));
    }
    lines.extend(query.parts.iter().map(|part| line("measures", measured(part, schema, panel))));
    lines.extend(codings(query, schema).into_iter().map(|coding| line("", coding)));
    lines.extend(words::purposes(query.data_use.purposes).iter().map(|purpose| line("purpose", purpose.words.into())));
    lines.extend(demanded_in_words(query.data_use.purposes).into_iter().map(|words| line("from", words)));
    if query.data_use.disease != 0 {
        let number = query.data_use.disease;
        lines.push(line(
            "asks under",
            format!("disease {number}; `locus query disease --number {number}` finds its name"),
        ));
    }
    lines.push(line("price", format!("{} for each contribution", query.price)));
    lines.push(line("privacy", words::privacy(query)));
    lines.push(line("again", "`locus query again` prints the file that asks the same".into()));
    lines.join("\n")
}

fn measured(part: &Layout, schema: &Schema, panel: Option<&VariantPanel>) -> String {
    let axes = words::axes(part, schema, panel);
    let by = if axes.is_empty() { String::new() } else { format!(", by {}", axes.join("; by ")) };
    format!("{}{by} ({} of {LAYOUT_SLOTS} slots)", words::part(part, schema), part.slots_used())
}
