//! How consensus messages are bytes: borsh, as everything on the ledger. The engine's own types that have no borsh form
//! get one here.

use std::sync::Arc;

use arc_malachitebft_app_channel::app::{
    consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg},
    streaming::StreamMessage,
    types::{
        codec::{Codec, HasEncodedLen},
        core::{
            ExtendedCommitCertificate, ExtendedCommitSignature, PolkaCertificate, Proposal as _, Round, ValidatorProof,
            Vote as _,
        },
        sync::{RawDecidedValue, Request, Response, Status},
    },
};
use arc_malachitebft_sync::ValueResponse;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;

use super::{
    context::{Address, BlockId, Chain},
    guard::Guarded,
    part::{GOSSIP_BYTES_MAX, Part},
};
use crate::{
    Error,
    codec::{check_length, decode, encode},
    signature::Signature,
    units::Height,
    validator::VALIDATORS_MAX,
};

/// The largest message between nodes: what the network lets through.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The one codec of network, sync and write-ahead log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Borsh;

/// The highest round of which messages are taken: with half a second more for each, a year of failing.
pub(crate) const ROUND_MAX: u32 = 1 << 16;

/// Refuses rounds that no honest node is in: the engine counts on theirs being numbers that can grow.
pub(crate) fn check_round(what: &'static str, round: Round) -> Result<(), Error> {
    match round {
        Round::Some(round) if round <= ROUND_MAX => Ok(()),
        _ => Err(Error::Malformed { what, why: format!("no node is in round {round}") }),
    }
}

/// A round that a message refers to, which may be none.
fn check_earlier_round(what: &'static str, round: Round) -> Result<(), Error> {
    if round.is_nil() { Ok(()) } else { check_round(what, round) }
}

/// What is checked of a message beyond its shape.
trait Bounded {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Bounded for SignedConsensusMsg<Chain> {
    fn check(&self) -> Result<(), Error> {
        check_round("consensus message", self.round())?;
        match self {
            Self::Vote(_) => Ok(()),
            Self::Proposal(proposal) => check_earlier_round("consensus message", proposal.message.pol_round()),
        }
    }
}

impl Bounded for LivenessMsg<Chain> {
    fn check(&self) -> Result<(), Error> {
        check_round(
            "liveness message",
            match self {
                Self::Vote(vote) => vote.message.round(),
                Self::PolkaCertificate(certificate) => certificate.round,
                Self::SkipRoundCertificate(certificate) => certificate.round,
            },
        )
    }
}

impl Bounded for Part {
    fn check(&self) -> Result<(), Error> {
        let Self::Transactions(transactions) = self else { return Ok(()) };
        let mut bytes = 0;
        for transaction in transactions {
            bytes += transaction.to_bytes()?.len();
        }
        check_length("transactions passed on together, in bytes,", bytes, GOSSIP_BYTES_MAX)
    }
}

impl Bounded for StreamMessage<Part> {
    fn check(&self) -> Result<(), Error> {
        self.content.as_data().map_or(Ok(()), Part::check)
    }
}

impl Bounded for ProposedValue<Chain> {}
impl Bounded for PolkaCertificate<Chain> {}
impl Bounded for Status<Chain> {}
impl Bounded for Request<Chain> {}

macro_rules! borsh_codec {
    ($($what:literal => $message:ty;)*) => {
        $(impl Codec<$message> for Borsh {
            type Error = Error;

            fn decode(&self, bytes: Bytes) -> Result<$message, Error> {
                let message: $message = decode($what, &bytes, MESSAGE_BYTES_MAX)?;
                message.check()?;
                Ok(message)
            }

            fn encode(&self, message: &$message) -> Result<Bytes, Error> {
                encode($what, message).map(Bytes::from)
            }
        })*
    };
}

borsh_codec! {
    "consensus message" => SignedConsensusMsg<Chain>;
    "liveness message" => LivenessMsg<Chain>;
    "message part" => Part;
    "streamed part" => StreamMessage<Part>;
    "proposed value" => ProposedValue<Chain>;
    "polka certificate" => PolkaCertificate<Chain>;
    "sync status" => Status<Chain>;
    "sync request" => Request<Chain>;
}

/// A validator's proof that a network key is its own.
#[derive(BorshSerialize, BorshDeserialize)]
struct ProofBytes {
    public_key: Vec<u8>,
    peer: Vec<u8>,
    signature: Signature,
}

impl Codec<ValidatorProof<Chain>> for Borsh {
    type Error = Error;

    fn decode(&self, bytes: Bytes) -> Result<ValidatorProof<Chain>, Error> {
        let ProofBytes { public_key, peer, signature } = decode("validator proof", &bytes, MESSAGE_BYTES_MAX)?;
        Ok(ValidatorProof::new(public_key, peer, signature))
    }

    fn encode(&self, proof: &ValidatorProof<Chain>) -> Result<Bytes, Error> {
        let ValidatorProof { public_key, peer_id, signature } = proof.clone();
        encode("validator proof", &ProofBytes { public_key, peer: peer_id, signature }).map(Bytes::from)
    }
}

/// A final block for a node that catches up, with the precommits that made it final.
#[derive(BorshSerialize, BorshDeserialize)]
struct DecidedBytes {
    block: Vec<u8>,
    height: Height,
    round: Round,
    id: BlockId,
    signatures: Vec<(Address, Signature)>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct ResponseBytes {
    start: Height,
    values: Vec<DecidedBytes>,
}

impl From<&RawDecidedValue<Chain>> for DecidedBytes {
    fn from(value: &RawDecidedValue<Chain>) -> Self {
        let certificate = &value.certificate;
        let signature = |signed: &ExtendedCommitSignature<Chain>| (signed.address, signed.signature);
        Self {
            block: value.value_bytes.to_vec(),
            height: certificate.height,
            round: certificate.round,
            id: certificate.value_id,
            signatures: certificate.commit_signatures.iter().map(signature).collect(),
        }
    }
}

impl From<DecidedBytes> for RawDecidedValue<Chain> {
    fn from(DecidedBytes { block, height, round, id, signatures }: DecidedBytes) -> Self {
        let signature = |(address, signature)| ExtendedCommitSignature::new(address, signature, None);
        let commit_signatures = signatures.into_iter().take(VALIDATORS_MAX).map(signature).collect();
        let certificate = ExtendedCommitCertificate { height, round, value_id: id, commit_signatures };
        Self { value_bytes: block.into(), certificate }
    }
}

impl Codec<Response<Chain>> for Borsh {
    type Error = Error;

    fn decode(&self, bytes: Bytes) -> Result<Response<Chain>, Error> {
        let ResponseBytes { start, values } = decode("sync response", &bytes, MESSAGE_BYTES_MAX)?;
        values.iter().try_for_each(|value| check_round("sync response", value.round))?;
        Ok(Response::ValueResponse(ValueResponse::new(start, values.into_iter().map(Into::into).collect())))
    }

    fn encode(&self, response: &Response<Chain>) -> Result<Bytes, Error> {
        let Response::ValueResponse(ValueResponse { start_height, values }) = response;
        let bytes = ResponseBytes { start: *start_height, values: values.iter().map(Into::into).collect() };
        encode("sync response", &bytes).map(Bytes::from)
    }
}

impl HasEncodedLen<Response<Chain>> for Borsh {
    fn encoded_len(&self, response: &Response<Chain>) -> Result<usize, Error> {
        Ok(self.encode(response)?.len())
    }
}

/// The codec of the network: [`Borsh`], and whatever leaves tells the key's memory first which ballot it carries.
#[derive(Clone)]
pub(crate) struct Noting(pub(crate) Arc<Guarded>);

impl<T> Codec<T> for Noting
where
    Borsh: Codec<T, Error = Error>,
{
    type Error = Error;

    fn decode(&self, bytes: Bytes) -> Result<T, Error> {
        Borsh.decode(bytes)
    }

    fn encode(&self, message: &T) -> Result<Bytes, Error> {
        let bytes = Borsh.encode(message)?;
        self.0.note_sent(&bytes)?;
        Ok(bytes)
    }
}

impl HasEncodedLen<Response<Chain>> for Noting {
    fn encoded_len(&self, response: &Response<Chain>) -> Result<usize, Error> {
        Borsh.encoded_len(response)
    }
}
