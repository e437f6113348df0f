//! Fisher's exact test, and its extension to larger tables.

use rand::{rngs::StdRng, seq::SliceRandom};
use statrs::{
    distribution::{Discrete, Hypergeometric},
    function::factorial::ln_factorial,
};

use super::table::Table;
use crate::statistics::{
    Sum, Test, Undefined,
    noise::{simulated_p_value, whole},
};

/// People of an exact test, as many as a sum adds exactly.
const PEOPLE_MAX: u32 = circuits::rlwe::params::CONTRIBUTIONS_EXACT_MAX;
/// Tables this much likelier than the observed one count as equally likely: R's `fisher.test` allows as much for rounding.
const EQUALLY_LIKELY: f64 = 1e-7;

/// The two-sided test of a 2×2 table: the chance of all tables with the same margins that are no likelier (Fisher,
/// *Statistical Methods for Research Workers*, 1925, 21.02). Not `statrs`' own, which takes tables to be equally likely
/// within a part in 10^4.
///
/// # Errors
/// [`Undefined::NeedsExact`] for noisy sums, [`Undefined::OutOfRange`] beyond 65,536 people.
pub(super) fn fisher(four: &[Sum; 4]) -> Result<Test, Undefined> {
    let [a, b, c, d] = exact_people(four)?;
    let people = a + b + c + d;
    if people > PEOPLE_MAX.into() {
        return Err(Undefined::OutOfRange);
    }
    let table = Hypergeometric::new(people, a + b, a + c).map_err(|_| Undefined::OutOfRange)?;
    let observed = table.ln_pmf(a);
    let support = (a + c).saturating_sub(c + d)..=(a + b).min(a + c);
    // Against the likelihood of the observed table, so that rounding in its constants cancels.
    let relative: Vec<f64> = support.map(|cell| (table.ln_pmf(cell) - observed).exp()).collect();
    let no_likelier = relative.iter().filter(|likelihood| **likelihood <= 1.0 + EQUALLY_LIKELY).sum::<f64>();
    let all = relative.iter().sum::<f64>();
    // Where another table is more than 10^308 times likelier, the sum is infinite and the p-value 0.
    Test::exact("Fisher's exact test", no_likelier / all)
}

/// The Fisher–Freeman–Halton test (Freeman and Halton, Biometrika 38:141, 1951) among simulated tables with the same
/// margins (Agresti, Wackerly and Boyett, Psychometrika 44:75, 1979).
///
/// # Errors
/// As [`fisher`].
pub(super) fn fisher_freeman_halton(table: &Table, seed: [u8; 32]) -> Result<Test, Undefined> {
    if table.is_noisy() {
        return Err(Undefined::NeedsExact);
    }
    if table.values.sum() > f64::from(PEOPLE_MAX) {
        return Err(Undefined::OutOfRange);
    }
    let observed = table.values.iter().map(|people| ln_factorial(whole(*people))).sum::<f64>();
    let mut margins = Margins::of(table);
    let p_value = simulated_p_value(observed - EQUALLY_LIKELY, seed, |rng| Ok(margins.draw(rng)));
    Test::exact("Fisher-Freeman-Halton test, simulated", p_value)
}

fn exact_people(four: &[Sum; 4]) -> Result<[u64; 4], Undefined> {
    if four.iter().any(Sum::is_noisy) {
        return Err(Undefined::NeedsExact);
    }
    let mut people = [0; 4];
    for (people, sum) in people.iter_mut().zip(four) {
        *people = u64::try_from(sum.value).map_err(|_| Undefined::NotACount)?;
    }
    if people.iter().any(|people| *people > PEOPLE_MAX.into()) {
        return Err(Undefined::OutOfRange);
    }
    Ok(people)
}

/// Everyone's column, to be dealt to the rows.
struct Margins {
    columns: Vec<usize>,
    rows: Vec<usize>,
    column_count: usize,
}

impl Margins {
    fn of(table: &Table) -> Self {
        let column_totals = table.values.row_sum();
        let columns = column_totals.iter().enumerate();
        let mut rows: Vec<usize> = table.values.column_sum().iter().map(|people| whole(*people) as usize).collect();
        // The last row takes who is left, so the largest goes there: the fewest people are drawn.
        rows.sort_unstable();
        Self {
            columns: columns
                .flat_map(|(column, people)| std::iter::repeat_n(column, whole(*people) as usize))
                .collect(),
            rows,
            column_count: table.values.ncols(),
        }
    }

    /// `Σ ln(cell!)` of a random table: the likelier it is, the smaller.
    fn draw(&mut self, rng: &mut StdRng) -> f64 {
        let largest = self.rows.last().copied().unwrap_or_default();
        let amount = self.columns.len().saturating_sub(largest);
        let (mut dealt, rest) = self.columns.partial_shuffle(rng, amount);
        let mut total = row_term(rest, self.column_count);
        for row in self.rows.iter().rev().skip(1) {
            let (own, others) = dealt.split_at_mut((*row).min(dealt.len()));
            total += row_term(own, self.column_count);
            dealt = others;
        }
        total
    }
}

fn row_term(columns: &[usize], column_count: usize) -> f64 {
    let mut cells = vec![0; column_count];
    for column in columns {
        if let Some(cell) = cells.get_mut(*column) {
            *cell += 1;
        }
    }
    cells.into_iter().map(ln_factorial).sum()
}
