//! What pages do with receipts, results and the search field, done by programs.

use std::{fs, path::Path, process::Command};

use circuits::id::QueryId;
use market::{query::QueryFile, receipt::screening::ScreeningReceipt};
use serde_json::{Value, json};

use super::{
    screenings::screened,
    server::{DISEASES, Server, agent, answer, id},
};
use crate::browser::{
    roles::demo,
    site::{query_file, site},
};

const JSON: &str = "application/json";

/// What a command prints with --json.
fn locus(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_locus")).arg("--json").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verify(server: &Server, receipt: &Value) -> Value {
    let answer = server.post("/v1/receipts/verify", JSON, receipt.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_receipt_is_checked_as_the_command_line_checks_it() {
    let server = Server::start();
    let path = demo().receipt();
    let receipt = read(&path);
    let checked = verify(&server, &receipt);
    assert_eq!((&checked["holds"], &checked["refused"]), (&true.into(), &Value::Null));
    assert_eq!(checked["verified"], locus(&["verify", path.to_str().unwrap()]));
    let mut altered = receipt;
    altered["result"][0][0] = json!(altered["result"][0][0].as_i64().unwrap() + 1);
    let checked = verify(&server, &altered);
    assert_eq!((&checked["holds"], &checked["verified"]), (&false.into(), &Value::Null));
    assert_eq!(checked["refused"]["check"], "R7 result", "{checked}");
    assert!(checked["refused"]["why"].as_str().unwrap().len() > 10, "{checked}");
    server.post("/v1/receipts/verify", JSON, b"{").refused(400, "receipt");
    server.post("/v1/receipts/verify", JSON, b"\xff").refused(400, "receipt");
    server.post("/v1/receipts/verify", "text/plain", b"{}").refused(415, JSON);
}

#[test]
fn repro_a_receipt_whose_ciphertexts_are_not_here_is_neither_refused_nor_taken_to_hold() {
    let server = Server::start();
    let mut receipt = read(&demo().receipt());
    for evidence in receipt["contributions"].as_array_mut().unwrap() {
        evidence["ciphertexts"] = json!([]);
    }
    let answer = server.post("/v1/receipts/verify", JSON, receipt.to_string().as_bytes());
    let problem = answer.json();
    assert_eq!((answer.status, &problem["type"]), (503, &json!("/problems/unchecked")), "{problem}");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("could not be checked now") && detail.contains("is not here; ask again"), "{detail}");
}

#[test]
fn the_receipt_of_a_screening_is_collected_as_its_page_collects_it() {
    let server = Server::start();
    let id = screened(&server, 0);
    let collected = server.get(&format!("/v1/screenings/{id}/receipt"));
    assert_eq!((collected.status, collected.header("content-type")), (200, JSON));
    let saved = server.get(&format!("/screenings/{id}/receipt.json"));
    assert_eq!(collected.json(), saved.json());
    ScreeningReceipt::from_json(std::str::from_utf8(&collected.body).unwrap()).unwrap();
    let checked = verify(&server, &collected.json());
    assert_eq!((&checked["holds"], &checked["verified"]["records"]), (&true.into(), &0.into()), "{checked}");
    server.get(&format!("/v1/screenings/{}/receipt", "11".repeat(32))).refused(404, "screening");
    server.get("/v1/screenings/x/receipt").refused(400, "screening id");
}

#[test]
fn a_height_or_an_id_is_looked_up_by_page_program_and_command() {
    let server = Server::start();
    let screening = screened(&server, 0).to_string();
    let query = server.get(&format!("/v1/queries/{}", server.collecting)).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let researcher = text(&query["researcher"]);
    let sent = server.get(&format!("/v1/accounts/{researcher}/transactions")).json();
    for (kind, id) in [
        ("block", "1".to_owned()),
        ("query", server.collecting.to_string()),
        ("screening", screening),
        ("study", text(&query["query"]["study"])),
        ("schema", text(&query["query"]["schema"])),
        ("transaction", text(&sent["items"][0]["id"])),
        ("account", researcher),
    ] {
        let expected = json!({ "kind": kind, "id": id });
        assert_eq!(server.get(&format!("/v1/search/{id}")).json(), expected);
        assert_eq!(locus(&["--url", &server.running.url(), "ledger", "find", &id]), expected);
        let client: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
        let led = answer(client.get(format!("{}/search?q={id}", server.running.url())).call());
        assert!(led.status == 303 && led.header("location").ends_with(&format!("/{id}")), "{kind}: {}", led.status);
    }
    for unknown in ["4000000000", &"11".repeat(32), "x"] {
        server.get(&format!("/v1/search/{unknown}")).refused(404, "block or id");
    }
}

#[test]
fn a_researchers_queries_and_studies_are_listed_by_program_and_command() {
    let server = Server::start();
    let (url, researcher) = (server.running.url(), id("researcher"));
    for (kind, rows) in [("queries", 2), ("studies", 1)] {
        let listed = server.get(&format!("/v1/{kind}?researcher={researcher}&order=newest")).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), rows);
        assert_eq!(locus(&["--url", &url, "ledger", "list", kind, "--researcher", &researcher]), listed);
        let none = locus(&["--url", &url, "ledger", "list", kind, "--researcher", &id("friend")]);
        assert_eq!(none, json!({ "items": [], "next": null }));
    }
}

#[test]
fn diseases_are_found_by_name_in_the_builder_by_program_and_by_command() {
    let server = Server::start();
    let found = server.get("/v1/diseases?name=type%20diabetes").json();
    let codes: Vec<_> =
        found["diseases"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes, ["MONDO:0005147", "MONDO:0005148"]);
    let offered = server.get("/builder/diseases?disease=type%20diabetes");
    let offered = String::from_utf8(offered.body).unwrap();
    for one in found["diseases"].as_array().unwrap() {
        let (code, name) = (one["code"].as_str().unwrap(), one["name"].as_str().unwrap());
        assert!(offered.contains(&format!("<option value=\"{code}\">{name}</option>")), "{offered}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ontology = folder.path().join("diseases.obo");
    fs::write(&ontology, DISEASES).unwrap();
    for arguments in [
        &["query", "disease", "type diabetes", "--url", &server.running.url()][..],
        &["query", "disease", "type diabetes", "--ontology", ontology.to_str().unwrap()],
    ] {
        assert_eq!(locus(arguments), found, "{arguments:?}");
    }
    // What is no word of an address is looked for as it is.
    let bold = server.get("/v1/diseases?name=%3Cb%3Ebold%22").json();
    assert_eq!(locus(&["query", "disease", "<b>bold\"", "--url", &server.running.url()]), bold);
    assert_eq!(bold["diseases"][0]["name"], "<b>bold\" disease");
    assert_eq!(server.get("/v1/diseases?name=").json(), json!({ "diseases": [] }));
    // The number that the ledger has leads back to the code and the name.
    let known = &found["diseases"][1];
    let number = known["number"].to_string();
    let numbered = server.get(&format!("/v1/diseases?number={number}")).json();
    assert_eq!(numbered, json!({ "diseases": [known] }));
    for more in [&["--url", &server.running.url()][..], &["--ontology", ontology.to_str().unwrap()]] {
        assert_eq!(locus(&[&["query", "disease", "--number", &number][..], more].concat()), numbered, "{more:?}");
    }
    assert_eq!(server.get("/v1/diseases?number=7").json(), json!({ "diseases": [] }));
    server.get("/v1/diseases?number=x").refused(400, "query string");
    server.get(&format!("/v1/diseases?name=x&number={number}")).refused(400, "either name or number");
    server.get("/v1/diseases").refused(400, "either name or number");
    server.get("/v1/diseases?name=x&limit=5").refused(400, "limit");
    server.get(&format!("/v1/diseases?name={}", "x".repeat(201))).refused(413, "200");
}

#[test]
fn variants_are_found_by_name_in_the_builder_by_program_and_by_command() {
    let url = demo().url();
    let get = |path: &str| answer(agent().get(format!("{url}{path}")).call());
    let schema = get("/v1/schemas").json()["items"][0]["id"].as_str().unwrap().to_owned();
    let first = get(&format!("/v1/schemas/{schema}/variants")).json();
    let (items, next) = (first["items"].as_array().unwrap(), first["next"].to_string());
    assert_eq!((items.len(), &items[17]["place"], next.as_str()), (100, &json!(17), "99"));
    let second = get(&format!("/v1/schemas/{schema}/variants?after={next}")).json();
    assert_eq!(second["items"][0]["place"], 100);
    // The chain that a folder first met is kept there.
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().to_str().unwrap();
    let command = ["schema", "variants", &schema, "--url", &url, "--data-dir", kept];
    assert_eq!(locus(&command), first);
    assert_eq!(locus(&[&command[..], &["--after", &next]].concat()), second);

    let name = items[17]["name"].as_str().unwrap();
    let typed = name.replace(' ', "%20").replace('>', "%3E");
    let found = get(&format!("/v1/schemas/{schema}/variants?name={typed}")).json();
    let (these, is_named) =
        (found["items"].as_array().unwrap(), |one: &Value| one["name"].as_str().unwrap().contains(name));
    assert!(these.contains(&items[17]) && these.iter().all(is_named) && these.len() < 10, "{found}");
    assert_eq!(locus(&[&command[..], &[name]].concat()), found);
    let offered = get(&format!("/builder/names?schema={schema}&m.0.0.subject={typed}"));
    let offered = String::from_utf8(offered.body).unwrap();
    assert!(offered.contains(&name.replace('>', "&#62;")), "{offered}");
    assert!(!offered.contains(&items[99]["name"].as_str().unwrap().replace('>', "&#62;")), "{offered}");
    get(&format!("/v1/schemas/{}/variants", "77".repeat(32))).refused(404, "schema");
}

/// What a page's text says once nothing in it is escaped.
fn unescaped(text: &str) -> String {
    let letters = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    letters.iter().fold(text.to_owned(), |text, (escaped, letter)| text.replace(escaped, letter))
}

/// What the endpoint says of a query to ask again, once the builder and the command say the same.
#[track_caller]
fn asked_again(url: &str, id: QueryId) -> Value {
    let get = |path: &str| answer(agent().get(format!("{url}{path}")).call());
    let said = get(&format!("/v1/queries/{id}/file"));
    assert_eq!(said.status, 200, "{}", said.json());
    let said = said.json();
    let remarks: Vec<&str> = said["remarks"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();

    let page = String::from_utf8(get(&format!("/builder?query={id}")).body).unwrap();
    let planned = page.split("name=\"query\" value=\"").nth(1).unwrap_or_else(|| panic!("there is no plan: {page}"));
    let planned = unescaped(planned.split('"').next().unwrap());
    assert_eq!(serde_json::from_str::<Value>(&planned).unwrap(), said["file"]);
    let shown = page.split("<strong>Not quite the same:</strong> ").skip(1);
    let shown: Vec<String> = shown.map(|rest| unescaped(rest.split(".</div>").next().unwrap())).collect();
    assert_eq!(shown, remarks);

    let kept = tempfile::tempdir().unwrap();
    let again = |form: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        command.args(form).args(["--url", url, "--data-dir", kept.path().to_str().unwrap()]);
        let output = command.args(["query", "again", &id.to_string()]).output().unwrap();
        let notes = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{notes}");
        assert_eq!(notes.lines().filter_map(|line| line.strip_prefix("note: ")).collect::<Vec<_>>(), remarks);
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(serde_json::from_str::<Value>(&again(&["--json"])).unwrap(), said["file"]);

    let file = said["file"].to_string();
    let toml = answer(agent().post(format!("{url}/v1/query-files")).content_type(JSON).send(file.as_bytes()));
    assert_eq!((toml.status, toml.header("content-type")), (200, "application/toml; charset=utf-8"));
    let saved = answer(agent().post(format!("{url}/builder/file")).send_form([("query", &*file), ("form", "toml")]));
    assert_eq!(toml.body, saved.body);
    let toml = String::from_utf8(toml.body).unwrap();
    assert_eq!(again(&[]).trim_end(), toml.trim_end());
    let read = QueryFile::from_toml("again", &toml).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), said["file"]);
    said
}

#[test]
fn what_asks_a_query_again_is_the_same_in_the_builder_at_its_endpoint_and_by_its_command() {
    let site = site();
    // Variants are named where the panel is at hand, and what was promised is not promised again.
    let named = asked_again(&site.url, site.collecting);
    assert!(named["file"].to_string().contains("22:16050822 G>A") && named["remarks"] == json!([]), "{named}");
    let exact = asked_again(&site.url, site.released);
    assert_eq!(exact["file"]["privacy"], "exact");
    let server = Server::start();
    let promised = asked_again(&server.running.url(), server.collecting);
    assert!(promised["remarks"][0].as_str().unwrap().contains("the query promised"), "{promised}");

    server.get(&format!("/v1/queries/{}/file", "77".repeat(32))).refused(404, "query");
    server.get("/v1/queries/x/file").refused(400, "query id");
    server.post("/v1/query-files", JSON, b"{").refused(400, "query file");
    server.post("/v1/query-files", "text/plain", b"{}").refused(415, JSON);
    server.post("/v1/query-files", JSON, &vec![b' '; (1 << 20) + 1]).refused(413, "1048576");
}

#[test]
fn a_node_without_an_ontology_says_what_to_do_to_programs_too() {
    let url = &site().url;
    let asked = answer(agent().get(format!("{url}/v1/diseases?name=diabetes")).call());
    asked.refused(404, "--ontology");
    for more in [&["--url", url][..], &[]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        let output =
            command.args(["query", "disease", "diabetes"]).args(more).env_remove("LOCUS_URL").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("--ontology"), "{said}");
    }
}

#[test]
fn released_sums_are_read_as_the_demo_read_them() {
    let demo = demo();
    let file = QueryFile::from_toml("survival", &fs::read_to_string(query_file()).unwrap()).unwrap();
    let result = json!({ "query": demo.report["query"], "slots": demo.report["result"]["slots"] });
    let ask = |body: &Value| {
        let url = format!("{}/v1/analyses", demo.url());
        answer(agent().post(url).content_type(JSON).send(body.to_string().as_bytes()))
    };
    let read_with_file = ask(&json!({ "result": result, "query_file": file }));
    assert_eq!(read_with_file.status, 200, "{}", read_with_file.json());
    let found = read_with_file.json();
    assert_eq!(found["analyses"], demo.report["result"]["analyses"]);
    // The demo adds what its people's attributes are, which no file says.
    let (paired, read_alike) = demo.report["result"]["notes"].as_array().unwrap().split_last().unwrap();
    assert_eq!(found["notes"].as_array().unwrap(), read_alike);
    assert!(paired.as_str().unwrap().contains("paired with the genomes"), "{paired}");
    // A receipt has the sums too.
    let of_receipt = ask(&json!({ "result": read(&demo.receipt()), "query_file": file })).json();
    assert_eq!(of_receipt, found);
    assert_ne!(
        ask(&json!({ "result": result })).json()["analyses"],
        found["analyses"],
        "without the file it is counts"
    );
    let mut other = result.clone();
    other["slots"] = json!([[1]]);
    ask(&json!({ "result": other })).refused(400, "");
    other["query"] = json!("11".repeat(32));
    ask(&json!({ "result": other })).refused(404, "query");
    ask(&json!({})).refused(400, "result");
}

/// A figure's file among those that a command wrote.
fn written(folder: &Path, figure: &str, ending: &str, measures: usize) -> Vec<u8> {
    let (place, name) = figure.split_once('-').unwrap();
    let name = if measures > 1 { format!("{}-{name}", place.parse::<usize>().unwrap() + 1) } else { name.into() };
    fs::read(folder.join(name).with_extension(ending)).unwrap()
}

#[test]
fn a_receipts_table_and_figures_are_those_of_page_endpoint_and_command_without_a_key() {
    let (demo, folder) = (demo(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (receipt, query, table, figures) = (demo.receipt(), query_file(), path("table.csv"), path("figures"));
    let (url, data) = (demo.url(), path("data"));
    let from = |file: &Path| {
        let asked = ["--url", &url, "--data-dir", &data, "result", "--from", file.to_str().unwrap(), "--query-file"];
        locus(&[&asked[..], &[query.to_str().unwrap(), "--csv", &table, "--figures", &figures]].concat())
    };
    let printed = from(&receipt);
    assert_eq!((&printed["receipt"], &printed["slots"]), (&Value::Null, &demo.report["result"]["slots"]));
    assert!(printed["unchecked"].as_str().unwrap().contains("locus verify"), "{printed}");
    fs::write(path("result.json"), printed.to_string()).unwrap();
    assert_eq!(from(Path::new(&path("result.json"))), printed, "what it prints is read as a receipt is");

    let file = QueryFile::from_toml("survival", &fs::read_to_string(&query).unwrap()).unwrap();
    let body = json!({ "result": read(&receipt), "query_file": file }).to_string();
    let said =
        |form: &str| answer(agent().post(format!("{url}/v1/analyses{form}")).content_type(JSON).send(body.as_bytes()));
    let whole = said("").json();
    for part in ["analyses", "notes", "undrawn"] {
        assert_eq!(printed[part], whole[part], "{part}");
    }
    let sums = json!({ "query": printed["query"], "slots": printed["slots"] }).to_string();
    let asked = serde_json::to_string(&file).unwrap();
    let saved = |what: &str| {
        let fields = [("file", sums.as_str()), ("query_file", asked.as_str()), ("what", what)];
        answer(agent().post(format!("{url}/results/download")).send_form(fields))
    };
    assert_eq!(said("?form=json").json(), whole);
    assert_eq!(saved("json").json(), whole);
    let csv = said("?form=csv");
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!((&csv.body, &csv.body), (&saved("csv").body, &fs::read(&table).unwrap()));
    let (named, measures) = (whole["figures"].as_array().unwrap(), whole["analyses"].as_array().unwrap().len());
    assert!(!named.is_empty(), "{whole}");
    for figure in named {
        let name = figure["name"].as_str().unwrap();
        for (ending, media) in [("svg", "image/svg+xml"), ("png", "image/png")] {
            let drawn = said(&format!("?form={ending}:{name}"));
            assert_eq!((drawn.status, drawn.header("content-type")), (200, media));
            assert!(drawn.body == saved(&format!("{ending}:{name}")).body, "{ending} of {name} is another on the page");
            let own = written(Path::new(&figures), name, ending, measures);
            assert!(drawn.body == own, "{ending} of {name} is another of the command");
        }
    }
    said("?form=pdf").refused(404, "pdf");
    said("?form=svg:99-survival").refused(404, "99-survival");
    said("?shape=csv").refused(400, "query string");
}

#[test]
fn a_file_with_sums_that_nobody_can_have_is_refused_by_the_command_as_by_the_endpoint() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("result.json");
    let sums = json!({ "query": server.collecting, "slots": [[1]] });
    fs::write(&file, sums.to_string()).unwrap();
    let url = server.running.url();
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.args(["--url", &url, "--data-dir", folder.path().to_str().unwrap(), "result", "--from"]);
    let output = command.arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("is not released"), "{said}");
    let asked = json!({ "result": sums }).to_string();
    server.post("/v1/analyses", JSON, asked.as_bytes()).refused(400, "is not released");
}
