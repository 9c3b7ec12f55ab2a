//! Finds the mark in force: what the streams were when the last segment left.

use super::failed;
use super::load::{Content, Loaded};
use crate::OpenError;
use crate::format::{MARKS, Mark, Slot, decode_table, verify_record};
use crate::fs::{File, FileSystem, read_full};
use crate::segment::Segment;

/// The newest mark about a segment that is older than all that are there. One that tells of a segment that is still
/// there may not be believed: what was copied out of it may be cut away with the mark.
pub(crate) fn in_force(fs: &dyn FileSystem, loaded: &[Loaded]) -> Result<Option<Mark>, OpenError> {
    let Some(oldest) = loaded.iter().find(|loaded| is_ours(loaded)) else {
        return Ok(None);
    };
    let oldest = oldest.segment.number;
    let mut best: Option<Mark> = None;
    for loaded in loaded.iter().rev().filter(|loaded| has_marks(loaded)) {
        if best.as_ref().is_some_and(|best| best.segment + 1 == oldest) {
            break;
        }
        let path = &loaded.segment.path;
        let file = fs.open(path).map_err(failed("open", path))?;
        let slots = mark_slots(&*file, loaded).map_err(failed("read", path))?;
        let newest = best.as_ref().map_or(0, |best| best.segment);
        let wanted = slots
            .into_iter()
            .filter(|slot| (newest..oldest).contains(&slot.sequence) && slot.sequence > 0);
        for slot in wanted {
            let mark = read_mark(&*file, &loaded.segment, slot).map_err(failed("read", path))?;
            best = mark.or(best);
        }
    }
    Ok(best)
}

/// Nothing says of a file with a damaged header and no group that it belongs to the journal.
fn is_ours(loaded: &Loaded) -> bool {
    match &loaded.content {
        Content::Unsealed(scan) => loaded.head.is_some() || !scan.items.is_empty(),
        Content::Sealed(_) => true,
    }
}

fn has_marks(loaded: &Loaded) -> bool {
    match &loaded.content {
        Content::Unsealed(scan) => scan.slots().any(|(stream, _)| stream == MARKS),
        Content::Sealed(footer) => footer.directory.iter().any(|entry| entry.stream == MARKS),
    }
}

/// Where a segment's marks are, by the segment of which they tell.
fn mark_slots(file: &dyn File, loaded: &Loaded) -> std::io::Result<Vec<Slot>> {
    let mut slots: Vec<Slot> = match &loaded.content {
        Content::Unsealed(scan) => {
            let marks = scan.slots().filter(|(stream, _)| *stream == MARKS);
            marks.map(|(_, slot)| slot).collect()
        }
        Content::Sealed(footer) => {
            let Some(entry) = footer.directory.iter().find(|entry| entry.stream == MARKS) else {
                return Ok(Vec::new());
            };
            let mut bytes = vec![0; entry.table_bytes()];
            read_full(file, &mut bytes, u64::from(entry.table_offset))?;
            match decode_table(loaded.segment.place, entry, &bytes) {
                Some(table) => table,
                None => crate::scan::scan(file, loaded.segment.place, None)?
                    .slots()
                    .filter(|(stream, _)| *stream == MARKS)
                    .map(|(_, slot)| slot)
                    .collect(),
            }
        }
    };
    slots.sort_by_key(|slot| slot.sequence);
    Ok(slots)
}

fn read_mark(file: &dyn File, segment: &Segment, slot: Slot) -> std::io::Result<Option<Mark>> {
    let mut bytes = vec![0; slot.bytes as usize];
    read_full(file, &mut bytes, u64::from(slot.offset))?;
    let found = verify_record(&bytes, u64::from(slot.offset), segment.place);
    let mark = found
        .filter(|(head, _)| head.stream == MARKS && head.sequence == slot.sequence)
        .and_then(|(_, payload)| Mark::decode(slot.sequence, payload));
    if mark.is_none() {
        tracing::error!(
            file = %segment.path.display(),
            about = slot.sequence,
            "a mark of the journal about a segment that left is damaged"
        );
    }
    Ok(mark)
}
