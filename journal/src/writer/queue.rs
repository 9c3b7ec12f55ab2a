//! What waits for the writer. Bounded by bytes; the writer is woken only when it sleeps.
//!
//! A frame may be patient: as long as nothing but such frames is queued, the writer lets them wait, up to the patience of
//! the first, so that they share the sync of whatever comes next.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::record::{Committed, Done, Frame};
use crate::{AppendError, Health, limits};

/// See the module.
pub(crate) struct Queue {
    bytes_max: usize,
    state: Mutex<State>,
    wake: Condvar,
}

/// A frame on its way.
pub(crate) struct Pending {
    pub(crate) frame: Frame,
    /// Bytes that the frame takes in a group.
    pub(crate) bytes: u64,
    /// Answered only when it is synced, whatever the mode of the journal is.
    pub(crate) must_sync: bool,
    /// How long it may wait for others, at most.
    pub(crate) patience: Option<Duration>,
    pub(crate) waiter: Waiter,
}

/// Who is to be told. Answers exactly once: when it is dropped without an answer, with an error.
pub(crate) struct Waiter(Option<Done>);

/// What [`Queue::take`] came back with.
pub(crate) enum Taken {
    /// Frames, which are where the caller wanted them, and the bytes that they count for.
    Frames(usize),
    /// The deadline passed.
    Timeout,
    /// The queue is empty and nothing more will come.
    Closing,
}

/// For what the writer waits.
enum Until {
    /// Nothing: there will be no more.
    Closed,
    Woken,
    At(Instant),
}

#[derive(Default)]
struct State {
    frames: VecDeque<Pending>,
    /// Until when all that is queued may wait; `None`: something may not, or nothing is queued.
    patient_until: Option<Instant>,
    /// Bytes queued and in the writer's hands.
    bytes: usize,
    sleeping: bool,
    closing: bool,
    /// Set for good: every append gets this.
    refusal: Option<AppendError>,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> Queue {
        Queue {
            bytes_max,
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
        }
    }

    /// Queues a frame, or tells its waiter at once why not. A frame larger than the bound is taken when it is alone.
    pub(crate) fn push(&self, pending: Pending) {
        let bytes = pending_bytes(&pending);
        let mut state = self.state.lock();
        if let Some(refusal) = state.refuse(bytes, self.bytes_max) {
            drop(state);
            pending.waiter.answer_here(Err(refusal));
            return;
        }
        state.bytes += bytes;
        let wake = state.add(pending);
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Lets nothing that is queued wait any longer.
    pub(crate) fn hurry(&self) {
        if self.state.lock().patient_until.take().is_some() {
            self.wake.notify_one();
        }
    }

    /// Waits for frames and takes them into `empty`, up to `bytes_max`, at least one. `finished` bytes of earlier ones are
    /// no longer in the writer's hands.
    pub(crate) fn take(
        &self,
        empty: &mut VecDeque<Pending>,
        bytes_max: usize,
        deadline: Option<Instant>,
        finished: usize,
    ) -> Taken {
        let mut state = self.state.lock();
        state.bytes -= finished;
        while let Some(until) = state.waits(deadline) {
            state.sleeping = true;
            match until {
                Until::Closed => return Taken::Closing,
                Until::Woken => self.wake.wait(&mut state),
                Until::At(at) => drop(self.wake.wait_until(&mut state, at)),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && state.waits(None).is_some() {
                state.sleeping = false;
                return Taken::Timeout;
            }
        }
        state.sleeping = false;
        state.take_frames(empty, bytes_max)
    }

    /// Nothing more is taken; what is queued is still committed.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.refusal.get_or_insert(AppendError::Closed);
        drop(state);
        self.wake.notify_one();
    }

    /// Refuses everything from now on and hands out what was queued.
    pub(crate) fn poison(&self, reason: Arc<str>) -> VecDeque<Pending> {
        let mut state = self.state.lock();
        state.refusal = Some(AppendError::Poisoned { reason });
        state.bytes = 0;
        std::mem::take(&mut state.frames)
    }

    pub(crate) fn health(&self) -> Health {
        let state = self.state.lock();
        match &state.refusal {
            Some(AppendError::Poisoned { reason }) => Health::Poisoned {
                reason: reason.clone(),
            },
            Some(_) => Health::Closed,
            None => Health::Writing,
        }
    }
}

impl State {
    /// Queues a frame. Whether the writer has to be woken for it, or to know until when it may sleep.
    fn add(&mut self, pending: Pending) -> bool {
        let is_first = self.frames.is_empty();
        let until = pending.patience.map(|patience| Instant::now() + patience);
        self.patient_until = match (self.patient_until, until) {
            (_, until) if is_first => until,
            (Some(first), Some(until)) => Some(first.min(until)),
            _ => None,
        };
        self.frames.push_back(pending);
        (is_first || self.patient_until.is_none()) && std::mem::take(&mut self.sleeping)
    }

    /// For what the writer waits, at most until the deadline; `None`: it has something to do.
    fn waits(&self, deadline: Option<Instant>) -> Option<Until> {
        let until = if self.frames.is_empty() {
            if self.closing {
                return Some(Until::Closed);
            }
            deadline
        } else {
            let patient_until = self
                .patient_until
                .filter(|until| !self.closing && Instant::now() < *until)?;
            Some(deadline.map_or(patient_until, |deadline| deadline.min(patient_until)))
        };
        Some(until.map_or(Until::Woken, Until::At))
    }

    fn refuse(&self, bytes: usize, bytes_max: usize) -> Option<AppendError> {
        if self.refusal.is_some() {
            return self.refusal.clone();
        }
        let full = self.bytes > 0 && self.bytes.saturating_add(bytes) > bytes_max;
        full.then_some(AppendError::QueueFull)
    }

    fn take_frames(&mut self, empty: &mut VecDeque<Pending>, bytes_max: usize) -> Taken {
        let mut bytes = 0;
        let mut count = 0;
        for pending in &self.frames {
            bytes += pending_bytes(pending);
            if count > 0 && bytes > bytes_max {
                bytes -= pending_bytes(pending);
                break;
            }
            count += 1;
        }
        self.patient_until = None;
        // The two take turns, so that neither is grown again for each group; a burst is not kept room for.
        empty.shrink_to(limits::QUEUED_KEPT_MAX);
        empty.extend(self.frames.drain(count..));
        std::mem::swap(&mut self.frames, empty);
        Taken::Frames(bytes)
    }
}

impl Waiter {
    pub(crate) fn new(done: Done) -> Waiter {
        Waiter(Some(done))
    }

    /// Tells the waiter; `false` when it panicked.
    pub(crate) fn answer(mut self, result: Result<Committed, AppendError>) -> bool {
        let Some(done) = self.0.take() else { return true };
        catch_unwind(AssertUnwindSafe(|| done(result))).is_ok()
    }

    /// Tells the waiter on its own thread, where a panic is its own affair.
    pub(crate) fn answer_here(mut self, result: Result<Committed, AppendError>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            let reason = "the journal's writer thread ended without an answer".into();
            let told = catch_unwind(AssertUnwindSafe(|| done(Err(AppendError::Poisoned { reason }))));
            drop(told);
        }
    }
}

fn pending_bytes(pending: &Pending) -> usize {
    usize::try_from(pending.bytes).unwrap_or(usize::MAX)
}
