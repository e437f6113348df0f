//! What of exact sums may be shown: no group between nobody and the floor, and none that follows from the others.

use crate::statistics::{GenotypeSums, Sum};

/// The fewest people of a group in exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExactFloor(pub(super) u32);

impl ExactFloor {
    /// Whether every cell of a table holds as many people as the floor, so that the table is shown whole or not at all:
    /// a small cell would follow from the total and the others. People in no cell count as one more, and may be nobody.
    pub(super) fn allows_table(self, cells: &[Sum], contributions: u32) -> bool {
        let counted: i64 = cells.iter().map(|cell| cell.value).sum();
        let rest = i64::from(contributions) - counted;
        cells.iter().all(|cell| self.holds(cell.value)) && (rest == 0 || self.holds(rest))
    }

    /// Whether both the carriers and the others are as many as the floor, and so are people without a call unless there
    /// are none.
    pub(super) fn allows_carriers(self, sums: &GenotypeSums, contributions: u32) -> bool {
        let carriers = sums.het.value + sums.hom_alt.value;
        let uncalled = i64::from(contributions) - sums.called.value;
        self.holds(carriers) && self.holds(sums.called.value - carriers) && (uncalled == 0 || self.holds(uncalled))
    }

    fn holds(self, people: i64) -> bool {
        people >= i64::from(self.0.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[i64], contributions: u32) -> bool {
        let cells: Vec<Sum> = cells.iter().copied().map(Sum::exact).collect();
        ExactFloor(10).allows_table(&cells, contributions)
    }

    fn carriers([het, hom_alt, called]: [i64; 3], contributions: u32) -> bool {
        let [het, hom_alt, called] = [het, hom_alt, called].map(Sum::exact);
        ExactFloor(10).allows_carriers(&GenotypeSums { het, hom_alt, called }, contributions)
    }

    #[test]
    fn a_table_with_one_small_cell_is_not_shown_at_all() {
        assert!(table(&[10, 20], 30));
        assert!(table(&[10, 20], 40));
        assert!(!table(&[10, 20, 9], 39), "a cell below the floor");
        assert!(!table(&[10, 20, 0], 30), "an empty one is told apart from a small one by nobody");
        assert!(!table(&[10, 20], 31), "one person is in no cell");
        assert!(!table(&[40], 30), "more than contributed");
    }

    #[test]
    fn carriers_are_shown_when_neither_they_nor_the_others_are_few() {
        assert!(carriers([8, 2, 20], 20));
        assert!(carriers([8, 2, 20], 30));
        assert!(!carriers([8, 1, 20], 20));
        assert!(!carriers([15, 0, 20], 20), "five others");
        assert!(!carriers([8, 2, 20], 21), "one without a call");
        assert!(
            !ExactFloor(0).allows_carriers(
                &GenotypeSums { het: Sum::exact(0), hom_alt: Sum::exact(0), called: Sum::exact(5) },
                5
            )
        );
    }
}
