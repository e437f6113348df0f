//! The query file, in JSON or TOML.

use std::{fs, io::Read as _, path::Path};

use circuits::{
    consent::{Day, Regions},
    criteria::{CLAUSES_MAX, Clause, Criteria, MATCH_CLAUSES_MAX, MatchCriteria},
    id::{AccountId, SchemaId, StudyId},
    layout::{AXES_MAX, Axis, Layout, Statistic, Subject},
    privacy::Epsilon,
    schema::{Schema, VariantPanel},
};
use node::{
    query::{CohortQuery, DataUse, PARTS_MAX, PrivacyMode, SealingKey},
    units::Amount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Measure, NamedClause,
    named::{Names, refused},
};
use crate::{
    Error,
    data_use::{DeclaredUse, RegionTable, StatedUse},
};

/// The longest query file.
pub const QUERY_FILE_BYTES_MAX: u64 = 1 << 20;

/// A query as people write it: attributes, variants and purposes by name, values in their units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryFile {
    /// The registered study, 64 hex digits.
    #[schemars(with = "String")]
    pub study: StudyId,
    /// The schema of the records asked, 64 hex digits.
    #[schemars(with = "String")]
    pub schema: SchemaId,
    /// Who is asked, by public attributes: groups joined by AND, clauses within a group joined by OR. Whoever contributes
    /// shows that they hold.
    #[serde(default)]
    pub criteria: Vec<Vec<NamedClause>>,
    /// Who is counted, by any attribute or variant; private queries only. Nobody sees who matches.
    #[serde(default)]
    pub matching: Vec<Vec<NamedClause>>,
    /// Issuers asked, at most eight; empty asks all.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub issuers: Vec<AccountId>,
    /// How contributors are protected.
    pub privacy: Privacy,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Purposes, such as `health-research`; or `data_use` says them.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// Number of the disease studied, made from an ontology's code; 0 for none.
    #[serde(default)]
    pub disease: u32,
    /// Bits of the regions where the data is used.
    #[serde(default = "first_region")]
    pub regions: u32,
    /// The use in the terms of the Data Use Ontology, in place of `purposes`, `disease` and `regions`.
    #[serde(default)]
    pub data_use: Option<DeclaredUse>,
    /// The network's regions, each a list of countries, which `data_use` names its countries by.
    #[serde(default)]
    pub region_table: RegionTable,
    /// Price of one contribution, in minor units.
    pub price: u64,
    /// Contributions below which the query is refunded.
    pub contributions_min: u32,
    /// Contributions above which none is admitted.
    pub contributions_max: u32,
    /// Days the query collects, from today on.
    pub days: u32,
    /// Blocks within which the aggregate must follow sealing.
    #[serde(default = "deadline")]
    pub aggregate_blocks_max: u32,
    /// Blocks within which the release must follow the aggregate.
    #[serde(default = "deadline")]
    pub release_blocks_max: u32,
}

/// How contributors are protected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// No noise: public criteria only, a high floor, several issuers, and one release per record, period and measure.
    Exact,
    /// Differential privacy with this loss ε for the whole query, in steps of 0.001; δ is 10⁻⁹.
    Epsilon(f64),
}

pub(crate) const fn first_region() -> u32 {
    1
}

const fn deadline() -> u32 {
    10_000
}

impl QueryFile {
    /// Reads a file: TOML when its name ends so, else JSON.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::QueryFile`] when it is too long or no query.
    pub fn open(path: &Path) -> Result<Self, Error> {
        read(path, "read the query file")
    }

    /// Reads TOML; `name` says whose in errors.
    ///
    /// # Errors
    /// [`Error::QueryFile`] when it is no query.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        parse_toml(name, text)
    }

    /// The file as TOML, which [`QueryFile::from_toml`] reads back.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for what TOML cannot hold, such as a price beyond 2^63 − 1.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| refused(format!("it cannot be written as TOML: {error}; use JSON")))
    }

    /// Refuses lists that no query may have, before a name of them is looked up in a panel of millions.
    fn check_lengths(&self) -> Result<(), Error> {
        if self.measures.is_empty() {
            return Err(refused("it measures nothing; add at least one entry to measures".into()));
        }
        let clauses = |groups: &[Vec<NamedClause>]| groups.iter().map(Vec::len).sum::<usize>();
        let lists = [
            ("measures", self.measures.len(), PARTS_MAX),
            ("clauses of criteria", clauses(&self.criteria), CLAUSES_MAX),
            ("clauses of matching", clauses(&self.matching), MATCH_CLAUSES_MAX),
            (
                "axes of a measure",
                self.measures.iter().map(|measure| measure.axes().len()).max().unwrap_or(0),
                AXES_MAX,
            ),
        ];
        match lists.into_iter().find(|(_, found, most)| found > most) {
            Some((what, found, most)) => Err(refused(format!("it has {found} {what}; at most {most} can be"))),
            None => Ok(()),
        }
    }

    /// The parts of every measure, in order.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for a name that is not known, or more than eight parts in all.
    pub fn parts(&self, schema: &Schema, panel: Option<&VariantPanel>) -> Result<Vec<Vec<Layout>>, Error> {
        self.check_lengths()?;
        let names = Names { schema, panel };
        let parts: Vec<Vec<Layout>> =
            self.measures.iter().map(|measure| measure.parts(names, &self.matching)).collect::<Result<_, _>>()?;
        let total: usize = parts.iter().map(Vec::len).sum();
        if total == 0 || total > PARTS_MAX {
            return Err(refused(format!("its measures take {total} parts; 1 to {PARTS_MAX} can be")));
        }
        Ok(parts)
    }

    /// The query that this file means under a schema, opening today.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for an attribute, variant or purpose that is not known, and a value that cannot be;
    /// [`Error::DataUse`] for a declared use that does not hold together.
    pub fn resolve(
        &self,
        schema: &Schema,
        panel: Option<&VariantPanel>,
        today: Day,
        sealing: SealingKey,
    ) -> Result<CohortQuery, Error> {
        let names = Names { schema, panel };
        let parts = self.parts(schema, panel)?.concat();
        // A file is refused for whom it asks before it is for what.
        let criteria = self.public_criteria(schema, panel)?;
        let data_use = self.demanded_use(&parts)?;
        Ok(CohortQuery {
            study: self.study,
            schema: self.schema,
            criteria,
            matching: MatchCriteria { groups: groups(&self.matching, |named| names.clause(named))? },
            issuers: self.issuers.clone(),
            parts,
            data_use,
            price: Amount::new(self.price),
            contributions_min: self.contributions_min,
            contributions_max: self.contributions_max,
            privacy: self.privacy.mode()?,
            opening: today,
            closing: Day(today.0.saturating_add(self.days)),
            aggregate_blocks_max: self.aggregate_blocks_max,
            release_blocks_max: self.release_blocks_max,
            sealing,
        })
    }

    /// What the query demands of consents for its use.
    fn demanded_use(&self, parts: &[Layout]) -> Result<DataUse, Error> {
        let matching = self.matching.iter().flatten().any(|clause| clause.variant.is_some());
        let genetic = matching || parts.iter().any(reads_genotypes);
        let stated = StatedUse {
            purposes: &self.purposes,
            disease: self.disease,
            regions: Regions(self.regions),
            regions_unsaid: Regions(first_region()),
            declared: self.data_use.as_ref(),
            region_table: &self.region_table,
        };
        stated.demand(Some(genetic))
    }

    /// Who is asked, under a schema.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for an attribute that is not known, a variant, and a value that cannot be.
    pub fn public_criteria(&self, schema: &Schema, panel: Option<&VariantPanel>) -> Result<Criteria, Error> {
        self.check_lengths()?;
        public_criteria(&self.criteria, Names { schema, panel })
    }
}

/// Reads a file of at most [`QUERY_FILE_BYTES_MAX`] bytes: TOML when its name ends so, else JSON.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::QueryFile`] when it is too long or does not parse.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, action: &'static str) -> Result<T, Error> {
    let failed = |source| Error::File { path: path.into(), action, source };
    let mut text = String::new();
    let mut file = fs::File::open(path).map_err(failed)?.take(QUERY_FILE_BYTES_MAX + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > QUERY_FILE_BYTES_MAX {
        return Err(refused(format!("{} is longer than {QUERY_FILE_BYTES_MAX} bytes", path.display())));
    }
    let name = path.display().to_string();
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        parse_toml(&name, &text)
    } else {
        serde_json::from_str(&text).map_err(|error| refused(format!("{name}: {error}")))
    }
}

/// Reads TOML; `name` says whose in errors.
pub(crate) fn parse_toml<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| refused(format!("{name}: {error}")))
}

/// Public criteria from clauses by name.
pub(crate) fn public_criteria(named: &[Vec<NamedClause>], names: Names<'_>) -> Result<Criteria, Error> {
    let public = |named: &NamedClause| {
        let clause = names.clause(named)?;
        match clause.subject {
            Subject::Attribute(attribute) => {
                Ok(Clause { attribute, lo: clause.lo, hi: clause.hi, negated: clause.negated })
            }
            Subject::Dosage(_) => {
                Err(refused("whom a query asks is told by attributes alone; put variants under matching, where it is said whom it counts".into()))
            }
        }
    };
    Ok(Criteria { groups: groups(named, public)? })
}

/// Whether a part measures genotypes or groups by one.
fn reads_genotypes(layout: &Layout) -> bool {
    let by_genotype = |axis: &Axis| matches!(axis.subject(), Subject::Dosage(_));
    matches!(layout.statistic, Statistic::Genotypes { .. }) || layout.axes.iter().any(by_genotype)
}

fn groups<T>(
    named: &[Vec<NamedClause>],
    clause: impl Fn(&NamedClause) -> Result<T, Error>,
) -> Result<Vec<Vec<T>>, Error> {
    named.iter().map(|group| group.iter().map(&clause).collect()).collect()
}

impl Privacy {
    /// The ledger's form.
    ///
    /// # Errors
    /// [`Error::QueryFile`] for an ε that is no multiple of 0.001 above 0.
    pub fn mode(self) -> Result<PrivacyMode, Error> {
        match self {
            Self::Exact => Ok(PrivacyMode::Exact),
            Self::Epsilon(epsilon) => {
                let milli = (epsilon * 1_000.0).round();
                if !(1.0..=1e6).contains(&milli) || (epsilon * 1_000.0 - milli).abs() > 1e-6 {
                    return Err(refused(format!("ε = {epsilon} must be a multiple of 0.001 above 0")));
                }
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 1 to 10^6")]
                Ok(PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(milli as u32) })
            }
        }
    }
}
