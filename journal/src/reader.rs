//! Reading committed records: look up where they are, fetch them with few reads, check each before it is served.
//!
//! A record is verified by its own checksum (see [`crate::format`]), over its header and its payload: at 1 KiB that
//! costs about a tenth of a microsecond, and it needs neither the frame around it nor its neighbours. Payloads are
//! copied out of the read buffer, so that one record that is kept does not keep its neighbours' memory.
//!
//! A segment may leave between look-up and reading, and its bytes go away under whoever has its file: what then cannot
//! be read is no damage, it is looked up again.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::ReadError;
use crate::catalog::{Catalog, Extent, KeptParts, Located, Merge, ordered, select};
use crate::format::{Slot, is_kept, kept_part, plain, verify_record};
use crate::fs::{File, read_full};
use crate::limits;
use crate::record::{ReadLimit, Record, Sequence, StreamId};
use crate::scan;
use crate::segment::{Segment, Segments};

/// Reads through the catalog.
pub(crate) struct Reader {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) segments: Segments,
}

impl Reader {
    /// See [`crate::Journal::read`].
    pub(crate) fn read(
        &self,
        stream: StreamId,
        from: Sequence,
        limit: ReadLimit,
    ) -> Result<Vec<Record>, ReadError> {
        let mut records: Vec<Record> = Vec::new();
        let mut left = limit;
        let mut next = from;
        while left.records_max > 0 && (records.is_empty() || left.bytes_max > 0) {
            let before = records.len();
            match self.read_present(stream, next, left, &mut records) {
                Ok(()) if records.len() == before => break,
                // What was read before the trouble is good; the next read meets the trouble first.
                Err(_) if !records.is_empty() => break,
                result => result?,
            }
            for record in &records[before..] {
                next = record.sequence + 1;
                left.bytes_max = left.bytes_max.saturating_sub(record.head.len());
            }
            left.records_max = left.records_max.saturating_sub(records.len() - before);
        }
        if records.len() > 1 && payload_bytes(&records) > limit.bytes_max {
            records.pop();
        }
        Ok(records)
    }

    /// Records of one stream in one sealed segment, kept ones or its own, from a sequence on; empty when there is no
    /// more, or the segment has left.
    pub(crate) fn read_part(
        &self,
        (segment, stream, kept): (u64, StreamId, bool),
        from: Sequence,
        limit: ReadLimit,
    ) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        let Some((segment, extent)) = self.catalog.extent(segment, stream, kept) else {
            return Ok(records);
        };
        let table = self.table(&segment, &extent)?;
        let mut merge = Merge::default();
        merge.add(&segment, &table, from, Sequence::MAX);
        let slots: Vec<_> = merge.take(limit).into_iter().map(|(_, slot)| slot).collect();
        match self.fetch(&segment, extent.entry.stream, &slots, &mut records) {
            Err(_) if !records.is_empty() => Ok(records),
            fetched => fetched.map(|()| records),
        }
    }

    /// Like [`Reader::read_some`], also while segments leave.
    fn read_present(
        &self,
        stream: StreamId,
        from: Sequence,
        limit: ReadLimit,
        records: &mut Vec<Record>,
    ) -> Result<(), ReadError> {
        let mut missing: Option<PathBuf> = None;
        let before = records.len();
        loop {
            let oldest = self.catalog.oldest();
            let read = self.read_some(stream, from, limit, records);
            match &read {
                Err(ReadError::Io { file, source })
                    if source.kind() == std::io::ErrorKind::NotFound && missing.as_ref() != Some(file) =>
                {
                    missing = Some(file.clone());
                }
                Err(_) if self.catalog.oldest() != oldest => records.truncate(before),
                _ => return read,
            }
        }
    }

    /// Adds the records of one segment, or kept ones of some.
    fn read_some(
        &self,
        stream: StreamId,
        from: Sequence,
        limit: ReadLimit,
        records: &mut Vec<Record>,
    ) -> Result<(), ReadError> {
        let mut from = from;
        let mut located = self.catalog.locate(stream, from, limit);
        if let Located::Kept(parts) = located {
            let before = parts.before;
            let kept = self.locate_kept(parts, from, limit)?;
            if !kept.is_empty() {
                return self.fetch_kept(stream, &kept, records);
            }
            from = before;
            located = self.catalog.locate(stream, from, limit);
        }
        if let Located::Sealed(segment, extent) = located {
            located = self.locate_sealed(&segment, &extent, from, limit)?;
        }
        match located {
            Located::Nothing | Located::Sealed(..) | Located::Kept(_) => Ok(()),
            Located::Gap { from, to } => {
                let reason = "the journal lost them to damage".to_owned();
                Err(ReadError::Damaged {
                    stream,
                    from,
                    to,
                    reason,
                })
            }
            Located::Slots(segment, slots) => self.fetch(&segment, stream, &slots, records),
        }
    }

    fn locate_sealed(
        &self,
        segment: &Arc<Segment>,
        extent: &Extent,
        from: Sequence,
        limit: ReadLimit,
    ) -> Result<Located, ReadError> {
        let from = from.max(extent.entry.first);
        let table = self.table(segment, extent)?;
        Ok(match select(segment, &table, from, limit) {
            // A rebuilt table may end before the directory says.
            Located::Nothing => Located::Gap {
                from,
                to: extent.entry.last,
            },
            located => located,
        })
    }

    /// The next kept records, each with its segment; the first of them may be far behind `from`.
    fn locate_kept(
        &self,
        parts: KeptParts,
        from: Sequence,
        limit: ReadLimit,
    ) -> Result<Vec<(Arc<Segment>, Slot)>, ReadError> {
        let mut merge = Merge::default();
        if let Some((newest, live)) = &parts.live {
            merge.add(newest, live, from, parts.before);
        }
        for (segment, extent) in &parts.sealed {
            if merge.is_before(extent.entry.first, limit.records_max) {
                break;
            }
            let table = self.table(segment, extent)?;
            merge.add(segment, &table, from, parts.before);
        }
        Ok(merge.take(limit))
    }

    fn fetch_kept(
        &self,
        stream: StreamId,
        kept: &[(Arc<Segment>, Slot)],
        records: &mut Vec<Record>,
    ) -> Result<(), ReadError> {
        let before = records.len();
        for together in kept.chunk_by(|(one, _), (other, _)| one.number == other.number) {
            let slots: Vec<_> = together.iter().map(|(_, slot)| *slot).collect();
            match self.fetch(&together[0].0, kept_part(stream), &slots, records) {
                Err(_) if records.len() > before => break,
                fetched => fetched?,
            }
        }
        Ok(())
    }

    /// A stream's table in a sealed segment.
    fn table(&self, segment: &Arc<Segment>, extent: &Extent) -> Result<Arc<[Slot]>, ReadError> {
        let io = |error| ReadError::io(&segment.path, error);
        let found = match &extent.resident {
            Some(table) => Some(table.clone()),
            None => self.segments.table(segment, &extent.entry).map_err(io)?,
        };
        found.map_or_else(|| self.rebuild_table(segment, extent), Ok)
    }

    /// The table in the footer is damaged: finds the records again by scanning.
    fn rebuild_table(&self, segment: &Segment, extent: &Extent) -> Result<Arc<[Slot]>, ReadError> {
        let io = |error| ReadError::io(&segment.path, error);
        tracing::warn!(
            file = %segment.path.display(),
            stream = extent.entry.stream.0,
            "an offset table of the journal segment is damaged, scanning the segment instead"
        );
        let file = self.segments.file(segment).map_err(io)?;
        let found = scan::scan(&*file, segment.place, None).map_err(io)?;
        let slots = found
            .slots()
            .filter(|(stream, _)| *stream == extent.entry.stream)
            .map(|(_, slot)| slot);
        let table = if is_kept(extent.entry.stream) {
            ordered(slots)
        } else {
            slots.collect()
        };
        Ok(self.segments.keep(segment, extent.entry.stream, table))
    }

    /// Adds the records at these places; `stream` is the number under which they are stored.
    fn fetch(
        &self,
        segment: &Segment,
        stream: StreamId,
        slots: &[Slot],
        records: &mut Vec<Record>,
    ) -> Result<(), ReadError> {
        let file = self
            .segments
            .file(segment)
            .map_err(|error| ReadError::io(&segment.path, error))?;
        let mut rest = slots;
        while !rest.is_empty() {
            let (run, after) = rest.split_at(run_length(rest));
            fetch_run(&*file, segment, stream, run, records)?;
            rest = after;
        }
        Ok(())
    }
}

/// How many of the slots lie close enough together to be fetched with one read.
fn run_length(slots: &[Slot]) -> usize {
    let start = slots[0].offset;
    let close = |pair: &[Slot]| {
        let [before, next] = pair else { return false };
        u64::from(next.offset) >= before.end()
            && u64::from(next.offset) - before.end() <= u64::from(limits::READ_GAP_BYTES_MAX)
            && next.end() - u64::from(start) <= u64::from(limits::READ_RUN_BYTES_MAX)
    };
    1 + slots.windows(2).take_while(|pair| close(pair)).count()
}

fn fetch_run(
    file: &dyn File,
    segment: &Segment,
    stream: StreamId,
    run: &[Slot],
    records: &mut Vec<Record>,
) -> Result<(), ReadError> {
    let start = u64::from(run[0].offset);
    let end = run.last().map_or(start, Slot::end);
    let length = usize::try_from(end - start).expect("a run lies in a segment, which is smaller than 4 GiB");
    let mut bytes = vec![0; length];
    // A file that ends too early leaves zeros, which no checksum takes for a record.
    read_full(file, &mut bytes, start).map_err(|error| ReadError::io(&segment.path, error))?;
    for slot in run {
        let at = (slot.offset - run[0].offset) as usize;
        let found = verify_record(
            &bytes[at..at + slot.bytes as usize],
            u64::from(slot.offset),
            segment.place,
        );
        let ours = found.filter(|(head, _)| head.stream == stream && head.sequence == slot.sequence);
        let Some((head, payload)) = ours else {
            let reason = format!("{} is damaged at byte {}", segment.file_name(), slot.offset);
            return Err(ReadError::Damaged {
                stream: plain(stream),
                from: slot.sequence,
                to: slot.sequence,
                reason,
            });
        };
        records.push(Record {
            stream: plain(stream),
            sequence: head.sequence,
            kind: head.kind,
            head: Bytes::copy_from_slice(payload),
            body: Bytes::new(),
        });
    }
    Ok(())
}

fn payload_bytes(records: &[Record]) -> usize {
    records.iter().map(|record| record.head.len()).sum()
}
