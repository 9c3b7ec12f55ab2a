//! The unsealed segment: where groups are written, and how it is sealed.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use crate::format::{
    Footer, GROUP_HEAD, Place, SEGMENT_HEAD, SegmentHead, Slot, Trailer, align, footer_bytes,
};
use crate::fs::{File, is_no_space};
use crate::record::{Entry, Sequence, StreamId};
use crate::segment::Segment;

/// The segment that is being written.
pub(crate) struct Tail {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Box<dyn File>,
    /// Where the next group goes; a multiple of the group alignment.
    pub(crate) end: u64,
    /// Preallocated bytes. Groups, the mark of a clean close and the footer fit in here.
    pub(crate) capacity: u64,
    pub(crate) first_group: u64,
    pub(crate) records_before: u64,
    /// Streams with a record in here.
    pub(crate) streams: HashSet<StreamId>,
    /// Records in here.
    pub(crate) records: u64,
}

/// The slots of each stream and the sequence that it gives out next, ordered by stream.
pub(crate) type Tables = Vec<(StreamId, Vec<Slot>, Sequence)>;

impl Tail {
    /// Writes the header into a prepared file and syncs it; the file still has to get its name.
    pub(crate) fn begin(
        segment: Arc<Segment>,
        file: Box<dyn File>,
        capacity: u64,
        head: &SegmentHead,
    ) -> io::Result<Tail> {
        file.write_at(&head.encode(), 0)?;
        file.sync_all()?;
        Ok(Tail {
            segment,
            file,
            end: SEGMENT_HEAD,
            capacity,
            first_group: head.first_group,
            records_before: head.records_before,
            streams: HashSet::new(),
            records: 0,
        })
    }

    /// Whether a group of these bytes (header included), after which the segment holds so many records and streams,
    /// still leaves room for the mark of a clean close and the footer.
    pub(crate) fn has_room(&self, group_bytes: u64, records: u64, streams: u64) -> bool {
        let groups_end = align(self.end + group_bytes) + align(GROUP_HEAD as u64);
        groups_end + footer_bytes(records, streams) <= self.capacity
    }
}

/// The most bytes that a frame with these entries may have to fit an empty segment.
pub(crate) fn frame_bytes_max(segment_bytes: u64, entries: &[Entry]) -> u64 {
    let records = entries.len() as u64;
    let around = SEGMENT_HEAD
        + 2 * align(GROUP_HEAD as u64) // the opening group of a new journal, and the frame's own
        + align(GROUP_HEAD as u64)
        + align(1)
        + footer_bytes(records, records);
    segment_bytes.saturating_sub(around)
}

/// Seals a segment: writes its footer, cuts the file to its end and syncs everything. The answer says whether the
/// footer is on disk: without room for it, the segment goes without, and its tables have to be kept in memory.
pub(crate) fn seal(
    file: &dyn File,
    place: Place,
    tables: &Tables,
    trailer: Trailer,
) -> io::Result<(Footer, bool)> {
    let data_end = u64::from(trailer.data_end);
    let (bytes, footer) = Footer::encode(place, tables, trailer);
    let written = file
        .write_at(&bytes, data_end)
        .and_then(|()| file.set_len(data_end + bytes.len() as u64));
    let on_disk = match written {
        Ok(()) => true,
        Err(error) if is_no_space(&error) => {
            file.set_len(data_end)?;
            false
        }
        Err(error) => return Err(error),
    };
    file.sync_all()?;
    Ok((footer, on_disk))
}
