//! `locus demo`.

mod serve;
mod tour;

use std::path::PathBuf;

use circuits::quorum::Quorum;
use clap::Args;

use self::serve::Places;
use super::{Home, Output};
use crate::{
    Error,
    demo::{
        Asked, DemoOptions, EXAMPLE_PEOPLE_DEFAULT, Example, PEOPLE_DEFAULT,
        attack::{Attack, AttackReport},
        describe, run,
    },
};

/// Play all parties at once on real genomes and compare the result with the truth.
///
/// Founds a demo network, certifies records, opens a query, proves, encrypts, aggregates, decrypts, and checks the
/// result against sums taken from the plaintext by independent code. Ends with a failure on any difference. Tables and
/// figures go to the folder `demo` of the data directory.
#[derive(Debug, Args)]
pub struct Demo {
    /// People who meet the criteria and whose agents answer; 12, or 30 with --statistic or --query-file.
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// Ask an example of the library docs/queries instead of allele frequencies: exactly where that can be, whatever the
    /// example says, unless --epsilon is given.
    #[arg(long, value_enum, value_name = "NAME", conflicts_with_all = ["vcf", "attack"])]
    statistic: Option<Example>,
    /// Ask a query file of the demo's people. Study, schema, price and numbers of contributions are the demo's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vcf", "attack", "statistic"])]
    query_file: Option<PathBuf>,
    /// Protect contributors by differential privacy with this loss ε; sums are compared with the truth up to the noise.
    #[arg(long, value_name = "E")]
    epsilon: Option<f64>,
    /// VCF text with the people's genotypes, plain or compressed, instead of the built-in ones.
    #[arg(long, value_name = "PATH")]
    vcf: Option<PathBuf>,
    /// Committee: how many members can decrypt, of how many.
    #[arg(long, default_value = "2/4", value_name = "T/N", value_parser = parse_quorum)]
    committee: Quorum,
    /// Run committee members as processes of their own.
    #[arg(long)]
    processes: bool,
    /// Validators of the ledger: hospitals, a regulator, a patients' organisation. More than one run as processes of their
    /// own, and so do the committee members then.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    validators: u8,
    /// Add a dishonest person, and show who refuses what it tries. Ends with a failure if anything false gets in.
    #[arg(long, value_enum, value_name = "NAME")]
    attack: Option<Attack>,
    /// Afterwards serve the demo's ledger with its pages, and its people's own pages, until interrupted. A study recruits
    /// among the people first. Ends with a tour of what to open; with --json that is a second object.
    #[arg(long)]
    serve: bool,
    /// Port of this machine that --serve takes for the ledger; people's own pages take the next one. 0 takes free ones.
    #[arg(long, default_value_t = 8480, value_name = "N", requires = "serve")]
    port: u16,
}

pub(super) fn parse_quorum(text: &str) -> Result<Quorum, String> {
    let numbers = text.split_once('/').map(|(threshold, members)| (threshold.parse(), members.parse()));
    let Some((Ok(threshold), Ok(members))) = numbers else {
        return Err("expected T/N, such as 2/4".into());
    };
    Quorum::new(threshold, members).map_err(|error| error.to_string())
}

impl Demo {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let dir = home.dir().join("demo");
        let places = self.serve.then(|| Places::from(self.port));
        if let Some(places) = &places {
            places.check()?;
        }
        let asked = match (self.statistic, self.query_file) {
            (Some(example), _) => Asked::Example(example),
            (None, Some(path)) => Asked::File(path),
            (None, None) => Asked::Panel,
        };
        let people_default = if asked == Asked::Panel { PEOPLE_DEFAULT } else { EXAMPLE_PEOPLE_DEFAULT };
        let options = DemoOptions {
            people: self.people.unwrap_or(people_default),
            vcf: self.vcf,
            quorum: self.committee,
            dir: dir.clone(),
            processes: self.processes,
            validators: self.validators,
            attack: self.attack,
            asked,
            epsilon: self.epsilon,
            screening: self.serve,
        };
        let report = run(&options, output)?;
        output.result(&report, describe)?;
        if !report.matches {
            return Err(Error::DemoDiffers);
        }
        if !report.attack.as_ref().is_none_or(AttackReport::refused) {
            return Err(Error::AttackAdmitted);
        }
        let Some(places) = places else { return Ok(()) };
        if self.validators > 1 {
            output.say("the other validators have ended: what is served can be read, and no block follows");
        }
        places.serve(dir, &report, output)
    }
}
