//! Answers in gzip, for whoever takes it: files beside the pages, and pages that carry a result.
//!
//! How long a compressed answer is tells whoever watches the line how much its parts have in common. Whoever chooses one part,
//! and has a reader's browser ask again and again, guesses another one so (BREACH). Of a page that carries a result, the name
//! of whoever is signed in is the only part that another site could not see by itself. So such a page is compressed where
//! nobody is signed in, or the browser says that a page of this server asks. No page with a token of a form is compressed.

use std::{
    io::{self, Write as _},
    mem,
};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponseBuilder,
    http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header as _, HeaderName},
};
use flate2::{Compression, write::GzEncoder};

use crate::{Error, sign_in::SignedIn};

/// What a page depends on beside its address and its form, when it may be compressed.
const VARIES: &str = "cookie, accept-encoding, sec-fetch-site";

/// Whether whoever asks takes gzip, and prefers it to what is not compressed.
pub(super) fn is_taken(request: &HttpRequest) -> bool {
    let offered = [Encoding::identity(), Encoding::gzip()];
    AcceptEncoding::parse(request).is_ok_and(|accepted| accepted.negotiate(offered.iter()) == Some(Encoding::gzip()))
}

/// Whether a page that carries what its reader sent may be compressed.
pub(super) fn may_compress(request: &HttpRequest) -> bool {
    is_taken(request) && tells_nothing(request, request.extensions().contains::<SignedIn>())
}

/// Whether the length of such a page tells nobody who its reader is.
fn tells_nothing(request: &HttpRequest, is_signed_in: bool) -> bool {
    let from = request.headers().get(HeaderName::from_static("sec-fetch-site"));
    !is_signed_in || from.is_some_and(|from| from == "same-origin")
}

/// Says in an answer's head whether it is compressed, and what that depends on.
pub(super) fn note(answer: &mut HttpResponseBuilder, is_compressed: bool) {
    answer.insert_header((header::VARY, VARIES));
    if is_compressed {
        answer.insert_header(ContentEncoding::Gzip);
    }
}

/// Compresses the whole of an answer.
///
/// # Errors
/// [`Error::Internal`]; memory never refuses.
pub(super) fn whole(bytes: &[u8], level: Compression) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(failed)
}

fn failed(error: io::Error) -> Error {
    Error::Internal { action: "compress an answer", why: error.to_string() }
}

/// Compresses an answer piece by piece: each can be read before the next is there.
pub(super) struct Pieces(GzEncoder<Vec<u8>>);

impl Pieces {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::default()))
    }

    /// The bytes of one more piece.
    ///
    /// # Errors
    /// As [`whole`].
    pub(super) fn piece(&mut self, text: &str) -> Result<Vec<u8>, Error> {
        let written = self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush());
        written.map(|()| mem::take(self.0.get_mut())).map_err(failed)
    }

    /// The bytes that say that the answer is whole.
    ///
    /// # Errors
    /// As [`whole`].
    pub(super) fn end(self) -> Result<Vec<u8>, Error> {
        self.0.finish().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use actix_web::test::TestRequest;
    use flate2::read::GzDecoder;

    use super::*;

    fn asked(fields: &[(&'static str, &'static str)]) -> HttpRequest {
        let request = fields.iter().fold(TestRequest::default(), |request, field| request.insert_header(*field));
        request.to_http_request()
    }

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        GzDecoder::new(bytes).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn gzip_is_for_whoever_says_that_they_take_it() {
        for taken in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8", "gzip;q=0.5, identity;q=0.1", "GZIP"] {
            assert!(is_taken(&asked(&[("accept-encoding", taken)])), "{taken}");
        }
        for refused in ["", "identity", "br", "gzip;q=0", "gzip;q=0, *", "gzip;q=0.5, identity", "gzip;q=x"] {
            assert!(!is_taken(&asked(&[("accept-encoding", refused)])), "{refused}");
        }
        assert!(!is_taken(&asked(&[])));
    }

    #[test]
    fn a_page_with_a_readers_name_is_compressed_for_pages_of_this_server_alone() {
        for (from, is_signed_in, may) in [
            (None, false, true),
            (Some("cross-site"), false, true),
            (Some("same-origin"), true, true),
            (None, true, false),
            (Some("none"), true, false),
            (Some("same-site"), true, false),
            (Some("cross-site"), true, false),
        ] {
            let fields: Vec<_> = from.map(|from| ("sec-fetch-site", from)).into_iter().collect();
            assert_eq!(tells_nothing(&asked(&fields), is_signed_in), may, "{from:?}, signed in: {is_signed_in}");
        }
    }

    #[test]
    fn what_is_compressed_reads_as_it_was() {
        let text = "Each piece of an answer. ".repeat(1_000);
        let bytes = whole(text.as_bytes(), Compression::best()).unwrap();
        assert!(bytes.len() < text.len() / 10 && read(&bytes).unwrap() == text);
    }

    #[test]
    fn a_piece_is_read_before_the_next_is_there_and_what_breaks_off_is_not_whole() {
        let mut pieces = Pieces::new();
        let mut sent = pieces.piece("the first").unwrap();
        let mut read_so_far = [0; 9];
        GzDecoder::new(&sent[..]).read_exact(&mut read_so_far).unwrap();
        assert_eq!(&read_so_far, b"the first");
        sent.extend(pieces.piece(", the second").unwrap());
        assert_eq!(read(&sent).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        sent.extend(pieces.end().unwrap());
        assert_eq!(read(&sent).unwrap(), "the first, the second");
    }
}
