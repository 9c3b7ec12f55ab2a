//! The built-in dead-letter store, read for people.

use std::cmp::Reverse;

use journal::{Record, StreamId};
use schemas::event::Event;
use schemas::names::ResourceName;
use serde::Serialize;

use super::Embedded;
use super::records::{DeadLetterMeta, read_dead_letter};
use crate::clock::Timestamp;
use crate::{DeadLetterReason, Position, SubscriptionId};

/// Which dead letters to list. Empty fields select everything.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterQuery {
    /// Of events of this broker.
    pub broker: Option<ResourceName>,
    /// Of this trigger.
    pub trigger: Option<ResourceName>,
    /// For this reason.
    pub reason: Option<DeadLetterReason>,
    /// At most so many, the newest first.
    pub limit: usize,
}

/// One dead letter without its data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterEntry {
    /// Names it: `subscription-stream-sequence` of its cause.
    pub id: String,
    /// The broker its cause came from.
    pub broker: ResourceName,
    /// The trigger that could not deliver it.
    pub trigger: ResourceName,
    /// Why it is here.
    pub reason: DeadLetterReason,
    /// The cause's sequence in the broker's stream.
    pub sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub at: Timestamp,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// The event's source.
    pub event_source: String,
    /// The last answer's HTTP status, if there was one.
    pub code: Option<u16>,
    /// The URL that failed, without user information.
    pub destination: Option<String>,
    /// In words.
    pub message: Option<String>,
    /// The first bytes of the last answer's body, as text.
    pub data: Option<String>,
    /// Attempts made at the subscriber.
    pub attempts: u32,
    /// The replay or redrive that could not deliver it, if it was one.
    pub replay: Option<String>,
}

/// The store could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the dead-letter store could not be read: {reason}")]
pub struct ReadError {
    reason: String,
}

impl Embedded {
    /// Dead letters, the newest first. Reads from disk: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetterEntry>, ReadError> {
        let mut copies = Vec::new();
        let view = self.shared.view();
        for found in view.dead_letters() {
            let (id, cause, copy) = found.map_err(ReadError::new)?;
            let of = self.shared.subscription(id);
            let matches = |wanted: &Option<ResourceName>, has: Option<&ResourceName>| {
                wanted.as_ref().is_none_or(|wanted| Some(wanted) == has)
            };
            if matches(&query.trigger, of.as_ref().map(|sub| &sub.name))
                && matches(&query.broker, of.as_ref().map(|sub| &sub.broker.name))
            {
                copies.push((id, cause, copy));
            }
        }
        copies.sort_by_key(|(_, _, copy)| Reverse(copy.sequence));
        let mut entries = Vec::new();
        for (id, cause, copy) in copies {
            if entries.len() >= query.limit {
                break;
            }
            let loaded = self.load(copy).unwrap_or_else(|error| {
                // One that is damaged must not hide the others.
                tracing::error!(?copy, %error, "a dead letter cannot be read and is left out of the list");
                None
            });
            if let Some((meta, event)) = loaded
                && query.reason.is_none_or(|reason| reason == meta.reason)
            {
                entries.push(DeadLetterEntry::new(id, cause, meta, &event));
            }
        }
        entries.sort_by_key(|entry| Reverse(entry.at));
        Ok(entries)
    }

    /// One dead letter with its event, byte for byte. Reads from disk: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn dead_letter(&self, id: &str) -> Result<Option<(DeadLetterEntry, Event)>, ReadError> {
        let Some((subscription, cause)) = parse_id(id) else {
            return Ok(None);
        };
        let Some(copy) = self
            .shared
            .view()
            .dead_letter(subscription, cause)
            .map_err(ReadError::new)?
        else {
            return Ok(None);
        };
        let loaded = self.load(copy)?;
        Ok(loaded.map(|(meta, event)| (DeadLetterEntry::new(subscription, cause, meta, &event), event)))
    }

    fn load(&self, copy: Position) -> Result<Option<(DeadLetterMeta, Event)>, ReadError> {
        let found = self
            .shared
            .journal
            .get(StreamId(copy.stream), copy.sequence)
            .map_err(ReadError::new)?;
        let read = |record: Record| read_dead_letter(&record.head, record.body).map_err(ReadError::new);
        found.map(read).transpose()
    }
}

impl DeadLetterEntry {
    fn new(id: SubscriptionId, cause: Position, meta: DeadLetterMeta, event: &Event) -> Self {
        let failure = meta.failure;
        let of_failure = |text: fn(&crate::Failure) -> String| failure.as_ref().map(text);
        Self {
            id: format!("{}-{}-{}", id.0, cause.stream, cause.sequence),
            broker: meta.broker,
            trigger: meta.trigger,
            reason: meta.reason,
            sequence: cause.sequence,
            at: meta.at,
            event_id: event.id().to_string(),
            event_type: event.ty().to_string(),
            event_source: event.source().to_string(),
            code: failure.as_ref().and_then(|failure| failure.code),
            destination: of_failure(|failure| failure.destination.clone()),
            message: of_failure(|failure| failure.message.clone()),
            data: of_failure(|failure| String::from_utf8_lossy(&failure.data).into_owned()),
            attempts: meta.attempts,
            replay: meta.side,
        }
    }
}

impl ReadError {
    fn new(reason: impl std::fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }
}

fn parse_id(id: &str) -> Option<(SubscriptionId, Position)> {
    let mut parts = id.split('-').map(|part| part.parse::<u64>().ok());
    let (subscription, stream, sequence) = (parts.next()??, parts.next()??, parts.next()??);
    parts
        .next()
        .is_none()
        .then_some((SubscriptionId(subscription), Position { stream, sequence }))
}
