//! Each pair of source and id is stored once within its broker's window: who has a pair, who waits for it, who is late.
//!
//! A pair is reserved before anything of its batch is queued. Who finds it reserved waits for the holder's commit and
//! shares its answer; when the holder fails, one of those who wait takes over and gets an answer of its own.
//!
//! What must hold:
//! - A pair is reserved, in the view, or free: the reservation of one that was stored ends after the view has it.
//! - A batch reserves all its pairs at once or none, and holds none while it waits: two batches never wait for each
//!   other.
//! - A reservation ends whatever becomes of its holder: with the journal's answer, or when the holder is dropped
//!   before it has asked.
//! - Memory is bounded by [`DEDUPE_RESERVATIONS_MAX`].

mod fingerprint;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use schemas::event::Event;
use tokio_util::sync::CancellationToken;

pub(crate) use fingerprint::{Fingerprint, PairKey};

use super::records::DedupedRecord;
use super::shared::Shared;
use super::view::ViewError;
use crate::limits::{DEDUPE_HASH_INLINE_BYTES_MAX, DEDUPE_RESERVATIONS_MAX};
use crate::{AppendError, Position};

/// Pairs that are forgotten while records wait to be applied.
const FORGET_AT_ONCE: usize = 256;

/// The pairs that are on their way into the view.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    /// By event stream and pair.
    held: Mutex<HashMap<(u64, PairKey), Arc<Ticket>>>,
}

/// What makes an event the same as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: PairKey,
    pub(crate) fingerprint: Fingerprint,
}

/// A batch of which the duplicates are known.
pub(crate) struct Sifted {
    /// What becomes of each event, in the batch's order.
    pub(crate) fates: Vec<Fate>,
    /// Those that are stored, in order: place in the batch and pair.
    pub(crate) new: Vec<(usize, Pair)>,
    /// Held until the journal has answered.
    pub(crate) reserved: Reserved,
}

/// What becomes of one event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is stored, at this place among those that are.
    New(usize),
    /// It stands in the batch twice, and is stored at this place.
    Repeated(usize),
    /// It was stored before, there if that is still known.
    Seen(Option<Position>),
}

/// Reservations in their holder's hands; given back when they are dropped without an answer.
pub(crate) struct Reserved {
    shared: Arc<Shared>,
    ticket: Option<Arc<Ticket>>,
}

/// One batch's reservations.
#[derive(Debug)]
struct Ticket {
    stream: u64,
    pairs: Vec<Pair>,
    /// The holder has its answer.
    answered: CancellationToken,
    /// Which pairs it stored, and where.
    stored: OnceLock<Vec<(Pair, Position)>>,
    /// The view has what was stored. Used under the lock of the map.
    is_applied: AtomicBool,
}

/// Pairs that others stored while this batch looked on: fingerprint and place.
type Known = HashMap<PairKey, (Fingerprint, Position)>;

impl Shared {
    /// Finds what of a batch was stored before and reserves the rest, waiting for those who are storing the same.
    /// Dropping the future, or what it gives, ends the reservations.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] names the first event whose pair was seen with other attributes or data;
    /// [`AppendError::Busy`] says that too many pairs are on their way.
    pub(crate) async fn sift(
        self: &Arc<Self>,
        stream: u64,
        events: &Arc<Vec<Event>>,
    ) -> Result<Sifted, AppendError> {
        let pairs = pairs_of(events).await?;
        let mut known = Known::new();
        loop {
            let ticket = match self.reservations.reserve(stream, &pairs, &mut known)? {
                Reservation::Made(ticket) => ticket,
                Reservation::WaitFor(other) => {
                    self.answered(&other).await?;
                    other.tell(&mut known);
                    continue;
                }
            };
            let reserved = Reserved {
                shared: Arc::clone(self),
                ticket: Some(Arc::clone(&ticket)),
            };
            let seen = self.look_up(&ticket).await?;
            let (fates, new) = judge(events, &pairs, &known, &seen)?;
            return Ok(Sifted { fates, new, reserved });
        }
    }

    async fn answered(&self, ticket: &Ticket) -> Result<(), AppendError> {
        tokio::select! {
            biased;
            () = ticket.answered.cancelled() => Ok(()),
            () = self.closed.cancelled() => Err(AppendError::Closed),
        }
    }

    /// What the view has of the pairs just reserved. Off the async threads: it may read from disk.
    async fn look_up(
        self: &Arc<Self>,
        ticket: &Arc<Ticket>,
    ) -> Result<HashMap<PairKey, Fingerprint>, AppendError> {
        if ticket.pairs.is_empty() {
            return Ok(HashMap::new());
        }
        let (shared, ticket) = (Arc::clone(self), Arc::clone(ticket));
        let found = tokio::task::spawn_blocking(move || {
            let now = shared.clock.now();
            shared.look(|view| {
                let mut seen = HashMap::new();
                for pair in &ticket.pairs {
                    if let Some(found) = view.pair(ticket.stream, pair.key)?
                        && found.until > now
                    {
                        seen.insert(pair.key, found.fingerprint);
                    }
                }
                Ok(seen)
            })
        });
        match found.await {
            Ok(found) => found.map_err(|error: ViewError| self.view_failed(&error)),
            // Only the end of the runtime cancels it.
            Err(_) => Err(AppendError::Closed),
        }
    }

    /// A duplicate that is not found would be stored again: without the view there is no answer.
    fn view_failed(&self, error: &ViewError) -> AppendError {
        let reason = error.to_string();
        self.halt(&reason);
        AppendError::Failed {
            reason: reason.into(),
        }
    }

    /// Forgets the pairs whose window has passed, a few at a time so that applying goes on.
    pub(crate) fn forget_pairs(&self) -> Result<(), ViewError> {
        let now = self.clock.now();
        loop {
            let _gate = self.gate.lock();
            if self.view().forget_pairs(now, FORGET_AT_ONCE)? < FORGET_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// The pairs of a batch, in its order. Much data is hashed off the async threads.
async fn pairs_of(events: &Arc<Vec<Event>>) -> Result<Vec<Pair>, AppendError> {
    let pairs = |events: &[Event]| events.iter().map(Pair::of).collect();
    if events.iter().map(Event::size).sum::<usize>() <= DEDUPE_HASH_INLINE_BYTES_MAX {
        return Ok(pairs(events));
    }
    let events = Arc::clone(events);
    let hashed = tokio::task::spawn_blocking(move || pairs(&events));
    hashed.await.map_err(|_| AppendError::Closed)
}

/// Decides for each event. Pure.
#[expect(clippy::type_complexity, reason = "taken apart at once by the one caller")]
fn judge(
    events: &[Event],
    pairs: &[Pair],
    known: &Known,
    seen: &HashMap<PairKey, Fingerprint>,
) -> Result<(Vec<Fate>, Vec<(usize, Pair)>), AppendError> {
    let mut new: Vec<(usize, Pair)> = Vec::new();
    let mut places = HashMap::new();
    let mut fates = Vec::with_capacity(pairs.len());
    for (index, (event, pair)) in events.iter().zip(pairs).enumerate() {
        let (fingerprint, fate) = if let Some((fingerprint, at)) = known.get(&pair.key) {
            (*fingerprint, Fate::Seen(Some(*at)))
        } else if let Some(fingerprint) = seen.get(&pair.key) {
            (*fingerprint, Fate::Seen(None))
        } else if let Some((fingerprint, place)) = places.get(&pair.key) {
            (*fingerprint, Fate::Repeated(*place))
        } else {
            let place = new.len();
            new.push((index, *pair));
            places.insert(pair.key, (pair.fingerprint, place));
            (pair.fingerprint, Fate::New(place))
        };
        if fingerprint != pair.fingerprint {
            return Err(AppendError::Conflict {
                index,
                event_source: event.source().into(),
                event_id: event.id().into(),
            });
        }
        fates.push(fate);
    }
    Ok((fates, new))
}

enum Reservation {
    Made(Arc<Ticket>),
    /// Somebody else has one of the pairs; nothing was reserved.
    WaitFor(Arc<Ticket>),
}

// === impl Reservations ===

impl Reservations {
    /// Reserves the pairs that are neither known nor reserved; learns of those that are stored and not yet in the view.
    fn reserve(&self, stream: u64, pairs: &[Pair], known: &mut Known) -> Result<Reservation, AppendError> {
        let mut held = self.held.lock();
        let (mut new, mut keys) = (Vec::new(), HashSet::new());
        for pair in pairs {
            if known.contains_key(&pair.key) || keys.contains(&pair.key) {
                continue;
            }
            match held.get(&(stream, pair.key)) {
                Some(ticket) if ticket.stored.get().is_some() => ticket.tell(known),
                Some(ticket) => return Ok(Reservation::WaitFor(Arc::clone(ticket))),
                None => {
                    keys.insert(pair.key);
                    new.push(*pair);
                }
            }
        }
        if held.len() + new.len() > DEDUPE_RESERVATIONS_MAX {
            return Err(AppendError::Busy);
        }
        let ticket = Arc::new(Ticket {
            stream,
            pairs: new,
            answered: CancellationToken::new(),
            stored: OnceLock::new(),
            is_applied: AtomicBool::new(false),
        });
        for key in keys {
            held.insert((stream, key), Arc::clone(&ticket));
        }
        Ok(Reservation::Made(ticket))
    }

    /// The holder has its answer: what was stored stays reserved until the view has it, the rest is free.
    fn answer(&self, ticket: &Ticket, stored: Vec<(Pair, Position)>) {
        let mut held = self.held.lock();
        let is_applied = ticket.is_applied.load(Ordering::Relaxed);
        let kept: HashSet<_> = stored.iter().map(|(pair, _)| pair.key).collect();
        for pair in &ticket.pairs {
            if is_applied || !kept.contains(&pair.key) {
                held.remove(&(ticket.stream, pair.key));
            }
        }
        if !stored.is_empty() {
            ticket.stored.get_or_init(|| stored);
        }
        drop(held);
        ticket.answered.cancel();
    }

    /// The view has the pairs of a frame. Its holder may have its answer before or after this.
    pub(crate) fn applied(&self, record: &DedupedRecord) {
        let mut held = self.held.lock();
        for pair in &record.pairs {
            let at = (record.stream, pair.key);
            if let Some(ticket) = held.get(&at) {
                if ticket.stored.get().is_some() {
                    held.remove(&at);
                } else {
                    ticket.is_applied.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held.lock().len()
    }
}

// === impl Pair ===

impl Pair {
    fn of(event: &Event) -> Self {
        Self {
            key: fingerprint::pair_key(event),
            fingerprint: fingerprint::fingerprint(event),
        }
    }
}

// === impl Reserved ===

impl Reserved {
    /// The journal stored these; nothing when it refused.
    pub(crate) fn answer(mut self, stored: Vec<(Pair, Position)>) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.reservations.answer(&ticket, stored);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.reservations.answer(&ticket, Vec::new());
        }
    }
}

// === impl Ticket ===

impl Ticket {
    fn tell(&self, known: &mut Known) {
        for (pair, at) in self.stored.get().into_iter().flatten() {
            known.insert(pair.key, (pair.fingerprint, *at));
        }
    }
}

#[cfg(test)]
mod tests;
