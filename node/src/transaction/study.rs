//! Registering a study, before its first query.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest, StudyId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
    event::Event,
    execute::{Context, require_researcher},
    state::{Draft, StateRead, Study, StudyProtocol},
    transaction::StudyDesign,
    units::StudyVersion,
};

/// The longest title, ethics reference, reason of an amendment or summary of an outcome.
pub(super) const TEXT_BYTES_MAX: usize = 1_024;

/// What a researcher fixes before asking.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StudyRegistration {
    /// Title shown to people.
    pub title: String,
    /// SHA-256 of the study's protocol document.
    pub protocol: Digest,
    /// Reference of the ethics committee's approval.
    pub ethics: String,
}

impl StudyRegistration {
    /// The study's id.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a text exceeds borsh's length prefix.
    pub fn id(&self, chain: &ChainId, researcher: &AccountId, nonce: u64) -> Result<StudyId, Error> {
        let bytes = encode("study", self)?;
        let digest = hash(ByteTag::Study, &[chain.as_bytes(), researcher.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(StudyId::from_bytes(digest.to_bytes()))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("study title in bytes", self.title.len(), TEXT_BYTES_MAX)?;
        check_length("ethics reference in bytes", self.ethics.len(), TEXT_BYTES_MAX)?;
        if self.title.is_empty() || self.ethics.is_empty() {
            let why = "give a title and the reference of the ethics approval".into();
            return Err(Error::Refused { what: "study", why });
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        nonce: u64,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        require_researcher(draft, sender, "register a study")?;
        let id = self.id(&context.chain, &sender, nonce)?;
        if draft.study(id)?.is_some() {
            return Err(Error::Duplicate { what: "study", id: id.to_string(), remedy: "use it as it is" });
        }
        let height = context.height;
        let study = Study {
            researcher: sender,
            registration: self.clone(),
            height,
            version: StudyVersion::FIRST,
            opened: 0,
            outcomes: 0,
            closed: None,
        };
        let first = StudyProtocol {
            protocol: self.protocol,
            ethics: self.ethics.clone(),
            reason: String::new(),
            design: StudyDesign::default(),
            height,
        };
        draft.put_study(id, &study)?;
        draft.put_study_protocol(id, StudyVersion::FIRST, &first)?;
        Ok(vec![Event::StudyRegistered { study: id, researcher: sender }])
    }
}
