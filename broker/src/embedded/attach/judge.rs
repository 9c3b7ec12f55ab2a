//! Which events that are read from disk a subscription is to get.

use std::sync::Arc;

use schemas::filter::Filter;

use crate::embedded::shared::Shared;
use crate::embedded::subscription::Sub;
use crate::{Matcher, Stored, SubscriptionId};

/// Judges events that are read from disk, each by the filter of its time.
pub(super) struct Judge {
    id: SubscriptionId,
    matcher: Option<Arc<dyn Matcher>>,
    filters: Arc<Vec<(u64, Filter)>>,
    /// It runs beside a trigger: the matcher does not know it.
    is_side: bool,
}

impl Judge {
    pub(super) fn new(shared: &Shared, sub: &Sub) -> Self {
        Self {
            id: sub.id,
            matcher: shared.matcher(),
            filters: sub.filters(),
            is_side: sub.side.is_some(),
        }
    }

    /// Whether the subscription is to get an event.
    pub(super) fn wants(&self, stored: &Stored) -> bool {
        if self.is_side {
            let filter = self.filters.last();
            return filter.is_some_and(|(_, filter)| filter.matches(&stored.event));
        }
        let sequence = stored.position.sequence;
        if let [earlier @ .., (present_after, _)] = self.filters.as_slice()
            && sequence <= *present_after
            && let Some((_, filter)) = earlier.iter().rev().find(|(after, _)| *after < sequence)
        {
            return filter.matches(&stored.event);
        }
        let matcher = self.matcher.as_ref();
        matcher.is_some_and(|matcher| matcher.matches(self.id, &stored.event))
    }
}
