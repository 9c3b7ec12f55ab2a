//! The view's keys: a letter, then names or numbers (big endian, so that they sort).
//!
//! ```text
//! m applied|journal|boot|seen|...   b broker name -> StreamsRecord     s subscription id -> SubscriptionState
//! r subscription, sequence -> Retry d subscription, at, sequence -> key   c subscription -> how many wait
//! k subscription, key, sequence -> hold
//! g w x dead letters, see [`super::dead_letters`]
//! o source key -> state             y z pairs of source and id, see [`super::dedupe`]
//! t event stream, type -> TypeSeenRecord
//! p -> the last id that was given to a subscription   p subscription -> it is no more
//! ```
//!
//! Each letter is one of these, and a new letter is a `Fact` unless it is named here:
//! - `Mark` (`m`): about this copy of the view. In no snapshot.
//! - `State` (`s`): written by checkpoints, all at one instant. In a snapshot as of the instant that it names.
//! - `Fact`: put or removed by records, and *blindly*: what a record leaves under the key follows from the record
//!   alone, never from what was there before. In a snapshot as of whenever it was scanned.
//! - `Derived` (`d`, `k`, `c`, `z`): follows from facts. In no snapshot; made again by [`super::pairs`] when facts are
//!   loaded.
//!
//! Snapshots take letters in the order of the alphabet. A mark of how far a stream is indexed has to come before
//! what it indexes: `w` before `x`.
//! A removal of what an index may not have yet (`g`) is a fact that depends on the mark; see there why that holds.

/// What a letter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Mark,
    State,
    Fact,
    Derived,
}

/// The class of a letter.
pub(crate) fn class(letter: u8) -> Class {
    match letter {
        b'm' => Class::Mark,
        b's' => Class::State,
        b'd' | b'k' | b'c' | b'z' => Class::Derived,
        _ => Class::Fact,
    }
}

/// Whether there are as many keys of a letter as the backlog has it, and not as many as are configured.
pub(crate) fn grows_with_backlog(letter: u8) -> bool {
    !matches!(letter, b'b' | b'm' | b'o' | b's' | b't' | b'w')
}

/// A key of numbers.
pub(crate) fn key(letter: u8, numbers: &[u64]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + numbers.len() * 8);
    key.push(letter);
    for number in numbers {
        key.extend_from_slice(&number.to_be_bytes());
    }
    key
}

/// A key of a name.
pub(crate) fn named(letter: u8, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(letter);
    key.extend_from_slice(name.as_bytes());
    key
}

/// The number at a place of a key of numbers, counted from 0.
pub(crate) fn number(key: &[u8], index: usize) -> Option<u64> {
    let at = 1 + index * 8;
    key.get(at..at + 8).and_then(be_u64)
}

/// A number that is a whole value.
pub(crate) fn be_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
