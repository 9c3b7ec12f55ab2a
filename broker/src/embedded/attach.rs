//! A subscription in a consumer's hands: waiting for events, loading them, taking settlements.

mod judge;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{self, BoxFuture, FutureExt};
use journal::{Entry, Purpose, ReadLimit, StreamId};

use self::judge::Judge;
use super::door::Arrival;
use super::key::Key;
use super::pump::decode;
use super::records::{DeadLetterMeta, Fate, Held, Item, StateRecord, dead_letter_entry};
use super::shared::Shared;
use super::subscription::{Next, Sub};
use super::view::ViewError;
use crate::clock::Timestamp;
use crate::limits::{LAG_READ_BYTES_MAX, LAG_READ_BYTES_MIN, LAG_READ_EVENTS_MAX};
use crate::{
    AppendError, Claim, DeadLetter, Outcome, Pause, Progress, Reply, Settlement, Settler, Stored,
    Subscription, SubscriptionId, SubscriptionStatus,
};

/// The longest wait for a retry before the clock is looked at again: it may have been set.
const CLOCK_RECHECK: Duration = Duration::from_secs(30);
/// The wait after a read error before the disk is asked again.
const READ_ERROR_WAIT: Duration = Duration::from_secs(1);

/// The one consumer of a subscription.
pub(crate) struct Attached {
    place: Arc<Place>,
}

/// What claims hold on to.
struct Place {
    shared: Arc<Shared>,
    sub: Arc<Sub>,
}

/// What is stored in the frame of a settlement.
enum With {
    Nothing,
    Reply(Reply),
    Letter(Entry),
}

/// Gives a claimed retry back if its event is not handed out after all.
struct Unclaimed<'a> {
    sub: &'a Sub,
    sequence: Option<u64>,
}

/// Loads an event that waits and was claimed for a command. `None` when it waits no more or cannot be read.
pub(crate) async fn claim_waiting(shared: &Arc<Shared>, sub: &Arc<Sub>, sequence: u64) -> Option<Claim> {
    let place = Arc::new(Place {
        shared: Arc::clone(shared),
        sub: Arc::clone(sub),
    });
    place.load_retry(sequence).await
}

impl Attached {
    /// `None` when somebody is attached already.
    pub(crate) fn new(shared: Arc<Shared>, sub: Arc<Sub>) -> Option<Self> {
        let was_attached = sub.attached.swap(true, Ordering::AcqRel);
        (!was_attached).then(|| Self {
            place: Arc::new(Place { shared, sub }),
        })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.place.sub.detach();
    }
}

impl Subscription for Attached {
    fn id(&self) -> SubscriptionId {
        self.place.sub.id
    }

    fn next(&self) -> BoxFuture<'_, Option<Claim>> {
        self.place.next().boxed()
    }

    fn status(&self) -> SubscriptionStatus {
        self.place
            .sub
            .status(self.place.shared.last(self.place.sub.stream))
    }

    fn pause(&self, pause: Pause) -> BoxFuture<'_, Result<(), AppendError>> {
        let Place { shared, sub } = &*self.place;
        shared.set_pause(sub.trigger(), Some(pause)).boxed()
    }

    fn paused(&self) -> Option<Pause> {
        self.place.sub.trigger().paused()
    }

    fn idle(&self) -> BoxFuture<'_, ()> {
        async {
            let idle = self
                .place
                .shared
                .wait_for(|| self.status().is_idle().then_some(()))
                .await;
            if idle.is_none() {
                future::pending::<()>().await;
            }
        }
        .boxed()
    }
}

impl Place {
    async fn next(self: &Arc<Self>) -> Option<Claim> {
        loop {
            let woken = self.sub.woken.notified();
            if self.shared.closed.is_cancelled() || self.sub.has_ended() {
                return None;
            }
            if self.shared.halted().is_some() {
                self.shared.closed.cancelled().await;
                return None;
            }
            tokio::select! {
                () = self.shared.room() => {}
                () = self.shared.closed.cancelled() => return None,
            }
            if !self.shared.may_hand_out() {
                self.shared
                    .wait_for(|| self.shared.may_hand_out().then_some(()))
                    .await;
                continue;
            }
            let now = self.shared.clock.now();
            let next = self.shared.look(|view| self.sub.next(now, view));
            for item in self.sub.take_leaving() {
                self.shared.settle_now(item);
            }
            match next {
                Ok(Next::Fresh(stored)) => {
                    let claim = self.claim(stored, Progress::default());
                    if let Some(claim) = self.shared.unless_over_age(&self.sub, claim).await {
                        return Some(claim);
                    }
                }
                Ok(Next::Retry(sequence)) => {
                    if let Some(claim) = self.load_retry(sequence).await
                        && let Some(claim) = self.shared.unless_over_age(&self.sub, claim).await
                    {
                        return Some(claim);
                    }
                }
                Ok(Next::Done) => self.finish().await,
                Ok(Next::Wait {
                    until: _,
                    read_from: Some(from),
                }) if self.read_on(from).await => {}
                Ok(Next::Wait { until, .. }) => {
                    tokio::select! {
                        () = woken => {}
                        () = self.wait_until(until) => {}
                        () = self.shared.closed.cancelled() => return None,
                    }
                }
                Err(error) => self.view_failed(&error),
            }
        }
    }

    async fn wait_until(&self, until: Option<Timestamp>) {
        match until {
            Some(until) => {
                tokio::time::sleep(until.until(self.shared.clock.now()).min(CLOCK_RECHECK)).await;
            }
            None => future::pending().await,
        }
    }

    /// Ends a side subscription that is through. When that cannot be stored it stays as it is, and is asked again.
    async fn finish(&self) {
        if let Err(error) = self.shared.finish_side(&self.sub).await {
            tracing::warn!(subscription = %self.sub.name, %error, "the end of a replay could not be stored");
            tokio::time::sleep(READ_ERROR_WAIT).await;
        }
    }

    fn claim(self: &Arc<Self>, stored: Arc<Stored>, progress: Progress) -> Claim {
        Claim::new(stored, progress, Arc::clone(self) as Arc<dyn Settler>)
    }

    fn view_failed(&self, error: &ViewError) {
        self.shared.halt(&error.to_string());
    }

    /// Loads a due retry's event and progress.
    async fn load_retry(self: &Arc<Self>, sequence: u64) -> Option<Claim> {
        let mut unclaimed = Unclaimed {
            sub: &self.sub,
            sequence: Some(sequence),
        };
        let stream = StreamId(self.sub.stream);
        let shared = Arc::clone(&self.shared);
        let id = self.sub.id;
        let loaded = tokio::task::spawn_blocking(move || {
            (
                shared.look(|view| view.retry(id, sequence)),
                shared.journal.get(stream, sequence),
            )
        });
        match loaded.await {
            Ok((Ok(Some(retry)), Ok(Some(record)))) => {
                if let Some(stored) = decode(&self.shared, record) {
                    unclaimed.sequence = None;
                    if let Some(since) = retry.since {
                        self.sub.note_since(sequence, since);
                    }
                    return Some(self.claim(Arc::new(stored), retry.progress));
                }
                unclaimed.sequence = None;
                self.unreadable(sequence, sequence, "its record does not decode");
            }
            Ok((Ok(None), _)) => {}
            Ok((Err(error), _)) => self.view_failed(&error),
            Ok((_, Ok(None))) => {
                unclaimed.sequence = None;
                self.unreadable(sequence, sequence, "it is not in the journal");
            }
            Ok((_, Err(journal::ReadError::Damaged { reason, .. }))) => {
                unclaimed.sequence = None;
                self.unreadable(sequence, sequence, &reason);
            }
            Ok((_, Err(error))) => {
                tracing::error!(%error, "an event could not be read; it is tried again");
                tokio::time::sleep(READ_ERROR_WAIT).await;
            }
            Err(error) => tracing::error!(%error, "loading an event was interrupted"),
        }
        None
    }

    /// Reads on from disk. `false` when there is nothing to read and the subscription has joined the tail.
    async fn read_on(self: &Arc<Self>, from: u64) -> bool {
        let bytes_max = if self.shared.memory.is_short() {
            LAG_READ_BYTES_MIN
        } else {
            LAG_READ_BYTES_MAX
        };
        let limit = ReadLimit {
            records_max: LAG_READ_EVENTS_MAX,
            bytes_max,
        };
        let stream = StreamId(self.sub.stream);
        let journal = self.shared.journal.clone();
        match tokio::task::spawn_blocking(move || journal.read(stream, from, limit)).await {
            Ok(Ok(records)) => {
                let Some(last) = records.last().map(|record| record.sequence) else {
                    if self.sub.side.is_some() {
                        self.sub.take_rest(from);
                        return true;
                    }
                    return self.pass_over_left(from) || !self.sub.try_join_tail();
                };
                let mut undecodable = Vec::new();
                let stored = records.into_iter().filter_map(|record| {
                    let sequence = record.sequence;
                    let stored = decode(&self.shared, record);
                    undecodable.extend(stored.is_none().then_some(sequence));
                    stored
                });
                let judge = Judge::new(&self.shared, &self.sub);
                let matched: Vec<_> = stored
                    .filter(|stored| judge.wants(stored))
                    .map(Arc::new)
                    .collect();
                self.sub.take_chunk(from, last, &matched);
                for sequence in undecodable {
                    self.shared.give_up_undecodable(&self.sub, sequence);
                }
                true
            }
            Ok(Err(journal::ReadError::Damaged { from: damaged, .. })) if damaged > from => {
                // What stands before the damage has left by retention.
                self.sub.take_chunk(from, damaged - 1, &[]);
                true
            }
            Ok(Err(journal::ReadError::Damaged { to, reason, .. })) => {
                // What is settled is not lost, and a retry is given up when it is due.
                for (first, last) in self.sub.open_within(from, to) {
                    self.unreadable(first, last, &reason);
                }
                self.sub.take_chunk(from, to, &[]);
                true
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "events could not be read; they are tried again");
                tokio::time::sleep(READ_ERROR_WAIT).await;
                true
            }
            Err(error) => {
                tracing::error!(%error, "reading events was interrupted");
                true
            }
        }
    }

    /// Passes over events that have left by retention, when nothing was read from here on. `false`: none has.
    fn pass_over_left(&self, from: u64) -> bool {
        let bounds = self.shared.journal.bounds(StreamId(self.sub.stream));
        let first = bounds.map_or(0, |bounds| bounds.first);
        if from < first {
            self.sub.take_chunk(from, first - 1, &[]);
        }
        from < first
    }

    /// Records that events cannot be delivered because the journal is damaged where they were.
    fn unreadable(&self, first: u64, last: u64, reason: &str) {
        let subscription = &self.sub.name;
        tracing::error!(%subscription, first, last, reason, "events cannot be read back and are given up");
        let stream = StreamId(self.sub.stream);
        self.shared.note_damaged(stream, first, last, reason);
        self.shared.settle_soon(Item {
            subscription: self.sub.id,
            sequence: last,
            covers: last - first,
            fate: Fate::Unreadable,
        });
    }

    fn item(&self, stored: &Stored, fate: impl FnOnce(Option<Key>, Option<Timestamp>) -> Fate) -> Item {
        let (covers, key, since) = self.sub.settling(stored);
        Item {
            subscription: self.sub.id,
            sequence: stored.position.sequence,
            covers,
            fate: fate(key, since),
        }
    }

    /// Takes a reply through its broker's door, with the settlement of its cause in the same frame.
    async fn settle_with_reply(self: Arc<Self>, item: Item, reply: Reply) -> Result<(), AppendError> {
        let unknown = || AppendError::UnknownBroker {
            broker: reply.broker.clone(),
        };
        let broker = self.shared.streams.by_name(&reply.broker).ok_or_else(unknown)?;
        let arrival = Arrival {
            broker,
            events: vec![reply.event],
            quarantined: Vec::new(),
            hops: reply.hops,
            purpose: Purpose::Upkeep,
            with: vec![StateRecord::Settlements(vec![item]).entry()],
            permit: None,
        };
        self.shared.take_in(arrival).await.map(drop)
    }

    fn dead_letter_entry(&self, cause: &Stored, letter: DeadLetter) -> Entry {
        let meta = DeadLetterMeta {
            broker: self.sub.broker.name.clone(),
            trigger: Some(self.sub.name.clone()),
            subscription: self.sub.trigger().id,
            cause: cause.position,
            reason: letter.reason,
            failure: letter.failure,
            attempts: letter.attempts,
            at: self.shared.clock.now(),
            side: self.sub.side.as_ref().map(|side| side.spec.name().to_string()),
            hops: Some(cause.hops),
        };
        dead_letter_entry(self.sub.broker.dead_letters, &meta, &letter.event)
    }

    /// The settlement, and what must be stored with it.
    fn entries(&self, stored: &Stored, settlement: Settlement) -> (With, Item) {
        let settled = |outcome| self.item(stored, |_, _| Fate::Settled(outcome));
        let key_of = |key: Option<Key>| key.unwrap_or_else(|| Key::of(&stored.event));
        let now = self.shared.clock.now();
        match settlement {
            Settlement::Delivered { outcome, reply } => {
                let with = reply.map_or(With::Nothing, With::Reply);
                (with, settled(outcome))
            }
            Settlement::RetryAt { at, progress } => {
                let progress = Box::new(progress);
                let fate = |key, _| match key {
                    None => Fate::Retry { at, progress },
                    Some(key) => Fate::Held {
                        key,
                        held: Held::Retry { at, progress },
                    },
                };
                (With::Nothing, self.item(stored, fate))
            }
            Settlement::Block { at, progress } => {
                let progress = Box::new(progress);
                let fate = |key, since: Option<Timestamp>| Fate::Held {
                    key: key_of(key),
                    held: Held::Blocked {
                        at,
                        since: since.unwrap_or(now),
                        progress,
                    },
                };
                (With::Nothing, self.item(stored, fate))
            }
            Settlement::Park { progress } => {
                let progress = Box::new(progress);
                let fate = |key, _| Fate::Held {
                    key: key_of(key),
                    held: Held::Parked { since: now, progress },
                };
                (With::Nothing, self.item(stored, fate))
            }
            Settlement::Expired => (With::Nothing, self.item(stored, |_, _| Fate::Expired)),
            Settlement::DeadLettered(letter) => (
                With::Letter(self.dead_letter_entry(stored, letter)),
                settled(Outcome::DeadLetterStore),
            ),
            Settlement::DeliveredReplyDeadLettered { outcome, dead_letter } => (
                With::Letter(self.dead_letter_entry(stored, dead_letter)),
                settled(outcome),
            ),
        }
    }
}

impl Settler for Place {
    fn settle(
        self: Arc<Self>,
        stored: Arc<Stored>,
        settlement: Settlement,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        if let Some(reason) = self.shared.halted() {
            return future::ready(Err(AppendError::Failed { reason })).boxed();
        }
        match self.entries(&stored, settlement) {
            (With::Nothing, item) => {
                if self.sub.is_ordered() {
                    self.shared.settle_now(item);
                } else {
                    self.shared.settle_soon(item);
                }
                future::ready(Ok(())).boxed()
            }
            (With::Reply(reply), item) => self.settle_with_reply(item, reply).boxed(),
            (With::Letter(entry), item) => {
                let entries = [entry, StateRecord::Settlements(vec![item]).entry()];
                let submitted = self.shared.submit(Purpose::Upkeep, entries, ());
                submitted.durable().map(|done| done.map(drop)).boxed()
            }
        }
    }

    fn release(&self, stored: &Arc<Stored>, _progress: Progress) {
        self.sub.release(stored.position.sequence, Some(stored));
        self.shared.tick();
    }
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        if let Some(sequence) = self.sequence {
            self.sub.release(sequence, None);
        }
    }
}
