//! Who does not respond or answer, and in which words.

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    quorum::Quorum,
};
use market::{
    agent::Refusal,
    data_use::Modifier,
    introduction::KnownAsker,
    issuer::{change_consent, revoke},
    objects::{BlobAccess, BlobKind},
    recruitment::{Contact, Outcome, Outlook},
    wallet::Wallet,
};

use serde_json::json;

use super::{CONTACT, refused, rng, screened, screening, willing};
use crate::{
    data_use::set,
    introductions::trust,
    world::{PRICE, TOO_OLD, World, four_people, pass_days, person, protection, today},
};

#[test]
fn a_person_without_the_flag_for_screening_declines_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people()[..1]);
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    let Outcome::Declined { reasons } = world.respond(&mut wallets[0], id).unwrap() else { panic!() };
    assert!(reasons[0].to_string().contains("it does not allow screening"), "{reasons:?}");
    assert!(wallets[0].responses().is_empty());
    assert_eq!(world.screening_state(id).eligible, 0);
}

#[test]
fn repro_an_approval_that_an_agent_asks_to_see_is_never_shown_for_a_screening() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    set(&world, &mut wallets[0], &willing(), vec![Modifier::EthicsApproval]);
    let require = json!({ "type": "ControlledAccessGrants", "by": "const:dac", "names_approval": true });
    let asking = trust(vec![serde_json::from_value(require).unwrap()]);
    let foreseen = |trust| {
        let agent = world.people_agent();
        let mut opened = agent.open(id).unwrap();
        let known = KnownAsker::of_screening(opened.state(), trust, today());
        opened.introduce(known);
        agent.dry_run(&wallets[0], &opened).unwrap()
    };
    assert!(
        matches!(foreseen(None), Outlook::Respond { .. }),
        "the sponsor's word is enough where nothing is demanded"
    );
    let demanding_nothing = trust(vec![]);
    assert!(matches!(foreseen(Some(&demanding_nothing)), Outlook::Respond { .. }));
    let Outlook::Decline { reasons } = foreseen(Some(&asking)) else { panic!("it responds") };
    assert!(reasons[0].to_string().contains("what this agent asks for is not shown"), "{reasons:?}");
}

#[test]
fn every_other_refusal_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let look = |world: &World, wallet: &Wallet| {
        let agent = world.people_agent();
        match agent.dry_run(wallet, &agent.open(id).unwrap()).unwrap() {
            Outlook::Decline { reasons } => reasons[0].to_string(),
            other => format!("{other:?}"),
        }
    };
    let mut variants: Vec<(ConsentTerms, &str)> = vec![];
    let mut vary = |change: fn(&mut ConsentTerms), reason| {
        let mut changed = willing();
        change(&mut changed);
        variants.push((changed, reason));
    };
    vary(|terms| terms.purposes = Purposes::METHODS, "a purpose of the screening is not among those allowed");
    vary(|terms| terms.price_min = PRICE + 1, "the price is below its minimum");
    vary(|terms| terms.expiry = Day(1), "it expires before the screening closes");
    vary(|terms| terms.regions = Regions(2), "the trial is in a region that is not allowed");
    vary(|terms| terms.flags = terms.flags.union(ConsentFlags::ONLY_THIS_DISEASE), "Respond");
    for (terms, reason) in variants {
        change_consent(world.ledger(), &mut wallets[0], 0, terms).unwrap();
        assert!(look(&world, &wallets[0]).contains("does not hold this record under these terms"));
        world.pass_epoch();
        let said = look(&world, &wallets[0]);
        assert!(said.contains(reason), "{said} does not say {reason}");
    }
    let empty = Wallet::create(&folder.path().join("empty"), protection(), wallets[0].chain(), "", &mut rng()).unwrap();
    assert_eq!(look(&world, &empty), Refusal::NoRecord.to_string());
    revoke(world.ledger(), &wallets[0], 0).unwrap();
    world.pass_epoch();
    assert!(look(&world, &wallets[0]).contains("or revoked"));
    pass_days(31);
    world.pass_blocks(1);
    assert!(look(&world, &wallets[0]).contains("it closed on"), "{}", look(&world, &wallets[0]));
    world.sponsor().close(id).unwrap();
    assert!(look(&world, &wallets[0]).contains("it was closed in block"));
}

#[test]
fn a_person_outside_the_criteria_declines() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&[person(TOO_OLD, [circuits::record::Dosage::Het; 3])]);
    change_consent(world.ledger(), &mut wallets[0], 0, willing()).unwrap();
    world.pass_epoch();
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    let outcome = world.respond(&mut wallets[0], id).unwrap();
    assert_eq!(outcome, Outcome::Declined { reasons: vec![Refusal::OutsideCriteria] });
}

#[test]
fn nobody_answers_before_an_invitation() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let contact = Contact::new(CONTACT).unwrap();
    let agent = world.people_agent();
    refused(agent.accept(&mut wallets[0], id, &contact, &mut rng()), "has no response to it");
    world.respond(&mut wallets[0], id).unwrap();
    refused(agent.accept(&mut wallets[0], id, &contact, &mut rng()), "no invitation to answer yet");
    refused(agent.decline(&mut wallets[0], id), "no invitation to answer yet");
    assert_eq!(wallets[0].responses()[&id].answer, None);
    assert!(world.blobs.list(BlobKind::Contact).unwrap().is_empty());
}

#[test]
fn a_wallet_or_a_key_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let chain = circuits::id::ChainId::from_bytes([1; 32]);
    let mut foreign = Wallet::create(&folder.path().join("f"), protection(), chain, "", &mut rng()).unwrap();
    refused(world.respond(&mut foreign, id), "the wallet is of chain");
    let other = circuits::eligibility::insecure_proving_key_from_seed([8; 32]).unwrap();
    let agent = world.people_agent();
    let opened = agent.open(id).unwrap();
    refused(agent.proving(&other).respond(&mut wallets[0], &opened, &mut rng()), "this chain verifies under");
    assert!(wallets[0].responses().is_empty());
}
