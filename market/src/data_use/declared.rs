//! What a query declares of its use, and what it demands of consents for it.

use std::collections::BTreeSet;

use circuits::{
    consent::{Day, Purposes},
    id::{AccountId, StudyId},
};
use node::query::DataUse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Country, DiseaseCode, DiseaseHierarchy, Name, RegionTable, calendar_day, refused, terms::NAMES_MAX};
use crate::{Error, passport::VerifiedVisa};

/// What a study is for: the narrowest that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Research on the one disease named (DUO:0000007).
    DiseaseSpecific,
    /// Health, medical or biomedical research (DUO:0000006).
    HealthResearch,
    /// Population origins or ancestry research (DUO:0000011).
    Ancestry,
    /// Research of any other kind (DUO:0000042).
    GeneralResearch,
    /// Clinical use and care (DUO:0000043).
    ClinicalCare,
    /// A use that is no research (DUO:0000004).
    AnyUse,
}

impl Purpose {
    /// The bit that a consent must have.
    #[must_use]
    pub const fn bit(self) -> Purposes {
        match self {
            Self::DiseaseSpecific => Purposes::DISEASE_SPECIFIC,
            Self::HealthResearch => Purposes::HEALTH_RESEARCH,
            Self::Ancestry => Purposes::ANCESTRY,
            Self::GeneralResearch => Purposes::GENERAL_RESEARCH,
            Self::ClinicalCare => Purposes::CLINICAL_CARE,
            Self::AnyUse => Purposes::ANY_USE,
        }
    }
}

/// What a query says of its use, in the terms of the Data Use Ontology. What it does not promise counts as not
/// promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredUse {
    /// What the study is for.
    pub purpose: Purpose,
    /// The disease studied, such as `ICD10:E11.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub disease: Option<DiseaseCode>,
    /// The disease that consents are asked for: the one studied, or one that it lies within. A proof compares codes, so
    /// consents for `ICD10:E11` answer a study of E11.9 that asks under E11.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub asks_under: Option<DiseaseCode>,
    /// Whether methods are developed (DUO:0000015).
    pub methods: bool,
    /// Whether a for-profit organisation uses the result (DUO:0000018, DUO:0000045).
    pub for_profit: bool,
    /// Whether the use is commercial (DUO:0000018, DUO:0000046).
    pub commercial: bool,
    /// Whether genotypes are read (DUO:0000016).
    pub genetic: bool,
    /// Reference of the ethics committee's approval (DUO:0000021).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethics_approval: Option<String>,
    /// Whether results will be made available to others (DUO:0000019).
    #[serde(default)]
    pub publishes: bool,
    /// The day before which nothing is published, as a date (DUO:0000024).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishes_from: Option<String>,
    /// Whether the primary investigators take part (DUO:0000020).
    #[serde(default)]
    pub collaborates: bool,
    /// Whether derived data goes back to the resource (DUO:0000029).
    #[serde(default)]
    pub returns_results: bool,
    /// Countries of use by ISO 3166-1 (DUO:0000022); none means anywhere.
    #[serde(default)]
    #[schemars(with = "BTreeSet<String>")]
    pub countries: BTreeSet<Country>,
    /// Kinds of research (DUO:0000012).
    #[serde(default)]
    #[schemars(with = "BTreeSet<String>")]
    pub research_kinds: BTreeSet<Name>,
    /// Institutions that use the result (DUO:0000028).
    #[serde(default)]
    #[schemars(with = "BTreeSet<String>")]
    pub institutions: BTreeSet<Name>,
}

impl DeclaredUse {
    /// Reads TOML; `name` says whose in errors.
    ///
    /// # Errors
    /// [`Error::DataUse`] when it declares no use.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| refused(format!("{name}: {error}")))
    }

    /// The declaration as TOML, which [`DeclaredUse::from_toml`] reads back.
    ///
    /// # Errors
    /// [`Error::DataUse`] for what TOML cannot hold.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| refused(format!("it cannot be written as TOML: {error}")))
    }

    /// The code that the query asks under.
    #[must_use]
    pub fn asked_disease(&self) -> Option<&DiseaseCode> {
        self.asks_under.as_ref().or(self.disease.as_ref())
    }

    /// The reference of the approval, if there is one.
    #[must_use]
    pub fn approval(&self) -> Option<&str> {
        self.ethics_approval.as_deref().map(str::trim).filter(|reference| !reference.is_empty())
    }

    /// Checks that the declaration holds together, and that the disease studied lies within the one asked under.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a code asked under that the disease does not lie within, and as
    /// [`DeclaredUse::check_itself`].
    pub fn check(&self, hierarchy: &DiseaseHierarchy) -> Result<(), Error> {
        if let (Some(disease), Some(wider)) = (&self.disease, &self.asks_under)
            && !hierarchy.is_within(disease, wider)
        {
            let why = format!(
                "{disease} does not lie within {wider}, which the query asks under; name the disease itself, or give the \
                 ontology that says so with --ontology"
            );
            return Err(refused(why));
        }
        self.check_itself()
    }

    /// Checks what needs no ontology.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a study of one disease that names none, a disease asked under and none studied, a date
    /// that is none, and lists beyond [`NAMES_MAX`].
    pub fn check_itself(&self) -> Result<(), Error> {
        if self.purpose == Purpose::DiseaseSpecific && self.disease.is_none() {
            return Err(refused(
                "a disease-specific study names its disease; add it, such as disease = \"ICD10:E11.9\"".into(),
            ));
        }
        if self.disease.is_none() && self.asks_under.is_some() {
            return Err(refused("it asks under a disease and studies none; name it as disease".into()));
        }
        let longest = [self.research_kinds.len(), self.institutions.len(), self.countries.len()].into_iter().max();
        if longest > Some(NAMES_MAX) {
            return Err(refused(format!("a list has at most {NAMES_MAX} entries")));
        }
        self.first_publication().map(drop)
    }

    /// The day before which nothing is published.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a date that is none.
    pub fn first_publication(&self) -> Result<Option<Day>, Error> {
        self.publishes_from.as_deref().map(calendar_day).transpose()
    }

    /// The bits that a consent must have.
    #[must_use]
    pub fn purposes(&self) -> Purposes {
        let facts = [
            (self.methods, Purposes::METHODS),
            (self.for_profit, Purposes::COMMERCIAL),
            (self.commercial, Purposes::COMMERCIAL_USE),
            (!self.genetic, Purposes::WITHOUT_GENOTYPES),
            (self.approval().is_none(), Purposes::WITHOUT_ETHICS_APPROVAL),
            (!self.publishes, Purposes::WITHOUT_PUBLICATION),
            (!self.collaborates, Purposes::WITHOUT_COLLABORATION),
            (!self.returns_results, Purposes::WITHOUT_RETURN),
        ];
        let demanded = facts.into_iter().filter(|(holds, _)| *holds);
        demanded.fold(self.purpose.bit(), |bits, (_, bit)| bits.union(bit))
    }

    /// What the query demands on the ledger under a network's regions.
    #[must_use]
    pub fn demand(&self, table: &RegionTable) -> DataUse {
        DataUse {
            purposes: self.purposes(),
            disease: self.asked_disease().map_or(0, DiseaseCode::number),
            regions: table.touched_by(&self.countries),
        }
    }
}

/// Whether it is shown, beside being named, that an ethics committee approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Approval {
    /// Whoever decides asks for no more than the researcher's word, which the proof holds the query to.
    #[default]
    NotAsked,
    /// Visas show what whoever decides demands.
    Shown,
    /// They do not; says what they lack.
    Lacking(String),
}

/// Who asks, as far as whoever decides can tell: nothing here is believed because a query says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requester {
    /// Names of the researcher: `account:` with the ledger's account, and `subject` at `issuer` of verified visas.
    pub users: BTreeSet<Name>,
    /// Institutions that verified visas affiliate the researcher with, by domain.
    pub institutions: BTreeSet<Name>,
    /// The study: `study:` with the ledger's id.
    pub project: Option<Name>,
    /// Kinds of research, as far as known.
    pub research_kinds: BTreeSet<Name>,
    /// The day before which nothing is published, as far as known.
    pub publishes_from: Option<Day>,
    /// Whether an ethics committee's approval is shown.
    pub approval: Approval,
}

impl Requester {
    /// What the ledger says of who asks: the researcher's account and the study.
    #[must_use]
    pub fn of_ledger(researcher: &AccountId, study: &StudyId) -> Self {
        let name = |text: String| text.parse().ok();
        Self {
            users: name(format!("account:{researcher}")).into_iter().collect(),
            project: name(format!("study:{study}")),
            ..Self::default()
        }
    }

    /// With what verified visas say of the researcher.
    #[must_use]
    pub fn with_visas<'v>(mut self, visas: impl IntoIterator<Item = &'v VerifiedVisa>) -> Self {
        for visa in visas {
            self.users.extend(visa.identity().to_string().parse());
            self.institutions.extend(visa.affiliation().and_then(|domain| domain.parse().ok()));
        }
        self
    }

    /// With what a declared use promises, for whoever holds its author to it.
    ///
    /// # Errors
    /// As [`DeclaredUse::first_publication`].
    pub fn with_declared(mut self, declared: &DeclaredUse) -> Result<Self, Error> {
        self.research_kinds.extend(declared.research_kinds.iter().cloned());
        self.publishes_from = declared.first_publication()?.or(self.publishes_from);
        Ok(self)
    }
}
