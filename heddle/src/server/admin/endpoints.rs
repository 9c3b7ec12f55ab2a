//! Endpoints: names for URLs.

use axum::Json;
use axum::extract::State;
use schemas::names::ResourceName;
use serde::Serialize;

use super::query::Named;
use super::{Admin, EndpointEntry, Items};
use crate::server::problem::{Kind, Problem};

/// An endpoint as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointView {
    kind: &'static str,
    namespace: String,
    name: String,
    target: String,
}

pub(super) async fn list(State(admin): State<Admin>) -> Json<Items<EndpointView>> {
    let items = admin
        .parts
        .catalogue
        .endpoints
        .iter()
        .map(|(name, entry)| view(name, entry));
    Json(Items {
        items: items.collect(),
    })
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Named(name): Named,
) -> Result<Json<EndpointView>, Problem> {
    let entry = admin.parts.catalogue.endpoints.get(&name).ok_or_else(|| {
        Problem::new(
            Kind::NotFound,
            format!("there is no endpoint {name}; `heddle get endpoints` lists them"),
        )
    })?;
    Ok(Json(view(&name, entry)))
}

fn view(name: &ResourceName, entry: &EndpointEntry) -> EndpointView {
    EndpointView {
        kind: "Endpoint",
        namespace: name.namespace().to_owned(),
        name: name.name().to_owned(),
        target: entry.target.clone(),
    }
}
