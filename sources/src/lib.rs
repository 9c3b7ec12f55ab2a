//! Turns outside events into CloudEvents and hands them to the broker.
//!
//! A [`SourceSpec`] is validated data; [`Sources::start`] runs one [`Source`] for each of them and keeps it running.
//! All of them store through one [`Intake`], so that the rule below is kept in one place.
//!
//! What must hold:
//! - A position outside (Kafka offset, JetStream acknowledgement, cron tick) moves only after the engine answered
//!   that the events up to it are durable. A crash in between repeats events, with the same ids; it loses none.
//! - Bytes of data stay as they came. An event that came in as a CloudEvent passes as it is (but for `ceOverrides`).
//! - A record that claims to be a CloudEvent and is not one, or that is too large, is neither lost nor does it block
//!   what is behind it: an event stands in for it that says so ([`extensions`]).
//! - What a source holds in memory is bounded ([`limits`]); pressure is passed on to the outside.
//! - One source's failure is its own: it is restarted with growing pauses and the others do not notice.
//!
//! What it never does: serve HTTP (the binary hands webhook requests in), match or deliver events.

mod backoff;
pub mod cron;
pub mod extensions;
mod intake;
pub mod kafka;
pub mod limits;
pub mod metrics;
pub mod nats;
mod payload;
pub mod ping;
mod secret;
pub mod source;
pub mod spec;
pub mod status;
pub mod supervisor;
#[cfg(test)]
mod testing;
pub mod webhook;
mod wrap;

pub use cron::{Schedule, ScheduleError};
pub use intake::Intake;
pub use kafka::{
    InitialOffset, KafkaSpec, KafkaSpecError, KeyType, Ordering, SaslMechanism, SaslSpec, TlsSpec,
};
pub use metrics::Metrics;
pub use nats::{DeliverFrom, JetStreamSpec, NatsAuth, NatsMode, NatsSpec, NatsSpecError, NatsTls};
pub use ping::PingSpec;
pub use secret::Secret;
pub use source::{Session, Source, SourceError};
pub use spec::{SourceKind, SourceSpec};
pub use status::{SourceStatus, State};
pub use supervisor::{Options, Sources, StartError};
pub use webhook::{Pick, WebhookAuth, WebhookError, WebhookSpec, Webhooks, WhenCloudEvent};
