//! The service's own accounts: sessions end, are bounded and prove themselves; credentials belong to one account.

use circuits::id::AccountId;
use market::{
    Error,
    accounts::{
        Account, Accounts, CEREMONY_BYTES_MAX, CEREMONY_SECONDS_MAX, CREDENTIALS_MAX, CeremonyKind, CeremonyToken,
        Credential, CredentialId, IDENTITIES_MAX, Identity, LAST_SEEN_SECONDS, NewAccount, NewCredential,
        PUBLIC_KEY_BYTES_MAX, Role, SESSION_IDLE_SECONDS_MAX, SESSION_SECONDS_MAX, SESSIONS_MAX, ServiceAccountId,
        SessionToken, UserAgentDigest,
    },
};
use node::units::Timestamp;
use rand::{SeedableRng, rngs::StdRng};

use crate::postgres::{Backend, TestDatabase, on_both};

const NOW: Timestamp = Timestamp::new(1_800_000_000);
const HOUR: u32 = 3_600;

fn begun(backend: Backend) -> (TestDatabase, Accounts, StdRng) {
    let database = backend.database();
    let accounts = Accounts::new(database.open());
    (database, accounts, StdRng::seed_from_u64(5))
}

fn new(name: &str) -> NewAccount {
    NewAccount { role: Role::Researcher, ledger_account: None, display_name: name.into() }
}

fn browser() -> UserAgentDigest {
    UserAgentDigest::of("Mozilla/5.0")
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, text: &str) {
    match result {
        Err(Error::Account { why }) => assert!(why.contains(text), "{why} does not say {text:?}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was taken"),
    }
}

fn made(accounts: &Accounts, name: &str, rng: &mut StdRng) -> Account {
    accounts.create(&new(name), NOW, rng).unwrap()
}

on_both! {
    fn accounts_are_found_by_id_and_by_their_ledger_account(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let ledger_account = Some(AccountId::from_bytes([3; 32]));
        let ada = accounts.create(&NewAccount { ledger_account, ..new("  Ada ") }, NOW, &mut rng).unwrap();
        let bob = made(&accounts, "Bob", &mut rng);
        assert_eq!(ada.display_name, "Ada");
        assert_eq!(accounts.account(ada.id).unwrap(), Some(ada.clone()));
        assert_eq!(accounts.account_of(AccountId::from_bytes([3; 32])).unwrap(), Some(ada.clone()));
        assert_eq!(accounts.account_of(AccountId::from_bytes([4; 32])).unwrap(), None);
        refused(accounts.create(&NewAccount { ledger_account, ..new("Eve") }, NOW, &mut rng), "already");
        accounts.rename(bob.id, "Robert").unwrap();
        assert_eq!(accounts.account(bob.id).unwrap().unwrap().display_name, "Robert");
        let (mut listed, mut after) = (vec![], None);
        loop {
            let page = accounts.accounts(after, 1).unwrap();
            listed.extend(page.items.into_iter().map(|account| account.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected = vec![ada.id, bob.id];
        expected.sort();
        assert_eq!(listed, expected);
        assert!(matches!(accounts.accounts(None, 0), Err(Error::Page { .. })));
    }

    fn names_that_cannot_be_shown_are_refused(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        for name in ["", "  ", &"x".repeat(101), "a\nb", "a\u{7}b"] {
            refused(accounts.create(&new(name), NOW, &mut rng), "1 to 100");
        }
        let bob = made(&accounts, "Bob", &mut rng);
        refused(accounts.rename(bob.id, ""), "1 to 100");
        accounts.delete(bob.id).unwrap();
        refused(accounts.rename(bob.id, "Bob"), "not known");
        refused(accounts.delete(bob.id), "not known");
    }

    fn a_session_lives_until_it_expires_and_only_its_token_opens_it(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let ada = made(&accounts, "Ada", &mut rng);
        let token = accounts.sign_in(ada.id, browser(), HOUR, NOW, &mut rng).unwrap();
        let session = accounts.session(&token, NOW).unwrap().unwrap();
        assert_eq!((session.account, session.user_agent, session.id), (ada.id, browser(), token.id()));
        assert_ne!(session.user_agent, UserAgentDigest::of("curl"));
        assert!(accounts.session(&token, NOW.after(HOUR - 1)).unwrap().is_some());
        assert!(accounts.session(&token, NOW.after(HOUR)).unwrap().is_none());
        // The right id with another secret, and another id with the right secret.
        let cookie = token.to_cookie();
        for place in [0, 60] {
            let mut altered = cookie.as_bytes().to_vec();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            let altered: SessionToken = String::from_utf8(altered).unwrap().parse().unwrap();
            assert!(accounts.session(&altered, NOW).unwrap().is_none());
            accounts.sign_out(&altered, NOW).unwrap();
        }
        assert!(accounts.session(&token, NOW).unwrap().is_some());
        accounts.sign_out(&token, NOW).unwrap();
        assert!(accounts.session(&token, NOW).unwrap().is_none());
        for seconds in [0, SESSION_SECONDS_MAX + 1] {
            refused(accounts.sign_in(ada.id, browser(), seconds, NOW, &mut rng), "seconds");
        }
        for malformed in ["", "abc", &cookie[1..], "ä", &format!("{}=", &*cookie)] {
            assert!(malformed.parse::<SessionToken>().is_err(), "{malformed}");
        }
    }

    fn a_session_that_nobody_uses_ends_and_an_account_ends_its_own_alone(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let (ada, bob) = (made(&accounts, "Ada", &mut rng), made(&accounts, "Bob", &mut rng));
        let idle = SESSION_IDLE_SECONDS_MAX;
        let token = accounts.sign_in(ada.id, browser(), SESSION_SECONDS_MAX, NOW, &mut rng).unwrap();
        assert!(accounts.session(&token, NOW.after(idle - 1)).unwrap().is_some());
        assert!(accounts.session(&token, NOW.after(2 * idle - 2)).unwrap().is_some());
        assert_eq!(accounts.sessions(ada.id, NOW.after(3 * idle)).unwrap(), vec![]);
        assert!(accounts.session(&token, NOW.after(3 * idle)).unwrap().is_none());
        refused(accounts.end_session(bob.id, token.id()), "no such session");
        accounts.end_session(ada.id, token.id()).unwrap();
        refused(accounts.end_session(ada.id, token.id()), "no such session");
        accounts.sign_in(ada.id, browser(), SESSION_SECONDS_MAX, NOW, &mut rng).unwrap();
        assert_eq!(accounts.prune_sessions(NOW.after(idle)).unwrap(), 1);
    }

    fn a_ceremony_ends_once_and_for_its_kind_and_time_alone(backend) {
        let (database, accounts, mut rng) = begun(backend);
        let (kind, other) = (CeremonyKind::Link, CeremonyKind::Challenge);
        let token = accounts.begin_ceremony(kind, b"state", 60, NOW, &mut rng).unwrap();
        let kept = crate::database::rows(&database.open(), "ceremonies").concat();
        assert!(!kept.to_lowercase().contains(&hex::encode(base64_decoded(&token.to_text()))), "{kept}");
        assert_eq!(accounts.ceremony(kind, &token, NOW).unwrap().as_deref(), Some(b"state".as_slice()));
        assert_eq!(accounts.end_ceremony(other, &token, NOW).unwrap(), None);
        assert_eq!(accounts.end_ceremony(kind, &token, NOW.after(60)).unwrap(), None);
        let unknown: CeremonyToken = "A".repeat(43).parse().unwrap();
        assert_eq!(accounts.end_ceremony(kind, &unknown, NOW).unwrap(), None);
        let ends: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let accounts = Accounts::new(database.open());
                    let token: CeremonyToken = token.to_text().parse().unwrap();
                    scope.spawn(move || accounts.end_ceremony(kind, &token, NOW).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ends.iter().filter(|state| state.is_some()).count(), 1, "{ends:?}");
        let long = vec![0; CEREMONY_BYTES_MAX + 1];
        refused(accounts.begin_ceremony(kind, &long, 60, NOW, &mut rng), "at most");
        for seconds in [0, CEREMONY_SECONDS_MAX + 1] {
            refused(accounts.begin_ceremony(kind, b"", seconds, NOW, &mut rng), "at most");
        }
        // What is over is forgotten when another begins.
        accounts.begin_ceremony(kind, b"", 60, NOW, &mut rng).unwrap();
        accounts.begin_ceremony(kind, b"", 60, NOW.after(60), &mut rng).unwrap();
        assert_eq!(crate::database::rows(&database.open(), "ceremonies").len(), 1);
    }

    fn an_account_is_registered_with_its_passkey_or_not_at_all(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let id = CredentialId::new(vec![1; 20]).unwrap();
        let passkey = NewCredential { id: &id, public_key: b"key", label: "laptop" };
        let first = ServiceAccountId::random(&mut rng);
        assert_eq!(accounts.register(first, &new("Ada"), &passkey, NOW).unwrap().id, first);
        let second = ServiceAccountId::random(&mut rng);
        refused(accounts.register(second, &new("Eve"), &passkey, NOW), "already");
        assert_eq!(accounts.account(second).unwrap(), None);
        assert_eq!(accounts.credentials(first).unwrap().len(), 1);
    }

    fn an_account_names_one_ledger_account_which_no_other_does(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let (ada, bob) = (made(&accounts, "Ada", &mut rng), made(&accounts, "Bob", &mut rng));
        let (key, other) = (AccountId::from_bytes([3; 32]), AccountId::from_bytes([4; 32]));
        accounts.link(ada.id, key).unwrap();
        assert_eq!(accounts.account_of(key).unwrap().unwrap().id, ada.id);
        refused(accounts.link(ada.id, other), "unlink that one first");
        refused(accounts.link(bob.id, key), "sign in to that one");
        refused(accounts.unlink(ada.id, &[]), "add another way in first");
        accounts.add_credential(ada.id, &CredentialId::new(vec![1; 20]).unwrap(), b"key", "x", NOW).unwrap();
        accounts.unlink(ada.id, &[]).unwrap();
        refused(accounts.unlink(ada.id, &[]), "names no ledger account");
        accounts.link(bob.id, key).unwrap();
    }

    fn an_institution_vouches_for_one_account(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let identity = |subject: &str| Identity::new("https://id.example.org".into(), subject.into()).unwrap();
        let ada = accounts.register_identity(&new("Ada"), &identity("1"), NOW, &mut rng).unwrap();
        assert_eq!(accounts.account_of_identity(&identity("1")).unwrap(), Some(ada.clone()));
        assert_eq!(accounts.account_of_identity(&identity("2")).unwrap(), None);
        refused(accounts.register_identity(&new("Eve"), &identity("1"), NOW, &mut rng), "another account");
        let bob = made(&accounts, "Bob", &mut rng);
        refused(accounts.add_identity(bob.id, &identity("1"), NOW), "another account");
        for subject in 2..=IDENTITIES_MAX {
            accounts.add_identity(ada.id, &identity(&subject.to_string()), NOW).unwrap();
        }
        refused(accounts.add_identity(ada.id, &identity("more"), NOW), "too many");
        assert_eq!(accounts.identities(ada.id).unwrap().len(), IDENTITIES_MAX);
        // One through which nobody can sign in any more is no way in.
        let (issuer, key) = ("https://id.example.org".to_owned(), CredentialId::new(vec![1; 20]).unwrap());
        accounts.add_credential(ada.id, &key, b"key", "laptop", NOW).unwrap();
        refused(accounts.remove_credential(ada.id, &key, &["https://other.example.org".into()]), "another way in first");
        accounts.remove_credential(ada.id, &key, std::slice::from_ref(&issuer)).unwrap();
        refused(accounts.remove_identities(ada.id, &issuer, std::slice::from_ref(&issuer)), "another way in first");
        for (issuer, subject) in [("", "1"), ("https://id.example.org", ""), ("a", &"x".repeat(256))] {
            assert!(Identity::new(issuer.into(), subject.into()).is_err());
        }
    }

    fn the_database_holds_nothing_that_opens_a_session(backend) {
        let (database, accounts, mut rng) = begun(backend);
        let ada = made(&accounts, "Ada", &mut rng);
        let token = accounts.sign_in(ada.id, browser(), HOUR, NOW, &mut rng).unwrap();
        let secret = hex::encode_upper(&base64_decoded(&token.to_cookie())[16..]);
        let kept = crate::database::rows(&database.open(), "sessions").concat().to_uppercase();
        assert!(kept.contains(&hex::encode_upper(&base64_decoded(&token.to_cookie())[..16])), "{kept}");
        assert!(!kept.contains(&secret), "{kept}");
    }

    fn one_session_too_many_ends_the_one_used_longest_ago(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let ada = made(&accounts, "Ada", &mut rng);
        let other = made(&accounts, "Bob", &mut rng);
        let others = accounts.sign_in(other.id, browser(), HOUR, NOW, &mut rng).unwrap();
        let mut sign_in = |seconds| {
            let now = NOW.after(seconds);
            accounts.sign_in(ada.id, browser(), HOUR, now, &mut rng).unwrap()
        };
        let tokens: Vec<_> = (0..u32::try_from(SESSIONS_MAX).unwrap()).map(&mut sign_in).collect();
        // The first is used once more, so that the second is the oldest.
        let later = NOW.after(LAST_SEEN_SECONDS + 60);
        assert!(accounts.session(&tokens[0], later).unwrap().is_some());
        sign_in(500);
        let now = NOW.after(500);
        assert_eq!(accounts.sessions(ada.id, now).unwrap().len(), SESSIONS_MAX);
        let open: Vec<_> = tokens.iter().map(|token| accounts.session(token, now).unwrap().is_some()).collect();
        assert!(open[0] && !open[1] && open[2..].iter().all(|open| *open), "{open:?}");
        assert!(accounts.session(&others, now).unwrap().is_some());
    }

    fn signing_out_everywhere_ends_every_session_of_one_account(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let (ada, bob) = (made(&accounts, "Ada", &mut rng), made(&accounts, "Bob", &mut rng));
        let tokens: Vec<_> =
            (0..3).map(|_| accounts.sign_in(ada.id, browser(), HOUR, NOW, &mut rng).unwrap()).collect();
        let others = accounts.sign_in(bob.id, browser(), HOUR, NOW, &mut rng).unwrap();
        assert_eq!(accounts.sign_out_everywhere(ada.id).unwrap(), 3);
        assert!(tokens.iter().all(|token| accounts.session(token, NOW).unwrap().is_none()));
        assert!(accounts.session(&others, NOW).unwrap().is_some());
        assert_eq!(accounts.prune_sessions(NOW).unwrap(), 0);
        assert_eq!(accounts.prune_sessions(NOW.after(HOUR)).unwrap(), 1);
    }

    fn sign_ins_at_once_stay_within_the_bound(backend) {
        let (database, accounts, mut rng) = begun(backend);
        let ada = made(&accounts, "Ada", &mut rng);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let accounts = Accounts::new(database.open());
                scope.spawn(move || {
                    let mut rng = StdRng::seed_from_u64(100 + thread);
                    for _ in 0..10 {
                        accounts.sign_in(ada.id, browser(), HOUR, NOW, &mut rng).unwrap();
                    }
                });
            }
        });
        assert_eq!(accounts.sign_out_everywhere(ada.id).unwrap(), SESSIONS_MAX);
    }

    fn a_credential_belongs_to_one_account_and_the_last_one_stays(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let (ada, bob) = (made(&accounts, "Ada", &mut rng), made(&accounts, "Bob", &mut rng));
        let id = |number: u8| CredentialId::new(vec![number; 20]).unwrap();
        accounts.add_credential(ada.id, &id(1), b"key 1", "laptop", NOW).unwrap();
        refused(accounts.add_credential(bob.id, &id(1), b"key 1", "laptop", NOW), "already");
        refused(accounts.remove_credential(ada.id, &id(1), &[]), "add another way in first");
        assert!(accounts.credential(&id(1)).unwrap().is_some(), "what was refused is undone");
        accounts.add_credential(ada.id, &id(2), b"key 2", "phone", NOW.after(1)).unwrap();
        let before = accounts.credential(&id(2)).unwrap().unwrap();
        accounts.used_credential(&before, b"key 2, counted", NOW.after(9)).unwrap();
        refused(accounts.used_credential(&before, b"key 2, counted as well", NOW.after(9)), "at the same moment");
        let listed = accounts.credentials(ada.id).unwrap();
        assert_eq!(listed.iter().map(|one| one.label.as_str()).collect::<Vec<_>>(), ["laptop", "phone"]);
        assert_eq!(listed[0].last_used, None);
        assert_eq!(listed[1].last_used, Some(NOW.after(9)));
        assert_eq!(accounts.credential(&id(2)).unwrap().as_ref(), Some(&listed[1]));
        assert_eq!((listed[1].account, listed[1].public_key.as_slice()), (ada.id, b"key 2, counted".as_slice()));
        refused(accounts.remove_credential(bob.id, &id(1), &[]), "no such credential");
        refused(accounts.rename_credential(bob.id, &id(1), "mine"), "no such credential");
        refused(accounts.rename_credential(ada.id, &id(1), " "), "1 to 100");
        accounts.rename_credential(ada.id, &id(2), "tablet").unwrap();
        assert_eq!(accounts.credential(&id(2)).unwrap().unwrap().label, "tablet");
        refused(accounts.used_credential(&Credential { id: id(3), ..before }, b"key", NOW), "not known");
        accounts.remove_credential(ada.id, &id(1), &[]).unwrap();
        assert_eq!(accounts.credential(&id(1)).unwrap(), None);
        accounts.delete(ada.id).unwrap();
        assert_eq!(accounts.credential(&id(2)).unwrap(), None);
        refused(accounts.add_credential(ada.id, &id(2), b"key 2", "phone", NOW), "not known");
    }

    fn credentials_have_bounds(backend) {
        let (_database, accounts, mut rng) = begun(backend);
        let ada = made(&accounts, "Ada", &mut rng);
        assert!(CredentialId::new(vec![]).is_err() && CredentialId::new(vec![0; 1_024]).is_err());
        let id = |number: usize| CredentialId::new(vec![u8::try_from(number).unwrap(); 1_023]).unwrap();
        for key in [vec![], vec![0; PUBLIC_KEY_BYTES_MAX + 1]] {
            refused(accounts.add_credential(ada.id, &id(0), &key, "x", NOW), "bytes");
        }
        refused(accounts.add_credential(ada.id, &id(0), b"key", "", NOW), "label");
        for number in 0..CREDENTIALS_MAX {
            accounts.add_credential(ada.id, &id(number), b"key", "x", NOW).unwrap();
        }
        refused(accounts.add_credential(ada.id, &id(99), b"key", "x", NOW), "remove one first");
    }
}

fn base64_decoded(cookie: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(cookie).unwrap()
}
