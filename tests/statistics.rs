//! Statistics through the whole of Locus: proofs, encryption, committee, and what a researcher reads.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use circuits::privacy::Epsilon;
use market::statistics::accounting::tight_epsilon;
use serde_json::{Value, json};

/// Plays an example and returns its report, once the sums are those of the plaintext.
fn play(folder: &Path, arguments: &[&str]) -> Value {
    let dir = folder.to_str().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_locus"))
        .args([&["--data-dir", dir, "demo", "--json", "--statistic"], arguments].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["matches"], true, "{}", report["agreement"]);
    report
}

/// Every figure is there in both forms and says in words what it shows; the table has a row for each estimate.
fn check_written(report: &Value, figures: &[&str]) {
    let written: Vec<&Path> =
        report["result"]["figures"].as_array().unwrap().iter().map(|path| Path::new(path.as_str().unwrap())).collect();
    for name in figures {
        let of = |ending: &str| written.iter().find(|path| path.ends_with(format!("{name}.{ending}"))).unwrap();
        let svg = fs::read_to_string(of("svg")).unwrap();
        assert!(svg.contains("<title") && svg.contains("<desc") && svg.contains("certified contributions"), "{name}");
        assert!(fs::read(of("png")).unwrap().starts_with(b"\x89PNG"), "{name}");
    }
    let table = fs::read_to_string(report["result"]["table"].as_str().unwrap()).unwrap();
    assert!(table.lines().count() > 3 && !table.contains("NaN"), "{table}");
}

/// What lifelines, scipy and statsmodels say of the first people, whom the examples ask: `tests/reference/demo.py`.
fn reference(statistic: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/statistics/demo.json")).unwrap();
    cases.into_iter().find(|case| case["statistic"] == statistic).unwrap()
}

fn assert_close(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-6), "{found} where {expected} was expected");
}

fn exact(name: &str, people: &str, figures: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let report = play(folder.path(), &[name, "--people", people]);
    assert_eq!((&report["agreement"]["different"], &report["agreement"]["furthest"]), (&0.into(), &0.0.into()));
    check_written(&report, figures);
    report["result"]["analyses"][0].clone()
}

#[test]
fn a_contingency_table_gives_what_scipy_gives() {
    let (analysis, expected) = (exact("contingency", "20", &["counts", "effects"]), reference("contingency"));
    let table = &analysis["table"];
    assert_close(&table["pearson"]["statistic"], &expected["pearson"][0]);
    assert_close(&table["pearson"]["p_value"], &expected["pearson"][1]);
    assert_close(&table["fisher"]["p_value"], &expected["fisher"]);
}

#[test]
fn least_squares_give_what_statsmodels_gives() {
    let (analysis, expected) = (exact("regression", "8", &["coefficients"]), reference("regression"));
    let fit = &analysis["fit"];
    assert_close(&fit["r_squared"], &expected["r_squared"]);
    for place in 0..3 {
        let coefficient = &fit["coefficients"][place];
        assert_close(&coefficient["estimate"]["value"], &expected["coefficients"][place]);
        assert_close(&coefficient["estimate"]["standard_error"], &expected["standard_errors"][place]);
        assert_close(&coefficient["test"]["p_value"], &expected["p_values"][place]);
    }
}

#[test]
fn a_released_result_gives_the_mean_score_of_the_people_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let report = play(folder.path(), &["frequencies", "--people", "3"]);
    let variants = report["result"]["analyses"][0]["groups"][0]["variants"].as_array().unwrap();
    let truth = report["truth"][0][0].as_array().unwrap();
    let (mut lines, mut expected) = ("#genome_build=GRCh37\n".to_owned(), 0.0);
    lines.push_str("chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n");
    // Somebody has a copy of each.
    let carried = variants.iter().zip(truth.chunks(3)).filter(|(_, sums)| sums[0] != 0 || sums[1] != 0);
    for ((variant, sums), weight) in carried.zip([0.5, -1.0, 2.0]) {
        let variant = &variant["variant"];
        let [chrom, other, effect] = ["chrom", "reference", "alternate"].map(|name| variant[name].as_str().unwrap());
        lines.push_str(&format!("{chrom}\t{}\t{effect}\t{other}\t{weight}\n", variant["pos"]));
        let [het, hom, called] = [0, 1, 2].map(|slot| sums[slot].as_f64().unwrap());
        expected += weight * (het + 2.0 * hom) / called;
    }
    let weights = folder.path().join("weights.txt");
    fs::write(&weights, lines).unwrap();
    let asked = ["--weights", weights.to_str().unwrap()];
    let result = read_again(folder.path(), report["query"].as_str().unwrap(), &asked);
    let score = &result["analyses"][1];
    assert_eq!((&score["statistic"], score["used"].as_array().unwrap().len()), (&json!("score"), 3));
    assert_close(&score["groups"][0]["mean"]["value"], &json!(expected));
}

/// What the program says, asked with a demo's folder.
fn ask(folder: &Path, arguments: &[&str]) -> Output {
    let data = folder.join("demo");
    Command::new(env!("CARGO_BIN_EXE_locus")).arg("--data-dir").arg(data).args(arguments).output().unwrap()
}

fn asked_as_json(folder: &Path, arguments: &[&str]) -> Value {
    let output = ask(folder, &[&["--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A demo's result, decrypted once more by its researcher.
fn read_again(folder: &Path, query: &str, more: &[&str]) -> Value {
    let [key, receipt] = ["demo/keys/researcher.key", "receipt.json"].map(|name| folder.join(name));
    let result = ["result", query, "--key", key.to_str().unwrap(), "--receipt", receipt.to_str().unwrap()];
    asked_as_json(folder, &[&result[..], more].concat())
}

#[test]
fn an_association_scan_gives_the_trends_that_scipy_gives() {
    // The fifteenth is the first who lived: before there are no controls.
    let (analysis, expected) = (exact("association", "15", &["manhattan", "quantiles"]), reference("association"));
    let variants = analysis["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 256);
    for trend in expected["trends"].as_array().unwrap() {
        let variant = variants.iter().find(|variant| variant["name"] == trend[0]).unwrap();
        assert_close(&variant["trend_test"]["statistic"], &trend[1]);
    }
}

#[test]
fn survival_gives_what_lifelines_gives() {
    let (analysis, expected) = (exact("survival", "8", &["survival"]), reference("survival"));
    for (group, expected) in expected["groups"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(place, expected)| (&analysis["curves"]["groups"][place], expected.as_array().unwrap()))
    {
        let curve = group["curve"].as_array().unwrap();
        for step in expected {
            let point = curve.iter().find(|point| point["time"] == step[0]).unwrap();
            assert_close(&point["survival"], &step[1]);
        }
        assert_eq!(curve.len(), expected.len());
    }
    let log_rank = &analysis["curves"]["log_rank"];
    assert_close(&log_rank["statistic"], &expected["log_rank"][0]);
    assert_close(&log_rank["p_value"], &expected["log_rank"][1]);
}

#[test]
fn a_funnel_is_released_with_noise_and_nobody_learns_who_matches() {
    let folder = tempfile::tempdir().unwrap();
    // At the example's own ε = 10 all four sums may well come out without noise.
    let report = play(folder.path(), &["funnel", "--people", "4", "--epsilon", "1"]);
    assert!(report["agreement"]["furthest"].as_f64().unwrap() > 0.0, "there is noise: {}", report["agreement"]);
    let notes = report["result"]["notes"].to_string();
    assert!(notes.contains("Differential privacy: ε = 1,"), "{notes}");
    check_written(&report, &["attrition"]);
    odometers_show_what_was_spent(folder.path(), &report["query"]);
}

/// Plays an example of three people under noise: its report, whose sums are the truth and noise of the width that is stated.
fn noisy_report(name: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let report = play(folder.path(), &[name, "--people", "3", "--epsilon", "5"]);
    let agreement = &report["agreement"];
    let [sums, different] = ["sums", "different"].map(|count| agreement[count].as_u64().unwrap());
    let furthest = agreement["furthest"].as_f64().unwrap();
    assert!(sums > 0 && different == 0, "{name}: {agreement}");
    assert!(furthest > 0.0, "{name}: noise changes a sum: {agreement}");
    // Of some thousand sums with noise none is so far away, and none with noise of another width is so near.
    assert!(furthest <= 8.0 && (sums < 50 || furthest > 1.5), "{name}: {agreement}");
    let notes = report["result"]["notes"].to_string();
    assert!(notes.contains("Differential privacy: ε = 5,"), "{name}: {notes}");
    check_written(&report, &[]);
    report
}

fn noisy(name: &str) -> Value {
    noisy_report(name)["result"]["analyses"][0].clone()
}

#[test]
fn means_are_released_with_noise() {
    assert_eq!(noisy("moments")["cells"][0]["attributes"].as_array().unwrap().len(), 2);
}

#[test]
fn an_association_is_released_with_noise_whose_stated_intervals_hold_the_truth_as_often_as_they_say() {
    let report = noisy_report("association");
    let variants = report["result"]["analyses"][0]["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 256);
    // How many were called is a slot of its own, and all slots of a part carry noise of one width.
    let deviation = variants[0]["cases_called"]["noise_variance"].as_f64().unwrap().sqrt();
    let sums = report["result"]["slots"][0].as_array().unwrap();
    let truth: Vec<_> =
        report["truth"][0].as_array().unwrap().iter().flat_map(|group| group.as_array().unwrap()).collect();
    assert_eq!(sums.len(), truth.len());
    let held =
        |(sum, truth): &(&Value, &Value)| (sum.as_f64().unwrap() - truth.as_f64().unwrap()).abs() <= 1.96 * deviation;
    let share = sums.iter().zip(truth).filter(held).count() as f64 / sums.len() as f64;
    // 95 % of 1,536, by 4.5 standard deviations; noise a fifth narrower or wider than stated gives 0.98 or 0.90.
    assert!((0.925..=0.975).contains(&share), "{share} of the intervals hold the truth");
}

#[test]
fn survival_is_released_with_noise() {
    assert_eq!(noisy("survival")["curves"]["groups"].as_array().unwrap().len(), 2);
}

#[test]
fn a_comparison_is_released_with_noise() {
    assert_eq!(noisy("comparison")["cells"].as_array().unwrap().len(), 2);
}

#[test]
fn a_count_is_exact_and_everybody_is_in_it() {
    let analysis = exact("count", "8", &["counts"]);
    assert_eq!((&analysis["people"]["value"], &analysis["people"]["standard_error"]), (&json!(8.0), &json!(0.0)));
    let cells = analysis["cells"]["values"].as_array().unwrap();
    assert_eq!(cells.iter().map(|cell| cell["count"]["value"].as_f64().unwrap()).sum::<f64>(), 8.0);
}

#[test]
fn a_histogram_is_exact_and_its_area_is_one() {
    let analysis = exact("histogram", "8", &["histogram"]);
    let group = &analysis["groups"][0];
    let bins = group["bins"].as_array().unwrap();
    let of = |number: &str| bins.iter().map(|bin| bin[number]["value"].as_f64().unwrap()).sum::<f64>();
    assert!(of("count") > 0.0 && json!(of("count")) == group["people"]["value"]);
    // Bins are 5 years wide.
    assert!((5.0 * of("density") - 1.0).abs() < 1e-12, "{}", of("density"));
}

/// Beside the result, in the next query's plan, and before that query is opened.
fn odometers_show_what_was_spent(folder: &Path, query: &Value) {
    let (query, key, file) =
        (query.as_str().unwrap(), folder.join("demo/keys/researcher.key"), folder.join("next.json"));
    let spent = read_again(folder, query, &[])["privacy"].clone();
    let rho = Epsilon::from_milli(1_000).rho().billionths();
    let once = json!({ "releases": 1, "rho": rho });
    assert_eq!((&spent["rho_billionths"], &spent["study"], &spent["researcher"]), (&json!(rho), &once, &once));

    let asked = asked_as_json(folder, &["query", "show", query])["state"]["query"].clone();
    let next = json!({
        "study": asked["study"], "schema": asked["schema"], "purposes": ["health-research"], "price": 1, "days": 7,
        "contributions_min": 4, "contributions_max": 5, "privacy": { "epsilon": 1.0 }, "measures": [{ "statistic": "count" }],
    });
    fs::write(&file, next.to_string()).unwrap();
    let plan = asked_as_json(folder, &["query", "plan", file.to_str().unwrap()]);
    assert_eq!((&plan["privacy"]["study"], &plan["privacy"]["rho_billionths"]), (&once, &json!(rho)), "{plan}");
    let tight = |whose: &str| plan["privacy"]["tight"][whose].as_f64().unwrap();
    let one = Epsilon::from_milli(1_000).rho();
    for (whose, released) in [("query", one), ("study", one.plus(one))] {
        let opendp = tight_epsilon(released).unwrap();
        assert!((tight(whose) / opendp - 1.0).abs() < 1e-12, "{whose}: opendp says {opendp} in {plan}");
    }
    assert!(tight("query") < 1.0 && tight("study") < 2.0 && tight("researcher") == tight("study"), "{plan}");
    plan_is_said_in_words(folder, &file, &plan);
    let unconfirmed = ask(folder, &["query", "open", file.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    let said = String::from_utf8(unconfirmed.stderr).unwrap();
    assert!(!unconfirmed.status.success() && said.contains("odometer  study ε 1 so far"), "{said}");
    assert!(said.contains(&format!("opendp    ε {:.3} for this query", tight("query"))), "{said}");
}

/// Each line of what a reader of the plan sees, with the numbers of its JSON: from whom, for what price, and what it spends.
fn plan_is_said_in_words(folder: &Path, file: &Path, plan: &Value) {
    let output = ask(folder, &["query", "plan", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !plan["data_use"].as_array().unwrap().is_empty(), "{plan}");
    let line = |head: &str| -> Vec<_> { said.lines().filter_map(|line| line.strip_prefix(head)).collect() };
    let from: Vec<_> = plan["data_use"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    assert_eq!(line("from      "), from, "{said}");
    let tight = |whose: &str| format!("{:.3}", plan["privacy"]["tight"][whose].as_f64().unwrap());
    let spent = format!(
        "ε {} for this query; study {} after, researcher {} after, at the same δ: the ledger rounds up",
        tight("query"),
        tight("study"),
        tight("researcher")
    );
    assert_eq!(line("opendp    "), [spent], "{said}");
    let after = |whose: &str| plan["privacy"][format!("{whose}_epsilon_milli")].as_f64().unwrap() / 1e3;
    let [study, researcher] = [after("study"), after("researcher")];
    let odometer = format!("study ε 1 so far, {study} after; researcher ε 1 so far, {researcher} after");
    assert_eq!(line("odometer  "), [odometer], "{said}");
    assert_eq!(line("ledger    "), ["would open it now"], "{said}");
    assert_eq!(line("asks      "), ["everybody"], "{said}");
}

#[test]
fn an_example_that_nobody_knows_is_refused_with_those_known() {
    let output = Command::new(env!("CARGO_BIN_EXE_locus")).args(["demo", "--statistic", "horoscope"]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("survival") && message.contains("regression"), "{message}");
}
