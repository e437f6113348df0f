//! The screening file, in JSON or TOML, as query files are.

use std::path::Path;

use circuits::{
    consent::{Day, Regions},
    id::{AccountId, SchemaId, StudyId},
    schema::Schema,
};
use node::{query::SealingKey, screening::ScreeningQuery, units::Amount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    data_use::{DeclaredUse, RegionTable, StatedUse},
    query::{NamedClause, Names, first_region, parse_toml, public_criteria, read},
};

/// A screening as sponsors write it: attributes and purposes by name, values in their units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScreeningFile {
    /// The registered study that recruits, 64 hex digits.
    #[schemars(with = "String")]
    pub study: StudyId,
    /// The schema of the records asked, 64 hex digits.
    #[schemars(with = "String")]
    pub schema: SchemaId,
    /// Who is looked for, by public attributes: groups joined by AND, clauses within a group joined by OR. Whoever responds
    /// shows that they hold.
    #[serde(default)]
    pub criteria: Vec<Vec<NamedClause>>,
    /// Issuers asked, at most eight; empty asks all.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub issuers: Vec<AccountId>,
    /// Purposes, such as `health-research`; or `data_use` says them.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// Number of the disease studied, made from an ontology's code; 0 for none.
    #[serde(default)]
    pub disease: u32,
    /// Bits of the regions where the trial is.
    #[serde(default = "first_region")]
    pub regions: u32,
    /// The use in the terms of the Data Use Ontology, in place of `purposes`, `disease` and `regions`.
    #[serde(default)]
    pub data_use: Option<DeclaredUse>,
    /// The network's regions, each a list of countries, which `data_use` names its countries by.
    #[serde(default)]
    pub region_table: RegionTable,
    /// Price of one response, in minor units.
    pub price: u64,
    /// Responses above which none is admitted.
    pub responses_max: u32,
    /// Days the screening collects, from today on.
    pub days: u32,
}

/// A refusal of what both kinds of file share, in the words of this one.
fn of_screening(error: Error) -> Error {
    match error {
        Error::QueryFile { why } => Error::ScreeningFile { why },
        other => other,
    }
}

impl ScreeningFile {
    /// Reads a file: TOML when its name ends so, else JSON.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::ScreeningFile`] when it is too long or no screening.
    pub fn open(path: &Path) -> Result<Self, Error> {
        read(path, "read the screening file").map_err(of_screening)
    }

    /// Reads TOML; `name` says whose in errors.
    ///
    /// # Errors
    /// [`Error::ScreeningFile`] when it is no screening.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        parse_toml(name, text).map_err(of_screening)
    }

    /// The screening that this file means under a schema, opening today. Contacts are sealed to `sealing`.
    ///
    /// # Errors
    /// [`Error::ScreeningFile`] for an attribute that is not known, a variant, and a value that cannot be;
    /// [`Error::DataUse`] and [`Error::Statement`] for a use, as [`StatedUse::demand`]; [`Error::Ledger`] for what the ledger would refuse whatever
    /// its state.
    pub fn resolve(&self, schema: &Schema, today: Day, sealing: SealingKey) -> Result<ScreeningQuery, Error> {
        let names = Names { schema, panel: None };
        let screening = ScreeningQuery {
            study: self.study,
            schema: self.schema,
            criteria: public_criteria(&self.criteria, names).map_err(of_screening)?,
            issuers: self.issuers.clone(),
            data_use: self.stated_use().demand(None)?,
            price: Amount::new(self.price),
            responses_max: self.responses_max,
            opening: today,
            closing: Day(today.0.saturating_add(self.days)),
            sealing,
        };
        screening.check()?;
        screening.criteria.check_public(schema)?;
        Ok(screening)
    }

    fn stated_use(&self) -> StatedUse<'_> {
        StatedUse {
            purposes: &self.purposes,
            disease: self.disease,
            regions: Regions(self.regions),
            regions_unsaid: Regions(first_region()),
            declared: self.data_use.as_ref(),
            region_table: &self.region_table,
        }
    }
}
