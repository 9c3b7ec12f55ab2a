//! Reads what there is of each segment: header, footer, or a scan.

use std::path::Path;

use super::directory::{Directory, newer, read_segment_head};
use super::failed;
use crate::OpenError;
use crate::format::{Closed, Footer, HeaderFault, JournalId, SegmentHead, Trailer};
use crate::fs::{File, FileSystem, read_full};
use crate::scan::{Item, Scan, scan};
use crate::segment::Segment;

/// A segment as it was found. Its file is not kept open: there may be more segments than descriptors.
pub(crate) struct Loaded {
    pub(crate) segment: Segment,
    pub(crate) file_bytes: u64,
    /// `None` when the header is damaged, or is that of another segment.
    pub(crate) head: Option<SegmentHead>,
    pub(crate) content: Content,
}

/// What a segment holds.
pub(crate) enum Content {
    Sealed(Footer),
    Unsealed(Scan),
}

/// What the segments around it say about one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The highest group that was synced; everything in a segment that has a successor was.
    pub(crate) synced: u64,
    /// The last group that the segment must have, if that is known.
    pub(crate) last_group: Option<u64>,
    /// Records of the journal before the next segment.
    pub(crate) records_end: Option<u64>,
    /// There is no later segment.
    pub(crate) newest: bool,
}

/// Loads all segments of a directory, oldest first.
pub(crate) fn load_all(
    fs: &dyn FileSystem,
    path: &Path,
    directory: &Directory,
) -> Result<Vec<Loaded>, OpenError> {
    let segments = directory
        .segments
        .iter()
        .map(|number| Segment::new(path, &directory.id, *number));
    segments.map(|segment| load(fs, &directory.id, segment)).collect()
}

/// What is known about each segment from itself, those after it, and what was written down at a clean close.
pub(crate) fn evidence(loaded: &[Loaded], closed: Option<&Closed>) -> Vec<Evidence> {
    let adjacent = |index: usize| loaded[index].segment.number + 1 == loaded[index + 1].segment.number;
    let behind = |index: usize| match (loaded.get(index + 1), closed) {
        (None, Some(closed)) => at_close(&loaded[index], closed),
        (None, None) => {
            let synced = loaded[index].synced();
            Evidence {
                synced,
                last_group: Some(synced),
                records_end: None,
                newest: true,
            }
        }
        // A segment is begun when everything before it is synced.
        (Some(next), _) => Evidence {
            synced: u64::MAX,
            last_group: next
                .first_group()
                .map(|first| first.saturating_sub(1))
                .filter(|_| adjacent(index)),
            records_end: next.records_before(),
            newest: false,
        },
    };
    (0..loaded.len()).map(behind).collect()
}

/// What is known about the newest segment that is there when the journal was closed cleanly: all of it was synced.
fn at_close(newest: &Loaded, closed: &Closed) -> Evidence {
    let is_last = newest.segment.number == closed.segment;
    Evidence {
        synced: u64::MAX,
        last_group: is_last.then_some(closed.group),
        records_end: is_last.then_some(closed.records),
        newest: is_last,
    }
}

impl Loaded {
    /// Number of the first group.
    pub(crate) fn first_group(&self) -> Option<u64> {
        let found = || match &self.content {
            Content::Sealed(footer) => Some(footer.trailer.first_group),
            Content::Unsealed(scan) => scan.groups().next().map(|group| group.head.number),
        };
        self.head.as_ref().map(|head| head.first_group).or_else(found)
    }

    /// Records of the journal before this segment.
    pub(crate) fn records_before(&self) -> Option<u64> {
        let found = || match &self.content {
            Content::Sealed(footer) => Some(footer.trailer.records_before),
            Content::Unsealed(_) => None,
        };
        self.head.as_ref().map(|head| head.records_before).or_else(found)
    }

    /// Whether a scan found bytes that are no group before one, or a group that is not whole.
    pub(crate) fn has_hole(&self) -> bool {
        let Content::Unsealed(scan) = &self.content else {
            return false;
        };
        scan.items.iter().any(|item| match item {
            Item::Hole { .. } => true,
            Item::Group(group) => group.damage.is_some(),
        })
    }

    /// The highest group that this segment says was synced.
    fn synced(&self) -> u64 {
        let head = self.head.as_ref().map_or(0, |head| head.last_synced);
        head.max(match &self.content {
            Content::Sealed(footer) => footer.trailer.last_group,
            Content::Unsealed(scan) => scan
                .groups()
                .map(|group| group.head.last_synced)
                .max()
                .unwrap_or(0),
        })
    }
}

/// Reads one segment.
pub(crate) fn load(fs: &dyn FileSystem, id: &JournalId, segment: Segment) -> Result<Loaded, OpenError> {
    let path = &segment.path;
    let head = match read_segment_head(fs, path)? {
        Err(HeaderFault::Newer(found)) => return Err(newer(path, found)),
        head => head
            .ok()
            .filter(|head| head.id == *id && head.number == segment.number),
    };
    let file = fs.open(path).map_err(failed("open", path))?;
    let file_bytes = file.len().map_err(failed("read", path))?;
    let content = match load_footer(&*file, &segment, file_bytes).map_err(failed("read", path))? {
        Some(footer) => Content::Sealed(footer),
        None => {
            let first_group = head.as_ref().map(|head| head.first_group);
            Content::Unsealed(scan(&*file, segment.place, first_group).map_err(failed("read", path))?)
        }
    };
    Ok(Loaded {
        segment,
        file_bytes,
        head,
        content,
    })
}

fn load_footer(file: &dyn File, segment: &Segment, file_bytes: u64) -> std::io::Result<Option<Footer>> {
    let Some(start) = file_bytes.checked_sub(Trailer::BYTES as u64) else {
        return Ok(None);
    };
    let mut bytes = [0; Trailer::BYTES];
    read_full(file, &mut bytes, start)?;
    let Some(trailer) = Trailer::decode(segment.place, file_bytes, &bytes) else {
        return Ok(None);
    };
    let mut directory = vec![0; trailer.directory_bytes()];
    read_full(file, &mut directory, u64::from(trailer.directory_offset))?;
    Ok(Footer::decode(segment.place, trailer, &directory))
}
