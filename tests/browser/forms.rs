//! The forms of a node's pages that act for nobody: valid values of each of their fields, and what becomes of markup in it.

use std::fs;

use market::query::QueryFile;
use serde_json::{Value, json};

use super::{
    fields::{Encoding, Field, Form, MARKUP, Outcome, field},
    site::{Site, query_file},
};

/// A form that takes a file by a name or, where none is chosen, its text; both ways of sending it. The file is given as what is
/// right and as one with markup in it, with what becomes of markup alone and of that within.
fn chosen_or_pasted(
    action: &'static str,
    (name, valid, other): (&str, &str, &str),
    (alone, within): (Outcome, Outcome),
    query_file: Option<&str>,
    says: &'static str,
) -> [Form; 2] {
    let file = |name: &str, text: &str| field(name, text, alone).and(other, within);
    // What is pasted beside a file is not read.
    let chosen = vec![file(name, valid), field("pasted", "", Outcome::Absent(200))];
    let pasted = vec![file(name, ""), file("pasted", valid)];
    let query_file = || query_file.map(|text| field("query-file", text, Outcome::Shown(200)));
    [chosen, pasted]
        .map(|fields| Form::new(action, Encoding::Files, fields.into_iter().chain(query_file()).collect(), (200, says)))
}

/// Every such form but the builder's own.
pub fn public(site: &Site) -> Vec<Form> {
    let query = fs::read_to_string(query_file()).unwrap();
    let receipt = fs::read_to_string(&site.receipt).unwrap();
    let mut other_receipt: Value = serde_json::from_str(&receipt).unwrap();
    other_receipt["genesis"]["network"] = MARKUP.into();
    let result = fs::read_to_string(&site.result).unwrap();
    let other_result = json!({ "query": site.released, "slots": MARKUP }).to_string();
    let own =
        QueryFile { study: site.hostile, schema: site.schema, ..QueryFile::from_toml("survival", &query).unwrap() };
    let (own_toml, own_json) = (own.to_toml().unwrap(), serde_json::to_string(&own).unwrap());
    let other_query = format!("study = {}", json!(MARKUP));

    let theme = vec![field("back", "/queries", Outcome::LeadsTo("/")), field("theme", "dark", Outcome::Shown(400))];
    let download = vec![
        field("file", result.clone(), Outcome::Absent(400)).and(other_result.clone(), Outcome::Shown(400)),
        field("query_file", query.clone(), Outcome::Shown(400)),
        field("what", "csv", Outcome::Shown(404)),
    ];
    let file = vec![field("query", own_json, Outcome::Shown(400)), field("form", "toml", Outcome::Shown(400))];
    let search = vec![field("q", "nothing", Outcome::Shown(200))];
    let forms = vec![
        Form::new("/search", Encoding::Address, search, (200, "Nothing found")),
        Form::new("/theme", Encoding::Urlencoded, theme, (303, "")),
        Form::new("/results/download", Encoding::Urlencoded, download, (200, "family,statistic")),
        Form::new("/builder/file", Encoding::Urlencoded, file, (200, "statistic = \"survival\"")),
    ];
    // What is no JSON is told by its place alone.
    let unread = (Outcome::Absent(200), Outcome::Shown(200));
    let results =
        chosen_or_pasted("/results", ("result", &result, &other_result), unread, Some(&query), "/results/download");
    let other_receipt = other_receipt.to_string();
    let verify =
        chosen_or_pasted("/verify", ("receipt", &receipt, &other_receipt), unread, Some(&query), "The receipt holds");
    // A query file that cannot be read leaves the builder without a study.
    let unread = (Outcome::Shown(422), Outcome::Shown(422));
    let import = chosen_or_pasted(
        "/builder/import",
        ("query-file", &own_toml, &other_query),
        unread,
        None,
        "action=\"/builder/file\"",
    );
    forms.into_iter().chain(results).chain(verify).chain(import).collect()
}

/// A text that a page shows again beside what is wrong with it.
fn wrong(name: impl Into<String>, valid: &str) -> Field {
    field(name, valid, Outcome::Shown(422))
}

/// A name that the query's plan says is none.
fn unknown(name: impl Into<String>, valid: &str) -> Field {
    field(name, valid, Outcome::Shown(200))
}

/// A choice: what is none of those that are offered counts as another one and is not shown.
fn choice(name: impl Into<String>, valid: &str) -> Field {
    field(name, valid, Outcome::Absent(200))
}

fn joined<const N: usize>(parts: [Vec<Field>; N]) -> Vec<Field> {
    parts.into_iter().flatten().collect()
}

/// A clause of criteria.
fn clause(at: &str, subject: &str, [lo, hi]: [&str; 2]) -> Vec<Field> {
    vec![unknown(format!("{at}.subject"), subject), wrong(format!("{at}.lo"), lo), wrong(format!("{at}.hi"), hi)]
}

/// A grouping of the first measure: cuts, or where equal cells begin, how wide they are and how many.
fn axis(place: usize, subject: &str, [cuts, lo, width, count]: [&str; 4]) -> Vec<Field> {
    let at = format!("q.0.axis.{place}");
    vec![
        unknown(format!("{at}.subject"), subject),
        wrong(format!("{at}.cuts"), cuts),
        wrong(format!("{at}.lo"), lo),
        wrong(format!("{at}.width"), width),
        wrong(format!("{at}.count"), count),
    ]
}

/// Two groups, cut at a value.
fn cut(place: usize, subject: &str, at: &str) -> Vec<Field> {
    axis(place, subject, [at, "", "", ""])
}

/// Up to three groupings.
fn by() -> Vec<Field> {
    joined([cut(0, "sex", "2"), cut(1, "death", "1"), cut(2, "superpopulation", "4")])
}

/// The fields that the builder has whatever is measured.
fn common(site: &Site) -> Vec<Field> {
    let texts = [
        ("issuers", ""),
        ("epsilon", "1"),
        ("disease", "MONDO:0005148"),
        ("data_use", ""),
        ("region_table", "CH\nAT DE"),
        ("price", "1"),
        ("contributions_min", "100"),
        ("contributions_max", "200"),
        ("days", "5"),
        ("aggregate_blocks_max", "10000"),
        ("release_blocks_max", "10000"),
    ];
    let mut fields = vec![
        choice("do", "plan"),
        wrong("study", &site.hostile.to_string()),
        wrong("schema", &site.schema.to_string()),
        choice("c.0.0.not", "within"),
        choice("m.0.0.not", "within"),
        choice("privacy", "private"),
        unknown("purpose", "health-research"),
        // Without a region that there is, one is missing.
        field("region", "1", Outcome::Absent(422)),
        // The plan supposes the minimum instead.
        unknown("cohort", "150"),
    ];
    fields.extend(texts.map(|(name, valid)| wrong(name, valid)));
    fields.extend(clause("c.0.0", "sex", ["1", "2"]));
    fields.extend(clause("c.not.0", "superpopulation", ["1", "1"]));
    fields.extend(clause("m.0.0", "age", ["40", "65"]));
    fields.extend(clause("m.not.0", "death", ["1", "1"]));
    fields
}

/// The builder's form for each statistic, by name. The fields that all have are tried with the first.
pub fn statistics(site: &Site) -> Vec<(&'static str, Form)> {
    let of = |names: &[&str]| Field {
        valid: names.iter().map(|name| (*name).to_owned()).collect(),
        ..unknown("q.0.attributes", "")
    };
    let numbered = vec![wrong("q.0.first", "0"), wrong("q.0.count", "32"), wrong("q.0.region", "")];
    let within = vec![wrong("q.0.first", ""), wrong("q.0.count", ""), unknown("q.0.region", "22:16050000-16060000")];
    let bins = axis(0, "follow_up", ["", "0", "60", "62"]);
    let measures: [(&'static str, Vec<Field>); 10] = [
        ("count", by()),
        ("funnel", by()),
        ("histogram", axis(0, "age", ["", "0", "5", "20"])),
        ("contingency", joined([cut(0, "sex", "2"), cut(1, "death", "1"), cut(2, "age", "48")])),
        ("moments", joined([vec![of(&["age", "follow_up"])], by()])),
        ("comparison", joined([vec![unknown("q.0.attribute", "age")], cut(0, "sex", "2")])),
        ("regression", vec![unknown("q.0.attribute", "follow_up"), of(&["age", "sex"])]),
        ("survival", joined([vec![wrong("q.0.horizon", "720")], bins, cut(1, "death", "1"), cut(2, "sex", "2")])),
        ("allele_frequencies", joined([numbered, by()])),
        ("association", joined([within, cut(0, "death", "1")])),
    ];
    let form = |(place, (name, own)): (usize, (&'static str, Vec<Field>))| {
        let fields = joined([common(site), vec![choice("q.0.statistic", name)], own]);
        let answers = (200, "action=\"/builder/file\"");
        let of = if place == 0 { "" } else { "q." };
        (name, Form { of, ..Form::new("/builder", Encoding::Urlencoded, fields, answers) })
    };
    measures.into_iter().enumerate().map(form).collect()
}
