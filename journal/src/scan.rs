//! Reads a segment's groups without an index: what is whole, what is damaged, where the bytes end.
//!
//! A scan only observes. Whether damage is a tail to cut or a loss to report is for [`crate::recovery`] to judge, which
//! knows what was synced.

use std::borrow::Cow;
use std::io;

use crate::format::{
    GROUP_ALIGN, GROUP_HEAD, GroupHead, Place, SEGMENT_HEAD, Slot, read_frame, verify_record,
};
use crate::fs::File;
use crate::limits;
use crate::record::{Sequence, StreamId};

/// What stands in a segment, in file order.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) items: Vec<Item>,
    /// End of the last group with a valid header, padding included; the segment header's end when there is none.
    pub(crate) groups_end: u64,
    /// End of the last byte that is not zero. The last group may end behind it.
    pub(crate) bytes_end: u64,
}

/// One thing found.
#[derive(Debug)]
pub(crate) enum Item {
    /// A group with a valid header.
    Group(FoundGroup),
    /// Bytes that are no group, with a valid group behind them.
    Hole { from: u64, to: u64 },
}

/// A group with a valid header.
#[derive(Debug)]
pub(crate) struct FoundGroup {
    pub(crate) at: u64,
    pub(crate) head: GroupHead,
    /// Records whose place is known. When the group is damaged, those of its whole frames before the damage, and those
    /// of which only the payload is damaged.
    pub(crate) slots: Vec<(StreamId, Slot)>,
    /// Those of them of which the payload is damaged.
    pub(crate) unreadable: Vec<(StreamId, Sequence)>,
    /// What is wrong with the frames.
    pub(crate) damage: Option<String>,
}

/// Reads ahead in a file.
struct Window<'a> {
    file: &'a dyn File,
    file_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// Scans a segment. `first_group` is the number that the first group must have; without it any will do.
pub(crate) fn scan(file: &dyn File, place: Place, first_group: Option<u64>) -> io::Result<Scan> {
    let mut window = Window {
        file,
        file_bytes: file.len()?.min(limits::SCAN_BYTES_MAX),
        start: 0,
        bytes: Vec::new(),
    };
    let mut scan = Scan {
        groups_end: SEGMENT_HEAD,
        ..Scan::default()
    };
    let mut expected = first_group;
    let mut epoch = 0;
    loop {
        let at = scan.groups_end;
        let follows =
            |head: &GroupHead| head.epoch >= epoch && expected.is_none_or(|number| head.number == number);
        let (at, head) = match window.group_head(place, at)?.filter(follows) {
            Some(head) => (at, head),
            None => {
                let later = |head: &GroupHead| {
                    head.epoch >= epoch && expected.is_none_or(|number| head.number >= number)
                };
                let Some((found, head)) = window.search(place, at + GROUP_ALIGN, later)? else {
                    break;
                };
                scan.items.push(Item::Hole { from: at, to: found });
                (found, head)
            }
        };
        expected = Some(head.number + 1);
        epoch = head.epoch;
        scan.groups_end = at + head.total_bytes();
        let group = window.read_group(place, at, head)?;
        scan.items.push(Item::Group(group));
    }
    let last = scan.groups().last().map_or(scan.groups_end, |group| group.at);
    scan.bytes_end = window.last_nonzero(last)?;
    Ok(scan)
}

impl Scan {
    /// The groups with valid headers.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &FoundGroup> {
        self.items.iter().filter_map(|item| match item {
            Item::Group(group) => Some(group),
            Item::Hole { .. } => None,
        })
    }

    /// The records whose places are known.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (StreamId, Slot)> {
        self.groups().flat_map(|group| group.slots.iter().copied())
    }
}

impl Window<'_> {
    /// Bytes from this offset on: as many as asked for, fewer only at the end of the file.
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(self.available(offset));
        let held = self.start..=self.start + self.bytes.len() as u64;
        if !(held.contains(&offset) && held.contains(&(offset + length as u64))) {
            self.fill(offset, length)?;
        }
        let at = usize::try_from(offset - self.start).expect("the window holds the offset");
        Ok(&self.bytes[at..self.bytes.len().min(at + length)])
    }

    /// Reads ahead from this offset on, `length` bytes at least.
    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        loop {
            let wanted = length.max(limits::SCAN_READ_BYTES).min(self.available(offset));
            self.bytes.resize(wanted, 0);
            self.start = offset;
            if crate::fs::read_full(self.file, &mut self.bytes, offset)? {
                return Ok(());
            }
            // Whoever seals the segment meanwhile cuts off the room that it did not need.
            let file_bytes = self.file.len()?;
            if file_bytes >= self.file_bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.file_bytes = file_bytes;
        }
    }

    /// Bytes that the file has from this offset on.
    fn available(&self, offset: u64) -> usize {
        usize::try_from(self.file_bytes.saturating_sub(offset)).unwrap_or(usize::MAX)
    }

    /// The header of a group that starts here; the file may end inside the group.
    fn group_head(&mut self, place: Place, at: u64) -> io::Result<Option<GroupHead>> {
        let head = GroupHead::decode(self.bytes(at, GROUP_HEAD)?, place, at);
        Ok(head.filter(|head| at + head.total_bytes() <= limits::SCAN_BYTES_MAX))
    }

    /// What the group says it has. Bytes that the file has no more are zeros, which no checksum takes for anything: so
    /// what is found of a group is the same before and after something is written behind it.
    fn body(&mut self, start: u64, head: &GroupHead) -> io::Result<Cow<'_, [u8]>> {
        let wanted = head.body_bytes as usize;
        let body = self.bytes(start, wanted)?;
        if body.len() == wanted {
            return Ok(Cow::Borrowed(body));
        }
        let mut padded = body.to_vec();
        padded.resize(wanted, 0);
        Ok(Cow::Owned(padded))
    }

    /// The next group header that the caller wants, at or after this offset.
    fn search(
        &mut self,
        place: Place,
        from: u64,
        wanted: impl Fn(&GroupHead) -> bool,
    ) -> io::Result<Option<(u64, GroupHead)>> {
        let mut at = from;
        while at < self.file_bytes {
            let block = self.bytes(at, limits::SCAN_READ_BYTES)?;
            // Only where a byte is not zero can a header begin; the aligned place before it is where to look.
            let Some(dirty) = first_nonzero(block) else {
                at += block.len() as u64;
                continue;
            };
            at = (at + dirty as u64) / GROUP_ALIGN * GROUP_ALIGN;
            if let Some(head) = self.group_head(place, at)?.filter(|head| wanted(head)) {
                return Ok(Some((at, head)));
            }
            at += GROUP_ALIGN;
        }
        Ok(None)
    }

    fn read_group(&mut self, place: Place, at: u64, head: GroupHead) -> io::Result<FoundGroup> {
        let start = at + GROUP_HEAD as u64;
        let body = self.body(start, &head)?;
        let mut group = FoundGroup {
            at,
            head,
            slots: Vec::new(),
            unreadable: Vec::new(),
            damage: None,
        };
        let mut used = 0;
        for _ in 0..group.head.frames {
            let offset = start + used as u64;
            let frame = read_frame(&body[used..], offset, place, group.head.epoch, group.head.number);
            let Some((records, bytes)) = frame else {
                group.damage = Some(format!("a frame at byte {offset} is damaged"));
                break;
            };
            for (stream, slot) in records {
                let at = used + usize::try_from(u64::from(slot.offset) - offset).expect("inside the group");
                if verify_record(&body[at..], u64::from(slot.offset), place).is_none() {
                    group.damage = Some(format!("a record at byte {} is damaged", slot.offset));
                    group.unreadable.push((stream, slot.sequence));
                }
                group.slots.push((stream, slot));
            }
            used += bytes;
        }
        Ok(group)
    }

    /// End of the last byte that is not zero, looking from this offset on.
    fn last_nonzero(&mut self, from: u64) -> io::Result<u64> {
        let (mut at, mut end) = (from, from);
        while at < self.file_bytes {
            let block = self.bytes(at, limits::SCAN_READ_BYTES)?;
            end = last_nonzero(block).map_or(end, |last| at + last as u64 + 1);
            at += block.len() as u64;
        }
        Ok(end)
    }
}

/// Preallocated segments are mostly zeros: they are compared by the page.
const ZEROS: [u8; 4096] = [0; 4096];

fn is_dirty(page: &[u8]) -> bool {
    *page != ZEROS[..page.len()]
}

fn first_nonzero(bytes: &[u8]) -> Option<usize> {
    let (index, page) = bytes
        .chunks(ZEROS.len())
        .enumerate()
        .find(|(_, page)| is_dirty(page))?;
    Some(index * ZEROS.len() + page.iter().position(|byte| *byte != 0)?)
}

fn last_nonzero(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len();
    for page in bytes.rchunks(ZEROS.len()) {
        end -= page.len();
        if is_dirty(page) {
            return Some(end + page.iter().rposition(|byte| *byte != 0)?);
        }
    }
    None
}

#[cfg(test)]
mod tests;
