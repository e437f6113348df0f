//! Cohort queries: written as files, planned, opened, watched, sealed, refunded.

mod planned;
mod shown;

use std::path::{Path, PathBuf};

use circuits::id::{ChainId, QueryId};
use clap::Subcommand;
use market::{
    data_use::DeclaredUse,
    ledger::{act, next_nonce, require_query, settle as settle_transaction},
    query::{Again, Plan, QueryFile, plan, plan_of_study, schema_and_panel},
    wallet::{PartyKey, Role},
};
use node::{
    state::StateView,
    transaction::{Action, Transaction},
};
use schemars::schema_for;

use self::{
    planned::{describe_plan, describe_privacy},
    shown::{Opened, describe, show, stages},
};
use super::{
    Home, Output,
    introduce::{Introducing, read_public_passport, require_node, write},
    keys::sealing_key,
    ontology::{self, Ontology, Sought},
    output::warn,
};
use crate::Error;

/// Plan, open and follow queries.
#[derive(Debug, Subcommand)]
pub enum Query {
    /// Show what a query file asks, costs, spends and would tell, and whether the ledger would refuse it. Opens nothing.
    Plan {
        /// The query file, in JSON or, when its name ends in .toml, in TOML.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// People to suppose in the cohort; the query's minimum without it.
        #[arg(long, value_name = "PEOPLE", value_parser = clap::value_parser!(u32).range(1..))]
        cohort: Option<u32>,
        #[command(flatten)]
        ontology: Ontology,
    },
    /// Print the JSON Schema of query files.
    Schema,
    /// Find a disease's code by its name, 20 at most, or by its number: what a query file and a declared use name, and what
    /// stands for it on the ledger.
    Disease {
        /// Words of its name, of a synonym or of its code.
        #[arg(value_name = "NAME", required_unless_present = "number")]
        name: Option<String>,
        /// The number that a query, a screening or a consent has, instead of a name.
        #[arg(long, conflicts_with = "name")]
        number: Option<u32>,
        /// An ontology in OBO format, such as mondo.obo; without it the node at --url is asked, which needs one.
        #[arg(long = "ontology", value_name = "FILE")]
        names: Option<PathBuf>,
    },
    /// Open a query. It locks price × maximum contributions and pays a fee that is not refunded.
    Open {
        /// The query file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The researcher's key file.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        ontology: Ontology,
        /// Open only as this action of the account: its number, from 0 on. The ledger takes each number once, so whoever tries
        /// again with the same one opens once.
        #[arg(long, value_name = "NUMBER")]
        nonce: Option<u64>,
        /// A passport or visas in JSON that show the owners' agents who asks; public from then on. What the file declares as
        /// data_use is sent with it, and without it too.
        #[arg(long, value_name = "FILE")]
        passport: Option<PathBuf>,
        /// Open without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Introduce yourself for an open query to a node, in place of what it has: what you promise of the use, and a passport.
    ///
    /// Agents that work with this node decide by it; send it to each node that agents use.
    Introduce(Introducing),
    /// Show a query's stage, contributions and escrow, what it asks and under which terms.
    Show {
        /// The query's id.
        query: QueryId,
    },
    /// List the stages that a query went through, each with its block and that block's time. Those between the first and the
    /// present one are looked for in the 256 blocks before the present one's, and are that node's word: no proof covers them.
    Stages {
        /// The query's id.
        query: QueryId,
    },
    /// Print the query file, in TOML or with --json in JSON, that would ask the same as a query again: to open it again or
    /// to change it first. Tables, curves and tests come back as the counts and sums that they are read from; promises of a
    /// declared use are not repeated.
    Again {
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

/// What is said of a query: its declared use, and a passport.
type Said<'a> = (Option<&'a DeclaredUse>, Option<&'a str>);

impl Query {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::Plan { file, cohort, ontology } => {
                let file = query_file(&file, &ontology)?;
                let planned = planned(home, &file, None, cohort)?;
                output.result(&planned, |plan| describe_plan(&file, plan))
            }
            Self::Schema => {
                let schema = schema_for!(QueryFile);
                output.result(&schema, |schema| serde_json::to_string_pretty(schema).unwrap_or_default())
            }
            Self::Disease { name, number, names } => {
                let sought = number.map_or_else(|| Sought::Name(name.unwrap_or_default()), Sought::Number);
                ontology::find(home, output, &sought, names.as_deref())
            }
            Self::Open { file, key, ontology, nonce, passport, yes } => {
                let file = query_file(&file, &ontology)?;
                let passport = passport.as_deref().map(read_public_passport).transpose()?;
                if passport.is_some() {
                    require_node(home)?;
                }
                let said = (file.data_use.as_ref(), passport.as_deref());
                open(home, output, (&file, said), &home.key(&key, Role::Researcher)?, nonce, yes)
            }
            Self::Introduce(introducing) => introducing.run(home, output),
            Self::Show { query } => show(home, output, query),
            Self::Stages { query } => stages(home, output, query),
            Self::Again { query } => again(home, output, query),
            Self::Seal { query, key } => settle(home, output, query, &key, Action::Seal(query)),
            Self::Refund { query, key } => settle(home, output, query, &key, Action::Refund(query)),
        }
    }
}

fn again(home: &Home, output: &Output, id: QueryId) -> Result<(), Error> {
    let connection = home.connect()?;
    let query = require_query(&*connection.ledger, id)?.query;
    let (schema, panel) = schema_and_panel(&*connection.ledger, &*connection.blobs, query.schema)?;
    let Again { file, remarks } = Again::of(&query, &schema, panel.as_ref());
    // Beside the file and not in it, with --json too: standard output is the file alone.
    remarks.iter().for_each(|remark| warn(format!("note: {remark}")));
    let text = file.to_toml()?;
    output.result(&file, |_| text)
}

/// Plans for a researcher, or for whoever registered the study when no key is given.
fn planned(home: &Home, file: &QueryFile, key: Option<&PartyKey>, cohort: Option<u32>) -> Result<Plan, Error> {
    let connection = home.connect()?;
    let (ledger, blobs) = (&*connection.ledger, &*connection.blobs);
    let chain = (ledger as &dyn StateView, ledger.genesis());
    let Some(key) = key else { return Ok(plan_of_study(chain, blobs, file, cohort)?) };
    let (schema, panel) = schema_and_panel(ledger, blobs, file.schema)?;
    let cohort = cohort.unwrap_or(file.contributions_min);
    Ok(plan(chain, file, (&schema, panel.as_ref()), (key.account(), sealing_key(key)), cohort)?)
}

/// A query file whose declared use holds together under an ontology.
fn query_file(path: &Path, ontology: &Ontology) -> Result<QueryFile, Error> {
    let file = QueryFile::open(path)?;
    ontology.check(file.data_use.as_ref())?;
    Ok(file)
}

fn open(
    home: &Home,
    output: &Output,
    (file, said): (&QueryFile, Said<'_>),
    key: &PartyKey,
    nonce: Option<u64>,
    yes: bool,
) -> Result<(), Error> {
    let plan = planned(home, file, Some(key), None)?;
    if let Some(why) = &plan.refusal {
        return Err(Error::Input { what: "query", why: format!("the ledger would refuse it: {why}") });
    }
    // What is spent stands beside what was spent before, for whoever decides now.
    plan.privacy.iter().flat_map(describe_privacy).for_each(|line| output.say(line));
    plan.warnings.iter().for_each(|warning| output.say(format!("warning   {warning}")));
    let spends = plan.privacy.map_or(String::new(), |privacy| format!(", and spend ε = {}", privacy.epsilon_milli));
    output.confirm(yes, &format!("Lock {} and pay {} to open this query{spends}?", plan.escrow, plan.fee))?;
    let connection = home.connect()?;
    let ledger = &*connection.ledger;
    let next = next_nonce(ledger, &key.signing_key())?;
    if let Some(wanted) = nonce.filter(|wanted| *wanted != next) {
        let why = format!(
            "the account's next action has number {next}, not {wanted}: it did something meanwhile; look whether the query is \
             open, then take {next}"
        );
        return Err(Error::Input { what: "nonce", why });
    }
    let id = plan.query.id(&ledger.chain(), &key.account(), next)?;
    let action = Action::OpenQuery(Box::new(plan.query));
    settle_transaction(ledger, ledger.submit(Transaction::sign(ledger.chain(), &key.signing_key(), next, action)?)?)?;
    let introduced = introduced(home, (&ledger.chain(), id), said, key);
    let opened = Opened { id, state: require_query(ledger, id)?, introduced };
    output.result(&opened, |opened| format!("query {} is open; escrow {}", opened.id, opened.state.escrow))
}

/// Sends what is said of an opened query to the node, if there is any of both; whether it was taken. The query is open all
/// the same.
fn introduced(home: &Home, (chain, id): (&ChainId, QueryId), said: Said<'_>, key: &PartyKey) -> Option<bool> {
    if said == (None, None) || home.url().is_none() {
        return None;
    }
    let sent = require_node(home).and_then(|node| node.introduce(&write(chain, id, said, key)?));
    if let Err(error) = &sent {
        warn(format!(
            "warning: the query is open, but its introduction was not taken: {error}; send it with `locus query introduce {id}`"
        ));
    }
    Some(sent.is_ok())
}

fn settle(home: &Home, output: &Output, id: QueryId, key: &Path, action: Action) -> Result<(), Error> {
    let key = home.key(key, Role::Researcher)?;
    let connection = home.connect()?;
    act(&*connection.ledger, &key.signing_key(), action)?;
    let opened = Opened { id, state: require_query(&*connection.ledger, id)?, introduced: None };
    output.result(&opened, describe)
}
