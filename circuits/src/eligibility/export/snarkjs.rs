//! The JSON files of snarkjs: `verification_key.json`, `proof.json` and `public.json` of its `groth16` commands.
//!
//! Field elements are decimal text, points are projective and normalized: `[x, y, "1"]`, or `["0", "1", "0"]` at infinity.
//! Reading is strict where snarkjs is not: one spelling for each number, points in their subgroups, as many input
//! elements as the file says.

use ark_bn254::{Bn254, Fq, Fq2, Fq6, Fr, G1Affine, G2Affine};
use ark_ec::{
    AffineRepr,
    pairing::Pairing,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::PrimeField;
use ark_groth16::Proof;
use serde::{Deserialize, Serialize};

use super::{FOREIGN_INPUTS_MAX, Groth16Key, Groth16Proof, PublicSignals};
use crate::Error;

/// Digits of the longest field element: both moduli are below 10⁷⁷.
const DIGITS_MAX: usize = 77;

type G1Text = [String; 3];
type Fq2Text = [String; 2];
type G2Text = [Fq2Text; 3];
type Fq12Text = [[Fq2Text; 3]; 2];

/// The proof system named in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Groth16,
}

/// The curve named in a file: BN254 by the name that snarkjs gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Curve {
    Bn128,
}

/// A verifying key as snarkjs writes it; not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnarkjsKey {
    protocol: Protocol,
    curve: Curve,
    #[serde(rename = "nPublic")]
    inputs: usize,
    vk_alpha_1: G1Text,
    vk_beta_2: G2Text,
    vk_gamma_2: G2Text,
    vk_delta_2: G2Text,
    vk_alphabeta_12: Fq12Text,
    #[serde(rename = "IC")]
    input_elements: Vec<G1Text>,
}

impl From<&Groth16Key> for SnarkjsKey {
    fn from(Groth16Key(key): &Groth16Key) -> Self {
        Self {
            protocol: Protocol::Groth16,
            curve: Curve::Bn128,
            inputs: key.gamma_abc_g1.len().saturating_sub(1),
            vk_alpha_1: write_g1(&key.alpha_g1),
            vk_beta_2: write_g2(&key.beta_g2),
            vk_gamma_2: write_g2(&key.gamma_g2),
            vk_delta_2: write_g2(&key.delta_g2),
            vk_alphabeta_12: write_pairing(key.alpha_g1, key.beta_g2),
            input_elements: key.gamma_abc_g1.iter().map(write_g1).collect(),
        }
    }
}

impl TryFrom<&SnarkjsKey> for Groth16Key {
    type Error = Error;

    fn try_from(file: &SnarkjsKey) -> Result<Self, Error> {
        let count = file.input_elements.len();
        if file.inputs > FOREIGN_INPUTS_MAX || count != file.inputs + 1 {
            let why = format!(
                "{count} elements; nPublic is {}, at most {FOREIGN_INPUTS_MAX}, and IC has one more",
                file.inputs
            );
            return Err(Error::Malformed { what: "IC", why });
        }
        let key = ark_groth16::VerifyingKey::<Bn254> {
            alpha_g1: read_g1("vk_alpha_1", &file.vk_alpha_1)?,
            beta_g2: read_g2("vk_beta_2", &file.vk_beta_2)?,
            gamma_g2: read_g2("vk_gamma_2", &file.vk_gamma_2)?,
            delta_g2: read_g2("vk_delta_2", &file.vk_delta_2)?,
            gamma_abc_g1: file.input_elements.iter().map(|point| read_g1("IC", point)).collect::<Result<_, _>>()?,
        };
        if key.alpha_g1.is_zero() || [key.beta_g2, key.gamma_g2, key.delta_g2].iter().any(AffineRepr::is_zero) {
            let why = "alpha, beta, gamma or delta is the point at infinity".into();
            return Err(Error::Malformed { what: "verifying key", why });
        }
        if write_pairing(key.alpha_g1, key.beta_g2) != file.vk_alphabeta_12 {
            return Err(Error::Malformed { what: "vk_alphabeta_12", why: "is not e(vk_alpha_1, vk_beta_2)".into() });
        }
        Ok(Self(key))
    }
}

/// A proof as snarkjs writes it; not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnarkjsProof {
    pi_a: G1Text,
    pi_b: G2Text,
    pi_c: G1Text,
    protocol: Protocol,
    curve: Curve,
}

impl From<&Groth16Proof> for SnarkjsProof {
    fn from(Groth16Proof(proof): &Groth16Proof) -> Self {
        Self {
            pi_a: write_g1(&proof.a),
            pi_b: write_g2(&proof.b),
            pi_c: write_g1(&proof.c),
            protocol: Protocol::Groth16,
            curve: Curve::Bn128,
        }
    }
}

impl TryFrom<&SnarkjsProof> for Groth16Proof {
    type Error = Error;

    fn try_from(file: &SnarkjsProof) -> Result<Self, Error> {
        Ok(Self(Proof {
            a: read_g1("pi_a", &file.pi_a)?,
            b: read_g2("pi_b", &file.pi_b)?,
            c: read_g1("pi_c", &file.pi_c)?,
        }))
    }
}

/// Public inputs as snarkjs writes them; not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnarkjsSignals(Vec<String>);

impl From<&PublicSignals> for SnarkjsSignals {
    fn from(PublicSignals(signals): &PublicSignals) -> Self {
        Self(signals.iter().map(ToString::to_string).collect())
    }
}

impl TryFrom<&SnarkjsSignals> for PublicSignals {
    type Error = Error;

    fn try_from(SnarkjsSignals(texts): &SnarkjsSignals) -> Result<Self, Error> {
        if texts.len() > FOREIGN_INPUTS_MAX {
            let (value, limit) = (texts.len() as u64, FOREIGN_INPUTS_MAX as u64);
            return Err(Error::OutOfRange { what: "number of public inputs", value, limit });
        }
        texts.iter().map(|text| read_element::<Fr>("public input", text)).collect::<Result<_, _>>().map(Self)
    }
}

/// Reads a number in its only spelling. The library's own parser reduces, and takes signs and underscores.
fn read_element<F: PrimeField>(what: &'static str, text: &str) -> Result<F, Error> {
    let read = if text.len() <= DIGITS_MAX { text.parse::<F>().ok() } else { None };
    read.filter(|element| element.to_string() == text).ok_or_else(|| Error::Malformed {
        what,
        why: format!("write each number in decimal without leading zeros, below {}", F::MODULUS),
    })
}

fn read_g1(what: &'static str, [x, y, z]: &G1Text) -> Result<G1Affine, Error> {
    if [x, y, z] == ["0", "1", "0"] {
        return Ok(G1Affine::zero());
    }
    normalized(what, z == "1")?;
    in_subgroup(what, G1Affine::new_unchecked(read_element(what, x)?, read_element(what, y)?))
}

fn read_g2(what: &'static str, [x, y, z]: &G2Text) -> Result<G2Affine, Error> {
    let read = |[c0, c1]: &Fq2Text| Ok(Fq2::new(read_element(what, c0)?, read_element(what, c1)?));
    if [x, y, z] == [["0", "0"], ["1", "0"], ["0", "0"]].each_ref() {
        return Ok(G2Affine::zero());
    }
    normalized(what, z == &["1", "0"])?;
    in_subgroup(what, G2Affine::new_unchecked(read(x)?, read(y)?))
}

fn normalized(what: &'static str, normalized: bool) -> Result<(), Error> {
    if normalized {
        Ok(())
    } else {
        Err(Error::Malformed { what, why: "divide by the third coordinate: it must be 1".into() })
    }
}

fn in_subgroup<P: SWCurveConfig>(what: &'static str, point: Affine<P>) -> Result<Affine<P>, Error> {
    if point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve() {
        return Ok(point);
    }
    Err(Error::Malformed { what, why: "a point is off its curve or outside its subgroup".into() })
}

fn write_g1(point: &G1Affine) -> G1Text {
    let (x, y, z) = point.xy().map_or((Fq::from(0), Fq::from(1), "0"), |(x, y)| (x, y, "1"));
    [x.to_string(), y.to_string(), z.into()]
}

fn write_g2(point: &G2Affine) -> G2Text {
    let (x, y, z) = point.xy().map_or((Fq2::from(0), Fq2::from(1), Fq2::from(0)), |(x, y)| (x, y, Fq2::from(1)));
    [x, y, z].map(write_fq2)
}

fn write_fq2(element: Fq2) -> Fq2Text {
    [element.c0.to_string(), element.c1.to_string()]
}

fn write_pairing(alpha: G1Affine, beta: G2Affine) -> Fq12Text {
    let element = Bn254::pairing(alpha, beta).0;
    [element.c0, element.c1].map(|half: Fq6| [half.c0, half.c1, half.c2].map(write_fq2))
}
