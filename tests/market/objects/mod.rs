//! The object store on each of its backends: what holds of a directory holds of a bucket.

mod crash;
mod ended;
mod garbage;
mod stores;
mod uploads;

use market::objects::{BlobAddress, BlobKind, Objects};

use crate::s3::{self, S3Server};

/// A store of each kind, and what keeps it alive.
struct Stores {
    directory: tempfile::TempDir,
    _server: S3Server,
    all: Vec<(&'static str, Objects)>,
}

fn stores() -> Stores {
    let (directory, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let all = vec![
        ("memory", Objects::memory()),
        ("directory", Objects::directory(directory.path()).unwrap()),
        ("bucket", server.open("")),
        ("folder of a bucket", server.open("a/folder")),
    ];
    Stores { directory, _server: server, all }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place ^ (place >> 11)) % 247).unwrap()).collect()
}

fn genome(length: usize) -> (BlobAddress, Vec<u8>) {
    let bytes = bytes(length);
    (BlobAddress::of(BlobKind::Genome, &bytes), bytes)
}
