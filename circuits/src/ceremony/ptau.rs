//! Reads snarkjs `.ptau` files of phase 1 over BN254.
//!
//! Layout (iden3 binary files, as `snarkjs powersoftau new` writes them): `ptau`, version 1, the number of sections;
//! then for each a type (u32), a length (u64) and the bytes, little-endian throughout. Coordinates are 32 bytes in
//! Montgomery form; infinity is all zeros. A file for a larger circuit holds the powers for a smaller one at the front
//! of each section, so a prefix is read and the rest only hashed.

use std::io::{self, Read};

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use sha2::{Digest as _, Sha256};

use super::{
    points::in_subgroup,
    powers::{PowerPoints, UnverifiedPowers, size_of},
};
use crate::{Error, id::Digest};

/// Sections of a file: 7, or 11 when prepared for snarkjs' phase 2.
const SECTIONS_MAX: u32 = 32;
/// The largest phase 1 there can be over this curve.
const LOG2_POWERS_MAX: u32 = 28;
/// Bytes of a coordinate.
const COORDINATE_BYTES: usize = 32;
/// Bytes of the section that names the curve and the size.
const CURVE_SECTION_BYTES: u64 = 4 + COORDINATE_BYTES as u64 + 4 + 4;

const CURVE: u32 = 1;
const TAU_G1: u32 = 2;
const TAU_G2: u32 = 3;
const ALPHA_G1: u32 = 4;
const BETA_G1: u32 = 5;
const BETA_G2: u32 = 6;

/// A reader that hashes what passes.
struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Reads the powers for circuits of up to 2^`log2_size` rows from a `.ptau` file. Memory grows with `log2_size` only,
/// whatever the file claims.
///
/// # Errors
/// [`Error::Malformed`] for another format or curve, a section that is missing, double, or not of the length that the
/// size demands, a coordinate at or above the modulus, a point off the curve or subgroup, too few powers, bytes after
/// the end; [`Error::OutOfRange`] for a size beyond the bound; [`Error::Ceremony`] for a trapdoor of zero.
pub fn read_ptau(reader: impl Read, log2_size: u8) -> Result<UnverifiedPowers, Error> {
    let size = size_of(log2_size)?;
    let mut file = Hashing { inner: reader, hasher: Sha256::new() };
    if take::<4>(&mut file)? != *b"ptau" || u32_of(&mut file)? != 1 {
        return Err(malformed("not a .ptau file of version 1"));
    }
    let sections = u32_of(&mut file)?;
    if sections > SECTIONS_MAX {
        return Err(malformed(format!("{sections} sections; there are at most {SECTIONS_MAX}")));
    }
    let mut found = Found::default();
    for _ in 0..sections {
        let (kind, length) = (u32_of(&mut file)?, u64::from_le_bytes(take(&mut file)?));
        found.read(&mut file, kind, length, size)?;
    }
    if file.read(&mut [0]).map_err(unreadable)? != 0 {
        return Err(malformed("bytes follow the last section"));
    }
    let digest = Digest::from_bytes(file.hasher.finalize().into());
    UnverifiedPowers::imported(digest, log2_size, found.finish()?)
}

fn malformed(why: impl Into<String>) -> Error {
    Error::Malformed { what: ".ptau file", why: why.into() }
}

fn unreadable(error: io::Error) -> Error {
    malformed(format!("it ends early or cannot be read ({error})"))
}

fn take<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn u32_of(reader: &mut impl Read) -> Result<u32, Error> {
    take(reader).map(u32::from_le_bytes)
}

/// The sections read so far.
#[derive(Default)]
struct Found {
    log2_powers: Option<u32>,
    tau_g1: Option<Vec<G1Affine>>,
    tau_g2: Option<Vec<G2Affine>>,
    alpha_g1: Option<Vec<G1Affine>>,
    beta_g1: Option<Vec<G1Affine>>,
    beta_g2: Option<Vec<G2Affine>>,
}

impl Found {
    fn read(&mut self, file: &mut impl Read, kind: u32, length: u64, size: usize) -> Result<(), Error> {
        if kind == CURVE {
            return read_curve(file, length, size).and_then(|powers| once(&mut self.log2_powers, kind, powers));
        }
        if !(TAU_G1..=BETA_G2).contains(&kind) {
            return skip(file, length);
        }
        let powers =
            self.log2_powers.ok_or_else(|| malformed(format!("section {kind} comes before section {CURVE}")))?;
        let (points, wanted) = match kind {
            TAU_G1 => ((2 << powers) - 1, 2 * size - 1),
            BETA_G2 => (1, 1),
            _ => (1 << powers, size),
        };
        let section = Section { kind, length, points, wanted };
        match kind {
            TAU_G1 => once(&mut self.tau_g1, kind, section.read(file, point_g1)?),
            TAU_G2 => once(&mut self.tau_g2, kind, section.read(file, point_g2)?),
            ALPHA_G1 => once(&mut self.alpha_g1, kind, section.read(file, point_g1)?),
            BETA_G1 => once(&mut self.beta_g1, kind, section.read(file, point_g1)?),
            _ => once(&mut self.beta_g2, kind, section.read(file, point_g2)?),
        }
    }

    fn finish(self) -> Result<PowerPoints, Error> {
        let missing = |kind: u32| move || malformed(format!("section {kind} is missing"));
        Ok(PowerPoints {
            tau_g1: self.tau_g1.ok_or_else(missing(TAU_G1))?,
            tau_g2: self.tau_g2.ok_or_else(missing(TAU_G2))?,
            alpha_g1: self.alpha_g1.ok_or_else(missing(ALPHA_G1))?,
            beta_g1: self.beta_g1.ok_or_else(missing(BETA_G1))?,
            beta_g2: self.beta_g2.and_then(|points| points.first().copied()).ok_or_else(missing(BETA_G2))?,
        })
    }
}

fn once<T>(slot: &mut Option<T>, kind: u32, value: T) -> Result<(), Error> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed(format!("section {kind} occurs twice"))),
    }
}

fn skip(file: &mut impl Read, length: u64) -> Result<(), Error> {
    let skipped = io::copy(&mut file.take(length), &mut io::sink()).map_err(unreadable)?;
    if skipped == length { Ok(()) } else { Err(malformed(format!("it ends {} bytes early", length - skipped))) }
}

/// The size of the file's phase 1, as a power of two.
fn read_curve(file: &mut impl Read, length: u64, size: usize) -> Result<u32, Error> {
    if length != CURVE_SECTION_BYTES || u32_of(file)? as usize != COORDINATE_BYTES {
        return Err(malformed("its coordinates are not 32 bytes, as BN254's are"));
    }
    if take::<COORDINATE_BYTES>(file)?.as_slice() != Fq::MODULUS.to_bytes_le() {
        return Err(malformed("it is over another curve; BN254 (bn128) is needed"));
    }
    let (powers, _) = (u32_of(file)?, u32_of(file)?);
    if powers > LOG2_POWERS_MAX || 1usize << powers < size {
        return Err(malformed(format!("it is for circuits of 2^{powers} rows; {size} rows are needed, 2^28 at most")));
    }
    Ok(powers)
}

/// A section of points.
struct Section {
    kind: u32,
    /// Its length as the file says.
    length: u64,
    /// How many points it must have.
    points: u64,
    /// How many are kept.
    wanted: usize,
}

impl Section {
    fn read<const N: usize, G: AffineRepr>(
        &self,
        file: &mut impl Read,
        point: fn(&[u8; N]) -> Option<G>,
    ) -> Result<Vec<G>, Error> {
        let Self { kind, length, points, wanted } = *self;
        if points.checked_mul(N as u64) != Some(length) {
            return Err(malformed(format!("section {kind} has {length} bytes; {points} points of {N} bytes expected")));
        }
        let read = (0..wanted).map(|place| {
            let decoded = point(&take(file)?);
            decoded.ok_or_else(|| malformed(format!("section {kind}, point {place} is no point of the subgroup")))
        });
        let kept = read.collect::<Result<Vec<_>, _>>()?;
        skip(file, length.saturating_sub(wanted as u64 * N as u64))?;
        in_subgroup(&kept)
            .map_err(|place| malformed(format!("section {kind}, point {place} is outside the subgroup")))?;
        Ok(kept)
    }
}

/// A coordinate in Montgomery form.
fn coordinate(bytes: &[u8; COORDINATE_BYTES]) -> Option<Fq> {
    let (limbs, _) = bytes.as_chunks::<8>();
    let limbs: Vec<_> = limbs.iter().map(|limb| u64::from_le_bytes(*limb)).collect();
    let residue = ark_ff::BigInt::new(limbs.try_into().ok()?);
    (residue < Fq::MODULUS).then(|| Fq::new_unchecked(residue))
}

fn point_g1(bytes: &[u8; 2 * COORDINATE_BYTES]) -> Option<G1Affine> {
    let (coordinates, _) = bytes.as_chunks();
    let [x, y] = coordinates else { return None };
    let point = G1Affine::new_unchecked(coordinate(x)?, coordinate(y)?);
    point.is_on_curve().then_some(point)
}

fn point_g2(bytes: &[u8; 4 * COORDINATE_BYTES]) -> Option<G2Affine> {
    let (coordinates, _) = bytes.as_chunks();
    let [x0, x1, y0, y1] = coordinates else { return None };
    let (x, y) = (Fq2::new(coordinate(x0)?, coordinate(x1)?), Fq2::new(coordinate(y0)?, coordinate(y1)?));
    let point = G2Affine::new_unchecked(x, y);
    point.is_on_curve().then_some(point)
}
