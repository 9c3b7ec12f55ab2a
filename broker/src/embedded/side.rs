//! Replays and redrives: started, listed, cancelled, ended. Each is a subscription of its own beside its trigger's.
//!
//! What must hold:
//! - A replay selects what its two places and the trigger's present filter say when it is started, and nothing else.
//! - The copies of redriven letters, what is said of the letters, and the redrive are one frame: all of it or nothing.
//! - Nothing is added to one whose end is on its way.

mod apply;

use std::sync::Arc;

use journal::{Entry, Purpose, ReadError, ReadLimit, StreamId};
use schemas::event::Event;
use schemas::filter::Filter;
use schemas::names::ResourceName;

use super::Embedded;
use super::places::unreadable;
use super::position::PositionError;
use super::pump::decode;
use super::records::{SideRecord, SideSpec, StateRecord, event_entry};
use super::shared::Shared;
use super::subscription::Sub;
use super::view::{EndedSide, ViewError};
use crate::limits::{LAG_READ_BYTES_MAX, LAG_READ_EVENTS_MAX, SIDES_RUNNING_MAX};
use crate::{AppendError, SideEnd, SideId, SideInfo, SideKind, Start, Stored, SubscriptionStatus};

/// Which events of its broker a trigger is to get once more. Both places are included.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The trigger.
    pub of: ResourceName,
    /// The first event; a time: the first that was accepted then or later.
    pub from: Start,
    /// The last event; a time: the last that was accepted by then.
    pub to: Start,
    /// Most deliveries a second; at least 1.
    pub rate: Option<u32>,
}

/// What a replay would select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The first sequence.
    pub from: u64,
    /// The last one.
    pub until: u64,
    /// Events between them that match the trigger's present filter.
    pub matched: u64,
}

/// A dead letter's event, to be delivered once more.
#[derive(Clone, Debug)]
pub struct Redriven {
    /// As it was received.
    pub event: Event,
    /// Passes left for it.
    pub hops: u8,
}

impl Embedded {
    /// Starts a replay. It runs until all of it is settled, across restarts.
    ///
    /// # Errors
    /// [`PositionError`] when there is no such trigger here, nothing is selected, or it could not be stored.
    pub async fn replay(&self, replay: &Replay) -> Result<SideInfo, PositionError> {
        let sub = self.running(&replay.of)?;
        let (from, until) = self.range(&sub, replay).await?;
        let _creation = self.shared.creation.lock().await;
        self.check_room()?;
        let spec = SideSpec {
            id: self.shared.next_id()?,
            kind: SideKind::Replay,
            of: sub.id,
            stream: sub.stream,
            from,
            until,
            rate: replay.rate,
            filter: sub.present_filter(),
            at: self.now(),
        };
        let name = spec.name();
        let record = StateRecord::Side(SideRecord::Started(spec));
        self.shared.change(&record).await?;
        self.info(name)
    }

    /// What a replay would select, counted by reading it.
    ///
    /// # Errors
    /// As [`Embedded::replay`], and when the events cannot be read.
    pub async fn select(&self, replay: &Replay) -> Result<Selected, PositionError> {
        let sub = self.running(&replay.of)?;
        let (from, until) = self.range(&sub, replay).await?;
        let (shared, filter) = (Arc::clone(&self.shared), sub.present_filter());
        let counted =
            tokio::task::spawn_blocking(move || shared.count(sub.stream, from, until, &[(0, filter)]));
        let matched = counted.await.map_err(|error| unreadable(&error))??;
        Ok(Selected { from, until, matched })
    }

    /// Replays and redrives: those that run, and the last of each trigger that ended, in the order of their start.
    #[must_use]
    pub fn replays(&self) -> Vec<SideInfo> {
        let mut all = self.running_infos();
        all.extend(self.ended_infos());
        // One that ended between the two looks is in both: its end counts.
        all.sort_by_key(|info| (info.id.subscription, info.ended.is_none()));
        all.dedup_by_key(|info| info.id);
        all
    }

    /// Ends a replay or redrive: it delivers nothing more, what is in flight ends as it may. `None` when there is none
    /// of that id; without effect on one that has ended.
    ///
    /// # Errors
    /// [`PositionError`] when its end could not be stored.
    pub async fn cancel(&self, id: SideId) -> Result<Option<SideInfo>, PositionError> {
        if let Some(sub) = self.side(id) {
            self.shared.end_side(&sub, SideEnd::Cancelled).await?;
        }
        Ok(self.replays().into_iter().find(|info| info.id == id))
    }

    /// Delivers dead letters of a trigger once more. In one frame: the copies into the trigger's stream of redriven
    /// letters, the redrive (a new one, or more for the one that runs), and `extra`, which says what has become of the
    /// letters.
    ///
    /// # Errors
    /// [`PositionError`] when the trigger does not run here, or it could not be stored; then nothing was.
    pub(crate) async fn redrive(
        &self,
        of: &ResourceName,
        letters: &[Redriven],
        rate: Option<u32>,
        extra: impl IntoIterator<Item = Entry>,
    ) -> Result<SideInfo, PositionError> {
        let sub = self.running(of)?;
        let _creation = self.shared.creation.lock().await;
        let stream = sub.redrive_stream();
        let stream = stream.unwrap_or_else(|| self.shared.streams.next_numbers(self.shared.last_stream()).0);
        let from = self.shared.last(stream) + 1;
        let until = from + letters.len() as u64 - u64::from(!letters.is_empty());
        let running = self
            .shared
            .sides()
            .into_iter()
            .find(|side| side.takes_letters_of(&sub));
        let (name, record) = match running.as_ref().and_then(|side| side.side.as_ref()) {
            Some(side) => {
                let id = side.spec.id;
                (side.spec.name(), SideRecord::Extended { id, until })
            }
            None => {
                self.check_room()?;
                let spec = SideSpec {
                    id: self.shared.next_id()?,
                    kind: SideKind::Redrive,
                    of: sub.id,
                    stream,
                    from,
                    until,
                    rate,
                    filter: Filter::everything(),
                    at: self.now(),
                };
                (spec.name(), SideRecord::Started(spec))
            }
        };
        let now = self.now();
        let copies = letters
            .iter()
            .map(|letter| event_entry(stream, &letter.event, letter.hops, now));
        let entries = copies.chain([StateRecord::Side(record).entry()]).chain(extra);
        self.shared.store(entries).await?;
        self.info(name)
    }

    /// The side subscription of that name, while it runs.
    pub(super) fn side(&self, id: SideId) -> Option<Arc<Sub>> {
        let sub = self.shared.subscription(id.subscription)?;
        let is_it = sub.side.as_ref().is_some_and(|side| side.spec.name() == id);
        is_it.then_some(sub)
    }

    pub(super) fn running(&self, name: &ResourceName) -> Result<Arc<Sub>, PositionError> {
        let sub = self.known(name)?;
        if sub.is_attached() {
            return Ok(sub);
        }
        Err(PositionError::NotRunning { name: name.clone() })
    }

    fn check_room(&self) -> Result<(), PositionError> {
        let running = self.shared.sides().len();
        if running < SIDES_RUNNING_MAX {
            return Ok(());
        }
        Err(PositionError::TooMany { running })
    }

    /// First and last sequence of a replay.
    async fn range(&self, sub: &Sub, replay: &Replay) -> Result<(u64, u64), PositionError> {
        let from = self.shared.before(sub.stream, replay.from).await? + 1;
        let last = self.shared.last(sub.stream);
        let until = match replay.to {
            Start::At(time) => {
                let later = Start::At(crate::Timestamp(time.0.saturating_add(1)));
                self.shared.before(sub.stream, later).await?
            }
            Start::Earliest => self.shared.before(sub.stream, Start::Earliest).await? + 1,
            Start::Latest => last,
            Start::Position(asked) if asked > last => return Err(PositionError::BeyondEnd { asked, last }),
            Start::Position(asked) => asked,
        };
        if from > until || last == 0 {
            return Err(PositionError::Empty { from, until });
        }
        Ok((from, until))
    }

    fn info(&self, id: SideId) -> Result<SideInfo, PositionError> {
        let found = self.replays().into_iter().find(|info| info.id == id);
        found.ok_or(PositionError::Storage(AppendError::Closed))
    }

    fn running_infos(&self) -> Vec<SideInfo> {
        let sides = self.shared.sides().into_iter();
        sides
            .filter_map(|sub| {
                let spec = &sub.side.as_ref()?.spec;
                Some(SideInfo::of_running(spec, &sub, self.shared.last(sub.stream)))
            })
            .collect()
    }

    fn ended_infos(&self) -> Vec<SideInfo> {
        let triggers = self.shared.subscriptions().into_iter();
        triggers
            .flat_map(|sub| {
                let infos = sub.ended().into_iter();
                infos.map(move |ended| SideInfo::of_ended(&sub.name, &ended))
            })
            .collect()
    }
}

impl SideInfo {
    fn of_running(spec: &SideSpec, sub: &Sub, last: u64) -> Self {
        Self {
            id: spec.name(),
            trigger: sub.name.clone(),
            from: spec.from,
            until: sub.until(),
            rate: spec.rate,
            started_at: spec.at,
            ended: None,
            status: sub.status(last),
        }
    }

    fn of_ended(trigger: &ResourceName, ended: &EndedSide) -> Self {
        let counters = ended.counters;
        Self {
            id: ended.id,
            trigger: trigger.clone(),
            from: ended.from,
            until: ended.until,
            rate: ended.rate,
            started_at: ended.started_at,
            ended: Some((ended.how, ended.at)),
            status: SubscriptionStatus {
                delivered: counters.delivered,
                dead_letter_sink: counters.dead_letter_sink,
                dead_lettered: counters.dead_lettered,
                unreadable: counters.unreadable,
                retries: counters.retries,
                cursor: ended.cursor,
                ..SubscriptionStatus::default()
            },
        }
    }
}

impl Shared {
    /// The next subscription's id. The caller holds `creation`.
    pub(super) fn next_id(&self) -> Result<crate::SubscriptionId, AppendError> {
        self.next_subscription_id().map_err(|error: ViewError| {
            let reason = error.to_string();
            self.halt(&reason);
            AppendError::Failed {
                reason: reason.into(),
            }
        })
    }

    /// Ends a side subscription if it is still through when nothing can be added to it any more.
    pub(super) async fn finish_side(&self, sub: &Arc<Sub>) -> Result<(), AppendError> {
        let creation = self.creation.lock().await;
        if !sub.is_done() || sub.has_ended() {
            return Ok(());
        }
        sub.begin_end();
        drop(creation);
        self.end_side(sub, SideEnd::Finished).await
    }

    async fn end_side(&self, sub: &Arc<Sub>, how: SideEnd) -> Result<(), AppendError> {
        sub.begin_end();
        let record = SideRecord::Ended {
            id: sub.id,
            how,
            at: self.clock.now(),
        };
        self.change(&StateRecord::Side(record)).await
    }

    /// Stores entries as one frame, a state record among them, and waits until all of it is applied.
    async fn store(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), AppendError> {
        if let Some(reason) = self.halted() {
            return Err(AppendError::Failed { reason });
        }
        let entries: Vec<_> = entries.into_iter().collect();
        let is_state: Vec<_> = entries
            .iter()
            .map(|entry| entry.stream == super::records::STATE)
            .collect();
        let stored = self.submit(Purpose::Upkeep, entries, ()).durable().await?;
        let state = stored
            .sequences
            .iter()
            .zip(is_state)
            .filter(|(_, is_state)| *is_state);
        let last = state.map(|(sequence, _)| *sequence).max().unwrap_or_default();
        let applied = self.wait_for(|| (self.applied() >= last).then_some(())).await;
        applied.ok_or(AppendError::Closed)
    }

    /// How many events in a range match, each by the filter of its time; reads them.
    pub(super) fn count(
        self: &Arc<Self>,
        stream: u64,
        from: u64,
        until: u64,
        filters: &[(u64, Filter)],
    ) -> Result<u64, PositionError> {
        let limit = ReadLimit {
            records_max: LAG_READ_EVENTS_MAX,
            bytes_max: LAG_READ_BYTES_MAX,
        };
        let (mut next, mut matched) = (from, 0);
        while next <= until {
            match self.journal.read(StreamId(stream), next, limit) {
                Ok(records) => {
                    let Some(last) = records.last().map(|record| record.sequence) else {
                        break;
                    };
                    let records = records.into_iter().filter(|record| record.sequence <= until);
                    let stored = records.filter_map(|record| decode(self, record));
                    matched += stored.filter(|stored| wants(filters, stored)).count() as u64;
                    next = last + 1;
                }
                Err(ReadError::Damaged { to, .. }) => next = to + 1,
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(matched)
    }
}

/// By the filter of its time; by the present one if that is not known any more.
fn wants(filters: &[(u64, Filter)], stored: &Stored) -> bool {
    let of_its_time = filters
        .iter()
        .rev()
        .find(|(after, _)| *after < stored.position.sequence);
    let filter = of_its_time.or_else(|| filters.last());
    filter.is_some_and(|(_, filter)| filter.matches(&stored.event))
}

impl Sub {
    /// The filter that is in force now.
    fn present_filter(&self) -> Filter {
        let filters = self.filters();
        filters
            .last()
            .map_or_else(Filter::everything, |(_, filter)| filter.clone())
    }

    /// Whether this is the redrive of that trigger, and more letters may be added to it.
    fn takes_letters_of(&self, trigger: &Self) -> bool {
        let is_redrive = self
            .side
            .as_ref()
            .is_some_and(|side| side.spec.kind == SideKind::Redrive && side.spec.of == trigger.id);
        is_redrive && !self.is_ending()
    }
}
