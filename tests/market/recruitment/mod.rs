//! Recruitment with real proofs: who responds, who is invited, who is known, and what a crash leaves.

mod crashes;
mod invitations;
mod receipt;
mod refusals;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    id::{Digest, ScreeningId},
    quorum::Quorum,
};
use market::{
    Error,
    issuer::change_consent,
    ledger::{LedgerAccess, require_screening},
    objects::{BlobAccess, BlobAddress, BlobKind},
    recruitment::{Invitation, Invited, Outcome, ScreeningAgent, Sponsor},
    wallet::Wallet,
};
use node::{
    query::DataUse,
    screening::ScreeningQuery,
    state::ScreeningState,
    units::{Amount, ResponseIndex},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{PRICE, TODAY, World, four_people, schema, screening_key, sealing_key, terms};

const CONTACT: &str = "ada@example.org, after six in the evening";

/// Another generator each time: two wallets must not draw the same one-time keys.
fn rng() -> StdRng {
    static DRAWN: AtomicU64 = AtomicU64::new(78);
    StdRng::seed_from_u64(DRAWN.fetch_add(1, Ordering::Relaxed))
}

/// The terms of somebody who allows screening.
pub fn willing() -> ConsentTerms {
    let purposes = Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH);
    let mut terms = terms(purposes, &mut rng());
    terms.flags = ConsentFlags::EXACT.union(ConsentFlags::SCREENING);
    terms
}

fn screening(world: &World) -> ScreeningQuery {
    ScreeningQuery {
        study: world.study(),
        schema: schema().id().unwrap(),
        criteria: Criteria { groups: vec![vec![Clause { attribute: 0, lo: 18, hi: 65, negated: false }]] },
        issuers: vec![],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        responses_max: 4,
        opening: Day(TODAY),
        closing: Day(TODAY + 30),
        sealing: sealing_key(&world.keys.researcher),
    }
}

fn invitation() -> Invitation {
    Invitation {
        title: "A trial of two visits".into(),
        about: "We measure blood pressure.\nWhoever answers tells us that they meet the criteria.".into(),
        answering: "Write an address; we call within a week.".into(),
    }
}

impl World {
    fn sponsor(&self) -> Sponsor<'_> {
        self.sponsor_through(self.ledger())
    }

    fn sponsor_through<'a>(&'a self, ledger: &'a dyn LedgerAccess) -> Sponsor<'a> {
        Sponsor { ledger, blobs: self.blobs.as_ref(), key: &self.keys.researcher }
    }

    pub fn people_agent(&self) -> ScreeningAgent<'_> {
        self.people_agent_through(self.ledger())
    }

    fn people_agent_through<'a>(&'a self, ledger: &'a dyn LedgerAccess) -> ScreeningAgent<'a> {
        ScreeningAgent { ledger, blobs: self.blobs.as_ref() }
    }

    fn respond(&self, wallet: &mut Wallet, id: ScreeningId) -> Result<Outcome, Error> {
        self.respond_through(self.ledger(), wallet, id)
    }

    fn respond_through(
        &self,
        ledger: &dyn LedgerAccess,
        wallet: &mut Wallet,
        id: ScreeningId,
    ) -> Result<Outcome, Error> {
        let agent = self.people_agent_through(ledger);
        agent.proving(screening_key()).respond(wallet, &agent.open(id)?, &mut rng())
    }

    pub fn screening_state(&self, id: ScreeningId) -> ScreeningState {
        require_screening(self.ledger(), id).unwrap()
    }
}

/// People who allow screening, and a screening that looks for them.
pub fn screened(folder: &Path, people: usize) -> (World, Vec<Wallet>, ScreeningId) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..people]);
    for wallet in &mut wallets {
        change_consent(world.ledger(), wallet, 0, willing()).unwrap();
    }
    world.pass_epoch();
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    (world, wallets, id)
}

fn places(all: &[u32]) -> BTreeSet<ResponseIndex> {
    all.iter().copied().map(ResponseIndex::new).collect()
}

/// Everybody responds, in the wallets' order, and is invited.
fn invited(folder: &Path, people: usize) -> (World, Vec<Wallet>, ScreeningId) {
    let (world, mut wallets, id) = screened(folder, people);
    for wallet in &mut wallets {
        assert!(matches!(world.respond(wallet, id).unwrap(), Outcome::Admitted { .. }));
    }
    let all: Vec<u32> = (0..).take(people).collect();
    let outcomes = world.sponsor().invite(id, &places(&all), &invitation()).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Invited::Invited { .. })), "{outcomes:?}");
    (world, wallets, id)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, text: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(text), "{error} does not say {text}");
}

/// A store that notes what is read, and takes nothing when it is full.
struct Recorded<'a> {
    inner: &'a dyn BlobAccess,
    full: bool,
    read: Mutex<BTreeSet<Digest>>,
}

impl BlobAccess for Recorded<'_> {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        if self.full {
            return Err(Error::BlobStore { action: "store a blob", why: "there is no room".into() });
        }
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        self.read.lock().unwrap().insert(address.digest);
        self.inner.read(address, bytes_max)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        self.inner.list(kind)
    }
}
