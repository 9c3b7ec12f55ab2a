//! An engine in memory that keeps the seam's contract: claims come again when dropped, retries never fire early.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use broker::Settler;
use broker::{
    Accepted, AppendError, Batch, Claim, Clock, DeadLetter, Engine, Failure, Matcher, Outcome, Pause,
    Position, Progress, Reply, Settlement, Stored, SubscribeError, Subscription, SubscriptionId,
    SubscriptionSpec, SubscriptionStatus, Timestamp,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use schemas::event::Event;
use schemas::names::ResourceName;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A clock that goes with tokio's, so that it can be paused.
#[derive(Debug)]
pub(crate) struct TokioClock(Instant);

/// See the module's header. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FakeEngine(Arc<Inner>);

/// A settlement as it was stored.
#[derive(Clone, Debug)]
pub(crate) enum Settled {
    Delivered { outcome: Outcome, reply: Option<Reply> },
    RetryAt { progress: Progress },
    Block,
    Park,
    DeadLettered(DeadLetter),
    ReplyLooped(DeadLetter),
    Expired,
}

struct Inner {
    clock: Arc<TokioClock>,
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    matcher: Option<Arc<dyn Matcher>>,
    brokers: HashMap<ResourceName, Vec<Arc<Stored>>>,
    subscriptions: Vec<Sub>,
    unknown: HashSet<ResourceName>,
    errors: VecDeque<AppendError>,
    fail_replies: Option<AppendError>,
    released: usize,
    matched_before_next: bool,
    closed: bool,
}

struct Sub {
    spec: SubscriptionSpec,
    ready: VecDeque<(Arc<Stored>, Progress)>,
    later: Vec<(Timestamp, Arc<Stored>, Progress)>,
    in_flight: u64,
    log: Vec<Settled>,
    paused: Option<Pause>,
}

struct Subscribed {
    inner: Arc<Inner>,
    id: usize,
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000).after(self.0.elapsed())
    }
}

impl FakeEngine {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            clock: Arc::new(TokioClock::new()),
            changed: Notify::new(),
            state: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    pub(crate) fn clock(&self) -> Arc<TokioClock> {
        Arc::clone(&self.0.clock)
    }

    /// Stores an event in `default/default` as ingress would.
    pub(crate) async fn publish(&self, event: Event) {
        let batch = Batch {
            events: vec![event],
            quarantined: Vec::new(),
            hops: 255,
            source_state: None,
            permit: None,
        };
        self.append(&"default/default".parse().unwrap(), batch)
            .await
            .unwrap();
    }

    /// What was settled for a trigger, in order.
    pub(crate) fn log(&self, trigger: &str) -> Vec<Settled> {
        self.0.state.lock().sub(trigger).log.clone()
    }

    /// Waits until the trigger's log has this many entries; fails the test when they do not come.
    pub(crate) async fn settled(&self, trigger: &str, count: usize) -> Vec<Settled> {
        self.until(|state| state.sub(trigger).log.len() >= count).await;
        self.log(trigger)
    }

    /// Waits until this many claims of a trigger are open.
    pub(crate) async fn in_flight(&self, trigger: &str, count: u64) {
        self.until(|state| state.sub(trigger).in_flight == count).await;
    }

    /// Events stored in a broker.
    pub(crate) fn stored(&self, broker: &str) -> Vec<Arc<Stored>> {
        let broker: ResourceName = broker.parse().unwrap();
        self.0
            .state
            .lock()
            .brokers
            .get(&broker)
            .cloned()
            .unwrap_or_default()
    }

    /// Lets a trigger go on, as a person would.
    pub(crate) fn resume(&self, trigger: &str) {
        self.0.state.lock().sub(trigger).paused = None;
        self.0.changed.notify_waiters();
    }

    /// Why a trigger is paused, once it is.
    pub(crate) async fn paused(&self, trigger: &str) -> Pause {
        self.until(|state| state.sub(trigger).paused.is_some()).await;
        self.0.state.lock().sub(trigger).paused.clone().unwrap()
    }

    /// Claims that were given back unsettled.
    pub(crate) fn released(&self) -> usize {
        self.0.state.lock().released
    }

    /// The next settlements fail with these.
    pub(crate) fn fail_next(&self, errors: impl IntoIterator<Item = AppendError>) {
        self.0.state.lock().errors.extend(errors);
    }

    /// Every settlement with a reply fails with this.
    pub(crate) fn fail_replies(&self, error: AppendError) {
        self.0.state.lock().fail_replies = Some(error);
    }

    /// A broker that is not declared.
    pub(crate) fn forget_broker(&self, broker: &str) {
        self.0.state.lock().unknown.insert(broker.parse().unwrap());
    }

    pub(crate) fn had_matcher_before_next(&self) -> bool {
        self.0.state.lock().matched_before_next
    }

    pub(crate) fn close(&self) {
        self.0.state.lock().closed = true;
        self.0.changed.notify_waiters();
    }

    async fn until(&self, holds: impl Fn(&mut State) -> bool) {
        let wait = async {
            loop {
                let changed = self.0.changed.notified();
                if holds(&mut self.0.state.lock()) {
                    return;
                }
                changed.await;
            }
        };
        // An hour: under paused time that is nothing, under real time the test runner is quicker.
        tokio::time::timeout(std::time::Duration::from_secs(36_000), wait)
            .await
            .expect("never happened");
    }
}

impl Engine for FakeEngine {
    fn append<'a>(
        &'a self,
        broker: &'a ResourceName,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Accepted, AppendError>> {
        let now = self.0.clock.now();
        let positions = self.0.state.lock().store(broker, batch.events, batch.hops, now);
        self.0.changed.notify_waiters();
        let positions = positions.into_iter().map(Some).collect();
        let accepted = Accepted {
            positions,
            duplicates: 0,
        };
        Box::pin(async move { Ok(accepted) })
    }

    fn subscribe(
        &self,
        spec: SubscriptionSpec,
    ) -> BoxFuture<'_, Result<Arc<dyn Subscription>, SubscribeError>> {
        let mut state = self.0.state.lock();
        let unknown = state.unknown.contains(&spec.broker);
        let subscribed = Subscribed {
            inner: Arc::clone(&self.0),
            id: state.subscriptions.len(),
        };
        let error = SubscribeError::UnknownBroker {
            broker: spec.broker.clone(),
            subscription: spec.name.clone(),
        };
        if !unknown {
            let (ready, later, log) = Default::default();
            state.subscriptions.push(Sub {
                spec,
                ready,
                later,
                in_flight: 0,
                log,
                paused: None,
            });
        }
        Box::pin(async move {
            if unknown {
                Err(error)
            } else {
                Ok(Arc::new(subscribed) as _)
            }
        })
    }

    fn set_matcher(&self, matcher: Arc<dyn Matcher>) {
        self.0.state.lock().matcher = Some(matcher);
    }

    fn source_state(&self, _key: &str) -> Option<Vec<u8>> {
        None
    }
}

impl Subscription for Subscribed {
    fn id(&self) -> SubscriptionId {
        SubscriptionId(self.id as u64)
    }

    fn next(&self) -> BoxFuture<'_, Option<Claim>> {
        Box::pin(async move {
            loop {
                let changed = self.inner.changed.notified();
                let due = match self.inner.take(self.id) {
                    Take::Claimed(stored, progress) => {
                        let settler = Subscribed {
                            inner: Arc::clone(&self.inner),
                            id: self.id,
                        };
                        return Some(Claim::new(stored, progress, Arc::new(settler)));
                    }
                    Take::Closed => return None,
                    Take::Later(due) => due,
                };
                let wait = due.map(|due| due.until(self.inner.clock.now()));
                match wait {
                    Some(wait) => {
                        let _ = tokio::time::timeout(wait, changed).await;
                    }
                    None => changed.await,
                }
            }
        })
    }

    fn pause(&self, pause: Pause) -> BoxFuture<'_, Result<(), AppendError>> {
        self.inner.state.lock().subscriptions[self.id].paused = Some(pause);
        self.inner.changed.notify_waiters();
        Box::pin(async { Ok(()) })
    }

    fn paused(&self) -> Option<Pause> {
        self.inner.state.lock().subscriptions[self.id].paused.clone()
    }

    fn status(&self) -> SubscriptionStatus {
        let mut state = self.inner.state.lock();
        let sub = &mut state.subscriptions[self.id];
        let delivered = sub
            .log
            .iter()
            .filter(|settled| matches!(settled, Settled::Delivered { .. }));
        SubscriptionStatus {
            delivered: delivered.count() as u64,
            ready: sub.ready.len() as u64,
            waiting_retry: sub.later.len() as u64,
            in_flight: sub.in_flight,
            ..SubscriptionStatus::default()
        }
    }

    fn idle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let changed = self.inner.changed.notified();
                if self.status().is_idle() {
                    return;
                }
                changed.await;
            }
        })
    }
}

impl Settler for Subscribed {
    fn settle(
        self: Arc<Self>,
        stored: Arc<Stored>,
        settlement: Settlement,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        Box::pin(async move {
            let result = self.inner.settle(self.id, stored, settlement);
            self.inner.changed.notify_waiters();
            result
        })
    }

    fn release(&self, stored: &Arc<Stored>, progress: Progress) {
        let mut state = self.inner.state.lock();
        state.released += 1;
        let sub = &mut state.subscriptions[self.id];
        sub.in_flight -= 1;
        sub.ready.push_front((Arc::clone(stored), progress));
        drop(state);
        self.inner.changed.notify_waiters();
    }
}

enum Take {
    Claimed(Arc<Stored>, Progress),
    Later(Option<Timestamp>),
    Closed,
}

impl Inner {
    fn take(&self, id: usize) -> Take {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if state.closed {
            return Take::Closed;
        }
        state.matched_before_next = state.matcher.is_some();
        let sub = &mut state.subscriptions[id];
        if sub.paused.is_some() {
            return Take::Later(None);
        }
        let due = sub.later.iter().position(|(at, ..)| *at <= now);
        if let Some(due) = due {
            let (_, stored, progress) = sub.later.remove(due);
            sub.ready.push_back((stored, progress));
        }
        let next = match sub.ready.pop_front() {
            Some((stored, progress)) => {
                sub.in_flight += 1;
                Take::Claimed(stored, progress)
            }
            None => Take::Later(sub.later.iter().map(|(at, ..)| *at).min()),
        };
        if matches!(next, Take::Claimed(..)) {
            self.changed.notify_waiters();
        }
        next
    }

    fn settle(&self, id: usize, stored: Arc<Stored>, settlement: Settlement) -> Result<(), AppendError> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if let Some(error) = state.errors.pop_front() {
            return Err(error);
        }
        let settled = match settlement {
            Settlement::Delivered { outcome, reply } => {
                if let Some(reply) = &reply {
                    state.store_reply(reply, now)?;
                }
                Settled::Delivered { outcome, reply }
            }
            Settlement::RetryAt { at, progress } => {
                state.subscriptions[id].later.push((at, stored, progress.clone()));
                Settled::RetryAt { progress }
            }
            Settlement::Block { at, progress } => {
                state.subscriptions[id].later.push((at, stored, progress));
                Settled::Block
            }
            Settlement::Park { .. } => Settled::Park,
            Settlement::Expired => Settled::Expired,
            Settlement::DeadLettered(letter) => Settled::DeadLettered(letter),
            Settlement::DeliveredReplyDeadLettered { dead_letter, .. } => Settled::ReplyLooped(dead_letter),
        };
        let sub = &mut state.subscriptions[id];
        sub.in_flight -= 1;
        sub.log.push(settled);
        Ok(())
    }
}

impl State {
    fn sub(&mut self, trigger: &str) -> &mut Sub {
        let name: ResourceName = trigger.parse().unwrap();
        self.subscriptions
            .iter_mut()
            .find(|sub| sub.spec.name == name)
            .expect("a subscription of that name")
    }

    fn store_reply(&mut self, reply: &Reply, now: Timestamp) -> Result<(), AppendError> {
        if let Some(error) = &self.fail_replies {
            return Err(error.clone());
        }
        if self.unknown.contains(&reply.broker) {
            return Err(AppendError::UnknownBroker {
                broker: reply.broker.clone(),
            });
        }
        self.store(&reply.broker, vec![reply.event.clone()], reply.hops, now);
        Ok(())
    }

    fn store(
        &mut self,
        broker: &ResourceName,
        events: Vec<Event>,
        hops: u8,
        now: Timestamp,
    ) -> Vec<Position> {
        let stream = self.brokers.entry(broker.clone()).or_default();
        let first = stream.len() as u64 + 1;
        let stored: Vec<Arc<Stored>> = (first..)
            .zip(events)
            .map(|(sequence, event)| {
                Arc::new(Stored::new(event, Position { stream: 1, sequence }, hops, now))
            })
            .collect();
        stream.extend(stored.iter().cloned());
        if let Some(matcher) = self.matcher.clone() {
            matcher.match_all(broker, &stored, &mut |at, id| {
                let ready = &mut self.subscriptions[usize::try_from(id.0).unwrap()].ready;
                ready.push_back((Arc::clone(&stored[at]), Progress::default()));
            });
        }
        stored.iter().map(|stored| stored.position).collect()
    }
}

impl Settled {
    /// The dead letter of an event that went to the store.
    pub(crate) fn dead_letter(&self) -> &DeadLetter {
        match self {
            Self::DeadLettered(letter) | Self::ReplyLooped(letter) => letter,
            other => panic!("not dead-lettered: {other:?}"),
        }
    }

    /// The failure kept with a retry.
    pub(crate) fn failure(&self) -> &Failure {
        match self {
            Self::RetryAt { progress, .. } => progress.failure.as_ref().expect("a failure"),
            Self::DeadLettered(letter) => letter.failure.as_ref().expect("a failure"),
            other => panic!("no failure: {other:?}"),
        }
    }
}
