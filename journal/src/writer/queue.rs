//! What waits for the writer. Bounded by bytes; the writer is woken only when it sleeps.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::record::{Committed, Done, Frame};
use crate::{AppendError, Health};

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
    pub(crate) waiter: Waiter,
}

/// Who is to be told. Answers exactly once: when it is dropped without an answer, with an error.
pub(crate) struct Waiter(Option<Done>);

/// What [`Queue::take`] came back with.
pub(crate) enum Taken {
    /// Frames and the bytes that they count for.
    Frames(VecDeque<Pending>, usize),
    /// The deadline passed.
    Timeout,
    /// The queue is empty and nothing more will come.
    Closing,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Pending>,
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
        state.frames.push_back(pending);
        let wake = std::mem::take(&mut state.sleeping);
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits for frames and takes them, up to `bytes_max`, at least one. `finished` bytes of earlier ones are no longer
    /// in the writer's hands.
    pub(crate) fn take(&self, bytes_max: usize, deadline: Option<Instant>, finished: usize) -> Taken {
        let mut state = self.state.lock();
        state.bytes -= finished;
        while state.frames.is_empty() {
            if state.closing {
                return Taken::Closing;
            }
            state.sleeping = true;
            match deadline {
                None => self.wake.wait(&mut state),
                Some(deadline) => {
                    if self.wake.wait_until(&mut state, deadline).timed_out() && state.frames.is_empty() {
                        state.sleeping = false;
                        return Taken::Timeout;
                    }
                }
            }
        }
        state.sleeping = false;
        state.take_frames(bytes_max)
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
    fn refuse(&self, bytes: usize, bytes_max: usize) -> Option<AppendError> {
        if self.refusal.is_some() {
            return self.refusal.clone();
        }
        let full = self.bytes > 0 && self.bytes.saturating_add(bytes) > bytes_max;
        full.then_some(AppendError::QueueFull)
    }

    fn take_frames(&mut self, bytes_max: usize) -> Taken {
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
        let rest = self.frames.split_off(count);
        Taken::Frames(std::mem::replace(&mut self.frames, rest), bytes)
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
