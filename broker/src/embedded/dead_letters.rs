//! The built-in dead-letter store, read for people: listed, counted, shown.
//!
//! A list is a page of the newest: the index is gone through once and no more than the page is kept of it, however many
//! letters there are. A letter whose copy cannot be read is shown as what the index knows of it, never left out.

mod leave;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use journal::StreamId;
use schemas::event::Event;
use schemas::names::ResourceName;
use serde::Serialize;

pub use leave::{LettersError, Purged, Redrove};

use super::Embedded;
use super::records::{AT_THE_DOOR, DeadLetterMeta, read_dead_letter};
use super::view::IndexedLetter;
use crate::clock::Timestamp;
use crate::{DeadLetterReason, Failure, Position, SubscriptionId};

/// Which dead letters. Empty fields select everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of events of this broker.
    pub broker: Option<ResourceName>,
    /// Of this trigger.
    pub trigger: Option<ResourceName>,
    /// For this reason.
    pub reason: Option<DeadLetterReason>,
    /// With this event type. A letter that cannot be read has none.
    pub ty: Option<String>,
    /// Stored then or later.
    pub since: Option<Timestamp>,
    /// Stored before then.
    pub until: Option<Timestamp>,
    /// These alone; empty: all.
    pub ids: HashSet<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterQuery {
    /// Which.
    pub filter: DeadLetterFilter,
    /// At most so many, the newest first.
    pub limit: usize,
    /// What came before this one only: where the page before ended.
    pub before: Option<DeadLetterPlace>,
}

/// Where a letter stands in the order of lists: by time, then by where its copy lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterPlace {
    at: Timestamp,
    copy: Position,
}

/// An answer to a [`DeadLetterQuery`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeadLetterPage {
    /// The newest first.
    pub letters: Vec<DeadLetterEntry>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<DeadLetterPlace>,
}

/// How many letters of one trigger, or of one broker's door, have one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterGroup {
    /// The broker their causes came from, or were to come into.
    pub broker: ResourceName,
    /// The trigger; none at the door.
    pub trigger: Option<ResourceName>,
    /// The reason.
    pub reason: DeadLetterReason,
    /// How many.
    pub count: u64,
    /// When the first of them was stored.
    pub oldest: Timestamp,
    /// When the last of them was stored.
    pub newest: Timestamp,
}

/// One dead letter without its data.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterEntry {
    /// Names it: `subscription-stream-sequence` of its cause.
    pub id: String,
    /// The broker its cause came from.
    pub broker: ResourceName,
    /// The trigger that could not deliver it; none for what was kept at the broker's door.
    pub trigger: Option<ResourceName>,
    /// Why it is here.
    pub reason: DeadLetterReason,
    /// The cause's sequence in the broker's stream.
    pub sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub at: Timestamp,
    /// What its copy says; why it cannot be read otherwise.
    pub copy: Result<DeadLetterCopy, String>,
}

/// What is in the copy of a letter, but the event itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterCopy {
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// The event's source.
    pub event_source: String,
    /// The failure that ended it, if one did.
    pub failure: Option<Failure>,
    /// Attempts made at the subscriber.
    pub attempts: u32,
    /// The replay or redrive that could not deliver it, if it was one.
    pub replay: Option<String>,
}

/// The text names no place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place in a list of dead letters is what the page before gave as `next`")]
pub struct NoPlace;

/// The store could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the dead-letter store could not be read: {reason}")]
pub struct ReadError {
    reason: String,
}

/// A letter with what the engine knows of its trigger.
#[derive(Clone, Debug)]
struct Found {
    letter: IndexedLetter,
    trigger: Option<ResourceName>,
    broker: ResourceName,
}

impl Embedded {
    /// A page of dead letters, the newest first. Goes through the index, and reads the page's letters from disk: call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn dead_letters(&self, query: &DeadLetterQuery) -> Result<DeadLetterPage, ReadError> {
        // The oldest of those kept is on top, and leaves for a newer one.
        let mut newest: BinaryHeap<Reverse<(DeadLetterPlace, usize)>> = BinaryHeap::new();
        let mut kept: Vec<Option<Found>> = Vec::new();
        let mut is_more = false;
        self.each_letter(&query.filter, |found| {
            let place = found.place();
            if query.before.is_some_and(|before| place >= before) {
                return ControlFlow::Continue(());
            }
            if newest.len() < query.limit {
                newest.push(Reverse((place, kept.len())));
                kept.push(Some(found));
                return ControlFlow::Continue(());
            }
            is_more = true;
            if let Some(mut oldest) = newest.peek_mut()
                && oldest.0.0 < place
            {
                let slot = oldest.0.1;
                *oldest = Reverse((place, slot));
                if let Some(kept) = kept.get_mut(slot) {
                    *kept = Some(found);
                }
            }
            ControlFlow::Continue(())
        })?;
        let mut order = newest.into_vec();
        order.sort_unstable();
        let next = order.last().filter(|_| is_more).map(|last| last.0.0);
        let mut letters = Vec::with_capacity(order.len());
        for Reverse((_, slot)) in order {
            if let Some(found) = kept.get_mut(slot).and_then(Option::take) {
                letters.push(self.entry(found).0);
            }
        }
        Ok(DeadLetterPage { letters, next })
    }

    /// How many letters there are, by trigger and reason. Goes through the index: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn dead_letter_groups(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterGroup>, ReadError> {
        let mut groups: BTreeMap<(Option<ResourceName>, ResourceName, DeadLetterReason), DeadLetterGroup> =
            BTreeMap::new();
        self.each_letter(filter, |found| {
            let Found {
                letter,
                trigger,
                broker,
            } = found;
            let group = groups.entry((trigger, broker, letter.reason)).or_insert_with_key(
                |(trigger, broker, reason)| DeadLetterGroup {
                    broker: broker.clone(),
                    trigger: trigger.clone(),
                    reason: *reason,
                    count: 0,
                    oldest: letter.at,
                    newest: letter.at,
                },
            );
            group.count += 1;
            group.oldest = group.oldest.min(letter.at);
            group.newest = group.newest.max(letter.at);
            ControlFlow::Continue(())
        })?;
        Ok(groups.into_values().collect())
    }

    /// One dead letter with its event, byte for byte; without one when its copy cannot be read. Reads from disk: call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn dead_letter(&self, id: &str) -> Result<Option<(DeadLetterEntry, Option<Event>)>, ReadError> {
        let Some((subscription, cause)) = parse_id(id) else {
            return Ok(None);
        };
        let view = self.shared.view();
        let letter = view.dead_letter(subscription, cause).map_err(ReadError::new)?;
        let found = letter.and_then(|letter| self.found(letter));
        Ok(found.map(|found| self.entry(found)))
    }

    /// Shows each letter that a filter selects, in the order of the index, until it is told to stop.
    fn each_letter(
        &self,
        filter: &DeadLetterFilter,
        visit: impl FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.each_letter_after(filter, None, visit)
    }

    /// The same, from behind a letter on; without effect where letters are selected by their ids.
    fn each_letter_after(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&IndexedLetter>,
        mut visit: impl FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let view = self.shared.view();
        let mut show = |letter: IndexedLetter| match self.found(letter) {
            Some(found) if filter.selects(&found) && self.has_type(filter, &found) => visit(found),
            _ => ControlFlow::Continue(()),
        };
        if filter.ids.is_empty() {
            for letter in view.dead_letters(after) {
                if show(letter.map_err(ReadError::new)?).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        for (subscription, cause) in filter.ids.iter().filter_map(|id| parse_id(id)) {
            let letter = view.dead_letter(subscription, cause).map_err(ReadError::new)?;
            if letter.is_some_and(|letter| show(letter).is_break()) {
                break;
            }
        }
        Ok(())
    }

    /// A letter of a trigger that is forgotten names it itself. `None` when it cannot be read either.
    fn found(&self, letter: IndexedLetter) -> Option<Found> {
        let at_the_door = letter.subscription == AT_THE_DOOR;
        let door = self.shared.streams.by_number(letter.copy.stream);
        let (trigger, broker) = match (self.shared.subscription(letter.subscription), door) {
            (Some(sub), _) => (Some(sub.name.clone()), sub.broker.name.clone()),
            (None, Some(door)) if at_the_door => (None, door.name.clone()),
            (None, _) => {
                let (meta, _) = self.load(letter.copy).ok()?;
                (meta.trigger, meta.broker)
            }
        };
        Some(Found {
            letter,
            trigger,
            broker,
        })
    }

    fn has_type(&self, filter: &DeadLetterFilter, found: &Found) -> bool {
        filter.ty.as_ref().is_none_or(|ty| {
            self.load(found.letter.copy)
                .is_ok_and(|(_, event)| event.ty() == ty)
        })
    }

    fn entry(&self, found: Found) -> (DeadLetterEntry, Option<Event>) {
        let Found {
            letter,
            trigger,
            broker,
        } = found;
        let (copy, event) = match self.load(letter.copy) {
            Ok((meta, event)) => (Ok(DeadLetterCopy::new(meta, &event)), Some(event)),
            Err(reason) => {
                tracing::error!(copy = ?letter.copy, reason, "a dead letter cannot be read");
                (Err(reason), None)
            }
        };
        let entry = DeadLetterEntry {
            id: letter.id(),
            broker,
            trigger,
            reason: letter.reason,
            sequence: letter.cause.sequence,
            at: letter.at,
            copy,
        };
        (entry, event)
    }

    /// The copy of a letter; why it cannot be read otherwise.
    fn load(&self, copy: Position) -> Result<(DeadLetterMeta, Event), String> {
        let journal = &self.shared.journal;
        let found = journal.get(StreamId(copy.stream), copy.sequence);
        let record = found
            .inspect_err(|error| {
                if let journal::ReadError::Damaged { from, to, reason, .. } = error {
                    self.shared
                        .note_damaged(StreamId(copy.stream), *from, *to, reason);
                }
            })
            .map_err(|error| error.to_string())?
            .ok_or_else(|| "its record is not in the journal".to_owned())?;
        read_dead_letter(copy, &record.head, record.body).map_err(|error| error.to_string())
    }
}

// === impl DeadLetterFilter ===

impl DeadLetterFilter {
    /// All but the event's type, which the index does not know.
    fn selects(&self, found: &Found) -> bool {
        let letter = &found.letter;
        self.broker.as_ref().is_none_or(|broker| *broker == found.broker)
            && self
                .trigger
                .as_ref()
                .is_none_or(|trigger| found.trigger.as_ref() == Some(trigger))
            && self.reason.is_none_or(|reason| reason == letter.reason)
            && self.since.is_none_or(|since| letter.at >= since)
            && self.until.is_none_or(|until| letter.at < until)
    }
}

// === impl DeadLetterPlace ===

impl fmt::Display for DeadLetterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.at.0, self.copy.stream, self.copy.sequence)
    }
}

impl FromStr for DeadLetterPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (at, stream, sequence) = three(text).ok_or(NoPlace)?;
        Ok(Self {
            at: Timestamp(at),
            copy: Position { stream, sequence },
        })
    }
}

// === impl Found ===

impl Found {
    fn place(&self) -> DeadLetterPlace {
        DeadLetterPlace {
            at: self.letter.at,
            copy: self.letter.copy,
        }
    }
}

impl IndexedLetter {
    fn id(&self) -> String {
        format!(
            "{}-{}-{}",
            self.subscription.0, self.cause.stream, self.cause.sequence
        )
    }
}

// === impl DeadLetterCopy ===

impl DeadLetterCopy {
    fn new(meta: DeadLetterMeta, event: &Event) -> Self {
        Self {
            event_id: event.id().to_string(),
            event_type: event.ty().to_string(),
            event_source: event.source().to_string(),
            failure: meta.failure,
            attempts: meta.attempts,
            replay: meta.side,
        }
    }
}

// === impl ReadError ===

impl ReadError {
    fn new(reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }
}

fn parse_id(id: &str) -> Option<(SubscriptionId, Position)> {
    let (subscription, stream, sequence) = three(id)?;
    Some((SubscriptionId(subscription), Position { stream, sequence }))
}

/// Three numbers with `-` between them.
fn three(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split('-').map(|part| part.parse().ok());
    let three = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(three)
}
