//! How consensus messages are bytes: borsh, as everything on the ledger. The engine's own types that have no borsh form
//! get one here.

use arc_malachitebft_app_channel::app::{
    consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg},
    streaming::StreamMessage,
    types::{
        codec::{Codec, HasEncodedLen},
        core::{ExtendedCommitCertificate, ExtendedCommitSignature, PolkaCertificate, Round, ValidatorProof},
        sync::{RawDecidedValue, Request, Response, Status},
    },
};
use arc_malachitebft_sync::ValueResponse;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;

use super::{
    context::{Address, BlockId, Chain},
    part::Part,
};
use crate::{
    Error,
    codec::{decode, encode},
    signature::Signature,
    units::Height,
    validator::VALIDATORS_MAX,
};

/// The largest message between nodes: what the network lets through.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The one codec of network, sync and write-ahead log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Borsh;

macro_rules! borsh_codec {
    ($($what:literal => $message:ty;)*) => {
        $(impl Codec<$message> for Borsh {
            type Error = Error;

            fn decode(&self, bytes: Bytes) -> Result<$message, Error> {
                decode($what, &bytes, MESSAGE_BYTES_MAX)
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
