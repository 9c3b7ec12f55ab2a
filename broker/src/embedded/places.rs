//! From a place in words (the oldest, the newest, a time, a position) to a sequence of a stream.

use std::sync::Arc;

use journal::{ReadError, ReadLimit, StreamId};

use super::position::PositionError;
use super::records::{EVENT, accepted_at};
use super::shared::Shared;
use crate::Start;
use crate::clock::Timestamp;

/// One record is looked at a time.
const ONE: ReadLimit = ReadLimit {
    records_max: 1,
    bytes_max: 1,
};

impl Shared {
    /// The sequence right before a place: what comes after it is what begins there.
    ///
    /// A time is found by bisection over the times of acceptance, so that it costs a few reads however long the stream
    /// is. Where the clock was set back between two runs it finds one of the places where the time was passed.
    pub(crate) async fn before(self: &Arc<Self>, stream: u64, start: Start) -> Result<u64, PositionError> {
        let bounds = self.journal.bounds(StreamId(stream));
        let (first, last) = bounds.map_or((1, 0), |bounds| (bounds.first, bounds.last));
        let oldest = first.saturating_sub(1);
        match start {
            Start::Latest => Ok(last),
            Start::Earliest => Ok(oldest),
            Start::Position(asked) if asked > last + 1 => Err(PositionError::BeyondEnd { asked, last }),
            Start::Position(asked) => Ok(asked.saturating_sub(1).max(oldest)),
            Start::At(time) => {
                let shared = Arc::clone(self);
                let found = tokio::task::spawn_blocking(move || shared.first_at(stream, first, last, time));
                let found = found.await.map_err(|error| unreadable(&error))?;
                Ok(found?.saturating_sub(1))
            }
        }
    }

    /// The first sequence in `first..=last` that was accepted at `time` or later; `last + 1` when there is none.
    fn first_at(&self, stream: u64, first: u64, last: u64, time: Timestamp) -> Result<u64, PositionError> {
        let (mut low, mut high) = (first, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.accepted_from(stream, middle, high)? {
                Some((sequence, at)) if at < time => low = sequence + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The first event in `from..to` that can be read, with its time.
    fn accepted_from(
        &self,
        stream: u64,
        from: u64,
        to: u64,
    ) -> Result<Option<(u64, Timestamp)>, PositionError> {
        let mut next = from;
        while next < to {
            match self.journal.read(StreamId(stream), next, ONE) {
                Ok(records) => {
                    let Some(record) = records.first() else {
                        return Ok(None);
                    };
                    if record.sequence >= to {
                        return Ok(None);
                    }
                    if record.kind == EVENT
                        && let Some(at) = accepted_at(&record.head)
                    {
                        return Ok(Some((record.sequence, at)));
                    }
                    next = record.sequence + 1;
                }
                Err(ReadError::Damaged { to: damaged, .. }) => next = damaged + 1,
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(None)
    }
}

/// Events that could not be looked through.
pub(super) fn unreadable(error: &dyn std::error::Error) -> PositionError {
    PositionError::Unreadable {
        reason: error.to_string(),
    }
}
