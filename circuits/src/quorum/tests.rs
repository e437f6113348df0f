use std::collections::BTreeSet;

use super::*;

fn every_quorum() -> impl Iterator<Item = Quorum> {
    (0..=u8::MAX).flat_map(|t| (0..=u8::MAX).filter_map(move |n| Quorum::new(t, n).ok()))
}

fn vote(votes: &[(u8, u8)]) -> BTreeMap<MemberIndex, Digest> {
    votes.iter().map(|(member, byte)| (MemberIndex(*member), Digest::from_bytes([*byte; 32]))).collect()
}

#[test]
fn exactly_the_stated_quorums_exist() {
    let all: Vec<_> = every_quorum().map(|q| (q.threshold, q.members)).collect();
    let two = (3..=9).map(|n| (2, n));
    let three = (5..=9).map(|n| (3, n));
    assert_eq!(all, two.chain(three).chain([(4, 7)]).collect::<Vec<_>>());
    assert!(Quorum::new(4, 8).is_err() && Quorum::new(5, 9).is_err());
    assert!(Quorum::new(1, 3).is_err() && Quorum::insecure_single_for_tests(3).is_ok());
}

#[test]
fn any_threshold_of_members_holds_every_secret_and_one_fewer_misses_one() {
    for quorum in every_quorum() {
        for mask in 0..1u16 << quorum.members {
            let held: BTreeSet<_> = (0..quorum.members)
                .filter(|i| mask & (1 << i) != 0)
                .flat_map(|i| quorum.subsets_of(MemberIndex(i)))
                .collect();
            let all = held.len() == quorum.subset_count();
            assert_eq!(all, mask.count_ones() >= u32::from(quorum.threshold), "{quorum}, mask {mask:b}");
        }
    }
}

#[test]
fn a_subset_and_its_holders_partition_the_members_and_the_leader_holds() {
    for quorum in every_quorum() {
        assert_eq!(quorum.subsets().count(), quorum.subset_count());
        for subset in quorum.subsets() {
            assert_eq!(quorum.holders(subset).count(), usize::from(quorum.receipts_min()));
            assert_eq!(quorum.excluded(subset).count(), usize::from(quorum.threshold) - 1);
            assert!(quorum.is_holder(quorum.leader(subset).unwrap(), subset));
        }
        let beyond = SubsetIndex(quorum.subset_count() as u8);
        assert!(quorum.check_subset(beyond).is_err() && quorum.leader(beyond).is_none());
        assert!(quorum.check_member(MemberIndex(quorum.members)).is_err());
    }
}

#[test]
fn a_lying_member_is_outvoted_and_named() {
    let (quorum, subset) = (Quorum::DEFAULT, SubsetIndex(0));
    assert!(quorum.names_liars());
    assert_eq!(accept(&quorum, subset, &vote(&[(1, 7), (2, 9)])), Ok(Acceptance::Pending));
    let accepted = Acceptance::Accepted { digest: Digest::from_bytes([7; 32]), liars: vec![MemberIndex(2)] };
    assert_eq!(accept(&quorum, subset, &vote(&[(1, 7), (2, 9), (3, 7)])), Ok(accepted));
}

#[test]
fn a_vote_from_a_member_without_the_secret_does_not_count() {
    // Member 0 is the subset 0 of a 2-of-4 quorum.
    assert_eq!(accept(&Quorum::DEFAULT, SubsetIndex(0), &vote(&[(0, 7), (1, 7), (9, 7)])), Ok(Acceptance::Pending));
}

#[test]
fn a_split_vote_below_three_t_minus_two_is_disputed() {
    let quorum = Quorum::new(2, 3).unwrap();
    assert!(!quorum.names_liars());
    assert_eq!(accept(&quorum, SubsetIndex(0), &vote(&[(1, 7)])), Ok(Acceptance::Pending));
    assert_eq!(accept(&quorum, SubsetIndex(0), &vote(&[(1, 7), (2, 9)])), Ok(Acceptance::Disputed));
}

#[test]
fn t_minus_one_liars_never_block_a_quorum_that_names_liars() {
    for quorum in every_quorum().filter(Quorum::names_liars) {
        for subset in quorum.subsets() {
            let votes = quorum
                .holders(subset)
                .enumerate()
                .map(|(place, holder)| {
                    let lies = place + 1 < usize::from(quorum.threshold);
                    (holder, Digest::from_bytes([if lies { place as u8 } else { 200 }; 32]))
                })
                .collect();
            let Ok(Acceptance::Accepted { digest, liars }) = accept(&quorum, subset, &votes) else {
                panic!("{quorum} was blocked");
            };
            assert_eq!(digest, Digest::from_bytes([200; 32]));
            assert_eq!(liars.len(), usize::from(quorum.threshold) - 1);
        }
    }
}

#[test]
fn a_decoded_quorum_is_checked() {
    let wire = borsh::to_vec(&Quorum::DEFAULT).unwrap();
    assert_eq!(borsh::from_slice::<Quorum>(&wire).unwrap(), Quorum::DEFAULT);
    assert!(borsh::from_slice::<Quorum>(&[1, 4]).is_err());
    assert!(borsh::from_slice::<Quorum>(&[3, 4]).is_err());
    let json = serde_json::to_string(&Quorum::DEFAULT).unwrap();
    assert_eq!(serde_json::from_str::<Quorum>(&json).unwrap(), Quorum::DEFAULT);
    assert!(serde_json::from_str::<Quorum>(r#"{"threshold":5,"members":9}"#).is_err());
}
