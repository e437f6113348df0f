//! Headers: who may read a file, and its data key for each of them (section 3.2).

use std::{
    collections::BTreeSet,
    io::{Read, Write},
};

use rand::CryptoRng;

use super::{
    DATA_KEYS_MAX, Decrypted, EditList, HEADER_BYTES_MAX, HEADER_PACKETS_MAX, PublicKey, RangeReader, SecretKey, body,
    fill,
    packet::{Content, DataKey, Packet},
    refused,
};
use crate::Error;

const MAGIC: &[u8; 8] = b"crypt4gh";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 4 + 4;

/// A file's header: packets, each for one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    packets: Vec<Packet>,
}

/// What becomes of the packets that were there when a header gets new readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Everybody who could read before still can.
    Keep,
    /// The new readers alone can.
    Drop,
}

impl Header {
    /// A header that gives a fresh data key to its readers. The writer's key is made for it and forgotten.
    pub(super) fn create(
        recipients: &[PublicKey],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, DataKey), Error> {
        let key = DataKey::random(rng);
        Ok((Self { packets: seal_all(&[Content::Key(key.clone())], recipients, rng)? }, key))
    }

    /// Reads a header and leaves the source at the first byte of the body.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] when it is none or beyond a bound, [`Error::Crypt4ghStream`] when the source fails.
    pub fn read(source: &mut impl Read) -> Result<Self, Error> {
        let mut head = [0; HEAD_BYTES];
        let read = fill(source, &mut head, "read the header")?;
        let head = head.get(..read).unwrap_or_default();
        let rest = head.strip_prefix(MAGIC).ok_or_else(|| {
            refused("header", "the file does not begin with \"crypt4gh\"; give a file that is encrypted in this format")
        })?;
        let &[v0, v1, v2, v3, c0, c1, c2, c3] = rest else { return Err(cut("header")) };
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        if version != VERSION {
            return Err(refused("header", format!("version {version} is not supported, only version {VERSION}")));
        }
        let count = usize::try_from(u32::from_le_bytes([c0, c1, c2, c3])).unwrap_or(usize::MAX);
        if count > HEADER_PACKETS_MAX {
            return Err(refused("header", format!("it claims {count} packets, at most {HEADER_PACKETS_MAX} are read")));
        }
        let (mut packets, mut bytes_left) = (vec![], HEADER_BYTES_MAX - HEAD_BYTES);
        for number in 1..=count {
            let packet = read_packet(source, number, bytes_left)?;
            bytes_left = bytes_left.saturating_sub(packet.file_bytes());
            packets.push(packet);
        }
        Ok(Self { packets })
    }

    /// Reads a header that is all there is in these bytes, as a licence carries it.
    ///
    /// # Errors
    /// As [`Header::read`], and when bytes follow.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, Error> {
        let header = Self::read(&mut bytes)?;
        if bytes.is_empty() { Ok(header) } else { Err(refused("header", format!("{} bytes follow it", bytes.len()))) }
    }

    /// The bytes of the header.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] when they are more than [`HEADER_BYTES_MAX`] or [`HEADER_PACKETS_MAX`] packets.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let length = self.packets.iter().fold(HEAD_BYTES, |sum, packet| sum.saturating_add(packet.file_bytes()));
        let count = u32::try_from(self.packets.len()).unwrap_or(u32::MAX);
        if self.packets.len() > HEADER_PACKETS_MAX || length > HEADER_BYTES_MAX {
            let why = format!(
                "{count} packets of {length} bytes are too many, {HEADER_PACKETS_MAX} and {HEADER_BYTES_MAX} are the \
                 most; give fewer readers"
            );
            return Err(refused("header", why));
        }
        let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &count.to_le_bytes()].concat();
        self.packets.iter().for_each(|packet| packet.encode_into(&mut bytes));
        Ok(bytes)
    }

    /// How many packets it has: one or more for each reader.
    #[must_use]
    pub fn packet_count(&self) -> usize {
        self.packets.len()
    }

    /// The public keys of its writers. Readers are not named in a header.
    #[must_use]
    pub fn writers(&self) -> BTreeSet<PublicKey> {
        self.packets.iter().filter_map(Packet::writer).collect()
    }

    /// What the header tells this reader.
    ///
    /// # Errors
    /// [`Error::Crypt4ghReader`] when no packet is for this key; [`Error::Crypt4gh`] when one is and says nonsense.
    pub fn open(&self, reader: &SecretKey) -> Result<OpenHeader, Error> {
        let (mut keys, mut edits) = (vec![], None);
        for content in self.contents(reader)? {
            match content {
                Content::Key(key) if !keys.contains(&key) => keys.push(key),
                Content::Key(_) => {}
                Content::Edits(_) if edits.is_some() => {
                    return Err(refused(
                        "header",
                        "it holds two edit lists for one reader; ask its writer which counts",
                    ));
                }
                Content::Edits(list) => edits = Some(list),
            }
        }
        if keys.is_empty() {
            return Err(Error::Crypt4ghReader { packets: self.packets.len() });
        }
        if keys.len() > DATA_KEYS_MAX {
            let why = format!("it holds {} data keys for one reader, at most {DATA_KEYS_MAX} are tried", keys.len());
            return Err(refused("header", why));
        }
        Ok(OpenHeader { keys, edits })
    }

    /// A header for new readers of the same body, by somebody who can read it. The data keys and the edit list are the
    /// same, so the new readers see what this reader sees.
    ///
    /// # Errors
    /// As [`Header::open`], and [`Error::Crypt4gh`] without readers or with too many.
    pub fn reencrypt(
        &self,
        reader: &SecretKey,
        recipients: &[PublicKey],
        others: Others,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        // Opened first, so that no header is passed on that its new reader would refuse.
        let opened = self.open(reader)?;
        let keys = opened.keys.into_iter().map(Content::Key);
        let contents: Vec<_> = keys.chain(opened.edits.map(Content::Edits)).collect();
        let mut packets = seal_all(&contents, recipients, rng)?;
        if others == Others::Keep {
            packets.splice(0..0, self.packets.iter().cloned());
        }
        let header = Self { packets };
        header.to_bytes().map(|_| header)
    }

    fn contents(&self, reader: &SecretKey) -> Result<Vec<Content>, Error> {
        let numbered = self.packets.iter().zip(1..);
        let opened = numbered.map(|(packet, number)| packet.open(&format!("header packet {number}"), reader));
        opened.filter_map(Result::transpose).collect()
    }
}

/// Each thing to each reader, without repetition.
fn seal_all(
    contents: &[Content],
    recipients: &[PublicKey],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<Packet>, Error> {
    let recipients: BTreeSet<_> = recipients.iter().collect();
    if recipients.is_empty() {
        return Err(refused("header", "nobody could read a file without readers; give a public key"));
    }
    let writer = SecretKey::random(rng);
    let pairs = recipients.iter().flat_map(|reader| contents.iter().map(move |content| (content, reader)));
    pairs.take(HEADER_PACKETS_MAX + 1).map(|(content, reader)| Packet::seal(content, &writer, reader, rng)).collect()
}

fn cut(place: &str) -> Error {
    refused(place, "the file ends within it; get the whole file again")
}

fn read_packet(source: &mut impl Read, number: usize, bytes_max: usize) -> Result<Packet, Error> {
    let place = format!("header packet {number}");
    let mut length = [0; 4];
    if fill(source, &mut length, "read the header")? < length.len() {
        return Err(cut(&place));
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    // The length counts itself, and each packet names its encryption.
    if length < 8 || length > bytes_max {
        let why =
            format!("it claims {length} bytes, and 8 to {bytes_max} are left of the {HEADER_BYTES_MAX} of a header");
        return Err(refused(place, why));
    }
    let mut packet = vec![0; length - 4];
    if fill(source, &mut packet, "read the header")? < packet.len() {
        return Err(cut(&place));
    }
    Ok(Packet(packet))
}

/// What a header tells one reader: data keys, and which parts of the plaintext to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHeader {
    keys: Vec<DataKey>,
    edits: Option<EditList>,
}

impl OpenHeader {
    /// Which parts of the plaintext this reader is to see; all of it without a list.
    #[must_use]
    pub const fn edit_list(&self) -> Option<&EditList> {
        self.edits.as_ref()
    }

    pub(super) fn keys(&self) -> &[DataKey] {
        &self.keys
    }

    /// Decrypts a whole body, and writes what the edit list keeps to `sink`. Every segment is authentic; whether they
    /// are all the segments, and in order, [`Decrypted::verify`] says.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] at the first segment that is cut, altered or under another key, [`Error::Crypt4ghStream`]
    /// when a stream fails. Part of the plaintext is in `sink` then.
    pub fn decrypt<W: Write>(&self, body: impl Read, sink: W) -> Result<Decrypted<W>, Error> {
        body::decrypt(self, body, sink)
    }

    /// Reads parts of a body that begins at the source's position.
    ///
    /// # Errors
    /// As [`RangeReader::new`].
    pub fn range_reader<R: Read + std::io::Seek>(self, body: R) -> Result<RangeReader<R>, Error> {
        RangeReader::new(self, body)
    }
}
