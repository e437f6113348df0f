//! Evidence that a validator signed two statements of which an honest one signs one.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use super::consortium::require_validators;
use crate::{
    Error,
    event::Event,
    execute::Context,
    signature::{self, Signature},
    state::{Draft, EquivocationRecord, StateRead},
    units::Height,
    vote::{Ballot, Statement, VoteKind},
};

/// Blocks for which evidence is taken; what is older has no bearing on who validates now.
pub const EVIDENCE_BLOCKS_MAX: u32 = 100_000;

/// A statement with its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedStatement {
    /// What was said.
    pub statement: Statement,
    /// The validator's signature of the [`Ballot`].
    pub signature: Signature,
}

/// Two statements of one validator for one round of one height that contradict each other. Anyone may bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Equivocation {
    /// Whose.
    pub validator: AccountId,
    /// The height.
    pub height: Height,
    /// The round.
    pub round: u32,
    /// One statement.
    pub first: SignedStatement,
    /// The other.
    pub second: SignedStatement,
}

/// Whether an honest validator never says both in one round.
fn contradict(first: &Statement, second: &Statement) -> bool {
    const fn kind(statement: &Statement) -> Option<VoteKind> {
        match statement {
            Statement::Vote { kind, .. } => Some(*kind),
            Statement::Proposal { .. } => None,
        }
    }
    kind(first) == kind(second) && first != second
}

impl Equivocation {
    /// Checks that the statements contradict each other and that the validator signed both, for the chain.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Signature`].
    pub fn check(&self, context: &Context<'_>) -> Result<(), Error> {
        if !contradict(&self.first.statement, &self.second.statement) {
            let why = "an honest validator may sign both statements; bring two that exclude each other".into();
            return Err(Error::Refused { what: "evidence of equivocation", why });
        }
        for SignedStatement { statement, signature } in [self.first, self.second] {
            let ballot = Ballot { chain: context.chain, height: self.height, round: self.round, statement };
            signature::verify("evidence of equivocation", self.validator, &ballot.message()?, &signature)?;
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        reporter: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let (validator, height) = (self.validator, self.height);
        let refuse = |why: &str| Err(Error::Refused { what: "evidence of equivocation", why: why.into() });
        if height > context.height || height.after(EVIDENCE_BLOCKS_MAX) < context.height {
            return refuse("it is of no block of the last 100000");
        }
        if require_validators(draft)?.get(validator).is_none() {
            return refuse("the account is no validator now");
        }
        if draft.equivocation(validator, height)?.is_some() {
            let remedy = "one proof for a height is enough";
            return Err(Error::Duplicate { what: "equivocation of validator", id: validator.to_string(), remedy });
        }
        self.check(context)?;
        let record = EquivocationRecord { round: self.round, reporter, height: context.height };
        draft.put_equivocation(validator, height, &record)?;
        Ok(vec![Event::ValidatorEquivocated { validator, height, round: self.round }])
    }
}
