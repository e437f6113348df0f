//! What raw data may be used for, in words for everybody.

use circuits::consent::{Purposes, Regions};
use node::{query::DataUse, transaction::AllowedUse};

use super::{
    illness::Illnesses,
    words::{allowed_purposes, purposes, region_numbers, required},
};

/// The purposes of a use, by their names in files.
fn names(of: Purposes) -> Vec<&'static str> {
    Purposes::NAMED.into_iter().filter(|(_, purpose)| of.contains(*purpose)).map(|(name, _)| name).collect()
}

/// What a study has to have, or promises, by its names in files: what a use without it would have the bit of.
fn met(of: Purposes) -> impl Iterator<Item = &'static str> {
    Purposes::REQUIREMENTS.into_iter().filter(move |(_, without)| !of.contains(*without)).map(|(name, _)| name)
}

fn sentence_part(purposes: &str, (disease, illnesses): (u32, &Illnesses), regions: Regions) -> String {
    let illness = match disease {
        0 => String::new(),
        number => format!(", about {}", illnesses.numbered(&number)),
    };
    let places = match region_numbers(regions).as_str() {
        "" => "anywhere".into(),
        "0" => "nowhere".into(),
        numbers if numbers.contains(',') => format!("in the regions {numbers}"),
        number => format!("in region {number}"),
    };
    format!("{purposes}{illness}, {places}")
}

/// What somebody wants raw data for.
pub(super) fn data_use(data_use: &DataUse, illnesses: &Illnesses) -> String {
    sentence_part(&purposes(&names(data_use.purposes)), (data_use.disease, illnesses), data_use.regions)
}

/// What who asks for raw data promises besides.
pub(super) fn promises(data_use: &DataUse) -> Vec<&'static str> {
    met(data_use.purposes).map(promise).collect()
}

fn promise(name: &'static str) -> &'static str {
    match name {
        "genotypes" => "they need people's genomes",
        "ethics-approval" => "an ethics committee allowed it",
        "publication" => "they publish what they find",
        "collaboration" => "they work together with those who collected the records",
        "return-of-results" => "they give back what they find",
        other => other,
    }
}

/// What an owner allows with raw data.
pub(super) fn allowed_use(allowed: &AllowedUse, illnesses: &Illnesses) -> String {
    let purposes = allowed_purposes(&names(allowed.purposes), allowed.disease != 0);
    let use_words = sentence_part(&purposes, (allowed.disease, illnesses), allowed.regions);
    let asked = required(met(allowed.purposes));
    if asked.is_empty() { use_words } else { format!("{use_words}. You ask this of a study. {asked}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_of_raw_data_is_said_without_names_of_files_and_bits() {
        let asked = DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) };
        let unnamed = Illnesses::default();
        assert_eq!(data_use(&asked, &unnamed), "research on health and illness, in region 1");
        assert_eq!(promises(&asked).len(), Purposes::REQUIREMENTS.len());
        assert!(Purposes::REQUIREMENTS.iter().all(|(name, _)| promise(name) != *name));
        let purposes = Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED);
        let allowed = AllowedUse { purposes, disease: 7, regions: Regions::ALL };
        let said = "research on health and illness, about the illness with the number 7, anywhere";
        assert_eq!(allowed_use(&allowed, &unnamed), said);
        let strict = AllowedUse { purposes: Purposes::HEALTH_RESEARCH, ..allowed };
        assert!(allowed_use(&strict, &unnamed).contains("It must publish what it finds."));
    }
}
