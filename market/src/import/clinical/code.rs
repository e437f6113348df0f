//! Codes of terminologies, from FHIR codings and from compact identifiers, in one form.

use std::{collections::BTreeSet, fmt};

use super::limits::CODE_BYTES_MAX;

/// Short names of code systems, as compact identifiers (CURIEs) and mapping files have them, with their FHIR names
/// (HL7 FHIR R4, section 4.3, and the HL7 terminology registry).
const SYSTEMS: [(&str, &str); 20] = [
    ("LOINC", "http://loinc.org"),
    ("SNOMED", "http://snomed.info/sct"),
    ("SNOMEDCT", "http://snomed.info/sct"),
    ("SCTID", "http://snomed.info/sct"),
    ("ICD10", "http://hl7.org/fhir/sid/icd-10"),
    ("ICD10CM", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("ICD10GM", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
    ("ICD9CM", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("RxNorm", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("ATC", "http://www.whocc.no/atc"),
    ("HP", "http://human-phenotype-ontology.org"),
    ("HP", "http://purl.obolibrary.org/obo/hp.owl"),
    ("HP", "http://purl.obolibrary.org/obo/hp.fhir"),
    ("MONDO", "http://purl.obolibrary.org/obo/mondo.owl"),
    ("OMIM", "http://www.omim.org"),
    ("OMIM", "https://omim.org"),
    ("ORPHA", "http://www.orpha.net"),
    ("ORPHANET", "http://www.orpha.net"),
    ("NCIT", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
];
/// Systems whose codes begin with those of their ancestors, so that a prefix names a branch.
const BRANCHING: [&str; 5] = ["ICD10", "ICD10CM", "ICD10GM", "ICD9CM", "ATC"];

/// A code with its system, by the system's short name where it has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Code {
    system: String,
    code: String,
}

impl Code {
    /// A code as a FHIR coding gives it.
    pub(super) fn coding(system: &str, code: &str) -> Self {
        let known = |(_, url): &&(&str, &str)| url.eq_ignore_ascii_case(system) || *url == system.trim_end_matches('/');
        let short = SYSTEMS.iter().find(known).map_or(system, |(name, _)| canonical(name));
        Self { system: short.to_owned(), code: code.to_owned() }
    }

    /// A code as `system|code`, or as a compact identifier `PREFIX:code`; none without either sign.
    pub(super) fn written(text: &str) -> Option<Self> {
        let (system, code) = match text.rsplit_once('|') {
            Some((system, code)) => (system, code),
            None => text.split_once(':')?,
        };
        let bounded = |part: &str| !part.is_empty() && part.len() <= CODE_BYTES_MAX;
        (bounded(system) && bounded(code)).then(|| Self::coding(canonical(system), code))
    }
}

/// One spelling for the short names of one system.
fn canonical(name: &str) -> &str {
    let url = SYSTEMS.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)).map(|(_, url)| *url);
    url.and_then(|url| SYSTEMS.iter().find(|(_, other)| *other == url)).map_or(name, |(short, _)| *short)
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.system.contains(':') { '|' } else { ':' };
        write!(f, "{}{sign}{}", self.system, self.code)
    }
}

/// The codes that a rule asks for: single ones, and branches of systems whose codes nest.
#[derive(Debug, Clone, Default)]
pub(super) struct CodeSet {
    single: BTreeSet<Code>,
    branches: BTreeSet<Code>,
}

impl CodeSet {
    /// Adds a code; `*` at its end takes its whole branch.
    ///
    /// # Errors
    /// Says why and what to do, for a text that is no code, and a branch of a system whose codes do not nest.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let Some(mut code) = Code::written(text) else {
            return Err(format!("{text:?} is no code; write SYSTEM:CODE or SYSTEM-URL|CODE"));
        };
        let Some(stem) = code.code.strip_suffix('*') else {
            self.single.insert(code);
            return Ok(());
        };
        if !BRANCHING.contains(&code.system.as_str()) || stem.is_empty() {
            return Err(format!(
                "{text:?} asks for a branch, which codes show in {} alone; list the descendants, as a terminology \
                 server's value set gives them",
                BRANCHING.join(", ")
            ));
        }
        code.code = stem.trim_end_matches('.').to_owned();
        self.branches.insert(code);
        Ok(())
    }

    /// Whether any of these codes is asked for.
    pub(super) fn matches(&self, codes: &[Code]) -> bool {
        let stem = |code: &Code, length: usize| {
            let stem = code.code.get(..length).map(|stem| Code { system: code.system.clone(), code: stem.to_owned() });
            stem.is_some_and(|stem| self.branches.contains(&stem))
        };
        let branch = |code: &Code| {
            !self.branches.is_empty() && (1..=code.code.len().min(CODE_BYTES_MAX)).any(|length| stem(code, length))
        };
        codes.iter().any(|code| self.single.contains(code) || branch(code))
    }

    /// How many codes and branches there are.
    pub(super) fn len(&self) -> usize {
        self.single.len().saturating_add(self.branches.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> CodeSet {
        let mut set = CodeSet::default();
        texts.iter().for_each(|text| set.add(text).unwrap());
        set
    }

    #[test]
    fn a_coding_and_a_compact_identifier_of_one_concept_are_one_code() {
        for (system, code, written) in [
            ("http://loinc.org", "4548-4", "LOINC:4548-4"),
            ("http://loinc.org/", "4548-4", "loinc:4548-4"),
            ("http://snomed.info/sct", "44054006", "SNOMEDCT:44054006"),
            ("http://purl.obolibrary.org/obo/hp.owl", "0001250", "HP:0001250"),
            ("https://example.org/lab", "glu", "https://example.org/lab|glu"),
        ] {
            assert_eq!(Some(Code::coding(system, code)), Code::written(written), "{written}");
            assert!(!set(&[written]).matches(&[Code::coding("http://other", code)]));
        }
    }

    #[test]
    fn a_branch_takes_its_descendants_and_nothing_beside_them() {
        let set = set(&["ICD10CM:E11.*"]);
        let coded = |code| [Code::coding("http://hl7.org/fhir/sid/icd-10-cm", code)];
        assert!(set.matches(&coded("E11")) && set.matches(&coded("E11.65")));
        assert!(!set.matches(&coded("E10.9")) && !set.matches(&[Code::coding("http://snomed.info/sct", "E11")]));
    }

    #[test]
    fn branches_of_systems_without_nested_codes_are_refused() {
        for text in ["SNOMED:44054006*", "HP:0001*", "ICD10:*", "E11", "", ":", "|"] {
            assert!(CodeSet::default().add(text).is_err(), "{text}");
        }
    }
}
