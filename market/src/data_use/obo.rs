//! Ontologies in OBO 1.4 text, read within bounds.

use std::io::BufRead;

use super::{ONTOLOGY_BYTES_MAX, refused};
use crate::Error;

/// One line that says something.
pub(super) enum Line<'l> {
    /// A stanza begins, such as `[Term]`.
    Stanza,
    /// A tag and its value, such as `is_a` and `MONDO:0005015 ! diabetes mellitus`.
    Tag(&'l str, &'l str),
}

/// Reads an ontology line by line.
///
/// # Errors
/// [`Error::UnreadableInput`] when the text cannot be read, [`Error::DataUse`] beyond [`ONTOLOGY_BYTES_MAX`], else what the
/// reader of lines returns.
pub(super) fn read(
    file: &str,
    text: impl BufRead,
    mut each: impl FnMut(Line<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut bytes = 0;
    for (number, line) in (1u64..).zip(text.take(ONTOLOGY_BYTES_MAX + 1).lines()) {
        let place = || format!("line {number}");
        let line = line.map_err(|source| Error::UnreadableInput { file: file.into(), place: place(), source })?;
        bytes += line.len() as u64 + 1;
        if bytes > ONTOLOGY_BYTES_MAX {
            return Err(refused(format!("{file}: an ontology has at most {ONTOLOGY_BYTES_MAX} bytes")));
        }
        if line.starts_with('[') {
            each(Line::Stanza)?;
        } else if let Some((tag, value)) = line.split_once(':') {
            each(Line::Tag(tag, value.trim()))?;
        }
    }
    Ok(())
}
