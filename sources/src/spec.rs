//! What a source is to do: plain, validated data, made by the configuration.

use schemas::names::ResourceName;
use serde::Serialize;

use crate::kafka::{KafkaSource, KafkaSpec};
use crate::nats::{NatsSource, NatsSpec};
use crate::ping::{PingSource, PingSpec};
use crate::source::Source;
use crate::webhook::WebhookSpec;

/// One source of any kind.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// The resource's name.
    pub name: ResourceName,
    /// The broker that its events go to. A sink that is no broker is mapped to one by the caller.
    pub target: ResourceName,
    /// `ceOverrides.extensions`: set on every event, in place of what it brought. Names are extensions' names.
    pub overrides: Vec<(String, String)>,
    /// What kind of source, with its own settings.
    pub kind: SourceKind,
}

/// The kinds of sources with their settings.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// An event at each tick of a schedule.
    Ping(PingSpec),
    /// The records of Kafka topics.
    Kafka(KafkaSpec),
    /// The messages of NATS subjects or of a JetStream stream.
    Nats(NatsSpec),
    /// The requests to a path of the ingress.
    Webhook(WebhookSpec),
}

/// The name of a kind of sources, as in `kind:` of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum KindName {
    /// `PingSource`
    PingSource,
    /// `KafkaSource`
    KafkaSource,
    /// `NatsSource`
    NatsSource,
    /// `WebhookSource`
    WebhookSource,
}

impl SourceKind {
    /// The kind alone.
    #[must_use]
    pub fn name(&self) -> KindName {
        match self {
            Self::Ping(_) => KindName::PingSource,
            Self::Kafka(_) => KindName::KafkaSource,
            Self::Nats(_) => KindName::NatsSource,
            Self::Webhook(_) => KindName::WebhookSource,
        }
    }

    /// What runs for it; `None` for a webhook, which is called instead.
    pub(crate) fn build(&self, name: &ResourceName) -> Option<Box<dyn Source>> {
        match self {
            Self::Ping(spec) => Some(Box::new(PingSource::new(name.clone(), spec.clone()))),
            Self::Kafka(spec) => Some(Box::new(KafkaSource::new(name.clone(), spec.clone()))),
            Self::Nats(spec) => Some(Box::new(NatsSource::new(name.clone(), spec.clone()))),
            Self::Webhook(_) => None,
        }
    }
}

impl KindName {
    /// As it is written in a resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PingSource => "PingSource",
            Self::KafkaSource => "KafkaSource",
            Self::NatsSource => "NatsSource",
            Self::WebhookSource => "WebhookSource",
        }
    }
}
