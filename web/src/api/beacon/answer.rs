//! Beacon answers: the framework's envelopes around what the releases say.

use std::collections::BTreeSet;

use market::{
    beacon::{Beacon, Count, Found, Release},
    statistics::Sum,
};
use serde_json::{Value, json};

use super::{
    API_VERSION, Entry,
    request::{Asked, Granularity, Include},
};
use crate::Error;

/// What is said wherever a number is shown.
const NOTE: &str = "Counts are released sums with their privacy noise. They are the same whenever asked, and a small \
                    count and none look the same.";

/// The section that every answer about entries begins with.
pub(super) fn meta(id: &str, entry: Option<Entry>, asked: &Asked, returned: Granularity) -> Value {
    let schemas: Vec<Value> = entry.iter().map(|entry| entry.returned_schema()).collect();
    let requested = asked.granularity.unwrap_or(Granularity::Count);
    let mut received = json!({
        "apiVersion": API_VERSION,
        "requestedSchemas": asked.schemas,
        "includeResultsetResponses": asked.include.name(),
        "pagination": { "skip": asked.page.skip, "limit": asked.page.limit },
        "requestedGranularity": requested.name(),
        "testMode": asked.test_mode,
    });
    if let Value::Object(received) = &mut received {
        if !asked.filters.is_empty() {
            received.insert("filters".into(), json!(asked.filters));
        }
        if !asked.parameters.is_empty() {
            received.insert("requestParameters".into(), json!(asked.parameters));
        }
    }
    json!({
        "beaconId": id,
        "apiVersion": API_VERSION,
        "returnedSchemas": schemas,
        "returnedGranularity": returned.name(),
        "receivedRequestSummary": received,
        "testMode": asked.test_mode,
    })
}

/// What one dataset says; a miss says nothing but that.
struct DatasetAnswer<'b> {
    release: &'b Release,
    hit: Option<(u64, Value)>,
}

impl DatasetAnswer<'_> {
    fn is_listed(&self, include: Include) -> bool {
        match include {
            Include::All => true,
            Include::Hit => self.hit.is_some(),
            Include::Miss => self.hit.is_none(),
            Include::None => false,
        }
    }

    /// The framework wants a number in every result set: 0 in a miss says "fewer than are shown".
    fn result_set(&self) -> Value {
        let mut set = json!({
            "id": self.release.query(),
            "setType": "dataset",
            "exists": self.hit.is_some(),
            "resultsCount": self.hit.as_ref().map_or(0, |(count, _)| *count),
            "results": [],
        });
        if let (Value::Object(set), Some((_, info))) = (&mut set, &self.hit) {
            set.insert("info".into(), info.clone());
        }
        set
    }
}

/// The number of people asked for.
///
/// # Errors
/// [`Error::Market`] for a filter that no dataset has.
pub(super) fn individuals(beacon: &Beacon, id: &str, asked: &Asked) -> Result<Value, Error> {
    let counted = beacon.individuals(&asked.question)?.into_iter();
    let answers: Vec<_> = counted
        .filter(|(release, _)| asked.asks(release.query()))
        .map(|(release, count)| DatasetAnswer { release, hit: count.map(|count| (count.count, told(count))) })
        .collect();
    // One person may be in several datasets: the largest count is what there surely are, up to noise.
    let total = answers.iter().filter_map(|answer| answer.hit.as_ref().map(|(count, _)| *count)).max();
    let note = json!({
        "countPrecision": "imprecise",
        "numTotalResults": "the largest count of a dataset; people may be in several",
        "note": NOTE,
    });
    Ok(envelope(id, Entry::Individual, asked, total, &answers, &note))
}

/// The number of variants asked for that enough people carry.
///
/// # Errors
/// [`Error::Market`] for a filter that no dataset has.
pub(super) fn variants(beacon: &Beacon, id: &str, asked: &Asked) -> Result<Value, Error> {
    let mut found = beacon.variants(&asked.question)?;
    found.retain(|(release, _)| asked.asks(release.query()));
    let mut distinct = BTreeSet::new();
    for (release, variants) in &found {
        distinct.extend(variants.iter().map(|found| (&release.schema().panel.build, found.variant)));
    }
    let total = Some(distinct.len() as u64).filter(|count| *count > 0);
    let answer = |(release, variants): (_, Vec<Found<'_>>)| {
        let count = variants.len() as u64;
        DatasetAnswer { release, hit: (count > 0).then(|| (count, carried(release, &variants, asked))) }
    };
    let answers: Vec<_> = found.into_iter().map(answer).collect();
    let note = json!({
        "countPrecision": "imprecise",
        "numTotalResults": "distinct variants that enough people carry; info.variants of a result set counts \
                            their carriers",
        "note": NOTE,
    });
    Ok(envelope(id, Entry::GenomicVariant, asked, total, &answers, &note))
}

/// The answer at the granularity asked for, records as counts. Without a hit it is boolean: no number is told.
fn envelope(
    id: &str,
    entry: Entry,
    asked: &Asked,
    total: Option<u64>,
    answers: &[DatasetAnswer<'_>],
    note: &Value,
) -> Value {
    let boolean = asked.granularity == Some(Granularity::Boolean);
    let returned = if boolean || total.is_none() { Granularity::Boolean } else { Granularity::Count };
    let mut answer = json!({
        "meta": meta(id, Some(entry), asked, returned),
        "responseSummary": { "exists": total.is_some() },
    });
    if boolean {
        return answer;
    }
    if let Some(total) = total {
        answer["responseSummary"]["numTotalResults"] = json!(total);
        answer["info"] = note.clone();
    }
    if asked.include != Include::None {
        let listed = answers.iter().filter(|answer| answer.is_listed(asked.include));
        answer["response"] = json!({ "resultSets": listed.map(DatasetAnswer::result_set).collect::<Vec<_>>() });
    }
    answer
}

/// How precise a count is.
fn told(count: Count) -> Value {
    json!({
        "countPrecision": precision(count.noise_deviation),
        "noiseStandardDeviation": count.noise_deviation,
        "leastCountShown": count.least,
    })
}

const fn precision(noise_deviation: f64) -> &'static str {
    if noise_deviation > 0.0 { "imprecise" } else { "exact" }
}

/// A page of the variants that enough people carry, with positions as Beacon counts them.
fn carried(release: &Release, variants: &[Found<'_>], asked: &Asked) -> Value {
    let page = asked.page.of(variants.iter()).into_iter().map(|found| {
        let start = u64::from(found.variant.pos).saturating_sub(1);
        let mut told = json!({
            "assemblyId": release.schema().panel.build,
            "referenceName": found.variant.chrom,
            "start": start,
            "end": start + found.variant.reference.len() as u64,
            "referenceBases": found.variant.reference,
            "alternateBases": found.variant.alternate,
            "carriers": counted(found.carriers),
        });
        if let Some([alternate, called]) = found.alleles {
            told["alternateAlleles"] = summed(alternate);
            told["calledAlleles"] = summed(called);
        }
        told
    });
    let page: Vec<Value> = page.collect();
    json!({ "countPrecision": "imprecise", "variantCount": variants.len(), "variants": page })
}

fn counted(count: Count) -> Value {
    let mut value = told(count);
    value["count"] = json!(count.count);
    value
}

fn summed(sum: Sum) -> Value {
    let deviation = sum.noise_variance.sqrt();
    json!({ "count": sum.value, "countPrecision": precision(deviation), "noiseStandardDeviation": deviation })
}
