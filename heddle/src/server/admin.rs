//! The admin API: health, metrics, and what runs here as JSON. One module a resource.

mod backup;
mod brokers;
mod catalogue;
mod condition;
mod dead_letters;
mod endpoints;
mod explain;
mod health;
mod held_keys;
mod openapi;
mod position;
mod query;
mod replays;
mod routes;
mod sources;
mod storage;
mod tail;
mod triggers;
mod types;
mod write;

use std::sync::Arc;

use ::sources::Sources;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use broker::SchemaGate;
use broker::embedded::Embedded;
use dispatcher::Handle;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::guard::{self, Guard};
use super::problem::{Kind, Problem};
use crate::metrics::{Metrics, TextFormat};

pub(crate) use catalogue::{Catalogue, EndpointEntry, EventTypeEntry, SourceEntry, TriggerEntry};
pub(crate) use health::Phase;

/// What the admin API shows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admin {
    parts: Arc<Parts>,
}

/// See [`Admin`].
pub(crate) struct Parts {
    pub(crate) engine: Embedded,
    pub(crate) dispatcher: Handle,
    pub(crate) sources: Sources,
    pub(crate) catalogue: Catalogue,
    /// What events pass that come back out of the dead-letter store.
    pub(crate) schemas: SchemaGate,
    pub(crate) metrics: Metrics,
    pub(crate) phase: Phase,
    /// Base URL of the ingress, for the brokers' addresses.
    pub(crate) ingress: String,
    pub(crate) guard: Guard,
    /// Ends the streams that would never end by themselves.
    pub(crate) stop: CancellationToken,
}

/// A list, as Kubernetes shows one.
#[derive(Debug, Serialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Admin {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The API as a router. Health is open to everyone who reaches the port; all else is guarded.
    pub(crate) fn router(self) -> Router {
        let guard = self.parts.guard.clone();
        let guarded = routes::router(routes::guarded()).fallback(nothing_here);
        routes::router(routes::open())
            .merge(guarded.layer(from_fn_with_state(guard, guard::layer)))
            .with_state(self)
    }
}

async fn nothing_here() -> Problem {
    Problem::new(
        Kind::NotFound,
        "the API is at /api/v1 and describes itself at /api/v1/openapi.json",
    )
}

async fn show_metrics(State(admin): State<Admin>, headers: HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = TextFormat::accepted(accept);
    let text = admin.parts.metrics.text(format).map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        Problem::new(Kind::Internal, "metrics cannot be written; see the log")
    })?;
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

/// An event's JSON as part of an answer, untouched.
fn raw(json: &[u8]) -> Result<Box<RawValue>, Problem> {
    let text = std::str::from_utf8(json).map(str::to_owned).ok();
    text.and_then(|text| RawValue::from_string(text).ok())
        .ok_or_else(|| {
            tracing::error!("an event has no JSON form");
            Problem::new(Kind::Internal, "the event has no JSON form; see the log")
        })
}

#[cfg(test)]
mod tests;
