//! Crypt4GH beside the reference implementation: what one writes, the other reads.
//!
//! The Python tool is installed once into a virtual environment under the target folder. Without `python3`, or without
//! a package index to install from, the test says so past the capture of output and checks nothing; where
//! `LOCUS_REQUIRE_PYTHON` is set, it fails.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use market::crypt4gh::{Decrypted, Header, KeyProtection, Others, PublicKey, SecretKey, encrypt};
use zeroize::Zeroizing;

use crate::skipped::{REQUIRE_PYTHON, nothing_checked};

const TOOL: &str = "crypt4gh==1.8.6";
const WORDS: &str = "three random words";
const LENGTHS: [usize; 6] = [0, 1, 65_535, 65_536, 65_537, 200_000];

/// The reference tool, and a folder for its files.
struct Reference {
    bin: PathBuf,
    folder: tempfile::TempDir,
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Where the tool's programs are; installed once, whichever test comes first.
static INSTALLED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crypt4gh-1.8.6");
    let bin = environment.join("bin");
    let works = || succeeds(Command::new(bin.join("crypt4gh")).arg("--version"));
    if !works() {
        let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
            && succeeds(Command::new(bin.join("pip")).args(["install", "--quiet", TOOL]));
        if !made || !works() {
            return None;
        }
    }
    Some(bin)
});

fn installed() -> Option<Reference> {
    if INSTALLED.is_none() {
        nothing_checked(REQUIRE_PYTHON, TOOL, "python3 with venv and a package index are needed to compare with it");
    }
    INSTALLED.clone().map(|bin| Reference { bin, folder: tempfile::tempdir().unwrap() })
}

impl Reference {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs the tool on the bytes of a file; what it prints.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let input = self.write("input", input);
        let mut command = Command::new(self.bin.join("crypt4gh"));
        command.args(arguments).env("C4GH_PASSPHRASE", WORDS).current_dir(self.folder.path());
        let output = command.stdin(File::open(input).unwrap()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// A key pair that the tool made.
    fn key(&self, name: &str) -> SecretKey {
        let made = "import sys; from crypt4gh.keys import c4gh; \
                    c4gh.generate(sys.argv[1], sys.argv[2], sys.argv[3].encode(), b'a comment')";
        let (secret, public) = (self.path(name), self.path(&format!("{name}.pub")));
        let mut command = Command::new(self.bin.join("python"));
        assert!(succeeds(command.args(["-c", made]).arg(&secret).arg(&public).arg(WORDS)));
        let key = read_key(&secret);
        let text = fs::read_to_string(&public).unwrap();
        assert_eq!(PublicKey::from_file(&public, &text).unwrap(), key.public_key());
        key
    }

    /// A key pair that Locus made.
    fn our_key(&self, name: &str, protection: &KeyProtection) -> SecretKey {
        let key = SecretKey::random(&mut rand::rng());
        self.write(name, key.to_file(protection, &mut rand::rng()).unwrap().as_bytes());
        self.write(&format!("{name}.pub"), key.public_key().to_file().as_bytes());
        key
    }
}

fn words() -> Zeroizing<String> {
    Zeroizing::new(WORDS.to_owned())
}

fn read_key(path: &Path) -> SecretKey {
    SecretKey::from_file::<market::Error>(path, &fs::read_to_string(path).unwrap(), || Ok(words())).unwrap()
}

fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place ^ (place >> 9)) % 253).unwrap()).collect()
}

fn decrypt(mut file: &[u8], key: &SecretKey) -> Decrypted<Vec<u8>> {
    let header = Header::read(&mut file).unwrap().open(key).unwrap();
    header.decrypt(file, vec![]).unwrap()
}

#[test]
fn what_the_reference_tool_writes_locus_reads_and_the_other_way_round() {
    let Some(reference) = installed() else { return };
    let theirs = reference.key("theirs");
    let protections = [KeyProtection::Scrypt(words()), KeyProtection::Bcrypt(words()), KeyProtection::None];
    let ours: Vec<_> = protections.iter().zip(["scrypt", "bcrypt", "none"]).collect();
    for length in LENGTHS {
        let text = plaintext(length);
        let file = reference.run(&["encrypt", "--recipient_pk", "theirs.pub"], &text);
        let decrypted = decrypt(&file, &theirs);
        assert_eq!(decrypted.body().plaintext_bytes(), length as u64);
        assert_eq!(decrypted.into_unverified(), text);
        for (protection, name) in &ours {
            let key = reference.our_key(name, protection);
            let mut file = vec![];
            encrypt(&[theirs.public_key(), key.public_key()], text.as_slice(), &mut file, &mut rand::rng()).unwrap();
            for name in ["theirs", name] {
                assert_eq!(reference.run(&["decrypt", "--sk", name], &file), text, "{name}, {length} bytes");
            }
        }
    }
}

#[test]
fn a_header_that_one_reencrypts_the_other_reads() {
    let Some(reference) = installed() else { return };
    let (theirs, licensee) = (reference.key("theirs"), reference.our_key("licensee", &KeyProtection::None));
    let text = plaintext(100_000);
    let file = reference.run(&["encrypt", "--recipient_pk", "theirs.pub"], &text);
    let passed_on = reference.run(&["reencrypt", "--sk", "theirs", "--recipient_pk", "licensee.pub"], &file);
    assert_eq!(decrypt(&passed_on, &licensee).into_unverified(), text);

    let mut body = file.as_slice();
    let header = Header::read(&mut body).unwrap();
    for others in [Others::Keep, Others::Drop] {
        let header = header.reencrypt(&theirs, &[licensee.public_key()], others, &mut rand::rng()).unwrap();
        let file = [header.to_bytes().unwrap().as_slice(), body].concat();
        assert_eq!(reference.run(&["decrypt", "--sk", "licensee"], &file), text);
    }
}

#[test]
fn a_part_that_the_reference_tool_cut_out_is_read_through_its_edit_list() {
    let Some(reference) = installed() else { return };
    let theirs = reference.key("theirs");
    let text = plaintext(300_000);
    let file = reference.run(&["encrypt", "--recipient_pk", "theirs.pub"], &text);
    for range in ["70000-200000", "10-20", "65536-131072", "131000-131200"] {
        let part = reference.run(&["rearrange", "--sk", "theirs", "--range", range], &file);
        let decrypted = decrypt(&part, &theirs);
        let (start, count) = {
            let (start, _) = range.split_once('-').unwrap();
            (start.parse::<usize>().unwrap(), usize::try_from(decrypted.written_bytes()).unwrap())
        };
        let decrypted = decrypted.into_unverified();
        assert_eq!(decrypted, text[start..start + count]);
        assert_eq!(decrypted, reference.run(&["decrypt", "--sk", "theirs"], &part), "{range}");
        assert!(count > 0);
    }
}
