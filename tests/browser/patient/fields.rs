//! Every field of every form of people's pages, with markup in it while the others are right: each has an outcome that is
//! required, and what was stored is read again.

use std::collections::BTreeSet;

use circuits::id::AccountId;
use ureq::http::StatusCode;

use super::{
    hostile::{Answer, Client, encoded, operation},
    village::{ADA, Village, named, village},
};
use crate::{
    api::parity::Site,
    browser::{
        chromium::browser,
        hostile::{is_text, shows_as_text},
    },
    market_world::TODAY,
};

/// What comes of a form with markup in one field.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// It is asked about once more, and the page that asks carries the markup.
    Carried,
    /// The form comes back, with the markup in the field and what is wrong beside it.
    Wrong,
    /// The same without the markup, since the field has a choice of values.
    NoChoice,
    /// It is asked about once more, without the markup.
    AskedAgain,
    /// It is refused.
    Refused(StatusCode),
    /// It is done.
    Done,
    /// It leads to another page.
    Leads(&'static str),
    /// The session ends.
    SignedOut,
}

const OF_ANOTHER_SESSION: Outcome = Outcome::Refused(StatusCode::FORBIDDEN);
const UNREADABLE: Outcome = Outcome::Refused(StatusCode::BAD_REQUEST);

#[derive(Debug, Clone)]
struct Field {
    name: &'static str,
    /// What it holds while another one is tried; the session and the number of a change are put in when it is sent.
    right: String,
    outcome: Outcome,
}

#[derive(Debug)]
struct Form {
    /// As the code has it.
    address: &'static str,
    path: String,
    /// The last ones are those with which something is done that cannot be done again.
    fields: Vec<Field>,
}

fn field(name: &'static str, right: impl Into<String>, outcome: Outcome) -> Field {
    Field { name, right: right.into(), outcome }
}

/// A form of a session.
fn form(village: &Village, address: &'static str, fields: Vec<Field>) -> Form {
    let token = field("form_token", "", OF_ANOTHER_SESSION);
    Form { address, path: village.path(address), fields: [vec![token], fields].concat() }
}

/// The form of the page that asks once more, which carries these fields, and which `step` tells from the form before it.
fn confirming(village: &Village, address: &'static str, step: Outcome, fields: Vec<Field>) -> Form {
    let own = vec![field("operation", "", UNREADABLE), field("step", "confirmed", step)];
    form(village, address, [own, fields].concat())
}

/// A form with one field, and the one that confirms it.
fn one_field(village: &Village, address: &'static str, first: Field, confirmed: Outcome) -> [Form; 2] {
    let second = Field { outcome: confirmed, ..first.clone() };
    [form(village, address, vec![first]), confirming(village, address, Outcome::AskedAgain, vec![second])]
}

/// The rules of a record, and the form that confirms them, which says besides what the page showed.
fn rules(village: &Village) -> [Form; 2] {
    use Outcome::{AskedAgain, Carried, Done, NoChoice, Wrong};
    let address = "/use/{record}/change";
    let rules = |before: Outcome, ticked: Outcome| {
        vec![
            field("before", "", before),
            field("purpose", "health-research", NoChoice),
            field("days", "90", Wrong),
            field("price_min", "700", Wrong),
            field("cohort_min", "10", Wrong),
            field("epsilon_max", "0.5", Wrong),
            field("exact", "yes", ticked),
            field("screening", "yes", ticked),
            field("region", "everywhere", NoChoice),
        ]
    };
    let shown = vec![field("last_day", (TODAY + 90).to_string(), AskedAgain), field("only_disease", "0", AskedAgain)];
    [
        form(village, address, rules(UNREADABLE, Carried)),
        // Which change is undone is asked for the first form alone, and a tick is a tick whatever it says.
        confirming(village, address, AskedAgain, [shown, rules(Done, Done)].concat()),
    ]
}

/// Every form, by what has to be there for the next one: the record is withdrawn after its rules are changed, and signing out
/// comes last.
fn forms(village: &Village, way_in: &str) -> Vec<Form> {
    use Outcome::{Carried, Done, Leads, SignedOut, Wrong};
    // Nothing but the page that asks leads to these, so they read no step.
    let asked_once = |address| confirming(village, address, Done, vec![]);
    let to = AccountId::from_bytes([0x22; 32]).to_string();
    let mut forms = vec![];
    forms.extend(one_field(village, "/privacy", field("limit", "2.5", Wrong), Wrong));
    forms.extend(one_field(village, "/money/{id}", field("to", to, Wrong), Wrong));
    forms.extend(rules(village));
    forms.push(asked_once("/use/{record}/withdraw"));
    forms.push(asked_once("/asked/{query}/take-back"));
    forms.extend(one_field(village, "/invitations/{id}", field("contact", "ada@example.org", Carried), Done));
    forms.push(asked_once("/invitations/{id}/decline"));
    forms.push(asked_once("/invitations/{id}/again"));
    let document = field("document", village.to_grant.document.clone(), Wrong);
    forms.extend(one_field(village, "/licences/{id}/grant", document, Wrong));
    forms.push(asked_once("/licences/{id}/decline"));
    forms.push(asked_once("/licences/{id}/revoke"));
    forms.push(asked_once("/licences/data/{id}/withdraw"));
    let theme = vec![field("theme", "dark", UNREADABLE), field("back", "/records", Leads("/"))];
    forms.push(Form { address: "/theme", path: "/theme".into(), fields: theme });
    forms.push(Form { address: "/in/{token}", path: way_in.into(), fields: vec![] });
    forms.push(form(village, "/out", vec![field("all", "yes", SignedOut)]));
    forms
}

impl Form {
    /// What is sent: every field right but perhaps one.
    fn body(&self, client: &Client, wrong: Option<&Field>) -> String {
        let value = |field: &Field| match field.name {
            name if wrong.is_some_and(|wrong| wrong.name == name) => named(name),
            "form_token" => client.form_token.clone(),
            "operation" => operation(),
            _ => field.right.clone(),
        };
        let fields = self.fields.iter().map(|field| format!("{}={}", field.name, encoded(&value(field))));
        fields.collect::<Vec<_>>().join("&")
    }

    fn names(&self) -> BTreeSet<String> {
        self.fields.iter().map(|field| field.name.to_owned()).collect()
    }

    fn confirms(&self) -> bool {
        self.fields.iter().any(|field| field.name == "operation")
    }
}

/// Where the forms of a page are sent, each with the names of its fields.
fn forms_in(page: &str) -> BTreeSet<(String, BTreeSet<String>)> {
    let quoted = |rest: &str| rest.split('"').next().unwrap().to_owned();
    let forms = page.split("<form ").skip(1).map(|rest| rest.split_once("</form>").expect("a form ends").0);
    forms
        .map(|form| {
            assert!(form.contains("method=\"post\""), "{form}");
            let action = form.split(" action=\"").nth(1).map(quoted).expect("a form says where it is sent");
            (action, form.split(" name=\"").skip(1).map(quoted).collect())
        })
        .collect()
}

/// Every form that Ada's pages have: the pages as they are, and those that ask once more.
fn found(village: &Village, client: &Client, known: &[Form], way_in: &str) -> BTreeSet<(String, BTreeSet<String>)> {
    let mut found = BTreeSet::new();
    for address in Site::Person.addresses("get") {
        let path = match address.as_str() {
            "/in/{token}" => way_in.to_owned(),
            // A file, and what is looked at when something is done.
            "/download" | "/doing/{id}" => continue,
            address => village.path(address),
        };
        let page = client.get(&path);
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        is_text(&page.text, &path);
        found.extend(forms_in(&page.text));
    }
    let is_confirmed = |form: &Form| known.iter().any(|other| other.address == form.address && other.confirms());
    for form in known.iter().filter(|form| !form.confirms() && is_confirmed(form)) {
        let page = client.post(&form.path, &form.body(client, None), &[]);
        assert!(page.text.contains("id=\"confirm\""), "{} asks nothing: {}", form.path, page.text);
        found.extend(forms_in(&page.text));
    }
    found
}

/// A page's text with its references to characters resolved.
fn decoded(page: &str) -> String {
    let numbered = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    let by_name = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    let all = numbered.into_iter().zip(by_name).flat_map(|(one, other)| [one, other]);
    all.fold(page.to_owned(), |page, (reference, character)| page.replace(reference, character))
}

/// Requires the outcome of a form with markup in one field.
#[track_caller]
fn require(client: &Client, form: &Form, field: &Field, answer: &Answer) {
    let place = format!("{} in {}", field.name, form.path);
    let Answer { status, text, location, .. } = answer;
    is_text(text, &place);
    let is_shown = decoded(text).contains(&named(field.name));
    let is_asked = text.contains("id=\"confirm\"");
    let is_beside = text.contains(&format!("id=\"{}-error\"", field.name));
    let found = (*status, is_asked, is_beside, is_shown);
    match field.outcome {
        Outcome::Carried => assert_eq!(found, (StatusCode::OK, true, false, true), "{place}: {text}"),
        Outcome::AskedAgain => assert_eq!(found, (StatusCode::OK, true, false, false), "{place}: {text}"),
        Outcome::Wrong => assert_eq!(found, (StatusCode::OK, false, true, true), "{place}: {text}"),
        Outcome::NoChoice => assert_eq!(found, (StatusCode::OK, false, true, false), "{place}: {text}"),
        Outcome::Refused(refused) => assert_eq!(*status, refused, "{place}: {text}"),
        Outcome::Leads(to) => assert_eq!((*status, location.as_str()), (StatusCode::SEE_OTHER, to), "{place}: {text}"),
        Outcome::SignedOut => {
            assert_eq!(*status, StatusCode::OK, "{place}: {text}");
            assert_eq!(client.get("/records").status, StatusCode::UNAUTHORIZED, "{place}");
        }
        Outcome::Done => {
            assert_eq!(*status, StatusCode::SEE_OTHER, "{place}: {text}");
            let ended = client.followed(location);
            is_text(&ended, &place);
            assert!(ended.contains("notice good"), "{place}: {ended}");
        }
    }
}

#[test]
fn every_field_of_every_form_with_markup_in_it_comes_to_what_it_must_and_is_text() {
    let (village, browser) = (village(), browser());
    let client = village.visitor(ADA);
    let link = village.link(ADA);
    let way_in = link.strip_prefix(&village.url).unwrap();
    let known = forms(village, way_in);
    let addresses: BTreeSet<_> = known.iter().map(|form| form.address.to_owned()).collect();
    let mut taken = Site::Person.addresses("post");
    // The theme is the frame's, which people's pages share with the node's.
    taken.insert("/theme".into());
    assert_eq!(addresses, taken, "the forms that the code takes");
    let listed: BTreeSet<_> = known.iter().map(|form| (form.path.clone(), form.names())).collect();
    assert_eq!(listed, found(village, &client, &known, way_in), "the forms that the pages have");

    for form in &known {
        for field in &form.fields {
            let answer = client.post(&form.path, &form.body(&client, Some(field)), &[]);
            require(&client, form, field, &answer);
        }
    }
    let strange = format!("/in/{}", encoded(&named("token")));
    for answer in [client.get(&strange), client.post(&strange, "", &[])] {
        assert_eq!((answer.status, answer.cookie.as_str()), (StatusCode::NOT_FOUND, ""));
        is_text(&answer.text, &strange);
    }

    // The contact was stored, reaches its reader as it was written, and is shown again as text.
    assert_eq!(village.contacts(), [Some(named("contact"))]);
    village.enter(&browser, ADA);
    village.open(&browser, &village.path("/invitations/{id}"));
    shows_as_text(&browser, &named("contact"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn names_and_words_of_others_that_are_markup_are_text_wherever_people_read_them() {
    let (village, browser) = (village(), browser());
    village.follow();
    village.enter(&browser, ADA);
    for (address, texts) in [
        ("/records", &["issuer", "schema", "age", "unit", "coding", "build"][..]),
        ("/asked", &["asker"]),
        ("/invitations", &["title"]),
        ("/invitations/{id}", &["asker", "title", "about", "answering"]),
        ("/licences", &["asker"]),
        ("/licences/{id}/grant", &["asker"]),
        ("/licences/{id}/decline", &["asker"]),
        ("/licences/{id}/revoke", &["asker"]),
    ] {
        village.open(&browser, &village.path(address));
        for text in texts {
            shows_as_text(&browser, &named(text));
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
