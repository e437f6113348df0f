//! What a Beacon says of itself: information, configuration, entry types, map, filtering terms and its datasets.

use std::collections::BTreeMap;

use circuits::schema::Attribute;
use market::{
    beacon::{Beacon, Release},
    so_many,
};
use node::genesis::{Genesis, Network};
use serde_json::{Map, Value, json};

use super::{
    API_VERSION, Entry, Identity, ROOT, SPECIFICATION, answer, put, put_in,
    request::{Asked, Granularity},
};

/// What a description is made of.
pub(super) struct About<'a> {
    pub(super) identity: &'a Identity,
    pub(super) genesis: &'a Genesis,
    pub(super) beacon: &'a Beacon,
}

impl About<'_> {
    /// An informational answer around its content.
    fn informational(&self, schema: &str, response: Value) -> Value {
        let schemas = json!([{ "entityType": "info", "schema": schema }]);
        let meta = json!({ "beaconId": self.identity.beacon, "apiVersion": API_VERSION, "returnedSchemas": schemas });
        json!({ "meta": meta, "response": response })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{ROOT}/{path}", self.identity.public_url)
    }

    /// `/` and `/info`.
    pub(super) fn info(&self) -> Value {
        let floors = self.beacon.floors();
        self.informational(
            "beacon-info-v2.0.0",
            json!({
                "id": self.identity.beacon,
                "name": format!("Beacon of {}", self.genesis.name),
                "apiVersion": API_VERSION,
                "environment": environment(self.genesis.network),
                "organization": { "id": self.identity.beacon, "name": self.identity.organization,
                                  "welcomeUrl": self.identity.organization_url },
                "description": "Counts from released and verified sums of cohort queries. No record is held or read \
                                here, and no answer spends privacy.",
                "version": concat!("v", env!("CARGO_PKG_VERSION")),
                "welcomeUrl": self.identity.public_url,
                "info": { "datasets": self.beacon.releases().len(), "countMin": floors.count_min,
                          "exactReleases": floors.exact },
            }),
        )
    }

    /// `/service-info`.
    pub(super) fn service_info(&self) -> Value {
        json!({
            "id": self.identity.beacon,
            "name": format!("Beacon of {}", self.genesis.name),
            "type": { "group": "org.ga4gh", "artifact": "beacon", "version": API_VERSION },
            "description": "Counts from released sums of cohort queries, with their privacy noise.",
            "organization": { "name": self.identity.organization, "url": self.identity.organization_url },
            "environment": environment(self.genesis.network),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }

    /// `/configuration`.
    pub(super) fn configuration(&self) -> Value {
        let status = match self.genesis.network {
            Network::Demo => "DEV",
            Network::Test => "TEST",
            Network::Consortium => "PROD",
        };
        self.informational(
            "beacon-configuration-v2.0.0",
            json!({
                "$schema": format!("{SPECIFICATION}/framework/json/configuration/beaconConfigurationSchema.json"),
                "maturityAttributes": { "productionStatus": status },
                "securityAttributes": { "defaultGranularity": "count", "securityLevels": ["PUBLIC"] },
                "entryTypes": entry_types(),
            }),
        )
    }

    /// `/entry_types`.
    pub(super) fn entry_types(&self) -> Value {
        self.informational("beacon-entry-types-v2.0.0", json!({ "entryTypes": entry_types() }))
    }

    /// `/map`.
    pub(super) fn map(&self) -> Value {
        let endpoints = Entry::ALL.map(|entry| {
            let set = json!({
                "entryType": entry.name(),
                "rootUrl": self.url(entry.path()),
                "openAPIEndpointsDefinition": format!("{}/openapi.json", self.identity.public_url),
            });
            (entry.name().to_owned(), set)
        });
        self.informational(
            "beacon-map-v2.0.0",
            json!({
                "$schema": format!("{SPECIFICATION}/framework/json/configuration/beaconMapSchema.json"),
                "endpointSets": Map::from_iter(endpoints),
            }),
        )
    }

    /// `/filtering_terms`: what filters can name, a page of them.
    pub(super) fn filtering_terms(&self, asked: &Asked) -> Value {
        let terms: BTreeMap<&str, Value> =
            self.beacon.attributes().map(|attribute| (attribute.name.as_str(), term(attribute))).collect();
        let page = asked.page.of(terms.into_values());
        self.informational("beacon-filtering-terms-v2.0.0", json!({ "filteringTerms": page, "resources": [] }))
    }

    /// `/datasets`: the releases, a page of them. They are public, so they are told in full unless less is asked for.
    pub(super) fn datasets(&self, asked: &Asked) -> Value {
        let returned = asked.granularity.unwrap_or(Granularity::Record);
        let asked_for = || self.beacon.releases().filter(|release| asked.asks(release.query()));
        let count = asked_for().count();
        let mut answer = json!({
            "meta": answer::meta(&self.identity.beacon, Some(Entry::Dataset), asked, returned),
            "responseSummary": { "exists": count > 0 },
        });
        if returned != Granularity::Boolean {
            put_in(&mut answer, "responseSummary", "numTotalResults", json!(count));
        }
        if returned == Granularity::Record {
            let page = asked.page.of(asked_for());
            put(&mut answer, "response", json!({ "collections": page.into_iter().map(dataset).collect::<Vec<_>>() }));
        }
        answer
    }
}

/// `/service-info` of the node.
pub(super) fn node_service_info(identity: &Identity, genesis: &Genesis) -> Value {
    json!({
        "id": identity.node,
        "name": format!("Locus node of {}", genesis.name),
        "type": { "group": "locus", "artifact": "node", "version": env!("CARGO_PKG_VERSION") },
        "description": "A node of a Locus network: the ledger of cohort queries, and blobs.",
        "organization": { "name": identity.organization, "url": identity.organization_url },
        "environment": environment(genesis.network),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

const fn environment(network: Network) -> &'static str {
    match network {
        Network::Demo => "dev",
        Network::Test => "test",
        Network::Consortium => "prod",
    }
}

fn entry_types() -> Value {
    Value::Object(Map::from_iter(Entry::ALL.map(|entry| (entry.name().to_owned(), entry.definition()))))
}

fn term(attribute: &Attribute) -> Value {
    let mut term = json!({
        "type": "alphanumeric",
        "id": attribute.name,
        "label": if attribute.unit.is_empty() { attribute.name.clone() } else {
            format!("{} in {}", attribute.name, attribute.unit)
        },
        "scopes": [Entry::Individual.name(), Entry::GenomicVariant.name()],
    });
    let meanings = attribute.coding.split(',').filter_map(|meaning| meaning.split_once('='));
    let values: Vec<_> = meanings.map(|(_, word)| word.trim()).filter(|word| !word.is_empty()).collect();
    if !values.is_empty() {
        put(&mut term, "values", json!(values));
    }
    term
}

fn dataset(release: &Release) -> Value {
    json!({
        "id": release.query(),
        "name": release.title(),
        "description": format!(
            "A released cohort query of the study {:?}: {}, {}.",
            release.title(),
            so_many(release.contributions(), "certified record", "certified records"),
            so_many(release.variants(), "variant", "variants")
        ),
        "info": {
            "query": release.query(),
            "study": release.study(),
            "schema": release.schema().name,
            "assembly": release.schema().panel.build,
            "records": release.contributions(),
            "epsilonThousandths": release.epsilon(),
            "countPrecision": if release.epsilon().is_some() { "imprecise" } else { "exact" },
        },
    })
}
