//! The option that says which disease lies within which, the file that it names, and diseases by name.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use market::data_use::{DeclaredUse, DiseaseHierarchy, DiseaseNames};

use super::{Home, Output};
use crate::{Error, api::FoundDiseases, client::Remote};

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

/// The names that an ontology gives to diseases.
///
/// # Errors
/// [`Error::Input`] when the file cannot be opened, [`Error::Market`] when it names no diseases.
fn names(path: &Path) -> Result<DiseaseNames, Error> {
    Ok(DiseaseNames::from_obo(&path.display().to_string(), open(path)?)?)
}

/// The same of an ontology that may be given.
///
/// # Errors
/// As [`names`].
pub(super) fn names_at(path: Option<&Path>) -> Result<Option<Arc<DiseaseNames>>, Error> {
    Ok(path.map(names).transpose()?.map(Arc::new))
}

/// What a disease is looked for by.
pub(super) enum Sought {
    /// Words of its name, of a synonym or of its code.
    Name(String),
    /// What stands for it on the ledger.
    Number(u32),
}

/// Finds diseases: in an ontology at hand, or at a node that was given one.
pub(super) fn find(home: &Home, output: &Output, sought: &Sought, ontology: Option<&Path>) -> Result<(), Error> {
    let found = match (ontology, home.url(), sought) {
        (Some(path), _, Sought::Name(name)) => FoundDiseases::by_name(&names(path)?, name),
        (Some(path), _, Sought::Number(number)) => FoundDiseases::by_number(&names(path)?, *number),
        (None, Some(url), Sought::Name(name)) => Remote::new(url)?.diseases(name)?,
        (None, Some(url), Sought::Number(number)) => Remote::new(url)?.disease_numbered(*number)?,
        (None, None, _) => {
            let why = "give an ontology such as mondo.obo with --ontology, or a node that has one with --url".into();
            return Err(Error::Input { what: "ontology", why });
        }
    };
    output.result(&found, |found| {
        if found.diseases.is_empty() {
            return match sought {
                Sought::Name(name) => format!(
                    "no disease has {name:?} in its name or code; try fewer words, a synonym, or the codes of the ontology here"
                ),
                Sought::Number(number) => format!("no code of this ontology alone makes the number {number}"),
            };
        }
        let lines = found.diseases.iter().map(|one| format!("{:<16}  {}  (number {})", one.code, one.name, one.number));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// An ontology's text.
///
/// # Errors
/// [`Error::Input`] when the file cannot be opened.
fn open(path: &Path) -> Result<BufReader<File>, Error> {
    let failed = |error: io::Error| Error::Input { what: "ontology", why: format!("{}: {error}", path.display()) };
    Ok(BufReader::new(File::open(path).map_err(failed)?))
}
