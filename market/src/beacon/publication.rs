//! Loading a folder of receipts: each is verified offline against the node's own chain before it answers anything.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use circuits::{
    id::SchemaId,
    schema::{Schema, VariantPanel},
};
use node::{
    genesis::Genesis,
    query::PrivacyMode,
    state::{StateRead as _, StateView, committee_of},
};

use super::{
    Beacon, Floors,
    exact::ExactFloor,
    release::{Published, Release},
};
use crate::{
    Error,
    objects::BlobAccess,
    query::schema_and_panel,
    receipt::{Receipt, VerifiedReceipt, verify},
    researcher::sums,
};

/// Files in a folder of receipts.
pub const RECEIPTS_MAX: usize = 256;
/// Bytes of a folder of receipts.
pub const RECEIPTS_BYTES_MAX: u64 = 8 << 30;
/// Sums that all releases hold in memory.
pub const ENTRIES_MAX: usize = 1 << 20;

/// What receipts are checked against: the node's own chain and store.
#[derive(Clone, Copy)]
pub struct Trusted<'t> {
    /// The latest state of the chain.
    pub view: &'t dyn StateView,
    /// What the chain started from.
    pub genesis: &'t Genesis,
    /// Where panels, and ciphertexts of large receipts, are.
    pub blobs: &'t dyn BlobAccess,
}

/// A receipt that is not served. Where [`Error::unread`] says so, it could not be checked, and may hold.
#[derive(Debug)]
pub struct RefusedReceipt {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub error: Error,
}

/// Schemas with their panels, read once however many releases share them.
type Schemas = BTreeMap<SchemaId, (Arc<Schema>, Option<VariantPanel>)>;

impl Beacon {
    /// Verifies every receipt in a folder and serves those that hold. Files whose names begin with a dot are left out.
    /// `progress` hears of each file before it is verified.
    ///
    /// # Errors
    /// [`Error::File`] when the folder cannot be listed, [`Error::InvalidInput`] when it holds too much. What is wrong
    /// with one receipt is told beside the beacon, and the others serve.
    pub fn open(
        folder: &Path,
        trusted: Trusted<'_>,
        floors: Floors,
        mut progress: impl FnMut(&Path),
    ) -> Result<(Self, Vec<RefusedReceipt>), Error> {
        let (mut beacon, mut refused, mut schemas) = (Self::empty(floors), vec![], Schemas::new());
        for path in receipt_files(folder)? {
            progress(&path);
            if let Err(error) = beacon.publish(&path, trusted, &mut schemas) {
                refused.push(RefusedReceipt { path, error });
            }
        }
        Ok((beacon, refused))
    }

    /// Verifies a receipt and serves its release beside the others.
    ///
    /// # Errors
    /// Why it is not served. Where [`Error::unread`] says so, it could not be checked, and may hold.
    pub fn add(&mut self, path: &Path, trusted: Trusted<'_>) -> Result<(), Error> {
        self.publish(path, trusted, &mut Schemas::new())
    }

    fn publish(&mut self, path: &Path, trusted: Trusted<'_>, schemas: &mut Schemas) -> Result<(), Error> {
        let verified = verify(&Receipt::open(path)?, Some(trusted.blobs))?;
        let refuse = |check, why: String| Err(Error::Receipt { check, why });
        let chain = trusted.genesis.chain_id()?;
        if verified.chain() != chain {
            return refuse("chain", format!("it is of chain {}; this node's is {chain}", verified.chain()));
        }
        if self.releases.contains_key(&verified.query()) {
            return refuse("publication", format!("query {} is published by a file before it", verified.query()));
        }
        if verified.state().query.privacy == PrivacyMode::Exact && !self.floors.exact {
            return refuse("publication", "its sums are exact, which the operator has not allowed to be shown".into());
        }
        let release = self.release(&verified, trusted, schemas)?;
        let entries = self.releases.values().map(Release::entries).sum::<usize>() + release.entries();
        if entries > ENTRIES_MAX {
            return refuse("publication", format!("with it the beacon would hold {entries} sums; {ENTRIES_MAX} fit"));
        }
        self.releases.insert(release.query(), release);
        Ok(())
    }

    fn release(
        &self,
        verified: &VerifiedReceipt,
        trusted: Trusted<'_>,
        schemas: &mut Schemas,
    ) -> Result<Release, Error> {
        let (state, genesis) = (verified.state(), trusted.genesis);
        let id = state.query.schema;
        let (schema, panel) = match schemas.entry(id) {
            Entry::Occupied(known) => &*known.into_mut(),
            Entry::Vacant(unknown) => {
                let (schema, panel) = schema_and_panel(trusted.view, trusted.blobs, id)?;
                if panel.is_none() {
                    tracing::warn!(schema = %id, "nobody has stored the schema's panel: its variants are not served");
                }
                &*unknown.insert((Arc::new(schema), panel))
            }
        };
        let unknown = |what, id: String| Error::Ledger(node::Error::Unknown { what, id });
        let study = trusted.view.study(state.query.study)?;
        let study = study.ok_or_else(|| unknown("study", state.query.study.to_string()))?;
        let published = Published {
            id: verified.query(),
            query: &state.query,
            contributions: state.surviving,
            title: study.registration.title,
            sums: sums(&state.query, &committee_of(trusted.view, state.committee)?.quorum, verified.result())?,
        };
        let floor = ExactFloor(self.floors.count_min.max(genesis.parameters.exact_floor));
        Release::new(published, Arc::clone(schema), panel.as_ref(), floor)
    }
}

/// The files of a folder in the order of their names.
fn receipt_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: folder.into(), action: "list the receipts", source };
    let too_much = |why: String| Error::InvalidInput {
        file: folder.display().to_string(),
        place: "folder of receipts".into(),
        why,
        remedy: "move some away".into(),
    };
    let (mut files, mut bytes) = (vec![], 0_u64);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = fs::metadata(entry.path()).map_err(failed)?;
        if !metadata.is_file() || entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        files.push(entry.path());
        bytes = bytes.saturating_add(metadata.len());
        if files.len() > RECEIPTS_MAX {
            return Err(too_much(format!("it holds more than {RECEIPTS_MAX} files")));
        }
    }
    if bytes > RECEIPTS_BYTES_MAX {
        return Err(too_much(format!("it holds {bytes} bytes; {RECEIPTS_BYTES_MAX} are read")));
    }
    files.sort();
    Ok(files)
}
