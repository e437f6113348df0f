//! Files beside the pages: the style sheet, the scripts, the icon and the letters of figures, all built into the binary.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, ContentEncoding, ETag, EntityTag, Header as _, IfNoneMatch},
    web::{Bytes, Path},
};
use flate2::Compression;
use market::statistics::figure::FONTS;
use sha2::{Digest as _, Sha256};

use super::gzip;
use crate::Error;

/// A file by its name, with its media type.
struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 8] = [
    Asset { name: "locus.css", media: "text/css; charset=utf-8", bytes: include_bytes!("../../assets/locus.css") },
    Asset { name: "locus.js", media: "text/javascript; charset=utf-8", bytes: include_bytes!("../../assets/locus.js") },
    Asset {
        name: "passkey.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/passkey.js"),
    },
    Asset {
        name: "progress.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/progress.js"),
    },
    // Digest and licence: docs/adr/0013-pages.md.
    Asset {
        name: "htmx.min.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/htmx.min.js"),
    },
    Asset { name: "icon.svg", media: "image/svg+xml", bytes: include_bytes!("../../assets/icon.svg") },
    // The style sheet names them by their version.
    Asset { name: "arimo-1.33-regular.ttf", media: "font/ttf", bytes: FONTS[0] },
    Asset { name: "arimo-1.33-bold.ttf", media: "font/ttf", bytes: FONTS[1] },
];

/// Changes with every file, so that browsers may keep what they have for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = ASSETS.iter().fold(Sha256::new(), |digest, asset| digest.chain_update(asset.bytes)).finalize();
    hex::encode(digest.get(..4).unwrap_or_default())
});

/// Where pages find a file.
pub(super) fn href(name: &str) -> String {
    format!("/assets/{name}?{}", *VERSION)
}

/// A file as it is sent: its bytes, and the tag that tells them from all others.
struct Sent {
    bytes: Bytes,
    tag: EntityTag,
    is_compressed: bool,
}

/// Each file as it is, and compressed where that makes it smaller.
static SENT: LazyLock<Vec<(Sent, Option<Sent>)>> = LazyLock::new(|| ASSETS.iter().map(sent).collect());

fn sent(asset: &Asset) -> (Sent, Option<Sent>) {
    let digest = hex::encode(Sha256::digest(asset.bytes).get(..8).unwrap_or_default());
    let smaller = |bytes: &Vec<u8>| bytes.len() < asset.bytes.len();
    let compressed = gzip::whole(asset.bytes, Compression::best()).ok().filter(smaller).map(|bytes| Sent {
        bytes: bytes.into(),
        tag: EntityTag::new_strong(format!("{digest}-gzip")),
        is_compressed: true,
    });
    (
        Sent { bytes: Bytes::from_static(asset.bytes), tag: EntityTag::new_strong(digest), is_compressed: false },
        compressed,
    )
}

/// Whether whoever asks has this already.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    request.headers().contains_key(header::IF_NONE_MATCH)
        && match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
            Err(_) => false,
        }
}

/// One of the files, compressed for whoever takes that.
#[get("/assets/{name}")]
pub(super) async fn serve_asset(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, Error> {
    let found = ASSETS.iter().zip(SENT.iter()).find(|(asset, _)| asset.name == *name);
    let (asset, (plain, compressed)) = found.ok_or_else(|| Error::NotFound { what: "file", id: name.into_inner() })?;
    let sent = compressed.as_ref().filter(|_| gzip::is_taken(&request)).unwrap_or(plain);
    let is_known = is_known(&request, &sent.tag);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header(ETag(sent.tag.clone()));
    if is_known {
        return Ok(answer.finish());
    }
    if sent.is_compressed {
        answer.insert_header(ContentEncoding::Gzip);
    }
    Ok(answer.content_type(asset.media).body(sent.bytes.clone()))
}
