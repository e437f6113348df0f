//! Putting proposed blocks together from their parts, in bounded memory whatever peers send.

use std::collections::BTreeMap;

use arc_malachitebft_app_channel::app::{
    streaming::{StreamContent, StreamId, StreamMessage},
    types::PeerId,
};
use circuits::id::ChainId;

use super::part::{Announcement, PART_BYTES_MAX, PROPOSED_BYTES_MAX, Part};
use crate::{Error, codec::check_length, units::Height, validator::ValidatorSet};

/// Blocks in the making at once; the furthest height makes room for a nearer one.
const STREAMS_MAX: usize = 64;
/// Of these, from one publisher, whose oldest makes room.
const PUBLISHER_STREAMS_MAX: usize = 2;
/// Parts of a block as honest nodes cut it; each beyond would cost memory without adding to the block.
const PARTS_MAX: u64 = PROPOSED_BYTES_MAX.div_ceil(PART_BYTES_MAX) as u64;
/// The longest name of a stream.
const STREAM_ID_BYTES_MAX: usize = 64;
/// Heights ahead of the chain that are kept for later.
const LOOKAHEAD: u32 = 4;

/// A stream: its publisher and the publisher's number for it.
type Key = (PeerId, StreamId);

/// A block whose parts arrive.
struct Stream {
    announcement: Option<Announcement>,
    /// Parts that came, by their place; the announcement is number 0.
    parts: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
    /// Its place in the order of arrival.
    arrival: u64,
}

/// Blocks in the making.
pub(crate) struct Assembly {
    chain: ChainId,
    streams: BTreeMap<Key, Stream>,
    arrivals: u64,
}

/// A block that is complete, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assembled {
    pub(crate) announcement: Announcement,
    pub(crate) bytes: Vec<u8>,
}

impl Assembly {
    pub(crate) const fn new(chain: ChainId) -> Self {
        Self { chain, streams: BTreeMap::new(), arrivals: 0 }
    }

    /// Takes a part of a proposed block, and returns the block when it is whole.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::TooLarge`] or [`Error::Signature`] for what no honest peer sends; its stream is
    /// forgotten.
    pub(crate) fn take(
        &mut self,
        publisher: PeerId,
        message: StreamMessage<Part>,
        tip: Height,
        validators: &ValidatorSet,
    ) -> Result<Option<Assembled>, Error> {
        let key = (publisher, message.stream_id.clone());
        let outcome = self.insert(&key, message, tip, validators);
        match &outcome {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(_) => drop(self.streams.remove(&key)),
        }
        outcome?;
        let Some(Stream { announcement: Some(announcement), parts, .. }) = self.streams.remove(&key) else {
            return Ok(None);
        };
        let bytes = parts.into_values().flatten().collect();
        Ok(Some(Assembled { announcement, bytes }))
    }

    /// Whether the stream is complete with this part.
    fn insert(
        &mut self,
        key: &Key,
        message: StreamMessage<Part>,
        tip: Height,
        validators: &ValidatorSet,
    ) -> Result<bool, Error> {
        let StreamMessage { sequence, content, .. } = message;
        // The end carries nothing: the announcement says how long the block is.
        let StreamContent::Data(part) = content else { return Ok(false) };
        check_length("name of a stream in bytes", key.1.to_bytes().len(), STREAM_ID_BYTES_MAX)?;
        if sequence > PARTS_MAX {
            return Err(Error::TooLarge { what: "parts of a block", value: sequence, limit: PARTS_MAX });
        }
        if !self.streams.contains_key(key) {
            self.make_room(key);
        }
        let announced = match part {
            Part::Announcement(announcement) => Some(self.judge(announcement, tip, validators)?),
            _ => None,
        };
        self.arrivals += 1;
        let arrival = self.arrivals;
        let stream = self.streams.entry(key.clone()).or_insert_with(|| Stream {
            announcement: None,
            parts: BTreeMap::new(),
            bytes: 0,
            arrival,
        });
        match (part, announced) {
            (Part::Announcement(_), announced) => stream.announcement = announced,
            (Part::Bytes(bytes), _) => {
                check_length("part in bytes", bytes.len(), PART_BYTES_MAX)?;
                stream.bytes += bytes.len();
                if let Some(replaced) = stream.parts.insert(sequence, bytes) {
                    stream.bytes -= replaced.len();
                }
                check_length("proposed block in bytes", stream.bytes, PROPOSED_BYTES_MAX)?;
            }
            (Part::Transactions(_) | Part::Tip(_), _) => {
                return Err(Error::Refused { what: "part", why: "it belongs to no block".into() });
            }
        }
        Ok(stream.is_whole())
    }

    /// An announcement by the validator whose turn its round is, for a height that will come soon. Only its own blocks
    /// take room in a round: the engine has some for two.
    fn judge(&self, announcement: Announcement, tip: Height, validators: &ValidatorSet) -> Result<Announcement, Error> {
        let height = announcement.height;
        let refuse = |why: &str| Err(Error::Refused { what: "proposed block", why: why.into() });
        if height <= tip || height > tip.after(LOOKAHEAD) {
            return refuse("it is not of the next heights");
        }
        if !announcement.is_in_turn(validators) {
            return refuse("its round is another validator's turn");
        }
        announcement.check(self.chain)?;
        Ok(announcement)
    }

    /// Drops another stream when there is no room: the publisher's oldest, if it has its share, else one of the height
    /// furthest away.
    fn make_room(&mut self, key: &Key) {
        let own = self.streams.iter().filter(|((publisher, _), _)| *publisher == key.0);
        let victim = if own.clone().count() >= PUBLISHER_STREAMS_MAX {
            own.min_by_key(|(_, stream)| stream.arrival).map(|(key, _)| key.clone())
        } else if self.streams.len() >= STREAMS_MAX {
            let distance = |stream: &Stream| stream.announcement.map_or(u64::MAX, |announced| announced.height.get());
            self.streams.iter().max_by_key(|(_, stream)| distance(stream)).map(|(key, _)| key.clone())
        } else {
            None
        };
        if let Some(victim) = victim {
            self.streams.remove(&victim);
        }
    }

    /// Forgets blocks up to a height.
    pub(crate) fn prune(&mut self, tip: Height) {
        self.streams.retain(|_, stream| stream.announcement.is_none_or(|announcement| announcement.height > tip));
    }
}

impl Stream {
    /// Whether all parts are there: numbers 1 to the last without a gap, and as many bytes as announced.
    fn is_whole(&self) -> bool {
        let Some(announcement) = &self.announcement else { return false };
        self.bytes == announcement.length as usize && self.parts.keys().copied().eq(1..=self.parts.len() as u64)
    }
}
