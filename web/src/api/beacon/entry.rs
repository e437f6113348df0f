//! The entry types that are served, as the Beacon default model names and defines them.

use serde_json::{Value, json};

use super::{SPECIFICATION, put};

/// An entry type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// People.
    Individual,
    /// Variants.
    GenomicVariant,
    /// Releases.
    Dataset,
}

impl Entry {
    pub(super) const ALL: [Self; 3] = [Self::Individual, Self::GenomicVariant, Self::Dataset];

    /// Its id in the default model.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::GenomicVariant => "genomicVariant",
            Self::Dataset => "dataset",
        }
    }

    /// Its endpoint below the root.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Individual => "individuals",
            Self::GenomicVariant => "g_variants",
            Self::Dataset => "datasets",
        }
    }

    const fn schema(self) -> &'static str {
        match self {
            Self::Individual => "ga4gh-beacon-individual-v2.0.0",
            Self::GenomicVariant => "ga4gh-beacon-variant-v2.0.0",
            Self::Dataset => "ga4gh-beacon-dataset-v2.0.0",
        }
    }

    /// What an answer says of the schema of its entries.
    pub(super) fn returned_schema(self) -> Value {
        json!({ "entityType": self.name(), "schema": self.schema() })
    }

    /// Its definition in the configuration.
    pub(super) fn definition(self) -> Value {
        let (name, term, folder) = match self {
            Self::Individual => ("Individual", ("NCIT:C25190", "Person"), "individuals"),
            Self::GenomicVariant => ("Genomic Variants", ("ENSGLOSSARY:0000092", "Variant"), "genomicVariations"),
            Self::Dataset => ("Dataset", ("NCIT:C47824", "Data set"), "datasets"),
        };
        let mut definition = json!({
            "id": self.name(),
            "name": name,
            "ontologyTermForThisType": { "id": term.0, "label": term.1 },
            "partOfSpecification": "Beacon v2.0.0",
            "defaultSchema": {
                "id": self.schema(),
                "name": format!("Default schema of {}", self.name()),
                "referenceToSchemaDefinition":
                    format!("{SPECIFICATION}/models/json/beacon-v2-default-model/{folder}/defaultSchema.json"),
                "schemaVersion": "v2.0.0",
            },
            "additionallySupportedSchemas": [],
            "nonFilteredQueriesAllowed": true,
        });
        if self == Self::Dataset {
            let held = [Self::Individual, Self::GenomicVariant]
                .map(|entry| json!({ "id": entry.name(), "name": entry.path() }));
            put(&mut definition, "aCollectionOf", json!(held));
        }
        definition
    }
}
