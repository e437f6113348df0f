//! Forms with files: received whole, within a bound, and kept in memory alone.

use std::collections::BTreeMap;

use actix_multipart::Multipart;
use actix_web::{
    HttpRequest,
    error::PayloadError,
    web::{Bytes, Payload},
};
use futures::{StreamExt, stream};

use crate::{
    Error,
    api::{Held, Place, Posted, Service},
};

/// Media type of forms with files.
const FORM_DATA: &str = "multipart/form-data";
/// Fields of a form.
const FIELDS_MAX: usize = 8;
/// What parsing takes of a form at once.
const PIECE_BYTES: usize = 32 << 10;

/// What a form brought. Its place and its memory are taken for as long as it is there.
pub(super) struct Upload {
    /// By their names.
    fields: BTreeMap<String, Vec<u8>>,
    _room: (Place, Held),
}

fn malformed(why: impl ToString) -> Error {
    Error::Request { what: "form", why: why.to_string() }
}

impl Upload {
    /// Receives a form.
    ///
    /// # Errors
    /// As [`Posted::receive`], and [`Error::Request`] when the form does not decode.
    pub(super) async fn receive(
        request: &HttpRequest,
        service: &Service,
        payload: Payload,
        bytes_max: usize,
    ) -> Result<Self, Error> {
        let Posted { bytes, room } = Posted::receive(request, service, payload, (FORM_DATA, bytes_max)).await?;
        Ok(Self { fields: Self::parse(request, bytes.into()).await?, _room: room })
    }

    async fn parse(request: &HttpRequest, mut bytes: Bytes) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let pieces = std::iter::from_fn(move || {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            (!piece.is_empty()).then_some(Ok::<_, PayloadError>(piece))
        });
        let mut parts = Multipart::new(request.headers(), stream::iter(pieces));
        let mut fields = BTreeMap::new();
        while let Some(part) = parts.next().await {
            let mut part = part.map_err(malformed)?;
            if fields.len() == FIELDS_MAX {
                return Err(malformed(format!("it has more than {FIELDS_MAX} fields")));
            }
            let name = part.name().unwrap_or_default().to_owned();
            let mut value = vec![];
            while let Some(piece) = part.next().await {
                value.extend_from_slice(&piece.map_err(malformed)?);
            }
            fields.insert(name, value);
        }
        Ok(fields)
    }

    /// The text of a field; `None` when it is absent or blank.
    ///
    /// # Errors
    /// [`Error::Request`] when it is no UTF-8.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        let Some(bytes) = self.fields.get(name) else { return Ok(None) };
        let text =
            std::str::from_utf8(bytes).map_err(|_| malformed(format!("the field {name} is no text in UTF-8")))?;
        Ok(Some(text.trim()).filter(|text| !text.is_empty()))
    }

    /// The text of a file, or what was pasted instead.
    ///
    /// # Errors
    /// As [`Upload::text`].
    pub(super) fn file_or_pasted(&self, file: &str, pasted: &str) -> Result<Option<&str>, Error> {
        Ok(self.text(file)?.or(self.text(pasted)?))
    }
}
