//! Responses as a table, for whoever keeps trials in spreadsheets.

use node::state::ResponseStatus;

use super::Answered;
use crate::{Error, statistics::export};

/// A table of responses with a header: `response`, `stage`, `block` since which it is so (empty for one that is eligible alone),
/// and `contact`, which only those who accepted have. Contacts are strangers' texts: what a spreadsheet would take for a formula
/// has an apostrophe before it.
///
/// # Errors
/// [`Error::Statistics`] when the table cannot be written.
pub fn csv(answers: &[Answered]) -> Result<String, Error> {
    let row = |answered: &Answered| {
        let (stage, height) = match answered.status {
            ResponseStatus::Eligible => ("eligible", None),
            ResponseStatus::Invited { height, .. } => ("invited", Some(height)),
            ResponseStatus::Accepted { height, .. } => ("accepted", Some(height)),
            ResponseStatus::Declined { height, .. } => ("declined", Some(height)),
        };
        let contact = answered.contact.as_ref().map_or_else(String::new, |contact| export::text(contact.text()));
        let height = height.map_or_else(String::new, |height| height.to_string());
        [answered.response.to_string(), stage.into(), height, contact]
    };
    export::table(["response", "stage", "block", "contact"], answers.iter().map(row))
}

#[cfg(test)]
mod tests {
    use circuits::id::Digest;
    use node::units::{Height, ResponseIndex};

    use super::*;
    use crate::recruitment::Contact;

    #[test]
    fn a_contact_stays_one_cell_and_is_no_formula() {
        let digest = Digest::from_bytes([1; 32]);
        let accepted = ResponseStatus::Accepted { height: Height::new(7), invitation: digest, contact: digest };
        let answered = |response, status, contact: Option<&str>| Answered {
            response: ResponseIndex::new(response),
            status,
            contact: contact.map(|text| Contact::new(text).unwrap()),
            problem: None,
        };
        let answers = [
            answered(0, ResponseStatus::Eligible, None),
            answered(1, accepted, Some("ada@example.org, \"after six\"")),
            answered(2, accepted, Some("=HYPERLINK(\"https://example.org\")")),
        ];
        assert_eq!(
            csv(&answers).unwrap(),
            "response,stage,block,contact\n0,eligible,,\n1,accepted,7,\"ada@example.org, \"\"after six\"\"\"\n\
             2,accepted,7,\"'=HYPERLINK(\"\"https://example.org\"\")\"\n"
        );
    }
}
