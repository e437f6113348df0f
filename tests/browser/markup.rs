//! Markup in every text that others write: names of schemas, attributes and variants, studies with their sites and outcomes,
//! organisations, people's wallets, and files that are dropped on a page. It comes out as text.
//!
//! Headers, sample names and variant ids of a VCF, and the reports of clinical imports, are on no page: an importer keeps
//! none of them.

use std::{fs, path::PathBuf, sync::Arc};

use circuits::{
    id::{Digest, SchemaId, StudyId},
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use market::{
    import::{ImportOptions, import_variants},
    ledger::{LedgerAccess as _, act, next_nonce, tip},
    objects::{BlobKind, put},
    query::QueryFile,
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{
    state::StateRead as _,
    transaction::{Action, AmendStudy, Governance, PostOutcome, Site, StudyDesign, StudyRegistration},
};
use serde_json::{Value, json};
use web::{
    client::{Remote, RemoteBlobs, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{StopOn, serve_patients},
};

use super::{
    chromium::{Browser, browser, downloads},
    hostile::shows_as_text,
    roles::{Demo, demo},
    site::HOSTILE,
};
use crate::{api::sealing_key, world::account};

fn ledger(demo: &Demo) -> RemoteLedger {
    RemoteLedger::connect(Remote::new(&demo.url()).unwrap()).unwrap()
}

fn key(demo: &Demo, name: &str, role: Role) -> PartyKey {
    PartyKey::open(&demo.folder.join(format!("keys/{name}.key")), role, &Protection::DemoUnencrypted).unwrap()
}

/// A study of the demo's researcher.
fn study(demo: &Demo, title: &str) -> StudyId {
    let (ledger, researcher) = (ledger(demo), key(demo, "researcher", Role::Researcher));
    let signer = researcher.signing_key();
    let study =
        StudyRegistration { title: title.into(), protocol: Digest::from_bytes([7; 32]), ethics: HOSTILE.into() };
    let id = study.id(&ledger.chain(), &researcher.account(), next_nonce(&ledger, &signer).unwrap()).unwrap();
    act(&ledger, &signer, Action::RegisterStudy(study)).unwrap();
    id
}

/// A panel and a schema in which everything that is a text is markup.
fn schema(demo: &Demo) -> (Schema, VariantPanel) {
    let variant = |pos| Variant { chrom: HOSTILE.into(), pos, reference: "<i>A".into(), alternate: "G'\"".into() };
    let panel = VariantPanel { build: HOSTILE.into(), variants: [100, 200].map(variant).into() };
    let attribute = Attribute {
        name: format!("age {HOSTILE}"),
        unit: HOSTILE.into(),
        coding: format!("1 = {HOSTILE}"),
        scale: 1,
        lo: 0,
        hi: 120,
        digits: 1,
        sensitivity: Sensitivity::Public,
    };
    let schema =
        Schema { name: format!("schema {HOSTILE}"), attributes: vec![attribute], panel: panel.reference().unwrap() };
    let blobs = RemoteBlobs::new(Remote::new(&demo.url()).unwrap());
    put(&blobs, BlobKind::Panel, borsh::to_vec(&panel).unwrap()).unwrap();
    (schema, panel)
}

#[track_caller]
fn open(browser: &Browser, demo: &Demo, path: &str) {
    browser.open(&format!("{}{path}", demo.url()));
}

/// That some option of the page that is open offers a text, whole.
#[track_caller]
fn offers(browser: &Browser, text: &str) {
    let script =
        format!("return [...document.querySelectorAll('option')].some(one => one.value.includes({}))", json!(text));
    assert_eq!(browser.run(&script), Value::Bool(true), "nothing offers {text}");
    assert_eq!(browser.run("return window.pwned ?? null"), Value::Null);
}

#[test]
fn names_of_schemas_attributes_and_variants_are_text_wherever_they_are_shown() {
    let (demo, browser) = (demo(), browser());
    let (ledger, researcher) = (ledger(demo), key(demo, "researcher", Role::Researcher));
    let signer = researcher.signing_key();
    let (described, panel) = schema(demo);
    let id: SchemaId = described.id().unwrap();
    let registered = act(&ledger, &signer, Action::RegisterSchema(described.clone())).unwrap();
    let attribute = described.attributes[0].name.clone();
    let file: QueryFile = serde_json::from_value(json!({
        "study": study(demo, "A study of markup"), "schema": id, "purposes": ["health-research"], "price": 500,
        "contributions_min": 2, "contributions_max": 3, "days": 5, "privacy": { "epsilon": 1.0 },
        "criteria": [[{ "attribute": attribute, "lo": 18, "hi": 65 }]],
        "measures": [{ "statistic": "histogram", "of": { "attribute": attribute, "lo": 0, "width": 10, "count": 12 } }],
    }))
    .unwrap();
    let today = tip(&ledger).unwrap().time.day();
    let query = file.resolve(&described, Some(&panel), today, sealing_key(&researcher)).unwrap();
    let nonce = next_nonce(&ledger, &signer).unwrap();
    let asked = query.id(&ledger.chain(), &researcher.account(), nonce).unwrap();
    act(&ledger, &signer, Action::OpenQuery(Box::new(query))).unwrap();

    demo.follow();
    open(&browser, demo, "/schemas");
    shows_as_text(&browser, &described.name);
    open(&browser, demo, &format!("/schemas/{id}"));
    for text in [&described.name, &attribute, &described.attributes[0].coding, HOSTILE] {
        shows_as_text(&browser, text);
    }
    open(&browser, demo, &format!("/queries/{asked}"));
    shows_as_text(&browser, &attribute);
    open(&browser, demo, &format!("/transactions/{}", registered.transaction));
    shows_as_text(&browser, json!(described.name).to_string().trim_matches('"'));
    // The builder, when it opens and while somebody types.
    open(&browser, demo, &format!("/builder?query={asked}"));
    shows_as_text(&browser, &described.name);
    offers(&browser, &attribute);
    browser.click("button[value='c.add']");
    browser.until("/^c-(1-0|0-1)-subject$/.test(document.activeElement?.id)");
    browser.keys("<script");
    browser.until("[...document.querySelectorAll('#names option')].some(one => one.value.includes(':100'))");
    offers(&browser, HOSTILE);
    shows_as_text(&browser, &described.name);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn names_of_organisations_sites_and_what_came_out_of_studies_are_text() {
    let (demo, browser) = (demo(), browser());
    let (ledger, researcher) = (ledger(demo), key(demo, "researcher", Role::Researcher));
    let (governor, signer) = (key(demo, "governor", Role::Governor).signing_key(), researcher.signing_key());
    let (issuer, sponsor) = (account("an issuer of markup"), account("a sponsor of markup"));
    let named = |what: &str| format!("{what} {HOSTILE}");
    let accredited = [
        Governance::AccreditIssuer { account: issuer, name: named("issuer") },
        Governance::AccreditResearcher { account: sponsor, name: named("sponsor") },
    ];
    for decision in accredited {
        act(&ledger, &governor, Action::Govern(decision)).unwrap();
    }
    let amended = study(demo, &named("title"));
    let site = |name: String| Site { name, region: circuits::consent::Regions(1) };
    let amendment = AmendStudy {
        study: amended,
        protocol: Digest::from_bytes([8; 32]),
        ethics: named("ethics"),
        reason: named("reason"),
        design: StudyDesign { sites: vec![site(named("site"))], sponsor: Some(sponsor), planned: vec![] },
    };
    act(&ledger, &signer, Action::AmendStudy(amendment)).unwrap();
    let released = demo.report["query"].as_str().unwrap().parse().unwrap();
    let of = ledger.query(released).unwrap().unwrap().query.study;
    let outcome = PostOutcome {
        study: of,
        document: Digest::from_bytes([9; 32]),
        summary: named("outcome"),
        queries: vec![released],
    };
    act(&ledger, &signer, Action::PostOutcome(outcome)).unwrap();

    demo.follow();
    open(&browser, demo, "/issuers");
    shows_as_text(&browser, &named("issuer"));
    open(&browser, demo, "/researchers");
    shows_as_text(&browser, &named("sponsor"));
    open(&browser, demo, &format!("/accounts/{issuer}"));
    shows_as_text(&browser, &named("issuer"));
    open(&browser, demo, &format!("/studies/{amended}"));
    for what in ["title", "ethics", "reason", "site"] {
        shows_as_text(&browser, &named(what));
    }
    open(&browser, demo, &format!("/studies/{of}"));
    shows_as_text(&browser, &named("outcome"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_name_of_a_persons_wallet_is_text() {
    let (demo, browser) = (demo(), browser());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.wallet");
    let remote = Remote::new(&demo.url()).unwrap();
    let ledger = Arc::new(RemoteLedger::connect(remote.clone()).unwrap());
    drop(Wallet::create(&path, Protection::DemoUnencrypted, ledger.chain(), HOSTILE, &mut rand::rng()).unwrap());
    let blobs = Arc::new(RemoteBlobs::new(remote.clone()));
    let reach = Reach { ledger, blobs, node: Some(remote), genome_keys: vec![], diseases: None };
    let (_running, pages) = serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
        let origin = Origin::of_loopback(address).unwrap();
        PatientPages::open(reach, &[path], Protection::DemoUnencrypted, origin, |_| {})
    })
    .unwrap();
    browser.open(&pages.links()[0].url);
    browser.click("#enter");
    browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    shows_as_text(&browser, HOSTILE);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.open("about:blank");
}

/// A file with a text, and with a name that is markup.
fn dropped(text: &str, ending: &str) -> PathBuf {
    let path = downloads().join(format!("<img src=x onerror=\"window.named = 1\">.{ending}"));
    fs::write(&path, text).unwrap();
    path
}

/// That the page that is open refuses a file, shows this text of it, and nothing of its name.
#[track_caller]
fn refuses_as_text(browser: &Browser, text: &str) {
    shows_as_text(browser, text);
    let page = browser.run("return document.documentElement.textContent");
    assert!(!page.as_str().unwrap().contains("window.named"), "the name of the file is shown: {page}");
    is_no_markup(browser);
}

/// That neither the text nor the name of a file became part of the page.
#[track_caller]
fn is_no_markup(browser: &Browser) {
    assert_eq!(browser.run("return window.named ?? null"), Value::Null, "the name of the file ran");
    assert_eq!(browser.run("return document.querySelectorAll('img[src=x]').length"), 0);
}

#[test]
fn files_that_are_dropped_on_a_page_are_text_and_their_names_are_not_shown() {
    let (demo, browser) = (demo(), browser());
    let markup = "<img src=x>";
    let mut receipt: Value = serde_json::from_slice(&fs::read(demo.receipt()).unwrap()).unwrap();
    receipt["genesis"]["network"] = markup.into();
    open(&browser, demo, "/verify");
    browser.choose("#receipt", &dropped(&receipt.to_string(), "json"));
    browser.click("button.primary");
    browser.until("document.getElementById('problem')");
    refuses_as_text(&browser, markup);

    let result = json!({ "query": demo.report["query"], "slots": markup });
    open(&browser, demo, "/results");
    browser.choose("#result", &dropped(&result.to_string(), "json"));
    browser.click("button.primary");
    browser.until("document.getElementById('problem')");
    refuses_as_text(&browser, markup);

    let unreadable = format!("study = \"{markup}\"\n");
    for (text, ending) in [(unreadable.as_str(), "toml"), ("{ \"statistic\": \"<img src=x>\"", "json")] {
        open(&browser, demo, "/builder");
        browser.run("for (const all of document.querySelectorAll('details')) all.open = true");
        browser.choose("#query-file", &dropped(text, ending));
        browser.click("form[action='/builder/import'] button");
        browser.until("document.querySelector('[role=alert]')");
        if ending == "toml" {
            refuses_as_text(&browser, markup);
        }
        is_no_markup(&browser);
    }
    drop(browser.complaints());
}

#[test]
fn an_importer_keeps_no_text_of_a_vcf_but_the_names_of_variants() {
    let vcf = format!(
        "##fileformat=VCFv4.2\n##source={HOSTILE}\n##contig=<ID=22,assembly=\"b37\">\n\
         ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"<script>1</script>\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t<img_src=x>\n\
         22\t100\t<script>x</script>\tA\tG\t.\tPASS\t.\tGT\t0/1\n"
    );
    let (imported, _) = import_variants("a hostile file", vcf.as_bytes(), &ImportOptions::default()).unwrap();
    let panel = serde_json::to_string(&imported.panel).unwrap();
    assert!(panel.contains("\"22\"") && !panel.contains('<'), "{panel}");
    let named = vcf.replace("22\t100", "<b>22\t100");
    let refused = import_variants("a hostile file", named.as_bytes(), &ImportOptions::default());
    assert!(refused.is_err(), "markup is no chromosome");
}
