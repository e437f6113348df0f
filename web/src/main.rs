//! The `locus` binary.

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use web::cli::{Cli, Output, run};

/// The exit code of a command line that does not parse, as is usual.
const USAGE: u8 = 2;
/// What is logged unless `RUST_LOG` says otherwise of these targets by name. The engine's own network tells of every peer
/// that is away, again and again; the node says once how many are connected. What ends the engine is told by its log of
/// ballots and by the actor above all others.
const DEFAULT_FILTER: &str = "warn,arc_malachitebft_network=off,arc_malachitebft_discovery=off,\
                              arc_malachitebft_app_channel=off,arc_malachitebft_engine=off,\
                              arc_malachitebft_engine::wal=error,arc_malachitebft_engine::node=error";
/// `json` logs an object on each line, for programs that collect logs; anything else is text for people.
const LOG_FORMAT_ENV: &str = "LOCUS_LOG_FORMAT";
/// The targets under which arkworks traces circuits, switched off whatever `RUST_LOG` says.
const CIRCUIT_SPANS: [&str; 2] = ["gr1cs=off", "r1cs=off"];

fn main() -> ExitCode {
    // A later directive replaces an earlier one of the same target.
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = EnvFilter::try_new(format!("{DEFAULT_FILTER},{asked}")).unwrap_or_else(|_| DEFAULT_FILTER.into());
    // arkworks' spans carry the values of wires, which are a witness.
    let filter = CIRCUIT_SPANS.into_iter().filter_map(|off| off.parse().ok()).fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var_os(LOG_FORMAT_ENV).is_some_and(|format| format == "json") {
        log.json().init()
    } else {
        log.init()
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let output = Output::new(cli.json);
    match run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints help, the version, or what is wrong with a command line: in JSON too where it asks for that.
fn unparsed(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    drop(error.print());
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let why = text.split("\n\nUsage:").next().unwrap_or(&text).trim_start_matches("error: ");
        Output::new(true).print_failure(&why.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    ExitCode::from(USAGE)
}
