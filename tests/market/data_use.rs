//! Data use terms behind a consent: what no proof enforces, the owner's agent decides, and it knows what the ledger says.

use circuits::{
    consent::{ConsentTerms, Purposes},
    quorum::Quorum,
};
use market::{
    agent::{Outlook, Refusal},
    data_use::{DataUseTerms, Modifier, Offer, Permission, RegionTable},
    issuer::change_consent,
    recruitment,
    wallet::Wallet,
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::recruitment::{screened, willing};
use crate::world::{World, four_people, protection, terms, wallet_path};

/// The terms of health research under these conditions, in the wallet and on the ledger from the next epoch on.
pub fn set(world: &World, wallet: &mut Wallet, sound: &ConsentTerms, conditions: Vec<Modifier>) {
    let data_use = DataUseTerms::new(Permission::HealthResearch, conditions).unwrap();
    let offer = Offer {
        last_day: sound.expiry,
        price_min: sound.price_min,
        epsilon_milli_max: sound.epsilon_milli_max,
        cohort_min: sound.cohort_min,
        flags: sound.flags,
    };
    let consent = data_use.commit(&offer, &RegionTable::default(), sound.salt).unwrap();
    wallet.note_data_use(&consent, data_use).unwrap();
    change_consent(world.ledger(), wallet, 0, consent).unwrap();
    world.pass_epoch();
}

#[test]
fn a_consent_for_named_researchers_and_projects_is_answered_to_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    let state = world.state(query);
    let user = |account: String| Modifier::Users([format!("account:{account}").parse().unwrap()].into());
    let project = |study: String| Modifier::Projects([format!("study:{study}").parse().unwrap()].into());
    let institution = Modifier::Institutions(["uni.example".parse().unwrap()].into());
    let (researcher, study, other) = (state.researcher.to_string(), state.query.study.to_string(), "00".repeat(32));
    let cases = [
        (vec![user(researcher.clone()), project(study.clone())], vec![]),
        (vec![user(other.clone()), project(study.clone())], vec!["DUO:0000026 US"]),
        (vec![user(other.clone()), project(other)], vec!["DUO:0000026 US", "DUO:0000027 PS"]),
        // The ledger says nothing of institutions, and what is not known is not met.
        (vec![user(researcher), institution], vec!["DUO:0000028 IS"]),
    ];
    let sound = terms(Purposes::HEALTH_RESEARCH, &mut StdRng::seed_from_u64(7));
    for (conditions, reasons) in cases {
        set(&world, &mut wallets[0], &sound, conditions);
        // The terms are in the wallet's file: they outlive the process that set them.
        drop(wallets.remove(0));
        wallets.insert(0, Wallet::open(&wallet_path(&world.root, 0), protection()).unwrap());
        match world.outlook(&wallets[0], query) {
            Outlook::Answer { .. } => assert!(reasons.is_empty(), "{reasons:?}"),
            Outlook::Decline { reasons: told } => {
                let [Refusal::Consent(told)] = told.as_slice() else { panic!("{told:?}") };
                assert!(!reasons.is_empty() && reasons.iter().all(|reason| told.why().contains(reason)), "{told}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_purpose_that_the_consent_lacks_is_told_with_its_term_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    let ancestry = terms(Purposes::ANCESTRY, &mut StdRng::seed_from_u64(8));
    change_consent(world.ledger(), &mut wallets[0], 0, ancestry).unwrap();
    world.pass_epoch();
    let Outlook::Decline { reasons } = world.outlook(&wallets[0], query) else { panic!() };
    let told = reasons[0].to_string();
    assert!(
        told.contains("this study is for health research (DUO:0000006 HMB). Only a change of your consent"),
        "{told}"
    );
}

#[test]
fn a_consent_for_named_projects_answers_the_screenings_of_these_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let study = world.screening_state(id).screening.study;
    for (named, answers) in [(study.to_string(), true), ("00".repeat(32), false)] {
        let projects = Modifier::Projects([format!("study:{named}").parse().unwrap()].into());
        set(&world, &mut wallets[0], &willing(), vec![projects]);
        let agent = world.people_agent();
        match agent.dry_run(&wallets[0], &agent.open(id).unwrap()).unwrap() {
            recruitment::Outlook::Respond { .. } => assert!(answers, "{named}"),
            recruitment::Outlook::Decline { reasons } => {
                assert!(!answers && reasons[0].to_string().contains("DUO:0000027 PS"), "{reasons:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
