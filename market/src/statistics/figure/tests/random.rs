//! Random figures: whatever is accepted is drawn within its page, with no text over another, as XML that parses and holds nothing
//! but a drawing, since pages show it as a part of themselves.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        Attrition, Axis, Bars, Curve, Figure, Fit, Forest, ForestRow, HeatMap, Histogram, Hit, Kind, Manhattan, Mark,
        Quantiles, Regression, Series, Stage, Step, Steps, nice_times,
    },
    blemishes,
};
use crate::statistics::{Interval, Stated, Undefined};

/// Values over many magnitudes, negative ones too.
fn value() -> impl Strategy<Value = f64> {
    (-1.0f64..1.0, -6i32..13).prop_map(|(digits, power)| digits * 10f64.powi(power))
}

fn positive() -> impl Strategy<Value = f64> {
    (1.0f64..10.0, -8i32..8).prop_map(|(digits, power)| digits * 10f64.powi(power))
}

fn p_value() -> impl Strategy<Value = f64> {
    (0.0f64..40.0).prop_map(|strength| 10f64.powf(-strength))
}

fn mark(value: impl Strategy<Value = f64>) -> impl Strategy<Value = Stated<Mark>> {
    let interval = (0.0f64..2.0, 0.0f64..2.0);
    (value, proptest::option::of(interval), 0u8..12).prop_map(|(value, interval, kind)| {
        if kind == 0 {
            return Err(Undefined::EmptyCell).into();
        }
        let ends =
            |(below, above): (f64, f64)| Interval { lo: value - below * value.abs(), hi: value + above * value.abs() };
        Stated::Value(Mark { value, interval: interval.map(ends) })
    })
}

/// Words of any length, some without a space, some with letters that the font lacks.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9<>&' ]{0,40}x", "[A-Z]{1,60}", "[α-ωЀ-ӿ一-鿿]{1,30}", "\\PC{0,20}x"]
}

fn bars() -> impl Strategy<Value = Kind> {
    (1usize..40, 1usize..8).prop_flat_map(|(groups, series)| {
        let series = vec((name(), vec(mark(value()), groups)), series);
        (vec(name(), groups), series).prop_map(|(groups, series)| {
            let series = series.into_iter().map(|(name, marks)| Series { name, marks }).collect();
            Kind::Bars(Bars { groups, series })
        })
    })
}

fn histogram() -> impl Strategy<Value = Kind> {
    let counts = vec(mark((-50i32..5_000).prop_map(f64::from)), 1..60);
    (value(), positive(), counts).prop_map(|(start, width, counts)| Kind::Histogram(Histogram { start, width, counts }))
}

fn curve(times: usize) -> impl Strategy<Value = Curve> {
    let step = (0.0f64..400.0, 0.5f64..1.0);
    let at_risk = vec(proptest::option::weighted(0.9, -20i64..60_000), times);
    (name(), vec(step, 1..20), vec(0.0f64..4_000.0, 0..9), at_risk).prop_map(|(name, falls, censored, at_risk)| {
        let (mut time, mut value) = (0.0, 1.0);
        let mut steps = vec![];
        for (wait, fall) in falls {
            steps.push(Step { time, value, interval: Some(Interval { lo: value * 0.8, hi: (value * 1.2).min(1.0) }) });
            (time, value) = (time + wait, value * fall);
        }
        Curve { name, steps, end: time, censored, at_risk }
    })
}

fn steps() -> impl Strategy<Value = Kind> {
    let times = nice_times(4_000.0);
    let curves = vec(curve(times.len()), 1..7);
    curves.prop_map(move |curves| Kind::Steps(Steps { curves, times: times.clone() }))
}

fn manhattan() -> impl Strategy<Value = Kind> {
    let hit = (name(), 1u8..30, 0u64..200_000_000, p_value());
    vec(hit, 1..300).prop_map(|hits| {
        let hit = |(name, chromosome, position, p_value): (String, u8, u64, f64)| Hit {
            name,
            chromosome: chromosome.to_string(),
            position,
            p_value,
        };
        Kind::Manhattan(Manhattan { tests: hits.len(), hits: hits.into_iter().map(hit).collect() })
    })
}

fn forest() -> impl Strategy<Value = Kind> {
    let row = (name(), "[0-9/]{0,30}", mark(positive()), any::<bool>());
    (vec(row, 1..30), "[a-z]{0,20}").prop_map(|(rows, detail)| {
        let row = |(name, detail, mark, pooled): (String, String, Stated<Mark>, bool)| ForestRow {
            name,
            detail,
            mark,
            pooled,
        };
        Kind::Forest(Forest { rows: rows.into_iter().map(row).collect(), reference: Some(1.0), detail })
    })
}

fn heat_map() -> impl Strategy<Value = Kind> {
    (1usize..20, 1usize..20).prop_flat_map(|(rows, columns)| {
        let cell =
            prop_oneof![9 => (-1.0f64..=1.0).prop_map(Stated::Value), 1 => Just(Err(Undefined::NoVariance).into())];
        (vec(name(), rows), vec(name(), columns), vec(cell, rows * columns)).prop_map(|(rows, columns, values)| {
            Kind::HeatMap(HeatMap { rows, columns, values, measure: "Correlation".into(), limit: 1.0 })
        })
    })
}

fn regression() -> impl Strategy<Value = Kind> {
    let line = vec((positive(), mark(positive())), 0..30);
    let fit = (name(), line, vec((positive(), mark(positive())), 1..30)).prop_map(|(name, line, points)| {
        let stated = |(x, mark): (f64, Stated<Mark>)| mark.value().map(|mark| (x, *mark));
        let mut line: Vec<(f64, Mark)> = line.into_iter().filter_map(stated).collect();
        line.sort_by(|one, next| one.0.total_cmp(&next.0));
        Fit { name, line, points }
    });
    vec(fit, 1..7).prop_map(|fits| Kind::Regression(Regression { fits }))
}

fn attrition() -> impl Strategy<Value = Kind> {
    let stage = (name(), mark((-20i32..100_000).prop_map(f64::from)));
    vec(stage, 1..20).prop_map(|stages| {
        let stage = |(name, mark): (String, Stated<Mark>)| Some(Stage { name, people: *mark.value()? });
        Kind::Attrition(Attrition { stages: stages.into_iter().filter_map(stage).collect() })
    })
}

fn quantiles() -> impl Strategy<Value = Kind> {
    vec(p_value(), 1..400).prop_map(|p_values| Kind::Quantiles(Quantiles { p_values }))
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![bars(), histogram(), steps(), manhattan(), quantiles(), forest(), heat_map(), regression(), attrition(),]
}

/// What a drawing is made of.
const ELEMENTS: [&str; 11] =
    ["svg", "title", "desc", "defs", "linearGradient", "stop", "pattern", "g", "path", "rect", "text"];
const ATTRIBUTES: [&str; 29] = [
    "aria-labelledby",
    "d",
    "fill",
    "fill-opacity",
    "font-family",
    "font-size",
    "font-weight",
    "height",
    "id",
    "offset",
    "paint-order",
    "patternUnits",
    "role",
    "stop-color",
    "stroke",
    "stroke-dasharray",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-width",
    "text-anchor",
    "transform",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
];

/// What is no part of a drawing: another element, another attribute, or words in one.
fn foreign(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .flat_map(|element| {
            let name = element.tag_name().name();
            let other = (!ELEMENTS.contains(&name)).then(|| name.to_owned());
            let attributes = element.attributes().filter(|attribute| {
                let words = attribute.value().contains(['<', '>', '&', '"']);
                !ATTRIBUTES.contains(&attribute.name()) || words
            });
            other.into_iter().chain(attributes.map(|attribute| format!("{attribute:?}"))).collect::<Vec<_>>()
        })
        .collect()
}

/// Numbers that are none: in what is drawn, and in texts where nobody gave that word.
fn numberless(svg: &str, given: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let attributes = document.descendants().flat_map(|node| node.attributes()).map(|attribute| attribute.value());
    let is_none = |text: &&str| text.contains("NaN") || text.contains("inf");
    let texts = document.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
    let words = texts.flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let is_drawn = |word: &&str| matches!(*word, "NaN" | "inf") && !given.contains(*word);
    attributes.filter(is_none).chain(words.filter(is_drawn)).map(str::to_owned).collect()
}

#[test]
fn repro_a_name_that_has_the_letters_of_no_number_is_none() {
    let drawn = |text: &str| format!("<svg><path d=\"M1,1\"/><text x=\"1\">\n{text}\n</text></svg>");
    assert_eq!(numberless(&drawn("sj6 fNaNB5"), "sj6 fNaNB5"), Vec::<String>::new());
    assert_eq!(numberless(&drawn("NaN"), "NaN"), Vec::<String>::new());
    for number in ["NaN", "NaN%", "1.5 (NaN–2)", "\u{2212}NaN"] {
        assert_eq!(numberless(&drawn(number), "age"), ["NaN"], "{number}");
    }
    assert_eq!(numberless(&drawn("\u{2212}inf, age"), "age"), ["inf"]);
    assert_eq!(numberless("<svg><path d=\"M1,NaN\"/></svg>", "NaN"), ["M1,NaN"]);
    assert_eq!(numberless("<svg><rect width=\"inf\"/></svg>", ""), ["inf"]);
}

#[test]
fn what_is_no_part_of_a_drawing_is_found() {
    for (svg, count) in [
        ("<svg width=\"1\"><text x=\"1\">a &lt;script&gt;</text></svg>", 0),
        ("<svg><script/></svg>", 1),
        ("<svg onload=\"x\"><a href=\"x\"/></svg>", 3),
        ("<svg id=\"a&quot;b\"/>", 1),
    ] {
        assert_eq!(foreign(svg).len(), count, "{svg}");
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_drawn_within_its_page_with_no_text_over_another(
        kind in kind(), words in [name(), name(), name()], log in any::<bool>(), note in name()
    ) {
        let given = format!("{kind:?} {words:?} {note:?}");
        let new = |axis: fn(&str, &str) -> Axis, kind| Figure::new(&words[0], axis(&words[1], "mg/dL"), axis(&words[2], "mg/dL"), kind);
        let figure = if log { new(Axis::log, kind.clone()) } else { new(Axis::linear, kind.clone()) };
        let figure = figure.or_else(|_| new(Axis::linear, kind));
        prop_assume!(figure.is_ok());
        let figure = figure.unwrap().with_notes([note]);
        let svg = figure.svg();
        prop_assert_eq!(foreign(&svg), Vec::<String>::new());
        prop_assert_eq!(numberless(&svg, &given), Vec::<String>::new());
        prop_assert_eq!(blemishes(&svg), Vec::<String>::new());
    }
}
