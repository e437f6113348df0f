//! The statistics that a query can ask for, as the form offers them.

/// What a grouping axis is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct AxisRole {
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
}

/// A statistic: its name in query files, and what the form asks about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) says: &'static str,
    /// The label of the one attribute that it is of.
    pub(super) attribute: Option<&'static str>,
    /// The label of the several attributes that it is of.
    pub(super) attributes: Option<&'static str>,
    /// Whether it is of a range of the panel's variants.
    pub(super) variants: bool,
    pub(super) axes: &'static [AxisRole],
}

const fn role(label: &'static str, hint: &'static str) -> AxisRole {
    AxisRole { label, hint }
}

const BY: [AxisRole; 3] = [
    role("Group by, if at all", "Each group is counted on its own."),
    role("and by", "Leave empty for one grouping."),
    role("and by", "Leave empty for two groupings."),
];

/// Every statistic, those of attributes first.
pub(super) const SHAPES: [Shape; 10] = [
    Shape {
        name: "count",
        title: "Count people",
        says: "How many there are, in each group, with shares and intervals.",
        attribute: None,
        attributes: None,
        variants: false,
        axes: &BY,
    },
    Shape {
        name: "funnel",
        title: "Attrition funnel",
        says: "How many are left after each group of the match criteria.",
        attribute: None,
        attributes: None,
        variants: false,
        axes: &BY,
    },
    Shape {
        name: "histogram",
        title: "Histogram",
        says: "How an attribute is distributed, with quantiles.",
        attribute: None,
        attributes: None,
        variants: false,
        axes: &[role("Of", "Equal cells suit a histogram best.")],
    },
    Shape {
        name: "contingency",
        title: "Contingency table",
        says: "Chi-squared, Fisher's exact test, odds and risk ratios; over strata Cochran, Mantel and Haenszel's.",
        attribute: None,
        attributes: None,
        variants: false,
        axes: &[
            role("Rows", "Two groups at least."),
            role("Columns", "Two groups at least."),
            role("Strata, if any", "Each stratum has a table of two rows and two columns."),
        ],
    },
    Shape {
        name: "moments",
        title: "Means and correlations",
        says: "Means, variances and correlations over people who have all the attributes.",
        attribute: None,
        attributes: Some("Attributes"),
        variants: false,
        axes: &BY,
    },
    Shape {
        name: "comparison",
        title: "Compare means",
        says: "Whether a mean differs between groups: t-tests and analysis of variance.",
        attribute: Some("Attribute whose mean is compared"),
        attributes: None,
        variants: false,
        axes: &[role("Groups", "Two at least.")],
    },
    Shape {
        name: "regression",
        title: "Linear regression",
        says: "Least squares of an outcome on predictors.",
        attribute: Some("Outcome"),
        attributes: Some("Predictors"),
        variants: false,
        axes: &[],
    },
    Shape {
        name: "survival",
        title: "Survival",
        says: "Kaplan-Meier curves, medians and a log-rank test between groups.",
        attribute: None,
        attributes: None,
        variants: false,
        axes: &[
            role("Time", "Equal cells from the least time on, up to the longest follow-up."),
            role("Event", "Cut at 1: below it censored, from it on the event."),
            role("Groups, if any", "One curve for each."),
        ],
    },
    Shape {
        name: "allele_frequencies",
        title: "Allele frequencies",
        says: "Frequencies, heterozygosity and Hardy-Weinberg tests of variants.",
        attribute: None,
        attributes: None,
        variants: true,
        axes: &BY,
    },
    Shape {
        name: "association",
        title: "Association of variants",
        says: "Allelic, genotypic and trend tests of each variant between cases and controls.",
        attribute: None,
        attributes: None,
        variants: true,
        axes: &[role("Cases", "Two groups: controls, then cases. Cut at 1 for an attribute that is 0 or 1.")],
    },
];

/// The statistic of a name; a count for a name that is none.
pub(super) fn shape(name: &str) -> &'static Shape {
    let [first, ..] = &SHAPES;
    SHAPES.iter().find(|shape| shape.name == name).unwrap_or(first)
}
