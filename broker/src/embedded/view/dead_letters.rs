//! The index of the dead-letter store: where the copy of a cause lies (`x`), and how far a stream is indexed (`w`).

use journal::StreamId;

use super::keys::{be_u64, key, number};
use super::{Batch, View, ViewError};
use crate::embedded::records::DeadLetterMeta;
use crate::{Position, SubscriptionId};

impl View {
    /// Up to which sequence a dead-letter stream is in the index.
    pub(crate) fn dead_letters_indexed(&self, stream: StreamId) -> Result<u64, ViewError> {
        let found = self.get(&key(b'w', &[stream.0]))?;
        Ok(found.as_deref().and_then(be_u64).unwrap_or(0))
    }

    /// Indexes a dead letter; a repeat of the same cause takes the place of the first.
    pub(crate) fn put_dead_letter(&self, at: Position, meta: &DeadLetterMeta) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put(
            key(
                b'x',
                &[meta.subscription.0, meta.cause.stream, meta.cause.sequence],
            ),
            [at.stream.to_be_bytes(), at.sequence.to_be_bytes()].concat(),
        );
        batch.put(key(b'w', &[at.stream]), at.sequence.to_be_bytes());
        self.write(batch)
    }

    /// Where the dead letters lie: cause (subscription, position) and copy.
    pub(crate) fn dead_letters(
        &self,
    ) -> impl Iterator<Item = Result<(SubscriptionId, Position, Position), ViewError>> + '_ {
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let cause = Position {
                stream: number(&key, 1)?,
                sequence: number(&key, 2)?,
            };
            Some((SubscriptionId(number(&key, 0)?), cause, position(&value)?))
        };
        self.scan(b"x")
            .filter_map(move |found| found.map(read).transpose())
    }

    /// Where the dead letter of one cause lies.
    pub(crate) fn dead_letter(
        &self,
        id: SubscriptionId,
        cause: Position,
    ) -> Result<Option<Position>, ViewError> {
        let found = self.get(&key(b'x', &[id.0, cause.stream, cause.sequence]))?;
        Ok(found.as_deref().and_then(position))
    }
}

fn position(value: &[u8]) -> Option<Position> {
    Some(Position {
        stream: be_u64(value.get(..8)?)?,
        sequence: be_u64(value.get(8..16)?)?,
    })
}
