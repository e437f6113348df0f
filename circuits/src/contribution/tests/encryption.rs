//! Encryptions that are none: randomness and quotients beyond their bounds, and another vector.

use super::*;

#[test]
fn an_error_of_nine_is_refuted_by_the_lookup_alone() {
    for place in [0, 4095] {
        let (u, e0, e1) = randomness();
        let plaintext = plaintext(&rich());
        let long = EncryptionWitness::from_parts(u.clone(), e0.clone(), e1.clone().with_coefficient(place, 8));
        assert_eq!(encrypted(rich(), &plaintext, long).failing(), BTreeSet::new());
        for long in [
            EncryptionWitness::from_parts(u.clone(), e0.clone(), e1.clone().with_coefficient(place, 9)),
            EncryptionWitness::from_parts(u.clone(), e0.clone().with_coefficient(place, -9), e1.clone()),
        ] {
            let statement = encrypted(rich(), &plaintext, long);
            assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Randomness }));
            assert_eq!(statement.failing(), only("short randomness"));
        }
    }
}

#[test]
fn a_ternary_coefficient_of_two_is_refuted_by_the_lookup_alone() {
    let (u, e0, e1) = randomness();
    let plaintext = plaintext(&rich());
    let with =
        |coefficient| EncryptionWitness::from_parts(u.clone().with_coefficient(0, coefficient), e0.clone(), e1.clone());
    let mut statement = encrypted(rich(), &plaintext, with(1));
    // With u0 = 2 the left side grows by b + 2^108·a at γ, which a quotient chosen after γ makes up for.
    let Challenges { gamma, .. } = CHALLENGES;
    let grown = statement.key.b().evaluate(gamma) + statement.key.a().evaluate(gamma) * Fr::from(1u128 << 108);
    let divisor = gamma.pow([RING_DEGREE as u64]) + Fr::one();
    let first = statement.witness.quotients.by_cyclotomic().next().unwrap();
    statement.witness.encryption = with(2);
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Randomness }));
    let forged = [(QUOTIENT_R, first + grown / divisor)];
    assert_eq!(statement.failing_after(forged), only("short randomness"));
}

#[test]
fn a_quotient_beyond_a_byte_is_refuted_by_the_lookup_alone() {
    for (quotient, failing) in
        [(127, BTreeSet::new()), (128, only("digits and quotients")), (-129, only("digits and quotients"))]
    {
        let mut statement = rich();
        let first = statement.witness.quotients.by_modulus()[0][0];
        statement.witness.quotients = statement.witness.quotients.clone().with_first_quotient(0, quotient);
        // A claimed opening in which c0 is not centred: its first coefficient moved by a multiple of q.
        let moved = Fr::from(1u128 << MODULUS_BITS) * Fr::from(i64::from(first) - i64::from(quotient));
        let honest = statement.opening();
        let opening = Opening { c0: Evaluation::from_element(honest.c0.element() + moved), ..honest };
        assert_eq!(statement.failing_with(BTreeMap::new(), opening), failing, "{quotient}");
    }
}

#[test]
fn a_quotient_of_the_second_half_beyond_a_byte_is_refused_too() {
    let mut statement = rich();
    let first = statement.witness.quotients.by_modulus()[1][0];
    statement.witness.quotients = statement.witness.quotients.clone().with_first_quotient(1, 128);
    let moved = Fr::from(1u128 << MODULUS_BITS) * Fr::from(i64::from(first) - 128);
    let honest = statement.opening();
    let opening = Opening { c1: Evaluation::from_element(honest.c1.element() + moved), ..honest };
    let failing = statement.failing_with(BTreeMap::new(), opening);
    assert_eq!(failing, only("digits and quotients"));
}

#[test]
fn a_ciphertext_whose_quotient_exceeds_a_byte_is_refuted_in_both_forms() {
    // Every coefficient of b is the largest, q/2 − 1, and u is all ones: the last coefficient of b·u is N times b's.
    let largest = vec![Coefficient::from_integer((1 << (MODULUS_BITS - 1)) - 1); RING_DEGREE];
    let b = RingElement::from_packed_bytes("b", &Coefficient::pack(&largest)).unwrap();
    let (u, e0, e1) = randomness();
    let u = (0..RING_DEGREE).fold(u, |u, place| u.with_coefficient(place, 1));
    let encryption = EncryptionWitness::from_parts(u, e0, e1);
    let mut statement = rich();
    statement.key = PublicKey::new(*statement.key.chain(), statement.key.epoch(), b);
    let plaintext = plaintext(&statement);
    statement.ciphertext = encrypt_with(&statement.key, &plaintext, &encryption);
    statement.instance.binding = bound(&statement.terms, &statement.key, &statement.ciphertext);
    statement.witness.quotients =
        Quotients::unbounded(&statement.key, &plaintext, &encryption, &statement.ciphertext).unwrap();
    statement.witness.encryption = encryption;
    let [k0, k1] = statement.witness.quotients.by_modulus();
    assert_eq!(*k0.iter().max().unwrap(), 2048, "N/2: the true quotient");
    assert!(k1.iter().all(|k| (-128..128).contains(k)));
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Ciphertext }));
    assert_eq!(statement.failing(), only("digits and quotients"));
}

#[test]
fn a_ciphertext_of_another_vector_is_refuted() {
    for slots in [vec![], vec![1; 100], vec![0; 4032]] {
        assert_eq!(poisoned(rich(), slots).failing(), only("ciphertext"));
    }
}
