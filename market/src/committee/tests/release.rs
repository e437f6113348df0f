use std::collections::BTreeMap;

use circuits::{
    id::{ChainId, Digest, QueryId},
    quorum::{Acceptance, MemberIndex, Quorum, SubsetIndex, accept},
    rlwe::{
        Accumulator, Aggregate, Coefficient, KeyEpoch, Plaintext, encrypt,
        params::{CONTROL_SLOTS, DELTA_BITS, LAYOUT_SLOTS},
    },
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::super::{testing::Committee, *};
use crate::sealing::SealingSecretKey;

const CHAIN: ChainId = ChainId::from_bytes([1; 32]);
const QUERY: QueryId = QueryId::from_bytes([2; 32]);
const EPOCH: KeyEpoch = KeyEpoch::new(3);
const PEOPLE: u32 = 5;
const BOUNDS: SumBounds = SumBounds { contributions: PEOPLE, slot_max_each: 1 };

/// A committee, a sum of five people's slots, and the truth.
struct Released {
    quorum: Quorum,
    committee: Committee,
    aggregate: Aggregate,
    context: ReleaseContext,
    truth: Vec<i32>,
}

fn release(threshold: u8, members: u8, slots: usize) -> Released {
    let mut rng = StdRng::seed_from_u64(u64::from(members) * 16 + u64::from(threshold));
    let quorum = Quorum::new(threshold, members).unwrap();
    let committee = testing::generate(CHAIN, EPOCH, quorum, &mut rng).unwrap();
    let (mut sum, mut truth) = (Accumulator::default(), vec![0; slots]);
    for person in 0..PEOPLE {
        let values: Vec<u32> = (0..slots as u32).map(|slot| u32::from((slot + person) % 3 == 0)).collect();
        truth.iter_mut().zip(&values).for_each(|(total, value)| *total += *value as i32);
        sum.add(&encrypt(&committee.public_key, &Plaintext::new(values).unwrap(), &mut rng).0).unwrap();
    }
    let aggregate = sum.finish();
    let context = ReleaseContext::new((CHAIN, EPOCH), (QUERY, 0), aggregate.digest(), slots as u16).unwrap();
    Released { quorum, committee, aggregate, context, truth }
}

impl Released {
    /// The components that these members compute, one for each subset they hold together.
    fn components(&self, members: &[usize]) -> BTreeMap<SubsetIndex, Component> {
        let of = |member: &usize| {
            let key = &self.committee.members[*member];
            self.quorum
                .subsets_of(key.member())
                .map(|subset| (subset, component(key, &self.aggregate, &self.context, subset).unwrap()))
        };
        members.iter().flat_map(of).collect()
    }

    fn combine(&self, components: &BTreeMap<SubsetIndex, Component>) -> Result<Vec<i32>, crate::Error> {
        combine(&self.quorum, &self.aggregate, &self.context, components, BOUNDS)
    }
}

/// The component with an integer added to one of its coefficients.
fn shifted(component: &Component, place: usize, by: i128) -> Component {
    let mut wire = borsh::to_vec(component).unwrap();
    let bytes = &mut wire[3 + 12 * place..3 + 12 * (place + 1)];
    let sum = component.coefficients()[place].plus(Coefficient::from_integer(by));
    bytes.copy_from_slice(&Coefficient::pack(&[sum]));
    borsh::from_slice(&wire).unwrap()
}

#[test]
fn every_quorum_of_every_committee_recovers_the_exact_sum_in_all_slots() {
    for (threshold, members, quorums) in
        [(2, 4, vec![vec![0, 1], vec![2, 3], vec![1, 3]]), (3, 5, vec![vec![0, 2, 4]]), (3, 7, vec![vec![6, 4, 1]])]
    {
        let released = release(threshold, members, LAYOUT_SLOTS);
        for quorum in quorums {
            assert_eq!(released.combine(&released.components(&quorum)).unwrap(), released.truth);
        }
    }
}

#[test]
fn only_the_layouts_and_the_control_slots_are_released() {
    let released = release(2, 4, 12);
    let components = released.components(&[0, 1]);
    assert!(components.values().all(|component| component.coefficients().len() == 12 + CONTROL_SLOTS));
    assert_eq!(released.combine(&components).unwrap(), released.truth);
}

#[test]
fn one_member_too_few_cannot_decrypt_with_all_that_is_public() {
    for (threshold, members, colluders) in [(2, 4, vec![3]), (3, 5, vec![1, 4])] {
        let released = release(threshold, members, 64);
        let mut components = released.components(&colluders);
        assert_eq!(components.len() + 1, released.quorum.subset_count());
        let error = released.combine(&components).unwrap_err().to_string();
        assert!(error.contains("are missing"), "{error}");
        // Guess the missing component: as zero, as another subset's, and as c1 under another member's secret.
        let missing = released.quorum.subsets().find(|subset| !components.contains_key(subset)).unwrap();
        let known = components.values().next().unwrap().clone();
        let mut zero = vec![0; borsh::to_vec(&known).unwrap().len()];
        (zero[0], zero[1]) = (missing.get(), 64);
        let mut borrowed = borsh::to_vec(&known).unwrap();
        borrowed[0] = missing.get();
        for guess in [zero, borrowed] {
            components.insert(missing, borsh::from_slice(&guess).unwrap());
            let error = released.combine(&components).unwrap_err().to_string();
            assert!(error.contains("a component is wrong") || error.contains("is not zero"), "{error}");
        }
    }
}

#[test]
fn all_holders_and_all_retries_give_the_same_component_and_the_same_sealed_bytes() {
    let released = release(2, 4, 24);
    let researcher = SealingSecretKey::random(&mut StdRng::seed_from_u64(1)).public_key();
    let seal = |key: &MemberKey| sealed_components(key, &released.aggregate, &released.context, &researcher).unwrap();
    let mut first: BTreeMap<SubsetIndex, SealedComponent> = BTreeMap::new();
    for key in &released.committee.members {
        assert_eq!(seal(key), seal(key));
        for (subset, sealed) in seal(key) {
            let known = first.entry(subset).or_insert_with(|| sealed.clone());
            assert_eq!(*known, sealed, "subset {subset}, member {}", key.member());
            assert_eq!(known.digest(&released.context), sealed.digest(&released.context));
        }
    }
    assert_eq!(first.len(), released.quorum.subset_count());
}

#[test]
fn the_researcher_opens_the_sealed_components_and_nobody_else_does() {
    let released = release(2, 4, 24);
    let researcher = SealingSecretKey::random(&mut StdRng::seed_from_u64(1));
    let stranger = SealingSecretKey::random(&mut StdRng::seed_from_u64(2));
    let mut opened = BTreeMap::new();
    for member in [1, 2] {
        let key = &released.committee.members[member];
        let sealed = sealed_components(key, &released.aggregate, &released.context, &researcher.public_key()).unwrap();
        for (subset, sealed) in sealed {
            assert!(open_component(&stranger, &released.context, &sealed).is_err());
            let relabelled = SealedComponent { subset: SubsetIndex::new((subset.get() + 1) % 4), ..sealed.clone() };
            assert!(open_component(&researcher, &released.context, &relabelled).is_err());
            let component = open_component(&researcher, &released.context, &sealed).unwrap();
            assert_eq!(
                component,
                super::super::component(key, &released.aggregate, &released.context, subset).unwrap()
            );
            opened.insert(subset, component);
        }
    }
    assert_eq!(released.combine(&opened).unwrap(), released.truth);
}

#[test]
fn query_and_part_change_the_flood_and_the_released_slots_do_not() {
    let released = release(2, 4, 12);
    let key = &released.committee.members[1];
    let subset = SubsetIndex::new(0);
    let digest = *released.context.aggregate();
    let base = component(key, &released.aggregate, &released.context, subset).unwrap();
    for name in [(QueryId::from_bytes([9; 32]), 0), (QUERY, 1)] {
        let context = ReleaseContext::new((CHAIN, EPOCH), name, digest, 12).unwrap();
        let other = component(key, &released.aggregate, &context, subset).unwrap();
        assert!(other.coefficients().iter().zip(base.coefficients()).all(|(one, two)| one != two));
    }
    let wider = ReleaseContext::new((CHAIN, EPOCH), (QUERY, 0), digest, 13).unwrap();
    let other = component(key, &released.aggregate, &wider, subset).unwrap();
    assert_eq!(other.coefficients()[..12], base.coefficients()[..12]);
    assert_eq!(other.coefficients()[13..], base.coefficients()[12..]);
    assert_ne!(other.digest(&wider), base.digest(&released.context));
}

#[test]
fn a_multiple_of_delta_added_to_a_component_is_outvoted_and_its_member_named() {
    let released = release(2, 4, 12);
    let subset = SubsetIndex::new(0);
    let honest = released.components(&[0, 1]);
    let lie = shifted(&honest[&subset], 5, 1 << DELTA_BITS);
    // The sum alone cannot show it, which is why members' digests are compared.
    let mut components = honest.clone();
    components.insert(subset, lie.clone());
    assert_ne!(released.combine(&components).unwrap(), released.truth);
    let digest = |member: usize| released.components(&[member])[&subset].digest(&released.context);
    let votes: BTreeMap<MemberIndex, Digest> = [
        (MemberIndex::new(1), lie.digest(&released.context)),
        (MemberIndex::new(2), digest(2)),
        (MemberIndex::new(3), digest(3)),
    ]
    .into();
    let Acceptance::Accepted { digest, liars } = accept(&released.quorum, subset, &votes).unwrap() else {
        panic!("two honest holders agree");
    };
    assert_eq!(digest, honest[&subset].digest(&released.context));
    assert_eq!(liars, [MemberIndex::new(1)]);
}

#[test]
fn a_lie_in_a_control_slot_or_beyond_the_count_or_the_noise_is_refused_by_the_sum() {
    let released = release(2, 4, 12);
    let honest = released.components(&[2, 3]);
    let attempt = |place, by| {
        let mut components = honest.clone();
        components.insert(SubsetIndex::new(1), shifted(&honest[&SubsetIndex::new(1)], place, by));
        released.combine(&components).map_err(|error| error.to_string())
    };
    assert_eq!(attempt(0, 0).unwrap(), released.truth);
    assert!(attempt(12, 1 << DELTA_BITS).unwrap_err().contains("control slot 4032 is not zero"));
    assert!(attempt(3, 100 << DELTA_BITS).unwrap_err().contains("outside 0 to 5"));
    assert!(attempt(3, -(100 << DELTA_BITS)).unwrap_err().contains("outside 0 to 5"));
    assert!(attempt(3, 1 << (DELTA_BITS - 1)).unwrap_err().contains("noise"));
}

#[test]
fn too_few_or_foreign_components_are_refused_by_name() {
    let released = release(2, 4, 12);
    let mut components = released.components(&[0]);
    let error = released.combine(&components).unwrap_err().to_string();
    assert!(error.contains("components 0 are missing; 2 members hold them all"), "{error}");
    assert!(released.combine(&BTreeMap::new()).is_err());
    components.insert(SubsetIndex::new(0), components[&SubsetIndex::new(1)].clone());
    assert!(released.combine(&components).is_err(), "a component under another subset's name");
    let mut extra = released.components(&[0, 1]);
    extra.insert(SubsetIndex::new(4), extra[&SubsetIndex::new(1)].clone());
    assert!(released.combine(&extra).is_err());
    let wider = release(2, 4, 13);
    assert!(released.combine(&wider.components(&[0, 1])).is_err(), "a component of another shape");
}

#[test]
fn a_member_computes_nothing_for_another_aggregate_epoch_or_subset() {
    let released = release(2, 4, 12);
    let (key, subset) = (&released.committee.members[1], SubsetIndex::new(0));
    let digest = *released.context.aggregate();
    let other = Accumulator::default().finish();
    assert!(component(key, &other, &released.context, subset).is_err());
    assert!(combine(&released.quorum, &other, &released.context, &released.components(&[0, 1]), BOUNDS).is_err());
    for scope in [(ChainId::from_bytes([9; 32]), EPOCH), (CHAIN, KeyEpoch::new(4))] {
        let context = ReleaseContext::new(scope, (QUERY, 0), digest, 12).unwrap();
        assert!(component(key, &released.aggregate, &context, subset).is_err());
    }
    assert!(component(key, &released.aggregate, &released.context, SubsetIndex::new(1)).is_err());
    assert!(component(key, &released.aggregate, &released.context, SubsetIndex::new(200)).is_err());
}

#[test]
fn a_release_of_no_slot_or_of_control_slots_is_refused() {
    let context = |slots| ReleaseContext::new((CHAIN, EPOCH), (QUERY, 0), Digest::from_bytes([0; 32]), slots);
    assert!(context(0).is_err() && context(LAYOUT_SLOTS as u16 + 1).is_err());
    assert!(context(LAYOUT_SLOTS as u16).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_decode_to_one_component_or_none(
        subset: u8, slots in 0u16..6, coefficients in proptest::collection::vec(any::<u8>(), (CONTROL_SLOTS + 3) * 12),
        mask: bool, cut in 0usize..14,
    ) {
        let mut bytes = vec![subset];
        bytes.extend(slots.to_le_bytes());
        bytes.extend(coefficients);
        if mask {
            bytes.iter_mut().skip(3 + 11).step_by(12).for_each(|byte| *byte &= 0x1f);
        }
        bytes.truncate(bytes.len() - if cut == 13 { 12 } else { 0 });
        let whole = if cut == 13 { 2 } else { 3 };
        match borsh::from_slice::<Component>(&bytes) {
            Ok(component) => prop_assert_eq!(borsh::to_vec(&component).unwrap(), bytes),
            Err(_) => prop_assert!(!mask || slots != whole),
        }
    }
}
