//! A whole committee in one process, for tests and benchmarks.

use circuits::{
    id::ChainId,
    quorum::Quorum,
    rlwe::{KeyEpoch, PublicKey},
};
use rand::CryptoRng;

use super::{Commitments, Dealer, KeyGenerationOutcome, MemberKey, Session};
use crate::{Error, sealing::SealingSecretKey};

/// Every member's key, which no one party holds outside tests.
#[derive(Debug)]
pub struct Committee {
    /// In the members' order.
    pub members: Vec<MemberKey>,
    /// Their joint public key.
    pub public_key: PublicKey,
}

/// Runs the key generation among honest members.
///
/// # Errors
/// Those of the key generation, none for honest members.
pub fn generate(
    chain: ChainId,
    epoch: KeyEpoch,
    quorum: Quorum,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Committee, Error> {
    let sealing: Vec<_> = quorum.all_members().map(|_| SealingSecretKey::random(rng)).collect();
    let public = sealing.iter().map(SealingSecretKey::public_key).collect();
    let session = Session::new(chain, epoch, quorum, public)?;
    let (mut dealers, mut posted) = (vec![], vec![]);
    for member in quorum.all_members() {
        let (dealer, commitments) = Dealer::begin(session.clone(), member, rng)?;
        dealers.push(dealer);
        posted.extend(commitments.into_iter().map(|commitment| (member, commitment)));
    }
    let commitments = Commitments::new(&session, posted)?;
    let (mut receivers, mut reveals) = (vec![], vec![]);
    for dealer in dealers {
        let (receiver, revealed) = dealer.reveal(commitments.clone(), rng)?;
        receivers.push(receiver);
        reveals.extend(revealed);
    }
    let mut members = vec![];
    for (receiver, key) in receivers.iter().zip(&sealing) {
        match receiver.finish(&reveals, key)? {
            KeyGenerationOutcome::Finished { key, .. } => members.push(*key),
            KeyGenerationOutcome::Failed(complaints) => {
                let why = format!("members complain: {complaints:?}");
                return Err(Error::KeyGeneration { why });
            }
        }
    }
    Ok(Committee { members, public_key: super::joint_public_key(&session, &commitments, &reveals)? })
}
