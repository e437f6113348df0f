//! Whom a screening asks and what for, in the words of its page.

use market::{data_use::demanded_in_words, ledger::LedgerAccess};
use node::{screening::ScreeningQuery, state::StateRead as _};

use crate::{Error, pages::words};

/// The lines that say whom a screening asks, whose records count, who can respond, for which purposes, and under which disease.
///
/// # Errors
/// [`Error::NotFound`] for a schema that the ledger lacks, and those of the ledger.
pub(super) fn in_words(ledger: &dyn LedgerAccess, screening: &ScreeningQuery) -> Result<Vec<String>, Error> {
    let missing = || Error::NotFound { what: "schema", id: screening.schema.to_string() };
    let schema = ledger.schema(screening.schema)?.ok_or_else(missing)?;
    let mut lines: Vec<String> = words::groups(&screening.criteria, &schema)
        .iter()
        .enumerate()
        .map(
            |(place, group)| if place == 0 { format!("asks       {group}") } else { format!("           and {group}") },
        )
        .collect();
    if lines.is_empty() {
        lines.push("asks       everybody with a certified record".into());
    }
    for issuer in &screening.issuers {
        let name = ledger.issuer(*issuer)?.map(|party| party.name).filter(|name| !name.is_empty());
        let whose = name.map_or_else(|| issuer.to_string(), |name| format!("{name} ({issuer})"));
        lines.push(format!("records    of {whose}"));
    }
    if screening.issuers.is_empty() {
        lines.push("records    of every accredited issuer".into());
    }
    let data_use = screening.data_use;
    lines.extend(demanded_in_words(data_use.purposes).iter().map(|words| format!("from       {words}")));
    let purposes = words::purposes(data_use.purposes);
    lines.extend(purposes.iter().map(|purpose| format!("purpose    {} ({})", purpose.words, purpose.term)));
    let disease = words::disease(data_use.disease, None);
    lines
        .extend(disease.map(|words| {
            format!("disease    {words}; `locus query disease --number {}` says which", data_use.disease)
        }));
    Ok(lines)
}
