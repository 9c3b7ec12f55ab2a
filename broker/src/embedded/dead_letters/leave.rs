//! Letters leave the store: purged, or redriven to their trigger.
//!
//! A redriven letter leaves in the frame that copies its event into the redrive, so that it is in one of the two at every
//! moment; when it fails again it is a new letter.
//!
//! What has left is a record, and the letter's copy is needed no more. A letter that came for the same cause meanwhile is
//! another and stays.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use journal::Purpose;

use super::{DeadLetterFilter, Found, ReadError};
use crate::embedded::Embedded;
use crate::embedded::door::Arrival;
use crate::embedded::position::PositionError;
use crate::embedded::records::{Leave, LetterGone, LettersGoneRecord, StateRecord};
use crate::embedded::side::Redriven;
use crate::embedded::view::IndexedLetter;
use crate::limits::{HOPS_MAX, LETTERS_LEAVING_MAX, LETTERS_REDRIVEN_BYTES_MAX};
use crate::{AppendError, DeadLetterReason, SchemaGate, SideId, Timestamp, Verdict};

/// What a purge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Letters that left, or would leave.
    pub letters: u64,
}

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redrove {
    /// Letters that left the store to be delivered once more.
    pub letters: u64,
    /// Letters that stay: they cannot be read, are replies that ran out of passes, which no subscriber was to get, or their
    /// data still does not fit a schema.
    pub stayed: u64,
    /// The redrives that deliver them.
    pub redrives: Vec<SideId>,
}

/// Letters could not be made to leave. Those that were counted before have left.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A trigger cannot take them back.
    #[error(transparent)]
    Trigger(#[from] PositionError),
    /// It could not be recorded.
    #[error("the dead letters stay: {0}")]
    Store(#[from] AppendError),
}

/// Letters of one trigger that are ready to be redriven.
#[derive(Default)]
struct Loaded {
    events: Vec<Redriven>,
    gone: Vec<LetterGone>,
    stayed: u64,
}

impl Embedded {
    /// How many letters a filter selects. Goes through the index: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, ReadError> {
        let mut count = 0;
        self.each_letter(filter, |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// Removes the letters that a filter selects from the store, for good. Those that come meanwhile stay.
    ///
    /// # Errors
    /// [`LettersError`]; a part may have left by then.
    pub async fn purge(&self, filter: &DeadLetterFilter) -> Result<Purged, LettersError> {
        let filter = self.up_to_now(filter);
        let mut purged = Purged::default();
        loop {
            let some = self.some_letters(&filter, None).await?;
            if some.is_empty() {
                return Ok(purged);
            }
            let letters: Vec<_> = some.iter().map(Found::gone).collect();
            purged.letters += letters.len() as u64;
            let record = LettersGoneRecord {
                how: Leave::Purged,
                letters,
            };
            self.leave(record).await?;
        }
    }

    /// How many letters a redrive would take up, if it may.
    ///
    /// # Errors
    /// As [`Embedded::redrive_dead_letters`] before anything is done.
    pub async fn count_redrivable(&self, filter: &DeadLetterFilter) -> Result<u64, LettersError> {
        self.check_triggers(filter).await?;
        let (engine, filter) = (self.clone(), filter.clone());
        let counted = tokio::task::spawn_blocking(move || engine.count_dead_letters(&filter)).await;
        Ok(counted.map_err(|_| AppendError::Closed)??)
    }

    /// Delivers the letters that a filter selects to their triggers once more, at most `rate` a second each. Those that a
    /// schema kept go into their broker, one by one, if `doors` let them in now. Those that come meanwhile stay.
    ///
    /// # Errors
    /// [`LettersError`], before anything is done when a trigger of theirs is not running; a part may have left at any
    /// other error.
    pub async fn redrive_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        rate: Option<u32>,
        doors: &SchemaGate,
    ) -> Result<Redrove, LettersError> {
        let filter = self.up_to_now(filter);
        self.check_triggers(&filter).await?;
        let mut redrove = Redrove::default();
        let mut after = None;
        loop {
            let some = self.some_letters(&filter, after).await?;
            let Some(last) = some.last() else {
                return Ok(redrove);
            };
            after = Some(last.letter);
            let at_doors = |found: &Found| found.letter.reason == DeadLetterReason::Schema;
            let (kept, undelivered): (Vec<_>, Vec<_>) = some.into_iter().partition(at_doors);
            for found in &kept {
                match self.let_in(found, doors).await? {
                    true => redrove.letters += 1,
                    false => redrove.stayed += 1,
                }
            }
            for of_one in undelivered.chunk_by(|a, b| a.trigger == b.trigger) {
                self.redrive_some(of_one.to_vec(), rate, &mut redrove).await?;
            }
            if !filter.ids.is_empty() {
                return Ok(redrove);
            }
        }
    }

    /// Refuses letters of a trigger that nothing delivers for.
    async fn check_triggers(&self, filter: &DeadLetterFilter) -> Result<(), LettersError> {
        let (engine, filter) = (self.clone(), filter.clone());
        let groups = tokio::task::spawn_blocking(move || engine.dead_letter_groups(&filter)).await;
        let groups = groups.map_err(|_| AppendError::Closed)??;
        let undelivered = groups
            .into_iter()
            .filter(|group| group.reason != DeadLetterReason::Schema);
        for trigger in undelivered.filter_map(|group| group.trigger) {
            self.running(&trigger)?;
        }
        Ok(())
    }

    /// Stores the event of a letter that a schema kept, in the frame in which the letter leaves; false when it stays,
    /// since it cannot be read or may not come in.
    async fn let_in(&self, found: &Found, doors: &SchemaGate) -> Result<bool, LettersError> {
        let (engine, copy) = (self.clone(), found.letter.copy);
        let loaded = tokio::task::spawn_blocking(move || engine.load(copy)).await;
        let Ok((meta, event)) = loaded.map_err(|_| AppendError::Closed)? else {
            return Ok(false);
        };
        let Some(broker) = self.shared.streams.by_name(&meta.broker) else {
            return Ok(false);
        };
        if doors.check(&meta.broker, &event) != Verdict::Fits {
            return Ok(false);
        }
        let left = meta.hops.unwrap_or(HOPS_MAX);
        let gone = LettersGoneRecord {
            how: Leave::Redriven,
            letters: vec![found.gone()],
        };
        let arrival = Arrival {
            broker,
            events: vec![event],
            quarantined: Vec::new(),
            // A reply has a pass less than what it answers.
            hops: match meta.trigger {
                Some(_) => left.saturating_sub(1).max(1),
                None => left,
            },
            purpose: Purpose::Ingest,
            with: vec![StateRecord::LettersGone(gone).entry()],
            permit: None,
        };
        match self.shared.take_in(arrival).await {
            Ok(_) => {}
            Err(AppendError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let IndexedLetter {
            subscription, cause, ..
        } = found.letter;
        let is_gone = || match self.shared.view().dead_letter(subscription, cause) {
            Ok(Some(letter)) if letter.copy == copy => None,
            _ => Some(()),
        };
        self.shared.wait_for(is_gone).await.ok_or(AppendError::Closed)?;
        Ok(true)
    }

    /// Redrives letters of one trigger, as many at a time as fit a frame.
    async fn redrive_some(
        &self,
        letters: Vec<Found>,
        rate: Option<u32>,
        redrove: &mut Redrove,
    ) -> Result<(), LettersError> {
        let mut letters = VecDeque::from(letters);
        while let Some(trigger) = letters.front().and_then(|found| found.trigger.clone()) {
            let engine = self.clone();
            let load = move || (engine.take_loaded(&mut letters), letters);
            let loaded = tokio::task::spawn_blocking(load).await;
            let (taken, rest) = loaded.map_err(|_| AppendError::Closed)?;
            letters = rest;
            redrove.stayed += taken.stayed;
            if taken.events.is_empty() {
                continue;
            }
            redrove.letters += taken.events.len() as u64;
            let record = StateRecord::LettersGone(LettersGoneRecord {
                how: Leave::Redriven,
                letters: taken.gone,
            });
            let info = self
                .redrive(&trigger, &taken.events, rate, [record.entry()])
                .await?;
            if !redrove.redrives.contains(&info.id) {
                redrove.redrives.push(info.id);
            }
        }
        Ok(())
    }

    /// Loads letters from the front, about a frame of them.
    fn take_loaded(&self, letters: &mut VecDeque<Found>) -> Loaded {
        let mut loaded = Loaded::default();
        let mut bytes = 0;
        while bytes < LETTERS_REDRIVEN_BYTES_MAX
            && let Some(found) = letters.pop_front()
        {
            match self.load(found.letter.copy) {
                Ok((meta, event)) if meta.reason != DeadLetterReason::Loop => {
                    bytes += event.size();
                    loaded.gone.push(found.gone());
                    let hops = meta.hops.unwrap_or(HOPS_MAX);
                    loaded.events.push(Redriven { event, hops });
                }
                _ => loaded.stayed += 1,
            }
        }
        loaded
    }

    /// The filter, but for letters that are yet to come.
    fn up_to_now(&self, filter: &DeadLetterFilter) -> DeadLetterFilter {
        let end = Timestamp(self.shared.clock.now().0.saturating_add(1));
        DeadLetterFilter {
            until: Some(filter.until.map_or(end, |until| until.min(end))),
            ..filter.clone()
        }
    }

    /// Some of the letters that are selected, from behind one on; none when there are none.
    async fn some_letters(
        &self,
        filter: &DeadLetterFilter,
        after: Option<IndexedLetter>,
    ) -> Result<Vec<Found>, LettersError> {
        let (engine, filter) = (self.clone(), filter.clone());
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            engine.each_letter_after(&filter, after.as_ref(), |letter| {
                found.push(letter);
                match found.len() < LETTERS_LEAVING_MAX || !filter.ids.is_empty() {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            Ok(found)
        });
        found
            .await
            .unwrap_or(Err(LettersError::Store(AppendError::Closed)))
    }

    /// Records it, and waits until nobody finds them any more.
    async fn leave(&self, record: LettersGoneRecord) -> Result<(), AppendError> {
        let entry = StateRecord::LettersGone(record).entry();
        let committed = self.shared.submit(Purpose::Upkeep, [entry], ()).durable().await?;
        let last = committed.sequences.last().copied().unwrap_or_default();
        let is_applied = || (self.shared.applied() >= last).then_some(());
        self.shared.wait_for(is_applied).await.ok_or(AppendError::Closed)
    }
}

impl Found {
    fn gone(&self) -> LetterGone {
        LetterGone {
            subscription: self.letter.subscription,
            cause: self.letter.cause,
            copy: self.letter.copy,
        }
    }
}
