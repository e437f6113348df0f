//! One published release as a Beacon dataset: the sets of people that its sums count, and the carriers of its variants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use circuits::{
    criteria::MatchClause,
    id::{QueryId, StudyId},
    layout::{Layout, Statistic},
    privacy::Epsilon,
    schema::{Attribute, Schema, Variant, VariantPanel},
};
use node::query::{CohortQuery, PrivacyMode};

use super::{
    exact::ExactFloor,
    filter::Filter,
    population::{Observed, Population},
    variant::{Assembly, VariantQuery},
};
use crate::{
    Error,
    statistics::{GenotypeSums, PartSums, Sum, genotypes::VariantTable},
};

/// What a release publishes, as its receipt proves it.
pub(super) struct Published<'p> {
    pub(super) id: QueryId,
    pub(super) query: &'p CohortQuery,
    pub(super) contributions: u32,
    pub(super) title: String,
    /// For each part, its slots.
    pub(super) sums: Vec<Vec<Sum>>,
}

/// A published release. What it answers depends on its sums and on public terms of its query alone.
#[derive(Debug, Clone)]
pub struct Release {
    query: QueryId,
    study: StudyId,
    title: String,
    schema: Arc<Schema>,
    assembly: Assembly,
    contributions: u32,
    epsilon: Option<Epsilon>,
    /// Who was asked.
    asked: Population,
    /// How many there are of each set of people that a sum counts.
    people: BTreeMap<Population, Sum>,
    genotypes: Vec<GenotypePart>,
    /// Variants that axes and criteria look at, by their place in the panel.
    named: BTreeMap<u32, Variant>,
}

/// A part that measures genotypes.
#[derive(Debug, Clone)]
struct GenotypePart {
    cells: Vec<Option<Population>>,
    variants: Vec<MeasuredVariant>,
}

/// A variant's carriers in a part.
#[derive(Debug, Clone)]
struct MeasuredVariant {
    place: u32,
    variant: Variant,
    /// Over all cells.
    pooled: Carriers,
    /// In each cell.
    cells: Vec<Carriers>,
}

/// Who carries a variant's alternate allele.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Carriers {
    /// People with one copy or two.
    pub(super) people: Sum,
    /// Copies of the alternate allele, and of either allele, among people with a call; none of exact sums, where they
    /// would tell small groups apart.
    pub(super) alleles: Option<[Sum; 2]>,
}

impl Carriers {
    fn of(sums: &GenotypeSums) -> Self {
        let twice = |sum: Sum| Sum::noisy(sum.value.saturating_mul(2), 4.0 * sum.noise_variance);
        let alleles = [sums.het + twice(sums.hom_alt), twice(sums.called)];
        Self { people: sums.het + sums.hom_alt, alleles: Some(alleles) }
    }
}

/// The one of two sums of the same people that has less noise.
fn clearer(one: Sum, other: Sum) -> Sum {
    if other.noise_variance < one.noise_variance { other } else { one }
}

impl Release {
    /// What a release answers. `floor` bounds the cells of exact sums.
    ///
    /// # Errors
    /// [`Error::Receipt`] when nobody can meet its criteria; [`Error::Statistics`] when the sums are not those of its
    /// parts or the panel is not the schema's.
    pub(super) fn new(
        published: Published<'_>,
        schema: Arc<Schema>,
        panel: Option<&VariantPanel>,
        floor: ExactFloor,
    ) -> Result<Self, Error> {
        let query = published.query;
        let nobody = || Error::Receipt { check: "publication", why: "nobody can meet its criteria".into() };
        let criteria = query.criteria.groups.iter();
        let criteria = criteria.map(|group| group.iter().copied().map(MatchClause::from).collect::<Vec<_>>());
        let meet = |people: Population, group: Vec<MatchClause>| people.meeting(&group, 0, &schema);
        let asked = criteria.into_iter().try_fold(Population::default(), meet).ok_or_else(nobody)?;
        let epsilon = match query.privacy {
            PrivacyMode::Exact => None,
            PrivacyMode::Private { epsilon_milli } => Some(epsilon_milli),
        };
        let mut release = Self {
            query: published.id,
            study: query.study,
            title: published.title,
            assembly: Assembly::named(&schema.panel.build),
            schema,
            contributions: published.contributions,
            epsilon,
            asked,
            people: BTreeMap::new(),
            genotypes: vec![],
            named: BTreeMap::new(),
        };
        release.read(query, &published.sums, panel, floor)?;
        release.name_variants(panel);
        Ok(release)
    }

    fn read(
        &mut self,
        query: &CohortQuery,
        sums: &[Vec<Sum>],
        panel: Option<&VariantPanel>,
        floor: ExactFloor,
    ) -> Result<(), Error> {
        let steps = self.steps(query);
        let matched = steps.last().cloned().flatten();
        if query.matching.groups.is_empty() {
            // Contributions are counted on the ledger, in public.
            self.people.insert(self.asked.clone(), Sum::exact(self.contributions.into()));
        }
        for (layout, sums) in query.parts.iter().zip(sums) {
            let schema = Arc::clone(&self.schema);
            let within = |people: &Option<Population>| match people {
                Some(people) => people.cells(layout, &schema),
                None => vec![None; layout.cells() as usize],
            };
            match PartSums::of_slots(layout, &self.schema, sums)? {
                PartSums::Counts(counts) => {
                    if self.epsilon.is_some() || floor.allows_table(&counts.values, self.contributions) {
                        let cells = within(&matched);
                        self.count(cells, counts.values);
                    }
                }
                PartSums::Funnel(funnel) => {
                    for (step, people) in steps.iter().enumerate() {
                        let cells = within(people);
                        self.count(cells, funnel.values.iter().filter_map(|cell| cell.get(step).copied()));
                    }
                }
                PartSums::Genotypes(_) => {
                    let cells = within(&matched);
                    self.genotypes.extend(self.genotype_part(layout, sums, panel, (cells, floor))?);
                }
                // They count people who have every attribute measured, which no filter says.
                PartSums::Moments(_) => {}
            }
        }
        Ok(())
    }

    /// Who is left after each prefix of the match criteria's groups, the empty one first.
    fn steps(&self, query: &CohortQuery) -> Vec<Option<Population>> {
        let window = query.parts.first().map_or(0, |layout| layout.window);
        let mut steps = vec![Some(self.asked.clone())];
        for group in &query.matching.groups {
            let before = steps.last().cloned().flatten();
            steps.push(before.and_then(|people| people.meeting(group, window, &self.schema)));
        }
        steps
    }

    fn count(&mut self, cells: Vec<Option<Population>>, sums: impl IntoIterator<Item = Sum>) {
        for (cell, sum) in cells.into_iter().zip(sums) {
            if let Some(cell) = cell {
                self.people.entry(cell).and_modify(|known| *known = clearer(*known, sum)).or_insert(sum);
            }
        }
    }

    fn genotype_part(
        &self,
        layout: &Layout,
        sums: &[Sum],
        panel: Option<&VariantPanel>,
        (cells, floor): (Vec<Option<Population>>, ExactFloor),
    ) -> Result<Option<GenotypePart>, Error> {
        let (Some(panel), Statistic::Genotypes { first, .. }) = (panel, &layout.statistic) else { return Ok(None) };
        let PartSums::Genotypes(counts) = PartSums::of_slots(layout, &self.schema, sums)? else { return Ok(None) };
        let table = VariantTable::of_part(panel, layout.window, *first, &counts)?;
        let pooled = table.pooled();
        let variants = table.variants().iter().zip(pooled.variants()).filter_map(|(counts, pooled)| {
            let everyone = pooled.groups.first()?;
            let mut measured = MeasuredVariant {
                place: u32::try_from(counts.place).ok()?,
                variant: counts.variant.clone(),
                pooled: Carriers::of(everyone),
                cells: counts.groups.iter().map(Carriers::of).collect(),
            };
            if self.epsilon.is_none() {
                if !floor.allows_carriers(everyone, self.contributions) {
                    return None;
                }
                measured.pooled.alleles = None;
                measured.cells = if layout.axes.is_empty() { vec![measured.pooled] } else { vec![] };
            }
            Some(measured)
        });
        Ok(Some(GenotypePart { variants: variants.collect(), cells }))
    }

    fn name_variants(&mut self, panel: Option<&VariantPanel>) {
        let observed = self.people.keys().flat_map(Population::observed);
        let places = observed.filter_map(|observed| match observed {
            Observed::Copies(place) => Some(place),
            Observed::Attribute(_) => None,
        });
        let variant = |place: u32| Some((place, panel?.variants.get(place as usize)?.clone()));
        self.named = places.collect::<BTreeSet<_>>().into_iter().filter_map(variant).collect();
    }

    /// The released query: the dataset's id.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }

    /// The study that asked.
    #[must_use]
    pub const fn study(&self) -> StudyId {
        self.study
    }

    /// The study's title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The schema of the records.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Contributions that were added up; public on the ledger.
    #[must_use]
    pub const fn contributions(&self) -> u32 {
        self.contributions
    }

    /// The privacy loss of the whole query; none for exact sums.
    #[must_use]
    pub const fn epsilon(&self) -> Option<Epsilon> {
        self.epsilon
    }

    /// Attributes that filters can name: those that criteria and axes look at.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        let cells = self.genotypes.iter().flat_map(|part| part.cells.iter().flatten());
        let observed = self.people.keys().chain(cells).flat_map(Population::observed);
        let indices: BTreeSet<u8> = observed
            .filter_map(|observed| match observed {
                Observed::Attribute(index) => Some(index),
                Observed::Copies(_) => None,
            })
            .collect();
        indices.into_iter().filter_map(|index| self.schema.attributes.get(usize::from(index)))
    }

    /// Variants that it measured.
    pub fn variants(&self) -> usize {
        self.genotypes.iter().map(|part| part.variants.len()).sum()
    }

    /// Sums that it holds, which is what its memory grows with.
    pub(super) fn entries(&self) -> usize {
        let cells = |part: &GenotypePart| part.variants.len() * (1 + part.cells.len());
        self.people.len() + self.genotypes.iter().map(cells).sum::<usize>()
    }

    /// Whether the schema has what a filter names.
    pub(super) fn knows(&self, filter: &Filter) -> bool {
        filter.attribute(&self.schema).is_some()
    }

    /// How many people of the release meet the filters and carry the variant; `None` when no sum counts exactly them.
    pub(super) fn individuals(&self, filters: &[Filter], variant: Option<&VariantQuery>) -> Option<Sum> {
        let people = self.filtered(filters)?;
        let Some(asked) = variant else { return self.people.get(&people).copied() };
        let place = self.place(asked)?;
        let carriers = people.clone().within(Observed::Copies(place), (1, 2), &self.schema)?;
        let named = self.people.get(&carriers).copied();
        let measured = self.measured(place).filter_map(|(part, variant)| Some(in_cell(part, variant, &people)?.people));
        named.into_iter().chain(measured).reduce(clearer)
    }

    /// The carriers of each measured variant asked for: among everybody in the release, or with filters among those who
    /// meet them, where a sum counts exactly these.
    pub(super) fn carriers(&self, filters: &[Filter], asked: &VariantQuery) -> Vec<(u32, &Variant, Carriers)> {
        if !asked.is_on(&self.assembly) {
            return vec![];
        }
        let people = if filters.is_empty() { None } else { Some(self.filtered(filters)) };
        let mut found: BTreeMap<u32, (&Variant, Carriers)> = BTreeMap::new();
        for part in &self.genotypes {
            for measured in part.variants.iter().filter(|measured| asked.asks_for(&measured.variant)) {
                let carriers = match &people {
                    None => Some(measured.pooled),
                    Some(people) => people.as_ref().and_then(|people| in_cell(part, measured, people)),
                };
                let Some(carriers) = carriers else { continue };
                let known = found.entry(measured.place).or_insert((&measured.variant, carriers));
                if carriers.people.noise_variance < known.1.people.noise_variance {
                    known.1 = carriers;
                }
            }
        }
        found.into_iter().map(|(place, (variant, carriers))| (place, variant, carriers)).collect()
    }

    /// Who was asked and meets the filters; `None` when nobody can.
    fn filtered(&self, filters: &[Filter]) -> Option<Population> {
        let meet =
            |people: Population, filter: &Filter| people.meeting(&[filter.clause(&self.schema)?], 0, &self.schema);
        filters.iter().try_fold(self.asked.clone(), meet)
    }

    /// The place of the one variant that is asked for.
    fn place(&self, asked: &VariantQuery) -> Option<u32> {
        if !asked.is_of_one_allele() || !asked.is_on(&self.assembly) {
            return None;
        }
        let measured = self.genotypes.iter().flat_map(|part| &part.variants);
        let measured = measured.map(|measured| (measured.place, &measured.variant));
        let known = self.named.iter().map(|(place, variant)| (*place, variant)).chain(measured);
        let places: BTreeSet<u32> =
            known.filter(|(_, variant)| asked.asks_for(variant)).map(|(place, _)| place).collect();
        if places.len() == 1 { places.first().copied() } else { None }
    }

    fn measured(&self, place: u32) -> impl Iterator<Item = (&GenotypePart, &MeasuredVariant)> {
        let of_part = move |part: &GenotypePart| part.variants.iter().position(|measured| measured.place == place);
        self.genotypes.iter().filter_map(move |part| Some((part, part.variants.get(of_part(part)?)?)))
    }
}

fn in_cell(part: &GenotypePart, variant: &MeasuredVariant, people: &Population) -> Option<Carriers> {
    let cell = part.cells.iter().position(|cell| cell.as_ref() == Some(people))?;
    variant.cells.get(cell).copied()
}
