//! The figures of an analysis.
//!
//! A figure that cannot be drawn is left out with its reason, and one that shows a part says which: the table has it all.

mod counted;
mod measured;
mod survival;
#[cfg(test)]
mod tests;
mod variants;

use super::Analysis;
use crate::{
    Error,
    statistics::{
        Estimate, Stated,
        cohort::Effect,
        figure::{Figure, Mark},
    },
};

/// Cells or groups that have a figure each.
const FIGURES_MAX: usize = 6;

/// The figures of an analysis, and those that there are none of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Each figure under a name for a file.
    pub drawn: Vec<(String, Figure)>,
    /// What is not drawn, and why.
    pub left_out: Vec<String>,
}

impl Figures {
    /// A figure, or why it could not be drawn.
    fn add(&mut self, name: &str, figure: Result<Figure, Error>) {
        match figure {
            Ok(figure) => self.drawn.push((name.into(), figure)),
            Err(Error::Statistics { why, .. }) => self.leave_out(name, &why),
            Err(error) => self.leave_out(name, &error.to_string()),
        }
    }

    fn leave_out(&mut self, name: &str, why: &str) {
        self.left_out.push(format!("no figure of {name}: {why}"));
    }

    /// A figure of each of these, up to [`FIGURES_MAX`]: numbered from the second on.
    fn add_each<T>(&mut self, name: &str, items: &[T], figure: impl Fn(&T) -> Result<Figure, Error>) {
        for (place, item) in items.iter().take(FIGURES_MAX).enumerate() {
            self.add(&numbered(name, place), figure(item));
        }
        if items.len() > FIGURES_MAX {
            self.leave_out(name, &format!("only the first {FIGURES_MAX} of {} are drawn", items.len()));
        }
    }
}

/// The name of one of several figures.
fn numbered(name: &str, place: usize) -> String {
    if place == 0 { name.into() } else { format!("{name}-{}", place + 1) }
}

impl Analysis {
    /// Its figures. `notes` go below every one: cohort, privacy.
    #[must_use]
    pub fn figures(&self, notes: &[String]) -> Figures {
        let mut figures = Figures::default();
        match self {
            Self::Count(counts) => counted::counts(&mut figures, &counts.cells),
            Self::Funnel { cells } => figures.add_each("attrition", cells, counted::funnel),
            Self::Histogram { groups } => counted::histograms(&mut figures, groups),
            Self::Contingency { counts, table, stratified, .. } => {
                counted::counts(&mut figures, &counts.cells);
                counted::effects(&mut figures, table, stratified.as_ref());
            }
            Self::Moments { by, cells } => measured::moments(&mut figures, by, cells),
            Self::Comparison { by, pair, anova, cells } => {
                measured::means(&mut figures, by, cells);
                measured::differences(&mut figures, by, (pair.as_ref(), anova));
            }
            Self::Regression { fit, band } => measured::regression(&mut figures, fit, band.as_ref()),
            Self::AlleleFrequencies { groups } => variants::frequencies(&mut figures, groups),
            Self::Association(scan) => variants::scan(&mut figures, scan),
            Self::Score(score) => figures.add("scores", variants::scores(score)),
            Self::Survival { curves } => survival::survival(&mut figures, curves),
        }
        for (_, figure) in &mut figures.drawn {
            *figure = figure.clone().with_notes(notes.iter().cloned());
        }
        figures
    }
}

fn mark(estimate: &Stated<Estimate>) -> Stated<Mark> {
    estimate.clone().into()
}

fn effect_mark(effect: &Stated<Effect>) -> Stated<Mark> {
    match effect {
        Stated::Value(effect) => Stated::Value(effect.estimate.into()),
        Stated::Undefined { undefined } => Stated::Undefined { undefined: undefined.clone() },
    }
}

fn named(name: &str, otherwise: &str) -> String {
    if name.trim().is_empty() { otherwise.into() } else { name.into() }
}

/// A title, with the cell that it is of.
fn of_cell(title: &str, cell: &str) -> String {
    titled(&if cell.trim().is_empty() { title.into() } else { format!("{title}: {cell}") })
}

/// A name as people read it: schemas write underscores for blanks. Variants have colons, and stay as they are.
fn spoken(name: &str) -> String {
    if name.contains(':') { name.into() } else { name.replace('_', " ") }
}

/// A title begins with a capital, unless its first word has one elsewhere, as pH does.
fn titled(text: &str) -> String {
    let mut letters = text.chars();
    let plain = text.split(' ').next().is_some_and(|word| word.chars().all(char::is_lowercase));
    match letters.next().filter(|_| plain) {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text.into(),
    }
}

/// Up to three names, or how many there are.
fn listed<'n>(names: impl IntoIterator<Item = &'n String>, what: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| spoken(name)).collect();
    match names.as_slice() {
        [] => what.into(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        more => format!("{} {what}", more.len()),
    }
}

/// ` by sex and age`, or nothing.
fn by(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" by {}", listed(names, "attributes")) }
}
