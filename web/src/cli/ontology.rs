//! The option that says which disease lies within which.

use std::{
    fs::File,
    io::{self, BufReader},
    path::PathBuf,
};

use clap::Args;
use market::data_use::{DeclaredUse, DiseaseHierarchy};

use crate::Error;

/// An ontology of diseases, which a declared use is checked by.
#[derive(Debug, Args)]
pub struct Ontology {
    /// An ontology in OBO format that says which disease lies within which; the ICD-10 needs none.
    #[arg(long, value_name = "FILE")]
    ontology: Option<PathBuf>,
}

impl Ontology {
    /// Refuses a declared use that does not hold together.
    pub(super) fn check(&self, declared: Option<&DeclaredUse>) -> Result<(), Error> {
        let Some(declared) = declared else { return Ok(()) };
        Ok(declared.check(&self.hierarchy()?)?)
    }

    fn hierarchy(&self) -> Result<DiseaseHierarchy, Error> {
        let Some(path) = &self.ontology else { return Ok(DiseaseHierarchy::default()) };
        let name = path.display().to_string();
        let failed = |error: io::Error| Error::Input { what: "ontology", why: format!("{name}: {error}") };
        Ok(DiseaseHierarchy::from_obo(&name, BufReader::new(File::open(path).map_err(failed)?))?)
    }
}
