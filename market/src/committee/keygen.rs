//! Key generation as stages: [`Dealer`] commits, then reveals and becomes a [`Receiver`], which checks every share.
//!
//! The leader of each `(t - 1)`-subset `A` samples a ternary `s_A`, an error `e_A` and a PRF key `k_A`, and publishes
//! `b_A = -a·s_A + e_A`. The committee's key is `Σ b_A`. Digests come first and shares second, because a leader who
//! saw the others' shares could choose its own so that the sum has a secret it knows.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    quorum::{MemberIndex, SubsetIndex},
    rlwe::{ErrorPolynomial, PublicKey, RingElement, Ternary, common_polynomial, params::ERROR_BOUND},
};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    member_key::{MemberKey, SubsetSecret},
    session::{Commitments, SealedSecret, Session, ShareCommitment, ShareReveal, joint_public_key},
};
use crate::{
    Error,
    sealing::{self, SealingSecretKey},
};

/// What a leader made for one subset, until it is revealed. Secret.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Dealt {
    secret: SubsetSecret,
    public_share: RingElement,
}

/// A member that has committed to its shares. Holds secrets; its borsh form is for an encrypted file, so that a
/// restart between the rounds loses nothing.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Dealer {
    session: Session,
    member: MemberIndex,
    dealt: BTreeMap<SubsetIndex, Dealt>,
}

impl Dealer {
    /// Samples the shares of the subsets that the member leads (none, for some members) and commits to them.
    ///
    /// # Errors
    /// [`Error::Statement`] for a member the session lacks.
    pub fn begin(
        session: Session,
        member: MemberIndex,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, Vec<ShareCommitment>), Error> {
        session.quorum().check_member(member)?;
        let a = common_polynomial(session.chain(), session.epoch());
        let led = session.quorum().subsets().filter(|subset| session.quorum().leader(*subset) == Some(member));
        let dealt: BTreeMap<_, _> = led
            .map(|subset| {
                let secret = SubsetSecret::random(rng);
                let public_share = public_share(&a, &secret.share, &ErrorPolynomial::random(rng));
                (subset, Dealt { secret, public_share })
            })
            .collect();
        let dealer = Self { session, member, dealt };
        let commitments = dealer.commitments();
        Ok((dealer, commitments))
    }

    /// The commitments of round one, for the ledger.
    #[must_use]
    pub fn commitments(&self) -> Vec<ShareCommitment> {
        let commit = |(subset, dealt): (&SubsetIndex, &Dealt)| ShareCommitment {
            subset: *subset,
            public_share: self.session.public_share_digest(*subset, &dealt.public_share),
            prf_key: self.session.prf_commitment(*subset, &dealt.secret.prf_key),
        };
        self.dealt.iter().map(commit).collect()
    }

    /// Reveals the shares, once everyone's commitments are known.
    ///
    /// # Errors
    /// [`Error::KeyGeneration`] when the commitments posted in the member's name are not its own.
    pub fn reveal(
        self,
        commitments: Commitments,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Receiver, Vec<ShareReveal>), Error> {
        if let Some(forged) = self.commitments().iter().find(|own| commitments.get(own.subset) != Some(*own)) {
            let why = format!("the posted commitment to subset {} is not this member's; restart", forged.subset);
            return Err(Error::KeyGeneration { why });
        }
        let reveal = |(subset, dealt): (&SubsetIndex, &Dealt)| self.reveal_one(*subset, dealt, rng);
        let reveals = self.dealt.iter().map(reveal).collect::<Result<_, _>>()?;
        Ok((Receiver { session: self.session, member: self.member, commitments }, reveals))
    }

    fn reveal_one(
        &self,
        subset: SubsetIndex,
        dealt: &Dealt,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<ShareReveal, Error> {
        let encoded = borsh::to_vec(&dealt.secret)
            .map(Zeroizing::new)
            .map_err(|error| Error::KeyGeneration { why: format!("a secret does not encode ({error})") })?;
        let seal = |holder| {
            let context = self.session.sealing_context(subset, holder);
            let bytes = sealing::seal(self.session.sealing_key(holder)?, &context, &encoded, rng)?;
            Ok(SealedSecret { holder, bytes })
        };
        let sealed = self.session.quorum().holders(subset).map(seal).collect::<Result<_, Error>>()?;
        Ok(ShareReveal { subset, public_share: dealt.public_share.clone(), sealed })
    }
}

/// `b_A = -a·s_A + e_A`.
fn public_share(a: &RingElement, share: &Ternary, error: &ErrorPolynomial) -> RingElement {
    a.times(share).negated().plus_error(error)
}

/// Why a leader's share is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum ComplaintReason {
    /// No share was revealed, or two different ones.
    NotRevealed,
    /// The revealed `b_A` is not the one committed to.
    ShareNotCommitted,
    /// There is no sealed secret for the accuser.
    SecretMissing,
    /// The sealed secret does not open.
    SecretUnopened,
    /// The secret is no ternary polynomial with a key.
    SecretMalformed,
    /// The PRF key is not the one committed to.
    PrfKeyNotCommitted,
    /// `b_A + a·s_A` is not short, so `s_A` is not the secret of `b_A`.
    ShareNotShort,
}

/// A refused share, for the ledger. A complaint ends the attempt; governance decides about a leader named often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Complaint {
    /// Who checked.
    pub accuser: MemberIndex,
    /// Who dealt.
    pub leader: MemberIndex,
    /// Whose share.
    pub subset: SubsetIndex,
    /// What is wrong with it.
    pub reason: ComplaintReason,
}

/// How a member's part of a key generation ends.
#[derive(Debug)]
pub enum KeyGenerationOutcome {
    /// Every share is sound.
    Finished {
        /// The member's secrets.
        key: Box<MemberKey>,
        /// The committee's public key; its digest goes on the ledger.
        public_key: Box<PublicKey>,
    },
    /// Some shares are not; restart with the next epoch.
    Failed(Vec<Complaint>),
}

/// A member that has revealed and checks what the others did. Holds no secret.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Receiver {
    session: Session,
    member: MemberIndex,
    commitments: Commitments,
}

impl Receiver {
    /// Everyone's commitments, against which shares are checked.
    #[must_use]
    pub const fn commitments(&self) -> &Commitments {
        &self.commitments
    }

    /// Checks every revealed share, and opens those that the member holds.
    ///
    /// # Errors
    /// [`Error::KeyGeneration`] when the shares do not fit together; a share that is merely wrong is a complaint.
    pub fn finish(
        &self,
        reveals: &[ShareReveal],
        sealing_key: &SealingSecretKey,
    ) -> Result<KeyGenerationOutcome, Error> {
        let quorum = self.session.quorum();
        let a = common_polynomial(self.session.chain(), self.session.epoch());
        let (mut secrets, mut complaints) = (BTreeMap::new(), Vec::new());
        for subset in quorum.subsets() {
            match self.check(&a, subset, reveals, sealing_key) {
                Ok(Some(secret)) => {
                    secrets.insert(subset, secret);
                }
                Ok(None) => {}
                Err(reason) => complaints.extend(quorum.leader(subset).map(|leader| Complaint {
                    accuser: self.member,
                    leader,
                    subset,
                    reason,
                })),
            }
        }
        if !complaints.is_empty() {
            return Ok(KeyGenerationOutcome::Failed(complaints));
        }
        let public_key = joint_public_key(&self.session, &self.commitments, reveals)?;
        let scope = (*self.session.chain(), self.session.epoch());
        let key = MemberKey::new(scope, *quorum, self.member, public_key.digest(), secrets)?;
        Ok(KeyGenerationOutcome::Finished { key: Box::new(key), public_key: Box::new(public_key) })
    }

    /// The secret of `A`, if the member holds it and the leader dealt soundly.
    fn check(
        &self,
        a: &RingElement,
        subset: SubsetIndex,
        reveals: &[ShareReveal],
        sealing_key: &SealingSecretKey,
    ) -> Result<Option<SubsetSecret>, ComplaintReason> {
        let mut revealed = reveals.iter().filter(|reveal| reveal.subset == subset);
        let (Some(reveal), None) = (revealed.next(), revealed.next()) else {
            return Err(ComplaintReason::NotRevealed);
        };
        let commitment = self.commitments.get(subset).ok_or(ComplaintReason::ShareNotCommitted)?;
        if self.session.public_share_digest(subset, &reveal.public_share) != commitment.public_share {
            return Err(ComplaintReason::ShareNotCommitted);
        }
        if !self.session.quorum().is_holder(self.member, subset) {
            return Ok(None);
        }
        let secret = self.open_secret(subset, reveal, sealing_key)?;
        if self.session.prf_commitment(subset, &secret.prf_key) != commitment.prf_key {
            return Err(ComplaintReason::PrfKeyNotCommitted);
        }
        let error = a.times(&secret.share).plus(&reveal.public_share);
        if error.is_short(ERROR_BOUND.unsigned_abs().into()) {
            Ok(Some(secret))
        } else {
            Err(ComplaintReason::ShareNotShort)
        }
    }

    fn open_secret(
        &self,
        subset: SubsetIndex,
        reveal: &ShareReveal,
        sealing_key: &SealingSecretKey,
    ) -> Result<SubsetSecret, ComplaintReason> {
        let mine = reveal.sealed.iter().find(|secret| secret.holder == self.member);
        let sealed = mine.ok_or(ComplaintReason::SecretMissing)?;
        let context = self.session.sealing_context(subset, self.member);
        let encoded =
            sealing::open(sealing_key, &context, &sealed.bytes).map_err(|_| ComplaintReason::SecretUnopened)?;
        borsh::from_slice(&encoded).map_err(|_| ComplaintReason::SecretMalformed)
    }
}
