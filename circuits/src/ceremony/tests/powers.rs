use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ff::Zero;
use ark_serialize::CanonicalSerialize;
use borsh::BorshDeserialize;

use super::*;
use crate::ceremony::{contribution::Factor, points::NonZero};

const LOG2: u8 = 3;
const SIZE: usize = 1 << LOG2;

/// Bytes before the first point.
fn header_length(file: &[u8]) -> usize {
    file.len() - ((2 * SIZE - 1) * 64 + SIZE * 128 + 2 * SIZE * 64 + 128)
}

fn contributed() -> Powers {
    let rng = &mut rng();
    let first = Powers::new(LOG2).unwrap().contribute(name("first"), rng).unwrap();
    first.contribute(name("second"), rng).unwrap()
}

fn reread(powers: &Powers) -> Result<Powers, crate::Error> {
    UnverifiedPowers::from_bytes(&powers.to_bytes().unwrap())?.verify(&mut rng())
}

#[test]
fn a_chain_of_two_people_and_a_beacon_verifies_as_read() {
    let powers = contributed().beacon(Beacon::new(b"block 1".to_vec(), 4).unwrap()).unwrap();
    let read = reread(&powers).unwrap();
    assert_eq!(read.contributors().count(), 3);
    assert_eq!(read.to_bytes().unwrap(), powers.to_bytes().unwrap());
    assert_eq!(read.digest().unwrap(), powers.digest().unwrap());
    assert!(read.has_secret());
}

#[test]
fn powers_nobody_contributed_to_hold_no_secret() {
    let beacon = Beacon::new(b"block 1".to_vec(), 4).unwrap();
    let powers = reread(&Powers::new(LOG2).unwrap().beacon(beacon).unwrap()).unwrap();
    assert!(!powers.has_secret());
}

#[test]
fn nobody_contributes_after_a_beacon() {
    let powers = contributed().beacon(Beacon::new(b"block 1".to_vec(), 0).unwrap()).unwrap();
    assert!(powers.contribute(name("late"), &mut rng()).is_err());
}

#[test]
fn one_contributors_unknown_secret_changes_every_power() {
    let before = contributed();
    let after = before.clone().contribute(name("third"), &mut rng()).unwrap();
    let (before, after) = (before.points(), after.points());
    assert!(before.tau_g1[1..].iter().zip(&after.tau_g1[1..]).all(|(before, after)| before != after));
    assert!(before.beta_g1.iter().zip(&after.beta_g1).all(|(before, after)| before != after));
    assert_ne!(before.beta_g2, after.beta_g2);
}

#[test]
fn a_zero_factor_cannot_be_contributed() {
    let factors = [Fr::from(2), Fr::zero(), Fr::from(3)].map(Factor::chosen);
    assert!(contributed().extend(Contributor::Person(name("zero")), &factors).is_err());
}

#[test]
fn every_point_takes_part_in_the_check() {
    let bytes = contributed().to_bytes().unwrap();
    let start = header_length(&bytes);
    let second_group = start + (2 * SIZE - 1) * 64;
    let after = second_group + SIZE * 128;
    let g1 = (start..second_group).step_by(64).chain((after..after + 2 * SIZE * 64).step_by(64));
    let g2 = (second_group..after).step_by(128).chain([bytes.len() - 128]);
    let twins =
        g1.map(|place| moved::<G1Affine>(&bytes, place)).chain(g2.map(|place| moved::<G2Affine>(&bytes, place)));
    for (place, twin) in twins.enumerate() {
        assert!(UnverifiedPowers::from_bytes(&twin).unwrap().verify(&mut rng()).is_err(), "point {place}");
    }
}

#[test]
fn a_point_outside_the_subgroup_is_refused() {
    let mut bytes = contributed().to_bytes().unwrap();
    let place = bytes.len() - 128;
    outside_the_subgroup().serialize_uncompressed(&mut bytes[place..]).unwrap();
    assert!(UnverifiedPowers::from_bytes(&bytes).is_err());
}

#[test]
fn a_flipped_bit_of_the_header_is_refused() {
    let bytes = contributed().to_bytes().unwrap();
    for place in (0..header_length(&bytes)).step_by(5) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let refused = UnverifiedPowers::from_bytes(&changed).and_then(|powers| powers.verify(&mut rng()));
        assert!(refused.is_err(), "byte {place}");
    }
}

#[test]
fn a_truncated_or_longer_file_is_refused() {
    let bytes = contributed().to_bytes().unwrap();
    for length in [0, 10, 40, bytes.len() - 1] {
        assert!(UnverifiedPowers::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(UnverifiedPowers::from_bytes(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn infinity_and_second_spellings_are_no_heads_of_a_chain() {
    let infinity = [vec![0; 31], vec![0x40]].concat();
    assert!(NonZero::<G1Affine>::try_from_slice(&infinity).is_err());
    assert!(NonZero::<G1Affine>::try_from_slice(&[0xff; 32]).is_err());
    let generator = borsh::to_vec(&NonZero::<G1Affine>::generator()).unwrap();
    assert!(NonZero::<G1Affine>::try_from_slice(&generator).is_ok());
}

#[test]
fn sizes_names_and_beacons_have_bounds() {
    assert!(Powers::new(0).is_err());
    assert!(Powers::new(LOG2_SIZE_MAX + 1).is_err());
    assert!("".parse::<ContributorName>().is_err());
    assert!("a\nb".parse::<ContributorName>().is_err());
    assert!("x".repeat(NAME_BYTES_MAX + 1).parse::<ContributorName>().is_err());
    assert!(Beacon::new(vec![], 1).is_err());
    assert!(Beacon::new(vec![1], BEACON_LOG2_ITERATIONS_MAX + 1).is_err());
}

#[test]
fn more_contributions_than_allowed_are_refused_before_they_are_read() {
    let mut bytes = crate::domain::ByteTag::CeremonyPowers.text().as_bytes().to_vec();
    bytes.extend([LOG2, 0]);
    bytes.extend(u32::MAX.to_le_bytes());
    let error = UnverifiedPowers::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("at most 1024"), "{error}");
}

#[test]
fn debug_output_shows_no_factor() {
    assert_eq!(format!("{:?}", Factor::chosen(Fr::from(41))), "Factor(redacted)");
}
