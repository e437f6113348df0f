//! What the object store holds.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read as _, Seek as _},
    path::PathBuf,
    time::Duration,
};

use circuits::id::Digest;
use clap::{Args, Subcommand};
use market::{
    ledger::{LedgerAccess, tip},
    objects::{BlobAddress, BlobEntry, BlobKind, Checked, Garbage, Named, Objects, Removed, Retention},
};
use node::units::Height;
use serde::Serialize;

use super::{Home, Output};
use crate::{
    Error,
    chain::now,
    client::{Remote, RemoteBlobs},
};

/// The kinds that the ledger names. Documents and public shares may be referred to from elsewhere.
const NAMED_KINDS: [BlobKind; 7] = [
    BlobKind::Ciphertext,
    BlobKind::Aggregate,
    BlobKind::SealedComponent,
    BlobKind::KeyGeneration,
    BlobKind::Panel,
    BlobKind::Genome,
    BlobKind::GenomeHeader,
];
/// Entries that a listing prints at most.
const LISTED_MAX: usize = 100_000;
const PIECE_BYTES: usize = 1 << 16;
const SECONDS_PER_HOUR: u64 = 3_600;

/// List, check, upload and clear up what the object store holds.
///
/// The store is a folder of the data directory, or where --objects says.
#[derive(Debug, Subcommand)]
pub enum ObjectsCommand {
    /// List the blobs: kind, digest and size.
    List {
        /// Only this kind; repeat it for more. All by default.
        #[arg(long = "kind", value_name = "KIND")]
        kinds: Vec<BlobKind>,
    },
    /// Read every blob, hash it, and name those that are damaged. Fails when there are any.
    Check {
        /// Only this kind; repeat it for more. All by default.
        #[arg(long = "kind", value_name = "KIND")]
        kinds: Vec<BlobKind>,
        /// Remove what is damaged, so that it can be uploaded again.
        #[arg(long)]
        remove_damaged: bool,
    },
    /// Remove blobs that the ledger does not name or does not need any more, and uploads that nobody goes on with.
    Gc(Gc),
    /// Store a file, or upload it to the node at --url. An upload that was interrupted goes on when tried again.
    Put {
        /// The file.
        #[arg(value_name = "FILE")]
        path: PathBuf,
        /// What it holds.
        #[arg(long, value_name = "KIND", default_value = "blob")]
        kind: BlobKind,
    },
}

/// Remove blobs that the ledger does not name or does not need any more, and uploads that nobody goes on with.
///
/// A blob whose digest stands in a block stays, unless what it was for is over since --keep-days: ciphertexts, sums and
/// components of refunded queries, ciphertexts of withdrawn contributions, headers of licences that ended, and genomes of
/// datasets that were withdrawn and have no licence left. What a released result needs stays. Begin with --dry-run.
#[derive(Debug, Args)]
pub struct Gc {
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Keep what is younger: the ledger may be about to name it.
    #[arg(long, default_value_t = 72, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=87_600))]
    grace_hours: u64,
    /// Keep for so many days what is over, though a block names it.
    #[arg(long, default_value_t = 30, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    keep_days: u32,
    /// Remove ciphertexts of results that were released more than so many days ago too. The results stay readable; receipts of
    /// them are made and checked from then on only by those who have the ciphertexts elsewhere.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    released_days: Option<u32>,
    /// Only this kind; repeat it for more. By default every kind that the ledger names.
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<BlobKind>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    kind: &'static str,
    digest: Digest,
    bytes: u64,
}

impl From<&BlobEntry> for Listed {
    fn from(entry: &BlobEntry) -> Self {
        Self { kind: entry.address.kind.name(), digest: entry.address.digest, bytes: entry.bytes }
    }
}

impl ObjectsCommand {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::List { kinds } => list(&home.objects()?, &or_all(kinds), output),
            Self::Check { kinds, remove_damaged } => check(&home.objects()?, &or_all(kinds), *remove_damaged, output),
            Self::Gc(gc) => gc.run(home, output),
            Self::Put { path, kind } => put(home, path, *kind, output),
        }
    }
}

fn or_all(kinds: &[BlobKind]) -> Vec<BlobKind> {
    if kinds.is_empty() { BlobKind::ALL.to_vec() } else { kinds.to_vec() }
}

fn list(store: &Objects, kinds: &[BlobKind], output: &Output) -> Result<(), Error> {
    let (mut listed, mut total) = (vec![], Removed::default());
    for kind in kinds {
        store.visit(*kind, |entry| {
            total.blobs += 1;
            total.bytes = total.bytes.saturating_add(entry.bytes);
            if listed.len() < LISTED_MAX {
                listed.push(Listed::from(&entry));
            }
            Ok(())
        })?;
    }
    let result = serde_json::json!({ "blobs": total.blobs, "bytes": total.bytes, "listed": listed });
    output.result(&result, |_| {
        let lines = listed.iter().map(|blob| format!("{:<16} {} {:>12}", blob.kind, blob.digest, blob.bytes));
        let sum = format!("{} blobs, {} bytes", total.blobs, total.bytes);
        lines.chain([sum]).collect::<Vec<_>>().join("\n")
    })
}

fn check(store: &Objects, kinds: &[BlobKind], remove_damaged: bool, output: &Output) -> Result<(), Error> {
    let bar = output.progress("blobs checked", 0);
    let Checked { blobs, bytes, damaged } = store.check(kinds, |_| bar.inc(1))?;
    bar.finish_and_clear();
    if remove_damaged {
        damaged.iter().try_for_each(|found| store.remove(found.address))?;
    }
    if damaged.is_empty() {
        let sound = serde_json::json!({ "blobs": blobs, "bytes": bytes, "damaged": [] });
        return output.result(&sound, |_| format!("{blobs} blobs of {bytes} bytes are sound"));
    }
    let named: Vec<_> = damaged.iter().map(|found| format!("{}: {}", found.address, found.why)).collect();
    let remedy = if remove_damaged {
        "they were removed; fetch them again from another party"
    } else {
        "--remove-damaged removes them, so that they can be fetched again"
    };
    let why = format!("{} of {blobs} blobs are damaged; {remedy}\n  {}", named.len(), named.join("\n  "));
    Err(Error::Input { what: "object store", why })
}

impl Gc {
    fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let store = home.objects()?;
        let kinds = if self.kinds.is_empty() { NAMED_KINDS.to_vec() } else { self.kinds.clone() };
        let connection = home.connect_reading()?;
        let ledger = &*connection.ledger;
        let wanted = addresses(&store, &kinds)?;
        let mut subjects = Named::default();
        let (mut referred, height) = named(ledger, &wanted, Height::new(1), &mut subjects)?;
        let retention = Retention { days: self.keep_days, released_days: self.released_days };
        let ended = subjects.ended(ledger, &wanted, &retention)?;
        referred.retain(|address| !ended.contains(address));
        let grace = Duration::from_secs(self.grace_hours * SECONDS_PER_HOUR);
        let garbage = store.find_garbage(&kinds, &referred, grace, now())?;
        let total = garbage.total();
        if self.dry_run || total == Removed::default() {
            return report(&garbage, &ended, None, output);
        }
        let over = count_ended(&garbage, &ended);
        let question = format!(
            "Remove {} blobs, {over} of which blocks name for what is over, and {} remains of uploads?",
            total.blobs, total.remains
        );
        output.confirm(self.yes, &question)?;
        // The ledger may have named some of them meanwhile.
        let unreferred = garbage.blobs().iter().map(|blob| blob.address).collect();
        let (meanwhile, _) = named(ledger, &unreferred, height.next(), &mut Named::default())?;
        let removed = store.remove_garbage(garbage.clone(), &meanwhile)?;
        report(&garbage, &ended, Some(removed), output)
    }
}

/// How many of the blobs a block names.
fn count_ended(garbage: &Garbage, ended: &BTreeSet<BlobAddress>) -> usize {
    garbage.blobs().iter().filter(|blob| ended.contains(&blob.address)).count()
}

fn report(
    garbage: &Garbage,
    ended: &BTreeSet<BlobAddress>,
    removed: Option<Removed>,
    output: &Output,
) -> Result<(), Error> {
    let total = removed.unwrap_or_else(|| garbage.total());
    let found = garbage.blobs().iter().take(LISTED_MAX);
    let blobs: Vec<_> = found.clone().map(Listed::from).collect();
    let over = count_ended(garbage, ended);
    let result = serde_json::json!({
        "removed": removed.is_some(), "blobs": total.blobs, "remains": total.remains, "bytes": total.bytes,
        "ended": over, "unreferred": blobs,
    });
    output.result(&result, |_| {
        let lines = found.zip(&blobs).map(|(entry, blob)| {
            let why = if ended.contains(&entry.address) { "  over" } else { "" };
            format!("{:<16} {} {:>12}{why}", blob.kind, blob.digest, blob.bytes)
        });
        let done = if removed.is_some() { "removed" } else { "would be removed" };
        let sum = format!(
            "{} blobs ({over} found that blocks name for what is over) and {} remains of uploads, {} bytes, {done}",
            total.blobs, total.remains, total.bytes
        );
        lines.chain([sum]).collect::<Vec<_>>().join("\n")
    })
}

fn addresses(store: &Objects, kinds: &[BlobKind]) -> Result<BTreeSet<BlobAddress>, Error> {
    let mut addresses = BTreeSet::new();
    for kind in kinds {
        store.visit(*kind, |entry| {
            addresses.insert(entry.address);
            Ok(())
        })?;
    }
    Ok(addresses)
}

/// Those blobs whose digests' bytes stand anywhere in a block from `first` on, and the height reached. A transaction that
/// names a blob in a way this program does not know of keeps it all the same. What can come to an end is noted beside.
fn named(
    ledger: &dyn LedgerAccess,
    wanted: &BTreeSet<BlobAddress>,
    first: Height,
    subjects: &mut Named,
) -> Result<(BTreeSet<BlobAddress>, Height), Error> {
    let end = tip(ledger)?.height;
    let digests: BTreeSet<_> = wanted.iter().map(|address| address.digest).collect();
    let mut found = BTreeSet::new();
    for height in first.get()..=end.get() {
        let missing = || Error::Input {
            what: "ledger",
            why: format!(
                "block {height} is not here, so nobody knows what it names; give --url of a node that has all"
            ),
        };
        let block = ledger.block(Height::new(height))?.ok_or_else(missing)?;
        subjects.note(ledger, &block)?;
        let encoded = block.to_bytes()?;
        let windows = encoded.windows(32).filter_map(|window| window.try_into().ok()).map(Digest::from_bytes);
        found.extend(windows.filter(|digest| digests.contains(digest)));
    }
    Ok((wanted.iter().filter(|address| found.contains(&address.digest)).copied().collect(), end))
}

fn put(home: &Home, path: &PathBuf, kind: BlobKind, output: &Output) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Input { what: "file to store", why: format!("{}: {error}", path.display()) };
    let mut file = File::open(path).map_err(failed)?;
    let (address, bytes) = address(kind, &mut file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    match home.url() {
        Some(url) => {
            let bar = output.progress("bytes uploaded", usize::try_from(bytes).unwrap_or(usize::MAX));
            let blobs = RemoteBlobs::new(Remote::new(url)?);
            blobs.upload(address, bytes, &mut file, |progress| bar.set_position(progress.received_bytes))?;
            bar.finish_and_clear();
        }
        None => {
            home.objects()?.write_stream(address, bytes, BufReader::new(file))?;
        }
    }
    let stored = serde_json::json!({ "kind": kind.name(), "digest": address.digest, "bytes": bytes });
    output.result(&stored, |_| format!("{bytes} bytes stored as {address}"))
}

fn address(kind: BlobKind, file: &mut File) -> io::Result<(BlobAddress, u64)> {
    let bytes = file.metadata()?.len();
    let (mut hasher, mut piece) = (kind.hasher(bytes), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => hasher.update(piece.get(..read).unwrap_or_default()),
        }
    }
    let digest = hasher.finish().ok_or_else(|| io::Error::other("it changed while it was read"))?;
    Ok((BlobAddress { kind, digest }, bytes))
}
