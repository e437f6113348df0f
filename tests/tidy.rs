//! Rules of the house that a program can check: `docs/ARCHITECTURE.md` states them as invariants.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest source file, in lines.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

pub fn crate_sources(name: &str) -> Vec<(PathBuf, String)> {
    let found = sources(&root().join(name).join("src"));
    assert!(!found.is_empty());
    found
}

#[test]
fn dependencies_point_one_way() {
    let order = ["circuits", "node", "market", "web"];
    for (place, name) in order.iter().enumerate() {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        for above in &order[place + 1..] {
            assert!(!manifest.contains(&format!("{above}.workspace")), "{name} depends on {above}");
        }
    }
}

#[test]
fn the_ledger_and_the_server_never_name_a_plaintext_record() {
    let server = ["api", "client"].map(|room| sources(&root().join("web/src").join(room))).concat();
    let index = sources(&root().join("market/src/index"));
    for (path, text) in [crate_sources("node"), server, index].concat() {
        for name in ["record::Record", "Genotypes::new", "Attributes::new", "NullifierKey", "Wallet::open"] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn no_source_file_is_longer_than_a_person_reads_at_once() {
    for name in ["circuits", "node", "market", "web"] {
        for (path, text) in crate_sources(name) {
            assert!(text.lines().count() <= LINES_MAX, "{} has {} lines", path.display(), text.lines().count());
        }
    }
}

#[test]
fn no_room_has_a_name_that_says_nothing() {
    for name in ["circuits", "node", "market", "web"] {
        for (path, _) in crate_sources(name) {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(!["utils", "util", "helpers", "helper", "manager", "misc", "common"].contains(&stem.as_str()));
        }
    }
}

#[test]
fn every_domain_separator_is_in_its_one_file() {
    for name in ["circuits", "node", "market", "web"] {
        for (path, text) in crate_sources(name) {
            let home = path.ends_with("circuits/src/domain.rs");
            assert!(home || !text.contains("\"locus/v1/\", "), "{} makes a tag of its own", path.display());
        }
    }
}

#[test]
fn the_top_level_is_as_agreed() {
    let agreed = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "circuits",
        "docs",
        "market",
        "node",
        "target",
        "tests",
        "web",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || agreed.contains(&name.as_str()), "{name} is not agreed");
    }
}

#[test]
fn templates_escape_everything_but_figures_which_escape_their_words_themselves() {
    let mut found = vec![];
    let mut folders = vec![root().join("web/templates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("autoescape") && !text.contains("escape("), "{}", path.display());
            let unescaped = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
            let unescaped = unescaped.filter(|rest| rest.replace(' ', "").contains("|safe"));
            found.extend(unescaped.map(|rest| rest.trim().to_owned()));
        }
    }
    assert_eq!(found, ["figure.svg|safe"]);
}
