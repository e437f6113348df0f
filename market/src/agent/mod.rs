//! The agent: answers the queries that its owners' consent allows, once each, and explains when it does not.
//!
//! Every step is in the wallet before the next begins, so that a crash or a repeated call goes on where the last one
//! stopped: the same ciphertexts, the same payout key, one contribution.

mod answer;
mod consider;
mod earnings;
mod forbidden;
mod rescan;

use std::num::NonZeroUsize;

use circuits::{
    contribution::{ContributionVerifier, ProvingKey},
    groth16::side_by_side,
    id::QueryId,
    rlwe::PublicKey,
};
use node::{
    QueryPart, committee_key,
    genesis::Committee,
    state::{QueryState, committee_of},
    transaction::TransactionId,
    units::{Amount, ContributionIndex},
};
use rand::{CryptoRng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use self::consider::part_count;
pub(crate) use self::consider::{data_use_refusal, purpose_refusal, refusal, witness};
pub use self::{
    answer::withdraw,
    consider::{Refusal, consider, settle, spent, weigh},
    earnings::{Earning, EarningState, Statement, pay_out, payout_balance, statement},
    forbidden::{Asked, ConsentRule, Forbidden},
    rescan::{Rescanned, rescan},
};
use crate::{
    Error,
    committee::access::CommitteeAccess,
    introduction::KnownAsker,
    ledger::{LedgerAccess, SyncedTree, require_query, sync_tree, tip},
    objects::BlobAccess,
    wallet::Wallet,
};

/// Times that an answer is encrypted and proven anew because its epoch ended before a block took it.
pub const PROOF_ATTEMPTS_MAX: usize = 3;
/// Wallets that one agent answers for in one call.
pub const WALLETS_MAX: usize = 65_536;

/// What an agent answers with. One serves any number of wallets.
#[derive(Clone, Copy)]
pub struct Agent<'a> {
    /// The ledger.
    pub ledger: &'a dyn LedgerAccess,
    /// Where ciphertexts go.
    pub blobs: &'a dyn BlobAccess,
    /// The committee that keeps and attests them.
    pub committee: &'a dyn CommitteeAccess,
    /// The key that proves contributions; its verifying key must be the genesis'.
    pub proving: &'a ProvingKey,
}

/// What the agent would do with a query, without doing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outlook")]
pub enum Outlook {
    /// It would prove, encrypt and contribute.
    Answer {
        /// Which of the wallet's records it would use.
        holding: u32,
        /// Ciphertexts it would send.
        parts: usize,
        /// What the query pays.
        price: Amount,
    },
    /// It answered before.
    Answered {
        /// The contribution's place.
        contribution: ContributionIndex,
    },
    /// It would not answer.
    Decline {
        /// One reason for each of the wallet's records, or one for the query.
        reasons: Vec<Refusal>,
    },
}

/// What the agent did with a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The ledger admitted the contribution in this call.
    Admitted {
        /// Its place in the query.
        contribution: ContributionIndex,
        /// The transaction that carried it.
        transaction: TransactionId,
        /// How long each of its proofs took, in milliseconds; none where an earlier call made them.
        proof_millis: Vec<u64>,
    },
    /// The ledger had admitted it before.
    AlreadyAdmitted {
        /// Its place in the query.
        contribution: ContributionIndex,
    },
    /// The consent or the record does not allow an answer.
    Declined {
        /// Why.
        reasons: Vec<Refusal>,
    },
}

/// A query with everything that answering it needs, fetched once for all wallets.
pub struct OpenQuery {
    id: QueryId,
    state: QueryState,
    key: PublicKey,
    /// Whose key it is.
    committee: Committee,
    /// One for each part.
    verifiers: Vec<ContributionVerifier>,
    tree: SyncedTree,
    asker: KnownAsker,
}

impl OpenQuery {
    /// Fetches a query, its committee key and the leaves of the current epoch. Of who asks it knows what the ledger says,
    /// until [`Self::introduce`].
    ///
    /// # Errors
    /// [`Error::Ledger`] for an unknown query, or when its committee's key is absent or another than it names.
    pub fn fetch(ledger: &dyn LedgerAccess, id: QueryId) -> Result<Self, Error> {
        let state = require_query(ledger, id)?;
        let chain = ledger.chain();
        let key = committee_key(ledger, chain, &state)?;
        let committee = committee_of(ledger, state.committee)?;
        let verifier = |part| QueryPart::new(ledger, chain, id, &state, part).verifier(&ledger.genesis().contribution);
        let verifiers = (0..part_count(&state)).map(verifier).collect::<Result<_, _>>()?;
        let asker = KnownAsker::of_ledger(&state.researcher, &state.query.study);
        Ok(Self { id, state, key, committee, verifiers, tree: sync_tree(ledger)?, asker })
    }

    /// Fetches what changed of the query since it was fetched: how far it is, and the leaves once an epoch has begun.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn refresh(&mut self, ledger: &dyn LedgerAccess) -> Result<(), Error> {
        self.state = require_query(ledger, self.id)?;
        if tip(ledger)?.epoch != self.tree.epoch {
            self.tree = sync_tree(ledger)?;
        }
        Ok(())
    }

    /// What an agent would do with the query for a wallet. Neither a proving key nor a committee is needed to say it.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn outlook(&self, ledger: &dyn LedgerAccess, wallet: &Wallet) -> Result<Outlook, Error> {
        consider(ledger, wallet, self.id, &self.state, (&self.tree, &self.asker))
    }

    /// The query.
    #[must_use]
    pub const fn id(&self) -> QueryId {
        self.id
    }

    /// How far the query was when it was last fetched.
    #[must_use]
    pub const fn state(&self) -> &QueryState {
        &self.state
    }

    /// Decides from now on by this of who asks, in place of what the ledger says.
    pub fn introduce(&mut self, asker: KnownAsker) {
        self.asker = asker;
    }

    /// The committee whose key the query was opened under: its members keep what answers it.
    #[must_use]
    pub const fn committee(&self) -> &Committee {
        &self.committee
    }
}

impl Agent<'_> {
    /// Answers a query for a wallet, or goes on with an answer that was begun.
    ///
    /// # Errors
    /// As [`OpenQuery::fetch`]; [`Error::Refused`] when too few committee members give receipts; [`Error::Ledger`] with the
    /// ledger's refusal. What was done is in the wallet, and calling again goes on from there.
    pub fn answer(
        &self,
        wallet: &mut Wallet,
        id: QueryId,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Outcome, Error> {
        self.answer_opened(wallet, &OpenQuery::fetch(self.ledger, id)?, rng)
    }

    /// Answers a query for many wallets, `threads` at a time and each proof on one core; one wallet's failure stops no
    /// other. The results are in the wallets' order.
    ///
    /// # Errors
    /// As [`OpenQuery::fetch`], or [`Error::Refused`] beyond [`WALLETS_MAX`] wallets; [`Error::Statement`] when threads cannot
    /// be started.
    pub fn answer_all(
        &self,
        wallets: &mut [Wallet],
        id: QueryId,
        threads: NonZeroUsize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        if wallets.len() > WALLETS_MAX {
            let why = format!("{} wallets; at most {WALLETS_MAX} in one call", wallets.len());
            return Err(Error::Refused { who: "the agent".into(), action: "answer for all wallets", why });
        }
        let opened = OpenQuery::fetch(self.ledger, id)?;
        let jobs = wallets.iter_mut().map(|wallet| (wallet, StdRng::from_rng(&mut &mut *rng))).collect();
        let answer = |(wallet, mut rng): (&mut Wallet, StdRng)| self.answer_opened(wallet, &opened, &mut rng);
        Ok(side_by_side(jobs, threads, answer)?)
    }
}
