//! Puts the segments together, oldest first: catalog, sequences, the place to go on, and the report.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::directory::Directory;
use super::judge::{Verdict, judge};
use super::load::{Content, Evidence, Loaded};
use super::{Position, Recovered, failed, repair};
use crate::catalog::{Catalog, Extent, Sealed, ordered};
use crate::format::{
    Closed, Footer, GroupKind, JournalId, MARKS, Mark, SegmentHead, Slot, Trailer, file_name, is_kept, plain,
};
use crate::fs::{FileSystem, is_no_space};
use crate::record::StreamId;
use crate::scan::Scan;
use crate::segment::{Segment, Table};
use crate::sequences::Sequences;
use crate::tail::{Tables, Tail};
use crate::{Lost, OpenError, Options, Quarantined, Recovery};

/// See the module.
pub(crate) struct Assembly<'a> {
    fs: &'a dyn FileSystem,
    directory: &'a Path,
    segment_bytes: u64,
    catalog: Catalog,
    sequences: Sequences,
    position: Position,
    tail: Option<Tail>,
    /// Where the journal ended, if its last life ended with a close.
    closed: Option<Closed>,
    report: Recovery,
}

/// A segment that was scanned and judged.
struct Judged {
    segment: Segment,
    verdict: Verdict,
    evidence: Evidence,
    first_group: u64,
    records_before: u64,
    /// Lost records that may have been of any stream.
    unattributed: u64,
}

impl<'a> Assembly<'a> {
    /// `mark` is the one in force; without one, a journal that is `trimmed` has lost its oldest segments untold.
    pub(crate) fn new(
        fs: &'a dyn FileSystem,
        options: &'a Options,
        mark: Option<&Mark>,
        trimmed: bool,
        closed: Option<Closed>,
    ) -> Assembly<'a> {
        let mut assembly = Assembly {
            fs,
            directory: &options.directory,
            segment_bytes: options.segment_bytes,
            catalog: Catalog::new(trimmed && mark.is_none()),
            sequences: Sequences::new(),
            position: Position::default(),
            tail: None,
            closed,
            report: Recovery {
                clean: true,
                ..Recovery::default()
            },
        };
        if let Some(mark) = mark {
            assembly.catalog.found_mark(mark);
            assembly.sequences.found_mark(mark);
            assembly.position.segment = mark.segment;
            assembly.position.records = mark.records_after;
        }
        assembly
    }

    pub(crate) fn add(&mut self, loaded: Loaded, evidence: Evidence) -> Result<(), OpenError> {
        self.note_missing(&loaded);
        // A file that nothing says is ours may be older than segments that have left.
        self.position.segment = self.position.segment.max(loaded.segment.number);
        let first_group = loaded.first_group();
        let Loaded {
            segment,
            file_bytes,
            head,
            content,
        } = loaded;
        if head.is_none() {
            self.quarantine(segment.number, "the segment's header is damaged".to_owned());
        }
        match content {
            Content::Sealed(footer) => {
                self.position.bytes_on_disk += file_bytes;
                self.add_sealed(segment, footer, file_bytes);
                Ok(())
            }
            Content::Unsealed(scan)
                if head.is_none() && scan.items.is_empty() && !self.is_closed_with(segment.number) =>
            {
                // Nothing says that the file is ours: it stays as it is.
                self.position.bytes_on_disk += file_bytes;
                Ok(())
            }
            Content::Unsealed(scan) => {
                let judged = self.judge(segment, scan, evidence, first_group);
                if evidence.newest && head.is_some() && judged.verdict.losses.is_empty() {
                    self.go_on(judged)
                } else {
                    self.seal(judged)
                }
            }
        }
    }

    /// What was there when the journal was closed is there, or takes its place as lost.
    pub(crate) fn finish_closed(&mut self, id: &JournalId) -> Result<(), OpenError> {
        let Some(closed) = self.closed.take() else {
            return Ok(());
        };
        let missing = self.position.segment + 1..=closed.segment;
        if missing.is_empty() {
            return Ok(());
        }
        self.quarantine_missing(*missing.start(), closed.segment);
        self.adopt_end(&closed);
        let head = SegmentHead {
            id: *id,
            number: closed.segment,
            epoch: closed.epoch,
            first_group: self.position.group + 1,
            last_synced: self.position.group,
            records_before: self.position.records,
        };
        self.position.segment = closed.segment;
        self.position.group = closed.group;
        self.position.records = closed.records;
        let segment = Segment::new(self.directory, id, closed.segment);
        match repair::stand_in(self.fs, self.directory, &segment, &head) {
            Ok(()) => {}
            // The next segment's header says as well that something is missing before it.
            Err(error) if is_no_space(&error) => return Ok(()),
            Err(error) => return Err(failed("make", &segment.path)(error)),
        }
        self.seal(Judged {
            segment,
            verdict: Verdict::of_lost(&head, &closed),
            evidence: Evidence::default(),
            first_group: head.first_group,
            records_before: head.records_before,
            unattributed: closed.records.saturating_sub(head.records_before),
        })
    }

    pub(crate) fn finish(mut self, directory: Directory) -> Recovered {
        self.position.epoch += 1;
        self.position.synced = self.position.group;
        self.report.created = directory.created;
        self.report.clean &= directory.created || self.tail.is_some();
        self.report.segments = self.catalog.segments();
        self.catalog
            .found_next(self.sequences.all(), self.sequences.other());
        Recovered {
            id: directory.id,
            lock: directory.lock,
            catalog: self.catalog,
            sequences: self.sequences,
            position: self.position,
            tail: self.tail,
            report: self.report,
        }
    }

    /// Segments between the one before and this one, and what they held.
    fn note_missing(&mut self, loaded: &Loaded) {
        // What has left by a rule stands in a mark, and the position begins behind it.
        self.quarantine_missing(self.position.segment + 1, loaded.segment.number.saturating_sub(1));
        let before = loaded.records_before();
        let lost = before.map_or(0, |before| before.saturating_sub(self.position.records));
        if lost > 0 {
            self.sequences.skip(lost, |_| false);
            self.position.records += lost;
        }
    }

    fn add_sealed(&mut self, segment: Segment, footer: Footer, file_bytes: u64) {
        let trailer = &footer.trailer;
        if trailer.losses > 0 {
            let reason = format!(
                "{} places in it were found damaged when it was sealed",
                trailer.losses
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
        self.index_sealed(segment, footer, None, file_bytes);
    }

    /// Puts a sealed segment into the catalog; `tables` when no footer on disk holds them.
    fn index_sealed(&mut self, segment: Segment, footer: Footer, tables: Option<Tables>, file_bytes: u64) {
        let number = segment.number;
        let sealed = Sealed {
            bytes: file_bytes,
            records_after: footer.trailer.records_after,
        };
        self.catalog.found_sealed(number, sealed);
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

    /// Judges what a scan found, counts and reports it.
    fn judge(
        &mut self,
        segment: Segment,
        scan: Scan,
        evidence: Evidence,
        first_group: Option<u64>,
    ) -> Judged {
        let epoch = scan.groups().map(|group| group.head.epoch).max().unwrap_or(0);
        self.position.epoch = self.position.epoch.max(epoch);
        let records_before = self.position.records;
        let verdict = judge(scan, evidence, first_group, records_before);
        self.report.cut_bytes += verdict.cut_bytes;
        if !verdict.losses.is_empty() {
            self.quarantine(segment.number, verdict.losses.join("; "));
        }
        let unattributed = self.note_found(&verdict);
        if let Some(closed) = self.closed.take_if(|closed| closed.segment == segment.number) {
            self.adopt_end(&closed);
        } else if unattributed > 0 {
            let seen_after = &verdict.seen_after;
            self.sequences
                .skip(unattributed, |stream| seen_after.contains(&stream));
        }
        self.position.group = self.position.group.max(verdict.last_group);
        self.position.records = verdict.records_after;
        let first_group = first_group.unwrap_or(self.position.group);
        Judged {
            segment,
            verdict,
            evidence,
            first_group,
            records_before,
            unattributed,
        }
    }

    /// Takes note of what was found. Answers how many lost records may have been of any stream.
    fn note_found(&mut self, verdict: &Verdict) -> u64 {
        let mut gaps = 0;
        for (stream, slot) in verdict.slots() {
            let gap = self.sequences.found(*stream, slot.sequence);
            if gap > 0 {
                self.report.lost.push(Lost {
                    stream: *stream,
                    from: slot.sequence - gap,
                    to: slot.sequence - 1,
                });
            }
            gaps += gap;
            self.report.records += 1;
        }
        let unreadable = verdict.groups.iter().flat_map(|group| &group.unreadable);
        let of_callers = unreadable.filter(|(stream, _)| *stream != MARKS);
        self.report.lost.extend(of_callers.map(|(stream, sequence)| Lost {
            stream: plain(*stream),
            from: *sequence,
            to: *sequence,
        }));
        verdict.records_lost.saturating_sub(gaps)
    }

    /// The streams go on where they stood when the journal was closed: exactly what is missing before that is lost.
    fn adopt_end(&mut self, closed: &Closed) {
        self.report
            .lost
            .extend(self.sequences.lost_before(&closed.streams));
        self.sequences.found_end(&closed.streams, closed.other);
        self.position.epoch = self.position.epoch.max(closed.epoch);
    }

    /// Whether a segment is the one that was the newest when the journal was closed.
    fn is_closed_with(&self, segment: u64) -> bool {
        self.closed
            .as_ref()
            .is_some_and(|closed| closed.segment == segment)
    }

    /// The newest segment, without a loss: writing goes on in it.
    fn go_on(&mut self, judged: Judged) -> Result<(), OpenError> {
        let Judged {
            segment,
            verdict,
            evidence,
            first_group,
            records_before,
            ..
        } = judged;
        let last = verdict.groups.last();
        let closed = last.is_some_and(|group| group.head.kind == GroupKind::Close);
        self.report.clean &= closed && verdict.cut_bytes == 0;
        let (file, capacity) = repair::clear_tail(self.fs, &segment, &verdict, evidence, self.segment_bytes)
            .map_err(failed("repair", &segment.path))?;
        self.position.bytes_on_disk += capacity;
        let segment = Arc::new(segment);
        self.catalog.begin(segment.clone());
        self.catalog.publish(verdict.slots());
        self.tail = Some(Tail {
            segment,
            file,
            end: verdict.end,
            capacity,
            first_group,
            records_before,
            streams: verdict.slots().map(|(stream, _)| *stream).collect(),
            records: verdict.slots().count() as u64,
        });
        Ok(())
    }

    /// A segment with a loss, or one in the middle without a footer: gets a footer.
    fn seal(&mut self, judged: Judged) -> Result<(), OpenError> {
        self.report.clean = false;
        let Judged {
            segment,
            verdict,
            evidence,
            first_group,
            records_before,
            unattributed,
        } = judged;
        let mut slots: BTreeMap<StreamId, Vec<Slot>> = BTreeMap::new();
        for (stream, slot) in verdict.slots() {
            slots.entry(*stream).or_default().push(*slot);
        }
        for (_, kept) in slots.iter_mut().filter(|(stream, _)| is_kept(**stream)) {
            *kept = ordered(std::mem::take(kept));
        }
        if unattributed > 0 {
            // Every stream skips: the footer has to say so of each.
            for stream in self.sequences.streams() {
                slots.entry(stream).or_default();
            }
        }
        let with_next = |(stream, slots)| (stream, slots, self.sequences.next(stream));
        let tables: Tables = slots.into_iter().map(with_next).collect();
        let trailer = Trailer {
            segment: segment.number,
            epoch: self.position.epoch,
            first_group,
            last_group: self.position.group,
            records_before,
            records_after: self.position.records,
            other_next: self.sequences.other(),
            losses: verdict.losses.len() as u64,
            data_end: u32::try_from(verdict.end).expect("a scan ends before 4 GiB"),
            ..Trailer::default()
        };
        let (footer, on_disk, length) = repair::seal(self.fs, &segment, &verdict, evidence, &tables, trailer)
            .map_err(failed("seal", &segment.path))?;
        self.position.bytes_on_disk += length;
        self.index_sealed(segment, footer, (!on_disk).then_some(tables), length);
        Ok(())
    }

    fn quarantine(&mut self, segment: u64, reason: String) {
        self.quarantine_files(file_name(segment), reason);
    }

    fn quarantine_missing(&mut self, first: u64, last: u64) {
        if first == last {
            self.quarantine(first, "the file is missing".to_owned());
        } else if first < last {
            let files = format!("{} to {}", file_name(first), file_name(last));
            self.quarantine_files(files, "the files are missing".to_owned());
        }
    }

    pub(super) fn quarantine_files(&mut self, file: String, reason: String) {
        tracing::error!(file, reason, "a journal segment is damaged");
        self.report.quarantined.push(Quarantined { file, reason });
    }
}
