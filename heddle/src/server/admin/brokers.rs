//! Brokers: address and counts.

use axum::Json;
use axum::extract::State;
use broker::embedded::BrokerStatus;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::query::{Named, Parameters};
use super::{Admin, Items};
use crate::server::problem::{Kind, Problem};

/// Parameters of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Also what heddle made for itself.
    #[serde(default)]
    pub(super) all: bool,
}

/// A broker as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrokerView {
    kind: &'static str,
    namespace: String,
    name: String,
    /// Where events are posted; none for a broker that heddle made for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    ready: bool,
    /// Events ever stored.
    events: u64,
    /// Sequence of the oldest event that is kept; 0 without one.
    first_sequence: u64,
    last_sequence: u64,
    /// Dead letters ever stored.
    dead_letters: u64,
    /// For how long an event of the same source and id is not stored again (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    dedupe: Option<String>,
    /// After how long an event expires that one of its triggers has not settled (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_unsettled: Option<String>,
    /// After how long a dead letter leaves the store (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_retention: Option<String>,
    conditions: Vec<Condition>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Items<BrokerView>> {
    let items = admin.parts.engine.brokers().into_iter().filter_map(|status| {
        let is_shown = query.all || !admin.parts.catalogue.implicit.contains(&status.name);
        is_shown.then(|| view(&admin, status))
    });
    Json(Items {
        items: items.collect(),
    })
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Named(name): Named,
) -> Result<Json<BrokerView>, Problem> {
    let found = admin
        .parts
        .engine
        .brokers()
        .into_iter()
        .find(|status| status.name == name);
    let status = found.ok_or_else(|| unknown(&name))?;
    Ok(Json(view(&admin, status)))
}

/// No broker of that name was ever declared here.
pub(super) fn unknown(name: &ResourceName) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("there is no broker {name}; `heddle get brokers` lists them"),
    )
}

fn view(admin: &Admin, status: BrokerStatus) -> BrokerView {
    let is_declared = admin.parts.catalogue.brokers.contains(&status.name);
    let is_implicit = admin.parts.catalogue.implicit.contains(&status.name);
    let condition = if is_declared || is_implicit {
        Condition::ready()
    } else {
        Condition::not_ready(
            "NotConfigured",
            "its events are kept, but the configuration has no such broker",
        )
    };
    BrokerView {
        kind: "Broker",
        namespace: status.name.namespace().to_owned(),
        name: status.name.name().to_owned(),
        url: is_declared.then(|| format!("{}/{}", admin.parts.ingress, status.name)),
        ready: condition.is_true(),
        events: status.last_sequence,
        first_sequence: status.first_sequence,
        last_sequence: status.last_sequence,
        dead_letters: status.dead_letters,
        dedupe: status.dedupe.map(crate::time::iso8601),
        retain_unsettled: status.retain_unsettled.map(crate::time::iso8601),
        dead_letter_retention: status.dead_letter_retention.map(crate::time::iso8601),
        conditions: vec![condition],
    }
}
