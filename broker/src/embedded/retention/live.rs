//! What is live in a segment: what somebody still has to get.
//!
//! - An event, or a copy of a dead letter that is redriven, for each subscription that reads its stream (attached or not, paused or not) that has not accounted for it and
//!   whose filter of that time wants it, and for each that waits to try it again. The filter is the recorded one, never
//!   the matcher, which knows only what is configured now.
//! - A dead letter that is in the store.
//! - Records of a stream that no broker is known to have: nobody can tell what they are for.
//!
//! State records are never live: the snapshot has what they say.
//!
//! What cannot be judged is live: a record that does not decode, an event from before the first filter that is known.
//!
//! Settlements go on meanwhile. A retry is in the view before its event counts as accounted for, so that an event is
//! first asked for among the accounted ones and then among the retries: it is found in one place or is settled.

use std::collections::HashSet;
use std::sync::Arc;

use journal::{ReadLimit, Record, SegmentInfo, SegmentPart};
use schemas::event::Event;
use schemas::filter::Filter;

use super::{Span, Stuck};
use crate::Position;
use crate::clock::Timestamp;
use crate::embedded::records::{STATE, read_dead_letter, read_event};
use crate::embedded::shared::Shared;
use crate::embedded::subscription::Sub;
use crate::embedded::view::{View, ViewError};

/// Judges the records of one part of a segment.
pub(super) enum Judge<'a> {
    /// Nothing of it is live.
    Dead,
    /// All of it is.
    All,
    Events {
        shared: &'a Shared,
        readers: Vec<Reader>,
    },
    DeadLetters {
        shared: &'a Shared,
    },
}

/// A subscription that may want something of the part.
pub(super) struct Reader {
    pub(super) sub: Arc<Sub>,
    pub(super) filters: Arc<Vec<(u64, Filter)>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(shared: &'a Shared, part: &SegmentPart) -> Result<Self, ViewError> {
        if part.stream == STATE {
            return Ok(Self::Dead);
        }
        match shared.streams.by_number(part.stream.0) {
            Some(broker) if broker.dead_letters == part.stream.0 => {
                return Ok(Self::DeadLetters { shared });
            }
            None if !shared.is_redrive_stream(part.stream.0) => return Ok(Self::All),
            Some(_) | None => {}
        }
        let mut readers = Vec::new();
        for sub in shared.readers_of(part.stream.0) {
            let has_settled = sub.has_accounted_for(part.first, part.last);
            let has_retry = |view: &View| view.has_retry(sub.id, part.first, part.last);
            if !has_settled || shared.look(has_retry)? {
                let filters = sub.filters();
                readers.push(Reader { sub, filters });
            }
        }
        Ok(if readers.is_empty() {
            Self::Dead
        } else {
            Self::Events { shared, readers }
        })
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Self::Dead)
    }

    /// Keeps of a run of records, in order, those that are live.
    pub(super) fn retain(&self, records: &mut Vec<Record>) -> Result<(), ViewError> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(());
        };
        let (first, last) = (first.sequence, last.sequence);
        match self {
            Self::Dead => records.clear(),
            Self::All => {}
            Self::Events { shared, readers } => {
                let wanted = |record: &&Record| readers.iter().any(|reader| reader.has_yet_to_get(record));
                let mut live: HashSet<u64> = records
                    .iter()
                    .filter(wanted)
                    .map(|record| record.sequence)
                    .collect();
                for reader in readers {
                    live.extend(shared.look(|view| view.retries_in(reader.sub.id, first, last))?);
                }
                records.retain(|record| live.contains(&record.sequence));
            }
            Self::DeadLetters { shared } => {
                let mut failed = None;
                records.retain(|record| {
                    is_in_store(shared, record).unwrap_or_else(|error| {
                        failed = Some(error);
                        true
                    })
                });
                if let Some(error) = failed {
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl Reader {
    fn has_yet_to_get(&self, record: &Record) -> bool {
        if self.sub.has_accounted_for(record.sequence, record.sequence) {
            return false;
        }
        match read_event(&record.head, record.body.clone()) {
            Ok(read) => self.wants(record.sequence, &read.event),
            Err(_) => true,
        }
    }

    /// Whether the filter that was in force then wants an event; true when it is not known.
    pub(super) fn wants(&self, sequence: u64, event: &Event) -> bool {
        let mut filters = self.filters.iter().rev();
        let then = filters.find(|(after, _)| *after < sequence);
        then.is_none_or(|(_, filter)| filter.matches(event))
    }
}

fn is_in_store(shared: &Shared, record: &Record) -> Result<bool, ViewError> {
    let here = Position {
        stream: record.stream.0,
        sequence: record.sequence,
    };
    let Ok((meta, _)) = read_dead_letter(here, &record.head, record.body.clone()) else {
        return Ok(true);
    };
    let letter = shared.look(|view| view.dead_letter(meta.subscription, meta.cause))?;
    Ok(letter.is_some_and(|letter| letter.copy == here))
}

/// When the events of a segment were accepted, by the first and the last of each broker.
pub(super) fn span(shared: &Shared, segment: &SegmentInfo) -> Result<Option<Span>, Stuck> {
    let mut span: Option<Span> = None;
    for part in segment.parts.iter().filter(|part| !part.kept) {
        let broker = shared.streams.by_number(part.stream.0);
        if broker.is_none_or(|broker| broker.events != part.stream.0) {
            continue;
        }
        for sequence in [part.first, part.last] {
            let Some(at) = accepted_at(shared, part, sequence)? else {
                continue;
            };
            span = Some(span.map_or(
                Span {
                    oldest: at,
                    newest: at,
                },
                |span| Span {
                    oldest: span.oldest.min(at),
                    newest: span.newest.max(at),
                },
            ));
        }
    }
    Ok(span)
}

/// `None` when the record is damaged.
fn accepted_at(shared: &Shared, part: &SegmentPart, sequence: u64) -> Result<Option<Timestamp>, Stuck> {
    let one = ReadLimit {
        records_max: 1,
        bytes_max: 0,
    };
    match shared.journal.read(part.stream, sequence, one) {
        Ok(mut records) => {
            let read = records
                .pop()
                .and_then(|record| read_event(&record.head, record.body).ok());
            Ok(read.map(|read| read.accepted_at))
        }
        Err(journal::ReadError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
