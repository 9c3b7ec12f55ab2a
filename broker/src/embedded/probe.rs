//! Records by themselves, for the micro benchmarks: the bytes of an event and of settlements, made and read.
//!
//! It stores nothing. No part of the engine's contract, and no one's to build on.

use std::ops::Range;

use bytes::Bytes;
use journal::Entry;
use schemas::event::Event;

use super::records::{self, Fate, Item, StateRecord};
use crate::{Outcome, SubscriptionId, Timestamp};

/// The journal's entry for an event, as ingest makes it.
#[must_use]
pub fn event_entry(event: &Event) -> Entry {
    records::event_entry(16, event, u8::MAX, Timestamp(1_700_000_000_000))
}

/// The event of such an entry, as a subscription gets it from the disk: head and data in one piece. `None` when
/// the bytes are no record.
#[must_use]
pub fn read_event(payload: &Bytes) -> Option<Event> {
    let record = records::read_event(payload, Bytes::new()).ok()?;
    Some(record.event)
}

/// The journal's entry for the deliveries of these sequences by one subscription.
#[must_use]
pub fn settlements_entry(delivered: Range<u64>) -> Entry {
    let item = |sequence| Item {
        subscription: SubscriptionId(300),
        sequence,
        covers: 0,
        fate: Fate::Settled(Outcome::Delivered),
    };
    StateRecord::Settlements(delivered.map(item).collect()).entry()
}
