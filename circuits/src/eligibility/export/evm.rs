//! The exported contract, compiled, deployed and called in an Ethereum virtual machine.

use ark_bn254::{Bn254, Fq, Fr, G1Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use ark_groth16::Proof;
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm,
    context::{TxEnv, result::ExecutionResult},
    database::InMemoryDB,
    handler::MainnetContext,
    primitives::{Address, TxKind},
};

use super::{
    tests::{exported, outside_subgroup},
    *,
};
use crate::eligibility::tests::key;

const SOURCE: &str = include_str!("../../../../tests/data/solidity/EligibilityVerifier.sol");
/// Creation code of [`SOURCE`].
const CODE: &str = include_str!("../../../../tests/data/solidity/EligibilityVerifier.hex");

/// Gas that a transaction which verifies one proof may cost.
const GAS_MAX: u64 = 600_000;
/// Gas given to each call.
const GAS_LIMIT: u64 = 10_000_000;

/// The contract on a chain of its own.
struct Deployed {
    evm: MainnetEvm<MainnetContext<InMemoryDB>>,
    address: Address,
    nonce: u64,
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Holds,
    DoesNotHold,
    Reverts,
}

impl Deployed {
    fn new() -> Self {
        let evm = Context::mainnet().with_db(InMemoryDB::default()).build_mainnet();
        let mut chain = Self { evm, address: Address::ZERO, nonce: 0 };
        let code = hex::decode(CODE.trim()).unwrap();
        let deployed = chain.transact(TxKind::Create, code, GAS_LIMIT);
        println!("deploying costs {} gas", deployed.tx_gas_used());
        chain.address = deployed.created_address().unwrap_or_else(|| panic!("{deployed:?}"));
        chain
    }

    fn transact(&mut self, kind: TxKind, data: Vec<u8>, gas: u64) -> ExecutionResult {
        let call = TxEnv::builder().kind(kind).data(data.into()).gas_limit(gas).nonce(self.nonce).build().unwrap();
        let result = self.evm.transact_commit(call).unwrap();
        self.nonce += 1;
        result
    }

    fn call(&mut self, data: Vec<u8>) -> Answer {
        let result = self.transact(TxKind::Call(self.address), data, GAS_LIMIT);
        match &result {
            ExecutionResult::Success { output, .. } => match output.data().as_ref() {
                [zeros @ .., 1] if zeros == [0; 31] => Answer::Holds,
                zeros if zeros == [0; 32] => Answer::DoesNotHold,
                other => panic!("{other:?} is no boolean"),
            },
            ExecutionResult::Revert { .. } => Answer::Reverts,
            ExecutionResult::Halt { .. } => panic!("{result:?}"),
        }
    }
}

/// The place of a 32-byte word in a call.
fn at(index: usize) -> std::ops::Range<usize> {
    4 + 32 * index..4 + 32 * (index + 1)
}

/// Words before the public inputs.
const PROOF_WORDS: usize = 8;

#[test]
fn the_committed_contract_is_the_one_of_the_demo_key() {
    let source = solidity_verifier(key().verifying_key());
    assert!(!source.contains('$'), "a marker is left");
    assert!(source == SOURCE, "the circuit or the contract changed: run `tests/export/run --write`");
}

#[test]
fn the_contract_accepts_proofs() {
    let mut contract = Deployed::new();
    for seed in [5, 6] {
        let (_, proof, signals) = exported(seed);
        assert_eq!(contract.call(calldata(&proof, &signals)), Answer::Holds);
    }
}

#[test]
fn the_contract_refuses_each_changed_public_input() {
    let mut contract = Deployed::new();
    let (_, proof, PublicSignals(signals)) = exported(7);
    for index in 0..signals.len() {
        let mut altered = signals.clone();
        altered[index] += Fr::from(1);
        assert_eq!(contract.call(calldata(&proof, &PublicSignals(altered))), Answer::DoesNotHold, "input {index}");
    }
}

#[test]
fn the_contract_refuses_a_second_spelling_of_an_input_or_a_coordinate() {
    let mut contract = Deployed::new();
    let (_, proof, signals) = exported(8);
    let call = calldata(&proof, &signals);
    let plus = |index: usize, modulus: Vec<u8>| {
        let mut altered = call.clone();
        let word = &mut altered[at(index)];
        let mut carry = 0;
        for (byte, addend) in word.iter_mut().zip(modulus).rev() {
            let sum = u16::from(*byte) + u16::from(addend) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
        altered
    };
    for index in 0..signals.0.len() {
        let altered = plus(PROOF_WORDS + index, Fr::MODULUS.to_bytes_be());
        assert_eq!(contract.call(altered), Answer::Reverts, "input {index}");
    }
    for index in 0..PROOF_WORDS {
        assert_eq!(contract.call(plus(index, Fq::MODULUS.to_bytes_be())), Answer::Reverts, "coordinate {index}");
    }
}

#[test]
fn the_contract_refuses_a_call_of_another_length() {
    let mut contract = Deployed::new();
    let (_, proof, signals) = exported(9);
    let call = calldata(&proof, &signals);
    for shorter in [0, 3, 4, 4 + 32 * PROOF_WORDS, call.len() - 32, call.len() - 1] {
        assert_eq!(contract.call(call[..shorter].to_vec()), Answer::Reverts, "{shorter} bytes");
    }
    for extra in [1, 32] {
        let longer = [call.clone(), vec![0; extra]].concat();
        assert_eq!(contract.call(longer), Answer::Reverts, "{extra} bytes more");
    }
    let mut other_function = call;
    other_function[0] ^= 1;
    assert_eq!(contract.call(other_function), Answer::Reverts);
}

#[test]
fn the_contract_refuses_points_that_are_swapped_negated_or_of_another_proof() {
    let mut contract = Deployed::new();
    let (_, Groth16Proof(proof), signals) = exported(10);
    let (_, Groth16Proof(other), _) = exported(11);
    let altered = [
        Proof { a: proof.c, c: proof.a, ..proof },
        Proof { a: -proof.a, ..proof },
        Proof { b: -proof.b, ..proof },
        Proof { c: -proof.c, ..proof },
        Proof { a: other.a, ..proof },
        Proof { b: other.b, ..proof },
        Proof { c: other.c, ..proof },
        Proof { a: G1Affine::zero(), ..proof },
        Proof::default(),
    ];
    for (index, proof) in altered.into_iter().enumerate() {
        let call = calldata(&Groth16Proof(proof), &signals);
        assert_eq!(contract.call(call), Answer::DoesNotHold, "alteration {index}");
    }
    let both_negated = Groth16Proof(Proof { a: -proof.a, b: -proof.b, ..proof });
    assert_eq!(contract.call(calldata(&both_negated, &signals)), Answer::Holds, "the same proof, re-randomized");
}

#[test]
fn the_contract_refuses_points_off_the_curve_or_outside_the_subgroup() {
    let mut contract = Deployed::new();
    let (_, Groth16Proof(proof), signals) = exported(12);
    let call = calldata(&Groth16Proof(proof.clone()), &signals);
    for index in 0..PROOF_WORDS {
        let mut altered = call.clone();
        altered[at(index)].copy_from_slice(&Fq::from(5).into_bigint().to_bytes_be());
        assert_eq!(contract.call(altered), Answer::Reverts, "coordinate {index}");
    }
    let mut real_first = call;
    real_first[at(2).start..at(5).end].rotate_left(32);
    assert_eq!(contract.call(real_first), Answer::Reverts);

    let stranger: Proof<Bn254> = Proof { b: outside_subgroup(), ..proof };
    assert_eq!(contract.call(calldata(&Groth16Proof(stranger), &signals)), Answer::Reverts);
}

#[test]
fn a_proof_that_holds_reverts_without_the_gas_and_never_reads_as_false() {
    let mut contract = Deployed::new();
    let (_, proof, signals) = exported(13);
    let call = calldata(&proof, &signals);
    let address = TxKind::Call(contract.address);
    let enough = contract.transact(address, call.clone(), GAS_LIMIT).tx_gas_used();
    println!("verifying costs {enough} gas with its transaction");
    assert!(enough < GAS_MAX, "{enough} gas");
    for share in [60, 80, 90, 95, 99] {
        let short = contract.transact(address, call.clone(), enough * share / 100);
        assert!(!short.is_success(), "{share} % of the gas: {short:?}");
    }
}
