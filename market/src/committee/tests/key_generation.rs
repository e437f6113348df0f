use circuits::{
    id::ChainId,
    quorum::{MemberIndex, Quorum, SubsetIndex},
    rlwe::{ErrorPolynomial, KeyEpoch, RingElement, Ternary, common_polynomial},
};
use rand::{SeedableRng, rngs::StdRng};

use super::super::*;
use crate::sealing::{self, SealingSecretKey};

/// A key generation of 2 of 3 just before the members check each other. Member 1 leads subset 0; member 0 the others.
struct Dealt {
    session: Session,
    sealing: Vec<SealingSecretKey>,
    receivers: Vec<Receiver>,
    reveals: Vec<ShareReveal>,
}

fn session(epoch: u64) -> (Session, Vec<SealingSecretKey>) {
    let mut rng = StdRng::seed_from_u64(1);
    let sealing: Vec<_> = (0..3).map(|_| SealingSecretKey::random(&mut rng)).collect();
    let public = sealing.iter().map(SealingSecretKey::public_key).collect();
    let quorum = Quorum::new(2, 3).unwrap();
    (Session::new(ChainId::from_bytes([1; 32]), KeyEpoch::new(epoch), quorum, public).unwrap(), sealing)
}

fn begin(session: &Session) -> (Vec<Dealer>, Vec<(MemberIndex, ShareCommitment)>) {
    let mut rng = StdRng::seed_from_u64(2);
    let (mut dealers, mut posted) = (vec![], vec![]);
    for member in session.quorum().all_members() {
        let (dealer, commitments) = Dealer::begin(session.clone(), member, &mut rng).unwrap();
        dealers.push(dealer);
        posted.extend(commitments.into_iter().map(|commitment| (member, commitment)));
    }
    (dealers, posted)
}

fn deal() -> Dealt {
    let (session, sealing) = session(0);
    let (dealers, posted) = begin(&session);
    let commitments = Commitments::new(&session, posted).unwrap();
    let mut rng = StdRng::seed_from_u64(3);
    let (mut receivers, mut reveals) = (vec![], vec![]);
    for dealer in dealers {
        let (receiver, revealed) = dealer.reveal(commitments.clone(), &mut rng).unwrap();
        receivers.push(receiver);
        reveals.extend(revealed);
    }
    reveals.sort_by_key(|reveal| reveal.subset);
    Dealt { session, sealing, receivers, reveals }
}

impl Dealt {
    /// What member 2, who holds subsets 0 and 1, complains of.
    fn complaints(&self) -> Vec<(u8, u8, ComplaintReason)> {
        match self.receivers[2].finish(&self.reveals, &self.sealing[2]).unwrap() {
            KeyGenerationOutcome::Finished { .. } => vec![],
            KeyGenerationOutcome::Failed(complaints) => {
                assert!(complaints.iter().all(|complaint| complaint.accuser == MemberIndex::new(2)));
                complaints.iter().map(|c| (c.leader.get(), c.subset.get(), c.reason)).collect()
            }
        }
    }

    /// Replaces what the leader of subset 0 sealed to member 2.
    fn reseal(&mut self, plaintext: &[u8]) {
        let (subset, holder) = (SubsetIndex::new(0), MemberIndex::new(2));
        let context = self.session.sealing_context(subset, holder);
        let key = self.sealing[2].public_key();
        let bytes = sealing::seal_deterministic(&key, &context, plaintext, &[7; 64]).unwrap();
        self.reveals[0].sealed.iter_mut().find(|secret| secret.holder == holder).unwrap().bytes = bytes;
    }

    fn secret_of_member_2(&self) -> SubsetSecret {
        let KeyGenerationOutcome::Finished { key, .. } =
            self.receivers[2].finish(&self.reveals, &self.sealing[2]).unwrap()
        else {
            panic!("the members are honest");
        };
        key.secret(SubsetIndex::new(0)).unwrap().clone()
    }
}

#[test]
fn honest_members_agree_on_one_key_and_survive_restarts() {
    let dealt = deal();
    let mut digests = vec![];
    for (receiver, sealing) in dealt.receivers.iter().zip(&dealt.sealing) {
        let restarted: Receiver = borsh::from_slice(&borsh::to_vec(receiver).unwrap()).unwrap();
        let reveals: Vec<ShareReveal> = borsh::from_slice(&borsh::to_vec(&dealt.reveals).unwrap()).unwrap();
        let KeyGenerationOutcome::Finished { key, public_key } = restarted.finish(&reveals, sealing).unwrap() else {
            panic!("the members are honest");
        };
        assert_eq!(*key.public_key(), public_key.digest());
        digests.push(public_key.digest());
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn a_restarted_dealer_reveals_what_it_committed_to() {
    let (session, _) = session(0);
    let (dealers, posted) = begin(&session);
    let commitments = Commitments::new(&session, posted).unwrap();
    let restarted: Dealer = borsh::from_slice(&borsh::to_vec(&dealers[0]).unwrap()).unwrap();
    assert_eq!(restarted.commitments(), dealers[0].commitments());
    let (_, reveals) = restarted.reveal(commitments.clone(), &mut StdRng::seed_from_u64(9)).unwrap();
    for reveal in reveals {
        let digest = session.public_share_digest(reveal.subset, &reveal.public_share);
        assert_eq!(commitments.get(reveal.subset).unwrap().public_share, digest);
    }
}

#[test]
fn nobody_reveals_before_every_commitment_is_posted() {
    let (session, _) = session(0);
    let (_, mut posted) = begin(&session);
    let last = posted.pop().unwrap();
    assert!(Commitments::new(&session, posted.clone()).unwrap_err().to_string().contains("reveal nothing before"));
    posted.push((MemberIndex::new(2), last.1));
    assert!(Commitments::new(&session, posted.clone()).is_err(), "member 2 leads no subset");
    posted.pop();
    posted.push(last);
    let mut second = posted[0];
    second.1.prf_key = last.1.prf_key;
    posted.push(second);
    assert!(Commitments::new(&session, posted).unwrap_err().to_string().contains("committed twice"));
}

#[test]
fn a_dealer_refuses_commitments_posted_in_its_name() {
    let (session, _) = session(0);
    let (dealers, mut posted) = begin(&session);
    posted[0].1.public_share = posted[1].1.public_share;
    let commitments = Commitments::new(&session, posted).unwrap();
    let dealer = dealers.into_iter().next().unwrap();
    assert!(dealer.reveal(commitments, &mut StdRng::seed_from_u64(9)).is_err());
}

#[test]
fn a_leader_that_rushes_is_named() {
    let mut dealt = deal();
    // Having seen the others, member 1 replaces its share so that the sum is a key whose secret it knows.
    let (mut rng, session) = (StdRng::seed_from_u64(4), &dealt.session);
    let a = common_polynomial(session.chain(), session.epoch());
    let known = a.times(&Ternary::random(&mut rng)).negated().plus_error(&ErrorPolynomial::random(&mut rng));
    let others = dealt.reveals[1].public_share.clone().plus(&dealt.reveals[2].public_share);
    dealt.reveals[0].public_share = known.plus(&others.negated());
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::ShareNotCommitted)]);
    assert!(joint_public_key(&dealt.session, dealt.receivers[0].commitments(), &dealt.reveals).is_err());
}

#[test]
fn a_missing_or_second_share_is_named() {
    let mut dealt = deal();
    let removed = dealt.reveals.remove(2);
    assert_eq!(dealt.complaints(), [(0, 2, ComplaintReason::NotRevealed)]);
    dealt.reveals.extend([removed.clone(), removed]);
    assert_eq!(dealt.complaints(), [(0, 2, ComplaintReason::NotRevealed)]);
}

#[test]
fn a_missing_or_unopened_secret_is_named() {
    let mut dealt = deal();
    dealt.reveals[0].sealed[1].bytes[2000] ^= 1;
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::SecretUnopened)]);
    dealt.reveals[0].sealed.retain(|secret| secret.holder != MemberIndex::new(2));
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::SecretMissing)]);
}

#[test]
fn a_secret_that_is_not_ternary_or_too_long_is_named() {
    let mut dealt = deal();
    let mut encoded = borsh::to_vec(&dealt.secret_of_member_2()).unwrap();
    encoded[100] = 0xff;
    dealt.reseal(&encoded);
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::SecretMalformed)]);
    encoded[100] = 0;
    encoded.push(0);
    dealt.reseal(&encoded);
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::SecretMalformed)]);
}

#[test]
fn another_prf_key_or_secret_than_the_committed_is_named() {
    let mut dealt = deal();
    let honest = dealt.secret_of_member_2();
    let mut rng = StdRng::seed_from_u64(5);
    let other_key = SubsetSecret { prf_key: PrfKey::random(&mut rng), ..honest.clone() };
    dealt.reseal(&borsh::to_vec(&other_key).unwrap());
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::PrfKeyNotCommitted)]);
    let other_share = SubsetSecret { share: Ternary::random(&mut rng), ..honest };
    dealt.reseal(&borsh::to_vec(&other_share).unwrap());
    assert_eq!(dealt.complaints(), [(1, 0, ComplaintReason::ShareNotShort)]);
}

#[test]
fn messages_of_another_epoch_do_not_serve() {
    let (first, _) = session(0);
    let (second, _) = session(1);
    let zero = RingElement::zero();
    let subset = SubsetIndex::new(0);
    assert_ne!(first.public_share_digest(subset, &zero), second.public_share_digest(subset, &zero));
    let key = PrfKey::from_bytes([1; 32]);
    assert_ne!(first.prf_commitment(subset, &key), second.prf_commitment(subset, &key));
}

#[test]
fn a_session_needs_one_distinct_key_for_each_member() {
    let (_, sealing) = session(0);
    let quorum = Quorum::new(2, 3).unwrap();
    let chain = ChainId::from_bytes([1; 32]);
    let keys = |places: &[usize]| places.iter().map(|place| sealing[*place].public_key()).collect::<Vec<_>>();
    assert!(Session::new(chain, KeyEpoch::new(0), quorum, keys(&[0, 1])).is_err());
    assert!(Session::new(chain, KeyEpoch::new(0), quorum, keys(&[0, 1, 1])).is_err());
    assert!(Session::new(chain, KeyEpoch::new(0), quorum, keys(&[])).is_err());
    assert!(Session::new(chain, KeyEpoch::new(0), quorum, keys(&[2, 1, 0])).is_ok());
}

#[test]
fn a_member_key_with_a_secret_too_few_does_not_decode() {
    let dealt = deal();
    let KeyGenerationOutcome::Finished { key, .. } =
        dealt.receivers[2].finish(&dealt.reveals, &dealt.sealing[2]).unwrap()
    else {
        panic!("the members are honest");
    };
    let wire = borsh::to_vec(&key).unwrap();
    let read: MemberKey = borsh::from_slice(&wire).unwrap();
    assert_eq!(borsh::to_vec(&read).unwrap(), wire);
    // The member's index lies after chain, epoch and quorum; member 1 would hold other subsets.
    let mut foreign = wire.clone();
    foreign[32 + 8 + 2] = 1;
    assert!(borsh::from_slice::<MemberKey>(&foreign).is_err());
    assert!(borsh::from_slice::<MemberKey>(&wire[..wire.len() - 1]).is_err());
    assert_eq!(format!("{key:?}"), "MemberKey(member 2 of 2 of 3, redacted)");
}
