//! Whatever a page shows or does, programs show and do too: the tables of the guides name the endpoint and the command for
//! every address of the pages, and both are there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use web::cli::Cli;

use super::routes::every;

/// A site of pages: the folder of its handlers, and the guide with its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// A node's.
    Node,
    /// A person's own, which their agent serves: it has no API.
    Person,
}

impl Site {
    pub const ALL: [Self; 2] = [Self::Node, Self::Person];

    const fn guide(self) -> &'static str {
        match self {
            Self::Node => "docs/guide/pages.md",
            Self::Person => "docs/guide/patients.md",
        }
    }

    /// What the handlers of its pages take by a method in small letters, as their attributes say it.
    pub fn addresses(self, method: &str) -> BTreeSet<String> {
        let (pages, people) = (root().join("web/src/pages"), root().join("web/src/pages/patient"));
        let mut found = BTreeSet::new();
        match self {
            Self::Node => routes(&pages, Some(&people), method, &mut found),
            Self::Person => routes(&people, None, method, &mut found),
        }
        found
    }

    /// The rows of its guide's table of actions: what a page takes, and what does the same.
    fn rows(self) -> Vec<(Vec<String>, Vec<String>)> {
        let mut rows = vec![];
        let text = fs::read_to_string(root().join(self.guide())).unwrap();
        for line in text.lines() {
            let Some((first, rest)) = line.strip_prefix("| ").and_then(|line| line.split_once('|')) else { continue };
            let actions = spans(first);
            if actions.iter().any(|action| is_request(action)) {
                rows.push((actions, spans(rest)));
            }
        }
        assert!(rows.len() > 15, "{rows:?}");
        rows
    }
}

/// Pages that show nothing which a program could ask for: signing in and the own account are for browsers, and what is for
/// eyes alone.
const WITHOUT_COMMAND: [&str; 6] = ["/sign-in", "/sign-in/institutions", "/you", "/help", "/assets", "/theme"];
const WITHOUT_ENDPOINT: [&str; 4] = ["/sign-in/institutions", "/help", "/assets", "/theme"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// The code spans of a table's cell.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_request(text: &str) -> bool {
    ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /"].iter().any(|method| text.starts_with(method))
}

/// What the handlers in a folder take by a method.
fn routes(folder: &Path, without: Option<&Path>, method: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if Some(path.as_path()) == without {
            continue;
        }
        if path.is_dir() {
            routes(&path, without, method, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let attribute = format!("#[{method}(\"");
        let named = text.split(&attribute).skip(1).map(|rest| rest.split('"').next().unwrap());
        found.extend(named.map(str::to_owned));
    }
}

#[test]
fn every_address_of_the_pages_is_in_its_guides_table() {
    for site in Site::ALL {
        let mut taken = BTreeSet::new();
        for method in ["get", "post"] {
            let addresses = site.addresses(method);
            assert!(addresses.len() > 10, "{site:?} {method}: {addresses:?}");
            taken.extend(addresses.into_iter().map(|path| format!("{} {path}", method.to_uppercase())));
        }
        let told: Vec<String> = site.rows().into_iter().flat_map(|(actions, _)| actions).collect();
        let set: BTreeSet<String> = told.iter().cloned().collect();
        let none = [] as [&String; 0];
        assert_eq!(
            taken.difference(&set).collect::<Vec<_>>(),
            none,
            "{} does not say what does the same",
            site.guide()
        );
        assert_eq!(set.difference(&taken).collect::<Vec<_>>(), none, "{}: no page takes these", site.guide());
        assert_eq!(told.len(), set.len(), "{} says one twice", site.guide());
    }
}

/// No handler of a page is bound to an address in another way than by an attribute that the test above finds.
#[test]
fn every_handler_of_a_page_says_its_address_in_an_attribute() {
    for folder in ["web/src/pages", "web/src/patient"] {
        let mut texts = vec![];
        let mut folders = vec![root().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    texts.push((path.clone(), fs::read_to_string(path).unwrap()));
                }
            }
        }
        assert!(!texts.is_empty());
        for (path, text) in texts {
            for other in ["web::resource(", "web::get()", "web::post()", ".route(", "#[put(", "#[patch(", "#[delete("] {
                assert!(!text.contains(other), "{} has {other}", path.display());
            }
        }
    }
}

#[test]
fn every_endpoint_and_command_that_does_the_same_is_there() {
    let endpoints: BTreeSet<String> =
        every().into_iter().map(|(method, path)| format!("{} {path}", method.to_uppercase())).collect();
    let (mut requests, mut commands) = (0, 0);
    for (actions, same) in Site::ALL.into_iter().flat_map(Site::rows) {
        for one in &same {
            if let Some(words) = one.strip_prefix("locus ") {
                let mut command = Cli::command();
                for word in words.split(' ') {
                    let inner = command.find_subcommand(word);
                    command = inner.unwrap_or_else(|| panic!("{actions:?}: there is no `{one}`")).clone();
                }
                assert!(!command.has_subcommands(), "{actions:?}: `{one}` is no whole command");
                commands += 1;
            } else if is_request(one) {
                assert!(endpoints.contains(one), "{actions:?}: there is no {one}");
                requests += 1;
            }
        }
    }
    assert!(requests >= 40 && commands >= 40, "{requests} endpoints and {commands} commands are named");
}

#[test]
fn each_page_that_shows_or_does_something_has_an_endpoint_and_a_command() {
    for site in Site::ALL {
        for (actions, same) in site.rows() {
            let paths: Vec<&str> =
                actions.iter().filter_map(|action| action.split_once(' ')).map(|(_, path)| path).collect();
            let is_of = |path: &str, of: &[&str]| {
                of.iter().any(|known| path == *known || path.starts_with(&format!("{known}/")))
            };
            let lacks = |of: &[&str]| paths.iter().all(|path| is_of(path, of) || path.starts_with("/sign-out"));
            if !same.iter().any(|one| one.starts_with("locus ")) {
                assert!(lacks(&WITHOUT_COMMAND), "{site:?} {actions:?} names no command");
            }
            if site == Site::Node && !same.iter().any(|one| is_request(one)) {
                assert!(
                    lacks(&[&WITHOUT_ENDPOINT[..], &["/you/institutions/add"]].concat()),
                    "{actions:?} names no endpoint"
                );
            }
        }
    }
}
