//! Whatever a page does, programs do too: the tables of the guides name the endpoint and the command for every action, and
//! both are there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use web::cli::Cli;

use super::routes::every;

/// The guides with a table of actions.
const GUIDES: [&str; 2] = ["docs/guide/pages.md", "docs/guide/patients.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// The code spans of a table's cell.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the guides' tables of actions: what a page takes, and what does the same.
fn rows() -> Vec<(Vec<String>, Vec<String>)> {
    let mut rows = vec![];
    for guide in GUIDES {
        let text = fs::read_to_string(root().join(guide)).unwrap();
        for line in text.lines() {
            let Some((first, rest)) = line.strip_prefix("| ").and_then(|line| line.split_once('|')) else { continue };
            let actions = spans(first);
            if actions.iter().any(|action| action.starts_with("POST /") || action.starts_with("GET /")) {
                rows.push((actions, spans(rest)));
            }
        }
    }
    assert!(rows.len() > 20, "{rows:?}");
    rows
}

/// What the handlers of pages in a folder take by POST.
fn posts(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            posts(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let named = text.split("#[post(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        found.extend(named.map(|path| format!("POST {path}")));
    }
}

#[test]
fn every_form_of_the_pages_is_in_a_guides_table() {
    let mut taken = BTreeSet::new();
    posts(&root().join("web/src/pages"), &mut taken);
    assert!(taken.len() > 20, "{taken:?}");
    let told: BTreeSet<String> =
        rows().into_iter().flat_map(|(actions, _)| actions).filter(|action| action.starts_with("POST /")).collect();
    assert_eq!(taken.difference(&told).collect::<Vec<_>>(), [] as [&String; 0], "no guide says what does the same");
    assert_eq!(told.difference(&taken).collect::<Vec<_>>(), [] as [&String; 0], "no page takes these");
}

#[test]
fn every_endpoint_and_command_that_does_the_same_is_there() {
    let endpoints: BTreeSet<String> =
        every().into_iter().map(|(method, path)| format!("{} {path}", method.to_uppercase())).collect();
    let (mut requests, mut commands) = (0, 0);
    for (actions, same) in rows() {
        for one in &same {
            if let Some(words) = one.strip_prefix("locus ") {
                let mut command = Cli::command();
                for word in words.split(' ') {
                    let inner = command.find_subcommand(word);
                    command = inner.unwrap_or_else(|| panic!("{actions:?}: there is no `{one}`")).clone();
                }
                assert!(!command.has_subcommands(), "{actions:?}: `{one}` is no whole command");
                commands += 1;
            } else if one.contains(" /v1/") {
                assert!(endpoints.contains(one), "{actions:?}: there is no {one}");
                requests += 1;
            }
        }
    }
    assert!(requests >= 12 && commands >= 18, "{requests} endpoints and {commands} commands are named");
}
