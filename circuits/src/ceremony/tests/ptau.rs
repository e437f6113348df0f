use ark_bn254::Fq;
use ark_ff::{BigInteger, PrimeField};

use super::*;

/// Made with snarkjs 0.7.5: two contributions and a beacon, 2^7; see `tests/data/README.md`.
const PTAU: &[u8] = include_bytes!("../../../../tests/data/ptau/bn128_7.ptau");
/// Where the powers in the first group begin: the file's head, the first section, the second section's head.
const TAU_G1: usize = 12 + 12 + 44 + 12;
/// Where the powers in the second group begin.
const TAU_G2: usize = TAU_G1 + 255 * 64 + 12;

fn read(bytes: &[u8], log2_size: u8) -> Result<Powers, crate::Error> {
    read_ptau(bytes, log2_size)?.verify(&mut rng())
}

fn changed(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = PTAU.to_vec();
    file[place..place + bytes.len()].copy_from_slice(bytes);
    file
}

/// The file with another section at the end.
fn with_section(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut file = changed(8, &8u32.to_le_bytes());
    file.extend(kind.to_le_bytes());
    file.extend((body.len() as u64).to_le_bytes());
    file.extend(body);
    file
}

#[test]
fn a_snarkjs_file_is_accepted_whole_and_as_a_prefix() {
    let powers = read(PTAU, 7).unwrap();
    assert!(matches!(powers.base(), Base::Imported(_)));
    assert!(powers.has_secret());
    let smaller = read(PTAU, 4).unwrap();
    assert_eq!(smaller.points().tau_g1, powers.points().tau_g1[..31]);
    assert_eq!(smaller.points().beta_g2, powers.points().beta_g2);
}

#[test]
fn somebody_can_contribute_on_top_of_an_imported_file() {
    let powers = read(PTAU, 4).unwrap().contribute(name("after import"), &mut rng()).unwrap();
    let read = UnverifiedPowers::from_bytes(&powers.to_bytes().unwrap()).unwrap().verify(&mut rng()).unwrap();
    assert_eq!(read.contributors().count(), 1);
    assert_eq!(read.base(), powers.base());
}

#[test]
fn an_unknown_section_is_skipped() {
    assert!(read(&with_section(15, &[7; 99]), 7).is_ok());
}

#[test]
fn a_flipped_byte_in_any_used_section_is_refused() {
    let powers_end = TAU_G2 + 128 * 128 + 2 * (12 + 128 * 64) + 12 + 128;
    for place in (0..powers_end).step_by(997).chain([0, 4, 8, 12, 16, 24, 28, 60, TAU_G1, TAU_G2, powers_end - 1]) {
        assert!(read(&changed(place, &[PTAU[place] ^ 1]), 7).is_err(), "byte {place}");
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for length in (0..PTAU.len()).step_by(1_009).chain([PTAU.len() - 1]) {
        assert!(read_ptau(&PTAU[..length], 7).is_err(), "{length} bytes");
    }
}

#[test]
fn bytes_after_the_last_section_are_refused() {
    assert!(read_ptau([PTAU, &[0]].concat().as_slice(), 7).is_err());
}

#[test]
fn a_file_over_another_curve_is_refused() {
    // The modulus of BLS12-381's scalar field, as long as BN254's base field.
    let modulus = hex::decode("01000000fffffffffe5bfeff02a4bd5305d8a10908d83933487d9d2953a7ed73").unwrap();
    let error = read_ptau(changed(28, &modulus).as_slice(), 7).unwrap_err().to_string();
    assert!(error.contains("another curve"), "{error}");
    let error = read_ptau(changed(24, &48u32.to_le_bytes()).as_slice(), 7).unwrap_err().to_string();
    assert!(error.contains("32 bytes"), "{error}");
}

#[test]
fn a_section_that_lies_about_its_length_is_refused() {
    let length_at = TAU_G1 - 8;
    for length in [0, 255 * 64 - 64, 255 * 64 + 64, u64::MAX] {
        assert!(read_ptau(changed(length_at, &length.to_le_bytes()).as_slice(), 7).is_err(), "{length}");
    }
    // An unused section whose length runs past the end.
    let mut lying = with_section(15, &[7; 99]);
    let place = lying.len() - 99 - 8;
    lying[place..place + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(read_ptau(lying.as_slice(), 7).is_err());
}

#[test]
fn a_size_that_lies_is_refused() {
    for powers in [6u32, 8, 28, 29, 64, u32::MAX] {
        assert!(read_ptau(changed(60, &powers.to_le_bytes()).as_slice(), 6).is_err(), "2^{powers}");
    }
    assert!(read_ptau(PTAU, 8).is_err());
}

#[test]
fn a_section_that_occurs_twice_or_is_missing_is_refused() {
    let beta_g2 = &PTAU[TAU_G2 + 128 * 128 + 2 * (12 + 128 * 64) + 12..][..128];
    let error = read_ptau(with_section(6, beta_g2).as_slice(), 7).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
    let renamed = changed(TAU_G2 - 12, &99u32.to_le_bytes());
    let error = read_ptau(renamed.as_slice(), 7).unwrap_err().to_string();
    assert!(error.contains("missing"), "{error}");
}

#[test]
fn a_coordinate_at_the_modulus_or_above_is_refused() {
    let mut spelt_twice = num(&PTAU[TAU_G1..TAU_G1 + 32]);
    assert!(!spelt_twice.add_with_carry(&Fq::MODULUS));
    assert!(read_ptau(changed(TAU_G1, &spelt_twice.to_bytes_le()).as_slice(), 7).is_err());
}

fn num(bytes: &[u8]) -> ark_ff::BigInt<4> {
    let limbs: Vec<_> = bytes.chunks(8).map(|limb| u64::from_le_bytes(limb.try_into().unwrap())).collect();
    ark_ff::BigInt::new(limbs.try_into().unwrap())
}

#[test]
fn a_point_of_the_second_group_outside_the_subgroup_is_refused() {
    let outside = outside_the_subgroup();
    let coordinates = [outside.x.c0, outside.x.c1, outside.y.c0, outside.y.c1];
    let bytes: Vec<u8> = coordinates.iter().flat_map(|coordinate| coordinate.0.to_bytes_le()).collect();
    let error = read_ptau(changed(TAU_G2 + 128, &bytes).as_slice(), 7).unwrap_err().to_string();
    assert!(error.contains("outside the subgroup"), "{error}");
}
