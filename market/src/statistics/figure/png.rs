//! SVG to PNG, with the embedded fonts and no others.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

use super::draw::FONTS;
use crate::Error;

/// The most pixels to a unit of the SVG.
pub const SCALE_MAX: u8 = 4;
/// The most pixels to a side.
const SIDE_MAX: u32 = 16_384;

static EMBEDDED: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    FONTS.into_iter().for_each(|font| fonts.load_font_data(font.to_vec()));
    Arc::new(fonts)
});

fn refused(why: String) -> Error {
    Error::Statistics { what: "the pixels of a figure", why }
}

/// How SVG is read here: with the embedded fonts, and nothing from the system or from files.
pub(super) fn options() -> Options<'static> {
    Options { fontdb: Arc::clone(&EMBEDDED), font_family: "Arimo".into(), ..Options::default() }
}

pub(super) fn render(svg: &str, scale: u8) -> Result<Vec<u8>, Error> {
    if scale == 0 || scale > SCALE_MAX {
        return Err(refused(format!("scale {scale} is none of 1 to {SCALE_MAX}")));
    }
    let tree = Tree::from_str(svg, &options()).map_err(|error| refused(error.to_string()))?;
    let size = tree.size().to_int_size();
    let (width, height) = (size.width() * u32::from(scale), size.height() * u32::from(scale));
    let pixels = if width.max(height) <= SIDE_MAX { Pixmap::new(width, height) } else { None };
    let mut pixels = pixels.ok_or_else(|| refused(format!("{width} by {height} pixels are too many")))?;
    resvg::render(&tree, Transform::from_scale(scale.into(), scale.into()), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| refused(error.to_string()))
}
