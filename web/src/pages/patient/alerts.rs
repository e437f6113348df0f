//! What needs the person.

use circuits::consent::Day;
use market::overview::{HeldRecord, Overview, RecordStanding};
use node::{calendar::date, state::ResponseStatus};
use serde::Serialize;

use super::words;
use crate::patient::Licences;

/// Days before the end of a consent from which it is said.
const ENDING_DAYS: u32 = 30;
/// The share of the budget from which it is said, in percent.
const BUDGET_PERCENT: u8 = 80;

/// Something that needs the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Alert {
    pub(in crate::pages) title: String,
    pub(in crate::pages) text: String,
    /// The page that helps; a program goes by what else it reads.
    #[serde(skip)]
    pub(in crate::pages) href: &'static str,
    #[serde(skip)]
    pub(in crate::pages) link: &'static str,
}

/// Everything that needs the owner of a wallet.
pub(super) fn alerts(overview: &Overview, licences: &Licences) -> Vec<Alert> {
    let mut alerts = of_wallet(overview, overview.time.day());
    alerts.extend(waiting(licences));
    alerts
}

/// What the owner should know of a record whose new rules do not count yet.
fn changing(record: &HeldRecord, epoch_seconds: Option<u64>) -> Alert {
    let text =
        format!("Until the network takes them in, your agent answers nothing with record {}.", record.number + 1);
    let text = [Some(text), words::soon(epoch_seconds)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Alert { title: "Your new rules do not count yet".into(), text, href: "/use", link: "Look at your rules" }
}

/// What a wallet's rules, budget and invitations ask of its owner.
fn of_wallet(overview: &Overview, today: Day) -> Vec<Alert> {
    let mut alerts = vec![];
    for received in &overview.invitations {
        if overview.is_begun(received) {
            alerts.push(Alert {
                title: "Your answer may not have arrived".into(),
                text: "You began to answer an invitation. Open it, and send your answer again.".into(),
                href: "/invitations",
                link: "Look at the invitation",
            });
        } else if matches!(received.status, ResponseStatus::Invited { .. }) {
            alerts.push(Alert {
                title: "Somebody invites you".into(),
                text: "A study would like you to take part. They do not know who you are, unless you tell them.".into(),
                href: "/invitations",
                link: "Read the invitation",
            });
        }
    }
    let is_changing = |record: &&HeldRecord| record.standing == RecordStanding::Changing;
    alerts.extend(overview.records.iter().filter(is_changing).map(|record| changing(record, overview.epoch_seconds)));
    let in_use = overview.records.iter().filter(|record| record.standing != RecordStanding::Withdrawn);
    for record in in_use {
        let (last, left) = (record.terms.expiry, record.terms.expiry.0.saturating_sub(today.0));
        let (title, text) = if last < today {
            ("Your permission has ended", format!("Its last day was {}. Your agent answers nothing more.", date(last)))
        } else if left <= ENDING_DAYS {
            ("Your permission ends soon", format!("Its last day is {}.", date(last)))
        } else {
            continue;
        };
        let (href, link) = ("/use", "Look at your rules");
        alerts.push(Alert { title: title.into(), text, href, link });
    }
    if overview.budget.percent >= BUDGET_PERCENT {
        alerts.push(Alert {
            title: "Your privacy budget is nearly used".into(),
            text: format!(
                "{} of {} is used. When none is left, your agent says no.",
                overview.budget.spent, overview.budget.limit
            ),
            href: "/privacy",
            link: "What this means",
        });
    }
    alerts
}

/// Requests for a licence that wait.
fn waiting(licences: &Licences) -> Option<Alert> {
    let Licences::Known(offered) = licences else { return None };
    let waiting = offered.iter().flat_map(|one| &one.licences).filter(|one| one.is_waiting()).count();
    (waiting > 0).then(|| Alert {
        title: "Somebody asks for your data".into(),
        text: format!("Requests that wait for your answer: {waiting}."),
        href: "/licences",
        link: "Look at the requests",
    })
}
