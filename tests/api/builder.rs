//! The query builder over HTTP: diseases by name, and what is excluded.

use circuits::{
    consent::Day,
    criteria::Criteria,
    id::{QueryId, ScreeningId},
};
use market::data_use::DiseaseCode;
use node::{
    query::{CohortQuery, DataUse, SealingKey},
    screening::ScreeningQuery,
    transaction::{Action, StudyRegistration},
    units::Amount,
};

use super::server::{Server, agent, answer, world};
use crate::world::{World, account, digest};

fn page(server: &Server, path: &str) -> String {
    let answer = answer(agent().get(format!("{}{path}", server.running.url())).call());
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body).unwrap()
}

/// The fields of a query of the collecting query's study.
fn usual(server: &Server) -> Vec<(&'static str, String)> {
    let study = server.get(&format!("/v1/queries/{}", server.collecting)).json()["query"]["study"].clone();
    let fields = [
        ("study", study.as_str().unwrap()),
        ("q.0.statistic", "count"),
        ("purpose", "health-research"),
        ("privacy", "private"),
        ("epsilon", "1"),
        ("region", "1"),
        ("price", "1"),
        ("contributions_min", "100"),
        ("contributions_max", "200"),
        ("days", "5"),
        ("aggregate_blocks_max", "10000"),
        ("release_blocks_max", "10000"),
    ];
    fields.map(|(name, value)| (name, value.to_owned())).into()
}

/// Sends the form of such a query, with more fields.
fn sent(server: &Server, more: &[(&str, &str)]) -> (u16, String) {
    let usual = usual(server);
    let form = usual.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied());
    let answer = answer(agent().post(format!("{}/builder", server.running.url())).send_form(form));
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// The query file that the page of a plan saves, as text.
fn file(text: &str) -> String {
    let file = text.split("name=\"query\" value=\"").nth(1).unwrap_or_else(|| panic!("there is no plan: {text}"));
    file.split('"').next().unwrap().replace("&#34;", "\"").replace("&quot;", "\"")
}

#[test]
fn a_disease_is_found_by_name_and_a_name_that_one_has_becomes_its_code() {
    let server = Server::start();
    let offered = page(&server, "/builder/diseases?disease=type%20diabetes");
    let [first, second] = ["MONDO:0005147", "MONDO:0005148"].map(|code| offered.find(&format!("value=\"{code}\"")));
    assert!(first.is_some() && first < second, "{offered}");
    assert!(page(&server, "/builder/diseases?disease=niddm").contains(">type 2 diabetes mellitus</option>"));
    assert!(!page(&server, "/builder/diseases?disease=bold").contains("<b>"));
    assert_eq!(page(&server, "/builder/diseases?disease=").trim(), "");
    let (status, text) = sent(&server, &[("disease", "diabetes"), ("do", "plan")]);
    assert_eq!(status, 422);
    assert!(text.contains("Did you mean MONDO:0005147 (type 1 diabetes mellitus), or MONDO:0005148"), "{text}");
    let code: DiseaseCode = "MONDO:0005148".parse().unwrap();
    for typed in ["Type 2 diabetes mellitus", "NIDDM", "mondo:0005148", &code.number().to_string()] {
        let (status, text) = sent(&server, &[("disease", typed), ("do", "plan")]);
        assert_eq!(status, 200, "{typed}: {text}");
        assert!(file(&text).contains(&format!("\"disease\":{},", code.number())), "{typed}: {}", file(&text));
    }
    let (_, text) = sent(&server, &[("disease", "NIDDM"), ("do", "plan")]);
    assert!(text.contains("value=\"MONDO:0005148\"") && text.contains("That is type 2 diabetes mellitus."), "{text}");
}

/// Opens a query about the disease that a number stands for.
fn query_about(world: &mut World, disease: u32) -> QueryId {
    let today = world.now.day();
    let usual = world.query();
    let data_use = DataUse { disease, ..usual.data_use };
    world.open(CohortQuery { data_use, opening: today, closing: Day(today.0 + 20), ..usual }).unwrap()
}

/// Opens a screening about it.
fn screening_about(world: &mut World, disease: u32) -> ScreeningId {
    let today = world.now.day();
    let usual = world.query();
    let screening = ScreeningQuery {
        study: usual.study,
        schema: usual.schema,
        criteria: Criteria::default(),
        issuers: vec![],
        data_use: DataUse { disease, ..usual.data_use },
        price: Amount::new(1),
        responses_max: 5,
        opening: today,
        closing: Day(today.0 + 20),
        sealing: SealingKey::new(vec![8; 32]),
    };
    let nonce = world.sequencer.mempool().next_nonce(account("researcher")).unwrap();
    let id = screening.id(&world.ledger().chain(), &account("researcher"), nonce).unwrap();
    world.act("researcher", Action::OpenScreening(Box::new(screening))).unwrap();
    world.block();
    id
}

#[test]
fn repro_the_number_of_a_disease_is_no_code_on_pages_and_the_builder_has_the_code_where_the_node_knows_it() {
    let (mut world, collecting, aggregated) = world();
    let [diabetes, bold] = ["MONDO:0005148", "MONDO:0000002"].map(|code| code.parse::<DiseaseCode>().unwrap().number());
    let [known, unknown] = [diabetes, 7].map(|disease| query_about(&mut world, disease));
    let [known_screening, unknown_screening] = [bold, 7].map(|disease| screening_about(&mut world, disease));
    let server = Server::over(world.sequencer, collecting, aggregated);
    for (path, says) in [
        (format!("/queries/{known}"), "type 2 diabetes mellitus (MONDO:0005148)"),
        (format!("/queries/{unknown}"), "number 7, made from an ontology’s code"),
        (format!("/screenings/{known_screening}"), "&#60;b&#62;bold&#34; disease (MONDO:0000002)"),
        (format!("/screenings/{unknown_screening}"), "number 7, made from an ontology’s code"),
    ] {
        let text = page(&server, &path);
        assert!(text.contains(&format!("<dt>Asks under</dt><dd>{says}</dd>")), "{path}: {text}");
    }
    assert!(!page(&server, &format!("/queries/{collecting}")).contains("<dt>Asks under</dt>"), "it names none");
    let again = page(&server, &format!("/builder?query={known}"));
    assert!(
        again.contains("value=\"MONDO:0005148\"") && again.contains("That is type 2 diabetes mellitus."),
        "{again}"
    );
    assert!(file(&again).contains(&format!("\"disease\":{diabetes},")), "it asks for the same: {}", file(&again));
    let again = page(&server, &format!("/builder?query={unknown}"));
    assert!(again.contains("value=\"7\"") && file(&again).contains("\"disease\":7,"), "{again}");
}

/// Whether the page has a region as a choice, by its words, and whether it is chosen.
fn region(text: &str, number: u32, words: &str) -> bool {
    let choice =
        |checked| format!("<input type=\"checkbox\" name=\"region\" value=\"{number}\"{checked}> {words}</label>");
    let (plain, chosen) = (choice(""), choice(" checked"));
    assert!(text.contains(&plain) != text.contains(&chosen), "{words}: {text}");
    text.contains(&chosen)
}

#[test]
fn regions_are_chosen_by_name_saved_and_read_again() {
    let server = Server::start();
    let form = page(&server, "/builder");
    assert!(region(&form, 1, "Region 1") && !region(&form, 2, "Region 2") && !region(&form, 32, "Everywhere else"));
    let chosen = [("region", "3"), ("region", "32"), ("region_table", "CH\nAT DE\nGB"), ("do", "plan")];
    let (status, text) = sent(&server, &chosen);
    assert_eq!(status, 200, "{text}");
    let file = file(&text);
    assert!(file.contains(&format!("\"regions\":{},", (1u32 << 31) | 0b101)), "{file}");
    let saved = [("query", file.as_str()), ("form", "toml")];
    let saved = answer(agent().post(format!("{}/builder/file", server.running.url())).send_form(saved));
    let toml = String::from_utf8(saved.body).unwrap();
    let part = "--x\r\ncontent-disposition: form-data; name=\"pasted\"\r\n\r\n";
    let body = format!("{part}{toml}\r\n--x--\r\n");
    let read = server.post("/builder/import", "multipart/form-data; boundary=x", body.as_bytes());
    let text = String::from_utf8(read.body).unwrap();
    for (number, words, is_chosen) in [
        (1, "Region 1: CH", true),
        (2, "Region 2: AT, DE", false),
        (3, "Region 3: GB", true),
        (4, "Region 4", false),
        (32, "Everywhere else", true),
    ] {
        assert_eq!(region(&text, number, words), is_chosen, "{words}");
    }
}

#[test]
fn a_query_for_no_region_is_told_so_beside_the_regions() {
    let server = Server::start();
    let without: Vec<_> = usual(&server).into_iter().filter(|(name, _)| *name != "region").collect();
    let form = without.iter().map(|(name, value)| (*name, value.as_str())).chain([("do", "plan")]);
    let answer = answer(agent().post(format!("{}/builder", server.running.url())).send_form(form));
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 422);
    assert!(text.contains("id=\"region-error\"") && text.contains("Choose one region at least"), "{text}");
}

#[test]
fn where_only_the_newest_studies_are_offered_the_form_says_so_and_how_to_find_the_rest() {
    let server = Server::start();
    assert!(!page(&server, "/builder").contains("The newest"), "one study is all");
    let (mut world, collecting, aggregated) = world();
    let study = StudyRegistration { title: "One of many".into(), protocol: digest("protocol"), ethics: "EC-1".into() };
    for _ in 0..101 {
        world.act("researcher", Action::RegisterStudy(study.clone())).unwrap();
        world.block();
    }
    let first = world.study;
    let server = Server::over(world.sequencer, collecting, aggregated);
    let wait = std::time::Instant::now();
    while !page(&server, "/builder").contains("The newest 100 of 102") {
        assert!(wait.elapsed().as_secs() < 30, "{}", page(&server, "/builder"));
    }
    assert!(page(&server, "/builder").contains("<a href=\"/studies\">find it among all studies</a>"));
    // From its own page one begins with a study that is not offered.
    assert!(page(&server, &format!("/studies/{first}")).contains(&format!("href=\"/builder?study={first}\"")));
    let form = page(&server, &format!("/builder?study={first}"));
    assert!(form.contains(&format!("<option value=\"{first}\" selected>")), "{form}");
}

#[test]
fn what_is_excluded_is_added_planned_and_written_as_negated_groups() {
    let server = Server::start();
    let (status, text) = sent(&server, &[("do", "m.not.add")]);
    assert_eq!(status, 200);
    assert!(text.contains("name=\"m.not.0.subject\"") && text.contains("None of these"), "{text}");
    let excluded = [
        ("m.not.0.subject", "age"),
        ("m.not.0.lo", "18"),
        ("m.not.0.hi", "30"),
        ("m.not.1.subject", "age"),
        ("m.not.1.lo", "60"),
        ("do", "plan"),
    ];
    let (status, text) = sent(&server, &excluded);
    assert_eq!(status, 200, "{text}");
    let file = file(&text);
    let matching = file.split("\"matching\":").nth(1).unwrap();
    let matching = &matching[..matching.find("]]").unwrap()];
    assert_eq!(matching.matches("\"negated\":true").count(), 2, "{file}");
    assert_eq!(matching.matches("],[").count(), 1, "each is a group of its own: {file}");
    let (status, text) = sent(&server, &[("m.not.0.subject", "age"), ("m.not.0.lo", "old"), ("do", "plan")]);
    assert_eq!(status, 422);
    assert!(text.contains("id=\"m-not-0-lo-error\""), "{text}");
}
