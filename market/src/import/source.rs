//! What kind of file this is, told by its first bytes and never by its name.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use noodles::bgzf;

use super::refusal::{Checked, invalid};

/// The empty block that ends every complete BGZF file (SAM specification, section 4.1.2).
const BGZF_EOF: [u8; 28] = [
    0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BCF_MAGIC: [u8; 3] = *b"BCF";

/// A stream opened by its magic bytes.
pub(super) enum Source<R: Read> {
    /// VCF text, compressed or not.
    Text(BufReader<Stream<R>>),
    /// BCF, compressed or not, still with its magic number.
    Bcf(BufReader<Stream<R>>),
}

/// The decompressed bytes.
pub(super) enum Stream<R: Read> {
    Plain(Rewound<R>),
    Gzip(MultiGzDecoder<Rewound<R>>),
    Bgzf(bgzf::io::Reader<Tail<Rewound<R>>>),
}

type Rewound<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// Detects BGZF, plain gzip, BCF and text.
pub(super) fn open<R: Read>(mut reader: R) -> Checked<Source<R>> {
    let start = read_start(&mut reader, 18)?;
    let rewound = io::Cursor::new(start.clone()).chain(reader);
    let blocked = start.get(3).is_some_and(|flags| flags & 4 != 0) && start.get(12..14) == Some(b"BC".as_slice());
    let stream = match start.starts_with(&GZIP_MAGIC) {
        true if blocked => Stream::Bgzf(bgzf::io::Reader::new(Tail::new(rewound))),
        true => Stream::Gzip(MultiGzDecoder::new(rewound)),
        false => Stream::Plain(rewound),
    };
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let start = reader.fill_buf()?;
    if start.is_empty() {
        return invalid("the file is empty", "choose a VCF or BCF file with a header");
    }
    Ok(if start.starts_with(&BCF_MAGIC) { Source::Bcf(reader) } else { Source::Text(reader) })
}

fn read_start(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(length).read_to_end(&mut start)?;
    Ok(start)
}

/// Whether the stream, read to its end, was complete: a BGZF file cut between two blocks decompresses without an
/// error and would import as a smaller panel.
pub(super) fn check_complete<R: Read>(stream: &Stream<R>) -> Checked<()> {
    match stream {
        Stream::Bgzf(reader) if !reader.get_ref().ends_with(&BGZF_EOF) => {
            invalid("the compressed file ends without BGZF's end marker, so it was cut short", "copy it again")
        }
        Stream::Bgzf(_) | Stream::Gzip(_) | Stream::Plain(_) => Ok(()),
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buf),
            Self::Gzip(reader) => reader.read(buf),
            Self::Bgzf(reader) => reader.read(buf),
        }
    }
}

/// Remembers the last bytes that passed.
pub(super) struct Tail<R> {
    inner: R,
    last: Vec<u8>,
}

impl<R> Tail<R> {
    fn new(inner: R) -> Self {
        Self { inner, last: Vec::with_capacity(2 * BGZF_EOF.len()) }
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        self.last.ends_with(end)
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        let read = buf.get(..count).unwrap_or_default();
        let kept = BGZF_EOF.len();
        self.last.extend_from_slice(read.get(read.len().saturating_sub(kept)..).unwrap_or_default());
        let surplus = self.last.len().saturating_sub(kept);
        self.last.drain(..surplus);
        Ok(count)
    }
}
