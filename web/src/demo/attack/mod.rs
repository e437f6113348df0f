//! `locus demo --attack`: one dishonest person among the honest, and who refuses what that person sends.
//!
//! Every attack is carried out: false contributions are made with the proof system, handed to the members and sent to
//! the ledger. Where members find fault with an opening, the attack goes on to one without, down to the pairing.

mod attempt;
mod matching;
mod prover;

use clap::ValueEnum;
use rand::rngs::StdRng;
use serde::Serialize;

pub use self::attempt::{Attempt, Refuser};
use self::{attempt::Scene, prover::DishonestProver};
use crate::Error;
pub(super) use attempt::Roles;

/// What a dishonest person tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Every attack below, one after the other.
    All,
    /// Encrypts 255 in every slot, with the proof of an honest ciphertext, bound to the poisoned one.
    Poison,
    /// Hands over another ciphertext than the one that was proven.
    ReplaceCiphertext,
    /// Claims for a poisoned ciphertext the evaluations that it has, which are not those proven.
    WrongOpening,
    /// Sends another person's contribution with a payout key of its own.
    Replay,
    /// A contributor answers again, under another payout key.
    Twice,
    /// A person outside the public criteria forges a proof.
    Outside,
    /// Proves for another query, which gives an unspent nullifier.
    OtherQuery,
    /// Proves for another window of the genome than the part asks for.
    OtherWindow,
    /// Proves for another layout than the part's.
    OtherLayout,
    /// Proves for another chain.
    OtherChain,
    /// Encrypts another person's genotypes.
    WrongRecord,
    /// Encrypts what its record implies one slot further, where other alleles are counted.
    WrongCell,
    /// Encrypts twice what its record implies, to count as two people.
    Double,
    /// Encrypts what its record implies with an error beyond the bound, as would drown a sum.
    LongError,
    /// Encrypts what its record implies under a randomness beyond −1, 0 and 1.
    WideRandomness,
    /// Lets itself be counted by a second, private query whose match criteria its record does not meet.
    NotMatching,
    /// Proves under a key of its own making, to which it knows the trapdoor.
    OtherKey,
    /// Sends an honest proof with a nullifier of its own choice.
    OwnNullifier,
    /// Goes on using a record whose consent is revoked.
    Revoked,
}

impl Attack {
    /// The attacks that it stands for, in an order in which each can be carried out: a revoked record is of no use.
    fn single(self) -> Vec<Self> {
        let chosen = |attack: &Self| *attack != Self::All && (self == Self::All || self == *attack);
        Self::value_variants().iter().copied().filter(chosen).collect()
    }
}

/// What came of an attack.
#[derive(Debug, Serialize)]
pub struct AttackReport {
    /// The attack asked for.
    pub name: Attack,
    /// Who refused its first attempt; nobody if an attempt got through.
    pub refused_by: Option<Refuser>,
    /// The refusal's text; empty if an attempt got through.
    pub error: String,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
}

impl AttackReport {
    fn new(name: Attack, attempts: Vec<Attempt>) -> Self {
        let telling = attempts.iter().find(|attempt| attempt.refused_by.is_none()).or(attempts.first());
        let refused_by = telling.and_then(|attempt| attempt.refused_by);
        let error = telling.map_or_else(String::new, |attempt| attempt.error.clone());
        Self { name, refused_by, error, attempts }
    }

    /// Whether every attempt was refused.
    #[must_use]
    pub const fn refused(&self) -> bool {
        self.refused_by.is_some()
    }
}

/// Carries an attack out on a collecting query that honest people answered.
///
/// # Errors
/// [`Error::Input`] when the demo has nobody for the role; any error of the parties that is no refusal.
pub(super) fn carry_out(attack: Attack, roles: &Roles<'_>, rng: &mut StdRng) -> Result<AttackReport, Error> {
    let scene = Scene { prover: DishonestProver::open(roles)?, roles };
    let mut attempts = vec![];
    for single in attack.single() {
        attempts.extend(scene.carry_out(single, rng)?);
    }
    Ok(AttackReport::new(attack, attempts))
}

/// The report's lines for people.
pub(super) fn describe(report: &AttackReport) -> Vec<String> {
    let line = |attempt: &Attempt| {
        let name = attempt.attack.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let outcome = match attempt.refused_by {
            Some(refuser) => format!("refused by {}: {}", refuser.in_words(), attempt.error),
            None => "ADMITTED".into(),
        };
        let sign = if attempt.refused_by.is_some() { "✓" } else { "✗" };
        [format!("  {sign} attack {name}: {}", attempt.does), format!("      {outcome}")]
    };
    report.attempts.iter().flat_map(line).collect()
}
