//! What waits, for its time or behind its key: by event (`r`), by time (`d`), by key (`k`), and how many (`c`).
//!
//! ```text
//! r subscription, sequence       -> Retry as JSON
//! d subscription, at, sequence   -> key (16), if it has one; at the end of time when it is parked
//! k subscription, key, sequence  -> hold u8
//! c subscription                 -> how many of each hold, and how many with a key, each u64
//! ```
//!
//! What must hold:
//! - `d`, `k` and `c` follow from `r` at every moment, since they change in one batch. The counts are in memory as
//!   well, so that a settlement of a subscription where nothing waits costs no look-up, and a start walks nothing.
//! - Of a key only the first may be handed out. What waits behind it has no `d` entry and gets one, due at once, in
//!   the batch that takes the one before it away.

mod walk;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::keys::{be_u64, key as numbered, number};
use super::{Batch, View, ViewError};
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::records::{Fate, Held, to_json};
use crate::{Progress, SubscriptionId};

/// The time of what waits for a person and not for a time.
pub(super) const NEVER: Timestamp = Timestamp(u64::MAX);
/// The time of what is due as soon as nothing is before it.
const AT_ONCE: Timestamp = Timestamp(0);

/// Events that are looked up at once to be removed.
const REMOVED_AT_ONCE: usize = 1024;

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retry {
    /// Not before this time.
    pub(crate) at: Timestamp,
    pub(crate) progress: Progress,
    /// The key that it belongs to, in an ordered subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Key>,
    #[serde(default)]
    pub(crate) hold: Hold,
    /// Since when it is blocked or parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
}

/// What an event waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hold {
    /// The time of its next attempt.
    #[default]
    Retry,
    /// Those before it of its key.
    Behind,
    /// The time of its next attempt, of which there is no last one.
    Blocked,
    /// A person.
    Parked,
}

/// An entry of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) sequence: u64,
    pub(crate) key: Option<Key>,
}

/// How many wait for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) retry: u64,
    pub(crate) behind: u64,
    pub(crate) blocked: u64,
    pub(crate) parked: u64,
    /// Of all of them: those that belong to a key.
    pub(crate) keyed: u64,
}

// === impl Retry ===

impl Retry {
    /// What an event with this fate waits for; none when it is settled.
    pub(crate) fn of(fate: &Fate) -> Option<Self> {
        let (key, (hold, at, since, progress)) = match fate {
            Fate::Settled(_) | Fate::Unreadable | Fate::Expired => return None,
            Fate::Retry { at, progress } => (None, (Hold::Retry, *at, None, Some(progress))),
            Fate::Held { key, held } => (
                Some(*key),
                match held {
                    Held::Behind => (Hold::Behind, AT_ONCE, None, None),
                    Held::Retry { at, progress } => (Hold::Retry, *at, None, Some(progress)),
                    Held::Blocked { at, since, progress } => {
                        (Hold::Blocked, *at, Some(*since), Some(progress))
                    }
                    Held::Parked { since, progress } => (Hold::Parked, NEVER, Some(*since), Some(progress)),
                },
            ),
        };
        Some(Self {
            at,
            progress: progress.map(|progress| (**progress).clone()).unwrap_or_default(),
            key,
            hold,
            since,
        })
    }

    /// To be tried afresh.
    pub(crate) fn afresh(key: Key, at: Timestamp) -> Self {
        Self {
            at,
            progress: Progress::default(),
            key: Some(key),
            hold: Hold::Retry,
            since: None,
        }
    }

    /// When it is due; none while it is behind others.
    fn scheduled(&self) -> Option<Timestamp> {
        match self.hold {
            Hold::Retry | Hold::Blocked => Some(self.at),
            Hold::Parked => Some(NEVER),
            Hold::Behind => None,
        }
    }
}

// === impl Due ===

impl Due {
    /// Whether it waits for a person; so does all that comes after it in the schedule.
    pub(crate) fn is_parked(&self) -> bool {
        self.at == NEVER
    }
}

// === impl Hold ===

impl Hold {
    const fn tag(self) -> u8 {
        match self {
            Self::Retry => 0,
            Self::Behind => 1,
            Self::Blocked => 2,
            Self::Parked => 3,
        }
    }

    const fn from_tag(tag: u8) -> Self {
        match tag {
            1 => Self::Behind,
            2 => Self::Blocked,
            3 => Self::Parked,
            _ => Self::Retry,
        }
    }
}

// === impl Waiting ===

impl Waiting {
    /// How many in all.
    pub(crate) fn total(&self) -> u64 {
        self.retry + self.behind + self.blocked + self.parked
    }

    fn add(&mut self, retry: &Retry) {
        *self.of(retry.hold) += 1;
        self.keyed += u64::from(retry.key.is_some());
    }

    fn remove(&mut self, retry: &Retry) {
        let count = self.of(retry.hold);
        *count = count.saturating_sub(1);
        self.keyed = self.keyed.saturating_sub(u64::from(retry.key.is_some()));
    }

    fn of(&mut self, hold: Hold) -> &mut u64 {
        match hold {
            Hold::Retry => &mut self.retry,
            Hold::Behind => &mut self.behind,
            Hold::Blocked => &mut self.blocked,
            Hold::Parked => &mut self.parked,
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        let counts = [self.retry, self.behind, self.blocked, self.parked, self.keyed];
        counts.iter().flat_map(|count| count.to_be_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let count = |index: usize| bytes.get(index * 8..index * 8 + 8).and_then(be_u64);
        Some(Self {
            retry: count(0)?,
            behind: count(1)?,
            blocked: count(2)?,
            parked: count(3)?,
            keyed: count(4)?,
        })
    }
}

// === impl View ===

impl View {
    /// Lets an event wait, in place of what it waited for before.
    pub(crate) fn put_retry(
        &self,
        id: SubscriptionId,
        sequence: u64,
        retry: &Retry,
    ) -> Result<(), ViewError> {
        if self.has_ended(id)? {
            // What was in somebody's hands at the end.
            return Ok(());
        }
        let mut batch = Batch::default();
        let before = self.retry(id, sequence)?;
        if let Some(before) = &before {
            self.take_out(&mut batch, id, sequence, before, retry.key)?;
        }
        let mut at = retry.scheduled();
        if let Some(key) = retry.key {
            match self.first_but(id, key, sequence)? {
                // It comes before what was the first until now.
                Some((first, Hold::Behind)) if first > sequence => {
                    batch.remove(numbered(b'd', &[id.0, AT_ONCE.0, first]));
                    at = at.or(Some(AT_ONCE));
                }
                Some((first, _)) if first < sequence => {}
                _ => at = at.or(Some(AT_ONCE)),
            }
        }
        schedule(&mut batch, id, sequence, retry, at);
        batch.put(numbered(b'r', &[id.0, sequence]), to_json(retry));
        self.write_counted(id, batch, |waiting| {
            if let Some(before) = &before {
                waiting.remove(before);
            }
            waiting.add(retry);
        })
    }

    /// Lets an event wait no more, if it does, and the next of its key be due.
    pub(crate) fn remove_retry(&self, id: SubscriptionId, sequence: u64) -> Result<(), ViewError> {
        if self.waiting(id).total() == 0 {
            return Ok(());
        }
        let Some(before) = self.retry(id, sequence)? else {
            return Ok(());
        };
        let mut batch = Batch::default();
        self.take_out(&mut batch, id, sequence, &before, None)?;
        batch.remove(numbered(b'r', &[id.0, sequence]));
        self.write_counted(id, batch, |waiting| waiting.remove(&before))
    }

    /// Lets no event of a subscription wait any more.
    pub(crate) fn remove_retries(&self, id: SubscriptionId) -> Result<(), ViewError> {
        while self.waiting(id).total() > 0 {
            let page = self.first(&numbered(b'r', &[id.0]), REMOVED_AT_ONCE)?;
            if page.is_empty() {
                break;
            }
            for sequence in page.iter().filter_map(|(key, _)| number(key, 1)) {
                self.remove_retry(id, sequence)?;
            }
        }
        Ok(())
    }

    /// A subscription is no more: nothing of it waits, and nothing will.
    pub(crate) fn end(&self, id: SubscriptionId) -> Result<(), ViewError> {
        self.remove_retries(id)?;
        let mut batch = Batch::default();
        batch.put(numbered(b'p', &[id.0]), []);
        self.write(batch)
    }

    fn has_ended(&self, id: SubscriptionId) -> Result<bool, ViewError> {
        Ok(self.get(&numbered(b'p', &[id.0]))?.is_some())
    }

    /// Takes an event off the schedule, and out of its key unless it stays in it.
    fn take_out(
        &self,
        batch: &mut Batch,
        id: SubscriptionId,
        sequence: u64,
        before: &Retry,
        stays_in: Option<Key>,
    ) -> Result<(), ViewError> {
        let at = before.scheduled().unwrap_or(AT_ONCE);
        batch.remove(numbered(b'd', &[id.0, at.0, sequence]));
        if let Some(key) = before.key.filter(|key| stays_in != Some(*key)) {
            batch.remove(key_entry(id, key, sequence));
            if let Some((next, Hold::Behind)) = self.first_but(id, key, sequence)? {
                batch.put(numbered(b'd', &[id.0, AT_ONCE.0, next]), key.to_bytes());
            }
        }
        Ok(())
    }

    /// What an event waits for, if it does.
    pub(crate) fn retry(&self, id: SubscriptionId, sequence: u64) -> Result<Option<Retry>, ViewError> {
        let key = numbered(b'r', &[id.0, sequence]);
        let found = self.get(&key)?;
        found.map(|value| self.decode(&key, &value)).transpose()
    }

    /// The first that waits of a key, and for what.
    pub(crate) fn first_of(&self, id: SubscriptionId, key: Key) -> Result<Option<(u64, Hold)>, ViewError> {
        Ok(self.of_key(id, key, 1)?.first().copied())
    }

    /// The first that wait of a key, at most this many, in order.
    pub(crate) fn of_key(
        &self,
        id: SubscriptionId,
        key: Key,
        count_max: usize,
    ) -> Result<Vec<(u64, Hold)>, ViewError> {
        let found = self.first(&key_prefix(id, key), count_max)?;
        let entry = |(key, hold): (Vec<u8>, Vec<u8>)| {
            let sequence = be_u64(key.get(25..33)?)?;
            Some((sequence, Hold::from_tag(*hold.first()?)))
        };
        Ok(found.into_iter().filter_map(entry).collect())
    }

    fn first_but(
        &self,
        id: SubscriptionId,
        key: Key,
        sequence: u64,
    ) -> Result<Option<(u64, Hold)>, ViewError> {
        let first = self.of_key(id, key, 2)?;
        Ok(first.into_iter().find(|(other, _)| *other != sequence))
    }

    /// What has a time, in the order of time, from one on.
    pub(crate) fn due(
        &self,
        id: SubscriptionId,
        from: Timestamp,
    ) -> impl Iterator<Item = Result<Due, ViewError>> + '_ {
        let before = from.0.checked_sub(1);
        let after = before.map(|before| numbered(b'd', &[id.0, before, u64::MAX]));
        let found = self.scan_after(&numbered(b'd', &[id.0]), after.as_deref());
        found.filter_map(|found| {
            let due = |(at, key): (Vec<u8>, Vec<u8>)| {
                Some(Due {
                    at: Timestamp(number(&at, 1)?),
                    sequence: number(&at, 2)?,
                    key: key.as_slice().try_into().ok().map(Key::from_bytes),
                })
            };
            found.map(due).transpose()
        })
    }

    /// What is parked, by sequence.
    pub(crate) fn parked(&self, id: SubscriptionId) -> impl Iterator<Item = Result<Due, ViewError>> + '_ {
        self.due(id, NEVER)
    }

    /// How many wait, and for what.
    pub(crate) fn waiting(&self, id: SubscriptionId) -> Waiting {
        self.waiting.lock().get(&id).copied().unwrap_or_default()
    }

    /// Reads the counts of a view that was opened.
    pub(super) fn load_counts(&self) -> Result<(), ViewError> {
        for found in self.scan(b"c") {
            let (key, value) = found?;
            if let (Some(id), Some(waiting)) = (number(&key, 0), Waiting::from_bytes(&value)) {
                self.waiting.lock().insert(SubscriptionId(id), waiting);
            }
        }
        Ok(())
    }

    /// Adds to a batch what follows from an event that waits and is loaded into a view where it is not yet. They are
    /// loaded in the order of their sequences; `firsts` has the keys whose first is in this batch.
    pub(super) fn derive_retry(
        &self,
        at: &[u8],
        value: &[u8],
        firsts: &mut HashSet<(u64, Key)>,
        batch: &mut Batch,
    ) -> Result<(), ViewError> {
        let retry: Retry = self.decode(at, value)?;
        let (Some(id), Some(sequence)) = (number(at, 0), number(at, 1)) else {
            return Err(self.failed(format!("{} is no key of a retry", at.escape_ascii())));
        };
        let id = SubscriptionId(id);
        let mut due = retry.scheduled();
        if let Some(key) = retry.key
            && firsts.insert((id.0, key))
            && self.first_of(id, key)?.is_none()
        {
            due = due.or(Some(AT_ONCE));
        }
        schedule(batch, id, sequence, &retry, due);
        let mut all = self.waiting.lock();
        let waiting = all.entry(id).or_default();
        waiting.add(&retry);
        batch.put(numbered(b'c', &[id.0]), waiting.to_bytes());
        Ok(())
    }

    fn write_counted(
        &self,
        id: SubscriptionId,
        mut batch: Batch,
        count: impl FnOnce(&mut Waiting),
    ) -> Result<(), ViewError> {
        let mut all = self.waiting.lock();
        let waiting = all.entry(id).or_default();
        let mut counted = *waiting;
        count(&mut counted);
        if counted.total() == 0 {
            batch.remove(numbered(b'c', &[id.0]));
        } else {
            batch.put(numbered(b'c', &[id.0]), counted.to_bytes());
        }
        self.write(batch)?;
        *waiting = counted;
        Ok(())
    }
}

fn schedule(batch: &mut Batch, id: SubscriptionId, sequence: u64, retry: &Retry, at: Option<Timestamp>) {
    let key = retry.key.map(Key::to_bytes);
    if let Some(at) = at {
        let key = key.map(Vec::from).unwrap_or_default();
        batch.put(numbered(b'd', &[id.0, at.0, sequence]), key);
    }
    if let Some(key) = retry.key {
        batch.put(key_entry(id, key, sequence), [retry.hold.tag()]);
    }
}

fn key_prefix(id: SubscriptionId, key: Key) -> Vec<u8> {
    let mut prefix = numbered(b'k', &[id.0]);
    prefix.extend_from_slice(&key.to_bytes());
    prefix
}

fn key_entry(id: SubscriptionId, key: Key, sequence: u64) -> Vec<u8> {
    let mut entry = key_prefix(id, key);
    entry.extend_from_slice(&sequence.to_be_bytes());
    entry
}

#[cfg(test)]
mod tests;
