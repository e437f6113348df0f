//! What a block names and nobody needs any more: ciphertexts of refunded queries and of withdrawn contributions, genomes and
//! headers of datasets and licences that ended, and, where somebody asks for it, ciphertexts of old releases.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    consent::Day,
    id::{DatasetId, Digest, LicenceId, QueryId},
};
use node::{
    block::Block,
    state::{ContributionState, Dataset, LicenceState, LicenceStatus, QueryStatus, StateRead as _, Tip},
    transaction::{Action, Transaction},
    units::{ContributionIndex, Height, SECONDS_PER_DAY},
};

use crate::{
    Error,
    ledger::{LedgerAccess, tip},
    objects::{BlobAddress, BlobKind},
};

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days for which what is over stays: after the refund of a query, the sealing of one that a contribution was withdrawn
    /// from, the end of a licence and the withdrawal of a dataset.
    pub days: u32,
    /// Days after a release for which its ciphertexts stay; `None` for ever. A receipt of the release is made and checked with
    /// them.
    pub released_days: Option<u32>,
}

/// What blocks named that can come to an end.
#[derive(Debug, Clone, Default)]
pub struct Named {
    queries: BTreeSet<QueryId>,
    sums: BTreeMap<QueryId, Sums>,
    datasets: BTreeSet<DatasetId>,
    licences: BTreeSet<LicenceId>,
}

/// What was handed in for a query.
#[derive(Debug, Clone, Default)]
struct Sums {
    aggregates: BTreeSet<Digest>,
    /// Sealed components of the decrypted sum.
    components: BTreeSet<Digest>,
}

impl Named {
    /// Notes what a block of a ledger named.
    ///
    /// # Errors
    /// [`Error::Ledger`] for what cannot be encoded.
    pub fn note(&mut self, ledger: &dyn LedgerAccess, block: &Block) -> Result<(), Error> {
        let chain = ledger.chain();
        for transaction in &block.transactions {
            let Transaction::Signed(signed) = transaction else { continue };
            let (sender, nonce) = (&signed.sender, signed.nonce);
            match &signed.action {
                Action::OpenQuery(query) => {
                    self.queries.insert(query.id(&chain, sender, nonce)?);
                }
                Action::Aggregate(sum) => self.sums.entry(sum.query).or_default().aggregates.extend(&sum.parts),
                Action::SubmitComponents(vote) => {
                    let sealed = vote.parts.iter().flatten().map(|component| component.sealed);
                    self.sums.entry(vote.query).or_default().components.extend(sealed);
                }
                Action::OfferDataset(offer) => {
                    self.datasets.insert(offer.id(&chain, sender, nonce)?);
                }
                Action::RequestLicence(request) => {
                    self.licences.insert(request.id(&chain, sender, nonce)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Of the blobs wanted, those that blocks name and that nothing needs any more, by the ledger's latest state. What names a
    /// blob names one of a kind, so a dataset whose owner named a panel as its genome takes no panel along when it ends.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached or lacks what its blocks say.
    pub fn ended(
        &self,
        ledger: &dyn LedgerAccess,
        wanted: &BTreeSet<BlobAddress>,
        retention: &Retention,
    ) -> Result<BTreeSet<BlobAddress>, Error> {
        let mut sorting =
            Sorting { ledger, wanted, retention, tip: tip(ledger)?, ended: BTreeSet::new(), needed: BTreeSet::new() };
        self.queries.iter().try_for_each(|query| sorting.query(*query, self.sums.get(query)))?;
        let licences = self.licences.iter().filter_map(|id| ledger.licence(*id).transpose());
        let licences = licences.collect::<Result<Vec<_>, _>>()?;
        licences.iter().try_for_each(|licence| sorting.licence(licence))?;
        self.datasets.iter().try_for_each(|dataset| sorting.dataset(*dataset, &licences))?;
        Ok(sorting.ended.difference(&sorting.needed).copied().collect())
    }
}

/// Blobs that are wanted, sorted into those that something needs and those that something is done with. One that is in both is
/// needed.
struct Sorting<'a> {
    ledger: &'a dyn LedgerAccess,
    wanted: &'a BTreeSet<BlobAddress>,
    retention: &'a Retention,
    tip: Tip,
    ended: BTreeSet<BlobAddress>,
    needed: BTreeSet<BlobAddress>,
}

impl Sorting<'_> {
    fn put(&mut self, is_over: bool, kind: BlobKind, digests: impl IntoIterator<Item = Digest>) {
        let named = digests.into_iter().map(|digest| BlobAddress { kind, digest });
        let wanted = named.filter(|address| self.wanted.contains(address));
        if is_over { self.ended.extend(wanted) } else { self.needed.extend(wanted) }
    }

    /// Whether so many days passed since a block.
    fn is_past(&self, height: Height, days: u32) -> Result<bool, Error> {
        let missing = || node::Error::Unknown { what: "block", id: height.to_string() };
        let then = self.ledger.header(height)?.ok_or_else(missing)?.header.time.get();
        let kept = u64::from(days).saturating_mul(SECONDS_PER_DAY);
        Ok(then.saturating_add(kept) < self.tip.time.get())
    }

    fn query(&mut self, id: QueryId, sums: Option<&Sums>) -> Result<(), Error> {
        let Some(state) = self.ledger.query(id)? else { return Ok(()) };
        let days = self.retention.days;
        let (withdrawn, counted, summed) = match &state.status {
            QueryStatus::Collecting => (false, false, false),
            QueryStatus::Sealed { height, .. } | QueryStatus::Aggregated { height, .. } => {
                (self.is_past(*height, days)?, false, false)
            }
            QueryStatus::Refunded { height, .. } => {
                let is_over = self.is_past(*height, days)?;
                (is_over, is_over, is_over)
            }
            QueryStatus::Released { height, .. } => {
                let counted = self.retention.released_days.map(|days| self.is_past(*height, days)).transpose()?;
                (self.is_past(*height, days)?, counted.unwrap_or(false), false)
            }
        };
        if let Some(Sums { aggregates, components }) = sums {
            self.put(summed, BlobKind::Aggregate, aggregates.iter().copied());
            self.put(summed, BlobKind::SealedComponent, components.iter().copied());
        }
        for index in (0..state.admitted).map(ContributionIndex::new) {
            let missing = || node::Error::Unknown { what: "contribution", id: format!("{id}/{index}") };
            let ContributionState { parts, withdrawn: is_withdrawn, .. } =
                self.ledger.contribution(id, index)?.ok_or_else(missing)?;
            let is_over = if is_withdrawn { withdrawn } else { counted };
            self.put(is_over, BlobKind::Ciphertext, parts.iter().map(|part| part.ciphertext));
        }
        Ok(())
    }

    /// A licensee's header, while somebody may ask for it.
    fn licence(&mut self, licence: &LicenceState) -> Result<(), Error> {
        let (LicenceStatus::Granted { header, .. } | LicenceStatus::Revoked { header, .. }) = licence.status else {
            return Ok(());
        };
        let is_over = self.is_licence_over(licence)?;
        self.put(is_over, BlobKind::GenomeHeader, [header]);
        Ok(())
    }

    fn is_licence_over(&self, licence: &LicenceState) -> Result<bool, Error> {
        let days = self.retention.days;
        match licence.status {
            LicenceStatus::Requested => Ok(false),
            LicenceStatus::Granted { until: Day(last), .. } => Ok(self.tip.time.day() > Day(last.saturating_add(days))),
            LicenceStatus::Declined { height }
            | LicenceStatus::Unanswered { height }
            | LicenceStatus::Revoked { height, .. } => self.is_past(height, days),
        }
    }

    /// A dataset's genome and its owner's header, until it is withdrawn and every licence of it is over.
    fn dataset(&mut self, id: DatasetId, licences: &[LicenceState]) -> Result<(), Error> {
        let Some(Dataset { offer, withdrawn, .. }) = self.ledger.dataset(id)? else { return Ok(()) };
        let mut is_over =
            withdrawn.map(|height| self.is_past(height, self.retention.days)).transpose()?.unwrap_or(false);
        for licence in licences.iter().filter(|licence| licence.request.dataset == id) {
            is_over = is_over && self.is_licence_over(licence)?;
        }
        self.put(is_over, BlobKind::Genome, [offer.body]);
        self.put(is_over, BlobKind::GenomeHeader, [offer.header]);
        Ok(())
    }
}
