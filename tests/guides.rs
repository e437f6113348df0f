//! The commands of the guides: those of their examples parse, and those that their text names are there.

use std::{fs, path::Path};

use clap::{CommandFactory as _, Parser as _};
use web::cli::Cli;

/// The words of a shell line, with an id for each variable and quotes taken off.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    let joined: String =
        quoted.map(|(place, text)| if place % 2 == 1 { text.replace(' ', "-") } else { text.into() }).collect();
    let id = "00".repeat(32);
    let value = |word: &str| match word.replace("$i", "0").split_once('$') {
        Some((before, variable)) => {
            let rest = variable.trim_start_matches(|letter: char| letter.is_ascii_uppercase() || letter == '_');
            format!("{before}{id}{rest}")
        }
        None => word.replace("$i", "0"),
    };
    joined.split_whitespace().map(value).collect()
}

#[test]
fn every_command_of_the_guide_parses() {
    let guides = [
        include_str!("../docs/guide/network.md"),
        include_str!("../docs/guide/database.md"),
        include_str!("../docs/guide/consortium.md"),
        include_str!("../docs/guide/pages.md"),
        include_str!("../docs/guide/patients.md"),
        include_str!("../docs/guide/queries.md"),
    ];
    let guide = guides.concat().replace("\\\n", " ");
    let mut commands = 0;
    for line in guide.lines().filter(|line| line.starts_with("    ")) {
        let Some((before, command)) = line.split_once("locus ") else { continue };
        if !(before.trim().is_empty() || before.ends_with("$(")) {
            continue;
        }
        let command = command.split(['|', '&', ')', '#', '>']).next().unwrap();
        let arguments = [vec!["locus".to_owned()], words(command)].concat();
        if let Err(error) = Cli::try_parse_from(arguments) {
            panic!("{line}: {error}");
        }
        commands += 1;
    }
    assert!(commands > 55, "only {commands} commands were found");
}

/// The commands that a guide names within its text and its tables.
fn named(guide: &str) -> Vec<String> {
    let text: Vec<&str> = guide.lines().filter(|line| !line.starts_with("    ")).collect();
    let text = text.join(" ");
    let spans = text.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "));
    spans.filter(|span| span.starts_with("locus ")).collect()
}

/// Whether there is such a command with such options; what it is about may be left out.
fn is_there(named: &str) -> bool {
    let program = Cli::command();
    let mut command = &program;
    for word in named.split(' ').skip(1) {
        if let Some(option) = word.strip_prefix("--") {
            let mut options = command.get_arguments().chain(program.get_arguments());
            if !options.any(|known| known.get_long() == Some(option)) {
                return false;
            }
        } else if command.has_subcommands() {
            let Some(inner) = command.find_subcommand(word) else { return false };
            command = inner;
        }
    }
    true
}

#[test]
fn every_command_that_a_guide_names_in_its_text_is_there_with_its_options() {
    for wrong in ["locus qeury show", "locus query show --no-such-option", "locus query lost"] {
        assert!(!is_there(wrong), "{wrong}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide");
    let mut commands = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            for named in named(&fs::read_to_string(&path).unwrap()) {
                assert!(is_there(&named), "{}: there is no `{named}`", path.display());
                commands += 1;
            }
        }
    }
    assert!(commands > 100, "only {commands} commands were found");
}
