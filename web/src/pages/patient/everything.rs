//! Everything that the pages show, as one value: the file that they save, and what `locus wallet overview` prints.

use std::collections::BTreeMap;

use market::overview::Overview;
use serde::Serialize;

use super::{
    alerts::{Alert, alerts},
    illness::Illnesses,
};
use crate::patient::{Licences, Offered};

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
    /// What the numbers of illnesses in it stand for, as far as the agent knows.
    #[serde(rename = "illnesses")]
    named: BTreeMap<u32, String>,
    #[serde(skip)]
    pub(super) illnesses: Illnesses,
}

impl<'o> Everything<'o> {
    /// Everything of a wallet, and why the network was not reached for it, when it was not.
    pub(crate) fn of(
        overview: &'o Overview,
        licences: Licences,
        offline: Option<String>,
        illnesses: Illnesses,
    ) -> Self {
        let alerts = alerts(overview, &licences);
        let named = illnesses.all_named(numbers(overview, &licences));
        Self { format: "locus/v1/my-data", offline, alerts, overview, licences, named, illnesses }
    }
}

/// The numbers of illnesses that a person reads of.
fn numbers<'o>(overview: &'o Overview, licences: &'o Licences) -> impl Iterator<Item = u32> + 'o {
    let rules = overview.records.iter().filter_map(|record| record.terms.only_disease);
    let queries = overview.queries.iter().filter_map(|one| one.asker.disease);
    let screenings = overview.screenings.iter().filter_map(|one| one.asker.disease);
    let offered: &[Offered] = if let Licences::Known(offered) = licences { offered } else { &[] };
    let offers = offered.iter().flat_map(|one| {
        let asked = one.licences.iter().map(|licence| licence.data_use().disease);
        asked.chain([one.dataset.offer.allowed.disease])
    });
    rules.chain(queries).chain(screenings).chain(offers)
}
