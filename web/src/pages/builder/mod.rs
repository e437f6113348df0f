//! The query builder: a form that makes a query file, with the plan of what it would cost and tell.
//!
//! Nothing here touches data or signs anything: the plan reads public terms, and the page ends in a file and the command
//! that signs it where the key is.

mod back;
mod diseases;
mod draft;
mod fields;
mod file;
mod planned;
mod statistic;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    post,
    web::{Data, Form, Payload, Query, ServiceConfig},
};
use askama::Template;
use circuits::{
    id::{QueryId, SchemaId},
    schema::{Schema, Sensitivity, VariantPanel},
};
use market::{
    index::{Order, PAGE_ROWS_DEFAULT, Page, Paging, SchemaRow, StudyRow},
    query::{Again, QUERY_FILE_BYTES_MAX, QueryFile, schema_and_panel, schema_and_panel_at_hand},
};
use node::state::StateRead;
use serde::Deserialize;

use self::{
    back::to_draft,
    draft::Draft,
    fields::{Input, field_id},
    file::FieldErrors,
    planned::Planned,
    statistic::{SHAPES, shape},
};
use super::{
    parts::{self, asked},
    regions::{self, Boxes, Choices},
    results::read_query_file,
    shell::{Section, Shell, page, page_with},
    upload::Upload,
    words,
};
use crate::{
    Error,
    api::{Service, TOML, VariantPage, asked_again, reading_panel},
};

/// Studies and schemas that the form offers, the newest first.
const OFFERED: Paging = Paging { after: None, limit: PAGE_ROWS_DEFAULT, order: Order::Newest };
/// Variants offered at once for what was typed.
const VARIANTS_OFFERED_MAX: usize = 20;

/// What the button says that asks for the plan.
const PLAN: &str = "plan";

/// Adds the builder's pages.
pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(begin).service(go_on).service(import).service(save).service(offer_names).service(diseases::offer);
}

#[derive(Template)]
#[template(path = "builder.html")]
struct Builder {
    shell: Shell,
    draft: Draft,
    studies: Vec<StudyRow>,
    /// How many studies there are, where not all are offered.
    studies_all: Option<u64>,
    schemas: Vec<SchemaRow>,
    /// Whether there are older schemas than those offered.
    has_older_schemas: bool,
    schema: Option<Schema>,
    names: Names,
    errors: FieldErrors,
    focus: Option<String>,
    notice: Option<String>,
    /// Where the form asks something else than the query that it began from.
    remarks: Vec<String>,
    /// Whether it begins from a query on the ledger.
    is_again: bool,
    planned: Planned,
    disease_hint: String,
    knows_diseases: bool,
}

/// What inputs suggest: the attributes of the schema, and variants of its panel.
#[derive(Template)]
#[template(path = "builder_names.html")]
struct Names {
    attributes: Vec<(String, String)>,
    variants: Vec<String>,
}

impl askama::filters::HtmlSafe for Names {}

impl Names {
    /// Names that hold what was typed.
    fn of(schema: Option<&Schema>, panel: Option<&VariantPanel>, typed: &str) -> Self {
        let describe = |attribute: &circuits::schema::Attribute| {
            let parts = [attribute.coding.clone(), attribute.unit.clone(), words::range(attribute)];
            let said: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            (attribute.name.clone(), said.join(" · "))
        };
        let attributes = schema.map_or(vec![], |schema| schema.attributes.iter().map(describe).collect());
        let found = VariantPage::of(panel, typed, None, VARIANTS_OFFERED_MAX).items;
        Self { attributes, variants: found.into_iter().map(|variant| variant.name).collect() }
    }
}

impl Builder {
    fn error(&self, name: impl AsRef<str>) -> Option<&str> {
        self.errors.get(name.as_ref()).map(String::as_str)
    }

    fn is_for(&self, purpose: &str) -> bool {
        self.draft.purposes.contains(purpose)
    }

    /// An input with its label, hint and error.
    fn input(&self, name: impl AsRef<str>, label: &str, value: &str, hint: &str) -> Input {
        let name = name.as_ref();
        Input {
            id: field_id(name),
            name: name.into(),
            label: label.into(),
            value: value.into(),
            hint: hint.into(),
            error: self.error(name).map(Into::into),
            rows: None,
            suggests: None,
            focus: self.focus.as_deref() == Some(name),
        }
    }

    /// An input of several lines.
    fn area(&self, name: impl AsRef<str>, label: &str, value: &str, hint: &str, rows: u8) -> Input {
        Input { rows: Some(rows), ..self.input(name, label, value, hint) }
    }

    /// An input that suggests attributes and variants.
    fn named(&self, name: impl AsRef<str>, label: &str, value: &str, hint: &str) -> Input {
        Input { suggests: Some("names"), ..self.input(name, label, value, hint) }
    }

    /// The input of the disease studied. A node that knows diseases by name suggests them.
    fn disease(&self) -> Input {
        let input =
            self.input("disease", "Disease studied, as an ontology’s code", &self.draft.disease, &self.disease_hint);
        Input { suggests: self.knows_diseases.then_some("diseases"), ..input }
    }

    /// The regions of use to choose from, named where the network's table is here.
    fn regions(&self) -> Boxes {
        let choices = Choices::of(self.draft.regions, &self.draft.region_table.parse().unwrap_or_default());
        Boxes {
            legend: "Where it is used; each contributor's consent must allow every region",
            hint: if choices.is_named {
                "By the table that you gave above."
            } else {
                "A network numbers its regions; with its table, above, they have names here."
            },
            error: self.error(regions::NAME).map(str::to_owned),
            // A query for everywhere is for every region, which few consents allow.
            everywhere: None,
            choices,
        }
    }

    /// What describes a choice of which older ones are left out, by id.
    fn described(&self, name: &str, has_older: bool) -> String {
        let error = self.error(name).map(|_| format!("{name}-error"));
        [error, has_older.then(|| format!("{name}-hint"))].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether the draft is of a study that is not among those offered.
    fn names_other_study(&self) -> bool {
        !self.draft.study.is_empty() && !self.studies.iter().any(|row| row.id.to_string() == self.draft.study)
    }

    /// The same for its schema.
    fn names_other_schema(&self) -> bool {
        !self.draft.schema.is_empty() && !self.schemas.iter().any(|row| row.id.to_string() == self.draft.schema)
    }

    fn focused(&self, name: impl AsRef<str>) -> bool {
        self.focus.as_deref() == Some(name.as_ref())
    }
}

/// Where a draft begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Beginning {
    study: String,
    schema: String,
    /// A query to ask again.
    query: Option<QueryId>,
}

/// An empty form, for a study and a schema when the address names them, or what a query asked.
#[get("/builder")]
async fn begin(
    request: HttpRequest,
    service: Data<Service>,
    beginning: Result<Query<Beginning>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let Beginning { study, schema, query } = asked(beginning)?;
    let (draft, remarks) = match query {
        Some(query) => {
            let Again { file, remarks } = asked_again(&service, query).await?;
            (to_draft(&file)?, remarks)
        }
        None => (Draft { study, schema, ..Draft::new() }, vec![]),
    };
    let is_again = query.is_some();
    let last = |builder| Builder { errors: FieldErrors::new(), remarks, is_again, ..builder };
    render(&request, service, draft, last).await
}

/// The form as it was sent, changed as its button asks, with the plan of what it means.
#[post("/builder")]
async fn go_on(
    request: HttpRequest,
    service: Data<Service>,
    fields: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let mut draft = Draft::of_fields(&fields);
    let action = fields.iter().rev().find(|(name, _)| name == "do").map_or("", |(_, action)| action.as_str());
    let focus = draft.change(action);
    // What is not filled in yet is no error before somebody says that the form is done.
    let done = action == PLAN;
    render(&request, service, draft, move |builder| {
        let errors = if done { builder.errors } else { FieldErrors::new() };
        Builder { focus, errors, ..builder }
    })
    .await
}

/// A query file, to go on with it.
#[post("/builder/import")]
async fn import(request: HttpRequest, service: Data<Service>, payload: Payload) -> Result<HttpResponse, Error> {
    let bytes_max = usize::try_from(2 * QUERY_FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let form = Upload::receive(&request, &service, payload, bytes_max).await?;
    let draft = |text| Ok::<_, Error>(to_draft(&read_query_file(text)?)?);
    let read = form.file_or_pasted("query-file", "pasted")?.map(|text| draft(text).map_err(|error| error.to_string()));
    drop(form);
    let (draft, notice) = match read {
        Some(Ok(draft)) => (draft, None),
        Some(Err(why)) => (Draft::new(), Some(why)),
        None => (Draft::new(), Some("choose a query file, or paste its text".into())),
    };
    render(&request, service, draft, move |builder| Builder { notice, ..builder }).await
}

/// The page of a draft. A form with fields that mean nothing is answered as such, so that programs see it too.
async fn render(
    request: &HttpRequest,
    service: Data<Service>,
    draft: Draft,
    last: impl FnOnce(Builder) -> Builder,
) -> Result<HttpResponse, Error> {
    let shell = Shell::of(request, Section::Builder, "Build a query");
    let address = format!("{}://{}", request.connection_info().scheme(), request.connection_info().host());
    let built = reading_panel(service, move |service| build(shell, service, draft, address)).await?;
    let built = last(built);
    // htmx swaps in only what succeeded.
    let refused = !built.errors.is_empty() && !request.headers().contains_key("hx-request");
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &built)
}

fn build(shell: Shell, service: &Service, mut draft: Draft, address: String) -> Result<Builder, Error> {
    let snapshot = service.chain.snapshot()?;
    let index = service.listings()?;
    let Page { items: studies, next: older_studies } = index.studies(None, &OFFERED)?;
    let studies_all = older_studies.map(|_| Ok::<_, Error>(index.counts()?.studies)).transpose()?;
    let Page { items: schemas, next: older_schemas } = index.schemas(&OFFERED)?;
    let has_older_schemas = older_schemas.is_some();
    if let ("", Some(latest)) = (draft.schema.trim(), schemas.first()) {
        draft.schema = latest.id.to_string();
    }
    if let ("", [only]) = (draft.study.trim(), studies.as_slice()) {
        draft.study = only.id.to_string();
    }
    let id: Option<SchemaId> = draft.schema.trim().parse().ok();
    let known = id.filter(|id| snapshot.schema(*id).is_ok_and(|schema| schema.is_some()));
    let found = known.map(|id| schema_and_panel_at_hand(&snapshot, &service.fetching(), id)).transpose()?;
    let (schema, panel) = found.map_or((None, None), |(schema, panel)| (Some(schema), panel));
    let names = Names::of(schema.as_ref(), panel.as_ref(), "");
    let known = service.publishing.diseases.as_deref();
    diseases::take_code(&mut draft, known);
    let (planned, mut errors) = Planned::of(service, &draft, schema.as_ref(), address)?;
    diseases::suggest(&draft, known, &mut errors);
    let (disease_hint, knows_diseases) = (diseases::hint(&draft, known), known.is_some());
    let (focus, notice, remarks, is_again) = (None, None, vec![], false);
    Ok(Builder {
        shell,
        draft,
        studies,
        studies_all,
        schemas,
        has_older_schemas,
        schema,
        names,
        errors,
        focus,
        notice,
        remarks,
        is_again,
        planned,
        disease_hint,
        knows_diseases,
    })
}

/// What is typed in one of the inputs that suggest names.
#[get("/builder/names")]
async fn offer_names(
    service: Data<Service>,
    fields: Result<Query<Vec<(String, String)>>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let fields = asked(fields)?;
    let typed = fields.iter().find(|(name, _)| name.ends_with("subject")).map_or("", |(_, typed)| typed).to_owned();
    let schema = fields.iter().find(|(name, _)| name == "schema").and_then(|(_, id)| id.parse::<SchemaId>().ok());
    let names = reading_panel(service, move |service| {
        let Some(id) = schema else { return Ok(Names::of(None, None, "")) };
        let (schema, panel) = schema_and_panel(&service.chain.snapshot()?, &service.fetching(), id)?;
        Ok(Names::of(Some(&schema), panel.as_ref(), &typed))
    });
    page(&names.await?)
}

/// Which file of a query is wanted.
#[derive(Deserialize)]
struct Wanted {
    query: String,
    form: FileForm,
}

/// The two forms of a query file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileForm {
    Toml,
    Json,
}

/// A query file as `locus query open` reads it.
#[post("/builder/file")]
async fn save(wanted: Form<Wanted>) -> Result<HttpResponse, Error> {
    let file: QueryFile = read_query_file(&wanted.query)?;
    let failed = |error: serde_json::Error| Error::Internal { action: "write a query file", why: error.to_string() };
    let (name, media, text) = match wanted.form {
        FileForm::Toml => ("query.toml", TOML, file.to_toml()?),
        FileForm::Json => ("query.json", "application/json", serde_json::to_string_pretty(&file).map_err(failed)?),
    };
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(text))
}
