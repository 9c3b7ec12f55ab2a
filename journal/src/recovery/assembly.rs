//! Puts the segments together, oldest first: catalog, sequences, the place to go on, and the report.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

use super::directory::Directory;
use super::judge::{Verdict, judge};
use super::load::{Content, Evidence, Loaded};
use super::{Position, Recovered, failed};
use crate::catalog::{Catalog, Extent};
use crate::format::{Footer, GroupKind, SEGMENT_HEAD, Slot, Trailer, file_name};
use crate::fs::{File, is_no_space, read_full};
use crate::record::StreamId;
use crate::scan::Scan;
use crate::segment::{Segment, Table};
use crate::sequences::Sequences;
use crate::tail::{Tables, Tail, seal};
use crate::{OpenError, Options, Quarantined, Recovery, limits};

/// See the module.
pub(crate) struct Assembly {
    segment_bytes: u64,
    catalog: Catalog,
    sequences: Sequences,
    position: Position,
    tail: Option<Tail>,
    report: Recovery,
}

impl Assembly {
    pub(crate) fn new(options: &Options, trimmed: bool) -> Assembly {
        Assembly {
            segment_bytes: options.segment_bytes,
            catalog: Catalog::new(trimmed),
            sequences: Sequences::new(),
            position: Position {
                epoch: 0,
                group: 0,
                synced: 0,
                records: 0,
                segment: 0,
                bytes_on_disk: 0,
            },
            tail: None,
            report: Recovery {
                clean: true,
                ..Recovery::default()
            },
        }
    }

    pub(crate) fn add(&mut self, loaded: Loaded, evidence: Evidence) -> Result<(), OpenError> {
        self.note_missing(&loaded);
        self.position.segment = loaded.segment.number;
        if loaded.head.is_none() {
            self.quarantine(
                loaded.segment.number,
                "the segment's header is damaged".to_owned(),
            );
        }
        let Loaded {
            segment,
            file,
            file_bytes,
            head,
            content,
        } = loaded;
        match content {
            Content::Sealed(footer) => {
                if evidence.newest {
                    // Its seal may have failed to sync.
                    make_sure(&*file, SEGMENT_HEAD, file_bytes).map_err(failed("repair", &segment.path))?;
                }
                self.add_sealed(segment, footer);
                self.position.bytes_on_disk += file_bytes;
                Ok(())
            }
            Content::Unsealed(scan) => {
                let first_group = head.as_ref().map(|head| head.first_group);
                let whole = head.is_some();
                self.add_scanned(
                    Scanned {
                        segment,
                        file,
                        file_bytes,
                        whole,
                    },
                    scan,
                    evidence,
                    first_group,
                )
            }
        }
    }

    pub(crate) fn finish(mut self, directory: Directory) -> Result<Recovered, OpenError> {
        self.position.epoch += 1;
        self.position.synced = self.position.group;
        self.report.created = directory.created;
        self.report.clean &= directory.created || self.tail.is_some();
        self.report.segments = self.catalog.segments();
        Ok(Recovered {
            id: directory.id,
            lock: directory.lock,
            catalog: self.catalog,
            sequences: self.sequences,
            position: self.position,
            tail: self.tail,
            report: self.report,
        })
    }

    /// Segments between the one before and this one, and what they held.
    fn note_missing(&mut self, loaded: &Loaded) {
        if self.position.segment == 0 {
            // The oldest segment: what was before it has left by a rule.
            self.position.records = loaded.records_before().unwrap_or(0);
            return;
        }
        for missing in self.position.segment + 1..loaded.segment.number {
            self.quarantine(missing, "the file is missing".to_owned());
        }
        let lost = loaded
            .records_before()
            .map_or(0, |before| before.saturating_sub(self.position.records));
        if lost > 0 {
            self.sequences.skip(lost, |_| false);
            self.position.records += lost;
        }
    }

    fn add_sealed(&mut self, segment: Segment, footer: Footer) {
        let trailer = &footer.trailer;
        if trailer.damaged_bytes > 0 {
            let reason = format!(
                "{} bytes of it were found damaged and are lost",
                trailer.damaged_bytes
            );
            self.quarantine(segment.number, reason);
        }
        self.position.epoch = self.position.epoch.max(trailer.epoch);
        self.position.group = self.position.group.max(trailer.last_group);
        self.position.records = trailer.records_after;
        self.sequences.found_other(trailer.other_next);
        footer
            .directory
            .iter()
            .for_each(|entry| self.sequences.found_entry(entry));
        self.index_sealed(segment, footer, None);
    }

    /// Puts a sealed segment into the catalog; `tables` when no footer on disk holds them.
    fn index_sealed(&mut self, segment: Segment, footer: Footer, tables: Option<Tables>) {
        let number = segment.number;
        self.catalog.begin(Arc::new(segment));
        let mut tables = tables.map(|tables| tables.into_iter().map(|(_, slots, _)| Table::from(slots)));
        for entry in footer.directory {
            let resident = tables.as_mut().and_then(Iterator::next);
            if entry.count > 0 {
                self.catalog.add_sealed(
                    entry.stream,
                    Extent {
                        segment: number,
                        entry,
                        resident,
                    },
                );
            }
        }
    }

    fn add_scanned(
        &mut self,
        scanned: Scanned,
        scan: Scan,
        evidence: Evidence,
        first_group: Option<u64>,
    ) -> Result<(), OpenError> {
        let found_first = || scan.groups().next().map(|group| group.head.number);
        let first_group = first_group.or_else(found_first);
        let epoch = scan.groups().map(|group| group.head.epoch).max().unwrap_or(0);
        self.position.epoch = self.position.epoch.max(epoch);
        let records_before = self.position.records;
        let verdict = judge(scan, evidence, first_group, records_before);
        let unattributed = self.take_note(&scanned.segment, &verdict);
        if !scanned.whole && verdict.groups.is_empty() {
            // Nothing says that the file is ours: leave it as it is.
            self.position.bytes_on_disk += scanned.file_bytes;
            return Ok(());
        }
        let begin = Begin {
            first_group: first_group.unwrap_or(self.position.group),
            records_before,
        };
        if evidence.newest && scanned.whole && verdict.losses.is_empty() {
            self.go_on(scanned, verdict, evidence, begin)
        } else {
            let repair = make_sure(&*scanned.file, verdict.unsynced_from(evidence), verdict.end);
            repair.map_err(failed("repair", &scanned.segment.path))?;
            self.seal(scanned, verdict, begin, unattributed)
        }
    }

    /// Counts and reports; answers how many lost records may have been of any stream.
    fn take_note(&mut self, segment: &Segment, verdict: &Verdict) -> u64 {
        self.report.cut_bytes += verdict.cut_bytes;
        if !verdict.losses.is_empty() {
            self.quarantine(segment.number, verdict.losses.join("; "));
        }
        let mut gaps = 0;
        for (stream, slot) in verdict.groups.iter().flat_map(|group| &group.slots) {
            gaps += self.sequences.found(*stream, slot.sequence);
            self.report.records += 1;
        }
        let unattributed = verdict.records_lost.saturating_sub(gaps);
        if unattributed > 0 {
            self.sequences
                .skip(unattributed, |stream| verdict.seen_after.contains(&stream));
        }
        self.position.group = self.position.group.max(verdict.last_group);
        self.position.records = verdict.records_after;
        unattributed
    }

    /// The newest segment, without a loss: its tail is cleared, and it is where writing goes on.
    fn go_on(
        &mut self,
        scanned: Scanned,
        verdict: Verdict,
        evidence: Evidence,
        begin: Begin,
    ) -> Result<(), OpenError> {
        let Scanned {
            segment,
            file,
            file_bytes,
            ..
        } = scanned;
        let last = verdict.groups.last();
        self.report.clean =
            verdict.cut_bytes == 0 && last.is_some_and(|group| group.head.kind == GroupKind::Close);
        let capacity = self
            .make_writable(&*file, file_bytes, &verdict, evidence)
            .map_err(failed("repair", &segment.path))?;
        self.position.bytes_on_disk += capacity;
        let segment = Arc::new(segment);
        self.catalog.begin(segment.clone());
        let slots = || verdict.groups.iter().flat_map(|group| &group.slots);
        self.catalog.publish(slots());
        self.tail = Some(Tail {
            segment,
            file,
            end: verdict.end,
            capacity,
            first_group: begin.first_group,
            records_before: begin.records_before,
            streams: slots().map(|(stream, _)| *stream).collect::<HashSet<_>>(),
            records: slots().count() as u64,
        });
        Ok(())
    }

    /// Clears what was cut, reserves the room behind it, and makes durable what is kept. Answers how many bytes the
    /// segment has.
    fn make_writable(
        &self,
        file: &dyn File,
        file_bytes: u64,
        verdict: &Verdict,
        evidence: Evidence,
    ) -> io::Result<u64> {
        if verdict.cut_bytes > 0 {
            file.set_len(verdict.end)?;
        }
        let capacity = self.segment_bytes.max(file_bytes);
        let mut length = file.len()?;
        if length < capacity {
            length = match file.allocate(capacity) {
                Ok(()) => capacity,
                Err(error) if is_no_space(&error) => {
                    file.set_len(length)?;
                    length
                }
                Err(error) => return Err(error),
            };
        }
        make_sure(file, verdict.unsynced_from(evidence), verdict.end)?;
        Ok(length)
    }

    /// A segment with a loss, or one in the middle without a footer: gets a footer.
    fn seal(
        &mut self,
        scanned: Scanned,
        verdict: Verdict,
        begin: Begin,
        unattributed: u64,
    ) -> Result<(), OpenError> {
        self.report.clean = false;
        let Scanned { segment, file, .. } = scanned;
        let mut slots: BTreeMap<StreamId, Vec<Slot>> = BTreeMap::new();
        for (stream, slot) in verdict.groups.iter().flat_map(|group| &group.slots) {
            slots.entry(*stream).or_default().push(*slot);
        }
        if unattributed > 0 {
            // Every stream skips: the footer has to say so of each.
            self.sequences.all().into_iter().for_each(|(stream, _)| {
                slots.entry(stream).or_default();
            });
        }
        let with_next = |(stream, slots)| (stream, slots, self.sequences.next(stream));
        let tables: Tables = slots.into_iter().map(with_next).collect();
        let trailer = Trailer {
            segment: segment.number,
            epoch: self.position.epoch,
            first_group: begin.first_group,
            last_group: self.position.group,
            records_before: begin.records_before,
            records_after: self.position.records,
            other_next: self.sequences.other(),
            damaged_bytes: verdict.damaged_bytes,
            data_end: u32::try_from(verdict.end).unwrap_or(u32::MAX),
            ..Trailer::default()
        };
        let (footer, on_disk) =
            seal(&*file, segment.place, &tables, trailer).map_err(failed("seal", &segment.path))?;
        self.position.bytes_on_disk += file.len().map_err(failed("read", &segment.path))?;
        self.index_sealed(segment, footer, (!on_disk).then_some(tables));
        Ok(())
    }

    fn quarantine(&mut self, segment: u64, reason: String) {
        let file = file_name(segment);
        tracing::error!(file, reason, "a journal segment is damaged");
        self.report.quarantined.push(Quarantined { file, reason });
    }
}

/// A segment that was scanned, without what the scan found.
struct Scanned {
    segment: Segment,
    file: Box<dyn File>,
    file_bytes: u64,
    /// Its header is valid.
    whole: bool,
}

/// Where a segment starts in the journal.
struct Begin {
    first_group: u64,
    records_before: u64,
}

/// Makes a range of a file, and its length, durable even if an earlier sync failed: writes the bytes over themselves, so
/// that the sync has to write them.
fn make_sure(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let length = file.len()?;
    file.set_len(length)?;
    let to = to.min(length);
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(limits::SCAN_READ_BYTES);
        let mut bytes = vec![0; length];
        if !read_full(file, &mut bytes, at)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(&bytes, at)?;
        at += length as u64;
    }
    file.sync_all()
}
