//! One segment, looked through.

use std::io;

use bytes::Bytes;

use super::{InspectedSegment, Walk};
use crate::format::{DirectoryEntry, Footer, Place, Slot, decode_table, is_kept, verify_record};
use crate::fs::{File, FileSystem, read_full};
use crate::record::{Record, StreamId};
use crate::recovery::judge::judge;
use crate::recovery::load::{Content, Evidence, Loaded};
use crate::scan::{Item, Scan, scan};

/// A segment that is being looked at.
struct Look<'a> {
    file: Box<dyn File>,
    place: Place,
    inspected: InspectedSegment,
    walk: &'a mut Walk,
    watched_stream: StreamId,
    watched: &'a mut dyn FnMut(Record),
}

/// Looks through a segment; `walk` goes on in it.
pub(super) fn inspect(
    fs: &dyn FileSystem,
    loaded: Loaded,
    evidence: Evidence,
    walk: &mut Walk,
    watched_stream: StreamId,
    watched: &mut dyn FnMut(Record),
) -> io::Result<InspectedSegment> {
    let first_group = loaded.first_group();
    let records_before = loaded.records_before().unwrap_or(0);
    let mut look = Look {
        file: fs.open(&loaded.segment.path)?,
        place: loaded.segment.place,
        inspected: InspectedSegment {
            file: loaded.segment.file_name(),
            bytes: loaded.file_bytes,
            ..InspectedSegment::default()
        },
        walk,
        watched_stream,
        watched,
    };
    if loaded.head.is_none() {
        look.damaged("the segment's header is damaged".to_owned());
    }
    match loaded.content {
        Content::Sealed(footer) => look.sealed(&footer, first_group)?,
        Content::Unsealed(scan) => look.unsealed(scan, evidence, first_group, records_before)?,
    }
    Ok(look.inspected)
}

impl Look<'_> {
    fn damaged(&mut self, what: String) {
        self.inspected.damage.push(what);
    }

    /// The footer says what must be there; a scan says what of it is whole.
    fn sealed(&mut self, footer: &Footer, first_group: Option<u64>) -> io::Result<()> {
        self.inspected.is_sealed = true;
        if footer.trailer.losses > 0 {
            let places = footer.trailer.losses;
            self.damaged(format!(
                "{places} places in it were found damaged when it was sealed"
            ));
        }
        let scan = scan(&*self.file, self.place, first_group)?;
        let data_end = u64::from(footer.trailer.data_end);
        for item in &scan.items {
            match item {
                Item::Hole { from, to } => self.damaged(format!("bytes {from} to {to} hold no group")),
                Item::Group(group) => {
                    if let Some(damage) = &group.damage {
                        self.damaged(format!("group {}: {damage}", group.head.number));
                    }
                }
            }
        }
        if scan.groups_end < data_end {
            let from = scan.groups_end;
            self.damaged(format!("bytes {from} to {data_end} hold no group"));
        }
        for entry in &footer.directory {
            let slots = match self.table(entry)? {
                Some(slots) => slots,
                None => {
                    self.damaged(format!(
                        "the offset table of stream {} is damaged",
                        entry.stream.0
                    ));
                    of_stream(&scan, entry.stream)
                }
            };
            self.records(entry.stream, &slots)?;
            if !is_kept(entry.stream) {
                self.walk.at(entry.stream, entry.next);
            }
        }
        Ok(())
    }

    /// Judged as an opening would.
    fn unsealed(
        &mut self,
        scan: Scan,
        evidence: Evidence,
        first_group: Option<u64>,
        records_before: u64,
    ) -> io::Result<()> {
        let verdict = judge(scan, evidence, first_group, records_before);
        self.inspected.tail_bytes = verdict.cut_bytes;
        self.inspected.damage.extend(verdict.losses.iter().cloned());
        if !evidence.newest {
            self.damaged("it has no footer that can be read; the next start makes one".to_owned());
        }
        let found: Vec<(StreamId, Slot)> = verdict.slots().copied().collect();
        for (stream, slot) in found {
            self.records(stream, &[slot])?;
        }
        Ok(())
    }

    fn table(&self, entry: &DirectoryEntry) -> io::Result<Option<Vec<Slot>>> {
        let mut bytes = vec![0; entry.table_bytes()];
        let is_there = read_full(&*self.file, &mut bytes, u64::from(entry.table_offset))?;
        Ok(is_there
            .then(|| decode_table(self.place, entry, &bytes))
            .flatten())
    }

    /// Takes note of the records that are whole. In a segment without damage a scan has seen that they are.
    fn records(&mut self, stream: StreamId, slots: &[Slot]) -> io::Result<()> {
        let is_watched = stream == self.watched_stream;
        let looks = is_watched || !self.inspected.damage.is_empty();
        for slot in slots {
            if looks {
                let Some(record) = self.record(stream, slot)? else {
                    continue;
                };
                if is_watched {
                    (self.watched)(record);
                }
            }
            self.inspected.records += 1;
            if !is_kept(stream) {
                self.walk.saw(stream, slot.sequence);
            }
        }
        Ok(())
    }

    fn record(&self, stream: StreamId, slot: &Slot) -> io::Result<Option<Record>> {
        let mut bytes = vec![0; slot.bytes as usize];
        read_full(&*self.file, &mut bytes, u64::from(slot.offset))?;
        let found = verify_record(&bytes, u64::from(slot.offset), self.place);
        let ours = found.filter(|(head, _)| head.stream == stream && head.sequence == slot.sequence);
        Ok(ours.map(|(head, payload)| Record {
            stream,
            sequence: head.sequence,
            kind: head.kind,
            head: Bytes::copy_from_slice(payload),
            body: Bytes::new(),
        }))
    }
}

fn of_stream(scan: &Scan, stream: StreamId) -> Vec<Slot> {
    scan.slots()
        .filter(|(other, _)| *other == stream)
        .map(|(_, slot)| slot)
        .collect()
}
