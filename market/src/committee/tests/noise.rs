//! The noise of private releases is what it says: from real components, for several committees, whoever looks.

use std::collections::BTreeMap;

use circuits::{
    id::{ChainId, QueryId},
    layout::{Axis, Layout, Moment, Statistic},
    privacy::{Epsilon, SlotNoise},
    quorum::{Quorum, SubsetIndex},
    rlwe::{Accumulator, Aggregate, KeyEpoch, Plaintext, encrypt, params::CONTROL_SLOTS},
};
use rand::{SeedableRng, rngs::StdRng};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::super::{testing::Committee, *};

const CHAIN: ChainId = ChainId::from_bytes([1; 32]);
const EPOCH: KeyEpoch = KeyEpoch::new(3);
const BOUNDS: SumBounds = SumBounds { contributions: 1, slot_max_each: 1 };

/// A statistic in many cells, to which one person contributes nothing: every slot is noise.
fn in_cells(statistic: Statistic, count: u16) -> Layout {
    Layout { axes: vec![Axis::Bins { attribute: 0, lo: 0, width: 1, count }], statistic, ..Layout::count() }
}

fn counts() -> Layout {
    in_cells(Statistic::Count, 4_000)
}

/// Two values up to 1,000: their digits, and those of products, have noise of several widths, and some are always zero.
fn moments() -> Layout {
    let attributes = [1, 2].map(|attribute| Moment { attribute, lo: 0, hi: 1_000 }).to_vec();
    in_cells(Statistic::Moments { attributes }, 235)
}

struct Private {
    slots: u16,
    quorum: Quorum,
    committee: Committee,
    aggregate: Aggregate,
    noise: SlotNoise,
}

fn private(threshold: u8, members: u8, epsilon_milli: u32, layout: &Layout) -> Private {
    let mut rng = StdRng::seed_from_u64(u64::from(members));
    let quorum = Quorum::new(threshold, members).unwrap();
    let committee = testing::generate(CHAIN, EPOCH, quorum, &mut rng).unwrap();
    let mut sum = Accumulator::default();
    sum.add(&encrypt(&committee.public_key, &Plaintext::new(vec![]).unwrap(), &mut rng).0).unwrap();
    let noise = SlotNoise::new(layout, Epsilon::from_milli(epsilon_milli).rho(), 1, quorum.subset_count()).unwrap();
    Private { slots: layout.slots_used(), quorum, committee, aggregate: sum.finish(), noise }
}

impl Private {
    fn context(&self, query: u8) -> ReleaseContext {
        let name = (QueryId::from_bytes([query; 32]), 0);
        let exact = ReleaseContext::new((CHAIN, EPOCH), name, self.aggregate.digest(), self.slots).unwrap();
        exact.with_noise(Some(self.noise.clone()))
    }

    /// The components that these members compute.
    fn components(&self, members: &[usize], context: &ReleaseContext) -> BTreeMap<SubsetIndex, Component> {
        let of = |member: &usize| {
            let key = &self.committee.members[*member];
            let held = self.quorum.subsets_of(key.member());
            held.map(|subset| (subset, component(key, &self.aggregate, context, subset).unwrap()))
        };
        members.iter().flat_map(of).collect()
    }

    fn released(&self, members: &[usize], query: u8) -> Vec<i32> {
        let context = self.context(query);
        combine(&self.quorum, &self.aggregate, &context, &self.components(members, &context), BOUNDS).unwrap()
    }

    /// What members know of the noise: their components with it, less the same without it.
    fn known_noise(&self, members: &[usize], query: u8) -> Vec<i64> {
        let context = self.context(query);
        let exact = context.clone().with_noise(None);
        let (noisy, plain) = (self.components(members, &context), self.components(members, &exact));
        let mut known = vec![0; self.slots.into()];
        for (subset, component) in &noisy {
            let pairs = component.coefficients().iter().zip(plain[subset].coefficients());
            for (slot, (noisy, plain)) in pairs.enumerate() {
                let difference = noisy.centred() - plain.centred();
                assert_eq!(difference % (1 << 69), 0, "noise is a multiple of Δ");
                if let Some(sum) = known.get_mut(slot) {
                    *sum += (difference >> 69) as i64;
                } else {
                    assert_eq!(difference, 0, "control slots carry none");
                }
            }
        }
        known
    }
}

/// Whether draws have this variance: a chi-squared test that a deviation wrong by 5 % fails by far.
fn has_variance(draws: &[f64], variance: f64) -> bool {
    let sum: f64 = draws.iter().map(|draw| draw * draw).sum::<f64>() / variance;
    let cdf = ChiSquared::new(draws.len() as f64).unwrap().cdf(sum);
    (1e-6..1.0 - 1e-6).contains(&cdf)
}

/// The probability of a discrete Gaussian (Canonne, Kamath, Steinke, NeurIPS 2020, definition 1).
fn probability(value: i64, deviation: f64) -> f64 {
    let weight = |x: i64| (-(x as f64).powi(2) / (2.0 * deviation * deviation)).exp();
    let reach = (40.0 * deviation).ceil() as i64;
    weight(value) / (-reach..=reach).map(weight).sum::<f64>()
}

/// The p-value of Pearson's test that draws are a discrete Gaussian's, over cells that expect at least twenty.
fn fit(draws: &[i64], deviation: f64) -> f64 {
    let reach = (3.0 * deviation) as i64;
    let width = (deviation / 8.0).ceil() as i64;
    let edges: Vec<i64> = (-reach..=reach).step_by(width as usize).collect();
    let cell = |value: i64| edges.partition_point(|edge| *edge <= value);
    let mut expected = vec![0.0; edges.len() + 1];
    for value in -(20 * reach)..=20 * reach {
        expected[cell(value)] += probability(value, deviation) * draws.len() as f64;
    }
    let mut observed = vec![0.0; expected.len()];
    draws.iter().for_each(|draw| observed[cell(*draw)] += 1.0);
    let statistic: f64 = expected.iter().zip(&observed).map(|(e, o)| (o - e).powi(2) / e).sum();
    ChiSquared::new((expected.len() - 1) as f64).unwrap().sf(statistic)
}

#[test]
fn the_reference_probabilities_are_the_published_ones() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/dp/discrete_pmf.json");
    let published: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = published["discrete_gaussian"].as_array().unwrap();
    for case in cases {
        for (value, expected) in case["pmf"].as_object().unwrap() {
            let found = probability(value.parse().unwrap(), case["sigma"].as_f64().unwrap());
            assert!((found / expected.as_f64().unwrap() - 1.0).abs() < 1e-9, "{case}");
        }
    }
    assert!(cases.len() > 2);
}

#[test]
fn released_noise_is_centred_and_as_wide_as_stated_and_five_percent_less_is_noticed() {
    // 3, 4, 10 and 15 components.
    let committees = [
        (2, 3, [vec![0, 1], vec![2, 1]], counts()),
        (2, 4, [vec![0, 1], vec![3, 2]], counts()),
        (3, 5, [vec![0, 1, 2], vec![4, 2, 0]], counts()),
        (3, 6, [vec![0, 1, 2], vec![5, 3, 0]], counts()),
        (2, 4, [vec![0, 1], vec![3, 2]], moments()),
    ];
    for (threshold, members, quorums, layout) in committees {
        let private = private(threshold, members, 1_000, &layout);
        let stated = |slot| private.noise.variance(slot, private.quorum.subset_count()).sqrt();
        // In units of the deviation that is stated of each slot.
        let mut queries: Vec<Vec<f64>> = vec![];
        for query in 0..4 {
            let released = private.released(&quorums[0], query);
            assert_eq!(released, private.released(&quorums[1], query), "another quorum and another time: the same");
            let (noisy, zero): (Vec<_>, Vec<_>) = (0..).zip(released).partition(|(slot, _)| stated(*slot) > 0.0);
            assert!(zero.iter().all(|(_, value)| *value == 0), "a digit that no value reaches carries no noise");
            if layout == counts() {
                // A sum of discrete Gaussians as wide as these is one, as far as any test of so many draws can see.
                let values: Vec<i64> = noisy.iter().map(|(_, value)| i64::from(*value)).collect();
                assert!(fit(&values, stated(0)) > 1e-6, "the sum of the components has another shape");
                assert!(fit(&values, 0.9 * stated(0)) < 1e-6, "a deviation wrong by a tenth fits");
            }
            queries.push(noisy.into_iter().map(|(slot, value)| f64::from(value) / stated(slot)).collect());
        }
        for (place, one) in queries.iter().enumerate() {
            for other in &queries[..place] {
                let together = one.iter().zip(other).map(|(one, other)| one * other).sum::<f64>() / one.len() as f64;
                assert!(
                    together.abs() < 5.0 / (one.len() as f64).sqrt(),
                    "two queries' noises go together: {together}"
                );
            }
        }
        let draws = queries.concat();
        assert!(draws.len() >= 10_000, "{}", draws.len());
        assert!(has_variance(&draws, 1.0));
        for wrong in [0.95_f64, 1.05] {
            assert!(!has_variance(&draws, wrong * wrong), "a deviation wrong by five percent passes");
        }
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 5.0 / (draws.len() as f64).sqrt(), "{mean}");
    }
}

#[test]
fn what_colluders_below_the_threshold_cannot_subtract_has_the_full_variance_and_shape() {
    for (threshold, members, colluders) in [(2, 3, vec![2]), (2, 4, vec![1]), (3, 5, vec![0, 3]), (3, 6, vec![0, 5])] {
        let private = private(threshold, members, 2_000, &counts());
        let everybody: Vec<usize> = (0..usize::from(members)).collect();
        let mut left = vec![];
        for query in 0..3 {
            let released = private.released(&everybody, query).into_iter().map(i64::from);
            left.extend(released.zip(private.known_noise(&colluders, query)).map(|(slot, known)| slot - known));
        }
        let deviation = private.noise.variance(0, 1).sqrt();
        let draws: Vec<f64> = left.iter().map(|draw| *draw as f64).collect();
        assert!(has_variance(&draws, deviation.powi(2)));
        for wrong in [0.95, 1.05] {
            assert!(!has_variance(&draws, (wrong * deviation).powi(2)), "a deviation wrong by five percent passes");
        }
        assert!(fit(&left, deviation) > 1e-6);
        assert!(fit(&left, 0.9 * deviation) < 1e-6, "another shape fits as well");
    }
}

#[test]
fn exact_and_private_releases_differ_by_noise_alone_and_control_slots_carry_none() {
    let private = private(2, 4, 500, &counts());
    let known = private.known_noise(&[0, 1, 2, 3], 7);
    let released = private.released(&[0, 3], 7);
    assert!(released.iter().map(|slot| i64::from(*slot)).eq(known), "the plaintext is zero");
    assert!(released.iter().any(|slot| *slot < 0));
    let context = private.context(7);
    let components = private.components(&[0], &context);
    assert!(components.values().all(|component| component.coefficients().len() == 4_000 + CONTROL_SLOTS));
}

#[test]
fn a_private_sum_of_more_contributions_than_its_window_holds_is_refused() {
    let private = private(2, 4, 500, &counts());
    let context = private.context(7);
    let components = private.components(&[0, 3], &context);
    let bounds = SumBounds { contributions: 32_769, slot_max_each: 1 };
    let refused = combine(&private.quorum, &private.aggregate, &context, &components, bounds);
    assert!(refused.unwrap_err().to_string().contains("above the 32768"));
}
