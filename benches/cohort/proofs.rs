//! The contributions' proofs: each written as it is made, so that a run that was interrupted makes the others alone.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    contribution::{ContributionStatement, ContributionTerms, ContributionWitness, prove},
    eligibility::binding,
    groth16::side_by_side,
    id::{AccountId, QueryId},
    rlwe::{PublicKey, encrypt},
};
use market::{
    committee::access::KeepCiphertext,
    ledger::{SyncedTree, sync_tree},
};
use node::{committee_key, state::StateRead};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    Size,
    people::{parts, person},
    world::{World, proving_key},
};

/// Proofs made side by side, each on a core.
const PROVERS: usize = 2;
const SEED: u64 = 1_000_000;
/// How often the progress is told.
const TOLD: usize = 10;

/// What a person's agent sends to members, and the key that is paid.
#[derive(BorshSerialize, BorshDeserialize)]
pub struct Proven {
    pub payout: AccountId,
    pub request: KeepCiphertext,
}

struct Prover<'a> {
    world: &'a World,
    query: QueryId,
    /// Of each part.
    terms: Vec<ContributionTerms>,
    key: PublicKey,
    tree: SyncedTree,
    variants: usize,
}

impl Prover<'_> {
    /// The proofs of a query are numbered part after part, and person after person.
    fn prove(&self, place: usize) -> Proven {
        let mut rng = StdRng::seed_from_u64(SEED + place as u64);
        let (number, part) = (place / self.terms.len(), place % self.terms.len());
        let (of, terms) = (person(self.world, number, self.variants), &self.terms[part]);
        let part = u8::try_from(part).unwrap();
        let ledger = self.world.ledger();
        let leaf = ledger.body(of.record.body()).unwrap().expect("a registered record");
        let epoch = ledger.registration(leaf).unwrap().expect("its registration").registration_epoch;
        let path = self.tree.tree.path(leaf.get()).unwrap();
        let payout = AccountId::from_bytes([7; 32]);
        let plaintext = terms.layout.plaintext(&terms.matching, &of.record.attributes, &of.record.genotypes).unwrap();
        let (ciphertext, randomness) = encrypt(&self.key, &plaintext, &mut rng);
        let encrypted = (&self.key, &ciphertext, randomness);
        let witness = ContributionWitness::new(terms, &of.record, of.consent, epoch.get(), path, encrypted).unwrap();
        let bound = binding(&ledger.chain(), &self.query, part, &payout, &ciphertext.digest());
        let instance = witness.instance(terms, bound);
        let statement = ContributionStatement { terms, key: &self.key, instance: &instance };
        let contribution = prove(proving_key(), &statement, &ciphertext, &witness, &mut rng).unwrap();
        let ciphertext = ciphertext.to_packed_bytes();
        Proven { payout, request: KeepCiphertext { query: self.query, part, instance, contribution, ciphertext } }
    }
}

/// Makes the proofs that are not in the folder, and returns all files in order: every person's parts, one after another.
pub fn prepare(world: &World, query: QueryId, size: Size, folder: &Path) -> Vec<PathBuf> {
    // Proofs of another chain or query are of no use to this one.
    let folder = folder.join(query.to_string());
    fs::create_dir_all(&folder).unwrap();
    let proofs = size.contributions * parts(size.variants).len();
    let files: Vec<PathBuf> = (0..proofs).map(|number| folder.join(format!("{number:05}"))).collect();
    let missing: Vec<usize> = (0..proofs).filter(|number| !files[*number].exists()).collect();
    println!("{} of {} proofs are there", files.len() - missing.len(), files.len());
    if missing.is_empty() {
        return files;
    }
    let state = world.state(query);
    let terms = (0..state.query.parts.len() as u8).map(|part| state.terms(query, part).unwrap()).collect();
    let key = committee_key(world.ledger(), world.ledger().chain(), &state).unwrap();
    let tree = sync_tree(world.ledger()).unwrap();
    let prover = Prover { world, query, terms, key, tree, variants: size.variants };
    let (made, of, started) = (AtomicUsize::new(0), missing.len(), Instant::now());
    let make = |number: usize| {
        let proven = borsh::to_vec(&prover.prove(number)).unwrap();
        let unfinished = files[number].with_extension("unfinished");
        fs::write(&unfinished, proven).unwrap();
        fs::rename(unfinished, &files[number]).unwrap();
        let made = made.fetch_add(1, Ordering::Relaxed) + 1;
        if made % TOLD == 0 || made == of {
            println!("proved {made} of {of}, {:.0} a minute", 60.0 * made as f64 / started.elapsed().as_secs_f64());
        }
    };
    side_by_side(missing, NonZeroUsize::new(PROVERS).unwrap(), make).unwrap();
    files
}

pub fn read(file: &Path) -> Proven {
    borsh::from_slice(&fs::read(file).unwrap()).expect("a proof as this bench writes it; remove the folder otherwise")
}
