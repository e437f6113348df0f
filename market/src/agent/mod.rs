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

/// What an agent works with. One serves any number of wallets.
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
    /// Fetches a query, its committee key and the leaves of the current epoch. Of who asks it knows what the ledger says,
    /// until [`OpenQuery::introduce`].
    ///
    /// # Errors
    /// [`Error::Ledger`] for an unknown query, or when its committee's key is absent or another than it names.
    pub fn open(&self, id: QueryId) -> Result<OpenQuery, Error> {
        let state = require_query(self.ledger, id)?;
        let chain = self.ledger.chain();
        let key = committee_key(self.ledger, chain, &state)?;
        let committee = committee_of(self.ledger, state.committee)?;
        let verifier =
            |part| QueryPart::new(self.ledger, chain, id, &state, part).verifier(&self.ledger.genesis().contribution);
        let verifiers = (0..part_count(&state)).map(verifier).collect::<Result<_, _>>()?;
        let asker = KnownAsker::of_ledger(&state.researcher, &state.query.study);
        Ok(OpenQuery { id, state, key, committee, verifiers, tree: sync_tree(self.ledger)?, asker })
    }

    /// Fetches what changed of a query since it was opened: how far it is, and the leaves once an epoch has begun.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn refresh(&self, opened: &mut OpenQuery) -> Result<(), Error> {
        opened.state = require_query(self.ledger, opened.id)?;
        if tip(self.ledger)?.epoch != opened.tree.epoch {
            opened.tree = sync_tree(self.ledger)?;
        }
        Ok(())
    }

    /// What the agent would do with an opened query for a wallet.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn dry_run_opened(&self, wallet: &Wallet, opened: &OpenQuery) -> Result<Outlook, Error> {
        consider(self.ledger, wallet, opened.id, &opened.state, (&opened.tree, &opened.asker))
    }

    /// What the agent would do with a query for a wallet, by what the ledger says of who asks.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn dry_run(&self, wallet: &Wallet, id: QueryId) -> Result<Outlook, Error> {
        let state = require_query(self.ledger, id)?;
        let asker = KnownAsker::of_ledger(&state.researcher, &state.query.study);
        consider(self.ledger, wallet, id, &state, (&sync_tree(self.ledger)?, &asker))
    }

    /// Answers a query for a wallet, or goes on with an answer that was begun.
    ///
    /// # Errors
    /// As [`Agent::open`]; [`Error::Refused`] when too few committee members give receipts; [`Error::Ledger`] with the
    /// ledger's refusal. What was done is in the wallet, and calling again goes on from there.
    pub fn answer(
        &self,
        wallet: &mut Wallet,
        id: QueryId,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Outcome, Error> {
        self.answer_opened(wallet, &self.open(id)?, rng)
    }

    /// Answers a query for many wallets, `threads` at a time and each proof on one core; one wallet's failure stops no
    /// other. The results are in the wallets' order.
    ///
    /// # Errors
    /// As [`Agent::open`], or [`Error::Refused`] beyond [`WALLETS_MAX`] wallets; [`Error::Statement`] when threads cannot
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
        let opened = self.open(id)?;
        let jobs = wallets.iter_mut().map(|wallet| (wallet, StdRng::from_rng(&mut &mut *rng))).collect();
        let answer = |(wallet, mut rng): (&mut Wallet, StdRng)| self.answer_opened(wallet, &opened, &mut rng);
        Ok(side_by_side(jobs, threads, answer)?)
    }
}
