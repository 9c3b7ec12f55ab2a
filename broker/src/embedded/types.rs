//! The types of events that were ever stored, by broker: filled by what comes in, without anybody's doing.
//!
//! What must hold:
//! - The first event of a type is recorded in the frame that stores it ([`TypeSeenRecord`]): when a type was first seen
//!   survives as the event does. All frames that carry the record carry the same one, so that it may be applied again.
//! - An event costs one look-up by its type. Counts and times of the last event are since the start of the process.
//! - Memory is bounded: past [`EVENT_TYPES_MAX`] types, and for types longer than [`EVENT_TYPE_TEXT_BYTES_MAX`], events
//!   are counted together.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use schemas::event::Event;
use schemas::names::ResourceName;
use serde::Serialize;
use smallvec::SmallVec;

use super::Embedded;
use super::records::{StateRecord, TypeSeenRecord};
use crate::clock::Timestamp;
use crate::limits::{
    EVENT_TYPE_SAMPLE_BYTES_MAX, EVENT_TYPE_SOURCES_MAX, EVENT_TYPE_TEXT_BYTES_MAX, EVENT_TYPES_MAX,
    EVENT_TYPES_RECORDED_MAX,
};

/// A type of events that one broker stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTypeInfo {
    /// The broker.
    pub broker: ResourceName,
    /// The type.
    pub ty: String,
    /// When its first event was stored.
    pub first_seen: Timestamp,
    /// When its last event was stored, since the process started.
    pub last_seen: Option<Timestamp>,
    /// Events stored since the process started.
    pub count: u64,
    /// Where they come from: the first one ever, then others since the process started.
    pub sources: Vec<String>,
    /// Whether there are more sources than are listed.
    pub more_sources: bool,
    /// The `dataschema` of the newest event that has one, or of the first one ever.
    pub data_schema: Option<String>,
    /// The `datacontenttype` of the first event ever.
    pub content_type: Option<String>,
    /// The beginning of the first event's data, when it is text.
    pub sample: Option<String>,
}

/// All types.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// By the number of the broker's event stream and by type.
    known: RwLock<Known>,
    /// Events whose type is not kept.
    left_out: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Known {
    by_stream: HashMap<u64, HashMap<Arc<str>, Arc<SeenType>>>,
    count: usize,
}

/// One type of one broker.
#[derive(Debug)]
struct SeenType {
    first: TypeSeenRecord,
    is_recorded: AtomicBool,
    count: AtomicU64,
    last_seen: AtomicU64,
    latest: Mutex<Latest>,
}

/// What of a type changes with the events that come.
#[derive(Debug, Default)]
struct Latest {
    /// Other than the first event's.
    sources: Vec<Box<str>>,
    more_sources: bool,
    data_schema: Option<Box<str>>,
}

/// The types of the events of one frame: counted once they are stored.
#[derive(Debug)]
pub(crate) struct Noted {
    of_events: SmallVec<[Arc<SeenType>; 1]>,
    left_out: u64,
    all_left_out: Arc<AtomicU64>,
}

impl Embedded {
    /// Every type of events that was ever stored, by broker and type; bounded.
    #[must_use]
    pub fn event_types(&self) -> Vec<EventTypeInfo> {
        let brokers = self.shared.streams.all().into_iter();
        let mut all: Vec<_> = brokers
            .flat_map(|broker| self.shared.types.of(&broker.name, broker.events))
            .collect();
        all.sort_by(|a, b| (&a.broker, &a.ty).cmp(&(&b.broker, &b.ty)));
        all
    }

    /// How many types there are, over all brokers.
    #[must_use]
    pub fn event_types_known(&self) -> u64 {
        self.shared.types.known.read().count as u64
    }

    /// Events stored since the process started whose type is not in the catalogue, for want of room or for its length.
    #[must_use]
    pub fn event_types_left_out(&self) -> u64 {
        self.shared.types.left_out.load(Ordering::Relaxed)
    }
}

// === impl Types ===

impl Types {
    /// Looks the types of events up that are about to be stored, and gives the records that go with them.
    pub(crate) fn note<'e>(
        &self,
        stream: u64,
        events: impl Iterator<Item = &'e Event>,
        now: Timestamp,
    ) -> (Noted, Vec<StateRecord>) {
        let mut noted = Noted {
            of_events: SmallVec::new(),
            left_out: 0,
            all_left_out: Arc::clone(&self.left_out),
        };
        let mut new: Vec<Arc<SeenType>> = Vec::new();
        for event in events {
            let Some(seen) = self.find_or_add(stream, event, now) else {
                noted.left_out += 1;
                continue;
            };
            seen.look_at(event);
            let is_new = !seen.is_recorded.load(Ordering::Acquire);
            if is_new
                && new.len() < EVENT_TYPES_RECORDED_MAX
                && !new.iter().any(|one| Arc::ptr_eq(one, &seen))
            {
                new.push(Arc::clone(&seen));
            }
            noted.of_events.push(seen);
        }
        let records = new.iter().map(|seen| StateRecord::TypeSeen(seen.first.clone()));
        (noted, records.collect())
    }

    /// A record that is committed, or that the view has.
    pub(crate) fn apply(&self, record: &TypeSeenRecord) {
        let mut known = self.known.write();
        let found = known.find(record.stream, &record.ty);
        // It was written within the limit, and stays also where a limit is lower now.
        found
            .unwrap_or_else(|| known.add(record.clone()))
            .is_recorded
            .store(true, Ordering::Release);
    }

    fn find_or_add(&self, stream: u64, event: &Event, now: Timestamp) -> Option<Arc<SeenType>> {
        if let Some(seen) = self.known.read().find(stream, event.ty()) {
            return Some(seen);
        }
        short(event.ty())?;
        let mut known = self.known.write();
        if let Some(seen) = known.find(stream, event.ty()) {
            return Some(seen);
        }
        let has_room = known.count < EVENT_TYPES_MAX;
        has_room.then(|| known.add(first(stream, event, now)))
    }

    fn of(&self, broker: &ResourceName, stream: u64) -> Vec<EventTypeInfo> {
        let known = self.known.read();
        let types = known.by_stream.get(&stream).into_iter().flatten();
        let stored = types.filter(|(_, seen)| seen.is_stored());
        stored.map(|(_, seen)| seen.info(broker)).collect()
    }
}

impl Known {
    fn find(&self, stream: u64, ty: &str) -> Option<Arc<SeenType>> {
        self.by_stream.get(&stream)?.get(ty).cloned()
    }

    fn add(&mut self, first: TypeSeenRecord) -> Arc<SeenType> {
        let (stream, ty) = (first.stream, Arc::from(first.ty.as_str()));
        let seen = Arc::new(SeenType {
            first,
            is_recorded: AtomicBool::new(false),
            count: AtomicU64::new(0),
            last_seen: AtomicU64::new(0),
            latest: Mutex::default(),
        });
        self.by_stream
            .entry(stream)
            .or_default()
            .insert(ty, Arc::clone(&seen));
        self.count += 1;
        seen
    }
}

// === impl Noted ===

impl Noted {
    /// The events are stored.
    pub(crate) fn stored(self, at: Timestamp) {
        for seen in self.of_events {
            seen.count.fetch_add(1, Ordering::Relaxed);
            seen.last_seen.fetch_max(at.0, Ordering::Relaxed);
        }
        if self.left_out > 0 {
            self.all_left_out.fetch_add(self.left_out, Ordering::Relaxed);
        }
    }
}

// === impl SeenType ===

impl SeenType {
    /// Whether it is more than a try that failed.
    fn is_stored(&self) -> bool {
        self.is_recorded.load(Ordering::Acquire) || self.count.load(Ordering::Relaxed) > 0
    }

    fn look_at(&self, event: &Event) {
        let is_first_source = event.source() == self.first.source.as_deref().unwrap_or_default();
        if is_first_source && event.data_schema().is_none() {
            return;
        }
        let mut latest = self.latest.lock();
        if !is_first_source {
            latest.add_source(event.source());
        }
        if let Some(uri) = event.data_schema().and_then(short)
            && latest.data_schema.as_deref() != Some(uri)
        {
            latest.data_schema = Some(uri.into());
        }
    }

    fn info(&self, broker: &ResourceName) -> EventTypeInfo {
        let latest = self.latest.lock();
        let first = &self.first;
        let count = self.count.load(Ordering::Relaxed);
        let sources = first.source.iter().cloned();
        let data_schema = latest.data_schema.as_deref().map(str::to_owned);
        EventTypeInfo {
            broker: broker.clone(),
            ty: first.ty.clone(),
            first_seen: first.at,
            last_seen: (count > 0).then(|| Timestamp(self.last_seen.load(Ordering::Relaxed))),
            count,
            sources: sources
                .chain(latest.sources.iter().map(ToString::to_string))
                .collect(),
            more_sources: latest.more_sources,
            data_schema: data_schema.or_else(|| first.data_schema.clone()),
            content_type: first.content_type.clone(),
            sample: first.sample.clone(),
        }
    }
}

impl Latest {
    fn add_source(&mut self, source: &str) {
        if self.sources.iter().any(|known| **known == *source) {
            return;
        }
        match short(source) {
            Some(source) if self.sources.len() + 1 < EVENT_TYPE_SOURCES_MAX => {
                self.sources.push(source.into());
            }
            _ => self.more_sources = true,
        }
    }
}

/// What is recorded of a type by its first event.
fn first(stream: u64, event: &Event, now: Timestamp) -> TypeSeenRecord {
    let kept = |text: &str| short(text).map(str::to_owned);
    TypeSeenRecord {
        stream,
        ty: event.ty().to_owned(),
        at: now,
        source: kept(event.source()),
        data_schema: event.data_schema().and_then(kept),
        content_type: event.data_content_type().and_then(kept),
        sample: event.data().and_then(|data| head(data)),
    }
}

/// The text, if it is short enough to be kept.
fn short(text: &str) -> Option<&str> {
    (text.len() <= EVENT_TYPE_TEXT_BYTES_MAX).then_some(text)
}

/// The beginning of data, when that is text.
fn head(data: &[u8]) -> Option<String> {
    let head = data.get(..EVENT_TYPE_SAMPLE_BYTES_MAX).unwrap_or(data);
    match std::str::from_utf8(head) {
        Ok(text) => Some(text.to_owned()),
        // A character that is cut in two at the end.
        Err(error) if error.error_len().is_none() && head.len() < data.len() => {
            let whole = head.get(..error.valid_up_to())?;
            std::str::from_utf8(whole).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
