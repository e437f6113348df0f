//! Where a study runs, who pays for it, and which queries it plans to ask.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Regions,
    id::{AccountId, Digest, StudyId},
};
use serde::{Deserialize, Serialize};

use super::amend_study::require_own_study;
use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::require_researcher,
    genesis::NAME_BYTES_MAX,
    state::{Draft, StateRead, StudyProtocol},
    units::StudyVersion,
};

/// Sites of a study.
pub const SITES_MAX: usize = 64;
/// Queries that a version of a study may plan.
pub const PLANNED_MAX: usize = 256;

/// Where a study runs.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Site {
    /// Name of the hospital, laboratory or company.
    pub name: String,
    /// The region it is in: one bit.
    pub region: Regions,
}

/// What a study says beside its protocol.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default)]
pub struct StudyDesign {
    /// Where it runs.
    pub sites: Vec<Site>,
    /// Who pays for it and may recruit for it, if that is another accredited account than the researcher's.
    pub sponsor: Option<AccountId>,
    /// What it plans to ask: the [`analysis`](crate::analysis) of each query. Empty registers no plan.
    pub planned: Vec<Digest>,
}

impl StudyDesign {
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "study design", why: why.into() });
        check_length("study sites", self.sites.len(), SITES_MAX)?;
        check_length("planned queries", self.planned.len(), PLANNED_MAX)?;
        for Site { name, region } in &self.sites {
            check_length("name in bytes", name.len(), NAME_BYTES_MAX)?;
            if name.is_empty() || region.0.count_ones() != 1 {
                return refuse("give each site a name and the one region that it is in");
            }
        }
        if self.planned.iter().collect::<BTreeSet<_>>().len() != self.planned.len() {
            return refuse("a planned query is listed twice; list each once");
        }
        Ok(())
    }
}

/// A design for the latest version of a study, before anything is asked under it: later, only an amendment changes it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DesignStudy {
    /// The study.
    pub study: StudyId,
    /// The design, which replaces the version's.
    pub design: StudyDesign,
}

impl DesignStudy {
    pub(super) fn check(&self) -> Result<(), Error> {
        self.design.check()
    }

    pub(super) fn execute(&self, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
        require_researcher(draft, sender, "design a study")?;
        let study = require_own_study(self.study, sender, "design this study", draft)?;
        if study.opened > 0 {
            let why = format!(
                "{} queries and screenings opened under version {}; a plan comes before them, so amend the study",
                study.opened, study.version
            );
            return Err(Error::Refused { what: "study design", why });
        }
        let mut protocol = require_protocol(self.study, study.version, draft)?;
        protocol.design = self.design.clone();
        draft.put_study_protocol(self.study, study.version, &protocol)?;
        Ok(vec![Event::StudyDesigned { study: self.study, version: study.version }])
    }
}

/// A version of a study's protocol, which every study has up to its latest.
pub(super) fn require_protocol(
    study: StudyId,
    version: StudyVersion,
    draft: &Draft<'_>,
) -> Result<StudyProtocol, Error> {
    let gap = || Error::Corrupt { what: "studies", why: format!("study {study} lacks version {version}") };
    draft.study_protocol(study, version)?.ok_or_else(gap)
}
