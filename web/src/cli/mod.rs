//! The `locus` command line: one subcommand for each step, in the order in which a network comes to life.

mod account;
mod agent;
mod aggregate;
mod analysis;
mod block;
mod ceremony;
mod clinical;
mod committee;
mod consent;
mod consent_exchange;
mod database;
mod demo;
mod export;
mod funding;
mod genome;
mod govern;
mod index;
mod introduce;
mod jobs;
mod keys;
mod ledger;
mod licence;
mod listing;
mod network;
mod node;
mod objects;
mod ontology;
mod output;
mod passport;
mod patience;
mod query;
mod record;
mod result;
mod schema;
mod screening;
mod session;
mod sign_in;
mod study;
mod verify;
mod wallet;

use clap::{Parser, Subcommand};

pub(crate) use analysis::{AnalysisOptions, describe_analyses, undrawn};
pub(crate) use keys::sealing_key;
pub(crate) use node::service;
pub use output::Output;
pub use session::{Connection, Home};
pub(crate) use session::{write_file, write_json, write_private_file};

use crate::Error;

/// The heading of the options that every command takes.
const EVERYWHERE: &str = "Options of every command";

/// The life of a query, one line for each step.
const TOUR: &str = "\
A tour, one line for each step (docs/guide/network.md has it whole):

  locus keys new researcher researcher.key           each party makes its own key
  locus network init NAME --balance ACCOUNT=AMOUNT   found the network
  locus serve                                        run its node
  locus committee serve --url URL ...                run each committee member: together they make a key
  locus govern accredit-issuer ACCOUNT               the governor lets hospitals and researchers in
  locus schema derive NAME --vcf FILE --out DIR      describe the records, then `schema register` them
  locus record certify --vcf FILE ...                hospitals certify; people get wallets
  locus study register TITLE ...                     a researcher says what for
  locus query open FILE --key FILE                   and asks
  locus agent run --wallets DIR ...                  people's agents prove, encrypt and contribute, or decline
  locus query seal QUERY --key FILE                  nobody joins or leaves any more
  locus aggregate QUERY ...                          anyone adds up ciphertexts; the committee releases the sum
  locus result QUERY --key FILE --receipt FILE       the researcher alone decrypts it
  locus verify FILE                                  everybody checks it";

/// Research on genomes in which nobody sees a record.
///
/// The subcommands below follow the life of a network: found it, certify records, ask, answer, decrypt the sum, verify.
/// `locus demo` plays all of it at once. Every command takes --json.
#[derive(Debug, Parser)]
#[command(name = "locus", version, max_term_width = 110, after_long_help = TOUR)]
pub struct Cli {
    /// Print one JSON object on standard output instead of text; {"error": …} when the command fails.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// Where the network's files are on this machine.
    #[arg(long, global = true, env = "LOCUS_DATA_DIR", default_value = ".locus", value_name = "DIR", help_heading = EVERYWHERE)]
    pub data_dir: std::path::PathBuf,
    /// Talk to a node at this address instead of opening the ledger in the data directory.
    #[arg(long, global = true, env = "LOCUS_URL", value_name = "URL", help_heading = EVERYWHERE)]
    pub url: Option<String>,
    /// Where this node keeps blobs: a path, or s3://bucket/folder (AWS_* variables say how it is reached). By default a
    /// folder of the data directory.
    #[arg(long, global = true, env = "LOCUS_OBJECTS", value_name = "LOCATION", help_heading = EVERYWHERE)]
    pub objects: Option<String>,
    /// File whose first line is the passphrase of the keys and wallets used; otherwise LOCUS_PASSPHRASE, or a prompt.
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    pub passphrase_file: Option<std::path::PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The steps.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play all parties at once on real genomes and compare the result with the truth.
    Demo(demo::Demo),
    /// Check a result offline, from its receipt.
    Verify(verify::Verify),
    /// Make and show the key files of parties.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Make proving keys together with others, so that one honest one suffices.
    #[command(subcommand)]
    Ceremony(ceremony::Ceremony),
    /// Found a network: its genesis and proving key; show one.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Run a validator's node: make its key, run it, watch it, approve changes of the consortium.
    #[command(subcommand)]
    Node(node::Node),
    /// Run the node and its HTTP API: `node run` in short.
    Serve(node::Run),
    /// Accredit and suspend issuers and researchers (the governor); show what is in force (anyone).
    #[command(subcommand)]
    Govern(govern::Govern),
    /// Run a committee member: key generation, availability receipts, components (each member).
    #[command(subcommand)]
    Committee(committee::Committee),
    /// Describe records: a variant panel from a VCF and attributes from a file.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Read clinical files; certify records from a VCF and attributes (an issuer, with the holders' wallets).
    #[command(subcommand)]
    Record(record::RecordCommand),
    /// Encrypt genomes in the Crypt4GH format, decrypt them, and let others read them.
    #[command(subcommand)]
    Genome(genome::Genome),
    /// License encrypted genomes: offer, ask, grant, fetch, revoke, withdraw.
    #[command(subcommand)]
    Licence(licence::Licence),
    /// Show, change or revoke what an owner allows.
    #[command(subcommand)]
    Consent(consent::Consent),
    /// Show, back up and recover wallets.
    #[command(subcommand)]
    Wallet(wallet::WalletCommand),
    /// Register and show studies (a researcher).
    #[command(subcommand)]
    Study(study::Study),
    /// Open, watch, seal and refund cohort queries (a researcher).
    #[command(subcommand)]
    Query(query::Query),
    /// Recruit for a trial without knowing whom (a sponsor); respond, and answer an invitation (people and their agents).
    #[command(subcommand)]
    Screening(screening::Screening),
    /// Answer open queries for a folder of wallets, as their owners' consent allows; withdraw an answer.
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Add up a sealed query's ciphertexts, or store again sums that were lost (anyone).
    Aggregate(aggregate::Aggregate),
    /// Decrypt a released query's result and write its receipt (its researcher); read one from its file (anyone).
    Result(result::ResultCommand),
    /// Write the key of screening proofs and a screening receipt's proofs for snarkjs and for Ethereum (anyone).
    #[command(subcommand)]
    Export(export::Export),
    /// Show accounts and move money.
    #[command(subcommand)]
    Account(account::Account),
    /// Sign in to a node's pages with the key of an account: prints a link for a browser.
    SignIn(sign_in::SignInCommand),
    /// Bring money onto the ledger and off it, through an accredited institution.
    #[command(subcommand)]
    Funding(funding::Funding),
    /// Read blocks, wait for epochs, and replay the chain.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// List, check, upload and clear up what the object store holds.
    #[command(subcommand)]
    Objects(objects::ObjectsCommand),
    /// Rebuild the listing index from the ledger.
    #[command(subcommand)]
    Index(index::Index),
    /// List the node's jobs, and retry those that were given up.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
}

/// Runs a parsed command line.
///
/// # Errors
/// Any error of the step; nothing is half-written then.
pub fn run(cli: Cli, output: &Output) -> Result<(), Error> {
    let home = Home::new(cli.data_dir, cli.url, cli.passphrase_file).with_objects(cli.objects);
    match cli.command {
        Command::Demo(demo) => demo.run(&home, output),
        Command::Verify(verify) => verify.run(output),
        Command::Keys(keys) => keys.run(&home, output),
        Command::Ceremony(ceremony) => ceremony.run(output),
        Command::Network(network) => network.run(&home, output),
        Command::Node(node) => node.run(&home, output),
        Command::Serve(serve) => serve.run(&home, output),
        Command::Govern(govern) => govern.run(&home, output),
        Command::Committee(committee) => committee.run(&home, output),
        Command::Schema(schema) => schema.run(&home, output),
        Command::Record(record) => record.run(&home, output),
        Command::Genome(genome) => genome.run(&home, output),
        Command::Licence(licence) => licence.run(&home, output),
        Command::Consent(consent) => consent.run(&home, output),
        Command::Wallet(wallet) => wallet.run(&home, output),
        Command::Study(study) => study.run(&home, output),
        Command::Query(query) => query.run(&home, output),
        Command::Screening(screening) => screening.run(&home, output),
        Command::Agent(agent) => agent.run(&home, output),
        Command::Aggregate(aggregate) => aggregate.run(&home, output),
        Command::Result(result) => result.run(&home, output),
        Command::Export(export) => export.run(&home, output),
        Command::Account(account) => account.run(&home, output),
        Command::SignIn(sign_in) => sign_in.run(&home, output),
        Command::Funding(funding) => funding.run(&home, output),
        Command::Ledger(ledger) => ledger.run(&home, output),
        Command::Objects(objects) => objects.run(&home, output),
        Command::Index(index) => index.run(&home, output),
        Command::Jobs(jobs) => jobs.run(&home, output),
    }
}
