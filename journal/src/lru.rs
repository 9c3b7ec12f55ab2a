//! A small map that forgets what was not used for longest when it grows over its bound.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values with a weight each; the sum of the weights stays at or under the bound, except that the newest value is
/// kept even when it alone is over it.
pub(crate) struct Lru<K, V> {
    weight_max: usize,
    weight: usize,
    clock: u64,
    entries: HashMap<K, Held<V>>,
    /// Last use to key, oldest first.
    uses: BTreeMap<u64, K>,
}

struct Held<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Lru<K, V> {
    pub(crate) fn new(weight_max: usize) -> Lru<K, V> {
        Lru {
            weight_max,
            weight: 0,
            clock: 0,
            entries: HashMap::new(),
            uses: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        let held = self.entries.get_mut(&key)?;
        self.clock += 1;
        self.uses.remove(&held.used);
        self.uses.insert(self.clock, key);
        held.used = self.clock;
        Some(held.value.clone())
    }

    /// Forgets the values whose keys are so.
    pub(crate) fn forget(&mut self, which: impl Fn(&K) -> bool) {
        let keys: Vec<K> = self.entries.keys().copied().filter(|key| which(key)).collect();
        keys.into_iter().for_each(|key| self.remove(key));
    }

    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(key);
        self.clock += 1;
        self.uses.insert(self.clock, key);
        self.entries.insert(
            key,
            Held {
                value,
                weight,
                used: self.clock,
            },
        );
        self.weight += weight;
        while self.weight > self.weight_max && self.entries.len() > 1 {
            if let Some((_, oldest)) = self.uses.pop_first() {
                self.remove(oldest);
            }
        }
    }

    fn remove(&mut self, key: K) {
        if let Some(held) = self.entries.remove(&key) {
            self.uses.remove(&held.used);
            self.weight -= held.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    #[test]
    fn the_value_not_used_for_longest_is_forgotten_first() {
        let mut lru = Lru::new(3);
        for key in [1, 2, 3] {
            lru.insert(key, key * 10, 1);
        }
        assert_eq!(lru.get(1), Some(10));
        lru.insert(4, 40, 1);
        assert_eq!(
            [1, 2, 3, 4].map(|key| lru.get(key)),
            [Some(10), None, Some(30), Some(40)]
        );
    }

    #[test]
    fn a_value_over_the_bound_stays_until_the_next_one_comes() {
        let mut lru = Lru::new(3);
        lru.insert(1, "big", 10);
        assert_eq!(lru.get(1), Some("big"));
        lru.insert(2, "small", 1);
        assert_eq!((lru.get(1), lru.get(2)), (None, Some("small")));
    }
}
