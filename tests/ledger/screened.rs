//! The world's screenings: opened, and answered with proofs that its double accepts.

use circuits::{
    consent::{Day, Purposes, Regions},
    criteria::Criteria,
    eligibility::{EligibilityProof, PROOF_BYTES},
    id::{Nullifier, ScreeningId},
};
use node::{
    Error,
    query::{DataUse, SealingKey},
    screening::ScreeningQuery,
    state::{ScreeningState, StateRead},
    transaction::{Action, ScreeningResponse, Transaction, TransactionId},
    units::Amount,
};

use crate::world::{TODAY, World, account, double_response, element, schema};

pub fn reply_name(number: u64) -> String {
    format!("reply {number}")
}

impl World {
    pub fn screening(&self) -> ScreeningQuery {
        ScreeningQuery {
            study: self.study,
            schema: schema().id().unwrap(),
            criteria: Criteria::default(),
            issuers: vec![],
            data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
            price: Amount::new(20),
            responses_max: 3,
            opening: Day(TODAY),
            closing: Day(TODAY + 10),
            sealing: SealingKey::new(vec![8; 32]),
        }
    }

    pub fn open_screening(&mut self, sender: &str, screening: ScreeningQuery) -> Result<ScreeningId, Error> {
        let nonce = self.sequencer.mempool().next_nonce(account(sender)).unwrap();
        let id = screening.id(&self.ledger().chain(), &account(sender), nonce).unwrap();
        self.act(sender, Action::OpenScreening(Box::new(screening)))?;
        self.block();
        Ok(id)
    }

    /// Person `number`'s response, complete and valid for the double.
    pub fn response(&self, screening: ScreeningId, number: u64) -> ScreeningResponse {
        let seed = u64::from_le_bytes(screening.as_bytes()[..8].try_into().unwrap()) >> 16;
        let mut response = ScreeningResponse {
            screening,
            reply: account(&reply_name(number)),
            sealing: SealingKey::new(vec![number as u8; 32]),
            root: self.root(),
            nullifier: Nullifier::from_bytes(&element(seed ^ (number << 8))).unwrap(),
            proof: EligibilityProof::from_bytes([0; PROOF_BYTES]),
        };
        response.proof = self.double(&response);
        response
    }

    pub fn double(&self, response: &ScreeningResponse) -> EligibilityProof {
        let terms = self.screening_state(response.screening).terms(response.screening);
        double_response(&terms, &response.instance(&self.ledger().chain()).unwrap())
    }

    pub fn respond(&mut self, response: ScreeningResponse) -> Result<TransactionId, Error> {
        self.sequencer.mempool().submit(Transaction::Respond(response), self.now)
    }

    pub fn screening_state(&self, id: ScreeningId) -> ScreeningState {
        self.ledger().snapshot().unwrap().screening(id).unwrap().unwrap()
    }
}
