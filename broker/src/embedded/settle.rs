//! Settlements on their way to the journal.
//!
//! Settlements gather while the last frame of them is being written and go together in the next: nobody waits for
//! them, and a hundred cost one record. There is at most one such frame in flight, and it is patient: it shares the sync
//! of what comes in meanwhile. Where something waits behind a settlement, as the next event of its key, it is not.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{Entry, Frame, Purpose};
use parking_lot::Mutex;
use smallvec::smallvec;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

use super::records::{Item, StateRecord};
use super::shared::{Shared, append_error};
use crate::AppendError;
use crate::limits::{
    SETTLEMENT_FRAME_BYTES_MAX, SETTLEMENT_PATIENCE, SETTLEMENTS_PER_FRAME_MAX, SETTLEMENTS_WAITING_MAX,
};

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Settlements {
    waiting: Mutex<Waiting>,
    /// Nothing is being written any more: nothing waits, or what waits was refused.
    stopped: Notify,
    /// A frame of them was written.
    written: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    is_writing: bool,
    /// Something waits for one of them.
    is_urgent: bool,
}

/// A frame that is on its way to the disk.
#[must_use]
#[derive(Debug)]
pub(crate) struct Submitted(oneshot::Receiver<Result<journal::Committed, AppendError>>);

impl Settlements {
    /// Whether as many are in memory as are meant to be.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= SETTLEMENTS_WAITING_MAX
    }

    /// Comes true when some were written, or when there is reason to look again.
    pub(crate) fn written(&self) -> Notified<'_> {
        self.written.notified()
    }

    /// Has everybody look again who waits for room.
    pub(crate) fn look_again(&self) {
        self.written.notify_waiters();
    }

    fn is_writing(&self) -> bool {
        self.waiting.lock().is_writing
    }

    fn len(&self) -> usize {
        self.waiting.lock().items.len()
    }
}

impl Shared {
    /// Queues a settlement that nothing waits for.
    pub(crate) fn settle_soon(self: &Arc<Self>, item: Item) {
        let is_many = self.queue_settlement(item, false) >= SETTLEMENTS_PER_FRAME_MAX;
        if is_many {
            self.journal.hurry();
        }
    }

    /// Queues a settlement that something waits for.
    pub(crate) fn settle_now(self: &Arc<Self>, item: Item) {
        self.queue_settlement(item, true);
        self.journal.hurry();
    }

    /// How many wait.
    fn queue_settlement(self: &Arc<Self>, item: Item, is_urgent: bool) -> usize {
        let mut waiting = self.settlements.waiting.lock();
        waiting.items.push_back(item);
        waiting.is_urgent |= is_urgent;
        let count = waiting.items.len();
        let starts = !std::mem::replace(&mut waiting.is_writing, true);
        drop(waiting);
        if starts {
            self.write_settlements();
        }
        count
    }

    /// Tries again what could not be written for want of space.
    pub(crate) fn kick_settlements(self: &Arc<Self>) {
        let mut waiting = self.settlements.waiting.lock();
        if waiting.items.is_empty() || waiting.is_writing {
            return;
        }
        waiting.is_writing = true;
        drop(waiting);
        self.write_settlements();
    }

    /// Waits until everything that was queued is written. What cannot be written is said and left: those events
    /// are delivered again.
    pub(crate) async fn drain_settlements(self: &Arc<Self>) {
        self.kick_settlements();
        loop {
            self.settlements.waiting.lock().is_urgent = true;
            self.journal.hurry();
            let stopped = self.settlements.stopped.notified();
            if !self.settlements.is_writing() {
                break;
            }
            stopped.await;
        }
        let left = self.settlements.len();
        if left > 0 {
            tracing::warn!(
                left,
                "settlements could not be written; these events are delivered again after a restart"
            );
        }
    }

    fn write_settlements(self: &Arc<Self>) {
        let mut waiting = self.settlements.waiting.lock();
        if waiting.items.is_empty() {
            waiting.is_writing = false;
            drop(waiting);
            self.settlements.stopped.notify_waiters();
            return;
        }
        let items = waiting.take_frame();
        // What is urgent may be in a later frame: then this one is in its way.
        let patience = (!waiting.is_urgent).then_some(SETTLEMENT_PATIENCE);
        waiting.is_urgent &= !waiting.items.is_empty();
        drop(waiting);
        let record = StateRecord::Settlements(items);
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries: smallvec![record.entry()],
        };
        let shared = Arc::clone(self);
        let done: journal::Done = Box::new(move |done| match done {
            Ok(_) => {
                shared.settlements.written.notify_waiters();
                shared.write_settlements();
            }
            Err(error) => shared.settlements_failed(record, &append_error(error)),
        });
        match patience {
            Some(patience) => self.journal.append_within(patience, frame, done),
            None => self.journal.append(frame, done),
        }
    }

    fn settlements_failed(self: &Arc<Self>, record: StateRecord, error: &AppendError) {
        let mut waiting = self.settlements.waiting.lock();
        waiting.is_writing = false;
        if error.is_retryable()
            && let StateRecord::Settlements(items) = record
        {
            for item in items.into_iter().rev() {
                waiting.items.push_front(item);
            }
        }
        drop(waiting);
        if !error.is_retryable() {
            self.halt(&error.to_string());
        }
        self.settlements.stopped.notify_waiters();
    }

    /// Hands entries to the journal as one frame. They are on their way when this returns, whatever becomes of the
    /// answer; `keep` is let go once they are stored or refused.
    pub(crate) fn submit(
        &self,
        purpose: Purpose,
        entries: impl IntoIterator<Item = Entry>,
        keep: impl Send + 'static,
    ) -> Submitted {
        self.submit_then(purpose, entries, move |_| drop(keep))
    }

    /// The same, with something to do at the journal's answer, whether or not the asker is still there. It runs on the
    /// journal's writer thread: it must not block.
    pub(crate) fn submit_then(
        &self,
        purpose: Purpose,
        entries: impl IntoIterator<Item = Entry>,
        then: impl FnOnce(&Result<journal::Committed, AppendError>) + Send + 'static,
    ) -> Submitted {
        let (answer, answered) = oneshot::channel();
        let frame = Frame {
            purpose,
            entries: entries.into_iter().collect(),
        };
        self.journal.append(
            frame,
            Box::new(move |done| {
                let done = done.map_err(append_error);
                then(&done);
                // The asker may have gone away; the frame is stored all the same.
                let _ = answer.send(done);
            }),
        );
        Submitted(answered)
    }
}

impl Waiting {
    /// What goes into the next frame, in order.
    fn take_frame(&mut self) -> Vec<Item> {
        let mut bytes = 0;
        let fits = self
            .items
            .iter()
            .take(SETTLEMENTS_PER_FRAME_MAX)
            .take_while(|item| {
                bytes += item.bytes_max();
                bytes <= SETTLEMENT_FRAME_BYTES_MAX
            });
        let count = fits.count().max(1).min(self.items.len());
        self.items.drain(..count).collect()
    }
}

impl Submitted {
    /// Waits until the frame is durable or refused.
    pub(crate) async fn durable(self) -> Result<journal::Committed, AppendError> {
        self.0.await.unwrap_or(Err(AppendError::Closed))
    }
}
