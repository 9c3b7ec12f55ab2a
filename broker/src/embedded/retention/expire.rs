//! What is older than a rule allows leaves: events that are not settled, and dead letters.
//!
//! A consumer that is handed events meets those that are over age by itself. This finds the others, whoever is
//! attached, paused or busy: from the first event on that nobody has in hand, in the order of the stream, until one is
//! young enough; and likewise among those that wait on disk, for their time, behind their key or for a person. What matched is
//! settled as expired, by the filter that was in force; what did not is passed over.
//!
//! What must hold:
//! - An event is claimed before it is recorded as expired, so that nobody delivers it meanwhile. What is in flight is
//!   left to its consumer.
//! - Nothing is recorded of a place that is being moved or was meanwhile.
//! - One frame at a time for each subscription, bounded in records and bytes; then it is another's turn.
//! - Nothing is read for a subscription before something of it can be over age.

mod letters;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use journal::{Frame, Purpose, ReadError, ReadLimit, StreamId};
use smallvec::SmallVec;

use self::letters::Letters;
use super::live::Reader;
use super::{Look, Stuck, append};
use crate::SubscriptionId;
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::records::{Fate, StateRecord, accepted_at, read_event};
use crate::embedded::shared::Shared;
use crate::embedded::subscription::{Glance, Old, Sub};
use crate::limits::{EXPIRE_EVENTS_MAX, EXPIRE_READ_BYTES_MAX};

/// What is kept between two rounds.
pub(in crate::embedded) struct Expiry {
    shared: Arc<Shared>,
    letters: Letters,
    places: HashMap<SubscriptionId, Place>,
    /// The last state record that was written.
    written: u64,
}

/// Where the last look at a subscription ended.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    rest: Option<Rest>,
    /// What waits on disk up to this sequence was looked at.
    waiting_after: u64,
}

/// Nothing is over age for a while.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Timestamp,
    /// Under this rule.
    limit: Duration,
    /// And as long as nothing before this sequence is to be delivered again.
    from: u64,
}

/// What one look found.
#[derive(Debug, Default)]
struct Found {
    old: Vec<Old>,
    /// All from the beginning up to here is over age and judged; 0: nothing.
    through: u64,
    /// When the first event that is young enough was accepted.
    young: Option<Timestamp>,
    /// Some are in somebody's hands, or cannot be read.
    is_patchy: bool,
    /// There may be more.
    is_more: bool,
}

/// What holds for one look at one subscription.
struct Pass<'a> {
    shared: &'a Shared,
    sub: &'a Arc<Sub>,
    limit: Duration,
    now: Timestamp,
}

impl Expiry {
    pub(in crate::embedded) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            letters: Letters::default(),
            places: HashMap::new(),
            written: 0,
        }
    }

    /// Has some of what is over age leave. [`Look::Again`] when there is more.
    pub(in crate::embedded) fn round(&mut self) -> Result<Look, Stuck> {
        let mut look = Look::Rest;
        let subscriptions = self.shared.all_subscriptions();
        self.places
            .retain(|id, _| subscriptions.binary_search_by_key(id, |sub| sub.id).is_ok());
        for sub in &subscriptions {
            let Some(limit) = self.shared.unsettled_limit(sub) else {
                self.places.remove(&sub.id);
                continue;
            };
            if self.shared.closed.is_cancelled() {
                return Err(Stuck::Stopped);
            }
            if self.expire(sub, limit)? == Look::Again {
                look = Look::Again;
            }
        }
        if let Some(written) = self.letters.round(&self.shared)? {
            self.written = written;
            look = Look::Again;
        }
        Ok(look)
    }

    /// Whether what was recorded is seen by who judges what is live.
    pub(super) fn is_applied(&self) -> bool {
        self.shared.applied() >= self.written
    }

    fn expire(&mut self, sub: &Arc<Sub>, limit: Duration) -> Result<Look, Stuck> {
        let mut place = self.places.get(&sub.id).copied().unwrap_or_default();
        let (now, glance) = (self.shared.clock.now(), sub.glance());
        let from = glance.open;
        if place.rest.is_some_and(|rest| rest.holds(limit, from, now)) {
            return Ok(Look::Rest);
        }
        let shared = Arc::clone(&self.shared);
        let pass = Pass {
            shared: &shared,
            sub,
            limit,
            now,
        };
        let unsettled = pass.unsettled(from)?;
        let waiting = pass.waiting(&mut place.waiting_after)?;
        let is_whole = from == glance.floor + 1 && !unsettled.is_patchy;
        let passed = is_whole
            .then_some(unsettled.through)
            .filter(|through| *through > glance.floor);
        let is_patchy = unsettled.is_patchy || waiting.is_patchy;
        let is_more = unsettled.is_more || waiting.is_more;
        let young = [unsettled.young, waiting.young].into_iter().flatten().min();
        let done = self.record(sub, &glance, (unsettled.old, waiting.old), passed)?;
        place.rest = (!is_patchy && !is_more).then(|| Rest {
            until: young.unwrap_or(now).after(limit),
            limit,
            from,
        });
        self.places.insert(sub.id, place);
        Ok(if done && is_more { Look::Again } else { Look::Rest })
    }

    /// Records events as expired, and up to where nothing is left. `false` when there was nothing to record.
    fn record(
        &mut self,
        sub: &Sub,
        glance: &Glance,
        (unsettled, waiting): (Vec<Old>, Vec<Old>),
        passed: Option<u64>,
    ) -> Result<bool, Stuck> {
        let wanted = unsettled.len();
        // Until the record is on its way: see `subscription::seek`.
        let progress = self.shared.progress.lock();
        let Some(mut items) = sub.take_old(glance, unsettled) else {
            return Ok(false);
        };
        // Somebody may have taken one in hand meanwhile: then it is not passed.
        let passed = passed.filter(|_| items.len() == wanted);
        let waiting = sub.take_old(glance, waiting).unwrap_or_default();
        let still_waiting = self.shared.look(|view| sub.keep_waiting(waiting.clone(), view));
        items.extend(still_waiting.inspect_err(|_| {
            sub.give_back_old(&waiting);
            sub.give_back_old(&items);
        })?);
        let records = [
            (!items.is_empty()).then(|| StateRecord::Settlements(items.clone())),
            passed.map(|floor| StateRecord::Progress(vec![(sub.id, floor)])),
        ];
        let entries: SmallVec<_> = records
            .into_iter()
            .flatten()
            .map(|record| record.entry())
            .collect();
        if entries.is_empty() {
            return Ok(false);
        }
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries,
        };
        let appended = append(&self.shared, frame);
        drop(progress);
        let committed = appended.wait().inspect_err(|_| sub.give_back_old(&items))?;
        self.written = committed.sequences.last().copied().unwrap_or(self.written);
        let events = items.len();
        if events > 0 {
            let subscription = &sub.name;
            tracing::info!(%subscription, events, "events have expired: they were not settled in the time that they had");
        }
        Ok(true)
    }
}

impl Rest {
    fn holds(&self, limit: Duration, from: u64, now: Timestamp) -> bool {
        self.limit == limit && from >= self.from && now <= self.until
    }
}

impl Pass<'_> {
    fn is_old(&self, accepted_at: Timestamp) -> bool {
        self.now.until(accepted_at) > self.limit
    }

    /// Events that nobody has in hand, from one on.
    fn unsettled(&self, from: u64) -> Result<Found, Stuck> {
        let mut found = Found::default();
        let limit = ReadLimit {
            records_max: EXPIRE_EVENTS_MAX,
            bytes_max: EXPIRE_READ_BYTES_MAX,
        };
        let mut from = from;
        let records = loop {
            match self.shared.journal.read(StreamId(self.sub.stream), from, limit) {
                Ok(records) => break records,
                Err(ReadError::Damaged { to, .. }) => {
                    found.is_patchy = true;
                    from = self.sub.first_open(to + 1);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let reader = Reader {
            sub: Arc::clone(self.sub),
            filters: self.sub.filters(),
        };
        found.is_more = !records.is_empty();
        for record in records {
            let sequence = record.sequence;
            let at = accepted_at(&record.head);
            if let Some(young) = at.filter(|at| !self.is_old(*at)) {
                found.young = Some(young);
                found.is_more = false;
                break;
            }
            found.through = sequence;
            if self.sub.is_accounted(sequence) {
                continue;
            }
            if self.sub.is_claimed(sequence) {
                found.is_patchy = true;
                from = sequence + 1;
                continue;
            }
            let (key, fate) = match read_event(&record.head, record.body) {
                Ok(read) if reader.wants(sequence, &read.event) => {
                    (Some(Key::of(&read.event)), Fate::Expired)
                }
                Ok(_) => continue,
                // Whether it was wanted cannot be known, and what did not match before it is left to others.
                Err(_) => {
                    from = sequence;
                    (None, Fate::Unreadable)
                }
            };
            found.old.push(Old {
                sequence,
                covers: sequence - from,
                is_waiting: false,
                key,
                fate,
            });
            from = sequence + 1;
        }
        Ok(found)
    }

    /// Events that wait on disk, behind a place that moves on until all are looked at.
    fn waiting(&self, after: &mut u64) -> Result<Found, Stuck> {
        let mut found = Found::default();
        let waiting = self
            .shared
            .look(|view| view.waiting_after(self.sub.id, *after, EXPIRE_EVENTS_MAX))?;
        found.is_more = waiting.len() >= EXPIRE_EVENTS_MAX;
        *after = waiting
            .last()
            .filter(|_| found.is_more)
            .map_or(0, |(sequence, _)| *sequence);
        for (sequence, key) in waiting {
            if self.sub.is_claimed(sequence) {
                found.is_patchy = true;
                continue;
            }
            let at = match self.shared.journal.get(StreamId(self.sub.stream), sequence) {
                Ok(record) => record.and_then(|record| accepted_at(&record.head)),
                Err(ReadError::Damaged { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            match at {
                Some(at) if self.is_old(at) => found.old.push(Old {
                    sequence,
                    covers: 0,
                    is_waiting: true,
                    key,
                    fate: Fate::Expired,
                }),
                Some(young) => {
                    found.young = Some(young);
                    found.is_more = false;
                    *after = 0;
                    break;
                }
                // Its next attempt finds out what is wrong with it.
                None => {}
            }
        }
        Ok(found)
    }
}
