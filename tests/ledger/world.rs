//! A small chain with its parties, driven in process; proofs are a named double unless a test asks for real ones.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use circuits::{
    contribution::{self, Opening, UnverifiedContribution},
    domain::{ByteTag, bytes_to_field, hash},
    eligibility::{self, EligibilityInstance, EligibilityProof, EligibilityTerms},
    groth16::{PROOF_BYTES, ProofBytes},
    id::{
        AccountId, BodyCommitment, ConsentCommitment, Digest, EpochRoot, Evaluation, Nullifier, QueryId,
        ScopeNullifier, StudyId,
    },
    privacy::Epsilon,
    quorum::{MemberIndex, Quorum},
    rlwe::{PublicKey, RingElement, Xof},
    schema::{Attribute, Schema, Sensitivity, VariantPanel},
};
use ed25519_dalek::SigningKey;
use node::{
    Claim, Error, Ledger, Produced, ProofVerifier, QueryPart, Sequencer,
    consensus::PeerSecret,
    genesis::{Committee, Genesis, Member, Network, Parameters},
    query::SealingKey,
    screening::{ResponseClaim, ScreeningStatement},
    signature::account_of,
    state::{QueryState, StateRead},
    transaction::{
        Action, CommitteeCommit, CommitteeConfirm, CommitteeShare, Governance, RegisterRecord, StudyRegistration,
        Transaction, TransactionId,
    },
    units::{Amount, CommitteeEpoch, LeafIndex, SECONDS_PER_DAY, Timestamp},
    validator::{Validator, ValidatorSet},
};

pub const TODAY: u32 = 20_000;
pub const FEE: u64 = 10;
pub const ENDOWMENT: u64 = 1_000_000;

/// Stands in for pairings: a proof is the digest of the terms, the committee's key, the instance and the opening, so it
/// still binds all of them.
pub struct DigestInsteadOfPairing;

/// The double's proof of an instance with an opening.
pub fn double_proof(part: &QueryPart<'_>, instance: &EligibilityInstance, opening: Opening) -> UnverifiedContribution {
    let bytes = borsh::to_vec(&(part.terms().unwrap(), part.key_digest(), instance, opening)).unwrap();
    let digest = hash(ByteTag::VerifyingKey, &[b"double", &bytes]);
    let mut proof = [0; PROOF_BYTES];
    proof[..32].copy_from_slice(digest.as_bytes());
    UnverifiedContribution { proof: ProofBytes::new(proof), opening }
}

/// The double's proof of a response.
pub fn double_response(terms: &EligibilityTerms, instance: &EligibilityInstance) -> EligibilityProof {
    let bytes = borsh::to_vec(&(terms, instance)).unwrap();
    let digest = hash(ByteTag::VerifyingKey, &[b"double response", &bytes]);
    let mut proof = [0; eligibility::PROOF_BYTES];
    proof[..32].copy_from_slice(digest.as_bytes());
    EligibilityProof::from_bytes(proof)
}

impl ProofVerifier for DigestInsteadOfPairing {
    fn challenge(
        &self,
        part: &QueryPart<'_>,
        instance: &EligibilityInstance,
        proof: &ProofBytes,
    ) -> Result<Evaluation, Error> {
        let bytes = borsh::to_vec(&(part.terms()?, part.key_digest(), instance, proof)).unwrap();
        Ok(Evaluation::from_element(bytes_to_field(&bytes)))
    }

    fn verify(&self, part: &QueryPart<'_>, (instance, contribution): &Claim) -> Result<(), Error> {
        if *contribution == double_proof(part, instance, contribution.opening) {
            Ok(())
        } else {
            Err(Error::Proof { part: part.number(), why: "the double differs".into() })
        }
    }

    fn verify_response(&self, statement: &ScreeningStatement<'_>, claim: &ResponseClaim) -> Result<(), Error> {
        if claim.1 == double_response(statement.terms, &claim.0) {
            Ok(())
        } else {
            Err(Error::Refused { what: "screening response", why: "the double does not verify".into() })
        }
    }
}

pub fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(hash(ByteTag::Blob, &[name.as_bytes()]).as_bytes())
}

pub fn account(name: &str) -> AccountId {
    account_of(&key(name))
}

pub fn digest(name: &str) -> Digest {
    hash(ByteTag::Blob, &[b"digest", name.as_bytes()])
}

/// A small field element's canonical bytes.
pub fn element(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

pub fn screening_key() -> &'static eligibility::ProvingKey {
    static KEY: OnceLock<eligibility::ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| eligibility::insecure_proving_key_from_seed([7; 32]).unwrap())
}

pub fn proving_key() -> &'static contribution::ProvingKey {
    static KEY: OnceLock<contribution::ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| contribution::insecure_proving_key_from_seed([7; 32]).unwrap())
}

/// A committee polynomial that a name stands for.
pub fn polynomial(name: &str) -> RingElement {
    RingElement::from_xof(&mut Xof::new(ByteTag::Blob, &[name.as_bytes()]))
}

/// A validator whose node is nowhere.
pub fn validator(name: &str, power: u32) -> Validator {
    let peer = PeerSecret::from_bytes(key(name).to_bytes()).peer_key();
    Validator { account: account(name), peer, address: "/ip4/127.0.0.1/tcp/1".into(), power }
}

pub fn member_name(index: u8) -> String {
    format!("member {index}")
}

pub fn genesis(quorum: Quorum) -> Genesis {
    let member = |index: MemberIndex| Member {
        account: account(&member_name(index.get())),
        sealing: SealingKey::new(vec![index.get(); 32]),
    };
    Genesis {
        network: Network::Test,
        name: "ledger tests".into(),
        time: Timestamp::new(u64::from(TODAY) * SECONDS_PER_DAY),
        parameters: Parameters {
            epoch_blocks: 4,
            exact_period_epochs: 1,
            exact_floor: 2,
            exact_issuers_min: 2,
            exact_genotypes_allowed: true,
            exact_groups_allowed: false,
            epsilon_milli_max: Epsilon::from_milli(10_000),
            opening_fee: Amount::new(FEE),
            query_days_max: 365,
            early_sealing_allowed: false,
            block_seconds_min: 0,
            drift_seconds_max: 60,
            key_step_blocks_max: 8,
            key_retention_blocks: 8,
            fees: node::fees::FeeSchedule::default(),
        },
        balances: ["researcher", "sponsor", "friend"]
            .map(|name| (account(name), Amount::new(ENDOWMENT)))
            .into_iter()
            .collect(),
        governor: account("governor"),
        validators: ValidatorSet::new(vec![validator("validator", 1)]).unwrap(),
        committee: Committee { quorum, members: quorum.all_members().map(member).collect() },
        eligibility: screening_key().verifying_key().clone(),
        contribution: proving_key().verifying_key().clone(),
    }
}

pub fn schema() -> Schema {
    let attribute = |name: &str, sensitivity| Attribute {
        name: name.into(),
        unit: String::new(),
        coding: "test".into(),
        scale: 1,
        lo: 0,
        hi: 120,
        digits: 1,
        sensitivity,
    };
    let mut panel = VariantPanel { build: "GRCh37".into(), variants: vec![] }.reference().unwrap();
    panel.variants = 2_000;
    Schema {
        name: "tests".into(),
        attributes: vec![attribute("age", Sensitivity::Public), attribute("diagnosis", Sensitivity::Sensitive)],
        panel,
    }
}

pub struct World {
    pub sequencer: Sequencer,
    pub now: Timestamp,
    pub study: StudyId,
}

impl World {
    /// A chain at its first block, without parties.
    pub fn bare(genesis: Genesis) -> Self {
        let ledger = Ledger::in_memory(genesis, Box::new(DigestInsteadOfPairing)).unwrap();
        Self::over(ledger)
    }

    pub fn over(ledger: Ledger) -> Self {
        Self::with_keys(ledger, vec![key("validator")])
    }

    pub fn with_keys(ledger: Ledger, keys: Vec<SigningKey>) -> Self {
        let now = ledger.genesis().time;
        let sequencer = Sequencer::new(Arc::new(ledger), keys);
        Self { sequencer, now, study: StudyId::from_bytes([0; 32]) }
    }

    pub fn on_disk(path: &Path, genesis: Genesis) -> Self {
        Self::over(Ledger::open_with(path, genesis, Box::new(DigestInsteadOfPairing)).unwrap())
    }

    /// A chain in its second epoch with accredited parties, a schema, a study, records and an active committee key.
    pub fn ready(quorum: Quorum) -> Self {
        Self::prepared(genesis(quorum))
    }

    pub fn prepared(genesis: Genesis) -> Self {
        let mut world = Self::bare(genesis);
        world.prepare();
        world
    }

    pub fn prepare(&mut self) {
        self.accredit();
        self.act("researcher", Action::RegisterSchema(schema())).unwrap();
        self.register_study();
        for number in 0..4 {
            self.act("issuer 0", Action::RegisterRecord(record(number))).unwrap();
        }
        self.generate_key(CommitteeEpoch::new(0));
        self.pass_epoch();
    }

    pub fn accredit(&mut self) {
        for issuer in ["issuer 0", "issuer 1"] {
            let accredit = Governance::AccreditIssuer { account: account(issuer), name: issuer.into() };
            self.act("governor", Action::Govern(accredit)).unwrap();
        }
        let accredit = Governance::AccreditResearcher { account: account("researcher"), name: "Dr R".into() };
        self.act("governor", Action::Govern(accredit)).unwrap();
    }

    pub fn register_study(&mut self) {
        let study = StudyRegistration { title: "A study".into(), protocol: digest("protocol"), ethics: "EC-1".into() };
        let nonce = self.sequencer.mempool().next_nonce(account("researcher")).unwrap();
        self.study = study.id(&self.ledger().chain(), &account("researcher"), nonce).unwrap();
        self.act("researcher", Action::RegisterStudy(study)).unwrap();
    }

    pub fn commit_all(&mut self, epoch: CommitteeEpoch) {
        let quorum = self.ledger().genesis().committee.quorum;
        for subset in quorum.subsets() {
            let leader = member_name(quorum.leader(subset).unwrap().get());
            let share = CommitteeShare { public: digest("b"), prf: digest("k") };
            self.act(&leader, Action::CommitteeCommit(CommitteeCommit { epoch, subset, share })).unwrap();
        }
    }

    pub fn generate_key(&mut self, epoch: CommitteeEpoch) {
        self.commit_all(epoch);
        for member in self.ledger().genesis().committee.quorum.all_members() {
            let confirm = CommitteeConfirm { epoch, polynomial: polynomial("key") };
            self.act(&member_name(member.get()), Action::CommitteeConfirm(confirm)).unwrap();
        }
    }

    /// Digest of the committee key that a name stands for.
    pub fn key_digest(&self, epoch: CommitteeEpoch, name: &str) -> Digest {
        PublicKey::new(self.ledger().chain(), epoch.into(), polynomial(name)).digest()
    }

    pub fn ledger(&self) -> &Arc<Ledger> {
        self.sequencer.ledger()
    }

    /// Signs and submits an action at the sender's next nonce.
    pub fn act(&mut self, sender: &str, action: Action) -> Result<TransactionId, Error> {
        let key = key(sender);
        let nonce = self.sequencer.mempool().next_nonce(account_of(&key)).unwrap();
        let transaction = Transaction::sign(self.ledger().chain(), &key, nonce, action).unwrap();
        self.sequencer.mempool().submit(transaction, self.now)
    }

    pub fn block(&mut self) -> Produced {
        let produced = self.sequencer.produce_block(self.now).unwrap();
        assert!(produced.refused.is_empty(), "{:?}", produced.refused);
        produced
    }

    pub fn pass_blocks(&mut self, count: u32) {
        (0..count).for_each(|_| drop(self.block()));
    }

    /// Produces blocks until the next epoch begins.
    pub fn pass_epoch(&mut self) {
        let before = self.epoch();
        while self.epoch() == before {
            self.block();
        }
    }

    pub fn pass_days(&mut self, days: u32) {
        self.now = Timestamp::new(self.now.get() + u64::from(days) * SECONDS_PER_DAY);
        self.block();
    }

    pub fn epoch(&self) -> u32 {
        self.ledger().snapshot().unwrap().latest().unwrap().epoch.get()
    }

    pub fn root(&self) -> EpochRoot {
        let snapshot = self.ledger().snapshot().unwrap();
        snapshot.epoch_snapshot(snapshot.latest().unwrap().epoch).unwrap().unwrap().root
    }

    pub fn balance(&self, name: &str) -> u64 {
        let snapshot = self.ledger().snapshot().unwrap();
        snapshot.account(account(name)).unwrap().unwrap_or_default().balance.get()
    }

    pub fn fees(&self) -> u64 {
        self.ledger().snapshot().unwrap().fees().unwrap().unwrap_or_default().get()
    }
}

pub fn payout_name(number: u64) -> String {
    format!("payout {number}")
}

pub fn nullifier(query: QueryId, number: u64) -> Nullifier {
    let seed = u64::from_le_bytes(query.as_bytes()[..8].try_into().unwrap()) >> 16;
    Nullifier::from_bytes(&element(seed ^ (number << 8))).unwrap()
}

/// Person `number`'s scope nullifier: of the terms' scope, as the circuit has it.
pub fn scope_nullifier(state: &QueryState, query: QueryId, number: u64, part: u8) -> ScopeNullifier {
    let Some(scope) = state.terms(query, part).unwrap().eligibility.exact else {
        return ScopeNullifier::from_bytes(&[0; 32]).unwrap();
    };
    let bytes = borsh::to_vec(&(scope, number)).unwrap();
    let seed = hash(ByteTag::Blob, &[&bytes]);
    let number = u64::from_le_bytes(seed.as_bytes()[..8].try_into().unwrap()).max(1);
    ScopeNullifier::from_bytes(&element(number)).unwrap()
}

pub fn record(number: u64) -> RegisterRecord {
    RegisterRecord {
        body: BodyCommitment::from_bytes(&element(1_000 + number)).unwrap(),
        consent: ConsentCommitment::from_bytes(&element(2_000 + number)).unwrap(),
        owner: account(&owner_name(number)),
        replaces: None::<LeafIndex>,
    }
}

pub fn owner_name(number: u64) -> String {
    format!("owner {number}")
}

/// Asserts that an outcome is a refusal whose message contains a text.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, text: &str) {
    let error = outcome.expect_err("this must be refused").to_string();
    assert!(error.contains(text), "{error:?} does not say {text:?}");
}
