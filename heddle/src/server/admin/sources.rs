//! Sources: where their events go and whether they run.

use axum::Json;
use axum::extract::State;
use schemas::names::ResourceName;
use serde::Serialize;
use sources::{SourceStatus, State as Running};

use super::condition::Condition;
use super::query::Named;
use super::{Admin, Items};
use crate::server::problem::{Kind, Problem};

/// A source as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceView {
    kind: &'static str,
    namespace: String,
    name: String,
    /// Where its events go, as configured.
    sink: String,
    ready: bool,
    /// One word: connecting, running, failing or stopped.
    state: &'static str,
    /// Events stored since this process started.
    events: u64,
    /// When the last of them was stored (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_at: Option<String>,
    conditions: Vec<Condition>,
}

pub(super) async fn list(State(admin): State<Admin>) -> Json<Items<SourceView>> {
    let items = admin
        .parts
        .sources
        .status()
        .into_iter()
        .map(|status| view(&admin, status));
    Json(Items {
        items: items.collect(),
    })
}

/// Kinds are apart: a KafkaSource and a PingSource may share a name. The first of them is shown.
pub(super) async fn show(
    State(admin): State<Admin>,
    Named(name): Named,
) -> Result<Json<SourceView>, Problem> {
    let found = admin
        .parts
        .sources
        .status()
        .into_iter()
        .find(|status| status.name == name);
    let status = found.ok_or_else(|| unknown(&name))?;
    Ok(Json(view(&admin, status)))
}

fn unknown(name: &ResourceName) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("there is no source {name}; `heddle get sources` lists them"),
    )
}

fn view(admin: &Admin, status: SourceStatus) -> SourceView {
    let kind = status.kind.as_str();
    let entry = admin.parts.catalogue.sources.get(&(kind, status.name.clone()));
    let (state, condition) = match &status.state {
        Running::Connecting => (
            "connecting",
            Condition::not_ready("Connecting", "it is getting ready"),
        ),
        Running::Running => ("running", Condition::ready()),
        Running::Failing { last_error, .. } => {
            ("failing", Condition::not_ready("Failing", last_error.as_str()))
        }
        Running::Stopped => ("stopped", Condition::not_ready("Stopped", "it was told to stop")),
    };
    SourceView {
        kind,
        namespace: status.name.namespace().to_owned(),
        name: status.name.name().to_owned(),
        sink: entry.map_or_else(|| status.broker.to_string(), |entry| entry.sink.clone()),
        ready: condition.is_true(),
        state,
        events: status.accepted,
        last_event_at: status.last_event_at.map(crate::time::rfc3339),
        conditions: vec![condition],
    }
}
