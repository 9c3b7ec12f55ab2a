//! How much is retained.

use std::time::Duration;

use crate::limits::{RETAIN_AGE, RETAIN_BYTES};

/// How long settled events stay, for replays and for people who look. What is not settled stays in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retain {
    /// A segment leaves when its newest event was accepted longer ago than this.
    pub age: Duration,
    /// The oldest segment leaves while the journal occupies more bytes than this, all brokers together.
    pub bytes: u64,
}

/// What the journal weighs, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weights {
    pub(super) on_disk: u64,
    /// Records that were copied forward.
    pub(super) kept: u64,
    /// The newest snapshot.
    pub(super) snapshot: u64,
    /// One segment.
    pub(super) segment: u64,
}

impl Default for Retain {
    fn default() -> Self {
        Self {
            age: RETAIN_AGE,
            bytes: RETAIN_BYTES,
        }
    }
}

impl Retain {
    /// The limit in force: never less than twice what has to stay, or letting the oldest segment leave would only move
    /// the same bytes to the end, again and again. What has to stay is known by what was copied so far: while more of it
    /// turns up, the limit rises; when it is settled, its copies leave and the limit falls. Beside it stand the
    /// unsealed segment and those that are begun by the copies and by the snapshot.
    pub(super) fn bytes_limit(&self, weights: &Weights) -> u64 {
        let stays = weights.kept.saturating_add(weights.snapshot);
        self.bytes.max(2 * stays + 3 * weights.segment)
    }
}

#[cfg(test)]
mod tests;
