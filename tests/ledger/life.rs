//! A query's life, step by step, on the small chain.

use circuits::{
    consent::{Day, Purposes, Regions},
    contribution::{Opening, UnverifiedContribution},
    criteria::{Criteria, MatchCriteria},
    groth16::{PROOF_BYTES, ProofBytes},
    id::{Digest, Evaluation, QueryId},
    layout::Layout,
    quorum::MemberIndex,
};
use node::{
    Error, ProofVerifier, QueryPart,
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    signature::sign,
    state::{ContributionState, QueryState, StateRead},
    transaction::{
        Action, Aggregate, Attestation, ComponentDigests, Contribution, ContributionPart, MemberSignature, Receipt,
        SubmitComponents, Transaction, TransactionId, aggregate_message, contribution_set_digest,
    },
    units::{Amount, ContributionIndex},
};

use crate::world::{
    DigestInsteadOfPairing, TODAY, World, account, digest, double_proof, element, key, member_name, nullifier,
    payout_name, schema, scope_nullifier,
};

/// What person `number`'s ciphertexts are said to be at the challenge.
pub fn opening(number: u64) -> Opening {
    let [c0, c1] = [2 * number, 2 * number + 1].map(|value| Evaluation::from_bytes(&element(value)).unwrap());
    Opening { c0, c1 }
}

impl World {
    pub fn query(&self) -> CohortQuery {
        CohortQuery {
            study: self.study,
            schema: schema().id().unwrap(),
            criteria: Criteria::default(),
            matching: MatchCriteria::default(),
            issuers: vec![],
            parts: vec![Layout::count()],
            data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
            price: Amount::new(100),
            contributions_min: 2,
            contributions_max: 5,
            privacy: PrivacyMode::Exact,
            opening: Day(TODAY),
            closing: Day(TODAY + 10),
            aggregate_blocks_max: 3,
            release_blocks_max: 3,
            sealing: SealingKey::new(vec![9; 32]),
        }
    }

    /// Opens a query and includes it in a block.
    pub fn open(&mut self, query: CohortQuery) -> Result<QueryId, Error> {
        let nonce = self.sequencer.mempool().next_nonce(account("researcher")).unwrap();
        let id = query.id(&self.ledger().chain(), &account("researcher"), nonce).unwrap();
        self.act("researcher", Action::OpenQuery(Box::new(query)))?;
        self.block();
        Ok(id)
    }

    pub fn state(&self, query: QueryId) -> QueryState {
        self.ledger().snapshot().unwrap().query(query).unwrap().unwrap()
    }

    /// Person `number`'s contribution to a query, complete and valid.
    pub fn contribution(&self, query: QueryId, number: u64) -> Contribution {
        let state = self.state(query);
        let payout = account(&payout_name(number));
        let parts = (0..state.query.parts.len() as u8).map(|index| ContributionPart {
            root: self.root(),
            nullifier: nullifier(query, number),
            scope_nullifier: scope_nullifier(&state, query, number, index),
            ciphertext: digest(&format!("ciphertext {query} {number} {index}")),
            contribution: UnverifiedContribution { proof: ProofBytes::new([0; PROOF_BYTES]), opening: opening(number) },
            receipts: vec![],
        });
        let mut contribution = Contribution { query, payout, parts: parts.collect() };
        for index in 0..state.query.parts.len() as u8 {
            self.prove(&mut contribution, index);
            contribution.parts[usize::from(index)].receipts =
                self.receipts(&contribution, index, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
        contribution
    }

    /// Gives a part the double's proof for what the contribution now says.
    pub fn prove(&self, contribution: &mut Contribution, index: u8) {
        let (snapshot, chain) = (self.ledger().snapshot().unwrap(), self.ledger().chain());
        let Contribution { query, payout, parts } = contribution;
        let state = self.state(*query);
        let part = &mut parts[usize::from(index)];
        let instance = part.instance(&chain, query, index, payout);
        let of = QueryPart::new(&snapshot, chain, *query, &state, index);
        part.contribution = double_proof(&of, &instance, part.contribution.opening);
    }

    /// These members' receipts for what the contribution now says, under the double's challenge.
    pub fn receipts(&self, contribution: &Contribution, index: u8, members: &[u8]) -> Vec<Receipt> {
        self.receipts_under(&DigestInsteadOfPairing, contribution, index, members)
    }

    pub fn receipts_under(
        &self,
        proofs: &dyn ProofVerifier,
        contribution: &Contribution,
        index: u8,
        members: &[u8],
    ) -> Vec<Receipt> {
        let (snapshot, chain) = (self.ledger().snapshot().unwrap(), self.ledger().chain());
        let Contribution { query, payout, parts } = contribution;
        let state = self.state(*query);
        let part = &parts[usize::from(index)];
        let instance = part.instance(&chain, query, index, payout);
        let of = QueryPart::new(&snapshot, chain, *query, &state, index);
        let attestation = Attestation {
            committee: state.committee,
            query: *query,
            part: index,
            ciphertext: part.ciphertext,
            gamma: proofs.challenge(&of, &instance, &part.contribution.proof).unwrap(),
            opening: part.contribution.opening,
        };
        let present = members.iter().filter(|member| **member < self.ledger().genesis().committee.quorum.members());
        present.map(|member| self.receipt(*member, &attestation)).collect()
    }

    /// A member's word for anything.
    pub fn receipt(&self, member: u8, attestation: &Attestation) -> Receipt {
        let message = attestation.message(&self.ledger().chain());
        Receipt { member: MemberIndex::new(member), signature: sign(&key(&member_name(member)), &message) }
    }

    pub fn contribute(&mut self, contribution: Contribution) -> Result<TransactionId, Error> {
        self.sequencer.mempool().submit(Transaction::Contribute(contribution), self.now)
    }

    /// Opens a query and admits these people's contributions.
    pub fn collect(&mut self, query: CohortQuery, people: std::ops::Range<u64>) -> QueryId {
        let id = self.open(query).unwrap();
        for number in people {
            self.contribute(self.contribution(id, number)).unwrap();
        }
        self.block();
        id
    }

    /// Collects, passes the closing day and seals.
    pub fn sealed(&mut self, query: CohortQuery, people: std::ops::Range<u64>) -> QueryId {
        let id = self.collect(query, people);
        self.pass_days(11);
        self.act("friend", Action::Seal(id)).unwrap();
        self.block();
        id
    }

    pub fn surviving(&self, query: QueryId) -> Vec<(ContributionIndex, ContributionState)> {
        let all = self.ledger().snapshot().unwrap().contributions(query).unwrap();
        let indexed = (0..).map(ContributionIndex::new).zip(all);
        indexed.filter(|(_, contribution)| !contribution.withdrawn).collect()
    }

    /// The aggregate signed by these members.
    pub fn aggregate(&self, query: QueryId, members: &[u8]) -> Aggregate {
        let surviving = self.surviving(query);
        let set = contribution_set_digest(&query, surviving.iter().map(|(index, state)| (*index, state)));
        let parts: Vec<Digest> =
            (0..self.state(query).query.parts.len()).map(|part| digest(&format!("sum {query} {part}"))).collect();
        let message = aggregate_message(&self.ledger().chain(), &query, &set, &parts);
        let signatures = members
            .iter()
            .map(|member| MemberSignature {
                member: MemberIndex::new(*member),
                signature: sign(&key(&member_name(*member)), &message),
            })
            .collect();
        Aggregate { query, set, parts, signatures }
    }

    /// Brings a sealed query to its aggregate.
    pub fn aggregated(&mut self, query: CohortQuery, people: std::ops::Range<u64>) -> QueryId {
        let id = self.sealed(query, people);
        let threshold = self.ledger().genesis().committee.quorum.threshold();
        let members: Vec<u8> = (0..threshold).collect();
        let aggregate = self.aggregate(id, &members);
        self.act("friend", Action::Aggregate(aggregate)).unwrap();
        self.block();
        id
    }

    /// What a member reports; a liar's digests differ.
    pub fn components(&self, query: QueryId, member: u8, lies: bool) -> Action {
        let quorum = self.ledger().genesis().committee.quorum;
        let parts = (0..self.state(query).query.parts.len())
            .map(|part| {
                let held = quorum.subsets_of(MemberIndex::new(member));
                held.map(|subset| {
                    let name = format!("{query} {part} {subset} {}", if lies { member + 1 } else { 0 });
                    ComponentDigests { sealed: digest(&format!("sealed {name}")), opened: digest(&name) }
                })
                .collect()
            })
            .collect();
        Action::SubmitComponents(SubmitComponents { query, parts })
    }
}
