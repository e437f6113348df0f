//! The same bytes each time, XML that parses, words for who cannot see, and refusals of what cannot be drawn.

use sha2::{Digest as _, Sha256};

use super::{
    super::{
        Attrition, Axis, Bars, Curve, Figure, Fit, Forest, ForestRow, HeatMap, Histogram, Hit, Kind, Manhattan, Mark,
        Quantiles, Regression, Series, Stage, Step, Steps,
    },
    blemishes, figure,
    gallery::gallery,
};
use crate::statistics::{Interval, Stated, Undefined};

#[test]
fn every_figure_is_the_same_each_time_and_well_formed_and_says_what_it_shows() {
    for (name, figure) in gallery() {
        let svg = figure.svg();
        assert_eq!(svg, figure.clone().svg(), "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"), "{name}");
        let said: Vec<&str> = root
            .attribute("aria-labelledby")
            .unwrap()
            .split(' ')
            .map(|id| document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap().text().unwrap())
            .collect();
        assert_eq!(said, [figure.title(), figure.description()], "{name}");
        assert!(figure.description().ends_with('.') && figure.description().len() > 40, "{name}");
    }
}

#[test]
fn a_small_figure_is_pinned_byte_for_byte() {
    let stages = vec![
        Stage { name: "Everybody".into(), people: Mark::exact(40.0) },
        Stage {
            name: "Older than 60".into(),
            people: Mark { value: 9.0, interval: Some(Interval { lo: 5.0, hi: 13.0 }) },
        },
    ];
    let svg = figure(Kind::Attrition(Attrition { stages })).with_notes(["n = 40".into()]).svg();
    assert_pinned("attrition.svg", include_str!("attrition.svg"), &svg);
}

/// Compares with what is pinned; `LOCUS_PIN=1` pins anew.
fn assert_pinned(file: &str, pinned: &str, found: &str) {
    if std::env::var_os("LOCUS_PIN").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/statistics/figure/tests");
        std::fs::write(std::path::Path::new(folder).join(file), found).unwrap();
    } else {
        assert_eq!(found, pinned);
    }
}

#[test]
fn the_gallery_is_pinned_by_its_digests() {
    let line = |(name, figure): (&str, Figure)| format!("{name} {}\n", hex::encode(Sha256::digest(figure.svg())));
    let found: String = gallery().into_iter().map(line).collect();
    assert_pinned("gallery.txt", include_str!("gallery.txt"), &found);
}

#[test]
fn a_picture_has_the_size_that_the_figure_states_and_its_ground_is_white() {
    let (_, figure) = gallery().swap_remove(0);
    let (width, height) = figure.size();
    for scale in [1u8, 3] {
        let png = figure.png(scale).unwrap();
        let pixels = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
        let expected = (width * f64::from(scale), height * f64::from(scale));
        assert_eq!((f64::from(pixels.width()), f64::from(pixels.height())), expected);
        let corner = pixels.pixel(0, 0).unwrap();
        assert_eq!([corner.red(), corner.green(), corner.blue(), corner.alpha()], [255; 4]);
        assert!(pixels.pixels().iter().any(|pixel| pixel.red() < 60), "something is drawn");
    }
    assert!(figure.png(0).is_err() && figure.png(5).is_err());
}

#[test]
fn two_figures_on_one_page_share_no_ids() {
    let ids = |svg: &str| {
        let document = roxmltree::Document::parse(svg).unwrap();
        document.descendants().filter_map(|node| node.attribute("id").map(str::to_owned)).collect::<Vec<_>>()
    };
    let all: Vec<String> = gallery().iter().flat_map(|(_, figure)| ids(&figure.svg())).collect();
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn names_cannot_break_out_of_the_xml() {
    let name = "</text><script>alert('1')</script> \"&\u{0}\u{8}\u{202e}gnirts\u{ffff}";
    let bars = Bars {
        groups: vec![name.into()],
        series: vec![Series { name: name.into(), marks: vec![Stated::Value(Mark::exact(1.0))] }],
    };
    let figure = Figure::new(name, Axis::names(name), Axis::linear(name, name), Kind::Bars(bars)).unwrap();
    let svg = figure.with_notes([name.into()]).svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(document.descendants().all(|node| node.tag_name().name() != "script"));
    assert_eq!(blemishes(&svg), Vec::<String>::new());
}

#[test]
fn what_cannot_be_estimated_is_shown_as_such_and_says_why() {
    let nobody = || Stated::from(Err(Undefined::Nobody));
    let kinds = [
        Kind::Bars(Bars { groups: vec!["a".into()], series: vec![Series { name: "s".into(), marks: vec![nobody()] }] }),
        Kind::Histogram(Histogram { start: 0.0, width: 10.0, counts: vec![nobody()] }),
        Kind::HeatMap(HeatMap {
            rows: vec!["a".into()],
            columns: vec!["b".into()],
            values: vec![Err(Undefined::Nobody).into()],
            measure: "r".into(),
            limit: 1.0,
        }),
        Kind::Forest(Forest {
            rows: vec![ForestRow { name: "a".into(), detail: String::new(), mark: nobody(), pooled: false }],
            reference: Some(0.0),
            detail: String::new(),
        }),
        Kind::Regression(Regression {
            fits: vec![Fit { name: "a".into(), line: vec![], points: vec![(1.0, nobody())] }],
        }),
    ];
    for kind in kinds {
        let figure = figure(kind);
        assert!(figure.description().contains("nobody was counted") || figure.notes().concat().contains("nobody"));
        assert_eq!(blemishes(&figure.svg()), Vec::<String>::new(), "{:?}", figure.kind());
    }
}

/// Every kind with one number in it.
fn holding(value: f64) -> Vec<Kind> {
    let mark = Mark::exact(value);
    let stated = || vec![Stated::Value(mark)];
    let curve = |step: Step, end| Curve { name: "a".into(), steps: vec![step], end, censored: vec![], at_risk: vec![] };
    let steps = |curve| Kind::Steps(Steps { curves: vec![curve], times: vec![] });
    vec![
        Kind::Bars(Bars { groups: vec!["a".into()], series: vec![Series { name: "s".into(), marks: stated() }] }),
        Kind::Histogram(Histogram { start: value, width: 1.0, counts: vec![Stated::Value(Mark::exact(1.0))] }),
        Kind::Histogram(Histogram { start: 0.0, width: value, counts: vec![Stated::Value(Mark::exact(1.0))] }),
        Kind::Histogram(Histogram { start: 0.0, width: 1.0, counts: stated() }),
        steps(curve(Step { time: 0.0, value, interval: None }, 1.0)),
        steps(curve(Step { time: value, value: 1.0, interval: None }, 1.0)),
        steps(curve(Step { time: 0.0, value: 1.0, interval: None }, value)),
        steps(curve(Step { time: 0.0, value: 1.0, interval: Some(Interval { lo: value, hi: 1.0 }) }, 1.0)),
        Kind::Manhattan(Manhattan {
            hits: vec![Hit { name: "a".into(), chromosome: "1".into(), position: 1, p_value: value }],
            tests: 1,
        }),
        Kind::Quantiles(Quantiles { p_values: vec![value] }),
        Kind::Forest(Forest {
            rows: vec![ForestRow { name: "a".into(), detail: String::new(), mark: Stated::Value(mark), pooled: false }],
            reference: Some(1.0),
            detail: String::new(),
        }),
        Kind::Forest(Forest {
            rows: vec![ForestRow {
                name: "a".into(),
                detail: String::new(),
                mark: Err(Undefined::Nobody).into(),
                pooled: false,
            }],
            reference: Some(value),
            detail: String::new(),
        }),
        Kind::HeatMap(HeatMap {
            rows: vec!["a".into()],
            columns: vec!["b".into()],
            values: vec![Stated::Value(value)],
            measure: "r".into(),
            limit: 1.0,
        }),
        Kind::Regression(Regression { fits: vec![Fit { name: "a".into(), line: vec![(1.0, mark)], points: vec![] }] }),
        Kind::Regression(Regression {
            fits: vec![Fit { name: "a".into(), line: vec![], points: vec![(value, Stated::Value(Mark::exact(1.0)))] }],
        }),
        Kind::Attrition(Attrition { stages: vec![Stage { name: "a".into(), people: mark }] }),
    ]
}

#[test]
fn numbers_that_no_axis_shows_are_refused_and_those_at_the_edge_are_drawn() {
    let axes = || (Axis::linear("x", ""), Axis::linear("y", ""));
    let new = |kind: Kind| Figure::new("title", axes().0, axes().1, kind);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16] {
        for kind in holding(value) {
            assert!(new(kind.clone()).is_err(), "{value} in {kind:?}");
        }
    }
    for value in [0.0, 1.0, -1.0, 1e15, -1e15, 1e-300, f64::MIN_POSITIVE, 5e-324] {
        for figure in holding(value).into_iter().filter_map(|kind| new(kind).ok()) {
            let svg = figure.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{value} in {:?}", figure.kind());
            assert_eq!(blemishes(&svg), Vec::<String>::new(), "{value} in {:?}", figure.kind());
        }
    }
}

#[test]
fn empty_words_disagreeing_lists_and_upside_down_intervals_are_refused() {
    let bars = |groups: Vec<&str>, name: &str, marks: Vec<Stated<Mark>>| {
        let series = vec![Series { name: name.into(), marks }];
        Kind::Bars(Bars { groups: groups.into_iter().map(Into::into).collect(), series })
    };
    let one = || vec![Stated::Value(Mark::exact(1.0))];
    let (x, y) = (Axis::names(""), Axis::linear("y", ""));
    let new = |title: &str, kind| Figure::new(title, x.clone(), y.clone(), kind);
    assert!(new("title", bars(vec!["a"], "s", one())).is_ok());
    assert!(new(" \n", bars(vec!["a"], "s", one())).is_err());
    assert!(new("title", bars(vec!["a"], " ", one())).is_err());
    assert!(new("title", bars(vec![], "s", vec![])).is_err());
    assert!(new("title", bars(vec!["a", "b"], "s", one())).is_err());
    let upside_down = Mark { value: 1.0, interval: Some(Interval { lo: 2.0, hi: 0.0 }) };
    assert!(new("title", bars(vec!["a"], "s", vec![Stated::Value(upside_down)])).is_err());
    assert!(Figure::new("title", x.clone(), Axis::log("y", ""), bars(vec!["a"], "s", one())).is_err());
    let backwards = Axis::linear("y", "").within(1.0, 0.0);
    assert!(Figure::new("title", Axis::names(""), backwards, bars(vec!["a"], "s", one())).is_err());
    let figure = new("title", bars(vec!["a"], "s", one())).unwrap();
    assert!(figure.clone().with_description(" ").is_err());
    assert_eq!(figure.with_description("One.").unwrap().description(), "One.");
}

#[test]
fn an_interval_that_leaves_a_forest_plots_axis_ends_in_an_arrow() {
    let row = |value, lo, hi| ForestRow {
        name: "a".into(),
        detail: String::new(),
        mark: Stated::Value(Mark { value, interval: Some(Interval { lo, hi }) }),
        pooled: false,
    };
    let plot = |hi: f64| {
        let forest = Forest { rows: vec![row(1.2, 0.8, hi)], reference: Some(1.0), detail: String::new() };
        Figure::new("title", Axis::log("OR", ""), Axis::names("Variant"), Kind::Forest(forest)).unwrap().svg()
    };
    let arrows = |hi: f64| plot(hi).matches("Z\" fill=\"#1a1a1a\"").count();
    assert_eq!((arrows(1.8), arrows(1e9)), (0, 1));
}

#[test]
fn repro_the_wider_interval_of_two_was_cut() {
    let row = |name: &str, value: f64, half: f64| ForestRow {
        name: name.into(),
        detail: String::new(),
        mark: Stated::Value(Mark { value, interval: Some(Interval { lo: value - half, hi: value + half }) }),
        pooled: false,
    };
    let rows = vec![row("age (per year)", -6.5, 12.7), row("sex", -21.0, 224.0)];
    let forest = Forest { rows, reference: Some(0.0), detail: String::new() };
    let x = Axis::linear("change of follow up", "d");
    let svg = Figure::new("title", x, Axis::names(""), Kind::Forest(forest)).unwrap().svg();
    assert_eq!(svg.matches("Z\" fill=\"#1a1a1a\"").count(), 0);
}
