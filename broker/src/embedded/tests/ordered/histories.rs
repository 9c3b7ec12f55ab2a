//! Seeded random histories of an ordered subscription against a model, with crashes, restarts, lost views, pauses,
//! dropped claims, every way to settle, and a rule by which events expire that comes and goes. A failing seed is named and replays.
//!
//! The model knows what was stored and what a consumer was told, and judges each claim:
//! - no other event of its key is out,
//! - nothing after it of its key was ever out (so that a repeat after a crash comes before anything new),
//! - everything stored before it of its key was settled, or was over age while the rule was in force,
//! - it is not over age itself while the rule is.

use std::collections::BTreeMap;

use fastrand::Rng;
use journal::sim::SimFs;

use super::*;
use crate::embedded::retention::Expiry;

/// How old an unsettled event may be while there is a rule, in milliseconds.
const AGE: u64 = 150;

const KEYS: [&str; 4] = ["", "a", "b", "c"];

/// What is known of the events of one key.
#[derive(Default)]
struct OfKey {
    /// Sequences that are known to be stored.
    stored: BTreeSet<u64>,
    /// When they were, by sequence.
    times: BTreeMap<u64, u64>,
    /// Were over age while the rule was in force: they may have expired.
    over_age: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    /// The last that ever was out.
    newest: u64,
    /// Was said to be settled just before a crash: it may come again or not.
    unsure: Option<u64>,
    out: Option<u64>,
}

impl OfKey {
    /// An event had its turn: what was before it of its key is settled.
    fn be_sure_before(&mut self, sequence: u64) {
        if let Some(unsure) = self.unsure.take()
            && unsure < sequence
        {
            self.settled.insert(unsure);
        }
    }
}

struct World {
    random: Rng,
    disk: SimFs,
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    model: BTreeMap<&'static str, OfKey>,
    claims: Vec<Claim>,
    next_id: u64,
    /// Whether events expire.
    has_rule: bool,
    expired: u64,
    said: String,
}

fn key_of(event: &Event) -> &'static str {
    let found = event.attribute("partitionkey").map_or("", |key| key.value);
    KEYS.into_iter().find(|key| *key == found).unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            disk: SimFs::new(),
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            model: KEYS.into_iter().map(|key| (key, OfKey::default())).collect(),
            claims: Vec::new(),
            next_id: 0,
            has_rule: false,
            expired: 0,
            said: format!("seed {seed}"),
        }
    }

    async fn open(&self) -> Embedded {
        let options = Options {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            segment_bytes: 256 * 1024,
            file_system: Arc::new(self.disk.clone()),
            ..Options::new(self.directory.path())
        };
        Embedded::open(options).await.unwrap().0
    }

    fn now(&self) -> u64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    async fn store(&mut self, engine: &Embedded) {
        let count = self.random.u64(1..8);
        let keys: Vec<_> = (0..count)
            .map(|_| KEYS[self.random.usize(..KEYS.len())])
            .collect();
        let events = keys.iter().zip(self.next_id..).map(|(key, id)| keyed(id, key));
        let stored = engine.append(&name("b"), batch(events.collect())).await;
        self.next_id += count;
        if let Ok(accepted) = stored {
            for (key, position) in keys.into_iter().zip(accepted.positions) {
                let (now, of_key) = (self.now(), self.model.get_mut(key).unwrap());
                let sequence = position.unwrap().sequence;
                of_key.stored.insert(sequence);
                of_key.times.insert(sequence, now);
            }
        }
    }

    /// Takes what comes, if anything comes soon.
    async fn claim(&mut self, subscription: &Arc<dyn Subscription>) {
        let soon = Duration::from_millis(2);
        let Ok(Some(claim)) = tokio::time::timeout(soon, subscription.next()).await else {
            return;
        };
        let sequence = claim.stored().position.sequence;
        let key = key_of(claim.event());
        let is_over_age = self.now() - claim.stored().accepted_at.0 > AGE;
        let (said, of_key) = (&self.said, self.model.get_mut(key).unwrap());
        assert!(
            !(self.has_rule && is_over_age),
            "{said}: {sequence} of key {key:?} is over age"
        );
        assert_eq!(
            of_key.out, None,
            "{said}: {sequence} of key {key:?} is out beside another"
        );
        assert!(
            sequence >= of_key.newest,
            "{said}: {sequence} of key {key:?} came again after {}",
            of_key.newest
        );
        of_key.be_sure_before(sequence);
        let before = of_key
            .stored
            .range(..sequence)
            .find(|other| !of_key.settled.contains(other) && !of_key.over_age.contains(other));
        assert_eq!(
            before, None,
            "{said}: {sequence} of key {key:?} came before another was settled"
        );
        of_key.newest = sequence;
        of_key.out = Some(sequence);
        of_key.stored.insert(sequence);
        of_key.times.insert(sequence, claim.stored().accepted_at.0);
        self.claims.push(claim);
    }

    async fn settle(&mut self, at_end: bool) {
        if self.claims.is_empty() {
            return;
        }
        let claim = self.claims.swap_remove(self.random.usize(..self.claims.len()));
        let sequence = claim.stored().position.sequence;
        let key = key_of(claim.event());
        let later = self.now() + self.random.u64(..40);
        let (settlement, is_final) = match self.random.u32(..if at_end { 50 } else { 100 }) {
            0..40 => (delivered(), true),
            40..50 => {
                let letter = DeadLetter {
                    reason: DeadLetterReason::Refused,
                    event: claim.event().clone(),
                    failure: None,
                    attempts: 1,
                };
                (Settlement::DeadLettered(letter), true)
            }
            50..70 => (retry_at(later, claim.progress().attempts + 1), false),
            70..77 => (block_until(later), false),
            77..84 => (park(), false),
            _ => {
                self.model.get_mut(key).unwrap().out = None;
                drop(claim);
                return;
            }
        };
        // Out no more as soon as it is said: the engine may hand out the next before we are told.
        let of_key = self.model.get_mut(key).unwrap();
        of_key.out = None;
        if is_final {
            of_key.settled.insert(sequence);
        }
        let settled = claim.settle(settlement).await;
        if settled.is_err() {
            self.model.get_mut(key).unwrap().settled.remove(&sequence);
        }
    }

    async fn release(&mut self, engine: &Embedded, skip: bool) {
        for held in engine.held_keys(&name("t"), 10).unwrap() {
            let key = held.key.clone().unwrap_or_default();
            let released = engine.release(&name("t"), held.key.as_deref(), skip).await;
            if let Ok(Released {
                sequence,
                skipped: true,
            }) = released
            {
                let of_key = self.model.get_mut(key.as_str()).unwrap();
                of_key.be_sure_before(sequence);
                of_key.settled.insert(sequence);
                of_key.newest = of_key.newest.max(sequence);
            }
        }
    }

    /// Notes what may expire from now on.
    fn note_over_age(&mut self) {
        let (now, has_rule) = (self.now(), self.has_rule);
        for of_key in self.model.values_mut().filter(|_| has_rule) {
            let old = of_key.times.iter().filter(|(_, at)| now - **at > AGE);
            of_key.over_age.extend(old.map(|(sequence, _)| *sequence));
        }
    }

    /// Puts the rule in force or takes it away, and looks for what is over age.
    fn expire(&mut self, engine: &Embedded) {
        self.has_rule = self.random.bool();
        let limit = self.has_rule.then_some((name("t"), Duration::from_millis(AGE)));
        engine.set_expiry(ExpiryRules {
            triggers: limit.into_iter().collect(),
            ..ExpiryRules::default()
        });
        self.note_over_age();
        let mut expiry = Expiry::new(Arc::clone(&engine.shared));
        for _ in 0..self.random.u32(0..3) {
            expiry.round().ok();
        }
    }

    /// One life: random doings, then an orderly end or a crash.
    async fn live(&mut self, steps: u32) {
        let engine = self.open().await;
        let mut subscription = attach_ordered(&engine).await;
        for _ in 0..steps {
            match self.random.u32(..100) {
                0..30 => self.store(&engine).await,
                30..65 => self.claim(&subscription).await,
                65..90 => self.settle(false).await,
                90..94 => {
                    let by = self.random.u64(1..60);
                    self.clock.0.fetch_add(by, Ordering::SeqCst);
                    self.note_over_age();
                }
                94 => self.expire(&engine),
                95..96 => {
                    let skip = self.random.bool();
                    self.release(&engine, skip).await;
                }
                96..98 => {
                    let pause = crate::Pause {
                        by: crate::PausedBy::Operator,
                        reason: String::new(),
                        at: Timestamp(0),
                    };
                    engine.pause(&name("t"), pause).await.unwrap();
                    self.settle(false).await;
                    engine.resume(&name("t")).await.unwrap();
                }
                _ => {
                    drop(subscription);
                    subscription = attach_ordered(&engine).await;
                }
            }
        }
        if self.random.bool() {
            self.disk.power_cut(self.random.u64(..));
        }
        engine.close().await;
        self.forget_claims();
        self.has_rule = false;
        drop((subscription, engine));
        if self.random.u32(..3) == 0 {
            std::fs::remove_dir_all(self.directory.path().join("view")).unwrap();
        }
    }

    /// The process is gone: what was out is not, and what was said last may not have been stored. Only the last of a
    /// key may not, since the next comes when it is.
    fn forget_claims(&mut self) {
        self.claims.clear();
        for of_key in self.model.values_mut() {
            of_key.out = None;
            if of_key.settled.remove(&of_key.newest) {
                of_key.unsure = Some(of_key.newest);
            }
        }
    }

    /// Everything that is left comes to an end.
    async fn end(&mut self) {
        let engine = self.open().await;
        let subscription = attach_ordered(&engine).await;
        while !subscription.status().is_idle() {
            self.clock.0.fetch_add(10_000, Ordering::SeqCst);
            self.release(&engine, false).await;
            for _ in 0..20 {
                self.claim(&subscription).await;
                self.settle(true).await;
            }
        }
        for (key, of_key) in &self.model {
            let unsettled = of_key.stored.difference(&of_key.settled);
            let lost: Vec<_> = unsettled
                .filter(|sequence| Some(**sequence) != of_key.unsure && !of_key.over_age.contains(sequence))
                .collect();
            assert!(lost.is_empty(), "{}: lost of key {key:?}: {lost:?}", self.said);
        }
        let status = subscription.status();
        let ended = status.delivered + status.dead_lettered + status.expired + status.unreadable;
        assert_eq!(ended, status.matched, "{}: {status:?}", self.said);
        self.expired = status.expired;
        engine.close().await;
    }
}

/// How many events expired in it.
async fn history(seed: u64) -> u64 {
    let mut world = World::new(seed);
    for _ in 0..world.random.u32(1..5) {
        let steps = world.random.u32(20..150);
        world.live(steps).await;
    }
    world.end().await;
    world.expired
}

#[tokio::test]
async fn each_key_is_delivered_in_its_order_and_whole_in_random_histories() {
    let (first, count) = match std::env::var("HEDDLE_ORDER_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (0, 40),
    };
    let mut expired = 0;
    for seed in first..first + count {
        expired += history(seed).await;
    }
    assert!(expired > 0 || count == 1, "the rule is part of it");
}
