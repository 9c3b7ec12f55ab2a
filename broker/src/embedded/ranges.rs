//! A set of sequences, kept as ranges: what one subscription has accounted for.
//!
//! Holds: ranges are disjoint, not adjacent, and in order; their number follows the gaps, not the members.

use std::collections::BTreeMap;

/// Sequences from 1 up, as inclusive ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// First to last, both inclusive.
    by_first: BTreeMap<u64, u64>,
}

impl Ranges {
    /// From stored pairs.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges = Self::default();
        for (first, last) in pairs {
            ranges.insert(first, last);
        }
        ranges
    }

    /// The ranges in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.by_first.iter().map(|(first, last)| (*first, *last))
    }

    /// Adds `first..=last`; an empty range adds nothing.
    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let (mut first, mut last) = (first, last);
        if let Some((&before_first, &before_last)) = self.by_first.range(..=first).next_back()
            && before_last.saturating_add(1) >= first
        {
            first = before_first;
            last = last.max(before_last);
        }
        while let Some((&next_first, &next_last)) = self.by_first.range(first..).next() {
            if next_first > last.saturating_add(1) {
                break;
            }
            last = last.max(next_last);
            self.by_first.remove(&next_first);
        }
        self.by_first.insert(first, last);
    }

    /// Whether `sequence` is in the set.
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        self.contains_all(sequence, sequence)
    }

    /// Whether all of `first..=last` is in the set.
    pub(crate) fn contains_all(&self, first: u64, last: u64) -> bool {
        let range = self.by_first.range(..=first).next_back();
        range.is_some_and(|(_, range_last)| *range_last >= last)
    }

    /// What of `from..=to` is not in the set.
    pub(crate) fn gaps(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut next = from;
        let before = self.by_first.range(..from).next_back();
        for (first, last) in before.into_iter().chain(self.by_first.range(from..)) {
            if *first > to || next > to {
                break;
            }
            if next < *first {
                gaps.push((next, first - 1));
            }
            next = next.max(last.saturating_add(1));
        }
        if next <= to {
            gaps.push((next, to));
        }
        gaps
    }

    /// The last of those that are in the set without a gap from `sequence` on; `None` when it is not in the set.
    pub(crate) fn end_of_range(&self, sequence: u64) -> Option<u64> {
        let (_, last) = self.by_first.range(..=sequence).next_back()?;
        (*last >= sequence).then_some(*last)
    }

    /// The last of the sequences that are in the set without a gap from 1 on; 0 when 1 is missing.
    pub(crate) fn floor(&self) -> u64 {
        self.by_first.get(&1).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_the_set_they_stand_for(inserts in prop::collection::vec((1_u64..60, 0_u64..8), 0..40)) {
            let mut ranges = Ranges::default();
            let mut model = BTreeSet::new();
            for (first, more) in inserts {
                ranges.insert(first, first + more);
                model.extend(first..=first + more);
            }
            for sequence in 1..80 {
                prop_assert_eq!(ranges.contains(sequence), model.contains(&sequence));
                let all = (sequence..sequence + 5).all(|sequence| model.contains(&sequence));
                prop_assert_eq!(ranges.contains_all(sequence, sequence + 4), all);
                let gaps = ranges.gaps(sequence, sequence + 4).into_iter();
                let missing: Vec<_> = gaps.flat_map(|(first, last)| first..=last).collect();
                let expected: Vec<_> = (sequence..sequence + 5).filter(|n| !model.contains(n)).collect();
                prop_assert_eq!(missing, expected);
                let end = (sequence..).take_while(|sequence| model.contains(sequence)).last();
                prop_assert_eq!(ranges.end_of_range(sequence), end);
            }
            let floor = (1..).take_while(|sequence| model.contains(sequence)).last().unwrap_or(0);
            prop_assert_eq!(ranges.floor(), floor);
            let pairs: Vec<_> = ranges.pairs().collect();
            prop_assert!(pairs.windows(2).all(|w| w[0].1 + 1 < w[1].0), "not merged: {:?}", pairs);
            prop_assert_eq!(Ranges::from_pairs(pairs), ranges);
        }
    }
}
