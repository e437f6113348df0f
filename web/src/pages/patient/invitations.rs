//! Invitations: read, accepted with a contact, declined, or left alone.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, Query, ServiceConfig},
};
use askama::Template;
use circuits::id::ScreeningId;
use market::{
    overview::{Asker, Overview},
    recruitment::{CONTACT_BYTES_MAX, Contact, ReceivedInvitation},
};
use node::state::ResponseStatus;
use serde::Deserialize;

use super::{
    super::{
        parts::{self, Listing, asked},
        shell::Shell,
    },
    Part,
    confirm::{Question, ask, lead_to},
    explained::page,
    visit::{Seen, Visit},
    words,
};
use crate::{Error, api::parse, patient::Act};

#[derive(Template)]
#[template(path = "patient/invitations.html")]
struct Invitations {
    shell: Shell,
    seen: Seen,
    letters: Listing<ReceivedInvitation>,
}

/// Where the list begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begin {
    after: Option<String>,
}

#[get("/invitations")]
async fn list(
    request: HttpRequest,
    visit: Visit,
    begin: Result<Query<Begin>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let after: Option<ScreeningId> = asked(begin)?.after.map(|id| parse("invitation", &id)).transpose()?;
    let (seen, overview) = visit.show().await?;
    let all = overview.invitations.iter().collect();
    let letters = Listing::behind(all, |one| one.screening, after, ("/invitations", "after", "letters"))?;
    let shell = Shell::of(&request, Part::Invitations, "Invitations");
    page(&Invitations { shell, seen, letters: letters.map(ReceivedInvitation::clone) })
}

#[derive(Template)]
#[template(path = "patient/invitation.html")]
struct Invitation {
    shell: Shell,
    seen: Seen,
    received: ReceivedInvitation,
    /// Who looks for people and what for, while the network still lists it.
    asker: Option<Asker>,
    /// The contact that was left, or began to be.
    left: Option<String>,
    /// Whether an answer was begun of which nobody knows.
    is_begun: bool,
    contact: String,
    error: Option<String>,
}

impl Invitation {
    fn of(request: &HttpRequest, seen: Seen, overview: &Overview, received: ReceivedInvitation) -> Self {
        let search = overview.screenings.iter().find(|asked| asked.screening == received.screening);
        Self {
            shell: Shell::of(request, Part::Invitations, "An invitation"),
            seen,
            asker: search.map(|asked| asked.asker.clone()),
            left: left(overview, &received).map(str::to_owned),
            is_begun: overview.is_begun(&received),
            received,
            contact: String::new(),
            error: None,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.received.status, ResponseStatus::Invited { .. })
    }

    fn bytes_max(&self) -> usize {
        CONTACT_BYTES_MAX
    }
}

/// The contact of the answer that the wallet keeps, if that is a yes.
fn left<'o>(overview: &'o Overview, received: &ReceivedInvitation) -> Option<&'o str> {
    overview.contacts.get(&received.screening).map(Contact::text)
}

/// An invitation to the session's wallet.
fn received(overview: &Overview, id: &str) -> Result<ReceivedInvitation, Error> {
    let screening: ScreeningId = parse("invitation", id)?;
    let found = overview.invitations.iter().find(|received| received.screening == screening);
    found.cloned().ok_or_else(|| Error::NotFound { what: "invitation", id: id.into() })
}

#[get("/invitations/{id}")]
async fn show(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let received = received(&overview, &id)?;
    page(&Invitation::of(&request, seen, &overview, received))
}

#[post("/invitations/{id}")]
async fn accept(
    request: HttpRequest,
    visit: Visit,
    id: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let screening: ScreeningId = parse("invitation", &id)?;
    // Browsers end lines in two characters, of which a letter may have one.
    let text = fields.get("contact").replace("\r\n", "\n");
    let contact = match Contact::new(text.clone()) {
        Ok(contact) => contact,
        Err(_) => {
            let (seen, overview) = visit.show().await?;
            let received = received(&overview, &id)?;
            let error = Some(words::contact_refused(&text));
            let invitation = Invitation::of(&request, seen, &overview, received);
            return page(&Invitation { contact: text, error, ..invitation });
        }
    };
    if fields.is_confirmed() {
        return Ok(lead_to(visit.begin(&fields, Act::Accept { screening, contact })?));
    }
    let (seen, overview) = visit.show().await?;
    let received = received(&overview, &id)?;
    let question = Question {
        title: "Tell them how to reach you?".into(),
        does: vec![
            format!("They can read this, and nobody else can: {text}"),
            "They learn that you fit what they look for.".into(),
        ],
        does_not: vec![
            "It cannot be taken back: what they have read, they know.".into(),
            "They do not get your record. What you tell them later is up to you.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/invitations/{}", received.screening),
        fields: fields.carry(&["contact"]),
        button: "Yes, leave my contact",
        is_final: false,
        back: "/invitations",
    };
    ask(&request, Part::Invitations, seen, question)
}

#[get("/invitations/{id}/decline")]
async fn ask_decline(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let received = received(&overview, &id)?;
    let question = Question {
        title: "Say no to this invitation?".into(),
        does: vec!["They see that somebody whom they invited said no.".into()],
        does_not: vec![
            "They do not learn who you are. If you do nothing at all, they learn as little.".into(),
            "You cannot accept it later.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/invitations/{}/decline", received.screening),
        fields: vec![],
        button: "Say no",
        is_final: false,
        back: "/invitations",
    };
    ask(&request, Part::Invitations, seen, question)
}

#[post("/invitations/{id}/decline")]
async fn decline(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let screening = parse("invitation", &id)?;
    Ok(lead_to(visit.begin(&fields, Act::Decline { screening })?))
}

#[get("/invitations/{id}/again")]
async fn ask_finish(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let received = received(&overview, &id)?;
    let left = left(&overview, &received);
    let is_accepted = left.is_some() && matches!(received.status, ResponseStatus::Accepted { .. });
    if !is_accepted && !overview.is_begun(&received) {
        return Err(Error::NotFound { what: "answer to be sent again", id: id.into_inner() });
    }
    let question = Question {
        title: "Send your answer again?".into(),
        does: vec![match left {
            Some(text) => format!("It is your yes, and they can read this: {text}"),
            None => "It is your no. They see that somebody whom they invited said no.".into(),
        }],
        does_not: vec![
            "It stays as you gave it. You cannot change it now.".into(),
            "What arrived already is not sent twice.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/invitations/{}/again", received.screening),
        fields: vec![],
        button: "Send it again",
        is_final: false,
        back: "/invitations",
    };
    ask(&request, Part::Invitations, seen, question)
}

#[post("/invitations/{id}/again")]
async fn finish(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let screening = parse("invitation", &id)?;
    Ok(lead_to(visit.begin(&fields, Act::Finish { screening })?))
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(list).service(show).service(accept).service(ask_decline).service(decline);
    config.service(ask_finish).service(finish);
}
