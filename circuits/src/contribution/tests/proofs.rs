//! Proofs: for their statement and no other, one by one and in batches.

use ark_bn254::G1Affine;
use rayon::prelude::*;

use super::{super::inputs::TERMS_INPUTS, *};
use crate::groth16::PreparedKey;

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
fn a_proof_verifies_for_its_statement_and_no_other() {
    let statement = rich();
    let (verifier, proof) = (verifier(&statement), proven_once());
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
    let (verifier, proof, other) = (verifier(&statement), proven_once(), proven(&statement, 2));
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
    // Two wrong proofs whose errors cancel in a sum without factors: their thirds swapped, and their commitments.
    let [first, second] = [0, 1].map(|place| good[place].1.proof.decode().unwrap());
    let thirds = [groth16::Proof { c: second.c, ..first }, groth16::Proof { c: first.c, ..second }];
    let commitments = [groth16::Proof { d: second.d, ..first }, groth16::Proof { d: first.d, ..second }];
    for crossed in [thirds, commitments] {
        let crossed = crossed.iter().zip(&good).map(|(points, (instance, honest))| {
            (*instance, UnverifiedContribution { proof: points.encode().unwrap(), ..*honest })
        });
        assert!(verifier.verify_batch(&crossed.collect::<Vec<_>>()).is_err());
    }
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
fn a_proof_is_refused_when_any_one_public_input_is_another() {
    let statement = rich();
    let points = &key().points().verifying;
    let prepared = PreparedKey::new(points.clone(), PUBLIC_INPUTS).unwrap();
    let equation = verifier(&statement).equation(&statement.instance, &proven_once()).unwrap();
    assert_eq!(prepared.verify(&equation), Ok(()));
    let accepted = |element: &G1Affine| {
        let flipped = groth16::Statement { inputs: equation.inputs + element, ..equation };
        prepared.verify(&flipped).is_ok()
    };
    let elements = &points.input_query[1..];
    assert_eq!(elements.len(), 457);
    let accepted: Vec<bool> = elements.par_iter().map(accepted).collect();
    assert_eq!(accepted, [false; 457]);
}

#[test]
fn each_input_of_an_instance_is_read_by_its_paragraphs_and_no_others() {
    let honest = rich().assigned([]);
    let lookups = ["short randomness", "digits and quotients", "record values"];
    let readers: [(&str, &[&str]); INSTANCE_INPUTS] = [
        ("root", &["membership"]),
        ("nullifier", &["nullifiers"]),
        ("scope nullifier", &["nullifiers"]),
        ("γ", &["record values", "plaintext", "ciphertext"]),
        ("α", &lookups),
        ("a(γ)", &["ciphertext"]),
        ("b(γ)", &["ciphertext"]),
        ("c0(γ)", &["ciphertext"]),
        ("c1(γ)", &["ciphertext"]),
    ];
    for (place, (input, paragraphs)) in readers.into_iter().enumerate() {
        let mut flipped = honest.clone();
        flipped[1 + TERMS_INPUTS + place] += Fr::one();
        assert_eq!(failing_paragraphs(&flipped), BTreeSet::from_iter(paragraphs.iter().copied()), "{input}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let Sound { witness, terms, .. } = rich();
    let record = record(&mut StdRng::seed_from_u64(7));
    let printed: [(&str, &dyn std::fmt::Debug); 15] = [
        ("Attributes", &record.attributes),
        ("Window", &record.genotypes.windows()[0]),
        ("Genotypes", &record.genotypes),
        ("NullifierKey", &record.nullifier_key),
        ("Record", &record),
        ("OpenedRecord", &witness.opened(&terms)),
        ("ConsentTerms", &witness.leaf.consent),
        ("MerklePath", &witness.leaf.path),
        ("EligibilityWitness", &witness.leaf),
        ("Plaintext", &plaintext(&rich())),
        ("Ternary", witness.encryption.u()),
        ("ErrorPolynomial", witness.encryption.e0()),
        ("EncryptionWitness", &witness.encryption),
        ("Quotients", &witness.quotients),
        ("ContributionWitness", &witness),
    ];
    for (name, value) in printed {
        assert_eq!(format!("{value:?}"), format!("{name}(redacted)"));
        assert_eq!(format!("{value:#?}"), format!("{name}(redacted)"));
    }
}
