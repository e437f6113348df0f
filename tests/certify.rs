//! `locus record certify`: whose record goes into which wallet.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    cli::{accepted, locus, refusal},
    network::demo_file,
};

const PASSPHRASE_WALLETS: [&str; 4] = ["--consent", "consent.json", "--wallets", "wallets"];

/// The demo's file with other names for its first people.
fn renamed(names: &[&str]) -> String {
    let text = fs::read_to_string(demo_file("genomes.vcf")).unwrap();
    let (first, fixed) = (text.find("#CHROM").unwrap(), 9);
    let header = text[first..].lines().next().unwrap();
    let mut columns: Vec<&str> = header.split('\t').collect();
    columns[fixed..fixed + names.len()].copy_from_slice(names);
    text.replacen(header, &columns.join("\t"), 1)
}

/// An issuer with a schema, on a network of one folder.
fn clinic(folder: &Path, names: &[&str]) -> String {
    let run = |arguments: &[&str]| {
        let printed = accepted(&locus(folder, &[&["--json"], arguments].concat()));
        serde_json::from_str::<Value>(&printed).unwrap()
    };
    let issuer = run(&["keys", "new", "issuer", "issuer.key"])["account"].as_str().unwrap().to_owned();
    run(&["network", "init", "clinic"]);
    run(&["govern", "accredit-issuer", &issuer, "--name", "Clinic"]);
    fs::write(folder.join("genomes.vcf"), renamed(names)).unwrap();
    let terms = json!({ "purposes": ["health-research"], "days": 365, "price_min": 1, "cohort_min": 2 });
    fs::write(folder.join("consent.json"), terms.to_string()).unwrap();
    run(&["schema", "derive", "Genomes", "--vcf", "genomes.vcf", "--build", "GRCh37", "--out", "schema"]);
    run(&["schema", "register", "schema", "--key", "issuer.key"])["id"].as_str().unwrap().to_owned()
}

#[test]
fn repro_names_that_differ_in_a_dot_alone_have_a_wallet_each_and_no_record_goes_into_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["P.1", "P_1", "P:1", "Q-7"];
    let schema = clinic(folder.path(), &names);
    let certify = |people: &str| {
        let whom = ["--json", "record", "certify", "--vcf", "genomes.vcf", "--schema", &schema, "--key", "issuer.key"];
        locus(folder.path(), &[&whom[..], &PASSPHRASE_WALLETS, &["--people", people]].concat())
    };
    let registered = |people: &str| {
        let certified: Value = serde_json::from_str(&accepted(&certify(people))).unwrap();
        certified["registered"].as_array().unwrap().len()
    };
    let path = |name: &str| folder.path().join("wallets").join(name);
    let shown = |name: &str| {
        let path = format!("wallets/{name}");
        serde_json::from_str::<Value>(&accepted(&locus(folder.path(), &["--json", "wallet", "show", &path]))).unwrap()
    };
    let wallets = || {
        let files = fs::read_dir(folder.path().join("wallets")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".wallet")).collect::<BTreeSet<_>>()
    };

    // One after the other, and again: nobody is left out, and nobody is certified twice.
    assert_eq!(registered("P.1"), 1);
    let mut first = wallets();
    let first = first.pop_first().unwrap();
    assert!(first.starts_with("P_1-"), "{first}");
    assert_eq!(registered("P_1"), 1, "P.1's wallet is not P_1's");
    assert_eq!(registered(&names.join(",")), 2);
    assert_eq!(registered(&names.join(",")), 0);
    let of: BTreeSet<String> = wallets()
        .iter()
        .map(|file| {
            let shown = shown(file);
            assert_eq!(shown["records"].as_array().unwrap().len(), 1, "{file}: {shown}");
            shown["label"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(of, names.map(String::from).into());

    // A wallet under another person's name takes no record, and nobody's is put elsewhere meanwhile.
    fs::rename(path("P_1.wallet"), path("kept")).unwrap();
    fs::rename(path("Q-7.wallet"), path("P_1.wallet")).unwrap();
    let said = refusal(&certify("P_1"));
    assert!(said.contains("is the wallet of \"Q-7\" and not of \"P_1\""), "{said}");
    fs::rename(path("P_1.wallet"), path("Q-7.wallet")).unwrap();

    // A wallet that an earlier release named goes on.
    fs::rename(path(&first), path("P_1.wallet")).unwrap();
    assert_eq!(registered("P.1"), 0);
    assert!(refusal(&certify("P_1")).contains("is the wallet of \"P.1\" and not of \"P_1\""));
}

#[test]
fn repro_whoever_is_certified_again_after_an_interruption_is_registered_once() {
    let folder = tempfile::tempdir().unwrap();
    let schema = clinic(folder.path(), &["Ada", "Bea", "Cem"]);
    let run = |arguments: &[&str]| -> Value {
        serde_json::from_str(&accepted(&locus(folder.path(), &[&["--json"], arguments].concat()))).unwrap()
    };
    let whom = ["record", "certify", "--vcf", "genomes.vcf", "--schema", &schema, "--key", "issuer.key"];
    let of = |people| [&whom[..], &PASSPHRASE_WALLETS, &["--people", people]].concat();
    let certified = |people| {
        let certified = run(&of(people));
        let leaves = certified["registered"].as_array().unwrap().iter().map(|one| one["leaf"].as_u64().unwrap());
        (leaves.collect::<Vec<_>>(), certified["notes"].to_string())
    };
    let ask = |price: u64| {
        let terms = json!({ "purposes": ["health-research"], "days": 365, "price_min": price, "cohort_min": 2 });
        fs::write(folder.path().join("consent.json"), terms.to_string()).unwrap();
    };
    let asked = |name: &str| run(&["consent", "show", &format!("wallets/{name}.wallet")])["price_min"].clone();
    let issuer = run(&["keys", "show", "issuer.key"])["account"].as_str().unwrap().to_owned();
    // Wallets are made, and the ledger takes no record.
    let interrupted = |people| {
        run(&["govern", "suspend-issuer", &issuer]);
        refusal(&locus(folder.path(), &of(people)));
        run(&["govern", "accredit-issuer", &issuer, "--name", "Clinic"]);
    };
    let copy = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|name| folder.path().join(name));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };

    interrupted("Ada,Bea");
    copy("wallets", "begun");
    assert_eq!(certified("Ada,Bea").0, [0, 1]);
    // As whoever is killed between the ledger and the wallets, and changes the terms then.
    copy("begun", "wallets");
    ask(2);
    let (leaves, notes) = certified("Ada,Bea");
    assert_eq!(leaves, [0, 1], "both are registered once");
    assert!(notes.contains("on the terms that it had: 2"), "{notes}");
    assert_eq!(asked("Ada"), 1);

    // A block may still take what none took yet, so no second key is made for other terms.
    interrupted("Cem");
    ask(3);
    let (leaves, notes) = certified("Cem");
    assert_eq!((leaves, asked("Cem")), (vec![2], json!(2)));
    assert!(notes.contains("on the terms that it had: 1"), "{notes}");
}
