//! From a draft to a query file, with an error for each field that means nothing yet.

use std::{collections::BTreeMap, str::FromStr};

use circuits::{consent::Regions, schema::Schema};
use market::{
    data_use::{DeclaredUse, RegionTable},
    query::{Measure, NamedAxis, NamedClause, Privacy, QueryFile, VariantRange},
};

use super::{
    diseases,
    draft::{AxisDraft, ClauseDraft, Draft, MeasureDraft},
    statistic::shape,
};

/// What is wrong, by the name of the field.
pub(super) type FieldErrors = BTreeMap<String, String>;

/// Reads fields and keeps what is wrong with them.
struct Reader<'s> {
    schema: Option<&'s Schema>,
    errors: FieldErrors,
}

impl Reader<'_> {
    fn wrong(&mut self, field: &str, why: impl Into<String>) {
        self.errors.entry(field.into()).or_insert_with(|| why.into());
    }

    /// A field's value, or a stand-in that the error keeps from being used.
    fn parsed<T: FromStr + Default>(&mut self, field: &str, text: &str, expected: &str) -> T {
        if let Ok(value) = text.trim().parse() {
            return value;
        }
        let found = if text.trim().is_empty() { "it is empty".into() } else { format!("{:?} is none", text.trim()) };
        self.wrong(field, format!("Give {expected}; {found}."));
        T::default()
    }

    fn whole<T: FromStr + Default>(&mut self, field: &str, text: &str) -> T {
        self.parsed(field, text, "a whole number, such as 100")
    }

    fn real(&mut self, field: &str, text: &str) -> f64 {
        let value: f64 = self.parsed(field, text, "a number, such as 40 or 54.3");
        if !value.is_finite() {
            self.wrong(field, "Give a number, such as 40 or 54.3.");
        }
        value
    }

    /// An attribute that the schema has is one; what is written as variants are is a variant.
    fn subject(&mut self, field: &str, text: &str) -> (Option<String>, Option<String>) {
        let text = text.trim();
        if text.is_empty() {
            self.wrong(field, "Name an attribute, or a variant as 22:16050612 C>G.");
        }
        let known = self.schema.is_some_and(|schema| schema.attribute_index(text).is_some());
        if !known && text.contains(':') && text.contains('>') {
            (None, Some(text.into()))
        } else {
            (Some(text.into()), None)
        }
    }

    /// Groups of which each must hold, and behind them one group of its own for each clause of which none must.
    fn groups(&mut self, list: &str, groups: &[Vec<ClauseDraft>], excluded: &[ClauseDraft]) -> Vec<Vec<NamedClause>> {
        let mut named = vec![];
        for (group, clauses) in groups.iter().enumerate() {
            let filled = clauses.iter().enumerate().filter(|(_, clause)| !clause.is_blank());
            let clauses: Vec<_> =
                filled.map(|(place, clause)| self.clause(&format!("{list}.{group}.{place}"), clause)).collect();
            if !clauses.is_empty() {
                named.push(clauses);
            }
        }
        for (place, clause) in excluded.iter().enumerate().filter(|(_, clause)| !clause.is_blank()) {
            let clause = self.clause(&format!("{list}.not.{place}"), clause);
            named.push(vec![NamedClause { negated: true, ..clause }]);
        }
        named
    }

    fn clause(&mut self, field: &str, draft: &ClauseDraft) -> NamedClause {
        let (attribute, variant) = self.subject(&format!("{field}.subject"), &draft.subject);
        let whole = self.range(attribute.as_deref());
        let open = |bound: &str, other: &str| bound.trim().is_empty() && !other.trim().is_empty();
        // What is left open on one side reaches as far as the attribute does.
        let lo = match whole.filter(|_| open(&draft.lo, &draft.hi)) {
            Some((least, _)) => least,
            None => self.real(&format!("{field}.lo"), &draft.lo),
        };
        let hi = match whole.filter(|_| open(&draft.hi, &draft.lo)) {
            Some((_, greatest)) => greatest,
            None => self.real(&format!("{field}.hi"), &draft.hi),
        };
        NamedClause { attribute, variant, lo, hi, negated: draft.negated }
    }

    /// The least and the greatest value of an attribute of the schema, or of a dosage.
    fn range(&self, attribute: Option<&str>) -> Option<(f64, f64)> {
        let Some(name) = attribute else { return Some((0.0, 2.0)) };
        let attribute = self.schema?.attributes.iter().find(|attribute| attribute.name == name)?;
        let measured = |stored: u32| f64::from(stored) / f64::from(attribute.scale.max(1));
        Some((measured(attribute.lo), measured(attribute.hi)))
    }

    /// An axis; `None` when nothing was filled in.
    fn axis(&mut self, field: &str, draft: &AxisDraft) -> Option<NamedAxis> {
        let AxisDraft { subject, cuts, lo, width, count } = draft;
        let filled = |text: &String| !text.trim().is_empty();
        let (cut, binned) = (filled(cuts), [lo, width, count].into_iter().any(filled));
        if !filled(subject) && !cut && !binned {
            return None;
        }
        let (attribute, variant) = self.subject(&format!("{field}.subject"), subject);
        if let Some(variant) = variant {
            return Some(NamedAxis::Variant { variant });
        }
        let attribute = attribute.unwrap_or_default();
        if cut && binned {
            self.wrong(&format!("{field}.cuts"), "Give either cuts or equal cells, and leave the other empty.");
        }
        if binned {
            return Some(NamedAxis::Bins {
                attribute,
                lo: self.real(&format!("{field}.lo"), lo),
                width: self.real(&format!("{field}.width"), width),
                count: self.whole(&format!("{field}.count"), count),
            });
        }
        let name = format!("{field}.cuts");
        let cuts = cuts.split([',', ';', ' ']).filter(|text| !text.trim().is_empty());
        let cuts: Vec<f64> = cuts.map(|text| self.real(&name, text)).collect();
        if cuts.is_empty() {
            self.wrong(&name, "Say where groups begin, such as 40, 60; or give equal cells.");
        }
        Some(NamedAxis::Cuts { attribute, cuts })
    }

    fn measure(&mut self, field: &str, draft: &MeasureDraft) -> Measure {
        let shape = shape(&draft.statistic);
        let mut axes: Vec<Option<NamedAxis>> = vec![];
        for (place, axis) in draft.axes.iter().enumerate().take(shape.axes.len()) {
            axes.push(self.axis(&format!("{field}.axis.{place}"), axis));
        }
        let mut taken = axes.into_iter();
        let mut next = move || taken.next().flatten();
        let attribute = draft.attribute.trim().to_owned();
        if shape.attribute.is_some() && attribute.is_empty() {
            self.wrong(&format!("{field}.attribute"), "Name an attribute.");
        }
        let attributes = draft.attributes.clone();
        if shape.attributes.is_some() && attributes.is_empty() {
            self.wrong(&format!("{field}.attributes"), "Choose one at least.");
        }
        match shape.name {
            "funnel" => Measure::Funnel { by: all(next) },
            "histogram" => Measure::Histogram { of: self.needed(field, 0, next()) },
            "contingency" => Measure::Contingency {
                rows: self.needed(field, 0, next()),
                columns: self.needed(field, 1, next()),
                strata: next(),
            },
            "moments" => Measure::Moments { attributes, by: all(next) },
            "comparison" => Measure::Comparison { attribute, groups: self.needed(field, 0, next()) },
            "regression" => Measure::Regression { outcome: attribute, predictors: attributes },
            "survival" => Measure::Survival {
                time: self.needed(field, 0, next()),
                event: self.needed(field, 1, next()),
                groups: next(),
                horizon: (!draft.horizon.trim().is_empty())
                    .then(|| self.real(&format!("{field}.horizon"), &draft.horizon)),
            },
            "allele_frequencies" => Measure::AlleleFrequencies { variants: self.variants(field, draft), by: all(next) },
            "association" => {
                Measure::Association { variants: self.variants(field, draft), cases: self.needed(field, 0, next()) }
            }
            _ => Measure::Count { by: all(next) },
        }
    }

    /// The use, declared in one of two ways.
    fn declared_use(&mut self, draft: &Draft) -> (Option<DeclaredUse>, RegionTable) {
        let declared = !draft.data_use.trim().is_empty();
        if declared != draft.purposes.is_empty() {
            let both = "Choose purposes, or declare the use in terms of the Data Use Ontology; not both.";
            let none = "Choose one purpose at least; each contributor's consent must allow every one.";
            self.wrong("purpose", if declared { both } else { none });
        }
        let declared = declared.then(|| DeclaredUse::from_toml("the declared use", &draft.data_use));
        let data_use = declared.transpose().unwrap_or_else(|error| {
            self.wrong("data_use", error.to_string());
            None
        });
        let region_table = draft.region_table.parse().unwrap_or_else(|error: market::Error| {
            self.wrong("region_table", error.to_string());
            RegionTable::default()
        });
        (data_use, region_table)
    }

    /// The regions chosen. A use that is declared in terms says its countries itself.
    fn regions(&mut self, draft: &Draft) -> Regions {
        let is_declared = !draft.data_use.trim().is_empty();
        if draft.regions == Regions(0) && !is_declared {
            self.wrong("region", "Choose one region at least; each contributor's consent must allow every one.");
        }
        if is_declared && draft.regions == Regions(0) { Draft::new().regions } else { draft.regions }
    }

    fn disease(&mut self, text: &str) -> u32 {
        diseases::number(text).unwrap_or_else(|why| {
            self.wrong("disease", why);
            0
        })
    }

    fn needed(&mut self, field: &str, place: usize, axis: Option<NamedAxis>) -> NamedAxis {
        axis.unwrap_or_else(|| {
            self.wrong(&format!("{field}.axis.{place}.subject"), "Name an attribute, or a variant.");
            NamedAxis::Variant { variant: String::new() }
        })
    }

    fn variants(&mut self, field: &str, draft: &MeasureDraft) -> VariantRange {
        let filled = |text: &String| !text.trim().is_empty();
        let first = if filled(&draft.first) { self.whole(&format!("{field}.first"), &draft.first) } else { 0 };
        let count = filled(&draft.count).then(|| self.whole(&format!("{field}.count"), &draft.count));
        let region = filled(&draft.region).then(|| draft.region.trim().to_owned());
        if region.is_some() && (filled(&draft.first) || count.is_some()) {
            self.wrong(&format!("{field}.region"), "Give either a region or numbers, and leave the other empty.");
        }
        VariantRange { first, count, region }
    }
}

fn all(next: impl FnMut() -> Option<NamedAxis>) -> Vec<NamedAxis> {
    let mut next = next;
    // Blank groupings between filled ones are passed over: there are three at most.
    (0..circuits::layout::AXES_MAX).filter_map(|_| next()).collect()
}

/// The query file that a draft means.
///
/// # Errors
/// What is wrong with each field.
pub(super) fn of_draft(draft: &Draft, schema: Option<&Schema>) -> Result<QueryFile, FieldErrors> {
    let mut reader = Reader { schema, errors: FieldErrors::new() };
    let (study, schema) = (draft.study.trim().parse(), draft.schema.trim().parse());
    if study.is_err() {
        reader.wrong("study", "Choose a study; `locus study register` makes one.");
    }
    if schema.is_err() {
        reader.wrong("schema", "Choose a schema.");
    }
    let (data_use, region_table) = reader.declared_use(draft);
    let criteria = reader.groups("c", &draft.criteria, &draft.criteria_not);
    let matching = reader.groups("m", &draft.matching, &draft.matching_not);
    let issuers = draft.issuers.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>();
    let issuers = issuers.unwrap_or_else(|error| {
        reader.wrong("issuers", format!("Give accounts, one on each line: {error}."));
        vec![]
    });
    let privacy = if draft.exact { Privacy::Exact } else { Privacy::Epsilon(reader.real("epsilon", &draft.epsilon)) };
    if draft.measures.is_empty() {
        reader.wrong("measures", "Add something to measure.");
    }
    let measures = draft.measures.iter().enumerate();
    let measures = measures.map(|(place, measure)| reader.measure(&format!("q.{place}"), measure)).collect();
    let file = QueryFile {
        study: study.unwrap_or_else(|_| circuits::id::StudyId::from_bytes([0; 32])),
        schema: schema.unwrap_or_else(|_| circuits::id::SchemaId::from_bytes([0; 32])),
        criteria,
        matching,
        issuers,
        privacy,
        measures,
        purposes: draft.purposes.iter().cloned().collect(),
        disease: reader.disease(&draft.disease),
        regions: reader.regions(draft).0,
        data_use,
        region_table,
        price: reader.whole("price", &draft.price),
        contributions_min: reader.whole("contributions_min", &draft.contributions_min),
        contributions_max: reader.whole("contributions_max", &draft.contributions_max),
        days: reader.whole("days", &draft.days),
        aggregate_blocks_max: reader.whole("aggregate_blocks_max", &draft.aggregate_blocks_max),
        release_blocks_max: reader.whole("release_blocks_max", &draft.release_blocks_max),
    };
    if reader.errors.is_empty() { Ok(file) } else { Err(reader.errors) }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use circuits::{
        id::Digest,
        schema::{Attribute, PanelReference, Sensitivity},
    };

    use super::{
        super::back::{to_draft, to_groups},
        *,
    };
    use crate::regions::numbers;

    #[test]
    fn every_example_query_survives_the_form() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries");
        let mut seen = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let file = QueryFile::open(&entry.unwrap().path()).unwrap();
            assert_eq!(of_draft(&to_draft(&file).unwrap(), None).unwrap(), file);
            seen += 1;
        }
        assert_eq!(seen, 11, "one example for each statistic, and one in JSON too");
    }

    #[test]
    fn a_declared_use_survives_the_form_and_is_refused_beside_purposes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries/comparison.toml");
        let mut file = QueryFile::open(&path).unwrap();
        let declared = file.data_use.as_mut().unwrap();
        declared.disease = Some("ICD10:E11.9".parse().unwrap());
        declared.countries = ["CH", "AT"].map(|code| code.parse().unwrap()).into();
        declared.research_kinds = ["sleep".parse().unwrap()].into();
        declared.ethics_approval = Some("REC \"7\"".into());
        file.region_table = "CH\nAT DE".parse().unwrap();
        let draft = to_draft(&file).unwrap();
        assert_eq!(of_draft(&draft, None).unwrap(), file);
        let both = Draft { purposes: ["methods".to_owned()].into(), ..draft.clone() };
        assert!(of_draft(&both, None).unwrap_err()["purpose"].contains("not both"));
        let wrong = Draft { data_use: "purpose = 1".into(), region_table: "CH\nCH".into(), ..draft };
        let errors = of_draft(&wrong, None).unwrap_err();
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["data_use", "region_table"]);
    }

    #[test]
    fn every_region_chosen_survives_the_form() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries/survival.toml");
        let file = QueryFile { regions: 0b1000_0000_0000_0000_0000_0000_0000_0101, ..QueryFile::open(&path).unwrap() };
        let draft = to_draft(&file).unwrap();
        let fields: Vec<_> = numbers(draft.regions).map(|number| ("region".to_owned(), number.to_string())).collect();
        assert_eq!(fields.iter().map(|(_, number)| number.as_str()).collect::<Vec<_>>(), ["1", "3", "32"]);
        let sent = Draft { regions: Draft::of_fields(&fields).regions, ..draft };
        assert_eq!(of_draft(&sent, None).unwrap(), file);
        let nonsense = ["0", "33", "", "Basel", "1 "].map(|text| ("region".to_owned(), text.to_owned()));
        assert_eq!(Draft::of_fields(&nonsense).regions, Regions(0));
    }

    #[test]
    fn what_means_nothing_is_named_by_its_field() {
        let mut draft = Draft { regions: Regions(0), ..Draft::new() };
        draft.price = "a lot".into();
        draft.criteria = vec![vec![ClauseDraft { lo: "4".into(), ..ClauseDraft::default() }]];
        draft.purposes.clear();
        draft.measures[0].axes[0] =
            AxisDraft { subject: "age".into(), cuts: "40".into(), lo: "0".into(), ..AxisDraft::default() };
        let errors = of_draft(&draft, None).unwrap_err();
        let fields: Vec<&str> = errors.keys().map(String::as_str).collect();
        let expected = [
            "c.0.0.hi",
            "c.0.0.subject",
            "price",
            "purpose",
            "q.0.axis.0.count",
            "q.0.axis.0.cuts",
            "q.0.axis.0.width",
            "region",
            "schema",
            "study",
        ];
        assert_eq!(fields, expected);
        assert!(errors["price"].contains("a lot"), "{errors:?}");
    }

    #[test]
    fn repro_a_bound_that_is_left_empty_reaches_as_far_as_the_attribute_and_blank_clauses_mean_nothing() {
        let bmi = Attribute {
            name: "bmi".into(),
            unit: "kg/m2".into(),
            coding: String::new(),
            scale: 10,
            lo: 50,
            hi: 1_200,
            digits: 2,
            sensitivity: Sensitivity::Public,
        };
        let panel = PanelReference { build: "GRCh38".into(), variants: 0, digest: Digest::from_bytes([0; 32]) };
        let schema = Schema { name: "ours".into(), attributes: vec![bmi], panel };
        let read = |schema, clause: ClauseDraft| {
            let mut reader = Reader { schema, errors: FieldErrors::new() };
            let blank = vec![ClauseDraft::default()];
            let groups = reader.groups("c", &[vec![ClauseDraft::default(), clause], blank], &[]);
            assert_eq!((groups.len(), groups[0].len()), (1, 1));
            (groups[0][0].lo, groups[0][0].hi, reader.errors.into_keys().collect::<Vec<_>>())
        };
        let none = Vec::<String>::new;
        assert_eq!(read(Some(&schema), interval("bmi", "30", "")), (30.0, 120.0, none()));
        assert_eq!(read(Some(&schema), interval("bmi", "", "30")), (5.0, 30.0, none()));
        assert_eq!(read(Some(&schema), interval("22:16050612 C>G", "1", "")), (1.0, 2.0, none()));
        assert_eq!(read(Some(&schema), interval("bmi", "30", "30")), (30.0, 30.0, none()));
        assert_eq!(read(Some(&schema), interval("bmi", "", "")).2, ["c.0.1.hi", "c.0.1.lo"]);
        assert_eq!(read(None, interval("bmi", "30", "")).2, ["c.0.1.hi"]);
    }

    fn interval(subject: &str, lo: &str, hi: &str) -> ClauseDraft {
        ClauseDraft { subject: subject.into(), lo: lo.into(), hi: hi.into(), negated: false }
    }

    #[test]
    fn what_is_excluded_is_one_negated_group_for_each_condition_and_comes_back_as_it_was() {
        let mut reader = Reader { schema: None, errors: FieldErrors::new() };
        let excluded = [interval("bmi", "30", "99"), ClauseDraft::default(), interval("22:16050612 C>G", "1", "2")];
        let groups = reader.groups("m", &[vec![interval("age", "18", "65")]], &excluded);
        assert!(reader.errors.is_empty());
        let said: Vec<_> = groups.iter().map(|group| (group.len(), group[0].negated, group[0].lo)).collect();
        assert_eq!(said, [(1, false, 18.0), (1, true, 30.0), (1, true, 1.0)]);
        let (included, back) = to_groups(&groups);
        assert_eq!((included.len(), back.as_slice()), (1, [excluded[0].clone(), excluded[2].clone()].as_slice()));
        reader.groups("m", &[], &[interval("bmi", "much", "")]);
        assert!(reader.errors.contains_key("m.not.0.lo"), "{:?}", reader.errors);
    }

    #[test]
    fn groups_come_back_in_their_order_wherever_the_negated_ones_stand() {
        let of = |negated| NamedClause { negated, ..named_clause() };
        for groups in [
            vec![vec![of(true)], vec![of(false)], vec![of(true)]],
            vec![vec![of(true)], vec![of(true)]],
            vec![vec![of(true), of(true)]],
            vec![vec![of(false)], vec![of(true), of(false)]],
        ] {
            let mut reader = Reader { schema: None, errors: FieldErrors::new() };
            let (included, excluded) = to_groups(&groups);
            assert_eq!(reader.groups("c", &included, &excluded), groups);
        }
    }

    fn named_clause() -> NamedClause {
        NamedClause { attribute: Some("age".into()), variant: None, lo: 1.0, hi: 2.0, negated: false }
    }
}
