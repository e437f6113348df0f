//! Answering, step by step: encrypt and prove, have the committee attest it, send. Each step is saved before the next.

use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    contribution::{ContributionStatement, ContributionTerms, ContributionWitness, prove},
    domain::ByteTag,
    eligibility::{EligibilityInstance, binding},
    id::{AccountId, Evaluation, QueryId},
    quorum::MemberIndex,
    rlwe::{Ciphertext, encrypt, params::CIPHERTEXT_BYTES},
};
use node::{
    genesis::Committee,
    signature::{self, account_of},
    state::StateRead,
    transaction::{Action, Attestation, Contribution, ContributionPart, Receipt, Transaction, Withdraw},
    units::ContributionIndex,
};
use rand::CryptoRng;

use super::{
    Agent, OpenQuery, Outcome, Outlook, PROOF_ATTEMPTS_MAX,
    consider::{admitted, consider, measures, part_count, settle, stage_on_ledger},
};
use crate::{
    Error,
    committee::access::{KeepCiphertext, Patience},
    ledger::{self, Inclusion, LedgerAccess, SyncedTree, act, sync_tree},
    objects::{BlobAddress, BlobKind, get, put},
    so_many,
    wallet::{Answer, AnswerStage, Holding, Wallet},
};

/// Encryptions of one part: a quotient outgrows its byte in two of 10^13, and then another one is made.
const ENCRYPTIONS_MAX: usize = 3;

/// How long members that have not answered are waited for, once enough have.
const STRAGGLERS_TIME: Duration = Duration::from_secs(3);

/// What sending a contribution came to.
enum Sent {
    Included(Inclusion),
    /// The ledger had it already, from an earlier call or an earlier state of this wallet.
    Known(ContributionIndex),
    /// The epoch ended first; prove against the new root.
    Stale,
}

impl Agent<'_> {
    /// Answers an opened query for a wallet, or goes on with an answer that was begun.
    ///
    /// # Errors
    /// As [`Agent::answer`].
    pub fn answer_opened(
        &self,
        wallet: &mut Wallet,
        opened: &OpenQuery,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Outcome, Error> {
        let id = opened.id;
        self.check_chain(wallet, id)?;
        settle(self.ledger, wallet)?;
        let (mut tree, mut proof_millis) = (opened.tree.clone(), vec![]);
        for _ in 0..PROOF_ATTEMPTS_MAX {
            let holding = match consider(self.ledger, wallet, id, &opened.state, (&tree, &opened.asker))? {
                Outlook::Answer { holding, .. } => holding,
                Outlook::Answered { contribution } => return note_admitted(self.ledger, wallet, id, contribution),
                Outlook::Decline { reasons } => return Ok(Outcome::Declined { reasons }),
            };
            if !is_proven(wallet, id, &tree) {
                self.committee.require(&opened.committee)?;
                proof_millis = self.prove(wallet, opened, &tree, holding, rng)?;
            }
            self.collect_receipts(wallet, opened)?;
            match self.send(wallet, id, &tree)? {
                Sent::Included(inclusion) => {
                    let missing = || Error::Query { query: id, why: "the ledger lacks it; call again".into() };
                    let contribution = admitted(self.ledger, wallet, id)?.ok_or_else(missing)?;
                    note_admitted(self.ledger, wallet, id, contribution)?;
                    let transaction = inclusion.transaction;
                    return Ok(Outcome::Admitted { contribution, transaction, proof_millis });
                }
                Sent::Known(contribution) => return note_admitted(self.ledger, wallet, id, contribution),
                Sent::Stale => tree = sync_tree(self.ledger)?,
            }
        }
        let why = format!("no block took the answer in {PROOF_ATTEMPTS_MAX} attempts: its epoch ended; try again");
        Err(Error::Query { query: id, why })
    }

    fn check_chain(&self, wallet: &Wallet, id: QueryId) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Query { query: id, why });
        if wallet.chain() != self.ledger.chain() {
            return refuse(format!("the wallet is of chain {}, this is {}", wallet.chain(), self.ledger.chain()));
        }
        if *self.proving.verifying_key() != self.ledger.genesis().contribution {
            let (found, expected) = (self.proving.verifying_key().id(), self.ledger.genesis().contribution.id());
            return refuse(format!("the proving key is {found}; this chain verifies under {expected}"));
        }
        Ok(())
    }

    /// Encrypts and proves every part against the root of the tree. Every answer of the record to the query is for the same
    /// payout key: after the epoch of the first ended, from a copy of the wallet, from an older backup. Returns how long
    /// each proof took, in milliseconds.
    fn prove(
        &self,
        wallet: &mut Wallet,
        opened: &OpenQuery,
        tree: &SyncedTree,
        holding: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u64>, Error> {
        let held = holding_of(wallet, opened.id, holding)?;
        let payout = wallet.one_time_seed(ByteTag::PayoutSeed, opened.id.as_bytes(), &held.record)?;
        let account = account_of(&payout.signing_key());
        let parts = (0..part_count(&opened.state)).map(|part| self.prove_part(opened, part, held, tree, &account, rng));
        let (parts, millis) = parts.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let measures = measures(opened.id, &opened.state)?;
        let stage = AnswerStage::Proven(Contribution { query: opened.id, payout: account, parts });
        let (price, rho) = (opened.state.query.price, opened.state.query.rho().unwrap_or_default());
        wallet.note_answer(opened.id, Answer { holding, payout, price, rho, measures, stage, settled: None })?;
        Ok(millis)
    }

    fn prove_part(
        &self,
        opened: &OpenQuery,
        part: u8,
        holding: &Holding,
        tree: &SyncedTree,
        payout: &AccountId,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(ContributionPart, u64), Error> {
        let terms = opened.state.terms(opened.id, part)?;
        let (ciphertext, witness) = encrypt_part(opened, &terms, holding, tree, rng)?;
        let digest = put(self.blobs, BlobKind::Ciphertext, ciphertext.to_packed_bytes())?.digest;
        let binding = binding(&self.ledger.chain(), &opened.id, part, payout, &digest);
        let instance = witness.instance(&terms, binding);
        let statement = ContributionStatement { terms: &terms, key: &opened.key, instance: &instance };
        let started = Instant::now();
        let contribution = prove(self.proving, &statement, &ciphertext, &witness, rng)?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let EligibilityInstance { root, nullifier, scope_nullifier, .. } = instance;
        let part =
            ContributionPart { root, nullifier, scope_nullifier, ciphertext: digest, contribution, receipts: vec![] };
        Ok((part, millis))
    }

    /// Sends each ciphertext with its proof to every member at once, and needs the receipts of `n − t + 1` of them.
    fn collect_receipts(&self, wallet: &mut Wallet, opened: &OpenQuery) -> Result<(), Error> {
        let answer = answer_of(wallet, opened.id)?.clone();
        let AnswerStage::Proven(mut contribution) = answer.stage else { return Ok(()) };
        let payout = contribution.payout;
        for (number, part) in (0u8..).zip(&mut contribution.parts) {
            part.receipts = self.receipts(opened, number, part, &payout)?;
        }
        wallet.note_answer(opened.id, Answer { stage: AnswerStage::Attested(contribution), ..answer })
    }

    fn receipts(
        &self,
        opened: &OpenQuery,
        number: u8,
        part: &ContributionPart,
        payout: &AccountId,
    ) -> Result<Vec<Receipt>, Error> {
        let instance = part.instance(&self.ledger.chain(), &opened.id, number, payout);
        let attestation = attestation(opened, number, part, &instance)?;
        let address = BlobAddress { kind: BlobKind::Ciphertext, digest: part.ciphertext };
        let ciphertext = get(self.blobs, address, CIPHERTEXT_BYTES)?;
        let request =
            KeepCiphertext { query: opened.id, part: number, instance, contribution: part.contribution, ciphertext };
        let needed = usize::from(opened.committee.quorum.receipts_min());
        let (mut receipts, mut refusals) = (vec![], vec![]);
        for (member, outcome) in self.ask_members(&opened.committee, &request, &attestation) {
            match outcome {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => refusals.push(format!("member {member}: {error}")),
            }
        }
        if receipts.len() < needed {
            let got = so_many(receipts.len(), "member attests", "members attest");
            let why = format!("{got} the ciphertext, {needed} must: {}", refusals.join("; "));
            return Err(Error::Refused { who: "the committee".into(), action: "keep a ciphertext", why });
        }
        Ok(receipts)
    }

    /// Asks every member at once, and waits for the slow ones a little longer than for as many receipts as are needed. The
    /// outcomes are in the members' order.
    fn ask_members(
        &self,
        committee: &Committee,
        request: &KeepCiphertext,
        attestation: &Attestation,
    ) -> BTreeMap<MemberIndex, Result<Receipt, Error>> {
        let (patience, needed) = (&Patience::default(), usize::from(committee.quorum.receipts_min()));
        let (tell, told) = mpsc::channel();
        let mut outcomes = BTreeMap::new();
        thread::scope(|scope| {
            for (index, member) in (0..).zip(&committee.members) {
                let index = MemberIndex::new(index);
                let tell = tell.clone();
                let ask = move || {
                    // Whoever asks listens until every thread ended.
                    let _ = tell.send((index, self.receipt((index, member.account), request, attestation, patience)));
                };
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, ask) {
                    let why = format!("no thread can ask it ({error})");
                    let who = format!("committee member {index}");
                    outcomes.insert(index, Err(Error::Refused { who, action: "attest", why }));
                }
            }
            drop(tell);
            for (index, outcome) in told {
                outcomes.insert(index, outcome);
                if outcomes.values().filter(|outcome| outcome.is_ok()).count() >= needed {
                    patience.end_in(STRAGGLERS_TIME);
                }
            }
        });
        outcomes
    }

    /// A member's receipt, checked to be the word of the member asked: one that is not would spoil the whole
    /// contribution, and one of a suspended member counts for nothing.
    fn receipt(
        &self,
        (member, account): (MemberIndex, AccountId),
        request: &KeepCiphertext,
        attestation: &Attestation,
        patience: &Patience,
    ) -> Result<Receipt, Error> {
        if self.ledger.suspension(account)?.is_some() {
            let why = "it is suspended for a false receipt".into();
            return Err(Error::Refused { who: format!("committee member {member}"), action: "attest", why });
        }
        let receipt = self.committee.keep_within(account, request, patience)?;
        if receipt.member != member {
            return Err(node::Error::Signature { what: "availability receipt", signer: account }.into());
        }
        let message = attestation.message(&self.ledger.chain());
        signature::verify("availability receipt", account, &message, &receipt.signature)?;
        Ok(receipt)
    }

    fn send(&self, wallet: &Wallet, id: QueryId, tree: &SyncedTree) -> Result<Sent, Error> {
        let AnswerStage::Attested(contribution) = &answer_of(wallet, id)?.stage else {
            return Err(Error::Query { query: id, why: "its answer is not attested yet".into() });
        };
        let sent = self.ledger.submit(Transaction::Contribute(contribution.clone()));
        let error = match sent.and_then(|transaction| ledger::settle(self.ledger, transaction)) {
            Ok(inclusion) => return Ok(Sent::Included(inclusion)),
            Err(error) => error,
        };
        // What was sent is known to the ledger's nodes, so asking about it tells them nothing more.
        if let Some(contribution) = admitted(self.ledger, wallet, id)? {
            return Ok(Sent::Known(contribution));
        }
        if sync_tree(self.ledger)?.root == tree.root { Err(error) } else { Ok(Sent::Stale) }
    }
}

/// A ciphertext of what the record implies, and the witness that it is.
fn encrypt_part(
    opened: &OpenQuery,
    terms: &ContributionTerms,
    holding: &Holding,
    tree: &SyncedTree,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Ciphertext, ContributionWitness), Error> {
    let record = &holding.record;
    let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes)?;
    let path = tree.tree.path(holding.leaf.get())?;
    let mut attempt = 1;
    loop {
        let (ciphertext, randomness) = encrypt(&opened.key, &plaintext, rng);
        let encrypted = (&opened.key, &ciphertext, randomness);
        let epoch = holding.registration_epoch.get();
        match ContributionWitness::new(terms, record, holding.consent.clone(), epoch, path.clone(), encrypted) {
            Ok(witness) => return Ok((ciphertext, witness)),
            Err(circuits::Error::Proving { .. }) if attempt < ENCRYPTIONS_MAX => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// What members attest of a part.
fn attestation(
    opened: &OpenQuery,
    number: u8,
    part: &ContributionPart,
    instance: &EligibilityInstance,
) -> Result<Attestation, Error> {
    let missing = || Error::Query { query: opened.id, why: format!("it has no part {number}") };
    let verifier = opened.verifiers.get(usize::from(number)).ok_or_else(missing)?;
    let gamma = verifier.challenges(instance, &part.contribution.proof)?.gamma;
    Ok(part.attestation(opened.state.committee, opened.id, number, Evaluation::from_element(gamma)))
}

/// Whether the wallet holds an answer that is proven against the root of the tree.
fn is_proven(wallet: &Wallet, id: QueryId, tree: &SyncedTree) -> bool {
    wallet.answers().get(&id).is_some_and(|answer| match &answer.stage {
        AnswerStage::Proven(contribution) | AnswerStage::Attested(contribution) => {
            contribution.parts.iter().all(|part| part.root == tree.root)
        }
        AnswerStage::Admitted { .. } | AnswerStage::Withdrawn { .. } => true,
    })
}

/// Notes the place of a contribution that the ledger has, and whether it was withdrawn.
fn note_admitted(
    ledger: &dyn LedgerAccess,
    wallet: &mut Wallet,
    id: QueryId,
    contribution: ContributionIndex,
) -> Result<Outcome, Error> {
    let answer = answer_of(wallet, id)?;
    if answer.contribution() != Some(contribution) {
        let answer = Answer { stage: stage_on_ledger(ledger, id, contribution)?, ..answer.clone() };
        wallet.note_answer(id, answer)?;
    }
    Ok(Outcome::AlreadyAdmitted { contribution })
}

fn answer_of(wallet: &Wallet, id: QueryId) -> Result<&Answer, Error> {
    let missing = || Error::Query { query: id, why: "the wallet began no answer".into() };
    wallet.answers().get(&id).ok_or_else(missing)
}

fn holding_of(wallet: &Wallet, id: QueryId, holding: u32) -> Result<&Holding, Error> {
    let missing = || Error::Query { query: id, why: format!("the wallet has no record {holding}") };
    wallet.holdings().get(holding as usize).ok_or_else(missing)
}

/// Takes a contribution back before the query is sealed. Its record cannot answer the query again.
///
/// # Errors
/// [`Error::Query`] when the wallet has no admitted answer, [`Error::Ledger`] once the set is frozen.
pub fn withdraw(ledger: &dyn LedgerAccess, wallet: &mut Wallet, id: QueryId) -> Result<Inclusion, Error> {
    let answer = answer_of(wallet, id)?.clone();
    let missing = || Error::Query { query: id, why: "the ledger has no contribution of this wallet".into() };
    let contribution = admitted(ledger, wallet, id)?.ok_or_else(missing)?;
    let withdraw = Action::Withdraw(Withdraw { query: id, contribution });
    let withdrawn = act(ledger, &answer.payout_key(), withdraw);
    // Another copy of the wallet, or an earlier call that did not hear of its end, may have withdrawn it.
    let stage = stage_on_ledger(ledger, id, contribution)?;
    if answer.stage != stage {
        wallet.note_answer(id, Answer { stage, ..answer })?;
    }
    withdrawn
}
