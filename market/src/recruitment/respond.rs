//! Responding, step by step: keys and proof into the wallet, then send. A crash between two steps, or a repeated call, goes
//! on with the same keys, and the ledger admits one response for each record.

use circuits::{
    domain::ByteTag,
    eligibility::{EligibilityProof, PROOF_BYTES, prove},
    id::{Digest, ScreeningId},
};
use node::{
    query::SealingKey,
    signature::account_of,
    transaction::{ScreeningResponse, Transaction},
    units::ResponseIndex,
};
use rand::CryptoRng;

use super::{
    OpenScreening, Outcome, Outlook, Respondent,
    consider::{admitted, consider},
    refused,
};
use crate::{
    Error,
    agent::{PROOF_ATTEMPTS_MAX, witness},
    ledger::{self, Inclusion, SyncedTree, sync_tree},
    sealing::SealingSecretKey,
    wallet::{Response, ResponseStage, SecretSeed, Wallet},
};

/// What sending a response came to.
enum Sent {
    Included(Inclusion),
    /// The ledger had it already, from an earlier call or an earlier state of this wallet.
    Known(ResponseIndex),
    /// The epoch ended first; prove against the new root.
    Stale,
}

impl Respondent<'_> {
    /// Responds to an opened screening for a wallet, or goes on with a response that was begun.
    ///
    /// # Errors
    /// [`Error::Screening`] for a wallet or a key of another chain, or when no block took the response;
    /// [`Error::Ledger`] with the ledger's refusal. What was done is in the wallet, and calling again goes on from there.
    pub fn respond(
        &self,
        wallet: &mut Wallet,
        opened: &OpenScreening,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Outcome, Error> {
        let (ledger, id) = (self.agent.ledger, opened.id);
        self.check_chain(wallet, id)?;
        let mut tree = opened.tree.clone();
        for _ in 0..PROOF_ATTEMPTS_MAX {
            let holding = match consider(ledger, wallet, id, &opened.state, (&tree, &opened.asker))? {
                Outlook::Respond { holding, .. } => holding,
                Outlook::Responded { response } => return note_admitted(wallet, id, response),
                Outlook::Decline { reasons } => return Ok(Outcome::Declined { reasons }),
            };
            if !is_proven(wallet, id, &tree) {
                self.prove(wallet, opened, &tree, holding, rng)?;
            }
            match self.send(wallet, id, &tree)? {
                Sent::Included(Inclusion { transaction, .. }) => {
                    let response = admitted(ledger, wallet, id)?
                        .ok_or_else(|| refused(id, "the ledger lacks the response; call again"))?;
                    note_admitted(wallet, id, response)?;
                    return Ok(Outcome::Admitted { response, transaction });
                }
                Sent::Known(response) => return note_admitted(wallet, id, response),
                Sent::Stale => tree = sync_tree(ledger)?,
            }
        }
        let why = format!("no block took the response in {PROOF_ATTEMPTS_MAX} attempts: its epoch ended; try again");
        Err(refused(id, why))
    }

    fn check_chain(&self, wallet: &Wallet, id: ScreeningId) -> Result<(), Error> {
        let ledger = self.agent.ledger;
        if wallet.chain() != ledger.chain() {
            return Err(refused(id, format!("the wallet is of chain {}, this is {}", wallet.chain(), ledger.chain())));
        }
        let expected = &ledger.genesis().eligibility;
        if self.key.verifying_key() != expected {
            let (found, expected) = (self.key.verifying_key().id(), expected.id());
            return Err(refused(id, format!("the proving key is {found}; this chain verifies under {expected}")));
        }
        Ok(())
    }

    /// Proves against the root of the tree and saves keys and proof, before anything is sent. Every response of the record to
    /// the screening is for the same keys.
    fn prove(
        &self,
        wallet: &mut Wallet,
        opened: &OpenScreening,
        tree: &SyncedTree,
        holding: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Error> {
        let (chain, id) = (self.agent.ledger.chain(), opened.id);
        let missing = || refused(id, format!("the wallet has no record {holding}"));
        let held = wallet.holdings().get(holding as usize).ok_or_else(missing)?;
        let reply = wallet.one_time_seed(ByteTag::ReplySeed, id.as_bytes(), &held.record)?;
        let sealing = wallet.one_time_seed(ByteTag::InvitationSeed, id.as_bytes(), &held.record)?;
        let witness = witness(held, tree).map_err(|reason| refused(id, reason.to_string()))?;
        let terms = opened.state.terms(id);
        let unbound = witness.instance(&terms, Digest::from_bytes([0; 32]));
        let mut sent = ScreeningResponse {
            screening: id,
            reply: account_of(&reply.signing_key()),
            sealing: public_key(&sealing),
            root: unbound.root,
            nullifier: unbound.nullifier,
            // Proven next: what it binds is computed from the fields above.
            proof: EligibilityProof::from_bytes([0; PROOF_BYTES]),
        };
        sent.proof = prove(self.key, &terms, &sent.instance(&chain)?, &witness, rng)?;
        let (price, stage) = (opened.state.screening.price, ResponseStage::Proven(Box::new(sent)));
        wallet.note_response(id, Response { holding, reply, sealing, price, stage, answer: None })
    }

    fn send(&self, wallet: &Wallet, id: ScreeningId, tree: &SyncedTree) -> Result<Sent, Error> {
        let ledger = self.agent.ledger;
        let Some(ResponseStage::Proven(response)) = wallet.responses().get(&id).map(|response| &response.stage) else {
            return Err(refused(id, "the wallet began no response"));
        };
        let sent = ledger.submit(Transaction::Respond((**response).clone()));
        let error = match sent.and_then(|transaction| ledger::settle(ledger, transaction)) {
            Ok(inclusion) => return Ok(Sent::Included(inclusion)),
            Err(error) => error,
        };
        // What was sent is known to the ledger's nodes, so asking about it tells them nothing more.
        if let Some(response) = admitted(ledger, wallet, id)? {
            return Ok(Sent::Known(response));
        }
        if sync_tree(ledger)?.root == tree.root { Err(error) } else { Ok(Sent::Stale) }
    }
}

/// What an invitation is sealed to, for whoever has this seed.
fn public_key(seed: &SecretSeed) -> SealingKey {
    SealingKey::new(SealingSecretKey::from_bytes(seed.as_bytes()).public_key().to_bytes())
}

/// Whether the wallet holds a response that is proven against the root of the tree.
fn is_proven(wallet: &Wallet, id: ScreeningId, tree: &SyncedTree) -> bool {
    wallet.responses().get(&id).is_some_and(|response| match &response.stage {
        ResponseStage::Proven(sent) => sent.root == tree.root,
        ResponseStage::Admitted { .. } => true,
    })
}

/// Notes the place of a response that the ledger has.
fn note_admitted(wallet: &mut Wallet, id: ScreeningId, response: ResponseIndex) -> Result<Outcome, Error> {
    let missing = || refused(id, "the wallet began no response");
    let noted = wallet.responses().get(&id).ok_or_else(missing)?;
    if noted.place() != Some(response) {
        let noted = Response { stage: ResponseStage::Admitted { response }, ..noted.clone() };
        wallet.note_response(id, noted)?;
    }
    Ok(Outcome::AlreadyAdmitted { response })
}
