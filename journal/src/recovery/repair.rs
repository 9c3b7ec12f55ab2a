//! Changes to segment files that recovery makes: clearing a tail, sealing, standing in for one that is gone, and making sure that what is served from now
//! on is on the disk.

use std::io;
use std::path::Path;

use super::DRAFT_SUFFIX;
use super::judge::Verdict;
use super::load::Evidence;
use crate::format::{Footer, SegmentHead, Trailer};
use crate::fs::{File, FileSystem, is_no_space, read_full};
use crate::limits;
use crate::segment::Segment;
use crate::tail::{self, Tables};

/// Prepares the newest segment for going on behind what is kept: clears what was cut, reserves the room behind it, makes
/// durable what is kept. Answers the file and how many bytes it has: fewer than asked for on a full disk.
pub(super) fn clear_tail(
    fs: &dyn FileSystem,
    segment: &Segment,
    verdict: &Verdict,
    evidence: Evidence,
    segment_bytes: u64,
) -> io::Result<(Box<dyn File>, u64)> {
    let file = fs.open(&segment.path)?;
    let mut length = file.len()?;
    let capacity = segment_bytes.max(length);
    if verdict.cut_bytes > 0 {
        file.set_len(verdict.end)?;
        length = verdict.end;
    }
    if length < capacity {
        match file.allocate(capacity) {
            Ok(()) => length = capacity,
            Err(error) if is_no_space(&error) => file.set_len(length)?,
            Err(error) => return Err(error),
        }
    }
    make_sure(&*file, verdict.unsynced_from(evidence), verdict.end)?;
    Ok((file, length))
}

/// Gives a segment a footer behind what is kept of it. Answers the footer, whether there was room for it on disk, and
/// how many bytes the file has.
pub(super) fn seal(
    fs: &dyn FileSystem,
    segment: &Segment,
    verdict: &Verdict,
    evidence: Evidence,
    tables: &Tables,
    trailer: Trailer,
) -> io::Result<(Footer, bool, u64)> {
    let file = fs.open(&segment.path)?;
    make_sure(&*file, verdict.unsynced_from(evidence), verdict.end)?;
    let (footer, on_disk) = tail::seal(&*file, segment.place, tables, trailer)?;
    Ok((footer, on_disk, file.len()?))
}

/// Makes a file with nothing but a header in the place of a segment that is gone, for what was in it to be recorded in.
pub(super) fn stand_in(
    fs: &dyn FileSystem,
    directory: &Path,
    segment: &Segment,
    head: &SegmentHead,
) -> io::Result<()> {
    let draft = directory.join(format!("{}{DRAFT_SUFFIX}", segment.file_name()));
    let file = fs.create(&draft)?;
    file.write_at(&head.encode(), 0)?;
    file.sync_all()?;
    fs.rename(&draft, &segment.path)?;
    fs.sync_dir(directory)
}

/// Makes a range of a file, and its length, durable even if an earlier sync failed: writes the bytes over themselves, so
/// that the sync has to write them.
fn make_sure(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let length = file.len()?;
    file.set_len(length)?;
    let to = to.min(length);
    let mut at = from;
    while at < to {
        let bytes = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(limits::SCAN_READ_BYTES);
        let mut buffer = vec![0; bytes];
        if !read_full(file, &mut buffer, at)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(&buffer, at)?;
        at += bytes as u64;
    }
    file.sync_all()
}
