//! Commands on a subscription's place: pause and resume, seek, forget.
//!
//! What must hold: a command is a record, and what it changed is to be seen when it answers `Ok`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use journal::Purpose;
use schemas::names::ResourceName;

use super::Embedded;
use super::places::unreadable;
use super::records::{ForgottenRecord, PausedRecord, SoughtRecord, StateRecord};
use super::shared::Shared;
use super::subscription::Sub;
use crate::limits::SEEK_WAIT_MAX;
use crate::{AppendError, Pause, Start, SubscriptionStatus};

/// Why a command on a subscription's place was not carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// No trigger of that name ever had a subscription here.
    #[error("there is no trigger {name}, and none of that name has left anything behind")]
    Unknown {
        /// The name asked for.
        name: ResourceName,
    },
    /// It is not in the configuration, so that nothing would deliver what is asked for.
    #[error("the trigger {name} is not running here: put it back into the configuration first")]
    NotRunning {
        /// The trigger.
        name: ResourceName,
    },
    /// There is no such event yet.
    #[error("there is no event {asked} yet; the last one is {last}")]
    BeyondEnd {
        /// The sequence asked for.
        asked: u64,
        /// The last one that is stored.
        last: u64,
    },
    /// Deliveries in flight have not ended in time; the place is as it was.
    #[error(
        "{in_flight} deliveries are still in flight; the trigger stays where it is: try again when they have ended"
    )]
    InFlight {
        /// How many.
        in_flight: usize,
    },
    /// It runs here.
    #[error("the trigger {name} is running: take it out of the configuration first")]
    Running {
        /// The trigger.
        name: ResourceName,
    },
    /// The end of a range lies before its beginning, or nothing is kept between them.
    #[error("there is no event between the two places: the first is {from}, the last is {until}")]
    Empty {
        /// The first sequence asked for.
        from: u64,
        /// The last one.
        until: u64,
    },
    /// As many replays and redrives run as may.
    #[error(
        "{running} replays and redrives are running, which is the most there may be; wait for one or cancel one"
    )]
    TooMany {
        /// How many.
        running: usize,
    },
    /// The events could not be looked through.
    #[error("the events could not be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// The change could not be stored.
    #[error("the change could not be stored: {0}")]
    Storage(#[from] AppendError),
}

/// A place that was moved, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The first sequence that it had not accounted for.
    pub from: u64,
    /// The first sequence that it gets now.
    pub to: u64,
    /// Events that it would still have got and does not get now.
    pub skipped: u64,
}

impl Embedded {
    /// Lets a subscription hand out nothing until it is resumed, attached or not. Takes the place of the pause before.
    ///
    /// # Errors
    /// [`PositionError`] when there is no such subscription or the pause could not be stored.
    pub async fn pause(&self, name: &ResourceName, pause: Pause) -> Result<(), PositionError> {
        let sub = self.known(name)?;
        Ok(self.shared.set_pause(&sub, Some(pause)).await?)
    }

    /// Lets a subscription go on where it is. Says whether it was paused.
    ///
    /// # Errors
    /// [`PositionError`] when there is no such subscription or its end of pause could not be stored.
    pub async fn resume(&self, name: &ResourceName) -> Result<bool, PositionError> {
        let sub = self.known(name)?;
        if sub.paused().is_none() {
            return Ok(false);
        }
        self.shared.set_pause(&sub, None).await?;
        Ok(true)
    }

    /// Moves a subscription's place: it gets everything from there on that matches, whether it had it before or not,
    /// and nothing else. Waits for what is in flight and hands out nothing meanwhile. What waits for a retry waits no
    /// more: it comes again if it lies behind the place, and is counted as skipped with everything else that it had
    /// yet to get before the place. Dead letters stay.
    ///
    /// # Errors
    /// [`PositionError`] when there is no such subscription or place, what is in flight does not end in time, or it
    /// could not be stored. Then it goes on where it was.
    pub async fn seek(&self, name: &ResourceName, to: Start) -> Result<Sought, PositionError> {
        let sub = self.known(name)?;
        let held = sub.hold();
        // What was said of the old place is in the journal before the new one.
        drop(self.shared.progress.lock());
        let settled = self.shared.wait_for(|| (sub.claimed() == 0).then_some(()));
        match tokio::time::timeout(SEEK_WAIT_MAX, settled).await {
            Ok(Some(())) => {}
            Ok(None) => return Err(AppendError::Closed.into()),
            Err(_) => {
                let in_flight = sub.claimed();
                return Err(PositionError::InFlight { in_flight });
            }
        }
        let after = self.shared.before(sub.stream, to).await?;
        let cursor = sub.status(0).cursor;
        let (shared, counted) = (Arc::clone(&self.shared), Arc::clone(&sub));
        let skipped = tokio::task::spawn_blocking(move || shared.count_open(&counted, after));
        let skipped = skipped.await.map_err(|error| unreadable(&error))??;
        let record = SoughtRecord {
            id: sub.id,
            after,
            skipped,
        };
        self.shared.change(&StateRecord::Sought(record)).await?;
        drop(held);
        Ok(Sought::new(cursor, after, skipped))
    }

    /// Where a seek would go from and to.
    ///
    /// # Errors
    /// As [`Embedded::seek`].
    pub async fn plan_seek(&self, name: &ResourceName, to: Start) -> Result<Sought, PositionError> {
        let sub = self.known(name)?;
        let after = self.shared.before(sub.stream, to).await?;
        Ok(Sought::new(sub.status(0).cursor, after, 0))
    }

    /// Removes a subscription that nobody is attached to: its place, retries and counts, and what runs beside it.
    /// Dead letters stay.
    ///
    /// # Errors
    /// [`PositionError`] when there is none, it is attached, or it could not be stored.
    pub async fn forget(&self, name: &ResourceName) -> Result<SubscriptionStatus, PositionError> {
        let _creation = self.shared.creation.lock().await;
        let sub = self.known(name)?;
        if sub.attached.swap(true, Ordering::AcqRel) {
            return Err(PositionError::Running { name: name.clone() });
        }
        let status = sub.status(self.shared.last(sub.stream));
        let beside = self
            .shared
            .sides()
            .into_iter()
            .filter(|side| side.trigger().id == sub.id);
        let ids = beside.map(|side| side.id).chain([sub.id]).collect();
        let forgotten = StateRecord::Forgotten(ForgottenRecord { ids });
        let stored = self.shared.change(&forgotten).await;
        if stored.is_err() {
            sub.attached.store(false, Ordering::Release);
        }
        stored?;
        Ok(status)
    }

    pub(super) fn known(&self, name: &ResourceName) -> Result<Arc<Sub>, PositionError> {
        let found = self.shared.subscription_named(name);
        found.ok_or_else(|| PositionError::Unknown { name: name.clone() })
    }
}

impl Sought {
    fn new(cursor: u64, after: u64, skipped: u64) -> Self {
        Self {
            from: cursor + 1,
            to: after + 1,
            skipped,
        }
    }

    /// Events of the stream between the two places.
    #[must_use]
    pub fn between(&self) -> u64 {
        self.from.abs_diff(self.to)
    }
}

impl Shared {
    /// What a subscription has yet to get up to a sequence: what waits for a retry, and what matches and is not
    /// accounted for.
    fn count_open(self: &Arc<Self>, sub: &Sub, until: u64) -> Result<u64, PositionError> {
        let retries = self.look(|view| view.retries_in(sub.id, 0, until));
        let mut open = retries.map_err(|error| unreadable(&error))?.len() as u64;
        let filters = sub.filters();
        for (first, last) in sub.open_until(until) {
            open += self.count(sub.stream, first, last, &filters)?;
        }
        Ok(open)
    }

    /// Records a pause or its end and waits until it is in force.
    pub(crate) async fn set_pause(&self, sub: &Arc<Sub>, pause: Option<Pause>) -> Result<(), AppendError> {
        let record = PausedRecord { id: sub.id, pause };
        self.change(&StateRecord::Paused(record)).await
    }

    /// Stores a record of the state stream and waits until it is applied.
    pub(super) async fn change(&self, record: &StateRecord) -> Result<(), AppendError> {
        if let Some(reason) = self.halted() {
            return Err(AppendError::Failed { reason });
        }
        let stored = self
            .submit(Purpose::Upkeep, [record.entry()], ())
            .durable()
            .await?;
        let sequence = stored.sequences.first().copied().unwrap_or_default();
        let applied = self.wait_for(|| (self.applied() >= sequence).then_some(())).await;
        applied.ok_or(AppendError::Closed)
    }
}
