//! CSV and TSV tables, and the table of attributes that is written.

use super::*;
use crate::import::import_attributes;

fn number(unit: &str, of: &str) -> CheckedMapping {
    one(unit, 100, 10_000, &format!("csv = {{ from = \"number\", column = \"v\", {of} }}"))
}

fn cell(text: &str, mapping: &CheckedMapping) -> (Option<u32>, Vec<Cause>) {
    only(&[file("people.csv", &format!("sample,v,note\nann,\"{text}\",hello\n"))], mapping)
}

#[test]
fn a_column_of_numbers_is_converted_from_its_unit() {
    let glucose = number("mmol/L", "unit = \"mg/dL\", molar_mass = 180.156");
    assert_eq!(cell("100", &glucose), (Some(555), vec![]));
    assert_eq!(cell("1e2", &glucose), (Some(555), vec![]));
    for missing in ["", "NA", "n/a", ".", " "] {
        assert_eq!(cell(missing, &glucose), (None, vec![Cause::NoValue]));
    }
    for wrong in ["high", "NaN", "1,5", "<100", "1e999", "0x10"] {
        assert_eq!(cell(wrong, &glucose), (None, vec![Cause::NoNumber]), "{wrong}");
    }
    assert_eq!(cell("-1", &glucose), (None, vec![Cause::OutOfRange]));
    assert_eq!(cell("100000", &glucose), (None, vec![Cause::OutOfRange]));
    let without_mass = number("mmol/L", "unit = \"mg/dL\"");
    assert_eq!(cell("100", &without_mass), (None, vec![Cause::NeedsMolarMass]));
    assert_eq!(cell("7", &number("mmol/mol", "unit = \"%\", hba1c = true")), (Some(5300), vec![]));
    assert_eq!(cell("7", &number("mmol/mol", "unit = \"%\"")), (None, vec![Cause::NeedsHba1c]));
}

#[test]
fn categories_and_birth_dates_are_read() {
    let sex = one("", 1, 2, "csv = { from = \"category\", column = \"v\", values = { M = 1, F = 2 } }");
    assert_eq!(cell("F", &sex), (Some(2), vec![]));
    assert_eq!(cell("female", &sex), (None, vec![Cause::CodeNotMapped]));
    let age = one("a", 1, 120, "csv = { from = \"age\", column = \"v\" }");
    assert_eq!(cell("1980-03-01", &age), (Some(39), vec![]));
    assert_eq!(cell("1980", &age), (None, vec![Cause::ImpreciseDate])); // 40 for who was born on 1 January
    assert_eq!(cell("1980-02", &age), (Some(39), vec![]));
    assert_eq!(cell("01/03/1980", &age), (None, vec![Cause::UnreadableDate]));
    assert_eq!(cell("2021-01-01", &age), (None, vec![Cause::BeforeBirth]));
}

#[test]
fn tables_are_read_with_a_byte_order_mark_carriage_returns_and_tabs() {
    let mapping = number("1", "unit = \"1\"");
    assert_eq!(only(&[file("a.csv", "\u{feff}sample,v\r\nann,2\r\n")], &mapping).0, Some(200));
    let conversion = converted(&[file("a.tsv", "sample\tv\textra\nann\t2\tx\n")], &mapping);
    assert_eq!(conversion.rows[0].attributes.values()[0], 200);
    assert_eq!(conversion.report.files[0].not_read.keys().collect::<Vec<_>>(), ["column extra"]);
}

#[test]
fn unsound_tables_are_refused_with_their_row() {
    let mapping = number("1", "unit = \"1\"");
    for (text, place, why) in [
        ("name,v\nann,1\n", "row 1", "no column \"sample\""),
        ("sample,w\nann,1\n", "row 1", "no column \"v\""),
        ("sample,v,v\nann,1,2\n", "row 1", "appears twice"),
        ("sample,v\nann\n", "row 2", "1 cells"),
        ("sample,v\nann,1\nann,2\n", "row 3", "appears twice"),
        ("sample,v\n,1\n", "row 2", "empty"),
    ] {
        let refusal = refusal(&[file("a.csv", text)], &mapping);
        assert!(refusal.contains(place) && refusal.contains(why), "{text:?}: {refusal}");
    }
    let mut bytes = b"sample,v\nann,1".to_vec();
    bytes.extend([0xff, b'\n']);
    let refused = convert(&[ClinicalFile { name: "a.csv".into(), bytes }], &mapping, None, TODAY);
    assert!(refused.unwrap_err().to_string().contains("row 2"));
}

#[test]
fn sources_that_disagree_give_nothing_and_those_that_agree_one_value() {
    let rules = "csv = { from = \"category\", column = \"v\", values = { M = 1, F = 2 } }\n\
                 fhir = { from = \"gender\", values = { male = 1, female = 2 } }";
    let mapping = one("", 1, 2, rules);
    let table = |cell: &str| file("people.csv", &format!("sample,v\np,{cell}\n"));
    assert_eq!(only(&[bundle(&[]), table("F")], &mapping), (Some(2), vec![]));
    assert_eq!(only(&[table(""), bundle(&[])], &mapping), (Some(2), vec![Cause::NoValue]));
    assert_eq!(only(&[bundle(&[]), table("M")], &mapping), (None, vec![Cause::SourcesDisagree; 2]));
}

#[test]
fn the_written_table_is_read_back_by_the_importer_of_attributes() {
    let (schema, mapping) = mapped(&EXAMPLE);
    let rows = converted(&folder(&data("synthea")), &mapping).rows;
    let text = write_attributes(&rows, &schema).unwrap();
    assert_eq!(import_attributes("attributes.csv", text.as_bytes(), &schema).unwrap(), rows);
    assert!(text.starts_with("sample,age,sex,"));
}

#[test]
fn a_scale_that_decimals_do_not_hold_is_refused_where_a_table_is_written() {
    let mapping = Mapping::parse("m", &EXAMPLE.replace("scale = 100", "scale = 3")).unwrap();
    let mut schema = schema_of(&mapping);
    let row = |value| {
        let mut values = [MISSING; 32];
        values[6] = value;
        [AttributeRow { sample: "ann".into(), attributes: circuits::record::Attributes::new(values) }]
    };
    assert!(write_attributes(&row(3), &schema).unwrap().contains(",1,"));
    assert!(write_attributes(&row(1), &schema).unwrap_err().to_string().contains("no decimal"));
    schema.attributes[6].scale = 8;
    assert!(write_attributes(&row(1), &schema).unwrap().contains("0.125"));
}
