//! What somebody posts to be read and answered at once: received whole, within a bound, and kept in memory alone.

use actix_web::{HttpRequest, web::Payload};

use super::{Held, Place, Service, blobs::receive_each};
use crate::Error;

/// How often its bytes are in memory while it is received, parsed and read.
const COPIES: usize = 4;

/// What was posted. Its place and its memory are taken for as long as it is there.
pub(crate) struct Posted {
    /// The body.
    pub(crate) bytes: Vec<u8>,
    /// What it takes of the server.
    pub(crate) room: (Place, Held),
}

impl Posted {
    /// Receives a body of a media type.
    ///
    /// # Errors
    /// [`Error::Full`] where this address sends as many as it may, or there is no memory for more of it,
    /// [`Error::MediaType`], [`Error::TooLarge`] or [`Error::Slow`] as for every body.
    pub(crate) async fn receive(
        request: &HttpRequest,
        service: &Service,
        payload: Payload,
        (media, bytes_max): (&'static str, usize),
    ) -> Result<Self, Error> {
        let place = service.quota.forms.take(request)?;
        let mut memory = service.quota.memory.take_for_form()?;
        let each = |bytes: usize| memory.grow_to(COPIES * bytes);
        let bytes = receive_each(request, payload, media, bytes_max, each).await?;
        Ok(Self { bytes, room: (place, memory) })
    }
}
