//! What a committed record that is no event changes.
//!
//! A record is applied to the view first and to memory then, under the gate. What it changes in the view may be done
//! again at any time, in order, from any earlier record on: so a view can be filled while the engine runs. What it
//! changes in memory is done once.
//!
//! A new kind of record is added in both halves, and to the histories in `tests/histories.rs`, which hold the rule
//! that applying a run of records again, from any checkpoint or snapshot on, ends in the same state. So it is to
//! `tests/fixture.rs`: what a released program wrote opens for ever.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use journal::Record;

use super::degrade;
use super::rebuild::RebuildError;
use super::records::{
    LettersGoneRecord, STATE, SideRecord, SideSpec, SoughtRecord, StateRecord, SubscribedRecord,
};
use super::shared::Shared;
use super::view::{Counters, Retry, SubscriptionState, View, ViewError};

impl Shared {
    /// Applies one committed record that is no event. A record that cannot be applied stops the engine, and nothing
    /// is applied after it: what a checkpoint says is applied has no holes, and the next start goes on from there.
    pub(crate) fn apply_record(&self, record: Record) {
        if self.halted().is_some() {
            return;
        }
        let (stream, sequence) = (record.stream, record.sequence);
        let applied = if stream == STATE {
            let bytes = record.head.len();
            StateRecord::read(record.kind, record.head)
                .map_err(|error| error.to_string())
                .and_then(|state| {
                    self.apply(&state, sequence).map_err(|error| error.to_string())?;
                    self.snapshots.applied(&state, sequence, bytes);
                    Ok(())
                })
        } else {
            self.index(record).map_err(|error| error.to_string())
        };
        if let Err(reason) = applied {
            self.halt(&format!(
                "record {sequence} of stream {} could not be applied: {reason}",
                stream.0
            ));
        }
    }

    /// Applies one state record.
    pub(crate) fn apply(&self, record: &StateRecord, sequence: u64) -> Result<(), ViewError> {
        let gate = self.gate.lock();
        let view = self.view();
        if let Err(error) = Self::apply_to_view(&view, record) {
            self.replace_view(&gate, &view, &error)?;
            Self::apply_to_view(&self.view(), record)?;
        }
        self.apply_to_memory(record);
        self.applied.fetch_max(sequence, Ordering::AcqRel);
        Ok(())
    }

    /// Puts a record of a dead-letter stream into the index, under the gate: it must not be put into a view whose place
    /// is taken at this moment.
    fn index(&self, record: Record) -> Result<(), RebuildError> {
        let gate = self.gate.lock();
        let view = self.view();
        match degrade::index(&view, record) {
            // The view that takes the place of this one has all that is committed.
            Err(RebuildError::View(error)) => Ok(self.replace_view(&gate, &view, &error)?),
            done => done,
        }
    }

    /// The half that may be done again: it depends on the record and on the view alone. The rule for what it may do is
    /// in [`super::view::keys`].
    pub(super) fn apply_to_view(view: &View, record: &StateRecord) -> Result<(), ViewError> {
        match record {
            StateRecord::Streams(record) => view.put_broker(record),
            StateRecord::SourceState(state) => view.put_source_state(state),
            StateRecord::Deduped(record) => view.put_pairs(record),
            StateRecord::TypeSeen(record) => view.put_type(record),
            StateRecord::Settlements(items) => {
                items.iter().try_for_each(|item| match Retry::of(&item.fate) {
                    Some(retry) => view.put_retry(item.subscription, item.sequence, &retry),
                    None => view.remove_retry(item.subscription, item.sequence),
                })
            }
            StateRecord::Released(record) => {
                let retry = Retry::afresh(record.key, record.at);
                view.put_retry(record.id, record.sequence, &retry)
            }
            StateRecord::LettersGone(record) => view.remove_dead_letters(&record.letters),
            StateRecord::Subscribed(SubscribedRecord { id, .. })
            | StateRecord::Side(SideRecord::Started(SideSpec { id, .. })) => view.put_id(*id),
            StateRecord::Sought(SoughtRecord { id, .. }) => view.remove_retries(*id),
            StateRecord::Side(SideRecord::Ended { id, .. }) => view.end(*id),
            StateRecord::Forgotten(record) => record.ids.iter().try_for_each(|id| view.end(*id)),
            StateRecord::Side(SideRecord::Extended { .. })
            | StateRecord::Filtered(_)
            | StateRecord::Paused(_)
            | StateRecord::Progress(_)
            | StateRecord::SnapshotBegin(_)
            | StateRecord::SnapshotChunk(_)
            | StateRecord::SnapshotEnd(_) => Ok(()),
        }
    }

    /// The half that is done once.
    fn apply_to_memory(&self, record: &StateRecord) {
        match record {
            StateRecord::Streams(record) => self.streams.insert(record, self.last(record.events)),
            StateRecord::Subscribed(record) => self.apply_subscribed(record),
            StateRecord::Side(record) => self.apply_side(record),
            StateRecord::Sought(record) => {
                if let Some(sub) = self.subscription(record.id) {
                    sub.apply_seek(record.after, record.skipped);
                }
            }
            StateRecord::Forgotten(record) => {
                for sub in self.all_subscriptions() {
                    if record.ids.contains(&sub.id) || record.ids.contains(&sub.trigger().id) {
                        sub.apply_forgotten();
                        self.remove_subscription(&sub);
                    }
                }
                self.announce_sides();
            }
            StateRecord::Filtered(record) => {
                if let Some(sub) = self.subscription(record.id) {
                    sub.apply_filter(record.after, &record.filter);
                }
            }
            StateRecord::Paused(record) => {
                if let Some(sub) = self.subscription(record.id) {
                    sub.apply_pause(record.pause.clone());
                    self.wake_beside(&sub);
                }
            }
            StateRecord::Released(record) => {
                if let Some(sub) = self.subscription(record.id) {
                    sub.apply_released(record, &self.view());
                }
            }
            StateRecord::Settlements(items) => {
                let view = self.view();
                for item in items {
                    if let Some(sub) = self.subscription(item.subscription) {
                        sub.apply(item, &view);
                        sub.count_beside(item);
                    }
                }
            }
            StateRecord::Progress(floors) => {
                for (id, floor) in floors {
                    if let Some(sub) = self.subscription(*id) {
                        sub.apply_floor(*floor);
                    }
                }
            }
            StateRecord::Deduped(record) => self.reservations.applied(record),
            StateRecord::LettersGone(record) => self.count_gone(record),
            StateRecord::TypeSeen(record) => self.types.apply(record),
            StateRecord::SourceState(_)
            | StateRecord::SnapshotBegin(_)
            | StateRecord::SnapshotChunk(_)
            | StateRecord::SnapshotEnd(_) => {}
        }
    }

    fn count_gone(&self, record: &LettersGoneRecord) {
        for of_one in record.letters.chunk_by(|a, b| a.subscription == b.subscription) {
            let sub = of_one
                .first()
                .and_then(|letter| self.subscription(letter.subscription));
            if let Some(sub) = sub {
                sub.apply_gone(of_one.len() as u64, record.how);
            }
        }
    }

    fn apply_subscribed(&self, record: &SubscribedRecord) {
        let accounted = if record.after == 0 {
            vec![]
        } else {
            vec![(1, record.after)]
        };
        let state = SubscriptionState {
            name: record.name.clone(),
            broker: record.broker.clone(),
            accounted,
            filters: Vec::new(),
            counters: Counters::default(),
            paused: None,
            side: None,
            redrive_stream: None,
            ended: VecDeque::new(),
        };
        self.add_subscription(record.id, &state);
        if let Some(sub) = self.subscription(record.id) {
            sub.mark_dirty();
        }
    }
}
