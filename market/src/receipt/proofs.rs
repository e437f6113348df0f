//! R4: the contributions' proofs, many at a time.

use circuits::{
    contribution::{ContributionVerifier, Opening, UnverifiedContribution},
    eligibility::EligibilityInstance,
    id::{ChainId, Digest, Evaluation},
    rlwe::{Ciphertext, PublicKey, RingElement},
};
use node::{state::ContributionState, units::Epoch};

use super::{
    Receipt,
    chain::check_epochs,
    verify::{Release, refuse},
};
use crate::Error;

/// Proofs whose equations are combined into one.
pub(super) const BATCH_MAX: usize = 1_024;

/// What a contribution's proof says of its ciphertext.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProvenOpening {
    gamma: Evaluation,
    opening: Opening,
}

impl ProvenOpening {
    /// Whether a ciphertext is the one proven.
    pub(super) fn is_of(&self, ciphertext: &Ciphertext) -> bool {
        Opening::of(ciphertext, self.gamma.element()) == self.opening
    }
}

/// Every proof verifies for the query's terms, under the committee's key, against the root of the epoch that admitted
/// it. Returns, for each part, what is proven of each ciphertext.
pub(super) fn check_proofs(
    receipt: &Receipt,
    chain: ChainId,
    root: Digest,
    release: &Release,
    admitted: &[ContributionState],
) -> Result<Vec<Vec<ProvenOpening>>, Error> {
    check_roots(receipt, root, release.parts(), admitted)?;
    let key = committee_key(receipt, chain, release)?;
    let parts = 0..u8::try_from(release.parts()).unwrap_or(u8::MAX);
    let check = |part| {
        let terms = release.state().terms(receipt.query, part)?;
        let verifier = ContributionVerifier::new(&receipt.genesis.contribution, &terms, &key)?;
        check_part(receipt, chain, part, &verifier)
    };
    parts.map(check).collect()
}

/// The committee's public key, whose digest the query names.
fn committee_key(receipt: &Receipt, chain: ChainId, release: &Release) -> Result<PublicKey, Error> {
    let polynomial = RingElement::from_packed_bytes("committee polynomial", &receipt.committee_polynomial.0)?;
    let key = PublicKey::new(chain, release.state().committee.into(), polynomial);
    if key.digest() != release.state().committee_key {
        return refuse("R4 proofs", "the committee's key is not the one that the query names");
    }
    Ok(key)
}

/// Every contribution has all parts, each against the root of its epoch.
fn check_roots(receipt: &Receipt, root: Digest, parts: usize, admitted: &[ContributionState]) -> Result<(), Error> {
    let epochs = check_epochs("R4 proofs", &receipt.epochs, root)?;
    for (evidence, state) in receipt.contributions.iter().zip(admitted) {
        let sent = &evidence.contribution.parts;
        if sent.len() != parts {
            return refuse("R4 proofs", format!("contribution {} lacks a part", evidence.index));
        }
        let epoch = epochs.get(&Epoch::of(state.height, receipt.genesis.parameters.epoch_blocks));
        if sent.iter().any(|part| epoch != Some(&part.root)) {
            return refuse("R4 proofs", format!("contribution {} is against another root", evidence.index));
        }
    }
    Ok(())
}

fn check_part(
    receipt: &Receipt,
    chain: ChainId,
    number: u8,
    verifier: &ContributionVerifier,
) -> Result<Vec<ProvenOpening>, Error> {
    let claims: Vec<(EligibilityInstance, UnverifiedContribution)> = receipt
        .contributions
        .iter()
        .filter_map(|evidence| {
            let part = evidence.contribution.parts.get(usize::from(number))?;
            let payout = &evidence.contribution.payout;
            Some((part.instance(&chain, &receipt.query, number, payout), part.contribution))
        })
        .collect();
    for (batch, listed) in claims.chunks(BATCH_MAX).zip(receipt.contributions.chunks(BATCH_MAX)) {
        if verifier.verify_batch(batch).is_ok() {
            continue;
        }
        for ((instance, contribution), evidence) in batch.iter().zip(listed) {
            verifier.verify(instance, contribution).or_else(|error| {
                refuse("R4 proofs", format!("part {number} of contribution {}: {error}", evidence.index))
            })?;
        }
        return refuse("R4 proofs", format!("the proofs of part {number} do not verify together"));
    }
    let opening = |(instance, contribution): &(EligibilityInstance, UnverifiedContribution)| {
        let gamma = Evaluation::from_element(verifier.challenges(instance, &contribution.proof)?.gamma);
        Ok(ProvenOpening { gamma, opening: contribution.opening })
    };
    claims.iter().map(opening).collect()
}
