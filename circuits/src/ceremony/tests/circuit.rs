//! A small circuit: a chain of products from two witnesses to one public input, sixty constraints.

use ark_bn254::Fr;
use ark_ff::One;
use ark_relations::{
    gr1cs::{ConstraintSystem, ConstraintSystemRef, OptimizationGoal, SynthesisError, SynthesisMode, Variable},
    lc,
};

use crate::groth16::Relation;

/// Steps of the chain; with the two inputs, 62 of the domain's 64 rows are used.
const STEPS: usize = 60;

fn synthesize(start: [u64; 2]) -> Result<ConstraintSystemRef<Fr>, SynthesisError> {
    let system = ConstraintSystem::new_ref();
    system.set_optimization_goal(OptimizationGoal::Constraints);
    system.set_mode(SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: false });
    let output = chain(start).pop().unwrap_or_default();
    let public = system.new_input_variable(|| Ok(output))?;
    let values = start.map(Fr::from);
    let mut wires =
        values.map(|value| system.new_witness_variable(|| Ok(value))).into_iter().collect::<Result<Vec<_>, _>>()?;
    for (step, value) in chain(start).into_iter().enumerate() {
        let next = if step + 1 == STEPS { public } else { system.new_witness_variable(|| Ok(value))? };
        let (before, last) = (wires[step], wires[step + 1]);
        system.enforce_r1cs_constraint(
            || lc!() + (Fr::from(3), before) + (Fr::one(), last),
            || lc!() + (-Fr::one(), last) + (Fr::from(7), Variable::One),
            || lc!() + (Fr::one(), next),
        )?;
        wires.push(next);
    }
    Ok(system)
}

/// The values after each step.
fn chain(start: [u64; 2]) -> Vec<Fr> {
    let [mut before, mut last] = start.map(Fr::from);
    let step = || {
        let next = (Fr::from(3) * before + last) * (Fr::from(7) - last);
        (before, last) = (last, next);
        next
    };
    std::iter::repeat_with(step).take(STEPS).collect()
}

/// The circuit, of which the first witnesses are committed.
pub(super) fn relation(committed: usize) -> Relation {
    Relation::new(&synthesize([5, 11]).unwrap(), &(0..committed).collect::<Vec<_>>()).unwrap()
}

/// An assignment in the relation's order: one, the public input, the witnesses.
pub(super) fn assignment(start: [u64; 2]) -> Vec<Fr> {
    let system = synthesize(start).unwrap();
    assert!(system.is_satisfied().unwrap());
    let system = system.borrow().unwrap();
    [system.instance_assignment().unwrap(), system.witness_assignment().unwrap()].concat()
}
