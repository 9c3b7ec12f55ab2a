//! Where the view goes when sled fails, and how it comes back.
//!
//! sled holds nothing that the journal has not. When it fails, with a full disk for one, the view is filled again from
//! the newest snapshot and the state records after it, in memory, and the engine goes on. From time to time a checkpoint
//! tries to fill a new one on disk in the same way, and moves back to it.
//!
//! What must hold: a view that is put in place reflects exactly the records that are applied, so that the swap is made
//! under the gate; filling it may begin before, since what records change in a view may be done again (see
//! [`super::apply`]).

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Record, StreamId};
use parking_lot::MutexGuard;

use super::rebuild::{self, RebuildError};
use super::records::{self, STATE, StateRecord};
use super::shared::Shared;
use super::view::{Checkpoint, View, ViewError};
use crate::Position;
use crate::limits::{VIEW_MEMORY_BYTES_MAX, VIEW_RETURN_INTERVAL_MS};

/// Why the view is in memory.
#[derive(Debug)]
pub(crate) struct Degraded {
    reason: String,
    /// When it was last tried to keep it on disk.
    tried: Instant,
}

impl Degraded {
    pub(crate) fn new(reason: impl ToString) -> Self {
        Self {
            reason: reason.to_string(),
            tried: Instant::now(),
        }
    }
}

impl Shared {
    /// Looks into the view; when it fails, into the one that takes its place.
    pub(crate) fn look<T>(&self, look: impl Fn(&View) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let view = self.view();
        look(&view).or_else(|error| {
            self.replace_view(&self.gate.lock(), &view, &error)?;
            look(&self.view())
        })
    }

    /// Puts a view in memory in the place of one that failed, if nobody has yet.
    pub(crate) fn replace_view(
        &self,
        _gate: &MutexGuard<'_, ()>,
        failed: &Arc<View>,
        error: &ViewError,
    ) -> Result<(), ViewError> {
        if !Arc::ptr_eq(failed, &self.view()) {
            return Ok(());
        }
        let view = View::in_memory(failed.directory());
        self.fill_again(&view).map_err(|why| error.and(why))?;
        tracing::error!(%error, "the progress view goes on in memory, filled from the journal");
        self.set_view(Arc::new(view));
        *self.degraded.lock() = Some(Degraded::new(error));
        Ok(())
    }

    /// Tries to keep a view on disk again that is in memory, if it is time.
    pub(crate) fn return_to_disk_if_due(&self) {
        let interval = Duration::from_millis(VIEW_RETURN_INTERVAL_MS);
        match self.degraded.lock().as_mut() {
            Some(degraded) if degraded.tried.elapsed() >= interval => degraded.tried = Instant::now(),
            _ => return,
        }
        if let Err(error) = self.return_to_disk() {
            tracing::debug!(%error, "the progress view stays in memory");
        }
    }

    /// Fills a new view on disk and puts it in place.
    pub(super) fn return_to_disk(&self) -> Result<(), RebuildError> {
        let directory = self.view().directory().to_path_buf();
        let view = Arc::new(View::open_fresh(&directory)?);
        let filled = self.fill_again(&view);
        let moved = filled.and_then(|applied| self.move_to(&view, applied));
        if moved.is_err() {
            drop(view);
            if let Err(error) = fs::remove_dir_all(directory) {
                tracing::debug!(%error, "what there was of a new view could not be removed");
            }
            return moved;
        }
        tracing::info!("the progress view is kept on disk again");
        Ok(())
    }

    /// Why the view is not as it should be, in words.
    pub(crate) fn view_warning(&self) -> Option<String> {
        let reason = self.degraded.lock().as_ref()?.reason.clone();
        let consequence = if self.view().is_incomplete() {
            let limit = VIEW_MEMORY_BYTES_MAX >> 20;
            format!(
                "it needs more than the {limit} MiB that it may take: nothing is delivered until it is on disk again"
            )
        } else {
            "a restart makes it anew from the journal".to_owned()
        };
        Some(format!(
            "the progress view is degraded and kept in memory ({reason}); {consequence}"
        ))
    }

    /// Fills an empty view with everything up to the last record that is applied at this moment; says which that is.
    pub(super) fn fill_again(&self, view: &View) -> Result<u64, RebuildError> {
        let start = rebuild::fill(&self.journal, view)?;
        if let Some(lost) = start.lost {
            // What is accounted for in memory would be in no view.
            return Err(RebuildError::Lost(lost));
        }
        let applied = self.applied();
        self.apply_again(view, start.applied + 1, applied)?;
        Ok(applied)
    }

    /// Puts a view in place that is filled up to `applied`, once it has what was applied since, and is on disk.
    fn move_to(&self, view: &Arc<View>, applied: u64) -> Result<(), RebuildError> {
        let _gate = self.gate.lock();
        self.apply_again(view, applied + 1, self.applied())?;
        view.checkpoint(&Checkpoint {
            applied: self.applied(),
            subscriptions: self.states(),
            gone: Vec::new(),
            snapshots: self.snapshots.marks(),
            seen: self.clock.now(),
            clean: false,
        })?;
        view.mark_open(&self.journal.id(), self.applied())?;
        self.set_view(Arc::clone(view));
        *self.degraded.lock() = None;
        for sub in self.all_subscriptions() {
            sub.look_again(view);
        }
        self.tick();
        Ok(())
    }

    /// Applies state records to a view, and everything to its index of dead letters that it lacks.
    fn apply_again(&self, view: &View, from: u64, to: u64) -> Result<(), RebuildError> {
        let mut failed = None;
        rebuild::each_while(&self.journal, STATE, from, to, |record| {
            failed = again(view, record).err();
            failed.is_none()
        })?;
        for broker in self.streams.all() {
            let stream = StreamId(broker.dead_letters);
            let indexed = view.dead_letters_indexed(stream)?;
            rebuild::each_while(&self.journal, stream, indexed + 1, u64::MAX, |record| {
                failed = failed.take().or_else(|| index(view, record).err());
                failed.is_none()
            })?;
        }
        failed.map_or(Ok(()), Err)
    }
}

fn again(view: &View, record: Record) -> Result<(), RebuildError> {
    let record = StateRecord::read(record.kind, record.head)?;
    Ok(Shared::apply_to_view(view, &record)?)
}

/// Puts a record of a dead-letter stream into the index.
pub(super) fn index(view: &View, record: Record) -> Result<(), RebuildError> {
    let at = Position {
        stream: record.stream.0,
        sequence: record.sequence,
    };
    let (meta, _) = records::read_dead_letter(at, &record.head, record.body)?;
    Ok(view.put_dead_letter(at, &meta)?)
}
