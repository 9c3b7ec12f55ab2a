//! Brokers and subscriptions as they are shown to people: read-only, each as of one moment.

use std::sync::Arc;
use std::time::Duration;

use schemas::names::ResourceName;
use serde::Serialize;

use super::Embedded;
use super::streams::BrokerStream;
use super::subscription::Sub;
use crate::SubscriptionStatus;

/// One broker, as the admin API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerStatus {
    /// `namespace/name`.
    pub name: ResourceName,
    /// Sequence of the oldest event that is kept; 0 when there is none.
    pub first_sequence: u64,
    /// Sequence of the newest event: as many were ever stored.
    pub last_sequence: u64,
    /// Dead letters ever stored.
    pub dead_letters: u64,
    /// For how long a pair of source and id is stored once, where it is.
    pub dedupe: Option<Duration>,
    /// After how long an event expires that one of its triggers has not settled; `None`: never.
    pub retain_unsettled: Option<Duration>,
    /// After how long a dead letter leaves the store; `None`: never.
    pub dead_letter_retention: Option<Duration>,
}

/// One subscription, attached or not, as the admin API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionInfo {
    /// The trigger's name.
    pub name: ResourceName,
    /// The broker it reads.
    pub broker: ResourceName,
    /// Whether somebody consumes it; one that is not is kept until it is forgotten by command.
    pub attached: bool,
    /// After how long an event expires that it has not settled; `None`: never.
    pub retain_unsettled: Option<Duration>,
    /// Counts and position.
    pub status: SubscriptionStatus,
}

impl Embedded {
    /// All brokers that ever were declared, by name.
    #[must_use]
    pub fn brokers(&self) -> Vec<BrokerStatus> {
        let rules = self.shared.expiry.load();
        let status = |stream: Arc<BrokerStream>| {
            let bounds = self.shared.journal.bounds(journal::StreamId(stream.events));
            BrokerStatus {
                name: stream.name.clone(),
                first_sequence: bounds.map_or(0, |bounds| bounds.first),
                last_sequence: bounds.map_or(0, |bounds| bounds.last),
                dead_letters: self.shared.last(stream.dead_letters),
                dedupe: stream.dedupe_window(),
                retain_unsettled: rules.brokers.get(&stream.name).copied(),
                dead_letter_retention: rules.dead_letters.get(&stream.name).copied(),
            }
        };
        self.shared.streams.all().into_iter().map(status).collect()
    }

    /// All subscriptions, by name, also those nobody is attached to.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        let info = |sub: Arc<Sub>| SubscriptionInfo {
            name: sub.name.clone(),
            broker: sub.broker.name.clone(),
            attached: sub.is_attached(),
            retain_unsettled: self.shared.unsettled_limit(&sub),
            status: sub.status(self.shared.last(sub.broker.events)),
        };
        self.shared.subscriptions().into_iter().map(info).collect()
    }
}
