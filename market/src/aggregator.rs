//! The aggregator: anyone, with no key, who adds up a sealed query's ciphertexts and has the committee sign the sum.

use circuits::{
    id::{AccountId, Digest, QueryId},
    quorum::MemberIndex,
    rlwe::{Accumulator, params::CIPHERTEXT_BYTES},
};
use ed25519_dalek::SigningKey;
use node::{
    genesis::{Committee, Member},
    signature,
    state::{QueryState, QueryStatus, StateRead as _, committee_of},
    transaction::{Action, Aggregate, MemberSignature, aggregate_message},
    units::ContributionIndex,
};

use crate::{
    Error,
    committee::access::{CommitteeAccess, SignAggregate},
    ledger::{Inclusion, LedgerAccess, act, require_query},
    objects::{BlobAccess, BlobAddress, BlobKind, Offered, check_digest, get, offer, put},
    so_many,
};

/// How far the adding up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Contributions that were looked at, withdrawn ones included.
    pub contributions: u32,
    /// Of so many.
    pub of: u32,
}

/// Called before each contribution; an error from it ends the work, and nothing was sent.
pub type Watch<'a> = &'a mut dyn FnMut(Added) -> Result<(), Error>;

/// Adds up a sealed query, collects a threshold of signatures, sends the aggregate and stores the sums, at the latest once
/// the ledger names them. `sender` pays nothing and gains nothing; it only signs the transaction.
///
/// # Errors
/// [`Error::Query`] when the query is not sealed, [`Error::BlobMissing`] for an absent ciphertext, [`Error::Refused`]
/// when too few members sign, [`Error::Ledger`] with the ledger's refusal. Calling again starts over. [`Error::BlobStore`] when
/// the ledger has the aggregate and the store does not take its sums: [`restore_sums`] stores them later.
pub fn aggregate(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    committee: &dyn CommitteeAccess,
    sender: &SigningKey,
    query: QueryId,
) -> Result<Inclusion, Error> {
    aggregate_watched(ledger, blobs, committee, sender, query, &mut |_| Ok(()))
}

/// The same for who wants to see how far it is, or to end it between two contributions.
///
/// # Errors
/// As [`aggregate`], and what `watch` returns.
pub fn aggregate_watched(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    committee: &dyn CommitteeAccess,
    sender: &SigningKey,
    query: QueryId,
    watch: Watch<'_>,
) -> Result<Inclusion, Error> {
    let state = require_query(ledger, query)?;
    let QueryStatus::Sealed { set, .. } = state.status else {
        return Err(Error::Query { query, why: "it is not sealed, or its aggregate is on the ledger already".into() });
    };
    let mut sums = vec![];
    for sum in sum(ledger, blobs, query, &state, watch)? {
        sums.push(offer(blobs, BlobKind::Aggregate, sum.finish().to_packed_bytes()));
    }
    let parts: Vec<Digest> = sums.iter().map(Offered::digest).collect();
    let signatures = signatures(
        ledger,
        (committee, &committee_of(ledger, state.committee)?),
        &SignAggregate { query, set, parts: parts.clone() },
    )?;
    let inclusion = act(ledger, sender, Action::Aggregate(Aggregate { query, set, parts, signatures }))?;
    sums.into_iter().try_for_each(|sum| sum.settle(blobs))?;
    Ok(inclusion)
}

/// Stores the sums that the ledger names and the store lacks, as when it had no room for them, or who added up was stopped
/// before. Returns how many it lacked; anybody can make them again. One that is damaged, or that another node may have and does
/// not give, is lacking too.
///
/// # Errors
/// [`Error::BlobMissing`] for an absent ciphertext, [`Error::BlobDamaged`] when the ciphertexts add up to another sum than the
/// ledger names, [`Error::BlobStore`] when the store takes or tells nothing, [`Error::Ledger`] when the ledger cannot be
/// reached, and what `watch` returns.
pub fn restore_sums(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    query: QueryId,
    watch: Watch<'_>,
) -> Result<usize, Error> {
    let state = require_query(ledger, query)?;
    let (QueryStatus::Aggregated { aggregates, .. } | QueryStatus::Released { aggregates, .. }) = &state.status else {
        return Ok(0);
    };
    let named: Vec<_> =
        aggregates.iter().map(|digest| BlobAddress { kind: BlobKind::Aggregate, digest: *digest }).collect();
    let mut absent = 0;
    for address in &named {
        match get(blobs, *address, CIPHERTEXT_BYTES) {
            Ok(_) => {}
            Err(Error::BlobMissing { .. } | Error::BlobDamaged { .. } | Error::BlobBusy { .. }) => absent += 1,
            Err(error) => return Err(error),
        }
    }
    if absent > 0 {
        for (sum, address) in sum(ledger, blobs, query, &state, watch)?.into_iter().zip(named) {
            let bytes = sum.finish().to_packed_bytes();
            check_digest(address, &bytes)?;
            put(blobs, BlobKind::Aggregate, bytes)?;
        }
    }
    Ok(absent)
}

/// The sum of each part over the contributions that were not withdrawn. One contribution and one ciphertext are in memory
/// at a time, beside a sum for each part, however many contributed.
///
/// # Errors
/// [`Error::BlobMissing`] or [`Error::BlobDamaged`] for a ciphertext that is not there as admitted, [`Error::Ledger`] when
/// the ledger cannot be reached, and what `watch` returns.
pub fn sum(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    query: QueryId,
    state: &QueryState,
    watch: Watch<'_>,
) -> Result<Vec<Accumulator>, Error> {
    let mut sums: Vec<Accumulator> = state.query.parts.iter().map(|_| Accumulator::default()).collect();
    for number in 0..state.admitted {
        watch(Added { contributions: number, of: state.admitted })?;
        let index = ContributionIndex::new(number);
        let missing = |what| node::Error::Unknown { what, id: format!("{query}/{index}") };
        let contribution = ledger.contribution(query, index)?.ok_or_else(|| missing("contribution"))?;
        if contribution.withdrawn {
            continue;
        }
        for (part, sum) in sums.iter_mut().enumerate() {
            let admitted = contribution.parts.get(part).ok_or_else(|| missing("part of contribution"))?;
            let address = BlobAddress { kind: BlobKind::Ciphertext, digest: admitted.ciphertext };
            sum.add_packed(&get(blobs, address, CIPHERTEXT_BYTES)?)?;
        }
    }
    Ok(sums)
}

/// Signatures of a threshold of members; those who refuse or cannot be reached are passed over.
fn signatures(
    ledger: &dyn LedgerAccess,
    (access, committee): (&dyn CommitteeAccess, &Committee),
    request: &SignAggregate,
) -> Result<Vec<MemberSignature>, Error> {
    let needed = usize::from(committee.quorum.threshold());
    let mut signatures = vec![];
    let mut refusals = vec![];
    for (index, Member { account, .. }) in (0..).map(MemberIndex::new).zip(&committee.members) {
        if signatures.len() == needed {
            break;
        }
        let checked = access.sign(*account, request).and_then(|signed| {
            check_signature(ledger, (index, *account), request, &signed)?;
            Ok(signed)
        });
        match checked {
            Ok(signature) => signatures.push(signature),
            Err(error) => refusals.push(format!("member {index}: {error}")),
        }
    }
    if signatures.len() < needed {
        let signed = so_many(signatures.len(), "member signed", "members signed");
        let why = format!("{signed}, {needed} must: {}", refusals.join("; "));
        return Err(Error::Refused { who: "the committee".into(), action: "sign the aggregate", why });
    }
    Ok(signatures)
}

/// Checks that a signature is of the member asked; one that is not would spoil the whole transaction.
fn check_signature(
    ledger: &dyn LedgerAccess,
    (asked, account): (MemberIndex, AccountId),
    request: &SignAggregate,
    signed: &MemberSignature,
) -> Result<(), Error> {
    if signed.member != asked {
        return Err(node::Error::Signature { what: "aggregate", signer: account }.into());
    }
    let message = aggregate_message(&ledger.chain(), &request.query, &request.set, &request.parts);
    Ok(signature::verify("aggregate", account, &message, &signed.signature)?)
}
