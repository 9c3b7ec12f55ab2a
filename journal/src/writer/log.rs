//! Puts groups behind each other: writes, syncs, seals a full segment and begins the next.
//!
//! Knows nothing of waiters. Every error is final: the caller must not write again.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use thiserror::Error;

use super::group::Group;
use super::spare::{Spare, Spares};
use super::{Counters, Pending, Shared};
use crate::catalog::{Catalog, Sealed};
use crate::format::{Closed, GROUP_HEAD, GroupHead, GroupKind, JournalId, SegmentHead, Trailer, narrow};
use crate::fs::FileSystem;
use crate::record::Purpose;
use crate::recovery::{Position, closed};
use crate::segment::Segment;
use crate::sequences::Sequences;
use crate::space::Space;
use crate::tail::{Tables, Tail, seal};
use crate::{Durability, OpenError, Options};

/// What recovery hands over.
pub(super) struct Start {
    pub(super) id: JournalId,
    pub(super) sequences: Sequences,
    pub(super) position: Position,
    pub(super) tail: Option<Tail>,
}

/// A write or a sync failed.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub(super) struct LogFailed {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// See the module.
pub(super) struct Log {
    fs: Arc<dyn FileSystem>,
    options: Options,
    id: JournalId,
    catalog: Arc<Catalog>,
    counters: Arc<Counters>,
    sequences: Sequences,
    position: Position,
    /// `None` until the first segment of this life is begun, when there was none to go on in.
    tail: Option<Tail>,
    /// The opening group of this life's epoch is synced. Without it no other group may be written.
    opened: bool,
    spares: Spares,
    space: Arc<Space>,
    /// When the oldest write that is not synced was made.
    dirty_since: Option<Instant>,
}

impl Log {
    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        options: Options,
        shared: &Shared,
        start: Start,
    ) -> Result<Log, OpenError> {
        shared
            .counters
            .bytes_on_disk
            .store(start.position.bytes_on_disk, Ordering::Relaxed);
        shared
            .counters
            .synced
            .store(start.position.synced, Ordering::Release);
        Ok(Log {
            spares: Spares::start(fs.clone(), &options, shared.space.clone())?,
            space: shared.space.clone(),
            fs,
            options,
            id: start.id,
            catalog: shared.catalog.clone(),
            counters: shared.counters.clone(),
            sequences: start.sequences,
            position: start.position,
            tail: start.tail,
            opened: false,
            dirty_since: None,
        })
    }

    /// Makes sure that this life's opening group is synced. `false`: there is no room for it.
    pub(super) fn ensure_opened(&mut self) -> Result<bool, LogFailed> {
        if self.opened {
            return Ok(true);
        }
        let fits = |tail: &Tail| tail.has_room(GROUP_HEAD as u64, tail.records, tail.streams.len() as u64);
        if !self.tail.as_ref().is_some_and(fits) && !self.roll(Purpose::Upkeep)? {
            return Ok(false);
        }
        // What it says ends here. Before, and while there is no room, a loss that it tells of may be recorded nowhere else.
        self.forget_close()?;
        self.write(GroupKind::Opening, &mut Group::default())?;
        self.sync()?;
        self.note_committed();
        self.opened = true;
        Ok(true)
    }

    /// Whether the frame fits behind those in the group, and the group the segment.
    pub(super) fn fits(&self, group: &Group, pending: &Pending) -> bool {
        let Some(tail) = self.tail.as_ref().filter(|_| self.opened) else {
            return false;
        };
        let body_bytes = group.body_bytes() as u64 + pending.bytes;
        if !group.is_empty() && body_bytes > self.options.group_bytes_max as u64 {
            return false;
        }
        let entries = &pending.frame.entries;
        let new = entries
            .iter()
            .filter(|entry| !tail.streams.contains(&entry.stored_stream()))
            .count();
        let records = tail.records + u64::from(group.records) + entries.len() as u64;
        tail.has_room(
            GROUP_HEAD as u64 + body_bytes,
            records,
            (tail.streams.len() + new) as u64,
        )
    }

    /// Adds a frame that fits; its records get their sequences.
    pub(super) fn add(&mut self, group: &mut Group, pending: Pending, announce: bool) {
        let tail = self
            .tail
            .as_mut()
            .expect("a frame only fits when there is a segment");
        group.add(pending, tail, &mut self.sequences, &self.position, announce);
    }

    /// Writes a group with one write.
    pub(super) fn write(&mut self, kind: GroupKind, group: &mut Group) -> Result<(), LogFailed> {
        let head = GroupHead {
            kind,
            epoch: self.position.epoch,
            number: self.position.group + 1,
            last_synced: self.position.synced,
            records_before: self.position.records,
            body_bytes: narrow(group.body_bytes()),
            frames: group.frames,
            records: group.records,
        };
        let tail = self
            .tail
            .as_mut()
            .expect("a group is only made when there is a segment for it");
        let bytes = group.complete(&head, tail.segment.place, tail.end);
        tail.file
            .write_at(bytes, tail.end)
            .map_err(failed("write journal segment", &tail.segment))?;
        self.counters.groups.fetch_add(1, Ordering::Relaxed);
        self.counters
            .bytes_written
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        tail.end += bytes.len() as u64;
        self.space.set_tail_room(tail.capacity.saturating_sub(tail.end));
        tail.records += u64::from(head.records);
        self.position.group = head.number;
        self.position.records += u64::from(head.records);
        self.dirty_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Syncs if a group must be synced before anyone is told, by the mode or by what is in it.
    pub(super) fn sync_for_acknowledgement(&mut self, must_sync: bool) -> Result<(), LogFailed> {
        match self.options.durability {
            _ if must_sync => self.sync(),
            Durability::Always => self.sync(),
            Durability::Interval(_) | Durability::Os => Ok(()),
        }
    }

    /// What is written is as durable as the mode says.
    pub(super) fn note_committed(&self) {
        if let Some(tail) = &self.tail {
            self.catalog.committed(tail.end);
        }
    }

    /// When the next sync has to be made at the latest.
    pub(super) fn sync_due(&self) -> Option<Instant> {
        match self.options.durability {
            Durability::Interval(window) => self.dirty_since.and_then(|since| since.checked_add(window)),
            Durability::Always | Durability::Os => None,
        }
    }

    pub(super) fn sync_if_due(&mut self) -> Result<(), LogFailed> {
        if self.sync_due().is_some_and(|due| due <= Instant::now()) {
            self.sync()
        } else {
            Ok(())
        }
    }

    /// Seals the segment and begins the next. `false`: there is no room for a next one for this purpose, the segment
    /// stays as it is.
    pub(super) fn roll(&mut self, purpose: Purpose) -> Result<bool, LogFailed> {
        let Some(spare) = self.spares.take(purpose) else {
            return Ok(false);
        };
        self.seal()?;
        self.begin(spare)?;
        self.spares.replenish();
        Ok(true)
    }

    /// Whether there is room on the disk; looks again when there was none before.
    pub(super) fn retry_space(&self) -> bool {
        self.spares.retry()
    }

    /// Everything is synced, and a last group says so.
    pub(super) fn finish(&mut self) -> Result<(), LogFailed> {
        if !self.opened {
            return Ok(());
        }
        self.sync()?;
        self.write(GroupKind::Close, &mut Group::default())?;
        self.sync()?;
        self.note_close();
        Ok(())
    }

    /// Writes down where the journal ended. Without it a later loss at the end looks like a write that was cut short.
    fn note_close(&self) {
        let mut streams: Vec<_> = self.sequences.all().collect();
        streams.sort_unstable();
        let closed = Closed {
            id: self.id,
            epoch: self.position.epoch,
            segment: self.position.segment,
            group: self.position.group,
            records: self.position.records,
            other: self.sequences.other(),
            streams,
        };
        if let Err(error) = closed::write(&*self.fs, &self.options.directory, &closed) {
            tracing::warn!(
                %error,
                "where the journal ended could not be written down: the next start cannot tell if something is lost there"
            );
        }
    }

    /// The journal goes on behind its close.
    fn forget_close(&self) -> Result<(), LogFailed> {
        let directory = &self.options.directory;
        closed::forget(&*self.fs, directory).map_err(|source| LogFailed {
            action: "remove",
            path: directory.join(Closed::FILE),
            source,
        })
    }

    fn sync(&mut self) -> Result<(), LogFailed> {
        let Some(tail) = self.tail.as_ref().filter(|_| self.dirty_since.is_some()) else {
            return Ok(());
        };
        tail.file
            .sync_data()
            .map_err(failed("sync journal segment", &tail.segment))?;
        self.synced();
        Ok(())
    }

    fn synced(&mut self) {
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.position.synced = self.position.group;
        self.counters
            .synced
            .store(self.position.synced, Ordering::Release);
        self.dirty_since = None;
    }

    fn seal(&mut self) -> Result<(), LogFailed> {
        // A valid footer says that what it lists is there: first the groups, then the footer.
        self.sync()?;
        let Some(tail) = self.tail.take() else {
            return Ok(());
        };
        let with_next = |(stream, slots)| (stream, slots, self.sequences.next(stream));
        let tables: Tables = self.catalog.live().into_iter().map(with_next).collect();
        let trailer = Trailer {
            segment: tail.segment.number,
            epoch: self.position.epoch,
            first_group: tail.first_group,
            last_group: self.position.group,
            records_before: tail.records_before,
            records_after: self.position.records,
            other_next: self.sequences.other(),
            data_end: u32::try_from(tail.end).expect("segments are smaller than 4 GiB"),
            ..Trailer::default()
        };
        let sealed = seal(&*tail.file, tail.segment.place, &tables, trailer)
            .and_then(|(footer, on_disk)| Ok((footer, on_disk, tail.file.len()?)));
        let (footer, on_disk, length) = sealed.map_err(failed("seal journal segment", &tail.segment))?;
        self.synced();
        let sealed = Sealed {
            bytes: length,
            records_after: self.position.records,
        };
        self.catalog
            .seal(tail.segment.number, &footer.directory, !on_disk, sealed);
        self.counters
            .bytes_written
            .fetch_add(length.saturating_sub(tail.end), Ordering::Relaxed);
        self.counters.bytes_on_disk.fetch_add(length, Ordering::Relaxed);
        self.counters
            .bytes_on_disk
            .fetch_sub(tail.capacity, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the prepared file the next segment. Its header is synced before it gets its name.
    fn begin(&mut self, spare: Spare) -> Result<(), LogFailed> {
        let number = self.position.segment + 1;
        let segment = Arc::new(Segment::new(&self.options.directory, &self.id, number));
        let head = SegmentHead {
            id: self.id,
            number,
            epoch: self.position.epoch,
            first_group: self.position.group + 1,
            last_synced: self.position.synced,
            records_before: self.position.records,
        };
        let Spare { file, path } = spare;
        let tail = Tail::begin(segment.clone(), file, self.options.segment_bytes, &head);
        let tail = tail.and_then(|tail| {
            self.fs.rename(&path, &segment.path)?;
            self.fs.sync_dir(&self.options.directory)?;
            Ok(tail)
        });
        let tail = tail.map_err(failed("begin journal segment", &segment))?;
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes_written.fetch_add(tail.end, Ordering::Relaxed);
        self.counters
            .bytes_on_disk
            .fetch_add(tail.capacity, Ordering::Relaxed);
        self.space.set_tail_room(tail.capacity.saturating_sub(tail.end));
        self.position.segment = number;
        self.catalog.begin(segment);
        self.tail = Some(tail);
        Ok(())
    }
}

impl From<LogFailed> for OpenError {
    fn from(failed: LogFailed) -> OpenError {
        OpenError::Io {
            action: failed.action,
            path: failed.path,
            source: failed.source,
        }
    }
}

fn failed(action: &'static str, segment: &Segment) -> impl FnOnce(io::Error) -> LogFailed + use<> {
    let path = segment.path.clone();
    move |source| LogFailed { action, path, source }
}
