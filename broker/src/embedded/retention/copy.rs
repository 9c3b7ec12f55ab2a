//! Copies what is live in a segment forward: each record under the stream and sequence that it has.
//!
//! One frame at a time: the next is read when the last is committed. A record that is damaged where it lies is told and
//! left behind; nobody could have read it there either.

use journal::{Entry, Frame, Purpose, ReadError, ReadLimit, Record, SegmentInfo, SegmentPart};
use smallvec::SmallVec;

use super::live::Judge;
use super::{Retention, Stuck, append_and_wait};
use crate::limits::{COPY_FRAME_BYTES_MAX, COPY_FRAME_RECORDS_MAX};

/// What one frame may hold, in a journal with segments of this size.
pub(super) fn frame_bytes_max(segment_bytes: u64) -> usize {
    let quarter = usize::try_from(segment_bytes / 4).unwrap_or(usize::MAX);
    COPY_FRAME_BYTES_MAX.min(quarter)
}

impl Retention {
    /// Copies all that is live in a segment; it is committed when this returns.
    pub(super) fn copy_forward(&self, segment: &SegmentInfo) -> Result<(), Stuck> {
        for part in &segment.parts {
            let judge = Judge::new(&self.shared, part)?;
            if !judge.is_dead() {
                self.copy_part(segment.number, part, &judge)?;
            }
        }
        Ok(())
    }

    fn copy_part(&self, segment: u64, part: &SegmentPart, judge: &Judge<'_>) -> Result<(), Stuck> {
        let limit = ReadLimit {
            records_max: COPY_FRAME_RECORDS_MAX,
            bytes_max: self.frame_bytes_max,
        };
        let mut from = part.first;
        while from <= part.last {
            if self.shared.closed.is_cancelled() {
                return Err(Stuck::Stopped);
            }
            let journal = &self.shared.journal;
            let mut records = match journal.read_segment(segment, part.stream, part.kept, from, limit) {
                Ok(records) => records,
                Err(ReadError::Damaged { to, reason, .. }) => {
                    tracing::error!(
                        stream = part.stream.0,
                        from,
                        to,
                        reason,
                        "records are damaged and leave with their segment"
                    );
                    from = to + 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(last) = records.last().map(|record| record.sequence) else {
                return Ok(());
            };
            from = last + 1;
            judge.retain(&mut records)?;
            self.append_copies(records)?;
        }
        Ok(())
    }

    fn append_copies(&self, records: Vec<Record>) -> Result<(), Stuck> {
        if records.is_empty() {
            return Ok(());
        }
        let (count, bytes) = (
            records.len(),
            records.iter().map(|record| record.head.len()).sum(),
        );
        let entries: SmallVec<[Entry; 2]> = records.into_iter().map(copy_of).collect();
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries,
        };
        append_and_wait(&self.shared, frame)?;
        self.shared.retention.copied(count, bytes);
        Ok(())
    }
}

fn copy_of(record: Record) -> Entry {
    Entry {
        stream: record.stream,
        kind: record.kind,
        head: record.head,
        body: record.body,
        kept: Some(record.sequence),
    }
}
