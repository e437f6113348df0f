//! Terms of the Data Use Ontology (GA4GH DUO, <http://purl.obolibrary.org/obo/duo.owl>).

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Serialize, Serializer};

use super::refused;
use crate::Error;

/// Who enforces a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Every contribution's proof: nobody can contribute against it, the owner's own agent included.
    Proof,
    /// The ledger, at each request for a licence: what an offer of raw data says.
    Ledger,
    /// The owner's agent, before it proves anything: it declines when the term is not met or it cannot tell.
    Agent,
}

macro_rules! terms {
    ($($(#[$meta:meta])* $name:ident = $number:literal, $shorthand:literal, $label:literal, $by:ident;)*) => {
        /// A term of DUO that says what an owner allows or demands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub enum DuoTerm { $($(#[$meta])* $name),* }

        impl DuoTerm {
            /// Every term, permissions first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its identifier, such as `DUO:0000042`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => concat!("DUO:", $number)),* }
            }

            /// Its IRI in the ontology, such as `http://purl.obolibrary.org/obo/DUO_0000042`.
            #[must_use]
            pub const fn iri(self) -> &'static str {
                match self { $(Self::$name => concat!("http://purl.obolibrary.org/obo/DUO_", $number)),* }
            }

            /// Its abbreviation, such as `GRU`.
            #[must_use]
            pub const fn shorthand(self) -> &'static str {
                match self { $(Self::$name => $shorthand),* }
            }

            /// Its label in the ontology.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }

            /// Who enforces it.
            #[must_use]
            pub const fn enforcement(self) -> Enforcement {
                match self { $(Self::$name => Enforcement::$by),* }
            }
        }
    };
}

terms! {
    /// Any use.
    Nres = "0000004", "NRES", "no restriction", Proof;
    /// Any research.
    Gru = "0000042", "GRU", "general research use", Proof;
    /// Health, medical or biomedical research; no population origins or ancestry.
    Hmb = "0000006", "HMB", "health or medical or biomedical research", Proof;
    /// Research on one disease and what lies within it.
    Ds = "0000007", "DS", "disease specific research", Proof;
    /// Population origins or ancestry research alone.
    Poa = "0000011", "POA", "population origins or ancestry research only", Proof;
    /// Limited to studies of a kind.
    Rs = "0000012", "RS", "research specific restrictions", Agent;
    /// No development of methods.
    Nmds = "0000015", "NMDS", "no general methods research", Proof;
    /// Studies that read genotypes alone.
    Gso = "0000016", "GSO", "genetic studies only", Proof;
    /// Organisations and uses that are not for profit.
    Npuncu = "0000018", "NPUNCU", "not for profit, non commercial use only", Proof;
    /// Results must be made available.
    Pub = "0000019", "PUB", "publication required", Proof;
    /// The primary investigators must be collaborated with.
    Col = "0000020", "COL", "collaboration required", Proof;
    /// An ethics committee must have approved.
    Irb = "0000021", "IRB", "ethics approval required", Proof;
    /// Limited to regions.
    Gs = "0000022", "GS", "geographical restriction", Proof;
    /// Nothing is published before a day.
    Mor = "0000024", "MOR", "publication moratorium", Agent;
    /// Limited in time.
    Ts = "0000025", "TS", "time limit on use", Proof;
    /// Limited to named users.
    Us = "0000026", "US", "user specific restriction", Agent;
    /// Limited to named projects.
    Ps = "0000027", "PS", "project specific restriction", Agent;
    /// Limited to named institutions.
    Is = "0000028", "IS", "institution specific restriction", Agent;
    /// Derived data must be returned.
    Rtn = "0000029", "RTN", "return to database or resource", Proof;
    /// Clinical use and care are allowed too.
    Cc = "0000043", "CC", "clinical care use", Proof;
    /// No population origins or ancestry research.
    Npoa = "0000044", "NPOA", "population origins or ancestry research prohibited", Proof;
    /// Organisations that are not for profit alone.
    Npu = "0000045", "NPU", "not for profit organisation use only", Proof;
    /// No commercial use.
    Ncu = "0000046", "NCU", "non-commercial use only", Proof;
}

impl FromStr for DuoTerm {
    type Err = Error;

    /// Reads an identifier (`DUO:0000042`, `DUO_0000042`), an IRI or an abbreviation.
    fn from_str(text: &str) -> Result<Self, Error> {
        let named =
            |term: &&Self| text == term.iri() || text.replace('_', ":") == term.id() || text == term.shorthand();
        let unknown = || {
            let known = Self::ALL.iter().map(|term| term.id()).collect::<Vec<_>>().join(", ");
            refused(format!("{text:?} is no data use term that an owner can set; it is one of {known}"))
        };
        Self::ALL.iter().find(named).copied().ok_or_else(unknown)
    }
}

impl fmt::Display for DuoTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id(), self.label())
    }
}

impl Serialize for DuoTerm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
