//! Describing records: attributes and a variant panel.

use std::path::{Path, PathBuf};

use circuits::{
    id::SchemaId,
    schema::{Attribute, Schema, Sensitivity, VariantPanel},
};
use clap::Subcommand;
use market::{
    import::{
        BUILD_UNKNOWN, ImportOptions,
        clinical::{MAPPING_EXAMPLE, Mapping},
        import_file,
    },
    ledger::act,
    objects::{BlobKind, put},
    query::schema_and_panel,
    wallet::Role,
};
use node::{state::StateRead, transaction::Action};
use serde::Serialize;

use super::{
    Connection, Home, Output,
    session::{read_json, write_json},
};
use crate::{
    Error,
    api::{VARIANTS_PAGE_MAX, VariantPage},
};

/// Make, register and show schemas.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Derive a schema from a VCF's variants and a JSON list of attributes; nothing about the people is kept.
    Derive {
        /// Name shown to people.
        name: String,
        /// VCF or BCF whose sites become the panel.
        #[arg(long, value_name = "FILE")]
        vcf: PathBuf,
        /// JSON list of attributes; none without it.
        #[arg(long, value_name = "FILE")]
        attributes: Option<PathBuf>,
        /// Mapping file whose `define` members are the attributes, instead of a list of them.
        #[arg(long, value_name = "FILE", conflicts_with = "attributes")]
        mapping: Option<PathBuf>,
        /// Reference genome, such as GRCh37, when the header does not tell.
        #[arg(long)]
        build: Option<String>,
        /// Folder that receives schema.json and panel.json.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Register a derived schema on the ledger and store its panel.
    Register {
        /// Folder with schema.json and panel.json.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Key file of an accredited issuer.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Print an example of a mapping file: where attributes come from in FHIR, phenopackets and tables.
    Mapping {
        /// Print the JSON Schema of mapping files instead.
        #[arg(long)]
        json_schema: bool,
        /// Print the example, which is done without it too.
        #[arg(long, conflicts_with = "json_schema")]
        example: bool,
    },
    /// Show a registered schema.
    Show {
        /// The schema's id.
        schema: SchemaId,
    },
    /// List the variants of a registered schema's panel by name, as query files name them, with their places in the panel.
    Variants {
        /// The schema's id.
        schema: SchemaId,
        /// What their names hold, such as 22:16 or A>G; all without it.
        #[arg(value_name = "TEXT", default_value = "")]
        name: String,
        /// Begin behind the variant at this place: the last one's of an earlier page.
        #[arg(long, value_name = "PLACE")]
        after: Option<u32>,
    },
}

/// Prints a page of the variants of a schema's panel.
fn list_variants(home: &Home, output: &Output, id: SchemaId, name: &str, after: Option<u32>) -> Result<(), Error> {
    let Connection { ledger, blobs, .. } = home.connect_reading()?;
    let (_, panel) = schema_and_panel(&*ledger, &*blobs, id)?;
    let page = VariantPage::of(panel.as_ref(), name, after, VARIANTS_PAGE_MAX);
    output.result(&page, |page| {
        if !page.at_hand {
            return match home.url() {
                Some(_) => "nobody has stored the panel".into(),
                None => "the panel is not stored here; ask a node with --url".into(),
            };
        }
        let mut lines: Vec<_> = page.items.iter().map(|one| format!("{:>8}  {}", one.place, one.name)).collect();
        lines.extend(lines.is_empty().then(|| match after {
            Some(place) => format!("none behind place {place}"),
            None => format!("no variant has {name:?} in its name"),
        }));
        lines.extend(page.next.map(|last| format!("more follow: --after {last}")));
        lines.join("\n")
    })
}

/// A schema with its id.
#[derive(Debug, Serialize)]
struct Named {
    id: SchemaId,
    schema: Schema,
}

impl SchemaCommand {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let named = match self {
            Self::Mapping { json_schema: true, .. } => {
                let schema = schemars::schema_for!(Mapping);
                return output.result(&schema, |schema| serde_json::to_string_pretty(schema).unwrap_or_default());
            }
            Self::Mapping { .. } => return output.result(&MAPPING_EXAMPLE, |text| text.trim_end().to_owned()),
            Self::Derive { name, vcf, attributes, mapping, build, out } => {
                let attributes = match (attributes, mapping) {
                    (_, Some(path)) => Mapping::open(&path)?.definitions(&path.display().to_string())?,
                    (Some(path), None) => read_json("attributes", &path)?,
                    (None, None) => Vec::new(),
                };
                let (schema, panel) = derive(name, &vcf, attributes, build)?;
                if panel.build == BUILD_UNKNOWN {
                    output.say("the file does not name its reference genome; researchers need it, give --build");
                }
                write_json("schema", &out.join("schema.json"), &schema)?;
                write_json("variant panel", &out.join("panel.json"), &panel)?;
                Named { id: schema.id()?, schema }
            }
            Self::Register { folder, key } => register(home, &folder, &key)?,
            Self::Variants { schema, name, after } => return list_variants(home, output, schema, &name, after),
            Self::Show { schema: id } => {
                let schema = home.connect()?.ledger.schema(id)?;
                let schema = schema.ok_or_else(|| Error::NotFound { what: "schema", id: id.to_string() })?;
                Named { id, schema }
            }
        };
        output.result(&named, |named| {
            let panel = &named.schema.panel;
            let head = format!("schema {} ({})", named.id, named.schema.name);
            let panel = format!("  panel: {} variants, {}", panel.variants, panel.build);
            let attributes = named.schema.attributes.iter().map(describe);
            [head, panel].into_iter().chain(attributes).collect::<Vec<_>>().join("\n")
        })
    }
}

/// An attribute as criteria name it: in its unit, not as records store it.
fn describe(attribute: &Attribute) -> String {
    let value = |stored: u32| f64::from(stored) / f64::from(attribute.scale.max(1));
    let unit = if attribute.unit.is_empty() { String::new() } else { format!(" {}", attribute.unit) };
    let range = format!("{} to {}{unit}", value(attribute.lo), value(attribute.hi));
    let criteria = match attribute.sensitivity {
        Sensitivity::Public => "",
        Sensitivity::Sensitive => "; not in public criteria",
    };
    format!("  {}: {range} ({}){criteria}", attribute.name, attribute.coding)
}

/// The schema and panel of a file's sites.
///
/// # Errors
/// [`Error::Market`] when the file is not imported.
fn derive(
    name: String,
    vcf: &Path,
    attributes: Vec<Attribute>,
    build: Option<String>,
) -> Result<(Schema, VariantPanel), Error> {
    let (imported, _) = import_file(vcf, &ImportOptions { build })?;
    let panel = imported.panel;
    Ok((Schema { name, attributes, panel: panel.reference()? }, panel))
}

fn register(home: &Home, folder: &Path, key: &Path) -> Result<Named, Error> {
    let schema: Schema = read_json("schema", &folder.join("schema.json"))?;
    let panel: VariantPanel = read_json("variant panel", &folder.join("panel.json"))?;
    if panel.reference()? != schema.panel {
        let why = format!("{} holds another panel than its schema names; derive both again", folder.display());
        return Err(Error::Input { what: "variant panel", why });
    }
    let key = home.key(key, Role::Issuer)?;
    let connection = home.connect()?;
    let bytes = borsh::to_vec(&panel).map_err(|error| Error::Output { why: error.to_string() })?;
    let id = schema.id()?;
    if connection.ledger.schema(id)?.is_none() {
        act(&*connection.ledger, &key.signing_key(), Action::RegisterSchema(schema.clone()))?;
    }
    // The ledger names the panel now, so a store takes it whatever room it has. Calling again puts it again.
    put(&*connection.blobs, BlobKind::Panel, bytes)?;
    Ok(Named { id, schema })
}
