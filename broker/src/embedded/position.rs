//! Commands on a subscription's place: pause and resume.
//!
//! What must hold: a command is a record, and what it changed is to be seen when it answers `Ok`.

use std::sync::Arc;

use journal::Purpose;
use schemas::names::ResourceName;

use super::Embedded;
use super::records::{PausedRecord, StateRecord};
use super::shared::Shared;
use super::subscription::Sub;
use crate::{AppendError, Pause};

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

    pub(super) fn known(&self, name: &ResourceName) -> Result<Arc<Sub>, PositionError> {
        let found = self.shared.subscription_named(name);
        found.ok_or_else(|| PositionError::Unknown { name: name.clone() })
    }
}

impl Shared {
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
