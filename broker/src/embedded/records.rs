//! The records that the embedded engine keeps in the journal: their kinds and byte layouts.
//!
//! Streams: stream 0 is the engine's own state. Each broker has two more, named by a `Streams` record: its events
//! and its dead letters. A trigger whose dead letters were redriven has one of their copies, named by a `Side` record.
//!
//! Layouts (integers marked `v` are LEB128, the others little endian):
//!
//! ```text
//! Event (1)        hops u8 | accepted_at u64 | the event's record (head, then data)
//! Streams (16)     JSON {broker, events, dead_letters}
//! Subscribed (17)  JSON {id, name, broker, after}
//! Settlements (18) count v | item*                  item = tag u8 | subscription v | sequence v | covers v | rest
//!                  tag 0..=4: settled (delivered, dead letter sink, dead-letter store, unreadable, expired); rest is empty
//!                  tag 16: retry; rest = at v | length v | progress as JSON
//!                  tags 17..=20: waits by its key; rest = key (16, big endian) | more
//!                    17: behind those before it; no more      18: parked; since v | length v | progress as JSON
//!                    19: retry; at v | length v | progress    20: blocked; at v | since v | length v | progress
//! SourceState (19) key length v | key | state
//! Progress (20)    count v | (subscription v | floor v)*
//! Filtered (21)    JSON {id, filter, after}
//! Paused (22)      JSON {id, pause: {by, reason, at} or null}
//! Sought (23)      JSON {id, after, skipped}
//! Forgotten (24)   JSON {ids}
//! Side (25)        JSON {started: {..}} or {extended: {id, until}} or {ended: {id, how, at}}
//! Deduped (26)     event stream v | until v | count v | (pair key 16 | fingerprint 16)*
//! LettersGone (27) how u8 (0 purged, 1 redriven, 2 expired) | count v
//!                  | (subscription v | cause: stream v, sequence v | copy: stream v, sequence v)*
//! SnapshotBegin, SnapshotChunk, SnapshotEnd (28, 29, 30)  see [`snapshot`]
//! Released (31)    JSON {id, sequence, key, at}
//! TypeSeen (33)    JSON {stream, type, at, source, data_schema, content_type, sample}
//! DeadLetter (32)  meta length v | meta as JSON | the event's record
//! ```
//!
//! An item accounts for `sequence` and for the `covers` sequences before it, which did not match: this is what
//! keeps the set of accounted sequences as small as the number of deliveries that are open.
//!
//! Applying a run of state records in order, twice or from any earlier point on, ends in the same state.

mod dedupe;
mod items;
mod letters;
mod position;
mod side;
pub(crate) mod snapshot;
mod types;

use bytes::{BufMut, Bytes, BytesMut};
use journal::{Entry, StreamId};
use schemas::event::Event;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

pub(crate) use self::dedupe::DedupedRecord;
pub(crate) use self::items::{Fate, Held, Item};
pub(crate) use self::letters::{
    AT_THE_DOOR, DeadLetterMeta, Leave, LetterGone, LettersGoneRecord, dead_letter_entry, read_dead_letter,
};
use self::snapshot::{SnapshotBegin, SnapshotChunk, SnapshotEnd};
use super::key::Key;
use crate::clock::Timestamp;
use crate::{SourceState, SubscriptionId};

pub(crate) use self::position::{ForgottenRecord, PausedRecord, SoughtRecord};
pub(crate) use self::side::{SideRecord, SideSpec};
pub(crate) use self::types::TypeSeenRecord;

/// The engine's own stream.
pub(crate) const STATE: StreamId = StreamId(0);
/// The first stream that is given to a broker; those before it are kept for the engine.
pub(crate) const FIRST_BROKER_STREAM: u64 = 16;

pub(crate) const EVENT: u8 = 1;
const STREAMS: u8 = 16;
const SUBSCRIBED: u8 = 17;
const SETTLEMENTS: u8 = 18;
const SOURCE_STATE: u8 = 19;
const PROGRESS: u8 = 20;
const FILTERED: u8 = 21;
const PAUSED: u8 = 22;
const SOUGHT: u8 = 23;
const FORGOTTEN: u8 = 24;
const SIDE: u8 = 25;
const DEDUPED: u8 = 26;
const LETTERS_GONE: u8 = 27;
const SNAPSHOT_BEGIN: u8 = 28;
pub(crate) const SNAPSHOT_CHUNK: u8 = 29;
pub(crate) const SNAPSHOT_END: u8 = 30;
const RELEASED: u8 = 31;
pub(crate) const DEAD_LETTER: u8 = 32;
const TYPE_SEEN: u8 = 33;

const EVENT_PREFIX_BYTES: usize = 9;

/// A record that does not read as what its kind says. It was checksummed when it was written, so this is a fault
/// of a program, not of the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stored record of kind {kind} cannot be read: {what}")]
pub(crate) struct BadRecord {
    pub(crate) kind: u8,
    pub(crate) what: String,
}

/// One record of the state stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StateRecord {
    Streams(StreamsRecord),
    Subscribed(SubscribedRecord),
    Settlements(Vec<Item>),
    SourceState(SourceState),
    Progress(Vec<(SubscriptionId, u64)>),
    Filtered(FilteredRecord),
    Paused(PausedRecord),
    Sought(SoughtRecord),
    Forgotten(ForgottenRecord),
    Side(SideRecord),
    SnapshotBegin(SnapshotBegin),
    SnapshotChunk(SnapshotChunk),
    SnapshotEnd(SnapshotEnd),
    Deduped(DedupedRecord),
    Released(ReleasedRecord),
    LettersGone(LettersGoneRecord),
    TypeSeen(TypeSeenRecord),
}

/// A subscription has this filter for the events after a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilteredRecord {
    pub(crate) id: SubscriptionId,
    pub(crate) filter: Filter,
    pub(crate) after: u64,
}

/// An event that held its key is to be tried afresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReleasedRecord {
    pub(crate) id: SubscriptionId,
    pub(crate) sequence: u64,
    pub(crate) key: Key,
    /// When.
    pub(crate) at: Timestamp,
}

/// A broker got its streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamsRecord {
    pub(crate) broker: ResourceName,
    pub(crate) events: u64,
    pub(crate) dead_letters: u64,
}

/// A subscription was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscribedRecord {
    pub(crate) id: SubscriptionId,
    pub(crate) name: ResourceName,
    pub(crate) broker: ResourceName,
    /// It gets what comes after this sequence.
    pub(crate) after: u64,
}

/// An event with its record metadata, as read back.
pub(crate) struct EventRecord {
    pub(crate) hops: u8,
    pub(crate) accepted_at: Timestamp,
    pub(crate) event: Event,
}

/// The entry that stores an event.
pub(crate) fn event_entry(stream: u64, event: &Event, hops: u8, accepted_at: Timestamp) -> Entry {
    let (event_head, body) = event.to_record();
    let mut head = BytesMut::with_capacity(EVENT_PREFIX_BYTES + event_head.len());
    head.put_u8(hops);
    head.put_u64_le(accepted_at.0);
    head.extend_from_slice(&event_head);
    Entry {
        stream: StreamId(stream),
        kind: EVENT,
        head: head.freeze(),
        body,
        kept: None,
    }
}

/// Reads an event record.
pub(crate) fn read_event(head: &Bytes, body: Bytes) -> Result<EventRecord, BadRecord> {
    let bad = |what: String| BadRecord { kind: EVENT, what };
    let (prefix, _) = head
        .split_at_checked(EVENT_PREFIX_BYTES)
        .ok_or_else(|| bad("it is too short".into()))?;
    let (hops, at) = prefix.split_first().ok_or_else(|| bad("it is empty".into()))?;
    let at = <[u8; 8]>::try_from(at).map_err(|_| bad("it is too short".into()))?;
    let event =
        Event::from_record(head.slice(EVENT_PREFIX_BYTES..), body).map_err(|error| bad(error.to_string()))?;
    Ok(EventRecord {
        hops: *hops,
        accepted_at: Timestamp(u64::from_le_bytes(at)),
        event,
    })
}

/// When the event of a record was accepted, without reading the event.
pub(crate) fn accepted_at(head: &[u8]) -> Option<Timestamp> {
    let at = head.get(1..EVENT_PREFIX_BYTES)?.try_into().ok()?;
    Some(Timestamp(u64::from_le_bytes(at)))
}

// === impl StateRecord ===

impl StateRecord {
    /// The entry that stores this record.
    pub(crate) fn entry(&self) -> Entry {
        let mut head = BytesMut::with_capacity(self.bytes_about());
        let kind = match self {
            Self::Streams(record) => {
                head.extend_from_slice(&to_json(record));
                STREAMS
            }
            Self::Subscribed(record) => {
                head.extend_from_slice(&to_json(record));
                SUBSCRIBED
            }
            Self::Filtered(record) => {
                head.extend_from_slice(&to_json(record));
                FILTERED
            }
            Self::Paused(record) => {
                head.extend_from_slice(&to_json(record));
                PAUSED
            }
            Self::Sought(record) => {
                head.extend_from_slice(&to_json(record));
                SOUGHT
            }
            Self::Forgotten(record) => {
                head.extend_from_slice(&to_json(record));
                FORGOTTEN
            }
            Self::Side(record) => {
                head.extend_from_slice(&to_json(record));
                SIDE
            }
            Self::SnapshotBegin(record) => {
                head.extend_from_slice(&to_json(record));
                SNAPSHOT_BEGIN
            }
            Self::SnapshotChunk(chunk) => {
                chunk.put(&mut head);
                SNAPSHOT_CHUNK
            }
            Self::SnapshotEnd(record) => {
                head.extend_from_slice(&to_json(record));
                SNAPSHOT_END
            }
            Self::Deduped(record) => {
                record.put(&mut head);
                DEDUPED
            }
            Self::Released(record) => {
                head.extend_from_slice(&to_json(record));
                RELEASED
            }
            Self::LettersGone(record) => {
                record.put(&mut head);
                LETTERS_GONE
            }
            Self::TypeSeen(record) => {
                head.extend_from_slice(&to_json(record));
                TYPE_SEEN
            }
            Self::Settlements(items) => {
                put_varint(&mut head, items.len() as u64);
                items.iter().for_each(|item| item.put(&mut head));
                SETTLEMENTS
            }
            Self::SourceState(state) => {
                put_varint(&mut head, state.key.len() as u64);
                head.extend_from_slice(state.key.as_bytes());
                head.extend_from_slice(&state.state);
                SOURCE_STATE
            }
            Self::Progress(floors) => {
                put_varint(&mut head, floors.len() as u64);
                for (subscription, floor) in floors {
                    put_varint(&mut head, subscription.0);
                    put_varint(&mut head, *floor);
                }
                PROGRESS
            }
        };
        Entry {
            stream: STATE,
            kind,
            head: head.freeze(),
            body: Bytes::new(),
            kept: None,
        }
    }

    /// What the record takes, for the one that is written all the time; of the others nothing is said.
    fn bytes_about(&self) -> usize {
        match self {
            Self::Settlements(items) => items.iter().map(Item::bytes_about).sum::<usize>() + 4,
            _ => 0,
        }
    }

    /// Reads a record of the state stream.
    pub(crate) fn read(kind: u8, payload: Bytes) -> Result<Self, BadRecord> {
        let mut input = Input { kind, rest: payload };
        match kind {
            STREAMS => Ok(Self::Streams(input.json(&input.rest)?)),
            SUBSCRIBED => Ok(Self::Subscribed(input.json(&input.rest)?)),
            FILTERED => Ok(Self::Filtered(input.json(&input.rest)?)),
            PAUSED => Ok(Self::Paused(input.json(&input.rest)?)),
            SOUGHT => Ok(Self::Sought(input.json(&input.rest)?)),
            FORGOTTEN => Ok(Self::Forgotten(input.json(&input.rest)?)),
            SIDE => Ok(Self::Side(input.json(&input.rest)?)),
            SNAPSHOT_BEGIN => Ok(Self::SnapshotBegin(input.json(&input.rest)?)),
            SNAPSHOT_CHUNK => Ok(Self::SnapshotChunk(SnapshotChunk::take(&mut input)?)),
            SNAPSHOT_END => Ok(Self::SnapshotEnd(input.json(&input.rest)?)),
            LETTERS_GONE => LettersGoneRecord::take(&mut input).map(Self::LettersGone),
            DEDUPED => DedupedRecord::take(&mut input).map(Self::Deduped),
            RELEASED => Ok(Self::Released(input.json(&input.rest)?)),
            TYPE_SEEN => Ok(Self::TypeSeen(input.json(&input.rest)?)),
            SETTLEMENTS => {
                let count = input.varint()?;
                Ok(Self::Settlements(
                    (0..count)
                        .map(|_| Item::take(&mut input))
                        .collect::<Result<_, _>>()?,
                ))
            }
            SOURCE_STATE => {
                let key = String::from_utf8(input.block()?.to_vec())
                    .map_err(|error| input.bad(error.to_string()))?;
                Ok(Self::SourceState(SourceState {
                    key,
                    state: input.rest.to_vec(),
                }))
            }
            PROGRESS => {
                let count = input.varint()?;
                let floors = (0..count).map(|_| Ok((SubscriptionId(input.varint()?), input.varint()?)));
                Ok(Self::Progress(floors.collect::<Result<_, _>>()?))
            }
            _ => Err(input.bad("the kind is not known; it was written by a newer version".into())),
        }
    }
}

// === reading and writing ===

struct Input {
    kind: u8,
    rest: Bytes,
}

impl Input {
    fn bad(&self, what: String) -> BadRecord {
        BadRecord {
            kind: self.kind,
            what,
        }
    }

    fn byte(&mut self) -> Result<u8, BadRecord> {
        let byte = *self
            .rest
            .first()
            .ok_or_else(|| self.bad("it ends too early".into()))?;
        self.rest = self.rest.slice(1..);
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, BadRecord> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.bad("a number is over 64 bits".into()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadRecord> {
        let array = self.rest.first_chunk().copied();
        let array = array.ok_or_else(|| self.bad("it ends too early".into()))?;
        self.rest = self.rest.slice(N..);
        Ok(array)
    }

    fn block(&mut self) -> Result<Bytes, BadRecord> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => Ok(self.rest.split_to(length)),
            _ => Err(self.bad(format!(
                "{length} bytes are announced, {} are there",
                self.rest.len()
            ))),
        }
    }

    fn json<T: for<'a> Deserialize<'a>>(&self, bytes: &[u8]) -> Result<T, BadRecord> {
        serde_json::from_slice(bytes).map_err(|error| self.bad(error.to_string()))
    }
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).unwrap_or_default());
}

fn put_block(out: &mut BytesMut, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A record of the engine as JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("these types have string keys only and always serialise")
}

#[cfg(test)]
mod tests;
