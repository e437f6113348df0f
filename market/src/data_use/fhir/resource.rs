//! The elements of a FHIR R4 Consent that data use terms are read from and written to (hl7.org/fhir/R4/consent.html).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Scopes of consents.
pub(super) const SCOPES: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
/// Categories of consents.
pub(super) const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/consentcategorycodes";
/// Policies, of which `OPTIN` gives consent and `OPTOUT` withholds it.
pub(super) const ACT_CODES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// Purposes of use.
pub(super) const ACT_REASONS: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
/// What may be done with data.
pub(super) const ACTIONS: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
/// The Data Use Ontology.
pub(super) const DUO: &str = "http://purl.obolibrary.org/obo/duo.owl";
/// Countries.
pub(super) const ISO_3166: &str = "urn:iso:std:iso:3166";

/// The code systems of diseases, with the prefix of their compact identifiers.
pub(super) const DISEASE_SYSTEMS: [(&str, &str); 8] = [
    ("http://hl7.org/fhir/sid/icd-10", "ICD10"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM"),
    ("http://snomed.info/sct", "SNOMED"),
    ("http://purl.obolibrary.org/obo/mondo.owl", "MONDO"),
    ("http://purl.obolibrary.org/obo/doid.owl", "DOID"),
    ("http://human-phenotype-ontology.org", "HP"),
    ("http://www.orpha.net", "ORPHA"),
    ("http://www.omim.org", "OMIM"),
];

/// A code of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Coding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<String>,
}

impl Coding {
    pub(super) fn new(system: &str, code: &str) -> Self {
        Self { system: Some(system.into()), code: Some(code.into()), display: None }
    }

    pub(super) fn is(&self, system: &str, code: &str) -> bool {
        self.system.as_deref() == Some(system) && self.code.as_deref() == Some(code)
    }
}

/// A concept with its codes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CodeableConcept {
    #[serde(default)]
    pub(super) coding: Vec<Coding>,
}

/// A time with its ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Period {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<String>,
}

/// An extension that nobody may pass over: a condition of DUO under the IRI of its term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ModifierExtension {
    pub(super) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_boolean: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_string: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_coding: Option<Coding>,
}

/// What the rules of a consent hold for. Whatever is not named here is in `others`, and refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provision {
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<Period>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) action: Vec<CodeableConcept>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) purpose: Vec<Coding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) modifier_extension: Vec<ModifierExtension>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) provision: Vec<Provision>,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

/// A Consent resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Consent {
    pub(super) resource_type: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) scope: CodeableConcept,
    #[serde(default)]
    pub(super) category: Vec<CodeableConcept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) date_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy_rule: Option<CodeableConcept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provision: Option<Provision>,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}
