//! Results of other families than the demo's on their page: associations, funnels, and what noise does to intervals. Their
//! queries were released on a small chain; their sums are those of people who never were.

use std::{fs, path::PathBuf, sync::OnceLock};

use circuits::{
    consent::Day,
    id::QueryId,
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use market::{
    objects::{BlobKind, Objects, put},
    query::QueryFile,
};
use node::{
    query::{CohortQuery, SealingKey},
    transaction::Action,
};
use serde_json::{Value, json};
use thirtyfour::Key;

use super::{
    chromium::{Browser, browser, downloads},
    looks::{inspect, weighs_little},
};
use crate::{
    api::server::Server,
    world::{TODAY, World, genesis},
};

/// People whose values are added up.
const PEOPLE: u64 = 4_000;
/// The variant that cases have more of.
const OF_CASES: usize = 40;

const ASSOCIATION: &str = "privacy = { epsilon = 10.0 }\n[[measures]]\nstatistic = \"association\"\n\
    cases = { attribute = \"diagnosis\", cuts = [1] }\n";
const FUNNEL: &str = "privacy = { epsilon = 10.0 }\nmatching = [[{ attribute = \"age\", lo = 40, hi = 65 }], \
    [{ attribute = \"diagnosis\", lo = 1, hi = 1 }], [{ variant = \"1:1000 A>G\", lo = 0, hi = 1 }]]\n\
    [[measures]]\nstatistic = \"funnel\"\nby = [{ attribute = \"age\", cuts = [50] }]\n";
const NOISY: &str = "privacy = { epsilon = 1.0 }\n[[measures]]\nstatistic = \"count\"\nby = [{ attribute = \"age\", cuts = [40, 60] }]\n";
const EXACT: &str =
    "privacy = \"exact\"\n[[measures]]\nstatistic = \"count\"\nby = [{ attribute = \"age\", cuts = [40, 60] }]\n";
const MOMENTS: &str =
    "privacy = { epsilon = 10.0 }\n[[measures]]\nstatistic = \"moments\"\nattributes = [\"age\", \"diagnosis\"]\n";
const EFFECTS: &str = "privacy = { epsilon = 10.0 }\n[[measures]]\nstatistic = \"contingency\"\n\
    rows = { attribute = \"age\", cuts = [74] }\ncolumns = { attribute = \"diagnosis\", cuts = [1] }\n";

/// Distributions, funnels and frequencies of six age bands, and an association: twenty figures and more.
const LARGE: &str = "privacy = { epsilon = 10.0 }\nmatching = [[{ attribute = \"age\", lo = 20, hi = 79 }]]\n\
    [[measures]]\nstatistic = \"histogram\"\nof = { attribute = \"age\", lo = 0, width = 2, count = 60 }\n\
    [[measures]]\nstatistic = \"funnel\"\nby = [{ attribute = \"age\", cuts = [30, 40, 50, 60, 70] }]\n\
    [[measures]]\nstatistic = \"allele_frequencies\"\nby = [{ attribute = \"age\", cuts = [30, 40, 50, 60, 70] }]\n\
    [[measures]]\nstatistic = \"association\"\ncases = { attribute = \"diagnosis\", cuts = [1] }\n";

/// A released query: its file, and its numbers as `locus result --json` prints them.
struct Released {
    query_file: PathBuf,
    result: PathBuf,
}

struct Results {
    server: Server,
    association: Released,
    funnel: Released,
    noisy: Released,
    exact: Released,
    large: Released,
    effects: Released,
    moments: Released,
}

fn panel() -> VariantPanel {
    let variant = |number: u32| Variant {
        chrom: (1 + number / 24).to_string(),
        pos: 1_000 * (1 + number),
        reference: "A".into(),
        alternate: "G".into(),
    };
    VariantPanel { build: "GRCh37".into(), variants: (0..64).map(variant).collect() }
}

fn schema() -> Schema {
    let attribute = |name: &str, hi, sensitivity| Attribute {
        name: name.into(),
        unit: String::new(),
        coding: String::new(),
        scale: 1,
        lo: 0,
        hi,
        digits: 1,
        sensitivity,
    };
    let attributes =
        vec![attribute("age", 120, Sensitivity::Public), attribute("diagnosis", 1, Sensitivity::Sensitive)];
    Schema { name: "results".into(), attributes, panel: panel().reference().unwrap() }
}

/// A number below another, always the same for a person and a question.
fn draw(person: u64, question: u64, below: u64) -> u64 {
    let mut mixed = ((person << 16) | question).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3 {
        mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (mixed >> 33) % below
}

fn person(number: u64) -> (Attributes, Genotypes) {
    let (age, case) = (20 + draw(number, 0, 60) as u32, draw(number, 1, 2) as u32);
    let mut values = [MISSING; ATTRIBUTES];
    values[0] = age;
    values[1] = case;
    let dosage = |variant: usize| {
        let frequency = if variant == OF_CASES && case == 1 { 40 } else { 25 };
        let copies = [2, 3].map(|question| draw(number, question + 2 * variant as u64, 100) < frequency);
        match copies.into_iter().filter(|copy| *copy).count() {
            0 => Dosage::HomRef,
            1 => Dosage::Het,
            _ => Dosage::HomAlt,
        }
    };
    (Attributes::new(values), Genotypes::new(&(0..64).map(dosage).collect::<Vec<_>>()).unwrap())
}

/// What the people add up to in each part.
fn sums(query: &CohortQuery) -> Vec<Vec<i32>> {
    let mut sums: Vec<Vec<i32>> = query.parts.iter().map(|layout| vec![0; layout.slots_used().into()]).collect();
    for number in 0..PEOPLE {
        let (attributes, genotypes) = person(number);
        for (sums, layout) in sums.iter_mut().zip(&query.parts) {
            let plaintext = layout.plaintext(&query.matching, &attributes, &genotypes).unwrap();
            for (sum, slot) in sums.iter_mut().zip(plaintext.slots()) {
                *sum += i32::try_from(*slot).unwrap();
            }
        }
    }
    sums
}

/// The query of a file's text, and the file with the chain's ids.
fn resolved(world: &World, text: &str) -> (QueryFile, CohortQuery) {
    let common = format!(
        "study = \"{}\"\nschema = \"{}\"\npurposes = [\"general-research\"]\nprice = 1\ncontributions_min = 2\n\
         contributions_max = 5\ndays = 9\naggregate_blocks_max = 500\nrelease_blocks_max = 500\n",
        world.study,
        schema().id().unwrap()
    );
    let file = QueryFile::from_toml("a result's", &(common + text)).unwrap();
    let query = file.resolve(&schema(), Some(&panel()), Day(TODAY), SealingKey::new(vec![9; 32])).unwrap();
    (file, query)
}

/// Brings a query that collected, and whose days are over, to its release.
fn release(world: &mut World, id: QueryId) {
    world.act("friend", Action::Seal(id)).unwrap();
    world.block();
    let aggregate = world.aggregate(id, &[0, 1]);
    world.act("friend", Action::Aggregate(aggregate)).unwrap();
    world.block();
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
}

fn write(name: &str, id: QueryId, (file, query): &(QueryFile, CohortQuery)) -> Released {
    let [query_file, result] = ["toml", "json"].map(|ending| downloads().join(format!("{name}.{ending}")));
    fs::create_dir_all(downloads()).unwrap();
    fs::write(&query_file, file.to_toml().unwrap()).unwrap();
    fs::write(&result, json!({ "query": id, "slots": sums(query) }).to_string()).unwrap();
    Released { query_file, result }
}

impl Results {
    fn make() -> Self {
        let mut lenient = genesis(Quorum::DEFAULT);
        lenient.parameters.exact_groups_allowed = true;
        let mut world = World::prepared(lenient);
        world.act("researcher", Action::RegisterSchema(schema())).unwrap();
        world.block();
        let asked = [ASSOCIATION, FUNNEL, NOISY, EXACT, LARGE, EFFECTS, MOMENTS].map(|text| resolved(&world, text));
        let ids: Vec<_> = asked.iter().map(|(_, query)| world.collect(query.clone(), 0..3)).collect();
        world.pass_days(11);
        ids.iter().for_each(|id| release(&mut world, *id));
        let server = Server::over(world.sequencer, ids[0], ids[0]);
        let blobs = Objects::directory(&server.directory.path().join("blobs")).unwrap();
        put(&blobs, BlobKind::Panel, borsh::to_vec(&panel()).unwrap()).unwrap();
        Self {
            server,
            association: write("association", ids[0], &asked[0]),
            funnel: write("funnel", ids[1], &asked[1]),
            noisy: write("noisy", ids[2], &asked[2]),
            exact: write("exact", ids[3], &asked[3]),
            large: write("large", ids[4], &asked[4]),
            effects: write("effects", ids[5], &asked[5]),
            moments: write("moments", ids[6], &asked[6]),
        }
    }

    /// Shows a result and returns what its page says.
    #[track_caller]
    fn show(&self, browser: &Browser, released: &Released) -> String {
        self.choose(browser, released);
        send(browser);
        browser.text("main")
    }

    /// Chooses the files of a result in the form.
    fn choose(&self, browser: &Browser, released: &Released) {
        browser.open(&format!("{}/results", self.server.running.url()));
        browser.choose("#result", &released.result);
        browser.choose("#query-file", &released.query_file);
    }
}

/// Sends the form and waits for the figures.
#[track_caller]
fn send(browser: &Browser) {
    browser.click("button.primary");
    browser.until("document.querySelector('h2#numbers') && document.readyState === 'complete'");
}

fn results() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(Results::make)
}

/// The figures that are not drawn, or not said in words, and their texts that leave them.
const UNSOUND: &str = "
    const leaves = (text, whole) => text.left < whole.left || text.right > whole.right || text.top < whole.top || text.bottom > whole.bottom;
    return [...document.querySelectorAll('figure')].flatMap(figure => {
        const svg = figure.querySelector('svg[role=img]'), whole = svg?.getBoundingClientRect();
        if (!whole?.width || svg.querySelector('desc').textContent.length <= 40) return [figure.outerHTML.slice(0, 200)];
        const out = [...svg.querySelectorAll('text')].filter(text => leaves(text.getBoundingClientRect(), whole));
        return out.map(text => text.textContent);
    })";
/// Whether every font of the style sheet came.
const FONTS: &str = "return document.fonts.size === 2 && [...document.fonts].every(font => font.status === 'loaded')";

/// The titles of the figures, each of which is drawn and said in words, in the letters that it was measured with.
#[track_caller]
pub fn drawn(browser: &Browser) -> Vec<String> {
    browser.until("document.querySelector('figure svg') && document.fonts.status === 'loaded'");
    assert_eq!(browser.run(FONTS), true);
    assert_eq!(browser.run(UNSOUND), json!([]));
    let titles =
        browser.run("return [...document.querySelectorAll('figcaption')].map(one => one.firstChild.data.trim())");
    titles.as_array().unwrap().iter().map(|title| title.as_str().unwrap().to_owned()).collect()
}

/// That every figure can be read on a narrow page: its box scrolls by keyboard and shows that it has the focus, and the page
/// stays as wide as it is.
#[track_caller]
pub fn scrolls_in_its_box(browser: &Browser) {
    browser.set_width(320);
    assert_eq!(browser.run("return document.documentElement.scrollWidth <= innerWidth && innerWidth <= 320"), true);
    let boxes = "[...document.querySelectorAll('figure > .scroll')]";
    let more = format!("getComputedStyle({boxes}[0]).boxShadow");
    browser.until(&format!("{more} !== 'none'"));
    let before = browser.run(&format!("return {more}"));
    let sound = "box.scrollWidth > box.clientWidth + 100 && box.querySelector('svg').clientWidth >= 34 * 16 && box.tabIndex === 0 \
                 && box.getAttribute('role') === 'region' && box.ariaLabel.length > 8";
    assert_eq!(browser.run(&format!("return {boxes}.length > 0 && {boxes}.every(box => {sound})")), true);
    browser.press(Key::Tab);
    browser.run(&format!("{boxes}[0].focus()"));
    assert_eq!(browser.run(&format!("return getComputedStyle({boxes}[0]).outlineStyle")), "solid", "the focus is seen");
    browser.press(Key::Right);
    browser.until(&format!("{boxes}[0].scrollLeft > 0"));
    assert_eq!(browser.run("return scrollX"), 0);
    browser.run(&format!("{boxes}[0].scrollLeft = 10_000"));
    browser.until(&format!("{more} !== '{}'", before.as_str().unwrap()));
    browser.set_width(1_024);
}

#[test]
fn an_association_is_drawn_along_the_genome_and_against_what_chance_would_give() {
    let (results, browser) = (results(), browser());
    let text = results.show(&browser, &results.association);
    let titles = drawn(&browser);
    for title in ["Association of 64 variants", "Observed and expected p-values"] {
        assert!(titles.iter().any(|drawn| drawn.starts_with(title)), "{title}: {titles:?}");
    }
    // What cases have more of is found, and named for who cannot see it.
    let hit = &panel().variants[OF_CASES];
    let named = format!("{}:{}", hit.chrom, hit.pos);
    let said = "return [...document.querySelectorAll('figure desc')].map(said => said.textContent).join(' ')";
    assert!(browser.run(said).as_str().unwrap().contains(&named), "{named}: {}", browser.run(said));
    assert!(text.contains("Differential privacy with ε = 10"), "{text}");
    inspect(&browser, "result-association");
    scrolls_in_its_box(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_funnel_is_drawn_step_by_step_and_each_step_is_named() {
    let (results, browser) = (results(), browser());
    let text = results.show(&browser, &results.funnel);
    let titles = drawn(&browser);
    assert!(titles.iter().all(|title| title.starts_with("Attrition")) && titles.len() == 2, "{titles:?}");
    for criterion in ["Criterion 1: age 40 to 65", "Criterion 2: diagnosis", "Criterion 3: 0 to 1 copies of 1:1000 A>G"]
    {
        assert!(text.contains(criterion), "{criterion}: {text}");
    }
    inspect(&browser, "result-funnel");
    scrolls_in_its_box(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The words that are drawn in each forest plot of the page, and what is read out of it.
const FORESTS: &str = "
    const figures = [...document.querySelectorAll('figure')].map(one => one.querySelector('svg'));
    const forests = figures.filter(one => one.querySelector('desc').textContent.includes('Forest plot.'));
    const words = one => [one.querySelector('desc'), ...one.querySelectorAll('text')].map(each => each.textContent.trim());
    return forests.map(words);";

/// Odds and risk of a diagnosis from 74 years on, relative to those below.
fn ratios() -> [f64; 2] {
    let mut people = [[0.0; 2]; 2];
    for number in 0..PEOPLE {
        let (age, case) = (20 + draw(number, 0, 60), draw(number, 1, 2));
        people[usize::from(age >= 74)][case as usize] += 1.0;
    }
    let [[young, young_cases], [old, old_cases]] = people;
    let risk = |people: f64, cases: f64| cases / (people + cases);
    [(old_cases / old) / (young_cases / young), risk(old, old_cases) / risk(young, young_cases)]
}

#[test]
fn effects_are_drawn_as_a_forest_plot_with_each_estimate_and_its_interval() {
    let (results, browser) = (results(), browser());
    results.show(&browser, &results.effects);
    drawn(&browser);
    let forests = browser.run(FORESTS);
    let forests = forests.as_array().unwrap();
    assert_eq!(forests.len(), 1, "{forests:?}");
    let words: Vec<&str> = forests[0].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    let (said, drawn) = words.split_first().unwrap();
    for row in ["Crude odds ratio", "Crude risk ratio"] {
        assert!(drawn.contains(&row) && said.contains(&format!("{row}, ")), "{row}: {words:?}");
    }
    // Beside each row stands its estimate with the ends of its interval.
    let numbers = |words: &&str| -> Option<[f64; 3]> {
        let (value, interval) = words.strip_suffix(')')?.split_once(" (")?;
        let (lo, hi) = interval.split_once('–')?;
        Some([value.parse().ok()?, lo.parse().ok()?, hi.parse().ok()?])
    };
    let estimates: Vec<[f64; 3]> = drawn.iter().filter_map(numbers).collect();
    assert_eq!(estimates.len(), 2, "{words:?}");
    for ([value, lo, hi], truth) in estimates.into_iter().zip(ratios()) {
        assert!((value - truth).abs() < 0.02 && lo < value && value < hi, "{value} ({lo}–{hi}), not {truth}");
    }
    inspect(&browser, "result-effects");
    scrolls_in_its_box(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The words of figures that do not stand out from what they are written on (WCAG 2.2, 1.4.3), and how many were looked at.
const FAINT: &str = "
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = colour => channels(colour).slice(0, 3).map(value => linear(value / 255))
        .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
    const paint = one => getComputedStyle(one).fill;
    const solid = one => ['path', 'rect'].includes(one.tagName) && paint(one).startsWith('rgb') && getComputedStyle(one).fillOpacity === '1';
    const texts = [...document.querySelectorAll('.drawn svg text')].filter(text => getComputedStyle(text).stroke === 'none');
    const contrast = text => {
        text.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
        const { left, top, width, height } = text.getBoundingClientRect();
        const below = document.elementsFromPoint(left + width / 2, top + height / 2).find(solid);
        const ground = below ? paint(below) : getComputedStyle(text.closest('.drawn')).backgroundColor;
        const [high, low] = [luminance(paint(text)), luminance(ground)].sort((one, other) => other - one);
        return (high + 0.05) / (low + 0.05);
    };
    const faint = texts.map(text => [text.textContent, contrast(text)]).filter(([, found]) => !(found >= 4.5));
    return [texts.length, faint]";

#[test]
fn the_words_of_every_figure_stand_out_in_both_themes_and_its_ground_is_the_pages() {
    let (results, browser) = (results(), browser());
    for released in [&results.moments, &results.large, &results.effects, &results.funnel] {
        results.show(&browser, released);
        drawn(&browser);
        let shown = "getComputedStyle(document.querySelector('figure > .scroll')).boxShadow === 'none'";
        browser.until(shown);
        for theme in ["light", "dark"] {
            browser.prefer(theme);
            let found = browser.run(FAINT);
            assert!(found[0].as_u64().unwrap() > 8, "{found}");
            assert_eq!(found[1], json!([]), "{theme}");
        }
        browser.prefer("light");
    }
    results.show(&browser, &results.moments);
    inspect(&browser, "result-moments");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_result_of_twenty_figures_weighs_little_at_first() {
    let (results, browser) = (results(), browser());
    let server = results.server.running.url();
    for (name, released) in [("the noisy result", &results.noisy), ("the largest result", &results.large)] {
        results.choose(&browser, released);
        weighs_little(&browser, name, &server, send);
    }
    let titles = drawn(&browser);
    assert!(titles.len() >= 20, "{} figures: {titles:?}", titles.len());
    inspect(&browser, "result-large");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The intervals of the table that is shown, by statistic and group: how wide each is.
fn widths(browser: &Browser) -> Vec<(String, f64)> {
    let rows = "
        const names = [...document.querySelectorAll('main thead th')].map(one => one.textContent);
        const [from, to, group] = ['95 % from', 'to', 'Group'].map(name => names.indexOf(name));
        const rows = [...document.querySelectorAll('main tbody tr')].map(row => [...row.cells].map(cell => cell.textContent));
        return rows.filter(row => row[from] !== '' && row[to] !== '').map(row => [row[0] + ' ' + row[group], row[to] - row[from]]);";
    let rows = browser.run(rows);
    let row = |row: &Value| (row[0].as_str().unwrap().to_owned(), row[1].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn noise_is_said_in_words_and_widens_every_interval() {
    let (results, browser) = (results(), browser());
    let text = results.show(&browser, &results.exact);
    assert!(text.contains("Exact sums.") && !text.contains("Noise, standard deviation"), "{text}");
    let exact = widths(&browser);
    let text = results.show(&browser, &results.noisy);
    for says in [
        "Differential privacy with ε = 1",
        "noise in each released count has standard deviation",
        "Intervals and tests include it",
        "Noise, standard deviation",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let noisy = widths(&browser);
    let mut compared = 0;
    for (what, width) in &exact {
        if let Some((_, wider)) = noisy.iter().find(|(other, _)| other == what) {
            assert!(wider > width, "{what}: {wider} with noise, {width} without");
            compared += 1;
        }
    }
    assert!(compared >= 3, "{exact:?} {noisy:?}");
    inspect(&browser, "result-noisy");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
