//! Finding a wallet's answers again after it was restored from an older backup.

use std::collections::BTreeMap;

use circuits::{
    domain::ByteTag,
    id::{AccountId, QueryId, ScreeningId},
    nullifier::{nullifier, screening_nullifier},
};
use node::{
    block::Block,
    screening::as_query,
    signature::account_of,
    transaction::{Action, Transaction, Withdraw},
    units::{Amount, ContributionIndex, Height, ResponseIndex},
};
use serde::Serialize;

use super::consider::{measures, settle};
use crate::{
    Error,
    ledger::{LedgerAccess, require_query, tip},
    wallet::{Answer, AnswerStage, Holding, Response, ResponseStage, SecretSeed, Wallet},
};

/// What a wallet did not know that it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rescanned {
    /// Queries that it contributed to.
    pub answers: Vec<QueryId>,
    /// Screenings that it responded to.
    pub responses: Vec<ScreeningId>,
    /// Queries from which another copy of the wallet withdrew what this one took for admitted.
    pub withdrawn: Vec<QueryId>,
}

/// A one-time key of the wallet, and what it would answer.
#[derive(Clone)]
struct Key {
    holding: u32,
    seed: SecretSeed,
}

/// What the blocks show so far.
#[derive(Default)]
struct Scan {
    payouts: BTreeMap<AccountId, (QueryId, Key)>,
    replies: BTreeMap<AccountId, (ScreeningId, Amount, Key)>,
    /// How many were admitted so far: places are given in the order of the blocks.
    admitted: BTreeMap<QueryId, u32>,
    responded: BTreeMap<ScreeningId, u32>,
    answers: BTreeMap<QueryId, (Key, AnswerStage)>,
    responses: BTreeMap<ScreeningId, (Amount, Key, ResponseIndex)>,
}

/// Looks through every block for contributions and responses of the wallet's records under their one-time keys. Notes those
/// that it does not know, with what they spent of the privacy budget, and those that another copy of the wallet withdrew.
/// Blocks are read whole, so that nobody learns what is looked for.
/// `watch` is told of each block.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached, or does not keep every block; [`Error::File`] when the disk refuses.
pub fn rescan(
    ledger: &dyn LedgerAccess,
    wallet: &mut Wallet,
    watch: &mut dyn FnMut(Height),
) -> Result<Rescanned, Error> {
    let (latest, mut height, mut scan) = (tip(ledger)?.height, Height::new(1), Scan::default());
    while height <= latest {
        let missing =
            || node::Error::Unknown { what: "block", id: format!("{height}; ask a node that keeps every block") };
        scan.look(wallet, &ledger.block(height)?.ok_or_else(missing)?)?;
        watch(height);
        height = height.next();
    }
    scan.note(ledger, wallet)
}

/// Each record's one-time key for what was asked.
fn keys(wallet: &Wallet, purpose: ByteTag, asked: &[u8; 32]) -> Result<Vec<(AccountId, Key)>, Error> {
    let key = |(holding, held): (u32, &Holding)| {
        let seed = wallet.one_time_seed(purpose, asked, &held.record)?;
        Ok((account_of(&seed.signing_key()), Key { holding, seed }))
    };
    (0..).zip(wallet.holdings()).map(key).collect()
}

/// The record that a key is of.
fn held<'w>(wallet: &'w Wallet, key: &Key) -> Option<&'w Holding> {
    wallet.holdings().get(key.holding as usize)
}

impl Scan {
    fn look(&mut self, wallet: &Wallet, block: &Block) -> Result<(), Error> {
        for transaction in &block.transactions {
            match transaction {
                Transaction::Signed(signed) => match &signed.action {
                    Action::OpenQuery(query) => {
                        let id = query.id(&signed.chain, &signed.sender, signed.nonce)?;
                        let own = keys(wallet, ByteTag::PayoutSeed, id.as_bytes())?;
                        self.payouts.extend(own.into_iter().map(|(account, key)| (account, (id, key))));
                    }
                    Action::OpenScreening(screening) => {
                        let id = screening.id(&signed.chain, &signed.sender, signed.nonce)?;
                        let own = keys(wallet, ByteTag::ReplySeed, id.as_bytes())?;
                        let price = screening.price;
                        self.replies.extend(own.into_iter().map(|(account, key)| (account, (id, price, key))));
                    }
                    Action::Withdraw(Withdraw { query, contribution }) => {
                        let contribution = *contribution;
                        let admitted = AnswerStage::Admitted { contribution };
                        if let Some((_, stage)) = self.answers.get_mut(query).filter(|(_, stage)| *stage == admitted) {
                            *stage = AnswerStage::Withdrawn { contribution };
                        }
                    }
                    _ => {}
                },
                Transaction::Contribute(sent) => {
                    let contribution = ContributionIndex::new(next(&mut self.admitted, sent.query));
                    // Anybody may name a payout account that was seen before; the nullifier is the record's alone.
                    let own = self.payouts.get(&sent.payout).filter(|(query, key)| {
                        let expected = held(wallet, key).map(|held| nullifier(&held.record.nullifier_key, query, 0));
                        *query == sent.query && expected == sent.parts.first().map(|part| part.nullifier)
                    });
                    if let Some((query, key)) = own {
                        let found = (key.clone(), AnswerStage::Admitted { contribution });
                        self.answers.entry(*query).or_insert(found);
                    }
                }
                Transaction::Respond(sent) => {
                    let response = ResponseIndex::new(next(&mut self.responded, sent.screening));
                    let own = self.replies.get(&sent.reply).filter(|(id, _, key)| {
                        let asked = as_query(*id);
                        let of = |held: &Holding| screening_nullifier(&held.record.nullifier_key, &asked, 0);
                        *id == sent.screening && held(wallet, key).map(of) == Some(sent.nullifier)
                    });
                    if let Some((id, price, key)) = own {
                        self.responses.entry(*id).or_insert((*price, key.clone(), response));
                    }
                }
            }
        }
        Ok(())
    }

    fn note(self, ledger: &dyn LedgerAccess, wallet: &mut Wallet) -> Result<Rescanned, Error> {
        let mut found = Rescanned::default();
        for (query, (Key { holding, seed: payout }, stage)) in self.answers {
            // What another copy withdrew is noted. Of answers of two records the wallet knows one.
            let known = wallet.answers().get(&query).filter(|known| known.contribution().is_some());
            if let Some(known) = known.cloned() {
                if known.holding == holding && known.stage != stage {
                    wallet.note_answer(query, Answer { stage, ..known })?;
                    found.withdrawn.push(query);
                }
                continue;
            }
            let state = require_query(ledger, query)?;
            let (price, rho) = (state.query.price, state.query.rho().unwrap_or_default());
            let measures = measures(query, &state)?;
            wallet.note_answer(query, Answer { holding, payout, price, rho, measures, stage, settled: None })?;
            found.answers.push(query);
        }
        for (id, (price, Key { holding, seed: reply }, response)) in self.responses {
            let held = wallet.holdings().get(holding as usize);
            let is_known = wallet.responses().get(&id).is_some_and(|known| known.place().is_some());
            let (Some(held), false) = (held, is_known) else { continue };
            let sealing = wallet.one_time_seed(ByteTag::InvitationSeed, id.as_bytes(), &held.record)?;
            let stage = ResponseStage::Admitted { response };
            wallet.note_response(id, Response { holding, reply, sealing, price, stage, answer: None })?;
            found.responses.push(id);
        }
        settle(ledger, wallet)?;
        Ok(found)
    }
}

/// The next number of what is asked.
fn next<K: Ord>(counts: &mut BTreeMap<K, u32>, asked: K) -> u32 {
    let count = counts.entry(asked).or_default();
    let number = *count;
    *count = number.saturating_add(1);
    number
}
