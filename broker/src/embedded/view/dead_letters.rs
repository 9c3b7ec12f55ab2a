//! The index of the dead-letter store: where the copy of a cause lies (`x`), how far a stream is indexed (`w`), and what
//! is gone before it was indexed (`g`).
//!
//! ```text
//! x subscription, stream, sequence of the cause -> stream, sequence of the copy, when it was stored, reason as JSON
//! g subscription, stream, sequence of the cause -> stream, sequence of the copy
//! ```
//!
//! A letter is its cause's: a repeat after a crash takes the place of the first. What is gone is one copy: a letter that
//! came for the same cause later stays.
//!
//! The streams of letters are applied after the state stream when a view is rebuilt, so the record that a letter is gone
//! may come before the letter: `g` tells it then, and goes when the letter was passed over. At all other times a letter
//! is in the index before anybody can ask for its removal.

use journal::StreamId;

use super::keys::{be_u64, key, number};
use super::{Batch, View, ViewError};
use crate::clock::Timestamp;
use crate::embedded::records::{DeadLetterMeta, LetterGone, to_json};
use crate::{DeadLetterReason, Position, SubscriptionId};

/// One letter, as far as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexedLetter {
    /// Whose it is.
    pub(crate) subscription: SubscriptionId,
    /// What could not be delivered.
    pub(crate) cause: Position,
    /// Where its copy lies.
    pub(crate) copy: Position,
    /// When it was stored.
    pub(crate) at: Timestamp,
    /// Why.
    pub(crate) reason: DeadLetterReason,
}

impl View {
    /// Up to which sequence a dead-letter stream is in the index.
    pub(crate) fn dead_letters_indexed(&self, stream: StreamId) -> Result<u64, ViewError> {
        let found = self.get(&key(b'w', &[stream.0]))?;
        Ok(found.as_deref().and_then(be_u64).unwrap_or(0))
    }

    /// Indexes a dead letter; a repeat of the same cause takes the place of the first. One that is gone already is passed
    /// over.
    pub(crate) fn put_dead_letter(&self, at: Position, meta: &DeadLetterMeta) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        let cause = of_cause(b'x', meta.subscription, meta.cause);
        let gone = of_cause(b'g', meta.subscription, meta.cause);
        let is_gone = self.get(&gone)?.as_deref().and_then(position);
        if is_gone.is_some_and(|copy| copy.sequence >= at.sequence) {
            // This one, or one that had taken its place; what it had taken the place of is gone with it.
            batch.remove(cause);
            if is_gone == Some(at) {
                batch.remove(gone);
            }
        } else {
            let mut value = put_position(at);
            value.extend_from_slice(&meta.at.0.to_be_bytes());
            value.extend_from_slice(&to_json(&meta.reason));
            batch.put(cause, value);
        }
        batch.put(key(b'w', &[at.stream]), at.sequence.to_be_bytes());
        self.write(batch)
    }

    /// Takes letters out of the index. Each is the copy that it names and no other.
    pub(crate) fn remove_dead_letters(&self, letters: &[LetterGone]) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        for letter in letters {
            let at = of_cause(b'x', letter.subscription, letter.cause);
            if self.get(&at)?.as_deref().and_then(position) == Some(letter.copy) {
                batch.remove(at);
            }
            // The index may have the letter and its mark not: a snapshot scans the mark first.
            if self.dead_letters_indexed(StreamId(letter.copy.stream))? < letter.copy.sequence {
                let gone = of_cause(b'g', letter.subscription, letter.cause);
                let before = self.get(&gone)?.as_deref().and_then(position);
                if before.is_none_or(|before| before.sequence < letter.copy.sequence) {
                    batch.put(gone, put_position(letter.copy));
                }
            }
        }
        self.write(batch)
    }

    /// All letters, by subscription and cause; from behind one on.
    pub(crate) fn dead_letters(
        &self,
        after: Option<&IndexedLetter>,
    ) -> impl Iterator<Item = Result<IndexedLetter, ViewError>> + use<'_> {
        let after = after.map(|letter| of_cause(b'x', letter.subscription, letter.cause));
        self.scan_after(b"x", after.as_deref()).map(move |found| {
            let (key, value) = found?;
            let damaged = || {
                let key = key.escape_ascii();
                self.failed(format!(
                    "the index of dead letters has a value that is none under {key}"
                ))
            };
            IndexedLetter::read(&key, &value).ok_or_else(damaged)
        })
    }

    /// The letter of one cause.
    pub(crate) fn dead_letter(
        &self,
        id: SubscriptionId,
        cause: Position,
    ) -> Result<Option<IndexedLetter>, ViewError> {
        let at = of_cause(b'x', id, cause);
        let found = self.get(&at)?;
        Ok(found.and_then(|value| IndexedLetter::read(&at, &value)))
    }
}

impl IndexedLetter {
    fn read(at: &[u8], value: &[u8]) -> Option<Self> {
        Some(Self {
            subscription: SubscriptionId(number(at, 0)?),
            cause: Position {
                stream: number(at, 1)?,
                sequence: number(at, 2)?,
            },
            copy: position(value)?,
            at: Timestamp(be_u64(value.get(16..24)?)?),
            reason: serde_json::from_slice(value.get(24..)?).ok()?,
        })
    }
}

fn of_cause(letter: u8, subscription: SubscriptionId, cause: Position) -> Vec<u8> {
    key(letter, &[subscription.0, cause.stream, cause.sequence])
}

fn put_position(at: Position) -> Vec<u8> {
    [at.stream.to_be_bytes(), at.sequence.to_be_bytes()].concat()
}

fn position(value: &[u8]) -> Option<Position> {
    Some(Position {
        stream: be_u64(value.get(..8)?)?,
        sequence: be_u64(value.get(8..16)?)?,
    })
}
