//! The one door through which events get into a broker: from producers and sources, and as replies.
//!
//! What a schema quarantines is stored as a dead letter, in the frame of the others, and goes no further.
//! Duplicates are sifted out where the broker asks for it; the rest is stored in one frame with the record of its pairs
//! and whatever else belongs to it. What came in is counted here, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use journal::{Entry, Purpose};
use schemas::event::Event;

use super::dedupe::{Fate, Pair, Reserved, Sifted};
use super::records::{DeadLetterMeta, DedupedRecord, StateRecord, dead_letter_entry, event_entry};
use super::settle::Submitted;
use super::shared::Shared;
use super::streams::BrokerStream;
use crate::clock::Timestamp;
use crate::tally::Rejection;
use crate::{Accepted, AppendError, Permit, Position, Quarantined};

/// What wants in.
pub(crate) struct Arrival {
    pub(crate) broker: Arc<BrokerStream>,
    pub(crate) events: Vec<Event>,
    /// Kept as dead letters in the same frame.
    pub(crate) quarantined: Vec<Quarantined>,
    /// Passes left for each of them.
    pub(crate) hops: u8,
    pub(crate) purpose: Purpose,
    /// Stored in the same frame, also when all events are duplicates.
    pub(crate) with: Vec<Entry>,
    /// Given back when the journal has answered.
    pub(crate) permit: Option<Permit>,
}

/// Events that were counted as received, until somebody says what became of them.
struct Received {
    broker: Arc<BrokerStream>,
    events: u64,
}

/// What of a batch is stored, and what the answer is made of.
struct Plan {
    fates: Vec<Fate>,
    /// Places in the batch.
    new: Vec<usize>,
    /// Of those that are stored; empty where events are stored as often as they come.
    pairs: Vec<Pair>,
    window: Duration,
    reserved: Option<Reserved>,
}

impl Shared {
    /// Stores what arrives, or says of each event where it is stored already. Dropping the future before it is on its
    /// way to the disk stores nothing.
    ///
    /// # Errors
    /// [`AppendError`]; then nothing of it is stored.
    pub(crate) async fn take_in(self: &Arc<Self>, mut arrival: Arrival) -> Result<Accepted, AppendError> {
        let received = Received::new(&arrival.broker, arrival.events.len() + arrival.quarantined.len());
        if let Some(reason) = self.halted() {
            return Err(received.refused(AppendError::Failed { reason }));
        }
        let stream = arrival.broker.events;
        let plan = match arrival.broker.dedupe_window() {
            None => Plan::everything(arrival.events.len()),
            Some(window) => {
                let events = Arc::new(std::mem::take(&mut arrival.events));
                let sifted = self.sift(stream, &events).await;
                arrival.events = Arc::unwrap_or_clone(events);
                match sifted {
                    Ok(sifted) => Plan::once(sifted, window),
                    Err(error) => return Err(received.refused(error)),
                }
            }
        };
        let fates = plan.fates.clone();
        match self.send(arrival, plan, received) {
            Some(submitted) => {
                let committed = submitted.durable().await?;
                Ok(accepted(stream, &fates, &committed.sequences))
            }
            None => Ok(accepted(stream, &fates, &[])),
        }
    }

    /// Hands the journal what is to be stored; `None` when there is nothing.
    fn send(&self, arrival: Arrival, plan: Plan, received: Received) -> Option<Submitted> {
        let Arrival {
            broker,
            events,
            quarantined,
            hops,
            purpose,
            with,
            permit,
        } = arrival;
        let now = self.clock.now();
        let stream = broker.events;
        let stored = plan.new.iter().filter_map(|index| events.get(*index));
        let (noted, types) = self.types.note(stream, stored.clone(), now);
        let stored = stored.map(|event| event_entry(stream, event, hops, now));
        let records = plan.record(stream, now).into_iter().chain(types);
        let records = records.map(|record| record.entry());
        let letters = quarantined.iter().map(|one| letter_of(&broker, one, hops, now));
        let kept = quarantined.len();
        let mut entries = stored.chain(records).chain(letters).chain(with).peekable();
        let (count, duplicates) = (plan.new.len(), plan.fates.len() - plan.new.len());
        if entries.peek().is_none() {
            received.taken(0, duplicates, 0);
            return None;
        }
        let (pairs, reserved) = (plan.pairs.clone(), plan.reserved);
        Some(self.submit_then(purpose, entries, move |answer| {
            drop(permit);
            match answer {
                Ok(committed) => {
                    received.taken(count, duplicates, kept);
                    noted.stored(now);
                    if let Some(reserved) = reserved {
                        let places = committed.sequences.iter().map(|at| position(stream, *at));
                        reserved.answer(pairs.into_iter().zip(places).collect());
                    }
                }
                Err(error) => drop(received.refused(error.clone())),
            }
        }))
    }
}

fn accepted(stream: u64, fates: &[Fate], sequences: &[u64]) -> Accepted {
    let place = |at: usize| sequences.get(at).map(|sequence| position(stream, *sequence));
    let positions: Vec<_> = fates
        .iter()
        .map(|fate| match fate {
            Fate::New(at) | Fate::Repeated(at) => place(*at),
            Fate::Seen(at) => *at,
        })
        .collect();
    let is_new = |fate: &&Fate| matches!(fate, Fate::New(_));
    let duplicates = positions.len() - fates.iter().filter(is_new).count();
    Accepted {
        positions,
        duplicates,
    }
}

/// The dead letter of an event that is kept at the door.
fn letter_of(broker: &BrokerStream, quarantined: &Quarantined, hops: u8, now: Timestamp) -> Entry {
    let meta = DeadLetterMeta::at_the_door(&broker.name, &quarantined.mismatch, hops, now);
    dead_letter_entry(broker.dead_letters, &meta, &quarantined.event)
}

fn position(stream: u64, sequence: u64) -> Position {
    Position { stream, sequence }
}

// === impl Plan ===

impl Plan {
    fn everything(count: usize) -> Self {
        Self {
            fates: (0..count).map(Fate::New).collect(),
            new: (0..count).collect(),
            pairs: Vec::new(),
            window: Duration::ZERO,
            reserved: None,
        }
    }

    fn once(sifted: Sifted, window: Duration) -> Self {
        let (new, pairs) = sifted.new.into_iter().unzip();
        Self {
            fates: sifted.fates,
            new,
            pairs,
            window,
            reserved: Some(sifted.reserved),
        }
    }

    /// What makes the pairs known after a restart.
    fn record(&self, stream: u64, now: Timestamp) -> Option<StateRecord> {
        (!self.pairs.is_empty()).then(|| {
            StateRecord::Deduped(DedupedRecord {
                stream,
                until: now.after(self.window),
                pairs: self.pairs.clone(),
            })
        })
    }
}

// === impl Received ===

impl Received {
    fn new(broker: &Arc<BrokerStream>, events: usize) -> Self {
        let events = events as u64;
        broker.counts.received(events);
        Self {
            broker: Arc::clone(broker),
            events,
        }
    }

    fn taken(mut self, stored: usize, duplicates: usize, quarantined: usize) {
        self.broker.counts.stored(stored as u64, duplicates as u64);
        self.broker.counts.quarantined(quarantined as u64);
        self.events = 0;
    }

    /// Gives the error back, for the caller to pass on.
    fn refused(mut self, error: AppendError) -> AppendError {
        self.broker.counts.rejected(Rejection::from(&error), self.events);
        self.events = 0;
        error
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.broker.counts.rejected(Rejection::Abandoned, self.events);
    }
}

impl BrokerStream {
    /// For how long a pair of source and id is stored once; `None`: as often as it comes.
    pub(crate) fn dedupe_window(&self) -> Option<Duration> {
        *self.dedupe.read()
    }
}
