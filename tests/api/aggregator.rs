//! Whoever adds up for everybody follows a committee that others follow.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use circuits::{id::AccountId, quorum::Quorum};
use market::{
    agent::Outcome,
    aggregator::aggregate,
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    ledger::act,
    wallet::{PartyKey, Role},
};
use node::{
    genesis::{Committee, Member as Seat},
    state::{QueryStatus, committee_of},
    transaction::{Action, ConsortiumChange},
};
use rand::{SeedableRng, rngs::StdRng};
use web::{
    client::{ADDRESSES_MAX, CommitteeDirectory},
    member::MemberService,
    serve::{Running, StopOn, serve_member},
};

use crate::market_world::{World, four_people, member_folder, sealing_key};

fn serve(member: AccountId, committee: &Arc<LocalCommittee>) -> Running {
    let committee = Arc::clone(committee) as Arc<dyn CommitteeAccess>;
    serve_member(MemberService { member, committee }, "127.0.0.1:0", StopOn::Request).unwrap()
}

/// Seats two who never sat with the first member of before, at another place. Everybody runs in the world's committee.
fn hand_over(world: &mut World) -> Vec<PartyKey> {
    let mut rng = StdRng::seed_from_u64(9);
    let mut new = || PartyKey::random(Role::Member, &mut rng);
    let heirs = vec![new(), new(), world.keys.members[0].clone()];
    let seat = |key: &PartyKey| Seat { account: key.account(), sealing: sealing_key(key) };
    let seats = Committee { quorum: Quorum::new(2, 3).unwrap(), members: heirs.iter().map(seat).collect() };
    let seating = Action::ApproveChange(ConsortiumChange::SeatCommittee(seats));
    act(world.ledger(), &world.keys.validator.signing_key(), seating).unwrap();
    let everybody = world.keys.members.iter().chain(&heirs[..2]).enumerate();
    let open = |(number, key): (usize, &PartyKey)| {
        Member::open(&member_folder(&world.root, number), key.clone(), world.ledger()).unwrap()
    };
    let members = everybody.map(open).collect();
    world.committee = LocalCommittee::new(members, Arc::clone(&world.ledger) as _, Arc::clone(&world.blobs) as _);
    world.work();
    heirs
}

#[test]
fn aggregator_and_agents_find_the_members_of_each_querys_committee_after_a_handover() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..2]);
    let before = world.query(2, 10);
    world.answer_all(&mut wallets[..1], before);
    let heirs = hand_over(&mut world);
    world.answer_all(&mut wallets[1..], before);
    world.pass_epoch();
    let after = world.private_query(2, 10, 1_000);
    world.answer_all(&mut wallets, after);
    world.seal(before);
    world.seal(after);

    let nobody = LocalCommittee::new(vec![], Arc::clone(&world.ledger) as _, Arc::clone(&world.blobs) as _);
    let members = Arc::new(std::mem::replace(&mut world.committee, nobody));
    let old: Vec<_> = world.keys.members.iter().map(|key| serve(key.account(), &members)).collect();
    // In any order, with one where nobody answers.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let given: Vec<String> = [format!("http://{away}")].into_iter().chain(old.iter().rev().map(Running::url)).collect();
    let listed = Arc::new(Mutex::new(given));
    let read = Arc::clone(&listed);
    let directory = CommitteeDirectory::new(Box::new(move || Ok(read.lock().unwrap().clone()))).unwrap();
    let sender = world.keys.researcher.signing_key();
    let add_up = |query| aggregate(world.ledger(), world.blobs.as_ref(), &directory, &sender, query);
    add_up(before).unwrap();
    assert!(matches!(world.state(before).status, QueryStatus::Aggregated { .. }));

    let refused = add_up(after).unwrap_err().to_string();
    assert!(refused.contains("1 member signed, 2 must"), "{refused}");
    assert!(refused.contains("answers at none of the addresses given"), "{refused}");
    let new = serve(heirs[1].account(), &members);
    // Somebody who claims that account, and refuses everything, is in nobody's way.
    let nobody = || LocalCommittee::new(vec![], Arc::clone(&world.ledger) as _, Arc::clone(&world.blobs) as _);
    let liar = serve(heirs[1].account(), &Arc::new(nobody()));
    listed.lock().unwrap().extend([liar.url(), new.url()]);
    add_up(after).unwrap();
    assert!(matches!(world.state(after).status, QueryStatus::Aggregated { .. }));

    // An agent that began before the handover finds them too, though one of them is away.
    let asked = world.private_query(2, 10, 1_000);
    let seats = committee_of(world.ledger(), world.state(asked).committee).unwrap();
    directory.require(&seats).unwrap();
    let (agent, mut rng) = (world.agent_through(world.ledger(), &directory), StdRng::seed_from_u64(10));
    for wallet in &mut wallets {
        let outcome = agent.answer(wallet, asked, &mut rng).unwrap();
        assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    }
    // Nor does a claim count to an account whose address is said; one member is too few.
    let given = vec![liar.url(), format!("{}={}", heirs[1].account(), new.url())];
    let few = CommitteeDirectory::new(Box::new(move || Ok(given.clone()))).unwrap();
    let refused = few.require(&seats).unwrap_err().to_string();
    assert!(refused.contains("2 members of the committee must answer"), "{refused}");
    assert!(refused.contains(&heirs[0].account().to_string()), "{refused}");
    assert!(!refused.contains(&heirs[1].account().to_string()), "{refused}");
}

#[test]
fn a_directory_takes_some_addresses_and_none_that_is_no_address() {
    let directory = |urls: &[&str]| {
        let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
        CommitteeDirectory::new(Box::new(move || Ok(urls.clone())))
    };
    assert!(directory(&["http://127.0.0.1:9001"]).is_ok());
    assert!(directory(&[]).err().unwrap().to_string().contains("0 addresses are given"));
    assert!(directory(&["http://127.0.0.1:9001"; ADDRESSES_MAX + 1]).is_err());
    assert!(directory(&["me=http://127.0.0.1:9001"]).err().unwrap().to_string().contains("ACCOUNT=http://host:port"));
    assert!(directory(&["127.0.0.1:9001"]).err().unwrap().to_string().contains("http://host:port"));
}
