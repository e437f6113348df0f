//! Proofs: for their statement and no other, one by one and in batches.

use super::*;

#[test]
fn terms_out_of_bounds_have_no_verifier() {
    let clause = Criterion { attribute: 0, lo: 0, hi: 1, negated: false };
    let alterations: [fn(&mut ContributionTerms, Criterion); 3] = [
        |terms, clause| {
            terms.eligibility.criteria.groups = vec![vec![clause]; 16];
            terms.matching.groups = vec![vec![clause.into()]; 5];
        },
        |terms, _| {
            let bins = Axis::Bins { attribute: 0, lo: 1, width: u32::MAX, count: u16::MAX };
            terms.layout = Layout { axes: vec![bins; 3], ..Layout::count() };
        },
        |terms, _| terms.layout = Layout { statistic: Statistic::Funnel { groups: 3 }, ..Layout::count() },
    ];
    for alter in alterations {
        let mut terms = rich().terms;
        alter(&mut terms, clause);
        assert!(ContributionVerifier::new(key().verifying_key(), &terms, &committee_key()).is_err());
    }
}

#[test]
fn every_part_of_the_transcript_moves_both_challenges() {
    let statement = rich();
    let (id, point) = (key().verifying_key().id(), key().points().delta_g1);
    let draw = |terms: &ContributionTerms, key: &PublicKey, instance: &EligibilityInstance, point| {
        Transcript::new(&id, key, terms).unwrap().challenges(instance, point).unwrap()
    };
    let first = draw(&statement.terms, &statement.key, &statement.instance, &point);
    let mut others = vec![draw(&statement.terms, &statement.key, &statement.instance, &key().points().kappa_g1)];
    let other_key = groth16::VerifyingKeyId::new(groth16::KeyOrigin::Ceremony, &[]);
    let transcript = Transcript::new(&other_key, &statement.key, &statement.terms).unwrap();
    others.push(transcript.challenges(&statement.instance, &point).unwrap());
    let terms = ContributionTerms { layout: Layout::count(), ..statement.terms.clone() };
    others.push(draw(&terms, &statement.key, &statement.instance, &point));
    for (chain, epoch, b) in [([6; 32], 1, None), ([5; 32], 2, None), ([5; 32], 1, Some(RingElement::zero()))] {
        let b = b.unwrap_or_else(|| statement.key.b().clone());
        let committee = PublicKey::new(ChainId::from_bytes(chain), KeyEpoch::new(epoch), b);
        others.push(draw(&statement.terms, &committee, &statement.instance, &point));
    }
    let instance = statement.instance;
    for instance in [
        EligibilityInstance { root: EpochRoot::from_element(Fr::one()), ..instance },
        EligibilityInstance { nullifier: Nullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { scope_nullifier: ScopeNullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { binding: Digest::from_bytes([1; 32]), ..instance },
    ] {
        others.push(draw(&statement.terms, &statement.key, &instance, &point));
    }
    assert_eq!(others.len(), 10);
    for other in others {
        assert!(other.gamma != first.gamma && other.alpha != first.alpha);
    }
}

#[test]
fn the_demo_key_is_the_pinned_one() {
    assert_eq!(
        key().verifying_key().id().to_string(),
        "73949b8938bc5aa819caf146ea058342939053fc31a54d312d627493c75499b8"
    );
}

#[test]
fn a_proof_verifies_for_its_statement_and_no_other() {
    let statement = rich();
    let (verifier, proof) = (verifier(&statement), proven(&statement, 1));
    let instance = statement.instance;
    let verified = verifier.verify(&instance, &proof).unwrap();
    assert_eq!((verified.instance(), verified.opening()), (&instance, &proof.opening));
    let gamma = verifier.challenges(&instance, &proof.proof).unwrap().gamma;
    assert_eq!(Opening::of(&statement.ciphertext, gamma), proof.opening);

    // Root, nullifiers, and the binding: chain, query, part, payout key, ciphertext digest.
    let altered = [
        EligibilityInstance { root: EpochRoot::from_element(Fr::zero()), ..instance },
        EligibilityInstance { nullifier: Nullifier::from_element(Fr::zero()), ..instance },
        EligibilityInstance { scope_nullifier: ScopeNullifier::from_element(Fr::one()), ..instance },
        EligibilityInstance { binding: Digest::from_bytes([0; 32]), ..instance },
    ];
    for other in altered {
        assert!(verifier.verify(&other, &proof).is_err(), "{other:?}");
    }
    // The opening claimed.
    for other in [
        Opening { c0: proof.opening.c1, ..proof.opening },
        Opening { c1: Evaluation::from_element(proof.opening.c1.element() + Fr::one()), ..proof.opening },
    ] {
        assert!(verifier.verify(&instance, &UnverifiedContribution { opening: other, ..proof }).is_err());
    }
    // The terms, and the committee's key.
    let alterations: [fn(&mut ContributionTerms); 6] = [
        |terms| terms.eligibility.query = QueryId::from_bytes([0; 32]),
        |terms| terms.eligibility.part = 0,
        |terms| terms.eligibility.demand.price += 1,
        |terms| terms.matching.groups.truncate(1),
        |terms| terms.layout.axes.clear(),
        |terms| terms.layout.window = 1,
    ];
    for alter in alterations {
        let mut terms = statement.terms.clone();
        alter(&mut terms);
        let other = ContributionVerifier::new(key().verifying_key(), &terms, &statement.key).unwrap();
        assert!(other.verify(&instance, &proof).is_err(), "{terms:?}");
    }
    for (chain, epoch) in [([6; 32], 1), ([5; 32], 2)] {
        let committee = PublicKey::new(ChainId::from_bytes(chain), KeyEpoch::new(epoch), statement.key.b().clone());
        let other = ContributionVerifier::new(key().verifying_key(), &statement.terms, &committee).unwrap();
        assert!(other.verify(&instance, &proof).is_err(), "another committee key");
    }
}

#[test]
fn an_altered_proof_is_refused_and_two_proofs_share_no_element() {
    let statement = rich();
    let (verifier, proof, other) = (verifier(&statement), proven(&statement, 1), proven(&statement, 2));
    let (points, others) = (proof.proof.decode().unwrap(), other.proof.decode().unwrap());
    assert!(points.a != others.a && points.b != others.b && points.c != others.c && points.d != others.d);
    assert!(verifier.verify(&statement.instance, &other).is_ok());
    let refused = [
        groth16::Proof { a: others.a, ..points },
        groth16::Proof { b: others.b, ..points },
        groth16::Proof { c: others.c, ..points },
        groth16::Proof { d: others.d, ..points },
        groth16::Proof { a: -points.a, ..points },
        groth16::Proof { c: points.d, d: points.c, ..points },
    ];
    for points in refused {
        let altered = UnverifiedContribution { proof: points.encode().unwrap(), ..proof };
        assert!(verifier.verify(&statement.instance, &altered).is_err());
    }
    // A second spelling of the point at infinity, and a point of the twist outside the subgroup.
    for (range, infinity) in [(0..32, true), (32..96, false)] {
        let mut bytes = *proof.proof.as_bytes();
        bytes[range.clone()].fill(0);
        bytes[range.start] = 1;
        if infinity {
            bytes[range.end - 1] = 0x40;
        }
        assert!(ProofBytes::new(bytes).decode().is_err());
    }
    for place in [0, 31, 40, 100, 127, 159] {
        let mut bytes = *proof.proof.as_bytes();
        bytes[place] ^= 1;
        let altered = UnverifiedContribution { proof: ProofBytes::new(bytes), ..proof };
        assert!(verifier.verify(&statement.instance, &altered).is_err(), "byte {place}");
    }
}

#[test]
fn a_batch_verifies_when_every_contribution_does() {
    let statement = rich();
    let verifier = verifier(&statement);
    let good: Vec<_> = (1..4).map(|seed| (statement.instance, proven(&statement, seed))).collect();
    assert_eq!(verifier.verify_batch(&good).unwrap().len(), 3);
    assert!(verifier.verify_batch(&[]).unwrap().is_empty());
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place].1.opening.c0 = Evaluation::from_element(Fr::from(5u64));
        assert!(verifier.verify_batch(&bad).is_err());
        let mut swapped = good.clone();
        swapped[place].1.proof = good[(place + 1) % good.len()].1.proof;
        assert!(verifier.verify_batch(&swapped).is_err());
    }
    // Two wrong proofs whose errors cancel in a sum without factors: their thirds swapped.
    let [first, second] = [0, 1].map(|place| good[place].1.proof.decode().unwrap());
    let crossed = [groth16::Proof { c: second.c, ..first }, groth16::Proof { c: first.c, ..second }];
    let crossed: Vec<_> = crossed
        .iter()
        .zip(&good)
        .map(|(points, (instance, honest))| {
            (*instance, UnverifiedContribution { proof: points.encode().unwrap(), ..*honest })
        })
        .collect();
    assert!(verifier.verify_batch(&crossed).is_err());
}

#[test]
fn what_is_chosen_after_the_challenge_does_not_fit_the_commitment() {
    let mut rng = StdRng::seed_from_u64(5);
    let relation = &shape().relation;
    let id = key().verifying_key().id();
    // An error of nine, and the multiplicity that would make up for it.
    let (u, e0, e1) = randomness();
    let plaintext = plaintext(&rich());
    let long = EncryptionWitness::from_parts(u, e0.with_coefficient(0, 9), e1);
    let statement = encrypted(rich(), &plaintext, long);
    let first = assignment(&statement.terms, [Fr::zero(); INSTANCE_INPUTS], &statement.witness, BTreeMap::new());
    let wires = &first[relation.inputs()..relation.inputs() + relation.committed()];
    let commitment = groth16::commit(key().points(), wires, &mut rng).unwrap();
    let transcript = Transcript::new(&id, &statement.key, &statement.terms).unwrap();
    let challenges = transcript.challenges(&statement.instance, &commitment.point()).unwrap();
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    let inputs = instance_inputs(&statement.instance, &challenges, statement.committee(challenges.gamma), &opening);
    let zero_errors = QUOTIENT_R + RING_DEGREE - 1 + 3 + 8;
    let e = [statement.witness.encryption.e0(), statement.witness.encryption.e1()];
    let zeros = e.iter().flat_map(|e| e.coefficients()).filter(|e| **e == 0).count() as u64;
    let made_up = Fr::from(zeros) + challenges.alpha / (challenges.alpha - Fr::from(9u64));
    let whole = assignment(&statement.terms, inputs, &statement.witness, [(zero_errors, made_up)].into());
    assert_eq!(failing_paragraphs(&whole), BTreeSet::new(), "the adaptive forgery satisfies every constraint");
    let proof = groth16::prove(key().points(), relation, &commitment, &whole, &mut rng).unwrap().encode().unwrap();
    let forged = UnverifiedContribution { proof, opening };
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

#[test]
fn a_commitment_to_another_records_wires_proves_nothing() {
    let statement = rich();
    let (layout, matching) = layouts().remove(5);
    let other = sound_with(&Attributes::new([44; ATTRIBUTES]), layout, matching);
    let mut rng = StdRng::seed_from_u64(4);
    let honest = prove_with_commitment_of(key(), &statement, &statement.witness, &mut rng);
    assert!(verifier(&statement).verify(&statement.instance, &honest).is_ok());
    let forged = prove_with_commitment_of(key(), &statement, &other.witness, &mut rng);
    assert!(verifier(&statement).verify(&statement.instance, &forged).is_err());
}

/// A proof whose first round commits to the wires of `committed`.
fn prove_with_commitment_of(
    key: &ProvingKey,
    statement: &Sound,
    committed: &ContributionWitness,
    rng: &mut StdRng,
) -> UnverifiedContribution {
    let relation = &shape().relation;
    let first = assignment(&statement.terms, [Fr::zero(); INSTANCE_INPUTS], committed, BTreeMap::new());
    let wires = &first[relation.inputs()..relation.inputs() + relation.committed()];
    let commitment = groth16::commit(key.points(), wires, rng).unwrap();
    let id = key.verifying_key().id();
    let transcript = Transcript::new(&id, &statement.key, &statement.terms).unwrap();
    let challenges = transcript.challenges(&statement.instance, &commitment.point()).unwrap();
    let opening = Opening::of(&statement.ciphertext, challenges.gamma);
    let inputs = instance_inputs(&statement.instance, &challenges, statement.committee(challenges.gamma), &opening);
    let whole = assignment(&statement.terms, inputs, &statement.witness, BTreeMap::new());
    let proof = groth16::prove(key.points(), relation, &commitment, &whole, rng).unwrap();
    UnverifiedContribution { proof: proof.encode().unwrap(), opening }
}

#[test]
fn a_statement_that_does_not_hold_is_not_proven() {
    let mut statement = rich();
    statement.terms.eligibility.demand.price = 499;
    let mut rng = StdRng::seed_from_u64(1);
    let refused = prove(key(), &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng);
    assert_eq!(refused, Err(Error::Refuted { clause: Clause::Price }));
}

#[test]
fn keys_survive_their_files_and_only_their_own() {
    let bytes = key().to_bytes().unwrap();
    let read = ProvingKey::from_bytes(&bytes, key().verifying_key()).unwrap();
    assert_eq!(read.verifying_key(), key().verifying_key());
    let statement = rich();
    let mut rng = StdRng::seed_from_u64(1);
    let proof = prove(&read, &statement.statement(), &statement.ciphertext, &statement.witness, &mut rng).unwrap();
    assert!(verifier(&statement).verify(&statement.instance, &proof).is_ok());
    assert!(ProvingKey::from_bytes(&bytes[..bytes.len() - 1], key().verifying_key()).is_err());
    let encoded = borsh::to_vec(key().verifying_key()).unwrap();
    assert_eq!(&borsh::from_slice::<VerifyingKey>(&encoded).unwrap(), key().verifying_key());
    let mut altered = encoded.clone();
    altered[40] ^= 1;
    assert!(borsh::from_slice::<VerifyingKey>(&altered).is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let statement = rich();
    let text = format!("{:?} {:?}", statement.witness, statement.witness.quotients);
    assert_eq!(text, "ContributionWitness(redacted) Quotients(redacted)");
}
