//! Licences of raw data: who asked, what was answered, and who had access.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, Query, ServiceConfig},
};
use askama::Template;
use circuits::id::{DatasetId, LicenceId};
use market::index::Sequence;
use node::state::{Dataset, LicenceStatus};
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
use crate::{
    Error,
    api::{blocking, parse},
    patient::{Act, Licences, Offered, Requested, Which},
};

#[derive(Template)]
#[template(path = "patient/licences.html")]
struct All {
    shell: Shell,
    seen: Seen,
    /// The data of this page, each with its number among all; or why the network says nothing of it.
    offered: Result<Listing<(Offered, usize)>, String>,
    /// Behind which data this page begins.
    behind: Option<DatasetId>,
    /// Whether a licence that is known here was granted, and so paid.
    has_paid: bool,
    /// Whether a licence can be granted here.
    can_grant: bool,
}

/// Whether a licence of any of this was granted.
fn has_paid(offered: &[Offered]) -> bool {
    let mut all = offered.iter().flat_map(|one| &one.licences);
    all.any(|one| matches!(one.state.status, LicenceStatus::Granted { .. } | LicenceStatus::Revoked { .. }))
}

/// Where the list of the owner's data begins, and where the one of a dataset's licences.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begin {
    behind: Option<String>,
    dataset: Option<String>,
    after: Option<Sequence>,
}

#[get("/licences")]
async fn list(
    request: HttpRequest,
    visit: Visit,
    begin: Result<Query<Begin>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let Begin { behind, dataset, after } = asked(begin)?;
    let id = |field, id: Option<String>| id.map(|id| parse(field, &id)).transpose();
    let (behind, dataset) = (id("behind", behind)?, id("dataset", dataset)?);
    let which = Which::Page(dataset.zip(after));
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    let (offered, has_paid) = match blocking(move || Ok(pages.licences(owner, which))).await? {
        Licences::Unknown(why) => (Err(why), false),
        Licences::Known(all) => {
            let (has_paid, numbered) = (has_paid(&all), all.into_iter().zip(1..).collect());
            let way = ("/licences", "behind", "offered");
            (Ok(Listing::behind(numbered, |(one, _)| one.id, behind, way)?), has_paid)
        }
    };
    page(&All {
        shell: Shell::of(&request, Part::Licences, "Licences"),
        seen,
        offered,
        behind,
        has_paid,
        can_grant: visit.pages.can_grant(),
    })
}

/// Whether it is the licensee's document that is wrong, and not the ledger that fails.
const fn is_of_paper(error: &market::Error) -> bool {
    match error {
        market::Error::Ledger(error) => {
            matches!(error, node::Error::Signature { .. } | node::Error::ForeignChain { .. })
        }
        _ => true,
    }
}

/// A licence of this owner's data. Anybody else's is not there.
async fn own(visit: &Visit, id: &str) -> Result<(Seen, Requested), Error> {
    let id: LicenceId = parse("licence", id)?;
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    Ok((seen, blocking(move || pages.own_licence(owner, id)).await?))
}

/// A dataset of this owner. Anybody else's is not there.
async fn own_dataset(visit: &Visit, id: DatasetId) -> Result<(Seen, Dataset), Error> {
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    Ok((seen, blocking(move || pages.own_dataset(owner, id)).await?))
}

/// The same, unless its offer was taken back.
async fn still_offered(visit: &Visit, id: DatasetId) -> Result<(Seen, Dataset), Error> {
    let (seen, dataset) = own_dataset(visit, id).await?;
    if dataset.withdrawn.is_none() {
        return Ok((seen, dataset));
    }
    Err(Error::NotFound { what: "offer of data", id: id.to_string() })
}

#[derive(Template)]
#[template(path = "patient/grant.html")]
struct Asking {
    shell: Shell,
    seen: Seen,
    requested: Requested,
    document: String,
    error: Option<String>,
}

/// A request that waits for an answer that these pages can give.
async fn waiting(visit: &Visit, id: &str) -> Result<(Seen, Requested), Error> {
    let (seen, requested) = own(visit, id).await?;
    if requested.is_waiting() && visit.pages.can_grant() {
        // Of an offer that was taken back nothing can be granted.
        still_offered(visit, requested.state.request.dataset).await?;
        return Ok((seen, requested));
    }
    Err(Error::NotFound { what: "request to say yes to", id: id.into() })
}

#[get("/licences/{id}/grant")]
async fn ask_document(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, requested) = waiting(&visit, &id).await?;
    let shell = Shell::of(&request, Part::Licences, "Let them have a copy");
    page(&Asking { shell, seen, requested, document: String::new(), error: None })
}

#[post("/licences/{id}/grant")]
async fn grant(
    request: HttpRequest,
    visit: Visit,
    id: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (seen, requested) = waiting(&visit, &id).await?;
    let (pages, text) = (visit.pages.clone(), fields.get("document").to_owned());
    let (requested, read) = blocking(move || {
        let read = pages.reader_key(&requested, &text);
        Ok((requested, read))
    })
    .await?;
    let licensee = match read {
        Ok(licensee) => licensee,
        Err(Error::Market(error)) if is_of_paper(&error) => {
            let error = Some(
                "This is no reader key of who asks, it is not whole, or it is not at your node. Ask them for the file."
                    .into(),
            );
            let (shell, document) =
                (Shell::of(&request, Part::Licences, "Let them have a copy"), fields.get("document").into());
            return page(&Asking { shell, seen, requested, document, error });
        }
        Err(error) => return Err(error),
    };
    if fields.is_confirmed() {
        return Ok(lead_to(visit.begin(&fields, Act::GrantLicence { licence: requested.id, licensee })?));
    }
    let (who, asked) = (words::who(&requested.name), &requested.state.request);
    let question = Question {
        title: "Let them have a copy?".into(),
        does: vec![
            format!(
                "{who} gets a key of their own to your raw data, for {}.",
                words::data_use(&asked.data_use, &seen.illnesses)
            ),
            format!("They can fetch it for {} days.", asked.term_days),
            format!("You are paid {}, at once.", asked.price),
        ],
        does_not: vec![
            "It cannot be undone. What they fetch, they can read for ever.".into(),
            "You can end the licence later. Then nothing more is handed out, but copies stay where they are.".into(),
            "They signed what they may do. No machine watches that they keep to it.".into(),
            "Everybody can see that they got a licence. Nobody else gets the data.".into(),
            "Your rules for questions, and your other licences, stay as they are.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/licences/{}/grant", requested.id),
        fields: fields.carry(&["document"]),
        button: "Yes, let them have a copy",
        is_final: true,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[get("/licences/{id}/decline")]
async fn ask_decline(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, requested) = own(&visit, &id).await?;
    let question = Question {
        title: "Say no to this request?".into(),
        does: vec![
            format!("{} does not get your data.", words::who(&requested.name)),
            format!("The {} that they set aside goes back to them.", requested.state.request.price),
        ],
        does_not: vec!["They may ask again.".into()],
        fee: "Nothing.".into(),
        action: format!("/licences/{}/decline", requested.id),
        fields: vec![],
        button: "Say no",
        is_final: false,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[post("/licences/{id}/decline")]
async fn decline(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (_, requested) = own(&visit, &id).await?;
    Ok(lead_to(visit.begin(&fields, Act::DeclineLicence { licence: requested.id })?))
}

#[get("/licences/{id}/revoke")]
async fn ask_revoke(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, requested) = own(&visit, &id).await?;
    let question = Question {
        title: "End this licence?".into(),
        does: vec![format!("Nothing more is handed out to {} under it.", words::who(&requested.name))],
        does_not: vec![
            "What they fetched before, they can still read. No button can call it back.".into(),
            "The money that they paid stays yours.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/licences/{}/revoke", requested.id),
        fields: vec![],
        button: "End it",
        is_final: true,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[post("/licences/{id}/revoke")]
async fn revoke(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (_, requested) = own(&visit, &id).await?;
    Ok(lead_to(visit.begin(&fields, Act::RevokeLicence { licence: requested.id })?))
}

#[get("/licences/data/{id}/withdraw")]
async fn ask_withdraw(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let id: DatasetId = parse("dataset", &id)?;
    let (seen, dataset) = still_offered(&visit, id).await?;
    let question = Question {
        title: "Stop offering this data?".into(),
        does: vec![
            format!(
                "Nobody can ask any more for this data. You offer it for {}.",
                words::allowed_use(&dataset.offer.allowed, &seen.illnesses).trim_end_matches('.')
            ),
            "Requests that wait cannot be granted any more. Say no to them, and the money goes back at once.".into(),
        ],
        does_not: vec![
            "It cannot be undone. To offer the data again, it must be offered anew.".into(),
            "Licences that you granted before run on. End each of them by itself.".into(),
            "What was fetched before, others can still read. No button can call it back.".into(),
            "Your records and your rules for questions stay as they are.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/licences/data/{id}/withdraw"),
        fields: vec![],
        button: "Stop offering it",
        is_final: true,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[post("/licences/data/{id}/withdraw")]
async fn withdraw(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let dataset: DatasetId = parse("dataset", &id)?;
    own_dataset(&visit, dataset).await?;
    Ok(lead_to(visit.begin(&fields, Act::WithdrawDataset { dataset })?))
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(list).service(ask_document).service(grant);
    config.service(ask_decline).service(decline).service(ask_revoke).service(revoke);
    config.service(ask_withdraw).service(withdraw);
}
