//! A Solidity contract that verifies proofs under one key, and the calls it takes.
//!
//! Source: the precompiled contracts of EIP-196 and EIP-197 (addition, multiplication and pairing check over BN254).

use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField, Zero};
use sha3::{Digest, Keccak256};

use super::{Groth16Key, Groth16Proof, PublicSignals};
use crate::{eligibility::VerifyingKey, groth16::KeyOrigin};

/// The compiler that the contract asks for, and with which its committed bytecode was made.
const COMPILER: &str = "0.8.37";

/// The contract, with a marker wherever the key is.
const TEMPLATE: &str = include_str!("verifier.sol");

/// The source of a contract that verifies eligibility proofs under this key: the same text for the same key.
#[must_use]
pub fn solidity_verifier(key: &VerifyingKey) -> String {
    let origin = match key.origin() {
        KeyOrigin::InsecureSeed => {
            "INSECURE: made from a public seed, so that anybody can forge proofs. For demo and test only."
        }
        KeyOrigin::Ceremony => "Made in a ceremony: sound if one contributor was honest.",
    };
    let Groth16Key(points) = key.into();
    let (constant, inputs) = points.gamma_abc_g1.split_first().map_or((G1Affine::zero(), &[][..]), |(c, i)| (*c, i));
    let fields = [
        ("$COMPILER", COMPILER.into()),
        ("$NAME", "EligibilityVerifier".into()),
        ("$KEY", key.id().to_string()),
        ("$ORIGIN", origin.into()),
        ("$INPUTS", inputs.len().to_string()),
        ("$SCALAR_MODULUS", Fr::MODULUS.to_string()),
        ("$MINUS_ALPHA", lines(&g1_words(&-points.alpha_g1))),
        ("$BETA", lines(&g2_words(&points.beta_g2))),
        ("$MINUS_GAMMA", lines(&g2_words(&-points.gamma_g2))),
        ("$MINUS_DELTA", lines(&g2_words(&-points.delta_g2))),
        ("$CONSTANT", lines(&g1_words(&constant))),
        ("$POINTS", lines(&inputs.iter().flat_map(g1_words).collect::<Vec<_>>())),
    ];
    fields.iter().fold(TEMPLATE.to_owned(), |source, (marker, value)| source.replace(marker, value))
}

/// Numbers of a Solidity array, one a line. Their type is spelled out, since an array takes that of its first element.
fn lines(words: &[Fq]) -> String {
    let lines: Vec<_> = words.iter().map(|word| format!("uint256(0x{})", hex::encode(big_endian(word)))).collect();
    lines.join(",\n            ")
}

/// The call of the contract's `verifyProof`: selector, A, B, C, public inputs.
#[must_use]
pub fn calldata(Groth16Proof(proof): &Groth16Proof, PublicSignals(signals): &PublicSignals) -> Vec<u8> {
    let signature = format!("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{}])", signals.len());
    let selector = Keccak256::digest(signature).into_iter().take(4);
    let points = [&g1_words(&proof.a)[..], &g2_words(&proof.b), &g1_words(&proof.c)].concat();
    selector.chain(points.iter().flat_map(big_endian)).chain(signals.iter().flat_map(big_endian)).collect()
}

/// The coordinates of a point in G1; those of infinity are zero in EIP-196.
fn g1_words(point: &G1Affine) -> [Fq; 2] {
    point.xy().map_or([Fq::zero(); 2], |(x, y)| [x, y])
}

/// The coordinates of a point in G2, imaginary parts first as in EIP-197.
fn g2_words(point: &G2Affine) -> [Fq; 4] {
    point.xy().map_or([Fq::zero(); 4], |(x, y)| [x.c1, x.c0, y.c1, y.c0])
}

fn big_endian(element: &impl PrimeField) -> Vec<u8> {
    element.into_bigint().to_bytes_be()
}
