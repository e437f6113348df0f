//! The option that says which disease lies within which, and the file that it names.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
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
        Ok(DiseaseHierarchy::from_obo(&path.display().to_string(), open(path)?)?)
    }
}

/// An ontology's text.
///
/// # Errors
/// [`Error::Input`] when the file cannot be opened.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, Error> {
    let failed = |error: io::Error| Error::Input { what: "ontology", why: format!("{}: {error}", path.display()) };
    Ok(BufReader::new(File::open(path).map_err(failed)?))
}
