//! Why the filter of a trigger lets an event pass or not. Nothing is stored or delivered.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use schemas::codec::json;
use schemas::limits::Limits;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Admin;
use super::query::Named;
use super::write::Change;
use crate::explanation::Explanation;
use crate::server::problem::{Kind, Problem};

/// What to explain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// An event in the JSON format.
    event: Box<RawValue>,
}

pub(super) async fn explain(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(body): Change<Explain>,
) -> Result<Json<Explanation>, Problem> {
    let trigger = admin.parts.catalogue.triggers.get(&name).ok_or_else(|| {
        let detail = format!("there is no Trigger {name} here; `heddle get triggers` lists them");
        Problem::new(Kind::NotFound, detail)
    })?;
    let text = Bytes::from(Box::<str>::from(body.event).into_boxed_bytes());
    let event = json::decode(&text, &Limits::default()).map_err(|error| {
        Problem::new(
            Kind::Invalid,
            format!("`event` is no event of the JSON format: {error}"),
        )
    })?;
    Ok(Json(Explanation::new(
        &name,
        &trigger.filter,
        &trigger.conditions,
        &event,
    )))
}
