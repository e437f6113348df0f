//! What a dishonest prover assigns, and which paragraphs of the circuit then fail.
//!
//! A prover chooses values before synthesis (the committed wires, by number of the choice; a record's opening), and
//! replaces any other wire of the finished assignment, by its place.

use super::*;

pub(super) const CHALLENGES: Challenges = Challenges {
    gamma: MontFp!("12345678901234567890123456789012345678901234567890"),
    alpha: MontFp!("98765432109876543210987654321098765432109876543210"),
};

/// The prover's choices begin with the attributes' digits; then come the clauses' values and comparisons, the axes', the
/// moments', and the randomness.
pub(super) const CLAUSE_VALUES: usize = 4 * ATTRIBUTES;
const COMPARISONS: usize = CLAUSE_VALUES + MATCH_CLAUSES_MAX;
/// A comparison's verdict and four digits.
pub(super) const COMPARISON: usize = 1 + 4;
/// Two comparisons for each clause.
pub(super) const AXIS_VALUES: usize = COMPARISONS + MATCH_CLAUSES_MAX * 2 * COMPARISON;
/// The first axis' comparisons with its cuts.
pub(super) const CUTS: usize = AXIS_VALUES + AXES_MAX;
/// The comparisons with both ends of the first axis' bins.
pub(super) const BIN_ENDS: usize = CUTS + CUTS_MAX * COMPARISON;
/// The first axis' bin of two digits; the rest and the rest's bound follow.
pub(super) const BIN: usize = BIN_ENDS + 2 * COMPARISON;
const AXIS_CHOICES: usize = BIN + 2 + 4 + 4 - CUTS;
pub(super) const MOMENT_VALUES: usize = AXIS_VALUES + AXES_MAX * (1 + AXIS_CHOICES);
/// The comparisons that clip the first attribute, with its `lo` and with its `hi`.
pub(super) const CLIPS: usize = MOMENT_VALUES + MOMENT_ATTRIBUTES_MAX;
pub(super) const MOMENT_DIGITS: usize = CLIPS + 2 * COMPARISON;
/// `u`, `e0`, `e1`, `k0` and `k1`, then the quotient `r`.
pub(super) const RANDOMNESS: usize = CLIPS + MOMENT_ATTRIBUTES_MAX * 2 * COMPARISON + MOMENT_SLOTS_MAX - 1;
pub(super) const QUOTIENT_R: usize = RANDOMNESS + 5 * RING_DEGREE;
/// Of the ternary table's entries, then of the 17 errors, the bytes and the record's subjects.
pub(super) const MULTIPLICITIES: usize = QUOTIENT_R + RING_DEGREE - 1;

/// The choice of a clause's comparison: `value ≥ lo` is the first, `hi ≥ value` the second.
pub(super) const fn comparison(clause: usize, second: bool) -> usize {
    COMPARISONS + (2 * clause + second as usize) * COMPARISON
}

/// Uncommitted witnesses in order, which begin with the leaf's opening: schema, issuer, attributes, genotype root and
/// nullifier key, the consent's nine values and the epoch come before the path's sides.
pub(super) const SIDES: usize = 2 + ATTRIBUTES + 2 + 9 + 1;
pub(super) const SIBLINGS: usize = SIDES + TREE_DEPTH;
/// The dosages' low bits, then the high ones.
pub(super) const LOW_BITS: usize = SIBLINGS + TREE_DEPTH;
pub(super) const HIGH_BITS: usize = LOW_BITS + WINDOW_VARIANTS;

/// The place of an uncommitted witness in an assignment.
pub(super) fn uncommitted(number: usize) -> usize {
    shape().relation.inputs() + shape().relation.committed() + number
}

/// The circuit, synthesized once for all tests.
pub(super) fn shape() -> &'static Shape {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    SHAPE.get_or_init(|| Shape::synthesize().unwrap())
}

/// A whole assignment, some of the prover's choices replaced.
pub(super) fn assignment(
    terms: &ContributionTerms,
    inputs: [Fr; INSTANCE_INPUTS],
    witness: &ContributionWitness,
    altered: BTreeMap<usize, Fr>,
) -> Vec<Fr> {
    assignment_of(&ContributionCircuit { altered, ..ContributionCircuit::assigned(terms, inputs, witness) })
}

fn assignment_of(circuit: &ContributionCircuit<'_>) -> Vec<Fr> {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    circuit.synthesize(&system, Round::Prove).unwrap();
    let (inputs, witnesses) = (system.instance_assignment().unwrap(), system.witness_assignment().unwrap());
    shape().relation.ordered(&inputs, &witnesses).unwrap()
}

fn value(row: &[(Fr, usize)], assignment: &[Fr]) -> Fr {
    row.iter().map(|(factor, wire)| *factor * assignment[*wire]).sum()
}

/// A constraint's paragraph and its three rows.
type Constraint<'r> = (&'static str, [&'r [(Fr, usize)]; 3]);

fn constraints() -> impl Iterator<Item = Constraint<'static>> {
    let [a, b, c] = shape().relation.matrices();
    let names = CONSTRAINTS.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
    names.zip(a.iter().zip(b).zip(c)).map(|(name, ((a, b), c))| (name, [a.as_slice(), b, c]))
}

pub(super) fn failing_paragraphs(assignment: &[Fr]) -> BTreeSet<&'static str> {
    let holds = |rows: [&[(Fr, usize)]; 3]| {
        let [a, b, c] = rows.map(|row| value(row, assignment));
        a * b == c
    };
    constraints().filter(|(_, rows)| !holds(*rows)).map(|(name, _)| name).collect()
}

/// The wires of a paragraph that a constraint of their own, `(1 − bit)·bit = 0`, makes bits, in order.
pub(super) fn bits_of_paragraph(paragraph: &str) -> Vec<usize> {
    let bit = |(name, [a, b, c]): Constraint<'_>| match b {
        [(_, bit)] if name == paragraph && c.is_empty() && a.len() == 2 => {
            (value(a, &indicator(*bit)) == -Fr::one() && a.contains(&(Fr::one(), 0))).then_some(*bit)
        }
        _ => None,
    };
    constraints().filter_map(bit).collect()
}

/// The wires that a paragraph is the first to name, without those of the opened leaf and window.
fn wires_of_paragraph(paragraph: &str) -> BTreeSet<usize> {
    let opened = uncommitted(HIGH_BITS + WINDOW_VARIANTS + 1 + GENOTYPE_DEPTH);
    let (mut earlier, mut first) = (BTreeSet::new(), BTreeSet::new());
    for (name, rows) in constraints() {
        let wires = rows.into_iter().flatten().map(|(_, wire)| *wire).filter(|wire| *wire >= opened);
        if name == paragraph {
            first.extend(wires.filter(|wire| !earlier.contains(wire)));
        } else if first.is_empty() {
            earlier.extend(wires);
        }
    }
    first
}

/// The assignment with a paragraph's wires, and nothing else, taken from another.
pub(super) fn with_paragraph_of(mut assignment: Vec<Fr>, paragraph: &str, other: &[Fr]) -> Vec<Fr> {
    wires_of_paragraph(paragraph).into_iter().for_each(|wire| assignment[wire] = other[wire]);
    assignment
}

fn indicator(wire: usize) -> Vec<Fr> {
    let mut assignment = vec![Fr::zero(); shape().relation.wires()];
    assignment[wire] = Fr::one();
    assignment
}

/// The assignment with some wires replaced, and every wire that a constraint computes from others computed again: where
/// a constraint's product is the first to name a wire, that wire is what the constraint demands.
pub(super) fn replaced(mut assignment: Vec<Fr>, wires: impl IntoIterator<Item = (usize, Fr)>) -> Vec<Fr> {
    let relation = &shape().relation;
    let mut known = vec![false; relation.wires()];
    known[..relation.inputs() + relation.committed()].fill(true);
    for (wire, value) in wires {
        assignment[wire] = value;
        known[wire] = true;
    }
    for (_, [a, b, c]) in constraints() {
        let names = |row: &[(Fr, usize)], wire| row.iter().any(|(_, named)| *named == wire);
        let mut fresh = c.iter().filter(|(_, wire)| !known[*wire] && !names(a, *wire) && !names(b, *wire));
        if let (Some((factor, wire)), None) = (fresh.next(), fresh.next()) {
            let rest = value(c, &assignment) - *factor * assignment[*wire];
            assignment[*wire] = (value(a, &assignment) * value(b, &assignment) - rest) / factor;
        }
        [a, b, c].into_iter().flatten().for_each(|(_, wire)| known[*wire] = true);
    }
    assignment
}

impl Sound {
    pub(super) fn committee(&self, gamma: Fr) -> [Fr; 2] {
        [self.key.a(), self.key.b()].map(|element| element.evaluate(gamma))
    }

    pub(super) fn opening(&self) -> Opening {
        Opening::of(&self.ciphertext, CHALLENGES.gamma)
    }

    fn inputs(&self, opening: &Opening) -> [Fr; INSTANCE_INPUTS] {
        instance_inputs(&self.instance, &CHALLENGES, self.committee(CHALLENGES.gamma), opening)
    }

    /// The whole assignment, at some fixed challenges, after some of the prover's choices.
    pub(super) fn assigned(&self, altered: impl IntoIterator<Item = (usize, Fr)>) -> Vec<Fr> {
        assignment(&self.terms, self.inputs(&self.opening()), &self.witness, altered.into_iter().collect())
    }

    /// The paragraphs that have a constraint which does not hold, at some fixed challenges.
    pub(super) fn failing(&self) -> BTreeSet<&'static str> {
        self.failing_after([])
    }

    pub(super) fn failing_after(&self, altered: impl IntoIterator<Item = (usize, Fr)>) -> BTreeSet<&'static str> {
        failing_paragraphs(&self.assigned(altered))
    }

    pub(super) fn failing_with(&self, altered: BTreeMap<usize, Fr>, opening: Opening) -> BTreeSet<&'static str> {
        failing_paragraphs(&assignment(&self.terms, self.inputs(&opening), &self.witness, altered))
    }

    pub(super) fn failing_opening(
        &self,
        altered_opening: BTreeMap<usize, Fr>,
        invented_window: Option<Dosage>,
    ) -> BTreeSet<&'static str> {
        let circuit = ContributionCircuit {
            altered_opening,
            invented_window,
            ..ContributionCircuit::assigned(&self.terms, self.inputs(&self.opening()), &self.witness)
        };
        failing_paragraphs(&assignment_of(&circuit))
    }
}

/// A set of one, for paragraphs.
pub(super) fn only(paragraph: &'static str) -> BTreeSet<&'static str> {
    BTreeSet::from([paragraph])
}

#[test]
fn computing_the_wires_of_an_honest_assignment_again_changes_none() {
    let honest = rich().assigned([]);
    assert_eq!(replaced(honest.clone(), []), honest);
}
