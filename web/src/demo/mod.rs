//! `locus demo`: all parties at once, on real genomes, with separate key material for each.

pub mod attack;
mod committee;
mod folder;
mod network;
mod people;
mod process;
mod question;
mod recruit;
mod report;
mod stages;
mod tables;
mod town;
pub mod truth;

use std::path::PathBuf;

use circuits::quorum::Quorum;

use self::attack::Attack;
pub use question::{Asked, Example};
pub use recruit::Recruited;
pub use report::{DemoReport, describe};
pub use stages::run;

/// The file of a demo's folder that names diseases.
pub const ONTOLOGY: &str = "doid.obo";
/// People whose agents answer unless told otherwise.
pub const PEOPLE_DEFAULT: usize = 12;
/// People whose agents answer an example of the library unless told otherwise.
pub const EXAMPLE_PEOPLE_DEFAULT: usize = 30;
/// The least cohort: below it a sum is a person.
pub const PEOPLE_MIN: usize = 2;

/// What the demo plays.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// People who meet the criteria and whose agents answer.
    pub people: usize,
    /// Genotypes; the built-in ones without it.
    pub vcf: Option<PathBuf>,
    /// The decryption committee.
    pub quorum: Quorum,
    /// Folder for the demo's files; an earlier demo's is replaced once there is a result.
    pub dir: PathBuf,
    /// Whether committee members run as processes of their own.
    pub processes: bool,
    /// Validators of the ledger. More than one run as processes of their own, and so do the committee members then.
    pub validators: u8,
    /// What one more person, a dishonest one, tries once the honest have contributed.
    pub attack: Option<Attack>,
    /// What is asked.
    pub asked: Asked,
    /// ε of differential privacy; exact where that can be without it.
    pub epsilon: Option<f64>,
    /// Whether a study recruits among the people afterwards. Everybody allows that then.
    pub screening: bool,
}
