//! The Python client in `web/python`, by its own tests against a real network: a virtual environment of its own, and
//! `pytest` with this build's binary. Skipped, with a line past the capture of output, where there is no Python 3.10 or no
//! package registry, unless `LOCUS_REQUIRE_PYTHON` is set: then it fails.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::skipped::{REQUIRE_PYTHON, nothing_checked};

const TEST: &str = "the Python client's tests";
/// What the tests and the build of the package take from the registry; `pyproject.toml` names the same.
const REQUIRED: [&str; 3] = ["pytest>=8.0", "pandas>=2.0", "hatchling>=1.21"];
/// Fails where Python is older than the package's least.
const NEW_ENOUGH: &str = "import sys, venv; sys.exit(sys.version_info < (3, 10))";

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

fn has_python() -> bool {
    Command::new("python3").args(["-c", NEW_ENOUGH]).output().is_ok_and(|output| output.status.success())
}

/// Runs a program of the environment in the package's folder.
fn in_environment(environment: &Path, arguments: &[&str]) -> Output {
    Command::new(environment.join("bin/python"))
        .args(arguments)
        .current_dir(package())
        .env("LOCUS_BINARY", env!("CARGO_BIN_EXE_locus"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

#[test]
fn the_python_client_passes_its_own_tests() {
    if !has_python() {
        return nothing_checked(REQUIRE_PYTHON, TEST, "there is no python3 of release 3.10 or later with venv");
    }
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-client");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));

    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let fetched = in_environment(&environment, &[&pip[..], &REQUIRED].concat());
    if !fetched.status.success() {
        return nothing_checked(REQUIRE_PYTHON, TEST, &format!("pip fetches nothing here: {}", said(&fetched)));
    }
    // What is fetched now is the package's own fault.
    let install = ["--no-index", "--no-build-isolation", ".[test]"];
    let installed = in_environment(&environment, &[&pip[..], &install].concat());
    assert!(installed.status.success(), "{}", said(&installed));

    let tested = in_environment(&environment, &["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    assert!(tested.status.success(), "{}", said(&tested));
}
