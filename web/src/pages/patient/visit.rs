//! Whoever has a session, what they see, and the forms they send.

use std::{
    future::{Ready, ready},
    str::FromStr,
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Data, Form},
};
use market::overview::Overview;
use node::units::Timestamp;
use zeroize::Zeroizing;

use super::{super::shell::cookie, illness::Illnesses};
use crate::{
    Error,
    api::blocking,
    patient::{Act, OperationId, PatientPages, Running, Visitor},
};

/// A request with a session. Without one it is refused, whatever it asks for.
pub(super) struct Visit {
    pub(super) pages: Data<PatientPages>,
    visitor: Visitor,
}

impl FromRequest for Visit {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).ok_or(Error::NoVisit))
    }
}

/// What every page with a session carries beside its own.
pub(super) struct Seen {
    pub(in crate::pages) form_token: Zeroizing<String>,
    pub(in crate::pages) label: String,
    /// Why the network was not reached.
    pub(in crate::pages) offline: Option<String>,
    pub(in crate::pages) is_busy: bool,
    /// Of when the picture is.
    pub(in crate::pages) time: Timestamp,
    /// What illnesses are called.
    pub(in crate::pages) illnesses: Illnesses,
}

impl Visit {
    fn of(request: &HttpRequest) -> Option<Self> {
        let pages = request.app_data::<Data<PatientPages>>()?.clone();
        let visitor = pages.visitor(cookie(request, &pages.origin().cookie())?)?;
        Some(Self { pages, visitor })
    }

    /// The one wallet of the session.
    pub(super) const fn wallet(&self) -> usize {
        self.visitor.wallet
    }

    /// What is shown of the wallet now.
    pub(super) async fn show(&self) -> Result<(Seen, Arc<Overview>), Error> {
        let (pages, wallet) = (self.pages.clone(), self.wallet());
        let shown = blocking(move || pages.show(wallet)).await?;
        let seen = Seen {
            form_token: self.visitor.form_token.clone(),
            label: shown.overview.label.clone(),
            offline: shown.offline,
            is_busy: shown.is_busy,
            time: shown.overview.time,
            illnesses: self.pages.illnesses(),
        };
        Ok((seen, shown.overview))
    }

    /// A form of this session.
    ///
    /// # Errors
    /// [`Error::CrossSite`] when it does not carry the session's token.
    pub(super) fn sent(&self, form: Form<Vec<(String, String)>>) -> Result<Fields, Error> {
        let fields = Fields(form.into_inner());
        if self.visitor.sent(fields.get("form_token")) {
            return Ok(fields);
        }
        Err(Error::CrossSite { why: "the form is of another session; open the page again and send it anew".into() })
    }

    /// Begins the change that a form confirms.
    pub(super) fn begin(&self, fields: &Fields, act: Act) -> Result<OperationId, Error> {
        let id = fields.parse("number of the form", "operation")?;
        self.pages.clone().into_inner().begin(id, self.wallet(), act)
    }

    /// What was changed of late in this session's wallet, the newest first.
    pub(super) fn operations(&self) -> Vec<Running> {
        self.pages.operations(self.wallet())
    }
}

/// The fields of a form, by name.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Fields with these names and texts.
    #[cfg(test)]
    pub(super) fn of<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Self {
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A field's text without what surrounds it; empty when it is absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// The texts of all fields of a name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field as what it stands for.
    ///
    /// # Errors
    /// [`Error::Request`] for what stands for nothing.
    pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(&self, what: &'static str, name: &str) -> Result<T, Error> {
        self.get(name).parse().map_err(|error: T::Err| Error::Request { what, why: error.to_string() })
    }

    /// Whether the form comes from the page that asks once more.
    pub(super) fn is_confirmed(&self) -> bool {
        self.get("step") == "confirmed"
    }

    /// Fields to carry over to the next form.
    pub(super) fn carry(&self, names: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect()
    }
}
