//! Amending a study: another version of its protocol, with the reason, while earlier ones stay readable.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest, StudyId};
use serde::{Deserialize, Serialize};

use super::{StudyDesign, study::TEXT_BYTES_MAX};
use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::{Context, require_researcher},
    state::{Draft, StateRead, Study, StudyProtocol},
};

/// Versions of a study.
pub const STUDY_VERSIONS_MAX: u32 = 1_024;

/// The next version of a study's protocol. Queries in flight keep the version that they opened under.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AmendStudy {
    /// The study.
    pub study: StudyId,
    /// SHA-256 of the amended protocol document.
    pub protocol: Digest,
    /// Reference of the ethics committee's approval of the amendment.
    pub ethics: String,
    /// Why it is amended.
    pub reason: String,
    /// Sites, sponsor and plan from now on.
    pub design: StudyDesign,
}

impl AmendStudy {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("ethics reference in bytes", self.ethics.len(), TEXT_BYTES_MAX)?;
        check_length("reason in bytes", self.reason.len(), TEXT_BYTES_MAX)?;
        if self.ethics.is_empty() || self.reason.is_empty() {
            let why = "give the reference of the ethics approval and the reason of the amendment".into();
            return Err(Error::Refused { what: "amendment", why });
        }
        self.design.check()
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        require_researcher(draft, sender, "amend a study")?;
        let mut study = require_own_study(self.study, sender, "amend this study", draft)?;
        if study.version.get() >= STUDY_VERSIONS_MAX {
            let why = format!("it has {STUDY_VERSIONS_MAX} versions, the most there are; register another study");
            return Err(Error::Refused { what: "amendment", why });
        }
        study.version = study.version.next();
        study.opened = 0;
        let protocol = StudyProtocol {
            protocol: self.protocol,
            ethics: self.ethics.clone(),
            reason: self.reason.clone(),
            design: self.design.clone(),
            height: context.height,
        };
        draft.put_study_protocol(self.study, study.version, &protocol)?;
        draft.put_study(self.study, &study)?;
        Ok(vec![Event::StudyAmended { study: self.study, version: study.version }])
    }
}

/// The study, which must exist.
pub(super) fn require_study(id: StudyId, draft: &Draft<'_>) -> Result<Study, Error> {
    draft.study(id)?.ok_or_else(|| Error::Unknown { what: "study", id: id.to_string() })
}

/// The study, of which the sender must be the researcher, while it is open.
pub(super) fn require_own_study(
    id: StudyId,
    sender: AccountId,
    action: &'static str,
    draft: &Draft<'_>,
) -> Result<Study, Error> {
    let study = require_study(id, draft)?;
    if study.researcher != sender {
        let remedy = "the researcher who registered it does; register a study of your own";
        return Err(Error::Unauthorized { account: sender, action, remedy });
    }
    require_open(id, &study)?;
    Ok(study)
}

/// The study must not be closed.
pub(super) fn require_open(id: StudyId, study: &Study) -> Result<(), Error> {
    match study.closed {
        None => Ok(()),
        Some(height) => {
            let why = format!("study {id} was closed in block {height}; register another study");
            Err(Error::Refused { what: "study", why })
        }
    }
}
