//! Retention: the journal's oldest segments leave once they are over age or the journal is over its bytes.
//!
//! One thread looks once a second. First what is over age by a rule expires ([`expire`]); then it takes one segment
//! after the other while there is something to do:
//! 1. the gate: what the segment says of the engine's state is in a snapshot that is synced, and what it has of dead
//!    letters is in the view's index;
//! 2. what is live in it is copied forward under its own sequence ([`live`] says what that is, [`copy`] does it);
//! 3. the journal retires it.
//!
//! A crash between two steps costs the work of the first ones, which are done again.
//!
//! What must hold:
//! - An event that some subscription has neither settled nor passed over stays readable, whoever is attached.
//! - What is copied forward never makes the journal copy for ever: the limit in bytes is no less than twice what is
//!   live, so that each copy pays for at least as many bytes that leave (see [`Retain::bytes_limit`]).
//! - Memory is bounded by one frame, and at most one frame of copies is on its way, so that commits go on beside it.
//! - A segment without events of its own counts as old since this process saw it sealed, so that copies of old events
//!   are not copied again at once.

mod copy;
mod expire;
mod live;
mod policy;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;

use journal::{AppendError, Committed, Frame, ReadError, RetireError, SegmentInfo};

pub use self::policy::Retain;
pub use self::status::RetentionStatus;
pub(crate) use self::status::Watch;

pub(super) use self::expire::Expiry;
use self::policy::Weights;
use super::checkpoint::Ticker;
use super::records::STATE;
use super::shared::Shared;
use super::view::ViewError;
use crate::SubscriptionId;
use crate::clock::Timestamp;

/// What the thread keeps between two looks.
pub(crate) struct Retention {
    shared: Arc<Shared>,
    retain: Retain,
    /// What one frame of copies may hold.
    frame_bytes_max: usize,
    segment_bytes: u64,
    /// When the events of the oldest segment were accepted.
    oldest: Option<(u64, Option<Span>)>,
    /// When each sealed segment was first seen.
    seen: BTreeMap<u64, Timestamp>,
    /// The state record for which a snapshot was asked.
    asked_for: u64,
    expiry: Expiry,
}

/// When the oldest and the newest event of a segment were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    oldest: Timestamp,
    newest: Timestamp,
}

/// The subscriptions that there are, and up to where each has accounted for everything.
struct Known(BTreeMap<SubscriptionId, u64>);

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is nothing to retire, or not yet.
    Rest,
    /// A segment has left, or is to be looked at anew.
    Again,
}

/// Why a segment could not leave. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stuck {
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("what is live could not be copied forward: {0}")]
    Copy(#[from] AppendError),
    #[error(transparent)]
    Retire(#[from] RetireError),
    #[error("the engine stops")]
    Stopped,
}

/// Looks once an interval until it is stopped.
pub(crate) fn run(mut retention: Retention, ticker: &Ticker) {
    let mut told = None;
    while ticker.wait() {
        let stuck = loop {
            match retention.round() {
                Ok(Look::Again) if !ticker.is_stopped() => {}
                Ok(_) => break None,
                Err(stuck) => break Some(stuck.to_string()),
            }
        };
        if told != stuck {
            if let Some(reason) = &stuck {
                tracing::warn!(
                    reason,
                    "the oldest journal segment could not leave; it is tried again"
                );
            }
            told.clone_from(&stuck);
        }
        retention.shared.retention.set_stuck(stuck);
        retention.shared.tick();
    }
}

impl Retention {
    pub(crate) fn new(shared: Arc<Shared>, retain: Retain, segment_bytes: u64) -> Self {
        Self {
            expiry: Expiry::new(Arc::clone(&shared)),
            shared,
            retain,
            frame_bytes_max: copy::frame_bytes_max(segment_bytes),
            segment_bytes,
            oldest: None,
            seen: BTreeMap::new(),
            asked_for: 0,
        }
    }

    /// Has what is over age expire, a part of it at a time, and then looks at the oldest segment: what has expired is not
    /// copied. What stands in the way of the one does not keep the other.
    pub(crate) fn round(&mut self) -> Result<Look, Stuck> {
        if self.shared.halted().is_some() {
            return Ok(Look::Rest);
        }
        match self.expiry.round() {
            Ok(Look::Again) => Ok(Look::Again),
            expired => {
                let looked = self.look()?;
                expired.map(|_| looked)
            }
        }
    }

    /// Lets the oldest segment leave if it is to and can.
    fn look(&mut self) -> Result<Look, Stuck> {
        let segments = self.shared.journal.segments();
        let now = self.shared.clock.now();
        self.note_seen(&segments, now);
        let Some(oldest) = segments.first() else {
            return Ok(Look::Rest);
        };
        let span = self.span(oldest)?;
        let weights = self.weigh(&segments);
        let limit = self.retain.bytes_limit(&weights);
        self.shared
            .retention
            .note(span.map(|span| span.oldest), limit, weights.kept);
        if !oldest.sealed || !(weights.on_disk > limit || self.is_over_age(oldest, span, now)) {
            return Ok(Look::Rest);
        }
        if !self.expiry.is_applied() || !self.may_leave(oldest)? {
            return Ok(Look::Rest);
        }
        let known = self.known_subscriptions();
        self.copy_forward(oldest)?;
        // Somebody may have begun to read at the very segment that leaves: then it is looked at anew.
        let _creation = self.shared.creation.blocking_lock();
        if !known.holds(&self.known_subscriptions()) {
            return Ok(Look::Again);
        }
        self.shared.journal.retire_oldest()?;
        self.shared.tick();
        tracing::debug!(
            segment = oldest.number,
            bytes = oldest.bytes,
            "a journal segment has left"
        );
        Ok(Look::Again)
    }

    fn note_seen(&mut self, segments: &[SegmentInfo], now: Timestamp) {
        let Some(first) = segments.first() else { return };
        self.seen = self.seen.split_off(&first.number);
        for segment in segments.iter().filter(|segment| segment.sealed) {
            self.seen.entry(segment.number).or_insert(now);
        }
    }

    fn weigh(&self, segments: &[SegmentInfo]) -> Weights {
        let kept = segments
            .iter()
            .flat_map(|segment| &segment.parts)
            .filter(|part| part.kept)
            .map(|part| part.bytes);
        Weights {
            on_disk: self.shared.journal.stats().bytes_on_disk,
            kept: kept.sum(),
            snapshot: self.shared.snapshots.marks().last.map_or(0, |last| last.bytes),
            segment: self.segment_bytes,
        }
    }

    /// The newest event decides. One without events is as old as this process has seen it.
    fn is_over_age(&self, oldest: &SegmentInfo, span: Option<Span>, now: Timestamp) -> bool {
        let seen = self.seen.get(&oldest.number).copied().unwrap_or(now);
        let newest = span.map_or(seen, |span| span.newest);
        now.until(newest) > self.retain.age
    }

    /// When the events of a segment were accepted; `None` when it has none of its own. Read once a segment.
    fn span(&mut self, segment: &SegmentInfo) -> Result<Option<Span>, Stuck> {
        if let Some((number, span)) = self.oldest
            && number == segment.number
        {
            return Ok(span);
        }
        let span = live::span(&self.shared, segment)?;
        if segment.sealed {
            self.oldest = Some((segment.number, span));
        }
        Ok(span)
    }

    /// The gate: nothing of what the segment says is needed any more, but for what is copied.
    fn may_leave(&mut self, oldest: &SegmentInfo) -> Result<bool, Stuck> {
        for part in oldest.parts.iter().filter(|part| !part.kept) {
            if part.stream == STATE && !self.shared.snapshot_covers(part.last) {
                if self.asked_for < part.last {
                    self.asked_for = part.last;
                    self.shared.request_snapshot();
                }
                return Ok(false);
            }
            let letters = self.shared.streams.by_number(part.stream.0);
            let is_letters = letters.is_some_and(|broker| broker.dead_letters == part.stream.0);
            if is_letters && self.shared.look(|view| view.dead_letters_indexed(part.stream))? < part.last {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn known_subscriptions(&self) -> Known {
        let subscriptions = self.shared.all_subscriptions().into_iter();
        Known(subscriptions.map(|sub| (sub.id, sub.floor())).collect())
    }
}

impl Known {
    /// Whether what was judged for these holds for those: no new one, none that went back.
    fn holds(&self, now: &Known) -> bool {
        let was = |id| self.0.get(id).copied();
        now.0
            .iter()
            .all(|(id, floor)| was(id).is_some_and(|was| was <= *floor))
    }
}

/// A frame that is on its way.
struct Appended(mpsc::Receiver<Result<Committed, AppendError>>);

impl Appended {
    fn wait(self) -> Result<Committed, AppendError> {
        self.0.recv().unwrap_or(Err(AppendError::Closed))
    }
}

fn append(shared: &Shared, frame: Frame) -> Appended {
    let (sender, receiver) = mpsc::sync_channel(1);
    let done = Box::new(move |outcome| drop(sender.send(outcome)));
    shared.journal.append(frame, done);
    Appended(receiver)
}

/// Appends a frame and waits until it is committed.
fn append_and_wait(shared: &Shared, frame: Frame) -> Result<Committed, AppendError> {
    append(shared, frame).wait()
}
