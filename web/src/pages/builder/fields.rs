//! Inputs with their labels, hints and errors, tied together for who cannot see them side by side.

use askama::{Template, filters::HtmlSafe};

/// Text to fill in.
#[derive(Template)]
#[template(path = "field.html")]
pub(super) struct Input {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) hint: String,
    pub(super) error: Option<String>,
    /// Lines shown, of one that takes several.
    pub(super) rows: Option<u8>,
    /// The list of what is suggested for what is typed, and the page that fills it.
    pub(super) suggests: Option<&'static str>,
    pub(super) focus: bool,
}

impl HtmlSafe for Input {}

impl Input {
    /// What describes the input, by id.
    fn described(&self) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let ids: Vec<_> = [error, hint].into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// The id of the input with a name.
pub(super) fn field_id(name: &str) -> String {
    name.replace('.', "-")
}
