//! Everything that the pages show, as one value: the file that they save, and what `locus wallet overview` prints.

use market::overview::Overview;
use serde::Serialize;

use super::alerts::{Alert, alerts};
use crate::patient::Licences;

/// What is shown, without a secret. The wallet itself is backed up with `locus wallet backup`.
#[derive(Serialize)]
pub(crate) struct Everything<'o> {
    format: &'static str,
    /// Why the network was not reached, when it was not: parts are of before then.
    offline: Option<String>,
    /// What needs the person.
    pub(super) alerts: Vec<Alert>,
    #[serde(flatten)]
    pub(super) overview: &'o Overview,
    pub(super) licences: Licences,
}

impl<'o> Everything<'o> {
    /// Everything of a wallet, and why the network was not reached for it, when it was not.
    pub(crate) fn of(overview: &'o Overview, licences: Licences, offline: Option<String>) -> Self {
        let alerts = alerts(overview, &licences);
        Self { format: "locus/v1/my-data", offline, alerts, overview, licences }
    }
}
