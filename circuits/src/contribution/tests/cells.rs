//! Who matches and which cell they fall in: a wrong vector fails with the ciphertext, and a wrong comparison or value
//! that would explain it fails where it was forged.

use super::*;

fn one_clause(subject: Subject, lo: u32, hi: u32, negated: bool) -> MatchCriteria {
    MatchCriteria { groups: vec![vec![MatchClause { subject, lo, hi, negated }]] }
}

fn counted(axis: Axis) -> Sound {
    sound(Layout { window: 0, axes: vec![axis], statistic: Statistic::Count }, MatchCriteria::default())
}

#[test]
fn who_does_not_match_can_only_encrypt_zero() {
    let (layout, matching) = layouts().remove(9);
    let statement = sound(layout, matching);
    assert!(plaintext(&statement).slots().is_empty());
    let poison = statement.plaintext_if_matching().slots().to_vec();
    assert!(poison.iter().any(|slot| *slot != 0), "what the record would contribute if it matched");
    assert_eq!(poisoned(statement, poison).failing(), only("ciphertext"));
}

#[test]
fn who_does_not_match_and_encrypts_one_is_refused_whatever_explains_it() {
    // Attribute 1 is 777.
    let honest = sound(Layout::count(), one_clause(Subject::Attribute(1), 0, 5, false));
    assert!(plaintext(&honest).slots().is_empty());
    assert_eq!(honest.failing(), BTreeSet::new());
    let poisoned = poisoned(honest, vec![1]);
    assert_eq!(poisoned.failing(), only("ciphertext"));
    // The clause follows two public ones.
    assert_eq!(poisoned.failing_after([(comparison(2, true), Fr::one())]), only("criteria"), "5 ≥ 777");
    assert_eq!(poisoned.failing_after([(CLAUSE_VALUES + 2, Fr::from(5u64))]), only("record values"));
    // The plaintext of who matches.
    let matching = sound(Layout::count(), MatchCriteria::default()).assigned([]);
    let forged = with_paragraph_of(poisoned.assigned([]), "plaintext", &matching);
    assert_eq!(failing_paragraphs(&forged), only("plaintext"));
}

#[test]
fn a_missing_genotype_under_negation_contributes_zero() {
    let dosages = *record(&mut StdRng::seed_from_u64(1)).genotypes.windows()[0].dosages();
    assert_eq!(dosages[2], Dosage::HomAlt);
    let missing = dosages.iter().position(|dosage| *dosage == Dosage::Missing).unwrap();
    let matching = |variant| one_clause(Subject::Dosage(variant), 0, 0, true);
    let carrier = sound(Layout::count(), matching(2));
    assert_eq!(plaintext(&carrier).slots(), [1]);
    let unknown = sound(Layout::count(), matching(missing as u16));
    assert!(plaintext(&unknown).slots().is_empty());
    assert_eq!(unknown.failing(), BTreeSet::new());
    let poisoned = poisoned(unknown, vec![1]);
    assert_eq!(poisoned.failing(), only("ciphertext"));
    assert_eq!(poisoned.failing_after([(CLAUSE_VALUES + 2, Fr::from(2u64))]), only("record values"), "a carrier");
}

#[test]
fn a_public_criterion_that_another_value_would_satisfy_is_refused() {
    let mut statement = rich();
    statement.terms.eligibility.criteria.groups =
        vec![vec![Criterion { attribute: 0, lo: 45, hi: 45, negated: false }]];
    assert_eq!(statement.native(), Err(Error::Refuted { clause: Clause::Criteria }));
    assert_eq!(statement.failing(), only("criteria"));
    assert_eq!(statement.failing_after([(CLAUSE_VALUES, Fr::from(45u64))]), only("record values"));
    assert_eq!(statement.failing_after([(comparison(0, false), Fr::one())]), only("criteria"), "44 ≥ 45");
}

#[test]
fn a_cell_between_thresholds_beside_the_right_one_is_refused_whatever_explains_it() {
    let honest = counted(Axis::Thresholds { attribute: 0, cuts: vec![30, 40, 50] });
    assert_eq!(plaintext(&honest).slots(), [0, 0, 1]);
    let poisoned = poisoned(honest, vec![0, 0, 0, 1]);
    assert_eq!(poisoned.failing(), only("ciphertext"));
    assert_eq!(poisoned.failing_after([(CUTS + 2 * COMPARISON, Fr::one())]), only("cell"), "44 ≥ 50");
    assert_eq!(poisoned.failing_after([(AXIS_VALUES, Fr::from(50u64))]), only("record values"));
    assert_eq!(poisoned.failing_after([(BIN, Fr::one())]), only("ciphertext"), "an axis without bins has bin none");
}

#[test]
fn a_cell_of_another_dosage_is_refused_whatever_explains_it() {
    let honest = counted(Axis::Dosage { variant: 8 });
    assert_eq!(plaintext(&honest).slots(), [0, 1], "variant 8 is heterozygous");
    let poisoned = poisoned(honest, vec![0, 0, 1]);
    assert_eq!(poisoned.failing(), only("ciphertext"));
    assert_eq!(poisoned.failing_after([(CUTS + COMPARISON, Fr::one())]), only("cell"), "1 ≥ 2");
    assert_eq!(poisoned.failing_after([(AXIS_VALUES, Fr::from(2u64))]), only("record values"));
}

#[test]
fn a_bin_beside_the_right_one_is_refused_whatever_explains_it() {
    let honest = || counted(Axis::Bins { attribute: 1, lo: 700, width: 10, count: 9 });
    assert_eq!(plaintext(&honest()).slots(), [0, 0, 0, 0, 0, 0, 0, 1], "777 = 700 + 10·7 + 7");
    let below = poisoned(honest(), vec![0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(below.failing(), only("ciphertext"));
    // 777 = 700 + 10·6 + 17: a rest beyond the width, whose bound then is not a number of four digits.
    let forged = [(BIN, Fr::from(6u64)), (BIN + 2, Fr::from(17u64))];
    assert_eq!(below.failing_after(forged), only("cell"));
    assert_eq!(below.failing_after([(BIN, Fr::from(6u64))]), only("cell"), "a rest of seven");
    assert_eq!(below.failing_after([(AXIS_VALUES, Fr::from(765u64))]), only("record values"));
    // 777 = 700 + 10·8 − 3: a rest that is no digit.
    let above = poisoned(honest(), vec![0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let forged = [(BIN, Fr::from(8u64)), (BIN + 2, -Fr::from(3u64))];
    assert_eq!(above.failing_after(forged), only("digits and quotients"));
}

#[test]
fn who_falls_in_no_cell_can_only_encrypt_zero_whatever_explains_another() {
    // 777 lies beyond the bins, which end at 89; as if within them it would be in bin 77.
    let beyond = || counted(Axis::Bins { attribute: 1, lo: 0, width: 10, count: 9 });
    assert!(plaintext(&beyond()).slots().is_empty());
    let poison = |slot: usize| [vec![0; slot], vec![1]].concat();
    assert_eq!(poisoned(beyond(), poison(77)).failing(), only("ciphertext"));
    let end = BIN_ENDS + COMPARISON;
    assert_eq!(poisoned(beyond(), poison(77)).failing_after([(end, Fr::one())]), only("cell"), "89 ≥ 777");
    assert_eq!(poisoned(beyond(), poison(1)).failing_after([(AXIS_VALUES, Fr::from(15u64))]), only("record values"));
    // Attribute 9 is missing.
    let missing = || counted(Axis::Thresholds { attribute: 9, cuts: vec![1] });
    assert!(plaintext(&missing()).slots().is_empty());
    let poisoned = poisoned(missing(), poison(1));
    assert_eq!(poisoned.failing(), only("ciphertext"));
    assert_eq!(poisoned.failing_after([(AXIS_VALUES, Fr::from(7u64))]), only("record values"));
}

#[test]
fn a_digit_of_three_hundred_is_refused_by_the_lookup_alone() {
    // Attribute 0 is 44; the number is the same, the first digit is none.
    let digit = [(0, Fr::from(44u64 + 256)), (1, -Fr::one())];
    assert_eq!(rich().failing_after(digit), only("digits and quotients"));
}
