//! What a study said, version by version, what it asked beside that, and what came out.

use circuits::id::{QueryId, StudyId};
use market::{
    index::{Page, QueryRow},
    ledger::LedgerAccess,
    so_many,
};
use node::{
    calendar::date,
    state::{Outcome, StateRead},
};
use serde::Serialize;

use crate::{
    Error,
    api::{
        Asked, COMPARED, Headers, LatestQueries, StudyRecord, Version, study_outcomes, study_record, study_versions,
    },
    cli::{Home, Output},
    client::Remote,
    regions::listed,
};

/// A study with everything that the ledger keeps of it.
#[derive(Debug, Serialize)]
struct Whole {
    #[serde(flatten)]
    record: StudyRecord,
    /// Its versions, the first first.
    versions: Vec<Version>,
    /// What came out, in order; `outcomes` is how many.
    posted: Vec<Outcome>,
}

pub(super) fn show(id: StudyId, (home, ledger): (&Home, &dyn LedgerAccess), output: &Output) -> Result<(), Error> {
    let headers: Headers<'_> = &|height| Ok(ledger.header(height)?);
    let record = study_record(ledger, headers, id, queries(id, (home, ledger))?)?;
    let study = (id, &record.study);
    let (mut versions, mut posted) = (vec![], vec![]);
    let mut after = None;
    loop {
        let page = study_versions(ledger, headers, study, after)?;
        versions.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = study_outcomes(ledger, study, after)?;
        posted.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    versions.reverse();
    posted.reverse();
    output.result(&Whole { record, versions, posted }, text)
}

/// The latest queries of a study: as the node lists them, or from the state here. None where the node cannot list. It may
/// withhold some; what it does list is proven when it is read.
fn queries(id: StudyId, (home, ledger): (&Home, &dyn LedgerAccess)) -> Result<Option<LatestQueries>, Error> {
    if let Some(url) = home.url() {
        let path = format!("/v1/queries?study={id}&order=newest&limit={}", COMPARED.limit);
        return match Remote::new(url)?.json::<Page<QueryRow>>(&path) {
            Err(Error::Remote { problem, .. }) if problem.status == 503 => Ok(None),
            page => Ok(page?.map(|page| (page.items.iter().map(|row| row.id).collect(), page.next.is_some()))),
        };
    }
    let mut own = vec![];
    for query in ledger.queries()? {
        let state = ledger.query(query)?.filter(|state| state.query.study == id);
        own.extend(state.map(|state| (state.opened, query)));
    }
    own.sort_unstable_by(|one, other| other.cmp(one));
    let latest: Vec<QueryId> = own.iter().take(COMPARED.limit).map(|(_, query)| *query).collect();
    Ok(Some((latest, own.len() > COMPARED.limit)))
}

fn text(Whole { record, versions, posted }: &Whole) -> String {
    let study = &record.study;
    let name = record.researcher_name.iter().map(|name| format!("  {name}"));
    let mut lines = vec![
        study.registration.title.clone(),
        format!("  researcher  {}{}", study.researcher, name.collect::<String>()),
        format!("  registered  in block {}{}", study.height, record.registered.map(since).unwrap_or_default()),
        match record.spent.releases {
            0 => "  privacy     nothing spent so far".into(),
            count => {
                let releases = so_many(count, "private release", "private releases");
                format!("  privacy     ε = {} spent in {releases}", record.spent_epsilon_milli)
            }
        },
    ];
    versions.iter().for_each(|version| lines.extend(describe_version(version)));
    match &record.asked {
        Some(asked) => lines.extend(describe_asked(asked)),
        None => lines.push("  asked       the node lacks blocks, so it does not list queries".into()),
    }
    lines.extend(posted.iter().map(|outcome| {
        let queries = so_many(outcome.queries.len(), "query", "queries");
        format!("  outcome in block {} of {queries}: {}", outcome.height, outcome.summary)
    }));
    lines.extend(study.closed.map(|height| format!("  closed in block {height}")));
    lines.join("\n")
}

fn since(day: circuits::consent::Day) -> String {
    format!(", {}", date(day))
}

fn describe_version(Version { number, protocol: version, since: day, sponsor_name }: &Version) -> Vec<String> {
    let reason = if version.reason.is_empty() { String::new() } else { format!(": {}", version.reason) };
    let mut lines = vec![
        format!("  version {number} since block {}{}{reason}", version.height, day.map(since).unwrap_or_default()),
        format!("    protocol  {}\n    ethics    {}", version.protocol, version.ethics),
    ];
    let design = &version.design;
    let name = sponsor_name.as_deref().unwrap_or_default();
    lines.extend(design.sponsor.iter().map(|sponsor| format!("    sponsor   {sponsor}  {name}")));
    lines.extend(
        design.sites.iter().map(|site| format!("    site      {} (region {})", site.name, listed(site.region))),
    );
    lines.push(match design.planned.len() {
        0 => "    plans     nothing: its queries are unplanned".into(),
        count => format!("    plans     {}", so_many(count, "query", "queries")),
    });
    lines
}

fn describe_asked(asked: &Asked) -> Vec<String> {
    let latest = if asked.earlier { "the latest " } else { "" };
    let mut lines = vec![format!(
        "  asked {latest}{} queries: {} not as planned, {} when nothing was planned",
        asked.compared, asked.deviating, asked.unplanned
    )];
    lines.extend(asked.planned.iter().map(|planned| {
        let by = planned.query.map_or_else(|| "not asked so far".into(), |query| format!("asked by {query}"));
        format!("    planned   {}  {by}", planned.question)
    }));
    lines
}
