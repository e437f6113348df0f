//! A use as files and options state it: by names of purposes, or as a declaration. Queries, screenings and requests for
//! licences demand by it, and by it alone.

use circuits::consent::{Purposes, Regions};
use node::query::DataUse;

use super::{DeclaredUse, RegionTable, refused};
use crate::Error;

/// A use, stated in one of two ways.
#[derive(Debug, Clone, Copy)]
pub struct StatedUse<'a> {
    /// Purposes by name.
    pub purposes: &'a [String],
    /// Number of the disease; 0 for none.
    pub disease: u32,
    /// Regions of use.
    pub regions: Regions,
    /// What the regions are when nothing is said of them.
    pub regions_unsaid: Regions,
    /// The declaration, in place of all that.
    pub declared: Option<&'a DeclaredUse>,
    /// The network's regions, which a declaration names its countries by.
    pub region_table: &'a RegionTable,
}

impl StatedUse<'_> {
    /// What the use demands of those who allow it. What it does not promise, it demands that nobody requires: a list of
    /// purposes promises nothing. `genetic` says whether genotypes are read, where that is known otherwise.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a use stated in both ways or in none, and a declaration that does not hold together or
    /// says otherwise than what is known; [`Error::Statement`] for a purpose that is not known.
    pub fn demand(&self, genetic: Option<bool>) -> Result<DataUse, Error> {
        let Some(declared) = self.declared else {
            let purposes = Purposes::from_names(self.purposes)?;
            if purposes == Purposes::default() {
                return Err(refused("it names no purpose; list purposes, or declare its data_use".into()));
            }
            let read = if genetic == Some(true) { Purposes::WITHOUT_GENOTYPES } else { Purposes::default() };
            let purposes = purposes.union(Purposes::NOTHING_REQUIRED.without(read));
            return Ok(DataUse { purposes, disease: self.disease, regions: self.regions });
        };
        if !self.purposes.is_empty() || self.disease != 0 || self.regions != self.regions_unsaid {
            return Err(refused("data_use says purposes, disease and regions too; keep one of the two".into()));
        }
        if let Some(genetic) = genetic.filter(|genetic| declared.genetic != *genetic) {
            let (says, reads) = if genetic { ("no", "some") } else { ("some", "none") };
            return Err(refused(format!(
                "data_use declares that it reads {says} genotypes, and its measures read {reads}"
            )));
        }
        declared.check_itself()?;
        Ok(declared.demand(self.region_table))
    }
}
