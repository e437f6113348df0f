//! Answering, step by step: encrypt, have the committee keep it, prove, send. Each step is saved before the next.

use circuits::{
    eligibility::{binding, prove},
    id::{Digest, QueryId},
    quorum::MemberIndex,
    rlwe::{encrypt, params::CIPHERTEXT_BYTES},
};
use node::{
    signature,
    state::StateRead,
    transaction::{Action, Contribution, ContributionPart, Receipt, Transaction, Withdraw, receipt_message},
    units::ContributionIndex,
};
use rand::CryptoRng;

use super::{
    Agent, OpenQuery, Outcome, Outlook, PROOF_ATTEMPTS_MAX,
    consider::{admitted, consider, part_count, witness},
};
use crate::{
    Error,
    committee::access::KeepCiphertext,
    ledger::{Inclusion, LedgerAccess, SyncedTree, act, settle, sync_tree},
    objects::{BlobAddress, BlobKind, get, put},
    wallet::{Answer, AnswerStage, Holding, SecretSeed, Wallet},
};

/// What sending a contribution came to.
enum Sent {
    Included(Inclusion),
    /// The ledger had it already, from an earlier call or an earlier state of this wallet.
    Known(ContributionIndex),
    /// The epoch ended first; prove against the new root.
    Stale,
    /// Another contribution used one of the ciphertexts: somebody copied it on its way. Encrypt anew.
    Copied,
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
        let mut tree = opened.tree.clone();
        for _ in 0..PROOF_ATTEMPTS_MAX {
            let holding = match consider(self.ledger, wallet, id, &opened.state, &tree)? {
                Outlook::Answer { holding, .. } => holding,
                Outlook::Answered { contribution } => return note_admitted(wallet, id, contribution),
                Outlook::Decline { reasons } => return Ok(Outcome::Declined { reasons }),
            };
            if !wallet.answers().contains_key(&id) {
                self.encrypt(wallet, opened, holding, SecretSeed::random(rng), rng)?;
            }
            self.collect_receipts(wallet, opened)?;
            self.prove(wallet, opened, &tree, rng)?;
            match self.send(wallet, id, &tree)? {
                Sent::Included(inclusion) => {
                    let missing = || Error::Query { query: id, why: "the ledger lacks it; call again".into() };
                    let contribution = admitted(self.ledger, wallet, id)?.ok_or_else(missing)?;
                    note_admitted(wallet, id, contribution)?;
                    return Ok(Outcome::Admitted { contribution, transaction: inclusion.transaction });
                }
                Sent::Known(contribution) => return note_admitted(wallet, id, contribution),
                Sent::Stale => tree = sync_tree(self.ledger)?,
                Sent::Copied => {
                    let payout = answer_of(wallet, id)?.payout.clone();
                    self.encrypt(wallet, opened, holding, payout, rng)?;
                }
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
        if *self.proving.verifying_key() != self.ledger.genesis().eligibility {
            let (found, expected) = (self.proving.verifying_key().id(), self.ledger.genesis().eligibility.id());
            return refuse(format!("the proving key is {found}; this chain verifies under {expected}"));
        }
        Ok(())
    }

    /// Encrypts every part under fresh randomness.
    fn encrypt(
        &self,
        wallet: &mut Wallet,
        opened: &OpenQuery,
        holding: u32,
        payout: SecretSeed,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Error> {
        let record = &holding_of(wallet, opened.id, holding)?.record;
        let mut ciphertexts = vec![];
        for layout in &opened.state.query.parts {
            let plaintext = layout.plaintext(&record.genotypes)?;
            let (ciphertext, _) = encrypt(&opened.key, &plaintext, rng);
            ciphertexts.push(put(self.blobs, BlobKind::Ciphertext, ciphertext.to_packed_bytes())?.digest);
        }
        let receipts = vec![vec![]; ciphertexts.len()];
        let answer = Answer {
            holding,
            payout,
            price: opened.state.query.price,
            scopes: vec![],
            stage: AnswerStage::Encrypted { ciphertexts, receipts },
        };
        wallet.note_answer(opened.id, answer)
    }

    /// Sends each ciphertext to every member, and needs the receipts of `n − t + 1` of them. Receipts kept from an
    /// earlier call count while they verify.
    fn collect_receipts(&self, wallet: &mut Wallet, opened: &OpenQuery) -> Result<(), Error> {
        let mut answer = answer_of(wallet, opened.id)?.clone();
        let AnswerStage::Encrypted { ciphertexts, receipts } = &mut answer.stage else { return Ok(()) };
        let needed = usize::from(self.ledger.genesis().committee.quorum.receipts_min());
        for (part, (digest, receipts)) in (0u8..).zip(ciphertexts.iter().zip(receipts)) {
            receipts.retain(|receipt| self.check_receipt(opened, part, digest, receipt.member, receipt).is_ok());
            if receipts.len() < needed {
                *receipts = self.receipts(opened, part, *digest)?;
            }
        }
        wallet.note_answer(opened.id, answer)
    }

    /// Checks that a receipt is the word of the member asked; one that is not would spoil the whole contribution.
    fn check_receipt(
        &self,
        opened: &OpenQuery,
        part: u8,
        digest: &Digest,
        asked: MemberIndex,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        let committee = &self.ledger.genesis().committee;
        let account = committee.member(asked)?.account;
        if receipt.member != asked {
            return Err(node::Error::Signature { what: "availability receipt", signer: account }.into());
        }
        let message = receipt_message(&self.ledger.chain(), opened.state.committee, &opened.id, part, digest);
        Ok(signature::verify("availability receipt", account, &message, &receipt.signature)?)
    }

    fn receipts(&self, opened: &OpenQuery, part: u8, digest: Digest) -> Result<Vec<Receipt>, Error> {
        let quorum = self.ledger.genesis().committee.quorum;
        let address = BlobAddress { kind: BlobKind::Ciphertext, digest };
        let ciphertext = get(self.blobs, address, CIPHERTEXT_BYTES)?;
        let request = KeepCiphertext { query: opened.id, part, ciphertext };
        let mut receipts = vec![];
        let mut refusals = vec![];
        for member in quorum.all_members() {
            let asked = self.committee.keep(member, &request);
            let checked = asked.and_then(|receipt| {
                self.check_receipt(opened, part, &digest, member, &receipt)?;
                Ok(receipt)
            });
            match checked {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => refusals.push(format!("member {member}: {error}")),
            }
        }
        if receipts.len() < usize::from(quorum.receipts_min()) {
            let (got, needed) = (receipts.len(), quorum.receipts_min());
            let why = format!("{got} members attest the ciphertext, {needed} must: {}", refusals.join("; "));
            return Err(Error::Refused { who: "the committee".into(), action: "keep a ciphertext", why });
        }
        Ok(receipts)
    }

    /// Proves every part against the current root, unless that is done.
    fn prove(
        &self,
        wallet: &mut Wallet,
        opened: &OpenQuery,
        tree: &SyncedTree,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Error> {
        let mut answer = answer_of(wallet, opened.id)?.clone();
        let sealed = match &answer.stage {
            AnswerStage::Encrypted { ciphertexts, receipts } => {
                ciphertexts.iter().copied().zip(receipts.iter().cloned()).collect::<Vec<_>>()
            }
            AnswerStage::Proven(proven) if proven.parts.iter().all(|part| part.root == tree.root) => return Ok(()),
            AnswerStage::Proven(proven) => {
                proven.parts.iter().map(|part| (part.ciphertext, part.receipts.clone())).collect()
            }
            AnswerStage::Admitted { .. } | AnswerStage::Withdrawn { .. } => return Ok(()),
        };
        let holding = holding_of(wallet, opened.id, answer.holding)?;
        let witness =
            witness(holding, tree).map_err(|refusal| Error::Query { query: opened.id, why: refusal.to_string() })?;
        let payout = answer.payout_account();
        let mut parts = vec![];
        for (part, (ciphertext, receipts)) in (0..part_count(&opened.state)).zip(sealed) {
            let terms = opened.state.terms(opened.id, part)?;
            let binding = binding(&self.ledger.chain(), &opened.id, part, &payout, &ciphertext);
            let instance = witness.instance(&terms, binding);
            let proof = prove(self.proving, &terms, &instance, &witness, rng)?;
            let (root, nullifier, scope_nullifier) = (instance.root, instance.nullifier, instance.scope_nullifier);
            parts.push(ContributionPart { root, nullifier, scope_nullifier, ciphertext, proof, receipts });
        }
        let spent = parts.iter().map(|part: &ContributionPart| part.scope_nullifier);
        answer.scopes = spent.filter(|scope| scope.to_bytes() != [0; 32]).collect();
        answer.stage = AnswerStage::Proven(Contribution { query: opened.id, payout, parts });
        wallet.note_answer(opened.id, answer)
    }

    fn send(&self, wallet: &Wallet, id: QueryId, tree: &SyncedTree) -> Result<Sent, Error> {
        let AnswerStage::Proven(contribution) = &answer_of(wallet, id)?.stage else {
            return Err(Error::Query { query: id, why: "its answer is not proven yet".into() });
        };
        let sent = self.ledger.submit(Transaction::Contribute(contribution.clone()));
        let error = match sent.and_then(|transaction| settle(self.ledger, transaction)) {
            Ok(inclusion) => return Ok(Sent::Included(inclusion)),
            Err(error) => error,
        };
        // What was sent is known to the ledger's nodes, so asking about it tells them nothing more.
        if let Some(contribution) = admitted(self.ledger, wallet, id)? {
            return Ok(Sent::Known(contribution));
        }
        for part in &contribution.parts {
            if self.ledger.ciphertext(part.ciphertext)?.is_some() {
                return Ok(Sent::Copied);
            }
        }
        if sync_tree(self.ledger)?.root == tree.root { Err(error) } else { Ok(Sent::Stale) }
    }
}

/// Notes the place of a contribution that the ledger has.
fn note_admitted(wallet: &mut Wallet, id: QueryId, contribution: ContributionIndex) -> Result<Outcome, Error> {
    let answer = answer_of(wallet, id)?;
    if answer.contribution() != Some(contribution) {
        let answer = Answer { stage: AnswerStage::Admitted { contribution }, ..answer.clone() };
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
    let inclusion = act(ledger, &answer.payout_key(), withdraw)?;
    wallet.note_answer(id, Answer { stage: AnswerStage::Withdrawn { contribution }, ..answer })?;
    Ok(inclusion)
}
