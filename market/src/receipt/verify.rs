//! Checking a receipt, with nothing but the receipt: R1 to R7 of `docs/protocol/receipt.md`.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    groth16::KeyOrigin,
    id::{ChainId, Digest, QueryId},
    quorum::SubsetIndex,
    rlwe::{Accumulator, Aggregate as Sum, Ciphertext, params::CIPHERTEXT_BYTES},
};
use node::{
    genesis::{Committee, Network},
    signature,
    state::{AdmittedPart, CommitteeStage, CommitteeState, ContributionState, QueryState, QueryStatus, StateKey},
    transaction::{ComponentDigests, Transaction, aggregate_message, contribution_set_digest},
};
use serde::Serialize;

use super::{
    AcceptedComponents, ContributionEvidence, Receipt,
    chain::check_header,
    proofs::{ProvenOpening, check_proofs},
};
use crate::{
    Error,
    committee::{Component, ReleaseContext, SumBounds, combine},
    objects::{BlobAccess, BlobAddress, BlobKind, get},
    researcher::release_context,
    so_many,
};

/// One thing that was checked, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its number in the protocol page.
    pub rule: &'static str,
    /// What holds.
    pub says: String,
}

/// The checks that held so far, and who hears of each as it ends.
pub(super) struct Checks<'w> {
    held: Vec<Check>,
    watch: &'w mut dyn FnMut(&Check),
}

impl<'w> Checks<'w> {
    pub(super) fn watched_by(watch: &'w mut dyn FnMut(&Check)) -> Self {
        Self { held: vec![], watch }
    }

    pub(super) fn held(&mut self, rule: &'static str, says: String) {
        let check = Check { rule, says };
        (self.watch)(&check);
        self.held.push(check);
    }

    pub(super) fn all(self) -> Vec<Check> {
        self.held
    }
}

/// A receipt that holds. Only [`verify`] makes one.
#[derive(Debug, Clone, Serialize)]
pub struct VerifiedReceipt {
    chain: ChainId,
    network: Network,
    proving_key: KeyOrigin,
    query: QueryId,
    records: usize,
    state: QueryState,
    result: Vec<Vec<i32>>,
    checks: Vec<Check>,
}

impl VerifiedReceipt {
    /// The chain; compare it with the one the consortium published.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// What kind of network the genesis in the receipt founds. Anyone can found one.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Where the key comes from that the proofs verify under. Whoever knows a seed forges them.
    #[must_use]
    pub const fn proving_key(&self) -> KeyOrigin {
        self.proving_key
    }

    /// The query.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }

    /// Distinct certified records that were added up.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records
    }

    /// The query as released.
    #[must_use]
    pub const fn state(&self) -> &QueryState {
        &self.state
    }

    /// For each part, the slots of the sum; with privacy noise some can be negative.
    #[must_use]
    pub fn result(&self) -> &[Vec<i32>] {
        &self.result
    }

    /// What was checked, in order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// What a released query fixed.
pub(super) struct Release {
    state: QueryState,
    /// Who holds the key that the query was opened under.
    committee: Committee,
    set: Digest,
    aggregates: Vec<Digest>,
    components: AcceptedComponents,
}

impl Release {
    pub(super) const fn state(&self) -> &QueryState {
        &self.state
    }

    pub(super) const fn parts(&self) -> usize {
        self.state.query.parts.len()
    }
}

/// Verifies a receipt. `blobs` serves ciphertexts that are not inside it.
///
/// # Errors
/// [`Error::Receipt`] with the check that fails.
pub fn verify(receipt: &Receipt, blobs: Option<&dyn BlobAccess>) -> Result<VerifiedReceipt, Error> {
    verify_watched(receipt, blobs, &mut |_| {})
}

/// The same, and tells of each check as soon as it held, in order; the one that fails is told by the error alone.
///
/// # Errors
/// As [`verify`].
pub fn verify_watched(
    receipt: &Receipt,
    blobs: Option<&dyn BlobAccess>,
    watch: &mut dyn FnMut(&Check),
) -> Result<VerifiedReceipt, Error> {
    let mut checks = Checks::watched_by(watch);

    let header = check_header("R1 header", &receipt.genesis, &receipt.handovers, &receipt.header)?;
    let (chain, root) = (header.header().chain, header.state());
    checks.held("R1", format!("block {} of chain {chain} is signed by its validators", receipt.header.header.height));

    let release = check_query(receipt, root)?;
    checks.held(
        "R2",
        format!("the ledger released query {} of committee key {}", receipt.query, release.state.committee),
    );

    let admitted = check_contributions(receipt, root, &release)?;
    let counted = so_many(admitted.len(), "contribution was", "contributions were");
    checks.held("R3", format!("{counted} admitted, no nullifier twice"));

    let proven = check_proofs(receipt, chain, root, &release, &admitted)?;
    let counted = so_many(proof_count(receipt), "contribution proof verifies", "contribution proofs verify");
    checks.held("R4", format!("{counted} against the ledger's epoch roots"));

    let sums = check_sums(receipt, chain, &release, &admitted, &proven, blobs)?;
    let (one, several) = ("ciphertext is as proven and makes", "ciphertexts are as proven and add up to");
    checks.held("R5", format!("{} the signed sums", so_many(proof_count(receipt), one, several)));

    let components = check_components(receipt, chain, &release)?;
    let count: usize = components.iter().map(BTreeMap::len).sum();
    let opened = so_many(count, "opened component is", "opened components are");
    checks.held("R6", format!("{opened} as the ledger accepted"));

    check_result(receipt, chain, &release, &sums, &components)?;
    checks.held("R7", "sums and components decrypt to exactly this result".into());

    Ok(VerifiedReceipt {
        chain,
        network: receipt.genesis.network,
        proving_key: receipt.genesis.contribution.origin(),
        query: receipt.query,
        records: admitted.len(),
        state: release.state,
        result: receipt.result.clone(),
        checks: checks.all(),
    })
}

pub(super) fn refuse<T>(check: &'static str, why: impl Into<String>) -> Result<T, Error> {
    Err(Error::Receipt { check, why: why.into() })
}

fn proof_count(receipt: &Receipt) -> usize {
    receipt.contributions.iter().map(|evidence| evidence.contribution.parts.len()).sum()
}

/// R2. The query's state is in the state root and is `Released`, and so are its committee key and who sits for it.
fn check_query(receipt: &Receipt, root: Digest) -> Result<Release, Error> {
    if receipt.query_state.key != StateKey::Query(receipt.query) {
        return refuse("R2 query", "the proof is of another key");
    }
    receipt.query_state.verify(root)?;
    let state: QueryState = receipt.query_state.decode()?;
    state.check_id(&receipt.header.header.chain, receipt.query)?;
    let QueryStatus::Released { set, aggregates, components, .. } = &state.status else {
        return refuse("R2 query", "the ledger did not release it");
    };
    let opened = |part: &Vec<ComponentDigests>| part.iter().map(|digests| digests.opened).collect();
    let components = components.iter().map(opened).collect();
    let committee = check_committee(receipt, root, &state)?;
    Ok(Release { committee, set: *set, aggregates: aggregates.clone(), components, state })
}

/// The committee whose key the query was opened under. The key's state says since which key its members sit.
fn check_committee(receipt: &Receipt, root: Digest, state: &QueryState) -> Result<Committee, Error> {
    let (key, members) = (&receipt.committee_key, &receipt.committee_members);
    if key.key != StateKey::Committee(state.committee) {
        return refuse("R2 query", format!("the proof of its committee is not of key {}", state.committee));
    }
    key.verify(root)?;
    let proven: CommitteeState = key.decode()?;
    match proven.stage {
        CommitteeStage::Active { key } | CommitteeStage::Retired { key } if key == state.committee_key => {}
        _ => return refuse("R2 query", format!("committee key {} is not the one that it names", state.committee)),
    }
    if members.key != StateKey::CommitteeMembers(proven.seated) {
        return refuse("R2 query", format!("the members are not those seated for committee key {}", state.committee));
    }
    members.verify(root)?;
    Ok(members.decode()?)
}

/// R3. Each contribution's state is in the state root, its transaction is the one admitted, the whole set is there, and
/// no nullifier appears twice but in all parts of one contribution, which are of one record.
fn check_contributions(receipt: &Receipt, root: Digest, release: &Release) -> Result<Vec<ContributionState>, Error> {
    let mut admitted = vec![];
    let mut nullifiers = BTreeSet::new();
    let mut scopes = BTreeSet::new();
    for evidence in &receipt.contributions {
        let state = check_contribution(receipt, root, evidence)?;
        let is_first = state.nullifier().is_some_and(|nullifier| nullifiers.insert(nullifier));
        let mut spent = state.parts.iter().map(|part| part.scope_nullifier);
        if !is_first || spent.any(|scope| scope.to_bytes() != [0; 32] && !scopes.insert(scope)) {
            let why =
                format!("a nullifier of contribution {} appears twice, or its parts have several", evidence.index);
            return refuse("R3 contributions", why);
        }
        admitted.push(state);
    }
    let listed = receipt.contributions.iter().map(|evidence| evidence.index).zip(&admitted);
    if contribution_set_digest(&receipt.query, listed) != release.set {
        return refuse("R3 contributions", "they are not the whole set that the ledger froze");
    }
    Ok(admitted)
}

fn check_contribution(
    receipt: &Receipt,
    root: Digest,
    evidence: &ContributionEvidence,
) -> Result<ContributionState, Error> {
    let index = evidence.index;
    if evidence.state.key != StateKey::Contribution(receipt.query, index) {
        return refuse("R3 contributions", format!("the proof of contribution {index} is of another key"));
    }
    evidence.state.verify(root)?;
    let state: ContributionState = evidence.state.decode()?;
    let transaction = Transaction::Contribute(evidence.contribution.clone());
    if state.withdrawn || transaction.id()? != state.transaction {
        return refuse("R3 contributions", format!("contribution {index} was withdrawn or is not the one admitted"));
    }
    // The proofs bind what was sent and the sum takes what is in the state: both must be one.
    let sent = evidence.contribution.parts.iter().map(|part| {
        let (root, nullifier, scope_nullifier) = (part.root, part.nullifier, part.scope_nullifier);
        AdmittedPart { root, nullifier, scope_nullifier, ciphertext: part.ciphertext }
    });
    if !sent.eq(state.parts.iter().copied()) || evidence.contribution.payout != state.payout {
        return refuse("R3 contributions", format!("the state of contribution {index} differs from what was sent"));
    }
    Ok(state)
}

/// R5. The ciphertexts have the admitted digests and the openings proven, and their sums the digests that a threshold of
/// members signed.
fn check_sums(
    receipt: &Receipt,
    chain: ChainId,
    release: &Release,
    admitted: &[ContributionState],
    proven: &[Vec<ProvenOpening>],
    blobs: Option<&dyn BlobAccess>,
) -> Result<Vec<Sum>, Error> {
    check_signatures(receipt, chain, release)?;
    let mut sums = vec![];
    for (part, (expected, proven)) in release.aggregates.iter().zip(proven).enumerate() {
        let mut accumulator = Accumulator::default();
        for ((evidence, state), proven) in receipt.contributions.iter().zip(admitted).zip(proven) {
            let bytes = ciphertext(evidence, state, part, blobs)?;
            if !proven.is_of(&Ciphertext::from_packed_bytes(&bytes)?) {
                let why = format!("ciphertext {part} of contribution {} is not the one proven", evidence.index);
                return refuse("R5 sums", why);
            }
            accumulator.add_packed(&bytes)?;
        }
        let sum = accumulator.finish();
        if sum.digest() != *expected {
            return refuse("R5 sums", format!("the ciphertexts of part {part} do not add up to the signed aggregate"));
        }
        sums.push(sum);
    }
    Ok(sums)
}

fn check_signatures(receipt: &Receipt, chain: ChainId, release: &Release) -> Result<(), Error> {
    let aggregate = &receipt.aggregate;
    if aggregate.query != receipt.query || aggregate.set != release.set || aggregate.parts != release.aggregates {
        return refuse("R5 sums", "the committee's signatures are of another aggregate");
    }
    let committee = &release.committee;
    let message = aggregate_message(&chain, &receipt.query, &release.set, &release.aggregates);
    let mut signers = BTreeSet::new();
    for signed in &aggregate.signatures {
        signature::verify("aggregate", committee.member(signed.member)?.account, &message, &signed.signature)?;
        signers.insert(signed.member);
    }
    if signers.len() < usize::from(committee.quorum.threshold()) {
        let signed = so_many(signers.len(), "committee member", "committee members");
        return refuse("R5 sums", format!("only {signed} signed the aggregate"));
    }
    Ok(())
}

fn ciphertext(
    evidence: &ContributionEvidence,
    state: &ContributionState,
    part: usize,
    blobs: Option<&dyn BlobAccess>,
) -> Result<Vec<u8>, Error> {
    let name = || format!("ciphertext {part} of contribution {}", evidence.index);
    let Some(admitted) = state.parts.get(part) else { return refuse("R5 sums", format!("there is no {}", name())) };
    let bytes = match (evidence.ciphertexts.get(part), blobs) {
        (Some(bytes), _) => bytes.0.clone(),
        (None, Some(blobs)) => {
            get(blobs, BlobAddress { kind: BlobKind::Ciphertext, digest: admitted.ciphertext }, CIPHERTEXT_BYTES)?
        }
        (None, None) => {
            return refuse("R5 sums", format!("{} is not inside; give the folder that holds the blobs", name()));
        }
    };
    if Ciphertext::digest_of_packed(&bytes) != admitted.ciphertext {
        return refuse("R5 sums", format!("{} is not the one admitted", name()));
    }
    Ok(bytes)
}

/// R6. The opened components have the digests that the ledger accepted.
fn check_components(
    receipt: &Receipt,
    chain: ChainId,
    release: &Release,
) -> Result<Vec<BTreeMap<SubsetIndex, Component>>, Error> {
    if receipt.components.len() != release.components.len() {
        return refuse("R6 components", "a part's components are missing");
    }
    let mut parts = vec![];
    for (part, (given, accepted)) in receipt.components.iter().zip(&release.components).enumerate() {
        let context = context(receipt, chain, release, part)?;
        if given.len() != accepted.len() {
            return refuse("R6 components", format!("part {part} has {} of {}", given.len(), accepted.len()));
        }
        let mut components = BTreeMap::new();
        for (bytes, digest) in given.iter().zip(accepted) {
            let component: Component = borsh::from_slice(&bytes.0)
                .map_err(|error| Error::Receipt { check: "R6 components", why: error.to_string() })?;
            if component.digest(&context) != *digest {
                return refuse("R6 components", format!("component {} is not the accepted one", component.subset()));
            }
            components.insert(component.subset(), component);
        }
        parts.push(components);
    }
    Ok(parts)
}

/// R7. The result is what sums and components decrypt to.
fn check_result(
    receipt: &Receipt,
    chain: ChainId,
    release: &Release,
    sums: &[Sum],
    components: &[BTreeMap<SubsetIndex, Component>],
) -> Result<(), Error> {
    let quorum = &release.committee.quorum;
    let mut recomputed = vec![];
    for (part, ((sum, components), layout)) in sums.iter().zip(components).zip(&release.state.query.parts).enumerate() {
        let bounds = SumBounds { contributions: release.state.surviving, slot_max_each: layout.slot_max_each() };
        let context = context(receipt, chain, release, part)?;
        recomputed.push(combine(quorum, sum, &context, components, bounds)?);
    }
    if recomputed != receipt.result {
        return refuse("R7 result", "the result is not what sums and components decrypt to");
    }
    Ok(())
}

fn context(receipt: &Receipt, chain: ChainId, release: &Release, part: usize) -> Result<ReleaseContext, Error> {
    let part = u8::try_from(part).or_else(|_| refuse("R6 components", "too many parts"))?;
    let quorum = &release.committee.quorum;
    release_context(chain, quorum, receipt.query, &release.state, &release.aggregates, part)
}
