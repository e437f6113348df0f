//! A study that recruits among the demo's people: their agents show that they are eligible, and its sponsor invites them.

use std::collections::BTreeSet;

use circuits::id::{Digest, ScreeningId, StudyId};
use market::{
    data_use::RegionTable,
    ledger::{LedgerAccess, act, next_nonce, tip},
    query::NamedClause,
    recruitment::{Invitation, Invited, Outcome, ScreeningAgent, ScreeningFile, Sponsor},
    wallet::{PartyKey, Wallet},
};
use node::{
    transaction::{Action, StudyRegistration},
    units::ResponseIndex,
};
use rand::rngs::StdRng;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    people::{self, Part, Sources},
    stages::Cast,
    town::Town,
};
use crate::{Error, cli::sealing_key};

/// The study that recruits.
const TITLE: &str = "A trial of two visits";
/// People whose agents respond at most: each proof takes a moment.
const RESPONDENTS_MAX: usize = 6;
/// What a response pays, in minor units: more than the least that the people take.
const PRICE: u64 = people::PRICE + 100;
/// Responses above which none is admitted.
const RESPONSES_MAX: u32 = 10;
/// Days for which the screening admits responses.
const DAYS: u32 = 30;
/// The ages looked for, where ages are known.
const AGES: (f64, f64) = (18.0, 120.0);

/// What came of recruiting.
#[derive(Debug, Clone, Serialize)]
pub struct Recruited {
    /// The screening.
    pub id: ScreeningId,
    /// The people whose agents showed that they are eligible, by the labels of their wallets. The ledger does not know
    /// them, and neither does the sponsor.
    pub responded: Vec<String>,
    /// Those who have an invitation of the sponsor's.
    pub invited: usize,
}

impl Recruited {
    pub(super) fn in_words(&self) -> String {
        let responded = self.responded.len();
        format!("{responded} people showed that they are eligible, without telling who; {} are invited", self.invited)
    }
}

/// Opens a screening, lets the contributors' agents respond, and invites everybody who did. Nobody answers: that is left
/// to who looks at the demo.
///
/// # Errors
/// [`Error::Market`] when the ledger refuses a step.
pub(super) fn recruit(town: &Town, cast: &Cast, wallets: &mut [Wallet], rng: &mut StdRng) -> Result<Recruited, Error> {
    let (ledger, blobs) = (&*town.ledger, &*town.blobs);
    let researcher = &town.parties.researcher;
    let sponsor = Sponsor { ledger, blobs, key: researcher };
    let file = file(study(ledger, researcher)?, &cast.sources)?;
    let today = tip(ledger)?.time.day();
    let (id, _) = sponsor.open(file.resolve(&cast.sources.schema, today, sealing_key(researcher))?)?;
    let agent = ScreeningAgent { ledger, blobs };
    let opened = agent.open(id)?;
    let respondent = agent.proving(&town.screening);
    let asked = wallets.iter_mut().zip(&cast.people).filter(|(_, person)| person.part == Part::Contributes);
    let (mut responded, mut places) = (vec![], BTreeSet::new());
    for (wallet, person) in asked.take(RESPONDENTS_MAX) {
        if let Outcome::Admitted { response, .. } = respondent.respond(wallet, &opened, rng)? {
            responded.push(person.name.clone());
            places.insert(response);
        }
    }
    let invited = invite(&sponsor, id, &places)?;
    Ok(Recruited { id, responded, invited })
}

/// Invites so many.
fn invite(sponsor: &Sponsor<'_>, id: ScreeningId, places: &BTreeSet<ResponseIndex>) -> Result<usize, Error> {
    let letter = Invitation {
        title: TITLE.into(),
        about: "Two visits, half a year apart, with a blood sample each time.\nYou can stop whenever you like.".into(),
        answering: "Leave an address or a telephone number. Only the sponsor of this demo can read it.".into(),
    };
    let sent = sponsor.invite(id, places, &letter)?;
    Ok(sent.iter().filter(|sent| matches!(sent, Invited::Invited { .. })).count())
}

/// Registers the study.
fn study(ledger: &dyn LedgerAccess, researcher: &PartyKey) -> Result<StudyId, Error> {
    let key = researcher.signing_key();
    let registration = StudyRegistration {
        title: TITLE.into(),
        protocol: Digest::from_bytes(Sha256::digest(TITLE).into()),
        ethics: "demo, no approval needed: nobody is treated".into(),
    };
    let id = registration.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::RegisterStudy(registration))?;
    Ok(id)
}

/// Adults, where ages are known.
fn file(study: StudyId, sources: &Sources) -> Result<ScreeningFile, Error> {
    let knows_ages = sources.schema.attribute_index("age").is_some();
    let (lo, hi) = AGES;
    let adult = NamedClause { attribute: Some("age".into()), variant: None, lo, hi, negated: false };
    Ok(ScreeningFile {
        study,
        schema: sources.schema.id()?,
        criteria: if knows_ages { vec![vec![adult]] } else { vec![] },
        issuers: vec![],
        purposes: vec!["health-research".into()],
        disease: 0,
        regions: 1,
        data_use: None,
        region_table: RegionTable::default(),
        price: PRICE,
        responses_max: RESPONSES_MAX,
        days: DAYS,
    })
}
