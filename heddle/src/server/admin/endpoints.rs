//! Endpoints: names for URLs, and how those that are sent to stand.

use axum::Json;
use axum::extract::State;
use dispatcher::EndpointStatus;
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
    /// None of one that triggers name by URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    /// Its URL without user information; that of one without a name is its name.
    target: String,
    /// How it stands; left out when no trigger sends there.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<EndpointStatus>,
}

/// Those that are declared, then those that triggers name by URL.
pub(super) async fn list(State(admin): State<Admin>) -> Json<Items<EndpointView>> {
    let mut running = admin.parts.dispatcher.endpoints();
    let declared = admin.parts.catalogue.endpoints.iter();
    let mut items: Vec<_> = declared
        .map(|(name, entry)| view(name, entry, taken(&mut running, name)))
        .collect();
    let by_url = running.into_iter().filter(|status| status.name.is_none());
    items.extend(by_url.map(|status| EndpointView {
        kind: "Endpoint",
        namespace: None,
        name: status.label.clone(),
        target: status.label.clone(),
        status: Some(status),
    }));
    Json(Items { items })
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
    let status = taken(&mut admin.parts.dispatcher.endpoints(), &name);
    Ok(Json(view(&name, entry, status)))
}

fn taken(running: &mut Vec<EndpointStatus>, name: &ResourceName) -> Option<EndpointStatus> {
    let at = running
        .iter()
        .position(|status| status.name.as_ref() == Some(name))?;
    Some(running.swap_remove(at))
}

fn view(name: &ResourceName, entry: &EndpointEntry, status: Option<EndpointStatus>) -> EndpointView {
    EndpointView {
        kind: "Endpoint",
        namespace: Some(name.namespace().to_owned()),
        name: name.name().to_owned(),
        target: entry.target.clone(),
        status,
    }
}
