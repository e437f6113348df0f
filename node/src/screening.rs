//! A screening: which people a sponsor looks for, and what an anonymous answer to it proves.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::{ConsentDemand, ConsentFlags, Day},
    criteria::Criteria,
    domain::{ByteTag, hash},
    eligibility::{EligibilityInstance, EligibilityProof, EligibilityTerms, ISSUERS_MAX, VerifyingKey},
    id::{AccountId, ChainId, QueryId, SchemaId, ScreeningId, StudyId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::{check_length, encode},
    query::{DataUse, SealingKey},
    units::{Amount, Epoch},
};

/// Responses that a screening may pay for.
pub const RESPONSES_MAX: u32 = 65_536;

/// A screening as a sponsor signs it. Nothing is measured: each response says that one more person is eligible.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ScreeningQuery {
    /// The registered study that recruits.
    pub study: StudyId,
    /// The schema of the records asked.
    pub schema: SchemaId,
    /// Criteria over the schema's public attributes; a response arriving shows that they hold.
    pub criteria: Criteria,
    /// Issuers whose records are asked, at most eight; empty asks those of every accredited issuer.
    pub issuers: Vec<AccountId>,
    /// What an invitation would be for.
    pub data_use: DataUse,
    /// Price of one response, paid when it is admitted.
    pub price: Amount,
    /// Responses above which none is admitted; the escrow pays this many.
    pub responses_max: u32,
    /// First day on which responses are admitted.
    pub opening: Day,
    /// Last day on which responses are admitted.
    pub closing: Day,
    /// The sponsor's key that contacts are sealed to.
    pub sealing: SealingKey,
}

impl ScreeningQuery {
    /// The screening's id.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn id(&self, chain: &ChainId, sponsor: &AccountId, nonce: u64) -> Result<ScreeningId, Error> {
        let bytes = encode("screening", self)?;
        let digest = hash(ByteTag::Screening, &[chain.as_bytes(), sponsor.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(ScreeningId::from_bytes(digest.to_bytes()))
    }

    /// What the screening locks: price × maximum responses.
    ///
    /// # Errors
    /// [`Error::Overflow`] beyond 2^64 − 1.
    pub fn escrow(&self) -> Result<Amount, Error> {
        self.price.times(self.responses_max)
    }

    /// Checks everything that needs no state.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::TooLarge`] or [`Error::Statement`] that names the field.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |what, why: &str| Err(Error::Refused { what, why: why.into() });
        check_length("screening issuers", self.issuers.len(), ISSUERS_MAX)?;
        if self.issuers.iter().collect::<BTreeSet<_>>().len() != self.issuers.len() {
            return refuse("screening issuers", "an issuer is listed twice; list each once");
        }
        self.data_use.check("screening data use")?;
        self.sealing.check()?;
        self.criteria.check()?;
        if self.responses_max == 0 {
            return refuse("screening responses", "the maximum must be at least 1");
        }
        check_length("screening responses", self.responses_max as usize, RESPONSES_MAX as usize)?;
        if self.opening > self.closing {
            return refuse("screening days", "the closing day is before the opening day");
        }
        self.escrow().map(|_| ())
    }

    /// What a response must prove. Nothing is released, so a consent's limits on privacy loss and cohort have nothing to
    /// say; its flag for screening does.
    #[must_use]
    pub fn terms(&self, id: ScreeningId, opened: Epoch) -> EligibilityTerms {
        EligibilityTerms {
            query: as_query(id),
            part: 0,
            schema: self.schema,
            criteria: self.criteria.clone(),
            issuers: self.issuers.clone(),
            demand: ConsentDemand {
                purposes: self.data_use.purposes,
                disease: self.data_use.disease,
                regions: self.data_use.regions,
                closing: self.closing,
                price: self.price.get(),
                epsilon_milli: 0,
                cohort_min: u32::MAX,
                flags: ConsentFlags::SCREENING,
            },
            registered_before: opened.get(),
            exact: None,
        }
    }
}

/// The place of a query's id in the statement. Both ids are digests under tags of their own, so none is the other's.
#[must_use]
pub const fn as_query(id: ScreeningId) -> QueryId {
    QueryId::from_bytes(id.to_bytes())
}

/// What is verified of a response: an instance, and the proof that claims it.
pub type ResponseClaim = (EligibilityInstance, EligibilityProof);

/// What every response to a screening is proven for, and the key to verify it with.
#[derive(Clone, Copy)]
pub struct ScreeningStatement<'a> {
    /// The chain's key for eligibility.
    pub key: &'a VerifyingKey,
    /// The terms.
    pub terms: &'a EligibilityTerms,
}
