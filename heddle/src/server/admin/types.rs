//! The types of events: what was seen by each broker beside what the configuration says of it.

use axum::Json;
use axum::extract::{Path, State};
use broker::embedded::EventTypeInfo;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::catalogue::EventTypeEntry;
use super::query::Parameters;
use super::{Admin, Items};
use crate::server::problem::{Kind, Problem};

/// Parameters of both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypesQuery {
    broker: Option<ResourceName>,
}

/// A type as it is shown.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeView {
    kind: &'static str,
    r#type: String,
    /// None for a type that was declared without a broker and never seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<ResourceName>,
    /// RFC 3339; none for one that was declared and never seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    /// Since the process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    /// Since the process started.
    count: u64,
    sources: Vec<String>,
    more_sources: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// The beginning of the first event's data; when one type is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<String>,
    /// The EventTypes of the configuration that are about it.
    declared: Vec<DeclaredView>,
}

/// An EventType of the configuration.
#[derive(Debug, Serialize)]
pub(super) struct DeclaredView {
    name: ResourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeList {
    items: Vec<TypeView>,
    /// Events stored since the process started whose type is not listed, for want of room or for its length.
    events_left_out: u64,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Parameters(query): Parameters<TypesQuery>,
) -> Json<TypeList> {
    let mut items = all(&admin, &query);
    items.iter_mut().for_each(|item| item.sample = None);
    Json(TypeList {
        items,
        events_left_out: admin.parts.engine.event_types_left_out(),
    })
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Path(wanted): Path<String>,
    Parameters(query): Parameters<TypesQuery>,
) -> Result<Json<Items<TypeView>>, Problem> {
    let mut items = all(&admin, &query);
    items.retain(|item| item.r#type == wanted);
    if items.is_empty() {
        return Err(Problem::new(
            Kind::NotFound,
            format!("no event of type {wanted} was seen or declared; `heddle types list` lists the types"),
        ));
    }
    Ok(Json(Items { items }))
}

/// What was seen, then what was only declared.
fn all(admin: &Admin, query: &TypesQuery) -> Vec<TypeView> {
    let parts = &admin.parts;
    let declared = &parts.catalogue.event_types;
    let seen = parts.engine.event_types();
    let only_declared = declared
        .iter()
        .filter(|entry| !seen.iter().any(|info| entry.is_about(info)))
        .map(TypeView::declared);
    let only_declared: Vec<_> = only_declared.collect();
    let seen = seen
        .into_iter()
        .filter(|info| !parts.catalogue.implicit.contains(&info.broker));
    let mut items: Vec<_> = seen
        .map(|info| TypeView::seen(info, declared))
        .chain(only_declared)
        .collect();
    if let Some(broker) = &query.broker {
        items.retain(|item| item.broker.as_ref() == Some(broker));
    }
    items
}

impl TypeView {
    fn seen(info: EventTypeInfo, declared: &[EventTypeEntry]) -> Self {
        let about = declared.iter().filter(|entry| entry.is_about(&info));
        let declared = about.map(DeclaredView::from).collect();
        Self {
            kind: "EventType",
            r#type: info.ty,
            broker: Some(info.broker),
            first_seen: Some(crate::time::rfc3339(info.first_seen)),
            last_seen: info.last_seen.map(crate::time::rfc3339),
            count: info.count,
            sources: info.sources,
            more_sources: info.more_sources,
            data_schema: info.data_schema,
            content_type: info.content_type,
            sample: info.sample,
            declared,
        }
    }

    fn declared(entry: &EventTypeEntry) -> Self {
        Self {
            kind: "EventType",
            r#type: entry.ty.clone(),
            broker: entry.broker.clone(),
            sources: entry.source.iter().cloned().collect(),
            declared: vec![DeclaredView::from(entry)],
            ..Self::default()
        }
    }
}

impl EventTypeEntry {
    fn is_about(&self, seen: &EventTypeInfo) -> bool {
        let is_broker = match &self.broker {
            Some(broker) => *broker == seen.broker,
            None => self.name.namespace() == seen.broker.namespace(),
        };
        is_broker && self.ty == seen.ty
    }
}

impl From<&EventTypeEntry> for DeclaredView {
    fn from(entry: &EventTypeEntry) -> Self {
        Self {
            name: entry.name.clone(),
            source: entry.source.clone(),
            schema: entry.schema.clone(),
            description: entry.description.clone(),
        }
    }
}
