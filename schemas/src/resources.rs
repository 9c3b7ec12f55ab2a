//! The kinds that configure Heddle, typed and validated: Knative's Broker, Trigger and sources, and Heddle's own.
//!
//! [`decode`] reads one file. It is pure, never stops at the first mistake, and looks at one resource at a time: what refers
//! to another resource (a trigger's broker, a sink), to the environment or to a file is checked later by who has all of them,
//! with the places kept here. Field names, defaults and rules are Knative's where the kind is Knative's.

mod decode;
mod kinds;
mod scope;

pub mod broker;
pub mod delivery;
pub mod description;
pub mod destination;
pub mod duration;
pub mod endpoint;
pub mod entries;
pub mod event_type;
pub mod filters;
pub mod kafka_source;
pub mod meta;
pub mod nats_source;
pub mod order;
pub mod ping_source;
pub mod schema;
pub mod source;
pub mod trigger;
pub mod value;
pub mod webhook_source;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::names::ResourceName;
use crate::yaml::{Masked, Place, Problem};

pub use decode::decode;
pub use kinds::Kind;
pub use scope::Loose;

use broker::Broker;
use endpoint::Endpoint;
use entries::Entries;
use event_type::EventType;
use kafka_source::KafkaSource;
use nats_source::NatsSource;
use ping_source::PingSource;
use schema::Schema;
use trigger::Trigger;
use webhook_source::WebhookSource;

/// One resource that was read and is valid by itself, unless an error in the same [`Decoded`] says otherwise.
#[derive(Clone, Debug)]
pub enum Resource {
    /// `eventing.knative.dev/v1` Broker.
    Broker(Box<Broker>),
    /// `eventing.knative.dev/v1` Trigger.
    Trigger(Box<Trigger>),
    /// `sources.knative.dev/v1` PingSource.
    PingSource(Box<PingSource>),
    /// `sources.knative.dev/v1` or `v1beta1` KafkaSource.
    KafkaSource(Box<KafkaSource>),
    /// `heddle.dev/v1` NatsSource.
    NatsSource(Box<NatsSource>),
    /// `heddle.dev/v1` WebhookSource.
    WebhookSource(Box<WebhookSource>),
    /// `heddle.dev/v1` Endpoint.
    Endpoint(Box<Endpoint>),
    /// `heddle.dev/v1` Schema.
    Schema(Box<Schema>),
    /// `eventing.knative.dev/v1beta1` to `v1beta3` EventType.
    EventType(Box<EventType>),
    /// `v1` Secret or ConfigMap, read for what refers to its entries.
    Entries(Box<Entries>),
}

/// A resource by kind and name, and where its name is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: ResourceName,
    /// Where its name stands.
    pub place: Place,
}

/// A resource that could not be read.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What it is, when that could be read; who refers to it is not told again that something is wrong.
    pub identity: Option<Identity>,
    /// What it refers to, as far as it could be read.
    pub loose: Vec<Loose>,
}

/// What one file holds.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The resources that could be read, in the order written.
    pub resources: Vec<Resource>,
    /// Resources with mistakes that keep them from being read.
    pub broken: Vec<Broken>,
    /// Everything that is to be said about the file, in the order of its lines.
    pub problems: Vec<Problem>,
    /// Stretches of the text that must not be shown.
    pub masked: Vec<Masked>,
    /// Files that `{file: ...}` values name, as they are written (relative to the file that was read).
    pub files: Vec<Arc<str>>,
}

impl Resource {
    /// The resource's kind, name and place.
    pub fn identity(&self) -> &Identity {
        match self {
            Resource::Broker(broker) => &broker.meta.identity,
            Resource::Trigger(trigger) => &trigger.meta.identity,
            Resource::PingSource(source) => &source.meta.identity,
            Resource::KafkaSource(source) => &source.meta.identity,
            Resource::NatsSource(source) => &source.meta.identity,
            Resource::WebhookSource(source) => &source.meta.identity,
            Resource::Endpoint(endpoint) => &endpoint.meta.identity,
            Resource::Schema(schema) => &schema.meta.identity,
            Resource::EventType(event_type) => &event_type.meta.identity,
            Resource::Entries(entries) => &entries.meta.identity,
        }
    }
}
