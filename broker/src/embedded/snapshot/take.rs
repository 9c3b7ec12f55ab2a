//! Takes a snapshot: reads the view piece by piece and appends what it read, one record after the other.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use journal::{AppendError, Committed, Frame, Purpose};
use smallvec::smallvec;

use crate::embedded::records::StateRecord;
use crate::embedded::records::snapshot::{SnapshotBegin, SnapshotChunk, SnapshotEnd};
use crate::embedded::shared::Shared;
use crate::embedded::view::{Pair, Pairs, View, ViewError};
use crate::limits::SNAPSHOT_AT_CLOSE_BYTES_MAX;

/// The pause after a snapshot that could not be finished.
const AGAIN: Duration = Duration::from_secs(1);

/// A snapshot that is being taken.
pub(in crate::embedded) struct Taking<'a> {
    shared: &'a Shared,
    view: Arc<View>,
    pairs: Pairs,
    /// What its end will say; `begin` is 0 until the beginning is committed.
    end: SnapshotEnd,
}

/// What goes into one record.
pub(in crate::embedded) struct Chunk {
    pairs: Vec<Pair>,
    bytes: u64,
}

/// Why one was left without an end.
#[derive(Debug, thiserror::Error)]
pub(in crate::embedded) enum Left {
    #[error("the journal took no more of it: {0}")]
    Append(#[from] AppendError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error("the view failed and another took its place")]
    Replaced,
    #[error("the engine stops")]
    Stopped,
}

/// Takes snapshots when they are due, until it is stopped.
pub(crate) fn run(shared: &Shared) {
    while shared.snapshots.wait_until_due() {
        match take(shared) {
            Ok(()) => {}
            Err(Left::Stopped) => {
                if !shared.snapshots.pause(AGAIN) {
                    return;
                }
            }
            Err(left) => {
                tracing::warn!(%left, "a snapshot was left unfinished; it is begun again");
                if !shared.snapshots.pause(AGAIN) {
                    return;
                }
                shared.snapshots.request();
            }
        }
    }
}

/// Takes one before a clean end if it spares the next start some work and is small. The thread of [`run`] has ended.
pub(crate) fn take_if_small(shared: &Shared) {
    let since = shared.snapshots.marks().bytes_since;
    if since < SNAPSHOT_AT_CLOSE_BYTES_MAX || shared.halted().is_some() {
        return;
    }
    if let Err(left) = take_small(shared) {
        tracing::warn!(%left, "the snapshot before the end was left unfinished");
    }
}

fn take(shared: &Shared) -> Result<(), Left> {
    if shared.halted().is_some() || shared.view().is_incomplete() {
        return Err(Left::Stopped);
    }
    let mut taking = Taking::new(shared);
    taking.begin()?;
    while let Some(chunk) = taking.read_chunk()? {
        if shared.snapshots.is_stopped() {
            return Err(Left::Stopped);
        }
        let sequence = taking.append_chunk(chunk)?;
        wait_until_applied(shared, sequence)?;
    }
    // Only then is it known that none is due.
    wait_until_applied(shared, taking.finish()?)
}

fn wait_until_applied(shared: &Shared, sequence: u64) -> Result<(), Left> {
    match shared.snapshots.wait_until_applied(sequence) {
        true => Ok(()),
        false => Err(Left::Stopped),
    }
}

/// Reads all of it before anything is written.
fn take_small(shared: &Shared) -> Result<(), Left> {
    let mut taking = Taking::new(shared);
    let mut chunks = Vec::new();
    let mut bytes = 0;
    while let Some(chunk) = taking.read_chunk()? {
        bytes += chunk.bytes;
        if bytes > SNAPSHOT_AT_CLOSE_BYTES_MAX {
            return Ok(());
        }
        chunks.push(chunk);
    }
    taking.begin()?;
    for chunk in chunks {
        taking.append_chunk(chunk)?;
    }
    taking.finish()?;
    Ok(())
}

impl<'a> Taking<'a> {
    /// Copies the subscriptions' states at this instant; the rest is read as chunks are asked for.
    pub(in crate::embedded) fn new(shared: &'a Shared) -> Self {
        let (applied, subscriptions) = shared.collect_states();
        Self {
            shared,
            view: shared.view(),
            pairs: Pairs::new(subscriptions),
            end: SnapshotEnd {
                begin: 0,
                applied,
                chunks: 0,
                bytes: 0,
            },
        }
    }

    /// Commits the beginning.
    pub(in crate::embedded) fn begin(&mut self) -> Result<(), Left> {
        let applied = self.end.applied;
        let committed = self.append(&StateRecord::SnapshotBegin(SnapshotBegin { applied }))?;
        self.end.begin = sequence(&committed);
        Ok(())
    }

    /// The next part of the view as it is now; none when all was read.
    pub(in crate::embedded) fn read_chunk(&mut self) -> Result<Option<Chunk>, ViewError> {
        let bytes_max = self.shared.snapshots.chunk_bytes_max();
        let pairs = self.pairs.next(&self.view, bytes_max)?;
        let bytes = pairs.iter().map(|(key, value)| (key.len() + value.len()) as u64);
        let bytes = bytes.sum();
        Ok((!pairs.is_empty()).then_some(Chunk { pairs, bytes }))
    }

    /// Commits a part. Answers the sequence of its record.
    pub(in crate::embedded) fn append_chunk(&mut self, chunk: Chunk) -> Result<u64, Left> {
        let record = StateRecord::SnapshotChunk(SnapshotChunk {
            begin: self.end.begin,
            index: self.end.chunks,
            pairs: chunk.pairs,
        });
        let committed = self.append(&record)?;
        self.end.chunks += 1;
        self.end.bytes += chunk.bytes;
        Ok(sequence(&committed))
    }

    /// Commits the end. Answers the sequence of its record.
    pub(in crate::embedded) fn finish(self) -> Result<u64, Left> {
        if !Arc::ptr_eq(&self.view, &self.shared.view()) || self.view.is_incomplete() {
            return Err(Left::Replaced);
        }
        let committed = self.append(&StateRecord::SnapshotEnd(self.end))?;
        self.shared.snapshots.completed(self.end.applied, committed.group);
        tracing::debug!(
            applied = self.end.applied,
            bytes = self.end.bytes,
            "a snapshot is complete"
        );
        self.shared.tick();
        Ok(sequence(&committed))
    }

    /// Appends one record and waits until it is committed or refused.
    fn append(&self, record: &StateRecord) -> Result<Committed, AppendError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries: smallvec![record.entry()],
        };
        self.shared.journal.append(
            frame,
            Box::new(move |done| {
                // There is room for the one answer, and the asker waits for it.
                let _ = answer.try_send(done);
            }),
        );
        answered.recv().unwrap_or(Err(AppendError::Closed))
    }
}

fn sequence(committed: &Committed) -> u64 {
    committed.sequences.first().copied().unwrap_or(0)
}
