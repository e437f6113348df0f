//! The query builder over HTTP: diseases by name, and what is excluded.

use market::data_use::DiseaseCode;

use super::server::{Server, agent, answer};

fn page(server: &Server, path: &str) -> String {
    let answer = answer(agent().get(format!("{}{path}", server.running.url())).call());
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body).unwrap()
}

/// The form of a query of the collecting query's study, with more fields.
fn sent(server: &Server, more: &[(&str, &str)]) -> (u16, String) {
    let study = server.get(&format!("/v1/queries/{}", server.collecting)).json()["query"]["study"].clone();
    let usual = [
        ("study", study.as_str().unwrap()),
        ("q.0.statistic", "count"),
        ("purpose", "health-research"),
        ("privacy", "private"),
        ("epsilon", "1"),
        ("regions", "1"),
        ("price", "1"),
        ("contributions_min", "100"),
        ("contributions_max", "200"),
        ("days", "5"),
        ("aggregate_blocks_max", "10000"),
        ("release_blocks_max", "10000"),
    ];
    let form = usual.iter().chain(more).copied();
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
