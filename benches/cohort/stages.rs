//! The stages of the query's life after the proofs, each measured.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    thread,
};

use circuits::{
    id::{AccountId, QueryId},
    rlwe::{
        Ciphertext, Plaintext, encrypt,
        params::{CIPHERTEXT_BYTES, LAYOUT_SLOTS},
    },
};
use market::{
    aggregator::sum,
    committee::access::CommitteeAccess as _,
    ledger::LedgerAccess as _,
    objects::{BlobKind, put},
    receipt::{Receipt, collect, verify},
    researcher::decrypt,
};
use node::{
    committee_key,
    state::{QueryStatus, StateRead as _},
    transaction::{Contribution, ContributionPart, Transaction},
};

use crate::{
    Size,
    measure::{Measured, Stages},
    people::truth,
    proofs::{Proven, read},
    world::World,
};

/// Agents that send at once: as many proofs as admission verifies together.
const SENDERS: usize = 64;

/// Ciphertexts members are shown at once: one on each core, unless `LOCUS_COHORT_ATTESTERS` says otherwise.
fn attesters() -> usize {
    std::env::var("LOCUS_COHORT_ATTESTERS").map_or(2, |text| text.parse().unwrap())
}

/// One part of what a person sends to the ledger, once every member has the ciphertext.
fn attested(world: &World, file: &Path) -> (AccountId, ContributionPart) {
    let Proven { payout, request } = read(file);
    assert_eq!(request.ciphertext.len(), CIPHERTEXT_BYTES);
    let digest = put(world.blobs.as_ref(), BlobKind::Ciphertext, request.ciphertext.clone()).unwrap().digest;
    assert_eq!(digest, Ciphertext::digest_of_packed(&request.ciphertext));
    let keep = |key: &market::wallet::PartyKey| world.committee.keep(key.account(), &request).unwrap();
    let part = ContributionPart {
        root: request.instance.root,
        nullifier: request.instance.nullifier,
        scope_nullifier: request.instance.scope_nullifier,
        ciphertext: digest,
        contribution: request.contribution,
        receipts: world.keys.members.iter().map(keep).collect(),
    };
    (payout, part)
}

/// Puts together what one person sends.
fn contribution(query: QueryId, parts: &[(AccountId, ContributionPart)]) -> Transaction {
    let (payout, parts) = (parts[0].0, parts.iter().map(|(_, part)| part.clone()).collect());
    Transaction::Contribute(Contribution { query, payout, parts })
}

/// Does the same for each of these on so many threads, in order.
fn in_parallel<T: Sync, R: Send>(all: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = |some: &[T]| some.iter().map(&work).collect::<Vec<R>>();
    let share = &share;
    thread::scope(|scope| {
        let begin = |some| scope.spawn(move || share(some));
        let shares: Vec<_> = all.chunks(all.len().div_ceil(threads)).map(begin).collect();
        shares.into_iter().flat_map(|done| done.join().unwrap()).collect()
    })
}

pub fn run(mut world: World, query: QueryId, files: &[PathBuf], size: Size) -> Vec<Measured> {
    let mut stages = Stages::default();
    let count = size.contributions;
    let key = committee_key(world.ledger(), world.ledger().chain(), &world.state(query)).unwrap();
    stages.time(&format!("encrypt {} full vectors, beside what was proven", files.len()), || {
        let full = Plaintext::new(vec![1; LAYOUT_SLOTS]).unwrap();
        in_parallel(files, attesters(), |_| drop(black_box(encrypt(&key, &full, &mut rand::rng()))))
    });
    let parts = stages.time(&format!("store and attest {} ciphertexts, 4 members each", files.len()), || {
        in_parallel(files, attesters(), |file| attested(&world, file))
    });
    let transactions: Vec<_> = parts.chunks(files.len() / count).map(|parts| contribution(query, parts)).collect();
    drop(parts);
    let ledger = &world.ledger;
    stages.time(&format!("admit {count} contributions, proofs in batches"), || {
        in_parallel(&transactions, SENDERS, |sent| ledger.submit(sent.clone()).unwrap())
    });
    drop(transactions);
    let store = Path::new(&world.root).join("ledger.redb");
    let held = || std::fs::metadata(&store).unwrap().len();
    let before = held();
    stages.time(&format!("blocks with {count} contributions, on disk"), || {
        while world.state(query).admitted as usize != count {
            let produced = ledger.produce_block().unwrap();
            assert!(produced.refused.is_empty() && !produced.block.transactions.is_empty());
        }
    });
    println!("the ledger's file grew by {} bytes for each contribution", held().saturating_sub(before) / count as u64);
    stages.time("freeze the set", || world.seal(query));
    let state = world.state(query);
    let blobs = world.blobs.as_ref();
    let sums = stages.time("one sum from the object store, alone", || {
        sum(world.ledger(), blobs, query, &state, &mut |_| Ok(())).unwrap()
    });
    drop(sums);
    stages.time("aggregate: sum, 2 members' own sums and signatures", || world.aggregate(query).unwrap());
    stages.time("components: 4 members' own sums, shares and reports", || world.work());
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    let blobs = world.blobs.as_ref();
    let result = stages.time("decrypt", || decrypt(world.ledger(), blobs, &world.keys.researcher, query).unwrap());
    assert_eq!(result.slots(), truth(size), "the sums are the truth");
    let text = stages.time("collect the receipt", || {
        let receipt = collect(world.ledger(), blobs, query, result.components(), result.slots()).unwrap();
        receipt.to_json().unwrap()
    });
    let verified = stages
        .time(&format!("verify the receipt, {} MiB of JSON beside its blobs", text.len() >> 20), || {
            verify(&Receipt::from_json(&text).unwrap(), Some(blobs)).unwrap()
        });
    assert_eq!(verified.records(), count);
    let height = world.ledger().tip().unwrap().unwrap().height;
    println!("{count} contributions in {height} blocks; the sums are the truth");
    stages.done()
}
