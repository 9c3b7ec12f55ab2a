//! The trigger index: which subscriptions an event is for, at a cost that follows the matches.
//!
//! Each trigger is filed under one of the attribute values that its filter needs exactly, the one that fewest
//! triggers of its broker share, so that a lookup yields few candidates. An event costs one lookup for each attribute
//! that any trigger is filed under, and a whole evaluation of each candidate; triggers that need nothing exactly are
//! evaluated for every event.
//!
//! Invariant: the answer is that of evaluating every filter; filing only leaves out what cannot match.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use broker::{Matcher, Stored, SubscriptionId};
use schemas::event::Event;
use schemas::filter::{Facts, Filter};
use schemas::names::ResourceName;

/// The index that the engine asks; can be replaced while it is in use.
pub struct SharedIndex(ArcSwap<TriggerIndex>);

/// One generation of all triggers.
#[derive(Debug, Default)]
pub struct TriggerIndex {
    brokers: HashMap<ResourceName, BrokerIndex>,
    filters: HashMap<SubscriptionId, Arc<Filter>>,
}

#[derive(Debug, Default)]
struct BrokerIndex {
    /// Attribute, then value, then who needs it.
    filed: Vec<(String, HashMap<String, Vec<Entry>>)>,
    /// Who needs nothing exactly.
    unfiled: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: SubscriptionId,
    filter: Arc<Filter>,
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
        let mut by_broker: HashMap<ResourceName, Vec<Entry>> = HashMap::new();
        for (id, broker, filter) in triggers {
            let filter = Arc::new(filter);
            filters.insert(id, Arc::clone(&filter));
            by_broker.entry(broker).or_default().push(Entry { id, filter });
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
        for (attribute, values) in &index.filed {
            let candidates = event
                .attribute(attribute)
                .and_then(|found| values.get(found.value));
            report(candidates.map_or(&[], Vec::as_slice), &facts, on_match);
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
    fn new(entries: Vec<Entry>) -> Self {
        let mut shared: HashMap<(String, String), usize> = HashMap::new();
        for entry in &entries {
            for (attribute, value) in entry.filter.required_exact() {
                *shared
                    .entry((attribute.to_owned(), value.to_owned()))
                    .or_default() += 1;
            }
        }
        let mut filed: HashMap<String, HashMap<String, Vec<Entry>>> = HashMap::new();
        let mut unfiled = Vec::new();
        for entry in entries {
            match best(&entry.filter, &shared) {
                Some((attribute, value)) => {
                    filed
                        .entry(attribute)
                        .or_default()
                        .entry(value)
                        .or_default()
                        .push(entry);
                }
                None => unfiled.push(entry),
            }
        }
        Self {
            filed: filed.into_iter().collect(),
            unfiled,
        }
    }
}

/// The needed value that fewest triggers share; of equals, that of the attribute that triggers name most, so that few
/// attributes are looked up.
fn best(filter: &Filter, shared: &HashMap<(String, String), usize>) -> Option<(String, String)> {
    filter
        .required_exact()
        .map(|(attribute, value)| (attribute.to_owned(), value.to_owned()))
        .min_by_key(|needed| {
            (
                shared.get(needed).copied().unwrap_or_default(),
                rank(&needed.0),
                needed.clone(),
            )
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
        if entry.filter.holds(facts) {
            on_match(entry.id);
        }
    }
}

#[cfg(test)]
mod tests;
