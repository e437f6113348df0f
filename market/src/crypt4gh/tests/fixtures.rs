//! Files and keys that other implementations wrote (`tests/data/crypt4gh`).

use std::{
    fs,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::*;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/crypt4gh").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

fn secret(name: &str, passphrase: &str) -> Result<SecretKey, Error> {
    SecretKey::from_file(&path(name), &text(name), || Ok(Zeroizing::new(passphrase.to_owned())))
}

fn unasked() -> Result<Zeroizing<String>, Error> {
    panic!("a key that is not encrypted needs no passphrase")
}

#[test]
fn keys_of_three_implementations_are_read_and_fit_their_public_keys() {
    let encrypted =
        [("ega/alice", "alice"), ("ega/bob", "bob"), ("uio-bmi/reader", "password"), ("uio-bmi/writer", "asdf")];
    for (name, passphrase) in encrypted {
        let (private, public) = (format!("{name}.sec"), format!("{name}.pub"));
        let expected = PublicKey::from_file(&path(&public), &text(&public)).unwrap();
        assert_eq!(secret(&private, passphrase).unwrap().public_key(), expected, "{name}");
        assert!(matches!(secret(&private, "another"), Err(Error::WrongPassphrase { .. })), "{name}");
        assert!(matches!(secret(&private, ""), Err(Error::WrongPassphrase { .. })), "{name}");
    }
    let bare = [
        ("samtools/alice.sec", "samtools/alice.pub"),
        ("uio-bmi/reader.sec.pem", "uio-bmi/reader.pub.pem"),
        ("uio-bmi/writer.sec.pem", "uio-bmi/writer.pub.pem"),
    ];
    for (private, public) in bare {
        let key = SecretKey::from_file(&path(private), &text(private), unasked).unwrap();
        assert_eq!(key.public_key(), PublicKey::from_file(&path(public), &text(public)).unwrap(), "{private}");
    }
}

#[test]
fn empty_files_of_two_implementations_decrypt_to_nothing() {
    let python = secret("uio-bmi/reader.sec", "password").unwrap();
    let go = SecretKey::from_file(&path("x"), &text("uio-bmi/reader.sec.pem"), unasked).unwrap();
    // The second has one segment without plaintext.
    for (name, key, other) in [("empty.python.txt.c4gh", &python, &go), ("empty.go.txt.c4gh", &go, &python)] {
        let bytes = fs::read(path("uio-bmi").join(name)).unwrap();
        let decrypted = decrypt(&bytes, key).unwrap();
        assert_eq!(decrypted.written_bytes(), 0);
        assert_eq!(decrypted.body().plaintext_bytes(), 0);
        assert!(matches!(decrypt(&bytes, other), Err(Error::Crypt4ghReader { packets: 1 })));
    }
}

#[test]
fn a_key_that_is_written_is_read_whatever_protects_it() {
    let words = || Zeroizing::new("three random words".to_owned());
    let key = reader(5);
    for protection in [KeyProtection::Scrypt(words()), KeyProtection::Bcrypt(words()), KeyProtection::None] {
        let text = key.to_file(&protection, &mut rng()).unwrap();
        let read = SecretKey::from_file::<Error>(Path::new("key"), &text, || Ok(words())).unwrap();
        assert_eq!(read, key, "{protection:?}");
    }
    let public = key.public_key();
    assert_eq!(PublicKey::from_file(Path::new("key"), &public.to_file()).unwrap(), public);
    let empty = key.to_file(&KeyProtection::Scrypt(Zeroizing::default()), &mut rng());
    assert!(matches!(empty, Err(Error::Refused { .. })));
}

#[test]
fn files_that_are_no_such_key_are_refused_by_what_they_are() {
    let name = Path::new("key");
    let secret = |text: &str| SecretKey::from_file(name, text, unasked).unwrap_err();
    let public = |text: &str| PublicKey::from_file(name, text).unwrap_err();
    assert!(matches!(secret(&text("ega/alice.pub")), Error::FileKind { .. }));
    assert!(matches!(public(&text("ega/alice.sec")), Error::FileKind { .. }));
    assert!(matches!(public("ssh-ed25519 AAAA a@b"), Error::FileKind { found, .. } if found.contains("OpenSSH")));
    for text in ["", "-----BEGIN CRYPT4GH PRIVATE KEY-----\n", "genome", &"x".repeat(1 << 15)] {
        assert!(matches!(secret(text), Error::FileDamaged { .. }));
        assert!(matches!(public(text), Error::FileDamaged { .. }));
    }
    let (head, tail) = ("-----BEGIN CRYPT4GH PRIVATE KEY-----\n", "\n-----END CRYPT4GH PRIVATE KEY-----\n");
    for inner in ["", "AAAA", "!", "YzRnaC12MQ=="] {
        assert!(matches!(secret(&format!("{head}{inner}{tail}")), Error::FileDamaged { .. }), "{inner}");
    }
}

#[test]
fn a_key_file_cannot_ask_for_endless_work() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let written = text("ega/alice.sec");
    let inner = written.lines().nth(1).unwrap();
    let mut bytes = STANDARD.decode(inner).unwrap();
    // magic 7, "bcrypt" 2 + 6, length of the options 2.
    bytes[17..21].copy_from_slice(&u32::MAX.to_be_bytes());
    let hostile = written.replace(inner, &STANDARD.encode(bytes));
    let outcome = SecretKey::from_file::<Error>(Path::new("key"), &hostile, || Ok(Zeroizing::new("alice".into())));
    assert!(matches!(outcome, Err(Error::FileDamaged { why, .. }) if why.contains("4294967295 rounds")));
}
