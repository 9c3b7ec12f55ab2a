//! Letting segments leave as a caller does it: what is live is copied forward first.

use journal::{
    Entry, Frame, Health, Journal, Purpose, ReadError, ReadLimit, Record, RetireError, SegmentPart,
};

use crate::support::append;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Retired {
    /// There is no segment that could leave.
    Nothing,
    /// The streams of the segment that left, each with its last sequence there.
    Left(Vec<(u64, u64)>),
    /// The journal is broken.
    Failed,
}

/// Which records of a test stay when their segment leaves: about every third, by the digits in the name.
pub(crate) fn is_live(payload: &[u8]) -> bool {
    let name = payload.split(|byte| *byte == b' ').next().unwrap_or(payload);
    name.iter()
        .map(|byte| u32::from(*byte))
        .sum::<u32>()
        .is_multiple_of(3)
}

/// Copies what is live in the oldest segment forward and retires it. `leaves` is told of each stream, and its last
/// sequence there, before anything is done. An error that leaves the journal in order counts as nothing done.
pub(crate) fn retire_one(journal: &Journal, mut leaves: impl FnMut(u64, u64)) -> Retired {
    let Some(oldest) = journal.segments().into_iter().next().filter(|info| info.sealed) else {
        return Retired::Nothing;
    };
    let own = oldest.parts.iter().filter(|part| !part.kept);
    let parts: Vec<_> = own.map(|part| (part.stream.0, part.last)).collect();
    parts.iter().for_each(|(stream, last)| leaves(*stream, *last));
    let copied = oldest
        .parts
        .iter()
        .all(|part| copy(journal, oldest.number, part).is_ok());
    if copied {
        match journal.retire_oldest() {
            Ok(Some(info)) => {
                assert_eq!(info.number, oldest.number);
                return Retired::Left(parts);
            }
            Ok(None) => panic!("a sealed segment was there"),
            Err(RetireError::Io { .. } | RetireError::Append(_)) => {}
        }
    }
    match journal.health() {
        Health::Poisoned { .. } => Retired::Failed,
        _ => Retired::Nothing,
    }
}

/// Copies what is live of one part forward.
fn copy(journal: &Journal, segment: u64, part: &SegmentPart) -> Result<(), ReadError> {
    let limit = ReadLimit {
        records_max: 7,
        bytes_max: 4000,
    };
    let mut from = part.first;
    let mut seen = 0;
    loop {
        let records = journal.read_segment(segment, part.stream, part.kept, from, limit)?;
        let Some(last) = records.last() else { break };
        from = last.sequence + 1;
        seen += records.len() as u64;
        let live = records.into_iter().filter(|record| is_live(&record.head));
        let entries: smallvec::SmallVec<[Entry; 2]> = live.map(kept).collect();
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries,
        };
        if append(journal, frame).is_err() {
            // Broken, or without space: what is not copied must not leave.
            return Err(ReadError::Damaged {
                stream: part.stream,
                from,
                to: from,
                reason: "not copied".to_owned(),
            });
        }
    }
    assert_eq!(seen, part.records, "{part:?}");
    assert_eq!(from, part.last + 1, "{part:?}");
    Ok(())
}

/// A copy of a record under its own sequence.
pub(crate) fn kept(record: Record) -> Entry {
    Entry {
        stream: record.stream,
        kind: record.kind,
        head: record.head,
        body: record.body,
        kept: Some(record.sequence),
    }
}
