//! What an owner allows, in the terms of the Data Use Ontology, and what of it a proof enforces.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    str::FromStr,
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Country, DiseaseCode, DuoTerm, Enforcement, RegionTable, refused};
use crate::Error;

/// Names that one restriction lists at most.
pub const NAMES_MAX: usize = 256;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 256;

/// A user, project, institution or kind of research as a restriction and a study name it, compared letter by letter: of
/// a user `account:` and 64 hex digits, of a project `study:` and 64 hex digits, of an institution its domain or ROR
/// id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Name(String);

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.trim() != text || text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            let shown: String = text.chars().take(32).collect();
            let why = format!("{shown:?} is no name: 1 to {NAME_BYTES_MAX} bytes without controls or outer spaces");
            return Err(refused(why));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl BorshDeserialize for Name {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        String::deserialize_reader(reader)?.parse().map_err(io::Error::other)
    }
}

/// The one permission of a consent (DUO:0000001).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Permission {
    /// NRES: any use.
    NoRestriction,
    /// GRU: any research.
    GeneralResearch,
    /// HMB: health, medical or biomedical research.
    HealthResearch,
    /// DS: research on this disease and what lies within it.
    DiseaseSpecific(DiseaseCode),
    /// POA: population origins or ancestry research.
    Ancestry,
}

impl Permission {
    /// Its term.
    #[must_use]
    pub const fn term(&self) -> DuoTerm {
        match self {
            Self::NoRestriction => DuoTerm::Nres,
            Self::GeneralResearch => DuoTerm::Gru,
            Self::HealthResearch => DuoTerm::Hmb,
            Self::DiseaseSpecific(_) => DuoTerm::Ds,
            Self::Ancestry => DuoTerm::Poa,
        }
    }

    /// The uses it allows: what it names and what that includes.
    #[must_use]
    pub const fn allows(&self) -> Purposes {
        let disease = Purposes::DISEASE_SPECIFIC;
        let health = disease.union(Purposes::HEALTH_RESEARCH);
        let research = health.union(Purposes::ANCESTRY).union(Purposes::GENERAL_RESEARCH);
        match self {
            Self::NoRestriction => research.union(Purposes::CLINICAL_CARE).union(Purposes::ANY_USE),
            Self::GeneralResearch => research,
            Self::HealthResearch => health,
            Self::DiseaseSpecific(_) => disease,
            Self::Ancestry => Purposes::ANCESTRY,
        }
    }
}

/// What every permission allows besides, unless a condition takes it away.
const BESIDE: Purposes = Purposes::METHODS.union(Purposes::COMMERCIAL).union(Purposes::COMMERCIAL_USE);

/// A list of uses with the kinds of research that each of them includes: research of every kind is research on health and on
/// where people come from too, and so is any use. What a list leaves out beside that stays left out: companies, commercial use
/// and the making of methods are chosen for themselves.
#[must_use]
pub fn with_included(uses: Purposes) -> Purposes {
    let whole = [
        (Purposes::ANY_USE, Permission::NoRestriction.allows()),
        (Purposes::GENERAL_RESEARCH, Permission::GeneralResearch.allows()),
        (Purposes::HEALTH_RESEARCH, Permission::HealthResearch.allows()),
    ];
    let included = whole.into_iter().filter(|(named, _)| uses.contains(*named));
    included.fold(uses, |all, (_, included)| all.union(included))
}

/// A condition on use (DUO:0000017).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Modifier {
    /// NMDS: no development of methods.
    NoMethods,
    /// GSO: studies that read genotypes alone.
    GeneticOnly,
    /// NPU: no for-profit organisation.
    NonProfitOrganisations,
    /// NCU: no commercial use.
    NonCommercialUse,
    /// NPUNCU: neither.
    NonProfitNonCommercial,
    /// PUB: results are made available.
    Publication,
    /// COL: the primary investigators take part.
    Collaboration,
    /// IRB: an ethics committee approved.
    EthicsApproval,
    /// RTN: derived data is returned.
    ReturnOfResults,
    /// CC: clinical care is allowed too.
    ClinicalCare,
    /// NPOA: no ancestry research.
    NoAncestry,
    /// GS: used in these countries alone.
    Countries(BTreeSet<Country>),
    /// TS: the last day of use.
    Until(Day),
    /// MOR: the first day of publication.
    PublicationFrom(Day),
    /// US: these users.
    Users(BTreeSet<Name>),
    /// PS: these projects.
    Projects(BTreeSet<Name>),
    /// IS: these institutions.
    Institutions(BTreeSet<Name>),
    /// RS: these kinds of research.
    ResearchKinds(BTreeSet<Name>),
}

impl Modifier {
    /// Its term.
    #[must_use]
    pub const fn term(&self) -> DuoTerm {
        match self {
            Self::NoMethods => DuoTerm::Nmds,
            Self::GeneticOnly => DuoTerm::Gso,
            Self::NonProfitOrganisations => DuoTerm::Npu,
            Self::NonCommercialUse => DuoTerm::Ncu,
            Self::NonProfitNonCommercial => DuoTerm::Npuncu,
            Self::Publication => DuoTerm::Pub,
            Self::Collaboration => DuoTerm::Col,
            Self::EthicsApproval => DuoTerm::Irb,
            Self::ReturnOfResults => DuoTerm::Rtn,
            Self::ClinicalCare => DuoTerm::Cc,
            Self::NoAncestry => DuoTerm::Npoa,
            Self::Countries(_) => DuoTerm::Gs,
            Self::Until(_) => DuoTerm::Ts,
            Self::PublicationFrom(_) => DuoTerm::Mor,
            Self::Users(_) => DuoTerm::Us,
            Self::Projects(_) => DuoTerm::Ps,
            Self::Institutions(_) => DuoTerm::Is,
            Self::ResearchKinds(_) => DuoTerm::Rs,
        }
    }

    /// The bits that it takes from what the permission allows.
    #[must_use]
    pub const fn forbids(&self) -> Purposes {
        match self {
            Self::NoMethods => Purposes::METHODS,
            Self::GeneticOnly => Purposes::WITHOUT_GENOTYPES,
            Self::NonProfitOrganisations => Purposes::COMMERCIAL,
            Self::NonCommercialUse => Purposes::COMMERCIAL_USE,
            Self::NonProfitNonCommercial => Purposes::COMMERCIAL.union(Purposes::COMMERCIAL_USE),
            Self::Publication => Purposes::WITHOUT_PUBLICATION,
            Self::Collaboration => Purposes::WITHOUT_COLLABORATION,
            Self::EthicsApproval => Purposes::WITHOUT_ETHICS_APPROVAL,
            Self::ReturnOfResults => Purposes::WITHOUT_RETURN,
            Self::NoAncestry => Purposes::ANCESTRY,
            _ => Purposes(0),
        }
    }

    fn names(&self) -> Option<&BTreeSet<Name>> {
        match self {
            Self::Users(names) | Self::Projects(names) | Self::Institutions(names) | Self::ResearchKinds(names) => {
                Some(names)
            }
            _ => None,
        }
    }
}

/// What an owner allows: one permission, and conditions that each count.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DataUseTerms {
    permission: Permission,
    modifiers: BTreeMap<DuoTerm, Modifier>,
}

/// What of a consent the ontology does not speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Last day on which a query may close.
    pub last_day: Day,
    /// Least price of a contribution, in minor units.
    pub price_min: u64,
    /// Greatest privacy loss ε of a query, in thousandths.
    pub epsilon_milli_max: u32,
    /// Least cohort a query must demand.
    pub cohort_min: u32,
    /// Exact releases and screening, if allowed.
    pub flags: ConsentFlags,
}

impl DataUseTerms {
    /// Terms.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a condition given twice, one that names nobody or more than [`NAMES_MAX`], and ancestry
    /// research that is both allowed alone and prohibited.
    pub fn new(permission: Permission, modifiers: impl IntoIterator<Item = Modifier>) -> Result<Self, Error> {
        let mut terms = Self { permission, modifiers: BTreeMap::new() };
        for modifier in modifiers {
            let term = modifier.term();
            let names = modifier.names().map(BTreeSet::len);
            let countries = if let Modifier::Countries(countries) = &modifier { Some(countries.len()) } else { None };
            if names.or(countries).is_some_and(|count| !(1..=NAMES_MAX).contains(&count)) {
                return Err(refused(format!("{term} must name 1 to {NAMES_MAX}; list whom or where it allows")));
            }
            if terms.modifiers.insert(term, modifier).is_some() {
                return Err(refused(format!("{term} is given twice; give it once, with all that it names")));
            }
        }
        if terms.permission == Permission::Ancestry && terms.modifiers.contains_key(&DuoTerm::Npoa) {
            return Err(refused("it allows ancestry research alone and prohibits it; keep one of the two".into()));
        }
        Ok(terms)
    }

    /// The permission.
    #[must_use]
    pub const fn permission(&self) -> &Permission {
        &self.permission
    }

    /// The conditions, in the order of their terms.
    pub fn modifiers(&self) -> impl Iterator<Item = &Modifier> {
        self.modifiers.values()
    }

    /// The disease that the permission is for, if for one.
    #[must_use]
    pub const fn disease(&self) -> Option<&DiseaseCode> {
        if let Permission::DiseaseSpecific(disease) = &self.permission { Some(disease) } else { None }
    }

    /// The terms that no proof enforces: the agent decides on them.
    pub fn left_to_the_agent(&self) -> impl Iterator<Item = DuoTerm> {
        self.modifiers.keys().copied().filter(|term| term.enforcement() == Enforcement::Agent)
    }

    /// Everything allowed, as the mask that a consent commits to: a prohibition or requirement is a bit that is
    /// missing.
    #[must_use]
    pub fn purposes(&self) -> Purposes {
        let care =
            if self.modifiers.contains_key(&DuoTerm::Cc) { Purposes::CLINICAL_CARE } else { Purposes::default() };
        let allowed = self.permission.allows().union(BESIDE).union(care).union(Purposes::NOTHING_REQUIRED);
        self.modifiers().fold(allowed, |allowed, modifier| allowed.without(modifier.forbids()))
    }

    /// The regions allowed under a network's table.
    ///
    /// # Errors
    /// [`Error::DataUse`] when no region of the table lies within the countries allowed: nothing narrower than the wish
    /// can be said, and nothing wider is.
    pub fn regions(&self, table: &RegionTable) -> Result<Regions, Error> {
        let Some(Modifier::Countries(countries)) = self.modifiers.get(&DuoTerm::Gs) else { return Ok(Regions::ALL) };
        let regions = table.allowing(countries);
        if regions == Regions(0) {
            let why = "no region of the network's table lies within the countries allowed; give the table that the network \
                       uses, or allow all countries of one of its regions";
            return Err(refused(why.into()));
        }
        Ok(regions)
    }

    /// The terms as a consent commits to them.
    ///
    /// # Errors
    /// As [`DataUseTerms::regions`].
    pub fn commit(&self, offer: &Offer, table: &RegionTable, salt: [u8; 31]) -> Result<ConsentTerms, Error> {
        let last_day = match self.modifiers.get(&DuoTerm::Ts) {
            Some(Modifier::Until(day)) => offer.last_day.min(*day),
            _ => offer.last_day,
        };
        let restricted = self.disease().map_or(ConsentFlags::default(), |_| ConsentFlags::ONLY_THIS_DISEASE);
        Ok(ConsentTerms {
            salt,
            purposes: self.purposes(),
            disease: self.disease().map_or(0, DiseaseCode::number),
            regions: self.regions(table)?,
            expiry: last_day,
            price_min: offer.price_min,
            epsilon_milli_max: offer.epsilon_milli_max,
            cohort_min: offer.cohort_min,
            flags: offer.flags.union(restricted),
        })
    }
}
