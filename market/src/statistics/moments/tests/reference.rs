//! Agreement with numpy, scipy and statsmodels: `tests/reference/moments.py`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::statistics::people::{agrees, data, reference, shared_data};

const RELATIVE: f64 = 1e-9;

/// A file, what is measured of it, and how its people are grouped.
struct Study {
    key: &'static str,
    measured: &'static [&'static str],
    axes: &'static [(&'static str, &'static [u32])],
}

fn plus(by: f64, text: &str) -> Option<f64> {
    text.parse::<f64>().ok().map(|value| value + by)
}

fn yes(text: &str) -> Option<f64> {
    ["No", "Yes"].iter().position(|answer| *answer == text).map(|place| place as f64)
}

fn check(study: &Study, table: &Table) {
    let expected = &reference("moments")[study.key];
    let layout = layout(table, study.measured, study.axes);
    let moments = read(table, &layout, table.sums(&layout));
    agrees(&moments.describe(), &expected["describe"], RELATIVE);
    check_regression(study, &moments, Intercepts::Common, &expected["common"]);
    let cells: Vec<usize> = (0..moments.cells().values.len()).collect();
    if cells.len() == 1 {
        return;
    }
    check_regression(study, &moments, Intercepts::PerCell, &expected["per_cell"]);
    for attribute in 0..study.measured.len() {
        agrees(&moments.compare(attribute, 0, 1), &expected["compare"][attribute], RELATIVE);
        agrees(&moments.anova(attribute, &cells, [0; 32]), &expected["anova"][attribute], RELATIVE);
    }
}

/// The last attribute by the others, and a prediction at their means and one.
fn check_regression(study: &Study, moments: &MomentTable, intercepts: Intercepts, expected: &Value) {
    let response = study.measured.len() - 1;
    let cells: Vec<usize> = (0..moments.cells().values.len()).collect();
    let model = Model { response, predictors: (0..response).collect(), cells: cells.clone(), intercepts };
    agrees(&moments.regress(&model, [0; 32]), &expected["regression"], RELATIVE);
    let at: Vec<f64> = expected["prediction"]["at"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let cell = if intercepts == Intercepts::Common { 0 } else { cells.len() - 1 };
    agrees(&moments.predict(&model, cell, &at), &expected["prediction"], RELATIVE);
}

fn lifelines(name: &str) -> PathBuf {
    data("lifelines").join(name)
}

#[test]
fn lung_cancer_patients_by_sex() {
    let columns = [
        column("age", 1, 0, 120),
        column("ph.karno", 1, 0, 100),
        column("wt.loss", 1, 0, 200).read(|text| plus(50.0, text)),
        column("time", 1, 0, 2_000),
        column("sex", 1, 1, 2),
    ];
    let table = Table::of_file(&lifelines("lung.csv"), b',', &columns);
    let measured = &["age", "ph.karno", "wt.loss", "time"];
    check(&Study { key: "lung", measured, axes: &[("sex", &[2])] }, &table);
}

#[test]
fn breast_cancer_patients_by_tumour_grade() {
    let grade = |text: &str| ["I", "II", "III"].iter().position(|grade| *grade == text).map(|place| place as f64 + 1.0);
    let columns = [
        column("age", 1, 18, 120),
        column("tsize", 1, 0, 255),
        column("pnodes", 1, 0, 60),
        column("progrec", 1, 0, 3_000),
        column("time", 1, 0, 4_000),
        column("tgrade", 1, 1, 3).read(grade),
    ];
    let table = Table::of_file(&lifelines("gbsg2.csv"), b',', &columns);
    let measured = &["age", "tsize", "pnodes", "progrec", "time"];
    check(&Study { key: "gbsg2", measured, axes: &[("tgrade", &[2, 3])] }, &table);
}

#[test]
fn released_prisoners_by_aid_and_race() {
    let columns = [
        column("age", 1, 16, 80),
        column("prio", 1, 0, 20),
        column("week", 1, 0, 52),
        column("fin", 1, 0, 1),
        column("race", 1, 0, 1),
    ];
    let table = Table::of_file(&lifelines("rossi.csv"), b',', &columns);
    check(&Study { key: "rossi", measured: &["age", "prio", "week"], axes: &[("fin", &[1]), ("race", &[1])] }, &table);
}

#[test]
fn a_quantitative_trait_by_its_covariates() {
    let shifted = |name, file: &str| {
        let column = column(name, 1_000, 0, 20_000).read(|text| plus(10.0, text));
        Table::of_file(&data("regenie").join(file), b' ', &[column])
    };
    let parts = [("V1", "covariates.txt"), ("V2", "covariates.txt"), ("V3", "covariates.txt"), ("Y1", "phenotype.txt")]
        .map(|(name, file)| shifted(name, file));
    let people = parts[0].people.len();
    let row = |person: usize| parts.iter().map(|part| part.people[person].0.values()[0]).collect();
    let rows: Vec<Vec<u32>> = (0..people).map(row).collect();
    let columns = ["V1", "V2", "V3", "Y1"].map(|name| column(name, 1_000, 0, 20_000));
    check(
        &Study { key: "regenie", measured: &["V1", "V2", "V3", "Y1"], axes: &[] },
        &Table::of_values(&columns, &rows),
    );
}

fn clinical(name: &str) -> Option<PathBuf> {
    shared_data(Path::new("survival_clinical/clinical").join(name).to_str().unwrap())
}

#[test]
fn pima_women_by_diabetes() {
    let Some(file) = clinical("Pima.te.csv") else { return };
    let columns = [
        column("glu", 1, 0, 400),
        column("bp", 1, 0, 200),
        column("ped", 1_000, 0, 3_000),
        column("age", 1, 21, 120),
        column("bmi", 10, 100, 900),
        column("type", 1, 0, 1).read(yes),
    ];
    let measured = &["glu", "bp", "ped", "age", "bmi"];
    check(&Study { key: "pima", measured, axes: &[("type", &[1])] }, &Table::of_file(&file, b',', &columns));
}

#[test]
fn cleveland_patients_by_heart_disease() {
    let Some(file) = clinical("heartdisease_tbl_df.csv") else { return };
    let columns = [
        column("Age", 1, 18, 120),
        column("BP", 1, 50, 300),
        column("Cholesterol", 1, 50, 700),
        column("MaximumHR", 1, 40, 250),
        column("HeartDisease", 1, 0, 1).read(yes),
    ];
    let measured = &["Age", "BP", "Cholesterol", "MaximumHR"];
    check(&Study { key: "heart", measured, axes: &[("HeartDisease", &[1])] }, &Table::of_file(&file, b',', &columns));
}
