//! Keys of ordered subscriptions that are held up by their first event: listed, and let go by command.

use std::sync::Arc;

use journal::StreamId;
use schemas::names::ResourceName;
use serde::Serialize;

use super::Embedded;
use super::attach;
use super::key::{self, Key};
use super::pump::decode;
use super::records::{ReleasedRecord, StateRecord};
use super::subscription::Sub;
use super::view::{Due, Hold, ViewError};
use crate::clock::Timestamp;
use crate::limits::{KEYS_BEHIND_COUNT_MAX, KEYS_SCANNED_MAX};
use crate::{AppendError, DeadLetter, DeadLetterReason, Failure, Settlement};

/// A key of an ordered subscription whose first event waits, and with it all after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldKey {
    /// The extension `partitionkey` of the first event; `None` for the events that carry none, or when the event
    /// cannot be read.
    pub key: Option<String>,
    /// What it waits for.
    pub state: HeldState,
    /// The first event's sequence in the broker's stream.
    pub sequence: u64,
    /// The first event's attribute `id`; `None` when it cannot be read.
    pub event_id: Option<String>,
    /// Since when it is parked or blocked.
    pub since: Option<Timestamp>,
    /// When it is tried next; `None` when it is parked.
    pub next_attempt: Option<Timestamp>,
    /// Attempts made so far.
    pub attempts: u32,
    /// The last failure.
    pub failure: Option<Failure>,
    /// Events behind it; counted up to [`KEYS_BEHIND_COUNT_MAX`].
    pub behind: u64,
}

/// What holds a key up. In the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldState {
    /// Its first event had its last attempt and waits for a person.
    Parked,
    /// Its first event had its last attempt and is tried on.
    Blocked,
    /// Its first event waits for its next attempt.
    Retrying,
}

/// What became of the event that held a key up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// Its sequence in the broker's stream.
    pub sequence: u64,
    /// Whether it went to the dead-letter store; it is tried afresh otherwise.
    pub skipped: bool,
}

/// Why keys could not be listed or let go. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No trigger of that name ever had a subscription here.
    #[error("there is no trigger {name}, and none of that name has left anything behind")]
    Unknown {
        /// The name asked for.
        name: ResourceName,
    },
    /// Nothing holds the key up.
    #[error("trigger {name} holds up no event of {}", told(key.as_deref()))]
    NotHeld {
        /// The trigger.
        name: ResourceName,
        /// The key asked for.
        key: Option<String>,
    },
    /// The event that holds the key up is being delivered at this moment.
    #[error("the first event of {} is being tried right now; ask again when that has ended", told(key.as_deref()))]
    BeingTried {
        /// The key asked for.
        key: Option<String>,
    },
    /// The change could not be stored.
    #[error("the change could not be stored: {0}")]
    Storage(#[from] AppendError),
    /// What is known of the keys cannot be read.
    #[error("{reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Embedded {
    /// The keys of a subscription that are held up, at most `limit`: the parked first, then the blocked, then those
    /// that wait for a retry, each by their time. Of very many only those with the nearest times are looked at.
    ///
    /// # Errors
    /// [`KeyError`] when there is no such subscription or the view cannot be read.
    pub fn held_keys(&self, name: &ResourceName, limit: usize) -> Result<Vec<HeldKey>, KeyError> {
        let sub = self.sub(name)?;
        let view = self.shared.view();
        let mut held = Vec::new();
        for due in view.parked(sub.id).take(limit) {
            held.extend(self.held_key(&sub, due?)?);
        }
        let mut trying = Vec::new();
        for due in view.due(sub.id, Timestamp(0)).take(KEYS_SCANNED_MAX) {
            let due = due?;
            if due.is_parked() {
                break;
            }
            if let Some(key) = due.key
                && let Some((sequence, hold)) = view.first_of(sub.id, key)?
                && sequence == due.sequence
                && hold != Hold::Behind
            {
                trying.push((hold != Hold::Blocked, due));
            }
        }
        trying.sort_by_key(|(is_retry, due)| (*is_retry, due.at, due.sequence));
        for (_, due) in trying.into_iter().take(limit.saturating_sub(held.len())) {
            held.extend(self.held_key(&sub, due)?);
        }
        Ok(held)
    }

    /// Lets a key go on: its first event is tried afresh at once, or goes to the dead-letter store when it is to be
    /// skipped. `key` is the extension `partitionkey`; `None` or an empty one for events without it.
    ///
    /// # Errors
    /// [`KeyError`] when nothing of that key is held up, or the change could not be stored.
    pub async fn release(
        &self,
        name: &ResourceName,
        key: Option<&str>,
        skip: bool,
    ) -> Result<Released, KeyError> {
        let sub = self.sub(name)?;
        let hash = Key::named(key);
        let text = || key.filter(|key| !key.is_empty()).map(str::to_owned);
        let not_held = || KeyError::NotHeld {
            name: name.clone(),
            key: text(),
        };
        let (sequence, hold) = self.shared.view().first_of(sub.id, hash)?.ok_or_else(not_held)?;
        if hold == Hold::Behind {
            return Err(not_held());
        }
        if !sub.claim_waiting(sequence, hash) {
            return Err(KeyError::BeingTried { key: text() });
        }
        let claim = attach::claim_waiting(&self.shared, &sub, sequence).await;
        let Some(claim) = claim else {
            return Err(not_held());
        };
        if skip {
            let letter = DeadLetter {
                reason: DeadLetterReason::Skipped,
                event: claim.event().clone(),
                failure: claim.progress().failure.clone(),
                attempts: claim
                    .progress()
                    .attempts
                    .max(claim.progress().subscriber_attempts),
            };
            let settled = claim.settle(Settlement::DeadLettered(letter)).await;
            settled.map_err(|unsettled| unsettled.error)?;
            self.applied_without(&sub, sequence).await?;
        } else {
            let record = ReleasedRecord {
                id: sub.id,
                sequence,
                key: hash,
                at: self.shared.clock.now(),
            };
            // Held until the record is applied, so that it is not tried with its old progress meanwhile.
            self.shared.change(&StateRecord::Released(record)).await?;
            drop(claim);
        }
        Ok(Released {
            sequence,
            skipped: skip,
        })
    }

    fn sub(&self, name: &ResourceName) -> Result<Arc<Sub>, KeyError> {
        let found = self.shared.subscription_named(name);
        found.ok_or_else(|| KeyError::Unknown { name: name.clone() })
    }

    async fn applied_without(&self, sub: &Sub, sequence: u64) -> Result<(), KeyError> {
        let is_gone = || matches!(self.shared.view().retry(sub.id, sequence), Ok(None)).then_some(());
        let gone = self.shared.wait_for(is_gone).await;
        Ok(gone.ok_or(AppendError::Closed)?)
    }

    /// `None` when it has been settled meanwhile.
    fn held_key(&self, sub: &Sub, due: Due) -> Result<Option<HeldKey>, KeyError> {
        let view = self.shared.view();
        let (Some(key), Some(retry)) = (due.key, view.retry(sub.id, due.sequence)?) else {
            return Ok(None);
        };
        let record = self.shared.journal.get(StreamId(sub.broker.events), due.sequence);
        let stored = record
            .ok()
            .flatten()
            .and_then(|record| decode(&self.shared, record));
        let of_key = view.of_key(sub.id, key, KEYS_BEHIND_COUNT_MAX + 1)?;
        let state = match retry.hold {
            Hold::Parked => HeldState::Parked,
            Hold::Blocked => HeldState::Blocked,
            Hold::Retry | Hold::Behind => HeldState::Retrying,
        };
        Ok(Some(HeldKey {
            key: stored
                .as_ref()
                .and_then(|stored| key::text_of(&stored.event))
                .map(str::to_owned),
            state,
            sequence: due.sequence,
            event_id: stored.map(|stored| stored.event.id().to_owned()),
            since: retry.since,
            next_attempt: (state != HeldState::Parked).then_some(retry.at),
            attempts: retry.progress.attempts,
            failure: retry.progress.failure,
            behind: of_key.len().saturating_sub(1) as u64,
        }))
    }
}

impl From<ViewError> for KeyError {
    fn from(error: ViewError) -> Self {
        Self::Unreadable {
            reason: error.to_string(),
        }
    }
}

fn told(key: Option<&str>) -> String {
    match key {
        Some(key) => format!("the key \"{key}\""),
        None => "those without a key".to_owned(),
    }
}
