//! The story's people: real genomes of the 1000 Genomes project under planted names, with planted attributes.

use std::{fmt::Write as _, fs, path::Path};

use web::demo::truth;

use crate::network::demo_file;

/// The fields of a VCF line before the samples'.
const FIXED: usize = 9;
/// Ages that the criteria ask for.
pub const OLDER: u32 = 50;

/// Somebody with a genome.
pub struct Person {
    pub name: String,
    pub row: String,
    pub genotypes: Vec<String>,
    pub is_older: bool,
}

/// One hospital's people.
pub struct Ward {
    pub hospital: &'static str,
    pub people: Vec<Person>,
}

/// Both wards: so many people in all who meet the criteria, and two in each who do not.
pub fn wards(older: usize) -> [Ward; 2] {
    let genomes = fs::read_to_string(demo_file("genomes.vcf")).unwrap();
    let rows: Vec<Vec<&str>> =
        genomes.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let samples = rows[0].len() - FIXED;
    let person = |number: usize, is_older: bool| {
        let called = |row: &Vec<&str>| row[FIXED + number % samples].to_owned();
        let age = if is_older { OLDER as usize + 3 + number % 30 } else { 20 + number % 20 };
        let name = format!("Quillon-Zephyrine-{number:04}");
        // Population, follow-up and death differ from person to person, so that a row names somebody.
        let row =
            format!("{name},{},{},4,{age}.{},{},1", 1 + number % 2, 1 + number % 26, number % 10, 20_011 + 7 * number);
        Person { name, row, genotypes: rows.iter().map(called).collect(), is_older }
    };
    let first = older.div_ceil(2);
    let ward = |hospital, from: usize, count: usize| {
        let people = (from..from + count).map(|number| person(number, true));
        let people = people.chain((from + count..from + count + 2).map(|number| person(number, false))).collect();
        Ward { hospital, people }
    };
    [ward("hospital-a", 0, first), ward("hospital-b", first + 2, older - first)]
}

impl Ward {
    /// What the hospital has: a VCF and a table of its own people alone.
    pub fn write(&self, folder: &Path) {
        let genomes = fs::read_to_string(demo_file("genomes.vcf")).unwrap();
        let mut text = String::new();
        let mut row = 0;
        for line in genomes.lines() {
            if line.starts_with("##") {
                writeln!(text, "{line}").unwrap();
                continue;
            }
            let fixed = line.split('\t').take(FIXED).collect::<Vec<_>>().join("\t");
            let of_person = |person: &Person| match line.starts_with('#') {
                true => person.name.clone(),
                false => person.genotypes[row].clone(),
            };
            writeln!(text, "{fixed}\t{}", self.people.iter().map(of_person).collect::<Vec<_>>().join("\t")).unwrap();
            row += usize::from(!line.starts_with('#'));
        }
        fs::write(folder.join("genomes.vcf"), text).unwrap();
        let table = fs::read_to_string(demo_file("attributes.csv")).unwrap();
        let rows = self.people.iter().map(|person| person.row.as_str());
        let lines: Vec<&str> = table.lines().take(1).chain(rows).collect();
        fs::write(folder.join("attributes.csv"), lines.join("\n") + "\n").unwrap();
    }

    pub fn older(&self) -> Vec<String> {
        self.people.iter().filter(|person| person.is_older).map(|person| person.name.clone()).collect()
    }
}

/// What the sums of so many variants must be, by code that shares nothing with the product: heterozygous, homozygous and
/// called for each.
pub fn truth(folders: [&Path; 2], wards: &[Ward; 2], variants: usize) -> Vec<u64> {
    let counted = [0, 1].map(|one| truth::count_file(&folders[one].join("genomes.vcf"), &wards[one].older()).unwrap());
    let [first, second] = counted;
    let both = first.iter().zip(&second).take(variants);
    both.flat_map(|(a, b)| [a.het + b.het, a.hom_alt + b.hom_alt, a.called + b.called]).collect()
}
