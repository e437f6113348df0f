//! The family on real people's values, on tables that give nothing, and under noise.

mod degenerate;
mod noise;
mod reference;

use circuits::layout::{Axis, Layout, Statistic};

use super::*;
use crate::statistics::{
    PartSums,
    people::{Column, Table, column},
};

/// A layout that measures attributes in the cells of axes.
fn layout(table: &Table, measured: &[&str], axes: &[(&str, &[u32])]) -> Layout {
    let axis = |(name, cuts): &(&str, &[u32])| Axis::Thresholds {
        attribute: table.schema.attribute_index(name).unwrap() as u8,
        cuts: cuts.to_vec(),
    };
    let statistic = Statistic::Moments { attributes: table.moments(measured) };
    Layout { window: 0, axes: axes.iter().map(axis).collect(), statistic }
}

fn read(table: &Table, layout: &Layout, sums: PartSums) -> MomentTable {
    let (Statistic::Moments { attributes }, PartSums::Moments(cells)) = (&layout.statistic, sums) else {
        panic!("moments")
    };
    MomentTable::new(attributes, &table.schema, cells).unwrap()
}

/// People of two attributes, `x` and `y`, in groups by a third.
fn table_of(rows: &[[u32; 3]]) -> (Table, Layout) {
    let columns: [Column; 3] = [column("x", 10, 0, 1_000), column("y", 1, 5, 1_005), column("group", 1, 0, 9)];
    let rows: Vec<Vec<u32>> = rows.iter().map(|row| row.to_vec()).collect();
    let table = Table::of_values(&columns, &rows);
    let layout = layout(&table, &["x", "y"], &[("group", &[1, 2])]);
    (table, layout)
}

fn moments_of(rows: &[[u32; 3]]) -> MomentTable {
    let (table, layout) = table_of(rows);
    read(&table, &layout, table.sums(&layout))
}

fn model(intercepts: Intercepts) -> Model {
    Model { response: 1, predictors: vec![0], cells: vec![0, 1, 2], intercepts }
}
