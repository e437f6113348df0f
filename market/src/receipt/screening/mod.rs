//! The receipt of a screening: *so many distinct certified people meet these criteria*, checked by anyone, offline.
//!
//! Statement and checks S1 to S4: `docs/protocol/screening-receipt.md`. Reading a file gives an unverified
//! [`ScreeningReceipt`]; only [`verify`] makes a [`VerifiedScreeningReceipt`]. It holds nothing that the ledger does not
//! show to everybody, so anybody can collect one, at any block.

mod collect;
mod verify;

use std::path::Path;

use circuits::{
    eligibility::EligibilityProof,
    id::{EpochRoot, ScreeningId},
    schema::Schema,
};
use node::{StateProof, block::SignedHeader, genesis::Genesis, light::Handover};
use serde::{Deserialize, Serialize};

pub use self::{
    collect::{Collected, collect, collect_watched},
    verify::{CertifiedBy, VerifiedScreeningReceipt, verify, verify_watched},
};
use super::file;
use crate::Error;

/// The version of the file's format.
pub(super) const FORMAT: &str = "locus/v5/screening-receipt";

/// What the ledger holds of a screening at one block, with everything that supports it; nothing in it is checked yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreeningReceipt {
    format: String,
    /// What the chain starts from; compare its id with the one the consortium published.
    pub genesis: Genesis,
    /// The blocks before the header's that handed over to other validators, in order.
    pub handovers: Vec<Handover>,
    /// The header of the block that the receipt speaks of; every proof below refers to its state.
    pub header: SignedHeader,
    /// The screening.
    pub screening: ScreeningId,
    /// Proves the screening's state: its terms, and how many are eligible.
    pub screening_state: StateProof,
    /// The schema whose attributes the criteria number; the screening names its digest.
    pub schema: Schema,
    /// The snapshots of the epochs in which responses were admitted.
    pub epochs: Vec<StateProof>,
    /// Every response, in ledger order.
    pub responses: Vec<ResponseEvidence>,
}

/// A response with its proofs. Its keys and its nullifier are in its state; with the fields here they are the transaction
/// that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseEvidence {
    /// Proves its state.
    pub state: StateProof,
    /// The epoch root that it was proven against.
    pub root: EpochRoot,
    /// The proof that a registered record is eligible, and that its holder allows to be asked.
    pub proof: EligibilityProof,
}

impl ScreeningReceipt {
    /// Reads a receipt's JSON.
    ///
    /// # Errors
    /// [`Error::Receipt`] when the text is truncated or is no receipt of a screening of this version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let receipt: Self = file::decode(text)?;
        file::check_format(&receipt.format, FORMAT)?;
        Ok(receipt)
    }

    /// Reads a receipt file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, else as [`ScreeningReceipt::from_json`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::from_json(&file::read(path)?)
    }

    /// The receipt's JSON.
    ///
    /// # Errors
    /// [`Error::Receipt`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        file::encode(self)
    }
}
