//! A search for what nobody but its owner may have: in every log, in the node's database and objects, on the ledger, and
//! in what members, an onlooker and the researcher keep.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use market::wallet::{PartyKey, Protection, Role, Wallet};
use memchr::memmem;

use super::{
    people::Ward,
    screening::{CONTACT, INVITATION},
    stage::Stage,
};
use crate::{consortium::plaintext, postgres::PASSWORD};

/// Patients of each hospital whose whole records are sought, and runs of each record; everybody's name and row are.
const RECORDS: usize = 6;
const RUNS: usize = 16;
/// What is shorter would be found by chance.
const BYTES_MIN: usize = 10;

/// Bytes that may be nowhere.
struct Secret {
    what: String,
    forms: Vec<Vec<u8>>,
}

/// Bytes as they are, in hexadecimal of either case, and in both alphabets of base64 at each of three places.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hexadecimal = hex::encode(bytes);
    let mut forms = vec![bytes.to_vec(), hexadecimal.to_uppercase().into(), hexadecimal.into()];
    for shift in 0..3 {
        // Whole groups of the middle alone: what comes before and after decides about those at the edges.
        let inner = &bytes[shift..];
        let encoded = STANDARD_NO_PAD.encode(&inner[..inner.len() / 3 * 3]);
        forms.extend([encoded.replace('+', "-").replace('/', "_").into(), encoded.into_bytes()]);
    }
    forms
}

impl Secret {
    fn bytes(what: impl Into<String>, bytes: &[u8]) -> Self {
        let listed = |between: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between);
        let lists = [",", ", "].map(|between| listed(between).into_bytes());
        Self { what: what.into(), forms: [forms(bytes), lists.into()].concat() }
    }

    fn text(what: impl Into<String>, text: &str) -> Self {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let escaped = ["%20", "+", "_"].map(|space| text.replace(' ', space).into_bytes());
        Self { what: what.into(), forms: [forms(text.as_bytes()), vec![wide], escaped.into()].concat() }
    }

    fn is_in(&self, place: &[u8]) -> bool {
        let long = self.forms.iter().filter(|form| form.len() >= BYTES_MIN);
        long.into_iter().any(|form| memmem::find(place, form).is_some())
    }
}

/// Everything that was planted, names apart.
fn secrets(stage: &Stage, wards: &[Ward; 2]) -> (Vec<Secret>, Vec<Secret>) {
    let mut secrets = vec![Secret::text("a contact", CONTACT), Secret::text("an invitation", INVITATION)];
    secrets.push(Secret::text("the database's password", PASSWORD));
    let parties = [&stage.node, &stage.governor, &stage.researcher, &stage.sponsor, &stage.onlooker];
    let parties = parties.into_iter().chain(&stage.hospitals).chain(&stage.members);
    secrets.extend(parties.map(|party| Secret::text(format!("the passphrase of {}", party.name), &party.passphrase)));
    let mut names = vec![];
    for (hospital, ward) in stage.hospitals.iter().zip(wards) {
        let phrase = Protection::passphrase(hospital.passphrase.as_str()).unwrap();
        let custodian = PartyKey::open(&hospital.path("custodian.key"), Role::Custodian, &phrase).unwrap();
        for (place, person) in ward.people.iter().enumerate() {
            names.push(Secret::text("a name", &person.name));
            let values = person.row.split_once(',').unwrap().1;
            secrets.push(Secret::text(format!("the row of {}", person.name), values));
            let called = person.genotypes[..64].join("\t");
            secrets.push(Secret::text(format!("the calls of {}", person.name), &called));
            if place % ward.people.len().div_ceil(RECORDS) > 0 {
                continue;
            }
            let path = hospital.path(&format!("wallets/{}.wallet", person.name));
            let wallet = Wallet::open(&path, Protection::StorageKey(custodian.storage_key())).unwrap();
            let runs = plaintext(&wallet);
            let step = runs.len().div_ceil(RUNS);
            let of_record = |run: &Vec<u8>| Secret::bytes(format!("the record of {}", person.name), run);
            let label = person.name.as_bytes();
            secrets.extend(runs.iter().filter(|run| run.as_slice() != label).step_by(step).map(of_record));
        }
    }
    (secrets, names)
}

/// A place that is searched, by name.
type Place = (String, Vec<u8>);

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn read(folder: &Path) -> Vec<Place> {
    files(folder).into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    line: String,
}

/// Every table of the database, as text.
fn dump(database: &str) -> Vec<Place> {
    let mut connection = PgConnection::establish(database).unwrap();
    let mut lines = |sql: &str| -> Vec<String> {
        let rows: Vec<Line> = sql_query(sql).load(&mut connection).unwrap();
        rows.into_iter().map(|row| row.line).collect()
    };
    let tables = lines("SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'");
    assert!(tables.iter().any(|table| table == "balances"), "{tables:?}");
    let dumped = |table: &String| {
        let rows = lines(&format!("SELECT one::text AS line FROM {table} AS one"));
        (format!("table {table}"), rows.join("\n").into_bytes())
    };
    tables.iter().map(dumped).collect()
}

/// What others than the patients' hospitals hold.
fn places(stage: &Stage) -> Vec<Place> {
    let others = [&stage.node, &stage.researcher, &stage.onlooker].into_iter().chain(&stage.members);
    let mut places: Vec<Place> = others.flat_map(|party| read(&party.folder)).collect();
    let objects = read(stage.objects.folder());
    assert!(objects.len() > 20, "the bucket holds only {} files", objects.len());
    places.extend(objects);
    places.extend(dump(&stage.database));
    places.extend(read(&stage.folder.path().join("logs")));
    // PostgreSQL writes statements that fail into its own log.
    let server = stage.database_log();
    assert!(!server.is_empty(), "PostgreSQL logged nothing, not even that it was killed");
    places.push(("PostgreSQL's log".into(), server));
    places
}

/// Searches all of it. A hospital's agent tells its own operator which wallet it answers for, by the wallet's path.
pub fn nothing_planted_is_anywhere(stage: &Stage, wards: &[Ward; 2]) {
    let (secrets, names) = secrets(stage, wards);
    let places = places(stage);
    let wallets: Vec<Place> = stage.hospitals.iter().flat_map(|hospital| read(&hospital.path("wallets"))).collect();
    let bytes: usize = places.iter().chain(&wallets).map(|(_, held)| held.len()).sum();
    println!("story: {} secrets sought in {} places, {bytes} bytes", secrets.len() + names.len(), places.len());
    let to_operator = |place: &str| place.ends_with("hospital-a.out") || place.ends_with("hospital-b.out");
    let mut found = vec![];
    for (place, held) in places.iter().chain(&wallets) {
        found.extend(secrets.iter().filter(|secret| secret.is_in(held)).map(|secret| (&secret.what, place)));
        if !to_operator(place) {
            found.extend(names.iter().filter(|name| name.is_in(held)).map(|name| (&name.what, place)));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    // The search finds what is there.
    let table = fs::read(stage.hospitals[0].path("attributes.csv")).unwrap();
    assert!(names[0].is_in(&table));
    assert!(secrets.iter().any(|secret| secret.what.starts_with("the row of") && secret.is_in(&table)));
    let chain = Secret::bytes("the chain's id", &hex::decode(&stage.chain).unwrap());
    assert!(places.iter().any(|(place, held)| place == "table position" && chain.is_in(held)));
}

#[test]
fn a_secret_is_found_in_each_of_its_forms_wherever_it_begins() {
    let secret = Secret::text("a name", "Quillon-Zephyrine-0000");
    for pad in 0..3 {
        let text = ["x".repeat(pad), "Quillon-Zephyrine-0000".into(), "y".repeat(pad)].concat();
        let encoded = STANDARD_NO_PAD.encode(&text);
        for place in [text.clone(), hex::encode(&text), hex::encode_upper(&text), encoded] {
            assert!(secret.is_in(place.as_bytes()), "{place}");
        }
    }
    assert!(!secret.is_in(b"Quillon-Zephyrine-0001"));
    assert!(Secret::bytes("dosages", &[0, 1, 2, 0, 1, 2]).is_in(b"[0, 1, 2, 0, 1, 2]"));
}
