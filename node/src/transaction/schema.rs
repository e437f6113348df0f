//! Registering a schema.

use circuits::{id::AccountId, schema::Schema};

use crate::{
    Error,
    event::Event,
    execute::Context,
    state::{Draft, Standing, StateRead},
};

/// Registers a schema for an accredited party or the governor: an unknown account could fill the state for free.
pub(super) fn execute(
    schema: &Schema,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let parties = [draft.issuer(sender)?, draft.researcher(sender)?];
    let accredited = parties.into_iter().flatten().any(|party| party.standing == Standing::Accredited);
    if !accredited && sender != context.genesis.governor {
        return Err(Error::Unauthorized {
            account: sender,
            action: "register a schema",
            remedy: "an accredited issuer or researcher, or the governor, does",
        });
    }
    let id = schema.id()?;
    if draft.schema(id)?.is_some() {
        return Err(Error::Duplicate { what: "schema", id: id.to_string(), remedy: "use it as it is" });
    }
    draft.put_schema(id, schema)?;
    Ok(vec![Event::SchemaRegistered { schema: id, name: schema.name.clone() }])
}
