//! Cohort queries: written as files, opened, watched, sealed, refunded.

use std::path::{Path, PathBuf};

use circuits::{
    consent::{Day, Purposes, Regions},
    criteria::{Clause, Criteria, MatchCriteria},
    id::{AccountId, QueryId, SchemaId, StudyId},
    layout::{Layout, Statistic},
    rlwe::params::LAYOUT_SLOTS,
    schema::{Attribute, Schema},
};
use clap::Subcommand;
use market::{
    ledger::{act, next_nonce, require_query},
    wallet::{PartyKey, Role},
};
use node::{
    calendar::date,
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    state::{QueryState, QueryStatus, StateRead},
    transaction::Action,
    units::Amount,
};
use serde::{Deserialize, Serialize};

use super::{Home, Output, keys::sealing_key, session::read_json};
use crate::Error;

/// Open and follow queries.
#[derive(Debug, Subcommand)]
pub enum Query {
    /// Show what a query file asks, costs and needs, without opening it.
    Plan {
        /// The query file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Open a query. It locks price × maximum contributions and pays a fee that is not refunded.
    Open {
        /// The query file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Open without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Show a query's stage, contributions and escrow.
    Show {
        /// The query's id.
        query: QueryId,
    },
    /// Freeze a query's contributions: when it is full or past its closing day, or earlier where the chain allows it.
    Seal {
        /// The query's id.
        query: QueryId,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Return the escrow of a query that missed a deadline.
    Refund {
        /// The query's id.
        query: QueryId,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// A query as people write it: attributes and purposes by name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryFile {
    /// The registered study.
    pub study: StudyId,
    /// The schema of the records asked.
    pub schema: SchemaId,
    /// Groups joined by AND, clauses within a group joined by OR.
    #[serde(default)]
    pub criteria: Vec<Vec<NamedClause>>,
    /// Issuers asked, at most eight; empty asks all.
    #[serde(default)]
    pub issuers: Vec<AccountId>,
    /// What is measured; one ciphertext of each contribution for each.
    pub parts: Vec<Layout>,
    /// Purposes, such as `health-research`.
    pub purposes: Vec<String>,
    /// Code of the disease studied; 0 for none.
    #[serde(default)]
    pub disease: u32,
    /// Bits of the regions where the data is used.
    #[serde(default = "first_region")]
    pub regions: u32,
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

/// A clause with its attribute's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedClause {
    /// The attribute's name in the schema.
    pub attribute: String,
    /// Least value, in the attribute's unit, such as 30 or 54.3.
    pub lo: f64,
    /// Greatest value, in the attribute's unit.
    pub hi: f64,
    /// Whether values outside the interval are meant.
    #[serde(default)]
    pub negated: bool,
}

const fn first_region() -> u32 {
    1
}

const fn deadline() -> u32 {
    10_000
}

impl QueryFile {
    /// The query that this file means under a schema, opening today.
    ///
    /// # Errors
    /// [`Error::Input`] for an attribute or purpose that is not known.
    pub(super) fn resolve(&self, schema: &Schema, today: Day, sealing: SealingKey) -> Result<CohortQuery, Error> {
        let clause = |named: &NamedClause| {
            let index = schema.attribute_index(&named.attribute);
            let found = index.and_then(|index| Some((u8::try_from(index).ok()?, schema.attributes.get(index)?)));
            let (attribute, described) = found.ok_or_else(|| unknown_attribute(&named.attribute, schema))?;
            let scaled = |value| scaled(&named.attribute, value, described.scale);
            let clause = Clause { attribute, lo: scaled(named.lo)?, hi: scaled(named.hi)?, negated: named.negated };
            check_range(named, &clause, described)?;
            Ok(clause)
        };
        let group = |clauses: &Vec<NamedClause>| clauses.iter().map(clause).collect::<Result<Vec<_>, Error>>();
        let criteria = Criteria { groups: self.criteria.iter().map(group).collect::<Result<_, _>>()? };
        Ok(CohortQuery {
            study: self.study,
            schema: self.schema,
            criteria,
            matching: MatchCriteria::default(),
            issuers: self.issuers.clone(),
            parts: self.parts.clone(),
            data_use: DataUse {
                purposes: purposes(&self.purposes)?,
                disease: self.disease,
                regions: Regions(self.regions),
            },
            price: Amount::new(self.price),
            contributions_min: self.contributions_min,
            contributions_max: self.contributions_max,
            privacy: PrivacyMode::Exact,
            opening: today,
            closing: Day(today.0.saturating_add(self.days)),
            aggregate_blocks_max: self.aggregate_blocks_max,
            release_blocks_max: self.release_blocks_max,
            sealing,
        })
    }
}

fn unknown_attribute(name: &str, schema: &Schema) -> Error {
    let known: Vec<_> = schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    let why = format!("the schema has no attribute {name:?}; it has {}", known.join(", "));
    Error::Input { what: "query file", why }
}

/// Refuses an interval that is empty or holds no value that a record can have: its query would cost and find nobody.
fn check_range(named: &NamedClause, clause: &Clause, attribute: &Attribute) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Input { what: "query file", why });
    let NamedClause { attribute: name, lo, hi, .. } = named;
    if clause.lo > clause.hi {
        return refuse(format!("{name} from {lo} to {hi} holds no value; the least comes first"));
    }
    if clause.lo > attribute.hi || clause.hi < attribute.lo {
        let value = |stored: u32| f64::from(stored) / f64::from(attribute.scale.max(1));
        let (least, greatest) = (value(attribute.lo), value(attribute.hi));
        return refuse(format!("{name} from {lo} to {hi} is outside the schema's {least} to {greatest}"));
    }
    Ok(())
}

/// A value in an attribute's unit as the integer that records hold: the value times the attribute's scale.
fn scaled(attribute: &str, value: f64, scale: u32) -> Result<u32, Error> {
    let product = value * f64::from(scale);
    let refused = || Error::Input {
        what: "query file",
        why: format!(
            "{value} for {attribute} is not a whole multiple of 1/{scale} between 0 and {}",
            u32::MAX / scale.max(1)
        ),
    };
    // Decimal fractions such as 54.3 are not exact in binary; what is a thousandth off is another value.
    if !(0.0..=f64::from(u32::MAX)).contains(&product) || (product - product.round()).abs() > 1e-3 {
        return Err(refused());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0..=u32::MAX")]
    Ok(product.round() as u32)
}

/// The set of purposes with these names.
///
/// # Errors
/// [`Error::Input`] for an unknown name, with the known ones.
pub(super) fn purposes(names: &[String]) -> Result<Purposes, Error> {
    names.iter().try_fold(Purposes::default(), |set, name| {
        let known = Purposes::NAMED.iter().find(|(known, _)| known == name);
        let (_, purpose) = known.ok_or_else(|| Error::Input {
            what: "purpose",
            why: format!("{name:?} is none of {}", Purposes::NAMED.map(|(known, _)| known).join(", ")),
        })?;
        Ok(set.union(*purpose))
    })
}

/// What a query costs and takes.
#[derive(Debug, Serialize)]
struct Plan {
    escrow: Amount,
    fee: Amount,
    parts: usize,
    slots: Vec<u16>,
    /// The closing day as a date.
    closing: String,
    criteria: Vec<String>,
    purposes: Vec<String>,
    query: CohortQuery,
}

/// A query with its id.
#[derive(Debug, Serialize)]
struct Opened {
    id: QueryId,
    state: QueryState,
}

impl Query {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Plan { file } => {
                let plan = plan(home, &file, SealingKey::new(vec![0]))?;
                output.result(&plan, describe_plan)
            }
            Self::Open { file, key, yes } => open(home, output, &file, &home.key(&key, Role::Researcher)?, yes),
            Self::Show { query } => show(home, output, query),
            Self::Seal { query, key } => settle(home, output, query, &key, Action::Seal(query)),
            Self::Refund { query, key } => settle(home, output, query, &key, Action::Refund(query)),
        }
    }
}

fn plan(home: &Home, file: &Path, sealing: SealingKey) -> Result<Plan, Error> {
    let file: QueryFile = read_json("query file", file)?;
    let connection = home.connect()?;
    let missing = || Error::NotFound { what: "schema", id: file.schema.to_string() };
    let schema = connection.ledger.schema(file.schema)?.ok_or_else(missing)?;
    let today = market::ledger::tip(&*connection.ledger)?.time.day();
    let query = file.resolve(&schema, today, sealing)?;
    query.check()?;
    node::query::check_against_schema(&query, &schema)?;
    Ok(Plan {
        escrow: query.escrow()?,
        fee: connection.ledger.genesis().parameters.opening_fee,
        parts: query.parts.len(),
        slots: query.parts.iter().map(Layout::slots_used).collect(),
        closing: date(query.closing),
        criteria: file
            .criteria
            .iter()
            .map(|group| group.iter().map(in_words).collect::<Vec<_>>().join(" or "))
            .collect(),
        purposes: file.purposes.clone(),
        query,
    })
}

fn in_words(clause: &NamedClause) -> String {
    let NamedClause { attribute, lo, hi, negated } = clause;
    format!("{attribute} {}from {lo} to {hi}", if *negated { "not " } else { "" })
}

fn part_in_words(layout: &Layout) -> String {
    let Layout { window, statistic, .. } = layout;
    let measured = match statistic {
        Statistic::Count => "how many contribute".into(),
        Statistic::Funnel { groups } => format!("how many satisfy each prefix of {groups} match groups"),
        Statistic::Moments { attributes } => format!("means and covariances of {} attributes", attributes.len()),
        Statistic::Genotypes { first, length } => {
            format!("genotype counts of {length} variants, from number {first} of window {window} on")
        }
    };
    match layout.cells() {
        1 => measured,
        cells => format!("{measured}, in each of {cells} cells"),
    }
}

fn describe_plan(plan: &Plan) -> String {
    let query = &plan.query;
    let whom = if plan.criteria.is_empty() { "everybody".into() } else { plan.criteria.join(", and ") };
    let mut lines = vec![
        format!("asks      {whom}"),
        format!("for       {}", plan.purposes.join(", ")),
        format!(
            "collects  {} to {} contributions until the end of {}",
            query.contributions_min, query.contributions_max, plan.closing
        ),
    ];
    let parts = query.parts.iter().zip(&plan.slots).map(|(layout, slots)| {
        format!("part      {}; {slots} of {LAYOUT_SLOTS} slots, one proof from each contributor", part_in_words(layout))
    });
    lines.extend(parts);
    lines.push(format!("escrow    {} ({} for each of {})", plan.escrow, query.price, query.contributions_max));
    lines.push(format!("fee       {}, not refunded", plan.fee));
    lines.join("\n")
}

fn open(home: &Home, output: &Output, file: &Path, key: &PartyKey, yes: bool) -> Result<(), Error> {
    let plan = plan(home, file, sealing_key(key))?;
    output.confirm(yes, &format!("Lock {} and pay {} to open this query?", plan.escrow, plan.fee))?;
    let connection = home.connect()?;
    let ledger = &*connection.ledger;
    let nonce = next_nonce(ledger, &key.signing_key())?;
    let id = plan.query.id(&ledger.chain(), &key.account(), nonce)?;
    act(ledger, &key.signing_key(), Action::OpenQuery(Box::new(plan.query)))?;
    let opened = Opened { id, state: require_query(ledger, id)? };
    output.result(&opened, |opened| format!("query {} is open; escrow {}", opened.id, opened.state.escrow))
}

fn show(home: &Home, output: &Output, id: QueryId) -> Result<(), Error> {
    let opened = Opened { id, state: require_query(&*home.connect()?.ledger, id)? };
    output.result(&opened, describe)
}

fn settle(home: &Home, output: &Output, id: QueryId, key: &Path, action: Action) -> Result<(), Error> {
    let key = home.key(key, Role::Researcher)?;
    let connection = home.connect()?;
    act(&*connection.ledger, &key.signing_key(), action)?;
    let opened = Opened { id, state: require_query(&*connection.ledger, id)? };
    output.result(&opened, describe)
}

fn describe(opened: &Opened) -> String {
    let state = &opened.state;
    let stage = match &state.status {
        QueryStatus::Collecting => "collecting".into(),
        QueryStatus::Sealed { height, .. } => format!("sealed in block {height}"),
        QueryStatus::Aggregated { height, .. } => format!("aggregated in block {height}"),
        QueryStatus::Released { height, .. } => format!("released in block {height}"),
        QueryStatus::Refunded { height, reason } => format!("refunded in block {height}: {reason:?}"),
    };
    format!(
        "query          {}\nstage          {stage}\nclosing        {}\ncontributions  {} ({} to {})\nescrow         {}",
        opened.id,
        date(state.query.closing),
        state.surviving,
        state.query.contributions_min,
        state.query.contributions_max,
        state.escrow
    )
}
