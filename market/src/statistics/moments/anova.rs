//! One attribute across groups: analysis of variance, equality of variances, pairwise comparisons.

use nalgebra::DVector;
use serde::Serialize;

use super::{
    MomentTable,
    centred::{Centred, Sample},
    compare::{Difference, WELCH},
    null::NullCell,
};
use crate::statistics::{
    Estimate, Stated, Sum, Test, Undefined,
    distribution::{chi_squared_p_value, fisher_p_value},
    estimate::finite,
    multiple::holm,
    noise::{seed_of, simulated_p_value},
};

/// Groups that are compared in pairs: 496 pairs.
pub const PAIRWISE_GROUPS_MAX: usize = 32;

/// One group's people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupMean {
    /// The cell's name.
    pub group: String,
    /// People with a value.
    pub count: Sum,
    /// Their mean.
    pub mean: Stated<f64>,
}

/// Two groups of an analysis of variance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairwiseComparison {
    /// One group.
    pub first: String,
    /// The other.
    pub second: String,
    /// The first mean less the second, as in [`super::Comparison`].
    pub difference: Stated<Estimate>,
    /// Welch's test.
    pub test: Stated<Test>,
    /// Its p-value, adjusted by Holm's procedure over the pairs that could be tested.
    pub adjusted_p_value: Stated<f64>,
}

/// One attribute across groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Anova {
    /// The attribute's name.
    pub attribute: String,
    /// Its unit.
    pub unit: String,
    /// The groups compared.
    pub groups: Vec<GroupMean>,
    /// Cells without people, or with no more than noise.
    pub left_out: Vec<String>,
    /// That all means are equal: Fisher's F (Casella and Berger, *Statistical Inference*, 2nd edition, 11.2); with noise
    /// its p-value comes from simulated tables.
    pub test: Stated<Test>,
    /// Share of the variance that lies between the groups (Fisher, *Statistical Methods for Research Workers*, 1925).
    pub eta_squared: Stated<f64>,
    /// The same without its bias; may be below zero (Hays, *Statistics*, 1963).
    pub omega_squared: Stated<f64>,
    /// That all variances are equal, for normal values (Bartlett, *Proc. Royal Society A* 160, 1937).
    pub bartlett_test: Stated<Test>,
    /// Levene's test needs each person's distance from the mean, which sums do not hold.
    pub levene_test: Stated<Test>,
    /// Each pair of groups.
    pub pairwise: Stated<Vec<PairwiseComparison>>,
}

impl MomentTable {
    /// Compares an attribute's mean over cells. The seed makes simulated p-values the same each time.
    #[must_use]
    pub fn anova(&self, attribute: usize, cells: &[usize], seed: [u8; 32]) -> Anova {
        let (kept, left_out) = self.inhabited(cells);
        let samples = || kept.iter().map(|cell| Sample::new(self, *cell, &[attribute])).collect::<Result<Vec<_>, _>>();
        let variances = || Variances::of(&samples()?);
        let measure = self.measures.get(attribute);
        Anova {
            attribute: measure.map_or_else(String::new, |measure| measure.name.clone()),
            unit: measure.map_or_else(String::new, |measure| measure.unit.clone()),
            groups: kept.iter().map(|cell| self.group_mean(attribute, *cell)).collect(),
            left_out,
            test: samples().and_then(|samples| f_test(&samples, seed)).into(),
            eta_squared: variances().and_then(|variances| variances.eta_squared()).into(),
            omega_squared: variances().and_then(|variances| variances.omega_squared()).into(),
            bartlett_test: samples().and_then(|samples| bartlett_test(&samples, seed)).into(),
            levene_test: Err(Undefined::NeedsRecords).into(),
            pairwise: self.pairwise(attribute, &kept).into(),
        }
    }

    fn group_mean(&self, attribute: usize, cell: usize) -> GroupMean {
        let mean = Sample::new(self, cell, &[attribute]).and_then(|sample| Ok(sample.centred()?.mean(0)));
        GroupMean { group: self.cells.name(cell), count: self.count(cell), mean: mean.into() }
    }

    fn pairwise(&self, attribute: usize, cells: &[usize]) -> Result<Vec<PairwiseComparison>, Undefined> {
        match cells.len() {
            0 | 1 => return Err(Undefined::OneGroup),
            2..=PAIRWISE_GROUPS_MAX => {}
            found => return Err(Undefined::TooMany { found: found as u64, limit: PAIRWISE_GROUPS_MAX as u64 }),
        }
        let others = |(place, first): (usize, &usize)| {
            let first = *first;
            cells.iter().skip(place + 1).map(move |second| (first, *second))
        };
        let pairs = cells.iter().enumerate().flat_map(others);
        let mut pairwise: Vec<_> = pairs.map(|(first, second)| self.pair_of(attribute, first, second)).collect();
        let p_value = |pair: &PairwiseComparison| pair.test.value().map(|test| test.p_value);
        let mut adjusted = holm(&pairwise.iter().filter_map(p_value).collect::<Vec<_>>()).into_iter();
        for pair in &mut pairwise {
            if pair.test.value().is_some() {
                pair.adjusted_p_value = adjusted.next().ok_or(Undefined::AllMissing).into();
            }
        }
        Ok(pairwise)
    }

    fn pair_of(&self, attribute: usize, first: usize, second: usize) -> PairwiseComparison {
        let samples = || Ok([Sample::new(self, first, &[attribute])?, Sample::new(self, second, &[attribute])?]);
        let difference = || samples().and_then(|samples| Difference::of(&samples));
        let test = difference().and_then(|difference| difference.test(WELCH));
        PairwiseComparison {
            first: self.cells.name(first),
            second: self.cells.name(second),
            difference: difference().and_then(|difference| difference.estimate()).into(),
            adjusted_p_value: test.clone().map(|test| test.p_value).into(),
            test: test.into(),
        }
    }
}

/// Sums of squares between and within groups.
struct Variances {
    between: f64,
    within: f64,
    degrees: [f64; 2],
}

impl Variances {
    fn of(samples: &[Sample<'_>]) -> Result<Self, Undefined> {
        let noisy = samples.iter().any(Sample::is_noisy);
        let groups = stored(samples)?;
        Self::among(&groups).map_err(|why| if noisy && why != Undefined::OneGroup { Undefined::Noise } else { why })
    }

    /// # Errors
    /// [`Undefined::OneGroup`], [`Undefined::TooFew`], and [`Undefined::NoVariance`] or [`Undefined::PerfectFit`]
    /// without any variance within the groups.
    fn among(groups: &[Centred]) -> Result<Self, Undefined> {
        if groups.len() < 2 {
            return Err(Undefined::OneGroup);
        }
        let count: f64 = groups.iter().map(|group| group.count).sum();
        let degrees = [groups.len() as f64 - 1.0, count - groups.len() as f64];
        if count < groups.len() as f64 + 1.0 {
            return Err(Undefined::TooFew { found: count as u64, needed: groups.len() as u64 + 1 });
        }
        let mean = overall_mean(groups);
        let square = |group: &Centred| group.count * (group.mean(0) - mean).powi(2);
        let between: f64 = groups.iter().map(square).sum();
        let within: f64 = groups.iter().map(|group| group.entry(0, 0)).sum();
        match (between > 0.0, within > 0.0) {
            (_, true) => Ok(Self { between, within, degrees }),
            (true, false) => Err(Undefined::PerfectFit),
            (false, false) => Err(Undefined::NoVariance),
        }
    }

    fn f(&self) -> f64 {
        let [between, within] = self.degrees;
        (self.between / between) / (self.within / within)
    }

    fn eta_squared(&self) -> Result<f64, Undefined> {
        finite(self.between / (self.between + self.within))
    }

    fn omega_squared(&self) -> Result<f64, Undefined> {
        let [between, within] = self.degrees;
        let mean_square = self.within / within;
        finite((self.between - between * mean_square) / (self.between + self.within + mean_square))
    }
}

fn stored(samples: &[Sample<'_>]) -> Result<Vec<Centred>, Undefined> {
    samples.iter().map(Sample::stored).collect()
}

fn overall_mean(groups: &[Centred]) -> f64 {
    let count: f64 = groups.iter().map(|group| group.count).sum();
    groups.iter().map(|group| group.count * group.mean(0)).sum::<f64>() / count
}

fn f_test(samples: &[Sample<'_>], seed: [u8; 32]) -> Result<Test, Undefined> {
    let variances = Variances::of(samples)?;
    let [between, within] = variances.degrees;
    if !samples.iter().any(Sample::is_noisy) {
        let p_value = fisher_p_value(variances.f(), between, within)?;
        return Test::new("one-way analysis of variance", variances.f(), &variances.degrees, p_value);
    }
    let mean = overall_mean(&stored(samples)?);
    let cells = null_cells(samples, |_| mean, variances.within / within)?;
    let p_value = simulated_p_value(variances.f(), seed, |rng| {
        let groups: Vec<Centred> = cells.iter().map(|cell| cell.draw(rng)).collect::<Result<_, _>>()?;
        Ok(Variances::among(&groups)?.f())
    });
    Test::new("one-way analysis of variance, simulated with noise", variances.f(), &variances.degrees, p_value)
}

fn null_cells(
    samples: &[Sample<'_>],
    mean: impl Fn(&Centred) -> f64,
    variance: f64,
) -> Result<Vec<NullCell>, Undefined> {
    let cell = |sample: &Sample<'_>| NullCell::new(sample, mean(&sample.stored()?), DVector::zeros(0), variance);
    samples.iter().map(cell).collect()
}

fn bartlett_test(samples: &[Sample<'_>], seed: [u8; 32]) -> Result<Test, Undefined> {
    let noisy = samples.iter().any(Sample::is_noisy);
    let groups = stored(samples)?;
    let refusal = |why| if noisy && why != Undefined::OneGroup { Undefined::Noise } else { why };
    let statistic = bartlett(&groups).map_err(refusal)?;
    let degrees = groups.len() as f64 - 1.0;
    if !noisy {
        return Test::new("Bartlett's test", statistic, &[degrees], chi_squared_p_value(statistic, degrees)?);
    }
    let variances = Variances::of(samples)?;
    let [_, within] = variances.degrees;
    let cells = null_cells(samples, |group| group.mean(0), variances.within / within)?;
    let p_value = simulated_p_value(statistic, seed_of(seed, 1), |rng| {
        bartlett(&cells.iter().map(|cell| cell.draw(rng)).collect::<Result<Vec<_>, _>>()?)
    });
    Test::new("Bartlett's test, simulated with noise", statistic, &[degrees], p_value)
}

/// `((N−k)·ln s² − Σ(nᵢ−1)·ln sᵢ²) / (1 + (Σ1/(nᵢ−1) − 1/(N−k))/(3(k−1)))`.
fn bartlett(groups: &[Centred]) -> Result<f64, Undefined> {
    if groups.len() < 2 {
        return Err(Undefined::OneGroup);
    }
    let degrees = |group: &Centred| group.count - 1.0;
    let total: f64 = groups.iter().map(degrees).sum();
    let mut logarithms = 0.0;
    let mut reciprocals = 0.0;
    for group in groups {
        let variance = group.variance(0)?;
        if variance <= 0.0 {
            return Err(Undefined::NoVariance);
        }
        logarithms += degrees(group) * variance.ln();
        reciprocals += 1.0 / degrees(group);
    }
    let pooled = groups.iter().map(|group| group.entry(0, 0)).sum::<f64>() / total;
    let correction = 1.0 + (reciprocals - 1.0 / total) / (3.0 * (groups.len() as f64 - 1.0));
    finite((total * pooled.ln() - logarithms) / correction)
}
