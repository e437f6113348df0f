//! Describing records: attributes and a variant panel.

use std::path::{Path, PathBuf};

use circuits::{
    id::SchemaId,
    schema::{Attribute, Schema, VariantPanel},
};
use clap::Subcommand;
use market::{
    import::{ImportOptions, import_file},
    ledger::act,
    objects::{BlobKind, put},
    wallet::Role,
};
use node::{state::StateRead, transaction::Action};
use serde::Serialize;

use super::{
    Home, Output,
    session::{read_json, write_json},
};
use crate::Error;

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
    /// Show a registered schema.
    Show {
        /// The schema's id.
        schema: SchemaId,
    },
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
            Self::Derive { name, vcf, attributes, build, out } => {
                let (schema, panel) = derive(name, &vcf, attributes.as_deref(), build)?;
                write_json("schema", &out.join("schema.json"), &schema)?;
                write_json("variant panel", &out.join("panel.json"), &panel)?;
                Named { id: schema.id()?, schema }
            }
            Self::Register { folder, key } => register(home, &folder, &key)?,
            Self::Show { schema: id } => {
                let schema = home.connect()?.ledger.schema(id)?;
                let schema = schema.ok_or_else(|| Error::NotFound { what: "schema", id: id.to_string() })?;
                Named { id, schema }
            }
        };
        output.result(&named, |named| {
            let attributes: Vec<_> = named.schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            let panel = &named.schema.panel;
            format!(
                "schema {} ({})\n  attributes  {}\n  panel       {} variants, {}",
                named.id,
                named.schema.name,
                attributes.join(", "),
                panel.variants,
                panel.build
            )
        })
    }
}

/// The schema and panel of a file's sites.
///
/// # Errors
/// [`Error::Market`] when the file is not imported.
fn derive(
    name: String,
    vcf: &Path,
    attributes: Option<&Path>,
    build: Option<String>,
) -> Result<(Schema, VariantPanel), Error> {
    let attributes: Vec<Attribute> =
        attributes.map(|path| read_json("attributes", path)).transpose()?.unwrap_or_default();
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
    put(&*connection.blobs, BlobKind::Blob, bytes)?;
    let id = schema.id()?;
    if connection.ledger.schema(id)?.is_none() {
        act(&*connection.ledger, &key.signing_key(), Action::RegisterSchema(schema.clone()))?;
    }
    Ok(Named { id, schema })
}
