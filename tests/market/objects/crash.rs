//! A process that is killed in the middle of an upload, on a directory and on a bucket.

use std::{
    io::{self, BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use market::objects::{BlobKind, ChunkOutcome, Objects};

use super::{
    genome,
    s3::{S3Server, settings},
};

/// Where the killed process stores, and how it uploads.
const LOCATION: &str = "LOCUS_TEST_CRASH_LOCATION";
const ENDPOINT: &str = "LOCUS_TEST_CRASH_ENDPOINT";
const WAY: &str = "LOCUS_TEST_CRASH_WAY";
const LENGTH: usize = 20 << 20;
const CHUNK: usize = 1 << 20;

/// Sends the first half and then nothing more, for as long as the process lives.
struct Half<'a>(&'a [u8]);

impl Read for Half<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            println!("\nhalf of it is sent");
            loop {
                thread::sleep(Duration::from_secs(3_600));
            }
        }
        self.0.read(buffer)
    }
}

/// What the child process runs; alone, it does nothing.
#[test]
fn child_that_is_killed() {
    let Ok(location) = std::env::var(LOCATION) else { return };
    let endpoint = std::env::var(ENDPOINT).unwrap();
    let store = Objects::open(&location.parse().unwrap(), &settings(&endpoint)).unwrap();
    let (address, content) = genome(LENGTH);
    if std::env::var(WAY).unwrap() == "stream" {
        store.write_stream(address, LENGTH as u64, Half(&content[..LENGTH / 2])).unwrap();
        return;
    }
    let session = store.upload(address, LENGTH as u64).unwrap();
    for offset in (0..LENGTH / 2).step_by(CHUNK) {
        session.append(offset as u64, content[offset..offset + CHUNK].to_vec().into()).unwrap();
    }
    Half(&[]).read_exact(&mut [0]).unwrap();
}

/// Runs the child until half is sent, and kills it.
fn kill_in_the_middle(location: &str, endpoint: &str, way: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "objects::crash::child_that_is_killed"]);
    command.env(LOCATION, location).env(ENDPOINT, endpoint).env(WAY, way);
    let mut child: Child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line == "half of it is sent"), "the child ended early");
    // SIGKILL: nothing of it runs any more.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_process_killed_in_the_middle_leaves_nothing_half_written_and_the_upload_goes_on() {
    let (directory, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let endpoint = server.endpoint();
    let (address, content) = genome(LENGTH);
    for location in [directory.path().display().to_string(), S3Server::location("x").to_string()] {
        let open = || Objects::open(&location.parse().unwrap(), &settings(&endpoint)).unwrap();
        kill_in_the_middle(&location, &endpoint, "stream");
        let store = open();
        assert!(store.reader(address).unwrap().is_none(), "{location}");
        assert!(store.check(&BlobKind::ALL, |_| {}).unwrap().damaged.is_empty(), "{location}");

        kill_in_the_middle(&location, &endpoint, "chunks");
        let session = open().upload(address, LENGTH as u64).unwrap();
        let progress = session.progress().unwrap();
        assert_eq!((progress.received_bytes, progress.stored), (LENGTH as u64 / 2, false), "{location}");
        assert!(store.reader(address).unwrap().is_none(), "{location}");
        let mut outcomes = vec![];
        for offset in (LENGTH / 2..LENGTH).step_by(CHUNK) {
            outcomes.push(session.append(offset as u64, content[offset..offset + CHUNK].to_vec().into()).unwrap());
        }
        assert_eq!(outcomes.last(), Some(&ChunkOutcome::Stored), "{location}");
        let checked = store.check(&[BlobKind::Genome], |_| {}).unwrap();
        assert_eq!((checked.blobs, checked.bytes, checked.damaged.len()), (1, LENGTH as u64, 0), "{location}");
    }
}
