//! The attempts of each attack, and who refuses them.

use circuits::{
    contribution,
    id::{ChainId, Digest, Nullifier, QueryId},
    layout::Layout,
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
};
use market::{
    committee::access::CommitteeAccess,
    issuer::revoke,
    ledger::{settle, sync_tree},
    objects::{BlobAddress, BlobKind, get},
    wallet::{Holding, Wallet},
};
use node::transaction::{Contribution, Transaction};
use rand::rngs::StdRng;
use serde::Serialize;

use super::{
    Attack,
    prover::{DishonestProver, Forgery, Plan, Sends},
};
use crate::{Error, demo::town::Town};

/// The seed from which an attacker makes its own keys.
const OWN_SEED: [u8; 32] = [1; 32];
/// The query and the nullifier that attackers choose.
const CHOSEN: [u8; 32] = [2; 32];

/// The demo as an attacker finds it.
#[derive(Clone, Copy)]
pub(in crate::demo) struct Roles<'a> {
    pub(in crate::demo) town: &'a Town,
    pub(in crate::demo) committee: &'a dyn CommitteeAccess,
    pub(in crate::demo) query: QueryId,
    /// A person who meets the criteria and consents, and is dishonest.
    pub(in crate::demo) attacker: Option<&'a Wallet>,
    /// A person whose contribution was admitted.
    pub(in crate::demo) contributor: Option<&'a Wallet>,
    /// A person outside the criteria.
    pub(in crate::demo) outsider: Option<&'a Wallet>,
}

impl Roles<'_> {
    /// A ciphertext that the committee stores for everybody.
    pub(super) fn ciphertext(&self, digest: Digest) -> Result<Ciphertext, Error> {
        let address = BlobAddress { kind: BlobKind::Ciphertext, digest };
        Ok(Ciphertext::from_packed_bytes(&get(&*self.town.blobs, address, CIPHERTEXT_BYTES)?)?)
    }
}

/// Who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refuser {
    /// The statement is false, and the proof system proves none such.
    ProofSystem,
    /// Too few committee members attest.
    Committee,
    /// The ledger.
    Ledger,
}

impl Refuser {
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::ProofSystem => "the proof system",
            Self::Committee => "the committee",
            Self::Ledger => "the ledger",
        }
    }
}

/// One thing tried.
#[derive(Debug, Serialize)]
pub struct Attempt {
    /// The attack that it belongs to.
    pub attack: Attack,
    /// What the dishonest person does.
    pub does: &'static str,
    /// Who refused; none if the ledger admitted it.
    pub refused_by: Option<Refuser>,
    /// The refusal's text.
    pub error: String,
}

/// Where receipts come from.
#[derive(Clone, Copy)]
enum Receipts {
    /// The members are asked.
    Asked,
    /// The attacker signs them.
    Forged,
    /// Those that the contribution has.
    Copied,
}

/// An attack under way.
pub(super) struct Scene<'a> {
    pub(super) prover: DishonestProver<'a>,
    pub(super) roles: &'a Roles<'a>,
}

impl Scene<'_> {
    /// Carries one attack out.
    ///
    /// # Errors
    /// As [`super::carry_out`].
    pub(super) fn carry_out(&self, attack: Attack, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        match attack {
            Attack::All => Ok(vec![]),
            Attack::Poison => self.poison(rng),
            Attack::ReplaceCiphertext => self.replace_ciphertext(rng),
            Attack::WrongOpening => self.wrong_opening(rng),
            Attack::Replay => self.replay(rng),
            Attack::Twice => self.twice(rng),
            Attack::Outside => self.outside(rng),
            Attack::OtherQuery => {
                let does = "proves for a query of its own choice, which gives a nullifier that nobody spent";
                let alter = |terms: &mut contribution::ContributionTerms| {
                    terms.eligibility.query = QueryId::from_bytes(CHOSEN);
                };
                self.other_statement(attack, does, Plan { alter, ..self.plan(self.roles.attacker)? }, rng)
            }
            Attack::OtherWindow => {
                let does = "proves for the window beside the one that the part asks for";
                let alter = |terms: &mut contribution::ContributionTerms| terms.layout.window ^= 1;
                self.other_statement(attack, does, Plan { alter, ..self.plan(self.roles.attacker)? }, rng)
            }
            Attack::OtherLayout => {
                let does = "proves for a count of people where the part asks for genotypes";
                let alter = |terms: &mut contribution::ContributionTerms| terms.layout = Layout::count();
                self.other_statement(attack, does, Plan { alter, ..self.plan(self.roles.attacker)? }, rng)
            }
            Attack::OtherChain => {
                let does = "proves for another chain with the same records";
                let chain = ChainId::from_bytes([1; 32]);
                self.other_statement(attack, does, Plan { chain, ..self.plan(self.roles.attacker)? }, rng)
            }
            Attack::WrongRecord => {
                let other = self.plan(self.roles.contributor)?.holding;
                let does = "encrypts another person's genotypes, with the proof of its own";
                self.false_ciphertext(attack, does, Sends::Other(&other.record), rng)
            }
            Attack::WrongCell => {
                let does = "encrypts its own counts one slot further, with the proof of an honest ciphertext";
                self.false_ciphertext(attack, does, Sends::Moved, rng)
            }
            Attack::Double => {
                let does = "encrypts its own counts twice over, with the proof of an honest ciphertext";
                self.false_ciphertext(attack, does, Sends::Doubled, rng)
            }
            Attack::LongError => {
                let does = "adds an error beyond the bound to the ciphertext that it proved";
                self.false_ciphertext(attack, does, Sends::LongError, rng)
            }
            Attack::WideRandomness => {
                let does =
                    "encrypts its own counts under a randomness beyond the bound, with the proof of an honest one";
                self.false_ciphertext(attack, does, Sends::WideRandomness, rng)
            }
            Attack::NotMatching => self.not_matching(rng),
            Attack::OtherKey => {
                let own = contribution::insecure_proving_key_from_seed(OWN_SEED)?;
                let does = "proves under its own key, whose trapdoor it knows";
                self.other_statement(attack, does, Plan { proving: &own, ..self.plan(self.roles.attacker)? }, rng)
            }
            Attack::OwnNullifier => self.own_nullifier(rng),
            Attack::Revoked => self.revoked(rng),
        }
    }

    fn poison(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let plan = Plan { sends: Sends::Poison, ..self.plan(self.roles.attacker)? };
        let forgery = self.prover.forge(&plan, rng)?;
        let does = "asks the members to attest 255 in every slot, under the proof of an honest ciphertext";
        let asked = self.send(Attack::Poison, does, &forgery, Receipts::Asked, rng)?;
        let does = "passes the members by and signs their receipts itself";
        Ok(vec![asked, self.send(Attack::Poison, does, &forgery, Receipts::Forged, rng)?])
    }

    fn replace_ciphertext(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let attack = Attack::ReplaceCiphertext;
        let mut forgery = self.prover.forge(&self.plan(self.roles.attacker)?, rng)?;
        for ciphertext in &mut forgery.ciphertexts {
            *ciphertext = self.prover.poison(rng)?;
        }
        let does = "hands the members another ciphertext under the digest of the one proven";
        let asked = self.send(attack, does, &forgery, Receipts::Asked, rng)?;
        for (part, ciphertext) in forgery.contribution.parts.iter_mut().zip(&forgery.ciphertexts) {
            part.ciphertext = ciphertext.digest();
        }
        let does = "names the other ciphertext's digest too, which moves the challenge away from the proof's";
        Ok(vec![asked, self.send(attack, does, &forgery, Receipts::Asked, rng)?])
    }

    fn wrong_opening(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let plan = Plan { sends: Sends::Poison, ..self.plan(self.roles.attacker)? };
        let mut forgery = self.prover.forge(&plan, rng)?;
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "claims the evaluations that the poisoned ciphertext has, in which members find no fault";
        Ok(vec![self.send(Attack::WrongOpening, does, &forgery, Receipts::Asked, rng)?])
    }

    fn replay(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let mut forgery = self.prover.admitted()?;
        forgery.contribution.payout = self.prover.new_account(rng);
        let does = "copies a contribution from its block with the members' receipts, and puts in its own payout key";
        let copied = self.send(Attack::Replay, does, &forgery, Receipts::Copied, rng)?;
        let does = "asks the members to attest the copy";
        let asked = self.send(Attack::Replay, does, &forgery, Receipts::Asked, rng)?;
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "claims for the copy the evaluations at its own challenge, in which members find no fault";
        Ok(vec![copied, asked, self.send(Attack::Replay, does, &forgery, Receipts::Asked, rng)?])
    }

    fn twice(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let forgery = self.prover.forge(&self.plan(self.roles.contributor)?, rng)?;
        let does = "proves and encrypts once more, freshly, under another payout key";
        Ok(vec![self.send(Attack::Twice, does, &forgery, Receipts::Asked, rng)?])
    }

    fn outside(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let attack = Attack::Outside;
        let plan = self.plan(self.roles.outsider)?;
        let does = "asks the proof system to prove that a record outside the criteria is inside";
        let proven = self.refuted(attack, does, &plan, rng)?;
        let mut forgery = self.prover.borrow_proofs(&plan, &self.prover.admitted()?.contribution, rng)?;
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "sends its own ciphertext with another person's proof";
        Ok(vec![proven, self.send(attack, does, &forgery, Receipts::Asked, rng)?])
    }

    /// A false statement, which the proof system is asked to prove.
    pub(super) fn refuted(
        &self,
        attack: Attack,
        does: &'static str,
        plan: &Plan<'_>,
        rng: &mut StdRng,
    ) -> Result<Attempt, Error> {
        use circuits::Error::{Proving, Refuted};
        let refusal = match self.prover.forge(plan, rng) {
            // A ciphertext that the record does not imply has not even a witness.
            Err(Error::Statement(error @ (Refuted { .. } | Proving { .. }))) => {
                Some((Refuser::ProofSystem, error.to_string()))
            }
            Err(error) => return Err(error),
            Ok(_) => None,
        };
        Ok(Attempt::new(attack, does, refusal))
    }

    /// Another ciphertext than the proven one: first with the openings of the proof, then with its own.
    pub(super) fn false_ciphertext(
        &self,
        attack: Attack,
        does: &'static str,
        sends: Sends<'_>,
        rng: &mut StdRng,
    ) -> Result<Vec<Attempt>, Error> {
        let mut forgery = self.prover.forge(&Plan { sends, ..self.plan(self.roles.attacker)? }, rng)?;
        let asked = self.send(attack, does, &forgery, Receipts::Asked, rng)?;
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "claims the evaluations that this ciphertext has, in which members find no fault";
        Ok(vec![asked, self.send(attack, does, &forgery, Receipts::Asked, rng)?])
    }

    /// A true proof of something else, with true openings, so that the pairing decides.
    pub(super) fn other_statement(
        &self,
        attack: Attack,
        does: &'static str,
        plan: Plan<'_>,
        rng: &mut StdRng,
    ) -> Result<Vec<Attempt>, Error> {
        let mut forgery = self.prover.forge(&plan, rng)?;
        self.prover.claim_true_openings(&mut forgery)?;
        Ok(vec![self.send(attack, does, &forgery, Receipts::Asked, rng)?])
    }

    fn own_nullifier(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let mut forgery = self.prover.forge(&self.plan(self.roles.attacker)?, rng)?;
        if let Some(part) = forgery.contribution.parts.first_mut() {
            part.nullifier = Nullifier::from_bytes(&CHOSEN)?;
        }
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "puts another nullifier beside an honest proof, to contribute again with the true one";
        Ok(vec![self.send(Attack::OwnNullifier, does, &forgery, Receipts::Asked, rng)?])
    }

    fn revoked(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let attacker = self.roles.attacker.ok_or_else(nobody)?;
        revoke(&*self.roles.town.ledger, attacker, 0)?;
        self.roles.town.end_epoch()?;
        let mut forgery = self.prover.forge(&self.plan(Some(attacker))?, rng)?;
        let does = "proves with the registrations of the epoch before the revocation";
        let stale = self.send(Attack::Revoked, does, &forgery, Receipts::Asked, rng)?;
        let root = sync_tree(&*self.roles.town.ledger)?.root;
        for part in &mut forgery.contribution.parts {
            part.root = root;
        }
        self.prover.claim_true_openings(&mut forgery)?;
        let does = "names the latest root beside that proof";
        Ok(vec![stale, self.send(Attack::Revoked, does, &forgery, Receipts::Asked, rng)?])
    }

    /// An honest statement about a wallet's record.
    pub(super) fn plan<'p>(&'p self, wallet: Option<&'p Wallet>) -> Result<Plan<'p>, Error> {
        let holding: &Holding = wallet.and_then(|wallet| wallet.holdings().first()).ok_or_else(nobody)?;
        let Town { ledger, proving, .. } = self.roles.town;
        Ok(Plan { holding, chain: ledger.chain(), proving, alter: |_| {}, claims: |_| {}, sends: Sends::Proven })
    }

    fn send(
        &self,
        attack: Attack,
        does: &'static str,
        forgery: &Forgery,
        receipts: Receipts,
        rng: &mut StdRng,
    ) -> Result<Attempt, Error> {
        let mut forgery = forgery.clone();
        let attested = match receipts {
            Receipts::Asked => self.prover.ask_members(&mut forgery)?,
            Receipts::Forged => self.prover.forge_receipts(&mut forgery, rng).map(Ok)?,
            Receipts::Copied => Ok(()),
        };
        let refusal = match attested {
            Err(why) => Some((Refuser::Committee, why)),
            Ok(()) => self.submit(forgery.contribution).err().map(|error| (Refuser::Ledger, error.to_string())),
        };
        Ok(Attempt::new(attack, does, refusal))
    }

    /// Contributes honestly.
    ///
    /// # Errors
    /// [`Error::Input`] when the members do not attest it, [`Error::Market`] when the ledger refuses it.
    pub(super) fn contribute(&self, plan: &Plan<'_>, rng: &mut StdRng) -> Result<(), Error> {
        let mut honest = self.prover.forge(plan, rng)?;
        self.prover.ask_members(&mut honest)?.map_err(|why| Error::Input { what: "honest contribution", why })?;
        Ok(self.submit(honest.contribution)?)
    }

    fn submit(&self, contribution: Contribution) -> Result<(), market::Error> {
        let ledger = &*self.roles.town.ledger;
        settle(ledger, ledger.submit(Transaction::Contribute(contribution))?).map(drop)
    }
}

impl Attempt {
    fn new(attack: Attack, does: &'static str, refusal: Option<(Refuser, String)>) -> Self {
        let (refused_by, error) = refusal.map_or((None, String::new()), |(by, error)| (Some(by), error));
        Self { attack, does, refused_by, error }
    }
}

fn nobody() -> Error {
    Error::Input {
        what: "attack",
        why: "nobody among these people has the part it needs; ask fewer people, or leave --vcf out".into(),
    }
}
