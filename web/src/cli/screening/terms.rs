//! Whom a screening asks and what for, in the words of its page.

use std::collections::{BTreeMap, btree_map::Entry};

use circuits::{id::SchemaId, schema::Schema};
use market::data_use::demanded_in_words;
use node::{screening::ScreeningQuery, state::StateRead};

use crate::{Error, api::found, pages::words};

/// Says whom screenings ask. Many are of one schema, which is read once.
pub(super) struct InWords<'l, L: ?Sized> {
    ledger: &'l L,
    schemas: BTreeMap<SchemaId, Schema>,
}

impl<'l, L: StateRead + ?Sized> InWords<'l, L> {
    pub(super) const fn of(ledger: &'l L) -> Self {
        Self { ledger, schemas: BTreeMap::new() }
    }

    /// The lines that say whom a screening asks, whose records count, who can respond, for which purposes, and under which
    /// disease.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a schema that the ledger lacks, and those of the ledger.
    pub(super) fn lines(&mut self, screening: &ScreeningQuery) -> Result<Vec<String>, Error> {
        let schema = match self.schemas.entry(screening.schema) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let id = screening.schema;
                place.insert(found("schema", id, self.ledger.schema(id)?)?)
            }
        };
        lines(self.ledger, screening, schema)
    }
}

fn lines(
    ledger: &(impl StateRead + ?Sized),
    screening: &ScreeningQuery,
    schema: &Schema,
) -> Result<Vec<String>, Error> {
    let mut lines: Vec<String> = words::groups(&screening.criteria, schema)
        .iter()
        .enumerate()
        .map(
            |(place, group)| if place == 0 { format!("asks       {group}") } else { format!("           and {group}") },
        )
        .collect();
    if lines.is_empty() {
        lines.push("asks       everybody with a certified record".into());
    }
    for issuer in &screening.issuers {
        let name = ledger.issuer(*issuer)?.map(|party| party.name).filter(|name| !name.is_empty());
        let whose = name.map_or_else(|| issuer.to_string(), |name| format!("{name} ({issuer})"));
        lines.push(format!("records    of {whose}"));
    }
    if screening.issuers.is_empty() {
        lines.push("records    of every accredited issuer".into());
    }
    let data_use = screening.data_use;
    lines.extend(demanded_in_words(data_use.purposes).iter().map(|words| format!("from       {words}")));
    let purposes = words::purposes(data_use.purposes);
    lines.extend(purposes.iter().map(|purpose| format!("purpose    {} ({})", purpose.words, purpose.term)));
    let disease = words::disease(data_use.disease, None);
    lines
        .extend(disease.map(|words| {
            format!("disease    {words}; `locus query disease --number {}` says which", data_use.disease)
        }));
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use circuits::{
        consent::{Day, Purposes, Regions},
        criteria::{Clause, Criteria},
        id::StudyId,
        schema::{Attribute, Sensitivity, VariantPanel},
    };
    use node::{
        query::{DataUse, SealingKey},
        state::{StateKey, StateView},
        units::Amount,
    };

    use super::*;

    /// A ledger of schemas, and how often one was read.
    struct Schemas {
        by_key: BTreeMap<Vec<u8>, Vec<u8>>,
        reads: Cell<u32>,
    }

    impl StateView for Schemas {
        fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
            self.reads.set(self.reads.get() + 1);
            Ok(self.by_key.get(key).cloned())
        }
    }

    fn schema(attribute: &str) -> Schema {
        let panel = VariantPanel { build: "GRCh37".into(), variants: vec![] }.reference().unwrap();
        let attribute = Attribute {
            name: attribute.into(),
            unit: String::new(),
            coding: "test".into(),
            scale: 1,
            lo: 0,
            hi: 120,
            digits: 1,
            sensitivity: Sensitivity::Public,
        };
        Schema { name: "tests".into(), attributes: vec![attribute], panel }
    }

    fn screening(schema: SchemaId, least: u32) -> ScreeningQuery {
        let clause = Clause { attribute: 0, lo: least, hi: 65, negated: false };
        ScreeningQuery {
            study: StudyId::from_bytes([1; 32]),
            schema,
            criteria: Criteria { groups: vec![vec![clause]] },
            issuers: vec![],
            data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
            price: Amount::new(20),
            responses_max: 3,
            opening: Day(1),
            closing: Day(2),
            sealing: SealingKey::new(vec![8; 32]),
        }
    }

    #[test]
    fn the_schema_of_many_screenings_is_read_once_and_each_is_said_by_its_own() {
        let schemas = ["age", "weight"].map(schema);
        let [age, weight] = schemas.each_ref().map(|schema| schema.id().unwrap());
        let entry = |schema: &Schema| {
            (StateKey::Schema(schema.id().unwrap()).encode().unwrap(), borsh::to_vec(schema).unwrap())
        };
        let ledger = Schemas { by_key: schemas.iter().map(entry).collect(), reads: Cell::new(0) };
        let mut in_words = InWords::of(&ledger);
        let mut first = |schema, least| in_words.lines(&screening(schema, least)).unwrap().remove(0);
        let asked = [(age, 18), (weight, 40), (age, 21), (weight, 50)].map(|(schema, least)| first(schema, least));
        let [a, b, c, d] =
            ["age 18", "weight 40", "age 21", "weight 50"].map(|asks| format!("asks       {asks} to 65"));
        assert_eq!((asked, ledger.reads.get()), ([a, b, c, d], 2));
        let unknown = SchemaId::from_bytes([7; 32]);
        assert!(matches!(in_words.lines(&screening(unknown, 18)), Err(Error::NotFound { .. })));
    }
}
