//! Markup in every field of every form of a node's pages, one field at a time while all others are valid, sent as a browser sends
//! the form. A table says what becomes of it: a page shows it as text, has nothing of it, or refuses it by a status. The table is
//! compared with the forms that are in the pages, so that a new field fails the test until the table has it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    chromium::browser,
    forms::{public, statistics},
    headers::filled,
    hostile::is_text,
    sign_in::link,
    site::{HOSTILE, site},
};
use crate::{
    api::{
        authenticator::{Authenticator, Visitor},
        institutions::{led_back, listed, location},
        parity,
        provider::Provider,
        server::Answer,
    },
    world::key,
};

/// What is put into a field. Nothing that the ledger of the tests holds is the same.
pub const MARKUP: &str = "<script>window.field = 1</script><img src=x onerror=\"window.field = 1\">'\"{{7*7}}</title>";
/// How its beginning stands in a page that shows it, quoted or not.
const AS_TEXT: &str = "&#60;script&#62;window.field = 1&#60;/script&#62;";
/// What of it stands in every page that has some of it.
const TRACE: &str = "window.field";
/// What ends each part of a form with files.
const BOUNDARY: &str = "the-end-of-a-part";

/// How a form is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// In the address.
    Address,
    Urlencoded,
    /// As a form with files.
    Files,
    /// By the script of passkeys, as JSON.
    Script,
}

/// What becomes of markup in a field.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// A page of this status shows it as text.
    Shown(u16),
    /// The answer has this status and nothing of it.
    Absent(u16),
    /// It is kept, and the page of the own account shows the whole of it as text.
    Kept,
    /// The answer leads to this path.
    LeadsTo(&'static str),
}

pub struct Field {
    pub name: String,
    /// More than one for boxes of one name, none for what is left empty.
    pub valid: Vec<String>,
    pub markup: Vec<(String, Outcome)>,
}

/// A field with a valid value, and what becomes of markup in it.
pub fn field(name: impl Into<String>, valid: impl Into<String>, outcome: Outcome) -> Field {
    Field { name: name.into(), valid: vec![valid.into()], markup: vec![(MARKUP.into(), outcome)] }
}

/// A name that is kept. Its markup begins as the valid name does, so that no other field shows the same.
fn kept(name: &str, valid: &str) -> Field {
    Field { markup: vec![(format!("{valid} {MARKUP}"), Outcome::Kept)], ..field(name, valid, Outcome::Kept) }
}

impl Field {
    /// The same with markup within what the field takes, too.
    pub fn and(mut self, markup: impl Into<String>, outcome: Outcome) -> Self {
        self.markup.push((markup.into(), outcome));
        self
    }
}

pub struct Form {
    pub action: &'static str,
    pub encoding: Encoding,
    pub fields: Vec<Field>,
    /// What the names begin with of those that are tried.
    pub of: &'static str,
    /// The status when every field is valid, and some of the text.
    pub answers: (u16, &'static str),
}

impl Form {
    pub fn new(action: &'static str, encoding: Encoding, fields: Vec<Field>, answers: (u16, &'static str)) -> Self {
        Self { action, encoding, fields, of: "", answers }
    }

    /// A form of the own account, which carries its session's token.
    fn own(action: &'static str, fields: Vec<Field>, answers: (u16, &'static str)) -> Self {
        let fields = std::iter::once(token()).chain(fields).collect();
        Self::new(action, Encoding::Urlencoded, fields, answers)
    }

    /// What is sent: valid values, and in place of one field's others.
    fn values(&self, visitor: &Visitor, other: Option<(&str, &str)>) -> Vec<(&str, String)> {
        let mut values = vec![];
        for Field { name, valid, .. } in &self.fields {
            match other {
                Some((other, markup)) if other == name => values.push((name.as_str(), markup.to_owned())),
                _ if name == TOKEN => values.push((name, visitor.form_token.clone())),
                _ => values.extend(valid.iter().map(|value| (name.as_str(), value.clone()))),
            }
        }
        values
    }
}

/// The field that forms of a session carry.
const TOKEN: &str = "form_token";

fn token() -> Field {
    field(TOKEN, "", Outcome::Absent(403))
}

fn urlencoded(values: &[(&str, String)]) -> String {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    values.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// A form with files, whose names are markup too.
fn with_files(values: &[(&str, String)]) -> String {
    let part = |(name, value): &(&str, String)| {
        let file = if *name == "pasted" { "" } else { "; filename=\"<img src=x>.json\"" };
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    values.iter().map(part).chain([format!("--{BOUNDARY}--\r\n")]).collect()
}

/// As a template writes a text into a page.
fn escaped(text: &str) -> String {
    let pairs = [('&', "&#38;"), ('<', "&#60;"), ('>', "&#62;"), ('"', "&#34;"), ('\'', "&#39;")];
    pairs.into_iter().fold(text.to_owned(), |text, (plain, written)| text.replace(plain, written))
}

/// Forms by action and encoding, each with its fields' names; the empty name stands for the form itself.
type Known = BTreeSet<(String, Encoding, String)>;

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

/// Where the form of a tag leads, and how it is sent.
fn form_of(tag: &str) -> (String, Encoding) {
    if let Some(ceremony) = attribute(tag, "data-passkey") {
        return (format!("passkey {ceremony}"), Encoding::Script);
    }
    let encoding = match (attribute(tag, "method"), attribute(tag, "enctype")) {
        (None, None) => Encoding::Address,
        (Some("post"), None) => Encoding::Urlencoded,
        (Some("post"), Some("multipart/form-data")) => Encoding::Files,
        other => panic!("{tag} is sent in a way that this test does not know: {other:?}"),
    };
    (attribute(tag, "action").unwrap_or_else(|| panic!("{tag} leads nowhere")).to_owned(), encoding)
}

/// The forms of a page. Whatever a template fills in is escaped, so nothing but the templates opens a tag.
fn forms(page: &str) -> Known {
    let mut found = Known::new();
    let mut open: Option<(String, Encoding)> = None;
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        match tag.split_whitespace().next().unwrap_or_default() {
            "form" => {
                let (action, encoding) = form_of(tag);
                found.insert((action.clone(), encoding, String::new()));
                assert_eq!(open.replace((action, encoding)), None, "{tag} is within another form");
            }
            "/form" => open = None,
            "input" | "select" | "textarea" | "button" => {
                for elsewhere in [" form=", " formaction=", " formmethod=", " formenctype="] {
                    assert!(!tag.contains(elsewhere), "{tag} is sent in a way that this test does not know");
                }
                if let Some(name) = attribute(tag, "name") {
                    let (action, encoding) = open.clone().unwrap_or_else(|| panic!("{tag} is in no form"));
                    found.insert((action, encoding, name.to_owned()));
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn forms_and_their_fields_are_found() {
    let page = "<form class=\"a\" action=\"/search\"><input id=\"q\" name=\"q\"\n type=\"search\"><button>Go</button></form>\
        <input type=\"checkbox\"><form data-passkey=\"add\"></form><form method=\"post\" action=\"/x\" \
        enctype=\"multipart/form-data\"><select data-name=\"no\" name=\"list\"></select><textarea name=\"text\">name=\"no\"\
        </textarea></form>";
    let found = forms(page);
    let found: Vec<_> =
        found.iter().map(|(action, encoding, name)| (action.as_str(), *encoding, name.as_str())).collect();
    let expected = [
        ("/search", Encoding::Address, ""),
        ("/search", Encoding::Address, "q"),
        ("/x", Encoding::Files, ""),
        ("/x", Encoding::Files, "list"),
        ("/x", Encoding::Files, "text"),
        ("passkey add", Encoding::Script, ""),
    ];
    assert_eq!(found, expected);
}

/// What pages had, and what was tried.
struct Tried {
    found: Known,
    tried: Known,
    /// The passkey of whoever has an account.
    passkey: Authenticator,
    /// Other passkeys that were made.
    made: u8,
}

impl Tried {
    fn new() -> Self {
        Self { found: Known::new(), tried: Known::new(), passkey: Authenticator::new(1), made: 100 }
    }

    /// The text of an answer, of which a page has no markup as markup.
    #[track_caller]
    fn read(&mut self, answer: &Answer, place: &str) -> String {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        // Files are what they are; the headers keep them from being taken for pages.
        if answer.header("content-type").starts_with("text/html") {
            is_text(&text, place);
            self.found.extend(forms(&text));
        }
        text
    }

    #[track_caller]
    fn look(&mut self, visitor: &mut Visitor, path: &str) -> String {
        let answer = visitor.get(path);
        assert!(answer.status < 500, "{path}: {}", answer.status);
        self.read(&answer, path)
    }

    fn another_passkey(&mut self) -> Authenticator {
        self.made += 1;
        Authenticator::new(self.made)
    }

    /// What the script of passkeys does with a form.
    #[track_caller]
    fn run_script(&mut self, visitor: &mut Visitor, action: &str, value: &str) -> Answer {
        match action {
            "passkey sign-in" => visitor.sign_in(&mut self.passkey),
            "passkey sign-up" => {
                *visitor = Visitor::at(&visitor.url);
                visitor.sign_up(value, &mut self.another_passkey());
                visitor.get("/you")
            }
            "passkey add" => {
                let options = visitor.options("/v1/me/passkeys/options", &json!({}));
                let credential = self.another_passkey().make(&options, &visitor.url);
                visitor.post("/v1/me/passkeys", &json!({ "label": value, "credential": credential }))
            }
            _ => panic!("this test does not know what the script does with {action}"),
        }
    }

    #[track_caller]
    fn send(&mut self, visitor: &mut Visitor, form: &Form, other: Option<(&str, &str)>) -> Answer {
        let values = form.values(visitor, other);
        match form.encoding {
            Encoding::Address => visitor.get(&format!("{}?{}", form.action, urlencoded(&values))),
            Encoding::Urlencoded => visitor.form(form.action, &urlencoded(&values)),
            Encoding::Files => {
                let media = format!("multipart/form-data; boundary={BOUNDARY}");
                visitor.send("POST", form.action, &media, &with_files(&values))
            }
            Encoding::Script => {
                let value = values.first().map_or("", |(_, value)| value.as_str());
                self.run_script(visitor, form.action, value)
            }
        }
    }

    /// Sends a form with markup in each field in turn and, last, as it is meant. What is answered then.
    #[track_caller]
    fn attempt(&mut self, visitor: &mut Visitor, form: &Form) -> String {
        let Form { action, encoding, .. } = form;
        self.tried.insert(((*action).into(), *encoding, String::new()));
        for Field { name, markup, .. } in form.fields.iter().filter(|field| field.name.starts_with(form.of)) {
            self.tried.insert(((*action).into(), *encoding, name.clone()));
            for (text, outcome) in markup {
                let answer = self.send(visitor, form, Some((name, text)));
                let place = format!("{action} with {text} as {name}");
                let page = self.read(&answer, &place);
                match outcome {
                    Outcome::Shown(status) => {
                        assert_eq!((answer.status, page.contains(AS_TEXT)), (*status, true), "{place}: {page}");
                    }
                    Outcome::Absent(status) => {
                        assert_eq!((answer.status, page.contains(TRACE)), (*status, false), "{place}: {page}");
                    }
                    Outcome::Kept => {
                        assert!(answer.status < 400, "{place}: {} {page}", answer.status);
                        let own = self.look(visitor, "/you");
                        assert!(own.contains(&escaped(text)), "{place}: {own}");
                    }
                    Outcome::LeadsTo(path) => assert_eq!(location(&answer), *path, "{place}"),
                }
            }
        }
        let answer = self.send(visitor, form, None);
        let page = self.read(&answer, action);
        let (status, says) = form.answers;
        assert_eq!((answer.status, page.contains(says)), (status, true), "{action} as it is meant: {page}");
        page
    }
}

/// Tries the query builder with each statistic that it offers.
fn try_builder(tried: &mut Tried, visitor: &mut Visitor) {
    let page = tried.look(visitor, "/builder");
    let offered = page.split("name=\"q.0.statistic\"").nth(1).unwrap().split("</select>").next().unwrap();
    let offered = offered.split("<option value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let known = statistics(site());
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    assert_eq!(offered.collect::<Vec<_>>(), names, "statistics that the builder offers");
    for (name, form) in known {
        let page = tried.attempt(visitor, &form);
        let in_page: BTreeSet<_> = forms(&page).into_iter().filter(|(action, ..)| action == form.action).collect();
        let names = form.fields.iter().map(|field| field.name.as_str()).chain([""]);
        let in_table: BTreeSet<_> =
            names.map(|name| (form.action.to_owned(), form.encoding, name.to_owned())).collect();
        assert_eq!(in_page, in_table, "the builder's form for {name}");
    }
}

/// Tries what a person who is signed in can send, at a node that has institutions.
fn try_own_account(tried: &mut Tried) {
    let provider = Provider::start();
    let server = listed(&provider);
    let url = server.running.url();
    let (mut ada, mut second, mut third, mut eve) =
        (Visitor::at(&url), Visitor::at(&url), Visitor::at(&url), Visitor::at(&url));
    ada.sign_up("Ada", &mut tried.passkey);
    tried.look(&mut ada, "/sign-in");
    tried.look(&mut ada, "/you");
    tried.attempt(
        &mut eve,
        &Form::new("passkey sign-up", Encoding::Script, vec![kept("display_name", "Eve")], (200, "Eve")),
    );
    for other in [&mut second, &mut third] {
        tried.attempt(other, &Form::new("passkey sign-in", Encoding::Script, vec![], (204, "")));
    }

    // Two ways more into the account: an institution, and a key of the ledger.
    let id = field("id", "uni", Outcome::Shown(404));
    let leaving =
        tried.attempt(&mut ada, &Form::own("/you/institutions/add", vec![id], (200, "Go to Example University")));
    let address = leaving.split("id=\"leave\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let back = led_back(&ada, &address.replace("&#38;", "&"));
    assert_eq!(location(&ada.get(&back)), "/you");
    let path = link(&url, &key("researcher"));
    tried.look(&mut ada, &path);
    let code = field("code", path.split_once("code=").unwrap().1, Outcome::Absent(401));
    let act = field("act", "attach", Outcome::Shown(400));
    tried.attempt(&mut ada, &Form::own("/sign-in/link", vec![code, act], (303, "")));
    tried.look(&mut ada, "/you");

    let own_passkey = tried.passkey.id();
    let passkey = || field("id", own_passkey.clone(), Outcome::Absent(400));
    tried.attempt(&mut ada, &Form::own("/you/name", vec![kept("name", "Ada")], (303, "")));
    tried.attempt(&mut ada, &Form::own("/you/passkeys/rename", vec![passkey(), kept("name", "Laptop")], (303, "")));
    tried.attempt(&mut ada, &Form::new("passkey add", Encoding::Script, vec![kept("label", "Phone")], (201, "")));
    let me = ada.me().unwrap();
    let this = me["sessions"].as_array().unwrap().iter().find(|session| session["this"] == true).unwrap();
    let (issuer, session) = (me["institutions"][0].as_str().unwrap(), this["id"].as_str().unwrap());
    let issuer = field("id", issuer, Outcome::Absent(422));
    let session = field("id", session, Outcome::Absent(400));
    tried.attempt(&mut ada, &Form::own("/you/ledger-account/unlink", vec![], (303, "")));
    tried.attempt(&mut ada, &Form::own("/you/institutions/remove", vec![issuer], (303, "")));
    tried.attempt(&mut ada, &Form::own("/you/passkeys/remove", vec![passkey()], (303, "")));
    // Each of these ends the session that sends it.
    tried.attempt(&mut ada, &Form::own("/you/sessions/end", vec![session], (303, "")));
    tried.attempt(&mut second, &Form::own("/sign-out", vec![], (303, "")));
    tried.attempt(&mut third, &Form::own("/sign-out/everywhere", vec![], (303, "")));
    assert_eq!([ada, second, third].map(|mut visitor| visitor.me()), [None, None, None]);
}

#[test]
fn markup_in_any_field_of_any_form_is_shown_as_text_left_out_or_refused() {
    let _alone = browser();
    let (mut tried, mut visitor) = (Tried::new(), Visitor::at(&site().url));
    // Whoever looks has a name that is markup, at the head of each page.
    visitor.sign_up(HOSTILE, &mut Authenticator::new(94));
    for path in parity::Site::Node.addresses("get") {
        tried.look(&mut visitor, &filled(&path));
    }
    for form in public(site()) {
        tried.attempt(&mut visitor, &form);
    }
    try_builder(&mut tried, &mut visitor);
    try_own_account(&mut tried);
    let Tried { found, tried, .. } = tried;
    let none = [] as [&(String, Encoding, String); 0];
    assert_eq!(found.difference(&tried).collect::<Vec<_>>(), none, "nobody tries these");
    assert_eq!(tried.difference(&found).collect::<Vec<_>>(), none, "these are in no page");
    let posted =
        tried.into_iter().filter(|(_, encoding, _)| matches!(encoding, Encoding::Urlencoded | Encoding::Files));
    let posted: BTreeSet<String> = posted.map(|(action, ..)| action).collect();
    assert_eq!(posted, parity::Site::Node.addresses("post"), "what the pages take");
}
