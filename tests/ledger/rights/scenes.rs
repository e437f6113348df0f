//! The states in which the right party could send each action, where everybody tries.

use std::collections::BTreeSet;

use circuits::{
    contribution::Opening,
    id::{ConsentCommitment, DatasetId, Evaluation, LicenceId, QueryId, ScreeningId, StudyId, WithdrawalId},
    quorum::{MemberIndex, Quorum, SubsetIndex},
    schema::Schema,
};
use node::{
    Ledger,
    query::CohortQuery,
    screening::ScreeningQuery,
    signature::sign,
    transaction::{
        Action, ChangeConsent, CommitteeCommit, CommitteeComplain, CommitteeConfirm, CommitteeReveal, CommitteeShare,
        ConsortiumChange, Deposit, DesignStudy, Equivocation, Governance, OfferDataset, PostOutcome, RegisterRecord,
        RequestLicence, RequestWithdrawal, SettleWithdrawal, SignedStatement, StudyDesign, StudyRegistration, Transfer,
        Withdraw,
    },
    units::{Amount, CommitteeEpoch, ContributionIndex, Height, LeafIndex},
    validator::ValidatorSet,
    vote::{Ballot, Statement, VoteKind},
};

use super::{ANYBODY, BANKS, RESEARCHERS, Rights, every_tag, mirrored};
use crate::{
    false_receipt::{evidence, zero},
    licences::{access, grant, offer, request},
    recruitment::{answer, invite},
    studies::amendment,
    world::{
        DigestInsteadOfPairing, World, account, digest, element, genesis, key, member_name, polynomial, record, schema,
        validator,
    },
};

const SECOND: CommitteeEpoch = CommitteeEpoch::new(1);
/// What everybody has to spend.
const PURSE: u64 = 20_000;
/// Blocks in which an owner is to answer.
const ANSWER_BLOCKS: u32 = 24;

/// What one of two parties of each kind has.
struct Estate {
    study: StudyId,
    query: QueryId,
    screening: ScreeningId,
    dataset: DatasetId,
    waiting: LicenceId,
    granted: LicenceId,
    withdrawal: WithdrawalId,
}

/// The first party's name, or that of its counterpart.
fn of(side: u32, first: &str) -> &str {
    if side == 0 { first } else { mirrored(first) }
}

fn founded() -> Rights {
    let mut genesis = genesis(Quorum::DEFAULT);
    genesis.parameters.early_sealing_allowed = true;
    let validators = vec![validator("validator", 1), validator("second validator", 1), validator("observer", 0)];
    genesis.validators = ValidatorSet::new(validators).unwrap();
    let ledger = Ledger::in_memory(genesis, Box::new(DigestInsteadOfPairing)).unwrap();
    let mut world = World::with_keys(ledger, vec![key("validator"), key("second validator")]);
    world.prepare();
    for name in ANYBODY {
        let purse = Transfer { to: account(name), amount: Amount::new(PURSE) };
        world.act("friend", Action::Transfer(purse)).unwrap();
    }
    for name in RESEARCHERS {
        let accredit = Governance::AccreditResearcher { account: account(name), name: (*name).into() };
        world.act("governor", Action::Govern(accredit)).unwrap();
    }
    for name in BANKS {
        let (account, cap) = (account(name), Amount::new(1_000));
        let accredit = Governance::AccreditSettlement { account, name: (*name).into(), cap };
        world.act("governor", Action::Govern(accredit)).unwrap();
    }
    world.act("issuer 1", Action::RegisterRecord(record(4))).unwrap();
    world.block();
    Rights { world, tried: BTreeSet::new() }
}

fn everybody_governs(rights: &mut Rights) {
    let (account, name) = (account("friend"), String::from("Friend"));
    let governance = [
        Governance::AccreditIssuer { account, name: name.clone() },
        Governance::SuspendIssuer(crate::world::account("issuer 1")),
        Governance::AccreditResearcher { account, name: name.clone() },
        Governance::SuspendResearcher(crate::world::account("researcher")),
        Governance::RekeyCommittee,
        Governance::SetFees(node::fees::FeeSchedule::default()),
        Governance::AccreditSettlement { account, name, cap: Amount::new(1) },
        Governance::SuspendSettlement(crate::world::account("bank")),
    ];
    governance.map(Action::Govern).iter().for_each(|action| rights.own(action));
}

/// An offer of the data of a party's record.
fn offered(side: u32) -> OfferDataset {
    let record = Some(LeafIndex::new(4 * side));
    OfferDataset { record, custodian: account(of(side, "custodian")), ..offer() }
}

fn everybody_registers(rights: &mut Rights) {
    let study = StudyRegistration { title: "Mine".into(), protocol: digest("mine"), ethics: "EC-9".into() };
    rights.own(&Action::RegisterSchema(Schema { name: "another".into(), ..schema() }));
    rights.own(&Action::RegisterStudy(study));
    rights.own(&Action::RegisterRecord(record(20)));
    rights.own(&Action::OfferDataset(Box::new(OfferDataset { record: None, ..offer() })));
    let consent = ConsentCommitment::from_bytes(&element(77)).unwrap();
    let toward = |side: u32| {
        let (index, owner) = (LeafIndex::new(4 * side), record(u64::from(4 * side)).owner);
        [
            Action::RegisterRecord(RegisterRecord { replaces: Some(index), owner, ..record(21) }),
            Action::ChangeConsent(ChangeConsent { record: index, consent }),
            Action::RevokeConsent(index),
            Action::OfferDataset(Box::new(offered(side))),
        ]
    };
    toward(0).iter().for_each(|action| rights.own(action));
    toward(1).iter().for_each(|action| rights.foreign(action));
}

fn withdrawal(institution: &str) -> RequestWithdrawal {
    RequestWithdrawal { amount: Amount::new(5), institution: account(institution), reference: digest("order") }
}

fn everybody_moves_money(rights: &mut Rights) {
    let (to, amount, reference) = (account("heir"), Amount::new(1), digest("payment"));
    rights.own(&Action::Transfer(Transfer { to, amount }));
    rights.own(&Action::Deposit(Deposit { to, amount, reference }));
    rights.own(&Action::RequestWithdrawal(withdrawal("bank")));
}

/// Two precommits of a validator for one round.
fn contradiction(world: &World) -> Equivocation {
    let said = |block: &str| {
        let statement = Statement::Vote { kind: VoteKind::Precommit, block: Some(digest(block)) };
        let ballot = Ballot { chain: world.ledger().chain(), height: Height::new(1), round: 0, statement };
        SignedStatement { statement, signature: sign(&key("validator"), &ballot.message().unwrap()) }
    };
    let (first, second) = (said("one"), said("other"));
    Equivocation { validator: account("validator"), height: Height::new(1), round: 0, first, second }
}

fn everybody_votes_and_brings_evidence(rights: &mut Rights) {
    let change = ConsortiumChange::SetValidator(validator("newcomer", 1));
    rights.own(&Action::ApproveChange(change.clone()));
    rights.world.act("validator", Action::ApproveChange(change.clone())).unwrap();
    rights.world.block();
    rights.own(&Action::WithdrawApproval(change.digest().unwrap()));
    let contradiction = contradiction(&rights.world);
    rights.own(&Action::Equivocation(Box::new(contradiction)));
    let [c0, c1] = [1, 2].map(|value| Evaluation::from_bytes(&element(value)).unwrap());
    let lie = evidence(&rights.world, 0, zero(), Opening { c0, c1 });
    rights.own(&Action::FalseReceipt(Box::new(lie)));
}

/// Sends an action, whose id its sender's turn is part of.
fn send<I>(world: &mut World, sender: &str, action: Action, id: impl FnOnce(&World, u64) -> I) -> I {
    let nonce = world.sequencer.mempool().next_nonce(account(sender)).unwrap();
    let id = id(world, nonce);
    world.act(sender, action).unwrap();
    id
}

/// A study with its sponsor.
fn study(world: &mut World, side: u32) -> StudyId {
    let researcher = of(side, "researcher");
    let study = StudyRegistration { title: "Alleles".into(), protocol: digest("alleles"), ethics: "EC-2".into() };
    let id = send(world, researcher, Action::RegisterStudy(study.clone()), |world, nonce| {
        study.id(&world.ledger().chain(), &account(researcher), nonce).unwrap()
    });
    world.act(researcher, Action::DesignStudy(design(id, side))).unwrap();
    world.block();
    id
}

fn design(study: StudyId, side: u32) -> DesignStudy {
    DesignStudy { study, design: StudyDesign { sponsor: Some(account(of(side, "sponsor"))), ..StudyDesign::default() } }
}

fn everybody_studies(rights: &mut Rights, studies: [StudyId; 2]) {
    let toward = |world: &World, side: u32, study: StudyId| {
        [
            Action::DesignStudy(design(study, side)),
            Action::AmendStudy(amendment(study)),
            Action::CloseStudy(study),
            Action::OpenQuery(Box::new(CohortQuery { study, ..world.query() })),
            Action::OpenScreening(Box::new(ScreeningQuery { study, ..world.screening() })),
        ]
    };
    let [own, foreign] = studies;
    toward(&rights.world, 0, own).iter().for_each(|action| rights.own(action));
    toward(&rights.world, 1, foreign).iter().for_each(|action| rights.foreign(action));
}

/// A query of a study with these people's contributions.
fn query(world: &mut World, side: u32, study: StudyId, people: [u64; 2]) -> QueryId {
    let (researcher, query) = (of(side, "researcher"), CohortQuery { study, ..world.query() });
    let id = send(world, researcher, Action::OpenQuery(Box::new(query.clone())), |world, nonce| {
        query.id(&world.ledger().chain(), &account(researcher), nonce).unwrap()
    });
    world.block();
    for person in people {
        let contribution = world.contribution(id, person);
        world.contribute(contribution).unwrap();
    }
    world.block();
    id
}

/// A sponsor's screening with two responses, of which the first is invited.
fn screening(world: &mut World, side: u32, study: StudyId) -> ScreeningId {
    let sponsor = of(side, "sponsor");
    let asked = ScreeningQuery { study, ..world.screening() };
    let screening = world.open_screening(sponsor, asked).unwrap();
    for person in [0, 2] {
        let response = world.response(screening, u64::from(side) + person);
        world.respond(response).unwrap();
    }
    world.block();
    world.act(sponsor, invite(screening, 0)).unwrap();
    world.block();
    screening
}

fn licence(world: &mut World, side: u32, dataset: DatasetId) -> LicenceId {
    let licensee = of(side, "licensee");
    let request = RequestLicence { answer_blocks_max: ANSWER_BLOCKS, ..request(dataset) };
    send(world, licensee, Action::RequestLicence(request.clone()), |world, nonce| {
        request.id(&world.ledger().chain(), &account(licensee), nonce).unwrap()
    })
}

fn estate(world: &mut World, side: u32, study: StudyId) -> Estate {
    let people = [0, 2].map(|person| person + u64::from(side));
    let (query, screening) = (query(world, side, study, people), screening(world, side, study));
    let (owner, offered) = (of(side, "owner 0"), offered(side));
    let dataset = send(world, owner, Action::OfferDataset(Box::new(offered.clone())), |world, nonce| {
        offered.id(&world.ledger().chain(), &account(owner), nonce).unwrap()
    });
    let request = withdrawal(of(side, "bank"));
    let withdrawal = send(world, "friend", Action::RequestWithdrawal(request), |world, nonce| {
        request.id(&world.ledger().chain(), &account("friend"), nonce).unwrap()
    });
    world.block();
    let [waiting, granted] = [(); 2].map(|()| licence(world, side, dataset));
    world.block();
    world.act(owner, grant(granted)).unwrap();
    world.block();
    Estate { study, query, screening, dataset, waiting, granted, withdrawal }
}

fn everybody_trades(rights: &mut Rights, estates: &[Estate; 2]) {
    let toward = |estate: &Estate| {
        [
            Action::Withdraw(Withdraw { query: estate.query, contribution: ContributionIndex::new(0) }),
            invite(estate.screening, 1),
            answer(estate.screening, 0, true),
            Action::WithdrawDataset(estate.dataset),
            Action::RequestLicence(request(estate.dataset)),
            grant(estate.waiting),
            Action::DeclineLicence(estate.waiting),
            Action::RevokeLicence(estate.granted),
            access(estate.granted),
            Action::SettleWithdrawal(SettleWithdrawal { withdrawal: estate.withdrawal, receipt: digest("receipt") }),
            Action::RejectWithdrawal(estate.withdrawal),
        ]
    };
    let [own, foreign] = estates;
    toward(own).iter().for_each(|action| rights.own(action));
    toward(foreign).iter().for_each(|action| rights.foreign(action));
    // Before their days are over.
    for (side, estate) in (0..).zip(estates) {
        rights.only(&Action::Seal(estate.query), &[of(side, "researcher")]);
        rights.only(&Action::CloseScreening(estate.screening), &[of(side, "sponsor")]);
    }
    // What waits for a suspended institution.
    let suspend = Action::Govern(Governance::SuspendSettlement(account("bank")));
    rights.world.act("governor", suspend).unwrap();
    rights.world.block();
    rights.only(&Action::RejectWithdrawal(own.withdrawal), &["bank", "governor"]);
}

fn everybody_ends_what_is_over(rights: &mut Rights, estates: &[Estate; 2], late: QueryId) {
    let [own, foreign] = estates;
    rights.world.pass_days(11);
    rights.world.pass_blocks(ANSWER_BLOCKS);
    rights.own(&Action::ReclaimLicence(own.waiting));
    rights.foreign(&Action::ReclaimLicence(foreign.waiting));
    rights.own(&Action::CloseScreening(own.screening));
    rights.own(&Action::Seal(own.query));
    for query in [own.query, foreign.query, late] {
        rights.world.act("friend", Action::Seal(query)).unwrap();
    }
    rights.world.block();
    let threshold = rights.world.ledger().genesis().committee.quorum.threshold();
    let signers: Vec<u8> = (0..threshold).collect();
    for query in [own.query, foreign.query] {
        let aggregate = Action::Aggregate(rights.world.aggregate(query, &signers));
        rights.own(&aggregate);
        rights.world.act("friend", aggregate).unwrap();
    }
    rights.world.block();
    let components = rights.world.components(own.query, 0, false);
    rights.own(&components);
    for (query, member) in [own.query, foreign.query].iter().flat_map(|query| (0..3).map(move |member| (query, member)))
    {
        let components = rights.world.components(*query, member, false);
        rights.world.act(&member_name(member), components).unwrap();
    }
    rights.world.block();
    let outcome = |Estate { study, query, .. }: &Estate| {
        let (document, summary) = (digest("outcome"), "The allele is common.".into());
        Action::PostOutcome(PostOutcome { study: *study, document, summary, queries: vec![*query] })
    };
    rights.own(&outcome(own));
    rights.foreign(&outcome(foreign));
    rights.world.pass_blocks(4);
    rights.own(&Action::Refund(late));
}

fn everybody_makes_a_key(rights: &mut Rights) {
    let (epoch, subset) = (SECOND, SubsetIndex::new(1));
    let share = CommitteeShare { public: digest("b"), prf: digest("k") };
    let accused = MemberIndex::new(0);
    rights.world.act("governor", Action::Govern(Governance::RekeyCommittee)).unwrap();
    rights.world.block();
    rights.own(&Action::CommitteeCommit(CommitteeCommit { epoch, subset, share }));
    rights.own(&Action::CommitteeComplain(CommitteeComplain { epoch, accused, reason: "not small".into() }));
    rights.world.commit_all(SECOND);
    rights.world.block();
    rights.own(&Action::CommitteeReveal(CommitteeReveal { epoch, subset, message: digest("message") }));
    rights.own(&Action::CommitteeConfirm(CommitteeConfirm { epoch, polynomial: polynomial("key") }));
    let deadline = rights.world.ledger().genesis().parameters.key_step_blocks_max;
    rights.world.pass_blocks(deadline + 1);
    rights.own(&Action::CommitteeExpire(epoch));
}

#[test]
fn everybody_may_do_what_the_table_says_with_what_is_their_own_and_nothing_else() {
    let mut rights = founded();
    everybody_governs(&mut rights);
    everybody_registers(&mut rights);
    everybody_moves_money(&mut rights);
    everybody_votes_and_brings_evidence(&mut rights);
    let studies = [0, 1].map(|side| study(&mut rights.world, side));
    everybody_studies(&mut rights, studies);
    let late = query(&mut rights.world, 0, studies[0], [4, 5]);
    let estates = [0u32, 1].map(|side| estate(&mut rights.world, side, studies[side as usize]));
    everybody_trades(&mut rights, &estates);
    everybody_ends_what_is_over(&mut rights, &estates, late);
    everybody_makes_a_key(&mut rights);
    assert_eq!(rights.tried, every_tag(), "there is an action that nobody tried");
}
