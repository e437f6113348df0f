//! Files beside the pages: the style sheet, the script, htmx and the icon, all built into the binary.

use std::sync::LazyLock;

use actix_web::{HttpResponse, get, http::header, web::Path};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// A file by its name, with its media type.
struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 6] = [
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

/// One of the files.
#[get("/assets/{name}")]
pub(super) async fn serve_asset(name: Path<String>) -> Result<HttpResponse, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == *name);
    let asset = asset.ok_or_else(|| Error::NotFound { what: "file", id: name.into_inner() })?;
    Ok(HttpResponse::Ok()
        .content_type(asset.media)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}
