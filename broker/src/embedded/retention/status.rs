//! What retention says of itself: read by the metrics and the admin API.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use crate::clock::Timestamp;

/// What retention does and has done since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// When the oldest event was accepted that is retained, copies of unsettled ones apart; `None` when there is none.
    pub oldest_event: Option<Timestamp>,
    /// How long ago that was, by the engine's clock.
    #[serde(skip)]
    pub oldest_event_age: Option<Duration>,
    /// Bytes past which the oldest segment leaves.
    pub bytes_limit: u64,
    /// Bytes of records in the journal that were copied forward because they are not settled.
    pub kept_bytes: u64,
    /// Records that were copied forward.
    pub copied_records: u64,
    /// Bytes of their payloads.
    pub copied_bytes: u64,
    /// Why the oldest segment could not leave when that was tried last.
    pub stuck: Option<Arc<str>>,
}

/// Where the thread leaves its status.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<RetentionStatus>);

impl Watch {
    pub(crate) fn status(&self, now: Timestamp) -> RetentionStatus {
        let mut status = self.0.lock().clone();
        status.oldest_event_age = status.oldest_event.map(|at| now.until(at));
        status
    }

    pub(super) fn note(&self, oldest_event: Option<Timestamp>, bytes_limit: u64, kept_bytes: u64) {
        let mut status = self.0.lock();
        status.oldest_event = oldest_event;
        status.bytes_limit = bytes_limit;
        status.kept_bytes = kept_bytes;
    }

    pub(super) fn copied(&self, records: usize, bytes: usize) {
        let mut status = self.0.lock();
        status.copied_records += records as u64;
        status.copied_bytes += bytes as u64;
    }

    pub(super) fn set_stuck(&self, stuck: Option<String>) {
        self.0.lock().stuck = stuck.map(Arc::from);
    }
}
