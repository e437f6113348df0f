//! What to open first, second and third, by who looks.

use std::path::Path;

use serde::Serialize;

use super::serve::Served;
use crate::{demo::DemoReport, patient::Link};

/// What somebody of a kind looks at, in order.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    /// Who.
    role: &'static str,
    steps: Vec<Step>,
}

/// One page.
#[derive(Debug, Serialize)]
struct Step {
    url: String,
    /// What is there.
    says: String,
}

fn step(url: impl Into<String>, says: impl Into<String>) -> Step {
    Step { url: url.into(), says: says.into() }
}

/// The tour of a demo that is served at these addresses.
pub(super) fn tour(report: &DemoReport, url: &str, people_url: &str, links: &[Link]) -> Vec<Part> {
    vec![
        Part { role: "researcher", steps: research(report, url) },
        Part { role: "contributor", steps: contribute(report, people_url, links) },
        Part { role: "sponsor", steps: sponsor(report, url) },
        Part { role: "auditor", steps: audit(url) },
    ]
}

fn research(report: &DemoReport, url: &str) -> Vec<Step> {
    let (query, receipt, file) = (report.query, report.receipt.display(), report.query_file.display());
    let folder = report.receipt.parent().unwrap_or(Path::new(".")).display();
    vec![
        step(format!("{url}/queries/{query}"), "what the demo asked, and how far it came"),
        step(
            format!("{url}/builder?query={query}"),
            "ask it otherwise: cost, privacy and precision follow as you type",
        ),
        step(
            format!("{url}/results"),
            format!("choose {receipt}, and {file} beside it: figures, tables and files to keep"),
        ),
        step(
            format!("{url}/sign-in"),
            format!(
                "an account with a passkey, or with the demo's key: locus --data-dir {folder} --url {url} sign-in --key \
                 {folder}/keys/researcher.key"
            ),
        ),
    ]
}

fn contribute(report: &DemoReport, people_url: &str, links: &[Link]) -> Vec<Step> {
    let link = |person: &str| links.iter().find(|link| link.wallet == person);
    let mut invited = report.screening.iter().flat_map(|recruited| &recruited.responded);
    let shown = invited.find_map(|person| link(person)).or(links.first());
    let mut steps = vec![];
    if let Some(Link { wallet, url }) = shown {
        steps.push(step(
            url,
            format!("the way in to {wallet}'s own pages; it works once, and then the next is printed"),
        ));
    }
    steps.push(step(format!("{people_url}/asked"), "who asked, and what the agent said"));
    steps.push(step(format!("{people_url}/invitations"), "a study invites; it does not know whom, unless you say so"));
    let declined = report.declined.iter().find_map(|declined| link(&declined.person));
    if let Some(Link { wallet, url }) = declined {
        steps.push(step(url, format!("the way in to {wallet}'s, whose agent declined: {people_url}/asked says why")));
    }
    steps
}

fn sponsor(report: &DemoReport, url: &str) -> Vec<Step> {
    let mut steps = vec![];
    if let Some(recruited) = &report.screening {
        let screening = format!("{url}/screenings/{}", recruited.id);
        steps.push(step(&screening, "how many are eligible, invited and known, and nobody's name; the sponsor reads who accepted in the terminal, as the page says"));
        steps.push(step(format!("{screening}/verify"), "the count, checked; the address can be sent to others"));
    }
    steps.push(step(format!("{url}/verify"), format!("choose {}: the result, checked", report.receipt.display())));
    steps
}

fn audit(url: &str) -> Vec<Step> {
    vec![
        step(format!("{url}/explorer"), "blocks, transactions and accounts; look up any id"),
        step(format!("{url}/committee"), "who can decrypt together, and each step of their key"),
        step(format!("{url}/explorer/governance"), "who may change what, and the rules in force"),
    ]
}

/// The text form.
pub(super) fn describe(served: &Served) -> String {
    let mut lines = vec![String::new(), "served until Ctrl-C; open in a browser:".into()];
    for Part { role, steps } in &served.tour {
        lines.push(format!("  {role}"));
        lines.extend((1..).zip(steps).map(|(place, Step { url, says })| format!("    {place}. {url}\n       {says}")));
    }
    lines.push("  everybody's own pages, each link for one person and once".into());
    lines.extend(served.links.iter().map(|Link { wallet, url }| format!("    {wallet}  {url}")));
    lines.join("\n")
}
