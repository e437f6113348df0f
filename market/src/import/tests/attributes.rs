//! Attribute tables.

use circuits::{
    record::MISSING,
    schema::{Attribute, Schema, Sensitivity, VariantPanel},
};

use super::*;

fn attribute(name: &str, scale: u32, lo: u32, hi: u32) -> Attribute {
    Attribute {
        name: name.into(),
        unit: "1".into(),
        coding: String::new(),
        scale,
        lo,
        hi,
        digits: 4,
        sensitivity: Sensitivity::Sensitive,
    }
}

fn schema() -> Schema {
    let panel = VariantPanel { build: "GRCh37".into(), variants: Vec::new() }.reference().unwrap();
    let attributes = vec![attribute("age", 1, 0, 120), attribute("bmi", 10, 50, 1000)];
    Schema { name: "test".into(), attributes, panel }
}

fn import_table(text: &str) -> Result<Vec<AttributeRow>, Error> {
    import_attributes("people.csv", text.as_bytes(), &schema())
}

#[test]
fn values_are_scaled_and_missing_cells_kept_missing() {
    let rows = import_table("bmi,sample,age\n24.5,ann,61\n,bob,NA\n5,eve,0\n").unwrap();
    let values: Vec<_> = rows.iter().map(|row| (row.sample.as_str(), row.attributes.values()[..3].to_vec())).collect();
    assert_eq!(values[0], ("ann", vec![61, 245, MISSING]));
    assert_eq!(values[1], ("bob", vec![MISSING, MISSING, MISSING]));
    assert_eq!(values[2], ("eve", vec![0, 50, MISSING]));
}

#[test]
fn columns_of_the_schema_may_be_absent() {
    assert_eq!(import_table("sample\nann\n").unwrap()[0].attributes.values(), &[MISSING; 32]);
}

#[test]
fn unsound_tables_are_refused_with_row_and_column() {
    for (text, place, why) in [
        ("sample,age,height\nann,61,180\n", "row 1", "no attribute \"height\""),
        ("sample,age,age\nann,61,61\n", "row 1", "appears twice"),
        ("name,age\nann,61\n", "row 1", "name"),
        ("age\n61\n", "row 1", "no column named sample"),
        ("sample,age\nann,61\nann,62\n", "row 3", "appears twice"),
        ("sample,age\n,61\n", "row 2", "empty"),
        ("sample,age\nann\n", "row 2", "1 cells"),
        ("sample,age\nann,61,7\n", "row 2", "3 cells"),
        ("sample,age\nann,old\n", "row 2", "column age"),
        ("sample,age\nann,61.5\n", "row 2", "not such a number"),
        ("sample,age\nann,-1\n", "row 2", "column age"),
        ("sample,age\nann,121\n", "row 2", "out of range"),
        ("sample,age\nann,4294967295\n", "row 2", "out of range"),
        ("sample,age\nann,99999999999999999999999999\n", "row 2", "column age"),
        ("sample,bmi\nann,24.55\n", "row 2", "not such a number"),
        ("sample,bmi\nann,4.9\n", "row 2", "out of range"),
        ("sample,bmi\nann,1e2\n", "row 2", "not such a number"),
        ("sample,age\nann,\u{0661}\n", "row 2", "column age"),
    ] {
        let message = import_table(text).unwrap_err().to_string();
        assert!(message.contains(&format!("people.csv, {place}")) && message.contains(why), "{text}: {message}");
    }
    assert!(import_attributes("people.csv", &b"sample,age\n\xff,1\n"[..], &schema()).is_err());
    assert!(import_table("").is_err());
}

#[test]
fn the_demo_table_fits_its_schema_and_names_the_demo_people() {
    let attributes: Vec<Attribute> =
        serde_json::from_slice(&std::fs::read(data("demo/attributes.json")).unwrap()).unwrap();
    let schema = Schema { attributes, ..schema() };
    schema.check().unwrap();
    let table = std::fs::File::open(data("demo/attributes.csv")).unwrap();
    let rows = import_attributes("attributes.csv", table, &schema).unwrap();
    let (panel, _) = import_file(&data("demo/genomes.vcf"), &ImportOptions::default()).unwrap();
    let people: Vec<_> = panel.samples.iter().map(|sample| &sample.name).collect();
    assert_eq!(rows.iter().map(|row| &row.sample).collect::<Vec<_>>(), people);
    let present = |index: usize| rows.iter().filter(|row| row.attributes.values()[index] != MISSING).count();
    assert_eq!([present(0), present(3), present(6)], [100, 69, 0]);
    assert_eq!(rows[0].attributes.values()[..6], [1, 11, 4, 543, 15, 1]);
}

#[test]
fn any_table_is_imported_or_refused() {
    bolero::check!().with_test_time(std::time::Duration::from_secs(1)).for_each(|bytes: &[u8]| {
        let _ = import_attributes("people.csv", bytes, &schema());
    });
}
