//! Checkpoints: the view is brought near the journal, so that a start has little to apply again.

use std::sync::Arc;
use std::time::Duration;

use journal::{Frame, Purpose};
use parking_lot::{Condvar, Mutex};
use smallvec::smallvec;

use super::records::StateRecord;
use super::shared::Shared;
use super::space::SpaceWatch;
use crate::limits::CHECKPOINT_INTERVAL_MS;

/// Ends the threads that look once an interval.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Ticker {
    pub(crate) fn stop(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }

    /// Waits one interval; says whether to go on.
    pub(crate) fn wait(&self) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed
                .wait_for(&mut stopped, Duration::from_millis(CHECKPOINT_INTERVAL_MS));
        }
        !*stopped
    }
}

/// Runs until it is stopped.
pub(crate) fn run(shared: &Arc<Shared>, ticker: &Ticker) {
    let mut space = SpaceWatch::default();
    while ticker.wait() {
        space.tick(shared, Duration::from_millis(CHECKPOINT_INTERVAL_MS));
        shared.kick_settlements();
        store_progress(shared);
        if let Err(error) = shared.forget_pairs() {
            tracing::warn!(%error, "pairs of source and id whose window has passed are kept for now");
        }
        checkpoint(shared, false);
        shared.return_to_disk_if_due();
        if shared.snapshots.is_newly_synced(shared.journal.synced()) {
            shared.tick();
        }
    }
}

/// Records how far each subscription is through events that did not match it: what matches them after a restart
/// may be another filter.
pub(crate) fn store_progress(shared: &Shared) {
    if shared.halted().is_some() {
        return;
    }
    // Until the record is on its way: see `subscription::seek`.
    let _progress = shared.progress.lock();
    let floors: Vec<_> = shared
        .all_subscriptions()
        .iter()
        .filter_map(|sub| Some((sub.id, sub.floor_to_store()?)))
        .collect();
    if floors.is_empty() {
        return;
    }
    let entry = StateRecord::Progress(floors).entry();
    // Nobody waits: when it is not stored, the next interval tries again.
    shared.journal.append(
        Frame {
            purpose: Purpose::Upkeep,
            entries: smallvec![entry],
        },
        Box::new(|_| {}),
    );
}

/// Writes what changed into the view. A failure is reported and leaves the view behind the journal, which a start
/// makes up for. A halted engine writes none: the record that could not be applied may be applied in part.
pub(crate) fn checkpoint(shared: &Shared, clean: bool) {
    if shared.halted().is_some() {
        return;
    }
    let checkpoint = shared.collect_checkpoint(clean);
    if checkpoint.subscriptions.is_empty() && checkpoint.gone.is_empty() && !clean {
        return;
    }
    let view = shared.view();
    if let Err(error) = view.checkpoint(&checkpoint) {
        tracing::warn!(%error, "the progress view could not be written; the journal has everything");
        for (id, _) in checkpoint.subscriptions {
            if let Some(sub) = shared.subscription(id) {
                sub.mark_dirty();
            }
        }
        shared.gone_again(checkpoint.gone);
        if !clean && let Err(error) = shared.replace_view(&shared.gate.lock(), &view, &error) {
            shared.halt(&error.to_string());
        }
    }
}
