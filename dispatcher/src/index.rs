//! The trigger index: which subscriptions an event is for, at a cost that follows the matches.
//!
//! Each trigger is filed under what its filter needs of one attribute: a value, or how it starts or ends, or one of
//! several such keys. Of what there is to choose from, it is what fewest triggers of the broker share, so that a lookup yields
//! few candidates. An event costs a lookup for each attribute that any trigger is filed under, one more for each length of a
//! start or end, and a whole evaluation of each candidate; triggers that need nothing of the kind are evaluated for every event.
//!
//! Invariant: the answer is that of evaluating every filter; filing only leaves out what cannot match.

mod shelf;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use broker::{Matcher, Stored, SubscriptionId};
use schemas::event::Event;
use schemas::filter::{Facts, Filter, Key, KeySet};
use schemas::names::ResourceName;

use shelf::Shelf;

/// The index that the engine asks; can be replaced while it is in use.
pub struct SharedIndex(ArcSwap<TriggerIndex>);

/// A subscription and its filter.
type Filed = (SubscriptionId, Arc<Filter>);

/// One generation of all triggers.
#[derive(Debug, Default)]
pub struct TriggerIndex {
    brokers: HashMap<ResourceName, BrokerIndex>,
    filters: HashMap<SubscriptionId, Arc<Filter>>,
}

#[derive(Debug, Default)]
struct BrokerIndex {
    /// One for each attribute that triggers are filed under.
    shelves: Vec<Shelf>,
    /// Who needs nothing that could be looked up.
    unfiled: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: SubscriptionId,
    filter: Arc<Filter>,
    /// All keys that it is filed under, when these are several.
    keys: Arc<[Key]>,
    /// Under which of them it stands here.
    at: usize,
}

// === impl SharedIndex ===

impl SharedIndex {
    /// Starts with this generation.
    #[must_use]
    pub fn new(index: TriggerIndex) -> Self {
        Self(ArcSwap::from_pointee(index))
    }

    /// Replaces the generation. Matches that are under way finish on the old one.
    pub fn replace(&self, index: TriggerIndex) {
        self.0.store(Arc::new(index));
    }
}

impl Matcher for SharedIndex {
    fn match_all(
        &self,
        broker: &ResourceName,
        events: &[Arc<Stored>],
        on_match: &mut dyn FnMut(usize, SubscriptionId),
    ) {
        let index = self.0.load();
        for (at, stored) in events.iter().enumerate() {
            index.match_one(broker, &stored.event, &mut |id| on_match(at, id));
        }
    }

    fn matches(&self, subscription: SubscriptionId, event: &Event) -> bool {
        self.0.load().matches(subscription, event)
    }
}

// === impl TriggerIndex ===

impl TriggerIndex {
    /// An index of these triggers: subscription, broker, filter.
    #[must_use]
    pub fn new(triggers: impl IntoIterator<Item = (SubscriptionId, ResourceName, Filter)>) -> Self {
        let mut filters = HashMap::new();
        let mut by_broker: HashMap<ResourceName, Vec<Filed>> = HashMap::new();
        for (id, broker, filter) in triggers {
            let filter = Arc::new(filter);
            filters.insert(id, Arc::clone(&filter));
            by_broker.entry(broker).or_default().push((id, filter));
        }
        let brokers = by_broker
            .into_iter()
            .map(|(broker, entries)| (broker, BrokerIndex::new(entries)))
            .collect();
        Self { brokers, filters }
    }

    /// Calls `on_match` once for each subscription of the broker that the event is for, in no particular order.
    pub fn match_one(&self, broker: &ResourceName, event: &Event, on_match: &mut dyn FnMut(SubscriptionId)) {
        let Some(index) = self.brokers.get(broker) else {
            return;
        };
        let facts = Facts::new(event);
        for shelf in &index.shelves {
            if let Some(found) = event.attribute(&shelf.attribute) {
                shelf.candidates(found.value, &mut |entries| report(entries, &facts, on_match));
            }
        }
        report(&index.unfiled, &facts, on_match);
    }

    /// Whether the event is for this subscription. An unknown subscription matches nothing.
    #[must_use]
    pub fn matches(&self, subscription: SubscriptionId, event: &Event) -> bool {
        self.filters
            .get(&subscription)
            .is_some_and(|filter| filter.matches(event))
    }
}

// === impl BrokerIndex ===

impl BrokerIndex {
    fn new(triggers: Vec<Filed>) -> Self {
        let sets: Vec<Vec<KeySet>> = triggers.iter().map(|(_, filter)| filter.keys()).collect();
        let mut shared: HashMap<&Key, usize> = HashMap::new();
        for key in sets.iter().flatten().flatten() {
            *shared.entry(key).or_default() += 1;
        }
        let mut index = Self::default();
        let mut places = HashMap::new();
        for ((id, filter), sets) in triggers.into_iter().zip(&sets) {
            let mut entry = Entry {
                id,
                filter,
                keys: Arc::default(),
                at: 0,
            };
            let Some(keys) = best(sets, &shared) else {
                index.unfiled.push(entry);
                continue;
            };
            if keys.len() > 1 {
                entry.keys = keys.as_slice().into();
            }
            for (at, key) in keys.iter().enumerate() {
                let shelf = *places.entry(key.attribute.clone()).or_insert_with(|| {
                    index.shelves.push(Shelf::new(&key.attribute));
                    index.shelves.len() - 1
                });
                index.shelves[shelf].file(key, Entry { at, ..entry.clone() });
            }
        }
        index
    }
}

/// The set of keys that fewest triggers share; of equals, whole values before parts, then the attributes that triggers name
/// most, so that few attributes are looked up.
fn best<'k>(sets: &'k [KeySet], shared: &HashMap<&Key, usize>) -> Option<&'k KeySet> {
    sets.iter().min_by_key(|set| {
        let triggers: usize = set.iter().filter_map(|key| shared.get(key)).sum();
        let part = set.iter().map(|key| key.part).max();
        let rank = set.iter().map(|key| rank(&key.attribute)).max();
        (triggers, part, rank, *set)
    })
}

fn rank(attribute: &str) -> u8 {
    match attribute {
        "type" => 0,
        "source" => 1,
        "subject" => 2,
        _ => 3,
    }
}

fn report(candidates: &[Entry], facts: &Facts<'_>, on_match: &mut dyn FnMut(SubscriptionId)) {
    for entry in candidates {
        if entry.filter.holds(facts) && entry.is_first(facts.event()) {
            on_match(entry.id);
        }
    }
}

// === impl Entry ===

impl Entry {
    /// Whether the event shows none of the keys before this one: it is a candidate once for each that it shows.
    fn is_first(&self, event: &Event) -> bool {
        let shown = |key: &Key| {
            let found = event.attribute(&key.attribute);
            found.is_some_and(|found| key.holds(found.value))
        };
        !self.keys.iter().take(self.at).any(shown)
    }
}

#[cfg(test)]
mod tests;
