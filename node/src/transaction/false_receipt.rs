//! Evidence that a committee member attested a ciphertext which it did not check, or which is none.
//!
//! The evidence carries the whole ciphertext, so it is the one transaction beyond the usual size. The state keeps its
//! digest alone: once the member is suspended, blocks may forget the payload.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};
use circuits::{
    contribution::Opening,
    domain::{ByteTag, hash},
    id::{AccountId, Digest, Evaluation, QueryId},
    quorum::MemberIndex,
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Attestation, Receipt};
use crate::{
    Error,
    codec::encode,
    event::Event,
    execute::Context,
    signature,
    state::{Draft, StateRead, Suspension, committee_of},
    units::CommitteeEpoch,
};

/// The bytes of a ciphertext as a member stored them: of the right number, but perhaps not canonical.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StoredCiphertext(#[serde(with = "hex::serde")] Vec<u8>);

impl StoredCiphertext {
    /// These bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless there are 98,304.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() == CIPHERTEXT_BYTES {
            return Ok(Self(bytes));
        }
        let why = format!("{} bytes given, {CIPHERTEXT_BYTES} expected", bytes.len());
        Err(Error::Malformed { what: "stored ciphertext", why })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for StoredCiphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredCiphertext({})", Ciphertext::digest_of_packed(&self.0))
    }
}

impl BorshSerialize for StoredCiphertext {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0)
    }
}

impl BorshDeserialize for StoredCiphertext {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = vec![0; CIPHERTEXT_BYTES];
        reader.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for StoredCiphertext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = hex::serde::deserialize(deserializer)?;
        Self::new(bytes).map_err(serde::de::Error::custom)
    }
}

/// A receipt that its own ciphertext refutes. Anyone may bring it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct FalseReceipt {
    /// The committee key that the receipt names.
    pub committee: CommitteeEpoch,
    /// The query that it names.
    pub query: QueryId,
    /// The part that it names.
    pub part: u8,
    /// The ciphertext whose digest it attests.
    pub ciphertext: StoredCiphertext,
    /// The challenge at which the ciphertext was to be opened.
    pub gamma: Evaluation,
    /// The values attested.
    pub opening: Opening,
    /// The member's word.
    pub receipt: Receipt,
}

impl FalseReceipt {
    fn attestation(&self) -> Attestation {
        Attestation {
            committee: self.committee,
            query: self.query,
            part: self.part,
            ciphertext: Ciphertext::digest_of_packed(self.ciphertext.as_bytes()),
            gamma: self.gamma,
            opening: self.opening,
        }
    }

    /// Whether the ciphertext is what the receipt says: canonical, with these values at the challenge.
    fn is_true(&self) -> bool {
        Ciphertext::from_packed_bytes(self.ciphertext.as_bytes())
            .is_ok_and(|ciphertext| Opening::of(&ciphertext, self.gamma.element()) == self.opening)
    }

    /// Digest of the evidence.
    ///
    /// # Errors
    /// Never in practice: every field has a fixed length.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::AvailabilityReceipt, &[b"false", &encode("false receipt", self)?]))
    }

    /// The member that this proves to have lied, and its account.
    ///
    /// # Errors
    /// Why it proves nothing, or nothing new; that never changes, but for [`Error::Unknown`].
    pub(crate) fn accused(
        &self,
        view: &impl StateRead,
        context: &Context<'_>,
    ) -> Result<(MemberIndex, AccountId), Error> {
        let member = self.receipt.member;
        let account = committee_of(view, self.committee)?.member(member)?.account;
        if view.suspension(account)?.is_some() {
            let remedy = "one false receipt suspends a member for ever";
            return Err(Error::Duplicate { what: "suspension of member", id: member.to_string(), remedy });
        }
        let message = self.attestation().message(&context.chain);
        signature::verify("false receipt", account, &message, &self.receipt.signature)?;
        if self.is_true() {
            let why = format!("the ciphertext is canonical and has the values that member {member} attested");
            return Err(Error::Refused { what: "false receipt", why });
        }
        Ok((member, account))
    }

    pub(super) fn execute(&self, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
        let (member, account) = self.accused(draft, context)?;
        let evidence = self.digest()?;
        draft.put_suspension(account, &Suspension { evidence, height: context.height })?;
        Ok(vec![Event::MemberSuspended { member, evidence }])
    }
}
