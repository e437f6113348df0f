//! The file of a dataset: who may have it, and the receipt that precedes its bytes.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    ops::Range,
    sync::Arc,
};

use circuits::id::{AccountId, DatasetId, Digest};
use ed25519_dalek::SigningKey;
use market::{
    licence::{Custodian, Given, active_licence},
    objects::{self, BlobAddress, BlobKind, BlobReader},
};
use node::{
    Snapshot,
    state::{Dataset, Standing, StateRead},
    transaction::AccessKind,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Service, behind::BLOCKS_BEHIND_MAX};
use crate::{
    Error,
    access::{Operation, Permit, Role, Whose, permit},
    standing::seat,
};

/// Bodies that are given at once; each takes a window of a few MiB.
const STREAMS_MAX: usize = 32;
/// The longest range that one answer gives: it is hashed before its first byte is sent. A client asks for the next.
const RANGE_BYTES_MAX: u64 = 1 << 30;
/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 1 << 18;

/// What a node needs to serve what its custodian keeps.
#[derive(Debug)]
pub struct Custody {
    custodian: Custodian,
    streams: Arc<Semaphore>,
}

impl Custody {
    /// The custody of the account with this key, which signs a receipt of each access.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { custodian: Custodian::new(key), streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }

    /// The custodian's account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.custodian.account()
    }
}

/// The custody of this node.
///
/// # Errors
/// [`Error::NoCustodian`] where the operator gave no key.
pub(super) fn custody(service: &Service) -> Result<&Custody, Error> {
    service.custody.as_ref().ok_or(Error::NoCustodian)
}

/// A place among the bodies that are given at once.
///
/// # Errors
/// [`Error::Stopping`] when there is none.
pub(super) fn stream_place(service: &Service) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(&custody(service)?.streams).try_acquire_owned().map_err(|_| Error::Stopping)
}

/// A dataset that somebody may do something with.
pub(super) struct Entitled {
    pub(super) id: DatasetId,
    pub(super) dataset: Dataset,
    permit: Permit,
    given: Option<Given>,
}

/// That there is no such dataset here: the one answer to whoever may not know of it.
pub(super) fn unknown(id: &str) -> Error {
    Error::NotFound { what: "dataset", id: id.into() }
}

/// The dataset, if this account may do this with it. An absent dataset and one for others give the same answer after the
/// same work.
///
/// # Errors
/// [`Error::NotFound`] otherwise, [`Error::NoCustodian`] where the operator gave no key, [`market::Error::IndexGap`] and
/// [`market::Error::IndexBehind`] where a licence is looked for and this node does not list the licences that there are.
pub(super) fn entitled(
    service: &Service,
    account: AccountId,
    asked: &str,
    operation: Operation,
) -> Result<Entitled, Error> {
    let here = custody(service)?.account();
    // What is no id is looked for all the same.
    let id: DatasetId = asked.parse().unwrap_or(DatasetId::from_bytes([0; 32]));
    let view = service.chain.snapshot()?;
    let dataset = view.dataset(id)?.filter(|dataset| dataset.offer.custodian == here);
    let today = service.chain.now().day();
    let permitted = permit(&roles(service, &view, account, dataset.as_ref())?, operation);
    // Only who has no other right needs a licence, and so a node that can list licences.
    let given = match permitted {
        Some(_) => None,
        None => active_licence(&view, service.listings_within(BLOCKS_BEHIND_MAX)?, id, account, today)?,
    };
    let licensed = (Role::Licensee, whose(dataset.is_some() && given.is_some()));
    match (dataset, permitted.or_else(|| permit(&[licensed], operation))) {
        (Some(dataset), Some(permit)) => Ok(Entitled { id, dataset, permit, given }),
        _ => Err(unknown(asked)),
    }
}

const fn whose(own: bool) -> Whose {
    if own { Whose::Own } else { Whose::Foreign }
}

/// What an account is to the dataset and to the network, but for a licence.
fn roles(
    service: &Service,
    view: &Snapshot,
    account: AccountId,
    dataset: Option<&Dataset>,
) -> Result<[(Role, Whose); 10], Error> {
    let accredited = |party: Option<node::state::Party>| party.is_some_and(|it| it.standing == Standing::Accredited);
    let governor = service.chain.ledger().genesis().governor;
    let validators = view.validators()?;
    let researches = accredited(view.researcher(account)?);
    let validator = validators.is_some_and(|validators| validators.get(account).is_some());
    Ok([
        (Role::Owner, whose(dataset.is_some_and(|dataset| dataset.owner == account))),
        (Role::Custodian, whose(dataset.is_some_and(|dataset| dataset.offer.custodian == account))),
        (Role::Researcher, whose(researches)),
        // The ledger accredits who pays for studies and recruits as it does who asks.
        (Role::Sponsor, whose(researches)),
        (Role::Issuer, whose(accredited(view.issuer(account)?))),
        (Role::CommitteeMember, whose(seat(view, account)?.is_some())),
        (Role::Validator, whose(validator)),
        (Role::Governor, whose(governor == account)),
        (Role::Auditor, Whose::Own),
        (Role::Anyone, Whose::Own),
    ])
}

impl Entitled {
    /// The header that this caller reads with: a licensee's own, or the owner's.
    pub(super) fn header_digest(&self) -> Digest {
        match (self.permit.role(), &self.given) {
            (Role::Licensee, Some(given)) => given.header,
            _ => self.dataset.offer.header,
        }
    }

    /// The header's bytes, once a licensee's receipt is on the ledger.
    pub(super) fn header(&self, service: &Service) -> Result<Vec<u8>, Error> {
        let address = BlobAddress { kind: BlobKind::GenomeHeader, digest: self.header_digest() };
        let bytes = objects::get(&*service.blobs, address, market::crypt4gh::HEADER_BYTES_MAX)?;
        self.record(service, AccessKind::Header, address.digest)?;
        Ok(bytes)
    }

    /// Length of the header, which is known without giving it.
    pub(super) fn header_bytes(&self, service: &Service) -> Result<u64, Error> {
        let address = BlobAddress { kind: BlobKind::GenomeHeader, digest: self.header_digest() };
        let reader = service.blobs.reader(address)?.ok_or(market::Error::BlobMissing { address })?;
        Ok(reader.length())
    }

    /// A part of the body, once a licensee's receipt is on the ledger.
    pub(super) fn body(&self, service: &Service, part: Part) -> Result<(BlobReader, Range<u64>), Error> {
        let offer = &self.dataset.offer;
        let address = BlobAddress { kind: BlobKind::Genome, digest: offer.body };
        let mut reader = service.blobs.reader(address)?.ok_or(market::Error::BlobMissing { address })?;
        if reader.length() != offer.body_bytes {
            let why = format!("its length is {}, not {}", reader.length(), offer.body_bytes);
            return Err(market::Error::BlobDamaged { address, why }.into());
        }
        let (range, kind, digest) = match part {
            Part::Whole => (0..offer.body_bytes, AccessKind::Body, offer.body),
            Part::From(range) => {
                let end = range.end.min(range.start.saturating_add(RANGE_BYTES_MAX));
                let range = range.start..end;
                let kind = AccessKind::Range { first: range.start, length: range.end.saturating_sub(range.start) };
                let digest = sha256(&mut reader, &range)?;
                (range, kind, digest)
            }
        };
        self.record(service, kind, digest)?;
        reader.seek(SeekFrom::Start(range.start)).map_err(unread)?;
        Ok((reader, range))
    }

    /// Owners and custodians need no receipt: nobody granted them anything.
    fn record(&self, service: &Service, kind: AccessKind, digest: Digest) -> Result<(), Error> {
        let (Role::Licensee, Some(given)) = (self.permit.role(), &self.given) else { return Ok(()) };
        let recorded = custody(service)?.custodian.record(service.chain.access(), given.licence, kind, digest);
        match recorded {
            Ok(_) => Ok(()),
            // The licence ended between the two, or has no room for receipts.
            Err(market::Error::Ledger(node::Error::Refused { .. } | node::Error::Unauthorized { .. })) => {
                Err(unknown(&self.id.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What of a body is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Bytes of a range, which lies within it; perhaps not all of them.
    From(Range<u64>),
}

fn sha256(reader: &mut BlobReader, range: &Range<u64>) -> Result<Digest, Error> {
    reader.seek(SeekFrom::Start(range.start)).map_err(unread)?;
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    let mut left = range.end.saturating_sub(range.start);
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let target = piece.get_mut(..wanted).unwrap_or_default();
        reader.read_exact(target).map_err(unread)?;
        hasher.update(&*target);
        left = left.saturating_sub(wanted as u64);
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

pub(super) fn unread(error: std::io::Error) -> Error {
    market::Error::BlobStore { action: "read a genome", why: error.to_string() }.into()
}
