//! What peers may send: every decoder on altered and on random bytes, and blocks from parts in any order.

use arc_malachitebft_app_channel::app::{
    consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg},
    streaming::{StreamContent, StreamId, StreamMessage},
    types::{
        PeerId,
        codec::Codec,
        core::{Context as _, NilOrVal, PolkaCertificate, Round, SignedMessage, ValidatorProof},
        sync::{Request, Response, Status},
    },
};
use bytes::Bytes;
use circuits::id::{AccountId, ChainId, Digest};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::{
    assembly::{Assembled, Assembly},
    codec::{Borsh, ROUND_MAX},
    context::{Address, BlockId, Chain},
    part::{Announcement, GOSSIP_BYTES_MAX, PART_BYTES_MAX, PROPOSED_BYTES_MAX, Part},
};
use crate::{
    signature::{Signature, account_of, sign},
    transaction::{Action, Transaction, Transfer},
    units::{Amount, Height},
    validator::{PeerKey, Validator, ValidatorSet},
};

const CHAIN: ChainId = ChainId::from_bytes([1; 32]);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn validators() -> ValidatorSet {
    let account = account_of(&key());
    let observer = Validator {
        account: AccountId::from_bytes([2; 32]),
        peer: PeerKey::from_bytes([2; 32]),
        address: String::new(),
        power: 0,
    };
    let voter = Validator { account, peer: PeerKey::from_bytes([1; 32]), address: String::new(), power: 1 };
    ValidatorSet::new(vec![voter, observer]).unwrap()
}

fn peer() -> PeerId {
    PeerId::from_bytes(&[&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20][..], &[9; 32]].concat()).unwrap()
}

fn vote(round: Round) -> SignedConsensusMsg<Chain> {
    let block = NilOrVal::Val(BlockId(Digest::from_bytes([3; 32])));
    let vote = Chain.new_prevote(Height::new(5), round, block, Address(account_of(&key())));
    SignedConsensusMsg::Vote(SignedMessage::new(vote, Signature::from_bytes([4; 64])))
}

fn announcement(bytes: &[u8], height: u64) -> Announcement {
    let mut announcement = Announcement {
        height: Height::new(height),
        round: Round::new(0),
        valid_round: Round::Nil,
        proposer: Address(account_of(&key())),
        block: BlockId(Digest::from_bytes([5; 32])),
        length: u32::try_from(bytes.len()).unwrap(),
        signature: Signature::from_bytes([0; 64]),
    };
    announcement.signature = sign(&key(), &announcement.message(CHAIN).unwrap());
    announcement
}

fn stream(number: u8, bytes: &[u8], height: u64) -> Vec<StreamMessage<Part>> {
    let mut parts = vec![Part::Announcement(announcement(bytes, height))];
    parts.extend(bytes.chunks(PART_BYTES_MAX).map(|chunk| Part::Bytes(chunk.to_vec())));
    let id = StreamId::new(Bytes::from(vec![number]));
    (0..).zip(parts).map(|(place, part)| StreamMessage::new(id.clone(), place, StreamContent::Data(part))).collect()
}

fn take(assembly: &mut Assembly, message: StreamMessage<Part>) -> Result<Option<Assembled>, crate::Error> {
    assembly.take(peer(), message, Height::new(4), &validators())
}

fn decode_as<T>(bytes: &[u8]) -> bool
where
    Borsh: Codec<T>,
{
    Codec::<T>::decode(&Borsh, Bytes::copy_from_slice(bytes)).is_ok()
}

/// Every decoder that meets bytes from a peer or the log.
fn decode_all(bytes: &[u8]) {
    decode_as::<SignedConsensusMsg<Chain>>(bytes);
    decode_as::<LivenessMsg<Chain>>(bytes);
    decode_as::<Part>(bytes);
    decode_as::<StreamMessage<Part>>(bytes);
    decode_as::<ProposedValue<Chain>>(bytes);
    decode_as::<PolkaCertificate<Chain>>(bytes);
    decode_as::<ValidatorProof<Chain>>(bytes);
    decode_as::<Status<Chain>>(bytes);
    decode_as::<Request<Chain>>(bytes);
    decode_as::<Response<Chain>>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_all(&bytes);
    }

    #[test]
    fn altered_messages_decode_or_are_refused(place in 0usize..300, value: u8, cut in 0usize..16) {
        let part: Bytes = Borsh.encode(&stream(1, &[8; 40], 5).remove(0)).unwrap();
        let vote: Bytes = Borsh.encode(&vote(Round::new(2))).unwrap();
        for message in [part, vote] {
            let mut bytes = message.to_vec();
            let place = place % bytes.len();
            bytes[place] = value;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            decode_all(&bytes);
        }
    }

    #[test]
    fn a_block_is_put_together_from_parts_in_any_order(length in 0usize..400_000, order in any::<u64>()) {
        let bytes: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
        let mut parts = stream(1, &bytes, 5);
        let count = parts.len();
        let mut assembly = Assembly::new(CHAIN);
        let mut whole = vec![];
        for step in 0..count {
            let place = (order.rotate_left(step as u32) % parts.len() as u64) as usize;
            whole.extend(take(&mut assembly, parts.remove(place)).unwrap());
        }
        prop_assert_eq!(whole.len(), 1);
        prop_assert_eq!(&whole[0].bytes, &bytes);
    }
}

#[test]
fn messages_of_rounds_that_no_node_is_in_are_refused() {
    let encoded = |round| -> Bytes { Borsh.encode(&vote(round)).unwrap() };
    assert!(decode_as::<SignedConsensusMsg<Chain>>(&encoded(Round::new(ROUND_MAX))));
    for round in [Round::Nil, Round::new(ROUND_MAX + 1), Round::new(u32::MAX)] {
        assert!(!decode_as::<SignedConsensusMsg<Chain>>(&encoded(round)), "{round}");
    }
}

#[test]
fn repro_transactions_are_passed_on_together_up_to_a_megabyte() {
    let action = Action::Transfer(Transfer { to: account_of(&key()), amount: Amount::new(1) });
    let transfer = Transaction::sign(CHAIN, &key(), 0, action).unwrap();
    let most = GOSSIP_BYTES_MAX / transfer.to_bytes().unwrap().len();
    for (count, taken) in [(most, true), (most + 1, false)] {
        let part = Part::Transactions(vec![transfer.clone(); count]);
        let bytes: Bytes = Borsh.encode(&part).unwrap();
        assert_eq!(decode_as::<Part>(&bytes), taken);
        let message = StreamMessage::new(StreamId::new(Bytes::from_static(b"s")), 0, StreamContent::Data(part));
        let bytes: Bytes = Borsh.encode(&message).unwrap();
        assert_eq!(decode_as::<StreamMessage<Part>>(&bytes), taken);
    }
}

#[test]
fn a_block_is_announced_by_a_validator_for_one_of_the_next_heights() {
    let refused = |announced: Announcement, why: &str| {
        let message = StreamMessage::new(
            StreamId::new(Bytes::from_static(b"s")),
            0,
            StreamContent::Data(Part::Announcement(announced)),
        );
        let error = take(&mut Assembly::new(CHAIN), message).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(announcement(b"block", 4), "not of the next heights");
    refused(announcement(b"block", 9), "not of the next heights");
    refused(
        Announcement { proposer: Address(AccountId::from_bytes([2; 32])), ..announcement(b"block", 5) },
        "another validator's turn",
    );
    refused(Announcement { length: 7, ..announcement(b"block", 5) }, "does not verify");
    refused(Announcement { length: u32::MAX, ..announcement(b"block", 5) }, "the limit is");
}

#[test]
fn a_publisher_that_opens_ever_more_streams_loses_its_own() {
    let mut assembly = Assembly::new(CHAIN);
    let streams: Vec<_> = (0..40).map(|number| stream(number, &[number; 300_000], 5)).collect();
    for parts in &streams {
        assert!(take(&mut assembly, parts[0].clone()).unwrap().is_none());
        assert!(take(&mut assembly, parts[1].clone()).unwrap().is_none());
    }
    let last = streams.last().unwrap();
    assert!(take(&mut assembly, last[2].clone()).unwrap().is_none());
    assert!(take(&mut assembly, last[3].clone()).unwrap().is_some(), "the newest is whole");
    let first = &streams[0];
    assert!(take(&mut assembly, first[2].clone()).unwrap().is_none());
    assert!(take(&mut assembly, first[3].clone()).unwrap().is_none(), "the oldest was forgotten");
}

#[test]
fn repro_parts_that_add_nothing_took_memory_without_end() {
    let mut assembly = Assembly::new(CHAIN);
    let part = |id: &[u8], place| {
        let content = StreamContent::Data(Part::Bytes(vec![]));
        StreamMessage::new(StreamId::new(Bytes::copy_from_slice(id)), place, content)
    };
    let places = PROPOSED_BYTES_MAX.div_ceil(PART_BYTES_MAX) as u64;
    for place in 1..=places {
        assert!(take(&mut assembly, part(b"s", place)).unwrap().is_none());
    }
    for message in [part(b"s", places + 1), part(b"s", u64::MAX), part(&[7; 65], 1)] {
        assert!(take(&mut assembly, message).unwrap_err().to_string().contains("the limit is"));
    }
}

#[test]
fn more_bytes_than_a_block_has_end_the_stream() {
    let mut assembly = Assembly::new(CHAIN);
    let id = StreamId::new(Bytes::from_static(b"s"));
    let part = |place| StreamMessage::new(id.clone(), place, StreamContent::Data(Part::Bytes(vec![1; PART_BYTES_MAX])));
    let outcome = (1..100).map(|place| take(&mut assembly, part(place))).find_map(Result::err);
    assert!(outcome.unwrap().to_string().contains("proposed block in bytes"));
    let long = StreamMessage::new(id, 1, StreamContent::Data(Part::Bytes(vec![1; PART_BYTES_MAX + 1])));
    assert!(take(&mut assembly, long).is_err());
}
