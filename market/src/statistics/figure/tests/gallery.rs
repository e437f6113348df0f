//! Every kind of figure from the demo's people: 1000 Genomes variants of chromosome 22, and the Stanford heart
//! transplant patients that stand beside them. `LOCUS_FIGURES=folder cargo test figure` keeps the pictures.

use super::{
    super::{
        Attrition, Axis, Bars, Curve, Figure, Fit, Forest, ForestRow, HeatMap, Histogram, Hit, Kind, Manhattan, Mark,
        Quantiles, Regression, Series, Stage, Step, Steps, nice_times,
    },
    blemishes,
    people::{Patient, Person, Variant, alleles, correlation, odds_ratio, p_value, patients, people, share, variants},
};
use crate::statistics::{Estimate, Interval, Stated, Sum, Undefined, estimate::normal_quantile};

fn bars() -> Figure {
    let (groups, bounds) = (["under 40", "40 to 49", "50 and older"], [0.0, 40.0, 50.0, 200.0]);
    let mark = |sex: u8, group: usize| {
        let of = |person: &&Person| {
            person.sex == sex && person.patient.is_some_and(|p| p.age >= bounds[group] && p.age < bounds[group + 1])
        };
        let people = people();
        let group: Vec<&Person> = people.iter().filter(of).collect();
        share(group.iter().filter(|person| person.patient.unwrap().died).count(), group.len())
    };
    let series = |name: &str, sex| Series { name: name.into(), marks: (0..3).map(|group| mark(sex, group)).collect() };
    let bars = Bars { groups: groups.map(Into::into).to_vec(), series: vec![series("Men", 1), series("Women", 2)] };
    let (x, y) = (Axis::names("Age at surgery (years)"), Axis::share("Died during follow-up"));
    let figure = Figure::new("Deaths after heart transplantation, by age and sex", x, y, Kind::Bars(bars)).unwrap();
    figure.with_notes(["69 patients; exact counts.".into()])
}

/// Counts of all 26 populations as a noisy release would give them.
fn noisy_bars() -> Figure {
    let names =
        "ACB ASW BEB CDX CEU CHB CHS CLM ESN FIN GBR GIH GWD IBS ITU JPT KHV LWK MSL MXL PEL PJL PUR STU TSI YRI";
    let count = |place: usize| [9, 10].iter().position(|found| *found == place).map_or(0, |_| 50);
    let noise = [3, -2, 0, 5, -4, 1, 2, -1, 0, 4, -3, 2, 1, -2, 6, 0, -5, 3, 1, -1, 2, 0, -6, 4, 1, -2];
    let mark = |(place, noise): (usize, &i64)| Stated::Value(Mark::from(Sum::noisy(count(place) + noise, 9.0)));
    let marks = noise.iter().enumerate().map(mark).collect();
    let bars = Bars {
        groups: names.split(' ').map(Into::into).collect(),
        series: vec![Series { name: "People".into(), marks }],
    };
    let (x, y) = (Axis::names("Population of the 1000 Genomes Project"), Axis::count("People"));
    Figure::new("People in each population, under differential privacy", x, y, Kind::Bars(bars)).unwrap().with_notes([
        "Discrete Gaussian noise, standard deviation 3, is in every count; a count can be negative.".into(),
    ])
}

fn histogram() -> Figure {
    let mut counts = [0i64; 12];
    patients().iter().for_each(|patient| counts[(patient.age / 5.0) as usize - 1] += 1);
    let counts = counts.map(|count| Stated::Value(Mark::from(Sum::exact(count)))).to_vec();
    let histogram = Histogram { start: 5.0, width: 5.0, counts };
    let (x, y) = (Axis::linear("Age at surgery", "years"), Axis::count("Patients"));
    let figure = Figure::new("Age of 69 heart transplant patients", x, y, Kind::Histogram(histogram)).unwrap();
    figure.with_notes(["n = 69; exact counts.".into()])
}

/// Kaplan and Meier's curve with the interval on the log-log scale.
fn curve(name: &str, group: &[Patient], times: &[f64]) -> Curve {
    let mut days: Vec<f64> = group.iter().filter(|patient| patient.died).map(|patient| patient.days).collect();
    days.sort_by(f64::total_cmp);
    days.dedup();
    let at_risk = |time: f64| group.iter().filter(|patient| patient.days >= time).count() as f64;
    let (mut value, mut greenwood) = (1.0f64, 0.0);
    let mut steps = vec![Step { time: 0.0, value: 1.0, interval: Some(Interval { lo: 1.0, hi: 1.0 }) }];
    for time in days {
        let died = group.iter().filter(|patient| patient.died && patient.days == time).count() as f64;
        let n = at_risk(time);
        value *= 1.0 - died / n;
        greenwood += died / (n * (n - died));
        let width = (normal_quantile() * greenwood.sqrt() / value.ln()).exp();
        let interval = greenwood.is_finite().then(|| Interval { lo: value.powf(1.0 / width), hi: value.powf(width) });
        steps.push(Step { time, value, interval });
    }
    let censored = group.iter().filter(|patient| !patient.died).map(|patient| patient.days).collect();
    let end = group.iter().map(|patient| patient.days).fold(0.0, f64::max);
    let at_risk = times.iter().map(|time| Some(at_risk(*time) as i64)).collect();
    Curve { name: name.into(), steps, end, censored, at_risk }
}

fn survival() -> Figure {
    let times = nice_times(patients().iter().map(|patient| patient.days).fold(0.0, f64::max));
    let group = |older: bool| patients().into_iter().filter(|p| (p.age >= 48.0) == older).collect::<Vec<_>>();
    let curves =
        vec![curve("Under 48 years", &group(false), &times), curve("48 years and older", &group(true), &times)];
    let (x, y) = (Axis::linear("Time since surgery", "days"), Axis::share("Overall survival"));
    let kind = Kind::Steps(Steps { curves, times });
    Figure::new("Survival after heart transplantation, by age at surgery", x, y, kind)
        .unwrap()
        .with_notes(["Kaplan–Meier estimates with log-log intervals; n = 69.".into()])
}

fn manhattan() -> Figure {
    let people = people();
    let hits: Vec<Hit> = variants()
        .iter()
        .filter_map(|variant| {
            let p_value = p_value(variant, &people)?;
            Some(Hit { name: variant.name.clone(), chromosome: "22".into(), position: variant.position, p_value })
        })
        .collect();
    let kind = Kind::Manhattan(Manhattan { tests: hits.len(), hits });
    Figure::new("Allele frequencies of Finnish and British people", Axis::names(""), Axis::names(""), kind)
        .unwrap()
        .with_notes(["Pearson's χ² test of alleles; 100 people of the 1000 Genomes Project.".into()])
}

/// The same p-values laid out over the whole genome, as no small data of ours has them.
fn genome() -> Figure {
    let people = people();
    let p_values: Vec<f64> = variants().iter().filter_map(|variant| p_value(variant, &people)).collect();
    let lengths =
        [248, 242, 198, 190, 181, 170, 159, 145, 138, 133, 135, 133, 114, 107, 101, 90, 83, 80, 58, 64, 46, 50, 156];
    let mut hits = vec![];
    for (place, length) in lengths.iter().enumerate() {
        let chromosome = if place == 22 { "X".into() } else { (place + 1).to_string() };
        for step in 0..length * 4u64 {
            let p = p_values[(hits.len() * 7 + place) % p_values.len()];
            let peak = place == 5 && step.abs_diff(128) < 6;
            let p_value = if peak { p.powf(0.3) * 1e-9f64.powf(1.0 - step.abs_diff(128) as f64 / 8.0) } else { p };
            let name = format!("{chromosome}:{} A>G", step * 250_000);
            hits.push(Hit { name, chromosome: chromosome.clone(), position: step * 250_000, p_value });
        }
    }
    let kind = Kind::Manhattan(Manhattan { tests: 1_000_000, hits });
    Figure::new(
        "An association study over the genome (layout only: values are repeated)",
        Axis::names(""),
        Axis::names(""),
        kind,
    )
    .unwrap()
}

fn quantiles() -> Figure {
    let people = people();
    let p_values = variants().iter().filter_map(|variant| p_value(variant, &people)).collect();
    let kind = Kind::Quantiles(Quantiles { p_values });
    Figure::new("Finnish and British alleles: p-values", Axis::names(""), Axis::names(""), kind)
        .unwrap()
        .with_notes(["Chromosome 22, 100 people; neighbouring variants are correlated.".into()])
}

fn forest() -> Figure {
    let people = people();
    let variants = variants();
    let mut tables: Vec<(&Variant, [[f64; 2]; 2])> = variants
        .iter()
        .map(|variant| (variant, alleles(variant, &people)))
        .filter(|(_, t)| t[0][0] + t[1][0] > 3.0)
        .collect();
    tables.truncate(9);
    let row = |(variant, table): &(&Variant, [[f64; 2]; 2])| ForestRow {
        name: variant.name.clone(),
        detail: format!("{}/{}", table[0][0], table[1][0]),
        mark: odds_ratio(*table),
        pooled: false,
    };
    let mut rows: Vec<ForestRow> = tables.iter().map(row).collect();
    let total = tables.iter().fold([[0.0; 2]; 2], |sum, (_, table)| {
        let mut sum: [[f64; 2]; 2] = sum;
        (0..4).for_each(|cell| sum[cell / 2][cell % 2] += table[cell / 2][cell % 2]);
        sum
    });
    rows.push(ForestRow { name: "All of these".into(), detail: String::new(), mark: odds_ratio(total), pooled: true });
    let forest = Forest { rows, reference: Some(1.0), detail: "Finnish/British".into() };
    let (x, y) = (Axis::log("Odds ratio", ""), Axis::names("Variant"));
    Figure::new("Odds of the alternate allele, Finnish to British people", x, y, Kind::Forest(forest))
        .unwrap()
        .with_notes(["Alternate alleles are counted; intervals by Woolf's method.".into()])
}

fn heat_map() -> Figure {
    let people = people();
    let variants = variants();
    let held: Vec<(&Person, Patient)> = people.iter().filter_map(|person| Some((person, person.patient?))).collect();
    let attribute = |f: &dyn Fn(&(&Person, Patient)) -> f64| held.iter().map(f).collect::<Vec<f64>>();
    let flag = |yes: bool| f64::from(u8::from(yes));
    let mut columns = vec![
        (String::from("Age at surgery"), attribute(&|(_, patient)| patient.age)),
        ("Follow-up".into(), attribute(&|(_, patient)| patient.days)),
        ("Died".into(), attribute(&|(_, patient)| flag(patient.died))),
        ("Female".into(), attribute(&|(person, _)| flag(person.sex == 2))),
        ("Finnish".into(), attribute(&|(person, _)| flag(person.finnish))),
    ];
    for variant in
        variants.iter().filter(|variant| variant.dosages.iter().flatten().filter(|d| **d > 0).count() > 30).take(4)
    {
        columns.push((
            variant.name.clone(),
            variant.dosages.iter().take(held.len()).map(|d| f64::from(d.unwrap_or(0))).collect(),
        ));
    }
    columns.push(("Alive at surgery".into(), attribute(&|_| 1.0)));
    let values = columns.iter().flat_map(|(_, one)| columns.iter().map(|(_, other)| correlation(one, other))).collect();
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let map =
        HeatMap { rows: names.clone(), columns: names, values, measure: "Pearson correlation".into(), limit: 1.0 };
    Figure::new("Correlations between attributes and variants", Axis::names(""), Axis::names(""), Kind::HeatMap(map))
        .unwrap()
        .with_notes(["69 people with every attribute; genomes and patients are paired at random.".into()])
}

fn regression() -> Figure {
    let patients = patients();
    let n = patients.len() as f64;
    let (xs, ys): (Vec<f64>, Vec<f64>) = patients.iter().map(|p| (p.age, p.days)).unzip();
    let (mx, my) = (xs.iter().sum::<f64>() / n, ys.iter().sum::<f64>() / n);
    let sxx: f64 = xs.iter().map(|x| (x - mx).powi(2)).sum();
    let slope = xs.iter().zip(&ys).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / sxx;
    let residual: f64 = xs.iter().zip(&ys).map(|(x, y)| (y - my - slope * (x - mx)).powi(2)).sum();
    let spread = (residual / (n - 2.0)).sqrt();
    let line = (0..=20).map(|step| {
        let x = 10.0 + 2.75 * f64::from(step);
        let error = spread * (1.0 / n + (x - mx).powi(2) / sxx).sqrt();
        (x, Mark::from(Estimate::normal(my + slope * (x - mx), error).unwrap()))
    });
    let mean = |lo: f64| {
        let group: Vec<f64> = patients.iter().filter(|p| p.age >= lo && p.age < lo + 10.0).map(|p| p.days).collect();
        let n = group.len() as f64;
        let mean = group.iter().sum::<f64>() / n;
        let spread = (group.iter().map(|days| (days - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
        let mark = if n < 3.0 {
            Err(Undefined::TooFew { found: n as u64, needed: 3 })
        } else {
            Estimate::normal(mean, spread)
        };
        (lo + 5.0, Stated::from(Stated::from(mark)))
    };
    let points = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0].map(mean).to_vec();
    let fit = Fit { name: "Linear fit".into(), line: line.collect(), points };
    let (x, y) = (Axis::linear("Age at surgery", "years"), Axis::linear("Follow-up", "days"));
    Figure::new("Follow-up after heart transplantation, by age", x, y, Kind::Regression(Regression { fits: vec![fit] }))
        .unwrap()
        .with_notes(["Points: means of ten years of age. Line: least squares; n = 69.".into()])
}

fn attrition() -> Figure {
    let people = people();
    type Keeps = fn(&Person) -> bool;
    let steps: [(&str, Keeps); 4] = [
        ("Genotyped people", |_| true),
        ("with attributes of a heart transplant patient", |person| person.patient.is_some()),
        ("40 years or older at surgery", |person| person.patient.is_some_and(|patient| patient.age >= 40.0)),
        ("women", |person| person.sex == 2),
    ];
    let stage = |place: usize| {
        let kept = people.iter().filter(|person| steps[..=place].iter().all(|(_, keeps)| keeps(person))).count();
        Stage { name: steps[place].0.into(), people: Mark::from(Sum::noisy(kept as i64, 4.0)) }
    };
    let kind = Kind::Attrition(Attrition { stages: (0..4).map(stage).collect() });
    let (x, y) = (Axis::count("People"), Axis::names("Criterion"));
    Figure::new("From genotyped people to the cohort", x, y, kind)
        .unwrap()
        .with_notes(["Each number carries discrete Gaussian noise of standard deviation 2.".into()])
}

pub(super) fn gallery() -> Vec<(&'static str, Figure)> {
    vec![
        ("bars", bars()),
        ("noisy_bars", noisy_bars()),
        ("histogram", histogram()),
        ("survival", survival()),
        ("manhattan", manhattan()),
        ("genome", genome()),
        ("quantiles", quantiles()),
        ("forest", forest()),
        ("heat_map", heat_map()),
        ("regression", regression()),
        ("attrition", attrition()),
    ]
}

#[test]
fn every_kind_is_drawn_from_real_people_with_no_text_cut_off_or_over_another() {
    let kept = std::env::var_os("LOCUS_FIGURES").map(std::path::PathBuf::from);
    for (name, figure) in gallery() {
        let svg = figure.svg();
        if let Some(folder) = &kept {
            std::fs::write(folder.join(format!("{name}.svg")), &svg).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), figure.png(2).unwrap()).unwrap();
            eprintln!("{name}: {}", figure.description());
        }
        assert_eq!(blemishes(&svg), Vec::<String>::new(), "{name}");
    }
}
