//! `locus genome` and `locus objects` as people use them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn locus(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.current_dir(folder).arg("--json").args(arguments).stdin(Stdio::null());
    command.env("LOCUS_PASSPHRASE", "three random words");
    for variable in ["LOCUS_URL", "LOCUS_DATA_DIR", "LOCUS_OBJECTS"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

#[track_caller]
fn accepted(folder: &Path, arguments: &[&str]) -> Value {
    let output = locus(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a refused command says. It leaves the folder as it was.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let before = listing(folder);
    let output = locus(folder, arguments);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(listing(folder), before, "something was written");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["error"].as_str().unwrap().to_owned()
}

fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect();
    files.sort_unstable();
    files
}

fn genome() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/demo/genomes.vcf")
}

/// A folder with two key pairs and a genome encrypted to the first.
fn encrypted() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(genome(), folder.path().join("genomes.vcf")).unwrap();
    accepted(folder.path(), &["genome", "keygen", "patient.sec"]);
    accepted(folder.path(), &["genome", "keygen", "licensee.sec", "--protect", "none"]);
    let done = accepted(folder.path(), &["genome", "encrypt", "genomes.vcf", "--to", "patient.sec.pub"]);
    assert_eq!(done["manifest"]["plaintext_bytes"], fs::metadata(genome()).unwrap().len());
    folder
}

#[test]
fn a_genome_is_encrypted_licensed_and_read_by_those_it_is_for() {
    let folder = encrypted();
    let path = folder.path();
    let decrypt = ["genome", "decrypt", "genomes.vcf.c4gh", "--key"];
    let done = accepted(path, &[&decrypt[..], &["patient.sec", "--out", "again.vcf"]].concat());
    assert_eq!(done["verified"], true);
    assert_eq!(fs::read(path.join("again.vcf")).unwrap(), fs::read(genome()).unwrap());
    let said = refused(path, &[&decrypt[..], &["licensee.sec", "--out", "no.vcf"]].concat());
    assert!(said.contains("none of the header's 1 packets") && said.contains("genomes.vcf.c4gh"), "{said}");

    let licence = ["--key", "patient.sec", "--to", "licensee.sec.pub", "--replace"];
    let whole = ["genome", "reencrypt", "genomes.vcf.c4gh", "--out", "licensed.vcf.c4gh"];
    assert_eq!(accepted(path, &[&whole[..], &licence].concat())["packets"], 1);
    let read = ["genome", "decrypt", "licensed.vcf.c4gh", "--key", "licensee.sec"];
    accepted(path, &read);
    assert_eq!(fs::read(path.join("licensed.vcf")).unwrap(), fs::read(genome()).unwrap());
    let part = accepted(path, &[&read[..], &["--range", "65530-65540", "--out", "part"]].concat());
    assert_eq!((&part["bytes"], &part["verified"]), (&10.into(), &true.into()));
    assert_eq!(fs::read(path.join("part")).unwrap(), fs::read(genome()).unwrap()[65_530..65_540]);

    let header = ["genome", "reencrypt", "genomes.vcf.c4gh", "--out", "header", "--header-only"];
    accepted(path, &[&header[..], &licence].concat());
    assert_eq!(fs::metadata(path.join("header")).unwrap().len(), 16 + 108);
}

#[test]
fn nothing_is_overwritten_without_force_and_nothing_cut_is_decrypted() {
    let folder = encrypted();
    let path = folder.path();
    for arguments in [
        &["genome", "keygen", "patient.sec"][..],
        &["genome", "encrypt", "genomes.vcf", "--to", "patient.sec.pub"],
        &["genome", "decrypt", "genomes.vcf.c4gh", "--key", "patient.sec"],
    ] {
        let said = refused(path, arguments);
        assert!(said.contains("not overwritten") && said.contains("--force"), "{said}");
    }
    accepted(path, &["genome", "decrypt", "genomes.vcf.c4gh", "--key", "patient.sec", "--force"]);

    let whole = fs::read(path.join("genomes.vcf.c4gh")).unwrap();
    fs::write(path.join("genomes.vcf.c4gh"), &whole[..16 + 108 + 65_564]).unwrap();
    let decrypt = ["genome", "decrypt", "genomes.vcf.c4gh", "--key", "patient.sec", "--out", "cut.vcf"];
    let said = refused(path, &decrypt);
    assert!(said.contains("cut or altered"), "{said}");
    let said = refused(path, &[&decrypt[..], &["--range", "0-10"]].concat());
    assert!(said.contains("cut or altered"), "{said}");
    assert_eq!(accepted(path, &["genome", "inspect", "genomes.vcf.c4gh"])["as_manifest"], false);
    fs::remove_file(path.join("genomes.vcf.c4gh.manifest.json")).unwrap();
    let said = refused(path, &decrypt);
    assert!(said.contains("--unverified"), "{said}");
    let taken = accepted(path, &[&decrypt[..], &["--unverified"]].concat());
    assert_eq!((&taken["bytes"], &taken["verified"]), (&65_536.into(), &false.into()));
}

#[cfg(unix)]
#[test]
fn private_keys_and_plaintexts_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = encrypted();
    let path = folder.path();
    accepted(path, &["genome", "decrypt", "genomes.vcf.c4gh", "--key", "patient.sec", "--out", "again.vcf"]);
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode();
    for name in ["patient.sec", "licensee.sec", "again.vcf"] {
        assert_eq!(mode(name) & 0o077, 0, "{name}");
    }
}

#[test]
fn the_object_store_is_listed_checked_and_healed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("protocol.md"), "how").unwrap();
    let elsewhere = ["--objects", "elsewhere"];
    let put = accepted(path, &[&elsewhere[..], &["objects", "put", "protocol.md"]].concat());
    let listed = accepted(path, &[&elsewhere[..], &["objects", "list"]].concat());
    assert_eq!((&listed["blobs"], &listed["listed"][0]["digest"]), (&1.into(), &put["digest"]));
    let check = [&elsewhere[..], &["objects", "check"]].concat();
    assert_eq!(accepted(path, &check)["bytes"], 3);
    let digest = put["digest"].as_str().unwrap();
    fs::write(path.join("elsewhere/blob").join(&digest[..2]).join(digest), "why").unwrap();
    let said = refused(path, &check);
    assert!(said.contains(digest) && said.contains("--remove-damaged"), "{said}");
    locus(path, &[&check[..], &["--remove-damaged"]].concat());
    assert_eq!(accepted(path, &check)["blobs"], 0);
    let said = refused(path, &["--objects", "gs://x", "objects", "list"]);
    assert!(said.contains("s3://bucket"), "{said}");
}

/// Makes every file in a folder look as old as the clock can say.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        } else {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
    }
}

#[test]
fn blobs_that_no_block_names_go_once_they_are_old_and_a_schemas_panel_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let attributes = genome().with_file_name("attributes.json");
    let (genome, attributes) = (genome().display().to_string(), attributes.display().to_string());
    accepted(path, &["network", "init", "ours"]);
    let hospital = accepted(path, &["keys", "new", "issuer", "hospital.key"]);
    accepted(path, &["govern", "accredit-issuer", hospital["account"].as_str().unwrap(), "--name", "Hospital"]);
    let derive = ["schema", "derive", "Genomes", "--vcf", &genome, "--attributes", &attributes];
    accepted(path, &[&derive[..], &["--build", "GRCh37", "--out", "schema"]].concat());
    accepted(path, &["schema", "register", "schema", "--key", "hospital.key"]);
    for (name, kind) in [("one", "ciphertext"), ("two", "panel"), ("three", "blob")] {
        fs::write(path.join(name), name).unwrap();
        accepted(path, &["objects", "put", name, "--kind", kind]);
    }
    let gc = ["objects", "gc", "--yes"];
    assert_eq!(accepted(path, &gc)["blobs"], 0, "nothing is old enough");
    age(&path.join(".locus/objects"));
    let found = accepted(path, &[&gc[..], &["--dry-run"]].concat());
    assert_eq!((&found["blobs"], &found["removed"]), (&2.into(), &false.into()));
    assert_eq!(accepted(path, &["objects", "list"])["blobs"], 4);
    assert_eq!(accepted(path, &gc)["removed"], true);
    let left = accepted(path, &["objects", "list"]);
    let kinds: Vec<_> = left["listed"].as_array().unwrap().iter().map(|blob| blob["kind"].clone()).collect();
    assert_eq!(kinds, ["panel", "blob"]);
}
