//! A two-way table: rows of people by columns.

use nalgebra::DMatrix;

use crate::statistics::{Cells, Sum, Undefined};

/// Rows and columns that somebody is in, of one stratum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) values: DMatrix<f64>,
    pub(super) noise: DMatrix<f64>,
}

impl Table {
    /// A table with two axes: rows, columns.
    pub(super) fn of_cells(cells: &Cells<Sum>) -> Result<Self, Undefined> {
        match *cells.shape() {
            [rows, columns] => Self::of_sums(rows, columns, &cells.values),
            _ => Err(Undefined::WrongShape),
        }
    }

    /// A table with three axes: strata, rows, columns.
    pub(super) fn strata(cells: &Cells<Sum>) -> Result<Vec<Self>, Undefined> {
        match *cells.shape() {
            [strata, rows, columns] if strata * rows * columns == cells.values.len() && rows * columns > 0 => {
                cells.values.chunks_exact(rows * columns).map(|sums| Self::of_sums(rows, columns, sums)).collect()
            }
            _ => Err(Undefined::WrongShape),
        }
    }

    fn of_sums(rows: usize, columns: usize, sums: &[Sum]) -> Result<Self, Undefined> {
        if rows * columns != sums.len() {
            return Err(Undefined::WrongShape);
        }
        let values: Vec<f64> = sums.iter().map(Sum::people).collect::<Result<_, _>>()?;
        let noise = sums.iter().map(|sum| sum.noise_variance);
        Ok(Self {
            values: DMatrix::from_row_iterator(rows, columns, values),
            noise: DMatrix::from_row_iterator(rows, columns, noise),
        })
    }

    /// Whether any cell carries noise.
    pub(super) fn is_noisy(&self) -> bool {
        self.noise.iter().any(|variance| *variance > 0.0)
    }

    /// The rows and columns that do not hold exactly nobody.
    pub(super) fn inhabited(&self) -> (Vec<usize>, Vec<usize>) {
        let somebody = |(value, noise): (&f64, &f64)| *value != 0.0 || *noise > 0.0;
        let rows = (0..self.values.nrows())
            .filter(|row| self.values.row(*row).iter().zip(self.noise.row(*row).iter()).any(somebody))
            .collect();
        let columns = (0..self.values.ncols())
            .filter(|column| self.values.column(*column).iter().zip(self.noise.column(*column).iter()).any(somebody))
            .collect();
        (rows, columns)
    }

    /// Without the rows and columns that hold exactly nobody, which compare nothing.
    pub(super) fn without_empty(&self) -> Self {
        let (rows, columns) = self.inhabited();
        let kept = |matrix: &DMatrix<f64>| matrix.select_rows(&rows).select_columns(&columns);
        Self { values: kept(&self.values), noise: kept(&self.noise) }
    }

    /// The table, if it compares anything.
    ///
    /// # Errors
    /// [`Undefined::Nobody`], [`Undefined::OneGroup`] with one row of people, [`Undefined::NoVariance`] with one column.
    pub(super) fn comparable(self) -> Result<Self, Undefined> {
        match self.values.shape() {
            (0, _) | (_, 0) => Err(Undefined::Nobody),
            (1, _) => Err(Undefined::OneGroup),
            (_, 1) => Err(Undefined::NoVariance),
            _ => Ok(self),
        }
    }

    /// The four sums of a 2×2 table, row by row.
    ///
    /// # Errors
    /// [`Undefined::WrongShape`] for any other.
    pub(super) fn four(&self) -> Result<[Sum; 4], Undefined> {
        if self.values.shape() != (2, 2) {
            return Err(Undefined::WrongShape);
        }
        let sum = |(value, noise): (&f64, &f64)| Sum::of_real(*value, *noise);
        let by_row: Vec<Sum> = self.values.transpose().iter().zip(self.noise.transpose().iter()).map(sum).collect();
        by_row.try_into().map_err(|_| Undefined::WrongShape)
    }
}

/// What the cells would hold if rows and columns were independent: `row · column / all`.
///
/// # Errors
/// [`Undefined::Nobody`] for an empty table.
pub(super) fn expected(values: &DMatrix<f64>) -> Result<DMatrix<f64>, Undefined> {
    let all = values.sum();
    if all > 0.0 { Ok(values.column_sum() * values.row_sum() / all) } else { Err(Undefined::Nobody) }
}
