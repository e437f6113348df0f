//! A served node whose custodian keeps one genome, with its owner and two researchers.

use std::{fs, io::Cursor, path::Path};

use circuits::{
    consent::Day,
    id::{DatasetId, LicenceId, QueryId},
    quorum::Quorum,
};
use market::{
    crypt4gh::{BodyManifest, Header, SecretKey, encrypt},
    ledger::{act, next_nonce},
    licence::{self, Grant, OfferTerms, prepare, require_licence},
    objects::{self, BlobAddress, BlobKind},
};
use node::{
    state::LicenceState,
    transaction::{Action, Governance},
    units::{Amount, LeafIndex, Timestamp},
};
use rand::{SeedableRng as _, rngs::StdRng};
use web::{
    api::Custody,
    client::{RemoteBlobs, RemoteCustodian},
    signed_request::{Covered, SignedHeaders, sign},
};

use super::{allowed, ask, request};
use crate::{
    api::server::{Answer, Server, agent, answer, clock},
    world::{TODAY, World, account, key, owner_name},
};

/// The embargo lies far ahead: it hides no data.
pub const EMBARGO: Day = Day(TODAY + 1_000);

pub struct Town {
    pub server: Server,
    /// The file as its owner encrypted it, and what is in it.
    pub file: Vec<u8>,
    pub plaintext: Vec<u8>,
    pub manifest: BodyManifest,
    pub owner: SecretKey,
    pub reader: SecretKey,
    pub dataset: DatasetId,
    pub clock: fn() -> Timestamp,
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

impl Town {
    pub fn new() -> Self {
        Self::by_clock(clock)
    }

    pub fn by_clock(clock: fn() -> Timestamp) -> Self {
        Self::over(World::ready(Quorum::DEFAULT), clock)
    }

    pub fn over(mut world: World, clock: fn() -> Timestamp) -> Self {
        let accredit = Governance::AccreditResearcher { account: account("sponsor"), name: "Dr S".into() };
        world.act("governor", Action::Govern(accredit)).unwrap();
        world.block();
        let nothing = QueryId::from_bytes([0; 32]);
        let custody = Some(Custody::new(key("custodian")));
        let server = Server::with_custody(world.sequencer, (nothing, nothing), clock, custody);
        let mut rng = rng();
        let (owner, reader) = (SecretKey::random(&mut rng), SecretKey::random(&mut rng));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/demo/genomes.vcf");
        let (plaintext, mut file) = (fs::read(path).unwrap(), vec![]);
        let manifest = encrypt(&[owner.public_key()], &plaintext[..], &mut file, &mut rng).unwrap();
        let dataset = DatasetId::from_bytes([0; 32]);
        let mut town = Self { server, file, plaintext, manifest, owner, reader, dataset, clock };
        town.dataset = town.offer();
        town
    }

    /// Uploads header and body over HTTP, and offers the file with record 0.
    fn offer(&self) -> DatasetId {
        let terms = OfferTerms {
            record: Some(LeafIndex::new(0)),
            allowed: allowed(),
            price_min: Amount::new(500),
            term_days_max: 30,
            embargo: EMBARGO,
            custodian: account("custodian"),
        };
        let prepared = prepare(&self.file[..], &self.manifest, &terms).unwrap();
        let blobs = self.blobs();
        let body = self.file[prepared.header.len()..].to_vec();
        let header = objects::put(&blobs, BlobKind::GenomeHeader, prepared.header).unwrap();
        assert_eq!(header.digest, prepared.offer.header);
        let address = BlobAddress { kind: BlobKind::Genome, digest: prepared.offer.body };
        blobs.upload(address, body.len() as u64, &mut Cursor::new(body), |_| {}).unwrap();
        let ledger = self.server.chain.access();
        let owner = key(&owner_name(0));
        let nonce = next_nonce(ledger, &owner).unwrap();
        let id = prepared.offer.id(&ledger.chain(), &account(&owner_name(0)), nonce).unwrap();
        act(ledger, &owner, Action::OfferDataset(Box::new(prepared.offer))).unwrap();
        id
    }

    pub fn blobs(&self) -> RemoteBlobs {
        RemoteBlobs::new(self.server.remote())
    }

    /// A request that a researcher makes and the owner grants, from the licensee's document as it travels.
    pub fn licensed(&self, researcher: &str) -> LicenceId {
        let ledger = self.server.chain.access();
        let request = request(self.dataset, EMBARGO);
        let (id, document) = ask(ledger, &key(researcher), request, &self.reader.public_key());
        let stored = objects::put(&self.blobs(), BlobKind::Blob, document.to_text().unwrap().into_bytes()).unwrap();
        let text = objects::get(&self.blobs(), stored, licence::READER_KEY_BYTES_MAX).unwrap();
        let document = licence::UnverifiedReaderKey::from_text(&text).unwrap();
        let licensee = document.verify(&ledger.chain(), id, account(researcher)).unwrap();
        let header = Header::read(&mut &self.file[..]).unwrap();
        let owner = key(&owner_name(0));
        let grant = Grant { header: &header, reader: &self.owner, licensee, owner: &owner };
        licence::grant(ledger, &self.blobs(), &grant, &mut rand::rng()).unwrap();
        self.server.index.follow(self.server.chain.ledger()).unwrap();
        id
    }

    pub fn act_as_owner(&self, action: Action) {
        act(self.server.chain.access(), &key(&owner_name(0)), action).unwrap();
    }

    pub fn licence(&self, id: LicenceId) -> LicenceState {
        require_licence(self.server.chain.access(), id).unwrap()
    }

    pub fn custodian(&self, name: &str) -> RemoteCustodian {
        let chain = self.server.chain.ledger().chain();
        RemoteCustodian::new(self.server.remote(), key(name), chain, self.clock)
    }

    pub fn body_path(&self) -> String {
        format!("/v1/datasets/{}/body", self.dataset)
    }

    pub fn header_path(&self) -> String {
        format!("/v1/datasets/{}/header", self.dataset)
    }

    /// A signature of a path by an account, for a host, at a time.
    pub fn sign(&self, name: &str, path: &str, authority: &str, now: Timestamp) -> SignedHeaders {
        let covered = Covered { method: "GET", authority, path, query: "", content_digest: None };
        sign(&covered, &key(name), &self.server.chain.ledger().chain(), now, &mut rand::rng()).unwrap()
    }

    pub fn signed(&self, name: &str, path: &str) -> SignedHeaders {
        self.sign(name, path, &self.server.running.address().to_string(), (self.clock)())
    }

    pub fn send(&self, path: &str, signed: &SignedHeaders, others: &[(&str, &str)]) -> Answer {
        let mut request = agent().get(format!("{}{path}", self.server.running.url()));
        request = request.header("signature-input", &signed.input).header("signature", &signed.signature);
        for (name, value) in others {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }

    pub fn get(&self, name: &str, path: &str) -> Answer {
        self.send(path, &self.signed(name, path), &[])
    }
}
