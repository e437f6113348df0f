//! A held record as its owner reads it.

use circuits::{
    id::{AccountId, Leaf, SchemaId},
    record::{Dosage, MISSING, Record},
    schema::{Attribute, Schema, Sensitivity},
};
use node::units::{Epoch, Timestamp};
use serde::Serialize;

use super::LedgerView;
use crate::{
    agent::{Refusal, witness},
    consent::Terms,
    ledger::SyncedTree,
    statistics::sums::meaning,
    wallet::{Holding, Wallet},
};

/// Whether the ledger counts a record now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStanding {
    /// It does, under the terms that the wallet holds.
    Counts,
    /// It was certified lately and counts from the next epoch.
    New,
    /// The terms on the ledger are other ones: a change that counts from the next epoch, or one that did not arrive.
    Changing,
    /// It was revoked by its owner or replaced by its issuer, for ever.
    Withdrawn,
    /// The leaves were not fetched yet.
    Unknown,
}

/// One value of a record, in the schema's words and units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeValue {
    /// What was measured.
    pub name: String,
    /// The value in its unit, or what its code stands for; none when it is missing.
    pub value: Option<String>,
    /// The unit (UCUM), or empty.
    pub unit: String,
    /// Code in a public vocabulary, or what each value stands for.
    pub coding: String,
    /// Whether queries may say openly whom they ask by it.
    pub sensitivity: Sensitivity,
}

/// How much genome a record holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenomeSize {
    /// The reference genome.
    pub build: String,
    /// Variants looked at.
    pub variants: u32,
    /// Of these, those at which the record differs from the reference in one copy or both.
    pub differing: u32,
    /// Of these, those that were not called.
    pub missing: u32,
}

/// A held record.
#[derive(Debug, Clone, Serialize)]
pub struct HeldRecord {
    /// Its number in the wallet.
    pub number: usize,
    /// Whether the ledger counts it.
    pub standing: RecordStanding,
    /// Who certified it.
    pub issuer: AccountId,
    /// Their name, as governance knows them.
    pub issuer_name: String,
    /// The epoch in which it was registered.
    pub epoch: Epoch,
    /// When that epoch began.
    pub since: Option<Timestamp>,
    /// The schema.
    pub schema: SchemaId,
    /// Its name.
    pub schema_name: String,
    /// The values; empty while the schema is not known.
    pub attributes: Vec<AttributeValue>,
    /// The genome, counted.
    pub genome: GenomeSize,
    /// What its owner allows.
    pub terms: Terms,
}

/// The records of a wallet, in its order.
pub(super) fn all(wallet: &Wallet, view: &LedgerView) -> Vec<HeldRecord> {
    wallet.holdings().iter().enumerate().map(|(number, holding)| held(number, holding, wallet, view)).collect()
}

fn held(number: usize, holding: &Holding, wallet: &Wallet, view: &LedgerView) -> HeldRecord {
    let record = &holding.record;
    let schema = view.schema(record.schema);
    HeldRecord {
        number,
        standing: view.tree().map_or(RecordStanding::Unknown, |tree| standing(holding, tree)),
        issuer: record.issuer,
        issuer_name: view.issuer(record.issuer),
        epoch: holding.registration_epoch,
        since: view.epoch_begin(holding.registration_epoch),
        schema: record.schema,
        schema_name: schema.map_or_else(String::new, |schema| schema.name.clone()),
        attributes: schema.map_or_else(Vec::new, |schema| attributes(record, schema)),
        genome: genome(record, schema),
        terms: Terms::of(&holding.consent, wallet.data_use(&holding.consent)),
    }
}

/// From the leaves that everybody fetches: asking the ledger about one would name the record.
fn standing(holding: &Holding, tree: &SyncedTree) -> RecordStanding {
    match witness(holding, tree) {
        Ok(_) => return RecordStanding::Counts,
        Err(Refusal::NotInTree) => {}
        Err(_) => return RecordStanding::Unknown,
    }
    let Ok(path) = tree.tree.path(holding.leaf.get()) else { return RecordStanding::New };
    let is_zero = Leaf::from_bytes(&[0; 32]).is_ok_and(|zero| path.root(zero) == tree.root);
    if is_zero { RecordStanding::Withdrawn } else { RecordStanding::Changing }
}

fn attributes(record: &Record, schema: &Schema) -> Vec<AttributeValue> {
    let shown = |(attribute, stored): (&Attribute, &u32)| AttributeValue {
        name: attribute.name.clone(),
        value: (*stored != MISSING).then(|| value(attribute, *stored)),
        unit: attribute.unit.clone(),
        coding: attribute.coding.clone(),
        sensitivity: attribute.sensitivity,
    };
    schema.attributes.iter().zip(record.attributes.values()).map(shown).collect()
}

fn value(attribute: &Attribute, stored: u32) -> String {
    let number = || format!("{}", f64::from(stored) / f64::from(attribute.scale.max(1)));
    meaning(attribute, stored).map_or_else(number, str::to_owned)
}

/// Positions after the panel's end are filled up, and not counted.
fn genome(record: &Record, schema: Option<&Schema>) -> GenomeSize {
    let dosages = record.genotypes.windows().iter().flat_map(|window| window.dosages());
    let variants = schema.map_or(u32::MAX, |schema| schema.panel.variants);
    let (mut differing, mut missing, mut called) = (0u32, 0u32, 0u32);
    for dosage in dosages.take(variants as usize) {
        match dosage {
            Dosage::HomRef => called += 1,
            Dosage::Het | Dosage::HomAlt => differing += 1,
            Dosage::Missing => missing += 1,
        }
    }
    let build = schema.map_or_else(String::new, |schema| schema.panel.build.clone());
    let variants = if schema.is_some() { variants } else { called + differing };
    GenomeSize { build, variants, differing, missing }
}
