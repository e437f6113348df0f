//! The family on real people's genotypes, on tables that give nothing, and under noise.

mod degenerate;
mod noise;
mod parts;
mod reference;
mod scores;

use circuits::{
    layout::{Axis, Layout, Statistic},
    record::Dosage,
    schema::{Variant, VariantPanel},
};

use super::*;
use crate::statistics::{
    PartSums,
    people::{Table, column, data},
};

const SEED: [u8; 32] = [4; 32];

fn variant(pos: u32, reference: &str, alternate: &str) -> Variant {
    Variant { chrom: "1".into(), pos, reference: reference.into(), alternate: alternate.into() }
}

fn panel(variants: Vec<Variant>) -> VariantPanel {
    VariantPanel { build: "GRCh37".into(), variants }
}

/// Variants of one chromosome, at positions from 1.
fn numbered(count: u32) -> VariantPanel {
    panel((1..=count).map(|pos| variant(pos, "A", "G")).collect())
}

/// Controls are 0 and cases 1.
fn by_status() -> [Axis; 1] {
    [Axis::Thresholds { attribute: 0, cuts: vec![1] }]
}

/// People by status, where it is known, with their dosages.
fn people(status: &[u32], dosages: &[Vec<Dosage>]) -> Table {
    let rows: Vec<Vec<u32>> = status.iter().map(|status| vec![*status]).collect();
    Table::of_values(&[column("status", 1, 0, 1)], &rows).with_genotypes(dosages)
}

/// A part: variants of a window, from `first`, in the cells of axes.
fn part(
    table: &Table,
    panel: &VariantPanel,
    axes: Vec<Axis>,
    (window, first, length): (u32, u16, u16),
) -> VariantTable {
    let layout = Layout { window, axes, statistic: Statistic::Genotypes { first, length } };
    let PartSums::Genotypes(cells) = table.sums(&layout) else { panic!("genotypes") };
    VariantTable::of_part(panel, window, first, &cells).unwrap()
}

/// The whole panel, in parts of at most 512 variants.
fn whole(table: &Table, panel: &VariantPanel, axes: &[Axis]) -> VariantTable {
    let parts = (0..panel.variants.len()).step_by(512).map(|start| {
        let length = 32 * (panel.variants.len() - start).min(512).div_ceil(32);
        part(table, panel, axes.to_vec(), ((start / 1_024) as u32, (start % 1_024) as u16, length as u16))
    });
    VariantTable::join(parts.collect()).unwrap()
}

/// One variant's exact sums in some groups, each given as people of no, one and two copies.
fn of_counts(groups: &[[i64; 3]]) -> VariantTable {
    let group = |[hom_ref, het, hom_alt]: &[i64; 3]| {
        let [het, hom_alt, called] = [*het, *hom_alt, hom_ref + het + hom_alt].map(Sum::exact);
        GenotypeSums { het, hom_alt, called }
    };
    of_sums(groups.iter().map(group).collect())
}

/// One variant's sums in some groups.
fn of_sums(sums: Vec<GenotypeSums>) -> VariantTable {
    let groups = (0..sums.len()).map(|group| format!("group {group}")).collect();
    let variants = vec![VariantCounts { place: 0, variant: variant(1, "A", "G"), groups: sums }];
    VariantTable { groups, variants }
}
