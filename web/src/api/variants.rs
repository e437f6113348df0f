//! The variants of a schema's panel, by the names that query files give them and by their places in it.

use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use circuits::{id::SchemaId, schema::VariantPanel};
use market::query::{schema_and_panel, variant_name};
use serde::{Deserialize, Serialize};

use super::{Service, listing::query_string, reading_panel, reply::parse, schemas};
use crate::{Error, problem::Problem};

/// Variants of a page.
pub(crate) const VARIANTS_PAGE_MAX: usize = 100;

/// The longest text that is looked for, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A variant of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NamedVariant {
    /// Its place in the panel, which criteria and measures on the ledger have.
    pub(crate) place: u32,
    /// Its name in query files: chromosome, position and alleles.
    pub(crate) name: String,
}

/// Variants of a panel, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct VariantPage {
    /// Whether the panel is at hand; where it is not, none are named.
    pub(crate) at_hand: bool,
    /// At most as many as asked for.
    pub(crate) items: Vec<NamedVariant>,
    /// The place of the last of them, where more follow.
    pub(crate) next: Option<u32>,
}

impl VariantPage {
    /// The first variants behind a place whose names hold a text, in letters of either case.
    pub(crate) fn of(panel: Option<&VariantPanel>, text: &str, after: Option<u32>, limit: usize) -> Self {
        let Some(panel) = panel else { return Self::default() };
        let text = text.trim().to_lowercase();
        let behind = (0..).zip(&panel.variants).filter(|(place, _)| after.is_none_or(|after| *place > after));
        let named = behind.map(|(place, variant)| NamedVariant { place, name: variant_name(variant) });
        let found = named.filter(|variant| variant.name.to_lowercase().contains(&text));
        let mut items: Vec<_> = found.take(limit.saturating_add(1)).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.place);
        Self { at_hand: true, items, next }
    }
}

/// Which variants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    name: String,
    after: Option<u32>,
}

/// The variants of a schema's panel, in its order, 100 a page: by the names that query files give them, and by the places that
/// queries on the ledger have.
#[utoipa::path(
    tag = "queries",
    params(
        ("id" = String, Path, description = "the schema's id, 64 hex digits"),
        ("name" = Option<String>, Query, description = "what their names hold, such as `22:16` or `A>G`, 200 bytes at most; all without it"),
        ("after" = Option<u32>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page; an empty one that says so where the node lacks the panel", body = schemas::VariantPage),
        (status = 404, description = "not registered", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "no id, or too long a name", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "whether anybody has the panel is not known now; ask again", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/v1/schemas/{id}/variants")]
pub(super) async fn list_variants(
    service: Data<Service>,
    id: Path<String>,
    wanted: Result<Query<Wanted>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let (id, Wanted { name, after }): (SchemaId, _) = (parse("schema id", &id)?, query_string(wanted)?);
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::TooLarge { what: "a name in bytes", limit: NAME_BYTES_MAX });
    }
    let page = reading_panel(service, move |service| {
        let (_, panel) = schema_and_panel(&service.chain.snapshot()?, &service.fetching(), id)?;
        Ok(VariantPage::of(panel.as_ref(), &name, after, VARIANTS_PAGE_MAX))
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

#[cfg(test)]
mod tests {
    use circuits::schema::Variant;

    use super::*;

    #[test]
    fn variants_are_found_by_what_their_names_hold_page_after_page() {
        let variant = |pos: u32, alternate: &str| Variant {
            chrom: "22".into(),
            pos,
            reference: "A".into(),
            alternate: alternate.into(),
        };
        let variants = vec![variant(160, "G"), variant(161, "T"), variant(170, "G"), variant(1_600, "G")];
        let panel = VariantPanel { build: "GRCh37".into(), variants };
        let of = |text, after, limit| VariantPage::of(Some(&panel), text, after, limit);
        let places = |page: &VariantPage| page.items.iter().map(|one| one.place).collect::<Vec<_>>();
        let all = of("", None, 9);
        assert_eq!((places(&all), all.next, all.at_hand), (vec![0, 1, 2, 3], None, true));
        assert_eq!(all.items[3].name, "22:1600 A>G");
        let first = of(" 22:16", None, 2);
        assert_eq!((places(&first), first.next), (vec![0, 1], Some(1)));
        assert_eq!(places(&of("22:16", first.next, 2)), [3]);
        assert_eq!(places(&of("a>g", None, 9)), [0, 2, 3]);
        assert!(of("", Some(u32::MAX), 9).items.is_empty() && of("23:", None, 9).items.is_empty());
        assert_eq!(VariantPage::of(None, "", None, 9), VariantPage::default());
    }
}
