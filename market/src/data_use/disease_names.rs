//! Diseases by name: what an ontology calls them, for people who know a name and no code.

use std::{cmp::Reverse, collections::BTreeMap, io::BufRead};

use super::{
    DiseaseCode, RELATIONS_MAX,
    obo::{self, Line},
    refused,
};
use crate::Error;

/// The longest name, in bytes; longer ones are passed over.
const NAME_BYTES_MAX: usize = 400;
/// Different words that are looked for; what is typed beyond them is passed over.
const WORDS_MAX: usize = 8;

/// What an ontology calls a disease.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    /// Name, synonyms and code in small letters, each on a line of its own.
    searched: String,
}

/// The names of an ontology's diseases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiseaseNames {
    by_code: BTreeMap<DiseaseCode, Named>,
    /// Whose code makes a number on the ledger; nobody's where several do.
    by_number: BTreeMap<u32, Option<DiseaseCode>>,
}

/// A term in the reading.
#[derive(Default)]
struct Term {
    code: Option<DiseaseCode>,
    name: String,
    synonyms: Vec<String>,
    is_obsolete: bool,
}

impl Term {
    /// What it is called; none for what is no disease, has no name, or is given up.
    fn named(self) -> Option<(DiseaseCode, Named)> {
        let code = self.code.filter(|_| !self.name.is_empty() && !self.is_obsolete)?;
        let searched = [vec![self.name.clone()], self.synonyms, vec![code.to_string()]].concat().join("\n");
        Some((code, Named { searched: searched.to_lowercase(), name: self.name }))
    }
}

/// The text between the first quotation marks of a synonym's line.
fn quoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.split('"').next()
}

/// The first different words of a text, at most [`WORDS_MAX`].
fn words(text: &str) -> Vec<&str> {
    let mut words = vec![];
    for word in text.split_whitespace() {
        if words.len() == WORDS_MAX {
            break;
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

impl DiseaseNames {
    /// The names and synonyms of an ontology in OBO 1.4 text. Terms that are obsolete, and codes of other ontologies than
    /// [`super::ONTOLOGIES`], are passed over.
    ///
    /// # Errors
    /// [`Error::UnreadableInput`] when the text cannot be read, [`Error::DataUse`] beyond [`super::ONTOLOGY_BYTES_MAX`] or
    /// [`RELATIONS_MAX`] diseases, and when it names none.
    pub fn from_obo(file: &str, text: impl BufRead) -> Result<Self, Error> {
        let (mut names, mut term) = (BTreeMap::new(), Term::default());
        obo::read(file, text, |line| {
            match line {
                Line::Stanza => names.extend(std::mem::take(&mut term).named()),
                Line::Tag("id", value) => term.code = value.parse().ok(),
                Line::Tag("name", value) if value.len() <= NAME_BYTES_MAX => term.name = value.into(),
                Line::Tag("synonym", value) => {
                    let synonym = quoted(value).filter(|synonym| synonym.len() <= NAME_BYTES_MAX);
                    term.synonyms.extend(synonym.map(str::to_owned));
                }
                Line::Tag("is_obsolete", value) => term.is_obsolete = value == "true",
                Line::Tag(..) => {}
            }
            if names.len() > RELATIONS_MAX {
                return Err(refused(format!("{file}: an ontology names at most {RELATIONS_MAX} diseases")));
            }
            Ok(())
        })?;
        names.extend(term.named());
        if names.is_empty() {
            let why = format!("{file} names no diseases; give an ontology in OBO format, such as mondo.obo");
            return Err(refused(why));
        }
        Ok(Self::of(names))
    }

    fn of(by_code: BTreeMap<DiseaseCode, Named>) -> Self {
        let mut by_number = BTreeMap::new();
        for code in by_code.keys() {
            let known = by_number.entry(code.number()).or_insert_with(|| Some(code.clone()));
            known.take_if(|known| known != code);
        }
        Self { by_code, by_number }
    }

    /// How many diseases it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_code.len()
    }

    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_code.is_empty()
    }

    /// What a disease is called.
    #[must_use]
    pub fn name(&self, code: &DiseaseCode) -> Option<&str> {
        self.by_code.get(code).map(|named| named.name.as_str())
    }

    /// The disease that a number stands for on the ledger, with what it is called; none where the codes of several make the
    /// number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<(&DiseaseCode, &str)> {
        let code = self.by_number.get(&number)?.as_ref()?;
        Some((code, self.name(code)?))
    }

    /// The diseases in whose name, synonyms or code each typed word of the first eight occurs, at most so many: first those
    /// that are called exactly so, then those whose name begins so, then those whose name holds it, the shorter the sooner.
    #[must_use]
    pub fn find(&self, typed: &str, most: usize) -> Vec<(&DiseaseCode, &str)> {
        let typed = typed.trim().to_lowercase();
        let words = words(&typed);
        if words.is_empty() {
            return vec![];
        }
        let holds = |named: &Named| words.iter().all(|word| named.searched.contains(word));
        let mut best = BTreeMap::new();
        for (code, named) in self.by_code.iter().filter(|(_, named)| holds(named)) {
            let name = named.name.to_lowercase();
            let is_called = named.searched.lines().any(|line| line == typed);
            let rank = (name == typed, is_called, name.starts_with(&typed), name.contains(&typed));
            best.insert((Reverse(rank), name.len(), name, code), named.name.as_str());
            if best.len() > most {
                best.pop_last();
            }
        }
        best.into_iter().map(|((_, _, _, code), name)| (code, name)).collect()
    }

    /// The one disease that has exactly this name or synonym; none where several have.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<&DiseaseCode> {
        let name = name.trim().to_lowercase();
        let mut called = self
            .by_code
            .iter()
            .filter(|(_, named)| !name.is_empty() && named.searched.lines().any(|line| line == name));
        let (code, _) = called.next()?;
        called.next().is_none().then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBO: &str = "format-version: 1.2\n\n[Term]\nid: MONDO:0005148\nname: type 2 diabetes mellitus\n\
        synonym: \"NIDDM\" EXACT [NCIT:C26747]\nsynonym: \"adult-onset diabetes\" RELATED []\nis_a: MONDO:0005015 ! x\n\n\
        [Term]\nid: MONDO:0005015\nname: diabetes mellitus\n\n[Term]\nid: MONDO:0005147\nname: type 1 diabetes mellitus\n\n\
        [Term]\nid: MONDO:0000001\nname: obsolete diabetes\nis_obsolete: true\n\n[Term]\nid: GO:0000001\nname: diabetes path\n\n\
        [Typedef]\nid: part_of\nname: part of\n";

    fn names() -> DiseaseNames {
        DiseaseNames::from_obo("mondo.obo", OBO.as_bytes()).unwrap()
    }

    fn found(typed: &str) -> Vec<String> {
        names().find(typed, 9).into_iter().map(|(code, _)| code.to_string()).collect()
    }

    #[test]
    fn diseases_are_found_by_words_of_their_names_synonyms_and_codes() {
        assert_eq!(found("diabetes"), ["MONDO:0005015", "MONDO:0005147", "MONDO:0005148"]);
        assert_eq!(found(" Diabetes  TYPE 2 "), ["MONDO:0005148"]);
        assert_eq!(found("type 1")[0], "MONDO:0005147");
        assert_eq!(
            (found("niddm"), found("adult-onset")),
            (vec!["MONDO:0005148".into()], vec!["MONDO:0005148".into()])
        );
        assert_eq!(found("mondo:0005015"), ["MONDO:0005015"]);
        assert!(found("").is_empty() && found("path").is_empty() && found("obsolete").is_empty());
        assert_eq!((names().len(), names().find("diabetes", 2).len()), (3, 2));
    }

    #[test]
    fn only_some_different_words_are_looked_for() {
        let twice = "diabetes type 2 ".repeat(20);
        assert_eq!(words(&twice), ["diabetes", "type", "2"]);
        assert_eq!(found(&twice), ["MONDO:0005148"]);
        let many: Vec<String> = (0..100).map(|number| format!("w{number}")).collect();
        assert_eq!(words(&many.join(" ")), many[..WORDS_MAX]);
        let known = "type 2 diabetes mellitus niddm adult-onset mondo 0005148";
        assert_eq!(words(known).len(), WORDS_MAX);
        assert_eq!(found(&format!("{known} nowhere")), ["MONDO:0005148"]);
        assert!(found(&format!("nowhere {known}")).is_empty());
    }

    #[test]
    fn the_best_are_kept_wherever_they_stand() {
        let names = names();
        for typed in ["diabetes", "type", "mellitus", "mondo", "diabetes mellitus", "2"] {
            let all = names.find(typed, 9);
            for most in 0..4 {
                assert_eq!(names.find(typed, most), all[..most.min(all.len())], "{typed}");
            }
        }
        assert_eq!(names.find("type 2 diabetes mellitus", 1).len(), 1);
    }

    #[test]
    fn a_name_that_one_disease_has_stands_for_it() {
        let names = names();
        assert_eq!(names.called("Diabetes Mellitus").unwrap().as_str(), "MONDO:0005015");
        assert_eq!(names.called(" niddm ").unwrap().as_str(), "MONDO:0005148");
        assert_eq!((names.called("diabetes"), names.called("")), (None, None));
        assert_eq!(names.name(&"mondo:0005148".parse().unwrap()), Some("type 2 diabetes mellitus"));
    }

    #[test]
    fn a_number_stands_for_the_disease_whose_code_alone_makes_it() {
        let (names, code) = (names(), |text: &str| text.parse::<DiseaseCode>().unwrap());
        let known = code("MONDO:0005148");
        assert_eq!(names.numbered(known.number()), Some((&known, "type 2 diabetes mellitus")));
        assert_eq!((names.numbered(code("MONDO:0000001").number()), names.numbered(0)), (None, None));
        // Two codes with one number, by search.
        let [one, other] = ["DOID:2832", "DOID:128654"].map(code);
        assert_eq!(one.number(), other.number());
        let obo = |codes: &[&DiseaseCode]| {
            let terms = codes.iter().map(|code| format!("[Term]\nid: {code}\nname: called {code}\n"));
            DiseaseNames::from_obo("two.obo", terms.collect::<String>().as_bytes()).unwrap()
        };
        assert_eq!(obo(&[&one]).numbered(one.number()), Some((&one, "called DOID:2832")));
        assert_eq!(obo(&[&one, &other]).numbered(one.number()), None);
    }

    #[test]
    fn what_names_no_disease_is_refused_and_broken_lines_are_passed_over() {
        assert!(DiseaseNames::from_obo("empty", "[Term]\nid: X:1\nname: y\n".as_bytes()).is_err());
        let odd = format!(
            "[Term]\nid: MONDO:1\nname: {}\n[Term]\nid: MONDO:2\nsynonym: no quotes\nname: two",
            "x".repeat(500)
        );
        let names = DiseaseNames::from_obo("odd", odd.as_bytes()).unwrap();
        assert_eq!((names.len(), names.find("two", 3).len()), (1, 1));
    }
}
