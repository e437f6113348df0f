use circuits::{
    criteria::MatchCriteria,
    id::Digest,
    privacy::Epsilon,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{PanelReference, Sensitivity, Variant, VariantPanel},
};
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    query::{
        NamedAxis, Names, QueryFile, VariantRange,
        tests::{demo, example, file},
    },
    statistics::{
        Estimate, Stated,
        analysis::{Analysis, Context, analyze},
        cohort::Effect,
        noise,
    },
};

/// Of a committee of 2 of 4.
const SUBSETS: usize = 4;
const PEOPLE: u32 = 3_200;

/// One of 20 cells holds a half of 1,000 people, each cell with noise of variance 9.
#[test]
fn repro_the_noise_of_a_share_is_that_of_its_cell_beside_all_others() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut draw = || noise::draw(9.0, &mut rng).unwrap();
    let shares: Vec<f64> = (0..20_000)
        .map(|_| {
            let own = 500.0 + draw();
            let others = 500.0 + (0..19).map(|_| draw()).sum::<f64>();
            own / (own + others) - 0.5
        })
        .collect();
    let found = shares.iter().map(|share| share * share).sum::<f64>() / 20_000.0;
    let expected = share_noise(9.0, 0.5, 20.0, 1_000.0);
    assert!((found / expected - 1.0).abs() < 0.05, "{found} and {expected}");
}

/// People of two groups with two values each and genotypes of 32 variants at a frequency of a quarter, none of which has to
/// do with another: what a plan supposes.
struct Even {
    schema: Schema,
    panel: VariantPanel,
    people: Vec<(Attributes, Genotypes)>,
}

impl Even {
    fn new() -> Self {
        let attribute = |(name, hi): (&str, u32)| Attribute {
            name: name.into(),
            unit: "u".into(),
            coding: String::new(),
            scale: 10,
            lo: 0,
            hi,
            digits: 2,
            sensitivity: Sensitivity::Public,
        };
        let variant = |pos| Variant { chrom: "1".into(), pos, reference: "A".into(), alternate: "C".into() };
        let panel = VariantPanel { build: String::new(), variants: (1..=32).map(variant).collect() };
        let person = |person: u32| {
            let mut values = [MISSING; ATTRIBUTES];
            values[..3].copy_from_slice(&[person % 2, person / 2 % 40, person / 80 % 40]);
            let dosage = match person / 2 % 16 {
                0..9 => Dosage::HomRef,
                9..15 => Dosage::Het,
                _ => Dosage::HomAlt,
            };
            (Attributes::new(values), Genotypes::new(&[dosage; 32]).unwrap())
        };
        let reference = PanelReference { build: String::new(), variants: 32, digest: Digest::from_bytes([0; 32]) };
        let attributes = [("group", 1), ("x", 39), ("y", 39)].map(attribute).to_vec();
        let schema = Schema { name: "even".into(), attributes, panel: reference };
        Self { schema, panel, people: (0..PEOPLE).map(person).collect() }
    }

    fn layouts(&self, measure: &Measure) -> Vec<Layout> {
        measure.parts(Names { schema: &self.schema, panel: Some(&self.panel) }, &[]).unwrap()
    }

    fn supposed(&self, rho: Option<Rho>) -> Supposed<'_> {
        Supposed { schema: &self.schema, people: PEOPLE, rho, parts: 1, subsets: SUBSETS }
    }

    /// The sums of everybody, each with the variance of its noise.
    fn sums(&self, layout: &Layout, rho: Option<Rho>) -> Vec<Sum> {
        let variance = self.supposed(rho).variance(layout);
        let mut slots: Vec<Sum> =
            (0..usize::from(layout.slots_used())).map(|slot| Sum::noisy(0, variance(slot))).collect();
        for (attributes, genotypes) in &self.people {
            let plaintext = layout.plaintext(&MatchCriteria::default(), attributes, genotypes).unwrap();
            slots.iter_mut().zip(plaintext.slots()).for_each(|(slot, value)| slot.value += i64::from(*value));
        }
        slots
    }

    fn analysis(&self, measure: &Measure, rho: Option<Rho>) -> Analysis {
        let layouts = self.layouts(measure);
        let sums: Vec<_> = layouts.iter().map(|layout| self.sums(layout, rho)).collect();
        let (schema, panel) = (&self.schema, Some(&self.panel));
        analyze(measure, &layouts, &sums, Context { schema, panel, contributors: None, matched: false, seed: [7; 32] })
            .unwrap()
    }
}

fn cuts(attribute: &str, at: f64) -> NamedAxis {
    NamedAxis::Cuts { attribute: attribute.into(), cuts: vec![at] }
}

fn comparison() -> Measure {
    Measure::Comparison { attribute: "x".into(), groups: cuts("group", 0.1) }
}

fn survival(horizon: Option<f64>) -> Measure {
    let time = NamedAxis::Bins { attribute: "x".into(), lo: 0.0, width: 0.2, count: 20 };
    Measure::Survival { time, event: cuts("group", 0.1), groups: None, horizon }
}

fn association() -> Measure {
    Measure::Association { variants: VariantRange::default(), cases: cuts("group", 0.1) }
}

/// The standard errors that an analysis states of what a plan expects, in its order.
fn stated(analysis: &Analysis) -> Vec<f64> {
    let error = |estimate: &Stated<Estimate>| estimate.value().unwrap().standard_error;
    let of_logarithm = |estimate: &Estimate| estimate.standard_error / estimate.value;
    let of_effect = |effect: &Stated<Effect>| of_logarithm(&effect.value().unwrap().estimate);
    match analysis {
        Analysis::Comparison { pair: Some(pair), cells, .. } => {
            vec![error(&cells[0].attributes[0].mean), error(&pair.difference)]
        }
        Analysis::Regression { fit, .. } => vec![fit.value().unwrap().coefficients[1].estimate.standard_error],
        Analysis::Moments { cells, .. } => {
            let [x, y] = [0, 1].map(|attribute| error(&cells[0].attributes[attribute].mean));
            vec![x, y, error(&cells[0].pairs[0].correlation)]
        }
        Analysis::Contingency { table, .. } => {
            vec![of_effect(&table.value().unwrap().two_by_two.as_ref().unwrap().odds_ratio)]
        }
        Analysis::Association(scan) => {
            let variant = &scan.variants[0];
            vec![error(&variant.case_frequency), of_logarithm(variant.allelic_odds_ratio.value().unwrap())]
        }
        Analysis::Survival { curves } => {
            vec![curves.value().unwrap().groups[0].restricted_mean.value().unwrap().mean.standard_error]
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_expects_the_errors_that_its_statistics_state() {
    let even = Even::new();
    let [x, y] = ["x", "y"].map(String::from);
    let measures = [
        comparison(),
        Measure::Regression { outcome: y.clone(), predictors: vec![x.clone()] },
        Measure::Moments { attributes: vec![x, y], by: vec![] },
        Measure::Contingency { rows: cuts("group", 0.1), columns: cuts("y", 2.0), strata: None },
        association(),
        survival(Some(2.0)),
        survival(None),
    ];
    for measure in measures {
        let rho = Epsilon::from_milli(10_000).rho();
        let [exact, noisy] = [None, Some(rho)].map(|rho| stated(&even.analysis(&measure, rho)));
        let (expected, warnings) =
            even.supposed(Some(rho)).foresee(std::slice::from_ref(&measure), &[even.layouts(&measure)]).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .filter(|one| !["people", "a share", "survival"].iter().any(|of| one.what.starts_with(of)))
            .collect();
        assert_eq!((expected.len(), warnings.len()), (noisy.len(), 0), "{expected:?} {warnings:?}");
        for (expected, (exact, noisy)) in expected.into_iter().zip(exact.into_iter().zip(noisy)) {
            let sampling = expected.sampling_error.unwrap();
            let noise = (noisy * noisy - exact * exact).sqrt();
            assert!((sampling / exact - 1.0).abs() < 0.05, "{expected:?} where {exact} is stated");
            assert!((expected.noise_error / noise - 1.0).abs() < 0.1, "{expected:?} where {noise} is stated of noise");
        }
    }
}

/// The noise that drawn sums give an estimate of them.
fn simulated(even: &Even, measure: &Measure, estimate: impl Fn(&[f64]) -> f64) -> f64 {
    const DRAWS: u32 = 4_000;
    let layout = &even.layouts(measure)[0];
    let slots = even.sums(layout, Some(Epsilon::from_milli(10_000).rho()));
    let truth = estimate(&slots.iter().map(Sum::to_f64).collect::<Vec<_>>());
    let mut rng = StdRng::seed_from_u64(5);
    let squares = (0..DRAWS).map(|_| {
        let drawn = slots.iter().map(|slot| slot.to_f64() + noise::draw(slot.noise_variance, &mut rng).unwrap());
        (estimate(&drawn.collect::<Vec<_>>()) - truth).powi(2)
    });
    (squares.sum::<f64>() / f64::from(DRAWS)).sqrt()
}

#[test]
fn the_noise_that_a_plan_expects_is_that_of_drawn_sums() {
    let even = Even::new();
    // Of the first cell: count, then two digits of the sum, in tenths; heterozygous, homozygous, called.
    let mean = simulated(&even, &comparison(), |slots| (slots[1] + 256.0 * slots[2]) / slots[0] / 10.0);
    let frequency = simulated(&even, &association(), |slots| (slots[0] + 2.0 * slots[1]) / (2.0 * slots[2]));
    for (measure, found) in [(comparison(), mean), (association(), frequency)] {
        let rho = Some(Epsilon::from_milli(10_000).rho());
        let expected =
            even.supposed(rho).foresee(std::slice::from_ref(&measure), &[even.layouts(&measure)]).unwrap().0.remove(0);
        assert!((expected.noise_error / found - 1.0).abs() < 0.05, "{expected:?} where {found} was drawn");
    }
}

#[test]
fn every_example_asks_enough_people_for_its_noise_and_twenty_would_be_warned() {
    let (schema, panel) = demo();
    let mut private = vec![];
    for entry in std::fs::read_dir(file("docs/queries")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let query: QueryFile = example(&name);
        let parts = query.parts(&schema, Some(&panel)).unwrap();
        let rho = match query.privacy.mode().unwrap() {
            node::query::PrivacyMode::Exact => None,
            node::query::PrivacyMode::Private { epsilon_milli } => Some(epsilon_milli.rho()),
        };
        let warned = |people| {
            let supposed =
                Supposed { schema: &schema, people, rho, parts: parts.iter().map(Vec::len).sum(), subsets: SUBSETS };
            let (expectations, warnings) = supposed.foresee(&query.measures, &parts).unwrap();
            assert!(!expectations.is_empty(), "{name}");
            warnings
        };
        assert_eq!(warned(query.contributions_min), Vec::<String>::new(), "{name}");
        if rho.is_some() {
            let warning = warned(20).concat();
            assert!(warning.contains("people or more, spend a larger ε"), "{name}: {warning}");
            private.push(name);
        }
    }
    assert!(private.len() > 5, "{private:?}");
}
