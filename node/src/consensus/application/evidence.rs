//! Faults of other validators, which go on the ledger.

use arc_malachitebft_app_channel::app::{
    consensus::MisbehaviorEvidence,
    types::core::{SignedProposal, SignedVote},
};
use circuits::id::ChainId;

use super::Application;
use crate::{
    Error,
    consensus::{
        context::{Address, Chain},
        signing::ChainSigner,
    },
    signature::Signature,
    transaction::{Action, Equivocation, SignedStatement, Transaction},
    vote::Ballot,
};

impl Application {
    /// Puts evidence on the ledger. A validator that cannot, leaves it to the others.
    pub(super) fn report(&self, evidence: &MisbehaviorEvidence<Chain>) {
        for found in equivocations(evidence, self.ledger.chain()) {
            let outcome = self.bring(&self.parts.signer, found);
            match outcome {
                Ok(()) => tracing::warn!(validator = %found.validator, height = %found.height, "equivocation reported"),
                Err(error) => tracing::info!(%error, validator = %found.validator, "evidence was not taken"),
            }
        }
    }

    pub(super) fn bring(&self, signer: &ChainSigner, evidence: Equivocation) -> Result<(), Error> {
        let account = signer.signer.account();
        let nonce = self.parts.mempool.next_nonce(account)?;
        let action = Action::Equivocation(Box::new(evidence));
        let transaction = Transaction::sign_by(self.ledger.chain(), account, nonce, action, |message| {
            signer.signer.sign(message.as_bytes())
        })?;
        self.parts.mempool.submit(transaction, self.now()).map(drop)
    }
}

/// The first contradiction of each validator: one is enough.
fn equivocations(evidence: &MisbehaviorEvidence<Chain>, chain: ChainId) -> Vec<Equivocation> {
    let pair = |first: (Ballot, Signature), second: (Ballot, Signature), validator: Address| {
        let statement = |(ballot, signature): (Ballot, _)| SignedStatement { statement: ballot.statement, signature };
        Equivocation {
            validator: validator.0,
            height: first.0.height,
            round: first.0.round,
            first: statement(first),
            second: statement(second),
        }
    };
    let votes = evidence.votes.iter().filter_map(|(validator, pairs)| {
        let (first, second) = pairs.first()?;
        let signed = |vote: &SignedVote<Chain>| (vote.message.ballot(chain), vote.signature);
        Some(pair(signed(first), signed(second), *validator))
    });
    let proposals = evidence.proposals.iter().filter_map(|(validator, pairs)| {
        let (first, second) = pairs.first()?;
        let signed = |proposal: &SignedProposal<Chain>| (proposal.message.ballot(chain), proposal.signature);
        Some(pair(signed(first), signed(second), *validator))
    });
    votes.chain(proposals).collect()
}
